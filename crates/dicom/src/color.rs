//! Decoded colour samples to RGB of 8 bits (PS3.3 C.7.6.3.1.2), and palettes (C.7.6.3.1.5, C.7.6.3.1.6, C.7.9.2).

use anatome_codecs::ColorSpace;
use anatome_core::{NoteCode, Notes};
use dicom_core::Tag;
use dicom_dictionary_std::tags;

use crate::Error;
use crate::elements::{Encoding, Fields};
use crate::format::{FrameFormat, Photometric};

/// Entries of a palette at most.
const MOST_ENTRIES: usize = 65_536;

/// Three lookup tables of 8 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Palette([Table; 3]);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Table {
    first_mapped: i64,
    entries: Vec<u8>,
}

impl Table {
    fn get(&self, stored: i64) -> u8 {
        let last = self.entries.len().saturating_sub(1) as i64;
        let n = stored.saturating_sub(self.first_mapped).clamp(0, last);
        self.entries.get(n as usize).copied().unwrap_or(0)
    }
}

/// Colours for the highest stored values of a greyscale image, such as flow upon anatomy (PS3.3 C.7.6.19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupplementalPalette {
    palette: Palette,
    first_mapped: i64,
}

impl SupplementalPalette {
    pub(crate) fn new(fields: Fields<'_>, signed: bool, notes: &mut Notes) -> Result<Self, Error> {
        let palette = Palette::new(fields, signed, notes)?;
        let Palette([red, green, blue]) = &palette;
        let first_mapped = red.first_mapped;
        if [green, blue].into_iter().any(|table| table.first_mapped != first_mapped) {
            return Err(malformed("its colours begin at different values"));
        }
        Ok(Self { palette, first_mapped })
    }

    /// The lowest stored value that is a colour: those below are grey.
    #[must_use]
    pub fn first_mapped(&self) -> i64 {
        self.first_mapped
    }

    /// Red, green and blue of a stored value; `None` for grey.
    #[must_use]
    pub fn rgb(&self, stored: f64) -> Option<[u8; 3]> {
        let Palette(tables) = &self.palette;
        (stored >= self.first_mapped as f64).then(|| tables.each_ref().map(|table| table.get(stored as i64)))
    }
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::malformed("palette", reason)
}

/// Descriptor, entries, segmented entries.
const TABLES: [[Tag; 3]; 3] = [
    [
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ],
    [
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ],
    [
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ],
];

impl Palette {
    /// Reads the palette of an image whose samples are `signed`.
    pub fn new(fields: Fields<'_>, signed: bool, notes: &mut Notes) -> Result<Self, Error> {
        let mut bits = 8;
        let mut table = |[descriptor, data, segmented]: [Tag; 3]| {
            let numbers = fields.numbers(descriptor);
            let &[count, first, stated] = numbers.as_slice() else { return Err(malformed("no descriptor")) };
            let count = match count as i64 & 0xFFFF {
                0 => MOST_ENTRIES,
                count => count as usize,
            };
            let first = first as i64 & 0xFFFF;
            let first_mapped = if signed && first >= 0x8000 { first - 0x1_0000 } else { first };
            let encoding = fields.encoding(data);
            let wide = stated == 16.0;
            let entries = match (fields.value(data), fields.value(segmented)) {
                (Some(bytes), _) => plain(bytes, count, encoding)?,
                (None, Some(bytes)) => segments(bytes, count, wide, fields.encoding(segmented))?,
                (None, None) => return Err(malformed("no entries")),
            };
            bits = if wide { 16 } else { bits };
            Ok((first_mapped, entries))
        };
        let [red, green, blue] = TABLES.map(&mut table);
        let tables = [red?, green?, blue?];
        let narrow = tables.iter().all(|(_, entries)| entries.iter().all(|&entry| entry < 256));
        if bits == 16 && narrow {
            notes.add(NoteCode::Tolerated, "a palette that states 16 bits and has 8");
        } else if bits == 16 {
            notes.add(NoteCode::Converted, REDUCED);
        }
        let reduce = |entry: u16| if narrow { entry as u8 } else { to_8_bits(entry.into(), 65_535) };
        Ok(Self(tables.map(|(first_mapped, entries)| Table {
            first_mapped,
            entries: entries.into_iter().map(reduce).collect(),
        })))
    }
}

/// What is noted where more than 8 bits a colour become 8.
const REDUCED: &str = "colours of more than 8 bits are reduced to 8: v x 255 / (2^n - 1), rounded";

/// Entries of 16 bits, or of 8, which may be packed two in a word.
fn plain(bytes: &[u8], count: usize, encoding: Encoding) -> Result<Vec<u16>, Error> {
    if bytes.len() >= 2 * count {
        Ok(bytes.as_chunks::<2>().0.iter().take(count).map(|&b| encoding.u16(b)).collect())
    } else if bytes.len() >= count {
        Ok(bytes.iter().take(count).map(|&b| b.into()).collect())
    } else {
        Err(malformed("fewer entries than its descriptor says"))
    }
}

/// PS3.3 C.7.9.2: discrete, linear and indirect segments.
fn segments(bytes: &[u8], count: usize, wide: bool, encoding: Encoding) -> Result<Vec<u16>, Error> {
    let words: Vec<u16> = if wide {
        bytes.as_chunks::<2>().0.iter().map(|&b| encoding.u16(b)).collect()
    } else {
        bytes.iter().map(|&b| b.into()).collect()
    };
    let mut entries = Vec::new();
    let mut rest = words.as_slice();
    // What is left behind an indirect segment, which may not hold another one.
    let mut resume: Option<(&[u16], usize)> = None;
    while entries.len() < count {
        if let Some((after, 0)) = resume {
            (rest, resume) = (after, None);
        }
        let (&[opcode, length], after) =
            rest.split_first_chunk::<2>().ok_or_else(|| malformed("it ends early"))?;
        let length = usize::from(length);
        let short = || malformed("a segment ends early");
        match opcode {
            0 => {
                let (values, next) = after.split_at_checked(length).ok_or_else(short)?;
                entries.extend_from_slice(values);
                rest = next;
            }
            1 => {
                let (&to, next) = after.split_first().ok_or_else(short)?;
                let &from = entries.last().ok_or_else(|| malformed("it begins with a line"))?;
                let (from, to) = (f64::from(from), f64::from(to));
                let step = |n: usize| (from + (to - from) * n as f64 / length as f64).round() as u16;
                entries.extend((1..=length).map(step));
                rest = next;
            }
            2 if resume.is_none() => {
                let width = if wide { 2 } else { 4 };
                let (offset, next) = after.split_at_checked(width).ok_or_else(short)?;
                let shift = if wide { 16 } else { 8 };
                let at = offset.iter().rev().fold(0usize, |at, &part| at << shift | usize::from(part));
                let at = if wide { at / 2 } else { at };
                rest = words.get(at..).ok_or_else(short)?;
                resume = Some((next, length + 1));
            }
            _ => return Err(malformed("a segment of unknown kind")),
        }
        if let Some((_, left)) = &mut resume {
            *left -= 1;
        } else if length == 0 && opcode != 2 {
            return Err(malformed("an empty segment"));
        }
    }
    entries.truncate(count);
    Ok(entries)
}

fn to_8_bits(value: u32, most: u32) -> u8 {
    ((u64::from(value) * 255 + u64::from(most) / 2) / u64::from(most.max(1))).min(255) as u8
}

/// Turns decoded samples into RGB, three bytes a pixel. `stated` is what the codestream says of its colours: where it
/// contradicts the dataset it is right, because its encoder wrote both at once.
pub(crate) fn to_rgb8(
    format: &FrameFormat,
    stated: Option<ColorSpace>,
    palette: Option<&Palette>,
    raw: &[u8],
    rgb: &mut [u8],
    notes: &mut Notes,
) {
    let pixels = rgb.as_chunks_mut::<3>().0.iter_mut();
    if let Some(Palette(tables)) = palette {
        let mut pixels = pixels;
        format.for_each(raw, |stored| {
            if let Some(pixel) = pixels.next() {
                *pixel = [0, 1, 2].map(|n: usize| tables.get(n).map_or(0, |table| table.get(stored as i64)));
            }
        });
        return;
    }
    let is_partial = format.photometric == Photometric::YbrPartial422 && stated.is_none();
    let is_ybr = matches!(format.photometric, Photometric::YbrFull) || format.photometric.is_422();
    let ybr = match stated {
        Some(ColorSpace::Rgb) => false,
        Some(ColorSpace::Ybr) => true,
        _ => is_ybr,
    };
    if ybr != is_ybr && format.photometric != Photometric::OfCodestream {
        notes
            .add(NoteCode::Tolerated, "the compressed colours are not what the dataset says; theirs is used");
    }
    let most = (u64::from(u32::MAX) >> (32 - format.bits_stored)) as u32;
    if most > 255 {
        notes.add(NoteCode::Converted, REDUCED);
    }
    let mut samples = Vec::with_capacity(format.samples());
    format.for_each(raw, |stored| samples.push(stored.max(0.0) as u32));
    for (pixel, &sample) in pixels.zip(samples.as_chunks::<3>().0) {
        *pixel = if is_partial {
            rgb_from_partial_ybr(sample)
        } else if ybr {
            rgb_from_ybr(sample, most)
        } else {
            sample.map(|v| to_8_bits(v, most))
        };
    }
}

/// PS3.3 C.7.6.3.1.2: the inverse of the full-range conversion.
fn rgb_from_ybr(sample: [u32; 3], most: u32) -> [u8; 3] {
    let scale = 255.0 / f64::from(most);
    let zero = (f64::from(most) + 1.0) / 2.0;
    let [y, cb, cr] = sample.map(f64::from);
    let (cb, cr) = (cb - zero, cr - zero);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
        .map(|v| (v * scale).round().clamp(0.0, 255.0) as u8)
}

/// The inverse of the conversion of YBR_PARTIAL_422 (PS3.3 C.7.6.3.1.2 until 2016): 220 levels of luminance, 225 of
/// colour.
fn rgb_from_partial_ybr(sample: [u32; 3]) -> [u8; 3] {
    let [y, cb, cr] = sample.map(f64::from);
    let (y, cb, cr) = ((y - 16.0) / 219.0, (cb - 128.0) / 224.0, (cr - 128.0) / 224.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
        .map(|v| (v * 255.0).round().clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_is_grey_and_primaries_are_pure() {
        for y in [0, 17, 128, 255] {
            assert_eq!(rgb_from_ybr([y, 128, 128], 255), [y as u8; 3]);
        }
        // PS3.3 C.7.6.3.1.2 for pure red, green and blue.
        for (ybr, rgb) in
            [([76, 85, 255], [254, 0, 0]), ([150, 44, 21], [0, 255, 1]), ([29, 255, 107], [0, 0, 254])]
        {
            assert_eq!(rgb_from_ybr(ybr, 255), rgb);
        }
    }

    /// The standard's own forward conversion, in its digits, of the corners of the cube.
    #[test]
    fn partial_range_colours_come_back() {
        for rgb in [
            [0, 0, 0],
            [255, 255, 255],
            [255, 0, 0],
            [0, 255, 0],
            [0, 0, 255],
            [128, 128, 128],
            [200, 30, 90u8],
        ] {
            let [r, g, b] = rgb.map(f64::from);
            let ybr = [
                0.2568 * r + 0.5041 * g + 0.0979 * b + 16.0,
                -0.1482 * r - 0.2910 * g + 0.4392 * b + 128.0,
                0.4392 * r - 0.3678 * g - 0.0714 * b + 128.0,
            ];
            let found = rgb_from_partial_ybr(ybr.map(|v| v.round() as u32));
            // Half a level of each component, times 1.164 to 2.018, and the digits.
            assert!(found.iter().zip(rgb).all(|(a, b)| a.abs_diff(b) <= 2), "{found:?}, not {rgb:?}");
        }
        assert_eq!(rgb_from_partial_ybr([16, 128, 128]), [0; 3]);
        assert_eq!(rgb_from_partial_ybr([235, 128, 128]), [255; 3]);
    }

    #[test]
    fn reduction_is_rounded_and_keeps_the_ends() {
        assert_eq!([0u32, 128, 129, 32_768, 65_535].map(|v| to_8_bits(v, 65_535)), [0, 0, 1, 128, 255]);
        assert_eq!([0u32, 2048, 4095].map(|v| to_8_bits(v, 4095)), [0, 128, 255]);
    }

    /// PS3.3 C.7.9.2: 4 discrete values, a line of 3 to 100, then the first segment again.
    #[test]
    fn segmented_palettes_unfold() {
        let words: Vec<u8> =
            [0u16, 4, 10, 20, 30, 40, 1, 3, 100, 2, 1, 0, 0].iter().flat_map(|w| w.to_le_bytes()).collect();
        let entries = segments(&words, 11, true, Encoding::EXPLICIT).unwrap();
        assert_eq!(entries, [10, 20, 30, 40, 60, 80, 100, 10, 20, 30, 40]);
        assert!(segments(&words, 12, true, Encoding::EXPLICIT).is_err());
        // Segments that lead nowhere end, too.
        let endless: Vec<u8> = [2u16, 1, 0, 0].iter().flat_map(|w| w.to_le_bytes()).collect();
        assert!(segments(&endless, 4, true, Encoding::EXPLICIT).is_err());
    }
}
