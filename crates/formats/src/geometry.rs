//! Axes and positions in LPS millimetres.

use glam::{DAffine3, DMat3, DVec3};

use crate::Error;

/// Right, anterior, superior to left, posterior, superior, and back.
pub(crate) const LPS_FROM_RAS: DVec3 = DVec3::new(-1.0, -1.0, 1.0);

/// Distances between voxels in mm that any scanner or microscope has; others are garbage.
const SPACING_MM: std::ops::RangeInclusive<f64> = 1e-7..=1e6;

/// Positions in mm beyond this are garbage.
const FARTHEST_MM: f64 = 1e7;

/// An affine whose output is scaled by axis.
pub(crate) fn scaled(scale: DVec3, affine: DAffine3) -> DAffine3 {
    let matrix = DMat3::from_diagonal(scale) * affine.matrix3;
    DAffine3 { matrix3: matrix, translation: scale * affine.translation }
}

/// Fails for axes and positions that no picture can have.
pub(crate) fn check(patient_from_index: &DAffine3) -> Result<(), Error> {
    if !patient_from_index.is_finite() {
        return Err(Error::geometry("the axes or the position are not finite"));
    }
    let m = patient_from_index.matrix3;
    for axis in [m.x_axis, m.y_axis, m.z_axis] {
        if !SPACING_MM.contains(&axis.length()) {
            return Err(Error::geometry(format!("voxels {} mm apart", axis.length())));
        }
    }
    if patient_from_index.translation.abs().max_element() > FARTHEST_MM {
        return Err(Error::geometry("the first voxel is farther than 10 km from the origin"));
    }
    Ok(())
}

/// The largest distance in mm between where two affines put the corners of a volume of `shape` `[k, j, i]`.
pub(crate) fn disagreement_mm(a: &DAffine3, b: &DAffine3, shape: [usize; 3]) -> f64 {
    let last = DVec3::new(shape[2] as f64, shape[1] as f64, shape[0] as f64) - DVec3::ONE;
    let corner = |n: usize| {
        let pick = |bit: usize, size: f64| if n & bit == 0 { 0.0 } else { size };
        DVec3::new(pick(1, last.x), pick(2, last.y), pick(4, last.z))
    };
    let apart = |n| (a.transform_point3(corner(n)) - b.transform_point3(corner(n))).length();
    (0..8).map(apart).fold(0.0, f64::max)
}
