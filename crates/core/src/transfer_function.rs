//! Transfer functions: from modality value to colour and opacity.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A point of a transfer function.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferPoint {
    /// The modality value.
    pub value: f64,
    /// Red, green and blue as sRGB display values, 0 to 1.
    pub color: [f32; 3],
    /// The part of the light that one millimetre of this value takes away, 0 to below 1.
    pub opacity_per_mm: f64,
}

/// From modality value to colour and opacity per mm, linear between its points; beyond the ends, the end's.
///
/// Two points of equal value make a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<TransferPoint>", into = "Vec<TransferPoint>")]
pub struct TransferFunction(Vec<TransferPoint>);

impl TryFrom<Vec<TransferPoint>> for TransferFunction {
    type Error = Error;

    fn try_from(points: Vec<TransferPoint>) -> Result<Self> {
        Self::new(points)
    }
}

impl From<TransferFunction> for Vec<TransferPoint> {
    fn from(function: TransferFunction) -> Self {
        function.0
    }
}

impl TransferFunction {
    /// The largest opacity per mm: an optical depth of 13.8.
    pub const MAX_OPACITY_PER_MM: f64 = 0.999_999;

    /// A function from points in ascending order of value.
    ///
    /// # Errors
    /// Malformed, with fewer than two points, values out of order or all equal, or colours or opacities out of range.
    pub fn new(points: Vec<TransferPoint>) -> Result<Self> {
        let usable = |p: &TransferPoint| {
            p.value.is_finite()
                && p.color.iter().all(|c| (0.0..=1.0).contains(c))
                && (0.0..=1.0).contains(&p.opacity_per_mm)
        };
        let ordered = points.windows(2).all(|pair| pair[0].value <= pair[1].value);
        let spread = points.first().zip(points.last()).is_some_and(|(a, b)| a.value < b.value);
        if !ordered || !spread || !points.iter().all(usable) {
            let reason = "needs points of ascending value, colours and opacities from 0 to 1".to_owned();
            return Err(Error::Malformed { what: "transfer function", reason });
        }
        Ok(Self(points))
    }

    /// The points, in ascending order of value.
    #[must_use]
    pub fn points(&self) -> &[TransferPoint] {
        &self.0
    }

    /// The values of the first and the last point.
    #[must_use]
    pub fn domain(&self) -> (f64, f64) {
        (self.0[0].value, self.0[self.0.len() - 1].value)
    }

    /// Colour and opacity per mm of a modality value.
    #[must_use]
    pub fn at(&self, value: f64) -> ([f64; 3], f64) {
        let upper = self.0.partition_point(|point| point.value <= value);
        let ends = (upper.checked_sub(1).and_then(|n| self.0.get(n)), self.0.get(upper));
        let (a, b, f) = match ends {
            (Some(a), Some(b)) => (a, b, (value - a.value) / (b.value - a.value)),
            (Some(end), None) | (None, Some(end)) => (end, end, 0.0),
            (None, None) => return ([0.0; 3], 0.0),
        };
        let mix = |a: f64, b: f64| a + f * (b - a);
        let color = std::array::from_fn(|c| mix(f64::from(a.color[c]), f64::from(b.color[c])));
        (color, mix(a.opacity_per_mm, b.opacity_per_mm))
    }

    /// Extinction in 1/mm of a modality value: `-ln(1 - opacity_per_mm)`, at most 13.8.
    #[must_use]
    pub fn extinction_per_mm(&self, value: f64) -> f64 {
        extinction_per_mm(self.at(value).1)
    }

    /// `n >= 2` evenly spaced entries over the domain: colour times extinction, then extinction, in 1/mm.
    #[must_use]
    pub fn table(&self, n: usize) -> Vec<[f32; 4]> {
        (0..n).map(|entry| self.emission(self.value_of(entry as f64, n)).map(|part| part as f32)).collect()
    }

    /// The integrals of what [`Self::table`] samples, from its first entry on, in entries / mm: at the entry -1, which
    /// stands for all lower values, at each of its `n >= 2` entries, and at the entry `n`, for all higher ones. Beyond its
    /// ends a function is constant, so its integral goes on in a line.
    #[must_use]
    pub fn integrals(&self, n: usize) -> Vec<[f32; 4]> {
        let [first, last] = [0, n - 1].map(|entry| self.emission(self.value_of(entry as f64, n)));
        let mut sum = [0.0; 4];
        let mut integrals = vec![first.map(|part| -part)];
        integrals.push(sum);
        for entry in 1..n {
            let mean =
                self.mean_emission(self.value_of((entry - 1) as f64, n), self.value_of(entry as f64, n));
            sum = std::array::from_fn(|part| sum[part] + mean[part]);
            integrals.push(sum);
        }
        integrals.push(std::array::from_fn(|part| sum[part] + last[part]));
        integrals.into_iter().map(|row| row.map(|part| part as f32)).collect()
    }

    /// The value of an entry of `n` over the domain.
    fn value_of(&self, entry: f64, n: usize) -> f64 {
        let (low, high) = self.domain();
        low + (high - low) * entry / (n - 1) as f64
    }

    /// Colour times extinction, then extinction, in 1/mm.
    fn emission(&self, value: f64) -> [f64; 4] {
        let (color, opacity_per_mm) = self.at(value);
        let extinction = extinction_per_mm(opacity_per_mm);
        [color[0] * extinction, color[1] * extinction, color[2] * extinction, extinction]
    }

    /// The mean of [`Self::emission`] from a value to a higher one, both within the domain: by Gauss's rule between points,
    /// with more places where a point lies within.
    fn mean_emission(&self, from: f64, to: f64) -> [f64; 4] {
        let inner = self.0[self.0.partition_point(|point| point.value <= from)..].iter();
        let mut inner = inner.map(|point| point.value).take_while(|&value| value < to).peekable();
        let rule: &[(f64, f64)] = if inner.peek().is_some() { &GAUSS_5 } else { &GAUSS_2 };
        let (mut mean, mut start) = ([0.0; 4], from);
        for end in inner.chain([to]) {
            for (place, weight) in rule {
                let emission = self.emission(start + place * (end - start));
                let part = weight * (end - start) / (to - from);
                mean = std::array::from_fn(|n| mean[n] + part * emission[n]);
            }
            start = end;
        }
        mean
    }
}

/// Places from 0 to 1, and their weights.
const GAUSS_2: [(f64, f64); 2] = [(0.211_324_865_405_187_1, 0.5), (0.788_675_134_594_812_9, 0.5)];
const GAUSS_5: [(f64, f64); 5] = [
    (0.046_910_077_030_668_0, 0.118_463_442_528_094_5),
    (0.230_765_344_947_158_5, 0.239_314_335_249_683_2),
    (0.5, 0.284_444_444_444_444_4),
    (0.769_234_655_052_841_5, 0.239_314_335_249_683_2),
    (0.953_089_922_969_332, 0.118_463_442_528_094_5),
];

/// `-ln(1 - opacity_per_mm)`, at most 13.8.
fn extinction_per_mm(opacity_per_mm: f64) -> f64 {
    -(-opacity_per_mm.min(TransferFunction::MAX_OPACITY_PER_MM)).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(value: f64, opacity_per_mm: f64) -> TransferPoint {
        TransferPoint { value, color: [1.0, 0.5, 0.0], opacity_per_mm }
    }

    #[test]
    fn opacity_is_linear_and_steps_are_steps() {
        let f = TransferFunction::new(vec![point(0.0, 0.0), point(100.0, 0.5), point(100.0, 0.9)]).unwrap();
        assert_eq!(f.at(50.0).1, 0.25);
        assert_eq!(f.at(100.0).1, 0.9);
        assert_eq!(f.at(-5.0).1, 0.0);
        assert!((f.extinction_per_mm(200.0) - 10f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn unusable_points_are_refused() {
        assert!(TransferFunction::new(vec![]).is_err());
        assert!(TransferFunction::new(vec![point(1.0, 0.0), point(0.0, 0.0)]).is_err());
        assert!(TransferFunction::new(vec![point(0.0, 0.0), point(1.0, 1.1)]).is_err());
        assert!(TransferFunction::new(vec![point(0.0, 0.0), point(f64::NAN, 0.1)]).is_err());
    }

    /// Each integral less the one before it is the mean between two entries; bands narrower than that count as well.
    #[test]
    fn integrals_miss_nothing() {
        let points =
            [(0.0, 0.0), (300.1, 0.0), (300.2, 0.9), (300.3, 0.0), (500.0, 0.0), (500.0, 0.5), (1000.0, 0.8)];
        let f = TransferFunction::new(points.map(|(value, opacity)| point(value, opacity)).to_vec()).unwrap();
        let n = 101;
        let integrals = f.integrals(n);
        assert_eq!(integrals.len(), n + 2);
        let steps = 200_000;
        for (entry, pair) in integrals.windows(2).enumerate() {
            let mean: f64 = (0..steps)
                .map(|step| {
                    let part = (f64::from(step) + 0.5) / f64::from(steps);
                    f.extinction_per_mm((entry as f64 - 1.0 + part) * 10.0)
                })
                .sum::<f64>()
                / f64::from(steps);
            let (found, color) = (f64::from(pair[1][3] - pair[0][3]), f64::from(pair[1][1] - pair[0][1]));
            assert!((found - mean).abs() < 2e-5, "{entry}: {found}, expected {mean}");
            assert!((color - mean / 2.0).abs() < 2e-5, "{entry}: {color}");
        }
        // Wider than a point, less than an entry: nothing of it is at any entry.
        assert!(f.table(n)[29..32].iter().all(|entry| entry[3] == 0.0));
        assert!(integrals[32][3] - integrals[31][3] > 0.01);
    }
}
