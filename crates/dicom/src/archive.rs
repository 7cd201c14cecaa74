//! Zip archives, read as they are: entries are unpacked on the way, never written anywhere.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::scan::DEFLATE_RATIO;
use crate::source::Stamp;

/// An opened archive. Entries are read in parallel through clones that share one directory.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    archive: ZipArchive<Source>,
    pub path: Arc<PathBuf>,
    bytes: Arc<Bytes>,
}

/// Whether bytes begin like a zip archive.
pub(crate) fn is_zip(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

impl Archive {
    pub fn open_file(path: &std::path::Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        Self::new(Source::new(Bytes::File(Mutex::new(file), stamp))?, path.to_owned())
    }

    pub fn open_bytes(bytes: Arc<[u8]>) -> io::Result<Self> {
        Self::new(Source::new(Bytes::Memory(bytes))?, PathBuf::from("(bytes)"))
    }

    fn new(source: Source, path: PathBuf) -> io::Result<Self> {
        let bytes = Arc::clone(&source.bytes);
        let archive = ZipArchive::new(source).map_err(io_error)?;
        Ok(Self { archive, path: Arc::new(path), bytes })
    }

    /// How many entries the directory has, folders included.
    pub fn len(&self) -> usize {
        self.archive.len()
    }

    /// Whether the entry is a plain file that can be read, and its size in bytes.
    pub fn entry(&self, index: usize) -> io::Result<Entry> {
        let mut archive = self.archive.clone();
        let entry = archive.by_index_raw(index).map_err(io_error)?;
        // The directory may lie: no more than what there is can become.
        let packed = entry.compressed_size().min(self.bytes.length()).saturating_mul(DEFLATE_RATIO);
        let bytes = entry.size().min(packed);
        Ok(Entry { is_file: entry.is_file(), encrypted: entry.encrypted(), bytes })
    }

    /// The entry's name. It is never a path to write to.
    pub fn name(&self, index: usize) -> Option<String> {
        self.archive.name_for_index(index)?.ok().map(std::borrow::Cow::into_owned)
    }

    /// Gives `read` the entry's unpacked bytes.
    pub fn with_entry<T>(&self, index: usize, read: impl FnOnce(&mut dyn Read) -> T) -> io::Result<T> {
        self.bytes.check()?;
        let mut archive = self.archive.clone();
        let mut entry = archive.by_index(index).map_err(io_error)?;
        Ok(read(&mut entry))
    }
}

/// What an archive's directory says of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub is_file: bool,
    pub encrypted: bool,
    pub bytes: u64,
}

fn io_error(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        ZipError::UnsupportedArchive(_) => io::ErrorKind::Unsupported.into(),
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

#[derive(Debug)]
enum Bytes {
    File(Mutex<File>, Stamp),
    Memory(Arc<[u8]>),
}

impl Bytes {
    fn length(&self) -> u64 {
        match self {
            Self::File(_, stamp) => stamp.bytes,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Refuses an archive that has changed since it was opened.
    fn check(&self) -> io::Result<()> {
        match self {
            Self::File(file, stamp) => stamp.check(&file.lock().unwrap_or_else(PoisonError::into_inner)),
            Self::Memory(_) => Ok(()),
        }
    }
}

/// A reader whose clones share one file and have each their own position.
#[derive(Debug)]
struct Source {
    bytes: Arc<Bytes>,
    length: u64,
    position: u64,
    /// Read ahead, so that small reads do not each take the lock.
    ahead: Vec<u8>,
    used: usize,
}

const AHEAD: usize = 1 << 16;

impl Source {
    fn new(bytes: Bytes) -> io::Result<Self> {
        let length = bytes.length();
        Ok(Self { bytes: Arc::new(bytes), length, position: 0, ahead: Vec::new(), used: 0 })
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match &*self.bytes {
            Bytes::File(file, _) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(at))?;
                file.read(buffer)
            }
            Bytes::Memory(bytes) => {
                let mut cursor = Cursor::new(&**bytes);
                cursor.set_position(at);
                cursor.read(buffer)
            }
        }
    }
}

impl Clone for Source {
    fn clone(&self) -> Self {
        let bytes = Arc::clone(&self.bytes);
        Self { bytes, length: self.length, position: self.position, ahead: Vec::new(), used: 0 }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used == self.ahead.len() {
            let mut ahead = std::mem::take(&mut self.ahead);
            ahead.resize(AHEAD, 0);
            let got = self.read_at(&mut ahead, self.position)?;
            ahead.truncate(got);
            (self.ahead, self.used) = (ahead, 0);
        }
        let mut ready = self.ahead.get(self.used..).unwrap_or_default();
        let count = ready.read(buffer)?;
        self.used += count;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        let target = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        if target != self.position {
            self.ahead.clear();
            self.used = 0;
            self.position = target;
        }
        Ok(target)
    }
}
