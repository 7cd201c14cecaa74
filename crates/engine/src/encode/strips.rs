//! Parts of a picture that are encoded by themselves.

use std::borrow::Cow;
use std::ops::Range;

use anatome_core::{Image, Pixels};

/// About so many bytes make a strip: enough for a table of codes of its own, and few enough for many threads.
const STRIP_BYTES: usize = 1 << 19;

/// Which byte of a sample of 16 bits comes first.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Endian {
    Big,
    Little,
}

/// A picture's rows as bytes: grey of 8 or 16 bits, RGB, or floats.
pub(super) struct Rows<'a> {
    pixels: &'a Pixels,
    endian: Endian,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
    pub(super) bytes_per_channel: usize,
}

impl<'a> Rows<'a> {
    /// `None` for pixels of an unknown form.
    pub(super) fn new(image: &'a Image, endian: Endian) -> Option<Self> {
        let (channels, bytes_per_channel) = match image.pixels() {
            Pixels::Grey8(_) => (1, 1),
            Pixels::Grey16(_) => (1, 2),
            Pixels::Rgba8(_) => (3, 1),
            Pixels::Values(_) => (1, 4),
            _ => return None,
        };
        let (width, height) = (image.width_px() as usize, image.height_px() as usize);
        Some(Self { pixels: image.pixels(), endian, width, height, channels, bytes_per_channel })
    }

    pub(super) fn bytes_per_pixel(&self) -> usize {
        self.channels * self.bytes_per_channel
    }

    pub(super) fn bytes_per_row(&self) -> usize {
        self.width * self.bytes_per_pixel()
    }

    pub(super) fn rows_per_strip(&self) -> usize {
        (STRIP_BYTES / self.bytes_per_row().max(1)).clamp(1, self.height.max(1))
    }

    /// The rows of each strip.
    pub(super) fn strips(&self) -> Vec<Range<usize>> {
        let (height, rows) = (self.height, self.rows_per_strip());
        (0..height).step_by(rows).map(|first| first..height.min(first + rows)).collect()
    }

    /// The bytes of rows.
    pub(super) fn bytes(&self, rows: Range<usize>) -> Cow<'a, [u8]> {
        let range = rows.start * self.width..rows.end * self.width;
        match self.pixels {
            Pixels::Grey8(p) => p.get(range).unwrap_or_default().into(),
            Pixels::Grey16(p) => {
                let of = if self.endian == Endian::Big { u16::to_be_bytes } else { u16::to_le_bytes };
                p.get(range).unwrap_or_default().iter().flat_map(|&v| of(v)).collect()
            }
            Pixels::Rgba8(p) => {
                let pixels = p.as_chunks::<4>().0.get(range).unwrap_or_default();
                let mut rgb = vec![0; 3 * pixels.len()];
                for (to, [r, g, b, _]) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                    *to = [*r, *g, *b];
                }
                rgb.into()
            }
            Pixels::Values(p) => {
                p.get(range).unwrap_or_default().iter().flat_map(|v| v.to_le_bytes()).collect()
            }
            _ => Cow::default(),
        }
    }
}
