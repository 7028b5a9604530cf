// SPDX-License-Identifier: GPL-2.0
//! The `ioctl(2)` calls themselves: the only `unsafe` code in user space.
//!
//! Each function takes what the call reads and writes as Rust values and slices, puts their
//! addresses into the argument, and gives back the argument as the module left it. Errors are bare
//! errnos here; [`super::Error`] is made of them one floor up, where it is known what was tried.
//!
//! # Invariants
//!
//! - A [`Descriptor`] is only made by [`super::Device::open`], which takes nothing but a character
//!   device of the misc major. So the other end is a driver, and the numbers, which carry the size
//!   of the argument and a type that no other driver uses, mean to it what [`ferrule_uapi::ioctl`]
//!   says or nothing (`ENOTTY`).
//! - Every address in an argument is that of a slice borrowed until the call returns, for as many
//!   elements as the argument says, and mutable where the module writes. The module keeps none.
//! - What the module writes are `ferrule_uapi` structures and integers, of which every bit pattern
//!   is a value (`FromBytes`).
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use ferrule_uapi::ioctl as abi;
use nix::errno::Errno;
use nix::libc;
use zerocopy::FromBytes;

/// An open descriptor of the device.
#[derive(Debug)]
pub(super) struct Descriptor(OwnedFd);

impl Descriptor {
    /// Wraps what was opened; see the invariants of this module.
    pub(super) fn new(device: OwnedFd) -> Self {
        Self(device)
    }
}

/// The argument as the module left it, and how the call ended. A refused call may have written too.
pub(super) type Answer<A> = (A, Result<(), Errno>);

/// What is loaded.
pub(super) fn info(device: &Descriptor, mut argument: abi::Info) -> Answer<abi::Info> {
    // SAFETY: `Info` holds no address.
    let result = unsafe { call::<{ abi::IOC_INFO }, _>(device.0.as_fd(), &mut argument) };
    (argument, result)
}

/// Publishes `program`, with the changes of `batch`.
pub(super) fn load(
    device: &Descriptor,
    mut argument: abi::Load,
    program: &[u8],
    batch: &[u8],
) -> Answer<abi::Load> {
    argument.program = program.as_ptr().expose_provenance() as u64;
    argument.program_size = program.len() as u64;
    if !batch.is_empty() {
        argument.batch = batch.as_ptr().expose_provenance() as u64;
        argument.batch_size = batch.len() as u64;
    }
    // SAFETY: the only addresses are those of `program` and `batch`, borrowed until the call returns,
    // with their lengths; the module only reads there.
    let result = unsafe { call::<{ abi::IOC_LOAD }, _>(device.0.as_fd(), &mut argument) };
    (argument, result)
}

/// Publishes the empty ruleset.
pub(super) fn flush(device: &Descriptor, mut argument: abi::Change) -> Answer<abi::Change> {
    // SAFETY: `Change` holds no address.
    let result = unsafe { call::<{ abi::IOC_FLUSH }, _>(device.0.as_fd(), &mut argument) };
    (argument, result)
}

/// Sets counters to zero.
pub(super) fn reset(device: &Descriptor, mut argument: abi::Change) -> Answer<abi::Change> {
    // SAFETY: `Change` holds no address.
    let result = unsafe { call::<{ abi::IOC_RESET }, _>(device.0.as_fd(), &mut argument) };
    (argument, result)
}

/// Changes elements of sets.
pub(super) fn change_sets(
    device: &Descriptor,
    mut argument: abi::SetChange,
    batch: &[u8],
) -> Answer<abi::SetChange> {
    argument.batch = batch.as_ptr().expose_provenance() as u64;
    argument.batch_size = batch.len() as u64;
    // SAFETY: the only address is that of `batch`, borrowed until the call returns, with its length;
    // the module only reads there.
    let result = unsafe { call::<{ abi::IOC_CHANGE_SETS }, _>(device.0.as_fd(), &mut argument) };
    (argument, result)
}

/// Fills `buffer` with elements of a set; where one is asked for, it holds the key before.
pub(super) fn elements(
    device: &Descriptor,
    mut argument: abi::ReadSet,
    buffer: &mut [u8],
) -> Answer<abi::ReadSet> {
    argument.buffer = buffer.as_mut_ptr().expose_provenance() as u64;
    argument.capacity = buffer.len() as u64;
    // SAFETY: `buffer` is borrowed mutably until the call returns, with its length.
    let result = unsafe { call::<{ abi::IOC_ELEMENTS }, _>(device.0.as_fd(), &mut argument) };
    (argument, result)
}

/// Begins a counter or state anew.
pub(super) fn reset_value(
    device: &Descriptor,
    mut argument: abi::ResetValue,
) -> Answer<abi::ResetValue> {
    // SAFETY: `ResetValue` holds no address.
    let result = unsafe { call::<{ abi::IOC_RESET_VALUE }, _>(device.0.as_fd(), &mut argument) };
    (argument, result)
}

/// Subscribes to events.
pub(super) fn subscribe(
    device: &Descriptor,
    mut argument: abi::Subscribe,
) -> Answer<abi::Subscribe> {
    // SAFETY: `Subscribe` holds no address.
    let result = unsafe { call::<{ abi::IOC_SUBSCRIBE }, _>(device.0.as_fd(), &mut argument) };
    (argument, result)
}

/// Waits for events and reads them: how many bytes.
pub(super) fn read_events(device: &Descriptor, buffer: &mut [u8]) -> Result<usize, Errno> {
    let flags = nix::fcntl::OFlag::empty();
    nix::fcntl::fcntl(&device.0, nix::fcntl::FcntlArg::F_SETFL(flags))?;
    nix::unistd::read(&device.0, buffer)
}

/// An array that the module fills: what its elements are, and who fills it.
pub(super) trait Element: FromBytes + Clone + Default {
    /// Calls the ioctl that gives such elements.
    ///
    /// # Safety
    ///
    /// `argument.buffer` must be the address of `argument.capacity` elements of this type that may
    /// be written until the call returns.
    unsafe fn fill(device: BorrowedFd<'_>, argument: &mut abi::Read) -> Result<(), Errno>;
}

/// Bytes of the published program.
impl Element for u8 {
    unsafe fn fill(device: BorrowedFd<'_>, argument: &mut abi::Read) -> Result<(), Errno> {
        // SAFETY: the caller vouches for the buffer, which this number fills with bytes.
        unsafe { call::<{ abi::IOC_PROGRAM }, _>(device, argument) }
    }
}

impl Element for abi::CounterValue {
    unsafe fn fill(device: BorrowedFd<'_>, argument: &mut abi::Read) -> Result<(), Errno> {
        // SAFETY: the caller vouches for the buffer, which this number fills with `CounterValue`.
        unsafe { call::<{ abi::IOC_COUNTERS }, _>(device, argument) }
    }
}

impl Element for abi::HookValue {
    unsafe fn fill(device: BorrowedFd<'_>, argument: &mut abi::Read) -> Result<(), Errno> {
        // SAFETY: the caller vouches for the buffer, which this number fills with `HookValue`.
        unsafe { call::<{ abi::IOC_HOOKS }, _>(device, argument) }
    }
}

impl Element for abi::StateValue {
    unsafe fn fill(device: BorrowedFd<'_>, argument: &mut abi::Read) -> Result<(), Errno> {
        // SAFETY: the caller vouches for the buffer, which this number fills with `StateValue`.
        unsafe { call::<{ abi::IOC_STATES }, _>(device, argument) }
    }
}

/// Fills `buffer` as far as there are elements.
pub(super) fn read<T: Element>(
    device: &Descriptor,
    mut argument: abi::Read,
    buffer: &mut [T],
) -> Answer<abi::Read> {
    argument.buffer = buffer.as_mut_ptr().expose_provenance() as u64;
    argument.capacity = buffer.len() as u64;
    // SAFETY: `buffer` is borrowed mutably until the call returns, with its length, and its elements
    // may hold any bits (`FromBytes`).
    let result = unsafe { T::fill(device.0.as_fd(), &mut argument) };
    (argument, result)
}

/// Largest argument that an ioctl number can announce, and some more.
const RAW_ARGUMENT: usize = 1 << 15;

/// Where the module's array is asked for: in [`abi::Read`] or [`abi::ReadSet`], by the number.
fn buffer_at(number: u32) -> Option<usize> {
    match number {
        abi::IOC_PROGRAM | abi::IOC_COUNTERS | abi::IOC_HOOKS | abi::IOC_STATES => {
            Some(std::mem::offset_of!(abi::Read, buffer))
        }
        abi::IOC_ELEMENTS => Some(std::mem::offset_of!(abi::ReadSet, buffer)),
        _ => None,
    }
}

/// Addresses from here on are the kernel's: no process has memory there.
const KERNEL_HALF: u64 = 1 << 63;

/// An ioctl with an argument of any content, `shift` bytes away from an aligned address: to prove
/// what the module refuses.
///
/// `ENOTSUP`, without a call, for what could make the module write to this process's memory: an
/// array asked for at an address that is neither null nor the kernel's.
pub(super) fn raw(
    device: &Descriptor,
    number: u32,
    argument: &mut [u8],
    shift: usize,
) -> Result<(), Errno> {
    let buffer = buffer_at(number)
        .and_then(|at| argument.get(at..at + size_of::<u64>()))
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_ne_bytes);
    if buffer != 0 && buffer < KERNEL_HALF {
        return Err(Errno::ENOTSUP);
    }
    let mut words = vec![0_u64; RAW_ARGUMENT / size_of::<u64>()];
    let Some(place) = zerocopy::IntoBytes::as_mut_bytes(words.as_mut_slice())
        .get_mut(shift..)
        .filter(|place| place.len() > u16::MAX as usize / 4 && place.len() >= argument.len())
    else {
        return Err(Errno::ENOTSUP);
    };
    place[..argument.len()].copy_from_slice(argument);
    // SAFETY: `place` is exclusive and at least as long as any size that a number can carry, so the
    // argument is written within it, with any bits. The only address in an argument to which the
    // module writes is the buffer of a read: null or the kernel's, by the check above (beyond the given
    // bytes there are zeros), so that write fails. Programs and batches are only read.
    let answer = unsafe {
        libc::ioctl(
            device.0.as_raw_fd(),
            number as libc::Ioctl,
            place.as_mut_ptr(),
        )
    };
    argument.copy_from_slice(&place[..argument.len()]);
    Errno::result(answer).map(drop)
}

/// An ioctl whose argument is at no address of this process: null or, if `kernel`, the kernel's.
pub(super) fn raw_nowhere(device: &Descriptor, number: u32, kernel: bool) -> Result<(), Errno> {
    let address = if kernel { KERNEL_HALF | 0x1000 } else { 0 };
    // SAFETY: neither address is this process's memory, so nothing of it can be read or written.
    let answer = unsafe { libc::ioctl(device.0.as_raw_fd(), number as libc::Ioctl, address) };
    Errno::result(answer).map(drop)
}

/// One `ioctl(2)`.
///
/// # Safety
///
/// `NUMBER` must be an ioctl of the device behind `device` that takes an `A`, and every address in
/// `argument` must be good, until the call returns, for what the module does there.
unsafe fn call<const NUMBER: u32, A: FromBytes>(
    device: BorrowedFd<'_>,
    argument: &mut A,
) -> Result<(), Errno> {
    const { assert!((NUMBER >> 16) as usize & 0x3fff == size_of::<A>()) }
    let argument: *mut A = argument;
    // SAFETY: `argument` is a live, exclusive `A`, by the caller's promise what the module expects
    // there; it may be written with any bits (`FromBytes`).
    let answer = unsafe { libc::ioctl(device.as_raw_fd(), NUMBER as libc::Ioctl, argument) };
    Errno::result(answer).map(drop)
}
