// SPDX-License-Identifier: GPL-2.0
//! What packets do to sets: `add`, `update` and `delete @set { … }` (`nft_dynset.c`).
//!
//! All of it is seen at once by all packets. One that finds no room, or no memory, or whose statements say no,
//! ends the rule.

use ferrule_engine::Update;
use ferrule_uapi::{program::Wide, set::SetKind, statement::SetUpdate};
use kernel::{prelude::*, sync::Arc};

use super::{
    element::{deadline, Element, ElementRef, Extras, Life, NEVER, STATIC},
    exact::{Entrant, Moment},
    Hit, SetState, SetView, Sets,
};
use crate::{
    abstractions::{
        bottom_half::BottomHalvesOff,
        rculist::Entry,
        rwonce::{Shared32, Shared64},
    },
    clock,
    states::{Cells, Templates},
};

/// For what packets make: nothing may sleep here.
fn flags() -> kernel::alloc::Flags {
    GFP_ATOMIC | __GFP_NOWARN
}

/// An element that a packet adds.
struct Newcomer<'a> {
    set: &'a SetState,
    key: &'a [u8],
    data: &'a [u8],
    /// In milliseconds.
    timeout: u64,
    now: u64,
    /// Whether the time of one that is there begins anew.
    renews: bool,
    templates: &'a Arc<Templates>,
    len: u32,
    here: &'a BottomHalvesOff,
}

impl Entrant for Newcomer<'_> {
    fn key(&self) -> &[u8] {
        self.key
    }

    fn size(&self) -> u32 {
        self.set.declared.size
    }

    fn renew(&self, element: &Element) {
        if let Some(extras) = element.extras().filter(|_| self.renews) {
            if self.set.is_timed() {
                extras.renew(self.timeout, self.now);
            }
        }
    }

    fn revive(&self, element: &Element) -> bool {
        let plain = !element.is(STATIC) && element.comment().is_empty();
        let same = self.set.shape.data(element) == self.data;
        if !plain || !same {
            return false;
        }
        match element.extras() {
            Some(extras) => {
                let cells = extras.cells.as_deref();
                let same = match cells {
                    Some(cells) => cells.is_of(self.templates),
                    None => self.templates.is_empty(),
                };
                if same {
                    extras.renew(self.timeout, self.now);
                    if let Some(cells) = cells {
                        cells.begin(self.here);
                    }
                }
                same
            }
            None => !self.set.is_timed() && self.templates.is_empty(),
        }
    }

    fn make(&self, hash: u32) -> Result<ElementRef> {
        let cells = match self.templates.is_empty() {
            true => None,
            false => Some(Cells::new(self.templates.clone(), |_| None, flags())?),
        };
        let extras = if self.set.is_timed() || cells.is_some() {
            let extras = Extras {
                timeout: Shared64::new(self.timeout),
                expires: Shared64::new(deadline(self.timeout, self.now)),
                comment: KVec::new(),
                cells,
            };
            Some(Arc::new(extras, flags())?)
        } else {
            None
        };
        let life = Life {
            born: Shared64::new(0),
            dies: Shared64::new(NEVER),
            flags: Shared32::new(0),
            extras,
        };
        Entry::new(hash, life, &[self.key, self.data], flags())
    }

    fn ask(&self, element: &Element) -> bool {
        let cells = element.cells();
        cells.is_none_or(|cells| cells.ask(self.len, self.here))
    }
}

impl Sets {
    /// What the elements have that a rule adds to `set`.
    fn templates<'a>(&'a self, set: &'a SetState, states: (u32, u32)) -> &'a Arc<Templates> {
        let own = &set.content.templates;
        if states.1 == 0 {
            return own;
        }
        let at = self
            .templates
            .binary_search_by_key(&states, |(place, _)| *place);
        let brought = at.ok().and_then(|at| self.templates.get(at));
        brought.map_or(own, |(_, templates)| templates)
    }
}

impl SetView<'_> {
    /// Does what a rule wants of an element, for a packet of `len` bytes. `false` ends the rule.
    pub(crate) fn update(&self, update: &Update<'_>, len: u32) -> bool {
        let index = update.set as usize;
        let Some(set) = self.sets.sets.get(index) else {
            return false;
        };
        if update.key.len() != set.shape.key {
            return false;
        }
        let at = Moment {
            epoch: self.snapshot.epoch(),
            now: clock::milliseconds(clock::now()),
        };
        let exact = &set.content.exact;
        if update.kind == SetUpdate::Delete {
            exact.leave(update.key, at, self.here);
            set.collect();
            return true;
        }
        // An interval that holds the key is as good as the key itself.
        let renews = update.kind == SetUpdate::Update;
        if let Some(Hit { extras, .. }) = self.hit(set, index, update.key) {
            let Some(extras) = extras else {
                return true;
            };
            if !renews {
                let cells = extras.cells.as_deref();
                return cells.is_none_or(|cells| cells.ask(len, self.here));
            }
        }
        let mut data = [0; 16];
        let Some(data) = bytes(set, update.data, &mut data) else {
            return false;
        };
        let newcomer = Newcomer {
            set,
            key: update.key,
            data,
            timeout: match update.timeout {
                0 => set.declared.timeout,
                timeout => timeout,
            },
            now: at.now,
            renews,
            templates: self.sets.templates(set, update.states),
            len,
            here: self.here,
        };
        let yes = exact.enter(&newcomer, at, self.here);
        if set.is_timed() {
            set.collect();
        }
        yes
    }
}

/// The data of a new element of `set`, as bytes; `None` if they are no data of such a set.
fn bytes<'a>(set: &SetState, data: Option<Wide>, to: &'a mut [u8; 16]) -> Option<&'a [u8]> {
    let len: usize = match (set.shape.kind, data) {
        (SetKind::Set, _) => 0,
        (SetKind::Map, Some(_)) => set.declared.data_len.into(),
        _ => return None,
    };
    let Wide { hi, lo } = data.unwrap_or_default();
    *to = (u128::from(hi) << 64 | u128::from(lo)).to_be_bytes();
    to.get(16_usize.checked_sub(len)?..)
}
