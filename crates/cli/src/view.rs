//! `anatome view`.

use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use anatome::{Error, Result, Workers};
use anatome_viewer::{Closer, Options, Start};

use crate::args::ViewArgs;
use crate::exit;

/// Opens the window: the exit code when it is closed.
///
/// # Errors
/// No input, for a path that is not there: a window would only say so. The system can't start threads.
pub(crate) fn run(args: &ViewArgs) -> Result<u8> {
    let named = args.inputs.iter().chain(&args.session).chain(&args.bench);
    if let Some(path) = named.into_iter().find(|path| is_absent(path)) {
        return Err(Error::NoInput { path: path.clone() });
    }
    let workers = Workers::new(args.threads.map(usize::from))?;
    let autosave = anatome_viewer::autosave_path();
    let start = match (&args.session, &autosave) {
        (Some(path), _) => Start::Session(path.clone()),
        (None, Some(path)) if args.continues => Start::Session(path.clone()),
        _ => Start::Inputs(args.inputs.clone()),
    };
    let options = Options {
        start,
        limits: args.limits,
        backend: args.by.backend.into(),
        adapter: args.by.adapter.clone(),
        memory_budget_bytes: args.by.memory_budget,
        workers,
        autosave,
        config: anatome_viewer::config_folder(),
        bench: args.bench.clone(),
        closer: closed_when_asked(),
    };
    let closer = options.closer.clone();
    match anatome_viewer::run(options) {
        Ok(_) if closer.is_asked() => Ok(exit::INTERRUPTED),
        Ok(None) => Ok(exit::OK),
        Ok(Some(report)) => {
            let text = serde_json::to_string_pretty(&report).unwrap_or_default() + "\n";
            let written = io::stdout().write_all(text.as_bytes());
            Ok(if written.is_ok() { exit::OK } else { exit::PARTLY })
        }
        Err(error) => {
            // Nowhere is left to report a failure of standard error.
            drop(writeln!(io::stderr(), "anatome: {error}"));
            Ok(exit::DEVICE)
        }
    }
}

/// Whether there is no such file or folder. One that the system does not let look at is told by the window.
fn is_absent(path: &Path) -> bool {
    let seen = path.metadata();
    seen.is_err_and(|error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

/// Lets Ctrl-C and termination close the window, which keeps what it shows. Asked again, the program ends at once.
fn closed_when_asked() -> Closer {
    let closer = Closer::default();
    let own = closer.clone();
    let asked = move || {
        if own.is_asked() {
            std::process::exit(i32::from(exit::INTERRUPTED));
        }
        own.close();
    };
    // The program works without it.
    drop(ctrlc::set_handler(asked));
    closer
}
