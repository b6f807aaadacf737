//! `MISC_CHECK`: a program that exits with 0, or with the weight that its real server is to have.

use crate::{
    checker::{Answer, ProbeError, ProbeResult},
    config::model::check::Misc,
    io::script::{self, Outcome, Rights},
};

/// What the status of `misc_dynamic` is above the weight it stands for.
const WEIGHTS_FROM: i32 = 2;

/// Runs it, as long as `misc_timeout` says. One that cannot be started has failed, where keepalived takes it for a success.
pub(super) async fn run(misc: &Misc, rights: &Rights) -> ProbeResult {
    let (command, mut rights, limit) = (misc.command.clone(), rights.clone(), misc.timeout);
    let made = script::report_made(move || rights.script(&command, limit)).await;
    let report = made.map_err(|refused| ProbeError::because(refused.to_string()))?;
    match report.outcome {
        Outcome::Exited(0) => Ok(Answer::Well),
        Outcome::Exited(status @ WEIGHTS_FROM..) if misc.dynamic => {
            let weight = u32::try_from(status - WEIGHTS_FROM);
            Ok(Answer::Weight(weight.unwrap_or_default()))
        }
        Outcome::TimedOut => Err(ProbeError::Timeout),
        outcome => Err(ProbeError::because(match report.complaint {
            Some(said) => format!("the program {outcome} (it said: {said})"),
            None => format!("the program {outcome}"),
        })),
    }
}
