//! No bytes make the parser panic, and every place it names is in the text.

use proptest::prelude::*;

use super::{GOOD, load_bytes};
use crate::config::{Colour, lines::comment, lower::command::show_script, pretty, show};

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
    b"@^a ",
    b"$A=",
    b"$A= \\\n",
    b"$A",
    b"${A}${B}",
    b"$B=$A",
    b"~SEQ(A, 1, 9) ",
    b"~SEQx(A, 9, -3, 0) ",
    b"~LST({A, B}, {1, 2}) ",
    b"${_RANDOM 1 2}",
    b"${_ENV HOME}",
    b"${_HASH}",
    b"\ninclude lb.conf\n",
    b"\nincludea *.{conf,d}\n",
    b"include_check -match",
    b"\\\"",
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
    b"\nurl {",
    b"\nHTTP_GET {",
    b"fwmark",
    b"group",
    b"TUN type",
    b" nexthop via ",
    b" encap ip ",
    b" peer ",
    b"default6",
    b"static_rules {\n",
    b"vrrp_script {",
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
    // A backslash before a quote has no spelling in quotes.
    if loaded.is_usable() && !bytes.contains(&b'\\') {
        let text = show(&loaded.config);
        let again = load_bytes(text.as_bytes());
        assert!(again.is_usable(), "{text}");
        assert!(again.config == loaded.config, "{text}");
    }
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
    fn random_expansions_do_not_panic(
        parts in proptest::collection::vec(0..SNIPPETS.len(), 0..60),
    ) {
        let parts: Vec<&[u8]> = parts.into_iter().map(|part| SNIPPETS[part]).collect();
        check(&parts.concat());
    }

    #[test]
    fn a_text_without_expansions_reads_the_same_when_it_is_expanded(
        text in "[a-d0-9{}\"\n\r\t #!\\\\.:/']{0,200}",
    ) {
        // A line without an expansion is read in place; as the value of a definition it is copied.
        prop_assume!(!text.contains("include") && !text.starts_with('\u{feff}'));
        let lines = text.lines().map(|line| line.trim_matches([' ', '\t', '\r']));
        let lines: Vec<&str> = lines
            .filter(|line| !comment::without(line).trim().is_empty())
            .filter(|line| !comment::without(line).trim_end().ends_with('\\'))
            .collect();
        let plain = lines.join("\n");
        let code = lines.iter().map(|line| comment::without(line).trim_end());
        let code: Vec<&str> = code.collect();
        let used = format!("$A= \\\n{}\n\n$A\n", code.join(" \\\n"));
        prop_assume!(!code.is_empty());
        let (plain, _) = super::lexical::statements(&plain);
        let (used, _) = super::lexical::statements(&used);
        prop_assert_eq!(plain, used);
    }

    #[test]
    fn good_files_with_lines_left_out_and_digits_changed_are_shown_as_they_are_read(
        file in 0..GOOD.len(),
        left_out in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        digits in proptest::collection::vec((any::<prop::sample::Index>(), b'0'..=b'9'), 0..6),
    ) {
        let text = String::from_utf8_lossy(GOOD[file].1);
        let mut lines: Vec<&str> = text.lines().collect();
        for line in left_out {
            let line = line.index(lines.len());
            if !lines[line].contains(['{', '}']) {
                lines.remove(line);
            }
        }
        let mut bytes = lines.join("\n").into_bytes();
        for (at, digit) in digits {
            let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
            bytes[places[at.index(places.len())]] = digit;
        }
        check(&bytes);
    }

    #[test]
    fn a_command_that_is_shown_is_read_to_the_same_words(
        words in proptest::collection::vec("[a-c \"'\\\\#!{}\t\n]{0,6}", 1..4),
    ) {
        let line = show_script(&words);
        let text = format!(
            "virtual_server 192.0.2.1 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nquorum_up {line}\n\
             real_server 192.0.2.2 80 {{ }}\n}}\n"
        );
        let loaded = load_bytes(text.as_bytes());
        let server = &loaded.config.virtual_servers[0];
        let read = server.quorum.notify.up.as_ref().map(|command| &command.words);
        prop_assert_eq!(read, Some(&words), "{}", line);
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
