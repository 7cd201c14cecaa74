//! Pictures in the making: parts, threads, budgets, cancellation.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use anatome_core::*;
use anatome_cpu::CpuRenderer;
use glam::DVec3;
use ndarray::Array3;

use crate::scenes::*;

fn noise(random: &mut Random) -> Arc<Volume> {
    let grid = random.grid([30, 40, 50], true, true);
    let samples = Array3::from_shape_simple_fn((30, 40, 50), || random.between(-200.0, 300.0) as i16);
    volume(grid, Samples::I16(samples), padding(-150.0))
}

/// One request of each kind.
fn requests(volume: &Volume, size: [u32; 2]) -> Vec<Request> {
    let aspect = f64::from(size[0]) / f64::from(size[1]);
    let mut oblique = StandardView::Coronal.plane(volume.grid(), Planes::Patient, volume.center_mm(), aspect);
    oblique.width_mm *= 0.7;
    let camera = StandardView::Sagittal.camera(volume.grid(), aspect);
    let views = [
        (View::Slice { plane: oblique }, grey(40.0, 400.0), Output::Grey8),
        (View::Slice { plane: oblique }, grey(40.0, 400.0), Output::Values),
        (
            View::Slab { plane: oblique, thickness_mm: 7.0, projection: Projection::Mean },
            grey(40.0, 400.0),
            Output::Rgba8,
        ),
        (View::Projection { camera, projection: Projection::Mip }, grey(40.0, 400.0), Output::Grey16),
        (
            View::Rendering { camera, shading: Shading::default() },
            classified(&[(50.0, 0.0), (300.0, 0.6)]),
            Output::Rgba8,
        ),
    ];
    let request =
        |(view, appearance, output)| Request::new(Scene::of_primary(view, appearance), size, output);
    views.into_iter().map(request).collect()
}

#[test]
fn a_part_of_a_picture_equals_the_same_part_of_the_whole() {
    let mut random = Random(3);
    let volume = noise(&mut random);
    for mut request in requests(&volume, [150, 110]) {
        let whole = bytes(&render(&volume, &request));
        let pixel = request.output.bytes_per_pixel();
        for rect in [[0, 0, 150, 1], [37, 21, 70, 65], [149, 109, 1, 1], [16, 32, 16, 16], [31, 5, 3, 60]] {
            let [x, y, width, height] = rect;
            request.region = Some(PixelRect { x, y, width, height });
            let part = render(&volume, &request);
            let wanted: Vec<u8> = (y..y + height)
                .flat_map(|row| {
                    let start = (row * 150 + x) as usize * pixel;
                    whole[start..start + width as usize * pixel].to_vec()
                })
                .collect();
            assert!(bytes(&part) == wanted, "{} {rect:?}", request.scene.view.kind());
            if let Some(geometry) = part.plane() {
                let (View::Slice { plane } | View::Slab { plane, .. }) = &request.scene.view else {
                    panic!()
                };
                let px = plane.width_mm / 150.0;
                let corner = plane.center_mm
                    - plane.right * (74.5 - f64::from(x)) * px
                    - plane.down * (54.5 - f64::from(y)) * px;
                assert!((geometry.first_pixel_mm - corner).length() < 1e-9);
            }
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let mut random = Random(4);
    let volume = noise(&mut random);
    for request in requests(&volume, [130, 90]) {
        let pictures = [1, 2, 5].map(|threads| bytes(&render_with(&renderer(threads), &volume, &request)));
        assert!(pictures[0] == pictures[1] && pictures[0] == pictures[2], "{}", request.scene.view.kind());
    }
}

/// Slices and slabs along the grid and across it, and every projection and rendering along rays.
fn requests_of_all_paths(volume: &Volume, size: [u32; 2]) -> Vec<Request> {
    let aspect = f64::from(size[0]) / f64::from(size[1]);
    let center_mm = volume.center_mm();
    let camera = StandardView::Sagittal.camera(volume.grid(), aspect);
    let central = Camera { lens: Lens::Perspective { fov_rad: 0.9 }, ..camera };
    let mut views = Vec::new();
    for (n, view) in
        [StandardView::Axial, StandardView::Coronal, StandardView::Sagittal].into_iter().enumerate()
    {
        let projection = [Projection::Mip, Projection::MinIp, Projection::Mean][n];
        for planes in [Planes::Acquisition, Planes::Patient] {
            let mut plane = view.plane(volume.grid(), planes, center_mm, aspect);
            plane.width_mm *= 0.7;
            views.push(View::Slice { plane });
            views.push(View::Slab { plane, thickness_mm: 7.0, projection });
        }
        views.push(View::Projection { camera: if n == 1 { central } else { camera }, projection });
    }
    let grey = views.into_iter().enumerate().map(|(n, view)| {
        let output = [Output::Grey8, Output::Values, Output::Grey16][n % 3];
        Request::new(Scene::of_primary(view, grey(40.0, 400.0)), size, output)
    });
    let renderings = [camera, central].map(|camera| {
        let view = View::Rendering { camera, shading: Shading::default() };
        Request::new(Scene::of_primary(view, classified(&[(50.0, 0.0), (300.0, 0.2)])), size, Output::Rgba8)
    });
    grey.chain(renderings).collect()
}

/// For every sample type, on even and uneven grids, with and without padding: runs of samples whose neighbours are all
/// voxels, differences for gradients, and what pixels along the grid share are computed in ways of their own.
#[test]
fn vector_instructions_do_not_change_a_bit() {
    let mut random = Random(6);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let portable = CpuRenderer::portable(Arc::new(pool));
    let renderer = renderer(1);
    let shape = (30, 40, 50);
    for n in 0..16 {
        let (is_uneven, is_padded) = (n / 4 % 2 == 1, n / 8 == 1);
        let grid = random.grid([30, 40, 50], is_uneven, is_padded);
        let mut value = |low: f64| random.between(low, 300.0);
        let samples = match n % 4 {
            0 => Samples::U8(Array3::from_shape_simple_fn(shape, || value(0.0).min(255.0) as u8)),
            1 => Samples::I16(Array3::from_shape_simple_fn(shape, || value(-200.0) as i16)),
            2 => Samples::U16(Array3::from_shape_simple_fn(shape, || value(0.0) as u16)),
            _ => Samples::F32(Array3::from_shape_simple_fn(shape, || value(-200.0) as f32)),
        };
        let padding = Padding { lowest: 70.0, highest: 70.5 };
        let volume = volume(grid, samples, is_padded.then_some(padding));
        for mut request in requests_of_all_paths(&volume, [61, 40]) {
            let interpolations: &[_] = match request.scene.view {
                View::Slice { .. } | View::Slab { .. } => {
                    &[Interpolation::Linear, Interpolation::Nearest, Interpolation::Cubic]
                }
                _ => &[Interpolation::Linear, Interpolation::Nearest],
            };
            for &interpolation in interpolations {
                request.scene.layers[0].interpolation = interpolation;
                let pictures =
                    [&renderer, &portable].map(|renderer| bytes(&render_with(renderer, &volume, &request)));
                assert!(pictures[0] == pictures[1], "{n} {interpolation:?} {:?}", request.scene.view);
                assert!(pictures[0].chunks(4).any(|pixel| pixel != &pictures[0][..4]), "not blank");
            }
        }
    }
}

#[test]
fn a_frame_goes_on_by_budgets_and_can_be_cancelled() {
    let mut random = Random(5);
    let volume = noise(&mut random);
    let renderer = renderer(1);
    let uploaded = renderer.upload(&volume, &Progress::new()).unwrap();
    for request in requests(&volume, [200, 150]) {
        let bindings = Bindings::primary(&uploaded);
        let whole = renderer.render(&request, &bindings, &Progress::new()).unwrap();
        let mut frame = renderer.begin(&request, &bindings).unwrap();
        let mut before = 0.0;
        let mut steps = 0;
        while let FrameStatus::Pending { done } = frame.advance(Duration::ZERO).unwrap() {
            assert!(done > before && done < 1.0);
            before = done;
            steps += 1;
        }
        assert!(steps > 3, "{steps}");
        assert_eq!(bytes(&frame.finish().unwrap()), bytes(&whole));
        // A frame that was never advanced is rendered by `finish`.
        assert_eq!(bytes(&renderer.begin(&request, &bindings).unwrap().finish().unwrap()), bytes(&whole));
        assert_eq!((whole.width_px(), whole.height_px()), (200, 150));
        assert_eq!(whole.recipe().backend, "cpu");
        assert_eq!(whole.recipe().sources[0].digest, format!("{:016x}", volume.digest()));
        let cancelled = Progress::new();
        cancelled.cancel();
        assert!(matches!(renderer.render(&request, &bindings, &cancelled), Err(Error::Cancelled)));
    }
}

/// As views do that are opened together: whoever waits for another must not be needed by it.
#[test]
fn pictures_of_one_volume_begin_at_once() {
    const AT_ONCE: usize = 4;
    let mut random = Random(7);
    let volume = noise(&mut random);
    let requests = Arc::new(requests(&volume, [32, 24]));
    let renderer = Arc::new(renderer(2));
    for n in 0..200 {
        let uploaded = Arc::new(renderer.upload(&volume, &Progress::new()).unwrap());
        let start = Arc::new(Barrier::new(AT_ONCE));
        let (tell, told) = channel();
        for view in 0..AT_ONCE {
            let (renderer, uploaded, requests) =
                (Arc::clone(&renderer), Arc::clone(&uploaded), Arc::clone(&requests));
            let (start, tell) = (Arc::clone(&start), tell.clone());
            std::thread::spawn(move || {
                start.wait();
                // Projections and renderings share what they skip by.
                renderer.begin(&requests[3 + view % 2], &Bindings::primary(&*uploaded)).unwrap();
                tell.send(()).unwrap();
            });
        }
        for _ in 0..AT_ONCE {
            let begun = told.recv_timeout(Duration::from_secs(30));
            assert!(begun.is_ok(), "pictures wait for one another: round {n}");
        }
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    let volume = cubes(Array3::zeros((4, 4, 4)), None);
    let renderer = renderer(1);
    let uploaded = renderer.upload(&volume, &Progress::new()).unwrap();
    let mut request = slice(plane(DVec3::ZERO, DVec3::X, DVec3::Y, [4, 4]), [4, 4], Output::Grey8);
    let begin = |request: &Request| renderer.begin(request, &Bindings::primary(&uploaded)).map(|_| ());
    assert!(begin(&request).is_ok());
    request.scene.layers[0].slot = "overlay".to_owned();
    assert!(matches!(begin(&request), Err(Error::Scene(SceneFault::UnboundSlot { .. }))));
    request.scene.layers.clear();
    assert!(matches!(begin(&request), Err(Error::Scene(SceneFault::NoLayers))));
    let cancelled = Progress::new();
    cancelled.cancel();
    assert!(matches!(renderer.upload(&volume, &cancelled), Err(Error::Cancelled)));
}
