//! Generated volumes for parity: every sample type on every kind of grid.

use std::sync::Arc;

use anatome_core::{Facts, Grid, Modality, Padding, Samples, SliceTable, Unit, ValueMapping, Volume};
use anatome_testkit::Random;
use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;

/// `[k, j, i]`.
pub const SHAPE: [usize; 3] = [26, 30, 34];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridKind {
    Even,
    Sheared,
    Uneven,
    /// Uneven, with slices missing in one interval.
    Missing,
}

impl GridKind {
    pub const ALL: [Self; 4] = [Self::Even, Self::Sheared, Self::Uneven, Self::Missing];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleKind {
    U8,
    I16,
    U16,
    F32,
}

impl SampleKind {
    pub const ALL: [Self; 4] = [Self::U8, Self::I16, Self::U16, Self::F32];

    /// Modality values from about -1000 to 1000.
    fn mapping(self) -> ValueMapping {
        let (slope, intercept) = match self {
            Self::U8 => (8.0, -1000.0),
            Self::I16 => (0.5, 10.0),
            Self::U16 => (1.0, -1024.0),
            Self::F32 => (-1.0, 0.0),
        };
        ValueMapping { slope, intercept, unit: Unit::Hounsfield }
    }

    fn padding(self) -> Padding {
        let (lowest, highest) = match self {
            Self::U8 | Self::U16 => (0.0, 0.0),
            Self::I16 => (-32_768.0, -30_000.0),
            Self::F32 => return Padding::F32,
        };
        Padding { lowest, highest }
    }
}

/// A turned, anisotropic grid of [`SHAPE`].
pub fn grid(kind: GridKind, random: &mut Random) -> Grid {
    grid_of(SHAPE, kind, random)
}

/// A turned, anisotropic grid of `[k, j, i]` voxels.
pub fn grid_of(shape: [usize; 3], kind: GridKind, random: &mut Random) -> Grid {
    let turn = random.rotation();
    let spacing = random.point(DVec3::splat(0.6), DVec3::new(1.1, 1.1, 2.4));
    let mut axes =
        DMat3::from_cols(turn.x_axis * spacing.x, turn.y_axis * spacing.y, turn.z_axis * spacing.z);
    let translation = random.point(DVec3::splat(-200.0), DVec3::splat(200.0));
    let slices = |missing: Option<usize>, random: &mut Random| {
        let mut z = random.between(-300.0, 300.0);
        let mut table = vec![z];
        for k in 1..shape[0] {
            z += if missing == Some(k - 1) { 7.0 } else { random.between(0.7, 2.9) };
            table.push(z);
        }
        let flags = (0..shape[0] - 1).map(|k| missing == Some(k)).collect();
        SliceTable::new(table, flags).unwrap()
    };
    match kind {
        GridKind::Even => {}
        GridKind::Sheared => {
            axes.z_axis += turn.y_axis * random.between(-0.6, 0.6) + turn.x_axis * random.between(-0.3, 0.3);
            axes.y_axis += turn.x_axis * random.between(-0.2, 0.2);
        }
        GridKind::Uneven | GridKind::Missing => {
            axes.z_axis = turn.z_axis + turn.y_axis * random.between(-0.3, 0.3);
            let missing = (kind == GridKind::Missing).then_some(9);
            let affine = DAffine3 { matrix3: axes, translation };
            return Grid::uneven(shape, affine, slices(missing, random)).unwrap();
        }
    }
    Grid::even(shape, DAffine3 { matrix3: axes, translation }).unwrap()
}

/// Waves and noise from about -1000 to 1000, with padding in a corner and in a few single voxels.
pub fn noisy(grid: Grid, kind: SampleKind, random: &mut Random) -> Arc<Volume> {
    let values = Array3::from_shape_fn(dimensions(&grid), |(k, j, i)| {
        let wave = (i as f64 * 0.31).sin() + (j as f64 * 0.23 + 1.0).sin() + (k as f64 * 0.37 + 2.0).sin();
        let padded = (i < 7 && j < 9 && k < 5) || random.whole(0, 4000) == 0;
        (250.0 * wave + random.between(-200.0, 200.0), padded)
    });
    stored(grid, kind, &values)
}

/// A soft ball in the middle of nothing, for renderings: from 400 inside to -1000 outside over 5 mm, with mild noise.
pub fn ball(grid: Grid, kind: SampleKind, random: &mut Random) -> Arc<Volume> {
    let center = grid.center_mm();
    let radius = 11.0;
    let values = Array3::from_shape_fn(dimensions(&grid), |(k, j, i)| {
        let p = grid.patient_from_index(DVec3::new(i as f64, j as f64, k as f64)) - center;
        let depth = ((radius - p.length()) / 5.0 + 0.5).clamp(0.0, 1.0);
        (-1000.0 + 1400.0 * depth + random.between(-25.0, 25.0), false)
    });
    stored(grid, kind, &values)
}

/// Islands of noise in nothing, with walls of padding between some of them, or with no padding at all: much for rays to
/// leap over, wrongly, too.
pub fn islands(grid: Grid, kind: SampleKind, is_padded: bool, random: &mut Random) -> Arc<Volume> {
    let (depth, height, width) = dimensions(&grid);
    let islands: Vec<_> = (0..6)
        .map(|_| {
            let far = DVec3::new(width as f64, height as f64, depth as f64);
            (random.point(DVec3::ZERO, far), random.between(1.5, 6.0), random.between(-900.0, 900.0))
        })
        .collect();
    let nothing = random.between(-1000.0, 1000.0);
    let walls = [random.whole(3, width - 3), random.whole(3, height - 3), random.whole(0, 2 * depth)];
    let values = Array3::from_shape_fn(dimensions(&grid), |(k, j, i)| {
        let here = DVec3::new(i as f64, j as f64, k as f64);
        let island = islands.iter().find(|(center, radius, _)| center.distance(here) < *radius);
        let value = island.map_or(nothing, |(_, _, value)| value + random.between(-60.0, 60.0));
        // On each side of a wall nothing differs.
        let beyond = if i > walls[0] { 300.0 } else { 0.0 };
        (value + beyond, is_padded && (i == walls[0] || j == walls[1] || k == walls[2]))
    });
    let padded = stored(grid, kind, &values);
    if is_padded {
        return padded;
    }
    let (grid, samples) = (padded.grid().clone(), padded.samples().clone());
    let (mapping, facts) = (padded.mapping().clone(), padded.facts().clone());
    Arc::new(Volume::new(grid, samples, mapping, None, facts).unwrap())
}

fn dimensions(grid: &Grid) -> (usize, usize, usize) {
    let [k, j, i] = grid.shape();
    (k, j, i)
}

fn stored(grid: Grid, kind: SampleKind, values: &Array3<(f64, bool)>) -> Arc<Volume> {
    let (mapping, padding) = (kind.mapping(), kind.padding());
    let stored = |low: f64, high: f64| {
        let mapping = mapping.clone();
        move |&(value, padded): &(f64, bool)| {
            if padded {
                padding.highest
            } else {
                mapping.stored_from_modality(value).clamp(low, high).round()
            }
        }
    };
    let samples = match kind {
        SampleKind::U8 => Samples::U8(values.map(|v| stored(1.0, 255.0)(v) as u8)),
        SampleKind::I16 => Samples::I16(values.map(|v| stored(-29_000.0, 29_000.0)(v) as i16)),
        SampleKind::U16 => Samples::U16(values.map(|v| stored(1.0, 65_535.0)(v) as u16)),
        SampleKind::F32 => Samples::F32(values.map(|&(value, padded)| {
            if padded { f32::MIN } else { kind.mapping().stored_from_modality(value) as f32 }
        })),
    };
    Arc::new(Volume::new(grid, samples, mapping, Some(padding), Facts::new(Modality::Ct)).unwrap())
}
