//! No bytes make the configuration parser panic.
#![no_main]

use std::{collections::BTreeMap, path::Path};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut files = BTreeMap::from([("lb.conf".into(), bytes.to_vec())]);
    let interfaces = BTreeMap::from([("eth0".to_owned(), lb::config::Interface::default())]);
    let loaded = lb::config::load(Path::new("lb.conf"), &mut files, &interfaces);
    let _ = lb::config::pretty(&loaded.diagnostics, &loaded.sources, lb::config::Colour::On);
});
