//! No bytes make the configuration parser panic, hang or grow without bound: line rules, includes, conditions
//! and definitions included. What is read without an error is shown, and read again to the same model.
#![no_main]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use lb::config::{Colour, Interface, Options, load, pretty, show};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The input is up to four files that may include each other; a line of three dashes parts them.
    let names = ["lb.conf", "b.conf", "conf.d/c.conf", "conf.d/d.conf"];
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    let mut rest = bytes;
    for name in names {
        let end = rest.windows(5).position(|window| window == b"\n---\n");
        let (file, after) = match end {
            Some(end) => (&rest[..end], &rest[end + 5..]),
            None => (rest, &[][..]),
        };
        files.insert(name.into(), file.to_vec());
        rest = after;
    }
    let interfaces = BTreeMap::from([("eth0".to_owned(), Interface::default())]);
    let options = Options {
        config_id: "main".to_owned(),
        environment: BTreeMap::from([("A".to_owned(), "$A ${_ENV A}".to_owned())]),
        ..Options::default()
    };
    let loaded = load(Path::new("lb.conf"), &mut files, &interfaces, &options);
    // Excerpts take longer than all the rest.
    if bytes.len() % 8 == 0 {
        let _ = pretty(&loaded.diagnostics, &loaded.sources, Colour::On);
    }
    // A backslash before a quote has no spelling in quotes.
    if loaded.is_usable() && !bytes.contains(&b'\\') {
        let shown = show(&loaded.config);
        let mut files = BTreeMap::from([(PathBuf::from("lb.conf"), shown.clone().into_bytes())]);
        let again = load(Path::new("lb.conf"), &mut files, &interfaces, &options);
        assert!(again.is_usable(), "{shown}");
        assert_eq!(show(&again.config), shown);
    }
});
