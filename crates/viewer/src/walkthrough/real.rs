//! Real images: PET over CT, stacks, colour, MR of an oblique acquisition.

use egui::{Key, Modifiers, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use glam::{DVec2, DVec3};

use super::{screenshot, settle, view_rect, wait, window};
use crate::app::Viewer;
use crate::command::Command;
use crate::document::{Entry, Kind};
use crate::measure::{Kind as Measured, Place};
use crate::session::{Content, SeriesId};

/// What the windows are called that are offered for a series.
fn viewer_presets(harness: &egui_kittest::Harness<'_, Viewer>, series: SeriesId) -> Vec<String> {
    harness.state().presets_of(series).into_iter().map(|preset| preset.name).collect()
}

#[test]
fn a_real_pet_lies_over_its_ct_in_suv() {
    let Some(study) = anatome_testkit::shared_data("petct-acrin042.zip") else { return };
    let Some(mut harness) = window(vec![study], [1600.0, 1000.0], 1.0) else { return };
    settle(&mut harness);
    let viewer = harness.state();
    assert!(viewer.session.views[0].overlay.is_some());
    let pet =
        viewer.document.entries().iter().find(|entry| entry.facts.modality == anatome::Modality::Pt).unwrap();
    let pet = pet.id;
    let volume = &harness.state().document.whole(pet).unwrap().volume;
    assert_eq!(volume.mapping().unit, anatome::Unit::SuvBodyWeight);
    let (_, most) = volume.value_range().unwrap();
    assert!((most - 51.09).abs() < 0.05, "{most}");
    screenshot(&mut harness, "real-petct");
    // Its windows are the usual ones of SUV; those of a CT are not offered for it.
    let names = |series| viewer_presets(&harness, series);
    assert_eq!(names(pet), ["SUV 0 to 5", "SUV 0 to 7", "SUV 0 to 10", "SUV 0 to 15"]);
    // The value under the pointer is told of both.
    let rect = view_rect(&harness, 0);
    harness.hover_at(rect.center() + vec2(12.0, 20.0));
    settle(&mut harness);
    let hover = harness.state().interaction.hover.clone().unwrap();
    assert!(hover.text.iter().any(|line| line.ends_with("HU")), "{hover:?}");
    assert!(hover.text.iter().any(|line| line.ends_with("SUVbw")), "{hover:?}");
}

/// The first image is the topmost, as its file says, and what follows it lies below.
#[test]
fn a_real_ct_is_read_in_the_order_of_its_images() {
    let Some(study) = anatome_testkit::shared_data("petct-acrin042.zip") else { return };
    let Some(mut harness) = window(vec![study], [1600.0, 1000.0], 1.0) else { return };
    settle(&mut harness);
    let has = |harness: &egui_kittest::Harness<'_, Viewer>, view: usize, expected: &str| {
        let viewer = harness.state();
        let lines = crate::viewport::written(&viewer.seen(view).unwrap(), &viewer.interaction);
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:?}");
    };
    for (key, image, place) in [
        (Key::Home, "1 / 135", "H 78.0 mm"),
        (Key::ArrowDown, "2 / 135", "H 74.7 mm"),
        (Key::PageDown, "12 / 135", "H 42.0 mm"),
        (Key::End, "135 / 135", "F 360.2 mm"),
        (Key::ArrowUp, "134 / 135", "F 356.9 mm"),
    ] {
        harness.key_press(key);
        settle(&mut harness);
        has(&harness, 0, image);
        has(&harness, 0, place);
    }
    screenshot(&mut harness, "real-image-numbers");
    // Where the pointer is on a plane it has that plane's coordinate.
    let rect = view_rect(&harness, 1);
    harness.hover_at(rect.center() + vec2(12.0, 20.0));
    settle(&mut harness);
    let viewer = harness.state();
    let at = viewer.session.spaces[0].center_mm;
    let place = crate::session::position(at, DVec3::Y);
    has(&harness, 1, &place);
    let hover = &harness.state().interaction.hover.as_ref().unwrap().text[0];
    assert!(hover.contains(place.trim_end_matches(" mm")), "{hover} {place}");
}

/// Slices that lean, and stand unevenly, are marked before anything of them is loaded; a click tells all.
#[test]
fn odd_geometry_is_marked_and_told() {
    let Some(study) = anatome_testkit::shared_data("geometry.zip") else { return };
    let Some(mut harness) = window(vec![study], [1280.0, 1000.0], 1.0) else { return };
    settle(&mut harness);
    let viewer = harness.state();
    let tilted = |entry: &&Entry| entry.facts.notes.iter().any(|note| note.text.contains("tilt"));
    let entry = viewer.document.entries().iter().find(tilted).unwrap();
    let text = entry.facts.notes.iter().find(|note| note.text.contains("tilt")).unwrap().text.clone();
    let number = entry.facts.number.unwrap();
    harness.get_by_label_contains(&format!("Notes of Series {number},")).click();
    settle(&mut harness);
    harness.get_by_label_contains(&text);
    screenshot(&mut harness, "real-notes");
}

/// While only a slice of the PET is there, nothing is told in another unit or window than that of the whole.
#[test]
fn a_pet_has_its_unit_and_window_from_the_first_slice_on() {
    let Some(study) = anatome_testkit::shared_data("petct-acrin042.zip") else { return };
    let Some(mut harness) = window(vec![study], [1000.0, 700.0], 1.0) else { return };
    let pet = |viewer: &Viewer| {
        let entries = viewer.document.entries();
        entries.iter().find(|entry| entry.facts.modality == anatome::Modality::Pt).map(|entry| entry.id)
    };
    let of = |viewer: &Viewer| {
        let defaults = viewer.document.defaults(pet(viewer)?)?;
        Some((defaults.unit.clone(), defaults.voi(false).clone()))
    };
    let mut first = None;
    wait(&mut harness, "no PET", |viewer| {
        // Over the CT there is nothing before all of it is there.
        let id = pet(viewer);
        let whole = id.and_then(|id| viewer.document.whole(id));
        let over = viewer.session.views.iter().filter(|view| view.overlay.is_some());
        for view in over {
            let passes = crate::session::passes(&viewer.session, view, &viewer.document, 1.0);
            assert!(passes.is_none_or(|passes| passes.len() == 1 || whole.is_some()));
        }
        first = first.take().or_else(|| of(viewer));
        whole.is_some()
    });
    assert_eq!(first, of(harness.state()));
    assert_eq!(first.unwrap().0, anatome::Unit::SuvBodyWeight);
}

/// A window with a stack of 30 frames, where the data is.
fn stack() -> Option<(egui_kittest::Harness<'static, Viewer>, SeriesId)> {
    let study = anatome_testkit::shared_data("syntaxes.zip")?;
    let mut harness = window(vec![study], [1280.0, 800.0], 1.0)?;
    settle(&mut harness);
    let cine = |entry: &&Entry| entry.facts.kind == Kind::Stack && entry.facts.shape == Some([30, 240, 320]);
    let series = harness.state().document.entries().iter().find(cine).unwrap().id;
    harness.state_mut().push(Command::Show { view: 0, series, content: None });
    settle(&mut harness);
    Some((harness, series))
}

#[test]
fn frames_of_a_stack_are_paged_and_played() {
    let Some((mut harness, _)) = stack() else { return };
    screenshot(&mut harness, "real-stack");
    let frame = |viewer: &Viewer| match viewer.session.views[0].content {
        Content::Frame(own) => own.frame,
        _ => panic!("no frame"),
    };
    assert_eq!(frame(harness.state()), 0);
    let seen = |harness: &egui_kittest::Harness<'_, Viewer>| {
        let seen = harness.state().seen(0).unwrap();
        (seen.frame().map(|frame| frame.number), seen.map().is_some())
    };
    assert_eq!(seen(&harness), (Some(0), true));
    // As long as another is drawn there are no places on it, and no values.
    harness.state_mut().do_now(&Command::GoTo { view: 0, frame: 10 });
    assert_eq!(seen(&harness), (None, false));
    settle(&mut harness);
    assert_eq!(seen(&harness), (Some(10), true));
    // It is turned and mirrored as it is seen, and says so; to fit it does not turn it back.
    let rotated = |harness: &egui_kittest::Harness<'_, Viewer>| {
        let viewer = harness.state();
        let seen = viewer.seen(0).unwrap();
        let lines = crate::viewport::written(&seen, &viewer.interaction);
        (seen.map().unwrap().plane.right, lines.iter().any(|line| line.ends_with("mirrored, rotated 270°")))
    };
    assert_eq!(rotated(&harness), (DVec3::X, false));
    let before = super::seen(&harness, 0);
    for key in [Key::R, Key::M] {
        harness.key_press_modifiers(Modifiers::COMMAND, key);
        settle(&mut harness);
    }
    harness.key_press(Key::F);
    settle(&mut harness);
    assert_eq!(rotated(&harness), (DVec3::Y, true));
    assert_ne!(before, super::seen(&harness, 0));
    screenshot(&mut harness, "real-stack-turned");
    harness.key_press(Key::Space);
    wait(&mut harness, "it does not play", |viewer| frame(viewer) != 10);
    // As fast as its file says: 33.333 ms a frame.
    let rate = harness.state().interaction.cine.unwrap().frames_per_s;
    assert!((rate - 1000.0 / 33.333).abs() < 1e-9, "{rate}");
    harness.key_press(Key::Space);
    settle(&mut harness);
    assert!(harness.state().interaction.cine.is_none());
}

#[test]
fn on_frames_measurements_are_gone_to_and_drawn_by_keys() {
    let Some((mut harness, series)) = stack() else { return };
    // What was measured on another frame is gone to, and all of that frame is shown.
    let measure = Command::Measure {
        kind: Measured::Length,
        place: Place::Frame { series, frame: 10 },
        points: vec![DVec3::new(2.0, 3.0, 0.0), DVec3::new(20.0, 3.0, 0.0)],
        text: String::new(),
    };
    let away = Command::Zoom { view: 0, factor: 6.0, about_mm: DVec2::ZERO };
    let next = Command::GoTo { view: 0, frame: 12 };
    harness.state_mut().commands.extend([measure, away, next]);
    settle(&mut harness);
    for zoom in [1.0, 0.9] {
        harness.get_by_label("Length 1").click_accesskit();
        settle(&mut harness);
        let seen = harness.state().seen(0).unwrap();
        let (map, own) = (seen.map().unwrap(), seen.measurements().next().expect("it is on this frame"));
        assert!(own.points.iter().all(|&at| seen.rect.contains(map.screen(at))));
        // Where it is seen, the picture stays.
        assert_eq!(seen.view.framing.zoom, zoom);
        harness.state_mut().push(Command::Zoom { view: 0, factor: 0.9, about_mm: DVec2::ZERO });
        settle(&mut harness);
    }

    // Keys measure from what comes to the middle of the view.
    harness.key_press(Key::L);
    settle(&mut harness);
    let under = |harness: &egui_kittest::Harness<'_, Viewer>| {
        let seen = harness.state().seen(0).unwrap();
        seen.map().unwrap().patient_mm(seen.rect.center())
    };
    let mut ends = Vec::new();
    for key in [Key::ArrowRight, Key::ArrowLeft] {
        harness.key_press_modifiers(Modifiers::SHIFT, key);
        settle(&mut harness);
        ends.push(under(&harness));
        harness.key_press(Key::Q);
        settle(&mut harness);
    }
    assert_ne!(ends[0], ends[1]);
    assert_eq!(harness.state().session.measurements.last().unwrap().points, ends);
}

/// Phases of one volume are shown one after the other in place, in one window.
#[test]
fn phases_of_a_dynamic_series_are_played() {
    let Some(study) = anatome_testkit::shared_data("4d-prostatex-dce.zip") else { return };
    let Some(mut harness) = window(vec![study], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    harness.key_press(Key::F2);
    settle(&mut harness);
    let shown = |viewer: &Viewer| viewer.session.views[0].series.unwrap();
    let first = shown(harness.state());
    let phases = harness.state().document.phases(first);
    assert!(phases.len() > 2, "{phases:?}");
    let voi = {
        let document = &harness.state().document;
        document.defaults(first).unwrap().voi(false).clone()
    };
    harness.key_press(Key::Period);
    settle(&mut harness);
    let at = phases.iter().position(|id| *id == first).unwrap();
    let second = phases[(at + 1) % phases.len()];
    let viewer = harness.state();
    assert!(viewer.session.views.iter().all(|view| view.series == Some(second)));
    assert_eq!(viewer.session.views[0].look.voi.as_ref(), Some(&voi));
    assert!(
        viewer.canvases.iter().all(|canvas| canvas.shown.as_ref().is_some_and(|own| own.series == second))
    );
    screenshot(&mut harness, "real-phases");
    harness.key_press(Key::Space);
    let count = phases.len();
    let mut seen = Vec::new();
    wait(&mut harness, "not all phases are played", |viewer| {
        // No view is ever without a picture.
        assert!(viewer.canvases.iter().all(|canvas| canvas.shown.is_some()));
        let id = shown(viewer);
        if seen.last() != Some(&id) {
            seen.push(id);
        }
        seen.len() > count.min(6)
    });
    let order: Vec<usize> = seen.iter().map(|id| phases.iter().position(|own| own == id).unwrap()).collect();
    assert!(order.windows(2).all(|pair| pair[1] == (pair[0] + 1) % count), "{order:?}");
    harness.key_press(Key::Space);
    settle(&mut harness);
    harness.key_press(Key::Comma);
    settle(&mut harness);
}

/// Colours have no window: what would change one is grey, and tells why; so do its keys and drags.
#[test]
fn what_has_no_window_says_so() {
    let Some(study) = anatome_testkit::shared_data("syntaxes.zip") else { return };
    let Some(mut harness) = window(vec![study], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    let stacks = harness.state().document.entries().iter().filter(|entry| entry.facts.kind == Kind::Stack);
    let stacks: Vec<_> = stacks.map(|entry| entry.id).collect();
    let mut seen = [false; 2];
    for series in stacks {
        harness.state_mut().push(Command::Show { view: 0, series, content: None });
        settle(&mut harness);
        let Some(frame) = harness.state().active_seen().and_then(|seen| seen.drawn_frame()) else { continue };
        let is_color = frame.is_color();
        if std::mem::replace(&mut seen[usize::from(is_color)], true) {
            continue;
        }
        for control in ["Window", "Auto", "Invert"] {
            assert_eq!(harness.get_by_label(control).accesskit_node().is_disabled(), is_color, "{control}");
        }
        for control in ["Pan", "Fit", "1:1"] {
            assert!(!harness.get_by_label(control).accesskit_node().is_disabled(), "{control}");
        }
        let is_told = |harness: &mut egui_kittest::Harness<'_, Viewer>| {
            settle(harness);
            let told = harness.state_mut().message.take();
            told.is_some_and(|(text, _)| text == "Colours are shown as they are: they have no window")
        };
        for (modifiers, key) in [
            (Modifiers::NONE, Key::I),
            (Modifiers::NONE, Key::A),
            (Modifiers::NONE, Key::Num1),
            (Modifiers::SHIFT, Key::C),
            (Modifiers::COMMAND, Key::ArrowUp),
        ] {
            harness.key_press_modifiers(modifiers, key);
            assert_eq!(is_told(&mut harness), is_color, "{key:?}");
        }
        let middle = view_rect(&harness, 0).center();
        let look = harness.state().session.views[0].look.clone();
        super::drag(&mut harness, middle, middle + vec2(40.0, 0.0), egui::PointerButton::Primary);
        assert_eq!(is_told(&mut harness), is_color);
        assert_eq!(harness.state().session.views[0].look == look, is_color);
        if is_color {
            harness.get_by_label("Auto").hover();
            harness.run_steps(60);
            screenshot(&mut harness, "real-colours");
        }
    }
    assert_eq!(seen, [true; 2]);
}
