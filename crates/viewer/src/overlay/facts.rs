//! Letters, scale bars and facts at the edges of a picture.

use anatome::{ColorMap, Voi, Volume};
use egui::{Align2, Color32, Mesh, Painter, Pos2, Rect, Stroke, pos2, vec2};
use glam::DVec3;

use super::corners::{CORNER, LEAST_BAR, LINE, MARGIN, is_small};
use super::{line, text, width};
use crate::session::short_letters;

/// What the letters at the edges and the scale bar leave free, as far as that is known before they are drawn.
pub(crate) fn within_letters(rect: Rect) -> Rect {
    let inner = rect.shrink(MARGIN + LINE);
    // Of small views the upper letter may stand in the second line.
    let first = if is_small(rect) { LINE } else { 0.0 };
    Rect::from_min_max(inner.min + vec2(0.0, first), inner.max - vec2(0.0, 2.0 * LINE))
}

/// The letters at the edges of a picture whose right and lower edges lie in directions in the patient: left, right, upper,
/// lower.
pub(crate) fn letters_of(right: DVec3, down: DVec3) -> [String; 4] {
    [-right, right, -down, down].map(short_letters)
}

/// Towards where in the patient the edges of a picture are: left, right, upper, lower. The upper and lower one hide
/// nothing of what is `taken`. Returns where they are.
pub(crate) fn letters(
    painter: &Painter,
    rect: Rect,
    edges: &[String; 4],
    ink: Color32,
    taken: &[Rect],
) -> Vec<Rect> {
    let inner = rect.shrink(MARGIN);
    let upper = |lines: f32| inner.center_top() + vec2(0.0, lines * LINE);
    let lower = |lines: f32| inner.center_bottom() - vec2(0.0, lines * LINE);
    // In a narrow view what stands in the corners reaches the middle.
    let free = |places: [Pos2; 5], align: Align2, letters: &str| {
        let size = vec2(width(painter, letters) + 2.0, LINE);
        let is_free = |at: &Pos2| !taken.iter().any(|own| own.intersects(align.anchor_size(*at, size)));
        places.into_iter().find(is_free).unwrap_or(places[0])
    };
    // The middle of the lower edge is the scale bar's.
    let upper = free([0.0, 1.0, 2.0, 3.0, 4.0].map(upper), Align2::CENTER_TOP, &edges[2]);
    let lower = free([2.0, 3.0, 4.0, 5.0, 6.0].map(lower), Align2::CENTER_BOTTOM, &edges[3]);
    let places = [
        (inner.left_center(), Align2::LEFT_CENTER),
        (inner.right_center(), Align2::RIGHT_CENTER),
        (upper, Align2::CENTER_TOP),
        (lower, Align2::CENTER_BOTTOM),
    ];
    let all = places.into_iter().zip(edges);
    all.map(|((at, align), letters)| text(painter, at, align, letters, ink)).collect()
}

/// A bar of a round length: in the middle of the lower edge, or in a narrow view on the left, where `taken` leaves room.
/// Returns where it is.
pub(crate) fn scale_bar(
    painter: &Painter,
    rect: Rect,
    (point_mm, unit): (f64, &str),
    ink: Color32,
    taken: &[Rect],
) -> Option<Rect> {
    const HEIGHT: f32 = LINE + 8.0;
    let inner = rect.shrink(MARGIN);
    let bar = |room: f32| {
        let (length, label) = round_length(f64::from(room) * point_mm, unit)?;
        let length = (length / point_mm) as f32;
        let size = vec2(length.max(width(painter, &label)), HEIGHT);
        (room >= LEAST_BAR).then_some((length, label, size))
    };
    let most = rect.width() * 0.3;
    let in_middle = bar(most.min(rect.width() - 2.0 * CORNER))
        .map(|own| (Rect::from_center_size(inner.center_bottom() - vec2(0.0, HEIGHT / 2.0), own.2), own));
    let on_left = || {
        let at_line = |line: u8| {
            let bottom = inner.bottom() - f32::from(line) * LINE;
            let strip = Rect::from_x_y_ranges(inner.x_range(), bottom - HEIGHT..=bottom);
            // Above is the letter of the left edge.
            let strip = Some(strip).filter(|own| own.top() > rect.center().y + LINE)?;
            let others = taken.iter().filter(|own| own.intersects(strip)).map(Rect::left);
            let room = others.fold(inner.right(), f32::min) - strip.left() - MARGIN;
            let own = bar(room.min(most)).filter(|(_, _, size)| size.x <= room)?;
            Some((Rect::from_min_size(strip.min, own.2), own))
        };
        (0..8).find_map(at_line)
    };
    let (place, (length, label, _)) = in_middle.or_else(on_left)?;
    let middle = place.center_bottom() - vec2(0.0, 3.0);
    let half = vec2(length / 2.0, 0.0);
    let ends = [middle - half, middle + half];
    line(painter, ends, 1.0, ink);
    for end in ends {
        let tick = vec2(0.0, 3.0);
        painter.line_segment([end - tick, end + tick], Stroke::new(1.0, ink));
    }
    text(painter, middle - vec2(0.0, 4.0), Align2::CENTER_BOTTOM, &label, ink);
    Some(place)
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
/// the lowest first. Returns where it and these are.
pub(crate) fn color_bar(
    painter: &Painter,
    rect: Rect,
    map: &ColorMap,
    ends: &[String],
    ink: Color32,
) -> Vec<Rect> {
    /// In less room the bar would lie over other text.
    const LEAST: f32 = 300.0;
    const STEPS: usize = 64;
    if rect.height() < LEAST {
        return Vec::new();
    }
    let size = vec2(9.0, (rect.height() * 0.22).min(120.0));
    let top = pos2(rect.right() - MARGIN - size.x, rect.center().y + 1.5 * LINE);
    let bar = Rect::from_min_size(top, size);
    painter.rect_filled(bar.expand(1.0), 0.0, Color32::from_black_alpha(200));
    // One mesh: between rectangles of their own there would be seams.
    let mut mesh = Mesh::default();
    for (n, rgb) in (0..).zip(map.table(STEPS)) {
        let [r, g, b] = rgb.map(|part| (part * 255.0).round() as u8);
        let y = egui::lerp(bar.bottom()..=bar.top(), n as f32 / (STEPS - 1) as f32);
        for x in [bar.left(), bar.right()] {
            mesh.colored_vertex(pos2(x, y), Color32::from_rgb(r, g, b));
        }
        if n > 0 {
            mesh.add_triangle(2 * n - 2, 2 * n - 1, 2 * n);
            mesh.add_triangle(2 * n - 1, 2 * n, 2 * n + 1);
        }
    }
    painter.add(mesh);
    let places = [(bar.left_bottom(), Align2::RIGHT_BOTTOM), (bar.left_top(), Align2::RIGHT_TOP)];
    let ends = ends.iter().zip(places);
    let texts = ends.map(|(end, (at, align))| text(painter, at - vec2(4.0, 0.0), align, end, ink));
    texts.chain([bar]).collect()
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

/// Numbers that are told beside each other, with as many digits behind the point as one of `scale` needs, and no zeros at
/// the ends of all of them.
pub(crate) fn numbers<const N: usize>(values: [f64; N], scale: f64) -> [String; N] {
    let digits = match scale.abs() {
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        v if v > 0.0 => (2.0 - v.log10().floor()).min(6.0) as usize,
        _ => 1,
    };
    let ends_in_zeros = |digits: usize| values.iter().all(|value| format!("{value:.digits$}").ends_with('0'));
    let mut least = digits;
    while least > 0 && ends_in_zeros(least) {
        least -= 1;
    }
    values.map(|value| {
        let text = format!("{value:.least$}");
        // Not -0.00.
        match text.strip_prefix('-') {
            Some(rest) if !rest.contains(|c: char| c.is_ascii_digit() && c != '0') => rest.to_owned(),
            _ => text,
        }
    })
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
    fn numbers_beside_each_other_have_the_same_digits() {
        assert_eq!(numbers([1.316, 0.6615], 1.316), ["1.32", "0.66"]);
        assert_eq!(numbers([0.12, 2.54], 1.316), ["0.12", "2.54"]);
        assert_eq!(numbers([-1010.0, -990.0], -1000.4), ["-1010", "-990"]);
        assert_eq!(numbers([-1000.4, 3.0], -1000.4), ["-1000.4", "3.0"]);
        assert_eq!(numbers([0.000_513, 0.000_02], 0.000_513), ["0.000513", "0.000020"]);
        assert_eq!(numbers([-0.001, 100.0], 20.0), ["0", "100"]);
        assert_eq!(numbers([0.0, 0.0], 0.0), ["0", "0"]);
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
