//! How views share the window.

use serde::{Deserialize, Serialize};

/// An arrangement of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Layout {
    /// One view.
    One,
    /// Two views beside each other.
    SideBySide,
    /// Three planes and a 3D view.
    TwoByTwo,
    /// A large view, and three small ones in a column on its right.
    OneAndThree,
    /// So many columns and rows of views.
    Grid(u8, u8),
}

/// A rectangle in parts of the window, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect01 {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

/// Where cells meet, in parts of the window: between columns from the left, between rows from the top. Empty where they
/// are as the layout has them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Borders {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<f32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<f32>,
}

/// A border that can be dragged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Border {
    /// Whether it lies between columns, and which of them it is.
    pub is_column: bool,
    pub number: usize,
    /// Where it is, in parts of the window.
    pub at: f32,
    /// From where to where it goes across.
    pub span: (f32, f32),
}

/// No cell is narrower, in parts of the window.
const NARROWEST: f32 = 0.08;

impl Borders {
    /// With one border moved, between its neighbours.
    pub(crate) fn moved(&self, is_column: bool, number: usize, to: f32) -> Self {
        let mut moved = self.clone();
        let own = if is_column { &mut moved.columns } else { &mut moved.rows };
        let low = number.checked_sub(1).and_then(|before| own.get(before)).copied().unwrap_or(0.0);
        let high = own.get(number + 1).copied().unwrap_or(1.0);
        if let Some(at) = own.get_mut(number)
            && high - low > 2.0 * NARROWEST
        {
            *at = to.clamp(low + NARROWEST, high - NARROWEST);
        }
        moved
    }

    /// Whether they can be those of a layout.
    pub(crate) fn fit(&self, layout: Layout) -> bool {
        let usual = Self::of(layout);
        let fits = |own: &[f32], usual: &[f32]| {
            let all = [0.0].iter().chain(own).chain(&[1.0]).copied().collect::<Vec<f32>>();
            own.is_empty()
                || own.len() == usual.len()
                    && all.windows(2).all(|pair| pair[1] - pair[0] >= NARROWEST * 0.99)
        };
        fits(&self.columns, &usual.columns) && fits(&self.rows, &usual.rows)
    }

    /// Those of a layout as it comes.
    fn of(layout: Layout) -> Self {
        let even = |count: u8| (1..count).map(|n| f32::from(n) / f32::from(count)).collect();
        let (columns, rows) = match layout.bounded() {
            Layout::One => (Vec::new(), Vec::new()),
            Layout::SideBySide => (even(2), Vec::new()),
            Layout::TwoByTwo => (even(2), even(2)),
            Layout::OneAndThree => (vec![0.7], even(3)),
            Layout::Grid(columns, rows) => (even(columns), even(rows)),
        };
        Self { columns, rows }
    }

    /// All of them, where they are.
    pub(crate) fn placed(&self, layout: Layout) -> Self {
        let usual = Self::of(layout);
        let or = |own: &[f32], usual: Vec<f32>| if own.len() == usual.len() { own.to_vec() } else { usual };
        Self { columns: or(&self.columns, usual.columns), rows: or(&self.rows, usual.rows) }
    }
}

impl Layout {
    /// Those that are offered, with their names.
    pub(crate) const OFFERED: [(Self, &str); 6] = [
        (Self::One, "One view"),
        (Self::SideBySide, "Side by side"),
        (Self::TwoByTwo, "Planes and 3D"),
        (Self::OneAndThree, "One and three"),
        (Self::Grid(3, 2), "Grid of 3 x 2"),
        (Self::Grid(4, 3), "Grid of 4 x 3"),
    ];

    /// The most columns or rows of a grid.
    pub(crate) const MOST: u8 = 6;

    /// The layout within what can be shown.
    pub(crate) fn bounded(self) -> Self {
        match self {
            Self::Grid(columns, rows) => Self::Grid(columns.clamp(1, Self::MOST), rows.clamp(1, Self::MOST)),
            other => other,
        }
    }

    /// How many views it has.
    pub(crate) fn cells(self) -> usize {
        match self.bounded() {
            Self::One => 1,
            Self::SideBySide => 2,
            Self::TwoByTwo | Self::OneAndThree => 4,
            Self::Grid(columns, rows) => usize::from(columns) * usize::from(rows),
        }
    }

    /// Where its cells are, in the order of their views.
    pub(crate) fn rects(self, borders: &Borders) -> Vec<Rect01> {
        let Borders { columns, rows } = borders.placed(self);
        let (x, y) = (spans(&columns), spans(&rows));
        let cell =
            |x: (f32, f32), y: (f32, f32)| Rect01 { x: x.0, y: y.0, width: x.1 - x.0, height: y.1 - y.0 };
        match (self, x.as_slice()) {
            // The first column is one cell.
            (Self::OneAndThree, &[left, right]) => {
                std::iter::once(cell(left, (0.0, 1.0))).chain(y.iter().map(|&y| cell(right, y))).collect()
            }
            _ => y.iter().flat_map(|&y| x.iter().map(move |&x| cell(x, y))).collect(),
        }
    }

    /// What can be dragged.
    pub(crate) fn borders(self, borders: &Borders) -> Vec<Border> {
        let Borders { columns, rows } = borders.placed(self);
        let from = if self == Self::OneAndThree { columns.first().copied().unwrap_or(0.0) } else { 0.0 };
        let of = |is_column: bool, own: &[f32], span: (f32, f32)| {
            let all = own.iter().enumerate();
            all.map(|(number, &at)| Border { is_column, number, at, span }).collect::<Vec<_>>()
        };
        [of(true, &columns, (0.0, 1.0)), of(false, &rows, (from, 1.0))].concat()
    }
}

/// From border to border.
fn spans(borders: &[f32]) -> Vec<(f32, f32)> {
    let ends: Vec<f32> = [0.0].iter().chain(borders).chain(&[1.0]).copied().collect();
    ends.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_fill_the_window_and_do_not_overlap() {
        let moved = |layout: Layout| {
            let usual = Borders::default().placed(layout);
            [Borders::default(), usual.moved(true, 0, 0.1).moved(false, 0, 0.9)]
        };
        let all = Layout::OFFERED.into_iter().flat_map(|own| moved(own.0).map(|borders| (own, borders)));
        for ((layout, name), borders) in all {
            assert!(borders.fit(layout), "{name}");
            let cells = layout.rects(&borders);
            assert_eq!(cells.len(), layout.cells(), "{name}");
            let area: f32 = cells.iter().map(|cell| cell.width * cell.height).sum();
            assert!((area - 1.0).abs() < 1e-5, "{name}");
            for (n, a) in cells.iter().enumerate() {
                for b in &cells[n + 1..] {
                    let apart = a.x + a.width <= b.x + 1e-6
                        || b.x + b.width <= a.x + 1e-6
                        || a.y + a.height <= b.y + 1e-6
                        || b.y + b.height <= a.y + 1e-6;
                    assert!(apart, "{name}");
                }
            }
        }
        assert_eq!(Layout::Grid(0, 200).cells(), 6);
    }

    #[test]
    fn borders_stay_between_their_neighbours() {
        let grid = Layout::Grid(3, 2);
        let usual = Borders::default().placed(grid);
        assert_eq!(usual.moved(true, 0, 0.9).columns, [2.0 / 3.0 - NARROWEST, 2.0 / 3.0]);
        assert_eq!(usual.moved(true, 1, 2.0).columns[1], 1.0 - NARROWEST);
        assert_eq!(usual.moved(false, 7, 0.3), usual);
        assert!(!usual.fit(Layout::TwoByTwo));
        assert!(!Borders { columns: vec![0.5, 0.4], rows: vec![0.5] }.fit(grid));
        assert_eq!(Layout::OneAndThree.borders(&Borders::default()).len(), 3);
    }
}
