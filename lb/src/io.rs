//! The only place with file descriptors: files, sockets, netlink, BPF maps, probes.

pub mod civil;
mod clock;
pub mod config;
pub mod control;
pub mod core_dump;
pub mod dump;
pub mod feed;
pub mod file;
#[cfg(test)]
pub(crate) mod folder;
pub mod guard;
pub mod ipvs;
pub mod keepalive;
pub mod key;
pub mod line_watch;
pub mod linkbeat;
mod listener;
pub mod machine;
pub mod memory;
pub mod mirror;
pub mod names;
pub mod namespace;
pub mod netlink;
pub mod nft;
pub mod notify;
pub mod privileges;
pub mod probe;
pub mod process;
pub mod recording;
pub mod scheduling;
pub mod script;
pub mod secret;
pub mod service_manager;
pub mod sessions;
pub mod signals;
pub mod socket;
pub mod sysctl;
pub mod tcp_keepalive;
pub mod timer;
pub mod track;
pub mod watch;
pub mod xdp;

/// Name of this host, as gethostname(2) has it.
fn host_name() -> String {
    nix::unistd::gethostname().map_or("unknown".to_owned(), |name| {
        name.to_string_lossy().into_owned()
    })
}
