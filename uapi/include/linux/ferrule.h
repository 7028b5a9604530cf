/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ABI between ferrule.ko and user space, for C programs.
 *
 * The Rust crate ferrule-uapi says the same, with more words; its tests prove that the two agree in
 * every size, alignment, offset and constant. Integers are in the byte order of the machine, no
 * structure has implicit padding, and reserved fields and unknown flags must be zero.
 */
#ifndef _UAPI_LINUX_FERRULE_H
#define _UAPI_LINUX_FERRULE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * The version of everything here. Carried by every program and every ioctl
 * argument.
 */
#define FERRULE_ABI_VERSION 1

/* "No such thing" in a field that holds an index. */
#define FERRULE_NONE 0xffffffffU

/* Path of the character device. */
#define FERRULE_DEVICE_PATH "/dev/ferrule"

/* Limits: what the module refuses for its size alone. */

/* Largest program, in bytes: 128 MiB. */
#define FERRULE_MAX_PROGRAM_SIZE (128U << 20)

/* Largest source section, in bytes: 64 MiB. */
#define FERRULE_MAX_SOURCE_SIZE (64U << 20)

/* Most instructions in a program. */
#define FERRULE_MAX_INSNS (4U << 20)

/*
 * Most instructions that one packet may cost on the longest path through a program. The
 * verifier works the path out and refuses a program that exceeds this.
 */
#define FERRULE_MAX_STEPS (4U << 20)

/*
 * Most calls (jump) that may be open at once; nftables' own limit
 * (NFT_JUMP_STACK_SIZE).
 */
#define FERRULE_MAX_DEPTH 16

/* Most chains. */
#define FERRULE_MAX_CHAINS (1U << 16)

/* Most base chains. */
#define FERRULE_MAX_BASE_CHAINS 1024

/*
 * Most different priorities that base chains may ask for at one (family, hook); netfilter
 * itself allows 1024 functions there.
 */
#define FERRULE_MAX_PRIORITIES 64

/* Most rules. */
#define FERRULE_MAX_RULES (1U << 20)

/* Most counters, those the compiler adds included. */
#define FERRULE_MAX_COUNTERS (1U << 21)

/* What programs and ioctls both talk about. */

/**
 * enum ferrule_family - a protocol family, as netfilter numbers them (NFPROTO_*)
 * @FERRULE_FAMILY_INET: IPv4 and IPv6 (NFPROTO_INET): a table's family, never a packet's
 * @FERRULE_FAMILY_IP: IPv4 (NFPROTO_IPV4)
 * @FERRULE_FAMILY_IP6: IPv6 (NFPROTO_IPV6)
 */
enum ferrule_family {
	FERRULE_FAMILY_INET = 1,
	FERRULE_FAMILY_IP = 2,
	FERRULE_FAMILY_IP6 = 10,
};

/* Bit of %FERRULE_FAMILY_IP in a set of families. */
#define FERRULE_FAMILY_BIT_IP 1

/* Bit of %FERRULE_FAMILY_IP6 in a set of families. */
#define FERRULE_FAMILY_BIT_IP6 2

/**
 * enum ferrule_hook - a place in the packet path (NF_INET_*)
 * @FERRULE_HOOK_PREROUTING: Before routing: everything received
 * @FERRULE_HOOK_INPUT: After routing, for packets to this host
 * @FERRULE_HOOK_FORWARD: After routing, for packets to others
 * @FERRULE_HOOK_OUTPUT: Packets from this host
 * @FERRULE_HOOK_POSTROUTING: Everything about to be sent
 */
enum ferrule_hook {
	FERRULE_HOOK_PREROUTING = 0,
	FERRULE_HOOK_INPUT = 1,
	FERRULE_HOOK_FORWARD = 2,
	FERRULE_HOOK_OUTPUT = 3,
	FERRULE_HOOK_POSTROUTING = 4,
};

/**
 * enum ferrule_chain_type - the type of a base chain
 * @FERRULE_CHAIN_FILTER: type filter
 * @FERRULE_CHAIN_NAT: type nat: reserved
 * @FERRULE_CHAIN_ROUTE: type route: reserved
 *
 * Only filter is run so far; the others are refused by name.
 */
enum ferrule_chain_type {
	FERRULE_CHAIN_FILTER = 0,
	FERRULE_CHAIN_NAT = 1,
	FERRULE_CHAIN_ROUTE = 2,
};

/**
 * enum ferrule_verdict - what becomes of a packet (NF_DROP, NF_ACCEPT)
 * @FERRULE_VERDICT_DROP: The packet ends here
 * @FERRULE_VERDICT_ACCEPT: The packet goes on to the next base chain, or on its way
 */
enum ferrule_verdict {
	FERRULE_VERDICT_DROP = 0,
	FERRULE_VERDICT_ACCEPT = 1,
};

/**
 * enum ferrule_error - why a program was refused
 * @FERRULE_ERROR_SIZE: Shorter than a header, or than the header says; or longer
 * @FERRULE_ERROR_MAGIC: It does not begin with the magic number: no program, or one for the
 *   other byte order
 * @FERRULE_ERROR_VERSION: Made for another version of the ABI
 * @FERRULE_ERROR_RESERVED: A reserved field, an unused operand, or a gap between sections is
 *   not zero
 * @FERRULE_ERROR_SECTION: A section is out of place, overlaps, is no multiple of its element's
 *   size, or is unknown
 * @FERRULE_ERROR_TOO_MANY: More elements than the limit allows
 * @FERRULE_ERROR_OPCODE: Unknown opcode
 * @FERRULE_ERROR_FIELD: Unknown field, or one of the wrong width for the instruction
 * @FERRULE_ERROR_TARGET: A match fails to a place that is not further on in its own chain
 * @FERRULE_ERROR_CHAIN_TARGET: A call or goto to something that is not the beginning of a later
 *   chain
 * @FERRULE_ERROR_UNTERMINATED: The last instruction of a chain does not end it
 * @FERRULE_ERROR_DEPTH: Calls nest deeper than the limit
 * @FERRULE_ERROR_STEPS: The longest path is longer than the limit
 * @FERRULE_ERROR_INDEX: An index that points past what it indexes
 * @FERRULE_ERROR_TABLE_KIND: Table of an unknown kind, or of the wrong one for the lookup
 * @FERRULE_ERROR_ORDER: Ranges that are empty, overlap, or do not ascend
 * @FERRULE_ERROR_NEVER: A match that can never hold: a value outside its mask, or a range that
 *   ends before it begins
 * @FERRULE_ERROR_CHAIN_ORDER: Chains that do not follow one another without a gap
 * @FERRULE_ERROR_HOOK: Unknown family, hook, chain type or policy
 * @FERRULE_ERROR_UNSUPPORTED: A chain type that is not run yet
 * @FERRULE_ERROR_IDENTITY: Counters whose identities do not ascend
 *
 * Zero is no error.
 */
enum ferrule_error {
	FERRULE_ERROR_SIZE = 1,
	FERRULE_ERROR_MAGIC = 2,
	FERRULE_ERROR_VERSION = 3,
	FERRULE_ERROR_RESERVED = 4,
	FERRULE_ERROR_SECTION = 5,
	FERRULE_ERROR_TOO_MANY = 6,
	FERRULE_ERROR_OPCODE = 7,
	FERRULE_ERROR_FIELD = 8,
	FERRULE_ERROR_TARGET = 9,
	FERRULE_ERROR_CHAIN_TARGET = 10,
	FERRULE_ERROR_UNTERMINATED = 11,
	FERRULE_ERROR_DEPTH = 12,
	FERRULE_ERROR_STEPS = 13,
	FERRULE_ERROR_INDEX = 14,
	FERRULE_ERROR_TABLE_KIND = 15,
	FERRULE_ERROR_ORDER = 16,
	FERRULE_ERROR_NEVER = 17,
	FERRULE_ERROR_CHAIN_ORDER = 18,
	FERRULE_ERROR_HOOK = 19,
	FERRULE_ERROR_UNSUPPORTED = 20,
	FERRULE_ERROR_IDENTITY = 21,
};

/* The program: one blob, a header and its sections. */

/*
 * The first four bytes of a program, as a number: "FRUL" on a little-endian machine. A
 * program made for the other byte order is refused by it.
 */
#define FERRULE_MAGIC 0x4c555246U

/* How many sections a header describes. */
#define FERRULE_SECTIONS 16

/* Alignment of a section's beginning, in bytes. */
#define FERRULE_SECTION_ALIGN 8

/**
 * enum ferrule_section_id - index of a section in the header
 * @FERRULE_SECTION_INSNS: The code
 * @FERRULE_SECTION_RANGES32: Ranges of 32-bit numbers
 * @FERRULE_SECTION_WIDE_PAIRS: Pairs of 128-bit numbers
 * @FERRULE_SECTION_TABLES: Lookup structures
 * @FERRULE_SECTION_CHAINS: Chains
 * @FERRULE_SECTION_BASE_CHAINS: Base chains
 * @FERRULE_SECTION_RULES: Rules
 * @FERRULE_SECTION_COUNTERS: Counters
 * @FERRULE_SECTION_STRINGS: Names
 * @FERRULE_SECTION_SOURCE: The ruleset as text
 */
enum ferrule_section_id {
	FERRULE_SECTION_INSNS = 0,
	FERRULE_SECTION_RANGES32 = 1,
	FERRULE_SECTION_WIDE_PAIRS = 2,
	FERRULE_SECTION_TABLES = 3,
	FERRULE_SECTION_CHAINS = 4,
	FERRULE_SECTION_BASE_CHAINS = 5,
	FERRULE_SECTION_RULES = 6,
	FERRULE_SECTION_COUNTERS = 7,
	FERRULE_SECTION_STRINGS = 8,
	FERRULE_SECTION_SOURCE = 9,
};

/**
 * struct ferrule_section - where a section is
 * @offset: Offset from the beginning of the program, in bytes
 * @size: Size in bytes: a multiple of its element's
 */
struct ferrule_section {
	__u32 offset;
	__u32 size;
};

/**
 * struct ferrule_header - the beginning of a program
 * @magic: %FERRULE_MAGIC
 * @version: %FERRULE_ABI_VERSION
 * @size: Size of the whole program in bytes
 * @flags: No flag is defined: zero
 * @next_handle: The next handle that whoever changes this ruleset is to give out. At least 1
 * @reserved: Zero
 * @sections: By enum ferrule_section_id
 */
struct ferrule_header {
	__u32 magic;
	__u32 version;
	__u32 size;
	__u32 flags;
	__u64 next_handle;
	__u64 reserved[4];
	struct ferrule_section sections[FERRULE_SECTIONS];
};

/**
 * struct ferrule_text - a piece of the strings or of the source section
 * @offset: Offset from the beginning of that section, in bytes
 * @len: Length in bytes
 */
struct ferrule_text {
	__u32 offset;
	__u32 len;
};

/* Code. */

/**
 * enum ferrule_opcode - what an instruction does
 * @FERRULE_OP_MATCH_MASK: Narrow field: go on if field & a == b, else to target
 * @FERRULE_OP_MATCH_RANGE: Narrow field: go on if a <= field <= b, else to target
 * @FERRULE_OP_MATCH_WIDE_MASK: Wide field: go on if field & lo == hi of wide pair a, else to
 *   target. b is 0
 * @FERRULE_OP_MATCH_WIDE_RANGE: Wide field: go on if lo <= field <= hi of wide pair a, else to
 *   target. b is 0
 * @FERRULE_OP_LOOKUP: Narrow field: go on if table a holds field & b, else to target
 * @FERRULE_OP_LOOKUP_WIDE: Wide field: go on if table a holds field & lo of wide pair b, else
 *   to target
 * @FERRULE_OP_COUNT: Add the packet to counter a
 * @FERRULE_OP_SET_MARK: Set the packet's mark to (mark & a) ^ b
 * @FERRULE_OP_ACCEPT: End this base chain: accept. Rule a decided; counter b, or none, counts
 *   it
 * @FERRULE_OP_DROP: End everything: drop. Rule a decided; counter b, or none, counts it
 * @FERRULE_OP_CALL: Remember the next instruction, then go to the chain that begins at target.
 *   Rule a
 * @FERRULE_OP_GOTO: Go to the chain that begins at target. Rule a
 * @FERRULE_OP_RETURN: Go back to what the last call remembered; if there is none, the base
 *   chain's policy decides. Rule a, or none at the end of a chain
 *
 * Zero is no instruction.
 */
enum ferrule_opcode {
	FERRULE_OP_MATCH_MASK = 1,
	FERRULE_OP_MATCH_RANGE = 2,
	FERRULE_OP_MATCH_WIDE_MASK = 3,
	FERRULE_OP_MATCH_WIDE_RANGE = 4,
	FERRULE_OP_LOOKUP = 5,
	FERRULE_OP_LOOKUP_WIDE = 6,
	FERRULE_OP_COUNT = 7,
	FERRULE_OP_SET_MARK = 8,
	FERRULE_OP_ACCEPT = 9,
	FERRULE_OP_DROP = 10,
	FERRULE_OP_CALL = 11,
	FERRULE_OP_GOTO = 12,
	FERRULE_OP_RETURN = 13,
};

/**
 * enum ferrule_field - a field of the key
 * @FERRULE_FIELD_META_NFPROTO: meta nfproto: NFPROTO_IPV4 or NFPROTO_IPV6
 * @FERRULE_FIELD_META_L4PROTO: meta l4proto: the transport protocol, after IPv6 extension
 *   headers
 * @FERRULE_FIELD_META_PROTOCOL: meta protocol: the EtherType in skb->protocol
 * @FERRULE_FIELD_META_LENGTH: meta length: bytes from the network header on (skb->len)
 * @FERRULE_FIELD_META_MARK: meta mark
 * @FERRULE_FIELD_META_IIF: iif: index of the receiving interface, 0 if there is none
 * @FERRULE_FIELD_META_OIF: oif: index of the sending interface, 0 if there is none
 * @FERRULE_FIELD_META_PKTTYPE: meta pkttype: PACKET_* of linux/if_packet.h
 * @FERRULE_FIELD_IP_VERSION: ip version: the four bits
 * @FERRULE_FIELD_IP_HDRLENGTH: ip hdrlength: in units of 4 bytes
 * @FERRULE_FIELD_IP_DSCP: ip dscp: the six bits
 * @FERRULE_FIELD_IP_ECN: ip ecn: the two bits
 * @FERRULE_FIELD_IP_LENGTH: ip length: total length in bytes
 * @FERRULE_FIELD_IP_ID: ip id
 * @FERRULE_FIELD_IP_FRAG_OFF: ip frag-off: the 16 bits, flags included
 * @FERRULE_FIELD_IP_TTL: ip ttl
 * @FERRULE_FIELD_IP_PROTOCOL: ip protocol
 * @FERRULE_FIELD_IP_CHECKSUM: ip checksum
 * @FERRULE_FIELD_IP_SADDR: ip saddr
 * @FERRULE_FIELD_IP_DADDR: ip daddr
 * @FERRULE_FIELD_IP6_VERSION: ip6 version: the four bits
 * @FERRULE_FIELD_IP6_DSCP: ip6 dscp: the six bits
 * @FERRULE_FIELD_IP6_ECN: ip6 ecn: the two bits
 * @FERRULE_FIELD_IP6_FLOWLABEL: ip6 flowlabel: the 20 bits
 * @FERRULE_FIELD_IP6_LENGTH: ip6 length: payload length in bytes
 * @FERRULE_FIELD_IP6_NEXTHDR: ip6 nexthdr: of the fixed header
 * @FERRULE_FIELD_IP6_HOPLIMIT: ip6 hoplimit
 * @FERRULE_FIELD_TH_SPORT: th sport: the first two bytes of whatever transport header there is
 * @FERRULE_FIELD_TH_DPORT: th dport: the next two
 * @FERRULE_FIELD_TCP_SPORT: tcp sport
 * @FERRULE_FIELD_TCP_DPORT: tcp dport
 * @FERRULE_FIELD_TCP_FLAGS: tcp flags: the eight bits
 * @FERRULE_FIELD_UDP_SPORT: udp sport
 * @FERRULE_FIELD_UDP_DPORT: udp dport
 * @FERRULE_FIELD_ICMP_TYPE: icmp type
 * @FERRULE_FIELD_ICMP_CODE: icmp code
 * @FERRULE_FIELD_ICMPV6_TYPE: icmpv6 type
 * @FERRULE_FIELD_ICMPV6_CODE: icmpv6 code
 * @FERRULE_FIELD_IP6_SADDR: ip6 saddr: wide
 * @FERRULE_FIELD_IP6_DADDR: ip6 daddr: wide
 * @FERRULE_FIELD_META_IIFNAME: iifname: wide; empty if there is no receiving interface
 * @FERRULE_FIELD_META_OIFNAME: oifname: wide; empty if there is no sending interface
 */
enum ferrule_field {
	FERRULE_FIELD_META_NFPROTO = 0,
	FERRULE_FIELD_META_L4PROTO = 1,
	FERRULE_FIELD_META_PROTOCOL = 2,
	FERRULE_FIELD_META_LENGTH = 3,
	FERRULE_FIELD_META_MARK = 4,
	FERRULE_FIELD_META_IIF = 5,
	FERRULE_FIELD_META_OIF = 6,
	FERRULE_FIELD_META_PKTTYPE = 7,
	FERRULE_FIELD_IP_VERSION = 8,
	FERRULE_FIELD_IP_HDRLENGTH = 9,
	FERRULE_FIELD_IP_DSCP = 10,
	FERRULE_FIELD_IP_ECN = 11,
	FERRULE_FIELD_IP_LENGTH = 12,
	FERRULE_FIELD_IP_ID = 13,
	FERRULE_FIELD_IP_FRAG_OFF = 14,
	FERRULE_FIELD_IP_TTL = 15,
	FERRULE_FIELD_IP_PROTOCOL = 16,
	FERRULE_FIELD_IP_CHECKSUM = 17,
	FERRULE_FIELD_IP_SADDR = 18,
	FERRULE_FIELD_IP_DADDR = 19,
	FERRULE_FIELD_IP6_VERSION = 20,
	FERRULE_FIELD_IP6_DSCP = 21,
	FERRULE_FIELD_IP6_ECN = 22,
	FERRULE_FIELD_IP6_FLOWLABEL = 23,
	FERRULE_FIELD_IP6_LENGTH = 24,
	FERRULE_FIELD_IP6_NEXTHDR = 25,
	FERRULE_FIELD_IP6_HOPLIMIT = 26,
	FERRULE_FIELD_TH_SPORT = 27,
	FERRULE_FIELD_TH_DPORT = 28,
	FERRULE_FIELD_TCP_SPORT = 29,
	FERRULE_FIELD_TCP_DPORT = 30,
	FERRULE_FIELD_TCP_FLAGS = 31,
	FERRULE_FIELD_UDP_SPORT = 32,
	FERRULE_FIELD_UDP_DPORT = 33,
	FERRULE_FIELD_ICMP_TYPE = 34,
	FERRULE_FIELD_ICMP_CODE = 35,
	FERRULE_FIELD_ICMPV6_TYPE = 36,
	FERRULE_FIELD_ICMPV6_CODE = 37,
	FERRULE_FIELD_IP6_SADDR = 56,
	FERRULE_FIELD_IP6_DADDR = 57,
	FERRULE_FIELD_META_IIFNAME = 58,
	FERRULE_FIELD_META_OIFNAME = 59,
};

/* The match holds when the comparison does not. An absent field still matches nothing. */
#define FERRULE_INSN_NEGATE 1

/**
 * struct ferrule_insn - one instruction
 * @opcode: An enum ferrule_opcode
 * @field: An enum ferrule_field, for matches and lookups
 * @flags: %FERRULE_INSN_NEGATE
 * @target: Where to go: when a match fails (the next rule), or the chain that is called
 * @a: First operand
 * @b: Second operand
 *
 * What an opcode does not use must be zero.
 */
struct ferrule_insn {
	__u8 opcode;
	__u8 field;
	__u16 flags;
	__u32 target;
	__u32 a;
	__u32 b;
};

/* Constants of the code, and records of what it came from. */

/**
 * struct ferrule_range32 - numbers from lo to hi, both included
 * @lo: The least
 * @hi: The greatest
 */
struct ferrule_range32 {
	__u32 lo;
	__u32 hi;
};

/**
 * struct ferrule_wide - a 128-bit number
 * @hi: The more significant half
 * @lo: The less significant half
 */
struct ferrule_wide {
	__u64 hi;
	__u64 lo;
};

/**
 * struct ferrule_range_wide - numbers from lo to hi, both included; or a mask (lo) and a
 *   value (hi)
 * @lo: The least, or the mask
 * @hi: The greatest, or the value
 */
struct ferrule_range_wide {
	struct ferrule_wide lo;
	struct ferrule_wide hi;
};

/**
 * enum ferrule_table_kind - how a constant table is looked up
 * @FERRULE_TABLE_RANGES32: Binary search in ascending, disjoint struct ferrule_range32
 * @FERRULE_TABLE_RANGES_WIDE: Binary search in ascending, disjoint struct ferrule_range_wide
 */
enum ferrule_table_kind {
	FERRULE_TABLE_RANGES32 = 1,
	FERRULE_TABLE_RANGES_WIDE = 2,
};

/**
 * struct ferrule_table - a constant lookup structure
 * @kind: An enum ferrule_table_kind
 * @reserved: Zero
 * @first: Index of its first range in the section that its kind says
 * @count: How many ranges. At least 1
 *
 * Tables of one kind lie one after another, without overlap, in the order of this section.
 */
struct ferrule_table {
	__u8 kind;
	__u8 reserved[3];
	__u32 first;
	__u32 count;
};

/**
 * struct ferrule_chain - a chain
 * @handle: nft's handle
 * @table: Name of its table, in the strings section
 * @name: Name, in the strings section
 * @first_insn: Index of its first instruction: where the chain before it ends
 * @insn_count: How many instructions. At least 1; the last one ends the chain
 * @family: enum ferrule_family of its table
 * @reserved: Zero
 */
struct ferrule_chain {
	__u64 handle;
	struct ferrule_text table;
	struct ferrule_text name;
	__u32 first_insn;
	__u32 insn_count;
	__u8 family;
	__u8 reserved[7];
};

/**
 * struct ferrule_base_chain - a base chain
 * @chain: Index of its chain
 * @priority: Priority: lower runs earlier
 * @hook: enum ferrule_hook
 * @families: The packet families that it sees: FERRULE_FAMILY_BIT_* of its table
 * @policy: enum ferrule_verdict where no rule decides
 * @kind: enum ferrule_chain_type
 * @counter: Counter of what the policy dropped, or %FERRULE_NONE
 *
 * Those at one hook and priority run in the order of this section.
 */
struct ferrule_base_chain {
	__u32 chain;
	__s32 priority;
	__u8 hook;
	__u8 families;
	__u8 policy;
	__u8 kind;
	__u32 counter;
};

/**
 * struct ferrule_rule - a rule: what to call it, and where it came from
 * @handle: nft's handle, unique in the ruleset
 * @source: Its text in the source section
 * @file: Name of the file that it was read from, in the strings section; may be empty
 * @line: Line in that file, from 1; 0 if unknown
 * @chain: Index of its chain
 * @first_insn: Index of its first instruction, for listings
 * @insn_count: How many instructions, for listings
 */
struct ferrule_rule {
	__u64 handle;
	struct ferrule_text source;
	struct ferrule_text file;
	__u32 line;
	__u32 chain;
	__u32 first_insn;
	__u32 insn_count;
};

/*
 * &ferrule_counter.flags: no counter statement stands for it; the compiler counts what a
 * rule or a policy drops.
 */
#define FERRULE_COUNTER_IMPLICIT 1

/* &ferrule_counter.flags: begins with packets and bytes, not with what it had before. */
#define FERRULE_COUNTER_INITIAL 2

/* &ferrule_counter.flags: &ferrule_counter.owner is a base chain, not a rule. */
#define FERRULE_COUNTER_POLICY 4

/**
 * struct ferrule_counter - a counter
 * @identity: Identity: strictly ascending in the section
 * @packets: Packets to begin with; 0 without %FERRULE_COUNTER_INITIAL
 * @bytes: Bytes to begin with; 0 without %FERRULE_COUNTER_INITIAL
 * @owner: Index of the rule, or of the base chain, that it belongs to
 * @flags: %FERRULE_COUNTER_IMPLICIT, %FERRULE_COUNTER_INITIAL, %FERRULE_COUNTER_POLICY
 *
 * Its values are state, not program: they are kept from one generation to the next as long as
 * the new program has a counter of the same identity.
 */
struct ferrule_counter {
	__u64 identity;
	__u64 packets;
	__u64 bytes;
	__u32 owner;
	__u32 flags;
};

/* Arguments of the ioctls. */

/* "Whatever the generation is" in an expected generation. */
#define FERRULE_GENERATION_ANY 0

/**
 * struct ferrule_info - what is loaded
 * @size: Size of this structure
 * @version: %FERRULE_ABI_VERSION
 * @generation: Out: generation of the published ruleset. The first, empty one is 1
 * @program_size: Out: size of the published program in bytes; 0 if the ruleset is empty
 * @source_size: Out: size of its source section in bytes
 * @insns: Out: instructions
 * @chains: Out: chains
 * @base_chains: Out: base chains
 * @rules: Out: rules
 * @counters: Out: counters
 * @hooks: Out: hook functions registered in this namespace
 * @max_steps: Out: most instructions that one packet may cost at one base chain
 * @cpus: Out: possible CPUs, each with counters of its own
 * @published_at: Out: when the ruleset was published, in nanoseconds since the epoch
 * @published_uid: Out: user of whoever published it, as seen from the reader's user namespace
 * @published_pid: Out: process (thread group) that published it, as in the initial PID
 *   namespace
 * @reserved: Zero
 *
 * Argument of %FERRULE_IOC_INFO.
 */
struct ferrule_info {
	__u32 size;
	__u32 version;
	__u64 generation;
	__u32 program_size;
	__u32 source_size;
	__u32 insns;
	__u32 chains;
	__u32 base_chains;
	__u32 rules;
	__u32 counters;
	__u32 hooks;
	__u32 max_steps;
	__u32 cpus;
	__u64 published_at;
	__u32 published_uid;
	__u32 published_pid;
	__u64 reserved[4];
};

/* &ferrule_load.flags: verify and say what would happen; change nothing. */
#define FERRULE_LOAD_DRY_RUN 1

/**
 * struct ferrule_load - a ruleset to publish
 * @size: Size of this structure
 * @version: %FERRULE_ABI_VERSION
 * @flags: %FERRULE_LOAD_DRY_RUN
 * @reserved: Zero
 * @expected_generation: Refuse (ESTALE) unless this generation is the published one;
 *   %FERRULE_GENERATION_ANY
 * @program: Address of the program
 * @program_size: Its size in bytes
 * @generation: Out: the new generation, or the present one after a dry run
 * @error_code: Out: an enum ferrule_error if the program was refused, else 0
 * @error_section: Out: enum ferrule_section_id of what was refused, or %FERRULE_NONE
 * @error_index: Out: index of the element in that section
 * @reserved2: Zero
 *
 * Argument of %FERRULE_IOC_LOAD.
 */
struct ferrule_load {
	__u32 size;
	__u32 version;
	__u32 flags;
	__u32 reserved;
	__u64 expected_generation;
	__u64 program;
	__u64 program_size;
	__u64 generation;
	__u32 error_code;
	__u32 error_section;
	__u32 error_index;
	__u32 reserved2;
};

/* &ferrule_change.flags of %FERRULE_IOC_RESET: the counters of rules and policies. */
#define FERRULE_RESET_COUNTERS 1

/* &ferrule_change.flags of %FERRULE_IOC_RESET: the counters of hooks. */
#define FERRULE_RESET_HOOKS 2

/**
 * struct ferrule_change - argument of %FERRULE_IOC_FLUSH and %FERRULE_IOC_RESET
 * @size: Size of this structure
 * @version: %FERRULE_ABI_VERSION
 * @flags: For %FERRULE_IOC_RESET: %FERRULE_RESET_COUNTERS, %FERRULE_RESET_HOOKS, at least one
 * @reserved: Zero
 * @expected_generation: Refuse (ESTALE) unless this generation is the published one;
 *   %FERRULE_GENERATION_ANY
 * @generation: Out: the generation after the change
 */
struct ferrule_change {
	__u32 size;
	__u32 version;
	__u32 flags;
	__u32 reserved;
	__u64 expected_generation;
	__u64 generation;
};

/**
 * struct ferrule_read - argument of %FERRULE_IOC_PROGRAM (bytes), %FERRULE_IOC_COUNTERS (struct
 *   ferrule_counter_value) and %FERRULE_IOC_HOOKS (struct ferrule_hook_value)
 * @size: Size of this structure
 * @version: %FERRULE_ABI_VERSION
 * @flags: No flag is defined: zero
 * @reserved: Zero
 * @expected_generation: Refuse (ESTALE) unless this generation is the published one;
 *   %FERRULE_GENERATION_ANY
 * @buffer: Address of the buffer
 * @capacity: How many elements fit there
 * @count: Out: how many elements there are (written with ENOSPC too)
 * @generation: Out: the generation that they belong to
 */
struct ferrule_read {
	__u32 size;
	__u32 version;
	__u32 flags;
	__u32 reserved;
	__u64 expected_generation;
	__u64 buffer;
	__u64 capacity;
	__u64 count;
	__u64 generation;
};

/**
 * struct ferrule_counter_value - value of a counter, in the order of the program's counters
 *   section
 * @packets: Packets
 * @bytes: Bytes, from the network header on
 */
struct ferrule_counter_value {
	__u64 packets;
	__u64 bytes;
};

/**
 * struct ferrule_hook_value - a registered hook function, and what passed it since the
 *   namespace began or was reset
 * @family: enum ferrule_family: ip or ip6
 * @hook: enum ferrule_hook
 * @reserved: Zero
 * @priority: Priority
 * @base_chains: Base chains that run here now
 * @reserved2: Zero
 * @packets: Packets that came
 * @bytes: Their bytes, from the network header on
 * @accepted: Packets that went on
 * @dropped: Packets that ended here
 */
struct ferrule_hook_value {
	__u8 family;
	__u8 hook;
	__u16 reserved;
	__s32 priority;
	__u32 base_chains;
	__u32 reserved2;
	__u64 packets;
	__u64 bytes;
	__u64 accepted;
	__u64 dropped;
};

/* The ioctl type of all of them; 0xF7 is unused in the kernel's ioctl-number.rst. */
#define FERRULE_IOC_MAGIC 0xf7

/* Says what is loaded: struct ferrule_info. */
#define FERRULE_IOC_INFO _IOWR(FERRULE_IOC_MAGIC, 0, struct ferrule_info)

/* Publishes a ruleset: struct ferrule_load. */
#define FERRULE_IOC_LOAD _IOWR(FERRULE_IOC_MAGIC, 1, struct ferrule_load)

/* Publishes the empty ruleset: struct ferrule_change. */
#define FERRULE_IOC_FLUSH _IOWR(FERRULE_IOC_MAGIC, 2, struct ferrule_change)

/* Sets counters to zero: struct ferrule_change. */
#define FERRULE_IOC_RESET _IOWR(FERRULE_IOC_MAGIC, 3, struct ferrule_change)

/* Gives the published program back, byte by byte as it was loaded: struct ferrule_read. */
#define FERRULE_IOC_PROGRAM _IOWR(FERRULE_IOC_MAGIC, 4, struct ferrule_read)

/* Gives the counters' values: struct ferrule_read of struct ferrule_counter_value. */
#define FERRULE_IOC_COUNTERS _IOWR(FERRULE_IOC_MAGIC, 5, struct ferrule_read)

/*
 * Gives the registered hook functions and their counters: struct ferrule_read of struct
 * ferrule_hook_value.
 */
#define FERRULE_IOC_HOOKS _IOWR(FERRULE_IOC_MAGIC, 6, struct ferrule_read)

#endif /* _UAPI_LINUX_FERRULE_H */
