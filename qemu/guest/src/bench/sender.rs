// SPDX-License-Identifier: GPL-2.0
//! The sender module (`qemu/sender/`), as the benches use it.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{bail, Context, Result};
use nix::kmod::{finit_module, ModuleInitFlags};

use super::arena::{Arena, IN, OUT};

/// The module's file, and where it shows what it can do.
const MODULE: &str = "/ferrule_sender.ko";
const FILES: &str = "/sys/kernel/debug/ferrule_sender";

/// The slot for packets that are sent once; those below are traffic's.
pub(super) const PRELUDE: usize = 7;

/// Packets of a batch: enough that reading the clock does not count, few enough that the host seldom
/// takes the processor away meanwhile.
const BATCH: u64 = 256;
/// For contestants that take microseconds a packet.
const SMALL_BATCH: u64 = 64;
const SLOW: f64 = 3000.0;

/// How many batches, at least and at most.
const FEWEST: u64 = 6;
const MOST: u64 = 4000;

/// Batches that are sent before the clock runs.
const WARM: u64 = 4;

/// The sender, in the kernel.
#[derive(Debug)]
pub(super) struct Sender(());

/// Does the sender's own hook take part? (See the module.)
#[derive(Clone, Copy, Debug)]
pub(super) enum Gate {
    None = 0,
    Verdicts = 1,
    Pass = 2,
}

/// How much is to be sent.
#[derive(Debug)]
pub(super) struct Order {
    slot: usize,
    start: u64,
    warm: u64,
    batches: u64,
    size: u64,
}

impl Order {
    /// So many batches that they take about `budget_ms`, each round from another place on.
    pub(super) fn new(slot: usize, count: u64, round: u32, cost: f64, budget_ms: u64) -> Self {
        let size = if cost > SLOW { SMALL_BATCH } else { BATCH };
        let batches = (budget_ms as f64 * 1e6 / (cost.max(1.0) * size as f64)) as u64;
        Self {
            slot,
            start: u64::from(round) * 1021 % count.max(1),
            warm: if cost > SLOW { 1 } else { WARM },
            batches: batches.clamp(FEWEST, MOST),
            size,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Nanoseconds a packet.
    pub(super) ns: f64,
    pub(super) sent: u64,
    pub(super) dropped: u64,
    pub(super) forwarded: u64,
}

impl Sender {
    /// Loads the module.
    pub(super) fn insert() -> Result<Self> {
        let file = File::open(MODULE).with_context(|| format!("cannot open {MODULE}"))?;
        finit_module(&file, &CString::default(), ModuleInitFlags::empty())
            .context("the kernel refuses the sender")?;
        Ok(Self(()))
    }

    /// Hands it the frames of a slot.
    pub(super) fn fill(&self, slot: usize, frames: &Path) -> Result<()> {
        let from = File::open(frames).with_context(|| format!("{}", frames.display()))?;
        let mut from = io::BufReader::with_capacity(1 << 20, from);
        let mut to = File::create(format!("{FILES}/frames{slot}"))?;
        io::copy(&mut from, &mut to).context("the sender does not take the frames")?;
        Ok(())
    }

    /// Sends all frames of a slot, once.
    pub(super) fn replay(&self, arena: &Arena, slot: usize, count: u64) -> Result<()> {
        let order = Order {
            slot,
            start: 0,
            warm: 0,
            batches: 1,
            size: count,
        };
        self.run(arena, &order, Gate::None)?;
        Ok(())
    }

    /// About how long a packet takes.
    pub(super) fn estimate(&self, arena: &Arena, slot: usize) -> Result<f64> {
        let order = Order {
            slot,
            start: 0,
            warm: 1,
            batches: FEWEST,
            size: 8,
        };
        Ok(self.run(arena, &order, Gate::None)?.ns)
    }

    /// Sends, in the namespace of `arena`.
    pub(super) fn run(&self, arena: &Arena, order: &Order, gate: Gate) -> Result<Outcome> {
        let command = format!(
            "slot={} in={IN} out={OUT} gate={} start={} warm={} batches={} size={}",
            order.slot, gate as u32, order.start, order.warm, order.batches, order.size
        );
        let text = arena.ns.inside(|| -> Result<String> {
            let mut file = fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open(format!("{FILES}/run"))?;
            file.write_all(command.as_bytes())
                .with_context(|| format!("the sender refuses `{command}`"))?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            Ok(text)
        })??;
        parse(&text, order.size)
    }
}

/// Reads what the module says.
fn parse(text: &str, size: u64) -> Result<Outcome> {
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default();
    let words: Vec<_> = head.split(' ').collect();
    let ["sent", sent, "dropped", dropped, "forwarded", forwarded] = words.as_slice() else {
        bail!("the sender says {head:?}");
    };
    let mut times = lines
        .map(|line| line.parse::<f64>().context("a batch's time"))
        .collect::<Result<Vec<_>>>()?;
    Ok(Outcome {
        ns: middle_mean(&mut times) / size as f64,
        sent: sent.parse()?,
        dropped: dropped.parse()?,
        forwarded: forwarded.parse()?,
    })
}

/// The mean of the middle half: batches that were interrupted do not count.
fn middle_mean(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    let quarter = times.len() / 4;
    let middle = times
        .get(quarter..times.len() - quarter)
        .unwrap_or_default();
    middle.iter().sum::<f64>() / middle.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupted_batches_do_not_count() {
        let mut times = [100.0, 101.0, 99.0, 100.0, 9000.0, 100.0, 50.0, 100.0];
        assert_eq!(middle_mean(&mut times), 100.0);
    }

    #[test]
    fn what_the_module_says_is_read() {
        let outcome = parse("sent 512 dropped 3 forwarded 509\n2560\n2560\n", 256).unwrap();
        assert_eq!(
            (outcome.sent, outcome.dropped, outcome.forwarded),
            (512, 3, 509)
        );
        assert_eq!(outcome.ns, 10.0);
        assert!(parse("", 256).is_err());
    }
}
