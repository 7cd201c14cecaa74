//! Which part of the window has the keyboard.

use egui::accesskit::Role;
use egui::{Context, Id, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo};

use crate::app::Viewer;
use crate::theme;

/// A part of the window that can have the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Toolbar,
    Browser,
    /// They have it where no control does.
    Views,
    Inspector,
    Status,
}

impl Part {
    /// In the order in which keys go through them.
    const ALL: [Self; 5] = [Self::Toolbar, Self::Browser, Self::Views, Self::Inspector, Self::Status];

    fn name(self) -> &'static str {
        match self {
            Self::Toolbar => "Panel of tools",
            Self::Browser => "Panel of series",
            Self::Views => "Views",
            Self::Inspector => "Panel of the view",
            Self::Status => "Panel of the slice",
        }
    }

    fn id(self) -> Id {
        Id::unique(("landmark", self.name()))
    }
}

impl Viewer {
    /// Gives the keyboard to the next part that is shown, or to the one before: to the panel itself, from where Tab goes
    /// to its first control. Escape gives it back to the views.
    pub(crate) fn focus_panel(&mut self, context: &Context, is_forward: bool) {
        let shown = Part::ALL.into_iter().filter(|part| match part {
            Part::Browser => self.panels.browser,
            Part::Inspector => self.panels.inspector,
            Part::Toolbar | Part::Views | Part::Status => true,
        });
        let shown: Vec<Part> = shown.collect();
        let at = shown.iter().position(|part| *part == self.panels.focused).unwrap_or(0);
        let by = if is_forward { 1 } else { shown.len() - 1 };
        let next = shown[(at + by) % shown.len()];
        self.panels.focus = Some(next).filter(|part| *part != Part::Views);
        context.memory_mut(|memory| {
            if let (Part::Views, Some(own)) = (next, memory.focused()) {
                memory.surrender_focus(own);
            }
        });
    }
}

/// Something in front of the controls of a panel that can have the keyboard.
pub(super) fn landmark(viewer: &mut Viewer, ui: &Ui, part: Part) {
    let own = ui.interact(ui.max_rect(), part.id(), Sense::focusable_noninteractive());
    own.widget_info(|| WidgetInfo::labeled(Role::Group, true, part.name()));
    if viewer.panels.focus.take_if(|wanted| *wanted == part).is_some() {
        own.request_focus();
    }
}

/// Shows that a panel has the keyboard, or one of its controls.
pub(super) fn show(viewer: &mut Viewer, ui: &Ui, part: Part, rect: Rect) {
    let Some(focused) = ui.memory(|memory| memory.focused()) else { return };
    let is_own = focused == part.id();
    let control = ui.ctx().read_response(focused).map(|control| control.rect.center());
    if is_own || control.is_some_and(|at| rect.contains(at)) {
        viewer.panels.focused = part;
    }
    if is_own {
        ui.painter().rect_stroke(rect.shrink(1.0), 0.0, Stroke::new(1.0, theme::ACTIVE), StrokeKind::Inside);
    }
}
