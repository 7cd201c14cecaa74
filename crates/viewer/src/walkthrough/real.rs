//! Real images: PET over CT, stacks, colour, MR of an oblique acquisition.

use egui::{Key, vec2};

use super::{screenshot, settle, view_rect, window};
use crate::document::Kind;
use crate::session::Content;

#[test]
fn a_real_pet_lies_over_its_ct_in_suv() {
    let Some(study) = anatome_testkit::shared_data("petct-acrin042.zip") else { return };
    let Some(mut harness) = window(vec![study], [1600.0, 1000.0], 1.0) else { return };
    settle(&mut harness);
    let viewer = harness.state();
    assert!(viewer.session.views[0].overlay.is_some());
    let pet =
        viewer.document.entries().iter().find(|entry| entry.facts.modality == anatome::Modality::Pt).unwrap();
    let pet = pet.id;
    let volume = &harness.state().document.whole(pet).unwrap().volume;
    assert_eq!(volume.mapping().unit, anatome::Unit::SuvBodyWeight);
    let (_, most) = volume.value_range().unwrap();
    assert!((most - 51.09).abs() < 0.05, "{most}");
    screenshot(&mut harness, "real-petct");
    // The value under the pointer is told of both.
    let rect = view_rect(&harness, 0);
    harness.hover_at(rect.center() + vec2(12.0, 20.0));
    settle(&mut harness);
    let hover = harness.state().interaction.hover.clone().unwrap();
    assert!(hover.text.iter().any(|line| line.ends_with("HU")), "{hover:?}");
    assert!(hover.text.iter().any(|line| line.ends_with("SUVbw")), "{hover:?}");
}

#[test]
fn frames_of_a_stack_are_paged_and_played() {
    let Some(study) = anatome_testkit::shared_data("syntaxes.zip") else { return };
    let Some(mut harness) = window(vec![study], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    let stacks: Vec<_> = harness
        .state()
        .document
        .entries()
        .iter()
        .filter(|entry| entry.facts.kind == Kind::Stack && entry.facts.shape.is_some_and(|[n, ..]| n > 10))
        .map(|entry| entry.id)
        .collect();
    assert!(!stacks.is_empty());
    let series = stacks[0];
    harness.state_mut().push(crate::command::Command::Show { view: 0, series, content: None });
    settle(&mut harness);
    screenshot(&mut harness, "real-stack");
    let frame = |harness: &egui_kittest::Harness<'_, crate::app::Viewer>| match harness.state().session.views
        [0]
    .content
    {
        Content::Frame(own) => own.frame,
        _ => panic!("no frame"),
    };
    assert_eq!(frame(&harness), 0);
    harness.key_press(Key::PageDown);
    settle(&mut harness);
    assert_eq!(frame(&harness), 10);
    harness.key_press(Key::Space);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while frame(&harness) == 10 {
        assert!(std::time::Instant::now() < until, "it does not play");
        std::thread::sleep(std::time::Duration::from_millis(10));
        harness.step();
    }
    harness.key_press(Key::Space);
    settle(&mut harness);
    assert!(harness.state().interaction.cine.is_none());
}
