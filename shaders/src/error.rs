//! What can be wrong with a shader.

use crate::{lint::Violation, preprocess::Origin};
use std::{io, path::PathBuf};

/// Why a shader could not be read, resolved, validated or accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A source file or folder could not be read.
    #[error("cannot read a shader source ({source}): {}", path.display())]
    Io {
        /// What the system said.
        source: io::Error,
        /// The file or folder.
        path: PathBuf,
    },
    /// There is no such entry file.
    #[error("there is no entry file {name}.wgsl")]
    UnknownEntry {
        /// The name that was asked for, without `.wgsl`.
        name: String,
    },
    /// A preprocessor directive is wrong.
    #[error("{at}: {problem}")]
    Directive {
        /// The directive.
        at: Origin,
        /// What is wrong with it.
        problem: DirectiveProblem,
    },
    /// The resolved text is not valid WGSL, or needs an optional GPU feature.
    #[error("{at}: invalid WGSL (line numbers below are those of the resolved text)\n{report}")]
    Invalid {
        /// The first place that the report points to.
        at: Origin,
        /// The compiler's report, with an excerpt of the source.
        report: String,
    },
    /// The shader is valid but breaks the rules of this package (see [`crate::lint`]).
    #[error("{}", lines(violations))]
    Lint {
        /// Every violation found; at least one.
        violations: Vec<Violation>,
    },
    /// The entry point or its bindings are not what this package supports.
    #[error("{entry}.wgsl: {problem}")]
    Interface {
        /// The entry file, without `.wgsl`.
        entry: String,
        /// What is wrong.
        problem: InterfaceProblem,
    },
}

/// What is wrong with a preprocessor directive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DirectiveProblem {
    /// `#import` of a file that is not in `shared/`.
    #[error("#import {0}: there is no shared/{0}.wgsl")]
    UnknownImport(String),
    /// A file that imports itself, directly or not.
    #[error("import cycle: {}", .0.join(" -> "))]
    ImportCycle(Vec<String>),
    /// `#ifdef` or `#ifndef` without `#endif` in the same file.
    #[error("this conditional has no #endif")]
    Unterminated,
    /// `#else` or `#endif` without its opening.
    #[error("{0} without an open #ifdef or #ifndef")]
    Unmatched(String),
    /// A name that is no storage format, in a conditional or in `//! variants:`.
    #[error("{0:?} is no storage format")]
    UnknownFormat(String),
    /// A line that begins with `#` and is no directive.
    #[error("unknown directive {0:?}")]
    Unknown(String),
}

/// What is wrong with an entry point or its bindings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InterfaceProblem {
    /// Not exactly one compute entry point with the name of the file.
    #[error("expected one compute entry point, named as the file; found {found:?}")]
    EntryPoints {
        /// The names of the entry points found.
        found: Vec<String>,
    },
    /// A resource of a kind that this package does not support.
    #[error("binding {name:?} is of a kind that is not supported")]
    UnsupportedBinding {
        /// The global variable.
        name: String,
    },
    /// Something other than the source and the bindings depends on the variant.
    #[error("the {what} differs between variants")]
    VariantsDiffer {
        /// What differs.
        what: &'static str,
    },
}

fn lines(violations: &[Violation]) -> String {
    violations.iter().map(Violation::to_string).collect::<Vec<_>>().join("\n")
}
