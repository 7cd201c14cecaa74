//! A digest that tells data apart. Not cryptographic.

pub(crate) const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// Takes in a word.
pub(crate) fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

/// Takes in bytes: in so many chains that none waits for the one before it.
pub(crate) fn mix_bytes(hash: u64, bytes: &[u8]) -> u64 {
    const CHAINS: usize = 8;
    let mut chains: [u64; CHAINS] = std::array::from_fn(|n| mix(hash, n as u64));
    let (words, rest) = bytes.as_chunks::<8>();
    for words in words.chunks(CHAINS) {
        for (chain, word) in chains.iter_mut().zip(words) {
            *chain = mix(*chain, u64::from_le_bytes(*word));
        }
    }
    let hash = chains.into_iter().fold(hash, mix);
    rest.iter().fold(hash, |hash, &byte| mix(hash, u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_and_its_place_count() {
        let bytes: Vec<u8> = (0..203).collect();
        let mut seen = vec![mix_bytes(SEED, &bytes)];
        for n in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[n] ^= 1;
            seen.push(mix_bytes(SEED, &changed));
            changed.remove(n);
            seen.push(mix_bytes(SEED, &changed));
        }
        for n in 0..bytes.len() - 8 {
            let mut swapped = bytes.clone();
            swapped.swap(n, n + 8);
            seen.push(mix_bytes(SEED, &swapped));
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
