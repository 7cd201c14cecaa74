//! From the threads that decode a volume straight to its backend.

use std::fmt;
use std::sync::OnceLock;

use anatome_dicom::{Coming, FinishedSlice, SliceSink};
use anatome_gpu::GpuArrival;

use crate::Backend;

/// Takes slices to a backend as soon as they are decoded: a sink for [`Study::load_with`](crate::Study::load_with), to be
/// given to [`Backend::upload_arrived`] with the volume. The CPU renderer needs none of them.
pub struct Arrival<'a> {
    backend: Box<dyn Fn() -> Option<&'a Backend> + Sync + 'a>,
    shape: OnceLock<[usize; 3]>,
    on_gpu: OnceLock<GpuArrival<'a>>,
}

impl fmt::Debug for Arrival<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival").field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl<'a> Arrival<'a> {
    /// For a backend that may not be open yet: what is decoded before it is does not come this way.
    pub(crate) fn new(backend: impl Fn() -> Option<&'a Backend> + Sync + 'a) -> Self {
        Self { backend: Box::new(backend), shape: OnceLock::new(), on_gpu: OnceLock::new() }
    }

    /// What has come to a GPU.
    pub(crate) fn into_gpu(self) -> Option<GpuArrival<'a>> {
        self.on_gpu.into_inner()
    }
}

impl SliceSink for Arrival<'_> {
    fn begin(&self, coming: &Coming<'_>) {
        let _ = self.shape.set(coming.grid.shape());
    }

    fn slice(&self, slice: FinishedSlice<'_>) {
        let (Some(backend), Some(&shape)) = ((self.backend)(), self.shape.get()) else { return };
        if let Some(gpu) = backend.gpu() {
            self.on_gpu.get_or_init(|| gpu.receive(shape)).slice(slice.k, slice.samples);
        }
    }
}
