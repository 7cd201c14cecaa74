//! What the viewer does by its state alone, without a window.

use std::time::{Duration, Instant};

use anatome::{Facts, Grid, Modality, Samples, Unit, ValueMapping, Volume, Workers};
use egui::{Context, Pos2, Rect, vec2};
use glam::{DAffine3, DVec2, DVec3};
use ndarray::Array3;

use super::options;
use crate::app::Viewer;
use crate::autosave::Autosave;
use crate::command::Command;
use crate::dialogs::Dialog;
use crate::document::{Document, News, State};
use crate::history::History;
use crate::measure::{Kind, Measurement, Place};
use crate::overlay::measurements::{Found, Valued};
use crate::pictures::Form;
use crate::session::{Content, Direction, Layout, OrbitView, PlaneView, SeriesId, Slab};
use crate::tools::Draft;
use crate::viewport::{Canvas, Values};

pub(crate) fn series(number: u32) -> SeriesId {
    SeriesId { input: 0, number }
}

/// CTs of one grid, each of one value.
pub(crate) fn document(values: &[i16]) -> Document {
    document_of(&values.iter().map(|&value| (value, [16; 3], 1.0)).collect::<Vec<_>>())
}

/// CTs of one space: of each its one value, its shape, and how far apart its slices are.
pub(crate) fn document_of(volumes: &[(i16, [usize; 3], f64)]) -> Document {
    let volume = |&(value, shape, slice_mm): &(i16, [usize; 3], f64)| {
        let grid = Grid::even(shape, DAffine3::from_scale(DVec3::new(1.0, 1.0, slice_mm))).unwrap();
        let samples = Samples::I16(Array3::from_elem((shape[0], shape[1], shape[2]), value));
        let mapping = ValueMapping::identity(Unit::Hounsfield);
        Volume::new(grid, samples, mapping, None, Facts::new(Modality::Ct)).unwrap()
    };
    Document::of_volumes(volumes.iter().map(volume).collect(), &Workers::new(Some(1)).unwrap())
}

/// A viewer of which a view shows the first series.
pub(crate) fn viewer(document: Document) -> Viewer {
    let mut viewer = Viewer::new(&Context::default(), options(Vec::new()), None).unwrap();
    viewer.document = document;
    viewer.do_now(&Command::Show { view: 0, series: series(0), content: None });
    viewer.provide();
    viewer.last = None;
    viewer.history = History::new(viewer.session.clone());
    viewer
}

#[track_caller]
fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What was closed goes on nowhere: what is opened next has the same numbers.
#[test]
fn when_all_is_closed_saving_and_drawing_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut viewer = viewer(document(&[40]));
    viewer.do_now(&Command::Mark { view: 0, size_px: [32, 32] });
    viewer.save_key_images(folder.path().to_owned(), Form::default());
    let want = viewer.wanted(&viewer.session.views[0], [32, 32]).unwrap();
    viewer.painter.want(0, want);
    // Made, and not yet taken.
    wait("nothing is drawn", || viewer.painter.has_answers());

    viewer.forget();
    let (message, _) = viewer.message.clone().unwrap();
    assert!(message.contains("1 of 1 key images are not saved"), "{message}");
    assert!(viewer.painter.answers().is_empty());
    viewer.document = document(&[-70]);
    for _ in 0..3 {
        viewer.go_on_saving_keys();
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Finishes saving key images; says what was told.
fn saved_keys(viewer: &mut Viewer) -> String {
    wait("key images are not saved", || {
        viewer.go_on_saving_keys();
        viewer.saving_keys.is_none()
    });
    viewer.message.clone().unwrap().0
}

fn save_keys(viewer: &mut Viewer, folder: &std::path::Path, replace: bool) {
    viewer.save_key_images(folder.to_owned(), Form { replace, ..Form::default() });
}

#[test]
fn key_images_are_saved_whole_one_row_at_a_time_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut viewer = viewer(document(&[40, -70]));
    viewer.do_now(&Command::Mark { view: 0, size_px: [32, 32] });
    save_keys(&mut viewer, folder.path(), false);
    save_keys(&mut viewer, folder.path(), false);
    assert!(viewer.message.as_ref().unwrap().0.contains("already"));
    assert_eq!(saved_keys(&mut viewer), "1 key images are saved.");

    // With what lies over it, which is lost.
    viewer.do_now(&Command::Fuse { view: 0, overlay: Some(series(1)) });
    viewer.do_now(&Command::Mark { view: 0, size_px: [32, 32] });
    let view = viewer.session.views[0].clone();
    viewer.document.take(News::Series { id: series(1), state: State::Found });
    assert!(viewer.whole(&viewer.session, &view, [32, 32]).is_err());
    viewer.document.take(News::Series { id: series(1), state: State::Failed("broken".to_owned()) });
    save_keys(&mut viewer, folder.path(), false);
    assert!(saved_keys(&mut viewer).starts_with("0 of 2 key images are saved."));
    save_keys(&mut viewer, folder.path(), true);
    let told = saved_keys(&mut viewer);
    assert!(told.starts_with("1 of 2 key images are saved. Key image 2"), "{told}");
    assert!(
        folder.path().join("key-image-1.png").exists() && !folder.path().join("key-image-2.png").exists()
    );
}

#[test]
fn key_images_that_are_not_written_keep_the_window_open() {
    let folder = tempfile::tempdir().unwrap();
    let mut viewer = viewer(document(&[40]));
    for number in 1..=3 {
        viewer.do_now(&Command::Mark { view: 0, size_px: [32, 32] });
        viewer.do_now(&Command::Scroll { view: 0, steps: number.into() });
    }
    save_keys(&mut viewer, folder.path(), false);
    let context = Context::default();
    viewer.dialog = Some(Dialog::Close);
    viewer.close_if_written(&context);
    assert_eq!(viewer.dialog, Some(Dialog::Close));
    assert_eq!(saved_keys(&mut viewer), "3 key images are saved.");
    viewer.close_if_written(&context);
    assert_eq!(viewer.dialog, None);
}

#[test]
fn a_file_beside_a_picture_stays_unless_it_is_a_scene() {
    let folder = tempfile::tempdir().unwrap();
    let (path, beside) = (folder.path().join("reading.png"), folder.path().join("reading.json"));
    let viewer = viewer(document(&[40]));
    let save = |replace| {
        let want = viewer.wanted(&viewer.session.views[0], [32, 32]).unwrap();
        viewer
            .save(want, None, path.clone(), Form { replace, ..Form::default() })
            .unwrap()
            .told
            .recv()
            .unwrap()
    };
    std::fs::write(&beside, "{}").unwrap();
    assert!(save(true).is_err() && !path.exists());
    assert_eq!(std::fs::read(&beside).unwrap(), b"{}");
    std::fs::remove_file(&beside).unwrap();
    save(false).unwrap();
    save(true).unwrap();
    assert!(save(false).is_err());
}

#[test]
fn a_picture_that_is_being_saved_is_saved_when_the_window_closes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.png");
    let mut viewer = viewer(document(&[40]));
    viewer.save_picture(&path, Form::default());
    viewer.end_saving();
    assert!(path.is_file());
}

#[test]
fn a_turn_is_one_of_the_active_views_series() {
    let mut viewer = viewer(document(&[40, -70]));
    viewer.do_now(&Command::Arrange { layout: Layout::SideBySide });
    let content = Some(Content::Orbit(OrbitView::default()));
    for (other, found) in [(1, None), (0, Some(1))] {
        viewer.do_now(&Command::Show { view: 1, series: series(other), content });
        viewer.do_now(&Command::Activate { view: 0 });
        assert_eq!(viewer.shown_in_3d(), found);
    }
}

#[test]
fn a_loop_is_no_gesture_and_ends_with_undo() {
    let mut viewer = viewer(document(&[1, 2, 3]).into_phases());
    let zoom = Command::Zoom { view: 0, factor: 2.0, about_mm: DVec2::ZERO };
    let keep = |viewer: &mut Viewer| {
        viewer.last = None;
        viewer.history.keep(&viewer.session, &zoom, Instant::now());
        std::thread::sleep(Duration::from_millis(800));
    };
    let step = |viewer: &mut Viewer| {
        viewer.interaction.cine.as_mut().unwrap().shown = Instant::now() - Duration::from_secs(3);
        viewer.play(&Context::default());
    };
    viewer.do_now(&zoom);
    keep(&mut viewer);
    viewer.toggle_cine();
    step(&mut viewer);
    // A gesture during which it goes on.
    viewer.do_now(&zoom);
    step(&mut viewer);
    keep(&mut viewer);
    step(&mut viewer);
    step(&mut viewer);
    let shown = |viewer: &Viewer| {
        (viewer.session.views[0].series.unwrap().number, viewer.session.views[0].framing.zoom)
    };
    assert_eq!(shown(&viewer), (1, 4.0));
    viewer.undo();
    assert_eq!((shown(&viewer).1, viewer.interaction.cine), (2.0, None));
    viewer.undo();
    assert_eq!(shown(&viewer), (0, 1.0));
    viewer.redo();
    viewer.redo();
    assert_eq!(shown(&viewer), (1, 4.0));
}

#[test]
fn of_a_loop_only_the_next_phases_must_be_there() {
    let mut viewer = viewer(document(&[0; 6]).into_phases());
    viewer.do_now(&Command::Phase { view: 0, series: series(4) });
    viewer.toggle_cine();
    let there = |viewer: &Viewer| -> Vec<u32> {
        (0..6).filter(|&number| viewer.document.whole(series(number)).is_some()).collect()
    };
    viewer.let_go();
    assert_eq!(there(&viewer).len(), 6);
    viewer.spare_bytes = 4 * 2 * 16 * 16 * 16;
    viewer.let_go();
    assert_eq!(there(&viewer), [0, 1, 4, 5]);
    viewer.spare_bytes = 0;
    viewer.let_go();
    assert_eq!(there(&viewer), [0, 4, 5]);
}

fn rectangle() -> Measurement {
    let place = Place::Plane { series: series(0), right: DVec3::X, down: DVec3::Y, slab: Slab::default() };
    let points = vec![DVec3::new(4.0, 4.0, 8.0), DVec3::new(8.0, 8.0, 8.0)];
    Measurement { id: 1, kind: Kind::Rectangle, place, points, text: String::new() }
}

/// The means, each with of what it is said to be.
fn told(viewer: &mut Viewer) -> Vec<(f64, Option<String>)> {
    let rect = Rect::from_min_size(Pos2::ZERO, vec2(200.0, 200.0));
    viewer.canvases = vec![Canvas::default()];
    viewer.canvases[0].rect = Some(rect);
    let mut values = std::mem::take(&mut viewer.values);
    let told = values.told(&rectangle(), &viewer.seen(0).unwrap());
    viewer.values = values;
    let mean = |own: Valued| match own.found {
        Found::Values(found) => (found.mean, Some(own.of).filter(|_| told.is_named)),
        other => panic!("{other:?}"),
    };
    told.values.into_iter().map(mean).collect()
}

#[test]
fn values_are_those_of_the_phase_that_is_shown_or_say_of_what_they_are() {
    let mut phases = viewer(document(&[40, -70]).into_phases());
    for (number, mean) in [(0, 40.0), (1, -70.0), (0, 40.0)] {
        phases.do_now(&Command::Phase { view: 0, series: series(number) });
        assert_eq!(told(&mut phases), [(mean, None)]);
    }
    let mut others = viewer(document(&[40, -70]));
    assert_eq!(told(&mut others), [(40.0, None)]);
    for _ in 0..2 {
        others.do_now(&Command::Show { view: 0, series: series(1), content: None });
        assert_eq!(told(&mut others), [(40.0, Some("CT 1".to_owned()))]);
    }
    // Of two over each other both are told, wherever it was drawn.
    for (bottom, over) in [(0, 1), (1, 0)] {
        others.do_now(&Command::Show { view: 0, series: series(bottom), content: None });
        others.do_now(&Command::Fuse { view: 0, overlay: Some(series(over)) });
        let both = [(40.0, Some("CT 1".to_owned())), (-70.0, Some("CT 2".to_owned()))];
        assert_eq!(told(&mut others), both);
    }
}

/// What is not there is not without samples.
#[test]
fn of_a_series_that_is_not_loaded_nothing_is_told() {
    let mut viewer = viewer(document(&[40, -70]));
    let said = |viewer: &mut Viewer| {
        let told = Values::default().listed(&rectangle(), &[series(0)], &viewer.document, None);
        crate::overlay::measurements::lines(&rectangle(), &told)
    };
    assert_eq!(said(&mut viewer)[0], "CT 1: mean 40  SD 0 HU");
    viewer.document.take(News::Series { id: series(0), state: State::Found });
    assert_eq!(said(&mut viewer)[0], "CT 1: not loaded");
    // Nor is it gone to, and that is told.
    let message = |viewer: &mut Viewer| {
        viewer.visit(&rectangle());
        viewer.message.take().map(|(text, _)| text)
    };
    assert_eq!(message(&mut viewer).unwrap(), "Rectangle 1 is on CT 1, which is still being loaded.");
    viewer.document.take(News::Series { id: series(0), state: State::Failed("broken".to_owned()) });
    assert_eq!(message(&mut viewer).unwrap(), "Rectangle 1 is on CT 1, which can't be read.");
    assert!(viewer.commands.is_empty());
}

/// Its points would lie on several planes, and its values would be of none of them.
#[test]
fn a_drawing_ends_when_what_it_is_drawn_on_changes() {
    let depth = viewer(document(&[0])).session.spaces[0].center_mm.z;
    let coronal = Content::Plane(PlaneView { direction: Direction::Coronal, slab: Slab::default() });
    let cases = [
        (Command::Pan { view: 0, by_mm: DVec2::ONE }, [true, true]),
        (Command::Zoom { view: 0, factor: 2.0, about_mm: DVec2::ZERO }, [true, true]),
        (Command::Cross { view: 0, at_mm: DVec3::new(3.0, 5.0, depth) }, [true, true]),
        (Command::Scroll { view: 0, steps: 1.0 }, [false, true]),
        (Command::Turn { view: 0, axis: DVec3::X, angle_rad: 0.1 }, [false, true]),
        (Command::Phase { view: 0, series: series(1) }, [false, false]),
        (Command::Look { view: 0, content: coronal }, [false, false]),
        (Command::Clear { view: 0 }, [false, false]),
    ];
    let places = [rectangle().place, Place::Space { series: series(0) }];
    for (command, stays) in cases {
        for (place, stays) in places.into_iter().zip(stays) {
            let mut viewer = viewer(document(&[40, -70]).into_phases());
            let kind = if matches!(place, Place::Space { .. }) { Kind::Distance } else { Kind::Ellipse };
            viewer.interaction.draft = Some(Draft { view: 0, kind, place, points: vec![DVec3::ZERO; 2] });
            viewer.do_now(&command);
            assert!(viewer.last.is_some(), "{command:?} is refused");
            assert_eq!(viewer.interaction.draft.is_some(), stays, "{command:?} {place:?}");
        }
    }
}

#[test]
fn what_was_kept_against_a_crash_is_not_replaced_by_nothing_and_never_lost_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("autosave.json");
    std::fs::write(&path, "old").unwrap();
    let mut viewer = viewer(document(&[40]));
    let context = Context::default();
    viewer.autosave = Some(Autosave::new(path.clone()));
    let shown = viewer.session.clone();
    viewer.forget();
    viewer.opened.push(vec!["another".into()]);
    viewer.autosave(&context);
    viewer.autosave_at_end();
    assert_eq!(std::fs::read(&path).unwrap(), b"old");

    viewer.restore(shown.clone());
    viewer.autosave_at_end();
    assert_eq!(crate::saved::Saved::read(&path).unwrap().session, shown);
    assert_eq!(std::fs::read(folder.path().join("autosave-previous.json")).unwrap(), b"old");

    // Where nothing can be written that is told, once.
    viewer.autosave = Some(Autosave::new(path.join("no/autosave.json")));
    for is_told in [true, false] {
        viewer.message = None;
        viewer.session.shown.labels ^= true;
        viewer.autosave(&context);
        std::thread::sleep(Duration::from_millis(300));
        viewer.autosave(&context);
        assert_eq!(viewer.message.is_some(), is_told, "{:?}", viewer.message);
        std::thread::sleep(Duration::from_secs(2));
    }
}

/// What is closed is nowhere any more, with what was made with it; the rest keeps its names.
#[test]
fn a_series_is_closed_with_what_was_made_with_it() {
    let mut viewer = viewer(document(&[40, -70]));
    viewer.opened = vec![vec!["a".into()]];
    viewer.do_now(&Command::Arrange { layout: Layout::SideBySide });
    viewer.do_now(&Command::Show { view: 1, series: series(1), content: None });
    viewer.do_now(&Command::Fuse { view: 1, overlay: Some(series(0)) });
    viewer.do_now(&Command::Mark { view: 1, size_px: [32, 32] });
    let Measurement { kind, place, points, text, .. } = rectangle();
    viewer.do_now(&Command::Measure { kind, place, points, text });
    // What is not saved is asked about.
    viewer.ask_to_close(vec![series(0)]);
    assert_eq!(viewer.dialog.take(), Some(Dialog::CloseSeries { ids: vec![series(0)] }));
    assert_eq!(viewer.unsaved().as_deref(), Some("1 measurement and 1 key image"));
    assert_eq!(viewer.unsaved_with(&[series(1)]).as_deref(), Some("1 key image"));
    viewer.work_is_saved();
    assert_eq!(viewer.unsaved(), None);
    viewer.ask_to_close(vec![series(0)]);
    let session = &viewer.session;
    assert_eq!(session.views.iter().map(|view| view.series).collect::<Vec<_>>(), [None, Some(series(1))]);
    assert!(
        session.views[1].overlay.is_none()
            && session.measurements.is_empty()
            && session.key_images.is_empty()
    );
    assert!(viewer.document.entry(series(0)).is_none() && viewer.document.whole(series(1)).is_some());
    assert!(!viewer.history.can_undo() && viewer.opened == [[std::path::PathBuf::from("a")]]);
    viewer.ask_to_close_all();
    assert!(viewer.document.entries().is_empty() && viewer.opened.is_empty());
}

/// What stands in its upper left corner would lie under the letter in its middle.
#[test]
fn in_a_very_narrow_view_the_modality_alone_is_told() {
    let mut viewer = viewer(document(&[40]));
    for (width, first) in [(80.0, "CT"), (120.0, "CT  Axial"), (400.0, "CT  Axial")] {
        viewer.canvases = vec![Canvas::default()];
        viewer.canvases[0].rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(width, 300.0)));
        let lines = crate::viewport::written(&viewer.seen(0).unwrap(), &viewer.interaction);
        assert_eq!(lines[0], first, "{width}");
    }
}
