use super::*;
use crate::{
    config::model::{Family, Vrid, vrrp::MacAddress},
    vrrp::{
        tests::bench::epoch,
        virtual_interface::{Families, Kind, Source},
    },
};

fn name(text: &str) -> InterfaceName {
    text.to_owned().try_into().unwrap()
}

fn wanted(text: &str, vrid: i64) -> VirtualInterface {
    let vrid: Vrid = vrid.try_into().unwrap();
    VirtualInterface {
        name: name(text),
        base: name("eth0"),
        kind: Kind::Macvlan(MacAddress::of_router(Family::V4, vrid)),
        group: None,
        families: Families {
            v4: true,
            v6: false,
        },
        source: Source::None,
        repeats_base: false,
    }
}

struct Bench {
    machine: VirtualInterfaces,
    now: Instant,
}

impl Bench {
    fn of(wanted: &[&VirtualInterface]) -> Self {
        let now = epoch();
        let mut bench = Self {
            machine: VirtualInterfaces::new(),
            now,
        };
        bench.config(wanted);
        bench
    }

    fn config(&mut self, wanted: &[&VirtualInterface]) {
        let named = wanted.iter().map(|of| (of.name.clone(), (*of).clone()));
        self.machine.handle_config(named.collect());
    }

    /// What is asked for when everything is found like this.
    fn found(&mut self, found: Found) -> Vec<String> {
        self.machine.handle_links(|_| found, self.now);
        self.steps()
    }

    fn steps(&mut self) -> Vec<String> {
        let steps = std::iter::from_fn(|| self.machine.poll_output());
        let spell = |step| match step {
            Step::Make(of) => format!("make {}", of.name),
            Step::Remove(name) => format!("remove {name}"),
        };
        steps.map(spell).collect()
    }

    fn made(&mut self, of: &VirtualInterface, result: Result<(), &str>) {
        let result = result.map_err(str::to_owned);
        let step = Step::Make(of.clone());
        self.machine.handle_done(&step, result, self.now);
    }

    fn removed(&mut self, of: &VirtualInterface) {
        let step = Step::Remove(of.name.clone());
        self.machine.handle_done(&step, Ok(()), self.now);
    }
}

#[test]
fn what_is_missing_is_made_and_what_is_there_is_finished_once() {
    for found in [Found::Nothing, Found::Unfinished, Found::Same] {
        let of = wanted("vrrp.1", 1);
        let mut bench = Bench::of(&[&of]);
        assert_eq!(
            bench.found(Found::NoBase),
            [""; 0],
            "there is nothing to put it on"
        );
        assert!(bench.machine.is_idle());
        assert_eq!(bench.found(found), ["make vrrp.1"], "{found:?}");
        assert!(!bench.machine.is_idle());
        assert_eq!(bench.found(found), [""; 0], "it is under way");
        bench.made(&of, Ok(()));
        assert_eq!(bench.found(Found::Same), [""; 0]);
        assert_eq!(bench.found(Found::Unfinished), ["make vrrp.1"]);
    }
}

#[test]
fn what_goes_with_the_interface_below_or_is_removed_by_somebody_comes_back() {
    let of = wanted("vrrp.1", 1);
    let mut bench = Bench::of(&[&of]);
    bench.found(Found::Nothing);
    bench.made(&of, Ok(()));
    assert_eq!(bench.found(Found::NoBase), [""; 0]);
    assert_eq!(bench.found(Found::Nothing), ["make vrrp.1"]);
    bench.made(&of, Ok(()));
    assert_eq!(bench.found(Found::Nothing), ["make vrrp.1"]);
}

#[test]
fn a_refusal_is_told_and_asked_again_after_a_second() {
    let of = wanted("vrrp.1", 1);
    let mut bench = Bench::of(&[&of]);
    bench.found(Found::Nothing);
    bench.made(&of, Err("Operation not supported"));
    assert_eq!(
        bench.machine.refusal(&of.name),
        Some("Operation not supported")
    );
    assert_eq!(bench.machine.poll_timeout(), Some(bench.now + RETRY));
    assert_eq!(bench.found(Found::Nothing), [""; 0]);
    bench.now += RETRY;
    assert_eq!(bench.found(Found::Nothing), ["make vrrp.1"]);
    bench.made(&of, Ok(()));
    assert_eq!(bench.machine.refusal(&of.name), None);
    assert_eq!(bench.machine.poll_timeout(), None);
}

#[test]
fn what_somebody_else_made_under_the_name_is_left_alone() {
    let of = wanted("vrrp.1", 1);
    let mut bench = Bench::of(&[&of]);
    assert_eq!(bench.found(Found::Other), [""; 0]);
    let why = bench.machine.refusal(&of.name).unwrap();
    assert_eq!(why, "vrrp.1 is there, and is something else");
    bench.config(&[]);
    assert_eq!(bench.steps(), [""; 0], "it is not ours to remove");
}

#[test]
fn a_reload_removes_what_is_not_wanted_and_replaces_what_is_wanted_otherwise() {
    let (one, two) = (wanted("vrrp.1", 1), wanted("vrrp.2", 2));
    let mut bench = Bench::of(&[&one, &two]);
    bench.found(Found::Nothing);
    bench.made(&one, Ok(()));
    bench.made(&two, Ok(()));
    bench.config(&[&two]);
    assert_eq!(bench.steps(), ["remove vrrp.1"]);
    bench.removed(&one);
    assert!(bench.machine.is_idle());
    let other = wanted("vrrp.2", 3);
    bench.config(&[&other]);
    assert_eq!(bench.steps(), ["remove vrrp.2"]);
    assert_eq!(bench.found(Found::Other), [""; 0], "the old one is leaving");
    bench.removed(&two);
    assert_eq!(bench.found(Found::Nothing), ["make vrrp.2"]);
    bench.made(&other, Ok(()));
    let more = VirtualInterface {
        families: Families { v4: true, v6: true },
        ..other.clone()
    };
    bench.config(&[&more]);
    assert_eq!(
        bench.found(Found::Same),
        ["make vrrp.2"],
        "it is finished, not replaced"
    );
}

#[test]
fn a_stop_removes_what_was_made_here() {
    let (one, two) = (wanted("vrrp.1", 1), wanted("vrrp.2", 2));
    let mut bench = Bench::of(&[&one, &two]);
    bench.found(Found::Nothing);
    bench.made(&one, Ok(()));
    bench.made(&two, Err("no"));
    bench.machine.handle_stop();
    assert_eq!(bench.steps(), ["remove vrrp.1"]);
    bench.removed(&one);
    assert!(bench.machine.is_idle());
}

#[test]
fn changes_of_links_are_gathered() {
    let of = wanted("vrrp.1", 1);
    let mut bench = Bench::of(&[&of]);
    bench.found(Found::Nothing);
    bench.made(&of, Ok(()));
    assert_eq!(bench.machine.poll_timeout(), None);
    bench.machine.handle_change(bench.now);
    bench.machine.handle_change(bench.now + GATHER / 2);
    assert_eq!(bench.machine.poll_timeout(), Some(bench.now + GATHER));
    assert!(bench.machine.has_news());
    bench.found(Found::Same);
    assert!(!bench.machine.has_news());
    assert_eq!(bench.machine.poll_timeout(), None);
}
