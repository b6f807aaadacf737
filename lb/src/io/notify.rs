//! Carrying out what [`Notifier`] decides: scripts, FIFOs with their readers, mail. Nothing here keeps the loop waiting.

mod fifo;
mod mail;
mod reader;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, future::Future, pin::Pin, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, timeout_at};

use self::{fifo::Fifo, mail::Post, reader::Reader};
use crate::{
    cli::Role,
    config::model::{Command, Config, global},
    io::{
        host_name,
        script::{self, Identity, Refused, Report, Rights},
    },
    notify::{Effect, Job, Notifier},
    observe::log,
    pool::{VirtualServerId, state},
    vrrp::output::Notice,
};

/// The longest a notify script may take. keepalived sets no limit; but here the next one waits for it, and a script
/// that hangs must not keep the one for MASTER waiting for ever.
pub const SCRIPT_LIMIT: Duration = Duration::from_secs(300);
/// The longest the stop waits for scripts and mail; the parent's patience is longer (`child_wait_time`).
pub const STOP_LIMIT: Duration = Duration::from_secs(3);

type Ended = (Job, Result<Report, Refused>);

/// Everybody who is told of virtual routers or of servers. Belongs to a loop that calls [`Self::tell`] or [`Self::tell_pool`] for
/// each notice, polls
/// [`Self::progress`] beside everything else, and [`Self::finish`]es at the end.
pub struct Notifications {
    role: Role,
    notifier: Notifier,
    rights: Rights,
    running: FuturesUnordered<Pin<Box<dyn Future<Output = Ended>>>>,
    /// `notify_fifo`, and that of the child's own: `vrrp_notify_fifo` or `lvs_notify_fifo`.
    outlets: [Outlet; 2],
    post: Post,
}

/// A FIFO and the program that reads it.
#[derive(Default)]
struct Outlet {
    settings: global::Fifo,
    fifo: Option<Fifo>,
    reader: Option<Reader>,
}

impl Notifications {
    /// Of the child with this role; nobody is told yet.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self {
            role,
            notifier: Notifier::default(),
            rights: Rights::default(),
            running: FuturesUnordered::new(),
            outlets: Default::default(),
            post: Post::default(),
        }
    }

    /// Makes a configuration the one in force, at start and at reload. Readers that are as before go on; one that has
    /// ended is started again, as keepalived does. Needs a tokio runtime.
    pub fn configure(&mut self, config: &Config) {
        let global = &config.global;
        self.rights = Rights::new(&global.scripts);
        let host = host_name();
        let router_id = match global.router_id.as_str() {
            "" => &host,
            name => name,
        };
        self.notifier.handle_config(router_id, global);
        self.post.configure(&global.mail, &host);
        let shared = &global.notify.all;
        let own = match self.role {
            Role::Checkers => &global.notify.lvs,
            _ => &global.notify.vrrp,
        };
        for (outlet, settings) in self.outlets.iter_mut().zip([shared, own]) {
            outlet.configure(settings, &mut self.rights);
        }
        self.look_at_scripts(config);
    }

    /// Looks users up before they are needed, and says now what will not run then.
    fn look_at_scripts(&mut self, config: &Config) {
        let mut looked_at = BTreeSet::new();
        let mut as_root = false;
        for (name, command) in commands(config, self.role) {
            let owner = command.owner.as_ref();
            let user = owner.map(|owner| (&owner.user, &owner.group));
            // Many instances with one script are usual.
            if !looked_at.insert((command.words.first(), user)) {
                continue;
            }
            match self.rights.script(command, SCRIPT_LIMIT) {
                Ok(script) => {
                    let is_root = |identity: Identity| identity.uid == 0;
                    as_root |= owner.is_none() && script.identity.is_some_and(is_root);
                }
                Err(refused) => log::notify_script_unusable(&name, command, &refused),
            }
        }
        let scripts = &config.global.scripts;
        if as_root && scripts.user.is_none() && !scripts.security {
            log::scripts_as_root();
        }
    }

    /// Tells whom it concerns.
    pub fn tell(&mut self, notice: &Notice) {
        self.notifier.handle_notice(notice);
        self.carry_out();
    }

    /// Tells whom it concerns of a virtual server or a real server.
    pub fn tell_pool(&mut self, notice: &state::Notice) {
        self.notifier.handle_pool_notice(notice);
        self.carry_out();
    }

    /// Mails about a virtual server or a real server.
    pub fn mail(&mut self, subject: &state::Subject, is_up: bool, body: String) {
        self.notifier.handle_mail(subject, is_up, body);
        self.carry_out();
    }

    /// Tells FIFOs a state again (`fifo_write_vrrp_states_on_reload`).
    pub fn repeat(&mut self, notice: &Notice) {
        self.notifier.handle_repeat(notice);
        self.carry_out();
    }

    /// Waits for something to end, and starts what waited for it. Safe to cancel; waits for ever where there is nothing
    /// under way.
    pub async fn progress(&mut self) {
        let [all, own] = &mut self.outlets;
        tokio::select! {
            Some((job, ended)) = self.running.next(), if !self.running.is_empty() => {
                log::notify_script_ended(&job, &ended);
                self.notifier.handle_ended(&job.subject);
            }
            () = all.progress() => {}
            () = own.progress() => {}
            () = self.post.progress() => {}
        }
        self.carry_out();
    }

    /// Whether every script has ended and every mail is sent.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.notifier.is_idle() && self.post.is_idle()
    }

    /// What is under way, in words.
    #[must_use]
    pub fn under_way(&self) -> String {
        format!(
            "notify: {} scripts run, {} wait, {} mails are to be sent",
            self.running.len(),
            self.notifier.waiting(),
            self.post.waiting()
        )
    }

    /// Waits for scripts and mail, at most [`STOP_LIMIT`], ends readers, and removes the FIFOs made here. What still
    /// runs then is ended.
    pub async fn finish(&mut self) {
        let deadline = Instant::now() + STOP_LIMIT;
        while !self.is_idle() {
            if timeout_at(deadline, self.progress()).await.is_err() {
                log::notify_unfinished(
                    self.running.len(),
                    self.notifier.waiting(),
                    self.post.waiting(),
                );
                break;
            }
        }
        self.running.clear();
        let [all, own] = &mut self.outlets;
        tokio::join!(all.close(), own.close());
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.notifier.poll_output() {
            match effect {
                Effect::Run(job) => {
                    let mut rights = self.rights.clone();
                    self.running.push(Box::pin(async move {
                        let command = job.command.clone();
                        // Who could have changed the script is looked at right before it runs.
                        let make = move || rights.script(&command, SCRIPT_LIMIT);
                        (job, script::report_made(make).await)
                    }));
                }
                Effect::Tell(line) => {
                    for outlet in &mut self.outlets {
                        outlet.write(&line);
                    }
                }
                Effect::Mail(letter) => self.post.send(letter),
                Effect::Dropped(job) => log::notify_script_dropped(&job),
            }
        }
    }
}

impl Outlet {
    fn configure(&mut self, settings: &global::Fifo, rights: &mut Rights) {
        let old = std::mem::replace(&mut self.settings, settings.clone());
        if self.fifo.is_none() || (&old.path, &old.owner) != (&settings.path, &settings.owner) {
            // Dropped first: the new one may have the same path.
            self.end_reader();
            self.fifo = None;
            self.fifo = settings.path.as_deref().and_then(|path| {
                Fifo::open(path, settings.owner.as_ref(), rights)
                    .inspect_err(|error| log::fifo_failed(path, error))
                    .ok()
            });
        }
        let reader = match (&settings.path, &settings.script) {
            (Some(path), Some(script)) if self.fifo.is_some() => Some((script, path)),
            _ => None,
        };
        let runs = |(script, _): &(&Command, _)| {
            let runs = self.reader.as_ref();
            runs.is_some_and(|reader| reader.runs(script))
        };
        if !reader.as_ref().is_some_and(runs) {
            self.end_reader();
            self.reader = reader.and_then(|(script, path)| Reader::start(script, path, rights));
        }
    }

    /// Ends the reader, without waiting for it.
    fn end_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            tokio::spawn(reader.end());
        }
    }

    fn write(&mut self, line: &str) {
        if let Some(fifo) = &mut self.fifo {
            fifo.write(line);
        }
    }

    /// Waits until a line that waited is written, or the reader ends. Safe to cancel.
    async fn progress(&mut self) {
        let fifo = async {
            match &mut self.fifo {
                Some(fifo) => fifo.flush().await,
                None => std::future::pending().await,
            }
        };
        let reader = async {
            match &mut self.reader {
                Some(reader) => reader.progress().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = fifo => {}
            () = reader => {}
        }
    }

    async fn close(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.end().await;
        }
        self.fifo = None;
    }
}

/// The programs that the child with this role runs, and for whom.
fn commands(config: &Config, role: Role) -> Vec<(String, &Command)> {
    if role != Role::Checkers {
        let instances = config.vrrp_instances.iter();
        let instances = instances.map(|instance| (&instance.name, &instance.notify));
        let groups = config.sync_groups.iter();
        let groups = groups.map(|group| (&group.name, &group.notify));
        let all = instances.chain(groups).flat_map(|(name, notify)| {
            let commands = notify.commands();
            commands.map(move |command| (name.clone(), command))
        });
        return all.collect();
    }
    let mut all = Vec::new();
    for server in &config.virtual_servers {
        let reals = server.real_servers.iter().map(|real| &real.notify);
        for notify in std::iter::once(&server.quorum.notify).chain(reals) {
            let commands = [&notify.up, &notify.down].into_iter().flatten();
            let name = || VirtualServerId::of(server).to_string();
            all.extend(commands.map(|command| (name(), &**command)));
        }
    }
    all
}
