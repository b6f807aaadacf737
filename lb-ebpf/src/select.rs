//! Schedulers: which dest a packet goes to.

use lb_common::{
    dest::{DEST_DRAINING, DEST_USABLE, DestValue, is_nat},
    flow::{FLOW_CLOSING, FLOW_TEMPLATE},
    hash,
    service::{
        RingRef, SCHEDULER_LC, SCHEDULER_MH, SCHEDULER_MH_COUNTED, SCHEDULER_RR, SCHEDULER_SH,
        SERVICE_FALLBACK, SERVICE_HASH_PORT, SERVICE_NAT, SERVICE_ONE_PACKET, ServiceValue,
    },
};

use crate::{
    connection,
    flow::{self, Key, Segment, Value},
    maps,
    outcome::Outcome,
    search,
};

/// A dest chosen for a packet.
pub struct Choice {
    /// Its id.
    pub id: u16,
    /// What is known about it.
    pub dest: &'static DestValue,
    /// The packet starts a flow.
    pub new_flow: bool,
}

/// What becomes of a packet of `service` that [`find`] has no dest for. An answer of its own, because as the other half of a
/// `Result` it would share a register with the pointer of a [`Choice`].
#[inline(always)]
pub fn missed(service: &ServiceValue, segment: Segment) -> Outcome {
    if segment == Segment::Related {
        Outcome::NoDest
    } else if service.scheduler == SCHEDULER_MH || begins_flow(segment) {
        Outcome::Begin
    } else {
        Outcome::FlowMissed
    }
}

/// Whether a flow begins with it.
#[inline(always)]
fn begins_flow(segment: Segment) -> bool {
    matches!(segment, Segment::Open | Segment::Datagram)
}

/// The dest of a packet of `service`, where no flow entry has to be made; `entry` is what [`crate::serve::entry`] says.
///
/// With the semantics of IPVS: the entry decides, a SYN or the first datagram makes it, and other TCP segments without one are the
/// kernel's. `mh` has others, see [`by_rings`].
#[inline(always)]
pub fn find(service: &ServiceValue, key: &Key, entry: u32, segment: Segment) -> Option<Choice> {
    if service.scheduler == SCHEDULER_MH && service.flags & SERVICE_NAT == 0 {
        let current = by_ring(service.ring, entry);
        if service.ring == service.previous
            && let Some(choice) = &current
            && !is_nat(choice.dest.method)
        {
            return Some(Choice {
                new_flow: segment == Segment::Open,
                ..*choice
            });
        }
    } else if service.flags & SERVICE_ONE_PACKET != 0 {
        return None;
    }
    let mut reopens = false;
    if let Some(choice) = by_flow(key, flow::now(), segment, &mut reopens) {
        return Some(choice);
    }
    if reopens && service.ring.len == 0 {
        // Nobody here takes the new flow, but IPVS may: the entry would catch what follows.
        flow::forget(key);
    }
    if service.scheduler != SCHEDULER_MH {
        return None;
    }
    let placed = by_rings(service, entry, segment)?;
    // The entry of the flow before would catch what follows a SYN.
    let needs_entry = reopens || segment != Segment::Related && !placed.is_agreed;
    (!needs_entry).then_some(placed.choice)
}

/// Finds the dest of a packet of `service` that [`find`] has none for, and makes its flow entry.
#[inline(always)]
pub fn begin(service: &ServiceValue, key: &Key, entry: u32, segment: Segment) -> Outcome {
    let now = flow::now();
    let Some(choice) = choose(service, key, entry, segment, now) else {
        return Outcome::NoDest;
    };
    // Nobody answers to port 0, and its key is that of a template.
    let is_kept = service.flags & SERVICE_ONE_PACKET != 0
        || key.port == [0; 2]
        || flow::insert(key, now, choice.id, choice.dest.generation, segment);
    if is_kept {
        Outcome::Begun(u32::from(choice.id))
    } else {
        // What follows would go elsewhere.
        Outcome::FlowContended
    }
}

#[inline(always)]
fn choose(
    service: &ServiceValue,
    key: &Key,
    entry: u32,
    segment: Segment,
    now: u32,
) -> Option<Choice> {
    if service.scheduler == SCHEDULER_MH {
        Some(by_rings(service, entry, segment)?.choice)
    } else if service.persistence == 0 {
        schedule(service, key, entry)
    } else {
        by_template(service, key, entry, now)
    }
}

/// Where the rings of a service place a flow.
struct Placed {
    choice: Choice,
    /// No flow entry is needed to keep it there, or to find it for its replies.
    is_agreed: bool,
}

/// `mh`: while the ring is stable it decides alone, and only NAT keeps flow entries, for the replies. After a
/// change, until `previous` is made equal to `ring`, flows stay where they are: the entry decides, else a SYN
/// goes by the new ring and anything else by the previous one. An empty `previous` says that the flows which
/// the new ring would move have their entries by now, so everything else goes by it.
#[inline(always)]
fn by_rings(service: &ServiceValue, entry: u32, segment: Segment) -> Option<Placed> {
    // By ids: what is undefined in an empty `Option` may be copied, which the kernel refuses.
    let current = id_by_ring(service.ring, entry);
    let is_stable = service.ring == service.previous;
    let previous = if is_stable {
        NOBODY
    } else {
        id_by_ring(service.previous, entry)
    };
    let is_agreed = if current == NOBODY || previous == NOBODY {
        is_stable || service.previous.len == 0
    } else {
        current == previous
    };
    let is_current = segment == Segment::Open || previous == NOBODY;
    let choice = usable(if is_current { current } else { previous })?;
    Some(Placed {
        is_agreed: is_agreed && !is_nat(choice.dest.method),
        choice,
    })
}

/// Where the client went before, else where the scheduler sends it.
#[inline(always)]
fn by_template(service: &ServiceValue, key: &Key, entry: u32, now: u32) -> Option<Choice> {
    let key_of_client = key.template(service.granularity);
    let lasts = service
        .persistence
        .saturating_mul(maps::jiffies_per_second());
    let until = now.wrapping_add(lasts.min(u32::MAX / 2));
    if let Some(value) = flow::find_template(&key_of_client, now, until, takes_clients) {
        return usable(value.dest);
    }
    let choice = schedule(service, key, entry)?;
    let template = Value {
        dest: choice.id,
        generation: choice.dest.generation,
        state: FLOW_TEMPLATE,
        seen: until,
    };
    // In vain at worst: then the client's next connection makes it.
    let _contended = flow::put(&key_of_client, now, template);
    Some(choice)
}

/// The dest that the scheduler chooses for a new flow.
#[inline(always)]
fn schedule(service: &ServiceValue, key: &Key, entry: u32) -> Option<Choice> {
    let len = service.ring.len;
    if len == 0 {
        return None;
    }
    if service.scheduler >= SCHEDULER_LC {
        return search::best(service, 0);
    }
    let position = match service.scheduler {
        SCHEDULER_SH => {
            let with_port = service.flags & SERVICE_HASH_PORT != 0;
            let port = if with_port { key.port } else { [0; 2] };
            hash::bucket(&key.client.address(), port)
        }
        SCHEDULER_MH_COUNTED => hash::position(entry, len),
        _ => maps::next_cursor(service.id, len),
    };
    let choice = maps::ring_dest(service.ring, position).and_then(usable);
    match choice {
        Some(choice) if !connection::is_overloaded(choice.id, choice.dest.flags) => Some(choice),
        _ if service.scheduler == SCHEDULER_RR || service.flags & SERVICE_FALLBACK != 0 => {
            search::best(service, position)
        }
        _ => None,
    }
}

/// The dest of an entry, if it is the one the entry was made for and may carry flows.
#[inline(always)]
fn current(value: Value) -> Option<&'static DestValue> {
    let dest = usable(value.dest)?.dest;
    (dest.generation == value.generation).then_some(dest)
}

/// Whether the dest of a template takes new flows of its clients: no operator empties it.
#[inline(always)]
fn takes_clients(template: Value) -> bool {
    current(template).is_some_and(|dest| dest.flags & DEST_DRAINING == 0)
}

/// The dest of the flow's live entry, if it may still carry flows. A SYN on a closing flow is a new flow: then `reopens` is set.
#[inline(always)]
fn by_flow(key: &Key, now: u32, segment: Segment, reopens: &mut bool) -> Option<Choice> {
    let keep = |value: Value| {
        *reopens = segment == Segment::Open && value.state == FLOW_CLOSING;
        !*reopens && current(value).is_some()
    };
    let value = flow::find(key, now, segment, keep)?;
    Some(Choice {
        id: value.dest,
        dest: maps::dest(value.dest)?,
        new_flow: false,
    })
}

/// The id of no dest.
const NOBODY: u16 = 0;

/// The id of the dest that `ring` has for the flow with this hash; [`NOBODY`] if it may carry none.
#[inline(always)]
fn id_by_ring(ring: RingRef, hash: u32) -> u16 {
    by_ring(ring, hash).map_or(NOBODY, |choice| choice.id)
}

/// The dest that `ring` has for the flow with this hash, if it may carry flows.
#[inline(always)]
pub fn by_ring(ring: RingRef, hash: u32) -> Option<Choice> {
    if ring.len == 0 {
        return None;
    }
    usable(maps::ring_dest(ring, hash::position(hash, ring.len))?)
}

/// The dest `id`, if it may carry flows.
#[inline(always)]
pub fn usable(id: u16) -> Option<Choice> {
    let dest = maps::dest(id)?;
    (id != 0 && dest.flags & DEST_USABLE != 0).then_some(Choice {
        id,
        dest,
        new_flow: true,
    })
}
