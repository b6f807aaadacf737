//! Packets through the real programs: packet in, verdict and packet out. Needs root.

mod load;
