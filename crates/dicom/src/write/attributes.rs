//! The attributes of one slice (PS3.3 A.3 CT Image, A.21 PET Image).

use anatome_core::{Modality, Samples, Unit, Voi, Volume, WindowFunction};
use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use glam::DVec3;
use ndarray::Axis;

use super::SeriesSpec;
use super::encode::{Encoder, decimal, uid};
use crate::Error;

const DATE: &str = "20250101";
const TIME: &str = "120000";
const IMPLEMENTATION: &str = "2.25.226541237906385113049264213297571325047";

/// What all slices of a series share.
pub(crate) struct SeriesAttributes<'a> {
    spec: &'a SeriesSpec,
    is_pet: bool,
    class: &'static str,
    study_uid: String,
    series_uid: String,
    frame_uid: String,
    row: DVec3,
    column: DVec3,
    spacing_mm: DVec3,
    thickness_mm: f64,
    slices: usize,
}

impl<'a> SeriesAttributes<'a> {
    pub fn new(volume: &Volume, spec: &'a SeriesSpec) -> Result<Self, Error> {
        let grid = volume.grid();
        let (row, column) = (grid.row_direction(), grid.column_direction());
        if row.dot(column).abs() > 1e-6 {
            return Err(Error::unsupported("writing slices whose rows and columns are not at right angles"));
        }
        let shape = grid.shape();
        if shape.iter().any(|&n| n > usize::from(u16::MAX)) {
            return Err(Error::unsupported("writing more than 65,535 slices, rows or columns"));
        }
        let is_pet = volume.facts().modality == Modality::Pt;
        let spacing_mm = grid.spacing_mm();
        let own = &volume.facts().frame_of_reference;
        Ok(Self {
            spec,
            is_pet,
            class: if is_pet {
                uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE
            } else {
                uids::CT_IMAGE_STORAGE
            },
            study_uid: uid(spec.seed, "study", [0, 0]),
            series_uid: uid(spec.seed, "series", [spec.number.into(), 0]),
            frame_uid: own.clone().unwrap_or_else(|| uid(spec.seed, "frame of reference", [0, 0])),
            row,
            column,
            spacing_mm,
            thickness_mm: volume.facts().slice_thickness_mm.unwrap_or(spacing_mm.z.abs()),
            slices: grid.shape()[0],
        })
    }
}

/// One slice's samples as 16-bit words, and what they mean.
struct Words {
    bytes: Vec<u8>,
    signed: bool,
    slope: f64,
    intercept: f64,
    padding: Option<(i32, i32)>,
}

/// The whole file of slice `k`.
pub(crate) fn slice_bytes(
    volume: &Volume,
    series: &SeriesAttributes<'_>,
    k: usize,
) -> Result<Vec<u8>, Error> {
    let words = words(volume, k)?;
    let instance_uid = uid(series.spec.seed, "instance", [series.spec.number.into(), k as u64]);
    let mut out = Encoder::new(words.bytes.len() + 4096);
    general(&mut out, series, &instance_uid);
    acquisition(&mut out, series);
    place(&mut out, volume, series, k);
    pixels(&mut out, volume, series, &words);
    if series.is_pet {
        pet_series(&mut out, volume, series, k);
    }
    out.long(tags::PIXEL_DATA, b"OW", &words.bytes);
    Ok(file(series.class, &instance_uid, &out.finish()))
}

/// Preamble, file meta information and dataset (PS3.10 7.1).
fn file(class: &str, instance_uid: &str, dataset: &[u8]) -> Vec<u8> {
    let mut meta = Encoder::new(512);
    meta.long(tags::FILE_META_INFORMATION_VERSION, b"OB", &[0, 1]);
    meta.text(tags::MEDIA_STORAGE_SOP_CLASS_UID, b"UI", class);
    meta.text(tags::MEDIA_STORAGE_SOP_INSTANCE_UID, b"UI", instance_uid);
    meta.text(tags::TRANSFER_SYNTAX_UID, b"UI", uids::EXPLICIT_VR_LITTLE_ENDIAN);
    meta.text(tags::IMPLEMENTATION_CLASS_UID, b"UI", IMPLEMENTATION);
    meta.text(tags::IMPLEMENTATION_VERSION_NAME, b"SH", "ANATOME");
    let meta = meta.finish();
    let mut bytes = vec![0; 128];
    bytes.extend_from_slice(b"DICM\x02\x00\x00\x00UL\x04\x00");
    bytes.extend_from_slice(&(meta.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&meta);
    bytes.extend_from_slice(dataset);
    bytes
}

fn general(out: &mut Encoder, series: &SeriesAttributes<'_>, instance_uid: &str) {
    let kind = if series.is_pet { "ORIGINAL\\PRIMARY" } else { "ORIGINAL\\PRIMARY\\AXIAL" };
    out.text(tags::SPECIFIC_CHARACTER_SET, b"CS", "ISO_IR 100");
    out.text(tags::IMAGE_TYPE, b"CS", kind);
    out.text(tags::SOP_CLASS_UID, b"UI", series.class);
    out.text(tags::SOP_INSTANCE_UID, b"UI", instance_uid);
    for tag in [tags::STUDY_DATE, tags::SERIES_DATE, tags::ACQUISITION_DATE, tags::CONTENT_DATE] {
        out.text(tag, b"DA", DATE);
    }
    for tag in [tags::STUDY_TIME, tags::SERIES_TIME, tags::ACQUISITION_TIME, tags::CONTENT_TIME] {
        out.text(tag, b"TM", TIME);
    }
    out.text(tags::ACCESSION_NUMBER, b"SH", "");
    out.text(tags::MODALITY, b"CS", if series.is_pet { "PT" } else { "CT" });
    out.text(tags::MANUFACTURER, b"LO", "Anatome");
    out.text(tags::REFERRING_PHYSICIAN_NAME, b"PN", "");
    out.text(tags::STUDY_DESCRIPTION, b"LO", "Generated demonstration study");
    out.text(tags::SERIES_DESCRIPTION, b"LO", &series.spec.description);
    out.text(tags::MANUFACTURER_MODEL_NAME, b"LO", "Anatome phantom");
    out.text(tags::PATIENT_NAME, b"PN", "ANATOME^DEMO");
    out.text(tags::PATIENT_ID, b"LO", "DEMO");
    out.text(tags::PATIENT_BIRTH_DATE, b"DA", "");
    out.text(tags::PATIENT_SEX, b"CS", "O");
    if series.is_pet {
        out.text(tags::PATIENT_SIZE, b"DS", "1.75");
        out.text(tags::PATIENT_WEIGHT, b"DS", "75");
    }
}

fn acquisition(out: &mut Encoder, series: &SeriesAttributes<'_>) {
    out.text(tags::BODY_PART_EXAMINED, b"CS", "CHEST");
    out.numbers(tags::SLICE_THICKNESS, &[series.thickness_mm]);
    if !series.is_pet {
        out.text(tags::KVP, b"DS", "120");
    }
    out.text(tags::SOFTWARE_VERSIONS, b"LO", env!("CARGO_PKG_VERSION"));
    if series.is_pet {
        out.text(tags::COLLIMATOR_TYPE, b"CS", "NONE");
        out.text(tags::ACTUAL_FRAME_DURATION, b"IS", "180000");
    }
    // PET states the same by codes, or not at all (PS3.3 C.8.4.6).
    if !series.is_pet {
        out.text(tags::PATIENT_POSITION, b"CS", "HFS");
    }
}

fn place(out: &mut Encoder, volume: &Volume, series: &SeriesAttributes<'_>, k: usize) {
    out.text(tags::STUDY_INSTANCE_UID, b"UI", &series.study_uid);
    out.text(tags::SERIES_INSTANCE_UID, b"UI", &series.series_uid);
    out.text(tags::STUDY_ID, b"SH", "DEMO");
    out.integer(tags::SERIES_NUMBER, series.spec.number.into());
    out.integer(tags::ACQUISITION_NUMBER, 1);
    out.integer(tags::INSTANCE_NUMBER, k + 1);
    let position = volume.grid().patient_from_index(DVec3::new(0.0, 0.0, k as f64));
    out.numbers(tags::IMAGE_POSITION_PATIENT, &position.to_array());
    let (row, column) = (series.row.to_array(), series.column.to_array());
    out.numbers(tags::IMAGE_ORIENTATION_PATIENT, &[row, column].concat());
    out.text(tags::FRAME_OF_REFERENCE_UID, b"UI", &series.frame_uid);
    out.text(tags::POSITION_REFERENCE_INDICATOR, b"LO", "");
}

fn pixels(out: &mut Encoder, volume: &Volume, series: &SeriesAttributes<'_>, words: &Words) {
    let [_, rows, columns] = volume.grid().shape();
    out.word(tags::SAMPLES_PER_PIXEL, 1);
    let inverted = volume.facts().inverted;
    let photometric = if inverted { "MONOCHROME1" } else { "MONOCHROME2" };
    out.text(tags::PHOTOMETRIC_INTERPRETATION, b"CS", photometric);
    out.word(tags::ROWS, u16::try_from(rows).unwrap_or(u16::MAX));
    out.word(tags::COLUMNS, u16::try_from(columns).unwrap_or(u16::MAX));
    out.numbers(tags::PIXEL_SPACING, &[series.spacing_mm.y, series.spacing_mm.x]);
    if series.is_pet {
        out.text(tags::CORRECTED_IMAGE, b"CS", "DECY\\ATTN\\SCAT\\RAN\\NORM");
    }
    out.word(tags::BITS_ALLOCATED, 16);
    out.word(tags::BITS_STORED, 16);
    out.word(tags::HIGH_BIT, 15);
    out.word(tags::PIXEL_REPRESENTATION, words.signed.into());
    if let Some((lowest, highest)) = words.padding {
        let mut padding = |tag: Tag, value: i32| match words.signed {
            true => out.signed_word(tag, value as i16),
            false => out.word(tag, value as u16),
        };
        padding(tags::PIXEL_PADDING_VALUE, lowest);
        if highest != lowest {
            padding(tags::PIXEL_PADDING_RANGE_LIMIT, highest);
        }
    }
    windows(out, volume);
    out.numbers(tags::RESCALE_INTERCEPT, &[words.intercept]);
    out.numbers(tags::RESCALE_SLOPE, &[words.slope]);
    if volume.mapping().unit == Unit::Hounsfield {
        out.text(tags::RESCALE_TYPE, b"LO", "HU");
    }
    windows_end(out, volume);
}

/// The windows that can be written: all of one function, as the attribute asks.
fn usable_windows(volume: &Volume) -> Vec<(&str, anatome_core::Window)> {
    let windows = volume.facts().vois.iter().filter_map(|named| match &named.voi {
        Voi::Window(window) => Some((named.name.as_str(), *window)),
        Voi::Lut(_) => None,
    });
    let windows: Vec<_> = windows.collect();
    let function = windows.first().map(|(_, window)| window.function());
    windows.into_iter().filter(|(_, window)| Some(window.function()) == function).collect()
}

fn windows(out: &mut Encoder, volume: &Volume) {
    let windows = usable_windows(volume);
    if !windows.is_empty() {
        out.numbers(tags::WINDOW_CENTER, &windows.iter().map(|(_, w)| w.center()).collect::<Vec<_>>());
        out.numbers(tags::WINDOW_WIDTH, &windows.iter().map(|(_, w)| w.width()).collect::<Vec<_>>());
    }
}

fn windows_end(out: &mut Encoder, volume: &Volume) {
    let windows = usable_windows(volume);
    let Some((_, first)) = windows.first() else { return };
    let names: Vec<&str> = windows.iter().map(|(name, _)| *name).collect();
    out.text(tags::WINDOW_CENTER_WIDTH_EXPLANATION, b"LO", &names.join("\\"));
    let function = match first.function() {
        WindowFunction::Linear => "LINEAR",
        WindowFunction::LinearExact => "LINEAR_EXACT",
        WindowFunction::Sigmoid => "SIGMOID",
    };
    out.text(tags::VOILUT_FUNCTION, b"CS", function);
}

fn pet_series(out: &mut Encoder, volume: &Volume, series: &SeriesAttributes<'_>, k: usize) {
    out.item(tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE, radiopharmaceutical());
    out.word(tags::NUMBER_OF_SLICES, u16::try_from(series.slices).unwrap_or(u16::MAX));
    out.long(tags::PATIENT_ORIENTATION_CODE_SEQUENCE, b"SQ", &[]);
    out.long(tags::PATIENT_GANTRY_RELATIONSHIP_CODE_SEQUENCE, b"SQ", &[]);
    out.text(tags::SERIES_TYPE, b"CS", "STATIC\\IMAGE");
    let units = match volume.mapping().unit {
        Unit::SuvBodyWeight => "GML",
        _ => "BQML",
    };
    out.text(tags::UNITS, b"CS", units);
    out.text(tags::COUNTS_SOURCE, b"CS", "EMISSION");
    out.text(tags::DECAY_CORRECTION, b"CS", "START");
    out.text(tags::FRAME_REFERENCE_TIME, b"DS", "0");
    out.text(tags::DECAY_FACTOR, b"DS", "1");
    out.word(tags::IMAGE_INDEX, u16::try_from(k + 1).unwrap_or(u16::MAX));
}

/// 370 MBq of F-18 FDG, an hour before the scan.
fn radiopharmaceutical() -> Encoder {
    let mut item = Encoder::new(512);
    item.text(tags::RADIOPHARMACEUTICAL, b"LO", "Fluorodeoxyglucose");
    item.text(tags::RADIOPHARMACEUTICAL_START_TIME, b"TM", "110000");
    item.text(tags::RADIONUCLIDE_TOTAL_DOSE, b"DS", "370000000");
    item.text(tags::RADIONUCLIDE_HALF_LIFE, b"DS", "6586.2");
    item.text(tags::RADIOPHARMACEUTICAL_START_DATE_TIME, b"DT", "20250101110000");
    item.item(tags::RADIONUCLIDE_CODE_SEQUENCE, code("77004003", "^18^Fluorine"));
    item.item(tags::RADIOPHARMACEUTICAL_CODE_SEQUENCE, code("35321007", "Fluorodeoxyglucose F^18^"));
    item
}

fn code(value: &str, meaning: &str) -> Encoder {
    let mut item = Encoder::new(96);
    item.text(tags::CODE_VALUE, b"SH", value);
    item.text(tags::CODING_SCHEME_DESIGNATOR, b"SH", "SCT");
    item.text(tags::CODE_MEANING, b"LO", meaning);
    item
}

fn words(volume: &Volume, k: usize) -> Result<Words, Error> {
    let mapping = volume.mapping();
    let padding = volume.padding().map(|padding| (padding.lowest as i32, padding.highest as i32));
    let integers = |bytes: Vec<u8>, signed: bool| {
        Ok(Words { bytes, signed, slope: mapping.slope, intercept: mapping.intercept, padding })
    };
    match volume.samples() {
        Samples::U8(a) => {
            let slice = a.index_axis(Axis(0), k);
            integers(slice.iter().flat_map(|&v| u16::from(v).to_le_bytes()).collect(), false)
        }
        Samples::U16(a) => {
            integers(a.index_axis(Axis(0), k).iter().flat_map(|v| v.to_le_bytes()).collect(), false)
        }
        Samples::I16(a) => {
            integers(a.index_axis(Axis(0), k).iter().flat_map(|v| v.to_le_bytes()).collect(), true)
        }
        Samples::F32(a) => {
            let slice = a.index_axis(Axis(0), k);
            let is_padding = |v: f32| volume.padding().is_some_and(|padding| padding.contains(f64::from(v)));
            let modality = |v: f32| mapping.modality_from_stored(f64::from(v));
            let values = slice.iter().map(|&v| (!is_padding(v)).then(|| modality(v)));
            Ok(quantized(values, volume.padding().is_some()))
        }
        _ => Err(Error::unsupported(format!("writing {} samples", volume.samples().type_name()))),
    }
}

/// The stored value that stands for places without samples.
const PADDING: u16 = u16::MAX;

/// A slice of modality values as 16 bits with a slope and intercept of its own; `None` is padding. The intercept is 0
/// where no value is negative, as PET asks (PS3.3 C.8.9.4.1.6).
fn quantized(values: impl Iterator<Item = Option<f64>> + Clone, has_padding: bool) -> Words {
    let present = || values.clone().flatten();
    let low = present().fold(0.0, f64::min);
    let high = present().fold(0.0, f64::max);
    // The slope is used as it is written, or else values would be off by its rounding. Rounded up: nothing overflows.
    let wanted = (high - low) / f64::from(PADDING - 1) * (1.0 + 1e-9);
    let slope = decimal(wanted).parse().ok().filter(|slope| *slope > 0.0).unwrap_or(1.0);
    let intercept = decimal(low).parse().unwrap_or(0.0);
    let stored = |value: Option<f64>| match value {
        Some(value) => ((value - intercept) / slope).round().clamp(0.0, f64::from(PADDING - 1)) as u16,
        None => PADDING,
    };
    let bytes = values.clone().flat_map(|value| stored(value).to_le_bytes()).collect();
    let padding = has_padding.then_some((PADDING.into(), PADDING.into()));
    Words { bytes, signed: false, slope, intercept, padding }
}
