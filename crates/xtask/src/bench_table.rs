//! The last bench results as a Markdown table.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::cargo;

pub(crate) fn run() -> Result<()> {
    let root = cargo::workspace()?.target_directory.join("criterion");
    let mut rows = Vec::new();
    for path in estimates(root.as_std_path())? {
        let read = |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
        let (bench, text) = (read(&path.with_file_name("benchmark.json"))?, read(&path)?);
        rows.push(Row::parse(&bench, &text).with_context(|| path.display().to_string())?);
    }
    if rows.is_empty() {
        bail!("no results below {root}: run `cargo bench` first");
    }
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    println!("{}\n\n{}", machine(), table(&rows));
    Ok(())
}

/// One bench: the median of its iterations and the 95 % confidence interval of that median.
#[derive(Debug, PartialEq)]
struct Row {
    name: String,
    median_ms: f64,
    low_ms: f64,
    high_ms: f64,
}

impl Row {
    fn parse(bench: &str, estimates: &str) -> Result<Self> {
        let [bench, estimates] = [bench, estimates].map(serde_json::from_str::<Value>);
        let (bench, estimates) = (bench?, estimates?);
        let name = bench.pointer("/full_id").and_then(Value::as_str).context("no /full_id")?.to_owned();
        let ms = |pointer: &str| {
            estimates
                .pointer(pointer)
                .and_then(Value::as_f64)
                .map(|ns| ns / 1e6)
                .with_context(|| format!("no number at {pointer}"))
        };
        Ok(Self {
            name,
            median_ms: ms("/median/point_estimate")?,
            low_ms: ms("/median/confidence_interval/lower_bound")?,
            high_ms: ms("/median/confidence_interval/upper_bound")?,
        })
    }
}

fn table(rows: &[Row]) -> String {
    let mut table = String::from("| bench | median, ms | 95 % interval, ms |\n|---|---:|---:|\n");
    for row in rows {
        table +=
            &format!("| {} | {:.3} | {:.3} to {:.3} |\n", row.name, row.median_ms, row.low_ms, row.high_ms);
    }
    table
}

/// Every `<bench>/new/estimates.json` below `folder`.
fn estimates(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(found);
    };
    for entry in entries {
        let path = entry?.path();
        if path.ends_with("new/estimates.json") {
            found.push(path);
        } else if path.is_dir() {
            found.extend(estimates(&path)?);
        }
    }
    Ok(found)
}

fn machine() -> String {
    let threads = available_parallelism().map_or(0, usize::from);
    let compiler = first_line(Command::new("rustc").arg("--version"));
    format!(
        "{}, {threads} threads, {} {}, {compiler}",
        processor(),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

fn processor() -> String {
    if cfg!(target_os = "macos") {
        return first_line(Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"]));
    }
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model.to_owned());
    model
        .or_else(|| std::env::var("PROCESSOR_IDENTIFIER").ok())
        .unwrap_or_else(|| "unknown processor".to_owned())
}

fn first_line(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout);
    let text = String::from_utf8_lossy(&output.unwrap_or_default()).into_owned();
    text.lines().next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTIMATES: &str = r#"{
        "mean": {"point_estimate": 9e9},
        "median": {
            "confidence_interval": {"confidence_level": 0.95, "lower_bound": 11.5e6, "upper_bound": 13e6},
            "point_estimate": 12345678.0, "standard_error": 1.0
        }
    }"#;

    const BENCH: &str = r#"{"group_id": "slice/cpu/4k/i16", "full_id": "slice/cpu/4k/i16"}"#;

    #[test]
    fn nanoseconds_become_a_row_in_milliseconds() {
        let row = Row::parse(BENCH, ESTIMATES).unwrap();
        assert!(table(&[row]).ends_with("| slice/cpu/4k/i16 | 12.346 | 11.500 to 13.000 |\n"));
    }

    #[test]
    fn results_without_a_median_or_a_name_are_an_error() {
        let error = |bench, estimates| Row::parse(bench, estimates).unwrap_err().to_string();
        assert!(error(BENCH, r#"{"mean": {}}"#).contains("/median/point_estimate"));
        assert!(error("{}", ESTIMATES).contains("/full_id"));
    }
}
