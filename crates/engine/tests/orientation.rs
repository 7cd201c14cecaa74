//! Left is left: from files through every backend to the PNG.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use anatome::{
    BackendChoice, Job, Limits, Overwrite, Picture, Progress, Quality, SeriesChoice, SeriesSpec, Shots,
    Source, Style, Window, WindowChoice, WindowFunction, Workers, write_series,
};
use anatome_phantom::closed_form::{ClosedForm as _, Marker, OrientationMarkers};
use anatome_testkit::Need;
use glam::{DAffine3, DMat3, DVec3};

const SIZE: [u32; 2] = [300, 300];

/// Where a marker of the patient must be in each picture: from the centre, -1 to 1 to the right and down.
fn expected(picture: Picture, marker: &Marker, center_mm: DVec3) -> (f64, f64) {
    let p = marker.center_mm - center_mm;
    match picture {
        Picture::Axial => (p.x, p.y),
        Picture::Coronal | Picture::Mip => (p.x, -p.z),
        Picture::Sagittal => (p.y, -p.z),
        Picture::Rendering => unreachable!("not tested here"),
    }
}

/// The mean column and row, from the picture's centre, of the pixels that show `value`.
fn seen(png: &Path, value: f64) -> Option<(f64, f64)> {
    let picture = image::open(png).unwrap().into_luma8();
    // The window below maps 0..=1000 HU to 0..=255.
    let grey = (value / 1000.0 * 255.0).round();
    let near = |p: &image::Luma<u8>| (f64::from(p.0[0]) - grey).abs() <= 1.0;
    // Not the edges of other markers, where values pass through this one.
    let inside = |x: u32, y: u32| {
        let around = [(x - 2, y), (x + 2, y), (x, y - 2), (x, y + 2), (x, y)];
        around.iter().all(|&(x, y)| near(picture.get_pixel(x, y)))
    };
    let all = (2..SIZE[1] - 2).flat_map(|y| (2..SIZE[0] - 2).map(move |x| (x, y)));
    let hits: Vec<(f64, f64)> = all
        .filter(|&(x, y)| inside(x, y))
        .map(|(x, y)| (f64::from(x) - 149.5, f64::from(y) - 149.5))
        .collect();
    let mean = |f: fn(&(f64, f64)) -> f64| hits.iter().map(f).sum::<f64>() / hits.len() as f64;
    (hits.len() > 40).then(|| (mean(|h| h.0), mean(|h| h.1)))
}

/// Renders the markers on a grid with these axes from DICOM files, and compares where they are.
fn check(axes: DMat3, backend: BackendChoice, adapter: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let workers = Workers::new(Some(2)).unwrap();
    let affine = DAffine3 { matrix3: axes, translation: DVec3::new(-31.0, 42.0, -53.0) };
    let grid = anatome::Grid::even([60, 60, 60], affine).unwrap();
    let center_mm = grid.center_mm();
    let markers = OrientationMarkers::new(center_mm, DVec3::splat(50.0));
    let volume = markers.volume(&grid).unwrap();
    let files = folder.path().join("files");
    let spec = SeriesSpec { seed: 1, number: 1, description: "markers".into(), file_prefix: String::new() };
    write_series(&volume, &spec, &files, workers.pool(), &Progress::new()).unwrap();

    let pictures = vec![Picture::Axial, Picture::Coronal, Picture::Sagittal, Picture::Mip];
    let window = WindowChoice::Window(Window::new(500.0, 1000.0, WindowFunction::LinearExact).unwrap());
    let style = Style { window: Some(window), ..Style::default() };
    let job = Job {
        sources: vec![Source::from(files)],
        limits: Limits::default(),
        series: SeriesChoice::Largest,
        shots: Shots::Standard { pictures: pictures.clone(), style },
        frame: None,
        size_px: SIZE,
        quality: Quality::default(),
        backend,
        adapter: adapter.map(str::to_owned),
        memory_budget: None,
        labels: false,
        format: anatome::PictureFormat::Png,
        out: folder.path().join("out"),
        overwrite: Overwrite::Never,
    };
    let report = job.run(&workers, &|_| Progress::new()).unwrap();
    assert!(report.pictures.iter().all(|p| p.error.is_none()), "{:?}", report.pictures);

    for picture in pictures {
        let png = job.out.join(format!("{}.png", picture.name()));
        let mut found = 0;
        for marker in markers.markers() {
            let (right, down) = expected(picture, marker, center_mm);
            if right.abs().max(down.abs()) < 1.0 {
                continue; // In the middle of the picture, in front of or behind the plane.
            }
            let (x, y) =
                seen(&png, marker.value).unwrap_or_else(|| panic!("{picture:?}: no {}", marker.letter));
            let (a, b) = (x * right + y * down, x * -down + y * right);
            assert!(a > 0.0 && b.abs() < 0.1 * a, "{picture:?} {}: at {x:.1}, {y:.1}", marker.letter);
            found += 1;
        }
        assert_eq!(found, 4, "{picture:?}");
    }
}

/// Axial; sagittal; and an axial one that is oblique and goes from head to feet.
fn grids() -> [DMat3; 3] {
    let oblique = DMat3::from_rotation_z(0.15) * DMat3::from_rotation_x(0.1);
    [
        DMat3::from_diagonal(DVec3::splat(2.2)),
        DMat3::from_cols(DVec3::Y, -DVec3::Z, -DVec3::X) * 2.2,
        oblique * DMat3::from_diagonal(DVec3::new(-2.2, -2.2, 2.2)),
    ]
}

#[test]
fn markers_are_where_they_belong_on_the_cpu() {
    for axes in grids() {
        check(axes, BackendChoice::Cpu, None);
    }
}

#[test]
fn markers_are_where_they_belong_on_a_gpu() {
    let workers = Workers::new(Some(1)).unwrap();
    let Some(adapter) = anatome::adapters(&workers).into_iter().next() else {
        return Need::Gpu.is_missing("no GPU adapter");
    };
    println!("adapter: {}", adapter.facts.name);
    for axes in grids() {
        check(axes, BackendChoice::Gpu, Some("1"));
    }
}
