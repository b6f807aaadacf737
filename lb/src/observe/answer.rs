//! What operators are answered when they ask something of a virtual router or a real server.

use std::{net::SocketAddr, time::Duration};

use crate::{
    cli::Role,
    pool::drain::Target,
    vrrp::{output::State, snapshot::InstanceSnapshot},
};

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
pub fn no_child(role: Role) -> String {
    format!(
        "no {} child runs: nothing is configured for it, or it is being started again",
        role.name()
    )
}

/// The child is busy, stuck or gone.
#[must_use]
pub fn no_answer(role: Role) -> String {
    format!(
        "the {} child has not answered; `lb status` shows what it does",
        role.name()
    )
}

/// No real server is meant.
#[must_use]
pub fn unknown_real_server(target: Target) -> String {
    format!(
        "there is no real_server {}; `lb status` shows those there are",
        target_name(target)
    )
}

/// Real servers are drained from now on, `count` of them.
#[must_use]
pub fn draining(target: Target, count: usize, deadline: Option<Duration>) -> String {
    let name = target_name(target);
    let end = deadline.map_or_else(
        || "those they have go on".to_owned(),
        |deadline| format!("those they have end in {}", span(deadline)),
    );
    format!(
        "{name}: no new flows in {}, {end}; `lb drain {name} --end` takes that back",
        count_of(count)
    )
}

/// Real servers take flows again; `drained` is whether they did not, `wider` what they are drained with all the same.
#[must_use]
pub fn drained_no_longer(target: Target, drained: bool, wider: Option<Target>) -> String {
    let name = target_name(target);
    match (wider.map(target_name), drained) {
        (Some(wider), _) => {
            format!("{name}: is drained with {wider} still; `lb drain {wider} --end` ends that")
        }
        (None, true) => format!("{name}: takes new flows again"),
        (None, false) => format!("{name}: was not drained, there is nothing to end"),
    }
}

fn target_name(target: Target) -> String {
    match target.port {
        Some(port) => SocketAddr::new(target.address, port).to_string(),
        None => target.address.to_string(),
    }
}

fn count_of(count: usize) -> String {
    if count == 1 {
        "1 virtual_server".to_owned()
    } else {
        format!("{count} virtual_servers")
    }
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
