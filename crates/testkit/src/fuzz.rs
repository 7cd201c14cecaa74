//! Damage at random, the same on every machine: what readers of files must survive.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::time::{Duration, Instant};

use crate::Random;

/// What no input may take longer than.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many attempts there were, and how many of them ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// All attempts.
    pub runs: u64,
    /// Those that returned true.
    pub good: u64,
}

/// Calls `attempt` with a generator for each seed: `least` of them, or for `ANATOME_FUZZ_SECONDS`. Seeds are counted
/// from `ANATOME_FUZZ_SEED`, or 0. Returns how many attempts returned true.
///
/// A seed that panics is printed. The seed at work stands in `anatome-fuzz-NAME` in the folder for temporary files
/// during long runs, for failures that end the process.
///
/// # Panics
/// Where `attempt` does, or takes more than a second three times in a row, as a busy machine may do once.
pub fn fuzz(name: &str, least: u64, mut attempt: impl FnMut(&mut Random) -> bool) -> Tally {
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = variable("ANATOME_FUZZ_SECONDS");
    let first = variable("ANATOME_FUZZ_SEED").unwrap_or(0);
    let mut at_work =
        seconds.map(|_| File::create(std::env::temp_dir().join(format!("anatome-fuzz-{name}"))));
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(0));
    let mut tally = Tally { runs: 0, good: 0 };
    while tally.runs < least || Instant::now() < end {
        let seed = first + tally.runs;
        if let Some(Ok(file)) = &mut at_work {
            // A full disk is no reason to stop.
            let _ = file.rewind().and_then(|()| writeln!(file, "{seed:020}"));
        }
        let named = Seed { name, seed };
        let mut took = Duration::MAX;
        for _ in 0..3 {
            let start = Instant::now();
            let good = attempt(&mut Random::new(seed));
            took = took.min(start.elapsed());
            if took <= PATIENCE {
                tally.good += u64::from(good);
                break;
            }
        }
        assert!(took <= PATIENCE, "{took:?} and no end");
        drop(named);
        tally.runs += 1;
    }
    tally
}

/// Tells which seed it was that panicked.
struct Seed<'a> {
    name: &'a str,
    seed: u64,
}

impl Drop for Seed<'_> {
    #[expect(clippy::print_stderr, reason = "the only way to name a seed from a panic that is not caught")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: it was ANATOME_FUZZ_SEED={}", self.name, self.seed);
        }
    }
}

/// One of `originals`, damaged at a few places. `odd` are bytes that mean something in this kind of file.
#[must_use]
pub fn damaged(originals: &[Vec<u8>], odd: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let Some(original) = pick(originals, random) else { return Vec::new() };
    let mut bytes = original.clone();
    for _ in 0..random.whole(1, 6) {
        damage(&mut bytes, originals, odd, random);
    }
    bytes
}

fn pick<'a, T>(of: &'a [T], random: &mut Random) -> Option<&'a T> {
    of.get(random.whole(0, of.len().max(1) - 1))
}

fn damage(bytes: &mut Vec<u8>, originals: &[Vec<u8>], odd: &[&[u8]], random: &mut Random) {
    let at = random.whole(0, bytes.len());
    // Mostly short, so that most of the file stays what it was.
    let most = if random.bits() & 7 == 0 { 512 } else { 16 };
    let length = random.whole(0, most);
    let end = (at + length).min(bytes.len());
    let part = bytes.get(at..end).unwrap_or_default().to_vec();
    let any = pick(odd, random).copied().unwrap_or_default();
    match random.whole(0, 11) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => drop(bytes.splice(at..at, part)),
        3 => drop(bytes.splice(at..at, any.iter().copied())),
        4 | 5 => overwrite(bytes, at, any),
        6 => overwrite(bytes, at, &edge(random)),
        7 => {
            let to = random.whole(0, bytes.len());
            overwrite(bytes, to, &part);
        }
        8 => {
            let other = pick(originals, random).map_or(&[][..], Vec::as_slice);
            let from = random.whole(0, other.len());
            let part = other.get(from..(from + length).min(other.len())).unwrap_or_default();
            bytes.splice(at..end, part.iter().copied());
        }
        9 => overwrite(bytes, at, &[random.bits() as u8]),
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.whole(0, 7);
            }
        }
    }
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    bytes.iter_mut().skip(at).zip(with).for_each(|(byte, &new)| *byte = new);
}

/// A number of one, two or four bytes at which arithmetic may turn over, in either byte order.
fn edge(random: &mut Random) -> Vec<u8> {
    let number = match random.whole(0, 7) {
        0 => 0,
        1 => 1,
        2 => u32::MAX,
        3 => u32::MAX / 2,
        4 => u32::MAX / 2 + 1,
        5 => u32::MAX - 7,
        6 => random.whole(0, 300) as u32,
        _ => 1 << random.whole(0, 31),
    };
    let size = 1 << random.whole(0, 2);
    let mut bytes = number.to_le_bytes().get(..size).unwrap_or_default().to_vec();
    if random.bits() & 1 == 1 {
        bytes.reverse();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_depends_on_the_seed_alone_and_keeps_most_of_a_file() {
        let originals = [(0..=255).collect::<Vec<u8>>(), vec![7; 1000]];
        let one = |seed| damaged(&originals, &[b"odd"], &mut Random::new(seed));
        assert!((0..100).all(|seed| one(seed) == one(seed)));
        let distinct: std::collections::HashSet<Vec<u8>> = (0..1000).map(one).collect();
        assert!(distinct.len() > 900, "{}", distinct.len());
        assert!(damaged(&[], &[], &mut Random::new(1)).is_empty());
        assert!((0..1000).all(|seed| damaged(&[Vec::new()], &[], &mut Random::new(seed)).len() < 20));
    }

    #[test]
    fn good_attempts_are_counted_and_panics_are_passed_on() {
        let mut n = 0;
        let tally = fuzz("counted", 10, |_| {
            n += 1;
            n % 2 == 0
        });
        assert!(tally.runs >= 10 && tally.good == tally.runs / 2);
        let failing = std::panic::catch_unwind(|| {
            fuzz("failing", 10, |random| random.bits() > u64::MAX / 8 || panic!())
        });
        assert!(failing.is_err());
    }
}
