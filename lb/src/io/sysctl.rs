//! Settings of the kernel below `/proc/sys`, in the network namespace of this process.

use std::{io, path::PathBuf};

use crate::config::model::InterfaceName;

/// `net.ipv4.conf.INTERFACE.promote_secondaries`: whether, when the primary address of a subnet goes, the next one takes its
/// place instead of going with it.
///
/// # Errors
/// When there is no such interface.
pub fn promotes_secondaries(interface: &InterfaceName) -> io::Result<bool> {
    let text = std::fs::read_to_string(promote_secondaries(interface))?;
    Ok(text.trim() != "0")
}

/// Sets it.
///
/// # Errors
/// When there is no such interface, or without the right.
pub fn set_promotes_secondaries(interface: &InterfaceName, promotes: bool) -> io::Result<()> {
    let digit = if promotes { "1" } else { "0" };
    std::fs::write(promote_secondaries(interface), digit)
}

fn promote_secondaries(interface: &InterfaceName) -> PathBuf {
    [
        "/proc/sys/net/ipv4/conf",
        interface.as_str(),
        "promote_secondaries",
    ]
    .iter()
    .collect()
}
