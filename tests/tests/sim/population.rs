//! LANs drawn from a seed.

use std::{net::IpAddr, time::Duration};

use lb::{
    config::model::{
        AdvertInterval, Family, InitialState, Priority, Version, VirtualAddress, VrrpInstance,
        vrrp::Election,
    },
    vrrp::interval::skew_time,
};
use tests::lan::{KernelKind, Lan, Setup};

/// A configuration as in the quick start: VRRPv3, IPv4, 100 ms.
pub(crate) fn instance(priority: u8) -> VrrpInstance {
    VrrpInstance {
        priority: i64::from(priority).try_into().unwrap(),
        version: Version::V3,
        advert_interval: AdvertInterval::from_centiseconds(10).unwrap(),
        addresses: addresses(Family::V4, 1),
        ..VrrpInstance::new(
            "VI_1",
            "eth0".to_owned().try_into().unwrap(),
            51.try_into().unwrap(),
            Family::V4,
        )
    }
}

/// A node of the quick start.
pub(crate) fn setup(index: usize, config: VrrpInstance, kernel: KernelKind) -> Setup {
    let last = 10 + u8::try_from(index).unwrap();
    let source = match config.family {
        Family::V4 => IpAddr::from([10, 0, 0, last]),
        Family::V6 => IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, u16::from(last)]),
    };
    Setup {
        config,
        source,
        kernel,
    }
}

/// Two to five routers that agree on the virtual router and on little else.
pub(crate) fn draw(seed: u64, rng: &mut fastrand::Rng) -> Lan {
    let count = rng.usize(2..=5);
    let family = if rng.u8(..4) == 0 {
        Family::V6
    } else {
        Family::V4
    };
    let version = if rng.u8(..4) == 0 {
        Version::V2
    } else {
        Version::V3
    };
    let base = match version {
        Version::V2 => 100,
        Version::V3 => *rng.choice(&[2, 10, 10, 10, 100]).unwrap_or(&10),
    };
    let mixed = version == Version::V3 && rng.u8(..4) == 0;
    let kernels = [
        KernelKind::Able,
        KernelKind::Able,
        KernelKind::Unable,
        KernelKind::Blind,
    ];
    let same_kernel =
        (rng.u8(..10) < 7).then(|| *rng.choice(&kernels).unwrap_or(&KernelKind::Able));
    let addresses = addresses(family, rng.u8(1..=3));
    let close = rng.bool();
    let adverts = *rng.choice(&[1, 2, 3, 3, 3, 3, 3, 5]).unwrap_or(&3);
    let patient = rng.u8(..4) == 0;
    let mut setups = Vec::new();
    for index in 0..count {
        let priority = if close {
            rng.u8(100..=102)
        } else {
            rng.u8(1..=254)
        };
        let factor = if mixed {
            *rng.choice(&[1, 2, 5]).unwrap_or(&1)
        } else {
            1
        };
        let config = VrrpInstance {
            version,
            family,
            advert_interval: AdvertInterval::from_centiseconds(base * factor).unwrap(),
            addresses: addresses.clone(),
            preempt: rng.u8(..4) != 0,
            election: Election {
                down_timer_adverts: adverts,
                preempt_delay: if patient {
                    Duration::from_millis(base * 10).mul_f64(rng.f64() * 5.0)
                } else {
                    Duration::ZERO
                },
                higher_prio_send_advert: rng.u8(..4) == 0,
                lower_prio_no_advert: rng.u8(..4) == 0,
                ..Election::default()
            },
            ..instance(priority)
        };
        let kernel =
            same_kernel.unwrap_or_else(|| *rng.choice(&kernels).unwrap_or(&KernelKind::Able));
        setups.push(setup(index, config, kernel));
    }
    promote_the_best(&mut setups, rng);
    let mut lan = Lan::new(seed, setups);
    let longest = tolerable_delay(&lan).mul_f64(rng.f64());
    lan.network.delay = longest.mul_f64(rng.f64())..longest;
    lan
}

/// The one with the highest priority may say `state MASTER`, or be the owner.
fn promote_the_best(setups: &mut [Setup], rng: &mut fastrand::Rng) {
    let best = setups
        .iter_mut()
        .max_by_key(|setup| (setup.config.priority, setup.source));
    let Some(best) = best.filter(|_| rng.bool()) else {
        return;
    };
    best.config.state = InitialState::Master;
    best.config.preempt = true;
    best.config.election.preempt_delay = Duration::ZERO;
    if rng.u8(..4) == 0 {
        best.config.priority = 255.try_into().unwrap();
        best.config.election.owner_ignore_adverts = true;
    }
}

fn addresses(family: Family, count: u8) -> Vec<VirtualAddress> {
    let line = |last: u8| {
        let (address, prefix) = match family {
            Family::V4 => (IpAddr::from([10, 0, 0, 100 + last]), 24_i64),
            Family::V6 => (
                IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 1, u16::from(last)]),
                64,
            ),
        };
        VirtualAddress {
            address,
            prefix: prefix.try_into().unwrap(),
            interface: "eth0".to_owned().try_into().unwrap(),
        }
    };
    (0..count).map(line).collect()
}

/// The priority of a node, tracking included.
pub(crate) fn priority(lan: &Lan, node: usize) -> Priority {
    i64::from(lan.priority(node)).try_into().unwrap()
}

/// The delay below which two lost adverts in a row make nobody impatient: the smallest skew of all.
pub(crate) fn tolerable_delay(lan: &Lan) -> Duration {
    let configs = || (0..lan.len()).map(|node| lan.config(node));
    let fastest = configs().map(|config| config.advert_interval).min();
    let fastest = fastest.map_or(Duration::ZERO, AdvertInterval::get);
    let skew = |node| skew_time(lan.config(node).version, priority(lan, node), fastest);
    (0..lan.len()).map(skew).min().unwrap_or_default()
}
