//! What is said of controls under the pointer.

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::{Study, screenshot, settle, window, with_presets};
use crate::app::Viewer;

/// Holds the pointer over a control until what is said of it is there.
#[track_caller]
fn is_told(harness: &mut Harness<'_, Viewer>, control: &str, words: &str) {
    let node = |harness: &Harness<'_, Viewer>, act: fn(&egui_kittest::Node<'_>)| {
        // A slider has a name twice.
        act(&harness.get_all_by_label(control).next().unwrap());
    };
    node(harness, |own| own.scroll_to_me());
    settle(harness);
    node(harness, |own| own.hover());
    harness.run_steps(60);
    assert!(harness.query_by_label_contains(words).is_some(), "{control}: no {words:?}");
}

#[test]
fn controls_say_their_keys() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().to_owned()], [1280.0, 900.0], 1.0) else { return };
    settle(&mut harness);
    harness.key_press(Key::F1);
    settle(&mut harness);
    for (control, words) in [
        ("Axial", "(Alt+A)"),
        ("Coronal", "(Alt+C)"),
        ("Sagittal", "(Alt+S)"),
        ("3D", "(Alt+V)"),
        ("Inverted", "(I)"),
        ("Colours", "(Shift+C)"),
        ("Interpolation", "(Shift+I)"),
        ("MIP", "(Alt+1)"),
        ("MinIP", "(Alt+2)"),
        ("Mean", "(Alt+3)"),
        ("Over it", "(Shift+U)"),
        ("Opacity", "(Ctrl+,)"),
        ("SUV 0 to 10", "C 5 W 10"),
    ] {
        is_told(&mut harness, control, words);
    }
    screenshot(&mut harness, "hint");
    harness.key_press_modifiers(Modifiers::ALT, Key::V);
    settle(&mut harness);
    with_presets(&mut harness, 0);
    for control in ["Rendering", "MIP", "MinIP", "Mean"] {
        is_told(&mut harness, control, "(Shift+M)");
    }
    is_told(&mut harness, "bone", "(Shift+V)");
}
