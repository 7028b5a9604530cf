// SPDX-License-Identifier: GPL-2.0
//! What each instruction does to a packet.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::cell::Cell;

use ferrule_engine::{scratch_len, verify, Decider, Key, Outcome, Scratch, Storage};
use ferrule_uapi::{
    field::Field,
    hook::Verdict,
    insn::{Insn, Opcode},
    limit, NONE,
};
use support::{frame::Frame, headers::*, program::*, run, value, verified};

fn tcp() -> Frame {
    ipv4(TCP, 0, 0, &transport())
}

fn tcp6() -> Frame {
    ipv6(TCP, &transport())
}

/// Whether the match, alone in a chain, holds for the packet.
fn holds(insn: Insn, prepare: impl Fn(&mut Records), mut frame: Frame) -> bool {
    let insn = Insn { target: 2, ..insn };
    let mut records = Records::of(&[&[insn, drop(0), end()]]);
    prepare(&mut records);
    run(&records, &mut frame).verdict == Verdict::Drop
}

fn decided(verdict: Verdict, decider: Decider, steps: u32) -> Outcome {
    Outcome {
        verdict,
        queue: None,
        rejected: false,
        decider,
        steps,
    }
}

#[test]
fn a_mask_compares_the_masked_field() {
    for (mask, wanted, expected) in [
        (u32::MAX, 0x0a01_0203, true),
        (u32::MAX, 0x0a01_0204, false),
        (0xff00_0000, 0x0a00_0000, true),
        (0xff00_0000, 0x0b00_0000, false),
        (0, 0, true),
    ] {
        let insn = matches(Opcode::MatchMask, Field::IpSaddr, 0, mask, wanted);
        assert_eq!(expected, holds(insn, |_| {}, tcp()), "{insn:?}");
        assert_eq!(!expected, holds(not(insn), |_| {}, tcp()), "{insn:?}");
    }
}

#[test]
fn a_range_includes_both_its_ends() {
    for (lo, hi, expected) in [
        (0x5678, 0x5678, true),
        (0, 0x5678, true),
        (0x5678, u32::MAX, true),
        (0, 0x5677, false),
        (0x5679, u32::MAX, false),
    ] {
        let insn = matches(Opcode::MatchRange, Field::TcpDport, 0, lo, hi);
        assert_eq!(expected, holds(insn, |_| {}, tcp()), "{insn:?}");
        assert_eq!(!expected, holds(not(insn), |_| {}, tcp()), "{insn:?}");
    }
}

#[test]
fn a_wide_mask_compares_both_halves() {
    let high = u128::MAX << 64;
    for (mask, wanted, expected) in [
        (u128::MAX, SADDR6, true),
        (u128::MAX, SADDR6 ^ 1, false),
        (u128::MAX, SADDR6 ^ 1 << 64, false),
        (high, SADDR6 & high, true),
        (!high, SADDR6 & !high, true),
        (0, 0, true),
    ] {
        let insn = matches(Opcode::MatchWideMask, Field::Ip6Saddr, 0, 0, 0);
        let add = |r: &mut Records| r.wide_pairs.push(pair(mask, wanted));
        assert_eq!(expected, holds(insn, add, tcp6()), "{mask:x} {wanted:x}");
        assert_eq!(!expected, holds(not(insn), add, tcp6()));
    }
}

#[test]
fn a_wide_range_compares_the_high_half_first() {
    for (lo, hi, expected) in [
        (SADDR6, SADDR6, true),
        (0, SADDR6, true),
        (SADDR6 - (1 << 64), SADDR6 + (1 << 64), true),
        (SADDR6 + 1, u128::MAX, false),
        (0, SADDR6 - 1, false),
    ] {
        let insn = matches(Opcode::MatchWideRange, Field::Ip6Saddr, 0, 0, 0);
        let add = |r: &mut Records| r.wide_pairs.push(pair(lo, hi));
        assert_eq!(expected, holds(insn, add, tcp6()), "{lo:x} {hi:x}");
        assert_eq!(!expected, holds(not(insn), add, tcp6()));
    }
}

#[test]
fn a_lookup_finds_the_masked_field_in_any_range_of_its_table() {
    for (mask, ranges, expected) in [
        (u32::MAX, vec![(0x5678, 0x5678)], true),
        (
            u32::MAX,
            vec![(0, 1), (0x5600, 0x56ff), (0x6000, 0x7000)],
            true,
        ),
        (u32::MAX, vec![(0, 0x5677), (0x5679, u32::MAX)], false),
        (0xff00, vec![(1, 2), (0x5600, 0x5600)], true),
        (0xff, vec![(0x5600, 0x5678)], false),
    ] {
        let insn = matches(Opcode::Lookup, Field::TcpDport, 0, 1, mask);
        let add = |r: &mut Records| {
            r.table32(&[(9, 9)]);
            r.table32(&ranges);
        };
        assert_eq!(expected, holds(insn, add, tcp()), "{mask:x} {ranges:x?}");
        assert_eq!(!expected, holds(not(insn), add, tcp()));
    }
}

#[test]
fn a_wide_lookup_finds_the_masked_field_in_any_range_of_its_table() {
    for (mask, ranges, expected) in [
        (u128::MAX, vec![(1, 2), (SADDR6, SADDR6)], true),
        (
            u128::MAX,
            vec![(0, SADDR6 - 1), (SADDR6 + 1, u128::MAX)],
            false,
        ),
        (
            u128::MAX << 96,
            vec![(0x2001_0db8 << 96, 0x2001_0db8 << 96)],
            true,
        ),
        (0xff, vec![(9, u128::MAX)], false),
    ] {
        let insn = matches(Opcode::LookupWide, Field::Ip6Saddr, 0, 0, 0);
        let add = |r: &mut Records| {
            r.wide_pairs.push(pair(mask, 0));
            r.table_wide(&ranges);
        };
        assert_eq!(expected, holds(insn, add, tcp6()), "{mask:x} {ranges:x?}");
        assert_eq!(!expected, holds(not(insn), add, tcp6()));
    }
}

#[test]
fn no_match_holds_for_an_absent_field_whether_negated_or_not() {
    let add = |r: &mut Records| {
        r.wide_pairs.push(pair(0, 0));
        r.wide_pairs.push(pair(0, u128::MAX));
        r.table32(&[(0, u32::MAX)]);
        r.table_wide(&[(0, u128::MAX)]);
    };
    let narrow = [
        (Opcode::MatchMask, 0, 0),
        (Opcode::MatchRange, 0, u32::MAX),
        (Opcode::Lookup, 0, u32::MAX),
    ];
    let wide = [
        (Opcode::MatchWideMask, 0, 0),
        (Opcode::MatchWideRange, 1, 0),
        (Opcode::LookupWide, 1, 0),
    ];
    for field in Field::ALL {
        // Each field is absent from one of these two, if it can be absent at all.
        let (empty, empty6) = (tcp().cut_to(0), tcp6().cut_to(0));
        let key = Key::parse(&empty, ferrule_engine::FieldSet::ALL);
        if value(&key, *field).is_some() {
            continue;
        }
        for (opcode, a, b) in if field.is_wide() { wide } else { narrow } {
            let insn = matches(opcode, *field, 0, a, b);
            for insn in [insn, not(insn)] {
                assert!(!holds(insn, add, empty.clone()), "{insn:?}");
                assert!(!holds(insn, add, empty6.clone()), "{insn:?}");
            }
        }
    }
}

#[test]
fn a_match_that_fails_goes_to_its_target() {
    let fails = matches(Opcode::MatchMask, Field::MetaMark, 3, u32::MAX, 1);
    let records = Records::of(&[&[fails, drop(0), drop(1), accept(2)]]);
    let expected = decided(Verdict::Accept, Decider::Rule(2), 2);
    assert_eq!(expected, run(&records, &mut tcp()));
}

#[test]
fn a_count_tells_its_counter_and_goes_on() {
    let records = Records::of(&[&[count(2), count(0), count(2), end()]]);
    let mut frame = tcp();
    run(&records, &mut frame);
    assert_eq!(vec![2, 0, 2], frame.counted);
}

#[test]
fn setting_the_mark_changes_the_packet_and_what_later_matches_see() {
    let sees = matches(Opcode::MatchMask, Field::MetaMark, 3, u32::MAX, 0x105);
    let records = Records::of(&[&[set_mark(5, 0x100), sees, drop(0), end()]]);
    let mut frame = tcp();
    assert_eq!(Verdict::Drop, run(&records, &mut frame).verdict);
    assert_eq!(0x105, frame.mark);
}

#[test]
fn a_mark_that_one_base_chain_set_is_seen_by_the_next() {
    let sees = matches(Opcode::MatchMask, Field::MetaMark, 4, u32::MAX, 9);
    let mut records = Records::of(&[&[set_mark(0, 9), accept(0)], &[sees, drop(1), end()]]);
    records.base(1, Verdict::Accept, NONE);
    let image = records.build();
    let (program, mut frame) = (verified(&image), tcp());
    let (view, mut key) = (program.view(), Key::parse(&frame, program.fields()));
    let verdicts = [0, 1].map(|n| {
        view.run(&view.base_chains()[n], &mut key, &mut frame)
            .verdict
    });
    assert_eq!([Verdict::Accept, Verdict::Drop], verdicts);
}

#[test]
fn accept_and_drop_decide_name_their_rule_and_count() {
    for (opcode, verdict) in [
        (Opcode::Accept, Verdict::Accept),
        (Opcode::Drop, Verdict::Drop),
    ] {
        for (counter, counted) in [(NONE, vec![]), (1, vec![1])] {
            let records = Records::of(&[&[insn(opcode, 0, 0, 2, counter)]]);
            let mut frame = tcp();
            let expected = decided(verdict, Decider::Rule(2), 1);
            assert_eq!(expected, run(&records, &mut frame));
            assert_eq!(counted, frame.counted);
        }
    }
}

#[test]
fn a_return_from_the_base_chain_leaves_it_to_the_policy() {
    for verdict in [Verdict::Accept, Verdict::Drop] {
        let mut records = Records::of(&[&[end()]]);
        records.base_chains.clear();
        records.base(0, verdict, 1);
        let mut frame = tcp();
        let expected = decided(verdict, Decider::Policy, 1);
        assert_eq!(expected, run(&records, &mut frame));
        let dropped = verdict == Verdict::Drop;
        assert_eq!(
            dropped,
            frame.counted == [1],
            "only what the policy drops counts"
        );
    }
}

#[test]
fn a_called_chain_returns_to_behind_the_call() {
    let records = Records::of(&[&[call(3), count(1), drop(0)], &[count(0), end()]]);
    let mut frame = tcp();
    let expected = decided(Verdict::Drop, Decider::Rule(0), 5);
    assert_eq!(expected, run(&records, &mut frame));
    assert_eq!(vec![0, 1], frame.counted);
}

#[test]
fn a_goto_does_not_come_back() {
    let records = Records::of(&[&[goto(2), drop(0)], &[count(0), end()]]);
    let expected = decided(Verdict::Accept, Decider::Policy, 3);
    assert_eq!(expected, run(&records, &mut tcp()));
}

#[test]
fn a_return_after_a_goto_goes_back_to_the_last_call() {
    let records = Records::of(&[&[call(2), drop(0)], &[goto(4), accept(1)], &[end()]]);
    let expected = decided(Verdict::Drop, Decider::Rule(0), 4);
    assert_eq!(expected, run(&records, &mut tcp()));
}

#[test]
fn a_verdict_in_a_called_chain_ends_the_base_chain() {
    let records = Records::of(&[&[call(2), drop(0)], &[accept(1)]]);
    let expected = decided(Verdict::Accept, Decider::Rule(1), 2);
    assert_eq!(expected, run(&records, &mut tcp()));
}

#[test]
fn calls_nest_as_deep_as_the_limit() {
    let chains: Vec<Vec<Insn>> = (1..=limit::MAX_DEPTH)
        .map(|n| vec![call(n * 3), count(0), end()])
        .chain([vec![end()]])
        .collect();
    let chains: Vec<&[Insn]> = chains.iter().map(Vec::as_slice).collect();
    let mut frame = tcp();
    let outcome = run(&Records::of(&chains), &mut frame);
    assert_eq!(Decider::Policy, outcome.decider);
    assert_eq!(limit::MAX_DEPTH as usize, frame.counted.len());
}

#[test]
fn the_bound_is_what_the_dearest_path_costs() {
    let both = matches(Opcode::MatchRange, Field::MetaMark, 2, 0, u32::MAX);
    for (chains, expected) in [
        (&[&[end()] as &[Insn]] as &[&[Insn]], 1),
        (&[&[both, count(0), drop(0)]], 3),
        (&[&[call(3), call(3), end()], &[count(0), end()]], 7),
        (&[&[goto(1)], &[count(0), end()]], 3),
    ] {
        let image = Records::of(chains).build();
        assert_eq!(expected, verified(&image).max_steps(), "{chains:?}");
        let outcome = run(&Records::of(chains), &mut tcp());
        assert_eq!(expected, outcome.steps, "the dearest path is the one taken");
    }
}

#[test]
fn a_program_looks_at_the_fields_that_its_matches_name() {
    let insn = matches(Opcode::MatchMask, Field::TcpDport, 2, 0, 0);
    let image = Records::of(&[&[insn, count(0), end()]]).build();
    let fields = verified(&image).fields();
    for field in Field::ALL {
        assert_eq!(*field == Field::TcpDport, fields.contains(*field));
    }
}

/// Bytes that change after the verifier saw them, which no honest storage does.
struct Treacherous(Image, Image, Cell<bool>);

impl Storage for &Treacherous {
    fn bytes(&self) -> &[u8] {
        match self.2.get() {
            true => self.1.bytes(),
            false => self.0.bytes(),
        }
    }
}

#[test]
fn a_program_that_changes_behind_the_verifier_drops() {
    let good = Records::of(&[&[count(0), call(3), accept(0)], &[end()]]);
    let bad = [
        Insn::default(),
        call(0),
        matches(Opcode::MatchMask, Field::MetaIif, 99, 0, 1),
        goto(0),
    ];
    for insn in bad {
        let mut worse = good.clone();
        worse.insns[0] = insn;
        let storage = Treacherous(good.build(), worse.build(), Cell::new(false));
        let mut scratch = vec![Scratch::default(); scratch_len(storage.0.bytes())];
        let program = verify(&storage, &mut scratch).expect("accepted");
        storage.2.set(true);
        let (view, mut frame) = (program.view(), tcp());
        let mut key = Key::parse(&frame, program.fields());
        // A field that nobody wanted may be there all the same: only the fate counts.
        let outcome = view.run(&view.base_chains()[0], &mut key, &mut frame);
        assert_eq!(
            (Verdict::Drop, Decider::Fault),
            (outcome.verdict, outcome.decider)
        );
    }
}
