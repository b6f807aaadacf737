//! Priority arithmetic: what the condition of something tracked does to a priority.

use crate::config::model::track::TrackWeight;

/// The most that a file adds.
const MOST: i64 = 253;
/// From here on downwards a file means FAULT.
const FAULT: i64 = -254;

/// What is known of something tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nothing yet.
    Unknown,
    /// It is well.
    Up,
    /// It is not.
    Down,
    /// The number in a file.
    Value(i32),
}

impl Condition {
    /// Of something that is up, or is not.
    pub(super) const fn of(verdict: Option<bool>) -> Self {
        match verdict {
            None => Self::Unknown,
            Some(true) => Self::Up,
            Some(false) => Self::Down,
        }
    }
}

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Added to the priority.
    Adjust(i32),
    /// The instance must be in FAULT.
    Fault,
    /// The same, where nothing better is known of the instance.
    Pending,
}

/// What a condition does under a weight.
///
/// A positive weight is added while the object is up, a negative one while it is down; `reverse` adds the opposite number.
/// With 0 an object that is down is a FAULT, with `reverse` one that is up. The number in a file is multiplied by the
/// weight; with 0 any number but 0 is down. What is not known yet adds nothing.
pub(super) fn effect(weight: TrackWeight, condition: Condition) -> Effect {
    let value = i32::from(weight.value);
    let sign = if weight.is_reversed { -1 } else { 1 };
    let is_up = match condition {
        Condition::Unknown if value == 0 => return Effect::Pending,
        Condition::Unknown => return Effect::Adjust(0),
        Condition::Value(number) if value != 0 => return product(number, value * sign),
        Condition::Value(number) => number == 0,
        Condition::Up => true,
        Condition::Down => false,
    };
    if value == 0 {
        if is_up == weight.is_reversed {
            Effect::Fault
        } else {
            Effect::Adjust(0)
        }
    } else if is_up == (value > 0) {
        Effect::Adjust(value * sign)
    } else {
        Effect::Adjust(0)
    }
}

fn product(number: i32, weight: i32) -> Effect {
    let product = i64::from(number) * i64::from(weight);
    if product <= FAULT {
        return Effect::Fault;
    }
    Effect::Adjust(i32::try_from(product.min(MOST)).unwrap_or(0))
}
