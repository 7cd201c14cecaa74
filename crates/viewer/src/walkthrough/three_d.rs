//! What is done in 3D views.

use anatome::TransferPoint;
use egui::{Key, Modifiers, PointerButton, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::{Study, click, drag, screenshot, seen, settle, view_rect, wait, window};
use crate::app::Viewer;
use crate::measure::{Kind, Place};
use crate::overlay::crop;
use crate::session::transfer_function_of;

/// A 3D view of the CT alone.
fn in_3d(study: &Study, size: [f32; 2]) -> Option<Harness<'static, Viewer>> {
    let mut harness = window(vec![study.path().join("ct")], size, 1.0)?;
    settle(&mut harness);
    harness.key_press_modifiers(Modifiers::ALT, Key::V);
    settle(&mut harness);
    Some(harness)
}

#[test]
fn distances_are_measured_between_places_that_are_seen() {
    let study = Study::made();
    let Some(mut harness) = in_3d(&study, [1280.0, 1100.0]) else { return };
    harness.key_press_modifiers(Modifiers::SHIFT, Key::D);
    settle(&mut harness);
    let middle = view_rect(&harness, 0).center();
    let places = [middle + vec2(0.0, -60.0), middle + vec2(0.0, 40.0)];
    let expected = places
        .map(|at| crate::pick::pick(&harness.state().seen(0).unwrap(), at).expect("nothing is seen there"));
    for at in places {
        click(&mut harness, at);
        settle(&mut harness);
    }
    let own = harness.state().session.measurements.last().unwrap().clone();
    assert!(matches!(own.place, Place::Space { .. }));
    assert_eq!((own.kind, own.points.as_slice()), (Kind::Distance, expected.as_slice()));
    let length = own.lengths()[0];
    // The breastbone is 100 points of the screen long there, and leans.
    let flat = 100.0 * harness.state().seen(0).unwrap().orbit_point_mm().unwrap();
    assert!(length >= flat && length < flat * 1.5, "{length} {flat}");
    harness.get_by_label_contains(&format!("{length:.1} mm"));
    screenshot(&mut harness, "distance-3d");

    // A point is dragged to what is seen elsewhere, and the view is not turned; where nothing is seen it stays.
    let before = harness.state().session.views.clone();
    let to = middle + vec2(10.0, 0.0);
    let place = crate::pick::pick(&harness.state().seen(0).unwrap(), to).expect("nothing is seen there");
    drag(&mut harness, places[1], to, PointerButton::Primary);
    settle(&mut harness);
    let points = |harness: &Harness<'_, Viewer>| harness.state().session.measurements[0].points.clone();
    assert_eq!(points(&harness), [expected[0], place]);
    assert_eq!(harness.state().session.views, before);
    let corner = view_rect(&harness, 0).left_bottom() + vec2(4.0, -150.0);
    assert_eq!(crate::pick::pick(&harness.state().seen(0).unwrap(), corner), None);
    drag(&mut harness, to, corner, PointerButton::Primary);
    settle(&mut harness);
    assert!(points(&harness)[1].is_finite());
    // By a click it is chosen, and deleted by a key.
    harness.get_by_label("Undo").click();
    settle(&mut harness);
    click(&mut harness, places[0]);
    harness.key_press(Key::Delete);
    settle(&mut harness);
    assert!(harness.state().session.measurements.is_empty());
    for _ in 0..2 {
        harness.get_by_label("Undo").click();
        settle(&mut harness);
    }
    assert_eq!(points(&harness), expected);
    harness.get_by_label("Undo").click();
    settle(&mut harness);
    assert!(harness.state().session.measurements.is_empty());
}

/// Nobody sees the picture from the front with the letters of the back.
#[test]
fn letters_are_those_of_the_picture_and_not_of_what_is_to_come() {
    let study = Study::made();
    let Some(mut harness) = in_3d(&study, [800.0, 560.0]) else { return };
    let letters = |harness: &Harness<'_, Viewer>| {
        let (right, _) = harness.state().seen(0).unwrap().named_axes().unwrap();
        anatome::orientation_letters(right)
    };
    assert_eq!(letters(&harness), "L");
    let side = crate::session::Side::Back;
    harness.state_mut().do_now(&crate::command::Command::Face { view: 0, side });
    assert_eq!(letters(&harness), "L");
    settle(&mut harness);
    assert_eq!(letters(&harness), "R");
}

#[test]
fn the_crop_box_is_dragged_in_3d_and_on_planes() {
    let study = Study::made();
    let Some(mut harness) = in_3d(&study, [1280.0, 1100.0]) else { return };
    harness.key_press(Key::F2);
    settle(&mut harness);
    let whole = seen(&harness, 3);
    harness.key_press(Key::B);
    settle(&mut harness);
    let crop = |harness: &Harness<'_, Viewer>| harness.state().session.views[3].look.region.crop;
    let handle = |harness: &Harness<'_, Viewer>, view: usize, face: usize| {
        let seen = harness.state().seen(view).unwrap();
        crop::handles(&seen).into_iter().find(|own| own.face == face).unwrap().at
    };
    // In the axial plane, the patient's left side: 40 points to the middle.
    let from = handle(&harness, 0, 1);
    let mm = harness.state().seen(0).unwrap().map().unwrap().point_mm();
    let grid = harness.state().document.grid(harness.state().session.views[0].series.unwrap()).unwrap();
    let (low, high) = crate::session::bounds_mm(grid);
    drag(&mut harness, from, from - vec2(40.0, 0.0), PointerButton::Primary);
    settle(&mut harness);
    let found = crop(&harness).unwrap();
    assert!((found.max_mm.x - (high.x - 40.0 * mm)).abs() < mm, "{} {}", found.max_mm.x, high.x);
    assert_eq!(found.min_mm, low);

    // In 3D, the head's side: down.
    let from = handle(&harness, 3, 5);
    let mm = harness.state().seen(3).unwrap().orbit_point_mm().unwrap();
    drag(&mut harness, from, from + vec2(0.0, 30.0), PointerButton::Primary);
    settle(&mut harness);
    let found = crop(&harness).unwrap();
    assert!((found.max_mm.z - (high.z - 30.0 * mm)).abs() < mm, "{} {}", found.max_mm.z, high.z);
    assert_ne!(seen(&harness, 3), whole);
    screenshot(&mut harness, "crop-box");
    for _ in 0..2 {
        harness.get_by_label("Undo").click();
        settle(&mut harness);
    }
    assert_eq!(crop(&harness), None);
    assert_eq!(seen(&harness, 3), whole);

    // A plane that cuts, by its button; and back.
    harness.state_mut().push(crate::command::Command::Activate { view: 3 });
    settle(&mut harness);
    harness.get_by_label("Cut at coronal").click();
    settle(&mut harness);
    assert_eq!(harness.state().session.views[3].look.region.clip_planes.len(), 1);
    assert_ne!(seen(&harness, 3), whole);
    screenshot(&mut harness, "cut");
    harness.get_by_label("All of it").click();
    settle(&mut harness);
    assert_eq!(seen(&harness, 3), whole);
}

#[test]
fn presets_show_the_volume_and_a_turn_is_saved() {
    let study = Study::made();
    let folder = tempfile::tempdir().unwrap();
    let Some(mut harness) = in_3d(&study, [800.0, 560.0]) else { return };
    let names: Vec<String> = {
        let viewer = harness.state();
        let defaults = viewer.document.defaults(viewer.session.views[0].series.unwrap()).unwrap();
        defaults.renderings.keys().cloned().collect()
    };
    // Those of CT, and of nothing else.
    assert_eq!(names, ["bone", "lung", "muscle-bone", "skin", "soft-tissue", "vessels"]);
    let count = names.len();
    wait(&mut harness, "presets have no pictures", |viewer| viewer.presets.len() == count);
    screenshot(&mut harness, "presets");
    let before = seen(&harness, 0);
    harness.get_by_label("lung").click();
    settle(&mut harness);
    assert_eq!(harness.state().session.views[0].look.preset.as_deref(), Some("lung"));
    assert_ne!(seen(&harness, 0), before);

    harness.key_press_modifiers(Modifiers::COMMAND, Key::T);
    settle(&mut harness);
    screenshot(&mut harness, "turn");
    let path = folder.path().join("turn");
    let turn = |count| {
        let (size, format) = (crate::pictures::Size::Screen, anatome::PictureFormat::Png);
        crate::turntable::Turn { folder: path.display().to_string(), count, size, format, replace: true }
    };
    harness.state_mut().dialog = Some(crate::dialogs::Dialog::Turn(turn(4)));
    settle(&mut harness);
    harness.get_by_label("Save").click();
    wait(&mut harness, "the turn is not told", |viewer| {
        viewer.message.as_ref().is_some_and(|(text, _)| text == "The turn of 4 pictures is saved.")
    });
    // The first is what is seen.
    let first = image::open(path.join("turn-001.png")).unwrap().into_rgb8();
    let shown = seen(&harness, 0);
    let pixels: Vec<u8> = shown.pixels.iter().flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()]).collect();
    assert_eq!(*first.as_raw(), pixels);
    assert_ne!(image::open(path.join("turn-003.png")).unwrap().into_rgb8(), first);

    harness.state_mut().turn(&turn(500));
    harness.step();
    harness.get_by_label("Cancel").click();
    wait(&mut harness, "the turn is not cancelled", |viewer| {
        viewer.message.as_ref().is_some_and(|(text, _)| text.contains("cancelled after"))
    });
    assert!(!path.join("turn-500.png").exists());
}

/// A point of a transfer function is chosen, set, added and removed by keys, too.
#[test]
fn points_of_a_transfer_function_have_numbers() {
    let study = Study::made();
    let Some(mut harness) = in_3d(&study, [1280.0, 1100.0]) else { return };
    let points = |harness: &Harness<'_, Viewer>| {
        let viewer = harness.state();
        let own = &viewer.session.views[0];
        let defaults = viewer.document.defaults(own.series.unwrap()).unwrap();
        transfer_function_of(&own.look, defaults).unwrap().points().to_vec()
    };
    let typed = |harness: &mut Harness<'_, Viewer>, label: &str, text: &str| {
        harness.get_by_label(label).focus();
        settle(harness);
        // Key by key: what is typed counts when it is typed to its end.
        for letter in text.chars() {
            harness.get_by_label(label).type_text(&letter.to_string());
            harness.step();
        }
        harness.key_press(Key::Enter);
        settle(harness);
    };
    let (before, picture) = (points(&harness), seen(&harness, 0));
    let value = before[0].value.midpoint(before[1].value).round();
    typed(&mut harness, "Point", "2");
    typed(&mut harness, "Value", &value.to_string());
    typed(&mut harness, "Opacity a mm", "0.25");
    screenshot(&mut harness, "transfer-point");
    let now = points(&harness);
    assert_eq!((now[1].value, now[1].opacity_per_mm), (value, 0.25));
    assert_eq!((now[0], &now[2..], now[1].color), (before[0], &before[2..], before[1].color));
    assert_ne!(seen(&harness, 0), picture);
    // One after it, which is chosen then; and away with it.
    harness.get_by_label("Add").click();
    settle(&mut harness);
    let more = points(&harness);
    assert_eq!((more.len(), more[2].value), (now.len() + 1, now[1].value.midpoint(now[2].value)));
    harness.get_by_label("Remove").click();
    settle(&mut harness);
    assert_eq!(points(&harness), now);
    // It can not pass its neighbours.
    typed(&mut harness, "Value", "99999");
    assert_eq!(points(&harness)[1].value, now[2].value);
    // All of them, as one step that is undone; and a field that is only passed changes nothing.
    let before = points(&harness);
    typed(&mut harness, "Shift all by", "-20.4");
    let by = |points: &[TransferPoint]| {
        points.iter().zip(&before).all(|(own, before)| own.value == before.value - 20.4)
    };
    assert!(by(&points(&harness)), "{:?}", points(&harness));
    for label in ["Point", "Value", "Opacity a mm", "Shift all by"] {
        harness.get_by_label(label).focus();
        settle(&mut harness);
    }
    harness.key_press(Key::Escape);
    settle(&mut harness);
    assert!(by(&points(&harness)), "{:?}", points(&harness));
    harness.get_by_label("Undo").click();
    settle(&mut harness);
    assert_eq!(points(&harness), before);
}

/// For a second screen. The harness has one window: there the other lies in it.
#[test]
fn a_view_has_a_window_of_its_own() {
    let study = Study::made();
    let Some(mut harness) = in_3d(&study, [1280.0, 1100.0]) else { return };
    harness.key_press(Key::F2);
    settle(&mut harness);
    harness.state_mut().push(crate::command::Command::Activate { view: 3 });
    settle(&mut harness);
    let before = view_rect(&harness, 3);
    harness.key_press(Key::F6);
    settle(&mut harness);
    assert_eq!(harness.state().session.aside, Some(3));
    let own = view_rect(&harness, 3);
    assert_ne!(own.size(), before.size());
    let picture = seen(&harness, 3);
    assert_eq!(picture.size, [own.width().round() as usize, own.height().round() as usize]);
    screenshot(&mut harness, "second-window");

    // The pointer does there what it does anywhere, and a drag is one step to undo.
    drag(&mut harness, own.center(), own.center() + vec2(80.0, 20.0), PointerButton::Primary);
    settle(&mut harness);
    assert_ne!(seen(&harness, 3), picture);
    // The window may lie over the button.
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    settle(&mut harness);
    assert_eq!(seen(&harness, 3), picture);
    harness.key_press(Key::F6);
    settle(&mut harness);
    assert_eq!((harness.state().session.aside, view_rect(&harness, 3)), (None, before));
}
