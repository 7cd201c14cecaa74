//! The reader and the writer against real studies, another reader's answers, other tools and hostile files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says aloud what it skips"
)]

mod charsets;
mod checksums;
mod classes;
mod codestreams;
mod codestreams_made;
mod complaints;
mod exercise;
mod frames;
mod fuzz;
mod groups;
mod hostile;
mod made;
mod mixtures;
mod notices;
mod objects;
mod objects_made;
mod parts;
mod pixels;
mod shared;
mod sources;
mod stacks;
mod studies;
mod suv;
mod units;
mod values;
mod written;
