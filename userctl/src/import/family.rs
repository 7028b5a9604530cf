// SPDX-License-Identifier: GPL-2.0
//! IPv4 or IPv6: what a save says about it, and what differs in nft's words.

/// The family of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// iptables-save.
    Ip,
    /// ip6tables-save.
    Ip6,
}

impl Family {
    /// As nft calls it: the family of the table, and the header's name.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Ip => "ip",
            Family::Ip6 => "ip6",
        }
    }

    /// nft's type of an address.
    pub(super) const fn address_type(self) -> &'static str {
        match self {
            Family::Ip => "ipv4_addr",
            Family::Ip6 => "ipv6_addr",
        }
    }

    /// Bits of an address.
    pub(super) const fn bits(self) -> u8 {
        match self {
            Family::Ip => 32,
            Family::Ip6 => 128,
        }
    }

    /// The field that says the transport protocol.
    pub(super) const fn protocol_field(self) -> &'static str {
        match self {
            Family::Ip => "ip protocol",
            Family::Ip6 => "meta l4proto",
        }
    }

    /// What a save is of, by its file's name (`ip6tables.rules`, `rules.v6`) or else by what is in
    /// it: words that only one family has. IPv4 if nothing tells.
    pub fn guess(name: &str, text: &str) -> Self {
        let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
        if name.contains("ip6tables") || name.ends_with(".v6") {
            return Family::Ip6;
        }
        if name.contains("iptables") || name.ends_with(".v4") {
            return Family::Ip;
        }
        let signs = ["icmpv6", "icmp6", "ipv6-icmp", "-j HL"];
        let rules = text.lines().filter(|line| line.contains("-A "));
        let six = rules
            .filter(|line| {
                let mut words = line.split_whitespace();
                let address = words.any(|word| {
                    let address = word.split('/').next().unwrap_or(word);
                    address.parse::<std::net::Ipv6Addr>().is_ok()
                });
                address || signs.iter().any(|sign| line.contains(sign))
            })
            .count();
        match six {
            0 => Family::Ip,
            _ => Family::Ip6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_before_the_content() {
        let six = "-A INPUT -s fe80::/10 -j ACCEPT\n";
        assert_eq!(Family::guess("a/iptables.save", six), Family::Ip);
        assert_eq!(Family::guess("/etc/ip6tables.up", ""), Family::Ip6);
        assert_eq!(Family::guess("<stdin>", six), Family::Ip6);
        assert_eq!(Family::guess("x", "-A INPUT -p icmpv6\n"), Family::Ip6);
        assert_eq!(Family::guess("x", "-A INPUT -s 10.0.0.1\n"), Family::Ip);
    }
}
