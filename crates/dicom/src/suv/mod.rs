//! Standardised uptake values of PET (PS3.3 C.8.9.1, and the QIBA profile's vendor-neutral rules).
//!
//! `SUV = activity in Bq/ml * body measure / decayed dose`. A factor is given only where the file says enough to be
//! sure; otherwise there is a reason. Nothing here repeats a date: the trail holds durations.

mod body;
mod clock;
mod sources;

use std::fmt;
use std::sync::Arc;

use anatome_core::{NamedVoi, NoteCode, Notes, Unit, ValueMapping, Voi, Volume, Window, WindowFunction};
use clock::Moment;
use sources::{Sources, Stated};

use crate::{Error, InstanceHeader, Limits};

/// What an uptake is related to (SUV Type (0054,1006), PS3.3 C.8.9.1.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SuvType {
    /// BW: body weight, g/ml.
    BodyWeight,
    /// LBM: lean body mass by James with 120 for men, g/ml.
    LeanBodyMassJames,
    /// LBMJAMES128: lean body mass by James with 128 for men, g/ml.
    LeanBodyMassJames128,
    /// LBMJANMA: lean body mass by Janmahasatian, g/ml.
    LeanBodyMassJanmahasatian,
    /// BSA: body surface area by Du Bois, cm²/ml.
    BodySurfaceArea,
    /// IBW: ideal body weight by Sugawara, g/ml.
    IdealBodyWeight,
}

impl SuvType {
    /// Every type.
    pub const ALL: [Self; 6] = [
        Self::BodyWeight,
        Self::LeanBodyMassJames,
        Self::LeanBodyMassJames128,
        Self::LeanBodyMassJanmahasatian,
        Self::BodySurfaceArea,
        Self::IdealBodyWeight,
    ];

    /// From the defined term, such as `BW`.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// From the unit of its values.
    pub(crate) fn from_unit(unit: &Unit) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.unit() == *unit)
    }

    /// The defined term.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::BodyWeight => "BW",
            Self::LeanBodyMassJames => "LBM",
            Self::LeanBodyMassJames128 => "LBMJAMES128",
            Self::LeanBodyMassJanmahasatian => "LBMJANMA",
            Self::BodySurfaceArea => "BSA",
            Self::IdealBodyWeight => "IBW",
        }
    }

    /// The unit of its values.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::BodyWeight => Unit::SuvBodyWeight,
            Self::LeanBodyMassJames => Unit::SuvLeanBodyMassJames,
            Self::LeanBodyMassJames128 => Unit::SuvLeanBodyMassJames128,
            Self::LeanBodyMassJanmahasatian => Unit::SuvLeanBodyMassJanmahasatian,
            Self::BodySurfaceArea => Unit::SuvBodySurfaceArea,
            Self::IdealBodyWeight => Unit::SuvIdealBodyWeight,
        }
    }
}

/// Why there is no SUV.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SuvRefusal {
    /// Images of another modality.
    #[error("SUV is for PET images only")]
    NotPet,
    /// An attribute is absent, empty or not readable in all images.
    #[error("{attribute} is missing")]
    Missing {
        /// Its name and tag.
        attribute: &'static str,
    },
    /// Images of one series contradict each other, or one image states several values.
    #[error("{attribute} has several values")]
    Differs {
        /// Its name and tag.
        attribute: &'static str,
    },
    /// A number that can't be meant.
    #[error("{attribute} is not between {low} and {high}")]
    OutOfRange {
        /// Its name, tag and unit.
        attribute: &'static str,
        /// The lowest number that would be believed.
        low: f64,
        /// The highest.
        high: f64,
    },
    /// Units (0054,1001) from which there is no way to SUV.
    #[error("the units (0054,1001) are {units}, which can't be made SUV")]
    Units {
        /// The code.
        units: String,
    },
    /// An SUV Type (0054,1006) that this version does not know.
    #[error("the SUV type (0054,1006) {code} is not known")]
    Type {
        /// The code.
        code: String,
    },
    /// Corrected Image (0028,0051) does not list a correction that SUV needs.
    #[error("the images are not corrected for {correction} (0028,0051)")]
    NotCorrected {
        /// `ATTN` or `DECY`.
        correction: &'static str,
    },
    /// Decay Correction (0054,1102) is neither START nor ADMIN.
    #[error("the decay correction (0054,1102) is {code}, neither START nor ADMIN")]
    DecayCorrection {
        /// The code.
        code: String,
    },
    /// Patient's Sex (0010,0040) is neither M nor F.
    #[error("Patient's Sex (0010,0040) is neither M nor F")]
    Sex,
    /// The injection can't have been that long before the scan.
    #[error("the injection would be {:.1} h before the scan's reference time", seconds / 3600.0)]
    Delay {
        /// From injection to reference time.
        seconds: f64,
    },
    /// The injection can't have come after the scan's reference time, unless the series follows it.
    #[error(
        "the injection would be {seconds:.0} s after the scan's reference time, in a series that is neither DYNAMIC \
         nor GATED (0054,1000)"
    )]
    Late {
        /// From reference time to injection, positive.
        seconds: f64,
    },
    /// A formula gives no positive mass for this body.
    #[error("the formula of {} gives no positive mass for this body", kind.code())]
    NoMass {
        /// The type whose formula it is.
        kind: SuvType,
    },
    /// A volume's values are not in the unit that the factors are for.
    #[error("the volume's values are in {found}, not in {expected}")]
    WrongUnit {
        /// The volume's unit.
        found: Unit,
        /// The unit that the headers state.
        expected: Unit,
    },
}

/// Which time the activities are decay-corrected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferenceTime {
    /// Series Date and Time, as the standard has it.
    Series,
    /// Decay Correction DateTime (0018,9701).
    DecayCorrection,
    /// The private Decay Correction DateTime (0071,xx22) of Siemens.
    Siemens,
    /// The private PET scan_datetime (0009,xx0D) of GE.
    GeScan,
    /// Computed back from the first frame's acquisition and Frame Reference Time (0054,1300).
    Frames,
    /// The earliest Acquisition Date and Time.
    EarliestAcquisition,
}

impl ReferenceTime {
    /// Name and tag of the attribute that states it.
    fn attribute(self) -> &'static str {
        match self {
            Self::Series => "Series Date and Time (0008,0021), (0008,0031)",
            Self::DecayCorrection => "Decay Correction DateTime (0018,9701)",
            Self::Siemens => "Decay Correction DateTime (0071,xx22) of Siemens",
            Self::GeScan => "PET scan_datetime (0009,xx0D) of GE",
            Self::Frames => "Frame Reference Time (0054,1300) of the first frame",
            Self::EarliestAcquisition => "the earliest Acquisition Date and Time (0008,0022), (0008,0032)",
        }
    }
}

/// One step of the reasoning from header to factor. Its text holds no date.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SuvStep {
    /// The values are SUV of this type already.
    Already(SuvType),
    /// The images' own real-world value map gives SUV of this type.
    RealWorldMap(SuvType),
    /// Counts become SUV by body weight with the private factor (7053,1000) of Philips.
    PhilipsSuvFactor,
    /// Counts become Bq/ml with the private factor (7053,1009) of Philips.
    PhilipsActivityFactor,
    /// Activities are corrected to the time of the injection (ADMIN): the dose has not decayed.
    CorrectedToInjection,
    /// Series Date and Time are this many seconds after the first acquisition, so the series was processed later.
    SeriesIsLater {
        /// Seconds.
        seconds: f64,
    },
    /// Which time is taken as the scan's reference.
    Reference(ReferenceTime),
    /// Only the time of day of the injection is stated; its date is assumed to be the scan's.
    InjectionDateAssumed,
    /// The injection was before, or the scan after, midnight.
    OverMidnight,
    /// The date of this attribute contradicts the series' (as de-identification may cause); its time of day is used.
    DateIgnored {
        /// Name and tag.
        attribute: &'static str,
    },
    /// From injection to reference time, and the share of the dose that is left.
    Decay {
        /// Seconds, negative if the injection came after the scan's start.
        seconds: f64,
        /// 1 if nothing has decayed.
        remaining: f64,
    },
}

impl fmt::Display for SuvStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Already(kind) => write!(f, "the values are SUV of type {} already", kind.code()),
            Self::RealWorldMap(kind) => {
                write!(f, "the images' own real-world value map gives SUV of type {}", kind.code())
            }
            Self::PhilipsSuvFactor => {
                f.write_str("counts are made SUV with the factor of Philips (7053,1000)")
            }
            Self::PhilipsActivityFactor => {
                f.write_str("counts are made Bq/ml with the factor of Philips (7053,1009)")
            }
            Self::CorrectedToInjection => {
                f.write_str("activities are corrected to the injection (ADMIN): the dose has not decayed")
            }
            Self::SeriesIsLater { seconds } => {
                write!(
                    f,
                    "the series' time is {seconds:.3} s after the first acquisition: it was processed later"
                )
            }
            Self::Reference(kind) => write!(f, "activities are corrected to {}", kind.attribute()),
            Self::InjectionDateAssumed => {
                f.write_str("the date of the injection is assumed to be the scan's")
            }
            Self::OverMidnight => f.write_str("midnight lies between injection and scan"),
            Self::DateIgnored { attribute } => {
                write!(f, "the date of {attribute} contradicts the series' and is not used")
            }
            Self::Decay { seconds, remaining } if *seconds < 0.0 => {
                let (late, percent) = (-seconds, 100.0 * remaining);
                write!(
                    f,
                    "the injection is {late:.0} s after the time that activities are corrected to, for which the dose \
                     is {percent:.2} %"
                )
            }
            Self::Decay { seconds, remaining } => {
                write!(
                    f,
                    "{seconds:.0} s after the injection {:.2} % of the dose are left",
                    100.0 * remaining
                )
            }
        }
    }
}

impl SuvStep {
    /// What kind of note it deserves, if the header does not say it outright.
    fn note(&self) -> Option<NoteCode> {
        match self {
            Self::InjectionDateAssumed | Self::OverMidnight => Some(NoteCode::Assumed),
            Self::Decay { seconds, .. } if *seconds < 0.0 => Some(NoteCode::Assumed),
            Self::DateIgnored { .. } => Some(NoteCode::Tolerated),
            _ => None,
        }
    }
}

/// Whether and how the values of a PET series become SUV.
#[derive(Clone, Debug, PartialEq)]
pub struct SuvReport {
    unit: Option<Unit>,
    factors: [Result<f64, SuvRefusal>; SuvType::ALL.len()],
    steps: Vec<SuvStep>,
}

/// How modality values relate to uptake.
enum Basis {
    /// Bq/ml = this times the value, and the dose in Bq that is left.
    Activity { bq_per_ml: f64, dose_bq: f64 },
    /// SUV of this type = this times the value.
    Uptake { kind: SuvType, factor: f64 },
}

impl SuvReport {
    /// Reads all headers of one series.
    ///
    /// # Errors
    /// Malformed or limits, if a header can't be read. What a header lacks is no error but a refusal for each type.
    pub fn new<'a>(
        headers: impl IntoIterator<Item = &'a Arc<InstanceHeader>>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let stated: Result<Vec<_>, _> =
            headers.into_iter().map(|header| Stated::read(header, limits)).collect();
        let sources = Sources::new(stated?);
        let mut steps = Vec::new();
        let basis = basis(&sources, &mut steps).or_else(|refusal| {
            // What the header lacks, the scanner may have worked out.
            let map = sources.map().filter(|_| sources.is_pet()).ok_or(refusal)?;
            steps.push(SuvStep::RealWorldMap(map.kind));
            Ok(Basis::Uptake { kind: map.kind, factor: map.factor })
        });
        let body = sources.body();
        let factors = SuvType::ALL.map(|kind| match basis.as_ref().map_err(SuvRefusal::clone)? {
            Basis::Activity { bq_per_ml, dose_bq } => Ok(bq_per_ml * body.measure(kind)? / dose_bq),
            Basis::Uptake { kind: stated, factor } if *stated == kind => Ok(*factor),
            Basis::Uptake { kind: stated, factor } => {
                Ok(factor * body.measure(kind)? / body.measure(*stated)?)
            }
        });
        let unit = sources.units().ok().map(|units| {
            let kind = sources.suv_type().ok().flatten();
            unit(&units, kind.as_deref())
        });
        let unit = unit.or_else(|| sources.map().map(|map| map.unit.clone()));
        Ok(Self { unit, factors, steps })
    }

    /// SUV for each modality unit: for each Bq/ml, count or SUV of another type, after the file's rescale.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn factor(&self, kind: SuvType) -> Result<f64, SuvRefusal> {
        let place = SuvType::ALL.iter().position(|&other| other == kind);
        place.and_then(|n| self.factors.get(n)).cloned().unwrap_or(Err(SuvRefusal::NotPet))
    }

    /// What the factors rest on, in order.
    #[must_use]
    pub fn steps(&self) -> &[SuvStep] {
        &self.steps
    }

    /// The steps that rest on an assumption, or set aside what the header says. None where there are no factors.
    #[must_use]
    pub fn notes(&self) -> Notes {
        let mut notes = Notes::new();
        let noted = self.steps.iter().filter(|_| self.factors.iter().any(Result::is_ok));
        for (code, step) in noted.filter_map(|step| Some((step.note()?, step))) {
            notes.add(code, format!("SUV: {step}"));
        }
        notes
    }

    /// The mapping from stored values to SUV, from the mapping to modality values. Still one multiplication and one
    /// addition: no sample changes.
    ///
    /// # Errors
    /// The reason why there is none; a mapping to another unit than the headers state, so that nothing is converted
    /// twice.
    pub fn mapping(&self, modality: &ValueMapping, kind: SuvType) -> Result<ValueMapping, SuvRefusal> {
        let factor = self.factor(kind)?;
        match &self.unit {
            Some(unit) if *unit == modality.unit => {}
            Some(unit) => {
                return Err(SuvRefusal::WrongUnit { found: modality.unit.clone(), expected: unit.clone() });
            }
            None => return Err(SuvRefusal::Missing { attribute: "Units (0054,1001)" }),
        }
        let (slope, intercept) = (factor * modality.slope, factor * modality.intercept);
        Ok(ValueMapping { slope, intercept, unit: kind.unit() })
    }

    /// The same volume in SUV: mapping and windows change, samples don't (they are copied if the volume is shared).
    /// VOI LUTs, which are made for other values, are left out.
    ///
    /// # Errors
    /// As [`Self::mapping`].
    pub fn volume(&self, volume: Arc<Volume>, kind: SuvType) -> Result<Volume, SuvRefusal> {
        let mapping = self.mapping(volume.mapping(), kind)?;
        let factor = self.factor(kind)?;
        let vois = volume.facts().vois.iter().filter_map(|voi| moved(voi, factor, 0.0)).collect();
        // The mapping is finite and its slope not zero: factor and slope are.
        Volume::revalued(volume, mapping, vois).map_err(|_| SuvRefusal::OutOfRange {
            attribute: "the product of rescale slope and SUV factor",
            low: f64::MIN_POSITIVE,
            high: f64::MAX,
        })
    }
}

/// A window for values that are multiplied by a positive factor and moved by an offset.
pub(crate) fn moved(named: &NamedVoi, factor: f64, offset: f64) -> Option<NamedVoi> {
    let Voi::Window(window) = &named.voi else { return None };
    let window = match window.function() {
        // LINEAR counts in whole units, which scaled values have not.
        WindowFunction::Linear => {
            let (low, high) = window.ends();
            Window::spanning(low * factor + offset, high * factor + offset)
        }
        function => Window::new(window.center() * factor + offset, window.width() * factor, function),
    };
    Some(NamedVoi { name: named.name.clone(), voi: Voi::Window(window.ok()?) })
}

/// The unit of a PET image's modality values, from Units (0054,1001) and SUV Type (0054,1006): GML without a type is
/// by body weight (PS3.3 C.8.9.1.1.3). What is no SUV is never called so.
pub(crate) fn unit(units: &str, suv_type: Option<&str>) -> Unit {
    match units {
        "BQML" => Unit::BecquerelPerMl,
        "GML" | "CM2ML" => match uptake_type(units, suv_type) {
            Ok(kind) => kind.unit(),
            Err(_) => Unit::Other(units.to_owned()),
        },
        other => Unit::Other(other.to_owned()),
    }
}

fn uptake_type(units: &str, suv_type: Option<&str>) -> Result<SuvType, SuvRefusal> {
    match suv_type.filter(|code| !code.is_empty()) {
        Some(code) => SuvType::from_code(code).ok_or_else(|| SuvRefusal::Type { code: code.to_owned() }),
        None if units == "CM2ML" => Ok(SuvType::BodySurfaceArea),
        None => Ok(SuvType::BodyWeight),
    }
}

fn basis(sources: &Sources, steps: &mut Vec<SuvStep>) -> Result<Basis, SuvRefusal> {
    if !sources.is_pet() {
        return Err(SuvRefusal::NotPet);
    }
    let units = sources.units()?;
    if matches!(units.as_str(), "GML" | "CM2ML") {
        let kind = uptake_type(&units, sources.suv_type()?.as_deref())?;
        steps.push(SuvStep::Already(kind));
        return Ok(Basis::Uptake { kind, factor: 1.0 });
    }
    if !matches!(units.as_str(), "BQML" | "CNTS") {
        return Err(SuvRefusal::Units { units });
    }
    sources.check_corrections()?;
    let decay = sources.decay_correction()?;
    if !matches!(decay.as_str(), "START" | "ADMIN") {
        return Err(SuvRefusal::DecayCorrection { code: decay });
    }
    let mut bq_per_ml = 1.0;
    if units == "CNTS" {
        match sources.philips_suv() {
            Ok(factor) => {
                steps.push(SuvStep::PhilipsSuvFactor);
                return Ok(Basis::Uptake { kind: SuvType::BodyWeight, factor });
            }
            Err(SuvRefusal::Missing { .. }) => bq_per_ml = sources.philips_bq_per_ml()?,
            Err(other) => return Err(other),
        }
        steps.push(SuvStep::PhilipsActivityFactor);
    }
    let (dose_bq, half_life_s) = (sources.dose_bq()?, sources.half_life_s()?);
    if decay == "ADMIN" {
        steps.push(SuvStep::CorrectedToInjection);
        return Ok(Basis::Activity { bq_per_ml, dose_bq });
    }
    let reference = reference(sources, half_life_s, steps)?;
    let seconds = delay_s(sources, reference, half_life_s, steps)?;
    let remaining = (-seconds / half_life_s).exp2();
    steps.push(SuvStep::Decay { seconds, remaining });
    Ok(Basis::Activity { bq_per_ml, dose_bq: dose_bq * remaining })
}

/// The time to which START refers.
fn reference(sources: &Sources, half_life_s: f64, steps: &mut Vec<SuvStep>) -> Result<Moment, SuvRefusal> {
    let acquisition = sources.acquisition()?;
    let (kind, moment) = match sources.series() {
        Ok(series) if series.since_s(acquisition) <= 0.0 => (ReferenceTime::Series, series),
        series => {
            if let Ok(series) = series {
                steps.push(SuvStep::SeriesIsLater { seconds: series.since_s(acquisition) });
            }
            if let Some((kind, named)) = sources.named_reference() {
                (kind, on_the_day_of(acquisition, named, kind, steps))
            } else if let Some(start) = sources.start_from_frames(half_life_s) {
                (ReferenceTime::Frames, start)
            } else {
                (ReferenceTime::EarliestAcquisition, acquisition)
            }
        }
    };
    steps.push(SuvStep::Reference(kind));
    Ok(moment)
}

/// De-identification moves private dates by other spans than public ones, or not at all.
fn on_the_day_of(
    acquisition: Moment,
    named: Moment,
    kind: ReferenceTime,
    steps: &mut Vec<SuvStep>,
) -> Moment {
    if acquisition.since_s(named).abs() < DAY_S / 2.0 {
        return named;
    }
    steps.push(SuvStep::DateIgnored { attribute: kind.attribute() });
    Moment { day: acquisition.day, ..named }
}

/// A series that follows the injection may begin so long before it.
const EARLIEST_S: f64 = -3600.0;
/// Others begin after it; times may be written in whole seconds.
const WHOLE_SECOND_S: f64 = -1.0;
/// After ten half-lives a thousandth is left.
const MOST_HALF_LIVES: f64 = 10.0;
const DAY_S: f64 = 86_400.0;

/// From injection to reference time.
fn delay_s(
    sources: &Sources,
    reference: Moment,
    half_life_s: f64,
    steps: &mut Vec<SuvStep>,
) -> Result<f64, SuvRefusal> {
    let earliest_s = if sources.may_begin_before_injection() { EARLIEST_S } else { WHOLE_SECOND_S };
    let plausible = |seconds: f64| earliest_s <= seconds && seconds <= MOST_HALF_LIVES * half_life_s;
    let is_late = |seconds: f64| EARLIEST_S <= seconds && seconds < earliest_s;
    let injection = sources.injection()?;
    let time_s = match injection {
        Some(injection) => {
            let seconds = reference.since_s(injection);
            if plausible(seconds) {
                return Ok(seconds);
            }
            // Too near to be the date of another calendar.
            if is_late(seconds) {
                return Err(SuvRefusal::Late { seconds: -seconds });
            }
            injection.second
        }
        None => sources.injection_time_s()?,
    };
    let seconds = reference.since_time_s(time_s);
    // What decays over days may have been injected days before.
    if half_life_s > DAY_S {
        return Err(match injection {
            Some(injection) => SuvRefusal::Delay { seconds: reference.since_s(injection) },
            None => SuvRefusal::Missing { attribute: "Radiopharmaceutical Start DateTime (0018,1078)" },
        });
    }
    steps.push(match injection {
        Some(_) => SuvStep::DateIgnored { attribute: "Radiopharmaceutical Start DateTime (0018,1078)" },
        None => SuvStep::InjectionDateAssumed,
    });
    if plausible(seconds) {
        return Ok(seconds);
    }
    steps.push(SuvStep::OverMidnight);
    [seconds + DAY_S, seconds - DAY_S].into_iter().find(|&seconds| plausible(seconds)).ok_or(
        if is_late(seconds) { SuvRefusal::Late { seconds: -seconds } } else { SuvRefusal::Delay { seconds } },
    )
}
