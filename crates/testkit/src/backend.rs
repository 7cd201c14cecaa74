//! All renderers behind one type, for suites that run one body on every backend.

use std::sync::Arc;

use anatome_core::{Bindings, Frame as _, Image, Progress, Renderer, Request, Result, Volume};

/// A renderer with a name, whatever its types.
pub trait Backend {
    /// What to call it in a message.
    fn name(&self) -> &str;

    /// Uploads the volume into the primary slot and renders the request.
    ///
    /// # Errors
    /// As [`Renderer::upload`] and [`Renderer::render`].
    fn render(&self, volume: &Arc<Volume>, request: &Request) -> Result<Image>;

    /// As [`Self::render`], but without a stop on the way.
    ///
    /// # Errors
    /// As [`Self::render`].
    fn render_at_once(&self, volume: &Arc<Volume>, request: &Request) -> Result<Image>;

    /// As [`Self::render`], with the caller's handle.
    ///
    /// # Errors
    /// As [`Self::render`]; cancelled.
    fn render_with(&self, volume: &Arc<Volume>, request: &Request, progress: &Progress) -> Result<Image>;
}

/// A renderer and its name.
#[derive(Clone, Debug)]
pub struct Named<R> {
    name: String,
    renderer: R,
}

impl<R: Renderer> Named<R> {
    /// Names a renderer.
    #[must_use]
    pub fn new(name: impl Into<String>, renderer: R) -> Self {
        Self { name: name.into(), renderer }
    }
}

impl<R: Renderer> Backend for Named<R> {
    fn name(&self) -> &str {
        &self.name
    }

    fn render(&self, volume: &Arc<Volume>, request: &Request) -> Result<Image> {
        self.render_with(volume, request, &Progress::new())
    }

    fn render_at_once(&self, volume: &Arc<Volume>, request: &Request) -> Result<Image> {
        let uploaded = self.renderer.upload(volume, &Progress::new())?;
        self.renderer.begin(request, &Bindings::primary(&uploaded))?.finish()
    }

    fn render_with(&self, volume: &Arc<Volume>, request: &Request, progress: &Progress) -> Result<Image> {
        let uploaded = self.renderer.upload(volume, &Progress::new())?;
        self.renderer.render(request, &Bindings::primary(&uploaded), progress)
    }
}
