//! What stands behind the pixel data, where elements may follow (PS3.5 7.1): private ones, signatures, padding.

use std::io::Read as _;

use dicom_core::{Tag, VR};

use crate::elements::{Encoding, UNDEFINED, is_short};
use crate::header::PixelPlace;
use crate::source::Place;

/// Fewer bytes are padding that some archives leave.
const LEAST: u64 = 8;

/// Whether native pixel data are followed by bytes that are no element. Reads only where something follows, and not
/// where everything in front would have to be unpacked for it.
pub(crate) fn is_garbage(place: &Place, pixels: &PixelPlace, encoding: Encoding) -> bool {
    let Some(length) = pixels.element.length.map(u64::from) else { return false };
    let behind = pixels.available.saturating_sub(length);
    if behind < LEAST || pixels.deflated_from.is_some() || !place.is_seekable() {
        return false;
    }
    let start = place.with_reader(pixels.element.offset + length, |reader, _| {
        let mut start = Vec::with_capacity(12);
        reader.take(12).read_to_end(&mut start).map_err(|cause| place.io(cause))?;
        Ok(start)
    });
    start.is_ok_and(|start| !begins_element(&start, behind, encoding, pixels.element.tag))
}

/// Whether bytes begin an element behind the one with the tag `before`, within the `behind` bytes that there are.
fn begins_element(start: &[u8], behind: u64, encoding: Encoding, before: Tag) -> bool {
    let Some(&head) = start.first_chunk::<8>() else { return false };
    let (tag, length) = encoding.tag_and_length(head);
    let vr = VR::from_binary([head[4], head[5]]);
    let (length, size) = match (encoding.explicit, vr) {
        (false, _) => (length, 8),
        (true, None) => return false,
        (true, Some(vr)) if is_short(vr) => (encoding.u16([head[6], head[7]]).into(), 8),
        (true, Some(_)) => match start.get(8..).and_then(<[u8]>::first_chunk) {
            Some(&long) => (encoding.u32(long), 12),
            None => return false,
        },
    };
    tag > before && (length == UNDEFINED || size + u64::from(length) <= behind)
}
