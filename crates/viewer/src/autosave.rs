//! The session, kept against a crash.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anatome::Overwrite;
use egui::Context;

use crate::app::Viewer;
use crate::saved::Saved;

/// So often it is written at most.
const EVERY: Duration = Duration::from_secs(2);

/// Writes the session soon after it changes, on a thread of its own: a slow disk holds no picture up.
#[derive(Debug)]
pub(crate) struct Autosave {
    path: PathBuf,
    /// What was written last, and when that began.
    last: Option<(Instant, Saved)>,
    writing: Option<JoinHandle<anatome::Result<()>>>,
    /// Whether the last could not be written, and that was told.
    has_failed: bool,
    /// Whether what was found at the start is out of the way.
    is_own: bool,
}

impl Autosave {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, last: None, writing: None, has_failed: false, is_own: false }
    }

    #[cfg(test)]
    pub(crate) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Begins to write; waits for what is being written.
    fn write(&mut self, saved: Saved, wake: impl Fn() + Send + 'static) -> Option<String> {
        let fault = self.end();
        let (path, own) = (self.path.clone(), saved.clone());
        let is_first = !std::mem::replace(&mut self.is_own, true);
        let thread = std::thread::Builder::new().name("anatome-autosave".to_owned()).spawn(move || {
            let written = write(&own, &path, is_first);
            wake();
            written
        });
        self.last = Some((Instant::now(), saved));
        match thread {
            Ok(thread) => self.writing = Some(thread),
            Err(_) => self.has_failed = true,
        }
        fault
    }

    /// Waits for what is being written; says once why it can't be.
    fn end(&mut self) -> Option<String> {
        let written = self.writing.take()?.join();
        let fault = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("The session is not kept against a crash: {error}")),
            Err(_) => Some("The session is not kept against a crash.".to_owned()),
        };
        let had_failed = std::mem::replace(&mut self.has_failed, fault.is_some());
        fault.filter(|_| !had_failed)
    }
}

/// Writes a session. What another run of the program left there is not lost, as long as nothing is written over it twice.
fn write(saved: &Saved, path: &Path, is_first: bool) -> anatome::Result<()> {
    if let Some(folder) = path.parent() {
        // What is wrong with it is told by what is written into it.
        drop(std::fs::create_dir_all(folder));
    }
    if is_first && path.exists() {
        // One that stays where it is would be lost, too, if this one was not written.
        drop(std::fs::rename(path, path.with_file_name("autosave-previous.json")));
    }
    saved.write(path, Overwrite::Allowed)
}

impl Viewer {
    /// Keeps the session against a crash, soon after it changes, but not more often than is needed.
    pub(crate) fn autosave(&mut self, context: &Context) {
        let Some(mut own) = self.autosave.take() else { return };
        if own.writing.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(fault) = own.end()
        {
            self.tell(fault);
        }
        if self.is_worth_keeping(&own) {
            let wait = own.last.as_ref().map_or(Duration::ZERO, |(at, _)| EVERY.saturating_sub(at.elapsed()));
            if wait.is_zero() && own.writing.is_none() {
                let wake = self.painter.wake();
                if let Some(fault) = own.write(self.saved(), move || wake()) {
                    self.tell(fault);
                }
            } else {
                // Nothing may be drawn until then.
                context.request_repaint_after(wait.max(Duration::from_millis(20)));
            }
        }
        self.autosave = Some(own);
    }

    /// Whether something is shown that is not written yet: what shows nothing takes the place of nothing.
    fn is_worth_keeping(&self, own: &Autosave) -> bool {
        let is_empty = self.session.series().next().is_none() && self.session.key_images.is_empty();
        let is_written = own.last.as_ref().is_some_and(|(_, saved)| {
            saved.session == self.session && saved.inputs == self.opened && !own.has_failed
        });
        !(is_empty || is_written || self.coming.is_some())
    }

    /// At the end nothing is waited for but the disk.
    pub(crate) fn autosave_at_end(&mut self) {
        let Some(mut own) = self.autosave.take() else { return };
        drop(own.end());
        if self.is_worth_keeping(&own) {
            drop(own.write(self.saved(), || ()));
            drop(own.end());
        }
        self.autosave = Some(own);
    }
}
