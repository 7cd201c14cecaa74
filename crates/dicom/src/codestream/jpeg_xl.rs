//! JPEG XL (ISO/IEC 18181), by the `jxl` crate of the JPEG XL project.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anatome_codecs::{ColorSpace, FrameShape};
use jxl::api::{
    Endianness, Event, JxlColorType, JxlDataFormat, JxlDecoder, JxlDecoderOptions, JxlOutputBuffer,
    JxlPixelFormat,
};

use super::CodestreamFacts;
use crate::Error;

fn malformed(reason: impl Into<String>) -> Error {
    Error::malformed("JPEG XL data", reason)
}

/// Decodes one frame. `lossless` is the transfer syntax's promise, which the codestream does not show.
pub(super) fn decode(
    bytes: &[u8],
    shape: &FrameShape,
    lossless: bool,
    samples: &mut [u8],
) -> Result<CodestreamFacts, Error> {
    // It has no known panics; one that is found all the same must not end the program.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_frame(bytes, shape, samples)));
    let precision = decoded.map_err(|_| malformed("the decoder gave up"))??;
    let color = if shape.samples_per_pixel == 1 { ColorSpace::Gray } else { ColorSpace::Rgb };
    Ok(CodestreamFacts { lossy: !lossless, color, precision: Some(precision), signed: Some(false) })
}

fn decode_frame(bytes: &[u8], shape: &FrameShape, samples: &mut [u8]) -> Result<u16, Error> {
    let (columns, rows) = (shape.columns as usize, shape.rows as usize);
    let row_bytes = columns * usize::from(shape.samples_per_pixel) * usize::from(shape.bits_allocated / 8);
    let mut options = JxlDecoderOptions::default();
    // Frames that others refer to may be a little larger than the image.
    let pixels = columns.saturating_mul(rows);
    options.sample_limit = Some(pixels.saturating_mul(4 * usize::from(shape.samples_per_pixel)).max(1 << 16));
    let mut decoder = JxlDecoder::new(options);
    // The decoder wants its rows aligned, which bytes are not.
    let mut aligned = vec![0u16; (rows * row_bytes).div_ceil(2)];
    let target: &mut [u8] = bytemuck::cast_slice_mut(&mut aligned);
    let target = target.get_mut(..rows * row_bytes).unwrap_or_default();
    let (mut input, mut precision) = (bytes, None);
    loop {
        let mut buffers = [JxlOutputBuffer::new(target, rows, row_bytes)];
        let buffers = precision.is_some().then_some(&mut buffers[..]);
        match decoder.process(&mut input, buffers, None).map_err(|cause| malformed(cause.to_string()))? {
            Event::BasicInfo => precision = Some(begin(&mut decoder, shape)?),
            Event::FrameComplete { .. } | Event::Complete => break,
            Event::FrameHeader => {}
            Event::NeedMoreInput { .. } => {
                return Err(malformed("the data ends before the frame is complete"));
            }
        }
    }
    if samples.len() != target.len() {
        return Err(malformed("the frame has another size"));
    }
    samples.copy_from_slice(target);
    precision.ok_or_else(|| malformed("it has no header"))
}

/// Compares the codestream's header with what the dataset announced, and asks for samples of its own depth.
fn begin(decoder: &mut JxlDecoder, shape: &FrameShape) -> Result<u16, Error> {
    let facts = decoder.basic_info().ok_or_else(|| malformed("it has no header"))?;
    let (columns, rows) = facts.size;
    if (columns, rows) != (shape.columns as usize, shape.rows as usize) {
        return Err(malformed(format!(
            "it holds {columns} x {rows} pixels, the header says {} x {}",
            shape.columns, shape.rows
        )));
    }
    if !facts.extra_channels.is_empty() || facts.animation.is_some() {
        return Err(Error::unsupported("JPEG XL with extra channels or several frames"));
    }
    let bits = facts.bit_depth.bits_per_sample();
    if bits > u32::from(shape.bits_allocated) || bits > 16 {
        return Err(malformed(format!("its samples have {bits} bits of {} allocated", shape.bits_allocated)));
    }
    let is_gray = decoder.embedded_color_profile().is_some_and(|profile| profile.channels() == 1);
    let color_type = match (shape.samples_per_pixel, is_gray) {
        (1, true) => JxlColorType::Grayscale,
        (3, false) => JxlColorType::Rgb,
        (stated, _) => {
            let found = if is_gray { 1 } else { 3 };
            return Err(malformed(format!("it has {found} components, the header says {stated}")));
        }
    };
    let bit_depth = bits as u8;
    let color_data_format = Some(match shape.bits_allocated {
        8 => JxlDataFormat::U8 { bit_depth },
        16 => JxlDataFormat::U16 { endianness: Endianness::LittleEndian, bit_depth },
        bits => return Err(Error::unsupported(format!("JPEG XL with {bits} bits allocated"))),
    });
    let format = JxlPixelFormat { color_type, color_data_format, extra_channel_format: Vec::new() };
    decoder.set_pixel_format(format).map_err(|cause| malformed(cause.to_string()))?;
    Ok(bits as u16)
}
