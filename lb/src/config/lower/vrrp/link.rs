//! The interfaces of an instance, real and virtual.

use std::net::IpAddr;

use super::InstanceDraft;
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    lower::{address, value},
    model::{
        Family, InterfaceName, PrefixLength, Vrid, Word as _,
        vrrp::{Device, Ipvlan, IpvlanMode, Link, MacAddress, Vmac},
    },
    show,
    source::{Span, Spanned},
};

/// Interfaces as written.
#[derive(Debug, Default)]
pub(in crate::config) struct LinkDraft {
    pub(in crate::config) vrf: Option<Spanned<InterfaceName>>,
    device: Option<(Span, DeviceDraft)>,
    pub(in crate::config) vmac_for_addresses: Option<Spanned<bool>>,
    pub(in crate::config) transmit_on_base: Option<Spanned<bool>>,
    pub(in crate::config) track_primary: Option<Spanned<bool>>,
    pub(in crate::config) promote_secondaries: Option<Spanned<bool>>,
    linkbeat_polling: bool,
    pub(in crate::config) receive_buffer: Option<u32>,
}

#[derive(Clone, Debug)]
enum DeviceDraft {
    Vmac {
        name: Option<InterfaceName>,
        /// Without its last octet where that is the VRID.
        mac: Option<Spanned<MacText>>,
        netlink_notify: bool,
        group: Option<String>,
    },
    Ipvlan(Ipvlan, Option<Span>),
}

#[derive(Clone, Debug)]
enum MacText {
    Whole(MacAddress),
    WithoutLast(String),
}

impl LinkDraft {
    fn set_device(&mut self, at: Span, device: DeviceDraft, report: &mut Report) {
        if let Some((first, _)) = &self.device {
            report
                .error(
                    Kind::Conflict,
                    at,
                    "an instance has one `use_vmac` or one `use_ipvlan`".to_owned(),
                )
                .related(*first, "first given")
                .help("remove one of them");
            return;
        }
        self.device = Some((at, device));
    }
}

/// Deprecated, but what replaces it names interfaces and not instances.
pub(in crate::config) fn read_polling(
    draft: &mut LinkDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    draft.linkbeat_polling = true;
    report
        .warning(
            Kind::Deprecated,
            statement.keyword.span,
            "`linkbeat_use_polling` in an instance is deprecated".to_owned(),
        )
        .help("name the interface in `linkbeat_interfaces`");
}

/// Takes the word behind `group`; `None` where it is missing, which is reported.
fn group<'w>(
    option: &Word,
    words: &mut impl Iterator<Item = &'w Word>,
    report: &mut Report,
) -> Option<String> {
    let group = words.next();
    if group.is_none() {
        report
            .error(
                Kind::Missing,
                option.span,
                "`group` needs a value".to_owned(),
            )
            .expected("the name or number of an interface group");
    }
    group.map(|word| word.text.to_string())
}

/// `[[name] NAME] [MAC] [netlink_notify_msg] [group GROUP]`, in any order.
pub(in crate::config) fn read_vmac(
    draft: &mut LinkDraft,
    statement: &Statement,
    report: &mut Report,
) {
    let (mut name, mut mac, mut netlink_notify, mut in_group) = (None, None, false, None);
    let mut words = statement.arguments.iter();
    while let Some(word) = words.next() {
        match &*word.text {
            "name" => {}
            "netlink_notify_msg" => netlink_notify = true,
            "group" => match group(word, &mut words, report) {
                None => return,
                found => in_group = found,
            },
            text => {
                if text.contains(':') && mac.is_none() {
                    let Some(found) = mac_text(word, report) else {
                        return;
                    };
                    mac = Some(Spanned::new(found, word.span));
                } else if name.is_none() {
                    let Some(found) = value::interface(word, report) else {
                        return;
                    };
                    name = Some(found.value);
                } else {
                    value::report_illegal(word, "use_vmac", report)
                        .expected("[[name] NAME] [MAC] [netlink_notify_msg] [group GROUP]");
                    return;
                }
            }
        }
    }
    let vmac = DeviceDraft::Vmac {
        name,
        mac,
        netlink_notify,
        group: in_group,
    };
    draft.set_device(statement.keyword.span, vmac, report);
}

/// Six octets, or five, which the VRID completes.
fn mac_text(word: &Word, report: &mut Report) -> Option<MacText> {
    let whole: Option<MacAddress> = word.text.parse().ok();
    let completed = format!("{}:01", word.text);
    let mac = whole.or_else(|| completed.parse().ok());
    let mac = mac.filter(|mac| !mac.is_multicast() && !mac.is_of_router());
    if mac.is_none() {
        value::report_illegal(word, "use_vmac", report).expected(
            "a MAC of six octets, or of five before the VRID, that is neither a group's nor of 00:00:5e:00:01 or :02",
        );
        return None;
    }
    Some(whole.map_or_else(
        || MacText::WithoutLast(word.text.to_string()),
        MacText::Whole,
    ))
}

/// `[NAME] [ADDRESS[/LENGTH]] [bridge|private|vepa] [group GROUP]`, in any order.
pub(in crate::config) fn read_ipvlan(
    draft: &mut LinkDraft,
    statement: &Statement,
    report: &mut Report,
) {
    let (mut name, mut address, mut mode, mut in_group) = (None, None, None, None);
    let mut at = None;
    let mut words = statement.arguments.iter();
    while let Some(word) = words.next() {
        let text = &*word.text;
        if text == "group" {
            in_group = group(word, &mut words, report);
            if in_group.is_none() {
                return;
            }
        } else if let Some(place) = IpvlanMode::WORDS.iter().position(|known| *known == text)
            && mode.is_none()
        {
            mode = IpvlanMode::at(place);
        } else if (text.contains(['.', ':']) && text.parse::<IpAddr>().is_ok()
            || text.contains('/'))
            && address.is_none()
        {
            let found = address::address_and_prefix(word, "use_ipvlan", report);
            let Some((found, prefix)) = found else {
                return;
            };
            let prefix = prefix.unwrap_or_else(|| address::whole(found.value));
            address = Some((found.value, prefix));
            at = Some(found.span);
        } else if name.is_none() {
            let Some(found) = value::interface(word, report) else {
                return;
            };
            name = Some(found.value);
        } else {
            value::report_illegal(word, "use_ipvlan", report)
                .expected("[NAME] [ADDRESS] [bridge|private|vepa] [group GROUP]");
            return;
        }
    }
    let ipvlan = Ipvlan {
        name,
        address,
        mode: mode.unwrap_or_default(),
        group: in_group,
    };
    let device = DeviceDraft::Ipvlan(ipvlan, at);
    draft.set_device(statement.keyword.span, device, report);
}

pub(in crate::config) fn show_vmac(device: &Device, vrid: Vrid, family: Family) -> Vec<String> {
    let Device::Vmac(vmac) = device else {
        return Vec::new();
    };
    let mac = Some(vmac.mac).filter(|mac| *mac != MacAddress::of_router(family, vrid));
    let words = [
        vmac.name
            .as_ref()
            .map(|name| format!("name {}", show::text(name.as_str()))),
        mac.map(|mac| mac.to_string()),
        vmac.netlink_notify.then(|| "netlink_notify_msg".to_owned()),
        vmac.group
            .as_ref()
            .map(|group| format!("group {}", show::text(group))),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    vec![words.join(" ")]
}

pub(in crate::config) fn show_ipvlan(device: &Device) -> Vec<String> {
    let Device::Ipvlan(ipvlan) = device else {
        return Vec::new();
    };
    let mode = ipvlan.mode.place().and_then(|at| IpvlanMode::WORDS.get(at));
    let words = [
        ipvlan.name.as_ref().map(|name| show::text(name.as_str())),
        ipvlan
            .address
            .map(|(address, prefix): (IpAddr, PrefixLength)| format!("{address}/{prefix}")),
        mode.map(ToString::to_string),
        ipvlan
            .group
            .as_ref()
            .map(|group| format!("group {}", show::text(group))),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    vec![words.join(" ")]
}

/// keepalived clears what does not go together, with a message.
pub(super) fn finish(
    instance: &InstanceDraft,
    family: Family,
    vrid: Vrid,
    strict: bool,
    report: &mut Report,
) -> Link {
    let draft = &instance.link;
    let routed = instance.interface.is_none();
    let unicast = instance.adverts.is_unicast();
    let device = finish_device(draft, routed, family, vrid, strict, report);
    let has_vmac = matches!(device, Device::Vmac(_));
    let given = |flag: Option<Spanned<bool>>| flag.is_some_and(|flag| flag.value);
    let promote = draft.promote_secondaries.filter(|_| has_vmac);
    if let Some(promote) = promote {
        ignore(
            "promote_secondaries",
            "with `use_vmac`, which does it anyway",
            promote.span,
            report,
        );
    }
    Link {
        routed,
        vrf: finish_vrf(draft, routed, report),
        vmac_for_addresses: given(draft.vmac_for_addresses),
        transmit_on_base: finish_base(draft, &device, unicast, strict, report),
        track_primary: draft.track_primary.is_none_or(|track| track.value),
        promote_secondaries: given(draft.promote_secondaries) && promote.is_none(),
        linkbeat_polling: draft.linkbeat_polling,
        receive_buffer: draft.receive_buffer,
        device,
    }
}

fn ignore(name: &str, why: &str, at: Span, report: &mut Report) {
    let sentence = format!("{} is ignored {why}, as in keepalived", quote(name));
    report.warning(Kind::Conflict, at, sentence);
}

fn finish_vrf(draft: &LinkDraft, routed: bool, report: &mut Report) -> Option<InterfaceName> {
    let vrf = draft.vrf.clone()?;
    if !routed {
        ignore("vrf", "with `interface`", vrf.span, report);
        return None;
    }
    Some(vrf.value)
}

fn finish_base(
    draft: &LinkDraft,
    device: &Device,
    unicast: bool,
    strict: bool,
    report: &mut Report,
) -> bool {
    let name = "vmac_xmit_base";
    let has_vmac = matches!(device, Device::Vmac(_));
    match (draft.transmit_on_base, &draft.device) {
        (Some(base), _) if !has_vmac => {
            ignore(name, "without `use_vmac`", base.span, report);
            false
        }
        (Some(base), _) if strict => {
            ignore(name, "with `strict_mode`", base.span, report);
            false
        }
        (Some(_), _) => true,
        (None, Some((at, _))) if has_vmac && unicast => {
            report
                .warning(
                    Kind::Conflict,
                    *at,
                    "unicast with `use_vmac` needs `vmac_xmit_base`, which is set, as in keepalived".to_owned(),
                )
                .help("write `vmac_xmit_base`");
            true
        }
        (None, _) => false,
    }
}

fn finish_device(
    draft: &LinkDraft,
    routed: bool,
    family: Family,
    vrid: Vrid,
    strict: bool,
    report: &mut Report,
) -> Device {
    let Some((at, device)) = &draft.device else {
        return Device::Interface;
    };
    if routed {
        let name = match device {
            DeviceDraft::Vmac { .. } => "use_vmac",
            DeviceDraft::Ipvlan(..) => "use_ipvlan",
        };
        ignore(name, "without `interface`", *at, report);
        return Device::Interface;
    }
    match device {
        DeviceDraft::Vmac {
            name,
            mac,
            netlink_notify,
            group,
        } => Device::Vmac(Vmac {
            name: name.clone(),
            mac: finish_mac(mac.as_ref(), family, vrid, strict, report),
            netlink_notify: *netlink_notify,
            group: group.clone(),
        }),
        DeviceDraft::Ipvlan(ipvlan, address_at) => {
            check_ipvlan(ipvlan, family, address_at.unwrap_or(*at), report);
            Device::Ipvlan(ipvlan.clone())
        }
    }
}

fn finish_mac(
    given: Option<&Spanned<MacText>>,
    family: Family,
    vrid: Vrid,
    strict: bool,
    report: &mut Report,
) -> MacAddress {
    let own = MacAddress::of_router(family, vrid);
    let Some(given) = given else {
        return own;
    };
    if strict {
        ignore("use_vmac MAC", "with `strict_mode`", given.span, report);
        return own;
    }
    match &given.value {
        MacText::Whole(mac) => *mac,
        MacText::WithoutLast(text) => format!("{text}:{:02x}", vrid.get()).parse().unwrap_or(own),
    }
}

/// keepalived goes to FAULT for good, with a message.
fn check_ipvlan(ipvlan: &Ipvlan, family: Family, at: Span, report: &mut Report) {
    match ipvlan.address {
        None if family == Family::V4 => {
            report
                .error(
                    Kind::Missing,
                    at,
                    "`use_ipvlan` needs an address for IPv4".to_owned(),
                )
                .help("write an address of this node behind it, the source of adverts");
        }
        Some((address, _)) if Family::of(address) != family => {
            let address = quote(&address.to_string());
            report
                .error(
                    Kind::Conflict,
                    at,
                    format!("{address} is of another address family than the instance"),
                )
                .help("the first virtual address decides the family");
        }
        _ => {}
    }
}
