//! A turn about the patient's long axis as a row of pictures.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Instant;

use anatome::files::write_picture;
use anatome::{PictureFormat, Progress, Workers};
use glam::{DQuat, DVec3};

use crate::app::Viewer;
use crate::document::{Frames, Work};
use crate::pictures::{Size, make_room, overwrite};
use crate::render::{Want, drawn};
use crate::session::{Content, Orbit, ViewState};
use crate::threads;

/// How many pictures a turn may have.
pub(crate) const COUNTS: std::ops::RangeInclusive<u32> = 4..=720;

/// A turn that is being written.
pub(crate) struct Turning {
    pub work: Work,
    folder: PathBuf,
    told: Receiver<Told>,
}

impl Turning {
    /// How many pictures are not written yet.
    pub(crate) fn unwritten(&self) -> u64 {
        let (done, all) = self.work.done;
        all.saturating_sub(done).max(1)
    }

    /// Writes no further picture, and waits for the present one; returns the folder.
    pub(crate) fn end(self, until: Instant) -> PathBuf {
        self.work.cancel();
        while let Ok(Told::Picture(_)) =
            self.told.recv_timeout(until.saturating_duration_since(Instant::now()))
        {}
        self.folder
    }
}

enum Told {
    Picture(u64),
    /// What is told at the end; or why not all of it is saved.
    End(Result<String, String>),
}

/// What a turn is written as.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    pub folder: String,
    pub count: u32,
    pub size: Size,
    pub format: PictureFormat,
    pub replace: bool,
}

impl Viewer {
    /// Writes a turn of the 3D view that is active, or of the first of the same series.
    pub(crate) fn turn(&mut self, turn: &Turn) {
        let shown = self.shown_in_3d();
        let shown_px = shown.and_then(|view| self.canvases.get(view)).map_or([1, 1], |canvas| canvas.size_px);
        let view = shown.and_then(|view| self.session.views.get(view));
        let views = view.map(|view| turned(view, turn.count.clamp(*COUNTS.start(), *COUNTS.end())));
        let size_px = turn.size.pixels(shown_px);
        let wants = views.unwrap_or_default();
        let wants: Result<Vec<Want>, _> =
            wants.iter().map(|view| self.whole(&self.session, view, size_px)).collect();
        let wants = match wants {
            _ if self.turning.is_some() => return self.tell("A turn is being saved already."),
            Ok(wants) if wants.is_empty() => return self.tell("There is no 3D view to turn."),
            Ok(wants) => wants,
            Err(reason) => return self.tell(reason),
        };
        let folder = PathBuf::from(turn.folder.trim());
        let (tell, told) = channel();
        let progress = Progress::new();
        let count = wants.len() as u64;
        let writing = Writing {
            tell,
            progress: progress.clone(),
            frames: self.painter.frames(),
            workers: self.workers().clone(),
        };
        let (turn, wake, own) = (turn.clone(), self.painter.wake(), folder.clone());
        let thread = threads::spawn("anatome-turn", move || {
            let said = writing.write(&wants, &own, &turn, &*wake);
            // The window may be gone.
            drop(writing.tell.send(Told::End(said)));
            wake();
        });
        match thread {
            Ok(_) => {
                let work = Work::new("Turning", (0, count), progress);
                self.turning = Some(Turning { work, folder, told });
            }
            Err(error) => self.tell(error.to_string()),
        }
    }

    /// The 3D view that is active, or the first of the active view's series.
    pub(crate) fn shown_in_3d(&self) -> Option<usize> {
        let series = self.session.active_view()?.series?;
        let is_3d =
            |view: &ViewState| matches!(view.content, Content::Orbit(_)) && view.series == Some(series);
        let active = self.session.active;
        let is_active = self.session.active_view().is_some_and(is_3d);
        if is_active { Some(active) } else { self.session.views.iter().position(is_3d) }
    }

    /// Takes what was written since.
    pub(crate) fn take_turned(&mut self) {
        while let Some(turning) = &mut self.turning {
            match turning.told.try_recv() {
                Ok(Told::Picture(done)) => turning.work.done.0 = done,
                Ok(Told::End(said)) => {
                    self.turning = None;
                    match said {
                        Ok(text) => self.tell(text),
                        Err(text) => self.tell_unsaved(text),
                    }
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => self.turning = None,
            }
        }
    }
}

/// A view turned about the patient's long axis by even steps, once around.
fn turned(view: &ViewState, count: u32) -> Vec<ViewState> {
    let Content::Orbit(orbit) = view.content else { return Vec::new() };
    let step = |n: u32| {
        let turn = DQuat::from_axis_angle(DVec3::Z, f64::from(n) / f64::from(count) * std::f64::consts::TAU);
        let orbit = crate::session::OrbitView { orbit: Orbit((turn * orbit.orbit.0).normalize()), ..orbit };
        ViewState { content: Content::Orbit(orbit), ..view.clone() }
    };
    (0..count).map(step).collect()
}

struct Writing {
    tell: Sender<Told>,
    progress: Progress,
    frames: std::sync::Arc<Frames>,
    workers: Workers,
}

impl Writing {
    /// Writes one picture after the other; returns what is to be told.
    fn write(
        &self,
        wants: &[Want],
        folder: &Path,
        turn: &Turn,
        wake: &(dyn Fn() + Send + Sync),
    ) -> Result<String, String> {
        make_room(folder, "turn-", turn.replace)
            .map_err(|reason| format!("The turn is not saved. {reason}"))?;
        for (n, want) in wants.iter().enumerate() {
            if self.progress.is_cancelled() {
                return Ok(format!("The turn was cancelled after {n} pictures."));
            }
            let path = folder.join(format!("turn-{:03}.{}", n + 1, turn.format.extension()));
            let written = drawn(want, &self.frames).and_then(|(image, _)| {
                write_picture(&image, &path, turn.format, overwrite(turn.replace), &self.workers)
            });
            written.map_err(|error| {
                format!("{n} of {} pictures of the turn are saved: {error}.", wants.len())
            })?;
            if self.tell.send(Told::Picture(n as u64 + 1)).is_err() {
                return Ok(String::new());
            }
            wake();
        }
        Ok(format!("The turn of {} pictures is saved.", wants.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::OrbitView;

    #[test]
    fn a_turn_goes_once_around_the_long_axis() {
        let content = Content::Orbit(OrbitView::default());
        let views = turned(&ViewState { content, ..ViewState::default() }, 4);
        let seen: Vec<String> = views
            .iter()
            .map(|view| {
                let Content::Orbit(orbit) = view.content else { panic!("no 3D") };
                let (_, down, forward) = orbit.orbit.axes();
                anatome::orientation_letters(-forward) + &anatome::orientation_letters(-down)
            })
            .collect();
        assert_eq!(seen, ["AH", "LH", "PH", "RH"]);
    }
}
