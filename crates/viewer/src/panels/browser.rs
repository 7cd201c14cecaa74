//! What is open: series with small pictures.

use std::sync::Arc;

use egui::{Color32, ColorImage, RichText, ScrollArea, Sense, TextureOptions, Ui, Vec2};

use crate::actions::Action;
use crate::app::Viewer;
use crate::command::Command;
use crate::document::{Entry, Kind, State, Thumbnail};
use crate::session::SeriesId;
use crate::theme;

/// The side of a small picture in points.
const SIDE: f32 = 60.0;

pub(super) fn show(viewer: &mut Viewer, ui: &mut Ui) {
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        ui.strong("Series");
        if ui.button("Open…").on_hover_text("Files, folders or archives (Ctrl+O)").clicked() {
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
        let several = viewer.document.has_several_patients();
        for entry in viewer.document.entries() {
            if several && patient != Some(entry.patient) {
                patient = Some(entry.patient);
                let number = patients_before(viewer, entry.patient) + 1;
                ui.label(RichText::new(format!("Patient {number}")).color(theme::WARNING));
            }
            if row(viewer, ui, entry) {
                chosen = Some(entry.id);
            }
        }
        if let Some(series) = chosen {
            viewer.read_again(series);
            viewer.push(Command::Show { view: viewer.session.active, series, content: None });
        }
    });
}

fn patients_before(viewer: &Viewer, patient: SeriesId) -> usize {
    let mut patients: Vec<SeriesId> = viewer.document.entries().iter().map(|entry| entry.patient).collect();
    patients.dedup();
    patients.iter().position(|own| *own == patient).unwrap_or(0)
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
    let inputs = viewer.document.inputs().iter().filter_map(|input| input.found.as_ref());
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

/// A series; whether it was chosen.
fn row(viewer: &Viewer, ui: &mut Ui, entry: &Entry) -> bool {
    let is_shown = viewer.session.views.iter().any(|view| view.series == Some(entry.id));
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), SIDE + 8.0), Sense::click());
    let name = name(entry);
    response.widget_info(|| egui::WidgetInfo::selected(egui::accesskit::Role::Button, true, is_shown, &name));
    if !ui.is_rect_visible(rect) {
        return false;
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
    let mut at = picture.right_top() + Vec2::new(8.0, 1.0);
    let identity = viewer.session.shown.identity;
    for (line, color) in lines(entry, identity) {
        let font = egui::FontId::proportional(if at.y < picture.top() + 2.0 { 12.5 } else { 11.0 });
        at.y += painter.text(at, egui::Align2::LEFT_TOP, line, font, color).height() + 1.0;
    }
    let response = match notes(viewer, entry) {
        Some(text) => response.on_hover_text(text),
        None => response,
    };
    response.clicked() && entry.facts.kind != Kind::Object
}

/// What a series is called, for people who hear it.
fn name(entry: &Entry) -> String {
    let number = entry.facts.number.unwrap_or_else(|| entry.id.number.into());
    let part = entry.facts.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default();
    format!("Series {number}{part}, {}", entry.facts.modality.code())
}

fn lines(entry: &Entry, with_identity: bool) -> Vec<(String, Color32)> {
    let facts = &entry.facts;
    let (faint, usual) = (theme::FAINT, theme::LABEL);
    let number = facts.number.map(|number| format!("  {number}")).unwrap_or_default();
    let mut lines = vec![(format!("{}{number}", facts.modality.code()), usual)];
    if let Some(description) = facts.description.as_ref().filter(|_| with_identity) {
        lines.push((description.clone(), usual));
    }
    lines.extend(facts.part.clone().map(|part| (part, faint)));
    let size = match (facts.kind, facts.shape) {
        (Kind::Object, _) | (_, None) => "no images".to_owned(),
        (Kind::Stack, Some([1, rows, columns])) => format!("1 image, {columns} x {rows}"),
        (Kind::Stack, Some([frames, rows, columns])) => format!("{frames} images, {columns} x {rows}"),
        (Kind::Volume, Some([slices, rows, columns])) => format!("{columns} x {rows} x {slices}"),
    };
    lines.push((size, faint));
    match &entry.state {
        State::Failed(reason) => lines.push((reason.clone(), theme::WARNING)),
        _ if !facts.notes.is_empty() => lines.push(("notes".to_owned(), theme::WARNING)),
        _ => {}
    }
    lines
}

/// What was odd about a series.
fn notes(viewer: &Viewer, entry: &Entry) -> Option<String> {
    let loaded = viewer.document.whole(entry.id).map(|loaded| &loaded.notes);
    let all = entry.facts.notes.iter().chain(loaded.into_iter().flatten());
    let mut texts: Vec<String> =
        all.map(|note| {
            if note.count > 1 { format!("{} ({} times)", note.text, note.count) } else { note.text.clone() }
        })
        .collect();
    texts.dedup();
    if let State::Failed(reason) = &entry.state {
        texts.insert(0, reason.clone());
    }
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
