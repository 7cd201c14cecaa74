//! Siemens mosaics: all slices of a volume side by side in one image, described by the private CSA header.

use std::sync::Arc;

use anatome_core::{NoteCode, Notes};
use dicom_core::Tag;
use glam::DVec3;

use crate::InstanceHeader;
use crate::elements::Fields;
use crate::header::{FrameHeader, Tile};

/// The slices of a mosaic, each as a part of the one frame; `None` for other images and for a mosaic whose CSA header
/// is gone or does not fit: anonymisers remove it.
pub(crate) fn tiles(
    header: &InstanceHeader,
    fields: Fields<'_>,
    notes: &mut Notes,
) -> Option<Vec<FrameHeader>> {
    if !is_mosaic(header) {
        return None;
    }
    let tiles = layout(header, fields);
    if tiles.is_none() {
        notes.add(NoteCode::Ignored, "a mosaic without a CSA header that describes it");
    }
    tiles
}

/// Whether the image says that it is a mosaic.
pub(crate) fn is_mosaic(header: &InstanceHeader) -> bool {
    header.image_type.iter().any(|value| value == "MOSAIC")
}

fn layout(header: &InstanceHeader, fields: Fields<'_>) -> Option<Vec<FrameHeader>> {
    let csa = Csa::find(fields)?;
    let pixels = header.pixels.as_ref()?;
    let count = *csa.numbers("NumberOfImagesInMosaic")?.first()?;
    let count = (count.fract() == 0.0 && (1.0..=65_536.0).contains(&count)).then_some(count as u32)?;
    let side = (1..=256).find(|side| side * side >= count)?;
    let (rows, columns) = (pixels.rows / side, pixels.columns / side);
    if rows == 0 || columns == 0 || rows * side != pixels.rows || columns * side != pixels.columns {
        return None;
    }
    let plane = &header.plane;
    let [row_spacing, column_spacing] = plane.pixel_spacing_mm?;
    let spacing = plane.slice_spacing_mm.or_else(|| csa.numbers("SpacingBetweenSlices")?.first().copied())?;
    let normal = csa.numbers("SliceNormalVector")?;
    let normal = DVec3::from_array(*normal.first_chunk::<3>()?);
    // The stated position is that of an image as large as the mosaic around the first slice's centre.
    let shift = |all: u32, one: u32, mm: f64| f64::from(all - one) / 2.0 * mm;
    let first = plane.image_position_mm?
        + plane.row_cosines? * shift(pixels.columns, columns, column_spacing)
        + plane.column_cosines? * shift(pixels.rows, rows, row_spacing);
    let tile = |n: u32| {
        let mut plane = plane.clone();
        plane.image_position_mm = Some(first + normal * (spacing * f64::from(n)));
        FrameHeader {
            plane,
            phase: header.phase.clone(),
            values: Arc::clone(&header.values),
            frame_type: None,
            tile: Some(Tile { row: n / side * rows, column: n % side * columns, rows, columns }),
        }
    };
    Some((0..count).map(tile).collect())
}

/// A CSA header: named values as text. Those of the second kind begin with `SV10`.
struct Csa<'a>(&'a [u8]);

/// What a CSA header begins with, behind its mark and how many values it has.
const SEPARATORS: [u32; 2] = [77, 205];

impl<'a> Csa<'a> {
    fn find(fields: Fields<'a>) -> Option<Self> {
        let creator = |block: &u16| fields.text(Tag(0x29, *block)) == Some("SIEMENS CSA HEADER");
        let block = (0x10..=0xFF).find(creator)?;
        let bytes = fields.value(Tag(0x29, block << 8 | 0x10))?;
        Some(Self(bytes))
    }

    /// The numbers of a value.
    fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        let is_second = self.0.starts_with(b"SV10");
        let mut rest = self.0.get(if is_second { 8 } else { 0 }..)?;
        let count = take_u32(&mut rest)?;
        let separator = take_u32(&mut rest)?;
        if !is_second && !SEPARATORS.contains(&separator) {
            return None;
        }
        // In the first kind lengths are larger by the number of items of the first value.
        let mut excess = is_second.then_some(0);
        for _ in 0..count.min(1024) {
            let (head, after) = rest.split_first_chunk::<64>()?;
            rest = after;
            let found = head.split(|&byte| byte == 0).next() == Some(name.as_bytes());
            let [_, _, _, items, _] = [(); 5].map(|()| take_u32(&mut rest));
            let excess = *excess.get_or_insert(items?);
            let mut numbers = Vec::new();
            for _ in 0..items?.min(1024) {
                let [first, second, _, _] = [(); 4].map(|()| take_u32(&mut rest));
                let length = if is_second { second? } else { first?.checked_sub(excess)? } as usize;
                let (value, after) = rest.split_at_checked(length.checked_next_multiple_of(4)?)?;
                rest = after;
                let text = value.get(..length).and_then(|value| std::str::from_utf8(value).ok());
                if let Some(text) = text.map(|text| text.trim_matches([' ', '\0']))
                    && !text.is_empty()
                    && found
                {
                    numbers.push(text.parse().ok().filter(|number: &f64| number.is_finite())?);
                }
            }
            if found {
                return Some(numbers);
            }
        }
        None
    }
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the second kind.
    fn header(values: &[(&str, &[&str])]) -> Vec<u8> {
        [b"SV10\x04\x03\x02\x01".to_vec(), of_kind(values, |length| [0, length])].concat()
    }

    fn of_kind(values: &[(&str, &[&str])], lengths: impl Fn(u32) -> [u32; 2]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((values.len() as u32).to_le_bytes());
        bytes.extend(77u32.to_le_bytes());
        for (name, items) in values {
            let mut field = name.as_bytes().to_vec();
            field.resize(64, 0);
            bytes.extend(field);
            for word in [1, 0, 0, items.len() as u32, 77] {
                bytes.extend(word.to_le_bytes());
            }
            for item in *items {
                let [first, second] = lengths(item.len() as u32);
                for word in [first, second, 77, 0] {
                    bytes.extend(word.to_le_bytes());
                }
                let mut text = item.as_bytes().to_vec();
                text.resize(text.len().next_multiple_of(4), 0);
                bytes.extend(text);
            }
        }
        bytes
    }

    #[test]
    fn values_are_found_by_name_and_truncation_is_nothing() {
        let bytes = header(&[("Other", &["7", ""]), ("SliceNormalVector", &["0.5", "-0.25", "1", ""])]);
        assert_eq!(Csa(&bytes).numbers("SliceNormalVector"), Some(vec![0.5, -0.25, 1.0]));
        assert_eq!(Csa(&bytes).numbers("Other"), Some(vec![7.0]));
        assert_eq!(Csa(&bytes).numbers("Absent"), None);
        for end in 0..bytes.len() - 16 {
            assert_eq!(Csa(&bytes[..end]).numbers("SliceNormalVector"), None, "{end}");
        }
    }

    /// In the first kind the first of four words is the length, and the number of the first value's items more.
    #[test]
    fn headers_of_the_first_kind_have_lengths_of_their_own() {
        let values: [(&str, &[&str]); 3] = [
            ("Other", &["7", "", ""]),
            ("SliceNormalVector", &["0.5", "-0.25", "1", ""]),
            ("Last", &["1.25"]),
        ];
        let bytes = of_kind(&values, |length| [length + 3, 999]);
        assert_eq!(Csa(&bytes).numbers("SliceNormalVector"), Some(vec![0.5, -0.25, 1.0]));
        assert_eq!(Csa(&bytes).numbers("Last"), Some(vec![1.25]));
        // Lengths that are none, and bytes that are no such header.
        assert_eq!(Csa(&of_kind(&values, |length| [length, length])).numbers("Last"), None);
        let mut other = bytes.clone();
        other[4] = 7;
        assert_eq!(Csa(&other).numbers("Last"), None);
    }
}
