//! The end of the window: what is being written is finished first, unless someone does not want to wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use egui::{Context, Ui, ViewportCommand};

use crate::app::Viewer;
use crate::dialogs::{Answer, Dialog, buttons};

/// Closes a window from another thread, as where the system asks the program to end. Nothing is asked and nothing waited
/// for; what is shown is kept as at any other end.
#[derive(Clone, Debug, Default)]
pub struct Closer(Arc<Mutex<Asked>>);

#[derive(Debug, Default)]
struct Asked {
    is_asked: bool,
    window: Option<Context>,
}

impl Closer {
    /// Closes the window, or the next one, if there is none yet.
    pub fn close(&self) {
        let mut own = self.lock();
        own.is_asked = true;
        own.window.iter().for_each(Context::request_repaint);
    }

    /// Whether that was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.lock().is_asked
    }

    /// The window that is to be woken.
    pub(crate) fn wakes(&self, context: &Context) {
        self.lock().window = Some(context.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Viewer {
    /// Keeps the window open as long as pictures are being written, and says so; unless somebody else closes it.
    pub(crate) fn take_close(&mut self, context: &Context) {
        if self.closer.is_asked() {
            self.closes_now = true;
            context.send_viewport_cmd(ViewportCommand::Close);
        }
        let is_asked = context.input(|input| input.viewport().close_requested());
        if is_asked && self.unwritten() > 0 && !self.closes_now {
            context.send_viewport_cmd(ViewportCommand::CancelClose);
            // A window that is hidden would neither say so nor go on.
            context.send_viewport_cmd(ViewportCommand::Minimized(false));
            self.dialog = Some(Dialog::Close);
        }
    }

    /// Closes the window that waited for what is written now.
    pub(crate) fn close_if_written(&mut self, context: &Context) {
        if self.unwritten() == 0 && self.dialog.take_if(|dialog| *dialog == Dialog::Close).is_some() {
            context.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    /// How many pictures are still to be written.
    fn unwritten(&self) -> u64 {
        let keys = self.saving_keys.as_ref().map_or(0, |saving| saving.unwritten());
        let turn = self.turning.as_ref().map_or(0, |turning| turning.unwritten());
        self.saving.len() as u64 + keys + turn
    }

    /// What the window waits for.
    pub(crate) fn show_unwritten(&self, ui: &mut Ui) -> Answer {
        let count = self.unwritten();
        let (pictures, are) = if count == 1 { ("picture", "is") } else { ("pictures", "are") };
        ui.label(format!("{count} {pictures} {are} still to be saved. Then the window closes."));
        buttons(ui, "Close now", true)
    }

    /// Closes the window without what is still to be written.
    pub(crate) fn close_now(&mut self, context: &Context) {
        self.closes_now = true;
        context.send_viewport_cmd(ViewportCommand::Close);
    }

    /// Tells of what could not be saved: the window stays for it to be read.
    pub(crate) fn tell_unsaved(&mut self, text: impl Into<String>) {
        self.dialog.take_if(|dialog| *dialog == Dialog::Close);
        self.tell(text);
    }
}

#[cfg(test)]
mod tests {
    use egui::{RawInput, ViewportEvent, ViewportId};

    use super::*;
    use crate::walkthrough::options;
    use crate::walkthrough::unseen::{document, viewer};

    /// Asks the window to close; what it is told to do.
    fn asked(viewer: &mut Viewer, context: &Context) -> Vec<ViewportCommand> {
        let mut input = RawInput::default();
        input.viewports.entry(ViewportId::ROOT).or_default().events.push(ViewportEvent::Close);
        told(context, input, |context| viewer.take_close(context))
    }

    fn told(context: &Context, input: RawInput, does: impl FnMut(&Context)) -> Vec<ViewportCommand> {
        let mut does = does;
        let mut output = context.run_ui(input, |ui| does(ui.ctx()));
        output.textures_delta.clear();
        let mut commands = output.viewport_output.remove(&ViewportId::ROOT).unwrap().commands;
        commands.retain(|own| matches!(own, ViewportCommand::Close | ViewportCommand::CancelClose));
        commands
    }

    #[test]
    fn a_window_is_closed_from_elsewhere_at_once_and_keeps_what_it_shows() {
        let context = Context::default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("autosave.json");
        let mut viewer = viewer(document(&[40]));
        viewer.autosave = Some(crate::autosave::Autosave::new(path.clone()));
        let (_tell, told_by) = std::sync::mpsc::channel();
        viewer.saving.push(crate::pictures::Saving { folder: "".into(), told: told_by });
        let commands =
            |viewer: &mut Viewer| told(&context, RawInput::default(), |context| viewer.take_close(context));
        assert_eq!(commands(&mut viewer), []);
        let closer = viewer.closer.clone();
        std::thread::spawn(move || closer.close()).join().unwrap();
        assert_eq!(commands(&mut viewer), [ViewportCommand::Close]);
        assert_eq!(asked(&mut viewer, &context), [ViewportCommand::Close]);
        viewer.autosave_at_end();
        assert_eq!(crate::saved::Saved::read(&path).unwrap().session, viewer.session);
    }

    #[test]
    fn a_window_closes_when_its_pictures_are_written_and_at_once_where_that_is_wanted() {
        let context = Context::default();
        let mut viewer = Viewer::new(&context, options(Vec::new()), None).unwrap();
        assert_eq!(asked(&mut viewer, &context), []);
        let saving = |viewer: &mut Viewer| {
            let (tell, told) = std::sync::mpsc::channel();
            viewer.saving.push(crate::pictures::Saving { folder: "".into(), told });
            tell
        };
        let written = |viewer: &mut Viewer| {
            told(&context, RawInput::default(), |context| {
                viewer.take_saved();
                viewer.close_if_written(context);
            })
        };

        let tell = saving(&mut viewer);
        assert_eq!(asked(&mut viewer, &context), [ViewportCommand::CancelClose]);
        assert_eq!(viewer.dialog, Some(Dialog::Close));
        assert_eq!(written(&mut viewer), []);
        tell.send(Ok([4, 3])).unwrap();
        assert_eq!(written(&mut viewer), [ViewportCommand::Close]);
        assert_eq!(asked(&mut viewer, &context), []);

        // Where something can't be written the window stays, and says so.
        let tell = saving(&mut viewer);
        asked(&mut viewer, &context);
        tell.send(Err("the disk is full".to_owned())).unwrap();
        assert_eq!(written(&mut viewer), []);
        assert_eq!(viewer.message.take().unwrap().0, "the disk is full");
        assert_eq!(viewer.dialog, None);

        let _tell = saving(&mut viewer);
        asked(&mut viewer, &context);
        assert_eq!(
            told(&context, RawInput::default(), |context| viewer.close_now(context)),
            [ViewportCommand::Close]
        );
        assert_eq!(asked(&mut viewer, &context), []);
    }
}
