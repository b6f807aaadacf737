//! A check that keeps its connection.

use super::*;
use crate::tcp_keepalive::values::Guarded;

fn keepalive(port: u16) -> model::Check {
    model::Check::Keepalive(Box::new(model::check::Probe {
        connection: Connection {
            schedule: Schedule {
                retry: 0,
                ..schedule()
            },
            ..connection(port)
        },
        settings: Guarded::default(),
    }))
}

/// Goes on to the next probe: how long that took, which it is, and whether it waits for an end.
fn next(bench: &mut Bench) -> (Duration, ProbeId, bool) {
    let (due, _) = bench.checker.poll_timeout().expect("a check waits");
    let waited = due - bench.now;
    bench.now = due;
    bench.checker.handle_timeout(&mut bench.rng, due);
    match &bench.outputs()[..] {
        [Output::Probe { id, probe }] => (waited, *id, probe.kept.unwrap().awaits_end),
        other => panic!("{other:?}"),
    }
}

fn answer(bench: &mut Bench, id: ProbeId, result: ProbeResult) {
    let (rng, now) = (&mut bench.rng, bench.now);
    bench.checker.handle_result(id, result, rng, now);
    bench.outputs();
}

#[test]
fn it_waits_for_the_end_as_soon_as_it_has_passed_and_connects_again_after_it() {
    let mut bench = Bench::new(&config(vec![keepalive(80)]));
    let (_, first, awaits_end) = next(&mut bench);
    assert!(!awaits_end, "the first connects");
    answer(&mut bench, first, well());
    let (waited, second, awaits_end) = next(&mut bench);
    assert!(waited.is_zero() && awaits_end, "the second waits, at once");
    answer(&mut bench, second, refused());
    assert!(!bench.is_up());
    let (waited, third, awaits_end) = next(&mut bench);
    assert!(waited == LOOP && !awaits_end, "one that is down connects");
    answer(&mut bench, third, well());
    assert!(bench.is_up());
}

#[test]
fn its_connection_is_closed_with_it_and_not_by_a_reload_that_keeps_it() {
    let mut bench = Bench::new(&config(vec![keepalive(80)]));
    bench.configure(vec![keepalive(80)]);
    assert_eq!(bench.outputs(), []);
    bench.configure(vec![keepalive(81)]);
    let outputs = bench.outputs();
    assert!(matches!(outputs[..], [Output::Close(_)]), "{outputs:?}");
}
