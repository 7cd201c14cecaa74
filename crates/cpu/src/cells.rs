//! The range of stored values in each block of voxels, so that rays can leap over what can't be seen.

use std::sync::{Arc, Mutex, PoisonError};

use anatome_core::Sample;
use anatome_core::plan::SamplingPlan;
use fearless_simd::{Level, Simd};
use rayon::prelude::*;

use crate::lanes::{self, Work};
use crate::parts::{AtomicParts, Parts};
use crate::seen::{Ends, is_seen};
use crate::shared::sampling::Field;
use crate::stored::Stored;
use crate::transfer::Visibility;

/// Voxels from the lowest to the highest along each axis, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct VoxelBox {
    pub(crate) low: [usize; 3],
    pub(crate) high: [usize; 3],
}

impl VoxelBox {
    /// The lowest and the highest cell along each axis.
    fn cells(&self) -> [[usize; 3]; 2] {
        [self.low, self.high].map(|voxel| voxel.map(|n| n / CELL))
    }
}

/// The side of a cell in voxels.
pub(crate) const CELL: usize = 4;

/// So many cells are looked at together first.
const TOGETHER: usize = 8;
/// Occupancies that are kept: going back and forth between two transfer functions costs nothing.
const MOST_KEPT: usize = 2;

/// The least and the largest stored value of a cell, padding excluded; `low > high` if there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

impl Range {
    pub(crate) const EMPTY: Self = Self { low: f32::INFINITY, high: f32::NEG_INFINITY };
    /// What is interpolated is off by less than this times the sum of how far the ends are from 0.
    pub(crate) const ROUNDING: f32 = 4.0 * f32::EPSILON;

    pub(crate) fn union(self, other: Self) -> Self {
        // No sample is without a number.
        Self {
            low: if other.low < self.low { other.low } else { self.low },
            high: if other.high > self.high { other.high } else { self.high },
        }
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
        let rounding = (self.low.abs() + self.high.abs()) * Self::ROUNDING;
        Self { low: self.low - rounding, high: self.high + rounding }
    }
}

/// The cells of a volume. The cell (a, b, c) covers the voxels from `CELL * a` to `CELL * (a + 1)`, both included,
/// along i, and likewise along j and k: all that positions from its first voxel to before the next cell's need.
#[derive(Debug)]
pub(crate) struct Cells {
    /// The number of cells along i, j and k.
    count: [usize; 3],
    /// The ranges, i fastest.
    ranges: Vec<Range>,
    /// The ranges, those of cells with padding together with those of all neighbours; `None` if they are the same. Cells
    /// share voxels, so that values that follow one another along a ray lie in ranges that overlap; but not where the
    /// shared ones are padding: then whatever lies between the ranges may be interpolated, too.
    around: Option<Vec<Range>>,
    /// The range of all.
    all: Range,
    /// What could be seen by the last transfer functions.
    occupancies: Mutex<Vec<(Visibility, Arc<Occupancy>)>>,
}

impl Cells {
    /// Reads all samples once, in the current pool.
    pub(crate) fn new(level: Level, samples: Stored<'_>, plan: &SamplingPlan) -> Self {
        let count = plan.size.map(|n| (n as usize).div_ceil(CELL));
        let [across, down, deep] = count;
        let mut ranges = vec![Range::EMPTY; across * down * deep];
        let mut are_padded = vec![false; ranges.len()];
        let layers = ranges.par_chunks_mut(across * down).zip(are_padded.par_chunks_mut(across * down));
        layers.enumerate().for_each(|(c, (ranges, are_padded))| {
            lanes::run(level, Layer { samples, plan, c, ranges, are_padded });
        });
        let around = are_padded.contains(&true).then(|| {
            let mut around = around(&ranges, count);
            let own = around.iter_mut().zip(&ranges).zip(&are_padded).filter(|(_, is_padded)| !**is_padded);
            own.for_each(|((around, range), _)| *around = *range);
            around
        });
        let all = ranges.iter().fold(Range::EMPTY, |all, &range| all.union(range));
        Self { count, ranges, around, all, occupancies: Mutex::default() }
    }

    /// What can be seen of a field's cells, which these are. Computed in the current pool, unless it was for one of the last
    /// visibilities.
    pub(crate) fn occupancy(&self, field: &Field<'_>, visibility: &Visibility) -> Arc<Occupancy> {
        let kept = || self.occupancies.lock().unwrap_or_else(PoisonError::into_inner);
        let found =
            kept().iter().find(|(of, _)| of == visibility).map(|(_, occupancy)| Arc::clone(occupancy));
        if let Some(occupancy) = found {
            return occupancy;
        }
        // Not if there are more numbers than cells.
        let are_few = self.all.high - self.all.low < self.ranges.len() as f32;
        let ends = if are_few { Ends::new(field, visibility, self.all) } else { None };
        let occupancy = Arc::new(match ends {
            Some(ends) => Occupancy::new(self, |stored| ends.is_seen(stored)),
            None => Occupancy::new(self, |stored| is_seen(field, visibility, stored)),
        });
        let mut kept = kept();
        kept.truncate(MOST_KEPT - 1);
        kept.insert(0, (visibility.clone(), Arc::clone(&occupancy)));
        occupancy
    }

    /// The range of all voxels that positions in a box need.
    pub(crate) fn range(&self, voxels: &VoxelBox) -> Range {
        let [low, high] = voxels.cells();
        let [a, b, c] = [0, 1, 2].map(|n| low[n]..=high[n]);
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

/// Which cells can't be seen, and how far the nearest that can is.
#[derive(Debug)]
pub(crate) struct Occupancy {
    count: [usize; 3],
    /// For each cell, i fastest, the number of cells to the nearest that can be seen, in the direction in which it is
    /// the most (Chebyshev); 0 for those that can be seen, at most 255.
    distance: Vec<u8>,
    /// For each cell, i fastest, which of its parts can be seen, as far as that was asked for.
    parts: Vec<AtomicParts>,
}

impl Occupancy {
    /// Looks at all cells once, in the current pool.
    fn new(cells: &Cells, is_seen: impl Fn(Range) -> bool + Sync) -> Self {
        let ranges = cells.around.as_ref().unwrap_or(&cells.ranges);
        let mut distance = vec![u8::MAX; ranges.len()];
        let parts = distance.par_chunks_mut(512 * TOGETHER).zip(ranges.par_chunks(512 * TOGETHER));
        parts.for_each(|(distance, ranges)| {
            for (distance, ranges) in distance.chunks_mut(TOGETHER).zip(ranges.chunks(TOGETHER)) {
                // Most are alike.
                if is_seen(ranges.iter().fold(Range::EMPTY, |all, &range| all.union(range))) {
                    let seen = ranges.iter().map(|&range| if is_seen(range) { 0 } else { u8::MAX });
                    distance.iter_mut().zip(seen).for_each(|(distance, seen)| *distance = seen);
                }
            }
        });
        spread(&mut distance, cells.count);
        let parts = distance.iter().map(|_| AtomicParts::default()).collect();
        Self { count: cells.count, distance, parts }
    }

    /// Whether nothing that positions in a box need can be seen.
    #[inline(always)]
    pub(crate) fn is_empty(&self, voxels: &VoxelBox) -> bool {
        let [low, high] = voxels.cells();
        match self.is_free(low, high) {
            Some(is_free) => is_free,
            None => (low[2]..=high[2])
                .all(|c| (low[1]..=high[1]).all(|b| self.is_row_empty([low[0], b, c], high[0]))),
        }
    }

    /// As [`Self::is_empty`], as far as it can be told from the middle: large boxes are not looked through.
    #[inline(always)]
    pub(crate) fn is_empty_from_middle(&self, voxels: &VoxelBox) -> bool {
        let [low, high] = voxels.cells();
        self.is_free(low, high) == Some(true)
    }

    /// Whether nothing can be seen from the cell `low` to the cell `high`, as far as their middle tells.
    #[inline(always)]
    fn is_free(&self, low: [usize; 3], high: [usize; 3]) -> Option<bool> {
        let middle: [usize; 3] = std::array::from_fn(|n| usize::midpoint(low[n], high[n]));
        // The middle is no farther from the lowest cell than from the highest.
        let reach = (0..3).map(|n| high[n] - middle[n]).max().unwrap_or(0);
        match usize::from(self.distance[self.index(middle)]) {
            0 => Some(false),
            free => (reach < free).then_some(true),
        }
    }

    /// Whether nothing can be seen from the cell `first` to the one in the column `last` of its row.
    #[inline(always)]
    fn is_row_empty(&self, first: [usize; 3], last: usize) -> bool {
        const EACH: u64 = 0x0101_0101_0101_0101;
        let (start, len) = (self.index(first), last - first[0] + 1);
        let after = self.distance[start..].first_chunk::<8>();
        let Some(eight) = after.filter(|_| len <= 8) else {
            return self.distance[start..start + len].iter().all(|&distance| distance > 0);
        };
        // Those behind the last count as far. The highest bit tells of a byte that is 0, if no lower one is.
        let far = u64::MAX.checked_shl(8 * len as u32).unwrap_or(0);
        let eight = u64::from_le_bytes(*eight) | far;
        eight.wrapping_sub(EACH) & !eight & (EACH << 7) == 0
    }

    /// As [`Self::is_empty`], looking at the parts of cells, too: what is seen of those of a cell is asked for once.
    #[inline(always)]
    pub(crate) fn is_empty_by_parts(&self, voxels: &VoxelBox, seen: impl Fn([usize; 3]) -> Parts) -> bool {
        let [low, high] = voxels.cells();
        for c in low[2]..=high[2] {
            for b in low[1]..=high[1] {
                for a in low[0]..=high[0] {
                    let cell = [a, b, c];
                    let at = self.index(cell);
                    if self.distance[at] > 0 {
                        continue;
                    }
                    let parts = self.parts[at].get_or_set(|| seen(cell));
                    if parts.any_of(voxels, cell) {
                        return false;
                    }
                }
            }
        }
        true
    }

    #[inline(always)]
    fn index(&self, [a, b, c]: [usize; 3]) -> usize {
        (c * self.count[1] + b) * self.count[0] + a
    }
}

/// Makes each number the least of itself and of each other one and the chessboard distance to it. From a cell to another
/// leads a shortest way that first goes along the row, then through rows, then through layers, sideways as well: so layers
/// are looked at by themselves first.
fn spread(distance: &mut [u8], [across, down, _]: [usize; 3]) {
    let layer = across * down;
    distance.par_chunks_exact_mut(layer).for_each(|layer| {
        for row in layer.chunks_exact_mut(across) {
            spread_along(row.iter_mut());
            spread_along(row.iter_mut().rev());
        }
        spread_through(layer, across, across);
    });
    spread_through(distance, layer, across);
}

/// From each number to the next.
fn spread_along<'a>(row: impl Iterator<Item = &'a mut u8>) {
    let mut near = u8::MAX;
    for far in row {
        near = (*far).min(near.saturating_add(1));
        *far = near;
    }
}

/// From each part of so many numbers to the one after it, then back: from a number also to the neighbours of its place, in
/// its row and in the rows beside it in its part.
fn spread_through(distance: &mut [u8], part: usize, across: usize) {
    let count = distance.len() / part;
    // The least beside each place, with room for a neighbour at each end.
    let mut least = vec![u8::MAX; across + 2];
    let mut step = |from: &[u8], to: &mut [u8]| {
        let rows = part / across;
        for (n, to) in to.chunks_exact_mut(across).enumerate() {
            let beside = n.saturating_sub(1)..(n + 2).min(rows);
            let least_inside = &mut least[1..=across];
            least_inside.fill(u8::MAX);
            for from in from[beside.start * across..beside.end * across].chunks_exact(across) {
                least_inside.iter_mut().zip(from).for_each(|(least, &near)| *least = (*least).min(near));
            }
            let beside = least[..across].iter().zip(&least[1..=across]).zip(&least[2..]);
            for (to, ((&a, &b), &c)) in to.iter_mut().zip(beside) {
                *to = (*to).min(a.min(b).min(c).saturating_add(1));
            }
        }
    };
    for n in 1..count {
        let (before, after) = distance.split_at_mut(n * part);
        step(&before[(n - 1) * part..], &mut after[..part]);
    }
    for n in (1..count).rev() {
        let (before, after) = distance.split_at_mut(n * part);
        step(&after[..part], &mut before[(n - 1) * part..]);
    }
}

/// The ranges with those of all neighbours, diagonal ones included.
fn around(ranges: &[Range], [across, down, deep]: [usize; 3]) -> Vec<Range> {
    let add = |to: &mut [Range], from: &[Range]| {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = to.union(*from));
    };
    let mut wider = ranges.to_vec();
    wider.par_chunks_exact_mut(across).zip(ranges.par_chunks_exact(across)).for_each(|(to, from)| {
        add(to, &from[1..]);
        add(&mut to[1..], from);
    });
    // Rows beside rows, then layers beside layers.
    for (part, count) in [(across, down), (across * down, deep)] {
        let before = wider.clone();
        wider.par_chunks_exact_mut(part).enumerate().for_each(|(n, to)| {
            if n % count > 0 {
                add(to, &before[(n - 1) * part..]);
            }
            if n % count + 1 < count {
                add(to, &before[(n + 1) * part..]);
            }
        });
    }
    wider
}

/// The voxels that a cell at a place along an axis of `size` voxels covers.
pub(crate) fn voxels(cell: usize, size: usize) -> std::ops::RangeInclusive<usize> {
    cell * CELL..=((cell + 1) * CELL).min(size - 1)
}

/// A layer of cells that is to be filled.
struct Layer<'a> {
    samples: Stored<'a>,
    plan: &'a SamplingPlan,
    /// Its number.
    c: usize,
    ranges: &'a mut [Range],
    are_padded: &'a mut [bool],
}

impl Work for Layer<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        match self.samples {
            Stored::U8(samples) => self.fill(samples),
            Stored::I16(samples) => self.fill(samples),
            Stored::U16(samples) => self.fill(samples),
            Stored::F32(samples) => self.fill(samples),
        }
    }
}

impl Layer<'_> {
    #[inline(always)]
    fn fill<T: Sample>(self, samples: &[T]) {
        let [row, rows, slices] = self.plan.size.map(|n| n as usize);
        let padding =
            self.plan.padding.map(|(lowest, highest)| T::ends_within(lowest.into(), highest.into()));
        let across = row.div_ceil(CELL);
        let cells = self.ranges.chunks_exact_mut(across).zip(self.are_padded.chunks_exact_mut(across));
        let mut columns = Columns::new(row);
        for (b, (ranges, are_padded)) in cells.enumerate() {
            columns.clear();
            for k in voxels(self.c, slices) {
                for j in voxels(b, rows) {
                    let first = (k * rows + j) * row;
                    let samples = &samples[first..first + row];
                    match padding {
                        Some(padding) => columns.add_padded(samples, padding),
                        None => columns.add(samples),
                    }
                }
            }
            for (a, (range, is_padded)) in ranges.iter_mut().zip(are_padded).enumerate() {
                (*range, *is_padded) = columns.part(voxels(a, row));
            }
        }
    }
}

/// What is at each place of the rows of a cell: whole rows at a time, for the vector instructions.
struct Columns<T> {
    low: Vec<T>,
    high: Vec<T>,
    are_padded: Vec<u8>,
}

impl<T: Sample> Columns<T> {
    fn new(row: usize) -> Self {
        Self { low: vec![T::ENDS.1; row], high: vec![T::ENDS.0; row], are_padded: vec![0; row] }
    }

    #[inline(always)]
    fn clear(&mut self) {
        self.low.fill(T::ENDS.1);
        self.high.fill(T::ENDS.0);
        self.are_padded.fill(0);
    }

    #[inline(always)]
    fn add(&mut self, samples: &[T]) {
        for ((low, high), &v) in self.low.iter_mut().zip(&mut self.high).zip(samples) {
            *low = if *low < v { *low } else { v };
            *high = if *high > v { *high } else { v };
        }
    }

    #[inline(always)]
    fn add_padded(&mut self, samples: &[T], (lowest, highest): (T, T)) {
        let columns = self.low.iter_mut().zip(&mut self.high).zip(&mut self.are_padded);
        for (((low, high), is_padded), &v) in columns.zip(samples) {
            let is_padding = (lowest <= v) & (v <= highest);
            *low = if is_padding | (*low < v) { *low } else { v };
            *high = if is_padding | (*high > v) { *high } else { v };
            *is_padded |= u8::from(is_padding);
        }
    }

    /// The range of some places, and whether there is padding.
    #[inline(always)]
    fn part(&self, places: std::ops::RangeInclusive<usize>) -> (Range, bool) {
        let (mut low, mut high, mut is_padded) = (T::ENDS.1, T::ENDS.0, 0);
        for n in places {
            low = if self.low[n] < low { self.low[n] } else { low };
            high = if self.high[n] > high { self.high[n] } else { high };
            is_padded |= self.are_padded[n];
        }
        let range = if low <= high { Range { low: low.to_f32(), high: high.to_f32() } } else { Range::EMPTY };
        (range, is_padded != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anatome_core::Interpolation;

    #[test]
    fn a_cell_holds_the_first_voxels_of_the_next() {
        let size = [10, 10, 10];
        let interpolation = Interpolation::Linear;
        let plan =
            SamplingPlan { size, slope: 1.0, intercept: 0.0, padding: None, interpolation, slices: None };
        for stride in [1, 10, 100] {
            let mut samples = vec![0u16; 1000];
            samples[CELL * stride] = 9;
            let before = (CELL - 1) * stride;
            let before = [before % 10, before / 10 % 10, before / 100];
            let range = Cells::new(Level::new(), Stored::U16(&samples), &plan)
                .range(&VoxelBox { low: before, high: before });
            assert_eq!(range, Range { low: 0.0, high: 9.0 }, "{stride}");
        }
    }

    #[test]
    fn distances_are_those_to_the_nearest_seen_cell() {
        let mut state = 5u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        for count in [[1, 1, 1], [9, 1, 1], [1, 7, 4], [13, 8, 11], [40, 3, 9]] {
            for rarity in [3, 40, 300] {
                let len: usize = count.iter().product();
                let seen: Vec<bool> = (0..len).map(|_| random() % rarity == 0).collect();
                let mut distance: Vec<u8> = seen.iter().map(|&is| if is { 0 } else { u8::MAX }).collect();
                spread(&mut distance, count);
                let place = |n: usize| [n % count[0], n / count[0] % count[1], n / (count[0] * count[1])];
                for (n, &found) in distance.iter().enumerate() {
                    let to =
                        |m: usize| (0..3).map(|axis| place(n)[axis].abs_diff(place(m)[axis])).max().unwrap();
                    let nearest = (0..len).filter(|&m| seen[m]).map(to).min().unwrap_or(255);
                    assert_eq!(usize::from(found), nearest, "{count:?} {n}");
                }
            }
        }
    }

    /// Padding somewhere makes nothing visible elsewhere.
    #[test]
    fn only_cells_with_padding_take_in_their_neighbours() {
        let size = [24; 3];
        let interpolation = Interpolation::Linear;
        let padding = Some((-5.0, -5.0));
        let plan = SamplingPlan { size, slope: 1.0, intercept: 0.0, padding, interpolation, slices: None };
        let mut samples = vec![0i16; 24 * 24 * 24];
        let place = |[i, j, k]: [usize; 3]| (k * 24 + j) * 24 + i;
        // In the cells (1, 1, 1) and (4, 4, 4), of which the latter has a padded neighbour.
        samples[place([6, 6, 6])] = 9;
        samples[place([18, 18, 18])] = 9;
        samples[place([14, 18, 18])] = -5;
        let cells = Cells::new(Level::new(), Stored::I16(&samples), &plan);
        let seen = Occupancy::new(&cells, |range| range.high > 5.0);
        let seen: Vec<usize> = (0..6 * 6 * 6).filter(|&n| seen.distance[n] == 0).collect();
        let cell = |[a, b, c]: [usize; 3]| (c * 6 + b) * 6 + a;
        assert_eq!(seen, [cell([1; 3]), cell([3, 4, 4]), cell([4; 3])]);
    }

    /// Ranges hold every voxel between two, and the next one along each axis, padding excluded.
    #[test]
    fn ranges_hold_all_voxels_that_positions_need() {
        let size = [13, 9, 10];
        let mut state = 7u32;
        let samples: Vec<i16> = (0..13 * 9 * 10)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 20) as i16
            })
            .collect();
        for padding in [None, Some((1000.0, 3000.0)), Some((0.0, 5000.0))] {
            let interpolation = Interpolation::Linear;
            let plan =
                SamplingPlan { size, slope: 1.0, intercept: 0.0, padding, interpolation, slices: None };
            let cells = Cells::new(Level::new(), Stored::I16(&samples), &plan);
            for (low, high) in [([0, 0, 0], [0, 0, 0]), ([3, 3, 3], [3, 4, 5]), ([7, 2, 0], [12, 8, 9])] {
                let range = cells.range(&VoxelBox { low, high });
                let is_near = |n: usize, v: usize| (low[n]..=high[n] + 1).contains(&v);
                for (n, &sample) in samples.iter().enumerate() {
                    let [i, j, k] = [n % 13, n / 13 % 9, n / (13 * 9)];
                    let v = f32::from(sample);
                    let padded = padding.is_some_and(|(low, high)| low <= v && v <= high);
                    if is_near(0, i) && is_near(1, j) && is_near(2, k) && !padded {
                        assert!(range.low <= v && v <= range.high, "{low:?} {high:?} {i} {j} {k}");
                    }
                }
                assert_eq!(range.is_empty(), padding == Some((0.0, 5000.0)));
                let inside = |v: f32| padding.is_none_or(|(low, high)| v < low || v > high);
                assert!(range.is_empty() || inside(range.low) && inside(range.high));
            }
        }
    }
}
