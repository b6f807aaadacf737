//! Ten thousand LANs: faults of every kind, and what must be true afterwards.
//!
//! `LB_SIM_SEED=n` runs one seed and prints its history, `LB_SIM_SEEDS=n` so many instead.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use lb::{
    config::model::VrrpInstance,
    vrrp::{
        interval::{master_down_interval, skew_time},
        output::{Gate, Standing, State},
    },
};
use tests::lan::{Event, KernelKind, Lan};

use super::population;

const SEEDS: u64 = 10_000;

/// The number that a variable has.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
    )
}

#[test]
fn ten_thousand_lans_have_one_master_each_once_healed() {
    if let Some(seed) = number("LB_SIM_SEED") {
        let (lan, result) = live(seed);
        print!("{}", history(&lan, usize::MAX));
        return result.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    let seeds = number("LB_SIM_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(seed) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|s| *s < seeds)
                {
                    if let (lan, Err(error)) = live(seed) {
                        next.store(seeds, Ordering::Relaxed);
                        panic!("LB_SIM_SEED={seed}: {error}\n{}", history(&lan, 60));
                    }
                }
            });
        }
    });
}

/// The life of one LAN, from trouble to peace.
fn live(seed: u64) -> (Lan, Result<(), String>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut lan = population::draw(seed, &mut rng);
    let phases: [(&str, Phase); 5] = [
        ("trouble", trouble),
        ("partition", partition),
        ("take-over", take_over),
        ("loss", bounded_loss),
        ("calm", |lan, _| calm(lan)),
    ];
    let result = phases.into_iter().try_for_each(|(name, phase)| {
        let broken = |lan: &Lan| lan.violations().first().cloned().map_or(Ok(()), Err);
        phase(&mut lan, &mut rng)
            .and_then(|()| broken(&lan))
            .map_err(|error| format!("{name}: {error}"))
    });
    (lan, result)
}

type Phase = fn(&mut Lan, &mut fastrand::Rng) -> Result<(), String>;

/// Faults at random times, then healing.
fn trouble(lan: &mut Lan, rng: &mut fastrand::Rng) -> Result<(), String> {
    let beat = slowest(lan);
    let steady = lan.network.delay.clone();
    let strict = can_exclude(lan) && rng.bool();
    lan.exclusive = strict;
    if strict {
        // A resignation overtaken by the advert of the next life would be believed.
        lan.network.delay.start = lan.network.delay.end;
    } else {
        lan.network.loss = rng.f64() * 0.3;
        lan.refusals = if rng.bool() { 0.1 } else { 0.0 };
        if rng.u8(..3) == 0 {
            lan.network.delay.end = beat.mul_f64(rng.f64() * 1.5).max(steady.end);
        }
    }
    for node in 0..lan.len() {
        lan.start(node);
        lan.run(beat.mul_f64(rng.f64()));
    }
    for _ in 0..rng.u8(2..=12) {
        lan.run(beat.mul_f64(rng.f64() * 5.0));
        let node = rng.usize(..lan.len());
        fault(lan, node, strict, rng);
    }
    // A reload may have left somebody with less patience.
    let tolerable = population::tolerable_delay(lan);
    let steady = steady.start.min(tolerable)..steady.end.min(tolerable);
    if !strict {
        lan.network.delay = steady.clone();
    }
    heal(lan);
    settle(lan);
    lan.network.delay = steady;
    lan.run(Duration::from_millis(1100));
    one_master_per_group(lan)
}

/// One thing goes wrong, or right again.
fn fault(lan: &mut Lan, node: usize, strict: bool, rng: &mut fastrand::Rng) {
    let kinds = if strict { 9 } else { 15 };
    match rng.u8(..kinds) {
        0 => lan.stall(node),
        1 => lan.resume(node),
        2 => lan.kill(node),
        3 => lan.power_off(node),
        4 => lan.stop(node),
        5 => lan.start(node),
        6 => flap(lan, node, rng),
        7 => lan.track(node, faulty()),
        8 => {
            let time = slowest(lan).mul_f64(rng.f64() * 9.0);
            lan.request_yield(node, rng.bool().then_some(time));
        }
        9 => lan.set_link(node, false),
        10 => lan.set_link(node, true),
        11 => lan.network.groups[node] = rng.u8(..2),
        12 => lan.meddle(node, rng.bool()),
        13 => {
            let config = lan.config(node).clone();
            let other = i64::from(rng.u8(1..=254));
            let priority = if config.priority.is_owner() {
                255
            } else {
                other
            };
            lan.reload(
                node,
                VrrpInstance {
                    priority: priority.try_into().unwrap(),
                    ..config
                },
            );
        }
        _ => lan.network.groups.fill(0),
    }
}

/// What a node tracks changes several times in a row.
fn flap(lan: &mut Lan, node: usize, rng: &mut fastrand::Rng) {
    for _ in 0..rng.u8(1..6) {
        lan.run(fastest(lan).mul_f64(rng.f64()));
        lan.track(node, adjusted(rng.i32(-200..200)));
    }
}

fn adjusted(adjustment: i32) -> Standing {
    Standing {
        adjustment,
        ..Standing::default()
    }
}

fn faulty() -> Standing {
    Standing {
        faults: ["script down".to_owned()].into(),
        ..Standing::default()
    }
}

/// Everything works again.
fn heal(lan: &mut Lan) {
    lan.exclusive &= can_exclude(lan);
    lan.network.loss = 0.0;
    lan.refusals = 0.0;
    lan.network.groups.fill(0);
    for node in 0..lan.len() {
        lan.resume(node);
        lan.start(node);
        lan.set_link(node, true);
        let Standing { adjustment, faults } = lan.standing(node);
        if !faults.is_empty() {
            let well = adjusted(*adjustment);
            lan.track(node, well);
        }
        lan.request_yield(node, None);
    }
}

/// Time for an election, one more for the better router that was not heard in the first, and the kernel's.
fn settle(lan: &mut Lan) {
    let longest = slowest(lan) * (adverts(lan) + 1);
    let patience = (0..lan.len()).map(|node| lan.config(node).election.preempt_delay);
    let patience = patience.max().unwrap_or_default();
    lan.run((longest + patience) * 3 + lan.network.operation.end);
}

/// Two halves each elect a master; together again they agree on one.
fn partition(lan: &mut Lan, rng: &mut fastrand::Rng) -> Result<(), String> {
    lan.exclusive = false;
    for node in 0..lan.len() {
        lan.network.groups[node] = rng.u8(..2);
    }
    settle(lan);
    one_master_per_group(lan)?;
    lan.network.groups.fill(0);
    settle(lan);
    one_master_per_group(lan)
}

/// The master fails in some way: another is there in time, and never before the first is silenced.
fn take_over(lan: &mut Lan, rng: &mut fastrand::Rng) -> Result<(), String> {
    let master = lan.masters()[0];
    let beat = lan.config(master).advert_interval.get();
    lan.run(beat.mul_f64(rng.f64() * 2.0));
    lan.exclusive = can_exclude(lan);
    let graceful = rng.u8(..5) == 0;
    if graceful {
        // An advert that the resignation overtakes would take it back.
        let in_flight = lan
            .network
            .delay
            .end
            .saturating_sub(lan.since_advert(master));
        lan.run(in_flight);
        lan.stop(master);
    } else {
        let fail = [
            Lan::power_off,
            Lan::kill,
            Lan::stall,
            |lan: &mut Lan, node| lan.set_link(node, false),
        ];
        fail[rng.usize(..fail.len())](lan, master);
    }
    let wait = |node: usize| {
        let (version, priority) = (lan.config(node).version, population::priority(lan, node));
        if graceful {
            skew_time(version, priority, beat)
        } else {
            let adverts = lan.config(node).election.down_timer_adverts;
            master_down_interval(version, priority, beat, adverts)
        }
    };
    let backups = (0..lan.len()).filter(|node| *node != master);
    let bound = backups.map(wait).min().unwrap_or_default();
    let bound = bound + lan.network.delay.end;
    let other = |lan: &Lan| (0..lan.len()).any(|n| n != master && lan.gate(n) == Gate::Open);
    if lan.run_until(bound, other).is_none() {
        return Err(format!("nobody took over from {master} within {bound:?}"));
    }
    // Where fewer adverts make a master-down interval, one entitles to less than the wait for a successor; and nobody waits
    // longer than three seconds.
    let waits = adverts(lan) >= 3 && slowest(lan) <= Duration::from_secs(1);
    if graceful && waits && lan.gate(master) != Gate::Open {
        return Err(format!("{master} did not wait for its successor"));
    }
    lan.run(beat * 5);
    heal(lan);
    settle(lan);
    one_master_per_group(lan)
}

/// Losses, but never as many in a row as adverts make a master-down interval: nobody moves.
fn bounded_loss(lan: &mut Lan, rng: &mut fastrand::Rng) -> Result<(), String> {
    lan.network.most_in_a_row = adverts(lan) - 1;
    lan.network.loss = 0.3 + rng.f64() * 0.5;
    let result = nobody_moves(lan, 25);
    lan.network.loss = 0.0;
    result
}

/// Nothing at all: nobody moves.
fn calm(lan: &mut Lan) -> Result<(), String> {
    nobody_moves(lan, 10)
}

fn nobody_moves(lan: &mut Lan, beats: u32) -> Result<(), String> {
    let before = lan.history().len();
    lan.run(slowest(lan) * beats);
    let moved = |entry: &&tests::lan::Entry| {
        matches!(entry.event, Event::Transition(..) | Event::Fenced(_))
    };
    match lan.history()[before..].iter().find(moved) {
        Some(entry) => Err(format!("for no reason: {entry}")),
        None => one_master_per_group(lan),
    }
}

/// Exactly one master in each group, the best one unless somebody must not preempt, and addresses and open
/// gates where the masters are and nowhere else.
fn one_master_per_group(lan: &Lan) -> Result<(), String> {
    for group in 0..2 {
        let members = || (0..lan.len()).filter(move |node| lan.network.groups[*node] == group);
        let masters: Vec<usize> = members()
            .filter(|n| lan.state(*n) == State::Master)
            .collect();
        if members().count() > 0 && masters.len() != 1 {
            return Err(format!("the masters of group {group} are {masters:?}"));
        }
        for node in members() {
            let master = masters.contains(&node);
            let expected = if master { Gate::Open } else { Gate::Pass };
            if lan.gate(node) != expected || lan.has_addresses(node) != (master, master) {
                let (gate, addresses) = (lan.gate(node), lan.has_addresses(node));
                return Err(format!(
                    "node {node}, master {master}: gate {gate:?}, addresses {addresses:?}"
                ));
            }
            if lan.config(node).preempt && masters.iter().any(|m| outranks(lan, node, *m)) {
                return Err(format!(
                    "node {node} is better than {masters:?} and may preempt"
                ));
            }
        }
    }
    Ok(())
}

/// Whether a router preempts another: by priority alone, as between equals a backup waits.
fn outranks(lan: &Lan, node: usize, master: usize) -> bool {
    lan.priority(node) > lan.priority(master)
}

/// Whether two open gates have no excuse in this LAN: every kernel leases, and nobody is less patient than
/// another is slow (in v3 an advert of a fast master that comes late makes its backups wait for the next).
fn can_exclude(lan: &Lan) -> bool {
    let able = |node| lan.kernel_kind(node) == KernelKind::Able;
    (0..lan.len()).all(able) && slowest(lan) == fastest(lan)
}

/// `down_timer_adverts`, the same on all nodes.
fn adverts(lan: &Lan) -> u32 {
    u32::from(lan.config(0).election.down_timer_adverts)
}

fn slowest(lan: &Lan) -> Duration {
    intervals(lan).max().unwrap_or_default()
}

fn fastest(lan: &Lan) -> Duration {
    intervals(lan).min().unwrap_or_default()
}

fn intervals(lan: &Lan) -> impl Iterator<Item = Duration> {
    (0..lan.len()).map(|node| lan.config(node).advert_interval.get())
}

/// The last lines of a LAN's history, after what it is made of.
fn history(lan: &Lan, lines: usize) -> String {
    let mut text = String::new();
    for node in 0..lan.len() {
        let (config, kernel) = (lan.config(node), lan.kernel_kind(node));
        let VrrpInstance {
            version,
            family,
            priority,
            preempt,
            state,
            ..
        } = config;
        let beat = config.advert_interval.get();
        let (now, election) = (lan.priority(node), &config.election);
        let (adverts, delay) = (election.down_timer_adverts, election.preempt_delay);
        let _ = writeln!(
            text,
            "node {node}: {version:?} {family:?} {state:?} priority {priority}, now {now}, preempt {preempt} \
             {delay:?} {beat:?} ×{adverts} {kernel:?}"
        );
    }
    let _ = writeln!(text, "delay {:?}", lan.network.delay);
    let entries = lan.history();
    for entry in &entries[entries.len().saturating_sub(lines)..] {
        let _ = writeln!(text, "{entry}");
    }
    text
}
