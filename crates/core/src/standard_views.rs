//! The views that radiologists expect, for any grid.

use glam::{DMat3, DVec3};
use serde::{Deserialize, Serialize};

use crate::{Camera, Grid, Lens, SlicePlane};

/// A standard direction of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandardView {
    /// From the feet, the front up: the patient's right is on the left of the picture.
    Axial,
    /// From the front, the head up: the patient's right is on the left of the picture.
    Coronal,
    /// From the patient's left, the head up: the front is on the left of the picture.
    Sagittal,
}

/// Along whose axes standard planes are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Planes {
    /// The patient's.
    #[default]
    Patient,
    /// The acquisition's: rows, columns and their normal, each taken for the patient's axis that it is nearest to.
    Acquisition,
}

impl StandardView {
    /// The directions (right, down) of the picture in LPS, for planes along the patient's axes.
    #[must_use]
    pub fn directions(self) -> (DVec3, DVec3) {
        match self {
            Self::Axial => (DVec3::X, DVec3::Y),
            Self::Coronal => (DVec3::X, -DVec3::Z),
            Self::Sagittal => (DVec3::Y, -DVec3::Z),
        }
    }

    /// The plane through `center_mm`, wide enough that all of the grid's outline fits a picture `aspect` times as wide
    /// as it is high.
    #[must_use]
    pub fn plane(self, grid: &Grid, planes: Planes, center_mm: DVec3, aspect: f64) -> SlicePlane {
        let (right, down) = self.directions();
        let axes = match planes {
            Planes::Patient => DMat3::IDENTITY,
            Planes::Acquisition => acquisition_axes(grid),
        };
        let (right, down) = (axes * right, axes * down);
        let middle = grid.center_mm();
        // Centre the picture on the grid within the plane, whatever point of the plane was asked for.
        let normal = right.cross(down);
        let center_mm = middle + normal * normal.dot(center_mm - middle);
        let width_mm = extent(grid, right).max(extent(grid, down) * aspect);
        SlicePlane { center_mm, right, down, width_mm }
    }

    /// An orthographic camera in this direction at which all of the grid fits the picture.
    #[must_use]
    pub fn camera(self, grid: &Grid, aspect: f64) -> Camera {
        let (right, down) = self.directions();
        let target_mm = grid.center_mm();
        let height_mm = extent(grid, down).max(extent(grid, right) / aspect);
        let distance = 2.0 * grid.corners_mm().iter().map(|c| c.distance(target_mm)).fold(0.0, f64::max);
        let eye_mm = target_mm - right.cross(down) * distance;
        Camera { eye_mm, target_mm, up: -down, lens: Lens::Orthographic { height_mm } }
    }
}

/// The extent of a grid along a unit direction in mm.
fn extent(grid: &Grid, direction: DVec3) -> f64 {
    let along = grid.corners_mm().map(|corner| corner.dot(direction));
    let (low, high) =
        along.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &a| (l.min(a), h.max(a)));
    high - low
}

/// A rotation whose columns are the grid's row, column and normal directions, each in the place and with the sign of
/// the patient axis that it is nearest to.
fn acquisition_axes(grid: &Grid) -> DMat3 {
    let row = grid.row_direction();
    let normal = grid.slice_normal();
    let column =
        normal.cross(row) * if normal.cross(row).dot(grid.column_direction()) < 0.0 { -1.0 } else { 1.0 };
    let axes = [row, column, normal];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let agreement = |order: &[usize; 3]| (0..3).map(|p| axes[order[p]][p].abs()).sum::<f64>();
    let best = orders.into_iter().max_by(|a, b| agreement(a).total_cmp(&agreement(b))).unwrap_or(orders[0]);
    let column_of = |p: usize| axes[best[p]] * axes[best[p]][p].signum();
    let axes = DMat3::from_cols(column_of(0), column_of(1), column_of(2));
    if axes.determinant() < 0.0 { DMat3::IDENTITY } else { axes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DAffine3;

    fn grid(matrix3: DMat3) -> Grid {
        Grid::even([10, 20, 30], DAffine3 { matrix3, translation: DVec3::new(5.0, 6.0, 7.0) }).unwrap()
    }

    #[test]
    fn the_axial_plane_is_seen_from_the_feet() {
        let plane = StandardView::Axial.plane(&grid(DMat3::IDENTITY), Planes::Patient, DVec3::ZERO, 1.0);
        // The normal points away from the viewer: towards the head.
        assert_eq!(plane.normal(), DVec3::Z);
        assert_eq!(plane.width_mm, 30.0);
        let coronal = StandardView::Coronal.plane(&grid(DMat3::IDENTITY), Planes::Patient, DVec3::ZERO, 1.0);
        assert_eq!(coronal.normal(), DVec3::Y);
        // The light ray goes towards the patient's right: seen from the left.
        let sagittal =
            StandardView::Sagittal.plane(&grid(DMat3::IDENTITY), Planes::Patient, DVec3::ZERO, 1.0);
        assert_eq!(sagittal.normal(), -DVec3::X);
    }

    /// A sagittal acquisition: rows go to the back, columns to the feet, slices to the left.
    #[test]
    fn acquisition_planes_of_an_oblique_sagittal_series_stay_near_the_patients() {
        let turn = DMat3::from_rotation_x(0.2) * DMat3::from_rotation_z(0.1);
        let grid = grid(turn * DMat3::from_cols(DVec3::Y, -DVec3::Z, DVec3::X * 4.0));
        for view in [StandardView::Axial, StandardView::Coronal, StandardView::Sagittal] {
            let (right, down) = view.directions();
            let plane = view.plane(&grid, Planes::Acquisition, grid.center_mm(), 1.0);
            assert!(plane.check().is_ok());
            assert!(plane.right.dot(right) > 0.97 && plane.down.dot(down) > 0.97, "{view:?} {plane:?}");
        }
        let sagittal = StandardView::Sagittal.plane(&grid, Planes::Acquisition, grid.center_mm(), 1.0);
        assert!((sagittal.right - grid.row_direction()).length() < 1e-12);
    }
}
