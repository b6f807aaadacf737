//! Every sentence about something that people grep for, in one place: a change here breaks somebody's scripts.

use std::net::Ipv4Addr;

use super::*;
use crate::{
    bfd::{
        output::Note,
        packet::{Diagnostic as Reason, State as Session},
        sentence::noted,
    },
    checker::{CheckChange, ProbeError},
    cli::Role,
    config::model::Protocol,
    keepalive::record::Ending,
    observe::logging::capture::lines,
    pool::{Front, RealServerId, VirtualServerId, state::Balance},
    track::output::Ending as ScriptEnding,
};

fn server() -> VirtualServerId {
    VirtualServerId::Address(Front {
        address: Ipv4Addr::new(192, 0, 2, 1).into(),
        port: 80,
        protocol: Protocol::Tcp,
    })
}

fn real_server() -> RealServerId {
    RealServerId {
        server: server(),
        address: Ipv4Addr::new(10, 0, 0, 1).into(),
        port: 8080,
    }
}

fn elections() {
    transition("VI_1", State::Backup, "starting");
    transition("VI_1", State::Master, "nobody was heard");
    transition("VI_1", State::Fault, "interface eth0 is down");
    transition("VI_1", State::Init, "no longer configured");
    adopted("VI_1");
    lease_lost("VI_1");
    yielded("VI_1");
    address_changed(Ipv4Addr::new(192, 0, 2, 7).into(), true);
    address_changed(Ipv4Addr::new(192, 0, 2, 7).into(), false);
}

fn tracking() {
    for change in [
        Change::ScriptReturned {
            script: "chk".to_owned(),
            status: 2,
        },
        Change::ScriptSucceeded("chk".to_owned()),
        Change::ScriptFailed {
            script: "chk".to_owned(),
            ending: ScriptEnding::Exited(1),
        },
        Change::ProcessQuorum {
            process: "named".to_owned(),
            count: 0,
            is_up: false,
        },
    ] {
        tracked(&change);
    }
}

fn checks() {
    let keywords = [
        "TCP_CHECK",
        "UDP_CHECK",
        "PING_CHECK",
        "HTTP_GET",
        "SSL_GET",
        "SMTP_CHECK",
        "DNS_CHECK",
        "MISC_CHECK",
        "FILE_CHECK",
        "BFD_CHECK",
    ];
    for keyword in keywords {
        for (result, retries) in [
            (Ok(()), 0),
            (Err(ProbeError::Timeout), 0),
            (Err(ProbeError::because("Connection refused")), 2),
        ] {
            check_changed(&CheckChange {
                real_server: real_server(),
                keyword,
                session: (keyword == "BFD_CHECK").then(|| "peer".to_owned()),
                result,
                retries,
                is_up: true,
                is_news: true,
                is_turn: true,
            });
        }
    }
    check_failed(&real_server(), "TCP_CHECK", &ProbeError::Timeout);
    for (is_up, inhibits) in [(true, false), (false, false), (true, true), (false, true)] {
        verdict(&real_server(), is_up, inhibits);
    }
    weight(&real_server(), 1, 5);
    let balance = Balance {
        weight: 2,
        quorum: 3,
        hysteresis: 1,
    };
    for how in [(true, false), (false, false), (false, true)] {
        quorum(&server(), how, &balance);
    }
    for serves in [true, false] {
        sorry(&server(), "[10.0.0.9]:tcp:80", serves, false);
    }
}

fn processes() {
    daemon_starting(Path::new("/etc/keepalived/keepalived.conf"));
    child_started(Role::Vrrp, 4711);
    let killed = Ending::Signalled(9);
    child_exited(Role::Vrrp, 4711, killed, Some(true));
    child_exited(Role::Checkers, 4711, killed, Some(false));
    child_exited(Role::Bfd, 4711, Ending::Exited(0), None);
    reloading(Path::new("/etc/keepalived/keepalived.conf"));
    reloaded();
    reload_refused(Path::new("/etc/keepalived/keepalived.conf"));
    daemon_stopping();
    daemon_stopped();
}

fn sessions() -> Vec<String> {
    let entered = |state| Note::Entered {
        state,
        diagnostic: Reason::EXPIRED,
        remote: Reason::NONE,
    };
    let states = [
        Session::AdminDown,
        Session::Down,
        Session::Init,
        Session::Up,
    ];
    let notes = states.map(|state| noted("peer", &entered(state)));
    notes
        .map(|(weight, text)| format!("{weight:?} {text}"))
        .into()
}

#[test]
fn what_people_grep_for_stays() {
    let mut text = String::new();
    for (what, lines) in [
        ("elections", lines(elections)),
        ("tracking", lines(tracking)),
        ("checks", lines(checks)),
        ("processes", lines(processes)),
        ("sessions", sessions()),
    ] {
        text += &format!("## {what}\n{}\n\n", lines.join("\n"));
    }
    insta::assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}
