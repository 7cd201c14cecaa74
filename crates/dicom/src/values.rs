//! From the headers of a series to what its samples mean (PS3.3 C.11.1, C.11.2, C.7.5.1.1.2).

use std::sync::Arc;

use anatome_core::{Facts, NamedVoi, NoteCode, Notes, Padding, Unit, ValueMapping, Voi, VoiLut};
use dicom_dictionary_std::tags;

use crate::elements::Fields;
use crate::format::{FrameFormat, Number};
use crate::objects::{RealWorldMap, RealWorldMapping};
use crate::{Error, Frame, InstanceHeader, Limits, Values, decode, parse, suv, units};

/// The sample type of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    U8,
    I16,
    U16,
    F32,
}

impl Target {
    pub fn bytes(self) -> u64 {
        match self {
            Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::F32 => 4,
        }
    }
}

/// A Modality LUT (PS3.3 C.11.1), or what stands in for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rescale {
    Linear {
        slope: f64,
        intercept: f64,
    },
    Lut {
        first_mapped: i64,
        entries: Arc<[u16]>,
        kind: Option<String>,
    },
    /// A real-world value map (C.7.6.16.2.11): other stored values than those of its entries have no value.
    Map {
        first_mapped: f64,
        entries: Arc<[f64]>,
    },
}

impl Rescale {
    pub fn new(
        header: &InstanceHeader,
        values: &Values,
        signed: bool,
        limits: &Limits,
    ) -> Result<Self, Error> {
        if values.has_modality_lut {
            let elements = header.dataset.walk(limits)?;
            let fields = Fields::new(&header.dataset.bytes, &elements);
            let items = fields.items(tags::MODALITY_LUT_SEQUENCE, limits)?;
            let (bytes, elements) =
                items.first().ok_or_else(|| Error::malformed("Modality LUT", "it is empty"))?;
            let item = Fields::new(bytes, elements);
            let Lut { first_mapped, entries, .. } = lut(item, signed)?;
            let kind = item.text(tags::MODALITY_LUT_TYPE).and_then(parse::code_string);
            return Ok(Self::Lut { first_mapped, entries: entries.into(), kind });
        }
        let (slope, intercept) = (values.slope.unwrap_or(1.0), values.intercept.unwrap_or(0.0));
        if !slope.is_finite() || slope == 0.0 || !intercept.is_finite() {
            let reason = format!("slope {slope}, intercept {intercept} (PS3.3 C.11.1.1.2)");
            return Err(Error::malformed("Modality LUT", reason));
        }
        Ok(Self::Linear { slope, intercept })
    }

    /// Modality LUT Type (0028,3004), where it is a table.
    fn kind(&self) -> Option<Option<&str>> {
        match self {
            Self::Linear { .. } | Self::Map { .. } => None,
            Self::Lut { kind, .. } => Some(kind.as_deref()),
        }
    }

    /// The modality value of a stored value.
    pub fn apply(&self, stored: f64) -> f64 {
        match self {
            Self::Linear { slope, intercept } => slope * stored + intercept,
            Self::Lut { first_mapped, entries, .. } => {
                let last = entries.len().saturating_sub(1) as f64;
                let n = (stored - *first_mapped as f64).clamp(0.0, last) as usize;
                entries.get(n).copied().map_or(f64::NAN, f64::from)
            }
            Self::Map { first_mapped, entries } => {
                let n = stored - first_mapped;
                let entry = if n >= 0.0 { entries.get(n as usize) } else { None };
                entry.copied().unwrap_or(f64::NAN)
            }
        }
    }

    /// Whether stored values may have no value.
    pub fn is_partial(&self) -> bool {
        matches!(self, Self::Map { .. })
    }

    fn lowest(&self, format: &FrameFormat) -> f64 {
        let (low, high) = format.range();
        match self {
            Self::Linear { .. } => self.apply(low).min(self.apply(high)),
            Self::Lut { .. } => 0.0,
            Self::Map { entries, .. } => entries.iter().copied().fold(f64::INFINITY, f64::min),
        }
    }
}

pub(crate) struct Lut {
    pub first_mapped: i64,
    pub bits: u8,
    pub entries: Vec<u16>,
}

/// Reads descriptor and data of a LUT (PS3.3 C.11.1.1.1, C.11.2.1.1). `signed` rules the first mapped value.
pub(crate) fn lut(fields: Fields<'_>, signed: bool) -> Result<Lut, Error> {
    let malformed = |reason: &str| Error::malformed("lookup table", reason);
    let descriptor = fields.numbers(tags::LUT_DESCRIPTOR);
    let &[count, first, bits] = descriptor.as_slice() else { return Err(malformed("no descriptor")) };
    let count = match count as i64 {
        0 => 65_536,
        count => (count & 0xFFFF) as usize,
    };
    let first = first as i64 & 0xFFFF;
    let first_mapped = if signed && first >= 0x8000 { first - 0x1_0000 } else { first };
    if !(8.0..=16.0).contains(&bits) {
        return Err(malformed("entries of fewer than 8 or more than 16 bits"));
    }
    let bytes = fields.value(tags::LUT_DATA).ok_or_else(|| malformed("no entries"))?;
    let entries: Vec<u16> = if bytes.len() >= 2 * count {
        let encoding = fields.encoding(tags::LUT_DATA);
        bytes.as_chunks::<2>().0.iter().take(count).map(|&b| encoding.u16(b)).collect()
    } else if bytes.len() >= count && bits <= 8.0 {
        bytes.iter().take(count).map(|&b| u16::from(b)).collect()
    } else {
        return Err(malformed("fewer entries than the descriptor says"));
    };
    Ok(Lut { first_mapped, bits: bits as u8, entries })
}

/// How each slice is turned into samples, and what the samples mean.
#[derive(Debug)]
pub(crate) struct Plan {
    pub target: Target,
    /// One for each frame.
    pub slices: Vec<Slice>,
    pub mapping: ValueMapping,
    pub padding: Option<Padding>,
    pub facts: Facts,
    /// For f32 samples: whether they are modality values, not stored ones.
    pub applies_rescale: bool,
}

/// How one slice is turned into samples.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub format: FrameFormat,
    pub rescale: Rescale,
    pub unit: Unit,
    /// The frame's own rescale, for whose output its windows are, where a real-world value map stands in for it.
    replaced: Option<Rescale>,
    /// Stored values that are padding, both ends included.
    pub padding: Option<(f64, f64)>,
}

impl Slice {
    fn new(frame: &Frame, limits: &Limits) -> Result<Self, Error> {
        let header = frame.instance();
        let format = FrameFormat::new(header, limits)?;
        if format.photometric.is_color() {
            return Err(Error::unsupported("a volume from colour images"));
        }
        decode::check(header, &format)?;
        let signed = format.number == Number::Integer { signed: true };
        let values = frame.values();
        let padding = values.padding.map(|value| {
            let limit = values.padding_limit.unwrap_or(value);
            (value.min(limit) as f64, value.max(limit) as f64)
        });
        let own = Rescale::new(header, values, signed, limits)?;
        let are_integers = matches!(format.number, Number::Integer { .. });
        let mut map = units::of_map(values, are_integers);
        // Implicit datasets don't tell signed from unsigned.
        if let Some((Rescale::Map { first_mapped, .. }, _)) = &mut map
            && signed
            && format.bits_stored <= 16
            && *first_mapped > f64::from(i16::MAX)
        {
            *first_mapped -= 65_536.0;
        }
        let (rescale, unit, replaced) = match (units::stated(frame, own.kind()), map) {
            (Some(unit), _) => (own, unit, None),
            (None, Some((map, unit))) => (map, unit, Some(own)),
            (None, None) => (own, Unit::Arbitrary, None),
        };
        Ok(Self { format, rescale, unit, replaced, padding })
    }

    /// Whether its values are others than those of the frame's own rescale.
    fn is_replaced(&self) -> bool {
        self.replaced.as_ref().is_some_and(|own| *own != self.rescale)
    }

    /// One for each frame. Frames of one object mostly share theirs, and a lookup table is read once.
    fn all(frames: &[Frame], limits: &Limits) -> Result<Vec<Self>, Error> {
        let mut slices: Vec<Self> = Vec::with_capacity(frames.len());
        let mut before: Option<&Frame> = None;
        for frame in frames {
            let same = before.is_some_and(|before| {
                Arc::ptr_eq(before.instance(), frame.instance())
                    && Arc::ptr_eq(before.values(), frame.values())
            });
            let slice = match slices.last().filter(|_| same) {
                Some(last) => last.clone(),
                None => Self::new(frame, limits)?,
            };
            slices.push(slice);
            before = Some(frame);
        }
        Ok(slices)
    }
}

impl Plan {
    /// # Errors
    /// What the headers say is impossible, not supported, or over a limit.
    pub fn new(frames: &[Frame], limits: &Limits, notes: &mut Notes) -> Result<Self, Error> {
        let slices = Slice::all(frames, limits)?;
        let (Some(first), Some(middle)) = (slices.first(), frames.get(frames.len() / 2)) else {
            return Err(Error::unsupported("a volume from objects without pixels"));
        };
        let unit = match slices.iter().all(|slice| slice.unit == first.unit) {
            true => first.unit.clone(),
            false => {
                notes.add(NoteCode::Ignored, "the units, which differ from image to image");
                Unit::Arbitrary
            }
        };
        if first.is_replaced() {
            let text = "values are those of the images' own real-world value map (0040,9096)";
            notes.add(NoteCode::Converted, text);
        }
        let is_table = |map: &RealWorldMap| matches!(map.mapping, RealWorldMapping::Lut(_));
        if first.replaced.is_none() && middle.values().real_world.iter().any(is_table) {
            let text =
                "the images' own real-world value map (0040,9096), a table: their values have another unit";
            notes.add(NoteCode::Ignored, text);
        }
        let one_rescale = slices.iter().all(|slice| slice.rescale == first.rescale);
        let one_padding = slices.iter().all(|slice| slice.padding == first.padding);
        let stored = match (&first.rescale, one_rescale && one_padding) {
            (&Rescale::Linear { slope, intercept }, true) => Some((slope, intercept)),
            _ => None,
        };
        let target = if stored.is_some() { stored_target(&slices) } else { Target::F32 };
        if !one_rescale {
            let text = "slices differ in rescale slope or intercept: modality values are kept as f32, off by at \
                        most 6e-8 of each value";
            notes.add(NoteCode::Converted, text);
        } else if target == Target::F32 {
            notes.add(NoteCode::Converted, "values are kept as f32, off by at most 6e-8 of each value");
        }
        let mapping = match stored {
            Some((slope, intercept)) => ValueMapping { slope, intercept, unit },
            None => ValueMapping::identity(unit),
        };
        let padding = match (target, first.padding) {
            (Target::F32, _) => Some(Padding::F32),
            (_, Some((lowest, highest))) => Some(Padding { lowest, highest }),
            (_, None) => None,
        };
        let facts = facts(frames, middle, first, limits, notes);
        Ok(Self { target, mapping, padding, facts, applies_rescale: stored.is_none(), slices })
    }

    /// The stored samples of one frame, with no meaning.
    pub fn stored(frame: &Frame, limits: &Limits) -> Result<Self, Error> {
        let header = frame.instance();
        let format = FrameFormat::new(header, limits)?;
        if format.samples_per_pixel > 1 {
            return Err(Error::unsupported("greyscale samples from colour images"));
        }
        decode::check(header, &format)?;
        let rescale = Rescale::Linear { slope: 1.0, intercept: 0.0 };
        let slices = vec![Slice { format, rescale, unit: Unit::Arbitrary, replaced: None, padding: None }];
        Ok(Self {
            target: stored_target(&slices),
            mapping: ValueMapping::identity(Unit::Arbitrary),
            padding: None,
            facts: Facts::new(header.modality.clone()),
            applies_rescale: false,
            slices,
        })
    }
}

/// The narrowest sample type that holds all stored values.
fn stored_target(slices: &[Slice]) -> Target {
    let low = slices.iter().map(|slice| slice.format.range().0).fold(f64::INFINITY, f64::min);
    let high = slices.iter().map(|slice| slice.format.range().1).fold(f64::NEG_INFINITY, f64::max);
    let one_byte = slices.iter().all(|slice| slice.format.bytes_per_sample == 1);
    if low >= 0.0 && high <= 255.0 && one_byte {
        Target::U8
    } else if low >= 0.0 && high <= 65_535.0 {
        Target::U16
    } else if low >= -32_768.0 && high <= 32_767.0 {
        Target::I16
    } else {
        Target::F32
    }
}

fn facts(frames: &[Frame], middle: &Frame, slice: &Slice, limits: &Limits, notes: &mut Notes) -> Facts {
    let header = middle.instance();
    let values = middle.values();
    let mut facts = Facts::new(header.modality.clone());
    // What is white in MONOCHROME1 is so by its presentation LUT of shape INVERSE, too: one inversion.
    facts.inverted = slice.format.is_inverted() || values.inverse;
    facts.vois = moved(&values.windows, slice, notes);
    if values.has_voi_lut && slice.is_replaced() {
        notes.add(NoteCode::Ignored, "a VOI LUT that is for other values than the real-world value map's");
    } else if values.has_voi_lut {
        match voi_luts(header, slice, limits) {
            Ok(luts) => facts.vois.extend(luts),
            Err(_) => notes.add(NoteCode::Ignored, "a VOI LUT that breaks the standard is not used"),
        }
    }
    if frames.iter().any(|frame| frame.values().windows != values.windows) {
        notes.add(NoteCode::Ignored, "windows differ from image to image; those of the middle one are used");
    }
    facts.lossy = frames.iter().any(|frame| frame.values().lossy);
    facts.frame_of_reference.clone_from(&header.frame_of_reference_uid);
    facts.slice_thickness_mm = middle.plane().slice_thickness_mm;
    facts
}

/// Windows are for the output of the frame's own rescale (PS3.3 C.11.2): where a real-world value map stands in for it,
/// they are moved along.
fn moved(windows: &[NamedVoi], slice: &Slice, notes: &mut Notes) -> Vec<NamedVoi> {
    if windows.is_empty() || !slice.is_replaced() {
        return windows.to_vec();
    }
    let (from, to) = match (&slice.replaced, &slice.rescale) {
        (Some(Rescale::Linear { slope, intercept }), &Rescale::Linear { slope: m, intercept: b })
            if m / slope > 0.0 =>
        {
            ((slope, intercept), (m, b))
        }
        _ => {
            notes.add(NoteCode::Ignored, "windows that are for other values than the real-world value map's");
            return Vec::new();
        }
    };
    let factor = to.0 / from.0;
    let offset = to.1 - from.1 * factor;
    windows.iter().filter_map(|voi| suv::moved(voi, factor, offset)).collect()
}

fn voi_luts(header: &InstanceHeader, slice: &Slice, limits: &Limits) -> Result<Vec<NamedVoi>, Error> {
    // The first mapped value is signed if what the modality step gives may be (PS3.3 C.11.2.1.1).
    let signed = slice.rescale.lowest(&slice.format) < 0.0;
    let elements = header.dataset.walk(limits)?;
    let fields = Fields::new(&header.dataset.bytes, &elements);
    let mut luts = Vec::new();
    for (bytes, elements) in fields.items(tags::VOILUT_SEQUENCE, limits)? {
        let item = Fields::new(bytes, &elements);
        let table = lut(item, signed)?;
        let voi = Voi::Lut(VoiLut::new(table.first_mapped as f64, table.bits, table.entries)?);
        let name = parse::free_text(item, tags::LUT_EXPLANATION).unwrap_or_default();
        luts.push(NamedVoi { name, voi });
    }
    Ok(luts)
}
