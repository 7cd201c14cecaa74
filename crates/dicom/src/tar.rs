//! Tar archives (POSIX.1-1988 ustar, with the long names of GNU tar and the `pax` of POSIX.1-2001), read in order.
//!
//! The `tar` crate reads long names and pax records of any stated size into memory; here both are bounded.

use std::io::{self, Read, Seek, SeekFrom};

const BLOCK: usize = 512;

/// Longer names and records are left out.
const MOST_NAME_BYTES: u64 = 64 << 10;

/// A stream of which parts can be passed over.
pub(crate) trait Stream {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()>;
    fn pass(&mut self, bytes: u64) -> io::Result<()>;
}

/// A stream that goes to and fro.
pub(crate) struct Seekable<R>(pub R);

impl<R: Read + Seek> Stream for Seekable<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(buffer)
    }

    fn pass(&mut self, bytes: u64) -> io::Result<()> {
        let by = i64::try_from(bytes).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        self.0.seek(SeekFrom::Current(by)).map(drop)
    }
}

/// A file in an archive. The stream stands at its first byte.
#[derive(Debug)]
pub(crate) struct Entry {
    pub name: String,
    pub bytes: u64,
    /// From the start of the archive.
    pub offset: u64,
    /// Neither a folder nor a link nor anything else.
    pub is_file: bool,
}

/// Whether bytes begin like a tar archive: with a header whose checksum is right.
pub(crate) fn is_tar(start: &[u8]) -> bool {
    start.first_chunk::<BLOCK>().is_some_and(checksum_is_right)
}

/// Where the reader of an archive is.
pub(crate) struct Tar<S> {
    pub stream: S,
    position: u64,
    /// Where the next header begins.
    next: u64,
}

/// What records say of the entry that follows them.
#[derive(Default)]
struct Ahead {
    name: Option<String>,
    bytes: Option<u64>,
    is_sparse: bool,
}

impl<S: Stream> Tar<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, position: 0, next: 0 }
    }

    /// Passes over what is left of the entry before and reads the next header; `None` at the archive's end.
    pub fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut ahead = Ahead::default();
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            let field = |from: usize, to: usize| header.get(from..to).unwrap_or_default();
            let bytes = number(field(124, 136)).ok_or_else(|| invalid("a size is no number"))?;
            let kind = header[156];
            match kind {
                b'L' | b'x' | b'X' if bytes <= MOST_NAME_BYTES => {
                    let content = self.content(bytes)?;
                    if kind == b'L' {
                        ahead.name = Some(text(&content));
                    } else {
                        read_records(&content, &mut ahead);
                    }
                }
                // A link's long name, what holds for all entries, and what is too long to be a name.
                b'L' | b'K' | b'x' | b'X' | b'g' => self.go_on_behind(bytes)?,
                _ => {
                    let bytes = ahead.bytes.unwrap_or(bytes);
                    self.go_on_behind(bytes)?;
                    let prefix =
                        if field(257, 262) == b"ustar" { text(field(345, 500)) } else { String::new() };
                    let own = [prefix, text(field(0, 100))];
                    let own =
                        own.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("/");
                    let name = ahead.name.unwrap_or(own);
                    let is_file = matches!(kind, b'0' | 0 | b'7') && !ahead.is_sparse && !name.ends_with('/');
                    return Ok(Some(Entry { name, bytes, offset: self.position, is_file }));
                }
            }
        }
    }

    /// Tells that the caller has read this much of the entry.
    pub fn advanced(&mut self, bytes: u64) {
        self.position += bytes;
    }

    fn header(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let gap = self.next.checked_sub(self.position).ok_or_else(|| invalid("an entry was read too far"))?;
        self.stream.pass(gap)?;
        self.position = self.next;
        let mut header = [0; BLOCK];
        self.stream.fill(&mut header)?;
        self.position += BLOCK as u64;
        // The end is marked by empty blocks, and where a reader trusts it, nothing behind it matters.
        if header.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        if !checksum_is_right(&header) {
            return Err(invalid("the checksum of an entry is wrong"));
        }
        Ok(Some(header))
    }

    fn content(&mut self, bytes: u64) -> io::Result<Vec<u8>> {
        self.go_on_behind(bytes)?;
        let mut content = vec![0; bytes as usize];
        self.stream.fill(&mut content)?;
        self.position += bytes;
        Ok(content)
    }

    /// The next header stands behind so much content, in whole blocks.
    fn go_on_behind(&mut self, bytes: u64) -> io::Result<()> {
        let padded = bytes.checked_next_multiple_of(BLOCK as u64);
        let next =
            padded.and_then(|bytes| self.position.checked_add(bytes)).filter(|&at| at <= i64::MAX as u64);
        self.next = next.ok_or_else(|| invalid("a size is beyond all files"))?;
        Ok(())
    }
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// The sum of all bytes, those of the checksum itself taken as blanks; some writers took bytes as signed.
fn checksum_is_right(header: &[u8; BLOCK]) -> bool {
    let Some(stated) = number(&header[148..156]) else { return false };
    let bytes = || header.iter().enumerate().map(|(at, &b)| if (148..156).contains(&at) { b' ' } else { b });
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|b| i64::from(b.cast_signed())).sum();
    stated == unsigned || i64::try_from(stated).is_ok_and(|stated| stated == signed)
}

/// Octal digits between blanks, or, after a byte of 0x80, a number of base 256.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((0x80, rest)) = field.split_first() {
        let (high, low) = rest.split_at(rest.len().checked_sub(8)?);
        return high.iter().all(|&b| b == 0).then(|| low.iter().fold(0, |n, &b| n << 8 | u64::from(b)));
    }
    let digits = field.split(|b| matches!(b, 0 | b' ')).find(|digits| !digits.is_empty()).unwrap_or(b"0");
    let digit = |n: u64, &d: &u8| (b'0'..=b'7').contains(&d).then(|| n << 3 | u64::from(d - b'0'));
    digits.iter().try_fold(0, digit)
}

/// Up to the first NUL.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

/// Records of pax: a length, a blank, a name, an equals sign, a value and a line feed.
fn read_records(content: &[u8], ahead: &mut Ahead) {
    for line in content.split(|&b| b == b'\n') {
        let line = String::from_utf8_lossy(line);
        let Some((name, value)) = line.split_once(' ').and_then(|(_, record)| record.split_once('=')) else {
            continue;
        };
        match name {
            "path" => ahead.name = Some(value.to_owned()),
            "size" => ahead.bytes = value.parse().ok(),
            name if name.starts_with("GNU.sparse") => ahead.is_sparse = true,
            _ => {}
        }
    }
}
