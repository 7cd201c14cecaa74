//! Everything that this crate can do with a file, for files that may be damaged: what comes of it does not matter.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anatome_core::Progress;
use anatome_dicom::objects::read_object;
use anatome_dicom::{
    FrameReader, InstanceHeader, Limits, Series, Source, Stack, SuvReport, SuvType, group, load, scan,
};

use crate::shared::POOL;

/// Small budgets: what they allow is done in no time.
pub fn tight() -> Limits {
    let mut limits = Limits::default();
    limits.frame_pixels = 1 << 18;
    limits.volume_bytes = 1 << 22;
    limits.header_bytes = 4 << 20;
    limits
}

/// Scans, groups, loads and describes `sources` in every way. Whether anything could be loaded.
pub fn exercise(sources: &[Source], limits: &Limits) -> bool {
    let Ok(scanned) = scan(sources, limits, &POOL, &Progress::new()) else { return false };
    black_box(format!("{scanned:?}"));
    let mut good = false;
    for header in &scanned.instances {
        good |= object(header, limits);
    }
    for series in group(scanned.instances) {
        good |= images(&series, limits);
    }
    good
}

fn object(header: &Arc<InstanceHeader>, limits: &Limits) -> bool {
    black_box(header.identity().patient_name);
    if let Ok(report) = SuvReport::new([header], limits) {
        let _ = black_box(report.factor(SuvType::BodyWeight));
    }
    if let Ok(reader) = FrameReader::new(header, limits) {
        let last = reader.frame_count().wrapping_sub(1);
        let _ = black_box((reader.stored_bytes(0), reader.stored_bytes(last)));
    }
    let object = read_object(header, limits);
    black_box(format!("{object:?}"));
    object.is_ok()
}

fn images(series: &Series, limits: &Limits) -> bool {
    black_box((series.form(), series.modality(), series.shape(), format!("{series:?}")));
    let checked = series.check(limits);
    let loaded = load(series, limits, &POOL, &Progress::new());
    assert!(checked.is_ok() || loaded.is_err(), "load allows what check refuses: {checked:?}");
    if let Ok(stack) = Stack::new(series, limits) {
        for n in (0..stack.frames().len()).take(3) {
            let _ = black_box((stack.spacing(n), stack.frame(n)));
        }
        if let Some(frame) = stack.frames().first() {
            let _ = black_box(frame.stored_samples(limits));
        }
    }
    loaded.is_ok()
}

/// Measures how long something takes where others do not keep the machine busy: the time on the clock or of the
/// process on its processors, whichever is less.
pub struct Watch {
    clock: Instant,
    busy: Option<Duration>,
}

impl Watch {
    pub fn start() -> Self {
        Self { clock: Instant::now(), busy: busy() }
    }

    pub fn elapsed(&self) -> Duration {
        let clock = self.clock.elapsed();
        busy().zip(self.busy).map_or(clock, |(now, then)| clock.min(now.saturating_sub(then)))
    }
}

/// What all threads of the process have spent, where the system tells in a file, in its ticks of 10 ms.
fn busy() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, behind_name) = stat.rsplit_once(')')?;
    let ticks: u64 =
        behind_name.split_ascii_whitespace().skip(11).take(2).map_while(|n| n.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(10 * ticks))
}

#[test]
fn a_watch_counts_work() {
    let watch = Watch::start();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(400) {
        black_box(0);
    }
    assert!(watch.elapsed() >= Duration::from_millis(20), "{:?}", watch.elapsed());
}
