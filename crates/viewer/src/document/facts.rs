//! What headers say of series and studies, and how these follow each other.

use anatome::{Form, Identity, Modality, Notes, Study};

use super::Entry;

/// What headers say of a series, for the browser.
#[derive(Clone, Debug)]
pub(crate) struct SeriesFacts {
    pub modality: Modality,
    /// The Series Description: free text.
    pub description: Option<String>,
    /// Whether that repeats some of the patient's identity: then it is shown with identity only.
    pub is_described_by_identity: bool,
    /// The Series Number.
    pub number: Option<i64>,
    /// What tells it apart from other parts of its series.
    pub part: Option<String>,
    /// Frames, rows and columns.
    pub shape: Option<[usize; 3]>,
    pub kind: Kind,
    /// What was odd.
    pub notes: Notes,
    /// The study that it belongs to; files of other formats have none.
    pub study: Option<StudyFacts>,
}

/// What headers say of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StudyFacts {
    /// The Study Instance UID.
    uid: String,
    /// The Study Description: free text.
    pub description: Option<String>,
    /// Whether that repeats some of the patient's identity.
    pub is_described_by_identity: bool,
    /// The Study Date, as written: part of the identity.
    pub date: Option<String>,
}

/// What a series makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Volume,
    Stack,
    /// No images.
    Object,
}

/// Series of one study of one patient.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    /// What the study is beside the patient's others: none of its date is in it.
    pub name: String,
    pub study: Option<&'a StudyFacts>,
    pub entries: Vec<&'a Entry>,
}

/// Entries by patients, in the order in which they came, and by their studies, the latest first.
pub(crate) fn opened(entries: &[Entry]) -> Vec<Opened<'_>> {
    let mut all: Vec<Opened<'_>> = Vec::new();
    for entry in entries {
        let study = entry.facts.study.as_ref();
        let is_own = |own: &&mut Opened<'_>| {
            own.entries[0].patient == entry.patient
                && own.study.map(|own| &own.uid) == study.map(|own| &own.uid)
        };
        match all.iter_mut().find(is_own) {
            Some(own) => own.entries.push(entry),
            None => all.push(Opened { name: String::new(), study, entries: vec![entry] }),
        }
    }
    let mut patients = Vec::new();
    for own in &all {
        let patient = own.entries[0].patient;
        if !patients.contains(&patient) {
            patients.push(patient);
        }
    }
    let day = |own: &Opened<'_>| own.study.and_then(StudyFacts::day);
    // Those of no date last.
    all.sort_by_key(|own| {
        let patient = patients.iter().position(|patient| *patient == own.entries[0].patient);
        (patient, std::cmp::Reverse(day(own)))
    });
    let days: Vec<Option<i64>> = all.iter().map(day).collect();
    for n in 0..all.len() {
        let is_of_patient = |m: &usize| all[*m].entries[0].patient == all[n].entries[0].patient;
        let of_patient: Vec<usize> = (0..all.len()).filter(is_of_patient).collect();
        let latest = of_patient.first().and_then(|&first| days[first]);
        all[n].name = match (of_patient.as_slice(), days[n], latest) {
            (&[_], ..) => "Study".to_owned(),
            (_, Some(day), Some(latest)) if day < latest => match latest - day {
                1 => "Prior study, 1 day before".to_owned(),
                days => format!("Prior study, {days} days before"),
            },
            (_, Some(_), _) => "Latest study".to_owned(),
            (_, None, _) => "Study without a date".to_owned(),
        };
    }
    // Several of one day are told apart by their order.
    let names: Vec<_> = all.iter().map(|own| (own.entries[0].patient, own.name.clone())).collect();
    for (n, own) in all.iter_mut().enumerate() {
        let alike = |some: &[_]| some.iter().filter(|other| **other == names[n]).count();
        let (before, count) = (alike(&names[..n]), alike(&names));
        if count > 1 {
            own.name += &format!(", {} of {count}", before + 1);
        }
    }
    all
}

/// Days from some day to a date of eight digits (PS3.5 6.2), of the Gregorian calendar.
fn day(date: &str) -> Option<i64> {
    let date = date.trim();
    let digits =
        Some(date).filter(|date| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()))?;
    let [year, month, day]: [i64; 3] =
        [digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?];
    if !((1..=12).contains(&month) && (1..=31).contains(&day)) {
        return None;
    }
    // Years from March on, so that the day that may be missing is the last.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day)
}

impl StudyFacts {
    /// Days from some day to that of the study.
    pub(crate) fn day(&self) -> Option<i64> {
        day(self.date.as_deref()?)
    }

    /// Whether both are of one study.
    pub(crate) fn is_of_study(&self, other: &Self) -> bool {
        self.uid == other.uid
    }

    /// A study of which only that is known.
    #[cfg(test)]
    pub(crate) fn of_date(uid: &str, date: &str) -> Self {
        let (uid, date) = (uid.to_owned(), Some(date.to_owned()));
        Self { uid, description: None, is_described_by_identity: false, date }
    }
}

impl SeriesFacts {
    /// How many samples all images have together; 0 if that is not known.
    pub(crate) fn voxels(&self) -> usize {
        self.shape.map_or(0, |shape| shape.iter().product())
    }

    /// The Series Description, as far as it may be shown.
    pub(crate) fn shown_description(&self, with_identity: bool) -> Option<&str> {
        let may = with_identity || !self.is_described_by_identity;
        self.description.as_deref().map(str::trim).filter(|text| may && !text.is_empty())
    }

    pub(super) fn of(study: &Study, number: usize) -> Self {
        match study.series().get(number) {
            Some(series) => {
                let identity = series.instances().first().map(|own| own.identity()).unwrap_or_default();
                let is_told = |text: &str| tells(text, &identity);
                Self {
                    modality: series.modality(),
                    description: series.description().map(str::to_owned),
                    is_described_by_identity: series.description().is_some_and(is_told),
                    number: series.number(),
                    part: series.part().map(str::to_owned),
                    shape: series.shape(),
                    kind: match series.form() {
                        Form::Volume => Kind::Volume,
                        Form::Stack { .. } => Kind::Stack,
                        _ => Kind::Object,
                    },
                    notes: {
                        let mut notes = series.notes().clone();
                        // What is odd about places is known before anything is loaded.
                        if let Ok((_, found)) = series.geometry() {
                            notes.append(found);
                        }
                        notes
                    },
                    study: Some(StudyFacts {
                        uid: series.study_instance_uid().to_owned(),
                        is_described_by_identity: identity.study_description.as_deref().is_some_and(is_told),
                        description: identity.study_description.clone(),
                        date: identity.study_date.clone(),
                    }),
                }
            }
            None => {
                let part = study.image_parts().get(number - study.series().len());
                Self {
                    modality: study.modality(number).unwrap_or(Modality::Other(String::new())),
                    description: None,
                    is_described_by_identity: false,
                    number: None,
                    part: part.and_then(|part| part.file().part_name(part.part())),
                    shape: part.map(|part| part.file().grid().shape()),
                    kind: Kind::Volume,
                    notes: part.map(|part| part.file().notes().clone()).unwrap_or_default(),
                    study: None,
                }
            }
        }
    }
}

/// Whether a text tells who it is.
fn tells(text: &str, identity: &Identity) -> bool {
    let others = [&identity.patient_id, &identity.birth_date, &identity.accession_number].map(Clone::clone);
    repeats(text, identity.patient_name.as_deref(), &others)
}

/// Whether a text repeats a part of the patient's name, or one of several values that are the patient's alone.
fn repeats(text: &str, name: Option<&str>, others: &[Option<String>]) -> bool {
    let name = name.unwrap_or_default();
    // With digits it is a pseudonym, which may have common words in it.
    let is_pseudonym = name.contains(|c: char| c.is_ascii_digit());
    let parts = name.split(|c: char| matches!(c, '^' | '=' | ',' | ' ') || c == '-' && !is_pseudonym);
    let mut all = parts.chain(others.iter().flatten().map(String::as_str));
    all.any(|part| holds(&text.to_lowercase(), &part.trim().to_lowercase()))
}

/// Whether a word, or several, stands in a text by itself. Single letters and digits tell nobody.
fn holds(text: &str, word: &str) -> bool {
    let is_apart = |next: Option<char>| !next.is_some_and(char::is_alphanumeric);
    word.chars().nth(1).is_some()
        && text.match_indices(word).any(|(at, _)| {
            is_apart(text[..at].chars().next_back()) && is_apart(text[at + word.len()..].chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use anatome::{Facts, Grid, Samples, Unit, ValueMapping, Volume, Workers};

    #[test]
    fn studies_of_a_patient_follow_each_other_from_the_latest() {
        let volume = || {
            let grid = Grid::even([2; 3], glam::DAffine3::IDENTITY).unwrap();
            let samples = Samples::I16(ndarray::Array3::zeros((2, 2, 2)));
            let mapping = ValueMapping::identity(Unit::Hounsfield);
            Volume::new(grid, samples, mapping, None, Facts::new(Modality::Ct)).unwrap()
        };
        let workers = Workers::new(Some(1)).unwrap();
        let mut entries =
            Document::of_volumes((0..6).map(|_| volume()).collect(), &workers).entries().to_vec();
        let dates = ["20240229", "20240301", "20240229", "", "20250301", "20200101"];
        let uids = ["a", "b", "a", "c", "d", "e"];
        for (entry, (date, uid)) in entries.iter_mut().zip(dates.into_iter().zip(uids)) {
            entry.facts.study = Some(StudyFacts::of_date(uid, date));
        }
        // The last is of another patient.
        entries[5].patient = entries[5].id;
        let found = opened(&entries);
        let told: Vec<(&str, Vec<u32>)> = found
            .iter()
            .map(|own| (own.name.as_str(), own.entries.iter().map(|own| own.id.number).collect()))
            .collect();
        let expected = [
            ("Latest study", vec![4]),
            ("Prior study, 365 days before", vec![1]),
            ("Prior study, 366 days before", vec![0, 2]),
            ("Study without a date", vec![3]),
            ("Study", vec![5]),
        ];
        assert_eq!(told, expected);
        // Two of one day, and two without one.
        for (entry, (date, uid)) in
            entries.iter_mut().zip([("20250301", "a"), ("20250301", "b"), ("", "c"), ("", "d")])
        {
            entry.facts.study = Some(StudyFacts::of_date(uid, date));
        }
        let told: Vec<String> = opened(&entries[..4]).into_iter().map(|own| own.name).collect();
        let names = ["Latest study", "Study without a date"];
        let expected: Vec<String> =
            names.iter().flat_map(|name| [1, 2].map(|n| format!("{name}, {n} of 2"))).collect();
        assert_eq!(told, expected);
        assert_eq!(day("20240301").unwrap() - day("20240228").unwrap(), 2);
        assert_eq!(["2024", "20241301", "2024-1-1"].map(day), [None; 3]);
    }

    #[test]
    fn a_description_that_names_the_patient_is_known() {
        let others = ["ID-4711", "19700131"].map(|text| Some(text.to_owned()));
        let names = |text: &str| repeats(text, Some("Doe-Roe^Jane M"), &others);
        for text in ["HEAD DOE 2 mm", "jane, follow-up", "roe_4", "of id-4711", "T2 (19700131)", "JANE"] {
            assert!(names(text), "{text}");
        }
        for text in ["T1 m", "HEAD 4711", "", "does it", "Doeroe", "Janes"] {
            assert!(!names(text), "{text}");
        }
        let pseudonym = Some("ACRIN-NSCLC-FDG-PET-042");
        assert!(!repeats("PET WB", pseudonym, &[]) && repeats("for ACRIN-NSCLC-FDG-PET-042", pseudonym, &[]));
        assert!(!repeats("PET WB", None, &[None]));
    }
}
