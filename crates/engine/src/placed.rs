//! A volume on its backend while a job works: on the CPU once a GPU fails that nobody asked for.

use std::sync::Arc;

use anatome_core::{Image, NoteCode, Notes, Progress, Request, Volume};

use crate::backend::{Backend, UploadedVolume};
use crate::{Error, Result};

/// A volume on a backend.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    volume: &'a Arc<Volume>,
    backend: Backend,
    uploaded: UploadedVolume,
    notes: Notes,
}

impl<'a> Placed<'a> {
    /// A volume that was uploaded, or to be placed elsewhere if that failed.
    ///
    /// # Errors
    /// As [`Backend::upload`], if nothing can take the backend's place.
    pub(crate) fn new(
        backend: Backend,
        volume: &'a Arc<Volume>,
        uploaded: Result<UploadedVolume>,
        progress: &Progress,
    ) -> Result<Self> {
        let notes = Notes::new();
        match uploaded {
            Ok(uploaded) => Ok(Self { volume, backend, uploaded, notes }),
            Err(error) => {
                let Some(instead) = backend.instead(&error) else { return Err(error) };
                let uploaded = instead.upload(volume, progress)?;
                let mut placed = Self { volume, backend: instead, uploaded, notes };
                placed.note(&error);
                Ok(placed)
            }
        }
    }

    /// Renders a request; again, if the backend has failed and another takes its place.
    ///
    /// # Errors
    /// As [`Backend::render`], if nothing can take the backend's place.
    pub(crate) fn render(&mut self, request: &Request, progress: &Progress) -> Result<Image> {
        let error = match self.backend.render(request, &self.uploaded, progress) {
            Err(error) => error,
            done => return done,
        };
        let Some(instead) = self.backend.instead(&error) else { return Err(error) };
        self.uploaded = instead.upload(self.volume, progress)?;
        self.backend = instead;
        self.note(&error);
        self.backend.render(request, &self.uploaded, progress)
    }

    /// What makes the pictures now.
    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Why it makes them, and how.
    pub(crate) fn reason(&self) -> String {
        match self.uploaded.is_in_parts() {
            true => format!("{}; the volume is on it in parts, as they are needed", self.backend.reason()),
            false => self.backend.reason().to_owned(),
        }
    }

    /// What was odd.
    pub(crate) fn notes(&self) -> &Notes {
        &self.notes
    }

    fn note(&mut self, error: &Error) {
        note_instead(&mut self.notes, error);
    }
}

/// Says that the CPU works in place of a GPU.
pub(crate) fn note_instead(notes: &mut Notes, error: &Error) {
    notes.add(NoteCode::BackendFailed, format!("the CPU goes on, because the GPU failed: {error}"));
}

#[cfg(test)]
mod tests {
    use anatome_core::*;
    use anatome_testkit::Need;
    use glam::DAffine3;
    use ndarray::Array3;

    use super::*;
    use crate::{BackendChoice, Workers};

    /// Any GPU, as if it had been found or asked for; a software driver will do.
    fn gpu(workers: &Workers, is_asked_for: bool) -> Option<Backend> {
        match Backend::open(BackendChoice::Gpu, Some("1"), workers) {
            Ok(backend) if is_asked_for => Some(backend),
            Ok(backend) => Some(backend.into_found(workers)),
            Err(error) => {
                Need::Gpu.is_missing(&error.to_string());
                None
            }
        }
    }

    /// More than fits into the smallest budget that there may be.
    fn volume() -> Arc<Volume> {
        let shape = [160, 140, 140];
        let samples = Array3::from_shape_fn((160, 140, 140), |(k, j, i)| ((k + 2 * j + 3 * i) % 200) as u8);
        let grid = Grid::even(shape, DAffine3::IDENTITY).unwrap();
        let mapping = ValueMapping::identity(Unit::Arbitrary);
        Arc::new(Volume::new(grid, Samples::U8(samples), mapping, None, Facts::new(Modality::Ct)).unwrap())
    }

    /// A volume on a backend, or on what takes its place.
    fn place(backend: Backend, volume: &Arc<Volume>) -> crate::Result<Placed<'_>> {
        let uploaded = backend.upload(volume, &Progress::new());
        Placed::new(backend, volume, uploaded, &Progress::new())
    }

    fn request(volume: &Volume) -> Request {
        let plane = StandardView::Axial.plane(volume.grid(), Planes::Patient, volume.center_mm(), 1.0);
        let voi = Voi::Window(Window::new(100.0, 200.0, WindowFunction::Linear).unwrap());
        let appearance = Appearance::Grey { voi, invert: false, colors: None };
        Request::new(Scene::of_primary(View::Slice { plane }, appearance), [40, 40], Output::Grey8)
    }

    #[test]
    fn the_cpu_goes_on_where_a_gpu_fails_that_nobody_asked_for() {
        let workers = Workers::new(Some(1)).unwrap();
        let (volume, progress) = (volume(), Progress::new());
        let request = request(&volume);
        let cpu = Backend::open(BackendChoice::Cpu, None, &workers).unwrap();
        let expected = place(cpu, &volume).unwrap().render(&request, &progress).unwrap();
        let Some(found) = gpu(&workers, false) else { return };
        let mut placed = place(found, &volume).unwrap();
        placed.render(&request, &progress).unwrap();
        assert_eq!(placed.backend().name(), "gpu");
        placed.backend().lose_gpu();
        for _ in 0..2 {
            let image = placed.render(&request, &progress).unwrap();
            assert_eq!(image.pixels(), expected.pixels());
            assert_eq!((placed.backend().name(), placed.backend().adapter()), ("cpu", None));
        }
        let reason = placed.reason();
        assert!(reason.starts_with("the GPU failed: GPU: the device was lost"), "{reason}");
        assert_eq!(
            placed.notes().iter().map(|note| (note.code, note.count)).collect::<Vec<_>>(),
            [(NoteCode::BackendFailed, 1)]
        );
        // Before the first picture, too; and where the GPU has too little room.
        let Some(lost) = gpu(&workers, false) else { return };
        lost.lose_gpu();
        assert_eq!(place(lost, &volume).unwrap().backend().name(), "cpu");
        let Some(small) = gpu(&workers, false) else { return };
        let placed = place(small.with_memory_budget(1000), &volume).unwrap();
        assert_eq!(placed.backend().name(), "cpu");
        assert!(placed.notes().has(NoteCode::BackendFailed));
    }

    #[test]
    fn a_gpu_that_was_asked_for_fails() {
        let workers = Workers::new(Some(1)).unwrap();
        let (volume, progress) = (volume(), Progress::new());
        let Some(small) = gpu(&workers, true) else { return };
        let small = small.with_memory_budget(1_000_000);
        let error = place(small, &volume).unwrap_err();
        // 49 of 5 x 5 x 5 bricks, of 35 x 35 x 35 samples of two bytes.
        assert!(
            matches!(error, crate::Error::MemoryBudget { needed: 4_201_750, allowed: 1_000_000 }),
            "{error}"
        );
        let Some(asked_for) = gpu(&workers, true) else { return };
        let mut placed = place(asked_for, &volume).unwrap();
        placed.backend().lose_gpu();
        for _ in 0..2 {
            let error = placed.render(&request(&volume), &progress).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Device, "{error}");
        }
        assert_eq!(placed.backend().name(), "gpu");
    }
}
