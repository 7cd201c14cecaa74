//! How large the pixels of screens are, so that things can be shown in their true size.

use anatome::{Lens, View};
use egui::{Context, Ui};
use glam::DVec2;
use serde::{Deserialize, Serialize};

use crate::app::Viewer;
use crate::command::Command;
use crate::dialogs::Dialog;
use crate::session::Content;
use crate::viewport::Seen;

/// The screens that were measured. Neither the system nor a screen is to be trusted in this: what they say is often wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Screens {
    screens: Vec<Screen>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Screen {
    /// Width and height in pixels, by which it is known; 0 where the system does not tell.
    size_px: [u32; 2],
    px_per_mm: f64,
}

pub(crate) const FILE: &str = "screens.json";
/// The length of the line that is measured, in points.
const LINE_POINTS: f32 = 400.0;
/// What that line may measure: from a very dense screen to a projector.
const MEASURED_MM: std::ops::RangeInclusive<f64> = 20.0..=2000.0;

impl Screens {
    /// Pixels a mm of a screen, if it was measured.
    pub(crate) fn px_per_mm(&self, size_px: [u32; 2]) -> Option<f64> {
        let usable = |px: &f64| (0.1..=1000.0).contains(px);
        self.screens.iter().find(|own| own.size_px == size_px).map(|own| own.px_per_mm).filter(usable)
    }

    fn measured(&mut self, size_px: [u32; 2], px_per_mm: f64) {
        self.screens.retain(|own| own.size_px != size_px);
        self.screens.push(Screen { size_px, px_per_mm });
    }
}

/// The size in pixels of the screen that a window is on.
fn screen_px(context: &Context) -> [u32; 2] {
    let size = context.input(|input| input.viewport().monitor_size).unwrap_or_default();
    [size.x, size.y].map(|side| (side * context.pixels_per_point()).round() as u32)
}

impl Viewer {
    /// Shows the active view in its true size; asks for the size of the screen first if that is not known.
    pub(crate) fn true_size(&mut self, context: &Context) {
        let Some(px_per_mm) = self.screens.px_per_mm(screen_px(context)) else {
            self.tell("The screen is not calibrated: measure the line.");
            self.dialog = Some(Dialog::screen());
            return;
        };
        let Some(seen) = self.active_seen() else { return };
        let view = seen.index;
        match point_mm(&seen) {
            Some(point_mm) => {
                let factor = point_mm * px_per_mm / f64::from(context.pixels_per_point());
                self.push(Command::Zoom { view, factor, about_mm: DVec2::ZERO });
            }
            None => self.tell("How large this is in the patient is not known."),
        }
    }

    /// Takes what was measured of the line.
    pub(crate) fn calibrate(&mut self, context: &Context, measured_mm: f64) {
        let px_per_mm = f64::from(LINE_POINTS * context.pixels_per_point()) / measured_mm;
        self.screens.measured(screen_px(context), px_per_mm);
        if let Err(error) = self.config.write(FILE, &self.screens) {
            self.tell(error.to_string());
        }
        self.true_size(context);
    }
}

/// Millimetres in the patient a point of the screen.
fn point_mm(seen: &Seen<'_>) -> Option<f64> {
    let shown = seen.canvas.shown.as_ref()?;
    match seen.view.content {
        Content::Plane(_) => Some(seen.map()?.point_mm()),
        // At a detector things are larger than they are.
        Content::Frame(_) => {
            (seen.drawn_frame()?.unit() == "mm").then(|| seen.drawn_map().map(|map| map.point_mm())).flatten()
        }
        Content::Orbit(_) => match &shown.view {
            View::Rendering { camera, .. } | View::Projection { camera, .. }
                if matches!(camera.lens, Lens::Orthographic { .. }) =>
            {
                seen.orbit_point_mm()
            }
            _ => None,
        },
    }
}

/// A line to be measured, and what it measures; whether that can be.
pub(crate) fn ask(ui: &mut Ui, measured_mm: &mut f64) -> bool {
    ui.label(
        "Hold a ruler to the line and write how long it is. It is kept for screens of this size in pixels.",
    );
    ui.add_space(8.0);
    let (rect, _) = ui.allocate_exact_size(egui::vec2(LINE_POINTS, 22.0), egui::Sense::hover());
    let stroke = egui::Stroke::new(1.0, egui::Color32::WHITE);
    let ends = [rect.left_center(), rect.right_center()];
    ui.painter().line_segment(ends, stroke);
    for end in ends {
        let tick = egui::vec2(0.0, rect.height() / 2.0);
        ui.painter().line_segment([end - tick, end + tick], stroke);
    }
    ui.horizontal(|ui| {
        let label = ui.label("Measured mm");
        let value = egui::DragValue::new(measured_mm).speed(0.1).max_decimals(2).range(MEASURED_MM);
        ui.add(value).labelled_by(label.id);
    });
    MEASURED_MM.contains(measured_mm)
}

/// What the line measures on a screen of 96 pixels an inch, as long as nobody measured it.
pub(crate) const GUESSED_MM: f64 = LINE_POINTS as f64 / 96.0 * 25.4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_known_by_its_size() {
        let mut screens = Screens::default();
        screens.measured([3840, 2160], 5.0);
        screens.measured([1920, 1080], 4.0);
        screens.measured([3840, 2160], 6.0);
        assert_eq!(screens.px_per_mm([3840, 2160]), Some(6.0));
        assert_eq!(screens.px_per_mm([800, 600]), None);
        screens.measured([1, 1], f64::NAN);
        assert_eq!(screens.px_per_mm([1, 1]), None);
    }
}
