//! Who tracks what: instances, with what their groups track for them.

use std::{collections::BTreeMap, net::IpAddr};

use super::weight::{Condition, Effect, effect};
use crate::{
    config::model::{
        Config, InterfaceName, SyncGroup, VrrpInstance,
        track::TrackWeight,
        vrrp::{Track, Tracks},
    },
    vrrp::output::Standing,
};

/// Something that can be tracked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    Interface(InterfaceName),
    Script(String),
    File(String),
    Process(String),
    Bfd(String),
}

/// What an object is to an instance.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    weight: TrackWeight,
    /// The neighbor of a BFD session, where it is another router of the virtual router.
    pub(super) peer: Option<IpAddr>,
}

impl Line {
    /// What a condition does under the weight; that a peer is silent is no reason for a FAULT of ours.
    pub(super) fn effect(&self, condition: Condition) -> Effect {
        if self.peer.is_some() && self.weight.value == 0 {
            Effect::Adjust(0)
        } else {
            effect(self.weight, condition)
        }
    }
}

/// An instance.
#[derive(Clone, Debug, Default)]
pub(super) struct Follower {
    /// What it tracks, each object once.
    pub(super) lines: BTreeMap<Object, Line>,
    /// The `track_group` blocks that name it.
    pub(super) groups: Vec<String>,
    /// Everything that can put it into FAULT was known at some time: what is new to it is no FAULT before its first result.
    pub(super) is_settled: bool,
    /// It was well a moment ago, in another process.
    pub(super) is_adopted: bool,
    /// What it was told last.
    pub(super) told: Standing,
}

/// The followers of a configuration.
pub(super) fn followers(config: &Config) -> BTreeMap<String, Follower> {
    let defaults = Defaults::new(config);
    let mut groups = BTreeMap::new();
    for group in &config.sync_groups {
        for member in &group.members {
            groups.entry(member.as_str()).or_insert(group);
        }
    }
    let follower = |instance: &VrrpInstance| {
        let group = groups.get(instance.name.as_str()).copied();
        let track_groups = config.track_groups.iter();
        let named = track_groups.filter(|group| group.instances.contains(&instance.name));
        let follower = Follower {
            lines: lines(instance, group, &defaults),
            groups: named.map(|group| group.name.clone()).collect(),
            ..Follower::default()
        };
        (instance.name.clone(), follower)
    };
    config.vrrp_instances.iter().map(follower).collect()
}

/// What an instance tracks: its own lines, then those of its group, which count where both have one, as in keepalived.
fn lines(
    instance: &VrrpInstance,
    group: Option<&SyncGroup>,
    defaults: &Defaults,
) -> BTreeMap<Object, Line> {
    let is_owner = instance.priority.is_owner();
    let is_bound = group.is_some_and(|group| !group.tracking_weight);
    let mut lines = BTreeMap::new();
    defaults.add(&instance.tracks, is_owner || is_bound, &mut lines);
    if let Some(group) = group {
        defaults.add(&group.tracks, is_owner, &mut lines);
    }
    lines
}

/// What lines of objects are unless they say otherwise.
struct Defaults(BTreeMap<Object, Line>);

impl Defaults {
    fn new(config: &Config) -> Self {
        let scripts = config.scripts.iter();
        let files = config.track_files.iter();
        let processes = config.track_processes.iter();
        let bfds = config.bfd_instances.iter().map(|it| {
            let line = Line {
                weight: it.weight,
                peer: Some(it.neighbor),
            };
            (Object::Bfd(it.name.clone()), line)
        });
        let all = scripts
            .map(|it| (Object::Script(it.name.clone()), it.weight))
            .chain(files.map(|it| (Object::File(it.name.clone()), it.weight)))
            .chain(processes.map(|it| (Object::Process(it.name.clone()), it.weight)))
            .map(|(object, weight)| (object, Line { weight, peer: None }))
            .chain(bfds);
        Self(all.collect())
    }

    /// Adds lines. Where weights are ignored, because the priority of the address owner never moves and those of a group
    /// move together, keepalived drops the lines that have one, but a file's, whose weight becomes 0. So does a peer's.
    fn add(&self, tracks: &Tracks, ignores_weights: bool, lines: &mut BTreeMap<Object, Line>) {
        let interfaces = tracks.interfaces.iter().map(|line| {
            let weight = TrackWeight {
                value: line.weight,
                is_reversed: line.reverse,
            };
            let object = Object::Interface(line.interface.clone());
            (object, Line { weight, peer: None })
        });
        let all = interfaces
            .chain(self.named(&tracks.scripts, Object::Script))
            .chain(self.named(&tracks.files, Object::File))
            .chain(self.named(&tracks.processes, Object::Process))
            .chain(self.named(&tracks.bfds, Object::Bfd));
        for (object, mut line) in all {
            if ignores_weights && line.weight.value != 0 {
                if line.peer.is_none() && !matches!(object, Object::File(_)) {
                    continue;
                }
                line.weight = TrackWeight::default();
            }
            lines.insert(object, line);
        }
    }

    fn named(
        &self,
        tracks: &[Track],
        object: fn(String) -> Object,
    ) -> impl Iterator<Item = (Object, Line)> {
        tracks.iter().filter_map(move |line| {
            let object = object(line.name.clone());
            let own = self.0.get(&object)?;
            let weight = line.weight.map_or(own.weight, |value| TrackWeight {
                value,
                is_reversed: line.reverse.unwrap_or(own.weight.is_reversed),
            });
            let peer = own.peer.filter(|_| line.peer);
            Some((object, Line { weight, peer }))
        })
    }
}
