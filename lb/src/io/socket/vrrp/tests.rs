use std::net::IpAddr;

use super::receive::strip_ipv4;
use crate::{
    config::model::{Family, vrrp::Adverts},
    vrrp::wire::Carrier,
};

/// IPv4 header (length in words, total length), then `payload`.
fn packet(words: u8, total: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x40 | words, 0xc0];
    bytes.extend(total.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 255, 112, 0, 0, 192, 0, 2, 1, 224, 0, 0, 18]);
    bytes.resize(usize::from(words).max(5) * 4, 0);
    bytes.extend(payload);
    bytes
}

#[test]
fn the_payload_starts_after_the_options_and_ends_with_the_total_length() {
    type Row = (u8, u16, &'static [u8], Option<&'static [u8]>);
    let table: [Row; 6] = [
        (5, 23, &[1, 2, 3], Some(&[1, 2, 3])),
        (6, 27, &[1, 2, 3], Some(&[1, 2, 3])),
        (5, 22, &[1, 2, 3], Some(&[1, 2])),
        (5, 99, &[1, 2, 3], Some(&[1, 2, 3])),
        (15, 23, &[1, 2, 3], None),
        (5, 3, &[1, 2, 3], None),
    ];
    for (words, total, payload, wanted) in table {
        let stripped = strip_ipv4(&packet(words, total, payload), Carrier::Plain);
        assert_eq!(
            stripped.as_ref().map(|d| d.packet().payload),
            wanted,
            "{words} {total}"
        );
        if let Some(datagram) = stripped {
            assert_eq!(datagram.ttl, 255);
            assert_eq!(datagram.packet().header.len(), usize::from(words) * 4);
            assert_eq!(datagram.source, IpAddr::from([192, 0, 2, 1]));
            assert_eq!(datagram.destination, Adverts::group(Family::V4));
        }
    }
}

#[test]
fn a_datagram_shorter_than_a_header_is_nothing() {
    assert_eq!(strip_ipv4(&[0x45; 19], Carrier::Plain), None);
}
