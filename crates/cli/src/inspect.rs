//! `anatome inspect`.

use anatome::{
    InspectReport, NamedVoi, NoteCode, Notes, PixelsReport, Privacy, RealWorldReport, Result, SeriesReport,
    SkippedReport, StackReport, Study, ValuesReport, Voi,
};

use crate::args::InspectArgs;
use crate::exit;
use crate::progress_bar::Stages;

pub(crate) fn run(args: &InspectArgs, stages: &Stages) -> Result<(InspectReport, u8)> {
    let workers = args.run.workers()?;
    let (sources, limits) = (args.read.sources(), args.read.limits);
    let privacy = if args.with_identity { Privacy::WithIdentity } else { Privacy::WithoutIdentity };
    let study = Study::scan(&sources, &limits, &workers, &stages.stage(&anatome::Stage::Scan))?;
    let watch = |number| stages.named(format!("loading series {number}"));
    let report = study.inspect(privacy, !args.headers_only, &limits, &workers, &watch)?;
    stages.finish();
    let left_out = study.named(study.skipped()).next().is_some();
    let code = exit::of_inspection(&report, left_out);
    Ok((report, code))
}

/// The report for a person.
pub(crate) fn text(report: &InspectReport) -> String {
    let mut out = format!("{}, {}\n", counted(report.files, "file"), counted_studies(report.studies.len()));
    out += &notes_text(&report.notes, "");
    out += &skipped_text(&report.skipped);
    for study in &report.studies {
        out += &format!("\nstudy {}\n", study.number);
        if let Some(who) = &study.identity {
            let shown = |name: &str, value: &Option<String>| match value {
                Some(value) => format!("  {name}: {value}\n"),
                None => String::new(),
            };
            out += &format!("  UID: {}\n", who.study_instance_uid);
            out += &shown("patient", &who.patient_name);
            out += &shown("ID", &who.patient_id);
            out += &shown("born", &who.birth_date);
            out += &shown("sex", &who.sex);
            out += &shown("accession number", &who.accession_number);
            out += &shown("date", &who.study_date);
            out += &shown("description", &who.description);
        }
        for series in &study.series {
            out += &series_text(series);
        }
    }
    // Whoever may see identity, or named the file, has been told.
    let series = report.studies.iter().flat_map(|study| &study.series);
    let hints = series.map(|series| &series.notes).chain([&report.notes]).map(damage_hint);
    match hints.max_by_key(|hint| hint.len()) {
        Some(hint) if report.skipped.is_empty() && !hint.is_empty() => out + "\n" + hint,
        _ => out,
    }
}

fn series_text(series: &SeriesReport) -> String {
    let part = series.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default();
    let mut out = format!(
        "  series {}: {}{part}, {}, {}\n",
        series.number,
        named(&series.modality),
        instances(series),
        series.transfer_syntaxes.join("; ")
    );
    if let Some(who) = &series.identity {
        out += &format!("    UID: {}\n", who.series_instance_uid);
        if let Some(description) = &who.description {
            out += &format!("    description: {description}\n");
        }
    }
    if let Some(geometry) = &series.geometry {
        let [i, j, k] = geometry.size;
        let [x, y, z] = geometry.spacing_mm;
        let [row, column, normal] = &geometry.orientation;
        out += &format!("    {i} x {j} x {k} voxels of {x:.4} x {y:.4} x {z:.4} mm");
        out += &format!(", rows to {row}, columns to {column}, slices to {normal}\n");
        if geometry.tilt_deg > 0.01 {
            out += &format!("    tilted by {:.2} degrees\n", geometry.tilt_deg);
        }
        if let Some(gaps) = &geometry.slice_gaps_mm {
            out += &format!("    uneven slices: {}\n", runs(gaps));
        }
        if !geometry.missing_after.is_empty() {
            out += &format!("    slices are missing in {}\n", counted(geometry.missing_after.len(), "place"));
        }
    }
    if let Some(stack) = &series.stack {
        out += &stack_text(series, stack);
    }
    if let Some(values) = &series.values {
        out += &values_text(values);
    }
    for map in &series.real_world {
        out += &map_text(map);
    }
    for uptake in series.uptake.iter().filter(|uptake| uptake.kind == "BW") {
        out += &match (uptake.factor, &uptake.refusal) {
            (Some(factor), _) => format!("    SUVbw = value x {factor:.6e}\n"),
            (None, refusal) => format!("    no SUV: {}\n", refusal.as_deref().unwrap_or("unknown")),
        };
    }
    if let Some(object) = &series.object {
        let of = if object.referenced_series > 0 {
            format!(", of {} series", object.referenced_series)
        } else {
            String::new()
        };
        out += &format!("    {}: {}{of}\n", object.kind, object.content);
    }
    for damage in series.decoded.iter().flat_map(|decoded| &decoded.damaged) {
        let (damaged, all) = (damage.frames, counted(series.frames, "image"));
        let more = match damaged - damage.images.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let which = damage.images.join(", ");
        out += &format!("    {damaged} of {all} can't be decoded ({which}{more}): {}\n", damage.reason);
    }
    if let Some(error) = series.error.as_ref().filter(|_| series.decoded.is_none()) {
        out += &format!("    not loaded: {error}\n");
    }
    out + &notes_text(&series.notes, "    ")
}

fn stack_text(series: &SeriesReport, stack: &StackReport) -> String {
    let [columns, rows] = stack.size;
    let pixels = series.pixels.as_ref();
    let what = if pixels.is_some_and(PixelsReport::is_color) { "colour image" } else { "image" };
    let mut out = format!("    {} of {columns} x {rows} pixels, ", counted(series.frames, what));
    if let Some(PixelsReport { photometric, bits_stored, .. }) =
        pixels.filter(|pixels| !pixels.photometric.is_empty())
    {
        out += &match series.other_pixels.as_slice() {
            [] => format!("{photometric} of {bits_stored} bits, "),
            others => format!("{photometric} of {}, ", depths(pixels.into_iter().chain(others))),
        };
    }
    if let Some([x, y]) = stack.spacing_mm {
        out += &format!("{x:.4} x {y:.4} mm, ");
    }
    out += &format!("spacing: {}", stack.spacing_source);
    // Greyscale says so with its values.
    let lossy = series.values.is_none() && series.decoded.as_ref().is_some_and(|decoded| decoded.lossy);
    out += if lossy { ", compressed with loss\n" } else { "\n" };
    match &stack.reason {
        Some(reason) => out + &format!("    no volume: {reason}\n"),
        None => out,
    }
}

/// Each kind of depth once: `8 bits or signed 16 bits`.
fn depths<'a>(kinds: impl Iterator<Item = &'a PixelsReport>) -> String {
    let mut depths: Vec<String> = Vec::new();
    for PixelsReport { bits_stored, signed, .. } in kinds {
        let depth = format!("{}{bits_stored} bits", if *signed { "signed " } else { "" });
        if !depths.contains(&depth) {
            depths.push(depth);
        }
    }
    depths.join(" or ")
}

fn values_text(values: &ValuesReport) -> String {
    let mut out = format!("    {} samples", values.sample_type);
    out += if values.differs { " in the first image, others differ in type or scale" } else { "" };
    if let Some([low, high]) = values.range {
        let unit =
            if values.unit.is_empty() { ", no unit stated".to_owned() } else { format!(" {}", values.unit) };
        out += &format!(", values {} to {}{unit}", number(low), number(high));
    }
    if let Some([low, high]) = values.padding {
        // Places without a value have a number that no image has.
        out += &if low == f64::from(f32::MIN) {
            ", padding marked".to_owned()
        } else if low == high {
            format!(", padding stored as {}", number(low))
        } else {
            format!(", padding stored as {} to {}", number(low), number(high))
        };
    }
    out += if values.inverted { ", low values white" } else { "" };
    out += if values.lossy { ", compressed with loss" } else { "" };
    let windows: Vec<String> = values.windows.iter().map(window_text).collect();
    if !windows.is_empty() {
        out += &format!("\n    windows: {}", windows.join("; "));
    }
    out + "\n"
}

/// Centre and width; explanations are free text, which may name anyone.
fn window_text(window: &NamedVoi) -> String {
    match &window.voi {
        Voi::Window(window) => format!("{}, {}", number(window.center()), number(window.width())),
        _ => "a table".to_owned(),
    }
}

fn map_text(map: &RealWorldReport) -> String {
    let formula = match (map.slope, map.intercept) {
        (Some(slope), Some(0.0)) => format!("stored x {}", number(slope)),
        (Some(slope), Some(intercept)) => format!("stored x {} + {}", number(slope), number(intercept)),
        _ => "by a table".to_owned(),
    };
    let differs = if map.differs { ", of the first image; others differ" } else { "" };
    format!("    real-world value map: {formula} {}{differs}\n", map.unit)
}

/// Whole numbers as they are, others with the seven digits that samples have.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value}");
    }
    let rounded: f64 = format!("{value:.6e}").parse().unwrap_or(value);
    if (1e-5..1e15).contains(&rounded.abs()) { format!("{rounded}") } else { format!("{rounded:e}") }
}

fn instances(series: &SeriesReport) -> String {
    let instances = counted(series.instances, "instance");
    if series.frames > series.instances {
        format!("{instances} with {}", counted(series.frames, "frame"))
    } else {
        instances
    }
}

/// A modality's code, which files may leave out.
pub(crate) fn named(modality: &str) -> &str {
    if modality.is_empty() { "unknown modality" } else { modality }
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn counted_studies(n: usize) -> String {
    if n == 1 { "1 study".to_owned() } else { format!("{n} studies") }
}

/// Equal neighbours counted: `13 x 4.00, 1 x 1.08 mm`.
fn runs(gaps: &[f64]) -> String {
    let same = |a: &f64, b: &f64| (a - b).abs() < 0.005;
    let runs = gaps.chunk_by(same).map(|run| format!("{} x {:.2}", run.len(), run[0]));
    runs.collect::<Vec<_>>().join(", ") + " mm"
}

pub(crate) fn notes_text(notes: &Notes, indent: &str) -> String {
    let line = |note: &anatome::Note| {
        let count = if note.count > 1 { format!(" ({} times)", note.count) } else { String::new() };
        format!("{indent}note: {}{count} [{}]\n", note.text, code(note.code))
    };
    notes.iter().map(line).collect()
}

/// Where to go on from notes of damaged images and files.
pub(crate) fn damage_hint(notes: &Notes) -> &'static str {
    if exit::lost_something(notes) {
        "hint: `anatome inspect --with-identity` names the damaged files\n"
    } else {
        ""
    }
}

pub(crate) fn skipped_text(files: &[SkippedReport]) -> String {
    files.iter().map(|file| format!("skipped: {}: {}\n", file.path, file.reason)).collect()
}

/// The code as it is written in JSON.
fn code(code: NoteCode) -> String {
    serde_json::to_string(&code).unwrap_or_default().trim_matches('"').to_owned()
}
