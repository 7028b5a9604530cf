// SPDX-License-Identifier: GPL-2.0
//! Rules of iptables as part of a saved ruleset, and its translation by `userctl import`.

use ferrule_uapi::hook::{Family, Hook};
use userctl::import;
use userctl::source::SourceMap;

use crate::trial::quietly;

/// A chain that the kernel's iptables has by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BaseChain {
    table: &'static str,
    name: &'static str,
    /// Where it is hooked in.
    pub(crate) hook: Hook,
    priority: i32,
}

const fn base(table: &'static str, name: &'static str, hook: Hook, priority: i32) -> BaseChain {
    BaseChain {
        table,
        name,
        hook,
        priority,
    }
}

/// All of them, NAT aside.
const BASE_CHAINS: &[BaseChain] = &[
    base("filter", "INPUT", Hook::LocalIn, 0),
    base("filter", "FORWARD", Hook::Forward, 0),
    base("filter", "OUTPUT", Hook::LocalOut, 0),
    base("mangle", "PREROUTING", Hook::PreRouting, -150),
    base("mangle", "INPUT", Hook::LocalIn, -150),
    base("mangle", "FORWARD", Hook::Forward, -150),
    base("mangle", "OUTPUT", Hook::LocalOut, -150),
    base("mangle", "POSTROUTING", Hook::PostRouting, -150),
    base("raw", "PREROUTING", Hook::PreRouting, -300),
    base("raw", "OUTPUT", Hook::LocalOut, -300),
    base("security", "INPUT", Hook::LocalIn, 50),
    base("security", "FORWARD", Hook::Forward, 50),
    base("security", "OUTPUT", Hook::LocalOut, 50),
];

/// The chain of this name in this table.
pub(crate) fn base_chain(table: &str, name: &str) -> Option<BaseChain> {
    let mut chains = BASE_CHAINS.iter();
    let found = chains.find(|chain| chain.table == table && chain.name == name);
    found.copied()
}

impl BaseChain {
    /// As nft defines it.
    pub(crate) fn definition(&self) -> String {
        let (hook, priority) = (self.hook.name(), self.priority);
        format!("{{ type filter hook {hook} priority {priority}; }}")
    }
}

/// A saved ruleset of one table, with these chains beside the kernel's and these rules.
pub(crate) fn saved(table: &str, chains: &[&str], rules: &[&str]) -> String {
    let mut text = format!("*{table}\n");
    for chain in BASE_CHAINS.iter().filter(|chain| chain.table == table) {
        text += &format!(":{} ACCEPT [0:0]\n", chain.name);
    }
    for chain in chains {
        text += &format!(":{chain} - [0:0]\n");
    }
    for rule in rules {
        text += &format!("{rule}\n");
    }
    text + "COMMIT\n"
}

/// What `userctl import` makes of a saved ruleset.
///
/// # Errors
///
/// Why it leaves something out: the first reason.
pub(crate) fn translate(saved: &str, family: Family) -> Result<String, String> {
    let family = match family {
        Family::Ip6 => import::Family::Ip6,
        _ => import::Family::Ip,
    };
    let mut sources = SourceMap::new();
    let file = sources.add("saved", saved).map_err(|e| e.to_string())?;
    let imported = quietly(|| import::import(&sources, file, family));
    let imported = imported.map_err(|panic| format!("userctl import panics: {panic}"))?;
    match imported.left_out.first() {
        None => Ok(imported.text),
        Some(refusal) => Err(refusal.message.clone()),
    }
}
