// SPDX-License-Identifier: GPL-2.0
//! Sets and maps: declarations and elements.

use super::{elements, time_text, Lister};
use crate::ruleset::object::ObjectKind;
use crate::ruleset::set::{Anonymous, Change, Data, Element, ElementData, Set};
use crate::ruleset::{Datatype, Table};

/// What an object's kind is called where maps are declared.
pub(super) fn kind_text(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Counter => "counter",
        ObjectKind::Quota => "quota",
        ObjectKind::CtHelper => "ct helper",
        ObjectKind::Limit => "limit",
        ObjectKind::CtTimeout => "ct timeout",
        ObjectKind::Secmark => "secmark",
        ObjectKind::CtExpectation => "ct expectation",
        ObjectKind::Synproxy => "synproxy",
    }
}

/// How many elements nft puts on a line: it depends on the type of the keys.
fn elements_on_a_line(set: &Set) -> usize {
    let [part] = set.key.as_slice() else {
        return 1;
    };
    if set.data != Data::None {
        return 1;
    }
    match part.datatype {
        Datatype::Integer
        | Datatype::Hex
        | Datatype::Nfproto
        | Datatype::ArpOp
        | Datatype::Protocol
        | Datatype::Port
        | Datatype::TcpFlags
        | Datatype::DccpType
        | Datatype::Mark
        | Datatype::IfIndex
        | Datatype::ClassId
        | Datatype::Uid
        | Datatype::Gid
        | Datatype::CtDir => 5,
        Datatype::Ipv4 | Datatype::CtState | Datatype::CtStatus | Datatype::PktType => 2,
        _ => 1,
    }
}

impl Lister<'_> {
    /// A named set or map.
    pub(super) fn set(&mut self, table: &Table, set: &Set) {
        let kind = if set.data == Data::None { "set" } else { "map" };
        self.put(format_args!("\t{kind} {} {{", set.name));
        self.handle(set.handle);
        self.declared_type(set);
        if set.memory {
            self.out.push_str("\t\tpolicy memory\n");
        }
        if let Some(size) = set.size {
            self.put(format_args!("\t\tsize {size}\n"));
        }
        self.set_flags(set);
        if !set.states.is_empty() {
            self.out.push_str("\t\t");
            self.states(&set.states, false);
            self.out.push('\n');
        }
        if set.auto_merge {
            self.out.push_str("\t\tauto-merge\n");
        }
        if let Some(timeout) = set.timeout {
            self.put(format_args!("\t\ttimeout {}\n", time_text(timeout)));
        }
        if let Some(interval) = set.gc_interval {
            self.put(format_args!("\t\tgc-interval {}\n", time_text(interval)));
        }
        self.comment("\t\t", set.comment.as_deref());
        if !self.options.terse {
            self.elements_of(table, set);
        }
        self.out.push_str("\t}\n");
    }

    /// `type … : …` or `typeof … : …`.
    fn declared_type(&mut self, set: &Set) {
        match &set.key_typeof {
            Some(expr) => {
                self.out.push_str("\t\ttypeof ");
                self.expr(expr);
            }
            None => {
                self.out.push_str("\t\ttype ");
                self.types(&set.key);
            }
        }
        if set.data != Data::None {
            self.out.push_str(" : ");
        }
        if set.interval_data {
            self.out.push_str("interval ");
        }
        match (&set.data, &set.data_typeof) {
            (Data::None, _) => {}
            (_, Some(expr)) => self.expr(expr),
            (Data::Value(parts), None) => self.types(parts),
            (Data::Verdict, None) => self.out.push_str("verdict"),
            (Data::Object(kind), None) => self.out.push_str(kind_text(*kind)),
        }
        self.out.push('\n');
    }

    fn set_flags(&mut self, set: &Set) {
        let timeout = set.has_timeout && set.timeout.is_none() || set.timeout.is_some();
        let flags: Vec<&str> = [
            ("constant", set.constant),
            ("dynamic", set.dynamic),
            ("interval", set.interval),
            ("timeout", timeout),
        ]
        .into_iter()
        .filter_map(|(name, is_set)| is_set.then_some(name))
        .collect();
        if !flags.is_empty() {
            self.put(format_args!("\t\tflags {}\n", flags.join(",")));
        }
    }

    /// `elements = { … }`, as many on a line as nft has.
    fn elements_of(&mut self, table: &Table, set: &Set) {
        let list = elements(table, set, self.options);
        if list.is_empty() {
            return;
        }
        self.out.push_str("\t\telements = { ");
        let on_a_line = elements_on_a_line(set);
        for (index, element) in list.into_iter().enumerate() {
            if index > 0 {
                self.out.push_str(match index % on_a_line {
                    0 => ",\n\t\t\t     ",
                    _ => ", ",
                });
            }
            self.element(set_types(set), element);
        }
        self.out.push_str(" }\n");
    }

    /// An anonymous set or map.
    pub(super) fn anonymous(&mut self, set: &Anonymous) {
        self.out.push_str("{ ");
        for (index, element) in set.elements.iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            self.element((&set.key, &set.data), element);
        }
        self.out.push_str(" }");
    }

    /// An element, with all that it has.
    pub(super) fn element(&mut self, types: Types<'_>, element: &Element) {
        self.key(types.0, &element.key);
        if !element.more.states.is_empty() {
            self.out.push(' ');
            self.states(&element.more.states, true);
        }
        if let Some(timeout) = element.more.timeout {
            self.put(format_args!(" timeout {}", time_text(timeout)));
        }
        if let Some(expires) = element.more.expires.filter(|_| !self.options.stateless) {
            self.put(format_args!(" expires {}", time_text(expires)));
        }
        if let Some(comment) = &element.more.comment {
            self.put(format_args!(" comment \"{comment}\""));
        }
        match (&element.data, types.1) {
            (ElementData::None, _) => {}
            (ElementData::Value(values), Data::Value(parts)) => {
                self.out.push_str(" : ");
                let key: Vec<_> = values.iter().map(|value| (*value, *value)).collect();
                self.key(parts, &key);
            }
            (ElementData::Value(_), _) => {}
            (ElementData::Verdict(verdict), _) => {
                self.out.push_str(" : ");
                self.verdict(verdict);
            }
            (ElementData::Object(name), _) => self.put(format_args!(" : \"{name}\"")),
        }
    }
}

/// Types of keys and data.
pub(super) type Types<'a> = (&'a [crate::ruleset::set::Part], &'a Data);

fn set_types(set: &Set) -> Types<'_> {
    (&set.key, &set.data)
}

/// What a script makes a set hold.
pub(super) fn of_changes(set: &Set) -> Vec<&Element> {
    let mut list: Vec<&Element> = Vec::new();
    for change in &set.changes {
        match change {
            Change::Replace | Change::Clear => list.clear(),
            Change::Add { elements, .. } => list.extend(elements),
            Change::Delete { elements, .. } => {
                list.retain(|element| !elements.iter().any(|gone| gone.key == element.key));
            }
        }
    }
    list.sort_by(|a, b| {
        let catchall = a.is_catchall().cmp(&b.is_catchall());
        catchall.then_with(|| a.key.cmp(&b.key))
    });
    list.dedup_by(|next, last| next.key == last.key);
    list
}
