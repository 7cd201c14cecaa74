//! The readers and the writer against closed forms, other programs and hostile files.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says aloud what it skips"
)]

mod hostile;
mod made;
mod metaimage;
mod mutated;
mod nifti;
mod nrrd;
mod peers;
mod written;
