//! Measuring by keys: points are set where the crosshair is, on frames in the middle of the view.

use glam::DVec3;

use crate::app::Viewer;
use crate::command::Command;
use crate::measure::{Kind, Measurement};
use crate::session::Content;
use crate::steps::Way;
use crate::tools::Tool;
use crate::viewport::{Seen, end_drawing, set_point};

impl Seen<'_> {
    /// Where keys set a point: in a plane the place of it that is next to the crosshair.
    pub(crate) fn keyed_mm(&self) -> Option<DVec3> {
        let center_mm = || Some(self.session.space_of(self.view.series?, self.document)?.center_mm);
        match self.view.content {
            Content::Orbit(_) => center_mm(),
            Content::Plane(_) => {
                let (map, at_mm) = (self.map()?, center_mm()?);
                Some(at_mm - map.plane.normal() * map.depth_mm(at_mm))
            }
            Content::Frame(_) => self.map().map(|map| map.patient_mm(self.rect.center())),
        }
    }
}

impl Viewer {
    /// Sets the next point of a measurement in the active view.
    pub(crate) fn set_point(&mut self) {
        let Tool::Measure(kind) = self.interaction.tool else {
            return self.tell("No measurement is chosen as the tool.");
        };
        let mut interaction = std::mem::take(&mut self.interaction);
        let mut commands = Vec::new();
        if let Some(seen) = self.active_seen()
            && let Some(at_mm) = seen.keyed_mm()
        {
            set_point(&seen, kind, at_mm, &mut interaction, &mut commands);
        }
        self.interaction = interaction;
        self.interaction.by_keys = true;
        if commands.iter().any(|command| matches!(command, Command::Measure { .. })) {
            // Keys go on with it.
            self.interaction.selected = Some(self.session.next_measurement);
        }
        self.commands.extend(commands);
    }

    /// Ends a measurement that may have any number of points.
    pub(crate) fn end_drawing(&mut self) {
        end_drawing(&mut self.interaction, &mut self.commands);
    }

    /// Lets the next point of what is drawn follow what keys move.
    pub(crate) fn lead_point(&mut self, moved: &Command) {
        let moves = matches!(
            moved,
            Command::Cross { .. } | Command::Scroll { .. } | Command::Pan { .. } | Command::Zoom { .. }
        );
        // What is drawn in one stroke, and in 3D, has no point to come.
        let draft = self.interaction.draft.as_ref().filter(|draft| moves && !draft.kind.is_stroke());
        let Some(draft) = draft else { return };
        let at_mm = self.seen(draft.view).and_then(|seen| seen.keyed_mm());
        if let (Some(at_mm), Some([_, .., last])) =
            (at_mm, self.interaction.draft.as_mut().map(|draft| draft.points.as_mut_slice()))
        {
            *last = at_mm;
        }
    }

    /// The measurement that keys act on.
    fn selected(&self) -> Option<&Measurement> {
        self.session.measurements.iter().find(|own| Some(own.id) == self.interaction.selected)
    }

    /// Takes hold of the next point of the measurement that keys act on; after the last of all of it.
    pub(crate) fn hold_next(&mut self) {
        let Some((id, count)) =
            self.selected().filter(|own| own.kind != Kind::Freehand).map(|own| (own.id, own.points.len()))
        else {
            return self.tell("No measurement with points of its own is selected.");
        };
        let next = self.interaction.held_point(id).map_or(0, |held| held + 1);
        self.interaction.held = (next < count).then_some((id, next));
    }

    /// Moves the measurement that keys act on, or the point of it that is held, by a point of the screen.
    pub(crate) fn nudged(&self, way: Way) -> Option<Command> {
        let (own, seen) = (self.selected()?, self.active_seen()?);
        let map = seen.map().filter(|_| seen.measurements().any(|shown| shown.id == own.id))?;
        let by = way.flat() * map.point_mm();
        let by_mm = map.plane.right * by.x + map.plane.down * by.y;
        let held = self.interaction.held_point(own.id);
        let moved = |(n, point): (usize, &DVec3)| {
            if held.is_none_or(|held| held == n) { *point + by_mm } else { *point }
        };
        let points = own.points.iter().enumerate().map(moved).collect();
        Some(Command::Move { id: own.id, points })
    }
}
