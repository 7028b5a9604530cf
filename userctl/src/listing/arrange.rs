// SPDX-License-Identifier: GPL-2.0
//! Which comparisons of a rule nft lists, and in which order.
//!
//! nft lists what the kernel has, and cannot tell what was written from what it had asked for of its
//! own accord. So a comparison that the ones behind it imply is not listed (`meta l4proto tcp tcp dport 22`
//! becomes `tcp dport 22`), as long as nothing is done in between; and fields that lie side by side are
//! compared at once, and listed as they lie.

use ferrule_uapi::hook::Family;
use ferrule_uapi::statement::RejectKind;

use crate::ruleset::expr::Select;
use crate::ruleset::{max, Expr, Form, Layer, Match, Op, Statement, Tells, Test};

/// How many bits nft puts together.
const MERGED_BITS: u32 = 32;

const ARPHRD_ETHER: u128 = 1;
const IPPROTO_TCP: u128 = 6;
const ETH_P_IP: u128 = 0x0800;
const ETH_P_IPV6: u128 = 0x86dd;

/// Something that a comparison says of the packet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fact {
    /// It has an Ethernet header.
    Link,
    /// It is of this family.
    Network(Family),
    /// It has this transport protocol.
    Transport(u128),
    /// It is an ICMP message of this protocol's and this type.
    Message(&'static str, u128),
}

/// The numbers of the statements to list, in the order in which they are listed. Only comparisons are
/// left out or change places.
pub(super) fn arrange(statements: &[Statement], family: Option<Family>) -> Vec<usize> {
    let unsaid = unsaid(statements, family);
    let mut order = Vec::with_capacity(statements.len());
    // Of the fields that are compared at once: where in `order` they begin, and their bits.
    let mut group: Option<(usize, u32, u32)> = None;
    for (index, statement) in statements.iter().enumerate() {
        if unsaid.contains(&index) {
            continue;
        }
        let field = place(statement);
        match (group, field) {
            (Some((at, lo, hi)), Some((first, end)))
                if end == lo
                    && hi - first <= MERGED_BITS
                    && same_header(statements, order[at], index) =>
            {
                order.insert(at, index);
                group = Some((at, first, hi));
            }
            (Some((at, lo, hi)), Some((first, end)))
                if first == hi
                    && end - lo <= MERGED_BITS
                    && same_header(statements, order[at], index) =>
            {
                order.push(index);
                group = Some((at, lo, end));
            }
            (_, field) => {
                group = field.map(|(first, end)| (order.len(), first, end));
                order.push(index);
            }
        }
    }
    order
}

/// The first bit and the one past the last of a field that is compared as a whole with one value.
fn place(statement: &Statement) -> Option<(u32, u32)> {
    let (select, _) = equality(statement)?;
    let (_, first) = select.selector.place?;
    let bits = select.bits;
    let whole_bytes = first % 8 == 0 && bits % 8 == 0 && select.tunnel.is_none();
    whole_bytes.then_some((first, first + bits))
}

fn same_header(statements: &[Statement], one: usize, other: usize) -> bool {
    let protocol = |index: usize| {
        let (select, _) = equality(statements.get(index)?)?;
        Some((select.selector.protocol, select.selector.place?.0))
    };
    protocol(one) == protocol(other)
}

/// What is compared with one value as a whole, and the value.
fn equality(statement: &Statement) -> Option<(&Select, u128)> {
    let Statement::Match(Match {
        left: Expr::Select(select),
        test:
            Test::Compare {
                mask,
                op: Op::Eq,
                value,
                form: Form::Plain,
            },
    }) = statement
    else {
        return None;
    };
    let whole = mask & max(select.bits) == max(select.bits);
    whole.then_some((select, *value))
}

/// The numbers of the comparisons that later ones imply.
fn unsaid(statements: &[Statement], family: Option<Family>) -> Vec<usize> {
    let mut unsaid = Vec::new();
    let mut pending: Vec<(usize, Fact)> = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        let mut implied = |select: &Select| {
            pending.retain(|(at, fact)| {
                let implied = implies(select, *fact, family);
                if implied {
                    unsaid.push(*at);
                }
                !implied
            });
        };
        visit(statement, &mut implied);
        match statement {
            Statement::Require(_) => {}
            Statement::Match(_) => {
                if let Some(fact) = fact(statement, family) {
                    pending.push((index, fact));
                }
            }
            Statement::Reject(reject) => {
                let of = match reject.kind {
                    RejectKind::Icmp => Some(Family::Ip),
                    RejectKind::Icmpv6 => Some(Family::Ip6),
                    _ => None,
                };
                let network = of.map(Fact::Network);
                let implied = pending.iter().filter(|(_, fact)| Some(*fact) == network);
                unsaid.extend(implied.map(|(at, _)| *at));
                pending.clear();
            }
            _ => pending.clear(),
        }
    }
    unsaid
}

/// What an equality says of the packet, if nft would have asked for it by itself.
fn fact(statement: &Statement, family: Option<Family>) -> Option<Fact> {
    let (select, value) = equality(statement)?;
    if select.tunnel.is_some() {
        return None;
    }
    let selector = select.selector;
    match (selector.protocol, selector.name) {
        ("meta", "l4proto") => Some(Fact::Transport(value)),
        ("ip", "protocol") if family == Some(Family::Ip) => Some(Fact::Transport(value)),
        ("meta", "iiftype") if value == ARPHRD_ETHER => Some(Fact::Link),
        ("meta", "nfproto") if family == Some(Family::Inet) => {
            let family = Family::from_raw(u8::try_from(value).ok()?)?;
            (family != Family::Inet).then_some(Fact::Network(family))
        }
        ("meta", "protocol") => {
            let asked = match value {
                ETH_P_IP => Family::Ip,
                ETH_P_IPV6 => Family::Ip6,
                _ => return None,
            };
            (family == Some(asked)).then_some(Fact::Network(asked))
        }
        (protocol, _) if selector.tells == Tells::Icmp => Some(Fact::Message(protocol, value)),
        _ => None,
    }
}

/// Whether a packet that has what is selected is as the fact says.
fn implies(select: &Select, fact: Fact, family: Option<Family>) -> bool {
    if select.tunnel.is_some() {
        return false;
    }
    let selector = select.selector;
    match fact {
        Fact::Link => matches!(selector.layer, Layer::Link | Layer::Vlan),
        Fact::Network(of) => match selector.layer {
            Layer::Network(layer) | Layer::Extension(layer) | Layer::Transport(_, Some(layer)) => {
                layer == of
            }
            // In a table of the family every packet is of it.
            Layer::AnyTransport | Layer::Transport(_, None) => family == Some(of),
            _ => false,
        },
        Fact::Transport(protocol) => match selector.layer {
            Layer::Transport(layer, _) => u128::from(layer) == protocol,
            _ => selector.protocol == "tcp option" && protocol == IPPROTO_TCP,
        },
        Fact::Message(protocol, kind) => selector.protocol == protocol && selector.types == [kind],
    }
}

/// Everything that a statement selects.
fn visit(statement: &Statement, each: &mut dyn FnMut(&Select)) {
    match statement {
        Statement::Match(matched) => {
            selects(&matched.left, each);
            if let Test::Dynamic { right, .. } = &matched.test {
                selects(right, each);
            }
        }
        Statement::Vmap { key, .. } => selects(key, each),
        Statement::Set(assignment) => {
            each(&assignment.target);
            selects(&assignment.value, each);
        }
        _ => {}
    }
}

fn selects(expr: &Expr, each: &mut dyn FnMut(&Select)) {
    match expr {
        Expr::Select(select) => each(select),
        Expr::Bitwise { left, right, .. } => {
            selects(left, each);
            selects(right, each);
        }
        Expr::Shift { expr, .. } | Expr::Map { key: expr, .. } | Expr::Jhash { key: expr, .. } => {
            selects(expr, each);
        }
        Expr::Concat(parts) => parts.iter().for_each(|part| selects(part, each)),
        Expr::Constant(_) | Expr::Numgen { .. } | Expr::Symhash { .. } => {}
    }
}
