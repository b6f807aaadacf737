use std::net::IpAddr;

use super::*;
use crate::{
    checker::{Answer, ProbeError},
    config::model::check::{Dns, DnsType, DomainName, MaskedByte, Reply, Udp},
};

/// What a mail server's bytes lead to: what is said, and the verdict; `None` while more could come.
fn mail(pieces: &[&str], closes: bool) -> (String, Option<ProbeResult>) {
    let mut smtp = smtp::Smtp::new("lb.example.org");
    let mut said = smtp.start();
    for piece in pieces {
        match smtp.handle_bytes(piece.as_bytes()) {
            Progress::Wait => {}
            Progress::Send(bytes) => said.extend(bytes),
            Progress::Done(result) => return (String::from_utf8(said).unwrap(), Some(result)),
        }
    }
    let end = closes.then(|| smtp.handle_end(true));
    (String::from_utf8(said).unwrap(), end)
}

#[test]
fn a_mail_server_is_greeted_and_left() {
    let well = Some(Ok(Answer::Well));
    let whole = "HELO lb.example.org\r\nQUIT\r\n".to_owned();
    let pieces = ["220 mx\r\n", "250 hello\r\n", "221 bye\r\n"];
    assert_eq!(mail(&pieces, false), (whole.clone(), well.clone()));
    let lines = [
        "220-mx\r\n220",
        "-more\r\n220 go\r\n",
        "250 hello\r\n",
        "221 bye\r\n",
    ];
    assert_eq!(mail(&lines, false), (whole.clone(), well.clone()));
    assert_eq!(mail(&["220 mx\r\n", "250 hello\r\n"], true), (whole, well));
}

#[test]
fn what_is_no_mail_server_fails() {
    let cases: [(&[&str], bool, &str); 6] = [
        (
            &["554 no\r\n"],
            false,
            "status 554 after connecting instead of 220",
        ),
        (
            &["220 mx\r\n", "501 no\r\n"],
            false,
            "status 501 after HELO instead of 250",
        ),
        (&["SSH-2.0-x\r\n"], false, "this is no reply of SMTP"),
        (&["\r\n"], false, "this is no reply of SMTP"),
        (&[], true, "connection closed by the server"),
        (&["220 mx\r\n"], true, "connection closed by the server"),
    ];
    for (pieces, closes, expected) in cases {
        let Some(Err(error)) = mail(pieces, closes).1 else {
            panic!("{pieces:?}");
        };
        assert_eq!(error.to_string(), expected);
    }
    let drip = "x".repeat(5000);
    let Some(Err(error)) = mail(&[&drip], false).1 else {
        panic!("no end");
    };
    assert_eq!(error.to_string(), "a reply without end");
}

#[test]
fn a_dns_question_has_these_bytes_and_its_answer_counts_by_its_code() {
    let dns = Dns {
        kind: DnsType::Mx,
        name: DomainName::try_from("example.org".to_owned()).unwrap(),
    };
    let question = dns::question(&dns, 0x1234).unwrap();
    let expected =
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\x0f\x00\x01";
    assert_eq!(question, expected);

    let answer = |flags: u8, code: u8| {
        let mut bytes = question.clone();
        (bytes[2], bytes[3]) = (flags, code);
        bytes
    };
    assert_eq!(
        dns::answer(&answer(0x81, 0x80), 0x1234),
        Some(Ok(Answer::Well))
    );
    let refused = dns::answer(&answer(0x81, 0x83), 0x1234)
        .unwrap()
        .unwrap_err();
    assert_eq!(refused.to_string(), "answer Non-Existent Domain");
    assert_eq!(
        dns::answer(&answer(0x81, 0x80), 0x1235),
        None,
        "another question's"
    );
    assert_eq!(dns::answer(&question, 0x1234), None, "a question");
    assert_eq!(dns::answer(&question[..5], 0x1234), None, "cut");
}

#[test]
fn each_type_is_asked_for_by_its_number() {
    // IANA, "Resource Record (RR) TYPEs".
    let types = [
        (DnsType::A, 1),
        (DnsType::Ns, 2),
        (DnsType::Cname, 5),
        (DnsType::Soa, 6),
        (DnsType::Mx, 15),
        (DnsType::Txt, 16),
        (DnsType::Aaaa, 28),
        (DnsType::Rrsig, 46),
        (DnsType::Dnskey, 48),
    ];
    for (kind, number) in types {
        let name = DomainName::root();
        let question = dns::question(&Dns { kind, name }, 1).unwrap();
        assert_eq!(question[12..], [0, 0, number, 0, 1], "{kind:?}");
    }
}

#[test]
fn datagrams_are_looked_at_as_far_as_that_is_wanted() {
    let byte = |value, mask| MaskedByte { value, mask };
    let matching = Reply::Matching(vec![byte(0x4f, 0xff), byte(0x40, 0xf0), byte(0, 0)]);
    let udp = |reply| Udp {
        reply,
        max_reply: 4,
        ..Udp::default()
    };
    let well = Ok(Answer::Well);
    let mismatch = Err(ProbeError::because("reply data mismatch"));
    let long = Err(ProbeError::because("reply of 5 bytes"));
    assert_eq!(udp::answer(&udp(Reply::Any), b""), well);
    let wanted = udp(matching);
    assert_eq!(udp::answer(&wanted, b"OKx"), well);
    assert_eq!(udp::answer(&wanted, b"OK"), mismatch);
    assert_eq!(udp::answer(&wanted, b"OZx"), mismatch);
    assert_eq!(udp::answer(&wanted, b"OKxyz"), long);
    assert_eq!(udp::silence(&wanted), Err(ProbeError::Timeout));
    assert_eq!(udp::silence(&udp(Reply::NotRequired)), well);
    assert_eq!(udp::question(&Udp::default(), || 7), [7; 16]);
}

#[test]
fn an_echo_request_is_answered_by_its_reply_alone() {
    let v4 = IpAddr::from([10, 0, 0, 1]);
    let request = echo::request(v4, 0x0102, 0x0304);
    assert_eq!(request[..8], [8, 0, request[2], request[3], 1, 2, 3, 4]);
    let words = request.as_chunks::<2>().0.iter();
    let sum = words.fold(lb_common::checksum::Sum::new(), |sum, word| {
        sum.add16(*word)
    });
    assert!(sum.is_valid());

    let mut reply = vec![0x45; 20];
    reply.extend(&request);
    reply[20] = 0;
    assert!(echo::is_reply(&reply, v4, 0x0102, 0x0304));
    assert!(!echo::is_reply(&reply, v4, 0x0102, 0x0305));
    assert!(!echo::is_reply(&reply[..25], v4, 0x0102, 0x0304));
    reply[20] = 3;
    assert!(!echo::is_reply(&reply, v4, 0x0102, 0x0304), "unreachable");

    let v6 = IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1]);
    let mut reply = echo::request(v6, 1, 2);
    assert_eq!(reply[0], 128);
    reply[0] = 129;
    assert!(echo::is_reply(&reply, v6, 1, 2));
}
