//! `keepalived_waits.data`: what each process waits for, and what its threads are doing, for somebody who wonders at night why nothing
//! happens.
//!
//! A child that does not answer is the one to look at, so its threads are there all the same: they are read from `/proc`, not asked of it.

use std::{fmt::Write as _, time::Duration};

use crate::observe::status::Wait;

/// Most lines of one process: what is due later says little.
const MOST: usize = 500;

/// One process of the daemon.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// `parent`, `vrrp`, `checkers`, `bfd`.
    pub role: String,
    /// Its pid.
    pub pid: u32,
    /// What it waits for; none where it has not answered.
    pub waits: Option<Vec<Wait>>,
    /// By how much a timer ran too late at most, since the configuration came.
    pub longest_delay: Option<Duration>,
    /// Its threads.
    pub threads: Vec<Thread>,
}

/// One thread, as `/proc` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// `R`, `S`, `D` and so on.
    pub state: char,
    /// The function of the kernel that it sleeps in; empty where it runs or the kernel does not say.
    pub sleeps_in: String,
    /// Time on a processor.
    pub cpu: Duration,
    /// Context switches: of its own will, and not.
    pub switches: (u64, u64),
}

/// All processes, the parent first. What is late or due first stands first.
#[must_use]
pub fn render(processes: &[Process]) -> String {
    let mut text = String::new();
    for process in processes {
        // Writing to a string cannot fail, here and below.
        let _written = writeln!(
            text,
            "------< {} (pid {}) >------",
            process.role, process.pid
        );
        if let Some(delay) = process.longest_delay {
            let _written = writeln!(
                text,
                " Longest delay of a timer = {:.6} s",
                delay.as_secs_f64()
            );
        }
        waits(process.waits.as_deref(), &mut text);
        threads(&process.threads, &mut text);
    }
    text
}

fn waits(waits: Option<&[Wait]>, text: &mut String) {
    let Some(waits) = waits else {
        text.push_str(" Does not answer: its loop is busy or stuck; its threads say in what\n");
        return;
    };
    let mut waits: Vec<&Wait> = waits.iter().collect();
    waits.sort_by(|a, b| {
        let due = |wait: &Wait| wait.due_in.unwrap_or(f64::NEG_INFINITY);
        due(a).total_cmp(&due(b))
    });
    let late = waits
        .iter()
        .filter(|wait| wait.due_in.is_some_and(|due| due < 0.0))
        .count();
    let _written = writeln!(
        text,
        " Waits for {} things, {late} of them late",
        waits.len()
    );
    for wait in waits.iter().take(MOST) {
        let due = match wait.due_in {
            None => "event".to_owned(),
            Some(due) if due < 0.0 => format!("LATE {:.3} s", -due),
            Some(due) => format!("in {due:.3} s"),
        };
        let _written = writeln!(text, "   {due:<14} {}", wait.what);
    }
    if let Some(more) = waits.len().checked_sub(MOST).filter(|more| *more > 0) {
        let _written = writeln!(text, "   {more} more, due later");
    }
}

fn threads(threads: &[Thread], text: &mut String) {
    let _written = writeln!(text, " Threads = {}", threads.len());
    for thread in threads {
        let place = match &*thread.sleeps_in {
            "" | "0" => String::new(),
            place => format!(" in {place}"),
        };
        let (own, forced) = thread.switches;
        let _written = writeln!(
            text,
            "   {} {}: {}{place}, {:.3} s on a processor, {own} waits, {forced} times put aside",
            thread.id,
            thread.name,
            state(thread.state),
            thread.cpu.as_secs_f64(),
        );
    }
}

const fn state(letter: char) -> &'static str {
    match letter {
        'R' => "runs",
        'S' => "sleeps",
        'D' => "waits for a device (cannot be killed)",
        'T' | 't' => "stopped",
        'Z' => "has ended",
        _ => "in another state",
    }
}
