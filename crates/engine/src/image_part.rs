//! Volumes in files that are not DICOM, as members of a study.

use std::sync::Arc;

use anatome_core::{ErrorKind, NoteCode, Notes};
use anatome_dicom::{Limits, Skipped, Source};
use anatome_formats::{Error, ImageFile};

/// One volume of a NIfTI, NRRD or MetaImage file: the whole of it, a time point or a component.
#[derive(Clone, Debug)]
pub struct ImagePart {
    file: Arc<ImageFile>,
    part: usize,
}

impl ImagePart {
    /// The file, of which the header was read.
    #[must_use]
    pub fn file(&self) -> &ImageFile {
        &self.file
    }

    /// Which of the file's volumes, from 0.
    #[must_use]
    pub fn part(&self) -> usize {
        self.part
    }
}

/// Reads the headers of image files. One that can't be read becomes a note and a skipped file,
/// and the first such error comes back, too.
pub(crate) fn open(
    sources: Vec<Source>,
    limits: &Limits,
    notes: &mut Notes,
    skipped: &mut Vec<Skipped>,
) -> (Vec<ImagePart>, Option<Error>) {
    let limits = anatome_formats::Limits::new(limits.header_bytes, limits.volume_bytes, limits.file_bytes);
    let (mut parts, mut first_error) = (Vec::new(), None);
    for source in sources {
        let mut named = None;
        let source = match source {
            Source::Path(path) => {
                named = Some(path.clone());
                anatome_formats::Source::Path(path)
            }
            Source::Bytes(bytes) => anatome_formats::Source::Bytes(bytes),
            // Whoever adds a kind of source makes it one of these two.
            _ => continue,
        };
        match ImageFile::open(&source, &limits) {
            Ok(file) => {
                let file = Arc::new(file);
                parts.extend((0..file.parts()).map(|part| ImagePart { file: Arc::clone(&file), part }));
            }
            Err(error) => {
                let (code, reason) = (code(&error), reason(&error));
                skipped.extend(named.map(|path| Skipped::new(path, code, reason.clone())));
                notes.add(code, reason);
                first_error.get_or_insert(error);
            }
        }
    }
    (parts, first_error)
}

fn code(error: &Error) -> NoteCode {
    match (error, error.kind()) {
        (Error::Unrecognised { .. }, _) => NoteCode::FileSkipped,
        (_, ErrorKind::Malformed) => NoteCode::FileDamaged,
        (_, ErrorKind::Io | ErrorKind::Limits) => NoteCode::FileUnreadable,
        _ => NoteCode::FileSkipped,
    }
}

/// A note's text, without the path that some errors hold.
fn reason(error: &Error) -> String {
    match error {
        Error::Io { .. } | Error::Unrecognised { .. } => "an image file that could not be read".to_owned(),
        other => format!("an image file that is not used: {other}"),
    }
}
