//! Pictures, made beside the window's thread: one thread a view, all on one pool of workers. Of what a view wants only the
//! latest counts; what is no longer wanted is dropped.

mod combined;
mod picture;
mod slot;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anatome::{Backend, Scene, Stack, UploadedVolume};

pub(crate) use combined::Blend;
pub(crate) use picture::Picture;

use crate::document::{FrameImage, Frames};
use crate::session::{Framing, Look, SeriesId, Subject};
use slot::Slot;
pub(crate) use slot::{color_image, drawn};

/// What a view wants to show.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    pub subject: Subject,
    /// The series at the bottom.
    pub series: SeriesId,
    /// Whether some of it is not loaded yet.
    pub is_partial: bool,
    pub backend: Arc<Backend>,
    pub what: What,
    /// In physical pixels.
    pub size_px: [u32; 2],
    /// Since when.
    pub asked: Instant,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A scene with a layer for each volume, and how they become one picture.
    Volumes { volumes: Vec<Arc<UploadedVolume>>, scene: Scene, blend: Blend },
    /// A frame, which is decoded first.
    Frame { stack: Arc<Stack>, frame: usize, framing: Framing, look: Box<Look> },
}

impl Want {
    /// Whether both want the same picture.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.series == other.series
            && self.is_partial == other.is_partial
            && self.size_px == other.size_px
            && Arc::ptr_eq(&self.backend, &other.backend)
            && match (&self.what, &other.what) {
                (
                    What::Volumes { volumes, scene, blend },
                    What::Volumes { volumes: other_volumes, scene: other_scene, blend: other_blend },
                ) => are_same(volumes, other_volumes) && scene == other_scene && blend == other_blend,
                (
                    What::Frame { stack, frame, framing, look },
                    What::Frame {
                        stack: other,
                        frame: other_frame,
                        framing: other_framing,
                        look: other_look,
                    },
                ) => {
                    Arc::ptr_eq(stack, other)
                        && frame == other_frame
                        && framing == other_framing
                        && look == other_look
                }
                _ => false,
            }
    }
}

fn are_same(a: &[Arc<UploadedVolume>], b: &[Arc<UploadedVolume>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The number of the view.
    pub view: usize,
    pub subject: Subject,
    /// A picture, if a new one was made.
    pub made: Option<Result<Made, Failure>>,
    /// The number of what was wanted, if this is its last picture.
    done: Option<u64>,
}

/// A picture that can be shown.
#[derive(Debug)]
pub(crate) struct Made {
    pub picture: Arc<Picture>,
    /// For what size it was made: it has fewer pixels if it is one in motion.
    pub wanted_px: [u32; 2],
    /// What it shows, without layers.
    pub view: anatome::View,
    /// The series at the bottom.
    pub series: SeriesId,
    /// Whether some of what it shows was not loaded when it was made.
    pub is_partial: bool,
    /// Whether it is of full quality.
    pub is_full: bool,
    pub took: Duration,
    /// How long a GPU itself has worked on it, if it can tell.
    pub device_time: Option<Duration>,
    /// When what it shows was asked for, of the first picture that shows it.
    pub asked: Option<Instant>,
    /// The frame that it shows.
    pub frame: Option<Arc<FrameImage>>,
}

/// Why there is no picture.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub reason: String,
    /// Whether another backend may do.
    pub is_device: bool,
}

/// Makes the pictures of all views.
pub(crate) struct Painter {
    slots: Vec<Slot>,
    /// Of each, the number of what was finished last.
    done: Vec<u64>,
    tell: SyncSender<Answer>,
    answers: Receiver<Answer>,
    wake: Arc<dyn Fn() + Send + Sync>,
    frames: Arc<Frames>,
}

impl Painter {
    pub(crate) fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let (tell, answers) = sync_channel(32);
        Self { slots: Vec::new(), done: Vec::new(), tell, answers, wake, frames: Arc::default() }
    }

    /// Says what a view wants; the same again changes nothing.
    pub(crate) fn want(&mut self, view: usize, want: Want) {
        while self.slots.len() <= view {
            let slot = Slot::start(
                self.slots.len(),
                self.tell.clone(),
                Arc::clone(&self.wake),
                Arc::clone(&self.frames),
            );
            match slot {
                Ok(slot) => {
                    self.slots.push(slot);
                    self.done.push(0);
                }
                // The system has no threads left: views beyond stay empty.
                Err(_) => return,
            }
        }
        self.slots[view].want(want);
    }

    /// Says that views from `view` on want nothing.
    pub(crate) fn rest_from(&mut self, view: usize) {
        self.slots.truncate(view);
        self.done.truncate(view);
    }

    /// Says that a view wants nothing.
    pub(crate) fn rest(&mut self, view: usize) {
        if let (Some(slot), Some(done)) = (self.slots.get(view), self.done.get_mut(view)) {
            slot.rest();
            *done = slot.number();
        }
    }

    /// The pictures that were made since.
    pub(crate) fn answers(&mut self) -> Vec<Answer> {
        let answers: Vec<Answer> = self.answers.try_iter().collect();
        for answer in &answers {
            if let (Some(own), Some(done)) = (self.done.get_mut(answer.view), answer.done) {
                *own = done;
            }
        }
        answers
    }

    /// Whether a picture was made that was not yet taken.
    #[cfg(test)]
    pub(crate) fn has_answers(&mut self) -> bool {
        match self.answers.try_recv() {
            Ok(answer) => self.tell.send(answer).is_ok(),
            Err(_) => false,
        }
    }

    /// Forgets what was decoded, for another backend.
    pub(crate) fn forget_frames(&self) {
        self.frames.clear();
    }

    /// The frames that were decoded last.
    pub(crate) fn frames(&self) -> Arc<Frames> {
        Arc::clone(&self.frames)
    }

    /// Asks the window to look.
    pub(crate) fn wake(&self) -> Arc<dyn Fn() + Send + Sync> {
        Arc::clone(&self.wake)
    }

    /// Whether a view's picture is in the making, or not yet taken by the window.
    pub(crate) fn is_busy(&self, view: usize) -> bool {
        self.slots.get(view).is_some_and(|slot| self.done.get(view) != Some(&slot.number()))
    }
}
