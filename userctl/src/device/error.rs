// SPDX-License-Identifier: GPL-2.0
//! Why the kernel's side did not do what was asked, in words that say what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use ferrule_uapi::error::VerifyError;
use ferrule_uapi::ioctl::{Load, SetChange, ERROR_IN_BATCH};
use ferrule_uapi::program::SectionId;
use ferrule_uapi::{ABI_VERSION, NONE};
use thiserror::Error;

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Asking what is loaded.
    Info,
    /// Loading a ruleset.
    Load,
    /// Flushing the ruleset.
    Flush,
    /// Setting counters to zero.
    Reset,
    /// Reading the program back.
    Program,
    /// Reading counters.
    Counters,
    /// Reading the hooks' counters.
    Hooks,
    /// Changing elements of sets.
    Change,
    /// Reading elements of a set.
    Elements,
    /// Reading limits and quotas.
    States,
    /// Following events.
    Events,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Info => "ask what is loaded",
            Operation::Load => "load a ruleset",
            Operation::Flush => "flush the ruleset",
            Operation::Reset => "reset counters",
            Operation::Program => "read the ruleset",
            Operation::Counters => "read counters",
            Operation::Hooks => "read the hooks",
            Operation::Change => "change elements",
            Operation::Elements => "read elements",
            Operation::States => "read limits and quotas",
            Operation::Events => "follow events",
        })
    }
}

/// The module's verifier refused a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleRefusal {
    /// A [`VerifyError`], or a number that this userctl does not know.
    pub code: u32,
    /// Section of what was refused; `None` for the program as a whole.
    pub section: Option<SectionId>,
    /// Index of the element in that section; of the op in the batch, if it is the batch.
    pub index: u32,
    /// Index of the element in the op, if it is the batch.
    pub element: Option<u32>,
}

impl ModuleRefusal {
    /// What the module wrote: code, section, index, element.
    fn new(code: u32, section: u32, index: u32, element: u32) -> Self {
        let in_batch = section == ERROR_IN_BATCH;
        let known = u8::try_from(section).ok().and_then(SectionId::from_raw);
        Self {
            code,
            section: known.filter(|_| section != NONE && !in_batch),
            index,
            element: in_batch.then_some(element),
        }
    }
}

impl From<&Load> for ModuleRefusal {
    fn from(answer: &Load) -> Self {
        Self::new(
            answer.error_code,
            answer.error_section,
            answer.error_index,
            answer.error_element,
        )
    }
}

impl From<&SetChange> for ModuleRefusal {
    fn from(answer: &SetChange) -> Self {
        Self::new(
            answer.error_code,
            answer.error_section,
            answer.error_index,
            answer.error_element,
        )
    }
}

impl fmt::Display for ModuleRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match VerifyError::from_raw(self.code) {
            Some(error) => f.write_str(error.message())?,
            None => write!(
                f,
                "for a reason that this userctl does not know ({})",
                self.code
            )?,
        }
        match self.section {
            Some(section) => {
                let section = section.c_name().to_lowercase().replace('_', " ");
                write!(f, " (section {section}, element {})", self.index)
            }
            None => Ok(()),
        }?;
        match self.element {
            Some(element) => write!(f, " (change {}, element {element})", self.index),
            None => Ok(()),
        }
    }
}

/// Why something could not be had of the kernel.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no device.
    #[error("{}: no such device: ferrule.ko is not loaded", path.display())]
    NotLoaded {
        /// Where it should be.
        path: PathBuf,
        /// Release of the running kernel, if it is too old for the module.
        old_kernel: Option<String>,
    },
    /// The module is loaded, but has no file here.
    #[error("{}: no such file, although ferrule.ko is loaded", path.display())]
    NoNode {
        /// Where it should be.
        path: PathBuf,
    },
    /// Opening was refused.
    #[error("{}: permission denied", path.display())]
    OpenDenied {
        /// The device.
        path: PathBuf,
    },
    /// Opening failed otherwise.
    #[error("{}: cannot open: {source}", path.display())]
    Open {
        /// The device.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Some other file.
    #[error("{}: not the device of ferrule.ko", path.display())]
    Foreign {
        /// What was opened.
        path: PathBuf,
    },
    /// The device does not know a request.
    #[error("{}: the module cannot {operation} as this userctl asks it to", path.display())]
    Unknown {
        /// The device.
        path: PathBuf,
        /// What was tried.
        operation: Operation,
    },
    /// The module speaks another version of the ABI.
    #[error(
        "{}: ferrule.ko speaks {} of the ABI, this userctl version {ABI_VERSION}",
        path.display(),
        module.map_or("an unknown version".to_owned(), |version| format!("version {version}"))
    )]
    Abi {
        /// The device.
        path: PathBuf,
        /// The module's version, if it could be found out.
        module: Option<u32>,
    },
    /// A right is missing.
    #[error("not permitted to {operation}")]
    Denied {
        /// What was tried.
        operation: Operation,
    },
    /// Another generation is published than was expected.
    #[error("the loaded ruleset is not generation {expected}")]
    Stale {
        /// What was expected.
        expected: u64,
    },
    /// The program does not verify.
    #[error("ferrule.ko refused the program: {0}")]
    Refused(ModuleRefusal),
    /// No set of this identity, or no counter or state.
    #[error("there is no such set, counter or limit any more")]
    Gone,
    /// The program is larger than the module takes.
    #[error("the program is larger than ferrule.ko takes")]
    TooLarge,
    /// The kernel has no memory.
    #[error("the kernel has not enough memory for this")]
    NoMemory,
    /// The network namespace is being destroyed.
    #[error("the network namespace is going away")]
    Leaving,
    /// What is read keeps changing.
    #[error("the ruleset changed each time it was read")]
    Unsteady,
    /// Anything else.
    #[error("cannot {operation}: {source}")]
    Failed {
        /// What was tried.
        operation: Operation,
        /// What the kernel said.
        source: io::Error,
    },
}

impl Error {
    /// What to do about it, if anything can be done.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Error::NotLoaded {
                old_kernel: Some(release),
                ..
            } => format!("this kernel is {release}; the module needs Linux 7.3 or later"),
            Error::NotLoaded { .. } => {
                "load it with `modprobe ferrule`, or `insmod ferrule.ko` where it was built".into()
            }
            Error::NoNode { .. } => {
                "devtmpfs makes the file; is it mounted on /dev (of this container)?".into()
            }
            Error::OpenDenied { .. } => "the device is for root only: try with sudo".into(),
            Error::Foreign { .. } => format!("the device is {}", ferrule_uapi::DEVICE_PATH),
            Error::Unknown { .. } | Error::Abi { .. } => {
                "use userctl and ferrule.ko of the same release".into()
            }
            Error::Denied { .. } => {
                "this needs CAP_NET_ADMIN in the user namespace that owns the network namespace"
                    .into()
            }
            Error::Stale { .. } | Error::Unsteady => {
                "see who loads rulesets here with `userctl status`".into()
            }
            Error::TooLarge => format!(
                "the limit is {} MiB",
                ferrule_uapi::limit::MAX_PROGRAM_SIZE >> 20
            ),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_is_wrong_and_what_to_do() {
        let path = || PathBuf::from("/dev/ferrule");
        let operation = Operation::Load;
        let source = || io::Error::other("odd");
        let refusal = ModuleRefusal {
            code: VerifyError::Depth as u32,
            section: Some(SectionId::BaseChains),
            index: 3,
            element: None,
        };
        let same_release = Some("use userctl and ferrule.ko of the same release");
        let status = Some("see who loads rulesets here with `userctl status`");
        for (error, text, help) in [
            (
                Error::NotLoaded { path: path(), old_kernel: None },
                "/dev/ferrule: no such device: ferrule.ko is not loaded",
                Some("load it with `modprobe ferrule`, or `insmod ferrule.ko` where it was built"),
            ),
            (
                Error::NotLoaded { path: path(), old_kernel: Some("6.12.90".into()) },
                "/dev/ferrule: no such device: ferrule.ko is not loaded",
                Some("this kernel is 6.12.90; the module needs Linux 7.3 or later"),
            ),
            (
                Error::NoNode { path: path() },
                "/dev/ferrule: no such file, although ferrule.ko is loaded",
                Some("devtmpfs makes the file; is it mounted on /dev (of this container)?"),
            ),
            (
                Error::OpenDenied { path: path() },
                "/dev/ferrule: permission denied",
                Some("the device is for root only: try with sudo"),
            ),
            (
                Error::Open { path: path(), source: source() },
                "/dev/ferrule: cannot open: odd",
                None,
            ),
            (
                Error::Foreign { path: "/dev/null".into() },
                "/dev/null: not the device of ferrule.ko",
                Some("the device is /dev/ferrule"),
            ),
            (
                Error::Unknown { path: path(), operation },
                "/dev/ferrule: the module cannot load a ruleset as this userctl asks it to",
                same_release,
            ),
            (
                Error::Abi { path: path(), module: Some(1) },
                "/dev/ferrule: ferrule.ko speaks version 1 of the ABI, this userctl version 3",
                same_release,
            ),
            (
                Error::Abi { path: path(), module: None },
                "/dev/ferrule: ferrule.ko speaks an unknown version of the ABI, this userctl version 3",
                same_release,
            ),
            (
                Error::Denied { operation },
                "not permitted to load a ruleset",
                Some("this needs CAP_NET_ADMIN in the user namespace that owns the network namespace"),
            ),
            (
                Error::Stale { expected: 4 },
                "the loaded ruleset is not generation 4",
                status,
            ),
            (
                Error::Refused(refusal),
                "ferrule.ko refused the program: jumps nest too deep (section base chains, element 3)",
                None,
            ),
            (
                Error::TooLarge,
                "the program is larger than ferrule.ko takes",
                Some("the limit is 128 MiB"),
            ),
            (Error::NoMemory, "the kernel has not enough memory for this", None),
            (Error::Leaving, "the network namespace is going away", None),
            (Error::Unsteady, "the ruleset changed each time it was read", status),
            (
                Error::Failed { operation: Operation::Hooks, source: source() },
                "cannot read the hooks: odd",
                None,
            ),
        ] {
            assert_eq!(error.to_string(), text);
            assert_eq!(error.help().as_deref(), help);
        }
    }

    #[test]
    fn a_refusal_for_an_unknown_reason_keeps_its_number() {
        let answer = Load {
            error_code: 999,
            error_section: NONE,
            ..Load::default()
        };
        assert_eq!(
            ModuleRefusal::from(&answer).to_string(),
            "for a reason that this userctl does not know (999)"
        );
    }
}
