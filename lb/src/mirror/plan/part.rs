//! What XDP takes of a service beside IPVS, and how it spreads that.

use lb_common::service::{
    SCHEDULER_LC, SCHEDULER_MH, SCHEDULER_MH_COUNTED, SCHEDULER_NQ, SCHEDULER_OVF, SCHEDULER_RR,
    SCHEDULER_SED, SCHEDULER_SH, SCHEDULER_WLC, ServiceValue,
};

use super::{super::Part, Refusal};
use crate::{config::model::Scheduler, pool::desired::Service};

/// XDP's part in a service, of that which it has in all.
pub(super) const fn of(part: Part, has_full_nat: bool) -> Part {
    match part {
        // IPVS has no full NAT.
        Part::Successor | Part::Shared if has_full_nat => Part::Alone,
        _ => part,
    }
}

/// The `SCHEDULER_*` of a service that was there `before`, or not; `None` when it has left.
///
/// # Errors
/// Why XDP does not have it.
pub(super) fn scheduler(
    part: Part,
    service: &Service,
    before: Option<&ServiceValue>,
) -> Result<Option<u8>, Refusal> {
    if part == Part::Leaving {
        // Whatever the service is to be in IPVS.
        return Ok(before.map(|before| counted(before.scheduler)));
    }
    // IPVS has nothing of a service whose flows have no entries: they go on as they began.
    let has_entries = before.is_none_or(|before| before.scheduler != SCHEDULER_MH);
    let needs_entries = part != Part::Alone && has_entries;
    let scheduler = spread(service, needs_entries).ok_or(Refusal::Scheduler)?;
    if service.persistence.is_some_and(|it| it.engine.is_some()) {
        return Err(Refusal::Engine);
    }
    // One that is there has flows, which would be nobody's.
    if part == Part::Shared && before.is_none() {
        leave_to_ipvs(service)?;
    }
    Ok(Some(scheduler))
}

/// The same scheduler, but every flow has an entry.
const fn counted(scheduler: u8) -> u8 {
    match scheduler {
        SCHEDULER_MH => SCHEDULER_MH_COUNTED,
        other => other,
    }
}

/// How a service is spread, of which every flow may need an entry; `None` when the programs have no such way.
fn spread(service: &Service, needs_entries: bool) -> Option<u8> {
    let has_limits = service.dests.iter().any(|dest| dest.thresholds.upper > 0);
    let is_counted =
        needs_entries || has_limits || service.persistence.is_some() || service.one_packet;
    Some(match service.scheduler {
        Scheduler::MaglevHash if is_counted => SCHEDULER_MH_COUNTED,
        Scheduler::MaglevHash => SCHEDULER_MH,
        Scheduler::RoundRobin
        | Scheduler::WeightedRoundRobin
        | Scheduler::Failover
        | Scheduler::DestinationHash => SCHEDULER_RR,
        Scheduler::SourceHash => SCHEDULER_SH,
        Scheduler::LeastConnections => SCHEDULER_LC,
        Scheduler::WeightedLeastConnections => SCHEDULER_WLC,
        Scheduler::ShortestExpectedDelay => SCHEDULER_SED,
        Scheduler::NeverQueue => SCHEDULER_NQ,
        Scheduler::Overflow => SCHEDULER_OVF,
        _ => return None,
    })
}

/// What XDP would do otherwise than IPVS, which has the service too.
fn leave_to_ipvs(service: &Service) -> Result<(), Refusal> {
    let mut usable = service.dests.iter().filter(|dest| dest.usable);
    if service.dests.iter().any(|dest| dest.thresholds.upper > 0) {
        Err(Refusal::Thresholds)
    } else if usable.any(|dest| dest.next_hop.is_none()) {
        Err(Refusal::NextHops)
    } else {
        Ok(())
    }
}
