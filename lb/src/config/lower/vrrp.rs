//! `vrrp_instance`.

pub(in crate::config) mod adverts;
pub(in crate::config) mod announce;
pub(in crate::config) mod authentication;
pub(in crate::config) mod election;
pub(in crate::config) mod group;
pub(in crate::config) mod link;
pub(in crate::config) mod notify;
mod router;
pub(in crate::config) mod track;
mod withheld;

use std::{net::IpAddr, time::Duration};

pub(super) use self::withheld::take_sync_daemon;
use self::{
    adverts::AdvertsDraft,
    announce::AnnounceDraft,
    authentication::{AuthenticationDraft, HmacDraft},
    election::{ElectionDraft, Facts},
    group::GroupDraft,
    link::LinkDraft,
    notify::NotifyDraft,
    track::TracksDraft,
};
use super::{Draft, InstancePlaces, Placed, value};
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, Withheld, quote},
    keyword::{
        Seen, refuse_directive,
        vrrp::{LATER_ADDRESS_OPTIONS, TABLE},
    },
    model::{
        Family, GlobalDefs, InitialState, InterfaceName, PrefixLength, Priority, Version,
        VirtualAddress, Vrid, VrrpInstance,
    },
    source::Spanned,
    suggest::nearest,
};

/// A `vrrp_instance` as written.
#[derive(Debug)]
pub(in crate::config) struct InstanceDraft {
    name: Spanned<String>,
    pub(in crate::config) state: Option<Spanned<InitialState>>,
    pub(in crate::config) interface: Option<Spanned<InterfaceName>>,
    pub(in crate::config) vrid: Option<Spanned<Vrid>>,
    pub(in crate::config) priority: Option<Spanned<Priority>>,
    pub(in crate::config) version: Option<Spanned<Version>>,
    pub(in crate::config) advert_interval: Option<Spanned<Duration>>,
    pub(in crate::config) preempt: Option<Spanned<bool>>,
    pub(in crate::config) election: ElectionDraft,
    pub(in crate::config) link: LinkDraft,
    pub(in crate::config) adverts: AdvertsDraft,
    pub(in crate::config) authentication: Option<AuthenticationDraft>,
    pub(in crate::config) hmac: Option<HmacDraft>,
    pub(in crate::config) announce: AnnounceDraft,
    pub(in crate::config) tracks: TracksDraft,
    pub(in crate::config) notify: NotifyDraft,
    pub(in crate::config) lvs_sync: Option<Spanned<InterfaceName>>,
    /// With `no_virtual_ipaddress`.
    pub(in crate::config) may_lack_addresses: bool,
    addresses: Vec<AddressLine>,
    /// Whether a line of `virtual_ipaddress` was refused: then "no addresses" would be no news.
    has_refused_address: bool,
    seen: Seen,
    withheld: Withheld,
}

/// A line of `virtual_ipaddress` as written.
#[derive(Debug)]
struct AddressLine {
    address: Spanned<IpAddr>,
    prefix: PrefixLength,
    interface: Option<Spanned<InterfaceName>>,
}

pub(in crate::config) fn read(draft: &mut Draft, statement: &Statement, report: &mut Report) {
    let Some(name) = statement.arguments.first() else {
        report
            .error(
                Kind::Missing,
                statement.keyword.span,
                "`vrrp_instance` needs a name".to_owned(),
            )
            .expected("`vrrp_instance NAME {`");
        return;
    };
    value::warn_of_rest(statement, 1, report);
    let mut instance = InstanceDraft {
        name: Spanned::new(name.text.to_string(), name.span),
        state: None,
        interface: None,
        vrid: None,
        priority: None,
        version: None,
        advert_interval: None,
        preempt: None,
        election: ElectionDraft::default(),
        link: LinkDraft::default(),
        adverts: AdvertsDraft::default(),
        authentication: None,
        hmac: None,
        announce: AnnounceDraft::default(),
        tracks: TracksDraft::default(),
        notify: NotifyDraft::default(),
        lvs_sync: None,
        may_lack_addresses: false,
        addresses: Vec::new(),
        has_refused_address: false,
        seen: Seen::default(),
        withheld: Withheld::new(),
    };
    instance.withheld = report.withheld_by(|report| {
        instance.seen = TABLE.read(statement.statements(), &mut instance, report);
    });
    draft.instances.push(instance);
}

pub(in crate::config) fn read_addresses(
    draft: &mut InstanceDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    for line in statement.statements() {
        if report.is_full() {
            return;
        }
        match read_address(line, report) {
            Some(address) => draft.addresses.push(address),
            None => draft.has_refused_address = true,
        }
    }
}

/// `ADDRESS[/LENGTH] [dev INTERFACE]`.
fn read_address(line: &Statement, report: &mut Report) -> Option<AddressLine> {
    if line.block.is_some() {
        report.error(
            Kind::Syntax,
            line.keyword.span,
            format!("the address {} takes no block", quote(&line.keyword.text)),
        );
        return None;
    }
    if refuse_directive(line, report) {
        return None;
    }
    let (address, prefix) = address_and_prefix(&line.keyword, "virtual_ipaddress", report)?;
    let mut interface = None;
    let mut options = line.arguments.iter();
    while let Some(option) = options.next() {
        if &*option.text != "dev" {
            report_option(option, report);
            return None;
        }
        let Some(name) = options.next() else {
            report
                .error(
                    Kind::Missing,
                    option.span,
                    "`dev` needs an interface".to_owned(),
                )
                .expected("`dev INTERFACE`");
            return None;
        };
        interface = Some(value::interface(name, report)?);
    }
    Some(AddressLine {
        address,
        prefix,
        interface,
    })
}

fn report_option(option: &Word, report: &mut Report) {
    let text = &*option.text;
    if LATER_ADDRESS_OPTIONS.contains(&text) {
        report.not_carried(option.span, &format!("{} after an address", quote(text)));
        return;
    }
    let finding = report.error(
        Kind::UnknownKeyword,
        option.span,
        format!("unknown word {} after an address", quote(text)),
    );
    let known = std::iter::once("dev").chain(LATER_ADDRESS_OPTIONS.iter().copied());
    match nearest(text, known) {
        Some(meant) => finding.help(format!("did you mean {}?", quote(meant))),
        None => finding.expected("`dev INTERFACE`"),
    };
}

fn address_and_prefix(
    word: &Word,
    name: &str,
    report: &mut Report,
) -> Option<(Spanned<IpAddr>, PrefixLength)> {
    let (text, length) = match word.text.split_once('/') {
        Some((text, length)) => (text, Some(length)),
        None => (&*word.text, None),
    };
    let bare = Word {
        text: text.into(),
        span: word.span,
    };
    let address = value::address(&bare, name, report)?;
    let max = match Family::of(address.value) {
        Family::V4 => 32,
        Family::V6 => 128,
    };
    let length = match length {
        None => max,
        Some(length) => {
            let length = Word {
                text: length.into(),
                span: word.span,
            };
            value::number(&length, "prefix length", 0..=max, report)?.value
        }
    };
    Some((address, PrefixLength::try_from(length).ok()?))
}

/// Applies the defaults and rules within one instance; `None` when something required is missing, which is
/// reported.
pub(super) fn finish(
    draft: &InstanceDraft,
    global: &GlobalDefs,
    groups: &[GroupDraft],
    report: &mut Report,
) -> Option<Placed<VrrpInstance, InstancePlaces>> {
    if !draft.seen.has("virtual_router_id") {
        router::report_missing(&draft.name, "virtual_router_id", report);
    }
    let family = router::family(draft, report);
    let interface = router::interface(draft, global, report);
    let vrid = draft.vrid?;
    let (family, interface) = (family?, interface?);
    let mut instance = VrrpInstance::new(
        &draft.name.value,
        interface.value.clone(),
        vrid.value,
        family,
    );
    let strict = election::is_strict(&draft.election, global);
    router::check_family(draft, family, strict, report);
    instance.version = router::version(draft, family, global, report);
    instance.priority = router::priority(draft, report);
    instance.state = election::finish_state(draft, instance.priority, strict, report);
    instance.advert_interval = router::interval(draft, instance.version, report);
    instance.preempt = router::preempt(draft, instance.state, instance.priority, report);
    instance.addresses = finish_addresses(draft, &interface.value);
    let facts = Facts {
        version: instance.version,
        priority: instance.priority,
        state: instance.state,
        preempt: instance.preempt,
        strict,
    };
    instance.election = election::finish(draft, facts, global, report);
    instance.link = link::finish(draft, family, vrid.value, strict, report);
    instance.adverts = adverts::finish(draft, family, facts, global, report);
    instance.authentication = authentication::finish(draft, facts, family, report);
    let interval = instance.advert_interval;
    instance.hmac = authentication::finish_hmac(draft, interval, strict, report);
    instance.announce = announce::finish(&draft.announce, &global.vrrp.announce, strict, report);
    instance.notify = notify::finish(&draft.notify, global);
    if instance.priority.is_owner() {
        track::warn_of_weights(&draft.tracks, "with `priority 255`", report);
    }
    let (tracks, mut track_places) = track::finish(&draft.tracks, report);
    instance.tracks = tracks;
    if instance.link.track_primary && !instance.link.routed {
        track::drop_own(&mut instance, &mut track_places, report);
    }
    let withheld = withheld::words(draft, &instance, groups);
    let what = || format!("vrrp_instance {}", quote(&draft.name.value));
    instance.withheld = report.leave_out(what, &withheld);
    instance.withheld.sort();
    let places = draft.addresses.iter().map(|line| {
        let named = line.interface.as_ref().map(|named| named.span);
        (line.address.span, named)
    });
    Some(Placed {
        at: InstancePlaces {
            name: draft.name.span,
            interface: interface.span,
            vrid: vrid.span,
            addresses: places.collect(),
            vrf: draft.link.vrf.as_ref().map(|vrf| vrf.span),
            tracks: track_places,
        },
        value: instance,
    })
}

fn finish_addresses(draft: &InstanceDraft, interface: &InterfaceName) -> Vec<VirtualAddress> {
    let addresses = draft.addresses.iter().map(|line| VirtualAddress {
        address: line.address.value,
        prefix: line.prefix,
        interface: line
            .interface
            .as_ref()
            .map_or_else(|| interface.clone(), |named| named.value.clone()),
    });
    addresses.collect()
}
