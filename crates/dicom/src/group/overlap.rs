//! Several acquisitions in one series whose slices lie between each other or cover the same places.

use std::collections::BTreeSet;

use super::marks::{MARKS, Mark};
use super::phases::{Cuts, Placed};
use super::{copies, runs};
use crate::slices::{is_grid, is_regular};

/// An acquisition has at least as many images, if nothing else than its spacing shows that it is one.
const FEWEST: usize = 3;

/// Passes over the same positions have as many of them in common, or they may be images that were made again.
const FEWEST_SHARED: usize = 3;

/// Cuts into acquisitions, or into images of several kinds, that reach into each other: if each has a regular spacing
/// of its own, or if they have several positions in common; one may be at a single position. A scan whose slices are
/// numbered one by one or in turns, and one whose parts follow each other, stays whole. Beside the cuts it says why.
pub(crate) fn acquisitions(images: &[Placed]) -> Option<(Cuts, String)> {
    let z_mm: Vec<f64> = images.iter().map(|image| image.z_mm).collect();
    let slots: BTreeSet<usize> = images.iter().map(|image| image.slot).collect();
    // Parts may end with the slice with which the next begins.
    let repeated = images.len() - slots.len();
    let shared = repeated > 1;
    let in_turns = !shared && (repeated > 0 || is_regular(&z_mm));
    let fewest = if shared { 2 } else { FEWEST };
    let whole = |part: &Vec<&Placed>| {
        let z_mm: Vec<f64> = part.iter().map(|image| image.z_mm).collect();
        let same = |pair: &[&Placed]| matches!(pair, [a, b] if a.slot == b.slot);
        let distinct = !part.windows(2).any(same);
        // Such as the images at one place that watch for the contrast agent.
        let at_one_place = part.windows(2).all(same);
        part.len() >= fewest && (at_one_place || distinct && (shared || is_regular(&z_mm)))
    };
    let by_mark = |mark: &Mark| {
        let cuts = Cuts::by(mark, images, images.len() / fewest)?;
        let parts = parts(images, &cuts);
        let overlap = match shared {
            true => mark.is_of_the_kind() || all_share(&parts),
            false => interleaved(&parts),
        };
        (overlap && parts.iter().all(whole)).then_some(cuts)
    };
    let passes = || {
        // Slices that are taken up in turns stand in one grid, even where some are missing.
        let is_one_scan = if shared {
            repeated < FEWEST_SHARED || copies::at_one_time(images)
        } else {
            in_turns || is_grid(&z_mm)
        };
        let overlap = |cuts: &Cuts| {
            let parts = parts(images, cuts);
            let overlap = if shared { each_shares_with_the_next(&parts) } else { interleaved(&parts) };
            overlap && parts.iter().all(|part| part.len() >= FEWEST && whole(part))
        };
        runs::passes(images).filter(|_| !is_one_scan).find(overlap)
    };
    let mut marks =
        MARKS.iter().filter(|mark| mark.name != "instance" && (mark.is_of_the_kind() || !in_turns));
    let found = marks.find_map(by_mark).or_else(passes)?;
    let why = if shared {
        format!("{repeated} images stand at positions of others")
    } else if in_turns {
        "their slices lie between each other".to_owned()
    } else {
        "together their slices have no regular spacing".to_owned()
    };
    let text = format!(
        "the series was split by {} into {} volumes, which overlap: {why}",
        found.by,
        found.labels.len()
    );
    Some((found, text))
}

fn places(part: &[&Placed]) -> BTreeSet<usize> {
    part.iter().map(|image| image.slot).collect()
}

fn each_shares_with_the_next(parts: &[Vec<&Placed>]) -> bool {
    parts.windows(2).all(|pair| matches!(pair, [a, b] if !places(a).is_disjoint(&places(b))))
}

/// Whether each part has a position in common with another one.
fn all_share(parts: &[Vec<&Placed>]) -> bool {
    let slots: Vec<BTreeSet<usize>> = parts.iter().map(|part| places(part)).collect();
    let shares = |(n, own): (usize, &BTreeSet<usize>)| {
        slots.iter().enumerate().any(|(m, other)| m != n && !own.is_disjoint(other))
    };
    slots.iter().enumerate().all(shares)
}

fn parts<'a>(images: &'a [Placed], cuts: &Cuts) -> Vec<Vec<&'a Placed>> {
    let mut parts: Vec<Vec<&Placed>> = cuts.labels.iter().map(|_| Vec::new()).collect();
    for (image, &part) in images.iter().zip(&cuts.part_of) {
        if let Some(part) = parts.get_mut(part) {
            part.push(image);
        }
    }
    parts
}

/// Whether parts reach into each other by more than the distance of two slices.
fn interleaved(parts: &[Vec<&Placed>]) -> bool {
    let range = |part: &Vec<&Placed>| {
        let (first, last) = (part.first()?.z_mm, part.last()?.z_mm);
        Some((first, last, (last - first) / part.len().saturating_sub(1).max(1) as f64))
    };
    let mut ranges: Vec<(f64, f64, f64)> = parts.iter().filter_map(range).collect();
    ranges.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranges.windows(2).any(|pair| {
        let [(_, end, spacing), (start, last, other)] = pair else { return false };
        end.min(*last) - start > spacing.max(*other)
    })
}
