//! Several renderings that become one picture: colours from three channels, one series over another.

use std::sync::Arc;
use std::time::Duration;

use anatome::governor::FrameSource;
use anatome::{
    Backend, BackendFrame, ColorMap, Finished, Frame, FrameStatus, Image, Output, Pixels, Request,
    UploadedVolume,
};

/// How renderings become one picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Blend {
    /// There is but one.
    One,
    /// Red, green and blue.
    Colors,
    /// The second over the first, by its own colours.
    Over { opacity: f64, colors: ColorMap },
}

/// Where in its window what is laid over begins to fade: below a quarter, so that what takes nothing up hides nothing.
const FADES_BELOW: f64 = 0.25;

/// Volumes on a backend, for the governor. A picture of one rendering stays where it was made.
pub(super) struct Combined<'a> {
    pub backend: &'a Backend,
    pub volumes: &'a [Arc<UploadedVolume>],
    pub blend: &'a Blend,
}

impl<'a> FrameSource for Combined<'a> {
    type Frame = CombinedFrame<'a>;
    type Picture = Finished;

    fn begin(&self, request: &Request) -> anatome::Result<Self::Frame> {
        let begin = |(n, volume): (usize, &'a Arc<UploadedVolume>)| {
            let mut own = request.clone();
            let last = own.scene.layers.len().saturating_sub(1);
            own.scene.layers = own.scene.layers.get(n.min(last)).cloned().into_iter().collect();
            own.output = match (self.blend, n) {
                (Blend::One, _) => request.output,
                (Blend::Over { .. }, 0) => Output::Rgba8,
                _ => Output::Grey8,
            };
            if n > 0 {
                own.scene.background = [0.0; 3];
            }
            match self.blend {
                Blend::One => self.backend.begin_kept(&own, volume),
                _ => self.backend.begin(&own, volume),
            }
        };
        let frames = self.volumes.iter().enumerate().map(begin).collect::<Result<Vec<_>, _>>()?;
        Ok(CombinedFrame { frames, at: 0, blend: self.blend })
    }

    fn has_preview(&self) -> bool {
        self.volumes.iter().any(|volume| volume.has_preview())
    }

    fn finish(frame: CombinedFrame<'a>) -> anatome_core::Result<Finished> {
        frame.finish_kept()
    }
}

/// Renderings in the making, one after the other.
pub(super) struct CombinedFrame<'a> {
    frames: Vec<BackendFrame<'a>>,
    at: usize,
    blend: &'a Blend,
}

impl Frame for CombinedFrame<'_> {
    fn advance(&mut self, budget: Duration) -> anatome_core::Result<FrameStatus> {
        let count = self.frames.len();
        let Some(frame) = self.frames.get_mut(self.at) else { return Ok(FrameStatus::Done) };
        match frame.advance(budget)? {
            FrameStatus::Pending { done } => {
                Ok(FrameStatus::Pending { done: (self.at as f64 + done) / count as f64 })
            }
            FrameStatus::Done => {
                self.at += 1;
                if self.at == count {
                    Ok(FrameStatus::Done)
                } else {
                    Ok(FrameStatus::Pending { done: self.at as f64 / count as f64 })
                }
            }
        }
    }

    fn device_time(&self) -> Option<Duration> {
        self.frames.iter().map(Frame::device_time).sum()
    }

    fn finish(self) -> anatome_core::Result<Image> {
        self.finish_kept()?.into_image()
    }
}

impl CombinedFrame<'_> {
    fn finish_kept(mut self) -> anatome_core::Result<Finished> {
        if *self.blend == Blend::One
            && let Some(frame) = self.frames.pop()
        {
            return frame.finish_kept();
        }
        let images = self.frames.into_iter().map(Frame::finish).collect::<Result<Vec<_>, _>>()?;
        combined(images, self.blend).map(Finished::Image)
    }
}

fn combined(images: Vec<Image>, blend: &Blend) -> anatome_core::Result<Image> {
    let mut images = images.into_iter();
    let nothing = || anatome_core::Error::Unsupported { feature: "a picture of nothing".to_owned() };
    let mut first = images.next().ok_or_else(nothing)?;
    match blend {
        Blend::One => {}
        Blend::Colors => {
            let rest: Vec<Image> = images.collect();
            let channels: Vec<&[u8]> = std::iter::once(&first).chain(&rest).filter_map(grey).collect();
            let [red, green, blue] = channels[..] else { return Err(nothing()) };
            let colors = red.iter().zip(green).zip(blue);
            let rgba: Vec<u8> = colors.flat_map(|((&r, &g), &b)| [r, g, b, 255]).collect();
            let (width, height) = (first.width_px(), first.height_px());
            first = Image::new(
                width,
                height,
                Pixels::Rgba8(rgba),
                first.plane().copied(),
                first.recipe().clone(),
            )?;
        }
        Blend::Over { opacity, colors } => {
            let over = images.next().ok_or_else(nothing)?;
            let table: Vec<[f32; 4]> = (0..256).map(|n| shade(n, *opacity, colors)).collect();
            if let (Pixels::Rgba8(rgba), Some(over)) = (first.pixels_mut(), grey(&over)) {
                for (pixel, &value) in rgba.as_chunks_mut::<4>().0.iter_mut().zip(over) {
                    let [r, g, b, part] = table[usize::from(value)];
                    for (below, above) in pixel.iter_mut().zip([r, g, b]) {
                        *below = (f32::from(*below) * (1.0 - part) + above * part + 0.5) as u8;
                    }
                }
            }
        }
    }
    Ok(first)
}

/// The colour (0 to 255) of a display value of what is laid over, and how much of what is below it hides.
fn shade(value: u16, opacity: f64, colors: &ColorMap) -> [f32; 4] {
    let shown = f64::from(value) / 255.0;
    let [r, g, b] = colors.color(shown).map(|part| part * 255.0);
    [r, g, b, (opacity * (shown / FADES_BELOW).min(1.0)) as f32]
}

fn grey(image: &Image) -> Option<&[u8]> {
    match image.pixels() {
        Pixels::Grey8(grey) => Some(grey),
        _ => None,
    }
}
