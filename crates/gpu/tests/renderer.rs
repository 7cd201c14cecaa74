//! Pictures of small volumes whose pixels are known beforehand, on whatever adapter there is.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may fail anywhere, and says which adapter it ran on"
)]

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anatome_core::*;
use anatome_gpu::{AdapterChoice, AdapterKind, GpuRenderer, SharedDevice, adapters, self_test_scenes};
use anatome_testkit::Need;
use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;

/// A renderer on the best adapter, software included; `None`, said aloud, where there is none.
fn renderer() -> Option<&'static GpuRenderer> {
    static RENDERER: OnceLock<Option<GpuRenderer>> = OnceLock::new();
    let opened = RENDERER.get_or_init(|| {
        let hardware = GpuRenderer::open(&AdapterChoice::Hardware).ok();
        hardware.or_else(|| GpuRenderer::open(&AdapterChoice::Number(1)).ok())
    });
    match opened {
        Some(renderer) => println!("adapter: {}", renderer.adapter().name),
        None => Need::Gpu.is_missing("no GPU adapter opens"),
    }
    opened.as_ref()
}

fn volume(grid: Grid, samples: Samples, mapping: (f64, f64), padding: Option<f64>) -> Arc<Volume> {
    let mapping = ValueMapping { slope: mapping.0, intercept: mapping.1, unit: Unit::Hounsfield };
    let padding = padding.map(|v| Padding { lowest: v, highest: v });
    Arc::new(Volume::new(grid, samples, mapping, padding, Facts::new(Modality::Ct)).unwrap())
}

fn window(center: f64, width: f64) -> Appearance {
    let voi = Voi::Window(Window::new(center, width, WindowFunction::Linear).unwrap());
    Appearance::Grey { voi, invert: false, colors: None }
}

fn render(renderer: &GpuRenderer, volume: &Arc<Volume>, request: &Request) -> Image {
    let uploaded = renderer.upload(volume, &Progress::new()).unwrap();
    renderer.render(request, &Bindings::primary(&uploaded), &Progress::new()).unwrap()
}

/// The pixels, comparable where there is no sample too.
fn bits(image: &Image) -> Vec<u32> {
    match image.pixels() {
        Pixels::Values(v) => v.iter().map(|v| v.to_bits()).collect(),
        Pixels::Grey8(v) | Pixels::Rgba8(v) => v.iter().map(|&v| v.into()).collect(),
        other => panic!("{other:?}"),
    }
}

fn values(image: &Image) -> &[f32] {
    match image.pixels() {
        Pixels::Values(values) => values,
        other => panic!("{other:?}"),
    }
}

/// The plane of a slice of an upright grid, a pixel a voxel.
fn slice_plane(k: f64, width: f64, height: f64) -> SlicePlane {
    let center_mm = DVec3::new((width - 1.0) / 2.0, (height - 1.0) / 2.0, k);
    SlicePlane { center_mm, right: DVec3::X, down: DVec3::Y, width_mm: width }
}

fn of_plane(plane: SlicePlane, size_px: [u32; 2], output: Output) -> Request {
    Request::new(Scene::of_primary(View::Slice { plane }, window(40.0, 400.0)), size_px, output)
}

/// 7 x 5 x 3 voxels of every sample type, with the extremes of the type among them.
fn every_type() -> Vec<(Samples, [f32; 105])> {
    let shape = (3, 5, 7);
    let n = |k: usize, j: usize, i: usize| k * 35 + j * 7 + i;
    let u8s = Array3::from_shape_fn(shape, |(k, j, i)| (n(k, j, i) * 37 % 256) as u8);
    let spread = |k, j, i| (n(k, j, i) * 40_503 % 65_536) as u16;
    let mut u16s = Array3::from_shape_fn(shape, |(k, j, i)| spread(k, j, i));
    (u16s[[0, 0, 0]], u16s[[0, 0, 1]]) = (0, u16::MAX);
    let mut i16s = u16s.mapv(|v| v.wrapping_sub(1 << 15) as i16);
    (i16s[[0, 0, 0]], i16s[[0, 0, 1]]) = (i16::MIN, i16::MAX);
    let f32s = u16s.mapv(|v| f32::from(v) * 1.000_1 - 30_000.3);
    let all = [Samples::U8(u8s), Samples::I16(i16s), Samples::U16(u16s), Samples::F32(f32s)];
    all.map(|samples| {
        let expected = std::array::from_fn(|n| samples.get([n / 35, n / 7 % 5, n % 7]).unwrap() as f32);
        (samples, expected)
    })
    .into()
}

#[test]
fn adapters_are_listed_and_open_by_number_and_name() {
    if renderer().is_none() {
        return;
    }
    let facts = adapters();
    println!("{facts:#?}");
    assert!(!facts.is_empty());
    for (n, facts) in facts.iter().enumerate() {
        assert!(!facts.name.is_empty() && facts.max_texture_dimension_3d >= 256);
        let opened = GpuRenderer::open(&AdapterChoice::Number(n + 1)).unwrap();
        assert_eq!(opened.adapter().name, facts.name);
    }
    if let [only] = &facts[..] {
        let opened = GpuRenderer::open(&AdapterChoice::NumberOrName(only.name.to_uppercase())).unwrap();
        assert_eq!(opened.adapter().name, only.name);
    }
    if facts.iter().all(|facts| facts.kind == AdapterKind::Software) {
        let error = GpuRenderer::open(&AdapterChoice::Hardware).unwrap_err();
        assert!(matches!(error, Error::Device(DeviceFault::NoAdapter { wanted: None, .. })), "{error}");
    }
    let error = GpuRenderer::open(&AdapterChoice::NumberOrName("no such thing".to_owned())).unwrap_err();
    assert!(matches!(error, Error::Device(DeviceFault::NoAdapter { wanted: Some(_), .. })), "{error}");
}

#[test]
fn voxel_centres_come_back_exactly_for_every_sample_type() {
    let Some(renderer) = renderer() else { return };
    for (samples, expected) in every_type() {
        let name = samples.type_name();
        let grid = Grid::even([3, 5, 7], DAffine3::IDENTITY).unwrap();
        let volume = volume(grid, samples, (1.0, 0.0), None);
        for interpolation in [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic] {
            for k in 0..3 {
                let mut request = of_plane(slice_plane(f64::from(k), 7.0, 5.0), [7, 5], Output::Values);
                request.scene.layers[0].interpolation = interpolation;
                let image = render(renderer, &volume, &request);
                let first = 35 * k as usize;
                assert_eq!(values(&image), &expected[first..first + 35], "{name} {interpolation:?} {k}");
                assert_eq!(image.recipe().backend, "gpu");
                assert_eq!(image.recipe().adapter.as_ref(), Some(&renderer.adapter().name));
                assert_eq!(image.plane().unwrap().first_pixel_mm, DVec3::new(0.0, 0.0, f64::from(k)));
            }
        }
    }
}

/// A ramp in patient space on a sheared, uneven grid, cut obliquely.
#[test]
fn an_oblique_slice_of_a_ramp_is_the_ramp() {
    let Some(renderer) = renderer() else { return };
    let ramp = |p: DVec3| p.dot(DVec3::new(7.0, -3.0, 5.0)) + 100.0;
    let z_mm: Vec<f64> = (0..20).map(|k| f64::from(k) * 1.7 + f64::from(k % 3) * 0.4).collect();
    let matrix3 = DMat3::from_rotation_z(0.3)
        * DMat3::from_cols(DVec3::X * 0.7, DVec3::new(0.05, 0.8, -0.2), DVec3::new(0.0, 0.1, 1.0));
    let affine = DAffine3 { matrix3, translation: DVec3::new(-20.0, 35.0, 700.0) };
    let table = SliceTable::new(z_mm, vec![false; 19]).unwrap();
    let grid = Grid::uneven([20, 30, 40], affine, table).unwrap();
    let samples = Array3::from_shape_fn((20, 30, 40), |(k, j, i)| {
        ramp(grid.patient_from_index(DVec3::new(i as f64, j as f64, k as f64))) as f32
    });
    let (low, high) = (DVec3::ZERO, grid.size_ijk() - 1.0);
    let volume = volume(grid.clone(), Samples::F32(samples), (1.0, 0.0), None);
    let turn = DMat3::from_rotation_x(0.7) * DMat3::from_rotation_y(0.4);
    let (right, down) = (turn * DVec3::X, turn * DVec3::Y);
    let plane = SlicePlane { center_mm: volume.center_mm(), right, down, width_mm: 50.0 };
    for interpolation in [Interpolation::Linear, Interpolation::Cubic] {
        let mut request = of_plane(plane, [123, 97], Output::Values);
        request.scene.layers[0].interpolation = interpolation;
        let image = render(renderer, &volume, &request);
        let geometry = image.plane().unwrap();
        let mut inside = 0;
        for (n, &value) in values(&image).iter().enumerate() {
            let (x, y) = ((n % 123) as f64, (n / 123) as f64);
            let p = geometry.first_pixel_mm + (right * x + down * y) * geometry.pixel_mm;
            let index = grid.index_from_patient(p);
            if index.cmpge(low).all() && index.cmple(high).all() {
                inside += 1;
                assert!((f64::from(value) - ramp(p)).abs() < 0.01, "{interpolation:?} {x} {y}: {value}");
            }
            let outside = index.cmplt(low - 0.51).any() || index.cmpgt(high + 0.51).any();
            assert!(!outside || value.is_nan(), "{index}: {value}");
        }
        assert!(inside > 2000, "{inside}");
    }
}

/// The numbers of the LINEAR window 40, 400 (PS3.3 C.11.2.1.2.1), in every form of output.
#[test]
fn windows_give_the_standards_numbers() {
    let Some(renderer) = renderer() else { return };
    let row = [-160, -129, 0, 39, 65, 194, 239, 240];
    let samples = Array3::from_shape_fn((1, 1, 8), |(_, _, i)| row[i] as i16 - 24);
    let grid = Grid::even([1, 1, 8], DAffine3::IDENTITY).unwrap();
    let volume = volume(grid, Samples::I16(samples), (1.0, 24.0), None);
    let expected = [0u8, 20, 102, 127, 144, 226, 255, 255];
    let plane = slice_plane(0.0, 8.0, 1.0);
    let grey8 = render(renderer, &volume, &of_plane(plane, [8, 1], Output::Grey8));
    assert_eq!(grey8.pixels(), &Pixels::Grey8(expected.to_vec()));
    let rgba8 = render(renderer, &volume, &of_plane(plane, [8, 1], Output::Rgba8));
    assert_eq!(rgba8.pixels(), &Pixels::Rgba8(expected.iter().flat_map(|&v| [v, v, v, 255]).collect()));
    let grey16 = render(renderer, &volume, &of_plane(plane, [8, 1], Output::Grey16));
    let wide =
        row.map(|v| ((f64::from(v) + 160.0) / 399.0 * 65535.0 + 0.5).floor().clamp(0.0, 65535.0) as u16);
    let Pixels::Grey16(found) = grey16.pixels() else { panic!() };
    assert!(found[1..7].iter().zip(&wide[1..7]).all(|(a, b)| a.abs_diff(*b) <= 1), "{found:?} {wide:?}");
}

#[test]
fn inversion_colours_and_luts_are_applied_once() {
    let Some(renderer) = renderer() else { return };
    let samples = Array3::from_shape_fn((1, 1, 5), |(_, _, i)| 10 * i as u8);
    let grid = Grid::even([1, 1, 5], DAffine3::IDENTITY).unwrap();
    let volume = volume(grid, Samples::U8(samples), (1.0, 0.0), None);
    let stop = |at, color| ColorStop { at, color };
    let map = ColorMap::new(vec![stop(0.0, [1.0, 0.0, 0.0]), stop(1.0, [0.0, 0.0, 1.0])]).unwrap();
    let exact = Window::new(20.0, 40.0, WindowFunction::LinearExact).unwrap();
    let appearance = Appearance::Grey { voi: Voi::Window(exact), invert: true, colors: Some(map) };
    let view = View::Slice { plane: slice_plane(0.0, 5.0, 1.0) };
    let request = Request::new(Scene::of_primary(view.clone(), appearance), [5, 1], Output::Rgba8);
    let Pixels::Rgba8(found) = render(renderer, &volume, &request).pixels().clone() else { panic!() };
    // Inverted: from blue to red.
    assert_eq!(found[0..4], [0, 0, 255, 255]);
    assert_eq!(found[16..20], [255, 0, 0, 255]);
    assert!(found[8].abs_diff(128) <= 1 && found[9] == 0 && found[10].abs_diff(128) <= 1, "{found:?}");

    let lut = VoiLut::new(10.0, 8, (0..=10).map(|n| 200 - 10 * n).collect()).unwrap();
    let appearance = Appearance::Grey { voi: Voi::Lut(lut), invert: false, colors: None };
    let request = Request::new(Scene::of_primary(view.clone(), appearance), [5, 1], Output::Grey8);
    let image = render(renderer, &volume, &request);
    assert_eq!(image.pixels(), &Pixels::Grey8(vec![200, 200, 100, 100, 100]));

    let sigmoid = Window::new(20.0, 40.0, WindowFunction::Sigmoid).unwrap();
    let appearance = Appearance::Grey { voi: Voi::Window(sigmoid), invert: false, colors: None };
    let request = Request::new(Scene::of_primary(view, appearance), [5, 1], Output::Grey8);
    let image = render(renderer, &volume, &request);
    let expected =
        [0.0, 10.0, 20.0, 30.0, 40.0].map(|x| (sigmoid.display_from_modality(x) * 255.0 + 0.5) as u8);
    assert_eq!(image.pixels(), &Pixels::Grey8(expected.to_vec()));
}

#[test]
fn padding_is_no_sample_and_does_not_bleed() {
    let Some(renderer) = renderer() else { return };
    let samples =
        Array3::from_shape_fn((1, 1, 4), |(_, _, i)| if i == 2 { -2000i16 } else { 100 * i as i16 });
    let grid = Grid::even([1, 1, 4], DAffine3::IDENTITY).unwrap();
    let volume = volume(grid, Samples::I16(samples), (2.0, 1.0), Some(-2000.0));
    // Pixels at -0.75, -0.25, 0.25 .. 4.25: half a voxel apart.
    let plane = SlicePlane { center_mm: DVec3::X * 1.75, width_mm: 5.5, ..slice_plane(0.0, 1.0, 1.0) };
    let image = render(renderer, &volume, &of_plane(plane, [11, 1], Output::Values));
    let found: Vec<Option<f32>> = values(&image).iter().map(|v| (!v.is_nan()).then_some(*v)).collect();
    let none = None;
    let expected =
        [none, Some(1.0), Some(51.0), Some(151.0), none, none, none, none, Some(601.0), none, none];
    assert_eq!(found, expected);
    // Nearest: only the padding itself is missing.
    let mut request = of_plane(plane, [11, 1], Output::Values);
    request.scene.layers[0].interpolation = Interpolation::Nearest;
    let nearest = render(renderer, &volume, &request);
    let missing: Vec<usize> = (0..11).filter(|&n| values(&nearest)[n].is_nan()).collect();
    assert_eq!(missing, [0, 5, 6, 9, 10]);
    // The background, where there is no sample.
    let mut request = of_plane(plane, [11, 1], Output::Grey8);
    request.scene.background = [0.2, 0.5, 0.8];
    let Pixels::Grey8(grey) = render(renderer, &volume, &request).pixels().clone() else { panic!() };
    assert_eq!((grey[0], grey[5], grey[10]), (51, 51, 51));
}

#[test]
fn missing_slices_are_hatched_in_slices_only() {
    let Some(renderer) = renderer() else { return };
    let table = SliceTable::new(vec![0.0, 1.0, 5.0, 6.0], vec![false, true, false]).unwrap();
    let grid = Grid::uneven([4, 40, 40], DAffine3::IDENTITY, table).unwrap();
    let samples = Samples::U16(Array3::from_elem((4, 40, 40), 7));
    let volume = volume(grid, samples, (1.0, 0.0), None);
    let at =
        |z: f64, output| render(renderer, &volume, &of_plane(slice_plane(z, 40.0, 40.0), [40, 40], output));
    assert!(values(&at(3.0, Output::Values)).iter().all(|v| v.is_nan()));
    for z in [-0.4, 0.5, 1.0, 5.0, 6.4] {
        assert!(values(&at(z, Output::Values)).iter().all(|&v| v == 7.0), "{z}");
    }
    let Pixels::Grey8(grey) = at(3.0, Output::Grey8).pixels().clone() else { panic!() };
    for (n, &level) in grey.iter().enumerate() {
        assert_eq!(level, if (n % 40 + n / 40) / 8 % 2 == 0 { 51 } else { 0 }, "{n}");
    }
    let plane = SlicePlane { center_mm: DVec3::new(19.5, 19.5, 9.0), ..slice_plane(0.0, 40.0, 40.0) };
    let Pixels::Grey8(outside) =
        render(renderer, &volume, &of_plane(plane, [40, 40], Output::Grey8)).pixels().clone()
    else {
        panic!()
    };
    assert!(outside.iter().all(|&v| v == 0));
}

/// Values k^2 on slices 1 mm apart, through a slab of 4 mm about slice 4: samples every 0.5 mm from 2 to 6.
#[test]
fn slabs_and_projections_reduce_as_defined() {
    let Some(renderer) = renderer() else { return };
    let grid = Grid::even([9, 4, 4], DAffine3::IDENTITY).unwrap();
    let samples = Samples::I16(Array3::from_shape_fn((9, 4, 4), |(k, _, _)| (k * k) as i16));
    let volume = volume(grid, samples, (1.0, 0.0), None);
    let plane = slice_plane(4.0, 4.0, 4.0);
    let camera = StandardView::Axial.camera(volume.grid(), 1.0);
    let linear = |z: f64| {
        let k = z.floor().clamp(0.0, 7.0);
        k * k + (z - k) * (2.0 * k + 1.0)
    };
    let samples: Vec<f64> = (0..9).map(|n| linear(2.0 + 0.5 * f64::from(n))).collect();
    let trapezoid = samples.windows(2).map(|p| (p[0] + p[1]) / 2.0).sum::<f64>() / 8.0;
    for (projection, in_slab, in_all) in [
        (Projection::Mip, 36.0, 64.0),
        (Projection::MinIp, 4.0, 0.0),
        (Projection::Mean, trapezoid, f64::NAN),
    ] {
        let view = View::Slab { plane, thickness_mm: 4.0, projection };
        let request = Request::new(Scene::of_primary(view, window(40.0, 400.0)), [4, 4], Output::Values);
        let slab = render(renderer, &volume, &request);
        assert!(values(&slab).iter().all(|&v| (f64::from(v) - in_slab).abs() < 1e-5), "{projection:?}");
        let view = View::Projection { camera, projection };
        let request = Request::new(Scene::of_primary(view, window(40.0, 400.0)), [4, 4], Output::Values);
        let all = render(renderer, &volume, &request);
        assert!(
            in_all.is_nan() || values(&all).iter().all(|&v| f64::from(v) == in_all),
            "{:?}",
            values(&all)
        );
    }
}

fn constant_rendering(opacity_per_mm: f64, region: Region) -> Request {
    let point = |value| TransferPoint { value, color: [0.8, 0.4, 0.2], opacity_per_mm };
    let transfer_function = TransferFunction::new(vec![point(0.0), point(100.0)]).unwrap();
    let camera = Camera {
        eye_mm: DVec3::new(9.5, 9.5, -100.0),
        target_mm: DVec3::splat(9.5),
        up: -DVec3::Y,
        lens: Lens::Orthographic { height_mm: 40.0 },
    };
    let shading = Shading { ambient: 1.0, diffuse: 0.0, specular: 0.0, ..Shading::default() };
    let view = View::Rendering { camera, shading };
    let mut scene = Scene::of_primary(view, Appearance::Classified { transfer_function });
    scene.layers[0].region = region;
    scene.background = [0.1, 0.2, 0.3];
    let mut request = Request::new(scene, [40, 40], Output::Rgba8);
    request.quality.early_termination = false;
    request
}

/// Beer-Lambert through a uniform cube of 20 mm, whole and cut in half, seen with and without the cube.
#[test]
fn a_uniform_cube_takes_light_away_by_its_thickness() {
    let Some(renderer) = renderer() else { return };
    let grid = Grid::even([20, 20, 20], DAffine3::IDENTITY).unwrap();
    let volume = volume(grid, Samples::U8(Array3::from_elem((20, 20, 20), 50)), (1.0, 0.0), None);
    let whole = Region::default();
    let clip = ClipPlane { point_mm: DVec3::splat(9.5), normal: DVec3::Z };
    let clipped = Region { clip_planes: vec![clip], ..Region::default() };
    let crop = CropBox { min_mm: DVec3::new(-1.0, -1.0, 4.5), max_mm: DVec3::new(30.0, 30.0, 9.5) };
    let cropped = Region { crop: Some(crop), ..Region::default() };
    for (region, thickness_mm) in [(whole, 20.0), (clipped, 10.0), (cropped, 5.0)] {
        let Pixels::Rgba8(found) =
            render(renderer, &volume, &constant_rendering(0.05, region)).pixels().clone()
        else {
            panic!()
        };
        let transmittance = 0.95f64.powf(thickness_mm);
        let expected = [(0.8, 0.1), (0.4, 0.2), (0.2, 0.3)]
            .map(|(c, b)| (c * (1.0 - transmittance) + b * transmittance) * 255.0);
        let middle = &found[4 * (20 * 40 + 20)..][..4];
        for (found, expected) in middle.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() <= 0.6, "{thickness_mm}: {middle:?} {expected}");
        }
        assert_eq!(found[0..4], [26, 51, 77, 255], "the background in a corner");
        assert_eq!(middle[3], 255);
    }
}

#[test]
fn a_part_of_a_picture_equals_the_same_part_of_the_whole() {
    let Some(renderer) = renderer() else { return };
    for (volume, request) in self_test_scenes().unwrap() {
        let whole = render(renderer, &volume, &request);
        let region = PixelRect { x: 13, y: 7, width: 41, height: 38 };
        let part = render(renderer, &volume, &Request { region: Some(region), ..request.clone() });
        let row = |image: &Image, y: u32, x: u32, n: u32| -> Vec<u32> {
            let from = (y * image.width_px() + x) as usize;
            let n = n as usize;
            match image.pixels() {
                Pixels::Grey8(p) => p[from..from + n].iter().map(|&v| v.into()).collect(),
                Pixels::Values(p) => p[from..from + n].iter().map(|v| v.to_bits()).collect(),
                Pixels::Rgba8(p) => p[4 * from..4 * (from + n)].iter().map(|&v| v.into()).collect(),
                other => panic!("{other:?}"),
            }
        };
        for y in 0..38 {
            assert_eq!(row(&part, y, 0, 41), row(&whole, y + 7, 13, 41), "{} {y}", request.scene.view.kind());
        }
    }
}

#[test]
fn the_same_request_gives_the_same_bytes_however_it_is_cut() {
    let Some(renderer) = renderer() else { return };
    for (volume, request) in self_test_scenes().unwrap() {
        let request = Request { size_px: [200, 150], ..request };
        let uploaded = renderer.upload(&volume, &Progress::new()).unwrap();
        let whole = render(renderer, &volume, &request);
        let mut frame = renderer.begin(&request, &Bindings::primary(&uploaded)).unwrap();
        let mut done = 0.0;
        while let FrameStatus::Pending { done: now } = frame.advance(Duration::ZERO).unwrap() {
            assert!(now > done && now < 1.0);
            done = now;
        }
        assert!(done > 0.0, "a picture of 130 tiles takes several batches");
        let again = frame.finish().unwrap();
        assert_eq!(bits(&whole), bits(&again));
    }
}

#[test]
fn what_the_device_cannot_hold_is_refused_before_it_is_allocated() {
    if renderer().is_none() {
        return;
    }
    let open = || GpuRenderer::open(&AdapterChoice::Number(1)).unwrap();
    let grid = Grid::even([70, 70, 70], DAffine3::IDENTITY).unwrap();
    let large = volume(grid, Samples::U8(Array3::zeros((70, 70, 70))), (1.0, 0.0), None);
    let error = open().with_memory_budget(600_000).upload(&large, &Progress::new()).unwrap_err();
    assert!(matches!(error, Error::Limits { allowed: 600_000, .. }), "{error}");
    let grid = Grid::even([2, 2, 3], DAffine3::IDENTITY).unwrap();
    let small = volume(grid, Samples::U8(Array3::zeros((2, 2, 3))), (1.0, 0.0), None);
    assert!(open().with_memory_budget(24).upload(&small, &Progress::new()).is_ok());
    let mut fine = constant_rendering(0.1, Region::default());
    fine.quality.step = 1e-6;
    let renderer = open();
    let uploaded = renderer.upload(&small, &Progress::new()).unwrap();
    let error = renderer.begin(&fine, &Bindings::primary(&uploaded)).unwrap_err();
    assert!(matches!(error, Error::Limits { what: "a ray's samples", .. }), "{error}");
    let cancelled = Progress::new();
    cancelled.cancel();
    assert!(matches!(renderer.upload(&small, &cancelled), Err(Error::Cancelled)));
}

/// A self-test that is given wrong pictures must fail, and one that is given its own must pass.
#[test]
fn the_self_test_tells_right_from_wrong() {
    let Some(renderer) = renderer() else { return };
    renderer.self_test(|volume, request| Ok(render(renderer, volume, request))).unwrap();
    let wrong = renderer.self_test(|volume, request| {
        let mut request = request.clone();
        request.quality.step = 0.9;
        request.scene.layers[0].interpolation = Interpolation::Nearest;
        Ok(render(renderer, volume, &request))
    });
    assert!(matches!(wrong, Err(Error::Device(DeviceFault::SelfTest { pixels })) if pixels > 0), "{wrong:?}");
}

/// A device of the caller's, with no optional feature and no more than the default limits: 16-bit samples are kept as
/// integers, and every picture is the same.
#[test]
fn no_optional_feature_is_needed() {
    let Some(renderer) = renderer() else { return };
    let mut description = wgpu::InstanceDescriptor::new_without_display_handle();
    SharedDevice::prepare(&mut description);
    let backends = description.backends;
    let found = pollster::block_on(wgpu::Instance::new(description).enumerate_adapters(backends));
    let name = &renderer.adapter().name;
    let adapter = found.into_iter().find(|adapter| adapter.get_info().name == *name).unwrap();
    let (device, queue) =
        pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default())).unwrap();
    let plain = GpuRenderer::from_device(device, queue);
    assert!(!plain.adapter().has_unorm16);
    assert_eq!(plain.adapter().name, *name);
    plain.self_test(|volume, request| Ok(render(renderer, volume, request))).unwrap();
    for (volume, request) in self_test_scenes().unwrap() {
        assert_eq!(bits(&render(&plain, &volume, &request)), bits(&render(renderer, &volume, &request)));
    }
}

/// The texture unit's weights have 8 fractional bits, so that a value is off by at most half a step of each axis's
/// weight times how much neighbours differ. Near padding, and what is not of up to 16 bits, is interpolated exactly.
#[test]
fn a_preview_is_off_by_what_the_texture_unit_may_be() {
    let Some(renderer) = renderer() else { return };
    let shape = [14, 15, 16];
    let grid = || Grid::even(shape, DAffine3::from_rotation_x(0.4)).unwrap();
    let value = |k: usize, j: usize, i: usize| ((k * 7919 + j * 104_729 + i * 1_299_709) % 1500) as i16;
    let samples = Array3::from_shape_fn((14, 15, 16), |(k, j, i)| value(k, j, i));
    let center_mm = grid().center_mm();
    let turn = DMat3::from_rotation_y(0.5);
    let plane = SlicePlane { center_mm, right: turn.x_axis, down: turn.y_axis, width_mm: 20.0 };
    let camera = StandardView::Coronal.camera(&grid(), 1.3);
    let views = [
        View::Slice { plane },
        View::Slab { plane, thickness_mm: 2.0, projection: Projection::Mean },
        View::Projection { camera, projection: Projection::Mip },
    ];
    // How far each view's values are apart at most.
    let apart = |samples: Samples, padding: Option<f64>| {
        let volume = volume(grid(), samples, (1.0, 0.0), padding);
        views.each_ref().map(|view| {
            let scene = Scene::of_primary(view.clone(), window(700.0, 1500.0));
            let exact = Request::new(scene, [90, 70], Output::Values);
            let mut preview = exact.clone();
            preview.quality.precision = Precision::Preview;
            let [a, b] = [&exact, &preview].map(|request| render(renderer, &volume, request));
            let pairs = values(&a).iter().zip(values(&b));
            assert!(pairs.clone().all(|(a, b)| a.is_nan() == b.is_nan()), "{view:?}");
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        })
    };
    let plain = apart(Samples::I16(samples.clone()), None);
    println!("at most {plain:?} apart");
    let most = 3.0 / 512.0 * 1500.0 + 0.1;
    assert!(plain.iter().all(|&apart| apart <= most), "{plain:?}");
    assert_eq!(apart(Samples::F32(samples.mapv(f32::from)), None), [0.0; 3]);
    // Padding that is stated and not there changes nothing. That of a corner would be 3,500 apart from what is beside it.
    assert_eq!(apart(Samples::I16(samples.clone()), Some(-5.0)), plain);
    let mut padded = samples;
    for ((k, j, i), sample) in padded.indexed_iter_mut() {
        *sample = if i + j + k < 9 { -2000 } else { *sample };
    }
    let padded = apart(Samples::I16(padded), Some(-2000.0));
    assert!(padded.iter().all(|&apart| apart <= most), "{padded:?}");
}
