//! What groups of images of one series differ in: why it was split, and what the parts are called.

use std::collections::BTreeMap;

/// How the difference is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Images differ in this.
    In(&'static str),
    /// A clause of its own.
    As(&'static str),
}

/// One thing in which groups may differ.
pub(crate) struct Aspect {
    pub told: Told,
    /// Groups with the same number do not differ in it.
    pub kind: usize,
    /// What a group is called by it, if it says something.
    pub label: Option<String>,
}

/// Why groups stand apart, and their names.
pub(crate) struct Apart {
    pub reason: String,
    pub names: Vec<String>,
}

/// For each value the number of its kind, in the order in which kinds come.
pub(crate) fn numbered<T: Ord>(values: impl Iterator<Item = T>) -> Vec<usize> {
    let mut found = BTreeMap::new();
    let number = |value| {
        let next = found.len();
        *found.entry(value).or_insert(next)
    };
    values.map(number).collect()
}

/// The same where being of one kind is a matter of tolerance.
pub(crate) fn kinds<T>(items: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<usize> {
    let mut firsts: Vec<&T> = Vec::new();
    let mut kind = |item| {
        firsts.iter().position(|first| same(first, item)).unwrap_or_else(|| {
            firsts.push(item);
            firsts.len() - 1
        })
    };
    items.iter().map(&mut kind).collect()
}

/// Tells groups apart by their aspects, which are the same for all and in the same order, the most telling first.
/// A name has no more in it than it takes.
pub(crate) fn tell_apart(groups: &[Vec<Aspect>]) -> Apart {
    let count = groups.iter().map(Vec::len).min().unwrap_or(0);
    let aspect = |n: usize| groups.iter().filter_map(move |group| group.get(n));
    let differs = |&n: &usize| aspect(n).any(|other| aspect(n).next().is_some_and(|a| a.kind != other.kind));
    let differing: Vec<usize> = (0..count).filter(differs).collect();
    let mut names: Vec<Vec<&str>> = vec![Vec::new(); groups.len()];
    for &n in &differing {
        let open = unclear(&names);
        for ((name, aspect), open) in names.iter_mut().zip(aspect(n)).zip(open) {
            name.extend(aspect.label.as_deref().filter(|_| open));
        }
    }
    let open = unclear(&names);
    let name = |(n, (name, open)): (usize, (Vec<&str>, bool))| {
        let number = open.then(|| format!("group {}", n + 1));
        let parts: Vec<&str> = name.into_iter().chain(number.as_deref()).collect();
        parts.join(", ")
    };
    let names = names.into_iter().zip(open).enumerate().map(name).collect();
    let told: Vec<Told> = differing.iter().filter_map(|&n| aspect(n).next()).map(|a| a.told).collect();
    Apart { reason: reason(&told), names }
}

/// Which names are empty or not the only ones of their kind.
fn unclear(names: &[Vec<&str>]) -> Vec<bool> {
    let mut counts: BTreeMap<&[&str], usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    names.iter().map(|name| name.is_empty() || counts.get(name.as_slice()) != Some(&1)).collect()
}

fn reason(told: &[Told]) -> String {
    let things: Vec<&str> =
        told.iter().filter_map(|t| if let Told::In(thing) = t { Some(*thing) } else { None }).collect();
    let clauses =
        told.iter().filter_map(|t| if let Told::As(clause) = t { Some((*clause).to_owned()) } else { None });
    let differ = match things.split_last() {
        None => None,
        Some((last, [])) => Some(format!("its images differ in {last}")),
        Some((last, others)) => Some(format!("its images differ in {} and {last}", others.join(", "))),
    };
    let clauses: Vec<String> = differ.into_iter().chain(clauses).collect();
    format!("the series was split: {}", clauses.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aspects(size: usize, object: usize, localizer: bool) -> Vec<Aspect> {
        vec![
            Aspect {
                told: Told::As("localizers stand apart"),
                kind: localizer.into(),
                label: localizer.then(|| "localizer".to_owned()),
            },
            Aspect { told: Told::In("size"), kind: size, label: Some(format!("size {size}")) },
            Aspect { told: Told::In("object"), kind: object, label: None },
        ]
    }

    #[test]
    fn names_say_no_more_than_it_takes() {
        let apart = tell_apart(&[aspects(1, 1, false), aspects(2, 1, true), aspects(3, 1, false)]);
        assert_eq!(apart.names, ["size 1", "localizer", "size 3"]);
        assert_eq!(apart.reason, "the series was split: its images differ in size; localizers stand apart");
    }

    #[test]
    fn what_has_no_name_is_numbered() {
        let apart = tell_apart(&[aspects(1, 1, false), aspects(1, 2, false), aspects(2, 2, false)]);
        assert_eq!(apart.names, ["size 1, group 1", "size 1, group 2", "size 2"]);
        assert_eq!(apart.reason, "the series was split: its images differ in size and object");
    }
}
