//! What the tables promise.

use super::{Table, global, takes::Takes, vrrp};
use crate::config::{
    model::GlobalDefs,
    show,
    source::{FileId, Span, Spanned},
    tests::load_bytes,
};

#[test]
fn every_number_fits_its_field() {
    let nowhere = Span::new(FileId::default(), 0, 0);
    for keyword in global::TABLE.keywords() {
        let Takes::Number { min, max, field } = &keyword.takes else {
            continue;
        };
        for number in [*min, *max] {
            let mut given = GlobalDefs::default();
            (field.set)(&mut given, Spanned::new(number, nowhere));
            assert_eq!((field.get)(&given), Some(number), "{}", keyword.names[0]);
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
        instance(&format!("track_bfd {{\nx {line}\n}}"))
    });
    check_numbers(&vrrp::tracking::WIDE_LINES, |line| {
        instance(&format!("track_file {{\nx {line}\n}}"))
    });
    check_numbers(&vrrp::adverts::PEER, |line| {
        instance(&format!("unicast_peer {{\n192.0.2.8 {line}\n}}"))
    });
}

fn check_names<D, M>(table: &'static Table<D, M>) {
    let mut names = std::collections::BTreeSet::new();
    for keyword in table.keywords() {
        assert!(!keyword.meaning.is_empty(), "{}", keyword.names[0]);
        for name in keyword.names {
            assert!(names.insert(*name), "{name}");
        }
    }
}

#[test]
fn every_keyword_has_a_meaning_and_one_name_is_in_one_keyword() {
    check_names(&global::TABLE);
    check_names(&vrrp::TABLE);
    check_names(&vrrp::group::TABLE);
    check_names(&vrrp::adverts::PEER);
    check_names(&vrrp::tracking::LINES);
    check_names(&vrrp::tracking::WIDE_LINES);
    check_names(&vrrp::authentication::AUTHENTICATION);
    check_names(&vrrp::authentication::HMAC);
}
