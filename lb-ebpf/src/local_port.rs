//! Which port of this host a flow of full NAT has: its shape and where it is are [`lb_common::local_port`]'s.
//!
//! An entry belongs to its flow as long as the flow table has that; nobody has to free it. It is taken as flow entries are, by exchanging
//! its key word.

use lb_common::{
    dest::DestValue,
    flow::BUSY,
    local_port::{self, LocalPort, PORTS_PER_BUCKET},
    service::ServiceKey,
};

use crate::{
    atomic::Word64, flow::Segment, forward::Endpoint, frame::opaque, ip::Ip, maps, parse::Packet,
    reply, service,
};

/// [`LocalPort`] as the programs write it.
#[repr(C)]
pub struct Slot {
    client: [Word64; 2],
    key: Word64,
    pad: Word64,
}

const _: () = assert!(size_of::<Slot>() == size_of::<LocalPort>());

/// A flow that has or wants a port.
pub struct Owner {
    /// Client address, IPv4-mapped for IPv4.
    client: Ip,
    /// Client port.
    port: [u8; 2],
    /// Dest id.
    dest: u16,
    /// IP protocol number.
    protocol: u8,
}

impl Owner {
    /// That of a packet to the dest `id`.
    #[inline(always)]
    pub const fn of(packet: &Packet, id: u32) -> Self {
        Self {
            client: packet.source,
            port: packet.ports.source,
            dest: id as u16,
            protocol: packet.protocol,
        }
    }

    /// The groups that its port may be of.
    #[inline(always)]
    const fn groups(&self) -> [u32; 2] {
        local_port::groups(&self.client.address(), self.port, self.dest)
    }
}

/// No entry.
pub const NOWHERE: u32 = u32::MAX;

impl Slot {
    #[inline(always)]
    fn client(&self) -> Ip {
        Ip::of_words([self.client[0].load(), self.client[1].load()])
    }
}

/// The words of [`LocalPort`] that tell whose it is.
#[inline(always)]
const fn word(owner: &Owner, pool: u16, group: u32) -> u64 {
    let [p0, p1] = owner.port;
    let [d0, d1] = owner.dest.to_ne_bytes();
    let [o0, o1] = pool.to_ne_bytes();
    let [g0, g1] = (group as u16).to_ne_bytes();
    u64::from_ne_bytes([p0, p1, d0, d1, o0, o1, g0, g1])
}

/// Port, dest, pool and group of a key word.
#[inline(always)]
const fn parts(word: u64) -> ([u8; 2], u16, u16, u16) {
    let [p0, p1, d0, d1, o0, o1, g0, g1] = word.to_ne_bytes();
    (
        [p0, p1],
        u16::from_ne_bytes([d0, d1]),
        u16::from_ne_bytes([o0, o1]),
        u16::from_ne_bytes([g0, g1]),
    )
}

#[inline(always)]
fn pool(owner: &Owner, dest: &DestValue) -> u16 {
    local_port::pool(&dest.address, dest.port, owner.protocol)
}

/// The port that the flow has; 0 without one.
#[inline(always)]
pub fn find(owner: &Owner, dest: &DestValue) -> u32 {
    let pool = pool(owner, dest);
    for group in owner.groups() {
        let word = word(owner, pool, group);
        let [high, low] = owner.client.words();
        let place = local_place(local_port::bucket(pool, group), high, low, word);
        if place < PORTS_PER_BUCKET {
            return u32::from(local_port::port(group, place));
        }
    }
    0
}

/// A port for the flow; 0 where none is free.
#[inline(always)]
pub fn take(owner: &Owner, dest: &DestValue, group: u32) -> u32 {
    let pool = pool(owner, dest);
    let [first, second] = owner.groups();
    let group = if group == 0 { first } else { second };
    let hash = local_port::bucket(pool, group);
    let Some(bucket) = maps::local_ports(hash) else {
        return 0;
    };
    for (place, slot) in bucket.iter().enumerate() {
        let old = slot.key.load();
        if old == u64::from_ne_bytes(BUSY) || old != 0 && local_lives(hash, place as u32) != 0 {
            continue;
        }
        let port = u32::from(local_port::port(group, place as u32));
        if local_serves(u32::from(owner.dest), port, u32::from(owner.protocol)) != 0 {
            continue;
        }
        if slot.key.replace(old, u64::from_ne_bytes(BUSY)) {
            let [high, low] = owner.client.words();
            slot.client[0].store(high);
            slot.client[1].store(low);
            slot.key.publish(word(owner, pool, group));
            return port;
        }
    }
    0
}

/// Where in the bucket of `hash` the entry of a client with this key word is, [`PORTS_PER_BUCKET`] without one. The verifier is to walk it
/// once, as what follows.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn local_place(hash: u32, high: u64, low: u64, word: u64) -> u32 {
    let Some(bucket) = maps::local_ports(hash) else {
        return PORTS_PER_BUCKET;
    };
    let is = |slot: &Slot| slot.key.load() == word && slot.client() == Ip::of_words([high, low]);
    let found = bucket.iter().position(is);
    found.map_or(PORTS_PER_BUCKET, |at| at as u32)
}

/// Whether the flow that has an entry is in the flow table; 0 is not.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn local_lives(hash: u32, place: u32) -> u32 {
    u32::from(slot(hash, place).is_some_and(|slot| {
        let (port, id, ..) = parts(slot.key.load());
        lives(slot.client(), port, id, Segment::Related)
    }))
}

/// Whether a port of the address that full NAT has towards the dest `id` is a virtual server's; 0 is not.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn local_serves(id: u32, port: u32, protocol: u32) -> u32 {
    let Some(dest) = maps::dest(id as u16) else {
        return 1;
    };
    let key = ServiceKey {
        address: dest.local,
        port: (port as u16).to_be_bytes(),
        protocol: protocol as u8,
        pad: 0,
    };
    u32::from(service::Table::read().is_none_or(|table| table.find_any(&key).is_some()))
}

#[inline(always)]
fn lives(client: Ip, port: [u8; 2], id: u16, segment: Segment) -> bool {
    let Some(dest) = maps::dest(id) else {
        return false;
    };
    let Some(front) = maps::front(dest.service) else {
        return false;
    };
    let client = Endpoint {
        address: client,
        port,
    };
    let family = if client.address.is_mapped() { 4 } else { 6 };
    reply::has_flow(family, &client, id, dest, front.port, segment)
}

/// The entry of the port that a reply came to, if its flow lives, and the flow refreshed; or [`NOWHERE`].
#[inline(always)]
pub fn of_reply(packet: &Packet, segment: Segment) -> u32 {
    let port = u16::from_be_bytes(packet.ports.destination);
    let Some((group, place)) = local_port::place(port) else {
        return NOWHERE;
    };
    let pool = local_port::pool(
        &packet.source.address(),
        packet.ports.source,
        packet.protocol,
    );
    let hash = local_port::bucket(pool, group);
    let Some(slot) = slot(hash, place) else {
        return NOWHERE;
    };
    let (port, id, of_pool, of_group) = parts(slot.key.load());
    if of_pool != pool || u32::from(of_group) != group {
        return NOWHERE;
    }
    let Some(dest) = maps::dest(id) else {
        return NOWHERE;
    };
    let is_its = Ip::new(&dest.address) == packet.source
        && Ip::new(&dest.local) == packet.destination
        && dest.port == packet.ports.source;
    if is_its && lives(slot.client(), port, id, segment) {
        hash & maps::local_ports_mask() | place << PLACE_SHIFT
    } else {
        NOWHERE
    }
}

/// An entry of the bucket of `hash`. The mask is for the verifier.
#[inline(always)]
fn slot(hash: u32, place: u32) -> Option<&'static Slot> {
    let bucket = maps::local_ports(hash)?;
    Some(&bucket[opaque(place as usize) & (PORTS_PER_BUCKET as usize - 1)])
}

/// The dest and the client of an entry that [`of_reply`] has said.
#[inline(always)]
pub fn owner(entry: u32) -> Option<(u16, Endpoint)> {
    let slot = slot(entry, entry >> PLACE_SHIFT)?;
    let (port, dest, ..) = parts(slot.key.load());
    let address = slot.client();
    Some((dest, Endpoint { address, port }))
}

/// Where in an entry's number its place is, behind its bucket.
const PLACE_SHIFT: u32 = 28;
