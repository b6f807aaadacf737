//! What `BFD_CHECK` looks at: sessions, as the bfd child tells of them.

use std::collections::BTreeMap;

use super::{CheckId, Checker};

/// A session and who looks at it.
#[derive(Debug, Default)]
struct Session {
    /// `None` until it was told of.
    is_up: Option<bool>,
    checks: Vec<CheckId>,
}

/// Sessions by name.
#[derive(Debug, Default)]
pub(super) struct Sessions(BTreeMap<String, Session>);

impl Sessions {
    /// Nobody looks, and what is known stays.
    pub(super) fn forget_checks(&mut self) {
        for session in self.0.values_mut() {
            session.checks.clear();
        }
    }

    /// A check looks at a session; whether that is up, if it is known.
    pub(super) fn follow(&mut self, name: &str, check: CheckId) -> Option<bool> {
        let session = self.0.entry(name.to_owned()).or_default();
        session.checks.push(check);
        session.is_up
    }
}

impl Checker {
    /// Takes in whether a BFD session is up, for `BFD_CHECK`.
    pub fn handle_session(&mut self, name: &str, is_up: bool) {
        let session = self.sessions.0.entry(name.to_owned()).or_default();
        session.is_up = Some(is_up);
        for id in session.checks.clone() {
            let step = self.checks.get_mut(&id);
            if let Some(step) = step.map(|check| check.handle_session(is_up)) {
                self.follow(id, step);
            }
        }
    }
}
