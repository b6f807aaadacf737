//! Schedulers: which dest a packet goes to.

use lb_common::{
    dest::{DEST_USABLE, DestValue, FORWARD_NAT},
    hash,
    service::{RingRef, SCHEDULER_MH, SCHEDULER_SH, SERVICE_HASH_PORT, ServiceValue},
};

use crate::{
    flow::{self, Key, Segment, Value},
    maps,
    outcome::Outcome,
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

/// Chooses the dest of a packet of `service`.
///
/// # Errors
/// What becomes of the packet where there is none.
#[inline(always)]
pub fn select(service: &ServiceValue, key: &Key, segment: Segment) -> Result<Choice, Outcome> {
    if service.scheduler == SCHEDULER_MH {
        maglev(service, key, segment)
    } else {
        with_memory(service, key, segment)
    }
}

/// `mh`: while the ring is stable it decides alone, and only NAT keeps flow entries, for the replies. After a
/// change, until `previous` is made equal to `ring`, flows stay where they are: the entry decides, else a SYN
/// goes by the new ring and anything else by the previous one. An empty `previous` says that the flows which
/// the new ring would move have their entries by now, so everything else goes by it.
#[inline(always)]
fn maglev(service: &ServiceValue, key: &Key, segment: Segment) -> Result<Choice, Outcome> {
    let current = by_ring(service.ring, key.hash);
    let stable = service.ring == service.previous;
    if stable
        && let Some(choice) = &current
        && choice.dest.method != FORWARD_NAT
    {
        return Ok(Choice {
            new_flow: segment == Segment::Open,
            ..*choice
        });
    }
    let now = flow::now();
    if let Some(choice) = by_flow(key, now, segment) {
        return Ok(choice);
    }
    let previous = if stable {
        None
    } else {
        by_ring(service.previous, key.hash)
    };
    let agreed = match (&current, &previous) {
        (Some(current), Some(previous)) => current.id == previous.id,
        _ => stable || service.previous.len == 0,
    };
    let choice = if segment == Segment::Open {
        current
    } else {
        previous.or(current)
    };
    let choice = choice.ok_or(Outcome::NoDest)?;
    if segment != Segment::Related && (!agreed || choice.dest.method == FORWARD_NAT) {
        flow::insert(key, now, choice.id, choice.dest.generation, segment);
    }
    Ok(choice)
}

/// All others, with the semantics of IPVS: the entry decides, a SYN or the first datagram makes it, and other TCP
/// segments without one are the kernel's.
#[inline(always)]
fn with_memory(service: &ServiceValue, key: &Key, segment: Segment) -> Result<Choice, Outcome> {
    let now = flow::now();
    if let Some(choice) = by_flow(key, now, segment) {
        return Ok(choice);
    }
    if !matches!(segment, Segment::Open | Segment::Datagram) {
        return Err(Outcome::FlowMissed);
    }
    let len = service.ring.len;
    if len == 0 {
        return Err(Outcome::NoDest);
    }
    let position = if service.scheduler == SCHEDULER_SH {
        let with_port = service.flags & SERVICE_HASH_PORT != 0;
        let port = if with_port { key.port } else { [0; 2] };
        hash::bucket(&key.client.address(), port)
    } else {
        maps::next_cursor(service.id, len)
    };
    let id = maps::ring_dest(service.ring, position);
    let choice = id.and_then(usable).ok_or(Outcome::NoDest)?;
    flow::insert(key, now, choice.id, choice.dest.generation, segment);
    Ok(choice)
}

/// The dest of the flow's live entry, if it may still carry flows. A SYN on a closing flow is a new flow.
#[inline(always)]
fn by_flow(key: &Key, now: u32, segment: Segment) -> Option<Choice> {
    let keep = |value: Value| {
        let reopened = segment == Segment::Open && value.state == lb_common::flow::FLOW_CLOSING;
        !reopened
            && usable(value.dest).is_some_and(|choice| choice.dest.generation == value.generation)
    };
    let value = flow::find(key, now, segment, keep)?;
    Some(Choice {
        id: value.dest,
        dest: maps::dest(value.dest)?,
        new_flow: false,
    })
}

/// The dest that `ring` has for the flow with this hash, if it may carry flows.
#[inline(always)]
pub fn by_ring(ring: RingRef, hash: u32) -> Option<Choice> {
    if ring.len == 0 {
        return None;
    }
    usable(maps::ring_dest(ring, hash::position(hash, ring.len))?)
}

#[inline(always)]
fn usable(id: u16) -> Option<Choice> {
    let dest = maps::dest(id)?;
    (id != 0 && dest.flags & DEST_USABLE != 0).then_some(Choice {
        id,
        dest,
        new_flow: true,
    })
}
