//! What a user keeps: the size of the screen, layouts, keys, what was opened.

use egui::{Key, Modifiers, PointerButton, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::{Study, drag, options, screenshot, settle, view_rect, window, window_with};
use crate::app::Viewer;
use crate::session::{Content, Direction, Layout};

/// A window that keeps things in a folder.
fn keeping(study: &Study, folder: &std::path::Path, start: bool) -> Harness<'static, Viewer> {
    let mut options = options(if start { vec![study.path().join("ct")] } else { Vec::new() });
    options.config = Some(folder.to_owned());
    let mut harness = window_with(options, [1280.0, 800.0], 1.0);
    settle(&mut harness);
    harness
}

fn type_into(harness: &mut Harness<'_, Viewer>, label: &str, text: &str) {
    harness.get_by_label(label).focus();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.get_by_label(label).type_text(text);
    settle(harness);
}

#[test]
fn true_size_is_that_of_a_ruler_on_the_screen() {
    let study = Study::made();
    let folder = tempfile::tempdir().unwrap();
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    let mut harness = keeping(&study, folder.path(), true);
    harness.get_by_label("True size").click();
    settle(&mut harness);
    harness.get_by_label_contains("not calibrated");
    screenshot(&mut harness, "calibrate");
    // The line of 400 points measures 80 mm: 5 pixels a mm.
    harness.state_mut().dialog = Some(crate::dialogs::Dialog::Screen { measured_mm: 80.0 });
    settle(&mut harness);
    harness.get_by_label("Keep").click();
    settle(&mut harness);
    let point_mm = |harness: &Harness<'_, Viewer>| harness.state().seen(0).unwrap().map().unwrap().point_mm();
    assert!((point_mm(&harness) - 0.2).abs() < 1e-9, "{}", point_mm(&harness));
    harness.get_by_label("Undo").click();
    settle(&mut harness);
    assert!((point_mm(&harness) - 0.2).abs() > 1e-3);
    drop(harness);

    // It is known the next time, and of a 3D view too.
    let mut harness = keeping(&study, folder.path(), true);
    harness.key_press_modifiers(Modifiers::ALT, Key::V);
    settle(&mut harness);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::O);
    settle(&mut harness);
    let mm = harness.state().seen(0).unwrap().orbit_point_mm().unwrap();
    assert!((mm - 0.2).abs() < 1e-9, "{mm}");
}

#[test]
fn borders_are_dragged_and_layouts_are_kept() {
    let study = Study::made();
    let folder = tempfile::tempdir().unwrap();
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    let mut harness = keeping(&study, folder.path(), true);
    harness.key_press(Key::F3);
    settle(&mut harness);
    let before = view_rect(&harness, 0);
    let from = before.right_center();
    drag(&mut harness, from, from - vec2(120.0, 0.0), PointerButton::Primary);
    settle(&mut harness);
    let after = view_rect(&harness, 0);
    assert!((before.width() - after.width() - 120.0).abs() < 3.0, "{before} {after}");
    harness.get_by_label("Border 1 between columns");
    screenshot(&mut harness, "borders");
    // One gesture, one step back; and forth.
    harness.get_by_label("Undo").click();
    settle(&mut harness);
    assert_eq!(view_rect(&harness, 0), before);
    harness.get_by_label("Redo").click();
    settle(&mut harness);
    assert_eq!(view_rect(&harness, 0), after);

    harness.state_mut().push(crate::command::Command::Activate { view: 0 });
    settle(&mut harness);
    harness.key_press_modifiers(Modifiers::ALT, Key::C);
    settle(&mut harness);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::L);
    settle(&mut harness);
    type_into(&mut harness, "Name", "Coronal first");
    harness.get_by_label("Save").click();
    settle(&mut harness);
    let kept = harness.state().session.borders.clone();
    drop(harness);
    assert!(folder.path().join("layouts/coronal-first.json").is_file());

    let mut harness = keeping(&study, folder.path(), true);
    harness.get_by_label("Layout").click();
    settle(&mut harness);
    harness.get_by_label("Coronal first").click();
    settle(&mut harness);
    let session = &harness.state().session;
    assert_eq!((session.layout, &session.borders), (Layout::OneAndThree, &kept));
    assert!(matches!(session.views[0].content, Content::Plane(own) if own.direction == Direction::Coronal));
    assert!(harness.state().canvases.iter().all(|canvas| canvas.shown.is_some()));
}

#[test]
fn keys_are_changed_by_a_table_and_its_faults_are_told() {
    let study = Study::made();
    let folder = tempfile::tempdir().unwrap();
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    std::fs::write(folder.path().join("keys.json"), r#"{"Invert": "Q", "Fly": "Ctrl+F"}"#).unwrap();
    std::fs::create_dir(folder.path().join("layouts")).unwrap();
    std::fs::write(folder.path().join("layouts/odd.json"), "{}").unwrap();
    let mut harness = keeping(&study, folder.path(), true);
    let (message, _) = harness.state().message.clone().unwrap();
    assert!(message.contains("\"Fly\"") && message.contains("odd.json"), "{message}");
    harness.key_press(Key::I);
    settle(&mut harness);
    assert!(!harness.state().session.views[0].look.invert);
    harness.key_press(Key::Q);
    settle(&mut harness);
    assert!(harness.state().session.views[0].look.invert);
    harness.key_press(Key::H);
    settle(&mut harness);
    // In the message and on the sheet.
    assert_eq!(harness.get_all_by_label_contains("no action is called").count(), 2);
    screenshot(&mut harness, "help-own-keys");
}

#[test]
fn what_was_opened_is_opened_again_and_what_is_gone_is_told() {
    let study = Study::made();
    let folder = tempfile::tempdir().unwrap();
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    drop(keeping(&study, folder.path(), true));
    let mut harness = keeping(&study, folder.path(), false);
    assert!(harness.state().document.entries().is_empty());
    screenshot(&mut harness, "recent");
    harness.get_by_label("ct").click();
    settle(&mut harness);
    assert!(harness.state().canvases[0].shown.is_some());
    drop(harness);

    std::fs::remove_dir_all(study.path().join("ct")).unwrap();
    let mut harness = keeping(&study, folder.path(), false);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::O);
    settle(&mut harness);
    // In the panel, and in the question.
    let again: Vec<_> = harness.get_all_by_label("ct").collect();
    assert_eq!(again.len(), 2);
    again[1].click();
    settle(&mut harness);
    harness.get_by_label_contains("not there any more");
    assert!(harness.state().recent.inputs().is_empty());
    drop(harness);
    let harness = keeping(&study, folder.path(), false);
    assert!(harness.state().recent.inputs().is_empty());
}
