// SPDX-License-Identifier: GPL-2.0
//! Members of C structures, by their offsets.
//!
//! Many of the structures that packets lead to are full of anonymous unions, bit fields and members that
//! depend on the configuration. Of those only offsets are taken (`bindings.h`), and what a
//! configuration lacks has the offset [`ABSENT`].

use core::{marker::PhantomData, ptr::NonNull};

/// The offset of what the kernel's configuration lacks.
const ABSENT: u32 = 0xffff_ffff;

/// A member of type `T` of some C structure. All bit patterns must be a `T`.
pub(super) struct Member<T> {
    offset: u32,
    _type: PhantomData<fn() -> T>,
}

impl<T: Copy> Member<T> {
    /// The member at `offset`, of `bindings.h`.
    pub(super) const fn at(offset: u32) -> Self {
        Member {
            offset,
            _type: PhantomData,
        }
    }

    /// Whether there is such a member in this kernel.
    pub(super) const fn exists(&self) -> bool {
        self.offset != ABSENT
    }

    /// Where it is in `structure`.
    #[inline]
    pub(super) fn of<S>(&self, structure: NonNull<S>) -> *mut T {
        let base = structure.as_ptr().cast::<u8>();
        base.wrapping_add(self.offset as usize).cast()
    }

    /// Reads it, as `READ_ONCE` does.
    ///
    /// # Safety
    ///
    /// `structure` must be valid and of the type that the offset belongs to, and the member exist.
    #[inline]
    pub(super) unsafe fn read<S>(&self, structure: NonNull<S>) -> T {
        // SAFETY: By the safety requirement; the compiler that worked the offset out aligned it.
        unsafe { self.of(structure).read_volatile() }
    }

    /// Reads it if it exists.
    ///
    /// # Safety
    ///
    /// `structure` must be valid and of the type that the offset belongs to.
    #[inline]
    pub(super) unsafe fn get<S>(&self, structure: NonNull<S>) -> Option<T> {
        // SAFETY: By the safety requirement, and it exists.
        self.exists().then(|| unsafe { self.read(structure) })
    }

    /// Writes it, as `WRITE_ONCE` does.
    ///
    /// # Safety
    ///
    /// As for [`Member::read`]; and the caller must be allowed to write there.
    #[inline]
    pub(super) unsafe fn write<S>(&self, structure: NonNull<S>, value: T) {
        // SAFETY: By the safety requirement.
        unsafe { self.of(structure).write_volatile(value) }
    }
}

/// Room for a C structure of at most `8 * WORDS` bytes, zero at first.
#[repr(C, align(8))]
pub(super) struct Room<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Room<WORDS> {
    /// Zeros.
    pub(super) const fn zeroed() -> Self {
        Room([0; WORDS])
    }

    /// The structure.
    pub(super) fn pointer(&mut self) -> NonNull<[u64; WORDS]> {
        NonNull::from(&mut self.0)
    }

    /// Sets a member.
    pub(super) fn set<T: Copy>(&mut self, member: Member<T>, value: T) {
        let end = (member.offset as usize).saturating_add(size_of::<T>());
        if end <= size_of::<Self>() {
            // SAFETY: The member ends within the room, which is ours.
            unsafe { member.of(self.pointer()).write_unaligned(value) }
        }
    }

    /// A member's value; `None` if it is not within.
    pub(super) fn value<T: Copy>(&mut self, member: Member<T>) -> Option<T> {
        let end = (member.offset as usize).saturating_add(size_of::<T>());
        // SAFETY: The member ends within the room, whose bytes are initialised.
        (end <= size_of::<Self>()).then(|| unsafe { member.of(self.pointer()).read_unaligned() })
    }
}
