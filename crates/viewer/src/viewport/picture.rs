//! What covers most of the window, drawn by pipelines of the viewer's own: pictures, whose bytes are the window's, and the
//! ground of panels. Drivers that draw without a GPU have less to do for a pixel than in egui's shader, which filters and
//! blends.

use std::sync::{Arc, Mutex, PoisonError};

use anatome::{GpuPicture, Pixels};
use eframe::egui_wgpu::{Callback, CallbackResources, CallbackTrait, RenderState, ScreenDescriptor};
use eframe::wgpu;
use egui::{PaintCallback, PaintCallbackInfo, Rect};

use crate::render::Picture;
use crate::theme;

/// What draws them, among what egui keeps for the window.
struct Pipelines {
    exact: wgpu::RenderPipeline,
    smooth: wgpu::RenderPipeline,
    ground: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    between: wgpu::Sampler,
}

/// Makes a window able to draw pictures.
pub(crate) fn install(window: &RenderState) {
    let pipelines = Pipelines::new(&window.device, window.target_format);
    window.renderer.write().callback_resources.insert(pipelines);
}

impl Pipelines {
    fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let label = Some("picture");
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty,
            count: None,
        };
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label,
            entries: &[
                entry(
                    0,
                    wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Uniform,
                        has_dynamic_offset: false,
                        min_binding_size: None,
                    },
                ),
                entry(
                    1,
                    wgpu::BindingType::Texture {
                        sample_type: wgpu::TextureSampleType::Float { filterable: true },
                        view_dimension: wgpu::TextureViewDimension::D2,
                        multisampled: false,
                    },
                ),
                entry(2, wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering)),
            ],
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            ..wgpu::PipelineLayoutDescriptor::default()
        });
        let module = device.create_shader_module(wgpu::include_wgsl!("picture.wgsl"));
        let constants = [
            ("IS_LINEAR", f64::from(u8::from(target.is_srgb()))),
            ("GROUND", f64::from(theme::PANEL.r()) / 255.0),
        ];
        let compilation_options = wgpu::PipelineCompilationOptions {
            constants: &constants,
            ..wgpu::PipelineCompilationOptions::default()
        };
        let pipeline = |fragment, layout| {
            device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                label,
                layout,
                vertex: wgpu::VertexState {
                    module: &module,
                    entry_point: Some("corner"),
                    compilation_options: wgpu::PipelineCompilationOptions::default(),
                    buffers: &[],
                },
                fragment: Some(wgpu::FragmentState {
                    module: &module,
                    entry_point: Some(fragment),
                    compilation_options: compilation_options.clone(),
                    // Nothing is blended: what is drawn over is gone.
                    targets: &[Some(target.into())],
                }),
                primitive: wgpu::PrimitiveState::default(),
                depth_stencil: None,
                multisample: wgpu::MultisampleState::default(),
                multiview_mask: None,
                cache: None,
            })
        };
        let [exact, smooth] = ["exact", "smooth_between"].map(|own| pipeline(own, Some(&pipeline_layout)));
        let ground = pipeline("ground", None);
        let between = device.create_sampler(&wgpu::SamplerDescriptor {
            label,
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..wgpu::SamplerDescriptor::default()
        });
        Self { exact, smooth, ground, layout, between }
    }
}

/// A view's picture on the window's device, kept from one picture to the next of its size and form.
#[derive(Default)]
pub(super) struct OnScreen(Mutex<Option<Texture>>);

struct Texture {
    /// What it holds.
    picture: Arc<Picture>,
    texels: wgpu::Texture,
    place: wgpu::Buffer,
    group: wgpu::BindGroup,
}

/// A picture to be drawn.
pub(super) struct Drawing {
    pub picture: Arc<Picture>,
    pub on_screen: Arc<OnScreen>,
    /// Where the picture begins, in pixels of the window.
    pub origin_px: [f32; 2],
    /// How large it is there.
    pub size_px: [f32; 2],
    /// Whether what lies between its pixels is seen; else each is a rectangle.
    pub is_smooth: bool,
}

/// Where the bytes of a picture are.
enum Texels<'a> {
    InMemory(&'a [u8]),
    /// On the device of the window.
    OnGpu(&'a GpuPicture),
}

impl<'a> Texels<'a> {
    /// Those of what views show.
    fn of(picture: &'a Picture) -> Option<Self> {
        if let Some(own) = picture.on_gpu() {
            return Some(Self::OnGpu(own));
        }
        match picture.image().ok()?.pixels() {
            Pixels::Grey8(bytes) | Pixels::Rgba8(bytes) => Some(Self::InMemory(bytes)),
            _ => None,
        }
    }

    /// Brings them into a texture.
    fn put(&self, texture: &wgpu::Texture, queue: &wgpu::Queue, encoder: &mut wgpu::CommandEncoder) {
        let size = texture.size();
        let layout = |bytes_per_row| wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(bytes_per_row),
            rows_per_image: None,
        };
        match self {
            Self::InMemory(bytes) => {
                let layout = layout(bytes.len() as u32 / size.height);
                queue.write_texture(texture.as_image_copy(), bytes, layout, size);
            }
            Self::OnGpu(picture) => {
                let layout = layout(picture.row_bytes());
                let from = wgpu::TexelCopyBufferInfo { buffer: picture.buffer(), layout };
                encoder.copy_buffer_to_texture(from, texture.as_image_copy(), size);
            }
        }
    }
}

impl Drawing {
    /// What egui is to call where it draws the rectangle of a view, which is black around the picture.
    pub(super) fn within(self, rect: Rect) -> PaintCallback {
        Callback::new_paint_callback(rect, self)
    }

    /// The contents of `Place` in the shader.
    fn place(&self) -> Vec<u8> {
        let is_grey = u32::from(self.picture.is_grey());
        let texels = self.picture.size_px().map(|side| side as f32);
        let scale = [texels[0] / self.size_px[0], texels[1] / self.size_px[1]];
        let floats = self.origin_px.into_iter().chain(scale).flat_map(f32::to_le_bytes);
        // As long as the struct in the shader is, which ends where the next would begin.
        floats.chain(is_grey.to_le_bytes()).chain([0; 4]).collect()
    }
}

impl Texture {
    fn new(device: &wgpu::Device, pipelines: &Pipelines, picture: Arc<Picture>, place_bytes: usize) -> Self {
        let label = Some("picture");
        let texels = device.create_texture(&wgpu::TextureDescriptor {
            label,
            size: size_of(&picture),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: format_of(&picture),
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let place = device.create_buffer(&wgpu::BufferDescriptor {
            label,
            size: place_bytes as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let view = texels.create_view(&wgpu::TextureViewDescriptor::default());
        let resources = [
            place.as_entire_binding(),
            wgpu::BindingResource::TextureView(&view),
            wgpu::BindingResource::Sampler(&pipelines.between),
        ];
        let entries: Vec<_> = (0..)
            .zip(resources)
            .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource })
            .collect();
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label,
            layout: &pipelines.layout,
            entries: &entries,
        });
        Self { picture, texels, place, group }
    }
}

fn size_of(picture: &Picture) -> wgpu::Extent3d {
    let [width, height] = picture.size_px();
    wgpu::Extent3d { width, height, depth_or_array_layers: 1 }
}

fn format_of(picture: &Picture) -> wgpu::TextureFormat {
    if picture.is_grey() { wgpu::TextureFormat::R8Unorm } else { wgpu::TextureFormat::Rgba8Unorm }
}

impl CallbackTrait for Drawing {
    /// Brings the picture to the device, if it is not there yet.
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let (Some(pipelines), Some(texels)) = (resources.get::<Pipelines>(), Texels::of(&self.picture))
        else {
            return Vec::new();
        };
        let place = self.place();
        let (size, format) = (size_of(&self.picture), format_of(&self.picture));
        let mut held = self.on_screen.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |own: &Texture| own.texels.size() == size && own.texels.format() == format;
        let is_there = held.as_ref().is_some_and(|own| Arc::ptr_eq(&own.picture, &self.picture));
        let mut own = held
            .take()
            .filter(fits)
            .unwrap_or_else(|| Texture::new(device, pipelines, Arc::clone(&self.picture), place.len()));
        queue.write_buffer(&own.place, 0, &place);
        if !is_there {
            texels.put(&own.texels, queue, encoder);
            own.picture = Arc::clone(&self.picture);
        }
        *held = Some(own);
        Vec::new()
    }

    fn paint(
        &self,
        _info: PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let held = self.on_screen.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(pipelines), Some(own)) = (resources.get::<Pipelines>(), held.as_ref()) else { return };
        pass.set_pipeline(if self.is_smooth { &pipelines.smooth } else { &pipelines.exact });
        pass.set_bind_group(0, &own.group, &[]);
        pass.draw(0..3, 0..1);
    }
}

/// What lies below a panel.
struct Ground;

/// What egui is to call to fill a rectangle as panels are.
pub(crate) fn ground(rect: Rect) -> PaintCallback {
    Callback::new_paint_callback(rect, Ground)
}

impl CallbackTrait for Ground {
    fn paint(
        &self,
        _info: PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        if let Some(pipelines) = resources.get::<Pipelines>() {
            pass.set_pipeline(&pipelines.ground);
            pass.draw(0..3, 0..1);
        }
    }
}
