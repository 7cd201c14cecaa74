//! Generated studies: the demo thorax, and phantoms whose values are known by formula.

pub mod closed_form;
mod thorax;

pub use thorax::{ThoraxSpec, thorax_ct, thorax_pet};
