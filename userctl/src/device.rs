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

use ferrule_uapi::ioctl::{CounterValue, HookValue, Info};
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

/// Which counters [`Kernel::reset`] sets to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Those of rules and policies.
    Counters,
    /// Those of hooks.
    Hooks,
    /// Both.
    All,
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

    /// Verifies a program and, by `mode`, publishes it. Gives the generation published then.
    fn load(&mut self, program: &[u8], expected: Expected, mode: LoadMode) -> Result<u64, Error>;

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

    fn load(&mut self, program: &[u8], expected: Expected, mode: LoadMode) -> Result<u64, Error> {
        let argument = request::load(expected, mode);
        let (answer, result) = ioctl::load(&self.descriptor, argument, program);
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
