// SPDX-License-Identifier: GPL-2.0
//! A ring of bytes that holds whole events.
//!
//! Each begins with its size ([`ferrule_uapi::event::Event`]), and takes a multiple of eight bytes.

use ferrule_uapi::event::Event;
use kernel::prelude::*;

/// Events begin at multiples of this.
const ALIGN: usize = 8;

/// The events that have not been read.
pub(super) struct Ring {
    bytes: KVVec<u8>,
    /// Where the oldest begins.
    start: usize,
    /// Bytes of all of them.
    used: usize,
    /// Bytes written of the one that is being written, and what it is to take.
    open: (usize, usize),
    /// Events that found no room since the last that did.
    lost: u64,
}

impl Ring {
    /// An empty ring.
    pub(super) fn new(capacity: usize) -> Result<Self> {
        let capacity = capacity & !7;
        Ok(Ring {
            bytes: KVVec::zeroed(capacity, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?,
            start: 0,
            used: 0,
            open: (0, 0),
            lost: 0,
        })
    }

    /// Makes room for an event of `size` bytes, and says how many were lost before it; or loses it.
    pub(super) fn begin(&mut self, size: usize) -> Option<u64> {
        let padded = size.checked_next_multiple_of(ALIGN).unwrap_or(usize::MAX);
        let room = self.bytes.len().saturating_sub(self.used);
        if padded > room {
            self.lost = self.lost.saturating_add(1);
            return None;
        }
        self.open = (0, padded);
        Some(core::mem::take(&mut self.lost))
    }

    /// Writes the next bytes of the event that was begun.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        let (written, size) = self.open;
        let len = bytes.len().min(size.saturating_sub(written));
        let bytes = bytes.get(..len).unwrap_or_default();
        let at = self.place(self.used.saturating_add(written));
        let (before, after) = self.bytes.split_at_mut_checked(at).unwrap_or_default();
        let places = [after, before]
            .into_iter()
            .flat_map(|piece| piece.iter_mut());
        for (to, from) in places.zip(bytes) {
            *to = *from;
        }
        self.open = (written.saturating_add(len), size);
    }

    /// The event is whole: what lacks of its size is zero.
    pub(super) fn end(&mut self) {
        const ZERO: [u8; 64] = [0; 64];
        while self.open.0 < self.open.1 {
            self.write(&ZERO);
        }
        self.used = self.used.saturating_add(self.open.1);
        self.open = (0, 0);
    }

    /// Where byte `offset` of what is in the ring lies.
    fn place(&self, offset: usize) -> usize {
        let at = self.start.saturating_add(offset);
        at.checked_rem(self.bytes.len()).unwrap_or(0)
    }

    /// Moves whole events to `to`, at most `room` bytes, and says how many; `None` if there are none, 0 if the
    /// first does not fit. `to` has room, and is empty.
    pub(super) fn take(&mut self, to: &mut KVVec<u8>, room: usize) -> Option<usize> {
        if self.used == 0 {
            return None;
        }
        let mut taken = 0_usize;
        while taken < self.used {
            let size = self.size_at(taken);
            if size == 0 || taken.saturating_add(size) > room {
                break;
            }
            taken = taken.saturating_add(size);
        }
        let (before, after) = self.bytes.split_at_checked(self.start).unwrap_or_default();
        for byte in [after, before]
            .iter()
            .flat_map(|piece| piece.iter())
            .take(taken)
        {
            let _ = to.push_within_capacity(*byte);
        }
        self.start = self.place(taken);
        self.used = self.used.saturating_sub(taken);
        Some(taken)
    }

    /// What the event at `offset` takes.
    fn size_at(&self, offset: usize) -> usize {
        // The size is the first member, and does not wrap: it is aligned, and so is the ring.
        const _: () = assert!(core::mem::offset_of!(Event, size) == 0);
        let at = self.place(offset);
        let bytes = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        let size = bytes.map_or(0, |bytes| u32::from_ne_bytes(*bytes) as usize);
        size.checked_next_multiple_of(ALIGN).unwrap_or(0)
    }
}
