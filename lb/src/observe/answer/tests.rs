use super::*;
use crate::{
    config::model::{Family, InterfaceName, VrrpInstance},
    vrrp::Router,
};

/// Not begun, which is all that a router without a link has.
fn instance(state: State, group: Option<&str>) -> InstanceSnapshot {
    let interface = InterfaceName::try_from("eth0".to_owned()).unwrap();
    let config = VrrpInstance::new("VI_1", interface, 51.try_into().unwrap(), Family::V4);
    let mut router = Router::new();
    #[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
    let now = std::time::Instant::now();
    router.handle_config(&[config], &[], now);
    InstanceSnapshot {
        state,
        group: group.map(str::to_owned),
        ..router.instance_snapshot("VI_1", now).unwrap()
    }
}

#[test]
fn the_answer_says_what_happens() {
    let five = Some(Duration::from_secs(300));
    let cases = [
        (
            yielding(&instance(State::Master, None), five),
            "VI_1: handing over; BACKUP for 5 min or until `lb vrrp release VI_1`; it remains MASTER where nobody takes over",
        ),
        (
            yielding(&instance(State::Backup, Some("G")), None),
            "VI_1 with its group G: stays BACKUP and takes over last of all until `lb vrrp release VI_1`",
        ),
        (
            yielding(&instance(State::Fault, None), Some(Duration::from_secs(90))),
            "VI_1: in FAULT now; as BACKUP it takes over last of all for 90 s or until `lb vrrp release VI_1`",
        ),
        (
            released(&instance(State::Backup, None), true),
            "VI_1: yields no longer; its priority counts again",
        ),
        (
            released(&instance(State::Backup, None), false),
            "VI_1: does not yield, there is nothing to release",
        ),
        (
            unknown_instance("VI_2", Some("VI_1")),
            "there is no vrrp_instance `VI_2`; did you mean `VI_1`?",
        ),
    ];
    for (answer, expected) in cases {
        assert_eq!(answer, expected);
    }
}

#[test]
fn times_are_said_as_they_are_asked_for() {
    let cases = [
        (1, "1 s"),
        (60, "1 min"),
        (90, "90 s"),
        (7200, "2 h"),
        (0, "0 s"),
    ];
    for (seconds, expected) in cases {
        assert_eq!(span(Duration::from_secs(seconds)), expected);
    }
}
