//! Labels burnt into a finished picture: orientation letters, a scale bar, and facts without identity.

use ab_glyph::{Font as _, FontRef, Glyph, PxScale, ScaleFont as _, point};
use anatome_core::{Appearance, Image, Lens, Pixels, Scene, View, Voi, Volume, orientation_letters};
use glam::DVec3;

use crate::{Error, Result};

/// Draws orientation letters, a scale bar and facts (modality, size, spacing, window) over a picture of `volume`.
///
/// # Errors
/// I/O, if the built-in font does not load; core errors for a scene without a usable camera.
pub fn burn_in(image: &mut Image, volume: &Volume) -> Result<()> {
    let scene = image.recipe().scene.clone();
    let [width, height] = image.recipe().size_px;
    let axes = Axes::of(&scene, width, height)?;
    let font = FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).map_err(|error| {
        Error::io("cannot load the built-in font", std::path::Path::new("Ubuntu-Light"))(
            std::io::Error::other(error),
        )
    })?;
    let mut canvas = Canvas::new(image, font);
    canvas.letters(&axes);
    if let Some(pixel_mm) = axes.pixel_mm {
        canvas.scale_bar(pixel_mm);
    }
    canvas.facts(&facts(&scene, volume));
    canvas.blend();
    Ok(())
}

/// The directions of the picture's edges in the patient.
struct Axes {
    right: DVec3,
    down: DVec3,
    /// None where the scale changes with depth.
    pixel_mm: Option<f64>,
}

impl Axes {
    fn of(scene: &Scene, width: u32, height: u32) -> Result<Self> {
        Ok(match &scene.view {
            View::Slice { plane } | View::Slab { plane, .. } => Self {
                right: plane.right,
                down: plane.down,
                pixel_mm: Some(plane.width_mm / f64::from(width)),
            },
            View::Projection { camera, .. } | View::Rendering { camera, .. } => {
                let (right, down, _) = camera.frame()?;
                let pixel_mm = match camera.lens {
                    Lens::Orthographic { height_mm } => Some(height_mm / f64::from(height)),
                    Lens::Perspective { .. } => None,
                };
                Self { right, down, pixel_mm }
            }
            other => {
                let feature = format!("labels on a {} view", other.kind());
                return Err(anatome_core::Error::Unsupported { feature }.into());
            }
        })
    }
}

impl Axes {
    /// Towards where in the patient the left, right, top and bottom edges of the picture are.
    fn letters(&self) -> [String; 4] {
        [-self.right, self.right, -self.down, self.down].map(orientation_letters)
    }
}

fn facts(scene: &Scene, volume: &Volume) -> Vec<String> {
    let [k, j, i] = volume.grid().shape();
    let mm = volume.grid().spacing_mm();
    let mut lines = vec![
        format!("{}  {i} x {j} x {k}", volume.facts().modality.code()),
        format!("{:.2} x {:.2} x {} mm", mm.x, mm.y, slice_spacing(volume)),
    ];
    if let View::Slab { thickness_mm, projection, .. } = &scene.view {
        lines.push(format!("{projection:?}  {thickness_mm:.1} mm"));
    }
    if let Some(Appearance::Grey { voi: Voi::Window(window), .. }) =
        scene.layers.first().map(|l| &l.appearance)
    {
        let unit = &volume.mapping().unit;
        let short =
            |value: f64| if value.abs() < 100.0 { format!("{value:.4}") } else { format!("{value:.1}") };
        let number = |value: f64| short(value).trim_end_matches('0').trim_end_matches('.').to_owned();
        lines.push(format!("C {}  W {}  {unit}", number(window.center()), number(window.width())));
    }
    if volume.facts().lossy {
        lines.push("lossy".to_owned());
    }
    lines.push("not for diagnostic use".to_owned());
    lines
}

/// The distance between slices; from the smallest to the largest where they are uneven.
fn slice_spacing(volume: &Volume) -> String {
    let (low, high) = volume.grid().slice_spacings_mm();
    if high - low < 0.01 * high { format!("{low:.2}") } else { format!("{low:.2}-{high:.2}") }
}

/// Coverage of light text over the picture; the dark rim is made when it is blended.
struct Canvas<'a> {
    image: &'a mut Image,
    font: FontRef<'static>,
    coverage: Vec<f32>,
    width: usize,
    height: usize,
    scale: PxScale,
}

impl<'a> Canvas<'a> {
    fn new(image: &'a mut Image, font: FontRef<'static>) -> Self {
        let (width, height) = (image.width_px() as usize, image.height_px() as usize);
        let scale = PxScale::from((height as f32 / 48.0).max(11.0));
        Self { image, font, coverage: vec![0.0; width * height], width, height, scale }
    }

    fn margin(&self) -> f32 {
        self.scale.y * 0.6
    }

    fn text_width(&self, text: &str, scale: PxScale) -> f32 {
        let font = self.font.as_scaled(scale);
        text.chars().map(|c| font.h_advance(font.glyph_id(c))).sum()
    }

    /// Writes a line of text with its top left corner at (x, y).
    fn text(&mut self, text: &str, x: f32, y: f32, scale: PxScale) {
        let font = self.font.clone();
        let font = font.as_scaled(scale);
        let mut pen = x;
        for c in text.chars() {
            let id = font.glyph_id(c);
            let glyph: Glyph = id.with_scale_and_position(scale, point(pen, y + font.ascent()));
            pen += font.h_advance(id);
            if let Some(outline) = font.outline_glyph(glyph) {
                let bounds = outline.px_bounds();
                outline.draw(|gx, gy, c| {
                    self.put(bounds.min.x as i64 + i64::from(gx), bounds.min.y as i64 + i64::from(gy), c)
                });
            }
        }
    }

    fn put(&mut self, x: i64, y: i64, coverage: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x < self.width && y < self.height {
            let cell = &mut self.coverage[y * self.width + x];
            *cell = cell.max(coverage.min(1.0));
        }
    }

    fn letters(&mut self, axes: &Axes) {
        let scale = PxScale::from(self.scale.y * 1.4);
        let (w, h, margin) = (self.width as f32, self.height as f32, self.margin());
        let line = scale.y;
        let letters = axes.letters();
        let widths = letters.each_ref().map(|text| self.text_width(text, scale));
        let [left, right, top, bottom] = &letters;
        self.text(left, margin, (h - line) / 2.0, scale);
        self.text(right, w - margin - widths[1], (h - line) / 2.0, scale);
        self.text(top, (w - widths[2]) / 2.0, margin, scale);
        self.text(bottom, (w - widths[3]) / 2.0, h - margin - line, scale);
    }

    /// A bar of 1, 2 or 5 times a power of ten millimetres, at most a fifth of the picture wide.
    fn scale_bar(&mut self, pixel_mm: f64) {
        let longest = self.width as f64 / 5.0 * pixel_mm;
        let decade = 10f64.powf(longest.log10().floor());
        let length_mm =
            [5.0, 2.0, 1.0].map(|n| n * decade).into_iter().find(|&l| l <= longest).unwrap_or(decade);
        let length = (length_mm / pixel_mm).round() as i64;
        let (margin, thick) = (self.margin(), (self.scale.y / 12.0).ceil() as i64);
        let x = (self.width as f32 - margin) as i64 - length;
        let y = (self.height as f32 - margin) as i64 - thick;
        let tick = (self.scale.y * 0.35) as i64;
        for dx in 0..=length {
            let tall = if dx < thick || dx > length - thick { tick } else { 0 };
            for dy in -tall..thick {
                self.put(x + dx, y + dy, 1.0);
            }
        }
        let text =
            if length_mm >= 10.0 { format!("{} cm", length_mm / 10.0) } else { format!("{length_mm} mm") };
        let width = self.text_width(&text, self.scale);
        let top = y as f32 - tick as f32 - self.scale.y * 1.1;
        self.text(&text, x as f32 + (length as f32 - width) / 2.0, top, self.scale);
    }

    fn facts(&mut self, lines: &[String]) {
        let (margin, scale) = (self.margin(), self.scale);
        for (n, line) in lines.iter().enumerate() {
            self.text(line, margin, margin + n as f32 * scale.y * 1.15, scale);
        }
    }

    /// Light text with a dark rim; dark text with a light rim on a light background.
    fn blend(self) {
        let [r, g, b] = self.image.recipe().scene.background;
        let (ink, ground) = if r + g + b > 1.5 { (0.0, 1.0) } else { (0.95, 0.0) };
        let rim = (self.scale.y / 10.0).round().max(1.0) as usize;
        let shade = dilate(&self.coverage, self.width, self.height, rim);
        let mix = |display: f32, n: usize| {
            let around = display + (ground - display) * 0.9 * shade[n];
            around + (ink - around) * self.coverage[n]
        };
        match self.image.pixels_mut() {
            Pixels::Grey8(p) => {
                p.iter_mut()
                    .enumerate()
                    .for_each(|(n, v)| *v = (mix(f32::from(*v) / 255.0, n) * 255.0).round() as u8);
            }
            Pixels::Grey16(p) => p
                .iter_mut()
                .enumerate()
                .for_each(|(n, v)| *v = (mix(f32::from(*v) / 65535.0, n) * 65535.0).round() as u16),
            Pixels::Rgba8(p) => {
                for (n, pixel) in p.chunks_exact_mut(4).enumerate() {
                    for v in &mut pixel[..3] {
                        *v = (mix(f32::from(*v) / 255.0, n) * 255.0).round() as u8;
                    }
                }
            }
            _ => {}
        }
    }
}

/// The largest coverage within `radius` pixels, first along rows, then along columns.
fn dilate(coverage: &[f32], width: usize, height: usize, radius: usize) -> Vec<f32> {
    let mut rows = vec![0.0f32; coverage.len()];
    for (source, target) in coverage.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        for (x, &c) in source.iter().enumerate().filter(|(_, c)| **c > 0.0) {
            for t in &mut target[x.saturating_sub(radius)..(x + radius + 1).min(width)] {
                *t = t.max(c);
            }
        }
    }
    let mut out = vec![0.0f32; coverage.len()];
    for (y, source) in rows.chunks_exact(width).enumerate() {
        for (x, &c) in source.iter().enumerate().filter(|(_, c)| **c > 0.0) {
            for row in y.saturating_sub(radius)..(y + radius + 1).min(height) {
                let cell = &mut out[row * width + x];
                *cell = cell.max(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anatome_core::{Facts, Grid, Modality, Output, Progress, Request, Samples, Unit, ValueMapping};
    use glam::DAffine3;
    use ndarray::Array3;

    use super::*;
    use crate::{Backend, BackendChoice, Picture, Style, Workers, scene};

    fn volume() -> Arc<Volume> {
        let grid = Grid::even([20, 20, 20], DAffine3::from_scale(DVec3::splat(5.0))).unwrap();
        let samples = Samples::I16(Array3::from_elem((20, 20, 20), -1000));
        let mapping = ValueMapping::identity(Unit::Hounsfield);
        Arc::new(Volume::new(grid, samples, mapping, None, Facts::new(Modality::Ct)).unwrap())
    }

    /// As radiologists look: axial from the feet, coronal from the front, sagittal with the front on the left.
    #[test]
    fn letters_name_the_sides_of_every_standard_picture() {
        let volume = volume();
        for (picture, expected) in [
            (Picture::Axial, ["R", "L", "A", "P"]),
            (Picture::Coronal, ["R", "L", "H", "F"]),
            (Picture::Sagittal, ["A", "P", "H", "F"]),
            (Picture::Mip, ["R", "L", "H", "F"]),
            (Picture::Rendering, ["R", "L", "H", "F"]),
        ] {
            let scene = scene(picture, &volume, &Style::default(), 1.5).unwrap();
            assert_eq!(Axes::of(&scene, 300, 200).unwrap().letters(), expected, "{picture:?}");
        }
    }

    /// The letter in the left margin is the glyph of the patient's right, that in the right margin of the left.
    #[test]
    fn letters_are_drawn_at_their_sides() {
        let volume = volume();
        let backend = Backend::open(BackendChoice::Cpu, None, &Workers::new(Some(1)).unwrap()).unwrap();
        let progress = Progress::new();
        let uploaded = backend.upload(&volume, &progress).unwrap();
        let scene = scene(Picture::Coronal, &volume, &Style::default(), 1.5).unwrap();
        let request = Request::new(scene, [600, 400], Output::Grey8);
        let mut image = backend.render(&request, &uploaded, &progress).unwrap();
        burn_in(&mut image, &volume).unwrap();
        let Pixels::Grey8(pixels) = image.pixels() else { panic!("not grey") };
        let bright = |from: usize, to: usize| -> Vec<Vec<bool>> {
            let rows = pixels.chunks(600).skip(170).take(60);
            rows.map(|row| row[from..to].iter().map(|&v| v > 128).collect()).collect()
        };
        let (left, right) = (bright(0, 40), bright(560, 600));
        let lit = |part: &[Vec<bool>]| part.iter().flatten().filter(|lit| **lit).count();
        assert!(lit(&left) > 10 && lit(&right) > 10);
        // An R has ink on its right at the top, an L has none.
        let ink_at_top_right = |part: &[Vec<bool>]| {
            let rows: Vec<&Vec<bool>> = part.iter().filter(|row| row.iter().any(|lit| *lit)).collect();
            let columns = |row: &&Vec<bool>| row.iter().rposition(|lit| *lit).unwrap_or(0);
            let widest = rows.iter().map(columns).max().unwrap_or(0);
            rows[..rows.len() / 3].iter().map(columns).max().unwrap_or(0) + 1 >= widest
        };
        assert!(ink_at_top_right(&left) && !ink_at_top_right(&right));
    }
}
