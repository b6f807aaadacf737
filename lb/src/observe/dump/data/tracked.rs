//! The sections of what virtual routers track.

use super::{Source, Text, yes_no};
use crate::{observe::dump::quoted_words, track::snapshot::TrackedSnapshot};

pub(super) fn render(source: &Source<'_>, text: &mut Text) {
    scripts(source, text);
    files(source, text);
    processes(source, text);
    sessions(source, text);
}

/// What is tracked of this kind and name.
fn find<'a>(source: &Source<'a>, kind: &str, name: &str) -> Option<&'a TrackedSnapshot> {
    let mut tracked = source.status.tracked.iter();
    tracked.find(|it| it.kind == kind && it.name == name)
}

fn instances(snapshot: Option<&TrackedSnapshot>, text: &mut Text) {
    let instances = snapshot.map_or(&[][..], |it| &it.instances);
    text.line(3, "Tracking instances :");
    for instance in instances {
        text.line(5, instance);
    }
}

fn seconds(time: std::time::Duration) -> String {
    format!("{} sec", time.as_secs_f64())
}

fn scripts(source: &Source<'_>, text: &mut Text) {
    if !source.config.scripts.is_empty() {
        text.section("VRRP Scripts");
    }
    for script in &source.config.scripts {
        let snapshot = find(source, "vrrp_script", &script.name);
        let status = match snapshot.map(|it| it.up) {
            None => "DISABLED",
            Some(None) => "INIT",
            Some(Some(true)) => "GOOD",
            Some(Some(false)) => "BAD",
        };
        let is_running = snapshot.is_some_and(|it| it.running);
        text.item(1, "VRRP Script", &script.name);
        text.item(3, "Command", quoted_words(&script.command));
        text.item(3, "Interval", seconds(script.interval));
        text.item(3, "Timeout", seconds(script.timeout));
        text.item(3, "Weight", script.weight);
        text.item(3, "Rise", script.rise);
        text.item(3, "Fall", script.fall);
        if let Some(snapshot) = snapshot {
            text.item(3, "Result", &snapshot.last);
        }
        let begins = if script.init_fail {
            "failed"
        } else {
            "unknown"
        };
        text.item(3, "Init state", begins);
        text.item(3, "Status", status);
        if let Some(owner) = &script.user {
            let group = owner.group.as_deref().unwrap_or(&owner.user);
            text.item(
                3,
                "Script user:group",
                format_args!("{}:{group}", owner.user),
            );
        }
        instances(snapshot, text);
        text.item(3, "State", if is_running { "running" } else { "idle" });
    }
}

fn files(source: &Source<'_>, text: &mut Text) {
    if !source.config.track_files.is_empty() {
        text.section("VRRP Track files");
    }
    for file in &source.config.track_files {
        let snapshot = find(source, "track_file", &file.name);
        text.item(1, "Track file", &file.name);
        text.item(3, "File", &file.path);
        text.item(3, "Status", snapshot.and_then(|it| it.count).unwrap_or(0));
        text.item(3, "Weight", file.weight);
        instances(snapshot, text);
    }
}

fn processes(source: &Source<'_>, text: &mut Text) {
    if !source.config.track_processes.is_empty() {
        text.section("VRRP Track processes");
    }
    for process in &source.config.track_processes {
        let snapshot = find(source, "vrrp_track_process", &process.name);
        text.item(1, "VRRP Track process", &process.name);
        text.item(3, "Process", &process.process);
        if !process.parameters.is_empty() {
            text.item(3, "Parameters", process.parameters.join(" "));
        }
        text.item(3, "Min processes", process.quorum);
        if process.quorum_max < u16::MAX {
            text.item(3, "Max processes", process.quorum_max);
        }
        let count = snapshot.and_then(|it| it.count).unwrap_or(0);
        text.item(3, "Current processes", count);
        text.item(
            3,
            "Have quorum",
            snapshot.and_then(|it| it.up).unwrap_or(false),
        );
        text.item(3, "Weight", process.weight);
        let delay = process.terminate_delay.as_secs_f64();
        text.item(3, "Terminate delay", format_args!("{delay:.6}s"));
        let delay = process.fork_delay.as_secs_f64();
        text.item(3, "Fork delay", format_args!("{delay:.6}s"));
        let delayed = snapshot.and_then(|it| it.delayed.as_deref());
        for (name, timer) in [("Fork", "fork_delay"), ("Terminate", "terminate_delay")] {
            let runs = if delayed == Some(timer) { "" } else { "not " };
            text.line(3, format_args!("{name} delay timer {runs}running"));
        }
        text.item(3, "Full command", process.full_command);
        instances(snapshot, text);
    }
}

fn sessions(source: &Source<'_>, text: &mut Text) {
    let sessions = source.config.bfd_instances.iter();
    let mut sessions = sessions.filter(|it| it.for_vrrp).peekable();
    if sessions.peek().is_some() {
        text.section("VRRP Track BFDs");
    }
    for session in sessions {
        let snapshot = find(source, "bfd_instance", &session.name);
        let is_up = snapshot.and_then(|it| it.up).unwrap_or(false);
        text.item(1, "VRRP Track BFD", &session.name);
        text.item(3, "Weight", session.weight);
        text.line(
            3,
            format_args!("Bfd is {}", if is_up { "up" } else { "down" }),
        );
        text.item(3, "Tracked", yes_no(snapshot.is_some()));
        instances(snapshot, text);
    }
}
