//! The queues in which the core leaves its effects.

use std::collections::VecDeque;

/// Effects that there is room for while there are none.
const ROOM: usize = 64;

/// Takes the next effect out of a queue. An empty one gives back what it took: a configuration may lead to tens of thousands.
pub(crate) fn next<O>(outputs: &mut VecDeque<O>) -> Option<O> {
    let output = outputs.pop_front();
    if output.is_none() {
        outputs.shrink_to(ROOM);
    }
    output
}
