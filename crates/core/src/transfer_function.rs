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
        -(-self.at(value).1.min(Self::MAX_OPACITY_PER_MM)).ln_1p()
    }

    /// `n >= 2` evenly spaced entries over the domain: colour times extinction, then extinction, in 1/mm.
    #[must_use]
    pub fn table(&self, n: usize) -> Vec<[f32; 4]> {
        let (low, high) = self.domain();
        (0..n)
            .map(|i| {
                let value = low + (high - low) * i as f64 / (n - 1) as f64;
                let extinction = self.extinction_per_mm(value);
                let [r, g, b] = self.at(value).0.map(|c| (c * extinction) as f32);
                [r, g, b, extinction as f32]
            })
            .collect()
    }
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
}
