//! How studies are hung: arrangements from `assets/layouts`, each with what it needs.

use std::cmp::Reverse;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::document::{Document, Entry, Kind};
use crate::session::{Borders, Content, Layout, SeriesId, Session};

macro_rules! layouts {
    ($($name:literal),* $(,)?) => {
        &[$(include_str!(concat!("../../../assets/layouts/", $name, ".json"))),*]
    };
}

/// In the order in which they are tried.
const FILES: &[&str] = layouts!(
    "pet-over-ct",
    "mammograms",
    "radiographs",
    "prior",
    "mr-brain",
    "mr-prostate",
    "planes",
    "two-volumes",
);

/// An arrangement with what it needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hanging {
    pub name: String,
    /// Whether it is chosen when a study that has all it needs is opened.
    #[serde(default)]
    automatic: bool,
    /// If nothing is needed, the active series is what is shown.
    #[serde(default)]
    needs: Vec<Need>,
    layout: Layout,
    /// Where the cells meet, if not as the layout has them.
    #[serde(default)]
    borders: Borders,
    /// Which plane each view shows, or 3D, of a volume; as the layout has them if absent.
    #[serde(default)]
    contents: Vec<Content>,
    /// Which of the needs is laid over the first.
    #[serde(default)]
    over: Option<usize>,
    /// Whether each need has a view of its own, in their order; otherwise the first fills the layout.
    #[serde(default)]
    each: bool,
}

/// A series that is needed: of those that fit the largest of which no other need has a phase. Where a prior study is
/// needed the latest come first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Need {
    #[serde(default)]
    modality: Option<String>,
    /// In small letters, a part of the description.
    #[serde(default)]
    description: Option<String>,
    /// In small letters, what is not in the description.
    #[serde(default)]
    without: Option<String>,
    kind: NeedKind,
    /// The need in whose frame of reference it stands.
    #[serde(default)]
    in_space_of: Option<usize>,
    /// The need whose modality it has.
    #[serde(default)]
    modality_of: Option<usize>,
    /// The need before whose study the patient had that of this.
    #[serde(default)]
    prior_of: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NeedKind {
    Volume,
    Stack,
}

impl Hanging {
    /// All that are built in. A file that does not parse is left out; a test makes sure that none is.
    pub(crate) fn built_in() -> &'static [Self] {
        static BUILT_IN: LazyLock<Vec<Hanging>> =
            LazyLock::new(|| FILES.iter().filter_map(|json| serde_json::from_str(json).ok()).collect());
        &BUILT_IN
    }

    /// The present arrangement under a name. What each view shows is kept where all show one volume.
    pub(crate) fn of_session(name: &str, session: &Session) -> Self {
        let first = session.views.first().and_then(|view| view.series);
        let is_one = session
            .views
            .iter()
            .all(|view| view.series == first && !matches!(view.content, Content::Frame(_)));
        let contents =
            session.views.iter().map(|view| view.content).filter(|_| is_one && first.is_some()).collect();
        Self {
            name: name.to_owned(),
            automatic: false,
            needs: Vec::new(),
            layout: session.layout,
            borders: session.borders.clone(),
            contents,
            over: None,
            each: false,
        }
    }

    /// What is to be done to hang what is open so; nothing if something that is needed is not there. With `input` only what
    /// came with it counts, and only if this is to be chosen without being asked for. `active` is what is shown where
    /// nothing is needed.
    pub(crate) fn commands(
        &self,
        document: &Document,
        input: Option<u32>,
        active: Option<SeriesId>,
    ) -> Option<Vec<Command>> {
        if input.is_some() && !self.automatic {
            return None;
        }
        let found = self.found(document, input)?;
        let mut commands = Vec::new();
        if self.each {
            commands.push(Command::Arrange { layout: self.layout });
            let views = found.iter().enumerate();
            commands.extend(views.map(|(view, &series)| Command::Show { view, series, content: None }));
            commands.extend((found.len()..self.layout.cells()).map(|view| Command::Clear { view }));
        } else {
            if let Some(&first) = found.first() {
                commands.push(Command::Arrange { layout: Layout::One });
                commands.push(Command::Show { view: 0, series: first, content: None });
            }
            commands.push(Command::Arrange { layout: self.layout });
            commands.extend(self.contents(document, found.first().copied().or(active)));
        }
        if self.borders != Borders::default() {
            commands.push(Command::Divide { borders: self.borders.clone() });
        }
        if let Some(&over) = self.over.and_then(|over| found.get(over)) {
            commands.push(Command::Fuse { view: 0, overlay: Some(over) });
        }
        Some(commands)
    }

    /// The views of one volume, each as it is written down.
    fn contents(&self, document: &Document, series: Option<SeriesId>) -> Vec<Command> {
        let is_volume =
            |id: &SeriesId| document.entry(*id).is_some_and(|entry| entry.facts.kind == Kind::Volume);
        let Some(series) = series.filter(is_volume) else { return Vec::new() };
        let views = self.contents.iter().enumerate();
        views.map(|(view, &content)| Command::Show { view, series, content: Some(content) }).collect()
    }

    fn found(&self, document: &Document, input: Option<u32>) -> Option<Vec<SeriesId>> {
        let is_of_input = |entry: &&Entry| input.is_none_or(|input| entry.id.input == input);
        let entries: Vec<&Entry> = document.entries().iter().filter(is_of_input).collect();
        // Where there is none for one need, none has to be tried for the others.
        let is_possible = self.needs.iter().all(|need| entries.iter().any(|entry| need.fits(entry)));
        let mut found = Vec::new();
        (is_possible && self.find(&entries, document, &mut found)).then_some(found)
    }

    /// Whether a series may be hung beside those that were found: of the same patient, and without being asked for only of
    /// the same study, unless a prior one is needed.
    fn is_together(&self, need: &Need, entry: &Entry, document: &Document, found: &[SeriesId]) -> bool {
        let first = found.first().and_then(|first| document.entry(*first));
        let is_own = first.is_none_or(|first| {
            let studies = [first, entry].map(|of| of.facts.study.as_ref());
            let is_one_study = match studies {
                [Some(first), Some(own)] => first.is_of_study(own),
                _ => true,
            };
            first.patient == entry.patient && (is_one_study || !self.automatic || need.prior_of.is_some())
        });
        is_own && need.goes_with(entry, document, found)
    }

    /// Finds what is still needed: the best that fits, with which there is something for all needs after it, too.
    fn find(&self, entries: &[&Entry], document: &Document, found: &mut Vec<SeriesId>) -> bool {
        let Some(need) = self.needs.get(found.len()) else { return true };
        let is_taken = |entry: &Entry| {
            let first = document.first_phase(entry.id);
            found.iter().any(|own| document.first_phase(*own) == first)
        };
        let mut fitting: Vec<&Entry> = entries
            .iter()
            .copied()
            .filter(|entry| {
                !is_taken(entry) && need.fits(entry) && self.is_together(need, entry, document, found)
            })
            .collect();
        let by_date = self.needs.iter().any(|need| need.prior_of.is_some());
        // Of equal ones the first.
        fitting.sort_by_key(|entry| Reverse((day(entry).filter(|_| by_date), entry.facts.voxels())));
        fitting.into_iter().any(|entry| {
            found.push(entry.id);
            let is_found = self.find(entries, document, found);
            if !is_found {
                found.pop();
            }
            is_found
        })
    }
}

/// When the study of a series was.
fn day(entry: &Entry) -> Option<i64> {
    entry.facts.study.as_ref()?.day()
}

impl Need {
    /// Whether a series is of the kind that is needed.
    fn fits(&self, entry: &Entry) -> bool {
        let facts = &entry.facts;
        let kind = match self.kind {
            NeedKind::Volume => Kind::Volume,
            NeedKind::Stack => Kind::Stack,
        };
        let described = |part: &String| {
            facts.description.as_ref().is_some_and(|text| text.to_lowercase().contains(part.as_str()))
        };
        facts.kind == kind
            && self.modality.as_ref().is_none_or(|code| facts.modality.code() == code)
            && self.description.as_ref().is_none_or(described)
            && !self.without.as_ref().is_some_and(described)
    }

    /// Whether a series stands to those that were found for other needs as it must.
    fn goes_with(&self, entry: &Entry, document: &Document, found: &[SeriesId]) -> bool {
        let is_so = |other: Option<usize>, is_so: &dyn Fn(&Entry) -> bool| {
            other.is_none_or(|n| found.get(n).and_then(|id| document.entry(*id)).is_some_and(is_so))
        };
        let is_before = |other: &Entry| day(entry).zip(day(other)).is_some_and(|(own, other)| own < other);
        is_so(self.in_space_of, &|other| document.space(other.id) == document.space(entry.id))
            && is_so(self.modality_of, &|other| other.facts.modality == entry.facts.modality)
            && is_so(self.prior_of, &is_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anatome::{Progress, Workers};
    use anatome_phantom::{ThoraxSpec, thorax_ct, thorax_pet};

    use crate::session::{Direction, OrbitView, PlaneView, Slab};

    fn named(name: &str) -> &'static Hanging {
        Hanging::built_in().iter().find(|hanging| hanging.name == name).unwrap()
    }

    #[test]
    fn every_file_parses_and_fits_its_layout() {
        assert_eq!(Hanging::built_in().len(), FILES.len());
        for hanging in Hanging::built_in() {
            assert!(!hanging.each || hanging.needs.len() <= hanging.layout.cells(), "{}", hanging.name);
            assert!(hanging.over.is_none_or(|over| over < hanging.needs.len()), "{}", hanging.name);
        }
    }

    #[test]
    fn an_arrangement_comes_back_as_it_was_kept() {
        let workers = Workers::new(Some(2)).unwrap();
        let spec = ThoraxSpec { shape: [12, 16, 16], ..ThoraxSpec::default() };
        let ct = thorax_ct(&spec, workers.pool(), &Progress::new()).unwrap();
        let document = Document::of_volumes(vec![ct], &workers);
        let series = SeriesId { input: 0, number: 0 };
        let coronal = PlaneView { direction: Direction::Coronal, slab: Slab::default() };
        let borders = Borders { columns: vec![0.3], rows: Vec::new() };
        let mut session = Session::default();
        for command in [
            Command::Show { view: 0, series, content: None },
            Command::Arrange { layout: Layout::SideBySide },
            Command::Show { view: 0, series, content: Some(Content::Plane(coronal)) },
            Command::Show { view: 1, series, content: Some(Content::Orbit(OrbitView::default())) },
            Command::Divide { borders },
        ] {
            session.apply(&command, &document).unwrap();
        }
        let kept = serde_json::to_string(&Hanging::of_session("Mine", &session)).unwrap();
        let own: Hanging = serde_json::from_str(&kept).unwrap();
        let mut other = Session::default();
        other.apply(&Command::Show { view: 0, series, content: None }, &document).unwrap();
        for command in own.commands(&document, None, Some(series)).unwrap() {
            other.apply(&command, &document).unwrap();
        }
        assert_eq!((other.layout, &other.borders), (session.layout, &session.borders));
        let contents = |session: &Session| session.views.iter().map(|view| view.content).collect::<Vec<_>>();
        assert_eq!(contents(&other), contents(&session));
    }

    #[test]
    fn a_pet_is_hung_over_its_ct() {
        let workers = Workers::new(Some(2)).unwrap();
        let spec = ThoraxSpec { shape: [12, 16, 16], ..ThoraxSpec::default() };
        let ct = || thorax_ct(&spec, workers.pool(), &Progress::new()).unwrap();
        let pet = thorax_pet(&spec, workers.pool(), &Progress::new()).unwrap();
        let alone = Document::of_volumes(vec![ct()], &workers);
        let both = Document::of_volumes(vec![pet, ct()], &workers);
        let pet_ct = named("PET over CT");
        assert!(pet_ct.commands(&alone, Some(0), None).is_none());
        let mut session = Session::default();
        for command in pet_ct.commands(&both, Some(0), None).unwrap() {
            session.apply(&command, &both).unwrap();
        }
        assert_eq!(session.layout, Layout::TwoByTwo);
        let [ct, pet] = [1, 0].map(|number| SeriesId { input: 0, number });
        assert!(session.views.iter().all(|view| view.series == Some(ct)));
        assert!(
            session.views.iter().all(|view| view.overlay.as_ref().is_some_and(|over| over.series == pet))
        );
        // What nobody asked for is not chosen.
        assert!(named("Planes of the largest volume").commands(&both, Some(0), None).is_none());
        assert!(named("Planes of the largest volume").commands(&both, None, None).is_some());
        assert!(named("Two volumes of a kind").commands(&both, None, None).is_none());
    }

    /// CTs of one patient, or MRs, each of its voxels along an axis, its description, and the date of its study.
    fn described(modality: &anatome::Modality, all: &[(usize, &str, &str)]) -> Document {
        let volume = |side: usize| {
            let grid = anatome::Grid::even([side; 3], glam::DAffine3::IDENTITY).unwrap();
            let samples = anatome::Samples::I16(ndarray::Array3::zeros([side; 3]));
            let mapping = anatome::ValueMapping::identity(anatome::Unit::Arbitrary);
            anatome::Volume::new(grid, samples, mapping, None, anatome::Facts::new(modality.clone())).unwrap()
        };
        let workers = Workers::new(Some(1)).unwrap();
        let mut document =
            Document::of_volumes(all.iter().map(|&(side, ..)| volume(side)).collect(), &workers);
        for (n, (_, description, date)) in all.iter().enumerate() {
            let facts = document.facts_mut(n);
            facts.description = Some((*description).to_owned());
            facts.study = Some(crate::document::StudyFacts::of_date(date, date));
        }
        document
    }

    /// What is hung, in the order of views.
    fn hung(name: &str, document: &Document) -> Option<Vec<u32>> {
        Some(named(name).found(document, Some(0))?.into_iter().map(|id| id.number).collect())
    }

    #[test]
    fn the_latest_study_is_hung_beside_the_one_before() {
        let ct = |all: &[(usize, &str, &str)]| described(&anatome::Modality::Ct, all);
        let [first, second, third] = ["20200101", "20220101", "20240101"];
        let all = ct(&[(9, "", first), (4, "", third), (5, "", third), (3, "", second), (2, "", second)]);
        assert_eq!(hung("Prior study beside", &all), Some(vec![2, 3]));
        assert!(
            named("Prior study beside").commands(&all, Some(0), None).is_none(),
            "it is not hung of itself"
        );
        let Some(commands) = named("Prior study beside").commands(&all, None, None) else {
            panic!("it is hung where it is asked for")
        };
        assert!(commands.contains(&Command::Arrange { layout: Layout::SideBySide }), "{commands:?}");
        let name = |number| all.study_name(SeriesId { input: 0, number });
        assert_eq!(name(2).as_deref(), Some("Latest study"));
        assert_eq!(name(3).as_deref(), Some("Prior study, 730 days before"));
        assert_eq!(ct(&[(4, "", third), (5, "", third)]).study_name(SeriesId { input: 0, number: 0 }), None);
        // Within one study, or where it is not known when, nothing is prior.
        for dates in [[third, third], ["", third]] {
            assert_eq!(hung("Prior study beside", &ct(&[(4, "", dates[0]), (4, "", dates[1])])), None);
        }
        // Nor is another patient's.
        let mut others = ct(&[(4, "", first), (4, "", second)]);
        others.set_patient(1, 1);
        assert_eq!(hung("Prior study beside", &others), None);
        // What has no prior one of its own modality makes way.
        let mut mixed = ct(&[(4, "", first), (4, "", second), (8, "", third)]);
        mixed.facts_mut(2).modality = anatome::Modality::Mr;
        assert_eq!(hung("Prior study beside", &mixed), Some(vec![1, 0]));
    }

    #[test]
    fn sequences_are_hung_by_their_descriptions() {
        let mr = |all: &[&str]| {
            let all: Vec<_> = all.iter().map(|text| (4, *text, "20240101")).collect();
            described(&anatome::Modality::Mr, &all)
        };
        let brain = mr(&["AX FLAIR T2", "Ax T2 TSE", "DWI", "Sag T1 MPRAGE"]);
        assert_eq!(hung("T1, T2 and FLAIR", &brain), Some(vec![3, 1, 0]));
        assert_eq!(hung("T1, T2 and FLAIR", &mr(&["AX FLAIR T2", "T1"])), None);
        assert_eq!(hung("T1, T2 and FLAIR", &mr(&["SAG T1 FLAIR", "T2", "T1"])), None);
        assert_eq!(hung("T2 and ADC", &mr(&["ADC map", "t2_tse_tra"])), Some(vec![1, 0]));
        // Of one study, not of two; and of one patient.
        let two = |first: &str, second: &str| {
            described(&anatome::Modality::Mr, &[(4, "t2", first), (4, "adc", second), (4, "t2", second)])
        };
        assert_eq!(hung("T2 and ADC", &two("20240101", "20230101")), Some(vec![2, 1]));
        let mut others = two("20240101", "20240101");
        for number in [1, 2] {
            others.set_patient(number, 1);
        }
        assert_eq!(hung("T2 and ADC", &others), Some(vec![2, 1]));
        others.set_patient(2, 0);
        assert_eq!(hung("T2 and ADC", &others), None);
    }

    /// Phases are gone through in one view; two views are for two series.
    #[test]
    fn phases_of_one_series_are_no_two_volumes() {
        let two = || described(&anatome::Modality::Mr, &[(4, "", ""), (4, "", "")]);
        assert_eq!(hung("Two volumes of a kind", &two()), Some(vec![0, 1]));
        assert_eq!(hung("Two volumes of a kind", &two().into_phases()), None);
    }
}
