//! `vrrp_instance`.

use std::time::Duration;

use super::{
    Draft, InstancePlaces, Placed, address::AddressDraft, iproute::Uses, rule::RuleDraft, value,
};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, Withheld, quote},
    keyword::{Seen, vrrp::TABLE},
    model::{
        AdvertInterval, Family, GlobalDefs, InitialState, InterfaceName, Priority, Version, Vrid,
        VrrpInstance, address::AddressLine, route::Route, rule::Rule,
    },
    source::{Span, Spanned},
};

/// Most addresses of an advert: its count field is a byte.
const MAX_ADDRESSES: usize = 255;
/// The longest interval of version 3: 12 bits of hundredths (RFC 9568 §5.2.7).
const MAX_V3_INTERVAL: Duration = Duration::from_millis(40_950);

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
    pub(in crate::config) addresses: Vec<AddressDraft>,
    /// Whether a line of `virtual_ipaddress` was refused: then "no addresses" would be no news.
    pub(in crate::config) has_refused_address: bool,
    pub(in crate::config) excluded: Vec<AddressDraft>,
    pub(in crate::config) routes: Vec<Route>,
    pub(in crate::config) rules: Vec<RuleDraft>,
    /// Names in its addresses, routes and rules.
    pub(in crate::config) uses: Uses,
    seen: Seen,
    withheld: Withheld,
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
        addresses: Vec::new(),
        has_refused_address: false,
        excluded: Vec::new(),
        routes: Vec::new(),
        rules: Vec::new(),
        uses: Uses::default(),
        seen: Seen::default(),
        withheld: Withheld::new(),
    };
    instance.withheld = report.withheld_by(|report| {
        instance.seen = TABLE.read(statement.statements(), &mut instance, report);
    });
    draft.instances.push(instance);
}

/// Applies the defaults and rules within one instance; `None` when something required is missing, which is
/// reported.
pub(super) fn finish(
    draft: InstanceDraft,
    rules: Vec<Rule>,
    global: &GlobalDefs,
    report: &mut Report,
) -> Option<Placed<VrrpInstance, InstancePlaces>> {
    for required in ["interface", "virtual_router_id"] {
        if !draft.seen.has(required) {
            report_missing(&draft.name, required, report);
        }
    }
    let family = finish_family(&draft, report);
    let interface = draft.interface.clone()?;
    let vrid = draft.vrid?;
    let family = family?;
    let version = finish_version(&draft, family, global, report);
    let priority = finish_priority(&draft, report);
    let advert_interval = finish_interval(&draft, version, report);
    let preempt = finish_preempt(&draft, priority, report);
    let what = format!("vrrp_instance {}", quote(&draft.name.value));
    let withheld = report.leave_out(&what, &draft.withheld);
    let lines = |lines: &[AddressDraft]| -> Vec<AddressLine> {
        let lines = lines.iter();
        lines.map(|line| line.finish(&interface.value)).collect()
    };
    let addresses = lines(&draft.addresses).into_iter();
    let addresses = addresses.map(|line| (line.address, line.options));
    let (addresses, address_options) = addresses.unzip();
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
            excluded: draft
                .excluded
                .iter()
                .map(|line| line.address.span)
                .collect(),
        },
        value: VrrpInstance {
            state: draft.state.map(|state| state.value).unwrap_or_default(),
            vrid: vrid.value,
            priority,
            version,
            family,
            advert_interval,
            addresses,
            address_options,
            excluded: lines(&draft.excluded),
            routes: draft.routes,
            rules,
            preempt,
            withheld,
            interface: interface.value,
            name: draft.name.value,
        },
    })
}

fn report_missing(name: &Spanned<String>, keyword: &str, report: &mut Report) {
    report
        .error(
            Kind::Missing,
            name.span,
            format!(
                "vrrp_instance {} has no {}",
                quote(&name.value),
                quote(keyword)
            ),
        )
        .help(format!("write `{keyword} …` in its block"));
}

/// The first address decides the family (keepalived.conf(5)).
fn finish_family(draft: &InstanceDraft, report: &mut Report) -> Option<Family> {
    let Some(first) = draft.addresses.first() else {
        if !draft.has_refused_address {
            report_missing(&draft.name, "virtual_ipaddress", report);
        }
        return None;
    };
    if let Some(line) = draft.addresses.get(MAX_ADDRESSES) {
        report.error(
            Kind::Limit,
            line.address.span,
            format!("an advert carries at most {MAX_ADDRESSES} addresses"),
        );
    }
    let family = Family::of(first.address.value);
    let other = draft
        .addresses
        .iter()
        .find(|line| Family::of(line.address.value) != family);
    if let Some(other) = other {
        report
            .error(
                Kind::Conflict,
                other.address.span,
                format!(
                    "{} is of another address family than the first address of the instance",
                    quote(&other.address.value.to_string())
                ),
            )
            .related(first.address.span, "first address")
            .help("write a second vrrp_instance for it, or virtual_ipaddress_excluded");
    }
    Some(family)
}

fn finish_version(
    draft: &InstanceDraft,
    family: Family,
    global: &GlobalDefs,
    report: &mut Report,
) -> Version {
    match (family, draft.version) {
        (Family::V4, version) => version.map_or(global.vrrp.version, |version| version.value),
        (
            Family::V6,
            Some(Spanned {
                value: Version::V2,
                span,
            }),
        ) => {
            report.warning(
                Kind::Value,
                span,
                "IPv6 needs VRRP version 3: version 3 is used, as in keepalived".to_owned(),
            );
            Version::V3
        }
        (Family::V6, _) => Version::V3,
    }
}

fn finish_priority(draft: &InstanceDraft, report: &mut Report) -> Priority {
    if let Some(priority) = draft.priority {
        return priority.value;
    }
    match draft.state {
        Some(Spanned {
            value: InitialState::Master,
            span,
        }) => {
            report
                .note(
                    Kind::Value,
                    span,
                    "`state MASTER` without `priority` makes this node the address owner \
                     (priority 255), as in keepalived"
                        .to_owned(),
                )
                .help("write a priority below 255 unless the addresses are its own");
            Priority::OWNER
        }
        Some(Spanned {
            value: InitialState::Backup,
            ..
        })
        | None => Priority::DEFAULT,
    }
}

fn finish_interval(draft: &InstanceDraft, version: Version, report: &mut Report) -> AdvertInterval {
    let Some(Spanned { value: given, span }) = draft.advert_interval else {
        return AdvertInterval::DEFAULT;
    };
    let (step, max, help) = match version {
        Version::V2 => (
            1_000_000,
            Duration::from_secs(255),
            "`version 3` knows steps of 0.01 seconds",
        ),
        Version::V3 => (10_000, MAX_V3_INTERVAL, "write a multiple of 0.01"),
    };
    if given > max {
        report_interval_too_long(given, max, span, report);
        return AdvertInterval::DEFAULT;
    }
    let steps = (given.as_micros() + step / 2) / step;
    let micros = u64::try_from(steps.max(1) * step).unwrap_or(u64::MAX);
    let rounded = Duration::from_micros(micros);
    if rounded != given {
        report
            .warning(
                Kind::Value,
                span,
                format!(
                    "`advert_int` {} is rounded to {} s in VRRP version {}",
                    given.as_secs_f64(),
                    rounded.as_secs_f64(),
                    number_of(version)
                ),
            )
            .help(help);
    }
    AdvertInterval::try_from(rounded).unwrap_or(AdvertInterval::DEFAULT)
}

fn report_interval_too_long(given: Duration, max: Duration, span: Span, report: &mut Report) {
    report
        .error(
            Kind::Value,
            span,
            format!(
                "`advert_int` {} is too long for VRRP version 3",
                given.as_secs_f64()
            ),
        )
        .expected(format_args!("at most {} seconds", max.as_secs_f64()));
}

fn number_of(version: Version) -> u8 {
    match version {
        Version::V2 => 2,
        Version::V3 => 3,
    }
}

fn finish_preempt(draft: &InstanceDraft, priority: Priority, report: &mut Report) -> bool {
    let Some(Spanned { value, span }) = draft.preempt else {
        return true;
    };
    if draft.seen.has("preempt") && draft.seen.has("nopreempt") {
        report.warning(
            Kind::Conflict,
            span,
            "`preempt` and `nopreempt` are both given; the last one counts, as in keepalived"
                .to_owned(),
        );
    }
    if value {
        return true;
    }
    let is_master = draft
        .state
        .is_some_and(|state| state.value == InitialState::Master);
    let why = if is_master {
        "`state MASTER`"
    } else if priority.is_owner() {
        "`priority 255`"
    } else {
        return false;
    };
    report
        .warning(
            Kind::Conflict,
            span,
            format!("`nopreempt` does not go with {why} and is ignored, as in keepalived"),
        )
        .help("write `state BACKUP` and a priority below 255 on every node");
    true
}
