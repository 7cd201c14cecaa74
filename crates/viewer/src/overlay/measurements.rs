//! Measurements over pictures.

use egui::{Align2, Color32, Painter, Pos2, Rect, Stroke, Vec2};
use glam::DVec3;

use super::facts::{number, numbers};
use super::{line, text, width};
use crate::measure::{Kind, Measurement, Statistics};
use crate::theme;
use crate::viewport::PlaneMap;

/// What is told of a measurement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// Values within, or at the point, of each series that is told of. Empty for what has no values.
    pub values: Vec<Valued>,
    /// Whether it has to be said of which series they are.
    pub is_named: bool,
    /// What of the patient they are values of, if not of the slice that is seen.
    pub slab: Option<String>,
    /// The unit of lengths.
    pub length_unit: String,
}

/// What is told of the values of a series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Valued {
    /// What the series is called.
    pub of: String,
    pub found: Found,
    pub unit: String,
}

/// What there is of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found {
    /// The series is not there, so that nobody knows.
    NotLoaded,
    /// No sample.
    Nothing,
    /// Three values, which are not told.
    Colors,
    Values(Statistics),
}

impl Valued {
    fn lines(&self, kind: Kind, is_named: bool) -> Vec<String> {
        let unit = &self.unit;
        let mut lines = match (kind, self.found) {
            (_, Found::NotLoaded) => vec!["not loaded".to_owned()],
            (_, Found::Nothing) => vec!["no sample".to_owned()],
            (_, Found::Colors) => vec!["colour".to_owned()],
            (Kind::Probe, Found::Values(found)) => vec![format!("{} {unit}", number(found.mean))],
            (_, Found::Values(found)) => {
                let scale = found.mean.abs().max(found.deviation);
                let all = [found.mean, found.deviation, found.min, found.max];
                let [mean, deviation, min, max] = numbers(all, scale);
                vec![format!("mean {mean}  SD {deviation} {unit}"), format!("min {min}  max {max}")]
            }
        };
        if is_named && !self.of.is_empty() {
            lines[0].insert_str(0, &format!("{}: ", self.of));
        }
        lines
    }
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
    lines.extend(told.slab.clone().filter(|_| !told.values.is_empty()));
    lines.extend(told.values.iter().flat_map(|own| own.lines(measurement.kind, told.is_named)));
    if let Some(outline) = measurement.outline() {
        let area = outline.area_mm2();
        lines.push(match length.strip_prefix("mm") {
            Some(rest) if area >= 100.0 => format!("{} cm²{rest}", number(area / 100.0)),
            Some(rest) => format!("{} mm²{rest}", number(area)),
            None => format!("{} {length}²", number(area)),
        });
    }
    if !measurement.text.is_empty() {
        lines.insert(0, measurement.text.clone());
    }
    lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

/// A measurement as it lies on the screen.
pub(crate) struct Drawn {
    points: Vec<Pos2>,
    segments: Vec<[Pos2; 2]>,
    /// Of the dots at its points.
    radius: f32,
    lines: Vec<String>,
    color: Color32,
    /// The point that keys move.
    held: Option<usize>,
}

impl Drawn {
    /// One that lies in a plane.
    pub(crate) fn in_plane(map: &PlaneMap, measurement: &Measurement, told: &Told, is_hot: bool) -> Self {
        let points = on_screen(map, measurement);
        let segments = segments(map, measurement, &points);
        let radius = if measurement.kind == Kind::Freehand { 0.0 } else { 2.0 };
        let own = Self {
            points,
            segments,
            radius,
            lines: lines(measurement, told),
            color: theme::MEASURE,
            held: None,
        };
        own.heated(is_hot)
    }

    /// A distance in space that is seen in a 3D view.
    pub(crate) fn in_space(points: Vec<Pos2>, lines: Vec<String>, is_hot: bool) -> Self {
        let segments = pairs(&points);
        Self { points, segments, radius: 3.0, lines, color: theme::MEASURE, held: None }.heated(is_hot)
    }

    /// With a ring around the point that keys move.
    pub(crate) fn held_by(self, point: Option<usize>) -> Self {
        Self { held: point, ..self }
    }

    fn heated(self, is_hot: bool) -> Self {
        let radius = if self.radius > 0.0 { 3.5 } else { 0.0 };
        if is_hot { Self { color: theme::MEASURE_HOT, radius, ..self } } else { self }
    }

    /// Places beside which its text is seen to belong to it: its points, or, where some of these are out of the picture,
    /// the ends of what is left of its lines. None if nothing of it is in the picture.
    fn anchors(&self, rect: Rect) -> Vec<Pos2> {
        if self.points.iter().all(|&point| rect.contains(point)) {
            return self.points.clone();
        }
        self.segments.iter().filter_map(|&ends| within(ends, rect)).flatten().collect()
    }
}

/// Draws the lines of all measurements of a view.
pub(crate) fn draw_lines(painter: &Painter, all: &[Drawn]) {
    for own in all {
        own.segments.iter().for_each(|&ends| line(painter, ends, 1.2, own.color));
        own.points.iter().filter(|_| own.radius > 0.0).for_each(|&point| {
            painter.circle_filled(point, own.radius, own.color);
        });
        if let Some(&held) = own.held.and_then(|held| own.points.get(held)) {
            painter.circle_stroke(held, 7.0, Stroke::new(3.5, Color32::from_black_alpha(160)));
            painter.circle_stroke(held, 7.0, Stroke::new(1.5, own.color));
        }
    }
}

/// Marks the place at which keys set a point.
pub(crate) fn draw_mark(painter: &Painter, at: Pos2) {
    for arm in [Vec2::new(1.0, 0.0), Vec2::new(0.0, 1.0), Vec2::new(-1.0, 0.0), Vec2::new(0.0, -1.0)] {
        line(painter, [at + arm * 4.0, at + arm * 14.0], 1.6, theme::MEASURE);
    }
}

/// Draws the texts of the measurements that are in a view, where these hide nothing of the others and no other texts.
pub(crate) fn draw_texts(painter: &Painter, rect: Rect, all: &[Drawn], texts: Vec<Rect>) {
    let mut taken = Taken { texts, lines: all.iter().map(|own| Lines::of(&own.segments)).collect() };
    for own in all.iter().filter(|own| !own.lines.is_empty()) {
        let anchors = own.anchors(rect);
        if anchors.is_empty() {
            continue;
        }
        let widths = own.lines.iter().map(|line| width(painter, line));
        let size = Vec2::new(widths.fold(0.0, f32::max), own.lines.len() as f32 * LINE);
        let place = label_place(&anchors, size, rect, &taken);
        // Over bright tissue a rim alone does not set letters off.
        painter.rect_filled(place.expand2(Vec2::new(3.0, 1.0)), 2.0, Color32::from_black_alpha(130));
        for (n, line) in own.lines.iter().enumerate() {
            text(painter, place.min + Vec2::new(0.0, n as f32 * LINE), Align2::LEFT_TOP, line, own.color);
        }
        taken.texts.push(place);
    }
}

fn on_screen(map: &PlaneMap, measurement: &Measurement) -> Vec<Pos2> {
    measurement.points.iter().map(|&point| map.screen(point)).collect()
}

fn pairs(points: &[Pos2]) -> Vec<[Pos2; 2]> {
    points.windows(2).map(|pair| [pair[0], pair[1]]).collect()
}

/// The lines of a measurement, with its points on the screen.
fn segments(map: &PlaneMap, measurement: &Measurement, points: &[Pos2]) -> Vec<[Pos2; 2]> {
    if let Some(outline) = measurement.outline() {
        let (right, down) = measurement.place.axes();
        let origin = measurement.points.first().copied().unwrap_or(DVec3::ZERO);
        let around: Vec<Pos2> =
            outline.line().iter().map(|at| map.screen(origin + right * at.x + down * at.y)).collect();
        return (0..around.len()).map(|n| [around[n], around[(n + 1) % around.len()]]).collect();
    }
    match (measurement.kind, points) {
        (Kind::Cobb | Kind::Bidirectional, _) => {
            points.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()
        }
        (Kind::Probe, _) => {
            let arms = [Vec2::new(5.0, 0.0), Vec2::new(0.0, 5.0)];
            points.iter().flat_map(|&at| arms.map(|arm| [at - arm, at + arm])).collect()
        }
        (Kind::Arrow, &[tip, tail]) => {
            let back = (tail - tip).normalized() * 9.0;
            let barbs = [0.45_f32, -0.45].map(|angle| tip + egui::emath::Rot2::from_angle(angle) * back);
            [tail, barbs[0], barbs[1]].map(|end| [tip, end]).to_vec()
        }
        _ => pairs(points),
    }
}

/// What a text is not to hide.
#[derive(Default)]
struct Taken {
    texts: Vec<Rect>,
    lines: Vec<Lines>,
}

/// The lines of a measurement, and what they lie within: most are far from where one looks.
struct Lines {
    bounds: Rect,
    segments: Vec<[Pos2; 2]>,
}

impl Lines {
    fn of(segments: &[[Pos2; 2]]) -> Self {
        Self { bounds: Rect::from_points(segments.as_flattened()), segments: segments.to_vec() }
    }

    fn cross(&self, place: Rect) -> bool {
        self.bounds.intersects(place) && self.segments.iter().any(|&ends| within(ends, place).is_some())
    }
}

impl Taken {
    fn has_text(&self, place: &Rect) -> bool {
        self.texts.iter().any(|other| other.intersects(place.shrink(0.5)))
    }

    fn has_anything(&self, place: &Rect) -> bool {
        self.has_text(place) || self.lines.iter().any(|lines| lines.cross(place.expand(1.0)))
    }
}

/// The part of a line in a rectangle, if it comes into it: what is left of it within one pair of sides after the other.
fn within([from, to]: [Pos2; 2], place: Rect) -> Option<[Pos2; 2]> {
    let by = to - from;
    let (mut first, mut last) = (0.0_f32, 1.0_f32);
    for axis in 0..2 {
        let (low, high) = (place.min[axis] - from[axis], place.max[axis] - from[axis]);
        if by[axis].abs() < 1e-6 {
            if low > 0.0 || high < 0.0 {
                return None;
            }
            continue;
        }
        let ends = [low / by[axis], high / by[axis]];
        first = first.max(ends[0].min(ends[1]));
        last = last.min(ends[0].max(ends[1]));
    }
    (first <= last).then(|| [first, last].map(|part| from + by * part))
}

/// Where a text of a size is within the picture and hides no other text and no line: beside the right-most or the
/// left-most point, else as near as there is room; where there is none that hides no line, one that hides no text.
fn label_place(points: &[Pos2], size: Vec2, rect: Rect, taken: &Taken) -> Rect {
    /// A text that is farther away, in points, would not be seen to belong to its lines.
    const NEAR: f32 = 160.0;
    let by_x = |a: &&Pos2, b: &&Pos2| a.x.total_cmp(&b.x);
    let right = points.iter().max_by(by_x).copied().unwrap_or(rect.center());
    let left = points.iter().min_by(by_x).copied().unwrap_or(rect.center());
    let moved_in = |min: Pos2| {
        let room = (rect.size() - size).max(Vec2::ZERO);
        Rect::from_min_size(min.clamp(rect.min, rect.min + room), size)
    };
    // Above first: below the pointer would hide it.
    let beside = [
        right + Vec2::new(8.0, -4.0 - size.y),
        right + Vec2::new(8.0, 4.0),
        left + Vec2::new(-8.0 - size.x, -4.0 - size.y),
        left + Vec2::new(-8.0 - size.x, 4.0),
    ]
    .map(moved_in);
    let distance = |place: &Rect| place.center().distance(right);
    let nearest = |is_free: &dyn Fn(&Rect) -> bool| {
        let [columns, rows] = [rect.width(), rect.height()].map(|side| (side / LINE) as usize);
        let all = (0..columns * rows)
            .map(|n| rect.min + Vec2::new((n % columns) as f32, (n / columns) as f32) * LINE);
        all.map(moved_in).filter(is_free).min_by(|a, b| distance(a).total_cmp(&distance(b)))
    };
    let hides_nothing = |place: &Rect| !taken.has_anything(place);
    let hides_no_text = |place: &Rect| !taken.has_text(place);
    let first = |is_free: &dyn Fn(&Rect) -> bool| beside.iter().copied().find(is_free);
    first(&hides_nothing)
        .or_else(|| nearest(&|place| distance(place) < NEAR && hides_nothing(place)))
        .or_else(|| first(&hides_no_text))
        .or_else(|| nearest(&hides_no_text))
        .unwrap_or(beside[0])
}

/// So near the pointer takes hold of a point; to a line it must be a little nearer.
const NEAR: f32 = 7.0;

/// What of a measurement is at a place of the screen: one of its points, or its line.
pub(crate) fn hit(map: &PlaneMap, measurement: &Measurement, at: Pos2) -> Option<Option<usize>> {
    let points = on_screen(map, measurement);
    let held = if measurement.kind == Kind::Freehand { &[][..] } else { &points };
    hit_of(held, &segments(map, measurement, &points), at)
}

/// As [`hit`], of a distance in space by where its points are seen.
pub(crate) fn hit_in_space(points: &[Pos2], at: Pos2) -> Option<Option<usize>> {
    hit_of(points, &pairs(points), at)
}

fn hit_of(points: &[Pos2], segments: &[[Pos2; 2]], at: Pos2) -> Option<Option<usize>> {
    let point = points.iter().position(|point| point.distance(at) <= NEAR);
    let is_on_line = || segments.iter().any(|&[a, b]| distance(a, b, at) <= NEAR - 2.0);
    point.map(Some).or_else(|| is_on_line().then_some(None))
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
        let told = Told { length_unit: "mm".to_owned(), ..Told::default() };
        let length = on_axial(Kind::Length, &[[0.0; 3], [3.0, 4.0, 0.0]]);
        assert_eq!(lines(&length, &told), ["5.0 mm"]);
        let found = Statistics { count: 4, mean: 40.26, deviation: 5.0, min: 30.0, max: 50.0 };
        let valued =
            |of: &str, found: Found, unit: &str| Valued { of: of.to_owned(), found, unit: unit.to_owned() };
        let region = on_axial(Kind::Rectangle, &[[0.0; 3], [20.0, 10.0, 0.0]]);
        let told = Told { values: vec![valued("CT 2", Found::Values(found), "HU")], ..told };
        assert_eq!(lines(&region, &told), ["mean 40.3  SD 5.0 HU", "min 30.0  max 50.0", "2 cm²"]);
        let told = Told { length_unit: "px".to_owned(), is_named: true, ..told };
        assert_eq!(lines(&region, &told), ["CT 2: mean 40.3  SD 5.0 HU", "min 30.0  max 50.0", "200 px²"]);
        let probe = on_axial(Kind::Probe, &[[0.0; 3]]);
        let pet = valued("PT 3", Found::Values(Statistics::of_one(5.2)), "SUVbw");
        let values = vec![valued("CT 2", Found::Nothing, "HU"), pet, valued("MR 4", Found::NotLoaded, "")];
        let told = Told { values, slab: Some("MIP 10 mm".to_owned()), ..told };
        let expected = ["MIP 10 mm", "CT 2: no sample", "PT 3: 5.2 SUVbw", "MR 4: not loaded"];
        assert_eq!(lines(&probe, &told), expected);
    }

    #[test]
    fn texts_hide_no_other_and_stay_within() {
        let rect = Rect::from_min_size(Pos2::new(10.0, 20.0), Vec2::new(300.0, 200.0));
        let size = Vec2::new(90.0, 44.0);
        let corners = [Pos2::new(280.0, 200.0), Pos2::new(160.0, 110.0), Pos2::new(12.0, 24.0)];
        let mut taken = Taken::default();
        for n in 0..7 {
            let place = label_place(&[corners[n % 3]], size, rect, &taken);
            assert!(rect.contains_rect(place), "{n}: {place}");
            assert!(
                taken.texts.iter().all(|other| !other.shrink(0.1).intersects(place.shrink(0.1))),
                "{n}: {place}"
            );
            taken.texts.push(place);
        }
        // Where there is no room left at all, it is written all the same.
        taken.texts = vec![rect];
        assert!(rect.contains_rect(label_place(&corners, size, rect, &taken)));
    }

    #[test]
    fn texts_hide_no_line_where_there_is_room() {
        let rect = Rect::from_min_size(Pos2::new(10.0, 20.0), Vec2::new(300.0, 200.0));
        let (size, point) = (Vec2::new(90.0, 14.0), Pos2::new(150.0, 110.0));
        let lines = |segments: &[[Pos2; 2]]| Taken { lines: vec![Lines::of(segments)], ..Taken::default() };
        // Both places on the right of the point are crossed, then all four are.
        let upright = |x: f32| [Pos2::new(x, 0.0), Pos2::new(x, 300.0)];
        for segments in [&[upright(200.0)][..], &[upright(200.0), upright(100.0)]] {
            let place = label_place(&[point], size, rect, &lines(segments));
            for [top, bottom] in segments {
                let x = place.x_range();
                assert!(rect.contains_rect(place) && !x.contains(top.x), "{place} {top} {bottom}");
            }
        }
        // One that leans, and lies within the same bounds, is in nobody's way.
        let leaning = [Pos2::new(150.0, 100.0), Pos2::new(400.0, 350.0)];
        assert_eq!(within(leaning, Rect::from_min_size(Pos2::new(200.0, 100.0), size)), None);
        let part = within(leaning, Rect::from_min_size(Pos2::new(160.0, 116.0), size)).unwrap();
        assert_eq!(part, [Pos2::new(166.0, 116.0), Pos2::new(180.0, 130.0)]);
        // Where lines are everywhere, texts at least hide no text.
        let columns: Vec<_> = (0..40).map(|n| upright(n as f32 * 10.0)).collect();
        let mut taken = lines(&columns);
        taken.texts.push(label_place(&[point], size, rect, &taken));
        let other = label_place(&[point], size, rect, &taken);
        assert!(!other.shrink(0.5).intersects(taken.texts[0]), "{other}");
    }

    #[test]
    fn texts_stand_beside_what_is_seen_of_their_lines() {
        let rect = Rect::from_min_size(Pos2::new(10.0, 20.0), Vec2::new(300.0, 200.0));
        let anchors = |points: [[f32; 2]; 3]| {
            let points = points.map(Pos2::from).to_vec();
            Drawn::in_space(points, vec!["83.9 mm".to_owned()], false).anchors(rect)
        };
        let seen = [[50.0, 100.0], [60.0, 100.0], [60.0, 140.0]];
        assert_eq!(anchors(seen), seen.map(Pos2::from));
        // The point that is farthest to the right is not seen.
        let partly = [[50.0, 100.0], [50.0, 400.0], [700.0, 400.0]];
        assert_eq!(anchors(partly), [Pos2::new(50.0, 100.0), Pos2::new(50.0, 220.0)]);
        // Through the view, with all points beside it.
        let through = [[0.0, 100.0], [400.0, 100.0], [400.0, 500.0]];
        assert_eq!(anchors(through), [Pos2::new(10.0, 100.0), Pos2::new(310.0, 100.0)]);
        assert!(anchors([[0.0, 300.0], [700.0, 300.0], [700.0, 400.0]]).is_empty());
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
