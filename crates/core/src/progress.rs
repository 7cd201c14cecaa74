//! One handle for progress and cancellation, shared by caller and callee.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{Error, Result};

type Listener = dyn Fn(u64, u64) + Send + Sync;

#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    done: AtomicU64,
    total: AtomicU64,
    listener: Option<Box<Listener>>,
}

/// Counts finished units of work, tells a listener, and carries the caller's wish to stop.
///
/// Clones share one state. Units are the callee's own (files, slices, bytes, tiles).
#[derive(Clone, Default)]
pub struct Progress(Arc<State>);

impl Progress {
    /// Progress that nobody listens to.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Progress that calls `listener(done, total)` after each unit, from whichever thread finished it.
    pub fn with_listener(listener: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        Self(Arc::new(State { listener: Some(Box::new(listener)), ..State::default() }))
    }

    /// Starts a stage of `total` units.
    pub fn start(&self, total: u64) {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
        self.tell(0);
    }

    /// Counts `units` more as finished.
    pub fn advance(&self, units: u64) {
        let done = self.0.done.fetch_add(units, Ordering::Relaxed) + units;
        self.tell(done);
    }

    fn tell(&self, done: u64) {
        if let Some(listener) = &self.0.listener {
            listener(done, self.0.total.load(Ordering::Relaxed));
        }
    }

    /// Asks the callee to stop as soon as it can.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the caller asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// Fails if the caller asked to stop.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("cancelled", &self.is_cancelled())
            .field("done", &self.0.done)
            .field("total", &self.0.total)
            .finish_non_exhaustive()
    }
}
