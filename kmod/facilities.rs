// SPDX-License-Identifier: GPL-2.0
//! What a program needs of the kernel beside what is linked to: conntrack, the socket lookup, loggers, and so
//! on, most of them modules that need not be loaded.
//!
//! ```text
//! verified program ─ survey ─► Needs ─ acquire ─► Facilities ─► facts and acts of packets
//!                    (pure)             (modprobe, may sleep)     (packet/)
//! ```
//!
//! A program that needs nothing costs nothing and loads nothing. One that needs what this kernel does not have is
//! refused, and the refusal names the record (`VerifyError::Environment`). Everything is let go when the
//! program is.

mod connections;
mod survey;

use ferrule_engine::{Refusal, View};
use ferrule_uapi::{
    error::VerifyError,
    hook::{Family, FAMILY_BIT_IP, FAMILY_BIT_IP6},
    program::SectionId,
    statement::{Object, ObjectKind},
};
use kernel::{prelude::*, sync::Arc};

use crate::{
    abstractions::{
        conntrack::{Expectation, Helper, Plan, Tracking},
        net_namespace::Net,
        nf_dup::Copier,
        nf_log::{Logger, To},
        nf_reject::Rejecter,
        random,
        security::Secmark,
        skbuff::Skb,
        sock::Sockets,
    },
    ruleset::Refused,
};
pub(crate) use connections::Counted;
use connections::Limits;
pub(crate) use survey::LEVEL_AUDIT;
use survey::{Needs, Place};

/// What is behind an object of the program.
pub(crate) enum Tool {
    /// Nothing here: a counter, a limit, a quota.
    None,
    /// A conntrack helper.
    Helper(Helper),
    /// A conntrack expectation.
    Expectation(Expectation),
    /// A security mark.
    Secmark(Secmark),
}

/// What a program runs with.
pub(crate) struct Facilities {
    tools: KVVec<Tool>,
    limits: Limits,
    sockets: Option<Sockets>,
    rejecter: Option<Rejecter>,
    copier: Option<Copier>,
    _kernel_log: Option<Logger>,
    _group_log: Option<Logger>,
    tracking: Option<Arc<Tracking>>,
    queue_seed: u32,
}

impl Facilities {
    /// Gets all that the program needs in `net`. Sleeps.
    ///
    /// # Errors
    ///
    /// A refusal that names what needs what is not there; `ENOMEM`.
    pub(crate) fn acquire(view: &View<'_>, net: &Net) -> Result<Self, Refused> {
        let needs = Needs::of(view);
        let tracking = match needs.conntrack {
            Some(place) => {
                let tracking = place.refuse(Tracking::new(needs.wants))?;
                Some(Arc::new(tracking, GFP_KERNEL_ACCOUNT)?)
            }
            None => None,
        };
        let to_kernel = To::Kernel { level: 0, flags: 0 };
        let to_group = To::Group {
            number: 0,
            snaplen: 0,
            qthreshold: 0,
        };
        Ok(Facilities {
            tools: tools(view, tracking.as_ref())?,
            limits: Limits::of(view, net)?,
            sockets: get(needs.sockets, Sockets::get)?,
            rejecter: get(needs.reject, Rejecter::get)?,
            copier: get(needs.dup, Copier::get)?,
            _kernel_log: get(needs.kernel_log, || Logger::get(to_kernel))?,
            _group_log: get(needs.group_log, || Logger::get(to_group))?,
            tracking,
            queue_seed: random::number32(),
        })
    }

    /// Conntrack, if the program needs it.
    pub(crate) fn tracking(&self) -> Option<&Arc<Tracking>> {
        self.tracking.as_ref()
    }

    /// The socket lookup, if the program needs it.
    pub(crate) fn sockets(&self) -> Option<&Sockets> {
        self.sockets.as_ref()
    }

    /// What answers packets, if the program needs it.
    pub(crate) fn rejecter(&self) -> Option<&Rejecter> {
        self.rejecter.as_ref()
    }

    /// What copies packets, if the program needs it.
    pub(crate) fn copier(&self) -> Option<&Copier> {
        self.copier.as_ref()
    }

    /// What is behind object `index`.
    pub(crate) fn tool(&self, index: u32) -> &Tool {
        self.tools.get(index as usize).unwrap_or(&Tool::None)
    }

    /// Whether the program counts connections at all.
    #[inline]
    pub(crate) fn counts_connections(&self) -> bool {
        !self.limits.is_empty()
    }

    /// What state `index` says of a packet's connection, for an element with `key` if it is a set's template.
    pub(crate) fn count_connection(&self, index: u32, packet: &Skb<'_>, key: &[u8]) -> Counted {
        self.limits.ask(index, packet, key)
    }

    /// What flows are spread over queues by.
    pub(crate) fn queue_seed(&self) -> u32 {
        self.queue_seed
    }
}

/// Gets something, if there is a place that needs it.
fn get<T>(needed: Option<Place>, get: impl FnOnce() -> Result<T>) -> Result<Option<T>, Refused> {
    needed.map(|place| place.refuse(get())).transpose()
}

impl Place {
    /// Turns a failure into a refusal of what is in this place.
    fn refuse<T>(self, result: Result<T>) -> Result<T, Refused> {
        result.map_err(|error| match error {
            ENOMEM => Refused::System(ENOMEM),
            _ => Refused::Program(Refusal {
                error: VerifyError::Environment,
                section: Some(self.section),
                index: self.index,
            }),
        })
    }
}

/// What is behind the program's objects, by their indices; none if there is nothing behind any.
fn tools(view: &View<'_>, tracking: Option<&Arc<Tracking>>) -> Result<KVVec<Tool>, Refused> {
    let mut tools = KVVec::new();
    let last = view.objects().iter().rposition(has_tool);
    let count = last.map_or(0, |last| last.saturating_add(1));
    for (index, object) in view.objects().iter().take(count).enumerate() {
        let place = Place::new(SectionId::Objects, index);
        let tool = place.refuse(tool(view, object, tracking))?;
        tools.push(tool, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?;
    }
    Ok(tools)
}

/// Whether there is anything behind an object.
fn has_tool(object: &Object) -> bool {
    !matches!(
        ObjectKind::from_raw(object.kind),
        Some(ObjectKind::Counter | ObjectKind::Quota | ObjectKind::Limit)
    )
}

/// What is behind an object.
fn tool(view: &View<'_>, object: &Object, tracking: Option<&Arc<Tracking>>) -> Result<Tool> {
    match ObjectKind::from_raw(object.kind) {
        Some(ObjectKind::Counter | ObjectKind::Quota | ObjectKind::Limit) => Ok(Tool::None),
        Some(ObjectKind::CtHelper) => {
            let tracking = tracking.ok_or(ENOENT)?.clone();
            let bits = bits(object.family) & bits(object.l3proto);
            let families = (bits & FAMILY_BIT_IP != 0, bits & FAMILY_BIT_IP6 != 0);
            let name = view.string(object.text);
            let helper = Helper::find(tracking, name, families, object.l4proto)?;
            Ok(Tool::Helper(helper))
        }
        Some(ObjectKind::Secmark) => Secmark::find(view.string(object.text)).map(Tool::Secmark),
        Some(ObjectKind::CtExpectation) => {
            tracking.ok_or(ENOENT)?;
            let plan = Plan {
                l3proto: object.l3proto,
                l4proto: object.l4proto,
                port: u16::try_from(object.a).map_err(|_| EINVAL)?,
                timeout: object.b,
                size: u8::try_from(object.c).map_err(|_| EINVAL)?,
            };
            Expectation::new(plan).map(Tool::Expectation)
        }
        // Timeouts are added to connections by `nf_ct_ext_add()`, which is not exported to modules that look it
        // up (see `abstractions/optional`); synproxy is not built yet.
        _ => Err(EOPNOTSUPP),
    }
}

/// The packet families of a family; all if it is not said.
fn bits(family: u8) -> u8 {
    Family::from_raw(family).map_or(FAMILY_BIT_IP | FAMILY_BIT_IP6, Family::bits)
}
