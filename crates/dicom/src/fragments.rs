//! Encapsulated pixel data (PS3.5 A.4): which fragments make which frame.

use std::io::{self, Read, Seek, SeekFrom};

use crate::{Error, Limits};

/// A reader that can go anywhere.
pub(crate) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// A fragment's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fragment {
    /// From the start of the pixel data's value.
    offset: u64,
    length: u32,
    /// Its first bytes, zeros where it has fewer.
    start: [u8; 12],
}

/// Which fragments make which frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FrameIndex {
    /// Offset and length of each fragment.
    fragments: Vec<(u64, u32)>,
    /// The first fragment of each frame that was found.
    first: Vec<u32>,
    /// The end of the fragments is not marked.
    pub open_end: bool,
    /// The offset table is wrong.
    pub wrong_table: bool,
}

/// The offset tables that a file has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OffsetTables<'a> {
    /// Extended Offset Table (7FE0,0001): 64-bit offsets.
    pub extended: &'a [u64],
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::malformed("pixel data", reason)
}

impl FrameIndex {
    /// Goes once over all fragments, of which it reads only the beginning. `source` stands at the start of the pixel
    /// data's value. `marker` says whether a codestream may begin so.
    pub fn new(
        source: &mut dyn ReadSeek,
        frames: usize,
        tables: OffsetTables<'_>,
        marker: fn(&[u8]) -> bool,
        limits: &Limits,
        io_error: &dyn Fn(io::Error) -> Error,
    ) -> Result<Self, Error> {
        let base = source.stream_position().map_err(io_error)?;
        let end = source.seek(SeekFrom::End(0)).map_err(io_error)?.saturating_sub(base);
        source.seek(SeekFrom::Start(base)).map_err(io_error)?;
        let mut walk = ItemWalk { source, base, position: 0, end, io_error };
        let basic = walk.basic_table(frames)?;
        let behind_table = walk.position;
        let (fragments, open_end) = walk.fragments(limits)?;
        let mut index = Self { open_end, ..Self::default() };
        index.fragments = fragments.iter().map(|fragment| (fragment.offset, fragment.length)).collect();
        index.first = index.assign(&fragments, frames, &basic, tables.extended, behind_table, marker)?;
        Ok(index)
    }

    /// How many frames were found.
    pub fn frames(&self) -> usize {
        self.first.len()
    }

    /// Offset (from the start of the pixel data's value) and length of each fragment of a frame.
    pub fn frame(&self, n: usize) -> Result<&[(u64, u32)], Error> {
        let absent = || malformed(format!("frame {} is not there", n + 1));
        let from = *self.first.get(n).ok_or_else(absent)? as usize;
        let to = self.first.get(n + 1).map_or(self.fragments.len(), |&next| next as usize);
        self.fragments.get(from..to).ok_or_else(absent)
    }

    /// The first fragment of each frame: by an offset table that fits the fragments; else by their number; else by
    /// where codestreams begin.
    fn assign(
        &mut self,
        fragments: &[Fragment],
        frames: usize,
        basic: &[u32],
        extended: &[u64],
        behind_table: u64,
        marker: fn(&[u8]) -> bool,
    ) -> Result<Vec<u32>, Error> {
        if frames == 1 && !fragments.is_empty() {
            return Ok(vec![0]);
        }
        let starts = |fragment: &Fragment| fragment.offset - 8 - behind_table;
        let by_extended = || by_table(fragments, frames, extended, |fragment| starts(fragment));
        // Offsets of 32 bits overflow in large files; in order they are still clear.
        let by_basic = || {
            let table: Vec<u64> = basic.iter().map(|&offset| offset.into()).collect();
            by_table(fragments, frames, &table, |fragment| starts(fragment) & 0xFFFF_FFFF)
        };
        let fits = |first: &Vec<u32>| {
            first.iter().all(|&n| fragments.get(n as usize).is_some_and(|fragment| marker(&fragment.start)))
        };
        if let Some(first) = by_extended().or_else(by_basic).filter(fits) {
            return Ok(first);
        }
        self.wrong_table = !basic.is_empty() || !extended.is_empty();
        if fragments.len() == frames {
            return Ok((0..frames as u32).collect());
        }
        let begins = |(_, fragment): &(u32, &Fragment)| marker(&fragment.start);
        let first: Vec<u32> = (0u32..).zip(fragments).filter(begins).map(|(n, _)| n).take(frames).collect();
        if first.first() != Some(&0) {
            let reason = format!("{} fragments can't be divided into {frames} frames", fragments.len());
            return Err(malformed(reason));
        }
        Ok(first)
    }
}

/// The fragments that begin at a table's offsets, if each does and the table has one for each frame.
fn by_table(
    fragments: &[Fragment],
    frames: usize,
    table: &[u64],
    start: impl Fn(&Fragment) -> u64,
) -> Option<Vec<u32>> {
    if table.len() != frames || table.first() != Some(&0) {
        return None;
    }
    let mut candidates = (0u32..).zip(fragments);
    table.iter().map(|&offset| candidates.find(|(_, f)| start(f) == offset).map(|(n, _)| n)).collect()
}

struct ItemWalk<'a> {
    source: &'a mut dyn ReadSeek,
    base: u64,
    /// From the start of the pixel data's value, of the next item.
    position: u64,
    /// Of the file, likewise.
    end: u64,
    io_error: &'a dyn Fn(io::Error) -> Error,
}

enum Item {
    Content {
        length: u32,
        start: [u8; 12],
    },
    Delimiter,
    /// The file ends here.
    End,
}

impl ItemWalk<'_> {
    fn item(&mut self) -> Result<Item, Error> {
        self.source.seek(SeekFrom::Start(self.base + self.position)).map_err(self.io_error)?;
        let mut head = Vec::with_capacity(20);
        (&mut *self.source).take(20).read_to_end(&mut head).map_err(self.io_error)?;
        let Some((&[t0, t1, t2, t3, length @ ..], rest)) = head.split_first_chunk::<8>() else {
            return Ok(Item::End);
        };
        let length = u32::from_le_bytes(length);
        match [t0, t1, t2, t3] {
            [0xFE, 0xFF, 0xDD, 0xE0] => return Ok(Item::Delimiter),
            [0xFE, 0xFF, 0x00, 0xE0] if length != 0xFFFF_FFFF => {}
            _ => return Err(malformed("a fragment does not begin with an item of stated length")),
        }
        let mut start = [0; 12];
        let known = rest.len().min(length as usize);
        for (to, from) in start.iter_mut().zip(rest.iter().take(known)) {
            *to = *from;
        }
        self.position += 8;
        Ok(Item::Content { length, start })
    }

    /// The Basic Offset Table: as many entries as there may be frames.
    fn basic_table(&mut self, frames: usize) -> Result<Vec<u32>, Error> {
        let Item::Content { length, .. } = self.item()? else {
            return Err(malformed("there are no fragments"));
        };
        if self.position + u64::from(length) > self.end {
            return Err(malformed("the file ends within the offset table"));
        }
        let mut bytes = Vec::new();
        self.source.seek(SeekFrom::Start(self.base + self.position)).map_err(self.io_error)?;
        let wanted = u64::from(length).min(4 * (frames as u64 + 1));
        (&mut *self.source).take(wanted).read_to_end(&mut bytes).map_err(self.io_error)?;
        self.position += u64::from(length);
        Ok(bytes.as_chunks::<4>().0.iter().map(|&b| u32::from_le_bytes(b)).collect())
    }

    /// All fragments, and whether nothing marks their end.
    fn fragments(&mut self, limits: &Limits) -> Result<(Vec<Fragment>, bool), Error> {
        let mut fragments = Vec::new();
        loop {
            let (length, start) = match self.item() {
                Ok(Item::Content { length, start }) => (length, start),
                Ok(Item::Delimiter) => return Ok((fragments, false)),
                Ok(Item::End) => return Ok((fragments, true)),
                Err(error) => return Err(error),
            };
            if fragments.len() >= limits.elements {
                let allowed = limits.elements as u64;
                return Err(Error::Limits { what: "fragments of one object", needed: allowed + 1, allowed });
            }
            fragments.push(Fragment { offset: self.position, length, start });
            self.position += u64::from(length);
            if self.position >= self.end {
                return Ok((fragments, true));
            }
        }
    }
}
