// SPDX-License-Identifier: GPL-2.0
//! Events: what subscribers are told.
//!
//! ```text
//! packet: log ─┐                        ┌─ Subscriber: ring ─ read(2)
//! request ─────┴─► Audience (published) ┴─ Subscriber: ring ─ read(2)
//! ```
//!
//! Each subscriber has a ring of bytes, made when it subscribed: whoever brings an event finds room in it, or
//! counts it as lost, and never waits. The next event that finds room says how many were. A ring is under
//! a spinlock that is held while one event is copied.

mod ring;

use core::mem;

use ferrule_uapi::{
    event::{Event, EventKind, LogEvent},
    ioctl::Subscribe,
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{Arc, SpinLock},
    time::{ClockSource, RealTime},
};
use zerocopy::IntoBytes;

use crate::abstractions::{
    bottom_half::BottomHalvesOff, rwonce::Shared32, skbuff::Skb, wait::WaitQueue,
};
use ring::Ring;

/// Bytes of a ring, if the subscriber does not say: 256 KiB.
const CAPACITY: u32 = 256 << 10;

/// Least and most bytes of a ring.
const CAPACITIES: core::ops::RangeInclusive<u32> = 4 << 10..=4 << 20;

/// Bytes of each packet, if the subscriber does not say.
const SNAPLEN: u32 = 64;

/// Most bytes of each packet.
const MOST_SNAPLEN: u32 = 1500;

/// Most bytes of a batch that an event carries.
const MOST_BATCH: usize = 64 << 10;

/// Whoever is told of events.
#[pin_data]
pub(crate) struct Subscriber {
    /// Bits `1 << EventKind`.
    wanted: Shared32,
    snaplen: Shared32,
    #[pin]
    ring: SpinLock<Ring>,
    #[pin]
    readers: WaitQueue,
}

impl Subscriber {
    /// One that wants nothing yet.
    ///
    /// # Errors
    ///
    /// `EINVAL`: a capacity out of range; `ENOMEM`.
    pub(crate) fn new(subscribe: &Subscribe) -> Result<Arc<Self>> {
        let capacity = match subscribe.capacity {
            0 => CAPACITY,
            capacity if CAPACITIES.contains(&capacity) => capacity,
            _ => return Err(EINVAL),
        };
        let ring = Ring::new(capacity as usize)?;
        let subscriber = pin_init!(Subscriber {
            wanted: Shared32::new(0),
            snaplen: Shared32::new(SNAPLEN),
            ring <- new_spinlock!(ring),
            readers <- WaitQueue::new(),
        });
        Arc::pin_init(subscriber, GFP_KERNEL_ACCOUNT)
    }

    /// Sets what it wants to be told of.
    ///
    /// # Errors
    ///
    /// `EINVAL`: unknown events, or a snaplen out of range.
    pub(crate) fn want(&self, subscribe: &Subscribe) -> Result {
        const KNOWN: u32 = 1 << EventKind::Log as u32
            | 1 << EventKind::Ruleset as u32
            | 1 << EventKind::Elements as u32;
        if subscribe.events & !KNOWN != 0 || subscribe.snaplen > MOST_SNAPLEN {
            return Err(EINVAL);
        }
        let snaplen = match subscribe.snaplen {
            0 => SNAPLEN,
            snaplen => snaplen,
        };
        self.snaplen.set(snaplen);
        self.wanted.set(subscribe.events);
        Ok(())
    }

    /// Wants nothing any more.
    pub(crate) fn leave(&self) {
        self.wanted.set(0);
    }

    /// Puts an event into the ring: `head` and what `fill` writes, `len` bytes in all.
    fn tell(
        &self,
        kind: EventKind,
        generation: u64,
        len: usize,
        here: &BottomHalvesOff,
        fill: impl FnOnce(&mut Ring),
    ) {
        if self.wanted.get() & 1 << kind as u32 == 0 {
            return;
        }
        let _ = here;
        let size = size_of::<Event>().saturating_add(len);
        let mut ring = self.ring.lock();
        let Some(lost) = ring.begin(size) else {
            return;
        };
        let event = Event {
            size: u32::try_from(size).unwrap_or(u32::MAX),
            kind: kind as u32,
            at: RealTime::ktime_get().unsigned_abs(),
            generation,
            lost,
        };
        ring.write(event.as_bytes());
        fill(&mut ring);
        ring.end();
        drop(ring);
        self.readers.wake();
    }

    /// As many whole events as fit into `room` bytes. Waits for the first, if it may.
    ///
    /// # Errors
    ///
    /// `EAGAIN`: there is none and it may not wait; `EINVAL`: the first does not fit; `ERESTARTSYS`.
    pub(crate) fn read(&self, room: usize, may_wait: bool) -> Result<KVVec<u8>> {
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        let most = room.min(*CAPACITIES.end() as usize);
        let mut events = KVVec::with_capacity(most, flags)?;
        let mut take = || {
            let _here = BottomHalvesOff::new();
            let taken = self.ring.lock().take(&mut events, most);
            taken
        };
        let taken = match take() {
            Some(taken) => taken,
            None if may_wait => self.readers.wait(take)?,
            None => return Err(EAGAIN),
        };
        match taken {
            0 => Err(EINVAL),
            _ => Ok(mem::take(&mut events)),
        }
    }
}

/// All subscribers of a namespace.
#[derive(Default)]
pub(crate) struct Audience(KVec<Arc<Subscriber>>);

impl Audience {
    /// With one more, or without it.
    pub(crate) fn with(&self, subscriber: &Arc<Subscriber>, present: bool) -> Result<Arc<Self>> {
        let mut all = KVec::with_capacity(self.0.len().saturating_add(1), GFP_KERNEL_ACCOUNT)?;
        for other in &self.0 {
            if !Arc::ptr_eq(other, subscriber) {
                all.push(other.clone(), GFP_KERNEL_ACCOUNT)?;
            }
        }
        if present {
            all.push(subscriber.clone(), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Arc::new(Audience(all), GFP_KERNEL_ACCOUNT)?)
    }

    /// Whether there is nobody.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells of a ruleset that was published.
    pub(crate) fn ruleset(&self, generation: u64) {
        let here = BottomHalvesOff::new();
        for subscriber in &self.0 {
            subscriber.tell(EventKind::Ruleset, generation, 0, &here, |_| ());
        }
    }

    /// Tells of elements that were changed by `batch`.
    pub(crate) fn elements(&self, generation: u64, batch: &[u8]) {
        let batch = if batch.len() > MOST_BATCH { &[] } else { batch };
        let here = BottomHalvesOff::new();
        for subscriber in &self.0 {
            let kind = EventKind::Elements;
            subscriber.tell(kind, generation, batch.len(), &here, |ring| {
                ring.write(batch)
            });
        }
    }

    /// Tells of a packet that was logged. `about` says all but how much of it follows.
    pub(crate) fn log(
        &self,
        generation: u64,
        about: LogEvent,
        packet: &Skb<'_>,
        here: &BottomHalvesOff,
    ) {
        for subscriber in &self.0 {
            let caplen = packet.len().min(subscriber.snaplen.get());
            let about = LogEvent { caplen, ..about };
            let len = size_of::<LogEvent>().saturating_add(caplen as usize);
            subscriber.tell(EventKind::Log, generation, len, here, |ring| {
                ring.write(about.as_bytes());
                write_packet(ring, packet, caplen);
            });
        }
    }
}

/// Writes the first `len` bytes of a packet, wherever they lie.
fn write_packet(ring: &mut Ring, packet: &Skb<'_>, len: u32) {
    if let Some(head) = packet.head().get(..len as usize) {
        ring.write(head);
        return;
    }
    const PIECE: u32 = 64;
    let mut at = 0_u32;
    while at < len {
        let mut piece = [0; PIECE as usize];
        let size = len.saturating_sub(at).min(PIECE);
        if let Some(piece) = piece.get_mut(..size as usize) {
            // Zeros, should it be shorter than it says.
            let _ = packet.copy(at, piece);
            ring.write(piece);
        }
        at = at.saturating_add(PIECE);
    }
}
