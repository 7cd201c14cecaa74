//! Phases that nothing names: which images belong together is known by their order alone.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::marks::{IN_NUMBER, IN_TIME, MARKS, Mark, natural};
use super::phases::{Copies, Cuts, Placed};
use crate::Phase;

/// Orders of images in which phases may follow each other.
const ORDERS: [&str; 5] =
    ["trigger time", "frame reference time", "acquisition time", "content time", "instance"];

fn orders() -> impl Iterator<Item = &'static Mark> {
    MARKS.iter().filter(|mark| ORDERS.contains(&mark.name))
}

/// What parts are called that were found by an order, and what that is called.
fn told(mark: &Mark) -> (Mark, &'static str) {
    if mark.name == "instance" { (IN_NUMBER, "their numbers") } else { (IN_TIME, mark.name) }
}

/// Fewer positions than these say nothing about the order in which they are taken up.
const FEWEST_PLACES: usize = 3;

/// Cuts by the order of images: by rank where every place has as many; where some lack images, by what shows which
/// phase has none. `None` where that can't be known: a guess would put slices of several phases into one volume.
pub(crate) fn phases(images: &[Placed], copies: &Copies) -> Option<Cuts> {
    if copies.equal {
        let by = if times_differ(images) { IN_TIME } else { IN_NUMBER };
        return Some(cuts(&by, copies.most, by_rank(images, copies.most)?, None));
    }
    let by_run = || {
        orders().find_map(|mark| {
            let part_of = by_runs(images, copies, mark)?;
            let (by, order) = told(mark);
            let how = format!("a phase begins where, in the order of {order}, the positions begin again");
            Some((by, part_of, how))
        })
    };
    let by_number = || {
        let how = "their numbers leave gaps where images are missing".to_owned();
        Some((IN_NUMBER, by_number(images, copies)?, how))
    };
    let by_window = || {
        orders().filter(|mark| mark.name != "instance").find_map(|mark| {
            let part_of = by_windows(images, copies, mark)?;
            Some((IN_TIME, part_of, format!("each takes its own span of {}", mark.name)))
        })
    };
    let (by, part_of, how) = by_run().or_else(by_number).or_else(by_window)?;
    let text = format!(
        "{} images at {} positions, up to {} at one, and nothing names their phases: {how}",
        images.len(),
        copies.places,
        copies.most
    );
    Some(cuts(&by, copies.most, part_of, Some(text)))
}

fn cuts(by: &Mark, most: usize, part_of: Vec<usize>, assumed: Option<String>) -> Cuts {
    let values: Vec<Option<String>> = (1..=most).map(|n| Some(n.to_string())).collect();
    Cuts { by: by.name, labels: by.labels(&values), part_of, assumed }
}

/// Whether images at one place have different times.
fn times_differ(images: &[Placed]) -> bool {
    images.windows(2).any(|pair| matches!(pair, [a, b] if a.slot == b.slot && by_time(a, b).is_ne()))
}

fn by_time(a: &Placed, b: &Placed) -> Ordering {
    let (p, q) = (a.frame.phase(), b.frame.phase());
    let time = |phase: &Phase| phase.trigger_time_ms.or(phase.frame_reference_time_ms).unwrap_or(0.0);
    time(p).total_cmp(&time(q)).then_with(|| p.acquisition_time.cmp(&q.acquisition_time))
}

/// The times, else the numbers of the images at each place decide. `None` where neither does: a UID tells nothing.
fn by_rank(images: &[Placed], most: usize) -> Option<Vec<usize>> {
    let number = |image: &Placed| (image.frame.instance().place_in_series(), image.frame.number());
    let compare = |a: &Placed, b: &Placed| {
        let content = |image: &Placed| image.frame.phase().content_time.clone();
        let numbers = number(a).cmp(&number(b));
        by_time(a, b).then(numbers).then_with(|| content(a).cmp(&content(b)))
    };
    let mut order: Vec<(usize, &Placed)> = images.iter().enumerate().collect();
    order.sort_by(|(_, x), (_, y)| x.slot.cmp(&y.slot).then_with(|| compare(x, y)));
    let tie = |x: &Placed, y: &Placed| x.slot == y.slot && compare(x, y).is_eq();
    let equal = |pair: &[(usize, &Placed)]| matches!(pair, [(_, x), (_, y)] if tie(x, y));
    if order.windows(2).any(equal) {
        return None;
    }
    let ranks = order.into_iter().enumerate().map(|(rank, (n, _))| (n, rank % most));
    Some(in_order_of_images(ranks))
}

fn in_order_of_images(numbered: impl Iterator<Item = (usize, usize)>) -> Vec<usize> {
    let sorted: BTreeMap<usize, usize> = numbered.collect();
    sorted.into_values().collect()
}

/// Images sorted by a time or by number.
struct Sequence {
    /// The numbers of the images.
    order: Vec<usize>,
    /// Their places.
    slots: Vec<usize>,
    /// How many different times or numbers there are.
    distinct: usize,
}

impl Sequence {
    /// `None` if not every image has a time or number.
    fn new(images: &[Placed], mark: &Mark) -> Option<Self> {
        let values: Vec<Option<String>> = images.iter().map(|image| (mark.of)(&image.frame)).collect();
        let distinct: BTreeSet<&Option<String>> = values.iter().collect();
        if distinct.contains(&None) {
            return None;
        }
        let mut order: Vec<usize> = (0..images.len()).collect();
        let key = |n: usize| values.get(n).map(|value| (natural(value), value));
        order.sort_by(|&a, &b| match (key(a), key(b)) {
            (Some((x, p)), Some((y, q))) => x.total_cmp(&y).then_with(|| p.cmp(q)),
            _ => Ordering::Equal,
        });
        let slots = order.iter().filter_map(|&n| Some(images.get(n)?.slot)).collect();
        Some(Self { distinct: distinct.len(), order, slots })
    }

    /// Its runs upwards and its runs downwards.
    fn runs(&self) -> [Vec<usize>; 2] {
        let descending: Vec<usize> = self.slots.iter().map(|slot| usize::MAX - slot).collect();
        [monotone(&self.slots), monotone(&descending)]
    }
}

/// Sorted by a time or by number, images of one phase follow each other. Runs are accepted only if there are as many
/// as images at the fullest place.
fn by_runs(images: &[Placed], copies: &Copies, mark: &Mark) -> Option<Vec<usize>> {
    let sequence = Sequence::new(images, mark)?;
    if copies.places < FEWEST_PLACES || sequence.distinct < copies.most {
        return None;
    }
    let part_of = sequence
        .runs()
        .into_iter()
        .find(|runs| runs.last() == Some(&(copies.most - 1)))
        .or_else(|| repeating(&sequence.slots, copies))?;
    Some(in_order_of_images(sequence.order.into_iter().zip(part_of)))
}

/// Phases that follow each other in time, each in a span that its images at the fullest places show: an image at a
/// place that lacks some belongs to the phase in whose span it is.
fn by_windows(images: &[Placed], copies: &Copies, mark: &Mark) -> Option<Vec<usize>> {
    let values = mark.values(images.iter().map(|image| &image.frame));
    let times: BTreeMap<&Option<String>, usize> = values.iter().zip(0..).collect();
    let time = |image: &Placed| times.get(&(mark.of)(&image.frame)).copied();
    let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for image in images {
        places.entry(image.slot).or_default().push(time(image)?);
    }
    let mut spans: Vec<(usize, usize)> = vec![(usize::MAX, 0); copies.most];
    for times in places.values_mut().filter(|times| times.len() == copies.most) {
        times.sort_unstable();
        for (span, &time) in spans.iter_mut().zip(times.iter()) {
            *span = (span.0.min(time), span.1.max(time));
        }
    }
    if values.contains(&None) || !spans.windows(2).all(|pair| matches!(pair, [a, b] if a.1 < b.0)) {
        return None;
    }
    let phase = |image: &Placed| {
        let time = time(image)?;
        spans.iter().position(|&(first, last)| (first..=last).contains(&time))
    };
    let part_of: Vec<usize> = images.iter().map(phase).collect::<Option<_>>()?;
    each_once(images, &part_of).then_some(part_of)
}

/// Whether no phase has two images at one place.
fn each_once(images: &[Placed], part_of: &[usize]) -> bool {
    let taken: BTreeSet<(usize, usize)> =
        images.iter().zip(part_of).map(|(image, &part)| (image.slot, part)).collect();
    taken.len() == images.len()
}

/// Passes over positions of which few or none are the same, one for each time that the positions go back: by each
/// order of images that there is.
pub(crate) fn passes(images: &[Placed]) -> impl Iterator<Item = Cuts> {
    orders().filter_map(|mark| {
        let sequence = Sequence::new(images, mark)?;
        let runs = sequence.runs().into_iter().min_by_key(|runs| runs.last().copied())?;
        let count = runs.last()? + 1;
        let (by, order) = told(mark);
        let text = format!(
            "nothing names these volumes: one begins where, in the order of {order}, the positions go back"
        );
        let part_of = in_order_of_images(sequence.order.into_iter().zip(runs));
        (count > 1).then(|| cuts(&by, count, part_of, Some(text)))
    })
}

/// For each image of a sequence the number of its run: one ends where the next place is not behind the last.
fn monotone(slots: &[usize]) -> Vec<usize> {
    let mut run = 0;
    let mut last: Option<usize> = None;
    let number = |&slot: &usize| {
        run += usize::from(last.is_some_and(|last| slot <= last));
        last = Some(slot);
        run
    };
    slots.iter().map(number).collect()
}

/// The same for places that are taken up in any one order, such as the odd ones before the even ones: a run ends where
/// a place comes back. Read forwards and backwards there must be the same runs, as many as phases, and all in the
/// order of one that is whole.
fn repeating(slots: &[usize], copies: &Copies) -> Option<Vec<usize>> {
    let forwards = until_repeated(slots.iter());
    let last = forwards.last().copied()?;
    let mut backwards = until_repeated(slots.iter().rev());
    backwards.reverse();
    let same = forwards.iter().zip(&backwards).all(|(a, b)| a + b == last);
    if last + 1 != copies.most || !same {
        return None;
    }
    let mut runs: Vec<Vec<usize>> = vec![Vec::new(); copies.most];
    for (&run, &slot) in forwards.iter().zip(slots) {
        runs.get_mut(run)?.push(slot);
    }
    let whole = runs.iter().find(|run| run.len() == copies.places)?;
    let follows = |run: &Vec<usize>| {
        let mut places = whole.iter();
        run.iter().all(|slot| places.any(|place| place == slot))
    };
    runs.iter().all(follows).then_some(forwards)
}

fn until_repeated<'a>(slots: impl Iterator<Item = &'a usize>) -> Vec<usize> {
    let mut run = 0;
    let mut seen = BTreeSet::new();
    let number = |&slot: &usize| {
        if !seen.insert(slot) {
            run += 1;
            seen = BTreeSet::from([slot]);
        }
        run
    };
    slots.map(number).collect()
}

/// Images that are numbered place by place, each with all of its phases, and kept their numbers when some were lost.
fn by_number(images: &[Placed], copies: &Copies) -> Option<Vec<usize>> {
    let most = i64::try_from(copies.most).ok()?;
    let number = |image: &Placed| {
        let (instance, frame) = (image.frame.instance().instance_number?, image.frame.number());
        // Frames of one object are numbered together.
        if image.frame.instance().frame_count() > 1 { i64::try_from(frame).ok() } else { Some(instance) }
    };
    let numbers: Vec<i64> = images.iter().map(number).collect::<Option<_>>()?;
    let mut places: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
    for (image, &number) in images.iter().zip(&numbers) {
        places.entry(image.slot).or_default().push(number);
    }
    let mut whole =
        places.values_mut().filter(|numbers| numbers.len() == copies.most).filter_map(|numbers| {
            numbers.sort_unstable();
            let first = *numbers.first()?;
            let consecutive = (first..).zip(numbers.iter()).all(|(expected, &number)| number == expected);
            consecutive.then_some(first.rem_euclid(most))
        });
    let (base, second) = (whole.next()?, whole.next()?);
    if base != second || whole.any(|other| other != base) {
        return None;
    }
    let block = |number: i64| number.saturating_sub(base).div_euclid(most);
    let blocks: Vec<BTreeSet<i64>> =
        places.values().map(|numbers| numbers.iter().map(|&number| block(number)).collect()).collect();
    let distinct: BTreeSet<i64> = blocks.iter().flatten().copied().collect();
    if blocks.iter().any(|block| block.len() != 1) || distinct.len() != blocks.len() {
        return None;
    }
    let phase = |number: &i64| usize::try_from(number.saturating_sub(base).rem_euclid(most)).ok();
    let part_of: Vec<usize> = numbers.iter().map(phase).collect::<Option<_>>()?;
    each_once(images, &part_of).then_some(part_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(most: usize, places: usize) -> Copies {
        Copies { most, usual: most, places, repeated: places, equal: false }
    }

    #[test]
    fn a_run_ends_where_the_positions_go_back() {
        assert_eq!(monotone(&[1, 2, 4, 0, 1, 2, 3]), [0, 0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn interleaved_positions_are_runs_where_both_directions_agree() {
        let of = |slots: &[usize]| repeating(slots, &copies(2, 5));
        assert_eq!(of(&[0, 2, 4, 1, 3, 0, 2, 1, 3]), Some(vec![0, 0, 0, 0, 0, 1, 1, 1, 1]));
        // The first or the last image of a phase is missing: which of them has the other one can't be known.
        assert_eq!(of(&[2, 4, 1, 3, 0, 2, 4, 1, 3]), None);
        assert_eq!(of(&[0, 2, 4, 1, 3, 0, 2, 4, 1]), None);
    }
}
