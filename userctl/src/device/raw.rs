// SPDX-License-Identifier: GPL-2.0
//! Requests that no client would make, to prove what the module refuses.
//!
//! Everything else goes through [`super::Device`].

use std::fs::File;
use std::path::Path;

use nix::errno::Errno;

use super::ioctl::{self, Descriptor};
use super::{open, Error};

/// The device, without any care about what is asked of it.
#[derive(Debug)]
pub struct RawDevice {
    descriptor: Descriptor,
}

impl RawDevice {
    /// Opens the device at `path` for the network namespace that this thread is in.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let descriptor = open::open(path)?;
        Ok(Self { descriptor })
    }

    /// Takes a descriptor that somebody else opened, if it is that of a misc device.
    pub fn from_file(file: File) -> Result<Self, Error> {
        if !open::is_misc_device(&file) {
            return Err(Error::Foreign {
                path: "descriptor".into(),
            });
        }
        let descriptor = Descriptor::new(file.into());
        Ok(Self { descriptor })
    }

    /// Calls the ioctl `number` with these bytes, `shift` bytes away from an aligned address; they
    /// are afterwards what the module left of them.
    ///
    /// # Errors
    ///
    /// What the module answers; `ENOTSUP`, without asking it, if it could write to the memory of this
    /// process.
    pub fn call(&self, number: u32, argument: &mut [u8], shift: usize) -> Result<(), Errno> {
        ioctl::raw(&self.descriptor, number, argument, shift)
    }

    /// Calls the ioctl `number` with an argument at address 0.
    pub fn call_with_null(&self, number: u32) -> Result<(), Errno> {
        ioctl::raw_nowhere(&self.descriptor, number, false)
    }

    /// Calls the ioctl `number` with an argument at an address of the kernel's.
    pub fn call_with_kernel_address(&self, number: u32) -> Result<(), Errno> {
        ioctl::raw_nowhere(&self.descriptor, number, true)
    }
}
