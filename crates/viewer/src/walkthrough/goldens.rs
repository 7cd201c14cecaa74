//! Pictures of whole windows that are kept, so that nothing moves, is cut off or covered unseen. Written by
//! `cargo xtask golden window-NAME`; the study in them is the generated one.

use std::path::Path;

use anatome::Pixels;
use anatome_testkit::{Difference, Goldens, Tolerance, compare_pixels};
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use glam::{DVec2, DVec3};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ImageEncoder as _, ImageFormat, RgbaImage};

use super::{Study, settle, window, with_presets};
use crate::app::Viewer;
use crate::command::Command;
use crate::measure::Kind;
use crate::session::{Layout, Shown};

/// In pixels. What is stored must stay small: pictures of tissue compress badly.
const SIZE: [f32; 2] = [1000.0, 640.0];
const SMALL: [f32; 2] = [860.0, 520.0];

/// The window as a file, without the alpha that it has not.
fn png(picture: &RgbaImage) -> Vec<u8> {
    let rgb = DynamicImage::from(picture.clone()).into_rgb8();
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Adaptive);
    let (width, height) = rgb.dimensions();
    encoder.write_image(&rgb, width, height, image::ExtendedColorType::Rgb8).unwrap();
    bytes
}

fn compared(kept: &[u8], found: &RgbaImage) -> Result<(), Difference> {
    let kept = image::load_from_memory_with_format(kept, ImageFormat::Png).unwrap().into_rgba8();
    let size = |image: &RgbaImage| [image.width(), image.height()];
    if size(&kept) != size(found) {
        return Err(Difference::Size(size(&kept), size(found)));
    }
    let pixels = |image: &RgbaImage| Pixels::Rgba8(image.as_raw().clone());
    compare_pixels(&pixels(&kept), &pixels(found), size(found), &Tolerance::WINDOW).map(drop)
}

fn check(harness: &mut Harness<'_, Viewer>, case: &str) {
    // Until what fades in or out has done so.
    harness.run_steps(30);
    settle(harness);
    let picture = harness.render().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let goldens = Goldens::open(folder, std::env::temp_dir().join("anatome-viewer-golden")).unwrap();
    let compare = |kept: &[u8]| compared(kept, &picture).map_err(Some);
    if let Err(fault) = goldens.check_file(case, "png", &png(&picture), compare) {
        panic!("{fault}: {fault:?}");
    }
}

/// A window of so many pixels with a part of a study.
fn opened(input: &str, size_px: [f32; 2], per_point: f32) -> Option<(Study, Harness<'static, Viewer>)> {
    let study = Study::made();
    let inputs = vec![study.path().join(input)];
    let mut harness = window(inputs, size_px.map(|side| side / per_point), per_point)?;
    settle(&mut harness);
    Some((study, harness))
}

#[test]
fn planes_and_3d() {
    let Some((_study, mut harness)) = opened("ct", SMALL, 1.0) else { return };
    harness.key_press(Key::F2);
    settle(&mut harness);
    check(&mut harness, "window-planes");
}

#[test]
fn a_fusion() {
    let Some((_study, mut harness)) = opened("", SMALL, 1.0) else { return };
    harness.key_press(Key::F1);
    settle(&mut harness);
    check(&mut harness, "window-fusion");
}

#[test]
fn measurements_of_several_kinds() {
    let Some((_study, mut harness)) = opened("ct", SIZE, 1.0) else { return };
    let center = harness.state().session.spaces[0].center_mm;
    let all: [(Kind, &[[f64; 2]]); 6] = [
        (Kind::Length, &[[-120.0, -90.0], [-20.0, -90.0]]),
        (Kind::Angle, &[[40.0, -100.0], [90.0, -60.0], [140.0, -110.0]]),
        (Kind::Ellipse, &[[-110.0, -30.0], [-50.0, 20.0]]),
        (Kind::Bidirectional, &[[50.0, -10.0], [120.0, 10.0], [80.0, 20.0], [90.0, -20.0]]),
        (Kind::Probe, &[[0.0, 60.0]]),
        (Kind::Arrow, &[[-60.0, 70.0], [-100.0, 100.0]]),
    ];
    for (kind, points) in all {
        let place = harness.state().seen(0).unwrap().place(kind).unwrap();
        let points = points.iter().map(|&[x, y]| center + DVec3::new(x, y, 0.0)).collect();
        let text = if kind == Kind::Arrow { "rib".to_owned() } else { String::new() };
        harness.state_mut().do_now(&Command::Measure { kind, place, points, text });
    }
    settle(&mut harness);
    check(&mut harness, "window-measured");
}

#[test]
fn the_help_sheet() {
    let Some((_study, mut harness)) = opened("ct", SIZE, 1.0) else { return };
    harness.key_press(Key::H);
    settle(&mut harness);
    check(&mut harness, "window-help");
}

#[test]
fn a_rendering_and_its_transfer_function() {
    let Some((_study, mut harness)) = opened("ct", SIZE, 1.0) else { return };
    harness.key_press_modifiers(Modifiers::ALT, Key::V);
    settle(&mut harness);
    harness.state_mut().do_now(&Command::Zoom { view: 0, factor: 0.5, about_mm: DVec2::ZERO });
    with_presets(&mut harness, 0);
    check(&mut harness, "window-rendering");
}

#[test]
fn a_grid_of_narrow_views() {
    let Some((_study, mut harness)) = opened("", SIZE, 1.0) else { return };
    harness.state_mut().push(Command::Arrange { layout: Layout::Grid(4, 3) });
    settle(&mut harness);
    check(&mut harness, "window-grid");
}

#[test]
fn two_pixels_a_point() {
    let Some((_study, mut harness)) = opened("ct", [1280.0, 960.0], 2.0) else { return };
    check(&mut harness, "window-fine");
}

/// Where a letter of a view is moved by a pixel, or left out, the pictures are no longer those that are kept.
#[test]
fn what_is_moved_by_a_pixel_is_seen() {
    let Some((_study, mut harness)) = opened("ct", SIZE, 1.0) else { return };
    let before = harness.render().unwrap();
    assert_eq!(compared(&png(&before), &before), Ok(()));
    let label = harness.get_by_label("Tool: Window").rect();
    let mut moved = before.clone();
    for y in label.top() as u32..label.bottom() as u32 {
        for x in label.left() as u32..label.right() as u32 {
            moved.put_pixel(x + 1, y, *before.get_pixel(x, y));
        }
    }
    assert!(matches!(compared(&png(&before), &moved), Err(Difference::Intensity { .. })));
    let shown = Shown { labels: false, ..harness.state().session.shown };
    harness.state_mut().push(Command::Overlays { shown });
    settle(&mut harness);
    assert!(compared(&png(&before), &harness.render().unwrap()).is_err());
}
