//! What lies within a line on a plane.

use anatome::{Interpolation, Volume};
use glam::{DVec2, DVec3};

use super::shown_at;
use super::slab::samples;
use crate::session::{Slab, is_along_slices, step_mm};

/// A line around something, in mm in a plane.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outline {
    /// The ellipse between two corners.
    Ellipse { low: DVec2, high: DVec2 },
    /// All between two corners.
    Rectangle { low: DVec2, high: DVec2 },
    /// Within a closed line.
    Polygon(Vec<DVec2>),
}

/// What is known of the values within an outline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Statistics {
    /// How many samples count.
    pub count: usize,
    pub mean: f64,
    /// Of the population.
    pub deviation: f64,
    pub min: f64,
    pub max: f64,
}

impl Statistics {
    /// Those of a single value.
    pub(crate) fn of_one(value: f64) -> Self {
        Self { count: 1, mean: value, deviation: 0.0, min: value, max: value }
    }
}

/// The most samples of a region; a larger one is sampled more coarsely.
const MOST_SAMPLES: f64 = 2e6;

impl Outline {
    fn bounds(&self) -> (DVec2, DVec2) {
        match self {
            Self::Ellipse { low, high } | Self::Rectangle { low, high } => (*low, *high),
            Self::Polygon(points) => {
                let fold =
                    |f: fn(DVec2, DVec2) -> DVec2| points.iter().copied().reduce(f).unwrap_or_default();
                (fold(DVec2::min), fold(DVec2::max))
            }
        }
    }

    /// The area in square mm.
    pub(crate) fn area_mm2(&self) -> f64 {
        match self {
            Self::Ellipse { low, high } => (*high - *low).element_product() * std::f64::consts::FRAC_PI_4,
            Self::Rectangle { low, high } => (*high - *low).element_product(),
            Self::Polygon(points) => {
                let next = points.iter().cycle().skip(1);
                (points.iter().zip(next).map(|(a, b)| a.perp_dot(*b)).sum::<f64>() / 2.0).abs()
            }
        }
    }

    /// Whether a place lies within.
    pub(crate) fn holds(&self, at: DVec2) -> bool {
        match self {
            Self::Ellipse { low, high } => {
                let half = (*high - *low) / 2.0;
                half.min_element() > 0.0 && ((at - (*low + *high) / 2.0) / half).length_squared() <= 1.0
            }
            Self::Rectangle { low, high } => at.cmpge(*low).all() && at.cmple(*high).all(),
            Self::Polygon(points) => {
                let next = points.iter().cycle().skip(1);
                let crossed = |(a, b): &(&DVec2, &DVec2)| {
                    (a.y > at.y) != (b.y > at.y) && at.x < (b.x - a.x) * (at.y - a.y) / (b.y - a.y) + a.x
                };
                points.iter().zip(next).filter(crossed).count() % 2 == 1
            }
        }
    }

    /// A point of the line, at a part (0 to 1) of its way, for drawing.
    pub(crate) fn line(&self) -> Vec<DVec2> {
        match self {
            Self::Ellipse { low, high } => {
                let (middle, half) = ((*low + *high) / 2.0, (*high - *low) / 2.0);
                let angle = |n: u32| f64::from(n) / 64.0 * std::f64::consts::TAU;
                (0..64).map(|n| middle + half * DVec2::from_angle(angle(n))).collect()
            }
            Self::Rectangle { low, high } => {
                vec![*low, DVec2::new(high.x, low.y), *high, DVec2::new(low.x, high.y)]
            }
            Self::Polygon(points) => points.clone(),
        }
    }

    /// The values within, on the plane through `origin_mm` with directions `right` and `down`. Along a slice those of the
    /// voxels whose centres lie within; on other planes, and of a slab, those that its picture has at places a voxel's
    /// width apart.
    pub(crate) fn statistics(
        &self,
        volume: &Volume,
        origin_mm: DVec3,
        (right, down): (DVec3, DVec3),
        slab: Slab,
    ) -> Option<Statistics> {
        let grid = volume.grid();
        let normal = right.cross(down);
        let k = grid.index_from_patient(origin_mm).z;
        let is_on_slice = is_along_slices(grid, normal) && (k - k.round()).abs() < 0.01;
        if slab.is_slice() && is_on_slice && grid.shape()[0] > 0 {
            return self.of_voxels(volume, origin_mm, right, down, k.round());
        }
        let (low, high) = self.bounds();
        let fine_mm = step_mm(grid, right).min(step_mm(grid, down));
        let area = (high - low).element_product();
        let most = MOST_SAMPLES / samples(volume, slab) as f64;
        let pitch_mm = fine_mm.max((area / most).sqrt());
        let count = ((high - low) / pitch_mm).ceil().max(DVec2::ONE);
        let pitch = (high - low) / count;
        let mut sums = Sums::default();
        for y in 0..count.y as usize {
            for x in 0..count.x as usize {
                let at = low + pitch * (DVec2::new(x as f64, y as f64) + 0.5);
                if self.holds(at) {
                    let at_mm = origin_mm + right * at.x + down * at.y;
                    sums.extend(shown_at(volume, at_mm, normal, slab, Interpolation::Linear));
                }
            }
        }
        sums.statistics()
    }

    fn of_voxels(
        &self,
        volume: &Volume,
        origin_mm: DVec3,
        right: DVec3,
        down: DVec3,
        k: f64,
    ) -> Option<Statistics> {
        let grid = volume.grid();
        let (low, high) = self.bounds();
        let corners = [low, high, DVec2::new(low.x, high.y), DVec2::new(high.x, low.y)];
        let index =
            corners.map(|corner| grid.index_from_patient(origin_mm + right * corner.x + down * corner.y));
        let size = grid.size_ijk();
        let range = |axis: usize| {
            let along = index.map(|index| index[axis]);
            let low =
                along.iter().copied().fold(f64::INFINITY, f64::min).floor().clamp(0.0, size[axis] - 1.0);
            let high =
                along.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil().clamp(0.0, size[axis] - 1.0);
            low as usize..=high as usize
        };
        let mut sums = Sums::default();
        for j in range(1) {
            for i in range(0) {
                let from = grid.patient_from_index(DVec3::new(i as f64, j as f64, k)) - origin_mm;
                if self.holds(DVec2::new(from.dot(right), from.dot(down))) {
                    sums.extend(volume.modality_value([k as usize, j, i]));
                }
            }
        }
        sums.statistics()
    }
}

/// Running sums, by Welford's method: values far from zero lose nothing.
#[derive(Default)]
struct Sums {
    count: usize,
    mean: f64,
    squares: f64,
    ends: Option<(f64, f64)>,
}

impl Sums {
    fn extend(&mut self, value: Option<f64>) {
        let Some(value) = value else { return };
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
        self.ends = Some(self.ends.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
    }

    fn statistics(self) -> Option<Statistics> {
        let (min, max) = self.ends?;
        let deviation = (self.squares / self.count as f64).max(0.0).sqrt();
        Some(Statistics { count: self.count, mean: self.mean, deviation, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::value_at;
    use anatome::{Facts, Grid, Modality, Projection, Samples, Unit, ValueMapping};
    use glam::DAffine3;
    use ndarray::Array3;

    const AXIAL: (DVec3, DVec3) = (DVec3::X, DVec3::Y);
    const SLICE: Slab = Slab { thickness_mm: 0.0, projection: Projection::Mip };

    /// 100 i + 10 j + k, on voxels of 2 x 3 x 4 mm.
    fn ramp() -> Volume {
        let samples = Array3::from_shape_fn((5, 8, 8), |(k, j, i)| (100 * i + 10 * j + k) as i16);
        let grid = Grid::even([5, 8, 8], DAffine3::from_scale(DVec3::new(2.0, 3.0, 4.0))).unwrap();
        let mapping = ValueMapping::identity(Unit::Hounsfield);
        Volume::new(grid, Samples::I16(samples), mapping, None, Facts::new(Modality::Ct)).unwrap()
    }

    #[test]
    fn a_rectangle_along_a_slice_counts_whole_voxels() {
        let outline = Outline::Rectangle { low: DVec2::new(-0.5, -0.5), high: DVec2::new(4.5, 3.5) };
        let found = outline.statistics(&ramp(), DVec3::new(2.0, 3.0, 8.0), AXIAL, SLICE).unwrap();
        // i 1 to 3, j 1 and 2, k 2.
        let values = [112.0, 212.0, 312.0, 122.0, 222.0, 322.0];
        let mean = values.iter().sum::<f64>() / 6.0;
        let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 6.0;
        assert_eq!((found.count, found.min, found.max), (6, 112.0, 322.0));
        assert!((found.mean - mean).abs() < 1e-9 && (found.deviation - squares.sqrt()).abs() < 1e-9);
        assert_eq!(outline.area_mm2(), 20.0);
    }

    #[test]
    fn a_region_in_a_slab_has_the_values_of_its_picture() {
        let outline = Outline::Rectangle { low: DVec2::new(-1.0, -1.0), high: DVec2::new(3.0, 2.0) };
        let mean = |projection| {
            let slab = Slab { thickness_mm: 8.0, projection };
            outline.statistics(&ramp(), DVec3::new(6.0, 6.0, 8.0), AXIAL, slab).unwrap().mean
        };
        // Slices 1 to 3, each one more than the one before.
        let [most, least, middle] = [Projection::Mip, Projection::MinIp, Projection::Mean].map(mean);
        assert!(
            (most - middle - 1.0).abs() < 1e-9 && (middle - least - 1.0).abs() < 1e-9,
            "{least} {middle} {most}"
        );
    }

    #[test]
    fn an_oblique_region_has_the_mean_of_its_middle() {
        // Of values linear in space the mean over a symmetric region is that of its middle.
        let right = DVec3::new(0.6, 0.0, 0.8);
        let origin_mm = DVec3::new(7.0, 10.0, 8.0);
        let outline = Outline::Ellipse { low: DVec2::new(-3.0, -4.0), high: DVec2::new(3.0, 4.0) };
        let found = outline.statistics(&ramp(), origin_mm, (right, DVec3::Y), SLICE).unwrap();
        let middle = value_at(&ramp(), origin_mm, Interpolation::Linear).unwrap();
        assert!((found.mean - middle).abs() < 1e-6, "{} {middle}", found.mean);
        assert!((outline.area_mm2() - std::f64::consts::PI * 12.0).abs() < 1e-9);
    }

    #[test]
    fn lines_hold_what_is_within() {
        let triangle = Outline::Polygon(vec![DVec2::ZERO, DVec2::new(4.0, 0.0), DVec2::new(0.0, 4.0)]);
        assert!(triangle.holds(DVec2::ONE) && !triangle.holds(DVec2::splat(2.5)));
        assert_eq!(triangle.area_mm2(), 8.0);
        assert!(!Outline::Ellipse { low: DVec2::ZERO, high: DVec2::ZERO }.holds(DVec2::ZERO));
    }

    #[test]
    fn a_region_beside_the_volume_has_no_values() {
        let outline = Outline::Rectangle { low: DVec2::ZERO, high: DVec2::ONE };
        assert_eq!(outline.statistics(&ramp(), DVec3::splat(-100.0), (DVec3::X, DVec3::Z), SLICE), None);
    }
}
