//! Three planes and 3D.

use egui::{Key, PointerButton, vec2};
use egui_kittest::kittest::Queryable as _;

use super::{Study, click, drag, screenshot, settle, view_rect, window};
use crate::session::{Content, Direction, Layout};

#[test]
fn planes_are_linked_by_the_crosshair_and_turned_by_it() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    harness.key_press(Key::F2);
    settle(&mut harness);
    assert_eq!(harness.state().session.layout, Layout::TwoByTwo);
    for name in ["View 1: Axial", "View 2: Coronal", "View 3: Sagittal", "View 4: 3D"] {
        harness.get_by_label(name);
    }
    screenshot(&mut harness, "planes");

    let space = |harness: &egui_kittest::Harness<'_, crate::app::Viewer>| harness.state().session.spaces[0];
    let before = space(&harness);
    // The middle of the crosshair is dragged in the axial plane: the others follow.
    let map = harness.state().seen(0).unwrap().map().unwrap();
    let middle = map.screen(before.center_mm);
    drag(&mut harness, middle, middle + vec2(40.0, -25.0), PointerButton::Primary);
    settle(&mut harness);
    let moved = space(&harness).center_mm - before.center_mm;
    let expected = glam::DVec3::new(40.0 * map.point_mm(), -25.0 * map.point_mm(), 0.0);
    assert!((moved - expected).length() < 1.0, "{moved} {expected}");

    // One end of a line is dragged about the middle by a right angle.
    let seen = harness.state().seen(0).unwrap();
    let map = seen.map().unwrap();
    let space_now = space(&harness);
    let lines = crate::overlay::crosshair::lines(&map, &space_now, Direction::Axial);
    let handle = lines[0].handles(seen.rect)[1];
    let middle = map.screen(space_now.center_mm);
    let by = handle - middle;
    drag(
        &mut harness,
        handle,
        middle + vec2(by.x - by.y, by.y + by.x) * std::f32::consts::FRAC_1_SQRT_2,
        PointerButton::Primary,
    );
    settle(&mut harness);
    let angle = space(&harness).axes.angle_between(before.axes);
    assert!((angle - std::f64::consts::FRAC_PI_4).abs() < 0.05, "{angle}");
    screenshot(&mut harness, "planes-turned");
    // What lies across no axis of the patient has no name of those that do.
    harness.get_by_label("View 1: Axial");
    let turned: Vec<_> = harness.query_all_by_label_contains("Oblique, ").collect();
    assert_eq!(turned.len(), 2);
    drop(turned);
    harness.key_press(Key::R);
    settle(&mut harness);
    assert!(space(&harness).axes.angle_between(before.axes) < 1e-6);

    // A click on what is seen in 3D takes the crosshair there.
    let three_d = view_rect(&harness, 3);
    click(&mut harness, three_d.center());
    settle(&mut harness);
    let there = space(&harness).center_mm;
    let in_front = there.y < before.center_mm.y;
    assert!(in_front, "{there}");

    // Turned as the hand goes: dragging right brings the patient's right to the front.
    drag(&mut harness, three_d.center(), three_d.center() + vec2(120.0, 0.0), PointerButton::Primary);
    settle(&mut harness);
    let Content::Orbit(orbit) = harness.state().session.views[3].content else { panic!("no 3D") };
    let (_, _, forward) = orbit.orbit.axes();
    assert!(forward.x > 0.5, "{forward}");
    screenshot(&mut harness, "planes-3d-turned");

    // Without the crosshair, lines say where the other planes are.
    let lines = |harness: &egui_kittest::Harness<'_, crate::app::Viewer>| {
        let seen = harness.state().seen(0).unwrap();
        crate::overlay::references::lines(&seen, &seen.map().unwrap())
    };
    assert!(lines(&harness).is_empty());
    harness.key_press(Key::X);
    settle(&mut harness);
    let found = lines(&harness);
    let seen = harness.state().seen(0).unwrap();
    let at = seen.map().unwrap().screen(space(&harness).center_mm);
    // The coronal plane lies across, the sagittal one down: through the crosshair's place.
    assert_eq!(found.iter().map(|(view, _)| *view).collect::<Vec<_>>(), [1, 2]);
    assert!(found[0].1.iter().all(|end| (end.y - at.y).abs() < 0.5), "{found:?} {at}");
    assert!(found[1].1.iter().all(|end| (end.x - at.x).abs() < 0.5), "{found:?} {at}");
    screenshot(&mut harness, "reference-lines");
    harness.key_press(Key::X);
    settle(&mut harness);

    // Enlarged and back.
    harness.key_press(Key::Enter);
    settle(&mut harness);
    assert!(harness.state().session.enlarged);
    screenshot(&mut harness, "enlarged");
    harness.key_press(Key::Enter);
    settle(&mut harness);
}

#[test]
fn slabs_and_fusion_are_chosen_in_the_panel() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().to_owned()], [1280.0, 800.0], 2.0) else { return };
    settle(&mut harness);
    harness.key_press(Key::F2);
    settle(&mut harness);
    for _ in 0..12 {
        harness.key_press(Key::CloseBracket);
        harness.step();
    }
    settle(&mut harness);
    let Content::Plane(plane) = harness.state().session.views[0].content else { panic!("no plane") };
    assert_eq!(plane.slab.thickness_mm, 12.0);
    harness.get_by_label("Mean").click();
    settle(&mut harness);
    for (name, is_there) in [("nothing", false), ("PT 2", true)] {
        harness.get_by_label("Over it").click();
        settle(&mut harness);
        harness.get_by_label(name).click();
        settle(&mut harness);
        assert_eq!(harness.state().session.views[0].overlay.is_some(), is_there);
    }
    screenshot(&mut harness, "fusion");
}
