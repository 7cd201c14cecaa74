//! The demo study: a thorax that is computed, not scanned.

mod abdomen;
mod anatomy;
mod block;
mod heart;
mod lungs;
mod noise;
mod pet;
mod shapes;
mod skeleton;
mod spine;
mod tree;
mod vessels;
mod wall;

use anatome_core::{
    Error, Facts, GeometryFault, Grid, Modality, Padding, Progress, Result, Samples, Unit, ValueMapping,
    Volume,
};
use anatomy::Anatomy;
use block::{Block, Channel, SIDE};
use glam::{DAffine3, DMat3, DVec3, Vec3};
use ndarray::Array3;
use noise::Grain;
use rayon::prelude::*;

/// Extent of the CT in mm, x, y and z, whatever the number of voxels.
const FIELD_MM: DVec3 = DVec3::new(384.0, 384.0, 320.0);
/// The centre of the CT in patient mm; the body reaches a little farther forward than back.
const CENTRE_MM: DVec3 = DVec3::new(0.0, 16.0, 0.0);
/// The largest CT that is made: 2 GiB of samples.
const MOST_VOXELS: u64 = 1 << 30;
/// Marks what the scanner did not reconstruct: the corners outside the circular field of view.
const OUTSIDE_HU: i16 = -2000;
/// One frame of reference for CT and PET.
const FRAME_OF_REFERENCE: &str = "2.25.215402377930624512860174206113";

/// What to make: how many voxels, and which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThoraxSpec {
    /// Voxels of the CT, `[k, j, i]`. The field is always 320 x 384 x 384 mm, so fewer voxels are larger.
    pub shape: [usize; 3],
    /// Two equal seeds give equal bytes, on any number of threads.
    pub seed: u64,
}

impl Default for ThoraxSpec {
    fn default() -> Self {
        Self { shape: [400, 512, 512], seed: 1 }
    }
}

/// A grid of `shape` voxels that fills `field_mm` around [`CENTRE_MM`]: i to the left, j to the back, k to the head.
fn grid(shape: [usize; 3], field_mm: DVec3) -> Result<Grid> {
    let count = DVec3::new(shape[2] as f64, shape[1] as f64, shape[0] as f64);
    let spacing = field_mm / count;
    let first = CENTRE_MM - field_mm * 0.5 + spacing * 0.5;
    Grid::even(shape, DAffine3::from_mat3_translation(DMat3::from_diagonal(spacing), first))
}

/// A CT of the thorax in HU (i16), with contrast in the heart and the vessels, arms raised, on a table.
///
/// Outside the circular field of view samples are -2000, declared as padding.
///
/// # Errors
/// Geometry, if the shape is empty; limits, above 2^30 voxels; cancelled.
pub fn thorax_ct(spec: &ThoraxSpec, pool: &rayon::ThreadPool, progress: &Progress) -> Result<Volume> {
    let grid = grid(spec.shape, FIELD_MM)?;
    let voxels = spec.shape.iter().product::<usize>() as u64;
    if voxels > MOST_VOXELS {
        return Err(Error::Limits { what: "voxels of the demo study", needed: voxels, allowed: MOST_VOXELS });
    }
    let samples = pool.install(|| scan(spec, &grid, progress))?;
    let mut facts = Facts::new(Modality::Ct);
    facts.frame_of_reference = Some(FRAME_OF_REFERENCE.to_owned());
    facts.slice_thickness_mm = Some(grid.spacing_mm().z);
    let outside = f64::from(OUTSIDE_HU);
    let padding = Padding { lowest: outside, highest: outside };
    Volume::new(grid, Samples::I16(samples), ValueMapping::identity(Unit::Hounsfield), Some(padding), facts)
}

/// A PET of the same body in the same frame of reference, in Bq/ml (f32): 4 mm voxels over the field of the CT.
///
/// # Errors
/// Geometry, if the shape of the CT is empty; cancelled.
pub fn thorax_pet(spec: &ThoraxSpec, pool: &rayon::ThreadPool, progress: &Progress) -> Result<Volume> {
    pool.install(|| pet::scan(spec, progress))
}

/// Paints a slab of slices `first_k..` of `grid` into `slab`, block by block.
fn paint_slab(anatomy: &Anatomy, grid: &Grid, channel: Channel, first_k: usize, slab: &mut [f32]) {
    let [_, height, width] = grid.shape();
    let depth = slab.len() / (height * width);
    let spacing = grid.spacing_mm();
    // The blur of a soft kernel (sigma of 0.6 voxels) and partial volume: what is sharper shows terraces in 3D.
    let blend_mm = 3.0 * (spacing.x * spacing.y * spacing.z).cbrt() as f32;
    let mut block = Block::new(channel, blend_mm);
    let at = |i: usize, j: usize, k: usize| -> Vec3 {
        grid.patient_from_index(DVec3::new(i as f64, j as f64, (first_k + k) as f64)).as_vec3()
    };
    let (origin, step) = (at(0, 0, 0), spacing.as_vec3());
    for low_j in (0..height).step_by(SIDE) {
        for low_i in (0..width).step_by(SIDE) {
            let (rows, columns) = (low_j..(low_j + SIDE).min(height), low_i..(low_i + SIDE).min(width));
            let voxels = (0..depth).flat_map(|k| {
                let columns = columns.clone();
                rows.clone().flat_map(move |j| columns.clone().map(move |i| (k, j, i)))
            });
            let place =
                |(k, j, i): (usize, usize, usize)| origin + step * Vec3::new(i as f32, j as f32, k as f32);
            block.reset(voxels.clone().map(place), anatomy::AIR);
            anatomy.paint(&mut block);
            for ((k, j, i), value) in voxels.zip(&block.value) {
                slab[(k * height + j) * width + i] = *value;
            }
        }
    }
}

fn scan(spec: &ThoraxSpec, grid: &Grid, progress: &Progress) -> Result<Array3<i16>> {
    let anatomy = Anatomy::new(spec.seed);
    let [slices, height, width] = spec.shape;
    let plane = height * width;
    let mut samples = vec![0_i16; slices * plane];
    progress.start(slices as u64);
    samples.par_chunks_mut(SIDE * plane).enumerate().try_for_each(|(slab, out)| {
        progress.check()?;
        let (first_k, depth) = (slab * SIDE, out.len() / plane);
        let mut values = vec![0.0; depth * plane];
        paint_slab(&anatomy, grid, Channel::Attenuation, first_k, &mut values);
        let mut grain = Grain::new(spec.seed, width, height);
        let mut noise = vec![0.0; plane];
        for (k, slice) in out.chunks_exact_mut(plane).enumerate() {
            grain.slice((first_k + k) as i64, &mut noise);
            let values = &values[k * plane..];
            for ((voxel, sample), (value, noise)) in
                slice.iter_mut().enumerate().zip(values.iter().zip(&noise))
            {
                let (u, v) = from_axis(voxel % width, voxel / width, width, height);
                *sample = reconstructed(*value, *noise, shapes::length(u, v));
            }
        }
        progress.advance(depth as u64);
        Ok::<(), Error>(())
    })?;
    Array3::from_shape_vec((slices, height, width), samples)
        .map_err(|_| Error::Geometry(GeometryFault::Shape(spec.shape)))
}

/// Place in the slice as a share of the radius of the field of view.
fn from_axis(i: usize, j: usize, width: usize, height: usize) -> (f32, f32) {
    let share = |index: usize, count: usize| (2.0 * index as f32 + 1.0) / count as f32 - 1.0;
    (share(i, width), share(j, height))
}

/// A sample as the scanner would give it: `noise` has unit deviation, and is stronger deep in the body than in air.
fn reconstructed(value: f32, noise: f32, radius: f32) -> i16 {
    if radius > 1.0 {
        return OUTSIDE_HU;
    }
    let depth = 9.0 + 4.5 * (1.0 - (radius * 1.25).min(1.0).powi(2));
    let dense = shapes::smooth_step(-1000.0, -300.0, value);
    let sigma = depth * (0.62 + 0.38 * dense);
    // Truncation of a shifted value rounds without a call.
    ((value + noise * sigma).clamp(-1024.0, 3071.0) + 2048.5) as i16 - 2048
}

#[cfg(test)]
mod tests;
