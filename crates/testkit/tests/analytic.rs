//! Every backend against closed forms.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says how far off it was and what it ran on"
)]

mod suite;

use std::sync::Arc;

use anatome_core::{
    Appearance, ClipPlane, Grid, Image, Lens, Output, Pixels, Planes, Projection, Scene, Shading, SlicePlane,
    SliceTable, StandardView, TransferFunction, View, Volume, WindowFunction,
};
use anatome_phantom::closed_form::{ClosedForm, OrientationMarkers, Ramp, Storage};
use anatome_phantom::{ThoraxSpec, thorax_ct};
use anatome_testkit::{Random, Tolerance, compare};
use glam::{DAffine3, DMat3, DVec3};

use suite::{all, cpu, fast, reference, scenes};

fn values(image: &Image) -> &[f32] {
    let Pixels::Values(values) = image.pixels() else { panic!("not values") };
    values
}

fn value_request(plane: SlicePlane, size_px: [u32; 2]) -> anatome_core::Request {
    scenes::slice(plane, scenes::w400(), size_px, Output::Values)
}

/// A grid with anything that a grid can have but missing slices.
fn any_grid(random: &mut Random) -> Grid {
    let turn = random.rotation();
    let shape = [random.whole(4, 40), random.whole(4, 60), random.whole(4, 60)];
    let spacing = random.point(DVec3::splat(0.3), DVec3::new(2.0, 2.0, 5.0));
    let shear = random.point(DVec3::splat(-0.5), DVec3::splat(0.5));
    let x = turn.x_axis * spacing.x;
    let y = (turn.y_axis + turn.x_axis * shear.x) * spacing.y;
    let z = turn.z_axis + turn.x_axis * shear.y + turn.y_axis * shear.z;
    let translation = random.point(DVec3::splat(-300.0), DVec3::splat(300.0));
    let affine = |z: DVec3| DAffine3 { matrix3: DMat3::from_cols(x, y, z), translation };
    if random.whole(0, 1) == 0 {
        return Grid::even(shape, affine(z * spacing.z)).unwrap();
    }
    let mut position = random.between(-100.0, 100.0);
    let table: Vec<f64> = (0..shape[0])
        .map(|_| {
            position += random.between(0.5, 7.0);
            position
        })
        .collect();
    let slices = SliceTable::new(table, vec![false; shape[0] - 1]).unwrap();
    Grid::uneven(shape, affine(z), slices).unwrap()
}

/// Up to 10 HU per mm on any plane through any grid: within 0.01 HU of the formula at every pixel, where the outer half
/// voxel holds the value of the outermost voxel centres.
#[test]
fn ramps_come_back_within_a_hundredth_of_a_hounsfield_unit() {
    let mut random = Random::new(11);
    let backends = all();
    for round in 0..24 {
        let grid = any_grid(&mut random);
        let gradient_per_mm = random.direction() * random.between(1.0, 10.0);
        let ramp = Ramp { gradient_per_mm, offset: -gradient_per_mm.dot(grid.center_mm()) };
        let volume = Arc::new(ramp.volume(&grid).unwrap());
        let plane = scenes::plane(&grid, &mut random);
        let request = value_request(plane, [160, 120]);
        for backend in &backends {
            let image = backend.render(&volume, &request);
            let mut inside = 0;
            for (n, &found) in values(&image).iter().enumerate() {
                let p = pixel_mm(&image, n);
                let index = grid.index_from_patient(p);
                let last = grid.size_ijk() - DVec3::ONE;
                let beyond = (-index).max(index - last).max_element();
                // Within 0.001 of a voxel of the faces either is right.
                if (beyond - 0.5).abs() < 1e-3 {
                    continue;
                }
                let what = || format!("{}, round {round}, pixel {n} at index {index}", backend.name());
                assert_eq!(found.is_nan(), beyond > 0.5, "{}", what());
                if beyond < 0.5 {
                    inside += 1;
                    let held = grid.patient_from_index(index.clamp(DVec3::ZERO, last));
                    let off = f64::from(found) - ramp.value_at(held);
                    assert!(off.abs() < 0.01, "{}: off by {off} HU", what());
                }
            }
            assert!(inside > 100, "round {round}: only {inside} pixels inside");
        }
    }
}

fn pixel_mm(image: &Image, n: usize) -> DVec3 {
    let plane = image.plane().unwrap();
    let width = image.width_px() as usize;
    let (x, y) = ((n % width) as f64, (n / width) as f64);
    plane.first_pixel_mm + (plane.right * x + plane.down * y) * plane.pixel_mm
}

/// Planes along rows and columns, along a diagonal and across the slices of turned grids: a pixel on a voxel centre is
/// that voxel, bit by bit, and touches no neighbour that is padding.
#[test]
fn voxel_centres_come_back_exactly() {
    let mut random = Random::new(12);
    let backends = all();
    for round in 0..12 {
        let turn = random.rotation();
        let spacing = random.between(0.4, 1.7);
        let translation = random.point(DVec3::splat(-300.0), DVec3::splat(300.0));
        let affine = DAffine3 { matrix3: turn * DMat3::from_diagonal(DVec3::splat(spacing)), translation };
        let grid = Grid::even([21, 33, 41], affine).unwrap();
        let volume = suite::volumes::noisy(grid, suite::volumes::SampleKind::ALL[round % 4], &mut random);
        let grid = volume.grid();
        let diagonal = std::f64::consts::FRAC_1_SQRT_2;
        // Directions as steps of the index, and their length in voxels.
        let planes = [
            (DVec3::X, DVec3::Y, 1.0),
            (DVec3::Y, -DVec3::Z, 1.0),
            (DVec3::new(diagonal, diagonal, 0.0), DVec3::new(-diagonal, diagonal, 0.0), 2.0 * diagonal),
        ];
        for (right, down, length) in planes {
            // Three pixels a step; the middle pixel of an odd picture stands on a voxel centre.
            let middle = grid.patient_from_index(DVec3::new(20.0, 16.0, 10.0));
            let pixel_mm = length * spacing / 3.0;
            let size = [151, 121];
            let plane = SlicePlane {
                center_mm: middle,
                right: turn * right,
                down: turn * down,
                width_mm: pixel_mm * f64::from(size[0]),
            };
            let request = value_request(plane, size);
            for backend in &backends {
                let image = backend.render(&volume, &request);
                let hits = check_centres(&image, &volume, backend.name());
                assert!(hits > 100, "round {round}: only {hits} voxel centres");
            }
        }
    }
}

/// Checks the pixels on voxel centres and counts them.
fn check_centres(image: &Image, volume: &Volume, name: &str) -> usize {
    let mut hits = 0;
    for (n, &found) in values(image).iter().enumerate() {
        let index = volume.grid().index_from_patient(pixel_mm(image, n));
        let nearest = index.round();
        let size = volume.grid().size_ijk();
        if index.distance(nearest) > 1e-9 || nearest.min_element() < 0.0 || nearest.cmpge(size).any() {
            continue;
        }
        hits += 1;
        let voxel = [nearest.z as usize, nearest.y as usize, nearest.x as usize];
        match volume.modality_value(voxel) {
            Some(expected) => assert_eq!(found, expected as f32, "{name}: voxel {voxel:?}"),
            None => assert!(found.is_nan(), "{name}: voxel {voxel:?} is padding"),
        }
    }
    hits
}

/// `radius² - distance²`: trilinear interpolation lowers it by between 0 and three quarters of a spacing squared.
struct Paraboloid {
    center_mm: DVec3,
    radius_mm: f64,
}

impl ClosedForm for Paraboloid {
    fn value_at(&self, patient_mm: DVec3) -> f64 {
        self.radius_mm.powi(2) - patient_mm.distance_squared(self.center_mm)
    }

    fn storage(&self) -> Storage {
        Storage::F32
    }
}

/// Cuts of a sphere, and its shadow in a MIP, have the area of their circle.
#[test]
fn cuts_and_shadows_of_a_sphere_have_their_area() {
    let mut random = Random::new(13);
    let turn = random.rotation();
    let grid = Grid::even([48, 48, 48], DAffine3::from_mat3(turn)).unwrap();
    let ball = Paraboloid { center_mm: grid.center_mm() + DVec3::new(0.3, -0.2, 0.45), radius_mm: 20.0 };
    let volume = Arc::new(ball.volume(&grid).unwrap());
    let count = |image: &Image| values(image).iter().filter(|&&v| v > 0.0).count() as f64;
    for backend in all() {
        let check = |area: f64, squared: f64, what: String| {
            let pi = std::f64::consts::PI;
            // The pixels on the rim add less than 0.2 %.
            let (low, high) = (pi * (squared - 0.75) * 0.998, pi * squared * 1.002);
            assert!(
                (low..=high).contains(&area),
                "{}: {what}: {area} mm² is not {low}..{high}",
                backend.name()
            );
        };
        for off_mm in [0.0, 7.3, -15.1] {
            let mut plane = scenes::plane(&grid, &mut random);
            plane.center_mm = ball.center_mm + plane.normal() * off_mm;
            plane.width_mm = 50.0;
            let image = backend.render(&volume, &value_request(plane, [500, 500]));
            check(count(&image) * 0.01, 400.0 - off_mm * off_mm, format!("cut at {off_mm} mm"));
        }
        let camera = anatome_core::Camera {
            eye_mm: ball.center_mm + random.direction() * 100.0,
            target_mm: ball.center_mm,
            up: random.direction(),
            lens: Lens::Orthographic { height_mm: 50.0 },
        };
        let view = View::Projection { camera, projection: Projection::Mip };
        let scene = Scene::of_primary(view, scenes::w400());
        let image = backend.render(&volume, &anatome_core::Request::new(scene, [300, 300], Output::Values));
        check(count(&image) / 36.0, 400.0, "shadow".to_owned());
    }
}

/// A homogeneous block of opacity a per mm lets (1 - a)^d of the light through, whatever the step.
#[test]
fn a_homogeneous_block_obeys_beer_and_lambert() {
    struct Block;
    impl ClosedForm for Block {
        fn value_at(&self, _: DVec3) -> f64 {
            100.0
        }
    }
    let grid = Grid::even([12, 24, 20], DAffine3::from_scale(DVec3::new(0.9, 0.7, 1.6))).unwrap();
    let volume = Arc::new(Block.volume(&grid).unwrap());
    let (opacity, color, background) = (0.03, [0.8f32, 0.5, 0.1], [0.2f32, 0.9, 1.0]);
    let points = vec![scenes::point(0.0, color, opacity), scenes::point(200.0, color, opacity)];
    let function = TransferFunction::new(points).unwrap();
    for backend in all() {
        for (direction, through_mm) in [
            // Along the axes the whole extent, at 45 degrees in x and y a known part of it.
            (DVec3::X, 18.0),
            (DVec3::Y, 16.8),
            (-DVec3::Z, 19.2),
            (DVec3::new(1.0, 1.0, 0.0).normalize(), 16.8 * std::f64::consts::SQRT_2),
        ] {
            for step in [0.1, 0.35, 0.5, 1.0, 2.9] {
                for perspective in [false, true] {
                    let eye_mm = grid.center_mm() - direction * 60.0;
                    let lens = if perspective {
                        Lens::Perspective { fov_rad: 0.002 }
                    } else {
                        Lens::Orthographic { height_mm: 0.2 }
                    };
                    let up = DVec3::new(0.2, 0.3, 0.7);
                    let camera = anatome_core::Camera { eye_mm, target_mm: grid.center_mm(), up, lens };
                    let flat = Shading { ambient: 1.0, diffuse: 0.0, specular: 0.0, ..Shading::default() };
                    let mut request = scenes::rendering(camera, flat, function.clone(), [3, 3]);
                    request.quality.step = step;
                    request.scene.background = background;
                    let image = backend.render(&volume, &request);
                    let Pixels::Rgba8(pixels) = image.pixels() else { panic!("not colours") };
                    let left = (1.0 - opacity).powf(through_mm);
                    for channel in 0..3 {
                        let (c, b) = (f64::from(color[channel]), f64::from(background[channel]));
                        let expected = 255.0 * (c * (1.0 - left) + b * left);
                        // The middle pixel; half a level is rounding.
                        let found = f64::from(pixels[4 * 4 + channel]);
                        let what = format!("{}: {direction}, step {step}", backend.name());
                        assert!((found - expected).abs() < 0.51, "{what}: {found}, expected {expected}");
                    }
                }
            }
        }
    }
}

/// A thorax and the transfer functions by which steps are judged: from the front, turned, and with a lens.
fn thorax_renderings(size_px: [u32; 2]) -> (Arc<Volume>, Vec<(String, anatome_core::Request)>) {
    let spec = ThoraxSpec { shape: [100, 128, 128], seed: 5 };
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
    let volume = Arc::new(thorax_ct(&spec, &pool, &anatome_core::Progress::new()).unwrap());
    let mut random = Random::new(29);
    let cameras = [
        ("from the front", StandardView::Coronal.camera(volume.grid(), 4.0 / 3.0)),
        ("turned", scenes::camera(volume.grid(), false, &mut random)),
        ("with a lens", scenes::camera(volume.grid(), true, &mut random)),
    ];
    let rendering = |(from, camera)| {
        scenes::ramp_peak_and_haze().map(|(name, points)| {
            let request = scenes::rendering(camera, Shading::default(), points, size_px);
            (format!("{name}, {from}"), request)
        })
    };
    (volume, cameras.into_iter().flat_map(rendering).collect())
}

fn levels_of_background(request: &anatome_core::Request) -> [f64; 3] {
    request.scene.background.map(|part| f64::from(part) * 255.0)
}

/// Half the step changes a rendering by less than 1.5 levels rms, over the pixels in which anything is seen.
#[test]
fn half_the_step_hardly_changes_a_rendering() {
    let (volume, requests) = thorax_renderings([120, 90]);
    for backend in fast() {
        for (name, mut request) in requests.clone() {
            let whole = backend.render(&volume, &request);
            request.quality.step /= 2.0;
            let half = backend.render(&volume, &request);
            let apart = rms_where_seen(&whole, &half, levels_of_background(&request));
            println!("{}: {name}: {apart:.2} levels", backend.name());
            assert!(apart < 1.5 && apart > 0.0, "{}: {name}: {apart} levels", backend.name());
        }
    }
}

/// What a step of half a voxel loses lies 45 dB below white, over the pixels in which anything is seen.
#[test]
fn a_step_of_half_a_voxel_is_45_decibels_from_a_sixteenth() {
    let (volume, requests) = thorax_renderings([120, 90]);
    for backend in fast() {
        for (name, mut request) in requests.clone() {
            let [fine, usual, coarse] = [1.0 / 16.0, 0.5, 4.0].map(|step| {
                request.quality.step = step;
                backend.render(&volume, &request)
            });
            let background = levels_of_background(&request);
            let [usual, coarse] = [usual, coarse].map(|image| decibels(&image, &fine, background));
            println!("{}: {name}: {usual:.1} dB, at eight times the step {coarse:.1} dB", backend.name());
            assert!(usual >= 45.0, "{}: {name}: {usual} dB", backend.name());
            assert!(coarse < 45.0, "{}: {name}: {coarse} dB with eight times the step", backend.name());
        }
    }
}

/// As above, with the reference in f64 instead of each backend's own fine picture.
#[test]
fn a_step_of_half_a_voxel_is_45_decibels_from_the_reference() {
    let (volume, requests) = thorax_renderings([60, 45]);
    let reference = reference();
    for (name, request) in requests {
        let mut finer = request.clone();
        finer.quality.step = 1.0 / 16.0;
        let fine = reference.render(&volume, &finer);
        for backend in fast() {
            let usual = decibels(&backend.render(&volume, &request), &fine, levels_of_background(&request));
            println!("{}: {name}: {usual:.1} dB", backend.name());
            assert!(usual >= 45.0, "{}: {name}: {usual} dB", backend.name());
        }
    }
}

/// No band of values is so narrow that a step of half a voxel misses it, or shows it as terraces.
#[test]
fn bands_are_seen_however_narrow() {
    let spec = ThoraxSpec { shape: [100, 128, 128], seed: 5 };
    let pool = rayon::ThreadPoolBuilder::new().build().unwrap();
    let volume = Arc::new(thorax_ct(&spec, &pool, &anatome_core::Progress::new()).unwrap());
    let backend = cpu(2);
    let camera = StandardView::Coronal.camera(volume.grid(), 4.0 / 3.0);
    let flat = Shading { ambient: 1.0, diffuse: 0.0, specular: 0.0, ..Shading::default() };
    for width in [100.0, 40.0, 20.0, 10.0, 4.0] {
        let mut request = scenes::rendering(camera, flat, scenes::band(-450.0, width), [200, 150]);
        let background = request.scene.background.map(|part| f64::from(part) * 255.0);
        let [fine, usual] = [1.0 / 16.0, 0.5].map(|step| {
            request.quality.step = step;
            backend.render(&volume, &request)
        });
        let usual = decibels(&usual, &fine, background);
        println!("{width} HU: {usual:.1} dB");
        assert!(usual >= 55.0, "{width}: {usual} dB");
    }
}

/// What a transfer function does with values that no voxel holds, even if it is opaque there, changes no haze of others.
#[test]
fn values_that_do_not_occur_change_nothing() {
    let mut random = Random::new(23);
    let grid = Grid::even([24, 24, 24], DAffine3::from_scale(DVec3::splat(5.0))).unwrap();
    let noise = ndarray::Array3::from_shape_simple_fn((24, 24, 24), || random.between(500.0, 1500.0) as i16);
    let mapping = anatome_core::ValueMapping::identity(anatome_core::Unit::Hounsfield);
    let facts = anatome_core::Facts::new(anatome_core::Modality::Ct);
    let samples = anatome_core::Samples::I16(noise);
    let volume = Arc::new(Volume::new(grid, samples, mapping, None, facts).unwrap());
    let camera = StandardView::Coronal.camera(volume.grid(), 4.0 / 3.0);
    let flat = Shading { ambient: 1.0, diffuse: 0.0, specular: 0.0, ..Shading::default() };
    for backend in all() {
        let [with, without] = [0.9999, 0.0].map(|opacity| {
            let point = |value, opacity| scenes::point(value, [1.0, 0.8, 0.6], opacity);
            let dense = [point(-6000.0, opacity), point(-2000.0, opacity), point(-2000.0, 0.0)];
            let haze = [point(400.0, 0.0), point(400.0, 0.0015), point(3000.0, 0.0015)];
            let function = TransferFunction::new([dense, haze].concat()).unwrap();
            backend.render(&volume, &scenes::rendering(camera, flat, function, [160, 120]))
        });
        let (Pixels::Rgba8(with), Pixels::Rgba8(without)) = (with.pixels(), without.pixels()) else {
            panic!("not colours")
        };
        let brightest = without.chunks_exact(4).map(|pixel| pixel[0]).max().unwrap();
        let apart = with.iter().zip(without).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        println!("{}: at most {brightest}, {apart} apart", backend.name());
        assert!(brightest > 30, "{brightest}");
        assert!(apart <= 1, "{}: {apart} levels", backend.name());
    }
}

/// How far a picture's error lies below white, over the pixels that are not all background in the one to compare with.
fn decibels(picture: &Image, with: &Image, background: [f64; 3]) -> f64 {
    20.0 * (255.0 / rms_where_seen(picture, with, background)).log10()
}

/// How far pictures are apart in levels, rms over the pixels that are not all background in the one to compare with.
fn rms_where_seen(picture: &Image, with: &Image, background: [f64; 3]) -> f64 {
    let (Pixels::Rgba8(a), Pixels::Rgba8(b)) = (picture.pixels(), with.pixels()) else {
        panic!("not colours")
    };
    let (mut squares, mut count) = (0.0, 0.0);
    let bytes = a.len();
    for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        let [a, b] = [a, b].map(|pixel| [0, 1, 2].map(|n| f64::from(pixel[n])));
        if (0..3).any(|n| (b[n] - background[n]).abs() > 1.0) {
            squares += (0..3).map(|n| (a[n] - b[n]).powi(2)).sum::<f64>();
            count += 3.0;
        }
    }
    assert!(10.0 * count > bytes as f64, "hardly anything is seen: {count}");
    (squares / count).sqrt()
}

/// Between two clip planes closer to each other than the light of a face goes deep, and oblique to all steps: what is
/// seen is as thick everywhere, and lit evenly by the face.
#[test]
fn a_thin_slab_between_clip_planes_shows_no_seams() {
    let mut random = Random::new(17);
    let grid = Grid::even([24, 24, 24], DAffine3::from_scale(DVec3::new(0.9, 0.8, 1.1))).unwrap();
    let noise = ndarray::Array3::from_shape_simple_fn((24, 24, 24), || random.between(500.0, 1500.0) as i16);
    let mapping = anatome_core::ValueMapping::identity(anatome_core::Unit::Hounsfield);
    let facts = anatome_core::Facts::new(anatome_core::Modality::Ct);
    let samples = anatome_core::Samples::I16(noise);
    let volume = Arc::new(Volume::new(grid, samples, mapping, None, facts).unwrap());
    let (center_mm, face_mm) = (volume.center_mm(), volume.grid().smallest_spacing_mm());
    let normal = DVec3::new(0.3, -0.4, 0.9).normalize();
    let lens = Lens::Orthographic { height_mm: 5.0 };
    let eye_mm = center_mm - DVec3::Z * 60.0;
    let camera = anatome_core::Camera { eye_mm, target_mm: center_mm, up: -DVec3::Y, lens };
    let (opacity, color) = (0.4, [0.9f32, 0.6, 0.3]);
    let points = vec![scenes::point(0.0, color, opacity), scenes::point(2000.0, color, opacity)];
    let function = TransferFunction::new(points).unwrap();
    let flat = Shading { ambient: 1.0, diffuse: 0.0, specular: 0.0, ..Shading::default() };
    for backend in all() {
        for (part, shading) in
            [(0.05, flat), (0.6, flat), (1.7, flat), (0.05, Shading::default()), (0.6, Shading::default())]
        {
            let thickness_mm = part * face_mm;
            // Each keeps the side of the other.
            let plane = |side: f64| ClipPlane {
                point_mm: center_mm + normal * (side * thickness_mm / 2.0),
                normal: normal * -side,
            };
            for step in [0.25, 0.5, 1.0, 2.9] {
                let mut request = scenes::rendering(camera, shading, function.clone(), [40, 40]);
                request.scene.layers[0].region.clip_planes = vec![plane(1.0), plane(-1.0)];
                request.quality.step = step;
                let image = backend.render(&volume, &request);
                let Pixels::Rgba8(pixels) = image.pixels() else { panic!("not colours") };
                let what = format!("{}: {part} of a face's depth, step {step}", backend.name());
                for channel in 0..3 {
                    let of = || pixels.chunks_exact(4).map(|pixel| pixel[channel]);
                    let (low, high) = (of().min().unwrap(), of().max().unwrap());
                    assert!(high - low <= 1, "{what}: {low} to {high}");
                    if shading == flat {
                        let through_mm = thickness_mm / normal.z;
                        let expected =
                            255.0 * f64::from(color[channel]) * (1.0 - (1.0 - opacity).powf(through_mm));
                        for level in [low, high] {
                            assert!(
                                (f64::from(level) - expected).abs() <= 1.0,
                                "{what}: {level}, expected {expected}"
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Left is left: on grids stored in any order and sense of the patient's axes, every standard view of every backend
/// shows each marker on its side.
#[test]
fn left_is_left_in_every_standard_view() {
    let orders = [
        DMat3::IDENTITY,
        DMat3::from_cols(-DVec3::X, -DVec3::Y, DVec3::Z),
        DMat3::from_cols(DVec3::Y, -DVec3::Z, DVec3::X),
        DMat3::from_cols(DVec3::X, -DVec3::Z, -DVec3::Y),
        DMat3::from_rotation_x(0.2) * DMat3::from_cols(-DVec3::Y, DVec3::X, -DVec3::Z),
    ];
    let backends = all();
    for (order, axes) in orders.into_iter().enumerate() {
        let matrix3 = axes * DMat3::from_diagonal(DVec3::new(1.0, 1.2, 1.4));
        let grid = Grid::even([50, 60, 70], DAffine3 { matrix3, translation: DVec3::new(9.0, -40.0, 70.0) });
        let grid = grid.unwrap();
        let phantom = OrientationMarkers::within(&grid);
        let volume = Arc::new(phantom.volume(&grid).unwrap());
        for view in [StandardView::Axial, StandardView::Coronal, StandardView::Sagittal] {
            let plane = view.plane(&grid, Planes::Patient, grid.center_mm(), 1.0);
            let camera = view.camera(&grid, 1.0);
            let mip = View::Projection { camera, projection: Projection::Mip };
            let mip = anatome_core::Request::new(
                Scene::of_primary(mip, scenes::w400()),
                [200, 200],
                Output::Values,
            );
            for backend in &backends {
                let slice = backend.render(&volume, &value_request(plane, [200, 200]));
                let mip = backend.render(&volume, &mip);
                for (what, image) in [("slice", &slice), ("mip", &mip)] {
                    let name = format!("{}: {view:?} {what}, storage {order}", backend.name());
                    check_sides(view, &phantom, image, &name);
                }
            }
        }
    }
}

/// The middles of the markers' pixels lie on the sides of the picture that radiologists expect.
fn check_sides(view: StandardView, phantom: &OrientationMarkers, image: &Image, name: &str) {
    // Left, right, top and bottom of the picture.
    let sides = match view {
        StandardView::Axial => ['R', 'L', 'A', 'P'],
        StandardView::Coronal => ['R', 'L', 'H', 'F'],
        StandardView::Sagittal => ['A', 'P', 'H', 'F'],
    };
    let pixels = values(image);
    for (side, letter) in sides.into_iter().enumerate() {
        let value = phantom.markers().iter().find(|m| m.letter == letter).unwrap().value as f32;
        let hits: Vec<usize> = (0..pixels.len()).filter(|&n| pixels[n] == value).collect();
        assert!(hits.len() > 20, "{name}: {letter} has only {} pixels", hits.len());
        let mean =
            |f: &dyn Fn(usize) -> usize| hits.iter().map(|&n| f(n) as f64).sum::<f64>() / hits.len() as f64;
        let (x, y) = (mean(&|n| n % 200) / 200.0, mean(&|n| n / 200) / 200.0);
        let there = match side {
            0 => x < 0.35 && (0.35..0.65).contains(&y),
            1 => x > 0.65 && (0.35..0.65).contains(&y),
            2 => y < 0.35 && (0.35..0.65).contains(&x),
            _ => y > 0.65 && (0.35..0.65).contains(&x),
        };
        assert!(there, "{name}: {letter} is at {x:.2}, {y:.2}");
    }
}

/// The negative control of the suite: the reference itself, with a ramp of another slope, is not within tolerance.
#[test]
fn a_wrong_ramp_is_seen() {
    let mut random = Random::new(15);
    let grid = any_grid(&mut random);
    let image = |slope: f64| {
        let ramp = Ramp { gradient_per_mm: DVec3::X * slope, offset: 0.0 };
        let volume = Arc::new(ramp.volume(&grid).unwrap());
        let plane = StandardView::Coronal.plane(&grid, Planes::Patient, grid.center_mm(), 1.0);
        reference().render(&volume, &value_request(plane, [50, 50]))
    };
    assert!(compare(&image(5.0), &image(5.001), &Tolerance::VALUES).is_err());
    assert!(compare(&image(5.0), &image(5.0), &Tolerance::VALUES).is_ok());
}

/// 400 HU of window, noise of a CT, 3840 x 2160 pixels, a double oblique plane.
#[test]
fn a_noisy_4k_slice_agrees_with_the_reference() {
    let mut random = Random::new(16);
    let turn = DMat3::from_rotation_x(0.03) * DMat3::from_rotation_z(0.02);
    let matrix3 = turn * DMat3::from_diagonal(DVec3::new(0.71, 0.71, 1.3));
    let grid =
        Grid::even([128, 256, 256], DAffine3 { matrix3, translation: DVec3::new(-93.0, -201.0, -655.0) });
    let noise = ndarray::Array3::from_shape_fn((128, 256, 256), |_| {
        (0..4).map(|_| random.between(-100.0, 100.0)).sum::<f64>().round() as i16 + 40
    });
    let mapping = anatome_core::ValueMapping::identity(anatome_core::Unit::Hounsfield);
    let facts = anatome_core::Facts::new(anatome_core::Modality::Ct);
    let samples = anatome_core::Samples::I16(noise);
    let volume = Arc::new(Volume::new(grid.unwrap(), samples, mapping, None, facts).unwrap());
    let mut plane = scenes::plane(volume.grid(), &mut random);
    plane.width_mm = 170.0;
    let appearance: Appearance = scenes::grey(scenes::window(40.0, 400.0, WindowFunction::Linear));
    let request = scenes::slice(plane, appearance, [3840, 2160], Output::Grey8);
    let expected = reference().render(&volume, &request);
    let backends: Vec<_> = all().into_iter().filter(|b| b.kind != suite::Kind::Reference).collect();
    let cpu = cpu(2).render(&volume, &request);
    for backend in backends {
        let image = backend.render(&volume, &request);
        let report = compare(&expected, &image, &Tolerance::SLICE)
            .unwrap_or_else(|d| panic!("{}: {d}", backend.name()));
        println!("{}: {report:?}", backend.name());
        let report = compare(&cpu, &image, &Tolerance::GPU_SLICE)
            .unwrap_or_else(|d| panic!("{}: {d}", backend.name()));
        println!("{} against the cpu: {report:?}", backend.name());
    }
}
