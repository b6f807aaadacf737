//! One line per step on standard error, a sign of life in long ones, the log of failed ones.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// Time between two signs of life of a long step.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// Time between two looks at a running process.
const POLL: Duration = Duration::from_millis(50);

/// Lines of a failed step's log that are shown.
const TAIL: usize = 12;

/// Prints one line on standard error.
pub fn say(line: &str) {
    // A closed standard error must not stop the work.
    let _ = writeln!(io::stderr(), "xtask: {line}");
}

/// Runs `command` quietly as the step `title`; its output goes to `target/toolchain/log/<name>.log`.
///
/// # Errors
/// Names the step and shows the end of its log when the command fails or takes longer than `limit`.
pub fn run(name: &str, title: &str, command: &mut Command, limit: Duration) -> Result<()> {
    say(title);
    let log = workspace::prepared()
        .join("log")
        .join(format!("{name}.log"));
    fs::create_dir_all(log.parent().expect("the log has a folder"))?;
    let file = fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let start = Instant::now();
    match watch(name, child, start, limit)? {
        Some(status) if status.success() => {
            if start.elapsed() >= SIGN_OF_LIFE {
                say(&format!("{name}: done in {} s", start.elapsed().as_secs()));
            }
            Ok(())
        }
        Some(status) => bail!("{name} failed ({status}): {}", tail(&log)),
        None => bail!(
            "{name} was stopped after {} s: {}",
            limit.as_secs(),
            tail(&log)
        ),
    }
}

/// What xtask ends with after a program that did its work.
pub fn exit_code(status: ExitStatus) -> ExitCode {
    if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Waits for `child` and reports on it every ten seconds; ends it and returns `None` after `limit`.
fn watch(
    name: &str,
    mut child: Child,
    start: Instant,
    limit: Duration,
) -> Result<Option<ExitStatus>> {
    let mut next_sign = SIGN_OF_LIFE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        if start.elapsed() >= next_sign {
            say(&format!("{name}: {} s", next_sign.as_secs()));
            next_sign += SIGN_OF_LIFE;
        }
        thread::sleep(POLL);
    }
}

/// Returns the last lines of the log at `path`, indented, below the log's path.
fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let mut shown = format!("see {}", workspace::relative(path).display());
    for line in &lines[lines.len().saturating_sub(TAIL)..] {
        shown.push_str("\n    ");
        shown.push_str(line);
    }
    shown
}
