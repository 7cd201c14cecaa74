//! Writing golden pictures again.

use std::env;

use anyhow::{Result, bail};

use crate::cargo;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The case as its test names it.
    case: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if env::var_os("CI").is_some() {
        bail!("CI never writes goldens: run this on your own machine and look at the pictures");
    }
    let suite: &[&str] = if arguments.case.starts_with("window-") {
        &["test", "--package", "anatome-viewer", "--lib", "walkthrough::goldens"]
    } else {
        &["test", "--package", "anatome-testkit", "--test", "golden"]
    };
    let mut suite = cargo::command(suite);
    suite.env("UPDATE_GOLDEN", &arguments.case);
    cargo::run(suite)
}
