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

/// Retired transfer syntaxes that the registry does not name (PS3.6 A, editions before 2004 for the processes).
const RETIRED: [(&str, &str); 16] = [
    ("1.2.840.10008.1.2.4.52", "JPEG Extended (Processes 3 & 5)"),
    (JPEG_SPECTRAL_SELECTION, "JPEG Spectral Selection, Non-Hierarchical (Processes 6 & 8)"),
    ("1.2.840.10008.1.2.4.54", "JPEG Spectral Selection, Non-Hierarchical (Processes 7 & 9)"),
    (JPEG_FULL_PROGRESSION, "JPEG Full Progression, Non-Hierarchical (Processes 10 & 12)"),
    ("1.2.840.10008.1.2.4.56", "JPEG Full Progression, Non-Hierarchical (Processes 11 & 13)"),
    ("1.2.840.10008.1.2.4.58", "JPEG Lossless, Non-Hierarchical (Process 15)"),
    ("1.2.840.10008.1.2.4.59", "JPEG Extended, Hierarchical (Processes 16 & 18)"),
    ("1.2.840.10008.1.2.4.60", "JPEG Extended, Hierarchical (Processes 17 & 19)"),
    ("1.2.840.10008.1.2.4.61", "JPEG Spectral Selection, Hierarchical (Processes 20 & 22)"),
    ("1.2.840.10008.1.2.4.62", "JPEG Spectral Selection, Hierarchical (Processes 21 & 23)"),
    ("1.2.840.10008.1.2.4.63", "JPEG Full Progression, Hierarchical (Processes 24 & 26)"),
    ("1.2.840.10008.1.2.4.64", "JPEG Full Progression, Hierarchical (Processes 25 & 27)"),
    ("1.2.840.10008.1.2.4.65", "JPEG Lossless, Hierarchical (Process 28)"),
    ("1.2.840.10008.1.2.4.66", "JPEG Lossless, Hierarchical (Process 29)"),
    ("1.2.840.10008.1.2.6.1", "RFC 2557 MIME Encapsulation"),
    ("1.2.840.10008.1.2.6.2", "XML Encoding"),
];

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
        let retired = RETIRED.iter().find(|(uid, _)| *uid == self.0).map(|&(_, name)| name);
        retired.or_else(|| Some(TransferSyntaxRegistry.get(&self.0)?.name())).unwrap_or("unknown")
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
