//! The WGSL compute shaders of Anatome, resolved, validated, linted and reflected at build time.
//!
//! Each `name.wgsl` beside this package's manifest holds one compute entry point called `name`, and becomes a module
//! here with a [`Shader`] and one [`reflect::StructLayout`] for each struct in its buffers. What the entry files may
//! contain is in [`preprocess`] and [`lint`]; a shader that breaks a rule does not build. [`check::compile`] does the
//! same at run time, for a shader that is being worked on.

pub mod check;
mod error;
mod layout;
pub mod lint;
pub mod preprocess;
pub mod reflect;

pub use error::{DirectiveProblem, Error, InterfaceProblem};
pub use layout::size_of_field;

use preprocess::Format;
use reflect::Binding;

include!(concat!(env!("OUT_DIR"), "/shaders.rs"));

/// A shader that passed every check.
#[derive(Debug)]
pub struct Shader {
    /// The name of the entry file, of its entry point, and of whatever is labelled after it.
    pub name: &'static str,
    /// Invocations in a workgroup: x, y, z.
    pub workgroup_size: [u32; 3],
    /// One for each storage format in the file's list, or a single one without a format.
    pub variants: &'static [Variant],
}

/// A shader for a storage format.
#[derive(Debug)]
pub struct Variant {
    /// The format; `None` if the shader does not depend on it.
    pub format: Option<Format>,
    /// The WGSL text.
    pub source: &'static str,
    /// The resources that the entry point uses, by group and binding.
    pub bindings: &'static [Binding],
}

impl Shader {
    /// The variant for a storage format; a shader without formats has one for all.
    pub fn variant(&self, format: Format) -> Option<&'static Variant> {
        self.variants.iter().find(|variant| variant.format.is_none_or(|own| own == format))
    }
}

#[cfg(test)]
mod tests;
