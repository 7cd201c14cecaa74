//! Tools above the views, and what goes on below them.

use egui::{Response, RichText, Ui};

use crate::actions::Action;
use crate::app::Viewer;
use crate::command::Command;
use crate::hanging::Hanging;
use crate::measure::Kind;
use crate::session::{Among, Content, Layout, on_its_way};
use crate::theme;
use crate::tools::Tool;

pub(super) fn show(viewer: &mut Viewer, ui: &mut Ui) {
    let context = ui.ctx().clone();
    ui.add_space(2.0);
    ui.horizontal_wrapped(|ui| {
        menus(viewer, ui);
        ui.separator();
        for (tool, name, what) in Tool::SIMPLE {
            let action = action_of(tool);
            let what = viewer.keys.with_key(what, action);
            let button = egui::Button::selectable(viewer.interaction.tool == tool, name);
            if offered(viewer, ui, button, action).on_hover_text(what).clicked() {
                viewer.act(&context, action);
            }
        }
        measure(viewer, ui);
        ui.separator();
        for (text, action) in [("Undo", Action::Undo), ("Redo", Action::Redo)] {
            let can = match action {
                Action::Undo => viewer.history.can_undo(),
                _ => viewer.history.can_redo(),
            };
            if ui.add_enabled(can, egui::Button::new(text)).on_hover_text(viewer.keys.hint(action)).clicked()
            {
                viewer.act(&context, action);
            }
        }
        ui.separator();
        let all = [
            ("Fit", Action::Fit),
            ("1:1", Action::OneToOne),
            ("True size", Action::TrueSize),
            ("Auto", Action::AutoWindow),
            ("Invert", Action::Invert),
        ];
        for (text, action) in all {
            let button = offered(viewer, ui, egui::Button::new(text), action);
            if button.on_hover_text(viewer.keys.hint(action)).clicked() {
                viewer.act(&context, action);
            }
        }
    });
    ui.add_space(1.0);
}

/// A button of an action, which says why if that has nothing to do.
fn offered(viewer: &Viewer, ui: &mut Ui, button: egui::Button<'_>, action: Action) -> Response {
    let refusal = viewer.refusal(action);
    let response = ui.add_enabled(refusal.is_none(), button);
    response.on_disabled_hover_text(refusal.unwrap_or_default())
}

fn action_of(tool: Tool) -> Action {
    match tool {
        Tool::Pan => Action::ToolPan,
        Tool::Zoom => Action::ToolZoom,
        Tool::Scroll => Action::ToolScroll,
        Tool::Cross => Action::ToolCross,
        _ => Action::ToolWindow,
    }
}

/// Actions with their keys.
fn menu_items(viewer: &mut Viewer, ui: &mut Ui, actions: &[Action]) {
    let context = ui.ctx().clone();
    for &action in actions {
        let name = crate::actions::of(action).map_or("", |entry| entry.name);
        if ui.add(egui::Button::new(name).shortcut_text(viewer.keys.of(action))).clicked() {
            viewer.act(&context, action);
            ui.close();
        }
    }
}

fn menus(viewer: &mut Viewer, ui: &mut Ui) {
    ui.menu_button("File", |ui| {
        menu_items(
            viewer,
            ui,
            &[
                Action::OpenFiles,
                Action::CloseAll,
                Action::LoadSession,
                Action::SaveSession,
                Action::SavePicture,
                Action::CopyPicture,
                Action::Mark,
                Action::SaveKeyImages,
                Action::Turn,
            ],
        );
        ui.menu_button("Recent", |ui| recent(viewer, ui));
    });
    ui.menu_button("Show", |ui| {
        menu_items(
            viewer,
            ui,
            &[
                Action::ShowLabels,
                Action::ShowIdentity,
                Action::ShowCrosshair,
                Action::ShowReferenceLines,
                Action::ShowMeasurements,
                Action::ShowCropBox,
                Action::ShowBrowser,
                Action::ShowInspector,
                Action::NextPanel,
                Action::PreviousPanel,
                Action::NextView,
                Action::PreviousView,
                Action::Enlarge,
                Action::ClearView,
                Action::SecondWindow,
                Action::CalibrateScreen,
                Action::Performance,
                Action::Help,
            ],
        );
    });
    ui.menu_button("Layout", |ui| {
        for (layout, name) in Layout::OFFERED {
            let keys = viewer.keys.of(Action::Arrange(layout));
            let item = egui::Button::selectable(viewer.session.layout == layout, name).shortcut_text(keys);
            if ui.add(item).accessible_name(name).clicked() {
                viewer.push(Command::Arrange { layout });
                ui.close();
            }
        }
        let active = viewer.session.active_view().and_then(|view| view.series);
        let hung = Hanging::built_in().iter().chain(&viewer.layouts);
        let fitting = |hanging: &Hanging| {
            Some((hanging.name.clone(), hanging.commands(&viewer.document, None, active)?))
        };
        let hung: Vec<_> = hung.filter_map(fitting).collect();
        if !hung.is_empty() {
            ui.separator();
        }
        for (name, commands) in hung {
            if ui.button(name).clicked() {
                viewer.commands.extend(commands);
                ui.close();
            }
        }
        ui.separator();
        menu_items(viewer, ui, &[Action::SaveLayout]);
    });
}

/// What was opened before, to be opened again.
pub(super) fn recent(viewer: &mut Viewer, ui: &mut Ui) {
    let mut chosen = None;
    for paths in viewer.recent.inputs() {
        let text = crate::recent::name(paths);
        let all: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        if ui.button(text).on_hover_text(all.join("\n")).clicked() {
            chosen = Some(paths.clone());
        }
    }
    if viewer.recent.inputs().is_empty() {
        ui.weak("nothing yet");
    }
    if let Some(paths) = chosen {
        viewer.open_again(paths);
        ui.close();
    }
}

fn measure(viewer: &mut Viewer, ui: &mut Ui) {
    let chosen = match viewer.interaction.tool {
        Tool::Measure(kind) => Some(kind),
        _ => None,
    };
    let title = chosen.map_or("Measure".to_owned(), |kind| format!("Measure: {}", kind.name()));
    let title =
        if chosen.is_some() { RichText::new(title).color(theme::MEASURE) } else { RichText::new(title) };
    ui.menu_button(title, |ui| {
        for kind in Kind::ALL {
            let item = egui::Button::selectable(chosen == Some(kind), kind.name())
                .shortcut_text(viewer.keys.of(kind.action()));
            if ui.add(item).accessible_name(kind.name()).on_hover_text(kind.hint()).clicked() {
                let context = ui.ctx().clone();
                viewer.act(&context, kind.action());
                ui.close();
            }
        }
    });
}

/// The line at the bottom.
pub(super) fn status(viewer: &mut Viewer, ui: &mut Ui) {
    ui.horizontal(|ui| {
        ui.weak(format!("Tool: {}", viewer.interaction.tool.name()));
        cine(viewer, ui);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.weak("Not for diagnostic use");
            if let Some(backend) = viewer.document.backend() {
                let name = backend.adapter().map_or_else(|| "CPU".to_owned(), str::to_owned);
                ui.weak(name).on_hover_text(backend.reason());
            }
        });
    });
}

/// The slider of slices or frames, and the loop.
fn cine(viewer: &mut Viewer, ui: &mut Ui) {
    let view = viewer.session.active;
    let Some(seen) = viewer.active_seen() else { return };
    match seen.view.content {
        Content::Frame(own) => {
            let Some(stack) = seen.view.series.and_then(|series| viewer.document.stack(series)) else {
                return;
            };
            let count = stack.frames().len();
            if count < 2 {
                return;
            }
            let mut frame = own.frame + 1;
            ui.separator();
            let slider = egui::Slider::new(&mut frame, 1..=count).text("Frame");
            if ui.add(slider).changed() {
                viewer.push(Command::GoTo { view, frame: frame - 1 });
            }
            loop_controls(viewer, ui);
        }
        Content::Plane(plane) => {
            let Some(Among { before, count, .. }) = way(&seen, plane.direction) else { return };
            let mut number = before.round().clamp(0.0, count as f64 - 1.0) as usize + 1;
            if count > 1 {
                ui.separator();
                if ui.add(egui::Slider::new(&mut number, 1..=count).text("Slice")).changed() {
                    viewer.push(Command::Scroll { view, steps: number as f64 - 1.0 - before });
                }
                if !has_phases(viewer) {
                    loop_controls(viewer, ui);
                }
            }
        }
        Content::Orbit(_) => {}
    }
    phases(viewer, ui);
}

/// The slider of phases.
fn phases(viewer: &mut Viewer, ui: &mut Ui) {
    let view = viewer.session.active;
    let Some(shown) = viewer.session.active_view().and_then(|view| view.series) else { return };
    let phases = viewer.document.phases(shown);
    let Some(at) = phases.iter().position(|id| *id == shown).filter(|_| phases.len() > 1) else { return };
    let mut number = at + 1;
    ui.separator();
    let hint =
        format!("{}, {}", viewer.keys.hint(Action::NextPhase), viewer.keys.hint(Action::PreviousPhase));
    if ui.add(egui::Slider::new(&mut number, 1..=phases.len()).text("Phase")).on_hover_text(hint).changed()
        && let Some(&series) = phases.get(number - 1)
    {
        viewer.push(Command::Phase { view, series });
    }
    loop_controls(viewer, ui);
}

/// Plays or stops the loop of the active view; how fast.
fn loop_controls(viewer: &mut Viewer, ui: &mut Ui) {
    let playing = viewer.interaction.cine.filter(|cine| cine.view == viewer.session.active);
    let text = if playing.is_some() { "Stop" } else { "Play" };
    if ui.button(text).on_hover_text(viewer.keys.hint(Action::Play)).clicked() {
        viewer.toggle_cine();
    }
    if let Some(mut cine) = playing {
        let rate = egui::DragValue::new(&mut cine.frames_per_s).range(crate::cine::RATES).suffix(" /s");
        if ui.add(rate).on_hover_text("Frames or phases a second").changed() {
            viewer.interaction.cine = Some(cine);
        }
    }
}

/// Where the plane of a view is on its way through the volume.
fn way(seen: &crate::viewport::Seen<'_>, direction: crate::session::Direction) -> Option<Among> {
    let series = seen.view.series?;
    let space = seen.session.space_of(series, seen.document)?;
    let loaded = seen.document.whole(series)?;
    Some(on_its_way(space, direction, loaded.volume.grid(), &loaded.images))
}

/// Whether the active view shows one of several phases.
fn has_phases(viewer: &Viewer) -> bool {
    let series = viewer.session.active_view().and_then(|view| view.series);
    series.is_some_and(|series| viewer.document.phases(series).len() > 1)
}
