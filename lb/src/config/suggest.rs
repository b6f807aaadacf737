//! "Did you mean": the nearest of some known words.

use strsim::osa_distance;

/// More letters that differ are no typing error.
const MAX_DISTANCE: usize = 3;
/// Words longer than this are no typing errors.
const MAX_LENGTH: usize = 48;

/// The candidate nearest to `word`, if it is near enough to be a typing error; the first of equals.
pub(crate) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let word = word.to_ascii_lowercase();
    let length = word.chars().count();
    if length > MAX_LENGTH {
        return None;
    }
    let limit = (length / 3).clamp(1, MAX_DISTANCE);
    let letters = letters(&word);
    let may_be_near = |candidate: &&str| {
        let length_differs = candidate.chars().count().abs_diff(length);
        length_differs <= limit && missing(letters, self::letters(candidate)) <= limit
    };
    // Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    candidates
        .into_iter()
        .filter(may_be_near)
        .map(|candidate| {
            (
                osa_distance(&word, &candidate.to_ascii_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The bytes of a word as a set, several in one bit.
fn letters(word: &str) -> u64 {
    let bits = word
        .bytes()
        .map(|byte| 1 << (byte.to_ascii_lowercase() & 63));
    bits.fold(0, |letters, bit: u64| letters | bit)
}

/// At least so many letters have to change between two sets.
fn missing(left: u64, right: u64) -> usize {
    let only = [left & !right, right & !left].map(u64::count_ones);
    only[0].max(only[1]) as usize
}
