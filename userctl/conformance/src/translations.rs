// SPDX-License-Identifier: GPL-2.0
//! iptables' own translations (`extensions/*.txlate`): a command of iptables, and below it the commands
//! of nft that mean the same.
//!
//! Both sides are compiled, ours through `userctl import`, and must do the same to generated packets.

use ferrule_uapi::hook::{Family, Hook};
use userctl::simulate::interfaces::Simulated;

use crate::equivalence::{Pair, Proof};
use crate::import;
use crate::listing;
use crate::score::{Expected, Line, Outcome, Score};
use crate::trial::{self, Trial};

/// Why translations of types of service by name are wrong.
const KEEPS_PRECEDENCE: &str =
    "a name of a type of service leaves the two highest bits (mask 0x3f), the translation sets them";

/// Translations that do not mean the same, or that nft itself refuses: in which commands, and why.
const WRONG: &[(&str, &str)] = &[
    (
        "--hbh-len",
        "iptables counts bytes, the translation units of eight bytes",
    ),
    (
        "--ahres",
        "iptables asks whether the reserved field is zero, the translation whether it is one",
    ),
    ("--set-tos Minimize-", KEEPS_PRECEDENCE),
    ("--set-tos Normal-Service", KEEPS_PRECEDENCE),
    ("--ahspi 0:4294967295", NO_FRAGMENTS),
    (
        "ip6tables-translate -A INPUT -p 50 -m esp --espspi 0:4294967295",
        NO_EXTHDR,
    ),
    ("--espspi 0:4294967295", NO_FRAGMENTS),
    ("-p sctp -m sctp -j DROP", NO_FRAGMENTS),
    (
        "! --src-group 0x2 --dst-group 0xc/0xc",
        "iptables negates one test, the translation both",
    ),
    ("--chunk-types only SHUTDOWN_COMPLETE", NO_CHUNK),
    (
        "! --helper",
        "iptables also means packets without a helper, the translation does not",
    ),
];

/// Commands that iptables itself does not take (its translator only does not ask the kernel), and we refuse
/// as well: in which commands, and what iptables says.
const NOT_IPTABLES: &[(&str, &str)] = &[
    ("-A INPUT -m icmp6 ", NEEDS_PROTOCOL),
    ("-A INPUT -m sctp ", NEEDS_PROTOCOL),
    ("-A INPUT -m tcpmss ", NEEDS_PROTOCOL),
    ("-A INPUT -m ecn --ecn-tcp-", NEEDS_PROTOCOL),
    ("-A INPUT -m ecn ! --ecn-tcp-", NEEDS_PROTOCOL),
    (
        "--limit-burst 0",
        "iptables refuses it, too: \"Numerical result out of range\"",
    ),
];

const NEEDS_PROTOCOL: &str =
    "iptables refuses it, too: the kernel's match is only for its protocol, which needs -p";

const NO_FRAGMENTS: &str = "iptables matches no later fragments, the translation does";

const NO_EXTHDR: &str = "the translation is refused by nft, too: it has no `exthdr esp`";

const NO_CHUNK: &str = "the translation is refused by nft, too: it has no `sctp chunk i-data`";

/// Why a translation that is none of the wrong ones is not right either.
const UNDECIDED: &str = "both load, and no generated packet shows whether they mean the same";

/// A command of iptables and its translation.
struct Case<'a> {
    /// Number of its line.
    number: usize,
    command: &'a str,
    /// What it is translated to.
    nft: Vec<&'a str>,
}

/// Scores a file.
pub fn score(file: String, text: &str) -> Score {
    let lines = cases(text).into_iter().map(|case| Line {
        number: case.number,
        text: case.command.to_owned(),
        expected: Expected::Accepted,
        outcome: judge(&case),
    });
    Score {
        lines: lines.collect(),
        file,
    }
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let command = line.split(' ').next().unwrap_or_default();
        if command.ends_with("-translate") {
            cases.push(Case {
                number,
                command: line,
                nft: Vec::new(),
            });
        } else if let Some(nft) = line.strip_prefix("nft ") {
            if let Some(case) = cases.last_mut() {
                case.nft.push(nft.trim().trim_matches('\''));
            }
        }
    }
    cases
}

/// A command's parts: `iptables-translate -t mangle -A PREROUTING …`.
struct Command<'a> {
    family: Family,
    table: &'a str,
    chain: &'a str,
    rule: &'a str,
}

/// The parts of a command; why it is not tried, if it is not.
fn parse(command: &str) -> Result<Command<'_>, Outcome> {
    let skipped = |why| Err(Outcome::Skipped(why));
    let (tool, rest) = command.split_once(' ').unwrap_or((command, ""));
    let family = match tool {
        "iptables-translate" => Family::Ip,
        "ip6tables-translate" => Family::Ip6,
        _ => return skipped("only for other families"),
    };
    let (table, rest) = match rest.strip_prefix("-t ").and_then(|r| r.split_once(' ')) {
        Some((table, rest)) => (table, rest),
        None => ("filter", rest),
    };
    if table == "nat" {
        return Err(Outcome::Apart("NAT"));
    }
    let rule = rest
        .strip_prefix("-A ")
        .or_else(|| rest.strip_prefix("-I "));
    let Some(rule) = rule else {
        return skipped("not about a rule");
    };
    let (chain, rule) = rule.split_once(' ').unwrap_or((rule, ""));
    Ok(Command {
        family,
        table,
        chain,
        rule,
    })
}

fn judge(case: &Case<'_>) -> Outcome {
    if let Some((_, why)) = WRONG.iter().find(|(part, _)| case.command.contains(part)) {
        return Outcome::Apart(why);
    }
    let command = match parse(case.command) {
        Ok(command) => command,
        Err(outcome) => return outcome,
    };
    let Some(base) = import::base_chain(command.table, command.chain) else {
        return Outcome::Skipped("in no chain of the kernel's");
    };
    let chains: Vec<_> = case.nft.iter().filter_map(|nft| leads_to(nft)).collect();
    let theirs = theirs(&command, &base.definition(), &chains, &case.nft);
    let rule = format!("-A {} {}", command.chain, command.rule);
    let translate = |table| {
        let saved = import::saved(table, &chains, &[&rule]);
        import::translate(&saved, command.family)
    };
    let ours =
        translate(command.table).or_else(|why| match why.contains("only for table mangle") {
            // The translator does not mind the table, the kernel does.
            true => translate("mangle"),
            false => Err(why),
        });
    match ours {
        Ok(ours) => compare(&command, base.hook, &theirs, &ours),
        Err(why) => match NOT_IPTABLES
            .iter()
            .find(|(part, _)| case.command.contains(part))
        {
            Some((_, why)) => Outcome::Apart(why),
            None => Outcome::Unsupported(why),
        },
    }
}

/// The chain that a command of nft jumps to.
fn leads_to(nft: &str) -> Option<&str> {
    let words: Vec<_> = nft.split(' ').collect();
    let at = words.iter().position(|w| ["jump", "goto"].contains(w))?;
    words.get(at + 1).copied()
}

/// Their side as a script.
fn theirs(command: &Command<'_>, base: &str, chains: &[&str], nft: &[&str]) -> String {
    let table = format!("{} {}", command.family.name(), command.table);
    let mut script = format!(
        "add table {table}\nadd chain {table} {} {base}\n",
        command.chain
    );
    for chain in chains {
        script += &format!("add chain {table} {chain}\n");
    }
    for command in nft {
        script += &format!("{command}\n");
    }
    script
}

fn compare(command: &Command<'_>, hook: Hook, theirs: &str, ours: &str) -> Outcome {
    let machine = Simulated::default();
    let their_program = match trial::compiled(theirs, &machine) {
        Ok(program) => program,
        Err(Trial::Refused(refusal)) if refusal.unsupported => {
            return Outcome::Unsupported(format!("iptables' translation: {}", refusal.message))
        }
        Err(trial) => return Outcome::Wrong(format!("iptables' translation: {}", trial.reason())),
    };
    let our_program = match trial::compiled(ours, &machine) {
        Ok(program) => program,
        Err(Trial::Refused(refusal)) if refusal.unsupported => {
            return Outcome::Unsupported(refusal.message)
        }
        Err(trial) => return Outcome::Wrong(format!("our translation: {}", trial.reason())),
    };
    let pair = Pair {
        one: &our_program,
        other: &their_program,
        machine: &machine,
        hook,
        family: command.family,
    };
    match pair.compare(&[command.rule, theirs]) {
        Ok(Proof::Packets) => Outcome::Right,
        // Rules that match nothing, or hardly anything, must be the same in writing.
        Ok(Proof::None) if written_alike(command.chain, theirs, ours) => Outcome::Right,
        Ok(Proof::None) => Outcome::Unsupported(UNDECIDED.to_owned()),
        Err(why) => Outcome::Wrong(why),
    }
}

/// Whether both have the same rules in this chain, as userctl lists them.
fn written_alike(chain: &str, one: &str, other: &str) -> bool {
    let rules = |script| match trial::run(script) {
        Trial::Accepted(listings) => listings
            .forms
            .first()
            .map(|l| listing::rule_in(l, "", chain)),
        _ => None,
    };
    let (one, other) = (rules(one), rules(other));
    one.is_some() && one == other
}
