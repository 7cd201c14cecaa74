//! A view's picture, in memory or on the window's device.

use std::sync::OnceLock;

use anatome::{Finished, GpuPicture, Image, Pixels};

/// A picture where it was made. It is read back from a GPU only if somebody asks for its bytes.
#[derive(Debug)]
pub(crate) struct Picture {
    made: Finished,
    read: OnceLock<Image>,
}

impl Picture {
    pub(crate) fn new(made: Finished) -> Self {
        Self { made, read: OnceLock::new() }
    }

    pub(crate) fn size_px(&self) -> [u32; 2] {
        match &self.made {
            Finished::Image(image) => [image.width_px(), image.height_px()],
            Finished::OnGpu(picture) => picture.size_px(),
        }
    }

    /// Whether a pixel is one grey value.
    pub(crate) fn is_grey(&self) -> bool {
        match &self.made {
            Finished::Image(image) => matches!(image.pixels(), Pixels::Grey8(_)),
            Finished::OnGpu(picture) => picture.is_grey(),
        }
    }

    /// What the window's device has of it.
    pub(crate) fn on_gpu(&self) -> Option<&GpuPicture> {
        match &self.made {
            Finished::Image(_) => None,
            Finished::OnGpu(picture) => Some(picture),
        }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// As [`GpuPicture::read`].
    pub(crate) fn image(&self) -> anatome::Result<&Image> {
        match &self.made {
            Finished::Image(image) => Ok(image),
            Finished::OnGpu(picture) => match self.read.get() {
                Some(read) => Ok(read),
                None => {
                    let read = picture.read()?;
                    Ok(self.read.get_or_init(|| read))
                }
            },
        }
    }
}
