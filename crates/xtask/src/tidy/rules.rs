//! The rules about files, names and words.

use super::{Content, File};

const ROOT: &[&str] = &[
    ".cargo",
    ".ci",
    ".gitattributes",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "assets",
    "benches",
    "clippy.toml",
    "crates",
    "deny.toml",
    "docs",
    "examples",
    "fuzz",
    "rustfmt.toml",
    "shaders",
];

const MAX_RUST_LINES: usize = 600;
const MAX_ENTRY_SHADER_LINES: usize = 200;
const MAX_BINARY_BYTES: usize = 200_000;

/// They say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "helpers", "common", "misc", "manager", "data", "info"];

/// Left for later, or a promise that no check keeps. Spelt so that this file does not hold them.
const PHRASES: &[&str] = &[
    concat!("keep in", " sync"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("todo", "!"),
];

/// Shaders without a twin on the CPU, each with its reason.
const WITHOUT_TWIN: &[(&str, &str)] = &[
    (
        "shaders/checkerboard.wgsl",
        "as `checkerboard.rs` of the core, which fills what the CPU renderer computes",
    ),
    ("shaders/chessboard.wgsl", "one of three passes; the CPU renderer sweeps twice, in `cells.rs`"),
    ("shaders/occupancy.wgsl", "a pass of its own; on the CPU a part of `cells.rs`"),
    ("shaders/place.wgsl", "puts tiles together; the CPU renderer writes into its picture"),
    ("shaders/shared/cell.wgsl", "where cells are; on the CPU a part of `cells.rs`"),
    ("shaders/shared/leap.wgsl", "each ray leaps for itself; on the CPU beams of rays do, in `beam.rs`"),
    ("shaders/shared/lighting.wgsl", "on the CPU a part of `raycast.rs`"),
    ("shaders/selftest.wgsl", "reads back what was uploaded; the CPU renderer reads the volume itself"),
    ("shaders/shared/output.wgsl", "tiles and words of the result; the CPU renderer writes into its picture"),
    ("shaders/shared/volume.wgsl", "loads from a texture; the CPU renderer indexes the volume's array"),
];

pub(super) fn root_entries(files: &[File]) -> Vec<String> {
    let mut strays: Vec<&str> = files
        .iter()
        .filter_map(|file| file.path.split('/').next())
        .filter(|entry| !ROOT.contains(entry))
        .collect();
    strays.sort_unstable();
    strays.dedup();
    strays
        .into_iter()
        .map(|entry| format!("{entry}: not among the entries that belong at the root"))
        .collect()
}

pub(super) fn lengths(files: &[File]) -> Vec<String> {
    files.iter().filter_map(too_long).collect()
}

fn too_long(file: &File) -> Option<String> {
    let limit = if file.has_extension("rs") {
        MAX_RUST_LINES
    } else if is_entry_shader(&file.path) {
        MAX_ENTRY_SHADER_LINES
    } else {
        return None;
    };
    let lines = file.text()?.lines().count();
    (lines > limit).then(|| format!("{}: {lines} lines, at most {limit}", file.path))
}

fn is_entry_shader(path: &str) -> bool {
    path.strip_prefix("shaders/").is_some_and(|name| !name.contains('/') && name.ends_with(".wgsl"))
}

pub(super) fn module_names(files: &[File]) -> Vec<String> {
    let code = |file: &&File| file.has_extension("rs") || file.has_extension("wgsl");
    let mut faults = Vec::new();
    for file in files.iter().filter(code) {
        let parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
        let inline = file.text().unwrap_or_default().lines().filter_map(declared_module);
        let mut empty: Vec<&str> = parts.chain(inline).filter(|name| EMPTY_NAMES.contains(name)).collect();
        empty.dedup();
        faults.extend(
            empty
                .into_iter()
                .map(|name| format!("{}: a module named `{name}` does not say what is inside", file.path)),
        );
    }
    faults
}

/// The name in `mod name;` and `pub(crate) mod name {`.
fn declared_module(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    if first != "mod" && !(first.starts_with("pub") && words.next() == Some("mod")) {
        return None;
    }
    Some(words.next()?.trim_end_matches([';', '{']))
}

pub(super) fn phrases(files: &[File]) -> Vec<String> {
    let code = |file: &&File| ["rs", "wgsl", "toml"].iter().any(|e| file.has_extension(e));
    let mut faults = Vec::new();
    for file in files.iter().filter(code) {
        for (index, line) in file.text().unwrap_or_default().lines().enumerate() {
            for phrase in PHRASES.iter().filter(|phrase| holds_phrase(line, phrase)) {
                faults.push(format!("{}:{}: `{phrase}`", file.path, index + 1));
            }
        }
    }
    faults
}

/// Whether the phrase stands in the line as whole words; words in small letters match capitals too.
fn holds_phrase(line: &str, phrase: &str) -> bool {
    let small = phrase.chars().any(char::is_lowercase);
    let line = if small { line.to_lowercase() } else { line.to_owned() };
    let inside_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(phrase).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + phrase.len()..].chars().next();
        !before.is_some_and(inside_word) && !after.is_some_and(inside_word)
    })
}

pub(super) fn shader_twins(files: &[File]) -> Vec<String> {
    twins(files, WITHOUT_TWIN)
}

fn twins(files: &[File], without: &[(&str, &str)]) -> Vec<String> {
    let exists = |path: &str| files.iter().any(|file| file.path == path);
    let mut faults = Vec::new();
    for file in files {
        let Some(twin) = twin_of(&file.path) else {
            continue;
        };
        let excepted = without.iter().any(|(path, _)| *path == file.path);
        match (exists(&twin), excepted) {
            (false, false) => faults.push(format!("{}: has no twin {twin}", file.path)),
            (true, true) => {
                faults.push(format!("{}: has its twin {twin}: take it off the list of exceptions", file.path))
            }
            _ => {}
        }
    }
    let gone = without.iter().filter(|(path, _)| !exists(path));
    faults.extend(gone.map(|(path, _)| format!("{path}: on the list of exceptions, but no such shader")));
    faults
}

/// Where the CPU renderer holds the same functions as this shader.
fn twin_of(path: &str) -> Option<String> {
    let name = path.strip_prefix("shaders/")?.strip_suffix(".wgsl")?;
    let shared = name.strip_prefix("shared/").unwrap_or(name);
    (!shared.contains('/')).then(|| format!("crates/cpu/src/{name}.rs"))
}

pub(super) fn binaries(files: &[File]) -> Vec<String> {
    files.iter().filter_map(too_big).collect()
}

fn too_big(file: &File) -> Option<String> {
    let Content::Binary { bytes } = file.content else {
        return None;
    };
    let free = file.path.starts_with("assets/") || file.path.starts_with("docs/");
    (bytes > MAX_BINARY_BYTES && !free).then(|| {
        format!("{}: {bytes} bytes of binary, at most {MAX_BINARY_BYTES} outside assets and docs", file.path)
    })
}

pub(super) fn descriptions(files: &[File]) -> Vec<String> {
    let manifests = files.iter().filter(|file| file.name() == "Cargo.toml");
    manifests
        .filter(|file| {
            let text = file.text().unwrap_or_default();
            text.contains("[package]") && !text.lines().any(|line| line.starts_with("description = "))
        })
        .map(|file| format!("{}: has no description", file.path))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str, text: &str) -> File {
        File { path: path.to_owned(), content: Content::Text(text.to_owned()) }
    }

    fn binary(path: &str, bytes: usize) -> File {
        File { path: path.to_owned(), content: Content::Binary { bytes } }
    }

    fn clean(faults: &[String]) {
        assert_eq!(faults, [""; 0]);
    }

    #[test]
    fn strays_at_the_root_are_named_once() {
        clean(&root_entries(&[text("README.md", ""), text("crates/a/src/lib.rs", "")]));
        let faults = root_entries(&[text("plan/a.md", ""), text("plan/b.md", "")]);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("plan: "));
    }

    #[test]
    fn lengths_have_limits() {
        let rust = |lines| text("crates/a/src/lib.rs", &"x\n".repeat(lines));
        let entry = |lines| text("shaders/slice.wgsl", &"x\n".repeat(lines));
        let shared = text("shaders/shared/grid.wgsl", &"x\n".repeat(300));
        clean(&lengths(&[rust(600), entry(200), shared]));
        assert_eq!(lengths(&[rust(601), entry(201)]).len(), 2);
    }

    #[test]
    fn names_that_say_nothing_are_refused_wherever_they_stand() {
        clean(&module_names(&[text("crates/a/src/lib.rs", "mod database;\n// mod data\n")]));
        for file in [
            text("crates/a/src/utils.rs", ""),
            text("crates/a/tests/common/mod.rs", ""),
            text("shaders/shared/misc.wgsl", ""),
            text("crates/a/src/lib.rs", "pub(crate) mod helpers {"),
            text("crates/a/src/lib.rs", "    mod info;"),
        ] {
            assert_eq!(module_names(&[file]).len(), 1);
        }
    }

    #[test]
    fn phrases_are_found_as_whole_words_in_code() {
        clean(&phrases(&[text("a.rs", "let mut x = MYTODOS; // insync XXXX"), text("a.md", PHRASES[0])]));
        for phrase in PHRASES {
            assert_eq!(phrases(&[text("a.rs", &format!("x // {phrase}(b)"))]).len(), 1, "{phrase}");
        }
        let faults = phrases(&[text("a.wgsl", &format!("\n{}", PHRASES[0].to_uppercase()))]);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("a.wgsl:2: "));
    }

    #[test]
    fn a_shader_without_its_twin_is_found() {
        let shaders = || vec![text("shaders/slice.wgsl", ""), text("shaders/shared/grid.wgsl", "")];
        assert_eq!(
            twins(&shaders(), &[]),
            [
                "shaders/slice.wgsl: has no twin crates/cpu/src/slice.rs",
                "shaders/shared/grid.wgsl: has no twin crates/cpu/src/shared/grid.rs"
            ]
        );
        let mut whole = shaders();
        whole.push(text("crates/cpu/src/slice.rs", ""));
        whole.push(text("crates/cpu/src/shared/grid.rs", ""));
        clean(&twins(&whole, &[]));
    }

    #[test]
    fn exceptions_hold_only_while_they_are_needed() {
        let alone = [text("shaders/slice.wgsl", "")];
        clean(&twins(&alone, &[("shaders/slice.wgsl", "why")]));
        let both = [text("shaders/slice.wgsl", ""), text("crates/cpu/src/slice.rs", "")];
        assert_eq!(twins(&both, &[("shaders/slice.wgsl", "why")]).len(), 1);
        assert_eq!(twins(&[], &[("shaders/slice.wgsl", "why")]).len(), 1);
    }

    #[test]
    fn big_binaries_belong_in_assets_and_docs() {
        clean(&binaries(&[binary("docs/demo.png", 900_000), binary("crates/a/a.png", 200_000)]));
        assert_eq!(binaries(&[binary("crates/a/a.png", 200_001)]).len(), 1);
    }

    #[test]
    fn a_package_says_what_it_is() {
        clean(&descriptions(&[
            text("Cargo.toml", "[workspace]"),
            text("crates/a/Cargo.toml", "[package]\ndescription = \"a\"\n"),
        ]));
        assert_eq!(descriptions(&[text("crates/a/Cargo.toml", "[package]\n")]).len(), 1);
    }
}
