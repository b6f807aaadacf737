//! Sweeps ended flows out of the tables, so that connections are counted right though nobody needs their entries, and keeps
//! templates while their clients have flows.

use lb_common::{
    connection::{SWEEP_BUCKETS, SweepRequest},
    dest::FrontValue,
};

use crate::{
    flow::{self, Key},
    frame::Frame,
    maps,
};

/// Seconds that a template lasts at least while its client has a flow (`ip_vs_conn_expire`).
const TEMPLATE_LASTS: u32 = 60;

/// Does what the request in `frame` asks; says how many entries it freed and left.
#[inline(always)]
pub fn serve(frame: &Frame) -> Option<u32> {
    let request = frame.get::<[u8; size_of::<SweepRequest>()]>(0)?;
    let request: SweepRequest = bytemuck::cast(*request);
    let mut swept = 0;
    for bucket in 0..SWEEP_BUCKETS {
        if bucket >= request.count {
            break;
        }
        swept += sweep_bucket(request.family, request.from + bucket);
    }
    Some(swept)
}

/// Sweeps bucket `index` of the table of `family`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn sweep_bucket(family: u32, index: u32) -> u32 {
    if family == 4 {
        maps::flow_bucket4(index).map_or(0, |bucket| flow::sweep(bucket))
    } else {
        maps::flow_bucket6(index).map_or(0, |bucket| flow::sweep(bucket))
    }
}

/// Makes the template last that the flow of `client` with service `front` belongs to.
#[inline(always)]
pub fn keep_template(key: &Key, front: &FrontValue, now: u32) {
    if front.persistence == 0 {
        return;
    }
    let until = now.wrapping_add(TEMPLATE_LASTS * maps::jiffies_per_second());
    flow::prolong(&key.template(front.granularity), now, until);
}
