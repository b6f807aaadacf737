//! Brace expansion as a C shell does it: `a{b,c}d` is `abd` and `acd`.

/// Most patterns that braces expand to.
const MAX_ALTERNATIVES: usize = 1024;

/// All patterns without braces, in the order written; the rest is dropped above [`MAX_ALTERNATIVES`].
pub(super) fn expand(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(pattern) = open.pop() {
        if done.len() + open.len() >= MAX_ALTERNATIVES {
            break;
        }
        match first_group(&pattern) {
            None => done.push(pattern),
            Some((before, alternatives, after)) => {
                let patterns = alternatives.iter().rev();
                let patterns = patterns.map(|inner| format!("{before}{inner}{after}"));
                open.extend(patterns.take(MAX_ALTERNATIVES));
            }
        }
    }
    done
}

/// The first group in braces: text before, its alternatives, text after. `{}` is no group.
fn first_group(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    for (open, _) in pattern.match_indices('{') {
        let mut depth = 0_usize;
        let mut start = open + 1;
        let mut alternatives = Vec::new();
        for (at, c) in pattern[open..].char_indices() {
            let at = open + at;
            match c {
                '{' => depth += 1,
                ',' if depth == 1 => {
                    alternatives.push(&pattern[start..at]);
                    start = at + 1;
                }
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                alternatives.push(&pattern[start..at]);
                if at > open + 1 {
                    return Some((&pattern[..open], alternatives, &pattern[at + 1..]));
                }
                break;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn braces_expand_in_the_order_written() {
        let cases: [(&str, &[&str]); 7] = [
            ("a", &["a"]),
            ("a{b,c}d", &["abd", "acd"]),
            ("{a,b}{c,d}", &["ac", "ad", "bc", "bd"]),
            (
                "{foo/{,cat,dog},bar}",
                &["foo/", "foo/cat", "foo/dog", "bar"],
            ),
            ("{}", &["{}"]),
            ("{a", &["{a"]),
            ("a}", &["a}"]),
        ];
        for (pattern, expected) in cases {
            assert_eq!(expand(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn floods_of_braces_end() {
        assert!(expand(&"{a,b}".repeat(1000)).len() <= super::MAX_ALTERNATIVES);
        expand(&"{".repeat(1000));
    }
}
