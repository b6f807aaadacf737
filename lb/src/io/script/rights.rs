//! What `global_defs` says about scripts: whose they are, where they may lie.

use std::time::Duration;

use thiserror::Error;

use super::{
    Script,
    identity::{Identity, Unknown},
    path::{self, Unusable},
};
use crate::config::model::{
    Command,
    global::{Owner, Scripts},
};

/// A script that is not run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// Nobody to run it as.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// Nothing to run, or nothing that may run.
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

/// The rights scripts have: `script_user`, `enable_script_security`, `set_supplementary_groups`, `use_symlink_paths`.
/// Users are looked up once for each [`Rights`], because a name service may take its time.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    settings: Scripts,
    known: Vec<(Option<Owner>, Result<Identity, Unknown>)>,
}

impl Rights {
    /// What the configuration says.
    #[must_use]
    pub fn new(settings: &Scripts) -> Self {
        Self {
            settings: settings.clone(),
            known: Vec::new(),
        }
    }

    /// Whose a script with this owner is; without one, that of `script_user`, of keepalived_script, or root.
    ///
    /// # Errors
    /// When there is no such user or group.
    pub fn identity(&mut self, owner: Option<&Owner>) -> Result<Identity, Unknown> {
        let known = self.known.iter().find(|(of, _)| of.as_ref() == owner);
        if let Some((_, identity)) = known {
            return identity.clone();
        }
        let found = match owner.or(self.settings.user.as_ref()) {
            Some(owner) => Identity::of(owner),
            None => Ok(Identity::of_scripts()),
        };
        let all_groups = self.settings.supplementary_groups;
        let found = found.map(|identity| Identity {
            all_groups,
            ..identity
        });
        self.known.push((owner.cloned(), found.clone()));
        found
    }

    /// A configured command as something to run. Ask right before it runs: what others can write is found out now.
    ///
    /// # Errors
    /// When there is no such program or user, or `enable_script_security` forbids it.
    pub fn script(&mut self, command: &Command, timeout: Duration) -> Result<Script, Refused> {
        let identity = self.identity(command.owner.as_ref())?;
        self.script_as(&command.words, identity, timeout)
    }

    /// As [`Self::script`], for words with a user known otherwise.
    ///
    /// # Errors
    /// As [`Self::script`].
    pub fn script_as(
        &self,
        words: &[String],
        identity: Identity,
        timeout: Duration,
    ) -> Result<Script, Refused> {
        let program = words.first().map_or("", String::as_str);
        let for_root_alone = self.settings.security && identity.uid == 0;
        let path = path::find(program, self.settings.keep_symlinks, for_root_alone)?;
        let mut words = words.to_vec();
        if let Some(first) = words.first_mut() {
            *first = path.to_string_lossy().into_owned();
        }
        Ok(Script {
            words,
            identity: Some(identity),
            environment: Vec::new(),
            timeout,
        })
    }
}
