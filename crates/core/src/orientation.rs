//! Letters for directions in the patient (PS3.3 C.7.6.1.1.1).

use glam::DVec3;

/// Components below this do not get a letter.
const LEAST: f64 = 1e-4;

/// The letters of the direction in the patient that a vector points to, such as `L`, `PL` or `AFR`: R/L, A/P and H/F by
/// the size of its components, largest first.
#[must_use]
pub fn orientation_letters(direction: DVec3) -> String {
    let letters = [('L', 'R'), ('P', 'A'), ('H', 'F')];
    let unit = direction.normalize_or_zero().to_array();
    let mut parts: Vec<(f64, char)> = unit
        .into_iter()
        .zip(letters)
        .filter(|(c, _)| c.abs() >= LEAST)
        .map(|(c, (plus, minus))| (c.abs(), if c > 0.0 { plus } else { minus }))
        .collect();
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    parts.into_iter().map(|(_, letter)| letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_in_the_order_of_the_components() {
        assert_eq!(orientation_letters(DVec3::X), "L");
        assert_eq!(orientation_letters(DVec3::new(0.0, 0.987, -0.158)), "PF");
        assert_eq!(orientation_letters(DVec3::new(-0.3, -0.9, 0.2)), "ARH");
        assert_eq!(orientation_letters(DVec3::new(1.0, 1e-6, 0.0)), "L");
        assert_eq!(orientation_letters(DVec3::ZERO), "");
    }
}
