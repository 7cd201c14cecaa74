//! Exit codes, made in one place.

use std::process::ExitCode;

use anatome::{Error, ErrorKind, JobReport};

/// The exit code of an interrupted run.
pub(crate) const INTERRUPTED: u8 = 130;

/// The code of a run that made nothing.
pub(crate) fn of_error(error: &Error) -> ExitCode {
    ExitCode::from(match error {
        Error::Exists { .. } | Error::Unknown { .. } | Error::Json { .. } => 2,
        _ => of_kind(error.kind()),
    })
}

fn of_kind(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Cancelled => INTERRUPTED,
        ErrorKind::Device => 5,
        _ => 4,
    }
}

/// The code of a run that finished.
pub(crate) fn of_reports(reports: &[&JobReport]) -> ExitCode {
    let pictures = || reports.iter().flat_map(|report| &report.pictures);
    let failed: Vec<ErrorKind> = pictures().filter_map(|p| p.error_kind).collect();
    let code = if failed.is_empty() {
        0
    } else if failed.contains(&ErrorKind::Device) {
        5
    } else if failed.len() < pictures().count() {
        3
    } else {
        4
    };
    ExitCode::from(code)
}
