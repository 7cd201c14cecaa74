//! Phases that nothing names: which images belong together is known by their order alone.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::marks::{IN_NUMBER, IN_TIME, MARKS, Mark, natural};
use super::phases::{Copies, Cuts, Placed};

/// Orders of images in which phases may follow each other.
const ORDERS: [&str; 5] =
    ["trigger time", "frame reference time", "acquisition time", "content time", "instance"];

/// Fewer positions than these say nothing about the order in which they are taken up.
const FEWEST_PLACES: usize = 3;

/// Cuts by the order of images: by rank where every place has as many; where some lack images, by what shows which
/// phase has none. `None` where that can't be known: a guess would put slices of several phases into one volume.
pub(crate) fn phases(images: &[Placed], copies: &Copies) -> Option<Cuts> {
    if copies.equal {
        let by = if times_differ(images) { IN_TIME } else { IN_NUMBER };
        return Some(cuts(&by, copies.most, by_rank(images, copies.most), None));
    }
    let orders = MARKS.iter().filter(|mark| ORDERS.contains(&mark.name));
    let by_run = || {
        orders.into_iter().find_map(|mark| {
            let part_of = by_runs(images, copies, mark)?;
            let (by, order) =
                if mark.name == "instance" { (IN_NUMBER, "their numbers") } else { (IN_TIME, mark.name) };
            let how = format!("a phase begins where, in the order of {order}, the positions begin again");
            Some((by, part_of, how))
        })
    };
    let by_number = || {
        let how = "their numbers leave gaps where images are missing".to_owned();
        Some((IN_NUMBER, by_number(images, copies)?, how))
    };
    let (by, part_of, how) = by_run().or_else(by_number)?;
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
    images.windows(2).any(|pair| {
        let [a, b] = pair else { return false };
        let (p, q) = (a.frame.phase(), b.frame.phase());
        a.slot == b.slot
            && (p.trigger_time_ms != q.trigger_time_ms
                || p.frame_reference_time_ms != q.frame_reference_time_ms
                || p.acquisition_time != q.acquisition_time)
    })
}

/// The times, else the numbers of the images at each place decide.
fn by_rank(images: &[Placed], most: usize) -> Vec<usize> {
    let time = |image: &Placed| {
        let phase = image.frame.phase();
        phase.trigger_time_ms.or(phase.frame_reference_time_ms).unwrap_or(0.0)
    };
    let mut order: Vec<(usize, &Placed)> = images.iter().enumerate().collect();
    order.sort_by(|(a, x), (b, y)| {
        let (p, q) = (x.frame.phase(), y.frame.phase());
        x.slot
            .cmp(&y.slot)
            .then(time(x).total_cmp(&time(y)))
            .then_with(|| p.acquisition_time.cmp(&q.acquisition_time))
            .then(a.cmp(b))
    });
    let ranks = order.into_iter().enumerate().map(|(rank, (n, _))| (n, rank % most));
    in_order_of_images(ranks)
}

fn in_order_of_images(numbered: impl Iterator<Item = (usize, usize)>) -> Vec<usize> {
    let sorted: BTreeMap<usize, usize> = numbered.collect();
    sorted.into_values().collect()
}

/// Sorted by a time or by number, images of one phase follow each other. Runs are accepted only if there are as many
/// as images at the fullest place.
fn by_runs(images: &[Placed], copies: &Copies, mark: &Mark) -> Option<Vec<usize>> {
    let values: Vec<Option<String>> = images.iter().map(|image| (mark.of)(&image.frame)).collect();
    let distinct: BTreeSet<&Option<String>> = values.iter().collect();
    if copies.places < FEWEST_PLACES || distinct.contains(&None) || distinct.len() < copies.most {
        return None;
    }
    let mut order: Vec<usize> = (0..images.len()).collect();
    let key = |n: usize| values.get(n).map(|value| (natural(value), value));
    order.sort_by(|&a, &b| match (key(a), key(b)) {
        (Some((x, p)), Some((y, q))) => x.total_cmp(&y).then_with(|| p.cmp(q)),
        _ => Ordering::Equal,
    });
    let slots: Vec<usize> = order.iter().filter_map(|&n| Some(images.get(n)?.slot)).collect();
    let descending: Vec<usize> = slots.iter().map(|slot| usize::MAX - slot).collect();
    let runs = [monotone(&slots), monotone(&descending)];
    let part_of = runs
        .into_iter()
        .find(|runs| runs.last() == Some(&(copies.most - 1)))
        .or_else(|| repeating(&slots, copies))?;
    Some(in_order_of_images(order.into_iter().zip(part_of)))
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
    let taken: BTreeSet<(usize, usize)> =
        images.iter().zip(&part_of).map(|(image, &part)| (image.slot, part)).collect();
    (taken.len() == images.len()).then_some(part_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(most: usize, places: usize) -> Copies {
        Copies { most, places, repeated: places, equal: false }
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
