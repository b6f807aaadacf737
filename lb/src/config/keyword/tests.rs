//! What the tables promise.

use super::{global, takes::Takes};
use crate::config::{
    model::GlobalDefs,
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
