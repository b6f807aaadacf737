mod kept;

use std::time::Duration;

use super::*;
use crate::config::model::{
    Command, Connection, ForwardMethod, Micros, Protocol, RealServer, Schedule, Scheduler,
    VirtualServer,
    check::{Http, HttpProtocol, Misc, Url},
    track::TrackFile,
};

const LOOP: Duration = Duration::from_secs(6);
const RETRY: Duration = Duration::from_secs(1);

fn schedule() -> Schedule {
    Schedule {
        retry: 2,
        delay_before_retry: RETRY,
        rise: 1,
        jitter: Micros::ZERO,
        fall: 1,
        delay_loop: LOOP,
        warmup: LOOP,
        alpha: false,
        log_all_failures: false,
    }
}

fn connection(port: u16) -> Connection {
    Connection {
        address: [10, 0, 0, 1].into(),
        port,
        timeout: Duration::from_secs(3),
        schedule: schedule(),
        origin: None,
    }
}

fn check(port: u16) -> model::Check {
    model::Check::Tcp(connection(port))
}

fn alpha(port: u16) -> model::Check {
    let mut connection = connection(port);
    connection.schedule.alpha = true;
    model::Check::Tcp(connection)
}

fn http(urls: usize, fast_recovery: bool) -> model::Check {
    let url = |n: usize| Url::new(&format!("/{n}"));
    model::Check::Http(Box::new(model::check::Probe {
        connection: connection(80),
        settings: Http {
            protocol: HttpProtocol::V10,
            sni: false,
            sni_name: None,
            fast_recovery,
            urls: (0..urls).map(url).collect(),
        },
    }))
}

fn misc() -> model::Check {
    model::Check::Misc(Box::new(Misc {
        command: Command {
            words: vec!["/bin/true".to_owned()],
            owner: None,
        },
        timeout: LOOP,
        dynamic: true,
        schedule: schedule(),
    }))
}

fn file(weight: Option<(i32, bool)>) -> model::Check {
    model::Check::File(Box::new(FileCheck {
        track_file: "f".to_owned(),
        weight: weight.map(|(multiplier, reverse)| FileWeight {
            multiplier,
            reverse,
        }),
    }))
}

fn session(alpha: bool) -> model::Check {
    model::Check::Bfd(Box::new(model::check::BfdCheck {
        instance: "peer".to_owned(),
        alpha,
    }))
}

fn config(checks: Vec<model::Check>) -> Config {
    let real = RealServer {
        checks,
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
        track_files: vec![TrackFile::new("f", "/run/f")],
        ..Config::default()
    }
}

fn real_server() -> RealServerId {
    let config = config(Vec::new());
    let server = &config.virtual_servers[0];
    RealServerId::of(VirtualServerId::of(server), &server.real_servers[0])
}

#[expect(
    clippy::disallowed_methods,
    reason = "any instant is as good a start as another"
)]
fn start() -> Instant {
    Instant::now()
}

const fn well() -> ProbeResult {
    Ok(Answer::Well)
}

const fn refused() -> ProbeResult {
    Err(ProbeError::Timeout)
}

/// A checker and its clock.
struct Bench {
    checker: Checker,
    rng: fastrand::Rng,
    now: Instant,
}

impl Bench {
    fn new(config: &Config) -> Self {
        let now = start();
        let mut checker = Checker::default();
        let mut rng = fastrand::Rng::with_seed(1);
        checker.handle_config(config, &BTreeSet::new(), &mut rng, now);
        Self { checker, rng, now }
    }

    fn configure(&mut self, checks: Vec<model::Check>) {
        let (rng, none) = (&mut self.rng, BTreeSet::new());
        self.checker
            .handle_config(&config(checks), &none, rng, self.now);
    }

    fn why(&self) -> String {
        let words = self.checker.words().remove(&real_server());
        words.expect("a real server")
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.checker.poll_output()).collect()
    }

    fn is_up(&self) -> bool {
        self.checker.health(&real_server()).is_up
    }

    /// Goes on to the next probe; returns how long that took, the probe and its url.
    fn next_probe(&mut self) -> (Duration, ProbeId, usize) {
        let (due, why) = self.checker.poll_timeout().expect("a check waits");
        assert_eq!(why, "check");
        let waited = due - self.now;
        self.now = due;
        self.checker.handle_timeout(&mut self.rng, due);
        match &self.outputs()[..] {
            [Output::Probe { id, probe }] => (waited, *id, probe.url),
            other => panic!("{other:?}"),
        }
    }

    /// Runs one check; returns the wait before it, its url, and what becomes of the real server, if that is news.
    fn run_url(&mut self, result: ProbeResult) -> (Duration, usize, Option<bool>) {
        let before = self.is_up();
        let (waited, id, url) = self.next_probe();
        self.checker
            .handle_result(id, result, &mut self.rng, self.now);
        self.outputs();
        let after = self.is_up();
        (waited, url, (before != after).then_some(after))
    }

    /// Runs checks with these results; of each the seconds before it, its url, and what becomes of the real server.
    fn run_urls(
        &mut self,
        results: impl IntoIterator<Item = ProbeResult>,
    ) -> Vec<(u64, usize, Option<bool>)> {
        results
            .into_iter()
            .map(|result| self.run_url(result))
            .map(|(waited, url, verdict)| (waited.as_secs(), url, verdict))
            .collect()
    }

    /// The same where there is one url or none.
    fn run(&mut self, result: ProbeResult) -> (Duration, Option<bool>) {
        let (waited, _, verdict) = self.run_url(result);
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
    bench.run(well());
    let runs = [
        (refused(), LOOP, None),
        (refused(), RETRY, None),
        (well(), RETRY, None),
        (refused(), LOOP, None),
        (refused(), RETRY, None),
        (refused(), RETRY, Some(false)),
        (refused(), LOOP, None),
        (well(), LOOP, Some(true)),
        (refused(), LOOP, None),
    ];
    for (n, (result, waited, verdict)) in runs.into_iter().enumerate() {
        assert_eq!(bench.run(result), (waited, verdict), "run {n}");
    }
}

/// A check of so many rounds, with two retries in each; down until it passes with `alpha`.
fn patient(rise: u32, fall: u32, alpha: bool) -> model::Check {
    let mut connection = connection(80);
    let schedule = &mut connection.schedule;
    (schedule.rise, schedule.fall, schedule.alpha) = (rise, fall, alpha);
    model::Check::Tcp(connection)
}

#[test]
fn fall_rounds_fail_in_a_row_each_after_its_retries() {
    let mut bench = Bench::new(&config(vec![patient(1, 2, false)]));
    bench.run(well());
    let runs = [
        // A round that fails, and one that passes at its last retry.
        (refused(), LOOP, None),
        (refused(), RETRY, None),
        (refused(), RETRY, None),
        (refused(), LOOP, None),
        (refused(), RETRY, None),
        (well(), RETRY, None),
        // Two that fail.
        (refused(), LOOP, None),
        (refused(), RETRY, None),
        (refused(), RETRY, None),
        (refused(), LOOP, None),
        (refused(), RETRY, None),
        (refused(), RETRY, Some(false)),
        (refused(), LOOP, None),
        (well(), LOOP, Some(true)),
        // What was counted before is forgotten.
        (refused(), LOOP, None),
        (refused(), RETRY, None),
        (refused(), RETRY, None),
        (well(), LOOP, None),
    ];
    for (n, (result, waited, verdict)) in runs.into_iter().enumerate() {
        assert_eq!(bench.run(result), (waited, verdict), "run {n}");
    }
}

#[test]
fn rise_rounds_pass_in_a_row() {
    let mut bench = Bench::new(&config(vec![patient(3, 1, true)]));
    let mut told = Vec::new();
    for result in [
        well(),
        well(),
        refused(),
        well(),
        well(),
        well(),
        refused(),
        well(),
    ] {
        let verdict = bench.run(result).1;
        told.push((verdict, bench.why()));
    }
    let failure = "TCP_CHECK 10.0.0.1:80: timeout";
    let expected = [
        (None, "TCP_CHECK: success 1 of 3 (rise)"),
        (None, "TCP_CHECK: success 2 of 3 (rise)"),
        (None, failure),
        (None, "TCP_CHECK: success 1 of 3 (rise)"),
        (None, "TCP_CHECK: success 2 of 3 (rise)"),
        (Some(true), "TCP_CHECK: success"),
        (None, failure),
        (None, "TCP_CHECK: success"),
    ];
    let expected = expected.map(|(verdict, why)| (verdict, why.to_owned()));
    assert_eq!(told, expected);
}

#[test]
fn the_first_check_ever_counts_at_once_whatever_rise_and_fall() {
    let mut bench = Bench::new(&config(vec![patient(9, 9, false)]));
    assert_eq!(bench.run(refused()).1, Some(false));

    let mut bench = Bench::new(&config(vec![patient(9, 9, false)]));
    let (_, id, _) = bench.next_probe();
    bench
        .checker
        .handle_result(id, well(), &mut bench.rng, bench.now);
    let confirmed = |output: &Output| matches!(output, Output::Confirmed { .. });
    assert!(bench.outputs().iter().any(confirmed));
}

#[test]
fn to_wait_for_a_first_success_is_no_failure() {
    let has_failed = |bench: &Bench| bench.checker.health(&real_server()).has_failed;
    let mut bench = Bench::new(&config(vec![patient(2, 1, true)]));
    let mut seen = vec![has_failed(&bench)];
    for result in [well(), refused(), well(), well()] {
        bench.run(result);
        seen.push(has_failed(&bench));
    }
    assert_eq!(seen, [false, false, true, true, false]);
}

#[test]
fn every_url_passes_in_each_of_rise_rounds() {
    let mut check = http(2, true);
    if let model::Check::Http(probe) = &mut check {
        probe.connection.schedule.rise = 2;
        probe.connection.schedule.alpha = true;
    }
    let mut bench = Bench::new(&config(vec![check]));
    let (first, rest) = (
        [well(), well(), well()],
        [well(), well(), well(), well(), well()],
    );
    let asked = bench.run_urls(first.into_iter().chain([refused()]).chain(rest));
    let expected = [
        (0, 1, None),
        // The first round is over.
        (6, 0, None),
        (0, 1, None),
        // It failed: from here on two rounds must pass, once the url that failed does.
        (6, 1, None),
        (0, 0, None),
        (0, 1, None),
        (6, 0, None),
        (0, 1, Some(true)),
    ];
    assert_eq!(asked[1..], expected);
}

#[test]
fn with_alpha_it_is_down_until_it_answers() {
    let mut bench = Bench::new(&config(vec![alpha(80)]));
    assert!(!bench.is_up());
    let why = "not checked yet, down until it is (alpha)";
    assert_eq!(bench.why(), why);
    assert_eq!(bench.run(refused()).1, None);
    assert_eq!(bench.run(well()).1, Some(true));
}

#[test]
fn all_checks_of_a_real_server_must_pass() {
    let mut bench = Bench::new(&config(vec![check(80), check(81)]));
    let mut answer = |fails: u16| {
        bench.now += LOOP;
        bench.checker.handle_timeout(&mut bench.rng, bench.now);
        for output in bench.outputs() {
            if let Output::Probe { id, probe } = output {
                let port = probe.check.connection().map(|to| to.port);
                let result = if port == Some(fails) {
                    refused()
                } else {
                    well()
                };
                bench
                    .checker
                    .handle_result(id, result, &mut bench.rng, bench.now);
            }
        }
        bench.is_up()
    };
    assert!(!answer(81));
    assert!(answer(0));
}

#[test]
fn one_url_is_asked_at_a_time_and_the_one_that_fails_again_and_again() {
    let mut bench = Bench::new(&config(vec![http(3, false)]));
    let results = [
        well(),
        well(),
        well(),
        well(),
        refused(),
        refused(),
        refused(),
        refused(),
        well(),
        well(),
        well(),
        well(),
        well(),
    ];
    let mut asked = bench.run_urls(results);
    asked[0].0 = 0;
    let expected = [
        (0, 0, None),
        (6, 1, None),
        (6, 2, None),
        (6, 0, None),
        (6, 1, None),
        (1, 1, None),
        (1, 1, Some(false)),
        (6, 1, None),
        // It passes again: from here on all must.
        (6, 1, None),
        (6, 0, None),
        (6, 1, None),
        (6, 2, Some(true)),
        (6, 0, None),
    ];
    assert_eq!(asked, expected);
}

#[test]
fn fast_recovery_asks_without_a_pause_until_it_is_up() {
    let mut bench = Bench::new(&config(vec![http(2, true)]));
    let waits: Vec<_> = [
        well(),
        well(),
        refused(),
        refused(),
        refused(),
        well(),
        well(),
        well(),
        well(),
    ]
    .into_iter()
    .map(|result| bench.run(result))
    .skip(1)
    .collect();
    let none = Duration::ZERO;
    let expected = [
        (none, None),
        (LOOP, None),
        (RETRY, None),
        (RETRY, Some(false)),
        (LOOP, None),
        (none, None),
        (none, Some(true)),
        (LOOP, None),
    ];
    assert_eq!(waits, expected);
}

#[test]
fn a_program_gives_weights() {
    let mut bench = Bench::new(&config(vec![misc()]));
    let mut weights = Vec::new();
    for result in [well(), Ok(Answer::Weight(7)), well(), Ok(Answer::Weight(0))] {
        bench.run(result);
        weights.push(bench.checker.health(&real_server()).weight());
    }
    assert_eq!(weights, [1, 7, 7, 0], "success alone changes nothing");
}

#[test]
fn a_file_adds_to_the_weight_or_fails() {
    let cases = [
        (None, 5, true, 6),
        (Some((2, false)), 5, true, 11),
        (Some((2, true)), 5, true, 0),
        (Some((0, false)), 5, false, 1),
        (Some((0, true)), 5, true, 1),
        (Some((0, true)), 0, false, 1),
        (Some((i32::MAX, false)), -3, false, 0),
        (Some((i32::MAX, false)), 3, true, 0x7fff_ffff),
    ];
    for (weight, number, is_up, expected) in cases {
        let mut bench = Bench::new(&config(vec![file(weight)]));
        bench.checker.handle_file("f", &Reading::Number(number));
        let health = bench.checker.health(&real_server());
        assert_eq!(
            (health.is_up, health.weight()),
            (is_up, expected),
            "{weight:?} {number}"
        );
        bench.checker.handle_file("f", &Reading::TooLarge);
        assert_eq!(bench.checker.health(&real_server()), health);
    }
}

#[test]
fn a_check_of_a_file_that_was_read_before_knows_what_is_in_it() {
    let mut bench = Bench::new(&config(vec![file(None)]));
    bench.checker.handle_file("f", &Reading::Number(5));
    bench.configure(vec![file(None), file(Some((0, false)))]);
    let health = bench.checker.health(&real_server());
    assert_eq!((health.is_up, health.weight()), (false, 6));
}

/// A check of a session, its verdicts as they are told, and whether each is news.
#[test]
fn a_session_takes_a_real_server_down_and_brings_it_back_at_once() {
    // alpha, whether it is up before anything is told, what is told, verdicts.
    let cases = [
        (
            false,
            true,
            [true, false, false, true],
            [None, Some(false), None, Some(true)],
        ),
        (
            true,
            false,
            [false, false, true, false],
            [None, None, Some(true), Some(false)],
        ),
        (
            true,
            false,
            [true, true, false, true],
            [Some(true), None, Some(false), Some(true)],
        ),
        (
            false,
            true,
            [false, true, true, false],
            [Some(false), Some(true), None, Some(false)],
        ),
    ];
    for (alpha, begins, told, expected) in cases {
        let mut bench = Bench::new(&config(vec![session(alpha)]));
        assert_eq!(bench.is_up(), begins);
        let verdicts = told.map(|is_up| {
            let before = bench.is_up();
            bench.checker.handle_session("another", !is_up);
            bench.checker.handle_session("peer", is_up);
            bench.outputs();
            let after = bench.is_up();
            (before != after).then_some(after)
        });
        assert_eq!(verdicts, expected, "alpha {alpha}: {told:?}");
        // What is known counts for a check that comes later too.
        bench.configure(vec![check(80), session(alpha), session(!alpha)]);
        assert_eq!(bench.is_up(), told[3], "alpha {alpha}");
    }
}

#[test]
fn a_reload_keeps_health_and_a_check_that_is_gone_fails_nobody() {
    let mut bench = Bench::new(&config(vec![check(80)]));
    bench.run(refused());

    let mut slower = connection(80);
    slower.schedule.retry = 5;
    bench.configure(vec![model::Check::Tcp(slower)]);
    assert!(!bench.is_up());

    bench.configure(Vec::new());
    assert!(bench.is_up());
    assert_eq!(bench.outputs(), []);
    assert_eq!(bench.checker.poll_timeout(), None);
}

#[test]
fn a_check_that_asks_something_else_begins_anew() {
    for (before, after, is_same) in [
        (http(2, false), http(2, true), true),
        (http(2, false), http(3, false), false),
        (check(80), check(81), false),
        (check(80), alpha(80), true),
        (misc(), misc(), true),
    ] {
        let mut bench = Bench::new(&config(vec![before]));
        bench.run(refused());
        bench.configure(vec![after]);
        assert_eq!(bench.is_up(), !is_same);
    }
}

#[test]
fn the_answer_to_a_check_that_is_gone_means_nothing() {
    let mut bench = Bench::new(&config(vec![check(80)]));
    let (_, id, _) = bench.next_probe();
    bench.configure(Vec::new());
    bench.configure(vec![check(80)]);
    bench
        .checker
        .handle_result(id, refused(), &mut bench.rng, bench.now);
    assert_eq!(bench.outputs(), []);
}

#[test]
fn a_shorter_delay_loop_counts_from_the_reload() {
    let mut bench = Bench::new(&config(vec![check(80)]));
    bench.run(well());
    let mut sooner = connection(80);
    sooner.schedule.delay_loop = RETRY;
    bench.configure(vec![model::Check::Tcp(sooner)]);
    assert_eq!(bench.run(well()), (RETRY, None));
}

/// A check that starts up to so many seconds sooner or later.
fn jittered(delay_loop: u64, jitter: u64) -> model::Check {
    let mut connection = connection(80);
    connection.schedule.delay_loop = Duration::from_secs(delay_loop);
    connection.schedule.jitter = Micros::try_from(Duration::from_secs(jitter)).unwrap();
    model::Check::Tcp(connection)
}

#[test]
fn jitter_spreads_rounds_evenly_around_delay_loop_and_leaves_retries_alone() {
    // With more jitter than delay_loop the shortest pause is none.
    for (delay_loop, jitter, shortest) in [(6, 2, 4), (6, 9, 0)] {
        let mut bench = Bench::new(&config(vec![jittered(delay_loop, jitter)]));
        bench.run(well());
        let mut tenths = [0; 10];
        let longest = delay_loop + jitter;
        for n in 0..2000 {
            let (waited, _) = bench.run(if n % 2 == 0 { refused() } else { well() });
            if n % 2 == 1 {
                assert_eq!(waited, RETRY);
                continue;
            }
            let place = (waited.as_secs_f64() - shortest as f64) / (longest - shortest) as f64;
            assert!((0.0..=1.0).contains(&place), "{waited:?}");
            tenths[((place * 10.0) as usize).min(9)] += 1;
        }
        assert!(
            tenths.iter().all(|count| (60..140).contains(count)),
            "{tenths:?}"
        );
    }
}

#[test]
fn a_suspended_check_and_a_reload_keep_the_jitter() {
    let mut bench = Bench::new(&config(vec![jittered(60, 0)]));
    bench.run(well());
    bench.configure(vec![jittered(6, 2)]);
    let (due, _) = bench.checker.poll_timeout().unwrap();
    let sooner = due - bench.now;
    assert!((4.0..=8.0).contains(&sooner.as_secs_f64()), "{sooner:?}");
    // What is within the bounds of the new settings stays where it is.
    bench.configure(vec![jittered(7, 2)]);
    assert_eq!(bench.checker.poll_timeout().unwrap().0, due);

    let suspended: BTreeSet<_> = [real_server().server].into();
    bench.checker.handle_suspended(suspended);
    let mut pauses = BTreeSet::new();
    for _ in 0..20 {
        let (due, _) = bench.checker.poll_timeout().unwrap();
        pauses.insert(due - bench.now);
        bench.now = due;
        bench.checker.handle_timeout(&mut bench.rng, due);
    }
    assert!(pauses.len() > 10, "{pauses:?}");
    assert!(pauses.last() <= Some(&Duration::from_secs(9)));
}

#[test]
fn checks_of_a_suspended_virtual_server_rest() {
    let mut bench = Bench::new(&config(vec![check(80)]));
    bench
        .checker
        .handle_suspended([real_server().server].into());
    for _ in 0..3 {
        let (due, _) = bench.checker.poll_timeout().unwrap();
        bench.now = due;
        bench.checker.handle_timeout(&mut bench.rng, due);
        assert_eq!(bench.outputs(), []);
    }
    bench.checker.handle_suspended(BTreeSet::new());
    assert_eq!(bench.run(refused()).1, Some(false));
}

#[test]
fn what_a_predecessor_knew_to_be_down_stays_down_until_it_answers() {
    let now = start();
    let mut checker = Checker::remembering([real_server()].into());
    let mut rng = fastrand::Rng::with_seed(1);
    checker.handle_config(&config(vec![check(80)]), &BTreeSet::new(), &mut rng, now);
    let mut bench = Bench { checker, rng, now };
    assert_eq!(bench.outputs(), []);
    assert!(!bench.is_up());
    assert_eq!(bench.why(), "failed before the checker child restarted");
    assert!(bench.checker.health(&real_server()).has_failed);
    assert_eq!(bench.run(refused()).1, None);
    assert_eq!(bench.run(well()).1, Some(true));
}

#[test]
fn every_failure_is_told_where_that_is_wanted() {
    let mut wanted = connection(80);
    wanted.schedule.log_all_failures = true;
    let mut bench = Bench::new(&config(vec![model::Check::Tcp(wanted)]));
    let mut told = Vec::new();
    for result in [well(), refused(), refused(), refused(), refused()] {
        let (_, id, _) = bench.next_probe();
        bench
            .checker
            .handle_result(id, result, &mut bench.rng, bench.now);
        told.push(
            bench
                .outputs()
                .iter()
                .any(|it| matches!(it, Output::Failure { .. })),
        );
    }
    assert_eq!(told, [false, true, true, false, true]);
}

#[test]
fn the_last_result_is_told_in_words() {
    let mut bench = Bench::new(&config(vec![check(80)]));
    let mut words = vec![bench.why()];
    bench.run(well());
    words.push(bench.why());
    bench.run(refused());
    words.push(bench.why());
    words.push(Bench::new(&config(Vec::new())).why());
    let expected = [
        "not checked yet",
        "TCP_CHECK: success",
        "TCP_CHECK 10.0.0.1:80: timeout",
        "no checks",
    ];
    assert_eq!(words, expected);
}

/// The virtual server at another port, with these checks, and whether its weight is another.
fn another(port: u16, checks: Vec<model::Check>, is_heavier: bool) -> VirtualServer {
    let mut server = config(checks).virtual_servers.remove(0);
    server.service = model::VirtualService::Address {
        address: [192, 0, 2, 1].into(),
        port,
    };
    if is_heavier {
        server.real_servers[0].weight = model::Weight::try_from(9).unwrap();
    }
    server
}

#[test]
fn a_virtual_server_is_unchanged_when_every_word_is_and_no_file_counts() {
    let with = |servers: Vec<VirtualServer>| Config {
        virtual_servers: servers,
        ..Config::default()
    };
    let plain = |port| another(port, vec![check(80)], false);
    let heavy = |port| another(port, vec![check(80)], true);
    let files = |port| another(port, vec![check(80), file(None)], false);
    for (what, old, new, same) in [
        ("new", vec![], vec![plain(1)], &[][..]),
        ("gone", vec![plain(1)], vec![], &[]),
        (
            "elsewhere",
            vec![plain(1), plain(2)],
            vec![plain(2), heavy(1)],
            &[2],
        ),
        ("file", vec![files(1)], vec![files(1)], &[]),
        (
            "first of two, before",
            vec![plain(1), heavy(1)],
            vec![plain(1)],
            &[1],
        ),
        (
            "first of two, after",
            vec![heavy(1)],
            vec![plain(1), heavy(1)],
            &[],
        ),
    ] {
        let expected: BTreeSet<_> = same
            .iter()
            .map(|port| VirtualServerId::of(&plain(*port)))
            .collect();
        assert_eq!(unchanged(&with(old), &with(new)), expected, "{what}");
    }
}

#[test]
fn what_is_unchanged_goes_on_as_it_is() {
    let all = config(vec![check(80)]);
    let mut bench = Bench::new(&all);
    assert_eq!(bench.checker.troubled(), BTreeMap::new());
    assert_eq!(bench.run(refused()).1, Some(false));
    let due = bench.checker.poll_timeout();
    let same = unchanged(&all, &all);
    let troubled = BTreeMap::from([(real_server(), bench.checker.health(&real_server()))]);
    for same in [&same, &BTreeSet::new()] {
        let rng = &mut bench.rng;
        bench.checker.handle_config(&all, same, rng, bench.now);
        assert_eq!(bench.checker.poll_timeout(), due);
        assert_eq!(bench.checker.troubled(), troubled);
    }
    // A configuration without it ends it, whatever was the same before.
    let rng = &mut bench.rng;
    bench
        .checker
        .handle_config(&Config::default(), &same, rng, bench.now);
    assert_eq!(bench.checker.poll_timeout(), None);
}

#[test]
fn sentences_are_keepalived_s() {
    let change = |keyword: &'static str, result: Result<(), ProbeError>, retries: u32| {
        sentence::check_changed(&CheckChange {
            real_server: real_server(),
            keyword,
            session: (keyword == "BFD_CHECK").then(|| "peer".to_owned()),
            result,
            retries,
            is_up: true,
            is_news: true,
            is_turn: true,
        })
    };
    let failed = || Err(ProbeError::Timeout);
    let real = real_server();
    let told = [
        change("TCP_CHECK", Ok(()), 0),
        change("TCP_CHECK", failed(), 0),
        change("TCP_CHECK", failed(), 2),
        change("HTTP_GET", Ok(()), 0),
        change("SSL_GET", failed(), 1),
        change("PING_CHECK", Ok(()), 0),
        change("SMTP_CHECK", Ok(()), 0),
        change("BFD_CHECK", Ok(()), 0),
        change("BFD_CHECK", failed(), 0),
        sentence::verdict(&real, true, false),
        sentence::verdict(&real, false, false),
        sentence::verdict(&real, false, true),
        sentence::weight(&real, 1, 5),
        sentence::slow_start(&real, 5, Some(LOOP)),
        sentence::slow_start(&real, 5, None),
    ];
    let expected = [
        "TCP connection to [10.0.0.1]:tcp:80 success.",
        "TCP_CHECK on service [10.0.0.1]:tcp:80 failed: timeout.",
        "TCP_CHECK on service [10.0.0.1]:tcp:80 failed after 2 retries: timeout.",
        "Remote Web server [10.0.0.1]:tcp:80 succeed on service.",
        "HTTP_CHECK on service [10.0.0.1]:tcp:80 failed after 1 retries: timeout.",
        "ICMP connection to [10.0.0.1]:tcp:80 success.",
        "Remote SMTP server [10.0.0.1]:tcp:80 succeed on service.",
        "BFD check of [peer] RS([10.0.0.1]:tcp:80) is UP",
        "BFD check of [peer] RS([10.0.0.1]:tcp:80) is DOWN",
        "Adding service [10.0.0.1]:tcp:80 to VS [192.0.2.1]:tcp:80",
        "Removing service [10.0.0.1]:tcp:80 from VS [192.0.2.1]:tcp:80",
        "Disabling service [10.0.0.1]:tcp:80 from VS [192.0.2.1]:tcp:80",
        "Changing weight from 1 to 5 for active service [10.0.0.1]:tcp:80 of VS [192.0.2.1]:tcp:80",
        "Slow start of service [10.0.0.1]:tcp:80 of VS [192.0.2.1]:tcp:80: from weight 1 to 5 in 6 s",
        "Slow start of service [10.0.0.1]:tcp:80 of VS [192.0.2.1]:tcp:80 is over: weight 5",
    ];
    assert_eq!(told, expected);
}
