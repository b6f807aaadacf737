//! How long a check of a large configuration takes and how much memory it needs.
//!
//! `lb -t` and Debian's `keepalived -t` read the same file, one after the other, each in a process of its own: the time
//! is from its start to its end, the memory its largest resident set. Every virtual server has ten real servers with a
//! `TCP_CHECK` each.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Instant,
};

use anyhow::{Context as _, ensure};

use crate::{
    figure::{Figure, Report, Values},
    peer,
    selection::Selection,
};

/// Virtual servers of each case, with the runs of a full and of a quick benchmark.
const CASES: [(usize, [usize; 2]); 3] = [(100, [15, 5]), (1_000, [9, 3]), (10_000, [5, 1])];
const REAL_SERVERS: usize = 10;

/// Measures every case and prints the figures; how time and memory grow goes to stderr.
///
/// # Errors
/// When a program cannot be started, or finds something wrong with the file.
pub(crate) fn run(out: &mut Report, selection: &Selection) -> anyhow::Result<()> {
    let lb = peer::lb_binary()?;
    let name = peer::keepalived_name()?;
    let mut medians = Vec::new();
    for (servers, runs) in CASES {
        if !selection.has(&case_name(servers)) {
            continue;
        }
        let file = Configuration::write(servers)?;
        let mut samples = [Samples::default(), Samples::default()];
        for _ in 0..runs[usize::from(selection.quick)] {
            for (command, samples) in [Command::new(&lb), peer::keepalived()]
                .into_iter()
                .zip(&mut samples)
            {
                samples.add(measure(command, file.path())?);
            }
        }
        medians.push((servers, samples.each_ref().map(Samples::median)));
        report(servers, &samples, &name, out)?;
    }
    say_growth(&medians, &name);
    Ok(())
}

fn case_name(servers: usize) -> String {
    format!("vs={servers}")
}

/// What the runs of one program on one file gave.
#[derive(Debug, Default)]
struct Samples {
    parse_ms: Vec<f64>,
    rss_mb: Vec<f64>,
}

impl Samples {
    fn add(&mut self, [parse_ms, rss_mb]: [f64; 2]) {
        self.parse_ms.push(parse_ms);
        self.rss_mb.push(rss_mb);
    }

    fn median(&self) -> [f64; 2] {
        [&self.parse_ms, &self.rss_mb].map(|values| Values::new(values).median)
    }
}

fn report(
    servers: usize,
    [ours, theirs]: &[Samples; 2],
    peer: &str,
    out: &mut Report,
) -> anyhow::Result<()> {
    for (metric, ours, theirs) in [
        ("parse_ms", &ours.parse_ms, &theirs.parse_ms),
        ("rss_mb", &ours.rss_mb, &theirs.rss_mb),
    ] {
        out.add(&Figure {
            bench: "config",
            case: case_name(servers),
            metric,
            values: Values::new(ours),
            against: Some((peer, Values::new(theirs).median)),
        })?;
    }
    Ok(())
}

/// Ten times the virtual servers take ten times as long, where growth is linear.
#[expect(clippy::print_stderr, reason = "stdout is for figures alone")]
fn say_growth(medians: &[(usize, [[f64; 2]; 2])], peer: &str) {
    for pair in medians.windows(2) {
        let [(few, small), (many, large)] = pair else {
            continue;
        };
        for (index, program) in ["lb", peer].into_iter().enumerate() {
            let [time, memory] = [0, 1].map(|metric| large[index][metric] / small[index][metric]);
            eprintln!(
                "{many}:{few} virtual servers, {program}: {time:.1} times the time, {memory:.1} times the memory"
            );
        }
    }
}

/// A file that goes with its owner.
#[derive(Debug)]
struct Configuration(PathBuf);

impl Configuration {
    fn write(servers: usize) -> anyhow::Result<Self> {
        let name = format!("lb-bench-config-{}-{servers}.conf", std::process::id());
        let path = std::env::temp_dir().join(name);
        let out = File::create_new(&path).with_context(|| format!("make {}", path.display()))?;
        let file = Self(path);
        let mut out = BufWriter::new(out);
        // Streamed, because a child's memory includes ours until it becomes the other program.
        write_servers(&mut out, servers)
            .and_then(|()| out.flush())
            .context("write the configuration")?;
        Ok(file)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

fn write_servers(out: &mut impl Write, servers: usize) -> io::Result<()> {
    writeln!(
        out,
        "! {servers} virtual servers\nglobal_defs {{\n    router_id bench\n}}"
    )?;
    for server in 0..servers {
        let [high, low] = [server / 250, server % 250 + 1];
        write!(
            out,
            "\nvirtual_server 198.18.{high}.{low} 80 {{\n    delay_loop 6\n    lb_algo rr\n    lb_kind NAT\n    \
             protocol TCP\n"
        )?;
        for real in 1..=REAL_SERVERS {
            write!(
                out,
                "\n    real_server 10.{high}.{low}.{real} 8080 {{\n        weight {real}\n        TCP_CHECK {{\n            \
                 connect_timeout 3\n            retry 2\n            delay_before_retry 1\n        }}\n    }}\n"
            )?;
        }
        writeln!(out, "}}")?;
    }
    Ok(())
}

/// Milliseconds and megabytes of one run.
fn measure(mut command: Command, file: &Path) -> anyhow::Result<[f64; 2]> {
    let program = command.get_program().to_owned();
    let start = Instant::now();
    let child = command
        .args(["-t", "-f"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("start {}", program.display()))?;
    let (status, kilobytes) = wait(&child)?;
    let time = start.elapsed();
    ensure!(
        status.success(),
        "{} -t -f {}: {status}",
        program.display(),
        file.display()
    );
    Ok([time.as_secs_f64() * 1000.0, kilobytes / 1024.0])
}

/// Waits for a process; its exit status and its largest resident set in KiB.
fn wait(child: &Child) -> io::Result<(ExitStatus, f64)> {
    use std::os::unix::process::ExitStatusExt as _;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    loop {
        let (reaped, usage) = wait4(pid, &mut status);
        if reaped == pid {
            return Ok((ExitStatus::from_raw(status), usage.ru_maxrss as f64));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn wait4(pid: i32, status: &mut i32) -> (i32, nix::libc::rusage) {
    // SAFETY: all zeroes is a valid `rusage`, which is nothing but numbers.
    let mut usage: nix::libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of the types that the call writes.
    let reaped = unsafe { nix::libc::wait4(pid, status, 0, &raw mut usage) };
    (reaped, usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_has_every_server_once() {
        let mut text = Vec::new();
        write_servers(&mut text, 600).unwrap();
        let text = String::from_utf8(text).unwrap();
        let unique: std::collections::BTreeSet<&str> = text
            .lines()
            .filter(|line| line.contains("_server "))
            .collect();
        assert_eq!(unique.len(), 600 * (1 + REAL_SERVERS));
        assert_eq!(text.matches("TCP_CHECK").count(), 600 * REAL_SERVERS);
    }
}
