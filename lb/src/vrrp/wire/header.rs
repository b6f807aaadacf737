//! The authentication header of version 2: HMAC-MD5-96 (RFC 2338 §5.3.6.3, RFC 2402, RFC 2403).
//!
//! ```text
//! +---------------+---------------+-------------------------------+
//! | next (112)    | length (4)    |           reserved            |
//! +---------------+---------------+-------------------------------+
//! |            SPI: the source address of the packet              |
//! +---------------------------------------------------------------+
//! |                       sequence number                         |
//! +---------------------------------------------------------------+
//! |                 HMAC-MD5, its first 12 bytes                   |
//! +---------------------------------------------------------------+
//! ```
//!
//! The HMAC covers the IPv4 header with its mutable fields zero, this header with its HMAC zero, and the advert. Of the
//! mutable fields keepalived covers the TTL of multicast, which is always 255. All routers of a VRID count on from the
//! highest number heard, so that a BACKUP that takes over is believed at once.

use std::net::{IpAddr, Ipv4Addr};

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::{Incoming, Refusal, WallClock};
use crate::{
    config::model::vrrp::size,
    vrrp::advert::{PROTOCOL, PROTOCOL_AH, TRAFFIC_CLASS},
};

/// Bytes of the header.
pub(super) const LENGTH: usize = size::AUTHENTICATION_HEADER_LEN;
const TAG: std::ops::Range<usize> = 12..LENGTH;
/// Length in words of four bytes, less two (RFC 2402 §2.2).
const LENGTH_FIELD: u8 = 4;
const IP_HEADER: usize = 20;

/// What an instance remembers of authentication headers.
#[derive(Debug)]
pub(super) struct Header {
    key: [u8; 8],
    /// The highest number sent or heard.
    sequence: Option<u32>,
    /// Of the IPv4 packet sent last; the HMAC covers it, so the kernel may not choose it.
    identification: u16,
}

impl Header {
    pub(super) const fn new(key: [u8; 8]) -> Self {
        Self {
            key,
            sequence: None,
            identification: 0,
        }
    }

    /// Takes a changed password, and keeps the numbers.
    pub(super) const fn adopt(&mut self, new: &Self) {
        self.key = new.key;
    }

    /// Takes the next number. Where none was heard it is the time, which is above all that an earlier process sent.
    pub(super) fn begin(&mut self, clock: WallClock) {
        let next = self
            .sequence
            .map_or_else(|| clock.seconds(), |last| last.wrapping_add(1));
        self.sequence = Some(next);
    }

    /// The whole packet of an advert with the number taken last; nothing over IPv6.
    pub(super) fn seal(
        &mut self,
        advert: &[u8],
        source: IpAddr,
        destination: IpAddr,
        ttl: u8,
    ) -> Vec<u8> {
        let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) else {
            return Vec::new();
        };
        // The kernel would fill in an identification of zero.
        self.identification = self.identification.checked_add(1).unwrap_or(1);
        let mut packet = self.ip_header(advert.len(), source, destination, ttl);
        let mut header = [0; LENGTH];
        header[0] = PROTOCOL;
        header[1] = LENGTH_FIELD;
        header[4..8].copy_from_slice(&source.octets());
        header[8..TAG.start].copy_from_slice(&self.sequence.unwrap_or_default().to_be_bytes());
        if let Some(mac) = mac(&self.key, &packet, &header, advert) {
            let tag = mac.finalize().into_bytes();
            for (byte, given) in header[TAG].iter_mut().zip(tag) {
                *byte = given;
            }
        }
        packet.extend(header);
        packet.extend(advert);
        packet
    }

    /// The checksum stays zero: the kernel fills it in.
    fn ip_header(
        &self,
        advert: usize,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        ttl: u8,
    ) -> Vec<u8> {
        let total = u16::try_from(IP_HEADER + LENGTH + advert).unwrap_or(u16::MAX);
        let mut header = vec![0x45, TRAFFIC_CLASS];
        header.extend(total.to_be_bytes());
        header.extend(self.identification.to_be_bytes());
        header.extend([0, 0, ttl, PROTOCOL_AH, 0, 0]);
        header.extend(source.octets());
        header.extend(destination.octets());
        header
    }

    /// Judges the header before an advert, and remembers its number.
    ///
    /// # Errors
    /// When it does not prove that the advert is new and from one of us.
    pub(super) fn verify(&mut self, packet: &Incoming<'_>) -> Result<(), Refusal> {
        let (header, advert) = packet
            .payload
            .split_first_chunk::<LENGTH>()
            .ok_or(Refusal::AuthenticationFailure)?;
        let [next, length, _, _, s0, s1, s2, s3, n0, n1, n2, n3, tag @ ..] = *header;
        let spi = Ipv4Addr::new(s0, s1, s2, s3);
        if next != PROTOCOL || length != LENGTH_FIELD || packet.source != spi {
            return Err(Refusal::AuthenticationFailure);
        }
        mac(&self.key, packet.header, header, advert)
            .ok_or(Refusal::AuthenticationFailure)?
            .verify_truncated_left(&tag)
            .map_err(|_| Refusal::AuthenticationFailure)?;
        let sequence = u32::from_be_bytes([n0, n1, n2, n3]);
        let is_new = |last: u32| sequence.wrapping_sub(last).cast_signed() > 0;
        if !self.sequence.is_none_or(is_new) {
            return Err(Refusal::HeaderReplay(sequence));
        }
        self.sequence = Some(sequence);
        Ok(())
    }
}

/// Feeds everything that the HMAC covers; `None` for an IPv4 header with options, which nobody sends.
fn mac(key: &[u8], ip_header: &[u8], header: &[u8; LENGTH], advert: &[u8]) -> Option<Hmac<Md5>> {
    let mut covered: [u8; IP_HEADER] = ip_header.try_into().ok()?;
    let is_multicast =
        Ipv4Addr::new(covered[16], covered[17], covered[18], covered[19]).is_multicast();
    let ttl = covered[8];
    covered[1] = 0;
    covered[6..9].fill(0);
    covered[10..12].fill(0);
    if is_multicast {
        covered[8] = ttl;
    }
    let mut mac = Hmac::<Md5>::new_from_slice(key).ok()?;
    mac.update(&covered);
    mac.update(header.get(..TAG.start)?);
    mac.update(&[0; TAG.end - TAG.start]);
    mac.update(advert);
    Some(mac)
}
