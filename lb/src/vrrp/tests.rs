//! The VRRP machine, sentence by sentence.
