// SPDX-License-Identifier: GPL-2.0
//! A packet as the engine sees it on the host.

use ferrule_engine::{checksum, state, Found, Packet, Update};
use ferrule_uapi::{
    expr::{Expr, ExprKind, MetaKey},
    hook::{Family, Hook},
    program::Wide,
    statement::{RejectKind, Statement, StatementKind},
};

use super::{
    context::{Context, Frame},
    log::{self, Line},
    set::{self, Place},
    Host, Judgement,
};

/// `PACKET_OTHERHOST`: packet types up to this one can be set (`skb_pkt_type_ok()`).
const OTHERHOST: u8 = 3;

/// `NF_CT_STATE_UNTRACKED_BIT`.
const UNTRACKED: u32 = 64;

/// A packet that is judged.
pub(super) struct Subject<'h, 'a> {
    host: &'h mut Host<'a>,
    hook: Hook,
    family: Family,
    link: Vec<u8>,
    packet: Vec<u8>,
    len: u32,
    pkttype: u8,
    context: Context,
    counted: Vec<u32>,
    lines: Vec<Line>,
    acts: Vec<(Statement, Wide, u32)>,
    rejected: Option<(RejectKind, u8)>,
}

impl<'h, 'a> Subject<'h, 'a> {
    /// The packet of `frame` at `hook`.
    pub(super) fn new(
        host: &'h mut Host<'a>,
        hook: Hook,
        frame: &Frame<'_>,
        context: &Context,
    ) -> Self {
        Subject {
            host,
            hook,
            family: frame.family,
            link: frame.link.to_owned(),
            packet: frame.packet.to_owned(),
            len: frame.len,
            pkttype: frame.pkttype,
            context: context.clone(),
            counted: Vec::new(),
            lines: Vec::new(),
            acts: Vec::new(),
            rejected: None,
        }
    }

    /// What became of it, the decisions apart.
    pub(super) fn finish(self, judgement: &mut Judgement) {
        judgement.rejected = self.rejected;
        judgement.mark = self.context.mark;
        judgement.counted = self.counted;
        judgement.lines = self.lines;
        judgement.acts = self.acts;
        judgement.packet = self.packet;
        judgement.link = self.link;
    }

    /// Keeps in mind what a statement set, for expressions that ask for it.
    fn note(&mut self, statement: &Statement, value: Wide) {
        let value = u128::from(value.hi) << 64 | u128::from(value.lo);
        match StatementKind::from_raw(statement.kind) {
            Some(StatementKind::SetMeta) if statement.key == MetaKey::Pkttype as u8 => {
                let wanted = value as u8;
                if wanted <= OTHERHOST && self.pkttype <= OTHERHOST {
                    self.pkttype = wanted;
                }
            }
            Some(StatementKind::SetMeta) => {
                self.context.set(ExprKind::Meta, statement.key, 0, value);
            }
            Some(StatementKind::SetCt) => {
                let flags = statement.flags;
                self.context.set(ExprKind::Ct, statement.key, flags, value);
            }
            Some(StatementKind::Notrack) => self.context.set_ct_state(UNTRACKED),
            _ => {}
        }
    }

    /// A hash that is the same in both directions.
    fn symmetric_hash(&self) -> Wide {
        let (addresses, rest) = match self.family {
            Family::Ip6 => (self.packet.get(8..40), self.packet.get(40..44)),
            _ => (self.packet.get(12..20), self.packet.get(20..24)),
        };
        let half = |bytes: Option<&[u8]>| -> u32 {
            let bytes = bytes.unwrap_or_default();
            let (one, other) = bytes.split_at(bytes.len() / 2);
            let sum = |bytes: &[u8]| {
                let step =
                    |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
                bytes.iter().fold(0x811c_9dc5, step)
            };
            sum(one) ^ sum(other)
        };
        let hash = half(addresses).rotate_left(16) ^ half(rest);
        Wide {
            hi: 0,
            lo: hash.into(),
        }
    }
}

impl Packet for Subject<'_, '_> {
    fn family(&self) -> Family {
        self.family
    }

    fn len(&self) -> u32 {
        self.len
    }

    fn head(&self) -> &[u8] {
        &self.packet
    }

    fn copy(&self, offset: u32, to: &mut [u8]) -> bool {
        let start = offset as usize;
        let from = self.packet.get(start..start.saturating_add(to.len()));
        from.map(|from| to.copy_from_slice(from)).is_some()
    }

    fn protocol(&self) -> u16 {
        match self.family {
            Family::Ip6 => 0x86dd,
            _ => 0x0800,
        }
    }

    fn pkttype(&self) -> u8 {
        self.pkttype
    }

    fn iif(&self) -> u32 {
        self.context.input.map_or(0, |nic| nic.index)
    }

    fn oif(&self) -> u32 {
        self.context.output.map_or(0, |nic| nic.index)
    }

    fn iifname(&self) -> [u8; 16] {
        self.context.input.map_or([0; 16], |nic| nic.name)
    }

    fn oifname(&self) -> [u8; 16] {
        self.context.output.map_or([0; 16], |nic| nic.name)
    }

    fn mark(&self) -> u32 {
        self.context.mark
    }

    fn set_mark(&mut self, mark: u32) {
        self.context.mark = mark;
    }

    fn count(&mut self, counter: u32) {
        self.counted.push(counter);
        if let Some(value) = self.host.counters.get_mut(counter as usize) {
            value.packets = value.packets.wrapping_add(1);
            value.bytes = value.bytes.wrapping_add(self.len.into());
        }
    }

    fn link(&self) -> &[u8] {
        &self.link
    }

    fn write_link(&mut self, offset: u32, bytes: &[u8]) -> bool {
        overwrite(&mut self.link, offset, bytes)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> bool {
        overwrite(&mut self.packet, offset, bytes)
    }

    fn fix_checksum(&mut self, at: u32, from: &[u8], to: &[u8], _pseudo: bool) -> bool {
        let Some(sum) = self.bytes(at) else {
            return false;
        };
        let sum = checksum::replaced(u16::from_be_bytes(sum), from, to);
        self.write(at, &sum.to_be_bytes())
    }

    fn fact(&mut self, expr: &Expr) -> Option<Wide> {
        match ExprKind::from_raw(expr.kind) {
            Some(ExprKind::Symhash) => Some(self.symmetric_hash()),
            Some(ExprKind::Meta) if expr.key == MetaKey::Random as u8 => Some(Wide {
                hi: 0,
                lo: self.host.next_random().into(),
            }),
            _ => self.context.fact(expr, self.host.now),
        }
    }

    fn random(&mut self) -> u32 {
        self.host.next_random()
    }

    fn number(&mut self, index: u32, modulus: u32) -> u32 {
        let Some(cell) = self.host.states.get_mut(index as usize) else {
            return 0;
        };
        let (after, number) = state::number(*cell, modulus);
        *cell = after;
        number
    }

    fn ask(&mut self, index: u32) -> Option<bool> {
        let at = index as usize;
        let Host {
            view, states, now, ..
        } = &mut *self.host;
        let (Some(record), Some(cell)) = (view.states().get(at), states.get_mut(at)) else {
            return Some(false);
        };
        let (after, yes) = set::ask(record, *cell, self.len, *now);
        *cell = after;
        Some(yes)
    }

    fn find(&mut self, index: u32, key: &[u8]) -> Option<Found> {
        let Host {
            view, sets, now, ..
        } = &mut *self.host;
        let elements = sets.get_mut(index as usize)?;
        let place = Place { view, now: *now };
        elements.find(key, self.len, &place)
    }

    fn holds(&mut self, index: u32, key: &[u8]) -> bool {
        let now = self.host.now;
        let elements = self.host.sets.get(index as usize);
        elements.is_some_and(|elements| elements.get(key, now).is_some())
    }

    fn update(&mut self, update: &Update<'_>) -> bool {
        let Host {
            view, sets, now, ..
        } = &mut *self.host;
        let Some(elements) = sets.get_mut(update.set as usize) else {
            return false;
        };
        let place = Place { view, now: *now };
        elements.update(update, self.len, &place)
    }

    fn act(&mut self, statement: &Statement, value: Wide, rule: u32) -> bool {
        if statement.kind == StatementKind::Log as u8 {
            let view = self.host.view;
            let Some(log) = view.logs().get(statement.a as usize) else {
                return false;
            };
            let (input, output) = (self.context.input, self.context.output);
            let prefix = view.string(log.prefix);
            // As netfilter tells its functions: there is no sending interface yet, or no receiving one.
            let input = input.filter(|_| self.hook != Hook::LocalOut);
            self.lines.push(Line {
                rule,
                log: statement.a,
                text: log::text(prefix, self.family, &self.packet, input, output),
            });
            return true;
        }
        self.note(statement, value);
        self.acts.push((*statement, value, rule));
        true
    }

    fn reject(&mut self, kind: RejectKind, code: u8) {
        self.rejected = Some((kind, code));
    }
}

/// Overwrites bytes that are there.
fn overwrite(bytes: &mut [u8], offset: u32, with: &[u8]) -> bool {
    let start = offset as usize;
    let to = bytes.get_mut(start..start.saturating_add(with.len()));
    to.map(|to| to.copy_from_slice(with)).is_some()
}
