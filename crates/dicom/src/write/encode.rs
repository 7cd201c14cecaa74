//! Elements in explicit VR little endian (PS3.5 7.1), and UIDs.

use dicom_core::Tag;

/// A dataset that is being written. Elements must come in the order of their tags.
pub(super) struct Encoder {
    bytes: Vec<u8>,
    last: Option<Tag>,
}

impl Encoder {
    pub fn new(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity), last: None }
    }

    /// Text values, joined by backslashes; UI is padded with a zero byte, others with a space.
    pub fn text(&mut self, tag: Tag, vr: &[u8; 2], value: &str) {
        let mut bytes = value.as_bytes().to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(if vr == b"UI" { 0 } else { b' ' });
        }
        self.short(tag, vr, &bytes);
    }

    pub fn numbers(&mut self, tag: Tag, values: &[f64]) {
        let texts: Vec<String> = values.iter().map(|&value| decimal(value)).collect();
        self.text(tag, b"DS", &texts.join("\\"));
    }

    pub fn integer(&mut self, tag: Tag, value: usize) {
        self.text(tag, b"IS", &value.to_string());
    }

    pub fn word(&mut self, tag: Tag, value: u16) {
        self.short(tag, b"US", &value.to_le_bytes());
    }

    pub fn signed_word(&mut self, tag: Tag, value: i16) {
        self.short(tag, b"SS", &value.to_le_bytes());
    }

    fn short(&mut self, tag: Tag, vr: &[u8; 2], value: &[u8]) {
        self.tag(tag);
        self.bytes.extend_from_slice(vr);
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(&value[..usize::from(length)]);
    }

    /// A value with a 32-bit length: OB, OW, SQ.
    pub fn long(&mut self, tag: Tag, vr: &[u8; 2], value: &[u8]) {
        self.tag(tag);
        self.bytes.extend_from_slice(vr);
        let padding = value.len() % 2;
        let length = u32::try_from(value.len() + padding).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&[0, 0]);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len() + padding, 0);
    }

    /// A sequence of one item.
    pub fn item(&mut self, tag: Tag, item: Self) {
        let length = u32::try_from(item.bytes.len()).unwrap_or(u32::MAX);
        let mut value = vec![0xFE, 0xFF, 0x00, 0xE0];
        value.extend_from_slice(&length.to_le_bytes());
        value.extend_from_slice(&item.bytes);
        self.long(tag, b"SQ", &value);
    }

    fn tag(&mut self, tag: Tag) {
        debug_assert!(self.last < Some(tag), "{tag} is out of order");
        self.last = Some(tag);
        self.bytes.extend_from_slice(&tag.0.to_le_bytes());
        self.bytes.extend_from_slice(&tag.1.to_le_bytes());
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// The most exact decimal string (VR DS) of at most 16 characters.
pub(super) fn decimal(value: f64) -> String {
    let mut best = (f64::INFINITY, String::from("0"));
    for digits in (0..=17).rev() {
        for text in [format!("{value:.digits$}"), format!("{value:.digits$e}")] {
            let error = text.parse::<f64>().map_or(f64::INFINITY, |read| (read - value).abs());
            let text = match text.split_once('e') {
                None if text.contains('.') => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                None => text,
                Some((mantissa, exponent)) if mantissa.contains('.') => {
                    format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
                }
                Some(_) => text,
            };
            if text.len() <= 16 && error < best.0 {
                best = (error, text);
            }
        }
    }
    if best.1 == "-0" { "0".into() } else { best.1 }
}

/// A UID from 128 bits (PS3.5 B.2), made from a seed and what it is for.
pub(super) fn uid(seed: u64, purpose: &str, numbers: [u64; 2]) -> String {
    let mut state = [seed ^ 0x9E37_79B9_7F4A_7C15, seed.rotate_left(32) ^ 0xD1B5_4A32_D192_ED03];
    for word in purpose.bytes().map(u64::from).chain(numbers) {
        for (n, half) in state.iter_mut().enumerate() {
            *half = mix(half.rotate_left(17 + n as u32) ^ word.wrapping_add(n as u64));
        }
    }
    let mut bits = u128::from(state[0]) << 64 | u128::from(state[1]);
    // The version and variant of a random UUID (RFC 9562 5.4).
    bits = bits & !(0xF << 76) | 4 << 76;
    bits = bits & !(0b11 << 62) | 0b10 << 62;
    format!("2.25.{bits}")
}

/// The finalizer of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_fit_and_stay_close() {
        for (value, text) in
            [(0.0, "0"), (1.0, "1"), (-0.5, "-0.5"), (1024.0, "1024"), (0.9765625, "0.9765625")]
        {
            assert_eq!(decimal(value), text);
        }
        for value in
            [std::f64::consts::PI * -100.0, 1.0 / 3.0, 1.234567890123e-9, -2.5e17, 123_456_789.123_456_79]
        {
            let text = decimal(value);
            assert!(text.len() <= 16, "{text}");
            assert!((text.parse::<f64>().unwrap() - value).abs() <= 1e-9 * value.abs(), "{text}");
        }
    }

    #[test]
    fn uids_differ_and_are_valid() {
        let a = uid(1, "series", [1, 2]);
        assert_eq!(a, uid(1, "series", [1, 2]));
        for other in [uid(2, "series", [1, 2]), uid(1, "study", [1, 2]), uid(1, "series", [2, 1])] {
            assert_ne!(a, other);
            assert!(other.len() <= 64 && other.starts_with("2.25."));
        }
    }
}
