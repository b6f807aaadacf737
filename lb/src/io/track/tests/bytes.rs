//! Bytes of others, as tables.

use super::super::{
    connector::{ProcessEvent, events},
    content::parse,
    matching::{Pattern, Seen, command_line, name},
};
use crate::{
    config::model::track::{ParameterMatch, TrackProcess},
    track::output::Reading::{self, Number, TooLarge},
};

#[test]
fn numbers_are_read_as_keepalived_reads_them() {
    let cases: &[(&str, Reading)] = &[
        ("5", Number(5)),
        ("5\n", Number(5)),
        (" \t\n 7", Number(7)),
        ("+4", Number(4)),
        ("-4", Number(-4)),
        ("- 4", Number(0)),
        ("0x10", Number(16)),
        ("-0XfF", Number(-255)),
        ("0x", Number(0)),
        ("0xg", Number(0)),
        ("010", Number(8)),
        ("08", Number(0)),
        ("12abc", Number(12)),
        ("3 \n4", Number(3)),
        ("1.9", Number(1)),
        ("", Number(0)),
        ("x", Number(0)),
        ("2147483647", Number(i32::MAX)),
        ("-2147483648", Number(i32::MIN)),
        ("2147483648", TooLarge),
        ("-99999999999999999999999999", TooLarge),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text.as_bytes()), *expected, "{text:?}");
    }
    assert_eq!(parse(&[0xff; 128]), Number(0));
}

#[test]
fn the_name_of_a_process_is_found_between_the_outer_parentheses() {
    let cases: &[(&str, Option<&str>)] = &[
        ("12 (sleep) S 1 2", Some("sleep")),
        ("12 (a) b (c) R 1", Some("a) b (c")),
        ("12 () S 1", Some("")),
        ("12 (sleep) Z 1", None),
        ("12 (sleep) X 1", None),
        ("12 (sleep)", None),
        ("12 )sleep( S", None),
        ("12 )(", None),
        ("", None),
    ];
    for (stat, expected) in cases {
        let found = name(stat.as_bytes()).map(|name| String::from_utf8(name).unwrap());
        assert_eq!(found.as_deref(), *expected, "{stat:?}");
    }
}

#[test]
fn words_of_a_command_line_end_with_a_nul() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("\0", &[]),
        ("a\0", &["a"]),
        ("a\0b c\0\0", &["a", "b c", ""]),
        ("nginx: master process\0", &["nginx: master process"]),
        ("a\0b", &["a", "b"]),
    ];
    for (bytes, expected) in cases {
        let words = command_line(bytes.as_bytes());
        let expected: Vec<_> = expected.iter().map(|it| it.as_bytes().to_vec()).collect();
        assert_eq!(words, expected, "{bytes:?}");
    }
}

#[test]
fn processes_are_meant_by_name_by_program_or_with_parameters() {
    let block = |program: &str, parameters: &[&str], parameter_match, full_command| TrackProcess {
        parameters: parameters.iter().map(|&word| word.to_owned()).collect(),
        parameter_match,
        full_command,
        ..TrackProcess::new("p", program)
    };
    use ParameterMatch::{Exact, Ignored, Initial, Partial};
    let cases = [
        (block("sleep", &[], Ignored, false), "sleep", "x\0", true),
        (
            block("sleep", &[], Ignored, false),
            "sleeper",
            "sleep\0",
            false,
        ),
        (
            block("a-name-that-is-too-long", &[], Ignored, false),
            "a-name-that-is-",
            "",
            true,
        ),
        (
            block("sleep", &[], Ignored, true),
            "x",
            "sleep\x005\0",
            true,
        ),
        (
            block("sleep", &[], Ignored, true),
            "sleep",
            "/bin/sleep\0",
            false,
        ),
        (
            block("/bin/sleep", &[], Ignored, false),
            "sleep",
            "/bin/sleep\x005\0",
            true,
        ),
        (block("s", &[], Exact, true), "s", "s\0", true),
        (block("s", &[], Exact, true), "s", "s\0a\0", false),
        (block("s", &["a", "b"], Exact, true), "s", "s\0a\0b\0", true),
        (
            block("s", &["a", "b"], Exact, true),
            "s",
            "s\0a\0bc\0",
            false,
        ),
        (
            block("s", &["a", "b"], Exact, true),
            "s",
            "s\0a\0b\0c\0",
            false,
        ),
        (
            block("s", &["a", "b"], Initial, true),
            "s",
            "s\0a\0bc\0",
            true,
        ),
        (
            block("s", &["a", "b"], Initial, true),
            "s",
            "s\0ax\0b\0",
            false,
        ),
        (
            block("s", &["a", "b"], Initial, true),
            "s",
            "s\0a\0b\0c\0",
            false,
        ),
        (block("s", &["a", "b"], Initial, true), "s", "s\0", false),
        (
            block("s", &["a", "b"], Partial, true),
            "s",
            "s\0a\0b\0c\0",
            true,
        ),
        (block("s", &["a", "b"], Partial, true), "s", "s\0a\0", false),
        (block("s", &["a", "b"], Partial, true), "s", "", false),
    ];
    for (block, name, line, expected) in cases {
        let pattern = Pattern::new(&block);
        let seen = Seen {
            name: name.as_bytes().to_vec(),
            words: Some(command_line(line.as_bytes())),
        };
        assert_eq!(pattern.matches(&seen), expected, "{block:?} {line:?}");
        let unread = Seen {
            words: None,
            ..seen
        };
        let by_name = expected && !pattern.needs_command_line();
        assert_eq!(pattern.matches(&unread), by_name, "{block:?}");
    }
}

/// A message of the proc connector.
fn message(index: u32, what: u32, fields: &[u32]) -> Vec<u8> {
    let size = 16 + 20 + 16 + 4 * fields.len();
    let head = [u32::try_from(size).unwrap(), 3, 0, 0];
    let connector = [index, 1, 0, 8, 0];
    let event = [what, 0, 0, 0];
    let words = head.iter().chain(&connector).chain(&event).chain(fields);
    words.flat_map(|word| word.to_ne_bytes()).collect()
}

#[test]
fn messages_about_processes_are_told_from_those_about_threads() {
    use ProcessEvent::{Answered, Changed, Ended};
    let cases: &[(u32, &[u32], Option<ProcessEvent>)] = &[
        (0, &[0], Some(Answered { wish: 7, error: 0 })),
        (0, &[22], Some(Answered { wish: 7, error: 22 })),
        (1, &[7, 7, 9, 9], Some(Changed(9))),
        (1, &[7, 7, 9, 7], None),
        (2, &[9, 9], Some(Changed(9))),
        (2, &[10, 9], Some(Changed(9))),
        (0x200, &[9, 9, 0, 0, 0, 0], Some(Changed(9))),
        (0x200, &[10, 9, 0, 0, 0, 0], None),
        (0x8000_0000, &[9, 9, 0, 17], Some(Ended(9))),
        (0x8000_0000, &[10, 9, 0, 17], None),
        (4, &[9, 9, 0, 0], None),
        (1, &[7], None),
    ];
    for (what, fields, expected) in cases {
        let found = events(&message(1, *what, fields));
        assert_eq!(
            found,
            expected.iter().copied().collect::<Vec<_>>(),
            "{what} {fields:?}"
        );
    }
    assert_eq!(events(&message(2, 2, &[9, 9])), []);
    let both = [message(1, 2, &[9, 9]), message(1, 0x8000_0000, &[9, 9])].concat();
    assert_eq!(events(&both), [Changed(9), Ended(9)]);
    for cut in 0..both.len() {
        assert!(events(&both[..cut]).len() < 2, "{cut}");
    }
}
