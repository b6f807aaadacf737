//! Virtual servers and their checks, case by case: lines of a block to what they change in the model, and sentences.

mod cases;

use std::{collections::BTreeMap, fmt::Write};

use cases::{CHECKS, Case, GROUPS, In, REAL_SERVERS, SERVICES, VIRTUAL_SERVERS};

use super::{load_bytes, plain};
use crate::config::{
    Severity,
    model::{Check, DataPlane},
    show,
};

#[test]
fn services() {
    insta::assert_snapshot!("lvs_services", told(SERVICES));
}

#[test]
fn virtual_servers() {
    insta::assert_snapshot!("lvs_virtual_servers", told(VIRTUAL_SERVERS));
}

#[test]
fn groups() {
    insta::assert_snapshot!("lvs_groups", told(GROUPS));
}

#[test]
fn real_servers() {
    insta::assert_snapshot!("lvs_real_servers", told(REAL_SERVERS));
}

#[test]
fn checks() {
    insta::assert_snapshot!("lvs_checks", told(CHECKS));
}

/// Each case with the lines of the shown model that are not there without it, and what is said.
fn told(cases: &[Case]) -> String {
    let mut out = String::new();
    for (name, within, lines) in cases {
        writeln!(out, "## {name}").unwrap();
        let mut before: BTreeMap<String, usize> = BTreeMap::new();
        for line in show(&load_bytes(within.file("").as_bytes()).config).lines() {
            *before.entry(line.to_owned()).or_default() += 1;
        }
        let loaded = load_bytes(within.file(lines).as_bytes());
        for line in show(&loaded.config).lines() {
            match before.get_mut(line) {
                Some(count @ 1..) => *count -= 1,
                _ => writeln!(out, "+ {}", line.trim_start()).unwrap(),
            }
        }
        writeln!(out, "{}\n", plain(&loaded)).unwrap();
    }
    out
}

/// `global_defs` may stand behind the servers it has defaults for.
#[test]
fn global_defaults_apply_wherever_they_stand() {
    let server = In::RealServer.file(
        "TCP_CHECK { }\nTCP_CHECK {\nconnect_port 81\nlog_all_failures off\n}\nMISC_CHECK {\nmisc_path /bin/true\n}",
    );
    let global =
        "global_defs {\nsmtp_alert off\nsmtp_alert_checker on\nchecker_log_all_failures on\n}\n";
    for text in [format!("{global}{server}"), format!("{server}{global}")] {
        let config = load_bytes(text.as_bytes()).config;
        let server = &config.virtual_servers[0];
        let [first, second, third] = &server.real_servers[0].checks[..] else {
            panic!("{:?}", server.real_servers);
        };
        let logs = |check: &Check| check.connection().unwrap().schedule.log_all_failures;
        assert!(server.smtp_alert && server.real_servers[0].smtp_alert);
        assert!(logs(first) && !logs(second));
        let Check::Misc(misc) = third else {
            panic!("{third:?}");
        };
        assert!(misc.schedule.log_all_failures);
    }
}

/// A note, because keepalived says nothing.
#[test]
fn keepalive_that_speaks_after_flows_are_forgotten_is_told() {
    let server = In::RealServer.file("TCP_CHECK { }");
    let cases = [
        (
            "tcp_keepalive_time 900",
            Some("add `lvs_timeouts tcp` to 1800"),
        ),
        ("tcp_keepalive_time 899", None),
        (
            "tcp_keepalive_time 600\nlvs_timeouts tcp 300",
            Some(
                "set `tcp_keepalive_time 150` where the connections end, or change `lvs_timeouts tcp 300` to 1200",
            ),
        ),
        ("lvs_timeouts tcp 300", None),
    ];
    for (lines, told) in cases {
        let loaded = load_bytes(format!("global_defs {{\n{lines}\n}}\n{server}").as_bytes());
        let notes = loaded.diagnostics.iter();
        let mut notes = notes.filter(|found| found.message.contains("keepalive speaks"));
        match told {
            Some(part) => {
                let note = notes
                    .next()
                    .unwrap_or_else(|| panic!("{lines}: nothing is told"));
                assert_eq!(note.severity, Severity::Note);
                assert!(note.message.contains(part), "{lines}: {}", note.message);
            }
            None => assert_eq!(notes.count(), 0, "{lines}"),
        }
    }
}

/// XDP forwards where packets come in: in the namespace of the daemon.
#[test]
fn ipvs_in_another_namespace_forwards_alone() {
    let server = In::Other.file("inhibit_on_failure no");
    for (lines, plane) in [
        ("", Some(DataPlane::Ipvs)),
        ("global_defs {\ndata_plane auto\n}\n", Some(DataPlane::Ipvs)),
        ("global_defs {\ndata_plane ipvs\n}\n", Some(DataPlane::Ipvs)),
        ("global_defs {\ndata_plane xdp\n}\n", None),
    ] {
        let text = format!("net_namespace_ipvs other\n{lines}{server}");
        let loaded = load_bytes(text.as_bytes());
        let told = loaded
            .is_usable()
            .then_some(loaded.config.global.data_plane);
        assert_eq!(told, plane, "{lines}{}", plain(&loaded));
    }
    let own = format!("net_namespace other\nnet_namespace_ipvs other\n{server}");
    let loaded = load_bytes(own.as_bytes());
    assert_eq!(loaded.config.process.net_namespace_ipvs, None);
    assert_eq!(loaded.config.global.data_plane, DataPlane::Auto);
}

/// A million checks are no rarity: what most of them do not have is boxed.
#[test]
fn real_servers_and_checks_are_small() {
    let sizes = [
        size_of::<crate::config::model::RealServer>(),
        size_of::<Check>(),
    ];
    assert!(sizes <= [128, 128], "{sizes:?}");
}
