//! Which ranges of stored values can be seen.

use crate::cells::Range;
use crate::project::modality_range;
use crate::shared::sampling::Field;
use crate::transfer::Visibility;

/// Whether something of what is interpolated between stored values of a range is seen.
pub(crate) fn is_seen(field: &Field<'_>, visibility: &Visibility, stored: Range) -> bool {
    // What is interpolated between two samples of a ray rounds once more.
    let range = modality_range(field, stored).of_interpolated();
    !range.is_empty() && !visibility.is_transparent(range)
}

/// As [`is_seen`] for many ranges of whole numbers, by what was found for each number: a range whose numbers differ is seen if
/// its ends do not have as many entries that are seen before them.
pub(crate) struct Ends {
    first: i32,
    of_numbers: Vec<End>,
    /// Whether modality values fall where stored ones rise.
    is_falling: bool,
}

/// What is known of a number.
struct End {
    /// Whether it is seen where it stands alone.
    is_seen: bool,
    /// Entries that are seen before what counts where it is the end with the least modality value.
    before: u32,
    /// Entries that are seen up to what counts where it is the end with the largest.
    up_to: u32,
}

impl Ends {
    /// Those of all numbers of a range that holds all others; `None` if samples are no whole numbers of at most 16 bits.
    pub(crate) fn new(field: &Field<'_>, visibility: &Visibility, all: Range) -> Option<Self> {
        if !field.samples.is_whole() || all.is_empty() {
            return None;
        }
        let (first, last) = (all.low as i32, all.high as i32);
        // At least what any range among them is wider by, here and as modality values.
        let stored = Range::ROUNDING * 2.0 * all.low.abs().max(all.high.abs());
        let ends = [all.low - stored, all.high + stored].map(|end| field.modality_value(end).abs());
        let modality = Range::ROUNDING * 2.0 * ends[0].max(ends[1]);
        let of_number = |number: i32| {
            let number = number as f32;
            let sides = [number - stored, number + stored].map(|side| field.modality_value(side));
            End {
                is_seen: is_seen(field, visibility, Range { low: number, high: number }),
                before: visibility.before(sides[0].min(sides[1]) - modality),
                up_to: visibility.up_to(sides[0].max(sides[1]) + modality),
            }
        };
        let of_numbers = (first..=last).map(of_number).collect();
        Some(Self { first, of_numbers, is_falling: field.slope < 0.0 })
    }

    /// Whether something of what is interpolated between the numbers of a range is seen. Seldom more than [`is_seen`] says,
    /// and never less.
    pub(crate) fn is_seen(&self, stored: Range) -> bool {
        if stored.is_empty() {
            return false;
        }
        let [low, high] =
            [stored.low, stored.high].map(|end| &self.of_numbers[(end as i32 - self.first) as usize]);
        match (stored.low == stored.high, self.is_falling) {
            (true, _) => low.is_seen,
            (false, false) => low.before != high.up_to,
            (false, true) => high.before != low.up_to,
        }
    }
}

#[cfg(test)]
mod tests {
    use anatome_core::Interpolation;
    use anatome_core::plan::SamplingPlan;

    use super::*;
    use crate::interior::tests::Random;
    use crate::stored::Stored;

    /// Rising and falling mappings, and bands anywhere: nothing that is seen is told to be transparent, and little else is
    /// told to be seen.
    #[test]
    fn ends_tell_what_ranges_do() {
        let mut random = Random(8);
        let voxels = [0i16; 8];
        let (mut seen, mut transparent, mut more) = (0, 0, 0);
        for round in 0..60 {
            let slope = [1.0, -0.37, 25.0][round % 3];
            let interpolation = Interpolation::Linear;
            let intercept = -1024.0 * random.next();
            let plan =
                SamplingPlan { size: [2; 3], slope, intercept, padding: None, interpolation, slices: None };
            let field = Field::new(Stored::I16(&voxels), &plan);
            let bands: Vec<bool> = (0..64).map(|_| random.next() < 0.2).collect();
            let counts = bands.iter().scan(0, |count, &is| {
                *count += u32::from(is);
                Some(*count)
            });
            let before: Vec<u32> = std::iter::once(0).chain(counts).collect();
            let (low, high) = (slope * -500.0 + intercept, slope * 1500.0 + intercept);
            let visibility = Visibility::new(before.into(), low.min(high), 63.0 / (high - low).abs());
            let all = Range { low: -700.0, high: 2000.0 };
            let ends = Ends::new(&field, &visibility, all).expect("they are whole numbers");
            for _ in 0..500 {
                let low = (random.next() * 2600.0 - 700.0).round();
                let high = (low + (random.next() * random.next() * 100.0).floor()).min(2000.0);
                let range = Range { low, high };
                let (exact, told) = (is_seen(&field, &visibility, range), ends.is_seen(range));
                assert!(told || !exact, "{range:?}");
                more += u32::from(told && !exact);
                seen += u32::from(exact);
                transparent += u32::from(!exact);
            }
            assert!(!ends.is_seen(Range::EMPTY));
        }
        assert!(seen > 5000 && transparent > 5000 && more < 30, "{seen} {transparent} {more}");
    }
}
