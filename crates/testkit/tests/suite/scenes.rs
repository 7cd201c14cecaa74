//! Scenes for generated volumes.

use anatome_core::{
    Appearance, Camera, ColorMap, ColorStop, Grid, Lens, Output, Projection, Quality, Request, Scene,
    Shading, SlicePlane, TransferFunction, TransferPoint, View, Voi, Window, WindowFunction,
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
