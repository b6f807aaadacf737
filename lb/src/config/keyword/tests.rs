//! What the tables promise.

use std::net::IpAddr;

use super::{Table, address, bfd, encap, global, network, root, route, rule, takes::Takes, track};
use crate::config::{
    lower::{Draft, route::NexthopDraft},
    model::{
        Config, GlobalDefs,
        bfd::BfdInstance,
        track::{TrackProcess, VrrpScript},
    },
    source::{FileId, Span, Spanned},
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
