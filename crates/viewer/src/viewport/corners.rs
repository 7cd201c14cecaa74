//! What stands in the corners of a view.

use anatome::{Interpolation, Projection};

use super::Seen;
use crate::document::{Kind, State};
use crate::interaction::Interaction;
use crate::overlay::corners::{Corners, is_small};
use crate::overlay::facts::{acquisition, number, range, window};
use crate::session::{Content, Mode, PlaneView, Slab, among, shown_mm, shown_overlay, voi_of};

/// What every picture carries.
pub(crate) const NOT_FOR_DIAGNOSIS: &str = "not for diagnostic use";

/// In views of fewer points only the modality leaves the upper letter its room.
const VERY_NARROW: f32 = 100.0;

/// The lines of text of a view.
pub(super) fn corners(seen: &Seen<'_>, interaction: &Interaction) -> Corners {
    let mut corners = Corners::default();
    let Some(entry) = seen.view.series.and_then(|series| seen.document.entry(series)) else {
        let text =
            if seen.rect.width() < 230.0 { "Drop files here" } else { "Drop files here, or choose a series" };
        corners.top_left.push(text.to_owned());
        return corners;
    };
    if seen.session.shown.labels {
        what(&mut corners, seen, entry);
        if seen.rect.width() < VERY_NARROW {
            entry.facts.modality.code().clone_into(&mut corners.top_left[0]);
        }
        state(&mut corners, seen);
        where_it_is(&mut corners, seen);
        if let Some(image) = seen.session.key_image_of(seen.index, seen.document) {
            corners.top_right.push(format!("key image {}", image.id));
        }
        if let Some(hover) = interaction.hover.as_ref().filter(|hover| hover.view == seen.index) {
            corners.bottom_left.extend(hover.text.iter().cloned());
        }
    }
    if seen.session.shown.identity {
        corners.top_left.extend(identity(seen));
    }
    warnings(&mut corners, seen);
    if let Some((interpolation, is_preview)) = making(seen) {
        match (seen.session.shown.labels, is_preview) {
            (true, true) => corners.marks.push(format!("{interpolation}  preview")),
            (true, false) => corners.bottom_right.push(format!("{interpolation}  exact")),
            (false, true) => corners.marks.push("preview".to_owned()),
            (false, false) => {}
        }
        corners.marks.push(NOT_FOR_DIAGNOSIS.to_owned());
    }
    corners
}

fn what(corners: &mut Corners, seen: &Seen<'_>, entry: &crate::document::Entry) {
    let modality = entry.facts.modality.code();
    let name = match seen.view.content {
        Content::Plane(plane) => {
            let slab = slab_name(plane.slab).map(|slab| format!("  {slab}")).unwrap_or_default();
            format!("{}{slab}", seen.plane_name(plane.direction))
        }
        Content::Orbit(orbit) => match orbit.mode {
            Mode::Rendering => "3D".to_owned(),
            Mode::Projection(own) => projection(own).to_owned(),
        },
        Content::Frame(_) => {
            let view = seen.drawn_frame().and_then(|frame| frame.sides.view.clone());
            view.into_iter().chain(seen.view.framing.turn.name()).collect::<Vec<_>>().join("  ")
        }
    };
    corners.top_left.push(format!("{modality}  {name}").trim().to_owned());
    // Whose it is and of when, and what lies over it, must be told in any view.
    let told = if is_small(seen.rect) { &mut corners.marks } else { &mut corners.top_left };
    let patient = seen.document.patient_number(entry.id);
    told.extend(patient.map(|patient| format!("Patient {patient}")));
    told.extend(seen.document.study_name(entry.id));
    // Of several phases, that of the picture, which may be one behind.
    let shown = seen.canvas.shown.as_ref().and_then(|shown| seen.document.entry(shown.series));
    let entry = shown.unwrap_or(entry);
    let own_number = entry.facts.number.map(|number| format!("Series {number}"));
    let called: Vec<String> = own_number.into_iter().chain(entry.facts.part.clone()).collect();
    let description = entry.facts.shown_description(seen.session.shown.identity).map(shortened);
    let lines = [Some(called.join(", ")).filter(|text| !text.is_empty()), description];
    corners.top_left.extend(lines.into_iter().flatten());
    if let Some(loaded) = seen.view.series.and_then(|series| seen.document.loaded(series)) {
        corners.top_left.extend(acquisition(&loaded.volume));
    }
    if let Some((overlay, defaults)) = shown_overlay(seen.view, seen.document) {
        let name = seen.document.name(overlay.series).unwrap_or_default();
        let voi = voi_of(&overlay.look, defaults, &seen.view.content);
        let range = range(voi, &defaults.unit.to_string()).join(" to ");
        let percent = number((overlay.opacity * 100.0).round());
        if is_small(seen.rect) {
            corners.marks.push(format!("over it: {name}"));
        } else {
            corners.top_left.push(format!("over it: {name}  {range}  {percent} %"));
        }
    }
}

pub(crate) fn projection(projection: Projection) -> &'static str {
    match projection {
        Projection::Mip => "MIP",
        Projection::MinIp => "MinIP",
        Projection::Mean => "Mean",
    }
}

/// What is told of a slab; nothing of a slice.
pub(crate) fn slab_name(slab: Slab) -> Option<String> {
    let name = || format!("{} {} mm", projection(slab.projection), number(slab.thickness_mm));
    (!slab.is_slice()).then(name)
}

fn state(corners: &mut Corners, seen: &Seen<'_>) {
    let Some(shown) = &seen.canvas.shown else { return };
    let is_rendering = matches!(seen.view.content, Content::Orbit(orbit) if orbit.mode == Mode::Rendering);
    let defaults = match &shown.frame {
        Some(frame) => Some(&frame.defaults),
        None => seen.view.series.and_then(|series| seen.document.defaults(series)),
    };
    let is_color = shown.frame.as_ref().is_some_and(|frame| frame.is_color());
    if let Some(defaults) = defaults.filter(|_| !is_rendering && !is_color) {
        let voi = voi_of(&seen.view.look, defaults, &seen.view.content);
        corners.bottom_right.push(format!("{}  {}", window(voi), defaults.unit).trim_end().to_owned());
    }
    if seen.view.is_apart {
        corners.bottom_right.push("not linked".to_owned());
    }
    corners.bottom_right.push(format!("Zoom {} %", number(zoom_percent(seen))));
}

/// How a picture is made, and whether it is one that is made in haste.
fn making(seen: &Seen<'_>) -> Option<(&'static str, bool)> {
    let shown = seen.canvas.shown.as_ref()?;
    let interpolation = match seen.view.look.interpolation {
        Interpolation::Nearest => "nearest",
        Interpolation::Linear => "linear",
        Interpolation::Cubic => "cubic",
    };
    Some((interpolation, !shown.is_full || shown.is_partial || seen.moved().is_some()))
}

/// Of the size at which a voxel has the size of a pixel: in 3D at the middle of the volume.
pub(crate) fn zoom_percent(seen: &Seen<'_>) -> f64 {
    let pixels = f64::from(seen.canvas.size_px[0].max(1)) / f64::from(seen.rect.width()).max(1.0);
    let point_mm = match seen.view.content {
        Content::Orbit(_) => seen.orbit_point_mm(),
        _ => seen.drawn_map().map(|map| map.point_mm()),
    };
    match (point_mm, native_mm(seen)) {
        (Some(point_mm), Some(native_mm)) => 100.0 * native_mm / (point_mm / pixels),
        _ => 100.0 * seen.view.framing.zoom,
    }
}

/// The smaller side of a voxel or pixel in its image.
pub(crate) fn native_mm(seen: &Seen<'_>) -> Option<f64> {
    match &seen.view.content {
        Content::Frame(_) => {
            let frame = seen.drawn_frame()?;
            let mm = frame.volume.grid().spacing_mm();
            Some(mm.x.min(mm.y))
        }
        Content::Plane(_) | Content::Orbit(_) => {
            let grid = seen.document.grid(seen.view.series?)?;
            let mm = grid.spacing_mm();
            Some(mm.x.min(mm.y))
        }
    }
}

fn where_it_is(corners: &mut Corners, seen: &Seen<'_>) {
    match seen.view.content {
        Content::Plane(plane) => corners.top_right.extend(position(seen, plane).into_iter().flatten()),
        Content::Frame(own) => {
            if let Some(stack) = seen.view.series.and_then(|series| seen.document.stack(series)) {
                // That of the picture, which may be behind.
                let shown = seen.drawn_frame().map_or(own.frame, |frame| frame.number);
                corners.top_right.push(format!("{} / {}", shown + 1, stack.frames().len()));
            }
        }
        Content::Orbit(_) => {}
    }
}

/// Which image it is, if it is one, and where it is in the patient.
fn position(seen: &Seen<'_>, plane: PlaneView) -> Option<Vec<String>> {
    let series = seen.view.series?;
    let space = seen.session.space_of(series, seen.document)?;
    // Of a preview only one slice is there.
    let loaded = seen.document.whole(series)?;
    let image = among(space, plane.direction, loaded.volume.grid(), &loaded.images);
    let normal = space.normal(plane.direction);
    let place = crate::session::position(shown_mm(loaded.volume.grid(), space.center_mm, normal), normal);
    Some(image.map(|image| image.name()).into_iter().chain([place]).collect())
}

/// Who it is, a line each, with what each says.
fn identity(seen: &Seen<'_>) -> Vec<String> {
    let series = seen.view.series.and_then(|series| seen.document.series(series));
    let Some(first) = series.and_then(|series| series.instances().first()) else { return Vec::new() };
    let own = first.identity();
    let lines = [
        ("Name", own.patient_name.as_deref().map(person)),
        ("Patient ID", own.patient_id),
        ("Born", own.birth_date.as_deref().map(date)),
        ("Study of", own.study_date.as_deref().map(date)),
    ];
    let known = lines.into_iter().filter_map(|(what, text)| Some((what, text?)));
    known.filter(|(_, text)| !text.trim().is_empty()).map(|(what, text)| format!("{what}: {text}")).collect()
}

/// A Person Name (PS3.5 6.2) as it is read: family name, the others. Of several writings the first.
fn person(name: &str) -> String {
    let written = name.split('=').map(str::trim).find(|part| !part.is_empty()).unwrap_or_default();
    let mut parts = written.split('^').map(str::trim);
    let family = parts.next().unwrap_or_default();
    let [given, middle, prefix, suffix] = [(); 4].map(|()| parts.next().unwrap_or_default());
    let others = [prefix, given, middle, suffix].into_iter().filter(|part| !part.is_empty());
    let others = others.collect::<Vec<_>>().join(" ");
    [family, &others].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A date (PS3.5 6.2) with its parts apart; what is none as it is written.
pub(crate) fn date(text: &str) -> String {
    let text = text.trim();
    let is_date = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_date { format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]) } else { text.to_owned() }
}

fn warnings(corners: &mut Corners, seen: &Seen<'_>) {
    let Some(entry) = seen.view.series.and_then(|series| seen.document.entry(series)) else { return };
    let lossy = match &seen.canvas.shown {
        Some(shown) => match &shown.frame {
            Some(frame) => frame.defaults.is_lossy,
            None => seen.document.defaults(entry.id).is_some_and(|defaults| defaults.is_lossy),
        },
        None => false,
    };
    if lossy {
        corners.warnings.push("lossy".to_owned());
    }
    let is_loading = matches!(entry.state, State::Preview(_) | State::Found);
    // The picture of a part stays until that of the whole is made.
    let is_partial = seen.canvas.shown.as_ref().is_some_and(|shown| shown.is_partial);
    if is_partial || is_loading && entry.facts.kind == Kind::Volume {
        corners.warnings.push("loading".to_owned());
    }
    if let State::Failed(reason) = &entry.state {
        corners.warnings.push(shortened(reason));
    }
    if let Some(failure) = &seen.canvas.failure {
        corners.warnings.push(shortened(&failure.reason));
    }
    let patients =
        seen.session.views.iter().filter_map(|view| seen.document.entry(view.series?)).map(|own| own.patient);
    if patients.into_iter().any(|patient| patient != entry.patient) {
        corners.warnings.push("views show different patients".to_owned());
    }
    if seen.drawn_frame().is_some_and(|frame| frame.lacks_colors) {
        corners.warnings.push("supplemental colours are not shown".to_owned());
    }
}

/// All that stands in the corners of a view.
#[cfg(test)]
pub(crate) fn written(seen: &Seen<'_>, interaction: &Interaction) -> Vec<String> {
    let own = corners(seen, interaction);
    let Corners { top_left, top_right, warnings, bottom_left, bottom_right, marks } = own;
    [top_left, top_right, warnings, bottom_left, bottom_right, marks].concat()
}

fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        text.to_owned()
    } else {
        text.chars().take(MOST).collect::<String>() + "…"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_dates_are_read_as_people_write_them() {
        let names = ["Doe^Jane^M^Dr^PhD", "DEMO", "Yamada^Tarou=山田^太郎", "=Wang^XiaoDong", "^Jane", ""];
        let read = ["Doe, Dr Jane M PhD", "DEMO", "Yamada, Tarou", "Wang, XiaoDong", "Jane", ""];
        assert_eq!(names.map(person), read);
        let dates = ["20250131", " 20250131", "2025.01.31", "1987", ""].map(date);
        assert_eq!(dates, ["2025-01-31", "2025-01-31", "2025.01.31", "1987", ""]);
    }
}
