//! `garp_group`, `linkbeat_interfaces`, `interface_up_down_delays` and `SSL`.

use std::time::Duration;

use super::{
    Draft, Placed, line,
    value::{self, report_illegal},
};
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    keyword::network::{GARP_GROUP, SSL},
    model::{
        InterfaceName, Word as _,
        network::{GarpGroup, InterfaceDelay, Linkbeat, LinkbeatMethod},
        ssl::Ssl,
    },
    show,
    source::Spanned,
};

/// The longest delay.
const LONGEST: Duration = Duration::from_secs(255);

/// A `garp_group` as written.
#[derive(Debug, Default)]
pub(in crate::config) struct GarpGroupDraft {
    pub(in crate::config) group: GarpGroup,
    pub(in crate::config) interfaces: Vec<Spanned<InterfaceName>>,
}

pub(in crate::config) fn read_garp_group(
    draft: &mut Draft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let mut group = GarpGroupDraft::default();
    let seen = GARP_GROUP.read(statement.statements(), &mut group, report);
    let mut leave_out = |what: &str, help: &str| {
        report
            .warning(
                Kind::Missing,
                statement.keyword.span,
                format!("the garp_group has no {what}: it has no effect and is left out"),
            )
            .help(help);
    };
    if group.interfaces.is_empty() {
        leave_out("interface", "write `interface NAME` or `interfaces { … }`");
        return;
    }
    if !seen.has("garp_interval") && !seen.has("gna_interval") {
        leave_out("interval", "write `garp_interval` or `gna_interval`");
        return;
    }
    let names = group.interfaces.iter().map(|named| named.value.clone());
    draft
        .node
        .uses
        .interfaces
        .extend(group.interfaces.iter().cloned());
    draft.node.garp_groups.push(Placed {
        value: GarpGroup {
            interfaces: names.collect(),
            ..group.group
        },
        at: group.interfaces.iter().map(|named| named.span).collect(),
    });
}

/// Interfaces, one or more a line.
pub(in crate::config) fn interfaces(
    draft: &mut GarpGroupDraft,
    statement: &Statement,
    report: &mut Report,
) {
    for line in line::lines(statement, "interface", report) {
        for word in line::words(line) {
            draft.interfaces.extend(value::interface(&word, report));
        }
    }
}

/// Lines of `INTERFACE [MII|ETHTOOL|IOCTL]`.
pub(in crate::config) fn read_linkbeat(
    draft: &mut Draft,
    statement: &Statement,
    report: &mut Report,
) {
    for line in line::lines(statement, "interface", report) {
        value::warn_of_rest(line, 1, report);
        let method = line.arguments.first();
        let method = method.map_or(Some(LinkbeatMethod::Any), |word| read_method(word, report));
        let interface = draft.node.uses.interface(&line.keyword, report);
        if let Some((interface, method)) = interface.zip(method) {
            draft.node.linkbeat.push(Placed {
                value: Linkbeat { interface, method },
                at: line.keyword.span,
            });
        }
    }
}

fn read_method(word: &Word, report: &mut Report) -> Option<LinkbeatMethod> {
    let words = LinkbeatMethod::WORDS;
    let place = words.iter().position(|known| *known == &*word.text);
    if place.is_none() {
        report_illegal(word, "linkbeat_interfaces", report).expected(words.join(" or "));
    }
    place.and_then(LinkbeatMethod::at)
}

pub(in crate::config) fn show_linkbeat(linkbeat: &Linkbeat) -> String {
    let method = linkbeat.method.place();
    let method = method.and_then(|place| LinkbeatMethod::WORDS.get(place));
    let words = [Some(linkbeat.interface.as_str()), method.copied()];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Lines of `INTERFACE DOWN [UP]`.
pub(in crate::config) fn read_delays(
    draft: &mut Draft,
    statement: &Statement,
    report: &mut Report,
) {
    for line in line::lines(statement, "interface", report) {
        value::warn_of_rest(line, 2, report);
        let interface = draft.node.uses.interface(&line.keyword, report);
        let Some(delays) = read_delay(line, report) else {
            continue;
        };
        if let Some(interface) = interface {
            let (down, up) = delays;
            draft.node.interface_delays.push(Placed {
                value: InterfaceDelay {
                    interface,
                    down,
                    up,
                },
                at: line.keyword.span,
            });
        }
    }
}

fn read_delay(line: &Statement, report: &mut Report) -> Option<(Duration, Duration)> {
    let name = quote(&line.keyword.text);
    let legal = Duration::ZERO..=LONGEST;
    let Some(word) = line.arguments.first() else {
        report
            .error(
                Kind::Missing,
                line.keyword.span,
                format!("the interface {name} has no delay"),
            )
            .expected("`INTERFACE DOWN [UP]`, in seconds");
        return None;
    };
    let down = value::time(word, "down delay", &value::SECONDS, legal.clone(), report);
    let Some(word) = line.arguments.get(1) else {
        report
            .note(
                Kind::Value,
                line.keyword.span,
                format!(
                    "the interface {name} has no up delay: it is 0, as in keepalived (whose manual says otherwise)"
                ),
            )
            .help("write the up delay behind the down delay");
        return Some((down?.value, Duration::ZERO));
    };
    let up = value::time(word, "up delay", &value::SECONDS, legal, report);
    Some((down?.value, up?.value))
}

pub(in crate::config) fn show_delay(delay: &InterfaceDelay) -> String {
    let (down, up) = (show::seconds(delay.down), show::seconds(delay.up));
    format!("{} {down} {up}", delay.interface)
}

pub(in crate::config) fn read_ssl(draft: &mut Draft, statement: &Statement, report: &mut Report) {
    value::warn_of_rest(statement, 0, report);
    let ssl = draft.node.ssl.get_or_insert_with(Ssl::default);
    SSL.read(statement.statements(), ssl, report);
}
