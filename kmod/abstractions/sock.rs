// SPDX-License-Identifier: GPL-2.0
//! The socket that a packet belongs to, and who owns it.
//!
//! C headers: [`include/net/sock.h`](srctree/include/net/sock.h),
//! [`include/net/netfilter/nf_socket.h`](srctree/include/net/netfilter/nf_socket.h)
//!
//! A packet that a socket sent knows it. One that was received does not yet: who asks has it looked up in the
//! tables of TCP and UDP, by functions of `nf_socket_ipv4` and `nf_socket_ipv6`.

use core::ptr::NonNull;

use kernel::{
    bindings::{cgroup, net, net_device, sk_buff, sock},
    prelude::*,
};

use super::{bindings, member::Member, optional::optional, skbuff::Skb};

const SOCKET: Member<*mut c_void> = Member::at(bindings::FERRULE_SOCK_SOCKET);
const MARK: Member<u32> = Member::at(bindings::FERRULE_SOCK_MARK);
const ADDRESS: Member<u32> = Member::at(bindings::FERRULE_SOCK_RCV_SADDR);
const ADDRESS6: Member<[u32; 4]> = Member::at(bindings::FERRULE_SOCK_V6_RCV_SADDR);
const RX_IFINDEX: Member<i32> = Member::at(bindings::FERRULE_SOCK_RX_DST_IFINDEX);
const FILE: Member<*mut c_void> = Member::at(bindings::FERRULE_SOCKET_FILE);
const CRED: Member<*mut c_void> = Member::at(bindings::FERRULE_FILE_CRED);
const FSUID: Member<kernel::bindings::kuid_t> = Member::at(bindings::FERRULE_CRED_FSUID);
const FSGID: Member<kernel::bindings::kgid_t> = Member::at(bindings::FERRULE_CRED_FSGID);
const USER_NS: Member<*mut kernel::bindings::user_namespace> =
    Member::at(bindings::FERRULE_NET_USER_NS);
const LEVEL: Member<i32> = Member::at(bindings::FERRULE_CGROUP_LEVEL);
const SK: Member<*mut sock> = Member::at(bindings::FERRULE_SKB_SK);

type Find = unsafe extern "C" fn(*mut net, *const sk_buff, *const net_device) -> *mut sock;

optional! {
    /// Looks IPv4 sockets up.
    pub(super) struct Sockets4 from "nf_socket_ipv4" {
        nf_sk_lookup_slow_v4: Find,
    }

    /// Looks IPv6 sockets up.
    pub(super) struct Sockets6 from "nf_socket_ipv6" {
        nf_sk_lookup_slow_v6: Find,
    }
}

/// What looks sockets up.
pub(crate) struct Sockets {
    v4: Sockets4,
    v6: Sockets6,
    /// Level of the cgroup that is the root for whoever loaded the program.
    root_level: Option<u32>,
}

impl Sockets {
    /// Gets ready to look sockets up. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOENT` if this kernel cannot.
    pub(crate) fn get() -> Result<Self> {
        Ok(Sockets {
            v4: Sockets4::get()?,
            v6: Sockets6::get()?,
            root_level: root_level(),
        })
    }
}

/// The level of the cgroup that the current process sees as `/` (`nft_socket_cgroup_subtree_level()`).
#[cfg(CONFIG_SOCK_CGROUP_DATA)]
fn root_level() -> Option<u32> {
    // SAFETY: The path is a C string; called in process context.
    let cgroup = unsafe { kernel::bindings::cgroup_get_from_path(c"/".as_char_ptr()) };
    let cgroup = NonNull::new(kernel::error::from_err_ptr(cgroup).ok()?)?;
    // SAFETY: The reference was just taken.
    let level = unsafe { LEVEL.read(cgroup) };
    // SAFETY: As above; it is given up here.
    unsafe { bindings::ferrule_cgroup_put(cgroup.as_ptr()) };
    u32::try_from(level).ok()
}

/// This kernel's sockets have no cgroup.
#[cfg(not(CONFIG_SOCK_CGROUP_DATA))]
fn root_level() -> Option<u32> {
    let _ = LEVEL;
    None
}

/// A socket.
///
/// # Invariants
///
/// `sock` is valid while this is; if `counted`, by a reference of this instance's, which may be to a request or
/// time-wait socket.
pub(crate) struct Socket<'a> {
    sock: NonNull<sock>,
    counted: bool,
    root_level: Option<u32>,
    _packet: core::marker::PhantomData<&'a ()>,
}

impl Drop for Socket<'_> {
    fn drop(&mut self) {
        if self.counted {
            // SAFETY: By the type invariants the reference is ours.
            unsafe { bindings::sock_gen_put(self.sock.as_ptr()) };
        }
    }
}

impl Socket<'_> {
    /// Whether it may use addresses that are not this host's.
    pub(crate) fn is_transparent(&self) -> bool {
        // SAFETY: By the type invariants.
        unsafe { bindings::ferrule_inet_sk_transparent(self.sock.as_ptr()) }
    }

    fn is_full(&self) -> bool {
        // SAFETY: By the type invariants.
        unsafe { bindings::ferrule_sk_fullsock(self.sock.as_ptr()) }
    }

    /// Its mark; `None` of one that is no full socket.
    pub(crate) fn mark(&self) -> Option<u32> {
        // SAFETY: By the type invariants; a full socket has a mark.
        self.is_full().then(|| unsafe { MARK.read(self.sock) })
    }

    /// Whether it is bound to no address of the family `v6` says; `None` of one that is no full socket.
    pub(crate) fn is_wildcard(&self, v6: bool) -> Option<bool> {
        // SAFETY: By the type invariants; a full socket has addresses.
        self.is_full().then(|| unsafe {
            if v6 {
                ADDRESS6.read(self.sock) == [0; 4]
            } else {
                ADDRESS.read(self.sock) == 0
            }
        })
    }

    /// Identity of the cgroup at `level` above it; `None` if there is none.
    #[cfg(CONFIG_SOCK_CGROUP_DATA)]
    pub(crate) fn cgroup(&self, level: u32) -> Option<u64> {
        let level = self.root_level?.checked_add(level)?;
        let level = i32::try_from(level).ok().filter(|level| *level <= 255)?;
        if !self.is_full() {
            return None;
        }
        // SAFETY: By the type invariants it is a full socket, which has a cgroup.
        let cgroup = unsafe { bindings::ferrule_sock_cgroup_ancestor(self.sock.as_ptr(), level) };
        let cgroup: NonNull<cgroup> = NonNull::new(cgroup)?;
        // SAFETY: The socket holds its cgroup, and that its ancestors.
        Some(unsafe { bindings::ferrule_cgroup_id(cgroup.as_ptr()) })
    }

    /// This kernel's sockets have no cgroup.
    #[cfg(not(CONFIG_SOCK_CGROUP_DATA))]
    pub(crate) fn cgroup(&self, _level: u32) -> Option<u64> {
        let _ = self.root_level;
        None
    }
}

/// Who owns a socket.
#[derive(Clone, Copy)]
pub(crate) struct Owner {
    /// User, as the user namespace that owns the socket's network namespace sees it.
    pub(crate) uid: u32,
    /// Group.
    pub(crate) gid: u32,
}

impl Skb<'_> {
    /// `skb->sk`.
    fn sock(&self) -> Option<NonNull<sock>> {
        // SAFETY: `skb` is valid.
        NonNull::new(unsafe { SK.read(self.raw()) })
    }

    /// The full socket that sent it, if it belongs to the hook's namespace (`skb_to_full_sk()`).
    fn full_sock(&self) -> Option<NonNull<sock>> {
        // SAFETY: `skb` is valid, and holds its socket.
        let sock = NonNull::new(unsafe { bindings::ferrule_skb_to_full_sk(self.raw().as_ptr()) })?;
        // SAFETY: As above.
        let full = unsafe { bindings::ferrule_sk_fullsock(sock.as_ptr()) };
        (full && self.is_here(sock)).then_some(sock)
    }

    /// Whether `sock` belongs to the hook's namespace.
    fn is_here(&self, sock: NonNull<sock>) -> bool {
        // SAFETY: `sock` is valid.
        let net = unsafe { bindings::ferrule_sock_net(sock.as_ptr()) };
        core::ptr::eq(net, self.net())
    }

    /// Who owns the socket that sent it.
    pub(crate) fn owner(&self) -> Option<Owner> {
        let sock = self.full_sock()?;
        // SAFETY: `sock` is a full socket. It may be closed meanwhile: then the pointer is null, or what it
        // points at is freed after a grace period.
        let socket = NonNull::new(unsafe { SOCKET.read(sock) })?;
        // SAFETY: As above.
        let file = NonNull::new(unsafe { FILE.read(socket) })?;
        // SAFETY: As above; a file's credentials do not change.
        let cred = NonNull::new(unsafe { CRED.read(file) })?;
        // SAFETY: As above; the namespace is that of the hook, and its owner stays as long as it does.
        unsafe {
            let net = NonNull::new(self.net())?;
            let user_ns = USER_NS.read(net);
            Some(Owner {
                uid: kernel::bindings::from_kuid_munged(user_ns, FSUID.read(cred)),
                gid: kernel::bindings::from_kgid_munged(user_ns, FSGID.read(cred)),
            })
        }
    }

    /// The network classifier's number of the cgroup of the socket that sent it.
    #[cfg(CONFIG_CGROUP_NET_CLASSID)]
    pub(crate) fn classid(&self) -> Option<u32> {
        let sock = self.full_sock()?;
        // SAFETY: `sock` is a full socket, held by `skb`.
        Some(unsafe { bindings::ferrule_sock_cgroup_classid(sock.as_ptr()) })
    }

    /// This kernel has no such numbers.
    #[cfg(not(CONFIG_CGROUP_NET_CLASSID))]
    pub(crate) fn classid(&self) -> Option<u32> {
        None
    }

    /// Whether routing it again would say what was found when it was received: the socket's early lookup
    /// (`nft_fib_can_skip()`), or the packet is looped back.
    pub(super) fn is_routed(&self) -> bool {
        if let Some(sock) = self.sock() {
            // SAFETY: `skb` holds its socket.
            if unsafe { bindings::ferrule_sk_fullsock(sock.as_ptr()) } {
                // SAFETY: As above; it is a full socket.
                let index = unsafe { RX_IFINDEX.read(sock) };
                return index as u32 == self.input().index();
            }
        }
        const PACKET_LOOPBACK: u8 = 5;
        self.pkttype() == PACKET_LOOPBACK || self.input().is_loopback()
    }

    /// The socket that it belongs to: the one that sent it, or that would receive it.
    pub(crate) fn socket<'a>(&'a self, sockets: &Sockets) -> Option<Socket<'a>> {
        let own = self.sock().filter(|sock| self.is_here(*sock));
        let (sock, counted) = match own {
            Some(sock) => (sock, false),
            None => (self.find_socket(sockets)?, true),
        };
        // INVARIANT: `skb` holds its own; a reference to another was taken.
        Some(Socket {
            sock,
            counted,
            root_level: sockets.root_level,
            _packet: core::marker::PhantomData,
        })
    }

    /// Looks the socket up that would receive it.
    fn find_socket(&self, sockets: &Sockets) -> Option<NonNull<sock>> {
        let input = NonNull::new(self.input().raw())?;
        let find = if u32::from(self.family()) == kernel::bindings::NFPROTO_IPV6 {
            sockets.v6.nf_sk_lookup_slow_v6
        } else {
            sockets.v4.nf_sk_lookup_slow_v4
        };
        // SAFETY: All are valid; the function is there while `sockets` is.
        NonNull::new(unsafe { find(self.net(), self.raw().as_ptr(), input.as_ptr()) })
    }
}
