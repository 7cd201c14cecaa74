//! Numbers from hashes: textures of tissue, and the correlated noise of a scanner.

use glam::Vec3;

/// Mixes 32 bits well (a multiply-xorshift finaliser).
pub(crate) fn mix(mut bits: u32) -> u32 {
    bits ^= bits >> 16;
    bits = bits.wrapping_mul(0x7feb_352d);
    bits ^= bits >> 15;
    bits = bits.wrapping_mul(0x846c_a68b);
    bits ^ (bits >> 16)
}

fn fold(seed: u64) -> u32 {
    mix(seed as u32 ^ mix((seed >> 32) as u32 ^ 0x9e37_79b9))
}

/// A sequence of numbers in 0..1 from a seed.
pub(crate) struct Sequence {
    state: u32,
    next: u32,
}

impl Sequence {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: fold(seed), next: 0 }
    }

    pub(crate) fn next(&mut self) -> f32 {
        self.next = self.next.wrapping_add(1);
        (mix(self.state ^ mix(self.next)) >> 8) as f32 / 16_777_216.0
    }

    pub(crate) fn signed(&mut self) -> f32 {
        self.next() * 2.0 - 1.0
    }
}

/// Smooth noise in -1..1 with one lattice point per unit.
pub(crate) fn value_noise(p: Vec3, seed: u64) -> f32 {
    value_noise_folded(p, fold(seed))
}

fn value_noise_folded(p: Vec3, seed: u32) -> f32 {
    // Truncation of a shifted value is a floor that needs no call.
    const SHIFT: f32 = 4096.0;
    let cell = (p + SHIFT).as_ivec3() - SHIFT as i32;
    let base = cell.as_vec3();
    let t = p - base;
    let t = t * t * (3.0 - 2.0 * t);
    let (x, y, z) = (cell.x as u32, cell.y as u32, cell.z as u32);
    let corner = |dx: u32, dy: u32, dz: u32| {
        let bits = x.wrapping_add(dx).wrapping_mul(0x8da6_b343)
            ^ y.wrapping_add(dy).wrapping_mul(0xd816_3841)
            ^ z.wrapping_add(dz).wrapping_mul(0xcb1a_b31f)
            ^ seed;
        mix(bits) as i32 as f32 * (1.0 / 2_147_483_648.0)
    };
    let edge = |dy: u32, dz: u32| {
        let (a, b) = (corner(0, dy, dz), corner(1, dy, dz));
        a + (b - a) * t.x
    };
    let face = |dz: u32| {
        let (a, b) = (edge(0, dz), edge(1, dz));
        a + (b - a) * t.y
    };
    let (a, b) = (face(0), face(1));
    a + (b - a) * t.z
}

/// Slowly varying textures that tissues mix in.
pub(crate) struct Texture {
    fine: u32,
    coarse: u32,
    bump: u32,
}

impl Texture {
    pub(crate) fn new(seed: u64) -> Self {
        Self { fine: fold(seed ^ 0xa1), coarse: fold(seed ^ 0xa2), bump: fold(seed ^ 0xa3) }
    }

    /// Grain of tissue, about -1..1, with details of 2.5 to 9 mm.
    pub(crate) fn grain(&self, p: Vec3) -> f32 {
        0.5 * value_noise_folded(p / 2.6, self.fine) + 0.7 * value_noise_folded(p / 9.0, self.coarse)
    }

    /// Unevenness of surfaces, -1..1, with details of 16 mm.
    pub(crate) fn bump(&self, p: Vec3) -> f32 {
        value_noise_folded(p / 16.0, self.bump)
    }
}

/// One slice of white noise: triangular, variance 1/6, a function of seed and voxel alone.
fn white_slice(out: &mut [f32], slice: i64, seed: u32) {
    let plane = mix(seed ^ mix((slice + 0x4000) as u32));
    for (voxel, value) in out.iter_mut().enumerate() {
        let bits = mix(plane ^ (voxel as u32).wrapping_mul(0x9e37_79b9));
        *value = ((bits & 0xffff) as f32 - (bits >> 16) as f32) * (1.0 / 65_536.0);
    }
}

/// Taps of the in-plane filter: a narrow bell less a wide one, so that the noise has a grain of two to three voxels and
/// no slow clouds, as filtered backprojection gives it.
const NARROW: [f32; 9] = [0.0, 0.002, 0.040, 0.240, 0.436, 0.240, 0.040, 0.002, 0.0];
const WIDE: [f32; 9] = [0.028, 0.066, 0.124, 0.179, 0.206, 0.179, 0.124, 0.066, 0.028];
const WIDE_SHARE: f32 = 0.75;

/// Correlated noise of unit standard deviation, slice by slice.
pub(crate) struct Grain {
    seed: u32,
    width: usize,
    height: usize,
    white: [Vec<f32>; 3],
    rows: [Vec<f32>; 2],
    next: Option<i64>,
    scale: f32,
}

impl Grain {
    pub(crate) fn new(seed: u64, width: usize, height: usize) -> Self {
        let plane = || vec![0.0; width * height];
        let energy = |taps: &[f32; 9]| taps.iter().map(|t| t * t).sum::<f32>();
        let cross: f32 = NARROW.iter().zip(&WIDE).map(|(a, b)| a * b).sum();
        let plane_energy =
            energy(&NARROW).powi(2) - 2.0 * WIDE_SHARE * cross * cross + (WIDE_SHARE * energy(&WIDE)).powi(2);
        let depth_energy = 1.0 + 2.0 * 0.45 * 0.45;
        let scale = 1.0 / (plane_energy * depth_energy / 6.0).sqrt();
        let white = [plane(), plane(), plane()];
        Self { seed: fold(seed ^ 0x6e), width, height, white, rows: [plane(), plane()], next: None, scale }
    }

    /// Writes the noise of `slice` into `out` (row by row). Cheapest when slices follow one another.
    pub(crate) fn slice(&mut self, slice: i64, out: &mut [f32]) {
        if self.next == Some(slice) {
            self.white.rotate_left(1);
            white_slice(&mut self.white[2], slice + 1, self.seed);
        } else {
            for (index, plane) in self.white.iter_mut().enumerate() {
                white_slice(plane, slice - 1 + index as i64, self.seed);
            }
        }
        self.next = Some(slice + 1);
        let (width, height) = (self.width, self.height);
        let [before, here, after] = &self.white;
        let mut line = vec![0.0; width + 8];
        for row in 0..height {
            let span = row * width..(row + 1) * width;
            for (column, value) in line[4..4 + width].iter_mut().enumerate() {
                let voxel = span.start + column;
                *value = here[voxel] + 0.45 * (before[voxel] + after[voxel]);
            }
            for (taps, rows) in [NARROW, WIDE].iter().zip(&mut self.rows) {
                for (column, value) in rows[span.clone()].iter_mut().enumerate() {
                    *value = taps.iter().zip(&line[column..column + 9]).map(|(t, v)| t * v).sum();
                }
            }
        }
        for row in 0..height {
            let target = &mut out[row * width..(row + 1) * width];
            target.fill(0.0);
            for tap in 0..9 {
                let Some(source) = (row + tap).checked_sub(4).filter(|source| *source < height) else {
                    continue;
                };
                let (narrow, wide) = (NARROW[tap] * self.scale, WIDE[tap] * WIDE_SHARE * self.scale);
                let span = source * width..(source + 1) * width;
                let sources = self.rows[0][span.clone()].iter().zip(&self.rows[1][span]);
                for (value, (a, b)) in target.iter_mut().zip(sources) {
                    *value += narrow * a - wide * b;
                }
            }
        }
    }
}
