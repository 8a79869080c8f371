// SPDX-License-Identifier: Apache-2.0
//! Where the C library is. Either pkg-config knows (PKG_CONFIG_PATH where samlet is not installed in the system), or
//! SAMLET_LIB_DIR names the folder with libsamlet.so or libsamlet.a; a static library needs more, see samlet-static.pc:
//! SAMLET_LIBS, by default "-lsamlet", takes the same flags.
use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    for name in ["SAMLET_LIB_DIR", "SAMLET_LIBS", "PKG_CONFIG", "PKG_CONFIG_PATH"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let flags = match env::var("SAMLET_LIB_DIR") {
        Ok(folder) => {
            let libraries = env::var("SAMLET_LIBS").unwrap_or_else(|_| "-lsamlet".to_string());
            format!("-L{} {libraries}", folder.replace(' ', "\\ "))
        }
        Err(_) => ask_pkg_config(),
    };
    for flag in split_flags(&flags) {
        link(&flag);
    }
}

/// Words as pkg-config separates them: a backslash before a blank keeps it.
fn split_flags(text: &str) -> Vec<String> {
    let (mut words, mut word, mut letters) = (Vec::new(), String::new(), text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => word.extend(letters.next()),
            _ if !letter.is_whitespace() => word.push(letter),
            _ if !word.is_empty() => words.push(std::mem::take(&mut word)),
            _ => {}
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn ask_pkg_config() -> String {
    let program = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_string());
    let output = Command::new(&program)
        .args(["--libs", "samlet"])
        .output()
        .unwrap_or_else(|error| panic!("cannot run {program}: {error}; set SAMLET_LIB_DIR instead"));
    if !output.status.success() {
        panic!(
            "pkg-config does not know samlet: set PKG_CONFIG_PATH or SAMLET_LIB_DIR\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    String::from_utf8(output.stdout).expect("pkg-config prints UTF-8")
}

/// Hands one flag of the linker on to cargo.
fn link(flag: &str) {
    if let Some(folder) = flag.strip_prefix("-L") {
        println!("cargo:rustc-link-search=native={folder}");
        // A library that was built again is linked again.
        for name in ["libsamlet.a", "libsamlet.so"] {
            let file = Path::new(folder).join(name);
            if file.exists() {
                println!("cargo:rerun-if-changed={}", file.display());
            }
        }
    } else if let Some(name) = flag.strip_prefix("-l") {
        println!("cargo:rustc-link-lib={name}");
    } else if flag == "-pthread" {
        println!("cargo:rustc-link-lib=pthread");
    } else if flag.starts_with('/') {
        // The full path of a library: cargo wants its folder and its name.
        let path = Path::new(flag);
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        println!("cargo:rustc-link-search=native={}", path.parent().unwrap_or(path).display());
        println!("cargo:rustc-link-lib={}", name.strip_prefix("lib").unwrap_or(name));
    } else {
        println!("cargo:warning=samlet-sys: the linker flag {flag} was left out");
    }
}
