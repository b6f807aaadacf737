//! Changes of addresses, routes and rules: one is under way at a time, in the order they were asked for.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::Pin,
};

use crate::{
    io::{
        guard::VirtualMac,
        netlink::object::{Entry, Making, ObjectError, ObjectHandle, ObjectMessage},
    },
    observe::log,
    vrrp::{
        object::{Object, ObjectKey, Operation, Step},
        output::InstanceId,
        virtual_interfaces::Step as InterfaceStep,
    },
};

/// The kernel's word on one change: whose (nobody's is static), what, and how it went.
pub(super) type Acknowledgement = (Option<InstanceId>, Step, Result<(), String>);

/// What there is to hear.
pub(super) enum Word {
    /// A change was carried out, or refused.
    Done(Acknowledgement),
    /// The routes and rules of keepalived's protocol, as they are now.
    Entries(Vec<Entry>),
    /// A virtual interface was made or removed, or refused.
    Interface(InterfaceStep, Result<(), String>),
    /// An interface takes packets for a MAC, or does not any more.
    Filter(VirtualMac, Result<(), String>),
}

/// What waits for its turn.
enum Job {
    Object(Option<InstanceId>, Step, Result<ObjectMessage, ObjectError>),
    /// Without a way to make it, it is removed.
    Interface(InterfaceStep, Option<Result<Making, ObjectError>>),
    /// Whether the interface is to take packets for the MAC.
    Filter(VirtualMac, bool),
}

/// The queue.
pub(super) struct Changes {
    handle: ObjectHandle,
    queue: VecDeque<Job>,
    under_way: Option<Pin<Box<dyn Future<Output = Word>>>>,
    /// Changes acknowledged so far: what was dumped before one is stale after it.
    acknowledged: u64,
    /// What the kernel has may be less than it told: routes are to be read again.
    stale: bool,
    reading: Option<Reading>,
    /// Refusals as last said.
    refusals: BTreeMap<(Option<InstanceId>, ObjectKey), String>,
}

type Reading = (
    u64,
    Pin<Box<dyn Future<Output = anyhow::Result<Vec<Entry>>>>>,
);

impl Changes {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            handle: ObjectHandle::connect()?,
            queue: VecDeque::new(),
            under_way: None,
            acknowledged: 0,
            stale: false,
            reading: None,
            refusals: BTreeMap::new(),
        })
    }

    /// Queues a change with its message.
    pub(super) fn queue(
        &mut self,
        owner: Option<InstanceId>,
        step: Step,
        message: Result<ObjectMessage, ObjectError>,
    ) {
        self.queue.push_back(Job::Object(owner, step, message));
    }

    /// Queues a change of a virtual interface, with the way to make it.
    pub(super) fn queue_interface(
        &mut self,
        step: InterfaceStep,
        making: Option<Result<Making, ObjectError>>,
    ) {
        self.queue.push_back(Job::Interface(step, making));
    }

    /// Queues that an interface takes packets for a MAC, or does not any more.
    pub(super) fn queue_filter(&mut self, mac: VirtualMac, takes: bool) {
        self.queue.push_back(Job::Filter(mac, takes));
    }

    /// Changes that wait for the one under way.
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether every change was acknowledged.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_none() && self.queue.is_empty()
    }

    /// Waits for the next acknowledgement. When nothing is under way and the routes were suspected, waits for them as
    /// they are now. Safe to cancel.
    pub(super) async fn next(&mut self) -> anyhow::Result<Word> {
        loop {
            if self.under_way.is_none()
                && let Some(job) = self.queue.pop_front()
            {
                self.under_way = Some(Box::pin(work(self.handle.clone(), job)));
            }
            if let Some(job) = &mut self.under_way {
                let word = job.await;
                self.under_way = None;
                self.acknowledged += 1;
                return Ok(word);
            }
            if self.reading.is_none() && std::mem::take(&mut self.stale) {
                let handle = self.handle.clone();
                let read = Box::pin(async move { handle.entries().await });
                self.reading = Some((self.acknowledged, read));
            }
            let Some((before, read)) = &mut self.reading else {
                return std::future::pending().await;
            };
            let (before, entries) = (*before, read.await);
            self.reading = None;
            if before == self.acknowledged {
                return entries.map(Word::Entries);
            }
            self.stale = true;
        }
    }

    /// Says how a change went: a refusal that repeats itself is said once.
    pub(super) fn report(
        &mut self,
        name: &str,
        (owner, step, result): (Option<InstanceId>, &Step, &Result<(), String>),
    ) {
        let (object, operation) = (&step.object, step.operation);
        let key = (owner, object.key());
        match result {
            Ok(()) => {
                self.refusals.remove(&key);
                log::object_applied(name, object, operation);
            }
            Err(error) if self.refusals.get(&key) == Some(error) => {}
            Err(error) => {
                log::object_refused(name, object, operation, error);
                self.refusals.insert(key, error.clone());
            }
        }
    }

    /// Forgets what was said of an instance that is gone.
    pub(super) fn forget(&mut self, id: InstanceId) {
        self.refusals.retain(|(owner, _), _| *owner != Some(id));
    }

    /// Routes may have gone without a word.
    pub(super) const fn suspect(&mut self) {
        self.stale = true;
    }

    /// Routes and rules of keepalived's protocol, at once.
    pub(super) async fn entries(&self) -> anyhow::Result<Vec<Entry>> {
        self.handle.entries().await
    }

    /// Removes addresses that no instance has any more.
    pub(super) async fn remove_left(
        &self,
        left: impl IntoIterator<Item = (Object, Result<ObjectMessage, ObjectError>)>,
    ) {
        for (object, message) in left {
            let step = Step {
                operation: Operation::Remove,
                object,
                replace: false,
            };
            let (_, step, result) = change(self.handle.clone(), None, step, message).await;
            match result {
                Ok(()) => log::object_applied("an earlier daemon", &step.object, step.operation),
                Err(error) => {
                    log::object_refused("an earlier daemon", &step.object, step.operation, &error);
                }
            }
        }
    }

    /// Removes routes and rules that nothing names any more.
    pub(super) async fn remove_entries(&self, left: impl IntoIterator<Item = Entry>) {
        for entry in left {
            log::left_removed(&self.handle.remove_entry(entry).await);
        }
    }
}

async fn work(handle: ObjectHandle, job: Job) -> Word {
    match job {
        Job::Object(owner, step, message) => Word::Done(change(handle, owner, step, message).await),
        Job::Interface(step, making) => {
            let result = match (&step, making) {
                (InterfaceStep::Remove(name), _) => handle.remove_link(name).await,
                (InterfaceStep::Make(_), Some(Ok(making))) => handle.make(making).await,
                (InterfaceStep::Make(_), Some(Err(error))) => Err(error.to_string()),
                (InterfaceStep::Make(of), None) => Err(format!("no way to make {}", of.name)),
            };
            Word::Interface(step, result)
        }
        Job::Filter(mac, takes) => Word::Filter(mac, filter(&handle, mac, takes).await),
    }
}

async fn filter(handle: &ObjectHandle, of: VirtualMac, takes: bool) -> Result<(), String> {
    let VirtualMac { ifindex, mac } = of;
    handle.filter(ifindex, mac, takes).await
}

async fn change(
    handle: ObjectHandle,
    owner: Option<InstanceId>,
    step: Step,
    message: Result<ObjectMessage, ObjectError>,
) -> Acknowledgement {
    let result = match message {
        Ok(message) => handle.apply(message, step.operation, step.replace).await,
        // The object went with its interface.
        Err(ObjectError::NoInterface(_) | ObjectError::NoVrf(_))
            if step.operation == Operation::Remove =>
        {
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    };
    (owner, step, result)
}
