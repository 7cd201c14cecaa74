//! The table of a transfer function: looking up, and telling what can't be seen.

use anatome_core::plan::RenderingPlan;
use fearless_simd::prelude::*;
use fearless_simd::{Simd, f32x4};

use crate::cells::Range;
use crate::lanes::{F32s, I32s, Mask, each_axis, each_lane, f32s, within};

/// Evenly spaced entries of colour x extinction and extinction.
pub(crate) struct Table {
    /// Each entry, and how much more the next one is.
    entries: Vec<[f32; 8]>,
    visibility: Visibility,
    /// All values that may be seen lie between these two.
    seen: Range,
}

/// Which values can be seen, whatever they look like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Visibility {
    /// The number of entries with extinction before each entry.
    before: Vec<u32>,
    /// The value of the first entry.
    first: f32,
    entries_per_unit: f32,
}

/// Colours x extinction, and extinctions, in 1/mm.
pub(crate) struct Entries<S: Simd> {
    pub(crate) color: [F32s<S>; 3],
    pub(crate) extinction: F32s<S>,
}

impl Visibility {
    /// Whether looking up any value of a range gives no extinction.
    pub(crate) fn is_transparent(&self, range: Range) -> bool {
        let last = self.before.len() - 2;
        let place = |value: f32| ((value - self.first) * self.entries_per_unit).clamp(0.0, last as f32);
        let high = place(range.high);
        // The entry above counts only where it has a weight: many tables begin with a transparent entry.
        let above = high as usize + usize::from(high > (high as usize) as f32);
        self.before[place(range.low) as usize] == self.before[above + 1]
    }
}

impl Table {
    pub(crate) fn new(plan: &RenderingPlan) -> Self {
        Self::of_entries(&plan.table, plan.table_first, plan.entries_per_unit)
    }

    /// From entries of which the first stands for the value `first`.
    fn of_entries(table: &[[f32; 4]], first: f32, entries_per_unit: f32) -> Self {
        let entries = table.windows(2).map(|pair| {
            let [a, b] = [pair[0], pair[1]];
            std::array::from_fn(|n| if n < 4 { a[n] } else { b[n - 4] - a[n - 4] })
        });
        let mut before = vec![0];
        for entry in table {
            before.push(before[before.len() - 1] + u32::from(entry[3] > 0.0));
        }
        let is_seen = |entry: &[f32; 4]| entry[3] > 0.0;
        // Between an entry and its neighbours something is seen, too; a little more, for rounding.
        let value = |n: usize, more: f32| first + (n as f32 + more) / entries_per_unit;
        let low = match table.iter().position(is_seen) {
            Some(0) => f32::NEG_INFINITY,
            Some(n) => value(n, -1.01),
            None => f32::INFINITY,
        };
        let high = match table.iter().rposition(is_seen) {
            Some(n) if n == table.len() - 1 => f32::INFINITY,
            Some(n) => value(n, 1.01),
            None => f32::NEG_INFINITY,
        };
        let visibility = Visibility { before, first, entries_per_unit };
        Self { entries: entries.collect(), visibility, seen: Range { low, high } }
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

    /// The entries of values, linear between two.
    #[inline(always)]
    pub(crate) fn look_up<S: Simd>(&self, simd: S, value: F32s<S>) -> Entries<S> {
        let last = self.entries.len();
        let place = (value - self.visibility.first) * self.visibility.entries_per_unit;
        let place = within(place, f32s(simd, 0.0), f32s(simd, last as f32));
        let index: I32s<S> = place.to_int();
        let index = index.min(last as i32 - 1);
        let part = place - index.to_float::<F32s<S>>();
        let (index, part) = (index.to_array(), part.to_array());
        let rows = each_lane(
            #[inline(always)]
            |n| {
                let entry = &self.entries[index[n] as usize];
                let (at, more) = (f32x4::from_slice(simd, &entry[..4]), f32x4::from_slice(simd, &entry[4..]));
                at + more * part[n]
            },
        );
        let low = columns([rows[0], rows[1], rows[2], rows[3]]);
        let high = columns([rows[4], rows[5], rows[6], rows[7]]);
        let [r, g, b] = each_axis(
            #[inline(always)]
            |n| simd.combine_f32x4(low[n], high[n]),
        );
        let extinction = simd.combine_f32x4(low[3], high[3]);
        Entries { color: [r, g, b], extinction }
    }
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
        let seen = [0.0, 0.0, 0.5, 0.5, 0.0, 0.0];
        let table = Table::of_entries(&seen.map(|extinction| [0.0, 0.0, 0.0, extinction]), 0.0, 0.1);
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
            assert_eq!(table.visibility.is_transparent(Range { low, high }), transparent, "{low} {high}");
        }
    }
}
