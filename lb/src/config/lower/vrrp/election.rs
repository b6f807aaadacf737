//! Who becomes MASTER, and what it accepts.

use std::time::Duration;

use super::InstanceDraft;
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
    lower::value,
    model::{
        GlobalDefs, InitialState, Priority, Version,
        vrrp::{Election, OnLateTimer},
    },
    source::{Span, Spanned},
};

/// The election as written.
#[derive(Debug, Default)]
pub(in crate::config) struct ElectionDraft {
    pub(in crate::config) preempt_delay: Option<Spanned<Duration>>,
    pub(in crate::config) strict: Option<Spanned<bool>>,
    pub(in crate::config) accept: Option<Spanned<bool>>,
    pub(in crate::config) owner_ignore_adverts: Option<Spanned<bool>>,
    pub(in crate::config) lower_prio_no_advert: Option<Spanned<bool>>,
    pub(in crate::config) higher_prio_send_advert: Option<Spanned<bool>>,
    pub(in crate::config) down_timer_adverts: Option<Spanned<u8>>,
    pub(in crate::config) skip_check_addresses: Option<Spanned<bool>>,
    late: Option<Spanned<OnLateTimer>>,
}

/// `timer_expired_backup [PRIORITY]`.
pub(in crate::config) fn read_late(
    draft: &mut ElectionDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    let name = &*statement.keyword.text;
    let late = match statement.arguments.first() {
        None => Some(OnLateTimer::StepDown),
        Some(word) => value::number(word, name, 1..=254, report)
            .and_then(Spanned::convert::<Priority>)
            .map(|priority| OnLateTimer::StepDownTo(priority.value)),
    };
    draft.late = late.map(|late| Spanned::new(late, statement.keyword.span));
}

pub(in crate::config) fn show_late(election: &Election) -> Vec<String> {
    match election.late {
        OnLateTimer::Stay => Vec::new(),
        OnLateTimer::StepDown => vec![String::new()],
        OnLateTimer::StepDownTo(priority) => vec![priority.to_string()],
    }
}

/// What the rules below look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) version: Version,
    pub(super) priority: Priority,
    /// As written or inherited.
    pub(super) strict: bool,
    pub(super) preempt: bool,
    pub(super) state: InitialState,
}

/// `strict_mode`, or else `vrrp_strict`.
pub(super) fn is_strict(draft: &ElectionDraft, global: &GlobalDefs) -> bool {
    draft
        .strict
        .map_or(global.vrrp.strict, |strict| strict.value)
}

/// keepalived resets what does not go together, with a message.
pub(super) fn finish(
    instance: &InstanceDraft,
    facts: Facts,
    global: &GlobalDefs,
    report: &mut Report,
) -> Election {
    let draft = &instance.election;
    let vrrp = &global.vrrp;
    let given = |given: Option<Spanned<bool>>, default| given.map_or(default, |it| it.value);
    let mut election = Election {
        preempt_delay: finish_delay(instance, facts, report),
        strict: facts.strict,
        accept: finish_accept(draft, facts, report),
        owner_ignore_adverts: finish_owner(draft, facts, report),
        lower_prio_no_advert: given(
            draft.lower_prio_no_advert,
            facts.strict || vrrp.lower_prio_no_advert,
        ),
        higher_prio_send_advert: given(
            draft.higher_prio_send_advert,
            !facts.strict && vrrp.higher_prio_send_advert,
        ),
        down_timer_adverts: draft
            .down_timer_adverts
            .map_or(vrrp.down_timer_adverts, |adverts| adverts.value),
        skip_check_addresses: given(draft.skip_check_addresses, vrrp.skip_check_addresses),
        late: draft.late.map(|late| late.value).unwrap_or_default(),
    };
    if facts.strict {
        keep_strict(&mut election, draft, report);
    }
    if let Some(late) = draft.late
        && facts.preempt
    {
        report.warning(
            Kind::Conflict,
            late.span,
            "`timer_expired_backup` has no effect without `nopreempt`".to_owned(),
        );
        election.late = OnLateTimer::Stay;
    }
    election
}

fn reset(name: &str, with: &str, used: &str, at: Span, report: &mut Report) {
    report.warning(
        Kind::Conflict,
        at,
        format!(
            "{} does not go with {with}: {used} is used, as in keepalived",
            quote(name)
        ),
    );
}

fn finish_delay(instance: &InstanceDraft, facts: Facts, report: &mut Report) -> Duration {
    let Some(Spanned { value, span }) = instance.election.preempt_delay else {
        return Duration::ZERO;
    };
    let is_master = facts.state == InitialState::Master;
    let with = if value.is_zero() {
        return value;
    } else if facts.strict {
        "`strict_mode`"
    } else if is_master {
        "`state MASTER`"
    } else if !facts.preempt {
        "`nopreempt`"
    } else {
        return value;
    };
    reset("preempt_delay", with, "0", span, report);
    Duration::ZERO
}

/// The address owner takes packets to its own addresses (RFC 9568 §6.1).
fn finish_accept(draft: &ElectionDraft, facts: Facts, report: &mut Report) -> bool {
    let is_owner = facts.priority.is_owner();
    let Some(Spanned { value, span }) = draft.accept else {
        return !facts.strict || is_owner;
    };
    if is_owner && !value {
        reset("no_accept", "`priority 255`", "`accept`", span, report);
        return true;
    }
    if value && facts.strict && facts.version == Version::V2 && !is_owner {
        let with = "`strict_mode` in VRRP version 2";
        reset("accept", with, "`no_accept`", span, report);
        return false;
    }
    value
}

/// The address owner ignores adverts in any case; for everyone else the word means nothing.
fn finish_owner(draft: &ElectionDraft, facts: Facts, report: &mut Report) -> bool {
    let is_owner = facts.priority.is_owner();
    match draft.owner_ignore_adverts {
        Some(Spanned { value: false, span }) if is_owner => {
            reset(
                "owner_ignore_adverts false",
                "`priority 255`",
                "true",
                span,
                report,
            );
        }
        Some(Spanned { value: true, span }) if !is_owner => {
            report.note(
                Kind::Conflict,
                span,
                "`owner_ignore_adverts` has no effect with a priority below 255".to_owned(),
            );
        }
        _ => {}
    }
    is_owner
}

fn keep_strict(election: &mut Election, draft: &ElectionDraft, report: &mut Report) {
    const STRICT: &str = "`strict_mode`";
    if let Some(Spanned { value: false, span }) = draft.lower_prio_no_advert {
        reset("lower_prio_no_advert false", STRICT, "true", span, report);
    }
    if let Some(Spanned { value: true, span }) = draft.higher_prio_send_advert {
        reset("higher_prio_send_advert", STRICT, "false", span, report);
    }
    let adverts = Election::default().down_timer_adverts;
    if let Some(Spanned { value, span }) = draft.down_timer_adverts
        && value != adverts
    {
        let name = format!("down_timer_adverts {value}");
        reset(&name, STRICT, &adverts.to_string(), span, report);
    }
    election.lower_prio_no_advert = true;
    election.higher_prio_send_advert = false;
    election.down_timer_adverts = adverts;
}

/// Strict mode: MASTER for the address owner, BACKUP for everyone else; keepalived changes the state, with a message.
pub(super) fn finish_state(
    instance: &InstanceDraft,
    priority: Priority,
    strict: bool,
    report: &mut Report,
) -> InitialState {
    let Some(Spanned { value, span }) = instance.state else {
        return if strict && priority.is_owner() {
            InitialState::Master
        } else {
            InitialState::Backup
        };
    };
    let (name, used) = match (value, priority.is_owner()) {
        (InitialState::Master, false) if strict => ("state MASTER", InitialState::Backup),
        (InitialState::Backup, true) if strict => ("state BACKUP", InitialState::Master),
        (state, _) => return state,
    };
    let with = format!("`strict_mode` and priority {priority}");
    reset(
        name,
        &with,
        if used == InitialState::Master {
            "MASTER"
        } else {
            "BACKUP"
        },
        span,
        report,
    );
    used
}
