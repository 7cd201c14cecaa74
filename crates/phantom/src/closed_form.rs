//! Phantoms whose value at every point of the patient is a formula.
//!
//! Each is a function of LPS millimetres and is sampled at the voxel centres of any [`Grid`]: tilted, anisotropic or
//! uneven.

use anatome_core::{Facts, Grid, Modality, Padding, Result, Samples, Unit, ValueMapping, Volume};
use glam::DVec3;
use ndarray::Array3;

/// A phantom known by formula.
pub trait ClosedForm {
    /// The modality value at an LPS position in mm.
    fn value_at(&self, patient_mm: DVec3) -> f64;

    /// The type in which samples are stored.
    fn storage(&self) -> Storage {
        Storage::I16
    }

    /// Samples the phantom at the voxel centres of `grid`, as a CT in HU without padding.
    ///
    /// # Errors
    /// Malformed, if the formula is not finite somewhere on the grid.
    fn volume(&self, grid: &Grid) -> Result<Volume> {
        let at = |(k, j, i): (usize, usize, usize)| {
            self.value_at(grid.patient_from_index(DVec3::new(i as f64, j as f64, k as f64)))
        };
        let [slices, rows, columns] = grid.shape();
        let shape = (slices, rows, columns);
        let samples = match self.storage() {
            Storage::I16 => Samples::I16(Array3::from_shape_fn(shape, |voxel| at(voxel).round() as i16)),
            Storage::F32 => Samples::F32(Array3::from_shape_fn(shape, |voxel| at(voxel) as f32)),
        };
        let none: Option<Padding> = None;
        let mapping = ValueMapping::identity(Unit::Hounsfield);
        Volume::new(grid.clone(), samples, mapping, none, Facts::new(Modality::Ct))
    }
}

/// The type in which a phantom's samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// 16 bits, signed; values are rounded.
    I16,
    /// 32-bit floating point.
    F32,
}

/// A linear ramp in patient space, f32: trilinear interpolation gives it back exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// Change in HU per mm along x, y and z.
    pub gradient_per_mm: DVec3,
    /// HU at the origin of patient space.
    pub offset: f64,
}

impl ClosedForm for Ramp {
    fn value_at(&self, patient_mm: DVec3) -> f64 {
        self.gradient_per_mm.dot(patient_mm) + self.offset
    }

    fn storage(&self) -> Storage {
        Storage::F32
    }
}

/// A ball with a sharp edge; its surface belongs to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sphere {
    /// LPS position of the centre in mm.
    pub center_mm: DVec3,
    /// Radius in mm.
    pub radius_mm: f64,
    /// HU inside; a whole number in the range of i16.
    pub inside: f64,
    /// HU outside; a whole number in the range of i16.
    pub outside: f64,
}

impl ClosedForm for Sphere {
    fn value_at(&self, patient_mm: DVec3) -> f64 {
        let within = patient_mm.distance_squared(self.center_mm) <= self.radius_mm * self.radius_mm;
        if within { self.inside } else { self.outside }
    }
}

/// Boxes of two alternating values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Checkerboard {
    /// LPS position in mm of a corner where eight boxes meet.
    pub corner_mm: DVec3,
    /// Size of a box in mm along x, y and z.
    pub cell_mm: DVec3,
    /// HU of the box that starts at the corner and goes towards +x, +y, +z.
    pub even: f64,
    /// HU of its neighbours.
    pub odd: f64,
}

impl ClosedForm for Checkerboard {
    fn value_at(&self, patient_mm: DVec3) -> f64 {
        let cell = ((patient_mm - self.corner_mm) / self.cell_mm).floor();
        let even = cell.element_sum().rem_euclid(2.0) < 0.5;
        if even { self.even } else { self.odd }
    }
}

/// Slices that carry their own number: 1000 + k, linear between slices.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberedSlices {
    /// The grid whose slices are numbered.
    pub grid: Grid,
}

impl NumberedSlices {
    /// HU of slice 0.
    pub const FIRST: f64 = 1000.0;
}

impl ClosedForm for NumberedSlices {
    fn value_at(&self, patient_mm: DVec3) -> f64 {
        Self::FIRST + self.grid.index_from_patient(patient_mm).z
    }
}

/// One marker of [`OrientationMarkers`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Marker {
    /// The letter of its side of the patient: R, L, A, P, H or F.
    pub letter: char,
    /// LPS position of its centre in mm.
    pub center_mm: DVec3,
    /// Half its size in mm along x, y and z.
    pub half_mm: DVec3,
    /// HU inside.
    pub value: f64,
}

impl Marker {
    fn contains(&self, patient_mm: DVec3) -> bool {
        (patient_mm - self.center_mm).abs().cmple(self.half_mm).all()
    }
}

/// Six boxes of different value and size at the patient's right, left, front, back, head and feet, in a uniform
/// ground: no flip, turn or swap of axes leaves it as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrientationMarkers {
    markers: [Marker; 6],
}

impl OrientationMarkers {
    /// HU between the markers.
    pub const GROUND: f64 = -500.0;

    /// Markers that fill a box of half size `half_mm` around `center_mm`.
    #[must_use]
    pub fn new(center_mm: DVec3, half_mm: DVec3) -> Self {
        let sides = [
            ('R', DVec3::NEG_X, 100.0, 0.10),
            ('L', DVec3::X, 200.0, 0.14),
            ('A', DVec3::NEG_Y, 300.0, 0.18),
            ('P', DVec3::Y, 400.0, 0.12),
            ('H', DVec3::Z, 500.0, 0.16),
            ('F', DVec3::NEG_Z, 600.0, 0.20),
        ];
        let markers = sides.map(|(letter, side, value, size)| Marker {
            letter,
            center_mm: center_mm + side * half_mm * 0.7,
            half_mm: half_mm * size,
            value,
        });
        Self { markers }
    }

    /// Markers that fill most of `grid`, in patient space however the grid is turned.
    #[must_use]
    pub fn within(grid: &Grid) -> Self {
        let corners = grid.corners_mm();
        let low = corners.iter().fold(DVec3::INFINITY, |low, corner| low.min(*corner));
        let high = corners.iter().fold(DVec3::NEG_INFINITY, |high, corner| high.max(*corner));
        Self::new((low + high) * 0.5, (high - low) * 0.5)
    }

    /// The markers in the order R, L, A, P, H, F.
    #[must_use]
    pub const fn markers(&self) -> &[Marker; 6] {
        &self.markers
    }
}

impl ClosedForm for OrientationMarkers {
    fn value_at(&self, patient_mm: DVec3) -> f64 {
        self.markers
            .iter()
            .find(|marker| marker.contains(patient_mm))
            .map_or(Self::GROUND, |marker| marker.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anatome_core::SliceTable;
    use glam::{DAffine3, DMat3};

    fn tilted_uneven() -> Grid {
        let turn = DMat3::from_rotation_x(0.35) * DMat3::from_rotation_z(0.2);
        let scaled = DMat3::from_cols(turn.x_axis * 0.8, turn.y_axis * 1.3, DVec3::new(0.1, 0.2, 1.0));
        let table = SliceTable::new(vec![-9.0, -5.0, -4.0, 3.0, 10.0], vec![false; 4]).unwrap();
        Grid::uneven([5, 12, 10], DAffine3::from_mat3_translation(scaled, DVec3::new(-4.0, -7.0, 2.0)), table)
            .unwrap()
    }

    #[test]
    fn samples_are_the_formula_at_voxel_centres() {
        let grid = tilted_uneven();
        let ramp = Ramp { gradient_per_mm: DVec3::new(3.0, -2.0, 7.5), offset: 12.0 };
        let volume = ramp.volume(&grid).unwrap();
        for index in [[0, 0, 0], [4, 11, 9], [2, 5, 7], [3, 0, 9]] {
            let [k, j, i] = index.map(|n| n as f64);
            let p = grid.patient_from_index(DVec3::new(i, j, k));
            let expected = 3.0 * p.x - 2.0 * p.y + 7.5 * p.z + 12.0;
            assert!((volume.modality_value(index).unwrap() - expected).abs() < 1e-4);
        }
    }

    #[test]
    fn slices_carry_their_number_on_an_uneven_grid() {
        let grid = tilted_uneven();
        let volume = NumberedSlices { grid: grid.clone() }.volume(&grid).unwrap();
        for k in 0..5 {
            assert_eq!(volume.modality_value([k, 3, 4]), Some(1000.0 + k as f64));
        }
    }

    #[test]
    fn the_sphere_holds_its_volume() {
        let grid = Grid::even([60, 60, 60], DAffine3::from_scale(DVec3::splat(0.5))).unwrap();
        let sphere =
            Sphere { center_mm: DVec3::splat(14.75), radius_mm: 12.0, inside: 100.0, outside: -50.0 };
        let volume = sphere.volume(&grid).unwrap();
        let Samples::I16(samples) = volume.samples() else { panic!("spheres are i16") };
        let count = samples.iter().filter(|v| **v == 100).count() as f64;
        let expected = 4.0 / 3.0 * std::f64::consts::PI * 24.0_f64.powi(3);
        assert!((count / expected - 1.0).abs() < 0.003, "{count} voxels, expected {expected}");
        assert_eq!(samples.iter().filter(|v| **v == -50).count(), 60 * 60 * 60 - count as usize);
    }

    #[test]
    fn the_checkerboard_alternates_along_each_axis() {
        let board =
            Checkerboard { corner_mm: DVec3::ZERO, cell_mm: DVec3::new(2.0, 3.0, 4.0), even: 1.0, odd: 0.0 };
        let centre = DVec3::new(1.0, 1.5, 2.0);
        assert_eq!(board.value_at(centre), 1.0);
        for step in [DVec3::new(2.0, 0.0, 0.0), DVec3::new(0.0, -3.0, 0.0), DVec3::new(0.0, 0.0, 4.0)] {
            assert_eq!(board.value_at(centre + step), 0.0);
            assert_eq!(board.value_at(centre + 2.0 * step), 1.0);
        }
    }

    #[test]
    fn each_marker_is_on_its_side_and_no_flip_keeps_the_phantom() {
        let half = DVec3::new(40.0, 30.0, 20.0);
        let phantom = OrientationMarkers::new(DVec3::ZERO, half);
        let at = |x: f64, y: f64, z: f64| phantom.value_at(DVec3::new(x, y, z) * half);
        assert_eq!([at(-0.7, 0.0, 0.0), at(0.7, 0.0, 0.0)], [100.0, 200.0], "right is -x, left is +x");
        assert_eq!([at(0.0, -0.7, 0.0), at(0.0, 0.7, 0.0)], [300.0, 400.0], "front is -y, back is +y");
        assert_eq!([at(0.0, 0.0, 0.7), at(0.0, 0.0, -0.7)], [500.0, 600.0], "head is +z, feet are -z");
        assert_eq!(at(0.0, 0.0, 0.0), OrientationMarkers::GROUND);
    }
}
