//! Where DICOM objects come from, and how to reach each of them again.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anatome_core::{NoteCode, Progress};

use crate::archive::Archive;
use crate::fragments::ReadSeek;
use crate::gzip::Gzip;
use crate::{Error, Limits, Skipped};

/// An input of a scan.
#[derive(Clone)]
#[non_exhaustive]
pub enum Source {
    /// A file, an archive, a DICOMDIR, or a folder that is searched with all folders in it.
    Path(PathBuf),
    /// The bytes of a file or of an archive.
    Bytes(Arc<[u8]>),
}

impl Source {
    /// Reads a reader to its end. The bytes are kept until the series is loaded.
    ///
    /// # Errors
    /// Io, if reading fails; limits, if there is more than [`Limits::file_bytes`].
    pub fn from_reader(reader: &mut dyn Read, limits: &Limits) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        let allowed = limits.file_bytes;
        let read = reader.take(allowed.saturating_add(1)).read_to_end(&mut bytes);
        let read = read.map_err(|cause| Error::io("read", Path::new("(reader)"), cause))? as u64;
        if read > allowed {
            return Err(Error::Limits { what: "bytes of a reader", needed: read, allowed });
        }
        Ok(Self::Bytes(bytes.into()))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
        }
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

/// Where one object's bytes are.
#[derive(Clone)]
pub(crate) enum Place {
    File(Arc<Path>, Stamp),
    /// An entry of a zip archive.
    Entry(Archive, usize),
    /// What a gzip file holds.
    Unpacked(Arc<Gzip>),
    /// An entry of a tar archive.
    Part(Arc<Part>),
    Bytes(Arc<[u8]>, Origin),
}

/// A file as it was when it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    pub fn of(metadata: &fs::Metadata) -> Self {
        Self { bytes: metadata.len(), modified: metadata.modified().ok() }
    }

    /// Refuses a file that is not what it was.
    pub fn check(self, file: &File) -> io::Result<()> {
        let same = Self::of(&file.metadata()?) == self;
        if same { Ok(()) } else { Err(io::Error::other("the file has changed since it was found")) }
    }
}

/// Bytes within a file, or within others.
pub(crate) struct Part {
    pub whole: Place,
    pub offset: u64,
    pub bytes: u64,
    pub entry: String,
}

/// What a single file in a gzip file is called.
pub(crate) const UNPACKED: &str = "(unpacked)";

/// Where bytes in memory came from.
#[derive(Clone)]
pub(crate) struct Origin {
    pub path: Arc<Path>,
    pub entry: Option<Arc<str>>,
}

impl Origin {
    pub fn caller() -> Self {
        Self { path: Path::new("(bytes)").into(), entry: None }
    }
}

/// File names may name patients.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File(..) => "a file",
            Self::Entry(..) => "a zip entry",
            Self::Unpacked(_) => "a gzip file",
            Self::Part(_) => "a tar entry",
            Self::Bytes(..) => "bytes",
        })
    }
}

impl Place {
    /// The path to name in an error: what the caller gave, or what was found there.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path, _) => path,
            Self::Entry(archive, _) => &archive.path,
            Self::Unpacked(gzip) => gzip.packed().path(),
            Self::Part(part) => part.whole.path(),
            Self::Bytes(_, origin) => &origin.path,
        }
    }

    /// The path with the name of the archive's entry behind it, for those who may see it.
    pub fn name(&self) -> PathBuf {
        let entry = match self {
            Self::Entry(archive, index) => archive.name(*index),
            Self::Unpacked(_) => Some(UNPACKED.to_owned()),
            Self::Part(part) => Some(part.entry.clone()),
            Self::Bytes(_, origin) => origin.entry.as_deref().map(str::to_owned),
            Self::File(..) => None,
        };
        let mut name = self.path().as_os_str().to_owned();
        if let Some(entry) = entry {
            name.push("/");
            name.push(entry);
        }
        name.into()
    }

    /// The error for a read that failed. Compressed bytes that can't be unpacked are the file's fault.
    pub fn io(&self, cause: io::Error) -> Error {
        match cause.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Error::malformed("compressed data", "they can't be unpacked")
            }
            io::ErrorKind::UnexpectedEof => Error::malformed("file", "it ends early"),
            _ => Error::io("read", self.path(), cause),
        }
    }

    /// Whether reading may start anywhere at no cost; otherwise everything in front is unpacked first.
    pub fn is_seekable(&self) -> bool {
        !matches!(self, Self::Entry(..))
    }

    /// Gives `read` the object's bytes to go to and fro in, where that is possible.
    pub fn with_seekable<T>(
        &self,
        read: impl FnOnce(&mut dyn ReadSeek) -> Result<T, Error>,
    ) -> Result<T, Error> {
        read(&mut *self.open()?.0)
    }

    /// The object's bytes, and how many there are, unless they must be unpacked.
    pub fn open(&self) -> Result<(Box<dyn ReadSeek + '_>, u64), Error> {
        match self {
            Self::File(path, stamp) => {
                let file = File::open(path).map_err(|cause| self.io(cause))?;
                stamp.check(&file).map_err(|cause| self.io(cause))?;
                Ok((Box::new(file), stamp.bytes))
            }
            Self::Bytes(bytes, _) => Ok((Box::new(io::Cursor::new(&**bytes)), bytes.len() as u64)),
            Self::Part(part) => {
                let (whole, _) = part.whole.open()?;
                let mut window = Window { whole, start: part.offset, length: part.bytes, position: 0 };
                window.rewind().map_err(|cause| self.io(cause))?;
                Ok((Box::new(window), part.bytes))
            }
            Self::Unpacked(gzip) => gzip.open(),
            Self::Entry(..) => Err(self.io(io::ErrorKind::NotSeekable.into())),
        }
    }

    /// As [`Self::with_reader`], and then reads on to the end of what has a checksum there, so that this is checked: an
    /// entry of a zip archive. A gzip file was checked when it was unpacked.
    pub fn with_checked<T>(
        &self,
        offset: u64,
        read: impl FnOnce(&mut dyn Read, u64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.with_reader(offset, |reader, length| {
            let done = read(&mut *reader, length)?;
            if let Self::Entry(..) = self {
                // The archive's reader refuses entries that are longer than stated.
                let rest = io::copy(&mut reader.take(length.saturating_add(1)), &mut io::sink());
                rest.map_err(|cause| match cause.kind() {
                    io::ErrorKind::InvalidData => {
                        Error::malformed("zip archive", "the checksum of an entry is wrong")
                    }
                    _ => self.io(cause),
                })?;
            }
            Ok(done)
        })
    }

    /// Gives `read` the bytes from `offset` on, and how many bytes the whole object has. No checksum is looked at,
    /// unless `read` goes to the end.
    pub fn with_reader<T>(
        &self,
        offset: u64,
        read: impl FnOnce(&mut dyn Read, u64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let Self::Entry(archive, index) = self {
            let entry = archive.entry(*index).map_err(|cause| self.io(cause))?;
            let inner = archive.with_entry(*index, |reader| {
                skip(reader, offset).map_err(|cause| self.io(cause))?;
                read(reader, entry.bytes)
            });
            return inner.map_err(|cause| self.io(cause))?;
        }
        let (mut reader, length) = self.open()?;
        if offset > 0 {
            reader.seek(SeekFrom::Start(offset)).map_err(|cause| self.io(cause))?;
        }
        read(&mut reader, length)
    }
}

/// A part of what can be read to and fro, as if there were nothing else.
struct Window<'a> {
    whole: Box<dyn ReadSeek + 'a>,
    start: u64,
    length: u64,
    position: u64,
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let count = (&mut self.whole).take(left).read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        let at = target.and_then(|target| self.start.checked_add(target));
        let at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.whole.seek(SeekFrom::Start(at))?;
        self.position = at - self.start;
        Ok(self.position)
    }
}

/// Reads past `bytes` bytes.
pub(crate) fn skip(reader: &mut dyn Read, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut reader.take(bytes), &mut io::sink())?;
    if skipped == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Whether a file's name says that it is for programs rather than for people.
pub(crate) fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// The plain files of sources, folders searched, in an order that does not depend on the file system.
pub(crate) struct Search<'a> {
    limits: &'a Limits,
    progress: &'a Progress,
    /// Folders and files by their real path: links may lead back, and sources name a file twice.
    seen: HashSet<PathBuf>,
    pub places: Vec<Place>,
    pub skipped: Vec<Skipped>,
}

impl<'a> Search<'a> {
    pub fn new(limits: &'a Limits, progress: &'a Progress) -> Self {
        Self { limits, progress, seen: HashSet::new(), places: Vec::new(), skipped: Vec::new() }
    }

    pub fn source(&mut self, source: &Source) -> Result<(), Error> {
        let path = match source {
            Source::Bytes(bytes) => return self.add(Place::Bytes(Arc::clone(bytes), Origin::caller())),
            Source::Path(path) => path,
        };
        let failed = |cause| Error::io("open", path, cause);
        let found = fs::metadata(path).map_err(failed)?;
        if found.is_dir() {
            let entries = fs::read_dir(path).map_err(failed)?;
            self.folder(path, entries, 0)
        } else if found.is_file() {
            // A source that was named and can't be read is an error, not a note.
            File::open(path).map_err(failed)?;
            self.file(path)
        } else {
            Err(Error::NotDicom { path: path.clone() })
        }
    }

    /// Adds a file that is there, unless it was found already.
    pub fn file(&mut self, path: &Path) -> Result<(), Error> {
        let real = fs::canonicalize(path);
        self.file_known_as(path, real)
    }

    fn file_known_as(&mut self, path: &Path, real: io::Result<PathBuf>) -> Result<(), Error> {
        match real.and_then(|real| Ok((real, fs::metadata(path)?))) {
            Ok((real, found)) if found.is_file() => {
                if self.seen.insert(real) {
                    self.add(Place::File(path.into(), Stamp::of(&found)))?;
                }
            }
            Ok(_) => self.skip(path, NoteCode::FileSkipped, "neither a file nor a folder"),
            Err(_) => self.skip_closed(path, "could not be opened"),
        }
        Ok(())
    }

    pub fn skip(&mut self, path: &Path, code: NoteCode, reason: &str) {
        self.skipped.push(Skipped { path: path.to_owned(), code, reason: reason.to_owned() });
    }

    /// Images may be in what can't be opened, but hardly in what is hidden.
    fn skip_closed(&mut self, path: &Path, reason: &str) {
        let code = if is_hidden(path) { NoteCode::FileSkipped } else { NoteCode::FileUnreadable };
        self.skip(path, code, reason);
    }

    fn add(&mut self, place: Place) -> Result<(), Error> {
        let allowed = self.limits.files;
        if self.places.len() >= allowed {
            return Err(Error::Limits {
                what: "files in one scan",
                needed: allowed as u64 + 1,
                allowed: allowed as u64,
            });
        }
        self.places.push(place);
        Ok(())
    }

    fn folder(&mut self, path: &Path, entries: fs::ReadDir, depth: usize) -> Result<(), Error> {
        self.progress.check()?;
        let Ok(real) = fs::canonicalize(path) else {
            self.skip_closed(path, "could not be opened");
            return Ok(());
        };
        if !self.seen.insert(real.clone()) {
            return Ok(());
        }
        let mut found = Vec::new();
        for entry in entries {
            match entry.and_then(|entry| Ok((entry.path(), entry.file_name(), entry.file_type()?))) {
                Ok(entry) => found.push(entry),
                Err(_) => self.skip_closed(path, "could not be listed"),
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        for (path, name, kind) in found {
            let is_folder = if kind.is_symlink() { path.is_dir() } else { kind.is_dir() };
            if is_folder && depth >= self.limits.folder_depth {
                self.skip_closed(&path, "in too many folders");
            } else if is_folder {
                match fs::read_dir(&path) {
                    Ok(entries) => self.folder(&path, entries, depth + 1)?,
                    Err(_) => self.skip_closed(&path, "could not be opened"),
                }
            } else if kind.is_symlink() {
                self.file(&path)?;
            } else {
                self.file_known_as(&path, Ok(real.join(name)))?;
            }
        }
        Ok(())
    }
}
