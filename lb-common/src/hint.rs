//! Hints: the bits of one word that say which look-ups a packet may skip.

/// A gate may be fenced, or an address of `owned` is not accepted. The programs set this bit too, and no other.
pub const HINT_RESTRICTED: u32 = 1;

/// A virtual MAC is in use that no link has.
pub const HINT_VIRTUAL_MAC: u32 = 2;
