//! One run from files to pictures.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anatome_core::{
    ErrorKind, Image, Layer, Modality, NoteCode, Notes, Pixels, Planes, Progress, Quality, Request, Scene,
    Volume,
};
use anatome_dicom::{Form, Limits, Source, Stack};
use serde::Serialize;

use crate::arrival::Arrival;
use crate::backend::{Backend, BackendChoice, UploadedVolume};
use crate::files::{OutFolder, Overwrite, write_picture, write_whole};
use crate::inspect::{SeriesReport, SkippedReport};
use crate::pictures::{Picture, Style, natural_output, note_assumed, only_picture, scene};
use crate::placed::{Placed, note_instead};
use crate::stacks::{FrameStyle, draw_frame};
use crate::study::{Loaded, SeriesChoice, Study};
use crate::{Error, PictureFormat, Result, Workers, labels};

/// The version of [`JobReport`] as JSON.
pub const JOB_SCHEMA_VERSION: u32 = 1;

/// A run from files to pictures.
#[derive(Debug)]
pub struct Job {
    /// What is read.
    pub sources: Vec<Source>,
    /// What reading may cost.
    pub limits: Limits,
    /// Which series is rendered.
    pub series: SeriesChoice,
    /// What is rendered of it, if it makes a volume.
    pub shots: Shots,
    /// Which frame is drawn, from 1, of images that make no volume; the middle one if absent.
    pub frame: Option<usize>,
    /// Width and height of each picture.
    pub size_px: [u32; 2],
    /// How well.
    pub quality: Quality,
    /// By which backend.
    pub backend: BackendChoice,
    /// The number of the GPU wanted, or part of its name.
    pub adapter: Option<String>,
    /// The most bytes of the volume that are on the GPU at once; whatever the GPU has if absent.
    pub memory_budget: Option<u64>,
    /// Whether labels are burnt in.
    pub labels: bool,
    /// The form of the pictures' files.
    pub format: PictureFormat,
    /// The folder that is written to; made if it is not there.
    pub out: PathBuf,
    /// Whether files in it may be replaced.
    pub overwrite: Overwrite,
}

/// What is rendered.
#[derive(Clone, Debug)]
pub enum Shots {
    /// Standard pictures.
    Standard {
        /// Which.
        pictures: Vec<Picture>,
        /// How they look.
        style: Style,
    },
    /// Exactly these scenes, each with the name of its files.
    Scenes(Vec<(String, Scene)>),
}

impl Shots {
    /// What makes sense of it for a volume: of a single slice only the picture along it.
    fn fitting(&self, volume: &Volume, suv_factor: &dyn Fn() -> Option<f64>, notes: &mut Notes) -> Self {
        match (self, only_picture(volume.grid())) {
            (Self::Standard { style, .. }, Some(picture)) => {
                let text = "a single slice: only the picture along it is drawn, because nothing would be seen in \
                            planes across it, a projection or a rendering";
                notes.add(NoteCode::NothingSeen, text);
                let style = Style { planes: Planes::Acquisition, ..style.clone() };
                Self::Standard { pictures: vec![picture], style }
            }
            (Self::Standard { pictures, style }, None) if style.suv_factor.is_none() => {
                let style = Style { suv_factor: suv_factor(), ..style.clone() };
                Self::Standard { pictures: pictures.clone(), style }
            }
            _ => self.clone(),
        }
    }

    /// Whether scenes show nothing but the one volume that a job has.
    fn check_slots(&self) -> Result<()> {
        let Self::Scenes(scenes) = self else { return Ok(()) };
        let mut layers = scenes.iter().flat_map(|(_, scene)| &scene.layers);
        match layers.find(|layer| layer.slot != Scene::PRIMARY) {
            Some(Layer { slot, .. }) => {
                let (name, known) = (slot.clone(), Scene::PRIMARY.to_owned());
                Err(Error::Unknown { kind: "slot", name, known })
            }
            None => Ok(()),
        }
    }

    /// The modality that the first scene is made for.
    fn modality(&self) -> Option<&Modality> {
        match self {
            Self::Standard { .. } => None,
            Self::Scenes(scenes) => scenes.iter().find_map(|(_, scene)| made_for(scene)),
        }
    }

    /// Whether what it names is known and fits a modality; notes say what was taken on trust.
    fn check(&self, modality: &Modality, notes: &mut Notes) -> Result<()> {
        let scenes = match self {
            Self::Standard { style, .. } => {
                style.check(modality)?;
                style.note_assumed(modality, notes);
                return Ok(());
            }
            Self::Scenes(scenes) => scenes,
        };
        for (name, scene) in scenes {
            let Some(made_for) = made_for(scene).filter(|&made_for| made_for != modality) else { continue };
            if modality.is_known() {
                let advice = format!(
                    "choose a series of {0}, or take the line \"modality\" out of the scene to draw it all the same",
                    made_for.code()
                );
                let (name, made_for) = (name.clone(), made_for.code().to_owned());
                let modality = modality.code().to_owned();
                return Err(Error::OtherModality { kind: "scene", name, made_for, modality, advice });
            }
            note_assumed("scene", made_for, modality, notes);
        }
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Standard { pictures, .. } => pictures.iter().map(|p| p.name().to_owned()).collect(),
            Self::Scenes(scenes) => scenes.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    fn scene(&self, n: usize, volume: &Volume, aspect: f64) -> Result<Scene> {
        match self {
            Self::Standard { pictures, style } => scene(pictures[n], volume, style, aspect),
            Self::Scenes(scenes) => Ok(scenes[n].1.clone()),
        }
    }
}

/// The modality in whose values a scene is stated.
fn made_for(scene: &Scene) -> Option<&Modality> {
    scene.layers.iter().find_map(|layer| layer.modality.as_ref())
}

/// A part of a job, for whoever shows progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding and reading headers; units are files.
    Scan,
    /// Reading and decoding pixels; units are slices.
    Load,
    /// Preparing the volume on the backend.
    Upload,
    /// Rendering the picture of this name.
    Render(String),
}

/// What a job did.
#[derive(Debug, Serialize)]
pub struct JobReport {
    /// [`JOB_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The series that was rendered.
    pub series: SeriesReport,
    /// `cpu` or `gpu`.
    pub backend: &'static str,
    /// The GPU's name.
    pub adapter: Option<String>,
    /// Why this backend.
    pub backend_reason: String,
    /// One entry a picture, finished or not.
    pub pictures: Vec<PictureReport>,
    /// What was odd, in files and geometry.
    pub notes: Notes,
    /// The files that were left out or hold damaged images, of those that the caller named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedReport>,
    /// From the start to the volume in memory, in seconds.
    pub load_s: f64,
    /// All of it, in seconds.
    pub total_s: f64,
}

/// One picture of a job.
#[derive(Debug, Serialize)]
pub struct PictureReport {
    /// Its name.
    pub name: String,
    /// The picture's file; absent if it failed.
    pub image: Option<PathBuf>,
    /// Whether pixels in the file may differ from those that were rendered.
    pub lossy: bool,
    /// The scene as JSON; absent if it failed.
    pub scene: Option<PathBuf>,
    /// Width and height.
    pub size_px: [u32; 2],
    /// Rendering, in seconds.
    pub render_s: f64,
    /// Labelling, encoding and writing, while the next picture renders, in seconds.
    pub write_s: f64,
    /// Why it failed.
    pub error: Option<String>,
    /// The kind of the error, for exit codes.
    #[serde(skip)]
    pub error_kind: Option<ErrorKind>,
    /// Whether all its pixels are alike: nothing of the volume is seen.
    pub is_blank: bool,
}

impl PictureReport {
    fn new(name: String, size_px: [u32; 2], format: PictureFormat) -> Self {
        Self {
            name,
            image: None,
            lossy: format.is_lossy(),
            scene: None,
            size_px,
            render_s: 0.0,
            write_s: 0.0,
            error: None,
            error_kind: None,
            is_blank: false,
        }
    }

    /// Takes down a failure, which does not end the job unless it is that the job was cancelled.
    fn failed_with(&mut self, done: Result<()>) -> Result<()> {
        match done {
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            Err(error) => {
                self.error_kind = Some(error.kind());
                self.error = Some(error.to_string());
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

/// A volume that was loaded, and what came of taking it to a backend.
struct Opened {
    backend: Backend,
    loaded: Loaded,
    loaded_at: Instant,
    uploading: Progress,
    uploaded: Result<UploadedVolume>,
}

impl Job {
    /// Runs the job. `watch` gives the progress handle of each stage; cancelling any of them ends the job.
    ///
    /// A picture that fails does not end the others: see [`PictureReport::error`]. Of images that make no volume, one
    /// frame is drawn, without labels and without a scene.
    ///
    /// # Errors
    /// Exists, and unknown for a slot, before anything is read; unknown or other modality, before pixels are; whatever keeps the volume from
    /// being loaded; cancelled.
    pub fn run(&self, workers: &Workers, watch: &dyn Fn(Stage) -> Progress) -> Result<JobReport> {
        let start = Instant::now();
        self.shots.check_slots()?;
        let _out = self.prepare_out()?;
        let study = Study::scan(&self.sources, &self.limits, workers, &watch(Stage::Scan))?;
        let chosen = self.choose(&study)?;
        if study.series().get(chosen).is_some_and(|series| matches!(series.form(), Form::Stack { .. })) {
            return self.run_stack(&study, chosen, workers, watch, start);
        }
        let mut notes = study.notes().clone();
        self.shots.check(&study.modality(chosen)?, &mut notes)?;
        let Opened { backend, loaded, loaded_at, uploading, uploaded } =
            self.open_and_load(&study, chosen, workers, watch, &mut notes)?;
        let mut placed = Placed::new(backend, &loaded.volume, uploaded, &uploading)?;
        notes.append(loaded.notes);
        let shots = self.shots.fitting(&loaded.volume, &|| study.suv_factor(chosen), &mut notes);
        let pictures = self.pictures(&shots, &mut placed, &loaded.volume, workers, watch)?;
        note_blank(&pictures, &mut notes);
        if self.frame.is_some() {
            notes.add(NoteCode::Ignored, "the number of a frame: the series is rendered as a volume");
        }
        notes.append(placed.notes().clone());
        Ok(JobReport {
            schema_version: JOB_SCHEMA_VERSION,
            series: study.report(chosen, Some(&loaded.volume)),
            skipped: study.left_out(&loaded.damaged),
            backend: placed.backend().name(),
            adapter: placed.backend().adapter().map(str::to_owned),
            backend_reason: placed.reason(),
            pictures,
            notes,
            load_s: loaded_at.duration_since(start).as_secs_f64(),
            total_s: start.elapsed().as_secs_f64(),
        })
    }

    /// Loads the volume while drivers are looked for, which takes about as long. Slices that are decoded after that go
    /// straight to the backend.
    fn open_and_load(
        &self,
        study: &Study,
        chosen: usize,
        workers: &Workers,
        watch: &dyn Fn(Stage) -> Progress,
        notes: &mut Notes,
    ) -> Result<Opened> {
        let loading = watch(Stage::Load);
        let opened = OnceLock::new();
        let open = || match self.open_backend(workers, notes) {
            Ok(backend) => Ok(opened.get_or_init(|| backend)),
            Err(error) => {
                loading.cancel();
                Err(error)
            }
        };
        let arrival = Arrival::new(|| opened.get());
        let load = || study.load_with(chosen, &self.limits, workers, &loading, &arrival);
        let (backend, loaded) = workers.pool().join(open, load);
        let (backend, loaded) = (backend?, loaded?);
        let (loaded_at, uploading) = (Instant::now(), watch(Stage::Upload));
        let uploaded = backend.upload_arrived(&loaded.volume, arrival, &uploading);
        // It is there: otherwise there was an error above.
        let backend = opened.into_inner().ok_or(Error::NoVolume { reason: None })?;
        Ok(Opened { backend, loaded, loaded_at, uploading, uploaded })
    }

    fn open_backend(&self, workers: &Workers, notes: &mut Notes) -> Result<Backend> {
        let backend = Backend::open(self.backend, self.adapter.as_deref(), workers)?;
        let Some(bytes) = self.memory_budget else { return Ok(backend) };
        if backend.adapter().is_none() {
            notes.add(NoteCode::Ignored, "the memory budget: the CPU renderer keeps no copy of the volume");
        }
        Ok(backend.with_memory_budget(bytes))
    }

    /// Unless a series is named, that for which the scene was made.
    fn choose(&self, study: &Study) -> Result<usize> {
        let wanted = self.shots.modality().filter(|_| self.series == SeriesChoice::Largest);
        match wanted.and_then(|modality| study.largest_of(modality)) {
            Some(chosen) => Ok(chosen),
            None => study.choose(&self.series),
        }
    }

    fn run_stack(
        &self,
        study: &Study,
        chosen: usize,
        workers: &Workers,
        watch: &dyn Fn(Stage) -> Progress,
        start: Instant,
    ) -> Result<JobReport> {
        let Shots::Standard { style, .. } = &self.shots else {
            let feature = "a scene of images that make no volume".to_owned();
            return Err(anatome_core::Error::Unsupported { feature }.into());
        };
        let modality = study.modality(chosen)?;
        style.window.as_ref().map(|window| window.resolve(&modality)).transpose()?;
        let stack = Stack::new(&study.series()[chosen], &self.limits)?;
        let count = stack.frames().len();
        let number = self.frame.unwrap_or(count.div_ceil(2));
        if !(1..=count).contains(&number) {
            let (name, known) = (number.to_string(), format!("1 to {count}"));
            return Err(Error::Unknown { kind: "frame", name, known });
        }
        let mut report = PictureReport::new(format!("frame-{number}"), self.size_px, self.format);
        let (path, _) = self.paths(&report.name);
        if self.overwrite == Overwrite::Never && path.exists() {
            return Err(Error::Exists { path });
        }
        let load_s = start.elapsed().as_secs_f64();
        let mut backend = Backend::open(self.backend, self.adapter.as_deref(), workers)?;
        let progress = watch(Stage::Render(report.name.clone()));
        let frame_style = FrameStyle { window: style.window.clone(), quality: self.quality };
        let rendering = Instant::now();
        let draw = |backend: &Backend| {
            draw_frame(&stack, number - 1, &frame_style, self.size_px, backend, &progress)
        };
        let mut notes = study.notes().clone();
        let mut drawn = draw(&backend);
        if let Err(error) = &drawn
            && let Some(instead) = backend.instead(error)
        {
            note_instead(&mut notes, error);
            backend = instead;
            drawn = draw(&backend);
        }
        report.render_s = rendering.elapsed().as_secs_f64();
        let done = drawn.and_then(|image| {
            report.is_blank = is_blank(image.pixels());
            let writing = Instant::now();
            write_picture(&image, &path, self.format, self.overwrite, workers)?;
            report.write_s = writing.elapsed().as_secs_f64();
            report.image = Some(path);
            Ok(())
        });
        report.failed_with(done)?;
        notes.append(stack.notes().clone());
        Style { preset: None, ..style.clone() }.note_assumed(&modality, &mut notes);
        note_blank(std::slice::from_ref(&report), &mut notes);
        let planes_chosen = style.planes != Planes::default();
        for (is_chosen, what) in [
            (self.labels, "labels"),
            (style.preset.is_some(), "the rendering preset"),
            (planes_chosen, "the choice of planes"),
        ] {
            if is_chosen {
                notes.add(NoteCode::Ignored, format!("{what}: not for images that make no volume"));
            }
        }
        Ok(JobReport {
            schema_version: JOB_SCHEMA_VERSION,
            series: study.report(chosen, None),
            skipped: study.left_out(study.series()[chosen].damaged()),
            backend: backend.name(),
            adapter: backend.adapter().map(str::to_owned),
            backend_reason: backend.reason().to_owned(),
            pictures: vec![report],
            notes,
            load_s,
            total_s: start.elapsed().as_secs_f64(),
        })
    }

    fn paths(&self, name: &str) -> (PathBuf, PathBuf) {
        (self.out.join(format!("{name}.{}", self.format.extension())), self.out.join(format!("{name}.json")))
    }

    /// Makes the folder that is written to and checks that nothing would be replaced without permission;
    /// [`Self::run`] does it first.
    ///
    /// # Errors
    /// Exists; I/O, if the folder can't be made.
    pub fn prepare_out(&self) -> Result<OutFolder> {
        let folder = OutFolder::make(&self.out)?;
        if self.overwrite == Overwrite::Never {
            for name in self.shots.names() {
                let (image, scene) = self.paths(&name);
                if let Some(path) = [image, scene].into_iter().find(|path| path.exists()) {
                    return Err(Error::Exists { path });
                }
            }
        }
        Ok(folder)
    }

    /// Renders pictures, and writes each while the next one renders: at most two are in memory.
    fn pictures(
        &self,
        shots: &Shots,
        placed: &mut Placed<'_>,
        volume: &Arc<Volume>,
        workers: &Workers,
        watch: &dyn Fn(Stage) -> Progress,
    ) -> Result<Vec<PictureReport>> {
        let (mut reports, mut before) = (Vec::new(), None::<Shot>);
        let sink = Sink { job: self, volume, workers };
        for (n, name) in shots.names().into_iter().enumerate() {
            let progress = watch(Stage::Render(name.clone()));
            let mut written = None;
            let shot = workers.pool().in_place_scope(|scope| {
                if let Some(shot) = before.take() {
                    scope.spawn(|_| written = Some(sink.write(shot)));
                }
                let report = PictureReport::new(name, self.size_px, self.format);
                let scene = |aspect: f64| shots.scene(n, volume, aspect);
                self.shoot(report, &scene, placed, &progress)
            });
            reports.extend(written.transpose()?);
            before = Some(shot?);
        }
        reports.extend(before.map(|shot| sink.write(shot)).transpose()?);
        Ok(reports)
    }

    fn shoot(
        &self,
        mut report: PictureReport,
        scene: &dyn Fn(f64) -> Result<Scene>,
        placed: &mut Placed<'_>,
        progress: &Progress,
    ) -> Result<Shot> {
        let start = Instant::now();
        let [width, height] = self.size_px;
        let mut render = || -> Result<_> {
            let scene = scene(f64::from(width) / f64::from(height))?;
            let output = natural_output(&scene);
            let request = Request { quality: self.quality, ..Request::new(scene, self.size_px, output) };
            Ok((placed.render(&request, progress)?, request.scene))
        };
        let mut drawn = None;
        let done = render().map(|rendered| drawn = Some(rendered));
        report.render_s = start.elapsed().as_secs_f64();
        report.is_blank = drawn.as_ref().is_some_and(|(image, _)| is_blank(image.pixels()));
        report.failed_with(done)?;
        Ok(Shot { report, drawn })
    }
}

/// A picture that is not written yet.
struct Shot {
    report: PictureReport,
    /// What came out, and the scene; absent if rendering failed.
    drawn: Option<(Image, Scene)>,
}

/// Where pictures go.
struct Sink<'a> {
    job: &'a Job,
    volume: &'a Volume,
    workers: &'a Workers,
}

impl Sink<'_> {
    fn write(&self, shot: Shot) -> Result<PictureReport> {
        let Shot { mut report, drawn } = shot;
        if let Some((image, scene)) = drawn {
            let start = Instant::now();
            let done = self.write_both(&mut report, image, &scene);
            report.failed_with(done)?;
            report.write_s = start.elapsed().as_secs_f64();
        }
        Ok(report)
    }

    /// Writes a picture and its scene, or neither.
    fn write_both(&self, report: &mut PictureReport, mut image: Image, scene: &Scene) -> Result<()> {
        if self.job.labels {
            labels::burn_in(&mut image, self.volume)?;
        }
        let (image_path, scene_path) = self.job.paths(&report.name);
        let overwrite = self.job.overwrite;
        let json = serde_json::to_vec_pretty(scene).map_err(std::io::Error::from);
        let json = json.map_err(Error::io("cannot write the scene", &scene_path))?;
        write_picture(&image, &image_path, self.job.format, overwrite, self.workers)?;
        if let Err(error) = write_whole(&scene_path, &json, overwrite) {
            // A picture that is reported as failed is not there.
            drop(std::fs::remove_file(&image_path));
            return Err(error);
        }
        (report.image, report.scene) = (Some(image_path), Some(scene_path));
        Ok(())
    }
}

/// Says that pictures are blank. Not which: a scene has its name from a file.
fn note_blank(pictures: &[PictureReport], notes: &mut Notes) {
    let blank = pictures.iter().filter(|picture| picture.is_blank).count();
    if blank > 0 {
        let text = "nothing is seen in a picture: what it shows lies beside the images, \
                    or their values beside the window";
        notes.add_many(NoteCode::NothingSeen, text, blank);
    }
}

fn is_blank(pixels: &Pixels) -> bool {
    match pixels {
        Pixels::Grey8(p) => p.iter().all(|v| v == &p[0]),
        Pixels::Grey16(p) => p.iter().all(|v| v == &p[0]),
        Pixels::Rgba8(p) => p.as_chunks::<4>().0.iter().all(|v| v == &p[..4]),
        _ => false,
    }
}
