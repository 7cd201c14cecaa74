//! What the components of a decoded frame are.

/// The colour space of decoded samples, as far as the codestream itself tells.
///
/// The dataset's photometric interpretation says what the samples are; this says what a decoder that follows the
/// codestream's own standard would take them for, and what the decoder here has converted already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColorSpace {
    /// One component.
    Gray,
    /// Red, green and blue: stated, or the outcome of the decoder's inverse colour transform.
    Rgb,
    /// Luminance and two colour differences (full range, 128 or its like is grey), not converted.
    Ybr,
    /// Several components, of which the codestream does not say what they are.
    Unstated,
}
