//! Questions: what to open, where to save.

use std::path::{Path, PathBuf};

use anatome::PictureFormat;
use egui::{Context, Id, Key, Modal, Ui};

use crate::app::Viewer;
use crate::looked::{Found, Looked};
use crate::pictures::{Form, Size};
use crate::recent::Recent;
use crate::session::SeriesId;
use crate::turntable::Turn;

/// A question that waits for its answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Dialog {
    /// What to open.
    Open {
        path: String,
    },
    /// Whether files are opened beside those that are open.
    Beside {
        paths: Vec<PathBuf>,
        /// Or in their place.
        in_place: bool,
    },
    /// Whether series are closed with what was made with them.
    CloseSeries {
        ids: Vec<SeriesId>,
    },
    /// Whether a session takes the place of one that is not saved.
    Replace {
        path: String,
    },
    SaveSession {
        path: String,
        replace: bool,
    },
    LoadSession {
        path: String,
    },
    SavePicture {
        path: String,
        form: Form,
    },
    Turn(Turn),
    SaveKeyImages {
        path: String,
        form: Form,
    },
    /// How long a line is on the screen.
    Screen {
        measured_mm: f64,
    },
    SaveLayout {
        name: String,
    },
    /// Whether the window closes without what is being written.
    Close,
}

/// What is done with an answer.
pub(crate) enum Answer {
    Stays,
    Cancelled,
    Given,
}

impl Dialog {
    pub(crate) fn open() -> Self {
        Self::Open { path: String::new() }
    }

    pub(crate) fn save_session() -> Self {
        Self::SaveSession { path: in_home("anatome-session.json"), replace: false }
    }

    pub(crate) fn load_session() -> Self {
        Self::LoadSession { path: in_home("anatome-session.json") }
    }

    pub(crate) fn save_picture() -> Self {
        Self::SavePicture { path: in_home("anatome-picture.png"), form: Form::default() }
    }

    pub(crate) fn turn() -> Self {
        let (size, format) = (Size::Screen, PictureFormat::Png);
        Self::Turn(Turn { folder: in_home("anatome-turn"), count: 36, size, format, replace: false })
    }

    pub(crate) fn save_key_images() -> Self {
        Self::SaveKeyImages { path: in_home("anatome-key-images"), form: Form::default() }
    }

    pub(crate) fn screen() -> Self {
        Self::Screen { measured_mm: (crate::screen::GUESSED_MM * 10.0).round() / 10.0 }
    }

    /// Leads questions about files to a folder of a test.
    #[cfg(test)]
    pub(crate) fn lead_to(&mut self, folder: &Path) {
        match self {
            Self::SaveSession { path, .. }
            | Self::SavePicture { path, .. }
            | Self::SaveKeyImages { path, .. } => {
                *path = folder.join("kept").display().to_string();
            }
            Self::Turn(turn) => turn.folder = folder.join("turn").display().to_string(),
            Self::Open { path } | Self::LoadSession { path } => {
                *path = folder.join("none").display().to_string()
            }
            _ => {}
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Open { .. } => "Open",
            Self::Beside { .. } => "Open beside what is open?",
            Self::CloseSeries { .. } => "Close?",
            Self::Replace { .. } => "Load another session?",
            Self::SaveSession { .. } => "Save session",
            Self::LoadSession { .. } => "Load session",
            Self::SavePicture { .. } => "Save picture",
            Self::Turn(_) => "Save a turn",
            Self::SaveKeyImages { .. } => "Save key images",
            Self::Screen { .. } => "Size of the screen",
            Self::SaveLayout { .. } => "Save layout",
            Self::Close => "Pictures are being saved",
        }
    }
}

/// A name of a file in the folder of the user.
fn in_home(name: &str) -> String {
    let home = std::env::home_dir().unwrap_or_default();
    home.join(name).display().to_string()
}

impl Viewer {
    /// Opens files; asks first if something is open, which may be another patient's.
    pub(crate) fn ask_to_open(&mut self, paths: Vec<PathBuf>) {
        if self.document.entries().is_empty() {
            self.open(paths);
        } else {
            self.dialog = Some(Dialog::Beside { paths, in_place: false });
        }
    }

    pub(crate) fn show_dialog(&mut self, context: &Context) {
        let Some(mut dialog) = self.dialog.take() else {
            self.looked = Looked::default();
            return;
        };
        let mut again = None;
        let mut looked = std::mem::take(&mut self.looked);
        let modal = Modal::new(Id::unique("dialog")).show(context, |ui| {
            ui.set_width(480.0);
            ui.heading(dialog.title());
            ui.add_space(4.0);
            match &mut dialog {
                Dialog::Open { path } => open(ui, path, &mut again, &self.recent, &mut looked),
                Dialog::Beside { in_place, .. } => beside(ui, in_place, self.unsaved()),
                Dialog::CloseSeries { ids } => self.show_lost(ui, Some(ids), "Close"),
                Dialog::Replace { .. } => self.show_lost(ui, None, "Load"),
                Dialog::SaveSession { path, replace } => {
                    ui.weak("The file holds the paths of what is open, which may name patients.");
                    save(ui, path, replace, REPLACE, &mut looked)
                }
                Dialog::LoadSession { path } => asked(ui, path, "Load", &mut looked),
                Dialog::SavePicture { path, form } => {
                    ui.label(self.active_seen().map(|seen| seen.name()).unwrap_or_default());
                    picture(ui, path, form, &mut looked)
                }
                Dialog::Turn(turn) => {
                    ui.weak("Once around the patient's long axis, a picture a step, in one folder.");
                    ui.horizontal(|ui| {
                        let label = ui.label("Pictures");
                        ui.add(egui::DragValue::new(&mut turn.count).range(crate::turntable::COUNTS))
                            .labelled_by(label.id);
                    });
                    picture_form(ui, &mut turn.size, &mut turn.format);
                    save(ui, &mut turn.folder, &mut turn.replace, REPLACE_ROW, &mut looked)
                }
                Dialog::SaveKeyImages { path, form } => {
                    ui.weak("All go to one folder, each with its scene.");
                    picture_form(ui, &mut form.size, &mut form.format);
                    labels(ui, form);
                    save(ui, path, &mut form.replace, REPLACE_ROW, &mut looked)
                }
                Dialog::Screen { measured_mm } => {
                    let can = crate::screen::ask(ui, measured_mm);
                    buttons(ui, "Keep", can)
                }
                Dialog::SaveLayout { name } => self.layout_name(ui, name),
                Dialog::Close => self.show_unwritten(ui),
            }
        });
        if let Some(paths) = again {
            return self.open_again(paths);
        }
        match modal.inner {
            Answer::Cancelled => {}
            Answer::Stays if modal.should_close() => {}
            Answer::Stays => (self.dialog, self.looked) = (Some(dialog), looked),
            Answer::Given => self.answered(context, dialog),
        }
    }

    fn answered(&mut self, context: &Context, dialog: Dialog) {
        match dialog {
            Dialog::Open { path } => self.ask_to_open(vec![path.trim().into()]),
            Dialog::Beside { paths, in_place } => {
                if in_place {
                    self.forget();
                }
                self.open(paths);
            }
            Dialog::CloseSeries { ids } => self.close_series(&ids),
            Dialog::Replace { path } => self.load_session(Path::new(path.trim())),
            Dialog::SaveSession { path, replace } => self.save_session(Path::new(path.trim()), replace),
            Dialog::LoadSession { path } if self.unsaved().is_some() => {
                self.dialog = Some(Dialog::Replace { path });
            }
            Dialog::LoadSession { path } => self.load_session(Path::new(path.trim())),
            Dialog::SavePicture { path, form } => self.save_picture(Path::new(path.trim()), form),
            Dialog::Turn(turn) => self.turn(&turn),
            Dialog::SaveKeyImages { path, form } => self.save_key_images(path.trim().into(), form),
            Dialog::Screen { measured_mm } => self.calibrate(context, measured_mm),
            Dialog::SaveLayout { name } => self.save_layout(name.trim()),
            Dialog::Close => self.close_now(context),
        }
    }
}

fn open(
    ui: &mut Ui,
    path: &mut String,
    again: &mut Option<Vec<PathBuf>>,
    recent: &Recent,
    looked: &mut Looked,
) -> Answer {
    ui.weak("A file, a folder or an archive. Files can also be dropped on the window.");
    ui.horizontal_wrapped(|ui| {
        for paths in recent.inputs().iter().take(6) {
            let all: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            if ui.button(crate::recent::name(paths)).on_hover_text(all.join("\n")).clicked() {
                *again = Some(paths.clone());
            }
        }
    });
    asked(ui, path, "Open", looked)
}

fn beside(ui: &mut Ui, in_place: &mut bool, lost: Option<String>) -> Answer {
    ui.label("Series are open already. What is opened now may be of another patient; views that show different patients are marked.");
    if let Some(lost) = lost {
        ui.weak(format!("In place of them: {lost} not saved in a session would be lost."));
    }
    ui.add_space(6.0);
    let mut answer = Answer::Stays;
    ui.horizontal(|ui| {
        for (text, closes) in [("Open beside", false), ("Close what is open, and open", true)] {
            if ui.button(text).clicked() {
                (*in_place, answer) = (closes, Answer::Given);
            }
        }
        if ui.button("Cancel").clicked() {
            answer = Answer::Cancelled;
        }
    });
    answer
}

/// A path, with the folder it is in to choose from.
fn asked(ui: &mut Ui, path: &mut String, does: &str, looked: &mut Looked) -> Answer {
    let entered = path_line(ui, path);
    let at = path.clone();
    looked.at(&at, ui.ctx());
    // What was found before stays until something else is.
    listing(ui, path, looked.last());
    let given = buttons(ui, does, !path.trim().is_empty());
    if entered && !path.trim().is_empty() { Answer::Given } else { given }
}

fn save(ui: &mut Ui, path: &mut String, replace: &mut bool, replaces: &str, looked: &mut Looked) -> Answer {
    let entered = path_line(ui, path);
    // What is not known yet, whoever writes finds: nothing is replaced without this mark.
    let (exists, is_folder) =
        looked.at(path, ui.ctx()).map_or((false, false), |found| (found.exists, found.is_folder));
    if exists {
        ui.checkbox(replace, replaces);
    }
    // Into a folder that is there files can be added.
    let can = !path.trim().is_empty() && (!exists || *replace || is_folder);
    let given = buttons(ui, "Save", can);
    if entered && can { Answer::Given } else { given }
}

fn picture(ui: &mut Ui, path: &mut String, form: &mut Form, looked: &mut Looked) -> Answer {
    let before = form.format.extension();
    picture_form(ui, &mut form.size, &mut form.format);
    labels(ui, form);
    if before != form.format.extension() {
        *path = Path::new(path.as_str()).with_extension(form.format.extension()).display().to_string();
    }
    ui.weak("The scene is written beside it as JSON.");
    save(ui, path, &mut form.replace, REPLACE, looked)
}

/// Whether what is drawn over a picture is saved with it.
fn labels(ui: &mut Ui, form: &mut Form) {
    ui.checkbox(&mut form.is_labelled, "With letters, scale bar and measurements");
}

const REPLACE: &str = "Replace the file that is there";
const REPLACE_ROW: &str = "Replace pictures that are there";

/// How large pictures are, and in what form.
pub(crate) fn picture_form(ui: &mut Ui, size: &mut Size, format: &mut PictureFormat) {
    ui.horizontal(|ui| {
        for (own, name) in Size::ALL {
            if ui.selectable_label(*size == own, name).clicked() {
                *size = own;
            }
        }
    });
    ui.horizontal(|ui| {
        let formats =
            [(PictureFormat::Png, "PNG"), (PictureFormat::JPEG, "JPEG"), (PictureFormat::Tiff, "TIFF")];
        for (own, name) in formats {
            if ui.selectable_label(*format == own, name).clicked() {
                *format = own;
            }
        }
    });
}

/// The line in which a path is written; whether it was ended with Enter.
fn path_line(ui: &mut Ui, path: &mut String) -> bool {
    let mut entered = false;
    ui.horizontal(|ui| {
        let label = ui.label("Path");
        let line = egui::TextEdit::singleline(path).desired_width(ui.available_width());
        let response = ui.add(line).labelled_by(label.id);
        // Before the focus comes back: then it was never lost.
        entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if ui.memory(|memory| memory.focused().is_none()) {
            response.request_focus();
        }
    });
    entered
}

/// What is in the folder that is written, to go on by a click.
fn listing(ui: &mut Ui, path: &mut String, found: Option<&Found>) {
    egui::ScrollArea::vertical().max_height(220.0).auto_shrink([false, false]).show(ui, |ui| {
        let Some(found) = found else { return };
        if let Some(parent) = found.folder.parent()
            && ui.selectable_label(false, "..").clicked()
        {
            *path = parent.display().to_string();
        }
        for (is_folder, own) in &found.entries {
            let name = own.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let name = if *is_folder { format!("{name}/") } else { name };
            let chosen = Path::new(path.trim()) == own;
            if ui.selectable_label(chosen, name).clicked() {
                *path = own.display().to_string();
            }
        }
    });
}

pub(crate) fn buttons(ui: &mut Ui, does: &str, can: bool) -> Answer {
    ui.add_space(6.0);
    let mut answer = Answer::Stays;
    ui.horizontal(|ui| {
        if ui.add_enabled(can, egui::Button::new(does)).clicked() {
            answer = Answer::Given;
        }
        if ui.button("Cancel").clicked() {
            answer = Answer::Cancelled;
        }
    });
    answer
}
