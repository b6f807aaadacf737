//! `lb replay`: what a router decides when it is fed a recording.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read as _, Write},
    path::Path,
    time::Instant,
};

use anyhow::Context as _;

use super::complain;
use crate::vrrp::{
    record::LIMIT,
    replay::{Event, Problem, Replay},
};

/// It decides otherwise than it did.
const DIFFERENT: u8 = 1;
/// The file cannot be read, or is not a recording.
const DAMAGED: u8 = 2;

/// Feeds the recording in `file` to a new router and prints what it wants, a line each: what it wanted then and does not now
/// begins with `-`, what it wants now and did not then with `+`. With `inputs` it prints what it is fed too, after `>`.
/// Returns 0, 1 when it decides otherwise than it did, and 2 when the file cannot be read or is no recording.
///
/// # Errors
/// When stdout is closed.
pub fn replay(file: &Path, inputs: bool) -> anyhow::Result<u8> {
    let name = file.display();
    let mut out = BufWriter::new(io::stdout().lock());
    let end = match File::open(file) {
        // One byte more than a recording has tells that it is none.
        Ok(file) => play(BufReader::new(file.take(LIMIT + 1)), inputs, &mut out)?,
        Err(error) => End::Unreadable(error),
    };
    out.flush().context("stdout")?;
    Ok(match end {
        End::Same => 0,
        End::Different(count) => {
            complain(&format!("{name}: {count} differences"));
            DIFFERENT
        }
        End::Unreadable(error) => {
            complain(&format!("{name}: {error}"));
            DAMAGED
        }
        End::Damaged(line, problem) => {
            complain(&format!("{name} line {line}: {problem}"));
            DAMAGED
        }
        End::Long => {
            complain(&format!("{name}: longer than {} MiB", LIMIT >> 20));
            DAMAGED
        }
    })
}

/// How a replay ends.
#[derive(Debug)]
enum End {
    Same,
    Different(usize),
    Unreadable(io::Error),
    Damaged(usize, Problem),
    Long,
}

fn play(mut lines: impl BufRead, inputs: bool, out: &mut impl Write) -> anyhow::Result<End> {
    let mut replay = Replay::new(Instant::now());
    let mut line = Vec::new();
    let mut read = 0;
    // A line that has no end.
    let mut cut = None;
    for number in 1.. {
        line.clear();
        match lines.read_until(b'\n', &mut line) {
            Ok(length) => read += length,
            Err(error) => return Ok(End::Unreadable(error)),
        }
        if u64::try_from(read).is_ok_and(|read| read > LIMIT) {
            return Ok(End::Long);
        }
        if line.is_empty() {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let taken = replay.take(&line);
        // A process that dies ends its recording anywhere; the next one begins another.
        let begins = |events: &Vec<Event>| events.iter().any(|e| matches!(e, Event::Begin(_)));
        if let Some((number, problem)) = cut.take()
            && !taken.as_ref().is_ok_and(begins)
        {
            return Ok(End::Damaged(number, problem));
        }
        match taken {
            Ok(events) => print(&events, inputs, out)?,
            Err(Problem::NoRecord(error)) if error.is_eof() => {
                cut = Some((number, Problem::NoRecord(error)));
            }
            Err(problem) => return Ok(End::Damaged(number, problem)),
        }
    }
    print(&replay.finish(), inputs, out)?;
    Ok(match replay.differences() {
        0 => End::Same,
        count => End::Different(count),
    })
}

/// Text of a foreign file does not get to command a terminal.
fn print(events: &[Event], inputs: bool, out: &mut impl Write) -> anyhow::Result<()> {
    for event in events {
        let wanted = match event {
            Event::Input { .. } => inputs,
            Event::Begin(_) | Event::Output { .. } => true,
        };
        if wanted {
            let line = event.to_string();
            let harmless = line.replace(|c: char| c.is_control(), "\u{fffd}");
            writeln!(out, "{harmless}").context("stdout")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
