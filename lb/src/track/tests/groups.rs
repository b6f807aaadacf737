//! What groups track, and what they make of the weights of their members.

use super::{Scenario, check, instance};

const SYNC: &[Scenario] = &[
    (
        "what the group tracks counts for all its members, with weights",
        concat!(
            instance!(""),
            instance!("b", "2", ""),
            instance!("c", "3", ""),
            "vrrp_sync_group g {\ngroup {\na\nb\n}\ntrack_script {\ns weight 20\n}\n\
             track_interface {\neth1\n}\n}\nvrrp_script s {\nscript /s\n}\n"
        ),
        &[
            (
                "start",
                "run s, a 0 FAULT interface eth1 is down, b 0 FAULT interface eth1 is down",
            ),
            ("interface eth1 up", "a 0, b 0"),
            ("ok s", "a +20, b +20"),
        ],
    ),
    (
        "members have no weights of their own but a file's, which becomes 0",
        concat!(
            instance!(
                "track_script {\ns weight -5\nt\n}\ntrack_file {\nf\n}\ntrack_interface {\neth1 weight -7\n}"
            ),
            instance!("b", "2", ""),
            "vrrp_sync_group g {\ngroup {\na\nb\n}\n}\nvrrp_script s {\nscript /s\n}\n\
             vrrp_script t {\nscript /t\n}\ntrack_file f {\nfile /f\n}\n"
        ),
        &[
            (
                "start",
                "run t, a 0 FAULT script t has no result yet & track_file f was not read yet",
            ),
            (
                "file f 5",
                "a 0 FAULT script t has no result yet & track_file f is 5",
            ),
            ("ok t", "a 0 FAULT track_file f is 5"),
            ("file f 0", "a 0"),
        ],
    ),
    (
        "with sync_group_tracking_weight they have",
        concat!(
            instance!("track_script {\ns weight -5\n}\ntrack_file {\nf\n}"),
            instance!("b", "2", ""),
            "vrrp_sync_group g {\ngroup {\na\nb\n}\nsync_group_tracking_weight\n}\n\
             vrrp_script s {\nscript /s\n}\ntrack_file f {\nfile /f\n}\n"
        ),
        &[("start", "run s"), ("fail s", "a -5"), ("file f 7", "a +2")],
    ),
    (
        "where both track it the line of the group counts",
        concat!(
            instance!("track_script {\ns weight 7\n}"),
            instance!("b", "2", ""),
            "vrrp_sync_group g {\ngroup {\na\nb\n}\nsync_group_tracking_weight\n\
             track_script {\ns weight 20\n}\n}\nvrrp_script s {\nscript /s\n}\n"
        ),
        &[("start", "run s"), ("ok s", "a +20, b +20")],
    ),
];

const STATIC: &[Scenario] = &[(
    "what is static and gone is a FAULT of the instances of its group",
    concat!(
        instance!(""),
        instance!("b", "2", ""),
        "track_group g {\ngroup {\na\n}\n}\n"
    ),
    &[
        ("start", ""),
        (
            "static g 192.0.2.1/24 gone",
            "a 0 FAULT 192.0.2.1/24 is gone",
        ),
        ("static g 192.0.2.1/24 gone", ""),
        (
            "static g 192.0.2.2/24 gone",
            "a 0 FAULT 192.0.2.1/24 is gone & 192.0.2.2/24 is gone",
        ),
        ("static h 192.0.2.1/24 gone", ""),
        ("start", ""),
        (
            "static g 192.0.2.1/24 back",
            "a 0 FAULT 192.0.2.2/24 is gone",
        ),
        ("static g 192.0.2.2/24 back", "a 0"),
    ],
)];

#[test]
fn sync_groups_track_for_their_members() {
    check(SYNC);
}

#[test]
fn track_groups_follow_static_things() {
    check(STATIC);
}
