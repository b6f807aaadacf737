//! The data plane seen from userspace: loading, attaching, typed maps, timers, events.
