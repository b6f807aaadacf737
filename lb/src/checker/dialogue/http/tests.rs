use super::*;
use crate::config::model::check::{Regex, RegexOption, StatusCodes};

fn url() -> Url {
    Url::new("/")
}

fn matching(pattern: &str) -> Regex {
    Regex {
        pattern: pattern.to_owned(),
        ..Regex::default()
    }
}

/// What comes of an answer that arrives in pieces of `step` bytes, and whether the server closes then.
fn ask(url: &Url, answer: &[u8], step: usize, closes: bool) -> Option<ProbeResult> {
    let target = ([10, 0, 0, 1], 80).into();
    let pattern = url.regex.as_ref().map(|regex| Pattern::new(regex).unwrap());
    let mut http = Http::new(url, HttpProtocol::V10, target, pattern.map(Arc::new));
    http.start();
    for piece in answer.chunks(step) {
        match http.handle_bytes(piece) {
            Progress::Wait => {}
            Progress::Send(bytes) => panic!("{bytes:?}"),
            Progress::Done(result) => return Some(result),
        }
    }
    closes.then(|| http.handle_end(true))
}

/// The same verdict however the answer is cut; `None` while more could come.
fn verdict(url: &Url, answer: &str, closes: bool) -> String {
    let all =
        [1, 2, 3, 7, answer.len().max(1)].map(|step| ask(url, answer.as_bytes(), step, closes));
    for other in &all {
        assert_eq!(other, &all[0], "{answer:?} {:?}", url.regex);
    }
    match &all[0] {
        None => "waits".to_owned(),
        Some(Ok(_)) => "well".to_owned(),
        Some(Err(error)) => error.to_string(),
    }
}

#[test]
fn requests_are_keepalived_s() {
    let mut named = url();
    named.virtualhost = Some("www.example.org".to_owned());
    let cases = [
        (
            url(),
            HttpProtocol::V10,
            "GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 10.0.0.1:80\r\n\r\n",
        ),
        (
            url(),
            HttpProtocol::V10Close,
            "GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: 10.0.0.1:80\r\n\r\n",
        ),
        (
            named,
            HttpProtocol::V11,
            "GET / HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example.org\r\n\r\n",
        ),
    ];
    for (url, protocol, expected) in cases {
        let mut http = Http::new(&url, protocol, ([10, 0, 0, 1], 80).into(), None);
        assert_eq!(String::from_utf8(http.start()).unwrap(), expected);
    }
}

#[test]
fn answers_end_where_they_say() {
    let cases = [
        ("HTTP/1.0 200 OK\r\n\r\nhello", false, "waits"),
        ("HTTP/1.0 200 OK\r\n\r\nhello", true, "well"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            false,
            "well",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            false,
            "waits",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            true,
            "the answer ends 1 bytes before its Content-Length",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            false,
            "well",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", false, "well"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            false,
            "well",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n",
            false,
            "well",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n",
            true,
            "the answer ends before its last chunk",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
            false,
            "this is no chunked body",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            false,
            "this is no Content-Length",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Le",
            true,
            "the answer ends within its head",
        ),
        ("", true, "no answer"),
        (
            "SSH-2.0-OpenSSH_9.2p1\r\n",
            false,
            "this is no answer of HTTP: invalid HTTP version",
        ),
    ];
    for (answer, closes, expected) in cases {
        assert_eq!(verdict(&url(), answer, closes), expected, "{answer:?}");
    }
}

#[test]
fn the_status_must_be_among_those_wanted() {
    let mut wanted = url();
    wanted.status = vec![
        StatusCodes {
            first: 200,
            last: 299,
        },
        StatusCodes {
            first: 404,
            last: 404,
        },
    ];
    for (code, expected) in [
        (200, "well"),
        (299, "well"),
        (404, "well"),
        (302, "HTTP status code error: url(/), status_code [302]"),
    ] {
        let answer = format!("HTTP/1.1 {code} X\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(verdict(&wanted, &answer, false), expected);
    }
}

#[test]
fn the_digest_is_that_of_the_body_alone() {
    let mut wanted = url();
    // printf hello | md5sum
    let hello = 0x5d41_402a_bc4b_2a76_b971_9d91_1017_c592_u128;
    wanted.digest = Some(hello.to_be_bytes());
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let chunks =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    assert_eq!(verdict(&wanted, whole, false), "well");
    assert_eq!(verdict(&wanted, chunks, false), "well");
    let other = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello";
    let expected = "MD5 digest error: url[/], MD5SUM [8b1a9953c4611296a827abf8c47804d7]";
    assert_eq!(verdict(&wanted, other, false), expected);
}

#[test]
fn expressions_are_looked_for_wherever_the_answer_is_cut() {
    let body = "xx one two\nthree FOUR five";
    let offsets = |min, max| Regex {
        min_offset: min,
        max_offset: Some(max),
        ..matching("two")
    };
    let caseless = Regex {
        options: vec![RegexOption::Caseless],
        ..matching("four")
    };
    let utf = Regex {
        options: vec![RegexOption::Utf, RegexOption::Multiline],
        ..matching("^three.*five$")
    };
    let cases = [
        (matching("two"), true),
        (matching("six"), false),
        (matching("^xx"), true),
        (matching("^one"), false),
        (matching("(?m)^three"), true),
        (matching("(?<=one )two"), true),
        (matching("(?<!one )two"), false),
        (matching("five$"), true),
        (matching("one$"), false),
        (matching(r"\bthr\w+"), true),
        (matching("o.*e"), true),
        (matching("four"), false),
        (caseless, true),
        (utf, true),
        (offsets(0, 6), false),
        (offsets(0, 7), true),
        (offsets(7, 100), true),
        (offsets(8, 100), false),
    ];
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for (regex, is_found) in cases {
        let mut wanted = url();
        for no_match in [false, true] {
            wanted.regex = Some(Regex {
                no_match,
                ..regex.clone()
            });
            let is_well = verdict(&wanted, &answer, false) == "well";
            assert_eq!(is_well, is_found != no_match, "{regex:?}");
        }
    }
}

#[test]
fn what_has_no_end_takes_no_memory() {
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    head.resize(LONGEST_HEAD * 3, b'x');
    let ends = |result: Option<ProbeResult>| match result {
        Some(Err(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        ends(ask(&url(), &head, 4096, false)),
        "the head of the answer has no end"
    );
    let lines = format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(1000));
    let expected = "this is no answer of HTTP: too many headers";
    assert_eq!(ends(ask(&url(), lines.as_bytes(), 4096, false)), expected);

    let mut searching = url();
    searching.regex = Some(matching("x.*y"));
    let target = ([10, 0, 0, 1], 80).into();
    let pattern = Pattern::new(searching.regex.as_ref().unwrap()).unwrap();
    let mut http = Http::new(
        &searching,
        HttpProtocol::V10,
        target,
        Some(Arc::new(pattern)),
    );
    http.start();
    assert_eq!(
        http.handle_bytes(b"HTTP/1.0 200 OK\r\n\r\nx"),
        Progress::Wait
    );
    let piece = [b'z'; 64 << 10];
    let over = (0..64).find_map(|_| match http.handle_bytes(&piece) {
        Progress::Done(Err(error)) => Some(error.to_string()),
        _ => None,
    });
    let expected = "url(/): regex: more than 262144 bytes may belong to a match";
    assert_eq!(over.as_deref(), Some(expected));
}

#[test]
fn an_expression_that_costs_too_much_fails() {
    let mut costly = url();
    costly.regex = Some(matching("(a+)+$"));
    let body = format!("{}b", "a".repeat(64));
    let answer = format!("HTTP/1.0 200 OK\r\n\r\n{body}");
    let result = ask(&costly, answer.as_bytes(), answer.len(), true);
    let Some(Err(error)) = result else {
        panic!("{result:?}");
    };
    let expected = "url(/): the regex takes more steps than an answer is worth";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_end_without_close_notify_fails_only_where_that_is_wanted() {
    for compliant in [false, true] {
        let mut wanted = url();
        wanted.tls_compliant = compliant;
        let mut http = Http::new(
            &wanted,
            HttpProtocol::V10,
            ([10, 0, 0, 1], 443).into(),
            None,
        );
        http.handle_bytes(b"HTTP/1.0 200 OK\r\n\r\nhello");
        assert_eq!(http.handle_end(false).is_err(), compliant);
    }
}
