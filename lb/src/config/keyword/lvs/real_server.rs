//! `real_server`.

use std::time::Duration;

use super::{
    MAX_WEIGHT, METHOD, UNSIGNED, notify,
    timing::{connect_timeout, delay_before_retry, delay_loop, fall, jitter, retry, rise, warmup},
};
use crate::config::{
    keyword::{
        Keyword, Table, check,
        takes::{Field, Takes, field},
    },
    lower::{
        check as lower,
        lvs::{
            method,
            real_server::{self, RealServerDraft},
        },
    },
    model::{Micros, RealServer},
};

type Real = Keyword<RealServerDraft, RealServer>;

pub(in crate::config) static TABLE: Table<RealServerDraft, RealServer> = Table {
    block: "real_server",
    groups: &[FORWARDING, CHECKS, TOLD, CHECKERS],
};

const FORWARDING: &[Real] = &[
    Real::number(
        &["weight"],
        0,
        MAX_WEIGHT,
        Field {
            set: |draft, given| draft.weight = given.value.try_into().ok(),
            get: |model| Some(model.weight.into()),
        },
    )
    .default("the virtual server's, 1")
    .means("share of new flows; 0 takes none"),
    Real::new(
        &["lvs_method"],
        Takes::Words {
            usage: METHOD,
            read: |draft, line, report| draft.method = method::read(line, report).or(draft.method),
            show: |server| vec![method::show(server.method)],
        },
    )
    .default("the virtual server's lb_kind")
    .means("how packets reach it"),
    Real::number(
        &["uthreshold"],
        0,
        UNSIGNED,
        field!(number thresholds.upper),
    )
    .default("0")
    .means("connections at which it takes no more; 0 is no limit"),
    Real::number(
        &["lthreshold"],
        0,
        UNSIGNED,
        field!(number thresholds.lower),
    )
    .default("0")
    .means("connections below which it takes some again"),
    Real::new(
        &["slow_start"],
        Takes::Seconds {
            min: Duration::ZERO,
            max: Micros::MAX.get(),
            field: Field {
                set: |draft, given| draft.slow_start = Micros::try_from(given.value).ok(),
                get: |model| Some(model.slow_start.get()),
            },
        },
    )
    .default("the virtual server's")
    .means("when it comes back it begins with weight 1 and has all of its weight after so long (of lb, not of keepalived)"),
    Real::new(
        &["quic_server_id"],
        Takes::Words {
            usage: real_server::QUIC_SERVER_ID,
            read: real_server::read_quic_server_id,
            show: |server| {
                server
                    .quic_server_id
                    .iter()
                    .map(ToString::to_string)
                    .collect()
            },
        },
    )
    .means("datagrams go to it whose QUIC connection ID names it (of lb, not of keepalived)"),
];

const CHECKS: &[Real] = &[
    Real::boolean(
        &["inhibit_on_failure"],
        field!(given copy inhibit_on_failure),
    )
    .default("the virtual server's")
    .means("weight 0 when it fails, in place of its removal"),
    Real::boolean(&["alpha"], field!(given copy alpha))
        .default("the virtual server's")
        .means("down until a check passes"),
    delay_loop("the virtual server's"),
    jitter("the virtual server's"),
    connect_timeout("the virtual server's"),
    retry("the virtual server's", 1),
    delay_before_retry("the virtual server's"),
    rise("the virtual server's"),
    fall("the virtual server's"),
    warmup("the virtual server's"),
];

const TOLD: &[Real] = &[
    notify!(Real "notify_up", notify.up, "runs when it comes up"),
    notify!(Real "notify_down", notify.down, "runs when it goes down"),
    Real::boolean(&["smtp_alert"], field!(given copy smtp_alert))
        .default("smtp_alert_checker, else yes")
        .means("mail when its state changes"),
    Real::text(&["virtualhost"], field!(some boxed virtualhost))
        .default("the virtual server's")
        .means("the Host header of HTTP checks"),
    Real::text(&["snmp_name"], field!(some boxed snmp_name))
        .parsed()
        .means("a name for SNMP"),
];

/// A checker's block. The first of them shows all checks, in the order of the file.
macro_rules! checker {
    ($name:literal, $read:path, $means:literal) => {
        checker!($name, $read, |_, _| {}, $means)
    };
    ($name:literal, $read:path, $show:expr, $means:literal) => {
        Real::new(
            &[$name],
            Takes::Block {
                usage: "",
                read: $read,
                show: $show,
            },
        )
        .means($means)
    };
}

const CHECKERS: &[Real] = &[
    checker!(
        "TCP_CHECK",
        lower::read_tcp,
        |real, page| {
            for check in &real.checks {
                check::show(check, page);
            }
        },
        "up while a TCP connection can be made"
    ),
    checker!(
        "HTTP_GET",
        lower::http::read,
        "up while pages are as they should be"
    ),
    checker!("SSL_GET", lower::http::read_ssl, "the same over TLS"),
    checker!(
        "PING_CHECK",
        lower::read_ping,
        "up while it answers echo requests"
    ),
    checker!(
        "UDP_CHECK",
        lower::udp::read,
        "up while datagrams are not refused"
    ),
    checker!(
        "SMTP_CHECK",
        lower::smtp::read,
        "up while it greets as a mail server"
    ),
    checker!(
        "DNS_CHECK",
        lower::dns::read,
        "up while it answers a DNS question"
    ),
    checker!(
        "GRPC_CHECK",
        lower::grpc::read,
        "up while its gRPC health service says so (of lb, not of keepalived)"
    ),
    checker!(
        "KEEPALIVE_CHECK",
        lower::keepalive::read,
        "up while a connection to it lasts, which TCP keepalive watches (of lb, not of keepalived)"
    ),
    checker!(
        "MISC_CHECK",
        lower::program::read,
        "up while a program exits with 0"
    ),
    checker!(
        "FILE_CHECK",
        lower::track::read_file,
        "the number in a file adds to the weight"
    ),
    checker!(
        "BFD_CHECK",
        lower::track::read_bfd,
        "up while a BFD session is"
    ),
];
