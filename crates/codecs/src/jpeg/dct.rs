//! Scans of DCT coefficients, sequential and progressive (T.81 Annexes F and G).

use super::bits::Bits;
use super::block::{Band, dc_difference, first_ac, further_ac, sequential_ac};
use super::markers::{Frame, MAX_COMPONENTS, Markers, Process, Scan, Tables, ZIGZAG};
use super::planes::{Plane, write};
use super::{Missing, idct, malformed};
use crate::error::{Defect, Error};
use crate::shape::FrameShape;

/// Decodes all scans of a DCT frame.
pub(super) fn decode(
    codestream: &[u8],
    markers: &mut Markers<'_>,
    frame: &Frame,
    shape: &FrameShape,
    output: &mut [u8],
) -> Result<(), Error> {
    let mut planes = Plane::all(frame)?;
    if frame.process == Process::Progressive {
        progressive(codestream, markers, frame, &mut planes)?;
    } else {
        sequential(codestream, markers, frame, &mut planes)?;
    }
    write(&planes, shape, output);
    Ok(())
}

fn sequential(
    codestream: &[u8],
    markers: &mut Markers<'_>,
    frame: &Frame,
    planes: &mut [Plane],
) -> Result<(), Error> {
    let mut missing = Missing::new(frame);
    while !missing.is_none() {
        let Some(scan) = markers.scan()? else {
            return Err(malformed(Defect::MissingScan, markers.position()));
        };
        if missing.take(&scan) {
            return Err(malformed(Defect::ScanHeader, markers.position()));
        }
        let mut bits = Bits::new(codestream, markers.position());
        let decoded = sequential_scan(&mut bits, frame, &scan, &markers.tables, planes);
        markers.seek(decoded.map_err(|defect| malformed(defect, bits.position()))?);
    }
    Ok(())
}

fn sequential_scan(
    bits: &mut Bits<'_>,
    frame: &Frame,
    scan: &Scan,
    tables: &Tables,
    planes: &mut [Plane],
) -> Result<usize, Defect> {
    let mut coders = Vec::with_capacity(MAX_COMPONENTS);
    for selector in scan.selectors() {
        let quantisation = tables.quantisation(frame.components()[selector.component].quantisation)?;
        coders.push((tables.dc(selector.dc_table)?, tables.ac(selector.ac_table)?, quantisation));
    }
    let mut predictions = [0i32; MAX_COMPONENTS];
    let mut block = [0i32; 64];
    let places = Places::new(frame, scan, planes);
    walk(bits, &places, tables.restart_interval, |bits, visit| {
        let Visit::Block { index, across, down } = visit else {
            predictions = [0; MAX_COMPONENTS];
            return Ok(());
        };
        let (dc, ac, quantisation) = coders[index];
        let prediction = &mut predictions[index];
        *prediction = prediction.wrapping_add(dc_difference(bits, dc)?);
        block = [0; 64];
        block[0] = prediction.wrapping_mul(quantisation[0].into());
        let count = sequential_ac(bits, ac, quantisation, &mut block)?;
        let samples = if count == 0 { [[block[0] as f32 / 8.0; 8]; 8] } else { idct::inverse(&block) };
        planes[scan.selectors()[index].component].store(across, down, &samples, frame.precision);
        Ok(())
    })
}

fn progressive(
    codestream: &[u8],
    markers: &mut Markers<'_>,
    frame: &Frame,
    planes: &mut [Plane],
) -> Result<(), Error> {
    let blocks = |plane: &Plane| vec![[0i16; 64]; plane.blocks_across * plane.blocks_down];
    let mut coefficients: Vec<Vec<[i16; 64]>> = planes.iter().map(blocks).collect();
    let mut missing = Missing::new(frame);
    let mut quantisation = [None; MAX_COMPONENTS];
    // The lowest bit of each coefficient that scans have brought.
    let mut lowest = [[u8::MAX; 64]; MAX_COMPONENTS];
    while let Some(scan) = markers.scan()? {
        missing.take(&scan);
        for selector in scan.selectors() {
            // A table may be replaced once its component is under way.
            let table = markers.tables.quantisation(frame.components()[selector.component].quantisation);
            let table = *table.map_err(|defect| malformed(defect, markers.position()))?;
            quantisation[selector.component].get_or_insert(table);
            let band = usize::from(scan.start)..=usize::from(scan.end);
            lowest[selector.component].get_mut(band).unwrap_or_default().fill(scan.low);
        }
        let mut bits = Bits::new(codestream, markers.position());
        let decoded = progressive_scan(&mut bits, frame, &scan, &markers.tables, planes, &mut coefficients);
        markers.seek(decoded.map_err(|defect| malformed(defect, bits.position()))?);
    }
    if !missing.is_none() {
        return Err(malformed(Defect::MissingScan, markers.position()));
    }
    // An encoder may stop early; data that do so without the end's marker are cut off.
    let mut bits = lowest.iter().take(planes.len()).flatten();
    if !markers.ended && bits.any(|&low| low > 0) {
        return Err(malformed(Defect::Truncated, markers.position()));
    }
    for ((plane, blocks), table) in planes.iter_mut().zip(&coefficients).zip(quantisation) {
        let across = plane.blocks_across;
        for (index, block) in blocks.iter().enumerate() {
            let mut scaled = block.map(i32::from);
            for (&place, &factor) in ZIGZAG.iter().zip(table.iter().flatten()) {
                scaled[usize::from(place)] *= i32::from(factor);
            }
            plane.store(index % across, index / across, &idct::inverse(&scaled), frame.precision);
        }
    }
    Ok(())
}

fn progressive_scan(
    bits: &mut Bits<'_>,
    frame: &Frame,
    scan: &Scan,
    tables: &Tables,
    planes: &[Plane],
    coefficients: &mut [Vec<[i16; 64]>],
) -> Result<usize, Defect> {
    let band = Band { start: scan.start.into(), end: scan.end.into(), low: scan.low.into() };
    let is_dc = band.start == 0;
    // T.81 G.1.1.1: DC alone, or a band of AC of one component; one bit more than before.
    let valid = if is_dc {
        band.end == 0
    } else {
        band.end < 64 && band.start <= band.end && scan.selectors().len() == 1
    };
    if !valid || band.low > 13 || (scan.high > 0 && scan.high != scan.low + 1) {
        return Err(Defect::ScanHeader);
    }
    let is_first = scan.high == 0;
    let mut coders = [None; MAX_COMPONENTS];
    for (coder, selector) in coders.iter_mut().zip(scan.selectors()) {
        *coder = match (is_dc, is_first) {
            (true, true) => Some(tables.dc(selector.dc_table)?),
            (true, false) => None,
            (false, _) => Some(tables.ac(selector.ac_table)?),
        };
    }
    let mut predictions = [0i32; MAX_COMPONENTS];
    let mut blocks_to_skip = 0;
    let places = Places::new(frame, scan, planes);
    walk(bits, &places, tables.restart_interval, |bits, visit| {
        let Visit::Block { index, across, down } = visit else {
            (predictions, blocks_to_skip) = ([0; MAX_COMPONENTS], 0);
            return Ok(());
        };
        let component = scan.selectors()[index].component;
        let block = &mut coefficients[component][down * planes[component].blocks_across + across];
        match (coders[index], is_dc) {
            (Some(table), true) => {
                predictions[index] = predictions[index].wrapping_add(dc_difference(bits, table)?);
                block[0] = (predictions[index] << band.low) as i16;
            }
            (None, _) => {
                bits.ensure();
                block[0] |= (bits.take(1) << band.low) as i16;
            }
            (Some(table), false) if is_first => first_ac(bits, table, band, &mut blocks_to_skip, block)?,
            (Some(table), false) => further_ac(bits, table, band, &mut blocks_to_skip, block)?,
        }
        Ok(())
    })
}

/// Where the blocks of a scan stand.
struct Places {
    /// MCUs across and down.
    mcus: (usize, usize),
    /// For each component of the scan: blocks of an MCU, across and down.
    groups: [(usize, usize); MAX_COMPONENTS],
    count: usize,
}

impl Places {
    /// A scan of one component goes through its own blocks (T.81 A.2.2), one of several through MCUs (A.2.3).
    fn new(frame: &Frame, scan: &Scan, planes: &[Plane]) -> Self {
        let mut groups = [(1, 1); MAX_COMPONENTS];
        let count = scan.selectors().len();
        if let [selector] = scan.selectors() {
            return Self { mcus: planes[selector.component].own_blocks, groups, count };
        }
        for (group, selector) in groups.iter_mut().zip(scan.selectors()) {
            let component = frame.components()[selector.component];
            *group = (usize::from(component.horizontal), usize::from(component.vertical));
        }
        let (h_max, v_max) = frame.sampling();
        let across = usize::from(frame.width).div_ceil(8 * usize::from(h_max));
        let down = usize::from(frame.height).div_ceil(8 * usize::from(v_max));
        Self { mcus: (across, down), groups, count }
    }
}

enum Visit {
    /// A block of the scan's component `index`.
    Block { index: usize, across: usize, down: usize },
    /// An interval begins: nothing is known of blocks before.
    Restart,
}

/// Goes through the blocks of a scan; returns the position behind it.
#[inline(always)]
fn walk<'a>(
    bits: &mut Bits<'a>,
    places: &Places,
    restart_interval: u32,
    mut visit: impl FnMut(&mut Bits<'a>, Visit) -> Result<(), Defect>,
) -> Result<usize, Defect> {
    let (mut until_restart, mut number) = (restart_interval, 0);
    for row in 0..places.mcus.1 {
        for column in 0..places.mcus.0 {
            if restart_interval > 0 && until_restart == 0 {
                bits.restart(number)?;
                visit(bits, Visit::Restart)?;
                (until_restart, number) = (restart_interval, (number + 1) % 8);
            }
            until_restart = until_restart.saturating_sub(1);
            for (index, &(across, down)) in places.groups.iter().take(places.count).enumerate() {
                for y in 0..down {
                    for x in 0..across {
                        let (across, down) = (column * across + x, row * down + y);
                        visit(bits, Visit::Block { index, across, down })?;
                    }
                }
            }
        }
        if bits.overrun() {
            return Err(Defect::Truncated);
        }
    }
    bits.finish()
}
