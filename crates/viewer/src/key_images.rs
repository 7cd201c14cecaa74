//! Key images as files: one after the other, each as soon as what it shows is there.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError};

use crate::app::Viewer;
use crate::document::State;
use crate::pictures::{Form, Saving, make_room};
use crate::session::{KeyImage, SeriesId, Session};

/// Key images that are being saved.
#[derive(Debug)]
pub(crate) struct SavingKeys {
    left: VecDeque<KeyImage>,
    folder: PathBuf,
    form: Form,
    /// The folder, as long as it is being made.
    room: Option<Receiver<Result<(), String>>>,
    /// The one that is being written, and what it is called.
    now: Option<(String, Saving)>,
    count: usize,
    saved: usize,
    /// Why some are not saved.
    faults: Vec<String>,
}

impl SavingKeys {
    /// What is told when it ends before its time.
    pub(crate) fn ended(&self) -> String {
        format!("{} of {} key images are not saved: what they show was closed.", self.left.len(), self.count)
    }

    fn said(&self) -> String {
        match self.faults.as_slice() {
            [] => format!("{} key images are saved.", self.saved),
            faults => format!("{} of {} key images are saved. {}", self.saved, self.count, faults.join(" ")),
        }
    }

    /// How many are not written yet.
    pub(crate) fn unwritten(&self) -> u64 {
        (self.left.len() + usize::from(self.now.is_some())) as u64
    }

    /// The one that is being written.
    pub(crate) fn into_now(self) -> Option<Saving> {
        self.now.map(|(_, saving)| saving)
    }

    /// Takes what was written since; whether there is more to be waited for.
    fn waits(&mut self) -> bool {
        if let Some(room) = &self.room {
            match room.try_recv() {
                Err(TryRecvError::Empty) => return true,
                Ok(Ok(())) => {}
                Ok(Err(reason)) => self.give_up(reason),
                Err(TryRecvError::Disconnected) => self.give_up("The folder can't be made.".to_owned()),
            }
            self.room = None;
        }
        if let Some((name, now)) = &self.now {
            match now.told.try_recv() {
                Err(TryRecvError::Empty) => return true,
                Ok(Ok(_)) => self.saved += 1,
                Ok(Err(reason)) => self.faults.push(format!("{name}: {reason}.")),
                Err(TryRecvError::Disconnected) => self.faults.push(format!("{name} can't be drawn.")),
            }
            self.now = None;
        }
        false
    }

    fn give_up(&mut self, reason: String) {
        self.faults.push(reason);
        self.left.clear();
    }
}

impl Viewer {
    /// Saves all key images in a folder, which is made if it is not there.
    pub(crate) fn save_key_images(&mut self, folder: PathBuf, form: Form) {
        let left: VecDeque<KeyImage> = self.session.key_images.iter().cloned().collect();
        if left.is_empty() {
            self.tell("There are no key images to save.");
            return;
        }
        if self.saving_keys.is_some() {
            self.tell("Key images are being saved already.");
            return;
        }
        let own = folder.clone();
        let room = match self.beside(move || make_room(&own, "key-image-", form.replace)) {
            Ok(room) => Some(room),
            Err(error) => return self.tell(error.to_string()),
        };
        let (count, saved, faults) = (left.len(), 0, Vec::new());
        self.saving_keys = Some(SavingKeys { left, folder, form, room, now: None, count, saved, faults });
    }

    /// The series of the key image that is saved next: they must be there.
    pub(crate) fn series_of_saving(&self) -> Vec<SeriesId> {
        let next = self.saving_keys.as_ref().and_then(|saving| saving.left.front());
        next.into_iter().flat_map(|image| image.view.series()).collect()
    }

    /// Goes on with saving.
    pub(crate) fn go_on_saving_keys(&mut self) {
        let Some(mut saving) = self.saving_keys.take() else { return };
        if saving.waits() {
            self.saving_keys = Some(saving);
            return;
        }
        let Some(image) = saving.left.front().cloned() else {
            if saving.faults.is_empty() {
                self.tell(saving.said())
            } else {
                self.tell_unsaved(saving.said())
            }
            return;
        };
        let state = |id: SeriesId| self.document.entry(id).map(|entry| &entry.state);
        let series: Vec<SeriesId> = image.view.series().collect();
        let is_lost = series.iter().any(|id| matches!(state(*id), None | Some(State::Failed(_))));
        let is_there =
            series.iter().all(|id| matches!(state(*id), Some(State::Loaded(_) | State::Stack(..))));
        if is_lost || is_there {
            let name = image.name(&self.document);
            let begun = if is_lost {
                Err("what it shows can't be read".to_owned())
            } else {
                self.save_key_image(&image, &saving)
            };
            match begun {
                Ok(now) => saving.now = Some((name, now)),
                Err(reason) => saving.faults.push(format!("{name}: {}.", reason.trim_end_matches('.'))),
            }
            saving.left.pop_front();
            self.painter.wake()();
        }
        self.saving_keys = Some(saving);
    }

    /// Begins to write one; says why it can't.
    fn save_key_image(&mut self, image: &KeyImage, saving: &SavingKeys) -> Result<Saving, String> {
        let form = saving.form;
        let path = saving.folder.join(format!("key-image-{}.{}", image.id, form.format.extension()));
        let session = Session {
            spaces: image.space.into_iter().collect(),
            views: vec![image.view.clone()],
            measurements: self.session.measurements.clone(),
            shown: self.session.shown,
            ..Session::default()
        };
        let want = self.whole(&session, &image.view, form.size.pixels(image.size_px))?;
        let over = form.is_labelled.then(|| self.over(session, 0, &want, image.size_px));
        self.save(want, over, path, form).map_err(|error| error.to_string())
    }
}
