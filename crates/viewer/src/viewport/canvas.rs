//! The picture of a view that was made last.

use std::sync::Arc;

use anatome::View;
use egui::{ColorImage, Context, Pos2, Rect, TextureHandle, TextureOptions, Vec2};

use crate::document::FrameImage;
use crate::render::{Failure, Made};
use crate::session::{SeriesId, Subject};

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

    /// Draws the picture in the middle of a rectangle of whole pixels.
    pub(crate) fn paint(&self, painter: &egui::Painter, rect: Rect) {
        let (Some(texture), Some(shown)) = (&self.texture, &self.shown) else { return };
        let pixel = 1.0 / painter.pixels_per_point();
        let [width, height] = shown.wanted_px.map(|n| n as f32 * pixel);
        let [columns, rows] = shown.image_px.map(|n| n as f32);
        // Pixels of a plane are parts of its width, those of a camera of its height.
        let large = match shown.view {
            View::Slice { .. } | View::Slab { .. } => width / columns,
            _ => height / rows,
        };
        let size = if shown.is_full { Vec2::new(width, height) } else { Vec2::new(columns, rows) * large };
        let target = if shown.wanted_px != self.size_px {
            // Made for another size: its middle is still the view's.
            Rect::from_center_size(rect.center(), size)
        } else if shown.is_full {
            // To the pixel: anything else would blur.
            rect
        } else {
            Rect::from_center_size(rect.min + Vec2::new(width, height) / 2.0, size)
        };
        let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
        painter.with_clip_rect(rect).image(texture.id(), target, whole, egui::Color32::WHITE);
    }
}
