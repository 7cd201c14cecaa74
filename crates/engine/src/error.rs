//! What goes wrong between a caller and a finished file.

use std::io;
use std::path::{Path, PathBuf};

use anatome_core::ErrorKind;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// From the model or a renderer.
    #[error(transparent)]
    Core(#[from] anatome_core::Error),
    /// From the loader.
    #[error(transparent)]
    Dicom(#[from] anatome_dicom::Error),
    /// From the reader and writer of other formats.
    #[error(transparent)]
    Formats(#[from] anatome_formats::Error),
    /// The only input can't be used.
    #[error("{source}: {}", .path.display())]
    Input {
        /// Why not.
        source: anatome_dicom::Error,
        /// The file.
        path: PathBuf,
    },
    /// An input that is not there.
    #[error("there is no such file or folder: {}", .path.display())]
    NoInput {
        /// The path that was given.
        path: PathBuf,
    },
    /// A file of no format that is read.
    #[error(
        "not a file that can be read: it is no DICOM, NIfTI, NRRD or MetaImage file and no zip, tar or gzip archive: {}",
        .path.display()
    )]
    NoImage {
        /// The file.
        path: PathBuf,
    },
    /// Inputs without a single image file.
    #[error("no DICOM, NIfTI, NRRD or MetaImage files among {files} found in {}{reasons}", .path.display())]
    NothingFound {
        /// How many files were looked at.
        files: usize,
        /// The first input.
        path: PathBuf,
        /// Why what was found could not be read.
        reasons: anatome_dicom::SkipReasons,
    },
    /// The operating system refused.
    #[error("{action}: {source}: {}", .path.display())]
    Io {
        /// What was being done, such as "cannot write".
        action: &'static str,
        /// The system's answer.
        source: io::Error,
        /// The file or folder.
        path: PathBuf,
    },
    /// A file that is already there, without permission to replace it.
    #[error("the file is already there; allow overwriting or choose another folder: {}", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file that should hold a scene.
    #[error("cannot use the scene: {source}: {}", .path.display())]
    SceneFile {
        /// Why not.
        source: SceneFileFault,
        /// The file.
        path: PathBuf,
    },
    /// A name that is on no list.
    #[error("there is no {kind} \"{name}\"; choose one of: {known}")]
    Unknown {
        /// The kind of thing.
        kind: &'static str,
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A preset or a scene in the units of another modality.
    #[error("the {kind} \"{name}\" is made for {made_for} and means nothing for {modality}; {advice}")]
    OtherModality {
        /// The kind of thing.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The modality that it is made for.
        made_for: String,
        /// The volume's modality.
        modality: String,
        /// What to do instead, with the names that fit.
        advice: String,
    },
    /// No image series that makes a volume.
    #[error("no series makes a volume{}", .reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default())]
    NoVolume {
        /// Why the best candidate does not.
        reason: Option<String>,
    },
    /// So little of the volume may be on the GPU that no picture can be made.
    #[error("a memory budget of {allowed} bytes is too small: this volume needs {needed} on the GPU at once")]
    MemoryBudget {
        /// How many bytes would do.
        needed: u64,
        /// How many are allowed.
        allowed: u64,
    },
    /// A thread pool could not be made.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// The system's answer.
        reason: String,
    },
}

/// Why a file gives no scene.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SceneFileFault {
    /// It can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not JSON, or other JSON than that of a scene.
    #[error("it is not a scene: {0}")]
    Json(#[from] serde_json::Error),
    /// It describes no picture.
    #[error(transparent)]
    Scene(#[from] anatome_core::Error),
}

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The kind from which exit codes are made.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Core(error) => error.kind(),
            Self::Formats(error) => error.kind(),
            Self::Dicom(error) | Self::Input { source: error, .. } => error.kind(),
            Self::NoInput { .. } | Self::Io { .. } | Self::Exists { .. } | Self::Threads { .. } => {
                ErrorKind::Io
            }
            Self::NothingFound { reasons, .. } => reasons.kind,
            Self::SceneFile { source, .. } => source.kind(),
            Self::NoImage { .. } | Self::Unknown { .. } | Self::OtherModality { .. } => ErrorKind::Malformed,
            Self::NoVolume { .. } => ErrorKind::Unsupported,
            Self::MemoryBudget { .. } => ErrorKind::Limits,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, source, path }
    }
}

impl SceneFileFault {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Io(_) => ErrorKind::Io,
            Self::Json(_) => ErrorKind::Malformed,
            Self::Scene(error) => error.kind(),
        }
    }
}
