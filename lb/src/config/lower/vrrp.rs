//! `vrrp_instance`.

pub(in crate::config) mod adverts;
pub(in crate::config) mod announce;
pub(in crate::config) mod authentication;
pub(in crate::config) mod election;
pub(in crate::config) mod group;
pub(in crate::config) mod link;
pub(in crate::config) mod notify;
mod router;
mod sync_daemon;
pub(in crate::config) mod track;

use std::time::Duration;

pub(super) use self::sync_daemon::take_sync_daemon;
use self::{
    adverts::AdvertsDraft,
    announce::AnnounceDraft,
    authentication::{AuthenticationDraft, HmacDraft},
    election::{ElectionDraft, Facts},
    link::LinkDraft,
    notify::NotifyDraft,
    track::TracksDraft,
};
use super::{
    Draft, InstancePlaces, Placed, address::AddressDraft, iproute::Uses, line, rule::RuleDraft,
};
use crate::config::{
    ast::Statement,
    diagnostic::Report,
    keyword::{Seen, vrrp::TABLE},
    model::{
        GlobalDefs, InitialState, InterfaceName, Priority, Version, Vrid, VrrpInstance,
        address::AddressLine, route::Route, rule::Rule,
    },
    source::Spanned,
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
    pub(in crate::config) addresses: Vec<AddressDraft>,
    /// Whether a line of `virtual_ipaddress` was refused: then "no addresses" would be no news.
    pub(in crate::config) has_refused_address: bool,
    pub(in crate::config) excluded: Vec<AddressDraft>,
    pub(in crate::config) routes: Vec<Route>,
    pub(in crate::config) rules: Vec<RuleDraft>,
    /// Names in its addresses, routes and rules.
    pub(in crate::config) uses: Uses,
    seen: Seen,
}

pub(in crate::config) fn read(draft: &mut Draft, statement: &Statement, report: &mut Report) {
    let Some(name) = line::name(statement, report) else {
        return;
    };
    let mut instance = InstanceDraft {
        name,
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
        excluded: Vec::new(),
        routes: Vec::new(),
        rules: Vec::new(),
        uses: Uses::default(),
        seen: Seen::default(),
    };
    instance.seen = TABLE.read(statement.statements(), &mut instance, report);
    draft.instances.push(instance);
}

/// Applies the defaults and rules within one instance; `None` when something required is missing, which is
/// reported.
pub(super) fn finish(
    draft: &InstanceDraft,
    rules: Vec<Rule>,
    global: &GlobalDefs,
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
    finish_addresses(draft, &mut instance);
    instance.routes = draft.routes.clone();
    instance.rules = rules;
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
    let (tracks, mut track_places) = track::finish(&draft.tracks, report);
    instance.tracks = tracks;
    if instance.link.track_primary && !instance.link.routed {
        track::drop_own(&mut instance, &mut track_places, report);
    }
    Some(Placed {
        at: InstancePlaces {
            name: draft.name.span,
            interface: interface.span,
            vrid: vrid.span,
            addresses: draft.addresses.iter().map(AddressDraft::places).collect(),
            vrf: draft.link.vrf.as_ref().map(|vrf| vrf.span),
            tracks: track_places,
            excluded: draft
                .excluded
                .iter()
                .map(|line| line.address.span)
                .collect(),
        },
        value: instance,
    })
}

fn finish_addresses(draft: &InstanceDraft, instance: &mut VrrpInstance) {
    let lines = |lines: &[AddressDraft]| -> Vec<AddressLine> {
        let lines = lines.iter();
        lines.map(|line| line.finish(&instance.interface)).collect()
    };
    let (addresses, excluded) = (lines(&draft.addresses), lines(&draft.excluded));
    let addresses = addresses.into_iter();
    let addresses = addresses.map(|line| (line.address, line.options));
    (instance.addresses, instance.address_options) = addresses.unzip();
    instance.excluded = excluded;
}
