use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::super::{Interface, Options, load};
use super::*;

const BASE: &str = "vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        192.0.2.1
        192.0.2.2
    }
}
virtual_server 192.0.2.1 80 {
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_server 10.0.0.1 80 {
        weight 1
    }
    real_server 10.0.0.2 80 {
        weight 1
    }
}
";

fn config(text: &str) -> Config {
    let mut files = BTreeMap::from([(PathBuf::from("lb.conf"), text.as_bytes().to_vec())]);
    let machine = BTreeMap::from([("eth0".to_owned(), Interface::default())]);
    let loaded = load(
        Path::new("lb.conf"),
        &mut files,
        &machine,
        &Options::default(),
    );
    assert!(loaded.is_usable(), "{:?}", loaded.diagnostics);
    loaded.config
}

#[test]
fn only_what_changes_is_told_with_the_blocks_it_is_in() {
    let cases = [
        (
            "a value",
            BASE.replace("priority 100", "priority 150"),
            "  vrrp_instance VI_1 {\n-     priority 100\n+     priority 150\n  }\n",
        ),
        (
            "a line of a list",
            BASE.replace("        192.0.2.2\n", ""),
            "  vrrp_instance VI_1 {\n      virtual_ipaddress {\n-         192.0.2.2/32 dev eth0\n      }\n  }\n",
        ),
        (
            "a default that is written now",
            BASE.replace("priority 100", "priority 100\nadvert_int 1"),
            "",
        ),
        (
            "order and spelling",
            BASE.replace(
                "lb_algo rr\n    lb_kind NAT",
                "lvs_method NAT\n    lvs_sched rr",
            ),
            "",
        ),
        (
            "a weight of one real server",
            BASE.replacen("weight 1", "weight 5", 1),
            "  virtual_server 192.0.2.1 80 {\n      real_server 10.0.0.1 80 {\n-         weight 1\n+         weight 5\n      }\n  }\n",
        ),
    ];
    for (what, after, expected) in cases {
        let changes = diff(&config(BASE), &config(&after));
        assert_eq!(show_diff(&changes), expected, "{what}");
    }
}

#[test]
fn a_block_comes_or_goes_as_a_whole() {
    let without = BASE.split("virtual_server").next().unwrap_or_default();
    let changes = diff(&config(BASE), &config(without));
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].path, Vec::<String>::new());
    assert_eq!(changes[0].after, None);
    let text = show_diff(&changes);
    assert!(
        text.starts_with("- virtual_server 192.0.2.1 80 {\n"),
        "{text}"
    );
    assert!(text.lines().all(|line| line.starts_with("- ")), "{text}");
    let back = diff(&config(without), &config(BASE));
    assert_eq!(back[0].before, None);
}
