//! The session, kept against a crash.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anatome::Overwrite;
use anatome::files::write_whole;
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
    /// Whether what is there was written by this run.
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
        let is_anothers = !self.is_own;
        let thread = std::thread::Builder::new().name("anatome-autosave".to_owned()).spawn(move || {
            let written = replace(&path, is_anothers, |path| own.write(path, Overwrite::Allowed));
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
        self.is_own |= fault.is_none();
        let had_failed = std::mem::replace(&mut self.has_failed, fault.is_some());
        fault.filter(|_| !had_failed)
    }
}

/// Writes what takes the place of a session. One that another run of the program left there is kept beside it first, and
/// stays in its place until it is replaced: if nothing can be written, it is what is found the next time.
fn replace(
    path: &Path,
    is_anothers: bool,
    write: impl FnOnce(&Path) -> anatome::Result<()>,
) -> anatome::Result<()> {
    if let Some(folder) = path.parent() {
        // What is wrong with it is told by what is written into it.
        drop(std::fs::create_dir_all(folder));
    }
    if is_anothers && let Ok(before) = std::fs::read(path) {
        // What is shown now counts more than what can't be kept of before.
        drop(write_whole(&path.with_file_name("autosave-previous.json"), &before, Overwrite::Allowed));
    }
    write(path)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_run_left_stays_until_it_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("autosave.json");
        let previous = folder.path().join("autosave-previous.json");
        std::fs::write(&path, "old").unwrap();
        let fails = |_: &Path| Err(anatome::Error::NoVolume { reason: None });
        assert!(replace(&path, true, fails).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        // Nor is it lost by being written over at last, or by what is written after that.
        for (text, is_anothers) in [("new", true), ("newer", false)] {
            let write = |path: &Path| write_whole(path, text.as_bytes(), Overwrite::Allowed);
            replace(&path, is_anothers, write).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), text.as_bytes());
            assert_eq!(std::fs::read(&previous).unwrap(), b"old");
        }
    }

    #[test]
    fn as_long_as_nothing_could_be_written_what_is_there_is_anothers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("autosave.json");
        let saved = || Saved { inputs: Vec::new(), series: Vec::new(), session: Default::default() };
        let mut own = Autosave::new(path.clone());
        std::fs::create_dir(&path).unwrap();
        own.write(saved(), || ());
        assert!(own.end().is_some());
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, "old").unwrap();
        own.write(saved(), || ());
        assert_eq!(own.end(), None);
        assert_eq!(std::fs::read(folder.path().join("autosave-previous.json")).unwrap(), b"old");
    }
}
