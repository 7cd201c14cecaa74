//! Loads the largest series of a folder into memory, and says how long it took, and when the first slice was there.

#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use anatome::{
    Coming, FinishedSlice, Limits, Progress, SeriesChoice, SeriesSpec, SliceSink, Study, Workers,
    write_series,
};
use anatome_phantom::{ThoraxSpec, thorax_ct};

/// Takes down when the first slice came. A viewer would show it.
#[derive(Default)]
struct First(OnceLock<Instant>);

impl SliceSink for First {
    fn begin(&self, _coming: &Coming<'_>) {}

    fn slice(&self, _slice: FinishedSlice<'_>) {
        self.0.get_or_init(Instant::now);
    }
}

fn main() -> anyhow::Result<()> {
    let threads = env::var("ANATOME_THREADS").ok().and_then(|text| text.parse().ok());
    let workers = Workers::new(threads)?;
    let (progress, limits) = (Progress::new(), Limits::default());
    let made = tempfile::tempdir()?;
    let folder = match env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => {
            let spec = ThoraxSpec { shape: [20, 64, 64], ..ThoraxSpec::default() };
            let volume = thorax_ct(&spec, workers.pool(), &progress)?;
            let spec =
                SeriesSpec { seed: 1, number: 1, description: "example".into(), file_prefix: String::new() };
            write_series(&volume, &spec, made.path(), workers.pool(), &progress)?;
            made.path().to_owned()
        }
    };

    let start = Instant::now();
    let study = Study::scan(&[folder.into()], &limits, &workers, &progress)?;
    let scanned_s = start.elapsed().as_secs_f64();
    let first = First::default();
    let chosen = study.choose(&SeriesChoice::Largest)?;
    let loaded = study.load_with(chosen, &limits, &workers, &progress, &first)?;
    let first_s = first.0.get().map_or(f64::NAN, |at| at.duration_since(start).as_secs_f64());
    let loaded_s = start.elapsed().as_secs_f64() - scanned_s;
    let [k, j, i] = loaded.volume.grid().shape();
    let bytes = loaded.volume.byte_len();
    println!("{i} x {j} x {k}, {bytes} bytes: headers in {scanned_s:.3} s, pixels in {loaded_s:.3} s");
    println!("the first slice was there after {first_s:.3} s");
    for note in &loaded.notes {
        println!("note: {}", note.text);
    }
    Ok(())
}
