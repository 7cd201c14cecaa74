//! What the rendering of a PET shows: what takes up more than normal organs do, in front of all else.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use anatome::{Backend, BackendChoice, Picture, Progress, Style, Workers, scene};
use anatome_core::{
    Facts, Grid, Modality, Output, Padding, Pixels, Request, Samples, Unit, ValueMapping, Volume,
};
use glam::{DAffine3, DVec3};
use ndarray::Array3;

const SIZE: u32 = 96;
const VOXEL_MM: f64 = 5.0;

/// A body of SUV 1 with blood of 1.8 and a liver of 2.3 in front of a lesion, in units of `value_of_suv_1`.
fn pet(lesion_suv: f64, value_of_suv_1: f64) -> Volume {
    let sphere = |p: DVec3, center: [f64; 3], radius: f64| p.distance(DVec3::from(center)) < radius;
    let suv = |p: DVec3| match () {
        () if sphere(p, [0.0, 40.0, 40.0], 12.0) => lesion_suv,
        () if sphere(p, [0.0, 0.0, 40.0], 35.0) => 1.8,
        () if sphere(p, [-30.0, 0.0, -60.0], 60.0) => 2.3,
        () if (p * DVec3::new(1.0, 1.5, 0.7)).length() < 150.0 => 1.0,
        () => 0.0,
    };
    let half = 0.5 * VOXEL_MM * f64::from(SIZE - 1);
    let at = |n: usize| n as f64 * VOXEL_MM - half;
    let n = SIZE as usize;
    let samples = Array3::from_shape_fn([n, n, n], |(k, j, i)| {
        (suv(DVec3::new(at(i), at(j), at(k))) * value_of_suv_1) as f32
    });
    let affine = DAffine3::from_scale_rotation_translation(
        DVec3::splat(VOXEL_MM),
        glam::DQuat::IDENTITY,
        DVec3::splat(-half),
    );
    let grid = Grid::even([n, n, n], affine).unwrap();
    let mapping = ValueMapping::identity(Unit::BecquerelPerMl);
    Volume::new(grid, Samples::F32(samples), mapping, None::<Padding>, Facts::new(Modality::Pt)).unwrap()
}

/// The brightest grey level of the rendering from the front within 10 mm of a place (x, z).
fn brightness(volume: Volume, suv_factor: Option<f64>, places: &[[f64; 2]]) -> Vec<f64> {
    let workers = Workers::new(Some(2)).unwrap();
    let backend = Backend::open(BackendChoice::Cpu, None, &workers).unwrap();
    let volume = std::sync::Arc::new(volume);
    let uploaded = backend.upload(&volume, &Progress::new()).unwrap();
    let style = Style { suv_factor, ..Style::default() };
    let scene = scene(Picture::Rendering, &volume, &style, 1.0).unwrap();
    let anatome_core::View::Rendering { camera, .. } = &scene.view else { panic!("{:?}", scene.view) };
    let anatome_core::Lens::Orthographic { height_mm } = camera.lens else { panic!("{:?}", camera.lens) };
    let target = camera.target_mm;
    let px_mm = height_mm / f64::from(SIZE);
    let request = Request::new(scene, [SIZE, SIZE], Output::Rgba8);
    let image = backend.render(&request, &uploaded, &Progress::new()).unwrap();
    let Pixels::Rgba8(pixels) = image.pixels() else { panic!("not in colour") };
    let luma = |x: f64, z: f64| {
        let [column, row] =
            [x - target.x, target.z - z].map(|mm| (mm / px_mm + 0.5 * f64::from(SIZE)) as usize);
        let pixel = &pixels[4 * (row * SIZE as usize + column)..][..3];
        pixel.iter().map(|&v| f64::from(v)).sum::<f64>() / 3.0
    };
    let near = |&[x, z]: &[f64; 2]| {
        let offsets = [-10.0, -5.0, 0.0, 5.0, 10.0];
        let all = offsets.iter().flat_map(|dx| offsets.iter().map(move |dz| luma(x + dx, z + dz)));
        all.fold(0.0, f64::max)
    };
    places.iter().map(near).collect()
}

#[test]
fn a_lesion_outshines_normal_organs_in_front_of_it() {
    let (lesion, blood, liver, body) = ([0.0, 40.0], [0.0, 64.0], [-45.0, -60.0], [70.0, 60.0]);
    for value_of_suv_1 in [400.0, 9000.0] {
        for factor in [Some(1.0 / value_of_suv_1), None] {
            let of = |suv: f64| {
                let seen = brightness(pet(suv, value_of_suv_1), factor, &[lesion, blood, liver, body]);
                let [lesion, blood, liver, body] = seen[..] else { panic!("{seen:?}") };
                // Without a factor the scale is an estimate.
                let dark = if factor.is_some() { 1.0 } else { 20.0 };
                assert!(blood <= dark && liver <= dark && body <= dark, "{suv}: {seen:?}");
                lesion
            };
            let [mild, clear, strong] = [5.0, 10.0, 30.0].map(of);
            assert!(
                mild > 30.0 && clear > 1.5 * mild && strong > clear,
                "{factor:?}: {mild} {clear} {strong}"
            );
            assert!(clear > 100.0, "{clear}");
        }
    }
}
