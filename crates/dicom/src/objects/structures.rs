//! RT structure sets (PS3.3 C.8.8.5, C.8.8.6, C.8.8.8): regions of interest as contours.

use std::collections::HashMap;

use dicom_dictionary_std::tags;
use glam::DVec3;

use super::item::Item;
use super::{FreeText, ImageReference, SeriesReference};
use crate::Error;

/// What the points of a contour are (3006,0042).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContourKind {
    /// One point.
    Point,
    /// An open polygon in one plane.
    OpenPlanar,
    /// An open polygon in space.
    OpenNonplanar,
    /// A closed polygon in one plane: the first point is not repeated.
    ClosedPlanar,
    /// As `ClosedPlanar`; areas within areas are holes.
    ClosedPlanarXor,
}

/// One contour (3006,0040).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Contour {
    /// What the points are.
    pub kind: ContourKind,
    /// The points in LPS mm, finite, at least one.
    pub points_mm: Vec<DVec3>,
    /// The images that it was drawn on.
    pub images: Vec<ImageReference>,
}

/// Why the contours of a region can't be trusted. None of them is kept: part of a region is not the region.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoiFault {
    /// Contour Data (3006,0050) whose numbers are not three for each point.
    #[error("contour {contour} has {numbers} numbers, which are no points")]
    NotTriples {
        /// From 1, in the file's order.
        contour: usize,
        /// How many numbers there are.
        numbers: usize,
    },
    /// A coordinate that is no finite number.
    #[error("a coordinate of contour {contour} is no finite number")]
    NotFinite {
        /// From 1, in the file's order.
        contour: usize,
    },
    /// A geometric type (3006,0042) that the standard does not have.
    #[error("contour {contour} is of no geometric type that the standard has")]
    UnknownKind {
        /// From 1, in the file's order.
        contour: usize,
    },
}

/// One region of interest (3006,0020, 3006,0039, 3006,0080).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Roi {
    /// ROI Number (3006,0022).
    pub number: i64,
    /// ROI Name (3006,0026).
    pub name: FreeText,
    /// ROI Description (3006,0028).
    pub description: Option<FreeText>,
    /// Referenced Frame of Reference UID (3006,0024).
    pub frame_of_reference_uid: Option<String>,
    /// ROI Generation Algorithm (3006,0036), such as `MANUAL`.
    pub generation: Option<String>,
    /// RT ROI Interpreted Type (3006,00A4), such as `ORGAN`.
    pub interpreted_type: Option<String>,
    /// ROI Display Color (3006,002A), RGB.
    pub color: Option<[u8; 3]>,
    /// In the file's order; contours without points are left out.
    pub contours: Vec<Contour>,
    /// Why there are no contours, if those in the file are broken.
    pub fault: Option<RoiFault>,
}

/// An RT structure set.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StructureSet {
    /// Structure Set Label (3006,0002).
    pub label: FreeText,
    /// Structure Set Name (3006,0004).
    pub name: Option<FreeText>,
    /// In the file's order; numbers differ.
    pub rois: Vec<Roi>,
    /// Frames of reference (3006,0010) that contours may stand in.
    pub frame_of_reference_uids: Vec<String>,
    /// The series and images that it was drawn on.
    pub referenced: Vec<SeriesReference>,
}

impl StructureSet {
    pub(super) fn read(item: Item<'_>) -> Result<Self, Error> {
        let mut set = Self {
            label: item.text(tags::STRUCTURE_SET_LABEL).unwrap_or_default(),
            name: item.text(tags::STRUCTURE_SET_NAME),
            rois: item.all(tags::STRUCTURE_SET_ROI_SEQUENCE, roi)?,
            ..Self::default()
        };
        let mut places = HashMap::new();
        for (n, roi) in set.rois.iter().enumerate() {
            if places.insert(roi.number, n).is_some() {
                return Err(Error::malformed("structure set", "two regions have one number"));
            }
        }
        let mut points_left = item.limits.contour_points;
        item.each(tags::ROI_CONTOUR_SEQUENCE, |item| {
            let number = item.fields.integer(tags::REFERENCED_ROI_NUMBER);
            let roi = number.and_then(|number| set.rois.get_mut(*places.get(&number)?));
            // Contours of a region that nothing describes have no name to show them by.
            let Some(roi) = roi else { return Ok(()) };
            roi.color = item.finites::<3>(tags::ROI_DISPLAY_COLOR).map(|color| color.map(|v| v as u8));
            add_contours(roi, item, &mut points_left)
        })?;
        item.each(tags::RTROI_OBSERVATIONS_SEQUENCE, |item| {
            let number = item.fields.integer(tags::REFERENCED_ROI_NUMBER);
            if let Some(roi) = number.and_then(|number| set.rois.get_mut(*places.get(&number)?)) {
                roi.interpreted_type = item.code_string(tags::RTROI_INTERPRETED_TYPE);
            }
            Ok(())
        })?;
        item.each(tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE, |item| {
            set.frame_of_reference_uids.extend(item.uid(tags::FRAME_OF_REFERENCE_UID));
            item.each(tags::RT_REFERENCED_STUDY_SEQUENCE, |study| {
                let series =
                    study.series(tags::RT_REFERENCED_SERIES_SEQUENCE, tags::CONTOUR_IMAGE_SEQUENCE)?;
                set.referenced.extend(series);
                Ok(())
            })
        })?;
        Ok(set)
    }
}

fn roi(item: Item<'_>) -> Result<Roi, Error> {
    let number = item
        .fields
        .integer(tags::ROI_NUMBER)
        .ok_or_else(|| Error::malformed("structure set", "a region has no number (3006,0022)"))?;
    Ok(Roi {
        number,
        name: item.text(tags::ROI_NAME).unwrap_or_default(),
        description: item.text(tags::ROI_DESCRIPTION),
        frame_of_reference_uid: item.uid(tags::REFERENCED_FRAME_OF_REFERENCE_UID),
        generation: item.code_string(tags::ROI_GENERATION_ALGORITHM),
        ..Roi::default()
    })
}

fn add_contours(roi: &mut Roi, item: Item<'_>, points_left: &mut usize) -> Result<(), Error> {
    let mut number = 0;
    let mut fault = None;
    item.each(tags::CONTOUR_SEQUENCE, |item| {
        number += 1;
        if fault.is_some() {
            return Ok(());
        }
        match contour(item, number, points_left)? {
            Ok(Some(contour)) => roi.contours.push(contour),
            Ok(None) => {}
            Err(found) => fault = Some(found),
        }
        Ok(())
    })?;
    if fault.is_some() {
        roi.contours = Vec::new();
        roi.fault = fault;
    }
    Ok(())
}

/// A contour; `None` if it has no points.
fn contour(
    item: Item<'_>,
    number: usize,
    points_left: &mut usize,
) -> Result<Result<Option<Contour>, RoiFault>, Error> {
    let text = item.fields.value(tags::CONTOUR_DATA).unwrap_or_default();
    let text = text.trim_ascii_end();
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    if text.is_empty() {
        return Ok(Ok(None));
    }
    let numbers = 1 + text.iter().filter(|&&byte| byte == b'\\').count();
    if numbers % 3 != 0 {
        return Ok(Err(RoiFault::NotTriples { contour: number, numbers }));
    }
    let points = numbers / 3;
    *points_left = points_left.checked_sub(points).ok_or(Error::Limits {
        what: "points of one structure set",
        needed: item.limits.contour_points as u64 + 1,
        allowed: item.limits.contour_points as u64,
    })?;
    let mut points_mm = Vec::with_capacity(points);
    let mut coordinates = text.split(|&byte| byte == b'\\').map(coordinate_mm);
    while let Some(x) = coordinates.next() {
        let point = x.zip(coordinates.next().flatten()).zip(coordinates.next().flatten());
        let Some(((x, y), z)) = point else { return Ok(Err(RoiFault::NotFinite { contour: number })) };
        points_mm.push(DVec3::new(x, y, z));
    }
    let kind = match item.code_string(tags::CONTOUR_GEOMETRIC_TYPE).as_deref() {
        Some("POINT") => ContourKind::Point,
        Some("OPEN_PLANAR") => ContourKind::OpenPlanar,
        Some("OPEN_NONPLANAR") => ContourKind::OpenNonplanar,
        Some("CLOSED_PLANAR") => ContourKind::ClosedPlanar,
        Some("CLOSEDPLANAR_XOR") => ContourKind::ClosedPlanarXor,
        _ => return Ok(Err(RoiFault::UnknownKind { contour: number })),
    };
    Ok(Ok(Some(Contour { kind, points_mm, images: item.images(tags::CONTOUR_IMAGE_SEQUENCE)? })))
}

fn coordinate_mm(text: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}
