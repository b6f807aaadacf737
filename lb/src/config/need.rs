//! What the text names on the machine, besides interfaces.

use smol_str::SmolStr;

use super::{
    model::{InterfaceName, bfd::AuthenticationKind, global::Owner},
    source::Spanned,
    system::NameList,
};

/// Something that the machine should have. It stands where the text names it.
#[derive(Debug)]
pub(super) enum Need {
    /// A name of a list of iproute2.
    Name(NameList, String),
    /// An interface that is a VRF.
    Vrf(InterfaceName),
    /// Who runs the scripts that say nothing else.
    ScriptUser(Owner),
    /// Who owns a pipe.
    PipeOwner(Owner),
    /// A program.
    Program(Box<Program>),
    /// Interface and instance of `lvs_sync_daemon`.
    SyncDaemon,
    /// IPVS in another namespace.
    IpvsNamespace,
    /// Somebody who remembers idle connections for longer than `tcp_keepalive_time`.
    KeepaliveTime,
    /// A file that nobody but its owner may read.
    SecretFile { secret: SecretKind, path: String },
}

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretKind {
    /// A key of `auth_hmac`, by its id.
    Key(u8),
    /// The key of `authentication` of a `bfd_instance`.
    SessionKey(AuthenticationKind),
    /// The password of `smtp_auth`.
    MailPassword,
}

/// A program that a keyword runs.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) keyword: SmolStr,
    pub(super) path: String,
    /// Who runs it, where that is not `script_user`.
    pub(super) owner: Option<Spanned<Owner>>,
    pub(super) runner: Runner,
}

/// What runs a program: keepalived makes more of a fault in some than in others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    /// A change of state.
    Notify,
    /// A `vrrp_script`.
    TrackScript,
    /// A `MISC_CHECK`.
    Check,
}
