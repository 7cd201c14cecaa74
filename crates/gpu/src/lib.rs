//! The wgpu renderer of Anatome: compute shaders on Vulkan, Direct3D 12 or Metal.
//!
//! [`adapters`] lists what is there, [`GpuRenderer::open`] takes one, and from then on it is a
//! [`anatome_core::Renderer`] like the others. Pictures agree with the CPU renderer's: both follow
//! [`anatome_core::plan`].
//!
//! `Precision::Exact` is f32 arithmetic from exact samples. `Precision::Preview` leaves linear interpolation to the
//! texture unit where it can do it: for samples of up to 16 bits that it filters, in cells without padding. Its weights
//! have 8 fractional bits: between voxels that differ by d, values are off by up to about 3 d / 512.
//!
//! Rays leap over cells in which nothing is seen; what tells them so is made on the GPU when it is first needed. Of a
//! volume larger than a texture or a budget those bricks are on the GPU that the picture needs now.

mod adapter;
mod arrival;
mod bricks;
mod cells;
mod device;
mod frame;
mod gpu_data;
mod inputs;
mod kept;
mod needs;
mod pace;
mod pipeline;
mod renderer;
mod self_test;
mod slot;
mod volume;

pub use adapter::{AdapterChoice, AdapterFacts, AdapterKind, adapters};
pub use arrival::GpuArrival;
pub use bricks::BUDGET_BYTES;
pub use device::SharedDevice;
pub use frame::GpuFrame;
pub use kept::{Finished, GpuPicture};
pub use renderer::GpuRenderer;
pub use self_test::self_test_scenes;

pub use volume::GpuVolume;
