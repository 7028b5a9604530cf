// SPDX-License-Identifier: GPL-2.0
//! Named objects.

use ferrule_uapi::hook::Family;

use super::set::kind_text;
use super::{object_identity, time_text, Lister};
use crate::ruleset::object::{Object, ObjectSpec};
use crate::ruleset::statement::StateSpec;
use crate::ruleset::{ct_timeout_state, Datatype};

impl Lister<'_> {
    /// An object.
    pub(super) fn object(&mut self, object: &Object) {
        let kind = kind_text(object.spec.kind());
        self.put(format_args!("\t{kind} {} {{", object.name));
        self.handle(object.handle);
        self.comment("\t\t", object.comment.as_deref());
        self.body(object);
        self.out.push_str("\t}\n");
    }

    fn body(&mut self, object: &Object) {
        let identity = object_identity(object);
        match &object.spec {
            ObjectSpec::Counter(initial) => {
                if self.options.stateless {
                    return;
                }
                let counters = self.options.counters;
                let live = counters.and_then(|values| values.get(&identity));
                let counts = live.unwrap_or(initial);
                self.put(format_args!(
                    "\t\tpackets {} bytes {}\n",
                    counts.packets, counts.bytes
                ));
            }
            ObjectSpec::Quota(quota) => {
                let spec = self.live(identity, &StateSpec::Quota(*quota));
                self.out.push_str("\t\t");
                if let StateSpec::Quota(quota) = spec {
                    self.quota_numbers(&quota);
                }
                self.out.push('\n');
            }
            ObjectSpec::Limit(limit) => {
                self.out.push_str("\t\t");
                self.limit_numbers(limit);
                self.out.push('\n');
            }
            ObjectSpec::CtHelper {
                helper,
                l4proto,
                l3proto,
            } => {
                self.put(format_args!("\t\ttype \"{helper}\" protocol "));
                self.protocol(*l4proto);
                self.put(format_args!("\n\t\tl3proto {}\n", l3proto_text(*l3proto)));
            }
            ObjectSpec::CtTimeout {
                l4proto,
                l3proto,
                policy,
            } => {
                self.out.push_str("\t\tprotocol ");
                self.protocol(*l4proto);
                self.put(format_args!("\n\t\tl3proto {}\n", l3proto_text(*l3proto)));
                self.timeouts(*l4proto, policy);
            }
            ObjectSpec::CtExpectation {
                l4proto,
                l3proto,
                dport,
                timeout,
                size,
            } => {
                self.out.push_str("\t\tprotocol ");
                self.protocol(*l4proto);
                let timeout = time_text(*timeout);
                self.put(format_args!(
                    "\n\t\tdport {dport}\n\t\ttimeout {timeout}\n\t\tsize {size}\n\t\tl3proto {}\n",
                    l3proto_text(*l3proto)
                ));
            }
            ObjectSpec::Secmark(context) => self.put(format_args!("\t\t\"{context}\"\n")),
        }
    }

    /// A transport protocol, by name.
    fn protocol(&mut self, number: u8) {
        Datatype::Protocol.write(number.into(), false, &mut self.out);
        self.out.push(';');
        self.out.pop();
    }

    /// `policy = { established : 2m }`.
    fn timeouts(&mut self, l4proto: u8, policy: &[(u32, u32)]) {
        if policy.is_empty() {
            return;
        }
        self.out.push_str("\t\tpolicy = { ");
        for (index, (state, seconds)) in policy.iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            let name = ct_timeout_state(l4proto, *state).unwrap_or("unknown");
            let time = time_text(u64::from(*seconds) * 1000);
            self.put(format_args!("{name} : {time}"));
        }
        self.out.push_str(" }\n");
    }
}

fn l3proto_text(family: Family) -> &'static str {
    family.name()
}
