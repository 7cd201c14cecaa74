//! Lossless scans: samples predicted from their neighbours, with coded differences (T.81 Annex H).

use super::bits::Bits;
use super::huffman::Differences;
use super::markers::{Frame, Markers, Scan, Tables};
use super::{Missing, malformed, unsupported};
use crate::error::{Defect, Error, Feature};
use crate::shape::FrameShape;

/// Decodes all scans of a lossless frame.
pub(super) fn decode(
    codestream: &[u8],
    markers: &mut Markers<'_>,
    frame: &Frame,
    shape: &FrameShape,
    output: &mut [u8],
) -> Result<(), Error> {
    let sampling = |component: &super::markers::Component| (component.horizontal, component.vertical);
    let first = frame.components().first().map(sampling);
    if frame.components().iter().any(|component| Some(sampling(component)) != first) {
        return Err(unsupported(Feature::Subsampling));
    }
    let mut missing = Missing::new(frame);
    while !missing.is_none() {
        let Some(scan) = markers.scan()? else {
            return Err(malformed(Defect::MissingScan, markers.position()));
        };
        let start = markers.position();
        if missing.take(&scan) {
            return Err(malformed(Defect::ScanHeader, start));
        }
        let mut bits = Bits::new(codestream, start);
        let target = Target { columns: shape.columns as usize, bytes: usize::from(shape.bits_allocated / 8) };
        let components = frame.components().len();
        let decoded = match scan.selectors().len() {
            1 => decode_scan::<1>(&mut bits, frame, &scan, &markers.tables, &target, components, output),
            2 => decode_scan::<2>(&mut bits, frame, &scan, &markers.tables, &target, components, output),
            3 => decode_scan::<3>(&mut bits, frame, &scan, &markers.tables, &target, components, output),
            _ => decode_scan::<4>(&mut bits, frame, &scan, &markers.tables, &target, components, output),
        };
        let end = decoded.map_err(|defect| malformed(defect, bits.position()))?;
        markers.seek(end);
    }
    Ok(())
}

/// How samples are stored.
struct Target {
    columns: usize,
    bytes: usize,
}

impl Target {
    /// Puts one component of a line into the pixels of a row.
    fn store(&self, samples: impl Iterator<Item = u16>, place: usize, components: usize, row: &mut [u8]) {
        let size = components * self.bytes;
        match (components, self.bytes) {
            (1, 1) => row.iter_mut().zip(samples).for_each(|(to, sample)| *to = sample as u8),
            (1, _) => {
                let words = row.as_chunks_mut::<2>().0.iter_mut();
                words.zip(samples).for_each(|(to, sample)| *to = sample.to_le_bytes());
            }
            (_, 1) => {
                let pixels = row.chunks_exact_mut(size);
                pixels.zip(samples).for_each(|(pixel, sample)| pixel[place] = sample as u8);
            }
            _ => {
                for (pixel, sample) in row.chunks_exact_mut(size).zip(samples) {
                    pixel[2 * place..2 * place + 2].copy_from_slice(&sample.to_le_bytes());
                }
            }
        }
    }
}

/// Decodes a scan of `N` components that take turns at each pixel; returns the position behind it.
fn decode_scan<const N: usize>(
    bits: &mut Bits<'_>,
    frame: &Frame,
    scan: &Scan,
    tables: &Tables,
    target: &Target,
    components: usize,
    output: &mut [u8],
) -> Result<usize, Defect> {
    let (columns, point) = (target.columns, u32::from(scan.low));
    if !(1..=7).contains(&scan.start) || point >= u32::from(frame.precision) {
        return Err(Defect::ScanHeader);
    }
    let mut differences = Vec::with_capacity(N);
    for selector in scan.selectors() {
        differences.push(Differences::new(tables.dc(selector.dc_table)?));
    }
    let differences = <[Differences<'_>; N]>::try_from(differences).map_err(|_| Defect::ScanHeader)?;
    let interval = rows_of_interval(tables.restart_interval, columns)?;
    let initial = [1u16 << (u32::from(frame.precision) - point - 1); N];
    let (mut above, mut current) = (vec![[0u16; N]; columns], vec![[0u16; N]; columns]);
    let row_bytes = columns * components * target.bytes;
    for (y, row) in output.chunks_exact_mut(row_bytes).enumerate() {
        let is_first = y.checked_rem(interval).unwrap_or(y) == 0;
        if is_first && y > 0 {
            bits.restart(((y / interval - 1) % 8) as u8)?;
        }
        let start = if is_first { initial } else { above[0] };
        // The first row of an interval knows no row above it.
        let predictor = if is_first { 1 } else { scan.start };
        decode_row(bits, &differences, predictor, start, &above, &mut current)?;
        if bits.overrun() {
            return Err(Defect::Truncated);
        }
        for (index, selector) in scan.selectors().iter().enumerate() {
            let samples = current.iter().map(|pixel| pixel[index] << point);
            target.store(samples, selector.component, components, row);
        }
        std::mem::swap(&mut above, &mut current);
    }
    bits.finish()
}

/// Rows between restart markers, 0 for none: whole rows only (T.81 H.1.1).
fn rows_of_interval(pixels: u32, columns: usize) -> Result<usize, Defect> {
    let pixels = pixels as usize;
    if pixels.is_multiple_of(columns) { Ok(pixels / columns) } else { Err(Defect::ScanHeader) }
}

fn decode_row<const N: usize>(
    bits: &mut Bits<'_>,
    differences: &[Differences<'_>; N],
    predictor: u8,
    start: [u16; N],
    above: &[[u16; N]],
    current: &mut [[u16; N]],
) -> Result<(), Defect> {
    match predictor {
        1 => row(bits, differences, start, above, current, |a, _, _| a),
        2 => row(bits, differences, start, above, current, |_, b, _| b),
        3 => row(bits, differences, start, above, current, |_, _, c| c),
        4 => row(bits, differences, start, above, current, |a, b, c| a + b - c),
        5 => row(bits, differences, start, above, current, |a, b, c| a + ((b - c) >> 1)),
        6 => row(bits, differences, start, above, current, |a, b, c| b + ((a - c) >> 1)),
        _ => row(bits, differences, start, above, current, |a, b, _| (a + b) >> 1),
    }
}

/// Decodes a row; `predict` gets the neighbours to the left (Ra), above (Rb) and above left (Rc) (T.81 H.1.2.1).
#[inline(always)]
fn row<const N: usize>(
    bits: &mut Bits<'_>,
    differences: &[Differences<'_>; N],
    start: [u16; N],
    above: &[[u16; N]],
    current: &mut [[u16; N]],
    predict: impl Fn(i32, i32, i32) -> i32,
) -> Result<(), Defect> {
    let (Some((first, rest)), Some((corner, above))) = (current.split_first_mut(), above.split_first())
    else {
        return Ok(());
    };
    let (mut left, mut corner) = (start, *corner);
    for i in 0..N {
        left[i] = left[i].wrapping_add(differences[i].decode(bits)?);
    }
    *first = left;
    for (pixel, upper) in rest.iter_mut().zip(above) {
        for i in 0..N {
            let prediction = predict(left[i].into(), upper[i].into(), corner[i].into());
            left[i] = (prediction as u16).wrapping_add(differences[i].decode(bits)?);
        }
        *pixel = left;
        corner = *upper;
    }
    Ok(())
}
