//! All renderers behind one type, for suites that run one body on every backend.

use std::sync::Arc;

use anatome_core::{Bindings, Image, Progress, Renderer, Request, Result, Volume};

/// A renderer with a name, whatever its types.
pub trait Backend {
    /// What to call it in a message.
    fn name(&self) -> &str;

    /// Uploads the volume into the primary slot and renders the request.
    ///
    /// # Errors
    /// As [`Renderer::upload`] and [`Renderer::render`].
    fn render(&self, volume: &Arc<Volume>, request: &Request) -> Result<Image>;
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
        let progress = Progress::new();
        let uploaded = self.renderer.upload(volume, &progress)?;
        self.renderer.render(request, &Bindings::primary(&uploaded), &progress)
    }
}
