//! Loading: what the verifier makes of the programs.

use lb::io::xdp::Options;
use lb_common::maps;
use tests::prog::{Loaded, Plane};

/// Instructions the verifier went through on the kernel and compiler this was measured with, 6.18 and rustc
/// 1.95. The kernel's limit is a million; a program above 600,000 is to be split.
const EXPECTED: &[(&str, u32)] = &[
    ("lb_xdp", 468_346),
    ("lb_tc", 6_349),
    ("lb_timer", 268),
    ("lb_clock", 2),
    ("lb_sweep", 15_438),
    ("lb_xdp_plain", 436_296),
    ("lb_tc_plain", 4_769),
];

#[test]
fn the_verifiers_work_stays_within_a_tenth_of_what_is_recorded() {
    let plain = Loaded::new(&Options {
        max_entries: vec![(maps::FLOWS4, 64), (maps::FLOWS6, 64)],
        plain: true,
    });
    let timed = Plane::new();
    let counts: Vec<_> = [&timed.data_plane, &plain.data_plane]
        .into_iter()
        .flat_map(|plane| plane.verified_instructions().unwrap())
        .collect();
    println!("{counts:?}");
    for (name, expected) in EXPECTED {
        let (_, count) = counts.iter().find(|(n, _)| n == name).unwrap();
        assert!(
            count.abs_diff(*expected) <= expected / 10 + 20,
            "{name}: {count} instructions verified, {expected} recorded"
        );
        assert!(*count < 600_000, "{name}: split it");
    }
}
