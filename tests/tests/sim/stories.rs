//! Single histories, told in full.

use std::time::Duration;

use tests::lan::{KernelKind, Lan};

use super::population::{instance, setup};

/// Routers of the quick start with these priorities, started, elected and at rest. Frames take 100 µs,
/// address operations 300 µs.
fn elected(kernel: KernelKind, priorities: &[u8]) -> Lan {
    let setups = priorities
        .iter()
        .enumerate()
        .map(|(index, priority)| setup(index, instance(*priority), kernel));
    let mut lan = Lan::new(0, setups.collect());
    lan.network.delay = Duration::from_micros(100)..Duration::from_micros(100);
    lan.network.operation = Duration::from_micros(300)..Duration::from_micros(300);
    lan.exclusive = kernel == KernelKind::Able;
    for node in 0..lan.len() {
        lan.start(node);
    }
    lan.run(ms(2000) - lan.since_advert(0));
    assert_eq!(lan.masters(), [0]);
    lan
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// What happens from now on, times counted from now.
fn told(lan: &mut Lan, story: impl FnOnce(&mut Lan)) -> String {
    let (begin, before) = (lan.elapsed(), lan.history().len());
    story(lan);
    assert_eq!(lan.violations(), [] as [&str; 0]);
    let entries = lan.history()[before..].iter();
    let line = |entry: &tests::lan::Entry| {
        let at = entry.at - begin;
        format!(
            "{}\n",
            tests::lan::Entry {
                at,
                ..entry.clone()
            }
        )
    };
    entries.map(line).collect()
}

#[test]
fn a_master_loses_power() {
    let mut lan = elected(KernelKind::Able, &[150, 100, 50]);
    let story = told(&mut lan, |lan| {
        lan.power_off(0);
        lan.run(ms(1000));
        lan.start(0);
        lan.run(ms(1000));
    });
    insta::assert_snapshot!(story);
}

#[test]
fn a_daemon_is_killed_and_its_kernel_falls_silent_before_another_speaks() {
    let mut lan = elected(KernelKind::Able, &[150, 100]);
    let story = told(&mut lan, |lan| {
        lan.kill(0);
        lan.run(ms(1000));
    });
    insta::assert_snapshot!(story);
}

#[test]
fn a_daemon_is_killed_and_back_before_its_lease_ends() {
    let mut lan = elected(KernelKind::Able, &[150, 100]);
    let story = told(&mut lan, |lan| {
        lan.kill(0);
        lan.run(ms(150));
        lan.start(0);
        lan.run(ms(1000));
    });
    insta::assert_snapshot!(story);
}

#[test]
fn a_daemon_stalls_and_comes_back() {
    let mut lan = elected(KernelKind::Able, &[150, 100]);
    let story = told(&mut lan, |lan| {
        lan.stall(0);
        lan.run(ms(1000));
        lan.resume(0);
        lan.run(ms(1000));
    });
    insta::assert_snapshot!(story);
}

#[test]
fn a_lan_is_parted_and_whole_again() {
    let mut lan = elected(KernelKind::Able, &[150, 100]);
    lan.exclusive = false;
    let story = told(&mut lan, |lan| {
        lan.network.groups = vec![0, 1];
        lan.run(ms(1000));
        lan.network.groups = vec![0, 0];
        lan.run(ms(1000));
    });
    insta::assert_snapshot!(story);
}

#[test]
fn a_master_is_asked_to_stop() {
    let mut lan = elected(KernelKind::Able, &[150, 100, 50]);
    let story = told(&mut lan, |lan| {
        lan.stop(0);
        lan.run(ms(1000));
    });
    insta::assert_snapshot!(story);
}

#[test]
fn somebody_takes_the_address_from_the_master_and_nobody_notices() {
    let mut lan = elected(KernelKind::Able, &[150, 100]);
    let story = told(&mut lan, |lan| {
        lan.meddle(0, false);
        lan.run(ms(1));
        assert_eq!(lan.has_addresses(0), (true, true));
        lan.run(ms(1000));
    });
    insta::assert_snapshot!(story);
}

#[test]
fn without_a_kernel_that_leases_a_killed_daemon_leaves_two_gates_open() {
    let mut lan = elected(KernelKind::Unable, &[150, 100]);
    let story = told(&mut lan, |lan| {
        lan.kill(0);
        lan.run(ms(1000));
    });
    insta::assert_snapshot!(story);
}
