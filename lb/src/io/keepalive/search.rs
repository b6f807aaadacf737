//! Finding processes by what marks them: their group, or a variable of their environment.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{task::spawn_blocking, time::sleep};

use super::cgroup::Cgroups;
use crate::{
    io::process::{self, identify},
    keepalive::{record::ProcessId, request::Running},
};

/// How long the main process of one that went to the background is looked for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// What marks the processes of one start.
#[derive(Clone, Debug)]
pub struct Marked {
    /// The groups, where there are any, and the leaf.
    pub leaf: Option<(Cgroups, u64)>,
    /// The value of `KEEPALIVE_ID`.
    pub id: String,
}

impl Marked {
    /// Every process with the mark, the oldest first.
    fn members(&self) -> Vec<ProcessId> {
        let pids = match &self.leaf {
            Some((cgroups, leaf)) => cgroups.members(*leaf),
            None => by_environment(&self.id),
        };
        let mut members: Vec<_> = pids
            .into_iter()
            .filter_map(|pid| identify(pid).ok())
            .collect();
        members.sort_by_key(|process| (process.start_time, process.pid));
        members
    }

    /// Whether a process has the mark.
    #[must_use]
    pub fn has(&self, pid: u32) -> bool {
        match &self.leaf {
            Some((cgroups, leaf)) => cgroups.members(*leaf).contains(&pid),
            None => is_marked(pid, &self.id),
        }
    }

    /// Ends every process with the mark.
    pub fn kill(&self) {
        if let Some((cgroups, leaf)) = &self.leaf {
            return cgroups.kill(*leaf);
        }
        process::kill(by_environment(&self.id), |pid| is_marked(pid, &self.id));
    }

    /// The main process of one that went to the background: that of the pid file, else the oldest there is.
    pub async fn main(self, pid_file: Option<PathBuf>) -> Option<ProcessId> {
        let looks = PATIENCE.as_millis() / LOOK.as_millis();
        for _ in 0..looks {
            let (marked, file) = (self.clone(), pid_file.clone());
            let found = spawn_blocking(move || marked.look(file.as_deref())).await;
            if let Ok(Some(found)) = found {
                return Some(found);
            }
            sleep(LOOK).await;
        }
        None
    }

    fn look(&self, pid_file: Option<&Path>) -> Option<ProcessId> {
        let members = self.members();
        match pid_file {
            Some(file) => {
                let pid: u32 = fs::read_to_string(file).ok()?.trim().parse().ok()?;
                // A file of an earlier process may name anybody.
                members.into_iter().find(|process| process.pid == pid)
            }
            None => members.into_iter().next(),
        }
    }
}

fn by_environment(id: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| is_marked(*pid, id)).collect()
}

fn is_marked(pid: u32, id: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let mut variables = environment.split(|byte| *byte == 0);
    variables.any(|variable| variable.strip_prefix(b"KEEPALIVE_ID=") == Some(id.as_bytes()))
}

/// A process as an operator names it.
///
/// # Errors
/// When there is no such process.
pub fn running(pid: u32) -> std::io::Result<Running> {
    let process = identify(pid)?;
    let program = fs::read_link(format!("/proc/{pid}/exe"))?;
    let words = fs::read(format!("/proc/{pid}/cmdline"))?;
    let words = words.strip_suffix(b"\0").unwrap_or(&words);
    Ok(Running {
        process,
        program: program.to_string_lossy().into_owned(),
        words: words
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect(),
    })
}
