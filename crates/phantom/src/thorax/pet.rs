//! The PET of the same body: uptake, blurred and noisy.

use super::anatomy::Anatomy;
use super::block::{Channel, SIDE};
use super::noise::Grain;
use super::{FIELD_MM, FRAME_OF_REFERENCE, ThoraxSpec, grid, paint_slab};
use anatome_core::{
    Error, Facts, GeometryFault, Modality, Progress, Result, Samples, Unit, ValueMapping, Volume,
};
use glam::DVec3;
use ndarray::{Array3, Axis};
use rayon::prelude::*;

/// Activity per SUV: 300 MBq in 75 kg, decayed for an hour.
const BQ_PER_ML_PER_SUV: f32 = 2740.0;
/// Blur of the scanner across and along the patient as standard deviations; breathing adds to the latter.
const BLUR_MM: [f64; 2] = [3.0, 4.0];
const VOXEL_MM: f64 = 4.0;

pub(super) fn scan(spec: &ThoraxSpec, progress: &Progress) -> Result<Volume> {
    // A CT of less than full size has a PET of less than full size.
    let share = |axis: usize, full: usize| (spec.shape[axis] as f64 / full as f64).min(1.0);
    let count = |axis: usize, full: usize, field: f64| {
        ((field / VOXEL_MM * share(axis, full)).round() as usize).max(usize::from(spec.shape[axis] > 0))
    };
    let wide = FIELD_MM.x * 4.0 / 3.0;
    let shape = [count(0, 400, FIELD_MM.z), count(1, 512, wide), count(2, 512, wide)];
    let field = DVec3::new(wide, wide, FIELD_MM.z);
    let fine_shape = shape.map(|n| n * 2);
    let fine_grid = grid(fine_shape, field)?;
    let grid = grid(shape, field)?;
    let anatomy = Anatomy::new(spec.seed);
    let plane = fine_shape[1] * fine_shape[2];
    let mut fine = vec![0.0; fine_shape[0] * plane];
    progress.start(fine_shape[0] as u64);
    fine.par_chunks_mut(SIDE * plane).enumerate().try_for_each(|(slab, out)| {
        progress.check()?;
        paint_slab(&anatomy, &fine_grid, Channel::Uptake, slab * SIDE, out);
        progress.advance((out.len() / plane) as u64);
        Ok::<(), Error>(())
    })?;
    let mut fine = Array3::from_shape_vec(fine_shape, fine)
        .map_err(|_| Error::Geometry(GeometryFault::Shape(fine_shape)))?;
    let spacing = fine_grid.spacing_mm().to_array();
    let [across, along] = BLUR_MM;
    for (axis, sigma) in [(2, across / spacing[0]), (1, across / spacing[1]), (0, along / spacing[2])] {
        blur(&mut fine, Axis(axis), sigma);
    }
    let mut samples = Array3::<f32>::zeros(shape);
    samples.indexed_iter_mut().for_each(|((k, j, i), value)| {
        let octet = fine.slice(ndarray::s![2 * k..2 * k + 2, 2 * j..2 * j + 2, 2 * i..2 * i + 2]);
        *value = octet.sum() / 8.0;
    });
    add_counts(&mut samples, spec.seed);
    let mut facts = Facts::new(Modality::Pt);
    facts.frame_of_reference = Some(FRAME_OF_REFERENCE.to_owned());
    facts.slice_thickness_mm = Some(grid.spacing_mm().z);
    Volume::new(grid, Samples::F32(samples), ValueMapping::identity(Unit::BecquerelPerMl), None, facts)
}

/// Convolves along one axis with a bell of standard deviation `sigma` voxels; the ends count as repeated.
fn blur(volume: &mut Array3<f32>, axis: Axis, sigma: f64) {
    let reach = (3.0 * sigma).ceil() as i64;
    let taps: Vec<f32> = (-reach..=reach).map(|n| (-0.5 * (n as f64 / sigma).powi(2)).exp() as f32).collect();
    let total: f32 = taps.iter().sum();
    volume.lanes_mut(axis).into_iter().for_each(|mut lane| {
        let before = lane.to_vec();
        let last = before.len() as i64 - 1;
        for (index, value) in lane.iter_mut().enumerate() {
            let sum: f32 = taps
                .iter()
                .zip(-reach..)
                .map(|(tap, offset)| tap * before[(index as i64 + offset).clamp(0, last) as usize])
                .sum();
            *value = sum / total;
        }
    });
}

/// Turns SUV into Bq/ml with noise that grows with the square root of the activity.
fn add_counts(samples: &mut Array3<f32>, seed: u64) {
    let (_, height, width) = samples.dim();
    let mut grain = Grain::new(seed ^ 0x9e7, width, height);
    let mut noise = vec![0.0; height * width];
    for (k, mut slice) in samples.axis_iter_mut(Axis(0)).enumerate() {
        grain.slice(k as i64, &mut noise);
        for (value, noise) in slice.iter_mut().zip(&noise) {
            let suv = value.max(0.0);
            *value = (suv + noise * (0.015 + 0.10 * suv.sqrt())).max(0.0) * BQ_PER_ML_PER_SUV;
        }
    }
}
