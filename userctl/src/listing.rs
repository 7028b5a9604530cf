// SPDX-License-Identifier: GPL-2.0
//! The ruleset as text, as nft lists it.
//!
//! What is listed can be read again and gives the same ruleset; listing that gives the same text.
//! With [`Options::handles`] and numbers for interfaces, it is what a program keeps as its source.

mod matches;

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;

use ferrule_uapi::hook::Verdict as Policy;

use crate::ruleset::{
    Base, Chain, Counts, Environment, Rule, Ruleset, SetMark, Statement, Table, Verdict, PRIORITIES,
};

/// Values of counters by identity (see [`crate::compile`]).
pub type CounterValues = HashMap<u64, Counts>;

/// What to print.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// `# handle N` behind everything that has one (nft's `-a`).
    pub handles: bool,
    /// Leave out the values of counters (nft's `-s`).
    pub stateless: bool,
    /// Numbers instead of the names of priorities, protocols, types (nft's `-n`).
    pub numeric: bool,
    /// Live values of counters, instead of those that they began with.
    pub counters: Option<&'a CounterValues>,
    /// Gives interfaces their names in `iif` and `oif`; numbers without it.
    pub environment: Option<&'a dyn Environment>,
}

/// Lists the ruleset.
pub fn to_text(ruleset: &Ruleset, options: &Options<'_>) -> String {
    with_places(ruleset, options).0
}

/// Lists the ruleset, and says where in the text each rule is, in the order of the listing.
pub(crate) fn with_places(
    ruleset: &Ruleset,
    options: &Options<'_>,
) -> (String, Vec<(u64, Range<usize>)>) {
    let mut lister = Lister {
        options,
        out: String::new(),
        places: Vec::new(),
    };
    for table in ruleset.tables() {
        lister.table(table);
    }
    (lister.out, lister.places)
}

/// Lists one rule, without its handle.
pub fn rule_to_text(rule: &Rule, options: &Options<'_>) -> String {
    let mut lister = Lister {
        options,
        out: String::new(),
        places: Vec::new(),
    };
    lister.statements(rule);
    lister.out
}

struct Lister<'a> {
    options: &'a Options<'a>,
    out: String,
    places: Vec<(u64, Range<usize>)>,
}

impl Lister<'_> {
    fn handle(&mut self, handle: u64) {
        if self.options.handles {
            let _ = write!(self.out, " # handle {handle}");
        }
        self.out.push('\n');
    }

    fn table(&mut self, table: &Table) {
        let _ = write!(self.out, "table {} {} {{", table.family.name(), table.name);
        self.handle(table.handle);
        if let Some(comment) = &table.comment {
            let _ = writeln!(self.out, "\tcomment \"{comment}\"");
        }
        for (index, chain) in table.chains.iter().enumerate() {
            if index > 0 {
                self.out.push('\n');
            }
            self.chain(chain);
        }
        self.out.push_str("}\n");
    }

    fn chain(&mut self, chain: &Chain) {
        let _ = write!(self.out, "\tchain {} {{", chain.name);
        self.handle(chain.handle);
        if let Some(comment) = &chain.comment {
            let _ = writeln!(self.out, "\t\tcomment \"{comment}\"");
        }
        if let Some(base) = &chain.base {
            let hook = base.hook.name();
            let _ = write!(self.out, "\t\ttype filter hook {hook} priority ");
            self.priority(base);
            let policy = if base.policy == Policy::Drop {
                "drop"
            } else {
                "accept"
            };
            let _ = writeln!(self.out, "; policy {policy};");
        }
        for rule in &chain.rules {
            self.out.push_str("\t\t");
            let start = self.out.len();
            self.statements(rule);
            self.places.push((rule.handle, start..self.out.len()));
            self.handle(rule.handle);
        }
        self.out.push_str("\t}\n");
    }

    /// A name if there is one within ten, as nft does.
    fn priority(&mut self, base: &Base) {
        let priority = base.priority;
        let near = PRIORITIES.iter().find(|(_, at, hooks)| {
            hooks.is_none_or(|hooks| hooks.contains(&base.hook))
                && (priority.wrapping_sub(*at)).unsigned_abs() <= 10
        });
        let _ = match near {
            Some((name, at, _)) if !self.options.numeric => match priority - at {
                0 => write!(self.out, "{name}"),
                more @ 1.. => write!(self.out, "{name} + {more}"),
                less => write!(self.out, "{name} - {}", -less),
            },
            _ => write!(self.out, "{priority}"),
        };
    }

    fn statements(&mut self, rule: &Rule) {
        let mut counters = 0;
        for (index, statement) in rule.statements.iter().enumerate() {
            if index > 0 {
                self.out.push(' ');
            }
            match statement {
                Statement::Match(matched) => matches::write(matched, self.options, &mut self.out),
                Statement::Counter(initial) => {
                    self.counter(rule.counter_identity(counters), *initial);
                    counters += 1;
                }
                Statement::SetMark(set) => self.set_mark(*set),
                Statement::Verdict(verdict) => self.verdict(verdict),
            }
        }
        if let Some(comment) = &rule.comment {
            let between = if rule.statements.is_empty() { "" } else { " " };
            let _ = write!(self.out, "{between}comment \"{comment}\"");
        }
    }

    fn counter(&mut self, identity: u64, initial: Counts) {
        self.out.push_str("counter");
        if self.options.stateless {
            return;
        }
        let live = self
            .options
            .counters
            .and_then(|values| values.get(&identity));
        let counts = live.copied().unwrap_or(initial);
        let _ = write!(
            self.out,
            " packets {} bytes {}",
            counts.packets, counts.bytes
        );
    }

    fn set_mark(&mut self, set: SetMark) {
        let SetMark { and, xor } = set;
        if and == 0 {
            let _ = write!(self.out, "meta mark set 0x{xor:08x}");
            return;
        }
        // Bits that become 1 whatever they were are listed as or-ed in, the others as flipped.
        let (or, flip) = (xor & !and, xor & and);
        let and = and | or;
        self.out.push_str("meta mark set meta mark");
        for (operator, value, shown) in [
            ("&", and, and != u32::MAX),
            ("^", flip, flip != 0),
            ("|", or, or != 0),
        ] {
            if shown {
                let _ = write!(self.out, " {operator} 0x{value:08x}");
            }
        }
    }

    fn verdict(&mut self, verdict: &Verdict) {
        let _ = match verdict {
            Verdict::Accept => write!(self.out, "accept"),
            Verdict::Drop => write!(self.out, "drop"),
            Verdict::Continue => write!(self.out, "continue"),
            Verdict::Return => write!(self.out, "return"),
            Verdict::Jump(chain) => write!(self.out, "jump {chain}"),
            Verdict::Goto(chain) => write!(self.out, "goto {chain}"),
        };
    }
}
