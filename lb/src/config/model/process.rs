//! Words of the top level that are about the processes themselves.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Namespaces, names and the end of the processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessOptions {
    /// `linkbeat_use_polling`: links are asked for their state instead of heard of.
    pub linkbeat_use_polling: bool,
    /// `net_namespace`: the network namespace of all processes.
    pub net_namespace: Option<String>,
    /// `net_namespace_ipvs`: where IPVS is.
    pub net_namespace_ipvs: Option<IpvsNamespace>,
    /// `namespace_with_ipsets`: ipsets are used in a namespace even on old kernels.
    pub namespace_with_ipsets: bool,
    /// `use_pid_dir`: PID files have a directory of their own; also with a namespace or an instance.
    pub use_pid_dir: bool,
    /// `instance`: one of several daemons in one namespace.
    pub instance: Option<String>,
    /// `child_wait_time`: how long children may take to stop.
    pub child_wait_time: Duration,
}

impl Default for ProcessOptions {
    fn default() -> Self {
        Self {
            linkbeat_use_polling: false,
            net_namespace: None,
            net_namespace_ipvs: None,
            namespace_with_ipsets: false,
            use_pid_dir: false,
            instance: None,
            child_wait_time: Duration::from_secs(5),
        }
    }
}

/// The network namespace that IPVS is handled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpvsNamespace {
    /// That of process 1.
    Default,
    /// A named one.
    Named(String),
}
