//! Baseline JPEG (ITU-T T.81): strips encoded by themselves, joined by restart markers.

use std::ops::Range;

use anatome_core::{Image, Pixels};
use jpeg_encoder::{ColorType, Encoder, EncodingError, PixelDensity, PixelDensityUnit, SamplingFactor};
use rayon::prelude::*;

use super::unsupported;
use crate::Result;

const BLOCK: u16 = 8;
/// The most rows of blocks in a strip.
const STRIP_BLOCKS: u16 = 8;

pub(super) fn encode(image: &Image, quality: u8) -> Result<Vec<u8>> {
    if !(1..=100).contains(&quality) {
        return Err(unsupported(&format!("a JPEG of quality {quality}: it is 1 to 100")));
    }
    let (bytes, color_type, pixel_bytes) = match image.pixels() {
        Pixels::Grey8(p) => (p, ColorType::Luma, 1),
        Pixels::Rgba8(p) => (p, ColorType::Rgba, 4),
        Pixels::Grey16(_) => return Err(unsupported("writing 16 bits as JPEG, which holds 8")),
        _ => return Err(unsupported("writing modality values as JPEG")),
    };
    let sides = [image.width_px(), image.height_px()].map(u16::try_from);
    let [Ok(width), Ok(height)] = sides else {
        return Err(unsupported("a JPEG of more than 65,535 rows or columns"));
    };
    // Restart markers are at most 65,535 blocks apart.
    let strip_blocks = STRIP_BLOCKS.min(u16::MAX / width.div_ceil(BLOCK).max(1));
    let row_bytes = pixel_bytes * usize::from(width);
    let settings = Settings { quality, density: density(image), color_type, width, row_bytes, strip_blocks };
    let strip_bytes = row_bytes * usize::from(strip_blocks * BLOCK);
    let strips: Result<Vec<Vec<u8>>, EncodingError> =
        bytes.par_chunks(strip_bytes.max(1)).map(|strip| settings.encode(strip)).collect();
    let malformed = |reason: String| anatome_core::Error::Malformed { what: "image", reason };
    let strips = strips.map_err(|error| malformed(error.to_string()))?;
    let joined = join(&strips, height).ok_or_else(|| malformed("no entropy-coded data".to_owned()))?;
    Ok(joined)
}

/// Pixels per cm.
fn density(image: &Image) -> PixelDensity {
    let per_cm = image.plane().map(|plane| (10.0 / plane.pixel_mm).round());
    match per_cm {
        Some(n) if (1.0..=65535.0).contains(&n) => {
            PixelDensity { density: (n as u16, n as u16), unit: PixelDensityUnit::Centimeters }
        }
        _ => PixelDensity::default(),
    }
}

struct Settings {
    quality: u8,
    density: PixelDensity,
    color_type: ColorType,
    width: u16,
    row_bytes: usize,
    /// Rows of blocks.
    strip_blocks: u16,
}

impl Settings {
    /// A whole JPEG of the rows of a strip.
    fn encode(&self, strip: &[u8]) -> Result<Vec<u8>, EncodingError> {
        let mut out = Vec::with_capacity(strip.len() / 8);
        let mut encoder = Encoder::new(&mut out, self.quality);
        encoder.set_density(self.density);
        encoder.set_sampling_factor(SamplingFactor::F_1_1);
        encoder.set_restart_interval(self.width.div_ceil(BLOCK) * self.strip_blocks);
        let rows = (strip.len() / self.row_bytes.max(1)) as u16;
        encoder.encode(strip, self.width, rows, self.color_type)?;
        Ok(out)
    }
}

/// The head of the first strip, with the height of all, and the data of each between restart markers.
fn join(strips: &[Vec<u8>], height: u16) -> Option<Vec<u8>> {
    let parts: Option<Vec<Parts>> = strips.iter().map(|strip| Parts::of(strip)).collect();
    let (parts, first) = (parts?, strips.first()?);
    let mut out = Vec::with_capacity(strips.iter().map(Vec::len).sum());
    out.extend_from_slice(&first[..parts[0].data.start]);
    let height_at = parts[0].height_at;
    out.get_mut(height_at..height_at + 2)?.copy_from_slice(&height.to_be_bytes());
    for (n, (part, strip)) in parts.iter().zip(strips).enumerate() {
        if n > 0 {
            out.extend_from_slice(&[0xff, 0xd0 + ((n - 1) % 8) as u8]);
        }
        out.extend_from_slice(&strip[part.data.clone()]);
    }
    out.extend_from_slice(&[0xff, 0xd9]);
    Some(out)
}

/// Where things stand in a JPEG.
struct Parts {
    height_at: usize,
    /// The entropy-coded data.
    data: Range<usize>,
}

impl Parts {
    fn of(jpeg: &[u8]) -> Option<Self> {
        let (mut at, mut height_at) = (2, None);
        loop {
            let &[0xff, marker, high, low] = jpeg.get(at..at + 4)? else { return None };
            let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
            match marker {
                // The start of the frame: its length, the bits, the height.
                0xc0 => height_at = Some(at + 5),
                // The start of the scan; after its data the image ends.
                0xda => return Some(Self { height_at: height_at?, data: end..jpeg.len().checked_sub(2)? }),
                _ => {}
            }
            at = end;
        }
    }
}
