//! `cargo xtask test`: everything a change must pass.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{Metadata, Target, TargetKind};

use crate::steps::Steps;
use crate::tally::Tally;
use crate::{cargo, layers, packages, tidy};

const EXAMPLES: &str = "anatome-examples";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install nothing, only say what is missing.
    #[arg(long)]
    no_install: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::default();
    let outcome = all(arguments, &mut steps);
    println!("{}", steps.table());
    // The counts come last, also for scripts that read only one line.
    println!("{}", outcome?);
    Ok(())
}

fn all(arguments: &Arguments, steps: &mut Steps) -> Result<Tally> {
    let workspace = cargo::workspace()?;
    steps.run("install", || packages::provide(!arguments.no_install))?;
    cheap(steps)?;
    steps.run("clippy", || {
        let lint = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        cargo::run(cargo::command(&lint))
    })?;
    steps.run("build", || build(&workspace))?;
    let mut tally = steps.run("tests", || tests(&workspace))?;
    tally.add(steps.run("doctests", || harness(&["test", "--workspace", "--doc"]))?);
    steps.run("examples", || examples(&workspace))?;
    // The same profile as the tests: a bench that compiles there compiles, and nothing is built twice.
    steps.run("benches", || {
        let compile = ["bench", "--workspace", "--bench", "*", "--profile", "dev", "--no-run"];
        cargo::run(cargo::command(&compile))
    })?;
    Ok(tally)
}

/// The checks that take seconds run to the end, so that one run shows all they find.
fn cheap(steps: &mut Steps) -> Result<()> {
    let format = || cargo::run(cargo::command(&["fmt", "--all", "--check"]));
    let outcomes = [steps.run("fmt", format), steps.run("layers", layers::run), steps.run("tidy", tidy::run)];
    let failures: Vec<_> =
        outcomes.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    if !failures.is_empty() {
        bail!("{}", failures.join("\n"));
    }
    Ok(())
}

/// Builds everything that the later steps run, with one set of features, but not this program itself:
/// a running program can't be replaced on Windows.
fn build(workspace: &Metadata) -> Result<()> {
    let mut build = cargo::command(&["build", "--workspace", "--lib", "--tests", "--benches", "--examples"]);
    let programs = workspace.packages.iter().filter(|package| package.name != "xtask");
    for target in programs.flat_map(|package| &package.targets) {
        if target.is_kind(TargetKind::Bin) {
            build.args(["--bin", &target.name]);
        }
    }
    cargo::run(build)
}

fn tests(workspace: &Metadata) -> Result<Tally> {
    if !packages::on_path("cargo-nextest") {
        let all = ["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"];
        return harness(&[&all[..], &["--", "--show-output"]].concat());
    }
    // Beside the workspace's manifest even where CARGO_TARGET_DIR names another folder.
    let report = workspace.workspace_root.join("target/nextest/default/junit.xml");
    if report.exists() {
        fs::remove_file(&report).with_context(|| report.to_string())?;
    }
    let settings = workspace.workspace_root.join("crates/xtask/nextest.toml");
    let run = ["nextest", "run", "--workspace", "--no-fail-fast", "--config-file", settings.as_str()];
    cargo::run(cargo::command(&run))?;
    let report = fs::read_to_string(&report).with_context(|| report.to_string())?;
    Tally::from_junit(&report)
}

/// Runs `cargo test`, shows what it prints and counts what it says.
fn harness(arguments: &[&str]) -> Result<Tally> {
    let mut command = cargo::command(arguments);
    let line = cargo::shown(&command);
    println!("$ {line}");
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let printed = child.stdout.take().context("no pipe")?;
    let mut output = String::new();
    for text in BufReader::new(printed).split(b'\n') {
        let text = String::from_utf8_lossy(&text?).into_owned() + "\n";
        std::io::stdout().write_all(text.as_bytes())?;
        output += &text;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(Tally::from_harness(&output))
}

/// Runs each example in a folder of its own below the target folder, as it was built.
fn examples(workspace: &Metadata) -> Result<()> {
    let package = workspace
        .packages
        .iter()
        .find(|package| package.name == EXAMPLES)
        .with_context(|| format!("no package {EXAMPLES}"))?;
    let programs: Vec<_> = package.targets.iter().filter_map(built_in).collect();
    if programs.is_empty() {
        bail!("{EXAMPLES} holds no example");
    }
    for (target, folder) in programs {
        let built = workspace.target_directory.join(folder);
        let program = built.join(format!("{}{}", target.name, std::env::consts::EXE_SUFFIX));
        let scratch = workspace.target_directory.join("examples-run").join(&target.name);
        if scratch.exists() {
            fs::remove_dir_all(&scratch)?;
        }
        fs::create_dir_all(&scratch)?;
        let mut example = Command::new(program);
        example.current_dir(&scratch).stdin(Stdio::null());
        cargo::run(example)?;
    }
    Ok(())
}

/// The folder, below the target folder, where cargo puts this target if it is a program.
fn built_in(target: &Target) -> Option<(&Target, &'static str)> {
    if target.is_kind(TargetKind::Example) {
        Some((target, "debug/examples"))
    } else if target.is_kind(TargetKind::Bin) {
        Some((target, "debug"))
    } else {
        None
    }
}
