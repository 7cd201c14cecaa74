//! Pictures of a volume of which only a few bricks are on the GPU at a time are those of the whole volume, bit by bit.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail anywhere, and says what it ran on"
)]

use std::sync::Arc;

use anatome_core::*;
use anatome_gpu::{AdapterChoice, GpuRenderer, SharedDevice};
use anatome_testkit::{Need, Random};
use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;

/// 7 x 6 x 6 bricks, of which 65 are there: as few as may be.
const SHAPE: [usize; 3] = [170, 180, 200];
/// 65 bricks of 35 x 35 x 35 samples of two bytes, and a little more.
const BUDGET_BYTES: u64 = 5_600_000;

fn open() -> Option<GpuRenderer> {
    let hardware = GpuRenderer::open(&AdapterChoice::Hardware);
    match hardware.or_else(|_| GpuRenderer::open(&AdapterChoice::Number(1))) {
        Ok(renderer) => {
            println!("adapter: {}", renderer.adapter().name);
            Some(renderer)
        }
        Err(error) => {
            Need::Gpu.is_missing(&error.to_string());
            None
        }
    }
}

fn volume(grid: Grid, as_floats: bool, random: &mut Random) -> Arc<Volume> {
    let [k, j, i] = SHAPE;
    let center = DVec3::new(90.0, 85.0, 80.0);
    let samples = Array3::from_shape_fn((k, j, i), |(k, j, i)| {
        let far = (DVec3::new(i as f64, j as f64, k as f64) - center).length();
        let wave = (i as f64 * 0.3).sin() * (j as f64 * 0.2).cos() * 300.0;
        if far > 82.0 { -1000.0 } else { 800.0 - 14.0 * far + wave + random.between(-30.0, 30.0) }
    });
    let samples = match as_floats {
        true => Samples::F32(samples.map(|&v| v as f32)),
        false => Samples::I16(samples.map(|&v| v as i16)),
    };
    let padding = Padding { lowest: -1000.0, highest: -1000.0 };
    let mapping = ValueMapping::identity(Unit::Hounsfield);
    Arc::new(Volume::new(grid, samples, mapping, Some(padding), Facts::new(Modality::Ct)).unwrap())
}

fn even() -> Grid {
    let turn = DMat3::from_rotation_x(0.2) * DMat3::from_rotation_z(0.4);
    let matrix3 = turn * DMat3::from_diagonal(DVec3::new(0.7, 0.7, 1.1));
    Grid::even(SHAPE, DAffine3 { matrix3, translation: DVec3::new(-40.0, 20.0, 300.0) }).unwrap()
}

fn uneven() -> Grid {
    let z = (0..SHAPE[0]).map(|k| k as f64 * 0.9 + f64::from(k > 60) * 9.0 + (k % 3) as f64 * 0.2).collect();
    let missing = (0..SHAPE[0] - 1).map(|k| k == 60).collect();
    let matrix3 = DMat3::from_diagonal(DVec3::new(0.8, 0.8, 1.0));
    let affine = DAffine3 { matrix3, translation: DVec3::ZERO };
    Grid::uneven(SHAPE, affine, SliceTable::new(z, missing).unwrap()).unwrap()
}

/// Every kind of view, near and far, with every interpolation.
fn requests(grid: &Grid, random: &mut Random) -> Vec<Request> {
    let voi = Voi::Window(Window::new(100.0, 900.0, WindowFunction::Linear).unwrap());
    let grey = Appearance::Grey { voi, invert: false, colors: None };
    let point = |value, opacity_per_mm| TransferPoint { value, color: [0.9, 0.8, 0.7], opacity_per_mm };
    let points = vec![
        point(-700.0, 0.0),
        point(-500.0, 0.02),
        point(-300.0, 0.0),
        point(200.0, 0.0),
        point(600.0, 0.4),
    ];
    let classified = Appearance::Classified { transfer_function: TransferFunction::new(points).unwrap() };
    let mut views = Vec::new();
    for width_mm in [25.0, 300.0] {
        let turn = random.rotation();
        let center_mm = grid.center_mm();
        let plane = SlicePlane { center_mm, right: turn.x_axis, down: turn.y_axis, width_mm };
        views.push((View::Slice { plane }, grey.clone()));
        for projection in [Projection::Mip, Projection::Mean] {
            views.push((View::Slab { plane, thickness_mm: 60.0, projection }, grey.clone()));
        }
        let lenses =
            [Lens::Orthographic { height_mm: width_mm }, Lens::Perspective { fov_rad: width_mm / 400.0 }];
        for lens in lenses {
            let camera = Camera {
                eye_mm: center_mm + random.direction() * 400.0,
                target_mm: center_mm,
                up: random.direction(),
                lens,
            };
            views.push((View::Projection { camera, projection: Projection::Mip }, grey.clone()));
            views.push((View::Rendering { camera, shading: Shading::default() }, classified.clone()));
        }
    }
    let request = |(n, (view, appearance)): (usize, (View, Appearance))| {
        let is_rendering = matches!(view, View::Rendering { .. });
        let mut scene = Scene::of_primary(view, appearance);
        scene.layers[0].interpolation =
            [Interpolation::Linear, Interpolation::Cubic, Interpolation::Nearest][n % 3];
        let output =
            if is_rendering { Output::Rgba8 } else { [Output::Grey8, Output::Values, Output::Grey16][n % 3] };
        Request::new(scene, [76, 50], output)
    };
    views.into_iter().enumerate().map(request).collect()
}

/// A device of the caller's whose textures may be no longer than so much.
fn short(renderer: &GpuRenderer, longest: u32) -> GpuRenderer {
    let mut description = wgpu::InstanceDescriptor::new_without_display_handle();
    SharedDevice::prepare(&mut description);
    let backends = description.backends;
    let found = pollster::block_on(wgpu::Instance::new(description).enumerate_adapters(backends));
    let name = &renderer.adapter().name;
    let adapter = found.into_iter().find(|adapter| adapter.get_info().name == *name).unwrap();
    let required_limits = wgpu::Limits { max_texture_dimension_3d: longest, ..adapter.limits() };
    let required_features = adapter.features() & wgpu::Features::TEXTURE_FORMAT_16BIT_NORM;
    let descriptor =
        wgpu::DeviceDescriptor { required_limits, required_features, ..wgpu::DeviceDescriptor::default() };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
    GpuRenderer::from_device(device, queue)
}

/// A volume that is longer than a texture along one axis only.
#[test]
fn pictures_of_what_is_longer_than_a_texture_are_those_of_the_whole() {
    let Some(renderer) = open() else { return };
    let short = short(&renderer, 190);
    let mut random = Random::new(4);
    let volume = volume(even(), false, &mut random);
    let [whole, cut] = [&renderer, &short].map(|r| r.upload(&volume, &Progress::new()).unwrap());
    assert!(!whole.is_in_parts() && cut.is_in_parts());
    for request in requests(volume.grid(), &mut random).iter().step_by(2) {
        let pictures = [(&renderer, &whole), (&short, &cut)].map(|(renderer, uploaded)| {
            renderer.render(request, &Bindings::primary(uploaded), &Progress::new()).unwrap()
        });
        assert!(same(pictures[0].pixels(), pictures[1].pixels()), "{:?}", request.scene.view);
    }
}

#[test]
fn pictures_within_a_budget_are_those_without() {
    let Some(renderer) = open() else { return };
    let mut random = Random::new(3);
    for (grid, as_floats, budget_bytes) in [(even(), false, BUDGET_BYTES), (uneven(), true, 2 * BUDGET_BYTES)]
    {
        let volume = volume(grid, as_floats, &mut random);
        let Some(small) = open() else { return };
        let small = small.with_memory_budget(budget_bytes);
        let [whole, cut] = [&renderer, &small].map(|r| r.upload(&volume, &Progress::new()).unwrap());
        for request in requests(volume.grid(), &mut random) {
            let pictures = [(&renderer, &whole), (&small, &cut)].map(|(renderer, uploaded)| {
                renderer.render(&request, &Bindings::primary(uploaded), &Progress::new()).unwrap()
            });
            let what = format!(
                "{} {:?} {:?}",
                request.scene.view.kind(),
                request.scene.layers[0].interpolation,
                request.scene.view
            );
            assert!(same(pictures[0].pixels(), pictures[1].pixels()), "{what}");
            let is_blank = match pictures[0].pixels() {
                Pixels::Grey8(p) | Pixels::Rgba8(p) => p.iter().all(|v| v == &p[0]),
                _ => false,
            };
            assert!(!is_blank || matches!(request.scene.view, View::Rendering { .. }), "{what}");
        }
    }
}

/// What the smallest budget is that a volume may have.
fn least_budget(volume: &Arc<Volume>) -> u64 {
    let small = open().unwrap().with_memory_budget(1_000_000);
    match small.upload(volume, &Progress::new()) {
        Err(Error::Limits { needed, allowed: 1_000_000, .. }) => needed,
        other => panic!("{other:?}"),
    }
}

/// 5 x 5 x 94 bricks, of which rays along an edge of them need those of four columns.
#[test]
fn the_least_budget_does_for_rays_along_three_thousand_slices() {
    let Some(renderer) = open() else { return };
    let shape = [3000, 150, 140];
    let samples = Array3::from_shape_fn((3000, 150, 140), |(k, j, i)| ((k * 7 + j * 3 + i) % 251) as u8);
    let grid = Grid::even(shape, DAffine3::IDENTITY).unwrap();
    let mapping = ValueMapping::identity(Unit::Arbitrary);
    let volume = Volume::new(grid, Samples::U8(samples), mapping, None, Facts::new(Modality::Ct)).unwrap();
    let volume = Arc::new(volume);
    let needed = least_budget(&volume);
    assert!(needed < 36_000_000, "{needed}: the volume has 63 MB");
    assert!(open().unwrap().with_memory_budget(needed - 1).upload(&volume, &Progress::new()).is_err());
    let small = open().unwrap().with_memory_budget(needed);
    let [whole, cut] = [&renderer, &small].map(|r| r.upload(&volume, &Progress::new()).unwrap());
    assert!(!whole.is_in_parts() && cut.is_in_parts());

    let voi = Voi::Window(Window::new(125.0, 250.0, WindowFunction::Linear).unwrap());
    let grey = Appearance::Grey { voi, invert: false, colors: None };
    let point = |value, opacity_per_mm| TransferPoint { value, color: [0.9, 0.8, 0.7], opacity_per_mm };
    let transfer_function = TransferFunction::new(vec![point(0.0, 0.0), point(250.0, 0.001)]).unwrap();
    let center_mm = DVec3::new(64.2, 96.1, 1500.0);
    let plane = SlicePlane { center_mm, right: DVec3::X, down: DVec3::Y, width_mm: 6.0 };
    let camera = |along: DVec3, lens| {
        let eye_mm = center_mm - along.normalize() * 4000.0;
        Camera { eye_mm, target_mm: center_mm, up: DVec3::Y, lens }
    };
    let near = Lens::Orthographic { height_mm: 6.0 };
    let lens = Lens::Perspective { fov_rad: 0.004 };
    let shading = Shading::default();
    let across = DVec3::new(0.05, 0.04, 1.0);
    let views = [
        (View::Slab { plane, thickness_mm: 2990.0, projection: Projection::Mean }, grey.clone()),
        (View::Projection { camera: camera(DVec3::Z, near), projection: Projection::Mip }, grey.clone()),
        (View::Projection { camera: camera(across, lens), projection: Projection::Mean }, grey),
        (
            View::Rendering { camera: camera(DVec3::Z, lens), shading },
            Appearance::Classified { transfer_function },
        ),
    ];
    for (view, appearance) in views {
        let output = if matches!(view, View::Rendering { .. }) { Output::Rgba8 } else { Output::Values };
        let request = Request::new(Scene::of_primary(view, appearance), [24, 18], output);
        let pictures = [(&renderer, &whole), (&small, &cut)].map(|(renderer, uploaded)| {
            renderer.render(&request, &Bindings::primary(uploaded), &Progress::new()).unwrap()
        });
        assert!(same(pictures[0].pixels(), pictures[1].pixels()), "{:?}", request.scene.view);
    }
}

/// Equal, also where there is no sample.
fn same(a: &Pixels, b: &Pixels) -> bool {
    match (a, b) {
        (Pixels::Values(a), Pixels::Values(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        _ => a == b,
    }
}
