//! When checks run and how many count: eight keywords, alike on three levels. Each level's default is the one above.

use std::time::Duration;

use crate::config::{
    keyword::{
        Keyword,
        takes::{Field, Takes},
    },
    lower::lvs::{Timing, real_server::RealServerDraft, virtual_server::VirtualServerDraft},
    model::{Micros, RealServer, VirtualServer},
};

/// keepalived counts timers in microseconds.
const MICROSECOND: Duration = Duration::from_micros(1);
/// The longest that IPVS's own timers take, 31 days.
pub(in crate::config::keyword) const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);
const MAX_RETRY: i64 = 0xffff_ffff;
/// As for `vrrp_script`.
const MOST_ROUNDS: i64 = 0x7fff_ffff;

/// A draft with the keywords.
pub(in crate::config::keyword) trait HasTiming {
    fn timing(&mut self) -> &mut Timing;
}

impl HasTiming for VirtualServerDraft {
    fn timing(&mut self) -> &mut Timing {
        &mut self.timing
    }
}

impl HasTiming for RealServerDraft {
    fn timing(&mut self) -> &mut Timing {
        &mut self.timing
    }
}

/// A model with some of the timing keywords: what no level below has of its own.
pub(in crate::config::keyword) trait ShowsTiming {
    fn shown_timing(&self) -> Timing;
}

impl ShowsTiming for VirtualServer {
    fn shown_timing(&self) -> Timing {
        Timing {
            delay_loop: Some(self.delay_loop),
            ..Timing::default()
        }
    }
}

impl ShowsTiming for RealServer {
    fn shown_timing(&self) -> Timing {
        Timing::default()
    }
}

/// A keyword for the time that is called like it.
macro_rules! time {
    ($field:ident from $min:expr, $meaning:literal) => {
        pub(in crate::config::keyword) const fn $field<D: HasTiming, M: ShowsTiming>(
            default: &'static str,
        ) -> Keyword<D, M> {
            let takes = Takes::Seconds {
                min: $min,
                max: LONGEST,
                field: Field {
                    set: |draft: &mut D, given| draft.timing().$field = Some(given.value),
                    get: |model: &M| model.shown_timing().$field,
                },
            };
            Keyword::new(&[stringify!($field)], takes)
                .default(default)
                .means($meaning)
        }
    };
}

time!(delay_loop from MICROSECOND, "time from the end of a check to the next");
time!(connect_timeout from MICROSECOND, "how long a check waits for its connection");
time!(delay_before_retry from Duration::ZERO, "time from a failure to the next try");
time!(warmup from Duration::ZERO, "the first check starts at a random time within it");

pub(in crate::config::keyword) const fn jitter<D: HasTiming, M: ShowsTiming>(
    default: &'static str,
) -> Keyword<D, M> {
    let takes = Takes::Seconds {
        min: Duration::ZERO,
        max: Micros::MAX.get(),
        field: Field {
            set: |draft: &mut D, given| draft.timing().jitter = Micros::try_from(given.value).ok(),
            get: |model: &M| model.shown_timing().jitter.map(Micros::get),
        },
    };
    Keyword::new(&["jitter"], takes)
        .default(default)
        .means("checks start up to so much sooner or later, at random (of lb, not of keepalived)")
}

/// A keyword for a number of rounds that is called like it.
macro_rules! rounds {
    ($field:ident, $meaning:literal) => {
        pub(in crate::config::keyword) const fn $field<D: HasTiming, M: ShowsTiming>(
            default: &'static str,
        ) -> Keyword<D, M> {
            let takes = Takes::Number {
                min: 1,
                max: MOST_ROUNDS,
                field: Field {
                    set: |draft: &mut D, given| {
                        draft.timing().$field = u32::try_from(given.value).ok();
                    },
                    get: |model: &M| model.shown_timing().$field.map(i64::from),
                },
            };
            Keyword::new(&[stringify!($field)], takes)
                .default(default)
                .means($meaning)
        }
    };
}

rounds!(
    rise,
    "successes in a row that end a failure (of lb, not of keepalived)"
);
rounds!(
    fall,
    "failures in a row, each after its retries, that are one (of lb, not of keepalived)"
);

pub(in crate::config::keyword) const fn retry<D: HasTiming, M: ShowsTiming>(
    default: &'static str,
    min: i64,
) -> Keyword<D, M> {
    let takes = Takes::Number {
        min,
        max: MAX_RETRY,
        field: Field {
            set: |draft: &mut D, given| draft.timing().retry = u32::try_from(given.value).ok(),
            get: |model: &M| model.shown_timing().retry.map(i64::from),
        },
    };
    Keyword::new(&["retry"], takes)
        .default(default)
        .means("failures after the first before the real server is down")
}
