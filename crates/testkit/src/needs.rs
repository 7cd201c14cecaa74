//! What tests need from outside, and what becomes of them where it is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Something that not every machine has. Each may be required by an environment variable whose value is `1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The shared test data: `ANATOME_REQUIRE_DATA`.
    Data,
    /// A GPU, software included: `ANATOME_REQUIRE_GPU`.
    Gpu,
    /// Other programs: `ANATOME_REQUIRE_TOOLS`.
    Tools,
}

impl Need {
    fn variable(self) -> &'static str {
        match self {
            Self::Data => "ANATOME_REQUIRE_DATA",
            Self::Gpu => "ANATOME_REQUIRE_GPU",
            Self::Tools => "ANATOME_REQUIRE_TOOLS",
        }
    }

    /// Says aloud that a test is skipped, and why. `cargo xtask test` counts such lines.
    ///
    /// # Panics
    /// Where it is required.
    #[track_caller]
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    pub fn is_missing(self, why: &str) {
        let variable = self.variable();
        let required = std::env::var(variable).is_ok_and(|value| value == "1");
        assert!(!required, "{variable} is 1, but {why}");
        println!("SKIP: {why}");
    }
}

/// A file of the shared test data, in the folder `ANATOME_DATA` or beside the checkout; `None` where there are none and
/// none are required.
#[must_use]
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("ANATOME_DATA").map_or_else(|| "../shared/data".into(), PathBuf::from);
    // Tests run in the folders of their crates; the variable may be relative to the workspace.
    let path = workspace.join(folder).join(name);
    if path.exists() {
        return Some(path);
    }
    Need::Data.is_missing(&format!("there is no shared data at {}", path.display()));
    None
}

/// A Python that has nibabel, `ANATOME_PYTHON` first; `None` where there is none and none is required.
#[must_use]
pub fn python_with_nibabel() -> Option<String> {
    let own = std::env::var("ANATOME_PYTHON").ok();
    let candidates = own.into_iter().chain(["python3", "/usr/bin/python3"].map(str::to_owned));
    let has_nibabel = |python: &String| {
        let output = Command::new(python).args(["-c", "import nibabel"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let found = { candidates }.find(has_nibabel);
    if found.is_none() {
        Need::Tools.is_missing("no Python has nibabel");
    }
    found
}
