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
}

impl Default for Framing {
    fn default() -> Self {
        Self { zoom: 1.0, shift_mm: DVec2::ZERO }
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
        Self { zoom, shift_mm: self.shift_mm + about_mm * (1.0 - 1.0 / factor) }.bounded()
    }

    /// Moves the picture's middle.
    pub(crate) fn shifted(self, by_mm: DVec2) -> Self {
        Self { shift_mm: self.shift_mm + by_mm, ..self }.bounded()
    }

    fn bounded(self) -> Self {
        let shift_mm = if self.shift_mm.is_finite() { self.shift_mm } else { DVec2::ZERO };
        Self { shift_mm: shift_mm.clamp(DVec2::splat(-FARTHEST_MM), DVec2::splat(FARTHEST_MM)), ..self }
    }

    pub(crate) fn is_usable(self) -> bool {
        ZOOMS.contains(&self.zoom)
            && self.shift_mm.is_finite()
            && self.shift_mm.abs().max_element() <= FARTHEST_MM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_the_pointer_stays_there() {
        let before = Framing { zoom: 2.0, shift_mm: DVec2::new(10.0, -4.0) };
        let about_mm = DVec2::new(30.0, 12.0);
        let after = before.zoomed(1.5, about_mm);
        // The place in the patient, and where it is seen after the zoom: the same part of a picture 1.5 times smaller.
        let place = before.shift_mm + about_mm;
        assert!((place - after.shift_mm - about_mm / 1.5).length() < 1e-12);
        assert_eq!(after.zoom, 3.0);
    }

    #[test]
    fn zooms_end() {
        let most = Framing::default().zoomed(1e9, DVec2::ONE);
        assert!(most.is_usable() && most.zoom == 200.0);
        assert!(Framing::default().shifted(DVec2::splat(f64::INFINITY)).is_usable());
    }
}
