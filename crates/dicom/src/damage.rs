//! Images that can't be decoded, and the copies that stand in for them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use anatome_core::{NoteCode, Notes};

use crate::{Error, Frame, InstanceHeader, Skipped, decode};

/// So many images are named in a note or report, the rest counted.
pub(crate) const MOST_NAMED: usize = 5;

/// An image of a series that can't be decoded.
pub(crate) struct Damage {
    /// What it is called in a note.
    pub image: String,
    /// The object that holds it.
    pub header: Arc<InstanceHeader>,
    /// Why not.
    pub error: Error,
    /// Another file has the same image, and that one is used.
    pub replaced: bool,
}

impl Damage {
    /// Of a frame that stands at a place (from 0) of a series.
    pub fn of_frame(frame: &Frame, place: usize, error: Error, replaced: bool) -> Self {
        let header = frame.instance();
        let image = match (header.instance_number, header.frame_count() > 1) {
            (Some(image), true) => format!("frame {} of image {image}", frame.number()),
            (Some(image), false) => format!("image {image}"),
            (None, true) => format!("frame {}", frame.number()),
            (None, false) => format!("the image at place {}", place + 1),
        };
        Self { image, header: Arc::clone(header), error, replaced }
    }

    /// Of an image of which the header tells it.
    fn of_image(header: Arc<InstanceHeader>, error: Error, replaced: bool) -> Self {
        let number = header.instance_number;
        let image = number.map_or("an image without a number".to_owned(), |number| format!("image {number}"));
        Self { image, header, error, replaced }
    }

    /// The file that holds it.
    pub fn file(&self) -> Skipped {
        let code = if self.replaced { NoteCode::Tolerated } else { NoteCode::Damaged };
        Skipped { code, ..Skipped::of(self.header.file(), &self.error) }
    }
}

/// Adds which images were left out, and which were read from another file: one note for each reason.
pub(crate) fn note<'a>(damages: impl IntoIterator<Item = &'a Damage>, notes: &mut Notes) {
    let mut by_reason: BTreeMap<(bool, String), (Vec<&str>, usize)> = BTreeMap::new();
    for damage in damages {
        let (images, count) = by_reason.entry((damage.replaced, damage.error.to_string())).or_default();
        *count += 1;
        // Several copies may be damaged.
        if images.last() != Some(&damage.image.as_str()) {
            images.push(&damage.image);
        }
    }
    for ((replaced, reason), (images, count)) in by_reason {
        let mut named = images.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
        if images.len() > MOST_NAMED {
            named += &format!(" and {} more", images.len() - MOST_NAMED);
        }
        let was = if images.len() == 1 { "was" } else { "were" };
        let (code, text) = if replaced {
            (NoteCode::Tolerated, format!("{named} {was} read from another copy: {reason}"))
        } else {
            (NoteCode::Damaged, format!("{named} {was} left out: {reason}"))
        };
        notes.add_many(code, text, count);
    }
}

/// The damaged files among `files`, each once.
pub(crate) fn files<'a>(damages: impl IntoIterator<Item = &'a Damage>) -> Vec<Skipped> {
    let mut seen = HashSet::new();
    let new = |damage: &&'a Damage| seen.insert(Arc::as_ptr(&damage.header));
    damages.into_iter().filter(new).map(Damage::file).collect()
}

/// Images of which the headers tell that they can't be decoded. Those of which a whole copy is there are taken out of
/// `headers`.
pub(crate) fn told_by_headers(headers: &mut Vec<Arc<InstanceHeader>>) -> Vec<Damage> {
    let faults: Vec<Option<Error>> = headers.iter().map(|header| decode::fault(header)).collect();
    if faults.iter().all(Option::is_none) {
        return Vec::new();
    }
    let name = |header: &Arc<InstanceHeader>| {
        let uids = (header.series_instance_uid.clone(), header.sop_instance_uid.clone());
        let place = header.plane.image_position_mm.map(|mm| mm.to_array().map(f64::to_bits));
        (header.patient, uids, header.instance_number, place)
    };
    let is_whole = |(header, fault): &(&Arc<InstanceHeader>, &Option<Error>)| {
        fault.is_none() && !header.sop_instance_uid.is_empty()
    };
    let whole = headers.iter().zip(&faults).filter(is_whole);
    let whole: HashSet<_> = whole.map(|(header, _)| name(header)).collect();
    let mut damages = Vec::new();
    let mut kept = Vec::with_capacity(headers.len());
    for (header, fault) in headers.drain(..).zip(faults) {
        let Some(error) = fault else {
            kept.push(header);
            continue;
        };
        let replaced = whole.contains(&name(&header));
        damages.push(Damage::of_image(Arc::clone(&header), error, replaced));
        if !replaced {
            kept.push(header);
        }
    }
    *headers = kept;
    damages
}

/// Other files with the UIDs of objects that are used, to turn to where those are damaged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Copies(HashMap<String, Vec<Arc<InstanceHeader>>>);

impl Copies {
    pub fn add(&mut self, header: Arc<InstanceHeader>) {
        self.0.entry(header.sop_instance_uid.clone()).or_default().push(header);
    }

    /// Those that say of their pixels what `header` does, whatever their transfer syntax.
    pub fn of<'a>(&'a self, header: &'a InstanceHeader) -> impl Iterator<Item = &'a Arc<InstanceHeader>> {
        let copies = self.0.get(&header.sop_instance_uid).map(Vec::as_slice).unwrap_or_default();
        let element = |header: &InstanceHeader| header.pixel_data.map(|place| place.element.tag);
        copies.iter().filter(move |copy| {
            copy.instance_number == header.instance_number
                && copy.pixels == header.pixels
                && element(copy) == element(header)
                && copy.plane == header.plane
                && copy.values == header.values
                && copy.frames == header.frames
        })
    }
}
