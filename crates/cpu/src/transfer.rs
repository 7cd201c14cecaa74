//! The table of a transfer function: integrals, what values emit, and telling what can't be seen.

use std::sync::Arc;

use anatome_core::Piece;
use anatome_core::plan::RenderingPlan;
use fearless_simd::prelude::*;
use fearless_simd::{Simd, f32x4};

use crate::cells::Range;
use crate::lanes::{F32s, I32s, LANES, Mask, each_axis, each_lane, f32s, within};

/// The integral of colour x extinction, and of extinction, over evenly spaced entries.
pub(crate) struct Table {
    integral: Arc<[Piece]>,
    visibility: Visibility,
    /// All values that may be seen lie between these two.
    seen: Range,
}

/// Which values can be seen, whatever they look like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Visibility {
    /// As [`anatome_core::EmissionTable::seen_before`] says.
    before: Arc<[u32]>,
    /// The value of the first entry.
    first: f32,
    entries_per_unit: f32,
}

/// Integrals of colours x extinction, and of extinctions, in entries / mm: what is exact, and the rest; see [`Piece`].
#[derive(Clone, Copy)]
pub(crate) struct Integral<S: Simd> {
    at: [F32s<S>; 4],
    rest: [F32s<S>; 4],
}

impl<S: Simd> Integral<S> {
    /// That of nothing.
    #[inline(always)]
    pub(crate) fn nothing(simd: S) -> Self {
        let nothing = [f32s(simd, 0.0); 4];
        Self { at: nothing, rest: nothing }
    }

    /// The difference to another one, times a number.
    #[inline(always)]
    pub(crate) fn less(&self, other: &Self, times: F32s<S>) -> Emission<S> {
        let part = |n: usize| ((self.at[n] - other.at[n]) + (self.rest[n] - other.rest[n])) * times;
        Emission { color: [part(0), part(1), part(2)], extinction: part(3) }
    }
}

/// Colours x extinction, and extinctions, in 1/mm.
#[derive(Clone, Copy)]
pub(crate) struct Emission<S: Simd> {
    pub(crate) color: [F32s<S>; 3],
    pub(crate) extinction: F32s<S>,
}

impl<S: Simd> Emission<S> {
    /// Another one where a mask says so.
    #[inline(always)]
    pub(crate) fn or(&self, other: &Self, is_other: Mask<S>) -> Self {
        let color = each_axis(
            #[inline(always)]
            |n| is_other.select(other.color[n], self.color[n]),
        );
        Self { color, extinction: is_other.select(other.extinction, self.extinction) }
    }
}

impl Visibility {
    #[cfg(test)]
    pub(crate) fn new(before: Arc<[u32]>, first: f32, entries_per_unit: f32) -> Self {
        Self { before, first, entries_per_unit }
    }

    /// Whether looking up any value of a range gives no extinction.
    pub(crate) fn is_transparent(&self, range: Range) -> bool {
        self.before(range.low) == self.up_to(range.high)
    }

    /// How many entries that are seen lie before those that count at a value.
    pub(crate) fn before(&self, value: f32) -> u32 {
        self.before[self.place(value) as usize]
    }

    /// How many entries that are seen lie before or among those that count at a value.
    pub(crate) fn up_to(&self, value: f32) -> u32 {
        let place = self.place(value);
        // The entry above counts only where it has a weight: many tables begin with a transparent entry.
        let above = place as usize + usize::from(place > (place as usize) as f32);
        self.before[above + 1]
    }

    fn place(&self, value: f32) -> f32 {
        let last = self.before.len() - 2;
        ((value - self.first) * self.entries_per_unit).clamp(0.0, last as f32)
    }

    /// Between which values something may be seen.
    fn seen(&self) -> Range {
        let is_seen = |pair: &[u32]| pair[0] < pair[1];
        let last = self.before.len() - 2;
        // Between an entry and its neighbours something is seen, too; a little more, as places and values are rounded.
        let value = |place: f64| f64::from(self.first) + place / f64::from(self.entries_per_unit);
        let rounding =
            |value: f64| (value.abs() + f64::from(self.first.abs())) * (4.0 * f64::from(f32::EPSILON));
        let below = |place: f64| (value(place) - rounding(value(place))) as f32;
        let above = |place: f64| (value(place) + rounding(value(place))) as f32;
        let mut pairs = self.before.windows(2);
        let low = match pairs.position(is_seen) {
            Some(0) => f32::NEG_INFINITY,
            Some(n) => below(n as f64 - 1.01),
            None => f32::INFINITY,
        };
        let high = match self.before.windows(2).rposition(is_seen) {
            Some(n) if n == last => f32::INFINITY,
            Some(n) => above(n as f64 + 1.01),
            None => f32::NEG_INFINITY,
        };
        Range { low, high }
    }
}

impl Table {
    pub(crate) fn new(plan: &RenderingPlan) -> Self {
        let RenderingPlan { emission, first_value: first, entries_per_unit, .. } = plan;
        let integral = Arc::clone(&emission.integral);
        assert!(!integral.is_empty(), "a plan has entries");
        let before = Arc::clone(&emission.seen_before);
        let visibility = Visibility { before, first: *first, entries_per_unit: *entries_per_unit };
        Self { integral, seen: visibility.seen(), visibility }
    }

    /// Which values can be seen.
    pub(crate) fn visibility(&self) -> &Visibility {
        &self.visibility
    }

    /// Between which values something may be seen.
    #[inline(always)]
    pub(crate) fn may_be_seen<S: Simd>(&self, low: F32s<S>, high: F32s<S>) -> Mask<S> {
        high.simd_gt(self.seen.low) & low.simd_lt(self.seen.high)
    }

    /// The places of values among the entries.
    #[inline(always)]
    pub(crate) fn place<S: Simd>(&self, value: F32s<S>) -> F32s<S> {
        (value - self.visibility.first) * self.visibility.entries_per_unit
    }

    /// What is emitted at places.
    #[inline(always)]
    pub(crate) fn emission<S: Simd>(&self, simd: S, place: F32s<S>) -> Emission<S> {
        let (pieces, part) = self.pieces(simd, place);
        let found = each_lane(
            #[inline(always)]
            |n| {
                let Piece { slope, bend, .. } = pieces[n];
                let [slope, bend] = [f32x4::from_slice(simd, slope), f32x4::from_slice(simd, bend)];
                slope + bend * (part[n] + part[n])
            },
        );
        let [red, green, blue, extinction] = columns_of_eight(simd, found);
        Emission { color: [red, green, blue], extinction }
    }

    /// The integrals up to places.
    #[inline(always)]
    pub(crate) fn integral<S: Simd>(&self, simd: S, place: F32s<S>) -> Integral<S> {
        let (pieces, part) = self.pieces(simd, place);
        let at = each_lane(
            #[inline(always)]
            |n| f32x4::from_slice(simd, &pieces[n].at),
        );
        let rest = each_lane(
            #[inline(always)]
            |n| {
                let Piece { rest, slope, bend, .. } = pieces[n];
                let rest = f32x4::from_slice(simd, rest);
                let [slope, bend] = [f32x4::from_slice(simd, slope), f32x4::from_slice(simd, bend)];
                rest + (slope + bend * part[n]) * part[n]
            },
        );
        Integral { at: columns_of_eight(simd, at), rest: columns_of_eight(simd, rest) }
    }

    /// The pieces in which places lie, and how far along they do.
    #[inline(always)]
    fn pieces<S: Simd>(&self, simd: S, place: F32s<S>) -> ([&Piece; LANES], [f32; LANES]) {
        let place = place + 1.0;
        let last = self.integral.len() as i32 - 1;
        let held = within(place, f32s(simd, 0.0), f32s(simd, last as f32));
        let index: I32s<S> = held.to_int();
        let index = index.max(0).min(last);
        let part = place - index.to_float::<F32s<S>>();
        let index = index.to_array();
        let pieces = each_lane(
            #[inline(always)]
            |n| {
                // SAFETY: there are pieces, and each index is held between the first and the last.
                #[expect(unsafe_code, reason = "checking each of eight indices costs more than reading")]
                unsafe {
                    self.integral.get_unchecked(index[n] as usize)
                }
            },
        );
        (pieces, part.to_array())
    }
}

/// The columns of eight rows.
#[inline(always)]
fn columns_of_eight<S: Simd>(simd: S, rows: [f32x4<S>; LANES]) -> [F32s<S>; 4] {
    let low = columns([rows[0], rows[1], rows[2], rows[3]]);
    let high = columns([rows[4], rows[5], rows[6], rows[7]]);
    [
        simd.combine_f32x4(low[0], high[0]),
        simd.combine_f32x4(low[1], high[1]),
        simd.combine_f32x4(low[2], high[2]),
        simd.combine_f32x4(low[3], high[3]),
    ]
}

/// The columns of four rows.
#[inline(always)]
fn columns<S: Simd>(rows: [f32x4<S>; 4]) -> [f32x4<S>; 4] {
    let (even_low, even_high) = (rows[0].zip_low(rows[2]), rows[0].zip_high(rows[2]));
    let (odd_low, odd_high) = (rows[1].zip_low(rows[3]), rows[1].zip_high(rows[3]));
    [
        even_low.zip_low(odd_low),
        even_low.zip_high(odd_low),
        even_high.zip_low(odd_high),
        even_high.zip_high(odd_high),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries at 0, 10, ... 50, of which only those at 20 and 30 are seen.
    #[test]
    fn what_is_between_two_entries_is_seen_if_one_is() {
        let visibility =
            Visibility { before: [0, 0, 0, 1, 2, 2, 2].into(), first: 0.0, entries_per_unit: 0.1 };
        let Range { low, high } = visibility.seen();
        assert!(low < 10.0 && low > 9.0 && high > 40.0 && high < 41.0, "{low} {high}");
        for (low, high, transparent) in [
            (-50.0, -20.0, true),
            (-50.0, 10.0, true),
            (-50.0, 11.0, false),
            (12.0, 12.0, false),
            (20.0, 30.0, false),
            (39.0, 45.0, false),
            (40.0, 90.0, true),
            (60.0, 90.0, true),
            (0.0, 50.0, false),
        ] {
            assert_eq!(visibility.is_transparent(Range { low, high }), transparent, "{low} {high}");
        }
    }
}
