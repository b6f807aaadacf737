//! What tracking reads of files, processes and the proc connector: reading never panics.
#![no_main]

use lb::io::track::{
    connector::events,
    content::parse,
    matching::{Seen, command_line, name},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse(bytes);
    // A message with an event has 56 bytes at least.
    assert!(events(bytes).len() <= bytes.len() / 56);
    let seen = Seen {
        name: name(bytes).unwrap_or_default(),
        words: Some(command_line(bytes)),
    };
    assert!(seen.name.len() <= bytes.len());
});
