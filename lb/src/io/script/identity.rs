//! Users and groups, by name or by number.

use std::ffi::CString;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use thiserror::Error;

use crate::config::model::global::Owner;

/// keepalived's user for scripts.
const SCRIPT_USER: &str = "keepalived_script";

/// A user with a group, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// All groups of the user, not this one alone (`set_supplementary_groups`).
    pub all_groups: bool,
}

/// No such user or group.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unknown {
    /// The user.
    #[error("there is no user {0}: make it with useradd, or name another")]
    User(String),
    /// The group.
    #[error("there is no group {0}: make it with groupadd, or name another")]
    Group(String),
}

impl Identity {
    /// Root with root's group.
    pub const ROOT: Self = Self {
        uid: 0,
        gid: 0,
        all_groups: false,
    };

    /// Looks up a user, and the group or the user's own. A number that is nobody's is taken as it is, with the group of
    /// that number where none is given.
    ///
    /// # Errors
    /// When there is no such user or group.
    pub fn of(owner: &Owner) -> Result<Self, Unknown> {
        let user = user(&owner.user);
        let uid = match (&user, owner.user.parse()) {
            (Some(user), _) => user.uid.as_raw(),
            (None, Ok(number)) => number,
            (None, Err(_)) => return Err(Unknown::User(owner.user.clone())),
        };
        let gid = match (&owner.group, &user) {
            (Some(name), _) => group(name).ok_or_else(|| Unknown::Group(name.clone()))?,
            (None, Some(user)) => user.gid.as_raw(),
            (None, None) => uid,
        };
        Ok(Self {
            uid,
            gid,
            all_groups: false,
        })
    }

    /// Whose scripts are that the configuration gives to nobody: `keepalived_script` where there is such a user, else
    /// root.
    #[must_use]
    pub fn of_scripts() -> Self {
        user(SCRIPT_USER).map_or(Self::ROOT, |user| Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            all_groups: false,
        })
    }

    /// Every group a process of this identity has.
    #[must_use]
    pub fn groups(&self) -> Vec<Gid> {
        let gid = Gid::from_raw(self.gid);
        let all = self.all_groups.then(|| all_groups(self.uid, gid)).flatten();
        all.unwrap_or_else(|| vec![gid])
    }
}

fn all_groups(uid: u32, gid: Gid) -> Option<Vec<Gid>> {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten()?;
    let name = CString::new(user.name).ok()?;
    getgrouplist(&name, gid).ok()
}

/// By name, then by number: names may be numbers.
fn user(name: &str) -> Option<User> {
    let named = User::from_name(name).ok().flatten();
    named.or_else(|| {
        let number = name.parse().ok()?;
        User::from_uid(Uid::from_raw(number)).ok().flatten()
    })
}

fn group(name: &str) -> Option<u32> {
    let named = Group::from_name(name).ok().flatten();
    let number = named.map(|group| group.gid.as_raw());
    number.or_else(|| name.parse().ok())
}
