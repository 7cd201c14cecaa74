//! Times frames: every work of the benches, on any backend, as a table or as JSON.

#![expect(clippy::print_stdout, reason = "a program that prints a table")]

mod motion;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anatome::governor::Bound;
use anatome::{
    Image, Limits, Overwrite, PictureFormat, Progress, Request, SeriesChoice, Source, Study, Volume, Workers,
    files, natural_output,
};
use anatome_benches::{Machine, Work, quantile, rounds, shifted, works};
use anatome_phantom::{ThoraxSpec, thorax_ct};
use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use serde_json::json;

/// Times pictures of a CT: medians over rounds in which all works take turns.
#[derive(Parser)]
struct Arguments {
    /// A folder, file or archive with a CT; the generated thorax of 512 x 512 x 400 without one.
    input: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
    /// The pictures' size.
    #[arg(long, default_value = "3840x2160", value_parser = size)]
    size: [u32; 2],
    /// How often each work is rendered after its first picture.
    #[arg(long, default_value = "5", value_parser = rounds)]
    rounds: usize,
    /// Only works whose name holds this.
    #[arg(long, default_value = "")]
    only: String,
    /// Also writes each picture, and its scene, into this folder.
    #[arg(long)]
    pictures: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// Times pictures in motion that should take so many ms, instead of whole ones.
    #[arg(long, value_name = "MS", conflicts_with_all = ["pictures", "in_turn"])]
    motion: Option<u64>,
    /// Gives each picture a transfer function of its own: what that takes more than pictures without it is the change.
    #[arg(long, conflicts_with_all = ["motion", "in_turn"])]
    changing: bool,
    /// Renders what it reads: names of works, one a line. Each is answered with its times, a line of JSON.
    #[arg(long)]
    in_turn: bool,
}

/// What was measured of a work.
struct Timed {
    name: &'static str,
    first: Duration,
    /// Each later picture.
    frames: Vec<Spent>,
}

/// What a picture took.
struct Spent {
    wall: Duration,
    /// Of the whole process.
    cpu: Duration,
    /// Of the GPU itself, without transfers, if it can tell.
    gpu: Option<Duration>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let size_px = arguments.size;
    let progress = Progress::new();
    // Before the volume is made, which takes long: it may not be there.
    let (backend, workers) = arguments.machine.open()?;
    let volume = volume(&arguments, &workers, &progress)?;
    let started = Instant::now();
    let uploaded = backend.upload(&volume, &progress)?;
    let upload = started.elapsed();
    let aspect = f64::from(size_px[0]) / f64::from(size_px[1]);
    let mut works = works(&volume, aspect)?;
    works.retain(|work| work.name.contains(&arguments.only));
    ensure!(!works.is_empty(), "no work's name holds \"{}\"", arguments.only);
    let render = |work: &Work| {
        let request = Request::new(work.scene.clone(), size_px, natural_output(&work.scene));
        backend.render_timed(&request, &uploaded, &progress)
    };
    let on = backend.adapter().map_or_else(|| format!("{} threads", workers.threads()), str::to_owned);
    if let Some(target_ms) = arguments.motion {
        let source = Bound { backend: &backend, volume: &uploaded };
        return move_all(&works, &arguments, &on, source, Duration::from_millis(target_ms));
    }
    if arguments.in_turn {
        return answer(&works, &arguments, &workers, render);
    }
    let mut timed = Vec::new();
    for work in &works {
        let started = Instant::now();
        let (image, _) = render(work)?;
        timed.push(Timed { name: work.name, first: started.elapsed(), frames: Vec::new() });
        keep(&arguments, &workers, work, &image)?;
    }
    for round in 0..arguments.rounds {
        for (work, timed) in works.iter().zip(&mut timed) {
            // More than a backend keeps.
            let by = if arguments.changing { (round % 8 + 1) as f64 } else { 0.0 };
            let work = Work { scene: shifted(&work.scene, by)?, ..*work };
            let (started, cpu) = (Instant::now(), cpu_time());
            let (_, gpu) = render(&work)?;
            timed.frames.push(Spent { wall: started.elapsed(), cpu: cpu_time().saturating_sub(cpu), gpu });
        }
    }
    print(&arguments, &on, upload, &timed);
    Ok(())
}

/// Moves the view of each work, and prints what is seen of it meanwhile.
fn move_all(
    works: &[Work],
    arguments: &Arguments,
    on: &str,
    source: Bound<'_>,
    target: Duration,
) -> Result<()> {
    let size_px = arguments.size;
    let count = u32::try_from(arguments.rounds)?;
    let mut moved = Vec::new();
    for work in works {
        moved.push(motion::moved(work, size_px, source, target, count)?);
    }
    if arguments.json {
        let works = moved.iter().map(|moved| {
            json!({"work": moved.name, "median_ms": moved.median_ms, "p95_ms": moved.p95_ms,
                "level": moved.level()})
        });
        let works: Vec<_> = works.collect();
        println!(
            "{}",
            json!({"on": on, "size": text_of(arguments.size), "target_ms": arguments.motion, "works": works})
        );
        return Ok(());
    }
    println!("{on}, {}, in motion, {} ms a picture aimed at\n", text_of(arguments.size), target.as_millis());
    println!("| work | median, ms | 95 %, ms | what is computed |\n|---|---:|---:|---|");
    for moved in &moved {
        println!("| {} | {:.1} | {:.1} | {} |", moved.name, moved.median_ms, moved.p95_ms, moved.level());
    }
    Ok(())
}

/// Renders the works whose names it reads, and prints each picture's times.
fn answer<R: Fn(&Work) -> anatome::Result<(Image, Option<Duration>)>>(
    works: &[Work],
    arguments: &Arguments,
    workers: &Workers,
    render: R,
) -> Result<()> {
    let mut kept = Vec::new();
    for line in std::io::stdin().lines() {
        let line = line?;
        let work = works
            .iter()
            .find(|work| work.name == line)
            .with_context(|| format!("no work is named {line}"))?;
        let (started, cpu) = (Instant::now(), cpu_time());
        let (image, _) = render(work)?;
        let [wall_ms, cpu_ms] =
            [started.elapsed(), cpu_time().saturating_sub(cpu)].map(|time| time.as_secs_f64() * 1e3);
        if !kept.contains(&work.name) {
            keep(arguments, workers, work, &image)?;
            kept.push(work.name);
        }
        println!("{}", json!({"wall_ms": wall_ms, "cpu_ms": cpu_ms}));
    }
    Ok(())
}

/// Writes a picture and its scene, if there is a folder for them.
fn keep(arguments: &Arguments, workers: &Workers, work: &Work, image: &Image) -> Result<()> {
    let Some(folder) = &arguments.pictures else { return Ok(()) };
    std::fs::create_dir_all(folder)?;
    let file = folder.join(work.name.replace(", ", "-").replace(' ', "-"));
    let png = file.with_extension("png");
    files::write_picture(image, &png, PictureFormat::Png, Overwrite::Allowed, workers)?;
    std::fs::write(file.with_extension("json"), serde_json::to_string_pretty(&work.scene)?)?;
    Ok(())
}

fn size(text: &str) -> Result<[u32; 2], String> {
    let parts = text.split_once('x').map(|(width, height)| [width.parse(), height.parse()]);
    match parts {
        Some([Ok(width), Ok(height)]) if width > 0 && height > 0 => Ok([width, height]),
        _ => Err("a size is WIDTHxHEIGHT in pixels".to_owned()),
    }
}

fn text_of([width, height]: [u32; 2]) -> String {
    format!("{width}x{height}")
}

fn volume(arguments: &Arguments, workers: &Workers, progress: &Progress) -> Result<Arc<Volume>> {
    let Some(input) = &arguments.input else {
        return Ok(Arc::new(thorax_ct(&ThoraxSpec::default(), workers.pool(), progress)?));
    };
    let source = Source::Path(input.clone());
    let study = Study::scan(&[source], &Limits::default(), workers, progress)?;
    let number = study.choose(&SeriesChoice::Largest)?;
    Ok(study.load(number, &Limits::default(), workers, progress)?.volume)
}

/// What all threads of this process have computed for.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the system's own count of CPU time has no safe interface")]
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a valid timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(not(unix))]
fn cpu_time() -> Duration {
    Duration::ZERO
}

fn print(arguments: &Arguments, on: &str, upload: Duration, timed: &[Timed]) {
    let row = |timed: &Timed| {
        let of =
            |spent: fn(&Spent) -> Option<Duration>| timed.frames.iter().filter_map(spent).collect::<Vec<_>>();
        let first = timed.first.as_secs_f64() * 1e3;
        let (wall, cpu) = (of(|spent| Some(spent.wall)), of(|spent| Some(spent.cpu)));
        let gpu = of(|spent| spent.gpu);
        let gpu = (!gpu.is_empty()).then(|| quantile(gpu, 0.5));
        ([first, quantile(wall.clone(), 0.5), quantile(wall, 0.95), quantile(cpu, 0.5)], gpu)
    };
    if arguments.json {
        let works = timed.iter().map(|timed| {
            let ([first_ms, median_ms, p95_ms, cpu_ms], gpu_ms) = row(timed);
            json!({"work": timed.name, "first_ms": first_ms, "median_ms": median_ms, "p95_ms": p95_ms,
                "cpu_ms": cpu_ms, "gpu_ms": gpu_ms})
        });
        let works: Vec<_> = works.collect();
        let upload_ms = upload.as_secs_f64() * 1e3;
        println!(
            "{}",
            json!({"on": on, "size": text_of(arguments.size), "upload_ms": upload_ms, "works": works})
        );
        return;
    }
    println!("{on}, {}, upload {:.0} ms\n", text_of(arguments.size), upload.as_secs_f64() * 1e3);
    println!(
        "| work | first, ms | median, ms | 95 %, ms | CPU, ms | GPU itself, ms |\n|---|---:|---:|---:|---:|---:|"
    );
    for timed in timed {
        let ([first, median, p95, cpu], gpu) = row(timed);
        let gpu = gpu.map(|gpu| format!("{gpu:.2}")).unwrap_or_default();
        println!("| {} | {first:.1} | {median:.1} | {p95:.1} | {cpu:.0} | {gpu} |", timed.name);
    }
}
