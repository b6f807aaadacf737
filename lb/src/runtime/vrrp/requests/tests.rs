use super::*;
use crate::{
    config::model::{Family, InterfaceName, SyncGroup, VrrpInstance},
    vrrp::LinkState,
};

fn eth0() -> InterfaceName {
    InterfaceName::try_from("eth0".to_owned()).unwrap()
}

/// VI_1 alone, VI_2 and VI_3 in a group, all BACKUP; VI_4 has not begun, its interface is not there.
fn router(now: Instant) -> Recorded {
    let instance = |number: u8, interface: InterfaceName| {
        let vrid = i64::from(number).try_into().unwrap();
        VrrpInstance::new(&format!("VI_{number}"), interface, vrid, Family::V4)
    };
    let eth1 = InterfaceName::try_from("eth1".to_owned()).unwrap();
    let mut configs: Vec<VrrpInstance> = (1..=3).map(|n| instance(n, eth0())).collect();
    configs.push(instance(4, eth1));
    let group = SyncGroup {
        members: vec!["VI_2".to_owned(), "VI_3".to_owned()],
        ..SyncGroup::new("G")
    };
    let mut router = Recorded::new();
    router.handle_config(&configs, &[group], now);
    let link = LinkState {
        up: true,
        v4: Some([192, 0, 2, 1].into()),
        v6: None,
        arp: true,
    };
    router.handle_link(&eth0(), Some(link), now);
    router
}

fn yielding(instance: &str) -> VrrpRequest {
    VrrpRequest::Yield {
        instance: instance.to_owned(),
        seconds: Some(300),
    }
}

fn release(instance: &str) -> VrrpRequest {
    VrrpRequest::Release {
        instance: instance.to_owned(),
    }
}

#[test]
fn a_request_is_carried_out_and_answered() {
    let now = Instant::now();
    let mut router = router(now);
    let mut ask = |request: VrrpRequest| ask(&mut router, &request, now);
    assert!(ask(release("VI_2")).unwrap().contains("does not yield"));
    assert_eq!(
        ask(yielding("VI_2")).unwrap(),
        "VI_2 with its group G: stays BACKUP and takes over last of all for 5 min or until `lb vrrp release VI_2`"
    );
    assert!(
        ask(release("VI_3")).unwrap().contains("yields no longer"),
        "the group yields as a whole"
    );
    assert!(ask(release("VI_2")).unwrap().contains("does not yield"));
    for request in [yielding("VI_5"), release("VI_5")] {
        let error = ask(request).unwrap_err();
        assert!(error.contains("no vrrp_instance `VI_5`; did you mean `VI_1`?"));
    }
}

#[test]
fn states_are_told_again_of_instances_and_groups_that_have_begun() {
    let now = Instant::now();
    let router = router(now);
    let told = states(router.snapshot(now), router.group_snapshot());
    let told: Vec<_> = told
        .map(|n| (n.party, n.name, n.happening, n.priority))
        .collect();
    let backup =
        |party, name: &str, priority| (party, name.to_owned(), Happening::Backup, priority);
    assert_eq!(
        told,
        [
            backup(Party::Instance, "VI_1", 100),
            backup(Party::Instance, "VI_2", 100),
            backup(Party::Instance, "VI_3", 100),
            backup(Party::Group, "G", 0),
        ]
    );
}
