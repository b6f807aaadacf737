//! Every map, private behind its getters. Names, shapes and writers are `lb_common::maps`'.

use core::ffi::c_void;

use aya_ebpf::{
    Global,
    bindings::{BPF_F_MMAPABLE, BPF_F_NO_PREALLOC},
    btf_maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf},
    macros::btf_map,
};
use lb_common::{
    bfd::{SessionValue, Silence},
    connection::{DestConnections, DestLimits},
    counter::{Counter, Traffic},
    dest::{DestValue, FrontValue, NatSourceKey, NatSourceValue},
    event::Event,
    flow::{FLOWS_PER_BUCKET4, FLOWS_PER_BUCKET6, FlowBucket4, FlowBucket6, timeout_seconds},
    fragment::{FragmentKey, FragmentValue},
    gate::{ALWAYS_OPEN, GATE_FENCED, GATE_OPEN, GateValue, OwnedKey, OwnedValue},
    hash,
    hint::HINT_RESTRICTED,
    local_port::{LocalPortBucket, PORTS_PER_BUCKET},
    maps,
    quic::QuicKey,
    ring::{CHUNK_LEN, RingChunk},
    router::{
        PeerKey, PeerValue, RouterKey, RouterValue, SenderKey, SenderValue, VRIDS_KNOWN, vrid_index,
    },
    service::{RingRef, ServiceKey, ServiceSlot, ServiceTableHeader, ServiceValue},
    virtual_mac::{RouterMacValue, VirtualMacKey, VirtualMacValue},
};

use crate::{
    atomic::Word32,
    connection::Connections,
    flow::{Slot4, Slot6},
    local_port,
};

macro_rules! statics {
    ($($spec:ident = $name:ident: $kind:ident<$($ty:ty),+> $(| $flags:expr)?;)+) => {
        $(
            #[btf_map]
            #[expect(non_upper_case_globals, reason = "the name of the static is the name of the map")]
            pub(super) static $name: $kind<$($ty,)+ { maps::$spec.max_entries as usize } $(, { $flags as usize })?> =
                $kind::new();
        )+
    };
}

/// The maps themselves, under the names they have outside.
mod tables {
    use super::{
        Array, BPF_F_MMAPABLE, BPF_F_NO_PREALLOC, DestConnections, DestLimits, DestValue, Event,
        FlowBucket4, FlowBucket6, FragmentKey, FragmentValue, FrontValue, GateValue, HashMap,
        LocalPortBucket, LruHashMap, NatSourceKey, NatSourceValue, OwnedKey, OwnedValue, PeerKey,
        PeerValue, PerCpuArray, QuicKey, RingBuf, RingChunk, RouterKey, RouterMacValue,
        RouterValue, SenderKey, SenderValue, ServiceKey, ServiceSlot, ServiceTableHeader,
        ServiceValue, SessionValue, Silence, Traffic, VirtualMacKey, VirtualMacValue, btf_map,
        maps,
    };

    statics! {
        SERVICES = services: HashMap<ServiceKey, ServiceValue> | BPF_F_NO_PREALLOC;
        SERVICE_TABLE = service_table: Array<ServiceSlot>;
        SERVICE_HEADER = service_header: Array<ServiceTableHeader>;
        RINGS = rings: Array<RingChunk>;
        DESTS = dests: Array<DestValue>;
        NAT_SOURCES = nat_sources: HashMap<NatSourceKey, NatSourceValue> | BPF_F_NO_PREALLOC;
        QUIC_SERVERS = quic_servers: HashMap<QuicKey, u32> | BPF_F_NO_PREALLOC;
        NAT_FILTER = nat_filter: Array<u64>;
        FRONTS = fronts: Array<FrontValue>;
        DEST_LIMITS = dest_limits: Array<DestLimits>;
        TIMEOUTS = timeouts: Array<u32>;
        GATES_MAP = gates: Array<GateValue>;
        OWNED = owned: HashMap<OwnedKey, OwnedValue>;
        HINTS = hints: Array<u32>;
        VIRTUAL_MACS = virtual_macs: HashMap<VirtualMacKey, VirtualMacValue> | BPF_F_NO_PREALLOC;
        ROUTER_MACS = router_macs: HashMap<RouterKey, RouterMacValue> | BPF_F_NO_PREALLOC;
        ROUTERS = routers: HashMap<RouterKey, RouterValue> | BPF_F_NO_PREALLOC;
        PEERS = peers: HashMap<PeerKey, PeerValue> | BPF_F_NO_PREALLOC;
        KNOWN_VRIDS = known_vrids: Array<u32>;
        SENDERS = senders: LruHashMap<SenderKey, SenderValue>;
        FRAGMENTS = fragments: LruHashMap<FragmentKey, FragmentValue>;
        FLOWS4 = flows4: Array<FlowBucket4> | BPF_F_MMAPABLE;
        FLOWS6 = flows6: Array<FlowBucket6> | BPF_F_MMAPABLE;
        LOCAL_PORTS = local_ports: Array<LocalPortBucket>;
        DEST_CONNECTIONS = dest_connections: Array<DestConnections>;
        CURSORS = cursors: PerCpuArray<u32>;
        COUNTERS = counters: PerCpuArray<u64>;
        SERVICE_TRAFFIC = service_traffic: PerCpuArray<Traffic>;
        DEST_TRAFFIC = dest_traffic: PerCpuArray<Traffic>;
        EVENTS = events: RingBuf<Event>;
        BFD_SESSIONS = bfd_sessions: HashMap<u32, SessionValue> | BPF_F_NO_PREALLOC;
        BFD_EVENTS = bfd_events: RingBuf<Silence>;
    }
}

#[unsafe(no_mangle)]
static JIFFIES_PER_SECOND: Global<u32> = Global::new(250);
#[unsafe(no_mangle)]
static FLOWS4_MASK: Global<u32> = Global::new(maps::FLOWS4.max_entries - 1);
#[unsafe(no_mangle)]
static FLOWS6_MASK: Global<u32> = Global::new(maps::FLOWS6.max_entries - 1);
#[unsafe(no_mangle)]
static LOCAL_PORTS_MASK: Global<u32> = Global::new(maps::LOCAL_PORTS.max_entries - 1);

/// Words of a [`ServiceTableHeader`].
pub const HEADER_WORDS: usize = size_of::<ServiceTableHeader>() / 8;

/// Ticks per second, set by the loader.
#[inline(always)]
pub fn jiffies_per_second() -> u32 {
    JIFFIES_PER_SECOND.load()
}

/// The header of the fast service table, copied word by word: userspace may replace it at any time.
#[inline(always)]
pub fn service_header() -> Option<[u64; HEADER_WORDS]> {
    let header = tables::service_header.get_ptr(0)?.cast::<u64>();
    // SAFETY: the kernel gave us the pointer, the header has as many words, and array values live as long as the program.
    Some(core::array::from_fn(|word| unsafe {
        header.add(word).read_volatile()
    }))
}

/// Looks a service up in `services`, as only the yardstick of the benchmarks does.
#[inline(always)]
pub fn has_service(key: &ServiceKey) -> bool {
    tables::services.get_ptr(key).is_some()
}

/// Slot `index` of the fast service table.
#[inline(always)]
pub fn service_slot(index: u32) -> Option<&'static ServiceSlot> {
    tables::service_table.get(index)
}

/// The dest id at `position` of `ring`.
#[inline(always)]
pub fn ring_dest(ring: RingRef, position: u32) -> Option<u16> {
    const LEN: u32 = CHUNK_LEN as u32;
    let chunk = tables::rings.get(ring.chunk + position / LEN)?;
    Some(chunk.dests[(position % LEN) as usize])
}

/// The dest `id`.
#[inline(always)]
pub fn dest(id: u16) -> Option<&'static DestValue> {
    tables::dests.get(u32::from(id))
}

/// What limits the dest `id`.
#[inline(always)]
pub fn limits(id: u16) -> Option<&'static DestLimits> {
    tables::dest_limits.get(u32::from(id))
}

/// The connections of the dest `id`.
#[inline(always)]
pub fn connections(id: u16) -> Option<&'static Connections> {
    let connections = tables::dest_connections.get_ptr(u32::from(id))?;
    // SAFETY: the kernel gave us the pointer; the value is its words (sizes asserted beside `Connections`), and array values live
    // as long as the program.
    Some(unsafe { &*connections.cast() })
}

/// Ticks after which an idle flow in `state` ends.
#[inline(always)]
pub fn timeout(state: u8) -> u32 {
    let seconds = match tables::timeouts.get(u32::from(state)) {
        Some(seconds) if *seconds != 0 => *seconds,
        _ => timeout_seconds(state),
    };
    seconds.saturating_mul(jiffies_per_second())
}

/// The dests whose address and port are `key`.
#[inline(always)]
pub fn nat_source(key: &NatSourceKey) -> Option<NatSourceValue> {
    // SAFETY: the value is copied at once; userspace replaces elements whole.
    unsafe { tables::nat_sources.get(key) }.copied()
}

/// The id of the dest that a connection ID names.
#[inline(always)]
pub fn quic_server(key: &QuicKey) -> Option<u16> {
    // SAFETY: the value is copied at once; userspace replaces elements whole.
    unsafe { tables::quic_servers.get(key) }.map(|id| *id as u16)
}

/// False when no dest has the address and port `key`.
#[inline(always)]
pub fn may_be_nat_source(key: &NatSourceKey) -> bool {
    let (word, bit) = hash::filter_bit(key);
    let found = tables::nat_filter.get(word);
    found.is_none_or(|found| *found & bit != 0)
}

/// The front of service `id`.
#[inline(always)]
pub fn front(id: u32) -> Option<&'static FrontValue> {
    tables::fronts.get(id)
}

/// The state of gate `index`.
#[inline(always)]
pub fn gate(index: u32) -> Option<&'static Word32> {
    let gate = tables::gates.get_ptr_mut(index)?;
    // SAFETY: the kernel gave us the pointer; a gate is one aligned `u32`, and array values live as long as
    // the program.
    Some(unsafe { &*gate.cast() })
}

/// The virtual address `key`.
#[inline(always)]
pub fn owned(key: &OwnedKey) -> Option<OwnedValue> {
    // SAFETY: the value is copied at once; userspace replaces elements whole.
    unsafe { tables::owned.get(key) }.copied()
}

/// The `HINT_*` bits.
#[inline(always)]
fn hints() -> Option<&'static Word32> {
    let hints = tables::hints.get_ptr_mut(0)?;
    // SAFETY: as in `gate`.
    Some(unsafe { &*hints.cast() })
}

/// True when any `HINT_*` bit is set, or nobody knows.
#[inline(always)]
pub fn has_hints() -> bool {
    hints().is_none_or(|hints| hints.load() != 0)
}

/// True when `hint`, one of the `HINT_*` bits, is set.
#[inline(always)]
pub fn is_hinted(hint: u32) -> bool {
    hints().is_some_and(|hints| hints.load() & hint != 0)
}

/// The virtual MAC `key`.
#[inline(always)]
pub fn virtual_mac(key: &VirtualMacKey) -> Option<VirtualMacValue> {
    // SAFETY: as in `owned`.
    unsafe { tables::virtual_macs.get(key) }.copied()
}

/// What the adverts of virtual router `key` leave with.
#[inline(always)]
pub fn router_mac(key: &RouterKey) -> Option<RouterMacValue> {
    // SAFETY: as in `owned`.
    unsafe { tables::router_macs.get(key) }.copied()
}

/// The entry of virtual router `key`; the kernel keeps the memory until the program ends.
#[inline(always)]
pub fn router(key: &RouterKey) -> Option<*mut RouterValue> {
    tables::routers.get_ptr_mut(key)
}

/// The peer `key`.
#[inline(always)]
pub fn peer(key: &PeerKey) -> Option<PeerValue> {
    // SAFETY: as in `owned`.
    unsafe { tables::peers.get(key) }.copied()
}

/// True when the daemon has said which VRIDs are configured on this node, and this is none of them.
#[inline(always)]
pub fn is_strange(vrid: u8, family: u8) -> bool {
    let known = |index| tables::known_vrids.get(index).copied().unwrap_or(1);
    known(VRIDS_KNOWN) != 0 && known(vrid_index(vrid, family)) == 0
}

/// The budget of sender `key`; the kernel keeps the memory until the program ends.
#[inline(always)]
pub fn sender(key: &SenderKey) -> Option<*mut SenderValue> {
    tables::senders.get_ptr_mut(key)
}

/// Makes sender `key` known. One that finds no room is new again the next time.
#[inline(always)]
pub fn remember_sender(key: &SenderKey, value: &SenderValue) {
    let _full = tables::senders.insert(key, value, 0);
}

/// The ports of the packet that `key` is a fragment of, if its first was seen.
#[inline(always)]
pub fn fragment(key: &FragmentKey) -> Option<FragmentValue> {
    // SAFETY: the value is copied at once; a fragment that is read while its entry is reused goes astray, as fragments may.
    unsafe { tables::fragments.get(key) }.copied()
}

/// Keeps the ports of the packet that `key` is the first fragment of.
#[inline(always)]
pub fn remember_fragment(key: &FragmentKey, value: &FragmentValue) {
    let _full = tables::fragments.insert(key, value, 0);
}

/// The entry of the BFD session that has this discriminator, as it is in packets; as of [`router`].
#[inline(always)]
pub fn session(discriminator: u32) -> Option<*mut SessionValue> {
    tables::bfd_sessions.get_ptr_mut(discriminator)
}

/// The `bfd_sessions` map itself, as [`routers_map`].
#[inline(always)]
pub fn sessions_map() -> *mut c_void {
    (&raw const tables::bfd_sessions).cast_mut().cast()
}

/// The `routers` map itself, which `bpf_timer_init` wants.
#[inline(always)]
pub fn routers_map() -> *mut c_void {
    (&raw const tables::routers).cast_mut().cast()
}

/// The IPv4 bucket of `hash`.
#[inline(always)]
pub fn flow_bucket4(hash: u32) -> Option<&'static [Slot4; FLOWS_PER_BUCKET4 as usize]> {
    let bucket = tables::flows4.get_ptr(hash & FLOWS4_MASK.load())?;
    // SAFETY: the kernel gave us the pointer; a bucket is its slots (sizes asserted beside `Slot4`), a slot
    // is all atomics, and array values live as long as the program.
    Some(unsafe { &*bucket.cast() })
}

/// The IPv6 bucket of `hash`.
#[inline(always)]
pub fn flow_bucket6(hash: u32) -> Option<&'static [Slot6; FLOWS_PER_BUCKET6 as usize]> {
    let bucket = tables::flows6.get_ptr(hash & FLOWS6_MASK.load())?;
    // SAFETY: as in `flow_bucket4`.
    Some(unsafe { &*bucket.cast() })
}

/// The buckets of `local_ports` minus one.
#[inline(always)]
pub fn local_ports_mask() -> u32 {
    LOCAL_PORTS_MASK.load()
}

/// The bucket of local ports of `hash`.
#[inline(always)]
pub fn local_ports(hash: u32) -> Option<&'static [local_port::Slot; PORTS_PER_BUCKET as usize]> {
    let bucket = tables::local_ports.get_ptr(hash & local_ports_mask())?;
    // SAFETY: as in `flow_bucket4`.
    Some(unsafe { &*bucket.cast() })
}

/// This CPU's next position in a ring of `len` entries of service `id`.
#[inline(always)]
pub fn next_cursor(id: u32, len: u32) -> u32 {
    let Some(cursor) = tables::cursors.get_ptr_mut(id) else {
        return 0;
    };
    // SAFETY: the value is this CPU's own, and XDP is not interrupted by XDP.
    unsafe {
        let here = *cursor;
        let here = if here < len { here } else { 0 };
        *cursor = here + 1;
        here
    }
}

/// Adds one to `counter`.
#[inline(always)]
pub fn count(counter: Counter) {
    if let Some(value) = tables::counters.get_ptr_mut(counter as u32) {
        // SAFETY: the value is this CPU's own; a timer that interrupts between load and store costs one count.
        unsafe { *value += 1 };
    }
}

/// Adds a packet of `bytes` bytes to the traffic of `service` and `dest`.
#[inline(always)]
pub fn count_traffic(service: u32, dest: u16, bytes: u64, new_flow: bool) {
    add_traffic(
        tables::service_traffic.get_ptr_mut(service),
        bytes,
        new_flow,
    );
    add_traffic(
        tables::dest_traffic.get_ptr_mut(u32::from(dest)),
        bytes,
        new_flow,
    );
}

#[inline(always)]
fn add_traffic(traffic: Option<*mut Traffic>, bytes: u64, new_flow: bool) {
    if let Some(traffic) = traffic {
        // SAFETY: the value is this CPU's own, and XDP is not interrupted by XDP.
        unsafe {
            (*traffic).flows += u64::from(new_flow);
            (*traffic).packets += 1;
            (*traffic).bytes += bytes;
        }
    }
}

/// Sends `event` to the daemon.
#[inline(always)]
pub fn emit(event: &Event) {
    if tables::events.output(event, 0).is_err() {
        count(Counter::EventLost);
    }
}

/// Tells the daemon of a BFD session that is silent.
#[inline(always)]
pub fn emit_silence(silence: &Silence) {
    if tables::bfd_events.output(silence, 0).is_err() {
        count(Counter::EventLost);
    }
}

/// Fences gate `index`, and tells every CPU that a gate is fenced. False when it was fenced before.
#[inline(always)]
pub fn fence(index: u32) -> bool {
    let (Some(gate), Some(hints)) = (gate(index), hints()) else {
        return false;
    };
    let before = gate.load();
    hints.set(HINT_RESTRICTED);
    gate.store(GATE_FENCED);
    // The daemon may have cleared the hint between the two because no gate was fenced yet.
    hints.set(HINT_RESTRICTED);
    before != GATE_FENCED
}

/// True when gate `index` is open.
#[inline(always)]
pub fn is_open(index: u32) -> bool {
    index == ALWAYS_OPEN || gate(index).is_some_and(|gate| gate.load() == GATE_OPEN)
}

/// True when gate `index` is fenced.
#[inline(always)]
pub fn is_fenced(index: u32) -> bool {
    gate(index).is_some_and(|gate| gate.load() == GATE_FENCED)
}
