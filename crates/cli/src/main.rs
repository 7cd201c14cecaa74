//! The `anatome` command.

fn main() {}
