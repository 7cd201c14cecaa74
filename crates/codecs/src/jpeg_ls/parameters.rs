//! The numbers that steer a scan's coding, from its headers (T.87 A.1, A.2.1 and C.2.4.1).

use crate::error::Defect;

/// Preset coding parameters as they stand in the codestream; 0 asks for the default.
#[derive(Clone, Copy, Default)]
pub(super) struct Presets {
    pub(super) max_value: u16,
    pub(super) thresholds: [u16; 3],
    pub(super) reset: u16,
}

/// The coding parameters of a scan.
#[derive(Clone, Copy)]
pub(super) struct Parameters {
    /// The largest sample, MAXVAL.
    pub(super) max_value: i32,
    /// The largest error of a decoded sample, NEAR.
    pub(super) near: i32,
    /// The number of different prediction errors, RANGE.
    pub(super) range: i32,
    /// The difference between neighbouring reconstructed errors: 2 NEAR + 1.
    pub(super) step: i32,
    /// Gradients at which the context changes: T1, T2, T3.
    pub(super) thresholds: [i32; 3],
    /// The count at which a context's statistics are halved, RESET.
    pub(super) reset: u32,
    /// Bits of a prediction error that is written out, qbpp.
    pub(super) error_bits: u32,
    /// The longest code of a prediction error in bits, LIMIT.
    pub(super) limit: u32,
    /// The largest mapped prediction error that is believed. It is twice the largest that T.87 A.4.5 and A.5.2
    /// give, so that an encoder that left out the reduction modulo RANGE is still understood.
    pub(super) max_mapped_error: u32,
}

impl Parameters {
    pub(super) fn new(precision: u8, near: u16, presets: &Presets) -> Result<Self, Defect> {
        let largest = (1 << precision) - 1;
        let max_value = or_default(presets.max_value, largest);
        let near = i32::from(near);
        if max_value > largest || near > 255.min(max_value / 2) {
            return Err(Defect::PresetParameters);
        }
        let step = 2 * near + 1;
        let range = (max_value + 2 * near) / step + 1;
        let sample_bits = bits_for(max_value + 1).max(2);
        let [t1, t2, t3] = default_thresholds(max_value, near);
        let [p1, p2, p3] = presets.thresholds;
        let thresholds = [or_default(p1, t1), or_default(p2, t2), or_default(p3, t3)];
        let bounds = [near + 1, thresholds[0], thresholds[1], thresholds[2], max_value];
        let reset = or_default(presets.reset, 64);
        if !bounds.is_sorted() || reset < 3 || reset > max_value.max(255) {
            return Err(Defect::PresetParameters);
        }
        Ok(Self {
            max_value,
            near,
            range,
            step,
            thresholds,
            reset: reset.unsigned_abs(),
            error_bits: bits_for(range),
            limit: 2 * (sample_bits + sample_bits.max(8)),
            max_mapped_error: 2 * range.unsigned_abs(),
        })
    }

    /// Whether prediction errors wrap around a power of two, so that a mask reduces them.
    pub(super) fn wraps_by_mask(&self) -> bool {
        self.near == 0 && (self.max_value + 1).unsigned_abs().is_power_of_two()
    }
}

/// The quantised gradient (T.87 A.3.3) of each difference between two samples.
///
/// Negative differences stand at the end, so that their lower bits are their place.
pub(super) struct Gradients(Box<[i8; Self::PLACES]>);

impl Gradients {
    const PLACES: usize = 1 << 17;

    pub(super) fn new(parameters: &Parameters) -> Self {
        let mut table = Box::new([0; Self::PLACES]);
        let [t1, t2, t3] = parameters.thresholds;
        let largest = parameters.max_value as usize;
        for (region, least) in (1..).zip([parameters.near + 1, t1, t2, t3]) {
            table[least as usize..=largest].fill(region);
            table[Self::PLACES - largest..=Self::PLACES - least as usize].fill(-region);
        }
        Self(table)
    }

    #[inline(always)]
    pub(super) fn quantise(&self, difference: i32) -> i32 {
        i32::from(self.0[difference.cast_unsigned() as usize % Self::PLACES])
    }
}

fn or_default(preset: u16, default: i32) -> i32 {
    if preset == 0 { default } else { i32::from(preset) }
}

/// The least number of bits that count to `values`: the logarithm to base 2, rounded up.
fn bits_for(values: i32) -> u32 {
    u32::BITS - (values - 1).leading_zeros()
}

/// The default thresholds (T.87 C.2.4.1.1.1).
fn default_thresholds(max_value: i32, near: i32) -> [i32; 3] {
    // Not `clamp`: too large a value becomes the lower bound.
    let bounded = |value, low| if value > max_value || value < low { low } else { value };
    let [base1, base2, base3] = [3, 7, 21];
    let raw = if max_value >= 128 {
        let factor = (max_value.min(4095) + 128) / 256;
        [factor * (base1 - 2) + 2, factor * (base2 - 3) + 3, factor * (base3 - 4) + 4]
    } else {
        let factor = 256 / (max_value + 1);
        [base1 / factor, base2 / factor, base3 / factor]
    };
    let least = if max_value >= 128 { [0; 3] } else { [2, 3, 4] };
    let t1 = bounded(least[0].max(raw[0] + 3 * near), near + 1);
    let t2 = bounded(least[1].max(raw[1] + 5 * near), t1);
    let t3 = bounded(least[2].max(raw[2] + 7 * near), t2);
    [t1, t2, t3]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thresholds(precision: u8, near: u16) -> [i32; 3] {
        Parameters::new(precision, near, &Presets::default()).unwrap().thresholds
    }

    /// T.87 table C.3 for 8 bits; for 12 bits its formulas, worked by hand: FACTOR = (4095 + 128) / 256 = 16.
    #[test]
    fn default_thresholds_are_those_of_the_standard() {
        assert_eq!(thresholds(8, 0), [3, 7, 21]);
        assert_eq!(thresholds(8, 2), [9, 17, 35]);
        assert_eq!(thresholds(12, 0), [18, 67, 276]);
        assert_eq!(thresholds(16, 0), [18, 67, 276]);
        assert_eq!(thresholds(2, 0), [2, 3, 3]);
    }

    #[test]
    fn derived_lengths_follow_a_2_1() {
        let lengths = |precision, near| {
            let parameters = Parameters::new(precision, near, &Presets::default()).unwrap();
            (parameters.range, parameters.error_bits, parameters.limit)
        };
        assert_eq!(lengths(8, 0), (256, 8, 32));
        assert_eq!(lengths(8, 3), (38, 6, 32));
        assert_eq!(lengths(16, 0), (65536, 16, 64));
        assert_eq!(lengths(2, 0), (4, 2, 20));
    }

    /// T.87 A.3.3, code segment A.4.
    #[test]
    fn gradients_are_quantised_as_in_a_3_3() {
        let presets = Presets { thresholds: [4, 6, 9], ..Presets::default() };
        let gradients = Gradients::new(&Parameters::new(8, 2, &presets).unwrap());
        let expected = [-4, -3, -3, -3, -2, -2, -1, 0, 0, 0, 0, 0, 1, 2, 2, 3, 3, 3, 4];
        assert!((-9..).zip(expected).all(|(difference, region)| gradients.quantise(difference) == region));
        assert_eq!((gradients.quantise(-255), gradients.quantise(255)), (-4, 4));
    }

    #[test]
    fn presets_out_of_range_are_refused() {
        let refused = |max_value, thresholds, reset, near| {
            Parameters::new(8, near, &Presets { max_value, thresholds, reset }).is_err()
        };
        assert!(!refused(255, [1, 1, 255], 255, 0));
        assert!(refused(256, [0; 3], 0, 0));
        assert!(refused(0, [5, 4, 9], 0, 0));
        assert!(refused(0, [3, 7, 256], 0, 0));
        assert!(refused(0, [3, 7, 21], 2, 0));
        assert!(refused(0, [3, 7, 21], 256, 0));
        assert!(refused(0, [3, 7, 21], 0, 3));
        assert!(refused(0, [0; 3], 0, 128));
    }
}
