//! Pictures for someone who looks: a camera turns while a governor keeps the pictures in time, and when it rests the
//! whole picture comes. A window would show each; this program says what it would have shown.

#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anatome::governor::{Bound, Governor, Settings};
use anatome::{
    Backend, BackendChoice, Output, Picture, Progress, Request, Scene, Style, View, Workers, scene,
};
use anatome_phantom::{ThoraxSpec, thorax_ct};
use glam::DMat3;

/// As far as an owner of a thread wants to be away from its messages.
const BUDGET: Duration = Duration::from_millis(10);
const MOVING: Duration = Duration::from_secs(1);
const SIZE_PX: [u32; 2] = [960, 720];

fn main() -> anyhow::Result<()> {
    let workers = Workers::new(None)?;
    let progress = Progress::new();
    let spec = ThoraxSpec { shape: [100, 128, 128], ..ThoraxSpec::default() };
    let volume = Arc::new(thorax_ct(&spec, workers.pool(), &progress)?);
    let backend = Backend::open(BackendChoice::Auto, None, &workers)?;
    let uploaded = backend.upload(&volume, &progress)?;
    let aspect = f64::from(SIZE_PX[0]) / f64::from(SIZE_PX[1]);
    let front = scene(Picture::Rendering, &volume, &Style::default(), aspect)?;

    let source = Bound { backend: &backend, volume: &uploaded };
    let mut governor = Governor::new(source, Settings::default());
    let start = Instant::now();
    loop {
        // In a viewer, this is where messages are read: the latest camera counts.
        let now = Instant::now();
        let turned_rad = now.duration_since(start).min(MOVING).as_secs_f64() * 0.8;
        governor.want(Request::new(turned(&front, turned_rad), SIZE_PX, Output::Rgba8), now);
        if let Some(ready) = governor.step(&Instant::now, BUDGET)? {
            let (at, took) = (start.elapsed().as_millis(), ready.took.as_secs_f64() * 1e3);
            let (level, is_final) = (ready.level, ready.is_final);
            let image = ready.enlarged(&workers)?;
            let [width, height] = [image.width_px(), image.height_px()];
            println!("{at:5} ms: {width} x {height} in {took:.1} ms, {level:?}");
            if is_final && start.elapsed() > MOVING {
                break;
            }
        }
        match governor.next_step() {
            // Nothing to do until then, or until the next message.
            Some(then) if then > Instant::now() => std::thread::sleep(Duration::from_millis(1)),
            _ => {}
        }
    }
    println!("whole, {} ms after the camera stopped", (start.elapsed() - MOVING).as_millis());
    Ok(())
}

/// The scene from another side.
fn turned(front: &Scene, angle_rad: f64) -> Scene {
    let mut scene = front.clone();
    if let View::Rendering { camera, .. } = &mut scene.view {
        let turn = DMat3::from_rotation_z(angle_rad);
        camera.eye_mm = camera.target_mm + turn * (camera.eye_mm - camera.target_mm);
        camera.up = turn * camera.up;
    }
    scene
}
