//! A small JPEG encoder (T.81) for tests: lossless, sequential and progressive.
//!
//! It favours plainness: all Huffman tables have eight short codes, and long ones for the other symbols.

/// A component: its samples row by row, and how they are sampled.
#[derive(Clone)]
pub struct Component {
    pub columns: usize,
    pub rows: usize,
    pub sampling: (usize, usize),
    pub samples: Vec<i32>,
}

/// Bits with stuffed bytes.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    bits: u64,
    count: u32,
}

impl Writer {
    fn put(&mut self, value: u32, bits: u32) {
        for bit in (0..bits).rev() {
            self.bits = self.bits << 1 | u64::from(value >> bit & 1);
            self.count += 1;
            if self.count == 8 {
                let byte = self.bits as u8;
                self.bytes.push(byte);
                if byte == 0xFF {
                    self.bytes.push(0);
                }
                (self.bits, self.count) = (0, 0);
            }
        }
    }

    /// Pads with ones.
    fn align(&mut self) {
        while self.count > 0 {
            self.put(1, 1);
        }
    }

    fn restart(&mut self, number: usize) {
        self.align();
        self.bytes.extend([0xFF, 0xD0 + (number % 8) as u8]);
    }

    /// Eight symbols have codes of 4 bits, the others of 16.
    fn symbol(&mut self, symbol: u8) {
        match usize::from(symbol) {
            place @ 0..8 => self.put(place as u32, 4),
            place => self.put(0x8000 + place as u32 - 8, 16),
        }
    }

    /// A signed value behind a symbol that names its size.
    fn value(&mut self, value: i32, size: u32) {
        let bits = if value < 0 { value + (1 << size) - 1 } else { value };
        self.put(bits.cast_unsigned(), size);
    }
}

fn size_of(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}

fn segment(stream: &mut Vec<u8>, marker: u8, body: &[u8]) {
    stream.extend([0xFF, marker]);
    stream.extend((body.len() as u16 + 2).to_be_bytes());
    stream.extend(body);
}

fn huffman_table(stream: &mut Vec<u8>, selector: u8, symbols: u8) {
    let mut body =
        vec![selector, 0, 0, 0, 8.min(symbols), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, symbols.saturating_sub(8)];
    body.extend(0..symbols);
    segment(stream, 0xC4, &body);
}

fn frame_header(
    stream: &mut Vec<u8>,
    marker: u8,
    precision: u8,
    size: (usize, usize),
    components: &[Component],
) {
    let mut body = vec![precision];
    body.extend((size.1 as u16).to_be_bytes());
    body.extend((size.0 as u16).to_be_bytes());
    body.push(components.len() as u8);
    for (index, component) in components.iter().enumerate() {
        body.extend([index as u8 + 1, (component.sampling.0 << 4 | component.sampling.1) as u8, 0]);
    }
    segment(stream, marker, &body);
}

fn scan_header(stream: &mut Vec<u8>, components: &[usize], [start, end, high, low]: [u8; 4]) {
    let mut body = vec![components.len() as u8];
    components.iter().for_each(|&component| body.extend([component as u8 + 1, 0]));
    body.extend([start, end, high << 4 | low]);
    segment(stream, 0xDA, &body);
}

#[derive(Clone, Copy, Debug)]
pub struct Lossless {
    pub precision: u8,
    pub predictor: u8,
    pub point: u8,
    /// Rows between restart markers.
    pub restart_rows: usize,
    pub interleaved: bool,
}

/// Encodes components of equal size without loss (but for the point transform).
pub fn lossless(components: &[Component], settings: Lossless) -> Vec<u8> {
    let (columns, rows) = (components[0].columns, components[0].rows);
    let mut stream = vec![0xFF, 0xD8];
    huffman_table(&mut stream, 0, 17);
    if settings.restart_rows > 0 {
        segment(&mut stream, 0xDD, &((settings.restart_rows * columns) as u16).to_be_bytes());
    }
    frame_header(&mut stream, 0xC3, settings.precision, (columns, rows), components);
    let all: Vec<usize> = (0..components.len()).collect();
    let scans: Vec<&[usize]> = if settings.interleaved { vec![&all] } else { all.chunks(1).collect() };
    for scan in scans {
        scan_header(&mut stream, scan, [settings.predictor, 0, 0, settings.point]);
        let mut writer = Writer::default();
        for y in 0..rows {
            let first = y.checked_rem(settings.restart_rows).unwrap_or(y) == 0;
            if first && y > 0 {
                writer.restart(y / settings.restart_rows - 1);
            }
            for x in 0..columns {
                for &component in scan {
                    let at =
                        |x: usize, y: usize| components[component].samples[y * columns + x] >> settings.point;
                    let prediction = predict(settings, first, x, y, &at);
                    let difference = (at(x, y) - prediction) as i16;
                    let size = size_of(difference.into());
                    writer.symbol(size as u8);
                    if size < 16 {
                        writer.value(difference.into(), size);
                    }
                }
            }
        }
        writer.align();
        stream.extend(writer.bytes);
    }
    stream.extend([0xFF, 0xD9]);
    stream
}

/// T.81 H.1.2.1.
fn predict(settings: Lossless, first: bool, x: usize, y: usize, at: &dyn Fn(usize, usize) -> i32) -> i32 {
    match (first, x) {
        (true, 0) => return 1 << (settings.precision - settings.point - 1),
        (true, _) => return at(x - 1, y),
        (false, 0) => return at(x, y - 1),
        _ => {}
    }
    let (a, b, c) = (at(x - 1, y), at(x, y - 1), at(x - 1, y - 1));
    match settings.predictor {
        1 => a,
        2 => b,
        3 => c,
        4 => a + b - c,
        5 => a + ((b - c) >> 1),
        6 => b + ((a - c) >> 1),
        _ => (a + b) >> 1,
    }
}

const ZIGZAG: [usize; 64] = {
    let mut order = [0; 64];
    let (mut place, mut x, mut y, mut up) = (0, 0i32, 0i32, true);
    while place < 64 {
        order[place] = (8 * y + x) as usize;
        place += 1;
        (x, y, up) = match (up, x, y) {
            (true, 7, _) => (x, y + 1, false),
            (true, _, 0) => (x + 1, y, false),
            (true, ..) => (x + 1, y - 1, true),
            (false, _, 7) => (x + 1, y, true),
            (false, 0, _) => (x, y + 1, true),
            (false, ..) => (x - 1, y + 1, false),
        };
    }
    order
};

/// Coefficients of the block at a place, in zigzag order, quantised by `step`; samples beyond the edge repeat it.
fn block(component: &Component, across: usize, down: usize, precision: u8, step: i32) -> [i32; 64] {
    let sample = |x: usize, y: usize| {
        let (x, y) = ((8 * across + x).min(component.columns - 1), (8 * down + y).min(component.rows - 1));
        f64::from(component.samples[y * component.columns + x] - (1 << (precision - 1)))
    };
    let wave = |at: usize, k: usize| {
        let scale = if k == 0 { 0.5f64.sqrt() } else { 1.0 };
        scale * ((2 * at + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0).cos() / 2.0
    };
    let mut half = [[0.0; 8]; 8];
    for (y, row) in half.iter_mut().enumerate() {
        for (u, value) in row.iter_mut().enumerate() {
            *value = (0..8).map(|x| sample(x, y) * wave(x, u)).sum();
        }
    }
    ZIGZAG.map(|place| {
        let (u, v) = (place % 8, place / 8);
        let value: f64 = (0..8).map(|y| half[y][u] * wave(y, v)).sum();
        (value / f64::from(step)).round() as i32
    })
}

#[derive(Clone, Copy, Debug)]
pub struct Lossy {
    pub precision: u8,
    pub step: u8,
    pub progressive: bool,
    /// MCUs between restart markers.
    pub restart_interval: usize,
}

/// Encodes components by their DCT. `size` is that of the image, which subsampled components have less of.
pub fn lossy(components: &[Component], size: (usize, usize), settings: Lossy) -> Vec<u8> {
    let mut stream = vec![0xFF, 0xD8];
    let mut table = vec![0];
    table.resize(65, settings.step);
    segment(&mut stream, 0xDB, &table);
    huffman_table(&mut stream, 0x00, 16);
    huffman_table(&mut stream, 0x10, 255);
    if settings.restart_interval > 0 {
        segment(&mut stream, 0xDD, &(settings.restart_interval as u16).to_be_bytes());
    }
    let marker = if settings.progressive { 0xC2 } else { 0xC1 };
    frame_header(&mut stream, marker, settings.precision, size, components);
    let all: Vec<usize> = (0..components.len()).collect();
    let coder = Coder { components, size, settings };
    if !settings.progressive {
        coder.scan(&mut stream, &all, [0, 63, 0, 0]);
        stream.extend([0xFF, 0xD9]);
        return stream;
    }
    coder.scan(&mut stream, &all, [0, 0, 0, 1]);
    for &component in &all {
        coder.scan(&mut stream, &[component], [1, 5, 0, 2]);
        coder.scan(&mut stream, &[component], [6, 63, 0, 2]);
        coder.scan(&mut stream, &[component], [1, 63, 2, 1]);
    }
    coder.scan(&mut stream, &all, [0, 0, 1, 0]);
    all.iter().for_each(|&component| coder.scan(&mut stream, &[component], [1, 63, 1, 0]));
    stream.extend([0xFF, 0xD9]);
    stream
}

struct Coder<'a> {
    components: &'a [Component],
    size: (usize, usize),
    settings: Lossy,
}

impl Coder<'_> {
    fn scan(&self, stream: &mut Vec<u8>, scan: &[usize], band: [u8; 4]) {
        scan_header(stream, scan, band);
        let mut writer = Writer::default();
        let mut predictions = [0; 4];
        let most = |f: fn(&Component) -> usize| self.components.iter().map(f).max().unwrap_or(1);
        let (h_max, v_max) = (most(|c| c.sampling.0), most(|c| c.sampling.1));
        let alone = scan.len() == 1;
        let (across, down) = if alone {
            let component = &self.components[scan[0]];
            (component.columns.div_ceil(8), component.rows.div_ceil(8))
        } else {
            (self.size.0.div_ceil(8 * h_max), self.size.1.div_ceil(8 * v_max))
        };
        let interval = self.settings.restart_interval;
        for mcu in 0..across * down {
            if interval > 0 && mcu > 0 && mcu % interval == 0 {
                writer.restart(mcu / interval - 1);
                predictions = [0; 4];
            }
            for &index in scan {
                let component = &self.components[index];
                let (h, v) = if alone { (1, 1) } else { component.sampling };
                for place in 0..h * v {
                    let x = (mcu % across) * h + place % h;
                    let y = (mcu / across) * v + place / h;
                    let block = block(component, x, y, self.settings.precision, self.settings.step.into());
                    if self.settings.progressive {
                        progressive(&mut writer, &block, band, &mut predictions[index]);
                    } else {
                        sequential(&mut writer, &block, &mut predictions[index]);
                    }
                }
            }
        }
        writer.align();
        stream.extend(writer.bytes);
    }
}

fn sequential(writer: &mut Writer, block: &[i32; 64], prediction: &mut i32) {
    let size = size_of(block[0] - *prediction);
    writer.symbol(size as u8);
    writer.value(block[0] - *prediction, size);
    *prediction = block[0];
    band_of_ac(writer, &block[1..]);
}

/// Runs of zeros and values, up to the end of the block.
fn band_of_ac(writer: &mut Writer, coefficients: &[i32]) {
    let mut zeros = 0;
    let end = coefficients.iter().rposition(|&c| c != 0).map_or(0, |last| last + 1);
    for &value in &coefficients[..end] {
        if value == 0 {
            zeros += 1;
            continue;
        }
        while zeros > 15 {
            writer.symbol(0xF0);
            zeros -= 16;
        }
        let size = size_of(value);
        writer.symbol((zeros << 4) as u8 | size as u8);
        writer.value(value, size);
        zeros = 0;
    }
    if end < coefficients.len() {
        writer.symbol(0);
    }
}

/// Division by a power of two, towards zero.
fn shifted(value: i32, bits: u8) -> i32 {
    value.signum() * (value.abs() >> bits)
}

fn progressive(
    writer: &mut Writer,
    block: &[i32; 64],
    [start, end, high, low]: [u8; 4],
    prediction: &mut i32,
) {
    let band = usize::from(start)..=usize::from(end);
    match (start, high) {
        (0, 0) => {
            let value = block[0] >> low;
            let size = size_of(value - *prediction);
            writer.symbol(size as u8);
            writer.value(value - *prediction, size);
            *prediction = value;
        }
        (0, _) => writer.put((block[0] >> low & 1).cast_unsigned(), 1),
        (_, 0) => {
            let values: Vec<i32> = block[band].iter().map(|&value| shifted(value, low)).collect();
            band_of_ac(writer, &values);
        }
        _ => refinement(writer, &block[band], low),
    }
}

/// A further bit of each coefficient (T.81 G.1.2.3), each block ended by itself.
fn refinement(writer: &mut Writer, band: &[i32], low: u8) {
    let mut zeros = 0;
    let mut corrections = Vec::new();
    let is_new = |value: i32| shifted(value, low).abs() == 1;
    let last_new = band.iter().rposition(|&value| is_new(value));
    for (place, &value) in band.iter().enumerate() {
        let now = shifted(value, low);
        if last_new.is_none_or(|last| place > last) {
            if now.abs() > 1 {
                corrections.push(now.unsigned_abs() & 1);
            }
            continue;
        }
        if now.abs() > 1 {
            corrections.push(now.unsigned_abs() & 1);
        } else if now == 0 {
            if zeros == 15 {
                writer.symbol(0xF0);
                corrections.drain(..).for_each(|bit| writer.put(bit, 1));
                zeros = 0;
            } else {
                zeros += 1;
            }
        } else {
            writer.symbol(zeros << 4 | 1);
            writer.put(u32::from(now > 0), 1);
            corrections.drain(..).for_each(|bit| writer.put(bit, 1));
            zeros = 0;
        }
    }
    if last_new != Some(band.len() - 1) {
        writer.symbol(0);
        corrections.drain(..).for_each(|bit| writer.put(bit, 1));
    }
}
