//! How soon BFD sees a cut, how often it sees one that is none, and what many sessions cost: beside Debian's keepalived and FRR.
//!
//! Both directors run the same daemon with the same sessions, each of which has addresses of its own. A cut takes the other
//! director's port down; what counts is when the log of the first one says Down, for each session by itself. CPU time and
//! context switches are those of all processes of the first director. Only where every processor is busy daemons have a real-time
//! priority, those that know one; there the longest standstill of the machine itself is told too. `LB_BENCH_SECONDS` is how long that
//! lasts, in place of a minute.

mod ends;

use std::{
    env, fs,
    io::{Read as _, Seek as _, SeekFrom},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use lb::{
    cli::Role,
    config::model::global::{AutoPriority, Scheduling},
    io::scheduling::Priorities,
};
use tokio::runtime;
use xtask::lab::{Daemon, Director, Lab, Options, process};

use self::ends::{Rate, Sessions};
use crate::{
    duel::{count, milliseconds},
    figure::{Figure, Report, Values},
    peer,
    selection::Selection,
};

/// Sessions that a cut hits at once: each detects it for itself.
const PER_CUT: u16 = 10;
/// How long sessions may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);
/// After the first daemon is seen to be up.
const REST: Duration = Duration::from_secs(2);
/// How often the log is looked at.
const LOOK: Duration = Duration::from_micros(200);

/// Metrics with all their samples.
type Samples = Vec<(&'static str, Vec<f64>)>;

#[derive(Clone, Copy, Debug)]
enum Case {
    /// So many cuts.
    Link { rate: Rate, cuts: u32 },
    /// Every processor is busy.
    Busy { rate: Rate, window: Duration },
    /// At rest.
    Sessions {
        count: u16,
        rate: Rate,
        window: Duration,
    },
}

/// Measures every case and prints the figures; progress goes to stderr.
///
/// # Errors
/// When a daemon cannot be started or does not come up.
pub(crate) fn run(out: &mut Report, selection: &Selection) -> anyhow::Result<()> {
    let binary = peer::lb_binary()?;
    let ours = Daemon::Lb { binary };
    let peers = [
        (ours.clone(), "lb, bfd_xdp off".to_owned(), "bfd_xdp off\n"),
        (Daemon::Keepalived, peer::keepalived_name()?, ""),
        (Daemon::FrrBfd, ends::frr_name()?, ""),
    ];
    for case in cases(selection.quick)? {
        let name = case.name();
        if !selection.has(&name) {
            continue;
        }
        let measured = case.measure(&ours, "")?;
        for (daemon, peer, globals) in &peers {
            // One that loses sessions by itself has no figure.
            let theirs = case.measure(daemon, globals).unwrap_or_else(|error| {
                tell(&format!("{name} {peer}: {error:#}"));
                Samples::new()
            });
            for (metric, values) in &measured {
                let of_peer = theirs.iter().find(|(known, _)| known == metric);
                out.add(&Figure {
                    bench: "bfd",
                    case: name.clone(),
                    metric,
                    values: Values::new(values),
                    against: of_peer.map(|(_, values)| (peer.as_str(), Values::new(values).median)),
                })?;
            }
        }
    }
    Ok(())
}

fn cases(quick: bool) -> anyhow::Result<Vec<Case>> {
    let rate = |micros| Rate {
        interval: Duration::from_micros(micros),
        multiplier: 3,
    };
    let cuts = if quick { 1 } else { 10 };
    let window = Duration::from_secs(if quick { 2 } else { 10 });
    let mut cases = Vec::new();
    for micros in [50_000, 10_000, 3_300] {
        let rate = rate(micros);
        cases.push(Case::Link { rate, cuts });
    }
    if !quick {
        let seconds = env::var("LB_BENCH_SECONDS").map_or(Ok(60), |seconds| seconds.parse());
        let window = Duration::from_secs(seconds.context("LB_BENCH_SECONDS")?);
        let rate = rate(10_000);
        cases.push(Case::Busy { rate, window });
    }
    let counts: &[u16] = if quick { &[100] } else { &[1, 100, 400, 1000] };
    for &count in counts {
        let rate = rate(10_000);
        cases.push(Case::Sessions {
            count,
            rate,
            window,
        });
    }
    Ok(cases)
}

impl Case {
    fn name(self) -> String {
        match self {
            Self::Link { rate, .. } => format!("link/{rate}"),
            Self::Busy { rate, .. } => format!("busy/{rate}"),
            Self::Sessions { count, rate, .. } => {
                format!("sessions={count}/{}", rate.interval.as_secs_f64() * 1000.0)
            }
        }
    }

    fn measure(self, daemon: &Daemon, globals: &'static str) -> anyhow::Result<Samples> {
        let (Self::Link { rate, .. } | Self::Busy { rate, .. } | Self::Sessions { rate, .. }) =
            self;
        let sessions = Sessions {
            count: match self {
                Self::Link { .. } | Self::Busy { .. } => PER_CUT,
                Self::Sessions { count, .. } => count,
            },
            rate,
            real_time: matches!(self, Self::Busy { .. }),
            globals,
        };
        let lab = Lab::start(Options { servers: false })?;
        for number in [1, 2] {
            let director = lab.director(usize::from(number));
            sessions.address(number, director.namespace())?;
            director.start(daemon, sessions.config(daemon, number))?;
        }
        let mut log = Log::of(lab.director(1));
        log.wait(ends::UP, usize::from(sessions.count), PATIENCE)?;
        thread::sleep(REST);
        let measured = match self {
            Self::Link { cuts, .. } => link(&lab, &mut log, sessions, cuts),
            Self::Busy { window, .. } => busy(&mut log, window),
            Self::Sessions { window, .. } => cost(lab.director(1), &mut log, window),
        };
        let measured = measured?;
        progress(&self.name(), daemon, &measured);
        Ok(measured)
    }
}

/// The log of a director, read as it grows.
struct Log {
    director: String,
    file: Option<fs::File>,
    path: std::path::PathBuf,
    rest: Vec<u8>,
}

impl Log {
    fn of(director: &Director) -> Self {
        Self {
            director: director.node().to_string(),
            file: None,
            path: director.config_file().with_file_name("log"),
            rest: Vec::new(),
        }
    }

    /// How many whole lines that have one of the words were added since the last call.
    fn added(&mut self, words: &[&str]) -> anyhow::Result<usize> {
        if self.file.is_none() {
            let mut file = fs::File::open(&self.path)?;
            file.seek(SeekFrom::Start(0))?;
            self.file = Some(file);
        }
        let file = self.file.as_mut().context("the log is open")?;
        file.read_to_end(&mut self.rest)?;
        let end = self.rest.iter().rposition(|byte| *byte == b'\n');
        let whole: Vec<u8> = self.rest.drain(..end.map_or(0, |end| end + 1)).collect();
        let text = String::from_utf8_lossy(&whole);
        let lines = text.lines();
        Ok(lines
            .filter(|line| words.iter().any(|word| line.contains(word)))
            .count())
    }

    /// Waits for so many such lines; returns when each was seen.
    fn wait(
        &mut self,
        words: &[&str],
        wanted: usize,
        patience: Duration,
    ) -> anyhow::Result<Vec<Instant>> {
        let start = Instant::now();
        let mut seen = Vec::new();
        while seen.len() < wanted {
            ensure!(
                start.elapsed() < patience,
                "{}: {} of {wanted} lines with {words:?}",
                self.director,
                seen.len()
            );
            let added = self.added(words)?;
            seen.extend(std::iter::repeat_n(Instant::now(), added));
            thread::sleep(LOOK);
        }
        Ok(seen)
    }
}

fn link(lab: &Lab, log: &mut Log, sessions: Sessions, cuts: u32) -> anyhow::Result<Samples> {
    let wanted = usize::from(sessions.count);
    let port = lab.director(2).port();
    let mut samples = Vec::new();
    for cut in 0..cuts {
        // Not always at the same place between two packets.
        thread::sleep(Duration::from_micros(u64::from(cut) * 1_370));
        ensure!(
            log.added(ends::DOWN)? == 0,
            "a session was down before the cut"
        );
        let start = Instant::now();
        port.cut()?;
        let seen = log.wait(ends::DOWN, wanted, PATIENCE)?;
        samples.extend(seen.iter().map(|at| milliseconds(*at - start)));
        port.restore()?;
        log.wait(ends::UP, wanted, PATIENCE)?;
        thread::sleep(REST);
        log.added(ends::DOWN)?;
    }
    let mut sorted = samples.clone();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1 + sorted.len() / 100);
    let p99 = sorted.get(last).copied().unwrap_or_default();
    Ok(vec![("detect_ms", samples), ("detect_p99_ms", vec![p99])])
}

/// Sessions lost while as many threads as there are processors do nothing but compute.
fn busy(log: &mut Log, window: Duration) -> anyhow::Result<Samples> {
    let stop = AtomicBool::new(false);
    log.added(ends::DOWN)?;
    let processors = thread::available_parallelism()?.get();
    let mut standstill = Duration::ZERO;
    // Real time has a limit, which a signal tells of.
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let watch = scope.spawn(|| {
            let _entered = runtime.enter();
            longest_standstill(&stop)
        });
        thread::sleep(window);
        stop.store(true, Ordering::Relaxed);
        standstill = watch.join().unwrap_or_default();
    });
    let lost = count(log.added(ends::DOWN)?);
    Ok(vec![
        ("false_detections", vec![lost]),
        ("standstill_ms", vec![milliseconds(standstill)]),
    ])
}

/// The longest that a thread with a priority above the daemons' did not run though it wanted to, every millisecond: what the
/// machine itself was away.
fn longest_standstill(stop: &AtomicBool) -> Duration {
    const BEAT: Duration = Duration::from_millis(1);
    let above = Scheduling {
        real_time: Some(60),
        real_time_limit: Duration::from_secs(1),
        ..Scheduling::default()
    };
    Priorities::of_another_thread(Role::Bfd).apply(&above, AutoPriority::default());
    let (mut longest, mut last) = (Duration::ZERO, Instant::now());
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(BEAT);
        let now = Instant::now();
        longest = longest.max((now - last).saturating_sub(BEAT));
        last = now;
    }
    longest
}

fn cost(director: &Director, log: &mut Log, window: Duration) -> anyhow::Result<Samples> {
    log.added(ends::DOWN)?;
    let before = used(director)?;
    thread::sleep(window);
    let after = used(director)?;
    let lost = count(log.added(ends::DOWN)?);
    let seconds = window.as_secs_f64();
    let cpu = after.0.saturating_sub(before.0).as_secs_f64() / seconds * 100.0;
    let switches = after.1.saturating_sub(before.1) as f64 / seconds;
    Ok(vec![
        ("cpu_percent", vec![cpu]),
        ("context_switches_per_s", vec![switches]),
        ("false_detections", vec![lost]),
    ])
}

/// CPU time and context switches of all processes of a director.
fn used(director: &Director) -> anyhow::Result<(Duration, u64)> {
    let mut used = (Duration::ZERO, 0);
    for pid in director.namespace().processes() {
        used.0 += process::cpu_time(pid)?;
        used.1 += process::context_switches(pid)?;
    }
    Ok(used)
}

fn progress(case: &str, daemon: &Daemon, measured: &Samples) {
    let figures: Vec<_> = measured
        .iter()
        .map(|(metric, values)| {
            let Values {
                median, min, max, ..
            } = Values::new(values);
            format!("{metric} {median:.2} ({min:.2} to {max:.2})")
        })
        .collect();
    tell(&format!(
        "{case} {}: {}",
        peer::name(daemon),
        figures.join(", ")
    ));
}

#[expect(
    clippy::print_stderr,
    reason = "progress of a benchmark that takes minutes"
)]
fn tell(line: &str) {
    eprintln!("{line}");
}
