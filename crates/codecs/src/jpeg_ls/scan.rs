//! Decoding the samples of one scan (T.87 Annex A, B).

use std::array::from_fn;

use super::bits::{Bits, Source};
use super::context::{Context, REGULAR_CONTEXTS, RunContext};
use super::malformed;
use super::markers::{Interleave, Scan};
use super::parameters::{Gradients, Parameters};
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
    let decoder = Decoder::new(codestream, start, parameters);
    let bytes_per_sample = usize::from(shape.bits_allocated / 8);
    let samples_per_pixel = usize::from(shape.samples_per_pixel);
    let target = Target { output, bytes_per_sample, samples_per_pixel, places: scan.components() };
    match (scan.interleave, scan.components().len()) {
        (Interleave::Sample, 2) => decoder.run::<2>(scan, target),
        (Interleave::Sample, 3) => decoder.run::<3>(scan, target),
        (Interleave::Sample, 4) => decoder.run::<4>(scan, target),
        _ => decoder.run::<1>(scan, target),
    }
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

/// Where samples go.
struct Target<'a> {
    output: &'a mut [u8],
    bytes_per_sample: usize,
    samples_per_pixel: usize,
    /// The places within a pixel of the scan's components.
    places: &'a [usize],
}

impl Target<'_> {
    /// Writes rows, one line for each row and each `N` components of the scan, as `next_row` decodes them.
    fn fill<const N: usize>(
        &mut self,
        width: usize,
        lines: &mut [Lines<N>],
        mut next_row: impl FnMut(&mut [Lines<N>]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let whole_pixels = N == self.samples_per_pixel && self.places.is_sorted();
        for row in self.output.chunks_exact_mut(width * self.samples_per_pixel * self.bytes_per_sample) {
            next_row(lines)?;
            for (line, places) in lines.iter().zip(self.places.chunks_exact(N)) {
                match (whole_pixels, self.bytes_per_sample) {
                    (true, 1) => store_bytes(line.samples().as_flattened(), row),
                    (true, _) => store_words(line.samples().as_flattened(), row),
                    (false, bytes) => store_apart(line.samples(), row, places, self.samples_per_pixel, bytes),
                }
            }
        }
        Ok(())
    }
}

fn store_bytes(samples: &[i32], row: &mut [u8]) {
    row.iter_mut().zip(samples).for_each(|(byte, &sample)| *byte = sample as u8);
}

fn store_words(samples: &[i32], row: &mut [u8]) {
    let pairs = row.as_chunks_mut::<2>().0;
    pairs.iter_mut().zip(samples).for_each(|(pair, &sample)| *pair = (sample as u16).to_le_bytes());
}

/// Stores samples into some components of each pixel.
fn store_apart<const N: usize>(
    samples: &[[i32; N]],
    row: &mut [u8],
    places: &[usize],
    samples_per_pixel: usize,
    bytes_per_sample: usize,
) {
    for (pixel, samples) in row.chunks_exact_mut(samples_per_pixel * bytes_per_sample).zip(samples) {
        for (sample, place) in samples.iter().zip(places) {
            let bytes = &sample.to_le_bytes()[..bytes_per_sample];
            pixel[place * bytes_per_sample..][..bytes_per_sample].copy_from_slice(bytes);
        }
    }
}

/// The line that is being decoded and the one above it, of `N` components that take turns at each pixel.
///
/// Both have one pixel more on each side, which stands for the neighbours outside of the image (T.87 A.2.1).
struct Lines<const N: usize> {
    above: Vec<[i32; N]>,
    current: Vec<[i32; N]>,
    run_index: usize,
}

impl<const N: usize> Lines<N> {
    fn new(width: usize) -> Self {
        Self { above: vec![[0; N]; width + 2], current: vec![[0; N]; width + 2], run_index: 0 }
    }

    fn reset(&mut self) {
        self.above.fill([0; N]);
        self.current.fill([0; N]);
        self.run_index = 0;
    }

    /// Makes the line that was decoded the one above the next.
    fn advance(&mut self) {
        std::mem::swap(&mut self.above, &mut self.current);
        let width = self.samples().len();
        self.above[width + 1] = self.above[width];
        self.current[0] = self.above[1];
    }

    fn samples(&self) -> &[[i32; N]] {
        &self.current[1..self.current.len() - 1]
    }
}

/// The state of a scan's decoding, which its components share.
struct Decoder<'a> {
    codestream: &'a [u8],
    source: Source<'a>,
    bits: Bits,
    parameters: Parameters,
    gradients: Gradients,
    contexts: [Context; REGULAR_CONTEXTS],
    run_contexts: [RunContext; 2],
    /// Leading zeros that announce an error that is written out.
    escape: u32,
}

impl<'a> Decoder<'a> {
    fn new(codestream: &'a [u8], start: usize, parameters: &Parameters) -> Self {
        Self {
            codestream,
            source: Source::new(codestream, start),
            bits: Bits::NONE,
            parameters: *parameters,
            gradients: Gradients::new(parameters),
            contexts: [Context::new(parameters); REGULAR_CONTEXTS],
            run_contexts: [0, 1].map(|kind| RunContext::new(parameters, kind)),
            escape: parameters.limit - parameters.error_bits - 1,
        }
    }

    /// Forgets everything that was learnt, and reads on behind the restart marker with the given number.
    fn restart(&mut self, number: u8) -> Result<(), Error> {
        let end = self.finish()?;
        self.source = Source::new(self.codestream, behind_restart_marker(self.codestream, end, number)?);
        self.bits = Bits::NONE;
        self.contexts.fill(Context::new(&self.parameters));
        self.run_contexts = [0, 1].map(|kind| RunContext::new(&self.parameters, kind));
        Ok(())
    }

    fn finish(&self) -> Result<usize, Error> {
        self.source.finish(self.bits).map_err(|defect| malformed(defect, self.source.position()))
    }

    /// Decodes the whole scan, whose components take turns in groups of `N`.
    fn run<const N: usize>(mut self, scan: &Scan, mut target: Target<'_>) -> Result<usize, Error> {
        let width = usize::from(scan.frame.width);
        let mut lines: Vec<_> = scan.components().chunks_exact(N).map(|_| Lines::<N>::new(width)).collect();
        let (mut until_restart, mut restarts) = (scan.restart_interval, 0);
        target.fill(width, &mut lines, |lines| {
            if scan.restart_interval > 0 && until_restart == 0 {
                self.restart(restarts)?;
                lines.iter_mut().for_each(Lines::reset);
                restarts = (restarts + 1) % 8;
                until_restart = scan.restart_interval;
            }
            until_restart = until_restart.saturating_sub(1);
            self.row(lines)
        })?;
        self.finish()
    }

    /// Decodes one line of each group of components.
    fn row<const N: usize>(&mut self, lines: &mut [Lines<N>]) -> Result<(), Error> {
        let by_mask = self.parameters.wraps_by_mask();
        let read = lines.iter_mut().try_for_each(|line| {
            line.advance();
            if by_mask { self.line::<true, N>(line) } else { self.line::<false, N>(line) }
        });
        let overrun = if self.source.overrun(self.bits) { Err(Defect::Truncated) } else { Ok(()) };
        read.and(overrun).map_err(|defect| malformed(defect, self.source.position()))
    }

    /// Decodes a line of `N` components, which take turns at each pixel and run together (T.87 B.3).
    ///
    /// `BY_MASK` is [`Parameters::wraps_by_mask`], known to the compiler.
    #[inline(never)]
    fn line<const BY_MASK: bool, const N: usize>(&mut self, lines: &mut Lines<N>) -> Result<(), Defect> {
        let Lines { above, current, run_index } = lines;
        let width = current.len() - 2;
        let mut bits = self.bits;
        let mut x = 1;
        while x <= width {
            let (mut a, mut b, mut c) = (current[x - 1], above[x], above[x - 1]);
            let mut ninefold: [i32; N] = from_fn(|i| 9 * self.gradients.quantise(b[i] - c[i]));
            for (pixel, &d) in current[x..=width].iter_mut().zip(&above[x + 1..]) {
                let next: [i32; N] = from_fn(|i| 9 * self.gradients.quantise(d[i] - b[i]));
                let contexts: [i32; N] =
                    from_fn(|i| 9 * next[i] + ninefold[i] + self.gradients.quantise(c[i] - a[i]));
                if contexts == [0; N] {
                    break;
                }
                for i in 0..N {
                    a[i] = self.regular::<BY_MASK>(&mut bits, contexts[i], [a[i], b[i], c[i]])?;
                }
                *pixel = a;
                (b, c, ninefold) = (d, b, next);
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
                for i in 0..N {
                    let alike = N == 1 && (left[i] - above[x][i]).abs() <= self.parameters.near;
                    (current[x][i], bits) =
                        self.interruption(bits, alike, left[i], above[x][i], *run_index)?;
                }
                *run_index = run_index.saturating_sub(1);
                x += 1;
            }
        }
        self.bits = bits;
        Ok(())
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
        let context = &mut self.contexts[context.unsigned_abs() as usize];
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
