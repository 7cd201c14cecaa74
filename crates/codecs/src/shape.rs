//! The announced shape of a frame.

use crate::error::{Codec, Error, Quantity};

/// The shape of one decoded frame, as the dataset's image pixel module announces it (PS3.3 C.7.6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameShape {
    /// Samples in a row.
    pub columns: u32,
    /// Rows in the frame.
    pub rows: u32,
    /// Components of a pixel.
    pub samples_per_pixel: u16,
    /// Bits that a decoded sample occupies: 8, 16 or 32.
    pub bits_allocated: u16,
}

impl FrameShape {
    /// The size in bytes of the decoded frame.
    ///
    /// # Errors
    /// [`Error::Limits`] where the size cannot be addressed.
    pub fn byte_len(&self) -> Result<usize, Error> {
        let requested = u128::from(self.columns)
            * u128::from(self.rows)
            * u128::from(self.samples_per_pixel)
            * u128::from(self.bits_allocated.div_ceil(8));
        let allowed = isize::MAX.unsigned_abs();
        usize::try_from(requested).ok().filter(|&bytes| bytes <= allowed).ok_or(Error::Limits {
            requested: u64::try_from(requested).unwrap_or(u64::MAX),
            allowed: allowed as u64,
        })
    }

    /// Refuses an output buffer that is not exactly one frame.
    pub(crate) fn check_output(&self, codec: Codec, output: &[u8]) -> Result<(), Error> {
        let expected = self.byte_len()?;
        if output.len() == expected {
            return Ok(());
        }
        Err(Error::Mismatch {
            codec,
            quantity: Quantity::OutputBytes,
            expected: expected as u64,
            found: output.len() as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_computed_without_overflow() {
        let mut shape = FrameShape { columns: 512, rows: 256, samples_per_pixel: 3, bits_allocated: 16 };
        assert_eq!(shape.byte_len(), Ok(512 * 256 * 3 * 2));
        (shape.columns, shape.rows, shape.samples_per_pixel) = (u32::MAX, u32::MAX, u16::MAX);
        assert!(matches!(shape.byte_len(), Err(Error::Limits { requested: u64::MAX, .. })));
    }
}
