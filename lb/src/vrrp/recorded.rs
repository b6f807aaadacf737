//! A [`Router`] whose session can be written down: what it is fed and asked goes through here, and only here.

use std::{
    borrow::Cow,
    net::IpAddr,
    ops::Deref,
    time::{Duration, Instant},
};

use super::{
    LinkState, Router, RxMeta,
    advert::Advertisement,
    input::{Input, News, Settings},
    object::{Object, ObjectKey, Operation},
    output::{InstanceId, Output, Standing},
    record::{Ended, Recorder},
};
use crate::config::model::{Config, InterfaceName, SyncGroup, VrrpInstance};

/// A router and its recording, if there is one. The methods are those of [`Router`].
#[derive(Debug, Default)]
pub struct Recorded {
    router: Router,
    recorder: Option<Recorder>,
}

/// What does not change a router is not recorded.
impl Deref for Recorded {
    type Target = Router;

    fn deref(&self) -> &Router {
        &self.router
    }
}

impl Recorded {
    /// A router without instances that is not recorded.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a recording of at most `room` bytes; `time` is that since 1970. Only what happens to a router without a past
    /// can be replayed.
    pub fn record(&mut self, time: Duration, room: u64, now: Instant) {
        self.recorder = Some(Recorder::new(time, room, now));
    }

    /// Whether it is recorded.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        self.recorder.is_some()
    }

    /// The lines since the last call, each with its end.
    #[must_use]
    pub fn take_recorded(&mut self) -> Vec<u8> {
        let recorder = self.recorder.as_mut();
        recorder.map(Recorder::take).unwrap_or_default()
    }

    /// Why the recording has ended by itself.
    #[must_use]
    pub fn recording_ended(&self) -> Option<Ended> {
        self.recorder.as_ref().and_then(Recorder::ended)
    }

    /// Ends the recording; what was not taken is lost.
    pub fn stop_recording(&mut self) {
        self.recorder = None;
    }

    /// The one place where the router is fed.
    fn feed(&mut self, input: &Input<'_>, now: Instant) {
        if let Some(recorder) = &mut self.recorder {
            recorder.input(input, now);
        }
        self.router.handle(input, now);
    }

    fn tell(&mut self, instance: InstanceId, news: News<'_>, now: Instant) {
        self.feed(&Input::Told { instance, news }, now);
    }

    /// See [`Router::poll_output`].
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.router.poll_output();
        if let Some(recorder) = &mut self.recorder {
            recorder.output(output.as_ref());
        }
        output
    }

    /// See [`Router::give_back`].
    pub fn give_back(&mut self) {
        self.router.give_back();
    }

    /// See [`Router::handle_settings`].
    pub fn handle_settings(&mut self, config: &Config, now: Instant) {
        self.feed(&Input::Settings(Box::new(Settings::of(config))), now);
    }

    /// See [`Router::handle_config`].
    pub fn handle_config(&mut self, configs: &[VrrpInstance], groups: &[SyncGroup], now: Instant) {
        let input = Input::Config {
            instances: configs.into(),
            groups: groups.into(),
        };
        self.feed(&input, now);
    }

    /// See [`Router::hold_until`]: `time` from now.
    pub fn hold(&mut self, time: Duration, now: Instant) {
        self.feed(&Input::Hold { time }, now);
    }

    /// See [`Router::handle_stop`].
    pub fn handle_stop(&mut self, now: Instant) {
        self.feed(&Input::Stop, now);
    }

    /// See [`Router::handle_link`].
    pub fn handle_link(
        &mut self,
        interface: &InterfaceName,
        state: Option<LinkState>,
        now: Instant,
    ) {
        let interface = Cow::Borrowed(interface);
        self.feed(&Input::Link { interface, state }, now);
    }

    /// See [`Router::handle_standing`].
    pub fn handle_standing(&mut self, instance: &str, standing: &Standing, now: Instant) {
        let input = Input::Standing {
            name: instance.into(),
            standing: Cow::Borrowed(standing),
        };
        self.feed(&input, now);
    }

    /// See [`Router::handle_advert`].
    pub fn handle_advert(&mut self, rx: &RxMeta, advert: &Advertisement, now: Instant) {
        self.hear(None, rx, advert, now);
    }

    /// See [`Router::handle_advert_of`].
    pub fn handle_advert_of(
        &mut self,
        id: InstanceId,
        rx: &RxMeta,
        advert: &Advertisement,
        now: Instant,
    ) {
        self.hear(Some(id), rx, advert, now);
    }

    fn hear(
        &mut self,
        instance: Option<InstanceId>,
        rx: &RxMeta,
        advert: &Advertisement,
        now: Instant,
    ) {
        let input = Input::Advert {
            instance,
            rx: Cow::Borrowed(rx),
            advert: Cow::Borrowed(advert),
        };
        self.feed(&input, now);
    }

    /// See [`Router::handle_refusal`].
    pub fn handle_refusal(
        &mut self,
        id: InstanceId,
        name: impl Into<Cow<'static, str>>,
        now: Instant,
    ) {
        let counter = name.into();
        self.tell(id, News::Refusal { counter }, now);
    }

    /// See [`Router::handle_advert_sent`].
    pub fn handle_advert_sent(&mut self, id: InstanceId, sent: bool, now: Instant) {
        self.tell(id, News::Sent(sent), now);
    }

    /// See [`Router::handle_guard`].
    pub fn handle_guard(&mut self, id: InstanceId, epoch: u32, taken: bool, now: Instant) {
        self.tell(id, News::Guard { epoch, taken }, now);
    }

    /// See [`Router::handle_guard_possible`].
    pub fn handle_guard_possible(&mut self, id: InstanceId, now: Instant) {
        self.tell(id, News::GuardPossible, now);
    }

    /// See [`Router::handle_overflow`].
    pub fn handle_overflow(&mut self, id: InstanceId, now: Instant) {
        self.tell(id, News::Overflow, now);
    }

    /// See [`Router::handle_peer_silent`].
    pub fn handle_peer_silent(&mut self, id: InstanceId, peer: IpAddr, now: Instant) {
        self.tell(id, News::PeerSilent { peer }, now);
    }

    /// See [`Router::handle_master_down`].
    pub fn handle_master_down(&mut self, id: InstanceId, epoch: u32, now: Instant) {
        self.tell(id, News::MasterDown { epoch }, now);
    }

    /// See [`Router::handle_lease_lost`].
    pub fn handle_lease_lost(&mut self, id: InstanceId, epoch: u32, now: Instant) {
        self.tell(id, News::LeaseLost { epoch }, now);
    }

    /// See [`Router::handle_yielded`].
    pub fn handle_yielded(&mut self, id: InstanceId, epoch: u32, now: Instant) {
        self.tell(id, News::Yielded { epoch }, now);
    }

    /// See [`Router::handle_heartbeat`]; `last_seen` is never later than now.
    pub fn handle_heartbeat(
        &mut self,
        id: InstanceId,
        epoch: u32,
        last_seen: Instant,
        now: Instant,
    ) {
        let age = now.saturating_duration_since(last_seen);
        self.tell(id, News::Heartbeat { epoch, age }, now);
    }

    /// See [`Router::handle_adopted`].
    pub fn handle_adopted(&mut self, id: InstanceId, now: Instant) {
        self.tell(id, News::Adopted, now);
    }

    /// See [`Router::handle_address`].
    pub fn handle_address(
        &mut self,
        interface: &InterfaceName,
        address: IpAddr,
        prefix: u8,
        present: bool,
        now: Instant,
    ) {
        let input = Input::Address {
            interface: Cow::Borrowed(interface),
            address,
            prefix,
            present,
        };
        self.feed(&input, now);
    }

    /// See [`Router::handle_object`].
    pub fn handle_object(&mut self, key: &ObjectKey, present: bool, now: Instant) {
        let key = Cow::Borrowed(key);
        self.feed(&Input::Object { key, present }, now);
    }

    /// See [`Router::handle_withdrawn`].
    pub fn handle_withdrawn(&mut self, key: &ObjectKey, now: Instant) {
        let key = Cow::Borrowed(key);
        self.feed(&Input::Withdrawn { key }, now);
    }

    /// See [`Router::handle_applied`].
    pub fn handle_applied(
        &mut self,
        id: InstanceId,
        object: &Object,
        operation: Operation,
        result: Result<(), String>,
        now: Instant,
    ) {
        let news = News::Applied {
            object: Cow::Borrowed(object),
            operation,
            result,
        };
        self.tell(id, news, now);
    }

    /// See [`Router::handle_yield`].
    pub fn handle_yield(&mut self, name: &str, time: Option<Duration>, now: Instant) -> bool {
        let known = self.instance_id(name).is_some();
        let name = name.into();
        self.feed(&Input::Yield { name, time }, now);
        known
    }

    /// See [`Router::handle_release`].
    pub fn handle_release(&mut self, name: &str, now: Instant) -> bool {
        let known = self.instance_id(name).is_some();
        let name = name.into();
        self.feed(&Input::Release { name }, now);
        known
    }

    /// See [`Router::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.feed(&Input::Timeout, now);
    }
}
