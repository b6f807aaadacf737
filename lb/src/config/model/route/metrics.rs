//! What a route tells TCP and IP about the path.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A metric that the kernel may be forbidden to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric<V = u32> {
    /// The value.
    pub value: V,
    /// `lock`: what the kernel measures does not change it.
    pub is_locked: bool,
}

/// A round-trip time, in the kernel's units or as a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteTime {
    /// A number without a unit.
    Plain(u32),
    /// `…s` or `…ms`.
    Time(Duration),
}

/// `congctl [lock] NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CongestionControl {
    /// The algorithm.
    pub name: String,
    /// `lock`: sockets do not change it.
    pub is_locked: bool,
}

/// The metrics of a route; the kernel's choice where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteMetrics {
    /// `mtu`, in bytes.
    pub mtu: Option<Metric>,
    /// `hoplimit`.
    pub hop_limit: Option<u8>,
    /// `advmss`, in bytes.
    pub advertised_mss: Option<Metric>,
    /// `rtt`.
    pub rtt: Option<Metric<RouteTime>>,
    /// `rttvar`.
    pub rtt_variance: Option<Metric<RouteTime>>,
    /// `rto_min`.
    pub rto_min: Option<Metric<RouteTime>>,
    /// `reordering`, in segments.
    pub reordering: Option<Metric>,
    /// `window`, in bytes.
    pub window: Option<u32>,
    /// `cwnd`, in segments.
    pub cwnd: Option<Metric>,
    /// `ssthresh`, in segments.
    pub ssthresh: Option<Metric>,
    /// `initcwnd`, in segments.
    pub initial_cwnd: Option<u32>,
    /// `initrwnd`, in segments.
    pub initial_rwnd: Option<u32>,
    /// `features ecn`.
    pub ecn: bool,
    /// `quickack`.
    pub quick_ack: Option<bool>,
    /// `congctl`.
    pub congestion_control: Option<CongestionControl>,
    /// `fastopen_no_cookie`.
    pub fast_open_without_cookie: Option<bool>,
}
