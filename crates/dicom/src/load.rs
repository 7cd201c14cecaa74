//! From a series to a volume.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anatome_core::{Grid, NoteCode, Notes, Padding, Progress, Samples, SliceSamples, Volume};
use bytemuck::Zeroable;
use ndarray::Array3;
use rayon::prelude::*;

use crate::damage::{self, Copies, Damage};
use crate::decode::{Decoded, FrameReader};
use crate::format::FrameFormat;
use crate::handover::{Coming, FinishedSlice, SliceSink};
use crate::header::Tile;
use crate::stack::GreyFrame;
use crate::values::{Plan, Rescale, Slice, Target};
use crate::{Error, Frame, InstanceHeader, Limits, Series, Skipped};

/// A volume, and what was odd about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The volume.
    pub volume: Arc<Volume>,
    /// What was found while grouping, placing and decoding.
    pub notes: Notes,
    /// The files of the DICOM series that can't be decoded, whether their images were left out or read from another
    /// copy. Their names may name patients: to be shown only to who asks.
    pub damaged: Vec<Skipped>,
    /// Of each slice, the number of its image: see [`Series::image_numbers`].
    pub image_numbers: Vec<Option<i64>>,
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
        let stated = header.stated_frames();
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
/// An image whose pixels turn out to be damaged is read from another file with its SOP Instance UID, if there is one
/// that says the same of its pixels. Otherwise, while others can be decoded, it becomes a place without samples; notes
/// say which.
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
    let readers = Readers::open(series, limits, pool, &findings)?;
    let Plan { mapping, padding, facts, .. } = &plan;
    sink.begin(&Coming { grid: &grid, mapping, padding: *padding, facts });
    let job = Job { frames, plan: &plan, readers: &readers, progress, findings: &findings, sink };
    let samples = pool.install(|| job.samples(grid.shape()))?;
    findings.describe(&mut notes);
    let damages = findings.damages(frames);
    damage::note(&damages, &mut notes);
    let mut image_numbers = series.image_numbers();
    let (grid, samples) = findings.without_broken(grid, samples, &mut image_numbers)?;
    let Plan { mapping, mut padding, mut facts, .. } = plan;
    facts.lossy |= findings.lossy.into_inner();
    if facts.lossy {
        notes.add(NoteCode::Lossy, "the pixels were compressed with loss");
    }
    if padding == Some(Padding::F32) && !findings.padded.into_inner() {
        padding = None;
    }
    let volume = Volume::new(grid, samples, mapping, padding, facts)?;
    let mut damaged = series.damaged().to_vec();
    damaged.extend(damage::files(&damages));
    Ok(Loaded { volume: Arc::new(volume), notes, damaged, image_numbers })
}

/// A reader for each object of a series, by the header's address, or why there is none.
struct Readers<'a> {
    own: HashMap<usize, Result<Arc<FrameReader>, Error>>,
    copies: Option<&'a Copies>,
    /// Those of copies, or that there is none: opened only where they are needed.
    of_copies: Mutex<HashMap<usize, Option<Arc<FrameReader>>>>,
    limits: &'a Limits,
}

/// A reader of an object that holds all frames that it states.
fn whole(header: &Arc<InstanceHeader>, limits: &Limits) -> Result<Arc<FrameReader>, Error> {
    let reader = FrameReader::new(header, limits)?;
    reader.all_there()?;
    Ok(Arc::new(reader))
}

fn address(header: &Arc<InstanceHeader>) -> usize {
    Arc::as_ptr(header).addr()
}

impl<'a> Readers<'a> {
    fn open(
        series: &'a Series,
        limits: &'a Limits,
        pool: &rayon::ThreadPool,
        findings: &Findings,
    ) -> Result<Self, Error> {
        let open = |header: &Arc<InstanceHeader>| {
            let reader = match whole(header, limits) {
                Err(error) => Err(error.of_one_image().ok_or(error)?),
                Ok(reader) => {
                    findings.add(reader.findings());
                    Ok(reader)
                }
            };
            Ok((address(header), reader))
        };
        let instances = series.instances();
        let own = pool.install(|| instances.par_iter().map(open).collect::<Result<_, Error>>())?;
        Ok(Self { own, copies: Some(series.copies()), of_copies: Mutex::default(), limits })
    }

    fn of_one(frame: &Frame, reader: Arc<FrameReader>, limits: &'a Limits) -> Self {
        let own = [(address(frame.instance()), Ok(reader))].into();
        Self { own, copies: None, of_copies: Mutex::default(), limits }
    }

    /// Those of other files with the same frame.
    fn of_copies(&self, frame: &Frame) -> Vec<Arc<FrameReader>> {
        let Some(copies) = self.copies else { return Vec::new() };
        let mut opened = self.of_copies.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reader =
            |copy| opened.entry(address(copy)).or_insert_with(|| whole(copy, self.limits).ok()).clone();
        copies.of(frame.instance()).filter_map(&mut reader).collect()
    }

    fn of(&self, frame: &Frame) -> Result<&FrameReader, Error> {
        match self.own.get(&address(frame.instance())) {
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
    unmapped: AtomicUsize,
    too_long: AtomicUsize,
    open_end: AtomicUsize,
    wrong_table: AtomicUsize,
    other_sign: AtomicUsize,
    fewer_bits: AtomicUsize,
    more_bits: AtomicUsize,
    /// Slices that can't be decoded, and why.
    broken: Mutex<BTreeMap<usize, Error>>,
    /// Slices that were read from another copy of their file, and why.
    replaced: Mutex<BTreeMap<usize, Error>>,
}

impl Findings {
    fn add(&self, decoded: Decoded) {
        self.lossy.fetch_or(decoded.lossy, Ordering::Relaxed);
        self.too_long.fetch_add(decoded.too_long.into(), Ordering::Relaxed);
        self.open_end.fetch_add(decoded.open_end.into(), Ordering::Relaxed);
        self.wrong_table.fetch_add(decoded.wrong_table.into(), Ordering::Relaxed);
        self.other_sign.fetch_add(decoded.other_sign.into(), Ordering::Relaxed);
        self.fewer_bits.fetch_add(decoded.fewer_bits.into(), Ordering::Relaxed);
        self.more_bits.fetch_add(decoded.more_bits.into(), Ordering::Relaxed);
    }

    fn describe(&self, notes: &mut Notes) {
        let mut note = |count: &AtomicUsize, code, text| match count.load(Ordering::Relaxed) {
            0 => {}
            count => notes.add_many(code, text, count),
        };
        note(&self.not_finite, NoteCode::NotFinite, "a sample that is no finite number was made padding");
        let text = "a sample outside of the real-world value map (0040,9096) was made padding";
        note(&self.unmapped, NoteCode::NotFinite, text);
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
        let text = "compressed samples of fewer bits than the dataset says are stored (0028,0101)";
        note(&self.fewer_bits, NoteCode::Tolerated, text);
        let text = "compressed samples of more bits than the dataset says are stored (0028,0101), perhaps with loss: \
                    what lies beyond its range is clamped to it";
        note(&self.more_bits, NoteCode::Tolerated, text);
    }

    fn broken(&self) -> MutexGuard<'_, BTreeMap<usize, Error>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replaced(&self) -> MutexGuard<'_, BTreeMap<usize, Error>> {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which images of a series can't be decoded from their own file.
    fn damages(&self, frames: &[Frame]) -> Vec<Damage> {
        let (broken, replaced) = (self.broken(), self.replaced());
        let of = |(&k, error): (&usize, &Error), replaced: bool| {
            Some(Damage::of_frame(frames.get(k)?, k, error.of_one_image()?, replaced))
        };
        let left_out = broken.iter().filter_map(|found| of(found, false));
        left_out.chain(replaced.iter().filter_map(|found| of(found, true))).collect()
    }

    /// Takes the slices that can't be decoded out of a volume and the numbers of its images.
    fn without_broken(
        &self,
        grid: Grid,
        samples: Samples,
        numbers: &mut Vec<Option<i64>>,
    ) -> Result<(Grid, Samples), Error> {
        let broken = self.broken();
        if broken.is_empty() {
            return Ok((grid, samples));
        }
        let kept: Vec<usize> = (0..grid.shape()[0]).filter(|k| !broken.contains_key(k)).collect();
        *numbers = kept.iter().map(|&k| numbers.get(k).copied().flatten()).collect();
        Ok((grid.of_slices(&kept)?, samples.of_slices(&kept)))
    }
}

struct Job<'a> {
    frames: &'a [Frame],
    plan: &'a Plan,
    readers: &'a Readers<'a>,
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
        decode_one(self, reader, &plan, limits, &Findings::default())
    }
}

/// Decodes one frame, `[1, rows, columns]`, on the caller's thread.
fn decode_one(
    frame: &Frame,
    reader: Arc<FrameReader>,
    plan: &Plan,
    limits: &Limits,
    findings: &Findings,
) -> Result<Samples, Error> {
    let shape = [1, frame.size()[0] as usize, frame.size()[1] as usize];
    let readers = Readers::of_one(frame, reader, limits);
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
    let samples = decode_one(frame, reader, &plan, limits, &findings)?;
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
                |from, task, s| self.plain(from, task, s, FrameFormat::settle_u8, |value| value as u8),
                |slice| SliceSamples::U8(slice),
            )?),
            Target::I16 => Samples::I16(self.run(
                shape,
                |from, task, s| self.plain(from, task, s, FrameFormat::settle_i16, |value| value as i16),
                |slice| SliceSamples::I16(slice),
            )?),
            Target::U16 => Samples::U16(self.run(
                shape,
                |from, task, s| self.plain(from, task, s, FrameFormat::settle_u16, |value| value as u16),
                |slice| SliceSamples::U16(slice),
            )?),
            Target::F32 => Samples::F32(self.run(
                shape,
                |from, task, s| self.floats(from, task, s),
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
        F: Fn(&FrameReader, &mut Task<'_, T>, &mut Scratch) -> Result<(), Error> + Sync,
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
            if let Err(error) = self.any_copy(&mut task, |from, task| decode(from, task, scratch)) {
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

    /// Decodes from the frame's own object, or if that is damaged from a copy of it.
    fn any_copy<T>(
        &self,
        task: &mut Task<'_, T>,
        mut decode: impl FnMut(&FrameReader, &mut Task<'_, T>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Err(error) = self.readers.of(task.frame).and_then(|own| decode(own, task)) else { return Ok(()) };
        let Some(fault) = error.of_one_image() else { return Err(error) };
        let copies = self.readers.of_copies(task.frame);
        let right = copies.iter().find(|copy| decode(copy, task).is_ok());
        let Some(right) = right else { return Err(error) };
        self.findings.add(right.findings());
        self.findings.replaced().insert(task.k, fault);
        Ok(())
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
        reader: &FrameReader,
        task: &mut Task<'_, T>,
        scratch: &mut Scratch,
        settle: fn(&FrameFormat, &mut [T]),
        convert: impl Fn(f64) -> T,
    ) -> Result<(), Error> {
        if let [(None, out)] = task.slices.as_mut_slice()
            && task.how.format.bytes_per_sample == size_of::<T>()
        {
            let raw = bytemuck::cast_slice_mut(out);
            self.findings.add(reader.read(task.frame.stored(), &mut scratch.stored, raw)?);
            settle(&task.how.format, out);
            return Ok(());
        }
        self.each(reader, task, scratch, convert)
    }

    fn floats(
        &self,
        reader: &FrameReader,
        task: &mut Task<'_, f32>,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        let (mut padded, mut without_value) = (false, 0);
        let how = task.how;
        let rescale = self.plan.applies_rescale.then_some(&how.rescale);
        self.each(reader, task, scratch, |stored| {
            let value = rescale.map_or(stored, |rescale| rescale.apply(stored)) as f32;
            let is_padding = how.padding.is_some_and(|(low, high)| low <= stored && stored <= high);
            without_value += usize::from(!value.is_finite() && !is_padding);
            if is_padding || !value.is_finite() {
                padded = true;
                return Padding::F32.lowest as f32;
            }
            value
        })?;
        self.findings.padded.fetch_or(padded, Ordering::Relaxed);
        let is_partial = rescale.is_some_and(Rescale::is_partial);
        let count = if is_partial { &self.findings.unmapped } else { &self.findings.not_finite };
        count.fetch_add(without_value, Ordering::Relaxed);
        Ok(())
    }

    fn each<T>(
        &self,
        reader: &FrameReader,
        task: &mut Task<'_, T>,
        scratch: &mut Scratch,
        mut sample: impl FnMut(f64) -> T,
    ) -> Result<(), Error> {
        let format = &task.how.format;
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
