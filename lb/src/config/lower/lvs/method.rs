//! `lvs_method`: `NAT|FULLNAT|DR|TUN [type ipip|gue port PORT|gre] [nocsum|csum|remcsum]`.

use super::super::value;
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    keyword::lvs::tunnel::TABLE,
    model::{ForwardMethod, Tunnel, Word as Choice, lvs::TunnelChecksum},
};

/// What stands behind `TUN`, in any order.
#[derive(Debug, Default)]
pub(in crate::config) struct TunnelDraft {
    pub(in crate::config) kind: Option<TunnelKind>,
    pub(in crate::config) port: Option<u16>,
    pub(in crate::config) checksum: TunnelChecksum,
}

/// `type` of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum TunnelKind {
    Ipip,
    Gue,
    Gre,
}

impl Choice for TunnelKind {
    const VALUES: &'static [Self] = &[Self::Ipip, Self::Gue, Self::Gre];
    const WORDS: &'static [&'static str] = &["ipip", "gue", "gre"];
}

impl TunnelKind {
    pub(in crate::config) const fn of(tunnel: Tunnel) -> Self {
        match tunnel {
            Tunnel::Ipip => Self::Ipip,
            Tunnel::Gue { .. } => Self::Gue,
            Tunnel::Gre { .. } => Self::Gre,
        }
    }
}

pub(in crate::config) fn read(statement: &Statement, report: &mut Report) -> Option<ForwardMethod> {
    let name = &*statement.keyword.text;
    let Some((word, options)) = statement.arguments.split_first() else {
        report
            .error(
                Kind::Missing,
                statement.keyword.span,
                format!("{} needs a value", quote(name)),
            )
            .expected("NAT, DR, TUN or FULLNAT");
        return None;
    };
    let method = match &*word.text {
        "NAT" => ForwardMethod::Nat,
        "FULLNAT" => ForwardMethod::FullNat,
        "DR" => ForwardMethod::DirectRoute,
        "TUN" => {
            let mut draft = TunnelDraft::default();
            if !TABLE.read_words(options, &mut draft, report) {
                return None;
            }
            return draft.finish(word, report).map(ForwardMethod::Tunnel);
        }
        _ => {
            value::report_illegal(word, name, report).expected("NAT, DR, TUN or FULLNAT");
            return None;
        }
    };
    if let Some(option) = options.first() {
        report
            .error(
                Kind::Value,
                option.span,
                format!("{} is no option of {}", quote(&option.text), word.text),
            )
            .help(format!("only `{name} TUN` has options"));
        return None;
    }
    Some(method)
}

impl TunnelDraft {
    fn finish(self, tun: &Word, report: &mut Report) -> Option<Tunnel> {
        let kind = self.kind.unwrap_or(TunnelKind::Ipip);
        let checksum = self.checksum;
        let wrong = match (kind, self.port, checksum) {
            (TunnelKind::Gue, None, _) => "a gue tunnel needs `port PORT`",
            (TunnelKind::Ipip | TunnelKind::Gre, Some(_), _) => "only a gue tunnel has a port",
            (TunnelKind::Ipip, None, TunnelChecksum::Plain | TunnelChecksum::Remote) => {
                "an ipip tunnel has no checksum"
            }
            (TunnelKind::Gre, None, TunnelChecksum::Remote) => {
                "a gre tunnel has no remote checksum"
            }
            (TunnelKind::Gue, Some(port), checksum) => return Some(Tunnel::Gue { port, checksum }),
            (TunnelKind::Ipip, None, TunnelChecksum::None) => return Some(Tunnel::Ipip),
            (TunnelKind::Gre, None, checksum) => return Some(Tunnel::Gre { checksum }),
        };
        report.error(Kind::Conflict, tun.span, wrong.to_owned());
        None
    }
}

/// The arguments that give the method.
pub(in crate::config) fn show(method: ForwardMethod) -> String {
    match method {
        ForwardMethod::Nat => "NAT".to_owned(),
        ForwardMethod::FullNat => "FULLNAT".to_owned(),
        ForwardMethod::DirectRoute => "DR".to_owned(),
        ForwardMethod::Tunnel(tunnel) => format!("TUN{}", TABLE.show_words(&tunnel)),
    }
}
