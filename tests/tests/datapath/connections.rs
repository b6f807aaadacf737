//! Connections: schedulers that count them, against a model of IPVS's; thresholds; sweeping.

use std::collections::BTreeMap;

use lb::io::xdp::Swept;
use lb_common::{
    connection::DestLimits,
    dest::{FORWARD_DIRECT_ROUTE, FORWARD_NAT},
    flow::{FLOW_CLOSING, FLOW_ESTABLISHED},
    service::{
        SCHEDULER_LC, SCHEDULER_MH_COUNTED, SCHEDULER_NQ, SCHEDULER_OVF, SCHEDULER_RR,
        SCHEDULER_SED, SCHEDULER_WLC, SERVICE_FALLBACK,
    },
};
use tests::{
    packet::{ACK, FIN, SYN},
    prog::{PASS, Plane, TX},
};

use crate::scene::{DESTS, Scene, all, dest_of};

/// TCP in both families, for one scheduler and method.
fn scenes(scheduler: u8, method: u8) -> impl Iterator<Item = Scene> {
    all()
        .filter(|scene| scene.scheduler == SCHEDULER_RR && scene.protocol == 6)
        .filter(move |scene| scene.method == method)
        .map(move |scene| Scene { scheduler, ..scene })
}

fn limits(weight: u32) -> DestLimits {
    DestLimits {
        weight,
        ..DestLimits::default()
    }
}

/// Where the packet went; `None` where it was the kernel's.
fn sent(plane: &mut Plane, scene: Scene, number: u16, flags: u8) -> Option<u16> {
    let answer = plane.xdp(&scene.packet(number, flags).bytes());
    assert!(answer.verdict == TX || answer.verdict == PASS, "{scene:?}");
    (answer.verdict == TX).then(|| dest_of(&answer.packet))
}

/// IPVS's formulas, over dests in the order of its list.
struct Model {
    scheduler: u8,
    dests: Vec<Real>,
}

struct Real {
    id: u16,
    weight: u64,
    active: u64,
    inactive: u64,
}

impl Model {
    fn of(&mut self, id: u16) -> &mut Real {
        let mut dests = self.dests.iter_mut();
        dests.find(|dest| dest.id == id).unwrap()
    }

    fn choose(&self) -> Option<u16> {
        let takers = || self.dests.iter().filter(|dest| dest.weight > 0);
        let overhead = |dest: &Real| match self.scheduler {
            SCHEDULER_LC | SCHEDULER_WLC => (dest.active << 8) + dest.inactive,
            _ => dest.active + 1,
        };
        match self.scheduler {
            SCHEDULER_OVF => {
                let free = takers().filter(|dest| dest.active <= dest.weight);
                let most = free.clone().map(|dest| dest.weight).max()?;
                let mut heaviest = free.filter(|dest| dest.weight == most);
                heaviest.next().map(|dest| dest.id)
            }
            SCHEDULER_NQ if takers().any(|dest| dest.active == 0) => {
                takers().find(|dest| dest.active == 0).map(|dest| dest.id)
            }
            _ => {
                let weight = |dest: &Real| match self.scheduler {
                    SCHEDULER_LC => 1,
                    _ => dest.weight,
                };
                let better = |best: &Real, dest: &Real| {
                    overhead(best) * weight(dest) > overhead(dest) * weight(best)
                };
                let least = |best, dest| if better(best, dest) { dest } else { best };
                takers().reduce(least).map(|dest| dest.id)
            }
        }
    }
}

/// What a client's connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open(u16),
    Closing(u16),
}

/// Lets clients open and close connections at random; each new one must go where the model says.
fn agree(scene: Scene, weights: [u32; 3], connections: u32) {
    // So few that no bucket is too small for them.
    let clients = if scene.family == 4 { 120 } else { 20 };
    let mut plane = scene.plane();
    for (id, weight) in DESTS.into_iter().zip(weights) {
        plane.set_limits(id, limits(weight));
    }
    let dests = DESTS.into_iter().zip(weights).map(|(id, weight)| Real {
        id,
        weight: weight.into(),
        active: 0,
        inactive: 0,
    });
    let mut model = Model {
        scheduler: scene.scheduler,
        dests: dests.collect(),
    };
    let mut rng = fastrand::Rng::with_seed(7);
    let mut states: BTreeMap<u16, State> = BTreeMap::new();
    let mut begun = 0;
    while begun < connections {
        let client = rng.u16(..clients);
        match states.get(&client).copied() {
            Some(State::Open(id)) if rng.u8(..10) < 4 => {
                assert_eq!(sent(&mut plane, scene, client, FIN | ACK), Some(id));
                model.of(id).active -= 1;
                model.of(id).inactive += 1;
                states.insert(client, State::Closing(id));
            }
            Some(State::Open(id)) => {
                assert_eq!(sent(&mut plane, scene, client, ACK), Some(id));
            }
            before => {
                let expected = model.choose();
                let chosen = sent(&mut plane, scene, client, SYN);
                assert_eq!(chosen, expected, "{scene:?} connection {begun}");
                begun += 1;
                if let (Some(id), Some(State::Closing(before))) = (chosen, before) {
                    model.of(before).inactive -= 1;
                    model.of(id).active += 1;
                    states.insert(client, State::Open(id));
                } else if let Some(id) = chosen {
                    model.of(id).active += 1;
                    states.insert(client, State::Open(id));
                }
            }
        }
    }
    for dest in &model.dests {
        let counted = plane.connections(dest.id);
        let counted = (u64::from(counted.active), u64::from(counted.inactive));
        assert_eq!(
            counted,
            (dest.active, dest.inactive),
            "{scene:?} {}",
            dest.id
        );
    }
}

#[test]
fn schedulers_that_count_connections_choose_as_ipvs_does() {
    let schedulers = [
        (SCHEDULER_LC, [1, 1, 1]),
        (SCHEDULER_LC, [3, 0, 1]),
        (SCHEDULER_WLC, [3, 2, 1]),
        (SCHEDULER_SED, [5, 2, 1]),
        (SCHEDULER_NQ, [5, 2, 1]),
        (SCHEDULER_OVF, [9, 30, 4]),
    ];
    for (scheduler, weights) in schedulers {
        for scene in scenes(scheduler, FORWARD_DIRECT_ROUTE) {
            let connections = if scene.family == 4 { 100_000 } else { 5_000 };
            agree(scene, weights, connections);
        }
    }
}

#[test]
fn nat_replies_close_connections_too() {
    for scene in scenes(SCHEDULER_LC, FORWARD_NAT) {
        let mut plane = scene.plane();
        for id in DESTS {
            plane.set_limits(id, limits(1));
        }
        let id = sent(&mut plane, scene, 1, SYN).unwrap();
        assert_eq!(plane.connections(id).active, 1);
        let _ = plane.xdp(&scene.reply(1, id, FIN | ACK).bytes());
        let after = plane.connections(id);
        assert_eq!((after.active, after.inactive), (0, 1), "{scene:?}");
    }
}

#[test]
fn a_dest_at_its_upper_threshold_takes_none_until_it_falls_below_the_lower() {
    for scene in scenes(SCHEDULER_RR, FORWARD_DIRECT_ROUTE) {
        for (lower, free_at) in [(2, 1), (0, 2)] {
            let mut plane = scene.plane();
            let [limited, ..] = DESTS;
            plane.set_limits(
                limited,
                DestLimits {
                    weight: 1,
                    upper: 4,
                    lower,
                    pad: 0,
                },
            );
            let count = |plane: &mut Plane, clients: std::ops::Range<u16>| {
                let to = clients.map(|client| sent(plane, scene, client, SYN));
                to.filter(|to| *to == Some(limited)).count()
            };
            assert_eq!(count(&mut plane, 0..60), 4, "{scene:?}");
            assert_eq!(plane.connections(limited).overloaded, 1);
            // Those that end one by one.
            let mut own: Vec<u16> = (0..60)
                .filter(|client| sent(&mut plane, scene, *client, ACK) == Some(limited))
                .collect();
            while plane.connections(limited).active > free_at {
                assert_eq!(plane.connections(limited).overloaded, 1, "{scene:?}");
                let client = own.pop().unwrap();
                let _ = sent(&mut plane, scene, client, FIN | ACK);
                plane.age_flows(130);
                // Those that go on are young again.
                for client in 0..60 {
                    let _ = sent(&mut plane, scene, client, ACK);
                }
                plane.sweep();
            }
            assert_eq!(plane.connections(limited).overloaded, 0, "{scene:?}");
            assert!(count(&mut plane, 100..160) > 0, "{scene:?}");
        }
    }
}

#[test]
fn where_all_are_at_their_threshold_nobody_takes_one() {
    let schedulers = [SCHEDULER_RR, SCHEDULER_WLC, SCHEDULER_MH_COUNTED];
    for scheduler in schedulers {
        for scene in scenes(scheduler, FORWARD_DIRECT_ROUTE) {
            let mut plane = scene.plane();
            for id in DESTS {
                let limits = DestLimits {
                    weight: 1,
                    upper: 2,
                    ..DestLimits::default()
                };
                plane.set_limits(id, limits);
            }
            let ring = plane.set_ring(5, &DESTS, true);
            scene.set_service_with(&mut plane, SERVICE_FALLBACK, ring, ring);
            let taken = (0..50).filter_map(|client| sent(&mut plane, scene, client, SYN));
            assert_eq!(taken.count(), 6, "{scene:?}");
        }
    }
}

#[test]
fn sweeping_frees_what_ended_and_nothing_else() {
    for scene in scenes(SCHEDULER_RR, FORWARD_DIRECT_ROUTE) {
        let mut plane = scene.plane();
        for client in 0..30 {
            let _ = sent(&mut plane, scene, client, SYN);
            let _ = sent(&mut plane, scene, client, ACK);
        }
        for client in 0..10 {
            let _ = sent(&mut plane, scene, client, FIN | ACK);
        }
        let totals = |plane: &Plane| {
            let all = DESTS.map(|id| plane.connections(id));
            all.iter().fold((0, 0), |(active, inactive), dest| {
                (active + dest.active, inactive + dest.inactive)
            })
        };
        let swept = |freed, left| Swept { freed, left };
        assert_eq!(plane.sweep(), swept(0, 30), "{scene:?}");
        assert_eq!(totals(&plane), (20, 10), "{scene:?}");
        plane.age_flows(125);
        assert_eq!(plane.sweep(), swept(10, 20), "{scene:?}");
        assert_eq!(totals(&plane), (20, 0), "{scene:?}");
        for client in 10..30 {
            assert!(sent(&mut plane, scene, client, ACK).is_some(), "{scene:?}");
        }
        plane.age_flows(905);
        assert_eq!(plane.sweep(), swept(20, 0), "{scene:?}");
        assert_eq!(totals(&plane), (0, 0), "{scene:?}");
        assert_eq!(sent(&mut plane, scene, 15, ACK), None, "{scene:?}");
    }
}

#[test]
fn timeouts_are_those_that_were_told() {
    for scene in scenes(SCHEDULER_RR, FORWARD_DIRECT_ROUTE) {
        for (state, flags, default) in
            [(FLOW_ESTABLISHED, ACK, 900), (FLOW_CLOSING, FIN | ACK, 120)]
        {
            for (told, lasts) in [(0, default), (40, 40)] {
                let mut plane = scene.plane();
                let timeouts = &mut plane.checker.timeouts;
                timeouts.set(u32::from(state), told, 0).unwrap();
                let _ = sent(&mut plane, scene, 1, SYN);
                let _ = sent(&mut plane, scene, 1, flags);
                plane.age_flows(lasts - 2);
                assert_eq!(plane.sweep().freed, 0, "{scene:?} {state} {told}");
                plane.age_flows(3);
                assert_eq!(plane.sweep().freed, 1, "{scene:?} {state} {told}");
            }
        }
    }
}
