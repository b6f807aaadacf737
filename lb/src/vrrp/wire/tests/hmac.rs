//! The HMAC trailer, against the vectors of an independent implementation: key 00…1f with id 1, VRID 51, priority 200,
//! interval 1 s.

use super::*;

const V4: (&str, &str) = ("198.51.100.10", "224.0.0.18");
const V6: (&str, &str) = ("fe80::10", "ff02::12");
/// Advert with its checksum as `v3_checksum_as_v2` has it, head of the trailer, HMAC.
const VECTOR_V4: &str =
    "3133c80100644402c0000264 010100006800000080000000 1b84bc4e8e43892dc6d98448f8ee2265";
/// The checksum is summed again: within a packet it is the kernel's, which covers the trailer too, and the HMAC has it
/// zero anyway.
const VECTOR_V6: &str = "3133c8010064a2e9 fe800000000000000000000000000100 \
     010100006800000080000000 c8c56146ebfd66ee10ec4d8186461b78";
const SECONDS: u64 = 0x6800_0000;

fn config(family: &str, more: &str) -> VrrpInstance {
    let address = if family == "4" {
        "192.0.2.100"
    } else {
        "fe80::100"
    };
    let key: String = (0..32).map(|byte| format!("{byte:02x}")).collect();
    instance(&format!(
        "version 3;priority 200;auth_hmac {{;key 1 hex:{key};active_key 1;{more};}};virtual_ipaddress {{;{address};}}"
    ))
}

fn v4() -> VrrpInstance {
    config("4", "")
}

fn vector(family: &str) -> (Vec<u8>, (&'static str, &'static str)) {
    if family == "4" {
        (bytes(VECTOR_V4), V4)
    } else {
        let mut message = bytes(VECTOR_V6);
        sum_again(&mut message, V6.0, V6.1);
        (message, V6)
    }
}

fn now() -> WallClock {
    at(SECONDS, 0x8000)
}

fn open(
    wire: &mut Wire,
    config: &VrrpInstance,
    from: (&str, &str),
    message: &[u8],
    clock: WallClock,
) -> &'static str {
    let opened = wire.open(config, &plain(from.0, from.1, message), clock);
    opened.map_or_else(|refusal| refusal.name(), |_| "ok")
}

#[test]
fn the_vectors_are_read_and_made_again() {
    for family in ["4", "6"] {
        let mut config = config(family, "");
        config.adverts.v3_checksum_as_v2 = true;
        let (message, from) = vector(family);
        assert_eq!(
            open(&mut wire(&config), &config, from, &message, now()),
            "ok"
        );
        let advert = Advertisement::of(&config, 200);
        let packets = wire(&config).seal(&config, &advert, ip(from.0), now());
        assert_eq!(packets.len(), 1);
        assert_eq!(packets[0].bytes, message, "IPv{family}");
    }
}

#[test]
fn a_vector_with_anything_changed_is_refused_by_name() {
    type Change = fn(&mut Vec<u8>);
    let rows: &[(&str, Change, &str)] = &[
        ("as it is", |_| {}, "ok"),
        ("its priority", |m| m[2] = 201, "auth_ext_invalid_hmac"),
        ("its VRID", |m| m[1] = 52, "auth_ext_invalid_hmac"),
        ("its interval", |m| m[5] = 0x65, "auth_ext_invalid_hmac"),
        (
            "its reserved bits",
            |m| m[4] |= 0x10,
            "auth_ext_invalid_hmac",
        ),
        ("its address", |m| m[8] ^= 1, "auth_ext_invalid_hmac"),
        ("its checksum", |m| m[7] ^= 1, "chk_err"),
        (
            "the type of its trailer",
            |m| {
                let at = m.len() - 28;
                m[at] = 2;
            },
            "auth_ext_malformed",
        ),
        (
            "key 0",
            |m| {
                let at = m.len() - 27;
                m[at] = 0;
            },
            "auth_ext_malformed",
        ),
        (
            "another key",
            |m| {
                let at = m.len() - 27;
                m[at] = 9;
            },
            "auth_ext_unknown_key",
        ),
        (
            "the reserved byte",
            |m| {
                let at = m.len() - 26;
                m[at] = 1;
            },
            "auth_ext_malformed",
        ),
        (
            "the other one",
            |m| {
                let at = m.len() - 25;
                m[at] = 1;
            },
            "auth_ext_malformed",
        ),
        (
            "its second",
            |m| {
                let at = m.len() - 21;
                m[at] ^= 1;
            },
            "auth_ext_invalid_hmac",
        ),
        (
            "its hour",
            |m| {
                let at = m.len() - 23;
                m[at] ^= 1;
            },
            "auth_ext_stale",
        ),
        (
            "its fraction",
            |m| {
                let at = m.len() - 20;
                m[at] ^= 1;
            },
            "auth_ext_invalid_hmac",
        ),
        (
            "its counter",
            |m| {
                let at = m.len() - 17;
                m[at] ^= 1;
            },
            "auth_ext_invalid_hmac",
        ),
        (
            "the first bit of its HMAC",
            |m| {
                let at = m.len() - 16;
                m[at] ^= 0x80;
            },
            "auth_ext_invalid_hmac",
        ),
        (
            "the last bit of its HMAC",
            |m| {
                let at = m.len() - 1;
                m[at] ^= 1;
            },
            "auth_ext_invalid_hmac",
        ),
        ("a byte less", |m| m.truncate(m.len() - 1), "packet_len_err"),
        ("a byte more", |m| m.push(0), "packet_len_err"),
        (
            "no trailer",
            |m| m.truncate(m.len() - 28),
            "auth_ext_missing",
        ),
    ];
    for family in ["4", "6"] {
        let config = config(family, "");
        for (what, change, wanted) in rows {
            let (mut message, from) = vector(family);
            change(&mut message);
            if *wanted != "chk_err" && *wanted != "packet_len_err" {
                sum_again(&mut message, from.0, from.1);
            }
            let found = open(&mut wire(&config), &config, from, &message, now());
            assert_eq!(found, *wanted, "IPv{family}, {what}");
        }
        let (mut message, from) = vector(family);
        let other = if family == "4" {
            "198.51.100.11"
        } else {
            "fe80::11"
        };
        sum_again(&mut message, other, from.1);
        let found = open(
            &mut wire(&config),
            &config,
            (other, from.1),
            &message,
            now(),
        );
        assert_eq!(
            found, "auth_ext_invalid_hmac",
            "IPv{family}, another source"
        );
    }
}

#[test]
fn an_advert_counts_within_the_window_and_only_once() {
    let config = v4();
    let (message, from) = vector("4");
    for (offset, wanted) in [
        (-6, "auth_ext_stale"),
        (-5, "ok"),
        (5, "ok"),
        (6, "auth_ext_stale"),
    ] {
        let clock = at(SECONDS.saturating_add_signed(offset), 0);
        let mut wire = wire(&config);
        assert_eq!(
            open(&mut wire, &config, from, &message, clock),
            wanted,
            "{offset}"
        );
        if wanted == "ok" {
            assert_eq!(
                open(&mut wire, &config, from, &message, clock),
                "auth_ext_replay"
            );
        }
    }
    let skewed = wire(&config).open(
        &config,
        &plain(from.0, from.1, &message),
        at(SECONDS - 3, 0),
    );
    assert_eq!(skewed.unwrap().remark, Some(Remark::ClockSkew(3)));
    let aligned = wire(&config).open(
        &config,
        &plain(from.0, from.1, &message),
        at(SECONDS - 2, 0),
    );
    assert_eq!(aligned.unwrap().remark, None);
}

/// Seals with one wire and opens with another.
fn send(
    from: &mut Wire,
    to: &mut Wire,
    config: &VrrpInstance,
    source: &str,
    clock: WallClock,
) -> &'static str {
    let advert = Advertisement::of(config, 200);
    let packet = from.seal(config, &advert, ip(source), clock)[0].clone();
    open(to, config, (source, "224.0.0.18"), &packet.bytes, clock)
}

#[test]
fn numbers_grow_even_when_the_clock_stands_still_or_is_set_back() {
    let config = v4();
    let (mut ours, mut theirs) = (wire(&config), wire(&config));
    for clock in [
        now(),
        now(),
        at(SECONDS, 0),
        at(SECONDS - 2, 0),
        at(SECONDS + 1, 0),
    ] {
        assert_eq!(
            send(&mut ours, &mut theirs, &config, V4.0, clock),
            "ok",
            "{clock:?}"
        );
    }
    // Set back by more than the window both sides begin again.
    assert_eq!(
        send(&mut ours, &mut theirs, &config, V4.0, at(SECONDS - 100, 0)),
        "ok"
    );
}

#[test]
fn without_time_only_the_order_counts() {
    let config = config("4", "anti_replay monotonic");
    let (mut ours, mut theirs) = (wire(&config), wire(&config));
    assert_eq!(send(&mut ours, &mut theirs, &config, V4.0, now()), "ok");
    // The clocks may differ by any time.
    let (message, from) = vector("4");
    assert_eq!(
        open(&mut wire(&config), &config, from, &message, at(7, 0)),
        "ok"
    );
    assert_eq!(
        open(&mut theirs, &config, from, &message, at(7, 0)),
        "auth_ext_replay"
    );
    // A sender whose clock is set back counts on; one that also forgot is locked out.
    assert_eq!(send(&mut ours, &mut theirs, &config, V4.0, at(7, 0)), "ok");
    assert_eq!(
        send(&mut wire(&config), &mut theirs, &config, V4.0, at(7, 0)),
        "auth_ext_replay"
    );
}

#[test]
fn four_senders_of_a_segment_are_remembered_and_every_peer() {
    let config = v4();
    let mut theirs = wire(&config);
    let sources = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"];
    let advert = Advertisement::of(&config, 200);
    let packets: Vec<Vec<u8>> = sources
        .iter()
        .map(|source| {
            wire(&config).seal(&config, &advert, ip(source), now())[0]
                .bytes
                .clone()
        })
        .collect();
    let mut hear = |at: usize| {
        open(
            &mut theirs,
            &config,
            (sources[at], "224.0.0.18"),
            &packets[at],
            now(),
        )
    };
    for at in 0..4 {
        assert_eq!(hear(at), "ok");
    }
    assert_eq!(hear(0), "auth_ext_replay");
    assert_eq!(hear(4), "ok");
    // The first made room for the fifth.
    assert_eq!(hear(1), "auth_ext_replay");
    assert_eq!(hear(0), "ok");

    let peers = sources.join(";");
    let config = VrrpInstance {
        adverts: instance(&format!(
            "version 3;unicast_peer {{;{peers};}};virtual_ipaddress {{;192.0.2.100;}}"
        ))
        .adverts,
        ..config
    };
    let mut theirs = wire(&config);
    for round in ["ok", "auth_ext_replay"] {
        for source in sources {
            let mut ours = wire(&config);
            let packets = ours.seal(&config, &advert, ip("10.0.0.9"), now());
            assert_eq!(packets.len(), 5);
            let mut message = wire(&config).seal(&config, &advert, ip(source), now())[0]
                .bytes
                .clone();
            sum_again(&mut message, source, "10.0.0.9");
            assert_eq!(
                open(&mut theirs, &config, (source, "10.0.0.9"), &message, now()),
                round
            );
        }
    }
    let mut stranger = wire(&config).seal(&config, &advert, ip("10.0.0.77"), now())[0]
        .bytes
        .clone();
    sum_again(&mut stranger, "10.0.0.77", "10.0.0.9");
    assert_eq!(
        open(
            &mut theirs,
            &config,
            ("10.0.0.77", "10.0.0.9"),
            &stranger,
            now()
        ),
        "unicast_src_err"
    );
}

#[test]
fn modes_decide_what_becomes_of_adverts_without_a_trailer_and_of_ours() {
    let (signed, from) = vector("4");
    let plain_advert = &signed[..12];
    let mut forged = signed.clone();
    forged[39] ^= 1;
    for (mode, missing, sends) in [
        ("enforce", "auth_ext_missing", 40),
        ("permissive", "ok", 40),
        ("receive-only", "ok", 12),
    ] {
        let config = config("4", &format!("mode {mode}"));
        let mut wire = wire(&config);
        assert_eq!(
            open(&mut wire, &config, from, plain_advert, now()),
            missing,
            "{mode}"
        );
        assert_eq!(
            open(&mut wire, &config, from, &forged, now()),
            "auth_ext_invalid_hmac",
            "{mode}"
        );
        assert_eq!(
            open(&mut wire, &config, from, &signed, now()),
            "ok",
            "{mode}"
        );
        let sent = wire.seal(&config, &Advertisement::of(&config, 200), ip(V4.0), now());
        assert_eq!(sent[0].bytes.len(), sends, "{mode}");
    }
    let config = config("4", "mode permissive");
    let opened = wire(&config).open(&config, &plain(from.0, from.1, plain_advert), now());
    assert_eq!(
        opened.unwrap().remark.and_then(Remark::counter),
        Some("auth_ext_missing")
    );
}

#[test]
fn keys_rotate_without_a_gap() {
    let two = |active: u8| {
        instance(&format!(
            "version 3;auth_hmac {{;key 1 0123456789abcdef0123456789abcdef;key 2 fedcba9876543210fedcba9876543210;active_key {active};}};virtual_ipaddress {{;192.0.2.100;}}"
        ))
    };
    let (old, new) = (two(1), two(2));
    let (mut ours, mut theirs) = (wire(&old), wire(&old));
    assert_eq!(send(&mut ours, &mut theirs, &old, V4.0, now()), "ok");
    ours.configure(&new, keys_of(&new));
    assert_eq!(send(&mut ours, &mut theirs, &new, V4.0, now()), "ok");
    theirs.configure(&new, keys_of(&new));
    let (message, from) = vector("4");
    // What was heard before the change is not heard again after it.
    assert_ne!(open(&mut theirs, &new, from, &message, now()), "ok");
    assert_eq!(
        send(&mut wire(&old), &mut theirs, &old, V4.0, at(SECONDS + 1, 0)),
        "ok"
    );
}

#[test]
fn nothing_leaves_unsigned_for_want_of_a_key() {
    let advert = Advertisement::of(&v4(), 200);
    for (mode, packets) in [("enforce", 0), ("permissive", 0), ("receive-only", 1)] {
        let config = config("4", &format!("mode {mode}"));
        let mut wire = Wire::new(&config, Keys::new());
        let sent = wire.seal(&config, &advert, ip(V4.0), now());
        assert_eq!(sent.len(), packets, "{mode}");
    }
}

#[test]
fn version_2_carries_a_trailer_too() {
    let config = VrrpInstance {
        version: Version::V2,
        ..v4()
    };
    let (mut ours, mut theirs) = (wire(&config), wire(&config));
    assert_eq!(send(&mut ours, &mut theirs, &config, V4.0, now()), "ok");
    let packet = ours.seal(&config, &Advertisement::of(&config, 200), ip(V4.0), now());
    assert_eq!(packet[0].bytes.len(), 8 + 4 + 8 + 28);
}

#[test]
fn who_has_no_hmac_refuses_adverts_with_one_as_too_long() {
    let config = VrrpInstance { hmac: None, ..v4() };
    let (message, from) = vector("4");
    assert_eq!(
        open(&mut wire(&config), &config, from, &message, now()),
        "packet_len_err"
    );
}

#[test]
fn a_key_is_text_or_digits_of_32_to_64_bytes_and_never_shown() {
    let rows: &[(&str, Result<usize, KeyError>)] = &[
        ("0123456789abcdef0123456789abcdef", Ok(32)),
        ("0123456789abcdef0123456789abcde", Err(KeyError::Length(31))),
        ("hex:00", Err(KeyError::Length(1))),
        ("hex:0", Err(KeyError::Digits)),
        ("hex:0g", Err(KeyError::Digits)),
    ];
    for (text, wanted) in rows {
        let key = Key::parse(text.as_bytes());
        assert_eq!(
            key.as_ref().map(|key| key.bytes().len()).map_err(|e| *e),
            *wanted,
            "{text}"
        );
        if let Ok(key) = key {
            assert_eq!(format!("{key:?}"), "Key(…)");
        }
    }
}
