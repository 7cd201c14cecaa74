//! What is said in and of views, without a window.

use anatome::{CropBox, Projection, Region, Voi, Window};
use egui::{Pos2, Rect, vec2};
use glam::DVec3;

use super::unseen::{document, document_of, series, viewer};
use crate::actions::Action;
use crate::app::Viewer;
use crate::command::Command;
use crate::session::{Content, Layout, Mode, OrbitView, Slab, passes};
use crate::steps::Step;
use crate::viewport::{Canvas, written};

/// All that stands in the corners of the first view.
fn said(viewer: &mut Viewer) -> Vec<String> {
    said_in(viewer, vec2(800.0, 600.0))
}

/// The same of a view of a size; marks, which have room in any, are the last.
fn said_in(viewer: &mut Viewer, size: egui::Vec2) -> Vec<String> {
    viewer.canvases = vec![Canvas::default()];
    viewer.canvases[0].rect = Some(Rect::from_min_size(Pos2::ZERO, size));
    written(&viewer.seen(0).unwrap(), &viewer.interaction)
}

fn projected() -> Content {
    Content::Orbit(OrbitView { mode: Mode::Projection(Projection::Mip), ..OrbitView::default() })
}

/// What is cut off one of two series that are seen over each other is not seen of the other.
#[test]
fn a_crop_cuts_what_lies_over_a_series_too() {
    let mut viewer = viewer(document(&[40, -70]));
    viewer.do_now(&Command::Look { view: 0, content: projected() });
    viewer.do_now(&Command::Fuse { view: 0, overlay: Some(series(1)) });
    let crop = CropBox { min_mm: DVec3::splat(2.0), max_mm: DVec3::splat(9.0) };
    let region = Region { crop: Some(crop), clip_planes: Vec::new() };
    viewer.do_now(&Command::Crop { view: 0, region: region.clone() });
    let passes = passes(&viewer.session, &viewer.session.views[0], &viewer.document, 1.0).unwrap();
    assert_eq!(passes.len(), 2);
    assert!(passes.iter().all(|pass| pass.scene.layers[0].region == region));
}

#[test]
fn a_view_says_what_lies_over_its_series_as_far_as_it_is_seen() {
    let mut viewer = viewer(document(&[40, -70]));
    let over = |viewer: &mut Viewer| {
        let lines = said(viewer);
        lines.into_iter().filter(|line| line.starts_with("over it: ")).collect::<Vec<_>>()
    };
    assert!(over(&mut viewer).is_empty());
    viewer.do_now(&Command::Fuse { view: 0, overlay: Some(series(1)) });
    let window = Voi::Window(Window::spanning(-100.0, 50.0).unwrap());
    viewer.do_now(&Command::OverlayWindow { view: 0, voi: window });
    viewer.do_now(&Command::Opacity { view: 0, opacity: 0.3 });
    assert_eq!(over(&mut viewer), ["over it: CT 2  -100 to 50 HU  30 %"]);
    // A rendering mixes nothing in.
    viewer.do_now(&Command::Look { view: 0, content: Content::Orbit(OrbitView::default()) });
    assert!(over(&mut viewer).is_empty());
}

/// What lies over a series, and whose it is, has room in small views, too.
#[test]
fn a_small_view_names_its_patient_and_what_lies_over_its_series() {
    let mut viewer = viewer(document(&[40, -70]));
    viewer.do_now(&Command::Fuse { view: 0, overlay: Some(series(1)) });
    let small = vec2(200.0, 180.0);
    assert!(said_in(&mut viewer, small).ends_with(&["over it: CT 2".to_owned()]));
    viewer.document = document(&[40, -70]).into_patients();
    viewer.do_now(&Command::Fuse { view: 0, overlay: None });
    assert!(said_in(&mut viewer, small).ends_with(&["Patient 1".to_owned()]));
    let large = said(&mut viewer);
    assert_eq!(large[1], "Patient 1", "{large:?}");
}

/// A rendering shows what its transfer function says: who chooses a window there is told.
#[test]
fn a_rendering_says_that_it_has_no_window() {
    let mut viewer = viewer(document(&[40]));
    said(&mut viewer);
    let context = egui::Context::default();
    for (content, is_refused) in [(Content::Orbit(OrbitView::default()), true), (projected(), false)] {
        viewer.do_now(&Command::Look { view: 0, content });
        for action in [Action::Preset(2), Action::Invert, Action::Step(Step::Wider)] {
            (viewer.message, viewer.commands) = (None, Vec::new());
            viewer.act(&context, action);
            let told = viewer.message.take().map(|(text, _)| text);
            let is_told = told.is_some_and(|text| text.starts_with("A rendering has no window"));
            assert_eq!((is_told, viewer.commands.is_empty()), (is_refused, is_refused), "{action:?}");
        }
    }
}

/// Labels can be taken away, but not what a picture is not for, nor that it is not yet as it will be.
#[test]
fn without_labels_pictures_keep_their_marks() {
    let mut viewer = viewer(document(&[40]));
    viewer.act(&egui::Context::default(), Action::ShowLabels);
    let hide = viewer.commands.pop().unwrap();
    viewer.do_now(&hide);
    let want = viewer.wanted(&viewer.session.views[0], [64, 64]).unwrap();
    let rect = Rect::from_min_size(Pos2::ZERO, vec2(64.0, 64.0));
    viewer.canvases = vec![Canvas::of(&want, rect, &viewer.painter.frames())];
    let said = |viewer: &Viewer| written(&viewer.seen(0).unwrap(), &viewer.interaction);
    assert_eq!(said(&viewer), ["not for diagnostic use"]);
    viewer.canvases[0].shown.as_mut().unwrap().is_full = false;
    assert_eq!(said(&viewer), ["preview", "not for diagnostic use"]);
}

/// What is seen was acquired where it is said to be, also of a series whose slices lie elsewhere than those of another.
#[test]
fn beside_another_series_the_nearest_slice_is_shown() {
    let mut viewer = viewer(document_of(&[(40, [16, 16, 16], 1.0), (-70, [4, 16, 16], 4.0)]));
    viewer.do_now(&Command::Cross { view: 0, at_mm: DVec3::new(3.0, 3.0, 5.0) });
    assert!(said(&mut viewer).iter().any(|line| line == "11 / 16"), "{:?}", said(&mut viewer));
    viewer.do_now(&Command::Show { view: 0, series: series(1), content: None });
    let lines = said(&mut viewer);
    // From the head: the third of four.
    assert!(["3 / 4", "H 4.0 mm"].iter().all(|own| lines.iter().any(|line| line == own)), "{lines:?}");
    let plane = viewer.seen(0).unwrap().map().unwrap().plane;
    assert!((plane.center_mm.z - 4.0).abs() < 1e-9, "{plane:?}");
    // The crosshair stays: the other series is where it was.
    assert_eq!(viewer.session.spaces[0].center_mm.z, 5.0);
}

/// Lung and mediastinum side by side: what is set in a view that is apart stays its own, and nothing comes from others.
#[test]
fn a_view_that_is_apart_has_looks_and_a_slab_of_its_own() {
    let mut viewer = viewer(document(&[40]));
    viewer.do_now(&Command::Arrange { layout: Layout::TwoByTwo });
    viewer.do_now(&Command::SetApart { view: 1, is_apart: true });
    let window = |low: f64, high: f64| Some(Voi::Window(Window::spanning(low, high).unwrap()));
    let slab = |thickness_mm: f64| Slab { thickness_mm, ..Slab::default() };
    let [lung, soft] = [window(-1350.0, 150.0), window(-160.0, 240.0)];
    viewer.do_now(&Command::Window { view: 1, voi: lung.clone() });
    viewer.do_now(&Command::Thicken { view: 1, slab: slab(10.0) });
    viewer.do_now(&Command::Window { view: 0, voi: soft.clone() });
    viewer.do_now(&Command::Thicken { view: 2, slab: slab(4.0) });
    let looks = |viewer: &Viewer, n: usize| {
        let own = &viewer.session.views[n];
        let Content::Plane(plane) = own.content else { panic!("no plane") };
        (own.look.voi.clone(), plane.slab.thickness_mm)
    };
    let (alone, linked) = ((lung, 10.0), (soft, 4.0));
    assert_eq!([0, 1, 2].map(|n| looks(&viewer, n)), [linked.clone(), alone, linked]);
    // Linked again, it follows the next change.
    viewer.do_now(&Command::SetApart { view: 1, is_apart: false });
    viewer.do_now(&Command::Thicken { view: 0, slab: slab(7.0) });
    assert!((0..3).all(|n| looks(&viewer, n).1 == 7.0));
}

/// Whether slices overlap or leave gaps is seen.
#[test]
fn a_view_says_how_far_apart_slices_are() {
    let mut viewer = viewer(document_of(&[(40, [16, 16, 16], 2.5)]));
    assert!(said(&mut viewer).iter().any(|line| line == "spacing 2.5 mm"), "{:?}", said(&mut viewer));
    let uneven = anatome::SliceTable::new(vec![0.0, 4.0, 5.0, 12.0], vec![false; 3]).unwrap();
    let grid = anatome::Grid::uneven([4, 8, 8], glam::DAffine3::IDENTITY, uneven).unwrap();
    let samples = anatome::Samples::I16(ndarray::Array3::zeros((4, 8, 8)));
    let mapping = anatome::ValueMapping::identity(anatome::Unit::Hounsfield);
    let facts = anatome::Facts::new(anatome::Modality::Ct);
    let volume = anatome::Volume::new(grid, samples, mapping, None, facts).unwrap();
    assert_eq!(crate::overlay::facts::acquisition(&volume).as_deref(), Some("spacing 1 to 7 mm"));
}

/// As in planes: as large as the picture of a plane beside it.
#[test]
fn zoom_in_3d_is_that_of_a_voxel_to_a_pixel() {
    let mut viewer = viewer(document_of(&[(40, [16, 96, 96], 1.0)]));
    let percent = |viewer: &mut Viewer| {
        viewer.canvases = vec![Canvas::default()];
        viewer.canvases[0].size_px = [1600, 1200];
        viewer.canvases[0].rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(800.0, 600.0)));
        crate::viewport::zoom_percent(&viewer.seen(0).unwrap())
    };
    for content in [Content::default(), Content::Orbit(OrbitView::default())] {
        viewer.do_now(&Command::Look { view: 0, content });
        let fitting = percent(&mut viewer);
        viewer.act(&egui::Context::default(), Action::OneToOne);
        let zoom = viewer.commands.pop().unwrap();
        viewer.do_now(&zoom);
        assert!(fitting > 500.0 && (percent(&mut viewer) - 100.0).abs() < 1e-6, "{content:?}: {fitting}");
    }
    // Voxels of 1 mm, two pixels a point.
    assert!((viewer.seen(0).unwrap().orbit_point_mm().unwrap() - 2.0).abs() < 1e-9);
}

/// The values of what is seen are spread: in a projection not those of a plane.
#[test]
fn a_projection_is_windowed_by_itself() {
    let mut viewer = viewer(document(&[40]));
    let workers = anatome::Workers::new(Some(2)).unwrap();
    let spec = anatome_phantom::ThoraxSpec { shape: [20, 24, 24], ..anatome_phantom::ThoraxSpec::default() };
    let thorax = anatome_phantom::thorax_ct(&spec, workers.pool(), &anatome::Progress::new()).unwrap();
    viewer.document = crate::document::Document::of_volumes(vec![thorax], &workers);
    let mut windows = Vec::new();
    for content in [Content::default(), projected()] {
        viewer.do_now(&Command::Look { view: 0, content });
        viewer.provide();
        said(&mut viewer);
        viewer.act(&egui::Context::default(), Action::AutoWindow);
        let Some(Command::Window { voi: Some(Voi::Window(window)), .. }) = viewer.commands.pop() else {
            panic!("no window for {content:?}")
        };
        windows.push(window);
    }
    // The brightest of each ray is no less bright than what lies in one plane.
    let high = |window: Window| window.center() + window.width() / 2.0;
    assert!(high(windows[1]) > high(windows[0]) + 10.0, "{windows:?}");
}

#[test]
fn letters_are_dark_where_the_ground_is_white() {
    use crate::theme::{LABEL, LABEL_ON_WHITE};
    let mut viewer = viewer(document(&[40]));
    let ink = |viewer: &mut Viewer| {
        said(viewer);
        viewer.seen(0).unwrap().ink()
    };
    assert_eq!(ink(&mut viewer), LABEL);
    viewer.do_now(&Command::Invert { view: 0 });
    assert_eq!(ink(&mut viewer), LABEL_ON_WHITE);
    let passes = passes(&viewer.session, &viewer.session.views[0], &viewer.document, 1.0).unwrap();
    assert_eq!(passes[0].scene.background, [1.0; 3]);
    viewer.do_now(&Command::Look { view: 0, content: Content::Orbit(OrbitView::default()) });
    assert_eq!(ink(&mut viewer), LABEL);
}
