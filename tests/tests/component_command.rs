//! `sandglass component bindings` and `new`: what they write, what comes of it, and what they refuse. That guests are built from it is
//! tested with the examples.

use sandglass_tests::command::sandglass;
use sandglass_tests::{guest, project};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Exports what a workflow exports, and imports what its second line says.
fn core(imports: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            {imports}
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
            (func (export "run") (param i32 i32) (result i32) i32.const 0))"#
    );
    wat::parse_str(text).expect("it is WebAssembly")
}

const OF_WASI: &str =
    r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#;
const OF_ACTIVITIES: &str =
    r#"(import "sandglass:activity/attempt@0.1.0" "last-heartbeat-details" (func (param i32)))"#;

/// Calls the command in a folder: its exit code, and all that it said.
fn said(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = sandglass(args).current_dir(folder).output().expect("the command can be called");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn bindings_are_written_beside_the_interfaces() {
    let folder = tempfile::tempdir().expect("a folder");
    let expected: [(&str, &[&str]); 5] = [
        ("rust", &["WORLD.rs"]),
        ("c", &["WORLD.c", "WORLD.h", "WORLD_component_type.o"]),
        ("cpp", &["WORLD.c", "WORLD.h", "WORLD_component_type.o"]),
        ("zig", &["WORLD.c", "WORLD.h", "WORLD_component_type.o"]),
        ("go", &["go.mod", "wit_exports.go", "sandglass_workflow_failures", "runtime"]),
    ];
    for (language, files_of_it) in expected {
        for world in ["workflow", "activity"] {
            let out = format!("{language}-{world}");
            let args = ["component", "bindings", language, "--out", &out, "--world", world];
            assert_eq!(said(folder.path(), &args), (Some(0), String::new()), "{out}");
            let found = files(&folder.path().join(&out));
            for file in files_of_it.iter().map(|file| file.replace("WORLD", world)) {
                assert!(found.contains(&file), "{out} has no {file}: {found:?}");
            }
            let wit = files(&folder.path().join(&out).join("wit"));
            assert_eq!(wit, files(&project().join("wit")));
        }
    }
    let header = fs::read_to_string(folder.path().join("c-workflow/workflow.h")).unwrap();
    assert!(header.contains("bool timers_sleep("), "interfaces keep their package's name");
}

#[test]
fn a_core_module_becomes_a_component() {
    let folder = tempfile::tempdir().expect("a folder");
    for (imports, world) in [
        ("", "workflow or activity"),
        (OF_WASI, "workflow or activity"),
        (OF_ACTIVITIES, "activity"),
    ] {
        fs::write(folder.path().join("core.wasm"), core(imports)).unwrap();
        let made = said(folder.path(), &["component", "new", "core.wasm", "-o", "made.wasm"]);
        assert_eq!(made, (Some(0), String::new()));
        let (code, told) = said(folder.path(), &["component", "inspect", "made.wasm"]);
        assert_eq!(code, Some(0), "{told}");
        assert!(told.starts_with(&format!("world     {world}\n")), "{told}");
        assert!(told.ends_with("It can be run.\n"), "{told}");
        // What turns WASI 0.1 into 0.2 is written in Rust; the module is not.
        assert!(!told.contains("rustc"), "{told}");
    }
}

#[test]
fn what_no_component_can_be_made_of_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("junk.wasm", b"junk");
    write("cut.wasm", &core("")[..20]);
    write("component.wasm", &fs::read(guest("timer")).unwrap());
    write("empty.wasm", &wat::parse_str("(module)").unwrap());
    write("core.wasm", &core(OF_ACTIVITIES));
    let cases: [(&[&str], &str); 6] = [
        (&["junk.wasm"], "it is not WebAssembly"),
        (&["cut.wasm"], "it is no valid core module"),
        (&["component.wasm"], "it is a component already"),
        (&["empty.wasm"], "run"),
        (&["core.wasm", "--world", "workflow"], "sandglass:activity/attempt@0.1.0"),
        (&["missing.wasm"], "cannot be read"),
    ];
    for (words, expected) in cases {
        let args = [&["component", "new"], words, &["-o", "made.wasm"]].concat();
        let (code, told) = said(folder.path(), &args);
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(expected) && told.contains(words[0]), "{told}");
    }
    assert!(!folder.path().join("made.wasm").exists());
    for (file, expected) in [("junk.wasm", "not WebAssembly"), ("core.wasm", "a core module")] {
        let (code, told) = said(folder.path(), &["component", "inspect", file]);
        assert_eq!(code, Some(2));
        assert!(told.contains(expected), "{told}");
    }
}
