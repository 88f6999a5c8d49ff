//! `sandglass serve` itself: what it refuses before it serves, and what it does with its options.

use sandglass_tests::command::{Running, sandglass};
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use tempfile::tempdir;

fn refused(args: &[&str]) -> (Option<i32>, String) {
    called(&[&["serve", "--listen", "127.0.0.1:0"], args].concat())
}

fn exposed(args: &[&str]) -> (Option<i32>, String) {
    called(&[&["serve", "--listen", "0.0.0.0:0"], args].concat())
}

fn called(args: &[&str]) -> (Option<i32>, String) {
    let output = sandglass(args).output().expect("the command can be called");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn name(path: &Path) -> &str {
    path.to_str().expect("a name in UTF-8")
}

#[test]
fn a_list_of_keys_that_is_none_is_refused_and_not_shown() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("keys");
    for (text, why) in [
        ("# nobody\n", "there is no key in it"),
        ("good\nsecret with blanks\n", "line 2: a key is made of visible ASCII characters"),
    ] {
        fs::write(&file, text).expect("it can be written");
        let (code, said) = refused(&["--api-key-file", name(&file)]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(why) && said.contains(name(&file)), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    let (code, said) = refused(&["--api-key-file", name(&folder.path().join("missing"))]);
    assert_eq!(code, Some(2), "{said}");
    fs::write(&file, "good\n").expect("it can be written");
    let (code, said) = exposed(&["--insecure", "--api-key-file", name(&file)]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("API keys need TLS there"), "{said}");
    let (code, said) = refused(&["--request-timeout", "30s"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("polls wait for a minute"), "{said}");
}

#[test]
fn the_log_is_json_where_that_is_wanted() {
    let (code, said) = refused(&["--log-level", "sandglass=loud"]);
    assert_eq!(code, Some(2), "{said}");
    let mut server = Running::start(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
        "--log-level",
        "debug",
    ]);
    let line = server.until("serving on ");
    let address = line.split(' ').nth(2).expect("an address").trim_end_matches(',');
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it can be said");
    let logged = server.until("{");
    let logged: serde_json::Value = serde_json::from_str(&logged).expect("a JSON object");
    assert!(logged["level"].is_string() && logged["target"].is_string(), "{logged}");
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn options_stand_in_a_file_and_the_command_line_wins() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("sandglass.toml");
    for (text, why) in [
        ("namespace = \"a\"\nlistne = \"x\"\n", "line 2: listne: there is no such option"),
        ("\n\ngrace = \"soon\"\n", "line 3: grace: invalid value 'soon'"),
        ("insecure = 1\n", "line 1: insecure: write true or false"),
        ("namespace = \n", "sandglass.toml: TOML parse error at line 1"),
    ] {
        fs::write(&file, text).expect("it can be written");
        let (code, said) = refused(&["--config", name(&file)]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(why) && said.contains(name(&file)), "{said}");
    }
    let text = "listen = \"127.0.0.1:0\"\nnamespace = \"filed\"\ntask-queue = [\"a\", \"b\"]\n\
                connections = 7\ninsecure = false\n";
    fs::write(&file, text).expect("it can be written");
    for (more, namespace) in
        [(&[][..], "namespace filed"), (&["--namespace=said"], "namespace said")]
    {
        let mut server = Running::start(&[&["serve", "--config", name(&file)], more].concat());
        server.until(namespace);
        server.signal("-TERM");
        assert_eq!(server.end().0, Some(0));
    }
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_served() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("a.wasm");
    fs::write(&file, "").expect("it can be written");
    let (file, folder) = (name(&file), name(folder.path()));
    let [one, two] = [format!("a={file}"), format!("a={file}")];
    let inside = format!("a={folder}");
    for (args, code, why) in [
        (&["--log-level", "infoo"][..], 2, "\"infoo\" is no level: write off, error, warn"),
        (&["-t", ""], 2, "an empty name is none"),
        (&["--activity", &one, "--activity", &two], 2, "do the activity type a"),
        (&["--component", folder], 2, "is a folder; name the component file"),
        (&["--activity", &inside], 2, "is a folder; name the component file"),
        (&["--db", ":memory:"], 2, "leave --db out"),
        (&["--db", folder], 2, "it is a folder; name a file in it"),
        (&["--tls-cert", file, "--tls-key", file], 1, "the certificate, its key or the authority"),
    ] {
        let (exit, said) = refused(args);
        assert_eq!(exit, Some(code), "{said}");
        assert!(said.contains(why) && !said.contains("serving on"), "{said}");
    }
}

#[test]
fn keys_are_not_logged() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("keys");
    fs::write(&file, "a-well-kept-secret\n").expect("it can be written");
    let mut server =
        Running::start(&["serve", "--listen", "127.0.0.1:0", "--api-key-file", name(&file)]);
    server.until("serving on");
    server.signal("-TERM");
    let (code, said) = server.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("a-well-kept-secret"), "{said}");
}
