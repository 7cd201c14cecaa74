//! What is closed while the window stays: series, all of them, and what was done with them.

use egui::Ui;

use crate::app::Viewer;
use crate::dialogs::{Answer, Dialog, buttons};
use crate::measure::Measurement;
use crate::session::{KeyImage, SeriesId};

/// What a session holds that somebody made, and that is lost if it is not saved.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Work {
    measurements: Vec<Measurement>,
    key_images: Vec<KeyImage>,
}

impl Work {
    /// In words; nothing if there is none.
    fn told(&self) -> Option<String> {
        let counted = |count: usize, one: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {one}s")),
        };
        let parts =
            [counted(self.measurements.len(), "measurement"), counted(self.key_images.len(), "key image")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" and "))
    }
}

impl Viewer {
    /// What was made with some series.
    fn work_with(&self, ids: &[SeriesId]) -> Work {
        let is_of = |image: &&KeyImage| image.view.series().any(|id| ids.contains(&id));
        let measurements = self.session.measurements.iter();
        Work {
            measurements: measurements.filter(|own| ids.contains(&own.place.series())).cloned().collect(),
            key_images: self.session.key_images.iter().filter(is_of).cloned().collect(),
        }
    }

    fn all_series(&self) -> Vec<SeriesId> {
        self.document.entries().iter().map(|entry| entry.id).collect()
    }

    /// Takes what there is as saved.
    pub(crate) fn work_is_saved(&mut self) {
        self.saved_work = self.work_with(&self.all_series());
    }

    /// What would be lost with some series: what was made with them, unless all that there is was saved.
    pub(crate) fn unsaved_with(&self, ids: &[SeriesId]) -> Option<String> {
        let is_saved = self.work_with(&self.all_series()) == self.saved_work;
        self.work_with(ids).told().filter(|_| !is_saved)
    }

    /// What would be lost with everything.
    pub(crate) fn unsaved(&self) -> Option<String> {
        self.unsaved_with(&self.all_series())
    }

    /// Closes series; asks first if something is lost.
    pub(crate) fn ask_to_close(&mut self, ids: Vec<SeriesId>) {
        if self.unsaved_with(&ids).is_some() {
            self.dialog = Some(Dialog::CloseSeries { ids });
        } else {
            self.close_series(&ids);
        }
    }

    pub(crate) fn ask_to_close_all(&mut self) {
        self.ask_to_close(self.all_series());
    }

    /// Closes series with what was made with them. What was opened with them and is not closed stays.
    pub(crate) fn close_series(&mut self, ids: &[SeriesId]) {
        if self.all_series().iter().all(|id| ids.contains(id)) {
            return self.forget();
        }
        for input in self.document.close(ids) {
            if let Some(paths) = self.opened.get_mut(input as usize) {
                paths.clear();
            }
        }
        let mut session = self.session.clone();
        session.close(ids);
        self.restore(session);
        // Undo would bring back what is not there.
        self.history = crate::history::History::new(self.session.clone());
        self.asked.retain(|id| !ids.contains(id));
        self.panels.notes = self.panels.notes.filter(|id| !ids.contains(id));
    }

    /// What is lost by an answer.
    pub(crate) fn show_lost(&self, ui: &mut Ui, ids: Option<&[SeriesId]>, does: &str) -> Answer {
        let lost = match ids {
            Some(ids) => self.unsaved_with(ids),
            None => self.unsaved(),
        };
        ui.label(match lost {
            Some(lost) => format!("{lost} not saved in a session would be lost."),
            None => "Nothing would be lost.".to_owned(),
        });
        buttons(ui, does, true)
    }
}
