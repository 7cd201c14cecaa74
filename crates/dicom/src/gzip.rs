//! Gzip files (RFC 1952): unpacked once from start to end, with their checksums, and from then on from marks in between.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::OnceLock;

use anatome_core::Progress;
use flate2::Crc;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use crate::Error;
use crate::fragments::ReadSeek;
use crate::source::Place;
use crate::tar::Stream;

/// Whether bytes begin like a gzip file.
pub(crate) fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&MAGIC)
}

const MAGIC: [u8; 2] = [0x1F, 0x8B];

/// So much of an image can be empty that little is left of it, but not of so many bytes as [`CHECKED_FROM`].
pub(crate) const MOST_INFLATION: u64 = 100;

const CHECKED_FROM: u64 = 128 << 20;

/// How far deflate looks back.
const WINDOW: usize = 32 << 10;

/// Unpacked bytes from one mark to the next, at first: a mark takes a twentieth of that.
const MARK_EVERY: u64 = 1 << 20;

/// With more marks than that, every second one goes.
const MOST_MARKS: usize = 2048;

/// A gzip file whose unpacked bytes can be read from anywhere: from the mark in front.
pub(crate) struct Gzip {
    packed: Place,
    found: OnceLock<Found>,
}

/// What unpacking it once has shown.
struct Found {
    marks: Vec<Mark>,
    bytes: u64,
}

static NOTHING: Found = Found { marks: Vec::new(), bytes: 0 };

/// All that is needed to go on unpacking from a place within a member.
struct Mark {
    packed_bytes: u64,
    made: u64,
    state: Box<DecompressorOxide>,
    window: Box<[u8]>,
}

impl Gzip {
    pub fn new(packed: Place) -> Self {
        Self { packed, found: OnceLock::new() }
    }

    pub fn packed(&self) -> &Place {
        &self.packed
    }

    /// Keeps what unpacking it, as far as it went, has shown.
    pub fn settle<R: Read>(&self, unpacking: Unpacking<'_, R>) {
        let bytes = unpacking.inflate.taken;
        drop(self.found.set(Found { marks: unpacking.marks, bytes }));
    }

    /// A reader of the unpacked bytes, and how many there are.
    pub fn open(&self) -> Result<(Box<dyn ReadSeek + '_>, u64), Error> {
        let (packed, _) = self.packed.open()?;
        let found = self.found.get().unwrap_or(&NOTHING);
        let reader = Anywhere { inflate: Inflate::new(packed), found, at: 0 };
        Ok((Box::new(reader), found.bytes))
    }
}

/// Unpacks from start to end, once: with checksums, leaving marks, and ending in an error where it is a bomb and when the
/// caller cancels.
pub(crate) struct Unpacking<'a, R> {
    inflate: Inflate<R>,
    marks: Vec<Mark>,
    mark_every: u64,
    progress: &'a Progress,
}

impl<'a, R: Read> Unpacking<'a, R> {
    pub fn new(packed: R, progress: &'a Progress) -> Self {
        let inflate = Inflate { crc: Some(Crc::new()), ..Inflate::new(packed) };
        Self { inflate, marks: Vec::new(), mark_every: MARK_EVERY, progress }
    }

    fn leave_mark(&mut self) {
        let last = self.marks.last().map_or(0, |mark| mark.made);
        if self.inflate.made < last + self.mark_every {
            return;
        }
        self.marks.extend(self.inflate.mark());
        if self.marks.len() > MOST_MARKS {
            let mut keeps = false;
            self.marks.retain(|_| {
                keeps = !keeps;
                keeps
            });
            self.mark_every *= 2;
        }
    }
}

impl<R: Read> Read for Unpacking<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let count = self.inflate.read(buffer)?;
        self.leave_mark();
        let unpacked = self.inflate.taken;
        if unpacked > CHECKED_FROM && unpacked / MOST_INFLATION > self.inflate.packed_bytes() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(count)
    }
}

/// Reads from wherever it is asked to.
struct Anywhere<'a> {
    inflate: Inflate<Box<dyn ReadSeek + 'a>>,
    found: &'a Found,
    at: u64,
}

impl Read for Anywhere<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let after = self.found.marks.partition_point(|mark| mark.made <= self.at);
        let mark = after.checked_sub(1).and_then(|n| self.found.marks.get(n));
        let nearest = mark.map_or(0, |mark| mark.made);
        if self.at < self.inflate.taken || self.inflate.made < nearest {
            self.inflate.go_back_to(mark)?;
        }
        self.inflate.pass_to(self.at)?;
        let count = self.inflate.read(buffer)?;
        self.at = self.inflate.taken;
        Ok(count)
    }
}

impl Seek for Anywhere<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.found.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// The members of a gzip file, unpacked one after another.
struct Inflate<R> {
    packed: R,
    /// What was read of `packed` and not yet used begins at `used`.
    input: Vec<u8>,
    used: usize,
    /// Bytes of `packed` that were read.
    fetched: u64,
    state: Box<DecompressorOxide>,
    /// The last bytes that were made, in a ring.
    window: Box<[u8]>,
    /// Bytes that were unpacked, and those of them that were handed out.
    made: u64,
    taken: u64,
    stage: Stage,
    /// Of the member so far; absent where unpacking began within one.
    crc: Option<Crc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// In front of the first member, or of another one.
    Header {
        is_first: bool,
    },
    Body,
    /// In front of a member's checksum.
    Trailer,
    End,
}

impl<R: Read> Inflate<R> {
    fn new(packed: R) -> Self {
        Self {
            packed,
            input: Vec::new(),
            used: 0,
            fetched: 0,
            state: Box::default(),
            window: vec![0; WINDOW].into(),
            made: 0,
            taken: 0,
            stage: Stage::Header { is_first: true },
            crc: None,
        }
    }

    fn packed_bytes(&self) -> u64 {
        self.fetched - (self.input.len() - self.used) as u64
    }

    fn mark(&self) -> Option<Mark> {
        (self.stage == Stage::Body).then(|| Mark {
            packed_bytes: self.packed_bytes(),
            made: self.made,
            state: self.state.clone(),
            window: self.window.clone(),
        })
    }

    /// What was read and not yet used: at least so many bytes, unless the file ends.
    fn ahead(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.input.len() - self.used < count {
            self.input.drain(..self.used);
            self.used = 0;
            let wanted = (WINDOW - self.input.len()) as u64;
            self.fetched += (&mut self.packed).take(wanted).read_to_end(&mut self.input)? as u64;
        }
        Ok(self.input.get(self.used..).unwrap_or_default())
    }

    /// The next bytes, used up.
    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let bytes = *self.ahead(N)?.first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
        self.used += N;
        Ok(bytes)
    }

    /// Goes one step further, once all that was made is taken; false at the end.
    fn go_on(&mut self) -> io::Result<bool> {
        match self.stage {
            Stage::Header { is_first } => self.header(is_first)?,
            Stage::Body => self.make()?,
            Stage::Trailer => self.trailer()?,
            Stage::End => return Ok(false),
        }
        Ok(true)
    }

    /// Reads the header of a member; what stands behind the last one is not looked at, as other readers do.
    fn header(&mut self, is_first: bool) -> io::Result<()> {
        if !is_first && !is_gzip(self.ahead(2)?) {
            self.stage = Stage::End;
            return Ok(());
        }
        let [a, b, method, flags, ..] = self.bytes::<10>()?;
        if [a, b] != MAGIC || method != 8 || flags & 0xE0 != 0 {
            return Err(damaged("the header of a member is not valid"));
        }
        if flags & 4 != 0 {
            for _ in 0..u16::from_le_bytes(self.bytes()?) {
                self.bytes::<1>()?;
            }
        }
        // A name and a comment, each up to a byte of zero.
        for flag in [8, 16] {
            while flags & flag != 0 && self.bytes()? != [0] {}
        }
        if flags & 2 != 0 {
            self.bytes::<2>()?;
        }
        self.state.init();
        self.stage = Stage::Body;
        Ok(())
    }

    fn make(&mut self) -> io::Result<()> {
        if self.ahead(1)?.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let input = self.input.get(self.used..).unwrap_or_default();
        let from = (self.made % WINDOW as u64) as usize;
        let (status, used, made) =
            decompress(&mut self.state, input, &mut self.window, from, TINFL_FLAG_HAS_MORE_INPUT);
        self.used += used;
        self.made += made as u64;
        if let (Some(crc), Some(new)) = (&mut self.crc, self.window.get(from..from + made)) {
            crc.update(new);
        }
        match status {
            TINFLStatus::Done => {
                self.stage = Stage::Trailer;
                Ok(())
            }
            TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput if used > 0 || made > 0 => Ok(()),
            _ => Err(damaged("the compressed data are not valid")),
        }
    }

    fn trailer(&mut self) -> io::Result<()> {
        let [checksum, length] = [self.bytes()?, self.bytes()?].map(u32::from_le_bytes);
        if let Some(crc) = &mut self.crc {
            if crc.sum() != checksum || crc.amount() != length {
                return Err(damaged("a checksum is wrong"));
            }
            crc.reset();
        }
        self.stage = Stage::Header { is_first: false };
        Ok(())
    }

    /// Takes all up to a place in front.
    fn pass_to(&mut self, at: u64) -> io::Result<()> {
        loop {
            self.taken = self.made.min(at);
            if self.taken == at || !self.go_on()? {
                return Ok(());
            }
        }
    }
}

impl<R: Read + Seek> Inflate<R> {
    fn go_back_to(&mut self, mark: Option<&Mark>) -> io::Result<()> {
        let from = mark.map_or(0, |mark| mark.packed_bytes);
        self.packed.seek(SeekFrom::Start(from))?;
        self.input.clear();
        (self.used, self.fetched) = (0, from);
        match mark {
            Some(mark) => {
                self.state.clone_from(&mark.state);
                self.window.copy_from_slice(&mark.window);
                (self.made, self.taken, self.stage) = (mark.made, mark.made, Stage::Body);
            }
            None => (self.made, self.taken, self.stage) = (0, 0, Stage::Header { is_first: true }),
        }
        Ok(())
    }
}

impl<R: Read> Read for Inflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.taken == self.made {
            if !self.go_on()? {
                return Ok(0);
            }
        }
        let from = (self.taken % WINDOW as u64) as usize;
        let ready = (self.made - self.taken).min((WINDOW - from) as u64) as usize;
        let count = self.window.get(from..from + ready).unwrap_or_default().read(buffer)?;
        self.taken += count as u64;
        Ok(count)
    }
}

fn damaged(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// A stream that only goes on.
pub(crate) struct OneWay<R>(pub R);

impl<R: Read> Stream for OneWay<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(buffer)
    }

    fn pass(&mut self, bytes: u64) -> io::Result<()> {
        crate::source::skip(&mut self.0, bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::source::Origin;

    /// Bytes that compress a little: words of a few letters, chosen by a linear congruence.
    fn bytes(count: usize) -> Vec<u8> {
        let mut state = 7u32;
        let mut letter = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + (state >> 28) as u8
        };
        (0..count).map(|_| letter()).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let builder = flate2::GzBuilder::new().filename("name").comment("comment").extra(&b"extra"[..]);
        let mut out = builder.write(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn it_is_read_from_anywhere() {
        let whole = bytes(5 << 20);
        let (first, second) = whole.split_at(3_000_001);
        let packed = [gzip(first), gzip(second)].concat();
        let gzip = Gzip::new(Place::Bytes(packed.clone().into(), Origin::caller()));
        let progress = Progress::new();
        let mut unpacking = Unpacking::new(packed.as_slice(), &progress);
        let mut all = Vec::new();
        unpacking.read_to_end(&mut all).unwrap();
        assert!(all == whole);
        assert_eq!(unpacking.marks.len(), 4);
        gzip.settle(unpacking);
        let (mut reader, length) = gzip.open().unwrap();
        assert_eq!(length, whole.len() as u64);
        for at in [0, 4_000_000, 4_000_100, 1 << 20, 2_999_990, 10, (5 << 20) - 9, 5 << 20, 6 << 20] {
            reader.seek(SeekFrom::Start(at as u64)).unwrap();
            let mut found = Vec::new();
            (&mut reader).take(70_000).read_to_end(&mut found).unwrap();
            let rest = whole.get(at..).unwrap_or_default();
            assert!(found == rest[..rest.len().min(70_000)], "at {at}");
        }
        assert_eq!(reader.seek(SeekFrom::End(-5)).unwrap(), (5 << 20) - 5);
    }

    #[test]
    fn marks_do_not_take_more_memory_than_files() {
        let packed = gzip(&vec![0; 1 << 20]).repeat(100);
        let progress = Progress::new();
        let mut unpacking = Unpacking { mark_every: 1 << 10, ..Unpacking::new(packed.as_slice(), &progress) };
        io::copy(&mut unpacking, &mut io::sink()).unwrap();
        assert!((MOST_MARKS / 2..=MOST_MARKS).contains(&unpacking.marks.len()), "{}", unpacking.marks.len());
        assert!(unpacking.marks.is_sorted_by_key(|mark| mark.made));
    }
}
