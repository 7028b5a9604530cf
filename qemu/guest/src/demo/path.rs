// SPDX-License-Identifier: GPL-2.0
//! The way of single packets through the router's hooks.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result};
use ferrule_uapi::hook::{Family, Hook};

use crate::topology::Topology;

use super::attempt::Pair;
use super::observation::{Observation, Passage};
use super::story::Story;

/// traceroute's first port: as good as any.
const PORT: u16 = 33434;

/// How long the packet may take.
const PATIENCE: Duration = Duration::from_millis(600);

/// Sends one packet for each kind of way and family, and draws where it went.
pub(super) fn show(story: &mut Story<'_>, topology: &Topology) -> Result<()> {
    story.step("One packet at a time: its way through the router's hooks");
    for (pair, name) in [
        (Pair::ClientToServer, "forwarded"),
        (Pair::ClientToRouter, "local in"),
        (Pair::RouterToServer, "local out"),
    ] {
        for family in [Family::Ip, Family::Ip6] {
            let before = Observation::take(&topology.router)?;
            let arrived = send(topology, pair, family)?;
            let after = Observation::take(&topology.router)?;
            let way = draw(pair, &after.passages_since(&before, family), arrived);
            story.line(&format!(" {name:<9} {:<3} {way}", family.name()));
            for drop in after.drops_since(&before) {
                story.line(&format!("   └─ {drop}"));
            }
        }
    }
    Ok(())
}

/// Sends one UDP packet that nobody answers; says whether it arrived.
fn send(topology: &Topology, pair: Pair, family: Family) -> Result<bool> {
    let (from, to) = pair.ends(topology);
    let at = SocketAddr::new(pair.address(family)?, PORT);
    let receiver = to.inside(|| UdpSocket::bind(at))?.context("cannot bind")?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    let any: SocketAddr = if at.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }.parse()?;
    let sender = from.inside(|| UdpSocket::bind(any))??;
    let sent = sender.send_to(b"one packet", at).is_ok();
    Ok(sent && receiver.recv(&mut [0; 16]).is_ok())
}

/// `lan0 → prerouting → forward ✗ dropped`
fn draw(pair: Pair, passages: &[Passage], arrived: bool) -> String {
    let mut way = match pair {
        Pair::RouterToServer => String::from("router"),
        _ => String::from("lan0"),
    };
    // The order of a packet's way is that of the numbers, but for input and postrouting, which end it.
    let order = [
        Hook::PreRouting,
        Hook::Forward,
        Hook::LocalOut,
        Hook::LocalIn,
        Hook::PostRouting,
    ];
    for hook in order {
        if let Some(passage) = passages.iter().find(|passage| passage.hook == hook) {
            way += &format!(" → {}", hook.name());
            if passage.dropped > 0 {
                return way + " ✗ dropped";
            }
        }
    }
    way + match (arrived, pair) {
        (false, _) => " ✗ did not arrive",
        (true, Pair::ClientToRouter) => " → router",
        (true, _) => " → wan0 → server",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(hook: Hook, dropped: u64) -> Passage {
        Passage {
            hook,
            packets: 1,
            dropped,
        }
    }

    #[test]
    fn a_forwarded_packet_is_drawn_from_client_to_server() {
        let passages =
            [Hook::PreRouting, Hook::Forward, Hook::PostRouting].map(|hook| passage(hook, 0));
        assert_eq!(
            draw(Pair::ClientToServer, &passages, true),
            "lan0 → prerouting → forward → postrouting → wan0 → server"
        );
    }

    #[test]
    fn a_way_ends_where_the_packet_is_dropped() {
        let passages = [passage(Hook::PreRouting, 0), passage(Hook::LocalIn, 1)];
        assert_eq!(
            draw(Pair::ClientToRouter, &passages, false),
            "lan0 → prerouting → input ✗ dropped"
        );
    }
}
