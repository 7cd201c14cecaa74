//! What is kept: sessions, pictures with their scenes.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

use anatome::files::{write_picture, write_whole};
use anatome::{Overwrite, PictureFormat, Workers};
use egui::{ColorImage, Context};

use crate::app::Viewer;
use crate::history::History;
use crate::render::{Want, drawn};
use crate::saved::{Known, Saved};

/// How large a picture is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// As it is on the screen.
    Screen,
    /// As wide as it would be on a screen of 3840 x 2160.
    Wide4K,
    /// Twice that.
    Wide8K,
}

impl Size {
    pub(crate) const ALL: [(Self, &str); 3] =
        [(Self::Screen, "As shown"), (Self::Wide4K, "4K"), (Self::Wide8K, "8K")];

    /// In pixels, with the shape of the view.
    pub(crate) fn pixels(self, shown: [u32; 2]) -> [u32; 2] {
        let longer = match self {
            Self::Screen => return shown,
            Self::Wide4K => 3840.0,
            Self::Wide8K => 7680.0,
        };
        let scale = longer / f64::from(shown[0].max(shown[1]).max(1));
        shown.map(|side| ((f64::from(side) * scale).round() as u32).max(1))
    }
}

/// A picture that is being made on a thread: its size when it is saved, or why it is not.
pub(crate) type Saving = Receiver<Result<[u32; 2], String>>;

/// What is told of pictures that would leave the window as if they were whole.
pub(crate) const NOT_LOADED: &str = "What is shown is not loaded yet.";

impl Viewer {
    pub(crate) fn saved(&self) -> Saved {
        let known = |entry: &crate::document::Entry| Known {
            id: entry.id,
            modality: entry.facts.modality.code().to_owned(),
            shape: entry.facts.shape,
        };
        Saved {
            inputs: self.opened.clone(),
            series: self.document.entries().iter().map(known).collect(),
            session: self.session.clone(),
        }
    }

    pub(crate) fn save_session(&mut self, path: &Path, replace: bool) {
        match self.saved().write(path, overwrite(replace)) {
            Ok(()) => self.tell("The session is saved."),
            Err(error) => self.tell(error.to_string()),
        }
    }

    /// Opens what a session is a session of; it is shown as soon as that is there.
    pub(crate) fn load_session(&mut self, path: &Path) {
        match Saved::read(path) {
            Ok(saved) => self.go_back_to(saved),
            Err(error) => self.tell(error.to_string()),
        }
    }

    /// Opens the inputs of a saved session, and shows it when they are there.
    pub(crate) fn go_back_to(&mut self, saved: Saved) {
        self.forget();
        for paths in &saved.inputs {
            self.open(paths.clone());
        }
        self.coming = Some(saved);
    }

    /// Shows a loaded session when all its inputs are there.
    pub(crate) fn arrive(&mut self) {
        let found = self.document.inputs().iter().all(|input| input.found.is_some());
        let Some(saved) = self.coming.take_if(|_| found) else { return };
        let changed = saved.series.iter().any(|known| {
            let entry = self.document.entry(known.id);
            entry.is_none_or(|entry| {
                entry.facts.modality.code() != known.modality || entry.facts.shape != known.shape
            })
        });
        if changed {
            self.tell("The files are not those that the session was made of: it is not shown.");
            return;
        }
        self.restore(saved.session);
        self.history = History::new(self.session.clone());
    }

    /// Renders the active view at a size and writes it, beside the window's thread.
    pub(crate) fn save_picture(&mut self, path: &Path, size: Size, format: PictureFormat, replace: bool) {
        let view = self.session.active;
        let shown_px = self.canvases.get(view).map_or([1, 1], |canvas| canvas.size_px);
        let want = self.session.views.get(view).and_then(|own| self.wanted(own, size.pixels(shown_px)));
        let Some(want) = want else {
            self.tell("There is no picture to save.");
            return;
        };
        if want.is_partial {
            self.tell(NOT_LOADED);
            return;
        }
        match self.save(want, path.to_owned(), format, replace) {
            Ok(saving) => self.saving.push(saving),
            Err(error) => self.tell(error.to_string()),
        }
    }

    /// Renders something and writes it, beside the window's thread.
    ///
    /// # Errors
    /// If the system can't start a thread.
    pub(crate) fn save(
        &self,
        want: Want,
        path: PathBuf,
        format: PictureFormat,
        replace: bool,
    ) -> std::io::Result<Saving> {
        let (tell, saving) = channel();
        let (overwrite, workers) = (overwrite(replace), self.workers().clone());
        let frames = self.painter.frames();
        let wake = self.painter.wake();
        std::thread::Builder::new().name("anatome-save".to_owned()).spawn(move || {
            let written = write(&want, &frames, &path, format, overwrite, &workers);
            // The window may be gone.
            drop(tell.send(written.map_err(|error| error.to_string())));
            wake();
        })?;
        Ok(saving)
    }

    /// Tells of pictures that were saved since.
    pub(crate) fn take_saved(&mut self) {
        let mut said = Vec::new();
        self.saving.retain(|saving| match saving.try_recv() {
            Ok(Ok([width, height])) => {
                said.push(format!("The picture of {width} x {height} pixels is saved."));
                false
            }
            Ok(Err(reason)) => {
                said.push(reason);
                false
            }
            Err(error) => error == std::sync::mpsc::TryRecvError::Empty,
        });
        for text in said {
            self.tell(text);
        }
    }

    /// Puts the active view's picture, as it is shown, on the clipboard.
    pub(crate) fn copy_picture(&mut self, context: &Context) {
        let canvas = self.canvases.get(self.session.active);
        let is_partial =
            canvas.and_then(|canvas| canvas.shown.as_ref()).is_some_and(|shown| shown.is_partial);
        match canvas.and_then(|canvas| canvas.picture.clone()) {
            Some(_) if is_partial => self.tell(NOT_LOADED),
            Some(picture) => {
                context.copy_image(ColorImage::clone(&picture));
                self.tell("The picture is copied, without what is drawn over it.");
            }
            None => self.tell("There is no picture to copy."),
        }
    }
}

pub(crate) fn overwrite(replace: bool) -> Overwrite {
    if replace { Overwrite::Allowed } else { Overwrite::Never }
}

fn write(
    want: &Want,
    frames: &crate::document::Frames,
    path: &Path,
    format: PictureFormat,
    overwrite: Overwrite,
    workers: &Workers,
) -> anatome::Result<[u32; 2]> {
    let (image, scene) = drawn(want, frames)?;
    write_picture(&image, path, format, overwrite, workers)?;
    let json = serde_json::to_vec_pretty(&scene).unwrap_or_default();
    write_whole(&path.with_extension("json"), &json, overwrite)?;
    Ok([image.width_px(), image.height_px()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_pictures_have_the_shape_of_the_view() {
        assert_eq!(Size::Screen.pixels([640, 480]), [640, 480]);
        assert_eq!(Size::Wide4K.pixels([640, 480]), [3840, 2880]);
        assert_eq!(Size::Wide8K.pixels([500, 1000]), [3840, 7680]);
    }
}
