//! `vrrp_sync_group`: instances that change state together.
//!
//! After each input to a member its group is brought into one state: a fault of one is a fault of all; all
//! become MASTER when each would; and when some are MASTER and others are not, none is.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use super::Router;
use crate::{
    config::model::{SyncGroup, vrrp::OnDelete},
    vrrp::{
        output::{Happening, InstanceId, Notice, Output, Party, State},
        snapshot::GroupSnapshot,
    },
};

#[derive(Debug)]
struct Group {
    config: SyncGroup,
    /// In the order of the file.
    members: Vec<InstanceId>,
    /// The state last told.
    state: State,
}

/// The groups of a node.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: BTreeMap<String, Group>,
    of: BTreeMap<InstanceId, String>,
    /// Those that are over when their last member is gone.
    parting: Vec<(Notice, BTreeSet<InstanceId>)>,
}

impl Groups {
    /// The group of an instance.
    pub(super) fn name_of(&self, id: InstanceId) -> Option<&str> {
        self.of.get(&id).map(String::as_str)
    }

    /// The members of a group, in the order of the file.
    pub(super) fn members(&self, name: &str) -> Vec<InstanceId> {
        let group = self.groups.get(name);
        group.map_or_else(Vec::new, |group| group.members.clone())
    }

    /// Every group as plain data.
    pub(super) fn snapshot(&self) -> Vec<GroupSnapshot> {
        let groups = self.groups.iter();
        groups
            .map(|(name, group)| GroupSnapshot {
                name: name.clone(),
                state: group.state,
                members: group.config.members.clone(),
            })
            .collect()
    }
}

impl Router {
    /// Lets go of the groups that are not in `configs`, before their members change; nothing is synchronised until
    /// [`Self::regroup`]. At the end of the daemon a group is over when its last member is gone.
    pub(super) fn disband(&mut self, configs: &[SyncGroup], ending: Option<Happening>) {
        self.groups.of.clear();
        let stays = |name: &String| configs.iter().any(|config| config.name == *name);
        let gone = self.groups.groups.extract_if(.., |name, _| !stays(name));
        for (_, group) in gone {
            match (ending, &group.config.notify.deleted) {
                (Some(ending), _) => {
                    let members = group.members.into_iter().collect();
                    self.groups
                        .parting
                        .push((notice(&group.config, ending), members));
                }
                (None, OnDelete::Deleted | OnDelete::Run(_)) => {
                    let notice = notice(&group.config, Happening::Deleted);
                    self.outputs.push_back(Output::Notice(Box::new(notice)));
                }
                // keepalived says nothing.
                (None, OnDelete::Fault) => {}
            }
        }
    }

    /// Makes the groups those of `configs`, once their members are there.
    pub(super) fn regroup(&mut self, configs: &[SyncGroup], now: Instant) {
        for config in configs {
            let ids = config
                .members
                .iter()
                .filter_map(|name| self.names.get(name));
            let members: Vec<InstanceId> = ids.copied().collect();
            for id in &members {
                self.groups.of.insert(*id, config.name.clone());
            }
            let group = self.groups.groups.entry(config.name.clone());
            let group = group.or_insert_with(|| Group {
                config: config.clone(),
                members: Vec::new(),
                state: State::Init,
            });
            group.config = config.clone();
            group.members = members;
        }
        let ids: Vec<InstanceId> = self.instances.keys().copied().collect();
        for id in ids {
            let bound = self.groups.of.contains_key(&id);
            self.with_alone(id, now, |instance, outputs| {
                instance.bind(bound);
                if !bound {
                    instance.on_group_fault(None, now, outputs);
                }
            });
        }
        for config in configs {
            self.synchronise(&config.name, now);
        }
    }

    /// Brings the members of a group into one state.
    pub(super) fn synchronise(&mut self, name: &str, now: Instant) {
        let members = self.groups.members(name);
        self.share_faults(&members, now);
        self.share_challenge(&members, now);
        if let Some(reasons) = self.all_would(&members) {
            for (id, why) in reasons {
                self.with_alone(id, now, |instance, outputs| {
                    instance.become_master(why, now, outputs);
                });
            }
        }
        let is = |id: &InstanceId, state| self.instance(*id).is_some_and(|i| i.state() == state);
        if members.iter().any(|id| is(id, State::Backup)) {
            // One that hands over has said so, and closes by itself.
            let master = |id: &InstanceId| {
                is(id, State::Master) && self.instance(*id).is_some_and(|i| !i.is_parting())
            };
            let masters: Vec<InstanceId> = members.iter().copied().filter(master).collect();
            for id in masters {
                self.with_alone(id, now, |instance, outputs| {
                    instance.leave(State::Backup, "with its group".into(), now, outputs);
                });
            }
        }
        self.tell_group(name, &members);
    }

    /// What is wrong with one member is wrong with all.
    fn share_faults(&mut self, members: &[InstanceId], now: Instant) {
        let faulty = members
            .iter()
            .filter_map(|id| self.instances.get_key_value(id));
        let faulty = faulty.filter(|(_, instance)| instance.has_fault());
        let faulty: Vec<(InstanceId, String)> = faulty
            .map(|(id, instance)| (*id, instance.config().name.clone()))
            .take(2)
            .collect();
        for id in members {
            let other = faulty.iter().find(|(other, _)| other != id);
            let fault = other.map(|(_, name)| format!("{name} of its group has a fault"));
            self.with_alone(*id, now, |instance, outputs| {
                instance.on_group_fault(fault, now, outputs);
            });
        }
    }

    /// A MASTER of lower priority beside one member may have misled the neighbours of all.
    fn share_challenge(&mut self, members: &[InstanceId], now: Instant) {
        let challenged = members.iter().copied().filter(|id| {
            let instance = self.instances.get_mut(id);
            instance.is_some_and(|instance| instance.take_challenge())
        });
        let challenged: BTreeSet<InstanceId> = challenged.collect();
        if challenged.is_empty() {
            return;
        }
        for id in members.iter().filter(|id| !challenged.contains(id)) {
            self.with_alone(*id, now, |instance, outputs| {
                instance.announce_challenged(now, outputs);
            });
        }
    }

    /// Why each member would be MASTER, if all would and none is.
    fn all_would(&self, members: &[InstanceId]) -> Option<Vec<(InstanceId, &'static str)>> {
        let reasons = members.iter().map(|id| {
            let candidate = self.instances.get(id)?.candidate()?;
            Some((*id, candidate))
        });
        reasons
            .collect::<Option<Vec<_>>>()
            .filter(|all| !all.is_empty())
    }

    fn tell_group(&mut self, name: &str, members: &[InstanceId]) {
        let state = |id: &InstanceId| self.instances.get(id).map_or(State::Init, |i| i.state());
        let states: BTreeSet<State> = members.iter().map(state).collect();
        let now = if states.contains(&State::Fault) {
            State::Fault
        } else if states.contains(&State::Init) || states.is_empty() {
            State::Init
        } else if states.contains(&State::Backup) {
            State::Backup
        } else {
            State::Master
        };
        let Some(group) = self.groups.groups.get_mut(name) else {
            return;
        };
        if std::mem::replace(&mut group.state, now) == now {
            return;
        }
        let happening = match now {
            State::Init => return,
            State::Backup => Happening::Backup,
            State::Master => Happening::Master,
            State::Fault => Happening::Fault,
        };
        let notice = notice(&group.config, happening);
        self.outputs.push_back(Output::Notice(Box::new(notice)));
    }

    /// Notes that an instance is gone: its group may be over with it.
    pub(super) fn bid_farewell(&mut self, id: InstanceId) {
        for (_, members) in &mut self.groups.parting {
            members.remove(&id);
        }
        let over = self
            .groups
            .parting
            .extract_if(.., |(_, members)| members.is_empty());
        let over = over.map(|(notice, _)| Output::Notice(Box::new(notice)));
        self.outputs.extend(over);
    }
}

fn notice(group: &SyncGroup, happening: Happening) -> Notice {
    Notice {
        party: Party::Group,
        name: group.name.clone(),
        happening,
        priority: 0,
        notify: group.notify.clone(),
    }
}
