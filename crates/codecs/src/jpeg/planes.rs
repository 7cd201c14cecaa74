//! Decoded components before they become pixels: blocks of samples, some at a lower resolution.

use super::markers::{Component, Frame};
use super::unsupported;
use crate::error::{Error, Feature};
use crate::shape::FrameShape;

/// One component, padded to whole blocks of whole MCUs.
pub(super) struct Plane {
    /// Blocks in a row, padding included.
    pub(super) blocks_across: usize,
    /// Rows of blocks, padding included.
    pub(super) blocks_down: usize,
    /// Blocks that a scan of this component alone has, across and down (T.81 A.2.2).
    pub(super) own_blocks: (usize, usize),
    /// Samples that count, across and down (T.81 A.1.1).
    size: (usize, usize),
    /// How often a sample repeats to full resolution, horizontally and vertically.
    repeats: (usize, usize),
    samples: Vec<u16>,
}

impl Plane {
    fn new(frame: &Frame, component: &Component) -> Result<Self, Error> {
        let (h_max, v_max) = frame.sampling();
        let extent = |pixels: u16, factor: u8, max: u8| {
            let (pixels, factor, max) = (usize::from(pixels), usize::from(factor), usize::from(max));
            let size = (pixels * factor).div_ceil(max);
            (size, pixels.div_ceil(8 * max) * factor)
        };
        let (width, blocks_across) = extent(frame.width, component.horizontal, h_max);
        let (height, blocks_down) = extent(frame.height, component.vertical, v_max);
        if !h_max.is_multiple_of(component.horizontal) || !v_max.is_multiple_of(component.vertical) {
            return Err(unsupported(Feature::Subsampling));
        }
        Ok(Self {
            blocks_across,
            blocks_down,
            own_blocks: (width.div_ceil(8), height.div_ceil(8)),
            size: (width, height),
            repeats: (usize::from(h_max / component.horizontal), usize::from(v_max / component.vertical)),
            samples: vec![0; 64 * blocks_across * blocks_down],
        })
    }

    /// The planes of all components.
    pub(super) fn all(frame: &Frame) -> Result<Vec<Self>, Error> {
        frame.components().iter().map(|component| Self::new(frame, component)).collect()
    }

    /// Puts a block in its place, level-shifted and within the range of the precision.
    #[inline]
    pub(super) fn store(&mut self, across: usize, down: usize, block: &[[f32; 8]; 8], precision: u8) {
        let stride = 8 * self.blocks_across;
        let level = f32::from(1u16 << (precision - 1)) + 0.5;
        let max = f32::from((1u16 << precision) - 1);
        let start = 8 * (down * stride + across);
        let rows = self.samples.get_mut(start..).unwrap_or_default().chunks_mut(stride);
        for (row, values) in rows.zip(block) {
            if let Some(row) = row.first_chunk_mut::<8>() {
                *row = values.map(|value| (value + level).clamp(0.0, max) as u16);
            }
        }
    }

    fn row(&self, y: usize) -> &[u16] {
        let start = 8 * self.blocks_across * y;
        &self.samples[start..start + self.size.0]
    }

    /// A row at full resolution, by interpolation between sample centres where the resolution is halved.
    fn full_row(&self, y: usize, columns: usize, sums: &mut Vec<u32>, out: &mut Vec<u16>) {
        let (across, down) = self.repeats;
        out.clear();
        if (across, down) == (1, 1) {
            out.extend_from_slice(self.row(y));
            return;
        }
        let near = self.row(y / down);
        sums.clear();
        let vertical_weight = if down == 2 {
            let other = if y.is_multiple_of(2) {
                (y / 2).saturating_sub(1)
            } else {
                (y / 2 + 1).min(self.size.1 - 1)
            };
            let far = self.row(other);
            sums.extend(near.iter().zip(far).map(|(&near, &far)| 3 * u32::from(near) + u32::from(far)));
            4
        } else {
            sums.extend(near.iter().map(|&sample| u32::from(sample)));
            1
        };
        if across == 2 {
            let weight = 4 * vertical_weight;
            for (x, &this) in sums.iter().enumerate() {
                let left = sums[x.saturating_sub(1)];
                let right = sums[(x + 1).min(sums.len() - 1)];
                // The halves are rounded up and down in turn, so that no bias remains.
                out.push(((3 * this + left + weight / 2 - u32::from(vertical_weight == 1)) / weight) as u16);
                out.push(((3 * this + right + weight / 2 - u32::from(vertical_weight == 4)) / weight) as u16);
            }
        } else {
            for &sum in &*sums {
                let sample = ((sum + vertical_weight / 2) / vertical_weight) as u16;
                out.extend(std::iter::repeat_n(sample, across));
            }
        }
        out.truncate(columns);
    }
}

/// Interleaves the planes into little-endian pixels.
pub(super) fn write(planes: &[Plane], shape: &FrameShape, output: &mut [u8]) {
    let (columns, bytes) = (shape.columns as usize, usize::from(shape.bits_allocated / 8));
    let pixel_bytes = planes.len() * bytes;
    let (mut sums, mut full) = (Vec::new(), Vec::new());
    for (y, row) in output.chunks_exact_mut(columns * pixel_bytes).enumerate() {
        for (place, plane) in planes.iter().enumerate() {
            plane.full_row(y, columns, &mut sums, &mut full);
            match (planes.len(), bytes) {
                (1, 1) => row.iter_mut().zip(&full).for_each(|(to, &sample)| *to = sample as u8),
                (_, 1) => {
                    let pixels = row.chunks_exact_mut(pixel_bytes);
                    pixels.zip(&full).for_each(|(pixel, &sample)| pixel[place] = sample as u8);
                }
                _ => {
                    for (pixel, sample) in row.chunks_exact_mut(pixel_bytes).zip(&full) {
                        pixel[2 * place..2 * place + 2].copy_from_slice(&sample.to_le_bytes());
                    }
                }
            }
        }
    }
}
