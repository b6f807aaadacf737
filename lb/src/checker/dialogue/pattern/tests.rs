use std::time::{Duration, Instant};

use super::*;

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the time it takes is looked at")]
    Instant::now()
}

/// What comes of an expression and an answer in pieces of `step` bytes, and how long the longest piece took.
fn search(
    pattern: &str,
    options: &[RegexOption],
    answer: &[u8],
    step: usize,
) -> (Result<bool, String>, Duration) {
    let regex = Regex {
        pattern: pattern.to_owned(),
        options: options.to_vec(),
        ..Regex::default()
    };
    let mut search = Search::new(Arc::new(Pattern::new(&regex).unwrap()));
    let mut longest = Duration::ZERO;
    let mut timed = |work: &mut dyn FnMut() -> Result<bool, String>| {
        let begun = now();
        let result = work();
        longest = longest.max(begun.elapsed());
        result
    };
    let mut result = Ok(false);
    for piece in answer.chunks(step) {
        if result.is_ok() {
            result = timed(&mut || search.handle_bytes(piece));
        }
    }
    if result.is_ok() {
        result = timed(&mut || search.handle_end());
    }
    (result, longest)
}

#[test]
fn every_option_means_what_it_means_to_pcre2() {
    use RegexOption as O;
    // Option, expression, answer; whether it is found with the option, and without: none where that is no expression.
    type Case = (
        RegexOption,
        &'static str,
        &'static [u8],
        Option<bool>,
        Option<bool>,
    );
    let cases: [Case; 24] = [
        (O::AllowEmptyClass, "a[]b", b"a]b", Some(false), None),
        (O::AltBsux, r"\u0041", b"A", Some(true), None),
        (O::AutoCallout, "ab", b"ab", Some(true), Some(true)),
        (O::Caseless, "ab", b"AB", Some(true), Some(false)),
        (O::DollarEndonly, "b$", b"ab\n", Some(false), Some(true)),
        (O::Dotall, "a.b", b"a\nb", Some(true), Some(false)),
        (O::Dupnames, "(?<n>a)|(?<n>b)", b"b", Some(true), None),
        (O::Extended, "a b # c", b"ab", Some(true), Some(false)),
        (O::Firstline, "b", b"a\nb", Some(false), Some(true)),
        (
            O::MatchUnsetBackref,
            r"(a)?\1b",
            b"b",
            Some(true),
            Some(false),
        ),
        (O::Multiline, "^b", b"a\nb", Some(true), Some(false)),
        (O::NeverUcp, r"(*UCP)\d", b"1", None, Some(true)),
        (O::NeverUtf, "(*UTF)a", b"a", None, Some(true)),
        (O::NoAutoCapture, r"(a)\1", b"aa", None, Some(true)),
        (
            O::NoAutoPossess,
            r"\d+[a-z]",
            b"12a",
            Some(true),
            Some(true),
        ),
        (O::NoDotstarAnchor, ".*b", b"a\nb", Some(true), Some(true)),
        (
            O::NoStartOptimize,
            "(*COMMIT)b",
            b"ab",
            Some(false),
            Some(true),
        ),
        (O::Ucp, r"\w", b"\xe9", Some(true), Some(false)),
        (O::Ungreedy, "(?>a+)ab", b"aab", Some(true), Some(false)),
        (O::Utf, "^.$", "\u{e9}".as_bytes(), Some(true), Some(false)),
        (O::NeverBackslashC, r"a\Cb", b"axb", None, Some(true)),
        (O::AltCircumflex, "(?m)^$", b"a\n", Some(true), Some(false)),
        (O::AltVerbnames, r"a(*MARK:b\)c)", b"a", Some(true), None),
        (O::UseOffsetLimit, "b", b"ab", Some(true), Some(true)),
    ];
    let found = |pattern: &str, options: Vec<RegexOption>, answer: &[u8]| {
        let regex = Regex {
            pattern: pattern.to_owned(),
            options,
            ..Regex::default()
        };
        let pattern = Pattern::new(&regex).ok()?;
        let mut search = Search::new(Arc::new(pattern));
        search.handle_bytes(answer).unwrap();
        Some(search.handle_end().unwrap())
    };
    for (option, pattern, answer, with, without) in cases {
        let found = (
            found(pattern, vec![option], answer),
            found(pattern, Vec::new(), answer),
        );
        assert_eq!(found, (with, without), "{option:?} {pattern}");
    }
}

#[test]
fn the_first_line_is_that_of_the_answer_however_it_is_cut() {
    let options = [RegexOption::Firstline];
    for step in [1, 2, 3, 10] {
        for (pattern, is_found) in [("two", true), ("e", true), ("three", false)] {
            let (result, _) = search(pattern, &options, b"one two\nthree", step);
            assert_eq!(result, Ok(is_found), "{pattern} by {step}");
        }
    }
}

#[test]
fn what_takes_too_many_steps_is_given_up_within_some_milliseconds() {
    let of = |byte: u8| [vec![byte; WINDOW - 1], vec![b'!']].concat();
    let (a, x) = (of(b'a'), of(b'x'));
    // In 256 KiB of one byte the third takes PCRE2 more than a minute.
    let costly: [(&str, &[u8]); 6] = [
        ("(a+)+$", &a),
        ("(a+)+$", &a[WINDOW - 64..]),
        ("x{1,500}x{1,500}[yz]", &x),
        ("x*[yz]", &x),
        (r"(x+)\1[yz]", &x),
        (".*.*.*[yz]", &x),
    ];
    for (pattern, answer) in costly {
        for options in [&[][..], &[RegexOption::Utf]] {
            let (result, took) = search(pattern, options, answer, answer.len());
            println!("{pattern} {options:?}, {} bytes: {took:?}", answer.len());
            assert_eq!(result, Err(TOO_COSTLY.to_owned()), "{pattern}");
            assert!(took < Duration::from_millis(500), "{pattern}: {took:?}");
        }
    }
}

#[test]
fn a_long_answer_costs_in_proportion() {
    let line = b"<div class=\"a b\">Some words 12 and 34</div>\n";
    let page = line.repeat((2 << 20) / line.len());
    let expressions = [
        r"\w+\s+\w+ never",
        "foo|bar|baz",
        r"\d+ items",
        "<div[^>]*>[^<]*<p>",
        "(?i)status: up",
    ];
    for pattern in expressions {
        let (result, took) = search(pattern, &[], &page, 4096);
        println!(
            "{pattern}: {took:?} at most for 4 KiB of {} MiB",
            page.len() >> 20
        );
        assert_eq!(result, Ok(false), "{pattern}");
    }
    let lines = line.repeat(WINDOW / 2 / line.len());
    let (result, _) = search("(?s)^<div.*</div>$", &[], &lines, 4096);
    assert_eq!(result, Ok(true));
}
