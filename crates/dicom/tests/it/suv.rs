//! SUV: the standard's numbers, the published factors of other scanners, a real study, and what is refused.

use std::sync::Arc;

use anatome_core::{NoteCode, Unit, ValueMapping, Voi};
use anatome_dicom::{InstanceHeader, Limits, ReferenceTime, SuvRefusal, SuvReport, SuvStep, SuvType};

use crate::made::{Image, element};
use crate::shared::{data, load_one, one_series, scan_bytes};

/// A PET image: 370 MBq of F-18, an hour before the scan, 70 kg.
pub struct Pet {
    pub image: Image,
    radiopharmaceutical: Vec<((u16, u16), [u8; 2], String)>,
}

const DOSE: (u16, u16) = (0x18, 0x1074);
const HALF_LIFE: (u16, u16) = (0x18, 0x1075);
pub const INJECTION: (u16, u16) = (0x18, 0x1078);
const INJECTION_TIME: (u16, u16) = (0x18, 0x1072);
const SERIES_DATE: (u16, u16) = (0x08, 0x21);
const SERIES_TIME: (u16, u16) = (0x08, 0x31);
const ACQUISITION_DATE: (u16, u16) = (0x08, 0x22);
const ACQUISITION_TIME: (u16, u16) = (0x08, 0x32);
const CORRECTED: (u16, u16) = (0x28, 0x51);
pub const UNITS: (u16, u16) = (0x54, 0x1001);
const SUV_TYPE: (u16, u16) = (0x54, 0x1006);
const SERIES_TYPE: (u16, u16) = (0x54, 0x1000);
pub const DECAY: (u16, u16) = (0x54, 0x1102);
pub const WEIGHT: (u16, u16) = (0x10, 0x1030);
pub const SIZE: (u16, u16) = (0x10, 0x1020);
pub const SEX: (u16, u16) = (0x10, 0x40);

fn vr(tag: (u16, u16)) -> &'static [u8; 2] {
    match tag {
        SERIES_DATE | ACQUISITION_DATE => b"DA",
        SERIES_TIME | ACQUISITION_TIME | INJECTION_TIME => b"TM",
        INJECTION | (0x18, 0x9701) | (0x09, 0x100D) | (0x71, 0x1022) => b"DT",
        CORRECTED | UNITS | SERIES_TYPE | SUV_TYPE | DECAY | SEX => b"CS",
        (_, 0x10) | (0x08, 0x201) => b"LO",
        _ => b"DS",
    }
}

fn padded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(bytes.len() + bytes.len() % 2, b' ');
    bytes
}

impl Pet {
    pub fn new() -> Self {
        let pet =
            Self { image: Image::new().with((0x08, 0x60), b"CS", b"PT"), radiopharmaceutical: Vec::new() };
        pet.with(SERIES_DATE, "20200101")
            .with(SERIES_TIME, "110000")
            .with(ACQUISITION_DATE, "20200101")
            .with(ACQUISITION_TIME, "110000.5")
            .with(CORRECTED, "NORM\\ATTN\\DECY")
            .with(UNITS, "BQML")
            .with(DECAY, "START")
            .with(WEIGHT, "70")
            .with(SIZE, "1.85")
            .with(SEX, "M")
            .with(DOSE, "370000000")
            .with(HALF_LIFE, "6586.2")
            .with(INJECTION, "20200101100000.000000")
    }

    pub fn with(mut self, tag: (u16, u16), text: &str) -> Self {
        if matches!(tag, DOSE | HALF_LIFE | INJECTION | INJECTION_TIME) {
            self.radiopharmaceutical.retain(|(other, ..)| *other != tag);
            self.radiopharmaceutical.push((tag, *vr(tag), text.to_owned()));
            self.radiopharmaceutical.sort();
        } else {
            self.image = self.image.with(tag, vr(tag), &padded(text));
        }
        self
    }

    fn without(mut self, tag: (u16, u16)) -> Self {
        self.radiopharmaceutical.retain(|(other, ..)| *other != tag);
        self.image = self.image.without(tag);
        self
    }

    fn header(&self) -> Arc<InstanceHeader> {
        let fields: Vec<u8> = self
            .radiopharmaceutical
            .iter()
            .flat_map(|(tag, vr, text)| element(*tag, vr, &padded(text)))
            .collect();
        let mut item = b"\xFE\xFF\x00\xE0".to_vec();
        item.extend_from_slice(&(fields.len() as u32).to_le_bytes());
        item.extend(fields);
        let image = Image { syntax: self.image.syntax, elements: self.image.elements.clone() };
        let bytes = image.with((0x54, 0x16), b"SQ", &item).bytes();
        scan_bytes(bytes).unwrap().instances[0].clone()
    }

    pub fn report(&self) -> SuvReport {
        SuvReport::new([&self.header()], &Limits::default()).unwrap()
    }

    pub fn factor(&self) -> Result<f64, SuvRefusal> {
        self.report().factor(SuvType::BodyWeight)
    }
}

#[track_caller]
fn close(ours: f64, expected: f64, relative: f64) {
    assert!((ours - expected).abs() <= relative * expected, "{ours}, not {expected}");
}

/// standard.md 6: 370 MBq, half-life 6586.2 s, 3600 s, 70 kg; and after one half-life.
#[test]
fn the_dose_decays_until_the_scan() {
    close(Pet::new().factor().unwrap(), 2.763_367e-4, 2e-7);
    let after_one = Pet::new().with(SERIES_TIME, "114946.2").with(ACQUISITION_TIME, "114946.2");
    close(after_one.factor().unwrap(), 3.783_784e-4, 2e-7);
    let report = after_one.report();
    assert_eq!(report.steps()[0], SuvStep::Reference(ReferenceTime::Series));
    let SuvStep::Decay { seconds, remaining } = report.steps()[1] else { panic!("{:?}", report.steps()) };
    assert!((seconds - 6586.2).abs() < 1e-6 && (remaining - 0.5).abs() < 1e-9);
}

/// Horos #653: ADMIN must not be corrected a second time.
#[test]
fn a_dose_corrected_to_its_injection_has_not_decayed() {
    let admin = Pet::new().with(DECAY, "ADMIN");
    close(admin.factor().unwrap(), 70_000.0 / 370e6, 1e-12);
    assert_eq!(admin.report().steps(), [SuvStep::CorrectedToInjection]);
}

/// Bodies of standard.md 6, without decay; the bodies' measures are tested beside their formulae.
#[test]
fn every_type_follows_from_the_body() {
    let man = Pet::new().with(DECAY, "ADMIN").with(WEIGHT, "75").report();
    for (kind, measure) in [
        (SuvType::BodyWeight, 75_000.0),
        (SuvType::LeanBodyMassJames, 62_777.57),
        (SuvType::LeanBodyMassJanmahasatian, 60_915.34),
        (SuvType::BodySurfaceArea, 19_813.758),
        (SuvType::IdealBodyWeight, 82_980.0),
    ] {
        close(man.factor(kind).unwrap(), measure / 370e6, 1e-7);
    }
    // Women have formulae of their own (calculate-suv #15 had them swapped).
    let woman = Pet::new().with(DECAY, "ADMIN").with(WEIGHT, "60").with(SIZE, "1.65").with(SEX, "F").report();
    close(woman.factor(SuvType::LeanBodyMassJames).unwrap(), 44_629.75 / 370e6, 1e-7);
}

struct Published {
    name: &'static str,
    /// Times of series and first acquisition, and the injection as time or date and time.
    times: [&'static str; 3],
    /// kg, Bq, s.
    body_and_dose: [&'static str; 3],
    /// Frame Reference Time and Actual Frame Duration in ms.
    frame: [&'static str; 2],
    factor: f64,
}

/// The metadata and factors that calculate-suv publishes (cornerstonejs/calculate-suv, test/metadata and
/// test/calculateSUV_SampleData.test.ts). All are of one day.
const PUBLISHED: [Published; 6] = [
    Published {
        name: "Siemens",
        times: ["104829.000000", "104830.351370", "20201217083045.000000"],
        body_and_dose: ["67", "374000000", "6586.2"],
        frame: ["38513.36", "74324"],
        factor: 4.274_831_618_719_724e-4,
    },
    Published {
        name: "GE",
        times: ["095621", "095621", "20201217084500.00"],
        body_and_dose: ["52", "152022720", "6586.2001953125"],
        frame: ["0", "120000"],
        factor: 5.367_387_681_819_742e-4,
    },
    Published {
        name: "Philips, BQML",
        times: ["110155", "110156", "20201217100058"],
        body_and_dose: ["64", "126000000", "6586.199707"],
        frame: ["1328700", "120700"],
        factor: 7.463_747_013_889_488e-4,
    },
    Published {
        name: "Siemens, acquisition before series",
        times: ["123515.000000", "123514.999995", "114100.000000"],
        body_and_dose: ["65", "225000000", "6586.2"],
        frame: ["59936.854672596", "120000"],
        factor: 4.069_156_854_009_332e-4,
    },
    Published {
        name: "CPS",
        times: ["134918.000000", "130348.234000", "120037.000000"],
        body_and_dose: ["69", "388000000", "6586.2"],
        frame: ["0", "180000"],
        factor: 2.650_331_276_415_704_6e-4,
    },
    Published {
        name: "no DateTime",
        times: ["135431.843000", "141555.687000", "125000.000000"],
        body_and_dose: ["102", "412000000", "6586.2"],
        frame: ["1372857.9232493", "180000"],
        factor: 3.721_089_202_818_729e-4,
    },
];

/// They compare within 1e-6 absolute, which is 0.4 % of the smallest; rounding alone is far less.
#[test]
fn published_factors_of_several_vendors() {
    for Published { name, times: [series, acquisition, injection], body_and_dose, frame, factor } in PUBLISHED
    {
        let injected = if injection.len() == 13 { INJECTION_TIME } else { INJECTION };
        let pet = Pet::new()
            .with(SERIES_DATE, "20201217")
            .with(ACQUISITION_DATE, "20201217")
            .with(SERIES_TIME, series)
            .with(ACQUISITION_TIME, acquisition)
            .without(INJECTION)
            .with(injected, injection)
            .with(WEIGHT, body_and_dose[0])
            .with(DOSE, body_and_dose[1])
            .with(HALF_LIFE, body_and_dose[2])
            .with((0x54, 0x1300), frame[0])
            .with((0x18, 0x1242), frame[1]);
        println!("{name}");
        close(pet.factor().unwrap(), factor, 1e-6);
    }
}

/// Both Philips cases of calculate-suv: the private factor is SUV; without it the other factor gives Bq/ml, and the
/// dose of the first case must then lead to about the same.
#[test]
fn counts_of_philips_have_private_factors() {
    let counts = |weight, dose, series, injection| {
        Pet::new()
            .with(UNITS, "CNTS")
            .with(WEIGHT, weight)
            .with(DOSE, dose)
            .with(HALF_LIFE, "6588")
            .with(SERIES_TIME, series)
            .with(ACQUISITION_TIME, series)
            .without(INJECTION)
            .with(INJECTION_TIME, injection)
            .with((0x7053, 0x10), "Philips PET Private Group")
    };
    let one = || counts("54", "238000000", "093556", "083000");
    let suv = one().with((0x7053, 0x1000), "0.000551").with((0x7053, 0x1009), "1.602563");
    assert_eq!(suv.factor(), Ok(0.000551));
    assert_eq!(suv.report().steps(), [SuvStep::PhilipsSuvFactor]);
    let other = counts("47", "208230000", "134551", "123000").with((0x7053, 0x1000), "0.000728");
    assert_eq!(other.factor(), Ok(0.000728));
    for zero in [one().with((0x7053, 0x1000), "0"), one()] {
        let activity = zero.with((0x7053, 0x1009), "1.602563");
        close(activity.factor().unwrap(), 0.000551, 1e-3);
        assert_eq!(activity.report().steps()[0], SuvStep::PhilipsActivityFactor);
    }
    assert!(matches!(one().factor(), Err(SuvRefusal::Missing { .. })));
    // Of another creator, the same element means something else.
    let foreign = one().with((0x7053, 0x10), "SOMEONE ELSE").with((0x7053, 0x1000), "0.5");
    assert!(matches!(foreign.factor(), Err(SuvRefusal::Missing { .. })));
}

/// Its real-world value map, made by another program, holds four factors.
#[test]
fn the_factors_of_a_real_study_equal_its_real_world_value_map() {
    let Some(zip) = data("petct-acrin042.zip") else { return };
    let series = one_series(&zip, "petct-acrin042/pet-ac/");
    let report = SuvReport::new(series.instances(), &Limits::default()).unwrap();
    let factor = report.factor(SuvType::BodyWeight).unwrap();
    assert_eq!(format!("{factor:.8}"), "0.00042111");
    assert_eq!(
        report.steps()[..2],
        [SuvStep::Reference(ReferenceTime::Series), SuvStep::InjectionDateAssumed]
    );
    assert!(matches!(report.steps()[2], SuvStep::Decay { seconds: 9527.0, .. }));
    let loaded = load_one(&series).unwrap();
    let volume = report.volume(Arc::clone(&loaded.volume), SuvType::BodyWeight).unwrap();
    assert_eq!(volume.mapping().unit, Unit::SuvBodyWeight);
    // The stored samples are the same: nothing is rescaled twice.
    assert_eq!(volume.samples().bytes(), loaded.volume.samples().bytes());
    let (_, most) = volume.value_range().unwrap();
    assert_eq!(format!("{most:.2}"), "51.09");
    // A second conversion would be wrong and is refused.
    let again = report.volume(Arc::new(volume), SuvType::BodyWeight);
    assert!(matches!(again, Err(SuvRefusal::WrongUnit { .. })));
}

#[test]
fn values_that_are_suv_already() {
    let gml = || Pet::new().with(UNITS, "GML").without(CORRECTED).without(DECAY);
    assert_eq!(gml().factor(), Ok(1.0));
    assert_eq!(gml().report().steps(), [SuvStep::Already(SuvType::BodyWeight)]);
    let lean = gml().with(SUV_TYPE, "LBMJANMA").with(WEIGHT, "75").report();
    assert_eq!(lean.factor(SuvType::LeanBodyMassJanmahasatian), Ok(1.0));
    close(lean.factor(SuvType::BodyWeight).unwrap(), 75.0 / 60.915_34, 1e-7);
    let surface = gml().with(UNITS, "CM2ML").report();
    assert_eq!(surface.factor(SuvType::BodySurfaceArea), Ok(1.0));
    let mapping = ValueMapping { slope: 0.5, intercept: 0.0, unit: Unit::SuvLeanBodyMassJanmahasatian };
    assert_eq!(lean.mapping(&mapping, SuvType::LeanBodyMassJanmahasatian).unwrap(), mapping);
    let unknown = gml().with(SUV_TYPE, "XYZ").factor();
    assert_eq!(unknown, Err(SuvRefusal::Type { code: "XYZ".into() }));
}

/// OHIF #3439: values in other units are not called SUV.
#[test]
fn a_loaded_volume_has_the_unit_that_the_file_states() {
    for (units, kind, unit) in [
        ("BQML", None, Unit::BecquerelPerMl),
        ("GML", None, Unit::SuvBodyWeight),
        ("GML", Some("LBM"), Unit::SuvLeanBodyMassJames),
        ("GML", Some("IBW"), Unit::SuvIdealBodyWeight),
        ("CM2ML", Some("BSA"), Unit::SuvBodySurfaceArea),
        ("PROPCOUNTS", None, Unit::Other("PROPCOUNTS".into())),
    ] {
        let mut pet = Pet::new().with(UNITS, units);
        if let Some(kind) = kind {
            pet = pet.with(SUV_TYPE, kind);
        }
        let loaded = crate::made::loaded(&pet.image.bytes()).unwrap();
        assert_eq!(loaded.volume.mapping().unit, unit);
    }
}

#[test]
fn what_cannot_be_known_is_refused_with_the_attribute() {
    let missing = |tag: (u16, u16)| match Pet::new().without(tag).factor() {
        Err(refusal @ SuvRefusal::Missing { .. }) => refusal.to_string(),
        other => panic!("{tag:?}: {other:?}"),
    };
    for (tag, named) in [
        (WEIGHT, "(0010,1030)"),
        (DOSE, "(0018,1074)"),
        (HALF_LIFE, "(0018,1075)"),
        (INJECTION, "(0018,1072)"),
        (CORRECTED, "(0028,0051)"),
        (UNITS, "(0054,1001)"),
        (DECAY, "(0054,1102)"),
        (ACQUISITION_TIME, "(0008,0032)"),
    ] {
        let text = missing(tag);
        assert!(text.contains(named), "{text}");
    }
    let short = Pet::new().without(SIZE).without(SEX).report();
    assert!(short.factor(SuvType::BodyWeight).is_ok());
    assert!(short.factor(SuvType::BodySurfaceArea).unwrap_err().to_string().contains("(0010,1020)"));
    let refused = |pet: Pet, kind| pet.report().factor(kind).unwrap_err();
    let weight = SuvType::BodyWeight;
    assert_eq!(refused(Pet::new().with(SEX, "O"), SuvType::LeanBodyMassJames), SuvRefusal::Sex);
    assert_eq!(
        refused(Pet::new().with(CORRECTED, "NORM\\DECY"), weight),
        SuvRefusal::NotCorrected { correction: "ATTN" }
    );
    assert_eq!(
        refused(Pet::new().with(CORRECTED, "ATTN"), weight),
        SuvRefusal::NotCorrected { correction: "DECY" }
    );
    assert_eq!(
        refused(Pet::new().with(DECAY, "NONE"), weight),
        SuvRefusal::DecayCorrection { code: "NONE".into() }
    );
    assert_eq!(
        refused(Pet::new().with(UNITS, "PROPCOUNTS"), weight),
        SuvRefusal::Units { units: "PROPCOUNTS".into() }
    );
    for (tag, value) in [
        (WEIGHT, "0"),
        (WEIGHT, "NaN"),
        (WEIGHT, "-70"),
        (WEIGHT, "inf"),
        (WEIGHT, "1e308"),
        (WEIGHT, "7O"),
        (DOSE, "370"),
        (HALF_LIFE, "0"),
    ] {
        let refusal = refused(Pet::new().with(tag, value), weight);
        assert!(matches!(refusal, SuvRefusal::OutOfRange { .. }), "{tag:?} {value}: {refusal:?}");
    }
    let centimetres = refused(Pet::new().with(SIZE, "185"), SuvType::BodySurfaceArea);
    assert!(matches!(centimetres, SuvRefusal::OutOfRange { .. }));
    let image = Image::new().bytes();
    let ct = SuvReport::new(&scan_bytes(image).unwrap().instances, &Limits::default()).unwrap();
    assert_eq!(ct.factor(weight), Err(SuvRefusal::NotPet));
}

#[test]
fn images_that_contradict_each_other_are_refused() {
    let limits = Limits::default();
    let headers = [Pet::new().header(), Pet::new().with(WEIGHT, "71").header()];
    let factor = SuvReport::new(&headers, &limits).unwrap().factor(SuvType::BodyWeight);
    assert!(matches!(factor, Err(SuvRefusal::Differs { attribute }) if attribute.contains("(0010,1030)")));
    let partly = [Pet::new().header(), Pet::new().with(CORRECTED, "DECY").header()];
    let factor = SuvReport::new(&partly, &limits).unwrap().factor(SuvType::BodyWeight);
    assert_eq!(factor, Err(SuvRefusal::NotCorrected { correction: "ATTN" }));
}

fn noted(pet: &Pet) -> Vec<NoteCode> {
    pet.report().notes().iter().map(|note| note.code).collect()
}

/// Only what follows the injection begins before it: anywhere else the dose would have to grow.
#[test]
fn the_injection_may_come_late_in_a_dynamic_or_gated_series_only() {
    let late = |kind: &str, date_time: &str| {
        let pet = if kind.is_empty() { Pet::new() } else { Pet::new().with(SERIES_TYPE, kind) };
        match date_time.len() {
            6 => pet.without(INJECTION).with(INJECTION_TIME, date_time),
            _ => pet.with(INJECTION, date_time),
        }
    };
    let factor = 70_000.0 / (370e6 * (30.0f64 / 6586.2).exp2());
    for injection in ["110030", "20200101110030"] {
        for kind in ["DYNAMIC\\IMAGE", "GATED\\IMAGE"] {
            let pet = late(kind, injection);
            close(pet.factor().unwrap(), factor, 1e-9);
            assert!(noted(&pet).contains(&NoteCode::Assumed));
        }
        for kind in ["WHOLE BODY\\IMAGE", "STATIC\\IMAGE", ""] {
            let refusal = late(kind, injection).factor();
            assert_eq!(refusal, Err(SuvRefusal::Late { seconds: 30.0 }), "{kind}");
        }
    }
    // Copper-64 may have been injected a day before, but not where the date says otherwise.
    let copper = late("STATIC\\IMAGE", "20200101113000").with(HALF_LIFE, "45724");
    assert_eq!(copper.factor(), Err(SuvRefusal::Late { seconds: 1800.0 }));
    // Times without fractions may be behind by almost a second.
    close(late("STATIC\\IMAGE", "20200101110000.9").factor().unwrap(), 70_000.0 / 370e6, 1e-3);
}

#[test]
fn the_injection_may_be_before_midnight_or_on_another_calendar() {
    let at_night = Pet::new().with(SERIES_TIME, "003000").with(ACQUISITION_TIME, "003000");
    let yesterday = at_night.without(INJECTION).with(INJECTION_TIME, "233000");
    close(yesterday.factor().unwrap(), 2.763_367e-4, 2e-7);
    assert!(yesterday.report().steps().contains(&SuvStep::OverMidnight));
    assert_eq!(noted(&yesterday), [NoteCode::Assumed; 2]);
    // A date that de-identification has moved.
    let moved = Pet::new().with(INJECTION, "19990817100000");
    close(moved.factor().unwrap(), 2.763_367e-4, 2e-7);
    assert!(matches!(moved.report().steps()[1], SuvStep::DateIgnored { .. }));
    assert_eq!(noted(&moved), [NoteCode::Tolerated]);
    // Nor is any of it a secret where there is nothing to say, or no factor.
    assert_eq!(noted(&Pet::new()), []);
    assert_eq!(noted(&moved.without(WEIGHT).without(SIZE)), []);
    // Two hours after the scan, or twenty-two before: neither can be.
    let after = Pet::new().without(INJECTION).with(INJECTION_TIME, "130000");
    assert!(matches!(after.factor(), Err(SuvRefusal::Delay { .. })));
    // Zirconium-89 is imaged days after the injection, so a time of day is not enough.
    let zirconium = || Pet::new().with(HALF_LIFE, "282240");
    let unknown = zirconium().without(INJECTION).with(INJECTION_TIME, "100000").factor();
    assert!(matches!(unknown, Err(SuvRefusal::Missing { attribute }) if attribute.contains("(0018,1078)")));
    let days = zirconium().with(INJECTION, "20191229110000").factor().unwrap();
    close(days, 70_000.0 / (370e6 * (-259_200.0f64 / 282_240.0).exp2()), 1e-9);
}

/// Weasis #635: a date time with an offset, in a dataset with its own.
#[test]
fn time_zones() {
    let west = || Pet::new().with((0x08, 0x201), "-0500");
    close(west().with(INJECTION, "20200101100000-0500").factor().unwrap(), 2.763_367e-4, 2e-7);
    close(west().with(INJECTION, "20200101160000.0+0100").factor().unwrap(), 2.763_367e-4, 2e-7);
}

#[test]
fn a_series_that_was_processed_later_needs_another_time() {
    let later = || Pet::new().with(SERIES_TIME, "150000");
    let reference = |pet: &Pet| {
        let report = pet.report();
        let found = report.steps().iter().find_map(|step| match step {
            SuvStep::Reference(kind) => Some(*kind),
            _ => None,
        });
        (found.unwrap(), report.factor(SuvType::BodyWeight).unwrap())
    };
    let (kind, factor) = reference(&later());
    assert_eq!(kind, ReferenceTime::EarliestAcquisition);
    close(factor, 70_000.0 / (370e6 * (-3600.5f64 / 6586.2).exp2()), 1e-9);
    for (pet, expected) in [
        (
            later().with((0x09, 0x10), "GEMS_PETD_01").with((0x09, 0x100D), "20200101110000.00"),
            ReferenceTime::GeScan,
        ),
        // The real study's private dates are some days off its public ones.
        (
            later().with((0x09, 0x10), "GEMS_PETD_01").with((0x09, 0x100D), "20191222110000.00"),
            ReferenceTime::GeScan,
        ),
        (
            later().with((0x71, 0x10), "SIEMENS MED PT").with((0x71, 0x1022), "20200101110000"),
            ReferenceTime::Siemens,
        ),
        (later().with((0x18, 0x9701), "20200101110000"), ReferenceTime::DecayCorrection),
    ] {
        let (kind, factor) = reference(&pet);
        assert_eq!(kind, expected);
        close(factor, 2.763_367e-4, 2e-7);
    }
    // The second bed position, 120 s long, of a scan that started at 11:00: its average count rate is reached
    // 59.937 s after it began (ln 2 * 120 s / 6586.2 s = 0.012629 decays).
    let bed = later()
        .with(ACQUISITION_TIME, "110200")
        .with((0x18, 0x1242), "120000")
        .with((0x54, 0x1300), "179936.855");
    let (kind, factor) = reference(&bed);
    assert_eq!(kind, ReferenceTime::Frames);
    close(factor, 2.763_367e-4, 3e-7);
}

#[test]
fn windows_follow_the_values() {
    let windowed =
        Pet::new().with(DECAY, "ADMIN").with((0x28, 0x1050), "10000.5").with((0x28, 0x1051), "20001");
    let loaded = crate::made::loaded(&windowed.image.bytes()).unwrap();
    let volume = windowed.report().volume(loaded.volume, SuvType::BodyWeight).unwrap();
    let Voi::Window(window) = &volume.facts().vois[0].voi else { panic!("no window") };
    // LINEAR 10000.5, 20001 runs from 0 to 20000 Bq/ml.
    let (low, high) = window.ends();
    assert!(low.abs() < 1e-12);
    close(high, 20_000.0 * 70_000.0 / 370e6, 1e-12);
}

#[test]
fn neither_steps_nor_refusals_hold_dates() {
    let pets = [
        Pet::new(),
        Pet::new().with(SERIES_TIME, "150000"),
        Pet::new().with(INJECTION, "19990817100000"),
        Pet::new().without(INJECTION).with(INJECTION_TIME, "130000"),
    ];
    for pet in pets {
        let report = pet.report();
        let mut texts: Vec<String> = report.steps().iter().map(ToString::to_string).collect();
        texts.extend(
            SuvType::ALL.map(|kind| report.factor(kind).map_or_else(|e| e.to_string(), |_| String::new())),
        );
        texts.push(format!("{report:?}"));
        for date in ["2020", "1999", "100000", "110000", "150000", "130000"] {
            assert!(texts.iter().all(|text| !text.contains(date)), "{date}: {texts:?}");
        }
    }
}
