//! Voxels in several files: listed one a line, or numbered.

use crate::fields::Fields;
use crate::layout::MOST_FILES;
use crate::source::Place;
use crate::{Error, Limits};

/// The names behind the header's line that says `LIST`, one a line.
pub(crate) fn listed(
    place: &Place,
    from: u64,
    fields: &Fields,
    limits: &Limits,
) -> Result<Vec<String>, Error> {
    let bytes = place.start(limits.header_bytes)?;
    let rest = bytes.get(usize::try_from(from).unwrap_or(usize::MAX)..).unwrap_or_default();
    let text = String::from_utf8_lossy(rest);
    let names = text.lines().map(str::trim).filter(|name| !name.is_empty());
    bounded(names.map(str::to_owned).take(MOST_FILES + 1).collect(), fields)
}

/// The names that a pattern with `%d`, `%3d` or `%03d` in it gives for the numbers from `first` to `last`, both
/// included.
pub(crate) fn numbered(
    pattern: &str,
    [first, last, step]: [i64; 3],
    fields: &Fields,
) -> Result<Vec<String>, Error> {
    let malformed = || fields.malformed("the numbered names of its files make no sense");
    let (before, rest) = pattern.split_once('%').ok_or_else(malformed)?;
    let (width, after) = rest.split_once('d').ok_or_else(malformed)?;
    let zeros = width.starts_with('0');
    let width: usize = if width.is_empty() { 0 } else { width.parse().map_err(|_| malformed())? };
    let [first, last, step] = [first, last, step].map(i128::from);
    let known =
        width <= 16 && step != 0 && !after.contains('%') && (last - first).signum() * step.signum() >= 0;
    if !known {
        return Err(malformed());
    }
    let count = usize::try_from((last - first) / step).unwrap_or(usize::MAX);
    let name = |n: usize| {
        let number = first + n as i128 * step;
        if zeros {
            format!("{before}{number:0width$}{after}")
        } else {
            format!("{before}{number:width$}{after}")
        }
    };
    bounded((0..=count.min(MOST_FILES)).map(name).collect(), fields)
}

fn bounded(names: Vec<String>, fields: &Fields) -> Result<Vec<String>, Error> {
    match names.len() {
        0 => Err(fields.malformed("it names no files of voxels")),
        needed if needed > MOST_FILES => {
            let (needed, allowed) = (needed as u64, MOST_FILES as u64);
            Err(Error::Limits { what: "files of voxels", needed, allowed })
        }
        _ => Ok(names),
    }
}
