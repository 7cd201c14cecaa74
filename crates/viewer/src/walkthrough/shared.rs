//! Windows that draw on the device on which their pictures are made.

use std::time::{Duration, Instant};

use egui::{Key, ViewportCommand, ViewportId};
use egui_kittest::Harness;

use super::{Study, gpu_options, opened, options, window};
use crate::Options;
use crate::app::Viewer;
use crate::window::{Left, Sharing, Window};

#[track_caller]
fn settle(harness: &mut Harness<'_, Window>) {
    let until = Instant::now() + Duration::from_secs(60);
    harness.step();
    harness.step();
    while !harness.state().viewer.is_settled() {
        assert!(Instant::now() < until, "the viewer does not settle");
        std::thread::sleep(Duration::from_millis(5));
        harness.step();
    }
}

/// Without its device a window draws nothing more: another one goes on.
#[test]
fn a_window_whose_device_is_lost_gives_way_to_one_with_pictures_by_the_cpu() {
    let study = Study::made();
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    let left = Left::default();
    let gpu = gpu_options(vec![study.path().join("ct")]);
    let mut harness = opened(Sharing::wanted(&gpu), [900.0, 600.0], 1.0, |context, device| {
        Window::new(context, gpu, device, Left::clone(&left)).unwrap()
    });
    settle(&mut harness);
    harness.key_press(Key::F2);
    settle(&mut harness);
    let session = harness.state().viewer.session.clone();
    let backend = harness.state().viewer.document.backend().unwrap().clone();
    assert_eq!(backend.name(), "gpu");
    let is_told = |harness: &Harness<'_, Window>| {
        let commands = &harness.output().viewport_output[&ViewportId::ROOT].commands;
        commands.contains(&ViewportCommand::Close)
    };
    assert!(!is_told(&harness));
    backend.lose_gpu();
    harness.step();
    assert!(is_told(&harness));
    assert!(harness.output().shapes.is_empty(), "{:?}", harness.output().shapes);
    eframe::App::on_exit(harness.state_mut());
    drop(harness);

    let lost = left.take().unwrap();
    let mut again = opened(None, [900.0, 600.0], 1.0, |context, _| {
        let mut viewer = Viewer::new(context, options(Vec::new()), None).unwrap();
        viewer.go_on_after(lost);
        viewer
    });
    super::settle(&mut again);
    let viewer = again.state();
    assert_eq!(viewer.session, session);
    assert!(viewer.canvases.iter().all(|canvas| canvas.shown.is_some()));
    let (message, _) = viewer.message.as_ref().unwrap();
    assert!(message.starts_with("The CPU takes over: "), "{message}");
    // A window that is closed is not opened again.
    assert!(left.take().is_none());
}

#[test]
fn where_there_is_no_such_gpu_there_is_a_window() {
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    let none = Options { adapter: Some("no such GPU".to_owned()), ..gpu_options(Vec::new()) };
    let mut harness = super::window_with(none, [900.0, 600.0], 1.0);
    super::settle(&mut harness);
    harness.render().unwrap();
    assert_eq!(harness.state().document.backend().unwrap().name(), "cpu");
    let (message, _) = harness.state().message.as_ref().unwrap();
    assert!(message.contains("no such GPU"), "{message}");
}
