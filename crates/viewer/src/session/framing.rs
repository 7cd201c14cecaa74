//! What part of a plane or of space a view shows.

use glam::DVec2;
use serde::{Deserialize, Serialize};

/// Zoom and shift against the picture in which all is seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Framing {
    /// How much larger things are than where all is seen.
    pub zoom: f64,
    /// From the middle of the volume to the middle of the picture in mm, to the right and down in the picture.
    pub shift_mm: DVec2,
    /// How a frame lies in its picture; planes and 3D have their own ways.
    #[serde(default, skip_serializing_if = "Turn::is_none")]
    pub turn: Turn,
}

impl Default for Framing {
    fn default() -> Self {
        Self { zoom: 1.0, shift_mm: DVec2::ZERO, turn: Turn::default() }
    }
}

/// How a frame lies in its picture: mirrored left to right first, then turned clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub is_mirrored: bool,
    /// Right angles, 0 to 3.
    pub quarters: u8,
}

impl Turn {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Turned further clockwise by a right angle.
    pub(crate) fn turned(self) -> Self {
        Self { quarters: (self.quarters + 1) % 4, ..self }
    }

    /// With left and right of the picture exchanged.
    pub(crate) fn mirrored(self) -> Self {
        Self { is_mirrored: !self.is_mirrored, quarters: (4 - self.quarters % 4) % 4 }
    }

    /// Whether rows of the frame are columns of the picture.
    pub(crate) fn is_sideways(self) -> bool {
        self.quarters % 2 == 1
    }

    /// The directions (right, down) of the picture on the frame, whose rows go along x and columns along y.
    pub(crate) fn axes(self) -> (DVec2, DVec2) {
        let mirror = if self.is_mirrored { -1.0 } else { 1.0 };
        let unturned = (DVec2::new(mirror, 0.0), DVec2::Y);
        // What was below is on the left after a turn, what was on the right below.
        (0..self.quarters % 4).fold(unturned, |(right, down), _| (-down, right))
    }

    /// What is said of it; nothing if the frame lies as it was stored.
    pub(crate) fn name(self) -> Option<String> {
        let turned = match self.quarters % 4 {
            0 => None,
            quarters => Some(format!("rotated {}°", u32::from(quarters) * 90)),
        };
        let mirrored = Some("mirrored".to_owned()).filter(|_| self.is_mirrored);
        let parts: Vec<String> = mirrored.into_iter().chain(turned).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// The zooms that make sense.
const ZOOMS: std::ops::RangeInclusive<f64> = 0.05..=200.0;
/// Nothing in a patient is farther away.
const FARTHEST_MM: f64 = 1e5;

impl Framing {
    /// Changes the zoom by a factor so that the place `about_mm` (from the middle of the picture, right and down) stays
    /// where it is seen.
    pub(crate) fn zoomed(self, factor: f64, about_mm: DVec2) -> Self {
        let zoom = (self.zoom * factor).clamp(*ZOOMS.start(), *ZOOMS.end());
        let factor = zoom / self.zoom;
        Self { zoom, shift_mm: self.shift_mm + about_mm * (1.0 - 1.0 / factor), ..self }.bounded()
    }

    /// Moves the picture's middle.
    pub(crate) fn shifted(self, by_mm: DVec2) -> Self {
        Self { shift_mm: self.shift_mm + by_mm, ..self }.bounded()
    }

    /// With a part of the plane, in mm right and down of the middle of a picture of a size, in view: as it is where the part
    /// is seen whole. Else the part comes to the middle, smaller where it would not fit.
    pub(crate) fn with_in_view(self, low: DVec2, high: DVec2, size_mm: DVec2) -> Self {
        /// What of a picture is not at its edge.
        const INNER: f64 = 0.9;
        let half = size_mm * INNER / 2.0;
        if low.cmpge(-half).all() && high.cmple(half).all() {
            return self;
        }
        let factor = (2.0 * half / (high - low).max(DVec2::splat(1e-9))).min_element().min(1.0);
        self.shifted((low + high) / 2.0).zoomed(factor, DVec2::ZERO)
    }

    fn bounded(self) -> Self {
        let shift_mm = if self.shift_mm.is_finite() { self.shift_mm } else { DVec2::ZERO };
        Self { shift_mm: shift_mm.clamp(DVec2::splat(-FARTHEST_MM), DVec2::splat(FARTHEST_MM)), ..self }
    }

    pub(crate) fn is_usable(self) -> bool {
        self.turn.quarters < 4
            && ZOOMS.contains(&self.zoom)
            && self.shift_mm.is_finite()
            && self.shift_mm.abs().max_element() <= FARTHEST_MM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_the_pointer_stays_there() {
        let before = Framing { zoom: 2.0, shift_mm: DVec2::new(10.0, -4.0), ..Framing::default() };
        let about_mm = DVec2::new(30.0, 12.0);
        let after = before.zoomed(1.5, about_mm);
        // The place in the patient, and where it is seen after the zoom: the same part of a picture 1.5 times smaller.
        let place = before.shift_mm + about_mm;
        assert!((place - after.shift_mm - about_mm / 1.5).length() < 1e-12);
        assert_eq!(after.zoom, 3.0);
    }

    #[test]
    fn frames_are_turned_and_mirrored_as_they_are_seen() {
        let turned = Turn::default().turned();
        // What was on the left of the picture is above: its right goes up the frame's columns.
        assert_eq!(turned.axes(), (-DVec2::Y, DVec2::X));
        assert_eq!(turned.turned().axes(), (-DVec2::X, -DVec2::Y));
        assert_eq!((0..4).fold(Turn::default(), |turn, _| turn.turned()), Turn::default());
        // A mirror exchanges left and right of what is seen, however that is turned.
        for quarters in 0..4 {
            for is_mirrored in [false, true] {
                let turn = Turn { is_mirrored, quarters };
                let ((right, down), mirrored) = (turn.axes(), turn.mirrored());
                assert_eq!(mirrored.axes(), (-right, down), "{turn:?}");
                assert_eq!(mirrored.mirrored(), turn);
            }
        }
        assert_eq!(Turn { is_mirrored: true, quarters: 3 }.name().as_deref(), Some("mirrored, rotated 270°"));
    }

    #[test]
    fn zooms_end() {
        let most = Framing::default().zoomed(1e9, DVec2::ONE);
        assert!(most.is_usable() && most.zoom == 200.0);
        assert!(Framing::default().shifted(DVec2::splat(f64::INFINITY)).is_usable());
    }
}
