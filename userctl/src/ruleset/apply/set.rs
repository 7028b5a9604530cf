// SPDX-License-Identifier: GPL-2.0
//! Commands on sets, maps and their elements.

use super::{refuse, Applier, Checked};
use crate::lang::syntax::{self, ExprKind, Ident, SetBlock, SetPath, TypeSpec, Verb};
use crate::ruleset::datatype::Datatype;
use crate::ruleset::elements::{disjoint, Shape};
use crate::ruleset::error::{self, CheckError, CheckErrorKind};
use crate::ruleset::expr::Expr;
use crate::ruleset::expression::Checker;
use crate::ruleset::matching::unsupported;
use crate::ruleset::refs::{self, Use};
use crate::ruleset::rule::comment;
use crate::ruleset::set::{Change, Data, Element, Part, Set};
use crate::ruleset::statements::OBJECTS;
use crate::source::Span;

/// Bytes of the largest data that a map gives.
const MAX_DATA_BITS: u32 = 128;

impl Applier<'_> {
    /// `add set`, `create map`, …
    pub(super) fn set_command(
        &mut self,
        path: &SetPath,
        block: Option<&SetBlock>,
        verb: Verb,
    ) -> Checked<()> {
        let table = self.table(&path.table)?;
        match block {
            Some(block) => self.add_set(table, &path.name, block, verb),
            None => refuse(CheckErrorKind::NoKeyType, path.name.span),
        }
    }

    pub(super) fn add_set(
        &mut self,
        table: usize,
        ident: &Ident,
        block: &SetBlock,
        verb: Verb,
    ) -> Checked<()> {
        let mut new = self.declared(table, ident, block)?;
        let sets = &self.ruleset.tables[table].sets;
        let existing = sets.iter().position(|set| set.name == new.name);
        let index = match existing {
            Some(_) if verb == Verb::Create => {
                let text = format!("set `{}`", new.name);
                return refuse(CheckErrorKind::Exists(text), ident.span);
            }
            Some(index) => {
                let old = &mut self.ruleset.tables[table].sets[index];
                if !same_declaration(old, &new) {
                    let name = new.name.to_string();
                    return refuse(CheckErrorKind::SetDiffers(name), ident.span);
                }
                old.comment = new.comment.take().or(old.comment.take());
                index
            }
            None => {
                new.handle = self.handle();
                new.changes.push(Change::Replace);
                self.ruleset.tables[table].sets.push(new);
                self.ruleset.tables[table].sets.len() - 1
            }
        };
        let Some(elements) = &block.elements else {
            return Ok(());
        };
        let elements = self.checked(table, index, elements, false)?;
        if !elements.is_empty() {
            let exclusive = false;
            let change = Change::Add {
                exclusive,
                elements,
            };
            self.ruleset.tables[table].sets[index].changes.push(change);
        }
        Ok(())
    }

    /// The set that a block declares, without elements and handle.
    fn declared(&mut self, table: usize, ident: &Ident, block: &SetBlock) -> Checked<Set> {
        let mut checker = Checker::new(self.reader, &self.ruleset.tables[table]);
        checker.typeof_only = true;
        let Some(key) = &block.key else {
            return refuse(CheckErrorKind::NoKeyType, ident.span);
        };
        let (key, key_typeof) = checker.type_of(key)?;
        let mut bits = key.iter().map(|part| part.bits.div_ceil(32) * 4);
        if key.len() > ferrule_uapi::set::KEY_PARTS
            || bits.by_ref().sum::<u32>() > ferrule_uapi::set::KEY_BYTES as u32
        {
            return refuse(CheckErrorKind::KeyTooLong, ident.span);
        }
        let (data, data_typeof) = match &block.data {
            None if block.map => return refuse(CheckErrorKind::NoDataType, ident.span),
            None => (Data::None, None),
            Some(_) if !block.map => return refuse(CheckErrorKind::DataInSet, ident.span),
            Some(data) => checker.data_type(data)?,
        };
        if block.interval_data {
            let hint = "write the ends apart: only address translation takes ranges";
            return refuse(unsupported("maps of intervals", hint), ident.span);
        }
        checker.typeof_only = false;
        let mut states = Vec::with_capacity(block.statements.len());
        for statement in &block.statements {
            states.push(checker.state(statement)?);
        }
        let text = comment(&self.reader, block.comment, &mut self.errors);
        let name = self.reader.names.shared(ident.name);
        let mut set = Set {
            comment: text,
            key_typeof,
            data,
            data_typeof,
            has_timeout: block.timeout.is_some(),
            dynamic: false,
            auto_merge: block.auto_merge.is_some(),
            timeout: block.timeout.map(|time| time.millis).filter(|t| *t != 0),
            gc_interval: block.gc_interval.map(|time| time.millis),
            states,
            ..Set::updated_by_rules(name, key)
        };
        self.flags(&mut set, block)?;
        Ok(set)
    }

    fn flags(&self, set: &mut Set, block: &SetBlock) -> Checked<()> {
        for flag in &block.flags {
            let name = self.name(flag);
            match &*name {
                "constant" => set.constant = true,
                "interval" => set.interval = true,
                "timeout" => set.has_timeout = true,
                "dynamic" => set.dynamic = true,
                _ => return refuse(CheckErrorKind::Flag(name.to_string()), flag.span),
            }
        }
        if let Some((size, span)) = block.size {
            set.size = match u32::try_from(size) {
                Ok(size) => Some(size),
                Err(_) => {
                    let (value, max) = (size.into(), u32::MAX.into());
                    return refuse(CheckErrorKind::OutOfRange { value, max }, span);
                }
            };
        }
        if let Some(policy) = &block.policy {
            let name = self.name(policy);
            set.memory = match &*name {
                "memory" => true,
                "performance" => false,
                _ => return refuse(CheckErrorKind::SetPolicy(name.to_string()), policy.span),
            };
        }
        match block.auto_merge {
            Some(span) if !set.interval => refuse(CheckErrorKind::AutoMerge, span),
            _ => Ok(()),
        }
    }

    /// Elements for a set, checked; `lenient` about their data (`delete`, `get`).
    pub(super) fn checked(
        &mut self,
        table: usize,
        set: usize,
        elements: &[syntax::Element],
        lenient: bool,
    ) -> Checked<Vec<Element>> {
        let of = &self.ruleset.tables[table];
        let set = &of.sets[set];
        let mut checker = Checker::new(self.reader, of);
        let bare = lenient && elements.iter().all(|element| element.data.is_none());
        let shape = Shape {
            key: &set.key,
            data: if bare { &Data::None } else { &set.data },
            states: Some(&set.states),
        };
        let mut typed = Vec::with_capacity(elements.len());
        checker.elements(elements, shape, &mut typed)?;
        for (element, span) in &typed {
            suits(set, element, *span)?;
        }
        if lenient && !set.auto_merge {
            return Ok(typed.into_iter().map(|(element, _)| element).collect());
        }
        disjoint(typed, set.auto_merge)
    }

    /// A set that must exist, and its table.
    pub(super) fn set(&self, path: &SetPath) -> Checked<(usize, usize)> {
        let table = self.table(&path.table)?;
        let name = self.name(&path.name);
        let sets = &self.ruleset.tables[table].sets;
        let found = sets.iter().position(|set| match path.handle {
            Some(handle) => set.handle == handle,
            None => set.name == name,
        });
        match found {
            Some(set) => Ok((table, set)),
            None => {
                let similar = error::similar(&name, sets.iter().map(|set| &*set.name));
                let kind = CheckErrorKind::NoSet(name.to_string(), similar);
                refuse(kind, path.name.span)
            }
        }
    }

    /// `add element`, `delete element` and their kin.
    pub(super) fn element_command(
        &mut self,
        path: &SetPath,
        elements: &[syntax::Element],
        verb: Verb,
    ) -> Checked<()> {
        let (table, set) = self.set(path)?;
        let removes = matches!(verb, Verb::Delete | Verb::Destroy);
        let named = &self.ruleset.tables[table].sets[set];
        if named.constant && named.changes.is_empty() {
            let name = named.name.to_string();
            return refuse(CheckErrorKind::ConstantSet(name), path.name.span);
        }
        let elements = self.checked(table, set, elements, removes)?;
        let change = match verb {
            Verb::Delete | Verb::Destroy => Change::Delete {
                lenient: verb == Verb::Destroy,
                elements,
            },
            _ => Change::Add {
                exclusive: verb == Verb::Create,
                elements,
            },
        };
        self.ruleset.tables[table].sets[set].changes.push(change);
        Ok(())
    }

    /// `delete`, `destroy` or `flush` of a set or map.
    pub(super) fn remove_set(&mut self, path: &SetPath, verb: Verb) -> Checked<()> {
        let (table, set) = match self.set(path) {
            Err(_) if verb == Verb::Destroy => return Ok(()),
            other => other?,
        };
        let of = &mut self.ruleset.tables[table];
        if verb == Verb::Flush {
            of.sets[set].changes.push(Change::Clear);
            return Ok(());
        }
        let name = of.sets[set].name.clone();
        let mut rules = of.chains.iter().flat_map(|chain| &chain.rules);
        let used = rules.any(|rule| {
            refs::any(
                &rule.statements,
                &mut |found| matches!(found, Use::Set(used) if *used == name),
            )
        });
        if used {
            return refuse(CheckErrorKind::SetInUse(name.to_string()), path.name.span);
        }
        of.sets.remove(set);
        Ok(())
    }
}

/// Whether an element can be in a set.
fn suits(set: &Set, element: &Element, span: Span) -> Checked<()> {
    if element.is_interval() && !set.interval {
        return refuse(CheckErrorKind::NeedsInterval(set.name.to_string()), span);
    }
    if (element.more.timeout.is_some() || element.more.expires.is_some()) && !set.has_timeout {
        return refuse(CheckErrorKind::NeedsTimeout(set.name.to_string()), span);
    }
    Ok(())
}

/// Whether two declarations say the same, but for comments and what a rule adds to them.
fn same_declaration(old: &Set, new: &Set) -> bool {
    old.key == new.key
        && old.data == new.data
        && old.constant == new.constant
        && old.interval == new.interval
        && old.has_timeout == new.has_timeout
        && (old.dynamic || !new.dynamic)
        && old.timeout == new.timeout
        && old.size == new.size
}

impl Checker<'_> {
    /// Types of keys: by name, or those of an expression.
    fn type_of(&mut self, spec: &TypeSpec) -> Checked<(Vec<Part>, Option<Expr>)> {
        match spec {
            TypeSpec::Types(names) => {
                let parts = names.iter().map(|name| self.type_named(name));
                Ok((parts.collect::<Checked<_>>()?, None))
            }
            TypeSpec::Typeof(expr) => {
                let typed = self.expr(expr, None)?;
                Ok((typed.parts(), Some(typed)))
            }
        }
    }

    fn type_named(&self, ident: &Ident) -> Checked<Part> {
        let name = self.name(ident);
        let Some(datatype) = Datatype::by_name(&name) else {
            let similar = Datatype::similar_name(&name);
            return refuse(
                CheckErrorKind::NoType(name.to_string(), similar),
                ident.span,
            );
        };
        match datatype.bits() {
            0 => refuse(
                CheckErrorKind::TypeWithoutWidth(datatype.name()),
                ident.span,
            ),
            bits => Ok(Part { datatype, bits }),
        }
    }

    /// What a map gives: values, verdicts or objects.
    fn data_type(&mut self, spec: &TypeSpec) -> Checked<(Data, Option<Expr>)> {
        if let Some(word) = single_word(self, spec) {
            if word == "verdict" {
                return Ok((Data::Verdict, None));
            }
            if let Some((_, kind, _)) = OBJECTS.iter().find(|(_, _, name)| *name == word) {
                return Ok((Data::Object(*kind), None));
            }
        }
        let (parts, typed) = self.type_of(spec)?;
        let bits: u32 = parts.iter().map(|part| part.bits.div_ceil(32) * 32).sum();
        if parts.len() > 1 || bits > MAX_DATA_BITS {
            let span = match spec {
                TypeSpec::Types(names) => names.first().map_or(Span::default(), |n| n.span),
                TypeSpec::Typeof(expr) => expr.span,
            };
            let hint =
                "only address translation takes more than one value: declare one map for each";
            return Err(CheckError::new(
                unsupported("maps to concatenations", hint),
                span,
            ));
        }
        Ok((Data::Value(parts), typed))
    }
}

/// The one word that a type consists of.
fn single_word(checker: &Checker<'_>, spec: &TypeSpec) -> Option<String> {
    match spec {
        TypeSpec::Types(names) => match &names[..] {
            [name] => Some(checker.name(name).to_string()),
            _ => None,
        },
        TypeSpec::Typeof(expr) => match &expr.kind {
            ExprKind::Word(name) => Some(checker.reader.names.get(*name).to_string()),
            _ => None,
        },
    }
}
