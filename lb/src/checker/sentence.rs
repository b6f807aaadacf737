//! What the checker child tells operators, in keepalived's words.

use std::{fmt::Display, time::Duration};

use super::{CheckChange, ProbeError};
use crate::pool::{
    Plane, RealServerId, VirtualServerId,
    state::{Balance, Notice, Subject},
};

/// A check changed its mind.
#[must_use]
pub fn check_changed(change: &CheckChange) -> String {
    let CheckChange {
        real_server: service,
        keyword,
        result,
        retries,
        ..
    } = change;
    if let Some(session) = &change.session {
        let state = if result.is_ok() { "UP" } else { "DOWN" };
        return format!("BFD check of [{session}] RS({service}) is {state}");
    }
    match (result, *keyword, retries) {
        (Ok(()), "TCP_CHECK", _) => format!("TCP connection to {service} success."),
        (Ok(()), "UDP_CHECK", _) => format!("UDP connection to {service} success."),
        (Ok(()), "PING_CHECK", _) => format!("ICMP connection to {service} success."),
        (Ok(()), "HTTP_GET" | "SSL_GET", _) => {
            format!("Remote Web server {service} succeed on service.")
        }
        (Ok(()), "SMTP_CHECK", _) => format!("Remote SMTP server {service} succeed on service."),
        (Ok(()), _, _) => format!("{keyword} on service {service} success."),
        (Err(why), _, 0) => {
            format!("{} on service {service} failed: {why}.", name(keyword))
        }
        (Err(why), _, _) => format!(
            "{} on service {service} failed after {retries} retries: {why}.",
            name(keyword)
        ),
    }
}

/// A failure that changes nothing.
#[must_use]
pub fn failure(service: &RealServerId, keyword: &str, why: &ProbeError) -> String {
    format!("{} on service {service}: {why}.", name(keyword))
}

/// What keepalived calls the check of a keyword.
fn name(keyword: &str) -> &str {
    match keyword {
        "HTTP_GET" | "SSL_GET" => "HTTP_CHECK",
        "PING_CHECK" => "ICMP CHECK",
        other => other,
    }
}

/// The text of the mail about a check that changed its mind.
#[must_use]
pub fn check_mail(change: &CheckChange) -> String {
    let name = match change.keyword {
        "HTTP_GET" | "SSL_GET" | "SMTP_CHECK" => "CHECK".to_owned(),
        "PING_CHECK" => "ICMP CHECK".to_owned(),
        "BFD_CHECK" => format!(
            "BFD CHECK {}",
            change.session.as_deref().unwrap_or_default()
        ),
        keyword => keyword.replace('_', " "),
    };
    match &change.result {
        Ok(()) => format!("=> {name} succeed on service <="),
        Err(why) => format!("=> {name} failed on service : {why} <="),
    }
}

/// A real server is up or down now.
#[must_use]
pub fn verdict(real_server: &RealServerId, is_up: bool, inhibits: bool) -> String {
    let (verb, to) = comes_or_goes(is_up, inhibits);
    let server = &real_server.server;
    format!("{verb} service {real_server} {to} VS {server}")
}

/// What is done with somebody who keeps his place or not, and the preposition for it.
const fn comes_or_goes(comes: bool, inhibits: bool) -> (&'static str, &'static str) {
    match (comes, inhibits) {
        (true, false) => ("Adding", "to"),
        (true, true) => ("Enabling", "to"),
        (false, false) => ("Removing", "from"),
        (false, true) => ("Disabling", "from"),
    }
}

/// A real server that is up has another weight.
#[must_use]
pub fn weight(real_server: &RealServerId, from: u32, to: u32) -> String {
    format!(
        "Changing weight from {from} to {to} for active service {real_server} of VS {}",
        real_server.server
    )
}

/// A real server is back and has all of its weight only after `time`, or has it now.
#[must_use]
pub fn slow_start(real_server: &RealServerId, weight: u32, time: Option<Duration>) -> String {
    let server = &real_server.server;
    match time {
        Some(time) => {
            let seconds = time.as_secs_f64();
            format!(
                "Slow start of service {real_server} of VS {server}: from weight 1 to {weight} in {seconds} s"
            )
        }
        None => {
            format!("Slow start of service {real_server} of VS {server} is over: weight {weight}")
        }
    }
}

/// The quorum is gained or lost.
#[must_use]
pub fn quorum(
    server: &VirtualServerId,
    (has_quorum, begins_down): (bool, bool),
    balance: &Balance,
) -> String {
    format!("{} for VS {server}", balance.words(has_quorum, begins_down))
}

/// The sorry server comes or goes.
#[must_use]
pub fn sorry(server: &VirtualServerId, sorry: &str, serves: bool, inhibits: bool) -> String {
    let (verb, to) = comes_or_goes(serves, inhibits);
    format!("{verb} sorry server {sorry} {to} VS {server}")
}

/// A script is run.
#[must_use]
pub fn executing(notice: &Notice, words: &[String]) -> String {
    let words = words.join(" ");
    match &notice.subject {
        Subject::RealServer(real) => {
            format!(
                "Executing [{words}] for service {real} in VS {}",
                real.server
            )
        }
        Subject::VirtualServer(server) => format!("Executing [{words}] for VS {server}"),
    }
}

/// Checks rest, or go on.
#[must_use]
pub fn suspended(server: &VirtualServerId, is_suspended: bool) -> String {
    let verb = if is_suspended {
        "Suspending"
    } else {
        "Activating"
    };
    format!("{verb} healthchecker for VS {server}")
}

/// A service is not forwarded as configured.
#[must_use]
pub fn refused(front: impl Display, why: impl Display) -> String {
    format!("VS {front} is not forwarded as configured: {why}")
}

/// A service is forwarded as configured, but not by both planes.
#[must_use]
pub fn left_to_other(front: impl Display, why: impl Display) -> String {
    format!("VS {front}: {why}")
}

/// Virtual servers of firewall marks without IPVS.
#[must_use]
pub fn marks_need_ipvs(count: usize) -> String {
    format!(
        "{count} firewall marks are not served: XDP sees packets before the firewall marks them, and this kernel has no IPVS"
    )
}

/// nft(8) did not take the rules of `nftables_ipvs`.
#[must_use]
pub fn marking_refused(why: impl Display) -> String {
    format!(
        "nftables_ipvs: {why}; until the next reload IPVS has virtual server groups address by address"
    )
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

/// A plane goes on with the flows it has, in so many services, and takes no more.
#[must_use]
pub fn leaves(plane: Plane, services: usize) -> String {
    format!(
        "{plane} leaves: it goes on with the flows that it has in {services} virtual servers, and takes no more"
    )
}

/// It has none any more.
#[must_use]
pub fn left(plane: Plane) -> String {
    format!("{plane} has left: its flows have ended")
}

/// There are no maps to write, and no IPVS.
pub const NO_DATA_PLANE: &str =
    "No data plane: real servers are checked and reported, but nothing is forwarded.";

/// There are no maps to write.
pub const IPVS_ALONE: &str = "No XDP: IPVS forwards alone.";

/// `data_plane ipvs` on a kernel that has none.
pub const NO_IPVS: &str =
    "This kernel has no IPVS (no module ip_vs): with `data_plane auto` XDP forwards instead.";
