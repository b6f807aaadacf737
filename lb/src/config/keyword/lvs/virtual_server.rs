//! `virtual_server`.

use std::time::Duration;

use super::{
    MAX_WEIGHT, METHOD, UNSIGNED, notify, real_server,
    timing::{connect_timeout, delay_before_retry, delay_loop, fall, jitter, retry, rise, warmup},
};
use crate::config::{
    keyword::{
        Keyword, Table,
        takes::{Field, Takes, field},
    },
    lower::lvs::{
        method,
        real_server::read as read_real_server,
        virtual_server::{self as lower, FlagDraft, VirtualServerDraft},
    },
    model::{
        Family, Micros, Protocol, Scheduler, VirtualServer, VirtualService, Word as _,
        lvs::{PersistenceEngine, SorryServer},
    },
    show::seconds,
    source::Spanned,
};

type Virtual = Keyword<VirtualServerDraft, VirtualServer>;

pub(in crate::config) static TABLE: Table<VirtualServerDraft, VirtualServer> = Table {
    block: "virtual_server",
    groups: &[
        SERVICE,
        SCHEDULING,
        FLAGS,
        PERSISTENCE,
        CHECKS,
        QUORUM,
        TOLD,
        SORRY,
        SERVERS,
    ],
};

const SERVICE: &[Virtual] = &[
    Virtual::new(
        &["ip_family"],
        Takes::Choice {
            words: Family::WORDS,
            any_case: false,
            field: Field {
                set: |draft, given| draft.family = given.map(Family::at),
                get: |model| match &model.service {
                    VirtualService::Address { .. } => None,
                    service => service.family().place(),
                },
            },
        },
    )
    .default("that of the first real server")
    .means("the address family of a firewall mark or a group"),
    Virtual::new(
        &["protocol"],
        Takes::Choice {
            words: Protocol::WORDS,
            any_case: true,
            field: Field {
                set: |draft, given| draft.protocol = given.map(Protocol::at),
                get: |model| match &model.service {
                    VirtualService::Fwmark { .. } => None,
                    _ => model.protocol.place(),
                },
            },
        },
    )
    .default("UDP")
    .means("the transport protocol"),
];

const SCHEDULING: &[Virtual] = &[
    Virtual::new(
        &["lb_algo", "lvs_sched"],
        Takes::Choice {
            words: Scheduler::WORDS,
            any_case: false,
            field: Field {
                set: |draft, given| draft.scheduler = Scheduler::at(given.value),
                get: |model| model.scheduler.place(),
            },
        },
    )
    .default("wlc")
    .means("how new flows are spread: rr and wrr in turn, sh and dh by IPVS's hashes, mh by Maglev hashing, fo to the heaviest, ovf too as long as it has no more connections than weight; lc, wlc, sed and nq by connections"),
    Virtual::new(
        &["lb_kind", "lvs_method"],
        Takes::Words {
            usage: METHOD,
            read: |draft, line, report| draft.method = method::read(line, report).or(draft.method),
            show: |server| vec![method::show(server.method)],
        },
    )
    .default("NAT")
    .means("how packets reach the real server"),
    Virtual::flag(
        &["hashed"],
        Field {
            set: |_, _| {},
            get: |_| None,
        },
    )
    .without_effect("IPVS has no such option any more")
    .means("an option of old kernels"),
    Virtual::flag(
        &["ops"],
        Field {
            set: |draft, given| draft.one_packet = Some(given.span),
            get: |model| Some(model.one_packet),
        },
    )
    .means("every datagram is scheduled anew; UDP and firewall marks only"),
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
        &["slow_start"],
        Takes::Seconds {
            min: Duration::ZERO,
            max: Micros::MAX.get(),
            field: Field {
                set: |draft, given| draft.slow_start = Micros::try_from(given.value).ok(),
                get: |_| None,
            },
        },
    )
    .default("0")
    .means("a real server that comes back begins with weight 1 and has all of its weight after so long (of lb, not of keepalived)"),
];

/// The keyword that a scheduler's flag is shown by.
fn flag_name(scheduler: Scheduler, flag: &str) -> &'static str {
    match (scheduler, flag) {
        (Scheduler::SourceHash, "first") => "sh-fallback",
        (Scheduler::SourceHash, "second") => "sh-port",
        (Scheduler::MaglevHash, "first") => "mh-fallback",
        (Scheduler::MaglevHash, "second") => "mh-port",
        (_, "first") => "flag-1",
        (_, "second") => "flag-2",
        _ => "flag-3",
    }
}

/// A flag of the scheduler: what it sets, for which schedulers, and whether the model is shown by it.
macro_rules! scheduler_flag {
    ($name:literal, $field:ident, $pattern:pat, $means:literal) => {
        Virtual::flag(
            &[$name],
            Field {
                set: |draft, given| {
                    draft.flags.push(FlagDraft {
                        name: $name,
                        span: given.span,
                        is_of: |scheduler| matches!(scheduler, $pattern),
                        set: |flags| flags.$field = true,
                    });
                },
                get: |model| {
                    Some(
                        model.flags.$field
                            && flag_name(model.scheduler, stringify!($field)) == $name,
                    )
                },
            },
        )
        .means($means)
    };
}

const FLAGS: &[Virtual] = &[
    scheduler_flag!("flag-1", first, _, "the first option of the scheduler"),
    scheduler_flag!("flag-2", second, _, "the second option of the scheduler"),
    scheduler_flag!("flag-3", third, _, "the third option of the scheduler"),
    scheduler_flag!(
        "sh-port",
        second,
        Scheduler::SourceHash,
        "`lb_algo sh` hashes the client's port too"
    ),
    scheduler_flag!(
        "sh-fallback",
        first,
        Scheduler::SourceHash,
        "`lb_algo sh` goes on to another real server when the one found takes none"
    ),
    scheduler_flag!(
        "mh-port",
        second,
        Scheduler::MaglevHash,
        "`lb_algo mh` hashes the client's port too, so that the flows of one client spread"
    ),
    scheduler_flag!(
        "mh-fallback",
        first,
        Scheduler::MaglevHash,
        "`lb_algo mh` goes on to another real server when the one found takes none"
    ),
];

const PERSISTENCE: &[Virtual] = &[
    Virtual::new(
        &["persistence_timeout"],
        Takes::Words {
            usage: "nothing, or a whole number of seconds from 1 to 2678400",
            read: lower::read_persistence_timeout,
            show: |server| {
                let persistence = server.persistence.iter();
                persistence.map(|given| seconds(given.timeout)).collect()
            },
        },
    )
    .default("none; 360 for the bare word")
    .means("a client's flows go to one real server until so long after the last"),
    Virtual::new(
        &["persistence_engine"],
        Takes::Choice {
            words: PersistenceEngine::WORDS,
            any_case: false,
            field: Field {
                set: |draft, given| draft.engine = given.map(PersistenceEngine::at),
                get: |model| model.persistence.as_ref()?.engine?.place(),
            },
        },
    )
    .default("the client's address")
    .means("what tells clients apart"),
    Virtual::new(
        &["persistence_granularity"],
        Takes::Words {
            usage: "a netmask for IPv4, the length of a prefix for IPv6",
            read: lower::read_granularity,
            show: lower::show_granularity,
        },
    )
    .default("the whole address")
    .means("clients alike in so much of their address are one"),
];

const CHECKS: &[Virtual] = &[
    delay_loop("60"),
    jitter("0"),
    connect_timeout("5"),
    retry("that of the check", 1),
    delay_before_retry("that of the check"),
    rise("1"),
    fall("1"),
    warmup("delay_loop"),
    Virtual::flag(
        &["ha_suspend"],
        Field {
            set: |draft, given| draft.ha_suspend = Some(given.span),
            get: |model| Some(model.ha_suspend),
        },
    )
    .means("no checks while the address is not on this node"),
    Virtual::flag(&["inhibit_on_failure"], field!(copy inhibit_on_failure))
        .means("a failed real server gets weight 0, in place of its removal"),
    Virtual::flag(&["alpha"], field!(copy alpha))
        .means("real servers are down until a check passes"),
    Virtual::flag(&["omega"], field!(copy omega))
        .means("at the end `notify_down` and `quorum_down` run"),
];

const QUORUM: &[Virtual] = &[
    Virtual::number(
        &["quorum"],
        1,
        UNSIGNED,
        Field {
            set: |draft, given| draft.quorum = given.convert(),
            get: |model| Some(model.quorum.weight.into()),
        },
    )
    .default("1")
    .means("sum of the weights of live real servers that is enough"),
    Virtual::number(
        &["hysteresis"],
        0,
        UNSIGNED,
        Field {
            set: |draft, given| draft.hysteresis = given.convert(),
            get: |model| Some(model.quorum.hysteresis.into()),
        },
    )
    .default("0")
    .means("weight above the quorum to gain it, and below to lose it"),
    notify!(Virtual "quorum_up", notify.up => quorum.notify.up, "runs when the quorum is gained"),
    notify!(Virtual "quorum_down", notify.down => quorum.notify.down, "runs when the quorum is lost"),
];

const TOLD: &[Virtual] = &[
    Virtual::boolean(&["smtp_alert"], field!(given copy smtp_alert))
        .default("smtp_alert_checker, else no")
        .means("mail when the quorum is gained or lost"),
    Virtual::text(&["virtualhost"], field!(some boxed virtualhost))
        .means("the Host header of HTTP checks"),
    Virtual::text(&["snmp_name"], field!(some boxed snmp_name))
        .parsed()
        .means("a name for SNMP"),
];

const SORRY: &[Virtual] = &[
    Virtual::new(
        &["sorry_server"],
        Takes::Words {
            usage: "ADDRESS [PORT]",
            read: lower::read_sorry_server,
            show: |server| {
                let line = |sorry: &SorryServer| format!("{} {}", sorry.address, sorry.port);
                server
                    .sorry_server
                    .as_deref()
                    .map(line)
                    .into_iter()
                    .collect()
            },
        },
    )
    .means("who answers while there is no quorum"),
    Virtual::flag(
        &["sorry_server_inhibit"],
        Field {
            set: |draft, given| draft.sorry.inhibit = Some(given.span),
            get: |model| model.sorry_server.as_ref().map(|sorry| sorry.inhibit),
        },
    )
    .means("with a quorum its weight is 0, in place of its removal"),
    Virtual::new(
        &["sorry_server_lvs_method"],
        Takes::Words {
            usage: METHOD,
            read: |draft, line, report| {
                let method = method::read(line, report);
                draft.sorry.method = method.map(|method| Spanned::new(method, line.keyword.span));
            },
            show: |server| {
                let sorry = server.sorry_server.iter();
                sorry.map(|sorry| method::show(sorry.method)).collect()
            },
        },
    )
    .default("lb_kind")
    .means("how packets reach the sorry server"),
];

const SERVERS: &[Virtual] = &[Virtual::new(
    &["real_server"],
    Takes::Block {
        usage: "ADDRESS [PORT]",
        read: read_real_server,
        show: |server, page| {
            for real in &server.real_servers {
                let head = format!("real_server {} {}", real.address, real.port);
                page.block(&head, |page| real_server::TABLE.show(real, page));
            }
        },
    },
)
.means("a server behind this address")];
