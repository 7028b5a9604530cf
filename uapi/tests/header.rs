// SPDX-License-Identifier: GPL-2.0
//! The C header says what the Rust structures say: proved by a C compiler and by bindgen, each way.

mod support;

use std::{collections::BTreeSet, fmt::Write as _};

use ferrule_uapi::{CONSTANTS, DEVICE_PATH, ENUMS, STRUCTS};
use support::{compiler, enumerators, header, output, scratch_dir};

/// A C program that prints what [`support::layout_text`] says, as C sees it.
fn c_program() -> String {
    let mut c = String::from(
        "#include <stddef.h>\n#include <stdio.h>\n#include <linux/ferrule.h>\nint main(void)\n{\n",
    );
    for s in STRUCTS {
        let name = s.c_name;
        let values = format!("sizeof(struct {name}), _Alignof(struct {name})");
        writeln!(
            c,
            r#"printf("struct {name} size %zu align %zu\n", {values});"#
        )
        .unwrap();
        for f in s.fields {
            let field = f.name;
            let values =
                format!("offsetof(struct {name}, {field}), sizeof(((struct {name} *)0)->{field})");
            let format = format!(r"struct {name}.{field} offset %zu size %zu\n");
            writeln!(c, r#"printf("{format}", {values});"#).unwrap();
        }
    }
    for (kind, name) in enumerators().map(|(name, _)| ("enum", name)).chain(
        CONSTANTS
            .iter()
            .map(|(name, _)| ("define", name.to_string())),
    ) {
        let value = format!("(unsigned long long){name}");
        writeln!(c, r#"printf("{kind} {name} %llu\n", {value});"#).unwrap();
    }
    c.push_str(r#"printf("define FERRULE_DEVICE_PATH %s\n", FERRULE_DEVICE_PATH);"#);
    c.push_str("\nreturn 0;\n}\n");
    c
}

#[test]
fn c_sees_the_sizes_offsets_and_values_that_rust_sees() {
    let (source, program) = (scratch_dir().join("abi.c"), scratch_dir().join("abi"));
    std::fs::write(&source, c_program()).expect("the C program can be written");
    output(compiler().arg(&source).arg("-o").arg(&program));
    let found = output(&mut std::process::Command::new(&program));
    let what = "the header differs from the Rust structures (- Rust, + C)";
    support::assert_same_lines(what, &support::layout_text(), &found);
}

#[test]
fn the_header_stands_alone_and_has_no_implicit_padding() {
    for standard in ["-std=c99", "-std=gnu11"] {
        let flags = ["-Wpadded", "-fsyntax-only", "-xc", standard];
        output(compiler().args(flags).arg(header()));
    }
}

#[test]
fn the_header_defines_no_macro_that_rust_does_not_list() {
    let dump = output(compiler().args(["-E", "-dM", "-xc"]).arg(header()));
    let found: BTreeSet<&str> = dump
        .lines()
        .filter_map(|line| line.strip_prefix("#define ")?.split([' ', '(']).next())
        .filter(|name| name.to_ascii_uppercase().contains("FERRULE"))
        .filter(|name| *name != "_UAPI_LINUX_FERRULE_H")
        .collect();
    let mut listed: BTreeSet<&str> = CONSTANTS.iter().map(|(name, _)| *name).collect();
    listed.insert("FERRULE_DEVICE_PATH");
    assert_eq!(listed, found);
}

#[test]
fn bindgen_makes_of_the_header_the_structures_of_rust() {
    let text = bindings();
    let expected: BTreeSet<String> = STRUCTS
        .iter()
        .flat_map(|s| {
            let (name, size, align) = (s.c_name, s.size, s.align);
            let whole = [
                format!("Size of {name} = {size}"),
                format!("Alignment of {name} = {align}"),
            ];
            let fields = s.fields.iter().map(move |f| {
                let (field, offset) = (f.name, f.offset);
                format!("Offset of field: {name}::{field} = {offset}")
            });
            whole.into_iter().chain(fields)
        })
        .collect();
    assert_eq!(expected, assertions(&text));
}

#[test]
fn bindgen_makes_of_the_header_the_constants_of_rust() {
    let text = bindings();
    let named = |(name, value): &(&str, u64)| format!("{name} = {value}");
    // What is computed from a size is a constant to C but none to bindgen: the C program shows it.
    let computed = |name: &str| name.starts_with("FERRULE_IOC_") && name != "FERRULE_IOC_MAGIC";
    let mut expected: BTreeSet<String> = enumerators()
        .map(|(name, value)| format!("{name} = {value}"))
        .chain(CONSTANTS.iter().filter(|(n, _)| !computed(n)).map(named))
        .collect();
    expected.insert(format!("FERRULE_DEVICE_PATH = b\"{DEVICE_PATH}\\0\""));
    assert_eq!(expected, constants(&text));
}

#[test]
fn bindgen_finds_as_many_enumerations_as_rust_lists() {
    let text = bindings();
    let found = text.matches("pub type ferrule_").count();
    assert_eq!(ENUMS.len(), found);
}

#[test]
fn the_example_program_compiles_without_a_warning() {
    let source = header().ancestors().nth(3).unwrap().join("examples/info.c");
    let program = scratch_dir().join("info");
    output(compiler().arg(source).arg("-o").arg(program));
}

/// What bindgen makes of the header: tokens, with its own layout assertions.
fn bindings() -> String {
    if let Err(error) = clang_sys::load() {
        panic!("bindgen needs libclang: apt-get install libclang-dev ({error})");
    }
    bindgen::Builder::default()
        .header(header().to_str().expect("the path is text"))
        .allowlist_file(".*/linux/ferrule\\.h")
        .prepend_enum_name(false)
        .layout_tests(true)
        .formatter(bindgen::Formatter::None)
        .generate()
        .expect("bindgen understands the header")
        .to_string()
}

/// The layout assertions in bindgen's output: `["Size of x"][... - 16usize]` as `Size of x = 16`.
fn assertions(text: &str) -> BTreeSet<String> {
    let tests = text.split("[\"").skip(1);
    tests
        .map(|test| {
            let (what, rest) = test.split_once('"').expect("the string ends");
            let (value, _) = rest.split_once(';').expect("the item ends");
            let (_, value) = value.rsplit_once('-').expect("a size is subtracted");
            let value: String = value.chars().filter(char::is_ascii_digit).collect();
            format!("{what} = {value}")
        })
        .collect()
}

/// The constants in bindgen's output: `pub const NAME: type = 1;` as `NAME = 1`.
fn constants(text: &str) -> BTreeSet<String> {
    let items = text.split("pub const ").skip(1);
    items
        .map(|item| {
            let (name, rest) = item.split_once([' ', ':']).expect("a name");
            let (_, value) = rest.split_once('=').expect("a value");
            let (value, _) = value.split_once(';').expect("the item ends");
            let value = value.trim().trim_end_matches("u32").trim_end_matches("u64");
            format!("{name} = {value}")
        })
        .collect()
}
