//! Virtual MACs: what leaves and arrives under the MAC of a virtual router.
//!
//! Where a link (macvlan) has the MAC, the kernel sends with it and takes what comes to it; only its membership reports are
//! mended here. Where none has, the MAC is written into what tells neighbours of the virtual router, and turned back into the
//! interface's own in what they send to it.

use aya_ebpf::programs::TcContext;
use lb_common::{
    Mac,
    checksum::{Sum, update},
    gate::OwnedKey,
    hint::HINT_VIRTUAL_MAC,
    router::RouterKey,
    virtual_mac::{VIRTUAL_MAC_FLAG_LINK, VirtualMacKey},
};

use crate::{
    frame::{self, Frame},
    ip::Ip,
    maps,
    packet::{
        ARP_IPV4, Arp, Ethernet, HopByHop, LinkLayerOption, MULTICAST_LISTENER_DONE,
        MULTICAST_LISTENER_QUERY, MULTICAST_LISTENER_REPORT, MULTICAST_LISTENER_REPORT_2,
        NEIGHBOUR_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, Neighbour, PROTOCOL_HOP_BY_HOP,
        PROTOCOL_ICMPV6, PROTOCOL_IGMP, SOURCE_LINK_LAYER, TARGET_LINK_LAYER,
    },
    parse::Packet,
};

/// Another source for a packet that leaves.
///
/// Without options inside: what they leave unset would be copied with the rest, and the verifier refuses that.
#[derive(Clone, Copy)]
pub struct Source {
    mac: Mac,
    /// Offset of where the packet tells it once more, 0 where it does not.
    again: usize,
    /// Offset of the checksum over that, 0 without one.
    checksum_at: usize,
    /// What the checksum becomes.
    checksum: [u8; 2],
}

impl Source {
    /// Writes it; true when it is written everywhere.
    #[inline(always)]
    pub fn write(&self, context: &TcContext) -> bool {
        self.write_all(context).is_some()
    }

    /// The last place first: the kernel makes all before it writable with it, or changes nothing.
    #[inline(always)]
    fn write_all(&self, context: &TcContext) -> Option<()> {
        if self.again != 0 {
            frame::put(context, self.again, &self.mac)?;
        }
        if self.checksum_at != 0 {
            frame::put(context, self.checksum_at, &self.checksum)?;
        }
        frame::put(context, size_of::<Mac>(), &self.mac)
    }

    /// One that only the Ethernet header tells.
    #[inline(always)]
    const fn outside(mac: Mac) -> Self {
        Self {
            mac,
            again: 0,
            checksum_at: 0,
            checksum: [0; 2],
        }
    }
}

/// That of an advert of virtual router `key`, where no link has its MAC.
#[inline(always)]
pub fn of_advert(key: &RouterKey) -> Option<Source> {
    if !maps::is_hinted(HINT_VIRTUAL_MAC) {
        return None;
    }
    Some(Source::outside(maps::router_mac(key)?.mac))
}

/// That of the ARP message at `offset`, if its sender is a virtual address whose MAC no link has.
#[inline(always)]
pub fn of_arp(frame: &Frame, offset: usize) -> Option<Source> {
    if !maps::is_hinted(HINT_VIRTUAL_MAC) {
        return None;
    }
    let arp = frame.get::<Arp>(offset)?;
    if arp.types != ARP_IPV4 {
        return None;
    }
    Some(Source {
        again: offset + Arp::SENDER_MAC,
        ..Source::outside(of_address(Ip::mapped(arp.sender))?)
    })
}

/// That of a neighbour advertisement about such an address, or a solicitation from one.
#[inline(always)]
pub fn of_neighbour(frame: &Frame, packet: &Packet) -> Option<Source> {
    if packet.family != 6
        || packet.protocol != PROTOCOL_ICMPV6
        || !maps::is_hinted(HINT_VIRTUAL_MAC)
    {
        return None;
    }
    let message = frame.get::<Neighbour>(packet.transport)?;
    let (address, kind) = match message.kind {
        NEIGHBOUR_ADVERTISEMENT => (Ip::new(&message.target), TARGET_LINK_LAYER),
        NEIGHBOUR_SOLICITATION => (packet.source, SOURCE_LINK_LAYER),
        _ => return None,
    };
    let mac = of_address(address)?;
    let at = packet.transport + size_of::<Neighbour>();
    let Some(old) = link_layer_option(frame, packet, at, kind) else {
        return Some(Source::outside(mac));
    };
    Some(Source {
        mac,
        again: at + LinkLayerOption::MAC,
        checksum_at: packet.transport + Neighbour::CHECKSUM,
        checksum: update(message.checksum, change(old, &mac)),
    })
}

/// The MAC in the link-layer address option of a neighbour message, which is the first one, at `at`, where there is any.
#[inline(always)]
fn link_layer_option<'a>(
    frame: &'a Frame,
    packet: &Packet,
    at: usize,
    kind: u8,
) -> Option<&'a Mac> {
    let option = frame.get::<LinkLayerOption>(at)?;
    let is_there = packet.end >= at + size_of::<LinkLayerOption>();
    (is_there && option.kind == kind && option.length == 1).then_some(&option.mac)
}

#[inline(always)]
const fn change(old: &Mac, new: &Mac) -> Sum {
    let [a, b, c, d, e, f] = *old;
    let [g, h, i, j, k, l] = *new;
    let taken = Sum::new().sub32([a, b, c, d]).sub16([e, f]);
    taken.add32([g, h, i, j]).add16([k, l])
}

/// That of a membership report from any virtual MAC: the interface's own. Switches would look for the virtual MAC where the
/// report came from, and a backup sends them too.
#[inline(always)]
pub fn of_membership(frame: &Frame, packet: &Packet, ifindex: u32) -> Option<Source> {
    if !is_membership(frame, packet) {
        return None;
    }
    let key = key_of(ifindex, &frame.get::<Ethernet>(0)?.source);
    Some(Source::outside(maps::virtual_mac(&key)?.mac))
}

/// True for IGMP, and for MLD, which comes with a router alert (RFC 3810 §5).
#[inline(always)]
fn is_membership(frame: &Frame, packet: &Packet) -> bool {
    if packet.family == 4 {
        return packet.protocol == PROTOCOL_IGMP;
    }
    if packet.protocol != PROTOCOL_HOP_BY_HOP {
        return false;
    }
    let Some(header) = frame.get::<HopByHop>(packet.transport) else {
        return false;
    };
    if header.next_header != PROTOCOL_ICMPV6 || header.length != 0 {
        return false;
    }
    let kind = frame.get::<[u8; 1]>(packet.transport + size_of::<HopByHop>());
    matches!(
        kind,
        Some([MULTICAST_LISTENER_QUERY
            | MULTICAST_LISTENER_REPORT
            | MULTICAST_LISTENER_DONE
            | MULTICAST_LISTENER_REPORT_2])
    )
}

/// Makes the destination of a frame that came by `ifindex` to a virtual MAC the interface's own, so that the kernel takes it
/// for its own; true when it did. Behind a gate that is not open the MAC is another's.
#[inline(always)]
pub fn turn_back(frame: &mut Frame, ifindex: u32) -> bool {
    maps::is_hinted(HINT_VIRTUAL_MAC) && readdress(frame, ifindex).is_some()
}

#[inline(always)]
fn readdress(frame: &mut Frame, ifindex: u32) -> Option<()> {
    let key = key_of(ifindex, &frame.get::<Ethernet>(0)?.destination);
    let value = maps::virtual_mac(&key)?;
    if value.flags & VIRTUAL_MAC_FLAG_LINK != 0 || !maps::is_open(value.gate) {
        return None;
    }
    let ethernet = frame.get_mut::<Ethernet>(0)?;
    let source = ethernet.source;
    ethernet.readdress(&value.mac, &source);
    Some(())
}

/// The MAC that `address` answers with, if it is a virtual one and ours now.
#[inline(always)]
fn of_address(address: Ip) -> Option<Mac> {
    let key = OwnedKey {
        address: address.address(),
    };
    let owned = maps::owned(&key)?;
    let is_ours = owned.mac != [0; 6] && maps::is_open(owned.gate);
    is_ours.then_some(owned.mac)
}

/// Byte by byte, as [`Ethernet::readdress`].
#[inline(always)]
const fn key_of(ifindex: u32, mac: &Mac) -> VirtualMacKey {
    let [a, b, c, d, e, f] = *mac;
    VirtualMacKey {
        ifindex,
        mac: [a, b, c, d, e, f],
        pad: [0; 2],
    }
}
