//! Voxels that are written in words, as bytes.

use std::io::{self, BufRead as _, BufReader, Read};

use crate::layout::Stored;

/// The longest word that is looked at: no number needs more.
const LONGEST_WORD: u64 = 512;

/// Reads numbers with blanks between them and gives the bytes of their type, in the machine's order.
pub(crate) struct Numbers<R> {
    words: BufReader<R>,
    stored: Stored,
}

impl<R: Read> Numbers<R> {
    pub fn new(words: R, stored: Stored) -> Self {
        Self { words: BufReader::new(words), stored }
    }

    /// The next word; empty at the end.
    fn word(&mut self) -> io::Result<Vec<u8>> {
        let mut word = Vec::new();
        loop {
            let ahead = self.words.fill_buf()?;
            if ahead.is_empty() {
                return Ok(word);
            }
            let blanks = if word.is_empty() { ahead.iter().take_while(|b| is_blank(**b)).count() } else { 0 };
            let rest = ahead.get(blanks..).unwrap_or_default();
            let length = rest.iter().position(|b| is_blank(*b)).unwrap_or(rest.len());
            let (found, ends) = (rest.get(..length).unwrap_or_default(), length < rest.len());
            if (word.len() + found.len()) as u64 > LONGEST_WORD {
                return Err(no_number());
            }
            word.extend_from_slice(found);
            self.words.consume(blanks + length);
            if ends {
                return Ok(word);
            }
        }
    }
}

/// Some writers put commas between numbers.
fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b','
}

fn no_number() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a voxel is no number of its type")
}

impl<R: Read> Read for Numbers<R> {
    /// Whole numbers only: a buffer of a few bytes that holds none gets nothing.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = self.stored.bytes() as usize;
        let mut filled = 0;
        for place in out.chunks_exact_mut(size) {
            let word = self.word()?;
            if word.is_empty() {
                break;
            }
            let word = std::str::from_utf8(&word).map_err(|_| no_number())?;
            write(self.stored, word, place).ok_or_else(no_number)?;
            filled += size;
        }
        Ok(filled)
    }
}

fn write(stored: Stored, word: &str, place: &mut [u8]) -> Option<()> {
    let mut put = |bytes: &[u8]| place.copy_from_slice(bytes);
    let word = word.strip_prefix('+').unwrap_or(word);
    match stored {
        Stored::U8 => put(&word.parse::<u8>().ok()?.to_ne_bytes()),
        Stored::I8 => put(&word.parse::<i8>().ok()?.to_ne_bytes()),
        Stored::U16 => put(&word.parse::<u16>().ok()?.to_ne_bytes()),
        Stored::I16 => put(&word.parse::<i16>().ok()?.to_ne_bytes()),
        Stored::U32 => put(&word.parse::<u32>().ok()?.to_ne_bytes()),
        Stored::I32 => put(&word.parse::<i32>().ok()?.to_ne_bytes()),
        Stored::U64 => put(&word.parse::<u64>().ok()?.to_ne_bytes()),
        Stored::I64 => put(&word.parse::<i64>().ok()?.to_ne_bytes()),
        Stored::F32 => put(&word.parse::<f32>().ok()?.to_ne_bytes()),
        Stored::F64 => put(&word.parse::<f64>().ok()?.to_ne_bytes()),
    }
    Some(())
}
