//! A walk over an encoded dataset (PS3.5 7) that trusts nothing in it: iterative, every length checked against what
//! holds it, nesting and count within [`Limits`]. It stops in front of the pixel data.
//!
//! It lists the elements of the top level and only checks what is nested; [`Fields`] reads the listed values.

use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};

use crate::{Error, Limits};

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
pub(crate) const UNDEFINED: u32 = 0xFFFF_FFFF;

/// How elements are written (PS3.5 Annex A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub explicit: bool,
    pub big_endian: bool,
}

impl Encoding {
    pub const EXPLICIT: Self = Self { explicit: true, big_endian: false };
    pub const IMPLICIT: Self = Self { explicit: false, big_endian: false };
    pub const BIG_ENDIAN: Self = Self { explicit: true, big_endian: true };

    pub fn u16(self, b: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) }
    }

    pub fn u32(self, b: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }
    }

    /// The tag and the eight bytes' last four as a length, as items and implicit elements have it.
    pub fn tag_and_length(self, b: [u8; 8]) -> (Tag, u32) {
        let tag = Tag(self.u16([b[0], b[1]]), self.u16([b[2], b[3]]));
        (tag, self.u32([b[4], b[5], b[6], b[7]]))
    }
}

/// An element of the top level.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub tag: Tag,
    pub vr: VR,
    /// Where it begins in the dataset's bytes.
    pub header: usize,
    /// The value's place in the dataset's bytes.
    pub start: usize,
    pub end: usize,
    /// How its numbers and items are written.
    encoding: Encoding,
    /// The file has VR UN: `vr` is the dictionary's.
    was_unknown: bool,
}

/// Where the pixel data begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PixelElement {
    pub tag: Tag,
    pub vr: VR,
    /// Of the value, from the start of the dataset.
    pub offset: u64,
    /// `None` for encapsulated data.
    pub length: Option<u32>,
}

/// What a walk found.
#[derive(Debug)]
pub(crate) struct Elements {
    pub list: Vec<Element>,
    pub pixels: Option<PixelElement>,
    /// The end of the last element in front of the pixel data.
    pub end: usize,
    /// What breaks the standard and does no harm.
    pub oddities: Oddities,
}

/// What breaks the standard and does no harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Oddities {
    /// A value of odd length (PS3.5 7.1.1).
    pub odd_length: bool,
    /// Elements of the top level that are repeated or out of order (PS3.5 7.1).
    pub disorder: bool,
    /// An element of the image description whose VR is not the dictionary's.
    pub wrong_vr: bool,
}

/// Elements of one level that are listed. No real dataset has a tenth of that.
const MOST_LISTED: usize = 1 << 16;

/// The outcome of a walk over the beginning of a file.
#[derive(Debug)]
pub(crate) enum Walk {
    Done(Elements),
    /// The walk needs this many bytes to go on.
    NeedMore(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Expects items.
    Sequence,
    /// Expects elements.
    Item,
    /// Expects fragments, whose content is not elements.
    Fragments,
}

struct Level {
    kind: Kind,
    /// `None` until a delimiter is met.
    end: Option<usize>,
    /// Nothing inside may go beyond.
    bound: usize,
    encoding: Encoding,
    /// Items may be written another way than what holds them (PS3.5 6.2.2: VR UN of undefined length).
    unknown_encoding: bool,
}

struct Header {
    tag: Tag,
    vr: VR,
    length: u32,
    size: usize,
}

struct Walker<'a> {
    bytes: &'a [u8],
    /// Whether `bytes` holds the whole dataset.
    complete: bool,
    encoding: Encoding,
    limits: &'a Limits,
    /// Whether an item delimiter on the top level ends the walk.
    in_item: bool,
    position: usize,
    levels: Vec<Level>,
    list: Vec<Element>,
    oddities: Oddities,
}

enum Stop {
    NeedMore(usize),
    End,
    Error(Error),
    Pixels(PixelElement),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Walks over the dataset that starts with `bytes`; `complete` says that nothing follows them.
pub(crate) fn walk(bytes: &[u8], complete: bool, encoding: Encoding, limits: &Limits) -> Result<Walk, Error> {
    let mut walker = Walker::new(bytes, complete, encoding, limits);
    walker.list.reserve(160);
    walker.run()
}

fn malformed(reason: impl Into<String>) -> Stop {
    Stop::Error(Error::malformed("dataset", reason))
}

impl<'a> Walker<'a> {
    fn new(bytes: &'a [u8], complete: bool, encoding: Encoding, limits: &'a Limits) -> Self {
        Self {
            bytes,
            complete,
            encoding,
            limits,
            in_item: false,
            position: 0,
            levels: Vec::new(),
            list: Vec::new(),
            oddities: Oddities::default(),
        }
    }

    fn run(mut self) -> Result<Walk, Error> {
        for _ in 0..self.limits.elements {
            match self.step() {
                Ok(()) => {}
                Err(Stop::End) => return Ok(Walk::Done(self.finish(None))),
                Err(Stop::Pixels(pixels)) => return Ok(Walk::Done(self.finish(Some(pixels)))),
                Err(Stop::NeedMore(bytes)) => return Ok(Walk::NeedMore(bytes)),
                Err(Stop::Error(error)) => return Err(error),
            }
        }
        let allowed = self.limits.elements as u64;
        Err(Error::Limits { what: "elements of one header", needed: allowed + 1, allowed })
    }

    fn finish(self, pixels: Option<PixelElement>) -> Elements {
        Elements { list: self.list, pixels, end: self.position, oddities: self.oddities }
    }

    /// Reads one element header or one item.
    fn step(&mut self) -> Result<(), Stop> {
        self.close_levels()?;
        let rest = self.bytes.len() - self.position;
        if rest < 8 {
            if !self.complete {
                return Err(Stop::NeedMore(self.position + 8));
            }
            // A few bytes behind the last element are padding that some archives leave.
            let whole = self.levels.is_empty();
            return Err(if whole { Stop::End } else { malformed("it ends within a sequence") });
        }
        match self.levels.last().map(|level| level.kind) {
            None | Some(Kind::Item) => self.element(),
            Some(kind) => self.item(kind),
        }
    }

    fn close_levels(&mut self) -> Result<(), Stop> {
        while let Some(level) = self.levels.last() {
            match level.end {
                Some(end) if end == self.position => self.pop(),
                _ if self.position > level.bound => return Err(malformed("an item is longer than stated")),
                _ => break,
            }
        }
        Ok(())
    }

    fn pop(&mut self) {
        self.levels.pop();
        if self.levels.is_empty()
            && let Some(element) = self.list.last_mut()
        {
            element.end = self.position;
        }
    }

    fn bound(&self) -> usize {
        self.levels.last().map_or(usize::MAX, |level| level.bound)
    }

    fn current_encoding(&self) -> Encoding {
        self.levels.last().map_or(self.encoding, |level| level.encoding)
    }

    fn peek<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..)?.first_chunk().copied()
    }

    fn item(&mut self, kind: Kind) -> Result<(), Stop> {
        let head = self.peek::<8>(self.position).ok_or(Stop::NeedMore(self.position + 8))?;
        let mut encoding = self.current_encoding();
        let (tag, length) = encoding.tag_and_length(head);
        let start = self.position + 8;
        match (tag, kind) {
            (SEQUENCE_END, _) => {
                self.position = start;
                self.pop();
            }
            (ITEM, Kind::Fragments) => {
                self.position = self.value_end(start, length)?;
            }
            (ITEM, _) => {
                let unknown = self.levels.last().is_some_and(|level| level.unknown_encoding);
                if unknown && length != 0 {
                    let first = self.peek::<6>(start).ok_or_else(|| self.missing(start + 6))?;
                    encoding = guess_encoding(first);
                }
                let end = if length == UNDEFINED { None } else { Some(self.value_end(start, length)?) };
                let bound = end.unwrap_or(self.bound());
                self.position = start;
                self.levels.push(Level { kind: Kind::Item, end, bound, encoding, unknown_encoding: unknown });
            }
            _ => return Err(malformed(format!("{tag} where an item was expected"))),
        }
        Ok(())
    }

    fn element(&mut self) -> Result<(), Stop> {
        let header = self.header()?;
        let start = self.position + header.size;
        if header.tag.0 == 0xFFFE {
            self.position = start;
            match (header.tag, self.levels.is_empty()) {
                (ITEM_END, true) if self.in_item => return Err(Stop::End),
                // Stray delimiters occur in real files.
                (ITEM_END | SEQUENCE_END, true) => {}
                (ITEM_END, false) => self.pop(),
                (tag, _) => return Err(malformed(format!("{tag} where an element was expected"))),
            }
            return Ok(());
        }
        let top = self.levels.is_empty();
        let undefined = header.length == UNDEFINED;
        if top
            && matches!(header.tag, tags::PIXEL_DATA | tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA)
        {
            let length = (!undefined).then_some(header.length);
            return Err(Stop::Pixels(PixelElement {
                tag: header.tag,
                vr: header.vr,
                offset: start as u64,
                length,
            }));
        }
        let end = if undefined { None } else { Some(self.value_end(start, header.length)?) };
        let encoding = self.current_encoding();
        self.oddities.odd_length |= !undefined && header.length % 2 == 1;
        if top {
            self.list(&header, start, end.unwrap_or(start))?;
        }
        self.position = start;
        let pixels = header.tag == tags::PIXEL_DATA || matches!(header.vr, VR::OB | VR::OW);
        match (header.vr, end) {
            (VR::SQ, _) => self.push(Kind::Sequence, end, encoding, false),
            (_, Some(end)) => {
                self.position = end;
                Ok(())
            }
            (_, None) if pixels => self.push(Kind::Fragments, end, encoding, false),
            (VR::UN, None) => {
                self.push(Kind::Sequence, end, Encoding { big_endian: false, ..encoding }, true)
            }
            _ => Err(malformed(format!("{} has no length", header.tag))),
        }
    }

    fn list(&mut self, header: &Header, start: usize, end: usize) -> Result<(), Stop> {
        if self.list.len() >= MOST_LISTED {
            let (needed, allowed) = (MOST_LISTED as u64 + 1, MOST_LISTED as u64);
            return Err(Stop::Error(Error::Limits { what: "elements of one level", needed, allowed }));
        }
        let tag = header.tag;
        // PS3.5 6.2.2: what a writer did not know may be known here; it is in implicit little endian, always.
        let was_unknown = header.vr == VR::UN;
        let vr = if was_unknown { dictionary_vr(tag) } else { header.vr };
        let encoding = if was_unknown { Encoding::IMPLICIT } else { self.encoding };
        self.oddities.disorder |= self.list.last().is_some_and(|last| last.tag >= tag);
        self.oddities.wrong_vr |= self.encoding.explicit && is_described_otherwise(tag, vr);
        self.list.push(Element { tag, vr, header: self.position, start, end, encoding, was_unknown });
        Ok(())
    }

    fn push(
        &mut self,
        kind: Kind,
        end: Option<usize>,
        encoding: Encoding,
        unknown: bool,
    ) -> Result<(), Stop> {
        let sequences = self.levels.iter().filter(|level| level.kind != Kind::Item).count() + 1;
        if sequences > self.limits.nesting {
            return Err(Stop::Error(Error::Limits {
                what: "sequences within sequences",
                needed: sequences as u64,
                allowed: self.limits.nesting as u64,
            }));
        }
        let bound = end.unwrap_or(self.bound());
        self.levels.push(Level { kind, end, bound, encoding, unknown_encoding: unknown });
        Ok(())
    }

    /// The end of a value, checked against what holds it and against what there is.
    fn value_end(&self, start: usize, length: u32) -> Result<usize, Stop> {
        let end = start.saturating_add(length as usize);
        if length == UNDEFINED {
            return Err(malformed("a fragment has no length"));
        }
        if end > self.bound() {
            return Err(malformed("a value is longer than the item that holds it"));
        }
        if end > self.bytes.len() {
            return Err(self.missing(end));
        }
        Ok(end)
    }

    fn missing(&self, needed: usize) -> Stop {
        if self.complete {
            malformed(format!("it ends after {} bytes, {needed} are needed", self.bytes.len()))
        } else {
            Stop::NeedMore(needed)
        }
    }

    fn header(&self) -> Result<Header, Stop> {
        let at = self.position;
        let head = self.peek::<8>(at).ok_or_else(|| self.missing(at + 8))?;
        let encoding = self.current_encoding();
        let (tag, length) = encoding.tag_and_length(head);
        let letters = head[4].is_ascii_uppercase() && head[5].is_ascii_uppercase();
        if tag.0 == 0xFFFE || !encoding.explicit || !letters {
            // Some writers leave single elements without a VR in explicit datasets.
            return Ok(Header { tag, vr: implicit_vr(tag, length), length, size: 8 });
        }
        let vr = VR::from_binary([head[4], head[5]]).unwrap_or(VR::UN);
        if is_short(vr) {
            let length = u32::from(encoding.u16([head[6], head[7]]));
            return Ok(Header { tag, vr, length, size: 8 });
        }
        let long = self.peek::<4>(at + 8).ok_or_else(|| self.missing(at + 12))?;
        Ok(Header { tag, vr, length: encoding.u32(long), size: 12 })
    }
}

/// Whether an element of the image description (group 0028) has a VR that its tag can't have.
fn is_described_otherwise(tag: Tag, vr: VR) -> bool {
    tag.0 == 0x28
        && StandardDataDictionary.by_tag(tag).is_some_and(|entry| match entry.vr() {
            VirtualVr::Exact(exact) => exact != vr,
            VirtualVr::Xs => !matches!(vr, VR::US | VR::SS),
            _ => false,
        })
}

/// Whether an explicit element has a length of 16 bits (PS3.5 7.1.2).
pub(crate) fn is_short(vr: VR) -> bool {
    !matches!(
        vr,
        VR::OB
            | VR::OD
            | VR::OF
            | VR::OL
            | VR::OV
            | VR::OW
            | VR::SQ
            | VR::SV
            | VR::UC
            | VR::UN
            | VR::UR
            | VR::UT
            | VR::UV
    )
}

/// The VR that the standard gives an element, UN for private ones.
fn dictionary_vr(tag: Tag) -> VR {
    StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr().relaxed())
}

fn implicit_vr(tag: Tag, length: u32) -> VR {
    if tag == tags::PIXEL_DATA {
        return VR::OW;
    }
    let vr = dictionary_vr(tag);
    if length == UNDEFINED && vr == VR::UN { VR::SQ } else { vr }
}

/// How an element that begins with these bytes is written, in little endian.
pub(crate) fn guess_encoding(first: [u8; 6]) -> Encoding {
    let explicit = VR::from_binary([first[4], first[5]]).is_some();
    if explicit { Encoding::EXPLICIT } else { Encoding::IMPLICIT }
}

/// Reads values of walked elements.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    list: &'a [Element],
}

/// Items that are held at once. Sequences that may be longer are read item by item.
const MOST_ITEMS: usize = 4096;

/// Values of one element that are read at most: the longest that are needed have one for each frame.
const MOST_VALUES: usize = 1 << 18;

impl<'a> Fields<'a> {
    pub fn new(bytes: &'a [u8], elements: &'a Elements) -> Self {
        Self { bytes, list: &elements.list }
    }

    /// The first element with this tag that has a value.
    pub fn find(self, tag: Tag) -> Option<&'a Element> {
        self.list.iter().find(|element| element.tag == tag && element.end > element.start)
    }

    pub fn has(self, tag: Tag) -> bool {
        self.find(tag).is_some()
    }

    pub fn value(self, tag: Tag) -> Option<&'a [u8]> {
        let element = self.find(tag)?;
        self.bytes.get(element.start..element.end)
    }

    /// How the elements are written.
    pub fn encoding(self, tag: Tag) -> Encoding {
        self.find(tag).map_or(Encoding::EXPLICIT, |element| element.encoding)
    }

    /// The first value of a text element in the default character set, without padding; `None` if empty.
    pub fn text(self, tag: Tag) -> Option<&'a str> {
        self.texts(tag).next().filter(|text| !text.is_empty())
    }

    /// The values of a text element in the default character set, without padding.
    pub fn texts(self, tag: Tag) -> impl Iterator<Item = &'a str> {
        let text = self.value(tag).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let values = text.into_iter().flat_map(|text| text.split('\\')).take(MOST_VALUES);
        values.map(|value| value.trim_matches([' ', '\0']))
    }

    /// The values of a number element, text or binary; values that are no numbers are NaN.
    pub fn numbers(self, tag: Tag) -> Vec<f64> {
        let Some(element) = self.find(tag) else { return Vec::new() };
        let bytes = self.bytes.get(element.start..element.end).unwrap_or_default();
        let encoding = element.encoding;
        let bytes8 =
            |b: [u8; 8]| if encoding.big_endian { u64::from_be_bytes(b) } else { u64::from_le_bytes(b) };
        match element.vr {
            VR::US => words(bytes, |b| f64::from(encoding.u16(b))),
            VR::SS => words(bytes, |b| f64::from(encoding.u16(b).cast_signed())),
            VR::UL => words(bytes, |b| f64::from(encoding.u32(b))),
            VR::SL => words(bytes, |b| f64::from(encoding.u32(b).cast_signed())),
            VR::FL => words(bytes, |b| f64::from(f32::from_bits(encoding.u32(b)))),
            VR::FD => words(bytes, |b| f64::from_bits(bytes8(b))),
            _ => self.texts(tag).map(|text| text.parse().unwrap_or(f64::NAN)).collect(),
        }
    }

    pub fn number(self, tag: Tag) -> Option<f64> {
        self.numbers(tag).first().copied()
    }

    /// An integer; `None` if absent or no integer.
    pub fn integer(self, tag: Tag) -> Option<i64> {
        let number = self.number(tag)?;
        (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
    }

    /// The elements that are listed, in the file's order.
    pub fn list(self) -> &'a [Element] {
        self.list
    }

    /// The items of a short sequence, each as its bytes and elements.
    pub fn items(self, tag: Tag, limits: &'a Limits) -> Result<Vec<(&'a [u8], Elements)>, Error> {
        let items: Vec<_> = self.each_item(tag, limits).take(MOST_ITEMS + 1).collect::<Result<_, _>>()?;
        if items.len() > MOST_ITEMS {
            let (needed, allowed) = (items.len() as u64, MOST_ITEMS as u64);
            return Err(Error::Limits { what: "items of one sequence", needed, allowed });
        }
        Ok(items)
    }

    /// The items of a sequence, walked over one after the other.
    pub fn each_item(self, tag: Tag, limits: &'a Limits) -> Items<'a> {
        let element = self.find(tag);
        let rest = element.and_then(|element| self.bytes.get(element.start..element.end)).unwrap_or_default();
        Items { rest, encoding: self.encoding(tag), unknown: element.is_some_and(|e| e.was_unknown), limits }
    }
}

fn words<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes.as_chunks::<N>().0.iter().take(MOST_VALUES).map(|&word| number(word)).collect()
}

/// The items of a sequence, one at a time: a long sequence is never held whole.
pub(crate) struct Items<'a> {
    rest: &'a [u8],
    encoding: Encoding,
    unknown: bool,
    limits: &'a Limits,
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<(&'a [u8], Elements), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let (head, after) = std::mem::take(&mut self.rest).split_first_chunk::<8>()?;
        let (tag, length) = self.encoding.tag_and_length(*head);
        if tag != ITEM {
            return None;
        }
        let open = length == UNDEFINED;
        let body = if open { Some(after) } else { after.get(..length as usize) };
        let Some(body) = body else {
            return Some(Err(Error::malformed("sequence", "an item is longer than stated")));
        };
        let encoding = match body.first_chunk() {
            Some(&first) if self.unknown => guess_encoding(first),
            _ => self.encoding,
        };
        let mut walker = Walker::new(body, true, encoding, self.limits);
        walker.in_item = open;
        let elements = match walker.run() {
            Ok(Walk::Done(elements)) => elements,
            Ok(Walk::NeedMore(_)) => return None,
            Err(error) => return Some(Err(error)),
        };
        let used = if open { elements.end } else { body.len() };
        self.rest = after.get(used..).unwrap_or_default();
        Some(Ok((body, elements)))
    }
}
