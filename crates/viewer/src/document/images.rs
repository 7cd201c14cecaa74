//! What the images are called that a volume's slices came from, and in which order they are read.

/// The numbers of a volume's images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Images {
    /// Of each slice, from the first along the normal: see [`anatome::Loaded::image_numbers`]. Empty where there are none.
    numbers: Vec<Option<i64>>,
}

impl Images {
    pub(crate) fn new(numbers: Vec<Option<i64>>) -> Self {
        Self { numbers }
    }

    /// The Instance Number of a slice, or that of its frame.
    pub(crate) fn number(&self, slice: usize) -> Option<i64> {
        self.numbers.get(slice).copied().flatten()
    }

    /// Whether numbers ascend along the slices' normal; nothing if they neither do nor descend. Where some pairs of
    /// neighbours differ from the others, as with interleaved slices, most of them count.
    pub(crate) fn ascend(&self) -> Option<bool> {
        let known: Vec<i64> = self.numbers.iter().copied().flatten().collect();
        let count = |rises: fn(&[i64]) -> bool| known.windows(2).filter(|pair| rises(pair)).count();
        let (up, down) = (count(|pair| pair[1] > pair[0]), count(|pair| pair[1] < pair[0]));
        (up != down).then_some(up > down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_neighbours_tell_the_order() {
        let ascend = |numbers: &[i64]| Images::new(numbers.iter().copied().map(Some).collect()).ascend();
        assert_eq!(ascend(&[1, 2, 3]), Some(true));
        assert_eq!(ascend(&[30, 20, 10]), Some(false));
        // Even slices first, then odd ones, from the far end.
        assert_eq!(ascend(&[6, 3, 5, 2, 4, 1]), Some(false));
        assert_eq!([ascend(&[]), ascend(&[4]), ascend(&[1, 2, 1])], [None; 3]);
        assert_eq!(Images::new(vec![Some(1), None, Some(7)]).ascend(), Some(true));
    }
}
