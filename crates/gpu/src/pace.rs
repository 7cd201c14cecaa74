//! How the tiles of a picture become batches: in which order, and how many at a time, so that none holds the GPU for long.

use std::time::Duration;

use anatome_core::plan::TILE_PX;
use anatome_core::{PixelRect, PixelSubset};

/// The most tiles in a batch: up to 16 MiB of pixels, and fewer workgroups than any adapter's limit of 65,535.
pub(crate) const MAX_BATCH: u32 = 16_384;
/// Of a volume in bricks, where what tiles share is brought once, and neighbours come one after the other: far fewer, as
/// the last may be in air and the next in bone.
pub(crate) const MAX_BATCH_IN_ORDER: u32 = 1024;
/// The first batch is small, because nothing is known yet of how long a tile takes.
const FIRST_BATCH: u32 = 16;
/// No batch should take longer: drivers end programs that hold a GPU for seconds, and other windows want to be drawn.
pub(crate) const LONGEST: Duration = Duration::from_millis(50);
/// Below this a batch may be larger. Shorter ones also tell nothing of what tiles cost: they may not fill the GPU.
pub(crate) const SHORT: Duration = Duration::from_millis(20);
/// What batches become that took too long.
const GOAL: Duration = Duration::from_millis(40);
/// What is left of the highest cost after each batch: what was slow once, for a reason of its own, is forgotten.
const FADING: f64 = 0.97;

/// How many tiles to hand over at a time, by how long those before took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    batch: u32,
    most: u32,
    /// What a tile of the dearest batch took, s.
    dearest_s: f64,
}

impl Pace {
    pub(crate) fn new(most: u32) -> Self {
        Self { batch: FIRST_BATCH.min(most), most, dearest_s: 0.0 }
    }

    /// The tiles of the next batch, at most.
    pub(crate) fn batch(&self) -> u32 {
        self.batch
    }

    /// Makes batches longer while they are short, and so short that one as dear as the dearest would not be too long.
    pub(crate) fn finished(&mut self, tiles: u32, took: Duration) {
        let of_tile_s = took.as_secs_f64() / f64::from(tiles.max(1));
        self.dearest_s *= FADING;
        if took >= SHORT {
            self.dearest_s = self.dearest_s.max(of_tile_s);
        }
        let factor = match took {
            // One that was not full tells nothing of a full one.
            _ if tiles < self.batch => 1,
            took if took < SHORT / 4 => 4,
            took if took < SHORT => 2,
            _ => 1,
        };
        // Without a cost it is infinite, which becomes the largest number.
        let bearable = (GOAL.as_secs_f64() / self.dearest_s) as u32;
        self.batch = self.batch.saturating_mul(factor).min(bearable).clamp(1, self.most);
    }
}

/// The side of a block in tiles: neighbours share much of what they read.
const BLOCK: u32 = 4;
/// The parts of a width and a height to go on by, so that any few places are spread evenly: 1 / p and 1 / p^2, where
/// p^3 = p + 1, as in Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018.
const SPREAD: [f64; 2] = [0.754_877_666_246_692_8, 0.569_840_290_998_053_3];

/// The tiles that cover a part of a picture, block by block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiles {
    first_column: u32,
    first_row: u32,
    columns: u32,
    rows: u32,
    /// The columns of pixels of a tile; of a checkerboard every second pixel in them is computed.
    pub(crate) width_px: u32,
    /// How many blocks the next one lies behind the last, in rows, from the last to the first again.
    stride: u32,
    /// The blocks before the one that is being handed out, and its tiles that were.
    block: u32,
    within: u32,
    left: u32,
}

impl Tiles {
    /// One after the other, or from all over the picture, so that each batch costs what the others do.
    pub(crate) fn covering(rect: PixelRect, pixels: PixelSubset, is_in_order: bool) -> Self {
        let width_px = if pixels == PixelSubset::Checkerboard { 2 * TILE_PX } else { TILE_PX };
        let first_column = rect.x / width_px;
        let first_row = rect.y / TILE_PX;
        let columns = (rect.x + rect.width).div_ceil(width_px) - first_column;
        let rows = (rect.y + rect.height).div_ceil(TILE_PX) - first_row;
        let stride = if is_in_order { 1 } else { spreading([columns, rows].map(|n| n.div_ceil(BLOCK))) };
        let left = columns * rows;
        Self { first_column, first_row, columns, rows, width_px, stride, block: 0, within: 0, left }
    }

    /// How many are left.
    pub(crate) fn len(&self) -> u32 {
        self.left
    }
}

impl Iterator for Tiles {
    type Item = [u32; 2];

    /// The column and row of the next tile in the whole picture.
    fn next(&mut self) -> Option<[u32; 2]> {
        while self.left > 0 {
            let across = self.columns.div_ceil(BLOCK);
            let blocks = u64::from(across * self.rows.div_ceil(BLOCK));
            let block = (u64::from(self.block) * u64::from(self.stride) % blocks) as u32;
            let column = block % across * BLOCK + self.within % BLOCK;
            let row = block / across * BLOCK + self.within / BLOCK;
            self.within += 1;
            if self.within == BLOCK * BLOCK {
                (self.block, self.within) = (self.block + 1, 0);
            }
            if column < self.columns && row < self.rows {
                self.left -= 1;
                return Some([self.first_column + column, self.first_row + row]);
            }
        }
        None
    }
}

/// How many places to go on by over rows of so many, again from the first after the last, to come to each once.
fn spreading([across, down]: [u32; 2]) -> u32 {
    let [right, below] =
        [(across, SPREAD[0]), (down, SPREAD[1])].map(|(n, part)| (f64::from(n) * part) as u32);
    let first = (below * across + right).max(1);
    (first..).find(|&stride| greatest_common_divisor(stride, across * down) == 1).unwrap_or(1)
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashSet, VecDeque};

    use super::*;

    const PICTURE: PixelRect = PixelRect { x: 0, y: 0, width: 3840, height: 2160 };

    #[test]
    fn each_tile_comes_once() {
        for (rect, columns, rows) in [
            (PICTURE, 0..240, 0..135),
            (PixelRect { x: 13, y: 7, width: 41, height: 38 }, 0..4, 0..3),
            (PixelRect { x: 64, y: 100, width: 1, height: 1 }, 4..5, 6..7),
            (PixelRect { x: 33, y: 0, width: 4000, height: 15 }, 2..253, 0..1),
        ] {
            for is_in_order in [true, false] {
                let tiles = Tiles::covering(rect, PixelSubset::All, is_in_order);
                let count = tiles.len() as usize;
                let found: Vec<[u32; 2]> = tiles.collect();
                let different: HashSet<[u32; 2]> = found.iter().copied().collect();
                assert_eq!((found.len(), different.len()), (count, count));
                assert_eq!(count, columns.len() * rows.len());
                assert!(found.iter().all(|[column, row]| columns.contains(column) && rows.contains(row)));
            }
        }
    }

    /// How long each batch of a picture takes if tiles take what `cost` says, and two batches are in flight.
    fn batches(is_in_order: bool, cost: impl Fn([u32; 2]) -> Duration) -> Vec<Duration> {
        let mut tiles = Tiles::covering(PICTURE, PixelSubset::All, is_in_order);
        let mut pace = Pace::new(if is_in_order { MAX_BATCH_IN_ORDER } else { MAX_BATCH });
        let (mut in_flight, mut found) = (VecDeque::new(), Vec::new());
        loop {
            while in_flight.len() < 2 && tiles.len() > 0 {
                let batch: Vec<[u32; 2]> = tiles.by_ref().take(pace.batch() as usize).collect();
                let took: Duration = batch.iter().map(|&tile| cost(tile)).sum();
                in_flight.push_back((batch.len() as u32, took + Duration::from_micros(100)));
            }
            let Some((tiles, took)) = in_flight.pop_front() else { return found };
            pace.finished(tiles, took);
            found.push(took);
        }
    }

    fn is_in_ball([column, row]: [u32; 2]) -> bool {
        (f64::from(column) - 100.0).hypot(f64::from(row) - 90.0) < 35.0
    }

    /// Where the first rows are empty and the others dense, on GPUs from slow to fast.
    #[test]
    fn no_batch_holds_the_gpu_for_long() {
        type Dense = fn([u32; 2]) -> bool;
        let places: [(&str, Dense); 6] = [
            ("all", |_| true),
            ("bottom", |[_, row]| row >= 67),
            ("top", |[_, row]| row < 67),
            ("right", |[column, _]| column >= 180),
            ("ball", is_in_ball),
            ("stripes", |[column, _]| column % 48 < 16),
        ];
        for (place, is_dense) in places {
            for (is_in_order, dense_us) in
                [(false, 1), (false, 10), (false, 100), (false, 1000), (true, 1), (true, 10), (true, 100)]
            {
                let cost = |tile| match is_dense(tile) {
                    true => Duration::from_micros(dense_us),
                    false => Duration::from_nanos(100 * dense_us.isqrt()),
                };
                let found = batches(is_in_order, cost);
                let (longest, all): (Duration, Duration) = (*found.iter().max().unwrap(), found.iter().sum());
                let too_long = found.iter().filter(|&&took| took > LONGEST + LONGEST / 10).count();
                let needed = (all.as_secs_f64() / GOAL.as_secs_f64()).ceil() as usize;
                let fewest = if is_in_order { 32_400 / MAX_BATCH_IN_ORDER as usize } else { 0 };
                let what = format!(
                    "{place} {is_in_order} {dense_us} us: {} batches, {needed} needed, the longest {longest:?}, {too_long} too long",
                    found.len()
                );
                println!("{what}");
                // Two are in flight before the first is known to have been too long.
                assert!(too_long <= 2, "{what}");
                assert!(longest <= 2 * LONGEST + LONGEST / 10, "{what}");
                assert!(found.len() <= 3 * needed + fewest + 15, "{what}");
            }
        }
    }
}
