// SPDX-License-Identifier: GPL-2.0
//! Expressions that begin with a word of their own: headers, `meta`, `ct`, `fib`, hashes, …

use super::expr::Side;
use super::{Parsed, Parser};
use crate::lang::error::SyntaxErrorKind;
use crate::lang::syntax::{Expr, ExprKind, Ident, Name};
use crate::lang::token::TokenKind;
use crate::lang::words::{self, Role};

/// The fields of options. None of them begins a statement or is a value.
const OPTION_FIELDS: &[(&str, &[&str])] = &[
    (
        "tcp",
        &[
            "size", "left", "right", "count", "tsval", "tsecr", "length", "subtype",
        ],
    ),
    ("ip", &["type", "length", "value", "ptr", "addr"]),
    (
        "sctp",
        &[
            "type",
            "flags",
            "length",
            "tsn",
            "stream",
            "ssn",
            "ppid",
            "init-tag",
            "a-rwnd",
            "num-outbound-streams",
            "num-inbound-streams",
            "initial-tsn",
            "cum-tsn-ack",
            "num-gap-ack-blocks",
            "num-dup-tsns",
            "lowest-tsn",
            "seqno",
            "new-cum-tsn",
        ],
    ),
];

/// TCP options by name, for `tcp option @NAME,…`.
const TCP_OPTIONS: &[(&str, u64)] = &[
    ("eol", 0),
    ("nop", 1),
    ("noop", 1),
    ("maxseg", 2),
    ("mss", 2),
    ("window", 3),
    ("sack-permitted", 4),
    ("sack-perm", 4),
    ("sack", 5),
    ("sack0", 5),
    ("echo", 8),
    ("timestamp", 8),
    ("md5sig", 19),
    ("mptcp", 30),
    ("fastopen", 34),
];

impl Parser<'_> {
    /// A word: an expression if it begins one, else a name for the next stage.
    pub(super) fn word(&mut self, side: Side) -> Parsed<Expr> {
        let start = self.peek().span;
        let word = self.sources.snippet(start);
        let role = words::role(word);
        let symbol = words::is_symbol(word);
        if symbol && (role.is_none() || (side == Side::Right && !self.field_follows())) {
            self.bump();
            return Ok(Expr {
                kind: ExprKind::Word(self.intern(start)),
                span: start,
            });
        }
        let kind = match role {
            Some(Role::Meta) => self.meta()?,
            Some(Role::MetaKey) => {
                self.bump();
                ExprKind::Meta(self.intern(start))
            }
            Some(Role::Protocol) => self.header()?,
            Some(Role::Tunnel) => self.tunnel()?,
            Some(Role::Selector) => self.selector()?,
            Some(Role::Unsupported(feature)) => {
                return self.unsupported(feature, super::rule::LATER, start)
            }
            _ if symbol => {
                self.bump();
                ExprKind::Word(self.intern(start))
            }
            _ => return Err(self.unexpected("a value", None)),
        };
        Ok(Expr {
            kind,
            span: self.since(start),
        })
    }

    /// Whether the word behind the next one is the name of a field.
    fn field_follows(&mut self) -> bool {
        self.second_word().is_some_and(words::is_field)
    }

    /// `meta KEY`.
    fn meta(&mut self) -> Parsed<ExprKind> {
        self.bump();
        let key = self.any_word("a meta key, such as `l4proto`")?;
        Ok(ExprKind::Meta(key.name))
    }

    /// `PROTOCOL FIELD`, or an option of the protocol.
    fn header(&mut self) -> Parsed<ExprKind> {
        let protocol = self.bump().span;
        let protocol = self.intern(protocol);
        let field = self.any_word("a field of the header")?;
        let next = self.peek().kind;
        match (self.names.get(protocol), self.names.get(field.name)) {
            ("tcp", "option") if next == TokenKind::At => self.raw_option(),
            ("tcp" | "ip" | "dccp", "option") | ("sctp", "chunk") => self.option(protocol),
            ("arp", "saddr" | "daddr") => self.arp_address(protocol, field),
            ("rt0" | "rt2" | "srh", _) if next == TokenKind::LBracket => {
                self.indexed(protocol, field)
            }
            _ => Ok(ExprKind::Header(protocol, field.name)),
        }
    }

    /// `arp saddr ip`: the field is two words.
    fn arp_address(&mut self, protocol: Name, field: Ident) -> Parsed<ExprKind> {
        let of = self.any_word("`ip` or `ether`")?;
        let text = format!("{} {}", self.names.get(field.name), self.names.get(of.name));
        Ok(ExprKind::Header(protocol, self.names.intern(&text)))
    }

    /// `rt0 addr[1]`: the index belongs to the field's name.
    fn indexed(&mut self, protocol: Name, field: Ident) -> Parsed<ExprKind> {
        self.bump();
        let index = self.number("the index")?;
        self.expect(TokenKind::RBracket, "`]`")?;
        let text = format!("{}[{index}]", self.names.get(field.name));
        Ok(ExprKind::Header(protocol, self.names.intern(&text)))
    }

    /// An option's name or number and its field, behind `tcp option`.
    fn option(&mut self, protocol: Name) -> Parsed<ExprKind> {
        let option = match self.peek().kind {
            TokenKind::Number => {
                let span = self.peek().span;
                let number = self.number("the option's number")?;
                let name = self.names.intern(&number.to_string());
                Ident { name, span }
            }
            _ => self.any_word("an option's name or number")?,
        };
        let known = self.names.get(protocol);
        let fields = OPTION_FIELDS.iter().find(|(name, _)| *name == known);
        let fields = fields.map_or(&[][..], |(_, fields)| *fields);
        let there = self.peek_word().is_some_and(|word| fields.contains(&word));
        let field = match there {
            true => Some(self.any_word("a field of the option")?),
            false => None,
        };
        Ok(ExprKind::Option {
            protocol,
            option,
            field,
        })
    }

    /// `@42,16,4` behind `tcp option`.
    fn raw_option(&mut self) -> Parsed<ExprKind> {
        self.bump();
        let kind = match self.peek_word() {
            None => self.number("the option's number")?,
            Some(word) => match TCP_OPTIONS.iter().find(|(name, _)| *name == word) {
                Some((_, kind)) => {
                    self.bump();
                    *kind
                }
                None => return Err(self.unexpected("a TCP option", None)),
            },
        };
        let (offset, bits) = self.offset_and_bits()?;
        Ok(ExprKind::RawOption { kind, offset, bits })
    }

    /// `, OFFSET, LENGTH`.
    fn offset_and_bits(&mut self) -> Parsed<(u64, u64)> {
        self.expect(TokenKind::Comma, "`,`")?;
        let offset = self.number("the offset in bits")?;
        self.expect(TokenKind::Comma, "`,`")?;
        let span = self.peek().span;
        let bits = self.number("the length in bits")?;
        if bits == 0 {
            return Err(self.error(SyntaxErrorKind::ZeroLength, span));
        }
        Ok((offset, bits))
    }

    /// Whether `@` begins raw payload and not the name of a set.
    pub(super) fn at_raw(&mut self) -> bool {
        let Some("ll" | "nh" | "th" | "ih") = self.second_word() else {
            return false;
        };
        let Some(input) = self.inputs.last() else {
            return false;
        };
        let third = input.tokens.get(input.next + 2);
        third.is_some_and(|token| token.kind == TokenKind::Comma)
    }

    /// `@th,16,16`.
    pub(super) fn raw(&mut self) -> Parsed<ExprKind> {
        self.bump();
        let base = self.any_word("`ll`, `nh`, `th` or `ih`")?;
        let (offset, bits) = self.offset_and_bits()?;
        Ok(ExprKind::Raw {
            base: base.name,
            offset,
            bits,
        })
    }

    /// `vxlan vni`, `geneve ip saddr`, `gre version`, `gretap ether saddr`.
    fn tunnel(&mut self) -> Parsed<ExprKind> {
        let tunnel = self.any_word("a tunnel")?;
        let inner = self
            .peek_word()
            .is_some_and(|word| words::role(word) == Some(Role::Protocol));
        if inner {
            let expr = self.word(Side::Left)?;
            return Ok(ExprKind::Inner(tunnel, Box::new(expr)));
        }
        let field = self.any_word("a field of the tunnel's header, or of one within it")?;
        Ok(ExprKind::Header(tunnel.name, field.name))
    }

    fn selector(&mut self) -> Parsed<ExprKind> {
        match self.peek_word() {
            Some("ct") => self.ct(),
            Some("fib") => self.fib(),
            Some("socket") => self.socket(),
            Some("rt") => self.rt(),
            Some("ipsec") => self.ipsec(),
            Some("numgen") => self.numgen(),
            Some("jhash") => self.jhash(),
            Some("symhash") => self.symhash(),
            _ => {
                self.bump();
                Ok(ExprKind::Exthdr(self.any_word("an extension header")?))
            }
        }
    }

    /// A word if it is one of these.
    fn optional(&mut self, words: &[&str]) -> Parsed<Option<Ident>> {
        match self.peek_word() {
            Some(word) if words.contains(&word) => Ok(Some(self.any_word("")?)),
            _ => Ok(None),
        }
    }

    /// `ct [original|reply] [ip|ip6] KEY`.
    fn ct(&mut self) -> Parsed<ExprKind> {
        self.bump();
        let direction = self.optional(&["original", "reply"])?;
        let family = self.optional(&["ip", "ip6"])?;
        let key = self.any_word("a connection tracking key, such as `state`")?;
        Ok(ExprKind::Ct {
            direction,
            family,
            key,
        })
    }

    /// `fib FLAG . FLAG RESULT`.
    fn fib(&mut self) -> Parsed<ExprKind> {
        self.bump();
        let mut flags = vec![self.any_word("`saddr` or `daddr`")?];
        while self.eat(TokenKind::Dot) {
            flags.push(self.any_word("`saddr`, `daddr`, `mark`, `iif` or `oif`")?);
        }
        let result = self.any_word("`oif`, `oifname`, `type` or `check`")?;
        Ok(ExprKind::Fib { flags, result })
    }

    /// `socket KEY [level N]`.
    fn socket(&mut self) -> Parsed<ExprKind> {
        self.bump();
        let key = self.any_word("`transparent`, `mark`, `wildcard` or `cgroupv2`")?;
        let level = match self.eat_word("level") {
            true => Some(self.number("the level")?),
            false => None,
        };
        Ok(ExprKind::Socket { key, level })
    }

    /// `rt [ip|ip6] KEY`, or a field of the routing header.
    fn rt(&mut self) -> Parsed<ExprKind> {
        let rt = self.bump().span;
        let family = self.optional(&["ip", "ip6"])?;
        let key = self.any_word("a routing key, such as `mtu`")?;
        let header = matches!(
            self.names.get(key.name),
            "nexthdr" | "hdrlength" | "type" | "seg-left"
        );
        if header && family.is_none() {
            return Ok(ExprKind::Header(self.intern(rt), key.name));
        }
        Ok(ExprKind::Rt { family, key })
    }

    /// `ipsec in|out [spnum N] [ip|ip6] KEY`; `ipsec` alone is a meta key.
    fn ipsec(&mut self) -> Parsed<ExprKind> {
        let span = self.bump().span;
        let Some(direction) = self.optional(&["in", "out"])? else {
            return Ok(ExprKind::Meta(self.intern(span)));
        };
        let number = match self.eat_word("spnum") {
            true => self.number("a number")?,
            false => 0,
        };
        let family = self.optional(&["ip", "ip6"])?;
        let key = self.any_word("`reqid`, `spi`, `saddr` or `daddr`")?;
        Ok(ExprKind::Ipsec {
            direction,
            number,
            family,
            key,
        })
    }

    /// `numgen inc|random mod N [offset N]`.
    fn numgen(&mut self) -> Parsed<ExprKind> {
        self.bump();
        let random = match self.one_of(&["inc", "random"]) {
            Some(word) => word == "random",
            None => return Err(self.unexpected("`inc` or `random`", None)),
        };
        let modulus = self.modulus()?;
        Ok(ExprKind::Numgen {
            random,
            modulus,
            offset: self.offset()?,
        })
    }

    /// `jhash EXPR mod N [seed N] [offset N]`.
    fn jhash(&mut self) -> Parsed<ExprKind> {
        self.bump();
        let expr = Box::new(self.concat_left()?);
        let modulus = self.modulus()?;
        let seed = match self.eat_word("seed") {
            true => Some(self.number("the seed")?),
            false => None,
        };
        Ok(ExprKind::Jhash {
            expr,
            modulus,
            seed,
            offset: self.offset()?,
        })
    }

    /// `symhash mod N [offset N]`.
    fn symhash(&mut self) -> Parsed<ExprKind> {
        self.bump();
        let modulus = self.modulus()?;
        Ok(ExprKind::Symhash {
            modulus,
            offset: self.offset()?,
        })
    }

    fn modulus(&mut self) -> Parsed<u64> {
        self.expect_word("mod", "`mod` and a number")?;
        self.number("a number")
    }

    fn offset(&mut self) -> Parsed<u64> {
        match self.eat_word("offset") {
            true => self.number("the offset"),
            false => Ok(0),
        }
    }
}
