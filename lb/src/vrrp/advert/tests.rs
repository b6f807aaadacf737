//! Adverts: bytes and values.
