// SPDX-License-Identifier: GPL-2.0
//! The ruleset as JSON, in the schema of libnftables (`nft -j`; `libnftables-json(5)`).
//!
//! ```text
//! Ruleset ─► listing ─► lang ─► syntax of each rule ─► JSON expressions
//!     └────────────────────────────────────────────► tables, chains, handles
//! ```
//!
//! libnftables' schema mirrors the listing, not what is matched: `{"&": […]}` stands where the listing
//! has `&`, `"echo-request"` where it prints that name, a prefix where it prints a prefix. So the rules
//! are taken from the listing's own syntax tree, and JSON and text cannot disagree on what a rule is
//! called by.

mod declaration;
mod expression;
mod read;
mod statement;

pub use read::parse;

use serde_json::{json, Map, Value};

use crate::diagnostic::Diagnostics;
use crate::lang::syntax::{self, Object};
use crate::lang::{self, Entry, Script};
use crate::listing::{self, Options};
use crate::ruleset::{Chain, Ruleset, Table};
use crate::source::SourceMap;

/// Version of the schema (libnftables' `JSON_SCHEMA_VERSION`).
const SCHEMA_VERSION: u32 = 1;

/// Lists the ruleset. Handles are always there, as with nft.
///
/// # Errors
///
/// The listing does not parse: a bug, which is better shown than hidden.
pub fn to_json(ruleset: &Ruleset, options: &Options<'_>) -> Result<Value, Diagnostics> {
    let options = Options {
        handles: false,
        json: true,
        ..*options
    };
    let text = listing::to_text(ruleset, &options);
    let entry = Entry::Text {
        name: "listing",
        text: &text,
    };
    let script = lang::parse(&mut SourceMap::new(), entry)?;
    let mut objects = vec![metainfo()];
    for (table, block) in ruleset.tables().iter().zip(blocks(&script)) {
        add_table(table, block, &script, options.stateless, &mut objects);
    }
    Ok(json!({ "nftables": objects }))
}

/// Who made this.
fn metainfo() -> Value {
    json!({ "metainfo": {
        "version": env!("CARGO_PKG_VERSION"),
        "release_name": "Ferrule",
        "json_schema_version": SCHEMA_VERSION,
    }})
}

/// The table blocks of a listing, in order.
fn blocks(script: &Script) -> impl Iterator<Item = &syntax::TableBlock> {
    script
        .commands
        .iter()
        .filter_map(|command| match &command.object {
            Object::Table(_, block) => block.as_ref(),
            _ => None,
        })
}

/// A table, its chains, and then their rules.
fn add_table(
    table: &Table,
    block: &syntax::TableBlock,
    script: &Script,
    stateless: bool,
    objects: &mut Vec<Value>,
) {
    objects.push(table_object(table));
    declaration::add(table, block, &script.names, stateless, objects);
    objects.extend(table.chains.iter().map(|chain| chain_object(table, chain)));
    for (chain, (_, syntax)) in table.chains.iter().zip(&block.chains) {
        for (rule, syntax) in chain.rules.iter().zip(&syntax.rules) {
            let mut object = Map::new();
            object.insert("family".into(), table.family.name().into());
            object.insert("table".into(), (&*table.name).into());
            object.insert("chain".into(), (&*chain.name).into());
            object.insert("handle".into(), rule.handle.into());
            if let Some(comment) = &rule.comment {
                object.insert("comment".into(), (&**comment).into());
            }
            let statements = statement::statements(&script.names, syntax, stateless);
            object.insert("expr".into(), statements);
            objects.push(json!({ "rule": object }));
        }
    }
}

fn table_object(table: &Table) -> Value {
    let mut object = Map::new();
    object.insert("family".into(), table.family.name().into());
    object.insert("name".into(), (&*table.name).into());
    object.insert("handle".into(), table.handle.into());
    if let Some(comment) = &table.comment {
        object.insert("comment".into(), (&**comment).into());
    }
    if table.dormant {
        object.insert("flags".into(), "dormant".into());
    }
    json!({ "table": object })
}

fn chain_object(table: &Table, chain: &Chain) -> Value {
    let mut object = Map::new();
    object.insert("family".into(), table.family.name().into());
    object.insert("table".into(), (&*table.name).into());
    object.insert("name".into(), (&*chain.name).into());
    object.insert("handle".into(), chain.handle.into());
    if let Some(comment) = &chain.comment {
        object.insert("comment".into(), (&**comment).into());
    }
    if let Some(base) = &chain.base {
        let kind = base.kind.c_name().to_ascii_lowercase();
        object.insert("type".into(), kind.into());
        object.insert("hook".into(), base.hook.name().into());
        object.insert("prio".into(), base.priority.into());
        object.insert("policy".into(), base.policy.name().into());
    }
    json!({ "chain": object })
}
