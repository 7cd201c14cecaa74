//! A device whose failures are errors: lost, out of memory, refused calls, no answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anatome_core::DeviceFault;
use wgpu::{
    BufferDescriptor, BufferUsages, CommandEncoderDescriptor, DeviceDescriptor, ErrorFilter, Features,
    MapMode, PollError, PollType, SubmissionIndex,
};

use crate::AdapterFacts;

/// How long a device may take to answer. Dispatches are sized to take far less.
const WAIT: Duration = Duration::from_secs(60);

/// How long it may take another thread to tell what it has seen of the device.
const TELLING: Duration = Duration::from_secs(5);

/// Where it is told that a buffer is mapped.
pub(crate) type Mapped = Receiver<Result<(), wgpu::BufferAsyncError>>;

/// What is used where there is it; nothing that is exact needs any.
const WANTED: Features = Features::TEXTURE_FORMAT_16BIT_NORM.union(Features::TIMESTAMP_QUERY);

/// A device that others may work on, too, such as a window: what any of them does to lose it all are told.
#[derive(Clone, Debug)]
pub struct SharedDevice {
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// The driver's words, once the device is lost.
    lost: Arc<OnceLock<String>>,
    turns: Arc<Turns>,
}

/// Who may work on a device.
#[derive(Debug, Default)]
struct Turns {
    /// What the device refused of calls that nobody watched.
    refused: Mutex<Option<String>>,
    /// Until when renderers are to wait.
    paused: Mutex<Option<Instant>>,
    resumed: Condvar,
}

/// So long renderers wait at most: a window that is hidden does nothing.
const PAUSE: Duration = Duration::from_millis(250);

impl Turns {
    fn wait(&self) {
        let paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        let left = paused.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        if !left.is_zero() {
            drop(self.resumed.wait_timeout_while(paused, left, |paused| paused.is_some()));
        }
    }

    fn pause(&self, is_paused: bool) {
        let until = is_paused.then(|| Instant::now() + PAUSE);
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner) = until;
        self.resumed.notify_all();
    }
}

impl SharedDevice {
    /// A device that was made as [`Self::descriptor`] says, on an instance that was [prepared](Self::prepare). `wake` is
    /// called when it is lost, and when it [refuses](Self::refused) something; it may not work on the device.
    #[must_use]
    pub fn new(device: wgpu::Device, queue: wgpu::Queue, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (lost, turns) = (Arc::<OnceLock<String>>::default(), Arc::<Turns>::default());
        let wake = Arc::new(wake);
        let lose = {
            let lost = Arc::clone(&lost);
            let wake = Arc::clone(&wake);
            move |reason: String| {
                let _ = lost.set(reason);
                wake();
            }
        };
        let lose_too = lose.clone();
        device.set_device_lost_callback(move |reason, message| {
            lose(format!("{reason:?} {message}").trim().to_owned());
        });
        // Every call of ours that can fail stands in `guarded`; what comes later must not end the program.
        let own = Arc::clone(&turns);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| match error {
            wgpu::Error::Validation { .. } => {
                *own.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                wake();
            }
            _ => lose_too(error.to_string()),
        }));
        Self { device, queue, lost, turns }
    }

    /// What the device has refused since this was last asked, of calls that nobody watched: those of a window, whose
    /// surface can't be set up while renderers work.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        self.turns.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Lets renderers wait before they give the device more to do, for a moment; or go on.
    pub fn pause(&self, is_paused: bool) {
        self.turns.pause(is_paused);
    }

    /// Takes it for lost.
    pub fn give_up(&self, reason: String) {
        let _ = self.lost.set(reason);
    }

    /// Makes an instance refuse memory above a part of what there is, rather than take it from other programs, and use no
    /// GL, which other users of wgpu may build in: its libraries free what a thread keeps a second time if that ends while
    /// the program does.
    pub fn prepare(description: &mut wgpu::InstanceDescriptor) {
        description.backends &= wgpu::Backends::PRIMARY;
        description.memory_budget_thresholds.for_resource_creation = Some(95);
    }

    /// What is to be asked of an adapter.
    #[must_use]
    pub fn descriptor(adapter: &wgpu::Adapter) -> DeviceDescriptor<'static> {
        DeviceDescriptor {
            label: Some("anatome"),
            required_features: adapter.features() & WANTED,
            required_limits: adapter.limits(),
            ..DeviceDescriptor::default()
        }
    }

    /// Why it is of no use any more; nothing as long as it is.
    #[must_use]
    pub fn lost(&self) -> Option<&str> {
        self.lost.get().map(String::as_str)
    }

    /// Gives it up, as if its driver had lost it. For tests of what is done then.
    #[doc(hidden)]
    pub fn lose(&self) {
        self.device.destroy();
        drop(self.device.poll(PollType::Poll));
    }
}

/// A device and its queue.
#[derive(Debug)]
pub(crate) struct Gpu {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) facts: AdapterFacts,
    /// Linear between texels.
    pub(crate) filtering: wgpu::Sampler,
    /// The driver's words, once the device is lost.
    lost: Arc<OnceLock<String>>,
    turns: Arc<Turns>,
    resources_made: AtomicU64,
}

impl Gpu {
    /// A device of our own on an adapter.
    pub(crate) fn open(adapter: &wgpu::Adapter) -> Result<Self, DeviceFault> {
        let (device, queue) = pollster::block_on(adapter.request_device(&SharedDevice::descriptor(adapter)))
            .map_err(|error| DeviceFault::NoDevice { reason: error.to_string() })?;
        let facts = AdapterFacts::new(&adapter.get_info(), adapter.features(), &adapter.limits());
        let gpu = Self { facts, ..Self::watched(&SharedDevice::new(device, queue, || ())) };
        // Nobody else asks it for anything: whatever it refuses is a fault.
        let lost = Arc::clone(&gpu.lost);
        gpu.device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let _ = lost.set(error.to_string());
        }));
        Ok(gpu)
    }

    /// A device whose loss is told.
    pub(crate) fn watched(shared: &SharedDevice) -> Self {
        let (lost, turns) = (Arc::clone(&shared.lost), Arc::clone(&shared.turns));
        Self { lost, turns, ..Self::shared(shared.device.clone(), shared.queue.clone()) }
    }

    /// A device that belongs to the caller, who also handles its loss.
    pub(crate) fn shared(device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let facts = AdapterFacts::new(&device.adapter_info(), device.features(), &device.limits());
        let filtering = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("filtering"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..wgpu::SamplerDescriptor::default()
        });
        let (lost, turns) = Default::default();
        Self { device, queue, facts, filtering, lost, turns, resources_made: AtomicU64::new(0) }
    }

    pub(crate) fn check_lost(&self) -> Result<(), DeviceFault> {
        match self.lost.get() {
            Some(reason) => Err(DeviceFault::Lost { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Runs calls that allocate about `bytes`, and gives the first error that they raise.
    pub(crate) fn guarded<T>(&self, bytes: u64, calls: impl FnOnce() -> T) -> Result<T, DeviceFault> {
        self.turns.wait();
        self.check_lost()?;
        let filters = [ErrorFilter::Validation, ErrorFilter::OutOfMemory, ErrorFilter::Internal];
        let scopes = filters.map(|filter| self.device.push_error_scope(filter));
        let result = calls();
        let mut fault = None;
        // Scopes are a stack: the last pushed is popped first.
        for scope in scopes.into_iter().rev() {
            let error = pollster::block_on(scope.pop());
            fault = fault.or(error.map(|error| match error {
                wgpu::Error::OutOfMemory { .. } => DeviceFault::OutOfMemory { bytes },
                other => DeviceFault::Validation { reason: other.to_string() },
            }));
        }
        self.check_lost()?;
        fault.map_or(Ok(result), Err)
    }

    /// Waits until a submission has run.
    pub(crate) fn wait(&self, submission: SubmissionIndex) -> Result<(), DeviceFault> {
        let waiting = PollType::Wait { submission_index: Some(submission), timeout: Some(WAIT) };
        let answer = self.device.poll(waiting);
        self.check_lost()?;
        match answer {
            Ok(_) => Ok(()),
            Err(PollError::Timeout) => Err(DeviceFault::Timeout { seconds: WAIT.as_secs() }),
            Err(other) => Err(DeviceFault::Validation { reason: other.to_string() }),
        }
    }

    /// Waits until a submission has run, and what was to be mapped after it is mapped.
    pub(crate) fn wait_mapped(
        &self,
        submission: SubmissionIndex,
        mapped: &Mapped,
    ) -> Result<(), DeviceFault> {
        self.wait(submission)?;
        // Another thread that waits for the device may have seen it before, and be about to tell.
        match mapped.recv_timeout(TELLING) {
            Ok(Ok(())) => Ok(()),
            _ => {
                self.check_lost()?;
                Err(DeviceFault::Lost { reason: "a result could not be read back".to_owned() })
            }
        }
    }

    /// The first words of a buffer, once what was submitted has run.
    pub(crate) fn read(&self, buffer: &wgpu::Buffer, words: u64) -> Result<Vec<u32>, DeviceFault> {
        let bytes = 4 * words;
        let (tell, mapped) = channel();
        let (submission, readback) = self.guarded(bytes, || {
            let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
            let readback = self.empty_buffer("readback", bytes, usage);
            let mut encoder = self.device.create_command_encoder(&CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(buffer, 0, &readback, 0, bytes);
            let submission = self.queue.submit([encoder.finish()]);
            readback.slice(..).map_async(MapMode::Read, move |result| drop(tell.send(result)));
            (submission, readback)
        })?;
        self.wait_mapped(submission, &mapped)?;
        let view = readback
            .slice(..)
            .get_mapped_range()
            .map_err(|error| DeviceFault::Validation { reason: error.to_string() })?;
        Ok(bytemuck::cast_slice(&view).to_vec())
    }

    /// A buffer with contents. Must run in [`Self::guarded`].
    pub(crate) fn filled_buffer(&self, label: &str, contents: &[u8], usage: BufferUsages) -> wgpu::Buffer {
        let size = contents.len() as u64;
        let usage = usage | BufferUsages::COPY_DST;
        let buffer = self.empty_buffer(label, size, usage);
        self.queue.write_buffer(&buffer, 0, contents);
        buffer
    }

    /// A buffer without contents. Must run in [`Self::guarded`].
    pub(crate) fn empty_buffer(&self, label: &str, size: u64, usage: BufferUsages) -> wgpu::Buffer {
        let label = Some(label);
        self.count();
        self.device.create_buffer(&BufferDescriptor { label, size, usage, mapped_at_creation: false })
    }

    /// Must run in [`Self::guarded`].
    pub(crate) fn texture(&self, descriptor: &wgpu::TextureDescriptor<'_>) -> wgpu::Texture {
        self.count();
        self.device.create_texture(descriptor)
    }

    /// Must run in [`Self::guarded`].
    pub(crate) fn bind_group(
        &self,
        label: &str,
        layout: &wgpu::BindGroupLayout,
        entries: &[wgpu::BindGroupEntry<'_>],
    ) -> wgpu::BindGroup {
        self.count();
        let label = Some(label);
        self.device.create_bind_group(&wgpu::BindGroupDescriptor { label, layout, entries })
    }

    /// Must run in [`Self::guarded`].
    pub(crate) fn query_set(&self, descriptor: &wgpu::QuerySetDescriptor<'_>) -> wgpu::QuerySet {
        self.count();
        self.device.create_query_set(descriptor)
    }

    fn count(&self) {
        self.resources_made.fetch_add(1, Ordering::Relaxed);
    }

    /// How many buffers, textures, bind groups and sets of queries were made so far.
    pub(crate) fn resources_made(&self) -> u64 {
        self.resources_made.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use anatome_core::{Bindings, Progress, Renderer};

    use super::*;
    use crate::adapter::choose;
    use crate::{AdapterChoice, GpuRenderer, self_test_scenes};

    /// A device on any adapter, software included.
    fn opened() -> Option<Gpu> {
        let gpu = choose(&AdapterChoice::Number(1)).and_then(|adapter| Gpu::open(&adapter));
        let is_required = std::env::var_os("ANATOME_REQUIRE_GPU").is_some_and(|v| v == "1");
        assert!(gpu.is_ok() || !is_required, "ANATOME_REQUIRE_GPU=1, but no adapter opens");
        gpu.ok()
    }

    #[test]
    fn renderers_wait_until_a_window_is_set_up_but_not_for_long() {
        let Some(own) = opened() else {
            println!("SKIP: no GPU adapter opens");
            return;
        };
        let shared = SharedDevice::new(own.device.clone(), own.queue.clone(), || ());
        let gpu = Gpu::watched(&shared);
        let took = || {
            let start = Instant::now();
            gpu.guarded(0, || ()).unwrap();
            start.elapsed()
        };
        assert!(took() < PAUSE / 2);
        shared.pause(true);
        assert!(took() > PAUSE / 2);
        assert!(took() < PAUSE / 2, "it is over");
        shared.pause(true);
        shared.pause(false);
        assert!(took() < PAUSE / 2);
        // What a window is refused is no failure of the renderer's.
        let size = gpu.device.limits().max_buffer_size + 4;
        let usage = BufferUsages::COPY_DST;
        drop(gpu.device.create_buffer(&BufferDescriptor {
            label: None,
            size,
            usage,
            mapped_at_creation: false,
        }));
        assert!(shared.refused().is_some() && shared.refused().is_none());
        assert!(shared.lost().is_none() && gpu.guarded(0, || ()).is_ok());
    }

    /// What another thread that waits for the device sees first is read all the same.
    #[test]
    fn pictures_are_read_beside_others_who_wait() {
        let Ok(renderer) = GpuRenderer::open(&AdapterChoice::Number(1)) else {
            println!("SKIP: no GPU adapter opens");
            return;
        };
        let (volume, request) = self_test_scenes().unwrap().remove(0);
        let uploaded = renderer.upload(&volume, &Progress::new()).unwrap();
        let bindings = Bindings::primary(&uploaded);
        let has_ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !has_ended.load(Ordering::Relaxed) {
                        drop(renderer.gpu.device.poll(PollType::Poll));
                    }
                });
            }
            let render = || renderer.render(&request, &bindings, &Progress::new());
            let failed = (0..2000).find_map(|n| render().err().map(|error| (n, error)));
            has_ended.store(true, Ordering::Relaxed);
            assert!(failed.is_none(), "{failed:?}");
        });
    }

    #[test]
    fn failures_are_errors_and_not_panics() {
        let Some(gpu) = opened() else {
            println!("SKIP: no GPU adapter opens");
            return;
        };
        let too_large = gpu.device.limits().max_buffer_size + 4;
        let make = |size| gpu.guarded(size, || gpu.empty_buffer("test", size, BufferUsages::COPY_DST));
        assert!(make(16).is_ok());
        let refused = make(too_large).unwrap_err();
        assert!(matches!(refused, DeviceFault::Validation { .. }), "{refused}");
        assert!(make(16).is_ok(), "a refused call leaves the device usable");
        gpu.device.destroy();
        let _ = gpu.device.poll(PollType::Poll);
        let lost = make(16).unwrap_err();
        assert!(matches!(lost, DeviceFault::Lost { .. }), "{lost}");
    }
}
