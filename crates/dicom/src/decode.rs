//! From pixel data in a file to raw samples of one frame.

use std::io::{self, Read};

use anatome_codecs::FrameShape;
use dicom_core::VR;
use dicom_dictionary_std::uids;
use flate2::read::DeflateDecoder;

use crate::frame::FrameFormat;
use crate::source::{Place, skip};
use crate::syntax::{EXPLICIT_VR_BIG_ENDIAN, JPEG_FULL_PROGRESSION, JPEG_SPECTRAL_SELECTION};
use crate::{Error, InstanceHeader, Limits, codestream};

/// What decoding one frame found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// The codestream is lossy.
    pub lossy: bool,
    /// The data are longer than the frame.
    pub too_long: bool,
    /// The fragments' end is not marked.
    pub open_end: bool,
}

/// An encoding of pixel data that this version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Native { big_endian: bool },
    Rle,
    JpegLs,
    Jpeg,
}

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
            _ => {
                let feature = format!("the transfer syntax {}", header.transfer_syntax);
                return Err(Error::Unsupported { feature });
            }
        })
    }

    fn check_size(self, bytes: u64, format: &FrameFormat) -> Result<(), Error> {
        if format.pixels() as u64 > self.most_pixels(bytes, format.columns) {
            return Err(malformed(format!("{bytes} bytes can't hold {} pixels", format.pixels())));
        }
        Ok(())
    }

    /// The most samples that a byte of the codestream can stand for, so that a few bytes can't ask for gigabytes.
    fn most_pixels(self, bytes: u64, columns: u32) -> u64 {
        match self {
            Self::Native { .. } => u64::MAX,
            // A run of two bytes gives 128 bytes of a plane.
            Self::Rle => bytes.saturating_mul(64),
            // A line takes at least one bit.
            Self::JpegLs => bytes.saturating_mul(8).saturating_mul(columns.into()),
            // A progressive block of 64 samples takes at least one bit, any other sample or block more.
            Self::Jpeg => bytes.saturating_mul(512),
        }
    }
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::malformed("pixel data", reason)
}

/// Refuses, from the header alone, pixel data that can't hold the frame: nothing is allocated for them.
pub(crate) fn check(header: &InstanceHeader, format: &FrameFormat) -> Result<(), Error> {
    let place = header.pixel_data.ok_or_else(|| malformed("there are none"))?;
    let coding = Coding::of(header)?;
    let available = place.available.unwrap_or(u64::MAX);
    match (coding, place.element.length) {
        (Coding::Native { .. }, Some(length)) => {
            let length = available.min(length.into());
            let needed = format.bytes() as u64;
            if length < needed {
                return Err(malformed(format!("{length} bytes where the frame has {needed}")));
            }
            Ok(())
        }
        (Coding::Native { .. }, None) => Err(malformed("fragments in a native transfer syntax")),
        (_, Some(_)) => Err(malformed("native pixels in an encapsulated transfer syntax")),
        (_, None) => coding.check_size(available, format),
    }
}

/// Decodes the frame into `raw`, which is exactly the frame's size: little-endian samples, row by row. `scratch`
/// holds compressed bytes.
pub(crate) fn decode(
    header: &InstanceHeader,
    format: &FrameFormat,
    limits: &Limits,
    scratch: &mut Vec<u8>,
    raw: &mut [u8],
) -> Result<Decoded, Error> {
    let place = header.pixel_data.ok_or_else(|| malformed("there are none"))?;
    check(header, format)?;
    let coding = Coding::of(header)?;
    let element = place.element;
    let mut read = |reader: &mut dyn Read| match (coding, element.length) {
        (Coding::Native { big_endian }, Some(length)) => {
            read_native(reader, raw, &header.place)?;
            if big_endian {
                swap(raw, format.bytes_per_sample, element.vr);
            }
            // An odd frame is padded to an even length.
            let too_long = u64::from(length) > raw.len() as u64 + 1;
            Ok(Decoded { too_long, ..Decoded::default() })
        }
        _ => {
            let ended = fragments(reader, limits, scratch, &header.place)?;
            coding.check_size(scratch.len() as u64, format)?;
            let shape = FrameShape {
                columns: format.columns,
                rows: format.rows,
                samples_per_pixel: 1,
                bits_allocated: 8 * format.bytes_per_sample as u16,
            };
            let facts = codestream::decode(coding, scratch, &shape, raw)?;
            Ok(Decoded { lossy: facts.lossy, open_end: !ended, ..Decoded::default() })
        }
    };
    match place.deflated_from {
        None => header.place.with_reader(element.offset, |reader, _| read(reader)),
        Some(start) => header.place.with_reader(start, |reader, _| {
            let mut inflater = DeflateDecoder::new(reader);
            skip(&mut inflater, element.offset).map_err(|cause| header.place.io(cause))?;
            read(&mut inflater)
        }),
    }
}

fn read_native(reader: &mut dyn Read, raw: &mut [u8], place: &Place) -> Result<(), Error> {
    reader.read_exact(raw).map_err(|cause| match cause.kind() {
        io::ErrorKind::UnexpectedEof => malformed("the file ends within them"),
        _ => place.io(cause),
    })
}

/// Big-endian samples to little endian; 8-bit samples in 16-bit words (PS3.5 8.1.1) to their own order.
fn swap(raw: &mut [u8], bytes_per_sample: usize, vr: VR) {
    let size = if bytes_per_sample == 1 && vr == VR::OW { 2 } else { bytes_per_sample };
    raw.chunks_exact_mut(size).for_each(<[u8]>::reverse);
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
