//! The monitored process table, registration files and notices: no bytes make a reader panic, and what is registered is checked.
#![no_main]

use lb::keepalive::{notice, registration, table};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    drop(notice::parse(bytes));
    if let Ok(text) = str::from_utf8(bytes) {
        for registration in registration::read("f", text).unwrap_or_default() {
            assert_eq!(registration.clone().checked(), Ok(registration));
        }
    }
    let boot = [7; 16];
    // A sound header, so that the records are reached.
    let slots = u32::from(bytes.first().copied().unwrap_or_default() % 4);
    let mut whole = table::header(slots, boot).to_vec();
    whole.extend(bytes);
    whole.resize(table::length(slots), 0);
    drop(table::read(&whole, boot));
    drop(table::read(bytes, boot));
});
