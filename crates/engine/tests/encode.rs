//! Encoded pictures, read back by other decoders.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use anatome::{
    Appearance, Image, Output, PictureFormat, Pixels, PlaneGeometry, Recipe, Request, Scene, SlicePlane,
    View, Voi, Window, WindowFunction, Workers, encode,
};
use anatome_testkit::Random;
use glam::DVec3;
use image::DynamicImage;

/// Of one pixel, of one row or column, and of several strips that do not come out even.
const SIZES: [[u32; 2]; 6] = [[1, 1], [700, 1], [1, 700], [17, 9], [1023, 1777], [5000, 130]];

/// The shape of a picture at a pixel, 0 to 1: nothing outside a disk, and waves with noise in it.
fn shade(random: &mut Random, [x, y]: [u32; 2], [width, height]: [u32; 2], noise: f64) -> f64 {
    let [u, v] = [(x, width), (y, height)].map(|(at, of)| (f64::from(at) + 0.5) / f64::from(of) - 0.5);
    let wave = 0.5 + 0.4 * (20.0 * u).sin() * (9.0 * v).cos();
    if u.hypot(v) > 0.45 { 0.0 } else { (wave + random.between(-noise, noise)).clamp(0.0, 1.0) }
}

fn shades(size: [u32; 2], noise: f64) -> Vec<f64> {
    let mut random = Random::new(u64::from(size[0]) << 32 | u64::from(size[1]));
    let pixels = (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| [x, y]));
    pixels.map(|at| shade(&mut random, at, size, noise)).collect()
}

fn picture(size_px: [u32; 2], pixels: Pixels, pixel_mm: Option<f64>) -> Image {
    let plane = SlicePlane { center_mm: DVec3::ZERO, right: DVec3::X, down: DVec3::Y, width_mm: 1.0 };
    let voi = Voi::Window(Window::new(0.0, 1.0, WindowFunction::LinearExact).unwrap());
    let appearance = Appearance::Grey { voi, invert: false, colors: None };
    let request = Request::new(Scene::of_primary(View::Slice { plane }, appearance), size_px, Output::Grey8);
    let geometry =
        |pixel_mm| PlaneGeometry { first_pixel_mm: DVec3::ZERO, right: DVec3::X, down: DVec3::Y, pixel_mm };
    let recipe = Recipe::new(&request, Vec::new(), "reference", None);
    Image::new(size_px[0], size_px[1], pixels, pixel_mm.map(geometry), recipe).unwrap()
}

fn grey8(size: [u32; 2], noise: f64) -> Vec<u8> {
    shades(size, noise).into_iter().map(|v| (255.0 * v) as u8).collect()
}

fn rgba8(size: [u32; 2], noise: f64) -> Vec<u8> {
    let rgba = |v: f64| [(255.0 * v) as u8, (200.0 * v * v) as u8, (90.0 * v) as u8, 255];
    shades(size, noise).into_iter().flat_map(rgba).collect()
}

fn without_alpha(rgba: &[u8]) -> Vec<u8> {
    rgba.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect()
}

/// What is encoded, by any number of threads alike, as another decoder reads it.
fn decoded(image: &Image, format: PictureFormat) -> DynamicImage {
    let by = |threads| encode(image, format, &Workers::new(Some(threads)).unwrap()).unwrap();
    let bytes = by(1);
    assert!(bytes == by(3), "{format:?}: the bytes depend on the number of threads");
    let read = image::load_from_memory(&bytes).unwrap();
    assert_eq!([read.width(), read.height()], [image.width_px(), image.height_px()]);
    read
}

#[test]
fn lossless_files_hold_every_pixel() {
    for format in [PictureFormat::Png, PictureFormat::Tiff] {
        assert!(!format.is_lossy());
        for size in SIZES {
            // Without noise, with some, and nothing but noise.
            for noise in [0.0, 0.02, 30.0] {
                let of = |pixels| decoded(&picture(size, pixels, None), format);
                let grey = grey8(size, noise);
                let DynamicImage::ImageLuma8(read) = of(Pixels::Grey8(grey.clone())) else {
                    panic!("not grey")
                };
                assert!(read.into_raw() == grey, "{format:?} {size:?} {noise}");
                let deep: Vec<u16> = shades(size, noise).into_iter().map(|v| (65535.0 * v) as u16).collect();
                let DynamicImage::ImageLuma16(read) = of(Pixels::Grey16(deep.clone())) else {
                    panic!("not 16 bits")
                };
                assert!(read.into_raw() == deep, "{format:?} {size:?} {noise}");
                let rgba = rgba8(size, noise);
                let DynamicImage::ImageRgb8(read) = of(Pixels::Rgba8(rgba.clone())) else {
                    panic!("not RGB")
                };
                assert!(read.into_raw() == without_alpha(&rgba), "{format:?} {size:?} {noise}");
            }
        }
    }
}

#[test]
fn values_are_floats_in_a_tiff() {
    let size = [300, 600];
    let mut values: Vec<f32> = shades(size, 0.1).into_iter().map(|v| (3000.0 * v - 1000.0) as f32).collect();
    values[1000] = f32::NAN;
    let image = picture(size, Pixels::Values(values.clone()), None);
    let bytes = encode(&image, PictureFormat::Tiff, &Workers::new(Some(2)).unwrap()).unwrap();
    let mut decoder = tiff::decoder::Decoder::new(std::io::Cursor::new(bytes)).unwrap();
    let tiff::decoder::DecodingResult::F32(read) = decoder.read_image().unwrap() else { panic!("no floats") };
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert!(bits(&read) == bits(&values));
}

/// Strips and restart markers change no pixel: blocks do not depend on each other.
#[test]
fn a_jpeg_is_what_one_encoder_makes_of_the_whole() {
    for size in SIZES {
        let [width, height] = size.map(|n| n as u16);
        for quality in [30, 95] {
            let format = PictureFormat::Jpeg { quality };
            let one = |bytes: &[u8], color: jpeg_encoder::ColorType| {
                let mut out = Vec::new();
                let mut encoder = jpeg_encoder::Encoder::new(&mut out, quality);
                encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
                encoder.encode(bytes, width, height, color).unwrap();
                image::load_from_memory(&out).unwrap()
            };
            let grey = grey8(size, 0.02);
            let whole = one(&grey, jpeg_encoder::ColorType::Luma);
            assert!(decoded(&picture(size, Pixels::Grey8(grey), None), format) == whole, "{size:?}");
            let rgba = rgba8(size, 0.02);
            let whole = one(&without_alpha(&rgba), jpeg_encoder::ColorType::Rgb);
            assert!(decoded(&picture(size, Pixels::Rgba8(rgba), None), format) == whole, "{size:?}");
        }
    }
}

/// A quality of 95 has steps of one to ten grey levels: on a smooth picture less than a level of error, rms.
#[test]
fn a_jpeg_is_close_and_says_that_it_is_lossy() {
    assert!(PictureFormat::JPEG.is_lossy());
    let size = [1023, 777];
    let grey = grey8(size, 0.0);
    let read = decoded(&picture(size, Pixels::Grey8(grey.clone()), None), PictureFormat::JPEG).into_luma8();
    let squares = read.as_raw().iter().zip(&grey).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
    let rms = (squares.sum::<f64>() / grey.len() as f64).sqrt();
    assert!(rms > 0.0 && rms < 1.0, "{rms}");
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let workers = Workers::new(Some(1)).unwrap();
    let refused = |pixels, format| {
        let error = encode(&picture([2, 1], pixels, None), format, &workers).unwrap_err();
        assert_eq!(error.kind(), anatome::ErrorKind::Unsupported);
        error.to_string()
    };
    let deep = refused(Pixels::Grey16(vec![0, 1]), PictureFormat::JPEG);
    assert!(deep.contains("16 bits") && deep.contains("JPEG"), "{deep}");
    assert!(refused(Pixels::Values(vec![0.0; 2]), PictureFormat::JPEG).contains("values"));
    assert!(refused(Pixels::Values(vec![0.0; 2]), PictureFormat::Png).contains("values"));
    for quality in [0, 101] {
        refused(Pixels::Grey8(vec![0; 2]), PictureFormat::Jpeg { quality });
    }
}

/// Where bytes stand in others.
fn after<'a>(bytes: &'a [u8], part: &[u8]) -> &'a [u8] {
    let at = bytes.windows(part.len()).position(|window| window == part).unwrap();
    &bytes[at + part.len()..]
}

#[test]
fn the_distance_of_pixels_is_stated_where_it_is_known() {
    let workers = Workers::new(Some(1)).unwrap();
    let bytes =
        |format, mm| encode(&picture([2, 1], Pixels::Grey8(vec![0; 2]), mm), format, &workers).unwrap();
    // 0.125 mm: 8000 pixels a metre, 80 a centimetre.
    let png = bytes(PictureFormat::Png, Some(0.125));
    assert_eq!(after(&png, b"pHYs")[..9], [0, 0, 31, 64, 0, 0, 31, 64, 1]);
    assert!(!bytes(PictureFormat::Png, None).windows(4).any(|name| name == b"pHYs"));
    let jpeg = bytes(PictureFormat::JPEG, Some(0.125));
    assert_eq!(after(&jpeg, b"JFIF\0\x01\x02")[..5], [2, 0, 80, 0, 80]);
    let tiff = bytes(PictureFormat::Tiff, Some(0.125));
    // The field of the unit: centimetres. The value of a rational stands apart: 800,000 / 10,000.
    assert_eq!(after(&tiff, &[40, 1, 3, 0, 1, 0, 0, 0])[..2], [3, 0]);
    let ratio = [800_000u32.to_le_bytes(), 10_000u32.to_le_bytes()].concat();
    assert!(tiff.windows(8).any(|bytes| bytes == ratio));
}
