//! Ctrl-C and termination: the first asks the work to stop, the second ends the program, soon.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anatome::{Progress, files};

/// Hands out progress handles that an interruption cancels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    asked: bool,
    current: Option<Progress>,
    /// The folders that are written to.
    folders: Vec<PathBuf>,
}

/// Work that has been asked to stop mostly does within this time.
const PATIENCE: Duration = Duration::from_secs(1);

impl Interrupt {
    /// Listens to the system's signals. Without a listener (a second one in the process) Ctrl-C ends the program.
    pub(crate) fn install() -> Self {
        let interrupt = Self::default();
        let handler = interrupt.clone();
        // The program works without it.
        drop(ctrlc::set_handler(move || handler.ask()));
        interrupt
    }

    fn ask(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.asked {
            let folders = std::mem::take(&mut state.folders);
            // Work that goes on must not wait for this.
            drop(state);
            std::thread::sleep(PATIENCE);
            folders.iter().for_each(|folder| files::remove_unfinished(folder));
            std::process::exit(i32::from(crate::exit::INTERRUPTED));
        }
        state.asked = true;
        if let Some(progress) = &state.current {
            progress.cancel();
        }
    }

    /// Lets an interruption tidy a folder up that is written to from now.
    pub(crate) fn watch_folder(&self, folder: &Path) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).folders.push(folder.to_owned());
    }

    /// Lets an interruption cancel `progress`, the part of the work that is going on from now.
    pub(crate) fn watch(&self, progress: Progress) -> Progress {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.asked {
            progress.cancel();
        }
        state.current = Some(progress.clone());
        progress
    }

    /// The part that was going on has ended.
    pub(crate) fn rest(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).current = None;
    }
}
