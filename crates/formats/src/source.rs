//! Where bytes come from, and how to reach them again.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::Error;

/// A file, or its bytes.
#[derive(Clone)]
#[non_exhaustive]
pub enum Source {
    /// A file. Formats of several files (.hdr and .img, .nhdr, .mhd) are given by their header.
    Path(PathBuf),
    /// The bytes of a file.
    Bytes(Arc<[u8]>),
}

/// File names may name patients.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(_) => f.write_str("a file"),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
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

/// A source as it was when its header was read.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub source: Source,
    pub length: u64,
    modified: Option<SystemTime>,
}

impl Place {
    pub fn new(source: Source) -> Result<Self, Error> {
        let (length, modified) = match &source {
            Source::Bytes(bytes) => (bytes.len() as u64, None),
            Source::Path(path) => state(path)?,
        };
        Ok(Self { source, length, modified })
    }

    /// The path to name in an error.
    pub fn path(&self) -> &Path {
        match &self.source {
            Source::Path(path) => path,
            Source::Bytes(_) => Path::new("(bytes)"),
        }
    }

    pub fn io(&self, cause: io::Error) -> Error {
        Error::io("read", self.path(), cause)
    }

    /// A reader of the bytes from `offset` on. Fails where the file is no longer what it was.
    pub fn reader(&self, offset: u64) -> Result<Box<dyn Read + Send>, Error> {
        match &self.source {
            Source::Path(path) => {
                if state(path)? != (self.length, self.modified) {
                    let cause = io::Error::other("the file has changed since its header was read");
                    return Err(self.io(cause));
                }
                let mut file = File::open(path).map_err(|cause| self.io(cause))?;
                file.seek(SeekFrom::Start(offset)).map_err(|cause| self.io(cause))?;
                Ok(Box::new(file))
            }
            Source::Bytes(bytes) => {
                let mut cursor = io::Cursor::new(Arc::clone(bytes));
                cursor.set_position(offset.min(self.length));
                Ok(Box::new(cursor))
            }
        }
    }

    /// Up to `count` bytes from the start.
    pub fn start(&self, count: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let read = self.reader(0)?.take(count as u64).read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(|cause| self.io(cause))
    }

    /// The file of this name in the same folder.
    pub fn beside(&self, name: &str) -> Result<Self, Error> {
        let Source::Path(path) = &self.source else {
            return Err(Error::unsupported("a header whose voxels are in another file, given as bytes"));
        };
        let plain = |c| matches!(c, std::path::Component::Normal(_) | std::path::Component::CurDir);
        if name.is_empty() || name.contains('\0') || !Path::new(name).components().all(plain) {
            let reason = "the voxels' file is not named relative to the header's folder and within it";
            return Err(Error::malformed("header", reason));
        }
        Self::new(Source::Path(path.parent().unwrap_or(Path::new("")).join(name)))
    }
}

/// Length and time of change of a plain file; opening anything else might wait for ever.
fn state(path: &Path) -> Result<(u64, Option<SystemTime>), Error> {
    let failed = |cause| Error::io("open", path, cause);
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file")));
    }
    Ok((metadata.len(), metadata.modified().ok()))
}
