//! RT doses (PS3.3 C.8.8.3) and plans (C.8.8.9 and following).

use anatome_core::{Unit, ValueMapping};
use dicom_dictionary_std::tags;

use super::item::Item;
use super::{FreeText, SeriesReference};
use crate::Error;

/// What a dose grid counts in (3004,0002).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DoseUnits {
    /// Gray.
    Gray,
    /// A share of a reference dose.
    Relative,
}

/// What kind of dose it is (3004,0004).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DoseType {
    /// Absorbed dose.
    Physical,
    /// Dose corrected for its biological effect.
    Effective,
    /// The difference of two doses.
    Error,
    /// Not stated, or not as the standard has it.
    Unknown,
}

/// What a dose grid's pixels mean. Where its planes stand is the matching [`crate::InstanceHeader`]'s to say.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DoseGrid {
    /// What it counts in.
    pub units: DoseUnits,
    /// What kind of dose it is.
    pub dose_type: DoseType,
    /// Dose Summation Type (3004,000A), such as `PLAN`.
    pub summation: Option<String>,
    /// Dose Grid Scaling (3004,000E): units for each stored unit; finite, positive. `None` if there is no grid.
    pub scaling: Option<f64>,
    /// Grid Frame Offset Vector (3004,000C), in mm, as the file states it: from the first plane along the normal if
    /// the first is 0, else the planes' z. Finite; empty for a single plane.
    pub frame_offsets_mm: Vec<f64>,
    /// Frame of Reference UID (0020,0052).
    pub frame_of_reference_uid: Option<String>,
    /// The plan and the structure set that it belongs to.
    pub referenced: Vec<SeriesReference>,
}

impl DoseGrid {
    pub(super) fn read(item: Item<'_>) -> Result<Self, Error> {
        let malformed = |reason: &str| Error::malformed("dose", reason);
        let scaling = match item.fields.number(tags::DOSE_GRID_SCALING) {
            Some(scaling) if scaling.is_finite() && scaling > 0.0 => Some(scaling),
            None => None,
            Some(_) => return Err(malformed("the grid scaling (3004,000E) is not positive")),
        };
        let frame_offsets_mm = item.fields.numbers(tags::GRID_FRAME_OFFSET_VECTOR);
        if frame_offsets_mm.iter().any(|offset| !offset.is_finite()) {
            return Err(malformed("an offset of a plane (3004,000C) is no finite number"));
        }
        let mut referenced = Vec::new();
        for sequence in [tags::REFERENCED_RT_PLAN_SEQUENCE, tags::REFERENCED_STRUCTURE_SET_SEQUENCE] {
            let images = item.images(sequence)?;
            if !images.is_empty() {
                referenced.push(SeriesReference { series_instance_uid: None, images });
            }
        }
        Ok(Self {
            units: match item.code_string(tags::DOSE_UNITS).as_deref() {
                Some("GY") => DoseUnits::Gray,
                Some("RELATIVE") => DoseUnits::Relative,
                _ => return Err(malformed("its units (3004,0002) are none that the standard has")),
            },
            dose_type: match item.code_string(tags::DOSE_TYPE).as_deref() {
                Some("PHYSICAL") => DoseType::Physical,
                Some("EFFECTIVE") => DoseType::Effective,
                Some("ERROR") => DoseType::Error,
                _ => DoseType::Unknown,
            },
            summation: item.code_string(tags::DOSE_SUMMATION_TYPE),
            scaling,
            frame_offsets_mm,
            frame_of_reference_uid: item.uid(tags::FRAME_OF_REFERENCE_UID),
            referenced,
        })
    }

    /// From stored values to doses; `None` if there is no grid.
    #[must_use]
    pub fn mapping(&self) -> Option<ValueMapping> {
        let unit = match self.units {
            DoseUnits::Gray => Unit::Gray,
            DoseUnits::Relative => Unit::Other("relative dose".to_owned()),
        };
        Some(ValueMapping { slope: self.scaling?, intercept: 0.0, unit })
    }
}

/// A treatment plan: recognised, with what links it to other objects.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// RT Plan Label (300A,0002).
    pub label: FreeText,
    /// RT Plan Name (300A,0003).
    pub name: Option<FreeText>,
    /// Plan Intent (300A,000A), such as `CURATIVE`.
    pub intent: Option<String>,
    /// Whether the plan is based on a structure set of the patient (RT Plan Geometry (300A,000C) is PATIENT).
    pub is_of_patient: bool,
    /// How many beams it has, ion beams included.
    pub beams: usize,
    /// How many fraction groups it has.
    pub fraction_groups: usize,
    /// The structure set and the doses that it belongs to.
    pub referenced: Vec<SeriesReference>,
}

impl Plan {
    pub(super) fn read(item: Item<'_>) -> Result<Self, Error> {
        let count = |tag| {
            let mut count = 0;
            item.each(tag, |_| {
                count += 1;
                Ok(())
            })?;
            Ok::<usize, Error>(count)
        };
        let mut referenced = Vec::new();
        for sequence in [tags::REFERENCED_STRUCTURE_SET_SEQUENCE, tags::REFERENCED_DOSE_SEQUENCE] {
            let images = item.images(sequence)?;
            if !images.is_empty() {
                referenced.push(SeriesReference { series_instance_uid: None, images });
            }
        }
        Ok(Self {
            label: item.text(tags::RT_PLAN_LABEL).unwrap_or_default(),
            name: item.text(tags::RT_PLAN_NAME),
            intent: item.code_string(tags::PLAN_INTENT),
            is_of_patient: item.is(tags::RT_PLAN_GEOMETRY, "PATIENT"),
            beams: count(tags::BEAM_SEQUENCE)? + count(tags::ION_BEAM_SEQUENCE)?,
            fraction_groups: count(tags::FRACTION_GROUP_SEQUENCE)?,
            referenced,
        })
    }
}
