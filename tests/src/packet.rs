//! Packets for the datapath tier: built whole, with checksums computed in full.

use std::net::IpAddr;

use lb_common::{Address, Mac, mapped};

/// Ethernet address of the node under test.
pub const DIRECTOR_MAC: Mac = [2, 0, 0, 0, 0, 1];
/// Ethernet address of whoever sends to it.
pub const CLIENT_MAC: Mac = [2, 0, 0, 0, 0, 2];

/// TCP flag.
pub const FIN: u8 = 1;
/// TCP flag.
pub const SYN: u8 = 2;
/// TCP flag.
pub const RST: u8 = 4;
/// TCP flag.
pub const ACK: u8 = 16;

/// What an IP packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP with these flags and 20 bytes of header.
    Tcp(u8),
    /// UDP.
    Udp,
    /// UDP without a checksum.
    UdpUnsummed,
    /// SCTP whose only chunk has this type.
    Sctp(u8),
    /// Any protocol, the payload being all that follows the IP header.
    Raw(u8),
}

/// What of a packet a frame has.
#[derive(Clone, Copy)]
enum Part {
    Whole,
    /// The offset is in units of eight bytes.
    Fragment {
        offset: u16,
        more: bool,
    },
}

/// A packet by its fields; [`Packet::bytes`] makes the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Ethernet destination.
    pub to_mac: Mac,
    /// Ethernet source.
    pub from_mac: Mac,
    /// VLAN ids, outer first.
    pub vlans: Vec<u16>,
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 options, a multiple of four bytes.
    pub options: Vec<u8>,
    /// IPv6 extension headers: the protocol number of each, and the header but for its first byte.
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// What follows the IP header.
    pub transport: Transport,
    /// What follows the transport header.
    pub payload: Vec<u8>,
}

impl Packet {
    /// A packet from `source` to `destination`, both as `address:port`.
    #[must_use]
    pub fn new(transport: Transport, source: &str, destination: &str) -> Self {
        let source: std::net::SocketAddr = source.parse().expect("a test's literal");
        let destination: std::net::SocketAddr = destination.parse().expect("a test's literal");
        Self {
            to_mac: DIRECTOR_MAC,
            from_mac: CLIENT_MAC,
            vlans: Vec::new(),
            source: source.ip(),
            destination: destination.ip(),
            source_port: source.port(),
            destination_port: destination.port(),
            ttl: 64,
            options: Vec::new(),
            extensions: Vec::new(),
            transport,
            payload: b"payload".to_vec(),
        }
    }

    /// The frame.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.part(&self.transport_bytes(), Part::Whole)
    }

    /// The frames of the packet in fragments with `size` bytes of transport header and payload each, a multiple of eight; the last
    /// has what is left.
    #[must_use]
    pub fn fragments(&self, size: usize) -> Vec<Vec<u8>> {
        let body = self.transport_bytes();
        let count = body.len().div_ceil(size);
        let parts = body.chunks(size).enumerate();
        parts
            .map(|(number, chunk)| {
                let offset = u16::try_from(number * size / 8).expect("a test's packet is short");
                let more = number + 1 < count;
                self.part(chunk, Part::Fragment { offset, more })
            })
            .collect()
    }

    fn part(&self, body: &[u8], part: Part) -> Vec<u8> {
        let mut frame = [self.to_mac, self.from_mac].concat();
        for vlan in &self.vlans {
            frame.extend([0x81, 0x00]);
            frame.extend(vlan.to_be_bytes());
        }
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                frame.extend([0x08, 0x00]);
                let len = 20 + self.options.len();
                let mut header = vec![0x40 | (len / 4) as u8, 0];
                header.extend(length(len + body.len()));
                header.extend([0x12, 0x34]);
                header.extend(match part {
                    Part::Whole => [0x40, 0],
                    Part::Fragment { offset, more } => {
                        (offset | u16::from(more) << 13).to_be_bytes()
                    }
                });
                header.extend([self.ttl, self.protocol(), 0, 0]);
                header.extend(source.octets());
                header.extend(destination.octets());
                header.extend(&self.options);
                let sum = checksum(&header);
                header[10..12].copy_from_slice(&sum);
                frame.extend(header);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let mut extensions = self.extensions.clone();
                if let Part::Fragment { offset, more } = part {
                    let [high, low] = (offset << 3 | u16::from(more)).to_be_bytes();
                    extensions.push((44, vec![0, high, low, 0x12, 0x34, 0x56, 0x78]));
                }
                let headers: usize = extensions.iter().map(|(_, rest)| rest.len() + 1).sum();
                let following = extensions.iter().map(|(protocol, _)| *protocol);
                let mut following = following.chain([self.protocol()]);
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend(length(headers + body.len()));
                frame.extend([
                    following.next().expect("the last is always there"),
                    self.ttl,
                ]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
                for (_, rest) in &extensions {
                    frame.extend(following.next());
                    frame.extend(rest);
                }
            }
            _ => panic!("source and destination are of one family"),
        }
        frame.extend(body);
        frame
    }

    /// Protocol number.
    #[must_use]
    pub const fn protocol(&self) -> u8 {
        match self.transport {
            Transport::Tcp(_) => 6,
            Transport::Udp | Transport::UdpUnsummed => 17,
            Transport::Sctp(_) => 132,
            Transport::Raw(protocol) => protocol,
        }
    }

    fn transport_bytes(&self) -> Vec<u8> {
        let ports = [
            self.source_port.to_be_bytes(),
            self.destination_port.to_be_bytes(),
        ]
        .concat();
        let (mut bytes, at) = match self.transport {
            Transport::Raw(_) => return self.payload.clone(),
            Transport::Tcp(flags) => {
                let mut header = ports;
                header.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 0xff, 0, 0, 0, 0, 0]);
                (header, 16)
            }
            Transport::Udp | Transport::UdpUnsummed => {
                let mut header = ports;
                header.extend(length(8 + self.payload.len()));
                header.extend([0, 0]);
                (header, 6)
            }
            Transport::Sctp(chunk) => {
                let mut bytes = ports;
                bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, chunk, 0]);
                bytes.extend(length(4 + self.payload.len()));
                bytes.extend(&self.payload);
                let sum = crc32c(&bytes);
                bytes[8..12].copy_from_slice(&sum);
                return bytes;
            }
        };
        bytes.extend(&self.payload);
        if self.transport != Transport::UdpUnsummed {
            let mut sum = checksum(&[self.pseudo_header(bytes.len()), bytes.clone()].concat());
            if self.transport == Transport::Udp && sum == [0, 0] {
                sum = [0xff, 0xff];
            }
            bytes[at..at + 2].copy_from_slice(&sum);
        }
        bytes
    }

    /// The pseudo-header of RFC 768, RFC 9293 and RFC 8200 §8.1, with the length of what follows it.
    #[must_use]
    pub fn pseudo_header(&self, len: usize) -> Vec<u8> {
        let mut bytes = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                [source.octets(), destination.octets()].concat()
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                [source.octets(), destination.octets()].concat()
            }
            _ => panic!("source and destination are of one family"),
        };
        bytes.extend([0, self.protocol()]);
        bytes.extend(length(len));
        bytes
    }
}

/// A VRRP advert with a correct checksum and an interval of one second, as it leaves a keepalived of that version.
#[must_use]
pub fn advert(version: u8, vrid: u8, priority: u8, source: &str, addresses: &[&str]) -> Packet {
    let interval = if version == 2 { 1 } else { 100 };
    advert_every(interval, version, vrid, priority, source, addresses)
}

/// The same with another interval, in seconds (version 2) or centiseconds.
#[must_use]
pub fn advert_every(
    interval: u16,
    version: u8,
    vrid: u8,
    priority: u8,
    source: &str,
    addresses: &[&str],
) -> Packet {
    let source: IpAddr = source.parse().expect("a test's literal");
    let group = if source.is_ipv4() {
        "224.0.0.18"
    } else {
        "ff02::12"
    };
    let mut payload = vec![version << 4 | 1, vrid, priority, addresses.len() as u8];
    payload.extend(interval.to_be_bytes());
    payload.extend([0, 0]);
    for address in addresses {
        match address.parse().expect("a test's literal") {
            IpAddr::V4(address) => payload.extend(address.octets()),
            IpAddr::V6(address) => payload.extend(address.octets()),
        }
    }
    if version == 2 {
        payload.extend([0; 8]);
    }
    let mut packet = Packet {
        source,
        destination: group.parse().expect("a literal"),
        ttl: 255,
        transport: Transport::Raw(112),
        payload,
        ..Packet::new(Transport::Udp, "0.0.0.0:0", "0.0.0.0:0")
    };
    let summed = match version {
        2 => packet.payload.clone(),
        _ => [
            packet.pseudo_header(packet.payload.len()),
            packet.payload.clone(),
        ]
        .concat(),
    };
    packet.payload[6..8].copy_from_slice(&checksum(&summed));
    packet
}

/// An ARP message: operation 1 asks, 2 answers.
#[must_use]
pub fn arp(operation: u8, sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let mut frame = [[0xff; 6], CLIENT_MAC].concat();
    frame.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, operation]);
    frame.extend(CLIENT_MAC);
    frame.extend(sender);
    frame.extend([0; 6]);
    frame.extend(target);
    frame
}

/// A neighbour solicitation (135) or advertisement (136) about `target`.
#[must_use]
pub fn neighbour(kind: u8, source: &str, target: &str) -> Packet {
    let target: std::net::Ipv6Addr = target.parse().expect("a test's literal");
    let mut payload = vec![kind, 0, 0, 0, 0, 0, 0, 0];
    payload.extend(target.octets());
    Packet {
        source: source.parse().expect("a test's literal"),
        destination: "ff02::1".parse().expect("a literal"),
        ttl: 255,
        transport: Transport::Raw(58),
        payload,
        ..Packet::new(Transport::Udp, "[::]:0", "[::]:0")
    }
}

/// An ICMP error of `kind` from `source` about a packet, of which it has `len` bytes from the IP header on.
#[must_use]
pub fn icmp_error(kind: u8, source: IpAddr, about: &[u8], len: usize, to: IpAddr) -> Packet {
    let mut payload = vec![kind, 0, 0, 0, 0, 0, 0x05, 0xdc];
    payload.extend(&about[..len.min(about.len())]);
    let protocol = if source.is_ipv4() { 1 } else { 58 };
    let mut packet = Packet {
        source,
        destination: to,
        transport: Transport::Raw(protocol),
        ..Packet::new(Transport::Udp, "0.0.0.0:0", "0.0.0.0:0")
    };
    let mut summed = if source.is_ipv4() {
        Vec::new()
    } else {
        packet.pseudo_header(payload.len())
    };
    summed.extend(&payload);
    payload[2..4].copy_from_slice(&checksum(&summed));
    packet.payload = payload;
    packet
}

/// `address` as the data plane has it.
#[must_use]
pub const fn address(address: IpAddr) -> Address {
    match address {
        IpAddr::V4(address) => mapped(address.octets()),
        IpAddr::V6(address) => address.octets(),
    }
}

fn length(len: usize) -> [u8; 2] {
    u16::try_from(len)
        .expect("a test's packet is short")
        .to_be_bytes()
}

/// RFC 1071, computed in full: the yardstick for the incremental updates of the programs.
#[must_use]
pub fn checksum(data: &[u8]) -> [u8; 2] {
    let mut sum = 0u32;
    for pair in data.chunks(2) {
        sum += u32::from(u16::from_be_bytes([
            pair[0],
            pair.get(1).copied().unwrap_or(0),
        ]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!u16::try_from(sum).expect("folded")).to_be_bytes()
}

/// RFC 9260 appendix A, bit by bit.
#[must_use]
pub fn crc32c(data: &[u8]) -> [u8; 4] {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    (!crc).to_le_bytes()
}
