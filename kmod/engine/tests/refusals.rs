// SPDX-License-Identifier: GPL-2.0
//! Every reason to refuse a program, each provoked by the smallest change to one that is accepted.

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

use ferrule_engine::{scratch_len, verify, Refusal, Scratch};
use ferrule_uapi::{
    error::VerifyError::{self, *},
    field::Field,
    insn::{Insn, Opcode},
    limit,
    program::{
        Counter, Header, Initial, Origin,
        SectionId::{self, *},
        Text, COUNTER_INITIAL, COUNTER_POLICY, SECTION_ALIGN,
    },
    NONE,
};
use support::{program::*, refusal, try_verify};

/// A change of an instruction.
type Change = fn(&mut Insn);

/// A program with something in every section.
///
/// ```text
/// 0 match  1 lookup  2 wide match  3 wide range  4 wide lookup  5 call 8  6 range  7 return
/// 8 count  9 mark  10 goto 11
/// 11 accept
/// ```
fn good() -> Records {
    let code = [
        matches(Opcode::MatchMask, Field::IpTtl, 7, 0xff, 3),
        matches(Opcode::Lookup, Field::TcpDport, 7, 1, u32::MAX),
        matches(Opcode::MatchWideMask, Field::Ip6Saddr, 7, 0, 0),
        matches(Opcode::MatchWideRange, Field::Ip6Saddr, 7, 1, 0),
        matches(Opcode::LookupWide, Field::Ip6Daddr, 7, 0, 0),
        call(8),
        matches(Opcode::MatchRange, Field::IpTtl, 7, 3, 4),
        end(),
    ];
    let second = [count(1), set_mark(1, 2), goto(11)];
    let mut records = Records::of(&[&code, &second, &[insn(Opcode::Accept, 0, 0, 0, 2)]]);
    records.wide_pairs.extend([pair(0xff, 0xf), pair(3, 4)]);
    records.table_wide(&[(1, 2), (4, 9)]);
    records.table32(&[(1, 2), (4, 9)]);
    records.table32(&[(1, 2)]);
    records.strings = b"abc".to_vec();
    records.source = b"source".to_vec();
    records.origins = vec![origin(0, text(0, 1)), origin(2, text(1, 2))];
    records.counters[2].flags = COUNTER_INITIAL;
    records.initials = vec![Initial {
        packets: u64::MAX,
        counter: 2,
        ..Initial::default()
    }];
    records
}

fn origin(first_rule: u32, file: Text) -> Origin {
    Origin { first_rule, file }
}

/// What is changed, and where that is found.
type Case<T> = (VerifyError, Option<SectionId>, u32, fn(&mut T));

const RECORDS: &[Case<Records>] = &[
    (Reserved, Some(Tables), 1, |r| {
        r.tables[1].reserved = [0, 1, 0]
    }),
    (TABLE_KIND, Some(Tables), 1, |r| r.tables[1].kind = 3),
    (Index, Some(Tables), 0, |r| r.tables[0].count = 9),
    (Index, Some(Tables), 1, |r| r.tables[1].count = 0),
    (Index, Some(Tables), 2, |r| r.tables[2].first = NONE),
    (Order, Some(Tables), 1, |r| r.ranges32[0].lo = 3),
    (Order, Some(Tables), 1, |r| r.ranges32[1].lo = 2),
    (Order, Some(Tables), 0, |r| r.wide_pairs[3].lo = wide(2)),
    (Order, Some(Tables), 2, |r| r.tables[2].first = 1),
    (Reserved, Some(Chains), 1, |r| r.chains[1].reserved[6] = 1),
    (Hook, Some(Chains), 1, |r| r.chains[1].family = 3),
    (ChainOrder, Some(Chains), 0, |r| r.chains[0].first_insn = 1),
    (ChainOrder, Some(Chains), 1, |r| r.chains[1].first_insn = 7),
    (ChainOrder, Some(Chains), 1, |r| r.chains[1].insn_count = 0),
    (ChainOrder, Some(Chains), 2, |r| r.chains[2].insn_count = 2),
    (ChainOrder, Some(Chains), 2, |r| r.insns.push(end())),
    (ChainOrder, Some(Chains), 0, |r| {
        *r = Records {
            insns: vec![end()],
            ..Records::default()
        }
    }),
    (Index, Some(Chains), 1, |r| r.chains[1].table = text(0, 4)),
    (Index, Some(Chains), 2, |r| r.chains[2].name = text(NONE, 2)),
    (Index, Some(BaseChains), 0, |r| r.base_chains[0].chain = 3),
    (Hook, Some(BaseChains), 0, |r| r.base_chains[0].families = 1),
    (Hook, Some(BaseChains), 0, |r| r.base_chains[0].hook = 5),
    (Hook, Some(BaseChains), 0, |r| r.base_chains[0].policy = 2),
    (Hook, Some(BaseChains), 0, |r| r.base_chains[0].kind = 3),
    (Unsupported, Some(BaseChains), 0, |r| {
        r.base_chains[0].kind = 1
    }),
    // A chain of type route that is not at output.
    (Hook, Some(BaseChains), 0, |r| r.base_chains[0].kind = 2),
    (Index, Some(BaseChains), 0, |r| r.base_chains[0].counter = 3),
    (TooMany, Some(BaseChains), 64, |r| add_priorities(r, 65)),
    (Index, Some(Rules), 1, |r| r.rules[1].first_insn = 99),
    (Order, Some(Rules), 1, |r| r.rules[0].first_insn = 1),
    (Index, Some(Origins), 1, |r| r.origins[1].first_rule = 3),
    (Index, Some(Origins), 1, |r| r.origins[1].file = text(4, 0)),
    (Order, Some(Origins), 1, |r| r.origins[1].first_rule = 0),
    (Index, Some(Initials), 0, |r| r.initials[0].counter = 1),
    (Index, Some(Initials), 0, |r| r.initials[0].counter = 3),
    // One that begins with something, and nothing says with what.
    (Index, Some(Initials), 1, |r| {
        r.counters[1].flags = COUNTER_INITIAL
    }),
    (Order, Some(Initials), 1, |r| r.initials.push(r.initials[0])),
    (Reserved, Some(Initials), 0, |r| r.initials[0].reserved = 1),
    (Identity, Some(Counters), 1, |r| r.counters[1].identity = 1),
    (Identity, Some(Counters), 2, |r| r.counters[2].identity = 0),
    (Reserved, Some(Counters), 1, |r| r.counters[1].flags = 16),
    (Index, Some(Counters), 1, |r| r.counters[1].owner = 3),
    (Index, Some(Counters), 1, |r| {
        r.counters[1] = policy_counter(1)
    }),
    (OPCODE, Some(Insns), 5, |r| r.insns[5].opcode = 0),
    (OPCODE, Some(Insns), 5, |r| r.insns[5].opcode = 27),
    (FIELD, Some(Insns), 0, |r| r.insns[0].field = 38),
    (FIELD, Some(Insns), 0, |r| r.insns[0].field = 60),
    (FIELD, Some(Insns), 0, |r| r.insns[0].field = 64),
    (FIELD, Some(Insns), 1, |r| {
        r.insns[1].field = Field::Ip6Saddr as u8
    }),
    (FIELD, Some(Insns), 2, |r| {
        r.insns[2].field = Field::IpTtl as u8
    }),
    (FIELD, Some(Insns), 4, |r| {
        r.insns[4].field = Field::IpTtl as u8
    }),
    (Target, Some(Insns), 1, |r| r.insns[1].target = 1),
    (Target, Some(Insns), 1, |r| r.insns[1].target = 0),
    (Target, Some(Insns), 1, |r| r.insns[1].target = 8),
    (Target, Some(Insns), 1, |r| r.insns[1].target = NONE),
    (ChainTarget, Some(Insns), 5, |r| r.insns[5].target = 0),
    (ChainTarget, Some(Insns), 5, |r| r.insns[5].target = 7),
    (ChainTarget, Some(Insns), 5, |r| r.insns[5].target = 9),
    (ChainTarget, Some(Insns), 5, |r| r.insns[5].target = 12),
    (ChainTarget, Some(Insns), 10, |r| r.insns[10].target = 8),
    (ChainTarget, Some(Insns), 10, |r| r.insns[10].target = 0),
    (Unterminated, Some(Insns), 7, |r| r.insns[7] = count(0)),
    (Unterminated, Some(Insns), 7, |r| {
        r.insns[7] = set_mark(0, 0)
    }),
    (Unterminated, Some(Insns), 7, |r| r.insns[7] = call(8)),
    (Unterminated, Some(Insns), 11, |r| r.insns[11] = r.insns[0]),
    (Depth, Some(Insns), 0, |r| *r = nested(limit::MAX_DEPTH + 1)),
    (Steps, Some(Insns), 2, |r| *r = dear(11)),
    (Index, Some(Insns), 1, |r| r.insns[1].a = 3),
    (Index, Some(Insns), 2, |r| r.insns[2].a = 4),
    (Index, Some(Insns), 3, |r| r.insns[3].a = 4),
    (Index, Some(Insns), 4, |r| r.insns[4].b = 4),
    (Index, Some(Insns), 4, |r| r.insns[4].a = 3),
    (Index, Some(Insns), 5, |r| r.insns[5].a = 3),
    (Index, Some(Insns), 7, |r| r.insns[7].a = 3),
    (Index, Some(Insns), 8, |r| r.insns[8].a = 3),
    (Index, Some(Insns), 10, |r| r.insns[10].a = 3),
    (Index, Some(Insns), 11, |r| r.insns[11].a = 3),
    (Index, Some(Insns), 11, |r| r.insns[11].b = 3),
    (TABLE_KIND, Some(Insns), 1, |r| r.insns[1].a = 0),
    (TABLE_KIND, Some(Insns), 4, |r| r.insns[4].a = 1),
    (Never, Some(Insns), 0, |r| r.insns[0].b = 0x103),
    (Never, Some(Insns), 6, |r| r.insns[6].a = 5),
    (Never, Some(Insns), 2, |r| r.wide_pairs[0].hi = wide(0x100)),
    (Never, Some(Insns), 2, |r| {
        r.wide_pairs[0].hi = wide(1 << 64)
    }),
    (Never, Some(Insns), 3, |r| r.wide_pairs[1].hi = wide(2)),
];

const HEADERS: &[Case<Image>] = &[
    (Magic, None, 0, |i| {
        i.header().magic = i.header().magic.swap_bytes()
    }),
    (Version, None, 0, |i| i.header().version = 1),
    (Size, None, 0, |i| i.header().size += 1),
    (Reserved, None, 0, |i| i.header().flags = 2),
    (Reserved, None, 0, |i| i.header().reserved[3] = 1),
    (Reserved, None, 0, |i| i.header().next_handle = 0),
    (Section, None, 0, |i| i.header().sections[22].offset = 8),
    (Section, None, 0, |i| i.header().sections[23].size = 8),
    (Section, Some(Insns), 0, |i| {
        i.header().sections[0].offset = 240
    }),
    (Section, Some(Insns), 0, |i| {
        i.header().sections[0].offset += 8
    }),
    (Section, Some(Ranges32), 0, |i| {
        i.header().sections[0].size -= 32
    }),
    (Section, Some(Tables), 0, |i| {
        i.header().sections[3].size += 4
    }),
    (Section, Some(Rules), 0, |i| i.header().sections.swap(6, 7)),
    (Section, Some(Exprs), 0, |i| {
        i.header().sections[9].size += 32
    }),
    (Size, None, 0, |i| i.header().size -= 8),
    (TooMany, Some(Insns), 0, |i| {
        i.header().sections[0].size = (limit::MAX_INSNS + 1) * 16
    }),
    (TooMany, Some(Chains), 0, |i| {
        i.header().sections[4].size = (limit::MAX_CHAINS + 1) * 40
    }),
    (TooMany, Some(BaseChains), 0, |i| {
        i.header().sections[5].size = 1025 * 16
    }),
    (TooMany, Some(Rules), 0, |i| {
        i.header().sections[6].size = (limit::MAX_RULES + 1) * 16
    }),
    (TooMany, Some(Counters), 0, |i| {
        i.header().sections[7].size = (limit::MAX_COUNTERS + 1) * 16
    }),
    (TooMany, Some(Source), 0, |i| {
        i.header().sections[9].size = limit::MAX_SOURCE_SIZE + 1
    }),
    (Reserved, Some(Source), 0, |i| {
        let gap = i.header().sections[8].offset as usize + 3;
        i.bytes_mut()[gap] = 1;
    }),
];

// Names that the types of the ABI have too.
const TABLE_KIND: VerifyError = VerifyError::TableKind;
const OPCODE: VerifyError = VerifyError::Opcode;
const FIELD: VerifyError = VerifyError::Field;

fn policy_counter(owner: u32) -> Counter {
    Counter {
        identity: 2,
        owner,
        flags: COUNTER_POLICY,
    }
}

/// Base chains at so many priorities of one hook.
fn add_priorities(records: &mut Records, count: i32) {
    let base = records.base_chains[0];
    records.base_chains = (0..count)
        .map(|priority| ferrule_uapi::program::BaseChain { priority, ..base })
        .collect();
}

/// So many calls, one within the other.
fn nested(calls: u32) -> Records {
    let chains: Vec<[Insn; 2]> = (1..=calls).map(|n| [call(n * 2), end()]).collect();
    let mut chains: Vec<&[Insn]> = chains.iter().map(|chain| chain.as_slice()).collect();
    let last = [end()];
    chains.push(&last);
    Records::of(&chains)
}

/// Chains of four calls each: the cost is four times that of the next, and five.
fn dear(levels: u32) -> Records {
    let of = |n: u32| [call(n * 5), call(n * 5), call(n * 5), call(n * 5), end()];
    let chains: Vec<[Insn; 5]> = (1..=levels).map(of).collect();
    let mut chains: Vec<&[Insn]> = chains.iter().map(|chain| chain.as_slice()).collect();
    let last = [end()];
    chains.push(&last);
    Records::of(&chains)
}

#[test]
fn the_program_that_the_cases_change_is_accepted() {
    let image = good().build();
    let program = try_verify(image.bytes()).expect("accepted");
    assert_eq!(image.bytes(), program.bytes());
    assert_eq!(b"bc", program.view().string(text(1, 2)));
    assert_eq!(b"source", program.view().source());
    let files: Vec<_> = (0..3).map(|rule| program.view().file_of(rule)).collect();
    assert_eq!(files, [&b"a"[..], b"a", b"bc"]);
}

#[test]
fn a_wrong_record_is_refused_where_it_is() {
    for (case, (error, section, index, change)) in RECORDS.iter().enumerate() {
        let mut records = good();
        change(&mut records);
        let expected = Refusal {
            error: *error,
            section: *section,
            index: *index,
        };
        assert_eq!(expected, refusal(&records), "case {case}");
    }
}

#[test]
fn a_wrong_header_is_refused() {
    for (case, (error, section, index, change)) in HEADERS.iter().enumerate() {
        let mut image = good().build();
        change(&mut image);
        let expected = Refusal {
            error: *error,
            section: *section,
            index: *index,
        };
        assert_eq!(
            Some(expected),
            try_verify(image.bytes()).err(),
            "case {case}"
        );
    }
}

#[test]
fn every_reason_to_refuse_is_provoked_here() {
    for error in VerifyError::ALL {
        // What batches and the environment are refused for, and records that have tests of their own.
        if *error >= Expr {
            continue;
        }
        let records = RECORDS.iter().any(|case| case.0 == *error);
        let headers = HEADERS.iter().any(|case| case.0 == *error);
        assert!(records || headers, "{error:?}");
    }
}

#[test]
fn what_an_instruction_does_not_use_must_be_zero() {
    let code = good().insns;
    let changes: [(&str, Change); 4] = [
        ("field", |insn| insn.field = 1),
        ("flags", |insn| insn.flags |= 2),
        ("target", |insn| insn.target = 7),
        ("b", |insn| insn.b = 1),
    ];
    for (pc, insn) in code.iter().enumerate() {
        let is_match = insn.opcode <= Opcode::LookupWide as u8;
        let is_jump = [Opcode::Call as u8, Opcode::Goto as u8].contains(&insn.opcode);
        for (name, change) in changes {
            let used = match name {
                "field" => is_match,
                "flags" => false,
                "target" => is_match || is_jump,
                _ => ![3, 4, 7, 11, 12, 13].contains(&insn.opcode),
            };
            if used {
                continue;
            }
            let mut records = good();
            change(&mut records.insns[pc]);
            let expected = Refusal {
                error: Reserved,
                section: Some(Insns),
                index: pc as u32,
            };
            assert_eq!(expected, refusal(&records), "{name} of {insn:?}");
        }
    }
}

#[test]
fn the_negate_flag_is_for_matches_only() {
    for (pc, insn) in good().insns.iter().enumerate() {
        let mut records = good();
        records.insns[pc].flags = 1;
        let accepted = try_verify(records.build().bytes()).is_ok();
        assert_eq!(
            insn.opcode <= Opcode::LookupWide as u8,
            accepted,
            "{insn:?}"
        );
    }
}

#[test]
fn limits_themselves_are_allowed() {
    let mut priorities = good();
    add_priorities(&mut priorities, 64);
    let mut chains = good();
    chains.base_chains = vec![chains.base_chains[0]; limit::MAX_BASE_CHAINS as usize];
    for records in [nested(limit::MAX_DEPTH), dear(10), priorities, chains] {
        assert!(try_verify(records.build().bytes()).is_ok());
    }
}

#[test]
fn a_counter_may_begin_with_something_and_belong_to_a_policy() {
    let mut records = good();
    records.counters[1] = policy_counter(0);
    assert!(try_verify(records.build().bytes()).is_ok());
}

#[test]
fn a_program_that_is_cut_off_is_refused_at_every_byte() {
    let image = good().build();
    for len in 0..image.bytes().len() {
        let cut = &image.bytes()[..len];
        let refusal = try_verify(cut).expect_err("cut off");
        assert_eq!((Size, None), (refusal.error, refusal.section), "{len}");
        let mut cut = Image::from_bytes(cut);
        if len >= size_of::<Header>() {
            cut.header().size = len as u32;
            assert!(
                try_verify(cut.bytes()).is_err(),
                "{len}, and the header agrees"
            );
        }
    }
}

#[test]
fn every_change_of_a_byte_of_the_header_is_refused() {
    let mut image = good().build();
    let before = image.header().sections;
    for at in 0..size_of::<Header>() {
        for flip in 1..=255 {
            let mut changed = image.clone();
            changed.bytes_mut()[at] ^= flip;
            let is_handle = (16..24).contains(&at) && changed.header().next_handle != 0;
            // Whether the source is packed says something of bytes that nobody here reads.
            let is_packed = (at, flip) == (12, 1);
            // A section may take the zeros behind it for its own, if they mean something there.
            let rounded = |section: &ferrule_uapi::program::Section| {
                section.size.next_multiple_of(SECTION_ALIGN)
            };
            let after = changed.header().sections;
            let grown = before.iter().zip(&after).any(|(before, after)| {
                before.size < after.size && rounded(before) == rounded(after)
            });
            if grown {
                continue;
            }
            assert_eq!(
                is_handle || is_packed,
                try_verify(changed.bytes()).is_ok(),
                "{at} {flip}"
            );
        }
    }
}

#[test]
fn every_byte_between_sections_must_be_zero() {
    let mut records = good();
    records.tables.truncate(3);
    let mut image = records.build();
    let header = *image.header();
    for pair in header.sections[..10].windows(2) {
        let gap = pair[0].offset + pair[0].size..pair[1].offset;
        for at in gap {
            let mut changed = image.clone();
            changed.bytes_mut()[at as usize] = 1;
            let refusal = try_verify(changed.bytes()).expect_err("a gap");
            assert_eq!(Reserved, refusal.error, "{at}");
        }
    }
}

#[test]
fn bytes_that_are_not_aligned_are_refused() {
    let image = good().build();
    let mut shifted = vec![0; 4];
    shifted.extend(image.bytes());
    let shifted = Image::from_bytes(&shifted);
    assert_eq!(
        Some(Size),
        try_verify(&shifted.bytes()[4..]).err().map(|r| r.error)
    );
}

#[test]
fn bytes_beyond_the_largest_program_are_refused_unread() {
    let bytes = vec![0_u64; limit::MAX_PROGRAM_SIZE as usize / 8 + 1];
    let refusal = verify(bytes.as_slice(), &mut []).expect_err("too large");
    assert_eq!(Size, refusal.error);
}

#[test]
fn too_little_scratch_is_refused() {
    let image = good().build();
    let needed = scratch_len(image.bytes());
    assert_eq!(12, needed);
    let mut scratch = vec![Scratch::default(); needed - 1];
    let refusal = verify(image.bytes(), &mut scratch).expect_err("too little");
    assert_eq!((TooMany, Some(Insns)), (refusal.error, refusal.section));
}

#[test]
fn scratch_is_never_asked_for_more_than_the_bytes_can_need() {
    let mut image = good().build();
    assert_eq!(0, scratch_len(&image.bytes()[..100]));
    for size in [0, 15, 16, 160, 1 << 20, u32::MAX] {
        image.header().sections[0].size = size;
        assert!(
            scratch_len(image.bytes()) <= image.bytes().len() / 16,
            "{size}"
        );
    }
}

#[test]
fn scratch_that_was_used_before_does_no_harm() {
    let big = dear(10).build();
    let mut scratch = vec![Scratch::default(); scratch_len(big.bytes())];
    verify(big.bytes(), &mut scratch).expect("accepted");
    let small = Records::of(&[&[call(1)]]).build();
    assert!(
        verify(small.bytes(), &mut scratch).is_err(),
        "no chain begins at 1"
    );
}
