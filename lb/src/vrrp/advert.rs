//! Adverts as values, and their wire form.
//!
//! ```text
//! VRRPv2 (RFC 3768 §5.1)                               VRRPv3 (RFC 9568 §5.1)
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------+-------+---------------+---------------+---------------+
//! |version| type  |     vrid      |   priority    |     count     |
//! +-------+-------+---------------+-------+-------+---------------+
//! |   auth type   |  interval, s  |       |  or: reserved (4 bits), interval in centiseconds (12 bits)
//! +---------------+---------------+-------------------------------+
//! |           checksum            |   count addresses, then in v2 eight bytes of authentication data
//! +-------------------------------+
//! ```

#[cfg(test)]
pub(super) mod tests;

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::config::model::{
    AdvertInterval, Family, Version, Vrid, VrrpInstance,
    vrrp::{
        Adverts, Authentication, Destination, OldChecksum, Unicast,
        size::{AUTHENTICATION_LEN, HEADER_LEN},
    },
};

/// IP protocol number of VRRP.
pub const PROTOCOL: u8 = 112;

/// The TTL or hop limit of every advert (RFC 9568 §5.1.1.3).
pub const TTL: u8 = 255;

/// The traffic class of every advert: internetwork control, as keepalived has it.
pub const TRAFFIC_CLASS: u8 = 0xc0;

/// IP protocol number of the authentication header (RFC 2402).
pub const PROTOCOL_AH: u8 = 51;

const TYPE_ADVERTISEMENT: u8 = 1;
/// RFC 2338 §5.3.6 knows types 0 to 2.
const AUTH_TYPE_MAX: u8 = 2;

/// One advert, v2 or v3.
///
/// Two adverts are equal exactly when their wire forms between the same two addresses are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advertisement {
    /// Protocol version.
    pub version: Version,
    /// Virtual router.
    pub vrid: Vrid,
    /// Priority; 0 says that the master stops (RFC 9568 §5.2.4).
    pub priority: u8,
    /// Interval of the sender. On the wire whole seconds up to 255 (v2), centiseconds up to 4095 (v3).
    pub interval: AdvertInterval,
    /// Virtual addresses in wire order, all of one family.
    pub addresses: Vec<IpAddr>,
    /// What the checksum covers.
    pub checksum: ChecksumForm,
    /// Authentication type (v2): 0 none, 1 password, 2 header (RFC 2338 §5.3.6); 0 in v3.
    pub auth_type: u8,
    /// Bits that say nothing of an election, kept so that the wire form can be made again: the authentication data
    /// (v2), or the reserved bits in the high half of the first byte (v3).
    pub ignored: [u8; AUTHENTICATION_LEN],
}

/// What a checksum covers. Only v3 over IPv4 leaves a choice: v2 over IPv4 never has a pseudo header,
/// IPv6 always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecksumForm {
    /// The message and a pseudo header: RFC 5798 to the letter and keepalived's default.
    PseudoHeader,
    /// The message alone: RFC 9568 over IPv4, keepalived's `v3_checksum_as_v2`.
    MessageOnly,
    /// As with a pseudo header to the multicast group, whatever the destination: unicast adverts of keepalived up to
    /// 1.3.6, its `old_unicast_checksum`.
    OldUnicast,
}

/// Why bytes are not an advert.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ParseError {
    /// The VRID byte, when there is one: whom to blame.
    pub vrid: Option<u8>,
    /// What is wrong.
    pub reason: Malformed,
}

/// What is wrong with an advert; each is counted under its [name](Self::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Another length than its own fields say.
    #[error("{have} bytes where {need} are right")]
    Length {
        /// Bytes received.
        have: usize,
        /// Bytes needed.
        need: usize,
    },
    /// Neither 2 nor 3.
    #[error("VRRP version {0}")]
    Version(u8),
    /// Not an ADVERTISEMENT.
    #[error("VRRP packet type {0}")]
    Type(u8),
    /// VRID 0.
    #[error("virtual router 0")]
    Vrid,
    /// v2 with an authentication type that nobody speaks.
    #[error("authentication type {0}")]
    Authentication(u8),
    /// An advert interval of 0.
    #[error("advert interval 0")]
    Interval,
    /// The checksum fits neither form.
    #[error("checksum {found:#06x} where {expected:#06x} is right")]
    Checksum {
        /// As received.
        found: u16,
        /// As computed, in the form that is usual for version and family.
        expected: u16,
    },
}

impl Malformed {
    /// Name of the counter: keepalived's.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Length { .. } => "packet_len_err",
            Self::Version(_) => "vers_err",
            Self::Type(_) => "invalid_type_rcvd",
            Self::Vrid => "vrid_err",
            Self::Authentication(_) => "invalid_authtype",
            Self::Interval => "advert_interval_err",
            Self::Checksum { .. } => "chk_err",
        }
    }
}

impl Advertisement {
    /// The advert a configured instance sends with `priority` on the wire.
    #[must_use]
    pub fn of(config: &VrrpInstance, priority: u8) -> Self {
        let addresses = config.addresses.iter().map(|line| line.address);
        Self {
            version: config.version,
            vrid: config.vrid,
            priority,
            interval: config.advert_interval,
            addresses: addresses
                .filter(|address| Family::of(*address) == config.family)
                .collect(),
            checksum: fixed_form(config.version, config.family)
                .unwrap_or_else(|| ChecksumForm::of(&config.adverts)),
            auth_type: config
                .authentication
                .as_ref()
                .map_or(0, |given| given.kind.number()),
            ignored: config
                .authentication
                .as_ref()
                .map_or([0; AUTHENTICATION_LEN], Authentication::wire_data),
        }
    }

    /// Bytes an advert has by its own fields, in a packet of a family; `None` where even those are missing, or of a
    /// version whose length nobody knows.
    #[must_use]
    pub fn length(bytes: &[u8], family: Family) -> Option<usize> {
        let (first, count) = (bytes.first()?, bytes.get(3)?);
        let tail = match first >> 4 {
            2 => AUTHENTICATION_LEN,
            3 => 0,
            _ => return None,
        };
        Some(HEADER_LEN + usize::from(*count) * family.address_len() + tail)
    }

    /// Reads an advert from the payload of an IP packet. Bytes behind the advert (Ethernet padding) are
    /// passed over, and an advert without addresses is one, both as keepalived has it.
    ///
    /// # Errors
    /// When the bytes are not an advert between these two addresses.
    pub fn parse(bytes: &[u8], source: IpAddr, destination: IpAddr) -> Result<Self, ParseError> {
        Self::parse_before(bytes, 0, source, destination)
    }

    /// The same where `trailer` bytes follow the advert, which the checksum covers over IPv6: there it is the
    /// kernel's.
    ///
    /// # Errors
    /// When the bytes are not an advert between these two addresses.
    pub(super) fn parse_before(
        bytes: &[u8],
        trailer: usize,
        source: IpAddr,
        destination: IpAddr,
    ) -> Result<Self, ParseError> {
        parse(bytes, trailer, source, destination).map_err(|reason| ParseError {
            vrid: bytes.get(1).copied(),
            reason,
        })
    }

    /// The wire form between two addresses. Addresses of another family than `source` and those beyond
    /// the 255th have no place in it.
    #[must_use]
    pub fn emit(&self, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        self.emit_before(&[], source, destination)
    }

    /// The same with a trailer behind it; see [`Self::parse_before`].
    pub(super) fn emit_before(
        &self,
        trailer: &[u8],
        source: IpAddr,
        destination: IpAddr,
    ) -> Vec<u8> {
        let family = Family::of(source);
        let mut bytes = self.body(family);
        let length = bytes.len();
        bytes.extend(trailer);
        let covered = covered(length, trailer.len(), family);
        let form = fixed_form(self.version, family).unwrap_or(self.checksum);
        let sum = checksum(&bytes[..covered], form, source, destination);
        bytes[6..HEADER_LEN].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    /// The wire form in a packet of a family, its checksum zero.
    pub(super) fn body(&self, family: Family) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_LEN];
        let mut count = 0;
        let ours = self.addresses.iter().filter(|a| Family::of(**a) == family);
        for address in ours.take(usize::from(u8::MAX)) {
            count += 1;
            match address {
                IpAddr::V4(v4) => bytes.extend(v4.octets()),
                IpAddr::V6(v6) => bytes.extend(v6.octets()),
            }
        }
        bytes[0] = self.version.number() << 4 | TYPE_ADVERTISEMENT;
        bytes[1] = self.vrid.get();
        bytes[2] = self.priority;
        bytes[3] = count;
        match self.version {
            Version::V2 => {
                bytes[4] = self.auth_type;
                let seconds = self.interval.get().as_secs().max(1);
                bytes[5] = u8::try_from(seconds).unwrap_or(u8::MAX);
                bytes.extend(self.ignored);
            }
            Version::V3 => {
                let [high, low] = self.interval.centiseconds().min(0x0fff).to_be_bytes();
                bytes[4] = self.ignored[0] & 0xf0 | high;
                bytes[5] = low;
            }
        }
        bytes
    }
}

impl ChecksumForm {
    /// The form of IPv4 adverts of version 3 that is sent until a peer shows another.
    #[must_use]
    pub const fn of(adverts: &Adverts) -> Self {
        if adverts.v3_checksum_as_v2 {
            return Self::MessageOnly;
        }
        match &adverts.destination {
            Destination::Unicast(Unicast {
                old_checksum: OldChecksum::Always,
                ..
            }) => Self::OldUnicast,
            Destination::Unicast(_) | Destination::Multicast(_) => Self::PseudoHeader,
        }
    }
}

impl fmt::Display for Advertisement {
    /// As tcpdump prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vrid, priority, .. } = self;
        match self.version {
            Version::V2 => {
                let seconds = self.interval.get().as_secs();
                write!(f, "VRRPv2, Advertisement, vrid {vrid}, prio {priority}, ")?;
                let auth_type = match self.auth_type {
                    0 => "none",
                    1 => "simple",
                    _ => "ah",
                };
                write!(f, "authtype {auth_type}, intvl {seconds}s, ")?;
            }
            Version::V3 => {
                let centiseconds = self.interval.centiseconds();
                write!(f, "VRRPv3, Advertisement, vrid {vrid}, prio {priority}, ")?;
                write!(f, "intvl {centiseconds}cs, ")?;
            }
        }
        match self.addresses.len() {
            1 => f.write_str("addrs: ")?,
            count => write!(f, "addrs({count}): ")?,
        }
        for (index, address) in self.addresses.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{address}")?;
        }
        Ok(())
    }
}

fn parse(
    bytes: &[u8],
    trailer: usize,
    source: IpAddr,
    destination: IpAddr,
) -> Result<Advertisement, Malformed> {
    let family = Family::of(source);
    let have = bytes.len();
    let (header, rest) = bytes
        .split_first_chunk::<HEADER_LEN>()
        .ok_or(Malformed::Length {
            have,
            need: HEADER_LEN,
        })?;
    let [first, vrid, priority, count, high, low, sum @ ..] = *header;
    let version = match first >> 4 {
        2 => Version::V2,
        3 => Version::V3,
        other => return Err(Malformed::Version(other)),
    };
    if first & 0x0f != TYPE_ADVERTISEMENT {
        return Err(Malformed::Type(first & 0x0f));
    }
    let vrid = Vrid::try_from(i64::from(vrid)).map_err(|_| Malformed::Vrid)?;

    let body_len = usize::from(count) * family.address_len();
    let tail_len = match version {
        Version::V2 => AUTHENTICATION_LEN,
        Version::V3 => 0,
    };
    let need = HEADER_LEN + body_len + tail_len;
    let (body, tail) = rest
        .get(..body_len + tail_len)
        .and_then(|pdu| pdu.split_at_checked(body_len))
        .ok_or(Malformed::Length { have, need })?;

    let mut ignored = [0; AUTHENTICATION_LEN];
    let mut auth_type = 0;
    let centiseconds = match version {
        Version::V2 => {
            if high > AUTH_TYPE_MAX {
                return Err(Malformed::Authentication(high));
            }
            auth_type = high;
            ignored.copy_from_slice(tail);
            u64::from(low) * 100
        }
        Version::V3 => {
            ignored[0] = high & 0xf0;
            u64::from(u16::from_be_bytes([high & 0x0f, low]))
        }
    };
    let interval =
        AdvertInterval::from_centiseconds(centiseconds).map_err(|_| Malformed::Interval)?;
    let end = covered(need, trailer, family);
    let covered = bytes
        .get(..end)
        .ok_or(Malformed::Length { have, need: end })?;
    let checksum = verify(covered, sum, version, source, destination)?;
    Ok(Advertisement {
        version,
        vrid,
        priority,
        interval,
        addresses: addresses(body, family),
        checksum,
        auth_type,
        ignored,
    })
}

/// Up to where the checksum reaches: over IPv6 it is the kernel's and covers all there is.
const fn covered(length: usize, trailer: usize, family: Family) -> usize {
    match family {
        Family::V4 => length,
        Family::V6 => length + trailer,
    }
}

fn addresses(body: &[u8], family: Family) -> Vec<IpAddr> {
    match family {
        Family::V4 => body
            .as_chunks::<4>()
            .0
            .iter()
            .map(|octets| IpAddr::from(*octets))
            .collect(),
        Family::V6 => body
            .as_chunks::<16>()
            .0
            .iter()
            .map(|octets| IpAddr::from(*octets))
            .collect(),
    }
}

/// The only form of a version and family, where there is only one.
const fn fixed_form(version: Version, family: Family) -> Option<ChecksumForm> {
    match (version, family) {
        (Version::V2, Family::V4) => Some(ChecksumForm::MessageOnly),
        (Version::V3, Family::V4) => None,
        (Version::V2 | Version::V3, Family::V6) => Some(ChecksumForm::PseudoHeader),
    }
}

/// Finds the form in which the checksum is right.
fn verify(
    message: &[u8],
    sum: [u8; 2],
    version: Version,
    source: IpAddr,
    destination: IpAddr,
) -> Result<ChecksumForm, Malformed> {
    let found = u16::from_be_bytes(sum);
    let fixed = fixed_form(version, Family::of(source));
    let forms: &[ChecksumForm] = match &fixed {
        Some(form) => std::slice::from_ref(form),
        None if destination.is_multicast() => {
            &[ChecksumForm::PseudoHeader, ChecksumForm::MessageOnly]
        }
        None => &[
            ChecksumForm::PseudoHeader,
            ChecksumForm::MessageOnly,
            ChecksumForm::OldUnicast,
        ],
    };
    let right = |form: &&ChecksumForm| checksum(message, **form, source, destination) == found;
    forms.iter().find(right).copied().ok_or_else(|| {
        let usual = fixed.unwrap_or(ChecksumForm::PseudoHeader);
        let expected = checksum(message, usual, source, destination);
        Malformed::Checksum { found, expected }
    })
}

/// The Internet checksum (RFC 1071) of a message of even length, its checksum field read as zero.
fn checksum(message: &[u8], form: ChecksumForm, source: IpAddr, destination: IpAddr) -> u16 {
    let (head, tail) = message.split_at(message.len().min(6));
    let mut sum = words(head) + words(tail.get(2..).unwrap_or_default());
    let destination = match form {
        ChecksumForm::MessageOnly => None,
        ChecksumForm::PseudoHeader => Some(destination),
        ChecksumForm::OldUnicast => Some(Adverts::group(Family::of(source))),
    };
    if let Some(destination) = destination {
        for address in [source, destination] {
            sum += match address {
                IpAddr::V4(v4) => words(&v4.octets()),
                IpAddr::V6(v6) => words(&v6.octets()),
            };
        }
        // At most 4116 bytes, so the upper half of IPv6's length field is zero.
        sum += u64::from(PROTOCOL) + message.len() as u64;
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    #[expect(clippy::cast_possible_truncation, reason = "folded to 16 bits above")]
    let folded = sum as u16;
    !folded
}

fn words(bytes: &[u8]) -> u64 {
    let pairs = bytes.as_chunks::<2>().0.iter();
    pairs.map(|pair| u64::from(u16::from_be_bytes(*pair))).sum()
}
