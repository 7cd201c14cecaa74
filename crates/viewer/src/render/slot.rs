//! The thread of one view.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anatome::governor::{FrameSource as _, Governor, Ready, Settings};
use anatome::{
    ErrorKind, Finished, Frame as _, Image, Output, Pixels, Quality, Request, Scene, natural_output,
};
use egui::{Color32, ColorImage};

use super::combined::{Blend, Combined};
use super::{Answer, Failure, Made, Picture, Want, What};
use crate::document::{FrameImage, Frames};
use crate::session::{Subject, frame_scene};
use crate::threads;

/// The thread of one view. It ends when this is dropped.
pub(super) struct Slot {
    shared: Arc<Shared>,
}

struct Shared {
    view: usize,
    wanted: Mutex<Wanted>,
    woken: Condvar,
    tell: SyncSender<Answer>,
    wake: Arc<dyn Fn() + Send + Sync>,
    frames: Arc<Frames>,
}

#[derive(Default)]
struct Wanted {
    /// What the thread has not taken yet.
    next: Option<Want>,
    /// How many things were wanted.
    number: u64,
    /// What was wanted last.
    last: Option<Want>,
    /// The window forgot its picture, so that even the same again is to be made again.
    is_forgotten: bool,
    has_ended: bool,
}

/// So long the thread works before it looks for something newer.
const BUDGET: Duration = Duration::from_millis(8);

impl Slot {
    pub(super) fn start(
        view: usize,
        tell: SyncSender<Answer>,
        wake: Arc<dyn Fn() + Send + Sync>,
        frames: Arc<Frames>,
    ) -> std::io::Result<Self> {
        let (wanted, woken) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { view, wanted, woken, tell, wake, frames });
        let own = Arc::clone(&shared);
        threads::spawn(&format!("anatome-view-{view}"), move || own.run())?;
        Ok(Self { shared })
    }

    pub(super) fn want(&self, want: Want) {
        let mut wanted = self.shared.lock();
        if wanted.last.as_ref().is_some_and(|last| last.is_same(&want)) {
            return;
        }
        wanted.is_forgotten |= wanted.last.as_ref().is_some_and(|last| last.subject != want.subject);
        wanted.last = Some(want.clone());
        wanted.next = Some(want);
        wanted.number += 1;
        self.shared.woken.notify_all();
    }

    pub(super) fn rest(&self) {
        let mut wanted = self.shared.lock();
        (wanted.next, wanted.last, wanted.is_forgotten) = (None, None, true);
        self.shared.woken.notify_all();
    }

    /// The number of what was wanted last.
    pub(super) fn number(&self) -> u64 {
        self.shared.lock().number
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.lock().has_ended = true;
        self.shared.woken.notify_all();
    }
}

/// What a picture is made of.
struct Bound {
    want: Want,
    volumes: Vec<Arc<anatome::UploadedVolume>>,
    blend: Blend,
    frame: Option<Arc<FrameImage>>,
}

/// What comes after a picture, or instead of one.
enum Next {
    /// Something else is wanted, of other volumes.
    Other(Box<Want>),
    Rest,
    End,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut next = Next::Rest;
        loop {
            let want = match next {
                Next::Other(want) => *want,
                Next::Rest => match self.wait() {
                    Some(want) => want,
                    None => return,
                },
                Next::End => return,
            };
            let subject = want.subject;
            next = match self.bind(want) {
                Ok((bound, request)) => self.serve(&bound, request),
                Err(failure) => self.answer(subject, Some(Err(failure)), true).unwrap_or(Next::End),
            };
        }
    }

    /// Waits for something that is wanted; nothing at the end.
    fn wait(&self) -> Option<Want> {
        let mut wanted = self.lock();
        loop {
            if wanted.has_ended {
                return None;
            }
            wanted.is_forgotten = false;
            if let Some(want) = wanted.next.take() {
                return Some(want);
            }
            wanted = self.woken.wait(wanted).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tells the window of a picture; `is_last` if none follows for what is wanted now.
    fn answer(&self, subject: Subject, made: Option<Result<Made, Failure>>, is_last: bool) -> Option<Next> {
        let done =
            Some(self.lock()).filter(|wanted| is_last && wanted.next.is_none()).map(|wanted| wanted.number);
        self.tell.send(Answer { view: self.view, subject, made, done }).ok()?;
        (self.wake)();
        Some(Next::Rest)
    }

    fn bind(&self, want: Want) -> Result<(Bound, Request), Failure> {
        bind(want, &self.frames).map_err(failure)
    }

    /// Makes the pictures of a binding, as long as what is wanted is of the same volumes.
    fn serve(&self, bound: &Bound, request: Request) -> Next {
        let source = Combined { backend: &bound.want.backend, volumes: &bound.volumes, blend: &bound.blend };
        let mut governor = Governor::new(source, Settings::default());
        // What was wanted of which no picture is made yet, and since when.
        let mut asked = vec![(request.clone(), bound.want.asked)];
        governor.want(request, Instant::now());
        let mut has_shown = false;
        loop {
            match self.newer(bound, governor.next_step(), has_shown) {
                Newer::Nothing => {}
                Newer::Same(request, since) => {
                    asked.push((Request::clone(&request), since));
                    governor.want(*request, Instant::now());
                    // What was wanted in between was never begun: the picture is there already.
                    if governor.next_step().is_none() && self.answer(bound.want.subject, None, true).is_none()
                    {
                        return Next::End;
                    }
                }
                Newer::Next(next) => return next,
            }
            match governor.step(&Instant::now, BUDGET) {
                Ok(Some(ready)) => {
                    has_shown = true;
                    let is_final = ready.is_final;
                    let at = asked.iter().position(|(request, _)| *request == ready.wanted);
                    // The first picture of what is wanted counts, not the one in full that follows.
                    let since = at.and_then(|at| asked.drain(..=at).next_back()).map(|(_, since)| since);
                    let made = Made { asked: since, ..made(ready, bound) };
                    if self.answer(bound.want.subject, Some(Ok(made)), is_final).is_none() {
                        return Next::End;
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    asked.clear();
                    if self.answer(bound.want.subject, Some(Err(failure(error))), true).is_none() {
                        return Next::End;
                    }
                }
            }
        }
    }

    /// Looks for something newer; waits for it until `due`, for ever if there is nothing to do. A picture of which nothing
    /// was shown yet is finished before one of other volumes: a motion of which nothing is seen is none.
    fn newer(&self, bound: &Bound, due: Option<Instant>, has_shown: bool) -> Newer {
        let mut wanted = self.lock();
        loop {
            if wanted.has_ended {
                return Newer::Next(Next::End);
            }
            if wanted.is_forgotten {
                return Newer::Next(Next::Rest);
            }
            let same = |want: &Want| Some((same_binding(bound, want)?, want.asked));
            if let Some((request, since)) = wanted.next.as_ref().and_then(same) {
                wanted.next = None;
                return Newer::Same(Box::new(request), since);
            }
            let waits = due.is_some_and(|due| due > Instant::now());
            if (has_shown || due.is_none())
                && let Some(want) = wanted.next.take()
            {
                return Newer::Next(Next::Other(Box::new(want)));
            }
            match due {
                None => wanted = self.woken.wait(wanted).unwrap_or_else(PoisonError::into_inner),
                Some(due) if waits => {
                    let left = due.saturating_duration_since(Instant::now());
                    wanted = self.woken.wait_timeout(wanted, left).unwrap_or_else(PoisonError::into_inner).0;
                }
                Some(_) => return Newer::Nothing,
            }
        }
    }
}

/// What a picture is made of, and what is asked of it.
fn bind(want: Want, frames: &Frames) -> anatome::Result<(Bound, Request)> {
    let size_px = want.size_px;
    let (volumes, scene, blend, frame) = match &want.what {
        What::Volumes { volumes, scene, blend } => (volumes.clone(), scene.clone(), blend.clone(), None),
        What::Frame { stack, frame, framing, look } => {
            let image = frames.get(stack, *frame, &want.backend)?;
            let aspect = f64::from(size_px[0]) / f64::from(size_px[1]);
            let scene = frame_scene(&image, *framing, look, aspect);
            let blend = if image.is_color() { Blend::Colors } else { Blend::One };
            (image.channels.clone(), scene, blend, Some(image))
        }
    };
    let request = request(scene, size_px, &blend);
    Ok((Bound { want, volumes, blend, frame }, request))
}

/// The picture of something that is wanted, in full, and its scene.
///
/// # Errors
/// As [`Combined::begin`] and [`anatome::Frame::finish`].
pub(crate) fn drawn(want: &Want, frames: &Frames) -> anatome::Result<(Image, Scene)> {
    let (bound, request) = bind(want.clone(), frames)?;
    let source = Combined { backend: &bound.want.backend, volumes: &bound.volumes, blend: &bound.blend };
    let image = source.begin(&request)?.finish()?;
    Ok((image, request.scene))
}

enum Newer {
    Nothing,
    /// And since when.
    Same(Box<Request>, Instant),
    Next(Next),
}

/// The request of something that is wanted, if it is of the same volumes, combined alike.
fn same_binding(bound: &Bound, want: &Want) -> Option<Request> {
    let What::Volumes { volumes, scene, blend } = &want.what else { return None };
    let same = bound.frame.is_none()
        && want.subject == bound.want.subject
        && want.is_partial == bound.want.is_partial
        && super::are_same(volumes, &bound.volumes)
        && *blend == bound.blend
        && Arc::ptr_eq(&want.backend, &bound.want.backend);
    same.then(|| request(scene.clone(), want.size_px, blend))
}

fn request(scene: Scene, size_px: [u32; 2], blend: &Blend) -> Request {
    let output = if *blend == Blend::One { natural_output(&scene) } else { Output::Rgba8 };
    Request { quality: Quality::default(), ..Request::new(scene, size_px, output) }
}

fn failure(error: anatome::Error) -> Failure {
    Failure { is_device: error.kind() == ErrorKind::Device, reason: error.to_string() }
}

fn made(ready: Ready<Finished>, bound: &Bound) -> Made {
    Made {
        picture: Arc::new(Picture::new(ready.image)),
        wanted_px: ready.wanted.size_px,
        series: bound.want.series,
        is_partial: bound.want.is_partial,
        view: ready.wanted.scene.view.clone(),
        is_full: ready.level == anatome::governor::Level::FULL,
        took: ready.took,
        device_time: ready.device_time,
        asked: None,
        frame: bound.frame.clone(),
    }
}

/// A picture as egui takes it.
pub(crate) fn color_image(picture: &Image) -> ColorImage {
    let size = [picture.width_px() as usize, picture.height_px() as usize];
    let pixels = match picture.pixels() {
        Pixels::Grey8(grey) => grey.iter().map(|&v| Color32::from_gray(v)).collect(),
        Pixels::Rgba8(rgba) => {
            rgba.as_chunks::<4>().0.iter().map(|&[r, g, b, _]| Color32::from_rgb(r, g, b)).collect()
        }
        _ => vec![Color32::BLACK; size[0] * size[1]],
    };
    ColorImage::new(size, pixels)
}
