// SPDX-License-Identifier: GPL-2.0
//! Statements that are no comparison: what they take, and what they need.

use ferrule_uapi::hook::Family;
use ferrule_uapi::statement::{RejectKind, SetUpdate as UpdateKind};

use super::datatype::Datatype;
use super::error::{CheckError, CheckErrorKind};
use super::expr::{Expr as Typed, Select, Source};
use super::expression::{compatible, type_text, Checked, Checker};
use super::matching::unsupported;
use super::object::ObjectKind;
use super::select::address_type;
use super::selector::{max, Settable};
use super::set::{Data, Part, Set, SetRef};
use super::statement::{
    Assignment, Dup, Limit, Log, ObjectRef, ObjectUse, Queue, QueueTo, Quota, Reject, SetUpdate,
    StateSpec,
};
use super::value::{is_constant, resolve, Constant};
use super::{Counts, Statement};
use crate::lang::syntax::{self, Element, Expr, ExprKind, Ident, Kind, Stmt, StmtKind, Verb};
use crate::source::Span;

const TCP: u128 = 6;

/// Longest prefix of `log` in bytes (`NF_LOG_PREFIXLEN` - 1).
const MAX_PREFIX: usize = 127;

/// Packets that a limit lets through at once where nothing is said.
const DEFAULT_BURST: u64 = 5;

/// Levels of `log`; the last is no level of the kernel's log.
const LEVELS: &[(&str, u8)] = &[
    ("emerg", 0),
    ("alert", 1),
    ("crit", 2),
    ("err", 3),
    ("warn", 4),
    ("notice", 5),
    ("info", 6),
    ("debug", 7),
    ("audit", 8),
];

const AUDIT: u8 = 8;

/// Code of `reject with icmp`, `icmpv6`, `icmpx` where nothing is said: port-unreachable.
const DEFAULT_CODES: &[(RejectKind, u8)] = &[
    (RejectKind::Icmp, 3),
    (RejectKind::Icmpv6, 4),
    (RejectKind::Icmpx, 1),
];

/// Objects that rules use, by the kind in syntax.
pub(super) const OBJECTS: &[(Kind, ObjectKind, &str)] = &[
    (Kind::Counter, ObjectKind::Counter, "counter"),
    (Kind::Quota, ObjectKind::Quota, "quota"),
    (Kind::Limit, ObjectKind::Limit, "limit"),
    (Kind::CtHelper, ObjectKind::CtHelper, "ct helper"),
    (Kind::CtTimeout, ObjectKind::CtTimeout, "ct timeout"),
    (
        Kind::CtExpectation,
        ObjectKind::CtExpectation,
        "ct expectation",
    ),
    (Kind::Secmark, ObjectKind::Secmark, "secmark"),
];

/// What a kind of objects is called.
pub(crate) fn object_name(kind: ObjectKind) -> &'static str {
    let row = OBJECTS.iter().find(|(_, known, _)| *known == kind);
    row.map_or("synproxy", |(_, _, name)| name)
}

fn refuse<T>(kind: CheckErrorKind, span: Span) -> Checked<T> {
    Err(CheckError::new(kind, span))
}

/// A number that must fit so many bits.
fn fits(value: u64, bits: u32, span: Span) -> Checked<u64> {
    match u128::from(value) > max(bits) {
        true => {
            let (value, max) = (value.into(), max(bits));
            refuse(CheckErrorKind::OutOfRange { value, max }, span)
        }
        false => Ok(value),
    }
}

impl Checker<'_> {
    pub(super) fn counter(&self, kind: &StmtKind) -> Statement {
        match kind {
            StmtKind::Counter { packets, bytes } => Statement::Counter(Counts {
                packets: *packets,
                bytes: *bytes,
            }),
            _ => Statement::Counter(Counts::default()),
        }
    }

    /// Something that counts or limits, of a rule, an element or a set.
    pub(super) fn state(&self, statement: &Stmt) -> Checked<StateSpec> {
        let span = statement.span;
        Ok(match &statement.kind {
            StmtKind::Counter { packets, bytes } => StateSpec::Counter(Counts {
                packets: *packets,
                bytes: *bytes,
            }),
            StmtKind::Limit(limit) => StateSpec::Limit(check_limit(limit, span)?),
            StmtKind::Quota { over, bytes, used } => StateSpec::Quota(Quota {
                over: *over,
                bytes: *bytes,
                used: *used,
            }),
            StmtKind::Last(time) => StateSpec::Last(time.map(|time| time.millis)),
            StmtKind::Connections { over, count } => StateSpec::Connections {
                over: *over,
                count: fits(*count, 32, span)? as u32,
            },
            _ => return refuse(CheckErrorKind::NotState, span),
        })
    }

    /// `counter name X`, `ct helper set X` and their kin.
    pub(super) fn object_use(
        &mut self,
        kind: Kind,
        object: &Expr,
        span: Span,
    ) -> Checked<Statement> {
        let Some((_, kind, name)) = OBJECTS.iter().find(|(known, ..)| *known == kind) else {
            let hint = "leave it out";
            return refuse(unsupported("`synproxy`", hint), span);
        };
        let object = resolve(object);
        let which = match &object.kind {
            ExprKind::Word(text) | ExprKind::Quoted(text) => {
                let text = self.reader.names.shared(*text);
                if self.table.object(*kind, &text).is_none() {
                    let kind = CheckErrorKind::NoObject(name, text.to_string());
                    return refuse(kind, object.span);
                }
                ObjectRef::Name(text)
            }
            ExprKind::Map(key, map) => self.object_map(*kind, key, map)?,
            _ => return refuse(CheckErrorKind::NotObject, object.span),
        };
        Ok(Statement::Object(ObjectUse { kind: *kind, which }))
    }

    fn object_map(&mut self, kind: ObjectKind, key: &Expr, map: &Expr) -> Checked<ObjectRef> {
        let typed = self.expr(key, None)?;
        let parts = typed.parts();
        let map = resolve(map);
        let set = match &map.kind {
            ExprKind::Named(ident) => {
                let set = self.named(ident)?;
                self.fits(&parts, set, key.span, ident.span)?;
                if set.data != Data::Object(kind) {
                    return refuse(CheckErrorKind::NotMap(set.name.to_string()), ident.span);
                }
                SetRef::Named(set.name.clone())
            }
            ExprKind::Set(elements) => {
                let set = self.anonymous(parts, Data::Object(kind), elements, map.span)?;
                self.known_objects(kind, &set, map.span)?;
                set
            }
            _ => return refuse(CheckErrorKind::NeedsMap, map.span),
        };
        Ok(ObjectRef::Map(typed, set))
    }

    /// Every object of an anonymous map must exist.
    fn known_objects(&self, kind: ObjectKind, set: &SetRef, span: Span) -> Checked<()> {
        let SetRef::Anonymous(set) = set else {
            return Ok(());
        };
        for element in &set.elements {
            if let super::set::ElementData::Object(name) = &element.data {
                if self.table.object(kind, name).is_none() {
                    let name = name.to_string();
                    return refuse(CheckErrorKind::NoObject(object_name(kind), name), span);
                }
            }
        }
        Ok(())
    }

    pub(super) fn log(&self, log: &syntax::Log, span: Span) -> Checked<Log> {
        let prefix = match log.prefix {
            None => None,
            Some(text) => {
                let prefix = self.reader.names.shared(text.text);
                if prefix.len() > MAX_PREFIX {
                    return refuse(CheckErrorKind::PrefixTooLong(MAX_PREFIX), text.span);
                }
                Some(prefix)
            }
        };
        let level = match log.level {
            None => None,
            Some(ident) => {
                let name = self.name(&ident);
                match LEVELS.iter().find(|(known, _)| *known == &*name) {
                    Some((_, level)) => Some(*level),
                    None => return refuse(CheckErrorKind::LogLevel(name.to_string()), ident.span),
                }
            }
        };
        let to_group = log.group.is_some();
        let groups = log.snaplen.is_some() || log.queue_threshold.is_some();
        if to_group && (level.is_some() || log.flags != 0) {
            return refuse(CheckErrorKind::LogGroup, span);
        }
        if level == Some(AUDIT) && (prefix.is_some() || to_group || groups || log.flags != 0) {
            return refuse(CheckErrorKind::LogAudit, span);
        }
        // nft takes these without a group for group 0.
        let group = match log.group {
            Some((number, span)) => Some(fits(number, 16, span)? as u16),
            None if groups && level.is_none() => Some(0),
            None if groups => return refuse(CheckErrorKind::LogGroup, span),
            None => None,
        };
        let snaplen = log.snaplen.map(|n| fits(n, 32, span)).transpose()?;
        let threshold = log.queue_threshold.map(|n| fits(n, 16, span)).transpose()?;
        Ok(Log {
            prefix,
            level,
            flags: log.flags,
            group,
            snaplen: snaplen.map(|n| n as u32),
            queue_threshold: threshold.map(|n| n as u16),
        })
    }

    pub(super) fn reject(&mut self, reject: &syntax::Reject, span: Span) -> Checked<Reject> {
        let kind = match &reject.with {
            None => self.default_reject(),
            Some(with) => match &*self.name(with) {
                "icmp" => RejectKind::Icmp,
                "icmpv6" => RejectKind::Icmpv6,
                "icmpx" => RejectKind::Icmpx,
                "tcp" => RejectKind::TcpReset,
                other => return refuse(CheckErrorKind::RejectWith(other.to_owned()), with.span),
            },
        };
        let with = reject.with.map_or(span, |with| with.span);
        let datatype = match kind {
            RejectKind::Icmp => {
                self.needs_network(Family::Ip, with)?;
                Datatype::IcmpCode
            }
            RejectKind::Icmpv6 => {
                self.needs_network(Family::Ip6, with)?;
                Datatype::Icmpv6Code
            }
            RejectKind::Icmpx if self.table.family != Family::Inet => {
                return refuse(CheckErrorKind::RejectIcmpx, with)
            }
            RejectKind::Icmpx => Datatype::IcmpxCode,
            RejectKind::TcpReset => {
                let asked = self.context.need_transport(TCP, "tcp");
                let asked = asked.map_err(|_| CheckError::new(CheckErrorKind::RejectTcp, with))?;
                self.asked.extend(asked);
                return Ok(Reject { kind, code: 0 });
            }
        };
        let default = DEFAULT_CODES.iter().find(|(known, _)| *known == kind);
        let code = match &reject.code {
            Some(code) => self.reader.value(code, Part { datatype, bits: 8 })? as u8,
            None => default.map_or(0, |(_, code)| *code),
        };
        if kind == RejectKind::Icmpx && code > 3 {
            let (value, max) = (code.into(), 3);
            return refuse(CheckErrorKind::OutOfRange { value, max }, with);
        }
        Ok(Reject { kind, code })
    }

    fn default_reject(&self) -> RejectKind {
        match self.context.network {
            Some(Family::Ip) => RejectKind::Icmp,
            Some(Family::Ip6) => RejectKind::Icmpv6,
            _ => RejectKind::Icmpx,
        }
    }

    fn needs_network(&mut self, family: Family, span: Span) -> Checked<()> {
        let asked = self.context.need_network(family);
        self.asked
            .extend(asked.map_err(|kind| CheckError::new(kind, span))?);
        Ok(())
    }

    pub(super) fn queue(&mut self, queue: &syntax::Queue, span: Span) -> Checked<Queue> {
        let number = Part {
            datatype: Datatype::Integer,
            bits: 16,
        };
        let to = match queue.number.as_ref().map(resolve) {
            None => QueueTo::Range(0, 0),
            Some(expr) if is_constant(expr) => match self.reader.constant(expr, number)? {
                Constant::Value(value) => QueueTo::Range(value as u16, value as u16),
                Constant::Range(lo, hi) => QueueTo::Range(lo as u16, hi as u16),
                Constant::Prefix { .. } => return refuse(CheckErrorKind::QueueNumber, expr.span),
            },
            Some(expr) => QueueTo::Expr(self.queue_expr(queue, expr, number)?),
        };
        if queue.fanout && matches!(to, QueueTo::Expr(_)) {
            return refuse(CheckErrorKind::QueueFanout, span);
        }
        Ok(Queue {
            to,
            bypass: queue.bypass,
            fanout: queue.fanout,
        })
    }

    fn queue_expr(&mut self, queue: &syntax::Queue, expr: &Expr, part: Part) -> Checked<Typed> {
        if !queue.to {
            return refuse(CheckErrorKind::QueueNum, expr.span);
        }
        let typed = self.expr(expr, Some(part))?;
        let most = match &typed {
            Typed::Map { .. } => 0,
            Typed::Numgen {
                modulus, offset, ..
            }
            | Typed::Jhash {
                modulus, offset, ..
            }
            | Typed::Symhash { modulus, offset } => u64::from(*modulus) + u64::from(*offset) - 1,
            _ => return refuse(CheckErrorKind::QueueNumber, expr.span),
        };
        fits(most, 16, expr.span)?;
        Ok(typed)
    }

    pub(super) fn dup(&mut self, to: &Expr, device: Option<&Expr>, span: Span) -> Checked<Dup> {
        if self.table.family == Family::Inet {
            return refuse(CheckErrorKind::DupFamily, span);
        }
        let (datatype, bits) = address_type(self.table.family);
        let to = self.argument(to, Part { datatype, bits })?;
        let index = Part {
            datatype: Datatype::IfIndex,
            bits: 32,
        };
        let device = device.map(|device| self.argument(device, index));
        Ok(Dup {
            to,
            device: device.transpose()?,
        })
    }

    /// A value for something of this type.
    fn argument(&mut self, value: &Expr, part: Part) -> Checked<Typed> {
        let typed = self.expr(value, Some(part))?;
        let [found] = typed.parts()[..] else {
            let kind = CheckErrorKind::PartCount {
                expected: 1,
                found: typed.parts().len(),
            };
            return refuse(kind, value.span);
        };
        if !assignable(found, part) {
            let kind = CheckErrorKind::ValueType {
                expected: type_text(&[part]),
                found: type_text(&[found]),
            };
            return refuse(kind, value.span);
        }
        Ok(typed)
    }

    /// `target set value`.
    pub(super) fn assign(&mut self, target: &Expr, value: &Expr) -> Checked<Assignment> {
        self.context.writes = true;
        let select = self.target(target);
        self.context.writes = false;
        let select = select?;
        if select.selector.set == Settable::No || select.tunnel.is_some() {
            let name = format!("{} {}", select.selector.protocol, select.selector.name);
            return refuse(CheckErrorKind::NotSettable(name), target.span);
        }
        // A zone is of both directions, or of one; other keys are of both.
        let part = Part {
            datatype: select.datatype,
            bits: select.bits,
        };
        if matches!(resolve(value).kind, ExprKind::Set(_) | ExprKind::Named(_)) {
            return refuse(CheckErrorKind::NotExpression, value.span);
        }
        let value = self.argument(value, part)?;
        let target = select;
        Ok(Assignment { target, value })
    }

    fn target(&mut self, target: &Expr) -> Checked<Select> {
        match self.select(target)? {
            Some(select) => Ok(select),
            None => refuse(CheckErrorKind::NotSelector, target.span),
        }
    }

    /// `reset tcp option X`.
    pub(super) fn reset_option(&mut self, target: &Expr) -> Checked<Select> {
        let select = self.target(target)?;
        match (select.selector.protocol, select.source) {
            ("tcp option", Source::Record(record)) if record.op > 1 => Ok(select),
            _ => refuse(CheckErrorKind::NotResettable, target.span),
        }
    }

    /// `add @set { … }` and its kin.
    pub(super) fn update(
        &mut self,
        verb: Verb,
        set: &Ident,
        element: &Element,
        span: Span,
    ) -> Checked<SetUpdate> {
        let kind = match verb {
            Verb::Update => UpdateKind::Update,
            Verb::Delete => UpdateKind::Delete,
            _ => UpdateKind::Add,
        };
        let named = self.named(set)?;
        if named.constant {
            return refuse(
                CheckErrorKind::ConstantSet(named.name.to_string()),
                set.span,
            );
        }
        let Some(key) = &element.key else {
            return refuse(CheckErrorKind::NotExpression, element.span);
        };
        let typed = self.update_key(key, &named.key)?;
        self.fits(&typed.parts(), named, key.span, set.span)?;
        let data = match (&named.data, &element.data) {
            (Data::None, None) => None,
            (Data::Value(parts), Some(data)) if parts.len() == 1 => {
                Some(self.argument(data, parts[0])?)
            }
            (Data::Value(_), None) if kind == UpdateKind::Delete => None,
            (Data::Value(_), None) => return refuse(CheckErrorKind::DataMissing, element.span),
            (Data::None, Some(data)) => return refuse(CheckErrorKind::DataInSet, data.span),
            _ => {
                let feature = "updating maps of verdicts, objects or concatenations from rules";
                return refuse(unsupported(feature, "change them by command"), span);
            }
        };
        let mut states = Vec::with_capacity(element.more.statements.len());
        for statement in &element.more.statements {
            states.push(self.state(statement)?);
        }
        Ok(SetUpdate {
            kind,
            set: named.name.clone(),
            key: typed,
            data,
            timeout: element.more.timeout.map(|time| time.millis),
            comment: self.element_comment(element.more.comment)?,
            states,
        })
    }

    /// `meter NAME { … }`: a dynamic set that the statement makes, unless it is there, and an update of it.
    pub(super) fn meter(
        &mut self,
        ident: &Ident,
        size: Option<(u64, Span)>,
        element: &Element,
    ) -> Checked<SetUpdate> {
        let name = self.name(ident);
        let Some(key) = &element.key else {
            return refuse(CheckErrorKind::NotExpression, element.span);
        };
        let typed = self.expr(key, None)?;
        let parts = typed.parts();
        match self.table.set(&name) {
            Some(set) => self.fits(&parts, set, key.span, ident.span)?,
            None => {
                let size = size.map(|(size, span)| fits(size, 32, span)).transpose()?;
                self.meters.push(Set {
                    key_typeof: Some(typed.clone()),
                    has_timeout: element.more.timeout.is_some(),
                    size: size.map(|size| size as u32),
                    ..Set::updated_by_rules(name.clone(), parts)
                });
            }
        }
        let mut states = Vec::with_capacity(element.more.statements.len());
        for statement in &element.more.statements {
            states.push(self.state(statement)?);
        }
        Ok(SetUpdate {
            kind: UpdateKind::Add,
            set: name,
            key: typed,
            data: None,
            timeout: element.more.timeout.map(|time| time.millis),
            comment: self.element_comment(element.more.comment)?,
            states,
        })
    }

    /// The key of an update: constants in it are read as the set's types.
    fn update_key(&mut self, key: &Expr, parts: &[Part]) -> Checked<Typed> {
        match (&resolve(key).kind, parts) {
            (ExprKind::Concat(items), parts) if items.len() == parts.len() => {
                let typed = items
                    .iter()
                    .zip(parts)
                    .map(|(item, part)| self.expr(item, Some(*part)))
                    .collect::<Checked<Vec<_>>>()?;
                Ok(Typed::Concat(typed))
            }
            (_, [part]) => self.expr(key, Some(*part)),
            _ => self.expr(key, None),
        }
    }

    /// `key vmap map`.
    pub(super) fn vmap(&mut self, key: &Expr, map: &Expr) -> Checked<Statement> {
        let typed = self.expr(key, None)?;
        let parts = typed.parts();
        let map = resolve(map);
        let map = match &map.kind {
            ExprKind::Named(ident) => {
                let set = self.named(ident)?;
                self.fits(&parts, set, key.span, ident.span)?;
                if set.data != Data::Verdict {
                    return refuse(CheckErrorKind::NotVmap(set.name.to_string()), ident.span);
                }
                SetRef::Named(set.name.clone())
            }
            ExprKind::Set(elements) => self.anonymous(parts, Data::Verdict, elements, map.span)?,
            _ => return refuse(CheckErrorKind::NeedsMap, map.span),
        };
        Ok(Statement::Vmap { key: typed, map })
    }
}

/// Whether a value of one type may be given to something of another.
fn assignable(from: Part, to: Part) -> bool {
    let number =
        |part: Part| !part.datatype.is_string() && !part.datatype.has_prefixes() && part.bits <= 64;
    from.datatype == to.datatype
        || compatible(from, to)
        || from.datatype.is_number() && number(to)
        || to.datatype.is_number() && number(from)
        || number(from) && number(to) && from.bits <= to.bits
}

/// `limit rate`, with nft's defaults.
pub(super) fn check_limit(limit: &syntax::Limit, span: Span) -> Checked<Limit> {
    if limit.rate == 0 {
        return refuse(CheckErrorKind::ZeroRate, span);
    }
    let burst = match (limit.burst, limit.bytes) {
        (Some(0), false) => return refuse(CheckErrorKind::ZeroBurst, span),
        (Some(burst), _) => burst,
        (None, false) => DEFAULT_BURST,
        (None, true) => 0,
    };
    Ok(Limit {
        over: limit.over,
        rate: limit.rate,
        bytes: limit.bytes,
        unit: limit.unit,
        burst,
    })
}
