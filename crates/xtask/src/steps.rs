//! Named steps, timed, with a table at the end.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// The steps that ran, in order.
#[derive(Default)]
pub(crate) struct Steps {
    rows: Vec<Row>,
}

struct Row {
    name: &'static str,
    took: Duration,
    passed: bool,
}

impl Steps {
    /// Runs one step and remembers how long it took and how it ended.
    pub(crate) fn run<T>(&mut self, name: &'static str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = step();
        self.rows.push(Row { name, took: start.elapsed(), passed: outcome.is_ok() });
        outcome.with_context(|| format!("step `{name}` failed"))
    }

    pub(crate) fn table(&self) -> String {
        let mut table = String::from("\nstep             time  result\n");
        for row in &self.rows {
            let result = if row.passed { "ok" } else { "FAILED" };
            let seconds = row.took.as_secs_f64();
            table += &format!("{:<12} {seconds:>6.1} s  {result}\n", row.name);
        }
        let total: Duration = self.rows.iter().map(|row| row.took).sum();
        table + &format!("{:<12} {:>6.1} s", "total", total.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_and_shows_in_the_table() {
        let mut steps = Steps::default();
        steps.run("build", || Ok(())).unwrap();
        let error = steps.run("tests", || -> Result<()> { anyhow::bail!("one of them") }).unwrap_err();

        assert_eq!(format!("{error:#}"), "step `tests` failed: one of them");
        let table = steps.table();
        assert!(table.lines().any(|line| line.starts_with("build") && line.ends_with("ok")));
        assert!(table.lines().any(|line| line.starts_with("tests") && line.ends_with("FAILED")));
    }
}
