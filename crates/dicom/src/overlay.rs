//! Overlays of images (PS3.3 C.9.2), also those in unused bits of the pixels (retired, and still in archives).

use dicom_core::Tag;
use dicom_core::dictionary::TagRange;
use dicom_dictionary_std::tags;

use crate::decode::FrameReader;
use crate::elements::{Elements, Fields};
use crate::{Error, Frame, Limits, scan};

/// A bitmap over a frame: text, marks, or a region of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overlay {
    /// Its group: 0x6000 to 0x601E, even.
    pub group: u16,
    /// What it shows (60xx,0040).
    pub kind: OverlayKind,
    /// Rows (60xx,0010) and columns (60xx,0011).
    pub size: [usize; 2],
    /// Row and column of the image at which its first row and column are (60xx,0050): 1, 1 is the first pixel; may be
    /// outside the image.
    pub origin: [i32; 2],
    /// 1 where it covers, row by row.
    pub bits: Vec<u8>,
}

/// What an overlay shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverlayKind {
    /// Graphics.
    Graphics,
    /// A region of interest.
    Region,
}

/// How many overlays an image has: those with a bitmap of their own, and those in bits of its pixels.
pub(crate) fn count(fields: Fields<'_>) -> usize {
    let is_there = |group: &u16| {
        let has = |range: TagRange| fields.has(Tag(*group, range.inner().1));
        has(tags::OVERLAY_ROWS)
            && has(tags::OVERLAY_COLUMNS)
            && (has(tags::OVERLAY_DATA) || has(tags::OVERLAY_BIT_POSITION))
    };
    (0x6000..=0x601E).step_by(2).filter(is_there).count()
}

impl Frame {
    /// The overlays of this frame. Reads the file's header again, which is not kept with them.
    ///
    /// # Errors
    /// Io; malformed, if a bitmap is shorter than its size; limits.
    pub fn overlays(&self, limits: &Limits) -> Result<Vec<Overlay>, Error> {
        let dataset = scan::whole_dataset(self.instance(), limits)?;
        let elements: Elements = dataset.walk(limits)?;
        let fields = Fields::new(&dataset.bytes, &elements);
        let mut overlays = Vec::new();
        for group in (0x6000..=0x601E).step_by(2) {
            overlays.extend(self.overlay(fields, group, limits)?);
        }
        Ok(overlays)
    }

    fn overlay(&self, fields: Fields<'_>, group: u16, limits: &Limits) -> Result<Option<Overlay>, Error> {
        let tag = |range: TagRange| Tag(group, range.inner().1);
        let integer = |range: TagRange| fields.integer(tag(range));
        let size = [integer(tags::OVERLAY_ROWS), integer(tags::OVERLAY_COLUMNS)];
        let [Some(rows), Some(columns)] =
            size.map(|n| n.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0))
        else {
            return Ok(None);
        };
        let pixels = rows.saturating_mul(columns);
        if pixels as u64 > limits.frame_pixels {
            let (needed, allowed) = (pixels as u64, limits.frame_pixels);
            return Err(Error::Limits { what: "pixels of an overlay", needed, allowed });
        }
        let origin = fields.numbers(tag(tags::OVERLAY_ORIGIN));
        let origin = [0, 1].map(|n| origin.get(n).map_or(1, |&n| n as i32));
        // One of several bitmaps, or one for all frames.
        let count = integer(tags::NUMBER_OF_FRAMES_IN_OVERLAY).and_then(|n| usize::try_from(n).ok());
        let first =
            integer(tags::IMAGE_FRAME_ORIGIN).and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1);
        let number = match count {
            Some(count) => match (self.stored() + 1).checked_sub(first) {
                Some(n) if n < count => n,
                _ => return Ok(None),
            },
            None => 0,
        };
        let bits = match fields.value(tag(tags::OVERLAY_DATA)) {
            Some(bytes) => packed(bytes, number.saturating_mul(pixels), pixels)?,
            None => match integer(tags::OVERLAY_BIT_POSITION).and_then(|n| u32::try_from(n).ok()) {
                Some(bit) => self.embedded(bit, pixels, limits)?,
                None => return Ok(None),
            },
        };
        let region = fields.text(tag(tags::OVERLAY_TYPE)) == Some("R");
        let kind = if region { OverlayKind::Region } else { OverlayKind::Graphics };
        Ok(Some(Overlay { group, kind, size: [rows, columns], origin, bits }))
    }

    /// A bit of each pixel that is none of its value.
    fn embedded(&self, bit: u32, pixels: usize, limits: &Limits) -> Result<Vec<u8>, Error> {
        let reader = FrameReader::new(self.instance(), limits)?;
        let format = reader.format();
        let stored = reader.stored_bytes(self.stored())?;
        if bit >= format.bits_allocated || format.samples() != pixels {
            return Err(Error::malformed("overlay", "it is in bits that the pixels have not"));
        }
        let byte = (bit / 8) as usize;
        let samples = stored.chunks_exact(format.bytes_per_sample);
        Ok(samples.map(|sample| sample.get(byte).map_or(0, |b| b >> (bit % 8) & 1)).collect())
    }
}

/// Bits from the lowest of each byte on, without gaps between rows and frames (PS3.5 8.1.2).
fn packed(bytes: &[u8], first: usize, count: usize) -> Result<Vec<u8>, Error> {
    if first.saturating_add(count) > bytes.len().saturating_mul(8) {
        return Err(Error::malformed("overlay", "its bitmap is shorter than its size"));
    }
    let bit = |n: usize| bytes.get(n / 8).map_or(0, |byte| byte >> (n % 8) & 1);
    Ok((first..first + count).map(bit).collect())
}
