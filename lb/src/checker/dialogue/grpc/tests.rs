use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let lines = lines.iter().map(|(name, value)| {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    });
    lines.collect()
}

/// A message as it is sent.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], message].concat()
}

/// What comes of an answer with status 200.
fn answer(body: &[u8], trailers: &[(&'static str, &str)]) -> Result<Answer, String> {
    let mut health = Health::new();
    let talk = || {
        health.handle_head(200, &headers(&[("content-type", "application/grpc+proto")]))?;
        for piece in body.chunks(3) {
            health.handle_bytes(piece)?;
        }
        health.handle_end(Some(&headers(trailers)))
    };
    let mut talk = talk;
    talk().map_err(|error| error.to_string())
}

#[test]
fn a_question_has_these_bytes() {
    assert_eq!(question(""), [0, 0, 0, 0, 0]);
    assert_eq!(question("a.B"), *b"\0\0\0\0\x05\x0a\x03a.B");
    let long = question(&"x".repeat(200));
    assert_eq!(long[..8], [0, 0, 0, 0, 203, 0x0a, 0xc8, 1]);
}

#[test]
fn only_a_service_that_serves_is_well() {
    let fine = [("grpc-status", "0")];
    let well = Ok(Answer::Well);
    let no = |words: &str| Err(words.to_owned());
    assert_eq!(answer(&framed(b"\x08\x01"), &fine), well);
    let with_fields_to_come = b"\x12\x01x\x08\x02\x19________\x25____\x30\x80\x01\x08\x01";
    assert_eq!(answer(&framed(with_fields_to_come), &fine), well);
    for (message, state) in [
        (&b""[..], "UNKNOWN"),
        (b"\x08\x02", "NOT_SERVING"),
        (b"\x08\x03", "SERVICE_UNKNOWN"),
        (b"\x08\x81\x01", "in state 129"),
    ] {
        let expected = no(&format!("the service is {state}"));
        assert_eq!(answer(&framed(message), &fine), expected);
    }
}

#[test]
fn what_is_no_answer_fails() {
    let fine = [("grpc-status", "0")];
    let illegal = Err("this is no answer of grpc.health.v1.Health".to_owned());
    let bodies: [&[u8]; 9] = [
        b"",
        b"\0\0\0\0",
        b"\x01\0\0\0\x02\x08\x01",
        b"\0\0\0\0\x03\x08\x01",
        b"\0\0\0\0\x02\x08\x01\0",
        b"\0\0\0\0\x01\x08",
        b"\0\0\0\0\x02\x12\x05",
        b"\0\0\0\0\x02\x0b\x01",
        b"\0\0\0\0\x0c\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    ];
    for body in bodies {
        assert_eq!(answer(body, &fine), illegal, "{body:?}");
    }
    let endless = answer(&[0; LONGEST + PREFIX + 1], &fine);
    assert_eq!(endless, Err("the answer has no end".to_owned()));

    let mut health = Health::new();
    for other in ["text/html", "application/grpc-web"] {
        let page = health.handle_head(200, &headers(&[("content-type", other)]));
        assert_eq!(page.unwrap_err().to_string(), "this is no answer of gRPC");
    }
    let missing = health.handle_head(404, &HeaderMap::new());
    assert_eq!(
        missing.unwrap_err().to_string(),
        "HTTP status 404 instead of 200"
    );
}

#[test]
fn a_grpc_status_says_why_not() {
    let serving = framed(b"\x08\x01");
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[], "the answer ends without a grpc-status"),
        (&[("grpc-status", "x")], "this is no grpc-status"),
        (&[("grpc-status", "3")], "gRPC status 3"),
        (
            &[("grpc-status", "5")],
            "gRPC status 5 (NOT_FOUND: the server knows no such service)",
        ),
        (
            &[("grpc-status", "14"), ("grpc-message", "going%20away")],
            "gRPC status 14 (UNAVAILABLE): going%20away",
        ),
    ];
    for (trailers, expected) in cases {
        assert_eq!(answer(&serving, trailers), Err(expected.to_owned()));
    }
    // An answer that is trailers alone has them in its head.
    let mut health = Health::new();
    let head = [("content-type", "application/grpc"), ("grpc-status", "12")];
    health.handle_head(200, &headers(&head)).unwrap();
    assert_eq!(
        health.handle_end(None).unwrap_err().to_string(),
        "gRPC status 12 (UNIMPLEMENTED: the server has no health service)"
    );
}

proptest! {
    #[test]
    fn numbers_are_read_as_they_are_written(value: u64) {
        let mut bytes = Vec::new();
        push_varint(&mut bytes, value);
        let mut rest = &bytes[..];
        prop_assert_eq!(take_varint(&mut rest), Some(value));
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..64)) {
        let _verdict = serving_status(&body);
        let _verdict = serving_status(&framed(&body));
    }
}
