//! Threads that work for a window, and end before the program does.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// How many there are, in the whole process: it is that which ends.
static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// So long a window that is gone waits for its threads. Those of a driver that does not answer end with the program.
const LIMIT: Duration = Duration::from_secs(3);

/// Starts a thread.
///
/// # Errors
/// If the system can't.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let running = Running::new();
    Builder::new().name(name.to_owned()).spawn(move || {
        // What the work holds is let go before it counts as ended.
        work();
        drop(running);
    })?;
    Ok(())
}

struct Running;

impl Running {
    fn new() -> Self {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_all();
    }
}

/// The end of a window, which comes after all else of it is let go: it waits for the threads. Drivers crash where a program
/// ends while a thread gives back one of their devices.
#[derive(Debug)]
pub(crate) struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        drop(ENDED.wait_timeout_while(running, LIMIT, |running| *running > 0));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;
    use std::sync::{Arc, Weak};

    use super::*;

    /// Of a thread that is told to end by what is dropped first, as the threads of a window are.
    #[test]
    fn the_end_waits_for_what_threads_hold() {
        struct Window {
            _tell: std::sync::mpsc::Sender<()>,
            _ending: Ending,
        }
        let (tell, told) = channel::<()>();
        let held = Arc::new(AtomicBool::new(false));
        let seen: Weak<AtomicBool> = Arc::downgrade(&held);
        spawn("held", move || {
            assert!(told.recv().is_err());
            std::thread::sleep(Duration::from_millis(50));
            held.store(true, Ordering::Relaxed);
        })
        .unwrap();
        drop(Window { _tell: tell, _ending: Ending });
        assert!(seen.upgrade().is_none());
    }
}
