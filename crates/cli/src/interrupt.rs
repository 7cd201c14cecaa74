//! Ctrl-C and termination: the first asks the work to stop, the second ends the program.

use std::sync::{Arc, Mutex, PoisonError};

use anatome::Progress;

/// Hands out progress handles that an interruption cancels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    asked: bool,
    current: Option<Progress>,
}

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
            std::process::exit(i32::from(crate::exit::INTERRUPTED));
        }
        state.asked = true;
        if let Some(progress) = &state.current {
            progress.cancel();
        }
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
