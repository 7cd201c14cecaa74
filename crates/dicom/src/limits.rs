//! How much the input may ask for.

/// Budgets that are checked before anything is allocated or followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Files and zip entries in one scan.
    pub files: usize,
    /// Folders within folders.
    pub folder_depth: usize,
    /// Bytes of one file, also of one that is unpacked from a zip or a deflated dataset.
    pub file_bytes: u64,
    /// Bytes in front of a file's pixel data.
    pub header_bytes: usize,
    /// Elements and items of one header.
    pub elements: usize,
    /// Sequences within sequences.
    pub nesting: usize,
    /// Frames of one object.
    pub frames: usize,
    /// Pixels of one frame.
    pub frame_pixels: u64,
    /// Points of all contours of one structure set.
    pub contour_points: usize,
    /// Bytes of one volume's samples.
    pub volume_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 1_000_000,
            folder_depth: 64,
            file_bytes: 8 << 30,
            header_bytes: 64 << 20,
            elements: 1_000_000,
            nesting: 64,
            frames: 1 << 18,
            frame_pixels: 1 << 28,
            contour_points: 1 << 23,
            volume_bytes: 8 << 30,
        }
    }
}
