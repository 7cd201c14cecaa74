//! From a source file to a shader that is known to be good: resolve, parse, validate, lint, reflect.

use crate::{
    error::Error,
    lint,
    preprocess::{self, Format, Resolved, SourceTree},
    reflect::{self, Reflection},
};
use naga::{
    Span,
    front::wgsl,
    valid::{Capabilities, ValidationFlags, Validator},
};

/// A shader that passed every check.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The WGSL text.
    pub source: String,
    /// What it asks of its caller.
    pub reflection: Reflection,
}

/// Compiles an entry file for a storage format.
///
/// Validation allows no optional GPU feature at all.
///
/// # Errors
/// Any [`Error`]: the sources are the author's, and everything that can be wrong with them is reported.
pub fn compile(sources: &SourceTree, entry: &str, format: Option<Format>) -> Result<Compiled, Error> {
    let resolved = preprocess::resolve(sources, entry, format)?;
    let text = &resolved.text;
    let path = match format {
        Some(format) => format!("{entry}.wgsl, resolved for {}", format.name()),
        None => format!("{entry}.wgsl, resolved"),
    };
    let module = wgsl::parse_str(text).map_err(|error| {
        let spans = error.labels().map(|(span, _)| span);
        invalid(&resolved, spans, error.emit_to_string_with_path(text, &path))
    })?;
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
    let info = validator.validate(&module).map_err(|error| {
        let spans = error.spans().map(|&(span, _)| span);
        invalid(&resolved, spans, error.emit_to_string_with_path(text, &path))
    })?;
    let reflection = reflect::reflect(&module, &info, entry)?;
    let violations = lint::lint(&module, &info, &resolved);
    if !violations.is_empty() {
        return Err(Error::Lint { violations });
    }
    Ok(Compiled { source: resolved.text, reflection })
}

fn invalid(resolved: &Resolved, mut spans: impl Iterator<Item = Span>, report: String) -> Error {
    // Some errors carry an empty span before the one that tells the place.
    let line = spans.find(Span::is_defined).map_or(1, |span| span.location(&resolved.text).line_number);
    Error::Invalid { at: resolved.origin(line as usize), report }
}
