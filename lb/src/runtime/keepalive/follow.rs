//! Following the virtual routers of lb that processes depend on.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{Daemon, Event};
use crate::{
    keepalive::{
        input::{Input, Role},
        registration::RunOn,
    },
    observe::keepalive as say,
    supervisor::{News, RunDir, follow},
    vrrp::output::State,
};

/// The longest lb may be away until nothing is known of its virtual routers.
const GRACE: Duration = Duration::from_secs(1);
/// How often it is looked for meanwhile, and then.
const LOOK: Duration = Duration::from_millis(100);
/// See [`LOOK`].
const RARE_LOOK: Duration = Duration::from_secs(1);

/// Whom the daemon follows; without `answers` the connection ends.
#[derive(Debug, Default)]
pub(super) struct Following {
    instances: BTreeSet<String>,
    /// How long lb may be away.
    grace: Duration,
    answers: Option<mpsc::Sender<u64>>,
    /// The announcement that has not been answered: its number, and the instances; every one without any.
    announced: Option<(u64, Vec<String>)>,
}

impl Daemon {
    /// Follows what is registered now, and answers what can be answered.
    pub(super) fn keep_following(&mut self) {
        let records = self.monitor.records();
        let mut wanted = BTreeSet::new();
        let mut grace = GRACE;
        for (_, record) in records {
            if let Some(instance) = record.registration.run_on.instance() {
                wanted.insert(instance.to_owned());
                grace = grace.min(record.registration.grace());
            }
        }
        if wanted != self.following.instances || grace != self.following.grace {
            let mut following = Following {
                instances: wanted.clone(),
                grace,
                ..Following::default()
            };
            if !wanted.is_empty() {
                let (answers, queue) = mpsc::channel(1);
                let (lb, events) = (self.settings.lb.clone(), self.events.clone());
                tokio::spawn(run(lb, wanted, grace, events, queue));
                following.answers = Some(answers);
            }
            self.following = following;
        }
        self.answer_announcement();
    }

    /// What is told of virtual routers; returns what the monitor is told.
    pub(super) fn told(&mut self, news: News) -> Input {
        match news {
            News::States(states) => {
                let roles = states.into_iter();
                Input::Roles(
                    roles
                        .filter_map(|(name, state)| Some((name, role(state)?)))
                        .collect(),
                )
            }
            News::Leaving { number, instances } => {
                self.following.announced = Some((number, instances.clone()));
                Input::Leaving(instances)
            }
        }
    }

    /// Answers when nothing runs any more for the instances that are given up.
    fn answer_announcement(&mut self) {
        let Some((number, instances)) = &self.following.announced else {
            return;
        };
        let concerns = |name: &String| instances.is_empty() || instances.contains(name);
        let mut records = self.monitor.records();
        let some_run = records.any(|(_, record)| match &record.registration.run_on {
            RunOn::Master(name) => concerns(name) && !record.phase.is_quiet(),
            RunOn::Always | RunOn::Backup(_) => false,
        });
        if !some_run && let Some(answers) = &self.following.answers {
            // One that is not taken is waited for in vain, for a while.
            answers.try_send(*number).ok();
            self.following.announced = None;
        }
    }
}

const fn role(state: State) -> Option<Role> {
    match state {
        State::Init => None,
        State::Backup => Some(Role::Backup),
        State::Master => Some(Role::Master),
        State::Fault => Some(Role::Fault),
    }
}

async fn run(
    lb: RunDir,
    instances: BTreeSet<String>,
    grace: Duration,
    events: mpsc::Sender<Event>,
    mut answers: mpsc::Receiver<u64>,
) {
    let mut lost = Some(Instant::now());
    while !answers.is_closed() {
        if let Ok(stream) = follow(&lb, instances.clone()).await {
            say::following(&lb.control_socket());
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            loop {
                tokio::select! {
                    line = lines.next_line() => {
                        let Ok(Some(line)) = line else { break };
                        let Ok(news) = serde_json::from_str::<News>(&line) else { break };
                        if events.send(Event::News(news)).await.is_err() {
                            return;
                        }
                    }
                    number = answers.recv() => {
                        let Some(number) = number else { return };
                        if write.write_all(format!("{number}\n").as_bytes()).await.is_err() {
                            break;
                        }
                    }
                }
            }
            lost = Some(Instant::now());
        }
        match lost {
            Some(since) if since.elapsed() < grace => {
                sleep(LOOK.min(grace.saturating_sub(since.elapsed()))).await;
            }
            Some(_) => {
                say::roles_lost(&lb.control_socket());
                let nothing = Input::Roles(BTreeMap::new());
                if events.send(Event::Input(nothing)).await.is_err() {
                    return;
                }
                lost = None;
            }
            None => sleep(RARE_LOOK).await,
        }
    }
}
