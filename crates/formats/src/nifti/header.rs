//! The fields of a NIfTI header that say what voxels are and where.

use crate::Error;
use crate::nifti::{NIFTI1_BYTES, NIFTI2_BYTES};
use crate::recognise::Format;

/// Fields of either version in one form; not checked.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub format: Format,
    pub big_endian: bool,
    /// The voxels are in a file of their own.
    pub is_pair: bool,
    pub datatype: i64,
    pub dim: [i64; 8],
    pub pixdim: [f64; 8],
    pub first_voxel: f64,
    pub slope: f64,
    pub intercept: f64,
    /// The lowest and highest value to be shown.
    pub shown_range: [f64; 2],
    pub units: u8,
    pub qform_code: i64,
    pub sform_code: i64,
    pub quaternion_bcd: [f64; 3],
    pub qoffset: [f64; 3],
    pub srows: [[f64; 4]; 3],
}

impl Header {
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |reason| Err(Error::malformed("NIfTI header", reason));
        let Some(&size) = bytes.first_chunk::<4>() else { return malformed("it ends early") };
        let (version, big_endian) = match (u32::from_le_bytes(size), u32::from_be_bytes(size)) {
            (348, _) => (1, false),
            (_, 348) => (1, true),
            (540, _) => (2, false),
            (_, 540) => (2, true),
            _ => return malformed("it states no size of a NIfTI header"),
        };
        let at = At { bytes, big_endian };
        let bytes_needed = if version == 1 { NIFTI1_BYTES } else { NIFTI2_BYTES };
        if bytes.len() < bytes_needed {
            return malformed("it ends early");
        }
        if version == 1 {
            let is_pair = match bytes.get(344..348) {
                Some(b"n+1\0") => false,
                Some(b"ni1\0") => true,
                _ => return Err(Error::unsupported("ANALYZE 7.5, which does not say where the patient is,")),
            };
            Ok(at.nifti1(is_pair))
        } else {
            let is_pair = match bytes.get(4..8) {
                Some(b"n+2\0") => false,
                Some(b"ni2\0") => true,
                _ => return malformed("it does not say that it is one"),
            };
            Ok(at.nifti2(is_pair))
        }
    }
}

/// Numbers at offsets; what lies beyond the end is zero, but lengths are checked before.
struct At<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl At<'_> {
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = self.bytes.get(at..).and_then(|b| b.first_chunk()).copied().unwrap_or([0; N]);
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn i16(&self, at: usize) -> i64 {
        i64::from(i16::from_le_bytes(self.array(at)))
    }

    fn i32(&self, at: usize) -> i64 {
        i64::from(i32::from_le_bytes(self.array(at)))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.array(at))
    }

    fn f32(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.array(at)))
    }

    fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.array(at))
    }

    fn nifti1(&self, is_pair: bool) -> Header {
        Header {
            format: Format::Nifti1,
            big_endian: self.big_endian,
            is_pair,
            dim: std::array::from_fn(|n| self.i16(40 + 2 * n)),
            datatype: self.i16(70),
            pixdim: std::array::from_fn(|n| self.f32(76 + 4 * n)),
            first_voxel: self.f32(108),
            slope: self.f32(112),
            intercept: self.f32(116),
            units: self.bytes.get(123).copied().unwrap_or(0),
            shown_range: [self.f32(128), self.f32(124)],
            qform_code: self.i16(252),
            sform_code: self.i16(254),
            quaternion_bcd: std::array::from_fn(|n| self.f32(256 + 4 * n)),
            qoffset: std::array::from_fn(|n| self.f32(268 + 4 * n)),
            srows: std::array::from_fn(|row| std::array::from_fn(|n| self.f32(280 + 16 * row + 4 * n))),
        }
    }

    fn nifti2(&self, is_pair: bool) -> Header {
        Header {
            format: Format::Nifti2,
            big_endian: self.big_endian,
            is_pair,
            datatype: self.i16(12),
            dim: std::array::from_fn(|n| self.i64(16 + 8 * n)),
            pixdim: std::array::from_fn(|n| self.f64(104 + 8 * n)),
            first_voxel: self.i64(168) as f64,
            slope: self.f64(176),
            intercept: self.f64(184),
            shown_range: [self.f64(200), self.f64(192)],
            qform_code: self.i32(344),
            sform_code: self.i32(348),
            quaternion_bcd: std::array::from_fn(|n| self.f64(352 + 8 * n)),
            qoffset: std::array::from_fn(|n| self.f64(376 + 8 * n)),
            srows: std::array::from_fn(|row| std::array::from_fn(|n| self.f64(400 + 32 * row + 8 * n))),
            units: self.i32(500) as u8,
        }
    }
}
