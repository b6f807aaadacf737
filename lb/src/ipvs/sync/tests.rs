use super::*;
use crate::config::model::InterfaceName;

fn config() -> global::SyncDaemon {
    global::SyncDaemon {
        interface: InterfaceName::try_from("eth0".to_owned()).unwrap(),
        instance: Some("VI_1".to_owned()),
        id: None,
        maxlen: None,
        port: None,
        ttl: None,
        group: None,
    }
}

fn instance(is_master: bool) -> Decider {
    Decider::Instance {
        vrid: 51,
        is_master,
    }
}

#[test]
fn one_thread_follows_the_instance_and_without_one_there_are_both() {
    let cases = [
        (instance(true), &[SyncState::Master][..], 51),
        (instance(false), &[SyncState::Backup], 51),
        (Decider::Nobody, &[SyncState::Master, SyncState::Backup], 0),
    ];
    for (decider, states, id) in cases {
        let wanted = wanted(&config(), decider, 3);
        let told: Vec<SyncState> = wanted.iter().map(|daemon| daemon.state).collect();
        assert_eq!(told, states, "{decider:?}");
        assert!(wanted.iter().all(|daemon| daemon.id == id), "{wanted:?}");
    }
    let given = global::SyncDaemon {
        id: Some(7),
        ..config()
    };
    assert_eq!(wanted(&given, instance(true), 3)[0].id, 7);
}

#[test]
fn what_is_not_given_is_as_the_kernel_has_it() {
    let wanted = wanted(&config(), instance(true), 3);
    let expected = SyncDaemon {
        state: SyncState::Master,
        interface: "eth0".to_owned(),
        index: 3,
        id: 51,
        maxlen: None,
        group: "224.0.0.81".parse().unwrap(),
        port: 8848,
        ttl: 1,
    };
    assert_eq!(wanted, [expected]);
}

#[test]
fn threads_are_stopped_before_others_start_and_what_is_right_is_left_alone() {
    use SyncState::{Backup, Master};
    let master = wanted(&config(), instance(true), 3);
    let backup = wanted(&config(), instance(false), 3);
    let moved = wanted(&config(), instance(false), 4);
    let both = [master.clone(), backup.clone()].concat();
    let start = |of: &[SyncDaemon]| SyncChange::Start(of[0].clone());
    let stop = SyncChange::Stop;
    let cases = [
        ("first", vec![], vec![], &backup, vec![start(&backup)]),
        (
            "somebody else's",
            vec![Master, Backup],
            vec![],
            &backup,
            vec![stop(Master), stop(Backup), start(&backup)],
        ),
        ("ours", vec![Backup], backup.clone(), &backup, vec![]),
        (
            "the instance becomes MASTER",
            vec![Backup],
            backup.clone(),
            &master,
            vec![stop(Backup), start(&master)],
        ),
        (
            "another interface of the name",
            vec![Backup],
            backup.clone(),
            &moved,
            vec![stop(Backup), start(&moved)],
        ),
        (
            "stopped by hand",
            vec![],
            backup.clone(),
            &backup,
            vec![start(&backup)],
        ),
        (
            "the end",
            vec![Master, Backup],
            both.clone(),
            &vec![],
            vec![stop(Master), stop(Backup)],
        ),
        (
            "no instance any more",
            vec![Master],
            master.clone(),
            &both,
            vec![start(&backup)],
        ),
    ];
    for (name, running, started, wanted, expected) in cases {
        assert_eq!(changes(&running, &started, wanted), expected, "{name}");
    }
}
