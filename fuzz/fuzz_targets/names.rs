//! iproute2's files of names: no bytes make the parser panic, and what is read stands on its line.
#![no_main]

use lb::io::names::parse;

libfuzzer_sys::fuzz_target!(|text: &str| {
    for (name, _) in parse(text) {
        assert!(text.contains(&name));
    }
});
