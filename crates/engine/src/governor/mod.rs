//! Pictures for someone who is looking: cheaper ones in time while something moves, and the whole one at rest.
//!
//! A [`Governor`] has no thread and no clock. Whoever owns a thread tells it what is wanted as often as that changes, and
//! calls [`Governor::step`] as long as [`Governor::next_step`] says that there is something to do.
//!
//! - While the request changes, pictures are made at a [`Level`] that takes about the target time. Of the requests that
//!   come meanwhile only the latest counts: none waits in a queue.
//! - A picture in the making of a request that has changed since is finished if it belongs to the same motion (the same
//!   kind of view, size and output), because a motion of which no picture is ever finished is not seen. Anything else that
//!   is no longer wanted is dropped between two parts of it, and so is one that takes too long.
//! - [`Settings::rest`] after the last change the picture that was asked for is begun, bitwise what a direct render makes;
//!   but where it is not in time as one in motion, one in motion comes first, also if it is not finished by then: a slow
//!   machine sees changes in jerks, and whoever looks would see nothing at all.

mod enlarge;
mod ladder;

use std::time::{Duration, Instant};

use anatome_core::{Frame, FrameStatus, Image, Request};

pub use ladder::Level;

use crate::{Backend, BackendFrame, Result, UploadedVolume, Workers};
use ladder::Ladder;

/// What makes pictures.
pub trait FrameSource {
    /// A picture in the making.
    type Frame: Frame;
    /// What becomes of it: an [`Image`], or what stands for one.
    type Picture;

    /// Starts a picture.
    ///
    /// # Errors
    /// As [`anatome_core::Renderer::begin`].
    fn begin(&self, request: &Request) -> Result<Self::Frame>;

    /// Whether pictures of [`Precision::Preview`](anatome_core::Precision) take less than exact ones.
    fn has_preview(&self) -> bool {
        false
    }

    /// The finished picture.
    ///
    /// # Errors
    /// As [`Frame::finish`].
    fn finish(frame: Self::Frame) -> anatome_core::Result<Self::Picture>;
}

/// A volume on a backend.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// The backend.
    pub backend: &'a Backend,
    /// The volume in the primary slot.
    pub volume: &'a UploadedVolume,
}

impl<'a> FrameSource for Bound<'a> {
    type Frame = BackendFrame<'a>;
    type Picture = Image;

    fn begin(&self, request: &Request) -> Result<BackendFrame<'a>> {
        self.backend.begin(request, self.volume)
    }

    fn has_preview(&self) -> bool {
        self.volume.has_preview()
    }

    fn finish(frame: BackendFrame<'a>) -> anatome_core::Result<Image> {
        frame.finish()
    }
}

/// When things happen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How long a picture in motion should take.
    pub target: Duration,
    /// How long nothing has changed when the whole picture is begun, if one in motion is there by then.
    pub rest: Duration,
}

impl Default for Settings {
    /// 33 ms a picture; the whole one after 50 ms.
    fn default() -> Self {
        let [target, rest] = [33, 50].map(Duration::from_millis);
        Self { target, rest }
    }
}

/// A finished picture.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ready<P = Image> {
    /// The picture: of fewer pixels than wanted if its level says so; see [`Self::enlarged`].
    pub image: P,
    /// What was wanted when it was begun.
    pub wanted: Request,
    /// How it differs from that.
    pub level: Level,
    /// Whether it is what is wanted now, in full: nothing follows until something changes.
    pub is_final: bool,
    /// The time that went into it.
    pub took: Duration,
    /// How long a device itself has worked on it, if it can tell.
    pub device_time: Option<Duration>,
}

impl Ready {
    /// The picture at its full size; see [`enlarged`]. Whoever shows it by a GPU had better let that enlarge it.
    ///
    /// # Errors
    /// As [`Image::new`].
    pub fn enlarged(self, workers: &Workers) -> Result<Image> {
        match self.level.divisor {
            1 => Ok(self.image),
            _ => enlarged(&self.image, &self.wanted, workers),
        }
    }
}

/// A picture of `wanted`, from one of the same scene with fewer pixels, between whose centres values are interpolated on
/// the threads of `workers`. The centres of both pictures fall together, and so does every place in the patient:
/// [`Image::plane`] is that of `wanted`. The recipe stays that of the small picture.
///
/// # Errors
/// As [`Image::new`].
pub fn enlarged(small: &Image, wanted: &Request, workers: &Workers) -> Result<Image> {
    Ok(workers.pool().install(|| enlarge::enlarged(small, wanted))?)
}

/// Drives a [`FrameSource`] for someone who is looking.
pub struct Governor<S: FrameSource> {
    source: S,
    settings: Settings,
    wanted: Option<Wanted>,
    making: Option<Making<S::Frame>>,
    ladder: Option<Ladder>,
}

struct Wanted {
    request: Request,
    changed: Instant,
    shown: Shown,
}

/// Which picture of what is wanted was finished.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    Moving,
    /// In full, or it failed.
    All,
}

struct Making<F> {
    frame: F,
    wanted: Request,
    level: Level,
    /// Made at rest.
    is_whole: bool,
    /// The part that is finished.
    done: f64,
    took: Duration,
}

impl<F> Making<F> {
    /// What it will have taken, by the part that is finished.
    fn expected(&self) -> Duration {
        if self.done > 0.0 { self.took.div_f64(self.done.max(0.01)) } else { self.took }
    }
}

impl<S: FrameSource> std::fmt::Debug for Governor<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let making = self.making.as_ref().map(|making| making.level);
        f.debug_struct("Governor")
            .field("settings", &self.settings)
            .field("making", &making)
            .finish_non_exhaustive()
    }
}

impl<S: FrameSource> Governor<S> {
    /// A governor that waits for a request.
    #[must_use]
    pub fn new(source: S, settings: Settings) -> Self {
        Self { source, settings, wanted: None, making: None, ladder: None }
    }

    /// Takes a request in place of all before; the same one again changes nothing.
    pub fn want(&mut self, request: Request, now: Instant) {
        if self.wanted.as_ref().is_some_and(|wanted| wanted.request == request) {
            return;
        }
        let goes_on =
            |making: &Making<S::Frame>| !making.is_whole && is_same_motion(&making.wanted, &request);
        let dropped = self.making.take_if(|making| !goes_on(making)).filter(|making| making.is_whole);
        let mut ladder = Ladder::new(&request, self.source.has_preview(), self.ladder.as_ref());
        // Whole pictures that are interrupted don't do as pictures in motion, either.
        if let Some(whole) = dropped
            && ladder.level() == Level::FULL
            && whole.expected() > self.settings.target
        {
            ladder.too_slow(whole.expected().div_duration_f64(self.settings.target));
        }
        self.ladder = Some(ladder);
        self.wanted = Some(Wanted { request, changed: now, shown: Shown::Nothing });
    }

    /// Drops what is wanted and what is in the making.
    pub fn cancel(&mut self) {
        (self.wanted, self.making) = (None, None);
    }

    /// When [`Self::step`] has something to do; `None` until something is wanted.
    #[must_use]
    pub fn next_step(&self) -> Option<Instant> {
        let wanted = self.wanted.as_ref()?;
        match (&self.making, wanted.shown) {
            (None, Shown::All) => None,
            (None, Shown::Moving) => Some(wanted.changed + self.settings.rest),
            _ => Some(wanted.changed),
        }
    }

    /// Works for about `budget`, by `clock`, or until a picture is finished. A frame goes on by one tile or more: keep the
    /// budget below the time after which you want to look for changes, such as 10 ms.
    ///
    /// # Errors
    /// As [`anatome_core::Renderer::begin`] and [`Frame::advance`]. The picture is not tried again until something else is
    /// wanted.
    pub fn step(
        &mut self,
        clock: &dyn Fn() -> Instant,
        budget: Duration,
    ) -> Result<Option<Ready<S::Picture>>> {
        let start = clock();
        loop {
            let now = clock();
            self.drop_what_is_late(now);
            if self.making.is_none() && !self.begin(clock, now)? {
                return Ok(None);
            }
            let left = budget.saturating_sub(now.duration_since(start));
            let ready = self.advance(clock, left);
            if ready.is_err() {
                self.give_up();
            }
            let ready = ready?;
            if ready.is_some() || clock().duration_since(start) >= budget {
                return Ok(ready);
            }
        }
    }

    /// Whether the whole picture is due: nothing has changed for long enough, and one in motion is there, if there is any
    /// that takes less.
    fn is_at_rest(&self, now: Instant) -> bool {
        let Some(wanted) = &self.wanted else { return false };
        let is_cheap = self.ladder.as_ref().is_none_or(|ladder| ladder.level() == Level::FULL);
        now.duration_since(wanted.changed) >= self.settings.rest
            && (is_cheap || wanted.shown == Shown::Moving)
    }

    /// A picture is given up soon if it will take twice as long as one in motion should, and nothing is seen of its request
    /// yet. One in full is the whole one at rest.
    fn drop_what_is_late(&mut self, now: Instant) {
        let is_at_rest = self.is_at_rest(now);
        let (Some(wanted), Some(making), Some(ladder)) = (&self.wanted, &mut self.making, &mut self.ladder)
        else {
            return;
        };
        if making.is_whole && wanted.shown != Shown::Nothing {
            return;
        }
        let (expected, target) = (making.expected(), self.settings.target);
        if making.took >= target / 4 && expected >= 2 * target && !ladder.is_lowest() {
            ladder.too_slow(expected.div_duration_f64(target));
            self.making = None;
        } else {
            making.is_whole |= is_at_rest && making.wanted == wanted.request && making.level == Level::FULL;
        }
    }

    /// Begins the picture that is due, if any is.
    fn begin(&mut self, clock: &dyn Fn() -> Instant, now: Instant) -> Result<bool> {
        let is_whole = self.is_at_rest(now);
        let (Some(wanted), Some(ladder)) = (&self.wanted, &self.ladder) else { return Ok(false) };
        let is_due = match wanted.shown {
            Shown::Nothing => true,
            Shown::Moving => is_whole,
            Shown::All => false,
        };
        if !is_due {
            return Ok(false);
        }
        let level = if is_whole { Level::FULL } else { ladder.level() };
        let began = clock();
        let frame = match self.source.begin(&level.request(&wanted.request)) {
            Ok(frame) => frame,
            Err(error) => {
                self.give_up();
                return Err(error);
            }
        };
        let took = clock().duration_since(began);
        self.making =
            Some(Making { frame, wanted: wanted.request.clone(), level, is_whole, done: 0.0, took });
        Ok(true)
    }

    fn advance(
        &mut self,
        clock: &dyn Fn() -> Instant,
        budget: Duration,
    ) -> Result<Option<Ready<S::Picture>>> {
        let Some(mut making) = self.making.take() else { return Ok(None) };
        let began = clock();
        // In time to see that it is late.
        let budget = if making.is_whole { budget } else { budget.min(self.settings.target / 2) };
        if let FrameStatus::Pending { done } = making.frame.advance(budget)? {
            making.took += clock().duration_since(began);
            making.done = done;
            self.making = Some(making);
            return Ok(None);
        }
        let Making { frame, wanted, level, is_whole, took, .. } = making;
        let device_time = frame.device_time();
        let image = S::finish(frame)?;
        let took = took + clock().duration_since(began);
        if let Some(ladder) = &mut self.ladder {
            let cost = took.div_duration_f64(self.settings.target);
            if is_whole { ladder.rested(cost) } else { ladder.moved(cost) }
        }
        let now = self.wanted.as_mut().filter(|now| now.request == wanted);
        let is_final = now.is_some() && level == Level::FULL;
        if let Some(now) = now {
            now.shown = if is_final { Shown::All } else { Shown::Moving };
        }
        Ok(Some(Ready { image, wanted, level, is_final, took, device_time }))
    }

    fn give_up(&mut self) {
        self.making = None;
        if let Some(wanted) = &mut self.wanted {
            wanted.shown = Shown::All;
        }
    }
}

/// Whether a picture of the one still tells something to who wants the other.
fn is_same_motion(a: &Request, b: &Request) -> bool {
    let kinds = [a, b].map(|request| request.scene.view.kind());
    kinds[0] == kinds[1] && a.size_px == b.size_px && a.output == b.output && a.region == b.region
}

#[cfg(test)]
mod tests;
