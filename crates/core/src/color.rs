//! Colour maps: from display value to colour.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A colour at a place of a colour map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColorStop {
    /// The display value, 0 to 1.
    pub at: f64,
    /// Red, green and blue as sRGB display values, 0 to 1.
    pub color: [f32; 3],
}

/// A map from display value (0 to 1) to sRGB colour, linear between its stops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ColorStop>", into = "Vec<ColorStop>")]
pub struct ColorMap(Vec<ColorStop>);

impl TryFrom<Vec<ColorStop>> for ColorMap {
    type Error = Error;

    fn try_from(stops: Vec<ColorStop>) -> Result<Self> {
        Self::new(stops)
    }
}

impl From<ColorMap> for Vec<ColorStop> {
    fn from(map: ColorMap) -> Self {
        map.0
    }
}

impl ColorMap {
    /// A map from stops in ascending order.
    ///
    /// # Errors
    /// Malformed, with fewer than two stops, stops out of order or numbers outside 0 to 1.
    pub fn new(stops: Vec<ColorStop>) -> Result<Self> {
        let unit = 0.0..=1.0;
        let in_range =
            stops.iter().all(|s| unit.contains(&s.at) && s.color.iter().all(|c| (0.0..=1.0).contains(c)));
        if stops.len() < 2 || !in_range || stops.windows(2).any(|pair| pair[0].at > pair[1].at) {
            let reason = "needs at least two stops in ascending order, all numbers from 0 to 1".to_owned();
            return Err(Error::Malformed { what: "colour map", reason });
        }
        Ok(Self(stops))
    }

    /// The colour of a display value; beyond the ends, the nearest stop's.
    #[must_use]
    pub fn color(&self, display: f64) -> [f32; 3] {
        let upper = self.0.partition_point(|stop| stop.at <= display);
        match (upper.checked_sub(1).and_then(|n| self.0.get(n)), self.0.get(upper)) {
            (Some(a), Some(b)) => {
                let f = ((display - a.at) / (b.at - a.at)) as f32;
                std::array::from_fn(|c| a.color[c] + f * (b.color[c] - a.color[c]))
            }
            (Some(end), None) | (None, Some(end)) => end.color,
            (None, None) => [0.0; 3],
        }
    }

    /// The colours of `n >= 2` evenly spaced display values from 0 to 1.
    #[must_use]
    pub fn table(&self, n: usize) -> Vec<[f32; 3]> {
        (0..n).map(|i| self.color(i as f64 / (n - 1) as f64)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_linear_between_stops() {
        let stop = |at, r| ColorStop { at, color: [r, 0.0, 1.0] };
        let map = ColorMap::new(vec![stop(0.0, 0.0), stop(0.5, 1.0), stop(1.0, 0.5)]).unwrap();
        assert_eq!(map.color(0.25), [0.5, 0.0, 1.0]);
        assert_eq!(map.color(0.5), [1.0, 0.0, 1.0]);
        assert_eq!(map.color(2.0), [0.5, 0.0, 1.0]);
        assert!(ColorMap::new(vec![stop(0.5, 0.0), stop(0.2, 1.0)]).is_err());
    }
}
