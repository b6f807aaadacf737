use std::{collections::BTreeMap, path::PathBuf};

use super::*;
use crate::config::{Options, load};

fn json_of(text: &[u8]) -> String {
    let path = PathBuf::from("lb.conf");
    let mut files = BTreeMap::from([(path.clone(), text.to_vec())]);
    let loaded = load(&path, &mut files, &BTreeMap::new(), &Options::default());
    json(&loaded.diagnostics, &loaded.sources).unwrap()
}

#[test]
fn every_field_is_there() {
    let text = "global_defs {\n\
                \x20 router_id \"käse\" rest\n\
                \x20 router_id\n\
                \x20 vrrp_gap_interval 1\n\
                }\n\
                virtual_server 192.0.2.1 80 {\n lb_algo fastest\n lb_kind NAT\n protocol TCP\n\
                \x20 real_server 192.0.2.2 80 {\n }\n real_server 192.0.2.2 80 {\n }\n}\n";
    insta::assert_snapshot!("json", json_of(text.as_bytes()));
}

#[test]
fn a_line_is_one_object_whatever_the_text_holds() {
    for line in json_of(b"glob\"al\\ \xff\n{ }\n}\n").lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(value["line"].as_u64() > Some(0), "{line}");
    }
}

#[test]
fn nothing_to_say_is_no_line() {
    assert_eq!(
        json_of(
            b"virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
              real_server 192.0.2.2 80 {\n}\n}\n"
        ),
        ""
    );
}
