//! From a series to a volume.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anatome_core::{Grid, NoteCode, Notes, Padding, Progress, Samples, Volume};
use bytemuck::Zeroable;
use ndarray::Array3;
use rayon::prelude::*;

use crate::decode::{Decoded, FrameReader};
use crate::format::FrameFormat;
use crate::handover::{Coming, FinishedSlice, SliceSamples, SliceSink};
use crate::header::Tile;
use crate::stack::GreyFrame;
use crate::values::{Plan, Slice, Target};
use crate::{Error, Frame, InstanceHeader, Limits, Series};

/// A volume, and what was odd about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The volume.
    pub volume: Arc<Volume>,
    /// What was found while grouping, placing and decoding.
    pub notes: Notes,
}

impl Series {
    /// Whether [`load`] can be expected to succeed, as far as the headers tell, and the size of the volume in bytes.
    ///
    /// # Errors
    /// What `load` would fail with: unsupported, geometry, malformed or limits.
    pub fn check(&self, limits: &Limits) -> Result<u64, Error> {
        let plan = Plan::new(self.frames(), limits, &mut Notes::new())?;
        all_there(self, limits)?;
        let (grid, _) = self.geometry()?;
        volume_bytes(grid.shape(), plan.target, limits)
    }
}

fn volume_bytes(shape: [usize; 3], target: Target, limits: &Limits) -> Result<u64, Error> {
    let samples = shape.iter().try_fold(1u64, |n, &s| n.checked_mul(s as u64)).unwrap_or(u64::MAX);
    let needed = samples.saturating_mul(target.bytes());
    if needed > limits.volume_bytes {
        return Err(Error::Limits { what: "bytes of a volume", needed, allowed: limits.volume_bytes });
    }
    Ok(needed)
}

/// Refuses objects that state more frames than their files hold, rather than leave slices out.
fn all_there(series: &Series, limits: &Limits) -> Result<(), Error> {
    for header in series.instances() {
        let stated = header.pixels.as_ref().map_or(0, |pixels| pixels.frames);
        let stated = u64::try_from(stated).unwrap_or(0);
        let allowed = limits.frames as u64;
        if stated > allowed {
            return Err(Error::Limits { what: "frames of one object", needed: stated, allowed });
        }
        if stated > header.frame_count() as u64 {
            let reason = format!("{stated} frames are stated, {} fit in the file", header.frame_count());
            return Err(Error::malformed("pixel data", reason));
        }
    }
    Ok(())
}

/// Decodes a series into one volume, in parallel and straight into place: beside the volume there are only the
/// slices in flight, and the unpacked pixel data of multi-frame objects in deflated files and zip archives. Counts
/// slices in `progress`.
///
/// Stored samples keep their type (u8, i16, u16), with one slope and intercept as the volume's mapping. Where slices
/// differ in slope or intercept, and for 32-bit and floating-point pixels and Modality LUTs, samples become f32; a
/// note says so.
///
/// Images whose pixels turn out to be damaged while others can be decoded become places without samples, with notes.
///
/// # Errors
/// Geometry, if the slices make no grid; unsupported, for colour and transfer syntaxes that this version can't decode;
/// malformed; limits; io; cancelled.
pub fn load(
    series: &Series,
    limits: &Limits,
    pool: &rayon::ThreadPool,
    progress: &Progress,
) -> Result<Loaded, Error> {
    load_with(series, limits, pool, progress, &())
}

/// As [`load`], and hands each slice to `sink` as soon as it is decoded. If loading fails after some of them, they are
/// not part of anything.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    series: &Series,
    limits: &Limits,
    pool: &rayon::ThreadPool,
    progress: &Progress,
    sink: &dyn SliceSink,
) -> Result<Loaded, Error> {
    let frames = series.frames();
    let mut value_notes = Notes::new();
    let plan = Plan::new(frames, limits, &mut value_notes)?;
    all_there(series, limits)?;
    let (grid, geometry_notes) = series.geometry()?;
    let mut notes = series.notes().clone();
    notes.append(geometry_notes);
    notes.append(value_notes);
    volume_bytes(grid.shape(), plan.target, limits)?;
    progress.start(frames.len() as u64);
    if frames.iter().any(|frame| frame.values().has_supplemental_palette) {
        let text = "colours for the highest values (a supplemental palette) are not shown in a volume";
        notes.add(NoteCode::Ignored, text);
    }
    let findings = Findings::default();
    let readers = Readers::open(series.instances(), limits, pool, &findings)?;
    let Plan { mapping, padding, facts, .. } = &plan;
    sink.begin(&Coming { grid: &grid, mapping, padding: *padding, facts });
    let job = Job { frames, plan: &plan, readers: &readers, progress, findings: &findings, sink };
    let samples = pool.install(|| job.samples(grid.shape()))?;
    findings.describe(&mut notes);
    let (grid, samples) = findings.without_broken(grid, samples, &mut notes)?;
    let Plan { mapping, mut padding, mut facts, .. } = plan;
    facts.lossy |= findings.lossy.into_inner();
    if facts.lossy {
        notes.add(NoteCode::Lossy, "the pixels were compressed with loss");
    }
    if padding == Some(Padding::F32) && !findings.padded.into_inner() {
        padding = None;
    }
    let volume = Volume::new(grid, samples, mapping, padding, facts)?;
    Ok(Loaded { volume: Arc::new(volume), notes })
}

/// A reader for each object of a series, by the header's address, or why there is none.
struct Readers(HashMap<usize, Result<Arc<FrameReader>, Error>>);

fn address(header: &Arc<InstanceHeader>) -> usize {
    Arc::as_ptr(header).addr()
}

impl Readers {
    fn open(
        instances: &[Arc<InstanceHeader>],
        limits: &Limits,
        pool: &rayon::ThreadPool,
        findings: &Findings,
    ) -> Result<Self, Error> {
        let whole = |header: &Arc<InstanceHeader>| {
            let reader = FrameReader::new(header, limits)?;
            findings.add(reader.findings());
            reader.all_there()?;
            Ok::<_, Error>(Arc::new(reader))
        };
        let open = |header: &Arc<InstanceHeader>| {
            let reader = match whole(header) {
                Err(error) => Err(error.of_one_image().ok_or(error)?),
                reader => reader,
            };
            Ok((address(header), reader))
        };
        Ok(Self(pool.install(|| instances.par_iter().map(open).collect::<Result<_, Error>>())?))
    }

    fn of(&self, frame: &Frame) -> Result<&FrameReader, Error> {
        match self.0.get(&address(frame.instance())) {
            Some(Ok(reader)) => Ok(reader),
            broken => {
                let error = broken.and_then(|reader| reader.as_ref().err()?.of_one_image());
                Err(error
                    .unwrap_or_else(|| Error::malformed("series", "a frame of an object that is not there")))
            }
        }
    }
}

/// What threads find out while they decode.
#[derive(Default)]
struct Findings {
    lossy: AtomicBool,
    padded: AtomicBool,
    not_finite: AtomicUsize,
    too_long: AtomicUsize,
    open_end: AtomicUsize,
    wrong_table: AtomicUsize,
    other_sign: AtomicUsize,
    /// Slices that can't be decoded, and why.
    broken: Mutex<BTreeMap<usize, Error>>,
}

impl Findings {
    fn add(&self, decoded: Decoded) {
        self.lossy.fetch_or(decoded.lossy, Ordering::Relaxed);
        self.too_long.fetch_add(decoded.too_long.into(), Ordering::Relaxed);
        self.open_end.fetch_add(decoded.open_end.into(), Ordering::Relaxed);
        self.wrong_table.fetch_add(decoded.wrong_table.into(), Ordering::Relaxed);
        self.other_sign.fetch_add(decoded.other_sign.into(), Ordering::Relaxed);
    }

    fn describe(&self, notes: &mut Notes) {
        let mut note = |count: &AtomicUsize, code, text| match count.load(Ordering::Relaxed) {
            0 => {}
            count => notes.add_many(code, text, count),
        };
        note(&self.not_finite, NoteCode::NotFinite, "a sample that is no finite number was made padding");
        note(
            &self.too_long,
            NoteCode::Tolerated,
            "pixel data that are longer than the image; the rest is not used",
        );
        note(&self.open_end, NoteCode::Tolerated, "compressed pixel data whose end is not marked");
        let text = "an offset table that does not fit the fragments; their own order is used";
        note(&self.wrong_table, NoteCode::Tolerated, text);
        let text = "compressed samples whose sign is not that of the dataset (0028,0103), which is used";
        note(&self.other_sign, NoteCode::Tolerated, text);
    }

    fn broken(&self) -> MutexGuard<'_, BTreeMap<usize, Error>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the slices that can't be decoded out of a volume.
    fn without_broken(
        &self,
        grid: Grid,
        samples: Samples,
        notes: &mut Notes,
    ) -> Result<(Grid, Samples), Error> {
        let broken = self.broken();
        if broken.is_empty() {
            return Ok((grid, samples));
        }
        for error in broken.values() {
            notes.add(NoteCode::Damaged, format!("an image was left out: {error}"));
        }
        let kept: Vec<usize> = (0..grid.shape()[0]).filter(|k| !broken.contains_key(k)).collect();
        Ok((grid.of_slices(&kept)?, samples.of_slices(&kept)))
    }
}

struct Job<'a> {
    frames: &'a [Frame],
    plan: &'a Plan,
    readers: &'a Readers,
    progress: &'a Progress,
    findings: &'a Findings,
    sink: &'a dyn SliceSink,
}

/// Memory that a thread uses again for each slice.
#[derive(Default)]
struct Scratch {
    stored: Vec<u8>,
    raw: Vec<u8>,
}

/// One stored frame and the slices that it gives: a mosaic gives several.
struct Task<'a, T> {
    /// The number of its first slice.
    k: usize,
    frame: &'a Frame,
    how: &'a Slice,
    slices: Vec<(Option<Tile>, &'a mut [T])>,
}

impl Frame {
    /// Decodes the stored samples of a greyscale frame, `[1, rows, columns]`, wherever it stands or if it stands
    /// nowhere. Rescale and padding are not applied, except that samples of more than 16 bits become f32.
    ///
    /// # Errors
    /// As [`load`], without geometry.
    pub fn stored_samples(&self, limits: &Limits) -> Result<Samples, Error> {
        let plan = Plan::stored(self, limits)?;
        let shape = [1, self.size()[0] as usize, self.size()[1] as usize];
        volume_bytes(shape, plan.target, limits)?;
        let reader = Arc::new(FrameReader::new(self.instance(), limits)?);
        decode_one(self, reader, &plan, &Findings::default())
    }
}

/// Decodes one frame, `[1, rows, columns]`, on the caller's thread.
fn decode_one(
    frame: &Frame,
    reader: Arc<FrameReader>,
    plan: &Plan,
    findings: &Findings,
) -> Result<Samples, Error> {
    let shape = [1, frame.size()[0] as usize, frame.size()[1] as usize];
    let readers = Readers([(address(frame.instance()), Ok(reader))].into());
    let frames = std::slice::from_ref(frame);
    let progress = &Progress::new();
    Job { frames, plan, readers: &readers, progress, findings, sink: &() }.samples(shape)
}

/// Decodes one greyscale frame for a [`crate::Stack`].
pub(crate) fn grey(
    frame: &Frame,
    reader: Arc<FrameReader>,
    limits: &Limits,
    notes: &mut Notes,
) -> Result<GreyFrame, Error> {
    let plan = Plan::new(std::slice::from_ref(frame), limits, notes)?;
    let findings = Findings::default();
    findings.add(reader.findings());
    let samples = decode_one(frame, reader, &plan, &findings)?;
    findings.describe(notes);
    let Plan { mapping, mut padding, mut facts, .. } = plan;
    facts.lossy |= findings.lossy.into_inner();
    if facts.lossy {
        notes.add(NoteCode::Lossy, "the pixels were compressed with loss");
    }
    if padding == Some(Padding::F32) && !findings.padded.into_inner() {
        padding = None;
    }
    Ok(GreyFrame { samples, mapping, padding, facts, supplemental: None })
}

impl Job<'_> {
    fn samples(&self, shape: [usize; 3]) -> Result<Samples, Error> {
        Ok(match self.plan.target {
            Target::U8 => Samples::U8(self.run(
                shape,
                |task, s| self.plain(task, s, FrameFormat::settle_u8, |value| value as u8),
                |slice| SliceSamples::U8(slice),
            )?),
            Target::I16 => Samples::I16(self.run(
                shape,
                |task, s| self.plain(task, s, FrameFormat::settle_i16, |value| value as i16),
                |slice| SliceSamples::I16(slice),
            )?),
            Target::U16 => Samples::U16(self.run(
                shape,
                |task, s| self.plain(task, s, FrameFormat::settle_u16, |value| value as u16),
                |slice| SliceSamples::U16(slice),
            )?),
            Target::F32 => Samples::F32(self.run(
                shape,
                |task, s| self.floats(task, s),
                |slice| SliceSamples::F32(slice),
            )?),
        })
    }

    fn run<T, F>(
        &self,
        shape: [usize; 3],
        decode: F,
        seen_as: for<'s> fn(&'s [T]) -> SliceSamples<'s>,
    ) -> Result<Array3<T>, Error>
    where
        T: Zeroable + Send,
        F: Fn(&mut Task<'_, T>, &mut Scratch) -> Result<(), Error> + Sync,
    {
        let pixels = shape[1] * shape[2];
        let mut samples = zeroed(shape[0] * pixels)?;
        let mut tasks: Vec<Task<'_, T>> = Vec::with_capacity(self.frames.len());
        let slices = self.frames.iter().zip(&self.plan.slices).zip(samples.chunks_mut(pixels));
        for (k, ((frame, how), out)) in slices.enumerate() {
            let slice = (frame.tile(), out);
            match tasks.last_mut() {
                Some(last) if slice.0.is_some() && Arc::ptr_eq(last.frame.instance(), frame.instance()) => {
                    last.slices.push(slice);
                }
                _ => tasks.push(Task { k, frame, how, slices: vec![slice] }),
            }
        }
        tasks.into_par_iter().try_for_each_init(Scratch::default, |scratch, mut task| {
            self.progress.check()?;
            if let Err(error) = decode(&mut task, scratch) {
                self.set_apart(error, &task)?;
                self.progress.advance(task.slices.len() as u64);
                return Ok(());
            }
            for ((_, out), k) in task.slices.iter().zip(task.k..) {
                self.sink.slice(FinishedSlice { k, samples: seen_as(out) });
            }
            self.progress.advance(task.slices.len() as u64);
            Ok::<_, Error>(())
        })?;
        let mut broken = self.findings.broken();
        if broken.len() == self.frames.len()
            && let Some((_, error)) = broken.pop_first()
        {
            return Err(error);
        }
        let shape_error = |_| Error::malformed("volume", "its shape does not fit its samples");
        Array3::from_shape_vec(shape, samples).map_err(shape_error)
    }

    /// Takes down which slices an image's fault costs, or gives back a fault that ends the whole.
    fn set_apart<T>(&self, error: Error, task: &Task<'_, T>) -> Result<(), Error> {
        let mut broken = self.findings.broken();
        for k in (task.k..).take(task.slices.len()) {
            match error.of_one_image() {
                Some(fault) => broken.insert(k, fault),
                None => return Err(error),
            };
        }
        Ok(())
    }

    /// Decodes straight into place, if samples there are as wide as in the file.
    fn plain<T: bytemuck::Pod>(
        &self,
        task: &mut Task<'_, T>,
        scratch: &mut Scratch,
        settle: fn(&FrameFormat, &mut [T]),
        convert: impl Fn(f64) -> T,
    ) -> Result<(), Error> {
        if let [(None, out)] = task.slices.as_mut_slice()
            && task.how.format.bytes_per_sample == size_of::<T>()
        {
            let raw = bytemuck::cast_slice_mut(out);
            let reader = self.readers.of(task.frame)?;
            self.findings.add(reader.read(task.frame.stored(), &mut scratch.stored, raw)?);
            settle(&task.how.format, out);
            return Ok(());
        }
        self.each(task, scratch, convert)
    }

    fn floats(&self, task: &mut Task<'_, f32>, scratch: &mut Scratch) -> Result<(), Error> {
        let (mut padded, mut not_finite) = (false, 0);
        let how = task.how;
        let rescale = self.plan.applies_rescale.then_some(&how.rescale);
        self.each(task, scratch, |stored| {
            let value = rescale.map_or(stored, |rescale| rescale.apply(stored)) as f32;
            let is_padding = how.padding.is_some_and(|(low, high)| low <= stored && stored <= high);
            not_finite += usize::from(!value.is_finite() && !is_padding);
            if is_padding || !value.is_finite() {
                padded = true;
                return Padding::F32.lowest as f32;
            }
            value
        })?;
        self.findings.padded.fetch_or(padded, Ordering::Relaxed);
        self.findings.not_finite.fetch_add(not_finite, Ordering::Relaxed);
        Ok(())
    }

    fn each<T>(
        &self,
        task: &mut Task<'_, T>,
        scratch: &mut Scratch,
        mut sample: impl FnMut(f64) -> T,
    ) -> Result<(), Error> {
        let format = &task.how.format;
        let reader = self.readers.of(task.frame)?;
        scratch.raw.resize(format.bytes(), 0);
        self.findings.add(reader.read(task.frame.stored(), &mut scratch.stored, &mut scratch.raw)?);
        let whole = Tile { row: 0, column: 0, rows: format.rows, columns: format.columns };
        for (tile, out) in &mut task.slices {
            let mut out = out.iter_mut();
            format.for_each_of(&scratch.raw, tile.unwrap_or(whole), |value| {
                if let Some(out) = out.next() {
                    *out = sample(value);
                }
            });
        }
        Ok(())
    }
}

pub(crate) fn zeroed<T: Zeroable>(count: usize) -> Result<Vec<T>, Error> {
    let bytes = (count as u64).saturating_mul(size_of::<T>() as u64);
    bytemuck::allocation::try_zeroed_vec(count).map_err(|()| Error::Limits {
        what: "bytes of a volume",
        needed: bytes,
        allowed: isize::MAX as u64,
    })
}
