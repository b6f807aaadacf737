use std::{collections::BTreeMap, path::PathBuf};

use super::super::{Interface, load, show_origins};
use super::*;

const MAIN: &str = "global_defs {
    vrrp_garp_master_repeat 3
}
include more.conf
virtual_server 192.0.2.1 080 {
    lvs_sched rr
    lb_kind NAT
    protocol TCP
    delay_loop 7
    real_server 10.0.0.1 80 {
        TCP_CHECK {
            retry 2
        }
        TCP_CHECK {
            retry 3
        }
    }
}
";
const MORE: &str = "vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 90
    priority 150
    virtual_ipaddress {
        192.0.2.1/32
    }
}
";

fn files() -> BTreeMap<PathBuf, Vec<u8>> {
    BTreeMap::from(
        [("lb.conf", MAIN), ("more.conf", MORE)]
            .map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec())),
    )
}

fn config() -> Config {
    let machine = BTreeMap::from([("eth0".to_owned(), Interface::default())]);
    let loaded = load(
        Path::new("lb.conf"),
        &mut files(),
        &machine,
        &Options::default(),
    );
    assert!(loaded.is_usable(), "{:?}", loaded.diagnostics);
    loaded.config
}

fn read() -> Origins {
    origins(Path::new("lb.conf"), &mut files(), &Options::default())
}

#[test]
fn every_value_is_shown_with_its_place_or_as_a_default() {
    let text = show_origins(&config(), &read());
    let expected = [
        ("priority 150", "more.conf:5"),
        ("advert_int 1", "default"),
        ("192.0.2.1/32 dev eth0", "more.conf:7"),
        ("lb_algo rr", "lb.conf:6"),
        ("vrrp_garp_master_repeat 3", "lb.conf:2"),
        ("vrrp_garp_master_delay 5", "default"),
        ("virtual_server 192.0.2.1 80 {", "lb.conf:5"),
        ("retry 2", "lb.conf:12"),
        ("retry 3", "lb.conf:15"),
        // Of the virtual server around it.
        ("delay_loop 7", "lb.conf:9"),
    ];
    for (value, place) in expected {
        let lines = text
            .lines()
            .filter(|line| line.trim_start().starts_with(value));
        let places: Vec<&str> = lines
            .filter_map(|line| Some(line.split_once("# ")?.1))
            .collect();
        assert!(!places.is_empty(), "{value} in {text}");
        assert!(
            places.iter().all(|at| *at == place),
            "{value}: {places:?} in {text}"
        );
    }
}

#[test]
fn a_shown_configuration_with_its_comments_is_read_to_the_same_model() {
    let config = config();
    let text = show_origins(&config, &read());
    let mut files = BTreeMap::from([(PathBuf::from("lb.conf"), text.clone().into_bytes())]);
    let machine = BTreeMap::from([("eth0".to_owned(), Interface::default())]);
    let again = load(
        Path::new("lb.conf"),
        &mut files,
        &machine,
        &Options::default(),
    );
    assert_eq!(again.config, config, "{text}");
}

#[test]
fn origins_are_told_as_data() {
    let origins = read().of(&config());
    let of = |path: [&str; 2]| {
        let found = origins.iter().find(|origin| origin.path == path);
        found.map(|origin| (origin.file.as_deref(), origin.line))
    };
    assert_eq!(
        of(["vrrp_instance VI_1", "priority"]),
        Some((Some("more.conf"), Some(5)))
    );
    assert_eq!(of(["vrrp_instance VI_1", "advert_int"]), Some((None, None)));
}
