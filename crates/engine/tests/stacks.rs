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

/// Gives a file a supplemental palette (PS3.3 C.7.6.19): red from the stored value `first` on.
fn with_palette(path: &Path, first: i16) {
    let mut elements = Vec::new();
    for (n, entry) in [(1u8, 0xFFFFu16), (2, 0), (3, 0)] {
        elements.extend([0x28, 0, n, 0x11, b'S', b'S', 6, 0, 1, 0]);
        elements.extend(first.to_le_bytes());
        elements.extend([16, 0, 0x28, 0, n, 0x12, b'O', b'W', 0, 0, 2, 0, 0, 0]);
        elements.extend(entry.to_le_bytes());
    }
    let mut bytes = fs::read(path).unwrap();
    let tag = [0xE0, 0x7F, 0x10, 0, b'O', b'W'];
    let at = bytes.windows(tag.len()).position(|window| window == tag).unwrap();
    bytes.splice(at..at, elements);
    fs::write(path, bytes).unwrap();
}

#[test]
fn colours_of_the_highest_values_are_drawn_upon_grey() {
    let folder = tempfile::tempdir().unwrap();
    let workers = Workers::new(Some(2)).unwrap();
    let volume =
        thorax_ct(&ThoraxSpec { shape: [1, 40, 40], seed: 3 }, workers.pool(), &Progress::new()).unwrap();
    let spec = SeriesSpec { seed: 3, number: 1, description: "test".into(), file_prefix: String::new() };
    let paths = write_series(&volume, &spec, folder.path(), workers.pool(), &Progress::new()).unwrap();
    let first = volume.mapping().stored_from_modality(30.0).round();
    paths.iter().for_each(|path| {
        without_position(path);
        with_palette(path, first as i16);
    });
    let limits = Limits::default();
    let study = Study::scan(&[folder.path().into()], &limits, &workers, &Progress::new()).unwrap();
    let stack = Stack::new(&study.series()[0], &limits).unwrap();
    let backend = Backend::open(BackendChoice::Cpu, None, &workers).unwrap();
    let image = draw_frame(&stack, 0, &FrameStyle::default(), [40, 40], &backend, &Progress::new()).unwrap();
    let Pixels::Rgba8(pixels) = image.pixels() else { panic!("not in colour") };
    let voi = Voi::Window(Window::new(40.0, 400.0, WindowFunction::Linear).unwrap());
    let mut red = 0;
    for (n, pixel) in pixels.as_chunks::<4>().0.iter().enumerate() {
        let stored = volume.samples().get([0, n / 40, n % 40]).unwrap();
        if stored >= first && !volume.padding().is_some_and(|padding| padding.contains(stored)) {
            assert_eq!(pixel[..3], [255, 0, 0], "pixel {n}");
            red += 1;
            continue;
        }
        let value = volume.modality_value([0, n / 40, n % 40]);
        let expected = value.map_or(0.0, |value| voi.display_from_modality(value) * 255.0);
        assert!(pixel[..3].iter().all(|&v| (f64::from(v) - expected).abs() <= 1.0), "pixel {n}: {pixel:?}");
    }
    assert!((100..1500).contains(&red), "{red}");
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
