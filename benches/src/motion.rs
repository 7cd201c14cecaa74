//! What is seen while something moves: the level that the frame governor holds, and what its pictures take.

use std::time::{Duration, Instant};

use anatome::governor::{Bound, Governor, Level, Settings};
use anatome::{PixelSubset, Precision, Request, Scene, View, natural_output};
use anatome_benches::{Work, quantile};
use anyhow::{Result, ensure};
use glam::DMat3;

/// Pictures before the first that counts: the governor does not know yet what they cost.
const BEFORE: u32 = 12;
/// After this a hand has moved on.
const STEP: Duration = Duration::from_millis(10);
/// A picture that never comes would be the governor's fault.
const PATIENCE: Duration = Duration::from_secs(120);

/// What was measured of a work in motion.
pub struct Moved {
    pub name: &'static str,
    /// The level of the last picture.
    level: Level,
    pub median_ms: f64,
    pub p95_ms: f64,
}

impl Moved {
    /// What the level leaves out.
    pub fn level(&self) -> String {
        let Level { precision, step_factor, pixels, divisor, .. } = self.level;
        let parts = [
            (precision == Precision::Preview).then(|| "interpolated by the texture unit".to_owned()),
            (divisor > 1).then(|| format!("1/{divisor} of width and height")),
            (pixels == PixelSubset::Checkerboard).then(|| "a checkerboard".to_owned()),
            (step_factor > 1.0).then(|| format!("{step_factor} times the step")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "all of it".to_owned() } else { parts.join(", ") }
    }
}

/// Moves the view of a work a little before each step towards a picture that aims at `target`, `count` pictures long.
pub fn moved(
    work: &Work,
    size_px: [u32; 2],
    source: Bound<'_>,
    target: Duration,
    count: u32,
) -> Result<Moved> {
    let mut governor = Governor::new(source, Settings { target, ..Settings::default() });
    let mut times = Vec::new();
    let mut level = Level::FULL;
    let mut scene = work.scene.clone();
    for number in 0..BEFORE + count {
        let started = Instant::now();
        let ready = loop {
            // As a hand that goes on moving: else the governor would turn to the whole picture.
            nudge(&mut scene);
            governor.want(Request::new(scene.clone(), size_px, natural_output(&scene)), Instant::now());
            if let Some(ready) = governor.step(&Instant::now, STEP)? {
                break ready;
            }
            ensure!(started.elapsed() < PATIENCE, "no picture of {} came", work.name);
        };
        level = ready.level;
        if number >= BEFORE {
            times.push(ready.took);
        }
    }
    Ok(Moved {
        name: work.name,
        level,
        median_ms: quantile(times.clone(), 0.5),
        p95_ms: quantile(times, 0.95),
    })
}

/// By a tenth of a millimetre along its normal, or by half a degree about what is looked at.
fn nudge(scene: &mut Scene) {
    match &mut scene.view {
        View::Slice { plane } | View::Slab { plane, .. } => plane.center_mm += 0.1 * plane.normal(),
        View::Projection { camera, .. } | View::Rendering { camera, .. } => {
            let turn = DMat3::from_axis_angle(camera.up.normalize(), 0.5f64.to_radians());
            camera.eye_mm = camera.target_mm + turn * (camera.eye_mm - camera.target_mm);
        }
        _ => {}
    }
}
