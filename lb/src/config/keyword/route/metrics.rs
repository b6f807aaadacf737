//! What a route tells TCP and IP about the path.

use super::{Word, shown, word};
use crate::config::lower::route::metrics::{self as lower, show_flag, show_locked, show_time};

/// A metric with an optional `lock`.
macro_rules! lockable {
    ($name:literal, $field:ident, $means:literal) => {
        word(
            &[$name],
            "[lock] NUMBER",
            |draft, words, report| {
                draft.route.metrics.$field = lower::number($name, words, report);
            },
            |route| show_locked(route.metrics.$field.as_ref()),
        )
        .means($means)
    };
}

/// A time with an optional `lock`.
macro_rules! time {
    ($name:literal, $field:ident, $means:literal) => {
        word(
            &[$name],
            "[lock] NUMBER[s|ms]",
            |draft, words, report| {
                draft.route.metrics.$field = lower::time($name, words, report);
            },
            |route| show_time(route.metrics.$field.as_ref()),
        )
        .means($means)
    };
}

/// A metric the kernel never changes.
macro_rules! plain {
    ($name:literal, $field:ident, $max:expr, $means:literal) => {
        word(
            &[$name],
            "NUMBER",
            |draft, words, report| {
                draft.route.metrics.$field =
                    crate::config::lower::iproute::next_unsigned(words, $name, $max, report);
            },
            |route| shown(route.metrics.$field.as_ref()),
        )
        .means($means)
    };
}

/// `0` or `1`.
macro_rules! switch {
    ($name:literal, $field:ident, $means:literal) => {
        word(
            &[$name],
            "0 or 1",
            |draft, words, report| {
                draft.route.metrics.$field = lower::switch($name, words, report);
            },
            |route| show_flag(route.metrics.$field),
        )
        .means($means)
    };
}

const MAX: u64 = 0xffff_ffff;

pub(super) const METRICS: &[Word] = &[
    lockable!("mtu", mtu, "largest packet, in bytes"),
    plain!("hoplimit", hop_limit, 255, "TTL of packets of this node"),
    lockable!(
        "advmss",
        advertised_mss,
        "segment size told to peers, in bytes"
    ),
    time!("rtt", rtt, "first guess of the round-trip time"),
    time!("rttvar", rtt_variance, "first guess of its variance"),
    lockable!(
        "reordering",
        reordering,
        "how far segments may be out of order"
    ),
    plain!(
        "window",
        window,
        MAX,
        "largest window told to peers, in bytes"
    ),
    lockable!("cwnd", cwnd, "largest congestion window, in segments"),
    lockable!(
        "ssthresh",
        ssthresh,
        "first slow-start threshold, in segments"
    ),
    time!("rto_min", rto_min, "shortest time to a retransmission"),
    plain!(
        "initcwnd",
        initial_cwnd,
        MAX,
        "first congestion window, in segments"
    ),
    plain!(
        "initrwnd",
        initial_rwnd,
        MAX,
        "first receive window, in segments"
    ),
    word(&["features"], "ecn", lower::features, |route| {
        if route.metrics.ecn {
            vec!["ecn".to_owned()]
        } else {
            Vec::new()
        }
    })
    .means("explicit congestion notification"),
    switch!("quickack", quick_ack, "acknowledgements are sent at once"),
    word(
        &["congctl"],
        "[lock] NAME",
        lower::congestion_control,
        |route| lower::show_congestion_control(route.metrics.congestion_control.as_ref()),
    )
    .means("the congestion control of TCP"),
    switch!(
        "fastopen_no_cookie",
        fast_open_without_cookie,
        "TCP Fast Open needs no cookie"
    ),
];
