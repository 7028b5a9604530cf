// SPDX-License-Identifier: GPL-2.0
//! The module and the tool, as the scenarios and the demonstration use them.
//!
//! What is being proved goes through the programs (`insmod`, `userctl`); what only looks on goes
//! through `userctl`'s library, because starting a process is slow in a translated guest.

use std::ffi::CString;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};
use ferrule_uapi::hook::{Family, Hook};
use ferrule_uapi::ioctl::Info;
use ferrule_uapi::program::{Counter, COUNTER_IMPLICIT, COUNTER_OBJECT, COUNTER_POLICY};
use ferrule_uapi::DEVICE_PATH;
use nix::kmod::{delete_module, finit_module, DeleteModuleFlags, ModuleInitFlags};
use userctl::device::{snapshot, Device, Expected, Kernel, Reset};
use userctl::image::Image;

use crate::filter::Count;
use crate::netns::Netns;
use crate::process::Output;

/// The module's file.
pub(crate) const MODULE: &str = "/ferrule.ko";

/// A family and a hook, as `userctl hooks` lists them.
pub(crate) type Point = (Family, Hook);

/// What passed a registered hook function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HookCount {
    /// Packets that came.
    pub(crate) packets: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Packets that went on.
    pub(crate) accepted: u64,
    /// Packets that ended here.
    pub(crate) dropped: u64,
}

/// A counter, and what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Family, table and name of its chain.
    pub(crate) chain: String,
    /// The rule's text, or what the policy belongs to.
    pub(crate) text: String,
    /// File and line of the rule.
    pub(crate) place: String,
    /// Nobody wrote `counter`: it counts what the rule or the policy dropped.
    pub(crate) implicit: bool,
    /// Of a policy, not of a rule.
    pub(crate) policy: bool,
    /// Packets.
    pub(crate) packets: u64,
    /// Bytes from the network header on.
    pub(crate) bytes: u64,
}

impl Tally {
    /// Whether what it counted was dropped.
    pub(crate) fn drops(&self) -> bool {
        let statement = self.text.split('#').next().unwrap_or_default();
        let mut words = statement.split(|c: char| !c.is_ascii_alphanumeric());
        self.policy || self.implicit || words.any(|word| word == "drop")
    }

    /// What it counted.
    pub(crate) fn count(&self) -> Count {
        Count {
            packets: self.packets,
            bytes: self.bytes,
        }
    }
}

/// Whether the module is in the kernel.
pub(crate) fn is_loaded() -> bool {
    Path::new("/sys/module/ferrule").exists()
}

/// Loads the module.
pub(crate) fn insert() -> Result<()> {
    let file = File::open(MODULE).with_context(|| format!("cannot open {MODULE}"))?;
    finit_module(&file, &CString::default(), ModuleInitFlags::empty())
        .context("the kernel refuses ferrule.ko")
}

/// Removes the module.
pub(crate) fn remove() -> nix::Result<()> {
    delete_module(c"ferrule", DeleteModuleFlags::O_NONBLOCK)
}

/// Runs `userctl --netns NS ...`.
pub(crate) fn userctl(ns: &Netns, arguments: &[&str]) -> Result<Output> {
    let mut command = vec!["userctl", "--netns", ns.name()];
    command.extend_from_slice(arguments);
    crate::process::run(&command)
}

/// Writes `rules` to a file and runs `userctl --netns NS load FILE ...`.
pub(crate) fn load_with(ns: &Netns, rules: &str, options: &[&str]) -> Result<Output> {
    let path = rules_file(rules)?;
    let mut arguments = vec!["load", path];
    arguments.extend_from_slice(options);
    userctl(ns, &arguments)
}

/// Replaces what is loaded by `rules`.
pub(crate) fn load(ns: &Netns, rules: &str) -> Result<()> {
    load_with(ns, &format!("flush ruleset\n{rules}"), &[])?.success()?;
    Ok(())
}

/// The file that rules are put into on their way to a tool.
pub(crate) fn rules_file(rules: &str) -> Result<&'static str> {
    const PATH: &str = "/tmp/rules.nft";
    fs::write(PATH, rules).with_context(|| format!("cannot write {PATH}"))?;
    Ok(PATH)
}

/// Opens the device for a namespace.
pub(crate) fn device(ns: &Netns) -> Result<Device> {
    Ok(ns.inside(|| Device::open(Path::new(DEVICE_PATH)))??)
}

/// What is loaded in a namespace, in figures.
pub(crate) fn info(ns: &Netns) -> Result<Info> {
    Ok(device(ns)?.info()?)
}

/// Empties a namespace's ruleset and sets its hooks' counters to zero.
pub(crate) fn reset(ns: &Netns) -> Result<()> {
    let mut device = device(ns)?;
    if device.info()?.program_size != 0 {
        device.flush(Expected::Any)?;
    }
    device.reset(Reset::Hooks, Expected::Any)?;
    Ok(())
}

/// Sets the counters of rules, policies and hooks to zero.
pub(crate) fn reset_counters(ns: &Netns) -> Result<()> {
    device(ns)?.reset(Reset::All, Expected::Any)?;
    Ok(())
}

/// What passed the hook functions at one family and hook, over all priorities; each priority counts
/// for itself, so the first one's `packets` is what came.
pub(crate) fn hook_counts(ns: &Netns) -> Result<Vec<(Point, i32, HookCount)>> {
    let mut list = Vec::new();
    for value in device(ns)?.hooks()?.value {
        let family = Family::from_raw(value.family).context("a hook of an unknown family")?;
        let hook = Hook::from_raw(value.hook).context("an unknown hook")?;
        let count = HookCount {
            packets: value.packets,
            bytes: value.bytes,
            accepted: value.accepted,
            dropped: value.dropped,
        };
        list.push(((family, hook), value.priority, count));
    }
    Ok(list)
}

/// What passed at priority filter.
pub(crate) fn hook_count(ns: &Netns, point: Point) -> Result<HookCount> {
    hook_counts(ns)?
        .into_iter()
        .find(|(at, priority, _)| *at == point && *priority == 0)
        .map(|(_, _, count)| count)
        .with_context(|| format!("no hook function at {point:?}, priority filter"))
}

/// Every counter of the ruleset, in the order of rules.
pub(crate) fn tallies(ns: &Netns) -> Result<Vec<Tally>> {
    let read = snapshot(&mut device(ns)?)?;
    if read.program.is_empty() {
        return Ok(Vec::new());
    }
    let program = Image::new(&read.program)
        .verify()
        .map_err(|refusal| anyhow::anyhow!("the loaded program does not verify: {refusal:?}"))?;
    let view = program.view();
    let string = |text| String::from_utf8_lossy(view.string(text)).into_owned();
    let source = userctl::program_text::of(&view).context("the loaded program")?;
    let texts = userctl::program_text::by_handle(&source);
    let mut list = Vec::new();
    let of_no_object = |(counter, _): &(&Counter, _)| counter.flags & COUNTER_OBJECT == 0;
    let counters = view.counters().iter().zip(&read.counters);
    for (counter, value) in counters.filter(of_no_object) {
        let policy = counter.flags & COUNTER_POLICY != 0;
        let owner = counter.owner as usize;
        let (order, chain, text, place) = if policy {
            let base = view
                .base_chains()
                .get(owner)
                .context("a counter of no chain")?;
            (
                usize::MAX,
                base.chain,
                "policy drop".to_owned(),
                String::new(),
            )
        } else {
            let rule = view.rules().get(owner).context("a counter of no rule")?;
            let text = texts
                .get(&rule.handle)
                .copied()
                .unwrap_or_default()
                .to_owned();
            let chain = view
                .chain_of(rule.first_insn)
                .context("a rule of no chain")?;
            (
                owner,
                chain as u32,
                text,
                format!(
                    "{}:{}",
                    String::from_utf8_lossy(view.file_of(counter.owner)),
                    rule.line
                ),
            )
        };
        let chain = view
            .chains()
            .get(chain as usize)
            .context("a counter of no chain")?;
        let family = Family::from_raw(chain.family).context("a chain of no family")?;
        let chain = format!(
            "{} {} {}",
            family.name(),
            string(chain.table),
            string(chain.name)
        );
        let implicit = counter.flags & COUNTER_IMPLICIT != 0;
        let (packets, bytes) = (value.packets, value.bytes);
        list.push((
            order,
            Tally {
                chain,
                text,
                place,
                implicit,
                policy,
                packets,
                bytes,
            },
        ));
    }
    list.sort_by_key(|(order, _)| *order);
    Ok(list.into_iter().map(|(_, tally)| tally).collect())
}
