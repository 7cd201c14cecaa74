//! The wgpu renderer of Anatome: compute shaders on Vulkan, Direct3D 12 or Metal.
//!
//! [`adapters`] lists what is there, [`GpuRenderer::open`] takes one, and from then on it is a
//! [`anatome_core::Renderer`] like the others. Pictures agree with the CPU renderer's: both follow
//! [`anatome_core::plan`].
//!
//! `Precision::Preview` gives the same pictures as `Precision::Exact`: all interpolation is in f32 arithmetic from
//! exact samples, and the texture unit's filter is not used.

mod adapter;
mod bricks;
mod cells;
mod device;
mod frame;
mod gpu_data;
mod needs;
mod pipeline;
mod renderer;
mod self_test;
mod slot;
mod volume;

pub use adapter::{AdapterChoice, AdapterFacts, AdapterKind, adapters};
pub use frame::GpuFrame;
pub use renderer::GpuRenderer;
pub use self_test::self_test_scenes;

pub use volume::GpuVolume;
