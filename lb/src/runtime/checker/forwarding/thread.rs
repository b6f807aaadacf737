//! The thread: its loop, and the end of the line that the checks have.

use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::{Answer, Forwarder, Order};
use crate::runtime::{channel::FromChild, checker::sleep_until};

/// Memory of the thread's stack, which `mlockall` keeps resident.
const STACK: usize = 512 << 10;
/// Orders taken at once before both planes are brought in line.
const ORDERS: usize = 256;

/// The thread as the checks see it. The queues have no bound: what waits in them is what checks found out while the planes were
/// written, and one answer to each order.
#[derive(Debug)]
pub(in crate::runtime::checker) struct Forwarding {
    orders: UnboundedSender<Order>,
    answers: UnboundedReceiver<Answer>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Forwarding {
    /// Starts the thread.
    pub(in crate::runtime::checker) fn start() -> anyhow::Result<Self> {
        let (orders, taken) = mpsc::unbounded_channel();
        let (told, answers) = mpsc::unbounded_channel();
        let thread = thread::Builder::new()
            .name("forwarding".to_owned())
            .stack_size(STACK)
            .spawn(move || run(taken, told))
            .context("forwarding")?;
        Ok(Self {
            orders,
            answers,
            thread: Some(thread),
        })
    }

    /// Tells the thread to do something.
    pub(in crate::runtime::checker) fn order(&self, order: Order) {
        // That nobody listens is told by the end of the answers.
        self.orders.send(order).ok();
    }

    /// The next answer. Safe to cancel.
    ///
    /// # Errors
    /// When the thread has ended.
    pub(in crate::runtime::checker) async fn recv(&mut self) -> anyhow::Result<Answer> {
        match self.answers.recv().await {
            Some(answer) => Ok(answer),
            None => Err(self
                .end()
                .err()
                .unwrap_or_else(|| anyhow!("forwarding has ended"))),
        }
    }

    /// Has the thread take everything back, and waits for that.
    pub(in crate::runtime::checker) async fn stop(
        mut self,
        keeps_ipvs: bool,
    ) -> anyhow::Result<()> {
        self.order(Order::Stop { keeps_ipvs });
        while self.answers.recv().await.is_some() {}
        self.end()
    }

    /// What came of the thread, which drops its answers last.
    fn end(&mut self) -> anyhow::Result<()> {
        let ended = self.thread.take().map(JoinHandle::join);
        ended.map_or(Ok(()), |ended| {
            ended.map_err(|_| anyhow!("forwarding panicked"))?
        })
    }
}

fn run(orders: UnboundedReceiver<Order>, answers: UnboundedSender<Answer>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .context("tokio")?
        .block_on(forward(orders, answers))
}

async fn forward(
    mut orders: UnboundedReceiver<Order>,
    answers: UnboundedSender<Answer>,
) -> anyhow::Result<()> {
    let mut forwarder = Forwarder::new(answers)?;
    let mut taken = Vec::new();
    let mut has_left = false;
    loop {
        let due = forwarder.poll_timeout();
        tokio::select! {
            biased;
            // 1. What the checks say: a dead real server gets packets until then.
            count = orders.recv_many(&mut taken, ORDERS) => {
                if count == 0 || !forwarder.handle_orders(taken.drain(..))? {
                    break;
                }
            }
            // 2. Next hops: packets to a real server without one are lost, but checks find dead ones sooner.
            () = forwarder.next_hops.changed() => forwarder.handle_next_hops(),
            // 3. Timers: settling rings can wait for all of the above.
            () = sleep_until(due) => forwarder.handle_timeout(),
            // 4. Whoever is told has time.
            () = forwarder.notifications.progress() => {}
        }
        if !std::mem::replace(&mut has_left, forwarder.has_left()) && has_left {
            forwarder.answer(Answer::Tell(FromChild::Left));
        }
    }
    forwarder.stop().await;
    Ok(())
}

impl Forwarder {
    /// Follows orders; returns whether the thread goes on. What the checks say changes the planes once, however much it is.
    fn handle_orders(&mut self, orders: impl Iterator<Item = Order>) -> anyhow::Result<bool> {
        let mut changed = false;
        for order in orders {
            match order {
                Order::Open(plan) => self.handle_open(&plan)?,
                Order::Configure { plan, health } => {
                    self.handle_config(plan, &health)?;
                    changed = false;
                }
                Order::News(news) => changed |= self.handle_news(news),
                Order::Drain { number, drain } => {
                    let answer = self.handle_drain(drain);
                    self.answer(Answer::Tell(FromChild::Answer { number, answer }));
                }
                Order::Status {
                    words,
                    longest_delay,
                    waits,
                } => {
                    let status = self.status(&words, longest_delay, waits);
                    self.answer(Answer::Tell(FromChild::Checkers(status)));
                }
                Order::Stop { keeps_ipvs } => {
                    if keeps_ipvs {
                        self.keep_ipvs();
                    }
                    return Ok(false);
                }
            }
        }
        if changed {
            self.update();
        }
        Ok(true)
    }
}
