//! Whether keepalive speaks before somebody on the way forgets the connection.

use std::time::Duration;

use lb_common::flow::{FLOW_ESTABLISHED, timeout_seconds};
use serde::Serialize;

use super::explain::{silence, words};
use crate::config::model::{Config, Protocol, global::Timeouts};

/// Who forgets connections that say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// The flow table, and IPVS's, which have the same times (`lvs_timeouts`).
    Flows,
    /// Connection tracking of this node (`nf_conntrack_tcp_timeout_established`).
    Conntrack,
}

/// How long a table remembers an idle connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Which.
    pub table: Table,
    /// How long.
    pub timeout: Duration,
    /// Whether the configuration says so, or nobody.
    pub is_configured: bool,
}

/// A table, and what keepalive is to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// The table.
    pub memory: Memory,
    /// From one probe that is answered to the next.
    pub silence: Duration,
    /// Whether the probe comes in time.
    pub is_in_time: bool,
    /// What to do, or that all is well.
    pub sentence: String,
}

/// How long the flow table remembers TCP connections.
#[must_use]
pub fn flows(timeouts: Timeouts) -> Memory {
    let configured = timeouts.tcp.filter(|time| *time > 0);
    let seconds = configured.unwrap_or(timeout_seconds(FLOW_ESTABLISHED));
    Memory {
        table: Table::Flows,
        timeout: Duration::from_secs(seconds.into()),
        is_configured: configured.is_some(),
    }
}

/// Whether a configuration forwards TCP at all.
#[must_use]
pub fn forwards_tcp(config: &Config) -> bool {
    let mut servers = config.virtual_servers.iter();
    servers.any(|server| server.protocol == Protocol::Tcp)
}

/// Whether keepalive with these times keeps connections in a table.
#[must_use]
pub fn advise(memory: Memory, idle: Duration, interval: Duration) -> Advice {
    let silence = silence(idle, interval);
    let is_in_time = silence < memory.timeout;
    // Twice in the time, so that a probe may be lost.
    let (had, wanted) = (words(memory.timeout), memory.timeout / 2);
    let wanted = wanted.as_secs().max(1);
    let table = match memory.table {
        Table::Flows => "the flow table (lvs_timeouts tcp, IPVS's as well)",
        Table::Conntrack => "connection tracking (nf_conntrack_tcp_timeout_established)",
    };
    let sentence = if is_in_time {
        format!(
            "{table} forgets an idle connection after {had}; keepalive speaks after {}, which is in time",
            words(silence)
        )
    } else {
        let line = match (memory.table, memory.is_configured) {
            (Table::Flows, true) => {
                format!("change `lvs_timeouts tcp {}`", memory.timeout.as_secs())
            }
            (Table::Flows, false) => "add `lvs_timeouts tcp`".to_owned(),
            (Table::Conntrack, _) => {
                "set `net.netfilter.nf_conntrack_tcp_timeout_established`".to_owned()
            }
        };
        let and = if interval.as_secs() > wanted {
            format!(" and `tcp_keepalive_intvl {wanted}`")
        } else {
            String::new()
        };
        let enough = silence.as_secs().saturating_mul(2);
        format!(
            "{table} forgets an idle connection after {had}, but keepalive speaks only after {}: set `tcp_keepalive_time {wanted}`{and} where \
             the connections end, or {line} to {enough}",
            words(silence)
        )
    };
    Advice {
        memory,
        silence,
        is_in_time,
        sentence,
    }
}
