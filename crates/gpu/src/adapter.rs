//! The GPUs of a machine, what each can do, and which to take.

use anatome_core::DeviceFault;
use wgpu::{Backends, DeviceType, Features, Instance, InstanceDescriptor, Limits};

/// What is known of an adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterFacts {
    /// The adapter's name, as its driver gives it.
    pub name: String,
    /// The interface that it is reached through, such as `vulkan`.
    pub backend: String,
    /// The driver's name and version.
    pub driver: String,
    /// What kind of device it is.
    pub kind: AdapterKind,
    /// The most voxels along an axis of a volume.
    pub max_texture_dimension_3d: u32,
    /// The size of the largest buffer in bytes.
    pub max_buffer_bytes: u64,
    /// The largest part of a buffer that a shader can see, in bytes.
    pub max_storage_binding_bytes: u64,
    /// Whether 16-bit samples can be kept as normalised texels; otherwise they are kept as integers.
    pub has_unorm16: bool,
    /// Whether the texture unit filters 32-bit floats.
    pub has_float32_filter: bool,
    /// Whether it can measure its own time.
    pub has_timestamps: bool,
}

/// The kind of an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AdapterKind {
    /// A GPU with its own memory.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A GPU lent to a virtual machine.
    Virtual,
    /// A program that plays a GPU on the processor.
    Software,
    /// Not told.
    Other,
}

/// Which adapter to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdapterChoice {
    /// The best hardware GPU: discrete before integrated before virtual, never software.
    Hardware,
    /// The first whose name contains this, in any letter case; it may be software.
    ByName(String),
}

impl AdapterFacts {
    pub(crate) fn new(info: &wgpu::AdapterInfo, features: Features, limits: &Limits) -> Self {
        Self {
            name: info.name.clone(),
            backend: info.backend.to_str().to_owned(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            kind: match info.device_type {
                DeviceType::DiscreteGpu => AdapterKind::Discrete,
                DeviceType::IntegratedGpu => AdapterKind::Integrated,
                DeviceType::VirtualGpu => AdapterKind::Virtual,
                DeviceType::Cpu => AdapterKind::Software,
                DeviceType::Other => AdapterKind::Other,
            },
            max_texture_dimension_3d: limits.max_texture_dimension_3d,
            max_buffer_bytes: limits.max_buffer_size,
            max_storage_binding_bytes: limits.max_storage_buffer_binding_size,
            has_unorm16: features.contains(Features::TEXTURE_FORMAT_16BIT_NORM),
            has_float32_filter: features.contains(Features::FLOAT32_FILTERABLE),
            has_timestamps: features.contains(Features::TIMESTAMP_QUERY),
        }
    }

    fn of(adapter: &wgpu::Adapter) -> Self {
        Self::new(&adapter.get_info(), adapter.features(), &adapter.limits())
    }
}

impl AdapterChoice {
    /// How well an adapter suits the choice, the smallest best; `None` if it does not.
    fn rank(&self, facts: &AdapterFacts) -> Option<u8> {
        match self {
            Self::Hardware => match facts.kind {
                AdapterKind::Discrete => Some(0),
                AdapterKind::Integrated => Some(1),
                AdapterKind::Virtual => Some(2),
                AdapterKind::Software | AdapterKind::Other => None,
            },
            Self::ByName(part) => facts.name.to_lowercase().contains(&part.to_lowercase()).then_some(0),
        }
    }

    /// The position of the adapter that this choice takes in a list such as that of [`adapters`].
    #[must_use]
    pub fn pick(&self, adapters: &[AdapterFacts]) -> Option<usize> {
        let ranked = adapters.iter().enumerate().filter_map(|(n, facts)| Some((self.rank(facts)?, n)));
        ranked.min().map(|(_, n)| n)
    }
}

/// The adapters of this machine, in the system's order. Empty where there is no driver.
#[must_use]
pub fn adapters() -> Vec<AdapterFacts> {
    found().iter().map(AdapterFacts::of).collect()
}

/// The adapter that a choice takes.
pub(crate) fn choose(choice: &AdapterChoice) -> Result<wgpu::Adapter, DeviceFault> {
    let mut found = found();
    let facts: Vec<AdapterFacts> = found.iter().map(AdapterFacts::of).collect();
    choice.pick(&facts).map(|n| found.swap_remove(n)).ok_or_else(|| DeviceFault::NoAdapter {
        wanted: match choice {
            AdapterChoice::Hardware => None,
            AdapterChoice::ByName(part) => Some(part.clone()),
        },
    })
}

fn found() -> Vec<wgpu::Adapter> {
    // Above this part of its budget, memory is refused rather than taken from other programs.
    let mut description = InstanceDescriptor::new_without_display_handle();
    description.memory_budget_thresholds.for_resource_creation = Some(95);
    pollster::block_on(Instance::new(description).enumerate_adapters(Backends::all()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(name: &str, kind: AdapterKind) -> AdapterFacts {
        AdapterFacts {
            name: name.to_owned(),
            backend: "vulkan".to_owned(),
            driver: String::new(),
            kind,
            max_texture_dimension_3d: 2048,
            max_buffer_bytes: 1 << 30,
            max_storage_binding_bytes: 1 << 27,
            has_unorm16: true,
            has_float32_filter: true,
            has_timestamps: false,
        }
    }

    #[test]
    fn software_is_taken_only_by_name() {
        let soft = facts("llvmpipe (LLVM 15)", AdapterKind::Software);
        let small = facts("Small", AdapterKind::Integrated);
        let large = facts("Large", AdapterKind::Discrete);
        let all = [soft.clone(), small, large];
        assert_eq!(AdapterChoice::Hardware.pick(&all), Some(2));
        assert_eq!(AdapterChoice::Hardware.pick(&[soft]), None);
        assert_eq!(AdapterChoice::ByName("LLVMpipe".to_owned()).pick(&all), Some(0));
        assert_eq!(AdapterChoice::ByName("nothing".to_owned()).pick(&all), None);
    }
}
