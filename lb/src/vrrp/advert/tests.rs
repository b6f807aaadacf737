//! Adverts: bytes and values.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

pub(in crate::vrrp) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// `text` is hexadecimal with blanks anywhere.
pub(in crate::vrrp) fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

struct Golden {
    what: &'static str,
    bytes: &'static str,
    source: &'static str,
    form: ChecksumForm,
    ignored: [u8; 8],
    shown: &'static str,
}

/// Checksums computed by an independent implementation.
const GOLDEN: &[Golden] = &[
    Golden {
        what: "v2 as keepalived sends it",
        bytes: "21336401 0001ba20 c0a80001 00000000 00000000",
        source: "192.168.0.30",
        form: ChecksumForm::MessageOnly,
        ignored: [0; 8],
        shown: "VRRPv2, Advertisement, vrid 51, prio 100, authtype none, intvl 1s, addrs: 192.168.0.1",
    },
    Golden {
        what: "v3 over IPv4 with a pseudo header, as keepalived sends it",
        bytes: "31336401 00640868 c0a80001",
        source: "192.168.0.30",
        form: ChecksumForm::PseudoHeader,
        ignored: [0; 8],
        shown: "VRRPv3, Advertisement, vrid 51, prio 100, intvl 100cs, addrs: 192.168.0.1",
    },
    Golden {
        what: "v3 over IPv4 without, as FRR sends it",
        bytes: "31336401 0064a9bd c0a80001",
        source: "192.168.0.30",
        form: ChecksumForm::MessageOnly,
        ignored: [0; 8],
        shown: "VRRPv3, Advertisement, vrid 51, prio 100, intvl 100cs, addrs: 192.168.0.1",
    },
    Golden {
        what: "priority 0 and the longest interval",
        bytes: "31010002 0fffc05e 0a000001 0a000002",
        source: "10.0.0.9",
        form: ChecksumForm::PseudoHeader,
        ignored: [0; 8],
        shown: "VRRPv3, Advertisement, vrid 1, prio 0, intvl 4095cs, addrs(2): 10.0.0.1,10.0.0.2",
    },
    Golden {
        what: "v3 over IPv6 and the shortest interval",
        bytes: "3107ff02 0001a588 fe800000 00000000 00000000 00000001 20010db8 00000000 00000000 00000001",
        source: "fe80::2",
        form: ChecksumForm::PseudoHeader,
        ignored: [0; 8],
        shown: "VRRPv3, Advertisement, vrid 7, prio 255, intvl 1cs, addrs(2): fe80::1,2001:db8::1",
    },
    Golden {
        what: "v2 over IPv6, which keepalived speaks though no RFC has it",
        bytes: "2107fe01 00ffe34d fe800000 00000000 00000000 00000001 00000000 00000000",
        source: "fe80::2",
        form: ChecksumForm::PseudoHeader,
        ignored: [0; 8],
        shown: "VRRPv2, Advertisement, vrid 7, prio 254, authtype none, intvl 255s, addrs: fe80::1",
    },
    Golden {
        what: "no address at all (keepalived with excluded addresses only)",
        bytes: "31096400 00647ffe",
        source: "10.0.0.9",
        form: ChecksumForm::PseudoHeader,
        ignored: [0; 8],
        shown: "VRRPv3, Advertisement, vrid 9, prio 100, intvl 100cs, addrs(0): ",
    },
    Golden {
        what: "reserved bits, which are not ours to judge",
        bytes: "31096401 a064c08f 0a000001",
        source: "10.0.0.9",
        form: ChecksumForm::MessageOnly,
        ignored: [0xa0, 0, 0, 0, 0, 0, 0, 0],
        shown: "VRRPv3, Advertisement, vrid 9, prio 100, intvl 100cs, addrs: 10.0.0.1",
    },
    Golden {
        what: "authentication data without an authentication type",
        bytes: "21096401 0001d354 0a000001 deadbeef 00000001",
        source: "10.0.0.9",
        form: ChecksumForm::MessageOnly,
        ignored: [0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 1],
        shown: "VRRPv2, Advertisement, vrid 9, prio 100, authtype none, intvl 1s, addrs: 10.0.0.1",
    },
];

#[test]
fn golden_bytes_are_read_and_made_again() {
    for golden in GOLDEN {
        let (wire, source) = (bytes(golden.bytes), ip(golden.source));
        let destination = Adverts::group(Family::of(source));
        let advert = Advertisement::parse(&wire, source, destination)
            .unwrap_or_else(|error| panic!("{}: {error}", golden.what));
        assert_eq!(advert.to_string(), golden.shown, "{}", golden.what);
        assert_eq!(advert.checksum, golden.form, "{}", golden.what);
        assert_eq!(advert.ignored, golden.ignored, "{}", golden.what);
        assert_eq!(advert.emit(source, destination), wire, "{}", golden.what);
    }
}

#[test]
fn ethernet_padding_behind_an_advert_is_passed_over() {
    let mut padded = bytes(GOLDEN[1].bytes);
    let (source, group) = (ip("192.168.0.30"), Adverts::group(Family::V4));
    let plain = Advertisement::parse(&padded, source, group).unwrap();
    padded.extend([0; 14]);
    let advert = Advertisement::parse(&padded, source, group).unwrap();
    assert_eq!(advert, plain);
}

#[test]
fn what_is_no_advert_is_refused_by_name() {
    let source = "192.168.0.30";
    let cases = [
        ("", source, "224.0.0.18", "packet_len_err"),
        ("3133", source, "224.0.0.18", "packet_len_err"),
        // One address announced, none there; in v2 no authentication data.
        ("31336401 0064a9bd", source, "224.0.0.18", "packet_len_err"),
        (
            "21336401 0001ba20 c0a80001",
            source,
            "224.0.0.18",
            "packet_len_err",
        ),
        (
            "11336401 0001ba20 c0a80001",
            source,
            "224.0.0.18",
            "vers_err",
        ),
        (
            "41336401 0001ba20 c0a80001",
            source,
            "224.0.0.18",
            "vers_err",
        ),
        (
            "32336401 0064a9bd c0a80001",
            source,
            "224.0.0.18",
            "invalid_type_rcvd",
        ),
        (
            "31006401 0064a9bd c0a80001",
            source,
            "224.0.0.18",
            "vrid_err",
        ),
        (
            "21336401 0301ba20 c0a80001 31323334 00000000",
            source,
            "224.0.0.18",
            "invalid_authtype",
        ),
        (
            "31336401 0000a9bd c0a80001",
            source,
            "224.0.0.18",
            "advert_interval_err",
        ),
        (
            "31336401 0064a9be c0a80001",
            source,
            "224.0.0.18",
            "chk_err",
        ),
        (
            "21336401 0001ba21 c0a80001 00000000 00000000",
            source,
            "224.0.0.18",
            "chk_err",
        ),
        ("31096400 00647ffe", source, "ff02::12", "chk_err"),
    ];
    for (wire, source, destination, name) in cases {
        let error = Advertisement::parse(&bytes(wire), ip(source), ip(destination)).unwrap_err();
        assert_eq!(error.reason.name(), name, "{wire}: {error}");
        assert_eq!(error.vrid, bytes(wire).get(1).copied(), "{wire}");
    }
}

#[test]
fn an_advert_of_ours_has_the_configured_addresses_of_its_family_in_their_order() {
    let line = |text: &str| crate::config::model::VirtualAddress {
        address: ip(text),
        prefix: 32.try_into().unwrap(),
        interface: "eth0".to_owned().try_into().unwrap(),
    };
    let interface = "eth0".to_owned().try_into().unwrap();
    let config = VrrpInstance {
        version: Version::V3,
        addresses: vec![line("10.0.0.2"), line("fe80::1"), line("10.0.0.1")],
        ..VrrpInstance::new("VI_1", interface, 51.try_into().unwrap(), Family::V4)
    };
    assert_eq!(
        Advertisement::of(&config, 0).to_string(),
        "VRRPv3, Advertisement, vrid 51, prio 0, intvl 100cs, addrs(2): 10.0.0.2,10.0.0.1"
    );
}

fn endpoints() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<Ipv4Addr>().prop_map(IpAddr::from),
        any::<Ipv6Addr>().prop_map(IpAddr::from),
    ]
}

/// Any advert the wire can say, with an address to send it from.
fn adverts() -> impl Strategy<Value = (Advertisement, IpAddr)> {
    let addresses = prop::collection::vec(any::<u128>(), 0..=255);
    (
        (
            any::<bool>(),
            1..=255_i64,
            any::<u8>(),
            1..=4095_u64,
            any::<u8>(),
        ),
        (endpoints(), addresses, any::<bool>(), any::<[u8; 8]>()),
    )
        .prop_map(
            |((v2, vrid, priority, interval, auth_type), (source, addresses, pseudo, ignored))| {
                let family = Family::of(source);
                let version = if v2 { Version::V2 } else { Version::V3 };
                let free = if pseudo {
                    ChecksumForm::PseudoHeader
                } else {
                    ChecksumForm::MessageOnly
                };
                let centiseconds = if v2 {
                    (interval % 255 + 1) * 100
                } else {
                    interval
                };
                let address = |bits: u128| match family {
                    #[expect(clippy::cast_possible_truncation, reason = "any address will do")]
                    Family::V4 => IpAddr::from(Ipv4Addr::from_bits(bits as u32)),
                    Family::V6 => IpAddr::from(Ipv6Addr::from_bits(bits)),
                };
                let advert = Advertisement {
                    version,
                    vrid: Vrid::try_from(vrid).unwrap(),
                    priority,
                    interval: AdvertInterval::from_centiseconds(centiseconds).unwrap(),
                    addresses: addresses.into_iter().map(address).collect(),
                    checksum: fixed_form(version, family).unwrap_or(free),
                    auth_type: if v2 { auth_type % 3 } else { 0 },
                    ignored: if v2 {
                        ignored
                    } else {
                        [ignored[0] & 0xf0, 0, 0, 0, 0, 0, 0, 0]
                    },
                };
                (advert, source)
            },
        )
}

proptest! {
    #[test]
    fn parse_undoes_emit((advert, source) in adverts()) {
        let destination = Adverts::group(Family::of(source));
        let wire = advert.emit(source, destination);
        let again = Advertisement::parse(&wire, source, destination);
        prop_assert_eq!(again.as_ref(), Ok(&advert));
        // Two adverts between the same addresses are equal when their bytes are.
        prop_assert_eq!(again.unwrap().emit(source, destination), wire);
    }

    #[test]
    fn a_flipped_bit_is_another_advert_or_none(
        (advert, source) in adverts(), byte in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let destination = Adverts::group(Family::of(source));
        let mut wire = advert.emit(source, destination);
        wire[byte.index(advert.emit(source, destination).len())] ^= 1 << bit;
        prop_assert_ne!(Advertisement::parse(&wire, source, destination), Ok(advert));
    }

    #[test]
    fn parse_takes_any_bytes(
        wire in prop::collection::vec(any::<u8>(), 0..64), source in endpoints(), destination in endpoints(),
    ) {
        if let Ok(advert) = Advertisement::parse(&wire, source, destination) {
            prop_assert!(wire.starts_with(&advert.emit(source, destination)));
        }
    }

    #[test]
    fn parse_takes_headers_of_any_kind(
        head in prop::sample::select(vec![[0x21, 1], [0x31, 1]]),
        rest in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let wire = [&head[..], &rest].concat();
        let (source, group) = (ip("10.0.0.1"), Adverts::group(Family::V4));
        if let Ok(advert) = Advertisement::parse(&wire, source, group) {
            prop_assert!(wire.starts_with(&advert.emit(source, group)));
        }
    }
}
