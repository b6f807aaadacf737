//! Those who follow the states of virtual routers: keepalive daemons, whose processes run where an instance is MASTER.
//!
//! A follower is told the states at once and after every change. Before this node gives an instance up in order, followers
//! are told too, and waited for: what they run stops before the addresses leave.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    sync::mpsc,
};

use super::Event;
use crate::vrrp::output::State;

/// Messages that wait for a follower; one that reads nothing is given up.
const BACKLOG: usize = 64;

/// What a follower is told, a JSON line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum News {
    /// The states of the instances it asked for, as far as there are such.
    States(BTreeMap<String, State>),
    /// This node is about to give them up; it answers with the number in a line when nothing of its runs for them.
    Leaving {
        /// Of the announcement.
        number: u64,
        /// The instances; every one without any.
        instances: Vec<String>,
    },
}

/// A follower.
#[derive(Debug)]
struct Follower {
    instances: BTreeSet<String>,
    news: mpsc::Sender<News>,
}

/// Everybody who follows, and what they know.
#[derive(Debug, Default)]
pub(super) struct Followers {
    last: u64,
    followers: BTreeMap<u64, Follower>,
    states: BTreeMap<String, State>,
    /// Followers that have not answered the latest announcement.
    awaited: BTreeSet<u64>,
}

impl Followers {
    /// Takes in a follower of these instances.
    pub(super) fn add(
        &mut self,
        stream: UnixStream,
        instances: BTreeSet<String>,
        events: mpsc::Sender<Event>,
    ) {
        self.last += 1;
        let (news, told) = mpsc::channel(BACKLOG);
        tokio::spawn(serve(stream, self.last, told, events));
        let follower = Follower { instances, news };
        follower.tell(&self.states);
        self.followers.insert(self.last, follower);
    }

    /// A follower went away.
    pub(super) fn remove(&mut self, number: u64) {
        self.followers.remove(&number);
        self.awaited.remove(&number);
    }

    /// The instances that anybody follows.
    pub(super) fn instances(&self) -> BTreeSet<String> {
        let followers = self.followers.values();
        followers
            .flat_map(|follower| follower.instances.iter().cloned())
            .collect()
    }

    /// The states now.
    pub(super) fn changed(&mut self, states: BTreeMap<String, State>) {
        self.states = states;
        self.repeat();
    }

    /// Tells the states again: what was announced may not have come.
    pub(super) fn repeat(&self) {
        for follower in self.followers.values() {
            follower.tell(&self.states);
        }
    }

    /// Announces that these instances are given up, every one without any; tells whether anybody is to be waited for.
    pub(super) fn announce(&mut self, instances: &[String]) -> bool {
        self.awaited.clear();
        for (number, follower) in &self.followers {
            let concerns = |name: &String| follower.instances.contains(name);
            if instances.is_empty() || instances.iter().any(concerns) {
                let news = News::Leaving {
                    number: *number,
                    instances: instances.to_vec(),
                };
                if follower.news.try_send(news).is_ok() {
                    self.awaited.insert(*number);
                }
            }
        }
        !self.awaited.is_empty()
    }

    /// A follower is ready; tells whether it was the last one.
    pub(super) fn answered(&mut self, number: u64) -> bool {
        self.awaited.remove(&number) && self.awaited.is_empty()
    }
}

impl Follower {
    fn tell(&self, states: &BTreeMap<String, State>) {
        let own = states
            .iter()
            .filter(|(name, _)| self.instances.contains(*name));
        let own = own.map(|(name, state)| (name.clone(), *state)).collect();
        // One that does not read is told nothing until it does; the latest states are repeated then.
        self.news.try_send(News::States(own)).ok();
    }
}

/// Writes to a follower and reads its answers, until it goes away.
async fn serve(
    stream: UnixStream,
    number: u64,
    mut news: mpsc::Receiver<News>,
    events: mpsc::Sender<Event>,
) {
    let (mut read, mut write) = stream.into_split();
    // What a line says is of no interest, so no line is too long.
    let mut said = [0; 256];
    loop {
        tokio::select! {
            told = news.recv() => {
                let Some(told) = told else { return };
                let Ok(mut line) = serde_json::to_vec(&told) else { return };
                line.push(b'\n');
                if write.write_all(&line).await.is_err() {
                    break;
                }
            }
            count = read.read(&mut said) => match count {
                Ok(count) if count > 0 => {
                    let read = said.get(..count).unwrap_or_default();
                    if read.contains(&b'\n') {
                        drop(events.send(Event::FollowerReady(number)).await);
                    }
                }
                Ok(_) | Err(_) => break,
            },
        }
    }
    // The parent is stopping when nobody listens.
    events.send(Event::Unfollowed(number)).await.ok();
}
