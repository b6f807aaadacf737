//! Does what the monitor wants.

use std::{fs, path::Path, sync::Arc, time::Duration};

use nix::sys::signal::Signal;
use tokio::{sync::oneshot, task::spawn_blocking, time::sleep};

use super::{Daemon, Event};
use crate::{
    io::{
        keepalive::{launch, ready, script, search::Marked},
        process::Process,
    },
    keepalive::{
        input::Input,
        output::{Launch, Output, Script, ScriptKind},
        record::{Ending, ProcessId, SlotNumber},
        registration::Registration,
    },
    observe::keepalive as say,
};

/// How often a control group that still has processes is tried to be removed, and the time between.
const TRIES: u32 = 20;
/// See [`TRIES`].
const BETWEEN: Duration = Duration::from_millis(100);

impl Daemon {
    /// Does everything there is to do.
    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.monitor.poll_output() {
            self.apply(output);
        }
    }

    fn apply(&mut self, output: Output) {
        match output {
            Output::Record(slot) => self.table.write(slot, self.monitor.record(slot)),
            Output::Erase { slot, sequence } => {
                self.table.write(slot, None);
                self.remove_leaf(sequence);
            }
            Output::Fork(launch) => self.fork(*launch),
            Output::Release(slot) => {
                if let Some(release) = self.releases.remove(&slot) {
                    // One that is gone is told of by its launch.
                    release.send(()).ok();
                }
            }
            Output::Watch { slot, process } => self.watch(slot, process),
            Output::Forget(slot) => drop(self.watched.remove(&slot)),
            Output::Terminate {
                slot,
                process,
                alone,
            } => self.signal(slot, process, Signal::SIGTERM, alone),
            Output::Kill {
                slot,
                process,
                alone,
            } => self.kill(slot, process, alone),
            Output::Sweep { sequence, mark } => self.sweep(&self.marked(sequence, &mark)),
            Output::Search {
                slot,
                start,
                sequence,
                mark,
                pid_file,
            } => {
                let search = self.marked(sequence, &mark).main(pid_file);
                self.input_when(async move {
                    let main = search.await;
                    Some(Input::Found { slot, start, main })
                });
            }
            Output::Probe {
                slot,
                start,
                registration,
            } => self.probe(slot, start, *registration),
            Output::StopProbe(slot) => {
                if let Some(probe) = self.probes.remove(&slot) {
                    probe.abort();
                }
            }
            Output::Script(script) => self.run_script(*script),
            Output::RemoveOutput { basename, pid } => {
                self.around.places.remove_output(&basename, pid);
            }
            Output::Track { file, down } => track(&file, down),
            Output::Tell { slot, name, event } => say::event(slot, &name, &event),
        }
    }

    /// Hands what comes of a task to the loop.
    fn input_when(
        &self,
        task: impl Future<Output = Option<Input>> + Send + 'static,
    ) -> tokio::task::AbortHandle {
        let events = self.events.clone();
        let task = tokio::spawn(async move {
            if let Some(input) = task.await {
                // The daemon is ending when nobody listens.
                events.send(Event::Input(input)).await.ok();
            }
        });
        task.abort_handle()
    }

    fn fork(&self, launch: Launch) {
        let (around, launching) = (Arc::clone(&self.around), Arc::clone(&self.launching));
        let events = self.events.clone();
        tokio::spawn(async move {
            let _turn = launching.acquire().await;
            let (slot, start) = (launch.slot, launch.start);
            let failed = |failure: launch::Failure| {
                Event::Input(Input::StartFailed {
                    slot,
                    start,
                    shortage: failure.shortage,
                    why: failure.why,
                })
            };
            let event = match launch::prepare(&launch, &around).await {
                Err(failure) => failed(failure),
                Ok(waiting) => {
                    let (release, released) = oneshot::channel();
                    let forked = Event::Forked {
                        slot,
                        start,
                        process: waiting.process.id(),
                        release,
                    };
                    if events.send(forked).await.is_err() {
                        return;
                    }
                    match waiting.run(released).await {
                        Ok(process) => Event::Executed {
                            slot,
                            start,
                            process,
                        },
                        Err(Some(failure)) => failed(failure),
                        Err(None) => return,
                    }
                }
            };
            // As above.
            events.send(event).await.ok();
        });
    }

    /// Watches a process to its end, also when its slot is free by then: a child has to be waited for.
    fn watch(&mut self, slot: SlotNumber, id: ProcessId) {
        let opened = self.opened.remove(&slot);
        let process = match opened.filter(|process| process.id() == id) {
            Some(process) => Ok(process),
            None => Process::open_recorded(id),
        };
        let Ok(process) = process else {
            let ended = Input::Ended {
                slot,
                process: id,
                ending: Ending::Unknown,
            };
            self.input_when(async { Some(ended) });
            return;
        };
        let process = Arc::new(process);
        self.watched.insert(slot, Arc::clone(&process));
        self.input_when(async move {
            let ending = process.ended().await;
            Some(Input::Ended {
                slot,
                process: id,
                ending,
            })
        });
    }

    fn signal(&self, slot: SlotNumber, id: ProcessId, signal: Signal, alone: bool) {
        let Some(process) = self.watched.get(&slot).filter(|process| process.id() == id) else {
            return;
        };
        let sent = if alone {
            process.signal(signal)
        } else {
            process.signal_group(signal)
        };
        if let Err(error) = sent
            && error.raw_os_error() != Some(libc::ESRCH)
        {
            say::signal_failed(slot, id.pid, &error);
        }
    }

    fn kill(&self, slot: SlotNumber, process: ProcessId, alone: bool) {
        if !alone && let Some(record) = self.monitor.record(slot) {
            self.sweep(&self.marked(record.sequence, &record.mark()));
        }
        self.signal(slot, process, Signal::SIGKILL, alone);
    }

    pub(super) fn marked(&self, sequence: u64, mark: &str) -> Marked {
        let cgroups = self.around.cgroups.clone();
        Marked {
            leaf: cgroups.map(|cgroups| (cgroups, sequence)),
            id: self.around.places.id_of(mark),
        }
    }

    /// Ends what has a mark. Without control groups every process has to be looked at, beside the loop; marks differ
    /// from start to start, so that a later one is safe.
    fn sweep(&self, marked: &Marked) {
        let marked = marked.clone();
        if marked.leaf.is_some() {
            marked.kill();
        } else {
            spawn_blocking(move || marked.kill());
        }
    }

    /// Removes the control group of a registration when nothing is left in it.
    fn remove_leaf(&self, sequence: u64) {
        let Some(cgroups) = self.around.cgroups.clone() else {
            return;
        };
        tokio::spawn(async move {
            for _ in 0..TRIES {
                if cgroups.remove(sequence) {
                    return;
                }
                sleep(BETWEEN).await;
            }
        });
    }

    fn probe(&mut self, slot: SlotNumber, start: u64, registration: Registration) {
        let probe = self.input_when(async move {
            ready::wait(&registration).await;
            Some(Input::Ready { slot, start })
        });
        if let Some(before) = self.probes.insert(slot, probe) {
            before.abort();
        }
    }

    fn run_script(&self, script: Script) {
        let around = Arc::clone(&self.around);
        self.input_when(async move {
            let ended = script::run(&around.places, &script).await;
            let (slot, kind) = (script.slot, script.kind);
            if let Some(why) = script::complaint(&ended) {
                say::script_failed(slot, kind, &why);
            }
            (kind == ScriptKind::Restart).then_some(Input::ScriptEnded { slot })
        });
    }
}

/// What `vrrp_track_file` reads.
fn track(file: &Path, down: bool) {
    let content = if down { "1\n" } else { "0\n" };
    if let Err(error) = fs::write(file, content) {
        say::track_failed(file, &error);
    }
}
