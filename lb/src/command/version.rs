//! `lb -v`: what this program is, and what it finds on this machine.

use std::{fmt::Write as _, fs, path::Path};

use nix::{sys::utsname::uname, unistd::geteuid};

use crate::{
    io::{
        ipvs::Ipvs,
        xdp::{DataPlane, Options, Pins},
    },
    mirror::room::Room,
    observe::status::IpvsStatus,
};

/// The keepalived whose command line and configuration this is.
const LIKE: &str = "2.4.3";
/// What is built in, in keepalived's words where it has one, and what it has and is not.
const FEATURES: &str =
    "LVS REGEX VRRP VRRP_AUTH VRRP_VMAC VRRP_IPVLAN BFD NFTABLES LOG_FILE XDP BPF_TIMERS";
/// What keepalived can be built with and lb is not.
const LACKS: &str = "SNMP DBUS IPTABLES";
/// Flows that a trial has room for; it has none.
const FLOWS: u32 = 1024;

/// The version, the features and what this machine has for them, some lines.
#[must_use]
pub fn version() -> String {
    let mut text = format!(
        "lb v{}\nTakes the command line and the configuration of Keepalived v{LIKE}\n\n",
        env!("CARGO_PKG_VERSION")
    );
    if let Ok(system) = uname() {
        let word = |word: &std::ffi::OsStr| word.to_string_lossy().into_owned();
        let (name, release) = (word(system.sysname()), word(system.release()));
        // Writing to a string cannot fail.
        let _written = writeln!(
            text,
            "Running on {name} {release} {}",
            word(system.version())
        );
    }
    let _written = write!(
        text,
        "\nFeatures: {FEATURES}\nWithout: {LACKS}\n\nThis machine:\n"
    );
    for (what, found) in capabilities() {
        let _written = writeln!(text, "  {what:<26} {found}");
    }
    text
}

/// What lb can use here, and what there is of it.
fn capabilities() -> Vec<(&'static str, String)> {
    let there = |is_there: bool| if is_there { "there" } else { "not there" }.to_owned();
    let jit = fs::read_to_string("/proc/sys/net/core/bpf_jit_enable");
    let ipvs = match Ipvs::open_loaded() {
        Ok(Some(mut ipvs)) => match ipvs.about() {
            Ok(about) => format!("there: {}", IpvsStatus::from(about)),
            // Only root may ask.
            Err(error) => format!("there: {error}"),
        },
        Ok(None) => "not there, or its module is not loaded".to_owned(),
        Err(error) => format!("cannot be asked: {error}"),
    };
    let (programs, timers) = programs();
    vec![
        (
            "BTF of the kernel",
            there(Path::new("/sys/kernel/btf/vmlinux").exists()),
        ),
        (
            "BPF compiler (JIT)",
            match jit.as_deref().map(str::trim) {
                Ok("0") => "off: no BPF timers".to_owned(),
                Ok(_) => "on".to_owned(),
                Err(error) => format!("cannot be asked: {error}"),
            },
        ),
        ("programs of the data plane", programs),
        ("BPF timers", timers),
        ("IPVS", ipvs),
    ]
}

/// Whether the kernel takes the programs, and runs timers: by trying, with pins that go at once.
fn programs() -> (String, String) {
    if !geteuid().is_root() {
        let unknown = "only root can try".to_owned();
        return (unknown.clone(), unknown);
    }
    let pins = Pins::of_daemon(&format!("version-{}", std::process::id()));
    let room = Room {
        services: 64,
        chunks: 64,
        local_ports: 1,
    };
    let options = Options::with_room(&room, FLOWS);
    let loaded = DataPlane::load(&pins, &options);
    // What is left of it costs memory until the next start of the machine, and harms nobody.
    DataPlane::remove(&pins).ok();
    match loaded {
        Ok((_, capabilities)) => {
            let timers = if capabilities.timers {
                "there: adverts are absorbed and leases kept in the kernel"
            } else {
                "not there: every advert wakes the daemon, and nothing is fenced"
            };
            ("loaded".to_owned(), timers.to_owned())
        }
        Err(error) => (format!("refused: {error}"), "unknown".to_owned()),
    }
}
