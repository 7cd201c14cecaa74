//! What the viewer does by its state alone, without a window.

use std::time::{Duration, Instant};

use anatome::{Facts, Grid, Modality, PictureFormat, Samples, Unit, ValueMapping, Volume, Workers};
use egui::Context;
use glam::DAffine3;
use ndarray::Array3;

use super::options;
use crate::app::Viewer;
use crate::command::Command;
use crate::document::Document;
use crate::history::History;
use crate::pictures::Size;
use crate::session::SeriesId;

fn series(number: u32) -> SeriesId {
    SeriesId { input: 0, number }
}

/// CTs of one grid, each of one value.
fn document(values: &[i16]) -> Document {
    let volume = |&value: &i16| {
        let grid = Grid::even([16; 3], DAffine3::IDENTITY).unwrap();
        let samples = Samples::I16(Array3::from_elem((16, 16, 16), value));
        let mapping = ValueMapping::identity(Unit::Hounsfield);
        Volume::new(grid, samples, mapping, None, Facts::new(Modality::Ct)).unwrap()
    };
    Document::of_volumes(values.iter().map(volume).collect(), &Workers::new(Some(1)).unwrap())
}

/// A viewer of which a view shows the first series.
fn viewer(document: Document) -> Viewer {
    let mut viewer = Viewer::new(&Context::default(), options(Vec::new())).unwrap();
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
    viewer.save_key_images(folder.path().to_owned(), Size::Screen, PictureFormat::Png, false);
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
