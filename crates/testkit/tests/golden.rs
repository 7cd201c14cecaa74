//! Small pictures of the reference against the ones that are kept.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says how far off it was and what it ran on"
)]

mod suite;

use std::path::Path;
use std::sync::Arc;

use anatome_core::{
    Appearance, Camera, ClipPlane, CropBox, Grid, Lens, Output, Planes, Projection, Region, Request, Scene,
    Shading, SliceTable, StandardView, View, Volume, WindowFunction,
};
use anatome_phantom::closed_form::ClosedForm;
use anatome_testkit::{Goldens, Random, Tolerance, compare};
use glam::{DAffine3, DMat3, DVec3};

use suite::{fast, reference, scenes};

const SIZE_PX: [u32; 2] = [160, 90];

/// A rounded body with a bright rod that leans to the patient's left and head, and a dark ball on the right.
struct Body;

impl ClosedForm for Body {
    fn value_at(&self, p: DVec3) -> f64 {
        let soft = |depth_mm: f64| (depth_mm / 2.0 + 0.5).clamp(0.0, 1.0);
        let body = soft(28.0 - (p / DVec3::new(1.3, 0.9, 1.2)).length());
        let along = DVec3::new(0.5, -0.1, 1.0).normalize();
        let rod = soft(5.0 - (p - along * p.dot(along) - DVec3::new(6.0, 4.0, 0.0)).length());
        let ball = soft(8.0 - p.distance(DVec3::new(-16.0, -4.0, 5.0)));
        (-1000.0 + 1050.0 * body + 700.0 * rod.min(body) - 800.0 * ball).round()
    }
}

fn even(tilt_rad: f64) -> Grid {
    let (sin, cos) = tilt_rad.sin_cos();
    let columns = DMat3::from_cols(DVec3::X * 1.1, DVec3::new(0.0, cos, -sin) * 1.1, DVec3::Z * 2.5);
    centered([32, 66, 76], columns, None)
}

/// Slices 1.5 mm, then 4 mm apart, and a gap where three are missing.
fn uneven() -> Grid {
    let mut z = vec![0.0];
    let gaps = (0..26).map(|k| {
        if k == 17 {
            12.0
        } else if k < 14 {
            1.5
        } else {
            4.0
        }
    });
    gaps.for_each(|gap| z.push(z[z.len() - 1] + gap));
    let missing = (0..26).map(|k| k == 17).collect();
    let columns = DMat3::from_diagonal(DVec3::new(1.1, 1.1, 1.0));
    centered([27, 66, 76], columns, Some(SliceTable::new(z, missing).unwrap()))
}

fn centered(shape: [usize; 3], matrix3: DMat3, slices: Option<SliceTable>) -> Grid {
    let build = |translation: DVec3| {
        let affine = DAffine3 { matrix3, translation };
        match &slices {
            Some(table) => Grid::uneven(shape, affine, table.clone()),
            None => Grid::even(shape, affine),
        }
        .unwrap()
    };
    build(-build(DVec3::ZERO).center_mm())
}

struct Picture {
    case: &'static str,
    grid: Grid,
    request: Request,
    tolerance: Tolerance,
}

fn pictures() -> Vec<Picture> {
    let aspect = 16.0 / 9.0;
    let standard = |view: StandardView, grid: &Grid| view.plane(grid, Planes::Patient, DVec3::ZERO, aspect);
    let soft = || scenes::grey(scenes::window(40.0, 1200.0, WindowFunction::Linear));
    let slice = |plane| scenes::slice(plane, soft(), SIZE_PX, Output::Grey8);
    let picture =
        |case, grid: &Grid, request, tolerance| Picture { case, grid: grid.clone(), request, tolerance };

    let mut random = Random::new(21);
    let (straight, tilted, uneven) = (even(0.0), even(0.35), uneven());
    let colors = Appearance::Grey {
        voi: scenes::window(40.0, 1200.0, WindowFunction::LinearExact),
        invert: false,
        colors: Some(scenes::colors()),
    };
    let oblique = scenes::slice(scenes::plane(&straight, &mut random), colors, SIZE_PX, Output::Rgba8);
    let view = |camera, projection| View::Projection { camera, projection };
    let coronal = StandardView::Coronal.camera(&straight, aspect);
    let mip = Request::new(Scene::of_primary(view(coronal, Projection::Mip), soft()), SIZE_PX, Output::Grey8);
    let camera = Camera {
        eye_mm: DVec3::new(90.0, -160.0, 70.0),
        target_mm: DVec3::ZERO,
        up: DVec3::Z,
        lens: Lens::Perspective { fov_rad: 0.36 },
    };
    let mut cut = scenes::rendering(camera, Shading::default(), scenes::skin_and_core(), SIZE_PX);
    cut.scene.background = [0.05, 0.08, 0.12];
    cut.scene.layers[0].region = Region {
        crop: Some(CropBox { min_mm: DVec3::new(-60.0, -60.0, -20.0), max_mm: DVec3::new(60.0, 60.0, 24.0) }),
        clip_planes: vec![ClipPlane {
            point_mm: DVec3::new(8.0, 0.0, 0.0),
            normal: DVec3::new(-1.0, -0.4, 0.3),
        }],
    };
    vec![
        picture("axial", &straight, slice(standard(StandardView::Axial, &straight)), Tolerance::SLICE),
        picture("oblique", &straight, oblique, Tolerance::COLORS),
        picture("mip", &straight, mip, Tolerance::PROJECTION),
        picture("rendering", &straight, cut, Tolerance::RENDERING),
        picture("tilted", &tilted, slice(standard(StandardView::Sagittal, &tilted)), Tolerance::SLICE),
        picture("uneven", &uneven, slice(standard(StandardView::Coronal, &uneven)), Tolerance::SLICE),
    ]
}

fn volume(grid: &Grid) -> Arc<Volume> {
    Arc::new(Body.volume(grid).unwrap())
}

#[test]
fn the_reference_draws_its_goldens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let goldens = Goldens::open(folder, env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pictures = pictures();
    let faults: Vec<String> = pictures
        .iter()
        .filter_map(|p| goldens.check(p.case, &reference().render(&volume(&p.grid), &p.request)).err())
        .map(|fault| fault.to_string())
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let mut cases: Vec<&str> = pictures.iter().map(|p| p.case).collect();
    cases.sort_unstable();
    assert_eq!(goldens.cases().unwrap(), cases, "files and cases");
}

#[test]
fn every_backend_draws_them_too() {
    let backends = fast();
    for picture in pictures() {
        let volume = volume(&picture.grid);
        let expected = reference().render(&volume, &picture.request);
        for backend in &backends {
            let found = backend.render(&volume, &picture.request);
            let report = compare(&expected, &found, &picture.tolerance);
            assert!(report.is_ok(), "{}: {}: {report:?}", picture.case, backend.name());
        }
    }
}
