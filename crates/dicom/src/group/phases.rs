//! Images at one position: phases of a dynamic series, a cine of one place, or duplicates.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use anatome_core::{NoteCode, Notes};

use super::marks::{MARKS, Mark};
use super::{copies, overlap, runs};
use crate::slices::slots;
use crate::{Frame, InstanceHeader, StackFault};

/// The frames of one phase, in order along the normal, one for each position; or frames that are no phase.
pub(crate) struct Phase {
    pub name: Option<String>,
    pub frames: Vec<Frame>,
    /// Why they make no volume, although they have positions.
    pub fault: Option<StackFault>,
    /// What was found of this phase alone.
    pub notes: Notes,
}

/// A frame, its distance along the normal, and the number of the place where that is.
pub(crate) struct Placed {
    pub slot: usize,
    pub z_mm: f64,
    pub frame: Frame,
}

/// Splits frames that stand in order along the normal into phases, if positions repeat systematically and something
/// tells the phases apart. Where nothing does, all stay together and make no volume. Single images at the position of
/// another one are duplicates, of which the best stays.
pub(crate) fn split(placed: Vec<(f64, Frame)>, notes: &mut Notes) -> Vec<Phase> {
    let z_mm: Vec<f64> = placed.iter().map(|(z, _)| *z).collect();
    let slots = slots(&z_mm, placed.first().and_then(|(_, frame)| frame.pixel_mm()));
    let place = |(slot, (z_mm, frame))| Placed { slot, z_mm, frame };
    let mut images: Vec<Placed> = slots.into_iter().zip(placed).map(place).collect();
    // At one position instance numbers decide, not what rounding leaves of the distance.
    images.sort_by(|a, b| a.slot.cmp(&b.slot).then_with(|| Frame::by_number(&a.frame, &b.frame)));
    if side_by_side(&images) {
        return vec![Phase::whole(images)];
    }
    divide(copies::dropped(images, notes), &[], notes)
}

/// Cuts images as far as something tells them apart. `name` is that of the part that they are.
fn divide(images: Vec<Placed>, name: &[String], notes: &mut Notes) -> Vec<Phase> {
    let copies = Copies::of(&images);
    if copies.places == 1 && copies.most > 1 {
        return at_one_place(images, name, notes);
    }
    if copies.systematic() {
        return phases(images, &copies, name, notes);
    }
    match overlap::acquisitions(&images).or_else(|| kinds(&images)) {
        Some((mut cuts, text)) => {
            notes.add(NoteCode::Split, text);
            cuts.assumed.take().into_iter().for_each(|text| notes.add(NoteCode::Assumed, text));
            divided(cuts.apply(images).map(|(label, part)| (vec![label], part)), name, notes)
        }
        None => vec![best_of(images).named(name)],
    }
}

fn divided(
    parts: impl IntoIterator<Item = (Vec<String>, Vec<Placed>)>,
    name: &[String],
    notes: &mut Notes,
) -> Vec<Phase> {
    let each = |(label, part): (Vec<String>, Vec<Placed>)| divide(part, &[name, &label].concat(), notes);
    parts.into_iter().flat_map(each).collect()
}

/// As many kinds of images are told apart where few stand at the position of another one. More are no kinds: their
/// numbers vary from image to image.
const FEW_KINDS: usize = 4;

/// Of images at one position only those are duplicates that are of one kind: cuts by kind, and why.
fn kinds(images: &[Placed]) -> Option<(Cuts, String)> {
    let differ_at_a_place = |mark: &Mark| {
        let differ = |a: &Placed, b: &Placed| a.slot == b.slot && (mark.of)(&a.frame) != (mark.of)(&b.frame);
        images.windows(2).any(|pair| matches!(pair, [a, b] if differ(a, b)))
    };
    let mut kinds = MARKS.iter().filter(|mark| mark.is_of_the_kind() && differ_at_a_place(mark));
    let cuts = kinds.find_map(|mark| Cuts::by(mark, images, FEW_KINDS))?;
    let text = format!(
        "the series was split by {}: images at one position differ in it, and are no duplicates",
        cuts.by
    );
    Some((cuts, text))
}

fn phases(images: Vec<Placed>, copies: &Copies, name: &[String], notes: &mut Notes) -> Vec<Phase> {
    let mut cutting = Cutting::default();
    cutting.cut(images, &mut Vec::new());
    let Cutting { used, mut parts, by_order } = cutting;
    if parts.len() < 2 {
        let images = parts.pop().map(|(_, images)| images).unwrap_or_default();
        return vec![mixed(images, copies).named(name)];
    }
    let by = used.join(" and ");
    notes.add(NoteCode::Split, format!("the series was split by {by} into {} volumes", parts.len()));
    by_order.into_iter().for_each(|text| notes.add(NoteCode::Assumed, text));
    divided(parts, name, notes)
}

impl Phase {
    fn whole(images: Vec<Placed>) -> Self {
        let frames = images.into_iter().map(|image| image.frame).collect();
        Self { name: None, frames, fault: None, notes: Notes::new() }
    }

    fn named(self, name: &[String]) -> Self {
        Self { name: (!name.is_empty()).then(|| name.join(", ")), ..self }
    }
}

/// How many frames stand at each place.
pub(crate) struct Copies {
    pub most: usize,
    /// The median of all places.
    pub usual: usize,
    /// Places with a frame, and those with several.
    pub places: usize,
    pub repeated: usize,
    /// All places have as many.
    pub equal: bool,
}

impl Copies {
    fn of(images: &[Placed]) -> Self {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for image in images {
            *counts.entry(image.slot).or_default() += 1;
        }
        Self::counted(counts)
    }

    fn counted(counts: BTreeMap<usize, usize>) -> Self {
        let most = counts.values().copied().max().unwrap_or(0);
        let mut sorted: Vec<usize> = counts.values().copied().collect();
        sorted.sort_unstable();
        Self {
            most,
            usual: sorted.get(sorted.len() / 2).copied().unwrap_or(0),
            places: counts.len(),
            repeated: counts.values().filter(|&&n| n > 1).count(),
            equal: counts.values().all(|&n| n == most),
        }
    }

    fn systematic(&self) -> bool {
        self.most > 1 && self.places > 1 && 2 * self.repeated >= self.places
    }
}

/// Whether images at one position along the normal stand at different places in their plane: tiles, not phases.
fn side_by_side(images: &[Placed]) -> bool {
    images.windows(2).any(|pair| {
        let [a, b] = pair else { return false };
        let (x, y) = (a.frame.plane(), b.frame.plane());
        let apart = x.image_position_mm.zip(y.image_position_mm).map(|(p, q)| p.distance(q));
        let pixel_mm = x.pixel_spacing_mm.map_or(1.0, |[row, column]| row.min(column));
        a.slot == b.slot && apart.is_some_and(|mm| mm > pixel_mm)
    })
}

/// Series that are being cut into parts.
#[derive(Default)]
struct Cutting {
    /// The names of the marks.
    used: Vec<&'static str>,
    parts: Vec<(Vec<String>, Vec<Placed>)>,
    /// What was concluded from the order of images.
    by_order: Vec<String>,
}

impl Cutting {
    /// Cuts by the first mark that tells phases apart, then each part likewise. `name` is that of the part.
    fn cut(&mut self, images: Vec<Placed>, name: &mut Vec<String>) {
        let copies = Copies::of(&images);
        let cuts = MARKS.iter().find_map(|mark| parts_by(&images, &copies, mark));
        let cuts = cuts.or_else(|| runs::phases(&images, &copies).filter(|_| copies.systematic()));
        let Some(mut cuts) = cuts else { return self.parts.push((name.clone(), images)) };
        if !self.used.contains(&cuts.by) {
            self.used.push(cuts.by);
        }
        self.by_order.extend(cuts.assumed.take());
        for (label, group) in cuts.apply(images) {
            name.push(label);
            self.cut(group, name);
            name.pop();
        }
    }
}

/// A way to cut images into parts.
pub(crate) struct Cuts {
    /// The name of what tells them apart.
    pub by: &'static str,
    /// The name of each part.
    pub labels: Vec<String>,
    /// For each image the number of its part.
    pub part_of: Vec<usize>,
    /// What was concluded where nothing is stated.
    pub assumed: Option<String>,
}

impl Cuts {
    /// By the values of a mark; `None` if there is but one, or more than `most`.
    pub fn by(mark: &Mark, images: &[Placed], most: usize) -> Option<Self> {
        let marks: Vec<Option<String>> = images.iter().map(|image| (mark.of)(&image.frame)).collect();
        let distinct: BTreeSet<&Option<String>> = marks.iter().collect();
        if distinct.len() < 2 || distinct.len() > most {
            return None;
        }
        let values = mark.values(images.iter().map(|image| &image.frame));
        let number: BTreeMap<&Option<String>, usize> =
            values.iter().enumerate().map(|(n, v)| (v, n)).collect();
        let part_of = marks.iter().filter_map(|mark| number.get(mark).copied()).collect();
        Some(Self { by: mark.name, labels: mark.labels(&values), part_of, assumed: None })
    }

    pub fn apply(self, images: Vec<Placed>) -> impl Iterator<Item = (String, Vec<Placed>)> {
        let mut groups: Vec<Vec<Placed>> = self.labels.iter().map(|_| Vec::new()).collect();
        for (image, part) in images.into_iter().zip(self.part_of) {
            if let Some(group) = groups.get_mut(part) {
                group.push(image);
            }
        }
        self.labels.into_iter().zip(groups)
    }
}

/// Cuts by a mark, if that takes apart what stands at one place: the parts' copies add up to those of the whole, at the
/// fullest place or at most places. A mark that changes from place to place, such as the time of each slice, does not.
fn parts_by(images: &[Placed], copies: &Copies, mark: &Mark) -> Option<Cuts> {
    let cuts = Cuts::by(mark, images, copies.most)?;
    let mut parts: Vec<BTreeMap<usize, usize>> = vec![BTreeMap::new(); cuts.labels.len()];
    for (image, &part) in images.iter().zip(&cuts.part_of) {
        *parts.get_mut(part)?.entry(image.slot).or_default() += 1;
    }
    let parts: Vec<Copies> = parts.into_iter().map(Copies::counted).collect();
    let adds_up = |of: fn(&Copies) -> usize| parts.iter().map(of).sum::<usize>() == of(copies);
    (adds_up(|copies| copies.most) || adds_up(|copies| copies.usual)).then_some(cuts)
}

/// Kinds of images that are looked at one kind after the other, not in turns.
const KINDS: [&str; 3] = ["contrast phase", "kernel", "image type"];

/// Several images at the one position of a series: a cine, or one slice with several settings. Nothing is lost, and
/// a volume of each would be of little use.
fn at_one_place(images: Vec<Placed>, name: &[String], notes: &mut Notes) -> Vec<Phase> {
    let of_kind = |mark: &&Mark| KINDS.contains(&mark.name);
    let cuts = MARKS.iter().filter(of_kind).find_map(|mark| {
        let cuts = Cuts::by(mark, &images, images.len() / 2)?;
        let mut counts = vec![0usize; cuts.labels.len()];
        cuts.part_of.iter().filter_map(|&part| counts.get_mut(part).map(|n| *n += 1)).for_each(drop);
        counts.iter().all(|&n| n > 1).then_some(cuts)
    });
    let Some(cuts) = cuts else { return vec![in_turn(images).named(name)] };
    notes.add(
        NoteCode::Split,
        format!("the series was split by {} into {} stacks", cuts.by, cuts.labels.len()),
    );
    let stacks = cuts.apply(images);
    stacks.map(|(label, images)| in_turn(images).named(&[name, &[label]].concat())).collect()
}

/// Images at one position in the order of all that tells them apart.
fn in_turn(images: Vec<Placed>) -> Phase {
    let varying = |mark: &&Mark| mark.values(images.iter().map(|image| &image.frame)).len() > 1;
    let marks: Vec<&Mark> = MARKS.iter().filter(varying).collect();
    let of_the_image = marks.iter().any(|mark| mark.is_of_the_image());
    let qualities: BTreeSet<_> = images.iter().map(|image| quality(image.frame.instance())).collect();
    if !of_the_image && qualities.len() > 1 {
        return best_of(images);
    }
    let rank_by = |mark: &&Mark| -> BTreeMap<Option<String>, usize> {
        mark.values(images.iter().map(|image| &image.frame)).into_iter().zip(0..).collect()
    };
    let ranks: Vec<BTreeMap<Option<String>, usize>> = marks.iter().map(rank_by).collect();
    let rank = |image: &Placed| -> Vec<Option<usize>> {
        marks.iter().zip(&ranks).map(|(mark, ranks)| ranks.get(&(mark.of)(&image.frame)).copied()).collect()
    };
    let mut ranked: Vec<(Vec<Option<usize>>, Placed)> =
        images.into_iter().map(|image| (rank(&image), image)).collect();
    ranked.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut phase = Phase::whole(ranked.into_iter().map(|(_, image)| image).collect());
    let count = phase.frames.len();
    let order = match marks.first() {
        Some(mark) if mark.name != "instance" => mark.name,
        _ => "their numbers",
    };
    let text = format!("{count} images at one position: they follow each other in the order of {order}");
    phase.notes.add(NoteCode::Ordered, text);
    phase.fault = Some(StackFault::OnePosition { images: count });
    phase
}

/// Images of several phases that can't be told apart: a volume would hold slices of one and of the other.
fn mixed(mut images: Vec<Placed>, copies: &Copies) -> Phase {
    images.sort_by(|a, b| Frame::by_number(&a.frame, &b.frame));
    let (count, places) = (images.len(), copies.places);
    let mut phase = Phase::whole(images);
    let text = format!(
        "{count} images at {places} positions, up to {} at one, and nothing tells which belong together: they make \
         no volume, and follow each other in the order of their numbers",
        copies.most
    );
    phase.notes.add(NoteCode::Ordered, text);
    phase.fault = Some(StackFault::Mixed { images: count, positions: places });
    phase
}

/// One image for each place: without loss before lossy, more bits before fewer, then the first.
fn best_of(images: Vec<Placed>) -> Phase {
    let mut notes = Notes::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut last = None;
    for Placed { slot, frame, .. } in images {
        match frames.last_mut() {
            Some(kept) if last == Some(slot) => {
                let order = quality(frame.instance()).cmp(&quality(kept.instance()));
                let text = match order {
                    Ordering::Equal => "an image at the position of another one is not used: it comes second",
                    _ => {
                        "an image at the position of another one is not used: the other has more bits or no loss"
                    }
                };
                notes.add(NoteCode::DuplicateSlice, text);
                if order == Ordering::Greater {
                    *kept = frame;
                }
            }
            _ => frames.push(frame),
        }
        last = Some(slot);
    }
    note_kinds(&frames, &mut notes);
    Phase { name: None, frames, fault: None, notes }
}

/// Says what the images of a volume differ in that should be of one kind, such as parts that follow each other.
fn note_kinds(frames: &[Frame], notes: &mut Notes) {
    for mark in MARKS.iter().filter(|mark| mark.is_of_the_kind() && !KINDS_OF_SLICES.contains(&mark.name)) {
        let values = mark.values(frames);
        if (2..=FEW_KINDS).contains(&values.len()) {
            let text = format!("the images of this volume differ in {}", mark.listed(&values));
            notes.add(NoteCode::Mixed, text);
        }
    }
}

/// Single slices of one scan may differ in these.
const KINDS_OF_SLICES: [&str; 2] = ["image type", "temporal position"];

/// What makes one of two equal images the better one.
pub(crate) fn quality(header: &InstanceHeader) -> (bool, u32) {
    let bits = header.pixels.as_ref().map_or(0, |pixels| pixels.bits_stored);
    (!header.values.lossy && !header.transfer_syntax.may_be_lossy(), bits)
}
