//! Counters of virtual routers for people.

use std::fmt::Write as _;

use crate::vrrp::snapshot::Counts;

/// A table: a line for each virtual router, and below it one for each reason why adverts were refused.
#[must_use]
pub fn counters<'a>(instances: impl Iterator<Item = (&'a str, &'a Counts)> + Clone) -> String {
    let width = instances.clone().map(|(name, _)| name.len());
    let width = width.max().unwrap_or(0).max("INSTANCE".len());
    let mut text = format!(
        "{:width$}  {:>10} {:>10} {:>10} {:>7} {:>7} {:>7} {:>9} {:>8}\n",
        "INSTANCE",
        "RECEIVED",
        "IN KERNEL",
        "SENT",
        "MASTER",
        "GONE",
        "FENCED",
        "0 HEARD",
        "0 SENT"
    );
    for (name, counts) in instances {
        // Writing to a string cannot fail, here and below.
        let _written = writeln!(
            text,
            "{name:width$}  {:>10} {:>10} {:>10} {:>7} {:>7} {:>7} {:>9} {:>8}",
            counts.adverts_received,
            counts.adverts_absorbed,
            counts.adverts_sent,
            counts.became_master,
            counts.released_master,
            counts.fenced,
            counts.zero_received,
            counts.zero_sent,
        );
        for (reason, count) in &counts.refused {
            let _written = writeln!(text, "  refused: {count} {reason}");
        }
    }
    text
}
