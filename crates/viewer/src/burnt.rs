//! What is drawn over a picture, put into its pixels: for pictures that leave the window.

use anatome::{Image, Pixels};
use egui::epaint::{ImageData, Primitive, Vertex};
use egui::{ClippedPrimitive, Color32, ColorImage, Context, Id, LayerId, Order, Painter, RawInput, Rect};
use egui::{TextureId, ViewportId};
use glam::DVec2;

/// Something that was drawn, as triangles that are not yet pixels.
pub(crate) struct Over {
    parts: Vec<ClippedPrimitive>,
    letters: ColorImage,
    pixels_per_point: f32,
}

impl Over {
    /// What is drawn in a picture of so many pixels; `draw` takes its place in points.
    pub(crate) fn drawn(size_px: [u32; 2], pixels_per_point: f32, draw: impl FnOnce(&Painter, Rect)) -> Self {
        let context = Context::default();
        let [width, height] = size_px.map(|side| side as f32 / pixels_per_point);
        let rect = Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(width, height));
        let mut input = RawInput { screen_rect: Some(rect), ..RawInput::default() };
        input.viewports.entry(ViewportId::ROOT).or_default().native_pixels_per_point = Some(pixels_per_point);
        let mut draw = Some(draw);
        let output = context.run_ui(input, |ui| {
            let painter = ui.ctx().layer_painter(LayerId::new(Order::Foreground, Id::unique("burnt")));
            if let Some(draw) = draw.take() {
                draw(&painter.with_clip_rect(rect), rect);
            }
        });
        let mut letters = ColorImage::filled([1, 1], Color32::WHITE);
        let mut output = output;
        let textures = std::mem::take(&mut output.textures_delta.set);
        let of_letters = textures.iter().filter(|(texture, _)| **texture == TextureId::default());
        for delta in of_letters.flat_map(|(_, deltas)| deltas) {
            let ImageData::Color(image) = &delta.image;
            match delta.pos {
                None => letters = ColorImage::clone(image),
                Some(at) => patch(&mut letters, image, at),
            }
        }
        // Nothing else draws them.
        output.textures_delta.clear();
        let parts = context.tessellate(output.shapes, output.pixels_per_point);
        Self { parts, letters, pixels_per_point }
    }

    /// The picture with it; grey ones become colour.
    ///
    /// # Errors
    /// Unsupported, for pictures that are not for the screen.
    pub(crate) fn on(&self, image: Image) -> anatome::Result<Image> {
        let mut rgba: Vec<u8> = match image.pixels() {
            Pixels::Grey8(grey) => grey.iter().flat_map(|&v| [v, v, v, 255]).collect(),
            Pixels::Rgba8(rgba) => rgba.clone(),
            _ => return Ok(image),
        };
        let (width, height) = (image.width_px(), image.height_px());
        self.put(&mut rgba, [width as usize, height as usize]);
        let (plane, recipe) = (image.plane().copied(), image.recipe().clone());
        Ok(Image::new(width, height, Pixels::Rgba8(rgba), plane, recipe)?)
    }

    /// Puts it over pixels of 8 bits.
    pub(crate) fn put(&self, rgba: &mut [u8], [width, height]: [usize; 2]) {
        for part in &self.parts {
            let Primitive::Mesh(mesh) = &part.primitive else { continue };
            let clip = part.clip_rect * self.pixels_per_point;
            let low = [clip.min.x, clip.min.y].map(|at| at.round().max(0.0) as usize);
            let high = [clip.max.x.round() as usize, clip.max.y.round() as usize];
            let bounds = [low, [high[0].min(width), high[1].min(height)]];
            for corners in mesh.indices.as_chunks::<3>().0 {
                let corners = corners.map(|n| mesh.vertices[n as usize]);
                self.triangle(corners, bounds, |[x, y], color| blend(rgba, y * width + x, color));
            }
        }
    }

    /// Each pixel whose centre lies in a triangle, once where two share an edge, with its colour.
    fn triangle(
        &self,
        mut corners: [Vertex; 3],
        [low, high]: [[usize; 2]; 2],
        mut put: impl FnMut([usize; 2], [f32; 4]),
    ) {
        let place = |vertex: &Vertex| {
            DVec2::new(vertex.pos.x.into(), vertex.pos.y.into()) * f64::from(self.pixels_per_point)
        };
        let mut at = corners.each_ref().map(place);
        let mut area = (at[1] - at[0]).perp_dot(at[2] - at[0]);
        if area < 0.0 {
            corners.swap(1, 2);
            at.swap(1, 2);
            area = -area;
        }
        if area.is_nan() || area <= 0.0 {
            return;
        }
        let least = at[0].min(at[1]).min(at[2]);
        let most = at[0].max(at[1]).max(at[2]);
        let range = |axis: usize| {
            let from = (least[axis].floor().max(0.0) as usize).max(low[axis]);
            from..((most[axis].ceil().max(0.0) as usize).min(high[axis]))
        };
        let edges = [(at[1], at[2]), (at[2], at[0]), (at[0], at[1])];
        // Of an edge that two triangles share one has the pixels that lie on it.
        let owns = edges.map(|(a, b)| b.y < a.y || a.y == b.y && b.x > a.x);
        for y in range(1) {
            for x in range(0) {
                let centre = DVec2::new(x as f64, y as f64) + 0.5;
                let parts = edges.map(|(a, b)| (b - a).perp_dot(centre - a));
                if (0..3).all(|n| parts[n] > 0.0 || parts[n] == 0.0 && owns[n]) {
                    put([x, y], self.color(&corners, parts.map(|part| (part / area) as f32)));
                }
            }
        }
    }

    /// The colour at a place of a triangle, premultiplied, 0 to 255: that of its corners, through the letters' coverage.
    fn color(&self, corners: &[Vertex; 3], parts: [f32; 3]) -> [f32; 4] {
        let mut color = [0.0_f32; 4];
        let mut uv = egui::Vec2::ZERO;
        for (corner, part) in corners.iter().zip(parts) {
            uv += corner.uv.to_vec2() * part;
            for (sum, own) in color.iter_mut().zip(corner.color.to_array()) {
                *sum += f32::from(own) * part;
            }
        }
        let texel = self.texel(uv);
        std::array::from_fn(|n| color[n] * texel[n] / 255.0)
    }

    /// The letters' picture between its pixels.
    fn texel(&self, uv: egui::Vec2) -> [f32; 4] {
        let [width, height] = self.letters.size;
        let at = egui::vec2(uv.x * width as f32, uv.y * height as f32) - egui::Vec2::splat(0.5);
        let (rest, whole) = (at - at.floor(), at.floor());
        let pixel = |x: f32, y: f32| {
            let n = |at: f32, size: usize| (at.max(0.0) as usize).min(size - 1);
            self.letters.pixels[n(y, height) * width + n(x, width)].to_array().map(f32::from)
        };
        let mix = |a: [f32; 4], b: [f32; 4], part: f32| -> [f32; 4] {
            std::array::from_fn(|n| a[n] * (1.0 - part) + b[n] * part)
        };
        let row = |y: f32| mix(pixel(whole.x, y), pixel(whole.x + 1.0, y), rest.x);
        mix(row(whole.y), row(whole.y + 1.0), rest.y)
    }
}

fn patch(image: &mut ColorImage, part: &ColorImage, [left, top]: [usize; 2]) {
    let width = image.size[0];
    for (y, row) in part.pixels.chunks(part.size[0].max(1)).enumerate() {
        let from = (top + y) * width + left;
        if let Some(target) = image.pixels.get_mut(from..from + row.len()) {
            target.copy_from_slice(row);
        }
    }
}

/// A premultiplied colour over a pixel.
fn blend(rgba: &mut [u8], n: usize, color: [f32; 4]) {
    let Some(pixel) = rgba.get_mut(n * 4..n * 4 + 4) else { return };
    let left = 1.0 - color[3] / 255.0;
    for (below, above) in pixel.iter_mut().zip(color) {
        *below = (above + f32::from(*below) * left + 0.5).clamp(0.0, 255.0) as u8;
    }
}

#[cfg(test)]
mod tests {
    use egui::{Align2, Stroke, pos2, vec2};

    use super::*;

    fn burnt(pixels_per_point: f32, draw: impl FnOnce(&Painter, Rect)) -> Vec<u8> {
        let mut rgba = [0, 0, 0, 255].repeat(80 * 60);
        Over::drawn([80, 60], pixels_per_point, draw).put(&mut rgba, [80, 60]);
        rgba
    }

    #[test]
    fn what_is_drawn_stands_in_the_pixels() {
        for scale in [1.0, 2.0] {
            let color = Color32::from_rgb(10, 200, 90);
            let rgba = burnt(scale, |painter, _| {
                let rect = Rect::from_min_max(pos2(4.0, 6.0), pos2(20.0, 16.0));
                painter.rect_filled(rect, 0.0, color);
            });
            let at = |x: f32, y: f32| {
                let n = ((y * scale) as usize * 80 + (x * scale) as usize) * 4;
                [rgba[n], rgba[n + 1], rgba[n + 2]]
            };
            assert_eq!([at(5.5, 7.5), at(18.5, 14.5)], [[10, 200, 90]; 2]);
            assert_eq!([at(2.0, 7.0), at(22.0, 7.0), at(10.0, 18.5)], [[0; 3]; 3]);
        }
    }

    /// Where triangles meet nothing is put twice and nothing left out.
    #[test]
    fn what_is_seen_through_is_even() {
        let half = Color32::from_rgba_premultiplied(100, 100, 100, 128);
        let rgba = burnt(1.0, |painter, _| {
            painter.rect_filled(Rect::from_min_size(pos2(10.0, 10.0), vec2(40.0, 30.0)), 0.0, half);
        });
        let inner = (12..38).flat_map(|y| (12..48).map(move |x| (y * 80 + x) * 4));
        assert!(inner.clone().all(|n| rgba[n] == 100), "{:?}", inner.map(|n| rgba[n]).collect::<Vec<_>>());
    }

    #[test]
    fn letters_and_lines_are_seen() {
        let rgba = burnt(1.0, |painter, rect| {
            crate::overlay::text(painter, rect.center(), Align2::CENTER_CENTER, "HL", Color32::WHITE);
            painter.line_segment([pos2(2.0, 50.0), pos2(70.0, 50.0)], Stroke::new(2.0, Color32::RED));
        });
        let lit = |rows: std::ops::Range<usize>, n: usize| {
            rows.flat_map(|y| (0..80).map(move |x| (y * 80 + x) * 4 + n)).filter(|&n| rgba[n] > 150).count()
        };
        assert!((15..400).contains(&lit(15..45, 1)), "{}", lit(15..45, 1));
        assert!(lit(48..52, 0) > 100 && lit(48..52, 1) == 0);
    }
}
