// SPDX-License-Identifier: GPL-2.0
//! How one match is tried: with packets that it names, with packets that it does not, in Ferrule and
//! in nftables.
//!
//! All cases of a field share one ruleset: case number N is tried with packets from its own address,
//! and the base chain sends those to a chain that holds nothing but the match. A packet's fate, and
//! every case's counter, is what the table says, in both filters.

use anyhow::{ensure, Result};
use ferrule_uapi::hook::Family;

use crate::filter::{Count, Filter};
use crate::lab::{Lab, Path};
use crate::packet::{sink, source, LinkDestination, Packet};

/// A match, packets that it holds for, and packets that it does not hold for.
#[derive(Clone, Debug)]
pub(super) struct Case {
    rule: String,
    hits: Vec<Packet>,
    misses: Vec<Packet>,
}

/// One match with its packets.
pub(super) fn case(
    rule: &str,
    hits: impl IntoIterator<Item = Packet>,
    misses: impl IntoIterator<Item = Packet>,
) -> Case {
    Case {
        rule: rule.to_owned(),
        hits: hits.into_iter().collect(),
        misses: misses.into_iter().collect(),
    }
}

/// What tells the cases of a field apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dispatch {
    /// The source address.
    Source,
    /// The destination address: for fields that are, or look at, the source.
    Destination,
}

/// The matches of one field.
#[derive(Debug)]
pub(super) struct Matches {
    /// The table's family.
    pub(super) table: Family,
    /// Where the base chain is.
    pub(super) hook: &'static str,
    /// What tells the cases apart.
    pub(super) dispatch: Dispatch,
    /// The cases.
    pub(super) cases: Vec<Case>,
    /// What stands before the table.
    pub(super) preamble: &'static str,
}

/// The first case's address.
const FIRST_HOST: u16 = 10;

impl Matches {
    /// At the hook forward, told apart by source address.
    pub(super) fn new(table: Family, cases: Vec<Case>) -> Self {
        Self {
            table,
            hook: "forward",
            dispatch: Dispatch::Source,
            cases,
            preamble: "",
        }
    }

    /// At another hook.
    pub(super) fn at(self, hook: &'static str) -> Self {
        Self { hook, ..self }
    }

    /// With lines before the table.
    pub(super) fn preamble(self, preamble: &'static str) -> Self {
        Self { preamble, ..self }
    }

    /// Told apart by destination address.
    pub(super) fn by_destination(self) -> Self {
        Self {
            dispatch: Dispatch::Destination,
            ..self
        }
    }

    /// Tries every case in both filters.
    pub(super) fn try_all(&self, lab: &mut Lab) -> Result<()> {
        let rules = self.rules();
        for filter in Filter::ALL {
            filter.load(lab.router(), &rules)?;
            let mut wrong = self.send_all(lab)?;
            let counts = filter.counts(lab.router())?;
            for (index, case) in self.cases.iter().enumerate() {
                let got = counts.get(&comment(index)).copied().unwrap_or_default();
                let expected = case.expected(|packet| self.address(index, packet));
                if got != expected {
                    let rule = &case.rule;
                    wrong.push(format!("`{rule}` counted {got:?}, expected {expected:?}"));
                }
            }
            ensure!(wrong.is_empty(), "{filter:?}: {}", wrong.join("; "));
            filter.flush(lab.router())?;
        }
        Ok(())
    }

    /// Sends every packet; says which met another fate than expected.
    fn send_all(&self, lab: &mut Lab) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        for (index, case) in self.cases.iter().enumerate() {
            let hits = case.hits.iter().map(|packet| (packet, true));
            let misses = case.misses.iter().map(|packet| (packet, false));
            for (packet, hit) in hits.chain(misses) {
                let packet = self.address(index, packet);
                let arrived = lab.send(Path::Forward, &packet)?;
                // The router does not forward what was not sent to itself alone.
                let expected = !hit && packet.link == LinkDestination::Host;
                if arrived != expected {
                    let fate = if arrived { "passed" } else { "dropped" };
                    wrong.push(format!("`{}` {fate} {packet:?}", case.rule));
                }
            }
        }
        Ok(wrong)
    }

    /// The packet with the address that leads it to its case.
    fn address(&self, index: usize, packet: &Packet) -> Packet {
        let host = host(index);
        match self.dispatch {
            Dispatch::Source => packet.clone().from(source(packet.family(), host)),
            Dispatch::Destination => packet.clone().to(sink(packet.family(), host)),
        }
    }

    fn rules(&self) -> String {
        let mut chains = String::new();
        let mut jumps = String::new();
        for (index, case) in self.cases.iter().enumerate() {
            let (rule, comment) = (&case.rule, comment(index));
            chains += &format!(
                " chain case{index} {{\n  {rule} counter drop comment \"{comment}\"\n }}\n"
            );
            for family in [Family::Ip, Family::Ip6] {
                if self.table != Family::Inet && self.table != family {
                    continue;
                }
                let (which, address) = match self.dispatch {
                    Dispatch::Source => ("saddr", source(family, host(index))),
                    Dispatch::Destination => ("daddr", sink(family, host(index))),
                };
                let name = family.name();
                jumps += &format!("  {name} {which} {address} jump case{index}\n");
            }
        }
        format!(
            "{}table {} t {{\n{chains} chain base {{\n  type filter hook {} priority filter; \
             policy accept;\n{jumps} }}\n}}\n",
            self.preamble,
            self.table.name(),
            self.hook
        )
    }
}

impl Case {
    /// What the case's rule counts.
    fn expected(&self, address: impl Fn(&Packet) -> Packet) -> Count {
        self.hits
            .iter()
            .fold(Count::default(), |count, packet| Count {
                packets: count.packets + 1,
                bytes: count.bytes + address(packet).len(),
            })
    }
}

fn comment(index: usize) -> String {
    format!("case {index}")
}

fn host(index: usize) -> u16 {
    // Addresses of one byte: IPv4's last, and in IPv6 the same.
    FIRST_HOST + u16::try_from(index).unwrap_or(u16::MAX)
}
