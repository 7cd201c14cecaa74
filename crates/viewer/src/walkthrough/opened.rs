//! What is opened, and what is let go.

use std::sync::Arc;

use anatome::BackendChoice;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::{Study, options, settle, wait, window, window_with};
use crate::app::Viewer;
use crate::document::State;
use crate::session::SeriesId;

const CT: SeriesId = SeriesId { input: 0, number: 0 };
const PET: SeriesId = SeriesId { input: 0, number: 1 };

#[test]
fn what_nothing_shows_is_let_go_and_read_again() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().to_owned()], [1000.0, 700.0], 1.0) else { return };
    settle(&mut harness);
    // The PET lies over the CT: both are there. With room for nothing else, what is not shown goes.
    let volume = Arc::downgrade(&harness.state().document.whole(CT).unwrap().volume);
    harness.state_mut().spare_bytes = 0;
    harness.get_by_label("Layout").click();
    settle(&mut harness);
    harness.get_by_label("One view").click();
    settle(&mut harness);
    assert!(volume.upgrade().is_some());
    harness.get_by_label("Series 2, PT: Generated thorax, pet").click();
    settle(&mut harness);
    assert!(matches!(harness.state().document.entry(CT).unwrap().state, State::Preview(_)));
    wait(&mut harness, "the volume is still held", |_| volume.upgrade().is_none());
    assert!(harness.state().document.whole(PET).is_some());
    harness.get_by_label("Undo").click();
    settle(&mut harness);
    assert!(harness.state().document.whole(CT).is_some());

    // With room, what undo brings back stays.
    harness.state_mut().spare_bytes = 1 << 30;
    harness.get_by_label("Series 2, PT: Generated thorax, pet").click();
    settle(&mut harness);
    assert!(harness.state().document.whole(CT).is_some());
}

#[test]
fn the_first_picture_is_timed_of_what_is_opened_and_shown() {
    let study = Study::made();
    let Some(mut harness) = window(Vec::new(), [1000.0, 700.0], 1.0) else { return };
    settle(&mut harness);
    assert_eq!(harness.state().timing.first_picture, None);
    let asked = std::time::Instant::now();
    harness.state_mut().open(vec![study.path().join("ct")]);
    wait(&mut harness, "no picture", |viewer| viewer.canvases[0].shown.is_some());
    let longest = asked.elapsed();
    let took = harness.state().timing.first_picture.unwrap();
    assert!(!took.is_zero() && took <= longest, "{took:?} {longest:?}");
    // What is opened beside it is not shown yet: when it is, that is no time of opening.
    harness.state_mut().open(vec![study.path().join("pet")]);
    settle(&mut harness);
    harness.get_by_label("Series 2, PT: Generated thorax, pet").click();
    settle(&mut harness);
    assert_eq!(harness.state().timing.first_picture, Some(took));
}

#[test]
fn a_gpu_that_is_not_there_is_told() {
    let study = Study::made();
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    let mut options = options(vec![study.path().join("ct")]);
    options.backend = BackendChoice::Gpu;
    options.adapter = Some("no such card".to_owned());
    let mut harness = window_with(options, [1000.0, 700.0], 1.0);
    settle(&mut harness);
    harness.get_by_label_contains("The CPU makes the pictures: ");
    assert!(harness.state().canvases[0].shown.is_some());
}

/// The picture of the one slice that is there at first is no picture of the volume: it says so, and is not kept.
#[test]
fn what_is_not_loaded_yet_is_neither_exact_nor_saved() {
    let study = Study::made();
    let folder = tempfile::tempdir().unwrap();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1000.0, 700.0], 1.0) else { return };
    settle(&mut harness);
    let corners = |harness: &Harness<'_, Viewer>| {
        let viewer = harness.state();
        crate::viewport::written(&viewer.seen(0).unwrap(), &viewer.interaction)
    };
    assert!(corners(&harness).contains(&"linear  exact".to_owned()));
    harness.state_mut().document.let_go(&[], &[], 0);
    wait(&mut harness, "no slice is shown", |viewer| {
        viewer.canvases[0].shown.as_ref().is_some_and(|shown| shown.is_partial)
    });
    let written = corners(&harness);
    assert!(written.contains(&"loading".to_owned()) && written.contains(&"linear  preview".to_owned()));
    let path = folder.path().join("slice.png");
    harness.state_mut().save_picture(&path, crate::pictures::Form::default());
    assert_eq!(harness.state_mut().message.take().unwrap().0, crate::pictures::NOT_LOADED);
    harness.event(egui::Event::Copy);
    harness.step();
    assert_eq!(harness.state_mut().message.take().unwrap().0, crate::pictures::NOT_LOADED);

    harness.state_mut().asked.clear();
    wait(&mut harness, "nothing is loaded", |viewer| {
        viewer.canvases[0].shown.as_ref().is_some_and(|shown| !shown.is_partial)
    });
    settle(&mut harness);
    assert!(!path.exists());
    harness.state_mut().save_picture(&path, crate::pictures::Form::default());
    wait(&mut harness, "nothing is saved", |viewer| viewer.message.is_some());
    assert!(path.exists());
}

/// One that is too small for any picture is told; the same study is shown without it.
#[test]
fn a_gpu_keeps_to_its_memory_budget() {
    let study = Study::made();
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    for budget in [Some(24), None] {
        let on_gpu = super::gpu_options(vec![study.path().join("ct")]);
        let options = crate::Options { memory_budget_bytes: budget, ..on_gpu };
        let mut harness = window_with(options, [900.0, 600.0], 1.0);
        let is_known = |viewer: &Viewer| {
            let entry = viewer.document.entry(CT);
            entry.is_some_and(|own| matches!(own.state, State::Failed(_) | State::Loaded(_)))
        };
        wait(&mut harness, "the series is not loaded", is_known);
        let said = match &harness.state().document.entry(CT).unwrap().state {
            State::Failed(reason) => reason.clone(),
            _ => String::new(),
        };
        assert_eq!(said.contains("a memory budget of 24 bytes is too small"), budget.is_some(), "{said}");
    }
}
