//! The clear-text password of version 2 (RFC 2338 §5.3.6.2).

use super::Refusal;

/// Compares without telling by the time taken how much of it is right.
///
/// # Errors
/// When it is another password.
pub(super) fn verify(ours: &[u8; 8], theirs: &[u8; 8]) -> Result<(), Refusal> {
    let pairs = ours.iter().zip(theirs);
    let difference = pairs.fold(0, |all, (a, b)| all | (a ^ b));
    if difference == 0 {
        Ok(())
    } else {
        Err(Refusal::AuthenticationFailure)
    }
}
