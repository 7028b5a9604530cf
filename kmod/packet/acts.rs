// SPDX-License-Identifier: GPL-2.0
//! What only the kernel can do for a rule.
//!
//! | statement | what is done |
//! | --- | --- |
//! | `meta priority`, `secmark`, `nftrace set` | noted at the packet |
//! | `meta pkttype set` | noted, from and to host, broadcast, multicast and other host only (`skb_pkt_type_ok()`) |
//! | `ct mark`, `secmark`, `event set` | noted at the connection, and listeners are told |
//! | `ct label set` | added to the connection's |
//! | `ct zone set` | a template that says the zone, unless conntrack has seen the packet |
//! | `notrack` | conntrack will not look at the packet, unless it has |
//! | a `ct helper` | follows the connection, if that is new and of its protocol |
//! | a `ct expectation` | makes a connection from the other end related, if the packet's is new and has no helper |
//! | a `secmark` | noted at the packet |
//! | `log` | a line by netfilter's logger, a message to nflog's group, or to the audit system |
//! | `dup` | a copy is sent to the gateway |
//! | `reject` | an ICMP error or a TCP reset is sent |
//! | `queue` | the queue is chosen: by CPU, or by the flow's hash |

use ferrule_engine::Queue;
use ferrule_uapi::{
    expr::{CtKey, MetaKey},
    hook::{Family, Hook},
    program::Wide,
    statement::{Log, RejectKind, Statement, StatementKind, LOG_KERNEL},
};

use super::{facts::direction, Subject};
use crate::{
    abstractions::{netfilter::Verdict, nf_log::To},
    facilities::{Tool, LEVEL_AUDIT},
};

/// The greatest packet type that may be set (`PACKET_OTHERHOST`).
const OTHERHOST: u8 = 3;

/// Codes of ICMP and ICMPv6 by `NFT_REJECT_ICMPX_*`: no route, port, host, administratively prohibited.
const ICMPX: [(u8, u8); 4] = [(0, 0), (3, 4), (1, 3), (13, 1)];

impl Subject<'_> {
    /// Runs a statement. Apart from the engine's loop, which is to stay small.
    #[inline(never)]
    pub(super) fn perform(&mut self, statement: &Statement, value: Wide) -> bool {
        match StatementKind::from_raw(statement.kind) {
            Some(StatementKind::SetMeta) => self.set_meta(statement.key, value.lo as u32),
            Some(StatementKind::SetCt) => return self.set_ct(statement, value),
            Some(StatementKind::Notrack) => self.skb.leave_untracked(),
            Some(StatementKind::Object) => return self.use_object(statement.a),
            Some(StatementKind::Log) => self.log(statement.a),
            Some(StatementKind::Dup) => self.dup(statement, value),
            _ => return false,
        }
        true
    }

    fn set_meta(&mut self, key: u8, value: u32) {
        match MetaKey::from_raw(key) {
            Some(MetaKey::Priority) => self.skb.set_priority(value),
            Some(MetaKey::Secmark) => self.skb.set_secmark(value),
            Some(MetaKey::Nftrace) => self.skb.set_traced(value as u8 != 0),
            Some(MetaKey::Pkttype) => {
                let (before, after) = (self.skb.pkttype(), value as u8);
                if before != after && before <= OTHERHOST && after <= OTHERHOST {
                    self.skb.set_pkttype(after);
                }
            }
            _ => {}
        }
    }

    /// `false` only if there is no memory for a zone.
    fn set_ct(&mut self, statement: &Statement, value: Wide) -> bool {
        let Some(tracking) = self.loaded.facilities().tracking() else {
            return true;
        };
        let key = CtKey::from_raw(statement.key);
        if key == Some(CtKey::Zone) {
            let way = direction(statement.flags);
            return self.skb.set_zone(value.lo as u16, way, tracking, self.here);
        }
        let Some(ct) = self.skb.connection() else {
            return true;
        };
        match key {
            Some(CtKey::Mark) => ct.set_mark(value.lo as u32),
            Some(CtKey::Secmark) => ct.set_secmark(value.lo as u32),
            Some(CtKey::Labels) => {
                let labels = u128::from(value.hi) << 64 | u128::from(value.lo);
                ct.add_labels(labels, tracking);
            }
            Some(CtKey::Eventmask) => ct.set_events(value.lo as u32, tracking),
            _ => {}
        }
        true
    }

    fn use_object(&mut self, index: u32) -> bool {
        match self.loaded.facilities().tool(index) {
            Tool::None => true,
            Tool::Helper(helper) => helper.assign(self.skb),
            Tool::Expectation(expectation) => expectation.assign(self.skb),
            Tool::Secmark(secmark) => {
                self.skb.set_secmark(secmark.id());
                true
            }
        }
    }

    fn log(&self, index: u32) {
        let view = self.loaded.program().view();
        let Some(log) = view.logs().get(index as usize) else {
            return;
        };
        let Log {
            level,
            flags,
            snaplen,
            qthreshold,
            ..
        } = *log;
        if log.group != LOG_KERNEL {
            let to = To::Group {
                number: log.group as u16,
                snaplen,
                qthreshold,
            };
            self.skb.log(to, view.string(log.prefix));
        } else if level == LEVEL_AUDIT {
            self.skb.audit();
        } else {
            let to = To::Kernel { level, flags };
            self.skb.log(to, view.string(log.prefix));
        }
    }

    fn dup(&mut self, statement: &Statement, gateway: Wide) {
        let Some(copier) = self.loaded.facilities().copier() else {
            return;
        };
        let oif = (statement.b != 0).then_some(statement.b);
        match (Family::from_raw(statement.key), self.family) {
            (Some(Family::Ip), Family::Ip) => {
                let gateway = (gateway.lo as u32).to_be_bytes();
                copier.send(self.skb, gateway, oif);
            }
            (Some(Family::Ip6), Family::Ip6) => {
                let gateway = u128::from(gateway.hi) << 64 | u128::from(gateway.lo);
                copier.send6(self.skb, gateway.to_be_bytes(), oif);
            }
            _ => {}
        }
    }

    /// Which of the queues it goes to (`nft_queue_eval()`).
    #[cold]
    #[inline(never)]
    pub(crate) fn queue(&self, queue: Queue) -> Verdict {
        let Queue {
            first,
            total,
            bypass,
            fanout,
        } = queue;
        let number = match total {
            0 | 1 => first,
            total if fanout => {
                let cpu = self.here.cpu().checked_rem(usize::from(total));
                first.wrapping_add(cpu.unwrap_or(0) as u16)
            }
            total => {
                let seed = self.loaded.facilities().queue_seed();
                self.skb.queue_of_flow(first, total, seed)
            }
        };
        Verdict::Queue { number, bypass }
    }

    /// Answers the packet, unless it is about to be sent: nothing rejects there.
    #[inline(never)]
    pub(super) fn answer(&mut self, kind: RejectKind, code: u8) {
        let Some(rejecter) = self.loaded.facilities().rejecter() else {
            return;
        };
        if self.skb.hook() == Hook::PostRouting as u8 {
            return;
        }
        let v6 = self.family == Family::Ip6;
        match kind {
            RejectKind::Icmp if !v6 => rejecter.unreachable(self.skb, code),
            RejectKind::Icmpv6 if v6 => rejecter.unreachable(self.skb, code),
            RejectKind::Icmpx => {
                let codes = ICMPX.get(usize::from(code)).copied();
                let (code4, code6) = codes.unwrap_or_default();
                rejecter.unreachable(self.skb, if v6 { code6 } else { code4 });
            }
            RejectKind::TcpReset => rejecter.reset(self.skb),
            RejectKind::Icmp | RejectKind::Icmpv6 => {}
        }
    }
}
