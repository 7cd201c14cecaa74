//! The picture of a view that was made last.

use std::sync::Arc;

use anatome::View;
use egui::{Rect, Vec2};

use crate::document::{FrameImage, Frames};
use crate::render::{Failure, Made, Picture, Want, What};
use crate::session::{SeriesId, Subject, frame_scene};
use crate::theme;
use crate::viewport::picture::{Drawing, OnScreen};

/// The picture of a view that was made last: it stays until the next is there.
#[derive(Default)]
pub(crate) struct Canvas {
    /// What the view is to show.
    pub subject: Option<Subject>,
    pub picture: Option<Arc<Picture>>,
    /// The picture on the window's device.
    on_screen: Arc<OnScreen>,
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
    image_px: [u32; 2],
    pub is_full: bool,
    pub frame: Option<Arc<FrameImage>>,
}

/// How a picture is drawn where another part of its plane is wanted: enlarged about the middle of the view, and then moved
/// by so many points. It is there at once, and true to what is drawn over it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moved {
    pub scale: f32,
    pub by: Vec2,
}

impl Canvas {
    /// Takes a new picture.
    pub(crate) fn take(&mut self, made: Result<Made, Failure>) {
        let made = match made {
            Ok(made) => made,
            Err(failure) => {
                self.failure = Some(failure);
                return;
            }
        };
        self.failure = None;
        let image_px = made.picture.size_px();
        self.picture = Some(made.picture);
        let Made { wanted_px, view, series, is_partial, is_full, frame, .. } = made;
        self.shown = Some(Shown { view, series, is_partial, wanted_px, image_px, is_full, frame });
    }

    /// One that shows all that is wanted, for what is said of a picture that leaves the window. It holds no picture.
    pub(crate) fn of(want: &Want, rect: Rect, frames: &Frames) -> Self {
        let Want { subject, series, is_partial, backend, what, size_px, .. } = want;
        let (view, frame) = match what {
            What::Volumes { scene, .. } => (Some(scene.view.clone()), None),
            What::Frame { stack, frame, framing, look } => {
                let image = frames.get(stack, *frame, backend).ok();
                let aspect = f64::from(size_px[0]) / f64::from(size_px[1]);
                (image.as_ref().map(|image| frame_scene(image, *framing, look, aspect).view), image)
            }
        };
        let shown = view.map(|view| Shown {
            view,
            series: *series,
            is_partial: *is_partial,
            wanted_px: *size_px,
            image_px: *size_px,
            is_full: true,
            frame,
        });
        Self { subject: Some(*subject), shown, size_px: *size_px, rect: Some(rect), ..Self::default() }
    }

    /// Forgets the picture.
    pub(crate) fn clear(&mut self) {
        *self = Self { size_px: self.size_px, rect: self.rect, ..Self::default() };
    }

    /// Draws the picture in the middle of a rectangle of whole pixels, which is black where the picture leaves room.
    /// Nothing lies below pictures: drivers that draw without a GPU take as long for what is drawn over as for what is
    /// seen.
    pub(crate) fn paint(&self, painter: &egui::Painter, rect: Rect, moved: Option<Moved>) {
        let per_point = painter.pixels_per_point();
        let drawn = self.picture.as_ref().zip(self.shown.as_ref()).zip(self.target(rect, per_point));
        let Some(((picture, shown), target)) = drawn else {
            painter.rect_filled(rect, 0.0, theme::BLACK);
            return;
        };
        let target = moved.map_or(target, |Moved { scale, by }| {
            let center = rect.center() + (target.center() - rect.center()) * scale + by;
            Rect::from_center_size(center, target.size() * scale)
        });
        let in_px = |point: f32| point * per_point;
        // One pixel for each of the screen's is shown as it is; a picture of fewer is enlarged smoothly.
        let is_full = shown.is_full && moved.is_none();
        let in_px = |point: f32| if is_full { in_px(point).round() } else { in_px(point) };
        let drawing = Drawing {
            picture: Arc::clone(picture),
            on_screen: Arc::clone(&self.on_screen),
            origin_px: [in_px(target.min.x), in_px(target.min.y)],
            size_px: [in_px(target.width()), in_px(target.height())],
            is_smooth: !is_full,
        };
        painter.with_clip_rect(rect).add(drawing.within(rect));
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
    use anatome::{
        Appearance, Camera, Finished, Image, Lens, Output, Pixels, Projection, Request, Scene, Voi,
    };
    use anatome_core::Recipe;
    use anatome_testkit::Need;
    use eframe::egui_wgpu::{RenderState, Renderer, RendererOptions};
    use eframe::wgpu::TextureFormat;
    use egui::Pos2;
    use egui::mutex::RwLock;
    use egui_kittest::Harness;
    use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state};
    use glam::DVec3;
    use image::RgbaImage;

    use super::*;
    use crate::session::SeriesId;

    const WINDOW_PX: [u32; 2] = [64, 48];
    /// Where the view is.
    const CORNER_PX: [u32; 2] = [5, 7];
    const VIEW_PX: [u32; 2] = [40, 30];

    /// A picture in which neighbours differ; every byte is in it, where it is large enough.
    fn made(size_px: [u32; 2], is_grey: bool, wanted_px: [u32; 2], is_full: bool) -> Made {
        let [width, height] = size_px;
        let bytes = |count: u32| (0..count).map(|n| (n * 7 + n / width * 11) as u8);
        let (pixels, output) = if is_grey {
            (Pixels::Grey8(bytes(width * height).collect()), Output::Grey8)
        } else {
            let colors = bytes(width * height).flat_map(|v| [v, v.wrapping_add(85), 255 - v, v / 2]);
            (Pixels::Rgba8(colors.collect()), Output::Rgba8)
        };
        let lens = Lens::Orthographic { height_mm: 1.0 };
        let camera = Camera { eye_mm: DVec3::ZERO, target_mm: DVec3::Y, up: DVec3::Z, lens };
        let view = View::Projection { camera, projection: Projection::Mip };
        let window = anatome::Window::new(0.0, 1.0, anatome_core::WindowFunction::Linear).unwrap();
        let appearance = Appearance::Grey { voi: Voi::Window(window), invert: false, colors: None };
        let request = Request::new(Scene::of_primary(view.clone(), appearance), wanted_px, output);
        let recipe = Recipe::new(&request, Vec::new(), "cpu", None);
        Made {
            picture: shown(Image::new(width, height, pixels, None, recipe).unwrap()),
            wanted_px,
            view,
            series: SeriesId { input: 0, number: 1 },
            is_partial: false,
            is_full,
            took: std::time::Duration::ZERO,
            device_time: None,
            asked: None,
            frame: None,
        }
    }

    fn shown(image: Image) -> Arc<Picture> {
        Arc::new(Picture::new(Finished::Image(image)))
    }

    /// A window with a view in it that draws pictures into a texture of a format; nothing where there is no driver.
    fn window(format: TextureFormat, per_point: f32) -> Option<Harness<'static, Canvas>> {
        moved_window(format, per_point, None)
    }

    fn moved_window(
        format: TextureFormat,
        per_point: f32,
        moved: Option<Moved>,
    ) -> Option<Harness<'static, Canvas>> {
        if anatome_gpu::adapters().is_empty() {
            Need::Gpu.is_missing("no graphics driver, to draw windows");
            return None;
        }
        let options = RendererOptions::PREDICTABLE;
        let state = create_render_state(crate::walkthrough::window_setup(), options);
        let renderer = Arc::new(RwLock::new(Renderer::new(&state.device, format, options)));
        let state = RenderState { target_format: format, renderer, ..state };
        crate::viewport::install(&state);
        let point = move |px: [u32; 2]| px.map(|n| n as f32 / per_point);
        let rect = Rect::from_min_size(Pos2::from(point(CORNER_PX)), Vec2::from(point(VIEW_PX)));
        Some(
            Harness::builder()
                .with_size(point(WINDOW_PX))
                .with_pixels_per_point(per_point)
                .renderer(WgpuTestRenderer::from_render_state(state))
                .build_ui_state(
                    move |ui, canvas: &mut Canvas| {
                        let all = ui.ctx().content_rect();
                        canvas.paint(&ui.painter().with_clip_rect(all), rect, moved);
                    },
                    Canvas { size_px: VIEW_PX, ..Canvas::default() },
                ),
        )
    }

    fn show(harness: &mut Harness<'_, Canvas>, made: Made) -> RgbaImage {
        harness.state_mut().take(Ok(made));
        harness.step();
        harness.render().unwrap()
    }

    /// The pixel of a view.
    fn at(window: &RgbaImage, x: u32, y: u32) -> [u8; 4] {
        window.get_pixel(CORNER_PX[0] + x, CORNER_PX[1] + y).0
    }

    /// The colour of a picture's pixel, as it is to be seen.
    fn expected(made: &Image, x: u32, y: u32) -> [u8; 4] {
        let n = (y * made.width_px() + x) as usize;
        match made.pixels() {
            Pixels::Grey8(grey) => [grey[n], grey[n], grey[n], 255],
            Pixels::Rgba8(colors) => [colors[4 * n], colors[4 * n + 1], colors[4 * n + 2], 255],
            _ => panic!("not for a screen"),
        }
    }

    #[test]
    fn the_window_has_the_bytes_of_the_picture_and_what_is_beside_it_stays() {
        for format in [TextureFormat::Rgba8Unorm, TextureFormat::Rgba8UnormSrgb] {
            for per_point in [1.0, 1.25, 1.5, 2.0] {
                let Some(mut harness) = window(format, per_point) else { return };
                let before = harness.render().unwrap();
                // The second of a form takes the place of the first.
                for is_grey in [true, false, false, true, true] {
                    let made = made(VIEW_PX, is_grey, VIEW_PX, true);
                    let picture = Arc::clone(&made.picture);
                    let image = picture.image().unwrap();
                    let window = show(&mut harness, made);
                    for (x, y, pixel) in window.enumerate_pixels() {
                        let [Some(x), Some(y)] = [x.checked_sub(CORNER_PX[0]), y.checked_sub(CORNER_PX[1])]
                        else {
                            continue;
                        };
                        let is_in = x < VIEW_PX[0] && y < VIEW_PX[1];
                        let wanted = if is_in {
                            expected(image, x, y)
                        } else {
                            before.get_pixel(x + CORNER_PX[0], y + CORNER_PX[1]).0
                        };
                        assert_eq!(pixel.0, wanted, "{format:?}, {per_point}, {is_grey}: {x}, {y}");
                    }
                    let (x, y) = (CORNER_PX[0] - 1, CORNER_PX[1] - 1);
                    assert_eq!(window.get_pixel(x, y), before.get_pixel(x, y));
                }
            }
        }
    }

    #[test]
    fn a_picture_of_another_size_is_in_the_middle_and_black_around_it() {
        let Some(mut harness) = window(TextureFormat::Rgba8Unorm, 1.0) else { return };
        // Of a view that has grown since.
        let made = made([20, 30], true, [20, 30], true);
        let picture = Arc::clone(&made.picture);
        let image = picture.image().unwrap();
        let window = show(&mut harness, made);
        for (x, y) in (0..VIEW_PX[1]).flat_map(|y| (0..VIEW_PX[0]).map(move |x| (x, y))) {
            let black = [0, 0, 0, 255];
            let wanted = if (10..30).contains(&x) { expected(image, x - 10, y) } else { black };
            assert_eq!(at(&window, x, y), wanted, "{x}, {y}");
        }
    }

    #[test]
    fn a_picture_of_another_part_is_where_it_belongs() {
        let moved = Moved { scale: 2.0, by: Vec2::new(6.0, -2.0) };
        let Some(mut harness) = moved_window(TextureFormat::Rgba8Unorm, 1.0, Some(moved)) else { return };
        let mut made = made(VIEW_PX, true, VIEW_PX, true);
        let ramp = (0..40 * 30).map(|n| (4 * (n % 40) + 2 * (n / 40)) as u8).collect();
        let recipe = made.picture.image().unwrap().recipe().clone();
        made.picture = shown(Image::new(40, 30, Pixels::Grey8(ramp), None, recipe).unwrap());
        let window = show(&mut harness, made);
        for (x, y) in (0..VIEW_PX[1]).flat_map(|y| (0..VIEW_PX[0]).map(move |x| (x, y))) {
            // From the middle of the view, less what it is moved by, half as far; from the picture's middle as far as that.
            let texel_x = (f64::from(x) + 0.5 - 20.0 - 6.0) / 2.0 + 20.0 - 0.5;
            let texel_y = (f64::from(y) + 0.5 - 15.0 + 2.0) / 2.0 + 15.0 - 0.5;
            let wanted = 4.0 * texel_x + 2.0 * texel_y;
            let [red, ..] = at(&window, x, y);
            assert!((f64::from(red) - wanted).abs() <= 1.5, "{x}, {y}: {red}, not {wanted}");
        }
    }

    #[test]
    fn a_picture_of_fewer_pixels_is_enlarged_smoothly() {
        let Some(mut harness) = window(TextureFormat::Rgba8Unorm, 1.0) else { return };
        // Two pixels of the window a pixel, as high as the view, and 10 pixels of black on both sides.
        let mut made = made([10, 15], true, VIEW_PX, false);
        let ramp = (0..150).map(|n| 20 * (n % 10) as u8).collect();
        let recipe = made.picture.image().unwrap().recipe().clone();
        made.picture = shown(Image::new(10, 15, Pixels::Grey8(ramp), None, recipe).unwrap());
        let window = show(&mut harness, made);
        for x in 0..VIEW_PX[0] {
            let texel = (f64::from(x) - 10.0 + 0.5) / 2.0 - 0.5;
            let inside = (10..30).contains(&x);
            let wanted = if inside { 20.0 * texel.clamp(0.0, 9.0) } else { 0.0 };
            let [red, green, blue, alpha] = at(&window, x, 17);
            assert_eq!((red, red, 255), (green, blue, alpha));
            // Texture units weigh with eight bits.
            assert!((f64::from(red) - wanted).abs() <= 1.0, "{x}: {red}, not {wanted}");
        }
    }
}
