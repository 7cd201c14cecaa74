//! Segmentations (PS3.3 C.8.20): binary, fractional and label maps.

use std::sync::Arc;

use dicom_dictionary_std::{tags, uids};

use super::item::Item;
use super::{CielabColor, Code, FreeText, ImageReference, SeriesReference};
use crate::{Error, InstanceHeader, Limits};

/// What the pixels of a segmentation say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SegmentationKind {
    /// Each frame belongs to one segment; a pixel is in it (1) or not (0).
    Binary,
    /// Each frame belongs to one segment; a pixel is in it to the share `value / maximum`.
    Fractional {
        /// Maximum Fractional Value (0062,000E).
        maximum: u32,
        /// Whether the share is one of the pixel's volume (OCCUPANCY) and not of certainty (PROBABILITY).
        is_occupancy: bool,
    },
    /// A pixel's value is the number of its segment.
    Labelmap,
}

/// How a segment was found (0062,0008).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlgorithmType {
    /// By a program.
    Automatic,
    /// By a program with a person's help.
    SemiAutomatic,
    /// By hand.
    Manual,
    /// Not stated, or not as the standard has it.
    #[default]
    Unknown,
}

/// One segment (0062,0002).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Segment {
    /// Segment Number (0062,0004), by which frames or pixels refer to it.
    pub number: u32,
    /// Segment Label (0062,0005).
    pub label: FreeText,
    /// Segment Description (0062,0006).
    pub description: Option<FreeText>,
    /// The property's category, such as tissue.
    pub category: Option<Code>,
    /// The property, such as liver.
    pub property: Option<Code>,
    /// What modifies the property, such as the side of the body.
    pub modifiers: Vec<Code>,
    /// Anatomic Region Sequence (0008,2218).
    pub region: Option<Code>,
    /// How it was found.
    pub algorithm: AlgorithmType,
    /// Segment Algorithm Name (0062,0009).
    pub algorithm_name: Option<FreeText>,
    /// Recommended Display CIELab Value (0062,000D).
    pub color: Option<CielabColor>,
    /// Recommended Display Grayscale Value (0062,000C), 0 to 65535.
    pub gray: Option<u32>,
    /// Tracking UID (0062,0021): the same finding in several objects.
    pub tracking_uid: Option<String>,
}

/// One frame of a segmentation. Where it stands is the matching [`InstanceHeader`]'s to say.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SegmentationFrame {
    /// The segment of its pixels; `None` in a label map.
    pub segment: Option<u32>,
    /// The images that it was made from.
    pub sources: Arc<[ImageReference]>,
}

/// A segmentation without its pixels.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Segmentation {
    /// What the pixels say.
    pub kind: SegmentationKind,
    /// In the file's order; numbers differ.
    pub segments: Vec<Segment>,
    /// In the file's order.
    pub frames: Vec<SegmentationFrame>,
    /// Segments Overlap (0062,0013); `None` where it is not known.
    pub overlap: Option<bool>,
    /// Pixel Padding Value (0028,0120): the label of what is no segment, in a label map.
    pub background: Option<u32>,
    /// Frame of Reference UID (0020,0052).
    pub frame_of_reference_uid: Option<String>,
    /// What it was made from.
    pub referenced: Vec<SeriesReference>,
}

impl Segmentation {
    pub(super) fn read(header: &InstanceHeader, item: Item<'_>) -> Result<Self, Error> {
        let kind = kind(header, item)?;
        let segments = item.all(tags::SEGMENT_SEQUENCE, segment)?;
        let mut numbers: Vec<u32> = segments.iter().map(|segment| segment.number).collect();
        numbers.sort_unstable();
        if numbers.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(Error::malformed("segmentation", "two segments have one number"));
        }
        let frames = frames(header, item, kind, &segments)?;
        let known = |frame: &SegmentationFrame| match frame.segment {
            Some(number) => numbers.binary_search(&number).is_ok(),
            None => kind == SegmentationKind::Labelmap,
        };
        if let Some(n) = frames.iter().position(|frame| !known(frame)) {
            let reason = format!("frame {} belongs to no segment that is described", n + 1);
            return Err(Error::malformed("segmentation", reason));
        }
        Ok(Self {
            kind,
            segments,
            frames,
            overlap: match item.code_string(tags::SEGMENTS_OVERLAP).as_deref() {
                Some("YES") => Some(true),
                Some("NO") => Some(false),
                // A pixel has one label.
                _ if kind == SegmentationKind::Labelmap => Some(false),
                _ => None,
            },
            background: item.unsigned(tags::PIXEL_PADDING_VALUE),
            frame_of_reference_uid: item.uid(tags::FRAME_OF_REFERENCE_UID),
            referenced: item.series(tags::REFERENCED_SERIES_SEQUENCE, tags::REFERENCED_INSTANCE_SEQUENCE)?,
        })
    }

    /// The segment with this number.
    #[must_use]
    pub fn segment(&self, number: u32) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.number == number)
    }
}

fn kind(header: &InstanceHeader, item: Item<'_>) -> Result<SegmentationKind, Error> {
    if header.sop_class_uid == uids::LABEL_MAP_SEGMENTATION_STORAGE {
        return Ok(SegmentationKind::Labelmap);
    }
    match item.code_string(tags::SEGMENTATION_TYPE).as_deref() {
        Some("BINARY") => Ok(SegmentationKind::Binary),
        Some("LABELMAP") => Ok(SegmentationKind::Labelmap),
        Some("FRACTIONAL") => {
            let maximum =
                item.unsigned(tags::MAXIMUM_FRACTIONAL_VALUE).filter(|&n| n > 0).ok_or_else(|| {
                    Error::malformed(
                        "segmentation",
                        "the maximum fractional value (0062,000E) is not positive",
                    )
                })?;
            let is_occupancy = item.is(tags::SEGMENTATION_FRACTIONAL_TYPE, "OCCUPANCY");
            Ok(SegmentationKind::Fractional { maximum, is_occupancy })
        }
        _ => Err(Error::malformed("segmentation", "its type (0062,0001) is none that the standard has")),
    }
}

fn segment(item: Item<'_>) -> Result<Segment, Error> {
    let number = item
        .unsigned(tags::SEGMENT_NUMBER)
        .ok_or_else(|| Error::malformed("segmentation", "a segment has no number (0062,0004)"))?;
    Ok(Segment {
        number,
        label: item.text(tags::SEGMENT_LABEL).unwrap_or_default(),
        description: item.text(tags::SEGMENT_DESCRIPTION),
        category: item.code(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE)?,
        property: item.code(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE)?,
        modifiers: item.first(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, modifiers)?.unwrap_or_default(),
        region: item.code(tags::ANATOMIC_REGION_SEQUENCE)?,
        algorithm: match item.code_string(tags::SEGMENT_ALGORITHM_TYPE).as_deref() {
            Some("AUTOMATIC") => AlgorithmType::Automatic,
            Some("SEMIAUTOMATIC") => AlgorithmType::SemiAutomatic,
            Some("MANUAL") => AlgorithmType::Manual,
            _ => AlgorithmType::Unknown,
        },
        algorithm_name: item.text(tags::SEGMENT_ALGORITHM_NAME),
        color: item.color(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE),
        gray: item.unsigned(tags::RECOMMENDED_DISPLAY_GRAYSCALE_VALUE),
        tracking_uid: item.uid(tags::TRACKING_UID),
    })
}

/// The modifiers stand within the property's code (PS3.3 C.8.20.4).
fn modifiers(property: Item<'_>) -> Result<Vec<Code>, Error> {
    property.codes(tags::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE)
}

fn frames(
    header: &InstanceHeader,
    item: Item<'_>,
    kind: SegmentationKind,
    segments: &[Segment],
) -> Result<Vec<SegmentationFrame>, Error> {
    let shared = item.first(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, frame)?.unwrap_or_default();
    let mut frames = item.all(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, |item| {
        let own = frame(item)?;
        Ok(SegmentationFrame {
            segment: own.segment.or(shared.segment),
            sources: if own.sources.is_empty() { Arc::clone(&shared.sources) } else { own.sources },
        })
    })?;
    let count = header.pixels.as_ref().map_or(0, |pixels| pixels.frames);
    if frames.is_empty() && item.is(tags::DIMENSION_ORGANIZATION_TYPE, "TILED_FULL") {
        return tiles(count, segments, kind, item.limits);
    }
    if frames.is_empty() && count == 1 {
        frames.push(shared);
    }
    if i64::try_from(frames.len()).ok() != Some(count) {
        let reason = format!("{count} frames, but functional groups of {}", frames.len());
        return Err(Error::malformed("segmentation", reason));
    }
    Ok(frames)
}

/// Tiles that are not listed (PS3.3 C.7.6.17.3): all of the first segment, then all of the next.
fn tiles(
    count: i64,
    segments: &[Segment],
    kind: SegmentationKind,
    limits: &Limits,
) -> Result<Vec<SegmentationFrame>, Error> {
    let needed = u64::try_from(count).unwrap_or(0);
    let allowed = limits.frames as u64;
    if needed > allowed {
        return Err(Error::Limits { what: "frames of a segmentation", needed, allowed });
    }
    let count = needed as usize;
    if kind == SegmentationKind::Labelmap {
        return Ok(vec![SegmentationFrame::default(); count]);
    }
    if segments.is_empty() || !count.is_multiple_of(segments.len()) {
        let reason = format!("{count} tiles can't be shared out among {} segments", segments.len());
        return Err(Error::malformed("segmentation", reason));
    }
    let each = count / segments.len();
    let frame = |segment: &Segment| SegmentationFrame {
        segment: Some(segment.number),
        ..SegmentationFrame::default()
    };
    Ok(segments.iter().flat_map(|segment| std::iter::repeat_n(frame(segment), each)).collect())
}

fn frame(groups: Item<'_>) -> Result<SegmentationFrame, Error> {
    let number = |item: Item<'_>| Ok(item.unsigned(tags::REFERENCED_SEGMENT_NUMBER));
    let mut sources = Vec::new();
    groups.each(tags::DERIVATION_IMAGE_SEQUENCE, |derivation| {
        sources.extend(derivation.images(tags::SOURCE_IMAGE_SEQUENCE)?);
        Ok(())
    })?;
    Ok(SegmentationFrame {
        segment: groups.first(tags::SEGMENT_IDENTIFICATION_SEQUENCE, number)?.flatten(),
        sources: sources.into(),
    })
}
