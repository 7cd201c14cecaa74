//! Sessions and pictures that are kept.

use std::sync::Arc;
use std::time::Duration;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;

use super::{Study, settle, wait, window};
use crate::app::Viewer;
use crate::session::Layout;

#[test]
fn a_session_is_saved_and_shown_again() {
    let study = Study::made();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reading.json");
    let Some(mut harness) = window(vec![study.path().to_owned()], [1000.0, 700.0], 1.0) else { return };
    settle(&mut harness);
    for key in [Key::F2, Key::Num3, Key::ArrowDown, Key::I] {
        harness.key_press(key);
        settle(&mut harness);
    }
    harness.state_mut().save_session(&path, false);
    let session = harness.state().session.clone();
    drop(harness);

    let Some(mut again) = window(Vec::new(), [1000.0, 700.0], 1.0) else { return };
    settle(&mut again);
    again.state_mut().load_session(&path);
    settle(&mut again);
    assert_eq!(again.state().session, session);
    assert_eq!(again.state().session.layout, Layout::TwoByTwo);
    assert!(again.state().canvases.iter().all(|canvas| canvas.shown.is_some()));

    // Nor is it one of another patient's, of the same shape.
    let other = Study::of_seed(2);
    for name in ["ct", "pet"] {
        std::fs::remove_dir_all(study.path().join(name)).unwrap();
        std::fs::rename(other.path().join(name), study.path().join(name)).unwrap();
    }
    again.state_mut().load_session(&path);
    settle(&mut again);
    let (message, _) = again.state_mut().message.take().unwrap();
    assert!(message.contains("not those"), "{message}");
    assert_eq!(again.state().session.series().count(), 0);

    // Nor of fewer files.
    std::fs::remove_dir_all(study.path().join("pet")).unwrap();
    again.state_mut().load_session(&path);
    settle(&mut again);
    let (message, _) = again.state().message.clone().unwrap();
    assert!(message.contains("not those"), "{message}");
}

#[test]
fn a_picture_is_saved_at_4k_with_its_scene() {
    let study = Study::made();
    let folder = tempfile::tempdir().unwrap();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1000.0, 700.0], 1.0) else { return };
    settle(&mut harness);
    let path = folder.path().join("axial.png");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::E);
    settle(&mut harness);
    harness.get_by_label("4K").click();
    settle(&mut harness);
    let written = path.display().to_string();
    harness.get_by_label("Path").focus();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.get_by_label("Path").type_text(&written);
    settle(&mut harness);
    harness.get_by_label("Save").click();
    wait(&mut harness, "nothing is told", |viewer| viewer.message.is_some());
    let picture = image::open(&path).unwrap();
    assert_eq!(picture.width().max(picture.height()), 3840);
    // With what is drawn over it, unless that is not wanted; both from the same pixels.
    if let Some(folder) = std::env::var_os("ANATOME_SCREENSHOTS") {
        std::fs::copy(&path, std::path::Path::new(&folder).join("saved-labelled.png")).unwrap();
    }
    let labelled = picture.into_rgb8();
    let form = crate::pictures::Form {
        is_labelled: false,
        size: crate::pictures::Size::Wide4K,
        ..Default::default()
    };
    let pure_path = folder.path().join("pure.png");
    harness.state_mut().message = None;
    harness.state_mut().save_picture(&pure_path, form);
    wait(&mut harness, "nothing is told", |viewer| viewer.message.is_some());
    let pure = image::open(&pure_path).unwrap().into_rgb8();
    let differ: Vec<[u32; 2]> = (pure.enumerate_pixels().zip(labelled.pixels()))
        .filter(|((_, _, own), other)| own != other)
        .map(|((x, y, _), _)| [x, y])
        .collect();
    let (width, height) = pure.dimensions();
    // The letter on the left, the mark on the lower right, and nothing in the middle of the picture.
    let within = |x: std::ops::Range<u32>, y: std::ops::Range<u32>| {
        differ.iter().any(|at| x.contains(&at[0]) && y.contains(&at[1]))
    };
    assert!(within(0..width / 20, height * 9 / 20..height * 11 / 20));
    assert!(within(width * 9 / 10..width, height * 9 / 10..height));
    assert!(!within(width / 3..width * 2 / 3, height / 3..height * 2 / 3));
    let scene: anatome::Scene =
        serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
    scene.check().unwrap();
}

/// A device that is lost costs a message, and nothing that is shown.
#[test]
fn when_a_gpu_is_lost_the_cpu_goes_on() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1000.0, 700.0], 1.0) else { return };
    settle(&mut harness);
    harness.key_press(Key::F2);
    settle(&mut harness);
    let session = harness.state().session.clone();
    let before = Arc::clone(harness.state().document.backend().unwrap());
    harness.state_mut().fall_back("the device is lost");
    wait(&mut harness, "no other backend is opened", |viewer| {
        !Arc::ptr_eq(&before, viewer.document.backend().unwrap())
    });
    settle(&mut harness);
    assert_eq!(harness.state().session, session);
    assert!(harness.state().canvases.iter().all(|canvas| canvas.shown.is_some() && canvas.failure.is_none()));
    assert!(harness.state().message.as_ref().is_some_and(|(text, _)| text.contains("the device is lost")));
}

/// Nor does one that can't take what is opened.
#[test]
fn what_a_gpu_does_not_hold_the_cpu_does() {
    let study = Study::made();
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    // Its own, so that the window stays.
    let mut harness = super::opened(None, [1000.0, 700.0], 1.0, |context, _| {
        Viewer::new(context, super::gpu_options(Vec::new()), None).unwrap()
    });
    settle(&mut harness);
    let lost = Arc::clone(harness.state().document.backend().unwrap());
    assert_eq!(lost.name(), "gpu");
    lost.lose_gpu();
    harness.state_mut().open(vec![study.path().join("ct")]);
    settle(&mut harness);
    let viewer = harness.state();
    assert_eq!(viewer.document.backend().unwrap().name(), "cpu");
    assert!(viewer.canvases[0].shown.is_some() && viewer.canvases[0].failure.is_none());
    let (message, _) = viewer.message.as_ref().unwrap();
    assert!(message.starts_with("The CPU takes over: "), "{message}");
}

/// A crash loses nothing but the last two seconds, also where nothing was drawn since.
#[test]
fn a_session_is_kept_soon_after_it_changes() {
    let study = Study::made();
    let folder = tempfile::tempdir().unwrap();
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    let mut options = super::options(vec![study.path().join("ct")]);
    let path = folder.path().join("own/autosave.json");
    options.autosave = Some(path.clone());
    let mut harness = super::window_with(options, [900.0, 600.0], 1.0);
    settle(&mut harness);
    harness.key_press(Key::F2);
    settle(&mut harness);
    wait(&mut harness, "nothing is kept", |_| path.is_file());
    let kept = || crate::saved::Saved::read(&path).unwrap().session;
    // As the window does: nothing is drawn before it was asked for.
    for _ in 0..200 {
        if kept() == harness.state().session {
            break;
        }
        let delay = harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay;
        let is_writing = harness.state().autosave.as_ref().unwrap().is_writing();
        assert!(delay <= Duration::from_secs(2) || is_writing, "{delay:?}");
        std::thread::sleep(delay.min(Duration::from_millis(if is_writing { 20 } else { 2000 })));
        harness.step();
    }
    assert_eq!(kept(), harness.state().session);
    // At the end, nothing is waited for.
    harness.key_press(Key::F1);
    settle(&mut harness);
    eframe::App::on_exit(harness.state_mut());
    assert_eq!(kept(), harness.state().session);
}
