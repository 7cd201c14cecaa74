//! What an uptake is divided by: body weight, lean body mass, body surface (PS3.16, DCM 126410 to 126414, and
//! PS3.3 C.8.9.1.1.3).

use super::{SuvRefusal, SuvType};

/// Patient's Sex (0010,0040).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sex {
    Male,
    Female,
}

/// What is known of a body.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub weight_kg: Result<f64, SuvRefusal>,
    pub height_m: Result<f64, SuvRefusal>,
    pub sex: Result<Sex, SuvRefusal>,
}

impl Body {
    /// The body's measure for a type of SUV: g, or cm² for the body surface.
    pub fn measure(&self, kind: SuvType) -> Result<f64, SuvRefusal> {
        let weight = || self.weight_kg.clone();
        let height = || self.height_m.clone();
        let kilograms = match kind {
            SuvType::BodyWeight => weight()?,
            SuvType::LeanBodyMassJames => james_kg(weight()?, height()?, self.sex.clone()?, 120.0),
            SuvType::LeanBodyMassJames128 => james_kg(weight()?, height()?, self.sex.clone()?, 128.0),
            SuvType::LeanBodyMassJanmahasatian => janmahasatian_kg(weight()?, height()?, self.sex.clone()?),
            SuvType::IdealBodyWeight => ideal_kg(height()?, self.sex.clone()?),
            SuvType::BodySurfaceArea => return Ok(surface_m2(weight()?, height()?) * 1e4),
        };
        // James' parabola falls below zero for the very heavy, ideal weight for the very short.
        if kilograms > 0.0 { Ok(kilograms * 1000.0) } else { Err(SuvRefusal::NoMass { kind }) }
    }
}

/// Lean body mass by James, with his 120 or the 128 of others for men.
fn james_kg(weight_kg: f64, height_m: f64, sex: Sex, men: f64) -> f64 {
    let ratio = weight_kg / (100.0 * height_m);
    match sex {
        Sex::Male => 1.10 * weight_kg - men * ratio * ratio,
        Sex::Female => 1.07 * weight_kg - 148.0 * ratio * ratio,
    }
}

/// Lean body mass by Janmahasatian.
fn janmahasatian_kg(weight_kg: f64, height_m: f64, sex: Sex) -> f64 {
    let mass_index = weight_kg / (height_m * height_m);
    match sex {
        Sex::Male => 9270.0 * weight_kg / (6680.0 + 216.0 * mass_index),
        Sex::Female => 9270.0 * weight_kg / (8780.0 + 244.0 * mass_index),
    }
}

/// Ideal body weight by Sugawara.
fn ideal_kg(height_m: f64, sex: Sex) -> f64 {
    let above_cm = 100.0 * height_m - 152.0;
    match sex {
        Sex::Male => 48.0 + 1.06 * above_cm,
        Sex::Female => 45.5 + 0.91 * above_cm,
    }
}

/// Body surface by Du Bois.
fn surface_m2(weight_kg: f64, height_m: f64) -> f64 {
    0.007184 * weight_kg.powf(0.425) * (100.0 * height_m).powf(0.725)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(weight: f64, height: f64, sex: Sex) -> Body {
        Body { weight_kg: Ok(weight), height_m: Ok(height), sex: Ok(sex) }
    }

    #[test]
    fn measures_of_two_bodies() {
        let man = body(75.0, 1.85, Sex::Male);
        let woman = body(60.0, 1.65, Sex::Female);
        for (kind, his, hers) in [
            (SuvType::BodyWeight, 75_000.0, 60_000.0),
            (SuvType::LeanBodyMassJames, 62_777.57, 44_629.75),
            (SuvType::LeanBodyMassJanmahasatian, 60_915.34, 39_286.85),
            (SuvType::BodySurfaceArea, 19_813.758, 16_586.565),
            // 48 + 1.06 * 33 and 45.5 + 0.91 * 13.
            (SuvType::IdealBodyWeight, 82_980.0, 57_330.0),
            // 82.5 - 128 * (75 / 185)^2.
            (SuvType::LeanBodyMassJames128, 61_462.746, 44_629.75),
        ] {
            for (body, expected) in [(&man, his), (&woman, hers)] {
                let measure = body.measure(kind).unwrap();
                assert!((measure - expected).abs() < 5.1e-3, "{kind:?}: {measure}");
            }
        }
    }

    #[test]
    fn only_what_is_needed_must_be_known() {
        let missing = SuvRefusal::Missing { attribute: "x" };
        let unknown = Body {
            weight_kg: Ok(70.0),
            height_m: Err(missing.clone()),
            sex: Err(SuvRefusal::Missing { attribute: "y" }),
        };
        assert_eq!(unknown.measure(SuvType::BodyWeight), Ok(70_000.0));
        assert_eq!(unknown.measure(SuvType::BodySurfaceArea), Err(missing));
        let no_mass = Err(SuvRefusal::NoMass { kind: SuvType::LeanBodyMassJames });
        assert_eq!(body(300.0, 1.5, Sex::Male).measure(SuvType::LeanBodyMassJames), no_mass);
    }
}
