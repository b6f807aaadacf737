//! What real servers answer to checks: no bytes make a dialogue panic, and they mean the same however they are cut.
#![no_main]

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use lb::{
    checker::{
        ProbeResult,
        dialogue::{
            Dialogue, Exchange, Progress, dns, echo,
            grpc::{CONTENT_TYPE, Health},
            http::Http,
            pattern::Pattern,
            smtp::Smtp,
            udp,
        },
    },
    config::model::check::{HttpProtocol, MaskedByte, Regex, Reply, Udp, Url},
};

/// Where a dialogue over a stream ends.
fn talk(dialogue: &mut impl Dialogue, pieces: std::slice::Chunks<'_, u8>) -> ProbeResult {
    dialogue.start();
    for piece in pieces {
        if let Progress::Done(result) = dialogue.handle_bytes(piece) {
            return result;
        }
    }
    dialogue.handle_end(true)
}

/// What a call of gRPC comes to whose answer has these bytes and a status that is fine.
fn call(pieces: std::slice::Chunks<'_, u8>) -> ProbeResult {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(CONTENT_TYPE));
    headers.insert("grpc-status", HeaderValue::from_static("0"));
    let mut health = Health::new();
    health.handle_head(200, &headers)?;
    for piece in pieces {
        health.handle_bytes(piece)?;
    }
    health.handle_end(None)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let regex = Regex {
        pattern: "(?<=a)b+c".to_owned(),
        ..Regex::default()
    };
    let pattern = Arc::new(Pattern::new(&regex).expect("it is one"));
    let url = Url {
        regex: Some(regex),
        ..Url::new("/")
    };
    let target = ([10, 0, 0, 1], 80).into();
    let ask = |step: usize| {
        let mut http = Http::new(&url, HttpProtocol::V11, target, Some(Arc::clone(&pattern)));
        talk(&mut http, bytes.chunks(step))
    };
    assert_eq!(ask(1), ask(bytes.len().max(1)));
    assert_eq!(
        call(bytes.chunks(1)),
        call(bytes.chunks(bytes.len().max(1)))
    );
    let _verdict = talk(&mut Smtp::new("lb"), bytes.chunks(3));
    let _answer = dns::answer(bytes, 0x1234);
    let byte = MaskedByte {
        value: 0x40,
        mask: 0xf0,
    };
    let matching = Udp {
        reply: Reply::Matching(vec![byte; 4]),
        ..Udp::default()
    };
    let _reply = udp::answer(&matching, bytes);
    for address in [[10, 0, 0, 1].into(), [0u16; 8].into()] {
        let _is_reply = echo::is_reply(bytes, address, 1, 2);
    }
});
