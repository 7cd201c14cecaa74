//! What is drawn over pictures.

pub(crate) mod crop;
pub(crate) mod crosshair;
pub(crate) mod facts;
pub(crate) mod measurements;
pub(crate) mod references;

use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Stroke};

use crate::theme;

/// Draws text with a dark rim, so that it can be read on any picture. Returns where it is.
pub(crate) fn text(painter: &Painter, at: Pos2, align: Align2, text: &str, color: Color32) -> Rect {
    let font = FontId::proportional(theme::LABEL_SIZE);
    let galley = painter.layout_no_wrap(text.to_owned(), font, color);
    let rect = align.anchor_size(at, galley.size());
    let pixel = 1.0 / painter.pixels_per_point();
    // On white it is all that sets the letters off.
    let rim = Color32::from_black_alpha(200);
    for (x, y) in
        [(-1.0, -1.0), (-1.0, 0.0), (-1.0, 1.0), (0.0, -1.0), (0.0, 1.0), (1.0, -1.0), (1.0, 0.0), (1.0, 1.0)]
    {
        let by = egui::vec2(x, y) * pixel.max(0.7);
        painter.galley_with_override_text_color(rect.min + by, galley.clone(), rim);
    }
    painter.galley(rect.min, galley, color);
    rect
}

/// How wide a line of text is.
pub(crate) fn width(painter: &Painter, text: &str) -> f32 {
    let font = FontId::proportional(theme::LABEL_SIZE);
    painter.layout_no_wrap(text.to_owned(), font, Color32::WHITE).size().x
}

/// Draws a line with a dark rim.
pub(crate) fn line(painter: &Painter, points: [Pos2; 2], width: f32, color: Color32) {
    painter.line_segment(points, Stroke::new(width + 2.0, Color32::from_black_alpha(110)));
    painter.line_segment(points, Stroke::new(width, color));
}
