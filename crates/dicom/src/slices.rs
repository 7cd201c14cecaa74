//! From positions and directions of slices to a grid (PS3.3 C.7.6.2).

use anatome_core::{Grid, NoteCode, Notes, SliceTable};
use glam::{DAffine3, DMat3, DVec3};

use crate::{Error, StackFault};

/// Directions may be off from orthonormal by this much; more is refused.
const ORTHONORMAL: f64 = 1e-3;
/// Directions that are off by more than this are corrected with a note, below without one: it is how files round.
const ORTHONORMAL_QUIET: f64 = 1e-4;
/// Distances between slices that agree within this part of their mean are even.
const EVEN: f64 = 0.01;
/// They are even, too, within this many mm, which is how positions are rounded; never more than `EVEN_MOST`.
const EVEN_MM: f64 = 0.01;
/// The largest part of the mean that `EVEN_MM` may stand for.
const EVEN_MOST: f64 = 0.05;
/// A gap is n spacings wide if it differs from that by at most this part of a spacing.
const WHOLE: f64 = 0.1;
/// A gap that is wider than this many times what is usual on both of its sides is not bridged: what lies in it was not
/// looked at. Protocols change by less, and have more such gaps on one side.
const FAR: f64 = 5.0;
/// Of two lone slices only the thickness says what is far: they are further apart than this many of them.
const FAR_THICKNESSES: f64 = 10.0;
/// First voxels may leave their line by this part of a pixel: a tenth is no more than positions' rounding and jitter.
pub(crate) const ON_LINE_PX: f64 = 0.1;
/// Positions that differ by less than this part of the usual gap are one position.
const SAME: f64 = 0.01;
/// And so are those that differ by less than this part of a pixel: where each phase has positions of its own rounding,
/// that is the usual gap.
const SAME_PX: f64 = 0.02;
/// A line through the first voxels that leans by more than this is gantry tilt, not rounding.
const TILT_RAD: f64 = 2e-3;

/// Row and column directions made orthonormal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Directions {
    pub row: DVec3,
    pub column: DVec3,
}

impl Directions {
    /// # Errors
    /// Geometry, if they are off by more than the tolerance.
    pub fn new(row: DVec3, column: DVec3, notes: &mut Notes) -> Result<Self, StackFault> {
        let errors = [row.length() - 1.0, column.length() - 1.0, row.dot(column)];
        let error = errors.iter().fold(0.0, |worst: f64, e| worst.max(e.abs()));
        if error > ORTHONORMAL || !error.is_finite() {
            return Err(StackFault::NotOrthonormal { error });
        }
        if error > ORTHONORMAL_QUIET {
            let text = format!("the orientation was off from right angles by {error:.1e} and was corrected");
            notes.add(NoteCode::OrientationCorrected, text);
        }
        let row = row.normalize();
        let column = (column - row * row.dot(column)).normalize();
        Ok(Self { row, column })
    }

    pub fn normal(&self) -> DVec3 {
        self.row.cross(self.column)
    }
}

/// From atoms to elephants.
pub(crate) const SPACING_MM: std::ops::RangeInclusive<f64> = 1e-7..=1e6;

/// The furthest place of a slice. In f64 that leaves a nanometre.
pub(crate) const FARTHEST_MM: f64 = 1e7;

/// What a grid is made of: slices in order along the normal.
#[derive(Clone, Debug)]
pub(crate) struct Slices {
    pub rows: usize,
    pub columns: usize,
    pub directions: Directions,
    /// Between rows (along j), then between columns (along i), in mm.
    pub pixel_spacing_mm: [f64; 2],
    /// The centres of the first voxels, along the normal.
    pub origins_mm: Vec<DVec3>,
    pub slice_thickness_mm: Option<f64>,
}

impl Slices {
    /// The grid, with notes on everything that is not plain about it.
    pub fn grid(&self, notes: &mut Notes) -> Result<Grid, Error> {
        self.check_proportion()?;
        let [row_spacing, column_spacing] = self.pixel_spacing_mm;
        let normal = self.directions.normal();
        let (Some(&first), Some(&last)) = (self.origins_mm.first(), self.origins_mm.last()) else {
            return Err(StackFault::NoPosition { images: 0 }.into());
        };
        let count = self.origins_mm.len();
        let shape = [count, self.rows, self.columns];
        let affine = |step: DVec3| DAffine3 {
            matrix3: DMat3::from_cols(
                self.directions.row * column_spacing,
                self.directions.column * row_spacing,
                step,
            ),
            translation: first,
        };
        if count == 1 {
            let thickness = self.slice_thickness_mm;
            let source = if thickness.is_some() { "its thickness" } else { "1 mm" };
            notes.add(NoteCode::Assumed, format!("a single slice: {source} stands for the slice spacing"));
            return Ok(Grid::even(shape, affine(normal * thickness.unwrap_or(1.0)))?);
        }
        let z_mm: Vec<f64> = self.origins_mm.iter().map(|&origin| (origin - first).dot(normal)).collect();
        let depth = (last - first).dot(normal);
        let step = (last - first) / depth;
        if !step.is_finite() || z_mm.windows(2).any(|pair| pair[1] <= pair[0]) {
            return Err(StackFault::SamePlane.into());
        }
        self.check_line(first, step, &z_mm)?;
        let tilt = normal.dot(step.normalize()).clamp(-1.0, 1.0).acos();
        if tilt > TILT_RAD {
            let text = format!("the slices are sheared by {:.2} degrees (gantry tilt)", tilt.to_degrees());
            notes.add(NoteCode::GantryTilt, text);
        }
        let gaps = Gaps::new(&z_mm);
        let lone = count == 2 && self.slice_thickness_mm.is_some_and(|mm| depth > FAR_THICKNESSES * mm);
        if lone {
            notes.add(
                NoteCode::MissingSlices,
                format!("two slices {depth:.1} mm apart: nothing is between them"),
            );
            return Ok(Grid::uneven(shape, affine(step), SliceTable::new(z_mm, vec![true])?)?);
        }
        if gaps.are_even(&z_mm) {
            let step = (last - first) / (count - 1) as f64;
            return Ok(Grid::even(shape, affine(step))?);
        }
        let table = SliceTable::new(z_mm, gaps.missing(notes))?;
        Ok(Grid::uneven(shape, affine(step), table)?)
    }

    /// Refuses numbers with which nothing could be computed.
    fn check_proportion(&self) -> Result<(), StackFault> {
        let spacings = self.pixel_spacing_mm.into_iter().chain(self.slice_thickness_mm);
        let odd = spacings.into_iter().find(|mm| !SPACING_MM.contains(mm));
        let far =
            self.origins_mm.iter().map(|origin| origin.abs().max_element()).find(|&mm| mm > FARTHEST_MM);
        odd.or(far).map_or(Ok(()), |mm| Err(StackFault::OutOfProportion { mm }))
    }

    fn check_line(&self, first: DVec3, step: DVec3, z_mm: &[f64]) -> Result<(), StackFault> {
        let off = |(&origin, &z): (&DVec3, &f64)| (origin - first - step * z).length();
        let deviation_mm = self.origins_mm.iter().zip(z_mm).map(off).fold(0.0, f64::max);
        let [row_spacing, column_spacing] = self.pixel_spacing_mm;
        if deviation_mm > ON_LINE_PX * row_spacing.min(column_spacing) {
            return Err(StackFault::OffLine { deviation_mm });
        }
        Ok(())
    }
}

/// For each position (ascending) the number of the place where it stands: equal positions share one.
pub(crate) fn slots(z_mm: &[f64], pixel_mm: Option<f64>) -> Vec<usize> {
    let mut gaps: Vec<f64> =
        z_mm.windows(2).map(|pair| pair[1] - pair[0]).filter(|&gap| gap > 1e-4).collect();
    let usual = if gaps.is_empty() { 0.0 } else { median(&mut gaps) };
    let same = (SAME * usual).max(SAME_PX * pixel_mm.unwrap_or(0.0)).max(1e-4);
    let mut slots: Vec<usize> = Vec::with_capacity(z_mm.len());
    let mut place = None;
    for &z in z_mm {
        let next = match (place, slots.last()) {
            (Some(from), Some(&slot)) if z - from <= same => slot,
            (_, last) => {
                place = Some(z);
                last.map_or(0, |&slot| slot + 1)
            }
        };
        slots.push(next);
    }
    slots
}

/// One slice in so many may be missing where spacing is regular, or one at all.
const FEW_MISSING: usize = 20;

/// Whether positions (ascending) are one spacing apart, or a whole number of spacings at a few gaps.
pub(crate) fn is_regular(z_mm: &[f64]) -> bool {
    let missing: f64 = spacings(z_mm).iter().map(|n| n.round() - 1.0).sum();
    is_grid(z_mm) && missing <= (z_mm.len() / FEW_MISSING).max(1) as f64
}

/// The same, however many gaps there are.
pub(crate) fn is_grid(z_mm: &[f64]) -> bool {
    spacings(z_mm).into_iter().all(|n| n > 0.5 && (n - n.round()).abs() <= WHOLE)
}

/// Each gap in usual ones.
fn spacings(z_mm: &[f64]) -> Vec<f64> {
    let gaps: Vec<f64> = z_mm.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let usual = median(&mut gaps.clone());
    gaps.into_iter().map(|gap| gap / usual).collect()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Gaps on either side that say what is usual.
const NEAR: usize = 3;

/// The distances between neighbouring slices in mm.
struct Gaps(Vec<f64>);

impl Gaps {
    fn new(z_mm: &[f64]) -> Self {
        Self(z_mm.windows(2).map(|pair| pair[1] - pair[0]).collect())
    }

    fn tolerance(mean: f64) -> f64 {
        (EVEN * mean).max(EVEN_MM.min(EVEN_MOST * mean))
    }

    /// All gaps agree, and no slice is further from its even place than one gap may be wrong.
    fn are_even(&self, z_mm: &[f64]) -> bool {
        let mean = self.0.iter().sum::<f64>() / self.0.len() as f64;
        let tolerance = Self::tolerance(mean);
        let gaps = self.0.iter().all(|gap| (gap - mean).abs() <= tolerance);
        gaps && z_mm.iter().enumerate().all(|(k, z)| (z - k as f64 * mean).abs() <= tolerance)
    }

    /// For each gap, whether slices are missing in it.
    fn missing(&self, notes: &mut Notes) -> Vec<bool> {
        let spacings: Vec<usize> = (0..self.0.len()).map(|k| self.spacings(k)).collect();
        let far: Vec<bool> =
            spacings.iter().enumerate().map(|(k, &spacings)| spacings == 1 && self.is_far(k)).collect();
        let missing: usize = spacings.iter().map(|n| n - 1).sum();
        if missing > 0 {
            let places = spacings.iter().filter(|&&n| n > 1).count();
            let (slices, are) = if missing == 1 { ("slice", "is") } else { ("slices", "are") };
            let places = if places == 1 { "1 place".to_owned() } else { format!("{places} places") };
            notes.add(NoteCode::MissingSlices, format!("{missing} {slices} {are} missing at {places}"));
        }
        let widest =
            self.0.iter().zip(&far).filter(|&(_, &far)| far).map(|(&gap, _)| gap).fold(0.0, f64::max);
        if widest > 0.0 {
            let places = far.iter().filter(|&&far| far).count();
            let text = format!("parts of the series are up to {widest:.1} mm apart ({places} places)");
            notes.add(NoteCode::MissingSlices, text);
        }
        let is_missing = |k: usize| far.get(k) == Some(&true) || spacings.get(k).is_some_and(|&n| n > 1);
        let present: Vec<f64> =
            self.0.iter().enumerate().filter(|&(k, _)| !is_missing(k)).map(|(_, &gap)| gap).collect();
        let low = present.iter().copied().fold(f64::INFINITY, f64::min);
        let high = present.iter().copied().fold(0.0, f64::max);
        if high - low > Self::tolerance(f64::midpoint(low, high)) {
            let text = format!("the distance between slices varies from {low:.3} to {high:.3} mm");
            notes.add(NoteCode::UnevenSpacing, text);
        } else if missing == 0 && widest == 0.0 {
            notes.add(
                NoteCode::UnevenSpacing,
                "the distances between slices drift; their own positions are used",
            );
        }
        (0..self.0.len()).map(is_missing).collect()
    }

    /// Whether a gap is far wider than those near it on either side.
    fn is_far(&self, k: usize) -> bool {
        let (before, after) = self.near(k);
        let usual = [before, after].map(|side| {
            let mut side = side.to_vec();
            if side.is_empty() { 0.0 } else { median(&mut side) }
        });
        let usual = usual.into_iter().fold(0.0, f64::max);
        usual > 0.0 && self.0.get(k).is_some_and(|&gap| gap > FAR * usual)
    }

    /// Up to three gaps on either side of one.
    fn near(&self, k: usize) -> (&[f64], &[f64]) {
        let before = self.0.get(k.saturating_sub(NEAR)..k).unwrap_or_default();
        let after = self.0.get(k + 1..(k + 1 + NEAR).min(self.0.len())).unwrap_or_default();
        (before, after)
    }

    /// How many spacings wide gap `k` is, judged by up to three gaps on either side. A change of the protocol has
    /// another spacing behind it, a missing slice the same on both sides.
    fn spacings(&self, k: usize) -> usize {
        let (before, after) = self.near(k);
        let agree = |a: f64, b: f64| (a - b).abs() <= WHOLE * a.min(b);
        let spacing = match (before, after) {
            ([], []) => return 1,
            // At an end one side has to be of one mind.
            ([], side) | (side, []) => {
                let mut side = side.to_vec();
                let middle = median(&mut side);
                if side.len() < NEAR || !side.iter().all(|&gap| agree(gap, middle)) {
                    return 1;
                }
                middle
            }
            (before, after) => {
                let (before, after) = (median(&mut before.to_vec()), median(&mut after.to_vec()));
                if !agree(before, after) {
                    return 1;
                }
                f64::midpoint(before, after)
            }
        };
        let ratio = self.0.get(k).map_or(1.0, |gap| gap / spacing);
        let whole = ratio.round();
        let is_whole = whole >= 2.0 && (ratio - whole).abs() <= WHOLE && whole < 1e6;
        if is_whole { whole as usize } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(origins: impl IntoIterator<Item = DVec3>) -> Slices {
        let directions = Directions::new(DVec3::X, DVec3::Y, &mut Notes::new()).unwrap();
        Slices {
            rows: 4,
            columns: 5,
            directions,
            pixel_spacing_mm: [0.7, 0.5],
            origins_mm: origins.into_iter().collect(),
            slice_thickness_mm: Some(2.5),
        }
    }

    fn at(z_mm: &[f64]) -> (Grid, Notes) {
        let mut notes = Notes::new();
        let grid = stack(z_mm.iter().map(|&z| DVec3::new(-10.0, -20.0, z))).grid(&mut notes).unwrap();
        (grid, notes)
    }

    #[test]
    fn spacing_comes_from_positions_in_the_files_order_of_axes() {
        let (grid, notes) = at(&[5.0, 8.0, 11.0]);
        assert!(notes.is_empty());
        assert_eq!(grid.shape(), [3, 4, 5]);
        assert!((grid.spacing_mm() - DVec3::new(0.5, 0.7, 3.0)).length() < 1e-12);
        let p = grid.patient_from_index(DVec3::new(1.0, 2.0, 1.0));
        assert!((p - DVec3::new(-9.5, -18.6, 8.0)).length() < 1e-12);
    }

    /// PS3.3 C.7.6.2.1-1 with a gantry tilt of 20 degrees.
    #[test]
    fn gantry_tilt_stays_a_shear() {
        let tilt = 20f64.to_radians();
        let mut notes = Notes::new();
        let column = DVec3::new(0.0, tilt.cos(), -tilt.sin());
        let mut stack = stack((0..10).map(|k| DVec3::new(0.0, 0.0, 5.0 * f64::from(k))));
        stack.directions = Directions::new(DVec3::X, column, &mut notes).unwrap();
        let grid = stack.grid(&mut notes).unwrap();
        assert!((grid.spacing_mm().z - 4.69846).abs() < 5e-6);
        assert!((grid.tilt_rad() - tilt).abs() < 1e-9);
        assert!(notes.has(NoteCode::GantryTilt) && grid.slices().is_none());
    }

    #[test]
    fn jitter_is_even_and_a_missing_slice_is_not() {
        assert!(at(&[0.0, 3.27, 6.55, 9.82, 13.09]).0.slices().is_none());
        let (grid, notes) = at(&[0.0, 3.0, 6.0, 12.0, 15.0, 18.0]);
        assert_eq!(grid.slices().unwrap().missing_after(), [false, false, true, false, false]);
        assert!(notes.has(NoteCode::MissingSlices) && !notes.has(NoteCode::UnevenSpacing));
    }

    #[test]
    fn missing_slices_are_found_at_an_end_and_beside_each_other() {
        let missing = |z: &[f64]| at(z).0.slices().unwrap().missing_after().to_vec();
        assert_eq!(missing(&[0.0, 2.0, 3.0, 4.0, 5.0]), [true, false, false, false]);
        assert_eq!(missing(&[0.0, 1.0, 2.0, 5.0, 6.0, 8.0, 9.0, 10.0])[2..5], [true, false, true]);
    }

    #[test]
    fn parts_far_apart_are_not_bridged() {
        let missing = |z: &[f64]| at(z).0.slices().map(|table| table.missing_after().to_vec());
        assert_eq!(missing(&[0.0, 2.0, 4.0, 206.5, 208.5]), Some(vec![false, false, true, false]));
        assert_eq!(missing(&[0.0, 2.0, 204.5]), Some(vec![false, true]));
        // Thin slices at wide intervals behind contiguous ones.
        assert_eq!(missing(&[0.0, 1.0, 2.0, 3.0, 13.0, 23.0, 33.0]), Some(vec![false; 6]));
        // 2.5 mm thick.
        assert_eq!((missing(&[0.0, 202.5]), missing(&[0.0, 20.0])), (Some(vec![true]), None));
        let (_, notes) = at(&[0.0, 2.0, 4.0, 206.5, 208.5]);
        assert!(notes.has(NoteCode::MissingSlices) && !notes.has(NoteCode::UnevenSpacing));
    }

    #[test]
    fn a_change_of_protocol_is_uneven_and_nothing_is_missing() {
        for gaps in [&[4.0, 4.0, 4.0, 1.08, 7.0, 7.0, 7.0][..], &[4.0, 4.0, 4.0, 8.0, 8.0, 8.0]] {
            let mut z = vec![0.0];
            for gap in gaps {
                z.push(z.last().unwrap() + gap);
            }
            let (grid, notes) = at(&z);
            assert!(grid.slices().unwrap().missing_after().iter().all(|missing| !missing), "{gaps:?}");
            assert!(notes.has(NoteCode::UnevenSpacing) && !notes.has(NoteCode::MissingSlices));
        }
    }

    #[test]
    fn slices_off_their_line_are_no_volume() {
        let mut origins: Vec<DVec3> = (0..5).map(|k| DVec3::new(0.0, 0.0, f64::from(k))).collect();
        origins[2].x = 0.2;
        let result = stack(origins).grid(&mut Notes::new());
        assert!(matches!(result, Err(Error::Geometry(StackFault::OffLine { .. }))));
    }

    #[test]
    fn directions_are_corrected_or_refused() {
        let mut notes = Notes::new();
        let d = Directions::new(DVec3::X * 1.0005, DVec3::new(0.0003, 1.0, 0.0), &mut notes).unwrap();
        assert!(d.row.is_normalized() && d.column.is_normalized() && d.row.dot(d.column).abs() < 1e-15);
        assert!(notes.has(NoteCode::OrientationCorrected));
        for (row, column) in
            [(DVec3::X, DVec3::X), (DVec3::ZERO, DVec3::Y), (DVec3::X, DVec3::new(0.01, 1.0, 0.0))]
        {
            assert!(Directions::new(row, column, &mut notes).is_err());
        }
    }

    #[test]
    fn few_missing_slices_are_regular_and_other_spacings_are_not() {
        assert!(is_regular(&[1.0]) && is_regular(&[0.0, 2.0, 4.1, 6.0, 10.0]));
        assert!(!is_regular(&[0.0, 0.3, 5.0, 5.3]) && !is_regular(&[0.0, 5.0, 10.0, 12.5, 15.0, 17.5, 20.0]));
        // Three of eight.
        let gaps = [0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 9.0, 10.0];
        assert!(!is_regular(&gaps) && is_grid(&gaps) && !is_grid(&[0.0, 1.0, 2.0, 3.3]));
    }

    #[test]
    fn equal_positions_share_a_slot() {
        assert_eq!(slots(&[0.0, 0.0, 3.0, 3.001, 6.0], None), [0, 0, 1, 1, 2]);
        assert_eq!(slots(&[1.0, 1.0], None), [0, 0]);
        assert_eq!(slots(&[0.0, 0.01, 0.02], None), [0, 1, 2]);
        assert_eq!(slots(&[0.0, 0.003, 3.0, 3.002, 6.0, 6.004], Some(0.5)), [0, 0, 1, 1, 2, 2]);
    }
}
