//! Frames that make no volume: ultrasound, angiography, radiographs, secondary captures, localizers, colour.

use std::sync::{Arc, Mutex, PoisonError};

use anatome_core::{Facts, NoteCode, Notes, Padding, Samples, ValueMapping};
use ndarray::Array3;

use crate::color::{self, Palette, SupplementalPalette};
use crate::damage::{self, Copies, Damage};
use crate::decode::FrameReader;
use crate::elements::Fields;
use crate::format::{FrameFormat, Number, Photometric};
use crate::spacing::{FrameSpacing, spacing};
use crate::{Error, Frame, InstanceHeader, Limits, Series, load};

/// The frames of a series, one by one, in their order. What makes a volume can be looked at in this way, too.
#[derive(Debug)]
pub struct Stack {
    frames: Vec<Frame>,
    notes: Notes,
    limits: Limits,
    copies: Arc<Copies>,
    /// The object that was read last: the next frame is mostly one of its.
    reader: Mutex<Option<Arc<FrameReader>>>,
}

/// One decoded frame.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StackFrame {
    /// Its samples.
    pub pixels: FramePixels,
    /// What was found while decoding.
    pub notes: Notes,
}

/// The samples of a frame.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FramePixels {
    /// Greyscale.
    Grey(GreyFrame),
    /// Colour: 8 bits of red, green and blue, `[j, i, colour]`.
    Rgb(Array3<u8>),
}

/// Greyscale samples and what they mean.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GreyFrame {
    /// Stored samples, `[1, j, i]`, in the type that a volume of them would have.
    pub samples: Samples,
    /// From stored to modality values.
    pub mapping: ValueMapping,
    /// The stored values that are no samples.
    pub padding: Option<Padding>,
    /// Windows, inversion and what else is known.
    pub facts: Facts,
    /// Colours of the highest stored values.
    pub supplemental: Option<Arc<SupplementalPalette>>,
}

impl Stack {
    /// The frames of a series.
    ///
    /// # Errors
    /// Unsupported, for objects without pixels.
    pub fn new(series: &Series, limits: &Limits) -> Result<Self, Error> {
        if series.frames().is_empty() {
            return Err(Error::unsupported("images from objects without pixels"));
        }
        let notes = series.notes().clone();
        let frames = series.frames().to_vec();
        let copies = Arc::clone(series.copies());
        Ok(Self { frames, notes, limits: *limits, copies, reader: Mutex::new(None) })
    }

    /// The frames. Never empty.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// What was found while grouping.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    fn at(&self, n: usize) -> Result<&Frame, Error> {
        let absent = || Error::malformed("frame", format!("there is no number {} in the stack", n + 1));
        self.frames.get(n).ok_or_else(absent)
    }

    /// How large the pixels of frame `n` (from 0) are, and how that is known.
    ///
    /// # Errors
    /// Malformed, if there is no such frame or its header can't be read.
    pub fn spacing(&self, n: usize) -> Result<FrameSpacing, Error> {
        spacing(self.at(n)?, &self.limits)
    }

    /// Decodes frame `n` (from 0). Greyscale keeps its stored samples; colour becomes RGB of 8 bits.
    ///
    /// # Errors
    /// Malformed, if there is no such frame, or its pixels are damaged; io; limits; unsupported.
    pub fn frame(&self, n: usize) -> Result<StackFrame, Error> {
        let own = self.reader(self.at(n)?).and_then(|reader| self.decode(n, &reader));
        own.or_else(|error| self.another_copy(n, error))
    }

    /// Decodes frame `n` from another file with its object, if its own has the fault of one image.
    pub(crate) fn another_copy(&self, n: usize, error: Error) -> Result<StackFrame, Error> {
        let (frame, Some(fault)) = (self.at(n)?, error.of_one_image()) else { return Err(error) };
        let read = |copy: &Arc<InstanceHeader>| {
            self.decode(n, &Arc::new(FrameReader::new(copy, &self.limits).ok()?)).ok()
        };
        let Some(mut found) = self.copies.of(frame.instance()).find_map(read) else { return Err(error) };
        damage::note(&[Damage::of_frame(frame, n, fault, true)], &mut found.notes);
        Ok(found)
    }

    /// As [`Self::frame`], with a reader of the frame's object.
    pub(crate) fn decode(&self, n: usize, reader: &Arc<FrameReader>) -> Result<StackFrame, Error> {
        let frame = self.at(n)?;
        let mut notes = Notes::new();
        let pixels = if reader.format().photometric.is_color() {
            FramePixels::Rgb(self.rgb(frame, reader, &mut notes)?)
        } else {
            let mut grey = load::grey(frame, Arc::clone(reader), &self.limits, &mut notes)?;
            if frame.values().has_supplemental_palette {
                grey.supplemental = self.supplemental(frame, reader.format(), &mut notes).map(Arc::new);
            }
            FramePixels::Grey(grey)
        };
        Ok(StackFrame { pixels, notes })
    }

    fn reader(&self, frame: &Frame) -> Result<Arc<FrameReader>, Error> {
        let mut last = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        match last.as_ref().filter(|reader| reader.reads(frame)) {
            Some(reader) => Ok(Arc::clone(reader)),
            None => Ok(Arc::clone(last.insert(Arc::new(FrameReader::new(frame.instance(), &self.limits)?)))),
        }
    }

    /// A palette that breaks the standard costs only itself.
    fn supplemental(
        &self,
        frame: &Frame,
        format: &FrameFormat,
        notes: &mut Notes,
    ) -> Option<SupplementalPalette> {
        if frame.values().has_modality_lut {
            let text = "a supplemental palette beside a Modality LUT, behind which its values are not known";
            notes.add(NoteCode::Ignored, text);
            return None;
        }
        let dataset = &frame.instance().dataset;
        let elements = dataset.walk(&self.limits).ok()?;
        let signed = format.number == Number::Integer { signed: true };
        let fields = Fields::new(&dataset.bytes, &elements);
        let palette = SupplementalPalette::new(fields, signed, notes).ok();
        if palette.is_none() {
            notes.add(NoteCode::Ignored, "a supplemental palette that breaks the standard is not used");
        }
        palette
    }

    fn rgb(&self, frame: &Frame, reader: &FrameReader, notes: &mut Notes) -> Result<Array3<u8>, Error> {
        let format: &FrameFormat = reader.format();
        let mut raw = load::zeroed(format.bytes())?;
        let decoded = reader.read(frame.stored(), &mut Vec::new(), &mut raw)?;
        if decoded.lossy || frame.values().lossy {
            notes.add(NoteCode::Lossy, "the pixels were compressed with loss");
        }
        let palette = if format.photometric == Photometric::Palette {
            let dataset = &frame.instance().dataset;
            let elements = dataset.walk(&self.limits)?;
            let signed = format.number == Number::Integer { signed: true };
            Some(Palette::new(Fields::new(&dataset.bytes, &elements), signed, notes)?)
        } else {
            None
        };
        let mut rgb = load::zeroed(format.pixels() * 3)?;
        color::to_rgb8(format, decoded.color, palette.as_ref(), &raw, &mut rgb, notes);
        let shape = (format.rows as usize, format.columns as usize, 3);
        Array3::from_shape_vec(shape, rgb)
            .map_err(|_| Error::malformed("frame", "its shape does not fit its samples"))
    }
}
