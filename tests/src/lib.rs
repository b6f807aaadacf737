//! What the test tiers share.

pub mod daemon;
pub mod echo;
pub mod keepalive;
pub mod lan;
pub mod oracle;
pub mod packet;
pub mod prog;
pub mod stack;
pub mod verifier;
