// SPDX-License-Identifier: GPL-2.0

//! Rules on five fields, points that they match, and the plain scan that all peers are held to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::case::Family;
use crate::packet::{Header, ACK, ICMP, ICMPV6, TCP, UDP};
use crate::random::Random;

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Prefix {
    pub(super) address: u32,
    pub(super) length: u8,
}

/// Ports from the first to the second.
pub(super) type Ports = (u16, u16);

/// All ports.
pub(super) const ANY: Ports = (0, u16::MAX);

/// A rule. Ports matter for TCP and UDP only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tuple {
    pub(super) src: Prefix,
    pub(super) dst: Prefix,
    pub(super) sport: Ports,
    pub(super) dport: Ports,
    pub(super) proto: Option<u8>,
    pub(super) drop: bool,
}

/// A header's five fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) src: u32,
    pub(super) dst: u32,
    pub(super) sport: u16,
    pub(super) dport: u16,
    pub(super) proto: u8,
}

impl Prefix {
    pub(super) fn mask(self) -> u32 {
        match self.length {
            0 => 0,
            length => u32::MAX << (32 - u32::from(length)),
        }
    }

    fn contains(self, address: u32) -> bool {
        address & self.mask() == self.address
    }

    /// As rules have it.
    pub(super) fn text(self, family: Family) -> String {
        match family {
            Family::Ip => format!("{}/{}", Ipv4Addr::from(self.address), self.length),
            Family::Ip6 => {
                let length = u32::from(self.length) + 32;
                format!("{}/{length}", embedded(self.address, 0))
            }
        }
    }
}

/// An IPv4 address as bits 32 to 63 of an IPv6 address.
fn embedded(address: u32, host: u16) -> Ipv6Addr {
    let [a, b] = [(address >> 16) as u16, address as u16];
    Ipv6Addr::new(0x2001, 0x0db8, a, b, 0, 0, 0, host)
}

impl Point {
    /// The header; `None` for protocols that IPv6 has extension headers for, or no use.
    pub(super) fn header(&self, family: Family) -> Option<Header> {
        let (src, dst, proto) = match (family, self.proto) {
            (Family::Ip, proto) => (
                IpAddr::V4(self.src.into()),
                IpAddr::V4(self.dst.into()),
                proto,
            ),
            (Family::Ip6, TCP | UDP | ICMP) => (
                IpAddr::V6(embedded(self.src, 1)),
                IpAddr::V6(embedded(self.dst, 1)),
                protocol(family, self.proto),
            ),
            (Family::Ip6, _) => return None,
        };
        let ports = self.has_ports();
        Some(Header {
            src,
            dst,
            proto,
            sport: if ports { self.sport } else { 8 },
            dport: if ports { self.dport } else { 0 },
            flags: ACK,
        })
    }

    fn has_ports(&self) -> bool {
        matches!(self.proto, TCP | UDP)
    }
}

/// The protocol's number in this family.
pub(super) fn protocol(family: Family, proto: u8) -> u8 {
    match (family, proto) {
        (Family::Ip6, ICMP) => ICMPV6,
        (_, proto) => proto,
    }
}

impl Tuple {
    /// The rule that matches all.
    pub(super) fn everything() -> Tuple {
        let all = Prefix {
            address: 0,
            length: 0,
        };
        Tuple {
            src: all,
            dst: all,
            sport: ANY,
            dport: ANY,
            proto: None,
            drop: false,
        }
    }

    /// Does it say something about ports, so that only TCP and UDP match?
    pub(super) fn wants_ports(&self) -> bool {
        (self.sport != ANY || self.dport != ANY) && matches!(self.proto, None | Some(TCP | UDP))
    }

    fn matches(&self, point: &Point) -> bool {
        let within = |ports: Ports, port: u16| ports.0 <= port && port <= ports.1;
        self.src.contains(point.src)
            && self.dst.contains(point.dst)
            && self.proto.is_none_or(|proto| proto == point.proto)
            && (!self.wants_ports()
                || point.has_ports()
                    && within(self.sport, point.sport)
                    && within(self.dport, point.dport))
    }

    /// A point that it matches.
    pub(super) fn point(&self, random: &mut Random) -> Point {
        let mut address = |prefix: Prefix| prefix.address | random.number() as u32 & !prefix.mask();
        let (src, dst) = (address(self.src), address(self.dst));
        let mut port = |(low, high): Ports| low + random.below(u64::from(high - low) + 1) as u16;
        Point {
            src,
            dst,
            sport: port(self.sport),
            dport: port(self.dport),
            proto: self.proto.unwrap_or(TCP),
        }
    }
}

/// The number of the first rule that matches.
pub(super) fn first_match(list: &[Tuple], point: &Point) -> Option<usize> {
    list.iter().position(|rule| rule.matches(point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_matches_the_points_that_are_drawn_from_it() {
        let mut random = Random::new(1);
        let rule = Tuple {
            src: Prefix {
                address: 0x0a00_0000,
                length: 8,
            },
            dport: (20, 25),
            proto: Some(TCP),
            ..Tuple::everything()
        };
        for _ in 0..100 {
            let point = rule.point(&mut random);
            assert!(rule.matches(&point), "{point:?}");
            let other = Point { dport: 26, ..point };
            assert!(!rule.matches(&other), "{other:?}");
        }
    }

    #[test]
    fn ports_of_what_has_none_are_not_asked() {
        let rule = Tuple {
            dport: (20, 25),
            ..Tuple::everything()
        };
        let mut point = rule.point(&mut Random::new(2));
        point.proto = ICMP;
        assert!(!rule.matches(&point));
    }
}
