//! The agreement between a Rust struct and its twin in a shader, checked when the Rust is compiled.

use crate::reflect::StructLayout;
use std::borrow::Cow;

/// Defines a `#[repr(C)]` struct, and checks that it has the fields, offsets and size of a shader's struct.
///
/// Padding is a field like any other, in both languages. A struct that several shaders share names all its layouts.
///
/// ```
/// anatome_shaders::mirror! {
///     /// What the self-test is told.
///     #[derive(Clone, Copy)]
///     pub struct Params = anatome_shaders::selftest::PARAMS {
///         /// Samples along i, j, k.
///         pub shape: [u32; 3],
///         /// Where to begin.
///         pub first: u32,
///     }
/// }
/// ```
///
/// Fields in another order do not compile:
///
/// ```compile_fail
/// anatome_shaders::mirror! {
///     pub struct Params = anatome_shaders::selftest::PARAMS {
///         pub first: u32,
///         pub shape: [u32; 3],
///     }
/// }
/// ```
#[macro_export]
macro_rules! mirror {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident = $($layout:path),+ {
            $($(#[$field_attribute:meta])* $field_visibility:vis $field:ident: $type:ty),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        #[repr(C)]
        $visibility struct $name {
            $($(#[$field_attribute])* $field_visibility $field: $type,)+
        }
        const _: () = {
            let layouts: &[&$crate::reflect::StructLayout] = &[$(&$layout),+];
            let mut layout = 0;
            while layout < layouts.len() {
                let mut index = 0;
                $(
                    let offset = ::std::mem::offset_of!($name, $field);
                    let size = $crate::size_of_field(|it: &$name| &it.$field);
                    assert!(
                        layouts[layout].has_field(index, stringify!($field), offset, size),
                        concat!("`", stringify!($field), "` is not where the shader has it"),
                    );
                    index += 1;
                )+
                assert!(
                    layouts[layout].has_size(index, ::std::mem::size_of::<$name>()),
                    concat!("`", stringify!($name), "` is not the size of the shader's struct"),
                );
                layout += 1;
            }
        };
    };
}

/// The size of what a field accessor returns, in bytes.
#[doc(hidden)]
pub const fn size_of_field<S, F>(_: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

impl StructLayout {
    /// Whether the field at this place in the order has this name, byte offset and size.
    #[must_use]
    pub const fn has_field(&self, index: usize, name: &str, offset: usize, size: usize) -> bool {
        let Cow::Borrowed(fields) = &self.fields else { return false };
        if index >= fields.len() {
            return false;
        }
        let field = &fields[index];
        let Cow::Borrowed(own) = &field.name else { return false };
        field.offset as usize == offset
            && field.size as usize == size
            && is_equal(own.as_bytes(), name.as_bytes())
    }

    /// Whether the struct has this many fields and this size in bytes.
    #[must_use]
    pub const fn has_size(&self, fields: usize, size: usize) -> bool {
        let Cow::Borrowed(own) = &self.fields else { return false };
        own.len() == fields && self.size as usize == size
    }
}

const fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}
