//! The options of an election, one by one.

use std::time::Duration;

use super::bench::{Bench, backup, eth0, line, link, ms, owner, priority};
use crate::{
    config::model::{
        Config, VrrpInstance,
        network::InterfaceDelay,
        vrrp::{Election, OnLateTimer},
    },
    vrrp::{LinkState, interval, output::State},
};

const BETTER: &str = "10.0.0.9";
const WORSE: &str = "10.0.0.2";

fn with(election: Election) -> VrrpInstance {
    VrrpInstance {
        election,
        ..backup()
    }
}

fn patient() -> VrrpInstance {
    with(Election {
        preempt_delay: ms(5000),
        ..Election::default()
    })
}

#[test]
fn with_preempt_delay_a_lower_master_is_followed_until_the_delay_is_over() {
    let mut bench = Bench::started(&[patient()]);
    bench.guards = Some(false);
    bench.pass(ms(700));
    // As measured with keepalived 2.2.7: the delay begins with the first advert heard, the last one within it
    // counts, and then the master-down interval passes.
    for _ in 0..5 {
        bench.hear(WORSE, &priority(backup(), 50));
        bench.run(ms(1000));
    }
    assert_eq!(bench.state(), State::Backup);
    let wait = ms(3000) + ms(1000) * 156 / 256 - ms(1000);
    assert_eq!(bench.next(), Some((wait, "master_down")));
    for _ in 0..3 {
        bench.hear(WORSE, &priority(backup(), 50));
        bench.run(ms(870));
    }
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn where_the_kernel_watches_a_lower_master_the_watch_ends_with_the_delay() {
    let mut bench = Bench::started(&[patient()]);
    bench.hear(WORSE, &priority(backup(), 50));
    assert_eq!(bench.lines().len(), 1);
    assert_eq!(bench.next(), Some((ms(5000), "preempt_delay")));
    assert_eq!(bench.run(ms(5000)), ["guard off"]);
    bench.hear(WORSE, &priority(backup(), 50));
    bench.run(ms(3610));
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn a_lower_master_that_falls_silent_is_succeeded_without_a_delay() {
    let mut bench = Bench::started(&[patient()]);
    bench.guards = Some(false);
    bench.hear(WORSE, &priority(backup(), 50));
    bench.run(ms(3610));
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn a_better_master_ends_the_delay_and_another_one_begins_later() {
    let mut bench = Bench::started(&[patient()]);
    bench.guards = Some(false);
    bench.hear(WORSE, &priority(backup(), 50));
    bench.run(ms(1000));
    bench.hear(BETTER, &priority(backup(), 150));
    assert_eq!(bench.next().map(|(_, why)| why), Some("master_down"));
    bench.hear(WORSE, &priority(backup(), 50));
    bench.run(ms(3000));
    bench.hear(WORSE, &priority(backup(), 50));
    assert_eq!(bench.next(), Some((ms(2000), "preempt_delay")));
}

#[test]
fn down_timer_adverts_change_the_wait_and_the_lease() {
    let cases = [
        (1, 1000, Duration::from_nanos(1_003_906_250)),
        (2, 2000, ms(2000)),
        (3, 3000, ms(3000)),
        (10, 10_000, ms(10_000)),
    ];
    for (adverts, whole, lease) in cases {
        let config = with(Election {
            down_timer_adverts: adverts,
            ..Election::default()
        });
        let mut bench = Bench::started(std::slice::from_ref(&config));
        let wait = ms(whole) + ms(1000) * 156 / 256;
        assert_eq!(bench.next(), Some((wait, "master_down")));
        let lines = bench.run(wait);
        assert_eq!(
            lines[0],
            format!("lease 10.0.0.5 prio 100 {lease:?}, yields")
        );
        let peer = interval::master_down_interval(
            config.version,
            254.try_into().unwrap(),
            ms(1000),
            adverts,
        );
        assert!(lease < peer, "{adverts}");
    }
}

#[test]
fn a_lower_advert_is_answered_unless_lower_prio_no_advert() {
    let answers = ["advert 100", "announce 10.0.0.1 ×5"];
    for (silent, expected) in [(false, &answers[..]), (true, &answers[1..])] {
        let mut bench = Bench::started(&[with(Election {
            lower_prio_no_advert: silent,
            ..Election::default()
        })]);
        bench.run(ms(4000));
        bench.told();
        bench.hear(WORSE, &priority(backup(), 50));
        assert_eq!(bench.lines(), expected);
        assert_eq!(bench.told(), ["INSTANCE VI_1 MASTER_RX_LOWER_PRI 100"]);
    }
}

#[test]
fn with_higher_prio_send_advert_a_beaten_master_speaks_once_more_behind_its_gate() {
    let mut bench = Bench::started(&[with(Election {
        higher_prio_send_advert: true,
        ..Election::default()
    })]);
    bench.run(ms(4000));
    bench.hear(BETTER, &priority(backup(), 150));
    assert_eq!(
        bench.lines()[..3],
        ["gate fenced", "advert 100", "remove 10.0.0.1/24"]
    );
}

#[test]
fn skip_check_adv_addr_compares_the_addresses_of_a_sender_once() {
    for (skips, expected) in [(false, 3), (true, 1)] {
        let mut bench = Bench::started(&[with(Election {
            skip_check_addresses: skips,
            ..Election::default()
        })]);
        let other = VrrpInstance {
            addresses: vec![],
            ..priority(backup(), 200)
        };
        for _ in 0..3 {
            bench.hear(BETTER, &other);
        }
        assert_eq!(bench.refused("addr_list_err"), expected);
    }
}

fn deaf_owner() -> VrrpInstance {
    VrrpInstance {
        election: Election {
            owner_ignore_adverts: true,
            ..Election::default()
        },
        ..owner()
    }
}

#[test]
fn an_owner_that_ignores_adverts_answers_none() {
    let mut bench = Bench::started(&[deaf_owner()]);
    bench.hear(WORSE, &priority(backup(), 50));
    bench.hear_resignation(BETTER);
    bench.hear(BETTER, &priority(backup(), 254));
    assert_eq!((bench.lines(), bench.state()), (vec![], State::Master));
    assert_eq!(bench.snapshot().counts.adverts_received, 0);
}

#[test]
fn of_two_owners_the_one_with_the_higher_address_makes_way_after_two_adverts_and_a_wait() {
    let mut lower = Bench::started(&[deaf_owner()]);
    let mut higher = Bench::started(&[deaf_owner()]);
    higher.guards = Some(false);
    for _ in 0..3 {
        lower.hear(BETTER, &owner());
        higher.hear(WORSE, &owner());
        lower.run(ms(1000));
        higher.run(ms(1000));
    }
    assert_eq!(
        (lower.state(), lower.snapshot().priority),
        (State::Master, 255)
    );
    assert_eq!(
        (higher.state(), higher.snapshot().priority),
        (State::Master, 254)
    );
    higher.hear(WORSE, &owner());
    assert_eq!(higher.state(), State::Backup);
    // When the other stops, it is the owner again.
    higher.run(ms(4000));
    assert_eq!(
        (higher.state(), higher.snapshot().priority),
        (State::Master, 255)
    );
}

#[test]
fn an_owner_that_was_heard_by_accident_changes_nothing() {
    let mut bench = Bench::started(&[deaf_owner()]);
    bench.hear(WORSE, &owner());
    bench.hear(WORSE, &owner());
    bench.run(ms(5000));
    assert_eq!(
        (bench.state(), bench.snapshot().priority),
        (State::Master, 255)
    );
}

#[test]
fn a_master_with_late_timers_stays_or_makes_way_as_configured() {
    let lowered: crate::config::model::Priority = 20.try_into().unwrap();
    let cases = [
        (OnLateTimer::Stay, true, State::Master, 100),
        (OnLateTimer::StepDown, true, State::Backup, 100),
        (OnLateTimer::StepDownTo(lowered), true, State::Backup, 20),
        (OnLateTimer::StepDown, false, State::Backup, 100),
    ];
    for (late, heard, state, priority_now) in cases {
        let mut bench = Bench::started(&[VrrpInstance {
            preempt: false,
            ..with(Election {
                late,
                ..Election::default()
            })
        }]);
        bench.run(ms(4000));
        bench.pass(ms(6000));
        if heard {
            bench.hear(WORSE, &priority(backup(), 50));
        }
        bench.router.handle_timeout(bench.now);
        bench.lines();
        assert_eq!(
            (bench.state(), bench.snapshot().priority),
            (state, priority_now),
            "{late:?}"
        );
    }
}

fn delays(down: u64, up: u64) -> Config {
    Config {
        interface_delays: vec![InterfaceDelay {
            interface: eth0(),
            down: ms(down),
            up: ms(up),
        }],
        ..Config::default()
    }
}

#[test]
fn a_link_is_believed_to_be_down_or_up_after_its_delay() {
    let down = Some(LinkState {
        up: false,
        ..link(Some("10.0.0.5"))
    });
    let mut bench = Bench::fresh();
    bench.router.handle_settings(&delays(2000, 3000), bench.now);
    bench.config(&[owner()]);
    bench.up();
    bench.lines();
    bench.link(down);
    bench.run(ms(1999));
    assert_eq!(bench.state(), State::Master);
    bench.run(ms(1));
    assert_eq!(bench.state(), State::Fault);
    bench.up();
    bench.run(ms(1500));
    bench.link(down);
    bench.up();
    bench.run(ms(2999));
    assert_eq!(bench.state(), State::Fault, "each change begins anew");
    bench.run(ms(1));
    assert_eq!(bench.state(), State::Master);
    bench.link(None);
    assert_eq!(
        bench.state(),
        State::Fault,
        "an interface that is gone is gone at once"
    );
}

#[test]
fn a_link_that_is_down_for_less_than_its_delay_was_never_down() {
    let mut bench = Bench::fresh();
    bench.router.handle_settings(&delays(2000, 0), bench.now);
    bench.config(&[owner()]);
    bench.up();
    bench.lines();
    let down = LinkState {
        up: false,
        ..link(Some("10.0.0.5"))
    };
    bench.link(Some(down));
    bench.run(ms(1500));
    bench.up();
    bench.run(ms(5000));
    assert_eq!(
        (bench.state(), bench.snapshot().counts.became_master),
        (State::Master, 1)
    );
}

#[test]
fn instances_begin_after_the_startup_delay_but_take_leases_up_at_once() {
    let second = VrrpInstance {
        name: "VI_2".to_owned(),
        vrid: 52.try_into().unwrap(),
        addresses: vec![line("10.0.0.2/24")],
        ..backup()
    };
    let mut bench = Bench::fresh();
    bench.router.hold(ms(5000), bench.now);
    bench.config(&[owner(), second]);
    let adopted = bench.router.instance_id("VI_2").unwrap();
    bench.router.handle_adopted(adopted, bench.now);
    bench.up();
    bench.lines();
    assert_eq!(bench.state(), State::Init);
    let state = bench.router.instance(adopted).unwrap().state();
    assert_eq!(state, State::Master);
    bench.run(ms(4999));
    assert_eq!(bench.state(), State::Init);
    bench.run(ms(1));
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn a_link_that_need_not_be_heeded_may_be_down() {
    let mut config = backup();
    config.link.track_primary = false;
    let mut bench = Bench::started(&[config]);
    let down = LinkState {
        up: false,
        ..link(Some("10.0.0.5"))
    };
    bench.link(Some(down));
    // Nobody hears the adverts, so nothing holds the gate to them.
    let lines = bench.run(ms(3610));
    assert_eq!(bench.state(), State::Master, "{lines:?}");
    assert!(
        !lines.iter().any(|line| line.starts_with("lease")),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line == "gate open"), "{lines:?}");
    bench.up();
    let lines = bench.lines();
    assert_eq!(
        lines,
        ["lease 10.0.0.5 prio 100 3s, yields", "advert 100"],
        "the lease begins with the first advert that leaves"
    );
    bench.link(Some(down));
    assert_eq!(bench.lines(), ["guard off", "advert 100"]);
    assert_eq!(bench.state(), State::Master);
}
