//! What measurements say, remembered as long as they do not change.

use std::collections::HashMap;

use anatome::Interpolation;

use super::Seen;
use crate::measure::{Kind, Measurement, Place, Statistics, value_at};
use crate::overlay::measurements::Told;

/// What measurements say.
#[derive(Default)]
pub(crate) struct Values(HashMap<u64, (Measurement, Told)>);

impl Values {
    /// What a measurement says: computed if it is new, has changed, or could not be computed before.
    pub(crate) fn told(&mut self, measurement: &Measurement, seen: &Seen<'_>) -> Told {
        if let Some((known, told)) = self.0.get(&measurement.id)
            && known == measurement
        {
            return told.clone();
        }
        let told = self.of(measurement, seen);
        // As long as the volume is not there, it is asked for again.
        if seen.document.whole(measurement.place.series()).is_some()
            || matches!(measurement.place, Place::Frame { .. })
        {
            self.0.insert(measurement.id, (measurement.clone(), told.clone()));
        }
        told
    }

    /// What was found out last.
    pub(crate) fn known(&self, measurement: &Measurement) -> Option<&Told> {
        self.0.get(&measurement.id).filter(|(known, _)| known == measurement).map(|(_, told)| told)
    }

    /// Computes what a measurement says.
    #[expect(clippy::unused_self, reason = "so that callers need not know what is remembered")]
    pub(crate) fn of(&self, measurement: &Measurement, seen: &Seen<'_>) -> Told {
        let frame = seen.canvas.shown.as_ref().and_then(|shown| shown.frame.as_ref());
        let (volume, length_unit) = match measurement.place {
            Place::Space { .. } => return Told { length_unit: "mm".to_owned(), ..Told::default() },
            Place::Plane { series, .. } => {
                let Some(loaded) = seen.document.loaded(series) else { return Told::default() };
                (&loaded.volume, "mm")
            }
            Place::Frame { .. } => match frame {
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
        Told { statistics, unit: volume.mapping().unit.to_string(), length_unit: length_unit.to_owned() }
    }
}
