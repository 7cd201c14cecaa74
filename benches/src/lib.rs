//! What the benches render: the scenes of `cargo bench` (see `benches/`), of the program `anatome-frames` and, through
//! it, of the comparison with other programs (`peers/render.py`).

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anatome::{
    Appearance, Backend, BackendChoice, Interpolation, Lens, Modality, Picture, Planes, Projection, Result,
    Scene, SlicePlane, StandardView, Style, View, Voi, Volume, Window, WindowFunction, Workers, scene,
};
use clap::{Args, ValueEnum};
use glam::{DMat3, DVec3};

/// What a program that times renders on.
#[derive(Args, Clone, Debug)]
pub struct Machine {
    /// What renders.
    #[arg(long, value_enum, default_value_t = Kind::Cpu)]
    backend: Kind,
    /// The GPU, by number or name, instead of the best one.
    #[arg(long)]
    adapter: Option<String>,
    /// The number of threads; one a core without it.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Kind {
    Cpu,
    Gpu,
}

impl Machine {
    /// The renderer, and the threads of the rest.
    ///
    /// # Errors
    /// An adapter without `--backend gpu`; as [`Backend::open`].
    pub fn open(&self) -> anyhow::Result<(Backend, Workers)> {
        anyhow::ensure!(
            self.adapter.is_none() || self.backend == Kind::Gpu,
            "--adapter is for --backend gpu"
        );
        let workers = Workers::new(self.threads.map(NonZeroUsize::get))?;
        let choice = if self.backend == Kind::Gpu { BackendChoice::Gpu } else { BackendChoice::Cpu };
        Ok((Backend::open(choice, self.adapter.as_deref(), &workers)?, workers))
    }
}

/// A file of the shared data, by `ANATOME_DATA` or beside the repository; says so where it is not there.
#[must_use]
#[expect(clippy::print_stderr, reason = "a bench has no other way to say what could not run")]
pub fn shared_file(name: &str) -> Option<PathBuf> {
    // Benches run in their own folder.
    let folder = std::env::var_os("ANATOME_DATA").map_or_else(|| "../../shared/data".into(), PathBuf::from);
    let file = folder.join(name);
    let is_there = file.exists();
    if !is_there {
        eprintln!("SKIP: {} is not there", file.display());
    }
    is_there.then_some(file)
}

/// Reads a count of rounds for the command line.
///
/// # Errors
/// What is no whole number above 0.
pub fn rounds(text: &str) -> Result<usize, String> {
    let count: Option<NonZeroUsize> = text.parse().ok();
    count.map(NonZeroUsize::get).ok_or_else(|| "rounds are a whole number above 0".to_owned())
}

/// A picture that is timed.
#[derive(Clone, Debug)]
pub struct Work {
    /// Its name in tables.
    pub name: &'static str,
    /// What is rendered.
    pub scene: Scene,
}

/// The works for a volume, for pictures `aspect` times as wide as they are high; renderings are of CT alone.
///
/// # Errors
/// As [`anatome::scene`].
pub fn works(volume: &Volume, aspect: f64) -> Result<Vec<Work>> {
    let axial = StandardView::Axial.plane(volume.grid(), Planes::Patient, volume.center_mm(), aspect);
    let oblique = turned(axial);
    let half_step_mm = volume.grid().smallest_spacing_mm() / 2.0;
    let slab = |plane, projection| View::Slab { plane, thickness_mm: 19.0 * half_step_mm, projection };
    let preset = |name: &str| {
        let style = Style { preset: Some(name.to_owned()), ..Style::default() };
        scene(Picture::Rendering, volume, &style, aspect)
    };
    let standard = |picture| scene(picture, volume, &Style::default(), aspect);
    let work = |name, scene| Work { name, scene };
    let mut works = vec![
        work("slice, axial", standard(Picture::Axial)?),
        work("slice, coronal", standard(Picture::Coronal)?),
        work("slice, sagittal", standard(Picture::Sagittal)?),
        work("slice, oblique", grey(View::Slice { plane: oblique })?),
        work("slice, axial, cubic", cubic(standard(Picture::Axial)?)),
        work("slice, oblique, cubic", cubic(grey(View::Slice { plane: oblique })?)),
        work("slab of 20, MIP, axial", grey(slab(axial, Projection::Mip))?),
        work("slab of 20, MIP, oblique", grey(slab(oblique, Projection::Mip))?),
        work("slab of 20, mean, oblique", grey(slab(oblique, Projection::Mean))?),
        work("MIP", standard(Picture::Mip)?),
        work("MIP, zoomed in", zoomed(standard(Picture::Mip)?)),
    ];
    if volume.facts().modality == Modality::Ct {
        works.extend([
            work("rendering, bone", preset("bone")?),
            work("rendering, bone, zoomed in", zoomed(preset("bone")?)),
            work("rendering, soft tissue", preset("soft-tissue")?),
            work("rendering, soft tissue, zoomed in", zoomed(preset("soft-tissue")?)),
            work("rendering, thin skin", preset("skin")?),
            work("rendering, thin skin, zoomed in", zoomed(preset("skin")?)),
        ]);
    }
    Ok(works)
}

/// A scene with transfer functions that begin so much higher.
///
/// # Errors
/// As [`anatome::TransferFunction::new`].
pub fn shifted(scene: &Scene, by: f64) -> Result<Scene> {
    let mut scene = scene.clone();
    for layer in &mut scene.layers {
        if let Appearance::Classified { transfer_function } = &mut layer.appearance {
            let mut points: Vec<_> = transfer_function.clone().into();
            points.iter_mut().for_each(|point| point.value += by);
            *transfer_function = points.try_into()?;
        }
    }
    Ok(scene)
}

/// The time below which a part of them lies, in ms; not a number if there are none.
#[must_use]
pub fn quantile(mut values: Vec<Duration>, part: f64) -> f64 {
    values.sort_unstable();
    let at = (values.len() as f64 * part).ceil() as usize;
    values.get(at.saturating_sub(1)).map_or(f64::NAN, |value| value.as_secs_f64() * 1e3)
}

/// Turned out of all axes.
fn turned(plane: SlicePlane) -> SlicePlane {
    let turn = DMat3::from_rotation_z(0.3) * DMat3::from_rotation_x(0.5) * DMat3::from_rotation_y(0.4);
    SlicePlane { right: turn * plane.right, down: turn * plane.down, ..plane }
}

fn grey(view: View) -> Result<Scene> {
    let voi = Voi::Window(Window::new(40.0, 400.0, WindowFunction::Linear)?);
    Ok(Scene::of_primary(view, Appearance::Grey { voi, invert: false, colors: None }))
}

fn cubic(mut scene: Scene) -> Scene {
    for layer in &mut scene.layers {
        layer.interpolation = Interpolation::Cubic;
    }
    scene
}

/// So near that the volume fills the picture, and off the axes.
fn zoomed(mut scene: Scene) -> Scene {
    if let View::Rendering { camera, .. } | View::Projection { camera, .. } = &mut scene.view {
        let turn = DMat3::from_rotation_z(0.4) * DMat3::from_rotation_x(0.2);
        camera.eye_mm = camera.target_mm + turn * (camera.eye_mm - camera.target_mm);
        camera.up = turn * DVec3::Z;
        if let Lens::Orthographic { height_mm } = &mut camera.lens {
            *height_mm *= 0.35;
        }
    }
    scene
}
