//! From pixel data in a file to raw samples of one frame.

use std::io::{self, Read, SeekFrom};
use std::sync::Arc;

use anatome_codecs::{ColorSpace, FrameShape};
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use flate2::read::DeflateDecoder;

use crate::elements::Fields;
use crate::format::{FrameFormat, Number, Photometric};
use crate::fragments::{FrameIndex, OffsetTables, ReadSeek};
use crate::header::PixelPlace;
use crate::series::too_few_frames;
use crate::source::{Place, skip};
use crate::syntax::{EXPLICIT_VR_BIG_ENDIAN, JPEG_FULL_PROGRESSION, JPEG_SPECTRAL_SELECTION};
use crate::values::Rescale;
use crate::{Error, Frame, InstanceHeader, Limits, codestream, native};

/// What decoding one frame found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// The codestream is lossy.
    pub lossy: bool,
    /// What a codestream says of its colours.
    pub color: Option<ColorSpace>,
    /// The codestream and the dataset do not agree whether samples are signed.
    pub other_sign: bool,
    /// The codestream has fewer bits than the dataset says are stored.
    pub fewer_bits: bool,
    /// The codestream has more, and may be lossy: see [`FrameFormat::clamp`].
    pub more_bits: bool,
    /// The data are longer than the frame.
    pub too_long: bool,
    /// The fragments' end is not marked.
    pub open_end: bool,
    /// The offset table does not fit the fragments.
    pub wrong_table: bool,
}

/// An encoding of pixel data that this version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Native {
        big_endian: bool,
    },
    Rle,
    JpegLs,
    Jpeg,
    /// Native frames, each deflated (PS3.5 A.4.13).
    DeflatedFrames,
    /// Also high-throughput.
    Jpeg2000,
    JpegXl {
        lossless: bool,
    },
}

/// An image of 8192 x 8192 may be flat, such as one that was masked.
const FLAT_SAMPLES: u64 = 1 << 26;

/// Deflated Image Frame Compression.
const DEFLATED_IMAGE_FRAME: &str = "1.2.840.10008.1.2.8.1";

impl Coding {
    /// # Errors
    /// Unsupported, with the transfer syntax's name and UID.
    pub fn of(header: &InstanceHeader) -> Result<Self, Error> {
        Ok(match header.transfer_syntax.uid() {
            uids::IMPLICIT_VR_LITTLE_ENDIAN
            | uids::EXPLICIT_VR_LITTLE_ENDIAN
            | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => Self::Native { big_endian: false },
            EXPLICIT_VR_BIG_ENDIAN => Self::Native { big_endian: true },
            uids::RLE_LOSSLESS => Self::Rle,
            uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS => Self::JpegLs,
            uids::JPEG_BASELINE8_BIT
            | uids::JPEG_EXTENDED12_BIT
            | JPEG_SPECTRAL_SELECTION
            | JPEG_FULL_PROGRESSION
            | uids::JPEG_LOSSLESS
            | uids::JPEG_LOSSLESS_SV1 => Self::Jpeg,
            DEFLATED_IMAGE_FRAME => Self::DeflatedFrames,
            uids::JPEG2000_LOSSLESS
            | uids::JPEG2000
            | uids::JPEG2000MC_LOSSLESS
            | uids::JPEG2000MC
            | uids::HTJ2K_LOSSLESS
            | uids::HTJ2K_LOSSLESS_RPCL
            | uids::HTJ2K => Self::Jpeg2000,
            uids::JPEGXL_LOSSLESS => Self::JpegXl { lossless: true },
            uids::JPEGXLJPEG_RECOMPRESSION | uids::JPEGXL => Self::JpegXl { lossless: false },
            _ => {
                let feature = format!("the transfer syntax {}", header.transfer_syntax);
                return Err(Error::Unsupported { feature });
            }
        })
    }

    fn check_size(self, bytes: u64, format: &FrameFormat) -> Result<(), Error> {
        if format.samples() as u64 > self.most_samples(bytes, format.columns) {
            return Err(malformed(format!("{bytes} bytes are too few for {} samples", format.samples())));
        }
        Ok(())
    }

    /// The most samples that a byte of the codestream can stand for, so that a few bytes can't ask for gigabytes.
    fn most_samples(self, bytes: u64, columns: u32) -> u64 {
        match self {
            Self::Native { .. } => u64::MAX,
            // Empty blocks and flat images of any size take no bytes at all, but real ones that large do.
            Self::Jpeg2000 | Self::JpegXl { .. } => bytes.saturating_mul(1024).saturating_add(FLAT_SAMPLES),
            // A run of two bytes gives 128 bytes of a plane.
            Self::Rle => bytes.saturating_mul(64),
            // A line takes at least one bit.
            Self::JpegLs => bytes.saturating_mul(8).saturating_mul(columns.into()),
            // A progressive block of 64 samples takes at least one bit, any other sample or block more.
            Self::Jpeg => bytes.saturating_mul(512),
            // Eight samples of 1 bit in a byte.
            Self::DeflatedFrames => bytes.saturating_mul(1032 * 8),
        }
    }

    /// Whether a codestream may begin with these 12 bytes.
    fn marker(self) -> fn(&[u8]) -> bool {
        match self {
            Self::Jpeg | Self::JpegLs => |start| start.starts_with(&[0xFF, 0xD8]),
            Self::Jpeg2000 => {
                |start| start.starts_with(&[0xFF, 0x4F, 0xFF, 0x51]) || start.starts_with(b"\0\0\0\x0CjP  ")
            }
            Self::JpegXl { .. } => {
                |start| start.starts_with(&[0xFF, 0x0A]) || start.starts_with(b"\0\0\0\x0CJXL ")
            }
            // A number of segments, and the first one's offset behind a header of 64 bytes.
            Self::Rle => |start| matches!(start, &[1..=15, 0, 0, 0, 64, 0, 0, 0, ..]),
            Self::Native { .. } | Self::DeflatedFrames => |_| true,
        }
    }
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::malformed("pixel data", reason)
}

/// Refuses, from the header alone, pixel data that can't hold a frame: nothing is allocated for them.
pub(crate) fn check(header: &InstanceHeader, format: &FrameFormat) -> Result<(), Error> {
    let place = header.pixel_data.ok_or_else(|| malformed("there are none"))?;
    let coding = Coding::of(header)?;
    let available = place.available;
    match (coding, place.element.length) {
        (Coding::Native { .. }, Some(length)) => {
            let length = available.min(length.into());
            let needed = format.native_bits().div_ceil(8);
            if length < needed {
                return Err(malformed(format!("{length} bytes where the frame has {needed}")));
            }
            let color = format.photometric;
            if color == Photometric::OfCodestream {
                return Err(malformed("colours of JPEG 2000 or JPEG XL in a native transfer syntax"));
            }
            if color.is_422() && (format.bits_allocated != 8 || !format.columns.is_multiple_of(2)) {
                return Err(malformed(
                    "YBR_FULL_422 or YBR_PARTIAL_422 with an odd number of columns, or not of 8 bits",
                ));
            }
            Ok(())
        }
        (Coding::Native { .. }, None) => Err(malformed("fragments in a native transfer syntax")),
        (_, Some(_)) => Err(malformed("native pixels in an encapsulated transfer syntax")),
        (_, None) => coding.check_size(available, format),
    }
}

/// Why an image with one frame can't be decoded, where its header tells.
pub(crate) fn fault(header: &InstanceHeader) -> Option<Error> {
    let pixels = header.pixels.as_ref().filter(|pixels| pixels.frames == 1)?;
    // How large a frame may be is not the image's fault.
    let limits = Limits { frame_pixels: u64::MAX, ..Limits::default() };
    let format = || FrameFormat::new(header, &limits).and_then(|format| check(header, &format));
    Rescale::new(header, &header.values, pixels.signed, &limits).and_then(|_| format()).err()
}

/// Reads the frames of one object one by one, in any order and from several threads. What has to be known of all
/// fragments is found out once, when it is made.
#[derive(Debug)]
pub struct FrameReader {
    header: Arc<InstanceHeader>,
    format: FrameFormat,
    coding: Coding,
    place: PixelPlace,
    limits: Limits,
    /// How many frames are stored: a mosaic is one.
    count: usize,
    /// Which fragments make which frame, where there are several.
    index: Option<FrameIndex>,
    /// The pixel data's value, unpacked, where it can't be read but from the start.
    unpacked: Option<Vec<u8>>,
}

impl FrameReader {
    /// # Errors
    /// As [`crate::load`], without geometry.
    pub fn new(header: &Arc<InstanceHeader>, limits: &Limits) -> Result<Self, Error> {
        let format = FrameFormat::new(header, limits)?;
        check(header, &format)?;
        let place = header.pixel_data.ok_or_else(|| malformed("there are none"))?;
        let coding = Coding::of(header)?;
        let tiled = header.frames.each.first().is_some_and(|frame| frame.tile.is_some());
        let count = if tiled { 1 } else { header.frame_count() };
        let header = Arc::clone(header);
        let mut reader =
            Self { header, format, coding, place, limits: *limits, count, index: None, unpacked: None };
        if count > 1 {
            if place.deflated_from.is_some() || !reader.header.place.is_seekable() {
                reader.unpacked = Some(reader.unpack()?);
            }
            if place.element.length.is_none() {
                reader.index = Some(reader.index()?);
            }
        }
        Ok(reader)
    }

    /// How many frames there are, as far as the file can hold them.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.index.as_ref().map_or(self.count, |index| index.frames().min(self.count))
    }

    /// Refuses an object that holds fewer frames than it states: which are missing is not certain.
    pub(crate) fn all_there(&self) -> Result<(), Error> {
        if self.frame_count() < self.count { Err(self.too_few()) } else { Ok(()) }
    }

    fn too_few(&self) -> Error {
        too_few_frames(self.count as u64, self.frame_count() as u64)
    }

    /// The stored samples of a frame, counted from 0, as they are: little endian, as wide as Bits Allocated (a byte for
    /// 1 bit, two for 12), those of a pixel together, row by row. What bits beside the stored ones say is left in them,
    /// no lookup table or conversion of colours is applied.
    ///
    /// # Errors
    /// Io; malformed; limits; unsupported.
    pub fn stored_bytes(&self, frame: usize) -> Result<Vec<u8>, Error> {
        let mut raw = vec![0; self.format.bytes()];
        self.read(frame, &mut Vec::new(), &mut raw)?;
        Ok(raw)
    }

    /// How a frame is stored.
    pub(crate) fn format(&self) -> &FrameFormat {
        &self.format
    }

    /// Whether the frame is one of this object's.
    pub(crate) fn reads(&self, frame: &Frame) -> bool {
        Arc::ptr_eq(&self.header, frame.instance())
    }

    /// What the index of fragments found odd.
    pub(crate) fn findings(&self) -> Decoded {
        let index = self.index.as_ref();
        Decoded {
            open_end: index.is_some_and(|index| index.open_end),
            wrong_table: index.is_some_and(|index| index.wrong_table),
            ..Decoded::default()
        }
    }

    /// Decodes a frame into `raw`, which is exactly [`FrameFormat::bytes`] long. `scratch` holds stored bytes.
    pub(crate) fn read(&self, frame: usize, scratch: &mut Vec<u8>, raw: &mut [u8]) -> Result<Decoded, Error> {
        if frame >= self.count {
            return Err(malformed(format!("frame {} is not there", frame + 1)));
        }
        let Coding::Native { big_endian } = self.coding else {
            return self.read_encapsulated(frame, scratch, raw);
        };
        let format = &self.format;
        let bits = format.native_bits();
        let first_bit = bits * frame as u64;
        let direct = format.bits_allocated.is_multiple_of(8)
            && format.samples() == format.native_bits() as usize / format.bits_allocated as usize
            && !format.planar
            && !(big_endian && format.bytes_per_sample == 1 && self.place.element.vr == VR::OW);
        if direct {
            self.read_range(first_bit / 8, raw)?;
            if big_endian {
                raw.chunks_exact_mut(format.bytes_per_sample).for_each(<[u8]>::reverse);
            }
        } else {
            // From an even byte to an even byte, so that words of two samples can be swapped.
            let (from, to) = (first_bit / 16 * 2, (first_bit + bits).div_ceil(16) * 2);
            let length = self.place.element.length.map_or(to, u64::from);
            scratch.clear();
            scratch.resize((to.min(length).max(from) - from) as usize, 0);
            self.read_range(from, scratch)?;
            if big_endian {
                let word = self.place.element.vr == VR::OW && format.bytes_per_sample == 1;
                let size = if word { 2 } else { format.bytes_per_sample };
                scratch.chunks_exact_mut(size).for_each(<[u8]>::reverse);
            }
            native::settle(format, scratch, (first_bit - 8 * from) as usize, raw);
        }
        // An odd value is padded to an even length.
        let needed = (bits * self.count as u64).div_ceil(8);
        let too_long = self.place.element.length.is_some_and(|length| u64::from(length) > needed + 1);
        Ok(Decoded { too_long, ..Decoded::default() })
    }

    fn read_encapsulated(
        &self,
        frame: usize,
        scratch: &mut Vec<u8>,
        raw: &mut [u8],
    ) -> Result<Decoded, Error> {
        let mut decoded = Decoded::default();
        match &self.index {
            None => {
                let ended =
                    self.with_stream(|stream| fragments(stream, &self.limits, scratch, &self.header.place))?;
                decoded.open_end = !ended;
            }
            Some(index) => {
                if frame >= index.frames() {
                    return Err(self.too_few());
                }
                let parts = index.frame(frame)?;
                let needed: u64 = parts.iter().map(|&(_, length)| u64::from(length)).sum();
                let allowed = self.place.available.min(self.limits.file_bytes);
                if needed > allowed {
                    return Err(malformed("the file ends within a fragment"));
                }
                scratch.clear();
                scratch.resize(needed as usize, 0);
                let mut rest = scratch.as_mut_slice();
                for &(offset, length) in parts {
                    let (part, after) = rest.split_at_mut_checked(length as usize).unwrap_or_default();
                    self.read_range(offset, part)?;
                    rest = after;
                }
            }
        }
        let format = &self.format;
        self.coding.check_size(scratch.len() as u64, format)?;
        if self.coding == Coding::DeflatedFrames {
            inflate(format, scratch, raw)?;
            return Ok(decoded);
        }
        let shape = FrameShape {
            columns: format.columns,
            rows: format.rows,
            samples_per_pixel: format.samples_per_pixel as u16,
            bits_allocated: 8 * format.bytes_per_sample as u16,
        };
        let facts = codestream::decode(self.coding, scratch, &shape, raw)?;
        decoded.lossy = facts.lossy;
        if let (Some(precision), Number::Integer { .. }) = (facts.precision.map(u32::from), format.number) {
            decoded.fewer_bits = precision < format.bits_stored;
            // A reversible codestream may have been cut to a size.
            let lossy = facts.lossy || self.header.values.lossy || self.header.transfer_syntax.may_be_lossy();
            decoded.more_bits = lossy && precision > format.bits_stored;
            if decoded.more_bits {
                format.clamp(raw, precision, facts.signed);
            }
        }
        decoded.other_sign = match format.number {
            Number::Integer { signed } => facts.signed.is_some_and(|found| found != signed),
            Number::Float => false,
        };
        decoded.color = Some(facts.color);
        Ok(decoded)
    }

    /// Reads from the pixel data's value, `offset` bytes behind its start.
    fn read_range(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        if let Some(unpacked) = &self.unpacked {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let range = unpacked.get(from..).and_then(|rest| rest.get(..bytes.len()));
            let range = range.ok_or_else(|| malformed("the file ends within them"))?;
            bytes.copy_from_slice(range);
            return Ok(());
        }
        let mut read = |reader: &mut dyn Read| {
            reader.read_exact(bytes).map_err(|cause| match cause.kind() {
                io::ErrorKind::UnexpectedEof => malformed("the file ends within them"),
                _ => self.header.place.io(cause),
            })
        };
        match self.place.deflated_from {
            None => {
                let start = self.place.element.offset + offset;
                self.header.place.with_checked(start, |reader, _| read(reader))
            }
            // A single frame: it begins where the value does.
            Some(_) => self.with_stream(|stream| {
                skip(stream, offset).map_err(|cause| self.header.place.io(cause))?;
                read(stream)
            }),
        }
    }

    /// Gives `read` the pixel data's value from its start.
    fn with_stream<T>(&self, read: impl FnOnce(&mut dyn Read) -> Result<T, Error>) -> Result<T, Error> {
        let (place, offset) = (&self.header.place, self.place.element.offset);
        match self.place.deflated_from {
            None => place.with_checked(offset, |reader, _| read(reader)),
            Some(start) => place.with_checked(start, |reader, _| {
                let mut inflater = DeflateDecoder::new(reader);
                skip(&mut inflater, offset).map_err(|cause| place.io(cause))?;
                read(&mut inflater)
            }),
        }
    }

    /// The pixel data's whole value: native data have a known size, and compressed ones are hardly larger.
    fn unpack(&self) -> Result<Vec<u8>, Error> {
        // To an even byte, as frames that begin within one are read.
        let native = self.format.native_bits().saturating_mul(self.count as u64).div_ceil(16) * 2;
        let most = match self.place.element.length {
            Some(length) => native.min(length.into()),
            None => native.saturating_mul(2).saturating_add(self.count as u64 * 65_536),
        };
        if most > self.limits.file_bytes {
            let (what, allowed) = ("bytes of a file", self.limits.file_bytes);
            return Err(Error::Limits { what, needed: most, allowed });
        }
        let mut bytes = Vec::new();
        self.with_stream(|stream| {
            // Grows with what is there, not with what is promised.
            stream.take(most).read_to_end(&mut bytes).map_err(|cause| self.header.place.io(cause))
        })?;
        Ok(bytes)
    }

    fn index(&self) -> Result<FrameIndex, Error> {
        let elements = self.header.dataset.walk(&self.limits)?;
        let fields = Fields::new(&self.header.dataset.bytes, &elements);
        let bytes = fields.value(tags::EXTENDED_OFFSET_TABLE).unwrap_or_default();
        let extended: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|&b| u64::from_le_bytes(b)).collect();
        let tables = OffsetTables { extended: &extended };
        let io_error = |cause| self.header.place.io(cause);
        let build = |source: &mut dyn ReadSeek| {
            FrameIndex::new(source, self.count, tables, self.coding.marker(), &self.limits, &io_error)
        };
        match &self.unpacked {
            Some(bytes) => build(&mut io::Cursor::new(bytes)),
            None => self.header.place.with_seekable(|source| {
                source.seek(SeekFrom::Start(self.place.element.offset)).map_err(io_error)?;
                build(source)
            }),
        }
    }
}

/// Reads all fragments of a single frame into one codestream (PS3.5 A.4); `false` if no delimiter ends them.
fn fragments(
    reader: &mut dyn Read,
    limits: &Limits,
    codestream: &mut Vec<u8>,
    place: &Place,
) -> Result<bool, Error> {
    codestream.clear();
    let mut count = 0usize;
    loop {
        let mut head = [0; 8];
        match reader.read_exact(&mut head) {
            Ok(()) => {}
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof && count > 1 => return Ok(false),
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(malformed("the file ends in front of them"));
            }
            Err(cause) => return Err(place.io(cause)),
        }
        let [t0, t1, t2, t3, length @ ..] = head;
        let length = u64::from(u32::from_le_bytes(length));
        match [t0, t1, t2, t3] {
            [0xFE, 0xFF, 0xDD, 0xE0] if codestream.is_empty() => {
                return Err(malformed("there are no fragments"));
            }
            [0xFE, 0xFF, 0xDD, 0xE0] => return Ok(true),
            [0xFE, 0xFF, 0x00, 0xE0] if length != 0xFFFF_FFFF => {}
            _ => return Err(malformed("a fragment does not begin with an item of stated length")),
        }
        if count > limits.elements {
            let (what, allowed) = ("fragments of one object", limits.elements as u64);
            return Err(Error::Limits { what, needed: allowed + 1, allowed });
        }
        let needed = codestream.len() as u64 + length;
        if needed > limits.file_bytes {
            return Err(Error::Limits { what: "bytes of a file", needed, allowed: limits.file_bytes });
        }
        // The first item is the offset table.
        let read = if count == 0 {
            io::copy(&mut (&mut *reader).take(length), &mut io::sink())
        } else {
            // Grows with what is there, not with what is promised.
            (&mut *reader).take(length).read_to_end(codestream).map(|read| read as u64)
        };
        if read.map_err(|cause| place.io(cause))? < length {
            return Err(malformed("the file ends within a fragment"));
        }
        count += 1;
    }
}

fn inflate(format: &FrameFormat, bytes: &[u8], raw: &mut [u8]) -> Result<(), Error> {
    let mut native = Vec::new();
    let most = format.native_bits().div_ceil(8);
    let mut inflater = DeflateDecoder::new(bytes).take(most);
    inflater.read_to_end(&mut native).map_err(|cause| malformed(cause.to_string()))?;
    if (native.len() as u64) < most {
        return Err(malformed("a deflated frame is too short"));
    }
    native::settle(format, &native, 0, raw);
    Ok(())
}
