//! Measurements over pictures.

use egui::{Align2, Color32, Painter, Pos2, Rect, Vec2};
use glam::DVec3;

use super::facts::number;
use super::{line, text, width};
use crate::measure::{Kind, Measurement, Statistics};
use crate::theme;
use crate::viewport::PlaneMap;

/// What is told of a measurement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// Values within, or at the point.
    pub statistics: Option<Statistics>,
    /// The unit of values.
    pub unit: String,
    /// The unit of lengths.
    pub length_unit: String,
    /// The series of the values, where they stand over another's picture.
    pub of: Option<String>,
}

/// From line to line of a text, in points.
const LINE: f32 = theme::LABEL_SIZE * 1.25;

/// The lines of text of a measurement.
pub(crate) fn lines(measurement: &Measurement, told: &Told) -> Vec<String> {
    let length = &told.length_unit;
    let mut lines: Vec<String> = Vec::new();
    match measurement.lengths()[..] {
        [one] => lines.push(format!("{one:.1} {length}")),
        [long, across] => lines.push(format!("{long:.1} x {across:.1} {length}")),
        _ => {}
    }
    lines.extend(measurement.angle_rad().map(|angle| format!("{:.1}°", angle.to_degrees())));
    let unit = &told.unit;
    match (measurement.kind, told.statistics) {
        (Kind::Probe, Some(found)) => {
            lines.push(format!("{} {unit}", number(found.mean)).trim_end().to_owned())
        }
        (Kind::Probe, None) => lines.push("no sample".to_owned()),
        (kind, found) if kind.is_region() => {
            if let Some(found) = found {
                lines.push(format!("mean {}  SD {} {unit}", number(found.mean), number(found.deviation)));
                lines.push(format!("min {}  max {}", number(found.min), number(found.max)));
            }
            let area = measurement.outline().map_or(0.0, |outline| outline.area_mm2());
            lines.push(match length.strip_prefix("mm") {
                Some(rest) if area >= 100.0 => format!("{} cm²{rest}", number(area / 100.0)),
                Some(rest) => format!("{} mm²{rest}", number(area)),
                None => format!("{} {length}²", number(area)),
            });
        }
        _ => {}
    }
    if let (Some(series), Some(_)) = (&told.of, told.statistics) {
        lines.push(format!("of {series}"));
    }
    if !measurement.text.is_empty() {
        lines.insert(0, measurement.text.clone());
    }
    lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

/// Draws a measurement; its text where it hides none of the texts at `taken`, to which it is added.
pub(crate) fn draw(
    painter: &Painter,
    map: &PlaneMap,
    measurement: &Measurement,
    told: &Told,
    is_hot: bool,
    taken: &mut Vec<Rect>,
) {
    let color = if is_hot { theme::MEASURE_HOT } else { theme::MEASURE };
    let points: Vec<Pos2> = measurement.points.iter().map(|&point| map.screen(point)).collect();
    shape(painter, map, measurement, &points, color);
    let radius = if is_hot { 3.5 } else { 2.0 };
    if measurement.kind != Kind::Freehand {
        points.iter().for_each(|&point| {
            painter.circle_filled(point, radius, color);
        });
    }
    label(painter, &lines(measurement, told), &points, map.rect, color, taken);
}

/// Draws a distance in space in a 3D view.
pub(crate) fn draw_in_space(
    painter: &Painter,
    points: &[Pos2],
    lines: &[String],
    rect: Rect,
    is_hot: bool,
    taken: &mut Vec<Rect>,
) {
    let color = if is_hot { theme::MEASURE_HOT } else { theme::MEASURE };
    points.windows(2).for_each(|pair| line(painter, [pair[0], pair[1]], 1.2, color));
    points.iter().for_each(|&point| {
        painter.circle_filled(point, 3.0, color);
    });
    label(painter, lines, points, rect, color, taken);
}

/// Writes lines of text beside points.
fn label(
    painter: &Painter,
    lines: &[String],
    points: &[Pos2],
    rect: Rect,
    color: Color32,
    taken: &mut Vec<Rect>,
) {
    if lines.is_empty() {
        return;
    }
    let widths = lines.iter().map(|own| width(painter, own));
    let size = Vec2::new(widths.fold(0.0, f32::max), lines.len() as f32 * LINE);
    let place = label_place(points, size, rect, taken);
    for (n, own) in lines.iter().enumerate() {
        text(painter, place.min + Vec2::new(0.0, n as f32 * LINE), Align2::LEFT_TOP, own, color);
    }
    taken.push(place);
}

fn shape(painter: &Painter, map: &PlaneMap, measurement: &Measurement, points: &[Pos2], color: Color32) {
    let draw = |a: Pos2, b: Pos2| line(painter, [a, b], 1.2, color);
    match measurement.kind {
        Kind::Ellipse | Kind::Rectangle | Kind::Freehand => {
            let (right, down) = measurement.place.axes();
            let origin = measurement.points.first().copied().unwrap_or(DVec3::ZERO);
            let outline = measurement.outline().map(|outline| outline.line()).unwrap_or_default();
            let around: Vec<Pos2> =
                outline.iter().map(|at| map.screen(origin + right * at.x + down * at.y)).collect();
            for (n, &a) in around.iter().enumerate() {
                draw(a, around[(n + 1) % around.len()]);
            }
        }
        Kind::Cobb | Kind::Bidirectional => {
            points.chunks_exact(2).for_each(|pair| draw(pair[0], pair[1]));
        }
        Kind::Probe => {
            for point in points {
                draw(*point - egui::vec2(5.0, 0.0), *point + egui::vec2(5.0, 0.0));
                draw(*point - egui::vec2(0.0, 5.0), *point + egui::vec2(0.0, 5.0));
            }
        }
        Kind::Arrow => {
            if let [tip, tail] = *points {
                draw(tip, tail);
                let back = (tail - tip).normalized() * 9.0;
                for angle in [0.45_f32, -0.45] {
                    draw(tip, tip + egui::emath::Rot2::from_angle(angle) * back);
                }
            }
        }
        Kind::Length | Kind::Distance | Kind::Polyline | Kind::Angle => {
            points.windows(2).for_each(|pair| draw(pair[0], pair[1]));
        }
    }
}

/// Where a text of a size hides no other and is within the picture: beside the right-most or the left-most point, else
/// as near as there is room.
fn label_place(points: &[Pos2], size: Vec2, rect: Rect, taken: &[Rect]) -> Rect {
    let by_x = |a: &&Pos2, b: &&Pos2| a.x.total_cmp(&b.x);
    let right = points.iter().max_by(by_x).copied().unwrap_or(rect.center());
    let left = points.iter().min_by(by_x).copied().unwrap_or(rect.center());
    let within = |min: Pos2| {
        let room = (rect.size() - size).max(Vec2::ZERO);
        Rect::from_min_size(min.clamp(rect.min, rect.min + room), size)
    };
    let beside = [
        right + Vec2::new(8.0, 4.0),
        right + Vec2::new(8.0, -4.0 - size.y),
        left + Vec2::new(-8.0 - size.x, 4.0),
        left + Vec2::new(-8.0 - size.x, -4.0 - size.y),
    ];
    let [columns, rows] = [rect.width(), rect.height()].map(|side| (side / LINE) as usize);
    let all =
        (0..columns * rows).map(|n| rect.min + Vec2::new((n % columns) as f32, (n / columns) as f32) * LINE);
    let distance = |place: &Rect| place.center().distance(right);
    let is_free = |place: &Rect| taken.iter().all(|other| !other.intersects(place.shrink(0.5)));
    let near = beside.into_iter().map(within).find(is_free);
    let nearest = || all.map(within).filter(is_free).min_by(|a, b| distance(a).total_cmp(&distance(b)));
    near.or_else(nearest).unwrap_or(within(beside[0]))
}

/// What of a measurement is at a place of the screen: one of its points, or its line.
pub(crate) fn hit(map: &PlaneMap, measurement: &Measurement, at: Pos2) -> Option<Option<usize>> {
    const NEAR: f32 = 7.0;
    let points: Vec<Pos2> = measurement.points.iter().map(|&point| map.screen(point)).collect();
    if measurement.kind != Kind::Freehand
        && let Some(point) = points.iter().position(|point| point.distance(at) <= NEAR)
    {
        return Some(Some(point));
    }
    let near = |a: Pos2, b: Pos2| distance(a, b, at) <= NEAR - 2.0;
    let pairs: Vec<(Pos2, Pos2)> = match measurement.outline() {
        Some(outline) => {
            let (right, down) = measurement.place.axes();
            let origin = measurement.points.first().copied().unwrap_or(DVec3::ZERO);
            let around: Vec<Pos2> =
                outline.line().iter().map(|at| map.screen(origin + right * at.x + down * at.y)).collect();
            (0..around.len()).map(|n| (around[n], around[(n + 1) % around.len()])).collect()
        }
        None if matches!(measurement.kind, Kind::Cobb | Kind::Bidirectional) => {
            points.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
        }
        None => points.windows(2).map(|pair| (pair[0], pair[1])).collect(),
    };
    pairs.into_iter().any(|(a, b)| near(a, b)).then_some(None)
}

/// From a place to a line between two others.
fn distance(a: Pos2, b: Pos2, at: Pos2) -> f32 {
    let along = b - a;
    let part =
        if along.length_sq() > 0.0 { ((at - a).dot(along) / along.length_sq()).clamp(0.0, 1.0) } else { 0.0 };
    (a + along * part).distance(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::on_axial;
    use anatome::SlicePlane;

    #[test]
    fn what_is_told_has_units() {
        let told = Told { unit: "HU".to_owned(), length_unit: "mm".to_owned(), ..Told::default() };
        let length = on_axial(Kind::Length, &[[0.0; 3], [3.0, 4.0, 0.0]]);
        assert_eq!(lines(&length, &told), ["5.0 mm"]);
        let found = Statistics { count: 4, mean: 40.26, deviation: 5.0, min: 30.0, max: 50.0 };
        let region = on_axial(Kind::Rectangle, &[[0.0; 3], [20.0, 10.0, 0.0]]);
        let told = Told { statistics: Some(found), ..told };
        assert_eq!(lines(&region, &told), ["mean 40.3  SD 5 HU", "min 30  max 50", "2 cm²"]);
        let told = Told { length_unit: "px".to_owned(), of: Some("CT 2".to_owned()), ..told };
        assert_eq!(lines(&region, &told)[2..], ["200 px²", "of CT 2"]);
    }

    #[test]
    fn texts_hide_no_other_and_stay_within() {
        let rect = Rect::from_min_size(Pos2::new(10.0, 20.0), Vec2::new(300.0, 200.0));
        let size = Vec2::new(90.0, 44.0);
        let corners = [Pos2::new(280.0, 200.0), Pos2::new(160.0, 110.0), Pos2::new(12.0, 24.0)];
        let mut taken: Vec<Rect> = Vec::new();
        for n in 0..7 {
            let place = label_place(&[corners[n % 3]], size, rect, &taken);
            assert!(rect.contains_rect(place), "{n}: {place}");
            assert!(
                taken.iter().all(|other| !other.shrink(0.1).intersects(place.shrink(0.1))),
                "{n}: {place}"
            );
            taken.push(place);
        }
        // Where there is no room left at all, it is written all the same.
        assert!(rect.contains_rect(label_place(&corners, size, rect, &[rect])));
    }

    #[test]
    fn points_and_lines_are_hit() {
        let rect = Rect::from_min_size(Pos2::ZERO, egui::vec2(200.0, 200.0));
        let plane = SlicePlane { center_mm: DVec3::ZERO, right: DVec3::X, down: DVec3::Y, width_mm: 200.0 };
        let map = PlaneMap { rect, plane };
        let length = on_axial(Kind::Length, &[[-50.0, 0.0, 0.0], [50.0, 0.0, 0.0]]);
        assert_eq!(hit(&map, &length, egui::pos2(151.0, 102.0)), Some(Some(1)));
        assert_eq!(hit(&map, &length, egui::pos2(100.0, 103.0)), Some(None));
        assert_eq!(hit(&map, &length, egui::pos2(100.0, 120.0)), None);
        let ellipse = on_axial(Kind::Ellipse, &[[-50.0, -20.0, 0.0], [50.0, 20.0, 0.0]]);
        assert_eq!(hit(&map, &ellipse, egui::pos2(100.0, 81.0)), Some(None));
        assert_eq!(hit(&map, &ellipse, egui::pos2(100.0, 100.0)), None);
    }
}
