//! The parent as a child sees it: it may be slow, stopped or dead, and the child goes on all the same.

use tokio::sync::mpsc;

use super::channel::{ChildChannel, FromChild, ToChild};
use crate::{cli::Role, observe::log};

/// Answers that may wait for a parent that does not read.
const QUEUE: usize = 8;

/// The line to the parent, as long as there is one.
pub(super) struct Parent {
    role: Role,
    /// `None` once the parent is gone.
    orders: Option<mpsc::Receiver<anyhow::Result<Option<ToChild>>>>,
    answers: mpsc::Sender<FromChild>,
}

impl Parent {
    /// Takes over the line. Orders are read and answers written by tasks of their own, so that the loop waits neither for the parent nor
    /// for a large configuration to be read.
    pub(super) fn new(role: Role, channel: ChildChannel) -> Self {
        let (mut line, mut lines) = channel.split();
        let (orders, taken) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                let order = lines.recv().await;
                let is_last = !matches!(order, Ok(Some(_)));
                if orders.send(order).await.is_err() || is_last {
                    return;
                }
            }
        });
        let (answers, mut queue) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            while let Some(answer) = queue.recv().await {
                // An answer cut short leaves nothing to go on with; the reading half says that the parent is gone.
                if line.send(answer).await.is_err() {
                    return;
                }
            }
        });
        Self {
            role,
            orders: Some(taken),
            answers,
        }
    }

    /// The next order. Safe to cancel; waits for ever once the parent is gone.
    pub(super) async fn recv(&mut self) -> ToChild {
        while let Some(orders) = &mut self.orders {
            match orders.recv().await {
                Some(Ok(Some(ToChild::LogLevel(level)))) => {
                    level.take_effect();
                    continue;
                }
                Some(Ok(Some(order))) => return order,
                Some(Ok(None)) | None => log::parent_gone(self.role, None),
                Some(Err(error)) => log::parent_gone(self.role, Some(&error)),
            }
            self.orders = None;
        }
        std::future::pending().await
    }

    /// Answers the parent, if it takes answers; tells whether it does.
    pub(super) fn send(&self, answer: FromChild) -> bool {
        let sent = self.answers.try_send(answer);
        if let Err(mpsc::error::TrySendError::Full(_)) = &sent {
            log::parent_deaf(self.role);
        }
        sent.is_ok()
    }
}
