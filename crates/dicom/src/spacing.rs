//! How large pixels are, and how that is known (PS3.3 10.7, C.8.5.5).

use anatome_core::Modality;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

use crate::elements::Fields;
use crate::slices::SPACING_MM;
use crate::{Error, Frame, Limits};

/// How large the pixels of a frame are.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FrameSpacing {
    /// Between rows (along j), then between columns (along i), in mm; `None` where nothing tells.
    pub mm: Option<[f64; 2]>,
    /// Height to width of a pixel: 1 where nothing tells.
    pub aspect: f64,
    /// How it is known.
    pub source: SpacingSource,
    /// The regions of an ultrasound image, each with its own scale.
    pub regions: Vec<UltrasoundRegion>,
}

/// How the size of pixels is known.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SpacingSource {
    /// Pixel Spacing (0028,0030) of a cross-section: in the patient.
    PixelSpacing,
    /// Pixel Spacing of a projection that says nothing else: at the detector or in the patient, nobody knows.
    ProjectionUnstated,
    /// Pixel Spacing of a projection, corrected for magnification by the known geometry (0028,0A02).
    CalibratedByGeometry,
    /// Pixel Spacing of a projection, corrected by an object of known size (0028,0A02).
    CalibratedByFiducial,
    /// Pixel Spacing of a projection that differs from Imager Pixel Spacing without a word why: corrected somehow.
    CalibratedUnstated,
    /// Object Pixel Spacing in Center of Beam (0018,9404) of an enhanced projection: in the plane of the object that
    /// the calibration is for, known by its distance to the table top.
    ObjectPlane,
    /// Imager Pixel Spacing (0018,1164): at the detector. What lies in the patient is smaller by an unknown factor.
    Detector,
    /// Imager Pixel Spacing divided by Estimated Radiographic Magnification Factor (0018,1114).
    Magnification {
        /// The factor.
        factor: f64,
    },
    /// Nominal Scanned Pixel Spacing (0018,2010): on the film or paper that was scanned.
    ScannedMedium,
    /// The one scale of all two-dimensional regions (0018,6011) of an ultrasound image.
    UltrasoundRegions,
    /// Ultrasound regions of different scale: see [`FrameSpacing::regions`].
    SeveralRegions,
    /// Pixel Aspect Ratio (0028,0034): no size, but a shape.
    AspectRatio,
    /// Nothing.
    None,
}

/// A region of an ultrasound image (PS3.3 C.8.5.5).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct UltrasoundRegion {
    /// First and last column (0018,6018; 601C), from 0.
    pub columns_px: [f64; 2],
    /// First and last row (0018,601A; 601E), from 0.
    pub rows_px: [f64; 2],
    /// Between rows, then between columns, in mm; `None` for other units, such as time.
    pub spacing_mm: Option<[f64; 2]>,
}

/// Reads what a frame's header says.
pub(crate) fn spacing(frame: &Frame, limits: &Limits) -> Result<FrameSpacing, Error> {
    let dataset = &frame.instance().dataset;
    let elements = dataset.walk(limits)?;
    let fields = Fields::new(&dataset.bytes, &elements);
    let pair = |tag| sizes(fields, tag);
    let regions = regions(fields, limits)?;
    let pixel = frame.plane().pixel_spacing_mm.filter(|n| n.iter().all(|mm| mm.is_finite() && *mm > 0.0));
    let grouped = |sequence, tag| of_group(frame, fields, sequence, tag, limits);
    let imager = match pair(tags::IMAGER_PIXEL_SPACING) {
        None => grouped(tags::FRAME_PIXEL_DATA_PROPERTIES_SEQUENCE, tags::IMAGER_PIXEL_SPACING)?,
        stated => stated,
    };
    let object =
        grouped(tags::PROJECTION_PIXEL_CALIBRATION_SEQUENCE, tags::OBJECT_PIXEL_SPACING_IN_CENTER_OF_BEAM)?;
    let factor = fields.number(tags::ESTIMATED_RADIOGRAPHIC_MAGNIFICATION_FACTOR);
    let factor = factor.filter(|factor| MAGNIFICATION.contains(factor));
    let same = |a: [f64; 2], b: [f64; 2]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4 * a);
    let of_regions = || {
        let mut scales = regions.iter().filter_map(|region| region.spacing_mm);
        let first = scales.next()?;
        Some(if scales.all(|other| same(first, other)) { Ok(first) } else { Err(()) })
    };
    let (mm, source) = match (pixel, imager, factor) {
        (None, _, _) if object.is_some() => (object, SpacingSource::ObjectPlane),
        (Some(pixel), imager, _) => {
            let at_detector = imager.map(|imager| same(pixel, imager));
            (Some(pixel), of_pixel_spacing(fields, &frame.instance().modality, at_detector))
        }
        (None, Some(imager), Some(factor)) => {
            (Some(imager.map(|mm| mm / factor)), SpacingSource::Magnification { factor })
        }
        (None, Some(imager), None) => (Some(imager), SpacingSource::Detector),
        (None, None, _) => match (of_regions(), pair(tags::NOMINAL_SCANNED_PIXEL_SPACING)) {
            (Some(Ok(mm)), _) => (Some(mm), SpacingSource::UltrasoundRegions),
            (Some(Err(())), _) => (None, SpacingSource::SeveralRegions),
            (None, Some(mm)) => (Some(mm), SpacingSource::ScannedMedium),
            (None, None) => (None, SpacingSource::None),
        },
    };
    let ratio = pair(tags::PIXEL_ASPECT_RATIO).map(|[vertical, horizontal]| vertical / horizontal);
    let (aspect, source) = match (mm, ratio) {
        (Some([row, column]), _) => (row / column, source),
        (None, Some(ratio)) if source == SpacingSource::None => (ratio, SpacingSource::AspectRatio),
        (None, ratio) => (ratio.unwrap_or(1.0), source),
    };
    Ok(FrameSpacing { mm, aspect, source, regions })
}

/// Projections enlarge by 1 to about 3; beyond this it is no magnification.
const MAGNIFICATION: std::ops::RangeInclusive<f64> = 0.01..=100.0;

/// Two sizes in mm, between rows and between columns.
fn sizes(fields: Fields<'_>, tag: Tag) -> Option<[f64; 2]> {
    let numbers = fields.numbers(tag);
    numbers.first_chunk::<2>().copied().filter(|n| n.iter().all(|mm| SPACING_MM.contains(mm)))
}

/// Two sizes of a functional group: the frame's own, or the one that all frames share (PS3.3 C.8.19.6).
fn of_group(
    frame: &Frame,
    fields: Fields<'_>,
    sequence: Tag,
    tag: Tag,
    limits: &Limits,
) -> Result<Option<[f64; 2]>, Error> {
    if !frame.instance().is_enhanced {
        return Ok(None);
    }
    let own = (tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frame.number() - 1);
    for (groups, n) in [own, (tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, 0)] {
        let Some((bytes, elements)) = fields.each_item(groups, limits).nth(n).transpose()? else { continue };
        let group = Fields::new(bytes, &elements);
        let item = group.each_item(sequence, limits).next().transpose()?;
        if let Some(found) = item.and_then(|(bytes, elements)| sizes(Fields::new(bytes, &elements), tag)) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// What Pixel Spacing means: `at_detector` says whether it equals Imager Pixel Spacing, where there is one.
fn of_pixel_spacing(fields: Fields<'_>, modality: &Modality, at_detector: Option<bool>) -> SpacingSource {
    match (fields.text(tags::PIXEL_SPACING_CALIBRATION_TYPE), at_detector) {
        (Some("GEOMETRY"), _) => SpacingSource::CalibratedByGeometry,
        (Some("FIDUCIAL"), _) => SpacingSource::CalibratedByFiducial,
        (_, Some(true)) => SpacingSource::Detector,
        (_, Some(false)) => SpacingSource::CalibratedUnstated,
        (_, None) if PROJECTIONS.contains(&modality.code()) => SpacingSource::ProjectionUnstated,
        (_, None) => SpacingSource::PixelSpacing,
    }
}

/// Modalities whose images are projections (PS3.3 C.7.3.1.1.1).
const PROJECTIONS: [&str; 8] = ["CR", "DX", "IO", "MG", "PX", "RF", "RG", "XA"];

/// Regions that are looked at.
const MOST_REGIONS: usize = 64;

fn regions(fields: Fields<'_>, limits: &Limits) -> Result<Vec<UltrasoundRegion>, Error> {
    let items = fields.items(tags::SEQUENCE_OF_ULTRASOUND_REGIONS, limits)?;
    let region = |item: Fields<'_>| {
        let pixel = |tag| item.number(tag).filter(|n| n.is_finite());
        // PS3.3 C.8.5.5.1.15: 3 is centimetres.
        let cm = |unit, delta| {
            let delta = item.number(delta)?.abs();
            let mm = 10.0 * delta;
            (item.integer(unit) == Some(3) && SPACING_MM.contains(&mm)).then_some(mm)
        };
        // C.8.5.5.1.1: 1 is an image, others are curves and traces.
        let is_image = item.integer(tags::REGION_SPATIAL_FORMAT).is_none_or(|format| format == 1);
        let row = cm(tags::PHYSICAL_UNITS_Y_DIRECTION, tags::PHYSICAL_DELTA_Y);
        let column = cm(tags::PHYSICAL_UNITS_X_DIRECTION, tags::PHYSICAL_DELTA_X);
        Some(UltrasoundRegion {
            columns_px: [pixel(tags::REGION_LOCATION_MIN_X0)?, pixel(tags::REGION_LOCATION_MAX_X1)?],
            rows_px: [pixel(tags::REGION_LOCATION_MIN_Y0)?, pixel(tags::REGION_LOCATION_MAX_Y1)?],
            spacing_mm: row.zip(column).filter(|_| is_image).map(|(row, column)| [row, column]),
        })
    };
    let items = items.iter().take(MOST_REGIONS);
    Ok(items.filter_map(|(bytes, elements)| region(Fields::new(bytes, elements))).collect())
}
