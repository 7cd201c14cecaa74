//! Positions of slices that are not evenly spaced.

use serde::{Deserialize, Serialize};

use crate::{GeometryFault, Result};

/// Where the slices of an uneven grid stand along its third lattice axis.
///
/// Between two slices the index k grows linearly with the position. An interval marked missing holds no samples:
/// slices were expected there and are not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceTable {
    z_mm: Vec<f64>,
    missing_after: Vec<bool>,
}

impl SliceTable {
    /// A table from positions in millimetres along the slice normal, strictly increasing, and one flag for each
    /// interval between neighbours that says whether slices are missing there.
    ///
    /// # Errors
    /// Geometry, if there are fewer than two positions, they do not increase strictly or are not finite, or the
    /// number of flags is not one less.
    pub fn new(z_mm: Vec<f64>, missing_after: Vec<bool>) -> Result<Self> {
        let increasing = z_mm.windows(2).all(|pair| pair[1] > pair[0]);
        if z_mm.len() < 2
            || !increasing
            || z_mm.iter().any(|z| !z.is_finite())
            || missing_after.len() + 1 != z_mm.len()
        {
            return Err(GeometryFault::SlicePositions { slices: z_mm.len() }.into());
        }
        Ok(Self { z_mm, missing_after })
    }

    /// The positions, in millimetres along the slice normal.
    #[must_use]
    pub fn z_mm(&self) -> &[f64] {
        &self.z_mm
    }

    /// For each interval between slices k and k + 1, whether slices are missing there.
    #[must_use]
    pub fn missing_after(&self) -> &[bool] {
        &self.missing_after
    }

    /// The width of the interval after slice `k` in millimetres; beyond the ends the nearest interval's.
    #[must_use]
    pub fn gap_mm(&self, k: usize) -> f64 {
        let k = k.min(self.z_mm.len() - 2);
        self.z_mm[k + 1] - self.z_mm[k]
    }

    /// The smallest interval in millimetres.
    #[must_use]
    pub fn smallest_gap_mm(&self) -> f64 {
        self.z_mm.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min)
    }

    /// The continuous slice index at a position; outside it goes on with the nearest interval's width.
    #[must_use]
    pub fn k_from_z(&self, z_mm: f64) -> f64 {
        let k = self.interval(z_mm);
        k as f64 + (z_mm - self.z_mm[k]) / self.gap_mm(k)
    }

    /// The position of a continuous slice index; outside it goes on with the nearest interval's width.
    #[must_use]
    pub fn z_from_k(&self, k: f64) -> f64 {
        let below = (k.floor().max(0.0) as usize).min(self.z_mm.len() - 2);
        self.z_mm[below] + (k - below as f64) * self.gap_mm(below)
    }

    /// The interval that holds a position: the largest k with `z_mm[k] <= z_mm`, clamped to the table.
    #[must_use]
    pub fn interval(&self, z_mm: f64) -> usize {
        self.z_mm.partition_point(|&z| z <= z_mm).saturating_sub(1).min(self.z_mm.len() - 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_position_invert_each_other_inside_and_outside() {
        let table = SliceTable::new(vec![0.0, 4.0, 5.08, 12.08], vec![false; 3]).unwrap();
        for z in [-3.0, 0.0, 2.0, 4.0, 4.5, 5.08, 11.0, 12.08, 15.0] {
            assert!((table.z_from_k(table.k_from_z(z)) - z).abs() < 1e-12, "{z}");
        }
        assert_eq!(table.k_from_z(2.0), 0.5);
        assert_eq!(table.k_from_z(-2.0), -0.5);
    }

    #[test]
    fn positions_must_increase() {
        assert!(SliceTable::new(vec![0.0, 0.0], vec![false]).is_err());
        assert!(SliceTable::new(vec![0.0, f64::NAN], vec![false]).is_err());
        assert!(SliceTable::new(vec![0.0, 1.0], vec![]).is_err());
        assert!(SliceTable::new(vec![0.0], vec![]).is_err());
    }
}
