//! What operators are answered when they ask something of a virtual router.

use std::time::Duration;

use crate::vrrp::{output::State, snapshot::InstanceSnapshot};

/// There is no such instance; `meant` is the nearest name there is.
#[must_use]
pub fn unknown_instance(name: &str, meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("there is no vrrp_instance `{name}`; did you mean `{meant}`?"),
        None => format!("there is no vrrp_instance `{name}`; `lb status` shows those there are"),
    }
}

/// An instance yields from now on; `before` is how it was.
#[must_use]
pub fn yielding(before: &InstanceSnapshot, time: Option<Duration>) -> String {
    let name = &before.name;
    let time = time.map_or(String::new(), |time| format!("for {} or ", span(time)));
    let time = format!("{time}until `lb vrrp release {name}`");
    let what = match before.state {
        State::Master => {
            format!("handing over; BACKUP {time}; it remains MASTER where nobody takes over")
        }
        State::Backup => format!("stays BACKUP and takes over last of all {time}"),
        State::Init | State::Fault => format!(
            "in {} now; as BACKUP it takes over last of all {time}",
            format!("{:?}", before.state).to_uppercase()
        ),
    };
    format!("{}: {what}", who(before))
}

/// A request to yield is withdrawn; `yielded` is whether there was one.
#[must_use]
pub fn released(before: &InstanceSnapshot, yielded: bool) -> String {
    let what = if yielded {
        "yields no longer; its priority counts again"
    } else {
        "does not yield, there is nothing to release"
    };
    format!("{}: {what}", who(before))
}

/// There is nobody to ask.
#[must_use]
pub fn no_child() -> String {
    "no vrrp child runs: nothing is configured for it, or it is being started again".to_owned()
}

/// The child is busy, stuck or gone.
#[must_use]
pub fn no_answer() -> String {
    "the vrrp child has not answered; `lb status` shows whether it yields".to_owned()
}

/// An instance, with its group where it has one.
fn who(instance: &InstanceSnapshot) -> String {
    match &instance.group {
        Some(group) => format!("{} with its group {group}", instance.name),
        None => instance.name.clone(),
    }
}

/// A time as people ask for it: `90 s`, `5 min`, `1 h`.
#[must_use]
pub fn span(time: Duration) -> String {
    match time.as_secs() {
        s if s >= 3600 && s % 3600 == 0 => format!("{} h", s / 3600),
        s if s >= 60 && s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests;
