//! From modality value to pixel: the rules of [`anatome_core::plan::DisplayPlan`] in float64.

use anatome_core::plan::DisplayPlan;
use anatome_core::{Appearance, ColorMap, Pixels, Request, Result, SceneFault, Voi};

use super::sampler::Found;

/// How grey views are shown.
#[derive(Debug)]
pub(super) struct Display {
    voi: Voi,
    invert: bool,
    colors: Option<ColorMap>,
    background: [f64; 3],
}

impl Display {
    pub(super) fn new(request: &Request) -> Result<Self> {
        let layer = request.scene.layers.first().ok_or(SceneFault::NoLayers)?;
        let Appearance::Grey { voi, invert, colors } = &layer.appearance else {
            let view = request.scene.view.kind();
            return Err(SceneFault::Appearance { view, needed: "grey" }.into());
        };
        Ok(Self {
            voi: voi.clone(),
            invert: *invert,
            colors: colors.clone(),
            background: request.scene.background.map(f64::from),
        })
    }

    /// Writes what was seen at the pixel (x, y) of the whole picture into the pixel `at`.
    pub(super) fn put(&self, pixels: &mut Pixels, at: usize, [x, y]: [u32; 2], seen: Found) {
        if let Pixels::Values(values) = pixels {
            if let Some(pixel) = values.get_mut(at) {
                *pixel = seen.value().map_or(f32::NAN, |value| value as f32);
            }
            return;
        }
        let color = match seen {
            Found::Value(value) => self.color(value),
            Found::Missing if ((x + y) / DisplayPlan::HATCH_PX).is_multiple_of(2) => {
                self.background.map(|c| c + f64::from(DisplayPlan::HATCH) * (0.5 - c))
            }
            Found::Nothing | Found::Missing => self.background,
        };
        put_color(pixels, at, color);
    }

    fn color(&self, value: f64) -> [f64; 3] {
        let display = self.voi.display_from_modality(value);
        let display = if self.invert { 1.0 - display } else { display };
        self.colors.as_ref().map_or([display; 3], |map| map.color(display).map(f64::from))
    }
}

/// Writes a colour; its first component into grey pixels.
pub(super) fn put_color(pixels: &mut Pixels, at: usize, color: [f64; 3]) {
    let level = |c: f64, white: f64| (c.clamp(0.0, 1.0) * white + 0.5).floor();
    match pixels {
        Pixels::Grey8(p) => {
            if let Some(pixel) = p.get_mut(at) {
                *pixel = level(color[0], 255.0) as u8;
            }
        }
        Pixels::Grey16(p) => {
            if let Some(pixel) = p.get_mut(at) {
                *pixel = level(color[0], 65_535.0) as u16;
            }
        }
        Pixels::Rgba8(p) => {
            if let Some(pixel) = p.get_mut(4 * at..4 * at + 4) {
                let [r, g, b] = color.map(|c| level(c, 255.0) as u8);
                pixel.copy_from_slice(&[r, g, b, 255]);
            }
        }
        _ => {}
    }
}
