//! Which parts of a cell can be seen: so that rays past a surface are not sampled where the surface is only near.

use std::sync::atomic::{AtomicU8, Ordering};

use anatome_core::Sample;

use crate::cells::{CELL, Range, VoxelBox, voxels};
use crate::shared::sampling::Field;
use crate::stored::Stored;

/// The side of a part in voxels: half that of a cell.
const PART: usize = CELL / 2;

/// Which of the eight parts of a cell can be seen, a bit for each, i fastest. The part (a, b, c) of a cell covers the
/// voxels from `PART * a` of the cell to `PART * (a + 1)`, both included, along i, and likewise along j and k.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parts(u8);

impl Parts {
    const ALL: Self = Self(u8::MAX);
    /// The parts at the low and at the high end along each axis.
    const ENDS: [[u8; 2]; 3] =
        [[0b0101_0101, 0b1010_1010], [0b0011_0011, 0b1100_1100], [0b0000_1111, 0b1111_0000]];

    /// Those of a cell of which a range of stored values is seen. Of a cell with padding all are: ranges of neighbours
    /// need not overlap there, and what lies between them may be interpolated, too.
    pub(crate) fn new(field: &Field<'_>, cell: [usize; 3], is_seen: impl Fn(Range) -> bool) -> Self {
        let ranges = match field.samples {
            Stored::U8(samples) => ranges(field, samples, cell),
            Stored::I16(samples) => ranges(field, samples, cell),
            Stored::U16(samples) => ranges(field, samples, cell),
            Stored::F32(samples) => ranges(field, samples, cell),
        };
        let Some(ranges) = ranges else { return Self::ALL };
        Self((0..8).filter(|&n| is_seen(ranges[n])).map(|n| 1 << n).sum())
    }

    /// Whether one of those is among them that positions in a box need, of the parts of a cell which it reaches.
    #[inline(always)]
    pub(crate) fn any_of(self, voxels: &VoxelBox, cell: [usize; 3]) -> bool {
        let mut needed = self.0;
        for (axis, [low, high]) in Self::ENDS.into_iter().enumerate() {
            let middle = cell[axis] * CELL + PART;
            needed &= if voxels.low[axis] < middle { u8::MAX } else { high };
            needed &= if voxels.high[axis] >= middle { u8::MAX } else { low };
        }
        needed != 0
    }
}

/// The ranges of the parts of a cell; `None` if a voxel of it is padding.
fn ranges<T: Sample>(field: &Field<'_>, samples: &[T], cell: [usize; 3]) -> Option<[Range; 8]> {
    let mut ranges = [Range::EMPTY; 8];
    let [i, j, k] = [0, 1, 2].map(|axis| voxels(cell[axis], field.size[axis] as usize));
    // The voxel between two parts is of both.
    let parts = |voxel: usize| usize::from(voxel > PART)..1 + usize::from(voxel >= PART);
    for (dk, k) in k.enumerate() {
        for (dj, j) in j.clone().enumerate() {
            let row = (k * field.slice) + j * field.row;
            let mut along = [Range::EMPTY; 2];
            for (di, sample) in samples[row + i.start()..=row + i.end()].iter().enumerate() {
                let stored = sample.to_f32();
                if field.is_padding(stored) {
                    return None;
                }
                for range in &mut along[parts(di)] {
                    *range = range.union(Range { low: stored, high: stored });
                }
            }
            for c in parts(dk) {
                for b in parts(dj) {
                    for (a, along) in along.iter().enumerate() {
                        let range = &mut ranges[4 * c + 2 * b + a];
                        *range = range.union(*along);
                    }
                }
            }
        }
    }
    Some(ranges)
}

/// Parts that may not be known yet.
#[derive(Debug, Default)]
pub(crate) struct AtomicParts(AtomicU8);

impl AtomicParts {
    /// Those that are known; else they are found, by several threads at once perhaps.
    #[inline(always)]
    pub(crate) fn get_or_set(&self, find: impl FnOnce() -> Parts) -> Parts {
        // Each value stands for itself, and it is the same whoever finds it.
        match self.0.load(Ordering::Relaxed) {
            0 => {
                // A cell can be seen because of one of its parts. If rounding should say otherwise, all of it counts.
                let found = Some(find()).filter(|&found| found != Parts(0)).unwrap_or(Parts::ALL);
                self.0.store(found.0, Ordering::Relaxed);
                found
            }
            known => Parts(known),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anatome_core::Interpolation;
    use anatome_core::plan::SamplingPlan;

    const SIZE: [usize; 3] = [7, 5, 6];

    /// The voxels that positions in a box need, but of the cell (0, 0, 0) only.
    fn needed(voxels: &VoxelBox) -> impl Iterator<Item = usize> {
        let along = |axis: usize| voxels.low[axis]..=(voxels.high[axis] + 1).min(CELL).min(SIZE[axis] - 1);
        let row = move |[j, k]: [usize; 2]| (k * SIZE[1] + j) * SIZE[0];
        let (i, j) = (along(0), along(1));
        along(2).flat_map(move |k| {
            let i = i.clone();
            j.clone().flat_map(move |j| i.clone().map(move |i| row([j, k]) + i))
        })
    }

    /// One bright voxel anywhere in a cell: it is missed in no box of places that need it, and found in none of whose parts
    /// no place does.
    #[test]
    fn parts_are_those_whose_places_need_a_voxel_that_is_seen() {
        let interpolation = Interpolation::Linear;
        let size = SIZE.map(|n| n as i32);
        let plan =
            SamplingPlan { size, slope: 1.0, intercept: 0.0, padding: None, interpolation, slices: None };
        let ends = (0..CELL).flat_map(|low| (low..CELL).map(move |high| (low, high)));
        let ends: Vec<(usize, usize)> = ends.collect();
        let (mut missed, mut found) = (0, 0);
        for bright in 0..SIZE.iter().product() {
            let mut samples = vec![0u8; SIZE.iter().product()];
            samples[bright] = 1;
            let field = Field::new(Stored::U8(&samples), &plan);
            let parts = Parts::new(&field, [0; 3], |range| range.high > 0.5);
            for &(a, d) in &ends {
                for &(b, e) in &ends {
                    for &(c, f) in &ends {
                        let voxels = VoxelBox { low: [a, b, c], high: [d, e, f] };
                        let whole = VoxelBox {
                            low: voxels.low.map(|n| n / PART * PART),
                            high: voxels.high.map(|n| n / PART * PART + PART - 1),
                        };
                        let is_found = parts.any_of(&voxels, [0; 3]);
                        assert!(is_found || needed(&voxels).all(|n| n != bright), "{voxels:?} {bright}");
                        assert_eq!(is_found, needed(&whole).any(|n| n == bright), "{voxels:?} {bright}");
                        *(if is_found { &mut found } else { &mut missed }) += 1;
                    }
                }
            }
        }
        assert!(missed > 10_000 && found > 10_000, "{missed} {found}");
    }
}
