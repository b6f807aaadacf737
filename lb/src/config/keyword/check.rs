//! `virtual_server`, `real_server` and checkers.

use std::time::Duration;

use super::{Choice, Keyword, Table, Takes};
use crate::config::{
    lower::check::{
        RealServerDraft, TcpCheckDraft, Timing, VirtualServerDraft, read_real_server,
        read_tcp_check,
    },
    model::{ForwardMethod, Protocol, Scheduler},
};

/// keepalived counts timers in microseconds.
const MICROSECOND: Duration = Duration::from_micros(1);
/// The longest that IPVS's own timers take, 31 days.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);
const MAX_WEIGHT: u64 = 0x7fff_ffff;
const MAX_RETRY: u64 = 0xffff_ffff;

/// The five timing keywords, alike on three levels; each level's default is the one above.
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

const fn delay_loop<T: HasTiming>(default: &'static str) -> Keyword<T> {
    Keyword {
        names: &["delay_loop"],
        takes: Takes::Seconds {
            min: MICROSECOND,
            max: LONGEST,
            set: |draft, time| draft.timing().delay_loop = Some(time.value),
        },
        default,
        meaning: "time from the end of a check to the next",
    }
}

const fn connect_timeout<T: HasTiming>(default: &'static str) -> Keyword<T> {
    Keyword {
        names: &["connect_timeout"],
        takes: Takes::Seconds {
            min: MICROSECOND,
            max: LONGEST,
            set: |draft, time| draft.timing().connect_timeout = Some(time.value),
        },
        default,
        meaning: "how long a check waits for its connection",
    }
}

const fn retry<T: HasTiming>(default: &'static str, min: u64) -> Keyword<T> {
    Keyword {
        names: &["retry"],
        takes: Takes::Number {
            min,
            max: MAX_RETRY,
            set: |draft, number| draft.timing().retry = u32::try_from(number.value).ok(),
        },
        default,
        meaning: "failures after the first before the real server is down",
    }
}

const fn delay_before_retry<T: HasTiming>(default: &'static str) -> Keyword<T> {
    Keyword {
        names: &["delay_before_retry"],
        takes: Takes::Seconds {
            min: Duration::ZERO,
            max: LONGEST,
            set: |draft, time| draft.timing().delay_before_retry = Some(time.value),
        },
        default,
        meaning: "time from a failure to the next try",
    }
}

const fn warmup<T: HasTiming>(default: &'static str) -> Keyword<T> {
    Keyword {
        names: &["warmup"],
        takes: Takes::Seconds {
            min: Duration::ZERO,
            max: LONGEST,
            set: |draft, time| draft.timing().warmup = Some(time.value),
        },
        default,
        meaning: "the first check starts at a random time within it",
    }
}

pub(in crate::config) static VIRTUAL_SERVER: Table<VirtualServerDraft> = Table {
    block: "virtual_server",
    now: &[
        Keyword {
            names: &["protocol"],
            takes: Takes::Choice {
                now: &[
                    Choice {
                        word: "TCP",
                        set: |draft, _| draft.protocol = Some(Protocol::Tcp),
                    },
                    Choice {
                        word: "UDP",
                        set: |draft, _| draft.protocol = Some(Protocol::Udp),
                    },
                ],
                later: &["SCTP"],
            },
            default: "UDP",
            meaning: "the transport protocol",
        },
        Keyword {
            names: &["lb_algo", "lvs_sched"],
            takes: Takes::Choice {
                now: &[
                    Choice {
                        word: "rr",
                        set: |draft, _| draft.scheduler = Some(Scheduler::RoundRobin),
                    },
                    Choice {
                        word: "mh",
                        set: |draft, _| draft.scheduler = Some(Scheduler::MaglevHash),
                    },
                ],
                later: &[
                    "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "fo", "ovf", "sed", "nq",
                    "twos",
                ],
            },
            default: "",
            meaning: "how new flows are spread: rr in turn, mh by Maglev hashing; required",
        },
        Keyword {
            names: &["lb_kind", "lvs_method"],
            takes: Takes::Choice {
                now: &[
                    Choice {
                        word: "NAT",
                        set: |draft, _| draft.method = Some(ForwardMethod::Nat),
                    },
                    Choice {
                        word: "DR",
                        set: |draft, _| draft.method = Some(ForwardMethod::DirectRoute),
                    },
                ],
                later: &["TUN"],
            },
            default: "",
            meaning: "how packets reach the real server; required",
        },
        delay_loop("60"),
        connect_timeout("5"),
        retry("1", 1),
        delay_before_retry("1"),
        warmup("delay_loop"),
        Keyword {
            names: &["weight"],
            takes: Takes::Number {
                min: 1,
                max: MAX_WEIGHT,
                set: |draft, number| draft.weight = number.value.try_into().ok(),
            },
            default: "1",
            meaning: "weight of real servers that have none of their own",
        },
        Keyword {
            names: &["real_server"],
            takes: Takes::Block {
                usage: "ADDRESS PORT",
                read: read_real_server,
            },
            default: "",
            meaning: "a server behind this address",
        },
    ],
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

pub(in crate::config) static REAL_SERVER: Table<RealServerDraft> = Table {
    block: "real_server",
    now: &[
        Keyword {
            names: &["weight"],
            takes: Takes::Number {
                min: 0,
                max: MAX_WEIGHT,
                set: |draft, number| draft.weight = number.value.try_into().ok(),
            },
            default: "the virtual server's, 1",
            meaning: "share of new flows; 0 takes none",
        },
        delay_loop("the virtual server's"),
        connect_timeout("the virtual server's"),
        retry("the virtual server's", 1),
        delay_before_retry("the virtual server's"),
        warmup("the virtual server's"),
        Keyword {
            names: &["TCP_CHECK"],
            takes: Takes::Block {
                usage: "",
                read: read_tcp_check,
            },
            default: "",
            meaning: "up while a TCP connection can be made",
        },
    ],
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

pub(in crate::config) static TCP_CHECK: Table<TcpCheckDraft> = Table {
    block: "TCP_CHECK",
    now: &[
        Keyword {
            names: &["connect_ip"],
            takes: Takes::Address(|draft, address| draft.address = Some(address.value)),
            default: "the real server's address",
            meaning: "where to connect",
        },
        Keyword {
            names: &["connect_port"],
            takes: Takes::Number {
                min: 1,
                max: 65535,
                set: |draft, number| draft.port = u16::try_from(number.value).ok(),
            },
            default: "the real server's port",
            meaning: "the port to connect to",
        },
        connect_timeout("the real server's"),
        retry("the real server's", 0),
        delay_before_retry("the real server's"),
        warmup("the real server's"),
        delay_loop("the real server's"),
    ],
    later: &[
        "bindto",
        "bind_port",
        "bind_if",
        "fwmark",
        "alpha",
        "log_all_failures",
    ],
};
