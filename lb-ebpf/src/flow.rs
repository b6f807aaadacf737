//! The flow tables: which dest a connection belongs to.
//!
//! A bucket is one cache line, or two for IPv6, and is worked on without a lock. An entry is taken by exchanging its key word
//! for [`BUSY`], which matches no flow; then the rest is written and the new key word published, both
//! exchanges full barriers. What is left of races, and why it does no harm:
//!
//! - Two CPUs take a flow's first two packets at once: both make an entry, and the first in the bucket wins from
//!   then on; or one takes the place of the other, and the packet before went astray. A NIC sends the packets of one flow to one CPU, so
//!   this is rare.
//! - A reader matches a key just before the entry is taken from it, and reads the new owner's dest: that entry
//!   was expired or the least worth of a full bucket, and one packet goes astray.
//! - A reader refreshes an entry that has a new owner by now: it writes `seen` alone, and the state only by
//!   compare-and-exchange of the word that has the dest too. So the dest of a flow never changes by a race.

use aya_ebpf::helpers::generated::bpf_jiffies64;
use lb_common::{
    connection::SWEPT_LEFT,
    counter::Counter,
    flow::{
        BUSY, FLOW_CLOSING, FLOW_DATAGRAM, FLOW_ESTABLISHED, FLOW_SYN, FLOW_TEMPLATE,
        FLOWS_PER_BUCKET6, FlowEntry4, FlowEntry6, age,
    },
    hash,
};

use crate::{atomic::Word64, connection, ip::Ip, maps, sweep};

/// What a packet does to its flow.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Segment {
    /// TCP: SYN without ACK.
    Open,
    /// TCP: SYN with ACK, the server's answer; the flow stays half open until the client acknowledges.
    Accept,
    /// TCP: neither opens nor closes.
    Middle,
    /// TCP: FIN or RST.
    Close,
    /// UDP.
    Datagram,
    /// An ICMP error about one of its packets, which anybody may have made: it neither makes a flow nor changes one.
    Related,
}

impl Segment {
    /// The segment whose `repr` is `number`.
    #[inline(always)]
    pub const fn of_number(number: u32) -> Self {
        const OPEN: u32 = Segment::Open as u32;
        const ACCEPT: u32 = Segment::Accept as u32;
        const MIDDLE: u32 = Segment::Middle as u32;
        const CLOSE: u32 = Segment::Close as u32;
        const DATAGRAM: u32 = Segment::Datagram as u32;
        match number {
            OPEN => Self::Open,
            ACCEPT => Self::Accept,
            MIDDLE => Self::Middle,
            CLOSE => Self::Close,
            DATAGRAM => Self::Datagram,
            _ => Self::Related,
        }
    }
}

/// A flow's identity.
pub struct Key {
    /// 4 or 6.
    pub family: u8,
    /// Client address, IPv4-mapped for IPv4.
    pub client: Ip,
    /// Client port.
    pub port: [u8; 2],
    /// Service id.
    pub service: u32,
    /// [`lb_common::hash::flow`] of the three.
    pub hash: u32,
}

/// [`FlowEntry4`] as the programs write it.
#[repr(C)]
pub struct Slot4 {
    key: Word64,
    value: Word64,
}

/// [`FlowEntry6`] as the programs write it.
#[repr(C)]
pub struct Slot6 {
    client: [Word64; 2],
    key: Word64,
    value: Word64,
}

const _: () = assert!(size_of::<Slot4>() == size_of::<FlowEntry4>());
const _: () = assert!(size_of::<Slot6>() == size_of::<FlowEntry6>());

/// What an entry says: the second word of a [`FlowEntry4`].
#[derive(Clone, Copy)]
pub struct Value {
    /// Dest id.
    pub dest: u16,
    /// The dest's generation when the entry was made.
    pub generation: u8,
    /// One of the `FLOW_*` constants.
    pub state: u8,
    /// Low 32 bits of jiffies when the flow was last seen; of a template, when it ends.
    pub seen: u32,
}

impl Key {
    /// That of the template of the client, of whose address `granularity` bits count.
    #[inline(always)]
    pub fn template(&self, granularity: u8) -> Self {
        let client = self.client.masked(self.family, granularity);
        let port = [0; 2];
        Self {
            client,
            port,
            hash: hash::flow(&client.address(), port, number(self.service)),
            ..*self
        }
    }
}

impl Value {
    #[inline(always)]
    const fn to_word(self) -> u64 {
        let [d0, d1] = self.dest.to_ne_bytes();
        let [s0, s1, s2, s3] = self.seen.to_ne_bytes();
        u64::from_ne_bytes([d0, d1, self.generation, self.state, s0, s1, s2, s3])
    }

    #[inline(always)]
    const fn from_word(word: u64) -> Self {
        let [d0, d1, generation, state, s0, s1, s2, s3] = word.to_ne_bytes();
        Self {
            dest: u16::from_ne_bytes([d0, d1]),
            generation,
            state,
            seen: u32::from_ne_bytes([s0, s1, s2, s3]),
        }
    }

    #[inline(always)]
    fn is_expired(self, now: u32) -> bool {
        if self.state == FLOW_TEMPLATE {
            now.wrapping_sub(self.seen) <= u32::MAX / 2
        } else {
            age(now, self.seen) >= maps::timeout(self.state)
        }
    }

    /// How ready it is to go where one has to, by how long nobody needed it: before all others what is half open, of which anybody
    /// can make any number; a template is the last.
    #[inline(always)]
    fn readiness(self, now: u32) -> u64 {
        let idle = u64::from(age(now, self.seen)) + 2;
        if self.is_expired(now) {
            READY_EXPIRED + idle
        } else if self.state == FLOW_TEMPLATE {
            1
        } else if self.state == FLOW_SYN {
            READY_HALF_OPEN + idle
        } else {
            idle
        }
    }
}

/// Low 32 bits of jiffies.
#[inline(always)]
pub fn now() -> u32 {
    // SAFETY: reads a counter.
    unsafe { bpf_jiffies64() as u32 }
}

/// The live entry of `key`, refreshed by `segment`, if `keep` wants it.
#[inline(always)]
pub fn find(
    key: &Key,
    now: u32,
    segment: Segment,
    keep: impl FnOnce(Value) -> bool,
) -> Option<Value> {
    if key.family == 4 {
        find_in(maps::flow_bucket4(key.hash)?, key, now, segment, keep)
    } else {
        find_in(maps::flow_bucket6(key.hash)?, key, now, segment, keep)
    }
}

/// The dest and its generation of the live template `key`, which lasts until `until` from now on, if `keep` wants it.
#[inline(always)]
pub fn find_template(
    key: &Key,
    now: u32,
    until: u32,
    keep: impl Fn(Value) -> bool,
) -> Option<Value> {
    if key.family == 4 {
        template_in(maps::flow_bucket4(key.hash)?, key, now, until, keep)
    } else {
        template_in(maps::flow_bucket6(key.hash)?, key, now, until, keep)
    }
}

/// Makes the live template `key` last until `until`, if it would end before.
#[inline(always)]
pub fn prolong(key: &Key, now: u32, until: u32) {
    let ends_before = |value: Value| until.wrapping_sub(value.seen) <= u32::MAX / 2;
    find_template(key, now, until, ends_before);
}

/// Makes an entry for a flow, see [`put`].
#[inline(always)]
pub fn insert(key: &Key, now: u32, dest: u16, generation: u8, segment: Segment) -> bool {
    let value = Value {
        dest,
        generation,
        state: first_state(segment),
        seen: now,
    };
    put(key, now, value)
}

/// Makes an entry for `key`, in place of the one it has or of the entry least worth keeping. Says whether that was to be had: other
/// processors may have been quicker, twice.
#[inline(always)]
pub fn put(key: &Key, now: u32, value: Value) -> bool {
    let entry = Entry {
        client: key.client,
        port: key.port,
        pad: [0; 2],
        service: key.service,
        hash: key.hash,
        value: value.to_word(),
        now,
    };
    let entry = &raw const entry;
    if key.family == 4 {
        put_entry4(entry) != 0 || put_entry4(entry) != 0
    } else {
        put_entry6(entry) != 0 || put_entry6(entry) != 0
    }
}

/// An entry to be made. 40 bytes without gaps, so that it can be handed to a global function.
#[repr(C)]
pub struct Entry {
    /// [`Key::client`].
    client: Ip,
    /// [`Value`].
    value: u64,
    /// [`Key::port`].
    port: [u8; 2],
    /// Zero.
    pad: [u8; 2],
    /// [`Key::service`].
    service: u32,
    /// [`Key::hash`].
    hash: u32,
    /// Low 32 bits of jiffies.
    now: u32,
}

/// One try of [`put`] for IPv4, which the verifier is to walk once; 0 is in vain.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn put_entry4(entry: *const Entry) -> u32 {
    put_entry(entry, 4, maps::flow_bucket4)
}

/// The same for IPv6.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn put_entry6(entry: *const Entry) -> u32 {
    put_entry(entry, 6, maps::flow_bucket6)
}

#[inline(always)]
fn put_entry<S: Slot, const N: usize>(
    entry: *const Entry,
    family: u8,
    bucket: impl Fn(u32) -> Option<&'static [S; N]>,
) -> u32 {
    // SAFETY: the verifier sees to it that a caller hands a whole one or none.
    let entry = unsafe { entry.as_ref() };
    if let Some(entry) = entry
        && let Some(bucket) = bucket(entry.hash)
    {
        let key = Key {
            family,
            client: entry.client,
            port: entry.port,
            service: entry.service,
            hash: entry.hash,
        };
        return u32::from(put_in(
            bucket,
            &key,
            entry.now,
            Value::from_word(entry.value),
        ));
    }
    0
}

#[inline(always)]
fn find_in<S: Slot>(
    bucket: &'static [S],
    key: &Key,
    now: u32,
    segment: Segment,
    keep: impl FnOnce(Value) -> bool,
) -> Option<Value> {
    let slot = bucket.get(S::position(bucket, key))?;
    let word = slot.value().load();
    let value = Value::from_word(word);
    // A packet from port 0 has the key of a template.
    if value.state == FLOW_TEMPLATE || value.is_expired(now) || !keep(value) {
        return None;
    }
    if segment == Segment::Related {
        return Some(value);
    }
    let state = next_state(value.state, segment);
    if state != value.state {
        let next = Value {
            state,
            seen: now,
            ..value
        };
        // Where this fails the entry has another owner or another state by now, and both are right.
        if slot.value().replace(word, next.to_word()) {
            connection::change(value, state);
        }
    } else if value.seen != now {
        // The line stays shared between CPUs while nothing changes.
        let [_, seen] = slot.value().parts();
        seen.store(now);
    }
    Some(value)
}

#[inline(always)]
fn template_in<S: Slot>(
    bucket: &'static [S],
    key: &Key,
    now: u32,
    until: u32,
    keep: impl Fn(Value) -> bool,
) -> Option<Value> {
    let slot = bucket.get(S::position(bucket, key))?;
    let value = Value::from_word(slot.value().load());
    if value.state != FLOW_TEMPLATE || value.is_expired(now) || !keep(value) {
        return None;
    }
    let [_, seen] = slot.value().parts();
    seen.store(until);
    Some(value)
}

/// Frees the ended entries of a bucket; says how many, and with [`SWEPT_LEFT`] how many go on.
#[inline(always)]
pub fn sweep<S: Slot>(bucket: &'static [S]) -> u32 {
    let mut swept = 0;
    let now = now();
    for slot in bucket {
        let word = slot.key().load();
        if word == 0 {
            continue;
        }
        if word == u64::from_ne_bytes(BUSY) {
            swept += SWEPT_LEFT;
            continue;
        }
        let value = Value::from_word(slot.value().load());
        if value.is_expired(now) {
            swept += if free(slot, word, now) { 1 } else { SWEPT_LEFT };
            continue;
        }
        swept += SWEPT_LEFT;
        if value.state != FLOW_TEMPLATE {
            let key = slot.key_of(word);
            if let Some(front) = maps::front(key.service) {
                sweep::keep_template(&key, front, now);
            }
        }
    }
    swept
}

/// Frees the entry of `key`, if there is one: its flow is over, and whose the next is nobody knows yet.
#[inline(always)]
pub fn forget(key: &Key) {
    if key.family == 4 {
        if let Some(bucket) = maps::flow_bucket4(key.hash) {
            forget_in(bucket, key);
        }
    } else if let Some(bucket) = maps::flow_bucket6(key.hash) {
        forget_in(bucket, key);
    }
}

#[inline(always)]
fn forget_in<S: Slot>(bucket: &'static [S], key: &Key) {
    let Some(slot) = bucket.get(S::position(bucket, key)) else {
        return;
    };
    let word = S::word(key);
    if !slot.key().replace(word, u64::from_ne_bytes(BUSY)) {
        return;
    }
    if slot.client_is(key) {
        connection::end(Value::from_word(slot.value().swap(0)));
        slot.key().publish(0);
    } else {
        // It had a new owner by then, with the same key word.
        slot.key().publish(word);
    }
}

/// Frees an entry, unless it lives again by now.
#[inline(always)]
fn free<S: Slot>(slot: &S, word: u64, now: u32) -> bool {
    if !slot.key().replace(word, u64::from_ne_bytes(BUSY)) {
        return false;
    }
    let last = slot.value().swap(0);
    let value = Value::from_word(last);
    let is_over = value.is_expired(now);
    if is_over {
        connection::end(value);
        slot.key().publish(0);
    } else {
        slot.value().store(last);
        slot.key().publish(word);
    }
    is_over
}

#[inline(always)]
fn put_in<S: Slot>(bucket: &'static [S], key: &Key, now: u32, value: Value) -> bool {
    // Not an `Option`: what is undefined in an empty one may be copied, which the kernel refuses.
    let (mut victim, mut old, mut most) = (0, 0, 0);
    for (place, slot) in bucket.iter().enumerate() {
        let word = slot.key().load();
        let own = if slot.client_is(key) { S::word(key) } else { 0 };
        let ready = readiness(word, slot.value().load(), own, now);
        if ready > most {
            (victim, old, most) = (place, word, ready);
        }
    }
    // 0: every entry is being written by another CPU.
    let Some(slot) = bucket.get(victim).filter(|_| most != 0) else {
        return false;
    };
    if !slot.key().replace(old, u64::from_ne_bytes(BUSY)) {
        return false;
    }
    slot.write_client(key);
    let last = slot.value().swap(value.to_word());
    if old != 0 {
        connection::end(Value::from_word(last));
    }
    connection::begin(value);
    slot.key().publish(S::word(key));
    maps::count(Counter::FlowCreated);
    if most < READY_EXPIRED {
        maps::count(Counter::FlowEvicted);
    }
    true
}

/// The flow's own entry.
const READY_OWN: u64 = 8 << 32;
/// A free entry.
const READY_FREE: u64 = 6 << 32;
/// An expired entry, the older the readier.
const READY_EXPIRED: u64 = 4 << 32;
/// A half-open connection, likewise.
const READY_HALF_OPEN: u64 = 2 << 32;

/// How ready an entry with key word `word` and value word `value` is to be taken for a flow whose own would have key word `own`; 0 is
/// not at all. The verifier is to walk it once, not for every slot and all that may be in those before it.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn readiness(word: u64, value: u64, own: u64, now: u32) -> u64 {
    if word == 0 {
        READY_FREE
    } else if word == u64::from_ne_bytes(BUSY) {
        0
    } else if word == own {
        READY_OWN
    } else {
        Value::from_word(value).readiness(now)
    }
}

/// An entry of either family.
pub trait Slot: 'static {
    fn key(&self) -> &Word64;
    fn value(&self) -> &Word64;
    fn word(key: &Key) -> u64;
    fn client_is(&self, key: &Key) -> bool;
    fn write_client(&self, key: &Key);
    /// The key of an entry whose key word is `word`.
    fn key_of(&self, word: u64) -> Key;

    /// Where the entry of `key` is; beyond the end of the bucket if it has none.
    fn position(bucket: &[Self], key: &Key) -> usize
    where
        Self: Sized;
}

impl Slot for Slot4 {
    #[inline(always)]
    fn key(&self) -> &Word64 {
        &self.key
    }
    #[inline(always)]
    fn value(&self) -> &Word64 {
        &self.value
    }
    #[inline(always)]
    fn word(key: &Key) -> u64 {
        let [a, b, c, d] = key.client.v4();
        let [low, high] = number(key.service);
        u64::from_ne_bytes([a, b, c, d, key.port[0], key.port[1], low, high])
    }
    #[inline(always)]
    fn position(bucket: &[Self], key: &Key) -> usize {
        let word = Self::word(key);
        let found = bucket.iter().position(|slot| slot.key.load() == word);
        found.unwrap_or(bucket.len())
    }
    #[inline(always)]
    fn client_is(&self, _key: &Key) -> bool {
        true
    }
    #[inline(always)]
    fn write_client(&self, _key: &Key) {}
    #[inline(always)]
    fn key_of(&self, word: u64) -> Key {
        let [a, b, c, d, port0, port1, low, high] = word.to_ne_bytes();
        Key {
            family: 4,
            client: Ip::mapped([a, b, c, d]),
            port: [port0, port1],
            service: service_of([low, high]),
            hash: 0,
        }
    }
}

/// [`Slot::position`] of an IPv6 flow by its client and key word. The verifier is to walk it once, and what follows it once for all
/// slots.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn position6(hash: u32, high: u64, low: u64, word: u64) -> u32 {
    let Some(bucket) = maps::flow_bucket6(hash) else {
        return FLOWS_PER_BUCKET6;
    };
    let is = |slot: &Slot6| {
        slot.key.load() == word && slot.client[0].load() == high && slot.client[1].load() == low
    };
    let found = bucket.iter().position(is);
    found.map_or(FLOWS_PER_BUCKET6, |at| at as u32)
}

impl Slot for Slot6 {
    #[inline(always)]
    fn key(&self) -> &Word64 {
        &self.key
    }
    #[inline(always)]
    fn value(&self) -> &Word64 {
        &self.value
    }
    #[inline(always)]
    fn word(key: &Key) -> u64 {
        let [low, high] = number(key.service);
        u64::from_ne_bytes([key.port[0], key.port[1], low, high, 0, 0, 0, 0])
    }
    #[inline(always)]
    fn position(_bucket: &[Self], key: &Key) -> usize {
        let [high, low] = key.client.words();
        position6(key.hash, high, low, Self::word(key)) as usize
    }
    #[inline(always)]
    fn client_is(&self, key: &Key) -> bool {
        let [high, low] = key.client.words();
        self.client[0].load() == high && self.client[1].load() == low
    }
    #[inline(always)]
    fn write_client(&self, key: &Key) {
        let [high, low] = key.client.words();
        self.client[0].store(high);
        self.client[1].store(low);
    }
    #[inline(always)]
    fn key_of(&self, word: u64) -> Key {
        let [port0, port1, low, high, ..] = word.to_ne_bytes();
        Key {
            family: 6,
            client: Ip::of_words([self.client[0].load(), self.client[1].load()]),
            port: [port0, port1],
            service: service_of([low, high]),
            hash: 0,
        }
    }
}

/// A service as entries name it: its id plus one.
#[inline(always)]
const fn number(service: u32) -> [u8; 2] {
    (service as u16).wrapping_add(1).to_ne_bytes()
}

/// The service of an entry that names it so.
#[inline(always)]
const fn service_of(number: [u8; 2]) -> u32 {
    u16::from_ne_bytes(number).wrapping_sub(1) as u32
}

#[inline(always)]
const fn first_state(segment: Segment) -> u8 {
    match segment {
        Segment::Open | Segment::Accept => FLOW_SYN,
        Segment::Middle | Segment::Related => FLOW_ESTABLISHED,
        Segment::Close => FLOW_CLOSING,
        Segment::Datagram => FLOW_DATAGRAM,
    }
}

/// A closing flow stays closing; its SYN is a new flow and does not come here.
#[inline(always)]
const fn next_state(state: u8, segment: Segment) -> u8 {
    match segment {
        Segment::Close => FLOW_CLOSING,
        Segment::Middle if state == FLOW_SYN => FLOW_ESTABLISHED,
        Segment::Open
        | Segment::Accept
        | Segment::Middle
        | Segment::Datagram
        | Segment::Related => state,
    }
}
