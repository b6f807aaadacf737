//! The loop of a keepalive daemon. Everything that happens ends in one queue; the [`Monitor`] decides, and what it wants is
//! done here. Nothing is looked at again and again: processes are watched by their pidfds.

mod carry_out;
mod follow;
mod requests;
mod start;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    signal::unix::SignalKind,
    sync::{Semaphore, mpsc, oneshot},
    task::{AbortHandle, JoinHandle},
    time::sleep,
};

use crate::{
    io::{
        control::Reply,
        keepalive::{Places, launch::Surroundings, now, table::Table},
        process::{Process, identify},
        signals,
    },
    keepalive::{
        Monitor,
        input::Input,
        notice::Notice,
        record::{ProcessId, SlotNumber},
        request::Request,
    },
    observe::keepalive as say,
    supervisor::{News, RunDir},
};

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where its files are.
    pub places: Places,
    /// Where lb is, whose virtual routers processes may depend on.
    pub lb: RunDir,
    /// Begin with an empty table (`-i`).
    pub empty: bool,
    /// Time until a start that failed for a shortage is tried again (`-t`).
    pub interval: Duration,
    /// What this node is called.
    pub node: String,
    /// The nodes it should run on (`-P`, `-S`), best first.
    pub preferred: Vec<String>,
    /// A named pipe that takes requests too.
    pub fifo: Option<std::path::PathBuf>,
}

/// Everything that can happen.
#[derive(Debug)]
enum Event {
    /// A fact for the monitor.
    Input(Input),
    /// A process exists, and runs its program when the sender says so.
    Forked {
        slot: SlotNumber,
        start: u64,
        process: ProcessId,
        release: oneshot::Sender<()>,
    },
    /// It runs its program.
    Executed {
        slot: SlotNumber,
        start: u64,
        process: Process,
    },
    /// A process says something of itself.
    Said(u32, Vec<Notice>),
    /// An operator asks something; through the named pipe nobody waits for an answer.
    Request(Result<Request, String>, Option<Reply>),
    /// lb tells of its virtual routers.
    News(News),
    /// SIGTERM, SIGINT.
    Stop,
}

/// How the daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    /// It does not.
    No,
    /// With its table, for another to take over.
    Controlled,
    /// For good, when the table is empty.
    Quit,
}

/// The daemon's state.
struct Daemon {
    settings: Settings,
    monitor: Monitor,
    table: Table,
    around: Arc<Surroundings>,
    /// One launch at a time: a second process between fork and exec would hold the first one's socket open.
    launching: Arc<Semaphore>,
    releases: BTreeMap<SlotNumber, oneshot::Sender<()>>,
    /// Opened, not watched yet.
    opened: BTreeMap<SlotNumber, Process>,
    watched: BTreeMap<SlotNumber, Arc<Process>>,
    probes: BTreeMap<SlotNumber, AbortHandle>,
    following: follow::Following,
    leaving: Leaving,
    /// The latest answer on its way.
    answered: Option<JoinHandle<()>>,
    events: mpsc::Sender<Event>,
    /// Given up last of all.
    held: start::Held,
}

/// Runs the daemon until it is told to end.
///
/// # Errors
/// When it cannot start: another one runs, or there is no room for the table.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let (mut daemon, mut queue) = start::start(settings).await?;
    while !daemon.is_over() {
        if let Some(event) = daemon.next(&mut queue).await? {
            daemon.handle(event)?;
        }
        // Also when events do not cease: nobody who talks holds up a restart.
        daemon.monitor.handle_timeout(now()?);
        daemon.carry_out();
        daemon.keep_following();
    }
    daemon.end().await;
    Ok(())
}

impl Daemon {
    fn is_over(&self) -> bool {
        match self.leaving {
            Leaving::No => false,
            Leaving::Controlled => true,
            Leaving::Quit => self.monitor.records().next().is_none(),
        }
    }

    /// The next event; `None` when a timer of the monitor is due before.
    async fn next(&self, queue: &mut mpsc::Receiver<Event>) -> anyhow::Result<Option<Event>> {
        let Some(due) = self.monitor.poll_timeout() else {
            return Ok(queue.recv().await);
        };
        let patience = due.since(now()?);
        Ok(tokio::select! {
            biased;
            event = queue.recv() => event,
            () = sleep(patience) => None,
        })
    }

    fn handle(&mut self, event: Event) -> anyhow::Result<()> {
        let now = now()?;
        match event {
            Event::Input(input) => self.monitor.handle_input(input, now),
            Event::Forked {
                slot,
                start,
                process,
                release,
            } => {
                self.releases.insert(slot, release);
                let input = Input::Forked {
                    slot,
                    start,
                    process,
                };
                self.monitor.handle_input(input, now);
                self.carry_out();
                // One that nobody wants any more ends without a word.
                self.releases.remove(&slot);
            }
            Event::Executed {
                slot,
                start,
                process,
            } => {
                self.opened.insert(slot, process);
                self.monitor
                    .handle_input(Input::Executed { slot, start }, now);
                self.carry_out();
                if let Some(process) = self.opened.remove(&slot) {
                    // Its slot is free by now; it is our child still.
                    tokio::spawn(async move { process.ended().await });
                }
            }
            Event::Said(pid, notices) => self.said(pid, &notices)?,
            Event::Request(request, reply) => self.asked(request, reply)?,
            Event::News(news) => {
                let input = self.told(news);
                self.monitor.handle_input(input, now);
            }
            Event::Stop => self.leaving = Leaving::Controlled,
        }
        Ok(())
    }

    /// A process, or one of its process group, says something.
    fn said(&mut self, sender: u32, notices: &[Notice]) -> anyhow::Result<()> {
        let leader = || {
            let sender = nix::unistd::Pid::from_raw(sender.cast_signed());
            let group = nix::unistd::getpgid(Some(sender)).ok()?;
            self.monitor.slot_of(group.as_raw().cast_unsigned())
        };
        let Some(slot) = self.monitor.slot_of(sender).or_else(leader) else {
            return Ok(());
        };
        for notice in notices {
            let start = self.monitor.record(slot).map_or(0, |record| record.starts);
            let input = match notice {
                Notice::Ready => Input::Ready { slot, start },
                Notice::Alive => Input::Alive { slot },
                Notice::MainPid(pid) => match self.named_main(slot, *pid) {
                    Some(main) => Input::MainProcess { slot, main },
                    None => continue,
                },
            };
            self.monitor.handle_input(input, now()?);
        }
        Ok(())
    }

    /// The main process that a service names, if that is one of its own: it is signalled in its name.
    fn named_main(&self, slot: SlotNumber, pid: u32) -> Option<ProcessId> {
        let record = self.monitor.record(slot)?;
        let marked = self.marked(record.sequence, &record.mark());
        identify(pid).ok().filter(|_| marked.has(pid))
    }

    /// The end, in one of two ways.
    async fn end(self) {
        let left = self.monitor.records().count();
        if self.leaving == Leaving::Quit {
            if let Err(error) = self.table.remove() {
                say::table_failed(&error);
            }
            if let Some(cgroups) = &self.around.cgroups {
                cgroups.close();
            }
        }
        self.around.places.remove_unused_output();
        if let Some(answered) = self.answered {
            // It does not take long, whether somebody listens or not.
            answered.await.ok();
        }
        say::stopped(left);
        drop(self.held);
    }
}

fn listen_to_signals(events: &mpsc::Sender<Event>) -> anyhow::Result<()> {
    signals::listen(SignalKind::terminate(), || Event::Stop, events)?;
    signals::listen(SignalKind::interrupt(), || Event::Stop, events)
}
