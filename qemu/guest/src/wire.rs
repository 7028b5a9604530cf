// SPDX-License-Identifier: GPL-2.0
//! Packet sockets: frames onto a device, and every frame that a capture on it would see.
//!
//! A socket belongs to the namespace that it was opened in, so the main thread can hold sockets of all
//! of them and needs neither other threads nor other processes while packets fly.

use std::io;
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{
    bind, recv, recvfrom, sendto, setsockopt, socket, sockopt, AddressFamily, LinkAddr, MsgFlags,
    SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6,
};

use crate::netns::Netns;
use crate::packet::Packet;

/// Room for what arrives before it is read, in bytes.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Largest frame that is read.
const FRAME: usize = 4096;

/// `PACKET_OUTGOING` of `linux/if_packet.h`: the frame was sent by this host.
const OUTGOING: u8 = 4;

/// A raw packet socket on one device.
#[derive(Debug)]
pub(crate) struct PacketSocket {
    fd: OwnedFd,
    link: LinkAddr,
}

/// A frame that the device received or, if `outgoing`, sent.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// From the Ethernet header on.
    pub(crate) bytes: Vec<u8>,
    /// Sent by the host that captures.
    pub(crate) outgoing: bool,
}

impl PacketSocket {
    /// Opens a socket on `device` of `ns`.
    pub(crate) fn open(ns: &Netns, device: &str) -> Result<Self> {
        ns.inside(|| Self::open_here(device))?
            .with_context(|| format!("no packet socket on {device} of {}", ns.name()))
    }

    fn open_here(device: &str) -> Result<Self> {
        let link = getifaddrs()?
            .filter(|entry| entry.interface_name == device)
            .find_map(|entry| entry.address?.as_link_addr().copied())
            .with_context(|| format!("no device {device}"))?;
        let flags = SockFlag::SOCK_CLOEXEC;
        let fd = socket(
            AddressFamily::Packet,
            SockType::Raw,
            flags,
            SockProtocol::EthAll,
        )?;
        bind(fd.as_raw_fd(), &link)?;
        setsockopt(&fd, sockopt::RcvBufForce, &RECEIVE_BUFFER)?;
        Ok(Self { fd, link })
    }

    /// Sends a frame.
    pub(crate) fn send(&self, frame: &[u8]) -> Result<()> {
        sendto(self.fd.as_raw_fd(), frame, &self.link, MsgFlags::empty())
            .context("cannot send a frame")?;
        Ok(())
    }

    /// The next frame, or `None` when `deadline` passes.
    pub(crate) fn receive(&self, deadline: Instant) -> Result<Option<Frame>> {
        if !readable(&self.fd, deadline)? {
            return Ok(None);
        }
        let mut bytes = vec![0; FRAME];
        let (len, from) = recvfrom::<LinkAddr>(self.fd.as_raw_fd(), &mut bytes)?;
        bytes.truncate(len);
        let outgoing = from.is_some_and(|link| link.pkttype() == OUTGOING);
        Ok(Some(Frame { bytes, outgoing }))
    }
}

/// Sockets that send packets as this host's own, and see what is delivered to this host.
#[derive(Debug)]
pub(crate) struct LocalSockets {
    send4: OwnedFd,
    send6: OwnedFd,
    receive: Vec<OwnedFd>,
}

impl LocalSockets {
    /// Opens them in `ns`.
    pub(crate) fn open(ns: &Netns) -> Result<Self> {
        ns.inside(Self::open_here)?
            .with_context(|| format!("no raw sockets in {}", ns.name()))
    }

    fn open_here() -> Result<Self> {
        use AddressFamily::{Inet, Inet6};
        let raw = |family, protocol| -> Result<OwnedFd> {
            let flags = SockFlag::SOCK_CLOEXEC;
            Ok(socket(family, SockType::Raw, flags, protocol)?)
        };
        let receive = [
            raw(Inet, SockProtocol::Udp)?,
            raw(Inet, SockProtocol::Tcp)?,
            raw(Inet, SockProtocol::Icmp)?,
            raw(Inet6, SockProtocol::Udp)?,
            raw(Inet6, SockProtocol::Tcp)?,
            raw(Inet6, SockProtocol::IcmpV6)?,
        ];
        Ok(Self {
            // With this protocol the caller brings the IP header along.
            send4: raw(Inet, SockProtocol::Raw)?,
            send6: raw(Inet6, SockProtocol::Raw)?,
            receive: receive.into(),
        })
    }

    /// Sends a packet as this host's own. That a rule forbids it (`EPERM`) is no error here.
    pub(crate) fn send(&self, packet: &Packet) -> Result<()> {
        match self.try_send(packet.destination(), &packet.bytes()) {
            Ok(()) | Err(Errno::EPERM) => Ok(()),
            Err(errno) => Err(errno).context("cannot send a packet of the router's own"),
        }
    }

    /// Sends bytes, from the network header on, as this host's own.
    pub(crate) fn try_send(&self, to: IpAddr, bytes: &[u8]) -> nix::Result<()> {
        let flags = MsgFlags::empty();
        match to {
            IpAddr::V4(to) => {
                let to = SockaddrIn::from(SocketAddrV4::new(to, 0));
                sendto(self.send4.as_raw_fd(), bytes, &to, flags)?
            }
            IpAddr::V6(to) => {
                let to = SockaddrIn6::from(SocketAddrV6::new(to, 0, 0, 0));
                sendto(self.send6.as_raw_fd(), bytes, &to, flags)?
            }
        };
        Ok(())
    }

    /// How many packets have been delivered to this host since the last call.
    pub(crate) fn delivered(&self) -> Result<usize> {
        let mut count = 0;
        self.each_delivered(|_, _| count += 1)?;
        Ok(count)
    }

    /// Hands on what has been delivered since the last call: the number of the socket, one for each
    /// family and protocol, and the bytes.
    pub(crate) fn each_delivered(&self, mut each: impl FnMut(usize, &[u8])) -> Result<()> {
        let mut bytes = [0; FRAME];
        for (number, fd) in self.receive.iter().enumerate() {
            loop {
                match recv(fd.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT) {
                    Ok(len) => each(number, bytes.get(..len).unwrap_or_default()),
                    Err(Errno::EAGAIN) => break,
                    Err(errno) => return Err(errno).context("cannot read a raw socket"),
                }
            }
        }
        Ok(())
    }
}

/// Waits until there is something to read; `false` when `deadline` passes first.
fn readable(fd: &OwnedFd, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Rounded up, so that waiting does not become spinning; nothing left is no wait at all.
        let millis = left.as_micros().div_ceil(1000);
        let timeout = PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) if left.is_zero() => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(errno) => return Err(errno.into()),
        }
    }
}
