//! The end of the window: what is being written is finished first, unless someone does not want to wait.

use egui::{Context, Ui, ViewportCommand};

use crate::app::Viewer;
use crate::dialogs::{Answer, Dialog, buttons};

impl Viewer {
    /// Keeps the window open as long as pictures are being written, and says so.
    pub(crate) fn take_close(&mut self, context: &Context) {
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
