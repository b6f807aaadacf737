//! How adverts of one instance become packets, and which packets count as adverts.
//!
//! ```text
//!   Advertisement ──seal──▶ [password | authentication header | HMAC trailer] ──▶ one packet per destination
//!   packet ──open──▶ header, destination, length, proof, checksum, replay ──▶ Advertisement, or a Refusal
//! ```
//!
//! Pure: the wall clock comes in as an argument, and keys as bytes.

mod header;
mod hmac;
mod key;
mod password;
mod refusal;
mod replay;
#[cfg(test)]
mod tests;

use std::{net::IpAddr, sync::Arc, time::Duration};

use self::{header::Header, hmac::Hmac};
pub use self::{
    key::{Key, KeyError, Keys},
    refusal::{Refusal, Remark},
};
use super::{
    accept,
    advert::{Advertisement, ChecksumForm, Malformed, PROTOCOL, PROTOCOL_AH, TTL},
};
use crate::config::model::{
    Family, Version, VrrpInstance,
    vrrp::{AuthenticationType, Destination, OldChecksum, size::TRAILER_LEN},
};

/// UTC as time since 1970: what routers compare to tell old adverts from new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallClock(Duration);

impl WallClock {
    /// A time since 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn since_epoch(time: Duration) -> Self {
        Self(time)
    }

    /// Seconds as the wire counts them, modulo 2³².
    fn seconds(self) -> u32 {
        let [.., a, b, c, d] = self.0.as_secs().to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// The rest of the second in units of 1/65536 s.
    fn fraction(self) -> u16 {
        let units = u64::from(self.0.subsec_nanos()) * 65_536 / 1_000_000_000;
        u16::try_from(units).unwrap_or(u16::MAX)
    }
}

/// What carries an advert within IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carrier {
    /// Protocol 112.
    Plain,
    /// Protocol 51, an authentication header before the advert.
    Header,
}

impl Carrier {
    /// What the adverts of an instance are carried by.
    #[must_use]
    pub fn of(config: &VrrpInstance) -> Self {
        match &config.authentication {
            Some(given) if given.kind == AuthenticationType::Header => Self::Header,
            _ => Self::Plain,
        }
    }

    /// The IP protocol number.
    #[must_use]
    pub const fn protocol(self) -> u8 {
        match self {
            Self::Plain => PROTOCOL,
            Self::Header => PROTOCOL_AH,
        }
    }
}

/// A packet to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// To whom.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Its IP payload; with [`Carrier::Header`] the whole packet from the IPv4 header on, which the proof covers.
    pub bytes: Vec<u8>,
}

/// A packet as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Which protocol it came by.
    pub carrier: Carrier,
    /// The IPv4 header; empty for IPv6.
    pub header: &'a [u8],
    /// What follows the IP header, up to the length that the header tells: no Ethernet padding.
    pub payload: &'a [u8],
}

impl Incoming<'_> {
    /// The VRID it is for; `None` where the packet ends before.
    #[must_use]
    pub fn vrid(&self) -> Option<u8> {
        let advert = match self.carrier {
            Carrier::Plain => self.payload,
            Carrier::Header => self.payload.get(header::LENGTH..)?,
        };
        advert.get(1).copied()
    }
}

/// An advert that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The advert.
    pub advert: Advertisement,
    /// What the operator should hear of it all the same.
    pub remark: Option<Remark>,
}

/// What one instance remembers of the wire: sequence numbers, sent and seen. Lives as long as the instance,
/// through changes of its configuration.
#[derive(Debug)]
pub struct Wire {
    proof: Proof,
    /// A peer was seen to use the checksum of keepalived up to 1.3.6.
    has_old_peer: bool,
    /// What was sealed last, where the same advert makes the same packets again.
    last: Option<Sealed>,
}

#[derive(Debug)]
struct Sealed {
    advert: Advertisement,
    source: IpAddr,
    packets: Arc<[Packet]>,
}

#[derive(Debug)]
enum Proof {
    None,
    Password([u8; 8]),
    Header(Header),
    Hmac(Hmac),
}

impl Wire {
    /// For an instance that has not sent or heard anything; `keys` are those of `auth_hmac`.
    #[must_use]
    pub fn new(config: &VrrpInstance, keys: Keys) -> Self {
        let proof = match (&config.hmac, &config.authentication) {
            (Some(hmac), _) => Proof::Hmac(Hmac::new(hmac, keys)),
            (None, None) => Proof::None,
            (None, Some(given)) => match given.kind {
                AuthenticationType::Password => Proof::Password(given.padded()),
                AuthenticationType::Header => Proof::Header(Header::new(given.padded())),
            },
        };
        Self {
            proof,
            has_old_peer: false,
            last: None,
        }
    }

    /// Takes a changed configuration; what was sent and seen is not forgotten.
    pub fn configure(&mut self, config: &VrrpInstance, keys: Keys) {
        let new = Self::new(config, keys);
        self.last = None;
        match (&mut self.proof, new.proof) {
            (Proof::Header(old), Proof::Header(new)) => old.adopt(&new),
            (Proof::Hmac(old), Proof::Hmac(new)) => old.adopt(new),
            (proof, new) => *proof = new,
        }
    }

    /// Makes the packets of one advert: one to the group, or one to each peer but ourselves. All of them have the same
    /// sequence number.
    #[must_use]
    pub fn seal(
        &mut self,
        config: &VrrpInstance,
        advert: &Advertisement,
        source: IpAddr,
        clock: WallClock,
    ) -> Arc<[Packet]> {
        if let Some(last) = &self.last
            && last.source == source
            && last.advert == *advert
        {
            return Arc::clone(&last.packets);
        }
        let packets = self.seal_anew(config, advert, source, clock);
        if matches!(self.proof, Proof::None | Proof::Password(_)) {
            self.last = Some(Sealed {
                advert: advert.clone(),
                source,
                packets: Arc::clone(&packets),
            });
        }
        packets
    }

    fn seal_anew(
        &mut self,
        config: &VrrpInstance,
        advert: &Advertisement,
        source: IpAddr,
        clock: WallClock,
    ) -> Arc<[Packet]> {
        let mut advert = advert.clone();
        if self.has_old_peer && advert.checksum == ChecksumForm::PseudoHeader {
            advert.checksum = ChecksumForm::OldUnicast;
        }
        let (destinations, ttl) = match &config.adverts.destination {
            Destination::Multicast(group) => (vec![*group], TTL),
            Destination::Unicast(unicast) => {
                let peers = unicast.peers.iter().map(|peer| peer.address);
                (peers.filter(|peer| *peer != source).collect(), unicast.ttl)
            }
        };
        let trailer = match &mut self.proof {
            // Nothing leaves unsigned for want of a key.
            Proof::Hmac(hmac) if !hmac.can_send() => return Arc::default(),
            Proof::Hmac(hmac) => hmac.seal(&advert, source, clock),
            Proof::Header(header) => {
                header.begin(clock);
                None
            }
            Proof::None | Proof::Password(_) => None,
        };
        let packets = destinations.into_iter().map(|destination| {
            let payload = advert.emit_before(
                trailer.as_ref().map_or(&[], |t| &t[..]),
                source,
                destination,
            );
            let bytes = match &mut self.proof {
                Proof::Header(header) => header.seal(&payload, source, destination, ttl),
                Proof::None | Proof::Password(_) | Proof::Hmac(_) => payload,
            };
            Packet {
                destination,
                ttl,
                bytes,
            }
        });
        packets.collect()
    }

    /// Judges a packet that is meant for this instance by interface, family and VRID. What can be told without a proof
    /// comes first, so that nothing forged spends a sequence number; what needs the state of the instance is the core's.
    ///
    /// # Errors
    /// When it does not count, and why: the first reason found.
    pub fn open(
        &mut self,
        config: &VrrpInstance,
        packet: &Incoming<'_>,
        clock: WallClock,
    ) -> Result<Opened, Refusal> {
        let proves_by_header = matches!(self.proof, Proof::Header(_));
        if proves_by_header != (packet.carrier == Carrier::Header) {
            return Err(Refusal::AuthenticationMismatch);
        }
        accept::envelope(config, packet)?;
        let message = match packet.carrier {
            Carrier::Plain => packet.payload,
            Carrier::Header => packet.payload.get(header::LENGTH..).unwrap_or_default(),
        };
        let trailer = self.trailer(message, packet.source)?;
        let advert =
            Advertisement::parse_before(message, trailer, packet.source, packet.destination);
        let advert = advert.map_err(|error| Refusal::Malformed(error.reason))?;
        accept::message(config, &advert)?;
        let remark = self.verify(config, packet, message, &advert, trailer, clock)?;
        let old = self.note_old_checksum(config, &advert)?;
        let strange = !accept::same_addresses(config, &advert);
        let strange = strange.then_some(Remark::AddressList);
        Ok(Opened {
            advert,
            remark: remark.or(old).or(strange),
        })
    }

    /// Bytes behind the advert that are an HMAC trailer; any other length than that and the advert's own is refused, as
    /// keepalived does.
    fn trailer(&self, message: &[u8], source: IpAddr) -> Result<usize, Refusal> {
        let have = message.len();
        let need = Advertisement::length(message, Family::of(source)).unwrap_or(have);
        match have.checked_sub(need) {
            Some(0) | None => Ok(0),
            Some(TRAILER_LEN) if matches!(self.proof, Proof::Hmac(_)) => Ok(TRAILER_LEN),
            Some(_) => Err(Refusal::Malformed(Malformed::Length { have, need })),
        }
    }

    fn verify(
        &mut self,
        config: &VrrpInstance,
        packet: &Incoming<'_>,
        message: &[u8],
        advert: &Advertisement,
        trailer: usize,
        clock: WallClock,
    ) -> Result<Option<Remark>, Refusal> {
        let expected = match &self.proof {
            Proof::None | Proof::Hmac(_) => 0,
            Proof::Password(_) => AuthenticationType::Password.number(),
            Proof::Header(_) => AuthenticationType::Header.number(),
        };
        if advert.version == Version::V2 && advert.auth_type != expected {
            return Err(Refusal::AuthenticationMismatch);
        }
        match &mut self.proof {
            Proof::None => Ok(None),
            Proof::Password(password) => password::verify(password, &advert.ignored).map(|()| None),
            Proof::Header(header) => header.verify(packet).map(|()| None),
            Proof::Hmac(hmac) => {
                let (message, trailer) = message.split_at(message.len() - trailer);
                let unicast = config.adverts.destination.unicast().is_some();
                hmac.verify(message, trailer, packet.source, unicast, clock)
            }
        }
    }

    /// Remembers that a peer uses the checksum of keepalived up to 1.3.6, where that is allowed.
    fn note_old_checksum(
        &mut self,
        config: &VrrpInstance,
        advert: &Advertisement,
    ) -> Result<Option<Remark>, Refusal> {
        let Some(unicast) = config.adverts.destination.unicast() else {
            return Ok(None);
        };
        if advert.checksum != ChecksumForm::OldUnicast {
            return Ok(None);
        }
        match unicast.old_checksum {
            OldChecksum::Never => Err(Refusal::OldChecksum),
            OldChecksum::Always => Ok(None),
            OldChecksum::Detect => {
                self.has_old_peer = true;
                self.last = None;
                Ok(Some(Remark::OldChecksum))
            }
        }
    }
}
