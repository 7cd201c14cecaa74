//! Pictures as the bytes of files.
//!
//! A picture is cut into strips of whole rows that the threads of the caller's pool encode by themselves. Where a strip
//! begins depends on the picture's size only: the bytes do not depend on the number of threads.

mod deflate;
mod jpeg;
mod png;
mod strips;
mod tiff;

use anatome_core::Image;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, Workers};

/// The form of a picture's file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PictureFormat {
    /// Grey of 8 or 16 bits, or RGB of 8: lossless, and what every program reads.
    #[default]
    Png,
    /// Grey or RGB of 8 bits, colours in full resolution: smaller, and **not** what was rendered to the last grey level.
    Jpeg {
        /// 1 to 100.
        quality: u8,
    },
    /// Grey of 8 or 16 bits, RGB of 8, all compressed without loss; modality values as 32-bit floats, NaN where there is
    /// no sample.
    Tiff,
}

impl PictureFormat {
    /// JPEG of the quality that is taken where none is named.
    pub const JPEG: Self = Self::Jpeg { quality: 95 };

    /// The end of a file's name, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg { .. } => "jpg",
            Self::Tiff => "tif",
        }
    }

    /// Whether pixels that are read back may differ from those that were written.
    #[must_use]
    pub fn is_lossy(self) -> bool {
        matches!(self, Self::Jpeg { .. })
    }
}

/// Encodes a picture. The distance of pixels is stated in it where the picture is one of a plane.
///
/// # Errors
/// Unsupported, for pixels that the format can't hold: 16 bits in a JPEG, modality values in a PNG or a JPEG.
pub fn encode(image: &Image, format: PictureFormat, workers: &Workers) -> Result<Vec<u8>> {
    workers.pool().install(|| match format {
        PictureFormat::Png => png::encode(image),
        PictureFormat::Jpeg { quality } => jpeg::encode(image, quality),
        PictureFormat::Tiff => tiff::encode(image),
    })
}

fn unsupported(feature: &str) -> Error {
    anatome_core::Error::Unsupported { feature: feature.to_owned() }.into()
}
