//! Counting tests, and those that say `SKIP: reason` because something they need is missing.

use std::fmt;

use anyhow::{Context as _, Result};

/// What ran. A skipped test also counts as passed, since its harness knows no third answer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Tally {
    passed: u32,
    failed: u32,
    skips: Vec<String>,
}

impl Tally {
    /// Reads what `cargo test` printed.
    pub(crate) fn from_harness(output: &str) -> Self {
        let mut tally = Self::default();
        for line in output.lines() {
            if let Some(counts) = line.strip_prefix("test result: ") {
                tally.passed += count_before(counts, " passed");
                tally.failed += count_before(counts, " failed");
            }
            tally.skips.extend(skip_reason(line));
        }
        tally
    }

    /// Reads the `JUnit` report that nextest writes.
    pub(crate) fn from_junit(report: &str) -> Result<Self> {
        let head = report.split_once("<testsuites ").context("no <testsuites> in the report")?.1;
        let count = |name: &str| -> Result<u32> {
            let value = attribute(head, name).with_context(|| format!("no {name}"))?;
            Ok(value.parse()?)
        };
        let failed = count("failures")? + count("errors")?;
        let passed = count("tests")?.saturating_sub(failed);

        let mut skips = Vec::new();
        for case in report.split("<testcase ").skip(1) {
            let test = attribute(case, "name").unwrap_or("unnamed test");
            // Text is escaped there, so that a bare `<` begins a tag.
            let line = case.split('<').flat_map(str::lines).find_map(skip_reason);
            skips.extend(line.map(|reason| format!("{test}: {}", unescaped(&reason))));
        }
        Ok(Self { passed, failed, skips })
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skips.extend(other.skips);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for skip in &self.skips {
            writeln!(f, "SKIP {skip}")?;
        }
        let passed = self.passed.saturating_sub(u32::try_from(self.skips.len()).unwrap_or(u32::MAX));
        write!(f, "tests: {passed} passed, {} failed, {} skipped", self.failed, self.skips.len())
    }
}

/// Not only at the start of the line: where nothing is captured the harness prints the test's name there.
fn skip_reason(line: &str) -> Option<String> {
    let (_, reason) = line.split_once("SKIP: ")?;
    Some(reason.trim().to_owned())
}

fn count_before(counts: &str, word: &str) -> u32 {
    let number = counts.split(word).next().and_then(|before| before.split_whitespace().last());
    number.and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let tag = element.split('>').next()?;
    let value = tag.split_once(&format!("{name}=\""))?.1;
    Some(value.split_once('"')?.0)
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harness_results_add_up() {
        let output = "\
running 3 tests
test a ... ok
SKIP: no adapter
test result: FAILED. 12 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: ok. 30 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        let tally = Tally::from_harness(output);
        assert_eq!((tally.passed, tally.failed), (42, 1));
        assert_eq!(tally.skips, ["no adapter"]);
    }

    const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="3" failures="1" errors="0" uuid="1" timestamp="2" time="0.1">
    <testsuite name="gpu" tests="3" disabled="0" errors="0" failures="1">
        <testcase name="slice" classname="gpu" timestamp="2" time="0.001">
            <system-out>
test slice ... SKIP: no adapter &quot;at all&quot;
ok</system-out>
            <system-err>SKIP: said twice</system-err>
        </testcase>
        <testcase name="files" classname="gpu" time="0.001">
            <system-err>SKIP: no shared data</system-err>
        </testcase>
        <testcase name="broken" classname="gpu" time="0.001">
            <failure message="left != right" type="test failure"></failure>
        </testcase>
    </testsuite>
</testsuites>"#;

    #[test]
    fn a_report_gives_counts_and_who_skipped() {
        let tally = Tally::from_junit(REPORT).unwrap();
        assert_eq!((tally.passed, tally.failed), (2, 1));
        assert_eq!(tally.skips, ["slice: no adapter \"at all\"", "files: no shared data"]);
        assert_eq!(
            tally.to_string(),
            "SKIP slice: no adapter \"at all\"\nSKIP files: no shared data\ntests: 0 passed, 1 failed, 2 skipped"
        );
    }

    #[test]
    fn something_else_than_a_report_is_an_error() {
        assert!(Tally::from_junit("<html></html>").is_err());
    }
}
