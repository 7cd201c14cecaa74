//! Small pictures of the rendering presets of a volume, made beside everything else.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, channel};

use egui::{ColorImage, Context, TextureHandle, TextureOptions};

use crate::app::Viewer;
use crate::render::{Want, drawn};
use crate::session::{Content, Look, OrbitView, SeriesId, Session, ViewState};
use crate::threads;

/// The side of a picture in pixels.
const SIDE_PX: u32 = 112;

type Drawn = (String, ColorImage);

/// Small pictures of presets, of one series at a time; phases of one have the same.
#[derive(Default)]
pub(crate) struct PresetPictures {
    /// The first phase of the series.
    of: Option<SeriesId>,
    coming: Option<Receiver<Drawn>>,
    textures: HashMap<String, TextureHandle>,
}

impl PresetPictures {
    /// The picture of a preset, if it is there.
    pub(crate) fn get(&self, series: SeriesId, name: &str) -> Option<&TextureHandle> {
        self.textures.get(name).filter(|_| self.of == Some(series))
    }

    /// Whether they are those of a series.
    pub(crate) fn is_of(&self, series: SeriesId) -> bool {
        self.of == Some(series)
    }

    /// How many are there.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.textures.len()
    }
}

impl Viewer {
    /// Makes the pictures of a series that is shown, once; takes those that were made.
    pub(crate) fn provide_presets(&mut self, context: &Context, series: SeriesId) {
        let coming = self.presets.coming.as_ref();
        let made: Vec<Drawn> = coming.map(|coming| coming.try_iter().collect()).unwrap_or_default();
        for (name, image) in made {
            let texture = context.load_texture(format!("preset {name}"), image, TextureOptions::LINEAR);
            self.presets.textures.insert(name, texture);
        }
        let first = self.document.first_phase(series);
        if self.presets.is_of(first) || self.interaction.cine.is_some() {
            return;
        }
        let Some(whole) = self.document.whole(series) else { return };
        let names: Vec<String> = whole.defaults.renderings.keys().cloned().collect();
        let wants: Vec<(String, Want)> = names
            .into_iter()
            .filter_map(|name| Some((name.clone(), self.want_of_preset(series, name)?)))
            .collect();
        let (tell, coming) = channel();
        let (frames, wake) = (self.painter.frames(), self.painter.wake());
        let thread = threads::spawn("anatome-presets", move || {
            for (name, want) in wants {
                // Without its picture a preset has its name.
                let Ok((image, _)) = drawn(&want, &frames) else { continue };
                let picture = crate::render::color_image(&image);
                // Another series is shown: nobody waits any more.
                if tell.send((name, picture)).is_err() {
                    return;
                }
                wake();
            }
        });
        // Without a thread there are no pictures: presets have their names.
        let coming = thread.is_ok().then_some(coming);
        self.presets = PresetPictures { of: Some(first), coming, textures: HashMap::new() };
    }

    fn want_of_preset(&self, series: SeriesId, preset: String) -> Option<Want> {
        let look = Look { preset: Some(preset), ..Look::default() };
        let content = Content::Orbit(OrbitView::default());
        let view = ViewState { series: Some(series), content, look, ..ViewState::default() };
        self.wanted_in(&Session::default(), &view, [SIDE_PX; 2])
    }
}
