//! A line of progress on a terminal; nothing elsewhere.

use std::path::Path;
use std::time::Duration;

use anatome::{Progress, Stage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::interrupt::Interrupt;

/// Makes the progress handle of each stage, shown on standard error if that is a terminal.
#[derive(Clone, Debug)]
pub(crate) struct Stages {
    interrupt: Interrupt,
    shown: bool,
}

impl Stages {
    pub(crate) fn new(interrupt: Interrupt, shown: bool) -> Self {
        Self { interrupt, shown }
    }

    /// The handle of a stage of a job.
    pub(crate) fn stage(&self, stage: &Stage) -> Progress {
        self.named(match stage {
            Stage::Scan => "reading headers".to_owned(),
            Stage::Load => "loading slices".to_owned(),
            Stage::Upload => "preparing".to_owned(),
            Stage::Render(name) => format!("rendering {name}"),
        })
    }

    /// A folder is written to from now: an interruption tidies it up.
    pub(crate) fn writes_into(&self, folder: &Path) {
        self.interrupt.watch_folder(folder);
    }

    /// Clears the line.
    pub(crate) fn finish(&self) {
        self.interrupt.rest();
    }

    /// The handle of any other part of the work.
    pub(crate) fn named(&self, name: String) -> Progress {
        if !self.shown {
            return self.interrupt.watch(Progress::new());
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg:24} [{bar:32}] {percent:>3} %  {elapsed}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(name);
        bar.enable_steady_tick(Duration::from_millis(200));
        let listener = Bar(bar);
        self.interrupt.watch(Progress::with_listener(move |done, total| {
            listener.0.set_length(total);
            listener.0.set_position(done);
        }))
    }
}

/// Clears its line when the stage's last handle goes.
struct Bar(ProgressBar);

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
