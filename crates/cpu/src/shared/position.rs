//! From lattice positions to voxels and fractions between them.

use anatome_core::plan::SNAP;
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::intervals::{find_each, find_interval, walk_each};
use crate::lanes::{F32s, I32s, LANES, Mask, each_axis, f32s, i32s, within};
use crate::shared::sampling::Field;

/// Integer voxels and fractions of 0 to 1, axis by axis.
#[derive(Clone, Copy)]
pub(crate) struct Positions<S: Simd> {
    pub(crate) voxel: [I32s<S>; 3],
    pub(crate) fraction: [F32s<S>; 3],
}

/// Positions of which all voxels whose weight is not zero are voxels of the volume.
#[derive(Clone, Copy)]
pub(crate) struct Held<S: Simd> {
    pub(crate) voxel: [I32s<S>; 3],
    pub(crate) fraction: [F32s<S>; 3],
    /// Whether the position is really inside; otherwise a voxel at the edge stands for it.
    pub(crate) is_inside: Mask<S>,
    /// Whether all positions have a next voxel along each axis.
    pub(super) has_next: bool,
}

/// Positions farther than this beyond a voxel count as this far.
const FAR: f32 = MAX_SIZE as f32;
/// The most voxels along an axis.
pub(crate) const MAX_SIZE: i32 = 1 << 21;

impl Field<'_> {
    /// The positions of `rest`, in lattice units, beyond a voxel; along the third axis of an uneven grid in mm.
    #[inline(always)]
    pub(crate) fn position_from_rest<S: Simd>(
        &self,
        simd: S,
        voxel: [i32; 3],
        rest: &[F32s<S>; 3],
    ) -> Positions<S> {
        let [i, j, k] = [i32s(simd, voxel[0]), i32s(simd, voxel[1]), i32s(simd, voxel[2])];
        let (i, fi) = whole_and_fraction(simd, i, rest[0]);
        let (j, fj) = whole_and_fraction(simd, j, rest[1]);
        let (k, fk) = match &self.slices {
            None => whole_and_fraction(simd, k, rest[2]),
            Some(slices) => intervals(simd, walk_each(simd, &slices.rows, [voxel[2]; LANES], rest[2])),
        };
        Positions { voxel: [i, j, k], fraction: [fi, fj, fk] }
    }

    /// The positions of lattice positions.
    #[inline(always)]
    pub(crate) fn position_from_lattice<S: Simd>(&self, simd: S, lattice: &[F32s<S>; 3]) -> Positions<S> {
        let none = i32s(simd, 0);
        let (i, fi) = whole_and_fraction(simd, none, lattice[0]);
        let (j, fj) = whole_and_fraction(simd, none, lattice[1]);
        let (k, fk) = match &self.slices {
            None => whole_and_fraction(simd, none, lattice[2]),
            Some(slices) => intervals(simd, find_each(simd, slices, lattice[2])),
        };
        Positions { voxel: [i, j, k], fraction: [fi, fj, fk] }
    }

    /// Puts positions of the outer half voxels onto the outermost voxels, and tells which are inside.
    #[inline(always)]
    pub(crate) fn hold_at_edge<S: Simd>(&self, simd: S, positions: &Positions<S>) -> Held<S> {
        let Positions { mut voxel, mut fraction } = *positions;
        let last = self.size.map(|n| n - 1);
        let between = each_axis(
            #[inline(always)]
            |axis| voxel[axis].simd_ge(0) & voxel[axis].simd_lt(last[axis]),
        );
        let mut is_inside = (between[0] & between[1]) & between[2];
        let has_next = is_inside.all_true();
        if !has_next {
            is_inside = Mask::splat(simd, true);
            for axis in 0..3 {
                let (v, f) = (voxel[axis], fraction[axis]);
                let before = v.simd_eq(-1) & f.simd_ge(0.5);
                let after = v.simd_eq(last[axis]) & f.simd_lt(0.5);
                is_inside &= between[axis] | before | after;
                fraction[axis] = between[axis].select(f, f32s(simd, 0.0));
                voxel[axis] = v.max(0).min(last[axis]);
            }
        }
        Held { voxel, fraction, is_inside, has_next }
    }

    /// As [`Self::hold_at_edge`], of lattice positions that count as inside whatever their rounding.
    #[inline(always)]
    pub(super) fn hold_inside<S: Simd>(&self, simd: S, mut lattice: [F32s<S>; 3]) -> Held<S> {
        for (p, (low, high)) in lattice.iter_mut().zip(self.ends) {
            *p = within(*p, f32s(simd, low), f32s(simd, high));
        }
        let Positions { voxel, fraction } = self.position_from_lattice(simd, &lattice);
        let is_last = each_axis(
            #[inline(always)]
            |axis| voxel[axis].simd_ge(self.size[axis] - 1),
        );
        let has_next = !((is_last[0] | is_last[1]) | is_last[2]).any_true();
        Held { voxel, fraction, is_inside: Mask::splat(simd, true), has_next }
    }

    /// The slice at or before a position along the slice normal that counts as inside.
    pub(crate) fn slice_at(&self, z: f32) -> i32 {
        let k = match &self.slices {
            None => floor(z),
            Some(slices) => {
                let (k, part) = find_interval(slices, z);
                k.saturating_add(floor(part))
            }
        };
        k.clamp(0, self.size[2] - 1)
    }
}

/// The largest whole number not above `x`, without a library call.
#[inline(always)]
pub(crate) fn floor(x: f32) -> i32 {
    let whole = x as i32;
    whole.saturating_sub(i32::from((whole as f32) > x))
}

/// The positions of `rest`, in lattice units, beyond a voxel of an even grid, and not [`FAR`] beyond it.
#[inline(always)]
pub(crate) fn position_near<S: Simd>(simd: S, voxel: [i32; 3], rest: &[F32s<S>; 3]) -> Positions<S> {
    let (i, fi) = split_near(simd, i32s(simd, voxel[0]), rest[0]);
    let (j, fj) = split_near(simd, i32s(simd, voxel[1]), rest[1]);
    let (k, fk) = split_near(simd, i32s(simd, voxel[2]), rest[2]);
    Positions { voxel: [i, j, k], fraction: [fi, fj, fk] }
}

/// Splits `rest` beyond a voxel, and snaps.
#[inline(always)]
fn whole_and_fraction<S: Simd>(simd: S, voxel: I32s<S>, rest: F32s<S>) -> (I32s<S>, F32s<S>) {
    split_near(simd, voxel, within(rest, f32s(simd, -FAR), f32s(simd, FAR)))
}

/// As [`whole_and_fraction`], of numbers that are not [`FAR`] from 0.
#[inline(always)]
fn split_near<S: Simd>(simd: S, voxel: I32s<S>, x: F32s<S>) -> (I32s<S>, F32s<S>) {
    // A place just before a whole number counts as that, and is then a little behind it.
    let whole = (x + SNAP).floor();
    let f = x - whole;
    (voxel + whole.to_int::<I32s<S>>(), f.simd_lt(SNAP).select(f32s(simd, 0.0), f))
}

/// Splits positions along k of an uneven grid, by what gives the interval and the part of it.
#[inline(always)]
fn intervals<S: Simd>(simd: S, (slice, part): (I32s<S>, F32s<S>)) -> (I32s<S>, F32s<S>) {
    whole_and_fraction(simd, slice, part)
}
