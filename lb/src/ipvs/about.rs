//! What IPVS says of itself as a whole.

/// Its version, its table of connections and how long those last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The three numbers of `IP_VS_VERSION_CODE`.
    pub version: [u8; 3],
    /// Buckets of the table of connections (`conn_tab_bits`).
    pub buckets: u32,
    /// Seconds that connections without packets last: of TCP, of TCP after a FIN and of UDP.
    pub timeouts: [u32; 3],
}
