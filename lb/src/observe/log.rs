//! Every sentence the daemon says to operators; keepalived's wording where keepalived has one.

mod data_plane;
mod health;
pub mod operator;
mod process;

use std::{fmt::Display, net::IpAddr, path::Path};

use tracing::{debug, error, info, warn};

pub use self::data_plane::{attach_failed, occupied, strict_source};

pub use self::health::{check_changed, check_failed, quorum, slow_start, sorry, verdict, weight};
pub use self::process::{
    address_changed, child_deaf, child_exited, child_failed, child_started, child_stuck,
    child_unreachable, ending, no_hand_over, no_pid_file, orphan, parent_deaf, parent_gone,
    perf_failed, perf_missing, perf_recorded, pid_not_written, priority_raised, privileges_kept,
    process_failed, real_time_exceeded, scheduling_refused, turn_lost, vrrp_stays,
};
use crate::{
    config::{
        Diagnostic, Severity,
        model::{Command, InterfaceName, VirtualAddress},
    },
    io::script::{Outcome, Refused, Report},
    ipvs::sync::{SyncChange, SyncDaemon},
    notify::Job,
    observe::answer,
    track::output::Change,
    vrrp::{
        object::Operation,
        output::{State, Yielding},
    },
};

/// The parent starts.
pub fn daemon_starting(file: &Path) {
    info!(
        "Starting lb v{} with {}",
        env!("CARGO_PKG_VERSION"),
        file.display()
    );
}

/// The parent was told to stop.
pub fn daemon_stopping() {
    info!("Stopping");
}

/// The parent ends, and nothing else does.
pub fn daemon_leaves() {
    info!("Leaving children, programs and addresses to the next daemon");
}

/// The parent is done.
pub fn daemon_stopped() {
    info!("Stopped lb v{}", env!("CARGO_PKG_VERSION"));
}

/// SIGHUP.
pub fn reloading(file: &Path) {
    info!("Reloading {}", file.display());
}

/// The new configuration is in force.
pub fn reloaded() {
    info!("Reload finished");
}

/// The new configuration is wrong.
pub fn reload_refused(file: &Path) {
    error!(
        "Reload refused, the running configuration stays: {} has errors",
        file.display()
    );
}

/// The new configuration changes what only a new process can have.
pub fn reload_needs_restart(place: &str, keyword: &str) {
    error!(
        "Reload refused, the running configuration stays: {place}: a change of {keyword} needs a restart"
    );
}

/// What there is to say about a configuration.
pub fn diagnostics(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let text = diagnostic.plain();
        match diagnostic.severity {
            Severity::Error => error!(target: "lb::config", "{text}"),
            Severity::Warning => warn!(target: "lb::config", "{text}"),
            Severity::Note => info!(target: "lb::config", "{text}"),
        }
    }
}

/// The configuration in force, for `-d`.
pub fn configuration(shown: &str) {
    for line in shown.lines() {
        info!(target: "lb::config", "{line}");
    }
}

/// The copy of the configuration that `config_save_dir` asks for could not be written.
pub fn configuration_not_saved(directory: &str, error: &dyn Display) {
    warn!("The configuration is not saved in {directory}: {error}");
}

/// The machine's interfaces could not be listed.
pub fn interfaces_unknown(error: &dyn Display) {
    error!(
        "Reload refused, the running configuration stays: the interfaces cannot be listed: {error}"
    );
}

/// There is no data plane.
pub fn data_plane_missing(error: &anyhow::Error) {
    error!(
        "No data plane: nothing is forwarded by XDP, VRRP runs on userspace timers without lease fencing: {error:#}"
    );
}

/// An instance that needs the data plane is left out.
pub fn no_accept_unsupported(instance: &str) {
    error!(
        instance,
        "({instance}) left out: without a data plane nothing keeps this host from answering at its addresses; remove `no_accept` or `strict_mode`, or give lb a kernel that runs its programs"
    );
}

/// An instance whose virtual MACs the data plane would write is left out.
pub fn vmac_mode_unsupported(instance: &str) {
    error!(
        instance,
        "({instance}) left out: without a data plane nothing writes its virtual MAC; remove `vrrp_vmac_mode bpf`, or give lb a kernel that runs its programs"
    );
}

/// The daemon stops with addresses that may still be installed.
pub fn data_plane_stays() {
    warn!(
        "The vrrp child did not end in order: its addresses may still be here, so the data plane stays and fences them when the lease ends; start lb again, or remove the addresses"
    );
}

/// The programs could not be taken away.
pub fn detach_failed(error: &anyhow::Error) {
    warn!("The data plane could not be removed: {error:#}");
}

/// A `vrrp_instance` changed its state.
pub fn transition(instance: &str, to: State, why: &str) {
    match to {
        State::Fault => {
            warn!(
                instance,
                state = "FAULT",
                "({instance}) Entering FAULT STATE ({why})"
            );
        }
        State::Init => info!(instance, "({instance}) removed ({why})"),
        State::Backup => {
            info!(
                instance,
                state = "BACKUP",
                "({instance}) Entering BACKUP STATE ({why})"
            );
        }
        State::Master => {
            info!(
                instance,
                state = "MASTER",
                "({instance}) Entering MASTER STATE ({why})"
            );
        }
    }
}

/// An operator's request to yield began, or is over. Who takes over is in the changes of state.
pub fn yielding(instance: &str, yielding: &Yielding) {
    match yielding {
        Yielding::Begun(Some(time)) => {
            info!(
                instance,
                "({instance}) Yielding by request for {}: others go first",
                answer::span(*time)
            );
        }
        Yielding::Begun(None) => {
            info!(
                instance,
                "({instance}) Yielding by request until released: others go first"
            );
        }
        Yielding::Over(why) => {
            info!(
                instance,
                "({instance}) Yielding no longer ({why}): the priority counts again"
            );
        }
    }
}

/// An advert could not be sent.
pub fn send_failed(instance: &str, error: &dyn Display) {
    warn!(instance, "({instance}) sending an advert failed: {error}");
}

/// A gratuitous ARP or neighbour advertisement could not be sent.
pub fn announce_failed(instance: &str, address: &VirtualAddress, error: &dyn Display) {
    warn!(
        instance,
        "({instance}) announcing {} failed: {error}", address.address
    );
}

/// An address, a route or a rule changed in the kernel.
pub fn object_applied(owner: &str, object: &dyn Display, operation: Operation) {
    debug!(target: "lb::netlink", "({owner}) {} {object} done", verb(operation));
}

/// The kernel refused a change, or refuses it now for another reason.
pub fn object_refused(owner: &str, object: &dyn Display, operation: Operation, error: &str) {
    error!(
        "({owner}) {} {object} failed: {error}; trying again every second",
        verb(operation)
    );
}

const fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Install => "adding",
        Operation::Remove => "removing",
    }
}

/// A route or a rule that an earlier daemon left was removed, or could not be.
pub fn left_removed(removed: &Result<(), String>) {
    match removed {
        Ok(()) => info!("a route or rule that an earlier daemon left was removed"),
        Err(error) => error!("a route or rule that an earlier daemon left stays: {error}"),
    }
}

/// A setting of the kernel could not be changed, or put back.
pub fn setting_failed(setting: &dyn Display, error: &dyn Display) {
    warn!("{setting} could not be set: {error}");
}

/// An interface does not take packets for a virtual MAC, or still does.
pub fn filter_failed(link: &InterfaceName, mac: &dyn Display, error: &str) {
    error!("{link}: the filter of addresses cannot be changed for {mac}: {error}");
}

/// A link that should be asked for its state does not answer.
pub fn link_mute(link: &InterfaceName, error: &dyn Display) {
    warn!("{link} does not tell its link state ({error}): what the kernel says counts");
}

/// No link can be asked for its state.
pub fn linkbeat_failed(error: &dyn Display) {
    warn!("links cannot be asked for their state: {error}");
}

/// What settings of the kernel were before may not be known any more after a crash.
pub fn settings_lost(file: &Path, error: &dyn Display) {
    warn!(
        "settings of the kernel may not be put back: {}: {error}",
        file.display()
    );
}

/// A virtual interface is there.
pub fn virtual_made(name: &InterfaceName, base: &InterfaceName) {
    info!("virtual interface {name} on {base} made");
}

/// The kernel refuses a virtual interface.
pub fn virtual_refused(name: &InterfaceName, base: &InterfaceName, error: &str) {
    error!("virtual interface {name} on {base} cannot be made: {error}");
}

/// A virtual interface is gone because nothing wants it.
pub fn virtual_removed(name: &InterfaceName) {
    info!("virtual interface {name} removed");
}

/// A virtual interface that nothing wants stays.
pub fn virtual_not_removed(name: &InterfaceName, error: &str) {
    warn!("virtual interface {name} cannot be removed: {error}");
}

/// The kernel's part of the heartbeat could not be set up.
pub fn guard_failed(instance: &str, error: &anyhow::Error) {
    warn!(
        instance,
        "({instance}) heartbeat stays in userspace: {error:#}"
    );
}

/// The kernel's part of the heartbeat is asked for again soon.
pub fn guard_postponed(instance: &str, error: &anyhow::Error) {
    debug!(
        instance,
        "({instance}) heartbeat in userspace for now: {error:#}"
    );
}

/// A thread of the kernel's sync daemon runs now, or runs no more.
pub fn sync_daemon(change: &SyncChange) {
    match change {
        SyncChange::Start(SyncDaemon {
            state,
            interface,
            id,
            ..
        }) => info!(
            "IPVS sync daemon: {} on {interface}, syncid {id}",
            state.name()
        ),
        SyncChange::Stop(state) => info!("IPVS sync daemon: {} no more", state.name()),
    }
}

/// Two instances that the kernel cannot tell apart.
pub fn guard_shared(instance: &str) {
    warn!(
        instance,
        "({instance}) heartbeat stays in userspace, without lease fencing: another instance has the same virtual_router_id on the same interface"
    );
}

/// A gate could not be set.
pub fn gate_failed(instance: &str, error: &anyhow::Error) {
    error!(
        instance,
        "({instance}) the gate could not be set: {error:#}"
    );
}

/// Whether any gate is fenced could not be looked at.
pub fn hint_failed(error: &anyhow::Error) {
    error!("the gates could not be reviewed: {error:#}");
}

/// The socket for adverts could not be opened.
pub fn socket_failed(interface: &str, error: &dyn Display) {
    error!("{interface}: no socket for VRRP: {error}");
}

/// A lease that outlived its daemon was taken up again.
pub fn adopted(instance: &str) {
    info!(
        instance,
        "({instance}) the lease of an earlier daemon is alive: taking over as MASTER"
    );
}

/// The lease ran out while this daemon was MASTER.
pub fn lease_lost(instance: &str) {
    warn!(
        instance,
        "({instance}) no advert was sent in time: the lease ran out and the addresses were fenced"
    );
}

/// A better advert fenced the addresses.
pub fn yielded(instance: &str) {
    info!(
        instance,
        "({instance}) a better advert arrived: the addresses were fenced at once"
    );
}

/// A socket for adverts reported an error.
pub fn receive_failed(interface: &str, error: &dyn Display) {
    debug!(target: "lb::packets", "{interface}: receiving adverts: {error}");
}

/// A packet for an instance that does not count; each kind once until the state changes.
pub fn advert_refused(instance: &str, source: IpAddr, error: &dyn Display) {
    warn!(
        instance,
        "({instance}) advert from {source} refused: {error}"
    );
}

/// An advert that counts, but not as it should be; each kind once until the state changes.
pub fn advert_remarkable(instance: &str, source: IpAddr, remark: &dyn Display) {
    warn!(
        instance,
        "({instance}) advert from {source} taken, but: {remark}"
    );
}

/// An advert of a virtual router that is not configured.
pub fn unknown_vrid(place: &str, vrid: u8, source: IpAddr) {
    info!("{place}: advert from {source} for VRID {vrid}, which is not configured");
}

/// An instance cannot send or be believed, whatever its interface says.
pub fn cannot_take_part(instance: &str, why: &str) {
    error!(instance, "({instance}) {why}");
}

/// The kernel lost netlink messages.
pub fn netlink_overrun() {
    warn!("netlink lost messages; reading links and addresses again");
}

/// Netlink failed.
pub fn netlink_failed(error: &anyhow::Error) {
    error!("netlink: {error:#}");
}

/// A notify script ended, or was not run.
pub fn notify_script_ended(job: &Job, ended: &Result<Report, Refused>) {
    let (name, state, script) = (&job.subject, job.state, job.command.words.join(" "));
    match ended {
        Ok(report) if report.outcome.is_success() => {
            debug!(target: "lb::scripts", "({name}) notify script for {state} succeeded: {script}");
        }
        Ok(report) => {
            let said = report.complaint.as_deref().map_or(String::new(), said);
            warn!(
                "({name}) notify script for {state} {}: {script}{said}",
                report.outcome
            );
        }
        Err(refused) => {
            error!("({name}) notify script for {state} is not run: {refused}: {script}");
        }
    }
}

fn said(complaint: &str) -> String {
    format!(" (it said: {complaint})")
}

/// A notify script could not run as things are.
pub fn notify_script_unusable(name: &str, command: &Command, refused: &Refused) {
    warn!(
        "({name}) notify script would not run: {refused}: {}",
        command.words.join(" ")
    );
}

/// What the block `SSL` names cannot be used.
pub fn tls_unusable(why: &str) {
    error!("SSL: every check over TLS fails: {why}");
}

/// What mail is to be sent over TLS with cannot be used.
pub fn mail_tls_unusable(why: &dyn Display) {
    error!("smtp_starttls: no mail can be sent: {why}");
}

/// Too many scripts of one subject wait.
pub fn notify_script_dropped(job: &Job) {
    error!(
        "({}) notify script for {} is left out, too many wait for one that does not end: {}",
        job.subject,
        job.state,
        job.command.words.join(" ")
    );
}

/// The daemon stops before everybody was told.
pub fn notify_unfinished(running: usize, waiting: usize, mails: usize) {
    warn!(
        "Stopping without the end of {running} notify scripts, with {waiting} not run and {mails} mails not sent"
    );
}

/// A recording begins.
pub fn recording(path: &str) {
    info!("Recording what elections hear and decide in {path} (vrrp_record)");
}

/// A recording is over, or cannot begin.
pub fn recording_ended(path: &str, why: &dyn Display) {
    warn!("Nothing more is recorded in {path}: {why}");
}

/// A recording has ended in good order.
pub fn recording_finished(path: &str) {
    info!("Recording in {path} has ended");
}

/// A reload asks for a recording.
pub fn recording_needs_restart(path: &str) {
    warn!("Nothing is recorded in {path}: a recording begins with the process, so restart it");
}

/// A FIFO for events cannot be used.
pub fn fifo_failed(path: &str, error: &dyn Display) {
    error!("No events are written to the FIFO {path}: {error}");
}

/// A FIFO is full.
pub fn fifo_full(path: &str, kept: usize) {
    warn!(
        "The FIFO {path} is full and {kept} more events wait: the oldest are lost until somebody reads"
    );
}

/// A FIFO is read again.
pub fn fifo_flows(path: &str, lost: u64) {
    warn!("The FIFO {path} is read again: {lost} events were lost");
}

/// The program that reads a FIFO cannot be started.
pub fn reader_failed(command: &str, why: &str) {
    error!("The notify FIFO script is not run: {why}: {command}");
}

/// The program that reads a FIFO ended.
pub fn reader_ended(command: &str, outcome: &Outcome) {
    warn!("The notify FIFO script {outcome}; a reload starts it again: {command}");
}

/// A mail was sent, or not.
pub fn mail_sent<E: Display>(subject: &str, sent: &Result<(), E>, dropped: u64) {
    match sent {
        Ok(()) => debug!(target: "lb::mail", "SMTP alert successfully sent: {subject}"),
        Err(error) => warn!("SMTP alert not sent: {error}: {subject}"),
    }
    if dropped > 0 {
        warn!("SMTP alerts: {dropped} were left out because the server is slow");
    }
}

/// Too many mails wait.
pub fn mail_dropped(waiting: usize) {
    warn!("SMTP alerts: {waiting} wait for the server; the oldest are left out");
}

/// `startup_script` or `shutdown_script` did not succeed.
pub fn daemon_script_ended(keyword: &str, ended: &Result<Report, Refused>) {
    match ended {
        Ok(report) if report.outcome.is_success() => {
            debug!(target: "lb::scripts", "{keyword} succeeded");
        }
        Ok(report) => {
            let said = report.complaint.as_deref().map_or(String::new(), said);
            warn!("{keyword} {}{said}", report.outcome);
        }
        Err(refused) => error!("{keyword} is not run: {refused}"),
    }
}

/// Scripts run as root because nobody else is named.
pub fn scripts_as_root() {
    warn!(
        "Scripts run as root: there is no user keepalived_script and no script_user, and enable_script_security is not set"
    );
}

/// Something tracked changed.
pub fn tracked(change: &Change) {
    match change {
        Change::ScriptReturned { script, status } => {
            info!("Script `{script}` now returning {status}");
        }
        Change::ScriptSucceeded(script) => info!("VRRP_Script({script}) succeeded"),
        Change::ScriptFailed { script, ending } => {
            warn!("VRRP_Script({script}) failed ({ending})");
        }
        Change::ScriptSkipped(script) => {
            warn!(
                "Track script {script} still runs when it should start again: starts are left out"
            );
        }
        Change::FileValue { file, value } => debug!("Track file {file} is {value}"),
        Change::FileIgnored { file, value } => {
            warn!("Track file {file} has a number that is too large; {value} stays");
        }
        Change::FileUnreadable { file, why } => {
            warn!("Track file {file} cannot be read and counts as 0: {why}");
        }
        Change::ProcessCount { process, from, to } => {
            debug!(target: "lb::processes", "Process {process}, number of current processes changed from {from} to {to}");
        }
        Change::ProcessQuorum {
            process,
            count,
            is_up,
        } => {
            let word = if *is_up { "up" } else { "down" };
            info!("Process {process}, number of current processes is {count}, quorum {word}");
        }
        Change::Interface { interface, is_up } => {
            let word = if *is_up { "up" } else { "down" };
            info!("Tracked interface {interface} is {word}");
        }
        Change::Bfd { session, is_up } => {
            let word = if *is_up { "UP" } else { "DOWN" };
            info!("Tracked BFD instance {session} is {word}");
        }
        Change::Static {
            group,
            object,
            is_present,
        } => {
            let word = if *is_present { "back" } else { "gone" };
            warn!("Track group {group}: {object} is {word}");
        }
    }
}

/// A tracked file cannot be given its first content.
pub fn track_file_not_written(file: &str, error: &dyn Display) {
    warn!("Track file {file} cannot be written as init_file asks: {error}");
}

/// The kernel does not tell of tracked files.
pub fn track_files_polled(error: &dyn Display) {
    warn!("Tracked files are looked at once a second, not when they change: {error}");
}

/// The kernel does not tell of processes.
pub fn processes_polled(error: &dyn Display) {
    warn!(
        "Tracked processes are counted once a second, so that an end is seen late and a short one not at all: {error}"
    );
}

/// The kernel lost messages about processes, and keeps more of them from now on.
pub fn processes_overrun(size: usize) {
    info!(
        "Messages about processes were lost and processes are counted again; the buffer is {size} bytes now, set process_monitor_rcv_bufs to have it so from the start"
    );
}

/// Nothing can be watched.
pub fn tracking_failed(what: &str, error: &dyn Display) {
    error!("{what} cannot be watched: {error}");
}

#[cfg(test)]
mod tests;
