//! Another configuration.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    Event, Parent, PidPaths,
    control::{Reloaded, answer},
    overridden,
    schedule::{Calendars, next},
};
use crate::{
    config::{Loaded, model::Config},
    io::{
        civil,
        config::{keep, options, place_of, read},
        control::Reply,
        file::{mark, remove},
        line_watch::LineWatch,
        service_manager,
    },
    observe::log,
};

/// Longest wait of a client for the children to take a configuration in.
pub(super) const RELOAD_WAIT: Duration = Duration::from_secs(60);
/// Longest time in which nobody looks whether the clock was set.
const CLOCK_WAIT: Duration = Duration::from_secs(60);
/// Clocks and calendars of this machine.
const HERE: Calendars = Calendars {
    local: civil::local,
    of_local: civil::of_local,
    of_utc: civil::of_utc,
    utc: civil::utc,
};

/// The reload that `reload_time_file` asks for.
#[derive(Debug, Default)]
pub(super) struct Planned {
    watch: Option<LineWatch>,
    says: Option<String>,
    /// When it is due, in seconds since 1970.
    due: Option<i64>,
    /// Tells plans apart.
    number: u64,
}

/// Seconds since 1970, by the clock of the wall.
fn now() -> i64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

impl Parent {
    /// The whole new configuration is read and validated first; any error leaves the old one in force.
    pub(super) async fn reload(&mut self, reply: Option<Reply>) {
        let reloaded = if self.stopping {
            refused("the daemon is stopping", Vec::new())
        } else {
            service_manager::reloading();
            let reloaded = self.read_and_apply().await;
            if !reloaded.in_force {
                self.loading.announce(&self.config);
            }
            reloaded
        };
        let Some(reply) = reply else {
            return;
        };
        if reloaded.in_force {
            self.loading.tell(reply, reloaded);
            self.later(RELOAD_WAIT, Event::ReloadTimeout);
        } else {
            answer(reply, reloaded);
        }
    }

    async fn read_and_apply(&mut self) -> Reloaded {
        let file = &self.cli.use_file;
        log::reloading(file);
        let marker = self.marker();
        if let Some(marker) = &marker
            && let Err(error) = mark(marker)
        {
            log::operator::reload_not_marked(marker, &error);
        }
        let loaded = read(file, &options(&self.cli));
        if let Some(marker) = &marker
            && let Err(error) = remove(marker)
        {
            log::operator::reload_not_marked(marker, &error);
        }
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                log::interfaces_unknown(&error);
                return refused(&format!("{error:#}"), Vec::new());
            }
        };
        log::diagnostics(&loaded.diagnostics);
        let said = said(&loaded);
        if let Some(keyword) = self.needs_restart(&loaded.config) {
            let place = place_of(keyword, file, &options(&self.cli));
            let place = place.map_or_else(|| file.display().to_string(), |it| it.to_string());
            log::reload_needs_restart(&place, keyword);
            let why = format!("{keyword} cannot change while the daemon runs; restart it");
            let mut said = said;
            said.push(format!("{place}: error: {why}"));
            return refused(&why, said);
        }
        if !loaded.is_usable() {
            log::reload_refused(file);
            return refused("the file has errors", said);
        }
        keep(&loaded.config, self.cli.dump_conf);
        let config = overridden(loaded.config, &self.cli);
        let config = self.data_plane.supported(config);
        self.data_plane.attach(&config).await;
        self.apply(config).await;
        log::reloaded();
        Reloaded {
            in_force: true,
            why: None,
            diagnostics: said,
        }
    }

    /// The keyword that another daemon would have to be started for, as with keepalived.
    fn needs_restart(&self, new: &Config) -> Option<&'static str> {
        let (old, new) = (&self.config.process, &new.process);
        let pids = |process| {
            let namespace = self.cli.namespace.as_deref();
            PidPaths::of(&self.cli.daemon, process, namespace)
        };
        let fixed = [
            ("net_namespace", old.net_namespace != new.net_namespace),
            (
                "net_namespace_ipvs",
                old.net_namespace_ipvs != new.net_namespace_ipvs,
            ),
            ("instance", old.instance != new.instance),
            ("use_pid_dir", pids(old) != pids(new)),
        ];
        let changed = fixed.into_iter().find(|(_, changes)| *changes);
        changed.map(|(keyword, _)| keyword)
    }

    /// `reload_file`: there while the configuration is being read.
    fn marker(&self) -> Option<PathBuf> {
        let given = self.config.global.files.reload_marker.as_deref()?;
        let process = &self.config.process;
        Some(match given {
            "" if process.use_pid_dir || process.instance.is_some() => {
                "/run/keepalived/keepalived.reload".into()
            }
            "" => "/run/keepalived.reload".into(),
            given => given.into(),
        })
    }

    /// Looks at `reload_time_file` where there is one.
    pub(super) fn watch_reload_time(&mut self) {
        let wanted = self.config.global.files.reload_time.as_deref();
        let wanted = wanted.map(Path::new);
        if self.planned.watch.as_ref().map(LineWatch::path) == wanted {
            return;
        }
        self.planned = Planned {
            number: self.planned.number + 1,
            ..Planned::default()
        };
        let Some(path) = wanted else {
            return;
        };
        match LineWatch::start(path, Event::ReloadTime, self.events.clone()) {
            Ok(watch) => self.planned.watch = Some(watch),
            Err(error) => log::operator::reload_time_unread(path, &error),
        }
    }

    /// Takes what `reload_time_file` says, and what it said before does not count any more.
    pub(super) fn plan_reload(&mut self, says: Option<String>) {
        let Some(watch) = &self.planned.watch else {
            return;
        };
        self.planned.number += 1;
        let before = self.planned.due.take();
        self.planned.says = says;
        match &self.planned.says {
            None if before.is_some() => log::operator::reload_time_gone(watch.path()),
            None => {}
            Some(says) => match next(says, now(), &HERE) {
                Ok(due) => {
                    log::operator::reload_planned(watch.path(), civil::local(due));
                    self.planned.due = Some(due);
                    self.look_at_clock();
                }
                Err(error) => log::operator::reload_time_unread(watch.path(), &error),
            },
        }
    }

    fn look_at_clock(&self) {
        let Some(due) = self.planned.due else {
            return;
        };
        let left = u64::try_from(due.saturating_sub(now())).unwrap_or_default();
        let wait = Duration::from_secs(left).min(CLOCK_WAIT);
        // The clock shows whole seconds.
        let wait = wait.max(Duration::from_millis(100));
        self.later(wait, Event::ReloadDue(self.planned.number));
    }

    /// Reloads when it is time, and plans the next one or removes the file.
    pub(super) async fn reload_if_due(&mut self, number: u64) {
        if number != self.planned.number {
            return;
        }
        if self.planned.due.is_none_or(|due| due > now()) {
            return self.look_at_clock();
        }
        let says = self.planned.says.clone();
        self.planned.due = None;
        let path = self
            .planned
            .watch
            .as_ref()
            .map(|watch| watch.path().to_owned());
        if !self.config.global.files.repeats_daily
            && let Some(path) = path
            && let Err(error) = remove(&path)
        {
            log::operator::reload_time_stays(&path, &error);
        }
        let repeats = self.config.global.files.repeats_daily;
        self.reload(None).await;
        let is_daily = says.as_ref().is_some_and(|says| !says.contains(' '));
        // Unless the reload has brought another file.
        if repeats && is_daily && number == self.planned.number {
            self.plan_reload(says);
        }
    }
}

fn refused(why: &str, diagnostics: Vec<String>) -> Reloaded {
    Reloaded {
        in_force: false,
        why: Some(why.to_owned()),
        diagnostics,
    }
}

fn said(loaded: &Loaded) -> Vec<String> {
    let diagnostics = loaded.diagnostics.iter();
    diagnostics.map(|it| it.plain()).collect()
}
