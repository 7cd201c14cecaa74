//! From a series to a volume.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anatome_core::{NoteCode, Notes, Padding, Progress, Samples, Volume};
use bytemuck::Zeroable;
use ndarray::Array3;
use rayon::prelude::*;

use crate::decode::{Decoded, decode};
use crate::values::{Plan, Slice, Target};
use crate::{Error, InstanceHeader, Limits, Series};

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
        let plan = Plan::new(self.instances(), limits, &mut Notes::new())?;
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

/// Decodes a series into one volume, in parallel and straight into place: beside the volume there are only the
/// slices in flight. Counts slices in `progress`.
///
/// Stored samples keep their type (u8, i16, u16), with one slope and intercept as the volume's mapping. Where slices
/// differ in slope or intercept, and for 32-bit and floating-point pixels and Modality LUTs, samples become f32; a
/// note says so.
///
/// # Errors
/// Geometry, if the slices make no grid; unsupported, for colour, multi-frame objects and transfer syntaxes that
/// this version can't decode; malformed; limits; io; cancelled.
pub fn load(
    series: &Series,
    limits: &Limits,
    pool: &rayon::ThreadPool,
    progress: &Progress,
) -> Result<Loaded, Error> {
    let instances = series.instances();
    let mut value_notes = Notes::new();
    let plan = Plan::new(instances, limits, &mut value_notes)?;
    let (grid, geometry_notes) = series.geometry()?;
    let mut notes = series.notes().clone();
    notes.append(geometry_notes);
    notes.append(value_notes);
    volume_bytes(grid.shape(), plan.target, limits)?;
    progress.start(instances.len() as u64);
    let job = Job { instances, plan: &plan, limits, progress, findings: Findings::default() };
    let samples = pool.install(|| job.samples(grid.shape()))?;
    let findings = job.findings;
    findings.describe(&mut notes);
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

/// What threads find out while they decode.
#[derive(Default)]
struct Findings {
    lossy: AtomicBool,
    padded: AtomicBool,
    not_finite: AtomicUsize,
    too_long: AtomicUsize,
    open_end: AtomicUsize,
}

impl Findings {
    fn add(&self, decoded: Decoded) {
        self.lossy.fetch_or(decoded.lossy, Ordering::Relaxed);
        self.too_long.fetch_add(decoded.too_long.into(), Ordering::Relaxed);
        self.open_end.fetch_add(decoded.open_end.into(), Ordering::Relaxed);
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
    }
}

struct Job<'a> {
    instances: &'a [InstanceHeader],
    plan: &'a Plan,
    limits: &'a Limits,
    progress: &'a Progress,
    findings: Findings,
}

/// Memory that a thread uses again for each slice.
#[derive(Default)]
struct Scratch {
    compressed: Vec<u8>,
    raw: Vec<u8>,
}

impl InstanceHeader {
    /// Decodes the stored samples of a single greyscale image, `[1, rows, columns]`, wherever it stands or if it
    /// stands nowhere. Rescale and padding are not applied, except that samples of more than 16 bits become f32.
    ///
    /// # Errors
    /// As [`load`], without geometry.
    pub fn stored_samples(&self, limits: &Limits) -> Result<Samples, Error> {
        let instances = std::slice::from_ref(self);
        let plan = Plan::stored(self, limits)?;
        let [rows, columns] = plan.slices.first().map_or([0; 2], |s| [s.format.rows, s.format.columns]);
        let shape = [1, rows as usize, columns as usize];
        volume_bytes(shape, plan.target, limits)?;
        let progress = &Progress::new();
        Job { instances, plan: &plan, limits, progress, findings: Findings::default() }.samples(shape)
    }
}

impl Job<'_> {
    fn samples(&self, shape: [usize; 3]) -> Result<Samples, Error> {
        Ok(match self.plan.target {
            Target::U8 => Samples::U8(self.run(shape, |h, how, s, out| self.slice_u8(h, how, s, out))?),
            Target::I16 => Samples::I16(self.run(shape, |h, how, s, out| self.slice_i16(h, how, s, out))?),
            Target::U16 => Samples::U16(self.run(shape, |h, how, s, out| self.slice_u16(h, how, s, out))?),
            Target::F32 => Samples::F32(self.run(shape, |h, how, s, out| self.slice_f32(h, how, s, out))?),
        })
    }

    fn run<T, F>(&self, shape: [usize; 3], slice: F) -> Result<Array3<T>, Error>
    where
        T: Zeroable + Send + Clone,
        F: Fn(&InstanceHeader, &Slice, &mut Scratch, &mut [T]) -> Result<(), Error> + Sync,
    {
        let pixels = shape[1] * shape[2];
        let mut samples = zeroed(shape[0] * pixels)?;
        let slices = self.instances.par_iter().zip(&self.plan.slices).zip(samples.par_chunks_mut(pixels));
        slices.enumerate().try_for_each_init(Scratch::default, |scratch, (k, ((header, how), out))| {
            self.progress.check()?;
            slice(header, how, scratch, out).map_err(|error| self.locate(error, k))?;
            self.progress.advance(1);
            Ok::<_, Error>(())
        })?;
        let shape_error = |_| Error::malformed("volume", "its shape does not fit its samples");
        Array3::from_shape_vec(shape, samples).map_err(shape_error)
    }

    /// Says in which slice pixels are malformed.
    fn locate(&self, error: Error, k: usize) -> Error {
        match error {
            Error::Malformed { what, reason } => {
                let reason = format!("{reason} (slice {} of {})", k + 1, self.instances.len());
                Error::Malformed { what, reason }
            }
            other => other,
        }
    }

    /// Decodes straight into `out`, if samples there are as wide as in the file.
    fn in_place<T: bytemuck::Pod>(
        &self,
        header: &InstanceHeader,
        how: &Slice,
        scratch: &mut Scratch,
        out: &mut [T],
    ) -> Result<bool, Error> {
        if how.format.bytes_per_sample != size_of::<T>() {
            return Ok(false);
        }
        let raw = bytemuck::cast_slice_mut(out);
        let decoded = decode(header, &how.format, self.limits, &mut scratch.compressed, raw)?;
        self.findings.add(decoded);
        Ok(true)
    }

    fn slice_u8(
        &self,
        header: &InstanceHeader,
        how: &Slice,
        scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<(), Error> {
        if self.in_place(header, how, scratch, out)? {
            how.format.settle_u8(out);
            return Ok(());
        }
        self.each(header, how, scratch, out, |value| value as u8)
    }

    fn slice_i16(
        &self,
        header: &InstanceHeader,
        how: &Slice,
        scratch: &mut Scratch,
        out: &mut [i16],
    ) -> Result<(), Error> {
        if self.in_place(header, how, scratch, out)? {
            how.format.settle_i16(out);
            return Ok(());
        }
        self.each(header, how, scratch, out, |value| value as i16)
    }

    fn slice_u16(
        &self,
        header: &InstanceHeader,
        how: &Slice,
        scratch: &mut Scratch,
        out: &mut [u16],
    ) -> Result<(), Error> {
        if self.in_place(header, how, scratch, out)? {
            how.format.settle_u16(out);
            return Ok(());
        }
        self.each(header, how, scratch, out, |value| value as u16)
    }

    fn slice_f32(
        &self,
        header: &InstanceHeader,
        how: &Slice,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Result<(), Error> {
        let (mut padded, mut not_finite) = (false, 0);
        let rescale = self.plan.applies_rescale.then_some(&how.rescale);
        self.each(header, how, scratch, out, |stored| {
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
        header: &InstanceHeader,
        how: &Slice,
        scratch: &mut Scratch,
        out: &mut [T],
        mut sample: impl FnMut(f64) -> T,
    ) -> Result<(), Error> {
        scratch.raw.resize(how.format.bytes(), 0);
        let decoded = decode(header, &how.format, self.limits, &mut scratch.compressed, &mut scratch.raw)?;
        self.findings.add(decoded);
        let mut out = out.iter_mut();
        how.format.for_each(&scratch.raw, |value| {
            if let Some(out) = out.next() {
                *out = sample(value);
            }
        });
        Ok(())
    }
}

fn zeroed<T: Zeroable + Clone>(count: usize) -> Result<Vec<T>, Error> {
    let mut samples = Vec::new();
    let bytes = (count as u64).saturating_mul(size_of::<T>() as u64);
    samples.try_reserve_exact(count).map_err(|_| Error::Limits {
        what: "bytes of a volume",
        needed: bytes,
        allowed: isize::MAX as u64,
    })?;
    samples.resize(count, T::zeroed());
    Ok(samples)
}
