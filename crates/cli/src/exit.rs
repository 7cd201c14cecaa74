//! Exit codes, made in one place.

use std::process::ExitCode;

use anatome::{Error, ErrorKind, InspectReport, JobReport, NoteCode};

/// The exit code of an interrupted run.
pub(crate) const INTERRUPTED: u8 = 130;

/// The code of a run that made nothing.
pub(crate) fn of_error(error: &Error) -> ExitCode {
    ExitCode::from(match error {
        // What was asked for makes no sense, whatever the files hold.
        Error::Exists { .. }
        | Error::Unknown { .. }
        | Error::OtherModality { .. }
        | Error::SceneFile { .. } => 2,
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

/// The code of an inspection that finished: 4 if nothing that was found can be read, 3 if a series or one of its images
/// can't be, or a file that the user named was left out. What else lies in a searched folder is a note.
pub(crate) fn of_inspection(report: &InspectReport, named_file_left_out: bool) -> ExitCode {
    let series = || report.studies.iter().flat_map(|study| &study.series);
    let unread = series().filter(|series| series.error.is_some()).count();
    let damaged = series().any(|series| series.notes.has(NoteCode::Damaged));
    ExitCode::from(if unread == series().count() {
        4
    } else if unread > 0 || damaged || named_file_left_out {
        3
    } else {
        0
    })
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
