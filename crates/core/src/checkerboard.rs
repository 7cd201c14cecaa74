//! Pictures of which half the pixels are computed, and the others made up from these.

use serde::{Deserialize, Serialize};

use crate::{PixelRect, Pixels};

/// Which pixels of a 3D view are computed. Of slices and slabs all are: they are bound by memory rather than by samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PixelSubset {
    /// All.
    #[default]
    All,
    /// Those for which [`is_computed`]; they equal the same pixels of the whole picture. Each of the others is the mean
    /// of two computed neighbours, those above and below or those beside it, whichever differ less, or of all if these
    /// differ alike. For pictures in motion; never for values.
    Checkerboard,
}

/// Whether a checkerboard holds the pixel of column `x` and row `y` of the whole picture.
#[must_use]
pub fn is_computed(x: u32, y: u32) -> bool {
    (x ^ y) & 1 == 0
}

/// A pixel that may lie between others.
pub trait Between: Copy {
    /// How much two pixels differ.
    fn difference(a: Self, b: Self) -> u32;
    /// The rounded mean of two pixels.
    #[must_use]
    fn between(a: Self, b: Self) -> Self;
}

impl Between for u8 {
    fn difference(a: Self, b: Self) -> u32 {
        a.abs_diff(b).into()
    }

    fn between(a: Self, b: Self) -> Self {
        u16::midpoint(a.into(), u16::from(b) + 1) as Self
    }
}

impl Between for u16 {
    fn difference(a: Self, b: Self) -> u32 {
        a.abs_diff(b).into()
    }

    fn between(a: Self, b: Self) -> Self {
        u32::midpoint(a.into(), u32::from(b) + 1) as Self
    }
}

impl Between for [u8; 4] {
    fn difference(a: Self, b: Self) -> u32 {
        (0..3).map(|n| u32::from(a[n].abs_diff(b[n]))).sum()
    }

    fn between(a: Self, b: Self) -> Self {
        std::array::from_fn(|n| u8::between(a[n], b[n]))
    }
}

/// Rows of a picture, of which the pixels that are not computed are to be made up.
#[derive(Debug)]
pub struct Rows<'a, P> {
    /// The rows.
    pub pixels: &'a mut [P],
    /// The number of columns.
    pub width: usize,
    /// Column and row of the first pixel in the whole picture.
    pub first: [u32; 2],
    /// The row above, empty if there is none.
    pub above: &'a [P],
    /// The row below, empty if there is none.
    pub below: &'a [P],
}

impl<P: Between> Rows<'_, P> {
    /// Makes up the pixels of a checkerboard that are not computed, by the rule of [`PixelSubset::Checkerboard`]; at the
    /// picture's edges from the neighbours that are there.
    pub fn fill(self) {
        let Self { pixels, width, first: [x, y], above, below } = self;
        if width == 0 {
            return;
        }
        let count = pixels.len() / width;
        for n in 0..count {
            let (before, rest) = pixels.split_at_mut(n * width);
            let (row, after) = rest.split_at_mut(width);
            let above = if n == 0 { above } else { &before[before.len() - width..] };
            let below = if n + 1 == count { below } else { &after[..width] };
            fill_row(row, above, below, usize::from(is_computed(x, y + n as u32)));
        }
    }
}

/// Makes up the pixels of a picture, or of the part `rect` of one, that a checkerboard lacks.
pub fn fill(pixels: &mut Pixels, rect: PixelRect) {
    fn rows<P: Between>(pixels: &mut [P], rect: PixelRect) {
        let first = [rect.x, rect.y];
        Rows { pixels, width: rect.width as usize, first, above: &[], below: &[] }.fill();
    }
    match pixels {
        Pixels::Grey8(pixels) => rows(pixels, rect),
        Pixels::Grey16(pixels) => rows(pixels, rect),
        Pixels::Rgba8(bytes) => rows(bytes.as_chunks_mut::<4>().0, rect),
        // No request asks for them.
        Pixels::Values(_) => {}
    }
}

/// Fills every second pixel from `first` on.
fn fill_row<P: Between>(row: &mut [P], above: &[P], below: &[P], first: usize) {
    for x in (first..row.len()).step_by(2) {
        let pair = |a: Option<&P>, b: Option<&P>| match (a, b) {
            (Some(&a), Some(&b)) => Some((P::difference(a, b), P::between(a, b))),
            (Some(&a), None) | (None, Some(&a)) => Some((u32::MAX, a)),
            (None, None) => None,
        };
        let beside = pair(x.checked_sub(1).and_then(|left| row.get(left)), row.get(x + 1));
        let across = pair(above.get(x), below.get(x));
        row[x] = match (beside, across) {
            (Some((a, p)), Some((b, _))) if a < b => p,
            (Some((a, _)), Some((b, q))) if b < a => q,
            (Some((_, p)), Some((_, q))) => P::between(p, q),
            (Some((_, p)), None) | (None, Some((_, p))) => p,
            // A picture of one pixel.
            (None, None) => row[x],
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(pixels: &[u8], width: usize) -> Vec<u8> {
        let mut pixels = pixels.to_vec();
        Rows { pixels: &mut pixels, width, first: [0, 0], above: &[], below: &[] }.fill();
        pixels
    }

    #[test]
    fn edges_stay_sharp_and_computed_pixels_stay() {
        // An edge along a column.
        assert_eq!(filled(&[0, 1, 90, 1, 0, 1, 0, 1, 90], 3), [0, 45, 90, 0, 0, 90, 0, 45, 90]);
        // Between two columns that are alike, whatever is above and below; 1 stands for what is not known.
        assert_eq!(filled(&[1, 1, 10, 1, 1, 200, 1, 200, 1, 1, 90, 1], 4)[6], 200);
        // Where both differ alike, all four count.
        assert_eq!(filled(&[1, 1, 10, 1, 1, 60, 1, 20, 1, 1, 50, 1], 4)[6], 35);
        assert_eq!(filled(&[7], 1), [7]);
    }

    #[test]
    fn bands_make_the_same_as_the_whole() {
        let mut pixels: Vec<u8> = (0..7 * 9u32).map(|n| (n * n % 251) as u8).collect();
        let whole = filled(&pixels, 7);
        let computed = pixels.clone();
        for (n, band) in pixels.chunks_mut(3 * 7).enumerate() {
            let start = 21 * n;
            let above = start.checked_sub(7).map_or(&[][..], |from| &computed[from..start]);
            let below = computed.get(start + 21..start + 28).unwrap_or_default();
            Rows { pixels: band, width: 7, first: [0, 3 * n as u32], above, below }.fill();
        }
        assert_eq!(pixels, whole);
        for (n, (a, b)) in whole.iter().zip(&computed).enumerate() {
            assert!(a == b || !is_computed(n as u32 % 7, n as u32 / 7));
        }
    }
}
