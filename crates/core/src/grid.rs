//! Where samples stand in the patient.

use glam::{DAffine3, DMat3, DVec3};
use serde::{Deserialize, Serialize};

use crate::{GeometryFault, Result, SliceTable};

/// A grid of sample positions: evenly spaced, sheared (gantry tilt) or with uneven slices.
///
/// Three spaces:
/// - *index* (i, j, k): continuous voxel index, integers at voxel centres;
/// - *lattice* (i, j, z): as index, but on an uneven grid z is the position in mm along the slice normal; on an even
///   grid z is k;
/// - *patient*: LPS millimetres. Lattice to patient is affine, its axes need not be orthogonal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    shape: [usize; 3],
    patient_from_lattice: DAffine3,
    slices: Option<SliceTable>,
}

impl Grid {
    /// An even grid of `shape` `[k, j, i]` voxels whose index (i, j, k) maps to LPS millimetres by
    /// `patient_from_index`.
    ///
    /// # Errors
    /// Geometry, if the shape is empty or the affine can't be inverted.
    pub fn even(shape: [usize; 3], patient_from_index: DAffine3) -> Result<Self> {
        Self::build(shape, patient_from_index, None)
    }

    /// A grid whose slices stand at `slices` along the normal; `patient_from_lattice` maps (i, j, z mm) to LPS mm.
    ///
    /// # Errors
    /// Geometry, if the shape is empty, the affine can't be inverted, or the table has another number of slices.
    pub fn uneven(shape: [usize; 3], patient_from_lattice: DAffine3, slices: SliceTable) -> Result<Self> {
        if slices.z_mm().len() != shape[0] {
            return Err(GeometryFault::SlicePositions { slices: shape[0] }.into());
        }
        Self::build(shape, patient_from_lattice, Some(slices))
    }

    fn build(shape: [usize; 3], patient_from_lattice: DAffine3, slices: Option<SliceTable>) -> Result<Self> {
        let voxels = shape.iter().try_fold(1usize, |n, &s| n.checked_mul(s));
        // The kernels hold indices in i32.
        if voxels.is_none_or(|n| n == 0) || shape.iter().any(|&s| s > 1 << 24) {
            return Err(GeometryFault::Shape(shape).into());
        }
        let m = patient_from_lattice.matrix3;
        let size = m.x_axis.length() * m.y_axis.length() * m.z_axis.length();
        let usable = size.is_finite() && patient_from_lattice.is_finite() && size > 0.0;
        if !usable || m.determinant().abs() < 1e-6 * size {
            return Err(GeometryFault::Singular.into());
        }
        Ok(Self { shape, patient_from_lattice, slices })
    }

    /// The grid of the slices `kept` of this one, in ascending order. Between slices that were no neighbours here
    /// there are no samples.
    ///
    /// # Errors
    /// Geometry, if none is kept, a number is not there, or they are not in ascending order.
    pub fn of_slices(&self, kept: &[usize]) -> Result<Self> {
        let [slices, rows, columns] = self.shape;
        let (Some(&first), Some(&last)) = (kept.first(), kept.last()) else {
            return Err(GeometryFault::Shape([0, rows, columns]).into());
        };
        if last >= slices || kept.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(GeometryFault::SlicePositions { slices }.into());
        }
        let shape = [kept.len(), rows, columns];
        let z = |k: usize| self.slices.as_ref().map_or(k as f64, |table| table.z_mm()[k]);
        let affine = self.patient_from_lattice;
        let first_voxel = affine.transform_point3(DVec3::new(0.0, 0.0, z(first)));
        let DMat3 { x_axis, y_axis, z_axis } = affine.matrix3;
        let with = |z_axis: DVec3| DAffine3 {
            matrix3: DMat3::from_cols(x_axis, y_axis, z_axis),
            translation: first_voxel,
        };
        match &self.slices {
            None if last - first + 1 == kept.len() => return Self::even(shape, with(z_axis)),
            Some(table) if first == last => return Self::even(shape, with(z_axis * table.gap_mm(first))),
            _ => {}
        }
        let unit_mm = if self.slices.is_some() { 1.0 } else { self.spacing_mm().z };
        let z_mm = kept.iter().map(|&k| (z(k) - z(first)) * unit_mm).collect();
        let missing = |k: usize| self.slices.as_ref().is_some_and(|table| table.missing_after()[k]);
        let missing_after = kept.windows(2).map(|pair| pair[1] > pair[0] + 1 || missing(pair[0])).collect();
        Self::uneven(shape, with(z_axis / unit_mm), SliceTable::new(z_mm, missing_after)?)
    }

    /// The number of voxels, `[k, j, i]` (slices, rows, columns).
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The number of voxels along (i, j, k), as f64.
    #[must_use]
    pub fn size_ijk(&self) -> DVec3 {
        DVec3::new(self.shape[2] as f64, self.shape[1] as f64, self.shape[0] as f64)
    }

    /// The table of slice positions of an uneven grid.
    #[must_use]
    pub fn slices(&self) -> Option<&SliceTable> {
        self.slices.as_ref()
    }

    /// The affine from lattice (i, j, z) to LPS millimetres.
    #[must_use]
    pub fn patient_from_lattice(&self) -> DAffine3 {
        self.patient_from_lattice
    }

    /// The inverse of [`Self::patient_from_lattice`].
    #[must_use]
    pub fn lattice_from_patient(&self) -> DAffine3 {
        self.patient_from_lattice.inverse()
    }

    /// The LPS position in mm of a continuous index (i, j, k).
    #[must_use]
    pub fn patient_from_index(&self, index: DVec3) -> DVec3 {
        let z = self.slices.as_ref().map_or(index.z, |table| table.z_from_k(index.z));
        self.patient_from_lattice.transform_point3(DVec3::new(index.x, index.y, z))
    }

    /// The continuous index (i, j, k) of an LPS position in mm.
    #[must_use]
    pub fn index_from_patient(&self, patient_mm: DVec3) -> DVec3 {
        let lattice = self.lattice_from_patient().transform_point3(patient_mm);
        let k = self.slices.as_ref().map_or(lattice.z, |table| table.k_from_z(lattice.z));
        DVec3::new(lattice.x, lattice.y, k)
    }

    /// Unit vector along which the column index i grows (DICOM's row direction, PS3.3 C.7.6.2).
    #[must_use]
    pub fn row_direction(&self) -> DVec3 {
        self.patient_from_lattice.matrix3.x_axis.normalize()
    }

    /// Unit vector along which the row index j grows (DICOM's column direction).
    #[must_use]
    pub fn column_direction(&self) -> DVec3 {
        self.patient_from_lattice.matrix3.y_axis.normalize()
    }

    /// Unit normal of the slices, on the side towards which k grows.
    #[must_use]
    pub fn slice_normal(&self) -> DVec3 {
        let DMat3 { x_axis, y_axis, z_axis } = self.patient_from_lattice.matrix3;
        let normal = x_axis.cross(y_axis).normalize();
        if normal.dot(z_axis) < 0.0 { -normal } else { normal }
    }

    /// Distances in mm between neighbours along i, j and (perpendicular to the slices) k; for uneven slices the median,
    /// so that places with missing slices do not count.
    #[must_use]
    pub fn spacing_mm(&self) -> DVec3 {
        let m = self.patient_from_lattice.matrix3;
        let z = self.slices.as_ref().map_or(1.0, |table| {
            let mut gaps: Vec<f64> = (1..table.z_mm().len()).map(|k| table.gap_mm(k - 1)).collect();
            gaps.sort_by(f64::total_cmp);
            gaps[gaps.len() / 2]
        });
        DVec3::new(m.x_axis.length(), m.y_axis.length(), self.slice_normal().dot(m.z_axis) * z)
    }

    /// The smallest and the largest distance of neighbouring slices in mm; places where slices are missing do not count.
    #[must_use]
    pub fn slice_spacings_mm(&self) -> (f64, f64) {
        let mm = self.spacing_mm().z;
        let Some(table) = &self.slices else { return (mm, mm) };
        let present = table.missing_after().iter().enumerate().filter(|(_, missing)| !**missing);
        let ends = (f64::INFINITY, 0.0_f64);
        let (low, high) = present
            .map(|(k, _)| table.gap_mm(k))
            .fold(ends, |(low, high), gap| (low.min(gap), high.max(gap)));
        if low <= high { (low, high) } else { (mm, mm) }
    }

    /// The smallest distance in mm between neighbouring samples; single-voxel axes do not count unless all are.
    #[must_use]
    pub fn smallest_spacing_mm(&self) -> f64 {
        let mut spacing = self.spacing_mm();
        if let Some(table) = &self.slices {
            spacing.z =
                self.slice_normal().dot(self.patient_from_lattice.matrix3.z_axis) * table.smallest_gap_mm();
        }
        let axes = spacing.to_array().into_iter().zip(self.size_ijk().to_array());
        let counted = axes.clone().filter(|&(_, n)| n > 1.0).map(|(mm, _)| mm).fold(f64::INFINITY, f64::min);
        if counted.is_finite() { counted } else { spacing.min_element() }
    }

    /// The angle in radians between the slices' normal and the line through their origins: 0 without gantry tilt.
    #[must_use]
    pub fn tilt_rad(&self) -> f64 {
        let step = self.patient_from_lattice.matrix3.z_axis.normalize();
        self.slice_normal().dot(step).clamp(-1.0, 1.0).acos()
    }

    /// The extent in lattice coordinates: (low, high) corners, half a voxel beyond the outermost centres.
    #[must_use]
    pub fn lattice_bounds(&self) -> (DVec3, DVec3) {
        let last = self.size_ijk() - DVec3::splat(0.5);
        let (low_z, high_z) = self
            .slices
            .as_ref()
            .map_or((-0.5, last.z), |table| (table.z_from_k(-0.5), table.z_from_k(last.z)));
        (DVec3::new(-0.5, -0.5, low_z), DVec3::new(last.x, last.y, high_z))
    }

    /// The eight corners in LPS millimetres, half a voxel beyond the outermost centres.
    #[must_use]
    pub fn corners_mm(&self) -> [DVec3; 8] {
        let (low, high) = self.lattice_bounds();
        std::array::from_fn(|n| {
            let pick = |bit: usize, a: f64, b: f64| if n & bit == 0 { a } else { b };
            let lattice = DVec3::new(pick(1, low.x, high.x), pick(2, low.y, high.y), pick(4, low.z, high.z));
            self.patient_from_lattice.transform_point3(lattice)
        })
    }

    /// The centre in LPS millimetres.
    #[must_use]
    pub fn center_mm(&self) -> DVec3 {
        let (low, high) = self.lattice_bounds();
        self.patient_from_lattice.transform_point3((low + high) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PS3.3 C.7.6.2.1-1 with a tilt of 20 degrees: slices step 5 mm along z, rows are tilted.
    #[test]
    fn slices_that_are_kept_stay_where_they_are() {
        let sheared = DAffine3::from_cols(DVec3::X, DVec3::Y, DVec3::new(0.0, -0.5, 2.0), DVec3::splat(7.0));
        let table =
            SliceTable::new(vec![0.0, 4.0, 5.0, 12.0, 13.0], vec![false, false, true, false]).unwrap();
        let leaning = DAffine3::from_cols(DVec3::X, DVec3::Y, DVec3::new(0.1, 0.0, 1.0), DVec3::ZERO);
        for grid in
            [Grid::even([5, 3, 2], sheared).unwrap(), Grid::uneven([5, 3, 2], leaning, table).unwrap()]
        {
            for (kept, missing) in [
                (&[0, 2, 4][..], Some(vec![true, true])),
                (&[1, 2][..], grid.slices().map(|_| vec![false])),
                (&[2, 3][..], grid.slices().map(|_| vec![true])),
                (&[3][..], None),
            ] {
                let some = grid.of_slices(kept).unwrap();
                assert_eq!(some.shape(), [kept.len(), 3, 2]);
                for (n, &k) in kept.iter().enumerate() {
                    let [at, was] = [n, k].map(|k| DVec3::new(1.0, 2.0, k as f64));
                    let off = some.patient_from_index(at) - grid.patient_from_index(was);
                    assert!(off.length() < 1e-12, "{kept:?}");
                }
                assert_eq!(some.slices().map(|table| table.missing_after().to_vec()), missing, "{kept:?}");
            }
            for wrong in [&[][..], &[5], &[2, 1], &[1, 1]] {
                assert!(grid.of_slices(wrong).is_err());
            }
        }
    }

    #[test]
    fn gantry_tilt_is_a_shear() {
        let tilt = 20f64.to_radians();
        let column = DVec3::new(0.0, tilt.cos(), -tilt.sin());
        let matrix = DMat3::from_cols(DVec3::X, column, DVec3::new(0.0, 0.0, 5.0));
        let grid = Grid::even([10, 64, 64], DAffine3 { matrix3: matrix, translation: DVec3::ZERO }).unwrap();
        assert!((grid.spacing_mm().z - 4.69846).abs() < 5e-6);
        assert!((grid.tilt_rad() - tilt).abs() < 1e-12);
        let in_plane_shear = matrix.z_axis.dot(column);
        assert!((in_plane_shear + 1.71010).abs() < 5e-6);
        let p = grid.patient_from_index(DVec3::new(3.0, 7.0, 2.0));
        assert!((grid.index_from_patient(p) - DVec3::new(3.0, 7.0, 2.0)).length() < 1e-12);
    }

    #[test]
    fn missing_slices_are_no_distance() {
        let table = |missing| SliceTable::new(vec![0.0, 4.0, 5.0, 25.0], missing).unwrap();
        let spacings = |missing| {
            Grid::uneven([4, 3, 2], DAffine3::IDENTITY, table(missing)).unwrap().slice_spacings_mm()
        };
        assert_eq!(spacings(vec![false, false, true]), (1.0, 4.0));
        assert_eq!(spacings(vec![false; 3]), (1.0, 20.0));
        let even = Grid::even([5, 3, 2], DAffine3::from_scale(DVec3::new(1.0, 1.0, 2.5))).unwrap();
        assert_eq!(even.slice_spacings_mm(), (2.5, 2.5));
    }

    #[test]
    fn an_uneven_grid_inverts() {
        let table = SliceTable::new(vec![0.0, 4.0, 5.08, 12.08], vec![false; 3]).unwrap();
        let grid = Grid::uneven([4, 3, 2], DAffine3::from_scale(DVec3::new(0.5, 0.7, 1.0)), table).unwrap();
        for k in [-0.4, 0.0, 0.5, 1.25, 2.9, 3.3] {
            let index = DVec3::new(0.3, 1.1, k);
            assert!((grid.index_from_patient(grid.patient_from_index(index)) - index).length() < 1e-12);
        }
        assert!((grid.smallest_spacing_mm() - 0.5).abs() < 1e-12);
        assert_eq!(grid.lattice_bounds().0.z, -2.0);
        assert_eq!(grid.lattice_bounds().1.z, 15.58);
    }

    #[test]
    fn degenerate_grids_are_refused() {
        let flat = DMat3::from_cols(DVec3::X, DVec3::X, DVec3::Z);
        assert!(Grid::even([2, 2, 2], DAffine3 { matrix3: flat, translation: DVec3::ZERO }).is_err());
        assert!(Grid::even([0, 2, 2], DAffine3::IDENTITY).is_err());
        assert!(Grid::even([2, 2, 2], DAffine3::from_scale(DVec3::new(1.0, f64::NAN, 1.0))).is_err());
        assert!(Grid::even([2, usize::MAX, 2], DAffine3::IDENTITY).is_err());
    }
}
