//! The control socket: no line makes the parser panic, what is refused gets a sentence, and what is taken is written the same again.
#![no_main]

use lb::supervisor::{Question, parse};

libfuzzer_sys::fuzz_target!(|line: &str| {
    match parse(line) {
        Ok(request) => {
            let sent = serde_json::to_string(&Question::new(request.clone())).expect("plain data");
            assert_eq!(parse(&sent), Ok(request));
        }
        Err(why) => assert!(!why.is_empty()),
    }
});
