//! The views in the window: where they are, and what they want to show.

use std::sync::Arc;

use egui::{Color32, Context, CursorIcon, Rect, Sense, Ui, ViewportBuilder, ViewportClass, ViewportId};

use crate::app::Viewer;
use crate::command::Command;
use crate::document::{Entry, State};
use crate::render::{Blend, Want, What};
use crate::session::{Border, Borders, Content, Mode, OrbitView, Session, ViewState, passes};
use crate::viewport::{self, Canvas, Seen};

impl Viewer {
    /// The views in the middle of the window.
    pub(crate) fn show_views(&mut self, ui: &mut Ui) {
        let whole = ui.available_rect_before_wrap();
        let cells = self.session.layout.rects(&self.session.borders);
        self.canvases.resize_with(self.session.views.len().max(1), Canvas::default);
        let is_one_enlarged = self.session.is_one_enlarged();
        for index in 0..self.session.views.len() {
            if is_one_enlarged && index != self.session.active {
                self.canvases[index].rect = None;
                continue;
            }
            let cell = cells.get(index).filter(|_| !is_one_enlarged);
            let rect = cell.map_or(whole, |cell| {
                let min = whole.min + egui::vec2(cell.x * whole.width(), cell.y * whole.height());
                let gap = if cells.len() > 1 { 1.0 } else { 0.0 };
                Rect::from_min_size(min, egui::vec2(cell.width * whole.width(), cell.height * whole.height()))
                    .shrink(gap)
            });
            if cells.len() > 1 {
                // Around views, not below them: see `Canvas::paint`.
                let gap = egui::Stroke::new(2.0, crate::theme::GAP);
                ui.painter().rect_stroke(rect, 0.0, gap, egui::StrokeKind::Outside);
            }
            if self.session.aside == Some(index) {
                ui.painter().rect_filled(rect, 0.0, Color32::BLACK);
                let (font, color) = (egui::FontId::proportional(12.0), crate::theme::LABEL);
                let text = "In a window of its own";
                ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, text, font, color);
            } else {
                self.show_view(ui, index, rect);
            }
        }
        if !is_one_enlarged {
            self.show_borders(ui, whole);
        }
    }

    fn show_view(&mut self, ui: &mut Ui, index: usize, rect: Rect) {
        let per_point = ui.pixels_per_point();
        let rect = viewport::to_pixels(rect, per_point);
        // Of a window that is too small for its panels nothing is left.
        let rect = Rect::from_min_max(rect.min, rect.max.max(rect.min));
        let size_px = [rect.width(), rect.height()].map(|side| ((side * per_point).round() as u32).max(1));
        let size_px = within(size_px, ui.input(|input| input.max_texture_side));
        (self.canvases[index].rect, self.canvases[index].size_px) = (Some(rect), size_px);
        let seen = Seen {
            session: &self.session,
            document: &self.document,
            index,
            view: &self.session.views[index],
            canvas: &self.canvases[index],
            rect,
        };
        viewport::show(ui, &seen, &mut self.interaction, &mut self.values, &mut self.commands);
    }

    /// The view that has a window of its own; where the system has but one, it lies over the others.
    pub(crate) fn show_aside(&mut self, context: &Context) {
        self.interaction.is_pressed_aside = false;
        let Some(index) = self.session.aside.filter(|index| *index < self.session.views.len()) else {
            return;
        };
        let window =
            ViewportBuilder::default().with_title("Anatome, second window").with_inner_size([800.0, 600.0]);
        context.show_viewport_immediate(ViewportId::from_hash_of("aside"), window, |ui, class| {
            self.show_view_aside(ui, index, class != ViewportClass::EmbeddedWindow);
        });
    }

    /// What is in the second window; where the system has but one, its keys were taken already.
    fn show_view_aside(&mut self, ui: &mut Ui, index: usize, is_own: bool) {
        if is_own {
            let context = ui.ctx().clone();
            self.take_drops(&context);
            self.take_keys(&context);
        }
        if ui.input(|input| input.viewport().close_requested()) {
            self.commands.push(Command::SetAside { view: None });
        }
        self.interaction.is_pressed_aside = ui.input(|input| input.pointer.any_down());
        // What was undone may have had fewer views.
        if index < self.session.views.len() {
            let rect = ui.available_rect_before_wrap();
            self.show_view(ui, index, rect);
        }
    }

    /// What lies between views, to be dragged.
    fn show_borders(&mut self, ui: &Ui, whole: Rect) {
        /// So wide it is for the pointer, in points.
        const WIDE: f32 = 7.0;
        let layout = self.session.layout;
        let placed = self.session.borders.placed(layout);
        for Border { is_column, number, at, span } in layout.borders(&self.session.borders) {
            let place = |x: f32, y: f32| whole.min + egui::vec2(x * whole.width(), y * whole.height());
            let (ends, cursor, what) = if is_column {
                ([place(at, span.0), place(at, span.1)], CursorIcon::ResizeHorizontal, "columns")
            } else {
                ([place(span.0, at), place(span.1, at)], CursorIcon::ResizeVertical, "rows")
            };
            let rect = Rect::from_two_pos(ends[0], ends[1]).expand(WIDE / 2.0);
            let response =
                ui.interact(rect, ui.scope_id().with(("border", is_column, number)), Sense::click_and_drag());
            let name = format!("Border {} between {what}", number + 1);
            response.widget_info(|| egui::WidgetInfo::slider(true, f64::from(at), &name));
            let response = response.on_hover_cursor(cursor);
            if response.hovered() || response.dragged() {
                ui.painter().line_segment(ends, egui::Stroke::new(2.0, crate::theme::ACTIVE));
            }
            if response.double_clicked() {
                self.commands.push(Command::Divide { borders: Borders::default() });
            } else if let Some(pointer) = response.interact_pointer_pos().filter(|_| response.dragged()) {
                let to = (pointer - whole.min) / whole.size();
                let borders = placed.moved(is_column, number, if is_column { to.x } else { to.y });
                self.commands.push(Command::Divide { borders });
            }
        }
    }

    /// Says what the views want to show.
    pub(crate) fn want(&mut self) {
        self.painter.rest_from(self.session.views.len());
        self.canvases.truncate(self.session.views.len());
        for index in 0..self.canvases.len() {
            let Some(view) = self.session.views.get(index) else { continue };
            let subject = view.subject(&self.document);
            if self.canvases[index].subject != subject {
                self.canvases[index].clear();
                self.canvases[index].subject = subject;
            }
            if self.canvases[index].rect.is_none() {
                self.painter.rest(index);
                continue;
            }
            match self.wanted(view, self.canvases[index].size_px) {
                Some(want) => self.painter.want(index, want),
                None => self.painter.rest(index),
            }
        }
    }

    /// What a view wants to show in so many pixels.
    pub(crate) fn wanted(&self, view: &ViewState, size_px: [u32; 2]) -> Option<Want> {
        self.wanted_in(&self.session, view, size_px)
    }

    /// As [`Self::wanted`], with the crosshairs of another session.
    pub(crate) fn wanted_in(&self, session: &Session, view: &ViewState, size_px: [u32; 2]) -> Option<Want> {
        let backend = Arc::clone(self.document.backend()?);
        let subject = view.subject(&self.document)?;
        let series = view.series?;
        let asked = self.frame_began;
        let aspect = f64::from(size_px[0]) / f64::from(size_px[1]);
        if let Content::Frame(own) = view.content {
            let what = What::Frame {
                stack: Arc::clone(self.document.stack(series)?),
                frame: own.frame,
                framing: view.framing,
                look: Box::new(view.look.clone()),
            };
            return Some(Want { subject, series, is_partial: false, backend, what, size_px, asked });
        }
        let passes = passes(session, view, &self.document, aspect)?;
        let volumes =
            passes.iter().map(|pass| self.document.loaded(pass.series).map(|own| Arc::clone(&own.uploaded)));
        let volumes = volumes.collect::<Option<Vec<_>>>()?;
        let is_partial =
            self.awaits_overlay(view) || passes.iter().any(|pass| self.document.whole(pass.series).is_none());
        let mut passes = passes.into_iter();
        let mut scene = passes.next()?.scene;
        let blend = match passes.next() {
            Some(over) => {
                let colors =
                    view.overlay.as_ref().and_then(|own| own.look.colors.clone()).unwrap_or_default();
                let map =
                    anatome::Presets::built_in().color_maps.iter().find(|preset| preset.name == colors)?;
                let mut layers = over.scene.layers;
                for layer in &mut layers {
                    if let anatome::Appearance::Grey { colors, .. } = &mut layer.appearance {
                        *colors = None;
                    }
                }
                scene.layers.extend(layers);
                Blend::Over { opacity: over.opacity, colors: map.map.clone() }
            }
            None => Blend::One,
        };
        let what = What::Volumes { volumes, scene, blend };
        Some(Want { subject, series, is_partial, backend, what, size_px, asked })
    }
}

impl Viewer {
    /// Whether what lies over a view is still to come.
    fn awaits_overlay(&self, view: &ViewState) -> bool {
        let is_rendering = matches!(view.content, Content::Orbit(OrbitView { mode: Mode::Rendering, .. }));
        let over = view.overlay.as_ref().and_then(|over| self.document.entry(over.series));
        let comes = |entry: &Entry| matches!(entry.state, State::Found | State::Preview(_));
        !is_rendering && over.is_some_and(comes)
    }
}

/// A size of the same shape that the window's driver can show: only beyond what it can do pictures have fewer pixels than
/// the screen.
fn within(size_px: [u32; 2], most: usize) -> [u32; 2] {
    let longer = size_px[0].max(size_px[1]);
    match u32::try_from(most) {
        Ok(most) if longer > most => {
            let scale = f64::from(most) / f64::from(longer);
            size_px.map(|side| ((f64::from(side) * scale) as u32).max(1))
        }
        _ => size_px,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Layout;

    #[test]
    fn in_the_second_window_its_view_can_be_undone() {
        let context = Context::default();
        let mut viewer = Viewer::new(&context, crate::walkthrough::options(Vec::new()), None).unwrap();
        viewer.do_now(&Command::Arrange { layout: Layout::TwoByTwo });
        let aside = Command::SetAside { view: Some(3) };
        viewer.do_now(&aside);
        viewer.history.keep(&viewer.session, &aside, std::time::Instant::now());
        viewer.canvases.resize_with(4, Canvas::default);
        let mut input = egui::RawInput::default();
        let (key, modifiers) = (egui::Key::Z, egui::Modifiers::COMMAND);
        input.events.push(egui::Event::Key {
            key,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers,
        });
        let mut output = context.run_ui(input, |ui| viewer.show_view_aside(ui, 3, true));
        // Nothing draws them here.
        output.textures_delta.clear();
        assert_eq!(viewer.session.views.len(), 1);
    }

    #[test]
    fn pictures_are_no_larger_than_the_driver_can_show() {
        assert_eq!(within([3840, 2160], 8192), [3840, 2160]);
        assert_eq!(within([3840, 2160], 1920), [1920, 1080]);
        assert_eq!(within([9000, 1], 2048), [2048, 1]);
    }
}
