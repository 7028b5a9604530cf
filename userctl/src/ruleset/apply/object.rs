// SPDX-License-Identifier: GPL-2.0
//! Commands on objects: counters, quotas, limits, helpers, timeouts, expectations, secmarks.

use std::sync::Arc;

use ferrule_uapi::hook::Family;

use super::{refuse, Applier, Checked};
use crate::lang::syntax::{Ident, Kind, ObjectBlock, SetPath, Setting, Verb};
use crate::ruleset::datatype::Datatype;
use crate::ruleset::error::{CheckError, CheckErrorKind};
use crate::ruleset::expression::Checker;
use crate::ruleset::matching::unsupported;
use crate::ruleset::object::{Object, ObjectKind, ObjectSpec};
use crate::ruleset::refs::{self, Use};
use crate::ruleset::rule::comment;
use crate::ruleset::set::ElementData;
use crate::ruleset::statement::StateSpec;
use crate::ruleset::statements::{object_name, OBJECTS};
use crate::ruleset::{Counts, Table};
use crate::source::Span;

/// States of a protocol that have timeouts, in the order of `linux/netfilter/nfnetlink_cttimeout.h`.
const TIMEOUT_STATES: &[(u8, &[&str])] = &[
    (
        6,
        &[
            "syn_sent",
            "syn_recv",
            "established",
            "fin_wait",
            "close_wait",
            "last_ack",
            "time_wait",
            "close",
            "syn_sent2",
            "retrans",
            "unack",
        ],
    ),
    (17, &["unreplied", "replied"]),
    (136, &["unreplied", "replied"]),
];

/// What a state of a `ct timeout` is called.
pub(crate) fn ct_timeout_state(l4proto: u8, state: u32) -> Option<&'static str> {
    let (_, states) = TIMEOUT_STATES.iter().find(|(known, _)| *known == l4proto)?;
    states.get(state as usize).copied()
}

const NO_KIND: &str =
    "use `counter`, `quota`, `limit`, `ct helper`, `ct timeout`, `ct expectation` or `secmark`";

impl Applier<'_> {
    pub(super) fn object_command(
        &mut self,
        kind: Kind,
        path: &SetPath,
        block: Option<&ObjectBlock>,
        verb: Verb,
    ) -> Checked<()> {
        let table = self.table(&path.table)?;
        self.add_object(table, kind, &path.name, block, verb)
    }

    pub(super) fn add_object(
        &mut self,
        table: usize,
        kind: Kind,
        ident: &Ident,
        block: Option<&ObjectBlock>,
        verb: Verb,
    ) -> Checked<()> {
        let kind = object_kind(kind, ident.span)?;
        let empty = ObjectBlock::default();
        let block = block.unwrap_or(&empty);
        let spec = self.spec(table, kind, ident, block)?;
        let text = comment(&self.reader, block.comment, &mut self.errors);
        let name = self.name(ident);
        let objects = &mut self.ruleset.tables[table].objects;
        let existing = objects.iter_mut().find(|object| is(object, kind, &name));
        match existing {
            Some(_) if verb == Verb::Create => {
                let text = format!("{} `{name}`", object_name(kind));
                refuse(CheckErrorKind::Exists(text), ident.span)
            }
            Some(object) => {
                // A counter that is there goes on counting.
                if kind != ObjectKind::Counter {
                    object.spec = spec;
                }
                object.comment = text.or(object.comment.take());
                Ok(())
            }
            None => {
                let handle = self.handle();
                self.ruleset.tables[table].objects.push(Object {
                    name,
                    handle,
                    comment: text,
                    spec,
                });
                Ok(())
            }
        }
    }

    fn spec(
        &self,
        table: usize,
        kind: ObjectKind,
        ident: &Ident,
        block: &ObjectBlock,
    ) -> Checked<ObjectSpec> {
        let of = &self.ruleset.tables[table];
        let checker = Checker::new(self.reader, of);
        let state = block.statement.as_ref().map(|s| checker.state(s));
        let state = state.transpose()?;
        let settings = Settings {
            applier: self,
            block,
            span: ident.span,
        };
        Ok(match (kind, state) {
            (ObjectKind::Counter, None) => ObjectSpec::Counter(Counts::default()),
            (ObjectKind::Counter, Some(StateSpec::Counter(counts))) => ObjectSpec::Counter(counts),
            (ObjectKind::Quota, Some(StateSpec::Quota(quota))) => ObjectSpec::Quota(quota),
            (ObjectKind::Limit, Some(StateSpec::Limit(limit))) => ObjectSpec::Limit(limit),
            (ObjectKind::CtHelper, _) => ObjectSpec::CtHelper {
                helper: settings.text("type")?,
                l4proto: settings.protocol()?,
                l3proto: settings.family(of.family)?,
            },
            (ObjectKind::CtTimeout, _) => settings.timeout(of.family)?,
            (ObjectKind::CtExpectation, _) => ObjectSpec::CtExpectation {
                l4proto: settings.protocol()?,
                l3proto: settings.family(of.family)?,
                dport: settings.number("dport", u16::MAX.into())? as u16,
                timeout: settings.time("timeout")?,
                size: settings.number("size", u8::MAX.into())? as u8,
            },
            (ObjectKind::Secmark, _) => ObjectSpec::Secmark(settings.context()?),
            _ => {
                let kind = CheckErrorKind::ObjectBody(object_name(kind));
                return refuse(kind, ident.span);
            }
        })
    }

    /// `delete` or `destroy` of an object.
    pub(super) fn remove_object(&mut self, kind: Kind, path: &SetPath, verb: Verb) -> Checked<()> {
        let kind = object_kind(kind, path.name.span)?;
        let (table, index) = match self.object(kind, path) {
            Err(_) if verb == Verb::Destroy => return Ok(()),
            other => other?,
        };
        let of = &mut self.ruleset.tables[table];
        let name = of.objects[index].name.clone();
        if object_in_use(of, kind, &name) {
            let text = format!("{} `{name}`", object_name(kind));
            return refuse(CheckErrorKind::ObjectInUse(text), path.name.span);
        }
        of.objects.remove(index);
        Ok(())
    }

    /// An object that must exist, and its table.
    pub(super) fn object(&self, kind: ObjectKind, path: &SetPath) -> Checked<(usize, usize)> {
        let table = self.table(&path.table)?;
        let name = self.name(&path.name);
        let mut objects = self.ruleset.tables[table].objects.iter();
        let found = objects.position(|object| match path.handle {
            Some(handle) => object.handle == handle && object.spec.kind() == kind,
            None => is(object, kind, &name),
        });
        match found {
            Some(object) => Ok((table, object)),
            None => {
                let kind = CheckErrorKind::NoObject(object_name(kind), name.to_string());
                refuse(kind, path.name.span)
            }
        }
    }
}

/// The kind that syntax calls so.
pub(super) fn object_kind(kind: Kind, span: Span) -> Checked<ObjectKind> {
    match OBJECTS.iter().find(|(known, ..)| *known == kind) {
        Some((_, kind, _)) => Ok(*kind),
        None => refuse(unsupported("objects of this kind", NO_KIND), span),
    }
}

fn is(object: &Object, kind: ObjectKind, name: &Arc<str>) -> bool {
    object.spec.kind() == kind && object.name == *name
}

/// Whether a rule, or an element that this script adds, uses the object.
fn object_in_use(table: &Table, kind: ObjectKind, name: &Arc<str>) -> bool {
    let mut rules = table.chains.iter().flat_map(|chain| &chain.rules);
    let used = rules.any(|rule| {
        refs::any(
            &rule.statements,
            &mut |found| matches!(found, Use::Object(used, by) if used == kind && by == name),
        )
    });
    let of_kind = |set: &&crate::ruleset::Set| set.data == crate::ruleset::set::Data::Object(kind);
    let mut elements = table.sets.iter().filter(of_kind).flat_map(refs::added);
    used || elements.any(|element| element.data == ElementData::Object(name.clone()))
}

/// Words and values in the body of an object.
struct Settings<'s, 'a> {
    applier: &'s Applier<'a>,
    block: &'s ObjectBlock,
    span: Span,
}

impl Settings<'_, '_> {
    fn get(&self, name: &'static str) -> Option<&Setting> {
        let mut settings = self.block.settings.iter();
        let found = settings.find(|(ident, _)| *self.applier.name(ident) == *name);
        found.map(|(_, setting)| setting)
    }

    fn missing<T>(&self, name: &'static str) -> Checked<T> {
        refuse(CheckErrorKind::Setting(name), self.span)
    }

    fn text(&self, name: &'static str) -> Checked<Arc<str>> {
        match self.get(name) {
            Some(Setting::Text(text)) => Ok(self.applier.reader.names.shared(text.text)),
            Some(Setting::Word(ident)) => Ok(self.applier.name(ident)),
            _ => self.missing(name),
        }
    }

    fn protocol(&self) -> Checked<u8> {
        let number = match self.get("protocol") {
            Some(Setting::Number(number, _)) => Some(u128::from(*number)),
            Some(Setting::Word(ident)) => Datatype::Protocol.read(&self.applier.name(ident)),
            _ => None,
        };
        match number.map(u8::try_from) {
            Some(Ok(protocol)) => Ok(protocol),
            _ => self.missing("protocol"),
        }
    }

    fn family(&self, table: Family) -> Checked<Family> {
        let Some(setting) = self.get("l3proto") else {
            return Ok(table);
        };
        let Setting::Word(ident) = setting else {
            return self.missing("l3proto");
        };
        match &*self.applier.name(ident) {
            "ip" => Ok(Family::Ip),
            "ip6" => Ok(Family::Ip6),
            "inet" => Ok(Family::Inet),
            _ => Err(CheckError::new(
                CheckErrorKind::NeedsFamily("l3proto ip"),
                ident.span,
            )),
        }
    }

    fn number(&self, name: &'static str, max: u64) -> Checked<u64> {
        match self.get(name) {
            Some(Setting::Number(number, _)) if *number <= max => Ok(*number),
            Some(Setting::Number(number, span)) => {
                let (value, max) = ((*number).into(), max.into());
                refuse(CheckErrorKind::OutOfRange { value, max }, *span)
            }
            _ => self.missing(name),
        }
    }

    fn time(&self, name: &'static str) -> Checked<u64> {
        match self.get(name) {
            Some(Setting::Time(time)) => Ok(time.millis),
            Some(Setting::Number(seconds, _)) => Ok(seconds.saturating_mul(1000)),
            _ => self.missing(name),
        }
    }

    /// The context of a secmark: the one setting there is.
    fn context(&self) -> Checked<Arc<str>> {
        let mut settings = self.block.settings.iter();
        let text = settings.find_map(|(_, setting)| match setting {
            Setting::Text(text) => Some(self.applier.reader.names.shared(text.text)),
            _ => None,
        });
        match text {
            Some(text) => Ok(text),
            None => self.missing("the context"),
        }
    }

    fn timeout(&self, table: Family) -> Checked<ObjectSpec> {
        let l4proto = self.protocol()?;
        let Some((_, states)) = TIMEOUT_STATES.iter().find(|(known, _)| *known == l4proto) else {
            return refuse(CheckErrorKind::TimeoutProtocol, self.span);
        };
        let mut policy = Vec::new();
        if let Some(Setting::Times(times)) = self.get("policy") {
            for (ident, time) in times {
                let name = self.applier.name(ident);
                let Some(state) = states.iter().position(|state| *state == &*name) else {
                    let similar = crate::lang::words::similar(&name, states);
                    let kind = CheckErrorKind::TimeoutState(name.to_string(), similar);
                    return refuse(kind, ident.span);
                };
                let Ok(seconds) = u32::try_from(time.millis / 1000) else {
                    let (value, max) = ((time.millis / 1000).into(), u32::MAX.into());
                    return refuse(CheckErrorKind::OutOfRange { value, max }, ident.span);
                };
                policy.push((state as u32, seconds));
            }
        }
        Ok(ObjectSpec::CtTimeout {
            l4proto,
            l3proto: self.family(table)?,
            policy,
        })
    }
}
