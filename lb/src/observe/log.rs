//! Every sentence the daemon says to operators; keepalived's wording where keepalived has one.

use std::{fmt::Display, net::IpAddr, path::Path};

use tracing::{debug, error, info, warn};

use crate::{
    cli::Role,
    config::{Diagnostic, Severity, model::VirtualAddress},
    vrrp::output::State,
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
pub fn reload_needs_restart(keyword: &str) {
    error!(
        "Reload refused, the running configuration stays: a change of {keyword} needs a restart"
    );
}

/// What there is to say about a configuration.
pub fn diagnostics(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let text = diagnostic.plain();
        match diagnostic.severity {
            Severity::Error => error!("{text}"),
            Severity::Warning => warn!("{text}"),
            Severity::Note => info!("{text}"),
        }
    }
}

/// The configuration in force, for `-d`.
pub fn configuration(shown: &str) {
    for line in shown.lines() {
        info!("{line}");
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

/// A child runs.
pub fn child_started(role: Role, pid: u32) {
    info!("Starting {} child process, pid={pid}", role.name());
}

/// A child could not be started.
pub fn child_failed(role: Role, error: &anyhow::Error) {
    error!("Starting the {} child failed: {error:#}", role.name());
}

/// A child ended.
pub fn child_exited(role: Role, pid: u32, how: &str, again: bool) {
    if again {
        warn!(
            "{} child process({pid}) died {how}: Respawning",
            role.name()
        );
    } else {
        info!("{} child process({pid}) ended {how}", role.name());
    }
}

/// A child did not take a message; its end follows.
pub fn child_deaf(role: Role, error: &anyhow::Error) {
    warn!("{} child does not listen: {error:#}", role.name());
}

/// A child does not stop in time.
pub fn child_stuck(role: Role, pid: u32) {
    warn!(
        "{} child process({pid}) does not stop, killing it",
        role.name()
    );
}

/// A signal could not be sent.
pub fn child_unreachable(pid: u32, error: impl Display) {
    warn!("Signalling process {pid} failed: {error}");
}

/// A child of a killed parent still runs.
pub fn orphan(role: Role, pid: i32) {
    warn!(
        "Taking over from the {} child {pid} of an earlier daemon",
        role.name()
    );
}

/// The parent of this child is gone.
pub fn parent_gone(role: Role, error: Option<&anyhow::Error>) {
    let why = error.map_or(String::new(), |error| format!(" ({error:#})"));
    warn!(
        "The parent is gone; the {} child goes on without it{why}",
        role.name()
    );
}

/// The parent of this child does not read its answers.
pub fn parent_deaf(role: Role) {
    warn!(
        "The parent does not take the {} child's answers",
        role.name()
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
        "({instance}) left out: without a data plane nothing keeps this host from answering at its addresses; remove `no_accept` or `strict_mode`, or give lb a kernel that runs its programs"
    );
}

/// An interface has no programs.
pub fn attach_failed(interface: &str, error: &anyhow::Error) {
    error!("{interface}: the data plane cannot be attached: {error:#}");
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
        State::Fault => warn!("({instance}) Entering FAULT STATE ({why})"),
        State::Init => info!("({instance}) removed ({why})"),
        State::Backup => info!("({instance}) Entering BACKUP STATE ({why})"),
        State::Master => info!("({instance}) Entering MASTER STATE ({why})"),
    }
}

/// An advert could not be sent.
pub fn send_failed(instance: &str, error: &dyn Display) {
    warn!("({instance}) sending an advert failed: {error}");
}

/// A gratuitous ARP or neighbour advertisement could not be sent.
pub fn announce_failed(instance: &str, address: &VirtualAddress, error: &dyn Display) {
    warn!(
        "({instance}) announcing {} failed: {error}",
        address.address
    );
}

/// An address changed in the kernel.
pub fn address_applied(
    instance: &str,
    address: &VirtualAddress,
    added: bool,
    result: &Result<(), String>,
) {
    let (verb, address) = (
        if added { "adding" } else { "removing" },
        format!("{}/{}", address.address, address.prefix),
    );
    match result {
        Ok(()) => debug!("({instance}) {verb} {address} done"),
        Err(error) => error!("({instance}) {verb} {address} failed: {error}; trying again"),
    }
}

/// The kernel's part of the heartbeat could not be set up.
pub fn guard_failed(instance: &str, error: &anyhow::Error) {
    warn!("({instance}) heartbeat stays in userspace: {error:#}");
}

/// Two instances that the kernel cannot tell apart.
pub fn guard_shared(instance: &str) {
    warn!(
        "({instance}) heartbeat stays in userspace, without lease fencing: another instance has the same virtual_router_id on the same interface"
    );
}

/// A gate could not be set.
pub fn gate_failed(instance: &str, error: &anyhow::Error) {
    error!("({instance}) the gate could not be set: {error:#}");
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
    info!("({instance}) the lease of an earlier daemon is alive: taking over as MASTER");
}

/// The lease ran out while this daemon was MASTER.
pub fn lease_lost(instance: &str) {
    warn!(
        "({instance}) no advert was sent in time: the lease ran out and the addresses were fenced"
    );
}

/// A better advert fenced the addresses.
pub fn yielded(instance: &str) {
    info!("({instance}) a better advert arrived: the addresses were fenced at once");
}

/// A socket for adverts reported an error.
pub fn receive_failed(interface: &str, error: &dyn Display) {
    debug!("{interface}: receiving adverts: {error}");
}

/// An advert that makes no sense.
pub fn malformed(interface: &str, source: IpAddr, error: &dyn Display) {
    debug!("{interface}: advert from {source} refused: {error}");
}

/// The kernel lost netlink messages.
pub fn netlink_overrun() {
    warn!("netlink lost messages; reading links and addresses again");
}

/// Netlink failed.
pub fn netlink_failed(error: &anyhow::Error) {
    error!("netlink: {error:#}");
}
