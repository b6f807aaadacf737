//! What the test tiers share.

pub mod packet;
pub mod prog;
