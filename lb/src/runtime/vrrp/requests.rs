//! What the parent asks: snapshots, and what operators want of instances.

use std::time::{Duration, Instant};

use super::{Vrrp, sockets::spell};
use crate::{
    config::{model::vrrp::StateNotify, nearest},
    observe::{
        answer,
        status::{LoopStatus, VrrpStatus, Wait},
    },
    runtime::channel::{Request, VrrpRequest},
    vrrp::{
        Recorded, Router,
        output::{Happening, InstanceId, Notice, Party, State},
        snapshot::{GroupSnapshot, InstanceSnapshot},
    },
};

impl Vrrp {
    /// This child's part of the status.
    pub(super) fn snapshot(&self, now: Instant) -> VrrpStatus {
        let mut instances = self.router.snapshot(now);
        for instance in &mut instances {
            instance.counts.adverts_absorbed = self.absorbed(instance.id);
        }
        let totals = instances.iter().map(|it| (it.id, it.counts.clone()));
        let totals = totals.collect();
        for instance in &mut instances {
            self.counting.take_off(instance.id, &mut instance.counts);
        }
        VrrpStatus {
            instances,
            totals,
            time: self.counting.time_of_day(now),
            waits: Vec::new(),
            links: Vec::new(),
            groups: self.router.group_snapshot(),
            statics: self.statics.snapshot(),
            tracked: self.tracking.tracker.snapshot(now),
            event_loop: LoopStatus {
                longest_delay: self.priorities.longest_delay().as_secs_f64(),
                ..LoopStatus::default()
            },
        }
    }

    /// Adverts that the kernel absorbed for an instance.
    fn absorbed(&self, id: InstanceId) -> u64 {
        let subject = self.members.get(id).and_then(|member| member.subject);
        let guards = self.effects.guards.as_ref();
        let absorbed = guards.zip(subject);
        absorbed.map_or(0, |(guards, subject)| guards.absorbed(&subject.key))
    }

    /// What the loop waits for.
    pub(super) fn waits(&self, now: Instant) -> Vec<Wait> {
        let router = self.router.waits();
        let router = router.map(|(instance, what, due)| {
            Wait::until(
                format!("{}: {what}", instance.unwrap_or("all instances")),
                due,
                now,
            )
        });
        let tracked = self.tracking.tracker.waits();
        let tracked =
            tracked.map(|(name, what, due)| Wait::until(format!("{what} {name}"), due, now));
        let others = [
            (
                self.statics.poll_timeout(),
                "static addresses, routes and rules: tried again",
            ),
            (
                self.virtuals.poll_timeout(),
                "virtual interfaces: tried again",
            ),
            (self.linkbeat.next(), "links: polled"),
        ];
        let others = others.into_iter();
        let others = others.filter_map(|(due, what)| Some(Wait::until(what.to_owned(), due?, now)));
        self.events()
            .into_iter()
            .chain(router)
            .chain(tracked)
            .chain(others)
            .collect()
    }

    /// What it waits for that comes when it comes.
    fn events(&self) -> Vec<Wait> {
        let mut events = Vec::new();
        if !self.effects.changes.is_idle() {
            let queued = self.effects.changes.queued();
            let what = format!("netlink: a change is under way, {queued} more wait");
            events.push(Wait::for_event(what));
        }
        if !self.notifications.is_idle() {
            let what = self.notifications.under_way();
            events.push(Wait::for_event(what));
        }
        for place in self.sockets.places() {
            let what = format!("adverts at {}", spell(&place));
            events.push(Wait::for_event(what));
        }
        for place in &self.deaf {
            let what = format!("a socket at {}, which could not be opened", spell(place));
            events.push(Wait::for_event(what));
        }
        for id in &self.effects.unguarded {
            let name = self.members.name(*id);
            events.push(Wait::for_event(format!(
                "{name}: memory for a timer of the kernel"
            )));
        }
        events
    }

    /// Does what an operator asks, and says what comes of it, or why nothing does.
    pub(super) fn handle_request(
        &mut self,
        request: &Request,
        now: Instant,
    ) -> Result<String, String> {
        match request {
            Request::Vrrp(request) => ask(&mut self.router, request, now),
            Request::Drain(_) => Err("real servers are the checker child's".to_owned()),
        }
    }

    /// Tells FIFOs the states before a configuration changes any (`fifo_write_vrrp_states_on_reload`); none at a start.
    pub(super) fn repeat_states(&mut self, now: Instant) {
        let instances = self.router.snapshot(now);
        for notice in states(instances, self.router.group_snapshot()) {
            self.notifications.repeat(&notice);
        }
    }
}

fn ask(router: &mut Recorded, request: &VrrpRequest, now: Instant) -> Result<String, String> {
    let name = request.instance();
    let Some(before) = router.instance_snapshot(name, now) else {
        let meant = nearest(name, router.names());
        return Err(answer::unknown_instance(name, meant));
    };
    Ok(match request {
        VrrpRequest::Yield { seconds, .. } => {
            let time = seconds.map(Duration::from_secs);
            router.handle_yield(name, time, now);
            answer::yielding(&before, time)
        }
        VrrpRequest::Release { .. } => {
            let yielded = any_yields(router, &before, now);
            router.handle_release(name, now);
            answer::released(&before, yielded)
        }
    })
}

/// Whether the instance, or another one of its group, yields.
fn any_yields(router: &Router, instance: &InstanceSnapshot, now: Instant) -> bool {
    let groups = router.group_snapshot().into_iter();
    let mut members = groups
        .filter(|group| Some(&group.name) == instance.group.as_ref())
        .flat_map(|group| group.members);
    let yields = |name: String| {
        let snapshot = router.instance_snapshot(&name, now);
        snapshot.is_some_and(|snapshot| snapshot.yielding)
    };
    instance.yielding || members.any(yields)
}

/// What is told of states as they are, instances first.
fn states(
    instances: Vec<InstanceSnapshot>,
    groups: Vec<GroupSnapshot>,
) -> impl Iterator<Item = Notice> {
    let instances = instances.into_iter();
    let instances = instances.map(|i| (Party::Instance, i.name, i.state, i.priority));
    let groups = groups.into_iter();
    let groups = groups.map(|group| (Party::Group, group.name, group.state, 0));
    let known = instances.chain(groups);
    known.filter_map(|(party, name, state, priority)| {
        let happening = match state {
            State::Init => return None,
            State::Backup => Happening::Backup,
            State::Master => Happening::Master,
            State::Fault => Happening::Fault,
        };
        Some(Notice {
            party,
            name,
            happening,
            priority,
            notify: StateNotify::default(),
        })
    })
}

#[cfg(test)]
mod tests;
