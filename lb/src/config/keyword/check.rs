//! Checkers: what they have in common, and the table of each.

pub(in crate::config) mod http;
pub(in crate::config) mod network;
pub(in crate::config) mod program;
pub(in crate::config) mod track;

use super::{
    Keyword,
    lvs::timing::{
        HasTiming, ShowsTiming, connect_timeout, delay_before_retry, delay_loop, fall, jitter,
        retry, rise, warmup,
    },
    takes::{Field, Takes},
};
use crate::config::{
    lower::{
        check::{ConnectionDraft, OriginDraft, ProbeDraft, ScheduleDraft, program::MiscDraft},
        lvs::Timing,
    },
    model::{
        Check, Connection, Schedule,
        check::{Misc, Origin, Probe},
    },
    show::Page,
};

const MAX_PORT: i64 = 65_535;
/// The largest that `unsigned` holds.
const UNSIGNED: i64 = 0xffff_ffff;

/// A check as its block.
pub(super) fn show(check: &Check, page: &mut Page) {
    page.block(check.keyword(), |page| match check {
        Check::Tcp(connection) => network::TCP.show(connection, page),
        Check::Ping(connection) => network::PING.show(connection, page),
        Check::Http(probe) => http::HTTP.show(probe, page),
        Check::Ssl(probe) => http::SSL.show(probe, page),
        Check::Udp(probe) => network::UDP.show(probe, page),
        Check::Smtp(probe) => network::SMTP.show(probe, page),
        Check::Dns(probe) => network::DNS.show(probe, page),
        Check::Grpc(probe) => network::GRPC.show(probe, page),
        Check::Keepalive(probe) => network::KEEPALIVE.show(probe, page),
        Check::Misc(misc) => program::TABLE.show(misc, page),
        Check::File(file) => track::FILE.show(file, page),
        Check::Bfd(bfd) => track::BFD.show(bfd, page),
    });
}

/// A draft of a check that connects.
trait Connects {
    fn connection(&mut self) -> &mut ConnectionDraft;
}

impl Connects for ConnectionDraft {
    fn connection(&mut self) -> &mut ConnectionDraft {
        self
    }
}

impl<T> Connects for ProbeDraft<T> {
    fn connection(&mut self) -> &mut ConnectionDraft {
        &mut self.connection
    }
}

/// A draft of a check that runs at times.
trait Runs {
    fn schedule(&mut self) -> &mut ScheduleDraft;
}

impl<D: Connects> Runs for D {
    fn schedule(&mut self) -> &mut ScheduleDraft {
        &mut self.connection().schedule
    }
}

impl Runs for MiscDraft {
    fn schedule(&mut self) -> &mut ScheduleDraft {
        &mut self.schedule
    }
}

impl<D: Runs> HasTiming for D {
    fn timing(&mut self) -> &mut Timing {
        &mut self.schedule().timing
    }
}

/// A check that connects.
trait ShowsConnection {
    fn connection(&self) -> &Connection;
}

impl ShowsConnection for Connection {
    fn connection(&self) -> &Connection {
        self
    }
}

impl<T> ShowsConnection for Probe<T> {
    fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// A check that runs at times.
trait ShowsSchedule {
    fn schedule(&self) -> &Schedule;

    fn connect_timeout(&self) -> Option<std::time::Duration>;
}

impl<M: ShowsConnection> ShowsSchedule for M {
    fn schedule(&self) -> &Schedule {
        &self.connection().schedule
    }

    fn connect_timeout(&self) -> Option<std::time::Duration> {
        Some(self.connection().timeout)
    }
}

impl ShowsSchedule for Misc {
    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn connect_timeout(&self) -> Option<std::time::Duration> {
        None
    }
}

impl<M: ShowsSchedule> ShowsTiming for M {
    fn shown_timing(&self) -> Timing {
        let schedule = self.schedule();
        Timing {
            delay_loop: Some(schedule.delay_loop),
            jitter: Some(schedule.jitter),
            connect_timeout: self.connect_timeout(),
            retry: Some(schedule.retry),
            delay_before_retry: Some(schedule.delay_before_retry),
            rise: Some(schedule.rise),
            fall: Some(schedule.fall),
            warmup: Some(schedule.warmup),
        }
    }
}

/// The last nine keywords that checks have in common; `retry` and `delay` are the defaults where no level says any.
const fn schedule<D: Runs, M: ShowsSchedule>(
    times: &'static str,
    delay: &'static str,
) -> [Keyword<D, M>; 9] {
    [
        retry(times, 0),
        delay_before_retry(delay),
        rise("the real server's"),
        fall("the real server's"),
        warmup("the real server's, delay_loop"),
        delay_loop("the real server's"),
        jitter("the real server's"),
        Keyword::<D, M>::boolean(
            &["alpha"],
            Field {
                set: |draft: &mut D, given| draft.schedule().alpha = Some(given.value),
                get: |model: &M| Some(model.schedule().alpha),
            },
        )
        .default("the real server's")
        .means("failed until it passes"),
        Keyword::<D, M>::boolean(
            &["log_all_failures"],
            Field {
                set: |draft: &mut D, given| draft.schedule().log_all_failures = Some(given.value),
                get: |model: &M| Some(model.schedule().log_all_failures),
            },
        )
        .default("checker_log_all_failures")
        .means("failures that are forgiven are logged too"),
    ]
}

/// The origin of a draft's connection, to be written to.
fn origin<D: Connects>(draft: &mut D) -> &mut OriginDraft {
    draft.connection().origin.get_or_insert_default()
}

fn shown_origin<M: ShowsConnection>(model: &M) -> Option<&Origin> {
    model.connection().origin.as_deref()
}

/// The first seven keywords that checks have in common.
const fn connect<D: Connects + HasTiming, M: ShowsConnection + ShowsTiming>() -> [Keyword<D, M>; 7]
{
    [
        Keyword::<D, M>::new(
            &["connect_ip"],
            Takes::Address(Field {
                set: |draft: &mut D, given| draft.connection().address = Some(given),
                get: |model: &M| Some(model.connection().address),
            }),
        )
        .default("the real server's address")
        .means("where to connect"),
        Keyword::<D, M>::number(
            &["connect_port"],
            1,
            MAX_PORT,
            Field {
                set: |draft: &mut D, given| draft.connection().port = given.value.try_into().ok(),
                get: |model: &M| Some(model.connection().port.into()).filter(|port| *port > 0),
            },
        )
        .default("the real server's port")
        .means("the port to connect to"),
        Keyword::<D, M>::new(
            &["bindto"],
            Takes::Address(Field {
                set: |draft: &mut D, given| origin(draft).address = Some(given),
                get: |model: &M| shown_origin(model)?.address,
            }),
        )
        .means("the address to connect from"),
        Keyword::<D, M>::number(
            &["bind_port"],
            1,
            MAX_PORT,
            Field {
                set: |draft: &mut D, given| origin(draft).port = given.value.try_into().ok(),
                get: |model: &M| shown_origin(model)?.port.map(i64::from),
            },
        )
        .means("the port to connect from"),
        Keyword::<D, M>::new(
            &["bind_if"],
            Takes::Interface(Field {
                set: |draft: &mut D, given| origin(draft).interface = Some(given),
                get: |model: &M| shown_origin(model)?.interface.clone(),
            }),
        )
        .means("the interface to connect by; link-local addresses need it"),
        connect_timeout("the real server's"),
        Keyword::<D, M>::number(
            &["fwmark"],
            0,
            UNSIGNED,
            Field {
                set: |draft: &mut D, given| {
                    origin(draft).fwmark = given.value.try_into().unwrap_or_default();
                },
                get: |model: &M| Some(shown_origin(model)?.fwmark.into()),
            },
        )
        .default("0, which is none")
        .means("the firewall mark of its packets"),
    ]
}
