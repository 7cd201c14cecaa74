//! How studies are hung: arrangements from `assets/layouts`, each with what it needs.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::command::Command;
use crate::document::{Document, Entry, Kind};
use crate::session::{Layout, SeriesId};

macro_rules! layouts {
    ($($name:literal),* $(,)?) => {
        &[$(include_str!(concat!("../../../assets/layouts/", $name, ".json"))),*]
    };
}

/// In the order in which they are tried.
const FILES: &[&str] = layouts!("pet-over-ct", "mammograms", "radiographs", "planes", "two-volumes");

/// An arrangement with what it needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hanging {
    pub name: String,
    /// Whether it is chosen when a study that has all it needs is opened.
    automatic: bool,
    needs: Vec<Need>,
    layout: Layout,
    /// Which of the needs is laid over the first.
    #[serde(default)]
    over: Option<usize>,
    /// Whether each need has a view of its own, in their order; otherwise the first fills the layout.
    #[serde(default)]
    each: bool,
}

/// A series that is needed: of those that fit the largest that no other need has.
#[derive(Clone, Debug, Deserialize)]
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
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

    /// What is to be done to hang what is open so; nothing if something that is needed is not there. With `input` only what
    /// came with it counts, and only if this is to be chosen without being asked for.
    pub(crate) fn commands(&self, document: &Document, input: Option<u32>) -> Option<Vec<Command>> {
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
            commands.push(Command::Arrange { layout: Layout::One });
            commands.push(Command::Show { view: 0, series: *found.first()?, content: None });
            commands.push(Command::Arrange { layout: self.layout });
        }
        if let Some(&over) = self.over.and_then(|over| found.get(over)) {
            commands.push(Command::Fuse { view: 0, overlay: Some(over) });
        }
        Some(commands)
    }

    fn found(&self, document: &Document, input: Option<u32>) -> Option<Vec<SeriesId>> {
        let mut found: Vec<SeriesId> = Vec::new();
        for need in &self.needs {
            let fits = |entry: &&Entry| {
                input.is_none_or(|input| entry.id.input == input)
                    && !found.contains(&entry.id)
                    && need.fits(entry, document, &found)
            };
            let voxels =
                |entry: &&Entry| entry.facts.shape.map_or(0, |shape| shape.iter().product::<usize>());
            // Of equal ones the first.
            found.push(document.entries().iter().filter(fits).rev().max_by_key(voxels)?.id);
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
    fn a_pet_is_hung_over_its_ct() {
        let workers = Workers::new(Some(2)).unwrap();
        let spec = ThoraxSpec { shape: [12, 16, 16], ..ThoraxSpec::default() };
        let ct = || thorax_ct(&spec, workers.pool(), &Progress::new()).unwrap();
        let pet = thorax_pet(&spec, workers.pool(), &Progress::new()).unwrap();
        let alone = Document::of_volumes(vec![ct()], &workers);
        let both = Document::of_volumes(vec![pet, ct()], &workers);
        let pet_ct = named("PET over CT");
        assert!(pet_ct.commands(&alone, Some(0)).is_none());
        let mut session = crate::session::Session::default();
        for command in pet_ct.commands(&both, Some(0)).unwrap() {
            session.apply(&command, &both).unwrap();
        }
        assert_eq!(session.layout, Layout::TwoByTwo);
        let [ct, pet] = [1, 0].map(|number| SeriesId { input: 0, number });
        assert!(session.views.iter().all(|view| view.series == Some(ct)));
        assert!(
            session.views.iter().all(|view| view.overlay.as_ref().is_some_and(|over| over.series == pet))
        );
        // What nobody asked for is not chosen.
        assert!(named("Planes of the largest volume").commands(&both, Some(0)).is_none());
        assert!(named("Planes of the largest volume").commands(&both, None).is_some());
        assert!(named("Two volumes of a kind").commands(&both, None).is_none());
    }
}
