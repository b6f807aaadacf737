//! What the checker child tells operators, in keepalived's words.

use std::fmt::Display;

use super::{CheckId, ProbeError};
use crate::pool::{Front, RealServerId};

/// A check changed its mind.
#[must_use]
pub fn check_changed(check: &CheckId, result: &Result<(), ProbeError>, retries: u32) -> String {
    let service = check.real_server;
    match (result, retries) {
        (Ok(()), _) => format!("TCP connection to {service} success."),
        (Err(why), 0) => format!("TCP_CHECK on service {service} failed: {why}."),
        (Err(why), _) => {
            format!("TCP_CHECK on service {service} failed after {retries} retries: {why}.")
        }
    }
}

/// A real server is up or down now.
#[must_use]
pub fn verdict(real_server: RealServerId, up: bool) -> String {
    let front = real_server.front;
    if up {
        format!("Adding service {real_server} to VS {front}")
    } else {
        format!("Removing service {real_server} from VS {front}")
    }
}

/// A service is not forwarded as configured.
#[must_use]
pub fn refused(front: Front, why: impl Display) -> String {
    format!("VS {front} is not forwarded as configured: {why}")
}

/// A service is forwarded as configured, but not by both planes.
#[must_use]
pub fn left_to_other(front: Front, why: impl Display) -> String {
    format!("VS {front}: {why}")
}

/// A change of the data plane failed; it is tried again.
#[must_use]
pub fn map_write_failed(why: impl Display) -> String {
    format!("The data plane is not up to date, trying again: {why}")
}

/// A change of the IPVS table failed; the table is read and the difference tried again.
#[must_use]
pub fn ipvs_failed(why: impl Display) -> String {
    format!("IPVS: {why}; trying again")
}

/// The flow tables could not be read.
#[must_use]
pub fn flows_not_counted(why: impl Display) -> String {
    format!("Flow entries cannot be counted: {why}")
}

/// There are no maps to write, and no IPVS.
pub const NO_DATA_PLANE: &str =
    "No data plane: real servers are checked and reported, but nothing is forwarded.";

/// There are no maps to write.
pub const IPVS_ALONE: &str = "No XDP: IPVS forwards alone.";

/// `data_plane ipvs` on a kernel that has none.
pub const NO_IPVS: &str =
    "This kernel has no IPVS (no module ip_vs): with `data_plane auto` XDP forwards instead.";
