// SPDX-License-Identifier: GPL-2.0
//! Whether two rulesets do the same to generated packets: the same verdicts, marks and counts.

use fastrand::Rng;
use ferrule_engine::View;
use ferrule_uapi::expr::{ExprKind, MetaKey};
use ferrule_uapi::hook::{Family, Hook};
use ferrule_uapi::program::{COUNTER_IMPLICIT, COUNTER_POLICY};
use userctl::host::{Context, Host};
use userctl::simulate::frame;
use userctl::simulate::interfaces::Simulated;
use userctl::simulate::ruling::Ruling;

use crate::packets::{self, Sample, Values};
use crate::trial::Compiled;

/// How many packets are tried.
const PACKETS: usize = 2000;

/// When the first packet comes, in nanoseconds since 1970.
const BEGIN: u64 = 1_700_000_000_000_000_000;

/// How long after it the next one comes: so that they come at all times of all days.
const STEP: u64 = 16_411 * 1_000_000_000;

/// `LINKTYPE_RAW`.
const RAW: u32 = 101;

/// What the machine knows of packets, each a number: see [`Sample::facts`].
const FACTS: [(ExprKind, u8); packets::FACTS] = [
    (ExprKind::Meta, MetaKey::Iifgroup as u8),
    (ExprKind::Meta, MetaKey::Oifgroup as u8),
    (ExprKind::Meta, MetaKey::Skuid as u8),
    (ExprKind::Meta, MetaKey::Skgid as u8),
    (ExprKind::Meta, MetaKey::Rtclassid as u8),
    (ExprKind::Meta, MetaKey::Cgroup as u8),
    (ExprKind::Meta, MetaKey::Cpu as u8),
    (ExprKind::Meta, MetaKey::Priority as u8),
];

/// `NFT_RT_CLASSID`: the same as [`MetaKey::Rtclassid`].
const RT_CLASSID: u8 = 0;

/// What a ruleset did to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Effect {
    verdict: Ruling,
    mark: u32,
    packet: Vec<u8>,
    /// How many lines it logged, and how many other statements needed a kernel.
    done: [usize; 2],
    /// How many counters counted it.
    counted: usize,
}

/// What packets say of two rulesets between which they found no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// They did the same to some.
    Packets,
    /// No packet was touched by either: nothing is proved.
    None,
}

impl Effect {
    fn describe(&self) -> String {
        let [lines, others] = self.done;
        let (verdict, mark, counted) = (self.verdict.name(), self.mark, self.counted);
        format!("{verdict}, mark {mark:#x}, counted {counted}, logged {lines}, did {others}")
    }
}

/// One of them.
struct Side<'a> {
    view: View<'a>,
    host: Host<'a>,
}

/// Two rulesets that are to mean the same.
pub(crate) struct Pair<'a> {
    pub(crate) one: &'a Compiled,
    pub(crate) other: &'a Compiled,
    pub(crate) machine: &'a Simulated,
    pub(crate) hook: Hook,
    pub(crate) family: Family,
}

impl Pair<'_> {
    /// Tries packets with values out of `texts`.
    ///
    /// # Errors
    ///
    /// A packet to which they do not do the same.
    pub(crate) fn compare(&self, texts: &[&str]) -> Result<Proof, String> {
        let values = Values::of(texts);
        let mut rng = Rng::with_seed(7);
        let mut sides = [side(self.one)?, side(self.other)?];
        let untouched = |effect: &Effect, sample: &Sample| {
            let like_before = effect.mark == sample.mark && effect.packet == sample.packet;
            let nothing = effect.counted == 0 && effect.done == [0; 2];
            effect.verdict == Ruling::Accept && like_before && nothing
        };
        let mut touched = 0;
        for number in 0..PACKETS {
            let time = BEGIN + number as u64 * STEP;
            let sample = values.sample(self.family, &mut rng);
            let effects = sides
                .each_mut()
                .map(|side| self.effect(side, &sample, time));
            let [Some(one), Some(other)] = effects else {
                continue;
            };
            if one != other {
                let packet = describe(&sample);
                return Err(format!(
                    "they differ for {packet}: {} and {}",
                    one.describe(),
                    other.describe()
                ));
            }
            touched += usize::from(!untouched(&one, &sample));
        }
        Ok(match touched {
            0 => Proof::None,
            _ => Proof::Packets,
        })
    }

    fn effect(&self, side: &mut Side<'_>, sample: &Sample, time: u64) -> Option<Effect> {
        // What the compiler counts by itself (drops) is no effect of the rules.
        let by_statement = |counter: &&u32| {
            let counter = side.view.counters().get(**counter as usize);
            counter.is_some_and(|counter| counter.flags & (COUNTER_IMPLICIT | COUNTER_POLICY) == 0)
        };
        let len = u32::try_from(sample.packet.len()).ok()?;
        let frame = frame::find(RAW, &sample.packet, len).ok()?;
        let nic = |name: &String| self.machine.nic(name);
        let input = sample
            .input
            .as_ref()
            .filter(|_| self.hook != Hook::LocalOut);
        let outgoing = !matches!(self.hook, Hook::PreRouting | Hook::LocalIn);
        let output = sample.output.as_ref().filter(|_| outgoing);
        let mut context = Context::between(input.map(nic), output.map(nic));
        context.mark = sample.mark;
        context.time = Some(time);
        for ((kind, key), value) in FACTS.iter().zip(&sample.facts) {
            context.set(*kind, *key, 0, (*value).into());
            if *key == MetaKey::Rtclassid as u8 {
                context.set(ExprKind::Rt, RT_CLASSID, 0, (*value).into());
            }
        }
        if let Some(connection) = &sample.connection {
            connection.tell(&mut context);
        }
        let judgement = side.host.judge(self.hook, &frame, &context);
        Some(Effect {
            verdict: Ruling::from(&judgement),
            mark: judgement.mark,
            done: [judgement.lines.len(), judgement.acts.len()],
            packet: judgement.packet,
            counted: judgement.counted.iter().filter(by_statement).count(),
        })
    }
}

fn side(compiled: &Compiled) -> Result<Side<'_>, String> {
    let view = compiled.program.view();
    let host = Host::at(view, compiled.program.fields(), &compiled.batch, BEGIN);
    let host = host.map_err(|refusal| format!("the elements do not fit the sets: {refusal:?}"))?;
    Ok(Side { view, host })
}

fn describe(sample: &Sample) -> String {
    let hex: String = sample
        .packet
        .iter()
        .take(64)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    format!(
        "iif {} oif {} mark {:#x} {hex}",
        name(&sample.input),
        name(&sample.output),
        sample.mark
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial;

    fn compare(one: &str, other: &str) -> Result<Proof, String> {
        let machine = Simulated::default();
        let script = |rule: &str| {
            format!(
                "add table ip t\nadd chain ip t c {{ type filter hook input priority 0; }}\n\
                 add rule ip t c {rule}\n"
            )
        };
        let program = |rule: &str| match trial::compiled(&script(rule), &machine) {
            Ok(program) => program,
            Err(trial) => panic!("{rule}: {}", trial.reason()),
        };
        let pair = Pair {
            one: &program(one),
            other: &program(other),
            machine: &machine,
            hook: Hook::LocalIn,
            family: Family::Ip,
        };
        pair.compare(&[one, other])
    }

    #[test]
    fn two_forms_of_one_rule_are_the_same() {
        for (one, other) in [
            (
                "tcp dport 22 counter drop",
                "meta l4proto 6 th dport 22 counter drop",
            ),
            (
                "ip saddr 10.1.0.0/16 drop",
                "ip saddr 10.1.0.0-10.1.255.255 drop",
            ),
            (
                "iifname \"eth*\" meta mark set 7",
                "iifname \"eth*\" meta mark set 0x7",
            ),
        ] {
            assert_eq!(compare(one, other), Ok(Proof::Packets), "{one}");
        }
    }

    #[test]
    fn small_differences_are_found() {
        for (one, other) in [
            ("tcp dport 22 counter drop", "tcp dport 23 counter drop"),
            ("tcp dport 22 counter drop", "tcp dport 22 drop"),
            ("tcp dport 22 drop", "th dport 22 drop"),
            ("ip saddr 10.1.0.0/16 drop", "ip saddr 10.1.0.0/17 drop"),
            ("ip ttl > 5 drop", "ip ttl >= 5 drop"),
            ("iifname \"eth0\" drop", "iifname \"eth*\" drop"),
            ("meta mark set 7", "meta mark set 8"),
            ("ip dscp 10 drop", "ip dscp != 10 drop"),
        ] {
            let difference = compare(one, other).expect_err(one);
            assert!(difference.starts_with("they differ"), "{one}: {difference}");
        }
    }

    #[test]
    fn what_no_packet_touches_proves_nothing() {
        assert_eq!(compare("continue", "continue"), Ok(Proof::None));
    }
}
