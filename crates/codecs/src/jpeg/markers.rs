//! The marker segments around the coded data (T.81 Annex B).

use super::huffman::Huffman;
use super::{malformed, unsupported};
use crate::color::ColorSpace;
use crate::error::{Defect, Error, Feature};

pub(super) const MAX_COMPONENTS: usize = 4;

/// Real progressive codestreams have about ten scans; each costs a pass over all coefficients.
const MAX_SCANS: usize = 256;

/// From the place in a scan to the place in a block (T.81 figure A.6).
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// How the samples are coded (T.81 4.4 to 4.6), always with Huffman codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Process {
    /// Sequential DCT of 8 bits (SOF0).
    Baseline,
    /// Sequential DCT of 8 or 12 bits (SOF1).
    Extended,
    /// Progressive DCT of 8 or 12 bits (SOF2).
    Progressive,
    /// Prediction of samples of 2 to 16 bits (SOF3).
    Lossless,
}

/// A component in the frame header.
#[derive(Clone, Copy, Default)]
pub(super) struct Component {
    pub(super) id: u8,
    pub(super) horizontal: u8,
    pub(super) vertical: u8,
    pub(super) quantisation: usize,
}

/// The frame header (T.81 B.2.2).
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) process: Process,
    pub(super) precision: u8,
    pub(super) width: u16,
    pub(super) height: u16,
    components: [Component; MAX_COMPONENTS],
    component_count: usize,
}

impl Frame {
    /// The components, in their order within a pixel.
    pub(super) fn components(&self) -> &[Component] {
        &self.components[..self.component_count]
    }

    fn parse(process: Process, body: &[u8]) -> Result<Self, Refusal> {
        let &[precision, y1, y0, x1, x0, count, ref specifications @ ..] = body else {
            return Err(Refusal::Length);
        };
        if specifications.len() != 3 * usize::from(count) {
            return Err(Refusal::Length);
        }
        let (height, width) = (u16::from_be_bytes([y1, y0]), u16::from_be_bytes([x1, x0]));
        if width == 0 || count == 0 {
            return Err(Refusal::Defect(Defect::FrameHeader));
        }
        if height == 0 {
            return Err(Refusal::Feature(Feature::LateHeight));
        }
        let possible = match process {
            Process::Baseline => precision == 8,
            Process::Extended | Process::Progressive => matches!(precision, 8 | 12),
            Process::Lossless => (2..=16).contains(&precision),
        };
        if !possible {
            return Err(Refusal::Feature(Feature::SampleBits(precision)));
        }
        let component_count = usize::from(count);
        if component_count > MAX_COMPONENTS {
            return Err(Refusal::Feature(Feature::Components(count)));
        }
        let mut components = [Component::default(); MAX_COMPONENTS];
        for (index, &[id, sampling, table]) in specifications.as_chunks::<3>().0.iter().enumerate() {
            let (horizontal, vertical) = (sampling >> 4, sampling & 0x0F);
            let known = components[..index].iter().any(|other| other.id == id);
            if known || !(1..=4).contains(&horizontal) || !(1..=4).contains(&vertical) {
                return Err(Refusal::Defect(Defect::FrameHeader));
            }
            let quantisation = usize::from(table & 3);
            components[index] = Component { id, horizontal, vertical, quantisation };
        }
        Ok(Self { process, precision, width, height, components, component_count })
    }

    /// The largest sampling factors, horizontal and vertical.
    pub(super) fn sampling(&self) -> (u8, u8) {
        self.components().iter().fold((1, 1), |(h, v), c| (h.max(c.horizontal), v.max(c.vertical)))
    }
}

/// A component in a scan header.
#[derive(Clone, Copy, Default)]
pub(super) struct Selector {
    /// The component's place within a pixel.
    pub(super) component: usize,
    pub(super) dc_table: usize,
    pub(super) ac_table: usize,
}

/// The scan header (T.81 B.2.3).
#[derive(Clone, Copy)]
pub(super) struct Scan {
    selectors: [Selector; MAX_COMPONENTS],
    selector_count: usize,
    /// First coefficient of the spectral band; the predictor of a lossless scan.
    pub(super) start: u8,
    /// Last coefficient of the spectral band.
    pub(super) end: u8,
    /// Point transform of the scan before.
    pub(super) high: u8,
    /// Point transform.
    pub(super) low: u8,
}

impl Scan {
    pub(super) fn selectors(&self) -> &[Selector] {
        &self.selectors[..self.selector_count]
    }
}

/// Why a segment's body was refused.
enum Refusal {
    Length,
    Defect(Defect),
    Feature(Feature),
}

/// The tables that are in force.
#[derive(Default)]
pub(super) struct Tables {
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    /// In zigzag order.
    quantisation: [Option<[u16; 64]>; 4],
    /// MCUs between restart markers; 0 for none.
    pub(super) restart_interval: u32,
}

impl Tables {
    pub(super) fn dc(&self, index: usize) -> Result<&Huffman, Defect> {
        self.dc.get(index).and_then(Option::as_ref).ok_or(Defect::MissingTable)
    }

    pub(super) fn ac(&self, index: usize) -> Result<&Huffman, Defect> {
        self.ac.get(index).and_then(Option::as_ref).ok_or(Defect::MissingTable)
    }

    pub(super) fn quantisation(&self, index: usize) -> Result<&[u16; 64], Defect> {
        self.quantisation.get(index).and_then(Option::as_ref).ok_or(Defect::MissingTable)
    }
}

/// Reads the marker segments of a codestream in their order.
pub(super) struct Markers<'a> {
    codestream: &'a [u8],
    position: usize,
    frame: Option<Frame>,
    pub(super) tables: Tables,
    scans: usize,
    jfif: bool,
    adobe_transform: Option<u8>,
    /// The end-of-image marker was there.
    pub(super) ended: bool,
}

impl<'a> Markers<'a> {
    pub(super) fn open(codestream: &'a [u8]) -> Result<Self, Error> {
        if !codestream.starts_with(&[0xFF, 0xD8]) {
            return Err(malformed(Defect::NoStartOfImage, 0));
        }
        let (frame, tables) = (None, Tables::default());
        Ok(Self {
            codestream,
            position: 2,
            frame,
            tables,
            scans: 0,
            jfif: false,
            adobe_transform: None,
            ended: false,
        })
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn seek(&mut self, position: usize) {
        self.position = position;
    }

    /// What the components are, by the rules that the Independent JPEG Group's decoder made common.
    pub(super) fn color_space(&self, frame: &Frame) -> ColorSpace {
        let ids: Vec<u8> = frame.components().iter().map(|component| component.id).collect();
        match (ids[..].len(), self.adobe_transform) {
            (1, _) => ColorSpace::Gray,
            (3, _) if self.jfif => ColorSpace::Ybr,
            (3, Some(0)) => ColorSpace::Rgb,
            (3, Some(_)) => ColorSpace::Ybr,
            (3, None) if ids == *b"RGB" => ColorSpace::Rgb,
            (3, None) if frame.sampling() != (1, 1) => ColorSpace::Ybr,
            _ => ColorSpace::Unstated,
        }
    }

    /// Reads up to the frame header.
    pub(super) fn frame(&mut self) -> Result<Frame, Error> {
        loop {
            match self.next()? {
                Segment::Frame(frame) => return Ok(frame),
                Segment::Other => {}
                Segment::Scan(_) | Segment::End => return Err(malformed(Defect::MissingScan, self.position)),
            }
        }
    }

    /// Reads up to the first coded byte of the next scan; `None` at the end of the image, marked or not.
    pub(super) fn scan(&mut self) -> Result<Option<Scan>, Error> {
        loop {
            match self.next()? {
                Segment::Scan(scan) => return Ok(Some(scan)),
                Segment::End => return Ok(None),
                Segment::Frame(_) | Segment::Other => {}
            }
        }
    }

    fn next(&mut self) -> Result<Segment, Error> {
        let start = self.position;
        // Many writers forget the end-of-image marker.
        if self.scans > 0 && self.codestream.get(start..).is_none_or(|rest| rest.len() < 2) {
            return Ok(Segment::End);
        }
        let code = self.marker()?;
        if code == 0xD9 {
            self.ended = true;
            return Ok(Segment::End);
        }
        if matches!(code, 0x01 | 0xD0..=0xD8) || code < 0xC0 {
            return Err(malformed(Defect::UnexpectedMarker { code }, start));
        }
        let body = self.body(code)?;
        self.segment(code, body).map_err(|refusal| match refusal {
            Refusal::Length => malformed(Defect::SegmentLength { code }, start),
            Refusal::Defect(defect) => malformed(defect, start),
            Refusal::Feature(feature) => unsupported(feature),
        })
    }

    fn segment(&mut self, code: u8, body: &[u8]) -> Result<Segment, Refusal> {
        match code {
            0xC4 => self.huffman_tables(body)?,
            0xDB => self.quantisation_tables(body)?,
            0xDD => self.restart_interval(body)?,
            0xDA => return self.scan_header(body).map(Segment::Scan),
            0xC0 => return self.frame_header(Process::Baseline, code, body),
            0xC1 => return self.frame_header(Process::Extended, code, body),
            0xC2 => return self.frame_header(Process::Progressive, code, body),
            0xC3 => return self.frame_header(Process::Lossless, code, body),
            0xC5..=0xC7 | 0xCD..=0xCF | 0xDE | 0xDF => {
                return Err(Refusal::Feature(Feature::HierarchicalCoding));
            }
            0xC9..=0xCC => return Err(Refusal::Feature(Feature::ArithmeticCoding)),
            0xDC => return Err(Refusal::Feature(Feature::LateHeight)),
            0xF7 => return Err(Refusal::Feature(Feature::CodingProcess(code))),
            0xE0 if body.starts_with(b"JFIF\0") => self.jfif = true,
            0xEE if body.starts_with(b"Adobe") => self.adobe_transform = body.get(11).copied(),
            0xE0..=0xFE => {}
            _ => return Err(Refusal::Defect(Defect::UnexpectedMarker { code })),
        }
        Ok(Segment::Other)
    }

    /// A marker's second byte, behind any number of fill bytes.
    fn marker(&mut self) -> Result<u8, Error> {
        let start = self.position;
        let found = self.byte()?;
        if found != 0xFF {
            return Err(malformed(Defect::NoMarker { found }, start));
        }
        loop {
            let code = self.byte()?;
            if code != 0xFF {
                return Ok(code);
            }
        }
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let byte = self.codestream.get(self.position).ok_or(malformed(Defect::Truncated, self.position))?;
        self.position += 1;
        Ok(*byte)
    }

    fn body(&mut self, code: u8) -> Result<&'a [u8], Error> {
        let start = self.position;
        let length = usize::from(u16::from_be_bytes([self.byte()?, self.byte()?]));
        if length < 2 {
            return Err(malformed(Defect::SegmentLength { code }, start));
        }
        let body = self.codestream.get(start + 2..start + length);
        self.position = start + length;
        body.ok_or(malformed(Defect::Truncated, self.codestream.len()))
    }

    fn frame_header(&mut self, process: Process, code: u8, body: &[u8]) -> Result<Segment, Refusal> {
        if self.frame.is_some() {
            return Err(Refusal::Defect(Defect::UnexpectedMarker { code }));
        }
        let frame = Frame::parse(process, body)?;
        self.frame = Some(frame);
        Ok(Segment::Frame(frame))
    }

    /// Any number of Huffman tables (T.81 B.2.4.2).
    fn huffman_tables(&mut self, mut body: &[u8]) -> Result<(), Refusal> {
        while let Some((&selector, rest)) = body.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(Refusal::Length)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or(Refusal::Length)?;
            let tables = match selector >> 4 {
                0 => &mut self.tables.dc,
                1 => &mut self.tables.ac,
                _ => return Err(Refusal::Defect(Defect::HuffmanTable)),
            };
            let place = tables.get_mut(usize::from(selector & 0x0F));
            let table = Huffman::new(counts, symbols).map_err(Refusal::Defect)?;
            *place.ok_or(Refusal::Defect(Defect::HuffmanTable))? = Some(table);
            body = rest;
        }
        Ok(())
    }

    /// Any number of quantisation tables (T.81 B.2.4.1).
    fn quantisation_tables(&mut self, mut body: &[u8]) -> Result<(), Refusal> {
        while let Some((&selector, rest)) = body.split_first() {
            let mut table = [0; 64];
            match selector >> 4 {
                0 => {
                    let (bytes, rest) = rest.split_first_chunk::<64>().ok_or(Refusal::Length)?;
                    table.iter_mut().zip(bytes).for_each(|(to, &byte)| *to = u16::from(byte));
                    body = rest;
                }
                1 => {
                    let (bytes, rest) = rest.split_first_chunk::<128>().ok_or(Refusal::Length)?;
                    let words = bytes.as_chunks::<2>().0;
                    table.iter_mut().zip(words).for_each(|(to, &word)| *to = u16::from_be_bytes(word));
                    body = rest;
                }
                _ => return Err(Refusal::Defect(Defect::QuantisationTable)),
            }
            let place = self.tables.quantisation.get_mut(usize::from(selector & 0x0F));
            *place.ok_or(Refusal::Defect(Defect::QuantisationTable))? = Some(table);
        }
        Ok(())
    }

    fn restart_interval(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let &[high, low] = body else { return Err(Refusal::Length) };
        self.tables.restart_interval = u16::from_be_bytes([high, low]).into();
        Ok(())
    }

    fn scan_header(&mut self, body: &[u8]) -> Result<Scan, Refusal> {
        let frame = self.frame.ok_or(Refusal::Defect(Defect::UnexpectedMarker { code: 0xDA }))?;
        let &[count, ref specifications @ .., start, end, approximation] = body else {
            return Err(Refusal::Length);
        };
        let selector_count = usize::from(count);
        if specifications.len() != 2 * selector_count {
            return Err(Refusal::Length);
        }
        let impossible = || Refusal::Defect(Defect::ScanHeader);
        if selector_count == 0 || selector_count > frame.components().len() {
            return Err(impossible());
        }
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(Refusal::Feature(Feature::Scans(MAX_SCANS)));
        }
        let mut selectors = [Selector::default(); MAX_COMPONENTS];
        for (index, &[id, tables]) in specifications.as_chunks::<2>().0.iter().enumerate() {
            let known = frame.components().iter().position(|component| component.id == id);
            let component = known.ok_or_else(impossible)?;
            if selectors[..index].iter().any(|other| other.component == component) {
                return Err(impossible());
            }
            let (dc_table, ac_table) = (usize::from(tables >> 4), usize::from(tables & 0x0F));
            selectors[index] = Selector { component, dc_table, ac_table };
        }
        let (high, low) = (approximation >> 4, approximation & 0x0F);
        Ok(Scan { selectors, selector_count, start, end, high, low })
    }
}

enum Segment {
    Frame(Frame),
    Scan(Scan),
    Other,
    End,
}
