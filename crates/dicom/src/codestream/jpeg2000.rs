//! JPEG 2000 and high-throughput JPEG 2000 (ITU-T T.800, T.814): headers are checked here, OpenJPEG decodes.
//!
//! OpenJPEG is C and believes what it reads, so everything that makes it allocate is bounded first, in the main
//! header and in the headers of all tile-parts: dimensions, components, tiles, precincts and layers.

use anatome_codecs::{ColorSpace, FrameShape};

use super::{CodestreamFacts, openjpeg};
use crate::Error;

/// Encoders write a few, at most some dozens; each costs memory for each packet.
const MOST_LAYERS: u16 = 256;
/// Each tile costs OpenJPEG some kilobytes before it is decoded.
const FREE_TILES: u64 = 4096;
/// The least precinct, as a power of two: usual are 7 and 8, and each costs memory.
const LEAST_PRECINCT: u8 = 4;

fn malformed(reason: impl Into<String>) -> Error {
    Error::malformed("JPEG 2000 data", reason)
}

fn unsupported(feature: &str) -> Error {
    Error::unsupported(format!("JPEG 2000 with {feature}"))
}

/// Decodes one frame.
pub(super) fn decode(bytes: &[u8], shape: &FrameShape, samples: &mut [u8]) -> Result<CodestreamFacts, Error> {
    let codestream = unboxed(bytes)?;
    let header = Header::read(codestream, shape)?;
    let size = usize::from(shape.bits_allocated / 8);
    let expected = shape.columns as usize * shape.rows as usize * header.components * size;
    if !matches!(size, 1 | 2 | 4) || samples.len() != expected {
        return Err(unsupported(&format!("{} bits allocated", shape.bits_allocated)));
    }
    let stored = openjpeg::decode(codestream, !header.miscounted, |components| {
        let fits = |c: &openjpeg::Component<'_>| (c.width, c.height) == (shape.columns, shape.rows);
        if components.len() != header.components || !components.iter().all(fits) {
            return false;
        }
        for (place, component) in components.iter().enumerate() {
            store(component.samples, place, components.len(), size, samples);
        }
        true
    });
    if stored != Some(true) {
        return Err(malformed("the codestream is damaged or incomplete"));
    }
    Ok(header.facts(shape))
}

/// Puts one component into the pixels, as little-endian two's complement.
fn store(component: &[i32], place: usize, components: usize, size: usize, samples: &mut [u8]) {
    match (components, size) {
        (1, 1) => samples.iter_mut().zip(component).for_each(|(to, &sample)| *to = sample as u8),
        (1, 2) => {
            let words = samples.as_chunks_mut::<2>().0.iter_mut();
            words.zip(component).for_each(|(to, &sample)| *to = (sample as u16).to_le_bytes());
        }
        _ => {
            for (pixel, sample) in samples.chunks_exact_mut(components * size).zip(component) {
                let bytes = sample.to_le_bytes();
                let to = pixel.iter_mut().skip(place * size).take(size);
                to.zip(bytes).for_each(|(to, byte)| *to = byte);
            }
        }
    }
}

/// The codestream within the boxes of a JP2 file, which some writers leave around it.
fn unboxed(bytes: &[u8]) -> Result<&[u8], Error> {
    if !bytes.starts_with(b"\0\0\0\x0CjP  ") {
        return Ok(bytes);
    }
    let mut rest = bytes;
    while let Some((head, _)) = rest.split_first_chunk::<8>() {
        let [l3, l2, l1, l0, kind @ ..] = *head;
        let (start, length) = match u32::from_be_bytes([l3, l2, l1, l0]) {
            0 => (8, rest.len()),
            1 => {
                let long = rest.get(8..16).and_then(<[u8]>::first_chunk).map(|l| u64::from_be_bytes(*l));
                (16, usize::try_from(long.unwrap_or(0)).unwrap_or(usize::MAX))
            }
            length => (8, length as usize),
        };
        let content =
            rest.get(start..length.min(rest.len())).ok_or_else(|| malformed("a box of no length"))?;
        if kind == *b"jp2c" {
            return Ok(content);
        }
        rest = rest.get(length.max(start)..).unwrap_or_default();
    }
    Err(malformed("the file has no codestream"))
}

/// What the headers say, checked.
#[derive(Debug)]
struct Header {
    components: usize,
    precision: u16,
    signed: bool,
    tiles: u64,
    /// The reversible transform everywhere.
    reversible: bool,
    /// The first three components are colour-transformed.
    transformed: bool,
    /// A tile has more tile-parts than it states, as an old encoder's codestreams have.
    miscounted: bool,
}

impl Header {
    fn read(codestream: &[u8], shape: &FrameShape) -> Result<Self, Error> {
        let Some((&[0xFF, 0x4F, 0xFF, 0x51], _)) = codestream.split_first_chunk::<4>() else {
            return Err(malformed("it does not begin with a codestream's size"));
        };
        let mut segments = Segments { codestream, position: 2 };
        let (_, size) = segments.next()?;
        let mut header = Self::with_size(size, shape)?;
        let mut seen = false;
        loop {
            let start = segments.position;
            match segments.next()? {
                (0x90, tile_part) => {
                    if !seen {
                        return Err(malformed("its coding style is missing"));
                    }
                    return header.tile_parts(codestream, start, tile_part).map(|()| header);
                }
                (0x52, style) => {
                    header.coding_style(style)?;
                    seen = true;
                }
                (marker, body) => header.segment(marker, body)?,
            }
        }
    }

    /// Checks the size segment (T.800 A.5.1) against what the dataset announced.
    fn with_size(body: &[u8], shape: &FrameShape) -> Result<Self, Error> {
        let short = || malformed("its size segment is too short");
        let (fixed, components) = body.split_first_chunk::<36>().ok_or_else(short)?;
        let [capabilities_high, _, rest @ ..] = *fixed;
        let word =
            |index: usize| rest.as_chunks::<4>().0.get(index).map_or(0, |word| u32::from_be_bytes(*word));
        let [width, height, left, top, tile_width, tile_height, tile_left, tile_top] =
            [0, 1, 2, 3, 4, 5, 6, 7].map(word);
        // Bit 15 asks for Part 2, bit 14 for the high-throughput part.
        if capabilities_high & 0x80 != 0 {
            return Err(unsupported("extensions of Part 2"));
        }
        let found = (width.checked_sub(left), height.checked_sub(top));
        if found != (Some(shape.columns), Some(shape.rows)) {
            let (columns, rows) = (found.0.unwrap_or(0), found.1.unwrap_or(0));
            return Err(malformed(format!(
                "it holds {columns} x {rows} pixels, the header says {} x {}",
                shape.columns, shape.rows
            )));
        }
        let count = components.len() / 3;
        if rest.last_chunk::<2>().map(|c| usize::from(u16::from_be_bytes(*c))) != Some(count) || count == 0 {
            return Err(short());
        }
        if count != usize::from(shape.samples_per_pixel) {
            let stated = shape.samples_per_pixel;
            return Err(malformed(format!("it has {count} components, the header says {stated}")));
        }
        let components = components.as_chunks::<3>().0;
        let first = components.first().map_or(0, |component| component[0]);
        if components.iter().any(|&[depth, across, down]| (depth, across, down) != (first, 1, 1)) {
            return Err(unsupported("components of different size or depth"));
        }
        let (precision, signed) = (u16::from(first & 0x7F) + 1, first & 0x80 != 0);
        if precision > shape.bits_allocated.min(31) {
            let allocated = shape.bits_allocated;
            return Err(malformed(format!("its samples have {precision} bits of {allocated} allocated")));
        }
        let across = tiles(width, left, tile_left, tile_width)?;
        let tiles = across * tiles(height, top, tile_top, tile_height)?;
        let pixels = u64::from(shape.columns) * u64::from(shape.rows);
        if tiles > 65_535 || tiles > FREE_TILES + pixels / 1024 {
            return Err(unsupported(&format!("{tiles} tiles")));
        }
        let header = Self {
            components: count,
            precision,
            signed,
            tiles,
            reversible: true,
            transformed: false,
            miscounted: false,
        };
        Ok(header)
    }

    /// Looks through the headers of all tile-parts.
    fn tile_parts(&mut self, codestream: &[u8], start: usize, first: &[u8]) -> Result<(), Error> {
        let mut found = vec![TileParts::default(); usize::try_from(self.tiles).unwrap_or(0)];
        let (mut start, mut head) = (start, first);
        loop {
            let &[t1, t0, p3, p2, p1, p0, part, parts] = head else {
                return Err(malformed("a tile-part's header has a wrong length"));
            };
            let tile = found.get_mut(usize::from(u16::from_be_bytes([t1, t0])));
            let tile = tile.ok_or_else(|| malformed("a tile-part of a tile that there can't be"))?;
            tile.count += 1;
            tile.stated = tile.stated.max(parts);
            self.miscounted |= parts != 0 && part >= parts;
            let mut segments = Segments { codestream, position: start + 12 };
            loop {
                match segments.next()? {
                    (0x93, _) => break,
                    (0x52, style) => self.coding_style(style)?,
                    (marker, body) => self.segment(marker, body)?,
                }
            }
            let length = u32::from_be_bytes([p3, p2, p1, p0]) as usize;
            let end = if length == 0 { codestream.len() } else { start + length };
            if end > codestream.len() || end < segments.position {
                return Err(malformed("it ends within a tile-part"));
            }
            start = end;
            match codestream.get(start..start + 2) {
                Some([0xFF, 0x90]) => {
                    head = Segments { codestream, position: start }.next()?.1;
                }
                // Nothing, the end of the codestream, or padding.
                _ if found.iter().all(|tile| tile.count >= u32::from(tile.stated).max(1)) => return Ok(()),
                _ => return Err(malformed("it ends before its last tile-part")),
            }
        }
    }

    fn segment(&mut self, marker: u8, body: &[u8]) -> Result<(), Error> {
        match marker {
            // Coding style of a component (A.6.2), whose number takes one byte or two.
            0x53 => {
                let number = if self.components < 257 { 1 } else { 2 };
                let &[style, ref parameters @ ..] = body.get(number..).unwrap_or_default() else {
                    return Err(malformed("a coding style is too short"));
                };
                self.parameters(style, parameters)
            }
            0x74..=0x79 => Err(unsupported("extensions of Part 2")),
            0x51 | 0x4F => Err(malformed("a second size segment")),
            _ => Ok(()),
        }
    }

    /// The coding style (A.6.1).
    fn coding_style(&mut self, body: &[u8]) -> Result<(), Error> {
        let &[style, _, l1, l0, transform, ref parameters @ ..] = body else {
            return Err(malformed("a coding style is too short"));
        };
        let layers = u16::from_be_bytes([l1, l0]);
        if !(1..=MOST_LAYERS).contains(&layers) {
            return Err(unsupported(&format!("{layers} layers")));
        }
        self.transformed |= transform != 0;
        self.parameters(style, parameters)
    }

    fn parameters(&mut self, style: u8, parameters: &[u8]) -> Result<(), Error> {
        let &[levels, _, _, _, transform, ref precincts @ ..] = parameters else {
            return Err(malformed("a coding style is too short"));
        };
        if levels > 32 {
            return Err(malformed(format!("{levels} decomposition levels")));
        }
        self.reversible &= transform == 1;
        let least = |size: &u8| (size & 0x0F).min(size >> 4);
        if style & 1 != 0 && precincts.iter().any(|size| least(size) < LEAST_PRECINCT) {
            return Err(unsupported("precincts of less than 16 samples"));
        }
        Ok(())
    }

    fn facts(&self, shape: &FrameShape) -> CodestreamFacts {
        let color = match (shape.samples_per_pixel, self.transformed) {
            (1, _) => ColorSpace::Gray,
            (_, true) => ColorSpace::Rgb,
            (_, false) => ColorSpace::Unstated,
        };
        CodestreamFacts {
            lossy: !self.reversible,
            color,
            precision: Some(self.precision),
            signed: Some(self.signed),
        }
    }
}

/// The parts of a tile that are there, and how many it says it has: 0 where it does not say.
#[derive(Clone, Copy, Default)]
struct TileParts {
    count: u32,
    stated: u8,
}

/// Tiles along one side (T.800 B.3).
fn tiles(end: u32, start: u32, first: u32, size: u32) -> Result<u64, Error> {
    let reaches = first.checked_add(size).is_some_and(|reach| reach > start);
    if size == 0 || first > start || !reaches {
        return Err(malformed("tiles that do not cover the image"));
    }
    Ok(u64::from(end - first).div_ceil(size.into()))
}

/// Marker segments, one after the other.
struct Segments<'a> {
    codestream: &'a [u8],
    position: usize,
}

impl<'a> Segments<'a> {
    /// The next marker's second byte, and its segment's content.
    fn next(&mut self) -> Result<(u8, &'a [u8]), Error> {
        let truncated = || malformed("it ends within its headers");
        let rest = self.codestream.get(self.position..).unwrap_or_default();
        let (&[prefix, marker], rest) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
        if prefix != 0xFF {
            return Err(malformed("a marker is missing"));
        }
        // Start of data has no content (T.800 A.4.3).
        if marker == 0x93 {
            self.position += 2;
            return Ok((marker, &[]));
        }
        let (length, _) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let body = rest.get(2..length).ok_or_else(truncated)?;
        self.position += 2 + length;
        Ok((marker, body))
    }
}
