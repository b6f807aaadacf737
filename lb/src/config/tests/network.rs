//! Addresses, routes, rules, trackers and the rest of the top level, case by case: text to what is shown, or to
//! sentences.

mod cases;

use std::fmt::Write;

use cases::{ADDRESSES, BFD, COMMANDS, Case, INTERFACES, PROCESSES, ROUTES, RULES, TRACKERS};

use super::{GOOD, keyword, load_bytes, plain, show};

#[test]
fn addresses() {
    insta::assert_snapshot!("network_addresses", outcomes(ADDRESSES));
}

#[test]
fn routes() {
    insta::assert_snapshot!("network_routes", outcomes(ROUTES));
}

#[test]
fn rules() {
    insta::assert_snapshot!("network_rules", outcomes(RULES));
}

#[test]
fn interfaces() {
    insta::assert_snapshot!("network_interfaces", outcomes(INTERFACES));
}

#[test]
fn trackers() {
    insta::assert_snapshot!("network_trackers", outcomes(TRACKERS));
}

#[test]
fn commands() {
    insta::assert_snapshot!("network_commands", outcomes(COMMANDS));
}

#[test]
fn bfd_sessions() {
    insta::assert_snapshot!("network_bfd", outcomes(BFD));
}

#[test]
fn processes() {
    insta::assert_snapshot!("network_processes", outcomes(PROCESSES));
}

/// Each case: what is shown of the blocks it writes, and what is said. What is shown is read to the same model.
fn outcomes(cases: &[Case]) -> String {
    let nothing = shown_lines("");
    let mut out = String::new();
    for (name, text) in cases {
        writeln!(out, "## {name}").unwrap();
        let loaded = load_bytes(text.as_bytes());
        if loaded.is_usable() {
            let again = load_bytes(show(&loaded.config).as_bytes());
            assert!(again.is_usable(), "{name}: {}", plain(&again));
            assert_eq!(again.config, loaded.config, "{name}");
        }
        let shown = show(&loaded.config);
        let mut rest = nothing.iter().peekable();
        for line in shown.lines() {
            // Lines that are there in any case are left out, in their order.
            if rest.next_if(|known| *known == line).is_none() {
                writeln!(out, "{line}").unwrap();
            }
        }
        writeln!(out, "{}\n", plain(&loaded)).unwrap();
    }
    out
}

fn shown_lines(text: &str) -> Vec<String> {
    let config = load_bytes(text.as_bytes()).config;
    show(&config).lines().map(str::to_owned).collect()
}

/// What the fixture lacks is not known to be shown as it is read.
#[test]
fn the_fixture_has_every_keyword() {
    const BLOCKS: &[&str] = &[
        "static_ipaddress",
        "static_routes and virtual_routes",
        "nexthop",
        "encap",
        "encap ip",
        "encap ip6",
        "static_rules and virtual_rules",
        "track_group",
        "garp_group",
        "vrrp_script",
        "vrrp_track_process",
        "track_file",
        "bfd_instance",
        "SSL",
    ];
    let (_, bytes) = GOOD
        .iter()
        .find(|(name, _)| *name == "good/network")
        .unwrap();
    let text = std::str::from_utf8(bytes).unwrap();
    let words: std::collections::BTreeSet<&str> = text.split_whitespace().collect();
    for entry in keyword::reference().filter(|entry| BLOCKS.contains(&entry.block)) {
        for name in entry.names {
            assert!(words.contains(name), "{name} of {}", entry.block);
        }
    }
}

/// The traps of the language, both ways.
#[test]
fn every_command_is_shown_so_that_it_is_read_again() {
    let words = [
        "/bin/check",
        "two words",
        "quo\"te",
        "'",
        "back\\slash",
        "#",
        "!",
        "$HOME",
        "{",
        "",
        "é",
        "\t",
    ];
    for first in words {
        for second in words {
            let mut config = load_bytes(b"vrrp_script x { script y }\n").config;
            config.scripts[0].command = vec![first.to_owned(), second.to_owned()];
            let again = load_bytes(show(&config).as_bytes());
            assert_eq!(
                again.config,
                config,
                "{first:?} {second:?}\n{}",
                plain(&again)
            );
        }
        if !first.is_empty() {
            let mut config = load_bytes(b"vrrp_script x { script y }\n").config;
            config.scripts[0].command = vec![first.to_owned()];
            let again = load_bytes(show(&config).as_bytes());
            assert_eq!(again.config, config, "{first:?}\n{}", plain(&again));
        }
    }
}
