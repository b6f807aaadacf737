//! When checks run: five keywords, alike on three levels. Each level's default is the one above.

use std::time::Duration;

use crate::config::{
    keyword::{
        Keyword,
        takes::{Field, Takes},
    },
    lower::lvs::{Timing, real_server::RealServerDraft, virtual_server::VirtualServerDraft},
    model::{RealServer, VirtualServer},
};

/// keepalived counts timers in microseconds.
const MICROSECOND: Duration = Duration::from_micros(1);
/// The longest that IPVS's own timers take, 31 days.
pub(in crate::config::keyword) const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);
const MAX_RETRY: i64 = 0xffff_ffff;

/// A draft with the five keywords.
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

pub(in crate::config::keyword) const fn delay_loop<D: HasTiming, M: ShowsTiming>(
    default: &'static str,
) -> Keyword<D, M> {
    let takes = Takes::Seconds {
        min: MICROSECOND,
        max: LONGEST,
        field: Field {
            set: |draft: &mut D, given| draft.timing().delay_loop = Some(given.value),
            get: |model: &M| model.shown_timing().delay_loop,
        },
    };
    Keyword::new(&["delay_loop"], takes)
        .default(default)
        .means("time from the end of a check to the next")
}

pub(in crate::config::keyword) const fn connect_timeout<D: HasTiming, M: ShowsTiming>(
    default: &'static str,
) -> Keyword<D, M> {
    let takes = Takes::Seconds {
        min: MICROSECOND,
        max: LONGEST,
        field: Field {
            set: |draft: &mut D, given| draft.timing().connect_timeout = Some(given.value),
            get: |model: &M| model.shown_timing().connect_timeout,
        },
    };
    Keyword::new(&["connect_timeout"], takes)
        .default(default)
        .means("how long a check waits for its connection")
}

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

pub(in crate::config::keyword) const fn delay_before_retry<D: HasTiming, M: ShowsTiming>(
    default: &'static str,
) -> Keyword<D, M> {
    let takes = Takes::Seconds {
        min: Duration::ZERO,
        max: LONGEST,
        field: Field {
            set: |draft: &mut D, given| draft.timing().delay_before_retry = Some(given.value),
            get: |model: &M| model.shown_timing().delay_before_retry,
        },
    };
    Keyword::new(&["delay_before_retry"], takes)
        .default(default)
        .means("time from a failure to the next try")
}

pub(in crate::config::keyword) const fn warmup<D: HasTiming, M: ShowsTiming>(
    default: &'static str,
) -> Keyword<D, M> {
    let takes = Takes::Seconds {
        min: Duration::ZERO,
        max: LONGEST,
        field: Field {
            set: |draft: &mut D, given| draft.timing().warmup = Some(given.value),
            get: |model: &M| model.shown_timing().warmup,
        },
    };
    Keyword::new(&["warmup"], takes)
        .default(default)
        .means("the first check starts at a random time within it")
}
