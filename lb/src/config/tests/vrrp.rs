//! `vrrp_instance` and `vrrp_sync_group`, case by case: what a block becomes, and what is told of it.

mod cases;

use std::fmt::Write;

use proptest::prelude::*;

use cases::{Case, ELECTION, GROUPS, INTERFACES, NOTIFY, PROOFS, SOURCES, TRACKS};

use super::{load_bytes, plain};
use crate::config::{Colour, Severity, json, pretty, show};

#[test]
fn elections() {
    insta::assert_snapshot!("vrrp_election", cases(ELECTION));
}

#[test]
fn interfaces() {
    insta::assert_snapshot!("vrrp_interfaces", cases(INTERFACES));
}

#[test]
fn sources_and_destinations() {
    insta::assert_snapshot!("vrrp_sources", cases(SOURCES));
}

#[test]
fn proofs() {
    insta::assert_snapshot!("vrrp_proofs", cases(PROOFS));
}

#[test]
fn tracks() {
    insta::assert_snapshot!("vrrp_tracks", cases(TRACKS));
}

#[test]
fn notifications() {
    insta::assert_snapshot!("vrrp_notify", cases(NOTIFY));
}

#[test]
fn groups() {
    insta::assert_snapshot!("vrrp_groups", cases(GROUPS));
}

/// Each case: the lines of the shown configuration that a plain instance does not have, and the diagnostics.
/// What the cases track.
const OBJECTS: &str = "
track_file a {
file /a
}
vrrp_script a {
script /a
}
vrrp_script s {
script /s
}
vrrp_track_process a {
process a
}
";

fn cases(cases: &[Case]) -> String {
    let mut out = String::new();
    for (name, text) in cases {
        let written = if text.contains("vrrp_instance") || text.contains("vrrp_sync_group") {
            (*text).to_owned()
        } else {
            instance(text)
        };
        let loaded = load_bytes((written + OBJECTS).as_bytes());
        writeln!(out, "## {name}").unwrap();
        let usual = show(&load_bytes((instance("") + OBJECTS).as_bytes()).config);
        let usual: Vec<&str> = usual.lines().collect();
        for line in show(&loaded.config).lines() {
            if !usual.contains(&line) {
                writeln!(out, "{}", line.trim()).unwrap();
            }
        }
        for line in plain(&loaded).lines() {
            // Of the objects.
            if !line.contains("in the top level: `track_file`") {
                writeln!(out, "{line}").unwrap();
            }
        }
        out.push('\n');
        if loaded.is_usable() {
            let again = load_bytes(show(&loaded.config).as_bytes());
            assert!(again.is_usable(), "{name}: {}", plain(&again));
            assert_eq!(again.config, loaded.config, "{name}");
        }
    }
    out
}

/// An instance with some lines more.
fn instance(lines: &str) -> String {
    let own = lines.lines().any(|line| line.starts_with("interface "));
    let interface = if own { "" } else { "interface eth0\n" };
    let addresses = if lines.contains("virtual_ipaddress") {
        ""
    } else {
        "virtual_ipaddress {\n192.0.2.1/24\n}\n"
    };
    format!("vrrp_instance a {{\n{interface}virtual_router_id 1\n{addresses}{lines}\n}}\n")
}

proptest! {
    #[test]
    fn a_command_that_is_shown_is_read_to_the_same_words(
        words in proptest::collection::vec("[ -#%-~\t\u{e9}]{1,9}", 1..4),
    ) {
        let mut config = load_bytes(instance("notify /bin/true").as_bytes()).config;
        if let Some(command) = &mut config.vrrp_instances[0].notify.any {
            command.words = words;
        }
        let again = load_bytes(show(&config).as_bytes());
        prop_assert_eq!(&again.config, &config, "{}\n{}", show(&config), plain(&again));
    }
}

const SECRETS: &str = "$WORD=pa55word\nvrrp_instance a {\ninterface eth0\nvirtual_router_id 1\n\
    authentication {\nauth_type PAS\nauth_pass s3cret-and-more and-m0re\nauth_pas s3cret\nauth_pass $WORD\n}\n\
    auth_hmac { key 1 s3cret\nkey 2 hex:5ec4e7 x\nkey 0 0123s3cret0123456789012345678901\n\
    key 4 \"s3cret\nactive_key 9\n}\n}\n";

#[test]
fn no_diagnostic_tells_a_secret() {
    let loaded = load_bytes(SECRETS.as_bytes());
    let told = [
        plain(&loaded),
        pretty(&loaded.diagnostics, &loaded.sources, Colour::Off),
        json(&loaded.diagnostics, &loaded.sources).unwrap(),
        format!("{:?}", loaded.config),
        format!("{:?}", loaded.diagnostics),
    ];
    for text in &told {
        for secret in ["s3cret", "m0re", "5ec4e7", "pa55word"] {
            assert!(!text.contains(secret), "{secret}:\n{text}");
        }
    }
    insta::assert_snapshot!("vrrp_secrets", told[0]);
}

#[test]
fn a_password_is_shown_in_a_file_and_nowhere_else() {
    let text = instance("authentication {\nauth_type PASS\nauth_pass s3cret\n}");
    let config = load_bytes(text.as_bytes()).config;
    assert!(show(&config).contains("auth_pass s3cret"));
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn what_is_tracked_and_not_there_is_an_error_that_names_the_nearest() {
    let text = instance("track_script {\nchekc\ncheck\nother-thing\n}")
        + "\nvrrp_script check {\nscript /bin/true\n}\n";
    let loaded = load_bytes(text.as_bytes());
    let errors = loaded.diagnostics.iter();
    let errors = errors.filter(|found| found.severity == Severity::Error);
    let lines: Vec<&str> = errors.map(|found| &*found.message).collect();
    assert_eq!(
        lines,
        [
            "there is no vrrp_script `chekc`",
            "there is no vrrp_script `other-thing`",
        ]
    );
}
