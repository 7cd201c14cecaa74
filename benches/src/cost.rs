//! What a picture costs as the volume, the picture and the opacity grow: tables, and a plot of each.

#![expect(clippy::print_stdout, reason = "a program that prints tables")]

mod plot;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anatome::{
    Appearance, Backend, Progress, Request, Scene, TransferFunction, Volume, Workers, natural_output,
};
use anatome_benches::{Machine, Work, quantile, rounds, works};
use anatome_phantom::{ThoraxSpec, thorax_ct};
use anyhow::{Context as _, Result};
use clap::Parser;

use plot::Plot;

/// Renders the generated thorax with more and more voxels, pixels and opacity, and says what each picture takes.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    machine: Machine,
    /// How often each picture is rendered after the first time.
    #[arg(long, default_value = "3", value_parser = rounds)]
    rounds: usize,
    /// Where the plots go.
    #[arg(long, default_value = "docs")]
    plots: PathBuf,
}

/// The works that are rendered.
const WORKS: [&str; 5] =
    ["slice, oblique", "MIP", "rendering, bone", "rendering, soft tissue", "rendering, thin skin"];
/// The columns of the volumes; they have as many rows, and 400 slices for 512 of them.
const COLUMNS: [usize; 5] = [64, 128, 256, 512, 768];
/// The heights of the pictures, of 16 : 9.
const HEIGHTS: [u32; 5] = [270, 540, 1080, 2160, 4320];
/// What optical depths are multiplied by.
const FACTORS: [f64; 7] = [1.0 / 64.0, 1.0 / 16.0, 0.25, 1.0, 4.0, 16.0, 64.0];
/// Where neither the volume nor the picture is what varies.
const USUAL: (usize, u32) = (512, 1080);

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (backend, workers) = arguments.machine.open()?;
    let on = backend.adapter().map_or_else(|| format!("{} threads", workers.threads()), str::to_owned);
    let bench = Bench { backend, workers, rounds: arguments.rounds };
    println!("{on}, median of {} pictures after the first, ms", arguments.rounds);
    std::fs::create_dir_all(&arguments.plots)?;
    for name in ["opacity", "volume", "picture"] {
        let plot = match name {
            "opacity" => bench.by_opacity()?,
            "volume" => bench.by_volume()?,
            _ => bench.by_picture()?,
        };
        println!("\n{}", plot.table());
        let file = arguments.plots.join(format!("cost-{name}.svg"));
        std::fs::write(&file, plot.svg()).with_context(|| format!("{} can't be written", file.display()))?;
    }
    Ok(())
}

struct Bench {
    backend: Backend,
    workers: Workers,
    rounds: usize,
}

impl Bench {
    fn by_volume(&self) -> Result<Plot> {
        let title = format!("{} rows of pixels, by millions of voxels", USUAL.1);
        let mut plot = Plot::new(title, "voxels, millions", WORKS.to_vec());
        for columns in COLUMNS {
            let volume = self.volume(columns)?;
            let voxels = volume.grid().shape().iter().product::<usize>();
            plot.add(voxels as f64 / 1e6, self.times(&volume, USUAL.1, &WORKS, 1.0)?);
        }
        Ok(plot)
    }

    fn by_picture(&self) -> Result<Plot> {
        let title = format!("{} columns of voxels, by millions of pixels", USUAL.0);
        let mut plot = Plot::new(title, "pixels, millions", WORKS.to_vec());
        let volume = self.volume(USUAL.0)?;
        for height in HEIGHTS {
            let pixels = f64::from(height) * f64::from(width(height));
            plot.add(pixels / 1e6, self.times(&volume, height, &WORKS, 1.0)?);
        }
        Ok(plot)
    }

    fn by_opacity(&self) -> Result<Plot> {
        let (columns, height) = USUAL;
        let title = format!("{columns} columns of voxels, {height} rows of pixels, by opacity");
        let renderings = &WORKS[2..];
        let mut plot = Plot::new(title, "optical depth, times the preset's", renderings.to_vec());
        let volume = self.volume(columns)?;
        for factor in FACTORS {
            plot.add(factor, self.times(&volume, height, renderings, factor)?);
        }
        Ok(plot)
    }

    fn volume(&self, columns: usize) -> Result<Arc<Volume>> {
        let spec = ThoraxSpec { shape: [columns * 400 / 512, columns, columns], ..ThoraxSpec::default() };
        Ok(Arc::new(thorax_ct(&spec, self.workers.pool(), &Progress::new())?))
    }

    /// The median time of each work, in ms.
    fn times(&self, volume: &Arc<Volume>, height: u32, names: &[&str], factor: f64) -> Result<Vec<f64>> {
        let progress = Progress::new();
        let uploaded = self.backend.upload(volume, &progress)?;
        let size_px = [width(height), height];
        let all = works(volume, f64::from(size_px[0]) / f64::from(size_px[1]))?;
        let time = |name: &&str| {
            let is_it = |work: &Work| work.name == *name;
            let mut scene = all.iter().find(|work| is_it(work)).context("no such work")?.scene.clone();
            thicken(&mut scene, factor)?;
            let request = Request::new(scene.clone(), size_px, natural_output(&scene));
            self.backend.render(&request, &uploaded, &progress)?;
            let mut times = Vec::with_capacity(self.rounds);
            for _ in 0..self.rounds {
                let started = Instant::now();
                self.backend.render(&request, &uploaded, &progress)?;
                times.push(started.elapsed());
            }
            Ok(quantile(times, 0.5))
        };
        names.iter().map(time).collect()
    }
}

/// Of pictures of 16 : 9.
fn width(height: u32) -> u32 {
    height * 16 / 9
}

/// Multiplies the optical depth of each value.
fn thicken(scene: &mut Scene, factor: f64) -> Result<()> {
    for layer in &mut scene.layers {
        if let Appearance::Classified { transfer_function } = &mut layer.appearance {
            let mut points: Vec<_> = transfer_function.clone().into();
            for point in &mut points {
                let opacity = 1.0 - (1.0 - point.opacity_per_mm).powf(factor);
                point.opacity_per_mm = opacity.min(TransferFunction::MAX_OPACITY_PER_MM);
            }
            *transfer_function = TransferFunction::new(points)?;
        }
    }
    Ok(())
}
