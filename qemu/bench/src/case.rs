// SPDX-License-Identifier: GPL-2.0

//! A workload of one size: its rules in every form, and its packets; written as the files of a plan.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::packet::{records, Packet};
use crate::plan::{Contestant, Load, Peer, Tool, Traffic, Workload};

/// An IP version, as the rules name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
}

impl Family {
    /// As nft has it.
    pub fn name(self) -> &'static str {
        match self {
            Family::Ip => "ip",
            Family::Ip6 => "ip6",
        }
    }

    /// What loads iptables rules of this family.
    pub(crate) fn iptables(self) -> Tool {
        match self {
            Family::Ip => Tool::Iptables,
            Family::Ip6 => Tool::Ip6tables,
        }
    }

    /// The family as ipset has it.
    pub(crate) fn ipset(self) -> &'static str {
        match self {
            Family::Ip => "inet",
            Family::Ip6 => "inet6",
        }
    }

    /// The type of addresses as nft has it.
    pub(crate) fn address_type(self) -> &'static str {
        match self {
            Family::Ip => "ipv4_addr",
            Family::Ip6 => "ipv6_addr",
        }
    }
}

/// What a peer is given.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) peer: Peer,
    /// The programs and their input.
    pub(crate) loads: Vec<(Tool, String)>,
    /// Changes of elements, while packets are sent.
    pub(crate) updates: Vec<(Tool, String)>,
}

impl Form {
    /// Rules that one program loads.
    pub(crate) fn new(peer: Peer, tool: Tool, text: String) -> Form {
        Form {
            peer,
            loads: vec![(tool, text)],
            updates: Vec::new(),
        }
    }
}

/// Packets of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Packets {
    pub(crate) name: &'static str,
    pub(crate) packets: Vec<Packet>,
    pub(crate) prelude: Vec<Packet>,
}

impl Packets {
    /// Packets without history.
    pub(crate) fn new(name: &'static str, packets: Vec<Packet>) -> Packets {
        Packets {
            name,
            packets: spread(packets),
            prelude: Vec::new(),
        }
    }
}

/// Spreads those that are dropped evenly among the others: a batch should take as long as any other.
fn spread(packets: Vec<Packet>) -> Vec<Packet> {
    let total = packets.len();
    let (dropped, passed): (Vec<_>, Vec<_>) =
        packets.into_iter().partition(|packet| packet.dropped);
    let share = dropped.len();
    let (mut dropped, mut passed) = (dropped.into_iter(), passed.into_iter());
    let mut order = Vec::with_capacity(total);
    for place in 0..total {
        let due = (place + 1) * share / total > place * share / total;
        let next = if due {
            dropped.next().or_else(|| passed.next())
        } else {
            passed.next().or_else(|| dropped.next())
        };
        order.extend(next);
    }
    order
}

/// A workload of one size.
#[derive(Debug)]
pub struct Case {
    pub(crate) name: String,
    pub(crate) rules: u64,
    pub(crate) family: Family,
    pub(crate) forms: Vec<Form>,
    pub(crate) traffic: Vec<Packets>,
    pub(crate) remarks: Vec<String>,
}

impl Case {
    /// A case that has no forms yet but those that every one has.
    pub(crate) fn new(name: &str, rules: u64, family: Family) -> Case {
        Case {
            name: name.to_owned(),
            rules,
            family,
            forms: Vec::new(),
            traffic: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// The same nft file for Ferrule, for nftables and for `nft -o`.
    pub(crate) fn as_written(&mut self, text: &str) {
        for (peer, tool) in [
            (Peer::Ferrule, Tool::Userctl),
            (Peer::Nft, Tool::Nft),
            (Peer::NftOptimised, Tool::NftOptimise),
        ] {
            self.forms.push(Form::new(peer, tool, text.to_owned()));
        }
    }

    /// What the user should know of it.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Writes the files that the guest needs into `directory`, for those peers and traffic that `wanted`
    /// chooses; gives the part of the plan that names them.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn write(
        &self,
        directory: &Path,
        wanted: &dyn Fn(Peer) -> bool,
        traffic: &dyn Fn(&str) -> bool,
    ) -> Result<Workload> {
        let stem = format!("{}-{}-{}", self.name, self.family.name(), self.rules);
        let put = |name: &str, bytes: &[u8]| -> Result<String> {
            let file = format!("{stem}-{name}");
            fs::write(directory.join(&file), bytes).with_context(|| format!("writing {file}"))?;
            Ok(file)
        };
        let mut contestants = Vec::new();
        for peer in [Peer::Baseline, Peer::Empty] {
            // Without the baseline there is nothing to compare with.
            if peer == Peer::Baseline || wanted(peer) {
                contestants.push(Contestant {
                    peer,
                    loads: Vec::new(),
                    updates: Vec::new(),
                });
            }
        }
        for form in self.forms.iter().filter(|form| wanted(form.peer)) {
            let files = |kind: &str, texts: &[(Tool, String)]| -> Result<Vec<Load>> {
                let numbered = texts.iter().enumerate();
                numbered
                    .map(|(number, (tool, text))| {
                        let name = format!("{}-{kind}{number}", form.peer.name());
                        Ok(Load {
                            tool: *tool,
                            file: put(&name, text.as_bytes())?,
                        })
                    })
                    .collect()
            };
            contestants.push(Contestant {
                peer: form.peer,
                loads: files("rules", &form.loads)?,
                updates: files("update", &form.updates)?,
            });
        }
        let mut sent = Vec::new();
        for kind in self.traffic.iter().filter(|kind| traffic(kind.name)) {
            let prelude = match kind.prelude.as_slice() {
                [] => None,
                packets => Some(put(&format!("{}-prelude", kind.name), &records(packets))?),
            };
            sent.push(Traffic {
                name: kind.name.to_owned(),
                frames: put(&format!("{}-frames", kind.name), &records(&kind.packets))?,
                count: kind.packets.len() as u64,
                drops: kind.packets.iter().filter(|packet| packet.dropped).count() as u64,
                prelude,
                prelude_count: kind.prelude.len() as u64,
            });
        }
        Ok(Workload {
            name: self.name.clone(),
            rules: self.rules,
            family: self.family.name().to_owned(),
            contestants,
            traffic: sent,
        })
    }
}
