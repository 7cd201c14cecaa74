//! The range of stored values in each block of voxels, so that rays can leap over what can't be seen.

use anatome_core::Sample;
use anatome_core::plan::SamplingPlan;
use rayon::prelude::*;

/// The side of a cell in voxels.
pub(crate) const CELL: usize = 8;

/// The least and the largest stored value of a cell, padding excluded; `low > high` if there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

impl Range {
    pub(crate) const EMPTY: Self = Self { low: f32::INFINITY, high: f32::NEG_INFINITY };

    fn with(self, value: f32) -> Self {
        Self { low: self.low.min(value), high: self.high.max(value) }
    }

    pub(crate) fn union(self, other: Self) -> Self {
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
    /// The number of cells along i, j and k.
    pub(crate) count: [usize; 3],
    /// The ranges, i fastest.
    pub(crate) ranges: Vec<Range>,
    /// Whether a cell has padding.
    padded: Vec<bool>,
}

impl Cells {
    /// The number of cells along each axis of so many voxels.
    fn count(size: [i32; 3]) -> [usize; 3] {
        size.map(|n| (n as usize).div_ceil(CELL))
    }

    /// Reads all samples once, in the current pool.
    pub(crate) fn new<T: Sample>(samples: &[T], plan: &SamplingPlan) -> Self {
        let count = Self::count(plan.size);
        let layer = count[0] * count[1];
        let mut ranges = vec![Range::EMPTY; layer * count[2]];
        let mut padded = vec![false; ranges.len()];
        let layers = ranges.par_chunks_mut(layer).zip(padded.par_chunks_mut(layer));
        layers.enumerate().for_each(|(c, (ranges, padded))| fill_layer(samples, plan, c, ranges, padded));
        Self { count, ranges, padded }
    }

    /// The place in cells of a voxel.
    #[inline(always)]
    pub(crate) fn cell_of(voxel: [usize; 3]) -> [usize; 3] {
        voxel.map(|v| v / CELL)
    }

    /// The number of the cell at a place in cells.
    #[inline(always)]
    pub(crate) fn index(&self, [a, b, c]: [usize; 3]) -> usize {
        (c * self.count[1] + b) * self.count[0] + a
    }

    /// The ranges with those of cells that have padding widened by their neighbours', so that the ranges of any two
    /// neighbours that are not empty have a value in common: without padding they share a voxel.
    pub(crate) fn connected(&self) -> Vec<Range> {
        let mut ranges = self.ranges.clone();
        for (n, range) in ranges.iter_mut().enumerate().filter(|&(n, _)| self.padded[n]) {
            let [p, q, _] = self.count;
            let place = [n % p, n / p % q, n / (p * q)];
            if !range.is_empty() {
                self.neighbours(place, |other| *range = range.union(self.ranges[other]));
            }
        }
        ranges
    }

    fn neighbours(&self, place: [usize; 3], mut visit: impl FnMut(usize)) {
        let [a, b, c] = [0, 1, 2].map(|n| place[n].saturating_sub(1)..=(place[n] + 1).min(self.count[n] - 1));
        for c in c {
            for b in b.clone() {
                a.clone().for_each(|a| visit(self.index([a, b, c])));
            }
        }
    }

    /// For each cell the distance in cells, by the largest of the three axes, to the nearest of which `is_empty` is
    /// false; at most 255.
    pub(crate) fn distances(&self, is_empty: impl Fn(usize) -> bool) -> Vec<u8> {
        let mut distance: Vec<u8> =
            (0..self.ranges.len()).map(|n| if is_empty(n) { u8::MAX } else { 0 }).collect();
        let [p, q, r] = self.count;
        let places = || (0..p * q * r).map(|n| [n % p, n / p % q, n / (p * q)]);
        let mut relax = |place: [usize; 3]| {
            let n = self.index(place);
            if distance[n] > 0 {
                let mut nearest = distance[n];
                self.neighbours(place, |other| nearest = nearest.min(distance[other].saturating_add(1)));
                distance[n] = nearest;
            }
        };
        // A chessboard distance is exact after one pass each way.
        places().for_each(&mut relax);
        places().rev().for_each(&mut relax);
        distance
    }
}

/// The voxels that a cell at a place along an axis of `size` voxels covers.
fn voxels(cell: usize, size: usize) -> std::ops::RangeInclusive<usize> {
    cell * CELL..=((cell + 1) * CELL).min(size - 1)
}

fn fill_layer<T: Sample>(
    samples: &[T],
    plan: &SamplingPlan,
    c: usize,
    ranges: &mut [Range],
    padded: &mut [bool],
) {
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
                        Some(padding) => range_without(part, padding, &mut padded[n]),
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

fn range_without<T: Sample>(part: &[T], (lowest, highest): (f32, f32), padded: &mut bool) -> Range {
    part.iter().map(|v| v.to_f32()).fold(Range::EMPTY, |range, v| {
        if lowest <= v && v <= highest {
            *padded = true;
            range
        } else {
            range.with(v)
        }
    })
}
