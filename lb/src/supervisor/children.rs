//! The children's lives: who is needed, what each is to do, and what becomes of the daemon when one ends.

use std::time::Instant;

use nix::sys::signal::Signal;

use super::{
    Event, HEARSAY, LONGEST_BACKOFF, Parent,
    child::{self, Child, Exit, Told},
};
use crate::{
    cli::Role,
    config::model::global::TcpKeepalive,
    keepalive::{backoff::Backoff, record::Ending},
    observe::log,
    runtime::channel::{Keeps, Plan, ToChild},
};

impl Parent {
    /// Ends the children of an earlier daemon that the configuration has nothing for.
    pub(super) async fn end_orphans(&self) -> anyhow::Result<()> {
        for role in Role::ALL {
            if !self.children.contains_key(&role) {
                child::end_orphan(&self.run_dir, role).await?;
            }
        }
        Ok(())
    }

    /// Gives a child the configuration in force.
    pub(super) async fn configure(&mut self, role: Role) {
        let plan = ToChild::Configure(Box::new(self.plan(role)));
        self.loading.ordered(role);
        self.tell(role, plan).await;
    }

    /// What a child is to do. Only the checkers child has a part in virtual servers, which may be many.
    fn plan(&mut self, role: Role) -> Plan {
        let mut servers = Vec::new();
        if role != Role::Checkers {
            servers = std::mem::take(&mut self.config.virtual_servers);
        }
        let mut config = self.config.clone();
        if !servers.is_empty() {
            // One program reads what both children write, and it belongs to the checkers child where there is one, as in keepalived.
            config.global.notify.all.script = None;
            self.config.virtual_servers = servers;
        }
        Plan {
            config,
            gates: self.gates.by_name().clone(),
            marks: self.marks.clone(),
            settings: Some(self.run_dir.settings()),
            pins: self.data_plane.pins(),
            ipvs_leaves: self.ipvs_leaves,
        }
    }

    /// A child runs only when the configuration has something for it, as with keepalived.
    pub(super) fn needs(&self, role: Role) -> bool {
        let (config, given) = (&self.config, &self.cli.daemon);
        let (may, has_work) = match role {
            Role::Vrrp => (
                !given.check,
                !config.vrrp_instances.is_empty()
                    || config.has_statics()
                    || config.global.lvs.sync_daemon.is_some()
                    || config.global.network.tcp_keepalive != TcpKeepalive::default(),
            ),
            Role::Checkers => (!given.vrrp, !config.virtual_servers.is_empty()),
            Role::Bfd => (!self.cli.no_bfd, !config.bfd_instances.is_empty()),
        };
        !self.stopping && may && (has_work || given.all)
    }

    pub(super) async fn start(&mut self, role: Role) {
        if !self.needs(role) || self.children.contains_key(&role) {
            return;
        }
        let now = Instant::now();
        let (_, started) = self
            .backoff
            .entry(role)
            .or_insert((Backoff::default(), now));
        *started = now;
        // One of an earlier daemon goes on until this one has its plan.
        let predecessor = self.run_dir.holder(role).unwrap_or_default();
        let told = Told {
            predecessor,
            instance: self.config.process.instance.as_deref(),
            pid_file: self.pids.child(role),
        };
        match Child::spawn(&self.cli, role, &told, self.events.clone()) {
            Ok(child) => {
                log::child_started(role, child.pid());
                self.perf.handle_start(role, child.pid());
                self.children.insert(role, child);
                if let Some(level) = self.level {
                    self.tell(role, ToChild::LogLevel(level)).await;
                }
                self.configure(role).await;
                if role == Role::Vrrp {
                    self.follow().await;
                }
            }
            Err(error) => {
                log::child_failed(role, &error);
                self.respawn(role);
            }
        }
    }

    fn respawn(&mut self, role: Role) {
        let wait = self
            .backoff
            .get_mut(&role)
            .map(|(backoff, started)| backoff.ended(started.elapsed(), LONGEST_BACKOFF));
        self.later(wait.unwrap_or_default(), Event::Respawn(role));
    }

    pub(super) async fn tell(&mut self, role: Role, message: ToChild) {
        if let Some(child) = self.children.get_mut(&role)
            && let Err(error) = child.send(message).await
        {
            // Its successor takes up what it leaves.
            log::child_deaf(role, &error);
            child.signal(Signal::SIGKILL);
        }
    }

    /// A child is gone; tells whether it should not be, and starts another one unless that is not wanted.
    pub(super) fn handle_exit(&mut self, role: Role, exit: Exit) -> bool {
        if self
            .children
            .get(&role)
            .is_none_or(|child| child.pid() != exit.pid)
        {
            return false;
        }
        self.children.remove(&role);
        self.pids.clear(role);
        if role == Role::Vrrp {
            self.addresses_left = exit.ending != Ending::Exited(0);
        }
        self.asked.refuse_all(role);
        let died = self.needs(role);
        if died && !self.cli.daemon.dont_respawn {
            self.loading.died(role);
        } else {
            self.loading.absent(role);
        }
        if let Some(gathering) = &mut self.gathering {
            gathering.absent(role);
        }
        self.finish_complete();
        if died && exit.ending == Ending::Exited(0) {
            // Who stops a service may tell all its processes at once, and the parent may hear of its child first.
            self.later(HEARSAY, Event::Missed(role, exit));
            return false;
        }
        self.miss(role, &exit)
    }

    /// A child is not there; tells whether it should be, and starts another one unless that is not wanted.
    pub(super) fn miss(&mut self, role: Role, exit: &Exit) -> bool {
        let died = self.needs(role);
        let respawns = !self.cli.daemon.dont_respawn;
        log::child_exited(role, exit.pid, exit.ending, died.then_some(respawns));
        if died && respawns {
            self.respawn(role);
        }
        died
    }

    /// Stops the children one after the other: a master that hands over forwards until its successor speaks, so the
    /// services outlive the addresses.
    pub(super) async fn stop_next(&mut self) {
        let next = Role::ALL
            .into_iter()
            .find(|role| self.children.contains_key(role));
        if let Some(role) = next {
            if role == Role::Vrrp {
                self.perf.handle_stop();
            }
            let keeps = Keeps {
                ipvs: self.cli.dont_release_ipvs,
                vrrp: self.cli.daemon.dont_release_vrrp,
            };
            self.tell(role, ToChild::Stop(keeps)).await;
        }
    }

    pub(super) fn kill_children(&self) {
        for (role, child) in &self.children {
            log::child_stuck(*role, child.pid());
            child.signal(Signal::SIGKILL);
        }
    }
}
