//! The renderer: a device, its pipelines, and what a request becomes on it.

use std::sync::Arc;

use anatome_core::plan::{DisplayPlan, Plan, PlanePlan, RayMode, RayPlan, RenderingPlan, SamplingPlan};
use anatome_core::{
    Bindings, Interpolation, Output, Precision, Progress, Projection, Recipe, Renderer, Request, Result,
    SceneFault, Source, Uploaded as _, Volume,
};
use anatome_shaders::{Shader, project, raycast, slice};

use crate::adapter::choose;
use crate::cells::CELL;
use crate::device::Gpu;
use crate::frame::{Work, pixels_of};
use crate::inputs::Told;
use crate::kept::{Form, Kept, Rooms};
use crate::pipeline::{Constant, Pipelines};
use crate::slot::Slots;
use crate::{AdapterChoice, AdapterFacts, GpuFrame, GpuVolume, SharedDevice, gpu_data};

/// Renders on a GPU, by compute shaders.
#[derive(Debug)]
pub struct GpuRenderer {
    pub(crate) gpu: Arc<Gpu>,
    pub(crate) pipelines: Pipelines,
    slots: Slots,
    rooms: Arc<Rooms>,
    pub(crate) memory_budget_bytes: u64,
}

impl GpuRenderer {
    /// Opens an adapter.
    ///
    /// # Errors
    /// Device: no such adapter, or it gives no device.
    pub fn open(choice: &AdapterChoice) -> Result<Self> {
        Ok(Self::new(Gpu::open(&choose(choice)?)?))
    }

    /// A renderer on the caller's device, which needs no feature; 16-bit samples are kept as normalised texels if it
    /// has `TEXTURE_FORMAT_16BIT_NORM`. The caller is told of the device's loss, and makes another renderer then.
    #[must_use]
    pub fn from_device(device: wgpu::Device, queue: wgpu::Queue) -> Self {
        Self::new(Gpu::shared(device, queue))
    }

    /// A renderer on a device that is shared with others, and whose loss is an error of each.
    #[must_use]
    pub fn on(device: &SharedDevice) -> Self {
        Self::new(Gpu::watched(device))
    }

    fn new(gpu: Gpu) -> Self {
        Self {
            gpu: Arc::new(gpu),
            pipelines: Pipelines::default(),
            slots: Slots::default(),
            rooms: Arc::default(),
            memory_budget_bytes: u64::MAX,
        }
    }

    /// Keeps at most this many bytes of a volume on the GPU. Of a larger one those bricks are there that are needed
    /// now; pictures are the same, and take longer. Without it, the driver decides.
    #[must_use]
    pub fn with_memory_budget(self, bytes: u64) -> Self {
        Self { memory_budget_bytes: bytes, ..self }
    }

    /// Gives the device up: all that is asked of it from now on fails as if its driver had lost it. For tests of what is
    /// done then.
    #[doc(hidden)]
    pub fn lose(&self) {
        self.gpu.device.destroy();
        drop(self.gpu.device.poll(wgpu::PollType::Poll));
    }

    /// How many buffers, textures, bind groups and sets of queries were made so far. For tests that no frame makes any.
    #[doc(hidden)]
    #[must_use]
    pub fn resources_made(&self) -> u64 {
        self.gpu.resources_made()
    }

    /// The adapter.
    #[must_use]
    pub fn adapter(&self) -> &AdapterFacts {
        &self.gpu.facts
    }
}

impl Renderer for GpuRenderer {
    type Uploaded = GpuVolume;
    type Frame<'a> = GpuFrame<'a>;

    fn upload(&self, volume: &Arc<Volume>, progress: &Progress) -> Result<GpuVolume> {
        GpuVolume::upload(&self.gpu, volume, self.memory_budget_bytes, progress)
    }

    fn begin<'a>(&'a self, request: &Request, bindings: &Bindings<'a, GpuVolume>) -> Result<GpuFrame<'a>> {
        self.start(request, bindings, false)
    }
}

impl GpuRenderer {
    /// As [`Renderer::begin`], of a picture that stays on the GPU if it can: one of 8 bits that is wanted whole, of a volume
    /// that is whole on the GPU, too.
    ///
    /// # Errors
    /// As [`Renderer::begin`].
    pub fn begin_kept<'a>(
        &'a self,
        request: &Request,
        bindings: &Bindings<'a, GpuVolume>,
    ) -> Result<GpuFrame<'a>> {
        self.start(request, bindings, true)
    }

    fn start<'a>(
        &'a self,
        request: &Request,
        bindings: &Bindings<'a, GpuVolume>,
        stays: bool,
    ) -> Result<GpuFrame<'a>> {
        let layer = request.scene.layers.first().ok_or(SceneFault::NoLayers)?;
        let uploaded = bindings.get(&layer.slot)?;
        let volume = uploaded.volume();
        let plan = Plan::new(request, volume)?;
        let source = Source { slot: layer.slot.clone(), digest: format!("{:016x}", volume.digest()) };
        let recipe = Recipe::new(request, vec![source], "gpu", Some(self.gpu.facts.name.clone()));
        let mut work = match &plan {
            Plan::Plane(plane) => self.plane(plane, uploaded, request)?,
            Plan::Rays(rays) => self.rays(rays, uploaded, request)?,
        };
        if stays {
            work.kept = self.room(&plan, uploaded, request)?;
        }
        GpuFrame::new(&self.gpu, &self.slots, uploaded, work, plan, request, recipe)
    }

    /// Room for a picture that can stay on the GPU.
    fn room(&self, plan: &Plan, uploaded: &GpuVolume, request: &Request) -> Result<Option<Kept>> {
        // Parts of tiles may share a word.
        let is_whole = request.region.is_none() && !uploaded.is_in_parts();
        let form = Form::of(request.size_px, request.output, pixels_of(plan)).filter(|form| {
            is_whole
                && form.bytes()
                    <= self.gpu.facts.max_storage_binding_bytes.min(self.gpu.facts.max_buffer_bytes)
        });
        form.map(|form| Kept::take(&self.gpu, &self.rooms, &self.pipelines, form).map_err(Into::into))
            .transpose()
    }

    fn plane(&self, plan: &PlanePlan, uploaded: &GpuVolume, request: &Request) -> Result<Work> {
        let projection = projection_constant(plan.projection);
        let mut prepared = Prepared::new(&slice::SHADER, &plan.sampling, plan.sampling.interpolation);
        prepared.constants.push(projection);
        self.sampling(&mut prepared, &plan.sampling, uploaded, request)?;
        prepared.display(&plan.display, request.output);
        prepared.told.uniform("params", &gpu_data::Slice::new(plan));
        self.work(prepared, uploaded, request)
    }

    fn rays(&self, plan: &RayPlan, uploaded: &GpuVolume, request: &Request) -> Result<Work> {
        let interpolation = match plan.sampling.interpolation {
            Interpolation::Cubic => Interpolation::Linear,
            other => other,
        };
        // Cells that follow one another along a ray must be neighbours.
        let skipping = request.quality.skipping && plan.voxels_of_step() < f64::from(CELL);
        let mut prepared = match &plan.mode {
            RayMode::Project { projection, display } => {
                let mut prepared = Prepared::new(&project::SHADER, &plan.sampling, interpolation);
                prepared.constants.push(projection_constant(*projection));
                prepared.display(display, request.output);
                if skipping && *projection != Projection::Mean {
                    prepared.told.made("ranges", self.contents(uploaded, &plan.sampling)?.ranges);
                } else {
                    prepared.told.table("ranges", &[[0.0f32; 2]]);
                }
                prepared
            }
            RayMode::Render(rendering) => {
                let mut prepared = Prepared::new(&raycast::SHADER, &plan.sampling, interpolation);
                prepared.rendering(rendering);
                if skipping {
                    let distances = self.distances(uploaded, &plan.sampling, rendering)?;
                    prepared.told.made("distances", distances);
                } else {
                    prepared.told.table("distances", &[0u32]);
                }
                prepared
            }
        };
        prepared.constants.push(("SKIPPING", u32::from(skipping)));
        self.sampling(&mut prepared, &plan.sampling, uploaded, request)?;
        prepared.told.uniform("rays", &gpu_data::Rays::new(plan));
        self.work(prepared, uploaded, request)
    }

    /// Tells how values are found.
    fn sampling(
        &self,
        prepared: &mut Prepared,
        plan: &SamplingPlan,
        uploaded: &GpuVolume,
        request: &Request,
    ) -> Result<()> {
        let sampling = gpu_data::Sampling::new(plan, GpuVolume::bias(uploaded.volume()));
        prepared.told.uniform("sampling", &sampling);
        prepared.told.table("slice_rows", &gpu_data::slice_rows(plan.slices.as_ref()));
        let is_preview = request.quality.precision == Precision::Preview && uploaded.is_filtered();
        prepared.constants.push(("PREVIEW", u32::from(is_preview)));
        if is_preview && plan.padding.is_some() {
            prepared.told.made("are_padded", self.contents(uploaded, plan)?.are_padded);
        } else {
            prepared.told.table("are_padded", &[0u32]);
        }
        Ok(())
    }

    fn work(&self, prepared: Prepared, uploaded: &GpuVolume, request: &Request) -> Result<Work> {
        let Prepared { shader, mut constants, told } = prepared;
        let pixel_bytes = match request.output {
            Output::Grey8 => 1,
            Output::Grey16 => 2,
            _ => 4,
        };
        constants.push(("PACK", 4 / pixel_bytes));
        constants.push(("BRICKED", u32::from(uploaded.bricks.is_some())));
        let pipeline = self.pipelines.get(&self.gpu, shader, uploaded.format, &constants)?;
        let inputs = uploaded.inputs.take(&self.gpu, uploaded, &pipeline, told)?;
        Ok(Work { inputs, pixel_bytes, kept: None })
    }
}

/// What a shader is to be told, and which variant of it.
struct Prepared {
    shader: &'static Shader,
    constants: Vec<Constant>,
    told: Told,
}

impl Prepared {
    fn new(shader: &'static Shader, sampling: &SamplingPlan, interpolation: Interpolation) -> Self {
        let interpolation = match interpolation {
            Interpolation::Nearest => 0,
            Interpolation::Linear => 1,
            Interpolation::Cubic => 2,
        };
        let constants = vec![
            ("INTERPOLATION", interpolation),
            ("HAS_PADDING", u32::from(sampling.padding.is_some())),
            ("UNEVEN", u32::from(sampling.slices.is_some())),
        ];
        Self { shader, constants, told: Told::default() }
    }

    fn display(&mut self, plan: &DisplayPlan, output: Output) {
        let (lut, colors) = gpu_data::display_tables(plan);
        self.told.uniform("display", &gpu_data::Display::new(plan, output));
        self.told.table("lut", &lut);
        self.told.table("colors", &colors);
    }

    fn rendering(&mut self, plan: &RenderingPlan) {
        self.told.uniform("rendering", &gpu_data::Rendering::new(plan));
        self.told.integral("integral", &plan.emission.integral);
    }
}

fn projection_constant(projection: Projection) -> Constant {
    let value = match projection {
        Projection::Mip => 0,
        Projection::MinIp => 1,
        Projection::Mean => 2,
    };
    ("PROJECTION", value)
}
