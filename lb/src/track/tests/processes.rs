//! How many processes run, and when that is believed.

use super::{Scenario, check, instance};

const P: &str = concat!(
    instance!("track_process {\np weight 10\n}"),
    "vrrp_track_process p {\nprocess x\n}\n"
);
const DELAYED: &str = concat!(
    instance!("track_process {\np weight 10\n}"),
    "vrrp_track_process p {\nprocess x\nquorum 2\nquorum_max 3\nfork_delay 5\nterminate_delay 2\n}\n"
);

const QUORUM: &[Scenario] = &[
    (
        "one is enough by default",
        P,
        &[
            ("start", ""),
            ("process p 0", ""),
            ("process p 1", "a +10"),
            ("process p 900", ""),
            ("process p 0", "a 0"),
        ],
    ),
    (
        "without a weight too few are a FAULT, and so is not knowing at a start",
        concat!(
            instance!("track_process {\np weight 0\n}"),
            "vrrp_track_process p {\nprocess x\nquorum 2\n}\n"
        ),
        &[
            ("start", "a 0 FAULT process p was not counted yet"),
            ("process p 2", "a 0"),
            ("process p 1", "a 0 FAULT process p has no quorum"),
        ],
    ),
    (
        "with quorum_max too many are as bad as too few",
        concat!(
            instance!("track_process {\np weight -10\n}"),
            "vrrp_track_process p {\nprocess x\nquorum 2\nquorum_max 3\n}\n"
        ),
        &[
            ("start", ""),
            ("process p 1", "a -10"),
            ("process p 2", "a 0"),
            ("process p 3", ""),
            ("process p 4", "a -10"),
        ],
    ),
    (
        "with quorum_max 0 none may run",
        concat!(
            instance!("track_process {\np weight 0\n}"),
            "vrrp_track_process p {\nprocess x\nquorum_max 0\n}\n"
        ),
        &[
            ("start", "a 0 FAULT process p was not counted yet"),
            ("process p 0", "a 0"),
            ("process p 1", "a 0 FAULT process p has no quorum"),
        ],
    ),
    (
        "with weight 0 reverse it must not run either",
        concat!(
            instance!("track_process {\np weight 0 reverse\n}"),
            "vrrp_track_process p {\nprocess x\n}\n"
        ),
        &[
            ("start", "a 0 FAULT process p was not counted yet"),
            ("process p 0", "a 0"),
            ("process p 1", "a 0 FAULT process p has its quorum"),
        ],
    ),
];

const DELAYS: &[Scenario] = &[
    (
        "the first count is believed at once, a later start after fork_delay, an end after terminate_delay",
        DELAYED,
        &[
            ("start", ""),
            ("process p 2", "a +10"),
            ("process p 1", ""),
            ("wait 1.9", ""),
            ("wait 0.1", "a 0"),
            ("process p 2", ""),
            ("wait 4.9", ""),
            ("process p 3", ""),
            ("wait 0.1", "a +10"),
        ],
    ),
    (
        "what is undone in time has not been",
        DELAYED,
        &[
            ("start", ""),
            ("process p 2", "a +10"),
            ("process p 0", ""),
            ("wait 1", ""),
            ("process p 1", ""),
            ("process p 2", ""),
            ("wait 10", ""),
        ],
    ),
    (
        "a start that makes too many is believed after fork_delay, an end that mends it after terminate_delay",
        DELAYED,
        &[
            ("start", ""),
            ("process p 3", "a +10"),
            ("process p 4", ""),
            ("wait 4.9", ""),
            ("wait 0.1", "a 0"),
            ("process p 3", ""),
            ("wait 1.9", ""),
            ("wait 0.1", "a +10"),
        ],
    ),
];

const RELOADS: &[Scenario] = &[
    (
        "the count stays, and another quorum counts at once",
        DELAYED,
        &[
            ("start", ""),
            ("process p 1", ""),
            ("change quorum_2 quorum_1", "a +10"),
        ],
    ),
    (
        "a delay goes on",
        DELAYED,
        &[
            ("start", ""),
            ("process p 2", "a +10"),
            ("process p 1", ""),
            ("wait 1", ""),
            ("change weight_10 weight_9", "a +9"),
            ("wait 1", "a 0"),
        ],
    ),
    (
        "of another process nothing is known, and the old verdict stands until it was counted",
        DELAYED,
        &[
            ("start", ""),
            ("process p 2", "a +10"),
            ("change process_x process_y", ""),
            ("process p 0", "a 0"),
        ],
    ),
];

#[test]
fn processes_have_a_quorum() {
    check(QUORUM);
}

#[test]
fn changes_of_processes_are_believed_when_they_last() {
    check(DELAYS);
}

#[test]
fn what_is_known_of_processes_outlives_a_reload() {
    check(RELOADS);
}
