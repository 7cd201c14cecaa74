//! What is open: series with small pictures.

use std::sync::Arc;

use egui::{Color32, ColorImage, RichText, ScrollArea, Sense, TextureOptions, Ui, Vec2};

use crate::actions::Action;
use crate::app::Viewer;
use crate::command::Command;
use crate::document::{Entry, Kind, Opened, State, Thumbnail, opened};
use crate::session::SeriesId;
use crate::theme;

/// The side of a small picture in points.
const SIDE: f32 = 60.0;
/// The size of the smaller letters.
const SMALL: f32 = 11.0;

pub(super) fn show(viewer: &mut Viewer, ui: &mut Ui) {
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        ui.strong("Series");
        let hint = viewer.keys.with_key("Files, folders or archives", Action::OpenFiles);
        if ui.button("Open…").on_hover_text(hint).clicked() {
            let context = ui.ctx().clone();
            viewer.act(&context, Action::OpenFiles);
        }
    });
    work(viewer, ui);
    problems(viewer, ui);
    ui.separator();
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        if viewer.document.entries().is_empty() {
            ui.weak("Drop files, folders or archives here.");
            if !viewer.recent.inputs().is_empty() {
                ui.add_space(6.0);
                ui.strong("Recent");
                super::toolbar::recent(viewer, ui);
            }
        }
        let mut chosen = None;
        let mut patient = None;
        let opened = opened(viewer.document.entries());
        for study in &opened {
            let number = study.entries.first().and_then(|entry| viewer.document.patient_number(entry.id));
            if let Some(number) = number
                && patient.replace(number) != Some(number)
            {
                ui.label(RichText::new(format!("Patient {number}")).color(theme::WARNING));
            }
            if let Some(text) = heading(study, opened.len() > 1, viewer.session.shown.identity) {
                ui.add(egui::Label::new(RichText::new(text).size(SMALL).color(theme::LABEL)).wrap());
            }
            for entry in &study.entries {
                chosen = chosen.or(row(viewer, ui, entry).map(|what| (entry.id, what)));
            }
        }
        match chosen {
            Some((series, Chosen::Series)) if is_object(viewer, series) => {
                viewer.tell(
                    "It holds no images of its own. Segmentations, structures and reports are not shown.",
                );
            }
            Some((series, Chosen::Series)) => {
                viewer.read_again(series);
                viewer.push(Command::Show { view: viewer.session.active, series, content: None });
            }
            Some((series, Chosen::Notes)) => viewer.panels.notes = Some(series),
            Some((series, Chosen::Close)) => viewer.ask_to_close(vec![series]),
            Some((series, Chosen::CloseAllWithIt)) => {
                let all = viewer.document.entries().iter().map(|entry| entry.id);
                viewer.ask_to_close(all.filter(|id| id.input == series.input).collect());
            }
            None => {}
        }
    });
}

fn is_object(viewer: &Viewer, series: SeriesId) -> bool {
    viewer.document.entry(series).is_some_and(|entry| entry.facts.kind == Kind::Object)
}

/// What is written above the series of a study. Its date is shown with identity only.
fn heading(opened: &Opened<'_>, is_one_of_several: bool, with_identity: bool) -> Option<String> {
    let study = opened.study?;
    let description = study.description.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let description = description.filter(|_| with_identity || !study.is_described_by_identity);
    let date = study.date.as_deref().map(crate::viewport::date).filter(|_| with_identity);
    let name =
        Some(opened.name.as_str()).filter(|_| is_one_of_several || date.is_some() || description.is_some());
    let parts = [name, date.as_deref(), description];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join("  ")).filter(|text| !text.is_empty())
}

/// What goes on, with a way to stop it.
fn work(viewer: &Viewer, ui: &mut Ui) {
    let turning = viewer.turning.as_ref().map(|turning| turning.work.clone());
    for work in viewer.loader.work().into_iter().chain(turning) {
        let (done, all) = work.done;
        let part = if all == 0 { 0.0 } else { done as f32 / all as f32 };
        ui.horizontal(|ui| {
            let text = if all == 0 {
                format!("{} {done}", work.what)
            } else {
                format!("{} {done} / {all}", work.what)
            };
            ui.add(egui::ProgressBar::new(part).desired_width(ui.available_width() - 62.0).text(text));
            if ui.button("Cancel").clicked() {
                work.cancel();
            }
        });
    }
}

fn problems(viewer: &mut Viewer, ui: &mut Ui) {
    let inputs = viewer.document.inputs().iter().filter(|input| !input.is_closed);
    let inputs = inputs.filter_map(|input| input.found.as_ref());
    let mut count = 0;
    for found in inputs {
        match found {
            Ok(study) => count += study.skipped().len(),
            Err(_) => count += 1,
        }
    }
    if count > 0 {
        let text =
            if count == 1 { "1 file left out…".to_owned() } else { format!("{count} files left out…") };
        if ui.button(RichText::new(text).color(theme::WARNING)).clicked() {
            viewer.panels.problems = !viewer.panels.problems;
        }
    }
}

/// What is done with a series.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chosen {
    /// It is shown.
    Series,
    /// What is odd about it is listed.
    Notes,
    /// It is closed.
    Close,
    /// All that was opened with it is closed.
    CloseAllWithIt,
}

/// A series; what was chosen of it.
fn row(viewer: &Viewer, ui: &mut Ui, entry: &Entry) -> Option<Chosen> {
    let is_shown = viewer.session.views.iter().any(|view| view.series == Some(entry.id));
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), SIDE + 8.0), Sense::click_and_drag());
    // Views take it.
    response.dnd_set_drag_payload(entry.id);
    let identity = viewer.session.shown.identity;
    let name = name(entry, identity);
    response.widget_info(|| egui::WidgetInfo::selected(egui::accesskit::Role::Button, true, is_shown, &name));
    if !ui.is_rect_visible(rect) {
        return None;
    }
    let fill = if response.hovered() {
        Color32::from_gray(48)
    } else if is_shown {
        Color32::from_rgb(40, 54, 68)
    } else {
        Color32::TRANSPARENT
    };
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    painter.rect_filled(rect, 3.0, fill);
    let picture = egui::Rect::from_min_size(rect.min + Vec2::splat(4.0), Vec2::splat(SIDE));
    painter.rect_filled(picture, 2.0, Color32::BLACK);
    if let Some(thumbnail) = &entry.thumbnail {
        draw(ui, &painter, thumbnail, entry.id, picture);
    }
    let from = picture.right_top() + Vec2::new(8.0, 1.0);
    let mut room = rect.right() - 4.0 - from.x;
    let mut at = from;
    let mut asked = false;
    if !notes(viewer, entry).is_empty() {
        let font = egui::FontId::proportional(SMALL);
        let badge = painter.layout_no_wrap("notes".to_owned(), font, theme::WARNING);
        room -= badge.size().x + 6.0;
        let beside = egui::pos2(rect.right() - 4.0 - badge.size().x, from.y + 1.0);
        let place = egui::Rect::from_min_size(beside, badge.size()).expand(3.0);
        let click = ui.interact(place, response.id.with("notes"), Sense::click());
        let text = format!("Notes of {name}");
        click.widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Button, true, &text));
        asked = click.clicked();
        painter.galley(beside, badge, theme::WARNING);
    }
    for (n, (line, color)) in lines(entry, identity).into_iter().enumerate() {
        let (size, width) = if n == 0 { (12.5, room) } else { (SMALL, rect.right() - 4.0 - from.x) };
        let galley = one_line(&painter, line, size, color, width);
        let height = galley.size().y;
        painter.galley(at, galley, color);
        at.y += height + 1.0;
    }
    let response = match told(viewer, entry, identity) {
        Some(text) => response.on_hover_text(text),
        None => response,
    };
    let mut closes = None;
    response.context_menu(|ui| {
        for (text, what) in [
            ("Close the series", Chosen::Close),
            ("Close all that was opened with it", Chosen::CloseAllWithIt),
        ] {
            if ui.button(text).clicked() {
                closes = Some(what);
                ui.close();
            }
        }
    });
    match entry.facts.kind {
        _ if closes.is_some() => closes,
        _ if asked => Some(Chosen::Notes),
        _ => response.clicked().then_some(Chosen::Series),
    }
}

/// What a series is called, for people who hear it.
fn name(entry: &Entry, with_identity: bool) -> String {
    let number = entry.facts.number.unwrap_or_else(|| entry.id.number.into());
    let part = entry.facts.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default();
    let description =
        entry.facts.shown_description(with_identity).map(|text| format!(": {text}")).unwrap_or_default();
    format!("Series {number}{part}, {}{description}", modality(entry))
}

/// A text that ends where its room does.
fn one_line(
    painter: &egui::Painter,
    text: String,
    size: f32,
    color: Color32,
    width: f32,
) -> Arc<egui::Galley> {
    let mut job = egui::text::LayoutJob::simple_singleline(text, egui::FontId::proportional(size), color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width.max(0.0));
    painter.layout_job(job)
}

/// The modality, which some files do not say.
fn modality(entry: &Entry) -> &str {
    Some(entry.facts.modality.code()).filter(|code| !code.is_empty()).unwrap_or("no modality")
}

/// What is written beside a small picture.
fn lines(entry: &Entry, with_identity: bool) -> Vec<(String, Color32)> {
    let facts = &entry.facts;
    let (faint, usual) = (theme::FAINT, theme::LABEL);
    let number = facts.number.map(|number| format!("  {number}")).unwrap_or_default();
    let mut lines = vec![(format!("{}{number}", modality(entry)), usual)];
    lines.extend(facts.shown_description(with_identity).map(|text| (text.to_owned(), usual)));
    lines.extend(facts.part.clone().map(|part| (part, faint)));
    let size = match (facts.kind, facts.shape) {
        (Kind::Object, _) | (_, None) => "no images of its own".to_owned(),
        (Kind::Stack, Some([1, rows, columns])) => format!("1 image, {columns} x {rows}"),
        (Kind::Stack, Some([frames, rows, columns])) => format!("{frames} images, {columns} x {rows}"),
        (Kind::Volume, Some([slices, rows, columns])) => format!("{columns} x {rows} x {slices}"),
    };
    lines.push(match &entry.state {
        State::Failed(reason) => (reason.clone(), theme::WARNING),
        _ => (size, faint),
    });
    lines
}

/// What was odd about a series, each once.
pub(super) fn notes(viewer: &Viewer, entry: &Entry) -> Vec<String> {
    let loaded = viewer.document.whole(entry.id).map(|loaded| &loaded.notes);
    let mut texts: Vec<String> = Vec::new();
    for note in entry.facts.notes.iter().chain(loaded.into_iter().flatten()) {
        let text =
            if note.count > 1 { format!("{} ({} times)", note.text, note.count) } else { note.text.clone() };
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// All of what may be cut off, and what was odd about a series.
fn told(viewer: &Viewer, entry: &Entry, with_identity: bool) -> Option<String> {
    let failure = match &entry.state {
        State::Failed(reason) => Some(reason.clone()),
        _ => None,
    };
    let texts = entry.facts.shown_description(with_identity).map(str::to_owned).into_iter().chain(failure);
    let texts: Vec<String> = texts.chain(notes(viewer, entry)).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

fn draw(ui: &Ui, painter: &egui::Painter, thumbnail: &Arc<Thumbnail>, id: SeriesId, place: egui::Rect) {
    let key = egui::Id::unique(("thumbnail", id, Arc::as_ptr(thumbnail) as usize));
    let cached = ui.data(|memory| memory.get_temp::<egui::TextureHandle>(key));
    let texture = cached.unwrap_or_else(|| {
        let image = ColorImage::from_rgba_unmultiplied(thumbnail.size_px, &thumbnail.rgba);
        let texture = ui.ctx().load_texture("thumbnail", image, TextureOptions::LINEAR);
        ui.data_mut(|memory| memory.insert_temp(key, texture.clone()));
        texture
    });
    let [width, height] = thumbnail.size_px.map(|side| side as f32);
    let scale = SIDE / width.max(height);
    let target = egui::Rect::from_center_size(place.center(), Vec2::new(width, height) * scale);
    let whole = egui::Rect::from_min_max(egui::Pos2::ZERO, egui::pos2(1.0, 1.0));
    painter.image(texture.id(), target, whole, Color32::WHITE);
}

#[cfg(test)]
mod tests {
    use anatome::{Facts, Grid, Modality, Samples, Unit, ValueMapping, Volume, Workers};

    use super::*;
    use crate::document::Document;

    #[test]
    fn a_description_is_shown_unless_it_repeats_the_identity() {
        let grid = Grid::even([2; 3], glam::DAffine3::IDENTITY).unwrap();
        let samples = Samples::I16(ndarray::Array3::zeros((2, 2, 2)));
        let mapping = ValueMapping::identity(Unit::Hounsfield);
        let volume = Volume::new(grid, samples, mapping, None, Facts::new(Modality::Ct)).unwrap();
        let document = Document::of_volumes(vec![volume], &Workers::new(Some(1)).unwrap());
        let mut entry = document.entries()[0].clone();
        let shows = |entry: &Entry, with_identity: bool| {
            let is_written = lines(entry, with_identity).iter().any(|(line, _)| line == "HEAD DOE");
            assert_eq!(is_written, name(entry, with_identity) == "Series 1, CT: HEAD DOE");
            is_written
        };
        assert!(!shows(&entry, true));
        entry.facts.description = Some("HEAD DOE".to_owned());
        assert!(shows(&entry, false) && shows(&entry, true));
        entry.facts.is_described_by_identity = true;
        assert!(!shows(&entry, false) && shows(&entry, true));
    }
}
