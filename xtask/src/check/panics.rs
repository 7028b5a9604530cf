// SPDX-License-Identifier: GPL-2.0

//! What the linked module would panic with.
//!
//! A panic is a call of a function that the kernel exports, so it is a relocation against that
//! function's symbol. Each is attributed to the function whose code it is in.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionIndex, SymbolKind};

use super::Finding;

/// What the demangled names of panics have in them.
const PANICS: &[&str] = &[
    "core::panicking::",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
    "core::slice::index::slice_",
    "core::slice::copy_from_slice_impl::len_mismatch_fail",
    "core::str::slice_error_fail",
    "core::cell::panic_already",
    "rust_begin_unwind",
    "rust_build_error",
];

/// Panics that are the kernel's own, in its generic code that is compiled here: what the demangled names of
/// the function and of the panic have in them.
///
/// `IovIterDest::from_raw()` asserts that whoever reads a device brings an iterator to be written to. It is the
/// kernel's read(2) that brings it; the wrapper has no other way in.
const KERNELS_OWN: &[(&str, &str)] = &[
    ("MiscdeviceVTable<", "assert_failed::<bool, bool>"),
    ("assert_failed::<bool, bool>", "assert_failed_inner"),
];

/// A relocation against a panic.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    function: String,
    panic: String,
}

/// Finds the panics that code of ours refers to.
///
/// # Errors
///
/// When the file is no ELF object.
pub(super) fn scan(module: &Path) -> Result<Vec<Finding>> {
    let bytes = fs::read(module).with_context(|| format!("reading {}", module.display()))?;
    let calls = calls(&bytes).with_context(|| format!("reading {}", module.display()))?;
    let finding = |call: &Call| Finding::of(&call.function, format!("may panic: {}", call.panic));
    let mut findings: Vec<Finding> = calls.iter().map(finding).collect();
    findings.dedup();
    Ok(findings)
}

fn calls(bytes: &[u8]) -> Result<Vec<Call>> {
    let file = object::File::parse(bytes).context("not an object file")?;
    let mut calls = Vec::new();
    // Unwind tables and debug information refer to everything; only code calls.
    for section in file
        .sections()
        .filter(|section| section.kind() == object::SectionKind::Text)
    {
        for (offset, relocation) in section.relocations() {
            let RelocationTarget::Symbol(symbol) = relocation.target() else {
                continue;
            };
            let name = file
                .symbol_by_index(symbol)
                .and_then(|symbol| symbol.name())
                .unwrap_or_default();
            let panic = demangled(name);
            if PANICS.iter().any(|part| panic.contains(part)) {
                let function = function_at(&file, section.index(), offset)
                    .unwrap_or_else(|| format!("{}+{offset:#x}", section.name().unwrap_or("?")));
                if !is_kernels_own(&function, &panic) {
                    calls.push(Call { function, panic });
                }
            }
        }
    }
    Ok(calls)
}

fn is_kernels_own(function: &str, panic: &str) -> bool {
    let known =
        |(caller, callee): &(&str, &str)| function.contains(caller) && panic.contains(callee);
    KERNELS_OWN.iter().any(known)
}

/// The function whose code is at this place.
fn function_at(file: &object::File, section: SectionIndex, offset: u64) -> Option<String> {
    file.symbols()
        .filter(|symbol| {
            symbol.section_index() == Some(section) && symbol.kind() == SymbolKind::Text
        })
        .find(|symbol| (symbol.address()..symbol.address() + symbol.size()).contains(&offset))
        .map(|symbol| demangled(symbol.name().unwrap_or_default()))
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

#[cfg(test)]
mod tests {
    use object::write::{Object as Writer, Relocation, Symbol, SymbolSection};
    use object::{
        Architecture, BinaryFormat, Endianness, RelocationEncoding, RelocationFlags,
        RelocationKind, SymbolFlags, SymbolScope,
    };

    use super::*;

    fn symbol(name: &str, section: SymbolSection, value: u64, size: u64) -> Symbol {
        Symbol {
            name: name.into(),
            value,
            size,
            kind: SymbolKind::Text,
            scope: SymbolScope::Linkage,
            weak: false,
            section,
            flags: SymbolFlags::None,
        }
    }

    /// An object in which `one` is 16 bytes, `two` the next 16, and this is called at these places.
    fn object(callee: &str, places: &[u64]) -> Vec<u8> {
        let mut object = Writer::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        let text = object.section_id(object::write::StandardSection::Text);
        object.append_section_data(text, &[0x90; 32], 16);
        object.add_symbol(symbol("one", SymbolSection::Section(text), 0, 16));
        object.add_symbol(symbol("two", SymbolSection::Section(text), 16, 16));
        let callee = object.add_symbol(symbol(callee, SymbolSection::Undefined, 0, 0));
        for offset in places {
            let flags = RelocationFlags::Generic {
                kind: RelocationKind::PltRelative,
                encoding: RelocationEncoding::X86Branch,
                size: 32,
            };
            let relocation = Relocation {
                offset: *offset,
                symbol: callee,
                addend: -4,
                flags,
            };
            object.add_relocation(text, relocation).unwrap();
        }
        object.write().unwrap()
    }

    /// `core::panicking::panic_fmt`, as rustc mangles it.
    const PANIC_FMT: &str = "_RNvNtCs1234_4core9panicking9panic_fmt";

    #[test]
    fn a_panic_is_attributed_to_the_function_that_it_is_in() {
        let calls = calls(&object(PANIC_FMT, &[4, 20])).unwrap();
        let functions: Vec<_> = calls.iter().map(|call| call.function.as_str()).collect();
        assert_eq!(functions, ["one", "two"]);
        assert_eq!(calls[0].panic, "core::panicking::panic_fmt");
    }

    #[test]
    fn other_calls_are_none() {
        assert!(calls(&object("nf_register_net_hook", &[4]))
            .unwrap()
            .is_empty());
        assert!(calls(&object(PANIC_FMT, &[])).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_object_is_no_success() {
        assert!(calls(b"no ELF").is_err());
    }
}
