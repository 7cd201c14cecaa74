//! The float64 reference renderer and the comparison of images. Used by suites only, never by the program.

mod backend;
mod compare;
mod golden;
mod random;
mod reference;
mod tolerance;

pub use backend::{Backend, Named};
pub use compare::{Difference, Report, compare};
pub use golden::{Fault, Goldens};
pub use random::Random;
pub use reference::{ReferenceFrame, ReferenceRenderer, ReferenceVolume};
pub use tolerance::Tolerance;
