//! What is the user's own: read when the viewer starts, and written when it changes.

use egui::{Key, Ui};

use crate::app::Viewer;
use crate::dialogs::Answer;
use crate::hanging::Hanging;
use crate::keys::{Keys, Table};

/// The folder of layouts.
const LAYOUTS: &str = "layouts";

impl Viewer {
    /// Reads what the user keeps. What can't be used is told; the rest counts.
    pub(crate) fn read_config(&mut self) {
        let mut faults = Vec::new();
        let mut told = |fault: crate::config::ConfigError| faults.push(fault.to_string());
        match self.config.read::<Table>("keys.json") {
            Ok(table) => self.keys = table.map(|table| Keys::with(&table)).unwrap_or_default(),
            Err(fault) => told(fault),
        }
        match self.config.read(crate::recent::FILE) {
            Ok(recent) => self.recent = recent.unwrap_or_default(),
            Err(fault) => told(fault),
        }
        match self.config.read(crate::screen::FILE) {
            Ok(screens) => self.screens = screens.unwrap_or_default(),
            Err(fault) => told(fault),
        }
        for layout in self.config.read_all::<Hanging>(LAYOUTS) {
            match layout {
                Ok(layout) => self.layouts.push(layout),
                Err(fault) => told(fault),
            }
        }
        faults.extend(self.keys.faults.iter().cloned());
        if !faults.is_empty() {
            self.tell(faults.join("\n"));
        }
    }

    /// Keeps the present arrangement under a name; one of the same name is replaced.
    pub(crate) fn save_layout(&mut self, name: &str) {
        let layout = Hanging::of_session(name, &self.session);
        match self.config.write(&format!("{LAYOUTS}/{}.json", file_name(name)), &layout) {
            Ok(()) => {
                self.layouts.retain(|own| file_name(&own.name) != file_name(name));
                self.layouts.push(layout);
                self.tell(format!("The layout \"{name}\" is kept."));
            }
            Err(error) => self.tell(error.to_string()),
        }
    }

    /// Asks for the name of a layout.
    pub(crate) fn layout_name(&self, ui: &mut Ui, name: &mut String) -> Answer {
        /// No name is longer.
        const LONGEST: usize = 60;
        let mut entered = false;
        ui.horizontal(|ui| {
            let label = ui.label("Name");
            let line =
                egui::TextEdit::singleline(name).char_limit(LONGEST).desired_width(ui.available_width());
            let response = ui.add(line).labelled_by(label.id);
            // Before the focus comes back: then it was never lost.
            entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            if ui.memory(|memory| memory.focused().is_none()) {
                response.request_focus();
            }
        });
        let can = !file_name(name).is_empty();
        let replaces = can && self.layouts.iter().any(|own| file_name(&own.name) == file_name(name));
        let does = if replaces { "Replace" } else { "Save" };
        let given = crate::dialogs::buttons(ui, does, can);
        if entered && can && !replaces { Answer::Given } else { given }
    }
}

/// The name of the file of a layout: letters, digits and hyphens.
fn file_name(name: &str) -> String {
    let letters = name
        .trim()
        .chars()
        .map(|c| if c.is_alphanumeric() { c.to_lowercase().next().unwrap_or(c) } else { '-' });
    letters.collect::<String>().trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_files_stay_in_their_folder() {
        assert_eq!(super::file_name("../My planes/"), "my-planes");
        assert_eq!(super::file_name(" .. "), "");
    }
}
