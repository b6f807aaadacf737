//! `bfd_instance`.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    Draft, Placed,
    line::{self, report_without},
    value,
};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
    keyword::bfd::TABLE,
    model::{
        Family, Word as _,
        bfd::{Authentication, AuthenticationKind, BfdInstance},
    },
    need::{Need, SecretKind},
    show,
    source::Spanned,
};

/// Longest name (`BFD_INAME_MAX` without the final NUL).
const LONGEST_NAME: usize = 31;

pub(in crate::config) fn read(draft: &mut Draft, statement: &Statement, report: &mut Report) {
    let Some(name) = line::name(statement, report) else {
        return;
    };
    if name.value.len() > LONGEST_NAME {
        report
            .error(
                Kind::Value,
                name.span,
                format!("the name {} is too long", quote(&name.value)),
            )
            .expected(format_args!("at most {LONGEST_NAME} bytes"));
    }
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let mut bfd = BfdInstance {
        for_vrrp: false,
        for_checker: false,
        ..BfdInstance::new(&name.value, nobody)
    };
    let seen = TABLE.read(statement.statements(), &mut bfd, report);
    if !seen.has("neighbor_ip") {
        report_without(statement, &name, "neighbor_ip", report);
    }
    if bfd.neighbor == nobody {
        return;
    }
    if !bfd.for_vrrp && !bfd.for_checker {
        (bfd.for_vrrp, bfd.for_checker) = (true, true);
    }
    if !seen.has("ttl") {
        bfd.ttl = BfdInstance::default_ttl(Family::of(bfd.neighbor));
    }
    check(&mut bfd, &name, report);
    draft.node.bfd_instances.push(Placed {
        value: bfd,
        at: name.span,
    });
}

/// What follows `authentication`.
pub(in crate::config) const AUTHENTICATION: &str = "simple, md5, meticulous_md5, sha1 or meticulous_sha1, the key's number from 0 to 255, and a file with the key";

pub(in crate::config) fn read_authentication(
    bfd: &mut BfdInstance,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 3, report);
    let [kind, number, file, ..] = &statement.arguments[..] else {
        value::report_missing(statement, AUTHENTICATION, report);
        return;
    };
    let places = AuthenticationKind::WORDS.iter();
    let place = places.clone().position(|word| **word == *kind.text);
    let Some(chosen) = place.and_then(AuthenticationKind::at) else {
        value::report_illegal(kind, "authentication", report).expected(AUTHENTICATION);
        return;
    };
    let Ok(key_id) = number.text.parse() else {
        value::report_illegal(number, "authentication", report).expected(AUTHENTICATION);
        return;
    };
    let path = file.text.to_string();
    let secret = SecretKind::SessionKey(chosen);
    let need = Need::SecretFile {
        secret,
        path: path.clone(),
    };
    report.needs(need, file.span);
    bfd.authentication = Some(Authentication {
        kind: chosen,
        key_id,
        file: path,
    });
}

pub(in crate::config) fn show_authentication(bfd: &BfdInstance) -> Vec<String> {
    let given = bfd.authentication.iter();
    given
        .map(|given| {
            let (kind, id) = (given.kind.word(), given.key_id);
            format!("{kind} {id} {}", show::text(&given.file))
        })
        .collect()
}

fn check(bfd: &mut BfdInstance, name: &Spanned<String>, report: &mut Report) {
    let what = quote(&name.value);
    if bfd
        .source
        .is_some_and(|source| Family::of(source) != Family::of(bfd.neighbor))
    {
        report
            .error(
                Kind::Conflict,
                name.span,
                format!(
                    "`source_ip` of bfd_instance {what} is of another family than `neighbor_ip`"
                ),
            )
            .help("write an address of the same family, or leave `source_ip` out");
    }
    if bfd.max_hops.is_some_and(|hops| hops > bfd.ttl) {
        bfd.max_hops = Some(bfd.ttl);
        report
            .warning(
                Kind::Conflict,
                name.span,
                format!(
                    "`max_hops` of bfd_instance {what} is reduced to its TTL of {}, as in keepalived",
                    bfd.ttl
                ),
            )
            .help("write `max_hops -1` where any number of hops is right");
    }
}
