//! The value at a place: the rules of [`anatome_core::plan::SamplingPlan`] in float64.

use anatome_core::plan::SNAP;
use anatome_core::{Interpolation, Volume};
use glam::DVec3;

/// What is at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found {
    /// A modality value.
    Value(f64),
    /// No sample: outside or padding.
    Nothing,
    /// No sample: inside, but slices are missing here.
    Missing,
}

impl Found {
    pub(super) fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing | Self::Missing => None,
        }
    }
}

/// A whole voxel index and the rest, 0 to below 1, along one axis.
type Split = (i64, f64);

/// Interpolates in a volume.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampler<'a> {
    volume: &'a Volume,
    interpolation: Interpolation,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(volume: &'a Volume, interpolation: Interpolation) -> Self {
        Self { volume, interpolation }
    }

    /// What is at a continuous index (i, j, k).
    pub(super) fn at_index(&self, index: DVec3) -> Found {
        let end = self.volume.grid().size_ijk() - DVec3::splat(0.5);
        if index.cmplt(DVec3::splat(-0.5)).any() || !index.cmplt(end).all() {
            return Found::Nothing;
        }
        self.within(index)
    }

    /// As [`Self::at_index`], of a place that is known to be inside but for rounding, such as the end of a ray.
    pub(super) fn within(&self, index: DVec3) -> Found {
        let size = self.volume.grid().size_ijk();
        let [i, j, k] = [0, 1, 2].map(|axis| split(index[axis], size[axis]));
        if k.1 > 0.0 && self.missing_after(k.0) {
            return Found::Missing;
        }
        let stored = match self.interpolation {
            Interpolation::Nearest => self.stored([i, j, k].map(nearest)),
            Interpolation::Linear => self.linear([i, j, k]),
            Interpolation::Cubic => self.cubic([i, j, k]).or_else(|| self.linear([i, j, k])),
        };
        stored
            .map_or(Found::Nothing, |stored| Found::Value(self.volume.mapping().modality_from_stored(stored)))
    }

    fn missing_after(&self, k: i64) -> bool {
        let table = self.volume.grid().slices();
        usize::try_from(k)
            .is_ok_and(|k| table.and_then(|t| t.missing_after().get(k)).copied().unwrap_or(false))
    }

    /// The stored value of a voxel (i, j, k); nothing outside and for padding.
    fn stored(&self, [i, j, k]: [i64; 3]) -> Option<f64> {
        let index = [usize::try_from(k).ok()?, usize::try_from(j).ok()?, usize::try_from(i).ok()?];
        let stored = self.volume.samples().get(index)?;
        (!self.volume.padding().is_some_and(|padding| padding.contains(stored))).then_some(stored)
    }

    fn linear(&self, splits: [Split; 3]) -> Option<f64> {
        let mut sum = 0.0;
        for corner in 0..8 {
            let mut weight = 1.0;
            let mut voxel = [0; 3];
            for (axis, (whole, rest)) in splits.into_iter().enumerate() {
                let upper = (corner >> axis) & 1;
                weight *= if upper == 1 { rest } else { 1.0 - rest };
                voxel[axis] = whole + upper;
            }
            if weight != 0.0 {
                sum += weight * self.stored(voxel)?;
            }
        }
        Some(sum)
    }

    /// Catmull-Rom over 4 x 4 x 4 voxels; nothing if one of them is no sample or lies across missing slices.
    fn cubic(&self, splits: [Split; 3]) -> Option<f64> {
        let [i, j, k] = splits;
        if (k.0 - 1..=k.0 + 1).any(|below| self.missing_after(below)) {
            return None;
        }
        let even = [1.0; 3];
        let uneven = |gap: &dyn Fn(i64) -> f64| [gap(k.0 - 1), gap(k.0), gap(k.0 + 1)];
        let table = self.volume.grid().slices();
        let gaps =
            table.map_or(even, |table| uneven(&|k| usize::try_from(k).map_or(1.0, |k| table.gap_mm(k))));
        let weights = [catmull_rom(i.1, even), catmull_rom(j.1, even), catmull_rom(k.1, gaps)];
        let mut sum = 0.0;
        for (c, dk) in (-1..=2).enumerate() {
            for (b, dj) in (-1..=2).enumerate() {
                for (a, di) in (-1..=2).enumerate() {
                    let weight = weights[0][a] * weights[1][b] * weights[2][c];
                    sum += weight * self.stored([i.0 + di, j.0 + dj, k.0 + dk])?;
                }
            }
        }
        Some(sum)
    }
}

/// The voxel and the rest of an index on an axis of `size` voxels; the outer half voxels hold the outermost value.
fn split(index: f64, size: f64) -> Split {
    let (mut whole, mut rest) = (index.floor(), index - index.floor());
    if rest < f64::from(SNAP) {
        rest = 0.0;
    } else if rest > 1.0 - f64::from(SNAP) {
        (whole, rest) = (whole + 1.0, 0.0);
    }
    if whole < 0.0 {
        (whole, rest) = (0.0, 0.0);
    } else if whole >= size - 1.0 {
        (whole, rest) = (size - 1.0, 0.0);
    }
    (whole as i64, rest)
}

fn nearest((whole, rest): Split) -> i64 {
    if rest < 0.5 { whole } else { whole + 1 }
}

/// The weights of the voxels at -1, 0, 1 and 2 (Catmull and Rom 1974): the Hermite cubic whose slope at a voxel is that
/// of the line through its two neighbours. `gaps` are the distances before, between and after the middle two.
fn catmull_rom(t: f64, [before, between, after]: [f64; 3]) -> [f64; 4] {
    let start = 2.0 * t.powi(3) - 3.0 * t.powi(2) + 1.0;
    let slope_at_start = (t.powi(3) - 2.0 * t.powi(2) + t) * between / (before + between);
    let slope_at_end = (t.powi(3) - t.powi(2)) * between / (between + after);
    [-slope_at_start, start - slope_at_end, 1.0 - start + slope_at_start, slope_at_end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use anatome_core::{Facts, Grid, Modality, Padding, Samples, SliceTable, Unit, ValueMapping};
    use glam::DAffine3;
    use ndarray::Array3;

    /// Values `i² + 10 j + 100 k`, with padding at one corner and missing slices after slice 3.
    fn volume() -> Volume {
        let z: Vec<f64> = vec![0.0, 1.0, 2.0, 3.0, 9.0, 10.0];
        let table = SliceTable::new(z, vec![false, false, false, true, false]).unwrap();
        let grid = Grid::uneven([6, 6, 6], DAffine3::IDENTITY, table).unwrap();
        let mut samples = Array3::from_shape_fn((6, 6, 6), |(k, j, i)| (i * i + 10 * j + 100 * k) as i16);
        samples[[0, 0, 0]] = -2000;
        let padding = Some(Padding { lowest: -2000.0, highest: -2000.0 });
        let mapping = ValueMapping { slope: 2.0, intercept: 1.0, unit: Unit::Hounsfield };
        Volume::new(grid, Samples::I16(samples), mapping, padding, Facts::new(Modality::Ct)).unwrap()
    }

    fn at(interpolation: Interpolation, i: f64, j: f64, k: f64) -> Found {
        Sampler::new(&volume(), interpolation).at_index(DVec3::new(i, j, k))
    }

    #[test]
    fn linear_by_hand() {
        // (4 + 9) / 2 + 10 * 1.25 + 100 * 1.5 = 169, times 2 plus 1.
        assert_eq!(at(Interpolation::Linear, 2.5, 1.25, 1.5), Found::Value(339.0));
        assert_eq!(
            at(Interpolation::Nearest, 2.5, 1.25, 1.4),
            Found::Value((9.0 + 10.0 + 100.0) * 2.0 + 1.0)
        );
    }

    /// Catmull-Rom gives parabolas back: 2.5² = 6.25.
    #[test]
    fn cubic_by_hand() {
        let Found::Value(v) = at(Interpolation::Cubic, 2.5, 1.25, 1.5) else { panic!("no value") };
        assert!((v - ((6.25 + 12.5 + 150.0) * 2.0 + 1.0)).abs() < 1e-9);
        // No voxel at i = -1: linear takes over.
        assert_eq!(at(Interpolation::Cubic, 0.5, 1.5, 1.5), Found::Value((0.5 + 15.0 + 150.0) * 2.0 + 1.0));
        // Slices 2 and 3 are there, 4 lies across missing ones.
        assert_eq!(at(Interpolation::Cubic, 2.5, 1.5, 2.5), Found::Value((6.5 + 15.0 + 250.0) * 2.0 + 1.0));
    }

    /// The published weights at a half, and a line that stays a line on uneven slices.
    #[test]
    fn catmull_rom_weights() {
        assert_eq!(catmull_rom(0.5, [1.0; 3]), [-0.0625, 0.5625, 0.5625, -0.0625]);
        let [a, b, c, d] = catmull_rom(0.3, [4.0, 1.0, 7.0]);
        assert!((a + b + c + d - 1.0).abs() < 1e-12);
        assert!((-4.0 * a + c + 8.0 * d - 0.3).abs() < 1e-12);
    }

    #[test]
    fn borders_hold_for_half_a_voxel() {
        for how in [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic] {
            assert_eq!(at(how, 5.49, 5.0, 5.2), Found::Value((25.0 + 50.0 + 500.0) * 2.0 + 1.0));
            assert_eq!(at(how, 5.5, 2.0, 2.0), Found::Nothing);
            assert_eq!(at(how, -0.5, 1.0, 1.0), Found::Value(221.0));
            assert_eq!(at(how, -0.51, 1.0, 1.0), Found::Nothing);
        }
    }

    #[test]
    fn padding_and_missing_slices_are_no_samples() {
        assert_eq!(at(Interpolation::Linear, 0.5, 0.0, 0.0), Found::Nothing);
        assert_eq!(at(Interpolation::Nearest, 0.5, 0.0, 0.0), Found::Value(3.0));
        assert_eq!(at(Interpolation::Nearest, 0.4, 0.0, 0.0), Found::Nothing);
        assert_eq!(at(Interpolation::Linear, 1.0 - 1e-6, 0.0, 0.0), Found::Value(3.0));
        for how in [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic] {
            assert_eq!(at(how, 2.0, 2.0, 3.1), Found::Missing);
            assert_eq!(at(how, 2.0, 2.0, 3.0 + 1e-6), Found::Value((4.0 + 20.0 + 300.0) * 2.0 + 1.0));
        }
    }
}
