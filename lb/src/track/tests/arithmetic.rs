//! What conditions add up to.

use super::{Scenario, check, instance};

const SCRIPT: &[Scenario] = &[
    (
        "a positive weight is added while the script succeeds",
        concat!(
            instance!("track_script {\ns weight 10\n}"),
            "vrrp_script s {\nscript /s\n}\n"
        ),
        &[
            ("start", "run s"),
            ("ok s", "a +10"),
            ("wait 1", "run s"),
            ("fail s", "a 0"),
        ],
    ),
    (
        "with reverse it is taken away",
        concat!(
            instance!("track_script {\ns weight 10 reverse\n}"),
            "vrrp_script s {\nscript /s\n}\n"
        ),
        &[
            ("start", "run s"),
            ("ok s", "a -10"),
            ("wait 1", "run s"),
            ("fail s", "a 0"),
        ],
    ),
    (
        "a negative weight is added while the script fails",
        concat!(
            instance!("track_script {\ns weight -10\n}"),
            "vrrp_script s {\nscript /s\n}\n"
        ),
        &[
            ("start", "run s"),
            ("ok s", ""),
            ("wait 1", "run s"),
            ("fail s", "a -10"),
        ],
    ),
    (
        "with reverse a failure raises the priority",
        concat!(
            instance!("track_script {\ns weight -10 reverse\n}"),
            "vrrp_script s {\nscript /s\n}\n"
        ),
        &[("start", "run s"), ("fail s", "a +10")],
    ),
    (
        "without a weight a failure is a FAULT",
        concat!(
            instance!("track_script {\ns\n}"),
            "vrrp_script s {\nscript /s\n}\n"
        ),
        &[
            ("start", "run s, a 0 FAULT script s has no result yet"),
            ("ok s", "a 0"),
            ("wait 1", "run s"),
            ("fail s", "a 0 FAULT script s failed"),
        ],
    ),
    (
        "with weight 0 reverse a success is one",
        concat!(
            instance!("track_script {\ns weight 0 reverse\n}"),
            "vrrp_script s {\nscript /s\n}\n"
        ),
        &[
            ("start", "run s, a 0 FAULT script s has no result yet"),
            ("fail s", "a 0"),
            ("wait 1", "run s"),
            ("ok s", "a 0 FAULT script s succeeded"),
        ],
    ),
    (
        "the weight of the block counts where the line has none, the direction of the block where it has no other",
        concat!(
            instance!("track_script {\ns\nt weight 5\nu weight 7 noreverse\n}"),
            "vrrp_script s {\nscript /s\nweight 3\n}\nvrrp_script t {\nscript /t\nweight 9 reverse\n}\n\
             vrrp_script u {\nscript /u\nweight 9 reverse\n}\n"
        ),
        &[
            ("start", "run s, run t, run u"),
            ("ok s", "a +3"),
            ("ok t", "a -2"),
            ("ok u", "a +5"),
        ],
    ),
    (
        "weights add up beyond what a priority takes",
        concat!(
            instance!("track_script {\ns weight 253\nt weight 253\n}"),
            "vrrp_script s {\nscript /s\n}\nvrrp_script t {\nscript /t\n}\n"
        ),
        &[
            ("start", "run s, run t"),
            ("ok s", "a +253"),
            ("ok t", "a +506"),
        ],
    ),
];

const INTERFACE: &[Scenario] = &[
    (
        "an interface of which nothing is heard is down",
        instance!("track_interface {\neth1\n}"),
        &[
            ("start", "a 0 FAULT interface eth1 is down"),
            ("interface eth1 up", "a 0"),
            ("interface eth1 up", ""),
            ("interface eth1 down", "a 0 FAULT interface eth1 is down"),
        ],
    ),
    (
        "its weight counts in each direction",
        concat!(
            instance!("track_interface {\neth1 weight 10\n}"),
            instance!("b", "2", "track_interface {\neth1 weight 10 reverse\n}"),
            instance!("c", "3", "track_interface {\neth1 weight -10\n}"),
            instance!("d", "4", "track_interface {\neth1 weight -10 reverse\n}"),
            instance!("e", "5", "track_interface {\neth1 weight 0 reverse\n}"),
        ),
        &[
            ("start", "c -10, d +10"),
            ("interface eth2 up", ""),
            (
                "interface eth1 up",
                "a +10, b -10, c 0, d 0, e 0 FAULT interface eth1 is up",
            ),
        ],
    ),
    (
        "a session of which nothing is heard is down",
        concat!(
            instance!("track_bfd {\nx\n}"),
            instance!("b", "2", "track_bfd {\nx weight -20\n}"),
            "bfd_instance x {\nneighbor_ip 192.0.2.9\n}\n"
        ),
        &[
            ("start", "a 0 FAULT BFD session x is down, b -20"),
            ("bfd x up", "a 0, b 0"),
            ("bfd y up", ""),
            ("bfd x down", "a 0 FAULT BFD session x is down, b -20"),
        ],
    ),
    (
        "a peer that falls silent is told, and is no fault of ours",
        concat!(
            instance!("track_bfd {\nx peer\n}"),
            instance!("b", "2", "track_bfd {\nx weight -20 peer\n}"),
            instance!("c", "3", "track_bfd {\nx weight -20\n}"),
            "bfd_instance x {\nneighbor_ip 192.0.2.9\n}\n"
        ),
        &[
            ("start", "b -20, c -20"),
            ("bfd x silent", ""),
            ("bfd x up", "b 0, c 0"),
            ("bfd x down", "b -20, c -20"),
            ("bfd x up", "b 0, c 0"),
            (
                "bfd x silent",
                "b -20, c -20, a: 192.0.2.9 is silent, b: 192.0.2.9 is silent",
            ),
        ],
    ),
    (
        "a peer of a group is one of its members, whose weights mean nothing",
        concat!(
            instance!(""),
            instance!("b", "2", "track_bfd {\nx weight 3 peer\n}"),
            "vrrp_sync_group g {\ngroup {\na\nb\n}\ntrack_bfd {\ny peer\n}\n}\n\
             bfd_instance x {\nneighbor_ip 192.0.2.9\n}\nbfd_instance y {\nneighbor_ip 192.0.2.8\n}\n"
        ),
        &[
            ("start", ""),
            ("bfd x up", ""),
            ("bfd y up", ""),
            ("bfd x silent", "b: 192.0.2.9 is silent"),
            (
                "bfd y silent",
                "a: 192.0.2.8 is silent, b: 192.0.2.8 is silent",
            ),
        ],
    ),
];

const FILE: &[Scenario] = &[
    (
        "the number is multiplied by the weight",
        concat!(
            instance!("track_file {\nf\n}"),
            instance!("b", "2", "track_file {\nf weight 10\n}"),
            instance!("c", "3", "track_file {\nf weight -10\n}"),
            instance!("d", "4", "track_file {\nf weight 10 reverse\n}"),
            instance!("e", "5", "track_file {\nf weight -10 reverse\n}"),
            "track_file f {\nfile /f\n}\n"
        ),
        &[
            ("start", ""),
            ("file f 5", "a +5, b +50, c -50, d -50, e +50"),
            ("file f -2", "a -2, b -20, c +20, d +20, e -20"),
            ("file f missing", "a 0, b 0, c 0, d 0, e 0"),
        ],
    ),
    (
        "the product is at most 253, and from -254 on it is FAULT",
        concat!(
            instance!("track_file {\nf\n}"),
            instance!("b", "2", "track_file {\nf weight 254\n}"),
            "track_file f {\nfile /f\n}\n"
        ),
        &[
            ("start", ""),
            ("file f 1", "a +1, b +253"),
            ("file f 300", "a +253"),
            ("file f -253", "a -253, b 0 FAULT track_file f is -253"),
            (
                "file f -254",
                "a 0 FAULT track_file f is -254, b 0 FAULT track_file f is -254",
            ),
            (
                "file f -2147483648",
                "a 0 FAULT track_file f is -2147483648, b 0 FAULT track_file f is -2147483648",
            ),
            ("file f 2147483647", "a +253, b +253"),
        ],
    ),
    (
        "with weight 0 any number but 0 is FAULT, with reverse only 0 is",
        concat!(
            instance!("track_file {\nf weight 0\n}"),
            instance!("b", "2", "track_file {\nf weight 0 reverse\n}"),
            "track_file f {\nfile /f\n}\n"
        ),
        &[
            (
                "start",
                "a 0 FAULT track_file f was not read yet, b 0 FAULT track_file f was not read yet",
            ),
            ("file f missing", "a 0, b 0 FAULT track_file f is 0"),
            ("file f 1", "a 0 FAULT track_file f is 1, b 0"),
        ],
    ),
    (
        "a number that is too large changes nothing, and what cannot be read is 0",
        concat!(
            instance!("track_file {\nf\n}"),
            "track_file f {\nfile /f\n}\n"
        ),
        &[
            ("start", ""),
            ("file f 7", "a +7"),
            ("file f large", ""),
            ("file f locked", "a 0"),
            ("file g 7", ""),
        ],
    ),
];

const OWNER: &[Scenario] = &[(
    "an address owner has no weights but a file's, which becomes 0",
    concat!(
        instance!(
            "priority 255\ntrack_script {\ns weight -5\nt\n}\ntrack_file {\nf weight 9\n}\n\
             track_interface {\neth1 weight -9\n}"
        ),
        "vrrp_script s {\nscript /s\n}\nvrrp_script t {\nscript /t\n}\ntrack_file f {\nfile /f\n}\n"
    ),
    &[
        (
            "start",
            "run t, a 0 FAULT script t has no result yet & track_file f was not read yet",
        ),
        ("ok t", "a 0 FAULT track_file f was not read yet"),
        ("file f 0", "a 0"),
        ("file f 3", "a 0 FAULT track_file f is 3"),
    ],
)];

#[test]
fn weights_of_scripts_count() {
    check(SCRIPT);
}

#[test]
fn weights_of_interfaces_and_sessions_count() {
    check(INTERFACE);
}

#[test]
fn numbers_in_files_count() {
    check(FILE);
}

#[test]
fn owners_track_only_faults() {
    check(OWNER);
}
