//! Projections and renderings.

use anatome_core::*;
use glam::{DAffine3, DVec3};
use ndarray::Array3;

use crate::scenes::*;

fn project(camera: Camera, projection: Projection, size: [u32; 2]) -> Request {
    let view = View::Projection { camera, projection };
    Request::new(Scene::of_primary(view, grey(40.0, 400.0)), size, Output::Values)
}

/// From the feet, pixel by voxel of 1 mm.
fn from_below(size: [u32; 2]) -> Camera {
    let [width, height] = size.map(|n| (f64::from(n) - 1.0) / 2.0);
    let target_mm = DVec3::new(width, height, 5.0);
    let lens = Lens::Orthographic { height_mm: f64::from(size[1]) };
    Camera { eye_mm: target_mm - DVec3::Z * 50.0, target_mm, up: -DVec3::Y, lens }
}

#[test]
fn projections_take_each_column() {
    let mut random = Random(6);
    let samples = Array3::from_shape_simple_fn((11, 9, 13), || random.between(-1000.0, 3000.0) as i16);
    let volume = cubes(samples.clone(), None);
    for projection in [Projection::Mip, Projection::MinIp, Projection::Mean] {
        let mut request = project(from_below([13, 9]), projection, [13, 9]);
        request.scene.layers[0].interpolation = Interpolation::Nearest;
        let image = render(&volume, &request);
        for (n, &value) in values(&image).iter().enumerate() {
            let column = samples.slice(ndarray::s![.., n / 13, n % 13]);
            match projection {
                Projection::Mip => assert_eq!(value, f32::from(*column.iter().max().unwrap())),
                Projection::MinIp => assert_eq!(value, f32::from(*column.iter().min().unwrap())),
                Projection::Mean => {
                    // Steps of half a voxel from -0.5 to 10.5; halves are nearest to the next voxel.
                    let (first, last) = (f32::from(column[0]), f32::from(column[10]));
                    let sum: f32 = column.iter().map(|&v| 2.0 * f32::from(v)).sum();
                    let mean = (sum + last - 0.5 * (first + last)) / 22.0;
                    assert!((value - mean).abs() < 0.01, "{value} {mean}");
                }
            }
        }
    }
}

/// Beer-Lambert: a constant of so much opacity per mm, through 20 mm, whatever the step.
#[test]
fn opacity_is_per_millimetre() {
    let volume = cubes(Array3::from_elem((20, 12, 12), 500), None);
    for opacity in [0.01, 0.1, 0.5] {
        for step in [0.2, 0.5, 1.0, 3.3] {
            let camera = from_below([12, 12]);
            let shading = Shading { ambient: 1.0, diffuse: 0.0, specular: 0.0, ..Shading::default() };
            let view = View::Rendering { camera, shading };
            let scene = Scene::of_primary(view, classified(&[(400.0, opacity), (600.0, opacity)]));
            let mut request = Request::new(scene, [12, 12], Output::Rgba8);
            request.quality.step = step;
            let expected = 255.0 * (1.0 - (1.0 - opacity).powi(20));
            let pixels = bytes(&render(&volume, &request));
            for pixel in pixels.chunks(4) {
                let off = f64::from(pixel[0]) - expected;
                assert!(off.abs() <= 1.0, "{opacity} {step} {pixel:?} {expected}");
                assert!((f64::from(pixel[1]) - 0.8 * expected).abs() <= 1.0);
            }
        }
    }
}

/// Colour bands by value on a ramp along x: clip planes and crop boxes keep what they say.
#[test]
fn crops_and_planes_cut() {
    let volume = cubes(Array3::from_elem((20, 20, 20), 500), None);
    let size = [20, 20];
    let view = View::Rendering { camera: from_below(size), shading: Shading::default() };
    let mut scene = Scene::of_primary(view, classified(&[(400.0, 0.9), (600.0, 0.9)]));
    let region = &mut scene.layers[0].region;
    region.crop = Some(CropBox { min_mm: DVec3::new(3.5, -9.0, -9.0), max_mm: DVec3::new(99.0, 12.5, 99.0) });
    region.clip_planes.push(ClipPlane { point_mm: DVec3::new(9.5, 0.0, 0.0), normal: DVec3::NEG_X });
    let pixels = bytes(&render(&volume, &Request::new(scene, size, Output::Rgba8)));
    for (n, pixel) in pixels.chunks(4).enumerate() {
        let (x, y) = (n % 20, n / 20);
        let kept = (4..10).contains(&x) && y <= 12;
        assert_eq!(pixel[0] > 0, kept, "{x} {y} {pixel:?}");
    }
}

/// A wall that faces the light is brighter than one that turns away, on sheared grids too, and a flat place is lit
/// evenly.
#[test]
fn surfaces_are_lit_by_the_gradient_in_millimetres() {
    let mut random = Random(8);
    for round in 0..8 {
        let grid = random.grid([40, 50, 50], round % 2 == 1, false);
        let center = grid.center_mm();
        let normal = random.vector(1.0).normalize();
        let samples = Array3::from_shape_fn((40, 50, 50), |(k, j, i)| {
            let p = grid.patient_from_index(DVec3::new(i as f64, j as f64, k as f64));
            (1000.0 * normal.dot(p - center)) as f32
        });
        let volume = volume(grid, Samples::F32(samples), None);
        let toward = if normal.z.abs() < 0.9 { DVec3::Z } else { DVec3::X };
        let forward = (normal + 0.3 * toward).normalize();
        let camera = Camera {
            eye_mm: center - forward * 100.0,
            target_mm: center,
            up: forward.any_orthogonal_vector(),
            lens: Lens::Orthographic { height_mm: 2.0 },
        };
        let shading =
            Shading { ambient: 0.1, diffuse: 0.8, specular: 0.0, shininess: 1.0, gradient_floor: 0.0 };
        let view = View::Rendering { camera, shading };
        let scene = Scene::of_primary(view, classified(&[(-50.0, 0.0), (0.0, 0.999), (9e4, 0.999)]));
        let pixels = bytes(&render(&volume, &Request::new(scene, [5, 5], Output::Rgba8)));
        let (right, down, forward) = camera.frame().unwrap();
        let light = (-forward - right * 0.35 - down * 0.45).normalize();
        let expected = 255.0 * (0.1 + 0.8 * light.dot(normal).abs());
        let shown = f64::from(pixels[4 * 12]);
        assert!((shown - expected).abs() <= 1.5, "round {round}: {shown} {expected}");
    }
}

/// Where a side has no sample, the middle stands for it. All light is taken between z = -0.5 and 0, at -0.25 in the
/// mean, where the gradient is (1075 - 1000) / 2. Behind padding, so that the surface is no face of the volume.
#[test]
fn surfaces_at_the_border_are_lit_by_one_side() {
    let samples =
        Array3::from_shape_fn((14, 9, 9), |(k, _, _)| if k < 3 { 0 } else { 1000 + 100 * k as i16 });
    let volume = cubes(samples, Some(Padding { lowest: 0.0, highest: 0.0 }));
    let shading = Shading { ambient: 0.0, diffuse: 0.0, specular: 0.0, shininess: 1.0, gradient_floor: 50.0 };
    let view = View::Rendering { camera: from_below([9, 9]), shading };
    let scene = Scene::of_primary(view, classified(&[(0.0, 1.0), (9999.0, 1.0)]));
    let pixels = bytes(&render(&volume, &Request::new(scene, [9, 9], Output::Rgba8)));
    let [r, g, b] = [1.0, 0.8, 0.6].map(|c| (255.0 * c * 0.5) as i32);
    for pixel in pixels.chunks(4) {
        let off = [r, g, b].iter().zip(pixel).map(|(a, &b)| (a - i32::from(b)).abs()).max();
        assert!(off <= Some(1), "{pixel:?}");
    }
}

/// A cut through noise is as even as the face that cuts it, and lit by its normal; from inside, nothing is cut.
#[test]
fn cuts_show_no_texture() {
    let mut random = Random(8);
    let samples = Array3::from_shape_simple_fn((20, 20, 20), || random.between(500.0, 1500.0) as i16);
    let volume = cubes(samples, None);
    let middle_mm = DVec3::splat(9.5);
    let normal = DVec3::new(0.3, -0.2, 0.9).normalize();
    let clip = ClipPlane { point_mm: middle_mm, normal };
    let crop = CropBox { min_mm: DVec3::splat(5.25), max_mm: DVec3::splat(30.0) };
    let shading = Shading { ambient: 0.25, diffuse: 0.5, specular: 0.7, ..Shading::default() };
    let camera = Camera {
        eye_mm: middle_mm - DVec3::Z * 50.0,
        target_mm: middle_mm,
        up: -DVec3::Y,
        lens: Lens::Orthographic { height_mm: 6.0 },
    };
    let inside = Camera {
        eye_mm: middle_mm,
        target_mm: middle_mm + DVec3::Z,
        lens: Lens::Perspective { fov_rad: 0.6 },
        ..camera
    };
    let faces = [
        (camera, Region::default(), Some(DVec3::Z)),
        (camera, Region { crop: Some(crop), clip_planes: vec![] }, Some(DVec3::Z)),
        (camera, Region { crop: Some(crop), clip_planes: vec![clip] }, Some(normal)),
        (inside, Region::default(), None),
    ];
    for (camera, region, face) in faces {
        let view = View::Rendering { camera, shading };
        let mut scene = Scene::of_primary(view, classified(&[(0.0, 1.0), (9999.0, 1.0)]));
        scene.layers[0].region = region;
        let pixels = bytes(&render(&volume, &Request::new(scene, [24, 24], Output::Rgba8)));
        let Some(face) = face else {
            assert!(pixels.chunks(4).any(|pixel| pixel != &pixels[..4]));
            continue;
        };
        // Towards the viewer, a little from the left and from above.
        let light = (-DVec3::Z - DVec3::X * 0.35 - DVec3::Y * 0.45).normalize();
        let shade = 0.25 + 0.5 * face.dot(light).abs();
        let expected = [1.0, 0.8, 0.6].map(|part| 255.0 * part * shade);
        for pixel in pixels.chunks(4) {
            let off = expected.iter().zip(pixel).map(|(a, &b)| (a - f64::from(b)).abs()).fold(0.0, f64::max);
            assert!(off < 1.0, "{pixel:?}, expected {expected:?}");
        }
    }
}

/// From inside, nothing behind the eye is seen.
#[test]
fn perspective_starts_at_the_eye() {
    let samples = Array3::from_shape_fn((20, 20, 20), |(k, _, _)| if k < 10 { 1000 } else { 5 * k as i16 });
    let volume = cubes(samples, None);
    let eye_mm = DVec3::new(9.5, 9.5, 12.0);
    let lens = Lens::Perspective { fov_rad: 0.5 };
    let camera = Camera { eye_mm, target_mm: eye_mm + DVec3::Z, up: DVec3::Y, lens };
    let image = render(&volume, &project(camera, Projection::Mip, [9, 9]));
    assert_eq!(values(&image)[40], 95.0);
    let image = render(&volume, &project(camera, Projection::MinIp, [9, 9]));
    assert!((values(&image)[40] - 60.0).abs() < 1e-3);
}

#[test]
fn rays_that_miss_show_the_background() {
    let volume = cubes(Array3::from_elem((4, 4, 4), 7), None);
    let mut camera = from_below([8, 8]);
    camera.target_mm += DVec3::X * 100.0;
    camera.eye_mm += DVec3::X * 100.0;
    let mut request = project(camera, Projection::Mip, [8, 8]);
    assert!(values(&render(&volume, &request)).iter().all(|v| v.is_nan()));
    request.scene.background = [1.0, 0.5, 0.0];
    request.output = Output::Rgba8;
    assert_eq!(bytes(&render(&volume, &request))[..4], [255, 128, 0, 255]);
    // Far away, f32 can't tell samples apart: nothing is drawn, and nothing breaks.
    camera.target_mm = DVec3::splat(1e30);
    camera.eye_mm = DVec3::ZERO;
    let far = project(camera, Projection::Mip, [8, 8]);
    assert!(values(&render(&volume, &far)).iter().all(|v| v.is_nan()));
}

#[test]
fn a_single_voxel_is_a_volume() {
    let grid = Grid::even([1, 1, 1], DAffine3::IDENTITY).unwrap();
    let volume = volume(grid, Samples::F32(Array3::from_elem((1, 1, 1), 3.5)), Some(Padding::F32));
    let camera = StandardView::Axial.camera(volume.grid(), 1.0);
    for projection in [Projection::Mip, Projection::MinIp, Projection::Mean] {
        let image = render(&volume, &project(camera, projection, [3, 3]));
        assert_eq!(values(&image), [3.5; 9], "{projection:?}");
    }
}
