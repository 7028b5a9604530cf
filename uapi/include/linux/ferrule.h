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
#define FERRULE_ABI_VERSION 3

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

/* Most calls (jump) that may be open at once; nftables' own limit (NFT_JUMP_STACK_SIZE). */
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

/* Most expressions, keys, statements, targets, objects and logs: of each. */
#define FERRULE_MAX_RECORDS (1U << 20)

/* Most sets and maps, anonymous ones included. */
#define FERRULE_MAX_SETS (1U << 16)

/* Most states, templates included. */
#define FERRULE_MAX_STATES (1U << 20)

/* Most elements of a set. */
#define FERRULE_MAX_ELEMENTS (16U << 20)

/* Largest batch, in bytes: 1 GiB. */
#define FERRULE_MAX_BATCH_SIZE (1ULL << 30)
/* Most classifiers. */
#define FERRULE_MAX_CLASSIFIERS (1U << 16)

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

/* Bit of %FERRULE_FAMILY_IP in a set of families. */
#define FERRULE_FAMILY_BIT_IP 1

/* Bit of %FERRULE_FAMILY_IP6 in a set of families. */
#define FERRULE_FAMILY_BIT_IP6 2

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
 * @FERRULE_ERROR_IDENTITY: Counters, sets, states or objects whose identities do not ascend
 * @FERRULE_ERROR_EXPR: An expression of an unknown kind or key, or with operands out of range
 * @FERRULE_ERROR_KEY: A key whose parts are no fields, or do not add up to its length, or do
 *   not fit the set
 * @FERRULE_ERROR_SET: A set of an unknown kind, with flags that contradict each other, or whose
 *   shape does not add up
 * @FERRULE_ERROR_STATEMENT: A statement, state, object or log of an unknown kind, or with
 *   operands out of range
 * @FERRULE_ERROR_BATCH: A batch that is malformed, or names a set that is not there
 * @FERRULE_ERROR_ELEMENT: An element that does not fit its set: key, data, verdict, timeout
 * @FERRULE_ERROR_EXISTS: An element that is there already, with other data or not to be there
 * @FERRULE_ERROR_MISSING: An element that is not there
 * @FERRULE_ERROR_OVERLAP: An interval that overlaps another
 * @FERRULE_ERROR_FULL: A set that is full
 * @FERRULE_ERROR_CONSTANT: A set whose elements do not change
 * @FERRULE_ERROR_ENVIRONMENT: What the kernel it is for cannot do (a module is missing, an
 *   option is off)
 *
 * Zero is no error.
 * @FERRULE_ERROR_CLASSIFIER: A classifier whose dimensions, trees, leaves or entries do not add up
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
	FERRULE_ERROR_EXPR = 22,
	FERRULE_ERROR_KEY = 23,
	FERRULE_ERROR_SET = 24,
	FERRULE_ERROR_STATEMENT = 25,
	FERRULE_ERROR_BATCH = 26,
	FERRULE_ERROR_ELEMENT = 27,
	FERRULE_ERROR_EXISTS = 28,
	FERRULE_ERROR_MISSING = 29,
	FERRULE_ERROR_OVERLAP = 30,
	FERRULE_ERROR_FULL = 31,
	FERRULE_ERROR_CONSTANT = 32,
	FERRULE_ERROR_ENVIRONMENT = 33,
	FERRULE_ERROR_CLASSIFIER = 34,
};

/* The program: one blob, a header and its sections. */

/*
 * The first four bytes of a program, as a number: "FRUL" on a little-endian machine. A
 * program made for the other byte order is refused by it.
 */
#define FERRULE_MAGIC 0x4c555246U

/* How many sections a header describes. */
#define FERRULE_SECTIONS 24

/* Alignment of a section's beginning, in bytes. */
#define FERRULE_SECTION_ALIGN 32

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
 * @FERRULE_SECTION_EXPRS: Expressions
 * @FERRULE_SECTION_KEYS: Keys
 * @FERRULE_SECTION_SETS: Sets and maps
 * @FERRULE_SECTION_TARGETS: Targets of verdict maps
 * @FERRULE_SECTION_STATEMENTS: Statements
 * @FERRULE_SECTION_STATES: States
 * @FERRULE_SECTION_OBJECTS: Objects
 * @FERRULE_SECTION_LOGS: Logs
 * @FERRULE_SECTION_CLASSIFIERS: Classifiers
 * @FERRULE_SECTION_WORDS: Words of classifiers
 * @FERRULE_SECTION_ORIGINS: Files that rules were read from
 * @FERRULE_SECTION_INITIALS: What counters begin with
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
	FERRULE_SECTION_EXPRS = 10,
	FERRULE_SECTION_KEYS = 11,
	FERRULE_SECTION_SETS = 12,
	FERRULE_SECTION_TARGETS = 13,
	FERRULE_SECTION_STATEMENTS = 14,
	FERRULE_SECTION_STATES = 15,
	FERRULE_SECTION_OBJECTS = 16,
	FERRULE_SECTION_LOGS = 17,
	FERRULE_SECTION_CLASSIFIERS = 18,
	FERRULE_SECTION_WORDS = 19,
	FERRULE_SECTION_ORIGINS = 20,
	FERRULE_SECTION_INITIALS = 21,
};

/*
 * &ferrule_header.flags: the source section is the text's length in bytes, as a 32-bit number
 * of the machine's byte order, and the text as one LZ4 block; not the text itself.
 */
#define FERRULE_PROGRAM_SOURCE_LZ4 1

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
 * @flags: %FERRULE_PROGRAM_SOURCE_LZ4
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
 * struct ferrule_text - a piece of the strings section
 * @offset: Offset from the beginning of that section, in bytes
 * @len: Length in bytes
 */
struct ferrule_text {
	__u32 offset;
	__u32 len;
};

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
 * struct ferrule_range_wide - numbers from lo to hi, both included; or a mask (lo) and a value
 *   (hi)
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
 * struct ferrule_rule - a rule: what to call it
 * @handle: nft's handle, unique in the ruleset
 * @first_insn: Index of its first instruction, or of the one behind it if it has none: never
 *   less than that of the rule before it
 * @line: Line in the file that it was read from, from 1; 0 if unknown
 *
 * Its text is the line of the source that ends in its handle; its chain is the one that its
 * first instruction is in.
 */
struct ferrule_rule {
	__u64 handle;
	__u32 first_insn;
	__u32 line;
};

/**
 * struct ferrule_origin - where rules were read from: these and all that follow, up to the
 *   first of the next origin
 * @first_rule: Index of the first rule: ascending
 * @file: Name of the file, in the strings section; may be empty
 */
struct ferrule_origin {
	__u32 first_rule;
	struct ferrule_text file;
};

/*
 * &ferrule_counter.flags: no counter statement stands for it; the compiler counts what a
 * rule or a policy drops.
 */
#define FERRULE_COUNTER_IMPLICIT 1

/* &ferrule_counter.flags: begins with what a &ferrule_initial says, not with what it had before. */
#define FERRULE_COUNTER_INITIAL 2

/* &ferrule_counter.flags: &ferrule_counter.owner is a base chain, not a rule. */
#define FERRULE_COUNTER_POLICY 4

/* &ferrule_counter.flags: &ferrule_counter.owner is an object, not a rule. */
#define FERRULE_COUNTER_OBJECT 8

/**
 * struct ferrule_counter - a counter
 * @identity: Identity: strictly ascending in the section
 * @owner: Index of the rule, of the base chain, or of the object, that it belongs to
 * @flags: %FERRULE_COUNTER_IMPLICIT, %FERRULE_COUNTER_INITIAL, %FERRULE_COUNTER_POLICY,
 *   %FERRULE_COUNTER_OBJECT
 *
 * Its values are state, not program: they are kept from one generation to the next as long as
 * the new program has a counter of the same identity.
 */
struct ferrule_counter {
	__u64 identity;
	__u32 owner;
	__u32 flags;
};

/**
 * struct ferrule_initial - what a counter begins with that has %FERRULE_COUNTER_INITIAL
 * @packets: Packets
 * @bytes: Bytes
 * @counter: Index of the counter: ascending
 * @reserved: Zero
 */
struct ferrule_initial {
	__u64 packets;
	__u64 bytes;
	__u32 counter;
	__u32 reserved;
};

/* Code. */

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
 * @FERRULE_FIELD_REG0: Register 0: narrow; written by instructions only
 * @FERRULE_FIELD_REG1: Register 1: narrow; written by instructions only
 * @FERRULE_FIELD_REG2: Register 2: narrow; written by instructions only
 * @FERRULE_FIELD_REG3: Register 3: narrow; written by instructions only
 * @FERRULE_FIELD_REG4: Register 4: narrow; written by instructions only
 * @FERRULE_FIELD_REG5: Register 5: narrow; written by instructions only
 * @FERRULE_FIELD_REG6: Register 6: narrow; written by instructions only
 * @FERRULE_FIELD_REG7: Register 7: narrow; written by instructions only
 * @FERRULE_FIELD_REG8: Register 8: narrow; written by instructions only
 * @FERRULE_FIELD_REG9: Register 9: narrow; written by instructions only
 * @FERRULE_FIELD_IP6_SADDR: ip6 saddr: wide
 * @FERRULE_FIELD_IP6_DADDR: ip6 daddr: wide
 * @FERRULE_FIELD_META_IIFNAME: iifname: wide; empty if there is no receiving interface
 * @FERRULE_FIELD_META_OIFNAME: oifname: wide; empty if there is no sending interface
 * @FERRULE_FIELD_WIDE0: Wide register 0; written by instructions only
 * @FERRULE_FIELD_WIDE1: Wide register 1; written by instructions only
 * @FERRULE_FIELD_WIDE2: Wide register 2; written by instructions only
 * @FERRULE_FIELD_WIDE3: Wide register 3; written by instructions only
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
	FERRULE_FIELD_REG0 = 46,
	FERRULE_FIELD_REG1 = 47,
	FERRULE_FIELD_REG2 = 48,
	FERRULE_FIELD_REG3 = 49,
	FERRULE_FIELD_REG4 = 50,
	FERRULE_FIELD_REG5 = 51,
	FERRULE_FIELD_REG6 = 52,
	FERRULE_FIELD_REG7 = 53,
	FERRULE_FIELD_REG8 = 54,
	FERRULE_FIELD_REG9 = 55,
	FERRULE_FIELD_IP6_SADDR = 56,
	FERRULE_FIELD_IP6_DADDR = 57,
	FERRULE_FIELD_META_IIFNAME = 58,
	FERRULE_FIELD_META_OIFNAME = 59,
	FERRULE_FIELD_WIDE0 = 60,
	FERRULE_FIELD_WIDE1 = 61,
	FERRULE_FIELD_WIDE2 = 62,
	FERRULE_FIELD_WIDE3 = 63,
};

/**
 * struct ferrule_insn - one instruction
 * @opcode: An enum ferrule_opcode
 * @field: An enum ferrule_field: what is compared, or the register that is written
 * @flags: %FERRULE_INSN_NEGATE for matches; for calculations the source fields (low byte the
 *   first, high byte the second)
 * @target: Where to go: when a match fails or a value is absent (the next rule), or the chain
 *   that is called
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

/* The match holds when the comparison does not. An absent field still matches nothing. */
#define FERRULE_INSN_NEGATE 1

/* %FERRULE_OP_QUEUE: let the packet pass when nobody listens. */
#define FERRULE_QUEUE_BYPASS 1

/* %FERRULE_OP_QUEUE: choose the queue by CPU, not by flow. */
#define FERRULE_QUEUE_FANOUT 2

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
 * @FERRULE_OP_LOAD: Load expression a into the register field; if it has no value, go to target
 * @FERRULE_OP_BITWISE: Register field becomes (source & a) ^ b, or to target if the source is
 *   absent. The source is the low byte of flags, any field; of a wide one the low 32 bits are
 *   taken
 * @FERRULE_OP_BITWISE_WIDE: Wide register field becomes (source & lo) ^ hi of wide pair a, or
 *   to target. The source is any field; a narrow one is extended with zeros. b is 0
 * @FERRULE_OP_SHIFT: Register field becomes the source (low byte of flags, of the same width)
 *   shifted by a bits (0 to 127): to the left if b is 0, to the right if it is 1; or to target
 * @FERRULE_OP_COMBINE: Register field becomes first op second (low and high byte of flags, of
 *   the same width): a is 0 and, 1 or, 2 xor; or to target. b is 0
 * @FERRULE_OP_LOOKUP_SET: Go on if set a holds key b, else to target. An absent part of the key
 *   is "else" too, negated or not. What the element has of statements is run; one that says no
 *   is "else"
 * @FERRULE_OP_LOOKUP_MAP: Go on with the data that map a has for key b in the register field,
 *   else to target
 * @FERRULE_OP_LOOKUP_VERDICT: Do what verdict map a says for key b, else go to target. The next
 *   instruction is a %FERRULE_OP_VERDICT, which names the rule
 * @FERRULE_OP_VERDICT: Does nothing by itself. Rule a decided what the lookup before it led to;
 *   counter b, or none, counts what it drops
 * @FERRULE_OP_DO: Run statement a for rule b; if it says no (a limit), go to target
 * @FERRULE_OP_REJECT: Answer with an error and end everything: drop. Rule a decided; counter b,
 *   or none, counts it. field is an enum ferrule_reject_kind, flags the ICMP code
 * @FERRULE_OP_QUEUE: End everything: hand the packet to user space. Rule a decided. b is the
 *   first queue and how many there are in the upper 16 bits; or, if field is a register, its
 *   value is the queue, and b is 0. flags: %FERRULE_QUEUE_BYPASS, %FERRULE_QUEUE_FANOUT. With
 *   no register, field is 0
 *
 * Zero is no instruction.
 * @FERRULE_OP_CLASSIFY: Go on with the first rule body behind this instruction that classifier
 *	a finds for the packet, or to target if there is none before that
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
	FERRULE_OP_LOAD = 14,
	FERRULE_OP_BITWISE = 15,
	FERRULE_OP_BITWISE_WIDE = 16,
	FERRULE_OP_SHIFT = 17,
	FERRULE_OP_COMBINE = 18,
	FERRULE_OP_LOOKUP_SET = 19,
	FERRULE_OP_LOOKUP_MAP = 20,
	FERRULE_OP_LOOKUP_VERDICT = 21,
	FERRULE_OP_VERDICT = 22,
	FERRULE_OP_DO = 23,
	FERRULE_OP_REJECT = 24,
	FERRULE_OP_QUEUE = 25,
	FERRULE_OP_CLASSIFY = 26,
};

/* Expressions: values that are not in the key from the beginning. */

/**
 * struct ferrule_expr - an expression
 * @kind: An enum ferrule_expr_kind
 * @key: Which one of its kind
 * @flags: %FERRULE_EXPR_FLAG_PRESENT; or a direction, %FERRULE_DIRECTION_ORIGINAL or
 *   %FERRULE_DIRECTION_REPLY
 * @op: Type of an option, extension header or chunk; see the kind
 * @bits: Length in bits: 1 to 128
 * @reserved: Zero
 * @offset: Offset in bits
 * @a: See the kind
 * @b: See the kind
 * @c: See the kind
 * @d: See the kind
 * @e: See the kind
 *
 * What its kind does not use is zero.
 */
struct ferrule_expr {
	__u8 kind;
	__u8 key;
	__u8 flags;
	__u8 op;
	__u16 bits;
	__u16 reserved;
	__u32 offset;
	__u32 a;
	__u32 b;
	__u32 c;
	__u32 d;
	__u32 e;
};

/*
 * &ferrule_expr.flags: the value is 1 if there is such a thing, 0 if not. It is never
 * absent, except that an IPv6 packet has nothing to say of IPv4 options, nor the other
 * way round, as in nftables.
 */
#define FERRULE_EXPR_FLAG_PRESENT 1

/*
 * &ferrule_expr.flags of %FERRULE_EXPR_CT and %FERRULE_EXPR_XFRM: the original direction;
 * in.
 */
#define FERRULE_DIRECTION_ORIGINAL 2

/*
 * &ferrule_expr.flags of %FERRULE_EXPR_CT and %FERRULE_EXPR_XFRM: the reply direction;
 * out.
 */
#define FERRULE_DIRECTION_REPLY 4

/**
 * enum ferrule_expr_kind - where a value comes from
 * @FERRULE_EXPR_PAYLOAD: bits at offset from an enum ferrule_payload_base (key)
 * @FERRULE_EXPR_EXTHDR: bits at offset from the beginning of an option or header that is looked
 *   for: key is an enum ferrule_exthdr_op, op its type. %FERRULE_EXPR_FLAG_PRESENT
 * @FERRULE_EXPR_META: key is an enum ferrule_meta_key: what is not a field already. Narrow if
 *   bits is at most 32
 * @FERRULE_EXPR_CT: Conntrack: key is an enum ferrule_ct_key; a direction
 * @FERRULE_EXPR_SOCKET: The socket that the packet belongs to: key is NFT_SOCKET_*, a the
 *   cgroup's level
 * @FERRULE_EXPR_FIB: The routing table: key is NFT_FIB_RESULT_*, a NFTA_FIB_F_*.
 *   %FERRULE_EXPR_FLAG_PRESENT
 * @FERRULE_EXPR_RT: The packet's route: key is NFT_RT_*
 * @FERRULE_EXPR_XFRM: Its IPsec transformations: key is NFT_XFRM_KEY_*, a the number of the
 *   policy; a direction
 * @FERRULE_EXPR_NUMGEN: A number below a plus b: from state c, round robin, if key is 0; random
 *   if it is 1, and c is 0
 * @FERRULE_EXPR_JHASH: Jenkins' hash of key d with seed c, scaled to below a, plus b. If a is
 *   0, the whole hash. Fields of headers are hashed as nftables has them in its registers (a
 *   port is two bytes at the beginning of four), registers as the key has them. The low half of
 *   e is a set of bits: parts that are in the machine's order instead. Its high half says how
 *   many bytes to hash; 0: all, and of a single field as many as it has
 * @FERRULE_EXPR_SYMHASH: The packet's symmetric hash, scaled to below a, plus b
 * @FERRULE_EXPR_INNER: The packet within the packet: key is an enum ferrule_tunnel; op is
 *   %FERRULE_EXPR_PAYLOAD, and a the base, or %FERRULE_EXPR_META, and a the enum
 *   ferrule_meta_key (protocol or l4proto)
 * @FERRULE_EXPR_CONSTANT: The number whose four words are a (the most significant) to d
 */
enum ferrule_expr_kind {
	FERRULE_EXPR_PAYLOAD = 1,
	FERRULE_EXPR_EXTHDR = 2,
	FERRULE_EXPR_META = 3,
	FERRULE_EXPR_CT = 4,
	FERRULE_EXPR_SOCKET = 5,
	FERRULE_EXPR_FIB = 6,
	FERRULE_EXPR_RT = 7,
	FERRULE_EXPR_XFRM = 8,
	FERRULE_EXPR_NUMGEN = 9,
	FERRULE_EXPR_JHASH = 10,
	FERRULE_EXPR_SYMHASH = 11,
	FERRULE_EXPR_INNER = 12,
	FERRULE_EXPR_CONSTANT = 13,
};

/**
 * enum ferrule_payload_base - what an offset counts from
 * @FERRULE_BASE_LINK: The link header (@ll, ether, vlan)
 * @FERRULE_BASE_NETWORK: The network header (@nh)
 * @FERRULE_BASE_TRANSPORT: The transport header (@th)
 * @FERRULE_BASE_INNER: What the transport header is followed by (@ih)
 * @FERRULE_BASE_TUNNEL: The tunnel's header (vxlan vni): in %FERRULE_EXPR_INNER only
 */
enum ferrule_payload_base {
	FERRULE_BASE_LINK = 0,
	FERRULE_BASE_NETWORK = 1,
	FERRULE_BASE_TRANSPORT = 2,
	FERRULE_BASE_INNER = 3,
	FERRULE_BASE_TUNNEL = 4,
};

/**
 * enum ferrule_exthdr_op - what is looked for in a list of options, headers or chunks
 *   (NFT_EXTHDR_OP_*)
 * @FERRULE_EXTHDR_IPV6: IPv6 extension headers; op is the header's protocol number
 * @FERRULE_EXTHDR_TCP: TCP options; op is the option's kind
 * @FERRULE_EXTHDR_IPV4: IPv4 options; op is the option's type
 * @FERRULE_EXTHDR_SCTP: SCTP chunks; op is the chunk's type
 * @FERRULE_EXTHDR_DCCP: DCCP options; op is the option's type
 */
enum ferrule_exthdr_op {
	FERRULE_EXTHDR_IPV6 = 0,
	FERRULE_EXTHDR_TCP = 1,
	FERRULE_EXTHDR_IPV4 = 2,
	FERRULE_EXTHDR_SCTP = 3,
	FERRULE_EXTHDR_DCCP = 4,
};

/**
 * enum ferrule_tunnel - what encloses a packet (NFT_INNER_*, inner_desc)
 * @FERRULE_TUNNEL_VXLAN: VXLAN over UDP
 * @FERRULE_TUNNEL_GENEVE: GENEVE over UDP
 * @FERRULE_TUNNEL_GRE: GRE with an IP packet inside
 * @FERRULE_TUNNEL_GRETAP: GRE with an Ethernet frame inside
 */
enum ferrule_tunnel {
	FERRULE_TUNNEL_VXLAN = 1,
	FERRULE_TUNNEL_GENEVE = 2,
	FERRULE_TUNNEL_GRE = 3,
	FERRULE_TUNNEL_GRETAP = 4,
};

/**
 * enum ferrule_meta_key - NFT_META_*
 * @FERRULE_META_LEN: meta length
 * @FERRULE_META_PROTOCOL: meta protocol
 * @FERRULE_META_PRIORITY: meta priority
 * @FERRULE_META_MARK: meta mark
 * @FERRULE_META_IIF: iif
 * @FERRULE_META_OIF: oif
 * @FERRULE_META_IIFNAME: iifname
 * @FERRULE_META_OIFNAME: oifname
 * @FERRULE_META_IIFTYPE: iiftype: ARPHRD_*
 * @FERRULE_META_OIFTYPE: oiftype: ARPHRD_*
 * @FERRULE_META_SKUID: meta skuid
 * @FERRULE_META_SKGID: meta skgid
 * @FERRULE_META_NFTRACE: meta nftrace
 * @FERRULE_META_RTCLASSID: meta rtclassid
 * @FERRULE_META_SECMARK: meta secmark
 * @FERRULE_META_NFPROTO: meta nfproto
 * @FERRULE_META_L4PROTO: meta l4proto
 * @FERRULE_META_PKTTYPE: meta pkttype
 * @FERRULE_META_CPU: meta cpu
 * @FERRULE_META_IIFGROUP: iifgroup
 * @FERRULE_META_OIFGROUP: oifgroup
 * @FERRULE_META_CGROUP: meta cgroup
 * @FERRULE_META_RANDOM: meta random
 * @FERRULE_META_SECPATH: meta ipsec
 * @FERRULE_META_IIFKIND: iifkind: 16 bytes
 * @FERRULE_META_OIFKIND: oifkind: 16 bytes
 * @FERRULE_META_TIME_NS: meta time: nanoseconds since the epoch, 64 bits
 * @FERRULE_META_TIME_DAY: meta day: 0 is Sunday
 * @FERRULE_META_TIME_HOUR: meta hour: seconds since midnight, UTC
 * @FERRULE_META_SDIF: meta sdif
 * @FERRULE_META_SDIFNAME: meta sdifname
 */
enum ferrule_meta_key {
	FERRULE_META_LEN = 0,
	FERRULE_META_PROTOCOL = 1,
	FERRULE_META_PRIORITY = 2,
	FERRULE_META_MARK = 3,
	FERRULE_META_IIF = 4,
	FERRULE_META_OIF = 5,
	FERRULE_META_IIFNAME = 6,
	FERRULE_META_OIFNAME = 7,
	FERRULE_META_IIFTYPE = 8,
	FERRULE_META_OIFTYPE = 9,
	FERRULE_META_SKUID = 10,
	FERRULE_META_SKGID = 11,
	FERRULE_META_NFTRACE = 12,
	FERRULE_META_RTCLASSID = 13,
	FERRULE_META_SECMARK = 14,
	FERRULE_META_NFPROTO = 15,
	FERRULE_META_L4PROTO = 16,
	FERRULE_META_PKTTYPE = 19,
	FERRULE_META_CPU = 20,
	FERRULE_META_IIFGROUP = 21,
	FERRULE_META_OIFGROUP = 22,
	FERRULE_META_CGROUP = 23,
	FERRULE_META_RANDOM = 24,
	FERRULE_META_SECPATH = 25,
	FERRULE_META_IIFKIND = 26,
	FERRULE_META_OIFKIND = 27,
	FERRULE_META_TIME_NS = 30,
	FERRULE_META_TIME_DAY = 31,
	FERRULE_META_TIME_HOUR = 32,
	FERRULE_META_SDIF = 33,
	FERRULE_META_SDIFNAME = 34,
};

/**
 * enum ferrule_ct_key - NFT_CT_*
 * @FERRULE_CT_STATE: ct state: NF_CT_STATE_BIT
 * @FERRULE_CT_DIRECTION: ct direction
 * @FERRULE_CT_STATUS: ct status
 * @FERRULE_CT_MARK: ct mark
 * @FERRULE_CT_SECMARK: ct secmark
 * @FERRULE_CT_EXPIRATION: ct expiration: milliseconds
 * @FERRULE_CT_HELPER: ct helper: 16 bytes
 * @FERRULE_CT_L3PROTOCOL: ct l3proto
 * @FERRULE_CT_SRC: ct saddr: of the family that the packet has
 * @FERRULE_CT_DST: ct daddr
 * @FERRULE_CT_PROTOCOL: ct protocol
 * @FERRULE_CT_PROTO_SRC: ct proto-src
 * @FERRULE_CT_PROTO_DST: ct proto-dst
 * @FERRULE_CT_LABELS: ct label: 128 bits
 * @FERRULE_CT_PKTS: ct packets: 64 bits; of both directions without one
 * @FERRULE_CT_BYTES: ct bytes: 64 bits
 * @FERRULE_CT_AVGPKT: ct avgpkt: 64 bits
 * @FERRULE_CT_ZONE: ct zone
 * @FERRULE_CT_EVENTMASK: ct event: set only
 * @FERRULE_CT_SRC_IP: ct ip saddr
 * @FERRULE_CT_DST_IP: ct ip daddr
 * @FERRULE_CT_SRC_IP6: ct ip6 saddr
 * @FERRULE_CT_DST_IP6: ct ip6 daddr
 * @FERRULE_CT_ID: ct id
 */
enum ferrule_ct_key {
	FERRULE_CT_STATE = 0,
	FERRULE_CT_DIRECTION = 1,
	FERRULE_CT_STATUS = 2,
	FERRULE_CT_MARK = 3,
	FERRULE_CT_SECMARK = 4,
	FERRULE_CT_EXPIRATION = 5,
	FERRULE_CT_HELPER = 6,
	FERRULE_CT_L3PROTOCOL = 7,
	FERRULE_CT_SRC = 8,
	FERRULE_CT_DST = 9,
	FERRULE_CT_PROTOCOL = 10,
	FERRULE_CT_PROTO_SRC = 11,
	FERRULE_CT_PROTO_DST = 12,
	FERRULE_CT_LABELS = 13,
	FERRULE_CT_PKTS = 14,
	FERRULE_CT_BYTES = 15,
	FERRULE_CT_AVGPKT = 16,
	FERRULE_CT_ZONE = 17,
	FERRULE_CT_EVENTMASK = 18,
	FERRULE_CT_SRC_IP = 19,
	FERRULE_CT_DST_IP = 20,
	FERRULE_CT_SRC_IP6 = 21,
	FERRULE_CT_DST_IP6 = 22,
	FERRULE_CT_ID = 23,
};

/*
 * Sets and maps, the keys that are looked up in them, and batches of changes to their
 * elements.
 */

/* Most parts of a key. */
#define FERRULE_KEY_PARTS 16

/* Most bytes of a key. */
#define FERRULE_KEY_BYTES 64

/**
 * struct ferrule_key_part - one part of a key
 * @field: The field that it is read from
 * @len: Its length in bytes: 4, 8, 12 or 16
 */
struct ferrule_key_part {
	__u8 field;
	__u8 len;
};

/**
 * struct ferrule_key - what is looked up: fields, in order
 * @count: How many parts: 1 to 16
 * @len: Their lengths together: 4 to 64
 * @reserved: Zero
 * @parts: The parts; those beyond count are zero
 */
struct ferrule_key {
	__u8 count;
	__u8 len;
	__u16 reserved;
	struct ferrule_key_part parts[FERRULE_KEY_PARTS];
};

/**
 * enum ferrule_set_kind - what a set gives for a key
 * @FERRULE_SET_SET: That it is there
 * @FERRULE_SET_MAP: A number
 * @FERRULE_SET_VERDICT: A verdict
 * @FERRULE_SET_OBJECT: An object
 */
enum ferrule_set_kind {
	FERRULE_SET_SET = 0,
	FERRULE_SET_MAP = 1,
	FERRULE_SET_VERDICT = 2,
	FERRULE_SET_OBJECT = 3,
};

/* &ferrule_set.flags: elements are not changed after the load. */
#define FERRULE_SET_FLAG_CONSTANT 1

/* &ferrule_set.flags: elements are intervals. */
#define FERRULE_SET_FLAG_INTERVAL 2

/* &ferrule_set.flags: elements may have timeouts. */
#define FERRULE_SET_FLAG_TIMEOUT 4

/* &ferrule_set.flags: rules add and remove elements. */
#define FERRULE_SET_FLAG_DYNAMIC 8

/* &ferrule_set.flags: part of a rule, without a name. */
#define FERRULE_SET_FLAG_ANONYMOUS 16

/* &ferrule_set.flags: intervals that overlap or touch are joined, not refused. */
#define FERRULE_SET_FLAG_AUTO_MERGE 32

/**
 * struct ferrule_set - a set or map
 * @identity: Identity: strictly ascending in the section. handle << 8 if it has a name, else
 *   the rule's handle << 8 | 1 + n
 * @table: Name of its table, in the strings section
 * @name: Name, in the strings section; empty if anonymous
 * @flags: %FERRULE_SET_FLAG_CONSTANT and its kin
 * @size: Most elements; 0: no limit of its own
 * @timeout: Timeout of elements that say none, in milliseconds; 0: none
 * @gc_interval: How often to look for what has timed out, in milliseconds; 0: as the module
 *   thinks fit
 * @first_state: Templates of what each element has, in the states section: the first
 * @state_count: How many
 * @first_target: Where verdicts may lead, in the targets section: the first
 * @target_count: How many
 * @family: enum ferrule_family of its table
 * @kind: An enum ferrule_set_kind
 * @key_len: Bytes of the key: the sum of the parts
 * @parts: How many parts
 * @part_lens: Length of each part in bytes
 * @data_len: Bytes of the data: 4 (narrow) or 16 (wide) if it is a map; else 0
 * @object: enum ferrule_object_kind of an object map
 * @reserved: Zero
 * @shape: Hash of how the ruleset describes key and data (types), so that a set of other types
 *   is another set
 */
struct ferrule_set {
	__u64 identity;
	struct ferrule_text table;
	struct ferrule_text name;
	__u32 flags;
	__u32 size;
	__u64 timeout;
	__u64 gc_interval;
	__u32 first_state;
	__u32 state_count;
	__u32 first_target;
	__u32 target_count;
	__u8 family;
	__u8 kind;
	__u8 key_len;
	__u8 parts;
	__u8 part_lens[FERRULE_KEY_PARTS];
	__u8 data_len;
	__u8 object;
	__u16 reserved;
	__u64 shape;
};

/**
 * struct ferrule_target - where an element of a verdict map may lead
 * @handle: The chain's handle
 * @chain: Its index
 * @reserved: Zero
 *
 * Those of one set ascend by handle; sets share none, and theirs lie in the order of the sets.
 */
struct ferrule_target {
	__u64 handle;
	__u32 chain;
	__u32 reserved;
};

/**
 * enum ferrule_element_verdict - what an element of a verdict map says
 * @FERRULE_ELEMENT_DROP: Drop
 * @FERRULE_ELEMENT_ACCEPT: Accept
 * @FERRULE_ELEMENT_CONTINUE: Go on behind the rule's lookup
 * @FERRULE_ELEMENT_RETURN: Return
 * @FERRULE_ELEMENT_JUMP: Jump to the target
 * @FERRULE_ELEMENT_GOTO: Go to the target
 */
enum ferrule_element_verdict {
	FERRULE_ELEMENT_DROP = 0,
	FERRULE_ELEMENT_ACCEPT = 1,
	FERRULE_ELEMENT_CONTINUE = 2,
	FERRULE_ELEMENT_RETURN = 3,
	FERRULE_ELEMENT_JUMP = 4,
	FERRULE_ELEMENT_GOTO = 5,
};

/**
 * struct ferrule_batch - the beginning of a batch
 * @magic: %FERRULE_BATCH_MAGIC
 * @version: %FERRULE_ABI_VERSION
 * @size: Size of the whole batch in bytes
 * @ops: How many ops
 * @reserved: Zero
 */
struct ferrule_batch {
	__u32 magic;
	__u32 version;
	__u64 size;
	__u32 ops;
	__u32 reserved;
};

/* "FRUB" as %FERRULE_MAGIC is "FRUL". */
#define FERRULE_BATCH_MAGIC 0x42555246U

/**
 * enum ferrule_set_op_kind - what an op does
 * @FERRULE_SET_OP_ADD: Adds elements. One that is there already stays as it is, unless its data
 *   differ: refused
 * @FERRULE_SET_OP_DELETE: Removes elements; one that is not there is refused, unless
 *   %FERRULE_SET_OP_LENIENT
 * @FERRULE_SET_OP_CLEAR: Removes all elements. Carries none
 * @FERRULE_SET_OP_REPLACE: Removes all elements that came with a ruleset
 *   (%FERRULE_ELEMENT_FLAG_STATIC) except those that this very batch adds, whose states and
 *   timeouts go on. Those that rules and commands added stay. Carries none, and comes before
 *   the adds
 * @FERRULE_SET_OP_RESET: Sets the states of elements (counters, quotas) to their beginning
 */
enum ferrule_set_op_kind {
	FERRULE_SET_OP_ADD = 1,
	FERRULE_SET_OP_DELETE = 2,
	FERRULE_SET_OP_CLEAR = 3,
	FERRULE_SET_OP_REPLACE = 4,
	FERRULE_SET_OP_RESET = 5,
};

/* &ferrule_set_op.flags: an element that is there already is refused (create). */
#define FERRULE_SET_OP_EXCLUSIVE 1

/* &ferrule_set_op.flags: an element that is not there is no error (destroy). */
#define FERRULE_SET_OP_LENIENT 2

/* &ferrule_set_op.carries: the end of the interval, as long as the key. */
#define FERRULE_CARRIES_END 1

/* &ferrule_set_op.carries: flags, 4 bytes. */
#define FERRULE_CARRIES_FLAGS 2

/*
 * &ferrule_set_op.carries: data: 4 or 16 bytes, most significant first; an object's
 * identity in 8, in the machine's order, as everything that is neither key nor data.
 */
#define FERRULE_CARRIES_DATA 4

/*
 * &ferrule_set_op.carries: an enum ferrule_element_verdict (4 bytes) and the target's
 * chain handle (8).
 */
#define FERRULE_CARRIES_VERDICT 8

/* &ferrule_set_op.carries: timeout in milliseconds, 8 bytes; 0: none. */
#define FERRULE_CARRIES_TIMEOUT 16

/* &ferrule_set_op.carries: what remains of it in milliseconds, 8 bytes. */
#define FERRULE_CARRIES_EXPIRES 32

/* &ferrule_set_op.carries: comment, a struct ferrule_text in the op's strings. */
#define FERRULE_CARRIES_COMMENT 64

/*
 * &ferrule_set_op.carries: values of the set's states, 16 bytes (struct
 * ferrule_state_value) each.
 */
#define FERRULE_CARRIES_STATES 128

/* Flags of an element: the catch-all *; its key is zero. */
#define FERRULE_ELEMENT_FLAG_CATCHALL 1

/* Flags of an element: it came with a ruleset. */
#define FERRULE_ELEMENT_FLAG_STATIC 2

/**
 * struct ferrule_set_op - a change to one set
 * @set: Identity of the set, in the program that the batch comes with or that is published
 * @kind: An enum ferrule_set_op_kind
 * @flags: %FERRULE_SET_OP_EXCLUSIVE, %FERRULE_SET_OP_LENIENT
 * @reserved: Zero
 * @carries: %FERRULE_CARRIES_END and its kin
 * @count: How many elements
 * @stride: Bytes of one
 * @strings: Bytes of the strings
 * @reserved2: Zero
 *
 * Elements and then strings follow.
 */
struct ferrule_set_op {
	__u64 set;
	__u8 kind;
	__u8 flags;
	__u16 reserved;
	__u32 carries;
	__u32 count;
	__u32 stride;
	__u32 strings;
	__u32 reserved2;
};

/* Statements, and the state that they need. */

/**
 * struct ferrule_statement - a statement
 * @kind: An enum ferrule_statement_kind
 * @key: Which one of its kind
 * @flags: See the kind; %FERRULE_STATEMENT_FLAG_BY_MAP
 * @field: The field that is the source, or %FERRULE_NO_FIELD
 * @a: See the kind
 * @b: See the kind
 * @c: See the kind
 * @d: See the kind
 * @e: See the kind
 * @f: See the kind
 * @g: See the kind
 *
 * What its kind does not use is zero.
 */
struct ferrule_statement {
	__u8 kind;
	__u8 key;
	__u8 flags;
	__u8 field;
	__u32 a;
	__u32 b;
	__u32 c;
	__u32 d;
	__u32 e;
	__u32 f;
	__u32 g;
};

/* "No field" in &ferrule_statement.field. */
#define FERRULE_NO_FIELD 0xff

/*
 * &ferrule_statement.flags where a is the index of an object: a is an object map instead,
 * and b the key to look up in it. No element: the rule ends.
 */
#define FERRULE_STATEMENT_FLAG_BY_MAP 0x80

/*
 * %FERRULE_STATEMENT_SET_PAYLOAD: an Internet checksum is at bit c of the base; it is put
 * right.
 */
#define FERRULE_PAYLOAD_CSUM 1

/*
 * %FERRULE_STATEMENT_SET_PAYLOAD: the bits are part of the transport's pseudo header; its
 * checksum is put right.
 */
#define FERRULE_PAYLOAD_CSUM_PSEUDO 2

/* %FERRULE_STATEMENT_SET_PAYLOAD: the SCTP checksum is worked out anew. */
#define FERRULE_PAYLOAD_CSUM_SCTP 4

/**
 * enum ferrule_statement_kind - what a statement does
 * @FERRULE_STATEMENT_STATE: Asks state a (limit, quota, last, limit of connections): no ends
 *   the rule
 * @FERRULE_STATEMENT_OBJECT: Uses object a: counts, asks its limit or quota, sets the helper,
 *   timeout or expectation, the mark of a secmark. %FERRULE_STATEMENT_FLAG_BY_MAP
 * @FERRULE_STATEMENT_SET_META: meta KEY set FIELD: key is an enum ferrule_meta_key
 * @FERRULE_STATEMENT_SET_CT: ct KEY set FIELD: key is an enum ferrule_ct_key; flags a direction
 *   (zones)
 * @FERRULE_STATEMENT_NOTRACK: notrack
 * @FERRULE_STATEMENT_SET_PAYLOAD: Sets b bits (1 to 128) at bit a of the base key (enum
 *   ferrule_payload_base) to FIELD. flags: %FERRULE_PAYLOAD_CSUM and its kin
 * @FERRULE_STATEMENT_SET_TCP_OPTION: Sets b bits at bit a of the TCP option of kind key to
 *   FIELD; maxseg only downwards. c is 1 if the source is in network order already and is not
 *   compared (as nft_exthdr_tcp_set_eval)
 * @FERRULE_STATEMENT_RESET_TCP_OPTION: Overwrites the TCP option of kind key with no-operations
 * @FERRULE_STATEMENT_LOG: Logs, as record a of the logs section says
 * @FERRULE_STATEMENT_DUP: dup to FIELD device B: key is the family; b is the field of the
 *   interface's index, or %FERRULE_NO_FIELD
 * @FERRULE_STATEMENT_UPDATE_SET: add, update, delete @set { … }: key is an enum
 *   ferrule_set_update, a the set, b the key, c and d the low and high half of the timeout in
 *   milliseconds (0: the set's), FIELD the data of a map, e the first and f the number of the
 *   templates in the states section (if the rule says other statements than the set). An
 *   element that does not fit ends the rule
 */
enum ferrule_statement_kind {
	FERRULE_STATEMENT_STATE = 1,
	FERRULE_STATEMENT_OBJECT = 2,
	FERRULE_STATEMENT_SET_META = 3,
	FERRULE_STATEMENT_SET_CT = 4,
	FERRULE_STATEMENT_NOTRACK = 5,
	FERRULE_STATEMENT_SET_PAYLOAD = 6,
	FERRULE_STATEMENT_SET_TCP_OPTION = 7,
	FERRULE_STATEMENT_RESET_TCP_OPTION = 8,
	FERRULE_STATEMENT_LOG = 9,
	FERRULE_STATEMENT_DUP = 10,
	FERRULE_STATEMENT_UPDATE_SET = 11,
};

/**
 * enum ferrule_set_update - what %FERRULE_STATEMENT_UPDATE_SET does (NFT_DYNSET_OP_*)
 * @FERRULE_UPDATE_ADD: Adds the element, or leaves it as it is
 * @FERRULE_UPDATE_UPDATE: Adds the element, or begins its timeout anew
 * @FERRULE_UPDATE_DELETE: Removes the element
 */
enum ferrule_set_update {
	FERRULE_UPDATE_ADD = 0,
	FERRULE_UPDATE_UPDATE = 1,
	FERRULE_UPDATE_DELETE = 2,
};

/**
 * enum ferrule_reject_kind - how a packet is rejected
 * @FERRULE_REJECT_ICMP: ICMP destination unreachable, of this code; IPv4
 * @FERRULE_REJECT_ICMPV6: ICMPv6 destination unreachable, of this code; IPv6
 * @FERRULE_REJECT_ICMPX: Either, by the packet's family: the code is NFT_REJECT_ICMPX_*
 * @FERRULE_REJECT_TCP_RESET: A TCP reset; the code is 0
 */
enum ferrule_reject_kind {
	FERRULE_REJECT_ICMP = 1,
	FERRULE_REJECT_ICMPV6 = 2,
	FERRULE_REJECT_ICMPX = 3,
	FERRULE_REJECT_TCP_RESET = 4,
};

/**
 * struct ferrule_state - state that outlives the program as long as one of the same identity is
 *   in the next
 * @identity: Identity: strictly ascending in the section
 * @kind: An enum ferrule_state_kind
 * @flags: %FERRULE_STATE_FLAG_INVERT, %FERRULE_STATE_FLAG_BYTES, %FERRULE_STATE_FLAG_OBJECT,
 *   %FERRULE_STATE_FLAG_TEMPLATE, %FERRULE_STATE_FLAG_INITIAL
 * @reserved: Zero
 * @owner: Index of the rule, of the object, or of the set whose elements have one each
 * @a: See the kind
 * @b: See the kind
 * @c: See the kind
 */
struct ferrule_state {
	__u64 identity;
	__u8 kind;
	__u8 flags;
	__u16 reserved;
	__u32 owner;
	__u64 a;
	__u64 b;
	__u64 c;
};

/* &ferrule_state.flags: over. */
#define FERRULE_STATE_FLAG_INVERT 1

/* &ferrule_state.flags: a limit of bytes, not of packets. */
#define FERRULE_STATE_FLAG_BYTES 2

/* &ferrule_state.flags: &ferrule_state.owner is an object. */
#define FERRULE_STATE_FLAG_OBJECT 4

/*
 * &ferrule_state.flags: no state by itself, but what each new element of a set begins
 * with; the owner is the set, or, if a rule's statement brings it, the rule
 * (%FERRULE_STATE_FLAG_RULE_TEMPLATE).
 */
#define FERRULE_STATE_FLAG_TEMPLATE 8

/* &ferrule_state.flags: begins with what the record says, not with what it had before. */
#define FERRULE_STATE_FLAG_INITIAL 16

/* &ferrule_state.flags: a template whose owner is a rule. */
#define FERRULE_STATE_FLAG_RULE_TEMPLATE 32

/**
 * enum ferrule_state_kind - what a state is
 * @FERRULE_STATE_LIMIT: limit: a packets or bytes in b nanoseconds, burst c
 * @FERRULE_STATE_QUOTA: quota: a bytes, of which b are used at the beginning
 * @FERRULE_STATE_LAST: last: a is 1 if it was seen, b milliseconds ago, at the beginning
 * @FERRULE_STATE_CONNECTIONS: ct count: a connections
 * @FERRULE_STATE_COUNTER: counter, as an element has it: a packets and b bytes at the beginning
 * @FERRULE_STATE_NUMBER: numgen inc: the next number. The modulus is the expression's
 */
enum ferrule_state_kind {
	FERRULE_STATE_LIMIT = 1,
	FERRULE_STATE_QUOTA = 2,
	FERRULE_STATE_LAST = 3,
	FERRULE_STATE_CONNECTIONS = 4,
	FERRULE_STATE_COUNTER = 5,
	FERRULE_STATE_NUMBER = 6,
};

/**
 * struct ferrule_object - something with a name that rules use
 * @identity: Identity (its handle, shifted like a rule's): strictly ascending in the section
 * @table: Name of its table, in the strings section
 * @name: Name, in the strings section
 * @kind: An enum ferrule_object_kind
 * @family: enum ferrule_family of its table
 * @l4proto: Transport protocol (helper, timeout, expectation)
 * @l3proto: Network protocol, as a family (the same)
 * @a: Index of the counter or state; port of an expectation; number of timeouts. Else 0
 * @text: Name of the helper, or the security context, in the strings section; the policy of a
 *   timeout, pairs of 32-bit numbers (state, seconds) there
 * @b: Timeout of an expectation in milliseconds
 * @c: Size of an expectation
 */
struct ferrule_object {
	__u64 identity;
	struct ferrule_text table;
	struct ferrule_text name;
	__u8 kind;
	__u8 family;
	__u8 l4proto;
	__u8 l3proto;
	__u32 a;
	struct ferrule_text text;
	__u32 b;
	__u32 c;
};

/**
 * enum ferrule_object_kind - what an object is (NFT_OBJECT_*)
 * @FERRULE_OBJECT_COUNTER: counter
 * @FERRULE_OBJECT_QUOTA: quota
 * @FERRULE_OBJECT_CT_HELPER: ct helper
 * @FERRULE_OBJECT_LIMIT: limit
 * @FERRULE_OBJECT_CT_TIMEOUT: ct timeout
 * @FERRULE_OBJECT_SECMARK: secmark
 * @FERRULE_OBJECT_CT_EXPECT: ct expectation
 * @FERRULE_OBJECT_SYNPROXY: synproxy: reserved
 */
enum ferrule_object_kind {
	FERRULE_OBJECT_COUNTER = 1,
	FERRULE_OBJECT_QUOTA = 2,
	FERRULE_OBJECT_CT_HELPER = 3,
	FERRULE_OBJECT_LIMIT = 4,
	FERRULE_OBJECT_CT_TIMEOUT = 7,
	FERRULE_OBJECT_SECMARK = 8,
	FERRULE_OBJECT_CT_EXPECT = 9,
	FERRULE_OBJECT_SYNPROXY = 10,
};

/**
 * struct ferrule_log - how something is logged
 * @prefix: What the line begins with, in the strings section
 * @snaplen: Bytes of the packet for nflog; 0: all
 * @group: Group of nflog, or %FERRULE_LOG_KERNEL
 * @qthreshold: Packets that nflog collects
 * @level: LOG_EMERG (0) to LOG_DEBUG (7), or 8 for audit
 * @flags: NF_LOG_*: 1 tcp sequence, 2 tcp options, 4 ip options, 8 skuid, 32 ether
 * @reserved: Zero
 */
struct ferrule_log {
	struct ferrule_text prefix;
	__u32 snaplen;
	__u32 group;
	__u16 qthreshold;
	__u8 level;
	__u8 flags;
	__u32 reserved;
};

/* &ferrule_log.group: to the kernel's log. */
#define FERRULE_LOG_KERNEL 0xffffffffU

/* Most dimensions of a classifier. */
#define FERRULE_CLASSIFIER_DIMS 12
/* Most trees of a classifier. */
#define FERRULE_CLASSIFIER_TREES 6
/* Most nodes on a path through a tree. */
#define FERRULE_CLASSIFIER_MAX_HEIGHT 32
/* Most bits that a node looks at. */
#define FERRULE_CLASSIFIER_MAX_NODE_BITS 17
/* A pointer to an entry; what of it is the index. */
#define FERRULE_POINTER_ENTRY 0x80000000U
#define FERRULE_POINTER_INDEX 0x7fffffffU
/* What a node's head has in its two highest bits; where they are; words before its children. */
#define FERRULE_NODE 0x40000000U
#define FERRULE_NODE_MASK 0xc0000000U
#define FERRULE_NODE_HEAD 2
/* Words of an entry before its ranges. */
#define FERRULE_ENTRY_HEAD 2
/* In an entry's target: the run ends with it. */
#define FERRULE_ENTRY_LAST 0x80000000U
/* In an entry's second word: the dimensions asked. */
#define FERRULE_ENTRY_ASKED 0xffffU
/* The words of a classifier, of its nodes and of its entries are multiples of these. */
#define FERRULE_CLASSIFIER_WORDS_ALIGN 8

/**
 * struct ferrule_dim - A dimension
 * @field: A &enum ferrule_field of a header or of the packet; no register
 * @word: Of a wide field the 32-bit word, 0 the most significant; of a narrow one 0
 */
struct ferrule_dim {
	__u8 field;
	__u8 word;
};

/**
 * struct ferrule_classifier - Which rules of a chain can match a packet
 * @dims: The dimensions: wide ones, then narrow ones, then the byte; the rest is zero
 * @wide_dims: How many have ranges of 32-bit numbers
 * @narrow_dims: How many have ranges of 16-bit numbers
 * @byte_dims: How many have ranges of 8-bit numbers: 0 or 1
 * @tree_count: How many trees: 1 to 6
 * @chain: Index of the chain whose instructions it leads to
 * @first_word: Index of its first word: where those of the classifier before it end
 * @word_count: How many words
 * @node_words: How many of them are of nodes
 * @entry_count: How many entries. At least 1
 * @roots: Pointers to the trees' roots; those beyond @tree_count are zero
 * @least: The first instruction that each tree can lead to, ascending; the rest is zero
 */
struct ferrule_classifier {
	struct ferrule_dim dims[FERRULE_CLASSIFIER_DIMS];
	__u8 wide_dims;
	__u8 narrow_dims;
	__u8 byte_dims;
	__u8 tree_count;
	__u32 chain;
	__u32 first_word;
	__u32 word_count;
	__u32 node_words;
	__u32 entry_count;
	__u32 roots[FERRULE_CLASSIFIER_TREES];
	__u32 least[FERRULE_CLASSIFIER_TREES];
};

/* Events: what read(2) on a descriptor gives. */

/**
 * enum ferrule_event_kind - what happened
 * @FERRULE_EVENT_LOG: A log statement: a struct ferrule_log_event and the packet's first bytes
 *   follow
 * @FERRULE_EVENT_RULESET: Another ruleset was published. Nothing follows
 * @FERRULE_EVENT_ELEMENTS: Elements were changed by request: the batch follows, as far as it
 *   has at most 64 KiB
 */
enum ferrule_event_kind {
	FERRULE_EVENT_LOG = 1,
	FERRULE_EVENT_RULESET = 2,
	FERRULE_EVENT_ELEMENTS = 3,
};

/**
 * struct ferrule_event - the beginning of an event
 * @size: Bytes of this structure and of what follows, without padding
 * @kind: An enum ferrule_event_kind
 * @at: When, in nanoseconds since the epoch
 * @generation: Generation of the ruleset
 * @lost: How many events were lost before this one since the last
 */
struct ferrule_event {
	__u32 size;
	__u32 kind;
	__u64 at;
	__u64 generation;
	__u64 lost;
};

/**
 * struct ferrule_log_event - a packet that was logged
 * @rule: Index of the rule in the program of that generation
 * @log: Index in its logs section
 * @iif: Receiving interface, or 0
 * @oif: Sending interface, or 0
 * @mark: The mark
 * @len: Bytes of the packet from the network header on
 * @caplen: Bytes of it that follow
 * @family: enum ferrule_family: ip or ip6
 * @hook: enum ferrule_hook
 * @reserved: Zero
 */
struct ferrule_log_event {
	__u32 rule;
	__u32 log;
	__u32 iif;
	__u32 oif;
	__u32 mark;
	__u32 len;
	__u32 caplen;
	__u8 family;
	__u8 hook;
	__u16 reserved;
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
 * @error_section: Out: enum ferrule_section_id of what was refused, %FERRULE_ERROR_IN_BATCH, or
 *   %FERRULE_NONE
 * @error_index: Out: index of the element in that section; of the op, if it is the batch
 * @error_element: Out: index of the element in the op, if it is the batch
 * @batch: Address of a batch of changes to elements that are published with the program (see
 *   the crate's set); 0 if there are none
 * @batch_size: Its size in bytes
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
	__u32 error_element;
	__u64 batch;
	__u64 batch_size;
};

/*
 * &ferrule_load.error_section, &ferrule_set_change.error_section: an element of the batch
 * was refused.
 */
#define FERRULE_ERROR_IN_BATCH 0x100

/**
 * struct ferrule_set_change - changes to elements of the published sets
 * @size: Size of this structure
 * @version: %FERRULE_ABI_VERSION
 * @flags: %FERRULE_LOAD_DRY_RUN
 * @reserved: Zero
 * @expected_generation: Refuse (ESTALE) unless this generation is the published one;
 *   %FERRULE_GENERATION_ANY
 * @batch: Address of the batch
 * @batch_size: Its size in bytes
 * @generation: Out: the generation of the ruleset, which does not change
 * @error_code: Out: an enum ferrule_error if the batch was refused, else 0
 * @error_section: Out: %FERRULE_ERROR_IN_BATCH or %FERRULE_NONE
 * @error_index: Out: index of the op
 * @error_element: Out: index of the element in the op
 *
 * Argument of %FERRULE_IOC_CHANGE_SETS. All are seen by packets at once, or none.
 */
struct ferrule_set_change {
	__u32 size;
	__u32 version;
	__u32 flags;
	__u32 reserved;
	__u64 expected_generation;
	__u64 batch;
	__u64 batch_size;
	__u64 generation;
	__u32 error_code;
	__u32 error_section;
	__u32 error_index;
	__u32 error_element;
};

/*
 * &ferrule_read_set.flags: begin the states of what is read anew (reset element, reset
 * set).
 */
#define FERRULE_READ_RESET 1

/*
 * &ferrule_read_set.flags: only the element whose key is in the buffer (get element); the
 * answer says an interval that holds it.
 */
#define FERRULE_READ_ONE 2

/**
 * struct ferrule_read_set - elements of a set, in the form of a batch with one op
 * @size: Size of this structure
 * @version: %FERRULE_ABI_VERSION
 * @flags: %FERRULE_READ_RESET, %FERRULE_READ_ONE
 * @reserved: Zero
 * @expected_generation: Refuse (ESTALE) unless this generation is the published one;
 *   %FERRULE_GENERATION_ANY
 * @set: Identity of the set
 * @buffer: Address of the buffer
 * @capacity: How many bytes fit there
 * @count: Out: how many bytes there are (written with ENOSPC too)
 * @generation: Out: the generation
 *
 * Argument of %FERRULE_IOC_ELEMENTS. capacity and count are bytes.
 */
struct ferrule_read_set {
	__u32 size;
	__u32 version;
	__u32 flags;
	__u32 reserved;
	__u64 expected_generation;
	__u64 set;
	__u64 buffer;
	__u64 capacity;
	__u64 count;
	__u64 generation;
};

/**
 * struct ferrule_state_value - value of a state, in the order of the program's states section
 *   (templates: zero)
 * @a: See above
 * @b: See above
 *
 * A limit: tokens that are left, in nanoseconds; 0. A quota: bytes used; 0. Last: 1 if ever;
 * milliseconds since. Connections: how many; 0. A counter: packets; bytes. A number: the next
 * one; 0.
 */
struct ferrule_state_value {
	__u64 a;
	__u64 b;
};

/**
 * struct ferrule_reset_value - begins one counter or state anew and says what it was
 * @size: Size of this structure
 * @version: %FERRULE_ABI_VERSION
 * @flags: %FERRULE_RESET_COUNTERS or %FERRULE_RESET_STATES: which section it is in
 * @reserved: Zero
 * @expected_generation: Refuse (ESTALE) unless this generation is the published one;
 *   %FERRULE_GENERATION_ANY
 * @identity: Its identity
 * @a: Out: what it was: packets, or the first number of the state
 * @b: Out: bytes, or the second number
 * @generation: Out: the generation
 *
 * Argument of %FERRULE_IOC_RESET_VALUE.
 */
struct ferrule_reset_value {
	__u32 size;
	__u32 version;
	__u32 flags;
	__u32 reserved;
	__u64 expected_generation;
	__u64 identity;
	__u64 a;
	__u64 b;
	__u64 generation;
};

/**
 * struct ferrule_subscribe - subscribes this descriptor to events (see the crate's event), or
 *   changes what it is subscribed to
 * @size: Size of this structure
 * @version: %FERRULE_ABI_VERSION
 * @flags: No flag is defined: zero
 * @events: Set of bits 1 << EventKind; 0: no longer
 * @capacity: Bytes of events to hold until they are read: 4 KiB to 4 MiB; 0: 256 KiB
 * @snaplen: Bytes of each packet: at most 1500; 0: 64
 *
 * Argument of %FERRULE_IOC_SUBSCRIBE.
 */
struct ferrule_subscribe {
	__u32 size;
	__u32 version;
	__u32 flags;
	__u32 events;
	__u32 capacity;
	__u32 snaplen;
};

/* &ferrule_change.flags of %FERRULE_IOC_RESET: the counters of rules and policies. */
#define FERRULE_RESET_COUNTERS 1

/* &ferrule_change.flags of %FERRULE_IOC_RESET: the counters of hooks. */
#define FERRULE_RESET_HOOKS 2

/* &ferrule_change.flags of %FERRULE_IOC_RESET: quotas and last of rules and objects. */
#define FERRULE_RESET_STATES 4

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

/* Changes elements of sets: struct ferrule_set_change. */
#define FERRULE_IOC_CHANGE_SETS _IOWR(FERRULE_IOC_MAGIC, 7, struct ferrule_set_change)

/* Gives elements of a set: struct ferrule_read_set. */
#define FERRULE_IOC_ELEMENTS _IOWR(FERRULE_IOC_MAGIC, 8, struct ferrule_read_set)

/* Gives the states' values: struct ferrule_read of struct ferrule_state_value. */
#define FERRULE_IOC_STATES _IOWR(FERRULE_IOC_MAGIC, 9, struct ferrule_read)

/* Begins one counter or state anew: struct ferrule_reset_value. */
#define FERRULE_IOC_RESET_VALUE _IOWR(FERRULE_IOC_MAGIC, 10, struct ferrule_reset_value)

/* Subscribes to events: struct ferrule_subscribe. */
#define FERRULE_IOC_SUBSCRIBE _IOWR(FERRULE_IOC_MAGIC, 11, struct ferrule_subscribe)

#endif /* _UAPI_LINUX_FERRULE_H */
