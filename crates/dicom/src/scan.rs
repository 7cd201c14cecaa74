//! From a file to an instance header.

use std::io::Read;
use std::sync::Arc;

use anatome_core::{NoteCode, Notes};
use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use flate2::read::DeflateDecoder;

use crate::archive::is_zip;
use crate::charset::Charset;
use crate::elements::{Element, Elements, Encoding, Fields, Oddities, Walk, guess_encoding, walk};
use crate::gather::Foreign;
use crate::gzip::is_gzip;
use crate::header::{Dataset, FrameHeaders, InstanceHeader, PixelModule, PixelPlace};
use crate::source::{Origin, Place, is_hidden};
use crate::syntax::EXPLICIT_VR_BIG_ENDIAN;
use crate::tar::is_tar;
use crate::{Error, Limits, Phase, TransferSyntax, behind, dicomdir, functional_groups, overlay, parse};

/// What a file turned out to be.
pub(crate) enum Outcome {
    Instance(Arc<InstanceHeader>, Notes),
    /// A DICOMDIR, with the files that it names.
    Directory(Place, Vec<Vec<String>>),
    Archive(Place, ArchiveKind),
    /// Claimed by the caller.
    Foreign(Place),
    Skipped(Place, Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArchiveKind {
    Zip,
    Tar,
    /// A tar archive or a single file.
    Gzip,
}

/// Looks at the beginning of a file and reads its header, if it is DICOM.
pub(crate) fn read_place(place: Place, foreign: &Foreign<'_>, limits: &Limits) -> Outcome {
    match look_at(&place, foreign, limits) {
        Ok(Found::Archive(_))
            if !matches!(place, Place::File(..) | Place::Bytes(_, Origin { entry: None, .. })) =>
        {
            Outcome::Skipped(place, Error::unsupported("an archive within an archive"))
        }
        Ok(Found::Archive(kind)) => Outcome::Archive(place, kind),
        Ok(Found::Foreign) => Outcome::Foreign(place),
        Ok(Found::Head(head)) => {
            let references = dicomdir::references(Fields::new(head.dataset(), &head.elements), limits);
            match (head.instance(place.clone(), limits), references) {
                (Ok(Some((header, notes))), _) => Outcome::Instance(Arc::new(header), notes),
                (Ok(None), Ok(references)) => Outcome::Directory(place, references),
                (Ok(None), Err(error)) | (Err(error), _) => Outcome::Skipped(place, error),
            }
        }
        Err(Error::NotDicom { .. }) => {
            let error = not_dicom(&place);
            Outcome::Skipped(place, error)
        }
        Err(error) => Outcome::Skipped(place, error),
    }
}

/// What a file is that does not begin like DICOM: no image, or, by its name, one that was lost.
pub(crate) fn not_dicom(place: &Place) -> Error {
    let name = place.name();
    let ending = name.extension().unwrap_or_default();
    let is_named = ["dcm", "dicom", "ima"].iter().any(|known| ending.eq_ignore_ascii_case(known));
    // Hidden files of that name are what some systems keep beside each file.
    if is_named && !is_hidden(&name) {
        return Error::malformed("file", "it is named like a DICOM file, but does not begin like one");
    }
    Error::NotDicom { path: place.path().to_owned() }
}

enum Found {
    Head(Box<Head>),
    Archive(ArchiveKind),
    Foreign,
}

fn look_at(place: &Place, foreign: &Foreign<'_>, limits: &Limits) -> Result<Found, Error> {
    if let Place::Entry(archive, index) = place
        && archive.entry(*index).is_ok_and(|entry| entry.encrypted)
    {
        return Err(Error::unsupported("an encrypted zip entry"));
    }
    place.with_reader(0, |reader, length| {
        let mut start = Start::new(reader, place, length, limits.header_bytes);
        start.ensure(FIRST_READ)?;
        if !is_part_10(&start.bytes) {
            if is_zip(&start.bytes) {
                return Ok(Found::Archive(ArchiveKind::Zip));
            }
            if foreign(&place.name(), &start.bytes) {
                return Ok(Found::Foreign);
            }
            if is_gzip(&start.bytes) {
                return Ok(Found::Archive(ArchiveKind::Gzip));
            }
            if is_tar(&start.bytes) {
                return Ok(Found::Archive(ArchiveKind::Tar));
            }
        }
        // An archive may be larger than any file in it.
        if length > limits.file_bytes && may_be_dicom(&start.bytes) {
            let (needed, allowed) = (length, limits.file_bytes);
            return Err(Error::Limits { what: "bytes of a file", needed, allowed });
        }
        start.head(limits).map(|head| Found::Head(Box::new(head)))
    })
}

/// The header of an object as it is in its file, with what [`kept`] leaves out.
pub(crate) fn whole_dataset(header: &InstanceHeader, limits: &Limits) -> Result<Dataset, Error> {
    let place = &header.place;
    place.with_checked(0, |reader, length| {
        let mut start = Start::new(reader, place, length, limits.header_bytes);
        start.ensure(FIRST_READ)?;
        let head = start.head(limits)?;
        Ok(Dataset { bytes: head.dataset().into(), encoding: head.encoding })
    })
}

fn is_part_10(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM")
}

/// Whether bytes that begin so may be a DICOM file, so that it is worth to unpack them.
pub(crate) fn may_be_dicom(start: &[u8]) -> bool {
    is_part_10(start) || start.starts_with(b"DICM") || start.starts_with(&[2, 0]) || plausible_start(start)
}

/// Deflating makes nothing smaller than by this factor.
pub(crate) const DEFLATE_RATIO: u64 = 1032;

/// Most headers fit in the first read.
pub(crate) const FIRST_READ: usize = 16 << 10;

/// The beginning of a file, read as far as it was needed.
struct Start<'a> {
    reader: &'a mut dyn Read,
    place: &'a Place,
    bytes: Vec<u8>,
    complete: bool,
    limit: usize,
    file_bytes: u64,
}

impl<'a> Start<'a> {
    fn new(reader: &'a mut dyn Read, place: &'a Place, file_bytes: u64, limit: usize) -> Self {
        Self { reader, place, bytes: Vec::new(), complete: false, limit, file_bytes }
    }

    /// Reads on until there are `count` bytes or the file ends.
    fn ensure(&mut self, count: usize) -> Result<(), Error> {
        if self.complete || count <= self.bytes.len() {
            return Ok(());
        }
        if count > self.limit && count as u64 > self.file_bytes {
            return Err(Error::malformed("dataset", "it states a length beyond the end of the file"));
        }
        if count > self.limit {
            let (needed, allowed) = (count as u64, self.limit as u64);
            return Err(Error::Limits { what: "bytes in front of the pixel data", needed, allowed });
        }
        // Doubling keeps repeated walks over a long header linear.
        let target = count.max(2 * self.bytes.len()).max(FIRST_READ).min(self.limit);
        let missing = (target - self.bytes.len()) as u64;
        // No more ahead than a moderate amount: a header may promise what is not there.
        self.bytes.reserve((missing as usize).min(1 << 20));
        let read = (&mut *self.reader).take(missing).read_to_end(&mut self.bytes);
        let read = read.map_err(|cause| self.place.io(cause))?;
        self.complete = (read as u64) < missing;
        Ok(())
    }

    fn not_dicom(&self) -> Error {
        Error::NotDicom { path: self.place.path().to_owned() }
    }

    /// Reads meta information and header, whatever of it is there (PS3.10 7.1).
    fn head(&mut self, limits: &Limits) -> Result<Head, Error> {
        let mut notes = Notes::new();
        let has_group_2 = |bytes: &[u8], at: usize| bytes.get(at..at + 2) == Some(&[2, 0]);
        let start = if self.bytes.get(128..132) == Some(b"DICM") {
            // PS3.10 7.1 allows a second format there, and says that it may be a trap.
            let other = [&b"MZ"[..], b"\x7FELF", b"\xCA\xFE\xBA\xBE", b"II*\0", b"MM\0*", b"#!"];
            if other.iter().any(|start| self.bytes.starts_with(start)) {
                let text = "the preamble looks like a program or a file of another kind; it is not used";
                notes.add(NoteCode::Tolerated, text);
            }
            132
        } else if self.bytes.starts_with(b"DICM") {
            4
        } else {
            0
        };
        if start != 132 {
            let plausible = has_group_2(&self.bytes, start) || plausible_start(&self.bytes);
            if !plausible {
                return Err(self.not_dicom());
            }
            notes.add(NoteCode::Tolerated, "a file without the preamble of DICOM files (PS3.10 7.1)");
        }
        let meta = self.meta(start)?;
        if meta.stated_end.is_some_and(|end| end != meta.end as u64) {
            notes.add(
                NoteCode::Tolerated,
                "the meta information's length (0002,0000) is wrong; it is not used",
            );
        }
        let head = self.dataset(meta, limits, notes);
        match head {
            Err(Error::Malformed { .. }) if start == 0 => Err(self.not_dicom()),
            Ok(head) if start == 0 && !head.has_sop_class() => Err(self.not_dicom()),
            other => other,
        }
    }

    /// Walks over the file meta information, explicit little endian until its group ends. Its stated length may lie.
    fn meta(&mut self, start: usize) -> Result<Meta, Error> {
        let mut meta = Meta { end: start, stated_end: None, syntax: None, class: None };
        loop {
            self.ensure(meta.end + 12)?;
            let Some(&[g0, g1, e0, e1, v0, v1, l0, l1]) =
                self.bytes.get(meta.end..).and_then(|b| b.first_chunk::<8>())
            else {
                break;
            };
            if [g0, g1] != [2, 0] {
                break;
            }
            let long = matches!(&[v0, v1], b"OB" | b"UN" | b"OW" | b"SQ" | b"UT");
            let (size, length) = if long {
                let four = self.bytes.get(meta.end + 8..).and_then(|b| b.first_chunk::<4>());
                (12, four.map_or(0, |&b| u32::from_le_bytes(b)) as usize)
            } else {
                (8, usize::from(u16::from_le_bytes([l0, l1])))
            };
            let (from, to) = (meta.end + size, meta.end.saturating_add(size).saturating_add(length));
            self.ensure(to)?;
            let value = self
                .bytes
                .get(from..to)
                .ok_or_else(|| Error::malformed("file meta information", "it is longer than the file"))?;
            let text = || std::str::from_utf8(value).ok().map(|t| t.trim_matches([' ', '\0']).to_owned());
            match Tag(2, u16::from_le_bytes([e0, e1])) {
                tags::TRANSFER_SYNTAX_UID => meta.syntax = text().filter(|uid| !uid.is_empty()),
                tags::MEDIA_STORAGE_SOP_CLASS_UID => meta.class = text(),
                tags::FILE_META_INFORMATION_GROUP_LENGTH => {
                    let length = value.first_chunk().map(|&length| u32::from_le_bytes(length));
                    meta.stated_end = length.map(|length| to as u64 + u64::from(length));
                }
                _ => {}
            }
            meta.end = to;
        }
        Ok(meta)
    }

    fn dataset(&mut self, meta: Meta, limits: &Limits, mut notes: Notes) -> Result<Head, Error> {
        let declared = meta.syntax.as_deref().map(TransferSyntax::new);
        if let Some(syntax) = declared.as_ref().filter(|syntax| syntax.is_deflated()) {
            let rest = self.bytes.get(meta.end..).unwrap_or_default().to_vec();
            let mut inflater = DeflateDecoder::new(rest.chain(&mut *self.reader));
            let mut inflated = Start::new(&mut inflater, self.place, u64::MAX, self.limit);
            let (elements, _) = inflated.walk(0, Encoding::EXPLICIT, limits)?;
            let deflated_from = Some(meta.end as u64);
            return Ok(Head {
                bytes: inflated.bytes,
                start: 0,
                elements,
                encoding: Encoding::EXPLICIT,
                syntax: syntax.clone(),
                deflated_from,
                class: meta.class,
                file_bytes: self.file_bytes,
                notes,
            });
        }
        self.ensure(meta.end + 8)?;
        let Some(first) = self.bytes.get(meta.end..).and_then(|b| b.first_chunk::<8>()).copied() else {
            return Err(Error::malformed("dataset", "it is empty"));
        };
        let encoding = settle(declared.as_ref(), first);
        let stated = declared.as_ref().map(stated_encoding);
        if stated != Some(encoding) {
            let text = "the transfer syntax is missing or wrong; the data were recognised by their form";
            notes.add(NoteCode::Tolerated, text);
        }
        let (elements, encoding) = self.walk(meta.end, encoding, limits)?;
        let encapsulated = elements.pixels.is_some_and(|pixels| pixels.length.is_none());
        // What is wrong about the elements' form is wrong about native pixels, too.
        let syntax = match declared {
            Some(syntax) if stated == Some(encoding) => syntax,
            Some(syntax) if encapsulated && !is_native(&syntax) => syntax,
            _ => TransferSyntax::new(native_syntax(encoding)),
        };
        Ok(Head {
            bytes: std::mem::take(&mut self.bytes),
            start: meta.end,
            elements,
            encoding,
            syntax,
            deflated_from: None,
            class: meta.class,
            file_bytes: self.file_bytes,
            notes,
        })
    }

    fn walk(
        &mut self,
        start: usize,
        encoding: Encoding,
        limits: &Limits,
    ) -> Result<(Elements, Encoding), Error> {
        loop {
            let bytes = self.bytes.get(start..).unwrap_or_default();
            match walk(bytes, self.complete, encoding, limits)? {
                Walk::Done(elements) => return Ok((elements, encoding)),
                Walk::NeedMore(count) => self.ensure(start.saturating_add(count))?,
            }
        }
    }
}

struct Meta {
    /// Where the dataset starts.
    end: usize,
    /// Where its group length says that it ends.
    stated_end: Option<u64>,
    syntax: Option<String>,
    class: Option<String>,
}

/// Whether bytes without preamble and meta information begin like a dataset: with group 8, in either byte order.
fn plausible_start(bytes: &[u8]) -> bool {
    let Some(&[g0, g1, _, _, v0, v1, l0, l1]) = bytes.first_chunk::<8>() else { return false };
    let explicit = VR::from_binary([v0, v1]).is_some();
    let short_implicit = u32::from_le_bytes([v0, v1, l0, l1]) < 1024;
    matches!(([g0, g1], explicit), ([8, 0] | [0, 8], true)) || ([g0, g1] == [8, 0] && short_implicit)
}

fn stated_encoding(syntax: &TransferSyntax) -> Encoding {
    match syntax.uid() {
        uids::IMPLICIT_VR_LITTLE_ENDIAN => Encoding::IMPLICIT,
        EXPLICIT_VR_BIG_ENDIAN => Encoding::BIG_ENDIAN,
        _ => Encoding::EXPLICIT,
    }
}

fn is_native(syntax: &TransferSyntax) -> bool {
    matches!(
        syntax.uid(),
        uids::IMPLICIT_VR_LITTLE_ENDIAN | EXPLICIT_VR_BIG_ENDIAN | uids::EXPLICIT_VR_LITTLE_ENDIAN
    )
}

fn native_syntax(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding { big_endian: true, .. } => EXPLICIT_VR_BIG_ENDIAN,
        Encoding { explicit: true, .. } => uids::EXPLICIT_VR_LITTLE_ENDIAN,
        _ => uids::IMPLICIT_VR_LITTLE_ENDIAN,
    }
}

/// How the dataset that begins with `first` is written: as stated, unless its first element contradicts that.
fn settle(declared: Option<&TransferSyntax>, first: [u8; 8]) -> Encoding {
    let [g0, g1, e0, e1, v0, v1, ..] = first;
    let tag = Tag(u16::from_le_bytes([g0, g1]), u16::from_le_bytes([e0, e1]));
    let swapped = Tag(tag.0.swap_bytes(), tag.1.swap_bytes());
    let vr = VR::from_binary([v0, v1]);
    let is_big = vr.is_some() && g0 == 0 && g1 != 0;
    let guess = if is_big { Encoding::BIG_ENDIAN } else { guess_encoding([g0, g1, e0, e1, v0, v1]) };
    let Some(declared) = declared.map(stated_encoding) else { return guess };
    let tag = if declared.big_endian { swapped } else { tag };
    let expected = StandardDataDictionary.by_tag(tag).map(|entry| entry.vr().relaxed());
    let contradicted = match declared {
        Encoding { big_endian: true, .. } => !is_big,
        Encoding { explicit: true, .. } => vr.is_none() || is_big,
        // Two letters may be the low half of a length.
        _ => is_big || (vr.is_some() && vr == expected),
    };
    if contradicted { guess } else { declared }
}

/// A header as far as the pixel data.
struct Head {
    bytes: Vec<u8>,
    /// Where the dataset starts in `bytes`.
    start: usize,
    elements: Elements,
    encoding: Encoding,
    syntax: TransferSyntax,
    deflated_from: Option<u64>,
    class: Option<String>,
    file_bytes: u64,
    notes: Notes,
}

impl Head {
    fn dataset(&self) -> &[u8] {
        self.bytes.get(self.start..self.start + self.elements.end).unwrap_or_default()
    }

    fn has_sop_class(&self) -> bool {
        Fields::new(self.dataset(), &self.elements).has(tags::SOP_CLASS_UID)
    }

    /// The typed header; `None` for a DICOMDIR.
    fn instance(self, place: Place, limits: &Limits) -> Result<Option<(InstanceHeader, Notes)>, Error> {
        let mut notes = self.notes.clone();
        let bytes = self.dataset();
        let fields = Fields::new(bytes, &self.elements);
        let text = |tag| parse::uid(fields, tag).unwrap_or_default();
        let class = parse::uid(fields, tags::SOP_CLASS_UID).or(self.class.clone()).unwrap_or_default();
        if class == uids::MEDIA_STORAGE_DIRECTORY_STORAGE || fields.has(tags::DIRECTORY_RECORD_SEQUENCE) {
            return Ok(None);
        }
        let pixels = self.elements.pixels.map(|_| parse::pixels(fields));
        let signed = pixels.as_ref().is_some_and(|pixels| pixels.signed);
        let pixel_data = self.elements.pixels.map(|mut element| {
            let base = if self.deflated_from.is_some() { 0 } else { self.start };
            element.offset += base as u64;
            let bytes = match self.deflated_from {
                Some(_) => self.file_bytes.saturating_mul(DEFLATE_RATIO),
                None => self.file_bytes,
            };
            let available = bytes.saturating_sub(element.offset);
            PixelPlace { element, deflated_from: self.deflated_from, available }
        });
        let most = most_frames(pixels.as_ref(), pixel_data.as_ref());
        note_oddities(fields, &self.elements, &mut notes);
        if pixel_data.as_ref().is_some_and(|pixels| behind::is_garbage(&place, pixels, self.encoding)) {
            notes.add(
                NoteCode::Tolerated,
                "bytes behind the pixel data that are no elements; they are not used",
            );
        }
        let mut header = InstanceHeader {
            sop_class_uid: class,
            sop_instance_uid: text(tags::SOP_INSTANCE_UID),
            study_instance_uid: text(tags::STUDY_INSTANCE_UID),
            series_instance_uid: text(tags::SERIES_INSTANCE_UID),
            frame_of_reference_uid: parse::uid(fields, tags::FRAME_OF_REFERENCE_UID),
            modality: parse::modality(fields),
            image_type: parse::image_type(fields),
            series_number: fields.integer(tags::SERIES_NUMBER),
            series_description: parse::free_text(fields, tags::SERIES_DESCRIPTION),
            concatenation_uid: parse::uid(fields, tags::CONCATENATION_UID),
            concatenation_place: concatenation_place(fields),
            instance_number: fields.integer(tags::INSTANCE_NUMBER),
            phase: Phase::read(fields),
            is_enhanced: fields.has(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE),
            plane: parse::plane(fields, &mut notes),
            pixels,
            values: parse::values(fields, signed, limits, &mut notes).into(),
            frames: FrameHeaders::default(),
            frames_that_fit: most,
            overlays: overlay::count(fields),
            patient: parse::patient_digest(fields),
            place,
            dataset: Dataset { bytes: kept(bytes, fields).into(), encoding: self.encoding },
            pixel_data,
            transfer_syntax: self.syntax.clone(),
        };
        header.frames = functional_groups::frames(&header, fields, most, limits, &mut notes)?;
        Ok(Some((header, notes)))
    }
}

/// Where an object stands among those of its concatenation, if it is part of one.
fn concatenation_place(fields: Fields<'_>) -> (Option<i64>, Option<i64>) {
    let number = |tag| fields.integer(tag).filter(|_| fields.has(tags::CONCATENATION_UID));
    (number(tags::IN_CONCATENATION_NUMBER), number(tags::CONCATENATION_FRAME_OFFSET_NUMBER))
}

fn note_oddities(fields: Fields<'_>, elements: &Elements, notes: &mut Notes) {
    let Oddities { odd_length, disorder, wrong_vr } = elements.oddities;
    let uids = [tags::SOP_INSTANCE_UID, tags::STUDY_INSTANCE_UID, tags::SERIES_INSTANCE_UID];
    let is_uid = |text: &str| text.len() <= 64 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let wrong_uid = uids.into_iter().any(|tag| fields.has(tag) && !fields.text(tag).is_some_and(is_uid));
    let sign = fields.integer(tags::PIXEL_REPRESENTATION);
    for (seen, text) in [
        (
            sign.is_some_and(|sign| !matches!(sign, 0 | 1)),
            "a pixel representation (0028,0103) that is neither 0 nor 1; samples are taken as unsigned",
        ),
        (odd_length, "values of odd length (PS3.5 7.1.1)"),
        (disorder, "elements that are repeated or out of order; the first of each is used"),
        (wrong_vr, "elements of the image description with a value representation that is not theirs"),
        (wrong_uid, "unique identifiers that break the rules for them (PS3.5 9.1)"),
        (
            Charset::is_doubtful(fields),
            "an unknown character set, or several that exclude each other (PS3.3 C.12.1.1.2)",
        ),
    ] {
        if seen {
            notes.add(NoteCode::Tolerated, text);
        }
    }
}

/// The longest value of a private element or an overlay that is kept.
const LONG_VALUE: usize = 1024;

/// The dataset without what makes headers large and is read again where it is needed.
fn kept(bytes: &[u8], fields: Fields<'_>) -> Vec<u8> {
    let long = |element: &&Element| {
        let Tag(group, _) = element.tag;
        let droppable = group % 2 == 1 || (0x6000..=0x60FF).contains(&group);
        droppable && element.end - element.start > LONG_VALUE
    };
    let mut kept = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for element in fields.list().iter().filter(long) {
        kept.extend_from_slice(bytes.get(from..element.header).unwrap_or_default());
        from = element.end;
    }
    kept.extend_from_slice(bytes.get(from..).unwrap_or_default());
    kept.shrink_to_fit();
    kept
}

/// How many frames the file can hold: each native frame has its size, each other one an item of at least 8 bytes.
fn most_frames(pixels: Option<&PixelModule>, place: Option<&PixelPlace>) -> u64 {
    let (Some(pixels), Some(place)) = (pixels, place) else { return 0 };
    let available = place.available;
    let Some(length) = place.element.length else { return available / 8 };
    let in_pairs = matches!(pixels.photometric.as_str(), "YBR_FULL_422" | "YBR_PARTIAL_422");
    let samples = if in_pairs { 2 } else { pixels.samples_per_pixel };
    let factors = [pixels.rows, pixels.columns, samples, pixels.bits_allocated];
    let bits = factors.iter().fold(1u64, |product, &n| product.saturating_mul(n.into())).max(8);
    available.min(length.into()).saturating_mul(8) / bits
}
