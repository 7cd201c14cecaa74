//! The GPU backend, where there is an adapter.

use anatome_gpu::{AdapterChoice, GpuRenderer};
use anatome_testkit::{Backend, Named, Need};

/// A hardware GPU or else a software one.
///
/// Says `SKIP` where there is none; panics there if `ANATOME_REQUIRE_GPU` is `1`.
pub fn open() -> Option<Box<dyn Backend>> {
    let any = || GpuRenderer::open(&AdapterChoice::Number(1));
    match GpuRenderer::open(&AdapterChoice::Hardware).or_else(|_| any()) {
        Ok(renderer) => {
            let name = format!("gpu, {}", renderer.adapter().name);
            println!("GPU: {} ({})", renderer.adapter().name, renderer.adapter().driver);
            Some(Box::new(Named::new(name, renderer)))
        }
        Err(error) => {
            Need::Gpu.is_missing(&format!("GPU backend: {error}"));
            None
        }
    }
}
