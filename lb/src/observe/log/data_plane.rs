//! What is said about the programs and interfaces, in the log and in the status alike.

use crate::config::model::InterfaceName;

/// An interface has no programs.
#[must_use]
pub fn attach_failed(interface: &str, error: &anyhow::Error) -> String {
    format!("{interface}: the data plane cannot be attached: {error:#}")
}

/// An interface has no programs because another's is there.
#[must_use]
pub fn occupied(interface: &str, program: &str, id: u32) -> String {
    format!(
        "{interface}: the XDP program {program} (id {id}) is not ours and stays, so nothing is forwarded there; take it off (`ip link set dev {interface} xdp off`) and reload"
    )
}

/// Why replies to clients on this host do not get in.
#[must_use]
pub fn strict_source(interface: &InterfaceName) -> String {
    format!(
        "{interface}: net.ipv4.conf.{interface}.rp_filter is strict, so replies to clients on this host are lost there unless it has the virtual address; set it, and that of `all`, to 2 or 0"
    )
}
