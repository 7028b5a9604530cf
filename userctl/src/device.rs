// SPDX-License-Identifier: GPL-2.0
//! The kernel's side of Ferrule, as a handful of safe operations.
//!
//! ```text
//! commands ─► Kernel (trait) ─► Device ─► ioctl ─► /dev/ferrule
//!                     └───────► a fake that runs the engine's verifier, in tests
//! ```
//!
//! What is particular here:
//!
//! - A [`Device`] is bound to the network namespace in which it was opened, not to that of the
//!   process that uses it; [`crate::netns`] comes first.
//! - Opening asks the module at once what is loaded: that it is Ferrule's device and speaks this
//!   ABI is known before anything is tried.
//! - Sizes are asked for and may change before the data is: reads try again, a bounded number of
//!   times, with what the module said it needs.
//! - errno becomes an [`Error`] here and goes no further.

mod error;
mod ioctl;
mod open;
mod raw;
mod request;
mod snapshot;

pub use error::{Error, ModuleRefusal, Operation};
pub use raw::RawDevice;
pub use snapshot::{snapshot, Snapshot};

use std::path::{Path, PathBuf};

use ferrule_uapi::ioctl::{CounterValue, HookValue, Info, StateValue, READ_ONE, READ_RESET};
use nix::errno::Errno;

/// How often a read whose size changes under it is tried before another writer is blamed.
const READ_ATTEMPTS: usize = 8;

/// Which generation a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is published.
    Any,
    /// This one; the request is refused ([`Error::Stale`]) if another is published.
    Generation(u64),
}

/// What [`Kernel::load`] is to do with a program that verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadMode {
    /// Publish it.
    Publish,
    /// Nothing.
    DryRun,
}

/// What [`Kernel::reset`] begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Those of rules and policies.
    Counters,
    /// Those of hooks.
    Hooks,
    /// Quotas and `last`.
    States,
    /// All of them.
    All,
}

/// What [`Kernel::reset_value`] begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A counter.
    Counter,
    /// A quota, a limit, a `last`.
    State,
}

/// Which elements of a set [`Kernel::elements`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// All.
    All,
    /// The one that has this key, as [`ferrule_uapi::set`] writes keys.
    Key(&'a [u8]),
}

/// Something that was read, and the generation that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped<T> {
    /// The generation.
    pub generation: u64,
    /// What was read.
    pub value: T,
}

/// What runs rulesets: the module, or in tests something that answers like it.
pub trait Kernel {
    /// What is loaded, in figures.
    fn info(&mut self) -> Result<Info, Error>;

    /// Verifies a program and a batch of changes to elements (empty: none) and, by `mode`, publishes
    /// them. Gives the generation published then.
    fn load(
        &mut self,
        program: &[u8],
        batch: &[u8],
        expected: Expected,
        mode: LoadMode,
    ) -> Result<u64, Error>;

    /// Changes elements of the published sets, all or none. Gives the generation, which stays.
    fn change_sets(
        &mut self,
        batch: &[u8],
        expected: Expected,
        mode: LoadMode,
    ) -> Result<u64, Error>;

    /// Elements of the set with this identity, as a batch with one `Add`; `reset` begins their counters and
    /// quotas anew.
    fn elements(
        &mut self,
        set: u64,
        which: Which<'_>,
        reset: bool,
        expected: Expected,
    ) -> Result<Stamped<Vec<u8>>, Error>;

    /// The states' values, in the order of the program's states section.
    fn states(&mut self, expected: Expected) -> Result<Stamped<Vec<StateValue>>, Error>;

    /// Begins one counter or state anew. Gives what it was.
    fn reset_value(
        &mut self,
        which: Value,
        identity: u64,
        expected: Expected,
    ) -> Result<StateValue, Error>;

    /// Subscribes to events (bits `1 << EventKind`), to be read with [`Kernel::events`]; of each packet
    /// `snaplen` bytes.
    fn subscribe(&mut self, events: u32, capacity: u32, snaplen: u32) -> Result<(), Error>;

    /// Waits for events and reads as many whole ones as fit into `buffer`: how many bytes.
    fn events(&mut self, buffer: &mut [u8]) -> Result<usize, Error>;

    /// Publishes the empty ruleset. Gives its generation.
    fn flush(&mut self, expected: Expected) -> Result<u64, Error>;

    /// Sets counters to zero.
    fn reset(&mut self, what: Reset, expected: Expected) -> Result<u64, Error>;

    /// The published program, byte by byte as it was loaded; empty if the ruleset is.
    fn program(&mut self) -> Result<Stamped<Vec<u8>>, Error>;

    /// The counters' values, in the order of the program's counters section.
    fn counters(&mut self, expected: Expected) -> Result<Stamped<Vec<CounterValue>>, Error>;

    /// The registered hook functions and their counters.
    fn hooks(&mut self) -> Result<Stamped<Vec<HookValue>>, Error>;
}

/// The module, through its character device.
#[derive(Debug)]
pub struct Device {
    descriptor: ioctl::Descriptor,
    path: PathBuf,
}

impl Device {
    /// Opens the device at `path` (usually [`ferrule_uapi::DEVICE_PATH`]) for the network namespace
    /// that this thread is in.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut device = Self {
            descriptor: open::open(path)?,
            path: path.to_owned(),
        };
        device.info()?;
        Ok(device)
    }

    /// Reads all elements of one kind.
    fn read<T: ioctl::Element>(
        &self,
        operation: Operation,
        expected: Expected,
    ) -> Result<Stamped<Vec<T>>, Error> {
        let mut buffer = Vec::new();
        for _ in 0..READ_ATTEMPTS {
            let argument = request::read(expected);
            let (answer, result) = ioctl::read(&self.descriptor, argument, &mut buffer);
            let count = usize::try_from(answer.count).unwrap_or(usize::MAX);
            match result {
                Ok(()) => {
                    buffer.truncate(count);
                    return Ok(Stamped {
                        generation: answer.generation,
                        value: buffer,
                    });
                }
                Err(Errno::ENOSPC) => grow(&mut buffer, count, operation)?,
                Err(errno) => return Err(self.error(operation, expected, errno)),
            }
        }
        Err(Error::Unsteady)
    }

    /// What `errno` means for this operation.
    fn error(&self, operation: Operation, expected: Expected, errno: Errno) -> Error {
        match (errno, expected) {
            (Errno::EPROTO, _) => Error::Abi {
                path: self.path.clone(),
                module: self.module_version(),
            },
            (Errno::ENOTTY, _) => Error::Unknown {
                path: self.path.clone(),
                operation,
            },
            (Errno::ESTALE, Expected::Generation(expected)) => Error::Stale { expected },
            (Errno::EPERM | Errno::EACCES, _) => Error::Denied { operation },
            (Errno::E2BIG, _) => Error::TooLarge,
            (Errno::ENOMEM, _) => Error::NoMemory,
            (Errno::ENODEV, _) => Error::Leaving,
            (Errno::ENOENT, _) => Error::Gone,
            _ => Error::Failed {
                operation,
                source: errno.into(),
            },
        }
    }

    /// The ABI version that the module speaks, if one of the next few is it. The module does not
    /// say, but it refuses all others.
    fn module_version(&self) -> Option<u32> {
        (1..=request::PROBED_VERSIONS).find(|&version| {
            let (_, result) = ioctl::info(&self.descriptor, request::info(version));
            result != Err(Errno::EPROTO)
        })
    }
}

impl Kernel for Device {
    fn info(&mut self) -> Result<Info, Error> {
        let argument = request::info(ferrule_uapi::ABI_VERSION);
        let (answer, result) = ioctl::info(&self.descriptor, argument);
        result
            .map(|()| answer)
            .map_err(|errno| self.error(Operation::Info, Expected::Any, errno))
    }

    fn load(
        &mut self,
        program: &[u8],
        batch: &[u8],
        expected: Expected,
        mode: LoadMode,
    ) -> Result<u64, Error> {
        let argument = request::load(expected, mode);
        let (answer, result) = ioctl::load(&self.descriptor, argument, program, batch);
        match result {
            Ok(()) => Ok(answer.generation),
            Err(Errno::EINVAL) if answer.error_code != 0 => {
                Err(Error::Refused(ModuleRefusal::from(&answer)))
            }
            Err(errno) => Err(self.error(Operation::Load, expected, errno)),
        }
    }

    fn flush(&mut self, expected: Expected) -> Result<u64, Error> {
        let (answer, result) = ioctl::flush(&self.descriptor, request::change(expected, 0));
        result
            .map(|()| answer.generation)
            .map_err(|errno| self.error(Operation::Flush, expected, errno))
    }

    fn reset(&mut self, what: Reset, expected: Expected) -> Result<u64, Error> {
        let argument = request::change(expected, request::reset_flags(what));
        let (answer, result) = ioctl::reset(&self.descriptor, argument);
        result
            .map(|()| answer.generation)
            .map_err(|errno| self.error(Operation::Reset, expected, errno))
    }

    fn program(&mut self) -> Result<Stamped<Vec<u8>>, Error> {
        self.read(Operation::Program, Expected::Any)
    }

    fn counters(&mut self, expected: Expected) -> Result<Stamped<Vec<CounterValue>>, Error> {
        self.read(Operation::Counters, expected)
    }

    fn hooks(&mut self) -> Result<Stamped<Vec<HookValue>>, Error> {
        self.read(Operation::Hooks, Expected::Any)
    }

    fn change_sets(
        &mut self,
        batch: &[u8],
        expected: Expected,
        mode: LoadMode,
    ) -> Result<u64, Error> {
        let argument = request::set_change(expected, mode);
        let (answer, result) = ioctl::change_sets(&self.descriptor, argument, batch);
        match result {
            Ok(()) => Ok(answer.generation),
            Err(Errno::EINVAL) if answer.error_code != 0 => {
                Err(Error::Refused(ModuleRefusal::from(&answer)))
            }
            Err(errno) => Err(self.error(Operation::Change, expected, errno)),
        }
    }

    fn elements(
        &mut self,
        set: u64,
        which: Which<'_>,
        reset: bool,
        expected: Expected,
    ) -> Result<Stamped<Vec<u8>>, Error> {
        let (one, key) = match which {
            Which::All => (0, &[][..]),
            Which::Key(key) => (READ_ONE, key),
        };
        let flags = one | if reset { READ_RESET } else { 0 };
        let mut buffer = key.to_vec();
        for _ in 0..READ_ATTEMPTS {
            if let Some(start) = buffer.get_mut(..key.len()) {
                start.copy_from_slice(key);
            }
            let argument = request::read_set(expected, set, flags);
            let (answer, result) = ioctl::elements(&self.descriptor, argument, &mut buffer);
            let count = usize::try_from(answer.count).unwrap_or(usize::MAX);
            match result {
                Ok(()) => {
                    buffer.truncate(count);
                    return Ok(Stamped {
                        generation: answer.generation,
                        value: buffer,
                    });
                }
                Err(Errno::ENOSPC) => grow(&mut buffer, count, Operation::Elements)?,
                Err(errno) => return Err(self.error(Operation::Elements, expected, errno)),
            }
        }
        Err(Error::Unsteady)
    }

    fn states(&mut self, expected: Expected) -> Result<Stamped<Vec<StateValue>>, Error> {
        self.read(Operation::States, expected)
    }

    fn reset_value(
        &mut self,
        which: Value,
        identity: u64,
        expected: Expected,
    ) -> Result<StateValue, Error> {
        let argument = request::reset_value(expected, which, identity);
        let (answer, result) = ioctl::reset_value(&self.descriptor, argument);
        let value = StateValue {
            a: answer.a,
            b: answer.b,
        };
        result
            .map(|()| value)
            .map_err(|errno| self.error(Operation::Reset, expected, errno))
    }

    fn subscribe(&mut self, events: u32, capacity: u32, snaplen: u32) -> Result<(), Error> {
        let argument = request::subscribe(events, capacity, snaplen);
        let (_, result) = ioctl::subscribe(&self.descriptor, argument);
        result.map_err(|errno| self.error(Operation::Events, Expected::Any, errno))
    }

    fn events(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        ioctl::read_events(&self.descriptor, buffer)
            .map_err(|errno| self.error(Operation::Events, Expected::Any, errno))
    }
}

/// Makes room for `count` elements, without trusting that there is memory for what a driver says.
fn grow<T: Clone + Default>(
    buffer: &mut Vec<T>,
    count: usize,
    operation: Operation,
) -> Result<(), Error> {
    let more = count.saturating_sub(buffer.len());
    buffer.try_reserve_exact(more).map_err(|_| Error::Failed {
        operation,
        source: std::io::ErrorKind::OutOfMemory.into(),
    })?;
    buffer.resize(count, T::default());
    Ok(())
}
