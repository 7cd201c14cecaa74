//! The `anatome` command: arguments to a job to an exit code.

mod adapters;
mod args;
mod convert;
mod demo;
mod exit;
mod inspect;
mod interrupt;
mod progress_bar;
mod render;
mod table;
#[cfg(feature = "viewer")]
mod view;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anatome::{Error, ErrorKind, Result};
use serde::Serialize;

use args::{Cli, Command};
use interrupt::Interrupt;
use progress_bar::Stages;

fn main() -> ExitCode {
    quiet_wayland();
    #[cfg(unix)]
    refuse_large_files();
    let cli = Cli::parse_checked();
    // A window has a handler of its own, which closes it.
    let interrupt = if is_window(&cli.command) { Interrupt::default() } else { Interrupt::install() };
    let stages = Stages::new(interrupt, io::stderr().is_terminal());
    let done = run(&cli.command, &stages);
    stages.finish();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Nowhere is left to report a failure of standard error.
            drop(writeln!(io::stderr(), "anatome: {error}"));
            if let Some(hint) = hint(&error) {
                drop(writeln!(io::stderr(), "hint: {hint}"));
            }
            if wants_json(&cli.command) {
                let report = serde_json::json!({
                    "schema_version": 1,
                    "error": { "kind": format!("{:?}", error.kind()).to_lowercase(), "message": error.to_string() },
                });
                drop(writeln!(io::stdout(), "{report:#}"));
            }
            ExitCode::from(exit::of_error(&error))
        }
    }
}

/// Where there is no desktop, Mesa's layer that asks the desktop for its GPU writes an error to standard error each
/// time GPUs are listed. It is switched off there by its own variable.
#[expect(unsafe_code, reason = "the environment is changed before there is a second thread")]
fn quiet_wayland() {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: this is the first thing that the only thread does.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

/// A file that would grow beyond the user's limit (`ulimit -f`) ends a program by a signal, unless that is ignored:
/// then writing fails, and what was written is tidied up.
#[cfg(unix)]
#[expect(unsafe_code, reason = "a call of the system that touches no memory")]
fn refuse_large_files() {
    // SAFETY: no handler is installed that could run.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Which option helps.
fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::Exists { .. } => Some("--overwrite replaces files that are already there"),
        Error::OtherModality { kind: "scene", .. } => {
            Some("--series chooses a series; `anatome inspect` lists them")
        }
        Error::Unknown { kind: "series", .. } => {
            Some("`anatome inspect` lists the series with their numbers")
        }
        Error::MemoryBudget { .. } => {
            Some("--memory-budget allows more, such as 64M; --backend cpu keeps no copy of the volume")
        }
        _ if error.kind() == ErrorKind::Device => Some(
            "`anatome adapters` lists the GPUs; --adapter NUMBER|NAME chooses one, and --backend cpu uses none",
        ),
        // Of a picture, not of a file.
        Error::Core(_) => None,
        _ if error.kind() == ErrorKind::Limits => Some("--limits changes what files may ask for"),
        _ => None,
    }
}

fn wants_json(command: &Command) -> bool {
    match command {
        Command::Demo(args) => args.common.run.json,
        Command::Render(args) => args.common.run.json,
        Command::Inspect(args) => args.run.json,
        Command::Convert(args) => args.run.json,
        #[cfg(feature = "viewer")]
        Command::View(_) => false,
        Command::Adapters(args) => args.json,
    }
}

#[cfg(feature = "viewer")]
fn is_window(command: &Command) -> bool {
    matches!(command, Command::View(_))
}

#[cfg(not(feature = "viewer"))]
fn is_window(_: &Command) -> bool {
    false
}

/// Runs a command and prints its report: the exit code.
fn run(command: &Command, stages: &Stages) -> Result<u8> {
    Ok(match command {
        Command::Demo(args) => {
            let report = demo::run(args, stages)?;
            let code = exit::of_reports(&report.jobs());
            code.max(print(&report, args.common.run.json, demo::text, exit::PARTLY))
        }
        Command::Render(args) => {
            let report = render::run(args, stages)?;
            let code = exit::of_reports(&[&report]);
            code.max(print(&report, args.common.run.json, render::text, exit::PARTLY))
        }
        Command::Inspect(args) => {
            let (report, code) = inspect::run(args, stages)?;
            code.max(print(&report, args.run.json, inspect::text, exit::FAILED))
        }
        Command::Convert(args) => {
            let report = convert::run(args, stages)?;
            let code = exit::of_notes(&report.notes);
            code.max(print(&report, args.run.json, convert::text, exit::PARTLY))
        }
        #[cfg(feature = "viewer")]
        Command::View(args) => view::run(args)?,
        Command::Adapters(args) => {
            let report = adapters::run()?;
            print(&report, args.json, adapters::text, exit::FAILED)
        }
    })
}

/// Writes a report to standard output; a reader that has gone away is no failure. `lost` is the exit code where it can't
/// be written: where a command writes files, these are there.
fn print<T: Serialize>(report: &T, json: bool, text: impl Fn(&T) -> String, lost: u8) -> u8 {
    let shown =
        if json { serde_json::to_string_pretty(report).map(|text| text + "\n") } else { Ok(text(report)) };
    let mut out = io::stdout();
    let written = shown.map_err(io::Error::from).and_then(|shown| out.write_all(shown.as_bytes()));
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let files = if lost == exit::PARTLY { "; the files are written" } else { "" };
            let message = format!("anatome: cannot write the report to standard output: {error}{files}");
            drop(writeln!(io::stderr(), "{message}"));
            lost
        }
        _ => exit::OK,
    }
}
