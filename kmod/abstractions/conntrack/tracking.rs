// SPDX-License-Identifier: GPL-2.0
//! Turning conntrack on in a network namespace, for as long as a ruleset there needs it.
//!
//! The kernel counts who wants it, by family (`nf_ct_netns_get()`); what nftables counts once an expression is
//! counted here once a ruleset. A [`Tracking`] is started by the namespace's table of hook functions
//! ([`HookTable::track`](crate::abstractions::netfilter::HookTable::track)), which knows that the namespace is
//! there, and stopped by it: when the ruleset goes, or the namespace, whichever is first.

use core::ptr::NonNull;

use kernel::{
    bindings::{gfp_t, net},
    cpu::nr_cpu_ids,
    error::to_result,
    prelude::*,
    sync::atomic::{Atomic, Full},
};

use super::{TEMPLATE, ZONE};
use crate::abstractions::{
    bindings::{self, nf_conn, nf_conn_help, nf_conntrack_helper, nf_conntrack_zone},
    optional::optional,
};

optional! {
    /// What conntrack does for us.
    pub(super) struct Functions from "nf_conntrack" {
        nf_ct_netns_get: unsafe extern "C" fn(*mut net, u8) -> c_int,
        nf_ct_netns_put: unsafe extern "C" fn(*mut net, u8),
        nf_ct_get_id: unsafe extern "C" fn(*const nf_conn) -> u32,
        nf_connlabels_get: unsafe extern "C" fn(*mut net, c_uint) -> c_int,
        nf_connlabels_put: unsafe extern "C" fn(*mut net),
        nf_connlabels_replace: unsafe extern "C" fn(*mut nf_conn, *const u32, *const u32, c_uint) -> c_int,
        nf_ct_tmpl_alloc: unsafe extern "C" fn(*mut net, *const nf_conntrack_zone, gfp_t) -> *mut nf_conn,
        nf_ct_helper_ext_add: unsafe extern "C" fn(*mut nf_conn, gfp_t) -> *mut nf_conn_help,
        nf_ct_ecache_ext_add: unsafe extern "C" fn(*mut nf_conn, u16, u16, gfp_t) -> bool,
        nf_conntrack_helper_try_module_get: unsafe extern "C" fn(*const c_char, u16, u8) -> *mut nf_conntrack_helper,
        nf_conntrack_helper_put: unsafe extern "C" fn(*mut nf_conntrack_helper),
    }
}

/// What a ruleset wants of conntrack.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wants {
    /// IPv4 connections.
    pub(crate) v4: bool,
    /// IPv6 connections.
    pub(crate) v6: bool,
    /// Room for labels.
    pub(crate) labels: bool,
    /// That packets and bytes are counted.
    pub(crate) counts: bool,
    /// To put packets into zones.
    pub(crate) zones: bool,
}

/// Conntrack, for one ruleset.
///
/// # Invariants
///
/// - `on` says whether what `wants` says is counted in the namespace.
/// - `templates` are connections that this instance owns a reference to.
pub(crate) struct Tracking {
    functions: Functions,
    wants: Wants,
    on: Atomic<i32>,
    templates: KVec<NonNull<nf_conn>>,
}

// SAFETY: Templates are used with atomic operations, or on one CPU with bottom halves off.
unsafe impl Send for Tracking {}
// SAFETY: As above.
unsafe impl Sync for Tracking {}

impl Tracking {
    /// Loads conntrack, but starts nothing. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOENT` if this kernel has none; `ENOMEM`.
    pub(crate) fn new(wants: Wants) -> Result<Self> {
        let mut tracking = Tracking {
            functions: Functions::get()?,
            wants,
            on: Atomic::new(0),
            templates: KVec::new(),
        };
        if wants.zones {
            for _ in 0..nr_cpu_ids() {
                let template = tracking.new_template(kernel::bindings::GFP_KERNEL_ACCOUNT);
                tracking
                    .templates
                    .push(template.ok_or(ENOMEM)?, GFP_KERNEL_ACCOUNT)?;
            }
        }
        Ok(tracking)
    }

    pub(super) fn functions(&self) -> &Functions {
        &self.functions
    }

    /// A template in zone 0: what a packet has before conntrack sees it, to say which zone it is in.
    pub(super) fn new_template(&self, flags: gfp_t) -> Option<NonNull<nf_conn>> {
        let zone = nf_conntrack_zone {
            _bindgen_opaque_blob: [0; 2],
        };
        let net = &raw mut kernel::bindings::init_net;
        // SAFETY: The first namespace is always there; the zone is copied.
        let ct = NonNull::new(unsafe { (self.functions.nf_ct_tmpl_alloc)(net, &zone, flags) })?;
        // SAFETY: The template is ours alone. A confirmed one is not taken for a new connection.
        unsafe { super::STATUS.write(ct, super::STATUS.read(ct) | super::CONFIRMED | TEMPLATE) };
        let _ = ZONE;
        Some(ct)
    }

    /// The template of CPU `cpu`.
    pub(super) fn template(&self, cpu: usize) -> Option<NonNull<nf_conn>> {
        self.templates.get(cpu).copied()
    }

    /// The families that are wanted (`NFPROTO_*`).
    fn families(&self) -> impl Iterator<Item = u8> {
        let v4 = self
            .wants
            .v4
            .then_some(kernel::bindings::NFPROTO_IPV4 as u8);
        let v6 = self
            .wants
            .v6
            .then_some(kernel::bindings::NFPROTO_IPV6 as u8);
        [v4, v6].into_iter().flatten()
    }

    /// Turns conntrack on in `net`, once.
    ///
    /// # Errors
    ///
    /// What conntrack fails with; nothing is then on.
    ///
    /// # Safety
    ///
    /// `net` must be valid, and [`Tracking::stop`] be called for it before it is not.
    pub(in crate::abstractions) unsafe fn start(&self, net: *mut net) -> Result {
        if self.on.cmpxchg(0, 1, Full).is_err() {
            return Err(EBUSY);
        }
        // SAFETY: By the safety requirement.
        let started = unsafe { self.get(net) };
        if started.is_err() {
            self.on.store(0, kernel::sync::atomic::Relaxed);
        }
        started
    }

    /// # Safety
    ///
    /// `net` must be valid.
    unsafe fn get(&self, net: *mut net) -> Result {
        let mut got = 0_usize;
        for family in self.families() {
            // SAFETY: By the safety requirement; the functions are there while `self` is.
            let status = unsafe { (self.functions.nf_ct_netns_get)(net, family) };
            if let Err(error) = to_result(status) {
                for family in self.families().take(got) {
                    // SAFETY: As above, and it was counted.
                    unsafe { (self.functions.nf_ct_netns_put)(net, family) };
                }
                return Err(error);
            }
            got = got.wrapping_add(1);
        }
        if self.wants.labels {
            // SAFETY: As above. 127 is the last label.
            let status = unsafe { (self.functions.nf_connlabels_get)(net, 127) };
            if let Err(error) = to_result(status) {
                for family in self.families() {
                    // SAFETY: As above, and it was counted.
                    unsafe { (self.functions.nf_ct_netns_put)(net, family) };
                }
                return Err(error);
            }
        }
        if self.wants.counts {
            // SAFETY: As above. As in nftables it stays on: a sysctl turns it off.
            unsafe { bindings::ferrule_nf_ct_set_acct(net, true) };
        }
        Ok(())
    }

    /// Undoes [`Tracking::start`], if it was done.
    ///
    /// # Safety
    ///
    /// `net` must be valid, and that of `start`.
    pub(in crate::abstractions) unsafe fn stop(&self, net: *mut net) {
        if self.on.cmpxchg(1, 0, Full).is_err() {
            return;
        }
        if self.wants.labels {
            // SAFETY: By the safety requirement, and they were counted.
            unsafe { (self.functions.nf_connlabels_put)(net) };
        }
        for family in self.families() {
            // SAFETY: As above.
            unsafe { (self.functions.nf_ct_netns_put)(net, family) };
        }
    }
}

impl Drop for Tracking {
    fn drop(&mut self) {
        for template in &self.templates {
            // SAFETY: By the type invariants the reference is ours.
            unsafe { bindings::ferrule_nf_conntrack_put(template.as_ptr().cast()) };
        }
    }
}
