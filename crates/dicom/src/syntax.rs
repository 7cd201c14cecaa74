//! Transfer syntaxes by name.

use std::fmt;

use dicom_dictionary_std::uids;
use dicom_encoding::transfer_syntax::TransferSyntaxIndex as _;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

/// Explicit VR Big Endian: retired, and still in archives.
pub(crate) const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// JPEG Spectral Selection, Non-Hierarchical (Processes 6 & 8): retired, and still decoded.
pub(crate) const JPEG_SPECTRAL_SELECTION: &str = "1.2.840.10008.1.2.4.53";
/// JPEG Full Progression, Non-Hierarchical (Processes 10 & 12): retired, and still decoded.
pub(crate) const JPEG_FULL_PROGRESSION: &str = "1.2.840.10008.1.2.4.55";

/// A transfer syntax UID (PS3.5 Annex A), known or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TransferSyntax(String);

impl TransferSyntax {
    pub(crate) fn new(uid: &str) -> Self {
        Self(uid.to_owned())
    }

    /// The UID.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.0
    }

    /// The standard's name, or `unknown`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        TransferSyntaxRegistry.get(&self.0).map_or("unknown", |syntax| syntax.name())
    }

    /// Whether pixels may be compressed with loss: only the codestream says whether they are.
    pub(crate) fn may_be_lossy(&self) -> bool {
        const LOSSY: [&str; 8] = [
            uids::JPEG_BASELINE8_BIT,
            uids::JPEG_EXTENDED12_BIT,
            uids::JPEGLS_NEAR_LOSSLESS,
            uids::JPEG2000,
            "1.2.840.10008.1.2.4.93",
            "1.2.840.10008.1.2.4.203",
            "1.2.840.10008.1.2.4.111",
            "1.2.840.10008.1.2.4.112",
        ];
        LOSSY.contains(&self.uid())
    }

    /// Whether the whole dataset is deflated.
    pub(crate) fn is_deflated(&self) -> bool {
        self.0 == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    }
}

impl fmt::Display for TransferSyntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}
