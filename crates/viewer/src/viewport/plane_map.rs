//! From places on the screen to places in the patient, and back.

use anatome::SlicePlane;
use egui::{Pos2, Rect};
use glam::{DVec2, DVec3};

/// A plane, and where on the screen its picture is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlaneMap {
    /// In points.
    pub rect: Rect,
    pub plane: SlicePlane,
}

impl PlaneMap {
    /// Millimetres a point of the screen.
    pub(crate) fn point_mm(&self) -> f64 {
        self.plane.width_mm / f64::from(self.rect.width()).max(1.0)
    }

    /// How many mm right and down of the picture's middle a place of the screen is.
    pub(crate) fn flat_mm(&self, at: Pos2) -> DVec2 {
        let from = at - self.rect.center();
        DVec2::new(from.x.into(), from.y.into()) * self.point_mm()
    }

    /// The place in the patient under a place of the screen.
    pub(crate) fn patient_mm(&self, at: Pos2) -> DVec3 {
        let DVec2 { x, y } = self.flat_mm(at);
        self.plane.center_mm + self.plane.right * x + self.plane.down * y
    }

    /// Where a place in the patient is seen, along the normal.
    pub(crate) fn screen(&self, at_mm: DVec3) -> Pos2 {
        let from = at_mm - self.plane.center_mm;
        let per_mm = 1.0 / self.point_mm();
        let [x, y] = [from.dot(self.plane.right), from.dot(self.plane.down)].map(|mm| (mm * per_mm) as f32);
        self.rect.center() + egui::vec2(x, y)
    }

    /// How far behind (positive) the plane a place is.
    pub(crate) fn depth_mm(&self, at_mm: DVec3) -> f64 {
        (at_mm - self.plane.center_mm).dot(self.plane.normal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_is_where_it_was() {
        let rect = Rect::from_min_size(egui::pos2(40.0, 30.0), egui::vec2(300.0, 200.0));
        let (right, down) = (DVec3::new(0.6, 0.8, 0.0), DVec3::NEG_Z);
        let plane = SlicePlane { center_mm: DVec3::new(1.0, 2.0, 3.0), right, down, width_mm: 150.0 };
        let map = PlaneMap { rect, plane };
        assert_eq!(map.point_mm(), 0.5);
        let at = egui::pos2(71.0, 190.0);
        let back = map.screen(map.patient_mm(at));
        assert!((back - at).length() < 1e-3, "{back:?}");
        assert_eq!(map.patient_mm(rect.center()), plane.center_mm);
        assert!(map.depth_mm(map.patient_mm(at) + plane.normal() * 4.0) - 4.0 < 1e-9);
    }
}
