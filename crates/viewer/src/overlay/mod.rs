//! What is drawn over pictures.

pub(crate) mod corners;
pub(crate) mod crop;
pub(crate) mod crosshair;
pub(crate) mod facts;
pub(crate) mod measurements;
pub(crate) mod references;

use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Stroke};

use crate::theme;

/// What sets something of a colour off from any picture: dark around what is light, light around what is dark.
fn rim(color: Color32, alpha: u8) -> Color32 {
    let is_dark = u16::from(color.r()) + u16::from(color.g()) + u16::from(color.b()) < 300;
    if is_dark { Color32::from_white_alpha(alpha) } else { Color32::from_black_alpha(alpha) }
}

/// Draws text with a rim, so that it can be read on any picture. Returns where it is.
pub(crate) fn text(painter: &Painter, at: Pos2, align: Align2, text: &str, color: Color32) -> Rect {
    let font = FontId::proportional(theme::LABEL_SIZE);
    let galley = painter.layout_no_wrap(text.to_owned(), font, color);
    let rect = align.anchor_size(at, galley.size());
    let pixel = 1.0 / painter.pixels_per_point();
    // On a ground of the letters' own kind it is all that sets them off.
    let rim = rim(color, 200);
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

/// Draws a line with a rim.
pub(crate) fn line(painter: &Painter, points: [Pos2; 2], width: f32, color: Color32) {
    painter.line_segment(points, Stroke::new(width + 2.0, rim(color, 110)));
    painter.line_segment(points, Stroke::new(width, color));
}
