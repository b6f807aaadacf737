//! Recordings without secrets: each is replaced by a name, and the same one always by the same name, so that a change of a
//! password is still a change.

use std::borrow::Cow;

use super::{
    advert::Advertisement,
    input::Input,
    output::{Guard, Output},
};
use crate::config::model::{
    VrrpInstance,
    vrrp::{AuthenticationType, KeySource, Secret},
};

const PASSWORD: u8 = AuthenticationType::Password.number();

/// The secrets met so far.
#[derive(Debug, Default)]
pub(super) struct Redaction {
    known: Vec<Secret>,
}

impl Redaction {
    /// The input without secrets.
    pub(super) fn input<'i>(&mut self, input: &'i Input<'i>) -> Cow<'i, Input<'i>> {
        let mut redacted = Cow::Borrowed(input);
        match input {
            Input::Config { .. } => {
                if let Input::Config { instances, .. } = redacted.to_mut() {
                    for config in instances.to_mut() {
                        self.config(config);
                    }
                }
            }
            Input::Advert { advert, .. } if advert.auth_type == PASSWORD => {
                if let Input::Advert { advert, .. } = redacted.to_mut() {
                    self.advert(advert.to_mut());
                }
            }
            Input::Advert { .. }
            | Input::Settings(_)
            | Input::Hold { .. }
            | Input::Stop
            | Input::Link { .. }
            | Input::Standing { .. }
            | Input::Told { .. }
            | Input::Address { .. }
            | Input::Object { .. }
            | Input::Withdrawn { .. }
            | Input::Yield { .. }
            | Input::Release { .. }
            | Input::Timeout => {}
        }
        redacted
    }

    /// The output without secrets.
    pub(super) fn output<'o>(&mut self, output: &'o Output) -> Cow<'o, Output> {
        let carries = |advert: &Advertisement| advert.auth_type == PASSWORD;
        let mut redacted = Cow::Borrowed(output);
        match output {
            Output::SendAdvert { advert, .. } if carries(advert) => {
                if let Output::SendAdvert { advert, .. } = redacted.to_mut() {
                    self.advert(advert);
                }
            }
            Output::SetGuard {
                guard: Guard::Watch { advert, .. },
                ..
            } if carries(advert) => {
                if let Output::SetGuard {
                    guard: Guard::Watch { advert, .. },
                    ..
                } = redacted.to_mut()
                {
                    self.advert(advert);
                }
            }
            Output::SendAdvert { .. }
            | Output::SetGuard { .. }
            | Output::SetGate { .. }
            | Output::Install { .. }
            | Output::Remove { .. }
            | Output::Announce { .. }
            | Output::Transition { .. }
            | Output::Yielding { .. }
            | Output::Notice(_)
            | Output::Removed { .. } => {}
        }
        redacted
    }

    fn config(&mut self, config: &mut VrrpInstance) {
        if let Some(authentication) = &mut config.authentication {
            authentication.password = self.name(&authentication.password);
        }
        for key in config.hmac.iter_mut().flat_map(|hmac| &mut hmac.keys) {
            match &mut key.source {
                KeySource::Text(secret) | KeySource::Hex(secret) => *secret = self.name(secret),
                KeySource::File(_) => {}
            }
        }
    }

    /// An advert has its password filled up with zeroes to eight bytes.
    fn advert(&mut self, advert: &mut Advertisement) {
        let carried = String::from_utf8_lossy(&advert.ignored);
        let carried = carried.trim_end_matches('\0').to_owned();
        let name = self.name(&Secret::from(carried));
        let mut bytes = name.expose().bytes();
        advert.ignored = std::array::from_fn(|_| bytes.next().unwrap_or(0));
    }

    /// `#1` for the first secret, short enough for a password.
    fn name(&mut self, secret: &Secret) -> Secret {
        let known = self.known.iter().position(|known| known == secret);
        let place = known.unwrap_or_else(|| {
            self.known.push(secret.clone());
            self.known.len() - 1
        });
        Secret::from(format!("#{}", place + 1))
    }
}
