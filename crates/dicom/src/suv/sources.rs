//! What the headers of a PET series say that matters for SUV.

use std::cmp::Ordering;

use anatome_core::Unit;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::body::{Body, Sex};
use super::clock::{Moment, offset_s, time_of_day_s};
use super::{ReferenceTime, SuvRefusal, SuvType};
use crate::elements::Fields;
use crate::objects::RealWorldMapping;
use crate::values::Rescale;
use crate::{Error, InstanceHeader, Limits, Values, parse, units};

/// One header.
#[derive(Clone, Debug, Default)]
pub(super) struct Stated {
    is_pet: bool,
    units: Option<String>,
    suv_type: Option<String>,
    series_type: Option<String>,
    corrected: Vec<String>,
    decay_correction: Option<String>,
    weight_kg: Option<f64>,
    height_m: Option<f64>,
    sex: Option<String>,
    radiopharmaceuticals: usize,
    dose_bq: Option<f64>,
    half_life_s: Option<f64>,
    injection: Option<Moment>,
    injection_time_s: Option<f64>,
    series: Option<Moment>,
    acquisition: Option<Moment>,
    corrected_to: Option<Moment>,
    siemens_corrected_to: Option<Moment>,
    ge_scan: Option<Moment>,
    frame_reference_s: Option<f64>,
    frame_duration_s: Option<f64>,
    philips_suv: Option<f64>,
    philips_bq_per_ml: Option<f64>,
    /// What the real-world value maps of its frames say: see [`uptake_map`].
    maps: Vec<Option<UptakeMap>>,
}

/// What a frame's own real-world value map says of uptake.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UptakeMap {
    pub kind: SuvType,
    /// SUV for each unit of the frame's values.
    pub factor: f64,
    /// What the frame's values are in.
    pub unit: Unit,
}

impl Stated {
    pub fn read(header: &InstanceHeader, limits: &Limits) -> Result<Self, Error> {
        let elements = header.dataset.walk(limits)?;
        let fields = Fields::new(&header.dataset.bytes, &elements);
        let code = |tag| fields.text(tag).and_then(parse::code_string);
        let zone = fields.text(tags::TIMEZONE_OFFSET_FROM_UTC).and_then(offset_s);
        let moment = |date, time| Moment::from_date_and_time(fields.text(date)?, fields.text(time)?);
        let date_time = |text: &str| Moment::from_date_time(text, zone);
        let private = |group, creator, element| private_text(fields, group, creator, element);
        let positive = |text: Option<&str>| text?.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0);
        let acquisition = moment(tags::ACQUISITION_DATE, tags::ACQUISITION_TIME);
        let milliseconds = |tag| fields.number(tag).map(|ms| ms / 1000.0);
        let mut stated = Self {
            is_pet: header.modality == anatome_core::Modality::Pt,
            units: units::of_pet(header.frames.each.first().map_or(&header.values, |frame| &frame.values)),
            suv_type: code(tags::SUV_TYPE),
            series_type: code(tags::SERIES_TYPE),
            corrected: fields.texts(tags::CORRECTED_IMAGE).filter_map(parse::code_string).collect(),
            decay_correction: code(tags::DECAY_CORRECTION),
            weight_kg: fields.number(tags::PATIENT_WEIGHT),
            height_m: fields.number(tags::PATIENT_SIZE),
            sex: code(tags::PATIENT_SEX),
            series: moment(tags::SERIES_DATE, tags::SERIES_TIME),
            acquisition: acquisition.or_else(|| fields.text(tags::ACQUISITION_DATE_TIME).and_then(date_time)),
            corrected_to: fields.text(tags::DECAY_CORRECTION_DATE_TIME).and_then(date_time),
            siemens_corrected_to: private(0x0071, "SIEMENS MED PT", 0x22).and_then(date_time),
            ge_scan: private(0x0009, "GEMS_PETD_01", 0x0D).and_then(date_time),
            frame_reference_s: milliseconds(tags::FRAME_REFERENCE_TIME),
            frame_duration_s: milliseconds(tags::ACTUAL_FRAME_DURATION),
            philips_suv: positive(private(0x7053, "Philips PET Private Group", 0x00)),
            philips_bq_per_ml: positive(private(0x7053, "Philips PET Private Group", 0x09)),
            ..Self::default()
        };
        let items = fields.items(tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE, limits)?;
        stated.radiopharmaceuticals = items.len();
        if let Some((bytes, elements)) = items.first() {
            let item = Fields::new(bytes, elements);
            stated.dose_bq = item.number(tags::RADIONUCLIDE_TOTAL_DOSE);
            stated.half_life_s = item.number(tags::RADIONUCLIDE_HALF_LIFE);
            stated.injection = item.text(tags::RADIOPHARMACEUTICAL_START_DATE_TIME).and_then(date_time);
            let time = item.text(tags::RADIOPHARMACEUTICAL_START_TIME);
            stated.injection_time_s = time.and_then(time_of_day_s);
        }
        let own = header.frames.each.iter().map(|frame| &frame.values);
        stated.maps = own.map(|values| uptake_map(values)).collect();
        if stated.maps.is_empty() {
            stated.maps.push(uptake_map(&header.values));
        }
        Ok(stated)
    }
}

/// The map must be a multiple of what the frame's values are: those of its rescale if that has a unit, of its first map
/// otherwise.
fn uptake_map(values: &Values) -> Option<UptakeMap> {
    let rescale = (values.slope.unwrap_or(1.0), values.intercept.unwrap_or(0.0));
    let (from, intercept, unit) = match (units::of_pet(values), units::of_map(values, true)) {
        (Some(units), _) => (rescale.0, rescale.1, super::unit(&units, values.suv_type.as_deref())),
        (None, Some((Rescale::Linear { slope, intercept }, unit))) => (slope, intercept, unit),
        (None, _) => return None,
    };
    let mut maps = values.real_world.iter().filter_map(|map| {
        let kind = SuvType::from_unit(&units::of_ucum(&map.units)?)?;
        match map.mapping {
            RealWorldMapping::Linear { slope, intercept: 0.0 } => Some((kind, slope / from)),
            _ => None,
        }
    });
    let (kind, factor) = maps.find(|(_, factor)| factor.is_finite() && *factor > 0.0)?;
    (intercept == 0.0).then_some(UptakeMap { kind, factor, unit })
}

/// The text of a private element, by its creator (PS3.5 7.8.1).
fn private_text<'a>(fields: Fields<'a>, group: u16, creator: &str, element: u16) -> Option<&'a str> {
    let is_creator = |tag: &Tag| tag.0 == group && (0x10..=0xFF).contains(&tag.1);
    let mut creators = fields.list().iter().map(|element| element.tag).filter(is_creator);
    let block = creators.find(|&tag| fields.text(tag) == Some(creator))?.1;
    fields.text(Tag(group, block << 8 | element))
}

/// What all headers of a series say together.
#[derive(Clone, Debug)]
pub(super) struct Sources(Vec<Stated>);

impl Sources {
    pub fn new(headers: Vec<Stated>) -> Self {
        Self(headers)
    }

    pub fn is_pet(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|stated| stated.is_pet)
    }

    /// The one value that is stated; images that state none don't count.
    fn one<T: Clone + PartialEq>(
        &self,
        attribute: &'static str,
        value: impl Fn(&Stated) -> Option<T>,
    ) -> Result<T, SuvRefusal> {
        let mut values = self.0.iter().filter_map(value);
        let first = values.next().ok_or(SuvRefusal::Missing { attribute })?;
        if values.all(|value| value == first) { Ok(first) } else { Err(SuvRefusal::Differs { attribute }) }
    }

    fn within(
        &self,
        attribute: &'static str,
        range: (f64, f64),
        value: impl Fn(&Stated) -> Option<f64>,
    ) -> Result<f64, SuvRefusal> {
        // NaN, which is no number that was written, would differ from itself.
        let value = self.one(attribute, |stated| value(stated).map(f64::to_bits)).map(f64::from_bits)?;
        let (low, high) = range;
        let usable = low <= value && value <= high;
        if usable { Ok(value) } else { Err(SuvRefusal::OutOfRange { attribute, low, high }) }
    }

    /// What the real-world value maps of all frames say, if they agree.
    pub fn map(&self) -> Option<&UptakeMap> {
        let mut maps = self.0.iter().flat_map(|stated| &stated.maps);
        let first = maps.next()?.as_ref()?;
        // Slopes of maps are written as doubles, those of rescales as decimal text.
        let near = |factor: f64| (factor - first.factor).abs() <= 1e-5 * first.factor;
        let same = |map: &UptakeMap| map.kind == first.kind && map.unit == first.unit && near(map.factor);
        maps.all(|map| map.as_ref().is_some_and(same)).then_some(first)
    }

    pub fn units(&self) -> Result<String, SuvRefusal> {
        self.one("Units (0054,1001)", |stated| stated.units.clone())
    }

    /// `None` where none is stated.
    pub fn suv_type(&self) -> Result<Option<String>, SuvRefusal> {
        match self.one("SUV Type (0054,1006)", |stated| stated.suv_type.clone()) {
            Ok(code) => Ok(Some(code)),
            Err(SuvRefusal::Missing { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Attenuation and decay must be corrected in every image.
    pub fn check_corrections(&self) -> Result<(), SuvRefusal> {
        let attribute = "Corrected Image (0028,0051)";
        if self.0.iter().any(|stated| stated.corrected.is_empty()) {
            return Err(SuvRefusal::Missing { attribute });
        }
        for correction in ["ATTN", "DECY"] {
            let has = |stated: &Stated| stated.corrected.iter().any(|code| code == correction);
            if !self.0.iter().all(has) {
                return Err(SuvRefusal::NotCorrected { correction });
            }
        }
        Ok(())
    }

    pub fn decay_correction(&self) -> Result<String, SuvRefusal> {
        self.one("Decay Correction (0054,1102)", |stated| stated.decay_correction.clone())
    }

    /// Whether the injection may come after the scan's start: in a DYNAMIC or GATED series (0054,1000), which may have
    /// been begun to see it arrive.
    pub fn may_begin_before_injection(&self) -> bool {
        let kind = self.one("Series Type (0054,1000)", |stated| stated.series_type.clone());
        kind.is_ok_and(|kind| matches!(kind.as_str(), "DYNAMIC" | "GATED"))
    }

    pub fn body(&self) -> Body {
        let weight = "Patient's Weight (0010,1030) in kg";
        let height = "Patient's Size (0010,1020) in m";
        let sex = "Patient's Sex (0010,0040)";
        Body {
            weight_kg: self.within(weight, (1e-3, 1e3), |stated| stated.weight_kg),
            height_m: self.within(height, (0.2, 3.0), |stated| stated.height_m),
            sex: self.one(sex, |stated| stated.sex.clone()).and_then(|code| match code.as_str() {
                "M" => Ok(Sex::Male),
                "F" => Ok(Sex::Female),
                _ => Err(SuvRefusal::Sex),
            }),
        }
    }

    /// Doses below 10 kBq are in MBq, whatever the file says, and no one knows what else is wrong there.
    pub fn dose_bq(&self) -> Result<f64, SuvRefusal> {
        if self.0.iter().any(|stated| stated.radiopharmaceuticals > 1) {
            return Err(SuvRefusal::Differs {
                attribute: "Radiopharmaceutical Information Sequence (0054,0016)",
            });
        }
        self.within("Radionuclide Total Dose (0018,1074) in Bq", (1e4, 1e12), |stated| stated.dose_bq)
    }

    pub fn half_life_s(&self) -> Result<f64, SuvRefusal> {
        self.within("Radionuclide Half Life (0018,1075) in s", (1.0, 1e9), |stated| stated.half_life_s)
    }

    pub fn injection(&self) -> Result<Option<Moment>, SuvRefusal> {
        let attribute = "Radiopharmaceutical Start DateTime (0018,1078)";
        match self.one(attribute, |stated| stated.injection) {
            Ok(moment) => Ok(Some(moment)),
            Err(SuvRefusal::Missing { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    pub fn injection_time_s(&self) -> Result<f64, SuvRefusal> {
        let attribute = "Radiopharmaceutical Start Time (0018,1072)";
        self.one(attribute, |stated| stated.injection_time_s.map(f64::to_bits)).map(f64::from_bits)
    }

    pub fn series(&self) -> Result<Moment, SuvRefusal> {
        self.one("Series Date and Time (0008,0021), (0008,0031)", |stated| stated.series)
    }

    /// The earliest of all images.
    pub fn acquisition(&self) -> Result<Moment, SuvRefusal> {
        let moments = self.0.iter().filter_map(|stated| stated.acquisition);
        let attribute = "Acquisition Date and Time (0008,0022), (0008,0032)";
        moments.min_by(|a, b| order(*a, *b)).ok_or(SuvRefusal::Missing { attribute })
    }

    /// A time that the file names as the one that activities are corrected to, beside the series' own.
    pub fn named_reference(&self) -> Option<(ReferenceTime, Moment)> {
        let one = |value: fn(&Stated) -> Option<Moment>| self.one("", value).ok();
        let standard = || one(|stated| stated.corrected_to).map(|at| (ReferenceTime::DecayCorrection, at));
        let siemens = || one(|stated| stated.siemens_corrected_to).map(|at| (ReferenceTime::Siemens, at));
        let ge = || one(|stated| stated.ge_scan).map(|at| (ReferenceTime::GeScan, at));
        standard().or_else(siemens).or_else(ge)
    }

    /// The start of the scan from the first bed position's time (QIBA): its acquisition starts with the frame, and
    /// Frame Reference Time (0054,1300) says when, after the start of the scan, its average count rate was reached.
    pub fn start_from_frames(&self, half_life_s: f64) -> Option<Moment> {
        let frames = self.0.iter().filter_map(|stated| {
            let reference = stated.frame_reference_s.filter(|s| s.is_finite() && *s > 0.0)?;
            let duration = stated.frame_duration_s.filter(|s| s.is_finite() && *s > 0.0)?;
            Some((stated.acquisition?, reference, duration))
        });
        let (acquisition, reference, duration) = frames.min_by(|a, b| order(a.0, b.0))?;
        let decays = std::f64::consts::LN_2 / half_life_s * duration;
        // ln(x / (1 - e^-x)) / x tends to 1/2 for short frames.
        let average = duration * (decays / -(-decays).exp_m1()).ln() / decays;
        let second = acquisition.second - reference + average;
        second.is_finite().then_some(Moment { second, ..acquisition })
    }

    pub fn philips_suv(&self) -> Result<f64, SuvRefusal> {
        self.philips("SUV Scale Factor (7053,1000) of Philips", |stated| stated.philips_suv)
    }

    pub fn philips_bq_per_ml(&self) -> Result<f64, SuvRefusal> {
        let attribute = "Activity Concentration Scale Factor (7053,1009) of Philips";
        self.philips(attribute, |stated| stated.philips_bq_per_ml)
    }

    fn philips(
        &self,
        attribute: &'static str,
        value: impl Fn(&Stated) -> Option<f64>,
    ) -> Result<f64, SuvRefusal> {
        self.one(attribute, |stated| value(stated).map(f64::to_bits)).map(f64::from_bits)
    }
}

fn order(a: Moment, b: Moment) -> Ordering {
    a.since_s(b).total_cmp(&0.0)
}
