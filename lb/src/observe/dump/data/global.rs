//! The section `Global definitions`, which every file begins with.

use super::{Source, Text, yes_no};
use crate::config::model::global::Scheduling;

pub(super) fn render(source: &Source<'_>, text: &mut Text) {
    let global = &source.config.global;
    text.section("Global definitions");
    let namespace = source.namespace.unwrap_or("(default)");
    text.item(1, "Network namespace", namespace);
    if let Some(instance) = &source.config.process.instance {
        text.item(1, "Instance name", instance);
    }
    text.item(1, "Router ID", &source.status.router_id);
    text.item(1, "Checkers log all failures", global.lvs.log_all_failures);
    text.item(
        1,
        "Dynamic interfaces",
        global.network.interfaces_may_come_later(),
    );
    let interface = global.network.default_interface.as_ref();
    text.item(
        1,
        "Default interface",
        interface.map_or("eth0", |name| name.as_str()),
    );
    text.item(
        1,
        "Disable local IGMP",
        yes_no(global.network.disable_local_igmp),
    );
    text.item(1, "LVS flush", global.lvs.flush);
    text.item(
        1,
        "FIFO write vrrp states on reload",
        global.notify.repeats_states,
    );
    text.item(
        1,
        "VRRP notify priority changes",
        global.notify.priority_changes,
    );
    vrrp(source, text);
    process("VRRP", &global.vrrp_process, text);
    process("Checker", &global.checker_process, text);
    process("BFD", &global.bfd_process, text);
    let scripts = &global.scripts;
    let security = if scripts.security {
        "enabled"
    } else {
        "disabled"
    };
    text.line(1, format_args!("Script security {security}"));
    if let Some(owner) = &scripts.user {
        let group = owner.group.as_deref().unwrap_or(&owner.user);
        text.line(
            1,
            format_args!("Default script user:group {}:{group}", owner.user),
        );
    }
    if let Some(umask) = scripts.umask {
        text.item(1, "umask", format_args!("{umask:04o}"));
    }
}

fn vrrp(source: &Source<'_>, text: &mut Text) {
    let global = &source.config.global;
    let (vrrp, announce) = (&global.vrrp, &global.vrrp.announce);
    text.item(1, "VRRP IPv4 mcast group", vrrp.group4);
    text.item(1, "VRRP IPv6 mcast group", vrrp.group6);
    text.item(1, "Gratuitous ARP delay", announce.delay.as_secs());
    text.item(1, "Gratuitous ARP repeat", announce.repeat);
    text.item(
        1,
        "Gratuitous ARP refresh timer",
        announce.refresh.as_secs(),
    );
    text.item(1, "Gratuitous ARP refresh repeat", announce.refresh_repeat);
    let delay = announce.lower_prio_delay.unwrap_or(announce.delay);
    text.item(1, "Gratuitous ARP lower priority delay", delay.as_secs());
    let repeat = announce.lower_prio_repeat.unwrap_or(announce.repeat);
    text.item(1, "Gratuitous ARP lower priority repeat", repeat);
    text.item(1, "Num adverts before down", vrrp.down_timer_adverts);
    text.item(
        1,
        "Send advert after receive lower priority advert",
        !vrrp.lower_prio_no_advert,
    );
    text.item(
        1,
        "Send advert after receive higher priority advert",
        vrrp.higher_prio_send_advert,
    );
    let seconds = announce.garp_interval.as_secs_f64();
    text.item(1, "Gratuitous ARP interval", format_args!("{seconds:.6}"));
    let seconds = announce.gna_interval.as_secs_f64();
    text.item(1, "Gratuitous NA interval", format_args!("{seconds:.6}"));
    text.item(1, "VRRP default protocol version", vrrp.version.number());
    text.item(1, "VRRP check unicast_src", vrrp.check_unicast_source);
    text.item(
        1,
        "VRRP skip check advert addresses",
        vrrp.skip_check_addresses,
    );
    text.item(1, "VRRP strict mode", vrrp.strict);
    text.item(1, "Max auto priority", global.auto_priority.max);
    let delay = global.auto_priority.min_delay.as_micros();
    text.item(1, "Min auto priority delay", format_args!("{delay} usecs"));
}

fn process(name: &str, scheduling: &Scheduling, text: &mut Text) {
    text.item(1, &format!("{name} process priority"), scheduling.nice);
    text.item(1, &format!("{name} don't swap"), scheduling.no_swap);
    let real_time = scheduling.real_time.unwrap_or(0);
    text.item(1, &format!("{name} realtime priority"), real_time);
    let limit = scheduling.real_time_limit.as_micros();
    text.item(1, &format!("{name} realtime limit"), limit);
}
