//! `GRPC_CHECK`.

use super::{
    Above, CONNECTS, CheckDraft, Named, ProbeDraft, RealServerDraft, check_authority, read_probe,
};
use crate::config::{
    ast::Statement,
    diagnostic::Report,
    keyword::check::network,
    model::check::{Grpc, Probe},
    source::Span,
};

pub(in crate::config) fn read(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    read_probe(&network::GRPC, CheckDraft::Grpc, draft, statement, report);
}

pub(super) fn finish(
    draft: ProbeDraft<Grpc>,
    at: Span,
    above: &Above<'_>,
    names: &mut Vec<Named>,
    report: &mut Report,
) -> Box<Probe<Grpc>> {
    let ProbeDraft {
        connection,
        mut settings,
    } = draft;
    if settings.tls {
        names.push(Named::certificate("GRPC_CHECK", at));
    }
    let inherited = above.virtualhost.map(str::to_owned);
    settings.virtualhost = settings.virtualhost.or(inherited);
    check_authority(settings.virtualhost.as_deref(), at, report);
    Box::new(Probe {
        connection: connection.finish(at, CONNECTS, above, names, report),
        settings,
    })
}
