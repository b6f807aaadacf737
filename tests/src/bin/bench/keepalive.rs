//! Processes that stay up: from a death to the next life, and what a thousand that live cost, beside monit and runit.
//!
//! Every service is the same shell line: it writes its pid to a file and sleeps. A death comes when a service has lived for longer
//! than runit's second of patience. monit looks every second, which is the least it can.

mod supervisor;

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;

use self::supervisor::{Services, Supervisor};
use crate::{
    duel::milliseconds,
    figure::{Figure, Report, Values},
    selection::Selection,
};

/// Life before a death.
const LIFE: Duration = Duration::from_millis(1200);
/// Time between two looks at a file of pids.
const LOOK: Duration = Duration::from_micros(200);
/// The longest for a next life.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time after a start until all is at rest.
const REST: Duration = Duration::from_secs(3);

/// Measures every case and prints the figures; progress goes to stderr.
///
/// # Errors
/// When a supervisor cannot be started or does not do its work.
pub(crate) fn run(out: &mut Report, selection: &Selection) -> anyhow::Result<()> {
    if selection.has("respawn") {
        respawn(out, if selection.quick { 8 } else { 100 })?;
    }
    let services = if selection.quick { 200 } else { 1000 };
    let case = format!("rest/services={services}");
    if selection.has(&case) {
        rest(out, services, &case, selection.quick)?;
    }
    Ok(())
}

fn respawn(out: &mut Report, deaths: usize) -> anyhow::Result<()> {
    let mut latencies = Vec::new();
    for supervisor in Supervisor::ALL {
        let services = Services::start(supervisor, 1)?;
        let runs = (0..deaths).map(|_| death(&services));
        latencies.push(runs.collect::<anyhow::Result<Vec<f64>>>()?);
    }
    let [ours, others @ ..] = latencies.as_slice() else {
        return Ok(());
    };
    for (supervisor, theirs) in Supervisor::ALL[1..].iter().zip(others) {
        let figures = [
            ("latency_ms", Values::new(ours), Values::new(theirs)),
            (
                "latency_p99_ms",
                Values::new(&[p99(ours)]),
                Values::new(&[p99(theirs)]),
            ),
        ];
        for (metric, values, theirs) in figures {
            out.add(&Figure {
                bench: "keepalive",
                case: "respawn".to_owned(),
                metric,
                values,
                against: Some((supervisor.name(), theirs.median)),
            })?;
        }
    }
    Ok(())
}

/// Milliseconds from a death to the next life.
fn death(services: &Services) -> anyhow::Result<f64> {
    thread::sleep(LIFE);
    let before = services.pids();
    let killed = Instant::now();
    services.kill_last();
    while services.pids().len() == before.len() {
        ensure!(killed.elapsed() < PATIENCE, "nobody sees the death");
        thread::sleep(LOOK);
    }
    Ok(milliseconds(killed.elapsed()))
}

/// The value that one in a hundred exceeds; of fewer, the largest.
fn p99(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() * 99).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

fn rest(out: &mut Report, services: usize, case: &str, quick: bool) -> anyhow::Result<()> {
    let window = Duration::from_secs(if quick { 5 } else { 20 });
    let mut measured = Vec::new();
    for supervisor in Supervisor::ALL {
        let services = Services::start(supervisor, services)?;
        thread::sleep(REST);
        let before = services.used()?;
        thread::sleep(window);
        let after = services.used()?;
        let seconds = window.as_secs_f64();
        let wakeups = after.switches.saturating_sub(before.switches) as f64 / seconds;
        let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64() / seconds * 100.0;
        measured.push([wakeups, cpu, after.memory as f64 / 1e6]);
    }
    let [ours, others @ ..] = measured.as_slice() else {
        return Ok(());
    };
    for (supervisor, theirs) in Supervisor::ALL[1..].iter().zip(others) {
        let metrics = ["wakeups_per_s", "cpu_percent", "rss_mb"];
        for ((metric, value), peer) in metrics.into_iter().zip(ours).zip(theirs) {
            out.add(&Figure {
                bench: "keepalive",
                case: case.to_owned(),
                metric,
                values: Values::new(&[*value]),
                against: Some((supervisor.name(), *peer)),
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::p99;

    #[test]
    fn one_in_a_hundred_exceeds_the_99th_percentile() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(p99(&hundred), 99.0);
        assert_eq!(p99(&[3.0, 1.0, 2.0]), 3.0);
        assert_eq!(p99(&[]), 0.0);
    }
}
