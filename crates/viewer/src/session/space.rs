//! Patient coordinates that several series share, and the crosshair in them.

use anatome::{Grid, Planes, StandardView};
use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};

use super::{Direction, SeriesId};
use crate::document::Images;

/// A plane that is a smaller part of a slice's distance from a slice is on it.
const ON_SLICE: f64 = 0.01;
/// Planes whose normal's component differs from one by less stand across an axis: 0.03 mm at 200 mm.
const ACROSS: f64 = 1e-8;

/// A frame of reference with its crosshair. Views of one space are linked; others do not pretend to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Space {
    /// The first series that stands in it.
    pub id: SeriesId,
    /// Where the three planes meet, LPS mm.
    pub center_mm: DVec3,
    /// From the patient's axes to those of the planes, as they are turned.
    pub axes: DQuat,
    /// The same as they were before they were turned.
    pub base: DQuat,
    /// Along whose axes that was.
    pub planes: Planes,
}

impl Space {
    /// A crosshair in the middle of a grid, on the slice nearest to it, with planes along its rows and columns.
    pub(crate) fn around(id: SeriesId, grid: &Grid, planes: Planes) -> Self {
        let axes = axes_of(grid, planes);
        Self { id, center_mm: on_slice(grid, grid.center_mm()), axes, base: axes, planes }
    }

    /// The directions (right, down) of a plane's picture: those before the planes were turned, tilted the shortest way, so
    /// that a picture does not turn when the other planes are turned about its normal.
    pub(crate) fn directions(&self, direction: Direction) -> (DVec3, DVec3) {
        let (right, down) = direction.standard().directions();
        let tilt = DQuat::from_rotation_arc(self.base * right.cross(down), self.normal(direction));
        // To the last digit at a right angle.
        let right = (tilt * (self.base * right)).normalize();
        let down = tilt * (self.base * down);
        (right, (down - right * right.dot(down)).normalize())
    }

    /// The direction into the picture of a plane.
    pub(crate) fn normal(&self, direction: Direction) -> DVec3 {
        let (right, down) = direction.standard().directions();
        (self.axes * right.cross(down)).normalize()
    }

    /// Turns the planes about the crosshair.
    pub(crate) fn turned(self, axis: DVec3, angle_rad: f64) -> Self {
        let Some(axis) = axis.try_normalize().filter(|_| angle_rad.is_finite()) else { return self };
        Self { axes: (DQuat::from_axis_angle(axis, angle_rad) * self.axes).normalize(), ..self }
    }

    /// Turns the planes the shortest way so that one has a normal.
    pub(super) fn tilted(self, direction: Direction, normal: DVec3) -> Self {
        /// Less is lost in computing, in radians.
        const NEAR: f64 = 1e-6;
        let own = self.normal(direction);
        if own.angle_between(normal) < NEAR {
            return self;
        }
        Self { axes: (DQuat::from_rotation_arc(own, normal) * self.axes).normalize(), ..self }
    }

    pub(super) fn fault(&self) -> Option<&'static str> {
        let near = self.center_mm.is_finite() && self.center_mm.abs().max_element() < 1e7;
        let turned = [self.axes, self.base].iter().all(|axes| axes.is_finite() && axes.is_normalized());
        (!(near && turned)).then_some("a crosshair is not at a place")
    }
}

/// The rotation from the patient's axes to those of standard planes of a grid.
pub(super) fn axes_of(grid: &Grid, planes: Planes) -> DQuat {
    let axial = StandardView::Axial.plane(grid, planes, grid.center_mm(), 1.0);
    DQuat::from_mat3(&DMat3::from_cols(axial.right, axial.down, axial.normal())).normalize()
}

/// The nearest place to `at_mm` on the centre of a slice, along the slices' normal.
pub(crate) fn on_slice(grid: &Grid, at_mm: DVec3) -> DVec3 {
    let index = grid.index_from_patient(at_mm);
    let last = grid.size_ijk().z - 1.0;
    let snapped = grid.patient_from_index(DVec3::new(index.x, index.y, index.z.round().clamp(0.0, last)));
    let normal = grid.slice_normal();
    at_mm + normal * normal.dot(snapped - at_mm)
}

/// The slice (from 0, and how many there are) through the crosshair, if the plane lies along the slices.
pub(crate) fn slice_number(grid: &Grid, center_mm: DVec3, normal: DVec3) -> Option<(f64, usize)> {
    let count = grid.shape()[0];
    is_along_slices(grid, normal).then(|| (grid.index_from_patient(project(grid, center_mm)).z, count))
}

/// The depth at which a plane of a normal is shown that goes through the crosshair, as a place: where it lies along the
/// slices that of the nearest one, so that what is seen was acquired there and not computed between two. Beside the volume,
/// and where slices are missing, it stays where it is.
pub(crate) fn shown_mm(grid: &Grid, center_mm: DVec3, normal: DVec3) -> DVec3 {
    let Some((k, count)) = slice_number(grid, center_mm, normal) else { return center_mm };
    let is_within = k > -0.5 && k < count as f64 - 0.5;
    let missing = grid.slices().and_then(|table| table.missing_after().get(k.max(0.0) as usize)).copied();
    if !is_within || missing == Some(true) && k.fract() != 0.0 {
        center_mm
    } else {
        stepped(grid, center_mm, normal, 0.0)
    }
}

/// Whether planes of a normal lie along the slices.
pub(crate) fn is_along_slices(grid: &Grid, normal: DVec3) -> bool {
    normal.dot(grid.slice_normal()).abs() > 1.0 - 1e-9
}

/// A place of the same plane along the slices, on the line through the slices' middles, so that tilt does not matter.
fn project(grid: &Grid, at_mm: DVec3) -> DVec3 {
    let normal = grid.slice_normal();
    let last = grid.size_ijk() - DVec3::ONE;
    let ends = [0.0, last.z].map(|k| grid.patient_from_index(DVec3::new(last.x / 2.0, last.y / 2.0, k)));
    let along = if last.z > 0.0 { ends[1] - ends[0] } else { normal };
    let rise = along.dot(normal);
    ends[0] + along * (normal.dot(at_mm - ends[0]) / rise)
}

/// The crosshair's place after `steps` steps along `normal`: from slice to slice where the plane lies along the slices,
/// otherwise by the distance in which a voxel's width is crossed. Stays within the grid.
pub(crate) fn stepped(grid: &Grid, center_mm: DVec3, normal: DVec3, steps: f64) -> DVec3 {
    if is_along_slices(grid, normal) {
        let at = project(grid, center_mm);
        let index = grid.index_from_patient(at);
        let sign = normal.dot(grid.slice_normal()).signum();
        let k = (index.z + sign * steps).round().clamp(0.0, grid.size_ijk().z - 1.0);
        let to = grid.patient_from_index(DVec3::new(index.x, index.y, k));
        let along = grid.slice_normal();
        return center_mm + along * along.dot(to - at);
    }
    let to = center_mm + normal * step_mm(grid, normal) * steps;
    let along = grid.corners_mm().map(|corner| corner.dot(normal));
    let low = along.iter().copied().fold(f64::INFINITY, f64::min);
    let high = along.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let inside = to.dot(normal).clamp(low, high);
    to + normal * (inside - to.dot(normal))
}

/// The direction of the planes that follow one, in the order in which they are read: along the slices that of ascending
/// image numbers. Elsewhere from head to feet, from front to back and from left to right.
pub(crate) fn onward(space: &Space, direction: Direction, grid: &Grid, images: &Images) -> DVec3 {
    let normal = space.normal(direction);
    match images.ascend().filter(|_| is_along_slices(grid, normal)) {
        Some(true) => grid.slice_normal(),
        Some(false) => -grid.slice_normal(),
        // Axial planes are seen from the feet: into the picture is towards the head.
        None if direction == Direction::Axial => -normal,
        None => normal,
    }
}

/// Where the plane through the crosshair stands among the slices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Among {
    /// Slices before it in the order in which they are read; between two slices with a fraction.
    pub before: f64,
    pub count: usize,
    /// The number of its image, where it is one of the slices and its image has one.
    pub number: Option<i64>,
}

/// Where the plane through the crosshair stands among the slices, if it lies along them.
pub(crate) fn among(space: &Space, direction: Direction, grid: &Grid, images: &Images) -> Option<Among> {
    let normal = space.normal(direction);
    let (k, count) = slice_number(grid, shown_mm(grid, space.center_mm, normal), normal)?;
    let k = if (k - k.round()).abs() < ON_SLICE { k.round() } else { k };
    let ascends = onward(space, direction, grid, images).dot(grid.slice_normal()) > 0.0;
    let before = if ascends { k } else { count as f64 - 1.0 - k };
    Some(Among { before, count, number: images.number(k as usize).filter(|_| k.fract() == 0.0 && k >= 0.0) })
}

/// Where any plane through the crosshair stands on its way through the volume: among the slices if it lies along them,
/// else among planes a step apart.
pub(crate) fn on_its_way(space: &Space, direction: Direction, grid: &Grid, images: &Images) -> Among {
    among(space, direction, grid, images).unwrap_or_else(|| {
        let onward = onward(space, direction, grid, images);
        let step = step_mm(grid, onward);
        let along = grid.corners_mm().map(|corner| corner.dot(onward));
        let low = along.iter().copied().fold(f64::INFINITY, f64::min);
        let high = along.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // The first plane lies half a step within, as the first slice does.
        let before = (space.center_mm.dot(onward) - low) / step - 0.5;
        Among { before, count: ((high - low) / step).round().max(1.0) as usize, number: None }
    })
}

impl Among {
    /// How it is called: by its place and, where that is another, by its image's number.
    pub(crate) fn name(&self) -> String {
        let Self { before, count, number } = *self;
        if before < 0.0 || before > count as f64 - 1.0 {
            return format!("beside the {count} slices");
        }
        if before.fract() != 0.0 {
            return format!("between {} and {} / {count}", before.floor() + 1.0, before.ceil() + 1.0);
        }
        match number.filter(|number| *number as f64 != before + 1.0) {
            Some(number) => format!("Image {number}  ({} / {count})", before + 1.0),
            None => format!("{} / {count}", before + 1.0),
        }
    }
}

/// A patient coordinate with its letter, such as `L 85.8`: along x, y or z.
pub(crate) fn coordinate(at_mm: DVec3, axis: usize) -> String {
    let (plus, minus) = [("L", "R"), ("P", "A"), ("H", "F")][axis];
    // What is told as zero has no side.
    let tenths = (at_mm[axis] * 10.0).round();
    let letter = if tenths < 0.0 { minus } else { plus };
    format!("{letter} {:.1}", tenths.abs() / 10.0)
}

/// Where a plane stands in the patient: across an axis by the coordinate that all of it has, else by a place of it.
pub(crate) fn position(at_mm: DVec3, normal: DVec3) -> String {
    match (0..3).find(|&axis| normal[axis].abs() > 1.0 - ACROSS) {
        Some(axis) => format!("{} mm", coordinate(at_mm, axis)),
        None => format!("at {} mm", [0, 1, 2].map(|axis| coordinate(at_mm, axis)).join("  ")),
    }
}

/// The letters of a direction, without those that hardly count.
pub(crate) fn short_letters(direction: DVec3) -> String {
    let largest = direction.abs().max_element();
    let counted =
        DVec3::from_array(direction.to_array().map(|c| if c.abs() < 0.1 * largest { 0.0 } else { c }));
    anatome::orientation_letters(counted)
}

/// What a plane of a normal is called.
pub(crate) fn plane_name(normal: DVec3) -> String {
    let by_size = |a: &usize, b: &usize| normal[*a].abs().total_cmp(&normal[*b].abs());
    let axis = (0..3).max_by(by_size).unwrap_or(2);
    let name = ["Sagittal", "Coronal", "Axial"][axis];
    let degrees = normal[axis].abs().min(1.0).acos().to_degrees();
    if degrees < 1.0 {
        name.to_owned()
    } else {
        format!("Oblique, {degrees:.0}° from {}", name.to_lowercase())
    }
}

/// How far apart planes of a normal are to miss no voxel.
pub(crate) fn step_mm(grid: &Grid, normal: DVec3) -> f64 {
    let spacing = grid.spacing_mm();
    let axes = [grid.row_direction(), grid.column_direction(), grid.slice_normal()];
    let per_mm = axes.iter().zip(spacing.to_array()).map(|(axis, mm)| axis.dot(normal).abs() / mm);
    1.0 / per_mm.fold(1e-6, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anatome::SliceTable;
    use glam::DAffine3;

    const ID: SeriesId = SeriesId { input: 0, number: 0 };

    fn tilted() -> Grid {
        let turn = 0.3_f64;
        let column = DVec3::new(0.0, turn.cos(), -turn.sin());
        let matrix3 = DMat3::from_cols(DVec3::X * 0.5, column * 0.5, DVec3::Z * 3.0);
        Grid::even([20, 100, 90], DAffine3 { matrix3, translation: DVec3::new(4.0, 5.0, 6.0) }).unwrap()
    }

    #[test]
    fn scrolling_goes_from_slice_to_slice_even_with_a_tilted_gantry() {
        let grid = tilted();
        let space = Space::around(ID, &grid, Planes::Acquisition);
        let normal = space.normal(Direction::Axial);
        assert!(is_along_slices(&grid, normal));
        let (start, count) = slice_number(&grid, space.center_mm, normal).unwrap();
        // The middle lies between two slices.
        assert!((start - start.round()).abs() < 1e-9 && (start - 9.5).abs() < 0.6 && count == 20, "{start}");
        let mut at = space.center_mm;
        let first = start.round() as i32 + 1;
        for k in first..25 {
            at = stepped(&grid, at, normal, 1.0);
            let (now, _) = slice_number(&grid, at, normal).unwrap();
            assert!((now - f64::from(k.min(19))).abs() < 1e-9, "{k} {now}");
        }
    }

    #[test]
    fn images_are_read_in_the_order_of_their_numbers() {
        let grid = tilted();
        let space = Space::around(ID, &grid, Planes::Acquisition);
        let falling = Images::new((0..20).map(|k| Some(50 - k)).collect());
        let none = Images::default();
        let towards = |direction, images: &Images| onward(&space, direction, &grid, images);
        // Numbers count, else it goes from head to feet and from front to back.
        for (images, sign) in [(&falling, -1.0), (&none, -1.0)] {
            assert!(towards(Direction::Axial, images).dot(grid.slice_normal()) * sign > 0.999);
        }
        let rising = Images::new((0..20).map(Some).collect());
        assert_eq!(towards(Direction::Axial, &rising), grid.slice_normal());
        assert_eq!(towards(Direction::Coronal, &rising), space.normal(Direction::Coronal));
        let at = |k: f64| {
            let index = DVec3::new(40.0, 50.0, k);
            Space { center_mm: grid.patient_from_index(index), ..space }
        };
        let named = |k: f64, images: &Images| among(&at(k), Direction::Axial, &grid, images).unwrap().name();
        assert_eq!(named(19.0, &falling), "Image 31  (1 / 20)");
        assert_eq!(named(19.0, &rising), "Image 19  (20 / 20)");
        assert_eq!(named(4.0, &Images::new((1..21).map(Some).collect())), "5 / 20");
        // Between two slices the nearest is shown.
        assert_eq!(
            [named(19.0, &none), named(3.4, &none), named(19.3, &none)],
            ["1 / 20", "17 / 20", "1 / 20"]
        );
        assert_eq!(named(-0.6, &none), "beside the 20 slices");
    }

    #[test]
    fn planes_stand_where_the_patient_has_them() {
        let at = DVec3::new(85.82, -3.0, -0.04);
        assert_eq!(
            [DVec3::X, DVec3::Y, -DVec3::Z].map(|n| position(at, n)),
            ["L 85.8 mm", "A 3.0 mm", "H 0.0 mm"]
        );
        let oblique = DVec3::new(0.5, 0.0, 0.75_f64.sqrt());
        assert_eq!(position(at, oblique), "at L 85.8  A 3.0  H 0.0 mm");
        let names = [DVec3::X, -DVec3::Y, DVec3::Z, oblique].map(plane_name);
        assert_eq!(names, ["Sagittal", "Coronal", "Axial", "Oblique, 30° from axial"]);
    }

    #[test]
    fn uneven_slices_are_visited_one_by_one() {
        let table = SliceTable::new(vec![0.0, 4.0, 5.0, 12.0], vec![false, false, true]).unwrap();
        let grid = Grid::uneven([4, 8, 8], DAffine3::IDENTITY, table).unwrap();
        let mut at = on_slice(&grid, DVec3::new(3.0, 3.0, 0.4));
        let mut seen = vec![at.z];
        for _ in 0..3 {
            at = stepped(&grid, at, DVec3::Z, 1.0);
            seen.push(at.z);
        }
        assert_eq!(seen, [0.0, 4.0, 5.0, 12.0]);
        // Where slices are missing, none of them is shown in place of those.
        let shown = |z: f64| shown_mm(&grid, DVec3::new(3.0, 3.0, z), DVec3::Z).z;
        assert_eq!([1.0, 3.0, 4.6, 5.4, 12.0, 40.0].map(shown), [0.0, 4.0, 5.0, 5.4, 12.0, 40.0]);
        assert_eq!(stepped(&grid, at, -DVec3::Z, 2.0).z, 4.0);
    }

    #[test]
    fn oblique_planes_step_by_a_voxel_and_stay_inside() {
        let grid = Grid::even([10, 20, 30], DAffine3::from_scale(DVec3::new(1.0, 2.0, 4.0))).unwrap();
        assert_eq!(step_mm(&grid, DVec3::X), 1.0);
        assert_eq!(step_mm(&grid, DVec3::Y), 2.0);
        let normal = DVec3::new(1.0, 1.0, 0.0).normalize();
        let far = stepped(&grid, grid.center_mm(), normal, 1e6);
        assert!(
            far.dot(normal)
                <= grid.corners_mm().map(|c| c.dot(normal)).into_iter().fold(f64::MIN, f64::max) + 1e-9
        );
    }

    #[test]
    fn every_plane_has_a_place_on_its_way() {
        let grid = Grid::even([10, 20, 30], DAffine3::from_scale(DVec3::new(1.0, 2.0, 4.0))).unwrap();
        let space = Space::around(ID, &grid, Planes::Acquisition);
        let at = |x: f64, y: f64| {
            let space = Space { center_mm: DVec3::new(x, y, 4.0), ..space };
            [Direction::Sagittal, Direction::Coronal].map(|direction| {
                let Among { before, count, .. } = on_its_way(&space, direction, &grid, &Images::default());
                (before, count)
            })
        };
        // Sagittal planes are read from the left, coronal ones from the front.
        assert_eq!(at(29.0, 0.0), [(0.0, 30), (0.0, 20)]);
        assert_eq!(at(28.0, 6.0), [(1.0, 30), (3.0, 20)]);
    }

    #[test]
    fn turning_about_a_picture_turns_the_other_planes_only() {
        let space = Space::around(ID, &tilted(), Planes::Acquisition);
        let turned = space.turned(space.normal(Direction::Axial), 0.6);
        let (before, after) = (space.directions(Direction::Axial), turned.directions(Direction::Axial));
        assert!((before.0 - after.0).length() < 1e-9 && (before.1 - after.1).length() < 1e-9);
        let angle = space.normal(Direction::Coronal).angle_between(turned.normal(Direction::Coronal));
        assert!((angle - 0.6).abs() < 1e-9);
        for direction in Direction::ALL {
            let (right, down) = turned.directions(direction);
            assert!((right.cross(down) - turned.normal(direction)).length() < 1e-9);
        }
    }

    #[test]
    fn turning_there_and_back_changes_nothing() {
        let space = Space::around(ID, &tilted(), Planes::Patient);
        let back = space.turned(DVec3::new(1.0, 2.0, 3.0), 0.7).turned(DVec3::new(1.0, 2.0, 3.0), -0.7);
        assert!(back.axes.dot(space.axes).abs() > 1.0 - 1e-12);
        assert_eq!(space.turned(DVec3::ZERO, 1.0), space);
        assert_eq!(space.turned(DVec3::X, f64::NAN), space);
    }
}
