//! Exit codes, made in one place.

use std::io;

use anatome::{Error, ErrorKind, InspectReport, JobReport, NoteCode, Notes, SeriesReport};

/// All is well.
pub(crate) const OK: u8 = 0;
/// Part of it failed.
pub(crate) const PARTLY: u8 = 3;
/// All of it failed.
pub(crate) const FAILED: u8 = 4;
/// A GPU, or what draws windows, failed.
pub(crate) const DEVICE: u8 = 5;
/// The exit code of an interrupted run.
pub(crate) const INTERRUPTED: u8 = 130;

/// The code of a run that made nothing.
pub(crate) fn of_error(error: &Error) -> u8 {
    match error {
        // What was asked for makes no sense, whatever the files hold.
        Error::Exists { .. }
        | Error::NoInput { .. }
        | Error::Unknown { .. }
        | Error::OtherModality { .. }
        | Error::SceneFile { .. } => 2,
        // Folders are made where they can be: a path that is not there was mistyped.
        Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => 2,
        _ => of_kind(error.kind()),
    }
}

fn of_kind(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Cancelled => INTERRUPTED,
        ErrorKind::Device => DEVICE,
        _ => FAILED,
    }
}

/// The code of an inspection that finished: 4 if nothing that was found can be read, 3 if a series or one of its images
/// or files can't be, or a file that the user named was left out. What else lies in a searched folder is a note.
pub(crate) fn of_inspection(report: &InspectReport, named_file_left_out: bool) -> u8 {
    let series = || report.studies.iter().flat_map(|study| &study.series);
    let unread = series().filter(|series| series.error.is_some()).count();
    let undecoded = |series: &SeriesReport| series.decoded.iter().any(|d| !d.damaged.is_empty());
    let partly = |series: &SeriesReport| undecoded(series) || lost_something(&series.notes);
    let damaged = lost_something(&report.notes) || series().any(partly);
    if unread == series().count() {
        FAILED
    } else if unread > 0 || damaged || named_file_left_out {
        PARTLY
    } else {
        OK
    }
}

/// The code of what was made of a series: 3 if images were, or may have been, left out because they or their files are
/// damaged or can't be read.
pub(crate) fn of_notes(notes: &Notes) -> u8 {
    if lost_something(notes) { PARTLY } else { OK }
}

/// Whether images or files are damaged or can't be read.
pub(crate) fn lost_something(notes: &Notes) -> bool {
    [NoteCode::Damaged, NoteCode::FileDamaged, NoteCode::FileUnreadable].iter().any(|&code| notes.has(code))
}

/// The code of a run that finished.
pub(crate) fn of_reports(reports: &[&JobReport]) -> u8 {
    let pictures = || reports.iter().flat_map(|report| &report.pictures);
    let failed: Vec<ErrorKind> = pictures().filter_map(|p| p.error_kind).collect();
    if failed.is_empty() {
        reports.iter().map(|report| of_notes(&report.notes)).max().unwrap_or(OK)
    } else if failed.contains(&ErrorKind::Device) {
        DEVICE
    } else if failed.len() < pictures().count() {
        PARTLY
    } else {
        FAILED
    }
}
