// SPDX-License-Identifier: GPL-2.0
//! Counters that each CPU has to itself.
//!
//! C headers: [`include/linux/percpu.h`](srctree/include/linux/percpu.h),
//! [`include/linux/u64_stats_sync.h`](srctree/include/linux/u64_stats_sync.h)
//!
//! # Why not one atomic number
//!
//! A number that all CPUs add to is a cache line that travels between them for every packet, and a
//! `lock` prefix that waits for it. So each CPU has a *lane*: an array of its own, cache lines apart
//! from the others', that it alone adds to, with a plain load and a plain store. Whoever reads adds the
//! lanes up.
//!
//! Loading and storing apart from each other loses nothing as long as no one else adds to the lane
//! in between: that is what [`BottomHalvesOff`] is evidence of, and the only way to a [`Lane`]. It does
//! not hold on `PREEMPT_RT`, where the addition is atomic.
//!
//! The kernel's `alloc_percpu` is not used because it refuses more than 32 KiB, two thousand counters.
//!
//! # Why not the kernel's `Atomic::load`
//!
//! Unless a kernel inlines its C helpers (Debian's does not) it is a function call, and counting is
//! what every packet does at every hook. What it calls is `READ_ONCE` and `WRITE_ONCE`: volatile
//! accesses, as here. The memory is 64 bits wide, aligned, and nobody accesses it otherwise.
//! On 32-bit machines a reader could see half a number; Rust for Linux does not run on SMP ones.

mod lending;

use core::{marker::PhantomData, ptr::NonNull, slice};

use kernel::{
    cpu::nr_cpu_ids,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};

use super::bottom_half::BottomHalvesOff;

pub(crate) use lending::Lending;

/// Numbers in a cache line.
const WORDS: usize = 8;

/// A cache line of numbers.
#[repr(C, align(64))]
struct Line([Atomic<u64>; WORDS]);

// SAFETY: All bytes zero are a valid `Atomic<u64>`: it has the representation of `u64`.
unsafe impl Zeroable for Line {}

/// `len` counters, each of `N` numbers, for every possible CPU. `N` divides 8: a counter lies in
/// one cache line.
///
/// # Invariants
///
/// A CPU's lane is written to only by that CPU, with bottom halves off.
pub(crate) struct PerCpuCounters<const N: usize> {
    lanes: KVVec<KVVec<Line>>,
}

impl<const N: usize> PerCpuCounters<N> {
    /// Counters per line: `WORDS / N`.
    const PER_LINE: usize = {
        const_assert!(N == 1 || N == 2 || N == 4 || N == 8);
        match N {
            1 => 8,
            2 => 4,
            4 => 2,
            _ => 1,
        }
    };

    /// `len` counters at zero.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. What is allocated is charged to the memory cgroup of the caller.
    pub(crate) fn new(len: usize) -> Result<Self> {
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        let cpus = nr_cpu_ids() as usize;
        let mut lanes = KVVec::with_capacity(cpus, flags)?;
        for _ in 0..cpus {
            lanes.push(KVVec::zeroed(len.div_ceil(Self::PER_LINE), flags)?, flags)?;
        }
        Ok(PerCpuCounters { lanes })
    }

    /// This CPU's lane.
    #[inline]
    pub(crate) fn here<'a>(&'a self, here: &'a BottomHalvesOff) -> Lane<'a, N> {
        let lines = self.lanes.get(here.cpu()).map_or(&[][..], |lane| lane);
        // INVARIANT: The lane is that of `here`'s CPU.
        Lane {
            lines,
            _here: PhantomData,
        }
    }

    /// The counter's numbers, summed over all CPUs. A packet that is being counted meanwhile may be
    /// in some of them and not yet in others.
    pub(crate) fn sum(&self, counter: usize) -> [u64; N] {
        let mut sums = [0u64; N];
        for lane in &self.lanes {
            for (sum, word) in sums.iter_mut().zip(words::<N>(lane, counter)) {
                *sum = sum.wrapping_add(read_once(word));
            }
        }
        sums
    }
}

/// One counter of `N` numbers for every possible CPU, where it has a cache line to itself.
///
/// Whoever clones it counts and reads the same. Each has the address of the numbers at hand.
///
/// # Invariants
///
/// As those of [`PerCpuCounters`]. `lines` and `len` are the contents of `owner`, which nobody changes but
/// for the numbers.
#[derive(Clone)]
pub(crate) struct PerCpuCounter<const N: usize> {
    lines: NonNull<Line>,
    len: usize,
    _owner: Arc<KVVec<Line>>,
}

// SAFETY: It stands for a shared reference to `Line`s, which are `Sync`, and an `Arc` of them.
unsafe impl<const N: usize> Send for PerCpuCounter<N> {}
// SAFETY: As above.
unsafe impl<const N: usize> Sync for PerCpuCounter<N> {}

impl<const N: usize> PerCpuCounter<N> {
    /// A counter at zero.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. What is allocated is charged to the memory cgroup of the caller.
    pub(crate) fn new() -> Result<Self> {
        const_assert!(N <= WORDS);
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        let owner = Arc::new(KVVec::zeroed(nr_cpu_ids() as usize, flags)?, flags)?;
        let lines: &[Line] = &owner;
        // INVARIANT: The `Arc` keeps the vector, which lends no other reference than shared ones.
        Ok(PerCpuCounter {
            lines: NonNull::from(lines).cast(),
            len: lines.len(),
            _owner: owner,
        })
    }

    /// The lines of all CPUs.
    #[inline]
    fn lines(&self) -> &[Line] {
        // SAFETY: By the type invariants they are `len` lines, valid as long as `self`.
        unsafe { slice::from_raw_parts(self.lines.as_ptr(), self.len) }
    }

    /// Adds to the numbers, on this CPU.
    #[inline]
    pub(crate) fn add(&self, here: &BottomHalvesOff, amounts: [u64; N]) {
        if let Some(line) = self.lines().get(here.cpu()) {
            add(&line.0, amounts);
        }
    }

    /// The numbers, summed over all CPUs, as [`PerCpuCounters::sum`] has them.
    pub(crate) fn sum(&self) -> [u64; N] {
        let mut sums = [0u64; N];
        for line in self.lines() {
            for (sum, word) in sums.iter_mut().zip(&line.0) {
                *sum = sum.wrapping_add(read_once(word));
            }
        }
        sums
    }
}

/// How many CPUs there may ever be.
pub(crate) fn possible_cpus() -> u32 {
    nr_cpu_ids()
}

/// The lane of this CPU.
///
/// # Invariants
///
/// `lines` is the lane of the CPU that this code runs on and stays on while the instance exists.
#[derive(Clone, Copy)]
pub(crate) struct Lane<'a, const N: usize> {
    lines: &'a [Line],
    _here: PhantomData<&'a BottomHalvesOff>,
}

impl<const N: usize> Lane<'_, N> {
    /// Adds to the numbers of a counter; does nothing if there is no such counter.
    #[inline]
    pub(crate) fn add(self, counter: usize, amounts: [u64; N]) {
        add(words::<N>(self.lines, counter), amounts);
    }
}

/// Adds to numbers of this CPU's.
#[inline]
fn add<const N: usize>(words: &[Atomic<u64>], amounts: [u64; N]) {
    for (word, amount) in words.iter().zip(amounts) {
        if cfg!(CONFIG_PREEMPT_RT) {
            word.add(amount, Relaxed);
        } else {
            write_once(word, read_once(word).wrapping_add(amount));
        }
    }
}

/// The numbers of a counter in a lane; none if there is no such counter.
#[inline]
fn words<const N: usize>(lines: &[Line], counter: usize) -> &[Atomic<u64>] {
    let per_line = PerCpuCounters::<N>::PER_LINE;
    let line = counter
        .checked_div(per_line)
        .and_then(|line| lines.get(line));
    let place = counter.checked_rem(per_line).unwrap_or_default();
    let start = place.wrapping_mul(N); // Less than `WORDS`.
    let rest = line
        .and_then(|line| line.0.get(start..))
        .unwrap_or_default();
    rest.get(..N).unwrap_or_default()
}

/// `READ_ONCE`.
#[inline]
fn read_once(word: &Atomic<u64>) -> u64 {
    // SAFETY: `word` is valid and aligned; all accesses to it are marked (`READ_ONCE`, `WRITE_ONCE`,
    // `atomic64_add`), so that there is no data race as the kernel's memory model defines it.
    unsafe { word.as_ptr().read_volatile() }
}

/// `WRITE_ONCE`.
#[inline]
fn write_once(word: &Atomic<u64>, value: u64) {
    // SAFETY: As in `read_once`.
    unsafe { word.as_ptr().write_volatile(value) }
}
