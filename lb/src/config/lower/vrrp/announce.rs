//! Gratuitous ARP and unsolicited NA.

use std::time::Duration;

use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
    lower::words,
    model::{
        global::{Announce, ExtraAnnounce},
        vrrp::Announcements,
    },
    source::Spanned,
};

/// Announcements as written; what is not is inherited from `global_defs`.
#[derive(Debug, Default)]
pub(in crate::config) struct AnnounceDraft {
    pub(in crate::config) delay: Option<Spanned<Duration>>,
    pub(in crate::config) repeat: Option<Spanned<u32>>,
    pub(in crate::config) refresh: Option<Spanned<Duration>>,
    pub(in crate::config) refresh_repeat: Option<Spanned<u32>>,
    pub(in crate::config) lower_prio_delay: Option<Spanned<Duration>>,
    pub(in crate::config) lower_prio_repeat: Option<Spanned<u32>>,
    /// None of them with 0.
    extra: Option<Option<ExtraAnnounce>>,
}

/// `garp_extra_if [all] SECONDS`; 0 turns off what `global_defs` says.
pub(in crate::config) fn read_extra(
    draft: &mut AnnounceDraft,
    statement: &Statement,
    report: &mut Report,
) {
    if let Some(extra) = words::read_extra_announce(statement, 0, report) {
        draft.extra = Some((!extra.interval.is_zero()).then_some(extra));
    }
}

pub(in crate::config) fn show_extra(announce: &Announcements) -> Vec<String> {
    match announce.extra {
        None => vec!["0".to_owned()],
        extra => words::show_extra_announce(extra),
    }
}

pub(super) fn finish(
    draft: &AnnounceDraft,
    global: &Announce,
    strict: bool,
    report: &mut Report,
) -> Announcements {
    let global = minimal(global);
    let time = |given: Option<Spanned<Duration>>, default| given.map_or(default, |it| it.value);
    let count = |given: Option<Spanned<u32>>, default| given.map_or(default, |it| it.value);
    let mut announce = Announcements {
        delay: time(draft.delay, global.delay),
        repeat: count(draft.repeat, global.repeat),
        refresh: time(draft.refresh, global.refresh),
        refresh_repeat: count(draft.refresh_repeat, global.refresh_repeat),
        lower_prio_delay: time(draft.lower_prio_delay, global.lower_prio_delay),
        lower_prio_repeat: count(draft.lower_prio_repeat, global.lower_prio_repeat),
        extra: draft.extra.unwrap_or(global.extra),
    };
    if strict {
        let delay = draft
            .lower_prio_delay
            .filter(|delay| !delay.value.is_zero());
        let repeat = draft.lower_prio_repeat.filter(|repeat| repeat.value > 0);
        let given = [
            ("garp_lower_prio_delay", delay.map(|delay| delay.span)),
            ("garp_lower_prio_repeat", repeat.map(|repeat| repeat.span)),
        ];
        for (name, at) in given {
            if let Some(at) = at {
                let name = quote(name);
                report.warning(
                    Kind::Conflict,
                    at,
                    format!("{name} does not go with `strict_mode`: 0 is used, as in keepalived"),
                );
            }
        }
        announce.lower_prio_delay = Duration::ZERO;
        announce.lower_prio_repeat = 0;
    }
    announce
}

/// `vrrp_min_garp` counts where a value is still its default.
fn minimal(global: &Announce) -> Announcements {
    let default = Announcements::default();
    let (mut delay, mut repeat) = (global.delay, global.repeat);
    if global.minimal {
        if delay == default.delay {
            delay = Duration::ZERO;
        }
        if repeat == default.repeat {
            repeat = 1;
        }
    }
    Announcements {
        delay,
        repeat,
        refresh: global.refresh,
        refresh_repeat: global.refresh_repeat,
        lower_prio_delay: global.lower_prio_delay.unwrap_or(delay),
        lower_prio_repeat: global.lower_prio_repeat.unwrap_or(repeat),
        extra: global.extra,
    }
}
