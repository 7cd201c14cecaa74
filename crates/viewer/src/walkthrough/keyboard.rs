//! What is reached without a pointer.

use egui::{Key, Modifiers, PointerButton};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::{Study, drag, seen, settle, view_rect, window};
use crate::app::Viewer;
use crate::panels::Part;
use crate::session::Layout;
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
    assert!((plane.normal - glam::DVec3::Y).length() < 1e-9, "{}", plane.normal);
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
