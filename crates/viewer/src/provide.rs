//! What is loaded, and for how long it stays.

use std::sync::Arc;

use anatome::Planes;

use crate::app::Viewer;
use crate::cine::AHEAD;
use crate::command::Command;
use crate::document::{Entry, Kind};
use crate::hanging::Hanging;
use crate::history::History;
use crate::presets::PresetPictures;
use crate::session::{SeriesId, Space};

/// The most bytes of volumes, as long as some of them are not shown: one thorax of 500 slices beside another.
pub(crate) const SPARE_BYTES: usize = 1 << 30;

impl Viewer {
    /// After the backend was changed everything is handed to the new one.
    pub(crate) fn reload(&mut self) {
        self.asked.clear();
        self.painter.forget_frames();
        self.presets = PresetPictures::default();
    }

    /// Shows the largest volume of what was opened first, or the first images.
    pub(crate) fn show_first(&mut self, input: u32) {
        if self.coming.is_some() || self.session.views.iter().any(|view| view.series.is_some()) {
            return;
        }
        let hung = self
            .layouts
            .iter()
            .chain(Hanging::built_in())
            .find_map(|own| own.commands(&self.document, Some(input), None));
        if let Some(commands) = hung {
            commands.iter().for_each(|command| self.do_now(command));
            self.history = History::new(self.session.clone());
            return;
        }
        let of_input = self.document.entries().iter().filter(|entry| entry.id.input == input);
        let size = |entry: &&Entry| (entry.facts.kind == Kind::Volume, entry.facts.voxels());
        // Of equal ones the first.
        let best = of_input.filter(|entry| entry.facts.kind != Kind::Object).rev().max_by_key(size);
        if let Some(entry) = best {
            let command = Command::Show { view: self.session.active, series: entry.id, content: None };
            self.do_now(&command);
            self.history = History::new(self.session.clone());
        }
    }

    /// Loads what is shown, and places the crosshairs of spaces that are shown for the first time.
    pub(crate) fn provide(&mut self) {
        for id in self.needed() {
            if !self.asked.contains(&id)
                && self.document.backend().is_some()
                && let Some(study) = self.document.study(id)
            {
                self.asked.push(id);
                self.loader.load(id, Arc::clone(study));
            }
            if let (Some(space), Some(grid)) = (self.document.space(id), self.document.grid(id))
                && self.session.space(space).is_none()
            {
                let space = Space::around(space, grid, Planes::Acquisition);
                self.do_now(&Command::Place { space });
            }
        }
    }

    /// The series whose volumes must be there, each once.
    fn needed(&self) -> Vec<SeriesId> {
        let mut needed: Vec<SeriesId> = self.session.series().collect();
        needed.extend(self.series_of_saving());
        needed.extend(self.series_of_cine().into_iter().take(AHEAD));
        needed.sort_unstable();
        needed.dedup();
        needed
    }

    /// Lets volumes go that nothing shows any more. What views show, what lies over it and what is measured in stays. Of
    /// the phases of a loop those that come next stay, and of what undo and redo could show again the latest, as long as all
    /// that is loaded takes no more than [`SPARE_BYTES`]; what goes is read again when it is shown. So memory is bound by what
    /// is shown, or by that number.
    pub(crate) fn let_go(&mut self) {
        let needed = self.needed();
        let unread = self.loader.keep(&needed);
        let mut spare = self.series_of_cine();
        spare.extend(self.history.series());
        let gone = self.document.let_go(&needed, &spare, self.spare_bytes);
        // Pictures that are to be made hold their volume.
        if !needed.iter().any(|id| self.presets.is_of(self.document.first_phase(*id))) {
            self.presets = PresetPictures::default();
        }
        self.asked.retain(|id| !unread.contains(id) && !gone.contains(id));
    }

    /// Reads a series again that could not be read.
    pub(crate) fn read_again(&mut self, id: SeriesId) {
        if self.document.forget_failure(id) {
            self.asked.retain(|asked| *asked != id);
        }
    }
}
