//! Real-world value maps (PS3.3 C.7.6.16.2.11): what stored values measure; and parametric maps, which hold such maps.

use std::sync::Arc;

use dicom_core::VR;
use dicom_dictionary_std::tags;

use super::item::Item;
use super::{Code, FreeText, ImageReference, SeriesReference};
use crate::elements::Fields;
use crate::{Error, Limits};

/// From stored values to real-world values.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RealWorldMapping {
    /// `slope * stored + intercept`, both finite.
    Linear {
        /// Real World Value Slope (0040,9225).
        slope: f64,
        /// Real World Value Intercept (0040,9224).
        intercept: f64,
    },
    /// One value for each stored value from the first mapped on.
    Lut(Arc<[f64]>),
}

/// One real-world value map. It stands in for the Modality LUT: it applies to stored values (but some writers mean it
/// for modality values).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RealWorldMap {
    /// LUT Label (0040,9210).
    pub label: FreeText,
    /// LUT Explanation (0028,3003).
    pub explanation: Option<FreeText>,
    /// Measurement Units Code Sequence (0040,08EA), mostly UCUM.
    pub units: Code,
    /// The first and last stored value that is mapped, finite, in order.
    pub range: (f64, f64),
    /// How they are mapped.
    pub mapping: RealWorldMapping,
    /// Quantity Definition Sequence (0040,9220): pairs of concept and coded value.
    pub quantity: Vec<(Code, Code)>,
    /// The images that it is for; empty where it is part of an image's own header.
    pub images: Arc<[ImageReference]>,
}

impl RealWorldMap {
    /// The real-world value of a stored value; `None` outside of what is mapped.
    #[must_use]
    pub fn value(&self, stored: f64) -> Option<f64> {
        let (first, last) = self.range;
        if !(first <= stored && stored <= last) {
            return None;
        }
        match &self.mapping {
            RealWorldMapping::Linear { slope, intercept } => Some(slope * stored + intercept),
            RealWorldMapping::Lut(values) => values.get((stored - first) as usize).copied(),
        }
    }

    /// The maps that an image's or a frame's own header holds.
    pub(crate) fn all_of(fields: Fields<'_>, limits: &Limits) -> Result<Vec<Self>, Error> {
        if !fields.has(tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE) {
            return Ok(Vec::new());
        }
        own_maps(Item::dataset(fields, limits), &Arc::from([]))
    }

    /// Reads one item of Real World Value Mapping Sequence (0040,9096).
    fn read(item: Item<'_>, images: Arc<[ImageReference]>) -> Result<Self, Error> {
        let malformed = |reason: &str| Error::malformed("real-world value map", reason);
        let number = |exact, whole| item.fields.number(exact).or_else(|| item.fields.number(whole));
        let mut first = number(
            tags::DOUBLE_FLOAT_REAL_WORLD_VALUE_FIRST_VALUE_MAPPED,
            tags::REAL_WORLD_VALUE_FIRST_VALUE_MAPPED,
        );
        let last = number(
            tags::DOUBLE_FLOAT_REAL_WORLD_VALUE_LAST_VALUE_MAPPED,
            tags::REAL_WORLD_VALUE_LAST_VALUE_MAPPED,
        );
        // In implicit datasets both are read as unsigned, whatever the image is.
        if let (Some(a), Some(b)) = (first, last)
            && a > b
            && a > f64::from(i16::MAX)
            && item.fields.find(tags::REAL_WORLD_VALUE_FIRST_VALUE_MAPPED).is_some_and(|e| e.vr == VR::US)
        {
            first = Some(a - 65_536.0);
        }
        let range = first.zip(last).filter(|(a, b)| a.is_finite() && b.is_finite() && a <= b);
        let range = range.ok_or_else(|| malformed("the range of mapped values is missing or empty"))?;
        let values = doubles(item);
        let mapping = if values.is_empty() {
            let slope = item.finite(tags::REAL_WORLD_VALUE_SLOPE);
            let intercept = item.finite(tags::REAL_WORLD_VALUE_INTERCEPT);
            let (slope, intercept) = slope
                .zip(intercept)
                .ok_or_else(|| malformed("there are neither slope and intercept nor a LUT"))?;
            RealWorldMapping::Linear { slope, intercept }
        } else {
            if values.len() as f64 != range.1 - range.0 + 1.0 {
                let reason = format!("{} values in its LUT, which are not as many as it maps", values.len());
                return Err(malformed(&reason));
            }
            RealWorldMapping::Lut(values.into())
        };
        let quantity = item.all(tags::QUANTITY_DEFINITION_SEQUENCE, |item| {
            let name = item.code(tags::CONCEPT_NAME_CODE_SEQUENCE)?.unwrap_or_default();
            Ok(item.code(tags::CONCEPT_CODE_SEQUENCE)?.map(|value| (name, value)))
        })?;
        Ok(Self {
            label: item.text(tags::LUT_LABEL).unwrap_or_default(),
            explanation: item.text(tags::LUT_EXPLANATION),
            units: item.code(tags::MEASUREMENT_UNITS_CODE_SEQUENCE)?.unwrap_or_default(),
            range,
            mapping,
            quantity: quantity.into_iter().flatten().collect(),
            images,
        })
    }
}

/// Real World Value LUT Data (0040,9212): at most 65,536 doubles.
fn doubles(item: Item<'_>) -> Vec<f64> {
    let bytes = item.fields.value(tags::REAL_WORLD_VALUE_LUT_DATA).unwrap_or_default();
    let big_endian = item.fields.encoding(tags::REAL_WORLD_VALUE_LUT_DATA).big_endian;
    let number = |b: &[u8; 8]| if big_endian { f64::from_be_bytes(*b) } else { f64::from_le_bytes(*b) };
    bytes.as_chunks::<8>().0.iter().take(65_537).map(number).collect()
}

/// Real-world value maps as an object of their own.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RealWorldMaps {
    /// All maps, each with the images that it is for.
    pub maps: Vec<RealWorldMap>,
    /// The series that they are for.
    pub referenced: Vec<SeriesReference>,
}

impl RealWorldMaps {
    pub(super) fn read(item: Item<'_>) -> Result<Self, Error> {
        let mut maps = Vec::new();
        item.each(tags::REFERENCED_IMAGE_REAL_WORLD_VALUE_MAPPING_SEQUENCE, |item| {
            let images = item.images(tags::REFERENCED_IMAGE_SEQUENCE)?.into();
            maps.extend(own_maps(item, &images)?);
            Ok(())
        })?;
        let referenced = item.series(tags::REFERENCED_SERIES_SEQUENCE, tags::REFERENCED_INSTANCE_SEQUENCE)?;
        Ok(Self { maps, referenced })
    }
}

fn own_maps(item: Item<'_>, images: &Arc<[ImageReference]>) -> Result<Vec<RealWorldMap>, Error> {
    item.all(tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE, |item| RealWorldMap::read(item, Arc::clone(images)))
}

/// A parametric map: an image of computed values. Recognised, with the maps that say what they are.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ParametricMap {
    /// The maps that hold for all frames.
    pub shared: Vec<RealWorldMap>,
    /// The maps of each frame, where those differ; empty otherwise.
    pub per_frame: Vec<Vec<RealWorldMap>>,
    /// What it was made from.
    pub referenced: Vec<SeriesReference>,
}

impl ParametricMap {
    pub(super) fn read(item: Item<'_>) -> Result<Self, Error> {
        let none = Arc::from([]);
        let own = |item: Item<'_>| own_maps(item, &none);
        let mut per_frame = item.all(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, own)?;
        if per_frame.iter().all(Vec::is_empty) {
            per_frame = Vec::new();
        }
        Ok(Self {
            shared: item.first(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, own)?.unwrap_or_default(),
            per_frame,
            referenced: item.series(tags::REFERENCED_SERIES_SEQUENCE, tags::REFERENCED_INSTANCE_SEQUENCE)?,
        })
    }
}
