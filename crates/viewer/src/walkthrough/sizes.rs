//! Windows of several sizes and scales.

use egui::Key;

use super::{Study, screenshot, settle, window};

/// One image pixel is computed for each pixel of the screen, and views lie on whole ones.
#[test]
fn pictures_have_the_pixels_of_the_screen_at_every_scale() {
    let study = Study::made();
    let all =
        [([700.0, 500.0], 1.25), ([1280.0, 800.0], 1.5), ([1280.0, 800.0], 2.0), ([1920.0, 1080.0], 2.0)];
    for (size, scale) in all {
        let Some(mut harness) = window(vec![study.path().join("ct")], size, scale) else { return };
        settle(&mut harness);
        harness.key_press(Key::F3);
        settle(&mut harness);
        let viewer = harness.state();
        assert_eq!(viewer.canvases.len(), 4);
        for canvas in &viewer.canvases {
            let rect = canvas.rect.unwrap();
            for edge in [rect.left(), rect.top(), rect.right(), rect.bottom()] {
                let pixels = edge * scale;
                assert!((pixels - pixels.round()).abs() < 1e-2, "{scale}: {pixels}");
            }
            let shown = canvas.picture.as_ref().unwrap();
            let expected = [rect.width(), rect.height()].map(|side| (side * scale).round() as usize);
            assert_eq!(shown.size, expected, "{scale}");
        }
        screenshot(&mut harness, &format!("size-{}x{}-at-{scale}", size[0], size[1]));
    }
}
