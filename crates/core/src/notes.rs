//! Notes: what was odd or partly wrong, beside the value that was made all the same.

use serde::{Deserialize, Serialize};

/// What a note is about. Programs match on the code; people read the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoteCode {
    /// A file without images, or of a kind that is not read.
    FileSkipped,
    /// An image file or an archive that is damaged: images in it are left out, or may be wrong.
    FileDamaged,
    /// A file or a folder that is missing, could not be opened or is over a limit, and may hold images.
    FileUnreadable,
    /// An instance that is part of no volume.
    InstanceSkipped,
    /// An image that can't be decoded and was left out.
    Damaged,
    /// Two instances at one position; the first is used.
    DuplicateSlice,
    /// Slices that are missing: places without samples.
    MissingSlices,
    /// Spacing that changes within the series.
    UnevenSpacing,
    /// The slices are sheared against their normal (gantry tilt).
    GantryTilt,
    /// Orientation vectors that were not orthonormal and were corrected.
    OrientationCorrected,
    /// A value that was missing and was assumed.
    Assumed,
    /// Samples were converted to another type; the text states the error.
    Converted,
    /// Samples that are not finite were made padding.
    NotFinite,
    /// The pixels were compressed with loss.
    Lossy,
    /// A series was split into several volumes; the text says by what.
    Split,
    /// Images that make no volume of their places; the text says in which order they follow each other.
    Ordered,
    /// Images of several kinds, such as two kernels, in one volume.
    Mixed,
    /// A file that breaks the standard but could be read.
    Tolerated,
    /// The header holds something that this version does not use.
    Ignored,
    /// A GPU that failed, or has too little memory; the CPU made the pictures, or the rest of them.
    BackendFailed,
    /// A picture in which nothing of the images is seen, or would be if it had been drawn.
    NothingSeen,
}

/// One observation. Never holds a patient's name, ID or date, nor a file's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What it is about.
    pub code: NoteCode,
    /// One sentence for a person.
    pub text: String,
    /// How many times it was seen.
    pub count: usize,
}

/// Notes in the order in which they were first made; equal ones are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Notes(Vec<Note>);

impl Notes {
    /// No notes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a note, or counts one more of an equal one.
    pub fn add(&mut self, code: NoteCode, text: impl Into<String>) {
        self.add_many(code, text, 1);
    }

    /// Adds a note that was seen `count` times.
    pub fn add_many(&mut self, code: NoteCode, text: impl Into<String>, count: usize) {
        let text = text.into();
        match self.0.iter_mut().find(|note| note.code == code && note.text == text) {
            Some(note) => note.count += count,
            None => self.0.push(Note { code, text, count }),
        }
    }

    /// Adds all of `other`'s notes.
    pub fn append(&mut self, other: Self) {
        for note in other.0 {
            self.add_many(note.code, note.text, note.count);
        }
    }

    /// The notes in the order in which they were first made.
    pub fn iter(&self) -> std::slice::Iter<'_, Note> {
        self.0.iter()
    }

    /// Whether a note with this code is there.
    #[must_use]
    pub fn has(&self, code: NoteCode) -> bool {
        self.0.iter().any(|note| note.code == code)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Notes {
    type Item = &'a Note;
    type IntoIter = std::slice::Iter<'a, Note>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
