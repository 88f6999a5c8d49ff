//! The scenario of `guest-examples/greeting/README.md`, as it stands there: its very files and commands, and what they say. Built with the other guests,
//! and with the command under test.
//!
//! `UPDATE_EXPECT=1 cargo test --workspace --test greeting_example` writes what the commands say into it anew.

use expect_test::expect_file;
use sandglass_tests::command::{Running, sandglass};
use sandglass_tests::served::python;
use sandglass_tests::{guest, project};
use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// The example's folder, copied to where it may write, with its guest built beside it.
fn copied(example: &Path) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    let python = root.path().join("greeting/python");
    let built = root.path().join("target/wasm32-wasip2/release");
    for folder in [&python, &built] {
        fs::create_dir_all(folder).expect("a folder can be made");
    }
    for file in ["client.py", "worker.py"] {
        fs::copy(example.join("python").join(file), python.join(file)).expect("it can be copied");
    }
    fs::copy(guest("greeting"), built.join("greeting.wasm")).expect("it can be copied");
    root
}

/// Says a command of the README as a shell does, in the example's folder.
fn shell(line: &str, folder: &Path, python: &Path, address: &str) -> Command {
    let bin = python.parent().expect("it lies in a folder").display().to_string();
    let path = env::var("PATH").expect("there is a PATH");
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("exec {line}")).current_dir(folder);
    command.env("PATH", format!("{bin}:{path}")).env("TEMPORAL_ADDRESS", address);
    command.env("PYTHONUNBUFFERED", "1");
    command
}

/// The activities' worker.
struct Worker {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts it. What it logs goes to that file.
    fn start(mut command: Command, log: &Path) -> Worker {
        let file = File::create(log).expect("a file can be made");
        let child = command.stdout(Stdio::piped()).stderr(file).spawn();
        let mut child = child.expect("the worker can be started");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it can be read");
        let logged = fs::read_to_string(log).expect("the log can be read");
        assert_eq!(line, "Working\n", "the worker does not begin: {logged}");
        Worker { child, stdout }
    }

    /// Ends it, and gives all that it has said.
    fn end(mut self) -> String {
        let pid = self.child.id().to_string();
        // No interrupt: what a shell has put in the background ignores those, and so does all that it starts.
        assert!(Command::new("kill").args(["-TERM", &pid]).status().is_ok_and(|it| it.success()));
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).expect("it can be read");
        self.child.wait().expect("it can be waited for");
        said
    }
}

impl Drop for Worker {
    /// A test that fails leaves nothing behind.
    fn drop(&mut self) {
        // It may have ended, and that is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Any time as one time, so that what is said on another day is the same.
fn timeless(said: &str) -> String {
    let is_time =
        |word: &str| word.len() == 20 && word.ends_with('Z') && word[10..].starts_with('T');
    let word =
        |word: &str| if is_time(word) { "2026-01-01T12:00:00Z".to_owned() } else { word.into() };
    let line = |line: &str| {
        let words: Vec<_> = line.split(' ').map(word).collect();
        words.join(" ").trim_end().to_owned()
    };
    said.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// What a command of the README says.
fn answer(mut command: Command) -> String {
    let output = command.output().expect("a shell can be called");
    // The Python client's own threads sometimes crash the process on its way out, when all has been said; against any server.
    let ended = output.status.success() || output.status.signal().is_some();
    let heard = String::from_utf8_lossy(&output.stderr);
    assert!(ended, "{command:?} ended with {}: {heard}", output.status);
    timeless(&String::from_utf8_lossy(&output.stdout))
}

/// What the README tells a shell that begins so.
fn lines(readme: &str, mark: &str) -> Vec<String> {
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter(|line| line.starts_with(mark)).map(str::to_owned).collect()
}

#[test]
fn the_scenario_goes_as_its_readme_says() {
    let example = project().join("guest-examples/greeting");
    let readme = fs::read_to_string(example.join("README.md")).expect("the README can be read");
    let python = python("greeting", &example.join("python/requirements.txt"));
    let root = copied(&example);
    let folder = root.path().join("greeting");
    let serve = lines(&readme, "sandglass serve");
    let args: Vec<&str> = serve[0].split(' ').skip(1).collect();
    let mut command = sandglass(&args);
    command.args(["--listen", "127.0.0.1:0"]).current_dir(&folder);
    let mut server = Running::of(command);
    let line = server.until("serving on ");
    let address = line.trim_start_matches("serving on ").split(',').next().unwrap_or_default();
    let worker = lines(&readme, "python python/worker.py");
    let worker = shell(&worker[0], &folder, &python, address);
    let worker = Worker::start(worker, &root.path().join("worker.log"));
    let mut actual = String::new();
    let mut answering = false;
    for line in readme.lines() {
        // What was answered before is written anew.
        answering &= line != "```";
        if let Some(command) = line.strip_prefix("$ ") {
            let said = answer(shell(command, &folder, &python, address));
            actual += &format!("{line}\n{said}\n");
            answering = true;
        } else if !answering {
            actual += &format!("{line}\n");
        }
    }
    let said = worker.end();
    server.signal("-TERM");
    let (code, heard) = server.end();
    expect_file![example.join("README.md")].assert_eq(&actual);
    assert_eq!(said.matches("Activity cancelled\n").count(), 3, "{said}");
    assert_eq!(said.matches("Cleaned up\n").count(), 2, "{said}");
    assert_eq!(code, Some(0), "the server did not stop in good order: {heard}");
}
