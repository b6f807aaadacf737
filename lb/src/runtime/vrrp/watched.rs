//! Routes and rules of the configuration, found again in what the kernel tells.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    io::netlink::object::{Entry, Here, ObjectMessage, same_route, same_rule},
    vrrp::object::{Object, ObjectKey},
};

/// What is looked for. A route with a name that stands for nothing here cannot be there.
#[derive(Debug, Default)]
pub(super) struct Watched {
    entries: BTreeMap<Place, Vec<(ObjectKey, Entry)>>,
}

/// A rough place, so that few entries are compared: family and how many bits of the destination count; a rule has
/// those of its sources too.
type Place = (u8, u8, Option<u8>);

impl Watched {
    /// The routes and rules among these objects.
    pub(super) fn new(objects: impl Iterator<Item = Object>, here: &mut Here<'_>) -> Self {
        let mut watched = Self::default();
        for object in objects {
            let entry = match here.encode(&object) {
                Ok(ObjectMessage::Route(route, _)) => Entry::Route(route),
                Ok(ObjectMessage::Rule(rule)) => Entry::Rule(rule),
                Ok(ObjectMessage::Address(_)) | Err(_) => continue,
            };
            let found = watched.entries.entry(place(&entry)).or_default();
            found.push((object.key(), entry));
        }
        watched
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of them.
    pub(super) fn keys(&self) -> BTreeSet<&ObjectKey> {
        let entries = self.entries.values().flatten();
        entries.map(|(key, _)| key).collect()
    }

    /// Those that an entry of the kernel's is.
    pub(super) fn find<'a>(&'a self, told: &'a Entry) -> impl Iterator<Item = &'a ObjectKey> {
        let near = self.entries.get(&place(told)).into_iter().flatten();
        near.filter(move |(_, put)| match (put, told) {
            (Entry::Route(put), Entry::Route(told)) => same_route(put, told),
            (Entry::Rule(put), Entry::Rule(told)) => same_rule(put, told),
            (Entry::Route(_), Entry::Rule(_)) | (Entry::Rule(_), Entry::Route(_)) => false,
        })
        .map(|(key, _)| key)
    }
}

fn place(entry: &Entry) -> Place {
    match entry {
        Entry::Route(route) => {
            let header = &route.header;
            let family = header.address_family.into();
            (family, header.destination_prefix_length, None)
        }
        Entry::Rule(rule) => {
            let header = &rule.header;
            (header.family.into(), header.dst_len, Some(header.src_len))
        }
    }
}
