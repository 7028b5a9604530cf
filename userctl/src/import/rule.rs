// SPDX-License-Identifier: GPL-2.0
//! One rule on its way: what its matches test in their order, then the counter, then what its target
//! does.
//!
//! The order of tests is kept, as it matters where some have state: a packet uses up a `limit` only
//! if it passed what stands before. `-p` is left out where a test behind it implies it
//! (`tcp dport 22`), unless a test with state stands between.

use super::arguments::{Arguments, Given, Target, Use};
use super::family::Family;
use super::objects::Objects;
use super::protocol;
use super::refusal::{Refusal, Result};
use super::save::Counted;
use super::shared::Shared;
use super::values::{not, Network};
use super::words::Word;
use crate::source::Span;

/// A test.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// It has no state.
    Pure(String),
    /// The test of `-p`.
    Protocol(String),
    /// It has no state, and nft tests the protocol of `-p` before it by itself.
    Transport(String),
    /// It has state, or changes some.
    Stateful(String),
    /// A chain decides: these rules, each of which `goto`s the rest of the rule if it holds.
    Decide(Vec<String>),
    /// A rule that stands before the rest of this one, in a chain of their own.
    Call(String),
}

/// A test that no packet passes, as iptables-translate writes it: no interface has such a name.
const NEVER: &str = "iifname \"INVAL/D\"";

/// A rule that is being translated.
#[derive(Debug)]
pub(super) struct Rule<'a> {
    /// The save's family.
    pub(super) family: Family,
    /// iptables' table.
    pub(super) table: &'a str,
    /// iptables' chain.
    pub(super) chain: &'a str,
    /// The whole line.
    pub(super) span: Span,
    /// The rule, its words sorted.
    pub(super) arguments: &'a Arguments,
    /// What the table has beside rules.
    pub(super) objects: &'a mut Objects,
    /// What rules of the whole save share by name.
    pub(super) shared: &'a Shared,
    pieces: Vec<Piece>,
    actions: Vec<String>,
    comment: Option<String>,
    /// The test of `-p`, if a part of the rule is to repeat it.
    repeated: Option<String>,
}

/// A rule in nft's words.
#[derive(Debug)]
pub(super) struct Written {
    /// Comment lines that stand before it.
    pub(super) notes: Vec<String>,
    /// The rule.
    pub(super) text: String,
}

/// What surrounds a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The save's family.
    pub(super) family: Family,
    /// iptables' table.
    pub(super) table: &'a str,
    /// iptables' chain.
    pub(super) chain: &'a str,
    /// The whole line.
    pub(super) span: Span,
    /// What rules of the whole save share by name.
    pub(super) shared: &'a Shared,
}

/// Translates a rule. `chain_name` gives what a user's chain is called in nft.
pub(super) fn translate(
    arguments: &Arguments,
    counted: Option<Counted>,
    place: Place<'_>,
    objects: &mut Objects,
    chain_name: &dyn Fn(&str) -> Option<String>,
) -> Result<Written> {
    let mut rule = Rule {
        family: place.family,
        table: place.table,
        chain: place.chain,
        span: place.span,
        shared: place.shared,
        arguments,
        objects,
        pieces: Vec::new(),
        actions: Vec::new(),
        comment: None,
        repeated: None,
    };
    rule.core()?;
    for matching in &arguments.matches {
        rule.extension(matching)?;
    }
    let name_of = |word: &Word| {
        chain_name(&word.text).ok_or_else(|| {
            let message = format!("no chain `{}` in this table", word.text);
            Refusal::new(word.span, message).hint("a chain needs a line `:NAME - [0:0]`")
        })
    };
    match &arguments.target {
        Target::None => {}
        Target::Jump(chain) => rule.act(format!("jump {}", name_of(chain)?)),
        Target::Goto(chain) => {
            rule.not_in_parts("goto")?;
            rule.act(format!("goto {}", name_of(chain)?));
        }
        Target::Extension(target) => rule.extension(target)?,
    }
    rule.finish(counted.or(arguments.counted))
}

impl Rule<'_> {
    /// Adds a test without state.
    pub(super) fn test(&mut self, text: impl Into<String>) {
        self.pieces.push(Piece::Pure(text.into()));
    }

    /// Adds a test without state on a header of the protocol that `-p` names.
    pub(super) fn transport(&mut self, text: impl Into<String>) {
        self.pieces.push(Piece::Transport(text.into()));
    }

    /// Adds a test that has state, or a statement among the tests.
    pub(super) fn stateful(&mut self, text: impl Into<String>) {
        self.pieces.push(Piece::Stateful(text.into()));
    }

    /// The rest of the rule holds only where one of these rules does, each of which lacks the verdict.
    pub(super) fn decide(&mut self, rules: Vec<String>) -> Result<()> {
        self.pieces.push(Piece::Decide(rules));
        self.not_in_parts("RETURN")
    }

    /// Calls a chain, and goes on.
    pub(super) fn call(&mut self, chain: &str) -> Result<()> {
        self.pieces.push(Piece::Call(format!("jump {chain}")));
        self.not_in_parts("RETURN")
    }

    /// The rest of the rule holds where a test does not. To nft's `!=` what is not there is not
    /// different either; iptables' negation means it, too.
    pub(super) fn unless(&mut self, test: &str) -> Result<()> {
        self.pieces.push(Piece::Call(format!("{test} return")));
        self.not_in_parts("RETURN")
    }

    /// What follows is understood only where the protocol of `-p` was tested: so is a part of the rule
    /// that is in a chain of its own.
    pub(super) fn repeat_protocol(&mut self) {
        let mut pieces = self.pieces.iter();
        self.repeated = pieces.find_map(|piece| match piece {
            Piece::Protocol(text) => Some(text.clone()),
            _ => None,
        });
    }

    /// No packet passes.
    pub(super) fn never(&mut self) {
        self.test(NEVER);
    }

    /// Adds what the target does.
    pub(super) fn act(&mut self, text: impl Into<String>) {
        self.actions.push(text.into());
    }

    /// Sets the comment.
    pub(super) fn comment(&mut self, text: &str) {
        self.comment = Some(text.to_owned());
    }

    /// The header's name, to put before a field.
    pub(super) fn ip(&self) -> &'static str {
        self.family.name()
    }

    /// Whether `-p` names one of these.
    pub(super) fn has_protocol(&self, numbers: &[u8]) -> bool {
        let protocol = self.arguments.protocol;
        protocol.is_some_and(|protocol| protocol.is_one_of(numbers))
    }

    /// A rule that takes several chains cannot leave the chain it is in.
    fn not_in_parts(&self, what: &str) -> Result<()> {
        let parted = self
            .pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Decide(_) | Piece::Call(_)));
        let returns = match &self.arguments.target {
            Target::Extension(target) => target.extension.name == "RETURN",
            Target::Goto(_) => true,
            _ => false,
        };
        match parted && returns {
            false => Ok(()),
            true => {
                let message = format!("a rule with this match cannot end in {what}");
                Err(Refusal::new(self.span, message).hint(
                    "in nft the match takes a chain of its own: jump to a chain that decides instead",
                ))
            }
        }
    }

    fn extension(&mut self, used: &Use) -> Result<()> {
        let extension = used.extension;
        if !extension.tables.is_empty() && !extension.tables.contains(&self.table) {
            let tables = extension.tables.join(" or ");
            let message = format!("`{}` is only for table {tables}", extension.name);
            return Err(Refusal::new(used.span, message));
        }
        if !extension.protocols.is_empty() && !self.has_protocol(extension.protocols) {
            let names: Vec<_> = extension
                .protocols
                .iter()
                .map(|p| protocol::name(*p))
                .collect();
            let message = format!("`{}` needs -p {}", extension.name, names.join(" or "));
            return Err(Refusal::new(used.span, message));
        }
        (extension.translate)(used, self)
    }

    fn core(&mut self) -> Result<()> {
        let arguments = self.arguments;
        let core = &arguments.core;
        for (option, field, chains) in [
            ("in-interface", "iifname", ["OUTPUT", "POSTROUTING"]),
            ("out-interface", "oifname", ["INPUT", "PREROUTING"]),
        ] {
            if let Some(given) = core.get(option) {
                if chains.contains(&self.chain) {
                    let message = format!("--{option} says nothing in chain {}", self.chain);
                    return Err(Refusal::new(given.span, message));
                }
                self.interface(given, field)?;
            }
        }
        if let Some(given) = core.get("fragment") {
            if self.family == Family::Ip6 {
                return Err(Refusal::new(
                    given.span,
                    "IPv6 has fragments in a header of their own",
                )
                .hint("use -m frag"));
            }
            let operator = match given.negated {
                true => "==",
                false => "!=",
            };
            self.test(format!("ip frag-off & 0x1fff {operator} 0"));
        }
        if let Some(protocol) = arguments.protocol {
            let field = self.family.protocol_field();
            let name = protocol::name(protocol.number);
            let text = format!("{field} {}{name}", not(protocol.negated));
            self.pieces.push(Piece::Protocol(text));
        }
        for (option, side) in [("source", "saddr"), ("destination", "daddr")] {
            if let Some(given) = core.get(option) {
                self.addresses(given, side)?;
            }
        }
        Ok(())
    }

    fn addresses(&mut self, given: &Given, side: &str) -> Result<()> {
        let field = format!("{} {side}", self.ip());
        let word = given.word();
        let networks = word
            .text
            .split(',')
            .map(|part| {
                let part = Word {
                    text: part.to_owned(),
                    span: word.span,
                };
                Network::read(&part, self.family)
            })
            .collect::<Result<Vec<_>>>()?;
        if let [network] = networks.as_slice() {
            if let Some(test) = network.test(&field, given.negated) {
                self.test(test);
            }
            return Ok(());
        }
        let texts: Option<Vec<_>> = networks.iter().map(|network| network.text()).collect();
        match texts {
            Some(texts) if !given.negated => {
                self.test(format!("{field} {{ {} }}", texts.join(", ")));
                Ok(())
            }
            _ => Err(Refusal::new(
                given.span,
                "a list of addresses is neither negated nor masked",
            )
            .hint("write a rule for each")),
        }
    }

    fn interface(&mut self, given: &Given, field: &str) -> Result<()> {
        let name = given.text();
        if name.len() > 15 || name.is_empty() || name.contains(['"', '/']) {
            let message = format!("`{name}` is no name of an interface");
            return Err(Refusal::new(given.span, message).hint("at most 15 letters"));
        }
        let pattern = match name.strip_suffix('+') {
            Some("") if given.negated => {
                self.never();
                return Ok(());
            }
            Some("") => return Ok(()),
            Some(stem) => format!("{stem}*"),
            // An asterisk at the end is a pattern only to nft.
            None => match name.strip_suffix('*') {
                Some(stem) => format!("{stem}\\*"),
                None => name.to_owned(),
            },
        };
        self.test(format!("{field} {}\"{pattern}\"", not(given.negated)));
        Ok(())
    }

    /// Leaves `-p` out where something else implies it.
    fn drop_implied_protocol(&mut self) {
        let Some(at) = self
            .pieces
            .iter()
            .position(|p| matches!(p, Piece::Protocol(_)))
        else {
            return;
        };
        let mut behind = self.pieces[at + 1..].iter();
        let decisive = behind.find(|piece| !matches!(piece, Piece::Pure(_)));
        if matches!(decisive, Some(Piece::Transport(_))) {
            self.pieces.remove(at);
        }
    }

    fn finish(mut self, counted: Option<Counted>) -> Result<Written> {
        self.drop_implied_protocol();
        let mut end = vec![match counted {
            None
            | Some(Counted {
                packets: 0,
                bytes: 0,
            }) => "counter".to_owned(),
            Some(Counted { packets, bytes }) => format!("counter packets {packets} bytes {bytes}"),
        }];
        end.append(&mut self.actions);
        let mut notes = Vec::new();
        if let Some(comment) = self.comment.take() {
            match quotable(&comment) {
                true => end.push(format!("comment \"{comment}\"")),
                // nft's strings have no escapes, and its comments end after 127 bytes.
                false => notes.extend(comment.lines().map(str::to_owned)),
            }
        }
        let text = self.assemble(0, &end);
        Ok(Written { notes, text })
    }

    /// Writes the tests from `from` on, and the end.
    fn assemble(&mut self, from: usize, end: &[String]) -> String {
        let mut words = Vec::new();
        if from > 0 {
            words.extend(self.repeated.clone());
        }
        for at in from..self.pieces.len() {
            let chain = match self.pieces[at].clone() {
                Piece::Pure(text)
                | Piece::Protocol(text)
                | Piece::Transport(text)
                | Piece::Stateful(text) => {
                    words.push(text);
                    continue;
                }
                Piece::Call(call) => {
                    let rest = self.assemble(at + 1, end);
                    let stem = format!("{}-part", self.own_chain_stem());
                    self.objects.fresh_chain(&stem, vec![call, rest])
                }
                Piece::Decide(rules) => {
                    let rest = self.assemble(at + 1, end);
                    let stem = self.own_chain_stem();
                    let rest = self
                        .objects
                        .fresh_chain(&format!("{stem}-then"), vec![rest]);
                    let rules = rules.iter().map(|rule| format!("{rule} goto {rest}"));
                    let rules = rules.collect();
                    self.objects.fresh_chain(&format!("{stem}-if"), rules)
                }
            };
            words.push(format!("jump {chain}"));
            return words.join(" ");
        }
        words.extend_from_slice(end);
        words.join(" ")
    }

    fn own_chain_stem(&self) -> String {
        super::chains::name_for(self.chain, &|_| false)
    }
}

/// Whether nft takes a text as a string.
pub(super) fn quotable(text: &str) -> bool {
    text.len() <= 127 && !text.contains(['"', '\n', '\r'])
}
