// SPDX-License-Identifier: GPL-2.0
//! The ABI between `ferrule.ko` and user space, and nothing else.
//!
//! Three things cross the boundary, and each has a file here:
//!
//! ```text
//! program (one blob)      ioctl arguments        what both talk about
//! ------------------      ---------------        --------------------
//! program    header,      ioctl  numbers,        hook   families, hooks,
//!            records             structures             verdicts
//! insn       opcodes      set    batches of      limit  sizes refused
//! field      operands            elements        error  why a program was refused
//! expr       values       event  what read(2)
//! set        sets, keys          gives
//! statement  what rules do, state
//! ```
//!
//! Kbuild compiles this crate for the module and cargo compiles it for the tools, from the same
//! files. The C header `uapi/include/linux/ferrule.h` says the same for C programs; the tests prove
//! that the two agree in every size, alignment, offset and constant.
//!
//! # Rules of the ABI
//!
//! - Integers are in the byte order of the machine: program and module share one.
//! - Every structure is `repr(C)` without implicit padding (`zerocopy` refuses to derive
//!   `IntoBytes` otherwise), so no uninitialised byte can cross.
//! - Reserved fields and unknown flag bits must be zero, and are refused when they are not: they
//!   can be given a meaning later.
//! - [`ABI_VERSION`] changes when the meaning of an existing byte does. New opcodes, fields, sections
//!   and ioctls do not change it: an older module refuses them by name.
#![no_std]
#![forbid(unsafe_code)]

#[macro_use]
mod layout;

pub mod classifier;
pub mod error;
pub mod event;
pub mod expr;
pub mod field;
pub mod hook;
pub mod insn;
pub mod ioctl;
pub mod limit;
pub mod program;
pub mod set;
pub mod statement;

pub use layout::{EnumLayout, FieldLayout, StructLayout};

/// The version of everything in this crate. Carried by every program and every ioctl argument.
pub const ABI_VERSION: u32 = 3;

/// "No such thing" in a field that holds an index.
pub const NONE: u32 = u32::MAX;

/// Path of the character device.
pub const DEVICE_PATH: &str = "/dev/ferrule";

/// Every structure of the ABI, for the tests that compare them with the C header and with the
/// golden layout.
pub const STRUCTS: &[StructLayout] = &[
    insn::Insn::LAYOUT,
    program::Section::LAYOUT,
    program::Header::LAYOUT,
    program::Text::LAYOUT,
    program::Range32::LAYOUT,
    program::Wide::LAYOUT,
    program::RangeWide::LAYOUT,
    program::Table::LAYOUT,
    program::Chain::LAYOUT,
    program::BaseChain::LAYOUT,
    program::Rule::LAYOUT,
    program::Origin::LAYOUT,
    program::Counter::LAYOUT,
    program::Initial::LAYOUT,
    ioctl::Info::LAYOUT,
    ioctl::Load::LAYOUT,
    ioctl::Change::LAYOUT,
    ioctl::Read::LAYOUT,
    ioctl::CounterValue::LAYOUT,
    ioctl::HookValue::LAYOUT,
    ioctl::SetChange::LAYOUT,
    ioctl::ReadSet::LAYOUT,
    ioctl::StateValue::LAYOUT,
    ioctl::ResetValue::LAYOUT,
    ioctl::Subscribe::LAYOUT,
    expr::Expr::LAYOUT,
    set::KeyPart::LAYOUT,
    set::Key::LAYOUT,
    set::Set::LAYOUT,
    set::Target::LAYOUT,
    set::BatchHeader::LAYOUT,
    set::SetOp::LAYOUT,
    statement::Statement::LAYOUT,
    statement::State::LAYOUT,
    statement::Object::LAYOUT,
    statement::Log::LAYOUT,
    classifier::Dim::LAYOUT,
    classifier::Classifier::LAYOUT,
    event::Event::LAYOUT,
    event::LogEvent::LAYOUT,
];

/// Every enumeration of the ABI; see [`STRUCTS`].
pub const ENUMS: &[EnumLayout] = &[
    insn::Opcode::LAYOUT,
    field::Field::LAYOUT,
    hook::Family::LAYOUT,
    hook::Hook::LAYOUT,
    hook::Verdict::LAYOUT,
    hook::ChainType::LAYOUT,
    program::SectionId::LAYOUT,
    program::TableKind::LAYOUT,
    error::VerifyError::LAYOUT,
    expr::ExprKind::LAYOUT,
    expr::PayloadBase::LAYOUT,
    expr::ExthdrOp::LAYOUT,
    expr::Tunnel::LAYOUT,
    expr::MetaKey::LAYOUT,
    expr::CtKey::LAYOUT,
    set::SetKind::LAYOUT,
    set::SetOpKind::LAYOUT,
    set::ElementVerdict::LAYOUT,
    statement::StatementKind::LAYOUT,
    statement::SetUpdate::LAYOUT,
    statement::RejectKind::LAYOUT,
    statement::StateKind::LAYOUT,
    statement::ObjectKind::LAYOUT,
    event::EventKind::LAYOUT,
];

/// Every constant of the ABI that is no enumerator, by its name in C; see [`STRUCTS`].
pub const CONSTANTS: &[(&str, u64)] = &[
    ("FERRULE_ABI_VERSION", ABI_VERSION as u64),
    ("FERRULE_NONE", NONE as u64),
    ("FERRULE_MAGIC", program::MAGIC as u64),
    ("FERRULE_SECTIONS", program::SECTIONS as u64),
    ("FERRULE_SECTION_ALIGN", program::SECTION_ALIGN as u64),
    ("FERRULE_INSN_NEGATE", insn::FLAG_NEGATE as u64),
    ("FERRULE_FAMILY_BIT_IP", hook::FAMILY_BIT_IP as u64),
    ("FERRULE_FAMILY_BIT_IP6", hook::FAMILY_BIT_IP6 as u64),
    (
        "FERRULE_PROGRAM_SOURCE_LZ4",
        program::PROGRAM_SOURCE_LZ4 as u64,
    ),
    ("FERRULE_COUNTER_IMPLICIT", program::COUNTER_IMPLICIT as u64),
    ("FERRULE_COUNTER_INITIAL", program::COUNTER_INITIAL as u64),
    ("FERRULE_COUNTER_POLICY", program::COUNTER_POLICY as u64),
    ("FERRULE_MAX_PROGRAM_SIZE", limit::MAX_PROGRAM_SIZE as u64),
    ("FERRULE_MAX_SOURCE_SIZE", limit::MAX_SOURCE_SIZE as u64),
    ("FERRULE_MAX_INSNS", limit::MAX_INSNS as u64),
    ("FERRULE_MAX_STEPS", limit::MAX_STEPS as u64),
    ("FERRULE_MAX_DEPTH", limit::MAX_DEPTH as u64),
    ("FERRULE_MAX_CHAINS", limit::MAX_CHAINS as u64),
    ("FERRULE_MAX_BASE_CHAINS", limit::MAX_BASE_CHAINS as u64),
    ("FERRULE_MAX_PRIORITIES", limit::MAX_PRIORITIES as u64),
    ("FERRULE_MAX_RULES", limit::MAX_RULES as u64),
    ("FERRULE_MAX_COUNTERS", limit::MAX_COUNTERS as u64),
    ("FERRULE_LOAD_DRY_RUN", ioctl::LOAD_DRY_RUN as u64),
    ("FERRULE_RESET_COUNTERS", ioctl::RESET_COUNTERS as u64),
    ("FERRULE_RESET_HOOKS", ioctl::RESET_HOOKS as u64),
    ("FERRULE_GENERATION_ANY", ioctl::GENERATION_ANY),
    ("FERRULE_IOC_MAGIC", ioctl::IOC_MAGIC as u64),
    ("FERRULE_IOC_INFO", ioctl::IOC_INFO as u64),
    ("FERRULE_IOC_LOAD", ioctl::IOC_LOAD as u64),
    ("FERRULE_IOC_FLUSH", ioctl::IOC_FLUSH as u64),
    ("FERRULE_IOC_RESET", ioctl::IOC_RESET as u64),
    ("FERRULE_IOC_PROGRAM", ioctl::IOC_PROGRAM as u64),
    ("FERRULE_IOC_COUNTERS", ioctl::IOC_COUNTERS as u64),
    ("FERRULE_IOC_HOOKS", ioctl::IOC_HOOKS as u64),
    ("FERRULE_IOC_CHANGE_SETS", ioctl::IOC_CHANGE_SETS as u64),
    ("FERRULE_IOC_ELEMENTS", ioctl::IOC_ELEMENTS as u64),
    ("FERRULE_IOC_STATES", ioctl::IOC_STATES as u64),
    ("FERRULE_IOC_RESET_VALUE", ioctl::IOC_RESET_VALUE as u64),
    ("FERRULE_IOC_SUBSCRIBE", ioctl::IOC_SUBSCRIBE as u64),
    ("FERRULE_COUNTER_OBJECT", program::COUNTER_OBJECT as u64),
    ("FERRULE_RESET_STATES", ioctl::RESET_STATES as u64),
    ("FERRULE_READ_RESET", ioctl::READ_RESET as u64),
    ("FERRULE_READ_ONE", ioctl::READ_ONE as u64),
    ("FERRULE_ERROR_IN_BATCH", ioctl::ERROR_IN_BATCH as u64),
    ("FERRULE_QUEUE_BYPASS", insn::QUEUE_BYPASS as u64),
    ("FERRULE_QUEUE_FANOUT", insn::QUEUE_FANOUT as u64),
    ("FERRULE_EXPR_FLAG_PRESENT", expr::EXPR_PRESENT as u64),
    (
        "FERRULE_DIRECTION_ORIGINAL",
        expr::DIRECTION_ORIGINAL as u64,
    ),
    ("FERRULE_DIRECTION_REPLY", expr::DIRECTION_REPLY as u64),
    ("FERRULE_KEY_PARTS", set::KEY_PARTS as u64),
    ("FERRULE_KEY_BYTES", set::KEY_BYTES as u64),
    ("FERRULE_SET_FLAG_CONSTANT", set::SET_CONSTANT as u64),
    ("FERRULE_SET_FLAG_INTERVAL", set::SET_INTERVAL as u64),
    ("FERRULE_SET_FLAG_TIMEOUT", set::SET_TIMEOUT as u64),
    ("FERRULE_SET_FLAG_DYNAMIC", set::SET_DYNAMIC as u64),
    ("FERRULE_SET_FLAG_ANONYMOUS", set::SET_ANONYMOUS as u64),
    ("FERRULE_SET_FLAG_AUTO_MERGE", set::SET_AUTO_MERGE as u64),
    ("FERRULE_BATCH_MAGIC", set::BATCH_MAGIC as u64),
    ("FERRULE_SET_OP_EXCLUSIVE", set::SET_OP_EXCLUSIVE as u64),
    ("FERRULE_SET_OP_LENIENT", set::SET_OP_LENIENT as u64),
    ("FERRULE_CARRIES_END", set::CARRIES_END as u64),
    ("FERRULE_CARRIES_FLAGS", set::CARRIES_FLAGS as u64),
    ("FERRULE_CARRIES_DATA", set::CARRIES_DATA as u64),
    ("FERRULE_CARRIES_VERDICT", set::CARRIES_VERDICT as u64),
    ("FERRULE_CARRIES_TIMEOUT", set::CARRIES_TIMEOUT as u64),
    ("FERRULE_CARRIES_EXPIRES", set::CARRIES_EXPIRES as u64),
    ("FERRULE_CARRIES_COMMENT", set::CARRIES_COMMENT as u64),
    ("FERRULE_CARRIES_STATES", set::CARRIES_STATES as u64),
    (
        "FERRULE_ELEMENT_FLAG_CATCHALL",
        set::ELEMENT_CATCHALL as u64,
    ),
    ("FERRULE_ELEMENT_FLAG_STATIC", set::ELEMENT_STATIC as u64),
    (
        "FERRULE_STATEMENT_FLAG_BY_MAP",
        statement::STATEMENT_BY_MAP as u64,
    ),
    ("FERRULE_NO_FIELD", statement::NO_FIELD as u64),
    ("FERRULE_PAYLOAD_CSUM", statement::PAYLOAD_CSUM as u64),
    (
        "FERRULE_PAYLOAD_CSUM_PSEUDO",
        statement::PAYLOAD_CSUM_PSEUDO as u64,
    ),
    (
        "FERRULE_PAYLOAD_CSUM_SCTP",
        statement::PAYLOAD_CSUM_SCTP as u64,
    ),
    ("FERRULE_STATE_FLAG_INVERT", statement::STATE_INVERT as u64),
    ("FERRULE_STATE_FLAG_BYTES", statement::STATE_BYTES as u64),
    ("FERRULE_STATE_FLAG_OBJECT", statement::STATE_OBJECT as u64),
    (
        "FERRULE_STATE_FLAG_TEMPLATE",
        statement::STATE_TEMPLATE as u64,
    ),
    (
        "FERRULE_STATE_FLAG_INITIAL",
        statement::STATE_INITIAL as u64,
    ),
    (
        "FERRULE_STATE_FLAG_RULE_TEMPLATE",
        statement::STATE_RULE_TEMPLATE as u64,
    ),
    ("FERRULE_LOG_KERNEL", statement::LOG_KERNEL as u64),
    ("FERRULE_MAX_RECORDS", limit::MAX_RECORDS as u64),
    ("FERRULE_MAX_SETS", limit::MAX_SETS as u64),
    ("FERRULE_MAX_STATES", limit::MAX_STATES as u64),
    ("FERRULE_MAX_ELEMENTS", limit::MAX_ELEMENTS as u64),
    ("FERRULE_MAX_BATCH_SIZE", limit::MAX_BATCH_SIZE),
    ("FERRULE_CLASSIFIER_DIMS", classifier::DIMS as u64),
    ("FERRULE_CLASSIFIER_TREES", classifier::TREES as u64),
    (
        "FERRULE_CLASSIFIER_MAX_HEIGHT",
        classifier::MAX_HEIGHT as u64,
    ),
    (
        "FERRULE_CLASSIFIER_MAX_NODE_BITS",
        classifier::MAX_NODE_BITS as u64,
    ),
    ("FERRULE_POINTER_ENTRY", classifier::POINTER_ENTRY as u64),
    ("FERRULE_POINTER_INDEX", classifier::POINTER_INDEX as u64),
    ("FERRULE_NODE", classifier::NODE as u64),
    ("FERRULE_NODE_MASK", classifier::NODE_MASK as u64),
    ("FERRULE_NODE_HEAD", classifier::NODE_HEAD as u64),
    ("FERRULE_ENTRY_HEAD", classifier::ENTRY_HEAD as u64),
    ("FERRULE_ENTRY_LAST", classifier::ENTRY_LAST as u64),
    ("FERRULE_ENTRY_ASKED", classifier::ENTRY_ASKED as u64),
    (
        "FERRULE_CLASSIFIER_WORDS_ALIGN",
        classifier::WORDS_ALIGN as u64,
    ),
    ("FERRULE_MAX_CLASSIFIERS", limit::MAX_CLASSIFIERS as u64),
];
