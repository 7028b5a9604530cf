// SPDX-License-Identifier: GPL-2.0
//! Network interfaces, as far as a packet's are of interest.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use core::{marker::PhantomData, ptr::NonNull};

use kernel::{prelude::*, str::CStr, types::NotThreadSafe};

use super::{bindings, member::Member};

const TYPE: Member<u16> = Member::at(bindings::FERRULE_NETDEV_TYPE);
const GROUP: Member<u32> = Member::at(bindings::FERRULE_NETDEV_GROUP);
const FLAGS: Member<u32> = Member::at(bindings::FERRULE_NETDEV_FLAGS);
const LINK_OPS: Member<*mut c_void> = Member::at(bindings::FERRULE_NETDEV_LINK_OPS);
const KIND: Member<*mut c_char> = Member::at(bindings::FERRULE_LINK_OPS_KIND);

/// Size of an interface's name, its zero included (`IFNAMSIZ`).
const NAME_SIZE: usize = 16;

/// An interface that a packet came from or goes to; or none.
///
/// # Invariants
///
/// The pointer, if there is one, is to a `struct net_device` that is valid for `'a`.
pub(crate) struct Interface<'a> {
    device: Option<NonNull<u8>>,
    _lifetime: PhantomData<&'a ()>,
    _not_thread_safe: NotThreadSafe,
}

impl Interface<'_> {
    /// Wraps a pointer, which may be null.
    ///
    /// # Safety
    ///
    /// `device` must be null or valid for the lifetime that the caller gives the result.
    #[inline]
    pub(super) unsafe fn from_raw(device: *mut kernel::bindings::net_device) -> Self {
        // INVARIANT: By the safety requirement.
        Interface {
            device: NonNull::new(device.cast()),
            _lifetime: PhantomData,
            _not_thread_safe: NotThreadSafe,
        }
    }

    /// Its index; 0 if there is none, as `nft_meta_store_ifindex()` has it.
    #[inline]
    pub(crate) fn index(&self) -> u32 {
        let Some(device) = self.device else {
            return 0;
        };
        // SAFETY: By the type invariant `device` is valid; the offset is that of an aligned `int`.
        unsafe {
            device
                .byte_add(bindings::FERRULE_NETDEV_IFINDEX as usize)
                .cast::<u32>()
                .read_volatile()
        }
    }

    /// The device, which may be none.
    #[inline]
    pub(super) fn raw(&self) -> *mut kernel::bindings::net_device {
        self.device
            .map_or(core::ptr::null_mut(), |device| device.as_ptr().cast())
    }

    /// Its hardware type (`ARPHRD_*`).
    pub(crate) fn hardware(&self) -> Option<u16> {
        // SAFETY: By the type invariant the device is valid.
        self.device.map(|device| unsafe { TYPE.read(device) })
    }

    /// Its group.
    pub(crate) fn group(&self) -> Option<u32> {
        // SAFETY: By the type invariant the device is valid.
        self.device.map(|device| unsafe { GROUP.read(device) })
    }

    /// What kind of virtual interface it is (`rtnl_link_ops`), padded with zeros; `None` if it is none.
    pub(crate) fn kind(&self) -> Option<[u8; NAME_SIZE]> {
        // SAFETY: By the type invariant the device is valid.
        let operations = NonNull::new(unsafe { LINK_OPS.read(self.device?) })?;
        // SAFETY: The device's operations are valid as long as it is.
        let kind = NonNull::new(unsafe { KIND.read(operations) })?;
        // SAFETY: They name themselves by a C string.
        let kind = unsafe { CStr::from_char_ptr(kind.as_ptr()) };
        let mut padded = [0; NAME_SIZE];
        // All but the last byte: as `strscpy_pad()` has it.
        for (to, from) in padded.iter_mut().zip(kind.to_bytes()).take(NAME_SIZE - 1) {
            *to = *from;
        }
        Some(padded)
    }

    /// Whether it leads back here (`IFF_LOOPBACK`).
    pub(crate) fn is_loopback(&self) -> bool {
        // SAFETY: By the type invariant the device is valid.
        let flags = self.device.map(|device| unsafe { FLAGS.read(device) });
        flags.is_some_and(|flags| flags & bindings::FERRULE_IFF_LOOPBACK != 0)
    }

    /// Its name, padded with zeros; all zeros if there is none, as `nft_meta_store_ifname()` has it.
    ///
    /// An interface may be renamed meanwhile: then the name is neither the old nor the new one, but
    /// ends within its bytes in any case, and whatever an older, longer name left behind is not seen.
    pub(crate) fn name(&self) -> [u8; NAME_SIZE] {
        let Some(device) = self.device else {
            return [0; NAME_SIZE];
        };
        // SAFETY: By the type invariant `device` is valid; the offset is that of a `char [IFNAMSIZ]`.
        let mut name = unsafe {
            device
                .byte_add(bindings::FERRULE_NETDEV_NAME as usize)
                .cast::<[u8; NAME_SIZE]>()
                .read_volatile()
        };
        let mut ended = false;
        for byte in &mut name {
            ended |= *byte == 0;
            if ended {
                *byte = 0;
            }
        }
        name
    }
}
