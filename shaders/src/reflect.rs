//! What a shader asks of its caller: entry point, bindings, and the memory layout of its structs.

use crate::error::{Error, InterfaceProblem};
use naga::{
    AddressSpace, Handle, ImageClass, ImageDimension, Module, ScalarKind, ShaderStage, StorageAccess, Type,
    TypeInner, valid::ModuleInfo,
};
use std::borrow::Cow;

/// Everything that the caller of a shader must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reflection {
    /// Invocations in a workgroup: x, y, z.
    pub workgroup_size: [u32; 3],
    /// The resources that the entry point uses, by group and binding.
    pub bindings: Vec<Binding>,
    /// The structs in uniform and storage buffers that the entry point uses, inner ones first.
    pub structs: Vec<StructLayout>,
}

/// A resource that a shader uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// `@group`.
    pub group: u32,
    /// `@binding`.
    pub binding: u32,
    /// The variable's name in the shader.
    pub name: Cow<'static, str>,
    /// What to bind.
    pub kind: BindingKind,
    /// For buffers, the least number of bytes to bind (a runtime-sized array counts one element); else 0.
    pub min_size: u32,
}

/// What kind of resource a binding takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingKind {
    /// `var<uniform>`.
    Uniform,
    /// `var<storage, read>`.
    StorageRead,
    /// `var<storage, read_write>`.
    StorageReadWrite,
    /// A sampled texture.
    Texture {
        /// Number of axes.
        dimension: Dimension,
        /// What a texel is.
        sample: SampleType,
    },
    /// A filtering sampler.
    Sampler,
}

/// The number of axes of a texture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// One.
    D1,
    /// Two.
    D2,
    /// Three.
    D3,
}

/// What a texel is to the shader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleType {
    /// `f32`.
    Float {
        /// Whether the shader reads it through a sampler, so that the format must be filterable.
        filterable: bool,
    },
    /// `u32`.
    Uint,
}

/// Where a struct's fields lie in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructLayout {
    /// The struct's name in the shader.
    pub name: Cow<'static, str>,
    /// Bytes, rounded up to the alignment: also the stride of an array of it.
    pub size: u32,
    /// The fields, in order.
    pub fields: Cow<'static, [Field]>,
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name.
    pub name: Cow<'static, str>,
    /// Bytes from the start of the struct.
    pub offset: u32,
    /// Bytes, without padding.
    pub size: u32,
}

/// Reads a module's interface.
///
/// # Errors
/// [`Error::Interface`] if the module does not have exactly one compute entry point named `entry`, or uses a
/// resource that is neither a buffer, a sampled texture nor a filtering sampler.
pub(crate) fn reflect(module: &Module, info: &ModuleInfo, entry: &str) -> Result<Reflection, Error> {
    let failed = |problem| Error::Interface { entry: entry.to_owned(), problem };
    let [point] = &module.entry_points[..] else {
        return Err(failed(entry_points(module)));
    };
    if point.name != entry || point.stage != ShaderStage::Compute {
        return Err(failed(entry_points(module)));
    }
    let used = info.get_entry_point(0);
    let mut reflection =
        Reflection { workgroup_size: point.workgroup_size, bindings: Vec::new(), structs: Vec::new() };
    for (handle, global) in module.global_variables.iter() {
        let Some(at) = global.binding.filter(|_| !used[handle].is_empty()) else { continue };
        let filtered = used.sampling_set.iter().any(|key| key.image == handle);
        let name = global.name.clone().unwrap_or_default();
        let Some(kind) = binding_kind(global.space, &module.types[global.ty].inner, filtered) else {
            return Err(failed(InterfaceProblem::UnsupportedBinding { name }));
        };
        let is_buffer = global.space != AddressSpace::Handle;
        if is_buffer {
            collect_structs(module, global.ty, &mut reflection.structs);
        }
        let min_size = if is_buffer { size(module, global.ty) } else { 0 };
        let (group, binding) = (at.group, at.binding);
        reflection.bindings.push(Binding { group, binding, name: name.into(), kind, min_size });
    }
    reflection.bindings.sort_by_key(|binding| (binding.group, binding.binding));
    Ok(reflection)
}

fn entry_points(module: &Module) -> InterfaceProblem {
    InterfaceProblem::EntryPoints {
        found: module.entry_points.iter().map(|point| point.name.clone()).collect(),
    }
}

fn binding_kind(space: AddressSpace, inner: &TypeInner, filtered: bool) -> Option<BindingKind> {
    Some(match (space, inner) {
        (AddressSpace::Uniform, _) => BindingKind::Uniform,
        (AddressSpace::Storage { access }, _) if access == StorageAccess::LOAD => BindingKind::StorageRead,
        (AddressSpace::Storage { .. }, _) => BindingKind::StorageReadWrite,
        (_, TypeInner::Sampler { comparison: false }) => BindingKind::Sampler,
        (_, TypeInner::Image { dim, arrayed: false, class: ImageClass::Sampled { kind, multi: false } }) => {
            let dimension = match dim {
                ImageDimension::D1 => Dimension::D1,
                ImageDimension::D2 => Dimension::D2,
                ImageDimension::D3 => Dimension::D3,
                ImageDimension::Cube => return None,
            };
            let sample = match kind {
                ScalarKind::Float => SampleType::Float { filterable: filtered },
                ScalarKind::Uint => SampleType::Uint,
                _ => return None,
            };
            BindingKind::Texture { dimension, sample }
        }
        _ => return None,
    })
}

fn collect_structs(module: &Module, ty: Handle<Type>, found: &mut Vec<StructLayout>) {
    match &module.types[ty].inner {
        TypeInner::Array { base, .. } => collect_structs(module, *base, found),
        TypeInner::Struct { members, span } => {
            for member in members {
                collect_structs(module, member.ty, found);
            }
            let fields = members.iter().map(|member| Field {
                name: member.name.clone().unwrap_or_default().into(),
                offset: member.offset,
                size: size(module, member.ty),
            });
            let name = module.types[ty].name.clone().unwrap_or_default();
            let layout = StructLayout { name: name.into(), size: *span, fields: fields.collect() };
            if !found.contains(&layout) {
                found.push(layout);
            }
        }
        _ => {}
    }
}

/// Bytes; a runtime-sized array counts one element. Validation has refused types that are too large.
fn size(module: &Module, ty: Handle<Type>) -> u32 {
    module.types[ty].inner.try_size(module.to_ctx()).unwrap_or(0)
}
