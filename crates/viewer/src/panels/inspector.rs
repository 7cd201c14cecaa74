//! How the active view looks, and what was measured.

use anatome::{Interpolation, Planes, Presets, Projection, Voi, Window, WindowFunction};
use egui::{CollapsingHeader, ComboBox, Response, ScrollArea, Slider, Ui};

use super::{number_field, transfer};
use crate::actions::Action;
use crate::app::Viewer;
use crate::command::Command;
use crate::document::{Defaults, Document, Kind};
use crate::measure::Measurement;
use crate::overlay::facts::number;
use crate::overlay::measurements::{Told, lines};
use crate::session::{
    Content, Direction, Mode, OrbitView, PlaneView, Side, Slab, ViewState, shading_of, voi_of,
};
use crate::steps::{PERSPECTIVE_RAD, Step};
use crate::viewport::frame_of;

pub(super) fn show(viewer: &mut Viewer, ui: &mut Ui) {
    let width = ui.available_width();
    // What is wider is scrolled: a panel that grows would make the views jump.
    ScrollArea::both().auto_shrink([false, false]).show(ui, |ui| {
        ui.set_max_width(width);
        let Some(view) = viewer.session.active_view().cloned() else { return };
        let Some(series) = view.series else {
            ui.weak("The active view is empty.");
            key_images(viewer, ui);
            return measurements(viewer, ui);
        };
        ui.add_space(2.0);
        kind(viewer, ui, &view);
        apart(viewer, ui, &view);
        let frame = viewer.active_seen().and_then(|seen| seen.drawn_frame().cloned());
        let defaults = match &frame {
            Some(frame) => Some(frame.defaults.clone()),
            None => viewer.document.defaults(series).cloned(),
        };
        if let Some(defaults) = defaults {
            match view.content {
                Content::Orbit(orbit) => three_d(viewer, ui, &view, orbit, &defaults),
                _ => match viewer.refusal(Action::ToolWindow) {
                    Some(reason) => drop(ui.weak(reason)),
                    None => display(viewer, ui, &view, &defaults),
                },
            }
        }
        if let Content::Plane(plane) = view.content {
            planes(viewer, ui, plane);
        }
        fusion(viewer, ui, &view);
        key_images(viewer, ui);
        measurements(viewer, ui);
    });
}

fn section<R>(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui) -> R) {
    CollapsingHeader::new(name).default_open(true).show(ui, add);
}

/// Which plane, or 3D.
fn kind(viewer: &mut Viewer, ui: &mut Ui, view: &ViewState) {
    if matches!(view.content, Content::Frame(_)) {
        return lie(viewer, ui);
    }
    let active = viewer.session.active;
    let slab = match view.content {
        Content::Plane(plane) => plane.slab,
        _ => Slab::default(),
    };
    ui.horizontal_wrapped(|ui| {
        for direction in Direction::ALL {
            let chosen = matches!(view.content, Content::Plane(plane) if plane.direction == direction);
            let hint = viewer.keys.hint(match direction {
                Direction::Axial => Action::Axial,
                Direction::Coronal => Action::Coronal,
                Direction::Sagittal => Action::Sagittal,
            });
            if ui.selectable_label(chosen, direction.name()).on_hover_text(hint).clicked() && !chosen {
                let content = Content::Plane(PlaneView { direction, slab });
                viewer.push(Command::Look { view: active, content });
            }
        }
        let chosen = matches!(view.content, Content::Orbit(_));
        let hint = viewer.keys.hint(Action::ThreeD);
        if ui.selectable_label(chosen, "3D").on_hover_text(hint).clicked() && !chosen {
            viewer.push(Command::Look { view: active, content: Content::Orbit(OrbitView::default()) });
        }
    });
}

/// Whether the view is linked with others in how it looks.
fn apart(viewer: &mut Viewer, ui: &mut Ui, own: &ViewState) {
    if viewer.session.views.len() < 2 && !own.is_apart {
        return;
    }
    let mut is_linked = !own.is_apart;
    let text = "Its window, colours, slab and overlay are those of other views of the series";
    let text = viewer.keys.with_key(text, Action::Apart);
    if ui.checkbox(&mut is_linked, "Linked in looks").on_hover_text(text).changed() {
        viewer.push(Command::SetApart { view: viewer.session.active, is_apart: !is_linked });
    }
}

/// How a frame lies in its picture.
fn lie(viewer: &mut Viewer, ui: &mut Ui) {
    let context = ui.ctx().clone();
    ui.horizontal_wrapped(|ui| {
        for (text, action) in [("Rotate", Action::Rotate), ("Mirror", Action::Mirror)] {
            if ui.button(text).on_hover_text(viewer.keys.hint(action)).clicked() {
                viewer.act(&context, action);
            }
        }
    });
}

/// Window, colours, interpolation.
fn display(viewer: &mut Viewer, ui: &mut Ui, own: &ViewState, defaults: &Defaults) {
    let view = viewer.session.active;
    section(ui, "Display", |ui| {
        let steps = [Step::Darker, Step::Brighter, Step::Narrower, Step::Wider];
        let hints = steps.map(|step| viewer.keys.hint(Action::Step(step)));
        let voi = voi_of(&own.look, defaults, &own.content);
        if let Some(voi) = window(ui, voi, &defaults.unit.to_string(), Some(hints)) {
            viewer.push(Command::Window { view, voi: Some(voi) });
        }
        ui.horizontal_wrapped(|ui| {
            if ui.button("own").on_hover_text(viewer.keys.hint(Action::Preset(0))).clicked() {
                viewer.push(Command::Window { view, voi: None });
            }
            for (n, preset) in viewer.window_presets().into_iter().enumerate() {
                let text = viewer.keys.with_key(&in_words(preset.window), Action::Preset(n as u8 + 1));
                if ui.button(&preset.name).on_hover_text(text).clicked() {
                    viewer.push(Command::Window { view, voi: Some(Voi::Window(preset.window)) });
                }
            }
        });
        let mut invert = own.look.invert;
        if ui.checkbox(&mut invert, "Inverted").on_hover_text(viewer.keys.hint(Action::Invert)).changed() {
            viewer.push(Command::Invert { view });
        }
        let (response, chosen) = colors(ui, "Colours", own.look.colors.as_deref(), true);
        response.on_hover_text(viewer.keys.hint(Action::Step(Step::NextColors)));
        if let Some(name) = chosen {
            viewer.push(Command::Colors { view, name });
        }
        let names = [
            (Interpolation::Linear, "linear"),
            (Interpolation::Nearest, "nearest"),
            (Interpolation::Cubic, "cubic"),
        ];
        let shown = names
            .iter()
            .find(|(own_name, _)| *own_name == own.look.interpolation)
            .map_or("", |(_, name)| name);
        let list = ComboBox::from_label("Interpolation").selected_text(shown).show_ui(ui, |ui| {
            for (interpolation, name) in names {
                if ui.selectable_label(interpolation == own.look.interpolation, name).clicked() {
                    viewer.push(Command::Interpolate { view, interpolation });
                }
            }
        });
        list.response.on_hover_text(viewer.keys.hint(Action::Step(Step::NextInterpolation)));
    });
}

/// What is said of a window where it is chosen.
fn in_words(window: Window) -> String {
    format!("C {} W {}", number(window.center()), number(window.width()))
}

/// Centre and width; the window if one was changed. `hints` name the keys of the centre, down and up, and of the width.
fn window(ui: &mut Ui, voi: &Voi, unit: &str, hints: Option<[String; 4]>) -> Option<Voi> {
    let Voi::Window(window) = voi else {
        ui.weak("A table of the file; drag for a window.");
        return None;
    };
    let (mut center, mut width) = (window.center(), window.width());
    let speed = (width / 200.0).max(1e-6);
    let narrowest = if window.function() == WindowFunction::Linear { 1.0 } else { 1e-6 };
    // As many digits as count: longer numbers would move what stands below.
    let decimals = match width {
        width if width >= 100.0 => 0,
        width if width >= 10.0 => 1,
        _ => 3,
    };
    ui.horizontal_wrapped(|ui| {
        let label = ui.label("Centre");
        let of_center = number_field(ui, &mut center, decimals, |field| field.speed(speed));
        let of_center = of_center.labelled_by(label.id);
        let label = ui.label("Width");
        let range = narrowest..=1e9;
        let of_width = number_field(ui, &mut width, decimals, |field| field.speed(speed).range(range));
        let of_width = of_width.labelled_by(label.id);
        if let Some([darker, brighter, narrower, wider]) = hints {
            of_center.on_hover_text(format!("{darker}\n{brighter}"));
            of_width.on_hover_text(format!("{narrower}\n{wider}"));
        }
        // In one piece, wherever there is room for it.
        ui.add(egui::Label::new(egui::RichText::new(unit).weak()).wrap_mode(egui::TextWrapMode::Extend));
    });
    let is_changed = (center, width) != (window.center(), window.width());
    is_changed.then(|| Window::new(center, width, window.function()).ok().map(Voi::Window))?
}

/// A colour map by name; what was chosen, if anything.
#[expect(clippy::option_option, reason = "nothing was chosen, or grey was")]
fn colors(
    ui: &mut Ui,
    label: &str,
    own: Option<&str>,
    with_grey: bool,
) -> (Response, Option<Option<String>>) {
    let mut chosen = None;
    let list = ComboBox::from_label(label).selected_text(own.unwrap_or("grey")).show_ui(ui, |ui| {
        if with_grey && ui.selectable_label(own.is_none(), "grey").clicked() {
            chosen = Some(None);
        }
        for preset in &Presets::built_in().color_maps {
            if ui.selectable_label(own == Some(preset.name.as_str()), &preset.name).clicked() {
                chosen = Some(Some(preset.name.clone()));
            }
        }
    });
    (list.response, chosen)
}

/// The slab, and how the planes lie.
fn planes(viewer: &mut Viewer, ui: &mut Ui, plane: PlaneView) {
    let view = viewer.session.active;
    section(ui, "Planes", |ui| {
        let Slab { mut thickness_mm, projection } = plane.slab;
        let slider =
            Slider::new(&mut thickness_mm, 0.0..=100.0).step_by(0.5).fixed_decimals(1).text("Slab mm");
        let keys = [Action::Thinner, Action::Thicker].map(|action| viewer.keys.hint(action));
        if ui.add(slider).on_hover_text(format!("Shift+wheel, {}", keys.join(", "))).changed() {
            viewer.push(Command::Thicken { view, slab: Slab { thickness_mm, projection } });
        }
        ui.horizontal(|ui| {
            for own in [Projection::Mip, Projection::MinIp, Projection::Mean] {
                let chosen = own == projection;
                let button = ui.selectable_label(chosen, crate::viewport::projection(own));
                if button.on_hover_text(viewer.keys.hint(Action::SlabOf(own))).clicked() && !chosen {
                    viewer.push(Command::Thicken { view, slab: Slab { thickness_mm, projection: own } });
                }
            }
        });
        ui.horizontal(|ui| {
            for (planes, name, action) in [
                (Planes::Acquisition, "Acquisition", Action::ResetPlanes),
                (Planes::Patient, "Patient", Action::PatientPlanes),
            ] {
                let text = format!("Lays the planes along the axes of the {}", name.to_lowercase());
                let text = viewer.keys.with_key(&text, action);
                if ui.button(name).on_hover_text(text).clicked() {
                    viewer.push(Command::ResetPlanes { view, planes });
                }
            }
        });
    });
}

fn three_d(viewer: &mut Viewer, ui: &mut Ui, own: &ViewState, orbit: OrbitView, defaults: &Defaults) {
    let view = viewer.session.active;
    section(ui, "3D", |ui| {
        ui.horizontal_wrapped(|ui| {
            let modes = [
                (Mode::Rendering, "Rendering"),
                (Mode::Projection(Projection::Mip), "MIP"),
                (Mode::Projection(Projection::MinIp), "MinIP"),
                (Mode::Projection(Projection::Mean), "Mean"),
            ];
            let hint = viewer.keys.hint(Action::Step(Step::NextMode));
            for (mode, name) in modes {
                if ui.selectable_label(orbit.mode == mode, name).on_hover_text(&hint).clicked() {
                    viewer.push(Command::Mode { view, mode });
                }
            }
        });
        ui.horizontal(|ui| {
            for (side, letter) in Side::ALL {
                let hint = viewer.keys.hint(Action::Side(side));
                if ui.button(letter).on_hover_text(hint).clicked() {
                    viewer.push(Command::Face { view, side });
                }
            }
        });
        let mut perspective = orbit.fov_rad.is_some();
        let hint = viewer.keys.hint(Action::Step(Step::Perspective));
        if ui.checkbox(&mut perspective, "Perspective").on_hover_text(hint).changed() {
            let fov_rad = perspective.then_some(PERSPECTIVE_RAD);
            viewer.push(Command::Perspective { view, fov_rad });
        }
    });
    match orbit.mode {
        Mode::Projection(_) => display(viewer, ui, own, defaults),
        Mode::Rendering => rendering(viewer, ui, own, defaults),
    }
    section(ui, "Region", |ui| transfer::region(viewer, ui, own));
}

fn rendering(viewer: &mut Viewer, ui: &mut Ui, own: &ViewState, defaults: &Defaults) {
    let view = viewer.session.active;
    section(ui, "Colours and opacity", |ui| {
        let chosen = own.look.preset.as_deref().unwrap_or(defaults.first_preset());
        if let Some(series) = own.series {
            let context = ui.ctx().clone();
            viewer.provide_presets(&context, series);
        }
        ui.horizontal_wrapped(|ui| {
            for name in defaults.renderings.keys() {
                let is_own = name == chosen && own.look.transfer_function.is_none();
                let picture = own
                    .series
                    .and_then(|series| viewer.presets.get(viewer.document.first_phase(series), name));
                let hint = format!("{name}\n{}", viewer.keys.hint(Action::Step(Step::NextPreset)));
                if preset(ui, name, is_own, picture).on_hover_text(hint).clicked() {
                    viewer.push(Command::Preset { view, name: name.clone() });
                }
            }
        });
        transfer::editor(viewer, ui, own, defaults);
        let Some(mut shading) = shading_of(&own.look, defaults) else { return };
        let mut changed = false;
        for (value, name) in [
            (&mut shading.ambient, "Ambient"),
            (&mut shading.diffuse, "Diffuse"),
            (&mut shading.specular, "Specular"),
        ] {
            changed |= ui.add(Slider::new(value, 0.0..=1.0).text(name)).changed();
        }
        if changed {
            viewer.push(Command::Shade { view, shading });
        }
    });
}

/// A preset with a picture of the volume in it.
fn preset(ui: &mut Ui, name: &str, is_own: bool, picture: Option<&egui::TextureHandle>) -> Response {
    /// Of the picture, in points.
    const SIDE: f32 = 52.0;
    let (rect, response) = ui.allocate_exact_size(egui::vec2(SIDE + 8.0, SIDE + 22.0), egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::selected(egui::accesskit::Role::Button, true, is_own, name));
    let visuals = ui.style().interact_selectable(&response, is_own);
    ui.painter().rect_filled(rect, 3.0, visuals.weak_bg_fill);
    let place = egui::Rect::from_min_size(rect.min + egui::vec2(4.0, 4.0), egui::Vec2::splat(SIDE));
    ui.painter().rect_filled(place, 2.0, egui::Color32::BLACK);
    if let Some(picture) = picture {
        let whole = egui::Rect::from_min_max(egui::Pos2::ZERO, egui::pos2(1.0, 1.0));
        ui.painter().image(picture.id(), place, whole, egui::Color32::WHITE);
    }
    let font = egui::FontId::proportional(10.0);
    let galley = ui.painter().layout(name.to_owned(), font, visuals.text_color(), SIDE + 6.0);
    let at = egui::pos2(rect.center().x - galley.size().x / 2.0, place.bottom() + 2.0);
    ui.painter().with_clip_rect(rect).galley(at, galley, visuals.text_color());
    response
}

/// Another series of the same space over this one.
fn fusion(viewer: &mut Viewer, ui: &mut Ui, own: &ViewState) {
    let Some(series) = own.series else { return };
    let is_rendering = matches!(own.content, Content::Orbit(orbit) if orbit.mode == Mode::Rendering);
    let space = viewer.document.space(series);
    let entries = viewer.document.entries().iter();
    let others: Vec<_> = entries
        .filter(|entry| entry.id != series && entry.facts.kind == Kind::Volume)
        .filter(|entry| viewer.document.space(entry.id) == space)
        .map(|entry| {
            let number = entry.facts.number.map(|number| format!(" {number}")).unwrap_or_default();
            (entry.id, format!("{}{number}", entry.facts.modality.code()))
        })
        .collect();
    if others.is_empty() || is_rendering || matches!(own.content, Content::Frame(_)) {
        return;
    }
    let view = viewer.session.active;
    section(ui, "Fusion", |ui| {
        let over = own.overlay.as_ref();
        let shown = over.and_then(|over| others.iter().find(|(id, _)| *id == over.series));
        let list = ComboBox::from_label("Over it").selected_text(shown.map_or("nothing", |(_, name)| name));
        let list = list.show_ui(ui, |ui| {
            if ui.selectable_label(over.is_none(), "nothing").clicked() {
                viewer.push(Command::Fuse { view, overlay: None });
            }
            for (id, name) in &others {
                if ui.selectable_label(over.is_some_and(|over| over.series == *id), name).clicked() {
                    viewer.push(Command::Fuse { view, overlay: Some(*id) });
                }
            }
        });
        list.response.on_hover_text(viewer.keys.hint(Action::Step(Step::NextOverlay)));
        let Some(over) = over else { return };
        let mut opacity = over.opacity;
        let keys = [Step::LessOverlay, Step::MoreOverlay].map(|step| viewer.keys.hint(Action::Step(step)));
        let slider = Slider::new(&mut opacity, 0.0..=1.0).text("Opacity");
        if ui.add(slider).on_hover_text(keys.join("\n")).changed() {
            viewer.push(Command::Opacity { view, opacity });
        }
        if let Some(whole) = viewer.document.whole(over.series) {
            let voi = voi_of(&over.look, &whole.defaults, &own.content);
            if let Some(voi) = window(ui, voi, &whole.defaults.unit.to_string(), None) {
                viewer.push(Command::OverlayWindow { view, voi });
            }
            ui.horizontal_wrapped(|ui| {
                for preset in viewer.presets_of(over.series) {
                    if ui.button(&preset.name).on_hover_text(in_words(preset.window)).clicked() {
                        viewer.push(Command::OverlayWindow { view, voi: Voi::Window(preset.window) });
                    }
                }
            });
        }
        if let (_, Some(Some(name))) = colors(ui, "Its colours", over.look.colors.as_deref(), false) {
            viewer.push(Command::OverlayColors { view, name });
        }
    });
}

/// The pictures that were marked.
fn key_images(viewer: &mut Viewer, ui: &mut Ui) {
    if viewer.session.key_images.is_empty() {
        return;
    }
    section(ui, "Key images", |ui| {
        let mut commands = Vec::new();
        let view = viewer.session.active;
        let shown = viewer.session.key_image_of(view, &viewer.document).map(|image| image.id);
        for image in &viewer.session.key_images {
            let id = image.id;
            ui.horizontal(|ui| {
                let name = format!("Take key image {id} off the list");
                if ui.small_button("x").on_hover_text(&name).accessible_name(name).clicked() {
                    commands.push(Command::Unmark { id });
                }
                let chosen = ui.selectable_label(shown == Some(id), image.name(&viewer.document));
                if chosen.on_hover_text("Shows it in the active view").clicked() {
                    commands.push(Command::Recall { view, id });
                }
            });
        }
        viewer.commands.extend(commands);
        let hint = viewer.keys.hint(Action::SaveKeyImages);
        if ui.button("Save all…").on_hover_text(hint).clicked() {
            let context = ui.ctx().clone();
            viewer.act(&context, Action::SaveKeyImages);
        }
    });
}

fn measurements(viewer: &mut Viewer, ui: &mut Ui) {
    if viewer.session.measurements.is_empty() {
        return;
    }
    section(ui, "Measurements", |ui| {
        let mut commands = Vec::new();
        let mut selected = viewer.interaction.selected;
        let mut values = std::mem::take(&mut viewer.values);
        let mut copied: Vec<String> = Vec::new();
        let mut visited = None;
        for own in &viewer.session.measurements {
            let series = own.place.series();
            let patient = viewer.document.patient_number(series).map(|number| format!("Patient {number}"));
            let study = viewer.document.study_name(series);
            ui.horizontal(|ui| {
                if ui
                    .small_button("x")
                    .on_hover_text("Delete")
                    .accessible_name(format!("Delete {}", own.id))
                    .clicked()
                {
                    commands.push(Command::Delete { id: own.id });
                }
                let chosen = selected == Some(own.id);
                if ui.selectable_label(chosen, own.name()).on_hover_text("Goes to its place").clicked() {
                    selected = Some(own.id);
                    visited = Some(own.clone());
                }
                // As in the panel of series.
                if let Some(patient) = &patient {
                    ui.label(egui::RichText::new(patient).color(crate::theme::WARNING));
                }
                if let Some(study) = &study {
                    ui.weak(study);
                }
            });
            let seen = viewer.active_seen();
            let series = seen.as_ref().map_or(vec![own.place.series()], |seen| seen.valued(own));
            let frame = seen.as_ref().and_then(|seen| frame_of(own, seen));
            let told = values.listed(own, &series, &viewer.document, frame);
            let said = said(own, &told, &viewer.document);
            let of: String = patient.into_iter().chain(study).map(|name| name + ", ").collect();
            copied.push(format!("{of}{}: {said}", own.name()));
            ui.weak(said);
        }
        if let Some(own) = viewer.session.measurements.iter().find(|own| Some(own.id) == selected) {
            let mut text = own.text.clone();
            ui.horizontal(|ui| {
                let label = ui.label("Text");
                let line = ui.text_edit_singleline(&mut text).labelled_by(label.id);
                if std::mem::take(&mut viewer.interaction.asks_text) {
                    line.request_focus();
                    line.scroll_to_me(None);
                }
                if line.changed() {
                    commands.push(Command::Write { id: own.id, text });
                }
            });
        }
        let mut shown = viewer.session.shown;
        let hint = viewer.keys.hint(Action::ShowMeasurements);
        if ui.checkbox(&mut shown.measurements, "Shown").on_hover_text(hint).changed() {
            commands.push(Command::Overlays { shown });
        }
        ui.horizontal(|ui| {
            if ui.button("Copy values").on_hover_text("All of them as text").clicked() {
                ui.ctx().copy_text(copied.join("\n"));
            }
            if viewer.session.measurements.len() > 1 && ui.button("Delete all").clicked() {
                commands.push(Command::DeleteAll);
            }
        });
        (viewer.interaction.selected, viewer.values) = (selected, values);
        viewer.commands.extend(commands);
        if let Some(own) = visited {
            viewer.visit(&own);
        }
    });
}

/// What a measurement says in the list: where several series are open, always of which.
fn said(own: &Measurement, told: &Told, document: &Document) -> String {
    let said = lines(own, told).join(", ");
    let is_one_of_several =
        document.entries().iter().filter(|entry| entry.facts.kind != Kind::Object).count() > 1;
    let name = document.name(own.place.series()).filter(|_| is_one_of_several && told.values.is_empty());
    [name, Some(said)].into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ")
}
