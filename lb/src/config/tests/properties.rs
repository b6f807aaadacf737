//! No bytes make the parser panic, and every place it names is in the text.

use proptest::prelude::*;

use super::{GOOD, load_bytes};
use crate::config::{Colour, pretty};

/// What a mutation writes over or between the bytes of a good file.
const SNIPPETS: &[&[u8]] = &[
    b"{",
    b"}",
    b"\"",
    b"\n",
    b"\r",
    b"\\",
    b"#",
    b"!",
    b"\0",
    b"$",
    b"${A}",
    b"@a",
    b"\xff",
    b" ",
    b"99999999999999999999",
    b"-1",
    b"0",
    b"::",
    b"dev",
    b"real_server",
    b"vrrp_instance",
    b"virtual_server",
    b"\xe2\x80\xae",
    b"\xe2\x80\xa8",
    b"\xc2\x85",
    b"\x0c",
];

fn check(bytes: &[u8]) {
    let loaded = load_bytes(bytes);
    for found in &loaded.diagnostics {
        let spans = found.related.iter().map(|related| related.span);
        for span in spans.chain([found.span]) {
            let text = loaded.sources.get(span.file).text();
            assert!(
                text.get(span.start as usize..span.end as usize).is_some(),
                "{span:?} is not in the text: {}",
                found.plain()
            );
        }
        let line = found.plain();
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
    }
    let shown = pretty(&loaded.diagnostics, &loaded.sources, Colour::Off);
    assert!(
        !shown.contains(|c: char| c.is_control() && c != '\n'),
        "{shown:?}"
    );
}

proptest! {
    #[test]
    fn random_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        check(&bytes);
    }

    #[test]
    fn random_punctuation_does_not_panic(text in "[a-z0-9{}\"\n\r\t #!\\\\$.:/]{0,300}") {
        check(text.as_bytes());
    }

    #[test]
    fn mutations_of_good_files_do_not_panic(
        file in 0..GOOD.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..SNIPPETS.len(), 0..40_usize), 1..8),
    ) {
        let mut bytes = GOOD[file].1.to_vec();
        for (at, snippet, removed) in edits {
            let at = at.index(bytes.len() + 1);
            let end = (at + removed).min(bytes.len());
            bytes.splice(at..end, SNIPPETS[snippet].iter().copied());
        }
        check(&bytes);
    }
}
