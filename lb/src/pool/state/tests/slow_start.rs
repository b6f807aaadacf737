use super::*;
use crate::config::model::Micros;

const SECOND: Duration = Duration::from_secs(1);

/// A virtual server whose real servers take so many seconds to come back.
fn slow(weights: &[u32], seconds: u64) -> VirtualServer {
    let mut server = server(weights, 1, 0);
    for real in &mut server.real_servers {
        real.slow_start = Micros::try_from(Duration::from_secs(seconds)).unwrap();
    }
    server
}

impl Bench {
    fn id(&self, n: usize) -> RealServerId {
        let server = &self.config.virtual_servers[0];
        RealServerId::of(VirtualServerId::of(server), &server.real_servers[n])
    }

    fn weight(&self, n: usize) -> u32 {
        let id = self.id(n);
        let share = self.pool.share(&id.server, id.address, id.port);
        share.unwrap().weight
    }

    /// Fails and comes back.
    fn bounce(&mut self, n: usize) {
        self.set(n, false);
        self.set(n, true);
    }

    /// Goes on to the next timer; how long that took, and whether a weight grew.
    fn step(&mut self) -> Option<(Duration, bool)> {
        let (due, why) = self.pool.poll_timeout()?;
        assert_eq!(why, "slow start");
        let waited = due.saturating_duration_since(self.now);
        self.now = self.now.max(due);
        Some((waited, self.pool.handle_timeout(self.now)))
    }

    fn reload(&mut self, server: VirtualServer) {
        self.config = config(server);
        let config = &self.config;
        self.pool
            .handle_config(config, |id| health(config, id, true));
    }
}

/// What is said of slow starts.
fn said(pool: &mut Pool) -> Vec<(u32, Option<Duration>)> {
    let outputs = std::iter::from_fn(|| pool.poll_output());
    outputs
        .filter_map(|output| match output {
            Output::SlowStart { weight, time, .. } => Some((weight, time)),
            _ => None,
        })
        .collect()
}

#[test]
fn who_comes_back_grows_to_its_weight_in_equal_steps() {
    let mut bench = Bench::new(slow(&[5, 5], 8));
    bench.told();
    let id = bench.id(0);
    for is_up in [false, true] {
        let health = health(&bench.config, &id, is_up);
        bench.pool.handle_health(&id, health, bench.now);
    }
    assert_eq!(said(&mut bench.pool), [(5, Some(SECOND * 8))]);
    let mut weights = vec![bench.weight(0)];
    while let Some(step) = bench.step() {
        assert_eq!(step, (SECOND * 2, true));
        weights.push(bench.weight(0));
        assert_eq!(bench.weight(1), 5);
    }
    assert_eq!(weights, [1, 2, 3, 4, 5]);
    assert_eq!(said(&mut bench.pool), [(5, None)]);
}

#[test]
fn the_quorum_counts_all_of_a_weight_that_grows() {
    let mut server = slow(&[5, 5], 8);
    server.quorum.weight = 10;
    let mut bench = Bench::new(server);
    bench.set(0, false);
    assert!(!bench.has_quorum());
    bench.set(0, true);
    assert_eq!((bench.weight(0), bench.has_quorum()), (1, true));
}

#[test]
fn neither_the_start_of_the_daemon_nor_a_reload_nor_a_first_success_is_a_return() {
    let mut bench = Bench::with_health(slow(&[5], 8), false);
    // The failing check is gone from the file.
    bench.reload(slow(&[5], 8));
    assert_eq!((bench.weight(0), bench.step()), (5, None));

    let mut bench = Bench::new(slow(&[5], 8));
    assert_eq!((bench.weight(0), bench.step()), (5, None));
    // With `alpha` it is down until it passes, and has not failed.
    let id = bench.id(0);
    let down = health(&bench.config, &id, false);
    for health in [
        Health {
            has_failed: false,
            ..down
        },
        health(&bench.config, &id, true),
    ] {
        bench.pool.handle_health(&id, health, bench.now);
    }
    assert_eq!((bench.weight(0), bench.step()), (5, None));
}

#[test]
fn a_failure_ends_it_and_a_reload_lets_it_go_on() {
    let mut bench = Bench::new(slow(&[5], 8));
    bench.bounce(0);
    bench.step();
    assert_eq!(bench.weight(0), 2);
    bench.set(0, false);
    assert_eq!(bench.step(), None);
    bench.set(0, true);
    assert_eq!(bench.weight(0), 1);

    bench.step();
    bench.reload(slow(&[9], 16));
    // A quarter of 8 s is an eighth of 16.
    assert_eq!(bench.weight(0), 2);
    assert_eq!(bench.step(), Some((SECOND * 2, true)));
    assert_eq!(bench.weight(0), 3);
    bench.reload(slow(&[9], 0));
    assert_eq!((bench.weight(0), bench.step()), (9, None));
}

#[test]
fn a_weight_that_checks_change_grows_from_where_it_is() {
    let mut bench = Bench::new(slow(&[1], 8));
    bench.bounce(0);
    bench.now += SECOND * 4;
    let id = bench.id(0);
    for (added, weight) in [(8, 1), (0, 1), (-1, 0)] {
        let health = Health {
            added,
            ..health(&bench.config, &id, true)
        };
        bench.pool.handle_health(&id, health, bench.now);
        assert_eq!(bench.weight(0), weight, "added {added}");
    }
    let health = Health {
        added: 8,
        ..health(&bench.config, &id, true)
    };
    bench.pool.handle_health(&id, health, bench.now);
    assert_eq!(bench.step(), Some((Duration::ZERO, true)));
    assert_eq!(bench.weight(0), 5);
}

#[test]
fn steps_of_many_are_taken_together() {
    let mut bench = Bench::new(slow(&[1000; 100], 60));
    for n in 0..100 {
        bench.bounce(n);
        bench.now += Duration::from_millis(7);
    }
    let mut steps = 0;
    let began = bench.now;
    while let Some((_, has_grown)) = bench.step() {
        steps += u32::from(has_grown);
    }
    assert!(steps <= 4 * 61, "{steps}");
    assert!(bench.now <= began + SECOND * 61);
}

proptest! {
    #[test]
    fn a_weight_grows_without_a_pause_a_fall_or_a_zero_until_it_is_whole(
        whole in 2u32..=0x7fff_ffff,
        micros in 1u64..=3_600_000_000,
    ) {
        let mut server = server(&[whole], 1, 0);
        let time = Duration::from_micros(micros);
        server.real_servers[0].slow_start = Micros::try_from(time).unwrap();
        let mut bench = Bench::new(server);
        bench.bounce(0);
        let began = bench.now;
        let mut weights = vec![bench.weight(0)];
        while let Some((_, has_grown)) = bench.step() {
            prop_assert!(has_grown);
            weights.push(bench.weight(0));
        }
        prop_assert!(weights.len() <= 65, "{}", weights.len());
        prop_assert!(weights.is_sorted_by(|one, next| one < next), "{weights:?}");
        prop_assert_eq!((weights[0], weights[weights.len() - 1]), (1, whole));
        // The last steps may wait for their pace.
        prop_assert!(bench.now <= began + time + Duration::from_millis(250));
    }
}
