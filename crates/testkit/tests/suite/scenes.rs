//! Scenes for generated volumes.

use anatome_core::{
    Appearance, Camera, ClipPlane, ColorMap, ColorStop, CropBox, Grid, Interpolation, Lens, Output,
    Projection, Quality, Request, Scene, Shading, SlicePlane, TransferFunction, TransferPoint, View, Voi,
    Window, WindowFunction,
};
use anatome_testkit::Random;
use glam::DVec3;

pub fn window(center: f64, width: f64, function: WindowFunction) -> Voi {
    Voi::Window(Window::new(center, width, function).unwrap())
}

pub fn grey(voi: Voi) -> Appearance {
    Appearance::Grey { voi, invert: false, colors: None }
}

/// The window of the tolerances: 400 HU.
pub fn w400() -> Appearance {
    grey(window(40.0, 400.0, WindowFunction::Linear))
}

pub fn colors() -> ColorMap {
    let stop = |at, color| ColorStop { at, color };
    ColorMap::new(vec![
        stop(0.0, [0.0, 0.0, 0.1]),
        stop(0.35, [0.7, 0.1, 0.2]),
        stop(0.8, [1.0, 0.8, 0.0]),
        stop(1.0, [1.0, 1.0, 1.0]),
    ])
    .unwrap()
}

/// A double oblique plane near the middle of a grid, a little wider than it.
pub fn plane(grid: &Grid, random: &mut Random) -> SlicePlane {
    let turn = random.rotation();
    let [a, .., b] = grid.corners_mm();
    let center_mm = grid.center_mm() + random.point(DVec3::splat(-3.0), DVec3::splat(3.0));
    SlicePlane { center_mm, right: turn.x_axis, down: turn.y_axis, width_mm: a.distance(b) }
}

/// A camera somewhere around a grid that sees most of it.
pub fn camera(grid: &Grid, perspective: bool, random: &mut Random) -> Camera {
    let [a, .., b] = grid.corners_mm();
    let size_mm = a.distance(b);
    let target_mm = grid.center_mm() + random.point(DVec3::splat(-2.0), DVec3::splat(2.0));
    let eye_mm = target_mm + random.direction() * size_mm * 1.7;
    let lens = if perspective {
        Lens::Perspective { fov_rad: 0.38 }
    } else {
        Lens::Orthographic { height_mm: size_mm * 0.65 }
    };
    Camera { eye_mm, target_mm, up: random.direction(), lens }
}

pub fn slice(plane: SlicePlane, appearance: Appearance, size_px: [u32; 2], output: Output) -> Request {
    Request::new(Scene::of_primary(View::Slice { plane }, appearance), size_px, output)
}

pub fn slab(plane: SlicePlane, thickness_mm: f64, projection: Projection, size_px: [u32; 2]) -> Request {
    let view = View::Slab { plane, thickness_mm, projection };
    Request::new(Scene::of_primary(view, w400()), size_px, Output::Grey8)
}

pub fn projection(camera: Camera, projection: Projection, size_px: [u32; 2]) -> Request {
    Request::new(Scene::of_primary(View::Projection { camera, projection }, w400()), size_px, Output::Grey8)
}

/// A rendering to the end of every ray.
pub fn rendering(camera: Camera, shading: Shading, points: TransferFunction, size_px: [u32; 2]) -> Request {
    let appearance = Appearance::Classified { transfer_function: points };
    let scene = Scene::of_primary(View::Rendering { camera, shading }, appearance);
    let quality = Quality { early_termination: false, ..Quality::default() };
    Request { quality, ..Request::new(scene, size_px, Output::Rgba8) }
}

pub fn point(value: f64, color: [f32; 3], opacity_per_mm: f64) -> TransferPoint {
    TransferPoint { value, color, opacity_per_mm }
}

/// Translucent skin around an opaque core.
pub fn skin_and_core() -> TransferFunction {
    TransferFunction::new(vec![
        point(-700.0, [0.9, 0.6, 0.5], 0.0),
        point(-500.0, [0.9, 0.6, 0.5], 0.08),
        point(-300.0, [0.9, 0.6, 0.5], 0.0),
        point(50.0, [0.8, 0.2, 0.1], 0.0),
        point(350.0, [1.0, 0.95, 0.85], 0.6),
    ])
    .unwrap()
}

/// Bone as a ramp, a thin skin around sharply seen bone, and soft tissue that hardly hides what is behind it.
pub fn ramp_peak_and_haze() -> [(&'static str, TransferFunction); 3] {
    let ramp = vec![point(160.0, [0.7, 0.3, 0.2], 0.0), point(900.0, [1.0, 0.95, 0.9], 0.95)];
    let peak = vec![
        point(-600.0, [0.9, 0.7, 0.6], 0.0),
        point(-450.0, [0.9, 0.7, 0.6], 0.2),
        point(-300.0, [0.9, 0.7, 0.6], 0.0),
        point(250.0, [1.0, 0.9, 0.8], 0.0),
        point(350.0, [1.0, 0.95, 0.85], 0.95),
    ];
    let haze = vec![
        point(-100.0, [0.7, 0.4, 0.3], 0.0),
        point(50.0, [0.85, 0.45, 0.4], 0.01),
        point(300.0, [1.0, 0.9, 0.8], 0.05),
    ];
    [("bone ramp", ramp), ("thin skin and sharp bone", peak), ("soft tissue", haze)]
        .map(|(name, points)| (name, TransferFunction::new(points).unwrap()))
}

/// Skin of the values of a band so wide, around a value.
pub fn band(middle: f64, width: f64) -> TransferFunction {
    let color = [0.9, 0.7, 0.6];
    let half = width / 2.0;
    TransferFunction::new(vec![
        point(-1024.0, color, 0.0),
        point(middle - half, color, 0.0),
        point(middle, color, 0.9),
        point(middle + half, color, 0.0),
        point(1000.0, color, 0.0),
    ])
    .unwrap()
}

/// A rendering or a projection with a camera, transfer function, window, region and step at random.
pub fn anything_along_rays(grid: &Grid, random: &mut Random) -> Request {
    const SIZE_PX: [u32; 2] = [61, 43];
    let camera = any_camera(grid, random);
    let mut request = match random.whole(0, 8) {
        0 | 1 => projection(camera, Projection::Mip, SIZE_PX),
        2 | 3 => projection(camera, Projection::MinIp, SIZE_PX),
        4 => projection(camera, Projection::Mean, SIZE_PX),
        _ => rendering(camera, Shading::default(), any_transfer_function(random), SIZE_PX),
    };
    if let Appearance::Grey { voi, .. } = &mut request.scene.layers[0].appearance {
        *voi = window(random.between(-900.0, 900.0), random.between(2.0, 1500.0), WindowFunction::Linear);
        request.output = [Output::Grey8, Output::Values][random.whole(0, 1)];
    }
    request.scene.background = [0.2, 0.3, 0.4];
    if random.whole(0, 3) == 0 {
        request.scene.layers[0].interpolation = Interpolation::Nearest;
    }
    let half_mm = DVec3::splat(14.0);
    if random.whole(0, 1) == 1 {
        let min_mm = grid.center_mm() - random.point(DVec3::splat(1.0), half_mm);
        let max_mm = grid.center_mm() + random.point(DVec3::splat(1.0), half_mm);
        request.scene.layers[0].region.crop = Some(CropBox { min_mm, max_mm });
    }
    if random.whole(0, 2) == 1 {
        let point_mm = grid.center_mm() + random.direction() * 3.0;
        request.scene.layers[0].region.clip_planes = vec![ClipPlane { point_mm, normal: random.direction() }];
    }
    request.quality.step = [0.25, 0.5, 1.0, 3.7][random.whole(0, 3)];
    request.quality.early_termination = true;
    request
}

/// A camera outside a grid or within, that sees much of it or little.
fn any_camera(grid: &Grid, random: &mut Random) -> Camera {
    let [a, .., b] = grid.corners_mm();
    let size_mm = a.distance(b);
    let target_mm = grid.center_mm() + random.direction() * size_mm * random.between(0.0, 0.3);
    let away = [random.between(0.02, 0.4), 1.7][random.whole(0, 1)];
    let lens = match random.whole(0, 1) {
        0 => Lens::Perspective { fov_rad: [0.38, random.between(0.03, 2.6)][random.whole(0, 1)] },
        _ => Lens::Orthographic { height_mm: size_mm * random.between(0.05, 0.8) },
    };
    let eye_mm = target_mm + random.direction() * size_mm * away;
    Camera { eye_mm, target_mm, up: random.direction(), lens }
}

/// Bands of opacity among bands without.
fn any_transfer_function(random: &mut Random) -> TransferFunction {
    let mut value = random.between(-1100.0, -600.0);
    let points = (0..random.whole(3, 9)).map(|_| {
        value += [random.between(0.1, 5.0), random.between(5.0, 500.0)][random.whole(0, 1)];
        let opacity = [0.0, 0.0, random.between(0.01, 1.0)][random.whole(0, 2)];
        point(value, [0.9, random.between(0.0, 1.0) as f32, 0.3], opacity)
    });
    TransferFunction::new(points.collect()).unwrap()
}
