//! What `keepalive` and `spawndaemon` say to operators.

pub mod list;

use std::{fmt::Display, path::Path};

use tracing::{error, info, warn};

use super::log::ending;
use crate::keepalive::{
    output::{Event, ScriptKind},
    record::SlotNumber,
    registration::Refusal,
    request::Selector,
    table::SLOTS_MAX,
};

/// A registration cannot be used.
#[must_use]
pub fn refused(path: &str, why: &Refusal) -> String {
    format!("{path}: {why}")
}

/// The same program with the same arguments is registered under this name.
#[must_use]
pub fn registered_already(name: &str, slot: SlotNumber) -> String {
    format!(
        "{name} is registered already, in slot {slot}; for several of it use `-n`, or give this one another `name`"
    )
}

/// More processes than free slots.
#[must_use]
pub fn table_full(many: u64, free: u64) -> String {
    format!("{many} slots are needed and {free} are free; `spawndaemon -z` makes the table larger")
}

/// A slot in use keeps the table from being so small.
#[must_use]
pub fn slot_in_use(slot: SlotNumber) -> String {
    format!("slot {slot} is in use, so the table cannot be smaller than that")
}

/// One process cannot be several.
#[must_use]
pub fn adopts_one() -> String {
    "a running process is one instance; register the others with `-r`".to_owned()
}

/// Somebody cares for it.
#[must_use]
pub fn monitored_already(pid: u32) -> String {
    format!("process {pid} is monitored already")
}

/// It is not what is registered.
#[must_use]
pub fn other_program(pid: u32, program: &str, path: &str) -> String {
    format!("process {pid} runs {program}, not {path}")
}

/// It has other arguments than those registered (`-a`).
#[must_use]
pub fn other_arguments(pid: u32) -> String {
    format!(
        "process {pid} was started with other arguments than those registered; without `-a` that is no matter"
    )
}

/// No slot is meant.
#[must_use]
pub fn nothing_selected(which: &Selector) -> String {
    match which {
        Selector::Path { path, args: None } => format!("{path} is not registered"),
        Selector::Path {
            path,
            args: Some(_),
        } => {
            format!("{path} is not registered with these arguments")
        }
        Selector::Pid(pid) => format!("process {pid} is not monitored"),
        Selector::Group(name) => format!("there is no group {name}"),
        Selector::Slot(slot) => format!("slot {slot} is free"),
    }
}

fn again(wait_ms: u64) -> String {
    match wait_ms {
        0 => "starting it again".to_owned(),
        1..10_000 => format!("starting it again in {:.1} s", wait_ms as f64 / 1000.0),
        _ => format!("starting it again in {} s", wait_ms / 1000),
    }
}

/// Something happened to a registered process.
pub fn event(slot: SlotNumber, name: &str, event: &Event) {
    let who = format!("{name} (slot {slot})");
    match event {
        Event::Started(process) => info!("{who}: started with pid {}", process.pid),
        Event::Adopted(process) => info!("{who}: monitoring the running process {}", process.pid),
        Event::TakenOver(process) => info!("{who}: goes on as process {}", process.pid),
        Event::Ready => info!("{who}: ready"),
        Event::Daemonized(process) => {
            info!("{who}: in the background as process {}", process.pid);
        }
        Event::Died {
            pid,
            ending: how,
            wait_ms,
        } => warn!(
            "{who}: process {pid} died {}; {}",
            ending(*how),
            again(*wait_ms)
        ),
        Event::NotStarted { why, wait_ms } => {
            warn!("{who}: cannot be started: {why}; {}", again(*wait_ms));
        }
        Event::Stopped { pid, ending: how } => info!("{who}: process {pid} ended {}", ending(*how)),
        Event::Stopping { pid, why } => info!("{who}: stopping process {pid}: {why}"),
        Event::Killed { pid } => warn!("{who}: process {pid} does not end by SIGTERM, killing it"),
        Event::NotReady => warn!("{who}: not ready in time, killing it"),
        Event::Silent => warn!("{who}: did not say WATCHDOG=1 in time, killing it"),
        Event::Lost => {
            warn!(
                "{who}: went to the background, and its main process is not to be found; give it a `pid_file`"
            );
        }
        Event::ErrorLimit {
            failures,
            seconds,
            retry,
        } => {
            let retry = retry.map_or_else(
                || format!("`spawndaemon -x -S {slot}` starts it"),
                |retry| format!("trying again in {retry} s"),
            );
            error!("{who}: DOWN after {failures} failures within {seconds} s; {retry}");
        }
        Event::DownByCode(code) => {
            error!(
                "{who}: DOWN, because it exited with code {code}; `spawndaemon -x -S {slot}` starts it"
            );
        }
        Event::Rejected(code) => {
            error!("{who}: DOWN on this node, which it rejected with code {code}");
        }
        Event::DownByGroup => {
            error!("{who}: DOWN, because a critical member of its group is");
        }
        Event::Halted => warn!("{who}: critical, so the rest of its group stops and starts again"),
        Event::Unregistered => info!("{who}: unregistered"),
        Event::Cleared => info!("{who}: errors cleared, starting it"),
    }
}

/// A script is over that did not succeed, or could not run.
pub fn script_failed(slot: SlotNumber, kind: ScriptKind, why: &dyn Display) {
    warn!("slot {slot}: {} {why}", kind.keyword());
}

/// The output of a process goes nowhere.
pub fn no_output(slot: SlotNumber, name: &str, error: &dyn Display) {
    warn!("{name} (slot {slot}): its output is lost: {error}");
}

/// The output of a process stays under the name it had first.
pub fn output_unnamed(name: &str, error: &dyn Display) {
    warn!("{name}: its output cannot be given its name: {error}");
}

/// A process has no control group of its own.
pub fn no_cgroup(slot: SlotNumber, name: &str, error: &dyn Display) {
    warn!(
        "{name} (slot {slot}): no control group of its own, what it starts may outlive it: {error}"
    );
}

/// The daemon starts.
pub fn starting(node: &str) {
    info!(
        "Starting keepalive v{} on node {node}",
        env!("CARGO_PKG_VERSION")
    );
}

/// The daemon ends; so many processes are left to the next one.
pub fn stopped(left: usize) {
    match left {
        0 => info!("Stopped"),
        _ => info!("Stopped; {left} entries stay in the table, and their processes go on"),
    }
}

/// The node is none of those of `-P` and `-S`.
pub fn other_node(node: &str, preferred: &[String]) {
    warn!(
        "This node is {node}, not {}; going on here",
        preferred.join(" or ")
    );
}

/// The table is not trusted.
pub fn table_set_aside(damage: &dyn Display, place: &Path) {
    error!(
        "The table is not used: {damage}. It is kept as {}; what runs goes on, unmonitored: register it again with `spawndaemon -R`",
        place.display()
    );
}

/// A record does not fit, which a registration is refused for before.
pub fn record_lost(slot: SlotNumber) {
    error!(
        "slot {slot}: its record does not fit into the table, so the next daemon will not know of it"
    );
}

/// The table could not be removed.
pub fn table_failed(error: &dyn Display) {
    warn!("{error}");
}

/// A size that no table has.
#[must_use]
pub fn table_size(slots: u32) -> String {
    format!("{slots} slots: a table has from 1 to {SLOTS_MAX}")
}

/// There are no control groups for processes.
pub fn no_cgroups(error: &dyn Display) {
    info!("No cgroup v2 here ({error}): processes are told by their environment");
}

/// Nobody can say that it is ready.
pub fn no_notices(error: &dyn Display) {
    error!("What processes say (READY=1, WATCHDOG=1) is not heard: {error}");
}

/// There is no such process, or it cannot be looked at.
#[must_use]
pub fn no_process(pid: u32, error: &dyn Display) -> String {
    format!("process {pid}: {error}")
}

/// A request through the named pipe came to nothing.
pub fn fifo_refused(why: &str) {
    warn!("A request through the named pipe is refused: {why}");
}

/// A signal could not be sent.
pub fn signal_failed(slot: SlotNumber, pid: u32, error: &dyn Display) {
    warn!("slot {slot}: signalling process {pid} failed: {error}");
}

/// lb tells of its virtual routers.
pub fn following(socket: &Path) {
    info!("Following the virtual routers of {}", socket.display());
}

/// lb is away.
pub fn roles_lost(socket: &Path) {
    warn!(
        "Nothing is known of virtual routers: no lb answers at {}; what runs for them stops",
        socket.display()
    );
}

/// What virtual routers track could not be written.
pub fn track_failed(file: &Path, error: &dyn Display) {
    warn!(
        "{}: {error}; the virtual router does not hear of the process",
        file.display()
    );
}

/// `-o` and `-X`.
pub const UNKNOWN_OPTION: &str = "-o and -X: the original had them, but what they meant is not known, so they are refused; `--help` has the others";

/// What is at the named pipe's place cannot be one.
pub const FOREIGN_FIFO: &str =
    "what is there is no named pipe that this user alone may write to; remove it";

/// Nothing is registered with a daemon that ends.
pub const QUITTING: &str = "keepalive is ending; start it again first";

/// No daemon answers.
pub const NOT_RUNNING: &str = "keepalive is not running";

/// There is nothing to list.
pub const NO_TABLE: &str =
    "there is no table: no keepalive daemon has run since the start of this host";

/// What a request did; nothing where there is nothing to say.
#[must_use]
pub fn done(slots: &[SlotNumber]) -> String {
    let numbers: Vec<String> = slots.iter().map(ToString::to_string).collect();
    match numbers.as_slice() {
        [] => String::new(),
        [one] => format!("slot {one}"),
        several => format!("slots {}", several.join(" ")),
    }
}

/// The daemon is there.
#[must_use]
pub fn here(pid: u32, node: &str, used: u32, slots: u32) -> String {
    format!("keepalive runs with pid {pid} on node {node}; {used} of {slots} slots are in use")
}
