//! How much the input may ask for.

/// Budgets that are checked before anything is allocated or followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes in front of the voxels.
    pub header_bytes: usize,
    /// Bytes of the samples in memory; of all volumes together where all are loaded.
    pub volume_bytes: u64,
    /// Bytes of voxels in one file, unpacked.
    pub file_bytes: u64,
    /// Volumes in one file.
    pub parts: usize,
}

impl Limits {
    /// The default limits, with other ones for what DICOM has limits for, too.
    #[must_use]
    pub fn new(header_bytes: usize, volume_bytes: u64, file_bytes: u64) -> Self {
        Self { header_bytes, volume_bytes, file_bytes, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { header_bytes: 64 << 20, volume_bytes: 8 << 30, file_bytes: 8 << 30, parts: 65_536 }
    }
}
