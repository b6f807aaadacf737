//! From the desired services to the table that the kernel should have.

use std::collections::BTreeMap;

use super::{
    Dest, DestKey, Entry, FLAG_ONE_PACKET, FLAG_PERSISTENT, FLAG_SCHEDULER, Method, Service,
    ServiceKey, Table,
};
use crate::{
    config::model::{
        Family, ForwardMethod, Tunnel, Word as _,
        lvs::{PersistenceEngine, TunnelChecksum},
    },
    pool::{
        Front, Mark,
        desired::{self, Desired, Member},
    },
};

/// Why IPVS cannot carry a service as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It always keeps the client's address.
    #[error("IPVS has no `lb_kind FULLNAT`")]
    FullNat,
}

/// The table for these services, and what is left out of it.
#[must_use]
pub fn table(desired: &Desired) -> (Table, BTreeMap<ServiceKey, Refusal>) {
    let has_mark = |service: &&desired::Service| desired.by_mark.contains_key(&service.front);
    let services = desired.services.iter().filter(|it| !has_mark(it));
    let services = services.map(|service| {
        let is_v6 = service.front.address.is_ipv6();
        (service.front.into(), entry(service, is_v6))
    });
    let marked = desired.marked.iter().map(|service| {
        let key = ServiceKey::from(service.front);
        (key, entry(service, service.front.family == Family::V6))
    });
    let (mut table, mut refused) = (Table::default(), BTreeMap::new());
    for (key, entry) in services.chain(marked) {
        match entry {
            Ok(entry) => {
                table.services.insert(key, entry);
            }
            Err(why) => {
                refused.insert(key, why);
            }
        }
    }
    (table, refused)
}

fn entry<F>(service: &desired::Service<F>, is_v6: bool) -> Result<Entry, Refusal> {
    let usable = service.dests.iter().filter(|dest| dest.usable);
    Ok(Entry {
        dests: usable.map(dest).collect::<Result<_, _>>()?,
        service: self::service(service, is_v6),
    })
}

impl From<Front> for ServiceKey {
    fn from(front: Front) -> Self {
        Self::Address {
            protocol: front.protocol.number().into(),
            address: front.address,
            port: front.port,
        }
    }
}

impl From<Member> for ServiceKey {
    fn from(member: Member) -> Self {
        match member {
            Member::Address(front) => front.into(),
            Member::Mark(mark) => mark.into(),
        }
    }
}

impl From<Mark> for ServiceKey {
    fn from(mark: Mark) -> Self {
        Self::Mark {
            mark: mark.mark,
            is_v6: mark.family == Family::V6,
        }
    }
}

fn service<F>(service: &desired::Service<F>, is_v6: bool) -> Service {
    let flags = service.flags;
    let told = [flags.first, flags.second, flags.third];
    let mut bits = FLAG_SCHEDULER
        .into_iter()
        .zip(told)
        .filter(|(_, is_set)| *is_set)
        .fold(0, |bits, (bit, _)| bits | bit);
    if service.one_packet {
        bits |= FLAG_ONE_PACKET;
    }
    let whole = if is_v6 { 128 } else { 32 };
    let (mut timeout, mut granularity, mut engine) = (0, whole, None);
    if let Some(persistence) = service.persistence {
        bits |= FLAG_PERSISTENT;
        timeout = u32::try_from(persistence.timeout.as_secs()).unwrap_or(u32::MAX);
        granularity = persistence.granularity.get();
        engine = persistence
            .engine
            .map(|PersistenceEngine::Sip| "sip".to_owned());
    }
    Service {
        scheduler: service.scheduler.word().to_owned(),
        flags: bits,
        timeout,
        granularity,
        engine,
    }
}

fn dest(dest: &desired::Dest) -> Result<(DestKey, Dest), Refusal> {
    let key = DestKey {
        address: dest.id.address,
        port: dest.id.port,
    };
    let value = Dest {
        method: method(dest.method)?,
        weight: dest.share(),
        upper: dest.thresholds.upper,
        // The kernel refuses one above the other.
        lower: dest.thresholds.lower.min(dest.thresholds.upper),
    };
    Ok((key, value))
}

const fn method(method: ForwardMethod) -> Result<Method, Refusal> {
    let (kind, port, checksum) = match method {
        ForwardMethod::Nat => return Ok(Method::Nat),
        ForwardMethod::DirectRoute => return Ok(Method::DirectRoute),
        ForwardMethod::FullNat => return Err(Refusal::FullNat),
        ForwardMethod::Tunnel(Tunnel::Ipip) => (0, 0, TunnelChecksum::None),
        ForwardMethod::Tunnel(Tunnel::Gue { port, checksum }) => (1, port, checksum),
        ForwardMethod::Tunnel(Tunnel::Gre { checksum }) => (2, 0, checksum),
    };
    let flags = match checksum {
        TunnelChecksum::None => 0,
        TunnelChecksum::Plain => 1,
        TunnelChecksum::Remote => 2,
    };
    Ok(Method::Tunnel { kind, port, flags })
}
