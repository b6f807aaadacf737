//! Mail about virtual routers and servers, in keepalived's words.

use super::telling;
use crate::{
    pool::state,
    vrrp::output::{Notice, Party},
};

/// A mail without its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// `Subject:`.
    pub subject: String,
    /// The text.
    pub body: String,
}

impl Letter {
    /// What is written about a notice, if anything: changes to MASTER, BACKUP and FAULT.
    pub(super) fn about(notice: &Notice, router_id: &str, mails_faults: bool) -> Option<Self> {
        let state = telling::state(notice);
        let told = match state {
            "MASTER" | "BACKUP" => true,
            "FAULT" => mails_faults,
            _ => false,
        };
        if !told {
            return None;
        }
        let (kind, body) = match (notice.party, state) {
            (Party::Group, _) => (
                "Group",
                format!("=> All VRRP group instances are now in {state} state <="),
            ),
            (Party::Instance, "MASTER") => (
                "Instance",
                "=> VRRP Instance is now owning VRRP VIPs <=".to_owned(),
            ),
            (Party::Instance, _) => (
                "Instance",
                "=> VRRP Instance is no longer owning VRRP VIPs <=".to_owned(),
            ),
        };
        let name = &notice.name;
        Some(Self {
            subject: format!("[{router_id}] VRRP {kind} {name} - Entering {state} state"),
            body,
        })
    }

    /// What is written about a virtual server or a real server.
    pub(super) fn about_pool(
        subject: &state::Subject,
        is_up: bool,
        body: String,
        router_id: &str,
    ) -> Self {
        let state = telling::up_or_down(is_up);
        let subject = match subject {
            state::Subject::VirtualServer(server) => {
                format!("[{router_id}] Virtualserver {server} - {state}")
            }
            state::Subject::RealServer(real) => format!(
                "[{router_id}] Realserver {real} of virtual server {} - {state}",
                real.server
            ),
        };
        Self { subject, body }
    }
}
