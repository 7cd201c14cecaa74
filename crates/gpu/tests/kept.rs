//! Pictures that stay on the GPU are, bit for bit, those that are read back.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::sync::Arc;

use anatome_core::*;
use anatome_gpu::{AdapterChoice, Finished, GpuRenderer};
use anatome_testkit::{Need, Random};
use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;

fn open() -> Option<GpuRenderer> {
    let opened = GpuRenderer::open(&AdapterChoice::Hardware);
    let opened = opened.or_else(|_| GpuRenderer::open(&AdapterChoice::Number(1)));
    opened.map_err(|error| Need::Gpu.is_missing(&error.to_string())).ok()
}

/// Of which no two neighbours are alike.
fn volume() -> Arc<Volume> {
    let mut random = Random::new(7);
    let samples = Array3::from_shape_simple_fn((40, 50, 60), || random.between(-1000.0, 2000.0) as i16);
    let grid = Grid::even([40, 50, 60], DAffine3::from_scale(DVec3::new(0.9, 0.8, 1.3))).unwrap();
    let mapping = ValueMapping::identity(Unit::Hounsfield);
    Arc::new(Volume::new(grid, Samples::I16(samples), mapping, None, Facts::new(Modality::Ct)).unwrap())
}

fn views(grid: &Grid) -> Vec<(View, Appearance)> {
    let center_mm = grid.center_mm();
    let turn = DMat3::from_rotation_x(0.4) * DMat3::from_rotation_z(0.7);
    let plane = SlicePlane { center_mm, right: turn.x_axis, down: turn.y_axis, width_mm: 70.0 };
    let lens = Lens::Orthographic { height_mm: 60.0 };
    let camera =
        Camera { eye_mm: center_mm + turn.z_axis * 300.0, target_mm: center_mm, up: turn.x_axis, lens };
    let voi = Voi::Window(Window::new(300.0, 2500.0, WindowFunction::Linear).unwrap());
    let grey = Appearance::Grey { voi, invert: false, colors: None };
    let point = |value, opacity_per_mm| TransferPoint { value, color: [0.9, 0.5, 0.2], opacity_per_mm };
    let transfer_function = TransferFunction::new(vec![point(200.0, 0.0), point(1500.0, 0.5)]).unwrap();
    vec![
        (View::Slice { plane }, grey.clone()),
        (View::Projection { camera, projection: Projection::Mip }, grey),
        (
            View::Rendering { camera, shading: Shading::default() },
            Appearance::Classified { transfer_function },
        ),
    ]
}

/// Of sizes that fill no tile, word or row.
const SIZES: [[u32; 2]; 6] = [[200, 150], [64, 48], [257, 33], [31, 70], [1, 5], [3, 1]];

#[test]
fn they_are_those_that_are_read_back() {
    let Some(gpu) = open() else { return };
    let volume = volume();
    let uploaded = gpu.upload(&volume, &Progress::new()).unwrap();
    let bindings = Bindings::primary(&uploaded);
    let mut wholes = 0;
    // The second time each is in the room of one before.
    for _ in 0..2 {
        for (view, appearance) in views(volume.grid()) {
            for output in [Output::Grey8, Output::Rgba8] {
                if output == Output::Grey8 && matches!(view, View::Rendering { .. }) {
                    continue;
                }
                for (size_px, pixels) in SIZES
                    .iter()
                    .flat_map(|&size| [PixelSubset::All, PixelSubset::Checkerboard].map(|own| (size, own)))
                {
                    let mut request =
                        Request::new(Scene::of_primary(view.clone(), appearance.clone()), size_px, output);
                    request.quality.pixels = pixels;
                    let expected = gpu.render(&request, &bindings, &Progress::new()).unwrap();
                    let frame = gpu.begin_kept(&request, &bindings).unwrap();
                    let Finished::OnGpu(picture) = frame.finish_kept().unwrap() else {
                        panic!("it does not stay: {request:?}")
                    };
                    assert_eq!((picture.size_px(), picture.is_grey()), (size_px, output == Output::Grey8));
                    assert_eq!(picture.row_bytes() % 256, 0);
                    // What another picture takes is not its room.
                    drop(gpu.begin_kept(&request, &bindings).unwrap());
                    let found = picture.read().unwrap();
                    assert!(found == expected, "{size_px:?} {output:?} {pixels:?} {}", view.kind());
                    wholes += 1;
                }
            }
        }
    }
    assert_eq!(wholes, 2 * 5 * 2 * SIZES.len());
}

#[test]
fn what_can_not_stay_is_read_back() {
    let Some(gpu) = open() else { return };
    let volume = volume();
    let uploaded = gpu.upload(&volume, &Progress::new()).unwrap();
    let bindings = Bindings::primary(&uploaded);
    let (view, appearance) = views(volume.grid()).remove(0);
    let scene = Scene::of_primary(view, appearance);
    let grey = Request::new(scene.clone(), [40, 30], Output::Grey8);
    let part = PixelRect { x: 3, y: 5, width: 11, height: 7 };
    let part = Request { region: Some(part), ..grey };
    for request in [part, Request::new(scene, [40, 30], Output::Grey16)] {
        let expected = gpu.render(&request, &bindings, &Progress::new()).unwrap();
        let Finished::Image(found) = gpu.begin_kept(&request, &bindings).unwrap().finish_kept().unwrap()
        else {
            panic!("it stays")
        };
        assert!(found == expected, "{request:?}");
    }
}
