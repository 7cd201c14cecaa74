//! Windows of several sizes and scales.

use egui::Key;

use anatome::BackendChoice;

use super::{
    Study, gpu_options, options, screenshot, seen, settle, view_rect, window, window_with, without_marks,
};
use crate::command::Command;
use crate::session::Shown;

/// One image pixel is computed for each pixel of the screen, and views lie on whole ones.
#[test]
fn pictures_have_the_pixels_of_the_screen_at_every_scale() {
    let study = Study::made();
    let all =
        [([700.0, 500.0], 1.25), ([1280.0, 800.0], 1.5), ([1280.0, 800.0], 2.0), ([1920.0, 1080.0], 2.0)];
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    let start = vec![study.path().join("ct")];
    let by_cpu = all.map(|own| (options(start.clone()), own));
    let on_gpu = [all[0], all[1]].map(|own| (gpu_options(start.clone()), own));
    for (options, (size, scale)) in by_cpu.into_iter().chain(on_gpu) {
        let stays = options.backend == BackendChoice::Gpu;
        let mut harness = window_with(options, size, scale);
        settle(&mut harness);
        harness.key_press(Key::F3);
        settle(&mut harness);
        let viewer = harness.state();
        assert_eq!(viewer.canvases.len(), 4);
        for (view, canvas) in viewer.canvases.iter().enumerate() {
            let rect = canvas.rect.unwrap();
            for edge in [rect.left(), rect.top(), rect.right(), rect.bottom()] {
                let pixels = edge * scale;
                assert!((pixels - pixels.round()).abs() < 1e-2, "{scale}: {pixels}");
            }
            assert_eq!(canvas.picture.as_ref().unwrap().on_gpu().is_some(), stays);
            let shown = seen(&harness, view);
            let expected = [rect.width(), rect.height()].map(|side| (side * scale).round() as usize);
            assert_eq!(shown.size, expected, "{scale}");
        }
        screenshot(&mut harness, &format!("size-{}x{}-at-{scale}", size[0], size[1]));

        // Without what is written over them, all but their frames is as it was made.
        let shown = Shown {
            labels: false,
            crosshair: false,
            reference_lines: false,
            ..harness.state().session.shown
        };
        harness.state_mut().push(Command::Overlays { shown });
        settle(&mut harness);
        let window = harness.render().unwrap();
        for view in 0..4 {
            let (rect, picture) = (view_rect(&harness, view), seen(&harness, view));
            let [left, top] = [rect.left(), rect.top()].map(|edge| (edge * scale).round() as u32);
            let [width, height] = picture.size.map(|side| side as u32);
            let frame = (2.0 * scale) as u32;
            let is_bare = without_marks(rect);
            let places = (frame..height - frame).flat_map(|y| (frame..width - frame).map(move |x| (x, y)));
            for (x, y) in places.filter(|&(x, y)| is_bare(rect.min + egui::vec2(x as f32, y as f32) / scale))
            {
                let expected = picture.pixels[(y * width + x) as usize].to_array();
                assert_eq!(window.get_pixel(left + x, top + y).0, expected, "{scale}, {view}: {x}, {y}");
            }
        }
    }
}
