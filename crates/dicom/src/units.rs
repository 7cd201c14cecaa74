//! What modality values measure: Rescale Type and Modality LUT Type (PS3.3 C.11.1.1.2), the units of PET (C.8.9.1) and
//! of real-world value maps (C.7.6.16.2.11).

use std::sync::Arc;

use anatome_core::{Modality, Unit};
use dicom_dictionary_std::uids;

use crate::objects::{Code, RealWorldMap, RealWorldMapping};
use crate::values::Rescale;
use crate::{Frame, Values, suv};

/// The unit that a frame states for the output of its rescale, or of its Modality LUT if `lut_type` is that one's type.
/// `None` where nothing or "unspecified" is stated.
pub(crate) fn stated(frame: &Frame, lut_type: Option<Option<&str>>) -> Option<Unit> {
    let values = frame.values();
    let modality = &frame.instance().modality;
    if *modality == Modality::Pt && lut_type.is_none() {
        return of_pet(values).map(|units| suv::unit(&units, values.suv_type.as_deref()));
    }
    let code = lut_type.unwrap_or(values.rescale_type.as_deref());
    match code.filter(|code| !code.is_empty()) {
        Some("US") => None,
        Some(code) => Some(of_code(code)),
        None if lut_type.is_none() && is_hounsfield(frame) => Some(Unit::Hounsfield),
        None => None,
    }
}

/// Units (0054,1001), for which an enhanced PET image has Rescale Type.
pub(crate) fn of_pet(values: &Values) -> Option<String> {
    let units = values.units.as_ref().or(values.rescale_type.as_ref());
    units.filter(|code| !code.is_empty() && *code != "US").cloned()
}

/// The unit of a defined term of Rescale Type, Modality LUT Type or Dose Units (3004,0002).
fn of_code(code: &str) -> Unit {
    let name = match code {
        "HU" => return Unit::Hounsfield,
        "GY" => return Unit::Gray,
        "HU_MOD" => "modified HU",
        "OD" => "optical density / 1000",
        "MGML" => "mg/ml",
        "Z_EFF" => "effective atomic number",
        "ED" => "10^23 electrons/ml",
        "EDW" => "electrons, relative to water",
        "PCT" => "%",
        "RELATIVE" => "relative dose",
        other => other,
    };
    Unit::Other(name.to_owned())
}

/// Words in values 3 and up of Image Type that name quantities which are no attenuation: those of several energies that
/// PS3.3 C.8.2.1.1.1 defines (`MAT_SPECIFIC`, `MAT_FRACTIONAL`, `MAT_VALUE_BASED`, `MAT_MODIFIED`, `EFF_ATOMIC_NUM`,
/// `ELECTRON_DENSITY`; but `VMI` and `MAT_REMOVED` are in HU), and vendors' words for these and for maps of perfusion.
const OTHER_QUANTITIES: &[&str] = &[
    "CBF",
    "CBV",
    "RCBF",
    "RCBV",
    "MTT",
    "RMTT",
    "TTP",
    "TTD",
    "TTS",
    "TMAX",
    "PBV",
    "BF",
    "BV",
    "PS",
    "PERFUSION",
    "PERMEABILITY",
    "IODINE",
    "RHO",
    "ZEFF",
    "SPECIFIC",
    "FRACTIONAL",
    "ATOMIC",
    "DENSITY",
    "VALUE",
    "MODIFIED",
    "UNCERTAINTY",
];

/// Whether a CT image that states no unit is in HU: Rescale Type is required where it is not (PS3.3 C.8.2.1), so that
/// derived images are, too. Localizers are projections (C.8.15.3.10), secondary captures have grey levels, and maps of
/// other quantities that leave their type out are not believed; an original image of a perfusion scan is no such map.
fn is_hounsfield(frame: &Frame) -> bool {
    let class = frame.instance().sop_class_uid.as_str();
    let is_capture = class
        .strip_prefix(uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let is_original = frame.image_type().first().is_some_and(|value| value == "ORIGINAL");
    let is_other = |word: &str| {
        word == "LOCALIZER" || OTHER_QUANTITIES.contains(&word) && !(is_original && word == "PERFUSION")
    };
    let mut kinds = frame.image_type().iter().skip(2);
    let has_other = |kind: &String| kind.split(|c: char| !c.is_ascii_alphanumeric()).any(is_other);
    frame.instance().modality == Modality::Ct && !is_capture && !kinds.any(has_other)
}

/// The real-world value map of a frame that says what its values are, and their unit: the first one that states a unit
/// and is a line, or a table where stored values are integers. One without a dimension says nothing that the frame's
/// own rescale, if it has one, does not.
pub(crate) fn of_map(values: &Values, are_integers: bool) -> Option<(Rescale, Unit)> {
    let is_rescaled = values.slope.is_some() || values.has_modality_lut;
    let usable = |map: &RealWorldMap| {
        let unit = of_ucum(&map.units).filter(|unit| *unit != Unit::Arbitrary || !is_rescaled)?;
        let mapping = match &map.mapping {
            &RealWorldMapping::Linear { slope, intercept } => {
                (slope != 0.0).then_some(Rescale::Linear { slope, intercept })?
            }
            RealWorldMapping::Lut(entries) if are_integers => {
                Rescale::Map { first_mapped: map.range.0, entries: Arc::clone(entries) }
            }
            RealWorldMapping::Lut(_) => return None,
        };
        Some((mapping, unit))
    };
    values.real_world.iter().find_map(usable)
}

/// The longest code that is shown as a unit.
const LONGEST_UNIT: usize = 32;

/// A unit of the Unified Code for Units of Measure; `None` if it is of another scheme or no code.
pub(crate) fn of_ucum(code: &Code) -> Option<Unit> {
    let printable = code.value.chars().all(|c| c.is_ascii_graphic() || matches!(c, 'µ' | ' '));
    if code.scheme != "UCUM" || code.value.is_empty() || code.value.len() > LONGEST_UNIT || !printable {
        return None;
    }
    Some(match code.value.as_str() {
        "[hnsf'U]" => Unit::Hounsfield,
        "Bq/ml" | "Bq/mL" => Unit::BecquerelPerMl,
        "Gy" => Unit::Gray,
        "1" | "{no units}" | "[arb'U]" => Unit::Arbitrary,
        other => match suv_type(other) {
            Some(kind) => kind.unit(),
            None => Unit::Other(other.to_owned()),
        },
    })
}

/// The units of uptake (PS3.16 CID 85).
fn suv_type(ucum: &str) -> Option<suv::SuvType> {
    Some(match ucum {
        "g/ml{SUVbw}" => suv::SuvType::BodyWeight,
        "g/ml{SUVlbm}" => suv::SuvType::LeanBodyMassJames,
        "g/ml{SUVlbm(James128)}" => suv::SuvType::LeanBodyMassJames128,
        "g/ml{SUVlbm(Janma)}" => suv::SuvType::LeanBodyMassJanmahasatian,
        "cm2/ml{SUVbsa}" => suv::SuvType::BodySurfaceArea,
        "g/ml{SUVibw}" => suv::SuvType::IdealBodyWeight,
        _ => return None,
    })
}
