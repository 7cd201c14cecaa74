//! Every backend against the float64 reference: sample types, grids, interpolations, windows, slabs and 3D views.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says how far off it was and what it ran on"
)]

mod suite;

use std::sync::Arc;

use anatome_core::{
    Appearance, Camera, ClipPlane, CropBox, Error, Facts, Grid, Interpolation, Lens, Modality, Output,
    Padding, PixelRect, PixelSubset, Progress, Projection, Region, Request, Samples, SceneFault, Shading,
    TransferFunction, Unit, ValueMapping, Voi, VoiLut, Volume, WindowFunction, checkerboard,
};
use anatome_testkit::{Random, Tolerance, compare};
use glam::{DAffine3, DVec3};

use suite::volumes::{GridKind, SampleKind, ball, grid, grid_of, islands, noisy};
use suite::{Candidate, Case, all, assert_parity, fast, scenes};

/// 43,200 pixels, of which 4 may differ in a slice.
const PLANE_PX: [u32; 2] = [240, 180];
const RAYS_PX: [u32; 2] = [120, 90];

#[test]
fn slices_of_every_sample_type_grid_and_interpolation() {
    let mut random = Random::new(1);
    let mut cases = Vec::new();
    for kind in GridKind::ALL {
        for samples in SampleKind::ALL {
            let volume = noisy(grid(kind, &mut random), samples, &mut random);
            for interpolation in [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic] {
                let plane = scenes::plane(volume.grid(), &mut random);
                let mut request = scenes::slice(plane, scenes::w400(), PLANE_PX, Output::Grey8);
                request.scene.layers[0].interpolation = interpolation;
                let name = format!("{kind:?} {samples:?} {interpolation:?}");
                let nearest = interpolation == Interpolation::Nearest;
                let tolerance = |other| if nearest { Tolerance::NEAREST } else { other };
                let mut values = request.clone();
                values.output = Output::Values;
                cases.push(Case {
                    name: format!("{name} values"),
                    volume: volume.clone(),
                    request: values,
                    tolerance: tolerance(Tolerance::VALUES),
                });
                let tolerance = tolerance(Tolerance::SLICE);
                cases.push(Case { name, volume: volume.clone(), request, tolerance });
            }
        }
    }
    assert_parity(&cases);
}

#[test]
fn windows_tables_inversion_and_colours() {
    let mut random = Random::new(2);
    let volume = noisy(grid(GridKind::Missing, &mut random), SampleKind::I16, &mut random);
    let lut = VoiLut::new(-300.0, 10, (0..600).map(|n| (n * 13 % 1024) as u16).collect()).unwrap();
    let vois = [
        ("linear", scenes::window(40.0, 400.0, WindowFunction::Linear)),
        ("threshold", scenes::window(0.0, 1.0, WindowFunction::Linear)),
        ("exact", scenes::window(-3.7, 512.3, WindowFunction::LinearExact)),
        ("sigmoid", scenes::window(40.0, 400.0, WindowFunction::Sigmoid)),
        ("lut", Voi::Lut(lut)),
    ];
    let mut cases = Vec::new();
    for (name, voi) in vois {
        let plane = scenes::plane(volume.grid(), &mut random);
        for (invert, output) in [(false, Output::Grey8), (true, Output::Grey8), (true, Output::Rgba8)] {
            let appearance = Appearance::Grey { voi: voi.clone(), invert, colors: None };
            let mut request = scenes::slice(plane, appearance, PLANE_PX, output);
            request.scene.background = [0.31, 0.12, 0.87];
            let name = format!("{name} invert {invert} {output:?}");
            cases.push(Case { name, volume: volume.clone(), request, tolerance: Tolerance::SLICE });
        }
        let appearance = Appearance::Grey { voi, invert: false, colors: Some(scenes::colors()) };
        let request = scenes::slice(plane, appearance, PLANE_PX, Output::Rgba8);
        let name = format!("{name} colours");
        cases.push(Case { name, volume: volume.clone(), request, tolerance: Tolerance::COLORS });
    }
    assert_parity(&cases);
}

#[test]
fn sixteen_bit_grey() {
    let mut random = Random::new(9);
    let volume = noisy(grid(GridKind::Sheared, &mut random), SampleKind::U16, &mut random);
    let plane = scenes::plane(volume.grid(), &mut random);
    let request = scenes::slice(plane, scenes::w400(), PLANE_PX, Output::Grey16);
    assert_parity(&[Case { name: "grey16".to_owned(), volume, request, tolerance: Tolerance::GREY_16 }]);
}

#[test]
fn slabs() {
    let mut random = Random::new(3);
    let mut cases = Vec::new();
    for kind in GridKind::ALL {
        let volume = noisy(grid(kind, &mut random), SampleKind::I16, &mut random);
        for how in [Projection::Mip, Projection::MinIp, Projection::Mean] {
            for interpolation in [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic] {
                let plane = scenes::plane(volume.grid(), &mut random);
                let thickness_mm = random.between(0.2, 12.0);
                let mut request = scenes::slab(plane, thickness_mm, how, PLANE_PX);
                request.scene.layers[0].interpolation = interpolation;
                let name = format!("{kind:?} {how:?} {interpolation:?} {thickness_mm:.2} mm");
                cases.push(Case { name, volume: volume.clone(), request, tolerance: Tolerance::SLICE });
            }
        }
    }
    assert_parity(&cases);
}

#[test]
fn projections() {
    let mut random = Random::new(4);
    let mut cases = Vec::new();
    for kind in GridKind::ALL {
        let samples = SampleKind::ALL[random.whole(0, 3)];
        let volume = noisy(grid(kind, &mut random), samples, &mut random);
        for how in [Projection::Mip, Projection::MinIp, Projection::Mean] {
            for perspective in [false, true] {
                let camera = scenes::camera(volume.grid(), perspective, &mut random);
                for interpolation in [Interpolation::Nearest, Interpolation::Linear] {
                    let mut request = scenes::projection(camera, how, RAYS_PX);
                    request.scene.layers[0].interpolation = interpolation;
                    let name =
                        format!("{kind:?} {samples:?} {how:?} {interpolation:?} perspective {perspective}");
                    let tolerance = match (how, interpolation) {
                        (Projection::Mean, Interpolation::Nearest) => Tolerance::PROJECTION_MEAN_NEAREST,
                        (_, Interpolation::Nearest) => Tolerance::PROJECTION_NEAREST,
                        _ => Tolerance::PROJECTION,
                    };
                    cases.push(Case { name, volume: volume.clone(), request, tolerance });
                }
            }
            let camera = scenes::camera(volume.grid(), false, &mut random);
            let mut request = scenes::projection(camera, how, RAYS_PX);
            request.output = Output::Values;
            let name = format!("{kind:?} {samples:?} {how:?} values");
            cases.push(Case { name, volume: volume.clone(), request, tolerance: Tolerance::VALUES });
        }
    }
    assert_parity(&cases);
}

#[test]
fn renderings() {
    let mut random = Random::new(5);
    let mut cases = Vec::new();
    let flat = Shading { ambient: 1.0, diffuse: 0.0, specular: 0.0, ..Shading::default() };
    for (kind, samples) in GridKind::ALL.into_iter().zip(SampleKind::ALL) {
        let volume = ball(grid(kind, &mut random), samples, &mut random);
        let center = volume.center_mm();
        let crop = CropBox {
            min_mm: center - DVec3::new(9.0, 30.0, 6.0),
            max_mm: center + DVec3::new(7.0, 5.0, 30.0),
        };
        let clip =
            ClipPlane { point_mm: center + random.direction() * 3.0, normal: random.direction() * 2.5 };
        let regions = [
            ("whole", Region::default()),
            ("crop", Region { crop: Some(crop), clip_planes: vec![] }),
            ("crop and clip", Region { crop: Some(crop), clip_planes: vec![clip] }),
        ];
        for (name, region) in regions {
            for (lit, shading) in [("lit", Shading::default()), ("flat", flat)] {
                let camera = scenes::camera(volume.grid(), random.whole(0, 1) == 1, &mut random);
                let mut request = scenes::rendering(camera, shading, scenes::skin_and_core(), RAYS_PX);
                request.scene.background = [0.11, 0.21, 0.31];
                request.scene.layers[0].region = region.clone();
                let name = format!("{kind:?} {samples:?} {name} {lit}");
                cases.push(Case { name, volume: volume.clone(), request, tolerance: Tolerance::RENDERING });
            }
        }
    }
    assert_parity(&cases);
}

/// A registration moves slices, projections, and the crop and clip of those alike; early termination and a coarse step.
#[test]
fn registered_and_early() {
    let mut random = Random::new(6);
    let volume = ball(grid(GridKind::Sheared, &mut random), SampleKind::I16, &mut random);
    let turn = DAffine3::from_mat3(random.rotation());
    let placed = turn * DAffine3::from_translation(DVec3::new(30.0, -20.0, 5.0));
    let mut plane = scenes::plane(volume.grid(), &mut random);
    let mut camera = scenes::camera(volume.grid(), false, &mut random);
    plane.center_mm = placed.transform_point3(plane.center_mm);
    camera.eye_mm = placed.transform_point3(camera.eye_mm);
    camera.target_mm = placed.transform_point3(camera.target_mm);
    let center = volume.center_mm();
    let region = Region {
        crop: Some(CropBox { min_mm: center - DVec3::splat(8.0), max_mm: center + DVec3::splat(20.0) }),
        clip_planes: vec![ClipPlane { point_mm: center, normal: DVec3::new(0.3, 0.5, -1.0) }],
    };
    let mut rendering = scenes::rendering(camera, Shading::default(), scenes::skin_and_core(), RAYS_PX);
    rendering.quality.early_termination = true;
    rendering.quality.step = 0.8;
    let requests = [
        ("slice", scenes::slice(plane, scenes::w400(), PLANE_PX, Output::Grey8), Tolerance::SLICE),
        ("mip", scenes::projection(camera, Projection::Mip, RAYS_PX), Tolerance::PROJECTION),
        ("rendering", rendering, Tolerance::RENDERING),
    ];
    let cases = requests.map(|(name, mut request, tolerance)| {
        request.scene.layers[0].scene_from_patient = Some(placed);
        if name != "slice" {
            request.scene.layers[0].region = region.clone();
        }
        Case { name: name.to_owned(), volume: volume.clone(), request, tolerance }
    });
    assert_parity(&cases);
}

/// 3D views take cubic as linear.
#[test]
fn rays_know_no_cubic() {
    let mut random = Random::new(8);
    let volume = noisy(grid(GridKind::Even, &mut random), SampleKind::I16, &mut random);
    let camera = scenes::camera(volume.grid(), false, &mut random);
    for backend in all() {
        let mut request = scenes::projection(camera, Projection::Mip, RAYS_PX);
        let linear = backend.render(&volume, &request);
        request.scene.layers[0].interpolation = Interpolation::Cubic;
        let cubic = backend.render(&volume, &request);
        assert_eq!(linear.pixels(), cubic.pixels(), "{}", backend.name());
    }
}

/// A part of a picture is the same part of the whole picture, and neither skipping nor stops on the way change a bit.
#[test]
fn parts_skipping_and_stops_change_nothing() {
    let mut random = Random::new(7);
    let volume = ball(grid(GridKind::Missing, &mut random), SampleKind::U16, &mut random);
    let plane = scenes::plane(volume.grid(), &mut random);
    let camera = scenes::camera(volume.grid(), true, &mut random);
    let requests = [
        scenes::slice(plane, scenes::w400(), PLANE_PX, Output::Grey8),
        scenes::slab(plane, 9.0, Projection::Mean, PLANE_PX),
        scenes::projection(camera, Projection::Mip, RAYS_PX),
        scenes::projection(camera, Projection::MinIp, RAYS_PX),
        scenes::rendering(camera, Shading::default(), scenes::skin_and_core(), RAYS_PX),
    ];
    for backend in all() {
        for request in &requests {
            let what = || format!("{}: {}", backend.name(), request.scene.view.kind());
            let whole = backend.render(&volume, request);
            let mut plain = request.clone();
            plain.quality.skipping = false;
            let plain = backend.render(&volume, &plain);
            let report = compare(&plain, &whole, &Tolerance::NONE);
            assert!(report.is_ok(), "{}: skipping: {report:?}", what());

            let at_once = backend.backend.render_at_once(&volume, request).unwrap();
            assert_eq!(whole.pixels(), at_once.pixels(), "{}: at once", what());
            let progress = Progress::new();
            progress.cancel();
            let cancelled = backend.backend.render_with(&volume, request, &progress);
            assert!(matches!(cancelled, Err(Error::Cancelled)), "{}: {cancelled:?}", what());

            let region = PixelRect { x: 37, y: 21, width: 50, height: 43 };
            let mut part = request.clone();
            part.region = Some(region);
            let found = backend.render(&volume, &part);
            let expected = cut(&whole, region);
            assert_eq!(found.pixels(), &expected, "{}: a part", what());
        }
    }
}

/// Whether leaps change no bit, and ends on the way at most one level; how many backends' pictures show something.
fn shown_alike(backends: &[Candidate], volume: &Arc<Volume>, leaping: &Request, what: &str) -> usize {
    let mut plain = leaping.clone();
    plain.quality.skipping = false;
    let mut whole = leaping.clone();
    whole.quality.early_termination = false;
    let mut plain_whole = whole.clone();
    plain_whole.quality.skipping = false;
    let is_shown = |backend: &Candidate| {
        let what = format!("{what} by {}: {leaping:?}", backend.name());
        let images = [leaping, &plain, &whole, &plain_whole].map(|r| backend.render(volume, r));
        for pair in [[0, 1], [2, 3]] {
            let report = compare(&images[pair[0]], &images[pair[1]], &Tolerance::NONE);
            assert!(report.is_ok(), "{what}: {report:?}");
        }
        let report = compare(&images[0], &images[2], &Tolerance::ENDS);
        assert!(report.is_ok(), "{what}: ends: {report:?}");
        images[0].pixels() != backend.render(volume, &emptied(leaping)).pixels()
    };
    backends.iter().filter(|&backend| is_shown(backend)).count()
}

/// Whatever is rendered from wherever, from within, too.
#[test]
fn leaps_pass_by_nothing_that_is_seen() {
    let (mut random, backends) = (Random::new(11), fast());
    let mut shown = 0;
    for n in 0..72 {
        let kind = GridKind::ALL[n % 4];
        let samples = SampleKind::ALL[n / 4 % 4];
        let volume = islands(grid(kind, &mut random), samples, n % 3 > 0, &mut random);
        let request = scenes::anything_along_rays(volume.grid(), &mut random);
        shown += shown_alike(&backends, &volume, &request, &format!("{n}: {kind:?} {samples:?}"));
    }
    // What is compared is mostly not blank.
    assert!(shown > 38 * backends.len(), "{shown}");
}

/// Over so many cells that leaps are as long as they get.
#[test]
fn long_leaps_pass_by_nothing_that_is_seen() {
    let (mut random, backends) = (Random::new(12), fast());
    let mut shown = 0;
    for (n, kind) in GridKind::ALL.into_iter().enumerate() {
        let samples = SampleKind::ALL[n];
        let grid = grid_of([100, 110, 300], kind, &mut random);
        let volume = islands(grid, samples, n % 2 == 0, &mut random);
        for m in 0..6 {
            let request = scenes::anything_along_rays(volume.grid(), &mut random);
            shown += shown_alike(&backends, &volume, &request, &format!("{n} {m}: {kind:?} {samples:?}"));
        }
    }
    assert!(shown > 8 * backends.len(), "{shown}");
}

/// -500 before the first place along i, 500 from the second on, something else in between.
fn two_sides(first: usize, second: usize, between: i16) -> Arc<Volume> {
    let samples = ndarray::Array3::from_shape_fn((32, 32, 48), |(_, _, i)| match i {
        i if i < first => -500,
        i if i < second => between,
        _ => 500,
    });
    let padding = Padding { lowest: -2000.0, highest: -2000.0 };
    let mapping = ValueMapping::identity(Unit::Hounsfield);
    let grid = Grid::even([32, 32, 48], DAffine3::IDENTITY).unwrap();
    let facts = Facts::new(Modality::Ct);
    Arc::new(Volume::new(grid, Samples::I16(samples), mapping, Some(padding), facts).unwrap())
}

/// A rendering along i, in long steps, of what lies between -400 and 400.
fn along_i(target_mm: DVec3) -> Request {
    let lens = Lens::Orthographic { height_mm: 4.0 };
    let camera = Camera { eye_mm: target_mm - DVec3::X * 60.0, target_mm, up: DVec3::Z, lens };
    let band = [(-400.0, 0.0), (0.0, 0.9), (400.0, 0.0)];
    let band = band.map(|(value, opacity)| scenes::point(value, [1.0; 3], opacity));
    let points = TransferFunction::new(band.to_vec()).unwrap();
    let mut request = scenes::rendering(camera, Shading::default(), points, [24, 24]);
    request.quality.step = 3.0;
    request
}

fn assert_leaps_change_nothing(volume: &Arc<Volume>, leaping: &Request, what: &str) {
    let mut plain = leaping.clone();
    plain.quality.skipping = false;
    for backend in fast() {
        let [leaping, plain] = [leaping, &plain].map(|request| backend.render(volume, request));
        let report = compare(&leaping, &plain, &Tolerance::NONE);
        assert!(report.is_ok(), "{}, {what}: {report:?}", backend.name());
    }
}

/// Where only padding stands between two places that can't be seen, a long step passes from one to the other, and what
/// lies between their values is seen.
#[test]
fn leaps_stop_at_walls_of_padding() {
    for wall in [4, 8, 16] {
        for phase in [0.2, 0.9, 1.7, 2.4] {
            let target_mm = DVec3::new(15.5 + phase, 15.5, 15.5);
            assert_leaps_change_nothing(
                &two_sides(wall, wall + 1, -2000),
                &along_i(target_mm),
                &format!("at {wall}"),
            );
        }
    }
}

/// A registration that makes a volume smaller makes steps longer: beyond what lies between two cells.
#[test]
fn leaps_stop_where_steps_are_longer_than_cells() {
    let target_mm = DVec3::new(25.0, 15.5, 15.5);
    let about = DAffine3::from_translation(target_mm);
    for shrunk in [0.15, 0.3] {
        let mut request = along_i(target_mm);
        let placed = about * DAffine3::from_scale(DVec3::splat(shrunk)) * about.inverse();
        request.scene.layers[0].scene_from_patient = Some(placed);
        for volume in [two_sides(9, 16, 0), two_sides(8, 24, -2000)] {
            assert_leaps_change_nothing(&volume, &request, &format!("shrunk to {shrunk}"));
        }
    }
}

/// The same picture of nothing at all.
fn emptied(request: &Request) -> Request {
    let mut request = request.clone();
    let far = DVec3::splat(1e5);
    request.scene.layers[0].region.crop = Some(CropBox { min_mm: far, max_mm: far + DVec3::ONE });
    request
}

/// Computed pixels of a checkerboard are those of the whole picture, also in a part of it, and the others follow the one
/// rule; slices and slabs are computed whole.
#[test]
fn checkerboards_hold_the_pixels_of_the_whole() {
    let mut random = Random::new(10);
    let volume = noisy(grid(GridKind::Sheared, &mut random), SampleKind::I16, &mut random);
    let [parallel, central] = [false, true].map(|lens| scenes::camera(volume.grid(), lens, &mut random));
    let mut early = scenes::rendering(central, Shading::default(), scenes::skin_and_core(), RAYS_PX);
    early.quality.early_termination = true;
    let of_rays = [
        scenes::projection(parallel, Projection::Mip, RAYS_PX),
        scenes::projection(central, Projection::MinIp, RAYS_PX),
        scenes::projection(central, Projection::Mean, RAYS_PX),
        scenes::rendering(parallel, Shading::default(), scenes::skin_and_core(), RAYS_PX),
        early,
    ];
    let slab = scenes::slab(scenes::plane(volume.grid(), &mut random), 5.0, Projection::Mean, PLANE_PX);
    let checkered = |request: &Request| {
        let mut request = request.clone();
        request.quality.pixels = PixelSubset::Checkerboard;
        request
    };
    for backend in all() {
        let mut made_up = 0;
        for request in &of_rays {
            let whole = backend.render(&volume, request);
            for region in [
                PixelRect { x: 0, y: 0, width: 120, height: 90 },
                PixelRect { x: 33, y: 18, width: 51, height: 43 },
            ] {
                let found = backend.render(&volume, &Request { region: Some(region), ..checkered(request) });
                let mut expected = cut(&whole, region);
                checkerboard::fill(&mut expected, region);
                made_up += u32::from(expected != cut(&whole, region));
                let what = || format!("{}: {} {region:?}", backend.name(), request.scene.view.kind());
                assert!(found.pixels() == &expected, "{}", what());
            }
        }
        // The lowest values may all be black.
        assert!(made_up >= 8, "{}: {made_up} of 10", backend.name());
        let whole = backend.render(&volume, &slab);
        assert_eq!(whole.pixels(), backend.render(&volume, &checkered(&slab)).pixels(), "{}", backend.name());
    }
    let values = Request { output: Output::Values, ..checkered(&of_rays[0]) };
    assert!(matches!(values.check(), Err(Error::Scene(SceneFault::ValuesMadeUp))));
}

fn cut(image: &anatome_core::Image, rect: PixelRect) -> anatome_core::Pixels {
    use anatome_core::Pixels;
    let rows = (rect.y..rect.y + rect.height).map(|y| (y * image.width_px() + rect.x) as usize);
    let width = rect.width as usize;
    match image.pixels() {
        Pixels::Grey8(p) => Pixels::Grey8(rows.flat_map(|at| p[at..at + width].to_vec()).collect()),
        Pixels::Rgba8(p) => Pixels::Rgba8(rows.flat_map(|at| p[4 * at..4 * (at + width)].to_vec()).collect()),
        _ => panic!("not used here"),
    }
}
