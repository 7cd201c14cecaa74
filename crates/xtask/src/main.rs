//! The chores of the project: `cargo xtask <name>`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to its user")]

mod bench_table;
mod cargo;
mod golden;
mod layers;
mod packages;
mod steps;
mod tally;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of the project")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Everything a change must pass: format, lints, layers, tidy, build, tests, examples, benches.
    Test(test::Arguments),
    /// Check who depends on whom.
    Layers,
    /// Check what the compiler does not: stray files, long files, names, links, shader twins.
    Tidy,
    /// Let the reference renderer write the golden pictures of one case again.
    Golden(golden::Arguments),
    /// Print the last bench results as a Markdown table.
    BenchTable,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().chore {
        Chore::Test(arguments) => test::run(&arguments),
        Chore::Layers => layers::run(),
        Chore::Tidy => tidy::run(),
        Chore::Golden(arguments) => golden::run(&arguments),
        Chore::BenchTable => bench_table::run(),
    };
    if let Err(error) = outcome {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
