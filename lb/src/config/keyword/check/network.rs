//! `TCP_CHECK`, `PING_CHECK`, `UDP_CHECK`, `SMTP_CHECK`, `DNS_CHECK`, `GRPC_CHECK` and `KEEPALIVE_CHECK`.

use super::{connect, schedule};
use crate::config::{
    keyword::{
        Keyword, Table,
        takes::{Field, Takes, field},
    },
    lower::check::{ConnectionDraft, ProbeDraft, dns, keepalive, smtp, udp},
    model::{
        Connection, Word as _,
        check::{Dns, DnsType, Grpc, Probe, Smtp, Udp},
    },
};
use crate::tcp_keepalive::values::Guarded;

const RETRY: &str = "the real server's, 1";
const DELAY: &str = "the real server's, 1";

pub(in crate::config) static TCP: Table<ConnectionDraft, Connection> = Table {
    block: "TCP_CHECK",
    groups: &[&connect(), &schedule(RETRY, DELAY)],
};

pub(in crate::config) static PING: Table<ConnectionDraft, Connection> = Table {
    block: "PING_CHECK",
    groups: &[&connect(), &schedule(RETRY, DELAY)],
};

/// The old form of `SMTP_CHECK`.
pub(in crate::config) static HOST: Table<ConnectionDraft, Connection> = Table {
    block: "host",
    groups: &[&connect(), &schedule("the check's", "the check's")],
};

pub(in crate::config) static UDP: Table<ProbeDraft<Udp>, Probe<Udp>> = Table {
    block: "UDP_CHECK",
    groups: &[&connect(), &schedule(RETRY, DELAY), DATAGRAMS],
};

type UdpKeyword = Keyword<ProbeDraft<Udp>, Probe<Udp>>;

const DATAGRAMS: &[UdpKeyword] = &[
    UdpKeyword::new(
        &["payload"],
        Takes::Words {
            usage: "bytes in hexadecimal",
            read: udp::read_payload,
            show: |probe| udp::show_payload(&probe.settings),
        },
    )
    .default("random bytes")
    .means("what is sent"),
    UdpKeyword::new(
        &["require_reply"],
        Takes::Words {
            usage: "nothing, or bytes in hexadecimal with x for a digit that may be any",
            read: udp::read_reply,
            show: |probe| udp::show_reply(&probe.settings.reply),
        },
    )
    .default("no answer is needed")
    .means("an answer must come, and start with these bytes"),
    UdpKeyword::number(
        &["min_reply_length"],
        0,
        65_535,
        field!(number settings.min_reply),
    )
    .default("0")
    .means("the shortest answer"),
    UdpKeyword::number(
        &["max_reply_length"],
        0,
        65_535,
        field!(number settings.max_reply),
    )
    .default("255")
    .means("the longest answer"),
];

pub(in crate::config) static SMTP: Table<ProbeDraft<smtp::SmtpDraft>, Probe<Smtp>> = Table {
    block: "SMTP_CHECK",
    groups: &[&connect(), &schedule(RETRY, DELAY), MAIL],
};

type SmtpKeyword = Keyword<ProbeDraft<smtp::SmtpDraft>, Probe<Smtp>>;

const MAIL: &[SmtpKeyword] = &[
    SmtpKeyword::text(&["helo_name"], field!(some clone settings.helo_name))
        .default("smtp_helo_name")
        .means("how the check introduces itself"),
    SmtpKeyword::new(
        &["host"],
        Takes::Block {
            usage: "",
            read: smtp::read_host,
            // Each is a check of its own.
            show: |_, _| {},
        },
    )
    .means("one of several places to connect to, as in old files"),
];

pub(in crate::config) static DNS: Table<ProbeDraft<Dns>, Probe<Dns>> = Table {
    block: "DNS_CHECK",
    groups: &[
        &connect(),
        &schedule("the real server's, 3", "the real server's, delay_loop"),
        QUESTION,
    ],
};

type DnsKeyword = Keyword<ProbeDraft<Dns>, Probe<Dns>>;

const QUESTION: &[DnsKeyword] = &[
    DnsKeyword::new(
        &["type"],
        Takes::Words {
            usage: "A or NS or CNAME or SOA or MX or TXT or AAAA or RRSIG or DNSKEY",
            read: dns::read_type,
            show: |probe| {
                let place = probe.settings.kind.place();
                let word = place.and_then(|place| DnsType::WORDS.get(place));
                word.map(ToString::to_string).into_iter().collect()
            },
        },
    )
    .default("SOA")
    .means("the type of the question"),
    DnsKeyword::new(
        &["name"],
        Takes::Words {
            usage: "a domain name",
            read: dns::read_name,
            show: |probe| vec![crate::config::show::text(&probe.settings.name.to_string())],
        },
    )
    .default(".")
    .means("the name asked for"),
];

pub(in crate::config) static GRPC: Table<ProbeDraft<Grpc>, Probe<Grpc>> = Table {
    block: "GRPC_CHECK",
    groups: &[&connect(), &schedule(RETRY, DELAY), CALL],
};

type GrpcKeyword = Keyword<ProbeDraft<Grpc>, Probe<Grpc>>;

const CALL: &[GrpcKeyword] = &[
    GrpcKeyword::new(
        &["service"],
        Takes::Text {
            max: 255,
            field: Field {
                set: |draft: &mut ProbeDraft<Grpc>, given| draft.settings.service = given.value,
                get: |probe| Some(probe.settings.service.clone()).filter(|name| !name.is_empty()),
            },
        },
    )
    .default("the server as a whole")
    .means("the service that must be SERVING"),
    GrpcKeyword::boolean(&["tls"], field!(copy settings.tls))
        .default("false")
        .means("over TLS"),
    GrpcKeyword::text(&["virtualhost"], field!(some clone settings.virtualhost))
        .default("the real server's")
        .means("the server's name in the request, and in the TLS handshake"),
];

pub(in crate::config) static KEEPALIVE: Table<ProbeDraft<Guarded>, Probe<Guarded>> = Table {
    block: "KEEPALIVE_CHECK",
    groups: &[
        &connect(),
        &schedule("the real server's, 0", DELAY),
        CONNECTION,
    ],
};

type KeepaliveKeyword = Keyword<ProbeDraft<Guarded>, Probe<Guarded>>;

const CONNECTION: &[KeepaliveKeyword] = &[
    KeepaliveKeyword::number(&["idle"], 1, 32767, KEEPALIVE_IDLE)
        .default("5")
        .means("seconds without a word from the real server before the first probe"),
    KeepaliveKeyword::number(&["interval"], 1, 32767, KEEPALIVE_INTERVAL)
        .default("1")
        .means("seconds between probes that have no answer"),
    KeepaliveKeyword::number(&["probes"], 1, 127, KEEPALIVE_PROBES)
        .default("3")
        .means("probes without an answer until it has failed"),
    KeepaliveKeyword::new(
        &["user_timeout"],
        Takes::Words {
            usage: "seconds, auto or none",
            read: keepalive::read_user_timeout,
            show: |probe| vec![keepalive::show_user_timeout(probe.settings.user_timeout)],
        },
    )
    .default("auto, which is idle + interval * probes")
    .means("TCP_USER_TIMEOUT of the connection, which counts in place of the number of probes"),
];

macro_rules! keepalive_field {
    ($name:ident) => {
        Field {
            set: |draft: &mut ProbeDraft<Guarded>, given| {
                if let Ok(value) = given.value.try_into() {
                    draft.settings.keepalive.$name = value;
                }
            },
            get: |probe: &Probe<Guarded>| Some(probe.settings.keepalive.$name.into()),
        }
    };
}

const KEEPALIVE_IDLE: Field<ProbeDraft<Guarded>, Probe<Guarded>, i64> = keepalive_field!(idle);
const KEEPALIVE_INTERVAL: Field<ProbeDraft<Guarded>, Probe<Guarded>, i64> =
    keepalive_field!(interval);
const KEEPALIVE_PROBES: Field<ProbeDraft<Guarded>, Probe<Guarded>, i64> = keepalive_field!(probes);
