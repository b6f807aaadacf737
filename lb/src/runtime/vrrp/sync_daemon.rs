//! Keeps the kernel's sync daemon as `lvs_sync_daemon` and the state of its instance want it.
//!
//! A thread of its own, because the kernel may take its time: it waits for threads that end, and for its lock on all interfaces.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::net::if_::if_nametoindex;

use super::Vrrp;
use crate::{
    checker::sentence,
    config::model::process::IpvsNamespace,
    io::{ipvs::Ipvs, namespace::with_ipvs},
    ipvs::sync::{Decider, SyncDaemon, apply, changes, wanted},
    observe::log,
    runtime::failure::Failure,
    vrrp::{Instance, output::State},
};

/// How often somebody may have stopped what should run.
const AUDIT: Duration = Duration::from_secs(30);
/// How long until what failed is tried again: the interface may be down.
const RETRY: Duration = Duration::from_secs(2);

/// Memory of the thread's stack, which `mlockall` keeps resident.
const STACK: usize = 256 * 1024;

/// The thread, from the first `lvs_sync_daemon` on.
#[derive(Debug, Default)]
pub(super) struct SyncDaemons {
    orders: Option<(Sender<Vec<SyncDaemon>>, JoinHandle<()>)>,
    ordered: Vec<SyncDaemon>,
}

impl SyncDaemons {
    fn want(&mut self, wanted: Vec<SyncDaemon>, place: Option<&IpvsNamespace>) {
        if wanted == self.ordered {
            return;
        }
        if self.orders.is_none() {
            let (orders, taken) = mpsc::channel();
            let thread = thread::Builder::new().name("sync-daemon".to_owned());
            let keeper = Keeper {
                place: place.cloned(),
                ..Keeper::default()
            };
            match thread.stack_size(STACK).spawn(move || keeper.run(&taken)) {
                Ok(thread) => self.orders = Some((orders, thread)),
                Err(error) => return tracing::error!("{}", sentence::ipvs_failed(error)),
            }
        }
        self.ordered.clone_from(&wanted);
        if let Some((orders, _)) = &self.orders {
            // The thread listens until the orders end.
            let _sent = orders.send(wanted);
        }
    }

    /// Stops what was started, and waits for that.
    pub(super) fn finish(&mut self) {
        self.want(Vec::new(), None);
        if let Some((orders, thread)) = self.orders.take() {
            drop(orders);
            // One that panicked has nothing left to do.
            let _ended = thread.join();
        }
    }
}

impl Vrrp {
    /// Wants what the configuration says of the interface and the instance as they are now.
    pub(super) fn adjust_sync_daemon(&mut self) {
        let wanted = self.sync_daemons_wanted().unwrap_or_default();
        let place = self.plan.config.process.net_namespace_ipvs.as_ref();
        self.sync_daemons.want(wanted, place);
    }

    /// `None` without an interface, without an instance of that name, and where there is nothing to want.
    fn sync_daemons_wanted(&self) -> Option<Vec<SyncDaemon>> {
        let config = self.plan.config.global.lvs.sync_daemon.as_ref()?;
        let is_here = self.plan.config.process.net_namespace_ipvs.is_none();
        // The thread looks in the other namespace, of whose links nobody here hears.
        let index = match self.links.get(&config.interface) {
            Some(link) if is_here => link.index,
            None if is_here => return None,
            _ => 0,
        };
        let decider = match &config.instance {
            None => Decider::Nobody,
            Some(name) => {
                let (id, member) = self.members.named(name)?;
                let state = self.router.instance(id).map(Instance::state);
                Decider::Instance {
                    vrid: member.config.vrid.get(),
                    is_master: state == Some(State::Master),
                }
            }
        };
        Some(wanted(config, decider, index))
    }
}

/// What the thread knows.
#[derive(Default)]
struct Keeper {
    kernel: Option<Ipvs>,
    wanted: Vec<SyncDaemon>,
    started: Vec<SyncDaemon>,
    failure: Failure,
    /// Where IPVS is; here without.
    place: Option<IpvsNamespace>,
}

impl Keeper {
    fn run(mut self, orders: &Receiver<Vec<SyncDaemon>>) {
        let mut pause = AUDIT;
        loop {
            match orders.recv_timeout(pause) {
                Ok(wanted) => self.wanted = orders.try_iter().last().unwrap_or(wanted),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let failure = self.adjust().err();
            pause = if failure.is_some() { RETRY } else { AUDIT };
            self.failure.note(failure, |why| sentence::ipvs_failed(why));
        }
    }

    fn adjust(&mut self) -> Result<(), String> {
        if self.wanted.is_empty() && self.started.is_empty() {
            return Ok(());
        }
        let kernel = match &mut self.kernel {
            Some(kernel) => kernel,
            kernel => {
                let opened = with_ipvs(self.place.as_ref(), Ipvs::open)
                    .map_err(|error| format!("{error:#}"))?
                    .map_err(|error| error.to_string())?;
                kernel.insert(opened.ok_or("this kernel has none (no module ip_vs)")?)
            }
        };
        if self.place.is_some() {
            let wanted = &mut self.wanted;
            with_ipvs(self.place.as_ref(), || look_up(wanted))
                .map_err(|error| format!("{error:#}"))??;
        }
        let running = kernel.sync_daemons().map_err(|error| error.to_string())?;
        // Who is stopped by others is not ours any more.
        self.started
            .retain(|daemon| running.contains(&daemon.state));
        for change in changes(&running, &self.started, &self.wanted) {
            let done = kernel.change_sync_daemon(&change);
            done.map_err(|error| format!("cannot {change}: {error}"))?;
            log::sync_daemon(&change);
            apply(&mut self.started, change);
        }
        Ok(())
    }
}

/// Gives each the index that its interface has here.
fn look_up(wanted: &mut [SyncDaemon]) -> Result<(), String> {
    for SyncDaemon {
        interface, index, ..
    } in wanted
    {
        let found = if_nametoindex(interface.as_str());
        *index = found.map_err(|error| format!("{interface}: {error}"))?;
    }
    Ok(())
}
