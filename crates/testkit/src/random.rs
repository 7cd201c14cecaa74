//! Seeded pseudo-random numbers for property-style tests.

use glam::{DMat3, DQuat, DVec3};

/// A generator whose numbers depend on its seed alone (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `low` to below `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.bits() >> 11) as f64 / (1u64 << 53) as f64)
    }

    /// A whole number from `low` to `high`, both included.
    pub fn whole(&mut self, low: usize, high: usize) -> usize {
        low + (self.bits() % (high - low + 1) as u64) as usize
    }

    /// A point in the box from `low` to `high`.
    pub fn point(&mut self, low: DVec3, high: DVec3) -> DVec3 {
        DVec3::from_array([0, 1, 2].map(|axis| self.between(low[axis], high[axis])))
    }

    /// A unit vector, evenly over the sphere.
    pub fn direction(&mut self) -> DVec3 {
        loop {
            let p = self.point(DVec3::NEG_ONE, DVec3::ONE);
            if (0.01..1.0).contains(&p.length_squared()) {
                return p.normalize();
            }
        }
    }

    /// A rotation.
    pub fn rotation(&mut self) -> DMat3 {
        let axis = self.direction();
        DMat3::from_quat(DQuat::from_axis_angle(axis, self.between(0.0, std::f64::consts::TAU)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the published generator for the seed 1234567.
    #[test]
    fn the_sequence_is_the_published_one() {
        let mut random = Random::new(1_234_567);
        let first = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.bits(), random.bits(), random.bits()], first);
    }

    #[test]
    fn rotations_are_rotations() {
        let mut random = Random::new(3);
        for _ in 0..100 {
            let turn = random.rotation();
            assert!((turn.determinant() - 1.0).abs() < 1e-12);
            assert!(
                (turn * turn.transpose() - DMat3::IDENTITY).to_cols_array().iter().all(|v| v.abs() < 1e-12)
            );
        }
    }
}
