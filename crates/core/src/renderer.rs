//! The one interface of all backends.

use std::sync::Arc;
use std::time::Duration;

use crate::{Bindings, Image, Progress, Request, Result, Volume};

/// A backend that makes pictures of volumes.
///
/// A picture is a pure function of scene, bound volumes, size and quality: no clock, thread count or hidden state.
pub trait Renderer {
    /// A volume as this backend holds it.
    type Uploaded: Uploaded;
    /// A picture in the making.
    type Frame<'a>: Frame
    where
        Self: 'a;

    /// Prepares a volume: the only copy of its samples, and the only step from f64 to f32.
    ///
    /// # Errors
    /// Limits, before anything is allocated; device; cancelled.
    fn upload(&self, volume: &Arc<Volume>, progress: &Progress) -> Result<Self::Uploaded>;

    /// Checks a request and starts its picture.
    ///
    /// # Errors
    /// Scene, unsupported, limits or device.
    fn begin<'a>(
        &'a self,
        request: &Request,
        bindings: &Bindings<'a, Self::Uploaded>,
    ) -> Result<Self::Frame<'a>>;

    /// Renders a request to the end.
    ///
    /// # Errors
    /// As [`Self::begin`] and [`Frame::advance`]; cancelled.
    fn render(
        &self,
        request: &Request,
        bindings: &Bindings<'_, Self::Uploaded>,
        progress: &Progress,
    ) -> Result<Image> {
        Ok(self.render_timed(request, bindings, progress)?.0)
    }

    /// As [`Self::render`], with [`Frame::device_time`].
    ///
    /// # Errors
    /// As [`Self::render`].
    fn render_timed(
        &self,
        request: &Request,
        bindings: &Bindings<'_, Self::Uploaded>,
        progress: &Progress,
    ) -> Result<(Image, Option<Duration>)> {
        let mut frame = self.begin(request, bindings)?;
        progress.start(1000);
        let mut told = 0;
        loop {
            progress.check()?;
            match frame.advance(Duration::from_millis(50))? {
                FrameStatus::Pending { done } => {
                    let now = (done * 1000.0) as u64;
                    progress.advance(now.saturating_sub(told));
                    told = told.max(now);
                }
                FrameStatus::Done => {
                    progress.advance(1000 - told.min(1000));
                    let device_time = frame.device_time();
                    return Ok((frame.finish()?, device_time));
                }
            }
        }
    }
}

/// A volume held by a backend. The host's copy stays the truth: everything else can be made again from it.
pub trait Uploaded {
    /// The host's copy.
    fn volume(&self) -> &Arc<Volume>;
}

/// How far a frame is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FrameStatus {
    /// Not finished; the part that is, 0 to 1.
    Pending {
        /// The part that is finished.
        done: f64,
    },
    /// Finished: call [`Frame::finish`].
    Done,
}

/// A picture in the making, tile by tile. Dropping it cancels it.
pub trait Frame {
    /// Goes on for about `budget`, at least by one tile.
    ///
    /// # Errors
    /// Device.
    fn advance(&mut self, budget: Duration) -> Result<FrameStatus>;

    /// How long the device itself has worked on what is finished, without transfers; `None` if it can't tell.
    fn device_time(&self) -> Option<Duration> {
        None
    }

    /// The finished picture; renders what is not finished yet.
    ///
    /// # Errors
    /// Device.
    fn finish(self) -> Result<Image>;
}
