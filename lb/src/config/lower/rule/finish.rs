//! What the words of a rule mean together.

use super::RuleDraft;
use crate::config::{
    diagnostic::{Kind, Report, quote},
    lower::{iproute, route::Place},
    model::{
        Family,
        route::RTPROT_KEEPALIVED,
        rule::{Rule, RuleAction},
    },
    source::Spanned,
};

/// The preference of the first rule without one (`RULE_START_PRIORITY`).
const FIRST_PREFERENCE: u32 = 16_384;

/// Preferences of rules that have none, counted down in the order of the file, for each family.
#[derive(Debug)]
pub(in crate::config) struct Numbers {
    v4: u32,
    v6: u32,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            v4: FIRST_PREFERENCE,
            v6: FIRST_PREFERENCE,
        }
    }
}

impl Numbers {
    fn next(&mut self, family: Family) -> u32 {
        let next = match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        };
        let number = *next;
        *next = next.saturating_sub(1);
        number
    }
}

/// The rule that a line means; `None` where something is wrong, which is reported.
pub(in crate::config) fn finish(
    draft: RuleDraft,
    numbers: &mut Numbers,
    report: &mut Report,
) -> Option<Rule> {
    let family = iproute::one_family(&draft.families, report)?;
    let action = finish_action(&draft, report)?;
    let is_tracked = !draft.is_untracked;
    let protocol = finish_protocol(draft.protocol, is_tracked, report);
    let track_group = finish_track_group(&draft, report);
    let preference = draft.preference.unwrap_or_else(|| {
        let preference = numbers.next(family);
        report
            .warning(
                Kind::Missing,
                draft.line,
                format!("the rule has no preference: it gets {preference}, as in keepalived"),
            )
            .help("write `preference NUMBER`: the order of rules is the order of those numbers");
        preference
    });
    let mut selector = draft.selector;
    selector.from = draft.from.and_then(|from| from.value.within(family));
    selector.to = draft.to.and_then(|to| to.value.within(family));
    Some(Rule {
        family,
        preference,
        selector,
        action,
        suppress_prefix_length: draft.suppress_prefix_length,
        suppress_group: draft.suppress_group,
        realms: draft.realms,
        protocol,
        is_tracked,
        track_group,
    })
}

fn finish_action(draft: &RuleDraft, report: &mut Report) -> Option<RuleAction> {
    let Some(Spanned {
        value: action,
        span,
    }) = &draft.action
    else {
        report
            .error(
                Kind::Missing,
                draft.line,
                "the rule has no action".to_owned(),
            )
            .expected(
                "`table NAME`, `l3mdev`, `goto`, `nop`, `blackhole`, `prohibit` or `unreachable`",
            )
            .help("keepalived leaves such a rule out");
        return None;
    };
    let looks_up = matches!(action, RuleAction::Table(_) | RuleAction::L3mdev);
    if let Some(word) = draft.lookup_only.filter(|_| !looks_up) {
        report
            .error(
                Kind::Conflict,
                word,
                "this is only for rules that look into a table".to_owned(),
            )
            .related(*span, "action");
        return None;
    }
    if let RuleAction::Goto(target) = action {
        check_goto(*target, draft, report)?;
    }
    Some(action.clone())
}

/// The kernel only goes forward.
fn check_goto(target: u32, draft: &RuleDraft, report: &mut Report) -> Option<()> {
    if draft
        .preference
        .is_some_and(|preference| preference < target)
    {
        return Some(());
    }
    let why = match draft.preference {
        Some(preference) => format!("the rule itself has {}", quote(&preference.to_string())),
        None => "the rule itself has none".to_owned(),
    };
    report
        .error(
            Kind::Conflict,
            draft.line,
            format!("`goto {target}` does not lead to a later preference: {why}"),
        )
        .help(format!("write a `preference` below {target}"));
    None
}

/// Rules are found again by their protocol.
fn finish_protocol(protocol: Option<Spanned<u8>>, is_tracked: bool, report: &mut Report) -> u8 {
    let Some(Spanned { value, span }) = protocol else {
        return RTPROT_KEEPALIVED;
    };
    if !is_tracked || value == RTPROT_KEEPALIVED {
        return value;
    }
    report
        .warning(
            Kind::Conflict,
            span,
            format!(
                "a tracked rule has the protocol keepalived: {value} is ignored, as in keepalived"
            ),
        )
        .help("write `no_track` too, or leave the protocol out");
    RTPROT_KEEPALIVED
}

fn finish_track_group(draft: &RuleDraft, report: &mut Report) -> Option<String> {
    let Spanned { value, span } = draft.track_group.as_ref()?;
    if draft.place == Place::Virtual {
        report.error(
            Kind::Conflict,
            *span,
            "`track_group` is for static_rules: a virtual rule belongs to its instance".to_owned(),
        );
        return None;
    }
    if draft.selector.input.is_none() {
        report
            .warning(
                Kind::Conflict,
                *span,
                "`track_group` needs `iif` and is ignored, as in keepalived".to_owned(),
            )
            .help("write `iif INTERFACE`");
        return None;
    }
    Some(value.clone())
}
