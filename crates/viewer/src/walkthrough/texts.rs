//! What is written over pictures.

use egui::{Rect, Shape, vec2};
use egui_kittest::Harness;
use glam::DVec3;

use super::unseen::{document, series, viewer};
use super::{Study, settle, view_rect, window};
use crate::app::Viewer;
use crate::command::Command;
use crate::measure::Kind;
use crate::overlay::crosshair::Extent;
use crate::session::{Content, Direction, Layout};
use crate::viewport::Canvas;

/// The texts over a view, without their rims.
fn texts(harness: &Harness<'_, Viewer>, view: usize) -> Vec<(String, Rect)> {
    let rect = view_rect(harness, view);
    let all = harness.output().shapes.iter().filter(|own| rect.contains_rect(own.clip_rect));
    let texts = all.filter_map(|own| match &own.shape {
        Shape::Text(text) if text.override_text_color.is_none() => {
            Some((text.galley.text().to_owned(), Rect::from_min_size(text.pos, text.galley.size())))
        }
        _ => None,
    });
    texts.collect()
}

/// The handles of the crosshair in a view.
fn handles(harness: &Harness<'_, Viewer>, view: usize) -> Vec<Rect> {
    let rect = view_rect(harness, view);
    let all = harness.output().shapes.iter().filter(|own| rect.contains_rect(own.clip_rect));
    let circles = all.filter_map(|own| match &own.shape {
        Shape::Circle(circle) if crate::theme::PLANES.iter().any(|color| is_of(circle.fill, *color)) => {
            Some(Rect::from_center_size(circle.center, vec2(2.0, 2.0) * circle.radius))
        }
        _ => None,
    });
    circles.collect()
}

/// Whether a colour is another, or that made fainter.
fn is_of(color: egui::Color32, other: egui::Color32) -> bool {
    color == other || color == other.gamma_multiply(0.75)
}

/// Draws measurements of which one ends at each corner of a view, and its texts would lie there.
fn measure_into_corners(harness: &mut Harness<'_, Viewer>, view: usize) {
    let seen = harness.state().seen(view).unwrap();
    let (map, place) = (seen.map().unwrap(), seen.place(Kind::Length).unwrap());
    let (rect, middle) = (seen.rect.shrink(12.0), map.patient_mm(seen.rect.center()));
    let ends = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.center_top()];
    let ends: Vec<DVec3> = ends.into_iter().map(|at| map.patient_mm(at)).collect();
    for end in ends {
        let from = middle.lerp(end, 0.6);
        let measure =
            Command::Measure { kind: Kind::Length, place, points: vec![from, end], text: String::new() };
        harness.state_mut().do_now(&measure);
    }
}

#[test]
fn texts_over_a_view_hide_no_others() {
    let study = Study::made();
    for (layout, size) in [
        (Layout::One, [900.0, 600.0]),
        (Layout::TwoByTwo, [860.0, 520.0]),
        (Layout::Grid(3, 2), [1000.0, 640.0]),
        (Layout::Grid(4, 3), [1000.0, 640.0]),
    ] {
        let Some(mut harness) = window(vec![study.path().to_owned()], size, 1.0) else { return };
        settle(&mut harness);
        harness.state_mut().push(Command::Arrange { layout });
        settle(&mut harness);
        measure_into_corners(&mut harness, 0);
        settle(&mut harness);
        let count = texts(&harness, 0).iter().filter(|(text, _)| text.ends_with(" mm")).count();
        assert!(count >= 4, "{layout:?}: {count} lengths");
        // What the picture is not for, how it is made, its place, window and measure are said in small views, too.
        let said = texts(&harness, 0).iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(", ");
        for own in ["not for diagnostic use", "linear  exact", "31 / 60", "C 40  W 400  HU", " cm,"] {
            assert!(said.contains(own), "{layout:?}: no {own:?} in {said}");
        }
        if layout == Layout::TwoByTwo {
            assert_eq!([0, 1, 2].map(|view| handles(&harness, view).len()), [4; 3]);
        }
        for view in 0..layout.cells() {
            let all = texts(&harness, view);
            for handle in handles(&harness, view) {
                let hidden = all.iter().find(|(text, at)| text.len() == 1 && at.intersects(handle));
                assert!(hidden.is_none(), "{layout:?}, view {view}: {hidden:?} and a handle at {handle}");
            }
            for (n, (a, at)) in all.iter().enumerate() {
                for (b, other) in &all[n + 1..] {
                    // Words are; lines follow each other closely.
                    let [at, other] = [at, other].map(|place| place.expand2(vec2(1.0, -1.0)));
                    let is_apart = !at.intersects(other);
                    assert!(is_apart, "{layout:?}, view {view}: {a:?} {at} and {b:?} {other}");
                }
            }
        }
    }
}

/// Two series of one space that are compared have their place in common.
#[test]
fn equal_planes_mark_the_place_that_they_share() {
    let mut viewer = viewer(document(&[40, -70]));
    viewer.canvases = vec![Canvas::default(), Canvas::default()];
    for canvas in &mut viewer.canvases {
        canvas.rect = Some(Rect::from_min_size(egui::Pos2::ZERO, vec2(300.0, 300.0)));
    }
    let extent = |viewer: &Viewer, own| viewer.seen(0).unwrap().crosshair(own);
    assert_eq!(extent(&viewer, Direction::Axial), None);
    viewer.do_now(&Command::Arrange { layout: Layout::SideBySide });
    viewer.do_now(&Command::Show { view: 1, series: series(1), content: None });
    let direction = |viewer: &Viewer, view: usize| match viewer.session.views[view].content {
        Content::Plane(plane) => plane.direction,
        _ => panic!("no plane"),
    };
    assert_eq!(direction(&viewer, 0), direction(&viewer, 1));
    assert_eq!(extent(&viewer, direction(&viewer, 0)), Some(Extent::Mark));
    let shown = crate::session::Shown { crosshair: false, ..viewer.session.shown };
    let before = viewer.session.shown;
    viewer.do_now(&Command::Overlays { shown });
    assert_eq!(extent(&viewer, direction(&viewer, 0)), None);
    viewer.do_now(&Command::Overlays { shown: before });
    // With another plane beside it there are lines by which that is turned.
    let Content::Plane(plane) = viewer.session.views[1].content else { panic!("no plane") };
    let content = Content::Plane(crate::session::PlaneView { direction: Direction::Coronal, ..plane });
    viewer.do_now(&Command::Look { view: 1, content });
    assert_eq!(extent(&viewer, direction(&viewer, 0)), Some(Extent::Whole));
}
