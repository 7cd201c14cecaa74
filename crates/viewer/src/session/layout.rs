//! How views share the window.

use serde::{Deserialize, Serialize};

/// An arrangement of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    pub(crate) fn rects(self) -> Vec<Rect01> {
        match self.bounded() {
            Self::One => grid(1, 1),
            Self::SideBySide => grid(2, 1),
            Self::TwoByTwo => grid(2, 2),
            Self::OneAndThree => {
                let third = 1.0 / 3.0;
                let small = |n: u8| Rect01 { x: 0.7, y: f32::from(n) * third, width: 0.3, height: third };
                let large = Rect01 { x: 0.0, y: 0.0, width: 0.7, height: 1.0 };
                std::iter::once(large).chain((0..3).map(small)).collect()
            }
            Self::Grid(columns, rows) => grid(columns, rows),
        }
    }
}

fn grid(columns: u8, rows: u8) -> Vec<Rect01> {
    let (width, height) = (1.0 / f32::from(columns), 1.0 / f32::from(rows));
    let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
    cells
        .map(|(column, row)| Rect01 {
            x: f32::from(column) * width,
            y: f32::from(row) * height,
            width,
            height,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_fill_the_window_and_do_not_overlap() {
        for (layout, name) in Layout::OFFERED {
            let cells = layout.rects();
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
}
