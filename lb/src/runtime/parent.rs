//! The parent as a child sees it: it may be slow, stopped or dead, and the child goes on all the same.

use tokio::sync::mpsc;

use super::channel::{ChildChannel, FromChild, Receiver, ToChild};
use crate::{cli::Role, observe::log};

/// Answers that may wait for a parent that does not read.
const QUEUE: usize = 8;

/// The line to the parent, as long as there is one.
pub(super) struct Parent {
    role: Role,
    orders: Option<Receiver<ToChild>>,
    answers: mpsc::Sender<FromChild>,
}

impl Parent {
    /// Takes over the line. Answers are written by a task of their own, so that the loop never waits for the parent.
    pub(super) fn new(role: Role, channel: ChildChannel) -> Self {
        let (mut line, orders) = channel.split();
        let (answers, mut queue) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            while let Some(answer) = queue.recv().await {
                // An answer cut short leaves nothing to go on with; the reading half says that the parent is gone.
                if line.send(&answer).await.is_err() {
                    return;
                }
            }
        });
        Self {
            role,
            orders: Some(orders),
            answers,
        }
    }

    /// The next order. Safe to cancel; waits for ever once the parent is gone.
    pub(super) async fn recv(&mut self) -> ToChild {
        if let Some(orders) = &mut self.orders {
            match orders.recv().await {
                Ok(Some(order)) => return order,
                Ok(None) => log::parent_gone(self.role, None),
                Err(error) => log::parent_gone(self.role, Some(&error)),
            }
            self.orders = None;
        }
        std::future::pending().await
    }

    /// Answers the parent, if it takes answers.
    pub(super) fn send(&self, answer: FromChild) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.answers.try_send(answer) {
            log::parent_deaf(self.role);
        }
    }
}
