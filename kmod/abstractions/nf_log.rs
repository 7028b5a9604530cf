// SPDX-License-Identifier: GPL-2.0
//! Logging packets: to the kernel's log, to nflog, to the audit system.
//!
//! C headers: [`include/net/netfilter/nf_log.h`](srctree/include/net/netfilter/nf_log.h),
//! [`include/linux/audit.h`](srctree/include/linux/audit.h)
//!
//! Netfilter has loggers, which are modules (`nf_log_syslog`, `nfnetlink_log`) and write the lines; one is held
//! as long as a ruleset logs through it ([`Logger`]).

use kernel::{error::to_result, prelude::*};

use super::{
    bindings,
    member::{Member, Room},
    optional,
    skbuff::Skb,
};

/// Room for a `struct nf_loginfo`.
const INFO_WORDS: usize = (bindings::FERRULE_LOGINFO_SIZE as usize).div_ceil(8);

/// `AUDIT_NETFILTER_PKT`.
const AUDIT_NETFILTER_PKT: i32 = 1324;

/// Where a packet is logged to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// The kernel's log.
    Kernel {
        /// `LOG_EMERG` (0) to `LOG_DEBUG` (7).
        level: u8,
        /// `NF_LOG_*`.
        flags: u8,
    },
    /// A group of nflog.
    Group {
        /// Its number.
        number: u16,
        /// Bytes of the packet; 0: all.
        snaplen: u32,
        /// How many packets are sent together.
        qthreshold: u16,
    },
}

impl To {
    fn kind(self) -> u32 {
        match self {
            To::Kernel { .. } => bindings::FERRULE_LOG_TYPE_LOG,
            To::Group { .. } => bindings::FERRULE_LOG_TYPE_ULOG,
        }
    }

    fn info(self) -> Room<INFO_WORDS> {
        let mut info = Room::zeroed();
        let kind = self.kind() as u8;
        info.set(Member::at(bindings::FERRULE_LOGINFO_TYPE), kind);
        match self {
            To::Kernel { level, flags } => {
                info.set(Member::at(bindings::FERRULE_LOGINFO_LEVEL), level);
                info.set(Member::at(bindings::FERRULE_LOGINFO_LOG_FLAGS), flags);
            }
            To::Group {
                number,
                snaplen,
                qthreshold,
            } => {
                let copy_len = if snaplen == 0 {
                    0
                } else {
                    bindings::FERRULE_LOG_F_COPY_LEN as u16
                };
                info.set(Member::at(bindings::FERRULE_LOGINFO_GROUP), number);
                info.set(Member::at(bindings::FERRULE_LOGINFO_COPY_LEN), snaplen);
                info.set(Member::at(bindings::FERRULE_LOGINFO_QTHRESHOLD), qthreshold);
                info.set(Member::at(bindings::FERRULE_LOGINFO_ULOG_FLAGS), copy_len);
            }
        }
        info
    }
}

/// A logger of both families.
///
/// # Invariants
///
/// A reference to the logger of `kind` is owned for IPv4 and for IPv6.
pub(crate) struct Logger {
    kind: u32,
}

impl Logger {
    /// Gets hold of the logger that `to` needs, loading its module if need be. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is none.
    pub(crate) fn get(to: To) -> Result<Self> {
        let module = match to {
            To::Kernel { .. } => c"nf_log_syslog",
            To::Group { .. } => c"nfnetlink_log",
        };
        let kind = to.kind();
        // SAFETY: Takes references, or none.
        let find = || to_result(unsafe { bindings::nf_logger_find_get(INET, kind) });
        find().or_else(|_| {
            optional::request(module);
            find()
        })?;
        // INVARIANT: They were just taken.
        Ok(Logger { kind })
    }
}

/// `NFPROTO_INET`: both families.
const INET: i32 = kernel::bindings::NFPROTO_INET as i32;

impl Drop for Logger {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::nf_logger_put(INET, self.kind) };
    }
}

impl Skb<'_> {
    /// Logs the packet. Nothing comes of it if there is no logger.
    pub(crate) fn log(&self, to: To, prefix: &[u8]) {
        let mut info = to.info();
        let len = i32::try_from(prefix.len()).unwrap_or(i32::MAX);
        // SAFETY: All pointers are valid or null devices; the format takes a length and bytes, which are
        // that many.
        unsafe {
            bindings::nf_log_packet(
                self.net(),
                self.family(),
                u32::from(self.hook()),
                self.raw().as_ptr(),
                self.input().raw(),
                self.output().raw(),
                info.pointer().as_ptr().cast(),
                c"%.*s".as_char_ptr(),
                len,
                prefix.as_ptr(),
            )
        };
    }

    /// Tells the audit system of the packet.
    #[cfg(CONFIG_AUDIT)]
    pub(crate) fn audit(&self) {
        // SAFETY: Reads a number.
        if !unsafe { bindings::ferrule_audit_enabled() } {
            return;
        }
        // SAFETY: May be called in a softirq with `GFP_ATOMIC`. The buffer is ended once; its format takes a
        // number.
        unsafe {
            let buffer = bindings::audit_log_start(
                core::ptr::null_mut(),
                kernel::bindings::GFP_ATOMIC,
                AUDIT_NETFILTER_PKT,
            );
            if !buffer.is_null() {
                bindings::audit_log_format(buffer, c"mark=%#x".as_char_ptr(), self.mark());
                bindings::audit_log_nf_skb(buffer, self.raw().as_ptr(), self.family());
                bindings::audit_log_end(buffer);
            }
        }
    }

    /// This kernel has no audit system.
    #[cfg(not(CONFIG_AUDIT))]
    pub(crate) fn audit(&self) {
        let _ = AUDIT_NETFILTER_PKT;
    }
}
