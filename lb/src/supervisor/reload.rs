//! Another configuration.

use std::time::Duration;

use super::{
    Event, Parent,
    control::{Reloaded, answer},
};
use crate::{
    config::Loaded,
    io::{
        config::{keep, options, read},
        control::Reply,
    },
    observe::log,
};

/// Longest wait of a client for the children to take a configuration in.
const RELOAD_WAIT: Duration = Duration::from_secs(60);

impl Parent {
    /// The whole new configuration is read and validated first; any error leaves the old one in force.
    pub(super) async fn reload(&mut self, reply: Option<Reply>) {
        let reloaded = if self.stopping {
            refused("the daemon is stopping", Vec::new())
        } else {
            self.read_and_apply().await
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
        let loaded = match read(file, &options(&self.cli)) {
            Ok(loaded) => loaded,
            Err(error) => {
                log::interfaces_unknown(&error);
                return refused(&format!("{error:#}"), Vec::new());
            }
        };
        log::diagnostics(&loaded.diagnostics);
        let said = said(&loaded);
        let (old, new) = (&self.config.process, &loaded.config.process);
        if old.net_namespace != new.net_namespace {
            log::reload_needs_restart("net_namespace");
            return refused(
                "net_namespace cannot change while the daemon runs; restart it",
                said,
            );
        }
        if !loaded.is_usable() {
            log::reload_refused(file);
            return refused("the file has errors", said);
        }
        keep(&loaded.config, self.cli.dump_conf);
        let config = self.data_plane.supported(loaded.config.acted());
        self.data_plane.attach(&config).await;
        self.apply(config).await;
        log::reloaded();
        Reloaded {
            in_force: true,
            why: None,
            diagnostics: said,
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
    diagnostics
        .map(|it| it.plain())
        .collect()
}
