//! The children's parts of a status, put together for everybody who waits for one.

use std::{collections::BTreeSet, time::Duration};

use super::control::{InstanceStats, Stats, answer, refuse};
use crate::{
    cli::Role,
    io::control::Reply,
    observe::{
        self,
        dump::Dump,
        status::{
            BfdStatus, CheckersStatus, DataPlaneStatus, LinkSnapshot, Status, VrrpStatus, Wait,
        },
    },
    vrrp::{output::InstanceId, snapshot::Counts},
};

/// Who wants to know how everything is.
#[derive(Debug)]
pub(super) enum Wish {
    /// A client.
    Status(Reply),
    /// A client that asks for counters.
    Stats {
        /// It.
        reply: Reply,
        /// They begin anew.
        clear: bool,
    },
    /// A signal.
    Dump(Dump),
}

/// A status being put together.
#[derive(Debug)]
pub(super) struct Gathering {
    number: u64,
    wishes: Vec<Wish>,
    waiting: BTreeSet<Role>,
    /// Those that have a part.
    roles: BTreeSet<Role>,
    vrrp: Option<VrrpStatus>,
    checkers: Option<CheckersStatus>,
    bfd: Option<BfdStatus>,
}

/// What was gathered.
#[derive(Debug)]
pub(super) struct Gathered {
    /// The status.
    pub(super) status: Status,
    /// Children that have a part and did not answer.
    pub(super) silent: BTreeSet<Role>,
    /// Children that have a part.
    pub(super) roles: BTreeSet<Role>,
    /// Counters however often they were cleared.
    pub(super) totals: Vec<(InstanceId, Counts)>,
    /// What each child waits for, where it was asked.
    pub(super) waits: Vec<(Role, Vec<Wait>)>,
    /// What the vrrp child knows of links, where it was asked.
    pub(super) links: Vec<LinkSnapshot>,
    /// Who wants it.
    pub(super) wishes: Vec<Wish>,
}

impl Gathering {
    /// Starts a status; `roles` are the children that have a part in it.
    pub(super) fn new(wishes: Vec<Wish>, number: u64, roles: impl Iterator<Item = Role>) -> Self {
        let roles: BTreeSet<Role> = roles.collect();
        Self {
            number,
            wishes,
            // A child that is not needed has an empty part.
            vrrp: (!roles.contains(&Role::Vrrp)).then(VrrpStatus::default),
            checkers: (!roles.contains(&Role::Checkers)).then(CheckersStatus::default),
            bfd: (!roles.contains(&Role::Bfd)).then(BfdStatus::default),
            waiting: roles.clone(),
            roles,
        }
    }

    /// Tells gatherings apart.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The vrrp child's part.
    pub(super) fn vrrp(&mut self, status: VrrpStatus) {
        self.waiting.remove(&Role::Vrrp);
        self.vrrp = Some(status);
    }

    /// The checker child's part.
    pub(super) fn checkers(&mut self, status: CheckersStatus) {
        self.waiting.remove(&Role::Checkers);
        self.checkers = Some(status);
    }

    /// The bfd child's part.
    pub(super) fn bfd(&mut self, status: BfdStatus) {
        self.waiting.remove(&Role::Bfd);
        self.bfd = Some(status);
    }

    /// A child died and will not answer.
    pub(super) fn absent(&mut self, role: Role) {
        self.waiting.remove(&role);
    }

    /// Whether every part is there.
    pub(super) fn complete(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What there is.
    pub(super) fn finish(self, router_id: String, data_plane: DataPlaneStatus) -> Gathered {
        let answered = [
            (Role::Vrrp, self.vrrp.is_some()),
            (Role::Checkers, self.checkers.is_some()),
            (Role::Bfd, self.bfd.is_some()),
        ];
        let silent = answered.into_iter().filter(|(_, has)| !has);
        let silent: BTreeSet<Role> = silent.map(|(role, _)| role).collect();
        let loops = [
            (Role::Vrrp, self.vrrp.as_ref().map(|vrrp| vrrp.event_loop)),
            (
                Role::Checkers,
                self.checkers.as_ref().map(|checkers| checkers.event_loop),
            ),
            (Role::Bfd, self.bfd.as_ref().map(|bfd| bfd.event_loop)),
        ];
        let loops = loops
            .into_iter()
            .filter_map(|(role, it)| Some((role.name().to_owned(), it?)));
        let loops = loops.collect();
        let mut waits = Vec::new();
        let mut vrrp = self.vrrp.unwrap_or_default();
        waits.push((Role::Vrrp, std::mem::take(&mut vrrp.waits)));
        let mut ipvs = None;
        let checkers = self.checkers.map(|mut checkers| {
            waits.push((Role::Checkers, std::mem::take(&mut checkers.waits)));
            ipvs = checkers.ipvs;
            checkers.services
        });
        let bfd = self.bfd.map(|mut bfd| {
            waits.push((Role::Bfd, std::mem::take(&mut bfd.waits)));
            bfd.sessions
        });
        let status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            router_id,
            pid: std::process::id(),
            data_plane,
            instances: (!silent.contains(&Role::Vrrp)).then_some(vrrp.instances),
            groups: vrrp.groups,
            statics: vrrp.statics,
            tracked: vrrp.tracked,
            services: checkers,
            ipvs,
            sessions: bfd,
            time: vrrp.time,
            loops,
            processes: None,
        };
        Gathered {
            status,
            silent,
            roles: self.roles,
            totals: vrrp.totals,
            waits,
            links: vrrp.links,
            wishes: self.wishes,
        }
    }
}

impl Gathered {
    /// Answers every client; returns the dumps that were asked for, and whether counters begin anew.
    pub(super) fn answer(&mut self) -> (BTreeSet<Dump>, bool) {
        let (mut dumps, mut clears) = (BTreeSet::new(), false);
        for wish in std::mem::take(&mut self.wishes) {
            match wish {
                Wish::Status(reply) => answer(reply, self.status.clone()),
                Wish::Stats { reply, clear } => match &self.status.instances {
                    Some(instances) => {
                        let instances = instances.iter().map(|it| InstanceStats {
                            name: it.name.clone(),
                            counts: it.counts.clone(),
                        });
                        answer(
                            reply,
                            Stats {
                                instances: instances.collect(),
                            },
                        );
                        clears |= clear;
                    }
                    None => refuse(reply, observe::answer::no_answer(Role::Vrrp)),
                },
                Wish::Dump(dump) => drop(dumps.insert(dump)),
            }
        }
        (dumps, clears)
    }

    /// By how much a timer of a child has been late at most.
    pub(super) fn longest_delay(&self, role: Role) -> Option<Duration> {
        let event_loop = self.status.loops.get(role.name())?;
        Duration::try_from_secs_f64(event_loop.longest_delay).ok()
    }
}
