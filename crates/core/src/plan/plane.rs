//! Slices and slabs.

use glam::DVec3;

use super::{DisplayPlan, SamplingPlan};
use crate::{
    Error, Layer, PixelRect, PlaneGeometry, Projection, Request, Result, SceneFault, SlicePlane, SliceTable,
    View, Volume,
};

/// The side in pixels of the square tiles whose first pixel's position is computed in f64. Tiles are counted from the
/// top left of the whole picture, so that a part of a picture equals the same part of the whole.
pub const TILE_PX: u32 = 16;

/// The most samples along a slab's normal.
const MAX_STEPS: u32 = 1 << 16;

/// Slices and slabs: sample positions on a plane.
///
/// The lattice position of sample `s` of the pixel (x, y), relative to its tile's origin, with lx = x mod
/// [`TILE_PX`] and ly likewise, is for each axis `((fraction + lx * per_x) + ly * per_y) + s * per_step`. Its floor is
/// added to the origin's voxel. On an uneven grid the third axis is in mm from the origin's slice, and the slice is
/// found by walking over the intervals, subtracting their widths.
///
/// A pixel without any sample shows the background; if one of its positions lies inside the volume in an interval with
/// missing slices, it is hatched (see [`DisplayPlan::HATCH`]).
#[derive(Clone, Debug)]
pub struct PlanePlan {
    /// How values are found.
    pub sampling: SamplingPlan,
    /// How values are shown.
    pub display: DisplayPlan,
    /// The pixels to compute.
    pub rect: PixelRect,
    /// Lattice step from a pixel to its right neighbour.
    pub per_x: [f32; 3],
    /// Lattice step from a pixel to the one below.
    pub per_y: [f32; 3],
    /// Lattice step from a sample of a slab to the next.
    pub per_step: [f32; 3],
    /// The number of samples along the normal; 1 for a slice.
    pub steps: u32,
    /// How they become one value. Mean: the trapezoidal rule over neighbours that are both samples; the plain mean if
    /// there are no such neighbours.
    pub projection: Projection,
    /// Where the pixels of `rect` stand.
    pub geometry: PlaneGeometry,
    first: DVec3,
    per_pixel: (DVec3, DVec3),
    slices: Option<SliceTable>,
}

/// The position of a tile's first pixel (of sample 0): an integer voxel and the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct TileOrigin {
    /// Voxel along i, j and k.
    pub voxel: [i32; 3],
    /// The rest along i, j and k, 0 to 1; on an uneven grid the third is in mm.
    pub fraction: [f32; 3],
}

impl PlanePlan {
    pub(super) fn new(request: &Request, volume: &Volume) -> Result<Self> {
        let layer = request.scene.layers.first().ok_or(SceneFault::NoLayers)?;
        let (plane, thickness_mm, projection) = match &request.scene.view {
            View::Slice { plane } => (plane, 0.0, Projection::Mip),
            View::Slab { plane, thickness_mm, projection } => (plane, *thickness_mm, *projection),
            other => return Err(SceneFault::Appearance { view: other.kind(), needed: "plane" }.into()),
        };
        let needed = SceneFault::Appearance { view: request.scene.view.kind(), needed: "grey" };
        let display = DisplayPlan::new(&request.scene, layer).ok_or(needed)?;
        let steps = slab_steps(thickness_mm, volume)?;
        let pixel_mm = plane.width_mm / f64::from(request.size_px[0]);
        let step_mm = if steps > 1 { thickness_mm / f64::from(steps - 1) } else { 0.0 };
        let first_mm = first_pixel(plane, request.size_px, pixel_mm);

        let lattice = lattice_from_scene(layer, volume);
        let per_x = lattice.transform_vector3(plane.right * pixel_mm);
        let per_y = lattice.transform_vector3(plane.down * pixel_mm);
        let per_step = lattice.transform_vector3(plane.normal() * step_mm);
        let rect = request.rect();
        let shift = plane.right * f64::from(rect.x) + plane.down * f64::from(rect.y);
        Ok(Self {
            sampling: SamplingPlan::new(layer, volume)?,
            display,
            rect,
            per_x: per_x.as_vec3().to_array(),
            per_y: per_y.as_vec3().to_array(),
            per_step: per_step.as_vec3().to_array(),
            steps,
            projection,
            geometry: PlaneGeometry {
                first_pixel_mm: first_mm + shift * pixel_mm,
                right: plane.right,
                down: plane.down,
                pixel_mm,
            },
            first: lattice.transform_point3(first_mm - plane.normal() * (thickness_mm / 2.0)),
            per_pixel: (per_x, per_y),
            slices: volume.grid().slices().cloned(),
        })
    }

    /// The origin of the tile in column `tile_x` and row `tile_y` of the whole picture.
    #[must_use]
    pub fn tile(&self, tile_x: u32, tile_y: u32) -> TileOrigin {
        let (x, y) = (f64::from(tile_x * TILE_PX), f64::from(tile_y * TILE_PX));
        let p = self.first + self.per_pixel.0 * x + self.per_pixel.1 * y;
        let mut voxel = p.floor().to_array();
        if let Some(table) = &self.slices {
            voxel[2] = table.interval(p.z) as f64;
        }
        // Far outside nothing is sampled; the bound keeps the kernels' integer sums from overflowing.
        let voxel = voxel.map(|v| v.clamp(-1e8, 1e8) as i32);
        let start = self.slices.as_ref().map_or(f64::from(voxel[2]), |table| table.z_mm()[voxel[2] as usize]);
        let rest = p - DVec3::new(f64::from(voxel[0]), f64::from(voxel[1]), start);
        TileOrigin { voxel, fraction: rest.as_vec3().to_array() }
    }

    /// The exact lattice position of a sample of a pixel of the whole picture, for references and tests.
    #[must_use]
    pub fn lattice_position(&self, x: u32, y: u32, step: u32, per_step: DVec3) -> DVec3 {
        self.first
            + self.per_pixel.0 * f64::from(x)
            + self.per_pixel.1 * f64::from(y)
            + per_step * f64::from(step)
    }
}

/// From the scene's space to lattice (i, j, z).
pub(super) fn lattice_from_scene(layer: &Layer, volume: &Volume) -> glam::DAffine3 {
    let lattice = volume.grid().lattice_from_patient();
    layer.scene_from_patient.map_or(lattice, |placed| lattice * placed.inverse())
}

fn first_pixel(plane: &SlicePlane, [width, height]: [u32; 2], pixel_mm: f64) -> DVec3 {
    let half = |n: u32| (f64::from(n) - 1.0) / 2.0 * pixel_mm;
    plane.center_mm - plane.right * half(width) - plane.down * half(height)
}

/// The number of samples of a slab: at most half the smallest spacing apart, both faces included.
fn slab_steps(thickness_mm: f64, volume: &Volume) -> Result<u32> {
    // A quotient that is whole but for its rounding is not rounded up.
    let intervals = (thickness_mm / (volume.grid().smallest_spacing_mm() / 2.0) - 1e-9).ceil().max(0.0);
    if intervals >= f64::from(MAX_STEPS) {
        let needed = intervals as u64 + 1;
        return Err(Error::Limits { what: "the slab's samples", needed, allowed: u64::from(MAX_STEPS) });
    }
    Ok(intervals as u32 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::*;
    use glam::{DAffine3, DMat3};
    use ndarray::Array3;

    fn plan(table: Option<SliceTable>) -> PlanePlan {
        let matrix3 = DMat3::from_rotation_y(0.3) * DMat3::from_diagonal(DVec3::new(0.7, 0.8, 1.0));
        let affine = DAffine3 { matrix3, translation: DVec3::new(-30.0, 40.0, 100.0) };
        let grid = match table {
            Some(table) => Grid::uneven([4, 50, 60], affine, table),
            None => Grid::even([4, 50, 60], affine),
        };
        let samples = Samples::I16(Array3::zeros((4, 50, 60)));
        let mapping = ValueMapping::identity(Unit::Hounsfield);
        let volume = Volume::new(grid.unwrap(), samples, mapping, None, Facts::new(Modality::Ct)).unwrap();
        let plane = StandardView::Coronal.plane(volume.grid(), Planes::Patient, volume.center_mm(), 1.5);
        let view = View::Slab { plane, thickness_mm: 7.0, projection: Projection::Mip };
        let voi = Voi::Window(Window::new(40.0, 400.0, WindowFunction::Linear).unwrap());
        let appearance = Appearance::Grey { voi, invert: false, colors: None };
        let request = Request::new(Scene::of_primary(view, appearance), [300, 200], Output::Grey8);
        PlanePlan::new(&request, &volume).unwrap()
    }

    /// Voxel plus f32 fraction is within 2e-6 of the f64 position anywhere in a tile.
    #[test]
    fn split_positions_are_exact_in_every_tile() {
        for table in [None, Some(SliceTable::new(vec![0.0, 4.0, 5.08, 12.08], vec![false; 3]).unwrap())] {
            let plan = plan(table.clone());
            for (x, y) in [(0, 0), (17, 33), (299, 199), (160, 5)] {
                let tile = plan.tile(x / TILE_PX, y / TILE_PX);
                let (lx, ly) = ((x % TILE_PX) as f32, (y % TILE_PX) as f32);
                let exact = plan.lattice_position(x, y, 0, DVec3::ZERO).to_array();
                for (axis, exact) in exact.into_iter().enumerate() {
                    let rest = tile.fraction[axis] + lx * plan.per_x[axis] + ly * plan.per_y[axis];
                    let start = match &table {
                        Some(table) if axis == 2 => table.z_mm()[tile.voxel[2] as usize],
                        _ => f64::from(tile.voxel[axis]),
                    };
                    assert!((start + f64::from(rest) - exact).abs() < 2e-6, "{x} {y} {axis}");
                }
            }
        }
    }

    #[test]
    fn slabs_have_both_faces_and_half_spacing_steps() {
        let plan = plan(None);
        // 7 mm in steps of at most 0.35 mm: 20 intervals.
        assert_eq!(plan.steps, 21);
    }
}
