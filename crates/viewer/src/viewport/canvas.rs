//! The picture of a view that was made last.

use std::sync::Arc;

use anatome::View;
use egui::{ColorImage, Context, Pos2, Rect, TextureHandle, TextureOptions, Vec2};

use crate::document::FrameImage;
use crate::render::{Failure, Made};
use crate::session::{SeriesId, Subject};
use crate::theme;

/// The picture of a view that was made last: it stays until the next is there.
#[derive(Default)]
pub(crate) struct Canvas {
    /// What the view is to show.
    pub subject: Option<Subject>,
    texture: Option<TextureHandle>,
    /// The picture itself, for copying.
    pub picture: Option<Arc<ColorImage>>,
    /// What it shows.
    pub shown: Option<Shown>,
    /// Why nothing newer is there.
    pub failure: Option<Failure>,
    /// The size of the view in pixels, as it was drawn last.
    pub size_px: [u32; 2],
    /// The place of the view in points, as it was drawn last.
    pub rect: Option<Rect>,
}

/// What a picture shows.
pub(crate) struct Shown {
    pub view: View,
    /// The series at the bottom.
    pub series: SeriesId,
    /// Whether some of it was not loaded yet.
    pub is_partial: bool,
    pub wanted_px: [u32; 2],
    image_px: [usize; 2],
    pub is_full: bool,
    pub frame: Option<Arc<FrameImage>>,
}

impl Canvas {
    /// Takes a new picture.
    pub(crate) fn take(&mut self, context: &Context, view: usize, made: Result<Made, Failure>) {
        let made = match made {
            Ok(made) => made,
            Err(failure) => {
                self.failure = Some(failure);
                return;
            }
        };
        self.failure = None;
        let image_px = made.image.size;
        // A picture of fewer pixels is enlarged smoothly; one pixel for each of the screen's is shown as it is.
        let options = if made.is_full { TextureOptions::NEAREST } else { TextureOptions::LINEAR };
        match &mut self.texture {
            Some(texture) => texture.set(Arc::clone(&made.image), options),
            None => {
                let name = format!("view {view}");
                self.texture = Some(context.load_texture(name, Arc::clone(&made.image), options));
            }
        }
        self.picture = Some(Arc::clone(&made.image));
        let Made { wanted_px, view, series, is_partial, is_full, frame, .. } = made;
        self.shown = Some(Shown { view, series, is_partial, wanted_px, image_px, is_full, frame });
    }

    /// Forgets the picture.
    pub(crate) fn clear(&mut self) {
        *self = Self { size_px: self.size_px, rect: self.rect, ..Self::default() };
    }

    /// Draws the picture in the middle of a rectangle of whole pixels, and black where it leaves room: not below it, as
    /// drivers that draw without a GPU take as long for what is drawn over as for what is seen.
    pub(crate) fn paint(&self, painter: &egui::Painter, rect: Rect) {
        let drawn = self.texture.as_ref().zip(self.target(rect, painter.pixels_per_point()));
        if drawn.is_none_or(|(_, target)| !target.contains_rect(rect)) {
            painter.rect_filled(rect, 0.0, theme::BLACK);
        }
        let Some((texture, target)) = drawn else { return };
        let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
        painter.with_clip_rect(rect).image(texture.id(), target, whole, egui::Color32::WHITE);
    }

    /// Where the picture is to be drawn.
    fn target(&self, rect: Rect, pixels_per_point: f32) -> Option<Rect> {
        let shown = self.shown.as_ref()?;
        let pixel = 1.0 / pixels_per_point;
        let [width, height] = shown.wanted_px.map(|n| n as f32 * pixel);
        let [columns, rows] = shown.image_px.map(|n| n as f32);
        // Pixels of a plane are parts of its width, those of a camera of its height.
        let large = match shown.view {
            View::Slice { .. } | View::Slab { .. } => width / columns,
            _ => height / rows,
        };
        let size = if shown.is_full { Vec2::new(width, height) } else { Vec2::new(columns, rows) * large };
        Some(if shown.wanted_px != self.size_px {
            // Made for another size: its middle is still the view's.
            Rect::from_center_size(rect.center(), size)
        } else if shown.is_full {
            // To the pixel: anything else would blur.
            rect
        } else {
            Rect::from_center_size(rect.min + Vec2::new(width, height) / 2.0, size)
        })
    }
}

#[cfg(test)]
mod tests {
    use anatome::{Camera, Lens, Projection};
    use egui::{RawInput, Shape};
    use glam::DVec3;

    use super::*;

    /// How many rectangles without a texture are drawn.
    fn fills(context: &Context, canvas: &Canvas, rect: Rect) -> usize {
        let mut output =
            context.run_ui(RawInput::default(), |ui| canvas.paint(&ui.painter().with_clip_rect(rect), rect));
        output.textures_delta.clear();
        let is_fill =
            |shape: &Shape| matches!(shape, Shape::Rect(own) if own.brush.is_none() && own.rect == rect);
        output.shapes.iter().filter(|own| is_fill(&own.shape)).count()
    }

    #[test]
    fn black_is_drawn_only_where_a_picture_leaves_room() {
        let context = Context::default();
        let rect = Rect::from_min_size(Pos2::new(5.0, 7.0), Vec2::new(40.0, 30.0));
        let mut canvas = Canvas { size_px: [40, 30], ..Canvas::default() };
        assert_eq!(fills(&context, &canvas, rect), 1);
        let lens = Lens::Orthographic { height_mm: 1.0 };
        let camera = Camera { eye_mm: DVec3::ZERO, target_mm: DVec3::Y, up: DVec3::Z, lens };
        let image = Arc::new(ColorImage::filled([40, 30], egui::Color32::WHITE));
        canvas.texture = Some(context.load_texture("view", image, TextureOptions::NEAREST));
        canvas.shown = Some(Shown {
            view: View::Projection { camera, projection: Projection::Mip },
            series: SeriesId { input: 0, number: 1 },
            is_partial: false,
            wanted_px: [40, 30],
            image_px: [40, 30],
            is_full: true,
            frame: None,
        });
        assert_eq!(fills(&context, &canvas, rect), 0);
        // Of a view that has grown since.
        canvas.size_px = [60, 30];
        let wider = Rect::from_min_size(rect.min, Vec2::new(60.0, 30.0));
        assert_eq!(fills(&context, &canvas, wider), 1);
    }
}
