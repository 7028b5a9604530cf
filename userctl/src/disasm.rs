// SPDX-License-Identifier: GPL-2.0
//! A program as text, one line an instruction.
//!
//! ```text
//! table 0: 22, 8000-8080
//!
//! chain inet t in (hook input, priority 0, policy accept)
//!   rule 3, rules.nft:4: ip saddr 10.0.0.0/8 tcp dport { 22, 8000-8080 } counter drop
//!     0  match   ip saddr & 255.0.0.0 == 10.0.0.0  else 3
//!     1  lookup  tcp dport in table 0              else 3
//!     2  drop    rule 0, counter 0
//!     3  return
//! ```
//!
//! What is printed is what the module would run: it is read from the verified program, not from the
//! ruleset that it was compiled from.

mod classifier;
mod operand;
mod record;

use std::fmt::Write;

use ferrule_engine::View;
use ferrule_uapi::{
    field::Field,
    hook::{Family, Hook, Verdict},
    insn::{Insn, Opcode, FLAG_NEGATE, QUEUE_BYPASS, QUEUE_FANOUT},
    program::{Rule, Table, TableKind, Text},
    statement::RejectKind,
    NONE,
};

use crate::program_text;
use operand::{narrow, narrow_range, wide, wide_range};

/// Prints a verified program.
pub fn disasm(view: &View<'_>) -> String {
    let mut text = String::new();
    for (index, table) in view.tables().iter().enumerate() {
        let line = table_line(view, index as u32, table);
        text.push_str(&format!("table {index}: {line}\n"));
    }
    for (set, index) in view.sets().iter().zip(0..) {
        let line = record::set_line(view, index, set);
        text.push_str(&format!("set {index}: {line}\n"));
    }
    for (index, classifier) in view.classifiers().iter().enumerate() {
        text.push_str(&classifier::describe(view, index, classifier));
    }
    let source = program_text::of(view).unwrap_or_default();
    let texts = program_text::by_handle(&source);
    let mut rules = (0_u32..).zip(view.rules()).peekable();
    for (index, chain) in view.chains().iter().enumerate() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&chain_heading(view, index as u32));
        for pc in chain.first_insn..chain.first_insn.saturating_add(chain.insn_count) {
            while let Some((number, rule)) = rules.next_if(|(_, rule)| rule.first_insn <= pc) {
                let of_rule = texts.get(&rule.handle).copied().unwrap_or_default();
                text.push_str(&rule_heading(view, number, rule, of_rule));
            }
            if let Some(insn) = view.insns().get(pc as usize) {
                let _ = writeln!(text, "  {pc:>5}  {}", instruction(view, insn));
            }
        }
    }
    text
}

/// The values of a table, named as the first lookup that uses it would name them.
fn table_line(view: &View<'_>, index: u32, table: &Table) -> String {
    let is_user = |insn: &&Insn| {
        let lookup = [Opcode::Lookup as u8, Opcode::LookupWide as u8].contains(&insn.opcode);
        lookup && insn.a == index
    };
    let user = view.insns().iter().find(is_user);
    let field = user.and_then(|insn| Field::from_raw(insn.field));
    let run = table.first as usize..table.first.saturating_add(table.count) as usize;
    let values: Vec<String> = if table.kind == TableKind::Ranges32 as u8 {
        let ranges = view.ranges32().get(run).unwrap_or_default();
        ranges
            .iter()
            .map(|range| narrow_range(field, range.lo, range.hi))
            .collect()
    } else {
        let ranges = view.wide_pairs().get(run).unwrap_or_default();
        ranges
            .iter()
            .map(|range| wide_range(field, range.lo, range.hi))
            .collect()
    };
    values.join(", ")
}

/// `chain inet t in (hook input, priority 0, policy accept)`.
fn chain_heading(view: &View<'_>, index: u32) -> String {
    let Some(chain) = view.chains().get(index as usize) else {
        return String::new();
    };
    let family = Family::from_raw(chain.family).map_or("?", Family::name);
    let table = lossy(view, chain.table);
    let name = lossy(view, chain.name);
    let base = view.base_chains().iter().find(|base| base.chain == index);
    let place = base.map_or(String::new(), |base| {
        let hook = Hook::from_raw(base.hook).map_or("?", Hook::name);
        let policy = Verdict::from_raw(base.policy).map_or("?", Verdict::name);
        format!(
            " (hook {hook}, priority {}, policy {policy})",
            base.priority
        )
    });
    format!("chain {family} {table} {name}{place}\n")
}

/// `  rule 3, rules.nft:4: tcp dport 22 drop`.
fn rule_heading(view: &View<'_>, number: u32, rule: &Rule, text: &str) -> String {
    let file = String::from_utf8_lossy(view.file_of(number));
    let place = match (file.is_empty(), rule.line) {
        (true, _) | (_, 0) => String::new(),
        (false, line) => format!(", {file}:{line}"),
    };
    format!("  # handle {}{place}: {text}\n", rule.handle)
}

/// One instruction.
fn instruction(view: &View<'_>, insn: &Insn) -> String {
    let Some(opcode) = Opcode::from_raw(insn.opcode) else {
        return format!("unknown {insn:?}");
    };
    match opcode {
        Opcode::MatchMask
        | Opcode::MatchRange
        | Opcode::MatchWideMask
        | Opcode::MatchWideRange
        | Opcode::Lookup
        | Opcode::LookupWide => {
            let condition = condition(view, opcode, insn);
            format!("match   {condition:<48}  else {}", insn.target)
        }
        Opcode::Count => format!("count   counter {}", insn.a),
        Opcode::SetMark => format!("mark    = mark & {:#010x} ^ {:#010x}", insn.a, insn.b),
        Opcode::Accept => format!("accept  {}", decision(insn)),
        Opcode::Drop => format!("drop    {}", decision(insn)),
        Opcode::Call => format!("call    {}, rule {}", chain_at(view, insn.target), insn.a),
        Opcode::Goto => format!("goto    {}, rule {}", chain_at(view, insn.target), insn.a),
        Opcode::Return if insn.a == NONE => "return".to_owned(),
        Opcode::Return => format!("return  rule {}", insn.a),
        _ => extended(view, opcode, insn),
    }
}

/// One of the instructions that name records, calculate, or hand the packet over.
fn extended(view: &View<'_>, opcode: Opcode, insn: &Insn) -> String {
    let register = record::field(insn.field);
    let [first, second] = insn.flags.to_le_bytes().map(record::field);
    let or_else = |text: String| format!("{text:<56}  else {}", insn.target);
    match opcode {
        Opcode::Load => or_else(format!(
            "load    {register} = {}",
            record::expr(view, insn.a)
        )),
        Opcode::Bitwise => or_else(format!(
            "set     {register} = {first} & {:#x} ^ {:#x}",
            insn.a, insn.b
        )),
        Opcode::BitwiseWide => or_else(match view.wide_pairs().get(insn.a as usize) {
            Some(pair) => {
                let (mask, xor) = (operand::number(pair.lo), operand::number(pair.hi));
                format!("set     {register} = {first} & {mask:#x} ^ {xor:#x}")
            }
            None => format!("set     {register} = {first}"),
        }),
        Opcode::Shift => {
            let way = if insn.b == 0 { "<<" } else { ">>" };
            or_else(format!("set     {register} = {first} {way} {}", insn.a))
        }
        Opcode::Combine => {
            let op = ["&", "|", "^"].get(insn.a as usize).unwrap_or(&"?");
            or_else(format!("set     {register} = {first} {op} {second}"))
        }
        Opcode::LookupSet => {
            let within = match insn.flags & FLAG_NEGATE {
                0 => "in",
                _ => "not in",
            };
            or_else(format!(
                "match   {} {within} {}",
                looked_up(view, insn),
                set_of(view, insn)
            ))
        }
        Opcode::LookupMap => or_else(format!(
            "load    {register} = {} map {}",
            looked_up(view, insn),
            set_of(view, insn)
        )),
        Opcode::LookupVerdict => or_else(format!(
            "follow  {} vmap {}",
            looked_up(view, insn),
            set_of(view, insn)
        )),
        Opcode::Verdict => format!("decided {}", decision(insn)),
        Opcode::Do => or_else(format!("do      {}", record::statement(view, insn.a))),
        Opcode::Reject => {
            let kind = RejectKind::from_raw(insn.field).map_or("?", RejectKind::c_name);
            let kind = kind.to_ascii_lowercase();
            format!("reject  {kind} {}, {}", insn.flags, decision(insn))
        }
        Opcode::Queue => format!("queue   {}, rule {}", queue(insn, &register), insn.a),
        Opcode::Classify => or_else(format!("classify by classifier {}", insn.a)),
        _ => format!("unknown {insn:?}"),
    }
}

/// The key of a lookup in a set.
fn looked_up(view: &View<'_>, insn: &Insn) -> String {
    record::key(view, insn.b)
}

/// The set of a lookup.
fn set_of(view: &View<'_>, insn: &Insn) -> String {
    record::set_name(view, insn.a)
}

/// Which queues.
fn queue(insn: &Insn, register: &str) -> String {
    let (first, total) = (insn.b & 0xffff, insn.b >> 16);
    let mut text = match (insn.field, total) {
        (0, 0 | 1) => first.to_string(),
        (0, total) => format!("{first}-{}", first.saturating_add(total).saturating_sub(1)),
        _ => format!("to {register}"),
    };
    for (flag, name) in [(QUEUE_BYPASS, " bypass"), (QUEUE_FANOUT, " fanout")] {
        if insn.flags & flag != 0 {
            text.push_str(name);
        }
    }
    text
}

/// What a match or a lookup asks.
fn condition(view: &View<'_>, opcode: Opcode, insn: &Insn) -> String {
    let field = Field::from_raw(insn.field);
    let name = operand::field_name(field);
    let negated = insn.flags & FLAG_NEGATE != 0;
    let (is, within) = if negated {
        ("!=", "not in")
    } else {
        ("==", "in")
    };
    let pair = |index: u32| view.wide_pairs().get(index as usize);
    match opcode {
        Opcode::MatchMask if insn.a == u32::MAX => {
            format!("{name} {is} {}", narrow(field, insn.b))
        }
        Opcode::MatchMask => {
            let (mask, value) = (operand::mask(field, insn.a), narrow(field, insn.b));
            format!("{name} & {mask} {is} {value}")
        }
        Opcode::MatchRange => {
            format!("{name} {within} {}", narrow_range(field, insn.a, insn.b))
        }
        Opcode::MatchWideMask => pair(insn.a).map_or(String::new(), |pair| {
            let value = wide(field, pair.hi);
            match operand::is_whole(pair.lo) {
                true => format!("{name} {is} {value}"),
                false => format!("{name} & {} {is} {value}", operand::wide_mask(pair.lo)),
            }
        }),
        Opcode::MatchWideRange => pair(insn.a).map_or(String::new(), |pair| {
            format!("{name} {within} {}", wide_range(field, pair.lo, pair.hi))
        }),
        Opcode::Lookup if insn.b == u32::MAX => format!("{name} {within} table {}", insn.a),
        Opcode::Lookup => {
            let mask = operand::mask(field, insn.b);
            format!("{name} & {mask} {within} table {}", insn.a)
        }
        _ => match pair(insn.b) {
            Some(pair) if !operand::is_whole(pair.lo) => {
                let mask = operand::wide_mask(pair.lo);
                format!("{name} & {mask} {within} table {}", insn.a)
            }
            _ => format!("{name} {within} table {}", insn.a),
        },
    }
}

/// Who decides and what counts it.
fn decision(insn: &Insn) -> String {
    match insn.b {
        NONE => format!("rule {}", insn.a),
        counter => format!("rule {}, counter {counter}", insn.a),
    }
}

/// The name of the chain that begins at `pc`.
fn chain_at(view: &View<'_>, pc: u32) -> String {
    let chain = view.chain_of(pc).and_then(|index| view.chains().get(index));
    chain.map_or_else(
        || format!("{pc}"),
        |chain| format!("{} at {pc}", lossy(view, chain.name)),
    )
}

/// A name, whatever bytes it is made of.
fn lossy(view: &View<'_>, text: Text) -> String {
    String::from_utf8_lossy(view.string(text)).into_owned()
}
