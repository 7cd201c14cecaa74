//! TIFF 6.0, with strips compressed by themselves (Adobe's deflate) after differences along rows.

use std::ops::Range;

use anatome_core::{Image, Pixels};
use rayon::prelude::*;

use super::deflate;
use super::strips::{Endian, Rows};
use super::unsupported;
use crate::Result;

/// The types of fields.
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;

pub(super) fn encode(image: &Image) -> Result<Vec<u8>> {
    let rows = Rows::new(image, Endian::Little).ok_or_else(|| unsupported("these pixels in a TIFF"))?;
    let is_float = matches!(image.pixels(), Pixels::Values(_));
    let ranges = rows.strips();
    let strips: Vec<Vec<u8>> = ranges.into_par_iter().map(|strip| encoded(&rows, strip, is_float)).collect();
    let len = strips.iter().map(Vec::len).sum::<usize>();
    let mut out = Vec::with_capacity(len + 16 * strips.len() + 512);
    // The place of the fields comes last.
    out.extend_from_slice(b"II*\0\0\0\0\0");
    let mut places = Vec::new();
    for strip in &strips {
        // At most 2^28 pixels of 4 bytes: below 2^32.
        places.push(out.len() as u32);
        out.extend_from_slice(strip);
    }
    let lengths: Vec<u32> = strips.iter().map(|strip| strip.len() as u32).collect();
    let mut fields = Fields { out: &mut out, fields: Vec::new() };
    let each = |value: u16| vec![value; rows.channels];
    fields.longs(256, &[image.width_px()]);
    fields.longs(257, &[image.height_px()]);
    fields.shorts(258, &each(8 * rows.bytes_per_channel as u16));
    // Floats are as they are: their differences compress no better.
    fields.shorts(259, &[if is_float { 1 } else { 8 }]);
    fields.shorts(262, &[if rows.channels == 3 { 2 } else { 1 }]);
    fields.longs(273, &places);
    fields.shorts(277, &[rows.channels as u16]);
    fields.longs(278, &[rows.rows_per_strip() as u32]);
    fields.longs(279, &lengths);
    // Pixels per cm, in ten-thousandths, or nothing known but that they are square.
    let per_cm = image.plane().map(|plane| (1e5 / plane.pixel_mm).round() as u32);
    let (density, unit) = per_cm.map_or(([1, 1], 1), |n| ([n, 10_000], 3));
    fields.rational(282, density);
    fields.rational(283, density);
    fields.shorts(296, &[unit]);
    fields.shorts(317, &[if is_float { 1 } else { 2 }]);
    fields.shorts(339, &each(if is_float { 3 } else { 1 }));
    fields.finish();
    Ok(out)
}

fn encoded(rows: &Rows<'_>, strip: Range<usize>, is_float: bool) -> Vec<u8> {
    let mut bytes = rows.bytes(strip).into_owned();
    if is_float {
        return bytes;
    }
    for row in bytes.chunks_exact_mut(rows.bytes_per_row()) {
        match (rows.bytes_per_channel, rows.channels) {
            (2, _) => {
                let samples = row.as_chunks_mut::<2>().0;
                let mut before = 0u16;
                for sample in samples {
                    let value = u16::from_le_bytes(*sample);
                    *sample = value.wrapping_sub(before).to_le_bytes();
                    before = value;
                }
            }
            (_, 3) => differences(row.as_chunks_mut::<3>().0),
            _ => differences(row.as_chunks_mut::<1>().0),
        }
    }
    deflate::zlib(&bytes)
}

fn differences<const N: usize>(pixels: &mut [[u8; N]]) {
    let mut before = [0; N];
    for pixel in pixels {
        let here = *pixel;
        *pixel = std::array::from_fn(|n| here[n].wrapping_sub(before[n]));
        before = here;
    }
}

/// The fields of a file, in the order of their tags.
struct Fields<'a> {
    out: &'a mut Vec<u8>,
    fields: Vec<[u8; 12]>,
}

impl Fields<'_> {
    fn shorts(&mut self, tag: u16, values: &[u16]) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.field(tag, SHORT, values.len(), &bytes);
    }

    fn longs(&mut self, tag: u16, values: &[u32]) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.field(tag, LONG, values.len(), &bytes);
    }

    fn rational(&mut self, tag: u16, parts: [u32; 2]) {
        self.field(tag, RATIONAL, 1, parts.map(u32::to_le_bytes).as_flattened());
    }

    /// A field whose value stands in it if it has up to four bytes, and else before all fields.
    fn field(&mut self, tag: u16, kind: u16, count: usize, bytes: &[u8]) {
        let mut value = [0; 4];
        if let Some(value) = value.get_mut(..bytes.len()) {
            value.copy_from_slice(bytes);
        } else {
            self.align();
            value = (self.out.len() as u32).to_le_bytes();
            self.out.extend_from_slice(bytes);
        }
        let mut field = [0; 12];
        field[..2].copy_from_slice(&tag.to_le_bytes());
        field[2..4].copy_from_slice(&kind.to_le_bytes());
        field[4..8].copy_from_slice(&(count as u32).to_le_bytes());
        field[8..].copy_from_slice(&value);
        self.fields.push(field);
    }

    /// Fields and their values begin at even places.
    fn align(&mut self) {
        self.out.resize(self.out.len().next_multiple_of(2), 0);
    }

    fn finish(mut self) {
        self.align();
        let place = (self.out.len() as u32).to_le_bytes();
        self.out.extend_from_slice(&(self.fields.len() as u16).to_le_bytes());
        self.out.extend_from_slice(self.fields.as_flattened());
        self.out.extend_from_slice(&[0; 4]);
        self.out[4..8].copy_from_slice(&place);
    }
}
