//! What measurements say, remembered as long as they do not change.

use std::collections::HashMap;

use anatome::Interpolation;

use super::Seen;
use crate::document::FrameImage;
use crate::measure::{Kind, Measurement, Place, Statistics, value_at};
use crate::overlay::measurements::Told;
use crate::session::SeriesId;

/// What measurements say of series.
#[derive(Default)]
pub(crate) struct Values(HashMap<(u64, SeriesId), (Measurement, Told)>);

impl Values {
    /// What a measurement says: computed if it is new, has changed, or could not be computed before.
    pub(crate) fn told(&mut self, measurement: &Measurement, seen: &Seen<'_>) -> Told {
        let series = seen.valued(measurement);
        if let Some((known, told)) = self.0.get(&(measurement.id, series))
            && known == measurement
        {
            return Told { of: named(series, seen), ..told.clone() };
        }
        let told = self.of(measurement, seen);
        // As long as the volume or the frame is not there, it is asked for again.
        let is_there = match measurement.place {
            Place::Frame { .. } => frame_of(measurement, seen).is_some(),
            _ => seen.document.whole(series).is_some(),
        };
        if is_there {
            self.0.insert((measurement.id, series), (measurement.clone(), told.clone()));
        }
        told
    }

    /// What was found out last of a series.
    pub(crate) fn known(&self, measurement: &Measurement, series: SeriesId) -> Option<&Told> {
        let found = self.0.get(&(measurement.id, series));
        found.filter(|(known, _)| known == measurement).map(|(_, told)| told)
    }

    /// Computes what a measurement says.
    #[expect(clippy::unused_self, reason = "so that callers need not know what is remembered")]
    pub(crate) fn of(&self, measurement: &Measurement, seen: &Seen<'_>) -> Told {
        let series = seen.valued(measurement);
        let (volume, length_unit) = match measurement.place {
            Place::Space { .. } => return Told { length_unit: "mm".to_owned(), ..Told::default() },
            Place::Plane { .. } => {
                let Some(loaded) = seen.document.loaded(series) else { return Told::default() };
                (&loaded.volume, "mm")
            }
            Place::Frame { .. } => match frame_of(measurement, seen) {
                Some(frame) if !frame.is_color() => (&frame.volume, frame.unit()),
                Some(frame) => return Told { length_unit: frame.unit().to_owned(), ..Told::default() },
                None => return Told::default(),
            },
        };
        let Some(&first) = measurement.points.first() else { return Told::default() };
        let (right, down) = measurement.place.axes();
        let statistics = match measurement.kind {
            Kind::Probe => value_at(volume, first, Interpolation::Linear).map(|value| Statistics {
                count: 1,
                mean: value,
                deviation: 0.0,
                min: value,
                max: value,
            }),
            _ => measurement.outline().and_then(|outline| outline.statistics(volume, first, right, down)),
        };
        let (unit, length_unit) = (volume.mapping().unit.to_string(), length_unit.to_owned());
        Told { statistics, unit, length_unit, of: named(series, seen) }
    }
}

/// The frame that a measurement stands on, if it is the one that is drawn.
fn frame_of<'a>(measurement: &Measurement, seen: &Seen<'a>) -> Option<&'a FrameImage> {
    let Place::Frame { series, frame } = measurement.place else { return None };
    let shown = seen.frame().filter(|_| seen.view.series == Some(series))?;
    (shown.number == frame).then_some(shown.as_ref())
}

/// What a series is called where its values stand over the picture of another.
fn named(series: SeriesId, seen: &Seen<'_>) -> Option<String> {
    let entry = seen.document.entry(series).filter(|_| seen.drawn_series() != Some(series))?;
    let number = entry.facts.number.map(|number| format!(" {number}")).unwrap_or_default();
    let part = entry.facts.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default();
    Some(format!("{}{number}{part}", entry.facts.modality.code()))
}
