//! Threads that read files. They answer through one bounded channel.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anatome::{
    Backend, BackendChoice, ErrorKind, Limits, Notes, Progress, SharedDevice, Stack, Study, SuvReport,
    SuvType, UploadedVolume, Volume, Workers,
};

use super::{Defaults, Images, Kind, Loaded, SeriesFacts, State, Thumbnail};
use crate::histogram::Histogram;
use crate::session::SeriesId;
use crate::threads;

/// What a thread has done.
#[derive(Debug)]
pub(crate) enum News {
    /// Pictures can be drawn; `missing` says why not by what was asked for.
    Ready { backend: Arc<Backend>, missing: Option<String> },
    /// Headers were read, or why not.
    Found { input: u32, study: Result<Arc<Study>, String> },
    /// A small picture is there.
    Thumbnail { id: SeriesId, thumbnail: Arc<Thumbnail> },
    /// A series is farther.
    Series { id: SeriesId, state: State },
    /// The GPU can't hold what is shown, or is lost.
    Trouble { reason: String },
}

/// Something that goes on, for people to see and stop.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub what: &'static str,
    /// Finished and all units; all is 0 as long as it is not known.
    pub done: (u64, u64),
    progress: Progress,
}

impl Work {
    pub(crate) fn new(what: &'static str, done: (u64, u64), progress: Progress) -> Self {
        Self { what, done, progress }
    }

    pub(crate) fn cancel(&self) {
        self.progress.cancel();
    }
}

/// Which backend to open.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub choice: BackendChoice,
    /// A GPU by number or (part of) its name.
    pub adapter: Option<String>,
    /// The window's device, if it is on that adapter.
    pub device: Option<SharedDevice>,
    /// The most bytes of a volume's voxels on the GPU at once; what it has if absent.
    pub memory_budget_bytes: Option<u64>,
}

impl Opening {
    pub(crate) const CPU: Self =
        Self { choice: BackendChoice::Cpu, adapter: None, device: None, memory_budget_bytes: None };

    fn open(&self, workers: &Workers) -> anatome::Result<Backend> {
        let (choice, adapter) = (self.choice, self.adapter.as_deref());
        let backend = match &self.device {
            Some(device) => Backend::open_on(choice, adapter, device, workers)?,
            None => Backend::open(choice, adapter, workers)?,
        };
        Ok(match self.memory_budget_bytes {
            Some(bytes) => backend.with_memory_budget(bytes),
            None => backend,
        })
    }
}

enum Task {
    Backend(Opening),
    Open { input: u32, paths: Vec<PathBuf> },
    Load { id: SeriesId, study: Arc<Study> },
    Look { id: SeriesId, study: Arc<Study> },
}

/// What the threads share.
struct Shared {
    tasks: Mutex<Tasks>,
    woken: Condvar,
    news: SyncSender<(Option<u64>, News)>,
    /// Asks the window to look.
    wake: Box<dyn Fn() + Send + Sync>,
    /// For what is read: those that draw have others, else pictures would wait until a series is read.
    reading: Workers,
    drawing: Workers,
    limits: Limits,
    work: Mutex<Vec<(u64, Work)>>,
    told: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Tasks {
    /// Of the thread that loads.
    load: VecDeque<Task>,
    /// Of the thread that makes small pictures.
    look: VecDeque<Task>,
    backend: Option<Arc<Backend>>,
    ended: bool,
    /// What was asked for in another round is of no interest.
    round: u64,
    next_work: u64,
}

/// Reads files on threads of its own.
pub(crate) struct Loader {
    shared: Arc<Shared>,
    /// With the round in which it was asked for; none if it counts in all.
    news: Receiver<(Option<u64>, News)>,
}

/// So often progress is told at most.
const TELL: Duration = Duration::from_millis(60);

impl Loader {
    /// Starts the threads, and opens the backend.
    ///
    /// # Errors
    /// If the system can't start threads.
    pub(crate) fn start(
        workers: Workers,
        limits: Limits,
        backend: Opening,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> std::io::Result<Self> {
        let reading = Workers::new(Some(workers.threads())).map_err(std::io::Error::other)?;
        let (tell, news) = sync_channel(64);
        let mut tasks = Tasks::default();
        tasks.load.push_back(Task::Backend(backend));
        let shared = Arc::new(Shared {
            tasks: Mutex::new(tasks),
            woken: Condvar::new(),
            news: tell,
            wake,
            reading,
            drawing: workers,
            limits,
            work: Mutex::default(),
            told: Mutex::default(),
        });
        for (name, of) in [("anatome-load", Of::Load), ("anatome-look", Of::Look)] {
            let shared = Arc::clone(&shared);
            threads::spawn(name, move || shared.run(of))?;
        }
        Ok(Self { shared, news })
    }

    /// Reads headers of an input that was registered.
    pub(crate) fn open(&self, input: u32, paths: Vec<PathBuf>) {
        self.shared.push(Of::Load, Task::Open { input, paths });
    }

    /// Loads a series.
    pub(crate) fn load(&self, id: SeriesId, study: Arc<Study>) {
        self.shared.push(Of::Load, Task::Load { id, study });
    }

    /// Drops what waits to be loaded and is not one of these; returns what was dropped.
    pub(crate) fn keep(&self, needed: &[SeriesId]) -> Vec<SeriesId> {
        let mut dropped = Vec::new();
        lock(&self.shared.tasks).load.retain(|task| match task {
            Task::Load { id, .. } if !needed.contains(id) => {
                dropped.push(*id);
                false
            }
            _ => true,
        });
        dropped
    }

    /// Uses the CPU from now on. What was loaded is to be [loaded](Self::load) again.
    pub(crate) fn fall_back(&self) {
        lock(&self.shared.tasks).load.push_front(Task::Backend(Opening::CPU));
        self.shared.woken.notify_all();
    }

    /// Drops what is to be done and what is going on, and what was done since.
    pub(crate) fn forget(&self) {
        let is_of_backend = |task: &Task| matches!(task, Task::Backend(..));
        let mut tasks = lock(&self.shared.tasks);
        tasks.load.retain(is_of_backend);
        tasks.look.clear();
        tasks.round += 1;
        drop(tasks);
        lock(&self.shared.work).iter().for_each(|(_, work)| work.cancel());
    }

    /// What has been done since.
    pub(crate) fn news(&self) -> impl Iterator<Item = News> + '_ {
        let round = lock(&self.shared.tasks).round;
        let of_round =
            move |(own, news): (Option<u64>, News)| own.is_none_or(|own| own == round).then_some(news);
        self.news.try_iter().filter_map(of_round)
    }

    /// What goes on.
    pub(crate) fn work(&self) -> Vec<Work> {
        lock(&self.shared.work).iter().map(|(_, work)| work.clone()).collect()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        lock(&self.shared.tasks).ended = true;
        lock(&self.shared.work).iter().for_each(|(_, work)| work.cancel());
        self.shared.woken.notify_all();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Load,
    Look,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn push(&self, of: Of, task: Task) {
        let mut tasks = lock(&self.tasks);
        match of {
            Of::Load => tasks.load.push_back(task),
            Of::Look => tasks.look.push_back(task),
        }
        self.woken.notify_all();
    }

    /// The next task and what draws; waits for it. Nothing at the end.
    fn next(&self, of: Of) -> Option<(Task, u64)> {
        let mut tasks = lock(&self.tasks);
        loop {
            if tasks.ended {
                return None;
            }
            let next = match of {
                Of::Load => tasks.load.pop_front(),
                // Previews are drawn.
                Of::Look if tasks.backend.is_none() => None,
                Of::Look => tasks.look.pop_front(),
            };
            if let Some(task) = next {
                return Some((task, tasks.round));
            }
            tasks = self.woken.wait(tasks).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run(self: Arc<Self>, of: Of) {
        while let Some((task, round)) = self.next(of) {
            let told = match task {
                Task::Backend(opening) => self.open_backend(&opening),
                Task::Open { input, paths } => self.open(round, input, paths),
                Task::Load { id, study } => self.load(round, id, &study),
                Task::Look { id, study } => self.look(round, id, &study),
            };
            if told.is_none() {
                return;
            }
        }
    }

    /// Tells the window; nothing if it is gone.
    fn tell(&self, round: impl Into<Option<u64>>, news: News) -> Option<()> {
        self.news.send((round.into(), news)).ok()?;
        (self.wake)();
        Some(())
    }

    fn open_backend(&self, opening: &Opening) -> Option<()> {
        // Without what was asked for there are still pictures, and people are told by what.
        let (backend, missing) = match opening.open(&self.drawing) {
            Ok(backend) => (backend, None),
            Err(error) => (Opening::CPU.open(&self.drawing).ok()?, Some(error.to_string())),
        };
        let backend = Arc::new(backend);
        lock(&self.tasks).backend = Some(Arc::clone(&backend));
        self.woken.notify_all();
        self.tell(None, News::Ready { backend, missing })
    }

    fn backend(&self) -> Option<Arc<Backend>> {
        lock(&self.tasks).backend.clone()
    }

    /// Work that people see, until `finish` is dropped.
    fn begin(self: &Arc<Self>, what: &'static str) -> (Progress, Finish) {
        let number = {
            let mut tasks = lock(&self.tasks);
            tasks.next_work += 1;
            tasks.next_work
        };
        let shared = Arc::downgrade(self);
        let progress = Progress::with_listener(move |done, total| {
            let Some(shared) = shared.upgrade() else { return };
            if let Some((_, work)) = lock(&shared.work).iter_mut().find(|(own, _)| *own == number) {
                work.done = (done, total);
            }
            let now = Instant::now();
            let mut told = lock(&shared.told);
            if told.is_none_or(|told| now.duration_since(told) >= TELL) {
                *told = Some(now);
                drop(told);
                (shared.wake)();
            }
        });
        lock(&self.work).push((number, Work { what, done: (0, 0), progress: progress.clone() }));
        (progress, Finish { shared: Arc::clone(self), number })
    }

    fn open(self: &Arc<Self>, round: u64, input: u32, paths: Vec<PathBuf>) -> Option<()> {
        let (progress, finish) = self.begin("Reading headers");
        let sources: Vec<_> = paths.into_iter().map(Into::into).collect();
        let study = Study::scan(&sources, &self.limits, &self.reading, &progress);
        drop(finish);
        let study = match study {
            Ok(study) => Arc::new(study),
            Err(error) => {
                let reason = match error.kind() {
                    ErrorKind::Cancelled => "cancelled".to_owned(),
                    _ => error.to_string(),
                };
                return self.tell(round, News::Found { input, study: Err(reason) });
            }
        };
        self.tell(round, News::Found { input, study: Ok(Arc::clone(&study)) })?;
        let count = study.series().len() + study.image_parts().len();
        for number in 0..count as u32 {
            let id = SeriesId { input, number };
            if lock(&self.tasks).round == round {
                self.push(Of::Look, Task::Look { id, study: Arc::clone(&study) });
            }
        }
        Some(())
    }

    /// Makes a thumbnail, and a volume of the middle slice that is shown while the rest is read.
    fn look(&self, round: u64, id: SeriesId, study: &Study) -> Option<()> {
        let number = id.number as usize;
        let Some(series) = study.series().get(number).filter(|series| !series.frames().is_empty()) else {
            return Some(());
        };
        let Ok(stack) = Stack::new(series, &self.limits) else { return Some(()) };
        let middle = stack.frames().len() / 2;
        if let Some(thumbnail) = Thumbnail::of_frame(&stack, middle) {
            self.tell(round, News::Thumbnail { id, thumbnail: Arc::new(thumbnail) })?;
        }
        let backend = self.backend()?;
        let preview = self.preview(id, study, &stack, &backend);
        match preview {
            Some(loaded) => self.tell(round, News::Series { id, state: State::Preview(Arc::new(loaded)) }),
            None => Some(()),
        }
    }

    fn load(self: &Arc<Self>, round: u64, id: SeriesId, study: &Study) -> Option<()> {
        let (progress, finish) = self.begin("Loading");
        let state = self.loaded(id, study, &progress);
        drop(finish);
        // It is loaded again when another backend is there.
        if let Err(error) = &state
            && error.kind() == ErrorKind::Device
        {
            return self.tell(None, News::Trouble { reason: error.to_string() });
        }
        let state = state.unwrap_or_else(|error| match error.kind() {
            ErrorKind::Cancelled => State::Failed("cancelled".to_owned()),
            _ => State::Failed(error.to_string()),
        });
        if let (State::Loaded(loaded), None) = (&state, study.series().get(id.number as usize)) {
            let thumbnail = Arc::new(Thumbnail::of_volume(&loaded.volume, &loaded.defaults));
            self.tell(round, News::Thumbnail { id, thumbnail })?;
        }
        self.tell(round, News::Series { id, state })
    }

    fn loaded(&self, id: SeriesId, study: &Study, progress: &Progress) -> anatome::Result<State> {
        let number = id.number as usize;
        let Some(backend) = self.backend() else { return Err(anatome::Error::NoVolume { reason: None }) };
        let series = study.series().get(number);
        if let Some(series) = series
            && SeriesFacts::of(study, number).kind == Kind::Stack
        {
            let stack = Stack::new(series, &self.limits)?;
            let first = super::FrameImage::decode(&stack, 0, &backend)?;
            return Ok(State::Stack(Arc::new(stack), Arc::new(first.defaults)));
        }
        let arrival = backend.receive();
        let loaded = study.load_with(number, &self.limits, &self.reading, progress, &arrival)?;
        let volume = self.in_suv(number, study, loaded.volume)?;
        let suv_factor = study.suv_factor(number);
        let images = Images::new(loaded.image_numbers);
        let upload = |volume: &Arc<Volume>| backend.upload_arrived(volume, arrival, progress);
        Ok(State::Loaded(Arc::new(made(volume, loaded.notes, images, suv_factor, upload)?)))
    }

    /// A PET in SUV, where its headers tell the factor; anything else as it is.
    fn in_suv(&self, number: usize, study: &Study, volume: Arc<Volume>) -> anatome::Result<Arc<Volume>> {
        let series = study.series().get(number).filter(|_| study.suv_factor(number).is_some());
        let suv = series.and_then(|series| SuvReport::new(series.instances(), &self.limits).ok());
        match suv.filter(|suv| suv.mapping(volume.mapping(), SuvType::BodyWeight).is_ok()) {
            Some(suv) => match suv.volume(volume, SuvType::BodyWeight) {
                Ok(volume) => Ok(Arc::new(volume)),
                Err(refusal) => Err(anatome::Error::NoVolume { reason: Some(refusal.to_string()) }),
            },
            None => Ok(volume),
        }
    }

    /// The middle slice of a series, where it stands and in the unit of the whole.
    fn preview(&self, id: SeriesId, study: &Study, stack: &Stack, backend: &Backend) -> Option<Loaded> {
        let number = id.number as usize;
        let n = stack.frames().len() / 2;
        let (grid, _) = study.series().get(number)?.geometry().ok()?;
        let anatome::FramePixels::Grey(grey) = stack.frame(n).ok()?.pixels else { return None };
        let grid = grid.of_slices(&[n]).ok()?;
        let volume = Volume::new(grid, grey.samples, grey.mapping, grey.padding, grey.facts).ok()?;
        let volume = self.in_suv(number, study, Arc::new(volume)).ok()?;
        let defaults = Defaults::of(&volume).ok()?;
        let uploaded = Arc::new(backend.upload(&volume, &Progress::new()).ok()?);
        let (notes, images) = (Notes::new(), Images::default());
        Some(Loaded { volume, uploaded, defaults, notes, images, histogram: Histogram::default() })
    }
}

/// Everything that is made of a volume once.
///
/// # Errors
/// As `upload`.
pub(super) fn made(
    volume: Arc<Volume>,
    notes: Notes,
    images: Images,
    suv_factor: Option<f64>,
    upload: impl FnOnce(&Arc<Volume>) -> anatome::Result<UploadedVolume>,
) -> anatome::Result<Loaded> {
    let defaults = Defaults::of(&volume)?.with_renderings(&volume, suv_factor);
    let uploaded = Arc::new(upload(&volume)?);
    let histogram = Histogram::of(&volume);
    Ok(Loaded { volume, uploaded, defaults, notes, images, histogram })
}

/// Takes work off the list when it is dropped.
struct Finish {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Finish {
    fn drop(&mut self) {
        lock(&self.shared.work).retain(|(own, _)| *own != self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_is_read_keeps_no_picture_waiting() {
        let workers = Workers::new(Some(1)).unwrap();
        let loader = Loader::start(workers, Limits::default(), Opening::CPU, Box::new(|| ())).unwrap();
        // As long as a series may take.
        let (end, ends) = channel::<()>();
        loader.shared.reading.pool().spawn(move || while ends.recv().is_ok() {});
        let (tell, told) = channel();
        loader.shared.drawing.pool().spawn(move || tell.send(()).unwrap());
        assert!(told.recv_timeout(Duration::from_secs(20)).is_ok());
        drop(end);
    }
}
