//! What measurements say, remembered as long as they do not change.

use std::collections::HashMap;

use anatome::{Interpolation, Volume};

use super::{Seen, slab_name};
use crate::document::{Document, FrameImage};
use crate::measure::{Kind, Measurement, Place, Statistics, shown_at};
use crate::overlay::measurements::{Found, Told, Valued};
use crate::session::{Content, SeriesId};

/// What measurements say of series.
#[derive(Default)]
pub(crate) struct Values(HashMap<(u64, SeriesId), Known>);

/// What was found out of a measurement as it is.
struct Known {
    measurement: Measurement,
    found: Found,
    unit: String,
    length_unit: String,
}

impl Values {
    /// What a measurement says in a view: computed if it is new, has changed, or could not be computed before.
    pub(crate) fn told(&mut self, measurement: &Measurement, seen: &Seen<'_>) -> Told {
        let series = seen.valued(measurement);
        let told = self.listed(measurement, &series, seen.document, frame_of(measurement, seen));
        let is_other = seen.drawn_series() != series.first().copied();
        // Of a slice in a view of a slab that has to be said, too.
        let is_thick = matches!(seen.view.content, Content::Plane(plane) if !plane.slab.is_slice());
        let slice = Some("slice".to_owned()).filter(|_| is_thick);
        Told { is_named: series.len() > 1 || is_other, slab: told.slab.or(slice), ..told }
    }

    /// What a measurement says of some series, each by its name; `frame` is the one that it stands on, if that is there.
    pub(crate) fn listed(
        &mut self,
        measurement: &Measurement,
        series: &[SeriesId],
        document: &Document,
        frame: Option<&FrameImage>,
    ) -> Told {
        let is_frame = matches!(measurement.place, Place::Frame { .. });
        let has_values = measurement.kind == Kind::Probe || measurement.kind.is_region();
        let mut told = Told { is_named: true, ..Told::default() };
        if !is_frame {
            "mm".clone_into(&mut told.length_unit);
        }
        if has_values {
            told.slab = slab_name(measurement.place.slab());
        }
        for &id in series {
            let volume = match document.loaded(id).filter(|_| !is_frame) {
                Some(loaded) => Some((&*loaded.volume, "mm", false)),
                None => frame.map(|frame| (&*frame.volume, frame.unit(), frame.is_color())),
            };
            let is_whole = is_frame || document.whole(id).is_some();
            let known = self.0.get(&(measurement.id, id)).filter(|own| own.measurement == *measurement);
            let fresh = match (known, volume) {
                (Some(_), _) => None,
                (None, Some((volume, length_unit, is_color))) => Some(Known {
                    measurement: measurement.clone(),
                    found: found(measurement, volume, is_color, has_values),
                    unit: volume.mapping().unit.to_string(),
                    length_unit: length_unit.to_owned(),
                }),
                (None, None) => None,
            };
            let Some(own) = known.or(fresh.as_ref()) else {
                let of = document.name(id).unwrap_or_default();
                told.values.push(Valued { of, found: Found::NotLoaded, unit: String::new() });
                continue;
            };
            told.length_unit.clone_from(&own.length_unit);
            let of = document.name(id).unwrap_or_default();
            told.values.push(Valued { of, found: own.found, unit: own.unit.clone() });
            // As long as the volume is not whole, it is asked for again. One that is being drawn has no number yet.
            if let Some(fresh) = fresh.filter(|_| is_whole && measurement.id != 0) {
                self.0.insert((measurement.id, id), fresh);
            }
        }
        if !has_values {
            told.values.clear();
        }
        told
    }
}

fn found(measurement: &Measurement, volume: &Volume, is_color: bool, has_values: bool) -> Found {
    let Some(&first) = measurement.points.first().filter(|_| has_values) else { return Found::Nothing };
    if is_color {
        return Found::Colors;
    }
    let (axes, slab) = (measurement.place.axes(), measurement.place.slab());
    let statistics = match measurement.outline() {
        Some(outline) => outline.statistics(volume, first, axes, slab),
        None => {
            shown_at(volume, first, axes.0.cross(axes.1), slab, Interpolation::Linear).map(Statistics::of_one)
        }
    };
    statistics.map_or(Found::Nothing, Found::Values)
}

/// The frame that a measurement stands on, if it is the one that is drawn.
pub(crate) fn frame_of<'a>(measurement: &Measurement, seen: &Seen<'a>) -> Option<&'a FrameImage> {
    let Place::Frame { series, frame } = measurement.place else { return None };
    let shown = seen.frame().filter(|_| seen.view.series == Some(series))?;
    (shown.number == frame).then_some(shown.as_ref())
}
