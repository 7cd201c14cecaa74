//! Gzip: compressed tar archives and single compressed files, unpacked once, in order, into bounded memory.

use std::io::{self, Read};

use anatome_core::Progress;
use flate2::read::MultiGzDecoder;

use crate::tar::Stream;

/// Whether bytes begin like a gzip file.
pub(crate) fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&[0x1F, 0x8B])
}

/// So much of an image can be empty that little is left of it, but not of so many bytes as [`CHECKED_FROM`].
pub(crate) const MOST_INFLATION: u64 = 100;

const CHECKED_FROM: u64 = 128 << 20;

/// An unpacked stream that ends in an error where it is a bomb, and when the caller cancels.
pub(crate) struct Unpacked<'a, R> {
    inner: MultiGzDecoder<Counted<R>>,
    bytes: u64,
    progress: &'a Progress,
}

impl<'a, R: Read> Unpacked<'a, R> {
    pub fn new(reader: R, progress: &'a Progress) -> Self {
        Self { inner: MultiGzDecoder::new(Counted { inner: reader, bytes: 0 }), bytes: 0, progress }
    }
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        if self.bytes > CHECKED_FROM && self.bytes / MOST_INFLATION > self.inner.get_ref().bytes {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(count)
    }
}

struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        Ok(count)
    }
}

/// A stream that only goes on.
pub(crate) struct OneWay<R>(pub R);

impl<R: Read> Stream for OneWay<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(buffer)
    }

    fn pass(&mut self, bytes: u64) -> io::Result<()> {
        crate::source::skip(&mut self.0, bytes)
    }
}
