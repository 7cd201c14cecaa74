//! From a walked header to typed fields.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use anatome_core::{Modality, NamedVoi, NoteCode, Notes, Voi, Window, WindowFunction};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use glam::DVec3;

use crate::Limits;
use crate::charset::Charset;
use crate::elements::Fields;
use crate::header::{Identity, PixelModule, Plane, Values};
use crate::objects::RealWorldMap;
use crate::slices::SPACING_MM;

/// The longest text that is kept of one element.
const LONGEST_TEXT: usize = 1024;

pub(crate) fn uid(fields: Fields<'_>, tag: Tag) -> Option<String> {
    let text = fields.text(tag)?;
    Some(text.chars().take(LONGEST_TEXT).collect())
}

/// Text in the object's character set (0008,0005), control characters as spaces.
pub(crate) fn free_text(fields: Fields<'_>, tag: Tag) -> Option<String> {
    Charset::of(fields).text(fields, tag, LONGEST_TEXT)
}

pub(crate) fn identity(fields: Fields<'_>) -> Identity {
    let text = |tag| free_text(fields, tag);
    Identity {
        patient_name: text(tags::PATIENT_NAME),
        patient_id: text(tags::PATIENT_ID),
        birth_date: text(tags::PATIENT_BIRTH_DATE),
        sex: text(tags::PATIENT_SEX),
        accession_number: text(tags::ACCESSION_NUMBER),
        study_date: text(tags::STUDY_DATE),
        series_date: text(tags::SERIES_DATE),
        study_description: text(tags::STUDY_DESCRIPTION),
        series_description: text(tags::SERIES_DESCRIPTION),
    }
}

/// Tells patients apart without naming them; `None` where neither Patient ID nor name is stated.
pub(crate) fn patient_digest(fields: Fields<'_>) -> Option<u64> {
    let own = [tags::PATIENT_ID, tags::PATIENT_NAME]
        .map(|tag| fields.value(tag).unwrap_or_default().trim_ascii_end());
    let mut hasher = DefaultHasher::new();
    own.hash(&mut hasher);
    own.iter().any(|bytes| !bytes.is_empty()).then(|| hasher.finish())
}

pub(crate) fn modality(fields: Fields<'_>) -> Modality {
    let code = fields.text(tags::MODALITY).unwrap_or_default();
    Modality::from_code(&code_string(code).unwrap_or_default())
}

/// A code string (PS3.5 6.2, VR CS), which can name nobody: `None` if the value breaks the rules for it.
pub(crate) fn code_string(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '_' | ' ' | '/');
    let text = text.trim().to_ascii_uppercase();
    (text.len() <= 16 && text.chars().all(allowed)).then_some(text)
}

pub(crate) fn image_type(fields: Fields<'_>) -> Vec<String> {
    fields.texts(tags::IMAGE_TYPE).take(16).filter_map(code_string).collect()
}

/// A number, if it is finite.
pub(crate) fn finite(fields: Fields<'_>, tag: Tag) -> Option<f64> {
    fields.number(tag).filter(|n| n.is_finite())
}

/// Three finite numbers.
pub(crate) fn vector(fields: Fields<'_>, tag: Tag) -> Option<DVec3> {
    let numbers = fields.numbers(tag);
    let &[x, y, z] = numbers.as_slice() else { return None };
    Some(DVec3::new(x, y, z)).filter(|v| v.is_finite())
}

pub(crate) fn plane(fields: Fields<'_>, notes: &mut Notes) -> Plane {
    let mut finite = |tag: Tag, count: usize, what: &str| {
        let numbers = fields.numbers(tag);
        let usable = numbers.len() == count && numbers.iter().all(|n| n.is_finite());
        if !usable && !numbers.is_empty() {
            notes.add(NoteCode::Tolerated, format!("{what} is not {count} finite numbers and is not used"));
        }
        usable.then_some(numbers)
    };
    let vector = |n: &[f64]| n.first_chunk::<3>().map(|&xyz| DVec3::from_array(xyz));
    let position = finite(tags::IMAGE_POSITION_PATIENT, 3, "the image position (0020,0032)");
    let orientation = finite(tags::IMAGE_ORIENTATION_PATIENT, 6, "the image orientation (0020,0037)");
    let spacing = finite(tags::PIXEL_SPACING, 2, "the pixel spacing (0028,0030)");
    let is_plausible = |mm: &f64| *mm <= 0.0 || SPACING_MM.contains(mm);
    let spacing = spacing.filter(|spacing| {
        let usable = spacing.iter().all(is_plausible);
        if !usable {
            let text = "the pixel spacing (0028,0030) is that of no image and is not used";
            notes.add(NoteCode::Tolerated, text);
        }
        usable
    });
    let thickness = fields.number(tags::SLICE_THICKNESS);
    let slice_thickness_mm = thickness.filter(|n| n.is_finite() && *n > 0.0);
    if thickness.is_some() && slice_thickness_mm.is_none() {
        let text = "the slice thickness (0018,0050) is not a positive number and is not used";
        notes.add(NoteCode::Tolerated, text);
    }
    Plane {
        image_position_mm: position.as_deref().and_then(vector),
        row_cosines: orientation.as_deref().and_then(vector),
        column_cosines: orientation.as_deref().and_then(|n| vector(n.get(3..)?)),
        pixel_spacing_mm: spacing.as_deref().and_then(|n| n.first_chunk::<2>().copied()),
        slice_thickness_mm,
        slice_spacing_mm: fields.number(tags::SPACING_BETWEEN_SLICES).filter(|n| n.is_finite()),
    }
}

pub(crate) fn pixels(fields: Fields<'_>) -> PixelModule {
    let number = |tag| fields.integer(tag).and_then(|n| u32::try_from(n).ok());
    let bits_allocated = number(tags::BITS_ALLOCATED).unwrap_or(0);
    let bits_stored = number(tags::BITS_STORED).unwrap_or(bits_allocated);
    let photometric = fields.text(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default();
    let frames = tags::NUMBER_OF_FRAMES;
    PixelModule {
        rows: number(tags::ROWS).unwrap_or(0),
        columns: number(tags::COLUMNS).unwrap_or(0),
        samples_per_pixel: number(tags::SAMPLES_PER_PIXEL).unwrap_or(1),
        bits_allocated,
        bits_stored,
        high_bit: number(tags::HIGH_BIT).unwrap_or(bits_stored.saturating_sub(1)),
        planar: fields.integer(tags::PLANAR_CONFIGURATION) == Some(1),
        signed: fields.integer(tags::PIXEL_REPRESENTATION) == Some(1),
        photometric: code_string(photometric).unwrap_or_default(),
        frames: if fields.has(frames) { fields.integer(frames).unwrap_or(0) } else { 1 },
    }
}

pub(crate) fn values(fields: Fields<'_>, signed: bool, limits: &Limits, notes: &mut Notes) -> Values {
    let code = |tag| fields.text(tag).and_then(code_string);
    let padding = |tag| fields.integer(tag).map(|value| with_sign(value, signed));
    note_rescale(fields, notes);
    Values {
        slope: fields.number(tags::RESCALE_SLOPE).or_else(|| fields.number(tags::DOSE_GRID_SCALING)),
        intercept: fields.number(tags::RESCALE_INTERCEPT),
        rescale_type: code(tags::RESCALE_TYPE).or_else(|| code(tags::DOSE_UNITS)),
        units: code(tags::UNITS),
        suv_type: code(tags::SUV_TYPE),
        padding: padding(tags::PIXEL_PADDING_VALUE),
        padding_limit: padding(tags::PIXEL_PADDING_RANGE_LIMIT),
        windows: windows(fields, notes),
        inverse: fields.text(tags::PRESENTATION_LUT_SHAPE) == Some("INVERSE"),
        real_world: real_world(fields, limits, notes),
        has_supplemental_palette: fields.has(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR),
        has_modality_lut: fields.has(tags::MODALITY_LUT_SEQUENCE),
        has_voi_lut: fields.has(tags::VOILUT_SEQUENCE),
        lossy: fields.text(tags::LOSSY_IMAGE_COMPRESSION) == Some("01"),
    }
}

/// PS3.3 C.11.1: a rescale of one slope and intercept, or a Modality LUT.
fn note_rescale(fields: Fields<'_>, notes: &mut Notes) {
    let rescale = [tags::RESCALE_SLOPE, tags::RESCALE_INTERCEPT];
    if rescale.iter().any(|&tag| fields.texts(tag).nth(1).is_some()) {
        let text =
            "a rescale slope or intercept (0028,1053), (0028,1052) of several values; the first is used";
        notes.add(NoteCode::Tolerated, text);
    }
    if fields.has(tags::MODALITY_LUT_SEQUENCE) && rescale.iter().any(|&tag| fields.has(tag)) {
        let text = "both a rescale and a Modality LUT (0028,3000), which exclude each other; the LUT is used";
        notes.add(NoteCode::Tolerated, text);
    }
}

/// The real-world value maps (0040,9096) of an image or a frame. What is wrong about them costs only them.
pub(crate) fn real_world(fields: Fields<'_>, limits: &Limits, notes: &mut Notes) -> Arc<[RealWorldMap]> {
    match RealWorldMap::all_of(fields, limits) {
        Ok(maps) => maps.into(),
        Err(_) => {
            let text = "a real-world value map (0040,9096) that breaks the standard is not used";
            notes.add(NoteCode::Ignored, text);
            Arc::default()
        }
    }
}

/// Padding is written as US or SS, and often as the wrong one of them.
fn with_sign(value: i64, signed: bool) -> i64 {
    match (signed, value) {
        (true, 0x8000..=0xFFFF) => value - 0x1_0000,
        (false, -0x8000..=-1) => value + 0x1_0000,
        _ => value,
    }
}

pub(crate) fn windows(fields: Fields<'_>, notes: &mut Notes) -> Vec<NamedVoi> {
    let function = match fields.text(tags::VOILUT_FUNCTION) {
        None | Some("LINEAR") => WindowFunction::Linear,
        Some("LINEAR_EXACT") => WindowFunction::LinearExact,
        Some("SIGMOID") => WindowFunction::Sigmoid,
        Some(_) => {
            notes.add(NoteCode::Tolerated, "an unknown VOI LUT function (0028,1056) is taken as LINEAR");
            WindowFunction::Linear
        }
    };
    let centers = fields.numbers(tags::WINDOW_CENTER);
    let widths = fields.numbers(tags::WINDOW_WIDTH);
    let names = free_text(fields, tags::WINDOW_CENTER_WIDTH_EXPLANATION).unwrap_or_default();
    if centers.len() != widths.len() {
        notes.add(NoteCode::Tolerated, "windows whose centres and widths differ in number; pairs are used");
    }
    let mut names = names.split('\\').map(|name| name.trim().to_owned());
    let mut windows = Vec::new();
    for (&center, &width) in centers.iter().zip(&widths) {
        let name = names.next().unwrap_or_default();
        match Window::new(center, width, function) {
            Ok(window) => windows.push(NamedVoi { name, voi: Voi::Window(window) }),
            Err(_) => {
                notes.add(NoteCode::Tolerated, "a window whose numbers the standard forbids is not used")
            }
        }
    }
    windows
}
