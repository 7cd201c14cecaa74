//! Text in the corners of a picture, as far as there is room.

use egui::{Align2, Color32, Painter, Pos2, Rect, Vec2, vec2};

use super::{text, width};
use crate::theme;
use crate::viewport::NOT_FOR_DIAGNOSIS;

/// The lines of text in the corners of a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Corners {
    pub top_left: Vec<String>,
    pub top_right: Vec<String>,
    pub bottom_left: Vec<String>,
    pub bottom_right: Vec<String>,
    /// Lines on the upper right that must be noticed.
    pub warnings: Vec<String>,
    /// Lines on the lower right, below the others, that stand there whatever room there is, if need be in fewer words: of
    /// which the last counts.
    pub marks: Vec<String>,
}

/// The distance of text from the edges.
pub(super) const MARGIN: f32 = 6.0;
/// From one line to the next.
pub(super) const LINE: f32 = theme::LABEL_SIZE * 1.28;
/// What the words in a lower corner take, with what keeps them apart.
pub(super) const CORNER: f32 = 124.0;
/// In less room a scale bar says nothing.
pub(super) const LEAST_BAR: f32 = 16.0;
/// What keeps words beside each other apart.
const GAP: f32 = 8.0;

/// Whether all that there is to say would hide the picture, or leave no room for a scale bar between what is said below.
pub(crate) fn is_small(rect: Rect) -> bool {
    rect.width() < 2.0 * CORNER + LEAST_BAR || rect.height() < 170.0
}

impl Corners {
    /// Draws what there is room for in the colour of letters; warnings in their own. Returns where they are, but for those
    /// on the lower left, which come and go with the pointer.
    pub(crate) fn draw(self, painter: &Painter, rect: Rect, ink: Color32) -> Vec<Rect> {
        let inner = rect.shrink(MARGIN);
        let width = |own: &str| width(painter, own);
        let own = if is_small(rect) { self.within(inner.size(), width) } else { self };
        let down = |lines: &[String], from: Pos2, align: Align2, color| {
            let all = lines.iter().enumerate().filter(|(_, own)| !own.is_empty());
            all.map(|(n, own)| text(painter, from + vec2(0.0, n as f32 * LINE), align, own, color))
                .collect::<Vec<Rect>>()
        };
        let up = |lines: &[String], from: Pos2, align: Align2| {
            let first = from - vec2(0.0, lines.len().saturating_sub(1) as f32 * LINE);
            let all = lines.iter().enumerate();
            all.map(|(n, own)| text(painter, first + vec2(0.0, n as f32 * LINE), align, own, ink))
                .collect::<Vec<Rect>>()
        };
        let below = |lines: usize| vec2(0.0, lines as f32 * LINE);
        let lower_right = [&own.bottom_right[..], &own.marks].concat();
        if is_small(rect) {
            // The letter of the upper edge is in one of the first lines.
            let upper = own.top_left.len().max(own.top_right.len() + own.warnings.len()).max(2);
            down(&own.bottom_left, inner.left_top() + below(upper), Align2::LEFT_TOP, ink);
        } else {
            let widest = |lines: &[String]| lines.iter().map(|own| width(own)).fold(0.0, f32::max);
            let is_beside = widest(&own.bottom_left) + GAP + widest(&lower_right) <= inner.width();
            let above = below(if is_beside { 0 } else { lower_right.len() });
            up(&own.bottom_left, inner.left_bottom() - above, Align2::LEFT_BOTTOM);
        }
        let warned = inner.right_top() + below(own.top_right.len());
        [
            down(&own.top_left, inner.left_top(), Align2::LEFT_TOP, ink),
            down(&own.top_right, inner.right_top(), Align2::RIGHT_TOP, ink),
            down(&own.warnings, warned, Align2::RIGHT_TOP, theme::WARNING),
            up(&lower_right, inner.right_bottom(), Align2::RIGHT_BOTTOM),
        ]
        .concat()
    }

    /// What of it a small view has room for: marks and warnings in any case, then what is seen and where that is, and its
    /// window. Empty lines keep those after them in their places.
    fn within(self, size: Vec2, width: impl Fn(&str) -> f32) -> Self {
        /// Of a view's height what lines above, or below, may take.
        const PART: f32 = 0.3;
        /// And what of it is said of the series, which the browser says, too.
        const LESSER_PART: f32 = 0.15;
        let rows = ((size.y * PART / LINE) as usize).max(1);
        let lesser_rows = ((size.y * LESSER_PART / LINE) as usize).max(2).min(rows);
        let half = size.x / 2.0 - GAP;
        // The middle of the second line is the upper letter's, if that has no room in the first.
        let fits = |row: usize, own: f32, other: f32| match row {
            1 => own <= half && other <= half,
            _ => own + other + if other > 0.0 { GAP } else { 0.0 } <= size.x,
        };
        let placed = |lines: &[String], others: &[String], rows: usize| {
            let mut placed: Vec<String> = Vec::new();
            for line in lines {
                let beside = |row: usize| others.get(row).map_or(0.0, |own| width(own));
                let found = (placed.len()..rows).find(|&row| fits(row, width(line), beside(row)));
                if let Some(row) = found {
                    placed.resize(row, String::new());
                    placed.push(line.clone());
                }
            }
            placed
        };
        let broken = |lines: &[String]| -> Vec<String> {
            lines.iter().flat_map(|line| broken(line, size.x, &width)).collect()
        };
        let mut top_left = self.top_left;
        top_left.iter_mut().take(1).for_each(|first| *first = shortened(first, size.x, &width));
        let first = &top_left[..top_left.len().min(1)];
        let mut top_right = placed(&self.top_right, first, rows);
        let warnings = broken(&self.warnings);
        let are_beside = |(own, other): (&String, &String)| fits(0, width(own), width(other));
        if top_right.is_empty() && !warnings.iter().zip(first).all(are_beside) {
            top_right.push(String::new());
        }
        let top_left = placed(&top_left, &[&top_right[..], &warnings].concat(), lesser_rows);
        let is_wide = |line: &String| width(line) > size.x;
        let short = |line: String| match line.split_whitespace().next_back() {
            Some(_) if line == NOT_FOR_DIAGNOSIS => "not diagnostic".to_owned(),
            Some("preview") => "preview".to_owned(),
            _ => line,
        };
        let marks: Vec<String> =
            self.marks.into_iter().map(|line| if is_wide(&line) { short(line) } else { line }).collect();
        let marks = broken(&marks);
        let mut bottom_right = self.bottom_right;
        bottom_right.retain(|line| !is_wide(line));
        // The last says how exact the picture is, the first is its window: both are told where half of the height does.
        let half_rows = (size.y / 2.0 / LINE) as usize;
        let most = rows.saturating_sub(marks.len()).max(half_rows.saturating_sub(marks.len()).min(2));
        while bottom_right.len() > most {
            bottom_right.remove(bottom_right.len().saturating_sub(2));
        }
        let mut bottom_left = self.bottom_left;
        bottom_left.retain(|line| !is_wide(line));
        Self { top_left, top_right, bottom_left, bottom_right, warnings, marks }
    }
}

/// A line as several that are no wider than there is room, between words.
fn broken(line: &str, room: f32, width: impl Fn(&str) -> f32) -> Vec<String> {
    if width(line) <= room {
        return vec![line.to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let longer = lines.last().map(|last| format!("{last} {word}")).filter(|own| width(own) <= room);
        match lines.last_mut().zip(longer) {
            Some((last, longer)) => *last = longer,
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// As much of a line as there is room for.
fn shortened(line: &str, room: f32, width: impl Fn(&str) -> f32) -> String {
    if width(line) <= room {
        return line.to_owned();
    }
    let mut kept = line.to_owned();
    while kept.pop().is_some() && width(&format!("{kept}…")) > room {}
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if all letters were equally wide.
    fn wide(line: &str) -> f32 {
        line.chars().count() as f32 * 5.0
    }

    fn all() -> Corners {
        let lines = |own: &[&str]| own.iter().map(|&line| line.to_owned()).collect();
        Corners {
            top_left: lines(&["CT  Coronal", "Series 1", "Generated thorax, ct"]),
            top_right: lines(&["31 / 60", "P 16.0 mm"]),
            bottom_left: lines(&["12 HU"]),
            bottom_right: lines(&["C 40  W 400  HU", "not linked", "Zoom 100 %", "linear  exact"]),
            warnings: lines(&["views show different patients"]),
            marks: lines(&["not for diagnostic use"]),
        }
    }

    #[test]
    fn what_has_no_room_is_left_out_but_for_marks_and_warnings() {
        // High enough for all; what is wide stands where nothing is beside it.
        let own = all().within(vec2(170.0, 400.0), wide);
        assert_eq!(own, Corners { top_left: own.top_left.clone(), ..all() });
        assert_eq!(own.top_left, ["CT  Coronal", "Series 1", "", "Generated thorax, ct"]);
        // Three lines above, and as many below.
        let own = all().within(vec2(120.0, 180.0), wide);
        assert_eq!(
            (own.top_left, own.top_right),
            (vec!["CT  Coronal".to_owned(), "Series 1".to_owned()], all().top_right)
        );
        assert_eq!(own.bottom_right, ["C 40  W 400  HU", "linear  exact"]);
        assert_eq!(own.marks, all().marks);
        assert_eq!(own.warnings, ["views show different", "patients"]);
        // The least view keeps its marks, in fewer words.
        let preview =
            Corners { marks: [&["linear  preview".to_owned()], &all().marks[..]].concat(), ..all() };
        let own = preview.within(vec2(50.0, 20.0), wide);
        assert_eq!((own.top_left, own.top_right), (vec!["CT  Coron…".to_owned()], vec![String::new()]));
        assert_eq!(own.warnings[0], "views show");
        assert!(own.bottom_right.is_empty());
        assert_eq!(own.marks, ["preview", "not", "diagnostic"]);
        let told = Corners { marks: vec!["Prior study, 364 days before".to_owned()], ..all() };
        assert_eq!(told.within(vec2(70.0, 90.0), wide).marks, ["Prior study,", "364 days", "before"]);
    }
}
