//! Pictures that stay on the GPU: where finished tiles are put together, and where a window finds them.

use std::sync::{Arc, Mutex, PoisonError};

use anatome_core::plan::TILE_PX;
use anatome_core::{DeviceFault, Image, Output, PixelSubset, Pixels, PlaneGeometry, Recipe, Result};
use anatome_shaders::preprocess::Format;
use anatome_shaders::{Shader, checkerboard, place};
use bytemuck::{NoUninit, bytes_of, cast_slice};
use wgpu::{BindingResource, BufferUsages};

use crate::device::Gpu;
use crate::gpu_data;
use crate::pipeline::{Pipeline, Pipelines};
use crate::slot::Slot;

/// A row begins at a multiple of so many words, so that it can be copied into a texture.
const ROW_WORDS: u32 = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT / 4;
/// The most rooms that wait for a picture: of views that are looked at in turn, moving and at rest.
const KEPT: usize = 8;

/// A finished picture, where it was made.
#[derive(Debug)]
pub enum Finished {
    /// In memory.
    Image(Image),
    /// On the GPU.
    OnGpu(GpuPicture),
}

impl Finished {
    /// The picture in memory, read back if it is not there.
    ///
    /// # Errors
    /// As [`GpuPicture::read`].
    pub fn into_image(self) -> Result<Image> {
        match self {
            Self::Image(image) => Ok(image),
            Self::OnGpu(picture) => picture.read(),
        }
    }
}

/// A picture on a GPU, of grey values or colours of 8 bits.
#[derive(Debug)]
pub struct GpuPicture {
    kept: Kept,
    plane: Option<PlaneGeometry>,
    recipe: Recipe,
}

impl GpuPicture {
    pub(crate) fn new(kept: Kept, plane: Option<PlaneGeometry>, recipe: Recipe) -> Self {
        Self { kept, plane, recipe }
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size_px(&self) -> [u32; 2] {
        self.kept.room.form.size_px
    }

    /// Whether a pixel is one grey value; else it is red, green, blue and alpha.
    #[must_use]
    pub fn is_grey(&self) -> bool {
        self.kept.room.form.is_grey
    }

    /// The pixels, row by row from the top, on the device that made them; they stay as long as this does. It is made to
    /// be copied from.
    #[must_use]
    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.kept.room.picture
    }

    /// The bytes from the beginning of a row to that of the next.
    #[must_use]
    pub fn row_bytes(&self) -> u32 {
        4 * self.kept.room.form.row_words()
    }

    /// The picture in memory.
    ///
    /// # Errors
    /// Device.
    pub fn read(&self) -> Result<Image> {
        let form = self.kept.room.form;
        let [width, height] = form.size_px;
        let words = u64::from(form.row_words()) * u64::from(height);
        let read = self.kept.gpu.read(self.buffer(), words)?;
        let rows = cast_slice::<u32, u8>(&read).chunks_exact(self.row_bytes() as usize);
        let row_bytes = (width * 4 / form.pack()) as usize;
        let bytes = rows.flat_map(|row| &row[..row_bytes]).copied().collect();
        let pixels = if form.is_grey { Pixels::Grey8(bytes) } else { Pixels::Rgba8(bytes) };
        Image::new(width, height, pixels, self.plane, self.recipe.clone())
    }
}

/// What pictures have in common that can take each other's room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    size_px: [u32; 2],
    is_grey: bool,
    is_checkerboard: bool,
}

impl Form {
    /// The form of a picture that can stay on the GPU.
    pub(crate) fn of(size_px: [u32; 2], output: Output, pixels: PixelSubset) -> Option<Self> {
        let is_grey = match output {
            Output::Grey8 => true,
            Output::Rgba8 => false,
            _ => return None,
        };
        Some(Self { size_px, is_grey, is_checkerboard: pixels == PixelSubset::Checkerboard })
    }

    /// The pixels of a word.
    fn pack(self) -> u32 {
        if self.is_grey { 4 } else { 1 }
    }

    /// The words of a row that has room for whole tiles.
    fn words_of(self, columns: u32) -> u32 {
        (columns.next_multiple_of(TILE_PX) / self.pack()).next_multiple_of(ROW_WORDS)
    }

    fn row_words(self) -> u32 {
        self.words_of(self.size_px[0])
    }

    /// The words of a row of those pixels of a checkerboard that are computed.
    fn computed_row_words(self) -> u32 {
        self.words_of(self.size_px[0].div_ceil(2))
    }

    pub(crate) fn bytes(self) -> u64 {
        4 * u64::from(self.row_words()) * u64::from(self.size_px[1])
    }
}

/// Rooms that no picture is in.
#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<Vec<Room>>);

/// Buffers for a picture, and what fills them.
#[derive(Clone, Debug)]
struct Room {
    form: Form,
    picture: wgpu::Buffer,
    place: Step,
    /// Of a checkerboard.
    fill: Option<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    pipeline: Pipeline,
    bind_group: wgpu::BindGroup,
}

impl Step {
    /// Must run in [`Gpu::guarded`].
    fn new<T: NoUninit>(
        gpu: &Gpu,
        pipeline: Pipeline,
        params: &T,
        buffers: &[(&str, &wgpu::Buffer)],
    ) -> Self {
        let params = gpu.filled_buffer("params", bytes_of(params), BufferUsages::UNIFORM);
        let named = buffers.iter().map(|(name, buffer)| (*name, buffer.as_entire_binding()));
        let resources: Vec<(&str, BindingResource<'_>)> =
            named.chain([("params", params.as_entire_binding())]).collect();
        let bind_group = pipeline.bind(gpu, 0, &resources);
        Self { pipeline, bind_group }
    }

    fn set(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.pipeline.compute);
        pass.set_bind_group(0, &self.bind_group, &[]);
    }
}

impl Room {
    fn new(gpu: &Gpu, pipelines: &Pipelines, form: Form) -> Result<Self, DeviceFault> {
        let pipeline = |shader: &'static Shader| {
            // They are of no volume's format.
            pipelines.get(gpu, shader, Format::Unorm16, &[("PACK", form.pack())])
        };
        let (place, fill) = (pipeline(&place::SHADER)?, pipeline(&checkerboard::SHADER)?);
        let row_words = form.row_words();
        gpu.guarded(2 * form.bytes(), || {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
            let picture = gpu.empty_buffer("picture", form.bytes(), usage);
            if !form.is_checkerboard {
                let params = gpu_data::Place { row_words, columns: 1 };
                let place = Step::new(gpu, place, &params, &[("picture", &picture)]);
                return Self { form, picture, place, fill: None };
            }
            let computed_row_words = form.computed_row_words();
            let bytes = 4 * u64::from(computed_row_words) * u64::from(form.size_px[1]);
            let computed = gpu.empty_buffer("computed", bytes, BufferUsages::STORAGE);
            let params = gpu_data::Place { row_words: computed_row_words, columns: 2 };
            let place = Step::new(gpu, place, &params, &[("picture", &computed)]);
            let params = gpu_data::Checkerboard { size: form.size_px, computed_row_words, row_words };
            let fill = Step::new(gpu, fill, &params, &[("computed", &computed), ("picture", &picture)]);
            Self { form, picture, place, fill: Some(fill) }
        })
    }
}

/// A room that a picture is in. When it is dropped another one may be: what was submitted before reads what stood there
/// before.
#[derive(Debug)]
pub(crate) struct Kept {
    gpu: Arc<Gpu>,
    rooms: Arc<Rooms>,
    room: Room,
}

impl Kept {
    /// Room for a picture, of one before if there is any.
    pub(crate) fn take(
        gpu: &Arc<Gpu>,
        rooms: &Arc<Rooms>,
        pipelines: &Pipelines,
        form: Form,
    ) -> Result<Self, DeviceFault> {
        // What a panic elsewhere left is whole: rooms are moved in and out at once.
        let mut waiting = rooms.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = waiting.iter().rposition(|room| room.form == form);
        let room = match found {
            Some(at) => waiting.remove(at),
            None => Room::new(gpu, pipelines, form)?,
        };
        Ok(Self { gpu: Arc::clone(gpu), rooms: Arc::clone(rooms), room })
    }

    /// Puts so many tiles of a slot into the picture, once they are finished.
    pub(crate) fn place(&self, pass: &mut wgpu::ComputePass<'_>, slot: &Slot, tiles: u32) {
        self.room.place.set(pass);
        slot.set(pass);
        pass.dispatch_workgroups(tiles, 1, 1);
    }

    /// Makes the whole picture of a checkerboard whose tiles are all placed.
    pub(crate) fn fill(&self) -> Result<(), DeviceFault> {
        let Some(fill) = &self.room.fill else { return Ok(()) };
        let [width, height] = self.room.form.size_px;
        let [across, down, _] = checkerboard::SHADER.workgroup_size;
        self.gpu.guarded(0, || {
            let label = Some(fill.pipeline.label);
            let description = wgpu::CommandEncoderDescriptor { label };
            let mut encoder = self.gpu.device.create_command_encoder(&description);
            let mut pass =
                encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label, timestamp_writes: None });
            fill.set(&mut pass);
            let words = width.div_ceil(self.room.form.pack());
            pass.dispatch_workgroups(words.div_ceil(across), height.div_ceil(down), 1);
            drop(pass);
            self.gpu.queue.submit([encoder.finish()]);
        })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut waiting = self.rooms.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == KEPT {
            waiting.remove(0);
        }
        waiting.push(self.room.clone());
    }
}
