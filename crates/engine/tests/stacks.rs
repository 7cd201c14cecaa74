//! Images that make no volume, from file to picture.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use anatome::{
    Backend, BackendChoice, Form, FrameStyle, Limits, Pixels, Progress, SeriesChoice, SeriesSpec, Stack,
    Study, Voi, Window, WindowFunction, Workers, draw_frame, write_series,
};
use anatome_phantom::{ThoraxSpec, thorax_ct};

/// Takes the position away from a file: its element becomes (0020,0033), which nobody reads.
fn without_position(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let tag = [0x20, 0, 0x32, 0, b'D', b'S'];
    let at = bytes.windows(tag.len()).position(|window| window == tag).unwrap();
    bytes[at + 2] = 0x33;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_frame_without_a_position_is_drawn_pixel_by_pixel() {
    let folder = tempfile::tempdir().unwrap();
    let workers = Workers::new(Some(2)).unwrap();
    let volume =
        thorax_ct(&ThoraxSpec { shape: [3, 40, 40], seed: 3 }, workers.pool(), &Progress::new()).unwrap();
    let spec = SeriesSpec { seed: 3, number: 1, description: "test".into(), file_prefix: String::new() };
    let paths = write_series(&volume, &spec, folder.path(), workers.pool(), &Progress::new()).unwrap();
    paths.iter().for_each(|path| without_position(path));

    let limits = Limits::default();
    let study = Study::scan(&[folder.path().into()], &limits, &workers, &Progress::new()).unwrap();
    let series = &study.series()[study.choose(&SeriesChoice::Largest).unwrap()];
    assert!(matches!(series.form(), Form::Stack { .. }));
    let stack = Stack::new(series, &limits).unwrap();
    let backend = Backend::open(BackendChoice::Cpu, None, &workers).unwrap();
    // CT that recommends none.
    let voi = Voi::Window(Window::new(40.0, 400.0, WindowFunction::Linear).unwrap());
    for k in 0..3 {
        let image =
            draw_frame(&stack, k, &FrameStyle::default(), [40, 40], &backend, &Progress::new()).unwrap();
        assert!(image.plane().is_none());
        let Pixels::Grey8(pixels) = image.pixels() else { panic!("not grey") };
        for (n, &pixel) in pixels.iter().enumerate() {
            // Padding shows the background.
            let value = volume.modality_value([k, n / 40, n % 40]);
            let expected = value.map_or(0, |value| (voi.display_from_modality(value) * 255.0 + 0.5) as u8);
            assert!(pixel.abs_diff(expected) <= 1, "frame {k}, pixel {n}: {pixel}, expected {expected}");
        }
    }
    assert!(draw_frame(&stack, 3, &FrameStyle::default(), [8, 8], &backend, &Progress::new()).is_err());
}
