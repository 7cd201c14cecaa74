//! What an image says of its sides: towards where in the patient they are, and of which side of the body it is.

use dicom_dictionary_std::tags;

use crate::InstanceHeader;
use crate::elements::Fields;
use crate::limits::Limits;
use crate::parse::code_string;

/// Sides of an image that needs to stand nowhere in the patient, such as a radiograph or a mammogram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sides {
    /// Patient Orientation (0020,0020): towards where in the patient rows go, then columns, such as `["A", "FR"]`.
    pub orientation: Option<[String; 2]>,
    /// Image Laterality (0020,0062), or Laterality (0020,0060): `R`, `L`, `U` or `B`.
    pub laterality: Option<String>,
    /// View Position (0018,5101), such as `CC` or `AP`.
    pub view_position: Option<String>,
}

impl InstanceHeader {
    /// What the image says of its sides. Reads it from the header each time.
    #[must_use]
    pub fn sides(&self) -> Sides {
        let Ok(elements) = self.dataset.walk(&Limits::default()) else { return Sides::default() };
        let fields = Fields::new(&self.dataset.bytes, &elements);
        let code = |tag| fields.text(tag).and_then(code_string);
        let side = |tag| code(tag).filter(|text| ["R", "L", "U", "B"].contains(&text.as_str()));
        let mut towards = fields.texts(tags::PATIENT_ORIENTATION).map(letters);
        Sides {
            orientation: towards
                .next()
                .flatten()
                .zip(towards.next().flatten())
                .map(|(row, column)| [row, column]),
            laterality: side(tags::IMAGE_LATERALITY).or_else(|| side(tags::LATERALITY)),
            view_position: code(tags::VIEW_POSITION),
        }
    }
}

/// Letters of directions (PS3.3 C.7.6.1.1.1): up to three, one of each pair. Anything else says nothing.
fn letters(text: &str) -> Option<String> {
    let pair = |letter| ["LR", "PA", "HF"].iter().position(|pair| pair.contains(letter));
    let pairs: Option<Vec<usize>> = text.chars().map(pair).collect();
    let pairs = pairs.filter(|pairs| (1..=3).contains(&pairs.len()))?;
    let once = (0..3).all(|own| pairs.iter().filter(|pair| **pair == own).count() < 2);
    once.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::letters;

    #[test]
    fn letters_name_a_direction_or_none() {
        assert_eq!(letters("AFR").as_deref(), Some("AFR"));
        for text in ["", "LE", "LR", "AA", "HLPA", "l"] {
            assert_eq!(letters(text), None, "{text}");
        }
    }
}
