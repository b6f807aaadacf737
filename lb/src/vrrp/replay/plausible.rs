//! Times that a clock can count: a recording may come from anywhere.

use std::time::Duration;

use crate::{
    config::model::{VrrpInstance, global::Announce},
    vrrp::input::{Input, News},
};

/// 100 years: more than any keyword takes, and less than clocks overflow at.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Names what is too long in an input.
pub(super) fn check(input: &Input<'_>) -> Result<(), &'static str> {
    match input {
        Input::Settings(settings) => {
            let delays = settings.interface_delays.iter();
            all(
                "interface_up_down_delays",
                delays.flat_map(|line| [line.up, line.down]),
            )?;
            let groups = settings.garp_groups.iter();
            all(
                "garp_group",
                groups.flat_map(|group| [group.garp_interval, group.gna_interval]),
            )?;
            let Announce {
                garp_interval,
                gna_interval,
                ..
            } = settings.announce;
            all("vrrp_garp_interval", [garp_interval, gna_interval])
        }
        Input::Config { instances, .. } => instances.iter().try_for_each(instance),
        Input::Hold { time } => all("vrrp_startup_delay", [*time]),
        Input::Told {
            news: News::Heartbeat { age, .. },
            ..
        } => all("the age of a heartbeat", [*age]),
        Input::Told { .. }
        | Input::Stop
        | Input::Link { .. }
        | Input::Standing { .. }
        | Input::Advert { .. }
        | Input::Address { .. }
        | Input::Object { .. }
        | Input::Withdrawn { .. }
        | Input::Yield { .. }
        | Input::Release { .. }
        | Input::Timeout => Ok(()),
    }
}

fn instance(config: &VrrpInstance) -> Result<(), &'static str> {
    let announce = &config.announce;
    all("preempt_delay", [config.election.preempt_delay])?;
    all("garp_master_delay", [announce.delay])?;
    all("garp_master_refresh", [announce.refresh])?;
    all("garp_lower_prio_delay", [announce.lower_prio_delay])
}

fn all(what: &'static str, times: impl IntoIterator<Item = Duration>) -> Result<(), &'static str> {
    let mut times = times.into_iter();
    if times.all(|time| time <= LONGEST) {
        Ok(())
    } else {
        Err(what)
    }
}
