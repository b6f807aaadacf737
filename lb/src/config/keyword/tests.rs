//! What the tables promise.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::{Path, PathBuf},
};

use super::{
    LINES, TABLES, Table, bfd, check, global, lvs, root, route, takes::Takes, track, vrrp,
};
use crate::config::{
    Interface, Options, load,
    lower::{Draft, route::NexthopDraft},
    model::{
        Config, GlobalDefs,
        bfd::BfdInstance,
        track::{TrackProcess, VrrpScript},
    },
    show,
    source::{FileId, Span, Spanned},
    tests::load_bytes,
};

#[test]
fn every_number_fits_its_field() {
    let nobody = IpAddr::from([192, 0, 2, 1]);
    numbers(&global::TABLE, GlobalDefs::default, |model| model);
    numbers(&root::TABLE, Draft::default, |draft| Config {
        process: draft.node.process,
        ..Config::default()
    });
    let script = || VrrpScript::new("x", Vec::new());
    numbers(&track::SCRIPT, script, |model| model);
    let process = || TrackProcess::new("x", "y");
    numbers(&track::PROCESS, process, |model| model);
    let session = || BfdInstance::new("x", nobody);
    numbers(&bfd::TABLE, session, |model| model);
    numbers(&route::NEXTHOP, NexthopDraft::default, |draft| draft.hop);
}

fn numbers<D, M>(table: &'static Table<D, M>, new: impl Fn() -> D, finish: impl Fn(D) -> M) {
    let nowhere = Span::new(FileId::default(), 0, 0);
    for keyword in table.keywords() {
        let Takes::Number { min, max, field } = &keyword.takes else {
            continue;
        };
        for number in [*min, *max] {
            let mut given = new();
            (field.set)(&mut given, Spanned::new(number, nowhere));
            let shown = (field.get)(&finish(given));
            assert_eq!(shown, Some(number), "{}", keyword.names[0]);
        }
    }
}

/// A file with each number at its limits says so when it is shown.
fn check_numbers<D, M>(table: &'static Table<D, M>, write: impl Fn(&str) -> String) {
    for keyword in table.keywords() {
        let name = keyword.names[0];
        let Takes::Number { min, max, .. } = &keyword.takes else {
            continue;
        };
        if name == "debug" {
            continue;
        }
        for number in [*min, *max] {
            let line = format!("{name} {number}");
            let loaded = load_bytes(write(&line).as_bytes());
            assert!(loaded.is_usable(), "{line}: {:#?}", loaded.diagnostics);
            let shown = show(&loaded.config);
            let is_default = keyword.default == number.to_string();
            assert!(is_default || shown.contains(&line), "{line}:\n{shown}");
        }
    }
}

fn instance(lines: &str) -> String {
    let vrid = if lines.contains("virtual_router_id") {
        ""
    } else {
        "virtual_router_id 1\n"
    };
    format!(
        "vrrp_instance a {{\ninterface eth0\n{vrid}unicast_peer {{\n192.0.2.9\n}}\n\
         virtual_ipaddress {{\n192.0.2.1\n}}\n{lines}\n}}\n"
    )
}

#[test]
fn every_number_of_an_instance_fits_its_field() {
    check_numbers(&vrrp::TABLE, instance);
    check_numbers(&vrrp::authentication::HMAC, |line| {
        let id = line.split(' ').next_back().unwrap_or_default();
        instance(&format!("auth_hmac {{\nkey {id} file:/key\n{line}\n}}"))
    });
    check_numbers(&vrrp::tracking::LINES, |line| {
        instance(&format!("track_script {{\nx {line}\n}}")) + "vrrp_script x {\nscript /x\n}\n"
    });
    check_numbers(&vrrp::tracking::BFD_LINES, |line| {
        instance(&format!("track_bfd {{\nx {line}\n}}"))
            + "bfd_instance x {\nneighbor_ip 192.0.2.9\n}\n"
    });
    check_numbers(&vrrp::tracking::WIDE_LINES, |line| {
        instance(&format!("track_file {{\nx {line}\n}}")) + "track_file x {\nfile /x\n}\n"
    });
    check_numbers(&vrrp::adverts::PEER, |line| {
        instance(&format!("unicast_peer {{\n192.0.2.8 {line}\n}}"))
    });
}

#[test]
fn every_keyword_has_a_meaning_and_one_name_is_in_one_keyword() {
    for table in TABLES.iter().chain(LINES) {
        let mut names = BTreeSet::new();
        for entry in table.entries() {
            assert!(!entry.meaning.is_empty(), "{entry:?}");
            for name in &entry.names {
                assert!(names.insert(*name), "{name} in {}", entry.block);
            }
        }
    }
}

/// Names and limits of the numbers in a table.
fn limits<D, M>(table: &'static Table<D, M>) -> Vec<(&'static str, [i64; 2])> {
    let keywords = table.keywords().filter(|keyword| keyword.instead.is_none());
    keywords
        .filter_map(|keyword| match &keyword.takes {
            Takes::Number { min, max, .. } => Some((keyword.names[0], [*min, *max])),
            _ => None,
        })
        .collect()
}

/// Where draft and model differ, the way from one to the other is the whole loader.
#[test]
fn every_number_of_servers_and_checks_arrives_in_the_model() {
    let server = |body: &str| {
        format!(
            "virtual_server 192.0.2.1 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
             real_server 192.0.2.2 80 {{\n{body}\n}}\n}}\n"
        )
    };
    let blocks = [
        ("", limits(&lvs::real_server::TABLE)),
        ("TCP_CHECK {", limits(&check::network::TCP)),
        ("PING_CHECK {", limits(&check::network::PING)),
        ("UDP_CHECK {", limits(&check::network::UDP)),
        ("SMTP_CHECK {", limits(&check::network::SMTP)),
        ("DNS_CHECK {", limits(&check::network::DNS)),
        ("GRPC_CHECK {", limits(&check::network::GRPC)),
        ("KEEPALIVE_CHECK {", limits(&check::network::KEEPALIVE)),
        ("MISC_CHECK {\nmisc_path x", limits(&check::program::TABLE)),
        ("HTTP_GET {\nurl { path / }", limits(&check::http::HTTP)),
        ("SSL_GET {\nurl { path / }", limits(&check::http::SSL)),
        (
            "HTTP_GET {\nurl {\npath /\nregex a",
            limits(&check::http::HTTP_URL),
        ),
        (
            "SSL_GET {\nurl {\npath /\nregex a",
            limits(&check::http::SSL_URL),
        ),
    ];
    for (head, numbers) in blocks {
        let end = "}\n".repeat(head.matches('{').count() - head.matches('}').count());
        // What a real server says about timing is shown by its checks.
        let timing = ["retry", "rise", "fall"];
        let numbers = numbers
            .iter()
            .filter(|(name, _)| !(head.is_empty() && timing.contains(name)));
        for (name, limits) in numbers {
            for number in limits {
                let line = format!("{name} {number}");
                let text = server(&format!("{head}\n{line}\n{end}"));
                let mut files = BTreeMap::from([(PathBuf::from("f"), text.clone().into_bytes())]);
                let machine = BTreeMap::<String, Interface>::new();
                let loaded = load(Path::new("f"), &mut files, &machine, &Options::default());
                let shown = show(&loaded.config);
                let default = *number == 0 && *name == "fwmark";
                assert!(
                    default || shown.lines().any(|shown| shown.trim() == line),
                    "{line}: {:?}\n{text}\n{shown}",
                    loaded.diagnostics
                );
            }
        }
    }
}
