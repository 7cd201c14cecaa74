//! Files that are dropped, questions, layouts, colours: by the pointer, keys and accessible names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{Key, Modifiers, OutputCommand, PointerButton, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::{Study, drag, screenshot, seen, settle, view_rect, wait, window};
use crate::app::Viewer;
use crate::dialogs::Dialog;
use crate::document::State;
use crate::session::{Layout, transfer_function_of};

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

fn drop_on(harness: &mut Harness<'_, Viewer>, path: PathBuf) {
    harness.input_mut().dropped_files.push(Arc::new(Dropped(path)));
    harness.step();
    harness.input_mut().dropped_files.clear();
}

fn type_path(harness: &mut Harness<'_, Viewer>, path: &Path) {
    harness.get_by_label("Path").focus();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.get_by_label("Path").type_text(&path.display().to_string());
    settle(harness);
}

fn choose_layout(harness: &mut Harness<'_, Viewer>, name: &str) {
    harness.get_by_label("Layout").click();
    settle(harness);
    harness.get_by_label(name).click();
    settle(harness);
}

#[test]
fn files_are_dropped_and_those_of_another_patient_are_asked_about() {
    let study = Study::made();
    let Some(mut harness) = window(Vec::new(), [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    drop_on(&mut harness, study.path().join("ct"));
    settle(&mut harness);
    assert!(harness.state().canvases[0].shown.is_some());

    let Some(other) = anatome_testkit::shared_data("4d-prostatex-dce.zip") else { return };
    drop_on(&mut harness, other.clone());
    settle(&mut harness);
    assert!(matches!(harness.state().dialog, Some(Dialog::Beside { .. })));
    screenshot(&mut harness, "second-patient");
    harness.get_by_label("Cancel").click();
    settle(&mut harness);
    assert_eq!(harness.state().document.inputs().len(), 1);

    // The same by its path.
    harness.key_press_modifiers(Modifiers::COMMAND, Key::O);
    settle(&mut harness);
    type_path(&mut harness, &other);
    harness.key_press(Key::Enter);
    settle(&mut harness);
    harness.get_by_label("Open beside").click();
    settle(&mut harness);
    harness.key_press(Key::F4);
    settle(&mut harness);
    let viewer = harness.state();
    assert_eq!(viewer.session.layout, Layout::SideBySide);
    let patients: Vec<_> = viewer
        .session
        .views
        .iter()
        .map(|view| viewer.document.entry(view.series.unwrap()).unwrap().patient)
        .collect();
    assert_ne!(patients[0], patients[1]);
    for (view, name) in ["Patient 1", "Patient 2"].into_iter().enumerate() {
        let lines = crate::viewport::written(&viewer.seen(view).unwrap(), &viewer.interaction);
        assert!(lines.iter().any(|line| line == name), "{lines:?}");
    }
    // Both views say so.
    let picture = screenshot(&mut harness, "two-patients");
    for view in [0, 1] {
        let rect = view_rect(&harness, view);
        let warns = |x: u32, y: u32| {
            let [r, g, b, _] = picture.get_pixel(x, y).0;
            (i32::from(r) - 232).abs() < 12
                && (i32::from(g) - 176).abs() < 12
                && (i32::from(b) - 88).abs() < 12
        };
        let columns = (rect.right() - 200.0) as u32..rect.right() as u32 - 2;
        let rows = rect.top() as u32 + 2..rect.top() as u32 + 60;
        assert!(columns.into_iter().any(|x| rows.clone().any(|y| warns(x, y))), "view {view} does not warn");
    }
}

#[test]
fn loading_is_cancelled_and_begun_again() {
    let Some(study) = anatome_testkit::shared_data("petct-acrin042.zip") else { return };
    let Some(mut harness) = window(vec![study], [1000.0, 700.0], 1.0) else { return };
    wait(&mut harness, "nothing is loaded", |viewer| {
        viewer.loader.work().iter().any(|work| work.what == "Loading")
    });
    harness.step();
    harness.get_by_label("Cancel").click();
    settle(&mut harness);
    let viewer = harness.state();
    let cancelled: Vec<_> = viewer
        .document
        .entries()
        .iter()
        .filter(|entry| matches!(&entry.state, State::Failed(reason) if reason == "cancelled"))
        .map(|entry| entry.id)
        .collect();
    assert_eq!(cancelled.len(), 1);
    harness.state_mut().read_again(cancelled[0]);
    settle(&mut harness);
    assert!(harness.state().document.whole(cancelled[0]).is_some());
}

#[test]
fn grids_are_filled_and_colours_are_chosen() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().to_owned()], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    choose_layout(&mut harness, "Grid of 3 x 2");
    let viewer = harness.state();
    assert_eq!((viewer.session.layout, viewer.canvases.len()), (Layout::Grid(3, 2), 6));
    let rects: Vec<_> = (0..6).map(|view| view_rect(&harness, view)).collect();
    assert!(rects.windows(2).all(|pair| !pair[0].shrink(1.0).intersects(pair[1].shrink(1.0))));
    screenshot(&mut harness, "grid");
    choose_layout(&mut harness, "One view");

    let is_grey = |harness: &Harness<'_, Viewer>| {
        let picture = seen(harness, 0);
        picture.pixels.iter().all(|pixel| pixel.r() == pixel.g() && pixel.g() == pixel.b())
    };
    harness.get_by_label("Over it").click();
    settle(&mut harness);
    harness.get_by_label("nothing").click();
    settle(&mut harness);
    assert!(is_grey(&harness));
    harness.get_by_label("Colours").click();
    settle(&mut harness);
    harness.get_by_label("hot-metal").click();
    settle(&mut harness);
    assert!(!is_grey(&harness));
    harness.get_by_label("Undo").click();
    settle(&mut harness);
    assert!(is_grey(&harness));
    harness.get_by_label("Redo").click();
    settle(&mut harness);
    assert!(!is_grey(&harness));
}

#[test]
fn the_transfer_function_is_dragged_shifted_and_undone() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [760.0, 720.0], 1.0) else { return };
    settle(&mut harness);
    harness.key_press_modifiers(Modifiers::ALT, Key::V);
    settle(&mut harness);
    let points = |harness: &Harness<'_, Viewer>| {
        let viewer = harness.state();
        let view = &viewer.session.views[0];
        let defaults = viewer.document.defaults(view.series.unwrap()).unwrap();
        transfer_function_of(&view.look, defaults).unwrap().points().to_vec()
    };
    let before = points(&harness);
    let editor = harness.get_by_label("Transfer function").rect();
    // Beside the points: all are shifted to the right by a part of what is shown.
    let from = editor.left_top() + vec2(30.0, 20.0);
    drag(&mut harness, from, from + vec2(25.0, 0.0), PointerButton::Primary);
    settle(&mut harness);
    let shifted = points(&harness);
    let by = shifted[0].value - before[0].value;
    assert!(by > 50.0, "{by}");
    assert!(before.iter().zip(&shifted).all(|(a, b)| (b.value - a.value - by).abs() < 1e-6));
    harness.get_by_label("Undo").click();
    settle(&mut harness);
    assert_eq!(points(&harness), before);

    // A point that is not there is added by a double click, where it was clicked.
    let at = editor.right_top() + vec2(-30.0, 40.0);
    harness.hover_at(at);
    harness.step();
    for pressed in [true, false, true, false] {
        let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
        harness.event(egui::Event::PointerButton { pos: at, button, pressed, modifiers });
    }
    settle(&mut harness);
    assert_eq!(points(&harness).len(), before.len() + 1);
    // And dragged down to nothing.
    drag(&mut harness, at, at + vec2(0.0, 90.0), PointerButton::Primary);
    settle(&mut harness);
    let low =
        points(&harness).iter().filter(|point| point.opacity_per_mm == 0.0 && point.value > 1000.0).count();
    assert_eq!(low, 1);

    // From near and from far: parallel rays, and perspective.
    let parallel = seen(&harness, 0);
    harness.get_by_label("Perspective").click();
    settle(&mut harness);
    assert_ne!(seen(&harness, 0), parallel);
    screenshot(&mut harness, "perspective");
}

#[test]
fn a_pet_is_laid_over_a_projection() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().to_owned()], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    harness.key_press(Key::F1);
    settle(&mut harness);
    harness.key_press_modifiers(Modifiers::ALT, Key::V);
    settle(&mut harness);
    harness.get_by_label("MIP").click();
    settle(&mut harness);
    let colored = |harness: &Harness<'_, Viewer>| {
        let picture = seen(harness, 0);
        picture.pixels.iter().filter(|pixel| pixel.r() > pixel.b().saturating_add(30)).count()
    };
    assert!(colored(&harness) > 200, "{}", colored(&harness));
    screenshot(&mut harness, "fusion-mip");
    harness.get_by_label("Over it").click();
    settle(&mut harness);
    harness.get_by_label("nothing").click();
    settle(&mut harness);
    assert_eq!(colored(&harness), 0);
}

#[test]
fn pictures_are_copied_and_saved_in_every_form() {
    let study = Study::made();
    let folder = tempfile::tempdir().unwrap();
    let Some(mut harness) = window(vec![study.path().join("ct")], [900.0, 600.0], 1.0) else { return };
    settle(&mut harness);
    let shown = seen(&harness, 0);
    harness.event(egui::Event::Copy);
    harness.step();
    let copied = harness.output().platform_output.commands.iter().find_map(|command| match command {
        OutputCommand::CopyImage(image) => Some(image.clone()),
        _ => None,
    });
    // With what is drawn over it: nothing of that is in the middle of the picture.
    let (copied, [width, height]) = (copied.unwrap(), shown.size);
    let at = |image: &egui::ColorImage, x: usize, y: usize| image.pixels[y * width + x];
    let differ = |columns: std::ops::Range<usize>, rows: std::ops::Range<usize>| {
        let all = rows.flat_map(|y| columns.clone().map(move |x| (x, y)));
        all.filter(|&(x, y)| at(&copied, x, y) != at(&shown, x, y)).count()
    };
    assert_eq!(copied.size, shown.size);
    assert_eq!(differ(width / 4..width * 3 / 4, height / 4..height * 3 / 4), 0);
    assert!(differ(width * 2 / 3..width, height * 9 / 10..height) > 100);

    for (form, size, name) in
        [("JPEG", "As shown", "a.jpg"), ("TIFF", "As shown", "b.tif"), ("PNG", "8K", "c.png")]
    {
        harness.state_mut().message = None;
        harness.key_press_modifiers(Modifiers::COMMAND, Key::E);
        settle(&mut harness);
        harness.get_by_label(form).click();
        harness.get_by_label(size).click();
        harness.get_by_label("With letters, scale bar and measurements").click();
        settle(&mut harness);
        let path = folder.path().join(name);
        type_path(&mut harness, &path);
        harness.get_by_label("Save").click();
        wait(&mut harness, "nothing is told", |viewer| viewer.message.is_some());
        let picture = image::open(&path).unwrap().into_luma8();
        if size == "8K" {
            assert_eq!(picture.width().max(picture.height()), 7680);
            continue;
        }
        let pixels = picture.as_raw().iter().zip(&shown.pixels);
        let worst = pixels.map(|(&saved, pixel)| saved.abs_diff(pixel.r())).max().unwrap();
        let most = if form == "TIFF" { 0 } else { 24 };
        assert!(worst <= most, "{form}: {worst}");
    }
}

#[test]
fn a_series_is_dragged_onto_a_view() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    harness.state_mut().open(vec![study.path().join("pet")]);
    settle(&mut harness);
    harness.key_press(Key::F4);
    settle(&mut harness);
    let shown = |harness: &Harness<'_, Viewer>| {
        let viewer = harness.state();
        let number = |id| viewer.document.entry(id).unwrap().facts.number.unwrap();
        viewer.session.views.iter().map(|view| view.series.map(number)).collect::<Vec<_>>()
    };
    assert_eq!(shown(&harness), [Some(1), Some(2)]);
    let row = |harness: &Harness<'_, Viewer>, name: &str| harness.get_by_label_contains(name).rect().center();
    let (from, to) = (row(&harness, "Series 1, CT"), view_rect(&harness, 1).center());
    let window = harness.state().session.views[1].look.clone();
    drag(&mut harness, from, to, PointerButton::Primary);
    settle(&mut harness);
    assert_eq!((shown(&harness), harness.state().session.active), (vec![Some(1), Some(1)], 1));
    // Nothing else was dragged by it.
    assert_eq!(harness.state().session.views[1].look, window);
}
