//! How a kernel gets a value at a place.

use crate::{Error, Interpolation, Layer, Result, SliceTable, ValueMapping, Volume};

/// A fraction below this, or above one minus this, counts as 0 or 1: rounding must not make a position on a voxel
/// centre touch the neighbours. At most 0.03 of a step of 1000.
pub const SNAP: f32 = 1.0 / 32768.0;

/// How a kernel gets a modality value at a lattice position.
///
/// The rules, which every backend and the reference follow:
/// 1. A position is an integer voxel and a fraction in 0..1 for each axis, after [`SNAP`].
/// 2. On an axis of n voxels, positions from -0.5 to below n - 0.5 are inside; in the outer half voxel the outermost
///    voxel's value holds (the fraction becomes 0). Elsewhere there is no sample.
/// 3. In an interval with missing slices there is no sample, except on its two slices.
/// 4. If a voxel with non-zero weight is padding, there is no sample. (Cubic: linear takes over where any of its voxels
///    lies outside, is padding or lies across missing slices.)
/// 5. `a + f * (b - a)` along i, then j, then k, on stored values; then `value * slope + intercept`. Nearest: the next
///    voxel where the fraction is at least 0.5.
/// 6. Cubic, from the voxels a, b, c, d at -1, 0, 1, 2 of an axis: with `g = (f - 1) * (f - 1) * f`,
///    `h = f * f * (f - 1)` and `s = f * f * (3 - 2 * f)`, the value is
///    `((-g * r * a + (1 - s - h * q) * b) + (s + g * r) * c) + h * q * d`. r and q are 0.5 (Catmull-Rom); along k of an
///    uneven grid the middle interval divided by the sum of itself and the one before (r) or after it (q), so that
///    what is linear in mm stays linear.
#[derive(Clone, Debug)]
pub struct SamplingPlan {
    /// The number of voxels along i, j and k.
    pub size: [i32; 3],
    /// Modality units per stored unit.
    pub slope: f32,
    /// The modality value of a stored zero.
    pub intercept: f32,
    /// Stored values from `.0` to `.1`, both included, are padding.
    pub padding: Option<(f32, f32)>,
    /// How values between voxel centres are found.
    pub interpolation: Interpolation,
    /// The slices of an uneven grid.
    pub slices: Option<SliceRows>,
}

impl SamplingPlan {
    /// # Errors
    /// Unsupported, if the values' mapping is none for kernels: its slope would be 0 or without an end.
    pub(super) fn new(layer: &Layer, volume: &Volume) -> Result<Self> {
        let [k, j, i] = volume.grid().shape();
        let ValueMapping { slope, intercept, .. } = *volume.mapping();
        // GPUs may take numbers that are smaller than normal ones for 0.
        if !((slope as f32).is_normal() && (intercept as f32).is_finite()) {
            let feature = format!("rendering values of {slope} x what is stored + {intercept}");
            return Err(Error::Unsupported { feature });
        }
        Ok(Self {
            size: [i as i32, j as i32, k as i32],
            slope: slope as f32,
            intercept: intercept as f32,
            padding: volume.padding().map(|p| (p.lowest as f32, p.highest as f32)),
            interpolation: layer.interpolation,
            slices: volume.grid().slices().map(SliceRows::new),
        })
    }
}

/// A slice of an uneven grid and the interval after it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct SliceRow {
    /// Position along the normal in mm from the first slice: positions of a table may be far from 0, where f32 is
    /// coarse.
    pub z_mm: f32,
    /// Width of the interval after it in mm; negative if slices are missing in it. The last row repeats the last
    /// interval's width, not missing.
    pub gap_mm: f32,
}

/// The slices of an uneven grid, for kernels.
#[derive(Clone, Debug)]
pub struct SliceRows {
    /// One row a slice.
    pub rows: Vec<SliceRow>,
    /// For evenly spaced bins from the first slice to the last, four for each row, the interval that holds the start of the
    /// bin.
    pub bins: Vec<u32>,
    /// Bins per mm.
    pub bins_per_mm: f32,
}

impl SliceRows {
    fn new(table: &SliceTable) -> Self {
        let z = table.z_mm();
        let last = z.len() - 1;
        let row = |k: usize| {
            let gap = table.gap_mm(k) as f32;
            let missing = table.missing_after().get(k).copied().unwrap_or(false);
            SliceRow { z_mm: (z[k] - z[0]) as f32, gap_mm: if missing { -gap } else { gap } }
        };
        let count = 4 * z.len();
        let bin_mm = (z[last] - z[0]) / count as f64;
        Self {
            rows: (0..z.len()).map(row).collect(),
            bins: (0..count).map(|bin| table.interval(z[0] + bin as f64 * bin_mm) as u32).collect(),
            bins_per_mm: (1.0 / bin_mm) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use glam::DAffine3;
    use ndarray::Array3;

    use super::*;
    use crate::plan::Plan;
    use crate::{
        Appearance, Facts, Grid, Modality, Output, Planes, Projection, Request, Samples, Scene, StandardView,
        Unit, View, Voi, Window,
    };

    #[test]
    fn mappings_that_are_none_in_32_bits_are_refused() {
        for (slope, intercept, is_usable) in [
            (1.0, 0.0, true),
            (-2e-38, 3e38, true),
            (1e-39, 0.0, false),
            (1e-60, 0.0, false),
            (1e39, 0.0, false),
            (1.0, -1e39, false),
        ] {
            let grid = Grid::even([2, 2, 2], DAffine3::IDENTITY).unwrap();
            let mapping = ValueMapping { slope, intercept, unit: Unit::Arbitrary };
            let samples = Samples::U8(Array3::zeros((2, 2, 2)));
            let volume = Volume::new(grid, samples, mapping, None, Facts::new(Modality::Ct)).unwrap();
            let plane = StandardView::Axial.plane(volume.grid(), Planes::Patient, volume.center_mm(), 1.0);
            let camera = StandardView::Axial.camera(volume.grid(), 1.0);
            for view in [View::Slice { plane }, View::Projection { camera, projection: Projection::Mip }] {
                let voi = Voi::Window(Window::spanning(0.0, 1.0).unwrap());
                let scene = Scene::of_primary(view, Appearance::Grey { voi, invert: false, colors: None });
                let plan = Plan::new(&Request::new(scene, [2, 2], Output::Grey8), &volume);
                match plan {
                    Ok(_) => assert!(is_usable, "{slope} {intercept}"),
                    Err(error) => {
                        assert!(!is_usable && matches!(error, Error::Unsupported { .. }), "{slope}: {error}");
                    }
                }
            }
        }
    }
}
