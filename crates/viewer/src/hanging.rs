//! How studies are hung: arrangements from `assets/layouts`, each with what it needs.

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
const FILES: &[&str] = layouts!("pet-over-ct", "mammograms", "radiographs", "planes", "two-volumes");

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

/// A series that is needed: of those that fit the largest that no other need has.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Need {
    #[serde(default)]
    modality: Option<String>,
    /// In small letters, a part of the description.
    #[serde(default)]
    description: Option<String>,
    kind: NeedKind,
    /// The need in whose frame of reference it stands.
    #[serde(default)]
    in_space_of: Option<usize>,
    /// The need whose modality it has.
    #[serde(default)]
    modality_of: Option<usize>,
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
        let mut found: Vec<SeriesId> = Vec::new();
        for need in &self.needs {
            let fits = |entry: &&Entry| {
                input.is_none_or(|input| entry.id.input == input)
                    && !found.contains(&entry.id)
                    && need.fits(entry, document, &found)
            };
            // Of equal ones the first.
            let largest = document.entries().iter().filter(fits).rev().max_by_key(|own| own.facts.voxels());
            found.push(largest?.id);
        }
        Some(found)
    }
}

impl Need {
    fn fits(&self, entry: &Entry, document: &Document, found: &[SeriesId]) -> bool {
        let facts = &entry.facts;
        let kind = match self.kind {
            NeedKind::Volume => Kind::Volume,
            NeedKind::Stack => Kind::Stack,
        };
        let described = |part: &String| {
            facts.description.as_ref().is_some_and(|text| text.to_lowercase().contains(part.as_str()))
        };
        let other = |n: Option<usize>| n.map(|n| found.get(n).and_then(|id| document.entry(*id)));
        let same_space = other(self.in_space_of).is_none_or(|other| {
            other.is_some_and(|other| document.space(other.id) == document.space(entry.id))
        });
        let same_modality = other(self.modality_of)
            .is_none_or(|other| other.is_some_and(|other| other.facts.modality == facts.modality));
        facts.kind == kind
            && self.modality.as_ref().is_none_or(|code| facts.modality.code() == code)
            && self.description.as_ref().is_none_or(described)
            && same_space
            && same_modality
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
}
