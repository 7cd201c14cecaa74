//! Voxels from a stream into samples.

use std::io::{self, Read};

use anatome_core::{NoteCode, Notes, Padding, Progress, Samples};
use bytemuck::{Pod, Zeroable};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use ndarray::Array3;

use crate::Error;
use crate::layout::{Layout, Packing, Stored};
use crate::source::Place;
use crate::text::Numbers;

/// No compression of deflate goes further than this (RFC 1951: 258 bytes from 2 bits).
const MAX_INFLATION: u64 = 1032;

/// Voxels of a file, from the volume that is read first to the last one.
pub(crate) struct Voxels<'a> {
    layout: &'a Layout,
    reader: Box<dyn Read + Send>,
}

impl<'a> Voxels<'a> {
    /// Opens a file in front of a block of volumes that alternate, or of one volume where they do not.
    pub fn open(layout: &'a Layout, block: usize, progress: &Progress) -> Result<Self, Error> {
        let voxels = &layout.voxels;
        let before = layout.block_bytes().saturating_mul(block as u64);
        let chunk =
            layout.block_bytes().saturating_mul(layout.stacked as u64) / voxels.files.len().max(1) as u64;
        check_length(layout, before.saturating_add(layout.block_bytes()), chunk)?;
        if let (Packing::None, [(place, offset)]) = (voxels.packing, voxels.files.as_slice()) {
            return Ok(Self { layout, reader: place.reader(offset + before)? });
        }
        let reader: Box<dyn Read + Send> = match voxels.files.as_slice() {
            [(place, offset)] => unpacked(layout, place, *offset)?,
            _ => {
                let none: Box<dyn Read + Send> = Box::new(io::empty());
                Box::new(Chain { layout: layout.clone(), chunk, next: 0, current: none.take(0) })
            }
        };
        let mut opened = Self { layout, reader };
        let inner = if voxels.files.len() == 1 { voxels.inner_offset } else { 0 };
        opened.skip(before + inner, progress)?;
        Ok(opened)
    }

    fn skip(&mut self, bytes: u64, progress: &Progress) -> Result<(), Error> {
        let mut left = bytes;
        while left > 0 {
            progress.check()?;
            let step = left.min(16 << 20);
            let skipped = io::copy(&mut (&mut self.reader).take(step), &mut io::sink());
            if skipped.map_err(|cause| self.failed(cause))? < step {
                return Err(ends_early());
            }
            left -= step;
        }
        Ok(())
    }

    fn failed(&self, cause: io::Error) -> Error {
        match cause.kind() {
            io::ErrorKind::UnexpectedEof => ends_early(),
            io::ErrorKind::InvalidData if self.layout.voxels.packing == Packing::Text => {
                Error::malformed("voxels", "one of them is no number of its type")
            }
            // What flate2 answers for streams that are no deflate or have a wrong checksum.
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
                if self.layout.voxels.packing != Packing::None =>
            {
                Error::malformed("compressed voxels", "the compression is damaged")
            }
            _ => match self.layout.voxels.files.first() {
                Some((place, _)) => place.io(cause),
                None => ends_early(),
            },
        }
    }

    /// Reads the next volume; of those that alternate, `component`.
    pub fn volume(&mut self, component: usize, progress: &Progress) -> Result<VolumeSamples, Error> {
        let mut found = Findings::default();
        let samples = match self.layout.stored {
            Stored::U8 => Samples::U8(self.array::<u8>(component, progress, |_| {})?),
            Stored::I16 => Samples::I16(self.array::<i16>(component, progress, |_| {})?),
            Stored::U16 => Samples::U16(self.array::<u16>(component, progress, |_| {})?),
            Stored::F32 => Samples::F32(self.array(component, progress, |row| found.scrub(row))?),
            Stored::I8 => Samples::I16(self.converted(component, progress, |v: i8| i16::from(v))?),
            Stored::U32 => {
                Samples::F32(self.converted(component, progress, |v: u32| found.rounded(v.into()))?)
            }
            Stored::I32 => {
                Samples::F32(self.converted(component, progress, |v: i32| found.rounded(v.into()))?)
            }
            Stored::U64 => {
                Samples::F32(self.converted(component, progress, |v: u64| found.whole(i128::from(v)))?)
            }
            Stored::I64 => {
                Samples::F32(self.converted(component, progress, |v: i64| found.whole(i128::from(v)))?)
            }
            Stored::F64 => Samples::F32(self.converted(component, progress, |v: f64| {
                if (v as f32).is_finite() { found.rounded(v) } else { found.absent() }
            })?),
        };
        let mut notes = Notes::new();
        found.describe(self.layout, &mut notes);
        Ok(VolumeSamples { samples, padding: (found.not_finite > 0).then_some(Padding::F32), notes })
    }

    /// Reads to the end of the compressed data, where the checksum is. More voxels than announced are noted.
    pub fn finish(&mut self, notes: &mut Notes) -> Result<(), Error> {
        match self.reader.read(&mut [0; 8]) {
            Ok(0) => Ok(()),
            Ok(_) => {
                let text = "more data than the header announces; the rest is not used";
                notes.add(NoteCode::Tolerated, text);
                Ok(())
            }
            Err(cause) => Err(self.failed(cause)),
        }
    }

    fn swaps(&self) -> bool {
        // Words have been read into the machine's own order.
        self.layout.voxels.packing != Packing::Text && self.layout.big_endian != cfg!(target_endian = "big")
    }

    /// Samples as they are stored, read straight into place slice by slice.
    fn array<T: Swap>(
        &mut self,
        component: usize,
        progress: &Progress,
        mut settle: impl FnMut(&mut [T]),
    ) -> Result<Array3<T>, Error> {
        if self.layout.interleaved > 1 {
            return self.converted(component, progress, |v: T| {
                let mut one = [v];
                settle(&mut one);
                one[0]
            });
        }
        let swaps = self.swaps();
        self.slices(progress, |voxels, out: &mut [T]| {
            voxels.reader.read_exact(bytemuck::cast_slice_mut(out)).map_err(|cause| voxels.failed(cause))?;
            if swaps {
                out.iter_mut().for_each(|v| *v = v.swap());
            }
            settle(out);
            Ok(())
        })
    }

    /// Samples of another type than those stored, or one of several that alternate.
    fn converted<R: Swap, T: Zeroable + Clone>(
        &mut self,
        component: usize,
        progress: &Progress,
        mut convert: impl FnMut(R) -> T,
    ) -> Result<Array3<T>, Error> {
        let swaps = self.swaps();
        let step = self.layout.interleaved;
        let voxels_at_once = ((64 << 10) / (step * size_of::<R>())).max(1);
        let mut stored = vec![R::zeroed(); voxels_at_once * step];
        self.slices(progress, |voxels, out: &mut [T]| {
            for out in out.chunks_mut(voxels_at_once) {
                let Some(stored) = stored.get_mut(..out.len() * step) else { return Ok(()) };
                let bytes = bytemuck::cast_slice_mut(stored);
                voxels.reader.read_exact(bytes).map_err(|cause| voxels.failed(cause))?;
                for (out, value) in out.iter_mut().zip(stored.iter().skip(component).step_by(step)) {
                    *out = convert(if swaps { value.swap() } else { *value });
                }
            }
            Ok(())
        })
    }

    /// Memory grows with what was really read, so that a header alone can't fill it.
    fn slices<T: Zeroable + Clone>(
        &mut self,
        progress: &Progress,
        mut fill: impl FnMut(&mut Self, &mut [T]) -> Result<(), Error>,
    ) -> Result<Array3<T>, Error> {
        let shape = self.layout.grid.shape();
        let [slices, rows, columns] = shape;
        let count = slices * rows * columns;
        let mut samples = Vec::new();
        samples.try_reserve_exact(count).map_err(|_| Error::Limits {
            what: "bytes of a volume",
            needed: (count as u64).saturating_mul(size_of::<T>() as u64),
            allowed: isize::MAX as u64,
        })?;
        for _ in 0..slices {
            progress.check()?;
            for first in (0..rows * columns).step_by(CHUNK) {
                let start = samples.len();
                samples.resize(start + CHUNK.min(rows * columns - first), T::zeroed());
                fill(self, samples.get_mut(start..).unwrap_or_default())?;
            }
            progress.advance(1);
        }
        let mismatch = |_| Error::malformed("volume", "its shape does not fit its samples");
        Array3::from_shape_vec(shape, samples).map_err(mismatch)
    }
}

/// Refuses files that can't hold `needed` bytes of voxels, `chunk` of them in each file but the last.
fn check_length(layout: &Layout, needed: u64, chunk: u64) -> Result<(), Error> {
    let voxels = &layout.voxels;
    let mut left = needed;
    for (place, offset) in &voxels.files {
        let there = place.length.saturating_sub(*offset);
        let possible = match voxels.packing {
            Packing::None => there,
            Packing::Gzip | Packing::Zlib => there.saturating_mul(MAX_INFLATION),
            // A digit and a blank for each but the last.
            Packing::Text => there.div_ceil(2).saturating_mul(layout.stored.bytes()),
        };
        let here = if voxels.files.len() == 1 { left } else { left.min(chunk) };
        if here.saturating_add(voxels.inner_offset) > possible {
            return Err(ends_early());
        }
        left -= here;
    }
    if left > 0 { Err(ends_early()) } else { Ok(()) }
}

/// The bytes of a file's voxels as they are in memory, but for their order.
fn unpacked(layout: &Layout, place: &Place, offset: u64) -> Result<Box<dyn Read + Send>, Error> {
    let reader = place.reader(offset)?;
    Ok(match layout.voxels.packing {
        Packing::None => reader,
        Packing::Gzip => Box::new(MultiGzDecoder::new(reader)),
        Packing::Zlib => Box::new(ZlibDecoder::new(reader)),
        Packing::Text => Box::new(Numbers::new(reader, layout.stored)),
    })
}

/// Files one after another, each opened when it is its turn.
struct Chain {
    layout: Layout,
    /// Bytes of voxels in each file.
    chunk: u64,
    next: usize,
    current: io::Take<Box<dyn Read + Send>>,
}

impl Read for Chain {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(out)?;
            if read == 0 && self.current.limit() > 0 && !out.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some((place, offset)) = self.layout.voxels.files.get(self.next).filter(|_| read == 0) else {
                return Ok(read);
            };
            self.next += 1;
            let mut file = unpacked(&self.layout, place, *offset).map_err(io::Error::other)?;
            io::copy(&mut (&mut file).take(self.layout.voxels.inner_offset), &mut io::sink())?;
            self.current = file.take(self.chunk);
        }
    }
}

/// Samples that are read at once.
const CHUNK: usize = 1 << 20;

fn ends_early() -> Error {
    Error::malformed("voxels", "there are fewer than the header announces")
}

/// One volume's samples, read.
pub(crate) struct VolumeSamples {
    pub samples: Samples,
    pub padding: Option<Padding>,
    pub notes: Notes,
}

/// What conversion did to samples.
#[derive(Default)]
struct Findings {
    not_finite: usize,
    largest_error: f64,
}

impl Findings {
    fn absent(&mut self) -> f32 {
        self.not_finite += 1;
        Padding::F32.lowest as f32
    }

    fn scrub(&mut self, samples: &mut [f32]) {
        for sample in samples.iter_mut().filter(|sample| !sample.is_finite()) {
            *sample = self.absent();
        }
    }

    fn rounded(&mut self, value: f64) -> f32 {
        let held = value as f32;
        self.largest_error = self.largest_error.max((f64::from(held) - value).abs());
        held
    }

    /// f64 can't hold all of 64 bits, so that the error is taken between integers.
    fn whole(&mut self, value: i128) -> f32 {
        let held = value as f32;
        self.largest_error = self.largest_error.max((held as i128 - value).unsigned_abs() as f64);
        held
    }

    fn describe(&self, layout: &Layout, notes: &mut Notes) {
        let stored = layout.stored;
        match stored {
            Stored::U8 | Stored::U16 | Stored::I16 | Stored::F32 => {}
            Stored::I8 => {
                notes.add(NoteCode::Converted, format!("{} samples became 16-bit: exact", stored.name()))
            }
            _ => {
                let error = match self.largest_error * layout.mapping.slope.abs() {
                    0.0 => "exact".to_owned(),
                    error => format!("off by up to {error:.3e}"),
                };
                notes.add(
                    NoteCode::Converted,
                    format!("{} samples became 32-bit floating-point: {error}", stored.name()),
                );
            }
        }
        if self.not_finite > 0 {
            let text = "a sample that is no finite number was made padding";
            notes.add_many(NoteCode::NotFinite, text, self.not_finite);
        }
    }
}

/// Numbers whose bytes can be reversed.
pub(crate) trait Swap: Pod {
    fn swap(self) -> Self;
}

macro_rules! swap {
    ($($t:ty),*) => {$(
        impl Swap for $t {
            #[inline(always)]
            fn swap(self) -> Self {
                let mut bytes = self.to_ne_bytes();
                bytes.reverse();
                Self::from_ne_bytes(bytes)
            }
        }
    )*};
}
swap!(u8, i8, u16, i16, u32, i32, u64, i64, f32, f64);
