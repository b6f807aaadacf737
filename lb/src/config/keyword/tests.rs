//! What the tables promise.

use std::net::IpAddr;

use super::{Table, address, bfd, encap, global, network, root, route, rule, takes::Takes, track};
use crate::config::{
    model::{
        GlobalDefs,
        bfd::BfdInstance,
        track::{TrackProcess, VrrpScript},
    },
    source::{FileId, Span, Spanned},
};

#[test]
fn every_number_fits_its_field() {
    let nobody = IpAddr::from([192, 0, 2, 1]);
    numbers(&global::TABLE, GlobalDefs::default);
    numbers(&track::SCRIPT, || VrrpScript::new("x", Vec::new()));
    numbers(&track::PROCESS, || TrackProcess::new("x", "y"));
    numbers(&bfd::TABLE, || BfdInstance::new("x", nobody));
}

fn numbers<M>(table: &'static Table<M>, new: impl Fn() -> M) {
    let nowhere = Span::new(FileId::default(), 0, 0);
    for keyword in table.keywords() {
        let Takes::Number { min, max, field } = &keyword.takes else {
            continue;
        };
        for number in [*min, *max] {
            let mut given = new();
            (field.set)(&mut given, Spanned::new(number, nowhere));
            assert_eq!((field.get)(&given), Some(number), "{}", keyword.names[0]);
        }
    }
}

#[test]
fn every_keyword_has_a_meaning_and_one_name_is_in_one_keyword() {
    meanings(&global::TABLE);
    meanings(&root::TABLE);
    meanings(&address::STATIC);
    meanings(&address::VIRTUAL);
    meanings(&route::ROUTE);
    meanings(&route::NEXTHOP);
    meanings(&encap::ENCAP);
    meanings(&encap::IP);
    meanings(&encap::IP6);
    meanings(&rule::TABLE);
    meanings(&track::GROUP);
    meanings(&track::SCRIPT);
    meanings(&track::PROCESS);
    meanings(&track::FILE);
    meanings(&network::GARP_GROUP);
    meanings(&network::SSL);
    meanings(&bfd::TABLE);
}

fn meanings<D, M>(table: &'static Table<D, M>) {
    let mut names = std::collections::BTreeSet::new();
    for keyword in table.keywords() {
        assert!(!keyword.meaning.is_empty(), "{}", keyword.names[0]);
        for name in keyword.names {
            assert!(names.insert(*name), "{name}");
        }
    }
}
