//! The GPUs of a machine, what each can do, and which to take.

use anatome_core::DeviceFault;
use wgpu::{DeviceType, Features, Instance, InstanceDescriptor, Limits};

use crate::SharedDevice;

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
    /// By its position in the list of [`adapters`], from 1; it may be software.
    Number(usize),
    /// By what a user may type: such a position, if it is one, or else the one of this name, or the one whose name
    /// contains this, in any letter case; it may be software.
    NumberOrName(String),
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
    /// What a user typed; the best hardware without it.
    #[must_use]
    pub fn of(typed: Option<&str>) -> Self {
        typed.map_or(Self::Hardware, |text| Self::NumberOrName(text.to_owned()))
    }

    /// The adapter of an instance of the caller's that this choice takes.
    ///
    /// # Errors
    /// As [`Self::pick`].
    pub fn among(&self, adapters: &[wgpu::Adapter]) -> Result<wgpu::Adapter, DeviceFault> {
        let facts: Vec<AdapterFacts> = adapters.iter().map(AdapterFacts::of).collect();
        self.pick(&facts).map(|n| adapters[n].clone())
    }

    /// The position, from 0, of the adapter that this choice takes in a list such as that of [`adapters`].
    ///
    /// # Errors
    /// No adapter that is wanted, or several of the name; both with the numbers and names there are.
    pub fn pick(&self, adapters: &[AdapterFacts]) -> Result<usize, DeviceFault> {
        let listed = |numbers: &[usize]| {
            let line = |&n: &usize| adapters.get(n).map(|facts| format!("{} {}", n + 1, facts.name));
            numbers.iter().filter_map(line).collect()
        };
        let all: Vec<usize> = (0..adapters.len()).collect();
        let none = |wanted: Option<String>| DeviceFault::NoAdapter { wanted, found: listed(&all) };
        match self {
            Self::Hardware => {
                let ranked = adapters.iter().zip(0..).filter_map(|(facts, n)| Some((facts.kind.rank()?, n)));
                ranked.min().map(|(_, n)| n).ok_or_else(|| none(None))
            }
            Self::Number(number) => {
                let position = number.checked_sub(1).filter(|&n| n < adapters.len());
                position.ok_or_else(|| none(Some(number.to_string())))
            }
            Self::NumberOrName(name) => match numbered_or_named(name, adapters)[..] {
                [] => Err(none(Some(name.clone()))),
                [n] => Ok(n),
                ref several => {
                    Err(DeviceFault::AmbiguousAdapter { wanted: name.clone(), found: listed(several) })
                }
            },
        }
    }
}

impl AdapterKind {
    /// How well it serves as hardware, the smallest best; `None` if it does not.
    fn rank(self) -> Option<u8> {
        match self {
            Self::Discrete => Some(0),
            Self::Integrated => Some(1),
            Self::Virtual => Some(2),
            Self::Software | Self::Other => None,
        }
    }
}

/// The position that a text is the number of, or those of the adapters of this name, or of all whose names contain it.
fn numbered_or_named(text: &str, adapters: &[AdapterFacts]) -> Vec<usize> {
    if let Some(n) = text.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|&n| n < adapters.len())
    {
        return vec![n];
    }
    let text = text.to_lowercase();
    let matching = |fits: &dyn Fn(&str) -> bool| -> Vec<usize> {
        let fitting = adapters.iter().enumerate().filter(|(_, facts)| fits(&facts.name.to_lowercase()));
        fitting.map(|(n, _)| n).collect()
    };
    let whole = matching(&|name| name == text);
    if whole.is_empty() { matching(&|name| name.contains(&text)) } else { whole }
}

/// The adapters of this machine for Vulkan, Metal or Direct3D 12, in the system's order. Empty where there is no driver.
#[must_use]
pub fn adapters() -> Vec<AdapterFacts> {
    found().iter().map(AdapterFacts::of).collect()
}

/// The adapter that a choice takes.
pub(crate) fn choose(choice: &AdapterChoice) -> Result<wgpu::Adapter, DeviceFault> {
    choice.among(&found())
}

fn found() -> Vec<wgpu::Adapter> {
    let mut description = InstanceDescriptor::new_without_display_handle();
    SharedDevice::prepare(&mut description);
    let backends = description.backends;
    pollster::block_on(Instance::new(description).enumerate_adapters(backends))
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

    /// Here, where the tests of the viewer have it built in.
    #[test]
    fn gl_is_not_used() {
        assert!(adapters().iter().all(|adapter| adapter.backend != "gl"));
    }

    fn typed(text: &str) -> AdapterChoice {
        AdapterChoice::NumberOrName(text.to_owned())
    }

    #[test]
    fn software_is_taken_only_by_name() {
        let soft = facts("llvmpipe (LLVM 15)", AdapterKind::Software);
        let small = facts("Small", AdapterKind::Integrated);
        let large = facts("Large", AdapterKind::Discrete);
        let all = [soft.clone(), small, large];
        assert_eq!(AdapterChoice::Hardware.pick(&all), Ok(2));
        assert_eq!(typed("LLVMpipe").pick(&all), Ok(0));
        assert_eq!(typed("1").pick(&all), Ok(0));
        let error = AdapterChoice::Hardware.pick(&[soft]).unwrap_err().to_string();
        assert!(error.contains("1 software adapter") && error.contains("1 llvmpipe (LLVM 15)"), "{error}");
        for absent in ["nothing", "0", "4"] {
            let error = typed(absent).pick(&all).unwrap_err().to_string();
            assert!(error.contains(absent) && error.contains("2 Small; 3 Large"), "{error}");
        }
    }

    #[test]
    fn a_name_of_several_adapters_is_refused_with_their_numbers() {
        let card = || facts("Card 3000", AdapterKind::Discrete);
        let all = [card(), facts("Card 3000 Ti", AdapterKind::Discrete), card()];
        let error = typed("card 3000").pick(&all).unwrap_err();
        assert!(error.to_string().ends_with("1 Card 3000; 3 Card 3000"), "{error}");
        assert!(matches!(typed("3000").pick(&all), Err(DeviceFault::AmbiguousAdapter { .. })));
        // The whole name of one is no part of another's.
        assert_eq!(typed("card 3000").pick(&all[..2]), Ok(0));
        assert_eq!(typed("3").pick(&all), Ok(2));
    }
}
