//! Letters, scale bars and facts at the edges of a picture.

use anatome::{ColorMap, Voi, Volume};
use egui::{Align2, Color32, Mesh, Painter, Pos2, Rect, Stroke};
use glam::DVec3;

use super::{line, text, width};
use crate::session::short_letters;
use crate::theme;

/// The lines of text in the corners of a picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Corners {
    pub top_left: Vec<String>,
    pub top_right: Vec<String>,
    pub bottom_left: Vec<String>,
    pub bottom_right: Vec<String>,
    /// Lines on the upper right that must be noticed.
    pub warnings: Vec<String>,
}

/// The distance of text from the edges.
const MARGIN: f32 = 6.0;
const LINE: f32 = theme::LABEL_SIZE * 1.28;

impl Corners {
    /// Draws them in the colour of letters; warnings in their own. Returns where they are, but for those on the
    /// lower left, which come and go with the pointer.
    pub(crate) fn draw(&self, painter: &Painter, rect: Rect, ink: Color32) -> Vec<Rect> {
        let inner = rect.shrink(MARGIN);
        let down = |lines: &[String], from: Pos2, align: Align2, color| {
            let all = lines.iter().enumerate();
            all.map(|(n, own)| text(painter, from + egui::vec2(0.0, n as f32 * LINE), align, own, color))
                .collect::<Vec<Rect>>()
        };
        let up = |lines: &[String], x: f32, align: Align2| {
            let all = lines.iter().rev().enumerate();
            let at = |n: usize| Pos2::new(x, inner.bottom() - n as f32 * LINE);
            all.map(|(n, own)| text(painter, at(n), align, own, ink)).collect::<Vec<Rect>>()
        };
        up(&self.bottom_left, inner.left(), Align2::LEFT_BOTTOM);
        let below = inner.right_top() + egui::vec2(0.0, self.top_right.len() as f32 * LINE);
        [
            down(&self.top_left, inner.left_top(), Align2::LEFT_TOP, ink),
            down(&self.top_right, inner.right_top(), Align2::RIGHT_TOP, ink),
            down(&self.warnings, below, Align2::RIGHT_TOP, theme::WARNING),
            up(&self.bottom_right, inner.right(), Align2::RIGHT_BOTTOM),
        ]
        .concat()
    }
}

/// What the letters at the edges and the scale bar leave free; the upper letter stands in one of the first lines.
pub(crate) fn within_letters(rect: Rect, lines: u8) -> Rect {
    let inner = rect.shrink(MARGIN + LINE);
    let more = f32::from(lines.saturating_sub(1)) * LINE;
    Rect::from_min_max(inner.min + egui::vec2(0.0, more), inner.max - egui::vec2(0.0, 2.0 * LINE))
}

/// The letters at the edges of a picture whose right and lower edges lie in directions in the patient: left, right, upper,
/// lower.
pub(crate) fn letters_of(right: DVec3, down: DVec3) -> [String; 4] {
    [-right, right, -down, down].map(short_letters)
}

/// Towards where in the patient the edges of a picture are: left, right, upper, lower. They hide no text in a corner.
/// Returns where they are.
pub(crate) fn letters(
    painter: &Painter,
    rect: Rect,
    edges: &[String; 4],
    ink: Color32,
    corners: &[Rect],
) -> Vec<Rect> {
    let inner = rect.shrink(MARGIN);
    let upper = |lines: f32| inner.center_top() + egui::vec2(0.0, lines * LINE);
    let wide = egui::vec2(width(painter, &edges[2]) + 2.0, LINE);
    let is_free = |at: &Pos2| {
        let place = Align2::CENTER_TOP.anchor_size(*at, wide);
        !corners.iter().any(|corner| corner.intersects(place))
    };
    // In a narrow view the name of what it shows reaches the middle.
    let first = [0.0, 1.0].map(upper).into_iter().find(is_free).unwrap_or(upper(0.0));
    // The middle of the lower edge is the scale bar's.
    let places = [
        (inner.left_center(), Align2::LEFT_CENTER),
        (inner.right_center(), Align2::RIGHT_CENTER),
        (first, Align2::CENTER_TOP),
        (inner.center_bottom() - egui::vec2(0.0, 2.0 * LINE), Align2::CENTER_BOTTOM),
    ];
    let all = places.into_iter().zip(edges);
    all.map(|((at, align), letters)| text(painter, at, align, letters, ink)).collect()
}

/// A bar of a round length.
pub(crate) fn scale_bar(painter: &Painter, rect: Rect, point_mm: f64, unit: &str, ink: Color32) {
    /// What the words in the corner take, with what keeps them apart.
    const CORNER: f32 = 124.0;
    /// In less room a bar says nothing.
    const LEAST: f32 = 16.0;
    let room = (rect.width() * 0.3).min(rect.width() - 2.0 * CORNER);
    if room < LEAST {
        return;
    }
    let room = f64::from(room) * point_mm;
    let Some((length, label)) = round_length(room, unit) else { return };
    let half = (length / point_mm / 2.0) as f32;
    let middle = rect.center_bottom() - egui::vec2(0.0, MARGIN + 3.0);
    let ends = [middle - egui::vec2(half, 0.0), middle + egui::vec2(half, 0.0)];
    line(painter, ends, 1.0, ink);
    for end in ends {
        let tick = egui::vec2(0.0, 3.0);
        painter.line_segment([end - tick, end + tick], Stroke::new(1.0, ink));
    }
    text(painter, middle - egui::vec2(0.0, 4.0), Align2::CENTER_BOTTOM, &label, ink);
}

/// The longest of 1, 2 or 5 times a power of ten that fits, and how it is said.
fn round_length(room: f64, unit: &str) -> Option<(f64, String)> {
    if !(room.is_finite() && room > 0.0) {
        return None;
    }
    let power = 10f64.powf(room.log10().floor());
    let factor = [5.0, 2.0, 1.0].into_iter().find(|factor| factor * power <= room)?;
    let length = factor * power;
    let label = match unit.strip_prefix("mm") {
        Some(rest) if length >= 10.0 => format!("{} cm{rest}", length / 10.0),
        Some(rest) if length < 0.1 => format!("{} µm{rest}", (length * 1e3).round()),
        _ => format!("{length} {unit}"),
    };
    Some((length, label))
}

/// A window or a table in words.
pub(crate) fn window(voi: &Voi) -> String {
    match voi {
        Voi::Window(window) => format!("C {}  W {}", number(window.center()), number(window.width())),
        Voi::Lut(_) => "table of the file".to_owned(),
    }
}

/// The values at the ends of a window, the second with its unit; of a table that it is one.
pub(crate) fn range(voi: &Voi, unit: &str) -> Vec<String> {
    match voi {
        Voi::Window(window) => {
            let [low, high] = [-0.5, 0.5].map(|part| number(window.center() + part * window.width()));
            vec![low, format!("{high} {unit}").trim_end().to_owned()]
        }
        Voi::Lut(_) => vec!["table of the file".to_owned()],
    }
}

/// What the colours of what is laid over a picture mean: a bar on the right, below the middle, with the values at its ends,
/// the lowest first.
pub(crate) fn color_bar(painter: &Painter, rect: Rect, map: &ColorMap, ends: &[String], ink: Color32) {
    /// In less room the bar would lie over other text.
    const LEAST: f32 = 300.0;
    const STEPS: usize = 64;
    if rect.height() < LEAST {
        return;
    }
    let size = egui::vec2(9.0, (rect.height() * 0.22).min(120.0));
    let top = Pos2::new(rect.right() - MARGIN - size.x, rect.center().y + 1.5 * LINE);
    let bar = Rect::from_min_size(top, size);
    painter.rect_filled(bar.expand(1.0), 0.0, Color32::from_black_alpha(200));
    // One mesh: between rectangles of their own there would be seams.
    let mut mesh = Mesh::default();
    for (n, rgb) in (0..).zip(map.table(STEPS)) {
        let [r, g, b] = rgb.map(|part| (part * 255.0).round() as u8);
        let y = egui::lerp(bar.bottom()..=bar.top(), n as f32 / (STEPS - 1) as f32);
        for x in [bar.left(), bar.right()] {
            mesh.colored_vertex(Pos2::new(x, y), Color32::from_rgb(r, g, b));
        }
        if n > 0 {
            mesh.add_triangle(2 * n - 2, 2 * n - 1, 2 * n);
            mesh.add_triangle(2 * n - 1, 2 * n, 2 * n + 1);
        }
    }
    painter.add(mesh);
    let places = [(bar.left_bottom(), Align2::RIGHT_BOTTOM), (bar.left_top(), Align2::RIGHT_TOP)];
    for (end, (at, align)) in ends.iter().zip(places) {
        text(painter, at - egui::vec2(4.0, 0.0), align, end, ink);
    }
}

/// A number of four digits or so, without zeros at its end.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// How thick slices are, as the file says, and how far apart, as they stand: whether there are gaps or overlaps.
pub(crate) fn acquisition(volume: &Volume) -> Option<String> {
    let thickness = volume.facts().slice_thickness_mm.map(|mm| format!("T {} mm", number(mm)));
    let (low, high) = volume.grid().slice_spacings_mm();
    let range =
        if high - low < 0.01 * high { number(low) } else { format!("{} to {}", number(low), number(high)) };
    let spacing = (volume.grid().shape()[0] > 1).then(|| format!("spacing {range} mm"));
    let parts: Vec<String> = thickness.into_iter().chain(spacing).collect();
    (!parts.is_empty()).then(|| parts.join("  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let all = [0.0, -0.00001, 0.12345, 1.5, 12.34, 123.456, -1024.0, 100.0].map(number);
        assert_eq!(all, ["0", "0", "0.1235", "1.5", "12.3", "123", "-1024", "100"]);
    }

    #[test]
    fn scale_bars_are_round() {
        let label = |room: f64| round_length(room, "mm").unwrap().1;
        assert_eq!([130.0, 49.0, 9.9, 3.0, 0.03].map(label), ["10 cm", "2 cm", "5 mm", "2 mm", "20 µm"]);
        assert_eq!(round_length(70.0, "px").unwrap().1, "50 px");
        assert_eq!(round_length(70.0, "mm at the detector").unwrap().1, "5 cm at the detector");
        assert!(round_length(0.0, "mm").is_none() && round_length(f64::NAN, "mm").is_none());
    }
}
