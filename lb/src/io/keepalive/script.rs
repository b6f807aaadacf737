//! Scripts of root's, run as root.

use std::time::Duration;

use super::Places;
use crate::{
    config::model::global::Scripts,
    io::script::{self, Identity, Outcome, Refused, Report, Rights},
    keepalive::output,
};

/// The longest that a script may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a script to its end. One that others than root can change is not run.
///
/// # Errors
/// When it may not run.
pub async fn run(places: &Places, script: &output::Script) -> Result<Report, Refused> {
    let mut words = script.words.clone();
    if let Some(program) = words.first_mut()
        && !program.contains('/')
    {
        *program = places
            .scripts
            .join(&*program)
            .to_string_lossy()
            .into_owned();
    }
    let environment = script.environment.iter();
    let environment: Vec<_> = environment
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    script::report_made(move || {
        let rights = Rights::new(&Scripts {
            security: true,
            ..Scripts::default()
        });
        let mut script = rights.script_as(&words, Identity::ROOT, LIMIT)?;
        script.environment = environment;
        Ok(script)
    })
    .await
}

/// What there is to say about a script that is over.
#[must_use]
pub fn complaint(ended: &Result<Report, Refused>) -> Option<String> {
    match ended {
        Ok(Report {
            outcome: Outcome::Exited(0),
            ..
        }) => None,
        Ok(report) => Some(match &report.complaint {
            Some(words) => format!("{}: {words}", report.outcome),
            None => report.outcome.to_string(),
        }),
        Err(refused) => Some(format!("was not run: {refused}")),
    }
}
