//! Slices and slabs along the axes of the grid: what pixels share is computed once.
//!
//! Where the columns, rows and depth of a picture run along the axes of the grid, the values of a row of voxels are
//! interpolated at all columns once, for all rows of pixels beside it; and for all samples of a slab. Places and the order
//! of interpolation are those of [`Field::sample_beyond`], and so is every bit of the result.

use std::ops::Range;

use anatome_core::plan::{PlanePlan, TILE_PX};
use anatome_core::{PixelRect, Sample};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::lanes::{F32s, LANES, Mask, each_lane, f32s, most};
use crate::places::{Axes, Places, Steps};
use crate::shared::display::FoundPixels;
use crate::shared::projection::Gather;
use crate::shared::sampling::{Field, Found, between};
use crate::slice::tiles;
use crate::stored::Stored;

/// The most lines that are kept for a row of voxels.
const MOST_LINES: usize = 1024;

/// How two neighbours become one.
trait Blend {
    /// From the one at 0 and that at 1 to what is at `f`.
    fn blend<S: Simd>(a: F32s<S>, b: F32s<S>, f: F32s<S>) -> F32s<S>;
}

/// Of stored values.
struct Values;

impl Blend for Values {
    #[inline(always)]
    fn blend<S: Simd>(a: F32s<S>, b: F32s<S>, f: F32s<S>) -> F32s<S> {
        between(a, b, f)
    }
}

/// Of numbers that are 1 where padding has a weight, and 0 elsewhere.
struct Padding;

impl Blend for Padding {
    #[inline(always)]
    fn blend<S: Simd>(a: F32s<S>, b: F32s<S>, f: F32s<S>) -> F32s<S> {
        let none = f * 0.0;
        most(f.simd_lt(1.0).select(a, none), f.simd_gt(0.0).select(b, none))
    }
}

/// Eight numbers for each of a block's lines, for each eight columns.
type Eights = Vec<[f32; LANES]>;

/// What a row of voxels is at the columns of a block.
#[derive(Default)]
struct Row {
    /// Which row.
    number: Option<usize>,
    values: Eights,
    /// Where padding has a weight; of no meaning unless it has one somewhere.
    padding: Eights,
    is_padded: bool,
}

/// What is needed for a while.
#[derive(Default)]
struct Scratch {
    segment: Vec<f32>,
    other: Vec<f32>,
    lines: Eights,
    padding: Eights,
}

/// A rectangle of a picture along the axes.
pub(crate) struct Block<'a> {
    field: &'a Field<'a>,
    axes: Axes,
    /// How far apart neighbours along i, j and k are stored.
    strides: [usize; 3],
    rect: PixelRect,
    columns: Places,
    rows: Places,
    depth: Places,
    /// The columns inside, in eights.
    eights: Range<usize>,
    /// 1 for each of these columns that is inside, else 0.
    inside: Eights,
    /// The voxels that are needed along the axis of columns, and along that of depth.
    across: Range<usize>,
    deep: Range<usize>,
    /// The number of lines. If depth is interpolated last there is one for each voxel along it, otherwise one for each of
    /// its places.
    lines: usize,
}

impl<'a> Block<'a> {
    /// `None` if tiles disagree about the places of their rows or columns, or there are too many lines.
    #[inline(always)]
    pub(crate) fn new<S: Simd>(
        simd: S,
        field: &'a Field<'a>,
        plan: &PlanePlan,
        axes: Axes,
        rect: PixelRect,
    ) -> Option<Self> {
        let steps = |axis, per: [f32; 3], first, count| Steps { axis, per: per[axis], first, count };
        let along_depth = steps(axes.depth, plan.per_step, 0, plan.steps);
        let [mut columns, mut rows] = [rect.width, rect.height].map(Places::with_room);
        let mut depth = Places::with_room(plan.steps);
        let first = plan.tile(rect.x / TILE_PX, rect.y / TILE_PX);
        depth.add(simd, field, along_depth, &first);
        let (mut of_columns, mut of_row) = (Vec::new(), first);
        for part in tiles(rect) {
            let origin = plan.tile(part.x / TILE_PX, part.y / TILE_PX);
            let across = steps(axes.column, plan.per_x, part.x % TILE_PX, part.width);
            let down = steps(axes.row, plan.per_y, part.y % TILE_PX, part.height);
            if part.y == rect.y {
                columns.add(simd, field, across, &origin);
                of_columns.push(origin);
            }
            if part.x == rect.x {
                rows.add(simd, field, down, &origin);
                of_row = origin;
            }
            let of_column = of_columns.get((part.x / TILE_PX - rect.x / TILE_PX) as usize)?;
            if !(Places::agree(simd, field, across, [&origin, of_column])
                && Places::agree(simd, field, down, [&origin, &of_row])
                && Places::agree(simd, field, along_depth, [&origin, &first]))
            {
                return None;
            }
        }
        columns.fill_eights();
        let inside = columns.inside();
        let eights = inside.start / LANES..inside.end.div_ceil(LANES);
        let (of_eights, _) = columns.is_inside[eights.start * LANES..eights.end * LANES].as_chunks::<LANES>();
        let inside = of_eights.iter().map(|eight| eight.map(|is| f32::from(u8::from(is)))).collect();
        let across = columns.voxels(0..columns.len());
        let deep = depth.voxels(depth.inside());
        let lines = if axes.depth == 2 { deep.len() } else { depth.len() };
        let is_shallow = lines.max(deep.len()) <= MOST_LINES;
        let strides = [1, field.row, field.slice];
        is_shallow.then_some(Self {
            field,
            axes,
            strides,
            rect,
            columns,
            rows,
            depth,
            eights,
            inside,
            across,
            deep,
            lines,
        })
    }

    /// What is found at each pixel.
    #[inline(always)]
    pub(crate) fn found<S: Simd, G: Gather<S>>(&self, simd: S) -> FoundPixels {
        let width = self.rect.width as usize;
        let mut found = FoundPixels::nothing(width * self.rect.height as usize);
        if self.deep.is_empty() || self.eights.is_empty() {
            return found;
        }
        let mut beside = [Row::default(), Row::default()];
        let mut scratch = Scratch::default();
        for y in (0..self.rows.len()).filter(|&y| self.rows.is_inside[y]) {
            let numbers = [self.rows.before[y], self.rows.after[y]];
            if beside[0].number == Some(numbers[1]) || beside[1].number == Some(numbers[0]) {
                beside.swap(0, 1);
            }
            let second = usize::from(numbers[0] != numbers[1]);
            for (row, number) in beside.iter_mut().zip(numbers).take(1 + second) {
                if row.number != Some(number) {
                    self.fill(simd, number, row, &mut scratch);
                }
            }
            let beside = [&beside[0], &beside[second]];
            let is_padded = beside[0].is_padded || beside[1].is_padded;
            match (self.depth.len(), is_padded) {
                (1, false) => simd.vectorize(
                    #[inline(always)]
                    || self.put_slice_row::<S, false>(simd, y, beside, &mut found),
                ),
                (1, true) => simd.vectorize(
                    #[inline(always)]
                    || self.put_slice_row::<S, true>(simd, y, beside, &mut found),
                ),
                _ => simd.vectorize(
                    #[inline(always)]
                    || self.put_row::<S, G>(simd, y, beside, &mut scratch, &mut found),
                ),
            }
        }
        found
    }

    /// Puts what is found in a row of pixels, between two rows of voxels.
    #[inline(always)]
    fn put_row<S: Simd, G: Gather<S>>(
        &self,
        simd: S,
        y: usize,
        beside: [&Row; 2],
        scratch: &mut Scratch,
        found: &mut FoundPixels,
    ) {
        let (width, f) = (self.rect.width as usize, f32s(simd, self.rows.fraction[y]));
        let is_padded = beside[0].is_padded || beside[1].is_padded;
        for (n, (eight, &inside)) in self.eights.clone().zip(&self.inside).enumerate() {
            let lines = n * self.lines..(n + 1) * self.lines;
            let [values, padding] = [&mut scratch.lines, &mut scratch.padding];
            blend_lines::<S, Values>(simd, beside.map(|row| &row.values[lines.clone()]), f, values);
            if is_padded {
                blend_lines::<S, Padding>(simd, beside.map(|row| &row.padding[lines.clone()]), f, padding);
            }
            let inside: F32s<S> = inside.simd_into(simd);
            let is_inside = inside.simd_gt(0.0);
            let projected = self.projected::<S, G>(simd, scratch, is_padded, is_inside);
            let x = eight * LANES;
            found.put(simd, y * width + x, LANES.min(width - x), &projected);
        }
    }

    /// As [`Self::put_row`], of slices.
    #[inline(always)]
    fn put_slice_row<S: Simd, const IS_PADDED: bool>(
        &self,
        simd: S,
        y: usize,
        beside: [&Row; 2],
        found: &mut FoundPixels,
    ) {
        let width = self.rect.width as usize;
        let f = [self.rows.fraction[y], self.depth.fraction[0]].map(|f| f32s(simd, f));
        let [none, slope, intercept] =
            [f32::NAN, self.field.slope, self.field.intercept].map(|x| f32s(simd, x));
        let of_row = &mut found.values_mut()[y * width..(y + 1) * width][self.eights.start * LANES..];
        for (n, (to, &inside)) in of_row.chunks_mut(LANES).zip(&self.inside).enumerate() {
            let lines = n * self.lines..(n + 1) * self.lines;
            let stored = slice_of::<S, Values>(simd, beside.map(|row| &row.values[lines.clone()]), f);
            let inside: F32s<S> = inside.simd_into(simd);
            let mut is_sample = inside.simd_gt(0.0);
            if IS_PADDED {
                let padded = slice_of::<S, Padding>(simd, beside.map(|row| &row.padding[lines.clone()]), f);
                is_sample &= padded.simd_le(0.0);
            }
            let value = is_sample.select(stored * slope + intercept, none).to_array();
            match to.as_mut_array() {
                Some(to) => *to = value,
                None => to.copy_from_slice(&value[..to.len()]),
            }
        }
    }

    /// What is found at eight pixels, from their lines.
    #[inline(always)]
    fn projected<S: Simd, G: Gather<S>>(
        &self,
        simd: S,
        lines: &Scratch,
        is_padded: bool,
        is_inside: Mask<S>,
    ) -> Found<S> {
        let mut gathered = G::new(simd);
        let (all, apart) = (Mask::splat(simd, true), f32s(simd, 1.0));
        for s in 0..self.depth.len() {
            if !self.depth.is_inside[s] {
                gathered.gather(simd, &Found::nothing(simd), all, apart);
                continue;
            }
            let stored = self.at_depth::<S, Values>(simd, &lines.lines, s);
            let mut is_sample = is_inside;
            if is_padded {
                is_sample &= self.at_depth::<S, Padding>(simd, &lines.padding, s).simd_le(0.0);
            }
            let value = stored * self.field.slope + self.field.intercept;
            let found = Found { value, is_sample, is_missing: Mask::splat(simd, false) };
            gathered.gather(simd, &found, all, apart);
        }
        gathered.projected(simd)
    }

    /// What eight pixels' lines are at a place of depth.
    #[inline(always)]
    fn at_depth<S: Simd, B: Blend>(&self, simd: S, lines: &[[f32; LANES]], s: usize) -> F32s<S> {
        if self.axes.depth < 2 {
            return lines[s].simd_into(simd);
        }
        let [before, after] = [self.depth.before[s], self.depth.after[s]].map(|k| lines[k - self.deep.start]);
        B::blend(before.simd_into(simd), after.simd_into(simd), f32s(simd, self.depth.fraction[s]))
    }

    /// Interpolates a row of voxels at all columns.
    #[inline(always)]
    fn fill<S: Simd>(&self, simd: S, number: usize, row: &mut Row, scratch: &mut Scratch) {
        row.number = Some(number);
        match self.field.samples {
            Stored::U8(a) => self.fill_from(simd, a, number, row, scratch),
            Stored::I16(a) => self.fill_from(simd, a, number, row, scratch),
            Stored::U16(a) => self.fill_from(simd, a, number, row, scratch),
            Stored::F32(a) => self.fill_from(simd, a, number, row, scratch),
        }
    }

    #[inline(always)]
    fn fill_from<S: Simd, T: Sample>(
        &self,
        simd: S,
        samples: &[T],
        number: usize,
        row: &mut Row,
        scratch: &mut Scratch,
    ) {
        simd.vectorize(
            #[inline(always)]
            || {
                let samples = samples.get(number * self.strides[self.axes.row]..).unwrap_or_default();
                row.is_padded = false;
                let Some((low, high)) = self.field.padding else {
                    self.fill_with::<S, T, Values>(simd, samples, scratch, &mut row.values, identity);
                    return;
                };
                let mut is_padded = false;
                self.fill_with::<S, T, Values>(
                    simd,
                    samples,
                    scratch,
                    &mut row.values,
                    #[inline(always)]
                    |stored| {
                        is_padded |= (low <= stored) & (stored <= high);
                        stored
                    },
                );
                row.is_padded = is_padded;
                if is_padded {
                    self.fill_with::<S, T, Padding>(
                        simd,
                        samples,
                        scratch,
                        &mut row.padding,
                        #[inline(always)]
                        |stored| if (low <= stored) & (stored <= high) { 1.0 } else { 0.0 },
                    );
                } else {
                    row.padding.clear();
                    row.padding.resize(row.values.len(), [0.0; LANES]);
                }
            },
        );
    }

    /// Interpolates what `part` makes of a row of voxels at all columns, and at all places of depth unless depth is
    /// last.
    #[inline(always)]
    fn fill_with<S: Simd, T: Sample, B: Blend>(
        &self,
        simd: S,
        samples: &[T],
        scratch: &mut Scratch,
        to: &mut Eights,
        mut part: impl FnMut(f32) -> f32,
    ) {
        let (lines, deep) = (self.lines, self.deep.len());
        to.resize(self.eights.len() * lines, [0.0; LANES]);
        let stride = self.strides[self.axes.depth];
        let inside = (0..self.depth.len()).filter(|&s| self.depth.is_inside[s]);
        match self.axes.depth {
            2 => {
                for (line, k) in self.deep.clone().enumerate() {
                    self.take(samples, k * stride, &mut scratch.segment, &mut part);
                    self.line::<S, B>(simd, &scratch.segment, to, line, lines);
                }
            }
            1 => {
                scratch.lines.resize(self.eights.len() * deep, [0.0; LANES]);
                for (line, j) in self.deep.clone().enumerate() {
                    self.take(samples, j * stride, &mut scratch.segment, &mut part);
                    self.line::<S, B>(simd, &scratch.segment, &mut scratch.lines, line, deep);
                }
                for s in inside {
                    let [before, after] =
                        [self.depth.before[s], self.depth.after[s]].map(|j| j - self.deep.start);
                    let f = f32s(simd, self.depth.fraction[s]);
                    for (to, from) in to.chunks_exact_mut(lines).zip(scratch.lines.chunks_exact(deep)) {
                        let (a, b): (F32s<S>, F32s<S>) =
                            (from[before].simd_into(simd), from[after].simd_into(simd));
                        to[s] = B::blend(a, b, f).to_array();
                    }
                }
            }
            _ => {
                for s in inside {
                    self.take(samples, self.depth.before[s], &mut scratch.segment, &mut part);
                    self.take(samples, self.depth.after[s], &mut scratch.other, &mut part);
                    let f = f32s(simd, self.depth.fraction[s]);
                    let (segment, _) = scratch.segment.as_chunks_mut::<LANES>();
                    let (other, _) = scratch.other.as_chunks::<LANES>();
                    for (a, b) in segment.iter_mut().zip(other) {
                        *a = B::blend::<S>((*a).simd_into(simd), (*b).simd_into(simd), f).to_array();
                    }
                    self.line::<S, B>(simd, &scratch.segment, to, s, lines);
                }
            }
        }
    }

    /// Takes the samples that columns need, of which the one at 0 along their axis is at a place, into a segment of whole
    /// eights, the last of which is of no meaning.
    #[inline(always)]
    fn take<T: Sample>(
        &self,
        samples: &[T],
        at: usize,
        segment: &mut Vec<f32>,
        mut part: impl FnMut(f32) -> f32,
    ) {
        let stride = self.strides[self.axes.column];
        let samples = samples.get(at + self.across.start * stride..).unwrap_or_default();
        segment.resize((self.across.len() + 1).next_multiple_of(LANES), 0.0);
        let segment = &mut segment[..self.across.len()];
        if stride == 1 {
            for (to, sample) in segment.iter_mut().zip(samples) {
                *to = part(sample.to_f32());
            }
        } else {
            for (to, sample) in segment.iter_mut().zip(samples.iter().step_by(stride)) {
                *to = part(sample.to_f32());
            }
        }
    }

    /// Interpolates a segment at all columns, as one of so many lines.
    #[inline(always)]
    fn line<S: Simd, B: Blend>(&self, simd: S, segment: &[f32], to: &mut Eights, line: usize, lines: usize) {
        let columns = self.eights.start * LANES..self.eights.end * LANES;
        let (before, _) = self.columns.before[columns.clone()].as_chunks::<LANES>();
        let (fraction, _) = self.columns.fraction[columns].as_chunks::<LANES>();
        for (n, (before, &f)) in before.iter().zip(fraction).enumerate() {
            let pairs = each_lane(
                #[inline(always)]
                |lane| {
                    let at = before[lane] - self.across.start;
                    [segment[at], segment[at + 1]]
                },
            );
            let a: F32s<S> = pairs.map(|pair| pair[0]).simd_into(simd);
            let b: F32s<S> = pairs.map(|pair| pair[1]).simd_into(simd);
            let f: F32s<S> = f.simd_into(simd);
            // The next voxel is not looked at where it has no weight.
            let b = f.simd_gt(0.0).select(b, a);
            to[n * lines + line] = B::blend::<S>(a, b, f).to_array();
        }
    }
}

/// What is between the lines of two rows, and then, if there are two, between those.
#[inline(always)]
fn slice_of<S: Simd, B: Blend>(simd: S, [a, b]: [&[[f32; LANES]]; 2], [f, depth_f]: [F32s<S>; 2]) -> F32s<S> {
    let first = B::blend(a[0].simd_into(simd), b[0].simd_into(simd), f);
    match (a, b) {
        ([_, a], [_, b]) => B::blend(first, B::blend((*a).simd_into(simd), (*b).simd_into(simd), f), depth_f),
        _ => first,
    }
}

/// What is between lines, one by one.
#[inline(always)]
fn blend_lines<S: Simd, B: Blend>(simd: S, [a, b]: [&[[f32; LANES]]; 2], f: F32s<S>, to: &mut Eights) {
    to.resize(a.len(), [0.0; LANES]);
    for (to, (&a, &b)) in to.iter_mut().zip(a.iter().zip(b)) {
        *to = B::blend::<S>(a.simd_into(simd), b.simd_into(simd), f).to_array();
    }
}

#[inline(always)]
fn identity(stored: f32) -> f32 {
    stored
}
