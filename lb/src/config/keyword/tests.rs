//! What the tables promise.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{Table, check, global, lvs, reference, takes::Takes};
use crate::config::{
    Interface, Options, load,
    model::GlobalDefs,
    show,
    source::{FileId, Span, Spanned},
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

#[test]
fn every_keyword_has_a_meaning_and_one_name_is_in_one_keyword() {
    let mut names = std::collections::BTreeSet::new();
    for keyword in global::TABLE.keywords() {
        assert!(!keyword.meaning.is_empty(), "{}", keyword.names[0]);
        for name in keyword.names {
            assert!(names.insert(*name), "{name}");
        }
    }
}

#[test]
fn every_keyword_of_every_block_has_a_meaning() {
    for entry in reference() {
        let carried = entry.carried.as_ref();
        assert!(
            carried.is_none_or(|carried| !carried.meaning.is_empty()),
            "{entry:?}"
        );
    }
}

/// Names and limits of the numbers in a table.
fn numbers<D, M>(table: &'static Table<D, M>) -> Vec<(&'static str, [i64; 2])> {
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
        ("", numbers(&lvs::real_server::TABLE)),
        ("TCP_CHECK {", numbers(&check::network::TCP)),
        ("PING_CHECK {", numbers(&check::network::PING)),
        ("UDP_CHECK {", numbers(&check::network::UDP)),
        ("SMTP_CHECK {", numbers(&check::network::SMTP)),
        ("DNS_CHECK {", numbers(&check::network::DNS)),
        ("MISC_CHECK {\nmisc_path x", numbers(&check::misc::TABLE)),
        ("HTTP_GET {\nurl { path / }", numbers(&check::http::HTTP)),
        ("SSL_GET {\nurl { path / }", numbers(&check::http::SSL)),
        (
            "HTTP_GET {\nurl {\npath /\nregex a",
            numbers(&check::http::HTTP_URL),
        ),
        (
            "SSL_GET {\nurl {\npath /\nregex a",
            numbers(&check::http::SSL_URL),
        ),
    ];
    for (head, numbers) in blocks {
        let end = "}\n".repeat(head.matches('{').count() - head.matches('}').count());
        // What a real server says about timing is shown by its checks.
        let numbers = numbers
            .iter()
            .filter(|(name, _)| !(head.is_empty() && *name == "retry"));
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
