//! Small pictures for the browser.

use anatome::{FramePixels, Stack, Volume};

use super::Defaults;

/// A small picture, RGBA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thumbnail {
    pub size_px: [usize; 2],
    pub rgba: Vec<u8>,
}

/// The longer side of a thumbnail.
const SIDE_PX: usize = 128;
/// So many places are looked at along each side of a pixel.
const PLACES: usize = 3;

impl Thumbnail {
    /// The middle slice of a volume along k, in its own rows and columns.
    pub(crate) fn of_volume(volume: &Volume, defaults: &Defaults) -> Self {
        let [slices, rows, columns] = volume.grid().shape();
        let mm = volume.grid().spacing_mm();
        let shown = |j: usize, i: usize| {
            let value = volume.modality_value([slices / 2, j, i]);
            let shown = value.map_or(0.0, |value| {
                let shown = defaults.voi(false).display_from_modality(value);
                if defaults.is_dark_on_white { 1.0 - shown } else { shown }
            });
            [shown * 255.0; 3]
        };
        Self::sampled([rows, columns], [mm.y, mm.x], shown)
    }

    /// A frame of a stack; nothing if it can't be decoded.
    pub(crate) fn of_frame(stack: &Stack, n: usize) -> Option<Self> {
        let spacing = stack.spacing(n).ok()?;
        let pixel_mm = spacing.mm.unwrap_or([spacing.aspect, 1.0]);
        match stack.frame(n).ok()?.pixels {
            FramePixels::Grey(grey) => {
                let [_, rows, columns] = grey.samples.shape();
                let grid = anatome::Grid::even(
                    [1, rows, columns],
                    glam::DAffine3::from_scale(glam::DVec3::new(pixel_mm[1], pixel_mm[0], 1.0)),
                );
                let volume =
                    Volume::new(grid.ok()?, grey.samples, grey.mapping, grey.padding, grey.facts).ok()?;
                Some(Self::of_volume(&volume, &Defaults::of(&volume).ok()?))
            }
            FramePixels::Rgb(rgb) => {
                let (rows, columns, _) = rgb.dim();
                let shown = |j: usize, i: usize| std::array::from_fn(|c| f64::from(rgb[[j, i, c]]));
                Some(Self::sampled([rows, columns], pixel_mm, shown))
            }
            _ => None,
        }
    }

    /// Pixels of equal sides from those of `pixel_mm` (between rows, between columns).
    fn sampled(
        [rows, columns]: [usize; 2],
        pixel_mm: [f64; 2],
        shown: impl Fn(usize, usize) -> [f64; 3],
    ) -> Self {
        let (height_mm, width_mm) = (rows as f64 * pixel_mm[0], columns as f64 * pixel_mm[1]);
        let scale = SIDE_PX as f64 / height_mm.max(width_mm);
        let side = |mm: f64| ((mm * scale).round() as usize).clamp(1, SIDE_PX);
        let [width, height] = [side(width_mm), side(height_mm)];
        let mut rgba = Vec::with_capacity(width * height * 4);
        let place = |n: usize, part: usize, of: usize, size: usize| {
            let at = (n as f64 + (part as f64 + 0.5) / PLACES as f64) / of as f64 * size as f64;
            (at as usize).min(size - 1)
        };
        for y in 0..height {
            for x in 0..width {
                let mut sum = [0.0; 3];
                for (b, a) in (0..PLACES).flat_map(|b| (0..PLACES).map(move |a| (b, a))) {
                    let color = shown(place(y, b, height, rows), place(x, a, width, columns));
                    sum.iter_mut().zip(color).for_each(|(sum, part)| *sum += part);
                }
                rgba.extend(sum.map(|sum| (sum / (PLACES * PLACES) as f64 + 0.5) as u8));
                rgba.push(255);
            }
        }
        Self { size_px: [width, height], rgba }
    }
}
