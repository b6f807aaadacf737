//! What a sender of adverts may cost the daemon. Adverts that change who is MASTER never come here.

use lb_common::router::{
    RouterKey, SENDER_BURST, STRANGER_BURST, STRANGER_SPACING, SenderKey, SenderValue,
};

use crate::{clock::now, ip::Ip, maps};

/// One advert per `spacing` nanoseconds, after `burst` at once.
#[derive(Clone, Copy)]
pub struct Budget {
    spacing: u64,
    burst: u64,
}

impl Budget {
    /// Of a sender to a virtual router of ours.
    #[inline(always)]
    pub const fn new(spacing: u64) -> Self {
        Self {
            spacing,
            burst: SENDER_BURST,
        }
    }

    /// Of a sender to virtual routers that are not configured here.
    pub const STRANGER: Self = Self {
        spacing: STRANGER_SPACING,
        burst: STRANGER_BURST,
    };

    /// Charges one advert from `source` to `router`; false when nothing is left of the budget. A source that was not seen
    /// before is charged to the budget of all such sources first, so that making sources up gains nothing.
    #[inline(always)]
    pub fn charge(self, router: RouterKey, source: Ip) -> bool {
        let now = now();
        let key = SenderKey {
            router,
            source: source.address(),
        };
        if let Some(sender) = maps::sender(&key) {
            return self.take(sender, now);
        }
        let anyone = SenderKey {
            router,
            source: [0; 16],
        };
        let spent = SenderValue {
            until: now + self.spacing,
        };
        match maps::sender(&anyone) {
            Some(sender) if !self.take(sender, now) => return false,
            Some(_) => {}
            None => maps::remember_sender(&anyone, &spent),
        }
        maps::remember_sender(&key, &spent);
        true
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
