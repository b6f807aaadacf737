//! An independent judge of what the program does to a packet, whatever is in it: headers are taken apart by another library, and only
//! what may change has changed.

use std::{collections::BTreeMap, net::IpAddr};

use etherparse::{
    IpSlice, Ipv4HeaderSlice, TcpSlice, UdpSlice,
    err::ip::{HeadersError, SliceError},
};
use lb_common::dest::{FORWARD_DIRECT_ROUTE, FORWARD_GRE, FORWARD_GUE, FORWARD_IPIP, is_tunnel};

use crate::{
    packet::{DIRECTOR_MAC, checksum, crc32c},
    prog::{Answer, DROP, PASS, REDIRECT, TX},
};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const GRE: u8 = 47;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;

/// What the program's maps say.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Virtual addresses.
    pub fronts: Vec<IpAddr>,
    /// Real servers.
    pub reals: Vec<IpAddr>,
    /// The real servers' end of Ethernet: all begin alike.
    pub next_hops: [u8; 5],
    /// The director's end of tunnels.
    pub locals: Vec<IpAddr>,
    /// How real servers of the services are reached: address, protocol and port of the front, and a `FORWARD_*`.
    pub methods: BTreeMap<(IpAddr, u8, u16), u8>,
}

/// Where the headers of an IP packet lie in a frame.
#[derive(Clone, Copy, Debug)]
struct Place {
    network: usize,
    /// Of what follows all IP headers.
    transport: usize,
    end: usize,
    protocol: u8,
    is_fragment: bool,
    source: IpAddr,
    destination: IpAddr,
}

/// True when every header agrees with every other on where the packet ends.
#[must_use]
pub fn is_sound(frame: &[u8]) -> bool {
    let Some(network) = network(frame) else {
        return false;
    };
    let Ok(ip) = IpSlice::from_slice(&frame[network..]) else {
        return false;
    };
    let payload = ip.payload();
    if payload.fragmented {
        return true;
    }
    match payload.ip_number.0 {
        TCP => TcpSlice::from_slice(payload.payload).is_ok(),
        UDP => UdpSlice::from_slice(payload.payload).is_ok(),
        SCTP => payload.payload.len() >= 12,
        _ => true,
    }
}

/// True for extension headers in an order that the library does not follow; the packet ends nowhere else for that.
fn is_strange(frame: &[u8]) -> bool {
    let ip = network(frame).map(|network| IpSlice::from_slice(&frame[network..]));
    matches!(
        ip,
        Some(Err(SliceError::IpHeaders(HeadersError::Ipv6Ext(_))))
    )
}

/// Offset of the IP header, behind up to two tags.
fn network(frame: &[u8]) -> Option<usize> {
    let mut at = 12;
    for _ in 0..3 {
        match frame.get(at..at + 2)? {
            [0x08, 0x00] => return (frame.get(at + 2)? >> 4 == 4).then_some(at + 2),
            [0x86, 0xdd] => return (frame.get(at + 2)? >> 4 == 6).then_some(at + 2),
            [0x81, 0x00] | [0x88, 0xa8] => at += 4,
            _ => return None,
        }
    }
    None
}

fn place(frame: &[u8]) -> Option<Place> {
    let network = network(frame)?;
    let ip = IpSlice::from_slice(&frame[network..]).ok()?;
    let payload = ip.payload();
    let transport = payload.payload.as_ptr() as usize - frame.as_ptr() as usize;
    Some(Place {
        network,
        transport,
        end: transport + payload.payload.len(),
        protocol: payload.ip_number.0,
        is_fragment: payload.fragmented,
        source: ip.source_addr(),
        destination: ip.destination_addr(),
    })
}

/// Whether the IPv4 header's checksum and that of the transport header are right; `None` where there is none, or not all of what it
/// is over.
fn sums(frame: &[u8], place: &Place) -> [Option<bool>; 2] {
    let header = Ipv4HeaderSlice::from_slice(&frame[place.network..]).ok();
    let header = header.filter(|_| place.source.is_ipv4());
    let header = header.map(|header| checksum(header.slice()) == [0, 0]);
    if place.is_fragment {
        return [header, None];
    }
    let body = &frame[place.transport..place.end];
    [header, transport_sum(body, place)]
}

fn transport_sum(body: &[u8], place: &Place) -> Option<bool> {
    match place.protocol {
        TCP => {
            let tcp = TcpSlice::from_slice(body).ok()?;
            let right = match (place.source, place.destination) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => {
                    tcp.calc_checksum_ipv4(source.octets(), destination.octets())
                }
                (IpAddr::V6(source), IpAddr::V6(destination)) => {
                    tcp.calc_checksum_ipv6(source.octets(), destination.octets())
                }
                _ => return None,
            };
            right.ok().map(|right| right == tcp.checksum())
        }
        UDP => {
            let udp = UdpSlice::from_slice(body).ok()?;
            let header = udp.to_header();
            let right = match (place.source, place.destination) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => header.calc_checksum_ipv4_raw(
                    source.octets(),
                    destination.octets(),
                    udp.payload(),
                ),
                (IpAddr::V6(source), IpAddr::V6(destination)) => header.calc_checksum_ipv6_raw(
                    source.octets(),
                    destination.octets(),
                    udp.payload(),
                ),
                _ => return None,
            };
            let is_summed = udp.checksum() != 0;
            right
                .ok()
                .filter(|_| is_summed)
                .map(|right| right == udp.checksum())
        }
        SCTP => {
            let mut zeroed = body.to_vec();
            zeroed.get_mut(8..12)?.fill(0);
            Some(crc32c(&zeroed) == body[8..12])
        }
        ICMP => Some(checksum(body) == [0, 0]),
        ICMPV6 => {
            let (IpAddr::V6(source), IpAddr::V6(destination)) = (place.source, place.destination)
            else {
                return None;
            };
            let length = u32::try_from(body.len()).ok()?.to_be_bytes();
            let pseudo = [
                &source.octets(),
                &destination.octets(),
                &length[..],
                &[0, 0, 0, 58],
            ];
            Some(checksum(&[&pseudo.concat(), body].concat()) == [0, 0])
        }
        _ => None,
    }
}

impl World {
    /// Says what is wrong with `answer` to `frame`.
    ///
    /// # Errors
    /// A sentence.
    pub fn judge(&self, frame: &[u8], answer: &Answer) -> Result<(), String> {
        let out = &answer.packet;
        match answer.verdict {
            PASS if out == frame => Ok(()),
            DROP => self.concerns_us(frame),
            _ if is_strange(frame) => Ok(()),
            PASS => self.routed(frame, out),
            TX | REDIRECT if !is_sound(frame) => Err("sent what is malformed".to_owned()),
            TX | REDIRECT => self.sent(frame, out),
            verdict => Err(format!("verdict {verdict}")),
        }
    }

    /// What is nobody's here is not dropped.
    fn concerns_us(&self, frame: &[u8]) -> Result<(), String> {
        let ends = network(frame).and_then(|network| addresses(&frame[network..]));
        let [source, destination] = ends.ok_or("dropped what is no IP")?;
        // A router on the way tells of what went to a real server.
        let about = place(frame).filter(|place| matches!(place.protocol, ICMP | ICMPV6));
        let about = about.and_then(|place| addresses(frame.get(place.transport + 8..)?));
        let is_about = about.is_some_and(|[_, destination]| self.reals.contains(&destination));
        if self.fronts.contains(&destination) || self.reals.contains(&source) || is_about {
            Ok(())
        } else {
            Err("dropped what is nobody's here".to_owned())
        }
    }

    /// What the kernel is to send on.
    fn routed(&self, frame: &[u8], out: &[u8]) -> Result<(), String> {
        if !is_sound(frame) {
            return Err("changed what is malformed".to_owned());
        }
        let after = place(out).ok_or("no packet came out")?;
        if out.len() == frame.len() && self.fronts.contains(&after.source) {
            return rewritten(frame, out, true);
        }
        self.tunnelled(frame, out, &after)
    }

    fn sent(&self, frame: &[u8], out: &[u8]) -> Result<(), String> {
        let after = place(out).ok_or("no packet came out")?;
        let before = place(frame).ok_or("sent a packet nobody understands")?;
        let told = matches!(after.protocol, ICMP | ICMPV6) && after.destination == before.source;
        if told && self.fronts.contains(&after.source) {
            return self.too_big(frame, out, &before, &after);
        }
        let [a, b, c, d, e] = self.next_hops;
        if out[..5] != [a, b, c, d, e] || out[6..12] != DIRECTOR_MAC {
            return Err("sent to nobody's Ethernet address".to_owned());
        }
        let method = self.method(frame, &before);
        if out[12..] == frame[12..] {
            if method.is_some_and(|method| method != FORWARD_DIRECT_ROUTE) {
                return Err(format!("method {method:?} changed nothing"));
            }
            return if self.fronts.contains(&before.destination) {
                Ok(())
            } else {
                Err("sent what is for no service".to_owned())
            };
        }
        if !self.reals.contains(&after.destination) {
            return Err(format!("sent to {}, no real server", after.destination));
        }
        if last_byte(after.destination) != out[5] {
            return Err("sent to the Ethernet address of another".to_owned());
        }
        let expected = match method {
            Some(FORWARD_IPIP) if before.source.is_ipv4() => 4,
            Some(FORWARD_IPIP) => 41,
            Some(FORWARD_GUE) => UDP,
            Some(FORWARD_GRE) => GRE,
            _ => after.protocol,
        };
        let is_tunnelled = out.len() != frame.len();
        if after.protocol != expected || method.is_some_and(|m| is_tunnel(m) != is_tunnelled) {
            return Err(format!(
                "method {method:?} sent protocol {}",
                after.protocol
            ));
        }
        if !is_tunnelled {
            rewritten(frame, out, false)
        } else {
            self.tunnelled(frame, out, &after)
        }
    }

    /// That of the service the packet is for; `None` where the packet does not tell its port.
    fn method(&self, frame: &[u8], place: &Place) -> Option<u8> {
        let has_ports = matches!(place.protocol, TCP | UDP | SCTP) && !place.is_fragment;
        let at = place.transport + 2;
        let port = frame.get(at..at + 2).filter(|_| has_ports)?;
        let port = u16::from_be_bytes([port[0], port[1]]);
        self.methods
            .get(&(place.destination, place.protocol, port))
            .copied()
    }

    /// An ICMP error back to the sender of what does not fit.
    fn too_big(
        &self,
        frame: &[u8],
        out: &[u8],
        before: &Place,
        after: &Place,
    ) -> Result<(), String> {
        let quoted = &out[after.transport + 8..after.end];
        let about = &frame[before.network..];
        let right = sums(out, after).iter().all(|sum| *sum != Some(false));
        if out[..6] == frame[6..12] && about.starts_with(quoted) && right {
            Ok(())
        } else {
            Err("the error about what is too big is wrong".to_owned())
        }
    }

    /// The packet, one hop older, behind headers of a tunnel.
    fn tunnelled(&self, frame: &[u8], out: &[u8], outer: &Place) -> Result<(), String> {
        if !self.locals.contains(&outer.source) || !self.reals.contains(&outer.destination) {
            return Err("a tunnel that is none of ours".to_owned());
        }
        if sums(out, outer).contains(&Some(false)) {
            return Err("a checksum of the outer header is wrong".to_owned());
        }
        let before = place(frame).ok_or("no packet went in")?;
        let inner = &frame[before.network..before.end];
        let start = outer.end.checked_sub(inner.len());
        let start = start.filter(|start| *start >= outer.transport);
        let start = start.ok_or("too short for what went in")?;
        // With Ethernet before it.
        let mut went_in = frame[before.network - 14..before.end].to_vec();
        went_in[..14].copy_from_slice(&out[..14]);
        went_in[12..14].copy_from_slice(&frame[before.network - 2..before.network]);
        let mut came_out = went_in[..14].to_vec();
        came_out.extend(&out[start..outer.end]);
        same_but(
            &went_in,
            &came_out,
            &hop(&place(&went_in).ok_or("no packet")?),
        )?;
        same_sums(&went_in, &came_out)
    }
}

fn last_byte(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(v6) => v6.octets()[15],
    }
}

fn addresses(ip: &[u8]) -> Option<[IpAddr; 2]> {
    let v4 = |at: usize| Some(IpAddr::from(*ip.get(at..)?.first_chunk::<4>()?));
    let v6 = |at: usize| Some(IpAddr::from(*ip.get(at..)?.first_chunk::<16>()?));
    if ip.first()? >> 4 == 4 {
        Some([v4(12)?, v4(16)?])
    } else {
        Some([v6(8)?, v6(24)?])
    }
}

/// What a hop changes: TTL or hop limit, and the header's checksum.
fn hop(place: &Place) -> Vec<(usize, usize)> {
    let at = place.network;
    if place.source.is_ipv4() {
        vec![(at + 8, 1), (at + 10, 2)]
    } else {
        vec![(at + 7, 1)]
    }
}

/// Where one end of a packet is written.
fn end(place: &Place, is_source: bool) -> [(usize, usize); 2] {
    let (v4, v6, port) = if is_source { (12, 8, 0) } else { (16, 24, 2) };
    let address = if place.source.is_ipv4() {
        (place.network + v4, 4)
    } else {
        (place.network + v6, 16)
    };
    [address, (place.transport + port, 2)]
}

/// NAT: one end and what follows from it, of a reply the source.
fn rewritten(frame: &[u8], out: &[u8], is_reply: bool) -> Result<(), String> {
    let before = place(frame).ok_or("no packet went in")?;
    let mut allowed = vec![(0, 12)];
    allowed.extend(hop(&before));
    let [address, port] = end(&before, is_reply);
    allowed.push(address);
    let sum = match before.protocol {
        TCP => (16, 2),
        UDP => (6, 2),
        SCTP => (8, 4),
        _ => (2, 2),
    };
    allowed.push((before.transport + sum.0, sum.1));
    if matches!(before.protocol, ICMP | ICMPV6) {
        allowed.extend(quoted(frame, &before, !is_reply));
    } else {
        allowed.push(port);
    }
    same_but(frame, out, &allowed)?;
    same_sums(frame, out)
}

/// What changes in the packet that an ICMP error is about, which went the other way; it need not be there to its end.
fn quoted(frame: &[u8], outer: &Place, is_source: bool) -> Vec<(usize, usize)> {
    let network = outer.transport + 8;
    let is_v4 = outer.source.is_ipv4();
    let header = if is_v4 {
        usize::from(frame.get(network).map_or(0, |first| first & 15)) * 4
    } else {
        40
    };
    let place = Place {
        network,
        transport: network + header,
        ..*outer
    };
    let mut allowed = end(&place, is_source).to_vec();
    if is_v4 {
        allowed.push((network + 10, 2));
    }
    allowed
}

fn same_but(before: &[u8], after: &[u8], allowed: &[(usize, usize)]) -> Result<(), String> {
    let is_allowed = |at: usize| {
        allowed
            .iter()
            .any(|(from, len)| (*from..from + len).contains(&at))
    };
    if before.len() != after.len() {
        return Err(format!("{} bytes became {}", before.len(), after.len()));
    }
    let differs = |at: &usize| before[*at] != after[*at] && !is_allowed(*at);
    match (0..before.len()).find(differs) {
        Some(at) => Err(format!("byte {at} changed")),
        None => Ok(()),
    }
}

/// What was right is right, and what was wrong stays wrong: nobody mends what the sender got wrong.
fn same_sums(before: &[u8], after: &[u8]) -> Result<(), String> {
    let sums = |frame: &[u8]| place(frame).map(|place| sums(frame, &place));
    let (before, after) = (sums(before), sums(after));
    if before == after {
        Ok(())
    } else {
        Err(format!("checksums: {before:?} became {after:?}"))
    }
}
