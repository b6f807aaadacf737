use std::net::IpAddr;

use super::*;
use crate::config::model::{
    Check, ForwardMethod, Protocol, RealServer, Schedule, Scheduler, VirtualServer,
};

const LOOP: Duration = Duration::from_secs(6);
const RETRY: Duration = Duration::from_secs(1);

fn check(port: u16) -> Connection {
    Connection {
        address: [10, 0, 0, 1].into(),
        port,
        timeout: Duration::from_secs(3),
        schedule: Schedule {
            retry: 2,
            delay_before_retry: RETRY,
            delay_loop: LOOP,
            warmup: LOOP,
            alpha: false,
            log_all_failures: false,
        },
        origin: None,
    }
}

fn config(checks: Vec<Connection>) -> Config {
    let real = RealServer {
        checks: checks.into_iter().map(Check::Tcp).collect(),
        ..RealServer::new([10, 0, 0, 1].into(), 80)
    };
    let server = VirtualServer {
        delay_loop: LOOP,
        real_servers: vec![real],
        ..VirtualServer::new(
            [192, 0, 2, 1].into(),
            80,
            Protocol::Tcp,
            Scheduler::MaglevHash,
            ForwardMethod::DirectRoute,
        )
    };
    Config {
        virtual_servers: vec![server],
        ..Config::default()
    }
}

fn real_server() -> RealServerId {
    let config = config(Vec::new());
    let server = &config.virtual_servers[0];
    RealServerId::of(Front::of(server).unwrap(), &server.real_servers[0])
}

#[expect(
    clippy::disallowed_methods,
    reason = "any instant is as good a start as another"
)]
fn start() -> Instant {
    Instant::now()
}

const fn refused() -> Result<(), ProbeError> {
    Err(ProbeError::Timeout)
}

/// A checker and its clock.
struct Bench {
    checker: Checker,
    now: Instant,
}

impl Bench {
    fn new(config: &Config) -> Self {
        let now = start();
        let mut checker = Checker::default();
        checker.handle_config(config, &mut fastrand::Rng::with_seed(1), now);
        Self { checker, now }
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.checker.poll_output()).collect()
    }

    /// Goes on to the next probe; returns how long that took, and the probe.
    fn next_probe(&mut self) -> (Duration, ProbeId) {
        let (due, why) = self.checker.poll_timeout().expect("a check waits");
        assert_eq!(why, "check");
        let waited = due - self.now;
        self.now = due;
        self.checker.handle_timeout(due);
        match self.outputs()[..] {
            [Output::Probe { id, .. }] => (waited, id),
            ref other => panic!("{other:?}"),
        }
    }

    /// Runs one check; returns the wait before it, and the verdict if there is one.
    fn run(&mut self, result: Result<(), ProbeError>) -> (Duration, Option<bool>) {
        let (waited, id) = self.next_probe();
        self.checker.handle_result(id, result, self.now);
        let verdict = self.outputs().into_iter().find_map(|output| match output {
            Output::Verdict { up, .. } => Some(up),
            _ => None,
        });
        (waited, verdict)
    }
}

#[test]
fn the_first_check_starts_within_warmup_and_needs_one_failure() {
    let mut bench = Bench::new(&config(vec![check(80)]));
    let (waited, verdict) = bench.run(refused());
    assert!(waited <= LOOP);
    assert_eq!(verdict, Some(false));
}

#[test]
fn later_it_takes_retry_more_failures_and_one_success_brings_it_back() {
    let mut bench = Bench::new(&config(vec![check(80)]));
    bench.run(Ok(()));
    let runs = [
        (refused(), LOOP, None),
        (refused(), RETRY, None),
        (Ok(()), RETRY, None),
        (refused(), LOOP, None),
        (refused(), RETRY, None),
        (refused(), RETRY, Some(false)),
        (refused(), LOOP, None),
        (Ok(()), LOOP, Some(true)),
        (refused(), LOOP, None),
    ];
    for (n, (result, waited, verdict)) in runs.into_iter().enumerate() {
        assert_eq!(bench.run(result), (waited, verdict), "run {n}");
    }
}

#[test]
fn all_checks_of_a_real_server_must_pass() {
    let mut bench = Bench::new(&config(vec![check(80), check(81)]));
    let mut answer = |fails: u16| {
        bench.now += LOOP;
        bench.checker.handle_timeout(bench.now);
        let mut verdict = None;
        for output in bench.outputs() {
            if let Output::Probe { id, target, .. } = output {
                let result = if target.port() == fails {
                    refused()
                } else {
                    Ok(())
                };
                bench.checker.handle_result(id, result, bench.now);
            }
        }
        for output in bench.outputs() {
            if let Output::Verdict { up, .. } = output {
                verdict = Some(up);
            }
        }
        verdict
    };
    assert_eq!(answer(81), Some(false));
    assert_eq!(answer(0), Some(true));
}

#[test]
fn a_reload_keeps_health_and_a_check_that_is_gone_fails_nobody() {
    let mut bench = Bench::new(&config(vec![check(80)]));
    bench.run(refused());
    let rng = &mut fastrand::Rng::with_seed(2);

    let mut slower = check(80);
    slower.schedule.retry = 5;
    bench
        .checker
        .handle_config(&config(vec![slower]), rng, bench.now);
    assert_eq!(bench.outputs(), []);
    assert!(bench.checker.down().contains(&real_server()));

    bench
        .checker
        .handle_config(&config(Vec::new()), rng, bench.now);
    let up = Output::Verdict {
        real_server: real_server(),
        up: true,
    };
    assert_eq!(bench.outputs(), [up]);
    assert_eq!(bench.checker.poll_timeout(), None);
}

#[test]
fn the_answer_to_a_check_that_is_gone_means_nothing() {
    let mut bench = Bench::new(&config(vec![check(80)]));
    let (_, id) = bench.next_probe();
    let rng = &mut fastrand::Rng::with_seed(2);
    bench
        .checker
        .handle_config(&Config::default(), rng, bench.now);
    bench
        .checker
        .handle_config(&config(vec![check(80)]), rng, bench.now);
    bench.checker.handle_result(id, refused(), bench.now);
    assert_eq!(bench.outputs(), []);
}

#[test]
fn a_shorter_delay_loop_counts_from_the_reload() {
    let mut bench = Bench::new(&config(vec![check(80)]));
    bench.run(Ok(()));
    let mut sooner = check(80);
    sooner.schedule.delay_loop = RETRY;
    let rng = &mut fastrand::Rng::with_seed(2);
    bench
        .checker
        .handle_config(&config(vec![sooner]), rng, bench.now);
    assert_eq!(bench.run(Ok(())), (RETRY, None));
}

#[test]
fn what_a_predecessor_knew_to_be_down_stays_down_until_it_answers() {
    let now = start();
    let gone = RealServerId {
        address: IpAddr::from([10, 9, 9, 9]),
        ..real_server()
    };
    let mut checker = Checker::remembering([real_server(), gone].into());
    checker.handle_config(
        &config(vec![check(80)]),
        &mut fastrand::Rng::with_seed(1),
        now,
    );
    let mut bench = Bench { checker, now };
    assert_eq!(bench.outputs(), []);
    assert_eq!(
        bench.checker.down().len(),
        1,
        "who is not configured is forgotten"
    );
    assert_eq!(
        bench.checker.why(real_server()),
        "failed before the checker child restarted"
    );
    assert_eq!(bench.run(refused()).1, None);
    assert_eq!(bench.run(Ok(())).1, Some(true));
}

#[test]
fn the_last_result_is_told_in_words() {
    let mut bench = Bench::new(&config(vec![check(80)]));
    let mut words = vec![bench.checker.why(real_server())];
    bench.run(Ok(()));
    words.push(bench.checker.why(real_server()));
    bench.run(refused());
    words.push(bench.checker.why(real_server()));
    words.push(Bench::new(&config(Vec::new())).checker.why(real_server()));
    let expected = [
        "not checked yet",
        "TCP_CHECK: success",
        "TCP_CHECK 10.0.0.1:80: timeout",
        "no checks",
    ];
    assert_eq!(words, expected);
}

#[test]
fn sentences_are_keepalived_s() {
    let check = CheckId {
        real_server: real_server(),
        target: SocketAddr::from(([10, 0, 0, 1], 8080)),
    };
    let told = [
        sentence::check_changed(&check, &Ok(()), 0),
        sentence::check_changed(&check, &refused(), 0),
        sentence::check_changed(&check, &refused(), 2),
        sentence::verdict(real_server(), true),
        sentence::verdict(real_server(), false),
    ];
    let expected = [
        "TCP connection to [10.0.0.1]:tcp:80 success.",
        "TCP_CHECK on service [10.0.0.1]:tcp:80 failed: timeout.",
        "TCP_CHECK on service [10.0.0.1]:tcp:80 failed after 2 retries: timeout.",
        "Adding service [10.0.0.1]:tcp:80 to VS [192.0.2.1]:tcp:80",
        "Removing service [10.0.0.1]:tcp:80 from VS [192.0.2.1]:tcp:80",
    ];
    assert_eq!(told, expected);
}
