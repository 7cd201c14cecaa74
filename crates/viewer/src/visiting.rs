//! Going to a measurement from the list.

use crate::app::Viewer;
use crate::command::Command;
use crate::document::State;
use crate::measure::{Measurement, Place};

impl Viewer {
    /// Shows a measurement, in a view that shows its place or else in the active one; says why where that can't be.
    pub(crate) fn visit(&mut self, own: &Measurement) {
        let series = own.place.series();
        let name = self.document.name(series).unwrap_or_default();
        match self.document.entry(series).map(|entry| &entry.state) {
            Some(State::Loaded(_) | State::Stack(..)) => {}
            Some(State::Found | State::Preview(_)) => {
                return self.tell(format!("{} is on {name}, which is still being loaded.", own.name()));
            }
            Some(State::Failed(_)) | None => {
                return self.tell(format!("{} is on {name}, which can't be read.", own.name()));
            }
        }
        let view = self.session.view_to_visit(own, &self.document);
        // One that is enlarged gives its room to the next.
        let shown = if self.session.is_one_enlarged() { self.session.active } else { view };
        let size_px =
            self.canvases.get(shown).map_or([1, 1], |canvas| canvas.size_px.map(|side| side.max(1)));
        let is_in_view = self.is_in_view(view, own);
        // It would go on to another frame or phase.
        self.interaction.cine = None;
        self.push(Command::Visit { view, id: own.id, size_px });
        // How large a frame is that is not shown yet, nobody knows: all of it is shown.
        if matches!(own.place, Place::Frame { .. }) && !is_in_view {
            self.push(Command::Fit { view });
        }
    }

    /// Whether a view shows the frame of a measurement, and all points of it.
    fn is_in_view(&self, view: usize, own: &Measurement) -> bool {
        let Some(seen) = self.seen(view) else { return false };
        let is_there = crate::viewport::frame_of(own, &seen).is_some();
        let mut points = own.points.iter();
        is_there && seen.map().is_some_and(|map| points.all(|&at| seen.rect.contains(map.screen(at))))
    }
}
