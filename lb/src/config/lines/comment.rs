//! Where quotes and comments end, for the tokens of a line and for its definitions alike.

/// A line up to its comment: `#` or `!` outside double quotes, not after a backslash.
pub(in crate::config) fn without(line: &str) -> &str {
    let bytes = line.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'#' | b'!' => return &line[..at],
            b'\\' if matches!(bytes.get(at + 1), Some(b'#' | b'!')) => at += 2,
            b'"' => {
                at += 1;
                at = quote_end(&line[at..]).map_or(line.len(), |length| at + length + 1);
            }
            _ => at += 1,
        }
    }
    line
}

/// The bytes before the quote that ends a quotation, from the byte after the one that starts it. A quote
/// after a backslash ends it only where no other does.
pub(in crate::config) fn quote_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let first = text.find('"')?;
    if first == 0 || bytes[first - 1] != b'\\' {
        return Some(first);
    }
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Some(first)
}
