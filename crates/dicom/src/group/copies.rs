//! Copies of images that have UIDs of their own.

use std::collections::BTreeSet;
use std::sync::Arc;

use anatome_core::{NoteCode, Notes};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

use super::phases::Placed;
use crate::elements::{Elements, Fields};
use crate::{InstanceHeader, Limits};

/// Leaves out images of which another one says the same in all of its header but UIDs: at the same place and moment,
/// with the same number. If only some are like that, none is: then they are no copies.
pub(crate) fn dropped(images: Vec<Placed>, notes: &mut Notes) -> Vec<Placed> {
    let of_one_number = |a: &Placed, b: &Placed| {
        let (a, b) = (a.frame.instance(), b.frame.instance());
        a.frame_count() == 1 && a.instance_number.is_some() && a.instance_number == b.instance_number
    };
    let twins = |pair: &[Placed]| match pair {
        [a, b] if a.slot == b.slot => of_one_number(a, b),
        _ => false,
    };
    let differ = |pair: &[Placed]| match pair {
        [a, b] if twins(pair) => !same_header(a.frame.instance(), b.frame.instance()),
        _ => false,
    };
    if !images.windows(2).any(twins) || !at_one_time(&images) || images.windows(2).any(differ) {
        return images;
    }
    let mut kept: Vec<Placed> = Vec::with_capacity(images.len());
    for image in images {
        if kept.last().is_some_and(|last| last.slot == image.slot && of_one_number(last, &image)) {
            let text = "a copy of another image under a UID of its own is not used: its header says the same";
            notes.add(NoteCode::DuplicateSlice, text);
        } else {
            kept.push(image);
        }
    }
    kept
}

/// Whether all images at one place were acquired at one moment, in a series whose other images were at others.
pub(crate) fn at_one_time(images: &[Placed]) -> bool {
    let time = |image: &Placed| image.frame.phase().acquisition_time.clone();
    let moments: BTreeSet<Option<Arc<str>>> = images.iter().map(time).collect();
    let differ = |pair: &[Placed]| matches!(pair, [a, b] if a.slot == b.slot && time(a) != time(b));
    moments.len() > 1 && !moments.contains(&None) && !images.windows(2).any(differ)
}

/// Whether two headers say the same but for UIDs and when the files were made.
fn same_header(a: &InstanceHeader, b: &InstanceHeader) -> bool {
    let limits = Limits::default();
    let (Ok(mine), Ok(theirs)) = (a.dataset.walk(&limits), b.dataset.walk(&limits)) else { return false };
    of_the_image(a, &mine).eq(of_the_image(b, &theirs))
}

fn of_the_image<'a>(
    header: &'a InstanceHeader,
    elements: &'a Elements,
) -> impl Iterator<Item = (Tag, Option<&'a [u8]>)> {
    let of_the_file = [tags::INSTANCE_CREATION_DATE, tags::INSTANCE_CREATION_TIME];
    let list = Fields::new(&header.dataset.bytes, elements).list().iter();
    let kept = list.filter(move |element| element.vr != VR::UI && !of_the_file.contains(&element.tag));
    kept.map(|element| (element.tag, header.dataset.bytes.get(element.start..element.end)))
}
