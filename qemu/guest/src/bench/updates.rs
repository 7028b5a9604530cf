// SPDX-License-Identifier: GPL-2.0
//! Sending while elements come and go: a thread runs the contestant's own tool, over and over.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use anyhow::{bail, ensure, Result};
use ferrule_bench::plan::Contestant;

use super::arena::Arena;
use super::loading;
use super::sender::Outcome;

/// How often everything has to be added and removed during one measurement.
const CYCLES: u32 = 3;

/// How often is sent, at most: the sender leaves the processor to the tool only between batches.
const SENDINGS: u32 = 200;

/// How long one change may take, in seconds.
const PATIENCE: u64 = 60;

/// Sends by `send` until elements have come and gone a few times; gives the last outcome, with the
/// middle one of all costs.
pub(super) fn meanwhile(
    arena: &Arena,
    contestant: &Contestant,
    directory: &Path,
    send: impl Fn() -> Result<Outcome>,
) -> Result<Outcome> {
    let (done, cycles) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let updater = scope.spawn(|| -> Result<()> {
            while !done.load(Ordering::Relaxed) {
                for update in &contestant.updates {
                    if let Err(why) = loading::apply(arena, update, directory, PATIENCE)? {
                        bail!("{}: {why}", contestant.peer.title());
                    }
                }
                cycles.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        let mut outcomes = Vec::new();
        let mut failure = None;
        while outcomes.len() < SENDINGS as usize
            && cycles.load(Ordering::Relaxed) < CYCLES
            && !updater.is_finished()
        {
            match send() {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        done.store(true, Ordering::Relaxed);
        match updater.join() {
            Ok(result) => result?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        if let Some(error) = failure {
            return Err(error);
        }
        ensure!(
            cycles.load(Ordering::Relaxed) > 0,
            "nothing was updated while packets were sent"
        );
        outcomes.sort_by(|a, b| a.ns.total_cmp(&b.ns));
        let middle = outcomes.len() / 2;
        ensure!(middle < outcomes.len(), "nothing was sent");
        Ok(outcomes.swap_remove(middle))
    })
}
