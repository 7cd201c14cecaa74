//! The range of stored values in each block of voxels, so that rays can leap over what can't be seen.

use anatome_core::Sample;
use anatome_core::plan::SamplingPlan;
use rayon::prelude::*;

/// The side of a cell in voxels.
const CELL: usize = 4;

/// The least and the largest stored value of a cell, padding excluded; `low > high` if there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

impl Range {
    pub(crate) const EMPTY: Self = Self { low: f32::INFINITY, high: f32::NEG_INFINITY };

    fn union(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.low > self.high
    }

    /// The range of what is interpolated between values of this range: wider by the rounding of its arithmetic, unless
    /// all values are equal.
    pub(crate) fn of_interpolated(self) -> Self {
        if self.low >= self.high {
            return self;
        }
        let rounding = (self.low.abs() + self.high.abs()) * (4.0 * f32::EPSILON);
        Self { low: self.low - rounding, high: self.high + rounding }
    }
}

/// The cells of a volume. The cell (a, b, c) covers the voxels from `CELL * a` to `CELL * (a + 1)`, both included, along
/// i, and likewise along j and k: all that positions from its first voxel to before the next cell's need.
#[derive(Debug)]
pub(crate) struct Cells {
    /// The number of cells along i and j.
    count: [usize; 2],
    /// The ranges, i fastest.
    ranges: Vec<Range>,
}

impl Cells {
    /// Reads all samples once, in the current pool.
    pub(crate) fn new<T: Sample>(samples: &[T], plan: &SamplingPlan) -> Self {
        let [across, down, deep] = plan.size.map(|n| (n as usize).div_ceil(CELL));
        let mut ranges = vec![Range::EMPTY; across * down * deep];
        let layers = ranges.par_chunks_mut(across * down).enumerate();
        layers.for_each(|(c, ranges)| fill_layer(samples, plan, c, ranges));
        Self { count: [across, down], ranges }
    }

    /// The range of all voxels that positions need which lie in the voxels from `low` to `high`.
    pub(crate) fn range_between(&self, low: [usize; 3], high: [usize; 3]) -> Range {
        let [a, b, c] = [0, 1, 2].map(|n| low[n] / CELL..=high[n] / CELL);
        let mut range = Range::EMPTY;
        for c in c {
            for b in b.clone() {
                let row = (c * self.count[1] + b) * self.count[0];
                for cell in &self.ranges[row + a.start()..=row + a.end()] {
                    range = range.union(*cell);
                }
            }
        }
        range
    }
}

/// The voxels that a cell at a place along an axis of `size` voxels covers.
fn voxels(cell: usize, size: usize) -> std::ops::RangeInclusive<usize> {
    cell * CELL..=((cell + 1) * CELL).min(size - 1)
}

fn fill_layer<T: Sample>(samples: &[T], plan: &SamplingPlan, c: usize, ranges: &mut [Range]) {
    let [row, rows, slices] = plan.size.map(|n| n as usize);
    let across = row.div_ceil(CELL);
    for k in voxels(c, slices) {
        for b in 0..rows.div_ceil(CELL) {
            for j in voxels(b, rows) {
                let first = (k * rows + j) * row;
                let line = &samples[first..first + row];
                for a in 0..across {
                    let part = &line[voxels(a, row)];
                    let n = b * across + a;
                    ranges[n] = ranges[n].union(match plan.padding {
                        None => whole_range(part),
                        Some(padding) => range_without(part, padding),
                    });
                }
            }
        }
    }
}

fn whole_range<T: Sample>(part: &[T]) -> Range {
    let mut ends = (part[0], part[0]);
    for &v in part {
        ends = (if v < ends.0 { v } else { ends.0 }, if v > ends.1 { v } else { ends.1 });
    }
    Range { low: ends.0.to_f32(), high: ends.1.to_f32() }
}

fn range_without<T: Sample>(part: &[T], (lowest, highest): (f32, f32)) -> Range {
    part.iter().map(|v| v.to_f32()).fold(Range::EMPTY, |range, v| {
        let is_padding = (lowest <= v) & (v <= highest);
        Range {
            low: if is_padding | (range.low < v) { range.low } else { v },
            high: if is_padding | (range.high > v) { range.high } else { v },
        }
    })
}
