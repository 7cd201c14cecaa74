//! Where DICOM objects come from, and how to reach each of them again.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anatome_core::{NoteCode, Notes, Progress};

use crate::archive::Archive;
use crate::fragments::ReadSeek;
use crate::{Error, Limits};

/// An input of a scan.
#[derive(Clone)]
#[non_exhaustive]
pub enum Source {
    /// A file, a zip archive, or a folder that is searched with all folders in it.
    Path(PathBuf),
    /// The bytes of a file or of a zip archive.
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
    File(Arc<Path>),
    Entry(Archive, usize),
    Bytes(Arc<[u8]>),
}

/// File names may name patients.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File(_) => "a file",
            Self::Entry(..) => "a zip entry",
            Self::Bytes(_) => "bytes",
        })
    }
}

impl Place {
    /// The path to name in an error.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Entry(archive, _) => &archive.path,
            Self::Bytes(_) => Path::new("(bytes)"),
        }
    }

    pub fn io(&self, cause: io::Error) -> Error {
        Error::io("read", self.path(), cause)
    }

    /// Whether reading may start anywhere at no cost; otherwise everything in front is unpacked first.
    pub fn is_seekable(&self) -> bool {
        matches!(self, Self::File(_) | Self::Bytes(_))
    }

    /// Gives `read` the object's bytes to go to and fro in, where that is possible.
    pub fn with_seekable<T>(
        &self,
        read: impl FnOnce(&mut dyn ReadSeek) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self {
            Self::File(path) => read(&mut File::open(path).map_err(|cause| self.io(cause))?),
            Self::Bytes(bytes) => read(&mut io::Cursor::new(bytes)),
            _ => Err(self.io(io::ErrorKind::NotSeekable.into())),
        }
    }

    /// Gives `read` the bytes from `offset` on, and how many bytes the whole object has.
    pub fn with_reader<T>(
        &self,
        offset: u64,
        read: impl FnOnce(&mut dyn Read, u64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self {
            Self::File(path) => {
                let mut file = File::open(path).map_err(|cause| self.io(cause))?;
                let length = file.metadata().map_err(|cause| self.io(cause))?.len();
                if offset > 0 {
                    file.seek(SeekFrom::Start(offset)).map_err(|cause| self.io(cause))?;
                }
                read(&mut file, length)
            }
            Self::Bytes(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                read(&mut bytes.get(start..).unwrap_or_default(), bytes.len() as u64)
            }
            Self::Entry(archive, index) => {
                let entry = archive.entry(*index).map_err(|cause| self.io(cause))?;
                let inner = archive.with_entry(*index, |reader| {
                    skip(reader, offset).map_err(|cause| self.io(cause))?;
                    read(reader, entry.bytes)
                });
                inner.map_err(|cause| self.io(cause))?
            }
        }
    }
}

/// Reads past `bytes` bytes.
pub(crate) fn skip(reader: &mut dyn Read, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut reader.take(bytes), &mut io::sink())?;
    if skipped == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// All plain files of the sources, folders searched, in an order that does not depend on the file system.
pub(crate) fn list(
    sources: &[Source],
    limits: &Limits,
    progress: &Progress,
    notes: &mut Notes,
) -> Result<Vec<Place>, Error> {
    let mut search = Search { limits, progress, notes, visited: HashSet::new(), places: Vec::new() };
    for source in sources {
        match source {
            Source::Bytes(bytes) => search.add(Place::Bytes(Arc::clone(bytes)))?,
            Source::Path(path) => {
                let kind = fs::metadata(path).map_err(|cause| Error::io("open", path, cause))?;
                if kind.is_dir() {
                    let entries = fs::read_dir(path).map_err(|cause| Error::io("open", path, cause))?;
                    search.folder(path, entries, 0)?;
                } else if kind.is_file() {
                    // A source that was named and can't be read is an error, not a note.
                    File::open(path).map_err(|cause| Error::io("open", path, cause))?;
                    search.add(Place::File(path.as_path().into()))?;
                } else {
                    return Err(Error::NotDicom { path: path.clone() });
                }
            }
        }
    }
    Ok(search.places)
}

struct Search<'a> {
    limits: &'a Limits,
    progress: &'a Progress,
    notes: &'a mut Notes,
    /// Folders by their real path: links may lead back.
    visited: HashSet<PathBuf>,
    places: Vec<Place>,
}

impl Search<'_> {
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
        if !fs::canonicalize(path).is_ok_and(|real| self.visited.insert(real)) {
            return Ok(());
        }
        let (mut paths, mut unread) = (Vec::new(), 0);
        for entry in entries {
            match entry {
                Ok(entry) => paths.push(entry.path()),
                Err(_) => unread += 1,
            }
        }
        paths.sort();
        for path in paths {
            match fs::metadata(&path) {
                Ok(kind) if kind.is_file() => self.add(Place::File(path.into()))?,
                Ok(kind) if kind.is_dir() && depth >= self.limits.folder_depth => unread += 1,
                Ok(kind) if kind.is_dir() => match fs::read_dir(&path) {
                    Ok(entries) => self.folder(&path, entries, depth + 1)?,
                    Err(_) => unread += 1,
                },
                Ok(_) => self.notes.add(NoteCode::FileSkipped, "neither a file nor a folder"),
                Err(_) => unread += 1,
            }
        }
        if unread > 0 {
            self.notes.add_many(NoteCode::FileSkipped, "could not be opened", unread);
        }
        Ok(())
    }
}
