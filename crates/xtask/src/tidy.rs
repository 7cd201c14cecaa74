//! What the compiler and clippy do not check.

mod links;
mod rules;

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::cargo;

/// A file of the repository.
struct File {
    /// From the root, with forward slashes.
    path: String,
    content: Content,
}

enum Content {
    Text(String),
    Binary { bytes: usize },
}

impl File {
    fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Binary { .. } => None,
        }
    }

    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    fn has_extension(&self, extension: &str) -> bool {
        self.name().rsplit_once('.').is_some_and(|(_, end)| end == extension)
    }
}

/// Looks at all files and answers with one sentence a fault.
type Rule = fn(&[File]) -> Vec<String>;

const RULES: &[Rule] = &[
    rules::root_entries,
    rules::lengths,
    rules::module_names,
    rules::phrases,
    rules::shader_twins,
    rules::binaries,
    rules::descriptions,
    links::links,
];

pub(crate) fn run() -> Result<()> {
    let Some(files) = repository()? else {
        println!("tidy: SKIPPED, not a git checkout");
        return Ok(());
    };
    let faults: Vec<_> = RULES.iter().flat_map(|rule| rule(&files)).collect();
    if !faults.is_empty() {
        bail!("untidy:\n  {}", faults.join("\n  "));
    }
    println!("tidy: ok, {} files", files.len());
    Ok(())
}

/// What git holds or would add; nothing where there is no git or no checkout, as in an unpacked archive.
fn repository() -> Result<Option<Vec<File>>> {
    let root = cargo::workspace()?.workspace_root;
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let Ok(listing) = Command::new("git").args(list).current_dir(&root).output() else {
        return Ok(None);
    };
    if !listing.status.success() {
        return Ok(None);
    }
    let mut files = Vec::new();
    for path in String::from_utf8(listing.stdout)?.split_terminator('\0') {
        let full = root.join(path);
        // Deleted, but not yet in a commit.
        if !full.exists() {
            continue;
        }
        let bytes = fs::read(&full).with_context(|| full.to_string())?;
        let content = match String::from_utf8(bytes) {
            Ok(text) => Content::Text(text),
            Err(error) => Content::Binary { bytes: error.as_bytes().len() },
        };
        files.push(File { path: path.to_owned(), content });
    }
    Ok(Some(files))
}
