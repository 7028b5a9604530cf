// SPDX-License-Identifier: GPL-2.0
//! Changing a packet's connection, or the zone that it is going to be in.

use super::{bit, Connection, Direction, Tracking, MARK, NFCT, SECMARK, ZONE};
use crate::abstractions::{
    bindings::{self, nf_conntrack_zone},
    bottom_half::BottomHalvesOff,
    member::Member,
    skbuff::Skb,
};

/// `IPCT_MARK`, `IPCT_SECMARK`.
const EVENT_MARK: i32 = 7;
const EVENT_SECMARK: i32 = 9;

/// `IP_CT_NEW`.
const NEW: usize = 2;

impl Connection<'_> {
    /// Notes for listeners that something changed.
    fn announce(&self, event: i32) {
        // SAFETY: By the type invariants.
        unsafe { bindings::ferrule_nf_conntrack_event_cache(event, self.ct.as_ptr().cast()) }
    }

    /// Sets the mark.
    pub(crate) fn set_mark(&self, mark: u32) {
        if self.mark().is_some_and(|before| before != mark) {
            // SAFETY: By the type invariants; others read and write it as we do.
            unsafe { MARK.write(self.ct, mark) };
            self.announce(EVENT_MARK);
        }
    }

    /// Sets the security mark.
    pub(crate) fn set_secmark(&self, secmark: u32) {
        if self.secmark().is_some_and(|before| before != secmark) {
            // SAFETY: By the type invariants; others read and write it as we do.
            unsafe { SECMARK.write(self.ct, secmark) };
            self.announce(EVENT_SECMARK);
        }
    }

    /// Sets labels, and leaves those that are set already.
    pub(crate) fn add_labels(&self, labels: u128, tracking: &Tracking) {
        let words: [u32; 4] = [0, 32, 64, 96].map(|shift| (labels >> shift) as u32);
        // SAFETY: By the type invariants; the words are four. The function is there while `tracking` is.
        unsafe {
            (tracking.functions().nf_connlabels_replace)(
                self.ct.as_ptr(),
                words.as_ptr(),
                words.as_ptr(),
                4,
            )
        };
    }

    /// Sets which events listeners are told of.
    pub(crate) fn set_events(&self, mask: u32, tracking: &Tracking) {
        let member = Member::<u16>::at(bindings::FERRULE_ECACHE_CTMASK);
        match self.extension(bindings::FERRULE_EXT_ECACHE) {
            // SAFETY: The extension is a `struct nf_conntrack_ecache`.
            Some(cache) => unsafe { member.write(cache, mask as u16) },
            None if mask != 0 && !self.is_confirmed() => {
                let add = tracking.functions().nf_ct_ecache_ext_add;
                // SAFETY: By the type invariants; it is not in the table yet, so it is ours.
                unsafe {
                    add(
                        self.ct.as_ptr(),
                        mask as u16,
                        0,
                        kernel::bindings::GFP_ATOMIC,
                    )
                };
            }
            None => {}
        }
    }
}

impl Skb<'_> {
    /// Puts the packet into a zone, unless it has a connection already. `false` if there is no memory.
    pub(crate) fn set_zone(
        &mut self,
        id: u16,
        direction: Option<Direction>,
        tracking: &Tracking,
        here: &BottomHalvesOff,
    ) -> bool {
        // As in nftables, an untracked packet has no connection and gets a zone.
        if self.nfct() & !super::INFO != 0 {
            return true;
        }
        let directions = direction.map_or(3, bit);
        let zone = nf_conntrack_zone {
            _bindgen_opaque_blob: [id, u16::from_ne_bytes([0, directions])],
        };
        let Some(ct) = tracking.template(here.cpu()) else {
            return true;
        };
        let mut ct = ct;
        let mut users = 0;
        let count = Member::<u32>::at(bindings::FERRULE_CT_USE);
        // SAFETY: The template is held by `tracking`.
        unsafe { bindings::ferrule_refcount_inc_old(count.of(ct).cast(), &mut users) };
        if users != 1 {
            // A packet before this one waits in user space with it.
            // SAFETY: The reference was just taken, and is not the last.
            unsafe { bindings::ferrule_refcount_dec(count.of(ct).cast()) };
            match tracking.new_template(kernel::bindings::GFP_ATOMIC) {
                Some(fresh) => ct = fresh,
                None => return false,
            }
        }
        // SAFETY: The template is used on this CPU alone, by this packet; `skb` is ours and holds no
        // connection. It takes the reference over.
        unsafe {
            if ZONE.exists() {
                ZONE.write(ct, zone);
            }
            NFCT.write(self.raw(), ct.as_ptr() as usize | NEW);
        }
        true
    }
}
