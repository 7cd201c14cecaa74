//! The decoders against encoders of their own, and against damaged input.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod hostile;
mod jpeg;
mod jpeg_encoder;
mod jpeg_ls;
mod jpeg_ls_encoder;
mod mutations;
