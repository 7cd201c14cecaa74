//! What several kernels need; the twins of `shaders/shared`.

mod cubic;
pub(crate) mod display;
pub(crate) mod position;
pub(crate) mod projection;
pub(crate) mod ray;
pub(crate) mod sampling;
