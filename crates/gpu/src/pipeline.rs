//! Compute pipelines and bind groups, made from what the shaders' reflection says.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};

use anatome_core::DeviceFault;
use anatome_shaders::{
    Shader, Variant,
    preprocess::Format,
    reflect::{Binding, BindingKind, Dimension, SampleType},
};
use wgpu::{
    BindGroupLayoutEntry, BindingResource, BindingType, BufferBindingType, ShaderStages, TextureSampleType,
    TextureViewDimension,
};

use crate::device::Gpu;

/// A value for an `override` constant of a shader.
pub(crate) type Constant = (&'static str, u32);

/// A pipeline and the layouts of the bind groups that it takes.
#[derive(Clone, Debug)]
pub(crate) struct Pipeline {
    pub(crate) compute: wgpu::ComputePipeline,
    pub(crate) label: &'static str,
    layouts: Vec<wgpu::BindGroupLayout>,
    bindings: &'static [Binding],
}

impl PartialEq for Pipeline {
    fn eq(&self, other: &Self) -> bool {
        self.compute == other.compute
    }
}

/// The pipelines that were needed so far, by shader, storage format and constants.
#[derive(Debug, Default)]
pub(crate) struct Pipelines(Mutex<HashMap<Key, Pipeline>>);

type Key = (&'static str, Format, Vec<Constant>);

impl Pipelines {
    pub(crate) fn get(
        &self,
        gpu: &Gpu,
        shader: &'static Shader,
        format: Format,
        constants: &[Constant],
    ) -> Result<Pipeline, DeviceFault> {
        let key = (shader.name, format, constants.to_vec());
        // A panic elsewhere leaves the map whole: entries are put in at once.
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipeline) = made.get(&key) {
            return Ok(pipeline.clone());
        }
        let variant = shader.variant(format).ok_or_else(|| DeviceFault::Validation {
            reason: format!("the shader {} has no variant for {}", shader.name, format.name()),
        })?;
        let pipeline = gpu.guarded(0, || create(gpu, shader.name, variant, constants))?;
        made.insert(key, pipeline.clone());
        Ok(pipeline)
    }
}

fn create(gpu: &Gpu, label: &'static str, variant: &'static Variant, constants: &[Constant]) -> Pipeline {
    let layout = |group: u32| {
        let bindings = variant.bindings.iter().filter(|binding| binding.group == group);
        let entries: Vec<BindGroupLayoutEntry> = bindings.map(layout_entry).collect();
        let descriptor = wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries };
        gpu.device.create_bind_group_layout(&descriptor)
    };
    let groups = variant.bindings.iter().map(|binding| binding.group + 1).max().unwrap_or(0);
    let layouts: Vec<wgpu::BindGroupLayout> = (0..groups).map(layout).collect();
    let pipeline_layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(label),
        bind_group_layouts: &layouts.iter().map(Some).collect::<Vec<_>>(),
        ..wgpu::PipelineLayoutDescriptor::default()
    });
    let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(variant.source.into()),
    });
    let constants: Vec<(&str, f64)> = constants.iter().map(|&(name, value)| (name, value.into())).collect();
    let compute = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(label),
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some(label),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &constants,
            ..wgpu::PipelineCompilationOptions::default()
        },
        cache: None,
    });
    Pipeline { compute, label, layouts, bindings: variant.bindings }
}

fn layout_entry(binding: &Binding) -> BindGroupLayoutEntry {
    let buffer = |ty| BindingType::Buffer {
        ty,
        has_dynamic_offset: false,
        min_binding_size: NonZeroU64::new(binding.min_size.into()),
    };
    let ty = match binding.kind {
        BindingKind::Uniform => buffer(BufferBindingType::Uniform),
        BindingKind::StorageRead => buffer(BufferBindingType::Storage { read_only: true }),
        BindingKind::StorageReadWrite => buffer(BufferBindingType::Storage { read_only: false }),
        BindingKind::Texture { dimension, sample } => BindingType::Texture {
            sample_type: match sample {
                SampleType::Float { filterable } => TextureSampleType::Float { filterable },
                SampleType::Uint => TextureSampleType::Uint,
            },
            view_dimension: match dimension {
                Dimension::D1 => TextureViewDimension::D1,
                Dimension::D2 => TextureViewDimension::D2,
                Dimension::D3 => TextureViewDimension::D3,
            },
            multisampled: false,
        },
        BindingKind::Sampler => BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
    };
    BindGroupLayoutEntry { binding: binding.binding, visibility: ShaderStages::COMPUTE, ty, count: None }
}

impl Pipeline {
    /// A bind group of resources by their names in the shader. Must run in [`Gpu::guarded`].
    pub(crate) fn bind(
        &self,
        gpu: &Gpu,
        group: u32,
        resources: &[(&str, BindingResource<'_>)],
    ) -> wgpu::BindGroup {
        // A name that is missing leaves the group incomplete, which the device refuses.
        let entry = |binding: &Binding| {
            let (_, resource) = resources.iter().find(|(name, _)| *name == binding.name)?;
            Some(wgpu::BindGroupEntry { binding: binding.binding, resource: resource.clone() })
        };
        let bindings = self.bindings.iter().filter(|binding| binding.group == group);
        let entries: Vec<_> = bindings.filter_map(entry).collect();
        gpu.bind_group(self.label, &self.layouts[group as usize], &entries)
    }
}
