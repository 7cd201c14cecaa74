//! The CPU renderer on volumes whose pictures are known.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what builds the tests' volumes fails loudly")]

mod aligned;
mod frames;
mod planes;
mod rays;
mod scenes;
mod skipping;
