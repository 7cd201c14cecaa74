//! Small pictures at the size of those that they stand for.

use anatome_core::{Image, Pixels, PlaneGeometry, Request, Result, View};
use rayon::prelude::*;

/// See [`super::enlarged`]. Works in the current pool.
pub(super) fn enlarged(small: &Image, wanted: &Request) -> Result<Image> {
    let [width, height] = wanted.size_px;
    // Pixels of a plane are a part of its width, those of a camera one of its height.
    let ratio = match wanted.scene.view {
        View::Slice { .. } | View::Slab { .. } => f64::from(small.width_px()) / f64::from(width),
        _ => f64::from(small.height_px()) / f64::from(height),
    };
    let grid = Grid {
        columns: places(width, small.width_px(), ratio),
        rows: places(height, small.height_px(), ratio),
        stride: small.width_px() as usize,
    };
    let pixels = match small.pixels() {
        Pixels::Grey8(p) => Pixels::Grey8(grid.sample(p, |v| f32::from(*v), |v| v as u8)),
        Pixels::Grey16(p) => Pixels::Grey16(grid.sample(p, |v| f32::from(*v), |v| v as u16)),
        Pixels::Rgba8(p) => Pixels::Rgba8(grid.sample_colors(p.as_chunks::<4>().0)),
        // No level makes fewer values.
        other => other.clone(),
    };
    let plane = small.plane().map(|plane| geometry(plane, small, wanted.size_px, ratio));
    Image::new(width, height, pixels, plane, small.recipe().clone())
}

fn geometry(plane: &PlaneGeometry, small: &Image, [width, height]: [u32; 2], ratio: f64) -> PlaneGeometry {
    let pixel_mm = plane.pixel_mm * ratio;
    let half = |n: u32, mm: f64| (f64::from(n) - 1.0) / 2.0 * mm;
    let corner = |[w, h]: [u32; 2], mm| plane.right * half(w, mm) + plane.down * half(h, mm);
    let center_mm = plane.first_pixel_mm + corner([small.width_px(), small.height_px()], plane.pixel_mm);
    PlaneGeometry { first_pixel_mm: center_mm - corner([width, height], pixel_mm), pixel_mm, ..*plane }
}

/// Between which two pixels a pixel lies, and how near to the second, 0 to 1.
type Place = (usize, usize, f32);

fn places(count: u32, of: u32, ratio: f64) -> Vec<Place> {
    let last = of.saturating_sub(1);
    let place = |n: u32| {
        let from_center = f64::from(n) - (f64::from(count) - 1.0) / 2.0;
        let at = (from_center * ratio + f64::from(last) / 2.0).clamp(0.0, last.into());
        let first = at.floor();
        (first as usize, (first as u32 + 1).min(last) as usize, (at - first) as f32)
    };
    (0..count).map(place).collect()
}

struct Grid {
    columns: Vec<Place>,
    rows: Vec<Place>,
    stride: usize,
}

impl Grid {
    fn sample<T: Copy + Sync + Send + Default>(
        &self,
        pixels: &[T],
        number: impl Fn(&T) -> f32 + Sync,
        pixel: impl Fn(f32) -> T + Sync,
    ) -> Vec<T> {
        self.each(pixels, |[[a, b], [c, d]], [u, v]| {
            let [a, b, c, d] = [a, b, c, d].map(&number);
            pixel(between(between(a, b, u), between(c, d, u), v) + 0.5)
        })
    }

    fn sample_colors(&self, pixels: &[[u8; 4]]) -> Vec<u8> {
        let colors: Vec<[u8; 4]> = self.each(pixels, |[[a, b], [c, d]], [u, v]| {
            std::array::from_fn(|n| {
                let [a, b, c, d] = [a, b, c, d].map(|color| f32::from(color[n]));
                (between(between(a, b, u), between(c, d, u), v) + 0.5) as u8
            })
        });
        colors.into_flattened()
    }

    fn each<T: Sync, P: Copy + Send + Default>(
        &self,
        pixels: &[T],
        mix: impl Fn([[&T; 2]; 2], [f32; 2]) -> P + Sync,
    ) -> Vec<P> {
        let mut out = vec![P::default(); self.columns.len() * self.rows.len()];
        let rows = out.par_chunks_mut(self.columns.len().max(1)).zip(&self.rows);
        rows.for_each(|(row, &(top, bottom, v))| {
            let [above, below] = [top, bottom].map(|y| &pixels[y * self.stride..][..self.stride]);
            for (to, &(left, right, u)) in row.iter_mut().zip(&self.columns) {
                *to = mix([[&above[left], &above[right]], [&below[left], &below[right]]], [u, v]);
            }
        });
        out
    }
}

fn between(a: f32, b: f32, part: f32) -> f32 {
    a + part * (b - a)
}
