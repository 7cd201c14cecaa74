//! What is open: studies, their series, and the volumes that were loaded. Parts never change once they are there; they
//! are shared with the threads that draw.

mod defaults;
mod facts;
mod frames;
mod images;
mod loader;
mod thumbnail;

use std::sync::Arc;

use anatome::{Backend, Grid, ImagePart, Notes, Series, Stack, Study, UploadedVolume, Volume};

pub(crate) use defaults::Defaults;
#[cfg(test)]
pub(crate) use facts::StudyFacts;
pub(crate) use facts::{Kind, Opened, SeriesFacts, opened};
pub(crate) use frames::{FrameImage, Frames};
pub(crate) use images::Images;
pub(crate) use loader::{Loader, News, Opening, Work};
pub(crate) use thumbnail::Thumbnail;

use crate::session::SeriesId;

/// Everything that is open.
#[derive(Debug, Default)]
pub(crate) struct Document {
    inputs: Vec<Input>,
    entries: Vec<Entry>,
    /// What draws; absent until it is ready.
    backend: Option<Arc<Backend>>,
}

/// Files that were opened together.
#[derive(Debug)]
pub(crate) struct Input {
    /// What was found, or why nothing was.
    pub found: Option<Result<Arc<Study>, String>>,
    /// Whether nothing of it is open any more. Its number is not given again.
    pub is_closed: bool,
}

/// A series, or a volume of another file.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// By which it is known.
    pub id: SeriesId,
    /// What its headers say.
    pub facts: SeriesFacts,
    /// The first series of the same space.
    space: SeriesId,
    /// The first of the volumes of one series that share a grid: phases of the same.
    phase_of: SeriesId,
    /// The first series of the same patient.
    pub patient: SeriesId,
    /// A small picture of it.
    pub thumbnail: Option<Arc<Thumbnail>>,
    /// One slice of it, as soon as that was read.
    preview: Option<Arc<Loaded>>,
    /// How far it is.
    pub state: State,
}

/// How far a series is loaded.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// Only headers are known.
    Found,
    /// One slice is there, while the rest is read.
    Preview(Arc<Loaded>),
    /// All of it.
    Loaded(Arc<Loaded>),
    /// Images that make no volume, decoded one by one.
    Stack(Arc<Stack>, Arc<Defaults>),
    /// It can't be shown.
    Failed(String),
}

/// A volume that can be drawn.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub volume: Arc<Volume>,
    pub uploaded: Arc<UploadedVolume>,
    pub defaults: Defaults,
    pub notes: Notes,
    /// What the images of its slices are called.
    pub images: Images,
    /// How often values occur; empty for a preview.
    pub histogram: crate::histogram::Histogram,
}

impl Document {
    /// Nothing, that is drawn by a backend.
    pub(crate) fn of_backend(backend: Option<Arc<Backend>>) -> Self {
        Self { backend, ..Self::default() }
    }

    /// Registers an input that is about to be opened.
    pub(crate) fn add_input(&mut self) -> u32 {
        self.inputs.push(Input { found: None, is_closed: false });
        (self.inputs.len() - 1) as u32
    }

    /// Registers an input that was closed, so that those after it have the numbers that they had.
    pub(crate) fn add_closed_input(&mut self) {
        self.inputs.push(Input { found: Some(Err("it was closed".to_owned())), is_closed: true });
    }

    /// Closes series. Returns the inputs of which nothing is left.
    pub(crate) fn close(&mut self, ids: &[SeriesId]) -> Vec<u32> {
        self.entries.retain(|entry| !ids.contains(&entry.id));
        let mut closed = Vec::new();
        for (number, input) in (0..).zip(&mut self.inputs) {
            let is_empty = !self.entries.iter().any(|entry| entry.id.input == number);
            if is_empty && ids.iter().any(|id| id.input == number) {
                *input = Input { found: Some(Err("it was closed".to_owned())), is_closed: true };
                closed.push(number);
            }
        }
        closed
    }

    pub(crate) fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn entry(&self, id: SeriesId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    pub(crate) fn study(&self, id: SeriesId) -> Option<&Arc<Study>> {
        self.inputs.get(id.input as usize)?.found.as_ref()?.as_ref().ok()
    }

    pub(crate) fn series(&self, id: SeriesId) -> Option<&Series> {
        self.study(id)?.series().get(id.number as usize)
    }

    /// A volume of a file that is no DICOM file.
    pub(crate) fn image_part(&self, id: SeriesId) -> Option<&ImagePart> {
        let study = self.study(id)?;
        study.image_parts().get((id.number as usize).checked_sub(study.series().len())?)
    }

    /// What a series is called beside others, such as `CT 2`.
    pub(crate) fn name(&self, id: SeriesId) -> Option<String> {
        let facts = &self.entry(id)?.facts;
        let code = Some(facts.modality.code()).filter(|code| !code.is_empty()).unwrap_or("Series");
        let number = facts.number.unwrap_or_else(|| i64::from(id.number) + 1);
        let part = facts.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default();
        Some(format!("{code} {number}{part}"))
    }

    pub(crate) fn backend(&self) -> Option<&Arc<Backend>> {
        self.backend.as_ref()
    }

    /// The first series of the space of a series.
    pub(crate) fn space(&self, id: SeriesId) -> Option<SeriesId> {
        self.entry(id).map(|entry| entry.space)
    }

    /// The volume of a series, or what is there of it.
    pub(crate) fn loaded(&self, id: SeriesId) -> Option<&Arc<Loaded>> {
        match &self.entry(id)?.state {
            State::Preview(loaded) | State::Loaded(loaded) => Some(loaded),
            _ => None,
        }
    }

    /// The whole volume of a series.
    pub(crate) fn whole(&self, id: SeriesId) -> Option<&Arc<Loaded>> {
        match &self.entry(id)?.state {
            State::Loaded(loaded) => Some(loaded),
            _ => None,
        }
    }

    pub(crate) fn grid(&self, id: SeriesId) -> Option<&Grid> {
        Some(self.loaded(id)?.volume.grid())
    }

    pub(crate) fn defaults(&self, id: SeriesId) -> Option<&Defaults> {
        match &self.entry(id)?.state {
            State::Preview(loaded) | State::Loaded(loaded) => Some(&loaded.defaults),
            State::Stack(_, defaults) => Some(defaults),
            _ => None,
        }
    }

    pub(crate) fn stack(&self, id: SeriesId) -> Option<&Arc<Stack>> {
        match &self.entry(id)?.state {
            State::Stack(stack, _) => Some(stack),
            _ => None,
        }
    }

    /// The number, from 1, of the patient of a series among those of whom series are open; nothing if there is but one.
    pub(crate) fn patient_number(&self, id: SeriesId) -> Option<usize> {
        let mut patients: Vec<SeriesId> = Vec::new();
        for entry in &self.entries {
            if !patients.contains(&entry.patient) {
                patients.push(entry.patient);
            }
        }
        let own = self.entry(id)?.patient;
        patients.iter().position(|patient| *patient == own).map(|n| n + 1).filter(|_| patients.len() > 1)
    }

    /// What the study of a series is beside the patient's others; nothing if no other is open.
    pub(crate) fn study_name(&self, id: SeriesId) -> Option<String> {
        let own = self.entry(id)?;
        let is_other = |entry: &Entry| match (&entry.facts.study, &own.facts.study) {
            (Some(other), Some(own)) => !other.is_of_study(own),
            (other, own) => other.is_some() != own.is_some(),
        };
        // Asked in every frame: most patients have one.
        if !self.entries.iter().any(|entry| entry.patient == own.patient && is_other(entry)) {
            return None;
        }
        let studies = opened(&self.entries);
        let study = studies.into_iter().find(|study| study.entries.iter().any(|entry| entry.id == id))?;
        Some(study.name)
    }

    /// Takes what a thread has done.
    pub(crate) fn take(&mut self, news: News) {
        match news {
            News::Ready { backend, .. } => {
                // What another backend holds is of no use to this one.
                if self.backend.replace(backend).is_some() {
                    self.entries.iter_mut().for_each(|entry| {
                        (entry.preview, entry.state) = (None, State::Found);
                    });
                }
            }
            News::Found { input, study } => self.found(input, study),
            News::Thumbnail { id, thumbnail } => {
                if let Some(entry) = self.entry_mut(id) {
                    entry.thumbnail = Some(thumbnail);
                }
            }
            News::Series { id, state } => {
                let Some(entry) = self.entry_mut(id) else { return };
                if let State::Preview(preview) = &state {
                    entry.preview = Some(Arc::clone(preview));
                }
                // A preview that comes late replaces nothing.
                if !matches!((&entry.state, &state), (State::Loaded(_) | State::Failed(_), State::Preview(_)))
                {
                    entry.state = state;
                }
            }
            News::Trouble { .. } => {}
        }
    }

    /// Lets volumes go but those of `shown`, and of `spare`, the first first, as many as there is room for within `most`
    /// bytes of samples. Returns those that went.
    pub(crate) fn let_go(&mut self, shown: &[SeriesId], spare: &[SeriesId], most: usize) -> Vec<SeriesId> {
        let size = |id: &SeriesId| self.whole(*id).map_or(0, |loaded| loaded.volume.byte_len());
        let mut bytes: usize = shown.iter().map(size).sum();
        let mut fitting: Vec<SeriesId> = Vec::new();
        for id in spare.iter().filter(|id| !shown.contains(id)) {
            if !fitting.contains(id) {
                bytes = bytes.saturating_add(size(id));
                if bytes > most {
                    break;
                }
                fitting.push(*id);
            }
        }
        let mut gone = Vec::new();
        for entry in &mut self.entries {
            if matches!(entry.state, State::Loaded(_))
                && !shown.contains(&entry.id)
                && !fitting.contains(&entry.id)
            {
                entry.state = entry.preview.clone().map_or(State::Found, State::Preview);
                gone.push(entry.id);
            }
        }
        gone
    }

    /// Takes a series that could not be read as one that was not read yet; whether it was one.
    pub(crate) fn forget_failure(&mut self, id: SeriesId) -> bool {
        let Some(entry) = self.entry_mut(id).filter(|entry| matches!(entry.state, State::Failed(_))) else {
            return false;
        };
        entry.state = entry.preview.clone().map_or(State::Found, State::Preview);
        true
    }

    fn entry_mut(&mut self, id: SeriesId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }

    fn found(&mut self, input: u32, study: Result<Arc<Study>, String>) {
        // First, so that the series that follow find those before them.
        let Some(own) = self.inputs.get_mut(input as usize) else { return };
        own.found = Some(study.clone());
        if let Ok(study) = study {
            let count = study.series().len() + study.image_parts().len();
            for number in 0..count as u32 {
                let id = SeriesId { input, number };
                let (space, patient) = match study.series().get(number as usize) {
                    Some(series) => (self.space_for(id, series), self.patient_for(id, series)),
                    None => (id, SeriesId { number: study.series().len() as u32, ..id }),
                };
                let facts = SeriesFacts::of(&study, number as usize);
                let phase_of = self.phase_for(id, space, &facts);
                self.entries.push(Entry {
                    id,
                    facts,
                    space,
                    patient,
                    phase_of,
                    thumbnail: None,
                    preview: None,
                    state: State::Found,
                });
            }
        }
    }

    fn space_for(&self, id: SeriesId, series: &Series) -> SeriesId {
        let Some(own) = series.frame_of_reference_uid().filter(|uid| !uid.is_empty()) else { return id };
        let shares = |entry: &&Entry| {
            let other = self.series(entry.id);
            other.is_some_and(|other| {
                other.frame_of_reference_uid() == Some(own) && other.is_of_patient_of(series)
            })
        };
        self.entries.iter().find(shares).map_or(id, |entry| entry.space)
    }

    /// The first volume of which this is a phase: of the same grid, and another part of the same series, or a series of
    /// the same study, frame of reference and description, as some scanners write each phase.
    fn phase_for(&self, id: SeriesId, space: SeriesId, facts: &SeriesFacts) -> SeriesId {
        let grid = |series: &Series| series.geometry().ok().map(|(grid, _)| grid);
        let is_part = |facts: &SeriesFacts| facts.part.is_some();
        let Some(own) = self.series(id).filter(|_| facts.kind == Kind::Volume) else { return id };
        let is_alike = |entry: &Entry, other: &Series| {
            let of_one_series = other.series_instance_uid() == own.series_instance_uid()
                && is_part(facts)
                && is_part(&entry.facts);
            let described = own.description().filter(|text| !text.trim().is_empty());
            let of_one_kind = described.is_some()
                && described == other.description()
                && own.study_instance_uid() == other.study_instance_uid()
                && !is_part(facts)
                && !is_part(&entry.facts);
            of_one_series || of_one_kind
        };
        let mut own_grid = None;
        let mut shares = |entry: &&Entry| {
            let near = entry.id.input == id.input
                && entry.space == space
                && entry.facts.kind == Kind::Volume
                && entry.facts.modality == facts.modality
                && entry.facts.shape == facts.shape;
            let Some(other) = self.series(entry.id).filter(|_| near) else { return false };
            let own_grid = own_grid.get_or_insert_with(|| grid(own));
            is_alike(entry, other) && own_grid.is_some() && grid(other) == *own_grid
        };
        self.entries.iter().find(|entry| shares(entry)).map_or(id, |entry| entry.phase_of)
    }

    /// All phases of what a series is one of, in their order; one if it has none.
    pub(crate) fn phases(&self, id: SeriesId) -> Vec<SeriesId> {
        let first = self.first_phase(id);
        self.entries.iter().filter(|entry| entry.phase_of == first).map(|entry| entry.id).collect()
    }

    /// The first phase of what a series is one of.
    pub(crate) fn first_phase(&self, id: SeriesId) -> SeriesId {
        self.entry(id).map_or(id, |entry| entry.phase_of)
    }

    fn patient_for(&self, id: SeriesId, series: &Series) -> SeriesId {
        let same = |entry: &&Entry| self.series(entry.id).is_some_and(|other| other.is_of_patient_of(series));
        self.entries.iter().find(same).map_or(id, |entry| entry.patient)
    }
}

#[cfg(test)]
impl Document {
    /// A document of generated volumes of one space, without threads.
    pub(crate) fn of_volumes(volumes: Vec<Volume>, workers: &anatome::Workers) -> Self {
        use anatome::{BackendChoice, Progress};
        let backend = Arc::new(Backend::open(BackendChoice::Cpu, None, workers).unwrap());
        let mut document = Self { backend: Some(Arc::clone(&backend)), ..Self::default() };
        // There is nothing to wait for.
        document.add_closed_input();
        let input = 0;
        for (number, volume) in volumes.into_iter().enumerate() {
            let id = SeriesId { input, number: number as u32 };
            let facts = SeriesFacts {
                modality: volume.facts().modality.clone(),
                description: None,
                is_described_by_identity: false,
                number: Some(number as i64 + 1),
                part: None,
                shape: Some(volume.grid().shape()),
                kind: Kind::Volume,
                notes: Notes::new(),
                study: None,
            };
            let loaded = loader::made(Arc::new(volume), Notes::new(), Images::default(), None, |volume| {
                backend.upload(volume, &Progress::new())
            })
            .unwrap();
            let state = State::Loaded(Arc::new(loaded));
            let first = SeriesId { input, number: 0 };
            document.entries.push(Entry {
                id,
                facts,
                space: first,
                phase_of: id,
                patient: first,
                thumbnail: None,
                preview: None,
                state,
            });
        }
        document
    }

    /// What the headers of a series say, to be changed.
    pub(crate) fn facts_mut(&mut self, number: usize) -> &mut SeriesFacts {
        &mut self.entries[number].facts
    }

    /// Makes a series one of the patient of another.
    pub(crate) fn set_patient(&mut self, number: usize, of: usize) {
        self.entries[number].patient = self.entries[of].id;
    }

    /// The same, with volumes that are phases of one.
    pub(crate) fn into_phases(mut self) -> Self {
        let first = self.entries[0].id;
        self.entries.iter_mut().for_each(|entry| entry.phase_of = first);
        self
    }

    /// The same, with volumes of which each is another patient's.
    pub(crate) fn into_patients(mut self) -> Self {
        self.entries.iter_mut().for_each(|entry| (entry.patient, entry.space) = (entry.id, entry.id));
        self
    }
}
