// SPDX-License-Identifier: GPL-2.0
//! What the engine's tests share: programs from typed records, packets over bytes, headers.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses a part of this"
)]

pub mod captures;
pub mod frame;
pub mod generate;
pub mod headers;
pub mod oracle;
pub mod program;
pub mod reference;

use ferrule_engine::{scratch_len, verify, Key, Outcome, Program, Refusal, Scratch};
use ferrule_uapi::{
    field::Field,
    hook::Verdict,
    insn::{Insn, Opcode},
    statement::Statement,
};

use frame::Frame;
use program::{drop, end, insn, Image, Records};

/// Verifies the bytes with as much scratch as they need.
pub fn try_verify(bytes: &[u8]) -> Result<Program<&[u8]>, Refusal> {
    let mut scratch = vec![Scratch::default(); scratch_len(bytes)];
    verify(bytes, &mut scratch)
}

/// Verifies an image that must be accepted.
pub fn verified(image: &Image) -> Program<&[u8]> {
    try_verify(image.bytes()).expect("the program is accepted")
}

/// Why the records are refused.
pub fn refusal(records: &Records) -> Refusal {
    try_verify(records.build().bytes()).expect_err("the program is refused")
}

/// Runs the first base chain of the records on a packet.
pub fn run(records: &Records, frame: &mut Frame) -> Outcome {
    let image = records.build();
    let program = verified(&image);
    let view = program.view();
    let mut key = Key::parse(frame, program.fields());
    let outcome = view.run(&view.base_chains()[0], &mut key, frame);
    assert!(outcome.steps <= program.max_steps(), "{outcome:?}");
    outcome
}

/// The register that [`apply`] uses.
pub const REGISTER: Field = Field::Reg0;

/// Runs `register = value; statement; drop`. Whether the rule went on to its end.
pub fn apply(statement: Statement, value: u32, frame: &mut Frame) -> bool {
    let mut records = Records::of(&[&[
        set_register(value),
        insn(Opcode::Do, 0, 3, 0, 0),
        drop(0),
        end(),
    ]]);
    records.statement(statement);
    run(&records, frame).verdict == Verdict::Drop
}

/// Writes a constant to the register, by way of a field that every packet has.
pub fn set_register(value: u32) -> Insn {
    Insn {
        flags: u16::from(Field::MetaNfproto as u8),
        ..insn(Opcode::Bitwise, REGISTER as u8, 3, 0, value)
    }
}

/// The value of a field, narrow or wide, as one number.
pub fn value(key: &Key, field: Field) -> Option<u128> {
    if field.is_wide() {
        let wide = key.get_wide(field as u8)?;
        Some(u128::from(wide.hi) << 64 | u128::from(wide.lo))
    } else {
        key.get(field as u8).map(u128::from)
    }
}
