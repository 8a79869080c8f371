// SPDX-License-Identifier: Apache-2.0
//! The declarations of this crate against samlet.h: prototypes and constants as text, structs as the C compiler lays
//! them out.
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn include_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../include")
}

/// The header without comments, in one line per statement or preprocessor line.
fn header() -> String {
    let mut text = fs::read_to_string(include_folder().join("samlet/samlet.h")).unwrap();
    while let Some(start) = text.find("/*") {
        let end = start + text[start..].find("*/").unwrap() + 2;
        text.replace_range(start..end, " ");
    }
    text
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A C type and name, "const samlet_frame *frame", as Rust: ("frame", "*const samlet_frame").
fn rust_declaration(c: &str) -> (String, String) {
    let constant = c.starts_with("const ");
    let stars = c.matches('*').count();
    let c = c.replace('*', " ");
    let names: Vec<&str> = c.split_whitespace().filter(|word| *word != "const").collect();
    let base = match names[0] {
        "void" => "c_void",
        "char" => "c_char",
        "float" => "f32",
        "size_t" => "usize",
        "uint8_t" => "u8",
        "int32_t" => "i32",
        "uint32_t" => "u32",
        "int64_t" => "i64",
        "uint64_t" => "u64",
        other => other,
    };
    let mut rust = base.to_string();
    for star in 0..stars {
        rust.insert_str(0, if constant && star == 0 { "*const " } else { "*mut " });
    }
    (names[1].to_string(), rust)
}

/// "samlet_status f(int32_t a)" as "pub fn f(a: i32) -> samlet_status;".
fn rust_prototype(c: &str) -> String {
    let (head, arguments) = c.trim_end_matches(')').split_once('(').unwrap();
    let (name, result) = rust_declaration(head);
    let arguments: Vec<String> = arguments
        .split(',')
        .map(str::trim)
        .filter(|argument| *argument != "void")
        .map(|argument| {
            let (name, kind) = rust_declaration(argument);
            format!("{name}: {kind}")
        })
        .collect();
    let result = if result == "c_void" { String::new() } else { format!(" -> {result}") };
    format!("pub fn {name}({}){result};", arguments.join(", "))
}

#[test]
fn every_function_is_declared_as_in_the_header() {
    let source = words(include_str!("../src/lib.rs")).replace("( ", "(").replace(", )", ")");
    let header = header();
    let mut count = 0;
    for statement in header.split(';').filter(|statement| statement.contains("SAMLET_API ")) {
        // What precedes SAMLET_API are preprocessor lines; those with SAMLET_API are at the top only.
        let prototype = words(statement.rsplit("SAMLET_API ").next().unwrap());
        let expected = rust_prototype(&prototype);
        assert!(source.contains(&expected), "the header has: {prototype}\nmissing here: {expected}");
        count += 1;
    }
    assert!(count > 40, "only {count} functions found in the header");
    assert_eq!(count, source.matches("pub fn samlet_").count(), "functions that the header does not have");
}

#[test]
fn every_constant_is_that_of_the_header() {
    let mut expected = Vec::new();
    for line in header().lines().filter_map(|line| line.strip_prefix("#define SAMLET_")) {
        if let Some((name, value)) = line.split_once(' ') {
            if let Ok(value) = value.trim().trim_end_matches('u').parse::<u64>() {
                expected.push((format!("SAMLET_{name}"), value));
            }
        }
    }
    for part in header().split("typedef enum").skip(1) {
        let body = &part[part.find('{').unwrap() + 1..part.find('}').unwrap()];
        for entry in body.split(',') {
            let (name, value) = entry.split_once('=').expect("enumerators have numbers");
            expected.push((name.trim().to_string(), value.trim().parse().unwrap()));
        }
    }
    expected.retain(|(name, _)| !name.starts_with("SAMLET_VERSION_"));
    expected.sort();
    let mut ours: Vec<(String, u64)> =
        samlet_sys::CONSTANTS.iter().map(|(name, value)| (name.to_string(), *value)).collect();
    ours.sort();
    assert_eq!(expected, ours);
}

#[test]
fn every_struct_lies_in_memory_as_in_c() {
    let header = header();
    let layout = samlet_sys::layout();
    let structs = header.matches("typedef struct").count();
    let handles = 3; // samlet_model, samlet_tracker, samlet_segmenter: no fields
    assert_eq!(layout.lines().filter(|line| line.starts_with("struct ")).count(), structs - handles);

    // A C program that prints the same lines.
    let mut program = String::from(
        "#include <samlet/samlet.h>\n#include <stdio.h>\nstruct pad { char c; };\n\
         #define ALIGNMENT(type) offsetof(struct { char c; type value; }, value)\nint main(void) {\n",
    );
    for line in layout.lines() {
        let mut parts = line.split(' ');
        let (kind, name) = (parts.next().unwrap(), parts.next().unwrap());
        if kind == "struct" {
            writeln!(program, "printf(\"struct {name} %zu %zu\\n\", sizeof({name}), ALIGNMENT({name}));")
                .unwrap();
        } else {
            let (of, field) = name.split_once('.').unwrap();
            // `type`, `in` and `box` are words of Rust.
            let in_c = field.trim_end_matches('_');
            writeln!(program, "printf(\"field {name} %zu\\n\", offsetof({of}, {in_c}));").unwrap();
        }
    }
    program.push_str("return 0; }\n");

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, binary) = (folder.join("layout.c"), folder.join("layout"));
    fs::write(&source, program).unwrap();
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_string());
    let status = Command::new(compiler)
        .arg("-I")
        .arg(include_folder())
        .arg(&source)
        .arg("-o")
        .arg(&binary)
        .status()
        .expect("a C compiler");
    assert!(status.success());
    let output = Command::new(&binary).output().unwrap();
    assert_eq!(layout, String::from_utf8(output.stdout).unwrap());
}
