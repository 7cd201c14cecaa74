//! What is kept: sessions, pictures with their scenes.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anatome::files::{check_target, remove_unfinished, write_picture, write_whole};
use anatome::{Overwrite, PictureFormat, Workers, read_scene};
use egui::{Color32, ColorImage, Context};

use crate::app::Viewer;
use crate::burnt::Over;
use crate::history::History;
use crate::interaction::Interaction;
use crate::key_images::SavingKeys;
use crate::render::{Want, color_image, drawn};
use crate::saved::{Known, Saved};
use crate::session::{Session, Shown, ViewState};
use crate::threads;
use crate::viewport::{Canvas, Seen};

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

/// How a picture is saved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Form {
    pub size: Size,
    pub format: PictureFormat,
    /// With what is drawn over it: letters, scale bar, measurements, marks.
    pub is_labelled: bool,
    /// Whether a file that is there is replaced.
    pub replace: bool,
}

impl Default for Form {
    fn default() -> Self {
        Self { size: Size::Screen, format: PictureFormat::Png, is_labelled: true, replace: false }
    }
}

/// A picture that is being made on a thread.
#[derive(Debug)]
pub(crate) struct Saving {
    /// Into which folder.
    pub folder: PathBuf,
    /// Its size when it is saved, or why it is not.
    pub told: Receiver<Result<[u32; 2], String>>,
}

/// What is told of pictures that would leave the window as if they were whole.
pub(crate) const NOT_LOADED: &str = "What is shown is not loaded yet.";
const NO_PICTURE: &str = "There is no picture to save.";

impl Viewer {
    pub(crate) fn saved(&self) -> Saved {
        let known = |entry| Known::of(entry, &self.document);
        Saved {
            inputs: self.opened.clone(),
            series: self.document.entries().iter().map(known).collect(),
            session: self.session.clone(),
        }
    }

    pub(crate) fn save_session(&mut self, path: &Path, replace: bool) {
        match self.saved().write(path, overwrite(replace)) {
            Ok(()) => {
                self.work_is_saved();
                self.tell("The session is saved.");
            }
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
            if paths.is_empty() {
                self.document.add_closed_input();
                self.opened.push(Vec::new());
            } else {
                self.open(paths.clone());
            }
        }
        self.coming = Some(saved);
    }

    /// Shows a loaded session when all its inputs are there.
    pub(crate) fn arrive(&mut self) {
        let found = self.document.inputs().iter().all(|input| input.found.is_some());
        let Some(saved) = self.coming.take_if(|_| found) else { return };
        let changed = saved.series.iter().any(|known| {
            let entry = self.document.entry(known.id);
            entry.is_none_or(|entry| Known::of(entry, &self.document) != *known)
        });
        if changed {
            self.tell("The files are not those that the session was made of: it is not shown.");
            return;
        }
        self.restore(saved.session);
        self.work_is_saved();
        self.history = History::new(self.session.clone());
    }

    /// Renders the active view at a size and writes it, beside the window's thread.
    pub(crate) fn save_picture(&mut self, path: &Path, form: Form) {
        let view = self.session.active;
        let shown_px = self.canvases.get(view).map_or([1, 1], |canvas| canvas.size_px);
        let want = match self.session.views.get(view) {
            Some(own) => self.whole(&self.session, own, form.size.pixels(shown_px)),
            None => Err(NO_PICTURE),
        };
        let want = match want {
            Ok(want) => want,
            Err(reason) => return self.tell(reason),
        };
        let session = self.session.clone();
        let over = form.is_labelled.then(|| self.over(session, view, &want, shown_px));
        match self.save(want, over, path.to_owned(), form) {
            Ok(saving) => self.saving.push(saving),
            Err(error) => self.tell(error.to_string()),
        }
    }

    /// What is drawn over the picture of a view of a session that leaves the window: all but what is only of use in it.
    /// `shown_px` is the size of the view in the window, on which the size of letters depends.
    pub(crate) fn over(&mut self, session: Session, index: usize, want: &Want, shown_px: [u32; 2]) -> Over {
        let mut session = session;
        let shown = &mut session.shown;
        *shown = Shown { labels: true, crosshair: false, reference_lines: false, crop_box: false, ..*shown };
        let per_point = |canvas: &Canvas| Some(canvas.size_px[0] as f32 / canvas.rect?.width().max(1.0));
        let per_point = self.canvases.iter().find_map(per_point).unwrap_or(1.0);
        let pixels_per_point = per_point * want.size_px[0] as f32 / shown_px[0].max(1) as f32;
        let mut values = std::mem::take(&mut self.values);
        let over = Over::drawn(want.size_px, pixels_per_point, |painter, rect| {
            let canvas = Canvas::of(want, rect, &self.painter.frames());
            let Some(view) = session.views.get(index) else { return };
            let (document, canvas) = (&self.document, &canvas);
            let seen = Seen { session: &session, document, index, view, canvas, rect };
            crate::viewport::draw_over(painter, &seen, &Interaction::default(), &mut values, false);
        });
        self.values = values;
        over
    }

    /// What is drawn of a view that leaves the window: only as a whole.
    ///
    /// # Errors
    /// If there is nothing, or some of it is not loaded.
    pub(crate) fn whole(
        &self,
        session: &Session,
        view: &ViewState,
        size_px: [u32; 2],
    ) -> Result<Want, &'static str> {
        let want = self.wanted_in(session, view, size_px).ok_or(NO_PICTURE)?;
        if want.is_partial { Err(NOT_LOADED) } else { Ok(want) }
    }

    /// Renders something and writes it, beside the window's thread.
    ///
    /// # Errors
    /// If the system can't start a thread.
    pub(crate) fn save(
        &self,
        want: Want,
        over: Option<Over>,
        path: PathBuf,
        form: Form,
    ) -> std::io::Result<Saving> {
        let (overwrite, workers) = (overwrite(form.replace), self.workers().clone());
        let frames = self.painter.frames();
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let told = self.beside(move || {
            write(&want, over.as_ref(), &frames, &path, form.format, overwrite, &workers)
                .map_err(|error| error.to_string())
        })?;
        Ok(Saving { folder, told })
    }

    /// Does something beside the window's thread, which is woken by what comes of it.
    ///
    /// # Errors
    /// If the system can't start a thread.
    pub(crate) fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> std::io::Result<Receiver<T>> {
        let (tell, told) = channel();
        let wake = self.painter.wake();
        threads::spawn("anatome-save", move || {
            // The window may be gone.
            drop(tell.send(work()));
            wake();
        })?;
        Ok(told)
    }

    /// Waits, when the window closes, for what is being written; what is not done in time is taken away.
    pub(crate) fn end_saving(&mut self) {
        /// So long the window's end may take.
        const LONGEST: Duration = Duration::from_secs(10);
        let until = Instant::now() + LONGEST;
        let mut folders = Vec::new();
        let keys = self.saving_keys.take().and_then(SavingKeys::into_now);
        for saving in self.saving.drain(..).chain(keys) {
            // Nobody is left to be told.
            drop(saving.told.recv_timeout(until.saturating_duration_since(Instant::now())));
            folders.push(saving.folder);
        }
        folders.extend(self.turning.take().map(|turning| turning.end(until)));
        folders.iter().for_each(|folder| remove_unfinished(folder));
    }

    /// Tells of pictures that were saved since.
    pub(crate) fn take_saved(&mut self) {
        let mut told = Vec::new();
        self.saving.retain(|saving| match saving.told.try_recv() {
            Ok(own) => {
                told.push(own);
                false
            }
            Err(error) => error == std::sync::mpsc::TryRecvError::Empty,
        });
        for own in told {
            match own {
                Ok([width, height]) => {
                    self.tell(format!("The picture of {width} x {height} pixels is saved."));
                }
                Err(reason) => self.tell_unsaved(reason),
            }
        }
    }

    /// Puts the active view's picture, as it is shown and with what is drawn over it, on the clipboard.
    pub(crate) fn copy_picture(&mut self, context: &Context) {
        let view = self.session.active;
        let canvas = self.canvases.get(view);
        let is_partial =
            canvas.and_then(|canvas| canvas.shown.as_ref()).is_some_and(|shown| shown.is_partial);
        match canvas.and_then(|canvas| canvas.picture.clone()) {
            Some(_) if is_partial => self.tell(NOT_LOADED),
            Some(picture) => {
                let mut picture = match picture.image() {
                    Ok(image) => color_image(image),
                    Err(error) => return self.tell(error.to_string()),
                };
                let size_px = picture.size.map(|side| side as u32);
                let want = self.session.views.get(view).map(|own| self.whole(&self.session, own, size_px));
                if let Some(Ok(want)) = want {
                    let over = self.over(self.session.clone(), view, &want, size_px);
                    let mut rgba: Vec<u8> = picture.pixels.iter().flat_map(Color32::to_array).collect();
                    over.put(&mut rgba, picture.size);
                    picture = ColorImage::from_rgba_unmultiplied(picture.size, &rgba);
                }
                context.copy_image(picture);
                self.tell("The picture is copied, with what is drawn over it.");
            }
            None => self.tell("There is no picture to copy."),
        }
    }
}

/// Makes a folder for a row of pictures. Those of an earlier row, which may be another patient's, are never left among them.
///
/// # Errors
/// If the folder can't be made, or holds such pictures that may not be replaced.
pub(crate) fn make_room(folder: &Path, prefix: &str, replace: bool) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("The folder can't be used: {error}.");
    std::fs::create_dir_all(folder).map_err(failed)?;
    let entries =
        std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed)?;
    let is_earlier = |entry: &std::fs::DirEntry| is_of_row(&entry.file_name().to_string_lossy(), prefix);
    let earlier: Vec<PathBuf> = entries.iter().filter(|own| is_earlier(own)).map(|own| own.path()).collect();
    if !(replace || earlier.is_empty()) {
        return Err("The folder holds pictures that were saved before.".to_owned());
    }
    earlier.iter().try_for_each(std::fs::remove_file).map_err(failed)
}

/// Whether a file has a name that a picture of a row is given, or its scene.
fn is_of_row(name: &str, prefix: &str) -> bool {
    let of_number = name.strip_prefix(prefix).and_then(|rest| rest.split_once('.'));
    of_number.is_some_and(|(number, extension)| {
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let formats = [PictureFormat::Png, PictureFormat::JPEG, PictureFormat::Tiff];
        is_number && (extension == "json" || formats.iter().any(|own| own.extension() == extension))
    })
}

pub(crate) fn overwrite(replace: bool) -> Overwrite {
    if replace { Overwrite::Allowed } else { Overwrite::Never }
}

fn write(
    want: &Want,
    over: Option<&Over>,
    frames: &crate::document::Frames,
    path: &Path,
    format: PictureFormat,
    overwrite: Overwrite,
    workers: &Workers,
) -> anatome::Result<[u32; 2]> {
    let scene_path = path.with_extension("json");
    check_target(path, overwrite)?;
    // Whoever replaces a picture was not asked for another file of its name.
    let is_scene = read_scene(&scene_path).is_ok();
    check_target(&scene_path, if is_scene { overwrite } else { Overwrite::Never })?;
    let (image, scene) = drawn(want, frames)?;
    let image = match over {
        Some(over) => over.on(image)?,
        None => image,
    };
    write_picture(&image, path, format, overwrite, workers)?;
    let json = serde_json::to_vec_pretty(&scene).unwrap_or_default();
    write_whole(&scene_path, &json, if is_scene { overwrite } else { Overwrite::Never })?;
    Ok([image.width_px(), image.height_px()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_pictures_are_not_mixed_and_nothing_else_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let row = folder.path().join("row");
        make_room(&row, "turn-", false).unwrap();
        let others = ["turn-.png", "turn-1a.png", "turn-7.txt", "key-image-1.png", "return-1.png"];
        for name in others.iter().chain(&["turn-001.png", "turn-002.jpg", "turn-002.json"]) {
            std::fs::write(row.join(name), name).unwrap();
        }
        assert!(make_room(&row, "turn-", false).is_err());
        assert_eq!(std::fs::read_dir(&row).unwrap().count(), 8);
        make_room(&row, "turn-", true).unwrap();
        let left = std::fs::read_dir(&row).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.count(), others.len());
        assert!(others.iter().all(|name| row.join(name).is_file()));
    }

    #[test]
    fn saved_pictures_have_the_shape_of_the_view() {
        assert_eq!(Size::Screen.pixels([640, 480]), [640, 480]);
        assert_eq!(Size::Wide4K.pixels([640, 480]), [3840, 2880]);
        assert_eq!(Size::Wide8K.pixels([500, 1000]), [3840, 7680]);
    }
}
