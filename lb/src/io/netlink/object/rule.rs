//! Policy rules.

use rtnetlink::packet_route::{
    IpProtocol,
    route::RouteProtocol,
    rule::{
        RuleAction as Action, RuleAttribute, RuleFlags, RuleMessage, RulePortRange, RuleUidRange,
    },
};

use super::{Here, ObjectError, route};
use crate::config::{
    NameList,
    model::{
        route::Prefix,
        rule::{Range, Rule, RuleAction, Selector},
    },
};

/// A rule with all its words.
pub(super) fn encode(rule: &Rule, here: &mut Here<'_>) -> Result<RuleMessage, ObjectError> {
    let selector = &rule.selector;
    let mut message = RuleMessage::default();
    let header = &mut message.header;
    header.family = route::family(rule.family);
    header.src_len = length(selector.from);
    header.dst_len = length(selector.to);
    if let Some(tos) = &selector.tos {
        header.tos = here.number(NameList::DsField, tos)?;
    }
    if selector.is_inverted {
        header.flags |= RuleFlags::Invert;
    }
    message.attributes = attributes(selector);
    let realms = rule.realms.as_ref();
    let realms = realms.map(|realms| route::realms_of(realms, here));
    let group = rule.suppress_group.as_ref();
    let group = group.map(|group| here.number(NameList::Groups, group));
    let others = [
        Some(RuleAttribute::Priority(rule.preference)),
        Some(RuleAttribute::Protocol(RouteProtocol::from(rule.protocol))),
        rule.suppress_prefix_length
            .map(RuleAttribute::SuppressPrefixLen),
        group.transpose()?.map(RuleAttribute::SuppressIfGroup),
        realms.transpose()?.map(RuleAttribute::Realm),
    ];
    message.attributes.extend(others.into_iter().flatten());
    act(&rule.action, &mut message, here)?;
    Ok(message)
}

/// What the kernel needs to find the rule; the protocol is none of it, for one without it is found as well.
pub(super) fn identity(mut message: RuleMessage) -> RuleMessage {
    let attributes = &mut message.attributes;
    attributes.retain(|attribute| !matches!(attribute, RuleAttribute::Protocol(_)));
    message
}

fn act(
    action: &RuleAction,
    message: &mut RuleMessage,
    here: &mut Here<'_>,
) -> Result<(), ObjectError> {
    message.header.action = match action {
        RuleAction::Table(_) | RuleAction::L3mdev => Action::ToTable,
        RuleAction::Goto(_) => Action::Goto,
        RuleAction::Nop => Action::Nop,
        RuleAction::Blackhole => Action::Blackhole,
        RuleAction::Prohibit => Action::Prohibit,
        RuleAction::Unreachable => Action::Unreachable,
    };
    match action {
        RuleAction::Table(table) => {
            let table = here.number(NameList::Tables, table)?;
            match u8::try_from(table) {
                Ok(table) => message.header.table = table,
                Err(_) => message.attributes.push(RuleAttribute::Table(table)),
            }
        }
        RuleAction::Goto(target) => message.attributes.push(RuleAttribute::Goto(*target)),
        RuleAction::L3mdev => message.attributes.push(RuleAttribute::L3MDev(true)),
        RuleAction::Nop
        | RuleAction::Blackhole
        | RuleAction::Prohibit
        | RuleAction::Unreachable => {}
    }
    Ok(())
}

fn attributes(selector: &Selector) -> Vec<RuleAttribute> {
    let network = |prefix: &Prefix| prefix.length.get() > 0;
    let ports = |range: Range<u16>| RulePortRange {
        start: range.first,
        end: range.last,
    };
    let users = |range: Range<u32>| RuleUidRange {
        start: range.first,
        end: range.last,
    };
    let name = |interface: &crate::config::model::InterfaceName| interface.to_string();
    let attributes = [
        selector
            .from
            .filter(network)
            .map(|from| RuleAttribute::Source(from.address)),
        selector
            .to
            .filter(network)
            .map(|to| RuleAttribute::Destination(to.address)),
        selector.mark.map(|mark| RuleAttribute::FwMark(mark.mark)),
        selector
            .mark
            .and_then(|mark| mark.mask)
            .map(RuleAttribute::FwMask),
        selector
            .input
            .as_ref()
            .map(|i| RuleAttribute::Iifname(name(i))),
        selector
            .output
            .as_ref()
            .map(|o| RuleAttribute::Oifname(name(o))),
        selector
            .ip_protocol
            .map(|protocol| RuleAttribute::IpProtocol(IpProtocol::from(protocol))),
        selector
            .source_ports
            .map(|range| RuleAttribute::SourcePortRange(ports(range))),
        selector
            .destination_ports
            .map(|range| RuleAttribute::DestinationPortRange(ports(range))),
        selector
            .users
            .map(|range| RuleAttribute::UidRange(users(range))),
        selector.tunnel_id.map(RuleAttribute::TunId),
    ];
    attributes.into_iter().flatten().collect()
}

fn length(prefix: Option<Prefix>) -> u8 {
    prefix.map_or(0, |prefix| prefix.length.get())
}
