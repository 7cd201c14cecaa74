//! Greyscale JPEG: baseline, extended of 8 bits, and lossless (ITU-T T.81), by the `jpeg-decoder` crate.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jpeg_decoder::{Decoder, Error as JpegError, PixelFormat};

use crate::Error;
use crate::frame::FrameFormat;

/// Decodes a codestream into little-endian samples. Its dimensions are checked before anything is allocated.
pub(crate) fn decode(bytes: &[u8], format: &FrameFormat, raw: &mut [u8]) -> Result<(), Error> {
    let mut decoder = Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(raw.len().saturating_mul(4).max(1 << 16));
    decoder.read_info().map_err(jpeg_error)?;
    let info = decoder.info().ok_or_else(|| malformed("it has no frame header".into()))?;
    let found = (u32::from(info.width), u32::from(info.height));
    if found != (format.columns, format.rows) {
        return Err(malformed(format!(
            "it holds {} x {} pixels, the header says {} x {}",
            found.0, found.1, format.columns, format.rows
        )));
    }
    let bytes_per_sample = match info.pixel_format {
        PixelFormat::L8 => 1,
        PixelFormat::L16 => 2,
        _ => return Err(malformed("it is in colour, the header says greyscale".into())),
    };
    // It has no known panics; one that is found all the same must not end the program.
    let decoded = catch_unwind(AssertUnwindSafe(|| decoder.decode()));
    let pixels = decoded.map_err(|_| malformed("the decoder gave up".into()))?.map_err(jpeg_error)?;
    if pixels.len() != format.pixels() * bytes_per_sample {
        return Err(malformed("it holds another number of samples than it states".into()));
    }
    match (bytes_per_sample, format.bytes_per_sample) {
        (1, 1) => raw.copy_from_slice(&pixels),
        (2, 2) => {
            for (to, from) in raw.as_chunks_mut::<2>().0.iter_mut().zip(pixels.as_chunks::<2>().0) {
                *to = u16::from_ne_bytes(*from).to_le_bytes();
            }
        }
        (1, 2) => {
            for (to, &from) in raw.as_chunks_mut::<2>().0.iter_mut().zip(&pixels) {
                *to = u16::from(from).to_le_bytes();
            }
        }
        (has, stated) => {
            return Err(malformed(format!("it has {has} bytes a sample, the header says {stated}")));
        }
    }
    Ok(())
}

fn malformed(reason: String) -> Error {
    Error::malformed("JPEG data", reason)
}

fn jpeg_error(error: JpegError) -> Error {
    match error {
        JpegError::Unsupported(feature) => Error::unsupported(format!("JPEG with {feature:?}")),
        other => malformed(other.to_string()),
    }
}
