//! Which renderer makes the pictures.

use std::sync::Arc;
use std::time::Duration;

use anatome_core::{
    Bindings, DeviceFault, ErrorKind, Frame, FrameStatus, Image, Progress, Renderer, Request, Volume,
};
use anatome_cpu::{CpuFrame, CpuRenderer};
use anatome_gpu::{AdapterChoice, AdapterFacts, AdapterKind, Finished, GpuFrame, GpuRenderer, SharedDevice};
use serde::{Deserialize, Serialize};

use crate::arrival::Arrival;
use crate::{Error, Result, Workers};

/// Which backend a caller wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendChoice {
    /// A hardware GPU if there is one and it passes the self-test, otherwise the CPU. Never a software GPU driver.
    #[default]
    Auto,
    /// The CPU renderer.
    Cpu,
    /// A GPU, or fail. Named, a software driver may serve too.
    Gpu,
}

impl BackendChoice {
    /// The adapter that [`Backend::open`] opens for this choice, by its number or name if one is given; none for the CPU.
    #[must_use]
    pub fn adapter(self, adapter: Option<&str>) -> Option<AdapterChoice> {
        (self != Self::Cpu).then(|| AdapterChoice::of(adapter))
    }
}

/// A renderer that is ready, and why it was chosen.
#[derive(Debug)]
pub struct Backend {
    kind: Kind,
    reason: String,
    /// What goes on where a GPU fails that nobody asked for.
    instead: Option<CpuRenderer>,
    /// Whether others work on its device, and find pictures there.
    is_shared: bool,
}

#[derive(Debug)]
enum Kind {
    Cpu(CpuRenderer),
    Gpu(Box<GpuRenderer>),
}

/// A volume as its backend holds it.
#[derive(Debug)]
pub enum UploadedVolume {
    /// On the CPU renderer.
    Cpu(<CpuRenderer as Renderer>::Uploaded),
    /// On the GPU renderer.
    Gpu(Box<<GpuRenderer as Renderer>::Uploaded>),
}

impl UploadedVolume {
    /// Whether only those parts of it are on the GPU that a picture needs.
    #[must_use]
    pub fn is_in_parts(&self) -> bool {
        matches!(self, Self::Gpu(volume) if volume.is_in_parts())
    }

    /// Whether pictures of [`Precision::Preview`](anatome_core::Precision) take less than exact ones: a texture unit
    /// interpolates.
    #[must_use]
    pub fn has_preview(&self) -> bool {
        matches!(self, Self::Gpu(volume) if volume.is_filtered())
    }
}

/// An adapter, and what would become of it.
#[derive(Debug)]
pub struct AdapterReport {
    /// The number by which it is chosen, from 1.
    pub number: usize,
    /// What it is and can do.
    pub facts: AdapterFacts,
    /// Whether `auto` would choose it.
    pub chosen: bool,
    /// Why, or why not.
    pub reason: String,
    /// The self-test's result.
    pub self_test: Result<()>,
}

impl Backend {
    /// Opens a backend; `adapter` is the number of the GPU wanted, from 1 in the order of [`adapters`], or (part of)
    /// its name.
    ///
    /// # Errors
    /// Device, for [`BackendChoice::Gpu`] without a GPU that passes the self-test, or an adapter that is not there, or
    /// a name that several have.
    pub fn open(choice: BackendChoice, adapter: Option<&str>, workers: &Workers) -> Result<Self> {
        Self::open_by(choice, adapter, workers, |wanted| Ok(GpuRenderer::open(wanted)?))
    }

    /// As [`Self::open`], on a device that is on the adapter of this choice ([`BackendChoice::adapter`]).
    ///
    /// # Errors
    /// Device, for a GPU that was asked for and does not pass the self-test.
    pub fn open_on(
        choice: BackendChoice,
        adapter: Option<&str>,
        device: &SharedDevice,
        workers: &Workers,
    ) -> Result<Self> {
        let backend = Self::open_by(choice, adapter, workers, |_| Ok(GpuRenderer::on(device)))?;
        Ok(Self { is_shared: true, ..backend })
    }

    fn open_by(
        choice: BackendChoice,
        adapter: Option<&str>,
        workers: &Workers,
        open: impl FnOnce(&AdapterChoice) -> Result<GpuRenderer>,
    ) -> Result<Self> {
        let cpu = CpuRenderer::new(workers.pool().clone());
        let optional = choice == BackendChoice::Auto && adapter.is_none();
        let gpu = || tested(open(&AdapterChoice::of(adapter))?, &cpu);
        let instead = optional.then(|| cpu.clone());
        let (kind, reason) = match (choice, optional) {
            (BackendChoice::Cpu, _) => (Kind::Cpu(cpu), "asked for".to_owned()),
            (_, false) => (Kind::Gpu(Box::new(gpu()?)), "asked for".to_owned()),
            (_, true) => match gpu() {
                Ok(gpu) => (Kind::Gpu(Box::new(gpu)), "a hardware GPU that passes the self-test".to_owned()),
                Err(Error::Core(anatome_core::Error::Device(DeviceFault::NoAdapter { .. }))) => {
                    (Kind::Cpu(cpu), "there is no hardware GPU".to_owned())
                }
                Err(error) => (Kind::Cpu(cpu), format!("no usable hardware GPU: {error}")),
            },
        };
        Ok(Self { kind, reason, instead, is_shared: false })
    }

    /// `cpu` or `gpu`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Cpu(_) => "cpu",
            Kind::Gpu(_) => "gpu",
        }
    }

    /// The GPU's name.
    #[must_use]
    pub fn adapter(&self) -> Option<&str> {
        match &self.kind {
            Kind::Cpu(_) => None,
            Kind::Gpu(gpu) => Some(gpu.adapter().name.as_str()),
        }
    }

    /// Keeps at most this many bytes of a volume on the GPU; of a larger one, the parts that a picture needs. The CPU
    /// renderer keeps no copy, and heeds no budget.
    #[must_use]
    pub fn with_memory_budget(self, bytes: u64) -> Self {
        let kind = match self.kind {
            Kind::Gpu(gpu) => Kind::Gpu(Box::new(gpu.with_memory_budget(bytes))),
            Kind::Cpu(cpu) => Kind::Cpu(cpu),
        };
        Self { kind, ..self }
    }

    /// Why this backend was chosen.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The CPU, where this is a GPU that was not asked for and has failed with an error, or has too little memory. Volumes
    /// are to be uploaded to it anew. `None` for errors that it would raise, too.
    #[must_use]
    pub fn instead(&self, error: &Error) -> Option<Self> {
        let is_of_gpu = matches!(self.kind, Kind::Gpu(_))
            && matches!(error.kind(), ErrorKind::Device | ErrorKind::Limits);
        let cpu = self.instead.clone().filter(|_| is_of_gpu)?;
        let reason = format!("the GPU failed: {error}");
        Some(Self { kind: Kind::Cpu(cpu), reason, instead: None, is_shared: false })
    }

    /// Prepares a volume.
    ///
    /// # Errors
    /// As [`Renderer::upload`]; memory budget, if it is too small for any picture.
    pub fn upload(&self, volume: &Arc<Volume>, progress: &Progress) -> Result<UploadedVolume> {
        Ok(match &self.kind {
            Kind::Cpu(cpu) => UploadedVolume::Cpu(cpu.upload(volume, progress)?),
            Kind::Gpu(gpu) => UploadedVolume::Gpu(Box::new(gpu.upload(volume, progress).map_err(of_budget)?)),
        })
    }

    /// What takes slices here while others are still decoded.
    #[must_use]
    pub fn receive(&self) -> Arrival<'_> {
        Arrival::new(move || Some(self))
    }

    /// Prepares a volume of which slices have come: it must be the one that was loaded with this sink, or one that shares
    /// its samples.
    ///
    /// # Errors
    /// As [`Self::upload`].
    pub fn upload_arrived(
        &self,
        volume: &Arc<Volume>,
        arrival: Arrival<'_>,
        progress: &Progress,
    ) -> Result<UploadedVolume> {
        match (&self.kind, arrival.into_gpu()) {
            (Kind::Gpu(gpu), Some(arrival)) => {
                let uploaded = gpu.upload_arrived(volume, arrival, progress).map_err(of_budget)?;
                Ok(UploadedVolume::Gpu(Box::new(uploaded)))
            }
            _ => self.upload(volume, progress),
        }
    }

    pub(crate) fn gpu(&self) -> Option<&GpuRenderer> {
        match &self.kind {
            Kind::Cpu(_) => None,
            Kind::Gpu(gpu) => Some(gpu),
        }
    }

    /// Renders a request for the volume in the primary slot.
    ///
    /// # Errors
    /// As [`Renderer::render`]; memory budget, if it is too small for this picture; device, if the volume was uploaded to
    /// another backend.
    pub fn render(&self, request: &Request, volume: &UploadedVolume, progress: &Progress) -> Result<Image> {
        Ok(self.render_timed(request, volume, progress)?.0)
    }

    /// As [`Self::render`], with the time that a GPU itself has worked on it, if it can tell.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn render_timed(
        &self,
        request: &Request,
        volume: &UploadedVolume,
        progress: &Progress,
    ) -> Result<(Image, Option<Duration>)> {
        match (&self.kind, volume) {
            (Kind::Cpu(cpu), UploadedVolume::Cpu(volume)) => {
                Ok(cpu.render_timed(request, &Bindings::primary(volume), progress)?)
            }
            (Kind::Gpu(gpu), UploadedVolume::Gpu(volume)) => {
                gpu.render_timed(request, &Bindings::primary(volume), progress).map_err(of_budget)
            }
            _ => Err(other_backend()),
        }
    }

    /// Starts a picture of the volume in the primary slot.
    ///
    /// # Errors
    /// As [`Renderer::begin`]; device, if the volume was uploaded to another backend.
    pub fn begin<'a>(&'a self, request: &Request, volume: &'a UploadedVolume) -> Result<BackendFrame<'a>> {
        let kind = match (&self.kind, volume) {
            (Kind::Cpu(cpu), UploadedVolume::Cpu(volume)) => {
                FrameKind::Cpu(Box::new(cpu.begin(request, &Bindings::primary(volume))?))
            }
            (Kind::Gpu(gpu), UploadedVolume::Gpu(volume)) => {
                FrameKind::Gpu(Box::new(gpu.begin(request, &Bindings::primary(volume))?))
            }
            _ => return Err(other_backend()),
        };
        Ok(BackendFrame(kind))
    }
}

impl Backend {
    /// As [`Self::begin`], of a picture that may stay on the device that the backend was [opened on](Self::open_on): see
    /// [`BackendFrame::finish_kept`].
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn begin_kept<'a>(
        &'a self,
        request: &Request,
        volume: &'a UploadedVolume,
    ) -> Result<BackendFrame<'a>> {
        match (&self.kind, volume) {
            (Kind::Gpu(gpu), UploadedVolume::Gpu(volume)) if self.is_shared => {
                let frame = gpu.begin_kept(request, &Bindings::primary(volume))?;
                Ok(BackendFrame(FrameKind::Gpu(Box::new(frame))))
            }
            _ => self.begin(request, volume),
        }
    }
}

/// Whoever set the budget can raise it; other limits are no one's choice.
fn of_budget(error: anatome_core::Error) -> Error {
    match error {
        anatome_core::Error::Limits { what: anatome_gpu::BUDGET_BYTES, needed, allowed } => {
            Error::MemoryBudget { needed, allowed }
        }
        other => other.into(),
    }
}

impl Backend {
    /// As if a driver had given up. For tests of what is done then.
    #[doc(hidden)]
    pub fn lose_gpu(&self) {
        if let Kind::Gpu(gpu) = &self.kind {
            gpu.lose();
        }
    }

    /// As if it had been found, and not asked for.
    #[cfg(test)]
    pub(crate) fn into_found(self, workers: &Workers) -> Self {
        Self { instead: Some(CpuRenderer::new(workers.pool().clone())), ..self }
    }
}

fn other_backend() -> Error {
    let reason = "the volume was uploaded to another backend".to_owned();
    anatome_core::Error::from(DeviceFault::Validation { reason }).into()
}

/// A picture in the making on a [`Backend`].
#[derive(Debug)]
pub struct BackendFrame<'a>(FrameKind<'a>);

#[derive(Debug)]
enum FrameKind<'a> {
    Cpu(Box<CpuFrame<'a>>),
    Gpu(Box<GpuFrame<'a>>),
}

impl Frame for BackendFrame<'_> {
    fn advance(&mut self, budget: Duration) -> anatome_core::Result<FrameStatus> {
        match &mut self.0 {
            FrameKind::Cpu(frame) => frame.advance(budget),
            FrameKind::Gpu(frame) => frame.advance(budget),
        }
    }

    fn device_time(&self) -> Option<Duration> {
        match &self.0 {
            FrameKind::Cpu(frame) => frame.device_time(),
            FrameKind::Gpu(frame) => frame.device_time(),
        }
    }

    fn finish(self) -> anatome_core::Result<Image> {
        match self.0 {
            FrameKind::Cpu(frame) => frame.finish(),
            FrameKind::Gpu(frame) => frame.finish(),
        }
    }
}

impl BackendFrame<'_> {
    /// As [`Frame::finish`], where the picture was made.
    ///
    /// # Errors
    /// As [`Frame::finish`].
    pub fn finish_kept(self) -> anatome_core::Result<Finished> {
        match self.0 {
            FrameKind::Cpu(frame) => frame.finish().map(Finished::Image),
            FrameKind::Gpu(frame) => frame.finish_kept(),
        }
    }
}

/// A GPU that has passed the self-test.
fn tested(gpu: GpuRenderer, cpu: &CpuRenderer) -> Result<GpuRenderer> {
    gpu.self_test(|volume, request| {
        let uploaded = cpu.upload(volume, &Progress::new())?;
        cpu.render(request, &Bindings::primary(&uploaded), &Progress::new())
    })?;
    Ok(gpu)
}

/// Every adapter of this machine, tested, in the order of their numbers.
#[must_use]
pub fn adapters(workers: &Workers) -> Vec<AdapterReport> {
    let cpu = CpuRenderer::new(workers.pool().clone());
    let all = anatome_gpu::adapters();
    let best = AdapterChoice::Hardware.pick(&all).ok();
    let report = |(n, facts): (usize, AdapterFacts)| {
        let number = n + 1;
        let opened = GpuRenderer::open(&AdapterChoice::Number(number)).map_err(Error::from);
        let self_test = opened.and_then(|gpu| tested(gpu, &cpu)).map(drop);
        let (chosen, reason) = verdict(&facts, &self_test, best == Some(n));
        AdapterReport { number, facts, chosen, reason, self_test }
    };
    all.into_iter().enumerate().map(report).collect()
}

/// Whether [`BackendChoice::Auto`] takes an adapter, as [`Backend::open`] decides it, and why.
fn verdict(facts: &AdapterFacts, self_test: &Result<()>, best: bool) -> (bool, String) {
    match self_test {
        Err(error) => (false, format!("does not pass the self-test: {error}")),
        Ok(()) if best => (true, "a hardware GPU that passes the self-test".to_owned()),
        Ok(()) => {
            let reason = match facts.kind {
                AdapterKind::Software => "a software driver is used only when chosen by number or name",
                AdapterKind::Other => {
                    "not known to be hardware, and so used only when chosen by number or name"
                }
                _ => "another hardware GPU comes first",
            };
            (false, reason.to_owned())
        }
    }
}
