//! The threads of a process, as `/proc` shows them.

use std::{fs, path::Path, time::Duration};

use crate::observe::dump::waits::Thread;

/// Every thread of a process; none where it is gone.
#[must_use]
pub fn threads(pid: u32) -> Vec<Thread> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let threads = tasks.filter_map(|task| thread(&task.path()));
    threads.collect()
}

fn thread(task: &Path) -> Option<Thread> {
    let read = |name| fs::read_to_string(task.join(name));
    let id = task.file_name()?.to_str()?.parse().ok()?;
    let stat = read("stat").ok()?;
    // The name in parentheses may hold spaces and parentheses itself.
    let (_, after) = stat.rsplit_once(") ")?;
    let status = read("status").unwrap_or_default();
    let schedule = read("schedstat").unwrap_or_default();
    let nanoseconds = schedule
        .split(' ')
        .next()
        .and_then(|word| word.parse().ok());
    Some(Thread {
        id,
        name: read("comm").ok()?.trim_end().to_owned(),
        state: after.chars().next()?,
        sleeps_in: read("wchan").unwrap_or_default(),
        cpu: Duration::from_nanos(nanoseconds.unwrap_or(0)),
        switches: (
            switches(&status, "voluntary_ctxt_switches:"),
            switches(&status, "nonvoluntary_ctxt_switches:"),
        ),
    })
}

fn switches(status: &str, name: &str) -> u64 {
    let mut lines = status.lines();
    let value = lines.find_map(|line| line.strip_prefix(name));
    value
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(0)
}
