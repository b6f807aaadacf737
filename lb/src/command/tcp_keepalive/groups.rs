//! `attach`, `apply-existing`, `status` and `detach`.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, anyhow};
use serde::Serialize;

use super::{FINE, print, print_json};
use crate::{
    cli::tcp_keepalive::RuleArguments,
    command::complain,
    io::tcp_keepalive::{Attachment, Counts, Existing, Group, Outcome, Programs},
    tcp_keepalive::rule::Rule,
};

/// The rules that the command line asks for.
pub(super) fn rules(arguments: &RuleArguments) -> anyhow::Result<Vec<Rule>> {
    let text = match &arguments.file {
        Some(path) => {
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
        }
        None => String::new(),
    };
    arguments.rules(&text).map_err(|why| anyhow!(why))
}

pub(super) fn attach(cgroup: &Path, arguments: &RuleArguments) -> anyhow::Result<u8> {
    let rules = rules(arguments)?;
    let group = Group::open(cgroup)?;
    let outcome = Programs::default().attach(&group, &rules)?;
    complain_of(&outcome);
    let path = group.path().display();
    print(&format!(
        "new connections of {path} have keepalive; those there are already: `lb tcp-keepalive apply-existing --cgroup {path}`\n"
    ))?;
    Ok(FINE)
}

/// Says what the kernel cannot do.
pub(super) fn complain_of(outcome: &Outcome) {
    if let Some(why) = &outcome.not_kept {
        complain(&format!(
            "lb: programs can still switch keepalive off after their connections are established: {why}"
        ));
    }
}

pub(super) fn apply_existing(cgroup: &Path, json: bool) -> anyhow::Result<u8> {
    let attachment = Programs::default().of(&Group::open(cgroup)?)?;
    let done = Existing::apply(&attachment);
    if json {
        print_json(&done)?;
        return Ok(FINE);
    }
    let Existing {
        applied,
        left,
        unmatched,
        failed,
    } = done;
    print(&format!(
        "{applied} connections have keepalive now; {left} left alone, {unmatched} that no rule fits, {failed} failed\n"
    ))?;
    Ok(FINE)
}

/// What `status` shows.
#[derive(Debug, Serialize)]
struct Status {
    groups: Vec<GroupStatus>,
    sockets: Counts,
}

#[derive(Debug, Serialize)]
struct GroupStatus {
    /// Its number, where it is gone.
    cgroup: String,
    is_gone: bool,
    rules: Vec<RuleStatus>,
}

#[derive(Debug, Serialize)]
struct RuleStatus {
    rule: String,
    applied: u64,
    left: u64,
    failed: u64,
    kept: u64,
}

impl GroupStatus {
    fn new(attachment: &Attachment) -> Self {
        let group = attachment.group.as_ref();
        let name = group.map_or_else(
            || format!("group {}", attachment.id),
            |group| group.path().display().to_string(),
        );
        let rules = attachment.rules.iter().map(|(rule, counters)| RuleStatus {
            rule: Rule::of_kernel(rule).to_string(),
            applied: counters.applied,
            left: counters.left,
            failed: counters.failed,
            kept: counters.kept,
        });
        Self {
            cgroup: name,
            is_gone: group.is_none(),
            rules: rules.collect(),
        }
    }
}

pub(super) fn status(json: bool) -> anyhow::Result<u8> {
    let groups = Programs::default().all()?;
    let status = Status {
        groups: groups.iter().map(GroupStatus::new).collect(),
        sockets: Counts::read()?,
    };
    if json {
        print_json(&status)?;
        return Ok(FINE);
    }
    let mut text = String::new();
    for group in &status.groups {
        let gone = if group.is_gone {
            " is gone: `lb tcp-keepalive detach --all` forgets it"
        } else {
            ""
        };
        writeln!(text, "{}{gone}", group.cgroup)?;
        for rule in &group.rules {
            writeln!(
                text,
                "  {}\n    {} given keepalive, {} left alone, {} failed, {} attempts to change it without effect",
                rule.rule, rule.applied, rule.left, rule.failed, rule.kept
            )?;
        }
    }
    if status.groups.is_empty() {
        writeln!(text, "nothing is attached")?;
    }
    let Counts {
        with_keepalive,
        without_keepalive,
        busy,
    } = status.sockets;
    writeln!(
        text,
        "connections of this network namespace: {with_keepalive} with keepalive, {without_keepalive} without, {busy} busy sending"
    )?;
    print(&text)?;
    Ok(FINE)
}

/// Without a group all are meant.
pub(super) fn detach(cgroup: Option<&Path>) -> anyhow::Result<u8> {
    let programs = Programs::default();
    match cgroup {
        Some(path) => programs.detach(&Group::open(path)?)?,
        None => {
            for attachment in programs.all()? {
                programs.forget(attachment.id)?;
            }
        }
    }
    Ok(FINE)
}
