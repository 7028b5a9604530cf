// SPDX-License-Identifier: GPL-2.0
//! Writing and removing TCP options: `nft_exthdr_tcp_set_eval()`, `nft_exthdr_tcp_strip_eval()`.

use ferrule_uapi::{program::Wide, statement::Statement};

use crate::{
    expr::exthdr::{find_tcp_option, tcp_header},
    key::Key,
    number::Span,
    packet::Packet,
};

use super::Done;

/// Offset of the checksum in a TCP header.
pub(super) const TCP_CHECKSUM: u32 = 16;

/// Kinds of options (RFC 9293).
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;

/// Sets two or four bytes of an option. `false` only where nftables ends the rule: there is no TCP header, or
/// the option is cut off. Without the option nothing is done.
#[inline(never)]
pub(super) fn set<P: Packet>(
    statement: &Statement,
    value: Wide,
    key: &Key,
    packet: &mut P,
) -> bool {
    let Some((start, len)) = tcp_header(packet, key) else {
        return false;
    };
    let Some((at, option)) = find_tcp_option(packet, (start, len), statement.key) else {
        return true;
    };
    let span = Span::of(statement.a, statement.b);
    if at.wrapping_add(option) > len || span.end > option {
        return false;
    }
    let offset = start.wrapping_add(at).wrapping_add(span.start);
    let sum = start.wrapping_add(TCP_CHECKSUM);
    match span.len() {
        2 => {
            let Some(old) = packet.bytes::<2>(offset) else {
                return false;
            };
            let new = value.lo as u16;
            let grows = u16::from_be_bytes(old) <= new;
            // A larger segment size can make a connection stall.
            if statement.key == MAXIMUM_SEGMENT_SIZE && statement.c == 0 && grows {
                return true;
            }
            replace(packet, sum, offset, &old, &new.to_be_bytes())
        }
        4 => match packet.bytes::<4>(offset) {
            Some(old) => replace(packet, sum, offset, &old, &(value.lo as u32).to_be_bytes()),
            None => false,
        },
        _ => false,
    }
}

/// Overwrites bytes under the checksum at `sum`.
fn replace<P: Packet>(packet: &mut P, sum: u32, at: u32, old: &[u8], new: &[u8]) -> bool {
    old == new || packet.write(at, new) && packet.fix_checksum(sum, old, new, false)
}

/// Overwrites an option with no-operations. What is cut off cannot be removed: the packet is dropped.
#[inline(never)]
pub(super) fn reset<P: Packet>(statement: &Statement, key: &Key, packet: &mut P) -> Done {
    let Some((start, len)) = tcp_header(packet, key) else {
        return Done::End;
    };
    let Some((at, option)) = find_tcp_option(packet, (start, len), statement.key) else {
        return Done::Go;
    };
    let end = at.wrapping_add(option);
    if end > len {
        return Done::Drop;
    }
    let sum = start.wrapping_add(TCP_CHECKSUM);
    for at in at..end {
        let offset = start.wrapping_add(at);
        let Some([old]) = packet.bytes(offset) else {
            return Done::Drop;
        };
        // Which half of a word it is in says where it stands in the sum.
        let word = |byte| match at & 1 {
            0 => [byte, 0],
            _ => [0, byte],
        };
        let (from, to) = (word(old), word(NO_OPERATION));
        let done =
            packet.write(offset, &[NO_OPERATION]) && packet.fix_checksum(sum, &from, &to, false);
        if !done {
            return Done::Drop;
        }
    }
    Done::Go
}
