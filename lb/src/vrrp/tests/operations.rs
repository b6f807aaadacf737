//! Whatever happens in whatever order, some things stay true.

use std::{collections::BTreeMap, time::Instant};

use proptest::prelude::*;

use super::bench::{OURS, backup, epoch, eth0, ip, line, link, ms};
use crate::{
    config::model::{AdvertInterval, InitialState, VirtualAddress, VrrpInstance},
    vrrp::{
        LinkState, Router, RxMeta,
        advert::Advertisement,
        object::{Object, ObjectKey, Operation},
        output::{Gate, InstanceId, Output, Standing, State},
    },
};

#[derive(Clone, Copy, Debug)]
enum Op {
    Wait(u64),
    Advert {
        source: u8,
        priority: u8,
        interval: u64,
    },
    Link(u8),
    Guard {
        stale: bool,
        taken: bool,
    },
    MasterDown {
        stale: bool,
    },
    LeaseLost {
        stale: bool,
    },
    Yielded {
        stale: bool,
    },
    Acknowledge {
        refuse: bool,
    },
    Address {
        last: u8,
        present: bool,
    },
    Configure {
        priority: i64,
        interval: u64,
        addresses: u8,
        preempt: bool,
        vrid: i64,
    },
    Stop,
    Adopt,
    Standing {
        adjustment: i32,
        faulty: bool,
    },
    Yield {
        time: Option<u64>,
    },
    Release,
}

fn ops() -> impl Strategy<Value = Op> {
    let stale = || prop::bool::weighted(0.2);
    prop_oneof![
        6 => (0..5000_u64).prop_map(Op::Wait),
        6 => (1..12_u8, prop::sample::select(vec![0, 50, 100, 101, 200, 255]), prop::sample::select(vec![10, 100]))
            .prop_map(|(source, priority, interval)| Op::Advert { source, priority, interval }),
        1 => (0..4_u8).prop_map(Op::Link),
        6 => (stale(), prop::bool::weighted(0.8)).prop_map(|(stale, taken)| Op::Guard { stale, taken }),
        2 => stale().prop_map(|stale| Op::MasterDown { stale }),
        2 => stale().prop_map(|stale| Op::LeaseLost { stale }),
        2 => stale().prop_map(|stale| Op::Yielded { stale }),
        8 => prop::bool::weighted(0.2).prop_map(|refuse| Op::Acknowledge { refuse }),
        2 => (0..4_u8, any::<bool>()).prop_map(|(last, present)| Op::Address { last, present }),
        1 => (1..=255_i64, 1..300_u64, 0..8_u8, any::<bool>(), 51..53_i64).prop_map(
            |(priority, interval, addresses, preempt, vrid)| Op::Configure { priority, interval, addresses, preempt, vrid }
        ),
        1 => Just(Op::Stop),
        1 => Just(Op::Adopt),
        3 => (-300..300_i32, prop::bool::weighted(0.2))
            .prop_map(|(adjustment, faulty)| Op::Standing { adjustment, faulty }),
        1 => prop::option::of(0..9000_u64).prop_map(|time| Op::Yield { time }),
        1 => Just(Op::Release),
    ]
}

/// What the outside has seen of one instance.
#[derive(Debug)]
struct Seen {
    state: State,
    gate: Gate,
    epoch: u32,
    pending: Vec<(Object, Operation)>,
}

struct World {
    router: Router,
    now: Instant,
    kernel: BTreeMap<VirtualAddress, bool>,
    seen: BTreeMap<InstanceId, Seen>,
}

impl World {
    fn new() -> Self {
        Self {
            router: Router::new(),
            now: epoch(),
            kernel: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    fn current(&self) -> Option<(InstanceId, u32)> {
        let id = self.router.instance_id("VI_1")?;
        Some((id, self.seen.get(&id).map_or(0, |seen| seen.epoch)))
    }

    fn apply(&mut self, op: Op) {
        let now = self.now;
        match op {
            Op::Wait(time) => {
                let end = now + ms(time);
                while let Some((when, why)) =
                    self.router.poll_timeout().filter(|(when, _)| *when <= end)
                {
                    assert!(
                        when > self.now || why != "advert" || when == now,
                        "a timer in the past: {why}"
                    );
                    self.now = self.now.max(when);
                    self.router.handle_timeout(self.now);
                    self.drain();
                }
                self.now = end;
            }
            Op::Advert {
                source,
                priority,
                interval,
            } => {
                let interval = AdvertInterval::from_centiseconds(interval).unwrap();
                let config = VrrpInstance {
                    advert_interval: interval,
                    ..backup()
                };
                let rx = RxMeta {
                    interface: eth0(),
                    source: ip(&format!("10.0.0.{source}")),
                    ttl: 255,
                };
                self.router
                    .handle_advert(&rx, &Advertisement::of(&config, priority), now);
            }
            Op::Link(kind) => {
                let state = match kind {
                    0 => None,
                    1 => Some(LinkState {
                        up: false,
                        ..link(Some(OURS))
                    }),
                    2 => Some(link(None)),
                    _ => Some(link(Some(OURS))),
                };
                if state.is_none() {
                    self.kernel.clear();
                }
                self.router.handle_link(&eth0(), state, now);
            }
            Op::Configure {
                priority,
                interval,
                addresses,
                preempt,
                vrid,
            } => {
                self.configure(priority, interval, addresses, preempt, vrid);
            }
            Op::Stop => self.router.handle_config(&[], &[], now),
            Op::Standing { .. } | Op::Yield { .. } | Op::Release => self.apply_wish(op),
            Op::Acknowledge { refuse } => self.acknowledge(refuse),
            Op::Address { last, present } => {
                let address = line(&format!("10.0.0.{last}/24"));
                self.kernel.insert(address.clone(), present);
                self.router
                    .handle_address(&eth0(), address.address, 24, present, now);
            }
            Op::Guard { .. }
            | Op::MasterDown { .. }
            | Op::LeaseLost { .. }
            | Op::Yielded { .. }
            | Op::Adopt => {
                self.apply_event(op);
            }
        }
    }

    fn apply_wish(&mut self, op: Op) {
        let now = self.now;
        match op {
            Op::Standing { adjustment, faulty } => {
                let faults = faulty
                    .then(|| "script down".to_owned())
                    .into_iter()
                    .collect();
                let standing = Standing { adjustment, faults };
                self.router.handle_standing("VI_1", &standing, now);
            }
            Op::Yield { time } => {
                self.router.handle_yield("VI_1", time.map(ms), now);
            }
            Op::Release => {
                self.router.handle_release("VI_1", now);
            }
            _ => {}
        }
    }

    fn apply_event(&mut self, op: Op) {
        let now = self.now;
        let Some((id, epoch)) = self.current() else {
            return;
        };
        let of = |stale: bool| epoch.wrapping_sub(u32::from(stale));
        match op {
            Op::Guard { stale, taken } => self.router.handle_guard(id, of(stale), taken, now),
            Op::MasterDown { stale } => self.router.handle_master_down(id, of(stale), now),
            Op::LeaseLost { stale } => self.router.handle_lease_lost(id, of(stale), now),
            Op::Yielded { stale } => self.router.handle_yielded(id, of(stale), now),
            _ => self.router.handle_adopted(id, now),
        }
    }

    fn configure(&mut self, priority: i64, interval: u64, addresses: u8, preempt: bool, vrid: i64) {
        let addresses = (0..4).filter(|bit| addresses & (1 << bit) != 0);
        let config = VrrpInstance {
            priority: priority.try_into().unwrap(),
            state: if preempt {
                InitialState::Master
            } else {
                InitialState::Backup
            },
            vrid: vrid.try_into().unwrap(),
            advert_interval: AdvertInterval::from_centiseconds(interval).unwrap(),
            addresses: addresses
                .map(|last| line(&format!("10.0.0.{last}/24")))
                .collect(),
            preempt,
            ..backup()
        };
        self.router.handle_config(&[config], &[], self.now);
    }

    fn acknowledge(&mut self, refuse: bool) {
        let pending = self
            .seen
            .iter_mut()
            .find(|(_, seen)| !seen.pending.is_empty());
        let Some((id, seen)) = pending else { return };
        let (object, operation) = seen.pending.remove(0);
        let result = if refuse {
            Err("refused".to_owned())
        } else {
            Ok(())
        };
        let (now, id) = (self.now, *id);
        self.router
            .handle_applied(id, &object, operation, result, now);
        if let ObjectKey::Address(address) = object.key()
            && !refuse
        {
            // The monitor tells everybody.
            let added = operation == Operation::Install;
            self.kernel.insert(address.clone(), added);
            self.router
                .handle_address(&eth0(), address.address, 24, added, now);
        }
    }

    /// Carries the outputs out, checking each.
    fn drain(&mut self) {
        while let Some(output) = self.router.poll_output() {
            let id = match output {
                Output::SendAdvert { instance, .. }
                | Output::SetGuard { instance, .. }
                | Output::SetGate { instance, .. }
                | Output::Install { instance, .. }
                | Output::Remove { instance, .. }
                | Output::Announce { instance, .. }
                | Output::Transition { instance, .. }
                | Output::Removed { instance } => instance,
                Output::Yielding { .. } | Output::Notice(_) => continue,
            };
            let fresh = || Seen {
                state: State::Init,
                gate: Gate::Pass,
                epoch: 0,
                pending: vec![],
            };
            let seen = self.seen.entry(id).or_insert_with(fresh);
            match output {
                Output::SendAdvert { instance, .. } => {
                    self.router.handle_advert_sent(instance, true, self.now);
                }
                Output::SetGuard { epoch, .. } => {
                    assert!(epoch > seen.epoch, "an epoch came again");
                    seen.epoch = epoch;
                }
                Output::SetGate { gate, .. } => seen.gate = gate,
                Output::Install { object, .. } => {
                    assert!(
                        seen.pending.iter().all(|(other, _)| *other != object),
                        "two operations at once"
                    );
                    assert_eq!(
                        seen.gate,
                        Gate::Open,
                        "added an address behind a closed gate"
                    );
                    seen.pending.push((object, Operation::Install));
                }
                Output::Remove { object, .. } => {
                    assert!(
                        seen.pending.iter().all(|(other, _)| *other != object),
                        "two operations at once"
                    );
                    seen.pending.push((object, Operation::Remove));
                }
                Output::Announce { .. } => {
                    assert_eq!(seen.gate, Gate::Open, "announced behind a closed gate");
                }
                Output::Transition { from, to, .. } => {
                    assert_eq!(
                        (from, from == to),
                        (seen.state, false),
                        "a transition out of the blue"
                    );
                    seen.state = to;
                }
                Output::Yielding { .. } | Output::Notice(_) => {}
                Output::Removed { .. } => {
                    assert!(
                        seen.pending.is_empty() && seen.gate == Gate::Pass,
                        "removed too early"
                    );
                    self.seen.remove(&id);
                }
            }
        }
    }

    /// What holds between two inputs.
    fn check(&self) {
        for snapshot in self.router.snapshot(self.now) {
            assert_eq!(
                snapshot.gate == Gate::Open,
                snapshot.state == State::Master,
                "{snapshot:?}"
            );
        }
        for (id, seen) in &self.seen {
            let instance = self.router.instance(*id).expect("seen until removed");
            assert_eq!(instance.state(), seen.state);
            let due = instance.next_timeout();
            let live = self.router.instance_id("VI_1") == Some(*id);
            let config = instance.config();
            match instance.state() {
                State::Master => {
                    let soonest = self.now + config.advert_interval.get();
                    assert!(
                        instance.is_parting() || due.is_some_and(|(when, _)| when <= soonest),
                        "a master forgets to advertise"
                    );
                    assert!(instance.source().is_some());
                }
                State::Backup => {
                    let carried = instance.snapshot(self.now).kernel_heartbeat;
                    assert!(carried || due.is_some(), "nobody waits for the master");
                    assert!(
                        !carried || due.is_none_or(|(_, why)| why != "master_down"),
                        "both wait for the master"
                    );
                }
                State::Init | State::Fault => assert!(
                    !live || instance.source().is_none() || instance.has_fault(),
                    "idle for no reason"
                ),
            }
            let has = |address: &VirtualAddress| self.kernel.get(address).copied().unwrap_or(false);
            if seen.gate == Gate::Pass && instance.state() != State::Init {
                assert!(
                    !config.addresses.iter().any(has),
                    "lets packets by to an address of its own"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_sequence_of_inputs_upholds_the_invariants(sequence in prop::collection::vec(ops(), 1..120)) {
        let mut world = World::new();
        world.configure(100, 100, 0b0110, true, 51);
        world.router.handle_link(&eth0(), Some(link(Some(OURS))), world.now);
        world.drain();
        for op in sequence {
            world.apply(op);
            world.drain();
            world.check();
        }
        world.settle_down();
    }
}

impl World {
    /// Stopped, and with a kernel that does what it is told, everything is gone within two retries.
    fn settle_down(&mut self) {
        self.router.handle_config(&[], &[], self.now);
        for _ in 0..6 {
            self.drain();
            while self.seen.values().any(|seen| !seen.pending.is_empty()) {
                self.acknowledge(false);
                self.drain();
            }
            self.now += ms(1000);
            self.router.handle_timeout(self.now);
        }
        self.drain();
        assert!(self.router.is_empty(), "{:?}", self.seen);
    }
}
