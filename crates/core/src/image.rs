//! Finished pictures.

use glam::DVec3;
use serde::{Deserialize, Serialize};

use crate::{Error, Output, PixelRect, Quality, Request, Result, Scene};

/// The pixels of a picture, row by row from the top, left to right.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Pixels {
    /// Display values, 0 to 255.
    Grey8(Vec<u8>),
    /// Display values, 0 to 65,535.
    Grey16(Vec<u16>),
    /// Red, green, blue, alpha.
    Rgba8(Vec<u8>),
    /// Modality values; NaN where there is no sample.
    Values(Vec<f32>),
}

/// Memory that the system hands out as zeros is not written.
fn zeros<T: bytemuck::Zeroable>(count: usize) -> Option<Vec<T>> {
    bytemuck::try_zeroed_slice_box(count).ok().map(Vec::from)
}

impl Pixels {
    /// Black (or NaN) pixels in the form that an output asks for.
    ///
    /// # Errors
    /// Out of memory.
    pub fn blank(output: Output, pixels: usize) -> Result<Self> {
        let bytes = pixels.saturating_mul(output.bytes_per_pixel());
        let too_many = || Error::OutOfMemory { what: "a picture", bytes: bytes as u64 };
        match output {
            Output::Grey8 => zeros(pixels).map(Self::Grey8),
            Output::Grey16 => zeros(pixels).map(Self::Grey16),
            Output::Rgba8 => zeros(bytes).map(Self::Rgba8),
            Output::Values => {
                let mut values = Vec::new();
                values.try_reserve_exact(pixels).ok().map(|()| {
                    values.resize(pixels, f32::NAN);
                    Self::Values(values)
                })
            }
        }
        .ok_or_else(too_many)
    }

    fn len(&self) -> usize {
        match self {
            Self::Grey8(p) => p.len(),
            Self::Grey16(p) => p.len(),
            Self::Rgba8(p) => p.len() / 4,
            Self::Values(p) => p.len(),
        }
    }
}

/// Where the pixels of a picture of a plane stand, LPS mm (PS3.3 C.7.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaneGeometry {
    /// The centre of the first pixel.
    pub first_pixel_mm: DVec3,
    /// Unit vector along a row of pixels, left to right.
    pub right: DVec3,
    /// Unit vector down a column of pixels.
    pub down: DVec3,
    /// The distance between the centres of neighbours, both ways.
    pub pixel_mm: f64,
}

/// A volume that a picture was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The slot it was bound to.
    pub slot: String,
    /// [`crate::Volume::digest`], in hexadecimal.
    pub digest: String,
}

/// Everything that determined a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The scene.
    pub scene: Scene,
    /// The volumes.
    pub sources: Vec<Source>,
    /// Width and height of the whole picture in pixels.
    pub size_px: [u32; 2],
    /// The part that was computed.
    pub region: PixelRect,
    /// The form.
    pub output: Output,
    /// The quality.
    pub quality: Quality,
    /// `cpu`, `gpu` or `reference`.
    pub backend: String,
    /// The GPU adapter's name.
    pub adapter: Option<String>,
    /// The version of Anatome.
    pub version: String,
}

impl Recipe {
    /// The recipe of a request, by a backend and, on a GPU, an adapter.
    #[must_use]
    pub fn new(request: &Request, sources: Vec<Source>, backend: &str, adapter: Option<String>) -> Self {
        Self {
            scene: request.scene.clone(),
            sources,
            size_px: request.size_px,
            region: request.rect(),
            output: request.output,
            quality: request.quality,
            backend: backend.to_owned(),
            adapter,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// A finished picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    width_px: u32,
    height_px: u32,
    pixels: Pixels,
    plane: Option<PlaneGeometry>,
    recipe: Recipe,
}

impl Image {
    /// A picture from its parts.
    ///
    /// # Errors
    /// Malformed, if the number of pixels is not width times height.
    pub fn new(
        width_px: u32,
        height_px: u32,
        pixels: Pixels,
        plane: Option<PlaneGeometry>,
        recipe: Recipe,
    ) -> Result<Self> {
        let needed = width_px as usize * height_px as usize;
        if pixels.len() != needed {
            let reason = format!("{} pixels, but {width_px} x {height_px} are {needed}", pixels.len());
            return Err(Error::Malformed { what: "image", reason });
        }
        Ok(Self { width_px, height_px, pixels, plane, recipe })
    }

    /// The number of columns.
    #[must_use]
    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    /// The number of rows.
    #[must_use]
    pub fn height_px(&self) -> u32 {
        self.height_px
    }

    /// The pixels.
    #[must_use]
    pub fn pixels(&self) -> &Pixels {
        &self.pixels
    }

    /// Changes pixels in place, for what is drawn over a finished picture.
    pub fn pixels_mut(&mut self) -> &mut Pixels {
        &mut self.pixels
    }

    /// Where the pixels stand in the patient; only for slices and slabs.
    #[must_use]
    pub fn plane(&self) -> Option<&PlaneGeometry> {
        self.plane.as_ref()
    }

    /// Everything that determined the picture.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_for_which_there_is_no_memory_is_an_error() {
        for output in [Output::Grey8, Output::Grey16, Output::Rgba8, Output::Values] {
            for pixels in [usize::MAX / 4, usize::MAX] {
                let refused = Pixels::blank(output, pixels);
                assert!(matches!(refused, Err(Error::OutOfMemory { .. })), "{output:?}");
            }
            assert_eq!(Pixels::blank(output, 6).unwrap().len(), 6);
        }
        assert_eq!(Pixels::blank(Output::Rgba8, 1).unwrap(), Pixels::Rgba8(vec![0; 4]));
    }
}
