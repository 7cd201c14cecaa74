//! Pictures of frames that make no volume: radiographs, ultrasound, secondary captures, colour.

use std::sync::Arc;

use anatome_core::{
    Appearance, Facts, Grid, Image, Modality, Output, Pixels, Progress, Quality, Request, Samples, Scene,
    SlicePlane, Unit, ValueMapping, View, Voi, Volume, Window, WindowFunction,
};
use anatome_dicom::{FramePixels, Stack, SupplementalPalette};
use glam::{DAffine3, DVec3};
use ndarray::{Array3, Axis};

use crate::pictures::WindowChoice;
use crate::presets::default_window;
use crate::{Backend, Result};

/// How a frame is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrameStyle {
    /// The window; the frame's own if absent. Colour has none.
    pub window: Option<WindowChoice>,
    /// How well.
    pub quality: Quality,
}

/// Draws frame `n` (from 0) of a stack, whole, in the middle of a picture of `size_px`, with its pixels in their true
/// shape. The picture stands nowhere in the patient: [`Image::plane`] is `None`, and its scene is in mm (or, where no
/// spacing is known, in pixels) from the frame's first pixel, x to the right and y down.
///
/// # Errors
/// As [`Stack::frame`] and [`Backend::render`]; other modality, for a window that is made for another one.
pub fn draw_frame(
    stack: &Stack,
    n: usize,
    style: &FrameStyle,
    size_px: [u32; 2],
    backend: &Backend,
    progress: &Progress,
) -> Result<Image> {
    let spacing = stack.spacing(n)?;
    let pixel_mm = spacing.mm.unwrap_or([spacing.aspect, 1.0]);
    let frame = stack.frame(n)?;
    let draw = |volume: Volume, appearance: Appearance| -> Result<Image> {
        let scene = whole(&volume, appearance, size_px);
        let request = Request { quality: style.quality, ..Request::new(scene, size_px, Output::Grey8) };
        let uploaded = backend.upload(&Arc::new(volume), progress)?;
        backend.render(&request, &uploaded, progress)
    };
    match frame.pixels {
        FramePixels::Grey(grey) => {
            let [_, rows, columns] = grey.samples.shape();
            let grid = grid([rows, columns], pixel_mm)?;
            let colors = grey.supplemental;
            let volume = Volume::new(grid, grey.samples, grey.mapping, grey.padding, grey.facts)?;
            let voi = match &style.window {
                Some(window) => Voi::Window(window.resolve(&volume.facts().modality)?),
                None => default_window(&volume)?,
            };
            let invert = volume.facts().inverted;
            if let Some(colors) = colors {
                let rgb = mixed(&volume, &voi, invert, &colors);
                return draw_color(&rgb, pixel_mm, size_px, draw);
            }
            let image = draw(volume, Appearance::Grey { voi, invert, colors: None })?;
            nowhere(size_px, image.pixels().clone(), &image)
        }
        FramePixels::Rgb(rgb) => draw_color(&rgb, pixel_mm, size_px, draw),
        other => Err(anatome_core::Error::Unsupported { feature: format!("drawing {other:?}") }.into()),
    }
}

/// Grey through its window, and colours as they are (PS3.3 C.7.6.19).
fn mixed(volume: &Volume, voi: &Voi, invert: bool, colors: &SupplementalPalette) -> Array3<u8> {
    let [_, rows, columns] = volume.grid().shape();
    let grey = |value: f64| {
        let shown = voi.display_from_modality(value);
        (255.0 * if invert { 1.0 - shown } else { shown }).round() as u8
    };
    let mut rgb = Array3::zeros((rows, columns, 3));
    for j in 0..rows {
        for i in 0..columns {
            let value = volume.modality_value([0, j, i]);
            let color = volume.samples().get([0, j, i]).and_then(|stored| colors.rgb(stored));
            // Padding is background.
            let pixel = color.or(value.map(|value| [grey(value); 3])).filter(|_| value.is_some());
            for (n, part) in pixel.unwrap_or_default().into_iter().enumerate() {
                rgb[[j, i, n]] = part;
            }
        }
    }
    rgb
}

/// Each of the three colours is drawn as grey, so that colour is interpolated and placed by the same rules.
fn draw_color(
    rgb: &Array3<u8>,
    pixel_mm: [f64; 2],
    size_px: [u32; 2],
    draw: impl Fn(Volume, Appearance) -> Result<Image>,
) -> Result<Image> {
    let (rows, columns, _) = rgb.dim();
    let mut pixels = vec![255; size_px[0] as usize * size_px[1] as usize * 4];
    let mut last = None;
    for channel in 0..3 {
        let plane = rgb.index_axis(Axis(2), channel).insert_axis(Axis(0));
        let samples = Samples::U8(plane.as_standard_layout().into_owned());
        let mapping = ValueMapping::identity(Unit::Arbitrary);
        let facts = Facts::new(Modality::Other(String::new()));
        let volume = Volume::new(grid([rows, columns], pixel_mm)?, samples, mapping, None, facts)?;
        let voi = Voi::Window(Window::new(127.5, 255.0, WindowFunction::LinearExact)?);
        let image = draw(volume, Appearance::Grey { voi, invert: false, colors: None })?;
        if let Pixels::Grey8(grey) = image.pixels() {
            for (pixel, &value) in pixels.as_chunks_mut::<4>().0.iter_mut().zip(grey) {
                pixel[channel] = value;
            }
        }
        last = Some(image);
    }
    let last = last.ok_or_else(|| anatome_core::Error::Unsupported { feature: "no colours".to_owned() })?;
    nowhere(size_px, Pixels::Rgba8(pixels), &last)
}

fn nowhere([width, height]: [u32; 2], pixels: Pixels, drawn: &Image) -> Result<Image> {
    Ok(Image::new(width, height, pixels, None, drawn.recipe().clone())?)
}

/// The frame's own space: its first pixel at the origin, one slice. Distances are between rows, then between columns.
fn grid([rows, columns]: [usize; 2], [row_mm, column_mm]: [f64; 2]) -> Result<Grid> {
    let scale = DVec3::new(column_mm, row_mm, column_mm.min(row_mm));
    Ok(Grid::even([1, rows, columns], DAffine3::from_scale(scale))?)
}

/// The scene of a whole slice, as large as it fits.
fn whole(volume: &Volume, appearance: Appearance, [width, height]: [u32; 2]) -> Scene {
    let [_, rows, columns] = volume.grid().shape();
    let mm = volume.grid().spacing_mm();
    let across_mm = (columns as f64 * mm.x).max(rows as f64 * mm.y * f64::from(width) / f64::from(height));
    let center_mm = volume.center_mm();
    let plane = SlicePlane { center_mm, right: DVec3::X, down: DVec3::Y, width_mm: across_mm };
    Scene::of_primary(View::Slice { plane }, appearance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BackendChoice, Workers};

    fn drawn(rgb: &Array3<u8>, pixel_mm: [f64; 2], size_px: [u32; 2]) -> Vec<u8> {
        let backend = Backend::open(BackendChoice::Cpu, None, &Workers::new(Some(1)).unwrap()).unwrap();
        let progress = Progress::new();
        let image = draw_color(rgb, pixel_mm, size_px, |volume, appearance| {
            let scene = whole(&volume, appearance, size_px);
            let uploaded = backend.upload(&Arc::new(volume), &progress)?;
            backend.render(&Request::new(scene, size_px, Output::Grey8), &uploaded, &progress)
        });
        let image = image.unwrap();
        assert!(image.plane().is_none());
        let Pixels::Rgba8(pixels) = image.pixels() else { panic!("no colours") };
        pixels.clone()
    }

    #[test]
    fn colour_comes_out_as_it_is() {
        let rgb = Array3::from_shape_fn((3, 4, 3), |(j, i, c)| (80 * j + 17 * i + 5 * c) as u8);
        let pixels = drawn(&rgb, [0.25, 0.25], [4, 3]);
        for (pixel, expected) in pixels.as_chunks::<4>().0.iter().zip(rgb.rows()) {
            assert_eq!(pixel[..3], expected.to_vec());
            assert_eq!(pixel[3], 255);
        }
    }

    #[test]
    fn pixels_have_their_true_shape_and_nothing_is_cut_off() {
        let white = Array3::from_elem((10, 10, 3), 255);
        // Twice as high as wide: 10 x 20 mm in a square picture of 20 x 20 mm.
        let pixels = drawn(&white, [2.0, 1.0], [20, 20]);
        for (n, pixel) in pixels.as_chunks::<4>().0.iter().enumerate() {
            let inside = (5..15).contains(&(n % 20));
            assert_eq!(pixel[0], if inside { 255 } else { 0 }, "{} {}", n % 20, n / 20);
        }
    }
}
