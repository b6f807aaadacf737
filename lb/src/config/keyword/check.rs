//! `virtual_server`, `real_server` and checkers.

use std::time::Duration;

use super::{
    Keyword, Table,
    takes::{Field, Takes},
};
use crate::config::{
    lower::check::{
        RealServerDraft, TcpCheckDraft, Timing, VirtualServerDraft, read_real_server,
        read_tcp_check,
    },
    model::{ForwardMethod, Protocol, RealServer, Scheduler, TcpCheck, VirtualServer, Word as _},
};

/// keepalived counts timers in microseconds.
const MICROSECOND: Duration = Duration::from_micros(1);
/// The longest that IPVS's own timers take, 31 days.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);
const MAX_WEIGHT: i64 = 0x7fff_ffff;
const MAX_RETRY: i64 = 0xffff_ffff;

/// A draft with the five timing keywords, alike on three levels; each level's default is the one above.
trait HasTiming {
    fn timing(&mut self) -> &mut Timing;
}

impl HasTiming for VirtualServerDraft {
    fn timing(&mut self) -> &mut Timing {
        &mut self.timing
    }
}

impl HasTiming for RealServerDraft {
    fn timing(&mut self) -> &mut Timing {
        &mut self.timing
    }
}

impl HasTiming for TcpCheckDraft {
    fn timing(&mut self) -> &mut Timing {
        &mut self.timing
    }
}

/// A model with some of the timing keywords: what no level below has of its own.
trait ShowsTiming {
    fn shown_timing(&self) -> Timing;
}

impl ShowsTiming for VirtualServer {
    fn shown_timing(&self) -> Timing {
        Timing {
            delay_loop: Some(self.delay_loop),
            ..Timing::default()
        }
    }
}

impl ShowsTiming for RealServer {
    fn shown_timing(&self) -> Timing {
        Timing::default()
    }
}

impl ShowsTiming for TcpCheck {
    fn shown_timing(&self) -> Timing {
        Timing {
            delay_loop: Some(self.delay_loop),
            connect_timeout: Some(self.connect_timeout),
            retry: Some(self.retry),
            delay_before_retry: Some(self.delay_before_retry),
            warmup: Some(self.warmup),
        }
    }
}

const fn delay_loop<D: HasTiming, M: ShowsTiming>(default: &'static str) -> Keyword<D, M> {
    let takes = Takes::Seconds {
        min: MICROSECOND,
        max: LONGEST,
        field: Field {
            set: |draft: &mut D, given| draft.timing().delay_loop = Some(given.value),
            get: |model: &M| model.shown_timing().delay_loop,
        },
    };
    Keyword::new(&["delay_loop"], takes)
        .default(default)
        .means("time from the end of a check to the next")
}

const fn connect_timeout<D: HasTiming, M: ShowsTiming>(default: &'static str) -> Keyword<D, M> {
    let takes = Takes::Seconds {
        min: MICROSECOND,
        max: LONGEST,
        field: Field {
            set: |draft: &mut D, given| draft.timing().connect_timeout = Some(given.value),
            get: |model: &M| model.shown_timing().connect_timeout,
        },
    };
    Keyword::new(&["connect_timeout"], takes)
        .default(default)
        .means("how long a check waits for its connection")
}

const fn retry<D: HasTiming, M: ShowsTiming>(default: &'static str, min: i64) -> Keyword<D, M> {
    let takes = Takes::Number {
        min,
        max: MAX_RETRY,
        field: Field {
            set: |draft: &mut D, given| draft.timing().retry = u32::try_from(given.value).ok(),
            get: |model: &M| model.shown_timing().retry.map(i64::from),
        },
    };
    Keyword::new(&["retry"], takes)
        .default(default)
        .means("failures after the first before the real server is down")
}

const fn delay_before_retry<D: HasTiming, M: ShowsTiming>(default: &'static str) -> Keyword<D, M> {
    let takes = Takes::Seconds {
        min: Duration::ZERO,
        max: LONGEST,
        field: Field {
            set: |draft: &mut D, given| draft.timing().delay_before_retry = Some(given.value),
            get: |model: &M| model.shown_timing().delay_before_retry,
        },
    };
    Keyword::new(&["delay_before_retry"], takes)
        .default(default)
        .means("time from a failure to the next try")
}

const fn warmup<D: HasTiming, M: ShowsTiming>(default: &'static str) -> Keyword<D, M> {
    let takes = Takes::Seconds {
        min: Duration::ZERO,
        max: LONGEST,
        field: Field {
            set: |draft: &mut D, given| draft.timing().warmup = Some(given.value),
            get: |model: &M| model.shown_timing().warmup,
        },
    };
    Keyword::new(&["warmup"], takes)
        .default(default)
        .means("the first check starts at a random time within it")
}

type Virtual = Keyword<VirtualServerDraft, VirtualServer>;
type Real = Keyword<RealServerDraft, RealServer>;
type Tcp = Keyword<TcpCheckDraft, TcpCheck>;

pub(in crate::config) static VIRTUAL_SERVER: Table<VirtualServerDraft, VirtualServer> = Table {
    block: "virtual_server",
    now: &[&[
        Virtual::new(
            &["protocol"],
            Takes::Choice {
                words: Protocol::WORDS,
                withheld: &["SCTP"],
                field: Field {
                    set: |draft, given| draft.protocol = Protocol::at(given.value),
                    get: |model| model.protocol.place(),
                },
            },
        )
        .default("UDP")
        .means("the transport protocol"),
        Virtual::new(
            &["lb_algo", "lvs_sched"],
            Takes::Choice {
                words: Scheduler::WORDS,
                withheld: &[
                    "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "fo", "ovf", "sed", "nq",
                    "twos",
                ],
                field: Field {
                    set: |draft, given| draft.scheduler = Scheduler::at(given.value),
                    get: |model| model.scheduler.place(),
                },
            },
        )
        .means("how new flows are spread: rr in turn, mh by Maglev hashing; required"),
        Virtual::new(
            &["lb_kind", "lvs_method"],
            Takes::Choice {
                words: ForwardMethod::WORDS,
                withheld: &["TUN"],
                field: Field {
                    set: |draft, given| draft.method = ForwardMethod::at(given.value),
                    get: |model| model.method.place(),
                },
            },
        )
        .means("how packets reach the real server; required"),
        delay_loop("60"),
        connect_timeout("5"),
        retry("1", 1),
        delay_before_retry("1"),
        warmup("delay_loop"),
        Virtual::new(
            &["weight"],
            Takes::Number {
                min: 1,
                max: MAX_WEIGHT,
                field: Field {
                    set: |draft, given| draft.weight = given.value.try_into().ok(),
                    get: |_| None,
                },
            },
        )
        .default("1")
        .means("weight of real servers that have none of their own"),
        Virtual::new(
            &["real_server"],
            Takes::Block {
                usage: "ADDRESS PORT",
                read: read_real_server,
                show: |server, page| {
                    for real in &server.real_servers {
                        let head = format!("real_server {} {}", real.address, real.port);
                        page.block(&head, |page| REAL_SERVER.show(real, page));
                    }
                },
            },
        )
        .means("a server behind this address"),
    ]],
    later: &[
        "ip_family",
        "hashed",
        "ops",
        "flag-1",
        "flag-2",
        "flag-3",
        "sh-port",
        "sh-fallback",
        "mh-port",
        "mh-fallback",
        "persistence_timeout",
        "persistence_engine",
        "persistence_granularity",
        "inhibit_on_failure",
        "alpha",
        "omega",
        "quorum",
        "hysteresis",
        "quorum_up",
        "quorum_down",
        "ha_suspend",
        "smtp_alert",
        "virtualhost",
        "snmp_name",
        "sorry_server",
        "sorry_server_inhibit",
        "sorry_server_lvs_method",
    ],
};

pub(in crate::config) static REAL_SERVER: Table<RealServerDraft, RealServer> = Table {
    block: "real_server",
    now: &[&[
        Real::new(
            &["weight"],
            Takes::Number {
                min: 0,
                max: MAX_WEIGHT,
                field: Field {
                    set: |draft, given| draft.weight = given.value.try_into().ok(),
                    get: |model| Some(model.weight.into()),
                },
            },
        )
        .default("the virtual server's, 1")
        .means("share of new flows; 0 takes none"),
        delay_loop("the virtual server's"),
        connect_timeout("the virtual server's"),
        retry("the virtual server's", 1),
        delay_before_retry("the virtual server's"),
        warmup("the virtual server's"),
        Real::new(
            &["TCP_CHECK"],
            Takes::Block {
                usage: "",
                read: read_tcp_check,
                show: |real, page| {
                    for check in &real.checks {
                        page.block("TCP_CHECK", |page| TCP_CHECK.show(check, page));
                    }
                },
            },
        )
        .means("up while a TCP connection can be made"),
    ]],
    later: &[
        "lvs_method",
        "uthreshold",
        "lthreshold",
        "inhibit_on_failure",
        "alpha",
        "notify_up",
        "notify_down",
        "smtp_alert",
        "virtualhost",
        "snmp_name",
        "HTTP_GET",
        "SSL_GET",
        "SMTP_CHECK",
        "DNS_CHECK",
        "MISC_CHECK",
        "UDP_CHECK",
        "PING_CHECK",
        "FILE_CHECK",
        "BFD_CHECK",
    ],
};

pub(in crate::config) static TCP_CHECK: Table<TcpCheckDraft, TcpCheck> = Table {
    block: "TCP_CHECK",
    now: &[&[
        Tcp::new(
            &["connect_ip"],
            Takes::Address(Field {
                set: |draft, given| draft.address = Some(given.value),
                get: |model| Some(model.address),
            }),
        )
        .default("the real server's address")
        .means("where to connect"),
        Tcp::new(
            &["connect_port"],
            Takes::Number {
                min: 1,
                max: 65535,
                field: Field {
                    set: |draft, given| draft.port = u16::try_from(given.value).ok(),
                    get: |model| Some(model.port.into()),
                },
            },
        )
        .default("the real server's port")
        .means("the port to connect to"),
        connect_timeout("the real server's"),
        retry("the real server's", 0),
        delay_before_retry("the real server's"),
        warmup("the real server's"),
        delay_loop("the real server's"),
    ]],
    later: &[
        "bindto",
        "bind_port",
        "bind_if",
        "fwmark",
        "alpha",
        "log_all_failures",
    ],
};
