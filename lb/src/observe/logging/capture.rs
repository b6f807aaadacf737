//! What tests hear of the log.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
};

use super::line::text_and_fields;

/// The lines that `work` logs: level, sentence, and names and values of whom it is about.
pub(in crate::observe) fn lines(work: impl FnOnce()) -> Vec<String> {
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<String>>>);
    impl<S: Subscriber> Layer<S> for Heard {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let (text, fields) = text_and_fields(event);
            let fields = fields
                .iter()
                .map(|(name, value)| format!(" {name}={value}"));
            let fields: String = fields.collect();
            let line = format!("{} {text} |{fields}", event.metadata().level());
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line.trim_end_matches(" |").to_owned());
        }
    }
    let heard = Heard::default();
    let subscriber = tracing_subscriber::registry().with(heard.clone());
    tracing::subscriber::with_default(subscriber, work);
    let lines = heard.0.lock().unwrap_or_else(PoisonError::into_inner);
    lines.clone()
}
