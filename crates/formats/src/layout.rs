//! What all formats' headers come down to.

use anatome_core::{Facts, Grid, Modality, Notes, ValueMapping};
use glam::DAffine3;

use crate::recognise::Format;
use crate::source::Place;
use crate::{Error, Limits, geometry};

/// The type in which a file stores samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl Stored {
    pub fn bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Bytes of a sample in memory: what the model has no type for becomes f32 or i16.
    pub fn bytes_in_memory(self) -> u64 {
        match self {
            Self::U8 => 1,
            Self::I8 | Self::U16 | Self::I16 => 2,
            _ => 4,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "8-bit unsigned",
            Self::I8 => "8-bit signed",
            Self::U16 => "16-bit unsigned",
            Self::I16 => "16-bit signed",
            Self::U32 => "32-bit unsigned",
            Self::I32 => "32-bit signed",
            Self::U64 => "64-bit unsigned",
            Self::I64 => "64-bit signed",
            Self::F32 => "32-bit floating-point",
            Self::F64 => "64-bit floating-point",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    None,
    Gzip,
    Zlib,
    /// Numbers in words.
    Text,
}

/// Files that the voxels of one image may be in.
pub(crate) const MOST_FILES: usize = 65_536;

/// Where the voxels are.
#[derive(Clone, Debug)]
pub(crate) struct VoxelPlace {
    /// The files in order, each with the bytes in front of its voxels. All hold equally many.
    pub files: Vec<(Place, u64)>,
    pub packing: Packing,
    /// Unpacked bytes in front of them in each file.
    pub inner_offset: u64,
}

impl VoxelPlace {
    pub fn one(place: Place, offset: u64, packing: Packing, inner_offset: u64) -> Self {
        Self { files: vec![(place, offset)], packing, inner_offset }
    }
}

/// A header, checked: the grid exists, the sizes are positive and do not overflow.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub format: Format,
    pub grid: Grid,
    /// Values at each voxel that alternate in the file, each of them a volume.
    pub interleaved: usize,
    /// Volumes one after another.
    pub stacked: usize,
    /// What tells the volumes apart.
    pub part_kind: &'static str,
    pub stored: Stored,
    pub big_endian: bool,
    pub mapping: ValueMapping,
    pub facts: Facts,
    pub voxels: VoxelPlace,
    pub notes: Notes,
}

impl Layout {
    pub fn parts(&self) -> usize {
        self.interleaved * self.stacked
    }

    pub fn voxel_count(&self) -> u64 {
        self.grid.shape().iter().map(|&n| n as u64).product()
    }

    /// Bytes in the file of the volumes that alternate, all of them together.
    pub fn block_bytes(&self) -> u64 {
        self.voxel_count().saturating_mul(self.interleaved as u64).saturating_mul(self.stored.bytes())
    }

    pub fn volume_bytes(&self) -> u64 {
        self.voxel_count().saturating_mul(self.stored.bytes_in_memory())
    }
}

/// The sizes of axes that make a volume and its parts.
pub(crate) struct Sizes {
    /// `[k, j, i]`.
    pub shape: [usize; 3],
    pub interleaved: usize,
    pub stacked: usize,
}

impl Sizes {
    /// Fails unless the volume, and the number of them, is within the limits.
    pub fn check(&self, stored: Stored, limits: &Limits) -> Result<(), Error> {
        let product = |numbers: &[usize]| {
            numbers.iter().try_fold(1u64, |n, &m| n.checked_mul(m as u64)).unwrap_or(u64::MAX)
        };
        let (voxels, parts) = (product(&self.shape), product(&[self.interleaved, self.stacked]));
        let checks = [
            ("bytes of a volume", voxels.saturating_mul(stored.bytes_in_memory()), limits.volume_bytes),
            ("volumes of a file", parts, limits.parts as u64),
            (
                "bytes of voxels",
                voxels.saturating_mul(parts).saturating_mul(stored.bytes()),
                limits.file_bytes,
            ),
        ];
        for (what, needed, allowed) in checks {
            if needed > allowed {
                return Err(Error::Limits { what, needed, allowed });
            }
        }
        Ok(())
    }

    pub fn grid(&self, patient_from_index: DAffine3) -> Result<Grid, Error> {
        geometry::check(&patient_from_index)?;
        Ok(Grid::even(self.shape, patient_from_index)?)
    }
}

/// What is known of a file that states no equipment: "other" (PS3.3 C.7.3.1.1.1).
pub(crate) fn unknown_equipment() -> Facts {
    Facts::new(Modality::Other("OT".to_owned()))
}
