//! One view of one series.

use egui::{Key, PointerButton, vec2};
use egui_kittest::kittest::Queryable as _;
use glam::DVec2;

use super::{Study, drag, screenshot, settle, view_rect, window};
use crate::command::Command;
use crate::session::{Content, slice_number, voi_of};
use crate::viewport::Moved;

/// The slice that is shown, from 0.
fn slice(harness: &egui_kittest::Harness<'_, crate::app::Viewer>) -> f64 {
    let viewer = harness.state();
    let view = viewer.session.active_view().unwrap();
    let Content::Plane(plane) = view.content else { panic!("no plane") };
    let series = view.series.unwrap();
    let space = viewer.session.space_of(series, &viewer.document).unwrap();
    let grid = viewer.document.grid(series).unwrap();
    slice_number(grid, space.center_mm, space.normal(plane.direction)).unwrap().0
}

#[test]
fn a_study_is_opened_scrolled_windowed_and_zoomed() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().to_owned()], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    // A PET and a CT are hung with the one over the other.
    assert_eq!(harness.state().session.views.len(), 4);
    assert!(harness.state().session.views[0].overlay.is_some());
    harness.key_press(Key::F1);
    harness.step();
    harness.state_mut().push(Command::Fuse { view: 0, overlay: None });
    settle(&mut harness);
    let picture = screenshot(&mut harness, "one-view");
    assert_eq!(picture.dimensions(), (1280, 800));
    // The CT is larger, and shown first.
    harness.get_by_label("Series 1, CT: Generated thorax, ct");
    harness.get_by_label("Series 2, PT: Generated thorax, pet");
    let start = slice(&harness);
    assert!((start - start.round()).abs() < 1e-9);

    harness.key_press(Key::ArrowDown);
    settle(&mut harness);
    assert!((slice(&harness) - start - 1.0).abs() < 1e-9);
    harness.key_press(Key::Home);
    settle(&mut harness);
    assert_eq!(slice(&harness).round(), 0.0);
    harness.key_press(Key::End);
    settle(&mut harness);
    assert_eq!(slice(&harness).round(), 59.0);

    // Space plays the slices, in a circle, until it is pressed again.
    harness.key_press(Key::Space);
    super::wait(&mut harness, "the slices are not played", |viewer| {
        viewer.session.spaces[0].center_mm.z < 0.0
    });
    harness.key_press(Key::Space);
    settle(&mut harness);
    assert!(harness.state().interaction.cine.is_none() && slice(&harness) < 30.0);

    let of = |harness: &egui_kittest::Harness<'_, crate::app::Viewer>| {
        let viewer = harness.state();
        let view = viewer.session.active_view().unwrap();
        let defaults = viewer.document.defaults(view.series.unwrap()).unwrap();
        match voi_of(&view.look, defaults, &view.content) {
            anatome::Voi::Window(window) => *window,
            anatome::Voi::Lut(_) => panic!("a table"),
        }
    };
    harness.key_press(Key::Num2);
    settle(&mut harness);
    assert_eq!((of(&harness).center(), of(&harness).width()), (-600.0, 1500.0));
    let rect = view_rect(&harness, 0);
    let middle = rect.center();
    drag(&mut harness, middle, middle + vec2(180.0, 0.0), PointerButton::Primary);
    settle(&mut harness);
    assert!((of(&harness).width() - 3000.0).abs() < 1.0, "{}", of(&harness).width());
    // One gesture, one step back.
    harness.get_by_label("Undo").click();
    settle(&mut harness);
    assert_eq!(of(&harness).width(), 1500.0);

    drag(&mut harness, middle, middle + vec2(0.0, 180.0), PointerButton::Secondary);
    settle(&mut harness);
    let zoom = harness.state().session.views[0].framing.zoom;
    assert!((zoom - 2.0).abs() < 0.01, "{zoom}");
    harness.key_press(Key::F);
    settle(&mut harness);
    assert_eq!(harness.state().session.views[0].framing.zoom, 1.0);
    harness.get_by_label("1:1").click();
    settle(&mut harness);
    let percent = crate::viewport::zoom_percent(&harness.state().active_seen().unwrap());
    assert!((percent - 100.0).abs() < 0.01, "{percent}");
    screenshot(&mut harness, "one-to-one");
}

#[test]
fn when_nothing_changes_nothing_is_drawn() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().to_owned()], [900.0, 600.0], 1.0) else { return };
    settle(&mut harness);
    for _ in 0..5 {
        harness.step();
    }
    let root = harness.output().viewport_output.values().next().unwrap();
    assert_eq!(root.repaint_delay, std::time::Duration::MAX);
}

#[test]
fn what_can_not_be_read_is_told_and_the_rest_is_shown() {
    let study = Study::made();
    std::fs::write(study.path().join("ct").join("broken.dcm"), [7; 900]).unwrap();
    let Some(mut harness) = window(vec![study.path().to_owned()], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    harness.get_by_label("1 file left out…").click();
    settle(&mut harness);
    assert!(harness.state().canvases[0].shown.is_some());
    // A name may name a patient.
    assert!(harness.query_by_label_contains("broken").is_none());
    screenshot(&mut harness, "left-out");
    harness.state_mut().panels.problems = false;
    harness.key_press(Key::D);
    settle(&mut harness);
    harness.state_mut().panels.problems = true;
    settle(&mut harness);
    harness.get_by_label_contains("broken");
}

/// Whatever comes between, and however shortly: a view that forgot its picture gets it again.
#[test]
fn a_picture_that_was_forgotten_is_made_again() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [400.0, 300.0], 1.0) else { return };
    settle(&mut harness);
    let viewer = harness.state();
    let own = viewer.session.views[0].clone();
    let mut other = own.clone();
    let Content::Plane(mut plane) = own.content else { panic!("no plane") };
    plane.direction = crate::session::Direction::Sagittal;
    other.content = Content::Plane(plane);
    let size_px = viewer.canvases[0].size_px;
    let [own, other] = [own, other].map(|view| viewer.wanted(&view, size_px).unwrap());
    for rests in [true, false] {
        let viewer = harness.state_mut();
        viewer.canvases[0].clear();
        viewer.canvases[0].subject = Some(own.subject);
        if rests {
            viewer.painter.rest(0);
        } else {
            viewer.painter.want(0, other.clone());
        }
        viewer.painter.want(0, own.clone());
        settle(&mut harness);
        assert!(harness.state().canvases[0].shown.is_some());
    }
}

/// Until a picture of what is wanted is there, the last one is drawn where its part of the plane is seen.
#[test]
fn a_picture_is_where_it_belongs_until_the_next_is_there() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    harness.key_press(Key::F1);
    settle(&mut harness);
    let moved = |harness: &egui_kittest::Harness<'_, crate::app::Viewer>| {
        let seen = harness.state().seen(0).unwrap();
        (seen.moved(), seen.map().unwrap().point_mm())
    };
    assert_eq!(moved(&harness).0, None);
    let zoom = Command::Zoom { view: 0, factor: 2.0, about_mm: DVec2::ZERO };
    harness.state_mut().do_now(&zoom);
    let Moved { scale, by } = moved(&harness).0.unwrap();
    assert!((scale - 2.0).abs() < 1e-3 && by.length() < 0.01, "{scale}, {by}");
    harness.state_mut().do_now(&Command::Pan { view: 0, by_mm: DVec2::new(10.0, -5.0) });
    let (Some(Moved { by, .. }), point_mm) = moved(&harness) else { panic!("it is there") };
    let expected = vec2(-10.0, 5.0) / point_mm as f32;
    assert!((by - expected).length() < 0.01, "{by}, not {expected}");
    settle(&mut harness);
    assert_eq!(moved(&harness).0, None);
}

/// What a command changes is drawn with the picture that goes with it, if that is there soon: where there is no GPU a frame
/// without it would only hold it up.
#[test]
fn panels_wait_for_the_picture_that_goes_with_them() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    harness.run_steps(30);
    let mut next_frame_after = |command: Command| {
        settle(&mut harness);
        harness.step();
        harness.state_mut().push(command);
        harness.step();
        harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay
    };
    let pan = Command::Pan { view: 0, by_mm: DVec2::new(10.0, -5.0) };
    // A busy machine may have the picture made before the frame ends.
    let waited = (0..5).map(|_| next_frame_after(pan.clone())).find(|after| !after.is_zero());
    assert!(waited.is_some_and(|after| after <= crate::app::PATIENCE), "{waited:?}");
    // Nothing has to be made for this.
    assert_eq!(next_frame_after(Command::Activate { view: 0 }), std::time::Duration::ZERO);
}
