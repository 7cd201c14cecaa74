//! What is reached without a pointer.

use egui::{Key, Modifiers, PointerButton};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use glam::DVec3;

use super::{Study, drag, screenshot, seen, settle, view_rect, window};
use crate::app::Viewer;
use crate::command::Command;
use crate::measure::Kind;
use crate::panels::Part;
use crate::session::{Content, Layout};
use crate::steps::PERSPECTIVE_RAD;
use crate::tools::Tool;

const ALT_SHIFT: Modifiers = Modifiers::ALT.plus(Modifiers::SHIFT);

fn press(harness: &mut Harness<'_, Viewer>, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    settle(harness);
}

#[test]
fn grids_are_arranged_and_views_gone_through_by_keys() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [900.0, 600.0], 1.0) else { return };
    settle(&mut harness);
    let state = |harness: &Harness<'_, Viewer>| {
        let session = &harness.state().session;
        (session.layout, session.active)
    };
    press(&mut harness, Modifiers::SHIFT, Key::F5);
    assert_eq!(state(&harness), (Layout::Grid(4, 3), 0));
    press(&mut harness, Modifiers::NONE, Key::F5);
    assert_eq!(state(&harness), (Layout::Grid(3, 2), 0));
    press(&mut harness, Modifiers::ALT, Key::N);
    assert_eq!(state(&harness).1, 5);
    press(&mut harness, Modifiers::NONE, Key::N);
    assert_eq!(state(&harness).1, 0);
}

#[test]
fn what_is_in_front_of_a_plane_is_cut_off_by_a_key() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [900.0, 600.0], 1.0) else { return };
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::F2);
    let whole = seen(&harness, 3);
    // With a plane active: the 3D view of its series is cut.
    press(&mut harness, ALT_SHIFT, Key::C);
    let session = &harness.state().session;
    let [plane] = session.views[3].look.region.clip_planes[..] else { panic!("not one plane") };
    // It is seen from the front: the back is kept.
    assert_eq!(plane.point_mm, session.spaces[0].center_mm);
    assert!((plane.normal - DVec3::Y).length() < 1e-9, "{}", plane.normal);
    assert_ne!(seen(&harness, 3), whole);
    press(&mut harness, Modifiers::SHIFT, Key::X);
    assert_eq!(seen(&harness, 3), whole);
}

/// What is behind an open menu is not what keys are for.
#[test]
fn escape_closes_a_menu_and_nothing_else() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [900.0, 600.0], 1.0) else { return };
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::F2);
    press(&mut harness, Modifiers::NONE, Key::P);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    let session = harness.state().session.clone();
    let is_open = |harness: &Harness<'_, Viewer>| harness.query_by_label("Bidirectional").is_some();
    let open = |harness: &mut Harness<'_, Viewer>| {
        harness.get_by_label("Measure").click();
        settle(harness);
        assert!(is_open(harness));
    };
    open(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::I);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!is_open(&harness));
    // A submenu goes with its menu.
    harness.get_by_label("File").click();
    settle(&mut harness);
    harness.get_by_label_contains("Recent").click();
    settle(&mut harness);
    let opened = crate::recent::name(&harness.state().recent.inputs()[0]);
    assert!(harness.query_all_by_label(&opened).next().is_some());
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(harness.query_all_by_label(&opened).next().is_none());
    assert!(harness.query_by_label_contains("Save session…").is_none());
    assert_eq!((&harness.state().session, harness.state().interaction.tool), (&session, Tool::Pan));

    // A drag in a view closes it, too.
    open(&mut harness);
    let middle = view_rect(&harness, 0).center();
    drag(&mut harness, middle, middle + egui::vec2(20.0, 0.0), PointerButton::Primary);
    settle(&mut harness);
    assert!(!is_open(&harness));
    // Then Escape is the viewer's again.
    assert!(harness.state().session.enlarged);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!harness.state().session.enlarged);
}

#[test]
fn the_keyboard_goes_through_panels_and_back_to_the_views() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [900.0, 600.0], 1.0) else { return };
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::F2);
    let mut found = Vec::new();
    for _ in 0..5 {
        press(&mut harness, Modifiers::NONE, Key::F10);
        found.push(harness.state().panels.focused);
    }
    assert_eq!(found, [Part::Inspector, Part::Status, Part::Toolbar, Part::Browser, Part::Views]);
    press(&mut harness, Modifiers::SHIFT, Key::F10);
    assert!(harness.get_by_label("Panel of series").is_focused());
    // A panel that is hidden is left out.
    press(&mut harness, Modifiers::NONE, Key::F7);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    press(&mut harness, Modifiers::SHIFT, Key::F10);
    assert!(harness.get_by_label("Panel of tools").is_focused());
    press(&mut harness, Modifiers::NONE, Key::Tab);
    assert!(harness.get_by_label("File").is_focused());
    // There arrows are the controls'; given back, the views'.
    let place = |harness: &Harness<'_, Viewer>| harness.state().session.spaces[0].center_mm;
    let before = place(&harness);
    press(&mut harness, Modifiers::NONE, Key::ArrowDown);
    assert_eq!(place(&harness), before);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    press(&mut harness, Modifiers::NONE, Key::ArrowDown);
    assert_ne!(place(&harness).z, before.z);

    // A view that Tab comes to is the active one, and takes the keys.
    harness.get_by_label("View 2: Coronal").focus();
    settle(&mut harness);
    assert_eq!(harness.state().session.active, 1);
    press(&mut harness, Modifiers::NONE, Key::ArrowDown);
    assert_ne!(place(&harness).y, before.y);
    assert!(harness.get_by_label("View 2: Coronal").is_focused());
}

/// The place of the next point is seen and goes with keys there, until the pointer is used again.
#[test]
fn keys_set_points_under_a_pointer_that_rests() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [900.0, 600.0], 1.0) else { return };
    settle(&mut harness);
    let center = |harness: &Harness<'_, Viewer>| harness.state().session.spaces[0].center_mm;
    let middle = view_rect(&harness, 0).center();
    harness.event(egui::Event::PointerMoved(middle));
    press(&mut harness, Modifiers::NONE, Key::L);
    let before = screenshot(&mut harness, "keyed-before");
    assert!(!harness.state().interaction.by_keys);
    press(&mut harness, Modifiers::NONE, Key::Q);
    assert!(harness.state().interaction.by_keys && screenshot(&mut harness, "keyed-first") != before);
    // Nor does what is drawn follow a pointer that rests.
    press(&mut harness, Modifiers::ALT, Key::ArrowRight);
    let drawn = harness.state().interaction.draft.clone().unwrap().points;
    assert!(drawn[1].abs_diff_eq(center(&harness), 1e-9) && drawn[0] != drawn[1], "{drawn:?}");
    harness.event(egui::Event::PointerMoved(middle + egui::vec2(9.0, 0.0)));
    settle(&mut harness);
    assert!(!harness.state().interaction.by_keys);
}

#[test]
fn measurements_are_drawn_and_moved_by_keys() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [900.0, 600.0], 1.0) else { return };
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Q);
    let (message, _) = harness.state_mut().message.take().unwrap();
    assert_eq!(message, "No measurement is chosen as the tool.");

    let center = |harness: &Harness<'_, Viewer>| harness.state().session.spaces[0].center_mm;
    let points = |harness: &Harness<'_, Viewer>| {
        let last = harness.state().session.measurements.last();
        last.map(|own| (own.kind, own.points.clone())).unwrap()
    };
    // The line follows the crosshair to its next point.
    let first = center(&harness);
    press(&mut harness, Modifiers::NONE, Key::L);
    press(&mut harness, Modifiers::NONE, Key::Q);
    for _ in 0..5 {
        press(&mut harness, Modifiers::ALT, Key::ArrowRight);
    }
    screenshot(&mut harness, "keyed-length");
    let second = center(&harness);
    assert!((second - first).length() > 1.0);
    let near = |points: &[DVec3], expected: &[DVec3]| {
        points.len() == expected.len() && points.iter().zip(expected).all(|(a, b)| a.abs_diff_eq(*b, 1e-9))
    };
    let draft = harness.state().interaction.draft.clone().unwrap();
    assert!(near(&draft.points, &[first, second]), "{draft:?}");
    press(&mut harness, Modifiers::NONE, Key::Q);
    let (kind, ends) = points(&harness);
    assert!(kind == Kind::Length && near(&ends, &[first, second]), "{kind:?} {ends:?}");

    // All of it is moved by points of the screen, then one of its ends.
    let step = DVec3::X * harness.state().seen(0).unwrap().map().unwrap().point_mm();
    for _ in 0..3 {
        press(&mut harness, ALT_SHIFT, Key::ArrowRight);
    }
    assert!(near(&points(&harness).1, &[first + step * 3.0, second + step * 3.0]));
    press(&mut harness, Modifiers::ALT, Key::Q);
    press(&mut harness, ALT_SHIFT, Key::ArrowLeft);
    screenshot(&mut harness, "keyed-held");
    assert!(near(&points(&harness).1, &[first + step * 2.0, second + step * 3.0]));
    for _ in 0..2 {
        press(&mut harness, Modifiers::ALT, Key::Q);
    }
    press(&mut harness, ALT_SHIFT, Key::ArrowLeft);
    assert!(near(&points(&harness).1, &[first + step, second + step * 2.0]));

    // Where the number of points is open, a key ends it.
    press(&mut harness, Modifiers::NONE, Key::J);
    let mut places = Vec::new();
    for key in [Key::ArrowDown, Key::ArrowLeft, Key::ArrowLeft] {
        press(&mut harness, Modifiers::ALT, key);
        places.push(center(&harness));
        press(&mut harness, Modifiers::NONE, Key::Q);
    }
    press(&mut harness, Modifiers::SHIFT, Key::Q);
    let (kind, line) = points(&harness);
    assert!(kind == Kind::Polyline && near(&line, &places), "{kind:?} {line:?}");

    // In 3D a distance is measured from crosshair to crosshair.
    press(&mut harness, Modifiers::SHIFT, Key::D);
    press(&mut harness, Modifiers::ALT, Key::V);
    press(&mut harness, Modifiers::NONE, Key::Q);
    harness.state_mut().push(Command::Cross { view: 0, at_mm: first });
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Q);
    assert!(points(&harness).0 == Kind::Distance && near(&points(&harness).1, &[places[2], first]));
    let fov = |harness: &Harness<'_, Viewer>| match harness.state().session.views[0].content {
        Content::Orbit(orbit) => orbit.fov_rad,
        _ => panic!("no 3D"),
    };
    press(&mut harness, Modifiers::ALT, Key::P);
    assert_eq!(fov(&harness), Some(PERSPECTIVE_RAD));
    press(&mut harness, Modifiers::ALT, Key::P);
    assert_eq!(fov(&harness), None);
}
