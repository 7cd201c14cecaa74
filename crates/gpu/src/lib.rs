//! The wgpu renderer of Anatome.
