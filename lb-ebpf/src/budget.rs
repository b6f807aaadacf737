//! What a sender of adverts may cost the daemon. Adverts that change who is MASTER never come here.

use lb_common::router::{
    RouterKey, SENDER_BURST, SENDERS_AT_ONCE, STRANGER_BURST, STRANGER_SPACING, SenderKey,
    SenderValue,
};

use crate::{clock::now, ip::Ip, maps};

/// What one sender may cost, and all together.
#[derive(Clone, Copy)]
pub struct Budget {
    each: Share,
    all: Share,
}

/// One advert per `spacing` nanoseconds, after `burst` at once.
#[derive(Clone, Copy)]
struct Share {
    spacing: u64,
    burst: u64,
}

impl Budget {
    /// Of the senders to a virtual router of ours, each of which may send one advert per `spacing` nanoseconds.
    #[inline(always)]
    pub const fn new(spacing: u64) -> Self {
        Self {
            each: Share {
                spacing,
                burst: SENDER_BURST,
            },
            all: Share {
                spacing: spacing / SENDERS_AT_ONCE,
                burst: SENDER_BURST * SENDERS_AT_ONCE,
            },
        }
    }

    /// Of the senders to virtual routers that are not configured here: one may spend it all.
    pub const STRANGER: Self = {
        let share = Share {
            spacing: STRANGER_SPACING,
            burst: STRANGER_BURST,
        };
        Self {
            each: share,
            all: share,
        }
    };

    /// Charges one advert from `source` to `router`; false when nothing is left of the budget. What all send together is limited
    /// too, so that making sources up gains nothing; one that was not seen before is remembered only where it costs something.
    #[inline(always)]
    pub fn charge(self, router: RouterKey, source: Ip) -> bool {
        let now = now();
        let key = SenderKey {
            router,
            source: source.address(),
        };
        if let Some(sender) = maps::sender(&key) {
            return self.each.take(sender, now) && self.charge_all(router, now);
        }
        let within = self.charge_all(router, now);
        if within {
            maps::remember_sender(&key, &self.each.spent_once(now));
        }
        within
    }

    /// Charges what all senders have together.
    #[inline(always)]
    fn charge_all(self, router: RouterKey, now: u64) -> bool {
        let anyone = SenderKey {
            router,
            source: [0; 16],
        };
        let Some(all) = maps::sender(&anyone) else {
            maps::remember_sender(&anyone, &self.all.spent_once(now));
            return true;
        };
        self.all.take(all, now)
    }
}

impl Share {
    #[inline(always)]
    const fn spent_once(self, now: u64) -> SenderValue {
        SenderValue {
            until: now + self.spacing,
        }
    }

    #[inline(always)]
    fn take(self, sender: *mut SenderValue, now: u64) -> bool {
        // SAFETY: an entry of `senders`, alive until the program ends. Two CPUs at once cost one advert too many.
        let until = unsafe { &mut (*sender).until };
        let from = if *until > now { *until } else { now };
        let after = from + self.spacing;
        let within = after - now <= self.spacing * self.burst;
        if within {
            *until = after;
        }
        within
    }
}
