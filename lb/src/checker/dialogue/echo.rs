//! `PING_CHECK`: an echo request and its reply (RFC 792, RFC 4443 §4).

use std::net::IpAddr;

use lb_common::checksum::Sum;

/// What the request carries.
const PAYLOAD: &[u8; 16] = b"lb health check ";
/// Type, code, checksum, identifier, sequence number.
const HEADER: usize = 8;
const ECHO_REQUEST: [u8; 2] = [8, 128];
const ECHO_REPLY: [u8; 2] = [0, 129];

/// The request, with its checksum for IPv4; that of IPv6, which is over addresses too, is the kernel's.
#[must_use]
pub fn request(target: IpAddr, identifier: u16, sequence: u16) -> Vec<u8> {
    let is_v6 = usize::from(target.is_ipv6());
    let mut packet = vec![ECHO_REQUEST[is_v6], 0, 0, 0];
    packet.extend(identifier.to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend(PAYLOAD);
    if target.is_ipv4() {
        let words = packet.as_chunks::<2>().0.iter();
        let sum = words.fold(Sum::new(), |sum, word| sum.add16(*word));
        packet[2..4].copy_from_slice(&sum.checksum());
    }
    packet
}

/// Whether bytes from a raw socket answer the request: IPv4 gives the IP header too.
#[must_use]
pub fn is_reply(bytes: &[u8], target: IpAddr, identifier: u16, sequence: u16) -> bool {
    let header = match (target, bytes.first()) {
        (IpAddr::V4(_), Some(first)) => usize::from(first & 0x0f) * 4,
        _ => 0,
    };
    let message = bytes.get(header..).unwrap_or_default();
    let Some(message) = message.get(..HEADER) else {
        return false;
    };
    let expected = [identifier.to_be_bytes(), sequence.to_be_bytes()].concat();
    message[0] == ECHO_REPLY[usize::from(target.is_ipv6())] && message[4..] == expected
}
