//! Addresses, routes and rules: what the kernel has of them is what the state calls for.

use std::time::Duration;

use super::bench::{Bench, backup, eth0, ip, line, ms, owner, priority};
use crate::{
    config::model::{
        Config, Family, VrrpInstance,
        address::AddressLine,
        route::{Named, Prefix, Route},
        rule::{Rule, RuleAction},
    },
    vrrp::{
        Statics,
        object::{Object, Operation},
        output::State,
    },
};

fn route(destination: &str, via: &str) -> Route {
    let (address, length) = destination.split_once('/').unwrap();
    Route {
        via: Some(ip(via)),
        interface: Some(eth0()),
        ..Route::new(Prefix {
            address: ip(address),
            length: length.parse::<i64>().unwrap().try_into().unwrap(),
        })
    }
}

fn rule(preference: u32) -> Rule {
    Rule::new(
        Family::V4,
        preference,
        RuleAction::Table(Named::Number(100)),
    )
}

/// The owner with an address, an excluded one, a route and a rule.
fn rich() -> VrrpInstance {
    VrrpInstance {
        excluded: vec![AddressLine::new(line("10.0.1.1/24"))],
        routes: vec![route("10.9.0.0/16", "10.0.0.254")],
        rules: vec![rule(100)],
        ..owner()
    }
}

/// The lines about objects, each by its first words.
fn changes(lines: Vec<String>) -> Vec<String> {
    let lines = lines.into_iter().filter(|line| {
        ["add ", "remove ", "replace "]
            .iter()
            .any(|verb| line.starts_with(verb))
    });
    lines
        .map(|line| {
            let words: Vec<&str> = line.split(' ').take(5).collect();
            words.join(" ")
        })
        .collect()
}

/// A MASTER waits for its successor no longer than this.
const FAREWELL: Duration = Duration::from_secs(3);

fn key_of_route() -> crate::vrrp::object::ObjectKey {
    Object::from(route("10.9.0.0/16", "10.0.0.254")).key()
}

#[test]
fn addresses_come_before_routes_and_rules_and_go_after_them() {
    let mut bench = Bench::fresh();
    bench.config(&[rich()]);
    bench.up();
    let come = changes(bench.lines());
    bench.config(&[]);
    let go = changes(bench.run(FAREWELL));
    assert_eq!(
        come,
        [
            "add 10.0.0.1/24",
            "add 10.0.1.1/24",
            "add route 10.9.0.0/16 via inet",
            "add rule table 100 preference",
        ]
    );
    assert_eq!(
        go,
        [
            "remove rule table 100 preference",
            "remove route 10.9.0.0/16 via inet",
            "remove 10.0.1.1/24",
            "remove 10.0.0.1/24",
        ]
    );
    assert!(bench.router.is_empty());
}

#[test]
fn an_excluded_address_is_announced_and_not_said_in_adverts() {
    let mut bench = Bench::fresh();
    bench.config(&[rich()]);
    bench.up();
    let lines = bench.lines();
    let announced = lines.iter().filter(|line| *line == "announce 10.0.1.1");
    assert_eq!(announced.count(), 5, "{lines:?}");
    assert_eq!(bench.snapshot().addresses, ["10.0.0.1/24"]);
    assert_eq!(bench.snapshot().installed, ["10.0.0.1/24", "10.0.1.1/24"]);
}

#[test]
fn a_route_somebody_removes_is_put_back_and_we_stay_master() {
    let mut bench = Bench::started(&[rich()]);
    let now = bench.now;
    bench.router.handle_object(&key_of_route(), false, now);
    assert_eq!(changes(bench.lines()), ["add route 10.9.0.0/16 via inet"]);
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn what_is_not_tracked_is_left_alone() {
    let mut config = rich();
    config.routes[0].is_tracked = false;
    let mut bench = Bench::started(&[config]);
    let now = bench.now;
    bench.router.handle_object(&key_of_route(), false, now);
    assert_eq!(changes(bench.lines()), Vec::<String>::new());
    bench.config(&[]);
    let go = changes(bench.run(FAREWELL));
    assert_eq!(go.len(), 4, "and still removed in the end");
}

#[test]
fn what_is_not_tracked_goes_from_one_owner_to_another_in_one_reload() {
    let mut config = rich();
    config.routes[0].is_tracked = false;
    let mut bench = Bench::started(&[config.clone()]);
    let other = VrrpInstance {
        name: "other".to_owned(),
        vrid: 7.try_into().unwrap(),
        addresses: vec![line("10.0.0.77/24")],
        excluded: Vec::new(),
        routes: Vec::new(),
        rules: Vec::new(),
        ..config.clone()
    };
    bench.config(&[config.clone(), other.clone()]);
    bench.run(ms(5000));
    let [mut without, mut with] = [config, other];
    with.routes = std::mem::take(&mut without.routes);
    bench.config(&[without, with]);
    let moved = changes(bench.run(ms(1000)));
    assert_eq!(
        moved,
        [
            "remove route 10.9.0.0/16 via inet",
            "add route 10.9.0.0/16 via inet"
        ]
    );
}

#[test]
fn what_was_the_nodes_is_an_instances_and_the_other_way_round() {
    let mut config = rich();
    config.routes[0].is_tracked = false;
    let mut bench = Bench::started(&[config.clone()]);
    let now = bench.now;
    bench.router.handle_withdrawn(&key_of_route(), now);
    assert_eq!(changes(bench.lines()), ["add route 10.9.0.0/16 via inet"]);
    let mut machine = Statics::new();
    let node = Config {
        static_routes: config.routes,
        ..Config::default()
    };
    machine.handle_config(&node, &[key_of_route()].into());
    assert_eq!(carry_out(&mut machine, &bench, &Ok(())), [""; 0]);
    machine.handle_withdrawn(&key_of_route());
    assert_eq!(carry_out(&mut machine, &bench, &Ok(())), ["Install route"]);
}

#[test]
fn a_route_of_a_backup_that_somebody_else_wants_stays() {
    let mut bench = Bench::started(&[priority(rich(), 100)]);
    bench.hear("10.0.0.9", &owner());
    bench.lines();
    let now = bench.now;
    bench.router.handle_object(&key_of_route(), true, now);
    assert_eq!(bench.lines(), Vec::<String>::new());
}

#[test]
fn a_route_left_by_an_earlier_daemon_is_taken_away_by_a_backup() {
    let mut bench = Bench::fresh();
    bench.config(&[VrrpInstance {
        routes: rich().routes,
        ..backup()
    }]);
    let now = bench.now;
    bench.router.handle_object(&key_of_route(), true, now);
    bench.up();
    assert_eq!(
        changes(bench.lines()),
        ["remove route 10.9.0.0/16 via inet"]
    );
}

#[test]
fn another_gateway_takes_the_place_of_the_old_one() {
    let mut bench = Bench::started(&[rich()]);
    bench.config(&[VrrpInstance {
        routes: vec![route("10.9.0.0/16", "10.0.0.253")],
        ..rich()
    }]);
    assert_eq!(
        changes(bench.lines()),
        ["replace route 10.9.0.0/16 via inet"]
    );
    let objects = bench.snapshot().objects;
    let there = objects.iter().filter(|object| object.installed);
    assert_eq!((there.count(), objects.len()), (4, 4), "{objects:?}");
}

#[test]
fn another_attribute_of_a_route_is_replaced_in_place() {
    let mut bench = Bench::started(&[rich()]);
    let mut config = rich();
    config.routes[0].metrics.window = Some(1000);
    bench.config(&[config]);
    assert_eq!(
        changes(bench.lines()),
        ["replace route 10.9.0.0/16 via inet"]
    );
    bench.run(ms(3000));
    assert_eq!(changes(bench.lines()), Vec::<String>::new());
}

#[test]
fn of_two_routes_in_one_spot_the_changed_one_goes_and_comes_again() {
    let two = |window| {
        let mut first = route("10.9.0.0/16", "10.0.0.254");
        first.metrics.window = window;
        VrrpInstance {
            routes: vec![first, route("10.9.0.0/16", "10.0.0.253")],
            ..rich()
        }
    };
    let mut bench = Bench::started(&[two(None)]);
    bench.config(&[two(Some(1000))]);
    assert_eq!(
        changes(bench.lines()),
        [
            "remove route 10.9.0.0/16 via inet",
            "add route 10.9.0.0/16 via inet"
        ]
    );
}

#[test]
fn a_replacement_the_kernel_refuses_lets_the_old_one_go() {
    let mut bench = Bench::started(&[rich()]);
    bench.addresses = Some(Err("Network is unreachable".to_owned()));
    bench.config(&[VrrpInstance {
        routes: vec![route("10.9.0.0/16", "10.0.0.253")],
        ..rich()
    }]);
    let lines = changes(bench.lines());
    assert_eq!(lines[0], "replace route 10.9.0.0/16 via inet");
    assert_eq!(lines[1], "remove route 10.9.0.0/16 via inet");
    let why = bench.snapshot().why;
    assert!(
        why.contains("route 10.9.0.0/16") && why.ends_with("Network is unreachable"),
        "{why}"
    );
}

#[test]
fn a_new_rule_comes_before_the_old_one_goes() {
    let mut bench = Bench::started(&[rich()]);
    bench.config(&[VrrpInstance {
        rules: vec![rule(200)],
        ..rich()
    }]);
    let lines = changes(bench.lines());
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("add rule") && lines[1].starts_with("remove rule"));
}

#[test]
fn another_label_of_an_ipv4_address_needs_a_new_address() {
    let mut bench = Bench::started(&[owner()]);
    let mut config = owner();
    let mut options = AddressLine::new(line("10.0.0.1/24")).options;
    options.label = Some("eth0:vip".to_owned());
    config.address_options = vec![options];
    bench.config(&[config]);
    assert_eq!(
        changes(bench.lines()),
        ["remove 10.0.0.1/24", "add 10.0.0.1/24"]
    );
}

#[test]
fn another_way_of_tracking_is_nothing_to_the_kernel() {
    let mut bench = Bench::started(&[rich()]);
    let mut config = rich();
    config.routes[0].is_tracked = false;
    bench.config(&[config]);
    assert_eq!(changes(bench.lines()), Vec::<String>::new());
}

fn statics(group: Option<&str>) -> Config {
    let mut address = AddressLine::new(line("10.7.0.1/24"));
    address.options.track_group = group.map(str::to_owned);
    Config {
        static_addresses: vec![address],
        static_routes: vec![route("10.8.0.0/16", "10.7.0.254")],
        ..Config::default()
    }
}

const fn kind(object: &Object) -> &'static str {
    match object {
        Object::Address(_) => "address",
        Object::Route(_) => "route",
        Object::Rule(_) => "rule",
    }
}

/// Carries out what waits; says what it was.
fn carry_out(statics: &mut Statics, bench: &Bench, result: &Result<(), String>) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(step) = statics.poll_output() {
        lines.push(format!("{:?} {}", step.operation, kind(&step.object)));
        statics.handle_applied(&step.object, step.operation, result.clone(), bench.now);
    }
    lines
}

#[test]
fn static_objects_are_there_until_the_stop() {
    let bench = Bench::fresh();
    let mut machine = Statics::new();
    machine.handle_config(&statics(None), &std::collections::BTreeSet::new());
    let come = carry_out(&mut machine, &bench, &Ok(()));
    let address = Object::from(line("10.7.0.1/24"));
    machine.handle_object(&address.key(), false);
    let again = carry_out(&mut machine, &bench, &Ok(()));
    machine.handle_stop();
    let go = carry_out(&mut machine, &bench, &Ok(()));
    assert_eq!(come, ["Install address", "Install route"]);
    assert_eq!(again, ["Install address"]);
    assert_eq!(go, ["Remove route", "Remove address"]);
    assert!(machine.is_clear());
}

#[test]
fn static_objects_that_are_there_already_are_not_touched() {
    let bench = Bench::fresh();
    let mut machine = Statics::new();
    let config = statics(None);
    let there = Object::of_node(&config)
        .map(|object| object.key())
        .collect();
    machine.handle_config(&config, &there);
    assert_eq!(carry_out(&mut machine, &bench, &Ok(())), [""; 0]);
}

#[test]
fn a_refused_static_object_is_tried_every_second_and_its_group_is_told() {
    let mut bench = Bench::fresh();
    let mut machine = Statics::new();
    machine.handle_config(&statics(Some("G")), &std::collections::BTreeSet::new());
    let refused = Err("No such device".to_owned());
    carry_out(&mut machine, &bench, &refused);
    assert_eq!(machine.groups().get("G"), Some(&false));
    bench.now = machine.poll_timeout().unwrap();
    machine.handle_timeout(bench.now);
    assert_eq!(carry_out(&mut machine, &bench, &Ok(())).len(), 2);
    assert_eq!(machine.groups().get("G"), Some(&true));
    assert_eq!(machine.poll_groups(), Some(machine.groups()));
    assert_eq!(machine.poll_groups(), None);
    assert_eq!(machine.poll_timeout(), None);
}

#[test]
fn an_operation_under_way_is_not_asked_for_again() {
    let mut machine = Statics::new();
    machine.handle_config(&statics(None), &std::collections::BTreeSet::new());
    let first = machine.poll_output().unwrap();
    assert_eq!(first.operation, Operation::Install);
    machine.handle_config(&statics(None), &std::collections::BTreeSet::new());
    machine.poll_output().unwrap();
    assert_eq!(machine.poll_output(), None);
}
