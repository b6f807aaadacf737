use std::time::Duration;

use super::{
    Tier,
    tally::{Tally, effective_capabilities},
    write_summary,
};

#[test]
fn libtest_lines_are_summed_and_others_are_not() {
    let mut tally = Tally::default();
    for line in [
        "running 7 tests",
        "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
        "the table says 9 passed",
        "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 3 filtered out",
    ] {
        tally.count_line(line);
    }
    assert_eq!(
        tally,
        Tally {
            passed: 6,
            failed: 2
        }
    );
}

#[test]
fn the_last_line_of_the_summary_is_the_sum() {
    let results = [
        (
            Tier::Tidy,
            Tally {
                passed: 9,
                failed: 0,
            },
            Duration::from_millis(1500),
        ),
        (Tier::Netns, Tally::FAILURE, Duration::ZERO),
    ];
    let mut out = Vec::new();
    assert!(!write_summary(&mut out, &results).unwrap());
    let text = String::from_utf8(out).unwrap();
    assert_eq!(
        text,
        "\ntidy      ok         9 passed    0 failed      1.5 s\n\
         netns     FAILED     0 passed    1 failed      0.0 s\n\
         9 passed, 1 failed\n"
    );
}

#[test]
fn capabilities_are_read_as_hexadecimal() {
    let status = "Name:\tcat\nCapPrm:\t0000000000000000\nCapEff:\t000001ffffffffff\n";
    assert_eq!(effective_capabilities(status), Some(0x1ff_ffff_ffff));
    assert_eq!(effective_capabilities("Name:\tcat\n"), None);
}
