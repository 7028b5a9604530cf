// SPDX-License-Identifier: GPL-2.0
//! Statements.

use ferrule_uapi::hook::Family;
use ferrule_uapi::statement::{RejectKind, SetUpdate as UpdateKind};

use super::set::kind_text;
use super::{bytes_text, time_text, Lister};
use crate::contents::with_value;
use crate::ruleset::object::ObjectKind;
use crate::ruleset::statement::{
    Limit, Log, ObjectRef, ObjectUse, Queue, QueueTo, Quota, Reject, SetUpdate, StateSpec,
};
use crate::ruleset::{Datatype, Expr, Statement, Verdict};

/// How many states the compiler numbers for what is not a state by itself.
pub(super) fn states_in(statement: &Statement) -> u64 {
    fn of(expr: &Expr) -> u64 {
        match expr {
            Expr::Numgen { random: false, .. } => 1,
            Expr::Bitwise { left, right, .. } => of(left) + of(right),
            Expr::Shift { expr, .. } => of(expr),
            Expr::Map { key, .. } | Expr::Jhash { key, .. } => of(key),
            Expr::Concat(parts) => parts.iter().map(of).sum(),
            _ => 0,
        }
    }
    match statement {
        Statement::Match(matched) => of(&matched.left),
        Statement::Set(assignment) => of(&assignment.value),
        Statement::Vmap { key, .. } => of(key),
        Statement::Update(update) => {
            let data = update.data.as_ref().map_or(0, of);
            of(&update.key) + data + update.states.len() as u64
        }
        Statement::Queue(queue) => match &queue.to {
            QueueTo::Expr(expr) => of(expr),
            QueueTo::Range(..) => 0,
        },
        Statement::Object(object) => match &object.which {
            ObjectRef::Map(key, _) => of(key),
            ObjectRef::Name(_) => 0,
        },
        _ => 0,
    }
}

impl Lister<'_> {
    /// A statement that is neither a counter nor a state.
    pub(super) fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Require(require) => self.require(require),
            Statement::Match(matched) => self.comparison(matched),
            Statement::Counter(counts) => self.state(&StateSpec::Counter(*counts)),
            Statement::State(spec) => self.state(spec),
            Statement::Object(object) => self.object_use(object),
            Statement::Set(assignment) => {
                self.select(&assignment.target);
                self.out.push_str(" set ");
                self.expr(&assignment.value);
            }
            Statement::ResetOption(select) => {
                self.out.push_str("reset ");
                self.select(select);
            }
            Statement::Notrack => self.out.push_str("notrack"),
            Statement::Log(log) => self.log(log),
            Statement::Reject(reject) => self.reject(reject),
            Statement::Queue(queue) => self.queue(queue),
            Statement::Dup(dup) => {
                self.out.push_str("dup to ");
                self.expr(&dup.to);
                if let Some(device) = &dup.device {
                    self.out.push_str(" device ");
                    self.expr(device);
                }
            }
            Statement::Update(update) => self.update(update),
            Statement::Vmap { key, map } => {
                self.expr(key);
                self.out.push_str(" vmap ");
                self.set_ref(map);
            }
            Statement::Verdict(verdict) => self.verdict(verdict),
        }
    }

    /// What the state has come to, if that is known.
    pub(super) fn live(&self, identity: u64, spec: &StateSpec) -> StateSpec {
        let value = self.options.states.and_then(|values| values.get(&identity));
        match value {
            Some(value) => with_value(spec, *value),
            None => spec.clone(),
        }
    }

    /// Statements of elements, with or without what they have come to.
    pub(super) fn states(&mut self, specs: &[StateSpec], values: bool) {
        for (index, spec) in specs.iter().enumerate() {
            if index > 0 {
                self.out.push(' ');
            }
            match spec {
                StateSpec::Counter(_) if !values => self.out.push_str("counter"),
                StateSpec::Last(_) if !values => self.out.push_str("last"),
                spec => self.state(spec),
            }
        }
    }

    /// A statement that counts or limits.
    pub(super) fn state(&mut self, spec: &StateSpec) {
        match spec {
            StateSpec::Counter(counts) => {
                self.out.push_str("counter");
                if !self.options.stateless {
                    let (packets, bytes) = (counts.packets, counts.bytes);
                    self.put(format_args!(" packets {packets} bytes {bytes}"));
                }
            }
            StateSpec::Limit(limit) => {
                self.out.push_str("limit ");
                self.limit_numbers(limit);
            }
            StateSpec::Quota(quota) => {
                self.out.push_str("quota ");
                self.quota_numbers(quota);
            }
            StateSpec::Last(used) => {
                self.out.push_str("last");
                match used {
                    _ if self.options.stateless => {}
                    Some(used) => self.put(format_args!(" used {}", time_text(*used))),
                    None => self.out.push_str(" used never"),
                }
            }
            StateSpec::Connections { over, count } => {
                let over = if *over { "over " } else { "" };
                self.put(format_args!("ct count {over}{count}"));
            }
        }
    }

    /// `rate over 10/second burst 5 packets`.
    pub(super) fn limit_numbers(&mut self, limit: &Limit) {
        let over = if limit.over { "over " } else { "" };
        let unit = match limit.unit {
            1 => "second",
            60 => "minute",
            3600 => "hour",
            86_400 => "day",
            _ => "week",
        };
        if limit.bytes {
            let (rate, name) = bytes_text(limit.rate);
            self.put(format_args!("rate {over}{rate} {name}/{unit}"));
            if limit.burst != 0 {
                let (burst, name) = bytes_text(limit.burst);
                self.put(format_args!(" burst {burst} {name}"));
            }
        } else {
            let (rate, burst) = (limit.rate, limit.burst);
            self.put(format_args!(
                "rate {over}{rate}/{unit} burst {burst} packets"
            ));
        }
    }

    /// `over 10 mbytes used 1 kbytes`.
    pub(super) fn quota_numbers(&mut self, quota: &Quota) {
        let over = if quota.over { "over " } else { "" };
        let (bytes, name) = bytes_text(quota.bytes);
        self.put(format_args!("{over}{bytes} {name}"));
        if quota.used != 0 && !self.options.stateless {
            let (used, name) = bytes_text(quota.used);
            self.put(format_args!(" used {used} {name}"));
        }
    }

    fn object_use(&mut self, object: &ObjectUse) {
        match object.kind {
            ObjectKind::Counter | ObjectKind::Quota | ObjectKind::Limit | ObjectKind::Synproxy => {
                self.put(format_args!("{} name ", kind_text(object.kind)));
            }
            ObjectKind::Secmark => self.out.push_str("meta secmark set "),
            _ => self.put(format_args!("{} set ", kind_text(object.kind))),
        }
        match &object.which {
            ObjectRef::Name(name) => self.put(format_args!("\"{name}\"")),
            ObjectRef::Map(key, map) => {
                self.expr(key);
                self.out.push_str(" map ");
                self.set_ref(map);
            }
        }
    }

    fn log(&mut self, log: &Log) {
        const LEVELS: [&str; 9] = [
            "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit",
        ];
        const WARN: u8 = 4;
        self.out.push_str("log");
        if let Some(prefix) = &log.prefix {
            self.put(format_args!(" prefix \"{prefix}\""));
        }
        if let Some(group) = log.group {
            self.put(format_args!(" group {group}"));
        }
        if let Some(snaplen) = log.snaplen {
            self.put(format_args!(" snaplen {snaplen}"));
        }
        if let Some(threshold) = log.queue_threshold {
            self.put(format_args!(" queue-threshold {threshold}"));
        }
        let level = log.level.filter(|level| *level != WARN);
        if let Some(level) = level.and_then(|level| LEVELS.get(usize::from(level))) {
            self.put(format_args!(" level {level}"));
        }
        self.log_flags(log.flags);
    }

    fn log_flags(&mut self, flags: u8) {
        const TCP: [(u8, &str); 2] = [(1, "sequence"), (2, "options")];
        const OTHERS: [(u8, &str); 3] = [(4, "ip options"), (8, "skuid"), (32, "ether")];
        const ALL: u8 = 1 | 2 | 4 | 8 | 32;
        if flags & ALL == ALL {
            self.out.push_str(" flags all");
            return;
        }
        let tcp: Vec<&str> = TCP
            .iter()
            .filter_map(|(bit, name)| (flags & bit != 0).then_some(*name))
            .collect();
        if !tcp.is_empty() {
            self.put(format_args!(" flags tcp {}", tcp.join(",")));
        }
        for (bit, name) in OTHERS {
            if flags & bit != 0 {
                self.put(format_args!(" flags {name}"));
            }
        }
    }

    /// Names of codes, unless it is the one that is meant without any.
    fn reject(&mut self, reject: &Reject) {
        const ICMP_PORT: u8 = 3;
        const ICMPV6_PORT: u8 = 4;
        const ICMPX_PORT: u8 = 1;
        self.out.push_str("reject");
        let (kind, datatype, default) = match reject.kind {
            RejectKind::TcpReset => {
                self.out.push_str(" with tcp reset");
                return;
            }
            RejectKind::Icmp => ("icmp", Datatype::IcmpCode, ICMP_PORT),
            RejectKind::Icmpv6 => ("icmpv6", Datatype::Icmpv6Code, ICMPV6_PORT),
            RejectKind::Icmpx => ("icmpx", Datatype::IcmpxCode, ICMPX_PORT),
        };
        if reject.code == default && reject.kind != RejectKind::Icmpx && self.implied(reject.kind) {
            return;
        }
        if reject.code == default && reject.kind == RejectKind::Icmpx {
            return;
        }
        self.put(format_args!(" with {kind} "));
        let names = datatype.names();
        let name = names
            .iter()
            .find(|(_, code)| *code == u128::from(reject.code));
        match name {
            Some((name, _)) => self.out.push_str(name),
            None => self.put(format_args!("{}", reject.code)),
        }
    }

    /// Whether `reject` alone would mean this kind. In a table of family inet it means `icmpx`.
    fn implied(&self, kind: RejectKind) -> bool {
        match self.family {
            Some(Family::Ip) => kind == RejectKind::Icmp,
            Some(Family::Ip6) => kind == RejectKind::Icmpv6,
            _ => false,
        }
    }

    fn queue(&mut self, queue: &Queue) {
        self.out.push_str("queue");
        match (queue.bypass, queue.fanout) {
            (true, true) => self.out.push_str(" flags bypass,fanout"),
            (true, false) => self.out.push_str(" flags bypass"),
            (false, true) => self.out.push_str(" flags fanout"),
            (false, false) => {}
        }
        self.out.push_str(" to ");
        match &queue.to {
            QueueTo::Range(first, last) if first == last => self.put(format_args!("{first}")),
            QueueTo::Range(first, last) => self.put(format_args!("{first}-{last}")),
            QueueTo::Expr(expr) => self.expr(expr),
        }
    }

    fn update(&mut self, update: &SetUpdate) {
        let verb = match update.kind {
            UpdateKind::Add => "add",
            UpdateKind::Update => "update",
            UpdateKind::Delete => "delete",
        };
        self.put(format_args!("{verb} @{} {{ ", update.set));
        self.expr(&update.key);
        if let Some(timeout) = update.timeout {
            self.put(format_args!(" timeout {}", time_text(timeout)));
        }
        if let Some(comment) = &update.comment {
            self.put(format_args!(" comment \"{comment}\""));
        }
        if !update.states.is_empty() {
            self.out.push(' ');
            self.states(&update.states, false);
        }
        if let Some(data) = &update.data {
            self.out.push_str(" : ");
            self.expr(data);
        }
        self.out.push_str(" }");
    }

    /// A verdict.
    pub(super) fn verdict(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Accept => self.out.push_str("accept"),
            Verdict::Drop => self.out.push_str("drop"),
            Verdict::Continue => self.out.push_str("continue"),
            Verdict::Return => self.out.push_str("return"),
            Verdict::Jump(chain) => self.put(format_args!("jump {chain}")),
            Verdict::Goto(chain) => self.put(format_args!("goto {chain}")),
        }
    }
}
