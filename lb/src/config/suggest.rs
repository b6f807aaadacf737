//! "Did you mean": the nearest of some known words.

use strsim::osa_distance;

/// Words longer than this are no typing errors.
const MAX_LENGTH: usize = 48;

/// The candidate nearest to `word`, if it is near enough to be a typing error; the first of equals.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let word = word.to_ascii_lowercase();
    let length = word.chars().count();
    if length > MAX_LENGTH {
        return None;
    }
    let limit = (length / 3).max(1);
    // Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
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
