//! Decoded frames of images that make no volume.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use anatome::{
    Backend, Facts, FramePixels, FrameSpacing, Grid, Modality, Progress, Samples, SpacingSource, Stack,
    StoredFrame, Unit, UploadedVolume, ValueMapping, Volume,
};
use glam::{DAffine3, DMat3, DVec2, DVec3};
use ndarray::{Array3, Axis};

use super::Defaults;
use crate::session::short_letters;

/// A decoded frame that can be drawn, as one slice in a space of its own: its first pixel at the origin, x to the right
/// and y down, in mm or, where no size is known, in pixels.
#[derive(Debug)]
pub(crate) struct FrameImage {
    /// Its place in its stack, from 0.
    pub number: usize,
    /// One, or one each for red, green and blue.
    pub channels: Vec<Arc<UploadedVolume>>,
    /// The samples, for grey; for colour those of red.
    pub volume: Arc<Volume>,
    pub defaults: Defaults,
    pub spacing: FrameSpacing,
    /// Whether colours of a supplemental palette are left out.
    pub lacks_colors: bool,
    /// What it says of its sides.
    pub sides: Sides,
    /// Where it stands in the patient, if it says so: from its own space to LPS mm.
    pub patient_from_frame: Option<DAffine3>,
}

/// What a frame says of its sides and of the side of the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sides {
    /// The letters of where its rows and its columns go.
    pub towards: Option<[String; 2]>,
    /// The side of the body and the view, such as `R CC`.
    pub view: Option<String>,
}

impl Sides {
    fn of(frame: &StoredFrame) -> Self {
        let plane = frame.plane();
        // Frames that are described one by one say it by directions alone; their headers are long.
        let header = frame.instance();
        let said = if header.is_enhanced { anatome::Sides::default() } else { header.sides() };
        let directions = plane.row_cosines.zip(plane.column_cosines);
        let towards = directions.map(|(row, column)| [row, column].map(short_letters));
        let parts: Vec<String> = [said.laterality, said.view_position].into_iter().flatten().collect();
        Self { towards: towards.or(said.orientation), view: (!parts.is_empty()).then(|| parts.join(" ")) }
    }

    /// The letters at the left, right, upper and lower edge of a picture whose right and lower edges lie that way on the
    /// frame, along its rows or columns.
    pub(crate) fn edges(&self, (right, down): (DVec2, DVec2)) -> Option<[String; 4]> {
        let [row, column] = self.towards.as_ref()?;
        let towards = |direction: DVec2| {
            let letters = if direction.x == 0.0 { column } else { row };
            if direction.x + direction.y > 0.0 { letters.clone() } else { opposite(letters) }
        };
        Some([towards(-right), towards(right), towards(-down), towards(down)])
    }
}

/// The letters of the other way.
fn opposite(letters: &str) -> String {
    let other = |letter| match letter {
        'L' => 'R',
        'R' => 'L',
        'A' => 'P',
        'P' => 'A',
        'H' => 'F',
        'F' => 'H',
        other => other,
    };
    letters.chars().map(other).collect()
}

/// Where a frame of a pixel's size stands, if it says where, which way and that pixels have that size in the patient.
fn patient_from_frame(frame: &StoredFrame, spacing: &FrameSpacing) -> Option<DAffine3> {
    let plane = frame.plane();
    let (right, down) = (plane.row_cosines?.try_normalize()?, plane.column_cosines?.try_normalize()?);
    let is_own = plane.pixel_spacing_mm.is_some() && plane.pixel_spacing_mm == spacing.mm;
    let matrix3 = DMat3::from_cols(right, down, right.cross(down));
    let usable = is_own && right.dot(down).abs() < 1e-3;
    Some(DAffine3 { matrix3, translation: plane.image_position_mm? }).filter(|_| usable)
}

impl FrameImage {
    pub(crate) fn is_color(&self) -> bool {
        self.channels.len() == 3
    }

    /// Decodes a frame and hands it to a backend.
    ///
    /// # Errors
    /// As [`Stack::frame`] and [`Backend::upload`].
    pub(crate) fn decode(stack: &Stack, n: usize, backend: &Backend) -> anatome::Result<Self> {
        let spacing = stack.spacing(n)?;
        let stated = stack.frames().get(n);
        let sides = stated.map(Sides::of).unwrap_or_default();
        let patient_from_frame = stated.and_then(|stated| patient_from_frame(stated, &spacing));
        let frame = stack.frame(n)?;
        let pixel_mm = spacing.mm.unwrap_or([spacing.aspect, 1.0]);
        let upload = |volume: &Arc<Volume>| {
            Ok::<_, anatome::Error>(Arc::new(backend.upload(volume, &Progress::new())?))
        };
        match frame.pixels {
            FramePixels::Grey(grey) => {
                let [_, rows, columns] = grey.samples.shape();
                let grid = grid([rows, columns], pixel_mm)?;
                let volume =
                    Arc::new(Volume::new(grid, grey.samples, grey.mapping, grey.padding, grey.facts)?);
                Ok(Self {
                    number: n,
                    channels: vec![upload(&volume)?],
                    defaults: Defaults::of(&volume)?,
                    volume,
                    spacing,
                    lacks_colors: grey.supplemental.is_some(),
                    sides,
                    patient_from_frame,
                })
            }
            FramePixels::Rgb(rgb) => {
                let is_lossy = frame.notes.has(anatome::NoteCode::Lossy);
                let volumes = (0..3).map(|n| channel(&rgb, n, pixel_mm)).collect::<Result<Vec<_>, _>>()?;
                let channels = volumes.iter().map(upload).collect::<Result<Vec<_>, _>>()?;
                let unsupported = || anatome::Error::NoVolume { reason: None };
                let defaults = Defaults::of_color(is_lossy).ok_or_else(unsupported)?;
                let volume = volumes.into_iter().next().ok_or_else(unsupported)?;
                let lacks_colors = false;
                Ok(Self {
                    number: n,
                    channels,
                    volume,
                    defaults,
                    spacing,
                    lacks_colors,
                    sides,
                    patient_from_frame,
                })
            }
            _ => Err(anatome::Error::NoVolume { reason: None }),
        }
    }

    /// What distances are measured in, and where that counts.
    pub(crate) fn unit(&self) -> &'static str {
        match self.spacing.source {
            SpacingSource::AspectRatio | SpacingSource::None | SpacingSource::SeveralRegions => "px",
            SpacingSource::Detector | SpacingSource::ProjectionUnstated => "mm at the detector",
            SpacingSource::ScannedMedium => "mm on the film",
            _ => "mm",
        }
    }

    fn bytes(&self) -> usize {
        self.volume.byte_len() * self.channels.len()
    }
}

fn channel(rgb: &Array3<u8>, n: usize, pixel_mm: [f64; 2]) -> anatome::Result<Arc<Volume>> {
    let (rows, columns, _) = rgb.dim();
    let plane = rgb.index_axis(Axis(2), n).insert_axis(Axis(0));
    let samples = Samples::U8(plane.as_standard_layout().into_owned());
    let facts = Facts::new(Modality::Other(String::new()));
    let mapping = ValueMapping::identity(Unit::Arbitrary);
    Ok(Arc::new(Volume::new(grid([rows, columns], pixel_mm)?, samples, mapping, None, facts)?))
}

fn grid([rows, columns]: [usize; 2], [row_mm, column_mm]: [f64; 2]) -> anatome::Result<Grid> {
    let scale = DVec3::new(column_mm, row_mm, column_mm.min(row_mm));
    Ok(Grid::even([1, rows, columns], DAffine3::from_scale(scale))?)
}

/// A frame, and of what it was made: another patient's stack may have the same name as one that was closed.
#[derive(Debug)]
struct Cached {
    stack: Arc<Stack>,
    backend: Arc<Backend>,
    image: Arc<FrameImage>,
}

/// The frames that were decoded last.
#[derive(Debug, Default)]
pub(crate) struct Frames(Mutex<VecDeque<Cached>>);

impl Frames {
    /// The most bytes of samples that are kept: a cine loop of 500 frames of 512 x 512 in colour.
    const BUDGET: usize = 400 << 20;

    /// A frame, decoded if it is not there.
    ///
    /// # Errors
    /// As [`FrameImage::decode`].
    pub(crate) fn get(
        &self,
        stack: &Arc<Stack>,
        n: usize,
        backend: &Arc<Backend>,
    ) -> anatome::Result<Arc<FrameImage>> {
        if let Some(found) = self.cached(stack, n, backend) {
            return Ok(found);
        }
        let image = Arc::new(FrameImage::decode(stack, n, backend)?);
        let (stack, backend) = (Arc::clone(stack), Arc::clone(backend));
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cached.push_front(Cached { stack, backend, image: Arc::clone(&image) });
        let mut bytes = 0;
        let fitting = cached.iter().take_while(|own| {
            bytes += own.image.bytes();
            bytes <= Self::BUDGET
        });
        let kept = fitting.count();
        cached.truncate(kept.max(1));
        Ok(image)
    }

    fn cached(&self, stack: &Arc<Stack>, n: usize, backend: &Arc<Backend>) -> Option<Arc<FrameImage>> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = cached.iter().position(|own| {
            own.image.number == n && Arc::ptr_eq(&own.stack, stack) && Arc::ptr_eq(&own.backend, backend)
        })?;
        let entry = cached.remove(place)?;
        let image = Arc::clone(&entry.image);
        cached.push_front(entry);
        Some(image)
    }

    /// Forgets everything, for another backend.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::session::Turn;
    use anatome::{BackendChoice, Limits, SeriesSpec, Study, Workers, write_series};

    /// A stack of two slices of one value, in files in a folder.
    fn stack(value: i16, folder: &Path, workers: &Workers) -> Arc<Stack> {
        let grid = Grid::even([2, 8, 8], DAffine3::IDENTITY).unwrap();
        let samples = Samples::I16(Array3::from_elem((2, 8, 8), value));
        let mapping = ValueMapping::identity(Unit::Hounsfield);
        let volume = Volume::new(grid, samples, mapping, None, Facts::new(Modality::Ct)).unwrap();
        let spec =
            SeriesSpec { seed: 1, number: 1, description: "flat".to_owned(), file_prefix: String::new() };
        let path = folder.join("series");
        write_series(&volume, &spec, &path, workers.pool(), &Progress::new()).unwrap();
        let study = Study::scan(&[path.into()], &Limits::default(), workers, &Progress::new()).unwrap();
        Arc::new(Stack::new(&study.series()[0], &Limits::default()).unwrap())
    }

    #[test]
    fn letters_stay_at_what_they_name() {
        let towards = Some(["A", "FL"].map(str::to_owned));
        let sides = Sides { towards, view: None };
        let edges = |turn: Turn| sides.edges(turn.axes()).unwrap();
        assert_eq!(edges(Turn::default()), ["P", "A", "HR", "FL"]);
        // Clockwise: what was above is on the right.
        assert_eq!(edges(Turn::default().turned()), ["FL", "HR", "P", "A"]);
        assert_eq!(edges(Turn::default().mirrored()), ["A", "P", "HR", "FL"]);
        assert_eq!(Sides::default().edges(Turn::default().axes()), None);
    }

    /// As when what was open is closed and something else is opened while the first is still decoded.
    #[test]
    fn a_frame_is_that_of_its_own_stack_and_backend() {
        let workers = Workers::new(Some(1)).unwrap();
        let backend = || Arc::new(Backend::open(BackendChoice::Cpu, None, &workers).unwrap());
        let (own, other) = (backend(), backend());
        let frames = Frames::default();
        let value = |image: &FrameImage| image.volume.modality_value([0, 3, 3]).unwrap();
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let stacks = [stack(40, folders[0].path(), &workers), stack(-70, folders[1].path(), &workers)];
        let first = frames.get(&stacks[0], 1, &own).unwrap();
        assert_eq!((value(&first), first.number), (40.0, 1));
        assert_eq!(value(&frames.get(&stacks[1], 1, &own).unwrap()), -70.0);
        assert!(!Arc::ptr_eq(&frames.get(&stacks[0], 1, &other).unwrap(), &first));
        assert!(Arc::ptr_eq(&frames.get(&stacks[0], 1, &own).unwrap(), &first));
    }
}
