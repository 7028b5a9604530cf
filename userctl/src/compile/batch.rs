// SPDX-License-Identifier: GPL-2.0
//! Changes to elements, as bytes.
//!
//! Each change of a set becomes one op, which carries for all of its elements what any of them has.

use ferrule_uapi::{
    program::Text,
    set::{
        BatchHeader, ElementVerdict, SetOp, SetOpKind, BATCH_MAGIC, CARRIES_COMMENT, CARRIES_DATA,
        CARRIES_END, CARRIES_EXPIRES, CARRIES_FLAGS, CARRIES_STATES, CARRIES_TIMEOUT,
        CARRIES_VERDICT, ELEMENT_CATCHALL, ELEMENT_STATIC, SET_OP_EXCLUSIVE, SET_OP_LENIENT,
    },
    ABI_VERSION,
};
use zerocopy::IntoBytes;

use super::records::part_len;
use super::{identity, states};
use crate::ruleset::set::{Change, Data, Element, ElementData, Part};
use crate::ruleset::statement::StateSpec;
use crate::ruleset::{Ruleset, Set, Table, Verdict};

/// What a batch needs to know of the set that it changes.
pub(super) struct Shape<'a> {
    /// Identity of the set.
    pub(super) identity: u64,
    pub(super) key: &'a [Part],
    pub(super) data: &'a Data,
    pub(super) interval: bool,
    pub(super) states: &'a [StateSpec],
    /// Handle of the chain with this name, in the set's table.
    pub(super) chain: &'a dyn Fn(&str) -> u64,
    /// Identity of the object with this name, of the map's kind.
    pub(super) object: &'a dyn Fn(&str) -> u64,
}

/// A batch being written.
#[derive(Default)]
pub(super) struct Batch {
    ops: u32,
    bytes: Vec<u8>,
}

impl Batch {
    /// Appends the changes of a named set. `loaded`: they come with a ruleset, not alone.
    pub(super) fn changes(&mut self, shape: &Shape<'_>, changes: &[Change], loaded: bool) {
        for change in changes {
            match change {
                Change::Replace if loaded => self.op(shape, SetOpKind::Replace, 0, &[], false),
                Change::Replace | Change::Clear => {
                    self.op(shape, SetOpKind::Clear, 0, &[], false);
                }
                Change::Add {
                    exclusive,
                    elements,
                } => {
                    let flags = if *exclusive { SET_OP_EXCLUSIVE } else { 0 };
                    self.op(shape, SetOpKind::Add, flags, elements, loaded);
                }
                Change::Delete { lenient, elements } => {
                    let flags = if *lenient { SET_OP_LENIENT } else { 0 };
                    self.op(shape, SetOpKind::Delete, flags, elements, false);
                }
            }
        }
    }

    /// Appends the elements of an anonymous set.
    pub(super) fn elements(&mut self, shape: &Shape<'_>, elements: &[Element]) {
        self.op(shape, SetOpKind::Add, 0, elements, true);
    }

    /// Appends an op.
    fn op(
        &mut self,
        shape: &Shape<'_>,
        kind: SetOpKind,
        flags: u8,
        elements: &[Element],
        is_static: bool,
    ) {
        let adds = kind == SetOpKind::Add;
        let carries = carries(shape, elements, adds, is_static);
        if self.ops == 0 {
            self.bytes.resize(size_of::<BatchHeader>(), 0);
        }
        let header_at = self.bytes.len();
        self.bytes.resize(header_at + size_of::<SetOp>(), 0);
        let records_at = self.bytes.len();
        let mut strings = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            if index == 1 {
                let one = self.bytes.len() - records_at;
                self.bytes.reserve(one * (elements.len() - 1));
            }
            self::element(
                shape,
                element,
                carries,
                is_static,
                &mut self.bytes,
                &mut strings,
            );
        }
        let records = self.bytes.len() - records_at;
        let header = SetOp {
            set: shape.identity,
            kind: kind as u8,
            flags,
            carries,
            count: elements.len() as u32,
            stride: records.checked_div(elements.len()).unwrap_or(0) as u32,
            strings: strings.len() as u32,
            ..SetOp::default()
        };
        self.bytes[header_at..records_at].copy_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(&strings);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        self.ops += 1;
    }

    /// The batch; empty if nothing changes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.ops == 0 {
            return Vec::new();
        }
        let header = BatchHeader {
            magic: BATCH_MAGIC,
            version: ABI_VERSION,
            size: self.bytes.len() as u64,
            ops: self.ops,
            reserved: 0,
        };
        self.bytes[..size_of::<BatchHeader>()].copy_from_slice(header.as_bytes());
        self.bytes
    }
}

/// What any of the elements has.
fn carries(shape: &Shape<'_>, elements: &[Element], adds: bool, is_static: bool) -> u32 {
    let any = |test: &dyn Fn(&Element) -> bool| elements.iter().any(test);
    let bit = |bit, set| if set { bit } else { 0 };
    let data = |wanted| adds && !elements.is_empty() && wanted;
    bit(CARRIES_END, shape.interval && !elements.is_empty())
        | bit(
            CARRIES_FLAGS,
            (adds && is_static && !elements.is_empty()) || any(&Element::is_catchall),
        )
        | bit(
            CARRIES_DATA,
            data(matches!(shape.data, Data::Value(_) | Data::Object(_))),
        )
        | bit(CARRIES_VERDICT, data(matches!(shape.data, Data::Verdict)))
        | bit(CARRIES_TIMEOUT, adds && any(&|e| e.more.timeout.is_some()))
        | bit(CARRIES_EXPIRES, adds && any(&|e| e.more.expires.is_some()))
        | bit(CARRIES_COMMENT, adds && any(&|e| e.more.comment.is_some()))
        | bit(
            CARRIES_STATES,
            adds && !shape.states.is_empty() && any(&|e| !e.more.states.is_empty()),
        )
}

/// Appends an element.
fn element(
    shape: &Shape<'_>,
    element: &Element,
    carries: u32,
    is_static: bool,
    out: &mut Vec<u8>,
    strings: &mut Vec<u8>,
) {
    key(shape.key, element, |range| range.0, out);
    if carries & CARRIES_END != 0 {
        key(shape.key, element, |range| range.1, out);
    }
    if carries & CARRIES_FLAGS != 0 {
        let catchall = if element.is_catchall() {
            ELEMENT_CATCHALL
        } else {
            0
        };
        let origin = if is_static { ELEMENT_STATIC } else { 0 };
        out.extend_from_slice(&(catchall | origin).to_ne_bytes());
    }
    if carries & CARRIES_DATA != 0 {
        data(shape, &element.data, out);
    }
    if carries & CARRIES_VERDICT != 0 {
        let (verdict, target) = verdict(shape, &element.data);
        out.extend_from_slice(&(verdict as u32).to_ne_bytes());
        out.extend_from_slice(&target.to_ne_bytes());
    }
    for (bit, time) in [
        (CARRIES_TIMEOUT, element.more.timeout),
        (
            CARRIES_EXPIRES,
            element.more.expires.or(element.more.timeout),
        ),
    ] {
        if carries & bit != 0 {
            out.extend_from_slice(&time.unwrap_or_default().to_ne_bytes());
        }
    }
    if carries & CARRIES_COMMENT != 0 {
        let comment = element.more.comment.as_deref().unwrap_or_default();
        let text = Text {
            offset: strings.len() as u32,
            len: comment.len() as u32,
        };
        strings.extend_from_slice(comment.as_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    if carries & CARRIES_STATES != 0 {
        for (index, template) in shape.states.iter().enumerate() {
            let spec = element.more.states.get(index).unwrap_or(template);
            out.extend_from_slice(states::value(spec).as_bytes());
        }
    }
}

/// Appends one end of an element's key, part by part; of a catch-all, zeros.
fn key(parts: &[Part], element: &Element, end: impl Fn(&(u128, u128)) -> u128, out: &mut Vec<u8>) {
    for (index, part) in parts.iter().enumerate() {
        let value = element.key.get(index).map_or(0, &end);
        number(value, part_len(part.bits).into(), out);
    }
}

/// The beginning of an element's key.
pub(super) fn key_bytes(set: &Set, element: &Element) -> Vec<u8> {
    let mut bytes = Vec::new();
    key(&set.key, element, |range| range.0, &mut bytes);
    bytes
}

/// Appends the last `len` bytes of a number, the most significant first.
fn number(value: u128, len: usize, out: &mut Vec<u8>) {
    let bytes = value.to_be_bytes();
    out.extend_from_slice(&bytes[bytes.len() - len..]);
}

/// Appends what a map has for the element.
fn data(shape: &Shape<'_>, data: &ElementData, out: &mut Vec<u8>) {
    match (data, shape.data) {
        (ElementData::Value(values), Data::Value(parts)) => {
            let bits: u32 = parts.iter().map(|part| part.bits).sum();
            let joined = values.iter().zip(parts).fold(0_u128, |all, (value, part)| {
                all.checked_shl(part.bits).unwrap_or(0) | value
            });
            number(joined, if bits <= 32 { 4 } else { 16 }, out);
        }
        (ElementData::Object(name), _) => {
            out.extend_from_slice(&(shape.object)(name).to_ne_bytes());
        }
        (_, Data::Object(_)) => out.extend_from_slice(&0_u64.to_ne_bytes()),
        _ => number(0, 4, out),
    }
}

/// What a verdict map says for the element, and the handle of the chain that it leads to.
fn verdict(shape: &Shape<'_>, data: &ElementData) -> (ElementVerdict, u64) {
    let ElementData::Verdict(verdict) = data else {
        return (ElementVerdict::Continue, 0);
    };
    match verdict {
        Verdict::Accept => (ElementVerdict::Accept, 0),
        Verdict::Drop => (ElementVerdict::Drop, 0),
        Verdict::Continue => (ElementVerdict::Continue, 0),
        Verdict::Return => (ElementVerdict::Return, 0),
        Verdict::Jump(name) => (ElementVerdict::Jump, (shape.chain)(name)),
        Verdict::Goto(name) => (ElementVerdict::Goto, (shape.chain)(name)),
    }
}

/// Applies `use_shape` to what a batch needs to know of a named set.
pub(super) fn with_shape<T>(
    table: &Table,
    set: &Set,
    use_shape: impl FnOnce(&Shape<'_>) -> T,
) -> T {
    let chain = |name: &str| {
        let found = table.chains.iter().find(|chain| *chain.name == *name);
        found.map_or(0, |chain| chain.handle)
    };
    let object = |name: &str| object_identity(table, &set.data, name);
    use_shape(&Shape {
        identity: identity(set.handle, 0),
        key: &set.key,
        data: &set.data,
        interval: set.interval,
        states: &set.states,
        chain: &chain,
        object: &object,
    })
}

/// Identity of an object of the kind that a map of `data` holds.
pub(super) fn object_identity(table: &Table, data: &Data, name: &str) -> u64 {
    let Data::Object(kind) = data else { return 0 };
    let mut objects = table.objects.iter();
    let found = objects.find(|object| object.spec.kind() == *kind && *object.name == *name);
    found.map_or(0, |object| identity(object.handle, 0))
}

/// The changes of all named sets, to be made alone, on what is loaded.
pub(super) fn of_named(ruleset: &Ruleset) -> Vec<u8> {
    let mut batch = Batch::default();
    for table in ruleset.tables() {
        for set in &table.sets {
            with_shape(table, set, |shape| {
                batch.changes(shape, &set.changes, false);
            });
        }
    }
    batch.finish()
}
