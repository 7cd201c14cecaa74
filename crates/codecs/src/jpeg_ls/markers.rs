//! The marker segments around the coded samples (T.87 Annex C).

use super::parameters::Presets;
use super::{malformed, unsupported};
use crate::error::{Defect, Error, Feature};

pub(super) const MAX_COMPONENTS: usize = 4;

const START_OF_IMAGE: u8 = 0xD8;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const DEFINE_RESTART_INTERVAL: u8 = 0xDD;
const START_OF_FRAME_LS: u8 = 0xF7;
const PRESET_PARAMETERS: u8 = 0xF8;
const APPLICATION_8: u8 = 0xE8;
const COMMENT: u8 = 0xFE;

/// The frame header (T.87 C.2.2).
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) precision: u8,
    ids: [u8; MAX_COMPONENTS],
    component_count: usize,
}

impl Frame {
    /// The identifiers of the components, in their order within a pixel.
    pub(super) fn components(&self) -> &[u8] {
        &self.ids[..self.component_count]
    }

    fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let &[precision, y1, y0, x1, x0, count, ref specifications @ ..] = body else {
            return Err(Refusal::Length);
        };
        if specifications.len() != 3 * usize::from(count) {
            return Err(Refusal::Length);
        }
        let (height, width) = (u16::from_be_bytes([y1, y0]), u16::from_be_bytes([x1, x0]));
        if width == 0 || height == 0 || count == 0 || !(2..=16).contains(&precision) {
            return Err(Refusal::Defect(Defect::FrameHeader));
        }
        let component_count = usize::from(count);
        if component_count > MAX_COMPONENTS {
            return Err(Refusal::Feature(Feature::Components(count)));
        }
        let specifications = specifications.as_chunks::<3>().0;
        let mut ids = [0; MAX_COMPONENTS];
        for (index, &[id, sampling, _]) in specifications.iter().enumerate() {
            if ids[..index].contains(&id) {
                return Err(Refusal::Defect(Defect::FrameHeader));
            }
            if sampling != specifications[0][1] {
                return Err(Refusal::Feature(Feature::Subsampling));
            }
            ids[index] = id;
        }
        Ok(Self { width, height, precision, ids, component_count })
    }
}

/// How the components of a scan take turns (T.87 C.2.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Interleave {
    Line,
    Sample,
}

/// Everything that the markers say about the scan that follows them.
pub(super) struct Scan {
    pub(super) frame: Frame,
    pub(super) presets: Presets,
    /// Lines between restart markers; 0 for none.
    pub(super) restart_interval: u32,
    pub(super) near: u16,
    pub(super) interleave: Interleave,
    components: [usize; MAX_COMPONENTS],
    component_count: usize,
}

impl Scan {
    /// The places within a pixel of the components of this scan.
    pub(super) fn components(&self) -> &[usize] {
        &self.components[..self.component_count]
    }
}

/// Why a segment's body was refused.
enum Refusal {
    Length,
    Defect(Defect),
    Feature(Feature),
}

/// Reads the marker segments of a codestream in their order.
pub(super) struct Markers<'a> {
    codestream: &'a [u8],
    position: usize,
    frame: Option<Frame>,
    presets: Presets,
    restart_interval: u32,
}

impl<'a> Markers<'a> {
    pub(super) fn open(codestream: &'a [u8]) -> Result<Self, Error> {
        if !codestream.starts_with(&[0xFF, START_OF_IMAGE]) {
            return Err(malformed(Defect::NoStartOfImage, 0));
        }
        let presets = Presets::default();
        Ok(Self { codestream, position: 2, frame: None, presets, restart_interval: 0 })
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn seek(&mut self, position: usize) {
        self.position = position;
    }

    /// Reads up to the first byte of the next scan's coded samples, or to the end of the image.
    pub(super) fn next_scan(&mut self) -> Result<Option<Scan>, Error> {
        loop {
            let start = self.position;
            let code = self.marker()?;
            if code == END_OF_IMAGE {
                return Ok(None);
            }
            if matches!(code, 0x01 | 0xD0..=START_OF_IMAGE) || code < 0xC0 {
                return Err(malformed(Defect::UnexpectedMarker { code }, start));
            }
            let body = self.body(code)?;
            let read = match code {
                START_OF_SCAN => match self.scan(body) {
                    Ok(scan) => return Ok(Some(scan)),
                    Err(refusal) => Err(refusal),
                },
                START_OF_FRAME_LS if self.frame.is_some() => {
                    Err(Refusal::Defect(Defect::UnexpectedMarker { code }))
                }
                START_OF_FRAME_LS => Frame::parse(body).map(|frame| self.frame = Some(frame)),
                PRESET_PARAMETERS => self.preset(body),
                DEFINE_RESTART_INTERVAL => self.restart(body),
                APPLICATION_8 => colour_transform(body),
                0xE0..=0xEF | COMMENT => Ok(()),
                0xC0..=0xCF => Err(Refusal::Feature(Feature::CodingProcess(code))),
                _ => Err(Refusal::Defect(Defect::UnexpectedMarker { code })),
            };
            read.map_err(|refusal| match refusal {
                Refusal::Length => malformed(Defect::SegmentLength { code }, start),
                Refusal::Defect(defect) => malformed(defect, start),
                Refusal::Feature(feature) => unsupported(feature),
            })?;
        }
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let byte = self.codestream.get(self.position).ok_or(malformed(Defect::Truncated, self.position))?;
        self.position += 1;
        Ok(*byte)
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

    /// A preset parameter segment (T.87 C.2.4.1).
    fn preset(&mut self, body: &[u8]) -> Result<(), Refusal> {
        match *body {
            [1, m1, m0, a1, a0, b1, b0, c1, c0, r1, r0] => {
                let [max_value, t1, t2, t3, reset] =
                    [[m1, m0], [a1, a0], [b1, b0], [c1, c0], [r1, r0]].map(u16::from_be_bytes);
                self.presets = Presets { max_value, thresholds: [t1, t2, t3], reset };
                Ok(())
            }
            [1, ..] => Err(Refusal::Length),
            [2 | 3, ..] => Err(Refusal::Feature(Feature::MappingTable)),
            [kind, ..] => Err(Refusal::Feature(Feature::PresetType(kind))),
            [] => Err(Refusal::Length),
        }
    }

    /// The restart interval, in lines, of 2 to 4 bytes (T.87 C.2.5).
    fn restart(&mut self, body: &[u8]) -> Result<(), Refusal> {
        if !(2..=4).contains(&body.len()) {
            return Err(Refusal::Length);
        }
        self.restart_interval = body.iter().fold(0, |lines, &byte| lines << 8 | u32::from(byte));
        Ok(())
    }

    /// The scan header (T.87 C.2.3).
    fn scan(&self, body: &[u8]) -> Result<Scan, Refusal> {
        let frame = self.frame.ok_or(Refusal::Defect(Defect::UnexpectedMarker { code: START_OF_SCAN }))?;
        let &[count, ref selectors @ .., near, interleave, transform] = body else {
            return Err(Refusal::Length);
        };
        let component_count = usize::from(count);
        if selectors.len() != 2 * component_count {
            return Err(Refusal::Length);
        }
        let impossible = || Refusal::Defect(Defect::ScanHeader);
        if component_count == 0 || component_count > frame.components().len() {
            return Err(impossible());
        }
        let mut components = [0; MAX_COMPONENTS];
        for (place, &[id, table]) in components.iter_mut().zip(selectors.as_chunks::<2>().0) {
            if table != 0 {
                return Err(Refusal::Feature(Feature::MappingTable));
            }
            *place = frame.components().iter().position(|&known| known == id).ok_or_else(impossible)?;
        }
        let interleave = match interleave {
            // A single component takes no turns, whatever the header says.
            0..=2 if count == 1 => Interleave::Line,
            1 => Interleave::Line,
            2 => Interleave::Sample,
            _ => return Err(impossible()),
        };
        if transform & 0x0F != 0 {
            return Err(Refusal::Feature(Feature::PointTransform(transform & 0x0F)));
        }
        let (presets, restart_interval) = (self.presets, self.restart_interval);
        let near = u16::from(near);
        Ok(Scan { frame, presets, restart_interval, near, interleave, components, component_count })
    }
}

/// Hewlett-Packard's colour transform segment: anything but "none" is refused.
fn colour_transform(body: &[u8]) -> Result<(), Refusal> {
    match *body {
        [b'm', b'r', b'f', b'x', transform, ..] if transform != 0 => {
            Err(Refusal::Feature(Feature::ColourTransform(transform)))
        }
        _ => Ok(()),
    }
}
