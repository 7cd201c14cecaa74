//! The desktop viewer of Anatome: from files to slices and 3D pictures on the screen. Not for diagnostic use.
//!
//! Three kinds of state: the `Document` holds what is open and never changes its parts; the `Session` says what is shown
//! and how, is saved, and changes only by `Command`s; the `Interaction` is what goes on between the pointer and the views.
//! Files are read and pictures made on threads beside the window's, which answer through bounded channels.

mod actions;
mod app;
mod autosave;
mod bench;
mod burnt;
mod cine;
mod closing;
mod command;
mod config;
mod dialogs;
mod document;
mod execute;
mod hanging;
mod histogram;
mod history;
mod interaction;
mod key_images;
mod keyed;
mod keys;
mod looked;
mod measure;
mod overlay;
mod own;
mod panels;
mod pick;
mod pictures;
mod presets;
mod provide;
mod recent;
mod render;
mod saved;
mod screen;
mod session;
mod shutting;
mod steps;
mod theme;
mod threads;
mod tools;
mod turntable;
mod viewport;
mod views;
mod visiting;
#[cfg(test)]
mod walkthrough;
mod window;
mod windowing;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use anatome::{BackendChoice, Limits, Workers};

/// What is shown first.
#[derive(Clone, Debug)]
pub enum Start {
    /// These files, folders and archives; nothing if there are none.
    Inputs(Vec<PathBuf>),
    /// A session that was saved.
    Session(PathBuf),
}

/// What to show, and by what.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is shown first.
    pub start: Start,
    /// What files may ask for.
    pub limits: Limits,
    /// What makes the pictures.
    pub backend: BackendChoice,
    /// A GPU by number or (part of) its name.
    pub adapter: Option<String>,
    /// The most bytes of a volume's voxels on the GPU at once; what it has if absent. The CPU heeds none.
    pub memory_budget_bytes: Option<u64>,
    /// What draws in parallel; what reads has as many threads of its own.
    pub workers: Workers,
    /// Where the session is kept against a crash; nowhere if absent. See [`autosave_path`].
    pub autosave: Option<PathBuf>,
    /// The folder in which the user's own layouts, keys, recent inputs and the screen's size are; none if absent. See
    /// [`config_folder`].
    pub config: Option<PathBuf>,
    /// A script of commands whose pictures are timed; then the window closes.
    pub bench: Option<PathBuf>,
    /// Closes the window from elsewhere.
    pub closer: Closer,
}

pub use bench::{BenchReport, PartReport};
pub use closing::Closer;
pub use config::config_folder;
pub use saved::autosave_path;

/// Why the viewer could not be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no screen, or no driver that could draw on it.
    #[error("cannot open a window: {reason}")]
    Window {
        /// What the system says.
        reason: String,
    },
    /// The script that measures can't be read, or goes on for ever.
    #[error("{reason}")]
    Script {
        /// Why.
        reason: String,
    },
}

/// Opens the window, and returns when it is closed: with what was measured, if that was asked for.
///
/// # Errors
/// Window; script.
pub fn run(options: Options) -> Result<Option<BenchReport>, Error> {
    let report = bench::Outcome::default();
    let script = options.bench.as_deref().map(|path| bench::Bench::read(path, Arc::clone(&report)));
    let script = script.transpose().map_err(|error| Error::Script { reason: error.to_string() })?;
    let closed = window::run(options, script);
    closed.map_err(|error| Error::Window { reason: window::in_words(&error) })?;
    let measured = report.lock().unwrap_or_else(PoisonError::into_inner).take();
    measured.transpose().map_err(|error| Error::Script { reason: error.to_string() })
}
