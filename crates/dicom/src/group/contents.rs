//! Whether files with one SOP Instance UID hold the same.

use std::hash::{DefaultHasher, Hasher as _};
use std::io::Read as _;

use crate::{Error, InstanceHeader};

/// So many bytes of pixels are read for comparisons; what would need more is not compared.
const MOST_BYTES: u64 = 256 << 20;

/// Compares contents, as long as its budget lasts.
pub(crate) struct Contents {
    left: u64,
}

impl Contents {
    pub fn new() -> Self {
        Self { left: MOST_BYTES }
    }

    /// Whether two objects surely hold something else: what can't be read or compared does not say so.
    pub fn differ(&mut self, a: &InstanceHeader, b: &InstanceHeader) -> bool {
        if a.transfer_syntax != b.transfer_syntax {
            return false;
        }
        let same_header = a.dataset.bytes == b.dataset.bytes;
        let length = |header: &InstanceHeader| {
            let place = header.pixel_data?;
            Some(place.element.length.map_or(place.available, |length| place.available.min(length.into())))
        };
        let (Some(mine), Some(theirs)) = (length(a), length(b)) else { return !same_header };
        // Numbers that are none differ from themselves.
        if mine != theirs || a.pixels != b.pixels || (a.values != b.values && !same_header) {
            return true;
        }
        let Some(left) = self.left.checked_sub(mine.saturating_add(theirs)) else { return false };
        self.left = left;
        matches!((digest(a, mine), digest(b, theirs)), (Ok(Some(a)), Ok(Some(b))) if a != b)
    }
}

/// Of the pixel data, as they are in the file; `None` where they are deflated with the header.
fn digest(header: &InstanceHeader, length: u64) -> Result<Option<u64>, Error> {
    let Some(place) = header.pixel_data.filter(|place| place.deflated_from.is_none()) else {
        return Ok(None);
    };
    header.place.with_reader(place.element.offset, |reader, _| {
        let mut hasher = DefaultHasher::new();
        let mut chunk = vec![0; 64 << 10];
        let mut rest = reader.take(length);
        loop {
            match rest.read(&mut chunk).map_err(|cause| header.place.io(cause))? {
                0 => return Ok(Some(hasher.finish())),
                read => hasher.write(chunk.get(..read).unwrap_or_default()),
            }
        }
    })
}
