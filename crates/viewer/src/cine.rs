//! Loops through frames of a stack, phases of a volume, or its slices.

use std::time::{Duration, Instant};

use egui::Context;

use crate::app::Viewer;
use crate::command::Command;
use crate::document::State;
use crate::interaction::Cine;
use crate::session::{Content, SeriesId, on_its_way};

/// So many frames a second a loop plays where the file says nothing.
const FRAMES_PER_S: f64 = 15.0;
/// So many phases.
const PHASES_PER_S: f64 = 5.0;
/// So many phases must be there, the present one among them: the next are read while it is shown.
pub(crate) const AHEAD: usize = 3;
/// What a loop may be asked for.
pub(crate) const RATES: std::ops::RangeInclusive<f64> = 0.5..=60.0;

impl Viewer {
    /// Starts or stops the loop of the active view.
    pub(crate) fn toggle_cine(&mut self) {
        let view = self.session.active;
        let playing = self.interaction.cine.take();
        if playing.is_some_and(|cine| cine.view == view) {
            return;
        }
        let rate = self.rate(view);
        if rate.is_none() {
            self.tell("There is nothing to play in the view.");
        }
        self.interaction.cine = rate.map(|frames_per_s| Cine { view, frames_per_s, shown: Instant::now() });
    }

    /// How fast the loop of a view plays at first: as the file says. Nothing if there is nothing to play.
    fn rate(&self, view: usize) -> Option<f64> {
        let own = self.session.views.get(view)?;
        let series = own.series?;
        let usual = match own.content {
            Content::Frame(_) if self.document.stack(series)?.frames().len() > 1 => FRAMES_PER_S,
            Content::Frame(_) => return None,
            _ if self.document.phases(series).len() > 1 => PHASES_PER_S,
            Content::Plane(_) => FRAMES_PER_S,
            Content::Orbit(_) => return None,
        };
        let header = self.document.series(series).and_then(|own| own.instances().first());
        let stated = header.filter(|_| matches!(own.content, Content::Frame(_)));
        Some(
            stated
                .and_then(|header| header.frames_per_s())
                .unwrap_or(usual)
                .clamp(*RATES.start(), *RATES.end()),
        )
    }

    /// The phase so many steps from the one that a view shows, in a circle.
    pub(crate) fn phase(&self, view: usize, steps: isize) -> Option<Command> {
        let shown = self.session.views.get(view)?.series?;
        let phases = self.document.phases(shown);
        let at = phases.iter().position(|id| *id == shown)?;
        let count = isize::try_from(phases.len()).ok().filter(|count| *count > 1)?;
        let to = (isize::try_from(at).ok()? + steps).rem_euclid(count);
        Some(Command::Phase { view, series: *phases.get(usize::try_from(to).ok()?)? })
    }

    /// The phases that a loop shows, beginning with the present one.
    pub(crate) fn series_of_cine(&self) -> Vec<SeriesId> {
        let view = self.interaction.cine.and_then(|cine| self.session.views.get(cine.view));
        let Some(series) = view.and_then(|view| view.series) else { return Vec::new() };
        let mut phases = self.document.phases(series);
        let at = phases.iter().position(|id| *id == series).unwrap_or(0);
        phases.rotate_left(at);
        phases
    }

    /// What a loop shows next.
    fn next_of_cine(&self, cine: Cine) -> Option<Command> {
        let view = self.session.views.get(cine.view)?;
        match view.content {
            Content::Frame(own) => {
                let count = self.document.stack(view.series?)?.frames().len();
                Some(Command::GoTo { view: cine.view, frame: (own.frame + 1) % count.max(1) })
            }
            Content::Plane(plane) if self.document.phases(view.series?).len() < 2 => {
                let series = view.series?;
                let space = self.session.space_of(series, &self.document)?;
                let loaded = self.document.loaded(series)?;
                let at = on_its_way(space, plane.direction, loaded.volume.grid(), &loaded.images);
                // After the last comes the first.
                let is_last = at.before.round() >= at.count as f64 - 1.0;
                let steps = if is_last { -(at.count as f64) } else { 1.0 };
                Some(Command::Scroll { view: cine.view, steps })
            }
            _ => self.phase(cine.view, 1),
        }
    }

    /// Whether what a command shows is there, or never will be.
    fn is_there(&self, command: &Command) -> bool {
        let Command::Phase { series, .. } = command else { return true };
        let state = self.document.entry(*series).map(|entry| &entry.state);
        matches!(state, None | Some(State::Loaded(_) | State::Failed(_)))
    }

    /// Goes on with a loop that plays.
    pub(crate) fn play(&mut self, context: &Context) {
        let Some(mut cine) = self.interaction.cine else { return };
        let Some(next) = self.next_of_cine(cine) else {
            self.interaction.cine = None;
            return;
        };
        let period = Duration::from_secs_f64(1.0 / cine.frames_per_s.clamp(*RATES.start(), *RATES.end()));
        let due = cine.shown + period;
        let now = Instant::now();
        // What can't be drawn in time is not skipped: each frame is seen.
        if now >= due && !self.painter.is_busy(cine.view) && self.is_there(&next) {
            self.do_aside(&next);
            cine.shown = if now >= due + period { now } else { due };
            self.interaction.cine = Some(cine);
        }
        context.request_repaint_after(period.min((cine.shown + period).saturating_duration_since(now)));
    }
}
