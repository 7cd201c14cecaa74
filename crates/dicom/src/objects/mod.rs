//! Objects that are derived from images or tell how to show them: segmentations, structure sets, doses, plans,
//! presentation states, real-world value maps, parametric maps, key objects, reports.
//!
//! They are read whole into typed values, with links to what they refer to. Free text in them may name a person: it
//! is a [`FreeText`], which shows itself only when asked.

mod dose;
mod item;
mod presentation;
mod real_world;
mod segmentation;
mod structures;

use std::fmt;

use dicom_dictionary_std::{tags, uids};
pub use dose::{DoseGrid, DoseType, DoseUnits, Plan};
pub use presentation::{
    Annotation, DisplayedArea, Graphic, GraphicKind, GraphicLayer, GraphicUnits, PresentationLut,
    PresentationState, PresentationVoi, Shutter, ShutterShape, SizeMode, TextBox,
};
pub use real_world::{ParametricMap, RealWorldMap, RealWorldMapping, RealWorldMaps};
pub use segmentation::{AlgorithmType, Segment, Segmentation, SegmentationFrame, SegmentationKind};
pub use structures::{Contour, ContourKind, Roi, RoiFault, StructureSet};

use self::item::Item;
use crate::elements::Fields;
use crate::{Error, InstanceHeader, Limits};

/// Text that a person wrote, and that may name one: a label, a description, a note. Its `Debug` form is its length.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FreeText(String);

impl FreeText {
    /// The text. Show it only where identity may be shown; never put it into logs, errors, notes or file names.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FreeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} characters", self.0.chars().count())
    }
}

/// A coded term (PS3.3 8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Code {
    /// Code Value (0008,0100), or its long or URN form; empty if absent.
    pub value: String,
    /// Coding Scheme Designator (0008,0102), such as `SCT`; empty if absent.
    pub scheme: String,
    /// Code Meaning (0008,0104).
    pub meaning: FreeText,
}

/// An instance that an object refers to, or some of its frames.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ImageReference {
    /// Referenced SOP Class UID (0008,1150), empty if absent.
    pub sop_class_uid: String,
    /// Referenced SOP Instance UID (0008,1155), empty if absent.
    pub sop_instance_uid: String,
    /// Referenced Frame Number (0008,1160), from 1; empty means all.
    pub frames: Vec<u32>,
}

/// Instances of one series that an object refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeriesReference {
    /// Series Instance UID (0020,000E); `None` where only the instances are named.
    pub series_instance_uid: Option<String>,
    /// The instances; may be empty, which means the series as a whole.
    pub images: Vec<ImageReference>,
}

/// A recommended colour in CIELab of the D50 white point, as DICOM encodes it (PS3.3 C.10.7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CielabColor {
    /// L*, a* and b* as 16-bit numbers.
    pub encoded: [u16; 3],
}

impl CielabColor {
    /// L* from 0 to 100, a* and b* from -128 to 127.
    #[must_use]
    pub fn lab(self) -> [f64; 3] {
        let [l, a, b] = self.encoded.map(f64::from);
        [l * 100.0 / 65_535.0, a * 255.0 / 65_535.0 - 128.0, b * 255.0 / 65_535.0 - 128.0]
    }

    /// In sRGB, 0 to 1; what no screen shows is cut off. White point D50 adapted to D65 by Bradford's method.
    #[must_use]
    pub fn srgb(self) -> [f64; 3] {
        let [l, a, b] = self.lab();
        let y = (l + 16.0) / 116.0;
        let cube = |t: f64| {
            if t > 6.0 / 29.0 { t * t * t } else { 3.0 * (6.0f64 / 29.0).powi(2) * (t - 4.0 / 29.0) }
        };
        let xyz = [0.964_22 * cube(y + a / 500.0), cube(y), 0.825_21 * cube(y - b / 200.0)];
        // sRGB's matrix for D50, from IEC 61966-2-1 and Bradford's cone responses.
        [
            [3.133_856_1, -1.616_866_7, -0.490_614_6],
            [-0.978_768_4, 1.916_141_5, 0.033_454_0],
            [0.071_945_3, -0.228_991_4, 1.405_242_7],
        ]
        .map(|row: [f64; 3]| {
            let linear: f64 = row.iter().zip(xyz).map(|(m, v)| m * v).sum();
            let linear = linear.clamp(0.0, 1.0);
            if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
        })
    }
}

/// Key images that someone marked (PS3.3 A.35.4): recognised, not read further.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyObjects {
    /// Why they were marked: the document's title.
    pub title: Code,
    /// The key images.
    pub referenced: Vec<SeriesReference>,
}

/// A structured report (PS3.3 A.35): recognised, its content not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The document's title.
    pub title: Code,
    /// Template Identifier (0040,DB00) of its content, such as `1500`.
    pub template: Option<String>,
    /// Completion Flag (0040,A491) is COMPLETE.
    pub is_complete: bool,
    /// Verification Flag (0040,A493) is VERIFIED.
    pub is_verified: bool,
    /// The evidence that it rests on.
    pub referenced: Vec<SeriesReference>,
}

/// An object that is derived from images or tells how to show them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DerivedObject {
    /// Segmentation or Label Map Segmentation.
    Segmentation(Segmentation),
    /// RT Structure Set.
    StructureSet(StructureSet),
    /// RT Dose.
    Dose(DoseGrid),
    /// RT Plan or RT Ion Plan.
    Plan(Plan),
    /// Grayscale, Color, Pseudo-Color or another softcopy presentation state for flat images.
    PresentationState(PresentationState),
    /// Real World Value Mapping.
    RealWorldMaps(RealWorldMaps),
    /// Parametric Map.
    ParametricMap(ParametricMap),
    /// Key Object Selection Document.
    KeyObjects(KeyObjects),
    /// Structured report of any kind.
    Report(Report),
}

impl DerivedObject {
    /// The series and instances that the object refers to as a whole.
    #[must_use]
    pub fn referenced(&self) -> &[SeriesReference] {
        match self {
            Self::Segmentation(object) => &object.referenced,
            Self::StructureSet(object) => &object.referenced,
            Self::Dose(object) => &object.referenced,
            Self::Plan(object) => &object.referenced,
            Self::PresentationState(object) => &object.referenced,
            Self::RealWorldMaps(object) => &object.referenced,
            Self::ParametricMap(object) => &object.referenced,
            Self::KeyObjects(object) => &object.referenced,
            Self::Report(object) => &object.referenced,
        }
    }

    /// Whether the object refers to this instance, by itself or as part of its series.
    #[must_use]
    pub fn refers_to(&self, header: &InstanceHeader) -> bool {
        self.referenced().iter().any(|series| {
            let whole = series.images.is_empty()
                && series.series_instance_uid.as_ref() == Some(&header.series_instance_uid);
            let named = |image: &ImageReference| image.sop_instance_uid == header.sop_instance_uid;
            whole || (!header.sop_instance_uid.is_empty() && series.images.iter().any(named))
        })
    }
}

/// Reads a derived object from its header. Pixels, where it has any, are not decoded.
///
/// # Errors
/// Unsupported, for images and for derived objects that this version does not know; malformed or limits.
pub fn read_object(header: &InstanceHeader, limits: &Limits) -> Result<DerivedObject, Error> {
    let elements = header.dataset.walk(limits)?;
    let item = Item::dataset(Fields::new(&header.dataset.bytes, &elements), limits);
    Ok(match header.sop_class_uid.as_str() {
        uids::SEGMENTATION_STORAGE | uids::LABEL_MAP_SEGMENTATION_STORAGE => {
            DerivedObject::Segmentation(Segmentation::read(header, item)?)
        }
        uids::RT_STRUCTURE_SET_STORAGE => DerivedObject::StructureSet(StructureSet::read(item)?),
        uids::RT_DOSE_STORAGE => DerivedObject::Dose(DoseGrid::read(item)?),
        uids::RT_PLAN_STORAGE | uids::RT_ION_PLAN_STORAGE => DerivedObject::Plan(Plan::read(item)?),
        uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE
        | uids::COLOR_SOFTCOPY_PRESENTATION_STATE_STORAGE
        | uids::PSEUDO_COLOR_SOFTCOPY_PRESENTATION_STATE_STORAGE
        | uids::XAXRF_GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE => {
            DerivedObject::PresentationState(PresentationState::read(item)?)
        }
        uids::REAL_WORLD_VALUE_MAPPING_STORAGE => DerivedObject::RealWorldMaps(RealWorldMaps::read(item)?),
        uids::PARAMETRIC_MAP_STORAGE => DerivedObject::ParametricMap(ParametricMap::read(item)?),
        uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE => DerivedObject::KeyObjects(KeyObjects {
            title: item.code(tags::CONCEPT_NAME_CODE_SEQUENCE)?.unwrap_or_default(),
            referenced: evidence(item)?,
        }),
        class if is_report(class) => DerivedObject::Report(report(item)?),
        _ => return Err(Error::unsupported("this kind of object as a derived object")),
    })
}

/// All SOP classes of structured reports stand under one root.
fn is_report(class: &str) -> bool {
    class.strip_prefix("1.2.840.10008.5.1.4.1.1.88.").is_some_and(|rest| !rest.is_empty())
}

fn report(item: Item<'_>) -> Result<Report, Error> {
    let template = |item: Item<'_>| Ok(item.code_string(tags::TEMPLATE_IDENTIFIER));
    Ok(Report {
        title: item.code(tags::CONCEPT_NAME_CODE_SEQUENCE)?.unwrap_or_default(),
        template: item.first(tags::CONTENT_TEMPLATE_SEQUENCE, template)?.flatten(),
        is_complete: item.is(tags::COMPLETION_FLAG, "COMPLETE"),
        is_verified: item.is(tags::VERIFICATION_FLAG, "VERIFIED"),
        referenced: evidence(item)?,
    })
}

/// What a document refers to, by study and series (PS3.3 C.17.2).
fn evidence(item: Item<'_>) -> Result<Vec<SeriesReference>, Error> {
    let mut referenced = Vec::new();
    let studies =
        [tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, tags::PERTINENT_OTHER_EVIDENCE_SEQUENCE];
    for studies in studies {
        item.each(studies, |study| {
            referenced.extend(study.series(tags::REFERENCED_SERIES_SEQUENCE, tags::REFERENCED_SOP_SEQUENCE)?);
            Ok(())
        })?;
    }
    Ok(referenced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recommended_colors_in_srgb() {
        let color = |lab: [f64; 3]| {
            let encode = |v: f64, low: f64, span: f64| ((v - low) / span * 65_535.0).round() as u16;
            let encoded =
                [encode(lab[0], 0.0, 100.0), encode(lab[1], -128.0, 255.0), encode(lab[2], -128.0, 255.0)];
            CielabColor { encoded }.srgb().map(|v| (255.0 * v).round() as u8)
        };
        // Lab (D50) of sRGB's corners, as colour management systems give them.
        for (lab, rgb) in [
            ([100.0, 0.0, 0.0], [255, 255, 255]),
            ([0.0, 0.0, 0.0], [0, 0, 0]),
            ([54.29, 80.80, 69.89], [255, 0, 0]),
            ([87.82, -79.27, 80.99], [0, 255, 0]),
            ([29.57, 68.29, -112.03], [0, 0, 255]),
            ([53.59, 0.0, 0.0], [128, 128, 128]),
        ] {
            let ours = color(lab);
            let near = ours.iter().zip(rgb).all(|(a, b): (&u8, u8)| a.abs_diff(b) <= 1);
            assert!(near, "{ours:?}, not {rgb:?}");
        }
    }

    #[test]
    fn free_text_does_not_show_itself() {
        let text = FreeText("Doe^Jane".into());
        assert_eq!(format!("{text:?}"), "8 characters");
        assert_eq!(text.reveal(), "Doe^Jane");
    }
}
