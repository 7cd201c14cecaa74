//! Decoding the samples of one scan (T.87 Annex A, B).

use super::bits::{Bits, Source};
use super::context::{Context, REGULAR_CONTEXTS, RunContext};
use super::malformed;
use super::markers::{Interleave, Scan};
use super::parameters::Parameters;
use crate::error::{Defect, Error};
use crate::shape::FrameShape;

/// Order of the code for the length of runs, by run index (T.87 A.2.1, J).
const RUN_ORDERS: [u8; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Decodes a scan whose first coded byte stands at `start`, and returns the position behind its last.
pub(super) fn decode(
    codestream: &[u8],
    start: usize,
    scan: &Scan,
    parameters: &Parameters,
    shape: &FrameShape,
    output: &mut [u8],
) -> Result<usize, Error> {
    let samples_per_pixel = usize::from(shape.samples_per_pixel);
    let bytes_per_sample = usize::from(shape.bits_allocated / 8);
    let width = usize::from(scan.frame.width);
    let mut lines: Vec<_> = scan.components().iter().map(|_| Lines::new(width)).collect();
    let mut decoder = Decoder::new(codestream, start, parameters);
    let mut until_restart = scan.restart_interval;
    let mut restarts = 0;
    for row in output.chunks_exact_mut(width * samples_per_pixel * bytes_per_sample) {
        if scan.restart_interval > 0 && until_restart == 0 {
            let end = decoder.finish()?;
            let next = behind_restart_marker(codestream, end, restarts)?;
            decoder.restart(codestream, next);
            lines.iter_mut().for_each(Lines::reset);
            restarts = (restarts + 1) % 8;
            until_restart = scan.restart_interval;
        }
        until_restart = until_restart.saturating_sub(1);
        decoder.row(&mut lines, scan.interleave)?;
        for (line, &component) in lines.iter().zip(scan.components()) {
            store(line.samples(), row, component, samples_per_pixel, bytes_per_sample);
        }
    }
    decoder.finish()
}

/// The position behind the restart marker with the given number.
fn behind_restart_marker(codestream: &[u8], end: usize, number: u8) -> Result<usize, Error> {
    let rest = codestream.get(end..).unwrap_or_default();
    let fill = rest.iter().take_while(|&&byte| byte == 0xFF).count();
    match rest.get(fill) {
        Some(&code) if fill > 0 && code == 0xD0 + number => Ok(end + fill + 1),
        Some(&code) if fill > 0 => Err(malformed(Defect::UnexpectedMarker { code }, end)),
        _ => Err(malformed(Defect::Truncated, end)),
    }
}

/// Writes a line's samples into their places in a row of pixels.
fn store(
    samples: &[i32],
    row: &mut [u8],
    component: usize,
    samples_per_pixel: usize,
    bytes_per_sample: usize,
) {
    match (bytes_per_sample, samples_per_pixel) {
        (1, 1) => row.iter_mut().zip(samples).for_each(|(byte, &sample)| *byte = sample as u8),
        (2, 1) => {
            let pairs = row.as_chunks_mut::<2>().0;
            pairs.iter_mut().zip(samples).for_each(|(pair, &sample)| *pair = (sample as u16).to_le_bytes());
        }
        (bytes, _) => {
            let places = row.chunks_exact_mut(bytes).skip(component).step_by(samples_per_pixel);
            places
                .zip(samples)
                .for_each(|(place, sample)| place.copy_from_slice(&sample.to_le_bytes()[..bytes]));
        }
    }
}

/// The line of a component that is being decoded and the one above it.
///
/// Both have one sample more on each side, which stands for the neighbours outside of the image (T.87 A.2.1).
struct Lines {
    above: Vec<i32>,
    current: Vec<i32>,
    run_index: usize,
}

impl Lines {
    fn new(width: usize) -> Self {
        Self { above: vec![0; width + 2], current: vec![0; width + 2], run_index: 0 }
    }

    fn reset(&mut self) {
        self.above.fill(0);
        self.current.fill(0);
        self.run_index = 0;
    }

    /// Makes the line that was decoded the one above the next.
    fn advance(&mut self) {
        std::mem::swap(&mut self.above, &mut self.current);
        let width = self.samples().len();
        self.above[width + 1] = self.above[width];
        self.current[0] = self.above[1];
    }

    /// The samples to the left of `x`, above, above left and above right: Ra, Rb, Rc and Rd.
    #[inline(always)]
    fn neighbours(&self, x: usize) -> [i32; 4] {
        [self.current[x - 1], self.above[x], self.above[x - 1], self.above[x + 1]]
    }

    fn samples(&self) -> &[i32] {
        &self.current[1..self.current.len() - 1]
    }
}

/// The state of a scan's decoding, which its components share.
struct Decoder<'a> {
    source: Source<'a>,
    bits: Bits,
    parameters: Parameters,
    gradients: Vec<i8>,
    contexts: [Context; REGULAR_CONTEXTS],
    run_contexts: [RunContext; 2],
    /// Leading zeros that announce an error that is written out.
    escape: u32,
}

impl<'a> Decoder<'a> {
    fn new(codestream: &'a [u8], start: usize, parameters: &Parameters) -> Self {
        Self {
            source: Source::new(codestream, start),
            bits: Bits::NONE,
            parameters: *parameters,
            gradients: parameters.gradient_table(),
            contexts: [Context::new(parameters); REGULAR_CONTEXTS],
            run_contexts: [0, 1].map(|kind| RunContext::new(parameters, kind)),
            escape: parameters.limit - parameters.error_bits - 1,
        }
    }

    /// Forgets everything that was learnt, and reads on behind a restart marker.
    fn restart(&mut self, codestream: &'a [u8], start: usize) {
        self.source = Source::new(codestream, start);
        self.bits = Bits::NONE;
        self.contexts.fill(Context::new(&self.parameters));
        self.run_contexts = [0, 1].map(|kind| RunContext::new(&self.parameters, kind));
    }

    fn finish(&mut self) -> Result<usize, Error> {
        self.source.finish(self.bits).map_err(|defect| malformed(defect, self.source.position()))
    }

    /// Decodes one line of each component.
    fn row(&mut self, lines: &mut [Lines], interleave: Interleave) -> Result<(), Error> {
        lines.iter_mut().for_each(Lines::advance);
        let read = match (interleave, self.parameters.wraps_by_mask(), lines) {
            (Interleave::Line, true, lines) => lines.iter_mut().try_for_each(|line| self.line::<true>(line)),
            (Interleave::Line, false, lines) => {
                lines.iter_mut().try_for_each(|line| self.line::<false>(line))
            }
            (Interleave::Sample, true, [a, b]) => self.pixels::<true, 2>([a, b]),
            (Interleave::Sample, false, [a, b]) => self.pixels::<false, 2>([a, b]),
            (Interleave::Sample, true, [a, b, c]) => self.pixels::<true, 3>([a, b, c]),
            (Interleave::Sample, false, [a, b, c]) => self.pixels::<false, 3>([a, b, c]),
            (Interleave::Sample, true, [a, b, c, d]) => self.pixels::<true, 4>([a, b, c, d]),
            (Interleave::Sample, false, [a, b, c, d]) => self.pixels::<false, 4>([a, b, c, d]),
            _ => Err(Defect::ScanHeader),
        };
        let overrun = if self.source.overrun(self.bits) { Err(Defect::Truncated) } else { Ok(()) };
        read.and(overrun).map_err(|defect| malformed(defect, self.source.position()))
    }

    /// Decodes a line of one component.
    ///
    /// `BY_MASK` is [`Parameters::wraps_by_mask`], known to the compiler.
    #[inline(never)]
    fn line<const BY_MASK: bool>(&mut self, lines: &mut Lines) -> Result<(), Defect> {
        let Lines { above, current, run_index } = lines;
        let width = current.len() - 2;
        let mut bits = self.bits;
        let mut x = 1;
        while x <= width {
            let (mut a, mut b, mut c) = (current[x - 1], above[x], above[x - 1]);
            let mut q2 = self.quantise(b - c);
            for (sample, &d) in current[x..=width].iter_mut().zip(&above[x + 1..]) {
                let q1 = self.quantise(d - b);
                let context = 81 * q1 + 9 * q2 + self.quantise(c - a);
                if context == 0 {
                    break;
                }
                a = self.regular::<BY_MASK>(&mut bits, context, [a, b, c])?;
                *sample = a;
                (b, c, q2) = (d, b, q1);
                x += 1;
            }
            if x > width {
                break;
            }
            let left = current[x - 1];
            let run;
            (run, bits) = run_length(&mut self.source, bits, width + 1 - x, run_index)?;
            current[x..x + run].fill(left);
            x += run;
            if x <= width {
                let alike = (left - above[x]).abs() <= self.parameters.near;
                (current[x], bits) = self.interruption(bits, alike, left, above[x], *run_index)?;
                *run_index = run_index.saturating_sub(1);
                x += 1;
            }
        }
        self.bits = bits;
        Ok(())
    }

    /// Decodes a line of all components, which take turns at each pixel and run together (T.87 B.3).
    #[inline(never)]
    fn pixels<const BY_MASK: bool, const N: usize>(
        &mut self,
        mut lines: [&mut Lines; N],
    ) -> Result<(), Defect> {
        let width = lines[0].samples().len();
        let mut run_index = lines[0].run_index;
        let mut bits = self.bits;
        let mut x = 1;
        while x <= width {
            let neighbours = lines.each_ref().map(|lines| lines.neighbours(x));
            let contexts = neighbours.map(|[a, b, c, d]| {
                81 * self.quantise(d - b) + 9 * self.quantise(b - c) + self.quantise(c - a)
            });
            if contexts != [0; N] {
                for ((lines, context), [a, b, c, _]) in lines.iter_mut().zip(contexts).zip(neighbours) {
                    lines.current[x] = self.regular::<BY_MASK>(&mut bits, context, [a, b, c])?;
                }
                x += 1;
                continue;
            }
            let run;
            (run, bits) = run_length(&mut self.source, bits, width + 1 - x, &mut run_index)?;
            for Lines { current, .. } in &mut lines {
                let left = current[x - 1];
                current[x..x + run].fill(left);
            }
            x += run;
            if x <= width {
                for Lines { current, above, .. } in &mut lines {
                    (current[x], bits) =
                        self.interruption(bits, false, current[x - 1], above[x], run_index)?;
                }
                run_index = run_index.saturating_sub(1);
                x += 1;
            }
        }
        lines.into_iter().for_each(|lines| lines.run_index = run_index);
        self.bits = bits;
        Ok(())
    }

    /// The quantised gradient (T.87 A.3.3).
    #[inline(always)]
    fn quantise(&self, gradient: i32) -> i32 {
        i32::from(self.gradients[(gradient + self.parameters.max_value) as usize])
    }

    /// Decodes a sample in regular mode (T.87 A.4 to A.6) from its neighbours to the left (Ra), above (Rb) and above
    /// left (Rc).
    #[inline(always)]
    fn regular<const BY_MASK: bool>(
        &mut self,
        bits: &mut Bits,
        context: i32,
        [a, b, c]: [i32; 3],
    ) -> Result<i32, Defect> {
        let sign = context >> 31;
        let signed = |value: i32| (value ^ sign) - sign;
        let context = &mut self.contexts[signed(context) as usize];
        let edge = (a + b - c).clamp(a.min(b), a.max(b));
        let prediction = (edge + signed(context.correction.into())).clamp(0, self.parameters.max_value);
        let mapped =
            bits.take_golomb(&mut self.source, context.order.into(), self.escape, &self.parameters)?;
        let error = (mapped >> 1).cast_signed() ^ -(mapped & 1).cast_signed() ^ i32::from(context.inversion);
        context.update::<BY_MASK>(error, &self.parameters);
        Ok(reconstruct::<BY_MASK>(prediction, signed(error), &self.parameters))
    }

    /// Decodes the sample that ends a run (T.87 A.7.2).
    fn interruption(
        &mut self,
        mut bits: Bits,
        alike: bool,
        left: i32,
        above: i32,
        run_index: usize,
    ) -> Result<(i32, Bits), Defect> {
        let context = &mut self.run_contexts[usize::from(alike)];
        let order = context.order();
        let escape = self.escape - u32::from(RUN_ORDERS[run_index]) - 1;
        let mapped = bits.take_golomb(&mut self.source, order, escape, &self.parameters)?;
        let error = context.error(mapped, order);
        context.update(error, mapped, &self.parameters);
        let (prediction, error) = match (alike, left > above) {
            (true, _) => (left, error),
            (false, true) => (above, -error),
            (false, false) => (above, error),
        };
        Ok((reconstruct::<false>(prediction, error, &self.parameters), bits))
    }
}

/// The sample from its prediction and prediction error, modulo the range (T.87 A.4.4, A.4.5).
#[inline(always)]
fn reconstruct<const BY_MASK: bool>(prediction: i32, error: i32, parameters: &Parameters) -> i32 {
    if BY_MASK {
        return (prediction + error) & parameters.max_value;
    }
    let Parameters { near, step, range, max_value, .. } = *parameters;
    let sample = prediction + error * step;
    let wrapped = match sample {
        sample if sample < -near => sample + range * step,
        sample if sample > max_value + near => sample - range * step,
        sample => sample,
    };
    wrapped.clamp(0, max_value)
}

/// Decodes the length of a run that has `room` samples up to the end of the line (T.87 A.7.1).
fn run_length(
    source: &mut Source<'_>,
    mut bits: Bits,
    room: usize,
    run_index: &mut usize,
) -> Result<(usize, Bits), Defect> {
    let mut run = 0;
    while run < room {
        bits.ensure(source);
        let order = u32::from(RUN_ORDERS[*run_index]);
        if bits.take(1) == 0 {
            run += bits.take(order) as usize;
            if run >= room {
                return Err(source.explain(bits, Defect::RunLength));
            }
            return Ok((run, bits));
        }
        let block = 1 << order;
        if run + block <= room {
            *run_index = (*run_index + 1).min(RUN_ORDERS.len() - 1);
        }
        run = (run + block).min(room);
    }
    Ok((run, bits))
}
