//! What the parent asks: snapshots, and what operators want of instances.

use std::time::{Duration, Instant};

use super::Vrrp;
use crate::{
    config::{model::vrrp::StateNotify, nearest},
    observe::{
        answer,
        status::{LoopStatus, VrrpStatus},
    },
    runtime::channel::{Request, VrrpRequest},
    vrrp::{
        Recorded, Router,
        output::{Happening, Notice, Party, State},
        snapshot::{GroupSnapshot, InstanceSnapshot},
    },
};

impl Vrrp {
    /// This child's part of the status.
    pub(super) fn snapshot(&self, now: Instant) -> VrrpStatus {
        VrrpStatus {
            instances: self.router.snapshot(now),
            groups: self.router.group_snapshot(),
            statics: self.statics.snapshot(),
            tracked: self.tracking.tracker.snapshot(now),
            event_loop: LoopStatus {
                longest_delay: self.priorities.longest_delay().as_secs_f64(),
                ..LoopStatus::default()
            },
        }
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
