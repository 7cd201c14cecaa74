//! Compiles every entry file for every storage format it lists, and writes the results as Rust.

#[path = "src/check.rs"]
mod check;
#[path = "src/error.rs"]
mod error;
#[path = "src/lint.rs"]
mod lint;
#[path = "src/preprocess.rs"]
mod preprocess;
#[path = "src/reflect.rs"]
mod reflect;

use check::Compiled;
use error::{Error, InterfaceProblem};
use preprocess::{Format, SourceTree};
use reflect::{Binding, BindingKind, Field, StructLayout};
use std::{
    env, fmt,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Cargo shows the `Debug` form of what `main` returns; a report is meant to be read.
struct Failure(String);

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a shader is broken\n{}", self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

// Cargo runs this again when any file of the package changes.
fn main() -> Result<(), Failure> {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let sources = SourceTree::read(&folder)?;
    let mut rust = String::new();
    for entry in sources.entries.keys() {
        let variants = compile_variants(&sources, entry)?;
        emit_entry(&mut rust, &out, entry, &variants)?;
    }
    fs::write(out.join("shaders.rs"), rust)?;
    Ok(())
}

type Variant = (Option<Format>, Compiled);

fn compile_variants(sources: &SourceTree, entry: &str) -> Result<Vec<Variant>, Error> {
    let mut formats: Vec<_> = preprocess::variants(sources, entry)?.into_iter().map(Some).collect();
    if formats.is_empty() {
        formats.push(None);
    }
    let mut variants: Vec<Variant> = Vec::new();
    for format in formats {
        let compiled = check::compile(sources, entry, format)?;
        if let Some((_, first)) = variants.first() {
            let differ = |what| {
                let problem = InterfaceProblem::VariantsDiffer { what };
                Err(Error::Interface { entry: entry.to_owned(), problem })
            };
            if first.reflection.workgroup_size != compiled.reflection.workgroup_size {
                return differ("workgroup size");
            }
            if first.reflection.structs != compiled.reflection.structs {
                return differ("layout of the structs");
            }
        }
        variants.push((format, compiled));
    }
    Ok(variants)
}

fn emit_entry(rust: &mut String, out: &Path, entry: &str, variants: &[Variant]) -> Result<(), Failure> {
    let Some((_, Compiled { reflection, .. })) = variants.first() else { return Ok(()) };
    writeln!(rust, "/// The shader of `{entry}.wgsl` and the layouts of its structs.\npub mod {entry} {{")?;
    writeln!(rust, "use crate::{{Shader, Variant, reflect::*}};\nuse std::borrow::Cow;")?;
    writeln!(
        rust,
        "/// The shader of `{entry}.wgsl`.\npub static SHADER: Shader = Shader {{ name: {entry:?},"
    )?;
    writeln!(rust, "workgroup_size: {:?}, variants: &[", reflection.workgroup_size)?;
    for (format, compiled) in variants {
        let (name, format) = match format {
            Some(format) => (
                format!("{entry}.{}.wgsl", format.name()),
                format!("Some(crate::preprocess::Format::{format:?})"),
            ),
            None => (format!("{entry}.wgsl"), "None".to_owned()),
        };
        fs::write(out.join(&name), &compiled.source)?;
        writeln!(
            rust,
            "Variant {{ format: {format}, source: include_str!({:?}), bindings: &[",
            out.join(name)
        )?;
        for binding in &compiled.reflection.bindings {
            emit_binding(rust, binding)?;
        }
        writeln!(rust, "] }},")?;
    }
    writeln!(rust, "] }};")?;
    for layout in &reflection.structs {
        emit_layout(rust, layout)?;
    }
    writeln!(rust, "}}")?;
    Ok(())
}

fn emit_binding(rust: &mut String, binding: &Binding) -> fmt::Result {
    let Binding { group, binding, name, kind, min_size } = binding;
    let kind = match kind {
        BindingKind::Texture { dimension, sample } => {
            let sample = format!("SampleType::{sample:?}");
            format!("Texture {{ dimension: Dimension::{dimension:?}, sample: {sample} }}")
        }
        other => format!("{other:?}"),
    };
    write!(rust, "Binding {{ group: {group}, binding: {binding}, name: Cow::Borrowed({name:?}), ")?;
    writeln!(rust, "kind: BindingKind::{kind}, min_size: {min_size} }},")
}

fn emit_layout(rust: &mut String, layout: &StructLayout) -> fmt::Result {
    let StructLayout { name, size, fields } = layout;
    writeln!(
        rust,
        "/// The memory layout of `{name}`.\npub static {}: StructLayout =",
        screaming_snake(name)
    )?;
    writeln!(rust, "StructLayout {{ name: Cow::Borrowed({name:?}), size: {size}, fields: Cow::Borrowed(&[")?;
    for Field { name, offset, size } in fields.iter() {
        writeln!(rust, "Field {{ name: Cow::Borrowed({name:?}), offset: {offset}, size: {size} }},")?;
    }
    writeln!(rust, "]) }};")
}

/// `SliceParams` -> `SLICE_PARAMS`.
fn screaming_snake(name: &str) -> String {
    let mut constant = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !constant.is_empty() {
            constant.push('_');
        }
        constant.push(letter.to_ascii_uppercase());
    }
    constant
}
