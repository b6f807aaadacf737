//! What fails now, so that a failure that lasts is logged once.

/// The last failure logged, while it lasts.
#[derive(Debug, Default)]
pub(super) struct Failure(Option<String>);

impl Failure {
    /// Takes note of a failure, or of a success; logs what is new as `sentence` says it.
    pub(super) fn note(&mut self, failure: Option<String>, sentence: impl Fn(&str) -> String) {
        if let Some(why) = &failure
            && self.0 != failure
        {
            tracing::error!("{}", sentence(why));
        }
        self.0 = failure;
    }
}
