//! What a renderer is asked for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Appearance, Error, Layer, PixelSubset, Result, Scene, SceneFault, View};

/// A picture to render: a scene at a size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What is shown.
    pub scene: Scene,
    /// Width and height of the whole picture in pixels.
    pub size_px: [u32; 2],
    /// The part of the picture to compute; all of it if absent.
    pub region: Option<PixelRect>,
    /// In what form.
    pub output: Output,
    /// How well.
    pub quality: Quality,
}

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PixelRect {
    /// Column of the left-most pixel.
    pub x: u32,
    /// Row of the top-most pixel.
    pub y: u32,
    /// Number of columns.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
}

/// The form of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Output {
    /// One byte a pixel; for grey layers without a colour map.
    Grey8,
    /// Two bytes a pixel; for grey layers without a colour map.
    Grey16,
    /// Red, green, blue and alpha (always 255), one byte each.
    Rgba8,
    /// Modality values as f32, NaN where there is no sample; not for renderings.
    Values,
}

impl Output {
    /// The bytes of a pixel.
    #[must_use]
    pub fn bytes_per_pixel(self) -> usize {
        match self {
            Self::Grey8 => 1,
            Self::Grey16 => 2,
            Self::Rgba8 | Self::Values => 4,
        }
    }
}

/// How samples are interpolated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// In f32 arithmetic from exact integers: for everything that is measured or exported.
    #[default]
    Exact,
    /// May use the texture unit, whose weights have 8 fractional bits.
    Preview,
}

/// How well a picture is made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quality {
    /// How samples are interpolated.
    pub precision: Precision,
    /// Distance between samples along 3D rays, in units of the smallest spacing; above 0, at most 4.
    pub step: f64,
    /// Which pixels are computed.
    pub pixels: PixelSubset,
    /// Whether a rendering's ray ends when less than 1/512 of the light is left.
    pub early_termination: bool,
    /// Whether places that can't be seen are leapt over, and what pixels share is computed once. Changes no sample.
    pub skipping: bool,
}

impl Default for Quality {
    fn default() -> Self {
        Self {
            precision: Precision::Exact,
            step: 0.5,
            pixels: PixelSubset::All,
            early_termination: true,
            skipping: true,
        }
    }
}

impl Request {
    /// The most pixels of a picture.
    pub const MAX_PIXELS: u64 = 1 << 28;

    /// A request for the whole picture at default quality.
    #[must_use]
    pub fn new(scene: Scene, size_px: [u32; 2], output: Output) -> Self {
        Self { scene, size_px, region: None, output, quality: Quality::default() }
    }

    /// The pixels to compute.
    #[must_use]
    pub fn rect(&self) -> PixelRect {
        let [width, height] = self.size_px;
        self.region.unwrap_or(PixelRect { x: 0, y: 0, width, height })
    }

    /// Checks scene, size, region, output and quality.
    ///
    /// # Errors
    /// Scene, for what describes no picture; limits, for a picture that is too large.
    pub fn check(&self) -> Result<()> {
        self.scene.check()?;
        let [width, height] = self.size_px.map(u64::from);
        if width * height > Self::MAX_PIXELS {
            return Err(Error::Limits {
                what: "the picture's pixels",
                needed: width * height,
                allowed: Self::MAX_PIXELS,
            });
        }
        let rect = self.rect();
        let right = u64::from(rect.x) + u64::from(rect.width);
        let bottom = u64::from(rect.y) + u64::from(rect.height);
        if rect.width == 0 || rect.height == 0 || right > width || bottom > height {
            let size = f64::from(rect.width.min(rect.height));
            return Err(SceneFault::OutOfRange {
                field: "region",
                value: size,
                low: 1.0,
                high: width as f64,
            }
            .into());
        }
        if !(self.quality.step > 0.0 && self.quality.step <= 4.0) {
            let value = self.quality.step;
            return Err(SceneFault::OutOfRange { field: "step", value, low: 0.0, high: 4.0 }.into());
        }
        if self.quality.pixels != PixelSubset::All && self.output == Output::Values {
            return Err(SceneFault::ValuesMadeUp.into());
        }
        self.check_output()
    }

    fn has_colors(&self) -> bool {
        let colors = |layer: &Layer| matches!(layer.appearance, Appearance::Grey { colors: Some(_), .. });
        self.scene.layers.iter().any(colors)
    }

    fn check_output(&self) -> Result<()> {
        let refused = match (&self.scene.view, self.output) {
            (View::Rendering { .. }, Output::Values) => "values",
            (View::Rendering { .. }, Output::Grey8 | Output::Grey16) => "grey",
            (_, Output::Grey8 | Output::Grey16) if self.has_colors() => {
                return Err(SceneFault::GreyOfColors.into());
            }
            _ => return Ok(()),
        };
        Err(SceneFault::Output { view: self.scene.view.kind(), output: refused }.into())
    }
}

/// Which uploaded volume is bound to which slot.
#[derive(Debug)]
pub struct Bindings<'a, U>(BTreeMap<String, &'a U>);

impl<'a, U> Bindings<'a, U> {
    /// One volume in the slot [`Scene::PRIMARY`].
    #[must_use]
    pub fn primary(volume: &'a U) -> Self {
        Self(BTreeMap::from([(Scene::PRIMARY.to_owned(), volume)]))
    }

    /// Binds a volume to a slot.
    #[must_use]
    pub fn with(mut self, slot: impl Into<String>, volume: &'a U) -> Self {
        self.0.insert(slot.into(), volume);
        self
    }

    /// The volume in a slot.
    ///
    /// # Errors
    /// Scene, if nothing is bound to it.
    pub fn get(&self, slot: &str) -> Result<&'a U> {
        self.0.get(slot).copied().ok_or_else(|| SceneFault::UnboundSlot { slot: slot.to_owned() }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColorMap, ColorStop, SlicePlane, Voi, Window};
    use glam::DVec3;

    #[test]
    fn a_grey_picture_of_a_colour_map_is_refused() {
        let stop = |at, color| ColorStop { at, color };
        let map = ColorMap::new(vec![stop(0.0, [0.0; 3]), stop(1.0, [1.0, 0.0, 0.0])]).unwrap();
        let plane = SlicePlane { center_mm: DVec3::ZERO, right: DVec3::X, down: DVec3::Y, width_mm: 1.0 };
        let check = |colors: Option<ColorMap>, output| {
            let voi = Voi::Window(Window::spanning(0.0, 1.0).unwrap());
            let appearance = Appearance::Grey { voi, invert: false, colors };
            Request::new(Scene::of_primary(View::Slice { plane }, appearance), [2, 2], output).check()
        };
        for output in [Output::Grey8, Output::Grey16] {
            assert!(check(Some(map.clone()), output).is_err());
            assert!(check(None, output).is_ok());
        }
        assert!(check(Some(map), Output::Rgba8).is_ok());
    }
}
