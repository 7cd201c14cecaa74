//! What goes on between the pointer and the views. Never saved.

use std::time::Instant;

use crate::tools::{Draft, Drag, Tool};

/// What goes on between the pointer and the views.
#[derive(Debug, Default)]
pub(crate) struct Interaction {
    /// What the left button does.
    pub tool: Tool,
    /// The drag that goes on, and in which view.
    pub drag: Option<(usize, Drag)>,
    /// The measurement that is being drawn.
    pub draft: Option<Draft>,
    /// What is under the pointer.
    pub hover: Option<Hover>,
    /// The measurement under the pointer.
    pub hot: Option<u64>,
    /// The measurement that keys act on.
    pub selected: Option<u64>,
    /// Keys set points, since the pointer was moved last.
    pub by_keys: bool,
    /// The point that keys move, and of which measurement.
    pub held: Option<(u64, usize)>,
    /// Whether the text of the measurement that keys act on is asked for.
    pub asks_text: bool,
    /// The part of a step of the wheel that is left.
    pub wheel: f32,
    /// A button is pressed in the second window.
    pub is_pressed_aside: bool,
    /// The loop that plays.
    pub cine: Option<Cine>,
}

impl Interaction {
    /// The point of a measurement that keys move, if it is not all of it.
    pub(crate) fn held_point(&self, id: u64) -> Option<usize> {
        self.held.filter(|(own, _)| *own == id && self.selected == Some(id)).map(|(_, point)| point)
    }

    /// Whether a measurement is under the pointer, or the one that keys act on.
    pub(crate) fn is_hot(&self, id: u64) -> bool {
        self.hot == Some(id) || self.selected == Some(id)
    }
}

/// The place under the pointer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hover {
    pub view: usize,
    /// Where it is, and the value there.
    pub text: Vec<String>,
}

/// A loop that plays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cine {
    pub view: usize,
    /// Frames or phases.
    pub frames_per_s: f64,
    /// When the present frame was shown.
    pub shown: Instant,
}
