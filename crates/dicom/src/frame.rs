//! One frame: an image of a single-frame object, one of several in a multi-frame object, or a slice of a mosaic.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::header::{FrameHeader, Tile};
use crate::{InstanceHeader, Phase, Plane, Values};

/// One frame of an object. Frames of one object share its header.
#[derive(Clone, Debug)]
pub struct Frame {
    instance: Arc<InstanceHeader>,
    index: u32,
}

impl Frame {
    /// All frames of an object, as far as the file can hold them; none for objects without pixels.
    pub fn all(instance: &Arc<InstanceHeader>) -> impl Iterator<Item = Self> {
        (0..instance.frames.count).map(|index| Self { instance: Arc::clone(instance), index })
    }

    /// The object that holds it.
    #[must_use]
    pub fn instance(&self) -> &Arc<InstanceHeader> {
        &self.instance
    }

    /// Its number within the object, from 1 as in DICOM; in a mosaic, the number of the slice.
    #[must_use]
    pub fn number(&self) -> usize {
        self.index as usize + 1
    }

    /// Where it stands.
    #[must_use]
    pub fn plane(&self) -> &Plane {
        self.own().map_or(&self.instance.plane, |own| &own.plane)
    }

    /// What tells it apart from other frames at its place.
    #[must_use]
    pub fn phase(&self) -> &Phase {
        self.own().map_or(&self.instance.phase, |own| &own.phase)
    }

    /// What its samples mean.
    #[must_use]
    pub fn values(&self) -> &Arc<Values> {
        self.own().map_or(&self.instance.values, |own| &own.values)
    }

    /// Frame Type (0008,9007), or the object's Image Type (0008,0008).
    #[must_use]
    pub fn image_type(&self) -> &[String] {
        self.own().and_then(|own| own.frame_type.as_deref()).unwrap_or(&self.instance.image_type)
    }

    /// Rows and columns, 0 where they are not stated.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        match (self.tile(), &self.instance.pixels) {
            (Some(tile), _) => [tile.rows, tile.columns],
            (None, Some(pixels)) => [pixels.rows, pixels.columns],
            (None, None) => [0, 0],
        }
    }

    /// The smaller side of a pixel, positive.
    pub(crate) fn pixel_mm(&self) -> Option<f64> {
        let [row, column] = self.plane().pixel_spacing_mm?;
        Some(row.min(column)).filter(|mm| *mm > 0.0 && mm.is_finite())
    }

    /// Which part of the stored frame it is, in a mosaic.
    pub(crate) fn tile(&self) -> Option<Tile> {
        self.own()?.tile
    }

    /// The number of the stored frame, from 0.
    pub(crate) fn stored(&self) -> usize {
        if self.tile().is_some() { 0 } else { self.index as usize }
    }

    fn own(&self) -> Option<&FrameHeader> {
        let frames = &self.instance.frames;
        frames.each.get(self.index as usize).or(frames.rest.as_deref())
    }

    /// By the order of the objects, then by number within the object.
    pub(crate) fn by_number(a: &Self, b: &Self) -> Ordering {
        a.instance.order().cmp(&b.instance.order()).then(a.index.cmp(&b.index))
    }
}
