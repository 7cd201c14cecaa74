//! Who may depend on whom.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use cargo_metadata::{Dependency, DependencyKind, Metadata};

use crate::cargo;

/// A package of the workspace and the others that it may name.
struct Arrows {
    from: &'static str,
    to: &'static [&'static str],
    /// In `[dev-dependencies]` also these.
    tests: &'static [&'static str],
}

/// The table of ARCHITECTURE.md. What is not here is not allowed.
#[rustfmt::skip]
const ARROWS: &[Arrows] = &[
    Arrows { from: "anatome-core",    to: &[], tests: &[] },
    Arrows { from: "anatome-codecs",  to: &[], tests: &["anatome-testkit"] },
    Arrows { from: "anatome-shaders", to: &[], tests: &[] },
    Arrows { from: "xtask",           to: &[], tests: &[] },
    Arrows { from: "anatome-phantom", to: &["anatome-core"], tests: &[] },
    Arrows { from: "anatome-cpu",     to: &["anatome-core"], tests: &["anatome-testkit"] },
    Arrows { from: "anatome-gpu",     to: &["anatome-core", "anatome-shaders"], tests: &["anatome-testkit"] },
    Arrows { from: "anatome-formats", to: &["anatome-core"], tests: &["anatome-testkit"] },
    // Their tests write generated studies and read them back.
    Arrows { from: "anatome-dicom",   to: &["anatome-core", "anatome-codecs"], tests: &["anatome-phantom", "anatome-testkit"] },
    Arrows { from: "anatome",         to: &["anatome-core", "anatome-dicom", "anatome-formats", "anatome-cpu", "anatome-gpu"], tests: &["anatome-phantom", "anatome-testkit"] },
    Arrows { from: "anatome-viewer",  to: &["anatome", "anatome-gpu", "anatome-core"], tests: &["anatome-phantom", "anatome-testkit"] },
    Arrows { from: "anatome-cli",     to: &["anatome", "anatome-phantom", "anatome-viewer"], tests: &["anatome-testkit"] },
    // The shipped program never holds the testkit; its suites hold every renderer and the reader.
    Arrows { from: "anatome-testkit", to: &["anatome-core", "anatome-phantom"], tests: &["anatome-cpu", "anatome-gpu", "anatome-dicom"] },
    Arrows { from: "anatome-benches", to: &["anatome", "anatome-codecs", "anatome-cpu", "anatome-dicom", "anatome-gpu", "anatome-phantom"], tests: &[] },
    Arrows { from: "anatome-examples", to: &["anatome", "anatome-phantom"], tests: &[] },
];

/// A package from a registry that only some may name. Packages without an entry are free.
struct Fence {
    /// A name, or with a star at its end all that begin so.
    package: &'static str,
    only: &'static [&'static str],
    /// In `[dev-dependencies]` also these.
    tests: &'static [&'static str],
}

#[rustfmt::skip]
const FENCES: &[Fence] = &[
    Fence { package: "ab_glyph",             only: &["anatome"], tests: &[] },
    Fence { package: "anyhow",               only: &["anatome-cli", "anatome-viewer", "anatome-benches", "anatome-examples", "xtask"], tests: &[] },
    Fence { package: "clap",                 only: &["anatome-cli", "anatome-benches", "xtask"], tests: &[] },
    Fence { package: "jxl",                  only: &["anatome-dicom"], tests: &[] },
    Fence { package: "openjpeg-sys",         only: &["anatome-dicom"], tests: &[] },
    Fence { package: "criterion",            only: &["anatome-benches"], tests: &[] },
    Fence { package: "dicom-*",              only: &["anatome-dicom", "anatome-net"], tests: &[] },
    Fence { package: "eframe",               only: &["anatome-viewer"], tests: &["anatome-testkit"] },
    Fence { package: "egui*",                only: &["anatome-viewer"], tests: &["anatome-testkit"] },
    Fence { package: "epaint_default_fonts", only: &["anatome"], tests: &[] },
    // The engine writes pictures itself; tests read them, and benches compare.
    Fence { package: "image",                only: &[], tests: &["anatome", "anatome-benches", "anatome-testkit", "anatome-viewer"] },
    Fence { package: "jpeg-encoder",         only: &["anatome"], tests: &[] },
    Fence { package: "naga",                 only: &["anatome-shaders", "xtask"], tests: &[] },
    // Tests and benches make the pool that the libraries take from their caller.
    Fence { package: "rayon",                only: &["anatome", "anatome-analysis", "anatome-cpu", "anatome-dicom", "anatome-phantom"], tests: &["anatome-benches", "anatome-testkit"] },
    Fence { package: "tokio*",               only: &[], tests: &[] },
    Fence { package: "wgpu*",                only: &["anatome-gpu", "anatome-viewer"], tests: &["anatome-testkit"] },
    Fence { package: "winit",                only: &["anatome-viewer"], tests: &[] },
    Fence { package: "x11rb",                only: &[], tests: &["anatome-cli"] },
];

pub(crate) fn run() -> Result<()> {
    let broken = broken(&cargo::workspace()?);
    if !broken.is_empty() {
        bail!("dependencies that the table does not allow:\n  {}", broken.join("\n  "));
    }
    println!("layers: ok");
    Ok(())
}

/// Every dependency that a rule forbids, as one sentence each.
fn broken(workspace: &Metadata) -> Vec<String> {
    let members: BTreeSet<&str> = workspace.packages.iter().map(|p| p.name.as_str()).collect();
    let mut broken = Vec::new();
    for package in &workspace.packages {
        let from = package.name.as_str();
        let Some(arrows) = ARROWS.iter().find(|arrows| arrows.from == from) else {
            broken.push(format!("{from}: not in the table of crates/xtask/src/layers.rs"));
            continue;
        };
        for dependency in &package.dependencies {
            let complaint = if members.contains(dependency.name.as_str()) {
                beyond_arrows(arrows, dependency)
            } else {
                beyond_fence(from, dependency)
            };
            broken.extend(complaint);
        }
    }
    broken
}

fn beyond_arrows(arrows: &Arrows, dependency: &Dependency) -> Option<String> {
    let to = dependency.name.as_str();
    if allowed(to, dependency.kind, arrows.to, arrows.tests) {
        return None;
    }
    let kind = dependency.kind;
    Some(format!("{} -> {to} ({kind}): no such arrow", arrows.from))
}

fn beyond_fence(from: &str, dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    let fence = FENCES.iter().find(|fence| match fence.package.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == fence.package,
    })?;
    if allowed(from, dependency.kind, fence.only, fence.tests) {
        return None;
    }
    let kind = dependency.kind;
    let only = if fence.only.is_empty() { "nobody".to_owned() } else { fence.only.join(", ") };
    Some(format!("{from} -> {name} ({kind}): only for {only}"))
}

fn allowed(name: &str, kind: DependencyKind, always: &[&str], tests: &[&str]) -> bool {
    always.contains(&name) || kind == DependencyKind::Development && tests.contains(&name)
}

#[cfg(test)]
mod tests {
    use cargo_metadata::MetadataCommand;
    use serde_json::json;

    use super::*;

    /// A package's name, and the names and kinds of its dependencies.
    type Made<'a> = (&'a str, &'a [(&'a str, Option<&'a str>)]);

    /// A made-up workspace, as `cargo metadata` would print it.
    fn workspace(packages: &[Made<'_>]) -> Metadata {
        let id = |name: &str| format!("path+file:///w/{name}#0.1.0");
        let package = |(name, dependencies): &Made<'_>| {
            let dependency = |(name, kind): &(&str, Option<&str>)| {
                json!({
                    "name": name, "kind": kind, "req": "*", "source": null, "rename": "renamed",
                    "optional": true, "uses_default_features": true, "features": [],
                    "target": "cfg(windows)", "registry": null
                })
            };
            json!({
                "name": name, "version": "0.1.0", "id": id(name), "manifest_path": "/w/Cargo.toml",
                "dependencies": dependencies.iter().map(dependency).collect::<Vec<_>>(),
                "targets": [], "features": {}, "license": null, "license_file": null,
                "description": null, "source": null, "edition": "2024"
            })
        };
        let metadata = json!({
            "packages": packages.iter().map(package).collect::<Vec<_>>(),
            "workspace_members": packages.iter().map(|p| id(p.0)).collect::<Vec<_>>(),
            "resolve": null, "workspace_root": "/w", "target_directory": "/w/target", "version": 1
        });
        MetadataCommand::parse(metadata.to_string()).unwrap()
    }

    #[test]
    fn an_arrow_of_the_table_passes() {
        let metadata = workspace(&[
            ("anatome-core", &[("glam", None)]),
            ("anatome-cpu", &[("anatome-core", None), ("rayon", None)]),
        ]);
        assert_eq!(broken(&metadata), [""; 0]);
    }

    #[test]
    fn an_arrow_against_the_table_fails_whatever_its_kind() {
        for kind in [None, Some("dev"), Some("build")] {
            let metadata = workspace(&[("anatome-core", &[("anatome-gpu", kind)]), ("anatome-gpu", &[])]);
            let broken = broken(&metadata);
            assert_eq!(broken.len(), 1, "{kind:?}");
            assert!(broken[0].starts_with("anatome-core -> anatome-gpu ("));
        }
    }

    #[test]
    fn an_arrow_for_tests_fails_outside_tests() {
        let with = |kind| workspace(&[("anatome-testkit", &[("anatome-cpu", kind)]), ("anatome-cpu", &[])]);
        assert_eq!(broken(&with(Some("dev"))).len(), 0);
        assert_eq!(broken(&with(None)).len(), 1);
        assert_eq!(broken(&with(Some("build"))).len(), 1);
    }

    #[test]
    fn a_package_without_a_row_fails() {
        let broken = broken(&workspace(&[("anatome-surprise", &[])]));
        assert_eq!(broken.len(), 1);
        assert!(broken[0].starts_with("anatome-surprise: not in the table"));
    }

    #[test]
    fn a_fenced_package_fails_outside_its_fence() {
        for (name, dependency) in [
            ("anatome-core", "wgpu-types"),
            ("anatome-core", "rayon"),
            ("anatome-cli", "dicom-object"),
            ("anatome-gpu", "anyhow"),
            ("anatome", "clap"),
            ("xtask", "tokio"),
        ] {
            let broken = broken(&workspace(&[(name, &[(dependency, None)])]));
            assert_eq!(broken.len(), 1, "{name} -> {dependency}");
            assert!(broken[0].contains("only for"));
        }
    }

    #[test]
    fn a_star_needs_its_whole_beginning() {
        // "dicom-*" fences no "dicom", "image" fences no "image-hasher".
        let metadata = workspace(&[("anatome-core", &[("dicom", None), ("image-hasher", None)])]);
        assert_eq!(broken(&metadata).len(), 0);
    }
}
