// SPDX-License-Identifier: GPL-2.0
//! Selectors with what they are given beside their names: directions, flags, levels, numbers of options.

use ferrule_uapi::expr::{
    CtKey, Expr as Record, ExthdrOp, PayloadBase, Tunnel, DIRECTION_ORIGINAL, DIRECTION_REPLY,
    EXPR_PRESENT,
};
use ferrule_uapi::hook::Family;

use super::context::inner_payload;
use super::datatype::Datatype;
use super::error::{CheckError, CheckErrorKind};
use super::expr::{Argument, Direction, Select, Source};
use super::expression::{Checked, Checker};
use super::selector::{
    find, get, load, presence, Layer, Lookup, Selector, Settable, SELECTORS, TCP_ALIASES,
};
use crate::lang::syntax::{Expr, ExprKind, Ident, Name};
use crate::rare::Rare;
use crate::source::Span;

fn refuse<T>(kind: CheckErrorKind, span: Span) -> Checked<T> {
    Err(CheckError::new(kind, span))
}

/// Keys of `rt` that are no fields of the routing header.
const ROUTES: &[&str] = &["classid", "nexthop", "mtu", "ipsec"];

/// Keys of `ct` of one direction: whether one must be said.
const DIRECTIONS: &[(&str, bool)] = &[
    ("saddr", true),
    ("daddr", true),
    ("proto-src", true),
    ("proto-dst", true),
    ("l3proto", false),
    ("protocol", false),
    ("packets", false),
    ("bytes", false),
    ("avgpkt", false),
    ("zone", false),
];

/// Flags of `fib`: names, and bits (`NFTA_FIB_F_*`).
const FIB_FLAGS: &[(&str, u32)] = &[
    ("saddr", 1),
    ("daddr", 2),
    ("mark", 4),
    ("iif", 8),
    ("oif", 16),
];

const FIB_OIF: u32 = 16;

/// Tunnels by name.
const TUNNELS: &[(&str, Tunnel)] = &[
    ("vxlan", Tunnel::Vxlan),
    ("geneve", Tunnel::Geneve),
    ("gre", Tunnel::Gre),
    ("gretap", Tunnel::Gretap),
];

impl Select {
    /// A selector as its row has it.
    fn plain(selector: &'static Selector) -> Self {
        Select {
            selector,
            source: selector.source,
            argument: Rare::default(),
            datatype: selector.datatype,
            bits: selector.bits,
            tunnel: None,
        }
    }

    /// With what it loads changed.
    fn loading(mut self, change: impl FnOnce(&mut Record)) -> Self {
        if let Source::Record(record) = &mut self.source {
            change(record);
        }
        self
    }

    fn typed(mut self, datatype: Datatype, bits: u32) -> Self {
        self.datatype = datatype;
        self.bits = bits;
        self.loading(|record| record.bits = bits.max(8) as u16)
    }

    fn with(mut self, argument: Argument) -> Self {
        self.argument = argument.into();
        self
    }
}

fn direction_flag(direction: Direction) -> u8 {
    match direction {
        Direction::Original => DIRECTION_ORIGINAL,
        Direction::Reply => DIRECTION_REPLY,
    }
}

impl<'a> Checker<'a> {
    fn text(&self, name: Name) -> &'a str {
        self.reader.names.get(name)
    }

    /// The selector that an expression names, or `None` if it is something else.
    pub(super) fn select(&mut self, expr: &Expr) -> Checked<Option<Select>> {
        let span = expr.span;
        let select = match &expr.kind {
            ExprKind::Header(protocol, name) => {
                let (protocol, name) = (self.text(*protocol), self.text(*name));
                if protocol == "rt" && ROUTES.contains(&name) {
                    let name = name.to_owned();
                    self.route(None, &name, span)?
                } else {
                    Select::plain(self.known(self.lookup(protocol, name, span)?))
                }
            }
            ExprKind::Meta(name) => Select::plain(self.lookup("meta", self.text(*name), span)?),
            ExprKind::Raw { base, offset, bits } => self.raw(*base, *offset, *bits, span)?,
            ExprKind::Ct {
                direction,
                family,
                key,
            } => self.connection(direction.as_ref(), family.as_ref(), key, span)?,
            ExprKind::Socket { key, level } => self.socket(key, *level, span)?,
            ExprKind::Fib { flags, result } => self.fib(flags, result, span)?,
            ExprKind::Rt { family, key } => {
                let name = self.text(key.name).to_owned();
                match ROUTES.contains(&&*name) {
                    true => self.route(family.as_ref(), &name, span)?,
                    false => Select::plain(self.lookup("rt", &name, span)?),
                }
            }
            ExprKind::Ipsec { .. } => self.ipsec(expr)?,
            ExprKind::Exthdr(header) => {
                Select::plain(self.lookup("exthdr", self.text(header.name), span)?)
            }
            ExprKind::Option {
                protocol,
                option,
                field,
            } => self.option(*protocol, option, field.as_ref(), span)?,
            ExprKind::RawOption { kind, offset, bits } => {
                self.raw_option(*kind, *offset, *bits, span)?
            }
            ExprKind::Inner(tunnel, inner) => self.inner(tunnel, inner)?,
            _ => return Ok(None),
        };
        self.enter(&select, span)?;
        Ok(Some(select))
    }

    /// Asks for what the selector needs.
    fn enter(&mut self, select: &Select, span: Span) -> Checked<()> {
        if self.typeof_only {
            return Ok(());
        }
        let asked = self.context.enter(select.selector, select.tunnel);
        let asked = asked.map_err(|kind| CheckError::new(kind, span))?;
        match select.selector.layer {
            // `expr_evaluate_exthdr()` asks for the network at the beginning of the rule.
            Layer::Extension(_) if select.tunnel.is_none() => self.asked_first.extend(asked),
            _ => self.asked.extend(asked),
        }
        Ok(())
    }

    fn lookup(&self, protocol: &str, name: &str, span: Span) -> Checked<&'static Selector> {
        let kind = match find(protocol, name) {
            Lookup::Found(selector) => return Ok(selector),
            Lookup::Unsupported(hint) => CheckErrorKind::Unsupported {
                feature: format!("matching on `{protocol} {name}`"),
                hint,
            },
            Lookup::Unknown(similar) if protocol == "meta" => CheckErrorKind::UnknownMetaKey {
                key: name.to_owned(),
                similar,
            },
            Lookup::Unknown(similar) => CheckErrorKind::UnknownField {
                protocol: protocol.to_owned(),
                field: name.to_owned(),
                similar,
            },
        };
        refuse(kind, span)
    }

    /// `th dport` of a packet of which the protocol is known is that protocol's.
    fn known(&self, selector: &'static Selector) -> &'static Selector {
        match (selector.layer, &self.context.transport) {
            (Layer::AnyTransport, Some(known)) if known.len() == 1 => transport_rows(known[0])
                .find(|row| row.name == selector.name && row.place == selector.place)
                .unwrap_or(selector),
            _ => selector,
        }
    }

    /// The field that raw payload of the transport header is, if its protocol is known; a port, if it is one of
    /// several.
    fn field_at(&self, raw: &Selector, offset: u32, bits: u32) -> Option<&'static Selector> {
        let place = Some((PayloadBase::Transport, offset));
        let known = self.context.transport.as_ref()?;
        // Written to, it stays raw: nft then leaves the checksum alone.
        if raw.protocol != "@th" || self.context.writes {
            return None;
        }
        let there = |row: &&'static Selector| row.place == place && row.bits == bits;
        match known[..] {
            [protocol] => transport_rows(protocol).find(there),
            _ => {
                let mut rows = SELECTORS.iter();
                rows.find(|row| row.layer == Layer::AnyTransport && there(row))
            }
        }
    }

    fn raw(&self, base: Name, offset: u64, bits: u64, span: Span) -> Checked<Select> {
        let base = self.text(base).trim_start_matches('@');
        let selector = self.lookup(&format!("@{base}"), "", span)?;
        let name = &selector.protocol[1..];
        let (offset, bits) = raw_place(offset, bits, span)?;
        if let Some(field) = self.field_at(selector, offset, bits) {
            return Ok(Select::plain(field));
        }
        let select = Select::plain(selector).typed(selector.datatype, bits);
        let select = select.loading(|record| {
            record.offset = offset;
            record.bits = bits as u16;
        });
        Ok(select.with(Argument::Raw(name, offset)))
    }

    fn connection(
        &self,
        direction: Option<&Ident>,
        family: Option<&Ident>,
        key: &Ident,
        span: Span,
    ) -> Checked<Select> {
        let selector = self.lookup("ct", self.text(key.name), key.span)?;
        let select = Select::plain(selector);
        let row = DIRECTIONS.iter().find(|(name, _)| *name == selector.name);
        let way = match direction {
            None => None,
            Some(ident) => Some(match self.text(ident.name) {
                "original" => Direction::Original,
                "reply" => Direction::Reply,
                _ => return refuse(CheckErrorKind::Direction, ident.span),
            }),
        };
        match (row, way) {
            (None, Some(_)) => return refuse(CheckErrorKind::NoDirection(selector.name), span),
            (Some((_, true)), None) => {
                return refuse(CheckErrorKind::NeedsDirection(selector.name), span)
            }
            _ => {}
        }
        // Both directions are of the same protocols: nft does not list which was said.
        let way = way.filter(|_| !matches!(selector.name, "l3proto" | "protocol"));
        let select = select.loading(|record| record.flags = way.map_or(0, direction_flag));
        let (select, said) = match selector.name {
            "saddr" | "daddr" => self.connection_address(select, family, span)?,
            _ => match family {
                Some(ident) => return refuse(CheckErrorKind::NoFamily(selector.name), ident.span),
                None => (select, None),
            },
        };
        let argument = match way {
            None => Argument::None,
            way => Argument::Direction(way, said),
        };
        Ok(select.with(argument))
    }

    /// Addresses are of the family that was said, or else of the one that the rule is about.
    fn connection_address(
        &self,
        select: Select,
        family: Option<&Ident>,
        span: Span,
    ) -> Checked<(Select, Option<&'static str>)> {
        let said = family.map(|ident| self.family(ident)).transpose()?;
        let Some(known) = said.or(self.context.network) else {
            return refuse(CheckErrorKind::NeedsFamily("ct original ip saddr"), span);
        };
        let source = select.selector.name == "saddr";
        let key = match (known, source) {
            (Family::Ip6, true) => CtKey::SrcIp6,
            (Family::Ip6, false) => CtKey::DstIp6,
            (_, true) => CtKey::SrcIp,
            (_, false) => CtKey::DstIp,
        };
        let (datatype, bits) = address_type(known);
        let select = select.typed(datatype, bits);
        let select = select.loading(|record| record.key = key as u8);
        Ok((select, said.map(Family::name)))
    }

    fn family(&self, ident: &Ident) -> Checked<Family> {
        match self.text(ident.name) {
            "ip" => Ok(Family::Ip),
            "ip6" => Ok(Family::Ip6),
            _ => refuse(CheckErrorKind::NeedsFamily("ip or ip6"), ident.span),
        }
    }

    fn socket(&self, key: &Ident, level: Option<u64>, span: Span) -> Checked<Select> {
        let selector = self.lookup("socket", self.text(key.name), key.span)?;
        let select = Select::plain(selector);
        match level {
            None => Ok(select),
            Some(level) if selector.name == "cgroupv2" && level <= 255 => {
                let level = level as u32;
                let select = select.loading(|record| record.a = level);
                Ok(select.with(Argument::Level(level)))
            }
            Some(value) if selector.name == "cgroupv2" => {
                let value = value.into();
                refuse(CheckErrorKind::OutOfRange { value, max: 255 }, span)
            }
            Some(_) => refuse(CheckErrorKind::NoLevel(selector.name), span),
        }
    }

    fn fib(&self, flags: &[Ident], result: &Ident, span: Span) -> Checked<Select> {
        let selector = self.lookup("fib", self.text(result.name), result.span)?;
        let mut bits = 0;
        for flag in flags {
            let name = self.text(flag.name);
            let Some((_, bit)) = FIB_FLAGS.iter().find(|(known, _)| *known == name) else {
                return refuse(CheckErrorKind::FibFlag(name.to_owned()), flag.span);
            };
            bits |= bit;
        }
        if (bits & 3).count_ones() != 1 {
            return refuse(CheckErrorKind::FibAddress, span);
        }
        if bits & 24 == 24 || (bits & FIB_OIF != 0 && selector.name != "type") {
            return refuse(CheckErrorKind::FibInterface, span);
        }
        let names = FIB_FLAGS.iter().filter(|(_, bit)| bits & bit != 0);
        let names = names.map(|(name, _)| *name).collect();
        let select = Select::plain(selector).loading(|record| record.a = bits);
        Ok(select.with(Argument::Fib(names)))
    }

    fn route(&mut self, family: Option<&Ident>, name: &str, span: Span) -> Checked<Select> {
        let selector = self.lookup("rt", name, span)?;
        let select = Select::plain(selector);
        let said = family.map(|ident| self.family(ident)).transpose()?;
        if name != "nexthop" {
            return Ok(select);
        }
        let Some(known) = said.or(self.context.network) else {
            return refuse(CheckErrorKind::NeedsFamily("rt ip nexthop"), span);
        };
        if self.context.network.is_some_and(|network| network != known) {
            let before = self.context.network.map_or("", Family::name).to_owned();
            let after = known.name().to_owned();
            let layer = "network";
            let kind = CheckErrorKind::Conflict {
                layer,
                before,
                after,
            };
            return refuse(kind, span);
        }
        let (datatype, bits) = address_type(known);
        let select = select.typed(datatype, bits);
        let select = select.loading(|record| record.key = if known == Family::Ip6 { 2 } else { 1 });
        Ok(match said {
            Some(family) => select.with(Argument::Family(family.name())),
            None => select.with(Argument::Family(known.name())),
        })
    }

    fn ipsec(&self, expr: &Expr) -> Checked<Select> {
        let ExprKind::Ipsec {
            direction,
            number,
            family,
            key,
        } = &expr.kind
        else {
            return refuse(CheckErrorKind::NotSelector, expr.span);
        };
        let selector = self.lookup("ipsec", self.text(key.name), key.span)?;
        let way = match self.text(direction.name) {
            "in" => Direction::Original,
            "out" => Direction::Reply,
            _ => return refuse(CheckErrorKind::Direction, direction.span),
        };
        if *number > 255 {
            let value = u128::from(*number);
            return refuse(CheckErrorKind::OutOfRange { value, max: 255 }, expr.span);
        }
        let number = *number as u32;
        let said = family
            .as_ref()
            .map(|ident| self.family(ident))
            .transpose()?;
        let select = Select::plain(selector).loading(|record| {
            record.flags = direction_flag(way);
            record.a = number;
        });
        let address = matches!(selector.name, "saddr" | "daddr");
        let select = match (address, said) {
            (false, None) => select,
            (false, Some(_)) => return refuse(CheckErrorKind::NoFamily(selector.name), expr.span),
            (true, None) => {
                let kind = CheckErrorKind::NeedsFamily("ipsec in ip saddr");
                return refuse(kind, expr.span);
            }
            (true, Some(family)) => {
                let (datatype, bits) = address_type(family);
                let wide = u8::from(family == Family::Ip6);
                select
                    .typed(datatype, bits)
                    .loading(|record| record.key += wide)
            }
        };
        Ok(select.with(Argument::Ipsec(way, number, said.map(Family::name))))
    }

    fn option(
        &self,
        protocol: Name,
        option: &Ident,
        field: Option<&Ident>,
        span: Span,
    ) -> Checked<Select> {
        let list = match self.text(protocol) {
            "sctp" => "sctp chunk",
            "ip" => "ip option",
            "dccp" => "dccp option",
            _ => "tcp option",
        };
        let name = self.text(option.name);
        if let (Ok(number), None) = (name.parse::<u64>(), field) {
            return self.option_number(list, number, option.span);
        }
        let alias = TCP_ALIASES.iter().find(|(alias, _)| *alias == name);
        let name = match alias {
            Some((_, name)) if list == "tcp option" => name,
            _ => name,
        };
        let selector = match field {
            None => self.lookup(list, name, span)?,
            Some(field) => {
                let name = format!("{name} {}", self.text(field.name));
                self.lookup(list, &name, span)?
            }
        };
        Ok(Select::plain(selector))
    }

    fn option_number(&self, list: &str, number: u64, span: Span) -> Checked<Select> {
        let op = match list {
            "tcp option" => ExthdrOp::Tcp,
            "dccp option" => ExthdrOp::Dccp,
            _ => return refuse(CheckErrorKind::OptionByNumber, span),
        };
        let Ok(kind) = u8::try_from(number) else {
            let value = number.into();
            return refuse(CheckErrorKind::OutOfRange { value, max: 255 }, span);
        };
        let select = Select::plain(self.lookup(list, "", span)?);
        let select = select.loading(|record| *record = presence(op, kind));
        Ok(select.with(Argument::Number(kind.into())))
    }

    fn raw_option(&self, kind: u64, offset: u64, bits: u64, span: Span) -> Checked<Select> {
        let (offset, bits) = raw_place(offset, bits, span)?;
        let Ok(kind) = u8::try_from(kind) else {
            let value = kind.into();
            return refuse(CheckErrorKind::OutOfRange { value, max: 255 }, span);
        };
        let selector = self.lookup("tcp option", "@", span)?;
        let mut select = Select::plain(selector);
        select.bits = bits;
        let select = select.loading(|record| *record = load(ExthdrOp::Tcp, kind, offset, bits));
        Ok(select.with(Argument::RawOption(kind.into(), offset)))
    }

    fn inner(&mut self, tunnel: &Ident, inner: &Expr) -> Checked<Select> {
        let name = self.text(tunnel.name);
        let Some((_, tunnel)) = TUNNELS.iter().find(|(known, _)| *known == name) else {
            return refuse(CheckErrorKind::Tunnel(name.to_owned()), tunnel.span);
        };
        let select = match &inner.kind {
            ExprKind::Header(protocol, field) => {
                let (protocol, field) = (self.text(*protocol), self.text(*field));
                Select::plain(self.lookup(protocol, field, inner.span)?)
            }
            ExprKind::Raw { base, offset, bits } => self.raw(*base, *offset, *bits, inner.span)?,
            _ => return refuse(CheckErrorKind::NotInner, inner.span),
        };
        let offset = match (select.selector.place, &*select.argument) {
            (Some((base, _)), Argument::Raw(_, offset)) => (base, *offset),
            (Some(place), _) => place,
            (None, _) => return refuse(CheckErrorKind::NotInner, inner.span),
        };
        let record = inner_payload(*tunnel, offset.0, offset.1, select.bits);
        Ok(Select {
            source: Source::Record(record),
            tunnel: Some(*tunnel),
            ..select
        })
    }

    /// Refuses what can only be set.
    pub(super) fn comparable(&self, select: &Select, span: Span) -> Checked<()> {
        match select.selector.set {
            Settable::Only => {
                let name = format!("{} {}", select.selector.protocol, select.selector.name);
                refuse(CheckErrorKind::NotComparable(name), span)
            }
            _ => Ok(()),
        }
    }
}

/// `fib … oif exists`: whether there is a route, not where it leads.
pub(super) fn fib_presence(select: &Select) -> Select {
    let mut select = select.clone().typed(Datatype::Boolean, 1);
    if let (Some(check), Some(Source::Record(row))) = (
        get("fib", "check"),
        get("fib", "check").map(|row| row.source),
    ) {
        select.selector = check;
        select = select.loading(|record| record.key = row.key);
    }
    select.loading(|record| record.flags |= EXPR_PRESENT)
}

/// The byte that raw payload of the link header lies in, and how far from its end, if it is less than a byte:
/// nft lists the byte and a mask.
pub(super) fn byte_of(select: &Select) -> Option<(Select, u32)> {
    let Argument::Raw("ll", offset) = *select.argument else {
        return None;
    };
    let last = offset % 8 + select.bits;
    if select.bits >= 8 || last > 8 || select.tunnel.is_some() {
        return None;
    }
    let first = offset - offset % 8;
    let mut byte = select.clone();
    byte.bits = 8;
    let byte = byte.loading(|record| {
        record.offset = first;
        record.bits = 8;
    });
    Some((byte.with(Argument::Raw("ll", first)), 8 - last))
}

fn raw_place(offset: u64, bits: u64, span: Span) -> Checked<(u32, u32)> {
    match (u32::try_from(offset), u32::try_from(bits)) {
        (Ok(offset), Ok(bits)) if (1..=128).contains(&bits) && offset <= 65_535 => {
            Ok((offset, bits))
        }
        _ => refuse(CheckErrorKind::RawLength, span),
    }
}

/// Fields of the header of a transport protocol.
fn transport_rows(protocol: u128) -> impl Iterator<Item = &'static Selector> {
    SELECTORS.iter().filter(
        move |row| matches!(row.layer, Layer::Transport(of, _) if u128::from(of) == protocol),
    )
}

/// Type and width of the addresses of a family.
pub(super) fn address_type(family: Family) -> (Datatype, u32) {
    match family {
        Family::Ip6 => (Datatype::Ipv6, 128),
        _ => (Datatype::Ipv4, 32),
    }
}
