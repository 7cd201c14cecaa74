//! What is right, and how far from it a backend may be. Used by suites only, never by the shipped program.
//!
//! [`ReferenceRenderer`] defines correctness: float64, one sample after the other, straight from patient millimetres,
//! without tables, tiles, skipping or threads. It shares with the other backends the model of `anatome_core` and the
//! written rules of `anatome_core::plan`, but none of the plan's numbers, so that a wrong plan is seen as well.
//!
//! | what | is compared with | within | in |
//! |---|---|---|---|
//! | reference, CPU, GPU | formulae: ramps, voxel centres, spheres, Beer and Lambert, markers on the patient's sides | stated at each test | `tests/analytic.rs` |
//! | CPU, GPU | reference, for every sample type, grid, interpolation, window, slab and 3D view | [`Tolerance::SLICE`] and the other constants | `tests/parity.rs` |
//! | GPU | CPU, for the same pictures | [`Tolerance::GPU_SLICE`] and the other constants | `tests/parity.rs` |
//! | a 4K slice of noise by CPU and GPU | reference | [`Tolerance::SLICE`] | `tests/analytic.rs` |
//! | two threads, skipping, a part of a picture | one thread, no skipping, the whole picture | [`Tolerance::NONE`] | `tests/parity.rs` |
//! | reference | its goldens: small PGM and PPM files in `golden/` | every byte | `tests/golden.rs` |
//! | CPU, GPU | the pictures of the goldens | [`Tolerance::SLICE`] and the other constants | `tests/golden.rs` |
//! | the viewer's window | its goldens: PNG files in `golden/` of the viewer | [`Tolerance::WINDOW`] | `walkthrough/goldens.rs` of the viewer |
//!
//! [`fuzz`] and [`damaged`] give the readers of files what they must survive, [`leaps`] what renderers must not leap over.
//!
//! [`compare`] fails where it should: its own tests hold a picture that differs for each way to differ. Tolerances
//! stand in one file, each with its reason. Suites that find no GPU, data or tools say `SKIP`, or fail where these are
//! required: [`Need`].
//!
//! ```
//! use anatome_testkit::{Random, Tolerance};
//!
//! // The same numbers on every machine: tests that draw their cases repeat.
//! assert_eq!(Random::new(7).bits(), Random::new(7).bits());
//! assert_eq!(Tolerance::SLICE.max_pixels, 1e-4);
//! ```

mod backend;
mod compare;
mod fuzz;
mod golden;
pub mod leaps;
mod needs;
mod random;
mod reference;
mod tolerance;

pub use backend::{Backend, Named};
pub use compare::{Difference, Report, compare, compare_pixels};
pub use fuzz::{Tally, damaged, fuzz};
pub use golden::{Fault, Goldens};
pub use needs::{Need, python_with_nibabel, shared_data};
pub use random::Random;
pub use reference::{ReferenceFrame, ReferenceRenderer, ReferenceVolume};
pub use tolerance::Tolerance;
