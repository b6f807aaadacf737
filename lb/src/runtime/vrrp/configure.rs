//! A plan comes into force, the same way at start and at reload.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use nix::time::{ClockId, clock_gettime};

use super::{Vrrp, interfaces::Named};
use crate::{
    cli::Role,
    config::model::{Absorb, GlobalDefs},
    io::{
        guard::{Allowed, Guards},
        netlink::{Monitor, object::Entry},
        scheduling::take_on,
        watch::Watch,
        xdp::{Events, Pins},
    },
    observe::log,
    runtime::channel::Plan,
};

/// How long instances wait before they begin: `vrrp_delay_after_boot` counts from the boot, and the later of the two
/// counts.
fn startup_delay(global: &GlobalDefs) -> anyhow::Result<Duration> {
    let up = clock_gettime(ClockId::CLOCK_BOOTTIME).context("clock")?;
    let after_boot = global.vrrp.delay_after_boot;
    let after_boot = after_boot.saturating_sub(Duration::from(up));
    Ok(global.vrrp.startup_delay.max(after_boot))
}

/// The kernel's half of the heartbeat, where there is a data plane.
pub(super) fn open_events(plan: &Plan) -> anyhow::Result<Option<Watch<Events>>> {
    let Some(pins) = &plan.pins else {
        return Ok(None);
    };
    let events = Events::open(&Pins::new(pins))?;
    Watch::new(events).context("events").map(Some)
}

impl Vrrp {
    /// Makes `plan` the one in force: the same way at start and at reload.
    pub(super) async fn configure(
        &mut self,
        plan: Plan,
        monitor: &mut Monitor,
    ) -> anyhow::Result<()> {
        self.priorities.forget_delays();
        self.links = self.effects.links().await?;
        if let Some(pins) = &plan.pins
            && self.effects.guards.is_none()
        {
            self.effects.guards = Some(Guards::open(&Pins::new(pins))?);
        }
        self.plan = plan;
        self.settings.take_over(self.plan.settings.as_deref());
        self.place_instances();
        self.make_virtuals().await?;
        let now = Instant::now();
        // Before the priority of this process is set: the thread that writes has none.
        self.adjust_recording(now);
        self.settle();
        if self.plan.config.global.notify.repeats_states {
            self.repeat_states(now);
        }
        let config = &self.plan.config;
        let delay = startup_delay(&config.global)?;
        if self.fresh && !delay.is_zero() {
            self.router.hold(delay, now);
        }
        self.router.handle_settings(config, now);
        self.router
            .handle_config(&config.vrrp_instances, &config.sync_groups, now);
        self.members
            .configure(&self.plan, &self.router, &self.links);
        self.unknown.clear();
        self.adjust_routed();
        self.configure_tracking(now);
        self.named = Named::of(&self.plan.config, self.tracking.tracker.interfaces());
        self.linkbeat.configure(&self.plan.config, now);
        // What they say is told with the links.
        self.ask_links(now);
        self.review_faults();
        self.allow(now);
        // Links last: an instance begins when its link is told, and should know by then what the kernel has. A static
        // address may be the source of its adverts.
        let fresh = std::mem::take(&mut self.fresh);
        let entries = self.watch_entries(fresh, monitor).await?;
        if fresh {
            self.take_over(&entries, now).await;
        }
        self.tell_guards();
        for interface in self.named.interfaces.clone() {
            self.tell_addresses(&interface, now);
        }
        self.tell_entries(&entries, now);
        self.configure_statics(&entries);
        if fresh {
            self.install_statics().await?;
        }
        self.adjust_settings();
        self.adjust_sync_daemon();
        self.apply_tracking();
        // What all this took was not the masters' silence: elections begin now.
        for interface in self.named.interfaces.clone() {
            self.tell_link(&interface, Instant::now());
        }
        Ok(())
    }

    /// Makes what `global_defs` says of this process the truth.
    fn settle(&mut self) {
        let global = &self.plan.config.global;
        take_on(Some(Role::Vrrp), global);
        self.priorities
            .apply(&global.vrrp_process, global.auto_priority);
        self.notifications.configure(&self.plan.config);
    }

    /// Takes up the leases that an earlier child left running, so that its death is not felt, and removes the addresses of
    /// instances that are no longer configured while they are still fenced, and with them the routes and rules.
    async fn take_over(&mut self, entries: &[Entry], now: Instant) {
        let Some(guards) = &mut self.effects.guards else {
            return;
        };
        let keys = self.members.subjects().map(|(_, subject)| subject.key);
        match guards.take_over(&keys.collect()) {
            Ok(owned) => {
                if !owned.is_empty() {
                    self.remove_left_entries(entries).await;
                }
                let left: BTreeSet<IpAddr> =
                    owned.difference(&self.named.virtuals).copied().collect();
                self.remove_left_addresses(&left).await;
            }
            Err(error) => log::gate_failed("an earlier daemon", &error),
        }
        for (id, subject) in self.members.subjects() {
            let alive = self
                .effects
                .guards
                .as_ref()
                .map(|guards| guards.lease_alive(&subject));
            match alive {
                Some(Ok(true)) => {
                    log::adopted(self.members.name(id));
                    self.tracking.tracker.handle_adopted(self.members.name(id));
                    self.router.handle_adopted(id, now);
                }
                Some(Ok(false)) | None => {}
                Some(Err(error)) => log::guard_failed(self.members.name(id), &error),
            }
        }
    }

    /// Lets the kernel do what the configuration wants it to, and takes back the rest.
    fn allow(&mut self, now: Instant) {
        let vrrp = &self.plan.config.global.vrrp;
        let allowed = Allowed {
            watch: vrrp.xdp == Absorb::Auto,
            fence: vrrp.fence,
        };
        let Some(guards) = &mut self.effects.guards else {
            return;
        };
        let mut ended = guards.allow(allowed).map(|ended| {
            let of_members = ended.into_iter();
            of_members
                .filter_map(|(key, epoch)| Some((self.members.find(&key)?, epoch)))
                .collect::<Vec<_>>()
        });
        for (id, subject) in self.members.part() {
            log::guard_shared(self.members.name(id));
            let epoch = guards.end(&subject.key);
            ended = ended.and_then(|mut ended| {
                ended.extend(epoch?.map(|epoch| (id, epoch)));
                Ok(ended)
            });
        }
        self.members.refresh(&self.links);
        match ended {
            Ok(ended) => {
                for (id, epoch) in ended {
                    self.router.handle_guard(id, epoch, false, now);
                }
            }
            Err(error) => log::gate_failed("vrrp_xdp, vrrp_fence", &error),
        }
    }

    /// Tells the data plane which addresses belong to which gate, who the peers are, which VRIDs are ours, and which MACs.
    pub(super) fn tell_guards(&mut self) {
        let (macs, routers) = (self.virtual_macs(), self.router_macs());
        self.adjust_filters(&macs);
        let writes_macs = self.writes_macs();
        let Some(guards) = &mut self.effects.guards else {
            return;
        };
        let told = guards
            .know(&self.members.vrids())
            .and_then(|()| guards.admit(&self.members.peers()))
            .and_then(|()| guards.own(&self.members.owned(writes_macs)))
            .and_then(|()| guards.set_virtual_macs(&macs, &routers));
        if let Err(error) = told {
            log::gate_failed("owned addresses", &error);
        }
    }
}
