//! What the bfd child tells operators, in keepalived's words where it has some.

use std::{fmt::Display, time::Duration};

use super::{
    output::Note,
    packet::{Diagnostic, State},
};

/// How much somebody should care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// A session is not there any more.
    Warning,
    /// Something that people follow.
    Info,
    /// Something that is asked for.
    Debug,
}

/// What happened to a session, and how much that matters.
#[must_use]
pub fn noted(name: &str, what: &Note) -> (Weight, String) {
    let (weight, text) = match what {
        Note::Entered {
            state: state @ State::AdminDown,
            ..
        } => (Weight::Warning, format!("Entering {state} state")),
        Note::Entered {
            state: state @ State::Down,
            diagnostic,
            remote,
        } => (Weight::Warning, down(*state, *diagnostic, *remote)),
        Note::Entered { state, .. } => (Weight::Info, format!("Entering {state} state")),
        Note::Expired { silence, overdue } => (
            Weight::Warning,
            format!(
                "Expired after {} ms ({} usec overdue)",
                silence.as_millis(),
                overdue.as_micros()
            ),
        ),
        Note::DetectionTime { now, before } => (
            Weight::Info,
            format!(
                "Detection time is {} ms (was {} ms)",
                millis(*now),
                millis(*before)
            ),
        ),
        Note::Polling => (Weight::Debug, "Starting poll sequence".to_owned()),
        Note::TakenUp => (
            Weight::Info,
            "Going on with the session of an earlier child".to_owned(),
        ),
        Note::Refused(refusal) => (Weight::Info, format!("Discarding packet: {refusal}")),
    };
    (weight, format!("({name}) {text}"))
}

fn down(state: State, local: Diagnostic, remote: Diagnostic) -> String {
    format!("Entering {state} state (Local diagnostic - {local}, Remote diagnostic - {remote})")
}

/// Whole where it is, with up to three decimals where not.
fn millis(time: Duration) -> String {
    let text = format!("{:.3}", time.as_secs_f64() * 1000.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A packet of no session.
#[must_use]
pub fn stray(source: &dyn Display, refusal: &dyn Display) -> String {
    format!("Discarding BFD packet from {source}: {refusal}")
}

/// A session has no socket to send from.
#[must_use]
pub fn no_socket(name: &str, error: &dyn Display) -> String {
    format!("({name}) no socket to send from: {error}; trying again every second")
}

/// No packets can be received.
#[must_use]
pub fn deaf(what: &str, error: &dyn Display) -> String {
    format!("BFD: nothing can be received by {what}: {error}; trying again every second")
}

/// The kernel does not take a packet, or does not for another reason.
#[must_use]
pub fn not_sent(name: &str, error: &dyn Display) -> String {
    format!("({name}) Error sending packet: {error}")
}

/// The kernel does not watch sessions for us.
#[must_use]
pub fn unwatched(error: &dyn Display) -> String {
    format!("BFD: the kernel does not watch sessions, every packet wakes this process: {error}")
}

/// A session cannot prove who it is.
#[must_use]
pub fn no_key(name: &str, error: &dyn Display) -> String {
    format!("({name}) left out: its key cannot be used: {error}")
}

/// What an earlier child knew cannot be used, or what the next one should know not be written.
#[must_use]
pub fn memory_failed(path: &dyn Display, error: &dyn Display) -> String {
    format!("BFD: {path}: {error}; a restart of the bfd child will be noticed by the other ends")
}

/// Others are told of sessions by a socket that is not there.
#[must_use]
pub fn feed_failed(error: &dyn Display) -> String {
    format!("BFD: virtual routers and checks cannot be told of sessions: {error}")
}

/// An event arrived, in keepalived's words.
#[must_use]
pub fn delivered(name: &str, is_up: bool, after: Duration) -> String {
    let state = if is_up { State::Up } else { State::Down };
    format!(
        "Received BFD event: instance {name} is in state {state} (delivered in {} usec)",
        after.as_micros()
    )
}
