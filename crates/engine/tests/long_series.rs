//! Series of more slices than most machines make: read, cut and rendered where they are.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use anatome::{
    Appearance, Backend, BackendChoice, Camera, Facts, Grid, Lens, Limits, Modality, Output, Picture, Pixels,
    Progress, Request, Samples, Scene, SeriesSpec, Shading, Source, Study, Style, TransferFunction,
    TransferPoint, Unit, ValueMapping, View, Volume, Workers, scene, write_series,
};
use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;

const SLICES: usize = 3000;

/// Slices of 24 x 20 voxels of 0.8 x 0.7 mm, 0.4 mm apart; each voxel says where it is.
fn volume() -> Volume {
    let value = |k: usize, j: usize, i: usize| (k * 10 + j / 4 + i / 4) as i16;
    let samples = Array3::from_shape_fn((SLICES, 20, 24), |(k, j, i)| value(k, j, i));
    let axes = DMat3::from_diagonal(DVec3::new(0.8, 0.7, 0.4));
    let affine = DAffine3 { matrix3: axes, translation: DVec3::new(-9.0, -8.0, -350.0) };
    let grid = Grid::even([SLICES, 20, 24], affine).unwrap();
    let mapping = ValueMapping::identity(Unit::Hounsfield);
    Volume::new(grid, Samples::I16(samples), mapping, None, Facts::new(Modality::Ct)).unwrap()
}

#[test]
fn three_thousand_slices_are_a_volume_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (workers, progress) = (Workers::new(Some(2)).unwrap(), Progress::new());
    let written = volume();
    let spec = SeriesSpec { seed: 1, number: 1, description: "long".into(), file_prefix: String::new() };
    write_series(&written, &spec, folder.path(), workers.pool(), &progress).unwrap();
    let limits = Limits::default();
    let study = Study::scan(&[Source::Path(folder.path().to_owned())], &limits, &workers, &progress).unwrap();
    assert_eq!(study.series().len(), 1);
    let loaded = study.load(0, &limits, &workers, &progress).unwrap().volume;
    assert_eq!(loaded.grid().shape(), [SLICES, 20, 24]);
    let (Samples::I16(expected), Samples::I16(found)) = (written.samples(), loaded.samples()) else {
        panic!()
    };
    assert!(expected == found, "the samples");
    for (expected, found) in written.grid().corners_mm().into_iter().zip(loaded.grid().corners_mm()) {
        assert!(expected.distance(found) < 1e-6, "{expected} {found}");
    }

    let backend = Backend::open(BackendChoice::Cpu, None, &workers).unwrap();
    let uploaded = backend.upload(&loaded, &progress).unwrap();
    let render = |scene: Scene, size_px: [u32; 2], output: Output| {
        backend.render(&Request::new(scene, size_px, output), &uploaded, &progress).unwrap()
    };
    for picture in [Picture::Axial, Picture::Coronal, Picture::Sagittal] {
        let scene = scene(picture, &loaded, &Style::default(), 60.0 / 90.0).unwrap();
        let image = render(scene, [60, 90], Output::Values);
        let Pixels::Values(values) = image.pixels() else { panic!() };
        let plane = image.plane().unwrap();
        let mut known = 0;
        for (n, &value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            let [x, y] = [n % 60, n / 60].map(|px| px as f64 * plane.pixel_mm);
            let at_mm = plane.first_pixel_mm + plane.right * x + plane.down * y;
            // Where fours of voxels are alike in a row, the value is 10 k and a little.
            let k = (at_mm.z + 350.0) / 0.4;
            let few = f64::from(value) - 10.0 * k.clamp(0.0, SLICES as f64 - 1.0);
            assert!((-0.1..=10.1).contains(&few), "{picture:?} {at_mm}: {value}");
            known += 1;
        }
        assert!(known > 150, "{picture:?}: {known}");
    }
    assert_renders_the_upper_half(&loaded, &render);
}

/// From the front, with the feet below: what is above the middle slice is opaque.
fn assert_renders_the_upper_half(
    volume: &Arc<Volume>,
    render: &dyn Fn(Scene, [u32; 2], Output) -> anatome::Image,
) {
    let point = |value, opacity_per_mm| TransferPoint { value, color: [1.0; 3], opacity_per_mm };
    let middle = 10.0 * (SLICES / 2) as f64;
    let transfer_function =
        TransferFunction::new(vec![point(middle, 0.0), point(middle + 1.0, 0.99)]).unwrap();
    let target_mm = volume.grid().center_mm();
    let camera = Camera {
        eye_mm: target_mm - DVec3::Y * 500.0,
        target_mm,
        up: DVec3::Z,
        lens: Lens::Orthographic { height_mm: 1280.0 },
    };
    let view = View::Rendering { camera, shading: Shading::default() };
    let scene = Scene::of_primary(view, Appearance::Classified { transfer_function });
    let image = render(scene, [40, 1280], Output::Rgba8);
    let Pixels::Rgba8(pixels) = image.pixels() else { panic!() };
    let is_lit = |row: usize| pixels[4 * (row * 40 + 20)] > 20;
    let lit: Vec<usize> = (0..1280).filter(|&row| is_lit(row)).collect();
    // A pixel is a millimetre: 600 mm of slices lie above the middle of the picture.
    assert!(lit[0].abs_diff(40) <= 1 && lit[lit.len() - 1].abs_diff(639) <= 1, "{lit:?}");
    assert_eq!(lit.len(), lit[lit.len() - 1] - lit[0] + 1, "without a gap");
}
