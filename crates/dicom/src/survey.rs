//! What decoding every frame of a stack shows: what its values are, and which frames are damaged.

use std::sync::{Arc, Mutex, PoisonError};

use anatome_core::{Facts, Grid, NoteCode, Notes, Padding, Progress, Unit, ValueMapping, Volume};
use rayon::prelude::*;

use crate::damage::{self, Damage, MOST_NAMED};
use crate::decode::FrameReader;
use crate::{Error, FramePixels, GreyFrame, Skipped, Stack, StackFrame};

/// What was found by decoding all frames of a stack.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Survey {
    /// How many frames can be decoded.
    pub decoded: usize,
    /// Why others can't be: each reason once.
    pub damaged: Vec<DamagedFrames>,
    /// The files that hold those. Their names may name patients: to be shown only to who asks.
    pub damaged_files: Vec<Skipped>,
    /// What the values of greyscale frames are; `None` for colour, and where none can be decoded.
    pub values: Option<SurveyedValues>,
    /// Whether any frame was ever compressed with loss.
    pub lossy: bool,
    /// What was odd.
    pub notes: Notes,
}

/// Frames that can't be decoded for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DamagedFrames {
    /// Why not. Holds no identity.
    pub reason: String,
    /// How many there are.
    pub frames: usize,
    /// What the first five are called by their numbers, such as `image 3`.
    pub images: Vec<String>,
}

/// What the values of greyscale frames are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SurveyedValues {
    /// The smallest and largest modality value of all frames, padding excluded.
    pub range: Option<(f64, f64)>,
    /// The sample type of the first frame, such as `u16`.
    pub sample_type: &'static str,
    /// The mapping of the first frame; its unit is arbitrary if frames differ in theirs.
    pub mapping: ValueMapping,
    /// The padding of the first frame.
    pub padding: Option<Padding>,
    /// Windows, inversion and what else is known of the first frame.
    pub facts: Facts,
    /// Whether others differ from the first frame in sample type, mapping or padding.
    pub differs: bool,
}

impl SurveyedValues {
    fn of(grey: GreyFrame) -> Result<Self, Error> {
        let GreyFrame { samples, mapping, padding, facts, .. } = grey;
        let grid = Grid::even(samples.shape(), glam::DAffine3::IDENTITY)?;
        let volume = Volume::new(grid, samples, mapping, padding, facts)?;
        Ok(Self {
            range: volume.value_range(),
            sample_type: volume.samples().type_name(),
            mapping: volume.mapping().clone(),
            padding: volume.padding(),
            facts: volume.facts().clone(),
            differs: false,
        })
    }

    /// What this and another frame are together; `self` stands in front.
    fn and(mut self, other: &Self) -> Self {
        self.range = match (self.range, other.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (a, b) => a.or(b),
        };
        self.differs |= other.differs
            || (self.sample_type, &self.mapping, self.padding)
                != (other.sample_type, &other.mapping, other.padding);
        if self.mapping.unit != other.mapping.unit {
            self.mapping.unit = Unit::Arbitrary;
        }
        self
    }
}

/// One frame, decoded and looked at.
struct Seen {
    values: Option<SurveyedValues>,
    notes: Notes,
}

impl Seen {
    fn of(frame: StackFrame) -> Result<Self, Error> {
        let values = match frame.pixels {
            FramePixels::Grey(grey) => Some(SurveyedValues::of(grey)?),
            FramePixels::Rgb(_) => None,
        };
        Ok(Self { values, notes: frame.notes })
    }
}

/// What threads found, by the number of the frame, or why it can't be decoded.
type Found = Vec<(usize, Result<Seen, Error>)>;

impl Stack {
    /// Decodes all frames, in parallel, and keeps none of them: beside the frames in flight nothing takes memory.
    /// Counts frames in `progress`. A frame that can't be decoded is part of the answer.
    ///
    /// # Errors
    /// Cancelled.
    pub fn survey(&self, pool: &rayon::ThreadPool, progress: &Progress) -> Result<Survey, Error> {
        let frames: Vec<usize> = (0..self.frames().len()).collect();
        progress.start(frames.len() as u64);
        let of_one_object = |a: &usize, b: &usize| {
            let instance = |n: usize| self.frames().get(n).map(|frame| Arc::as_ptr(frame.instance()));
            instance(*a) == instance(*b)
        };
        let objects: Vec<&[usize]> = frames.chunk_by(of_one_object).collect();
        let found = Mutex::new(Found::new());
        pool.install(|| {
            objects.par_iter().try_for_each(|frames| self.survey_object(frames, progress, &found))
        })?;
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        // What is found depends on the frames, not on threads.
        found.sort_by_key(|&(n, _)| n);
        Ok(self.survey_of(found))
    }

    fn survey_object(
        &self,
        frames: &[usize],
        progress: &Progress,
        found: &Mutex<Found>,
    ) -> Result<(), Error> {
        let add = |n: usize, seen: Result<Seen, Error>| {
            progress.advance(1);
            found.lock().unwrap_or_else(PoisonError::into_inner).push((n, seen));
        };
        progress.check()?;
        let first = frames.first().and_then(|&n| self.frames().get(n));
        let Some(reader) = first.map(|first| FrameReader::new(first.instance(), self.limits())) else {
            return Ok(());
        };
        let reader = match reader {
            Ok(reader) => Arc::new(reader),
            Err(error) => {
                frames.iter().for_each(|&n| {
                    add(n, self.another_copy(n, error.again()).and_then(Seen::of));
                });
                return Ok(());
            }
        };
        frames.par_iter().try_for_each(|&n| {
            progress.check()?;
            let decoded = self.decode(n, &reader).or_else(|error| self.another_copy(n, error));
            add(n, decoded.and_then(Seen::of));
            Ok(())
        })
    }

    fn survey_of(&self, found: Found) -> Survey {
        let mut survey = Survey::default();
        let mut damages = Vec::new();
        for (n, seen) in found {
            match seen {
                Ok(Seen { values, notes }) => {
                    survey.decoded += 1;
                    survey.lossy |= notes.has(NoteCode::Lossy);
                    survey.notes.append(notes);
                    survey.values = match (survey.values.take(), values) {
                        (Some(before), Some(values)) => Some(before.and(&values)),
                        (before, values) => before.or(values),
                    };
                }
                Err(error) => {
                    damages
                        .extend(self.frames().get(n).map(|frame| Damage::of_frame(frame, n, error, false)));
                }
            }
        }
        damages.iter().for_each(|damage| survey.add_damage(damage));
        survey.damaged_files = damage::files(&damages);
        survey
    }
}

/// Why a frame can't be decoded. Errors of reading name the file, which may name a patient.
fn reason(error: &Error) -> String {
    match error {
        Error::Io { cause, .. } => format!("the file could not be read: {cause}"),
        other => other.to_string(),
    }
}

impl Survey {
    fn add_damage(&mut self, damage: &Damage) {
        let reason = reason(&damage.error);
        let known = self.damaged.iter_mut().find(|known| known.reason == reason);
        match known {
            Some(known) => {
                known.frames += 1;
                if known.images.len() < MOST_NAMED {
                    known.images.push(damage.image.clone());
                }
            }
            None => {
                self.damaged.push(DamagedFrames { reason, frames: 1, images: vec![damage.image.clone()] })
            }
        }
    }
}
