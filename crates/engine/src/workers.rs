//! The one pool of threads.

use std::sync::Arc;

use crate::{Error, Result};

/// The threads that do all parallel work: one named, sized pool, made by the caller.
#[derive(Clone, Debug)]
pub struct Workers(Arc<rayon::ThreadPool>);

impl Workers {
    /// A pool of `threads` threads; `None` for one a core.
    ///
    /// # Errors
    /// If the system can't start them.
    pub fn new(threads: Option<usize>) -> Result<Self> {
        let threads = threads.unwrap_or(0);
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|n| format!("anatome-{n}"))
            .build()
            .map(|pool| Self(Arc::new(pool)))
            .map_err(|error| Error::Threads { threads, reason: error.to_string() })
    }

    /// The pool, for the parallel calls of other crates.
    #[must_use]
    pub fn pool(&self) -> &Arc<rayon::ThreadPool> {
        &self.0
    }

    /// The number of threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.0.current_num_threads()
    }
}
