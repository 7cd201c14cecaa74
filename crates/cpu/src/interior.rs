//! Many samples in a row, all of whose neighbours are voxels: without a look at edges at each of them. The values are
//! those of [`Field::sample_at`], to the bit.

use anatome_core::Interpolation;
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::lanes::{F32s, I32s, LANES, Mask, each_axis, f32s};
use crate::shared::position::{Positions, position_near};
use crate::shared::sampling::{Field, Found};
use crate::stored::{Paired, Stored};

/// Where samples stand one after another, in each lane on a line of its own.
///
/// # Safety
/// Along each axis of each lane, what [`Self::rest`] gives grows or falls with the number, rounding included.
#[expect(unsafe_code, reason = "of a run of samples only the ends are held against the edges of the volume")]
pub(crate) unsafe trait Track<S: Simd> {
    /// The voxel from which positions count; `None` for lattice positions.
    fn origin(&self) -> Option<[i32; 3]>;

    /// The positions of the samples with a number, from the origin, as [`Field::position_from_rest`] or
    /// [`Field::position_from_lattice`] has them.
    fn rest(&self, simd: S, n: i32) -> [F32s<S>; 3];
}

impl Field<'_> {
    /// What is at the samples of a track from number `first` on. `false`, and nothing of meaning, unless all neighbours of all
    /// of them are voxels, or none is.
    #[inline(always)]
    pub(crate) fn found_along<S: Simd>(
        &self,
        simd: S,
        track: &impl Track<S>,
        first: i32,
        found: &mut [Found<S>],
    ) -> bool {
        if !self.has_interior() {
            return false;
        }
        match self.samples {
            // For each type of samples a function of its own, so that they do not keep each other from the registers.
            Stored::U8(samples) => simd.vectorize(
                #[inline(always)]
                || self.found_of(simd, samples, track, first, found),
            ),
            Stored::I16(samples) => simd.vectorize(
                #[inline(always)]
                || self.found_of(simd, samples, track, first, found),
            ),
            Stored::U16(samples) => simd.vectorize(
                #[inline(always)]
                || self.found_of(simd, samples, track, first, found),
            ),
            Stored::F32(samples) => simd.vectorize(
                #[inline(always)]
                || self.found_of(simd, samples, track, first, found),
            ),
        }
    }

    /// What is at positions, and the differences of the modality values one voxel to each side along the lattice axes.
    /// `None` unless all neighbours of all sides are voxels, and no padding as far as it can be told in little time.
    #[inline(always)]
    pub(crate) fn around<S: Simd>(&self, simd: S, middle: &Positions<S>) -> Option<(Found<S>, [F32s<S>; 3])> {
        if !self.has_interior() {
            return None;
        }
        match self.samples {
            Stored::U8(samples) => simd.vectorize(
                #[inline(always)]
                || self.around_of(simd, samples, middle),
            ),
            Stored::I16(samples) => simd.vectorize(
                #[inline(always)]
                || self.around_of(simd, samples, middle),
            ),
            Stored::U16(samples) => simd.vectorize(
                #[inline(always)]
                || self.around_of(simd, samples, middle),
            ),
            Stored::F32(samples) => simd.vectorize(
                #[inline(always)]
                || self.around_of(simd, samples, middle),
            ),
        }
    }

    #[inline(always)]
    fn has_interior(&self) -> bool {
        self.interpolation == Interpolation::Linear && self.has_pairs
    }

    /// Whether voxels have `before` voxels before them and `after` behind them along each axis.
    #[inline(always)]
    pub(crate) fn have_beside<S: Simd>(&self, voxel: &[I32s<S>; 3], before: i32, after: i32) -> bool {
        let fit = each_axis(
            #[inline(always)]
            |axis| voxel[axis].simd_ge(before) & voxel[axis].simd_lt(self.size[axis] - after),
        );
        ((fit[0] & fit[1]) & fit[2]).all_true()
    }

    /// Whether all that lies between voxels is beyond one face of the volume.
    #[inline(always)]
    fn are_beyond<S: Simd>(&self, [from, to]: &[[I32s<S>; 3]; 2]) -> bool {
        (0..3).any(
            #[inline(always)]
            |axis| {
                let is_before = from[axis].max(to[axis]).simd_lt(-1);
                let is_behind = from[axis].min(to[axis]).simd_ge(self.size[axis]);
                is_before.all_true() || is_behind.all_true()
            },
        )
    }

    #[inline(always)]
    fn found_of<S: Simd, T: Paired>(
        &self,
        simd: S,
        samples: &[T],
        track: &impl Track<S>,
        first: i32,
        found: &mut [Found<S>],
    ) -> bool {
        let last = first + found.len() as i32 - 1;
        let origin = track.origin();
        let ends = [first, last].map(
            #[inline(always)]
            |end| self.position_of(simd, track, end).voxel,
        );
        if !(self.have_beside(&ends[0], 0, 1) && self.have_beside(&ends[1], 0, 1)) {
            let is_beyond = self.are_beyond(&ends);
            if is_beyond {
                found.fill(Found::nothing(simd));
            }
            return is_beyond;
        }
        if self.slices.is_some() {
            // A function of its own: rare.
            return simd.vectorize(
                #[inline(always)]
                || self.found_between(simd, samples, track, first, found),
            );
        }
        for (n, found) in (first..).zip(found) {
            let position = position_near(simd, origin.unwrap_or_default(), &track.rest(simd, n));
            // SAFETY: positions grow or fall from one end to the other, and so do their voxels. Both ends have voxels of
            // the volume with a next one along each axis, so this one has.
            #[expect(unsafe_code, reason = "see Self::between_next")]
            let (stored, padded) =
                unsafe { self.between_next(simd, samples, &position.voxel, position.fraction) };
            let value = stored * self.slope + self.intercept;
            *found = Found { value, is_sample: !padded, is_missing: Mask::splat(simd, false) };
        }
        true
    }

    /// As [`Self::found_of`], looking at each sample's voxels: where intervals are looked for, rounding may order places in
    /// another way than their numbers.
    #[inline(always)]
    fn found_between<S: Simd, T: Paired>(
        &self,
        simd: S,
        samples: &[T],
        track: &impl Track<S>,
        first: i32,
        found: &mut [Found<S>],
    ) -> bool {
        for (n, found) in (first..).zip(found) {
            let Positions { voxel, fraction } = self.position_of(simd, track, n);
            if !self.have_beside(&voxel, 0, 1) {
                return false;
            }
            // SAFETY: there are voxels with a next one along each axis.
            #[expect(unsafe_code, reason = "see Self::between_next")]
            let (stored, padded) = unsafe { self.between_next(simd, samples, &voxel, fraction) };
            let value = stored * self.slope + self.intercept;
            let is_missing = self.is_missing(simd, voxel[2], fraction[2]);
            *found = Found { value, is_sample: !(padded | is_missing), is_missing };
        }
        true
    }

    #[inline(always)]
    fn position_of<S: Simd>(&self, simd: S, track: &impl Track<S>, n: i32) -> Positions<S> {
        match track.origin() {
            Some(origin) => self.position_from_rest(simd, origin, &track.rest(simd, n)),
            None => self.position_from_lattice(simd, &track.rest(simd, n)),
        }
    }

    /// Whether slices are missing in the intervals after slices, or in those beside these.
    #[inline(always)]
    fn is_missing_beside<S: Simd>(&self, simd: S, k: I32s<S>) -> bool {
        let inside = f32s(simd, 0.5);
        self.has_gaps
            && [k - 1, k, k + 1].into_iter().any(
                #[inline(always)]
                |k| self.is_missing(simd, k, inside).any_true(),
            )
    }

    #[inline(always)]
    fn around_of<S: Simd, T: Paired>(
        &self,
        simd: S,
        samples: &[T],
        middle: &Positions<S>,
    ) -> Option<(Found<S>, [F32s<S>; 3])> {
        if !self.have_beside(&middle.voxel, 1, 2) || self.is_missing_beside(simd, middle.voxel[2]) {
            return None;
        }
        let at = self.places(&[middle.voxel[0] - 1, middle.voxel[1] - 1, middle.voxel[2] - 1]);
        let [fi, fj, fk] = middle.fraction;
        let mut around = Around { field: self, samples, at, bounds: T::no_bounds(simd) };
        // Of the four rows beside the middle, what is one voxel before it, at it, and one voxel behind it.
        let mut rows = [[[fi; 2]; 2]; 3];
        for (deep, down) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let (a, b) = around.pair(simd, [0, 1 + down, 1 + deep]);
            let (c, d) = around.pair(simd, [2, 1 + down, 1 + deep]);
            rows[0][deep][down] = T::between_that_count(a, b, fi);
            rows[1][deep][down] = T::between_that_count(b, c, fi);
            rows[2][deep][down] = T::between_that_count(c, d, fi);
        }
        let [before, at, behind] = rows;
        let above = [around.row(simd, 0, 1, fi), around.row(simd, 0, 2, fi)];
        let below = [around.row(simd, 3, 1, fi), around.row(simd, 3, 2, fi)];
        let near = [around.row(simd, 1, 0, fi), around.row(simd, 2, 0, fi)];
        let far = [around.row(simd, 1, 3, fi), around.row(simd, 2, 3, fi)];
        let sides = [
            [before, behind],
            [[[above[0], at[0][0]], [above[1], at[1][0]]], [[at[0][1], below[0]], [at[1][1], below[1]]]],
            [[near, at[0]], [at[1], far]],
        ];
        if self.padding.is_some() && T::may_reach(simd, around.bounds, self.padding_halves) {
            return None;
        }
        let value = self.value_of::<S, T>(at, fj, fk);
        let found = Found { value, is_sample: Mask::splat(simd, true), is_missing: Mask::splat(simd, false) };
        let differences = each_axis(
            #[inline(always)]
            |axis| {
                self.value_of::<S, T>(sides[axis][1], fj, fk) - self.value_of::<S, T>(sides[axis][0], fj, fk)
            },
        );
        Some((found, differences))
    }

    /// The modality value between four rows, deep ones last.
    #[inline(always)]
    fn value_of<S: Simd, T: Paired>(&self, rows: [[F32s<S>; 2]; 2], fj: F32s<S>, fk: F32s<S>) -> F32s<S> {
        let [[v00, v10], [v01, v11]] = rows;
        let [v0, v1] = [T::between_that_count(v00, v10, fj), T::between_that_count(v01, v11, fj)];
        let stored = T::between_that_count(v0, v1, fk);
        stored * self.slope + self.intercept
    }
}

/// The voxels from places on, four along each axis.
struct Around<'a, S: Simd, T: Paired> {
    field: &'a Field<'a>,
    samples: &'a [T],
    /// Of voxels that have three behind them along each axis.
    at: [u32; LANES],
    /// Between which values those lie that were looked at.
    bounds: T::Bounds<S>,
}

impl<S: Simd, T: Paired> Around<'_, S, T> {
    /// A voxel so far right, down and deep, and the one right of it.
    #[inline(always)]
    fn pair(&mut self, simd: S, [right, down, deep]: [usize; 3]) -> (F32s<S>, F32s<S>) {
        let more = deep * self.field.slice + down * self.field.row + right;
        // SAFETY: no place has more than three voxels added along any axis, so these are voxels of the volume, of which
        // 32 bits can count the samples.
        #[expect(unsafe_code, reason = "see stored::pairs")]
        let eight = unsafe { T::eight(simd, self.samples, self.at, more) };
        self.bounds = T::widened(self.bounds, eight);
        T::apart(eight)
    }

    /// Between the two middle voxels of a row.
    #[inline(always)]
    fn row(&mut self, simd: S, down: usize, deep: usize, f: F32s<S>) -> F32s<S> {
        let (from, to) = self.pair(simd, [1, down, deep]);
        T::between_that_count(from, to, f)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::intervals::tests::slices;
    use anatome_core::plan::{SamplingPlan, SliceRows};
    use fearless_simd::{Level, dispatch};

    const SIZE: [i32; 3] = [14, 11, 12];

    /// Lines in any direction.
    struct Any<S: Simd> {
        origin: Option<[i32; 3]>,
        first: [F32s<S>; 3],
        along: [f32; 3],
    }

    // SAFETY: as of a slab's samples.
    #[expect(unsafe_code, reason = "see Track")]
    unsafe impl<S: Simd> Track<S> for Any<S> {
        fn origin(&self) -> Option<[i32; 3]> {
            self.origin
        }

        fn rest(&self, _simd: S, n: i32) -> [F32s<S>; 3] {
            each_axis(|axis| self.first[axis] + n as f32 * self.along[axis])
        }
    }

    /// Numbers that look like chance, from 0 to 1.
    pub(crate) struct Random(pub(crate) u32);

    impl Random {
        pub(crate) fn next(&mut self) -> f32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) as f32 / (1 << 24) as f32
        }
    }

    fn field(samples: Stored<'_>, padding: Option<(f32, f32)>, slices: Option<SliceRows>) -> Field<'_> {
        let interpolation = Interpolation::Linear;
        let plan = SamplingPlan { size: SIZE, slope: 1.5, intercept: -3.0, padding, interpolation, slices };
        Field::new(samples, &plan)
    }

    /// How many runs were taken together, and how many were not; each sample is held against that taken alone.
    fn compared<S: Simd>(simd: S, field: &Field<'_>, random: &mut Random) -> [u32; 2] {
        let mut counts = [0; 2];
        for _ in 0..400 {
            let start = [14.0, 13.0, 10.0].map(|size| random.next() * size - 2.0);
            let along = [0; 3].map(|_| (random.next() - 0.5) * if random.next() < 0.2 { 0.0 } else { 0.8 });
            let apart = [0; 3].map(|_| (random.next() - 0.5) * 0.5);
            let lanes: F32s<S> = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0].simd_into(simd);
            let whole = random.next() < 0.2;
            let first = each_axis(|n| lanes * apart[n] + if whole { start[n].round() } else { start[n] });
            let origin = (random.next() < 0.5).then_some([2, -1, 3]);
            let track = Any { origin, first, along };
            let mut found = [Found::nothing(simd); 9];
            let is_taken = field.found_along(simd, &track, -2, &mut found);
            counts[usize::from(!is_taken)] += 1;
            for (n, found) in (-2..).zip(&found).filter(|_| is_taken) {
                let rest = track.rest(simd, n);
                let positions = match origin {
                    Some(origin) => field.position_from_rest(simd, origin, &rest),
                    None => field.position_from_lattice(simd, &rest),
                };
                let alone = field.sample_at(simd, &positions);
                assert!((found.is_sample.simd_eq(alone.is_sample)).all_true(), "{n}");
                assert!((found.is_missing.simd_eq(alone.is_missing)).all_true(), "{n}");
                for lane in (0..LANES).filter(|&lane| alone.is_sample.test(lane)) {
                    assert_eq!(found.value[lane].to_bits(), alone.value[lane].to_bits(), "{n}");
                }
                let Some((middle, differences)) = field.around(simd, &positions) else { continue };
                assert!((middle.is_sample & alone.is_sample).all_true());
                for lane in 0..LANES {
                    assert_eq!(middle.value[lane].to_bits(), alone.value[lane].to_bits(), "{n}");
                }
                for (axis, difference) in differences.iter().enumerate() {
                    let side = |to: i32| {
                        let mut side = positions;
                        side.voxel[axis] += to;
                        field.sample_at(simd, &side)
                    };
                    let (before, behind) = (side(-1), side(1));
                    assert!((before.is_sample & behind.is_sample).all_true());
                    let alone = (behind.value - before.value).to_array();
                    for (together, alone) in difference.to_array().into_iter().zip(alone) {
                        // That of numbers whose difference has no f32 is no number, which equals none.
                        let is_same = together.to_bits() == alone.to_bits();
                        assert!(
                            is_same || (together.is_nan() && alone.is_nan()),
                            "{axis}: {together} {alone}"
                        );
                    }
                    counts[0] += 1;
                }
            }
        }
        counts
    }

    /// What is taken together is what is taken alone, to the bit, at edges, in padding and at voxels themselves.
    #[test]
    fn runs_are_the_samples_taken_alone() {
        let mut random = Random(9);
        let mut numbers = || -> Vec<f32> { (0..14 * 11 * 12).map(|_| random.next()).collect() };
        let signed: Vec<i16> = numbers().iter().map(|x| (x * 65_000.0 - 32_500.0) as i16).collect();
        let unsigned: Vec<u16> = numbers().iter().map(|x| (x * 65_535.0) as u16).collect();
        let bytes: Vec<u8> = numbers().iter().map(|x| (x * 255.0) as u8).collect();
        let floats = numbers();
        // Neighbours whose difference has no f32.
        let huge: Vec<f32> = numbers().iter().map(|x| (x - 0.5) * 1.5 * f32::MAX).collect();
        let fields = [
            field(Stored::I16(&signed), None, None),
            field(Stored::I16(&signed), Some((-32_500.0, -32_000.0)), None),
            field(Stored::I16(&signed), Some((31_900.0, 32_600.0)), None),
            field(Stored::U16(&unsigned), None, None),
            field(Stored::U16(&unsigned), Some((65_000.0, 65_600.0)), None),
            field(Stored::U8(&bytes), Some((120.0, 121.0)), None),
            field(Stored::F32(&floats), None, None),
            field(Stored::F32(&floats), Some((0.2, 0.21)), None),
            field(Stored::F32(&huge), None, None),
            field(Stored::I16(&signed), None, Some(slices(12, &[]))),
            field(Stored::U8(&bytes), Some((120.0, 121.0)), Some(slices(12, &[5]))),
            field(Stored::F32(&floats), None, Some(slices(12, &[2, 8]))),
        ];
        for field in fields {
            for level in [Level::new(), Level::baseline()] {
                let [taken, others] = dispatch!(level, simd => compared(simd, &field, &mut random));
                assert!(taken > 100 && others > 50, "{taken} {others}");
            }
        }
    }
}
