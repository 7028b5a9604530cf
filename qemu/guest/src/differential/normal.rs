// SPDX-License-Identifier: GPL-2.0
//! What is compared of frames and log lines: everything but what the kernel itself chooses at random.

use std::fmt::Write;

/// Length of an Ethernet header.
const ETHERNET: usize = 14;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// A frame as text; `None` for what says nothing about rules: the end of waiting for fragments, which
/// comes when it comes.
pub(super) fn frame(bytes: &[u8]) -> Option<String> {
    let mut bytes = bytes.to_vec();
    let packet = bytes.get_mut(ETHERNET..)?;
    let transport = match packet.first()? >> 4 {
        4 => v4(packet)?,
        6 => v6(packet)?,
        _ => return None,
    };
    const TIMES_OUT: [(u8, u8, u8); 2] = [(ICMP, 11, 1), (ICMPV6, 3, 1)];
    if let Some((protocol, upper)) = transport {
        let icmp = (protocol, *packet.get(upper)?, *packet.get(upper + 1)?);
        let is_late = protocol == ICMPV6 && is_late_news(packet.get(upper..)?);
        if TIMES_OUT.contains(&icmp) || is_late {
            return None;
        }
    }
    Some(hex(&bytes))
}

/// Whether it is the news, seconds late and so in any run, that the router found no neighbour for a packet to
/// fd00:3::77, where no host is: an ICMPv6 error of type 1, code 3, from its type on.
pub(super) fn is_late_news(icmp: &[u8]) -> bool {
    const DESTINATION: std::ops::Range<usize> = 8 + 24..8 + 40;
    let nobody = [0xfd, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x77];
    icmp.starts_with(&[1, 3]) && icmp.get(DESTINATION) == Some(&nobody)
}

/// A packet as it was delivered to a socket, as text.
pub(super) fn delivered(bytes: &[u8]) -> String {
    let mut bytes = bytes.to_vec();
    // IPv6's sockets give what follows its header.
    if bytes.first().is_some_and(|byte| byte >> 4 == 4) {
        let _ = v4(&mut bytes);
    }
    hex(&bytes)
}

/// Hides what the router chose; gives protocol and place of the transport header.
fn v4(packet: &mut [u8]) -> Option<Option<(u8, usize)>> {
    let upper = usize::from(*packet.first()? & 15) * 4;
    let is_icmp = packet.get(9) == Some(&ICMP) && packet.len() >= upper + 8;
    // Rules set the source to 10.0.1.9 and fd00:1::9, which no host has.
    if matches!(packet.get(12..16)?, [10, 0, 1 | 2, 1] | [10, 0, 1, 9]) {
        // The identification, and with it the header's checksum.
        packet.get_mut(4..6)?.fill(0);
        packet.get_mut(10..12)?.fill(0);
        const TIMESTAMP_REPLY: u8 = 14;
        if is_icmp && packet[upper] == TIMESTAMP_REPLY {
            packet.get_mut(upper + 2..)?.fill(0);
        }
    }
    Some(is_icmp.then_some((ICMP, upper)))
}

fn v6(packet: &mut [u8]) -> Option<Option<(u8, usize)>> {
    const UPPER: usize = 40;
    if matches!(packet.get(8..24)?, [0xfd, 0, 0, 1 | 2, 0, .., 1 | 9]) {
        // The flow label.
        packet[1] &= 0xf0;
        packet.get_mut(2..4)?.fill(0);
    }
    let is_icmp = packet.get(6) == Some(&ICMPV6) && packet.len() >= UPPER + 8;
    Some(is_icmp.then_some((ICMPV6, UPPER)))
}

/// The lines of the kernel's log that are about packets.
pub(super) fn log(lines: &[String]) -> Vec<String> {
    let about_packets = |line: &&String| line.contains("IN=") && line.contains("OUT=");
    let lines = lines.iter().filter(about_packets);
    lines.map(|line| without_own_id(line)).collect()
}

/// The line without the identification of a packet that the router made itself.
fn without_own_id(line: &str) -> String {
    const ID: &str = " ID=";
    let head = line.split('[').next().unwrap_or(line);
    let own = ["SRC=10.0.1.1 ", "SRC=10.0.2.1 ", "SRC=10.0.1.9 "]
        .iter()
        .any(|source| head.contains(source));
    let Some((before, after)) = line.split_once(ID).filter(|_| own) else {
        return line.to_owned();
    };
    let rest = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
    format!("{before}{ID}*{rest}")
}

/// Bytes as digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identification_in_a_log_line_is_hidden_if_the_packet_is_the_routers() {
        let line = |host: u8| {
            format!("c IN= OUT=wan0 SRC=10.0.1.{host} TTL=64 ID=123 [SRC=10.0.1.1 ID=4660 ]")
        };
        let lines = log(&[line(1), line(2)]);
        let hidden = "c IN= OUT=wan0 SRC=10.0.1.1 TTL=64 ID=* [SRC=10.0.1.1 ID=4660 ]";
        assert_eq!(lines[0], hidden);
        assert_eq!(lines[1], line(2));
    }

    #[test]
    fn only_the_routers_own_identification_is_hidden() {
        let mut frame_bytes = vec![0; ETHERNET];
        frame_bytes.extend_from_slice(&[0x45, 0, 0, 20, 9, 9, 0, 0, 64, 17, 7, 7]);
        frame_bytes.extend_from_slice(&[10, 0, 1, 1, 10, 0, 1, 2]);
        let routers = frame(&frame_bytes).expect("a packet");
        assert!(routers.contains("450000140000"), "{routers}");
        frame_bytes[ETHERNET + 15] = 2;
        let others = frame(&frame_bytes).expect("a packet");
        assert!(others.contains("450000140909"), "{others}");
    }
}
