//! Decoding the coefficients of one block (T.81 F.2.2, G.1.2, G.2).

use super::bits::Bits;
use super::huffman::Huffman;
use super::markers::ZIGZAG;
use crate::error::Defect;

/// The largest size of a coefficient's difference: 12 bits and 3 for the transform.
const MOST_BITS: u8 = 15;

/// Decodes the difference of a DC coefficient (T.81 F.2.2.1).
#[inline(always)]
pub(super) fn dc_difference(bits: &mut Bits<'_>, table: &Huffman) -> Result<i32, Defect> {
    bits.ensure();
    let size = table.decode(bits)?;
    if size > MOST_BITS {
        return Err(bits.explain(Defect::Coefficient));
    }
    Ok(bits.take_signed(size.into()))
}

/// Decodes the AC coefficients of a sequential block, and multiplies them by their quantisation.
///
/// `quantisation` is in zigzag order, `block` row by row and zero before. Returns the number of coefficients.
#[inline(always)]
pub(super) fn sequential_ac(
    bits: &mut Bits<'_>,
    table: &Huffman,
    quantisation: &[u16; 64],
    block: &mut [i32; 64],
) -> Result<u32, Defect> {
    let (mut k, mut count) = (1usize, 0);
    while k < 64 {
        bits.ensure();
        let symbol = table.decode(bits)?;
        let (run, size) = (usize::from(symbol >> 4), symbol & 0x0F);
        if size == 0 {
            if run < 15 {
                break;
            }
            k += 16;
            continue;
        }
        k += run;
        if k > 63 {
            return Err(bits.explain(Defect::Coefficient));
        }
        let value = bits.take_signed(size.into());
        block[usize::from(ZIGZAG[k])] = value * i32::from(quantisation[k]);
        k += 1;
        count += 1;
    }
    Ok(count)
}

/// What a progressive scan brings: a band of coefficients, and one bit of each or all but some.
#[derive(Clone, Copy)]
pub(super) struct Band {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) low: u32,
}

/// Decodes the first bits of a band of AC coefficients (T.81 G.1.2.2).
pub(super) fn first_ac(
    bits: &mut Bits<'_>,
    table: &Huffman,
    band: Band,
    blocks_to_skip: &mut u32,
    block: &mut [i16; 64],
) -> Result<(), Defect> {
    if *blocks_to_skip > 0 {
        *blocks_to_skip -= 1;
        return Ok(());
    }
    let mut k = band.start;
    while k <= band.end {
        bits.ensure();
        let symbol = table.decode(bits)?;
        let (run, size) = (symbol >> 4, symbol & 0x0F);
        if size == 0 {
            if run < 15 {
                *blocks_to_skip = (1 << run) - 1 + bits.take(run.into());
                return Ok(());
            }
            k += 16;
            continue;
        }
        k += usize::from(run);
        if k > band.end {
            return Err(bits.explain(Defect::Coefficient));
        }
        block[usize::from(ZIGZAG[k])] = (bits.take_signed(size.into()) << band.low) as i16;
        k += 1;
    }
    Ok(())
}

/// Decodes a further bit of a band of AC coefficients (T.81 G.1.2.3).
pub(super) fn further_ac(
    bits: &mut Bits<'_>,
    table: &Huffman,
    band: Band,
    blocks_to_skip: &mut u32,
    block: &mut [i16; 64],
) -> Result<(), Defect> {
    let bit = 1i16 << band.low;
    let mut k = band.start;
    while *blocks_to_skip == 0 && k <= band.end {
        bits.ensure();
        let symbol = table.decode(bits)?;
        let (run, size) = (symbol >> 4, symbol & 0x0F);
        let new = match size {
            0 if run < 15 => {
                // This block is one of those that end here.
                *blocks_to_skip = (1 << run) + bits.take(run.into());
                break;
            }
            0 => 0,
            1 if bits.take(1) == 1 => bit,
            1 => -bit,
            _ => return Err(bits.explain(Defect::Coefficient)),
        };
        k = refine(bits, k, band.end, Some(run), bit, block);
        if k > band.end {
            // A run of zeros may fill the band; a new coefficient must have its place.
            if new != 0 {
                return Err(bits.explain(Defect::Coefficient));
            }
            break;
        }
        if new != 0 {
            block[usize::from(ZIGZAG[k])] = new;
        }
        k += 1;
    }
    if *blocks_to_skip > 0 {
        refine(bits, k, band.end, None, bit, block);
        *blocks_to_skip -= 1;
    }
    Ok(())
}

/// Gives a bit to each known coefficient from `k` on, up to the zero behind a run of `zeros` ones.
fn refine(
    bits: &mut Bits<'_>,
    mut k: usize,
    end: usize,
    zeros: Option<u8>,
    bit: i16,
    block: &mut [i16; 64],
) -> usize {
    let mut left = zeros;
    while k <= end {
        let value = &mut block[usize::from(ZIGZAG[k])];
        if *value != 0 {
            bits.ensure();
            if bits.take(1) == 1 && *value & bit == 0 {
                *value = if *value > 0 { value.wrapping_add(bit) } else { value.wrapping_sub(bit) };
            }
        } else if let Some(zeros) = &mut left {
            if *zeros == 0 {
                break;
            }
            *zeros -= 1;
        }
        k += 1;
    }
    k
}
