// SPDX-License-Identifier: GPL-2.0
//! Arguments of ioctls: copied once, checked before anything is done, written back whole.
//!
//! The order of the checks is part of the ABI: `EFAULT`, then the size (`EINVAL`), the version (`EPROTO`),
//! then flags and reserved fields (`EINVAL`).

use ferrule_uapi::{
    ioctl::{Change, Info, Load, Read, ReadSet, ResetValue, SetChange, Subscribe},
    ABI_VERSION,
};
use kernel::{
    prelude::*,
    uaccess::{UserPtr, UserSlice},
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A structure that an ioctl takes.
pub(super) trait Argument: FromBytes + IntoBytes + Immutable + Default {
    /// What it says of itself: size and version.
    fn head(&self) -> (u32, u32);

    /// Its flags.
    fn flags(&self) -> u32;

    /// Whether all that is reserved is zero.
    fn reserved_is_zero(&self) -> bool;

    /// Copies the structure and checks it. `known` are the flags that it may have.
    fn read(user: UserPtr, known: u32) -> Result<Self> {
        let mut argument = Self::default();
        let mut reader = UserSlice::new(user, size_of::<Self>()).reader();
        reader.read_slice(argument.as_mut_bytes())?;
        let (size, version) = argument.head();
        if size as usize != size_of::<Self>() {
            return Err(EINVAL);
        }
        if version != ABI_VERSION {
            return Err(EPROTO);
        }
        if argument.flags() & !known != 0 || !argument.reserved_is_zero() {
            return Err(EINVAL);
        }
        Ok(argument)
    }

    /// Writes the structure back.
    fn write(&self, user: UserPtr) -> Result {
        let bytes = self.as_bytes();
        UserSlice::new(user, bytes.len())
            .writer()
            .write_slice(bytes)
    }
}

impl Argument for Info {
    fn head(&self) -> (u32, u32) {
        (self.size, self.version)
    }

    fn flags(&self) -> u32 {
        0
    }

    fn reserved_is_zero(&self) -> bool {
        self.reserved == [0; 4]
    }
}

/// Implements [`Argument`] for structures whose flags are `flags` and of which `reserved` is to be zero.
macro_rules! with_flags_and_reserved {
    ($($name:ty),*) => {$(
        impl Argument for $name {
            fn head(&self) -> (u32, u32) {
                (self.size, self.version)
            }

            fn flags(&self) -> u32 {
                self.flags
            }

            fn reserved_is_zero(&self) -> bool {
                self.reserved == 0
            }
        }
    )*};
}

with_flags_and_reserved!(Load, Change, Read, SetChange, ReadSet, ResetValue);

impl Argument for Subscribe {
    fn head(&self) -> (u32, u32) {
        (self.size, self.version)
    }

    fn flags(&self) -> u32 {
        self.flags
    }

    fn reserved_is_zero(&self) -> bool {
        true
    }
}
