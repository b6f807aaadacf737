//! `encap` of routes and next hops.

use super::{iproute::parse_number, value::report_illegal};
use crate::config::{
    diagnostic::{Kind, Report, quote},
    keyword::{
        encap::{ENCAP, IP, IP6},
        line::Words,
    },
    model::route::{Encap, Ip6Encap, IpEncap, MplsLabel},
};

/// `encap KIND …`: the kind decides which words follow.
pub(in crate::config) fn read(
    into: &mut Option<Encap>,
    words: &mut Words<'_>,
    report: &mut Report,
) {
    let Some(kind) = words.peek() else {
        words.required("ip, ip6, mpls or ila", report);
        return;
    };
    if !ENCAP.read_first(words, into, report) {
        words.next();
        report_illegal(kind, "encap", report).expected("ip, ip6, mpls or ila");
    }
}

/// The words after `encap`.
pub(in crate::config) fn show(encap: &Option<Encap>) -> Vec<String> {
    let words = ENCAP.show_words(encap);
    let words = words.trim_start();
    (!words.is_empty())
        .then(|| words.to_owned())
        .into_iter()
        .collect()
}

pub(in crate::config) fn ip(into: &mut Option<Encap>, words: &mut Words<'_>, report: &mut Report) {
    let mut encap = IpEncap::default();
    let errors = report.errors();
    IP.read_known(words, &mut encap, &mut Vec::new(), report);
    if report.errors() == errors && encap.destination.is_none() && encap.id.is_none() {
        report_no_end(words, "ip", report);
    }
    *into = Some(Encap::Ip(encap));
}

pub(in crate::config) fn ip6(into: &mut Option<Encap>, words: &mut Words<'_>, report: &mut Report) {
    let mut encap = Ip6Encap::default();
    let errors = report.errors();
    IP6.read_known(words, &mut encap, &mut Vec::new(), report);
    if report.errors() == errors && encap.destination.is_none() && encap.id.is_none() {
        report_no_end(words, "ip6", report);
    }
    *into = Some(Encap::Ip6(encap));
}

fn report_no_end(words: &Words<'_>, kind: &str, report: &mut Report) {
    report
        .error(
            Kind::Missing,
            words.place(),
            format!("{} has no other end", quote(&format!("encap {kind}"))),
        )
        .expected("`dst ADDRESS` or `id NUMBER` after it");
}

/// `LABEL[/LABEL…]`.
pub(in crate::config) fn mpls(
    into: &mut Option<Encap>,
    words: &mut Words<'_>,
    report: &mut Report,
) {
    let Some(word) = words.required("LABEL[/LABEL…]", report) else {
        return;
    };
    let label = |text: &str| {
        let number: u32 = parse_number(text)?.try_into().ok()?;
        MplsLabel::try_from(number).ok()
    };
    let labels: Option<Vec<MplsLabel>> = word.text.split('/').map(label).collect();
    if labels.is_none() {
        report_illegal(word, "mpls", report)
            .expected("labels of 20 bits, with a slash between two of them");
    }
    *into = labels.map(Encap::Mpls);
}

pub(in crate::config) fn show_labels(labels: &[MplsLabel]) -> String {
    let labels = labels.iter().map(|label| u32::from(*label).to_string());
    labels.collect::<Vec<_>>().join("/")
}

/// `X:X:X:X`, four numbers in hexadecimal digits.
pub(in crate::config) fn ila(into: &mut Option<Encap>, words: &mut Words<'_>, report: &mut Report) {
    let Some(word) = words.required("LOCATOR", report) else {
        return;
    };
    let part = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u16::from_str_radix(text, 16).ok()).flatten()
    };
    let parts: Option<Vec<u16>> = word.text.split(':').map(part).collect();
    let locator = parts.filter(|parts| parts.len() == 4).map(|parts| {
        let whole = parts.iter();
        whole.fold(0, |whole, part| whole << 16 | u64::from(*part))
    });
    if locator.is_none() {
        report_illegal(word, "ila", report).expected("four hexadecimal numbers: X:X:X:X");
    }
    *into = locator.map(Encap::Ila);
}

pub(in crate::config) fn show_locator(locator: u64) -> String {
    let part = |shift: u32| format!("{:x}", (locator >> shift) & 0xffff);
    [48, 32, 16, 0].map(part).join(":")
}
