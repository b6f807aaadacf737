//! Packets that do not count: each is counted under its name, and changes nothing.

use std::net::IpAddr;

use super::scene::{A, B, control, in_state, ms, session, start};
use crate::bfd::{
    output::{Incoming, Note},
    packet::{Control, State},
};

/// What is done to a good packet from the neighbor, and the name under which it is counted.
type Case = (&'static str, fn(&mut Vec<u8>), &'static str);

const BYTES: &[Case] = &[
    ("nothing", Vec::clear, "packet_short"),
    ("a header less a byte", |it| it.truncate(23), "packet_short"),
    ("version 0", |it| it[0] &= 0x1f, "packet_version"),
    ("version 2", |it| it[0] = 0x40, "packet_version"),
    (
        "a length below the header",
        |it| it[3] = 23,
        "packet_length",
    ),
    (
        "a length beyond the datagram",
        |it| it[3] = 25,
        "packet_length",
    ),
    (
        "authentication in 25 bytes",
        |it| {
            it[1] |= 4;
            it[3] = 25;
            it.push(0);
        },
        "packet_length",
    ),
    ("multiplier 0", |it| it[2] = 0, "packet_detect_mult"),
    ("multipoint", |it| it[1] |= 1, "packet_multipoint"),
    (
        "no discriminator of the sender",
        |it| it[4..8].fill(0),
        "packet_my_discriminator",
    ),
    (
        "Up without our discriminator",
        |it| it[8..12].fill(0),
        "packet_your_discriminator",
    ),
    (
        "Poll and Final",
        |it| it[1] |= 0x30,
        "packet_poll_and_final",
    ),
    ("another's discriminator", |it| it[8] ^= 0x80, "no_session"),
];

#[test]
fn bytes_that_make_no_sense_change_nothing() {
    let now = start();
    for (case, change, name) in BYTES {
        let (mut node, ours) = in_state(State::Up, session("b", B), now);
        let before = node.snapshot(now);
        // If it counted, the session would go down.
        let mut bytes = control(State::Up, ours).emit().to_vec();
        change(&mut bytes);
        let due = node.bfd.poll_timeout();
        node.hear(B.into(), &bytes, now + ms(5));
        assert_eq!(node.drain(now), Vec::<Vec<u8>>::new(), "{case}");
        assert_eq!(node.snapshot(now), before, "{case}");
        assert_eq!(node.bfd.poll_timeout(), due, "{case}");
        assert_eq!(node.bfd.refused().get(name), Some(&1), "{case}");
    }
}

#[test]
fn what_follows_the_length_does_not_matter() {
    let now = start();
    let (mut node, ours) = in_state(State::Up, session("b", B), now);
    let mut bytes = control(State::Up, ours).emit().to_vec();
    bytes.extend([0; 30]);
    node.hear(B.into(), &bytes, now);
    assert!(node.bfd.refused().is_empty());
}

/// A sentence; `max_hops` and `multihop`; source, destination, TTL and whether it came by the port of multihop; the name under which it
/// is counted, none where it counts.
type Envelope = (
    &'static str,
    i32,
    bool,
    IpAddr,
    IpAddr,
    u8,
    bool,
    Option<&'static str>,
);

#[test]
fn an_envelope_that_does_not_fit_changes_nothing() {
    let now = start();
    let elsewhere: IpAddr = [192, 0, 2, 99].into();
    let cases: [Envelope; 11] = [
        (
            "the neighbor",
            0,
            false,
            B.into(),
            A.into(),
            255,
            false,
            None,
        ),
        (
            "a router between",
            0,
            false,
            B.into(),
            A.into(),
            254,
            false,
            Some("ttl"),
        ),
        (
            "as many hops as allowed",
            3,
            false,
            B.into(),
            A.into(),
            252,
            false,
            None,
        ),
        (
            "one more",
            3,
            false,
            B.into(),
            A.into(),
            251,
            false,
            Some("ttl"),
        ),
        (
            "nobody looks",
            -1,
            false,
            B.into(),
            A.into(),
            1,
            false,
            None,
        ),
        (
            "somebody else",
            0,
            false,
            elsewhere,
            A.into(),
            255,
            false,
            Some("wrong_address"),
        ),
        (
            "to somewhere else",
            0,
            false,
            B.into(),
            elsewhere,
            255,
            false,
            Some("wrong_address"),
        ),
        (
            "the other port",
            0,
            false,
            B.into(),
            A.into(),
            255,
            true,
            Some("wrong_port"),
        ),
        ("multihop", 9, true, B.into(), A.into(), 250, true, None),
        (
            "multihop by the other port",
            9,
            true,
            B.into(),
            A.into(),
            250,
            false,
            Some("wrong_port"),
        ),
        (
            "multihop and too far",
            9,
            true,
            B.into(),
            A.into(),
            245,
            true,
            Some("ttl"),
        ),
    ];
    for (case, hops, multihop, source, destination, ttl, is_multihop, name) in cases {
        let mut node = super::scene::Node::new(A, 1);
        let mut config = session("b", B);
        config.source = Some(A.into());
        config.max_hops = u8::try_from(hops).ok();
        config.multihop = multihop;
        node.configure(&[(config, None)], &[], now);
        node.drain(now);
        let ours = node.snapshot(now).discriminator;
        let payload = control(State::Init, ours).emit();
        let incoming = Incoming {
            source,
            destination,
            ttl,
            is_multihop,
            payload: &payload,
        };
        for _ in 0..3 {
            node.take(&incoming, now);
        }
        let seen = node.snapshot(now);
        let Some(name) = name else {
            assert_eq!(seen.state, State::Up, "{case}");
            continue;
        };
        assert_eq!(seen.state, State::Down, "{case}");
        assert_eq!(seen.refused.get(name), Some(&3), "{case}");
        node.drain(now);
        let told = node.notes.iter();
        let told = told.filter(|note| matches!(note, Note::Refused(_))).count();
        assert_eq!(told, 1, "{case}: the log has it once");
    }
}

#[test]
fn a_flood_of_refused_packets_does_not_keep_a_silent_session_up() {
    let mut now = start();
    let (mut node, ours) = in_state(State::Up, session("b", B), now);
    let start = now;
    for _ in 0..50 {
        let mut bytes = control(State::Up, ours).emit();
        bytes[0] = 0;
        node.hear(B.into(), &bytes, now);
        let far = Control::emit(&control(State::Up, ours));
        node.take(
            &Incoming {
                source: B.into(),
                destination: A.into(),
                ttl: 254,
                is_multihop: false,
                payload: &far,
            },
            now,
        );
        let next = now + ms(1);
        node.sleep(&mut now, next);
    }
    assert_eq!(node.state(now), State::Down);
    assert_eq!(node.turns.last(), Some(&(start + ms(30), false)));
}
