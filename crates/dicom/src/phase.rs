//! What tells apart images at one position.

use std::sync::Arc;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use glam::DVec3;

use crate::elements::Fields;
use crate::parse::{self, finite, vector};

/// What tells apart the phases of a series: images at one position, at several times or with several settings.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Phase {
    /// Stack ID (0020,9056): frames of two stacks never meet in one volume.
    pub stack_id: Option<Arc<str>>,
    /// Temporal Position Identifier (0020,0100) or Index (0020,9128), or Time Slot (0054,0070) of a gated NM image.
    pub temporal_position: Option<i64>,
    /// Contrast/Bolus Agent Phase (0018,9344), such as `ARTERIAL`.
    pub contrast_phase: Option<Arc<str>>,
    /// Nominal Percentage of Cardiac Phase (0020,9241).
    pub cardiac_phase_percent: Option<f64>,
    /// Nominal Percentage of Respiratory Phase (0020,9245).
    pub respiratory_phase_percent: Option<f64>,
    /// Acquisition Number (0020,0012) or Frame Acquisition Number (0020,9156).
    pub acquisition_number: Option<i64>,
    /// Trigger Time (0018,1060) or Nominal Cardiac Trigger Delay Time (0020,9153) in ms.
    pub trigger_time_ms: Option<f64>,
    /// Echo Time (0018,0081) or Effective Echo Time (0018,9082) in ms.
    pub echo_time_ms: Option<f64>,
    /// Echo Number (0018,0086).
    pub echo_number: Option<i64>,
    /// Inversion Time (0018,0082) or the first of Inversion Times (0018,9079) in ms.
    pub inversion_time_ms: Option<f64>,
    /// Flip Angle (0018,1314) in degrees, as the file states it.
    pub flip_angle_deg: Option<f64>,
    /// Diffusion b-value (0018,9087), or that of Siemens, GE or Philips, in s/mm².
    pub b_value: Option<f64>,
    /// Diffusion Gradient Orientation (0018,9089), or that of Siemens, GE or Philips.
    pub diffusion_direction: Option<DVec3>,
    /// KVP (0018,0060) in kV.
    pub tube_voltage_kv: Option<f64>,
    /// Convolution Kernel (0018,1210), where its values look like names of kernels.
    pub kernel: Option<Arc<str>>,
    /// Frame Reference Time (0054,1300) of PET in ms.
    pub frame_reference_time_ms: Option<f64>,
    /// Energy Window (0054,0010) of NM.
    pub energy_window: Option<i64>,
    /// Dimension Index Values (0020,9157), for comparison only.
    pub(crate) dimensions: Option<Arc<[u32]>>,
    /// Contrast/Bolus Agent (0018,0010) and when it was given, as one free text, for comparison only.
    pub(crate) contrast: Option<Arc<str>>,
    /// Acquisition Date and Time, or Frame Acquisition DateTime, as one text, for comparison only.
    pub(crate) acquisition_time: Option<Arc<str>>,
    /// Content Date and Time, likewise.
    pub(crate) content_time: Option<Arc<str>>,
}

impl Phase {
    /// Reads what the object says of all its frames.
    pub(crate) fn read(fields: Fields<'_>) -> Self {
        let finite = |tag| finite(fields, tag);
        let time = |date, time| joined(fields, [date, time]);
        let acquisition_time = time(tags::ACQUISITION_DATE, tags::ACQUISITION_TIME)
            .or_else(|| joined(fields, [tags::ACQUISITION_DATE_TIME]));
        Self {
            stack_id: None,
            temporal_position: fields.integer(tags::TEMPORAL_POSITION_IDENTIFIER),
            contrast_phase: fields.text(tags::CONTRAST_BOLUS_AGENT_PHASE).and_then(word),
            cardiac_phase_percent: finite(tags::NOMINAL_PERCENTAGE_OF_CARDIAC_PHASE),
            respiratory_phase_percent: finite(tags::NOMINAL_PERCENTAGE_OF_RESPIRATORY_PHASE),
            acquisition_number: fields.integer(tags::ACQUISITION_NUMBER),
            trigger_time_ms: finite(tags::TRIGGER_TIME),
            echo_time_ms: finite(tags::ECHO_TIME),
            echo_number: fields.integer(tags::ECHO_NUMBERS),
            inversion_time_ms: finite(tags::INVERSION_TIME),
            flip_angle_deg: finite(tags::FLIP_ANGLE),
            b_value: finite(tags::DIFFUSION_B_VALUE).or_else(|| private_b_value(fields)),
            diffusion_direction: vector(fields, tags::DIFFUSION_GRADIENT_ORIENTATION)
                .or_else(|| private_direction(fields)),
            tube_voltage_kv: finite(tags::KVP),
            kernel: kernel(fields),
            frame_reference_time_ms: finite(tags::FRAME_REFERENCE_TIME),
            energy_window: None,
            dimensions: None,
            contrast: joined(fields, [tags::CONTRAST_BOLUS_AGENT, tags::CONTRAST_BOLUS_START_TIME]),
            acquisition_time,
            content_time: time(tags::CONTENT_DATE, tags::CONTENT_TIME),
        }
    }
}

/// The longest text that is kept to compare.
const LONGEST: usize = 64;

fn joined<const N: usize>(fields: Fields<'_>, tags: [Tag; N]) -> Option<Arc<str>> {
    let text: String = tags.iter().flat_map(|&tag| fields.text(tag)).collect();
    (!text.is_empty()).then(|| text.chars().take(LONGEST).collect::<String>().into())
}

/// A code that may be shown, in lower case.
pub(crate) fn word(text: &str) -> Option<Arc<str>> {
    Some(parse::code_string(text)?.to_ascii_lowercase().replace('_', " ").into())
}

/// What may be shown of a short text that a machine wrote: nothing that could be a sentence.
pub(crate) fn shown(text: &str) -> Option<&str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '/' | '.');
    (text.len() <= 16 && text.chars().all(allowed)).then_some(text)
}

/// Siemens adds the strength of its iterative reconstruction as a second value.
pub(crate) fn kernel(fields: Fields<'_>) -> Option<Arc<str>> {
    let values: Option<Vec<&str>> = fields.texts(tags::CONVOLUTION_KERNEL).take(4).map(shown).collect();
    values.map(|values| values.join(" ")).filter(|text| !text.is_empty()).map(Into::into)
}

/// The element of a private block (PS3.5 7.8.1), by who reserved it.
fn private(fields: Fields<'_>, group: u16, creator: &str, element: u16) -> Option<Tag> {
    let reserves = |tag: &Tag| tag.0 == group && (0x10..=0xFF).contains(&tag.1);
    let mut blocks = fields.list().iter().map(|element| element.tag).filter(reserves);
    let block = blocks.find(|&tag| fields.text(tag) == Some(creator))?.1;
    Some(Tag(group, block << 8 | element))
}

/// Private numbers, which lose their VR in implicit files: 4 and 8 bytes that are no text are floating point there.
fn private_numbers(fields: Fields<'_>, tag: Tag) -> Vec<f64> {
    let numbers = fields.numbers(tag);
    let unknown = fields.find(tag).is_some_and(|element| element.vr == VR::UN);
    // Bytes that are no text at all give no numbers.
    if !unknown || (!numbers.is_empty() && numbers.iter().all(|n| n.is_finite())) {
        return numbers;
    }
    let bytes = fields.value(tag).unwrap_or_default();
    match bytes.len() {
        4 => bytes.first_chunk().map(|&b| f64::from(f32::from_le_bytes(b))).into_iter().collect(),
        length if length % 8 == 0 => {
            bytes.as_chunks().0.iter().take(3).map(|&b| f64::from_le_bytes(b)).collect()
        }
        _ => numbers,
    }
}

/// The b-value in s/mm² where Siemens, GE and Philips keep it. GE adds a thousand million to it, or several.
fn private_b_value(fields: Fields<'_>) -> Option<f64> {
    let first = |tag: Option<Tag>| {
        let number = private_numbers(fields, tag?).first().copied();
        number.filter(|b| b.is_finite() && *b >= 0.0)
    };
    first(private(fields, 0x19, "SIEMENS MR HEADER", 0x0C))
        .or_else(|| first(private(fields, 0x2001, "Philips Imaging DD 001", 0x03)))
        .or_else(|| Some(first(private(fields, 0x43, "GEMS_PARM_01", 0x39))? % 1e5))
}

fn private_direction(fields: Fields<'_>) -> Option<DVec3> {
    let siemens = || {
        let numbers = private_numbers(fields, private(fields, 0x19, "SIEMENS MR HEADER", 0x0E)?);
        numbers.first_chunk::<3>().copied()
    };
    let each = |group, creator, elements: [u16; 3]| {
        let number =
            |element| private_numbers(fields, private(fields, group, creator, element)?).first().copied();
        let [x, y, z] = elements.map(number);
        Some([x?, y?, z?])
    };
    siemens()
        .or_else(|| each(0x2005, "Philips MR Imaging DD 001", [0xB0, 0xB1, 0xB2]))
        .or_else(|| each(0x19, "GEMS_ACQU_01", [0xBB, 0xBC, 0xBD]))
        .map(DVec3::from_array)
        .filter(|direction| direction.is_finite())
}
