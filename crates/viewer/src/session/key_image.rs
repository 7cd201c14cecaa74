//! Pictures that were marked, to come back to them.

use serde::{Deserialize, Serialize};

use super::apply::{Done, NO_NUMBER, NOTHING_SHOWN, Refused};
use super::{Content, Session, Space, ViewState, among, plane_name, position, shown_mm};
use crate::command::Command;
use crate::document::Document;

/// A picture that was marked, with all that it takes to show it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyImage {
    /// Unique in its session.
    pub id: u64,
    /// What the view showed.
    pub view: ViewState,
    /// The crosshair that its plane went through; none of frames and in 3D.
    pub space: Option<Space>,
    /// The size of the view, for its shape.
    pub size_px: [u32; 2],
}

/// So many can be marked.
const MOST: usize = 1000;

impl KeyImage {
    pub(super) fn fault(&self) -> Option<&'static str> {
        let usable = self.size_px.iter().all(|side| (1..=16_384).contains(side));
        let fault = self.view.fault().or_else(|| self.space.as_ref().and_then(Space::fault));
        if usable { fault } else { Some("a key image is not usable") }
    }

    /// What it is called: by its series, and what of it is seen.
    pub(crate) fn name(&self, document: &Document) -> String {
        let series = self.view.series.and_then(|series| document.name(series)).unwrap_or_default();
        let what = match self.view.content {
            Content::Plane(plane) => match &self.space {
                Some(space) => {
                    let normal = space.normal(plane.direction);
                    let loaded = self.view.series.and_then(|series| document.whole(series));
                    let place = loaded.map(|loaded| {
                        let grid = loaded.volume.grid();
                        match among(space, plane.direction, grid, &loaded.images) {
                            Some(among) => among.name(),
                            None => position(shown_mm(grid, space.center_mm, normal), normal),
                        }
                    });
                    let name = plane_name(normal).to_lowercase();
                    [Some(name), place].into_iter().flatten().collect::<Vec<_>>().join(" ")
                }
                None => plane.direction.name().to_lowercase(),
            },
            Content::Orbit(_) => "3D".to_owned(),
            Content::Frame(own) => format!("frame {}", own.frame + 1),
        };
        format!("Key image {}: {series} {what}", self.id)
    }
}

impl Session {
    /// The key image that a view shows, if it is one.
    pub(crate) fn key_image_of(&self, view: usize, document: &Document) -> Option<&KeyImage> {
        let own = self.views.get(view)?;
        let space = self.crosshair_of(own, document);
        self.key_images.iter().find(|image| image.view == *own && image.space.as_ref() == space)
    }

    /// The crosshair that the plane of a view goes through.
    fn crosshair_of(&self, view: &ViewState, document: &Document) -> Option<&Space> {
        let is_plane = matches!(view.content, Content::Plane(_));
        view.series.filter(|_| is_plane).and_then(|series| self.space_of(series, document))
    }

    pub(super) fn apply_to_key_images(&mut self, command: &Command, document: &Document) -> Done {
        let absent = Refused("there is no such key image");
        match *command {
            Command::Mark { view, size_px } => {
                let own = self.views.get(view).filter(|own| own.series.is_some()).ok_or(NOTHING_SHOWN)?;
                let space = self.crosshair_of(own, document).copied();
                let id = self.key_images.iter().map(|image| image.id).max().unwrap_or(0).saturating_add(1);
                let image = KeyImage { id, view: own.clone(), space, size_px };
                if image.fault().is_some() || self.key_images.len() >= MOST {
                    return Err(NO_NUMBER);
                }
                self.key_images.push(image);
            }
            Command::Unmark { id } => {
                let count = self.key_images.len();
                self.key_images.retain(|image| image.id != id);
                if self.key_images.len() == count {
                    return Err(absent);
                }
            }
            Command::Recall { view, id } => {
                let image = self.key_images.iter().find(|image| image.id == id).ok_or(absent)?.clone();
                *self.view_mut(view)? = image.view;
                if let Some(space) = image.space {
                    self.place(space)?;
                }
            }
            _ => return Err(NOTHING_SHOWN),
        }
        Ok(())
    }
}
