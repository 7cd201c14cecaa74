//! Key images.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;

use super::{Study, screenshot, seen, settle, wait, window};
use crate::session::{Content, Direction, slice_number};

#[test]
fn key_images_are_marked_shown_again_and_saved() {
    let study = Study::made();
    let folder = tempfile::tempdir().unwrap();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    let slice = |harness: &egui_kittest::Harness<'_, crate::app::Viewer>| {
        let viewer = harness.state();
        let view = viewer.session.active_view().unwrap();
        let Content::Plane(plane) = view.content else { panic!("no plane") };
        let space = viewer.session.spaces[0];
        let grid = viewer.document.grid(view.series.unwrap()).unwrap();
        (plane.direction, slice_number(grid, space.center_mm, space.normal(plane.direction)).map(|own| own.0))
    };
    for key in [Key::ArrowDown, Key::Num2, Key::K] {
        harness.key_press(key);
        settle(&mut harness);
    }
    let marked = slice(&harness);
    let picture = seen(&harness, 0);
    harness.key_press_modifiers(Modifiers::ALT, Key::C);
    settle(&mut harness);
    harness.key_press(Key::K);
    settle(&mut harness);
    assert_eq!(harness.state().session.key_images.len(), 2);
    harness.key_press(Key::PageDown);
    settle(&mut harness);
    assert_eq!(slice(&harness).0, Direction::Coronal);
    screenshot(&mut harness, "key-images");

    // The same picture, to the last pixel.
    harness.get_by_label("Key image 1: CT 1 axial 32 / 60").click();
    settle(&mut harness);
    assert_eq!(slice(&harness), marked);
    assert_eq!(seen(&harness, 0), picture);

    // Pressed again on it, the key takes the mark away; undo brings it back.
    harness.key_press(Key::K);
    settle(&mut harness);
    assert_eq!(harness.state().session.key_images.len(), 1);
    harness.get_by_label("Undo").click();
    settle(&mut harness);

    harness.get_by_label("Save all…").click();
    settle(&mut harness);
    screenshot(&mut harness, "key-images-save");
    let path = folder.path().join("keys");
    harness.get_by_label("With letters, scale bar and measurements").click();
    harness.get_by_label("Path").focus();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.get_by_label("Path").type_text(&path.display().to_string());
    settle(&mut harness);
    harness.get_by_label("Save").click();
    wait(&mut harness, "nothing is told", |viewer| {
        viewer.message.as_ref().is_some_and(|(text, _)| text == "2 key images are saved.")
    });
    let saved = image::open(path.join("key-image-1.png")).unwrap().into_luma8();
    let shown: Vec<u8> = picture.pixels.iter().map(|pixel| pixel.r()).collect();
    assert_eq!((saved.width() as usize, saved.height() as usize), (picture.size[0], picture.size[1]));
    assert_eq!(*saved.as_raw(), shown);
    assert!(path.join("key-image-2.png").is_file() && path.join("key-image-2.json").is_file());

    // What is there is not written over unasked, and that is told.
    harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    settle(&mut harness);
    harness.get_by_label("Path").focus();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.get_by_label("Path").type_text(&path.display().to_string());
    settle(&mut harness);
    harness.get_by_label("Save").click();
    wait(&mut harness, "nothing is refused", |viewer| {
        viewer.message.as_ref().is_some_and(|(text, _)| text.starts_with("0 of 2 key images are saved."))
    });
}
