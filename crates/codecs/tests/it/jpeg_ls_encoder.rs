//! A JPEG-LS encoder, written from the code segments of T.87 Annex A as they stand, for nothing but tests.
//!
//! It shares no code with the decoder, keeps whole images in memory and is slow.

/// Numbers that look random, the same in each run (the SplitMix64 generator).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interleave {
    None,
    Line,
    Sample,
}

/// The preset coding parameters MAXVAL, T1, T2, T3 and RESET.
pub type Presets = [i32; 5];

#[derive(Clone, Debug)]
pub struct Settings {
    pub precision: u32,
    pub near: i32,
    pub interleave: Interleave,
    /// Written as an LSE segment where given.
    pub presets: Option<Presets>,
    /// In lines; 0 for none.
    pub restart_interval: usize,
}

/// Samples by component, row and column.
pub type Image = Vec<Vec<Vec<i32>>>;

pub fn default_presets(max_value: i32, near: i32) -> Presets {
    let clamp = |i: i32, j: i32| if i > max_value || i < j { j } else { i };
    if max_value >= 128 {
        let factor = (max_value.min(4095) + 128) / 256;
        let t1 = clamp(factor + 2 + 3 * near, near + 1);
        let t2 = clamp(factor * 4 + 3 + 5 * near, t1);
        let t3 = clamp(factor * 17 + 4 + 7 * near, t2);
        [max_value, t1, t2, t3, 64]
    } else {
        let factor = 256 / (max_value + 1);
        let t1 = clamp((3 / factor + 3 * near).max(2), near + 1);
        let t2 = clamp((7 / factor + 5 * near).max(3), t1);
        let t3 = clamp((21 / factor + 7 * near).max(4), t2);
        [max_value, t1, t2, t3, 64]
    }
}

/// A whole codestream.
pub fn encode(image: &Image, settings: &Settings) -> Vec<u8> {
    let (height, width) = (image[0].len(), image[0][0].len());
    let mut stream = vec![0xFF, 0xD8, 0xFF, 0xF7];
    let word = |value: usize| (value as u16).to_be_bytes();
    stream.extend(word(8 + 3 * image.len()));
    stream.push(settings.precision as u8);
    stream.extend([word(height), word(width)].concat());
    stream.push(image.len() as u8);
    (1..=image.len()).for_each(|id| stream.extend([id as u8, 0x11, 0]));
    if let Some(presets) = settings.presets {
        stream.extend([0xFF, 0xF8, 0, 13, 1]);
        presets.iter().for_each(|&preset| stream.extend(word(preset as usize)));
    }
    if settings.restart_interval > 0 {
        stream.extend([0xFF, 0xDD, 0, 4]);
        stream.extend(word(settings.restart_interval));
    }
    let everything: Vec<usize> = (0..image.len()).collect();
    let scans = match settings.interleave {
        Interleave::None => everything.chunks(1).collect(),
        _ => vec![&everything[..]],
    };
    for components in scans {
        stream.extend([0xFF, 0xDA]);
        stream.extend(word(6 + 2 * components.len()));
        stream.push(components.len() as u8);
        components.iter().for_each(|&component| stream.extend([component as u8 + 1, 0]));
        stream.extend([settings.near as u8, settings.interleave as u8, 0]);
        let planes: Vec<_> = components.iter().map(|&component| &image[component][..]).collect();
        let interval = if settings.restart_interval > 0 { settings.restart_interval } else { height };
        for (number, first) in (0..height).step_by(interval).enumerate() {
            if number > 0 {
                stream.extend([0xFF, 0xD0 + (number as u8 - 1) % 8]);
            }
            let rows = first..height.min(first + interval);
            let part: Vec<_> = planes.iter().map(|plane| &plane[rows.clone()]).collect();
            stream.extend(Coder::new(settings).scan(&part, settings.interleave));
        }
    }
    stream.extend([0xFF, 0xD9]);
    stream
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    current: u8,
    room: u32,
}

impl BitWriter {
    fn bit(&mut self, bit: bool) {
        if self.room == 0 {
            self.room = 8;
        }
        self.room -= 1;
        self.current |= u8::from(bit) << self.room;
        if self.room == 0 {
            self.bytes.push(self.current);
            self.room = if self.current == 0xFF { 7 } else { 8 };
            self.current = 0;
        }
    }

    fn bits(&mut self, value: u32, count: u32) {
        let value = u64::from(value);
        (0..count).rev().for_each(|place| self.bit(value >> place & 1 == 1));
    }

    fn finish(mut self) -> Vec<u8> {
        let stuffed = self.bytes.last() == Some(&0xFF);
        if stuffed || (self.room != 8 && self.room != 0) {
            self.bytes.push(self.current);
        }
        self.bytes
    }
}

const J: [u32; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// The variables of T.87 A.2, under their own names.
struct Coder {
    out: BitWriter,
    max_value: i32,
    near: i32,
    t: [i32; 3],
    reset: i32,
    range: i32,
    qbpp: u32,
    limit: u32,
    a: Vec<i32>,
    b: Vec<i32>,
    c: Vec<i32>,
    n: Vec<i32>,
    nn: [i32; 2],
    run_index: Vec<usize>,
}

impl Coder {
    fn new(settings: &Settings) -> Self {
        let near = settings.near;
        let presets = settings.presets.unwrap_or(default_presets((1 << settings.precision) - 1, near));
        let [max_value, t1, t2, t3, reset] = presets;
        let range = if near == 0 { max_value + 1 } else { (max_value + 2 * near) / (2 * near + 1) + 1 };
        let log = |value: i32| (0..32).find(|&bits| 1i64 << bits >= i64::from(value)).unwrap();
        let bpp = log(max_value + 1).max(2);
        let a = 2.max((range + 32) / 64);
        Self {
            out: BitWriter::default(),
            max_value,
            near,
            t: [t1, t2, t3],
            reset,
            range,
            qbpp: log(range),
            limit: 2 * (bpp + bpp.max(8)),
            a: vec![a; 367],
            b: vec![0; 365],
            c: vec![0; 365],
            n: vec![1; 367],
            nn: [0; 2],
            run_index: vec![0; 4],
        }
    }

    fn scan(mut self, planes: &[&[Vec<i32>]], interleave: Interleave) -> Vec<u8> {
        let (height, width) = (planes[0].len(), planes[0][0].len());
        // Reconstructed samples with one row above and one column on each side.
        let mut rebuilt = vec![vec![vec![0; width + 2]; height + 1]; planes.len()];
        for y in 0..height {
            for plane in &mut rebuilt {
                plane[y + 1][0] = plane[y][1];
                plane[y][width + 1] = plane[y][width];
            }
            if interleave == Interleave::Sample {
                self.line(planes, &mut rebuilt, y, 0);
            } else {
                for component in 0..planes.len() {
                    let own = component..=component;
                    self.line(&planes[own.clone()], &mut rebuilt[own], y, component);
                }
            }
        }
        self.out.finish()
    }

    fn line(&mut self, planes: &[&[Vec<i32>]], rebuilt: &mut [Vec<Vec<i32>>], y: usize, counter: usize) {
        let width = planes[0][y].len();
        let mut x = 0;
        while x < width {
            let neighbours: Vec<[i32; 4]> = rebuilt
                .iter()
                .map(|plane| [plane[y + 1][x], plane[y][x + 1], plane[y][x], plane[y][x + 2]])
                .collect();
            let flat = |&[ra, rb, rc, rd]: &[i32; 4]| {
                [rd - rb, rb - rc, rc - ra].iter().all(|d| d.abs() <= self.near)
            };
            if !neighbours.iter().all(flat) {
                for (component, around) in neighbours.into_iter().enumerate() {
                    rebuilt[component][y + 1][x + 1] = self.regular(planes[component][y][x], around);
                }
                x += 1;
                continue;
            }
            let start = x;
            let like_left = |x: usize| {
                neighbours.iter().zip(planes).all(|([ra, ..], plane)| (plane[y][x] - ra).abs() <= self.near)
            };
            while x < width && like_left(x) {
                x += 1;
            }
            for (plane, [ra, ..]) in rebuilt.iter_mut().zip(&neighbours) {
                plane[y + 1][start + 1..x + 1].fill(*ra);
            }
            self.run(x - start, x == width, counter);
            if x == width {
                break;
            }
            for component in 0..planes.len() {
                let (ra, rb) = (neighbours[component][0], rebuilt[component][y][x + 1]);
                let alike = planes.len() == 1 && (ra - rb).abs() <= self.near;
                let sample = planes[component][y][x];
                rebuilt[component][y + 1][x + 1] = self.interruption(sample, ra, rb, alike, counter);
            }
            self.run_index[counter] = self.run_index[counter].saturating_sub(1);
            x += 1;
        }
    }

    fn quantised(&self, d: i32) -> i32 {
        let [t1, t2, t3] = self.t;
        if d <= -t3 {
            -4
        } else if d <= -t2 {
            -3
        } else if d <= -t1 {
            -2
        } else if d < -self.near {
            -1
        } else if d <= self.near {
            0
        } else if d < t1 {
            1
        } else if d < t2 {
            2
        } else if d < t3 {
            3
        } else {
            4
        }
    }

    /// Quantises an error, and gives it with the sample that the decoder will see (A.4.4).
    fn quantised_error(&self, error: i32, prediction: i32, sign: i32) -> (i32, i32) {
        let step = 2 * self.near + 1;
        let error = if error > 0 { (error + self.near) / step } else { -((self.near - error) / step) };
        (error, (prediction + sign * error * step).clamp(0, self.max_value))
    }

    /// Reduction modulo RANGE (A.4.5).
    fn reduced(&self, error: i32) -> i32 {
        let error = if error < 0 { error + self.range } else { error };
        if error >= (self.range + 1) / 2 { error - self.range } else { error }
    }

    fn regular(&mut self, sample: i32, [ra, rb, rc, rd]: [i32; 4]) -> i32 {
        let mut q = 81 * self.quantised(rd - rb) + 9 * self.quantised(rb - rc) + self.quantised(rc - ra);
        let sign = if q < 0 { -1 } else { 1 };
        q *= sign;
        let q = q as usize;
        let median = if rc >= ra.max(rb) {
            ra.min(rb)
        } else if rc <= ra.min(rb) {
            ra.max(rb)
        } else {
            ra + rb - rc
        };
        let prediction = (median + sign * self.c[q]).clamp(0, self.max_value);
        let (error, rebuilt) = self.quantised_error(sign * (sample - prediction), prediction, sign);
        let error = self.reduced(error);
        let k = (0..).find(|&k| i64::from(self.n[q]) << k >= i64::from(self.a[q])).unwrap();
        let mapped = if self.near == 0 && k == 0 && 2 * self.b[q] <= -self.n[q] {
            if error >= 0 { 2 * error + 1 } else { -2 * (error + 1) }
        } else if error >= 0 {
            2 * error
        } else {
            -2 * error - 1
        };
        self.golomb(mapped as u32, k, self.limit);
        self.b[q] += error * (2 * self.near + 1);
        self.a[q] += error.abs();
        if self.n[q] == self.reset {
            self.a[q] >>= 1;
            self.b[q] = if self.b[q] >= 0 { self.b[q] >> 1 } else { -((1 - self.b[q]) >> 1) };
            self.n[q] >>= 1;
        }
        self.n[q] += 1;
        if self.b[q] <= -self.n[q] {
            self.b[q] = (self.b[q] + self.n[q]).max(1 - self.n[q]);
            self.c[q] = (self.c[q] - 1).max(-128);
        } else if self.b[q] > 0 {
            self.b[q] = (self.b[q] - self.n[q]).min(0);
            self.c[q] = (self.c[q] + 1).min(127);
        }
        rebuilt
    }

    /// Code segments A.15 and A.16.
    fn run(&mut self, mut length: usize, to_the_end: bool, counter: usize) {
        while length >= 1 << J[self.run_index[counter]] {
            self.out.bit(true);
            length -= 1 << J[self.run_index[counter]];
            self.run_index[counter] = (self.run_index[counter] + 1).min(31);
        }
        if !to_the_end {
            self.out.bit(false);
            self.out.bits(length as u32, J[self.run_index[counter]]);
        } else if length > 0 {
            self.out.bit(true);
        }
    }

    fn interruption(&mut self, sample: i32, ra: i32, rb: i32, alike: bool, counter: usize) -> i32 {
        let kind = usize::from(alike);
        let prediction = if alike { ra } else { rb };
        let sign = if !alike && ra > rb { -1 } else { 1 };
        let (error, rebuilt) = self.quantised_error(sign * (sample - prediction), prediction, sign);
        let error = self.reduced(error);
        let q = 365 + kind;
        let sum = if alike { self.a[366] + (self.n[366] >> 1) } else { self.a[365] };
        let k = (0..).find(|&k| i64::from(self.n[q]) << k >= i64::from(sum)).unwrap();
        let nn = self.nn[kind];
        let map = (k == 0 && error > 0 && 2 * nn < self.n[q])
            || (error < 0 && 2 * nn >= self.n[q])
            || (error < 0 && k != 0);
        let mapped = 2 * error.abs() - kind as i32 - i32::from(map);
        self.golomb(mapped as u32, k, self.limit - J[self.run_index[counter]] - 1);
        self.nn[kind] += i32::from(error < 0);
        self.a[q] += (mapped + 1 - kind as i32) >> 1;
        if self.n[q] == self.reset {
            self.a[q] >>= 1;
            self.n[q] >>= 1;
            self.nn[kind] >>= 1;
        }
        self.n[q] += 1;
        rebuilt
    }

    /// A.5.3.
    fn golomb(&mut self, mapped: u32, k: u32, limit: u32) {
        let longest = limit - self.qbpp - 1;
        if mapped >> k < longest {
            self.out.bits(0, mapped >> k);
            self.out.bit(true);
            self.out.bits(mapped, k);
        } else {
            self.out.bits(0, longest);
            self.out.bit(true);
            self.out.bits(mapped - 1, self.qbpp);
        }
    }
}
