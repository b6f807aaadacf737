//! What makes a virtual router: interface, family, version, priority, interval.

use std::{net::IpAddr, time::Duration};

use super::InstanceDraft;
use crate::config::{
    diagnostic::{Finding, Kind, Report, quote},
    model::{AdvertInterval, Family, GlobalDefs, InitialState, InterfaceName, Priority, Version},
    show,
    source::{Span, Spanned},
};

/// Most addresses of an advert: its count field is a byte.
const MAX_ADDRESSES: usize = 255;
/// The longest interval of version 3: 12 bits of hundredths (RFC 9568 §5.2.7).
const MAX_V3_INTERVAL: Duration = Duration::from_millis(40_950);

/// Unicast adverts with a source need no interface; where addresses go that name none is `default_interface` then.
pub(super) fn interface(
    draft: &InstanceDraft,
    global: &GlobalDefs,
    report: &mut Report,
) -> Option<Spanned<InterfaceName>> {
    if draft.interface.is_some() || draft.seen.has("interface") {
        return draft.interface.clone();
    }
    if !draft.adverts.is_unicast() {
        report_missing(&draft.name, "interface", report);
        return None;
    }
    let Some(source) = draft.adverts.source() else {
        report
            .error(
                Kind::Missing,
                draft.name.span,
                format!(
                    "vrrp_instance {} has neither `interface` nor `unicast_src_ip`",
                    quote(&draft.name.value)
                ),
            )
            .help("write one of them in its block");
        return None;
    };
    if let IpAddr::V6(address) = source.value
        && address.is_unicast_link_local()
    {
        report
            .error(
                Kind::Conflict,
                source.span,
                "a link-local source needs an `interface`".to_owned(),
            )
            .help("write `interface …` in the block");
        return None;
    }
    let default = global.network.default_interface.clone();
    let default = default.or_else(|| "eth0".to_owned().try_into().ok())?;
    Some(Spanned::new(default, draft.name.span))
}

pub(super) fn report_missing<'r>(
    name: &Spanned<String>,
    keyword: &str,
    report: &'r mut Report,
) -> &'r mut Finding {
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
        .help(format!("write `{keyword} …` in its block"))
}

/// What the addresses and `native_ipv6` or `strict_mode` do not agree on.
pub(super) fn check_family(
    draft: &InstanceDraft,
    family: Family,
    strict: bool,
    report: &mut Report,
) {
    if let Some(native) = draft.adverts.native_ipv6
        && family == Family::V4
    {
        report.warning(
            Kind::Conflict,
            native.span,
            "`native_ipv6` is ignored with IPv4 addresses, as in keepalived".to_owned(),
        );
    }
    let first = draft.addresses.first().map(|line| line.address);
    match first {
        None if strict => {
            report_missing(&draft.name, "virtual_ipaddress", report)
                .help("`strict_mode` needs a virtual address, also with `no_virtual_ipaddress`");
        }
        Some(Spanned {
            value: IpAddr::V6(address),
            span,
        }) if strict && !address.is_unicast_link_local() => {
            report
                .error(
                    Kind::Conflict,
                    span,
                    "the first IPv6 address is not link-local, but `strict_mode` needs that"
                        .to_owned(),
                )
                .help("write a link-local address, such as fe80::1, before it");
        }
        _ => {}
    }
}

/// The first address decides the family (keepalived.conf(5)).
pub(super) fn family(draft: &InstanceDraft, report: &mut Report) -> Option<Family> {
    let Some(first) = draft.addresses.first() else {
        if draft.may_lack_addresses {
            return Some(draft.adverts.family().unwrap_or(Family::V4));
        }
        if !draft.has_refused_address {
            report_missing(&draft.name, "virtual_ipaddress", report)
                .help("write `virtual_ipaddress …`, or `no_virtual_ipaddress`, in its block");
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

pub(super) fn version(
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

pub(super) fn priority(draft: &InstanceDraft, report: &mut Report) -> Priority {
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

pub(super) fn interval(
    draft: &InstanceDraft,
    version: Version,
    report: &mut Report,
) -> AdvertInterval {
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
                    show::seconds(given),
                    show::seconds(rounded),
                    version.number()
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
                show::seconds(given)
            ),
        )
        .expected(format_args!("at most {} seconds", show::seconds(max)));
}

pub(super) fn preempt(
    draft: &InstanceDraft,
    state: InitialState,
    priority: Priority,
    report: &mut Report,
) -> bool {
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
    let why = if state == InitialState::Master {
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
