//! What the header says that may tell phases apart, and what parts are called by it.

use std::collections::BTreeSet;

use glam::DVec3;

use crate::Frame;

/// What may tell phases apart.
pub(crate) struct Mark {
    pub name: &'static str,
    /// The unit of its values; `None` for values that are not shown.
    unit: Option<&'static str>,
    /// The value, which sorts by the number that it begins with, if any.
    pub of: fn(&Frame) -> Option<String>,
}

const fn mark(name: &'static str, unit: Option<&'static str>, of: fn(&Frame) -> Option<String>) -> Mark {
    Mark { name, unit, of }
}

/// The most deliberate first.
pub(crate) const MARKS: [Mark; 26] = [
    mark("temporal position", Some(""), |f| f.phase().temporal_position.map(|n| n.to_string())),
    mark("contrast phase", Some(""), |f| f.phase().contrast_phase.as_deref().map(str::to_owned)),
    mark("cardiac phase", Some(" %"), |f| f.phase().cardiac_phase_percent.map(|n| n.to_string())),
    mark("respiratory phase", Some(" %"), |f| f.phase().respiratory_phase_percent.map(|n| n.to_string())),
    mark("echo time", Some(" ms"), |f| f.phase().echo_time_ms.map(|n| n.to_string())),
    mark("echo", Some(""), |f| f.phase().echo_number.map(|n| n.to_string())),
    mark("b-value", Some(" s/mm2"), |f| f.phase().b_value.map(|n| n.to_string())),
    mark("diffusion direction", None, |f| f.phase().diffusion_direction.map(direction)),
    mark("trigger time", Some(" ms"), |f| f.phase().trigger_time_ms.map(|n| n.to_string())),
    mark("inversion time", Some(" ms"), |f| f.phase().inversion_time_ms.map(|n| n.to_string())),
    mark("flip angle", Some(" degrees"), |f| f.phase().flip_angle_deg.map(|n| n.to_string())),
    mark("tube voltage", Some(" kV"), |f| f.phase().tube_voltage_kv.map(|n| n.to_string())),
    mark("energy window", Some(""), |f| f.phase().energy_window.map(|n| n.to_string())),
    mark("kernel", Some(""), |f| f.phase().kernel.as_deref().map(str::to_owned)),
    // Free text, which may say anything.
    mark("contrast agent", None, |f| f.phase().contrast.as_deref().map(str::to_owned)),
    mark("acquisition", Some(""), |f| f.phase().acquisition_number.map(|n| n.to_string())),
    mark(IMAGE_TYPE, Some(""), |f| (!f.image_type().is_empty()).then(|| f.image_type().join("\\"))),
    mark("frame reference time", Some(" ms"), |f| f.phase().frame_reference_time_ms.map(|n| n.to_string())),
    // What an enhanced object says of frames that differ in nothing else that is known here.
    mark("dimension 1 index", Some(""), |f| dimension(f, 0)),
    mark("dimension 2 index", Some(""), |f| dimension(f, 1)),
    mark("dimension 3 index", Some(""), |f| dimension(f, 2)),
    mark("dimension 4 index", Some(""), |f| dimension(f, 3)),
    mark("dimension 5 index", Some(""), |f| dimension(f, 4)),
    // The time names a day: it sorts, and is not shown.
    mark("acquisition time", None, |f| f.phase().acquisition_time.as_deref().map(str::to_owned)),
    mark("content time", None, |f| f.phase().content_time.as_deref().map(str::to_owned)),
    mark("instance", None, instance),
];

const IMAGE_TYPE: &str = "image type";

/// The mark of phases that are known only by the order in time of the images at each place.
pub(crate) const IN_TIME: Mark = mark("order in time", Some(""), |_| None);

/// Or by the order of their numbers.
pub(crate) const IN_NUMBER: Mark = mark("order of images", Some(""), |_| None);

fn instance(frame: &Frame) -> Option<String> {
    let header = frame.instance();
    Some(format!("{} {}", header.instance_number.unwrap_or(i64::MAX), header.sop_instance_uid))
}

fn dimension(frame: &Frame, n: usize) -> Option<String> {
    frame.phase().dimensions.as_ref()?.get(n).map(u32::to_string)
}

/// Rounding must not make two directions of one.
fn direction(direction: DVec3) -> String {
    let [x, y, z] = direction.to_array().map(|n| (n * 1000.0).round() as i64);
    format!("{x} {y} {z}")
}

impl Mark {
    /// Of what is said by the image itself, and not only when or in which order it was made.
    pub fn is_of_the_image(&self) -> bool {
        !matches!(self.name, "acquisition time" | "content time" | "instance")
    }

    /// Of what is looked at, or by which settings: images of one volume do not differ in it. What says when, or in
    /// which turn, may change from slice to slice of one scan, and indices do.
    pub fn is_of_the_kind(&self) -> bool {
        let of_the_turn = ["diffusion direction", "trigger time", "acquisition", "frame reference time"];
        let is_index = self.name.starts_with("dimension");
        self.is_of_the_image() && !is_index && !of_the_turn.contains(&self.name)
    }

    /// The different values, in order.
    pub fn values<'a>(&self, frames: impl IntoIterator<Item = &'a Frame>) -> Vec<Option<String>> {
        let found: BTreeSet<Option<String>> = frames.into_iter().map(self.of).collect();
        let mut values: Vec<Option<String>> = found.into_iter().collect();
        values.sort_by(|a, b| natural(a).total_cmp(&natural(b)).then_with(|| a.cmp(b)));
        values
    }

    /// What parts are called that have one of these values each.
    pub fn labels(&self, values: &[Option<String>]) -> Vec<String> {
        let name = self.name;
        let several = values.iter().flatten().count() > 1;
        let mut n = 0;
        let mut label = |value: &Option<String>| {
            let Some(value) = value else { return format!("without {name}") };
            n += 1;
            match self.shown(value, values) {
                Some(value) => format!("{name} {value}"),
                None if several => format!("{name} {n}"),
                None => format!("with {name}"),
            }
        };
        values.iter().map(&mut label).collect()
    }

    /// A sentence's end for images that have these values: the mark, and the values if they are shown.
    pub fn listed(&self, values: &[Option<String>]) -> String {
        let shown = |value: &Option<String>| match value {
            Some(value) => self.shown(value, values),
            None => Some("none".to_owned()),
        };
        match values.iter().map(shown).collect::<Option<Vec<String>>>() {
            Some(values) => format!("{}: {}", self.name, values.join(", ")),
            None => self.name.to_owned(),
        }
    }

    /// One of these values with its unit.
    fn shown(&self, value: &str, values: &[Option<String>]) -> Option<String> {
        let unit = self.unit?;
        Some(if self.name == IMAGE_TYPE { differing(value, values) } else { format!("{value}{unit}") })
    }
}

/// Of an image type what not all have.
fn differing(value: &str, all: &[Option<String>]) -> String {
    let in_all = |part: &str| {
        let mut others = all.iter().flatten();
        others.all(|other| other.split('\\').any(|theirs| theirs == part))
    };
    let own: Vec<&str> = value.split('\\').filter(|part| !in_all(part)).collect();
    if own.is_empty() { value.replace('\\', " ") } else { own.join(" ") }
}

/// The number that a mark begins with.
pub(crate) fn natural(value: &Option<String>) -> f64 {
    let number = value.as_ref().and_then(|value| value.split(' ').next()?.parse().ok());
    number.unwrap_or(f64::INFINITY)
}
