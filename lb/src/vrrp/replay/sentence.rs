//! What a router wants, in words.

use std::collections::BTreeMap;

use crate::vrrp::output::{Guard, InstanceId, Output, Yielding};

/// One line, with the name of the instance before it.
pub(super) fn sentence(output: &Output, names: &BTreeMap<InstanceId, String>) -> String {
    let (id, what) = match output {
        Output::SendAdvert { instance, advert } => {
            (instance, format!("advert of priority {}", advert.priority))
        }
        Output::SetGuard {
            instance, guard, ..
        } => (instance, guarded(guard)),
        Output::SetGate { instance, gate } => (instance, format!("gate {gate:?}").to_lowercase()),
        Output::Install {
            instance,
            object,
            replace,
        } => {
            let verb = if *replace { "replace" } else { "add" };
            (instance, format!("{verb} {object}"))
        }
        Output::Remove { instance, object } => (instance, format!("remove {object}")),
        Output::Announce { instance, address } => {
            (instance, format!("announce {}", address.address))
        }
        Output::Transition {
            instance,
            from,
            to,
            why,
        } => {
            let (from, to) = (format!("{from:?}"), format!("{to:?}"));
            let (from, to) = (from.to_uppercase(), to.to_uppercase());
            (instance, format!("{from} → {to}: {why}"))
        }
        Output::Yielding { instance, yielding } => (
            instance,
            match yielding {
                Yielding::Begun(Some(time)) => format!("yields for {time:?}"),
                Yielding::Begun(None) => "yields until released".to_owned(),
                Yielding::Over(why) => format!("yields no longer: {why}"),
            },
        ),
        Output::Notice(notice) => {
            let (happening, priority) = (notice.happening, notice.priority);
            let told = format!("notify {happening:?}, priority {priority}");
            return format!("({}) {told}", notice.name);
        }
        Output::Removed { instance } => (instance, "gone".to_owned()),
    };
    match names.get(id) {
        Some(name) => format!("({name}) {what}"),
        None => format!("(instance {}) {what}", id.0),
    }
}

fn guarded(guard: &Guard) -> String {
    match guard {
        Guard::Off => "kernel: nothing".to_owned(),
        Guard::Watch {
            advert,
            source,
            down_after,
            remaining,
        } => format!(
            "kernel: watch {source} of priority {}, down after {down_after:?}, in {remaining:?}",
            advert.priority
        ),
        Guard::Lease {
            priority,
            source,
            lease,
            yields,
        } => {
            let yields = if *yields { ", yields" } else { "" };
            format!("kernel: lease of {lease:?} for {source}, priority {priority}{yields}")
        }
    }
}
