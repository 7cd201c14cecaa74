//! Key images as files: one after the other, each as soon as what it shows is there.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::TryRecvError;

use anatome::PictureFormat;

use crate::app::Viewer;
use crate::document::State;
use crate::pictures::{Saving, Size};
use crate::session::{KeyImage, SeriesId, Session};

/// Key images that are being saved.
#[derive(Debug)]
pub(crate) struct SavingKeys {
    left: VecDeque<KeyImage>,
    folder: PathBuf,
    size: Size,
    format: PictureFormat,
    replace: bool,
    /// The one that is being written, and what it is called.
    now: Option<(String, Saving)>,
    count: usize,
    /// Why some are not saved.
    faults: Vec<String>,
}

impl SavingKeys {
    /// What is told when it ends before its time.
    pub(crate) fn ended(&self) -> String {
        format!("{} of {} key images are not saved: what they show was closed.", self.left.len(), self.count)
    }

    fn said(&self) -> String {
        let saved = self.count - self.faults.len();
        match self.faults.as_slice() {
            [] => format!("{saved} key images are saved."),
            faults => format!("{saved} of {} key images are saved. {}", self.count, faults.join(" ")),
        }
    }
}

impl Viewer {
    /// Saves all key images in a folder, which is made if it is not there.
    pub(crate) fn save_key_images(
        &mut self,
        folder: PathBuf,
        size: Size,
        format: PictureFormat,
        replace: bool,
    ) {
        let left: VecDeque<KeyImage> = self.session.key_images.iter().cloned().collect();
        if left.is_empty() {
            self.tell("There are no key images to save.");
            return;
        }
        if let Err(error) = std::fs::create_dir_all(&folder) {
            self.tell(format!("The folder can't be made: {error}"));
            return;
        }
        let count = left.len();
        let faults = Vec::new();
        self.saving_keys = Some(SavingKeys { left, folder, size, format, replace, now: None, count, faults });
    }

    /// The series of the key image that is saved next: they must be there.
    pub(crate) fn series_of_saving(&self) -> Vec<SeriesId> {
        let next = self.saving_keys.as_ref().and_then(|saving| saving.left.front());
        next.into_iter().flat_map(|image| image.view.series()).collect()
    }

    /// Goes on with saving.
    pub(crate) fn go_on_saving_keys(&mut self) {
        let Some(mut saving) = self.saving_keys.take() else { return };
        if let Some((name, now)) = &saving.now {
            match now.try_recv() {
                Err(TryRecvError::Empty) => {
                    self.saving_keys = Some(saving);
                    return;
                }
                Ok(Ok(_)) => {}
                Ok(Err(reason)) => saving.faults.push(format!("{name}: {reason}.")),
                Err(TryRecvError::Disconnected) => saving.faults.push(format!("{name} can't be drawn.")),
            }
            saving.now = None;
        }
        let Some(image) = saving.left.front() else {
            self.tell(saving.said());
            return;
        };
        let state = |id: SeriesId| self.document.entry(id).map(|entry| &entry.state);
        let series: Vec<SeriesId> = image.view.series().collect();
        let is_lost = series.iter().any(|id| matches!(state(*id), None | Some(State::Failed(_))));
        let is_there =
            series.iter().all(|id| matches!(state(*id), Some(State::Loaded(_) | State::Stack(..))));
        if is_lost || is_there {
            match self.save_key_image(image, &saving) {
                Ok(now) => saving.now = Some((image.name(), now)),
                Err(reason) => saving.faults.push(reason),
            }
            saving.left.pop_front();
            self.painter.wake()();
        }
        self.saving_keys = Some(saving);
    }

    /// Begins to write one; says why it can't.
    fn save_key_image(&self, image: &KeyImage, saving: &SavingKeys) -> Result<Saving, String> {
        let path = saving.folder.join(format!("key-image-{}.{}", image.id, saving.format.extension()));
        let session = Session { spaces: image.space.into_iter().collect(), ..Session::default() };
        let want = self
            .wanted_in(&session, &image.view, saving.size.pixels(image.size_px))
            .ok_or_else(|| format!("{} can't be drawn: its series can't be read.", image.name()))?;
        let begun = self.save(want, path, saving.format, saving.replace);
        begun.map_err(|error| format!("{}: {error}.", image.name()))
    }
}
