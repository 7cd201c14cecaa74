//! A dataset or a sequence's item, with what its values need to be read.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::{CielabColor, Code, FreeText, ImageReference, SeriesReference};
use crate::charset::Charset;
use crate::elements::Fields;
use crate::{Error, Limits, parse};

/// The longest text that is kept of one element, in bytes.
const LONGEST_TEXT: usize = 16 << 10;

#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub fields: Fields<'a>,
    charset: Charset,
    pub limits: &'a Limits,
}

impl<'a> Item<'a> {
    pub fn dataset(fields: Fields<'a>, limits: &'a Limits) -> Self {
        Self { fields, charset: Charset::of(fields), limits }
    }

    /// Gives `visit` each item of a sequence.
    pub fn each(self, tag: Tag, mut visit: impl FnMut(Item<'_>) -> Result<(), Error>) -> Result<(), Error> {
        for item in self.fields.each_item(tag, self.limits) {
            let (bytes, elements) = item?;
            let fields = Fields::new(bytes, &elements);
            visit(Item { fields, charset: self.charset.within(fields), limits: self.limits })?;
        }
        Ok(())
    }

    /// Reads every item of a sequence.
    pub fn all<T>(
        self,
        tag: Tag,
        mut read: impl FnMut(Item<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        self.each(tag, |item| {
            all.push(read(item)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// Reads a sequence's first item.
    pub fn first<T>(
        self,
        tag: Tag,
        read: impl FnOnce(Item<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let Some(item) = self.fields.each_item(tag, self.limits).next() else { return Ok(None) };
        let (bytes, elements) = item?;
        let fields = Fields::new(bytes, &elements);
        read(Item { fields, charset: self.charset.within(fields), limits: self.limits }).map(Some)
    }

    pub fn text(self, tag: Tag) -> Option<FreeText> {
        self.charset.text(self.fields, tag, LONGEST_TEXT).map(FreeText)
    }

    pub fn uid(self, tag: Tag) -> Option<String> {
        parse::uid(self.fields, tag)
    }

    /// A code string; `None` if the value breaks the rules for one.
    pub fn code_string(self, tag: Tag) -> Option<String> {
        self.fields.text(tag).and_then(parse::code_string).filter(|code| !code.is_empty())
    }

    /// Whether a code string is this term.
    pub fn is(self, tag: Tag, term: &str) -> bool {
        self.fields.text(tag).is_some_and(|text| text.eq_ignore_ascii_case(term))
    }

    pub fn finite(self, tag: Tag) -> Option<f64> {
        self.fields.number(tag).filter(|n| n.is_finite())
    }

    /// A number from 0 on.
    pub fn unsigned(self, tag: Tag) -> Option<u32> {
        self.fields.integer(tag).and_then(|n| u32::try_from(n).ok())
    }

    /// Exactly `N` finite numbers.
    pub fn finites<const N: usize>(self, tag: Tag) -> Option<[f64; N]> {
        let numbers: [f64; N] = self.fields.numbers(tag).try_into().ok()?;
        numbers.iter().all(|n| n.is_finite()).then_some(numbers)
    }

    /// A CIELab colour as 16-bit numbers (PS3.3 C.10.7.1.1).
    pub fn color(self, tag: Tag) -> Option<CielabColor> {
        let numbers = self.finites::<3>(tag)?;
        let whole = |n: f64| (n.fract() == 0.0 && (0.0..=65_535.0).contains(&n)).then_some(n as u16);
        Some(CielabColor { encoded: [whole(numbers[0])?, whole(numbers[1])?, whole(numbers[2])?] })
    }

    /// The code of a code sequence's first item (PS3.3 8.8).
    pub fn code(self, tag: Tag) -> Result<Option<Code>, Error> {
        self.first(tag, |item| Ok(item.own_code()))
    }

    pub fn codes(self, tag: Tag) -> Result<Vec<Code>, Error> {
        self.all(tag, |item| Ok(item.own_code()))
    }

    /// The code that this item itself is.
    pub fn own_code(self) -> Code {
        let value = [tags::CODE_VALUE, tags::LONG_CODE_VALUE, tags::URN_CODE_VALUE];
        let text = |tag| parse::uid(self.fields, tag);
        Code {
            value: value.into_iter().find_map(text).unwrap_or_default(),
            scheme: text(tags::CODING_SCHEME_DESIGNATOR).unwrap_or_default(),
            meaning: self.text(tags::CODE_MEANING).unwrap_or_default(),
        }
    }

    /// References to instances, perhaps to some of their frames (PS3.3 10.3).
    pub fn images(self, tag: Tag) -> Result<Vec<ImageReference>, Error> {
        self.all(tag, |item| {
            let frames = item.fields.numbers(tags::REFERENCED_FRAME_NUMBER).into_iter();
            Ok(ImageReference {
                sop_class_uid: item.uid(tags::REFERENCED_SOP_CLASS_UID).unwrap_or_default(),
                sop_instance_uid: item.uid(tags::REFERENCED_SOP_INSTANCE_UID).unwrap_or_default(),
                frames: frames
                    .filter(|n| n.fract() == 0.0 && (1.0..=4e9).contains(n))
                    .map(|n| n as u32)
                    .collect(),
            })
        })
    }

    /// Series, each with its instances: in `series` items, whose instances are in `images` items.
    pub fn series(self, series: Tag, images: Tag) -> Result<Vec<SeriesReference>, Error> {
        self.all(series, |item| {
            let series_instance_uid = item.uid(tags::SERIES_INSTANCE_UID);
            Ok(SeriesReference { series_instance_uid, images: item.images(images)? })
        })
    }
}
