//! Transfer functions: from modality value to colour and opacity.

use std::fmt;
use std::sync::{Arc, OnceLock};

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
/// Two points of equal value make a step. Clones share what is made of the points when it is first needed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Vec<TransferPoint>", into = "Vec<TransferPoint>")]
pub struct TransferFunction(Arc<Function>);

struct Function {
    points: Vec<TransferPoint>,
    emission: OnceLock<EmissionTable>,
}

impl PartialEq for TransferFunction {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.points() == other.points()
    }
}

impl fmt::Debug for TransferFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TransferFunction").field(&self.points()).finish()
    }
}

impl TryFrom<Vec<TransferPoint>> for TransferFunction {
    type Error = Error;

    fn try_from(points: Vec<TransferPoint>) -> Result<Self> {
        Self::new(points)
    }
}

impl From<TransferFunction> for Vec<TransferPoint> {
    fn from(function: TransferFunction) -> Self {
        function.points().to_vec()
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
        Ok(Self(Arc::new(Function { points, emission: OnceLock::new() })))
    }

    /// The points, in ascending order of value.
    #[must_use]
    pub fn points(&self) -> &[TransferPoint] {
        &self.0.points
    }

    /// The values of the first and the last point.
    #[must_use]
    pub fn domain(&self) -> (f64, f64) {
        let points = self.points();
        (points[0].value, points[points.len() - 1].value)
    }

    /// Colour and opacity per mm of a modality value.
    #[must_use]
    pub fn at(&self, value: f64) -> ([f64; 3], f64) {
        let points = self.points();
        let upper = points.partition_point(|point| point.value <= value);
        let ends = (upper.checked_sub(1).and_then(|n| points.get(n)), points.get(upper));
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

    /// Whether any value from one to another has opacity.
    #[must_use]
    pub fn is_seen_between(&self, low: f64, high: f64) -> bool {
        let ends = [low, high].map(|value| self.at(value).1);
        let inner = self.points().iter().filter(|point| low <= point.value && point.value <= high);
        ends.into_iter().chain(inner.map(|point| point.opacity_per_mm)).any(|opacity| opacity > 0.0)
    }

    /// What kernels look up, made when it is first asked for.
    pub(crate) fn emission_table(&self) -> &EmissionTable {
        self.0.emission.get_or_init(|| EmissionTable::new(self))
    }

    /// The integral of what values emit, over `n >= 2` evenly spaced entries of the domain, from the first on.
    ///
    /// The piece 0 begins at the place -1, an entry before the first, and stands for all lower values; the piece k at the
    /// entry k - 1; the piece n, the last, at the last entry, and stands for all higher values.
    #[must_use]
    pub fn integral(&self, n: usize) -> Vec<Piece> {
        let points = self.points();
        let [first, last] = [points.first(), points.last()].map(|point| point.map_or([0.0; 4], emission_of));
        let (low, high) = self.domain();
        let value = |entry: usize| low + (high - low) * entry as f64 / (n - 1) as f64;
        let mut at = first.map(|part| -part);
        let mut grown = vec![(at, Growth::even(first))];
        at = [0.0; 4];
        for entry in 1..n {
            let (from, to) = (value(entry - 1), value(entry));
            let (more, is_smooth) = self.mean_emission(from, to);
            let growth =
                if is_smooth { Growth::smooth(self.emission(from), more) } else { Growth::even(more) };
            grown.push((at, growth));
            at = std::array::from_fn(|part| at[part] + more[part]);
        }
        grown.push((at, Growth::even(last)));
        // All that is emitted, which no other part exceeds: so many units that f32 counts them, and their differences.
        let most = at[3].max(first[3]).max(f64::from(f32::MIN_POSITIVE));
        let unit = (most.log2().ceil() - f64::from(f32::MANTISSA_DIGITS - 1)).exp2();
        grown.into_iter().map(|(at, growth)| Piece::new(at, unit, growth)).collect()
    }

    /// Colour times extinction, then extinction, in 1/mm.
    fn emission(&self, value: f64) -> [f64; 4] {
        let (color, opacity_per_mm) = self.at(value);
        emission(color, opacity_per_mm)
    }

    /// The mean of [`Self::emission`] from a value to a higher one, both within the domain, by Gauss's rule between points,
    /// and whether no point lies within.
    fn mean_emission(&self, from: f64, to: f64) -> ([f64; 4], bool) {
        let points = self.points();
        let inner = points[points.partition_point(|point| point.value <= from)..].iter();
        let mut inner = inner.map(|point| point.value).take_while(|&value| value < to).peekable();
        let is_smooth = inner.peek().is_none();
        let rule: &[(f64, f64)] = if is_smooth { &GAUSS_2 } else { &GAUSS_5 };
        let (mut mean, mut start) = ([0.0; 4], from);
        for end in inner.chain([to]) {
            for (place, weight) in rule {
                let emission = self.emission(start + place * (end - start));
                let part = weight * (end - start) / (to - from);
                mean = std::array::from_fn(|n| mean[n] + part * emission[n]);
            }
            start = end;
        }
        (mean, is_smooth)
    }
}

/// What a transfer function emits, as kernels look it up. Clones share it.
#[derive(Clone, PartialEq)]
pub struct EmissionTable {
    /// The integral of colour x extinction, and of extinction, over [`Self::ENTRIES`] evenly spaced entries of the domain;
    /// see [`TransferFunction::integral`].
    pub integral: Arc<[Piece]>,
    /// For each entry, and for their end, how many entries before it emit anything, or values right beside them do. Between
    /// two that do not, nothing is emitted.
    pub seen_before: Arc<[u32]>,
}

impl EmissionTable {
    /// The number of entries.
    pub const ENTRIES: usize = 4096;

    fn new(function: &TransferFunction) -> Self {
        let integral = function.integral(Self::ENTRIES);
        let mut seen_before = vec![0];
        let mut count = 0;
        for beside in integral.windows(2) {
            count += u32::from(beside[0].emits()[1] || beside[1].emits()[0]);
            seen_before.push(count);
        }
        Self { integral: integral.into(), seen_before: seen_before.into() }
    }
}

impl fmt::Debug for EmissionTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmissionTable").finish_non_exhaustive()
    }
}

/// A piece of an integral, one entry long: `at + (rest + f * (slope + f * bend))`, f of the way along it. Of colour times
/// extinction, and of extinction, in entries / mm; what values emit there is `slope + 2 * f * bend`, in 1/mm.
///
/// Differences of `at` are exact, and what is added to it is small: so a haze is as bright as it is however much more the
/// values before it emit.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Piece {
    /// The integral where the piece begins, in whole units that all pieces share.
    pub at: [f32; 4],
    /// What is left of it.
    pub rest: [f32; 4],
    /// How much it grows with f at first.
    pub slope: [f32; 4],
    /// Half of how much more it grows with f at the end.
    pub bend: [f32; 4],
}

/// How an integral grows along a piece.
struct Growth {
    slope: [f64; 4],
    bend: [f64; 4],
}

impl Growth {
    fn even(more: [f64; 4]) -> Self {
        Self { slope: more, bend: [0.0; 4] }
    }

    /// It begins as `first` says, and is `more` at its end; it never falls.
    fn smooth(first: [f64; 4], more: [f64; 4]) -> Self {
        let slope: [f64; 4] = std::array::from_fn(|part| first[part].min(2.0 * more[part]));
        let bend = std::array::from_fn(|part| more[part] - f64::from(slope[part] as f32));
        Self { slope, bend }
    }
}

impl Piece {
    fn new(at: [f64; 4], unit: f64, Growth { slope, bend }: Growth) -> Self {
        let whole = at.map(|part| (part / unit).floor() * unit);
        let rest = std::array::from_fn(|part| (at[part] - whole[part]) as f32);
        let [at, slope, bend] = [whole, slope, bend].map(|parts| parts.map(|part| part as f32));
        Self { at, rest, slope, bend }
    }

    /// Whether values emit anything where it begins, and where it ends.
    #[must_use]
    pub fn emits(&self) -> [bool; 2] {
        [self.slope[3] > 0.0, self.slope[3] + 2.0 * self.bend[3] > 0.0]
    }
}

fn emission_of(point: &TransferPoint) -> [f64; 4] {
    emission(point.color.map(f64::from), point.opacity_per_mm)
}

fn emission(color: [f64; 3], opacity_per_mm: f64) -> [f64; 4] {
    let extinction = extinction_per_mm(opacity_per_mm);
    [color[0] * extinction, color[1] * extinction, color[2] * extinction, extinction]
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

    #[test]
    fn tables_are_made_once_for_a_function_and_its_clones() {
        let new = |opacity| TransferFunction::new(vec![point(0.0, 0.0), point(100.0, opacity)]).unwrap();
        let f = new(0.5);
        let clone = f.clone();
        assert!(Arc::ptr_eq(&f.emission_table().integral, &clone.emission_table().integral));
        assert_eq!(f, new(0.5));
        assert_eq!(f.emission_table(), new(0.5).emission_table());
        assert_ne!(f, new(0.6));
        assert_ne!(f.emission_table(), new(0.6).emission_table());
    }

    /// A piece ends where the next begins, having grown by the mean between two entries; bands narrower than that count, too.
    #[test]
    fn integrals_miss_nothing() {
        let points =
            [(0.0, 0.0), (300.1, 0.0), (300.2, 0.9), (300.3, 0.0), (500.0, 0.0), (500.0, 0.5), (1000.0, 0.8)];
        let f = TransferFunction::new(points.map(|(value, opacity)| point(value, opacity)).to_vec()).unwrap();
        let n = 1001;
        let pieces = f.integral(n);
        assert_eq!(pieces.len(), n + 1);
        let begin = |piece: &Piece| f64::from(piece.at[3]) + f64::from(piece.rest[3]);
        let steps = 20_000;
        // Of a band that rises to 0.9, the rule of five places misses that much.
        let most = 5e-5;
        for (entry, piece) in pieces.iter().enumerate() {
            let place = |part: f64| f.extinction_per_mm(entry as f64 - 1.0 + part);
            let part = |step: i32| (f64::from(step) + 0.5) / f64::from(steps);
            let mean = (0..steps).map(|step| place(part(step))).sum::<f64>() / f64::from(steps);
            let more = |channel: usize| f64::from(piece.slope[channel] + piece.bend[channel]);
            assert!((more(3) - mean).abs() < most, "{entry}: {}, expected {mean}", more(3));
            assert!((more(1) - mean / 2.0).abs() < most, "{entry}: {}", more(1));
            if let Some(next) = pieces.get(entry + 1) {
                assert!((begin(next) - begin(piece) - more(3)).abs() < most, "{entry}");
            }
            // Opacity is linear there, so that extinction nearly is.
            if entry != 301 {
                for part in [0.01, 0.5, 0.99] {
                    let emitted = f64::from(piece.slope[3]) + 2.0 * part * f64::from(piece.bend[3]);
                    assert!((emitted - place(part)).abs() < 1e-4, "{entry} {part}: {emitted}");
                }
            }
        }
        // Wider than a point, less than an entry.
        let emit = [300, 301, 302].map(|piece| pieces[piece].emits());
        assert_eq!(emit, [[false; 2], [true; 2], [false; 2]]);
    }

    /// In f32 a haze has its digits behind a band that emits a million times as much.
    #[test]
    fn integrals_keep_their_digits() {
        let points = [(0.0, 0.999_999), (2000.0, 0.999_999), (2000.0, 1e-5), (4095.0, 1e-5)];
        let f = TransferFunction::new(points.map(|(value, opacity)| point(value, opacity)).to_vec()).unwrap();
        let pieces = f.integral(4096);
        for entries in [1, 3, 100] {
            for from in (2001..4000).step_by(7) {
                let [from, to] = [pieces[from], pieces[from + entries]];
                let mean = ((to.at[3] - from.at[3]) + (to.rest[3] - from.rest[3])) / entries as f32;
                assert!((mean / 1e-5 - 1.0).abs() < 1e-4, "{entries}: {mean}");
            }
        }
    }

    /// A step at an end of the domain is one: beyond it the end's own point holds.
    #[test]
    fn beyond_the_ends_the_end_points_hold() {
        let points = vec![point(10.0, 0.0), point(10.0, 0.5), point(20.0, 0.5), point(20.0, 0.0)];
        let f = TransferFunction::new(points).unwrap();
        let pieces = f.integral(11);
        assert_eq!([pieces[0].emits(), pieces[11].emits()], [[false; 2]; 2]);
        assert_eq!(pieces[1].emits(), [true; 2]);
        assert_eq!([f.at(9.0).1, f.at(21.0).1], [0.0; 2]);
    }
}
