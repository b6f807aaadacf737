//! The authentication header, against packets of Debian's keepalived 2.2.7 with `auth_type AH` and `auth_pass s3cret`.

use super::*;

/// IPv4 header, then payload; VRID 53, address 192.0.2.13, the first two adverts.
const FIRST: (&str, &str) = (
    "45c0004000010000ff3318b6c0000201e0000012",
    "70040000c000020100000001 9011caa4929c08c9154b01a6 213564010201b6ba c000020d 0000000000000000",
);
const SECOND: (&str, &str) = (
    "45c0004000020000ff3318b5c0000201e0000012",
    "70040000c000020100000002 1d9b9ac894c0a9d1be1564f0 213564010201b6ba c000020d 0000000000000000",
);
/// VRID 61, address 192.0.2.21, to the second of two peers.
const UNICAST: (&str, &str) = (
    "45c0004000010000ff3336c4c0000201c0000204",
    "70040000c000020100000001 bd24ddba26643f4a37b0a93b 213d64010201b6aa c0000215 0000000000000000",
);

const AH: &str =
    "authentication {;auth_type AH;auth_pass s3cret;};virtual_ipaddress {;192.0.2.13/24;}";

fn multicast() -> VrrpInstance {
    VrrpInstance {
        vrid: 53.try_into().unwrap(),
        ..instance(AH)
    }
}

fn unicast() -> VrrpInstance {
    let lines = AH.replace(".13", ".21") + ";unicast_peer {;192.0.2.3;192.0.2.4;}";
    VrrpInstance {
        vrid: 61.try_into().unwrap(),
        ..instance(&lines)
    }
}

fn open(wire: &mut Wire, config: &VrrpInstance, header: &[u8], payload: &[u8]) -> &'static str {
    let address =
        |at: usize| IpAddr::from([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let packet = Incoming {
        source: address(12),
        destination: address(16),
        ttl: header[8],
        carrier: Carrier::Header,
        header,
        payload,
    };
    assert_eq!(packet.vrid(), Some(config.vrid.get()));
    let opened = wire.open(config, &packet, at(1, 0));
    opened.map_or_else(|refusal| refusal.name(), |_| "ok")
}

fn open_text(wire: &mut Wire, config: &VrrpInstance, packet: (&str, &str)) -> &'static str {
    open(wire, config, &bytes(packet.0), &bytes(packet.1))
}

#[test]
fn what_keepalived_proves_is_taken_once_and_in_order() {
    let config = multicast();
    let mut wire = wire(&config);
    for (packet, wanted) in [
        (FIRST, "ok"),
        (FIRST, "auth_failure"),
        (SECOND, "ok"),
        (FIRST, "auth_failure"),
    ] {
        assert_eq!(open_text(&mut wire, &config, packet), wanted, "{packet:?}");
    }
    let config = unicast();
    let mut wire = super::wire(&config);
    assert_eq!(open_text(&mut wire, &config, UNICAST), "ok");
}

#[test]
fn we_prove_as_keepalived_does() {
    for (config, (header, payload)) in [(multicast(), FIRST), (unicast(), UNICAST)] {
        let advert = Advertisement::of(&config, 100);
        // Where no number was heard, it is the time.
        let packets = wire(&config).seal(&config, &advert, ip("192.0.2.1"), at(1, 0));
        let mut wanted = [bytes(header), bytes(payload)].concat();
        wanted[10..12].fill(0);
        let last = packets.last().unwrap();
        let mut ours = last.bytes.clone();
        // keepalived gives both peers one identification; ours are distinct, and the proof covers them.
        if packets.len() > 1 {
            assert_eq!(ours[..4], wanted[..4]);
            assert_eq!(ours[12..32], wanted[12..32]);
            assert_eq!(ours[44..], wanted[44..]);
            continue;
        }
        ours[10..12].fill(0);
        assert_eq!(ours, wanted);
    }
}

#[test]
fn every_bit_but_those_that_routers_change_is_covered() {
    let config = multicast();
    let (header, payload) = (bytes(FIRST.0), bytes(FIRST.1));
    for at in 0..header.len() + payload.len() {
        let (mut header, mut payload) = (header.clone(), payload.clone());
        match at.checked_sub(header.len()) {
            Some(at) => payload[at] ^= 1,
            None => header[at] ^= 1,
        }
        let packet = Incoming {
            source: ip("192.0.2.1"),
            destination: ip("224.0.0.18"),
            ttl: 255,
            carrier: Carrier::Header,
            header: &header,
            payload: &payload,
        };
        let opened = wire(&config).open(&config, &packet, super::at(1, 0));
        // Type of service, flags and offset, checksum; reserved is covered, and so is the TTL of multicast.
        let mutable = matches!(at, 1 | 6 | 7 | 10 | 11);
        assert_eq!(opened.is_ok(), mutable, "byte {at}: {opened:?}");
    }
}

#[test]
fn a_backup_that_takes_over_counts_on_from_what_it_heard() {
    let config = multicast();
    let mut ours = wire(&config);
    assert_eq!(open_text(&mut ours, &config, SECOND), "ok");
    let advert = Advertisement::of(&config, 100);
    let packet = ours.seal(&config, &advert, ip("192.0.2.9"), at(1_700_000_000, 0));
    assert_eq!(packet[0].bytes[28..32], [0, 0, 0, 3]);
    let mut theirs = wire(&config);
    assert_eq!(open_text(&mut theirs, &config, SECOND), "ok");
    let (header, payload) = packet[0].bytes.split_at(20);
    assert_eq!(open(&mut theirs, &config, header, payload), "ok");
}

#[test]
fn a_header_where_none_is_configured_and_none_where_one_is_do_not_count() {
    let config = multicast();
    let advert = bytes(FIRST.1)[24..].to_vec();
    let packet = plain("192.0.2.1", "224.0.0.18", &advert);
    let opened = wire(&config).open(&config, &packet, at(1, 0));
    assert_eq!(opened, Err(Refusal::AuthenticationMismatch));
    let config = VrrpInstance {
        authentication: None,
        ..config
    };
    assert_eq!(
        open_text(&mut wire(&config), &config, FIRST),
        "authtype_mismatch"
    );
}
