//! Metrics of a route.

use rtnetlink::packet_route::route::RouteMetric;

use crate::config::model::route::{Metric, RouteMetrics, RouteTime};

/// `RTAX_FEATURE_ECN`.
const FEATURE_ECN: u32 = 1;

/// Shortest time that TCP takes (`TCP_RTO_MIN`), in milliseconds; keepalived takes it for less.
const SHORTEST: u64 = 200;

/// Places of the metrics in `RTAX_LOCK` (linux/rtnetlink.h).
mod place {
    pub(super) const MTU: u32 = 2;
    pub(super) const RTT: u32 = 4;
    pub(super) const RTTVAR: u32 = 5;
    pub(super) const SSTHRESH: u32 = 6;
    pub(super) const CWND: u32 = 7;
    pub(super) const ADVMSS: u32 = 8;
    pub(super) const REORDERING: u32 = 9;
    pub(super) const RTO_MIN: u32 = 13;
    pub(super) const CC_ALGO: u32 = 16;
}

/// The metrics that are given; none when none is.
pub(super) fn encode(metrics: &RouteMetrics) -> Vec<RouteMetric> {
    let RouteMetrics {
        mtu,
        hop_limit,
        advertised_mss,
        rtt,
        rtt_variance,
        rto_min,
        reordering,
        window,
        cwnd,
        ssthresh,
        initial_cwnd,
        initial_rwnd,
        ecn,
        quick_ack,
        congestion_control,
        fast_open_without_cookie,
    } = metrics;
    let mut found = Found::default();
    found.metric(place::MTU, mtu.as_ref(), RouteMetric::Mtu);
    found.metric(place::ADVMSS, advertised_mss.as_ref(), RouteMetric::Advmss);
    found.metric(
        place::REORDERING,
        reordering.as_ref(),
        RouteMetric::Reordering,
    );
    found.metric(place::CWND, cwnd.as_ref(), RouteMetric::Cwnd);
    found.metric(place::SSTHRESH, ssthresh.as_ref(), RouteMetric::SsThresh);
    found.time(place::RTT, rtt.as_ref(), 8, RouteMetric::Rtt);
    found.time(place::RTTVAR, rtt_variance.as_ref(), 4, RouteMetric::RttVar);
    found.time(place::RTO_MIN, rto_min.as_ref(), 1, RouteMetric::RtoMin);
    let plain = [
        hop_limit.map(|limit| RouteMetric::Hoplimit(limit.into())),
        window.map(RouteMetric::Window),
        initial_cwnd.map(RouteMetric::InitCwnd),
        initial_rwnd.map(RouteMetric::InitRwnd),
        ecn.then_some(RouteMetric::Features(FEATURE_ECN)),
        quick_ack.map(|on| RouteMetric::QuickAck(on.into())),
        fast_open_without_cookie.map(|on| RouteMetric::FastopenNoCookie(on.into())),
    ];
    found.metrics.extend(plain.into_iter().flatten());
    if let Some(control) = congestion_control {
        let metric = RouteMetric::CcAlgo(control.name.clone());
        found.push(place::CC_ALGO, control.is_locked, metric);
    }
    if found.locks != 0 {
        found.metrics.push(RouteMetric::Lock(found.locks));
    }
    found.metrics
}

#[derive(Default)]
struct Found {
    metrics: Vec<RouteMetric>,
    locks: u32,
}

impl Found {
    fn push(&mut self, place: u32, is_locked: bool, metric: RouteMetric) {
        self.metrics.push(metric);
        self.locks |= u32::from(is_locked) << place;
    }

    fn metric(&mut self, place: u32, metric: Option<&Metric>, make: fn(u32) -> RouteMetric) {
        if let Some(metric) = metric {
            self.push(place, metric.is_locked, make(metric.value));
        }
    }

    /// A time in `per_millisecond` parts of a millisecond; a plain number is in those parts already.
    fn time(
        &mut self,
        place: u32,
        metric: Option<&Metric<RouteTime>>,
        per_millisecond: u64,
        make: fn(u32) -> RouteMetric,
    ) {
        let Some(metric) = metric else {
            return;
        };
        let parts = match metric.value {
            RouteTime::Plain(number) => u128::from(number),
            RouteTime::Time(time) => time.as_micros() * u128::from(per_millisecond) / 1000,
        };
        let parts = parts.max(u128::from(SHORTEST * per_millisecond));
        let parts = u32::try_from(parts).unwrap_or(u32::MAX);
        self.push(place, metric.is_locked, make(parts));
    }
}
