//! Addresses: what the kernel has is what the state calls for.

use super::bench::{Bench, backup, eth0, ip, line, link, ms, owner, priority};
use crate::{
    config::model::VrrpInstance,
    vrrp::{
        object::Operation,
        output::{Gate, State},
    },
};

fn fact(bench: &mut Bench, address: &str, present: bool) {
    bench
        .router
        .handle_address(&eth0(), ip(address), 24, present, bench.now);
}

#[test]
fn nothing_is_announced_before_the_kernel_has_it() {
    let mut bench = Bench::fresh();
    bench.addresses = None;
    bench.config(&[owner()]);
    bench.up();
    assert_eq!(bench.lines().len(), 5);
    let (id, address) = (bench.id(), "10.0.0.1/24");
    assert!(bench.snapshot().installed.is_empty());
    bench.applied(id, address, Operation::Install);
    assert_eq!(bench.lines(), ["announce 10.0.0.1 ×5"]);
    assert_eq!(bench.snapshot().installed, ["10.0.0.1/24"]);
}

#[test]
fn an_address_somebody_removes_is_put_back_and_we_stay_master() {
    let mut bench = Bench::started(&[owner()]);
    fact(&mut bench, "10.0.0.1", true);
    assert!(bench.lines().is_empty());
    fact(&mut bench, "10.0.0.1", false);
    assert_eq!(bench.lines(), ["add 10.0.0.1/24", "announce 10.0.0.1 ×5"]);
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn a_leftover_address_is_fenced_and_removed_at_the_start() {
    let mut bench = Bench::fresh();
    bench.addresses = None;
    bench.config(&[backup()]);
    fact(&mut bench, "10.0.0.1", true);
    fact(&mut bench, "10.0.0.77", true);
    assert!(bench.lines().is_empty());
    bench.up();
    assert_eq!(
        bench.lines(),
        [
            "guard off",
            "gate fenced",
            "remove 10.0.0.1/24",
            "Init → Backup: interface usable",
        ]
    );
    let (id, address) = (bench.id(), "10.0.0.1/24");
    bench.applied(id, address, Operation::Remove);
    assert_eq!(bench.lines(), ["gate pass"]);
}

#[test]
fn an_address_somebody_adds_while_we_are_backup_is_fenced_and_removed() {
    let mut bench = Bench::started(&[backup()]);
    fact(&mut bench, "10.0.0.1", true);
    assert_eq!(
        bench.lines(),
        ["gate fenced", "remove 10.0.0.1/24", "gate pass"]
    );
}

#[test]
fn the_way_onward_opens_only_when_the_last_address_is_gone() {
    let addresses = vec![line("10.0.0.1/24"), line("10.0.0.2/24")];
    let mut bench = Bench::started(&[priority(
        VrrpInstance {
            addresses,
            ..owner()
        },
        254,
    )]);
    bench.run(ms(2000));
    bench.addresses = None;
    bench.hear("10.0.0.9", &owner());
    assert!(!bench.lines().contains(&"gate pass".to_owned()));
    let id = bench.id();
    let remove = |bench: &mut Bench, address: &str| {
        bench.applied(id, address, Operation::Remove);
        bench.lines()
    };
    assert!(remove(&mut bench, "10.0.0.2/24").is_empty());
    assert_eq!(remove(&mut bench, "10.0.0.1/24"), ["gate pass"]);
}

#[test]
fn what_the_kernel_refuses_is_visible_and_tried_again_every_second() {
    let mut bench = Bench::fresh();
    bench.addresses = Some(Err("Permission denied".to_owned()));
    bench.config(&[owner()]);
    bench.up();
    assert!(
        !bench
            .lines()
            .iter()
            .any(|line| line.starts_with("announce"))
    );
    assert_eq!(
        bench.snapshot().why,
        "address owner; 10.0.0.1/24: Permission denied"
    );
    let lines = bench.run(ms(3500));
    assert_eq!(lines.iter().filter(|l| *l == "add 10.0.0.1/24").count(), 3);
    bench.addresses = Some(Ok(()));
    let lines = bench.run(ms(600));
    assert_eq!(lines[1..], ["add 10.0.0.1/24", "announce 10.0.0.1 ×5"]);
    assert_eq!(bench.snapshot().why, "address owner");
}

#[test]
fn an_address_the_kernel_keeps_keeps_the_gate_fenced() {
    let mut bench = Bench::started(&[backup()]);
    bench.run(ms(4000));
    bench.addresses = Some(Err("Device busy".to_owned()));
    bench.hear("10.0.0.9", &owner());
    bench.lines();
    assert_eq!(bench.snapshot().gate, Gate::Fenced);
    bench.addresses = Some(Ok(()));
    assert_eq!(bench.run(ms(1000)), ["remove 10.0.0.1/24", "gate pass"]);
}

#[test]
fn a_late_acknowledgement_does_not_undo_later_news() {
    let mut bench = Bench::fresh();
    bench.addresses = None;
    bench.config(&[owner()]);
    bench.up();
    bench.lines();
    // The kernel tells of our own addition, then of somebody's removal, and only then acknowledges.
    fact(&mut bench, "10.0.0.1", true);
    fact(&mut bench, "10.0.0.1", false);
    let (id, address) = (bench.id(), "10.0.0.1/24");
    bench.applied(id, address, Operation::Install);
    assert_eq!(bench.lines(), ["add 10.0.0.1/24"]);
}

#[test]
fn an_address_on_its_way_in_when_we_are_beaten_is_removed_once_it_is_there() {
    let mut bench = Bench::started(&[backup()]);
    bench.addresses = None;
    bench.run(ms(4000));
    bench.hear("10.0.0.9", &owner());
    assert!(!bench.lines().iter().any(|line| line.starts_with("remove")));
    let (id, address) = (bench.id(), "10.0.0.1/24");
    bench.applied(id, address, Operation::Install);
    assert_eq!(bench.lines(), ["remove 10.0.0.1/24"]);
    bench.applied(id, address, Operation::Remove);
    assert_eq!(bench.lines(), ["gate pass"]);
}

#[test]
fn an_interface_takes_its_addresses_with_it() {
    let mut bench = Bench::started(&[owner()]);
    bench.addresses = Some(Err("No such device".to_owned()));
    bench.link(None);
    assert!(
        bench
            .lines()
            .ends_with(&["guard off".to_owned(), "gate pass".to_owned()])
    );
    assert_eq!(bench.snapshot().gate, Gate::Pass);
    bench.addresses = Some(Ok(()));
    bench.link(Some(link(Some("10.0.0.5"))));
    assert!(bench.lines().contains(&"add 10.0.0.1/24".to_owned()));
}
