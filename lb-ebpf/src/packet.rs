//! Headers as they lie in packets. All fields are byte arrays in network order.

use bytemuck::{Pod, Zeroable};
use lb_common::{Mac, checksum::Sum};

macro_rules! header {
    ($(#[$doc:meta])* $name:ident = $size:literal { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)+ }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Pod, Zeroable)]
        pub struct $name { $($(#[$field_doc])* pub $field: $ty,)+ }
        const _: () = assert!(size_of::<$name>() == $size);
    };
}

header! {
    /// Ethernet header.
    Ethernet = 14 {
        /// Destination.
        destination: Mac,
        /// Source.
        source: Mac,
        /// EtherType, one of the `ETHER_*` constants.
        kind: [u8; 2],
    }
}

impl Ethernet {
    /// True for broadcast and multicast, which the kernel hands to hosts and never on, and IPVS lets alone.
    #[inline(always)]
    pub const fn is_to_group(&self) -> bool {
        self.destination[0] & 1 != 0
    }

    /// Puts the addresses in place of those there, byte by byte: a copy of six bytes would be a function call.
    #[inline(always)]
    pub fn readdress(&mut self, destination: &Mac, source: &Mac) {
        let [a, b, c, d, e, f] = *destination;
        self.destination = [a, b, c, d, e, f];
        let [a, b, c, d, e, f] = *source;
        self.source = [a, b, c, d, e, f];
    }

    /// The same with addresses that are not on the stack, where everything has to be aligned: in two pieces each.
    #[inline(always)]
    pub fn readdress_from(&mut self, destination: &'static Mac, source: &'static Mac) {
        copy(destination, &mut self.destination);
        copy(source, &mut self.source);
    }
}

/// A [`Mac`] in two pieces.
#[repr(C, packed)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Pieces {
    high: u32,
    low: u16,
}

#[inline(always)]
fn copy(from: &Mac, to: &mut Mac) {
    let from: &Pieces = bytemuck::cast_ref(from);
    let to: &mut Pieces = bytemuck::cast_mut(to);
    to.high = from.high;
    to.low = from.low;
}

/// IPv4.
pub const ETHER_IPV4: [u8; 2] = [0x08, 0x00];
/// ARP.
pub const ETHER_ARP: [u8; 2] = [0x08, 0x06];
/// IPv6.
pub const ETHER_IPV6: [u8; 2] = [0x86, 0xdd];
/// The EtherType of IP of `family`.
#[inline(always)]
pub const fn ether_type(family: u8) -> [u8; 2] {
    if family == 4 { ETHER_IPV4 } else { ETHER_IPV6 }
}

/// 802.1Q tag.
pub const ETHER_VLAN: [u8; 2] = [0x81, 0x00];
/// 802.1ad tag.
pub const ETHER_QINQ: [u8; 2] = [0x88, 0xa8];

header! {
    /// What follows an `ETHER_VLAN` or `ETHER_QINQ`.
    Vlan = 4 {
        /// Priority, drop eligibility and, in the low 12 bits, the VLAN id.
        control: [u8; 2],
        /// EtherType of what is inside.
        kind: [u8; 2],
    }
}

header! {
    /// IPv4 header without options.
    Ipv4 = 20 {
        /// Version and header length in words.
        version_length: u8,
        /// Type of service.
        service: u8,
        /// Length of header and payload.
        total_length: [u8; 2],
        /// Identification.
        id: [u8; 2],
        /// Flags and fragment offset.
        fragment: [u8; 2],
        /// Time to live.
        ttl: u8,
        /// Protocol.
        protocol: u8,
        /// Header checksum.
        checksum: [u8; 2],
        /// Source.
        source: [u8; 4],
        /// Destination.
        destination: [u8; 4],
    }
}

/// [`Ipv4::fragment`]: "don't fragment".
pub const DONT_FRAGMENT: [u8; 2] = [0x40, 0];

impl Ipv4 {
    /// The header with its checksum; it has no options, and the checksum is zero before.
    #[inline(always)]
    pub fn sealed(self) -> Self {
        let sum = Sum::new()
            .add16([self.version_length, self.service])
            .add16(self.total_length)
            .add16(self.id)
            .add16(self.fragment)
            .add16([self.ttl, self.protocol])
            .add32(self.source)
            .add32(self.destination);
        Self {
            checksum: sum.checksum(),
            ..self
        }
    }
}

header! {
    /// IPv6 header.
    Ipv6 = 40 {
        /// Version, traffic class, flow label.
        version_class_label: [u8; 4],
        /// Length of what follows this header.
        payload_length: [u8; 2],
        /// Next header.
        next_header: u8,
        /// Hop limit.
        hop_limit: u8,
        /// Source.
        source: [u8; 16],
        /// Destination.
        destination: [u8; 16],
    }
}

/// ICMP.
pub const PROTOCOL_ICMP: u8 = 1;
/// IPv6 hop-by-hop options.
pub const PROTOCOL_HOP_BY_HOP: u8 = 0;
/// IGMP.
pub const PROTOCOL_IGMP: u8 = 2;
/// IPv4 inside another IP packet.
pub const PROTOCOL_IPIP: u8 = 4;
/// TCP.
pub const PROTOCOL_TCP: u8 = 6;
/// UDP.
pub const PROTOCOL_UDP: u8 = 17;
/// IPv6 inside another IP packet.
pub const PROTOCOL_IPV6: u8 = 41;
/// GRE.
pub const PROTOCOL_GRE: u8 = 47;
/// IPv6 routing header.
pub const PROTOCOL_ROUTING: u8 = 43;
/// IPv6 fragment header.
pub const PROTOCOL_FRAGMENT: u8 = 44;
/// IPv6 destination options.
pub const PROTOCOL_DESTINATION: u8 = 60;
/// SCTP.
pub const PROTOCOL_SCTP: u8 = 132;
/// Authentication header.
pub const PROTOCOL_AH: u8 = 51;
/// ICMPv6.
pub const PROTOCOL_ICMPV6: u8 = 58;
/// VRRP.
pub const PROTOCOL_VRRP: u8 = 112;

header! {
    /// The first eight bytes of any IPv6 extension header, of which a fragment header has no more (RFC 8200 §4.5).
    Extension = 8 {
        /// Protocol of what follows this header.
        next_header: u8,
        /// Length in units of eight bytes, less the first; reserved in a fragment header.
        length: u8,
        /// Fragment header: offset in units of eight bytes, and in the lowest bit whether more fragments follow.
        offset: [u8; 2],
        /// Fragment header: identification.
        id: [u8; 4],
    }
}

header! {
    /// TCP header without options.
    Tcp = 20 {
        /// Source port.
        source: [u8; 2],
        /// Destination port.
        destination: [u8; 2],
        /// Sequence number.
        sequence: [u8; 4],
        /// Acknowledgement number.
        acknowledgement: [u8; 4],
        /// Header length in words, in the high four bits.
        length: u8,
        /// Flags.
        flags: u8,
        /// Window.
        window: [u8; 2],
        /// Checksum.
        checksum: [u8; 2],
        /// Urgent pointer.
        urgent: [u8; 2],
    }
}

/// FIN.
pub const TCP_FIN: u8 = 1;
/// SYN.
pub const TCP_SYN: u8 = 2;
/// RST.
pub const TCP_RST: u8 = 4;
/// ACK.
pub const TCP_ACK: u8 = 16;

header! {
    /// UDP header.
    Udp = 8 {
        /// Source port.
        source: [u8; 2],
        /// Destination port.
        destination: [u8; 2],
        /// Length of header and payload.
        length: [u8; 2],
        /// Checksum.
        checksum: [u8; 2],
    }
}

header! {
    /// SCTP common header and the type of the first chunk (RFC 9260 §3).
    Sctp = 13 {
        /// Source port.
        source: [u8; 2],
        /// Destination port.
        destination: [u8; 2],
        /// Verification tag.
        tag: [u8; 4],
        /// CRC32c, least significant byte first.
        checksum: [u8; 4],
        /// Type of the first chunk.
        chunk: u8,
    }
}

/// [`Sctp::chunk`]: a client opens an association.
pub const SCTP_INIT: u8 = 1;
/// [`Sctp::chunk`]: the server answers.
pub const SCTP_INIT_ACK: u8 = 2;
/// [`Sctp::chunk`]: the association ends at once.
pub const SCTP_ABORT: u8 = 6;
/// [`Sctp::chunk`]: one side has no more to say.
pub const SCTP_SHUTDOWN: u8 = 7;
/// [`Sctp::chunk`]: the other side has no more to say either.
pub const SCTP_SHUTDOWN_ACK: u8 = 8;
/// [`Sctp::chunk`]: the association has ended.
pub const SCTP_SHUTDOWN_COMPLETE: u8 = 14;

header! {
    /// The ports, where TCP, UDP and SCTP have them.
    PortsHeader = 4 {
        /// Source port.
        source: [u8; 2],
        /// Destination port.
        destination: [u8; 2],
    }
}

header! {
    /// ICMP (RFC 792) and ICMPv6 (RFC 4443) up to the packet that an error is about.
    Icmp = 8 {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// Checksum.
        checksum: [u8; 2],
        /// What the type makes of it.
        rest: [u8; 4],
    }
}

header! {
    /// Header of Generic UDP Encapsulation without options (draft-ietf-intarea-gue §3.1).
    Gue = 4 {
        /// Version, control bit and length of the options in words: all zero.
        version_length: u8,
        /// IP protocol of what follows.
        protocol: u8,
        /// Flags.
        flags: [u8; 2],
    }
}

header! {
    /// GRE header (RFC 2784 §2) up to the checksum.
    Gre = 4 {
        /// Whether there is a checksum, reserved bits and version.
        flags: [u8; 2],
        /// EtherType of what follows.
        protocol: [u8; 2],
    }
}

header! {
    /// The rest of a GRE header that has a checksum.
    GreChecksum = 4 {
        /// Checksum of header and payload.
        checksum: [u8; 2],
        /// Zero.
        reserved: [u8; 2],
    }
}

/// [`Icmp::kind`]: destination unreachable, "fragmentation needed" among it.
pub const ICMP_UNREACHABLE: u8 = 3;
/// [`Icmp::kind`]: time exceeded.
pub const ICMP_TIME_EXCEEDED: u8 = 11;
/// [`Icmp::kind`]: parameter problem.
pub const ICMP_PARAMETER: u8 = 12;
/// [`Icmp::kind`] of ICMPv6: packet too big.
pub const ICMPV6_TOO_BIG: u8 = 2;
/// [`Icmp::kind`] of ICMPv6: the errors are below this (RFC 4443 §2.1).
pub const ICMPV6_INFORMATION: u8 = 128;

header! {
    /// ARP for IPv4 over Ethernet (RFC 826).
    Arp = 28 {
        /// Hardware and protocol type and address lengths.
        types: [u8; 6],
        /// Operation.
        operation: [u8; 2],
        /// Sender hardware address.
        sender_mac: Mac,
        /// Sender protocol address.
        sender: [u8; 4],
        /// Target hardware address.
        target_mac: Mac,
        /// Target protocol address.
        target: [u8; 4],
    }
}

impl Arp {
    /// Offset of the sender hardware address.
    pub const SENDER_MAC: usize = 8;
}

/// [`Arp::types`] of IPv4 over Ethernet.
pub const ARP_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];
/// [`Arp::operation`] of a request.
pub const ARP_REQUEST: [u8; 2] = [0, 1];

header! {
    /// Neighbour solicitation and advertisement up to the target (RFC 4861 §4.3, §4.4).
    Neighbour = 24 {
        /// ICMPv6 type.
        kind: u8,
        /// ICMPv6 code.
        code: u8,
        /// Checksum.
        checksum: [u8; 2],
        /// Flags.
        flags: [u8; 4],
        /// Target address.
        target: [u8; 16],
    }
}

impl Neighbour {
    /// Offset of the checksum.
    pub const CHECKSUM: usize = 2;
}

/// [`Neighbour::kind`] of a solicitation.
pub const NEIGHBOUR_SOLICITATION: u8 = 135;
/// [`Neighbour::kind`] of an advertisement.
pub const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

header! {
    /// Link-layer address option of those messages (RFC 4861 §4.6.1).
    LinkLayerOption = 8 {
        /// Whose address it is.
        kind: u8,
        /// Length in units of eight bytes.
        length: u8,
        /// The address.
        mac: Mac,
    }
}

impl LinkLayerOption {
    /// Offset of the address.
    pub const MAC: usize = 2;
}

/// [`LinkLayerOption::kind`] in a solicitation.
pub const SOURCE_LINK_LAYER: u8 = 1;
/// [`LinkLayerOption::kind`] in an advertisement.
pub const TARGET_LINK_LAYER: u8 = 2;

header! {
    /// Hop-by-hop options that fill eight bytes (RFC 8200 §4.3).
    HopByHop = 8 {
        /// Protocol of what follows this header.
        next_header: u8,
        /// Length in units of eight bytes, less the first.
        length: u8,
        /// The options.
        options: [u8; 6],
    }
}

/// ICMPv6 type of a multicast listener query.
pub const MULTICAST_LISTENER_QUERY: u8 = 130;
/// ICMPv6 type of a multicast listener report.
pub const MULTICAST_LISTENER_REPORT: u8 = 131;
/// ICMPv6 type of a multicast listener done.
pub const MULTICAST_LISTENER_DONE: u8 = 132;
/// ICMPv6 type of a version 2 multicast listener report.
pub const MULTICAST_LISTENER_REPORT_2: u8 = 143;

header! {
    /// The part of an advert that VRRPv2 (RFC 3768 §5.1) and VRRPv3 (RFC 9568 §5.1) share.
    Advert = 8 {
        /// Version and type.
        version_type: u8,
        /// Virtual router identifier.
        vrid: u8,
        /// Priority.
        priority: u8,
        /// Number of addresses.
        count: u8,
        /// Version 2: authentication type and interval. Version 3: interval.
        interval: [u8; 2],
        /// Checksum.
        checksum: [u8; 2],
    }
}

header! {
    /// Authentication header with the HMAC-MD5-96 of RFC 2338 §5.3.6.3 (RFC 2402 §2).
    Authentication = 24 {
        /// Protocol of what follows this header.
        next_header: u8,
        /// Length of this header in words, minus two.
        length: u8,
        /// Zero.
        reserved: [u8; 2],
        /// Security parameters index.
        index: [u8; 4],
        /// Sequence number.
        sequence: [u8; 4],
        /// Integrity check value.
        check: [u8; 12],
    }
}

/// [`Authentication::length`] of such a header.
pub const AUTHENTICATION_WORDS: u8 = 4;
